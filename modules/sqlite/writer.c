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
 * The loop plans a job (what to do with the former owner's savepoint, calls to run,
 * whether to commit) and touches nothing of the batch while the thread does it (batch.c).
 * What comes meanwhile and needs nothing but the thread is put where the thread looks
 * before it commits: it shares that COMMIT instead of waiting for it.
 *
 * Where a request does nothing between and behind its statements that needs the loop,
 * it is lent to the thread: the thread runs it up to its view's answer and settles its
 * savepoint, one request after the other, so that a whole batch is one hop. One that
 * turns out to need the loop stays the owner; what was planned behind it goes back to
 * the queue.
 */
#include "writer_priv.h"

#include <stdlib.h>

enum {
    MOST = 128,         /* transactions of a batch */
    TOGETHER = 64,      /* calls of a job */
    SLOW = 60000,       /* ms that one is alone which was stopped for its time */
};

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

/* Its end was that of all in its batch: not again soon. */
static void
note_slow(const sq_call_t *call)
{
    wr_msec_t until = wr_clock.mono + SLOW;

    if (call->tx->conf != NULL) {
        call->tx->conf->slow_until = until;
    } else {
        ((sq_stmt_t *) (uintptr_t) call->stmt)->slow_until = until;
    }
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
        if (tx->slow) {
            note_slow(calls);
        }
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

    sq_batch_close_late(w);      /* if it has not run at all */
    calls = w->calls;
    if (op->rc != WR_OK) {
        sq_err_t err = {SQLITE_ABORT, WR_STR("the server ends")};

        sq_batch_fail(w, &err);
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
    return !sq_batch_is_late(w);
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
    w->must_commit &= w->open;
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
    bool       back;

    if (call == NULL || !take_from_late(w, call)) {
        return false;
    }
    call->next = NULL;
    w->ncalls--;
    w->back = tx;
    put_back(w, call);
    back = w->back == tx;       /* else its client had left, and it is gone */
    w->back = NULL;
    return back;
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
    w->job.run = sq_batch_work;
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
    w->back = w->back == tx ? NULL : w->back;
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
    pthread_mutex_init(&w->lock_late, NULL);
    w->pump.fn = pump;
    w->conn = sq_conn_open(run->db, SQ_WRITER, log);
    if (w->conn != NULL && run->db->journal == 0) {
        w->copier = sq_conn_open(run->db, SQ_READER, log);
    }
    if (w->conn == NULL || (w->copier == NULL && run->db->journal == 0)) {
        sq_conn_close(w->conn);
        free(w);
        return NULL;
    }
    w->thread = wr_threads_new("weir-sql-write", 1, 0, log);
    wr_threads_on_idle(w->thread, sq_batch_idle, w);
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
    sq_conn_close(w->copier);
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
