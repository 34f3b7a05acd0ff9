/*
 * Calls and transactions on the loop's side: waiting in a queue, giving up, lending a
 * request to a thread, ending.
 */
#include "sqlite.h"

#include <stdlib.h>
#include <sys/stat.h>

/* ---- queues ---- */

void
sq_tx_enqueue(sq_tx_t **first, sq_tx_t **last, sq_tx_t *tx)
{
    tx->next = NULL;
    if (*first == NULL) {
        *first = tx;
    } else {
        (*last)->next = tx;
    }
    *last = tx;
}

void
sq_tx_leave(sq_tx_t **first, sq_tx_t **last, sq_tx_t *tx)
{
    sq_tx_t *before = NULL;

    for (sq_tx_t *t = *first; t != NULL; before = t, t = t->next) {
        if (t != tx) {
            continue;
        }
        if (before == NULL) {
            *first = t->next;
        } else {
            before->next = t->next;
        }
        if (*last == t) {
            *last = before;
        }
        t->next = NULL;
        return;
    }
}

sq_call_t *
sq_tx_take(sq_tx_t *tx)
{
    sq_call_t *call = tx->first;

    if (call != NULL) {
        tx->first = call->next;
        if (tx->first == NULL) {
            tx->last = NULL;
        }
        call->next = NULL;
        tx->running = call;
    }
    return call;
}

static bool
take_out(sq_tx_t *tx, sq_call_t *call)
{
    sq_call_t *before = NULL;

    for (sq_call_t *c = tx->first; c != NULL; before = c, c = c->next) {
        if (c != call) {
            continue;
        }
        if (before == NULL) {
            tx->first = c->next;
        } else {
            before->next = c->next;
        }
        if (tx->last == c) {
            tx->last = before;
        }
        c->next = NULL;
        return true;
    }
    return false;
}

/* ---- waiting ---- */

static void
leave_queue(sq_tx_t *tx)
{
    wr_timer_cancel(&tx->timer);
    if (tx->writes) {
        sq_writer_drop(tx->run->writer, tx);
    } else {
        sq_tx_leave(&tx->run->first, &tx->run->last, tx);
        sq_tx_leave(&tx->run->waiting, &tx->run->waiting_last, tx);
    }
    tx->state = SQ_IDLE;
}

void
sq_call_fail(sq_call_t *call, int code, const char *message)
{
    call->err.code = code;
    call->err.message = wr_str_z(message);
    if (code == SQLITE_BUSY && call->stmt->db->run != NULL) {
        wr_metric_add_mt(call->stmt->db->run->stats.busy, 1);
    }
}

/* It has waited as long as busy_timeout allows. */
static void
time_is_up(wr_timer_t *timer)
{
    sq_tx_t   *tx = WR_CONTAINER(timer, sq_tx_t, timer);
    sq_call_t *calls, *next;

    if (tx->state == SQ_ACTIVE && !sq_writer_withdraw(tx->run->writer, tx)) {
        return;
    }
    leave_queue(tx);
    calls = tx->first;
    tx->first = tx->last = NULL;
    for (; calls != NULL; calls = next) {
        next = calls->next;
        sq_call_fail(calls, SQLITE_BUSY, "database is locked");
        wr_op_complete(&calls->op, WR_OK);
    }
}

/* Nobody waits for it any more: what has not begun is dropped, a read that runs is
 * stopped, a write goes on to its end. */
static void
cancel(wr_op_t *op)
{
    sq_call_t *call = WR_CONTAINER(op, sq_call_t, op);
    sq_tx_t   *tx = call->tx;

    if (!take_out(tx, call)) {
        __atomic_store_n(&call->unwanted, !tx->writes, __ATOMIC_RELAXED);
        return;
    }
    if (tx->state == SQ_QUEUED && tx->first == NULL) {
        leave_queue(tx);
    }
    wr_op_complete(op, WR_CANCELLED);
}

void
sq_tx_wait(sq_tx_t *tx)
{
    uint64_t now = wr_clock_ns();

    tx->timer.fn = time_is_up;
    wr_timer_set(&tx->timer, tx->deadline > now
                                 ? (wr_msec_t) ((tx->deadline - now) / 1000000) + 1
                                 : 1);
}

static void
enqueue(sq_tx_t *tx)
{
    tx->state = SQ_QUEUED;
    tx->deadline = wr_clock_ns() + (uint64_t) tx->run->db->busy_timeout * 1000000;
    if (tx->writes) {
        sq_tx_wait(tx);
        sq_writer_add(tx->run->writer, tx);
    } else {
        sq_tx_enqueue(&tx->run->first, &tx->run->last, tx);     /* for this turn only */
        wr_post(&tx->run->pump);
    }
}

/* ---- lending ---- */

/* A request whose body or subrequests may still use its pool stays with the loop. */
static bool
is_quiet(const wr_req_t *r)
{
    return r->main == r && r->held == 0 && r->subrequests == 50
           && (!wr_has_body(r) || (r->body != NULL && r->body->complete));
}

void
sq_call_lend(sq_call_t *call)
{
    if (call->direct && call->stmt->guest == NULL && is_quiet(call->r)
        && wr_task_lend(&call->r->task, &call->op, call->tx))
    {
        call->lent = true;
        wr_req_shield(call->r);
    }
}

bool
sq_call_take_back(sq_call_t *call, bool ran)
{
    wr_req_t *r = call->r;

    if (!call->lent) {
        return false;
    }
    call->lent = false;
    wr_task_take_back(&r->task, false);
    /* A writer's request stays shielded to the end of its transaction. */
    if (!ran || !call->tx->writes) {
        wr_req_unshield(r);
    }
    if (ran) {
        wr_task_take_back(&r->task, true);
    }
    return ran;
}

void
sq_call_start(sq_tx_t *tx, sq_call_t *call)
{
    wr_op_begin(&call->op, "sql", cancel);
    if (call->stmt->db->run == NULL || call->stmt->db->run->closing) {
        sq_call_fail(call, SQLITE_BUSY, "the server ends");
        wr_op_complete(&call->op, WR_OK);
        return;
    }
    if (tx == NULL) {
        tx = &call->own;
        tx->magic = SQ_TX;
        tx->run = call->stmt->db->run;
        tx->writes = !call->sql->readonly;
        tx->single = true;
    }
    if (tx->quick != 0) {
        sq_quick_give(tx, true);
    }
    tx->alone |= call->stmt->alone || call->stmt->slow_until > wr_clock.mono
                 || tx->run->db->alone;
    if (tx->at == NULL) {
        tx->at = &call->stmt->at;
    }
    call->tx = tx;
    call->next = NULL;
    if (call->r != NULL) {
        wr_req_end_with_client(call->r->main);  /* noticed only before it has begun */
    }
    if (tx->first == NULL) {
        tx->first = call;
    } else {
        tx->last->next = call;
    }
    tx->last = call;
    if (tx->state == SQ_IDLE) {
        enqueue(tx);
    } else if (tx->state == SQ_ACTIVE && tx->writes) {
        sq_writer_pump(tx->run->writer);
    } else if (tx->state == SQ_ACTIVE) {
        sq_reader_call(tx->run, tx);
    }
}

bool
sq_tx_end(sq_tx_t *tx, bool commit)
{
    bool waits = false;

    if (tx->quick != 0) {
        sq_quick_end(tx);
    } else if (tx->state == SQ_ACTIVE) {
        tx->state = SQ_ENDED;
        if (tx->writes) {
            waits = sq_writer_end(tx->run->writer, tx, commit);
        } else {
            sq_reader_end(tx, commit);
        }
    }
    return waits;
}

/* ---- workers ---- */

static wr_rc_t
open_run(sq_db_t *db, wr_log_t *log)
{
    sq_run_t   *run = calloc(1, sizeof(*run));
    struct stat st;

    WR_ASSERT(run != NULL);
    db->run = run;
    run->db = db;
    sq_stats_init(db, &run->stats);
    run->writer = sq_writer_open(run, log);
    if (run->writer == NULL || !sq_readers_open(run, log)) {
        return WR_ERROR;
    }
    if (stat(db->path.p, &st) == 0) {
        run->device = st.st_dev;
        run->inode = st.st_ino;
    }
    run->quick = sq_quick_open(run);
    return WR_OK;
}

wr_rc_t
sq_worker_start(wr_worker_t *w)
{
    for (WR_EACH(sq_db_t *, db, &sq_dbs)) {
        if (open_run(*db, w->cycle->log) != WR_OK) {
            return WR_ERROR;
        }
    }
    return WR_OK;
}

/* The last connection of all copies the log into the file: it is a writer, under the
 * lock. */
void
sq_worker_stop(wr_worker_t *w)
{
    for (WR_EACH(wr_zone_t *, z, &w->cycle->zones)) {
        sq_db_t  *db = sq_db_of_zone(*z);
        sq_run_t *run = db != NULL ? db->run : NULL;

        if (run == NULL) {
            continue;
        }
        run->closing = true;
        sq_readers_close(run);
        sq_quick_close(run->quick);
        sq_writer_close(run->writer);
        free(run);
        db->run = NULL;
    }
}
