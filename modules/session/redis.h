/*
 * session: a connection to Redis for commands in a pipeline.
 *
 * One connection for each worker and `session` directive. Commands wait for their
 * replies in order. A connection that breaks is made anew, with a pause that grows
 * while that fails; commands that were under way are sent once more.
 */
#ifndef WEIR_SESSION_REDIS_H
#define WEIR_SESSION_REDIS_H

#include "session.h"

#include <hiredis/hiredis.h>

typedef struct cmd   cmd_t;
typedef struct reply reply_t;

struct reply {
    int       type;         /* REDIS_REPLY_… */
    long long n;
    wr_str_t  text;         /* ends with the reply */
};

struct cmd {
    wr_queue_t link;
    char      *bytes;       /* of hiredis */
    size_t     n;
    wr_msec_t  deadline;
    bool       hello;       /* AUTH, SELECT */
    bool       again;       /* has been sent before */
    void     (*done)(void *data, const reply_t *reply); /* NULL: nobody waits */
    void      *data;
};

typedef enum { DOWN, CONNECTING, HELLO, READY } state_t;

struct redis {
    wr_str_t     name;      /* for the log */
    wr_addr_t   *addrs;
    unsigned     naddrs, next_addr;
    wr_str_t     user, password;
    bool         auth;
    int64_t      db;
    wr_msec_t    timeout;
    /* of the worker */
    wr_conn_t    conn;
    wr_log_t     log;
    state_t      state;
    redisReader *reader;
    wr_queue_t   queued;    /* not yet sent */
    wr_queue_t   sent;      /* in the order of their replies */
    wr_buf_t     out;
    size_t       out_at;
    size_t       fed;       /* bytes since the last whole reply */
    wr_post_t    post;
    wr_timer_t   timer;
    unsigned     failures;  /* in a row */
    wr_msec_t    retry_at;
    bool         no_getex;  /* Redis before 6.2 */
    wr_queue_t   saving;    /* job_t: updates, see redis.c */
};

/* The reply comes to `done`; NULL: the connection failed, or is failing. It may be
 * called before this returns. NULL is returned then. */
cmd_t *redis_send(redis_t *d, int argc, const wr_str_t *argv,
                  void (*done)(void *data, const reply_t *reply), void *data);

#endif
