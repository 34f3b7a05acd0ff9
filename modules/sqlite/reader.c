/*
 * Reading: on one of several threads, each job with a connection to itself.
 *
 * A statement outside a transaction takes the connection that its thread has for
 * such. The thread reads those that wait in one snapshot (batch_t), for SQLite pays
 * some system calls for each: until anybody commits (log.c), and for a millisecond at
 * the most, so that the log can begin anew. A transaction that only reads keeps its
 * connection, and so a snapshot that does not change, until its last statement: where
 * that is known not to be the last, it needs a permit, of which there are as many as
 * threads; who finds none waits in order. Where the steps behind a statement can run
 * on this thread the request is lent to it, and all of its statements are one hop.
 *
 * The loop owns the queue. The threads share the free connections and permits under
 * a lock; a connection belongs to the job that took it.
 */
#include "sqlite.h"

#include <stdlib.h>

enum {
    BATCH_NS = 1000000,
    HAND_OVER_NS = 1000000000,      /* a thread may take so long to come to its job */
};

/* Of a thread: the snapshot of the statements that stand alone. */
typedef struct batch {
    sq_conn_t *conn;        /* NULL: none is open */
    uint64_t   began;       /* ns */
} batch_t;

static __thread batch_t batch;

/* ---- connections: any thread ---- */

/* With the lock. There are connections enough for all threads and permits: NULL only
 * if one more cannot be opened. */
static sq_conn_t *
take_conn(sq_run_t *run)
{
    sq_conn_t *c = run->free;

    if (c != NULL) {
        run->free = c->next;
        return c;
    }
    WR_ASSERT(run->nreaders < run->most);
    c = sq_conn_open(run->db, SQ_READER, &wr_log_main);
    if (c != NULL) {
        run->readers[run->nreaders++] = c;
    }
    return c;
}

/* False: there is no permit. */
static bool
take(sq_run_t *run, sq_tx_t *tx)
{
    bool may;

    pthread_mutex_lock(&run->lock);
    may = run->permits != 0;
    if (may) {
        tx->conn = take_conn(run);
        tx->permit = tx->conn != NULL;
        run->permits -= tx->permit;
    }
    pthread_mutex_unlock(&run->lock);
    return may;
}

static void
give_back(sq_run_t *run, sq_tx_t *tx)
{
    sq_conn_t *c = tx->conn;

    WR_ASSERT(sqlite3_get_autocommit(c->db) != 0);
    c->gone = NULL;
    tx->conn = NULL;
    if (c->spare) {
        sq_conn_close(c);
        return;
    }
    pthread_mutex_lock(&run->lock);
    c->next = run->free;
    run->free = c;
    run->permits += tx->permit;
    run->freed |= tx->permit;
    pthread_mutex_unlock(&run->lock);
    tx->permit = false;
}

/* ---- a batch: its thread ---- */

static void
close_batch(sq_run_t *run)
{
    sq_conn_t *c = batch.conn;

    if (c == NULL) {
        return;
    }
    batch.conn = NULL;
    if (sqlite3_get_autocommit(c->db) == 0) {
        (void) sq_conn_control(c, SQ_COMMIT);
    }
    pthread_mutex_lock(&run->lock);
    c->next = run->free;
    run->free = c;
    pthread_mutex_unlock(&run->lock);
}

static void
idle(void *data)
{
    close_batch(data);
}

/* BEGIN reads nothing: the snapshot is opened by the first statement. */
static int
begin_batch(uint64_t now)
{
    sq_log_note(batch.conn);
    batch.began = now;
    return sq_conn_control(batch.conn, SQ_BEGIN);
}

/* SQLite ends it itself after some errors. */
static bool
is_fresh(uint64_t now)
{
    return sq_log_is_as_noted(batch.conn) && now - batch.began < BATCH_NS
           && sqlite3_get_autocommit(batch.conn->db) == 0;
}

/* False: the call has failed. */
static bool
join_batch(sq_call_t *call, uint64_t now)
{
    sq_run_t *run = call->tx->run;
    int       rc = SQLITE_OK;

    if (batch.conn == NULL) {
        pthread_mutex_lock(&run->lock);
        batch.conn = take_conn(run);
        pthread_mutex_unlock(&run->lock);
        if (batch.conn == NULL) {
            sq_call_fail(call, SQLITE_CANTOPEN, "unable to open database file");
            return false;
        }
        rc = begin_batch(now);
    } else if (!is_fresh(now)) {
        if (sqlite3_get_autocommit(batch.conn->db) == 0) {
            rc = sq_conn_control(batch.conn, SQ_COMMIT);
        }
        rc = rc == SQLITE_OK ? begin_batch(now) : rc;
    }
    if (rc != SQLITE_OK) {
        sq_err_take(&call->err, batch.conn->db, call->pool);
        return false;
    }
    call->tx->conn = batch.conn;
    return true;
}

static void
end(sq_tx_t *tx, bool commit)
{
    if (tx->single) {
        tx->conn->gone = NULL;      /* the connection stays with the batch */
        tx->conn = NULL;
        return;
    }
    if (tx->begun && sqlite3_get_autocommit(tx->conn->db) == 0) {
        (void) sq_conn_control(tx->conn, commit ? SQ_COMMIT : SQ_ROLLBACK);
    }
    tx->begun = false;
    give_back(tx->run, tx);
}

/* ---- on a thread ---- */

/* It has waited for a thread, behind others: however short busy_timeout is, which is about
 * who holds the database, not for the time that a thread takes to wake up. */
static bool
is_late(const sq_tx_t *tx, uint64_t now)
{
    uint64_t patience = (uint64_t) tx->run->db->busy_timeout * 1000000;

    return now > tx->deadline && now - tx->deadline + patience > HAND_OVER_NS;
}

/* False: the call has failed, or must wait. */
static bool
begin(sq_call_t *call)
{
    sq_tx_t *tx = call->tx;

    if (tx->conn == NULL) {
        uint64_t now = wr_clock_ns();

        if (is_late(tx, now)) {
            sq_call_fail(call, SQLITE_BUSY, "the readers are busy");
            return false;
        }
        if (tx->single) {
            if (!join_batch(call, now)) {
                return false;
            }
        } else if (!take(tx->run, tx)) {
            call->waits = true;
            return false;
        }
        if (tx->conn == NULL) {         /* although it has a permit */
            sq_call_fail(call, SQLITE_CANTOPEN, "unable to open database file");
            return false;
        }
    }
    tx->conn->gone = call->lent ? &call->r->abort_later : &call->unwanted;
    if (!tx->single && !tx->begun) {
        if (sq_conn_control(tx->conn, SQ_BEGIN) != SQLITE_OK) {
            sq_err_take(&call->err, tx->conn->db, call->pool);
            return false;
        }
        tx->begun = true;
    }
    return true;
}

void
sq_reader_run_lent(sq_tx_t *tx, sq_call_t *call)
{
    sq_conn_run(tx->conn, call);
}

static void
work(wr_job_t *job)
{
    sq_call_t *call = WR_CONTAINER(job, sq_call_t, job);
    sq_tx_t   *tx = call->tx;
    bool       over = tx->single || call->last;

    if (call->lent && __atomic_load_n(&call->r->abort_later, __ATOMIC_RELAXED)) {
        call->dropped = true;
    } else if (begin(call)) {
        sq_conn_run(tx->conn, call);
        tx->conn->gone = call->lent ? tx->conn->gone : NULL;
    }
    if (call->waits || call->dropped) {
        return;
    }
    if (call->lent) {
        wr_task_t *t = &call->r->task;

        wr_task_go_on(t, &call->op);
        over |= wr_task_has_turned(t) || !wr_app_more_tasks(call->r, true);
    }
    if (over && tx->conn != NULL) {
        end(tx, true);
    }
}

/* ---- on the loop ---- */

/* It found no connection: first in the queue again. */
static void
wait_for_one(sq_tx_t *tx, sq_call_t *call)
{
    sq_run_t *run = tx->run;

    call->waits = false;
    call->next = tx->first;
    tx->first = call;
    tx->last = tx->last != NULL ? tx->last : call;
    tx->state = SQ_QUEUED;
    sq_tx_enqueue(&run->waiting, &run->waiting_last, tx);
    sq_tx_wait(tx);
}

/* A permit has come back, perhaps on a thread. */
static void
look_for_permits(sq_run_t *run)
{
    if (run->waiting != NULL && !run->closing) {
        wr_post(&run->pump);
    }
}

static void
done(wr_op_t *op)
{
    sq_call_t *call = op->waiter;
    sq_tx_t   *tx = call->tx;
    sq_run_t  *run = tx->run;
    bool       ran = op->rc == WR_OK && !call->waits && !call->dropped;
    wr_rc_t    rc = call->dropped || op->rc == WR_CANCELLED ? WR_CANCELLED : WR_OK;

    tx->running = NULL;
    if (op->rc != WR_OK && op->rc != WR_CANCELLED) {
        sq_call_fail(call, SQLITE_ABORT, "the server ends");
    }
    if (call->waits) {
        wait_for_one(tx, call);
        sq_call_take_back(call, false);
        return;
    }
    if (!tx->single && tx->first != NULL) {
        sq_reader_call(run, tx);
    }
    /* The call may be gone behind this. */
    if (!sq_call_take_back(call, ran)) {
        wr_op_complete(&call->op, rc);
    }
    look_for_permits(run);
}

void
sq_reader_call(sq_run_t *run, sq_tx_t *tx)
{
    sq_call_t *call;

    if (run->closing || tx->running != NULL || (call = sq_tx_take(tx)) == NULL) {
        return;
    }
    sq_call_lend(call);
    call->job.run = work;
    if (wr_threads_run(run->threads, &call->job, "sql") != WR_OK) {
        wr_op_begin(&call->job.op, "sql", NULL);
        call->job.op.done = done;
        call->job.op.waiter = call;
        wr_op_complete(&call->job.op, WR_ERROR);
        return;
    }
    call->job.op.done = done;
    call->job.op.waiter = call;
}

static void
begin_all(sq_run_t *run, sq_tx_t **first, sq_tx_t **last)
{
    sq_tx_t *tx = *first;

    *first = *last = NULL;
    while (tx != NULL) {
        sq_tx_t *next = tx->next;

        tx->next = NULL;
        wr_timer_cancel(&tx->timer);
        tx->state = SQ_ACTIVE;
        sq_reader_call(run, tx);
        tx = next;
    }
}

/* At the end of the loop's turn, so that what came together is handed over
 * together. Who found no permit is asked again when one has come back, and first. */
static void
pump(wr_post_t *post)
{
    sq_run_t *run = WR_CONTAINER(post, sq_run_t, pump);
    bool      freed;

    pthread_mutex_lock(&run->lock);
    freed = run->freed;
    run->freed = false;
    pthread_mutex_unlock(&run->lock);
    if (freed) {
        begin_all(run, &run->waiting, &run->waiting_last);
    }
    begin_all(run, &run->first, &run->last);
}

/* Ending a read only lets go of a lock: no thread is needed. */
void
sq_reader_end(sq_tx_t *tx, bool commit)
{
    if (tx->conn != NULL) {
        end(tx, commit);
        look_for_permits(tx->run);
    }
}

bool
sq_readers_open(sq_run_t *run, wr_log_t *log)
{
    unsigned n = (unsigned) run->db->readers;

    pthread_mutex_init(&run->lock, NULL);
    run->most = n * 2;
    run->permits = n;
    run->pump.fn = pump;
    run->readers = calloc(run->most, sizeof(*run->readers));
    WR_ASSERT(run->readers != NULL);
    run->readers[0] = run->free = sq_conn_open(run->db, SQ_READER, log);
    if (run->free == NULL) {
        return false;
    }
    run->nreaders = 1;
    run->threads = wr_threads_new("weir-sql", n, 0, log);
    wr_threads_expect_short(run->threads);
    wr_threads_on_idle(run->threads, idle, run);
    return true;
}

void
sq_readers_close(sq_run_t *run)
{
    wr_threads_free(run->threads);
    wr_unpost(&run->pump);
    for (unsigned i = 0; i < run->nreaders; i++) {
        sq_conn_close(run->readers[i]);
    }
    free(run->readers);
    pthread_mutex_destroy(&run->lock);
}
