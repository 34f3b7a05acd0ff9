/*
 * Writing: one connection and one thread per worker and database.
 *
 * Transactions that wait together are committed together. The outer one, the batch,
 * is SQLite's own and is begun under the lock between processes; each transaction of
 * a request is a savepoint in it. Only one savepoint is open at a time: that of the
 * owner, whose steps and view run on the loop between its statements. When the owner
 * ends well, it joins those that are done, and its answer waits for the COMMIT of
 * the batch; when it fails, the file is put back to its savepoint. The batch is
 * committed when nobody waits any more, when it is large, or when it is old and
 * another process wants to write.
 *
 * A log that has become long is copied into the file in the same turn of the lock, but
 * behind the answers: the thread does it when its results are on their way.
 *
 * The loop plans a job (what to do with the former owner's savepoint, calls to run,
 * whether to commit) and touches nothing of the batch while the thread does it. What
 * comes meanwhile and needs nothing but the thread is put where the thread looks before
 * it commits: it shares that COMMIT instead of waiting for it.
 *
 * Where a request does nothing between and behind its statements that needs the loop,
 * it is lent to the thread: the thread runs it up to its view's answer and settles its
 * savepoint, one request after the other, so that a whole batch is one hop. One that
 * turns out to need the loop stays the owner; what was planned behind it goes back to
 * the queue.
 */
#include "sqlite.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    FULL = 2,           /* synchronous */
    MOST = 128,         /* transactions of a batch */
    TOGETHER = 64,      /* calls of a job */
    OLD = 5,            /* ms: then it is somebody else's turn */
    WAL_PAGES = 1000,   /* copied into the file when the log has so many … */
    AGAIN_PAGES = 100,  /* … or so many more, where some could not be copied */
    WAIT_PAGES = 2000,  /* readers are waited for when it has so many */
    WAIT = 20,          /* ms at the most */
};

typedef enum { KEEP, RELEASE, UNDO } former_t;

struct sq_writer {
    sq_run_t     *run;
    sq_conn_t    *conn;
    wr_threads_t *thread;
    sq_lock_t    *lock;
    wr_log_t     *log;

    sq_tx_t      *first, *last;     /* who waits */
    sq_tx_t      *owner;
    former_t      former;           /* what is to be done with the last owner's */
    sq_tx_t      *former_tx;
    bool          must_commit;
    wr_post_t     pump;
    sq_tx_t      *done, *done_last; /* who waits for the COMMIT */
    unsigned      ndone;

    /* the job */
    wr_job_t      job;
    bool          busy;
    bool          closing;
    former_t      do_former;
    sq_tx_t      *do_tx;
    sq_call_t    *calls, *calls_last;
    unsigned      ncalls;
    bool          commit;
    sq_tx_t      *fresh;            /* the thread's: settled well, not yet committed */

    /* the batch: the thread's while a job runs */
    bool          open;
    uint64_t      began;

    /* under the lock: what joins the job that runs */
    pthread_mutex_t lock_late;
    sq_call_t    *late, *late_last;
    bool          late_open;

    /* the thread's alone */
    int           next_checkpoint;
    int           next_wait;        /* pages: from then on it waits for readers */
    int           settled;          /* transactions that the last COMMIT settled */
    bool          owes;             /* a checkpoint: the lock is kept for it */
    char          message[256];
};

/* ---- the thread's side ---- */

static uint64_t
now_ms(void)
{
    return wr_clock_ns() / 1000000;
}

/* Copied, since it outlives the call that failed. */
static void
set_err(sq_writer_t *w, sq_err_t *err, int code, const char *message)
{
    snprintf(w->message, sizeof(w->message), "%s", message);
    err->code = code;
    err->message = wr_str_z(w->message);
}

/* What was thought done is not: everybody is told. */
static void
fail_all(sq_writer_t *w, const sq_err_t *err)
{
    for (sq_tx_t *t = w->done; t != NULL; t = t->next) {
        t->err = *err;
    }
    for (sq_tx_t *t = w->fresh; t != NULL; t = t->next_fresh) {
        t->err = *err;
    }
    w->fresh = NULL;
}

/* It waits for the COMMIT. */
static void
add_fresh(sq_writer_t *w, sq_tx_t *tx)
{
    tx->settled = tx->good = true;
    tx->next_fresh = w->fresh;
    w->fresh = tx;
}

static void
close_batch(sq_writer_t *w)
{
    w->open = false;
    if (!w->owes) {
        sq_lock_leave(w->lock);
    }
}

static bool
open_batch(sq_writer_t *w, sq_call_t *call)
{
    uint64_t       deadline = call->tx->deadline, now;
    const wr_tok_t *at = call->tx->at;
    char           who[96];

    snprintf(who, sizeof(who), "%.*s:%u", WR_ARG(at->file), at->line);
    if (!sq_lock_take(w->lock, deadline, wr_str_z(who))) {
        sq_call_fail(call, SQLITE_BUSY, "database is locked");
        return false;
    }
    now = wr_clock_ns();
    sqlite3_busy_timeout(w->conn->db,
                         now < deadline ? (int) ((deadline - now) / 1000000) : 0);
    if (sq_conn_control(w->conn, SQ_IMMEDIATE) != SQLITE_OK) {
        sq_err_take(&call->err, w->conn->db, call->pool);
        sq_lock_leave(w->lock);
        return false;
    }
    w->open = true;
    w->began = now_ms();
    return true;
}

static void
undo(sq_writer_t *w)
{
    wr_metric_add_mt(w->run->stats.rollbacks, 1);
    (void) sq_conn_control(w->conn, SQ_ROLLBACK_TO);
    (void) sq_conn_control(w->conn, SQ_RELEASE);
}

/* Ends the savepoint well. A deferred foreign key that is still broken would fail the
 * COMMIT of all: it fails its own transaction here. */
static void
release(sq_writer_t *w, sq_err_t *err)
{
    int broken = 0, unused;

    sqlite3_db_status(w->conn->db, SQLITE_DBSTATUS_DEFERRED_FKS, &broken, &unused, 0);
    if (broken != 0) {
        err->code = SQLITE_CONSTRAINT_FOREIGNKEY;
        err->message = WR_STR("FOREIGN KEY constraint failed");
        undo(w);
        return;
    }
    if (sq_conn_control(w->conn, SQ_RELEASE) != SQLITE_OK) {
        set_err(w, err, sqlite3_extended_errcode(w->conn->db),
                sqlite3_errmsg(w->conn->db));
        undo(w);
    }
}

/* SQLite has rolled back the whole batch (a full disk, a statement stopped by its
 * time limit). */
static void
batch_lost(sq_writer_t *w, sq_tx_t *tx)
{
    sq_err_t err;

    set_err(w, &err, SQLITE_BUSY, "the transaction was rolled back with another");
    fail_all(w, &err);
    tx->lost = true;
    close_batch(w);
}

/* The statement itself; false: SQLite has rolled back the batch. */
static bool
run_statement(sq_writer_t *w, sq_call_t *call)
{
    sq_conn_run(w->conn, call);
    if (sqlite3_get_autocommit(w->conn->db) == 0) {
        return true;
    }
    if (call->err.code == 0) {
        sq_call_fail(call, SQLITE_ABORT, "the transaction was rolled back");
    }
    batch_lost(w, call->tx);
    return false;
}

/* Its time in the queue began busy_timeout before its deadline. */
static void
count_wait(const sq_writer_t *w, const sq_tx_t *tx)
{
    uint64_t began = tx->deadline - (uint64_t) w->run->db->busy_timeout * 1000000;
    uint64_t now = wr_clock_ns();

    wr_metric_time_mt(w->run->stats.wait, now > began ? (now - began) / 1000 : 0);
}

static bool
begin(sq_writer_t *w, sq_call_t *call)
{
    if (call->tx->lost) {
        sq_call_fail(call, SQLITE_ABORT, "the transaction was rolled back");
        return false;
    }
    if (!w->open && !open_batch(w, call)) {
        return false;
    }
    if (!call->tx->begun && call->r != NULL
        && __atomic_load_n(&call->r->abort_later, __ATOMIC_RELAXED))
    {
        call->dropped = true;
        return false;
    }
    if (!call->tx->begun) {
        if (sq_conn_control(w->conn, SQ_SAVEPOINT) != SQLITE_OK) {
            sq_err_take(&call->err, w->conn->db, call->pool);
            return false;
        }
        call->tx->begun = true;
        count_wait(w, call->tx);
    }
    return true;
}

static void
run_single(sq_writer_t *w, sq_call_t *call)
{
    sq_tx_t *tx = call->tx;

    if (!begin(w, call) || !run_statement(w, call)) {
        return;
    }
    if (call->err.code != 0) {
        undo(w);
        return;
    }
    release(w, &call->err);
    if (call->err.code == 0) {
        add_fresh(w, tx);
    }
}

void
sq_writer_run_lent(sq_tx_t *tx, sq_call_t *call)
{
    sq_writer_t *w = tx->run->writer;

    if (begin(w, call)) {
        (void) run_statement(w, call);
    }
}

/* The request goes on here; when its answer is there the transaction is settled. */
static void
go_on(sq_writer_t *w, sq_call_t *call)
{
    wr_task_t *t = &call->r->task;
    sq_tx_t   *tx = call->tx;

    wr_task_go_on(t, &call->op);
    if (!wr_task_has_turned(t) || t->top == NULL || t->top->state != tx) {
        return;
    }
    if (!sq_is_good(call->r)) {
        if (tx->begun && !tx->lost) {
            undo(w);
        }
        tx->settled = true;
    } else if (tx->run->db->guests.n == 0) {
        if (tx->begun && !tx->lost) {
            release(w, &tx->err);
        }
        if (tx->err.code == 0 && tx->begun && !tx->lost) {
            add_fresh(w, tx);
        }
        tx->settled = true;
    }
}

/* False: what stands behind it must wait. */
static bool
run_call(sq_writer_t *w, sq_call_t *call)
{
    sq_tx_t *tx = call->tx;

    call->ran = true;
    if (tx->single) {
        run_single(w, call);
        return true;
    }
    if (begin(w, call)) {
        (void) run_statement(w, call);
    }
    if (call->dropped) {
        return true;
    }
    if (call->lent) {
        go_on(w, call);
        return tx->settled;
    }
    return false;
}

/* Where a reader holds on to old pages, not all can be copied: then the next try is
 * some pages later. And the log begins anew only when nobody reads in it any more, which
 * may never be so by itself where many read: when it has become long, those that read
 * are waited for. Who comes meanwhile reads in the file, so that takes no longer than
 * their statements; a reader that stays is tried again some megabytes later. Under the
 * lock, so there is never a checkpoint beside a commit of another process of this server. */
static void
checkpoint(sq_writer_t *w)
{
    int  pages = 0, copied = 0;
    bool waits = w->conn->wal_pages >= w->next_wait;

    if (!w->owes) {
        return;
    }
    w->owes = false;
    sqlite3_busy_timeout(w->conn->db, waits ? WAIT : 0);
    (void) sqlite3_wal_checkpoint_v2(w->conn->db, NULL, waits ? SQLITE_CHECKPOINT_RESTART
                                                              : SQLITE_CHECKPOINT_PASSIVE,
                                     &pages, &copied);
    w->next_checkpoint = copied < pages ? pages + AGAIN_PAGES : WAL_PAGES;
    w->next_wait = waits ? w->conn->wal_pages + WAL_PAGES : w->next_wait;
    sq_lock_leave(w->lock);
}

/* The thread has told its results, and nothing has come since. */
static void
idle(void *data)
{
    checkpoint(data);
}

static bool
is_log_long(sq_writer_t *w)
{
    if (w->conn->wal_pages < WAL_PAGES) {
        w->next_checkpoint = WAL_PAGES;     /* the log began anew */
        w->next_wait = WAIT_PAGES;
    }
    return w->conn->wal_pages >= w->next_checkpoint;
}

/* How many transactions of requests a COMMIT settles. */
static int
count_good(const sq_writer_t *w)
{
    int n = 0;

    for (const sq_tx_t *t = w->done; t != NULL; t = t->next) {
        n += t->err.code == 0;
    }
    for (const sq_tx_t *t = w->fresh; t != NULL; t = t->next_fresh) {
        n++;
    }
    return n;
}

static void
commit(sq_writer_t *w)
{
    int n = w->settled = count_good(w);

    if (sq_conn_control(w->conn, SQ_COMMIT) != SQLITE_OK) {
        sq_err_t err;

        set_err(w, &err, sqlite3_extended_errcode(w->conn->db),
                sqlite3_errmsg(w->conn->db));
        fail_all(w, &err);
        wr_metric_add_mt(w->run->stats.rollbacks, n);
        if (sqlite3_get_autocommit(w->conn->db) == 0) {
            (void) sq_conn_control(w->conn, SQ_ROLLBACK);
        }
    } else {
        wr_metric_add_mt(w->run->stats.commits, n);
        wr_metric_set(w->run->stats.wal, w->conn->wal_pages);
        w->owes = is_log_long(w);
    }
    close_batch(w);
}

/* The batch has been open for long, and another process waits. */
static bool
is_late(const sq_writer_t *w)
{
    return w->open && now_ms() - w->began >= OLD && sq_lock_wanted(w->lock);
}

/* ---- what joins the job: both sides ---- */

/* With the lock: behind the calls of the job. */
static sq_call_t *
join(sq_writer_t *w)
{
    sq_call_t *late = w->late;

    if (late != NULL) {
        if (w->calls == NULL) {
            w->calls = late;
        } else {
            w->calls_last->next = late;
        }
        w->calls_last = w->late_last;
        w->late = w->late_last = NULL;
    }
    return late;
}

/* Nothing joins any more. What has not begun goes back with the job. */
static void
close_late(sq_writer_t *w)
{
    pthread_mutex_lock(&w->lock_late);
    w->late_open = false;
    (void) join(w);
    pthread_mutex_unlock(&w->lock_late);
}

/* NULL: there is nothing, and the batch is to be committed. Where that waits for the
 * disk, and several had been together before, the loop is given the chance to hand over
 * what has arrived; not while other processes wait for their turn. */
static sq_call_t *
take_late(sq_writer_t *w)
{
    sq_call_t *late;

    if (w->run->db->synchronous >= FULL && w->settled > 1 && !sq_lock_wanted(w->lock)) {
        sched_yield();
    }
    pthread_mutex_lock(&w->lock_late);
    late = join(w);
    w->late_open &= late != NULL;
    pthread_mutex_unlock(&w->lock_late);
    return late;
}

static void
work(wr_job_t *job)
{
    sq_writer_t *w = WR_CONTAINER(job, sq_writer_t, job);
    sq_call_t   *c = w->calls;
    bool         free = true, late = false;

    checkpoint(w);
    w->fresh = NULL;
    if (w->do_former == RELEASE) {
        release(w, &w->do_tx->err);
    } else if (w->do_former == UNDO) {
        undo(w);
    }
    do {
        for (; c != NULL && free && !late; c = late ? c : c->next) {
            late = c != w->calls && is_late(w);
            free = late || run_call(w, c);
        }
    } while (free && !late && w->commit && (c = take_late(w)) != NULL);
    close_late(w);
    if ((w->commit || late) && free && w->open) {
        commit(w);
    }
}

/* ---- the loop's side ---- */

static void
add_done(sq_writer_t *w, sq_tx_t *tx)
{
    sq_tx_enqueue(&w->done, &w->done_last, tx);
    w->ndone++;
}

/* It has not come to it: first in the queue again, in the same order. */
static void
put_back(sq_writer_t *w, sq_call_t *calls)
{
    sq_tx_t *first = NULL, *last = NULL;

    for (sq_call_t *c = calls, *next; c != NULL; c = next) {
        sq_tx_t *tx = c->tx;

        next = c->next;
        c->next = tx->first;
        tx->first = c;
        tx->last = tx->last != NULL ? tx->last : c;
        tx->running = NULL;
        tx->state = SQ_QUEUED;
        w->owner = w->owner == tx ? NULL : w->owner;
        sq_tx_enqueue(&first, &last, tx);
        wr_metric_add(w->run->stats.queue, 1);
        sq_tx_wait(tx);
    }
    if (first != NULL) {
        last->next = w->first;
        w->last = w->last != NULL ? w->last : last;
        w->first = first;
    }
    /* This may drop some of them. */
    for (sq_tx_t *tx = first, *next, *end = last != NULL ? last->next : NULL; tx != end;
         tx = next)
    {
        next = tx->next;
        if (tx->first->lent) {
            (void) sq_call_take_back(tx->first, false);
        } else if (tx->first->r != NULL) {
            wr_req_unshield(tx->first->r);
        }
    }
}

/* What a transaction that ran on the thread has become. */
static void
settle(sq_writer_t *w, sq_call_t *call)
{
    sq_tx_t *tx = call->tx;

    if (call->dropped) {
        tx->state = SQ_ENDED;
        w->owner = w->owner == tx ? NULL : w->owner;
        return;
    }
    if (!tx->settled) {
        w->owner = tx;
        if (tx->conf != NULL) {
            tx->conf->returns = true;
        }
        return;
    }
    tx->state = SQ_ENDED;
    w->must_commit |= tx->alone;
    if (tx->good && tx->err.code == 0 && w->open) {
        wr_op_begin(&tx->end, "commit", NULL);
        add_done(w, tx);
    }
}

/* A call that was not lent. What was alone or dropped has its end with it. */
static void
complete(sq_call_t *call, wr_rc_t rc)
{
    if (call->r != NULL && (call->tx->single || rc != WR_OK)) {
        wr_req_unshield(call->r);
    }
    wr_op_complete(&call->op, rc);
}

static void
complete_calls(sq_writer_t *w, sq_call_t *calls)
{
    sq_call_t *next;

    for (sq_call_t *c = calls; c != NULL && c->ran; c = c->next) {
        if (c->lent || c->dropped) {
            settle(w, c);
        }
    }
    for (; calls != NULL && calls->ran; calls = next) {
        sq_tx_t *tx = calls->tx;
        wr_rc_t  rc = calls->dropped ? WR_CANCELLED : WR_OK;

        next = calls->next;
        calls->ran = false;
        tx->running = NULL;
        wr_timer_cancel(&tx->timer);
        if (tx->single) {
            calls->err = calls->err.code != 0 ? calls->err : tx->err;
        }
        if (tx->single && tx->good && tx->err.code == 0 && w->open) {
            tx->running = calls;
            add_done(w, tx);
        } else if (!sq_call_take_back(calls, rc == WR_OK)) {
            complete(calls, rc);
        }
    }
    put_back(w, calls);
}

static void
complete_done(sq_tx_t *tx)
{
    sq_tx_t *next;

    for (; tx != NULL; tx = next) {
        next = tx->next;
        if (tx->single) {
            sq_call_t *call = tx->running;

            call->err = tx->err;
            complete(call, WR_OK);
        } else {
            wr_op_complete(&tx->end, WR_OK);
        }
    }
}

static void
job_done(wr_op_t *op)
{
    sq_writer_t *w = op->waiter;
    sq_call_t   *calls;
    sq_tx_t     *ended = NULL;

    close_late(w);      /* if it has not run at all */
    calls = w->calls;
    if (op->rc != WR_OK) {
        sq_err_t err = {SQLITE_ABORT, WR_STR("the server ends")};

        fail_all(w, &err);
        for (sq_call_t *c = calls; c != NULL; c = c->next) {
            c->err = err;
            c->ran = true;
            (void) sq_call_take_back(c, false);
        }
    }
    w->calls = w->calls_last = NULL;
    w->ncalls = 0;
    if (!w->open) {
        ended = w->done;
        w->done = w->done_last = NULL;
        w->ndone = 0;
        w->must_commit = false;
    }
    /* Busy until all have been told: else one of them would start a job and with it
     * change what `open` says of the others. */
    complete_calls(w, calls);
    complete_done(ended);
    w->busy = false;
    if (!w->closing) {
        wr_post(&w->pump);
    }
}

/* ---- planning ---- */

static void
add_call(sq_call_t **first, sq_call_t **last, sq_call_t *call)
{
    call->next = NULL;
    if (*first == NULL) {
        *first = call;
    } else {
        (*last)->next = call;
    }
    *last = call;
}

/* Out of the queue; its time in it goes on. */
static sq_call_t *
take_first(sq_writer_t *w)
{
    sq_tx_t   *tx = w->first;
    sq_call_t *call;

    sq_tx_leave(&w->first, &w->last, tx);
    wr_metric_add(w->run->stats.queue, -1);
    tx->state = SQ_ACTIVE;
    call = sq_tx_take(tx);
    w->ncalls++;
    if (!tx->single) {
        sq_call_lend(call);
    }
    if (call->r != NULL) {
        wr_req_shield(call->r);     /* what has begun runs to its end */
    }
    if (!tx->single && !call->lent) {
        w->owner = tx;
    }
    return call;
}

/* It needs nothing but the thread, as far as is known. */
static bool
goes_along(const sq_tx_t *tx)
{
    return tx->single || (tx->conf != NULL && !tx->conf->returns && tx->first->direct);
}

static bool
has_room(const sq_writer_t *w)
{
    if (w->must_commit || w->ndone >= MOST) {
        return false;
    }
    return !w->open || now_ms() - w->began < OLD || !sq_lock_wanted(w->lock);
}

/* Several that need nothing from the loop; or one that does, behind them if it may
 * still turn out not to. */
static void
take_next(sq_writer_t *w)
{
    for (unsigned n = 0; w->first != NULL && n < TOGETHER && !w->must_commit; n++) {
        sq_tx_t *tx = w->first;

        if (tx->alone && (n != 0 || w->ndone != 0)) {
            w->must_commit = true;
            return;
        }
        if (n != 0 && !goes_along(tx)) {
            return;
        }
        w->must_commit = tx->alone;
        wr_timer_cancel(&tx->timer);
        add_call(&w->calls, &w->calls_last, take_first(w));
        if (w->owner != NULL) {
            return;
        }
    }
}

/* While a job runs: it may share the COMMIT. Until the thread takes it, it still waits. */
static void
join_late(sq_writer_t *w)
{
    pthread_mutex_lock(&w->lock_late);
    while (w->late_open && w->first != NULL && !w->first->alone && goes_along(w->first)
           && w->ndone + w->ncalls < MOST)
    {
        add_call(&w->late, &w->late_last, take_first(w));
        w->late_open = w->owner == NULL;
    }
    pthread_mutex_unlock(&w->lock_late);
}

static void
plan(sq_writer_t *w)
{
    w->commit = false;
    if (w->owner != NULL) {
        sq_call_t *call = sq_tx_take(w->owner);

        if (call != NULL) {
            add_call(&w->calls, &w->calls_last, call);
            sq_call_lend(call);
        }
        if (call == NULL || !call->lent) {
            return;
        }
        w->owner = NULL;        /* it may end on the thread */
    } else if (has_room(w)) {
        take_next(w);
    }
    w->commit = w->owner == NULL && (w->first == NULL || !has_room(w));
}

/* False: it is none of those that wait to join. */
static bool
take_from_late(sq_writer_t *w, const sq_call_t *call)
{
    sq_call_t *before = NULL, *c;

    pthread_mutex_lock(&w->lock_late);
    for (c = w->late; c != NULL && c != call; c = c->next) {
        before = c;
    }
    if (c != NULL && before == NULL) {
        w->late = c->next;
    } else if (c != NULL) {
        before->next = c->next;
    }
    if (c != NULL && w->late_last == c) {
        w->late_last = before;
    }
    pthread_mutex_unlock(&w->lock_late);
    return c != NULL;
}

bool
sq_writer_withdraw(sq_writer_t *w, sq_tx_t *tx)
{
    sq_call_t *call = tx->running;

    if (call == NULL || !take_from_late(w, call)) {
        return false;
    }
    call->next = NULL;
    w->ncalls--;
    put_back(w, call);
    return tx->state == SQ_QUEUED;
}

/* At the end of the loop's turn: what came together is done together. */
static void
pump(wr_post_t *post)
{
    sq_writer_t *w = WR_CONTAINER(post, sq_writer_t, pump);

    if (w->closing) {
        return;
    }
    if (w->busy) {
        join_late(w);
        return;
    }
    plan(w);
    w->do_former = w->former;
    w->do_tx = w->former_tx;
    if (w->calls == NULL && (w->owner != NULL || !w->open)) {
        return;
    }
    w->former = KEEP;
    w->former_tx = NULL;
    w->busy = true;
    w->late_open = w->commit && !w->must_commit;
    w->job.run = work;
    if (wr_threads_run(w->thread, &w->job, "sql") != WR_OK) {
        wr_op_begin(&w->job.op, "sql", NULL);
        w->job.op.rc = WR_ERROR;
    }
    w->job.op.done = job_done;
    w->job.op.waiter = w;
    if (w->job.op.rc == WR_ERROR) {
        wr_op_complete(&w->job.op, WR_ERROR);
    }
}

void
sq_writer_add(sq_writer_t *w, sq_tx_t *tx)
{
    sq_tx_enqueue(&w->first, &w->last, tx);
    wr_metric_add(w->run->stats.queue, 1);
    sq_writer_pump(w);
}

void
sq_writer_pump(sq_writer_t *w)
{
    if (!w->closing) {
        wr_post(&w->pump);
    }
}

void
sq_writer_drop(sq_writer_t *w, sq_tx_t *tx)
{
    sq_tx_leave(&w->first, &w->last, tx);
    wr_metric_add(w->run->stats.queue, -1);
}

bool
sq_writer_end(sq_writer_t *w, sq_tx_t *tx, bool commit)
{
    bool waits = false;

    WR_ASSERT(w->owner == tx || w->closing);
    w->owner = NULL;
    w->must_commit |= tx->alone;
    if (tx->begun && w->closing) {
        tx->err = (sq_err_t) {SQLITE_BUSY, WR_STR("the server ends")};
    } else if (tx->begun && !tx->lost) {
        w->former = commit ? RELEASE : UNDO;
        w->former_tx = commit ? tx : NULL;
        if (commit) {
            wr_op_begin(&tx->end, "commit", NULL);
            add_done(w, tx);
            waits = true;
        }
    }
    sq_writer_pump(w);
    return waits;
}

/* ---- opening and closing ---- */

sq_writer_t *
sq_writer_open(sq_run_t *run, wr_log_t *log)
{
    sq_writer_t *w = calloc(1, sizeof(*w));

    WR_ASSERT(w != NULL);
    w->run = run;
    w->log = log;
    w->lock = run->db->zone->data;
    w->next_checkpoint = WAL_PAGES;
    w->next_wait = WAIT_PAGES;
    pthread_mutex_init(&w->lock_late, NULL);
    w->pump.fn = pump;
    w->conn = sq_conn_open(run->db, SQ_WRITER, log);
    if (w->conn == NULL) {
        free(w);
        return NULL;
    }
    w->thread = wr_threads_new("weir-sql-write", 1, 0, log);
    wr_threads_on_idle(w->thread, idle, w);
    return w;
}

void
sq_writer_close(sq_writer_t *w)
{
    if (w == NULL) {
        return;
    }
    w->closing = true;
    wr_threads_free(w->thread);
    wr_unpost(&w->pump);
    if (w->open) {
        (void) sq_conn_control(w->conn, SQ_ROLLBACK);
        sq_lock_leave(w->lock);
    }
    if (sq_lock_take(w->lock, wr_clock_ns() + 5000000000u, WR_STR("closing"))) {
        sq_conn_close(w->conn);
        sq_lock_leave(w->lock);
    } else {
        sqlite3_db_config(w->conn->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
        sq_conn_close(w->conn);
    }
    pthread_mutex_destroy(&w->lock_late);
    free(w);
}
