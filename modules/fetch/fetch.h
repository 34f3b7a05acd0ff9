/*
 * fetch: between its files.
 */
#ifndef FETCH_H
#define FETCH_H

#include <weir/http/inflate.h>
#include <weir/app/app.h>
#include <weir/http/exchange.h>
#include <weir/net/resolver.h>

/* What a location says for all its fetches. */
typedef struct settings {
    wr_msec_t        timeout;
    int64_t          max_size;
    int64_t          redirects;
    int64_t          connections;   /* to one host; 0: any number */
    bool             verify;
    int64_t          verify_depth;
    wr_str_t         trusted;       /* empty: the system's authorities */
    wr_pool_t       *pool;          /* the cycle's */
    wr_tls_client_t *strict, *lax;  /* with and without verification; NULL: not made */
} settings_t;

typedef struct field {
    wr_str_t             name;
    const wr_app_text_t *value;
} field_t;

/* One `fetch`. What it does not say itself (below 0) its location does. */
typedef struct fetch_conf {
    int                  slot;          /* of its name; -1: none */
    const wr_app_text_t *url;
    const wr_app_text_t *method, *body, *store;
    bool                 store_absolute;
    wr_array_t           headers;       /* field_t */
    wr_msec_t            timeout;
    int64_t              max_size;
    int64_t              redirects;
    int                  verify;
    unsigned             said;          /* bits: which numbers the block has set */
    bool                 optional;
    wr_tls_client_t     *strict;        /* of its own authorities */
    wr_tok_t             at;
} fetch_conf_t;

/* A URL taken apart. */
typedef struct url {
    bool     tls;
    wr_str_t host;          /* without port, lower case; IPv6 in brackets */
    wr_str_t authority;     /* as in Host */
    int      port;
    wr_str_t target;        /* path and query */
} url_t;

/* A host that is asked by name or address: its connections. */
typedef struct host host_t;

typedef struct fetch fetch_t;

/* One fetch under way. */
struct fetch {
    wr_op_t             op;             /* completes when all is done */
    wr_req_t           *r;
    const fetch_conf_t *conf;
    wr_timer_t          deadline;
    wr_msec_t           timeout;
    uint64_t            began_ns;
    int64_t             max_size;
    int64_t             redirects;      /* left */
    bool                follows;        /* redirects, as long as some are left */
    bool                verify;
    url_t               url;
    wr_str_t            method, body;
    wr_header_t        *headers;        /* the request's own, as rendered */
    unsigned            nheaders;
    bool                foreign;        /* redirected to another origin */
    bool                bare;           /* a redirect has taken the body away */
    wr_resolve_t        resolve;
    wr_upstream_t      *group;          /* its addresses are waited for … */
    wr_upstream_wait_t  known;          /* … by this */
    host_t             *host;           /* NULL: an `upstream` */
    wr_queue_t          link;           /* waits for a connection to its host */
    bool                holds;          /* has one of the host's connections */
    wr_pick_t           pick;
    wr_exchange_t       x;
    bool                open;           /* x is in use */
    bool                retried;
    int                 connect_error;  /* errno of the last peer tried; EPROTO: TLS */
    wr_buf_t            text;
    bool                encoded;
    wr_inflate_t        inflate;        /* of an encoded answer */
    wr_str_t            path, temp_path;    /* of `store` */
    int                 fd;
    int64_t             received;
    /* the result */
    bool                complete;       /* the whole answer has come */
    bool                ok, timed_out, ours;    /* ours: not the other's fault */
    wr_str_t            error;
    uint64_t            ended_ns;
};

/* fetch.c */
const settings_t *fetch_settings(wr_req_t *r);
/* The settings of a connection by TLS. NULL: failed, and logged. */
wr_tls_client_t *fetch_client(const fetch_t *f);

/* run.c: starts f->op; settles f->ok, error … before it completes. */
void fetch_start(fetch_t *f);
/* A connection to its host has become free. */
void fetch_go_on(fetch_t *f);
void fetch_fail(fetch_t *f, const char *format, ...) WR_PRINTF(2, 3);

/* request.c: the head and body to be sent. */
wr_str_t fetch_request(fetch_t *f);

/* body.c: an answer's bytes, decoded, into memory or a file. False: the fetch has
 * failed. */
bool fetch_body_begin(fetch_t *f);
bool fetch_body_take(fetch_t *f, char *p, size_t n);
bool fetch_body_end(fetch_t *f);
void fetch_body_drop(fetch_t *f);

/* result.c */
wr_val_t fetch_result(fetch_t *f);

/* url.c. Bytes that no URL may hold are percent-encoded. */
bool     url_parse(wr_pool_t *pool, wr_str_t text, url_t *u);
/* A reference against the URL that it stands in: RFC 3986, 5.2. */
bool     url_join(wr_pool_t *pool, const url_t *base, wr_str_t text, url_t *u);
wr_str_t url_text(wr_pool_t *pool, const url_t *u);
bool     url_same_origin(const url_t *a, const url_t *b);

/* host.c: the connections to hosts, kept by the worker. */
host_t        *host_use(const url_t *u, const wr_resolver_t *resolver,
                        const wr_addr_t *addrs, unsigned n, int64_t connections);
wr_upstream_t *host_group(host_t *h);
/* True: go on; false: fetch_go_on will be called. */
bool           host_enter(host_t *h, fetch_t *f);
void           host_leave(host_t *h, fetch_t *f);
void           hosts_stop(wr_worker_t *w);

#endif
