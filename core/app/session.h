/*
 * Stores of sessions: what a module offers that keeps them somewhere else.
 *
 * A store keeps texts by key. The text is JSON, `{"created": unix, "session": {…}}`,
 * the same in all stores, so that an aiohttp application with aiohttp-session can
 * share it. A module offers its table as the service "session.store.NAME" in its
 * begin(); then `session NAME …;` and `session NAME:…;` use it. What the session
 * module promises to users (no lost update, no revival of an ended session) rests on
 * update() and rename(), which compare and set in one step.
 *
 * All calls are for the loop's thread and never block.
 */
#ifndef WEIR_APP_SESSION_H
#define WEIR_APP_SESSION_H

#include <weir/http/request.h>

typedef enum wr_session_result {
    WR_SESSION_DONE,        /* found; saved */
    WR_SESSION_GONE,        /* the store does not know the key */
    WR_SESSION_CONFLICT,    /* another has saved: `text` is what stands there now */
    WR_SESSION_AWAY,        /* the store cannot be reached, or refuses: logged */
} wr_session_result_t;

/* One call of a store. It lives until the request ends, which waits for it. */
typedef struct wr_session_job {
    wr_op_t             op;         /* begun by the caller; its rc says nothing. A store
                                       that can be interrupted sets op.cancel */
    wr_session_result_t result;
    void               *store;      /* what open() gave */
    wr_req_t           *r;
    wr_pool_t          *pool;       /* for `text` */
    wr_log_t           *log;
    int64_t             ttl;        /* seconds */
    wr_str_t            key;
    wr_str_t            to;         /* rename(): the new key */
    wr_str_t            text;       /* to be saved; or what was found */
    wr_str_t            expect;     /* update(), rename(): only if this stands there */
    /* Told instead of the waiter; NULL: the op completes. */
    void              (*then)(struct wr_session_job *j, wr_session_result_t result);
    /* The store's own. */
    wr_queue_t          link;
    uint64_t            hash;
    void               *cmd;
    bool                active;
} wr_session_job_t;

typedef struct wr_session_store {
    uint32_t    size;               /* sizeof(wr_session_store_t) of who made it */
    const char *name;

    /* While the conf is read. `arg` is the directive's first argument ("redis://…").
     * In the cycle's pool; NULL after a conf error. */
    void     *(*open)(wr_conf_t *cf, const wr_tok_t *arg);
    /* A further argument: WR_DECLINED if it is none of this store. */
    wr_rc_t   (*option)(wr_conf_t *cf, void *store, const wr_tok_t *arg);
    /* All have been read. What it gives (perhaps another, equal one) is used from then
     * on; NULL after a conf error. `label` names it in metrics and in the log. */
    void     *(*ready)(wr_conf_t *cf, void *store, wr_str_t *label);

    /* Each ends by wr_session_done, at once or later. */
    void      (*load)(wr_session_job_t *j);     /* and keeps it alive for another ttl */
    void      (*create)(wr_session_job_t *j);   /* under a new, random key */
    void      (*update)(wr_session_job_t *j);   /* a key that is there */
    void      (*rename)(wr_session_job_t *j);   /* and gives it another key */
    void      (*drop)(wr_session_job_t *j);

    /* Whether what is saved now becomes a part of the request's transaction, which is
     * about to be committed. NULL: it never does. */
    bool      (*joins)(wr_req_t *r, void *store);
} wr_session_store_t;

static inline void
wr_session_done(wr_session_job_t *j, wr_session_result_t result)
{
    if (j->then != NULL) {
        j->then(j, result);
        return;
    }
    j->result = result;
    wr_op_complete(&j->op, WR_OK);
}

#endif
