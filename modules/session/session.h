/*
 * Sessions: between the files of the module.
 *
 * A store keeps texts by key; the text is JSON, `{"created": unix, "session": {…}}`,
 * the same in all stores, so that an aiohttp application with aiohttp-session's
 * storages can share it. A store is asked by jobs, each an op that completes once.
 */
#ifndef WEIR_SESSION_SESSION_H
#define WEIR_SESSION_SESSION_H

#include <weir/app/app.h>
#include <weir/http/request.h>
#include <weir/process/cycle.h>

typedef struct store  store_t;
typedef struct redis  redis_t;

/* What a `session` directive says. */
typedef struct settings {
    const store_t *store;
    wr_zone_t     *zone;        /* of memory, also as a fallback */
    redis_t       *redis;
    wr_str_t       cookie;      /* its name */
    wr_str_t       path, domain;
    wr_str_t       samesite;    /* empty: not said to the client */
    int            secure;      /* 0, 1, 2: on TLS */
    bool           httponly;
    bool           fallback;    /* memory, while redis is away */
    bool           every;       /* $session_… is used somewhere: always loaded */
    int64_t        ttl;         /* seconds since it was used last */
    int64_t        max_age;     /* since it began; 0: none */
    size_t         max_size;    /* of the text */
    wr_msec_t      timeout;
    wr_tok_t       at;
} settings_t;

typedef enum result {
    JOB_DONE,       /* found; saved */
    JOB_GONE,       /* the store does not know the key */
    JOB_CONFLICT,   /* another has saved: `text` is what stands there now */
    JOB_AWAY,       /* the store cannot be reached, or refuses */
} result_t;

/* One request to a store. It lives in the request's pool till the op is done. */
typedef struct job {
    wr_op_t           op;       /* its rc says nothing: see result */
    result_t          result;
    const settings_t *settings;
    wr_pool_t        *pool;
    wr_log_t         *log;
    wr_str_t          key;
    wr_str_t          text;     /* to be saved; or what was found */
    wr_str_t          expect;   /* update(): only if this is what stands there */
    /* the store's own */
    wr_queue_t        link;
    wr_timer_t        timer;
    void             *cmd;
    bool              active;
} job_t;

/* Each begins job->op and completes it, at once or later. */
struct store {
    const char *name;
    void      (*load)(job_t *j);    /* and keeps it alive for another ttl */
    void      (*create)(job_t *j);  /* a key that is not there */
    void      (*update)(job_t *j);  /* a key that is there: compare and set */
    void      (*drop)(job_t *j);
};

extern const store_t session_memory;
extern const store_t session_redis;

void job_done(job_t *j, result_t result);

/* memory.c: the zone's functions, also for the fallback. They lock it. */
wr_zone_t *memory_zone(wr_conf_t *cf, const wr_tok_t *arg, wr_str_t value);
bool       memory_get(wr_zone_t *z, wr_str_t key, int64_t ttl, wr_pool_t *pool,
                      wr_str_t *text);
bool       memory_put(wr_zone_t *z, wr_str_t key, int64_t ttl, wr_str_t text,
                      wr_log_t *log);
void       memory_drop(wr_zone_t *z, wr_str_t key);

/* redis.c: NULL after a conf error. */
redis_t *redis_new(wr_conf_t *cf, const wr_tok_t *arg);
void     redis_user(redis_t *d, wr_str_t user, wr_str_t password);
void     redis_db(redis_t *d, int64_t db);
void     redis_timeout(redis_t *d, wr_msec_t ms);

/* ---- a request's session ---- */

typedef struct change {
    wr_str_t             key;
    wr_val_t             value;     /* undefined: the key is taken away */
    const wr_app_expr_t *expr;      /* what made it; NULL: no expression of the conf */
} change_t;

typedef struct session {
    wr_obj_t          obj;
    wr_req_t         *r;
    const settings_t *settings;
    bool              ready;        /* loaded, or nothing to load */
    bool              known;        /* the store has it, under `id` */
    bool              destroyed;
    bool              regenerate;
    wr_str_t          id;           /* empty: none yet */
    wr_str_t          text;         /* as it stands in the store */
    int64_t           created;
    wr_dict_t        *base;         /* as loaded */
    wr_dict_t        *now;          /* with this request's changes */
    wr_array_t        changes;      /* change_t, one a key */
    uint32_t          written;      /* of them are in what is being saved */
    bool              saving;
} session_t;

/* The request's session if its location has one, loaded; else NULL. */
session_t *session_get(wr_req_t *r);
bool       session_change(session_t *s, wr_str_t key, const wr_val_t *v,
                          const wr_app_expr_t *expr);

/* data.c: the text of a session. */
bool session_parse(session_t *s, wr_str_t text);    /* into base and now */
bool session_write(session_t *s, wr_str_t *text);
/* The store has `text`: this request's changes are applied to that. */
bool session_merge(session_t *s, wr_str_t text);
extern const wr_obj_type_t session_type;

/* csrf.c */
wr_rc_t session_set_csrf(wr_conf_t *cf, const wr_directive_t *d, void *conf);
extern const wr_fn_row_t session_functions[];

wr_str_t session_random(wr_pool_t *pool, unsigned bytes);   /* base64url */

#endif
