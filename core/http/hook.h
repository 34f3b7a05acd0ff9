/*
 * What a module adds to HTTP: stages of the pipeline by rank, filters, and hooks
 * at the ends of a request's life.
 */
#ifndef WEIR_HTTP_HOOK_H
#define WEIR_HTTP_HOOK_H

#include <weir/event/frame.h>
#include <weir/http/out.h>
#include <weir/module/module.h>

/* nginx's order, which confs expect. Within a rank: the order of `order`, then of
 * the modules. */
typedef enum wr_rank {
    WR_RANK_POST_READ = 10,         /* realip; per server */
    WR_RANK_SERVER_REWRITE = 20,    /* per server */
    WR_RANK_FIND = 30,              /* the core's: which location */
    WR_RANK_REWRITE = 40,           /* from here on: per location */
    WR_RANK_POST_REWRITE = 50,      /* the core's: find again if the URI changed */
    WR_RANK_LIMIT = 60,             /* limit_conn, limit_req */
    WR_RANK_ACCESS = 70,            /* with satisfy */
    WR_RANK_POST_ACCESS = 80,       /* the core's */
    WR_RANK_PRECONTENT = 90,        /* mirror, try_files */
    WR_RANK_SESSION = 100,
    WR_RANK_TRANSACTION = 110,
    WR_RANK_STEPS = 120,
    WR_RANK_CONTENT = 130,          /* only if the location has no handler */
} wr_rank_t;

/* A stage that a module offers. It stands in the pipeline of a location (or, up
 * to SERVER_REWRITE, of a server) if `wanted` is NULL or says so; *conf then is
 * what wr_stage_conf(r) gives. */
typedef struct wr_hook {
    wr_middleware_t mw;             /* mw.name NULL ends a table */
    int             rank;           /* wr_rank_t */
    int             order;
    bool          (*wanted)(wr_scope_t *scope, const void *own, const void **conf);
} wr_hook_t;

struct wr_http_tables {
    const wr_hook_t   *hooks;
    const wr_filter_t *filters;
    void             (*log)(wr_req_t *r);       /* at the end of each main request */
    /* Once a second in each worker, from a request on until it returns false:
     * there is nothing left to look after. */
    bool             (*worker_tick)(void);
};

/* Appends the steps of a scope and those around it to its pipeline (wr_stage_t), at
 * rank STEPS: the application layer sets it. */
extern void (*wr_http_add_steps)(wr_scope_t *scope, wr_array_t *stages);

/* ---- for directives that handle a location ---- */

/* The location that is being read answers with this handler: called as the last
 * stage. A second one in the same location is a conf error. */
wr_rc_t wr_location_handler(wr_conf_t *cf, const wr_middleware_t *handler, const void *conf);

/* WR_HANDLER("hello", hello, "…"): a directive without arguments that makes
 * `step` answer every request of its location. */
#define WR_HANDLER(n, step, text, ...)                                        \
    {.name = n, .contexts = WR_LOCATION | WR_IF_LOCATION | WR_LIMIT_EXCEPT,   \
     .type = WR_D_CUSTOM, .set = wr_set_handler,                              \
     .extra = &(const wr_middleware_t) {.name = n, .before = step}, .doc = text, \
     __VA_ARGS__}
wr_rc_t wr_set_handler(wr_conf_t *cf, const wr_directive_t *d, void *conf);

#endif
