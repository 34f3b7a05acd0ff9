/*
 * Sessions: between the files of the module. Stores are behind the table of
 * <weir/app/session.h>; what is here knows none of them by name.
 */
#ifndef WEIR_SESSION_SESSION_H
#define WEIR_SESSION_SESSION_H

#include <weir/app/app.h>
#include <weir/app/session.h>
#include <weir/process/cycle.h>

#include "stats.h"

typedef struct settings settings_t;

/* How a location comes to its session: the conf of its stages. */
typedef struct entry {
    const settings_t *settings;
    bool              optional;     /* only a $session_… of some log or header wants
                                       it: goes on without if the store is away */
} entry_t;

/* What a `session` directive says. */
struct settings {
    const wr_session_store_t *store;
    void       *data;           /* the store's own */
    wr_zone_t  *zone;           /* of the fallback; NULL: none */
    stats_t     stats;
    wr_str_t    cookie;         /* its name, and the beginning of keys */
    wr_str_t    path, domain;
    wr_str_t    samesite;       /* empty: not said to the client */
    int         secure;         /* 0, 1, 2: on TLS */
    bool        httponly;
    bool        host_prefix;    /* on TLS the cookie's name has __Host- before it */
    bool        hashed;         /* keys in the store are hashes of the cookies' */
    bool        every;          /* $session_… is used somewhere: always loaded */
    int64_t     ttl;            /* seconds since it was used last */
    int64_t     max_age;        /* since it began; 0: none */
    int64_t     keep;           /* Max-Age of the cookie; 0: as max_age */
    size_t      max_size;       /* of the text */
    entry_t     needed, optional;
    wr_tok_t    at;
};

/* The module's conf of a scope. */
typedef struct session_conf {
    settings_t *settings;       /* NULL: off */
    bool        csrf;           /* the last word: an outer `csrf on` is a step here too */
} session_conf_t;

/* conf.c: the set function of `session`, into a settings_t *. */
wr_rc_t session_set(wr_conf_t *cf, const wr_directive_t *d, void *conf);

/* ---- a request's session ---- */

typedef struct change {
    wr_str_t             key;
    wr_val_t             value;     /* undefined: the key is taken away */
    wr_str_t             json;      /* the same as it will be kept */
    const wr_app_expr_t *expr;      /* what made it; NULL: no expression of the conf */
} change_t;

typedef struct session {
    wr_obj_t          obj;
    wr_req_t         *r;
    const settings_t *settings;
    bool              ready;        /* loaded, or nothing to load */
    bool              known;        /* the store has it, under `key` */
    bool              sent;         /* the client's cookie named one */
    bool              destroyed;
    bool              regenerate;
    bool              saving;
    bool              inside;       /* saved in the request's transaction */
    bool              frozen;       /* the store may have it, but is away */
    wr_str_t          id;           /* of the cookie; empty: none that is known */
    wr_str_t          key;          /* the same in the store */
    wr_str_t          cookie;       /* the Set-Cookie that was added */
    wr_str_t          text;         /* as it stands in the store */
    size_t            head;         /* bytes of it before the entries; 0: another form */
    int64_t           created;
    wr_dict_t        *base;         /* as loaded */
    wr_dict_t        *now;          /* with this request's changes; may be base itself */
    wr_array_t        changes;      /* change_t, one a key */
    unsigned          attempts;     /* to save */
    uint32_t          written;      /* of them are in what is being saved */
} session_t;

/* A call of the store: lives till the request ends. */
typedef struct call {
    wr_session_job_t  job;
    const settings_t *settings;
    stat_op_t         what;         /* with a fallback */
    bool              away;         /* the store is; memory has answered */
    bool              unsure;       /* gone, perhaps: the store could not be asked */
} call_t;

/* Of a stage that asks the store. Subrequests share the session of the main request,
 * but not what waits. */
typedef struct passage {
    wr_session_job_t *job;
    stat_op_t         what;
    wr_str_t          id;           /* the one that was sent, or a new one */
    uint64_t          began;
} passage_t;

/* The request's session if its location has one, loaded; else NULL. */
session_t *session_get(wr_req_t *r);
void       session_start_empty(session_t *s);
bool       session_change(session_t *s, wr_str_t key, const wr_val_t *v,
                          const wr_app_expr_t *expr);

/* load.c, save.c: before() and after() of the stage. */
wr_rc_t session_load(wr_req_t *r, void *state);
wr_rc_t session_save(wr_req_t *r, void *state);
/* after() of a stage inside the transaction, for stores that take part in it. */
wr_rc_t session_save_inside(wr_req_t *r, void *state);

/* load.c: a call of the store, in two halves. */
wr_session_job_t   *session_job(session_t *s, passage_t *p, wr_str_t key);
wr_rc_t             session_ask(session_t *s, wr_req_t *r, passage_t *p, stat_op_t what,
                                wr_step_t next);
wr_session_result_t session_answer(session_t *s, wr_req_t *r, passage_t *p);
wr_rc_t             session_away(session_t *s, wr_req_t *r);

/* cookie.c */
bool     session_sent_id(session_t *s, wr_str_t *id);
wr_str_t session_key(const session_t *s, wr_str_t id);
void     session_send_cookie(session_t *s, wr_req_t *r, wr_str_t id);   /* empty: forget it */
wr_str_t session_new_id(wr_pool_t *pool);

/* data.c: the text of a session. */
bool session_parse(session_t *s, wr_str_t text);    /* into base and now */
bool session_write(session_t *s, wr_str_t *text);
/* The store has `text`: this request's changes are applied to that. Empty: to
 * nothing. */
bool session_merge(session_t *s, wr_str_t text);
extern const wr_obj_type_t session_type;

/* csrf.c */
wr_rc_t session_set_csrf(wr_conf_t *cf, const wr_directive_t *d, void *conf);
void    session_new_secret(session_t *s);   /* tokens given so far are worth nothing */
extern const wr_fn_row_t session_functions[];

/* fallback.c: a call that is about to be made has memory behind it. */
void session_fallback(wr_session_job_t *j, stat_op_t what);

/* memory.c. The zone's functions lock it. */
enum { MEMORY_DIRTY = 1, MEMORY_ENDED = 2 };    /* while the store was away: saved,
                                                   destroyed */
wr_zone_t *memory_zone(wr_conf_t *cf, const wr_tok_t *arg, wr_str_t value);
bool       memory_get(wr_zone_t *z, wr_str_t key, int64_t ttl, wr_pool_t *pool,
                      wr_str_t *text, unsigned *flags);
bool       memory_put(wr_zone_t *z, wr_str_t key, int64_t ttl, wr_str_t text,
                      unsigned flags, wr_log_t *log);
void       memory_drop(wr_zone_t *z, wr_str_t key);
extern const wr_session_store_t session_memory;
/* The store's calls on a zone: for the fallback. */
wr_session_result_t memory_update(wr_zone_t *z, wr_session_job_t *j, unsigned flags);
wr_session_result_t memory_rename(wr_zone_t *z, wr_session_job_t *j, unsigned flags);

extern const wr_session_store_t session_redis;      /* redis.c */
extern const wr_session_store_t session_rediss;
extern const wr_session_store_t session_sentinel;
extern const wr_session_store_t session_sentinels;
extern const wr_session_store_t session_unix;
extern const wr_session_store_t session_sqlite;     /* sqlite.c */

/* The text between the quotes stands in a cookie's attributes, or not. */
wr_rc_t session_bad_value(wr_conf_t *cf, const wr_tok_t *arg);

#endif
