/*
 * session: a client of Redis for commands in a pipeline.
 *
 * A server (redis_t) has a few links in each worker, one unless the conf says more.
 * Commands wait for their replies in order; what comes in one turn of the loop is sent
 * by one write. A link that breaks is made anew. While that fails nobody waits: the
 * server counts as away, and is tried again in the background, with pauses that grow
 * and differ between workers.
 */
#ifndef WEIR_SESSION_REDIS_H
#define WEIR_SESSION_REDIS_H

#include "session.h"

#include <hiredis/hiredis.h>
#include <weir/net/resolver.h>
#include <weir/net/tls_client.h>

typedef struct redis redis_t;
typedef struct link  link_t;
typedef struct cmd   cmd_t;
typedef struct reply reply_t;

struct reply {
    int        type;        /* REDIS_REPLY_… */
    long long  n;           /* an integer; an array's items */
    reply_t  **items;
    wr_str_t   text;        /* ends with the reply */
};

/* What a command of our own, before a link is ready, must be answered by. */
typedef enum { HELLO_NONE, HELLO_OK, HELLO_ROLE, HELLO_MASTER } hello_t;

struct cmd {
    wr_queue_t link;
    char      *bytes;       /* of hiredis */
    size_t     n;
    wr_msec_t  deadline;
    hello_t    hello;
    bool       again;       /* has been sent before */
    void     (*done)(void *data, const reply_t *reply); /* NULL: nobody waits */
    void      *data;
};

typedef enum {
    DOWN,
    RESOLVING,
    CONNECTING,
    HANDSHAKE,      /* of TLS */
    HELLO,          /* AUTH, SELECT …; of a sentinel: the question */
    READY,
} state_t;

typedef struct endpoint {
    wr_str_t  host;         /* a name, if addr.len is 0 */
    int       port;
    wr_addr_t addr;
} endpoint_t;

struct link {
    redis_t      *d;
    wr_conn_t     conn;
    state_t       state;
    bool          asking;       /* a sentinel, for the master */
    endpoint_t    at;           /* what it is connected to */
    wr_pool_t    *pool;         /* while it is being opened */
    wr_resolve_t *query;
    wr_addr_t    *addrs;        /* of the name; `at` has the one that is tried */
    unsigned      naddrs;       /* left */
    unsigned      tried;        /* sentinels, in this attempt */
    redisReader  *reader;
    wr_queue_t    sent;         /* cmd_t, in the order of their replies */
    unsigned      nsent;
    wr_buf_t      out;
    size_t        out_at;
    size_t        fed;          /* bytes since the last whole reply */
    wr_timer_t    timer;
    wr_msec_t     until;        /* when opening has taken too long */
};

enum { MAX_LINKS = 32, MAX_QUEUE = 10000 };

struct redis {
    /* conf */
    wr_str_t         name;      /* for the log and metrics */
    wr_array_t       endpoints; /* endpoint_t: of the server, or the sentinels */
    wr_str_t         master;    /* its name; empty: no sentinels */
    wr_str_t         user, password;
    wr_str_t         sentinel_user, sentinel_password;
    bool             auth, sentinel_auth;
    int64_t          db;
    wr_msec_t        timeout;
    int64_t          nlinks;
    bool             tls;
    wr_tls_options_t tls_options;
    wr_str_t         tls_name;  /* empty: the host's */
    wr_tls_client_t *tls_client;
    wr_pool_t       *pool;      /* the cycle's */
    /* of the worker */
    wr_log_t         log;
    link_t          *links;
    unsigned         next;      /* the endpoint to be tried next */
    wr_queue_t       queued;    /* cmd_t: not yet sent */
    unsigned         nqueued;
    wr_post_t        post;
    wr_timer_t       expiry;    /* of what is queued */
    wr_timer_t       retry;     /* the pause after a failure */
    wr_msec_t        used;      /* when it was asked last */
    unsigned         failures;  /* in a row; 0: it is well */
    wr_queue_t       saving;    /* wr_session_job_t: updates, see redis.c */
    bool             no_getex;  /* Redis before 6.2 */
};

/* redis_queue.c. The reply comes to `done`; NULL: the server is away. It may be called
 * before this returns; then NULL is returned. */
cmd_t *redis_send(redis_t *d, int argc, const wr_str_t *argv,
                  void (*done)(void *data, const reply_t *reply), void *data);
cmd_t *redis_cmd(redis_t *d, int argc, const wr_str_t *argv);
void   redis_end_cmd(cmd_t *c, const reply_t *reply);
void   redis_queue_init(redis_t *d);
void   redis_queue_free(redis_t *d);
/* A link is ready, or has room: what waits goes out. */
void   redis_pump(redis_t *d);
/* An attempt to open a link has failed: what waits fails, and a pause begins. */
void   redis_failed(redis_t *d);
void   redis_is_well(redis_t *d);

/* redis_link.c */
void link_init(link_t *l, redis_t *d);
void link_open(link_t *l);
void link_add(link_t *l, cmd_t *c);     /* to a link that is READY */
void link_flush(link_t *l);
void link_free(link_t *l);
/* Closes. `why` is logged, if any. With `retry`, what was under way is sent once more
 * (all our commands may come twice); else it fails, and the server counts as away. */
void link_drop(link_t *l, const char *why, int err, bool retry);

/* redis_hello.c: what is said on a new connection. */
void hello_begin(link_t *l);
/* A reply to it. False: it will not do; said in *why. */
bool hello_take(link_t *l, const cmd_t *c, const reply_t *r, const char **why);

/* redis_reply.c */
extern redisReplyObjectFunctions redis_functions;
void redis_free_reply(void *r);

/* redis_conf.c: the store's rows of that time. */
void   *redis_open(wr_conf_t *cf, const wr_tok_t *arg);
wr_rc_t redis_option(wr_conf_t *cf, void *store, const wr_tok_t *arg);
void   *redis_ready(wr_conf_t *cf, void *store, wr_str_t *label);

#endif
