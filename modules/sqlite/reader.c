/*
 * Reading: a transaction that does not write has a connection to itself, and so a
 * snapshot that does not change. Where there are more of them than connections, they
 * wait in order.
 */
#include "sqlite.h"

/* ---- on a thread ---- */

static void
work(wr_job_t *job)
{
    sq_call_t *call = WR_CONTAINER(job, sq_call_t, job);
    sq_tx_t   *tx = call->tx;

    if (!tx->single && !tx->begun) {
        if (sq_conn_control(tx->conn, SQ_BEGIN) != SQLITE_OK) {
            sq_err_take(&call->err, tx->conn->db, call->pool);
            return;
        }
        tx->begun = true;
    }
    sq_conn_run(tx->conn, call);
}

/* ---- on the loop ---- */

static void
give_back(sq_run_t *run, sq_conn_t *c)
{
    WR_ASSERT(sqlite3_get_autocommit(c->db) != 0);
    c->next = run->free;
    run->free = c;
}

static void
done(wr_op_t *op)
{
    sq_call_t *call = op->waiter;
    sq_tx_t   *tx = call->tx;
    sq_run_t  *run = tx->run;

    tx->running = NULL;
    if (op->rc != WR_OK) {
        sq_call_fail(call, SQLITE_ABORT, "the server ends");
    }
    if (tx->single) {
        give_back(run, tx->conn);
    } else {
        sq_reader_call(run, tx);
    }
    wr_op_complete(&call->op, WR_OK);   /* the call may be gone now */
    sq_reader_pump(run);
}

void
sq_reader_call(sq_run_t *run, sq_tx_t *tx)
{
    sq_call_t *call;

    if (run->closing || tx->running != NULL || (call = sq_tx_take(tx)) == NULL) {
        return;
    }
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

void
sq_reader_pump(sq_run_t *run)
{
    while (!run->closing && run->free != NULL && run->first != NULL) {
        sq_tx_t *tx = run->first;

        sq_tx_leave(&run->first, &run->last, tx);
        wr_timer_cancel(&tx->timer);
        tx->state = SQ_ACTIVE;
        tx->conn = run->free;
        run->free = tx->conn->next;
        sq_reader_call(run, tx);
    }
}

/* Ending a read only lets go of a lock: no thread is needed. */
void
sq_reader_end(sq_tx_t *tx, bool commit)
{
    if (tx->begun && sqlite3_get_autocommit(tx->conn->db) == 0) {
        (void) sq_conn_control(tx->conn, commit ? SQ_COMMIT : SQ_ROLLBACK);
    }
    give_back(tx->run, tx->conn);
    tx->conn = NULL;
    sq_reader_pump(tx->run);
}
