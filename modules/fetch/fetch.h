/*
 * fetch: between its files.
 */
#ifndef FETCH_H
#define FETCH_H

#include <weir/app/app.h>
#include <weir/http/exchange.h>
#include <weir/net/resolver.h>

typedef struct field {
    wr_str_t             name;
    const wr_app_text_t *value;
} field_t;

typedef struct fetch_conf {
    int                  slot;          /* of its name */
    const wr_app_text_t *url;
    const wr_app_text_t *method, *body, *store;
    wr_array_t           headers;       /* field_t */
    wr_msec_t            timeout;
    int64_t              max_size;
    int64_t              redirects;
    bool                 optional, verify;
    wr_tok_t             at;
} fetch_conf_t;

/* A URL taken apart. */
typedef struct url {
    bool     tls;
    wr_str_t host;          /* without port */
    wr_str_t authority;     /* as in Host */
    int      port;
    wr_str_t target;        /* path and query */
} url_t;

/* One fetch under way. */
typedef struct fetch {
    wr_op_t             op;             /* completes when all is done */
    wr_req_t           *r;
    const fetch_conf_t *conf;
    wr_timer_t          deadline;
    wr_msec_t           started;
    url_t               url;
    wr_str_t            method, body;
    int64_t             redirects;      /* left */
    wr_resolve_t        resolve;
    wr_upstream_t      *group;
    wr_pick_t           pick;
    wr_exchange_t       x;
    bool                open;           /* x is in use */
    bool                retried;
    wr_buf_t            text;
    void               *inflate;
    bool                stored;
    wr_str_t            path, temp_path;
    int                 fd;
    int64_t             received;
    /* the result */
    bool                ok, timed_out;
    wr_str_t            error;
    wr_msec_t           elapsed;
} fetch_t;

bool url_parse(wr_pool_t *pool, wr_str_t text, url_t *u);
/* A target against the URL that sent it there. */
bool url_join(wr_pool_t *pool, const url_t *base, wr_str_t text, url_t *u);
wr_str_t url_text(wr_pool_t *pool, const url_t *u);

/* The group of connections to a host, kept by the worker. */
wr_upstream_t *fetch_group(const url_t *u, const wr_addr_t *addrs, unsigned n);

/* run.c */
void fetch_start(fetch_t *f);
/* result.c */
wr_val_t fetch_result(fetch_t *f);

#endif
