/*
 * What the writer's thread does: the batch, in which the transactions of a job are
 * savepoints, and its COMMIT.
 *
 * A log that has become long is copied into the file in the same turn of the lock, but
 * behind the answers: the thread does it when its results are on their way.
 */
#include "writer_priv.h"

#include <sched.h>
#include <stdio.h>

enum {
    FULL = 2,           /* synchronous */
    OLD = 5,            /* ms: then it is somebody else's turn */
    WAL_PAGES = 1000,   /* copied into the file when the log has so many … */
    AGAIN_PAGES = 100,  /* … or so many more, where some could not be copied */
    WAIT_PAGES = 2000,  /* readers are waited for when it has so many */
    WAIT = 20,          /* ms at the most */
};

static uint64_t
now_ms(void)
{
    return wr_clock_ns() / 1000000;
}

/* Of what has failed for all. SQLite's own text would not outlive it; these are constant,
 * and the same but for a foreign key. */
static sq_err_t
error_of(const sq_writer_t *w)
{
    int code = sqlite3_extended_errcode(w->conn->db);

    return (sq_err_t) {code, code == SQLITE_CONSTRAINT_FOREIGNKEY
                                 ? WR_STR("FOREIGN KEY constraint failed")
                                 : wr_str_z(sqlite3_errstr(code))};
}

void
sq_batch_fail(sq_writer_t *w, const sq_err_t *err)
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
    w->owes |= w->full;
    if (!w->owes) {
        sq_lock_leave(w->lock);
    }
}

/* What would be written to a file that has lost its name is gone when the server ends. */
static bool
is_in_place(sq_writer_t *w)
{
    int moved = 0;

    return sqlite3_file_control(w->conn->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved)
               != SQLITE_OK
           || moved == 0;
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
    if (!is_in_place(w)) {
        sq_call_fail(call, SQLITE_READONLY_DBMOVED, "the database's file has been moved or "
                     "replaced while the server runs: stop it first");
        sq_lock_leave(w->lock);
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

/* SQLite has rolled back the whole batch (a full disk, a statement stopped by its
 * time limit). */
static void
batch_lost(sq_writer_t *w, sq_tx_t *tx)
{
    sq_err_t err = {SQLITE_BUSY, WR_STR("the transaction was rolled back with another")};

    sq_batch_fail(w, &err);
    tx->lost = true;
    tx->slow = w->conn->late;
    close_batch(w);
}

/* To its savepoint; if that fails, all that is in the batch. */
static void
undo(sq_writer_t *w, sq_tx_t *tx)
{
    wr_metric_add_mt(w->run->stats.rollbacks, 1);
    if (sq_conn_control(w->conn, SQ_ROLLBACK_TO) == SQLITE_OK
        && sq_conn_control(w->conn, SQ_RELEASE) == SQLITE_OK)
    {
        return;
    }
    if (sqlite3_get_autocommit(w->conn->db) == 0) {
        (void) sq_conn_control(w->conn, SQ_ROLLBACK);
    }
    batch_lost(w, tx);
}

/* Ends the savepoint well. A deferred foreign key that is still broken would fail the
 * COMMIT of all: it fails its own transaction here. */
static void
release(sq_writer_t *w, sq_tx_t *tx, sq_err_t *err)
{
    int broken = 0, unused;

    sqlite3_db_status(w->conn->db, SQLITE_DBSTATUS_DEFERRED_FKS, &broken, &unused, 0);
    if (broken != 0) {
        err->code = SQLITE_CONSTRAINT_FOREIGNKEY;
        err->message = WR_STR("FOREIGN KEY constraint failed");
        undo(w, tx);
        return;
    }
    if (sq_conn_control(w->conn, SQ_RELEASE) != SQLITE_OK) {
        *err = error_of(w);
        undo(w, tx);
    }
}

static bool
is_full(const sq_writer_t *w, int code)
{
    return (code & 0xff) == SQLITE_FULL && w->copier != NULL;
}

/* The statement itself; false: SQLite has rolled back the batch. */
static bool
run_statement(sq_writer_t *w, sq_call_t *call)
{
    sq_conn_run(w->conn, call);
    w->full |= is_full(w, call->err.code);
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
        undo(w, tx);
        return;
    }
    release(w, tx, &call->err);
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
            undo(w, tx);
        }
        tx->settled = true;
    } else if (tx->run->db->guests.n == 0) {
        if (tx->begun && !tx->lost) {
            release(w, tx, &tx->err);
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
 * their statements; a reader that stays is tried again some megabytes later. Where the
 * disk is full, to begin anew is the one way to go on writing.
 *
 * SQLite before 3.51.3 may lose pages if somebody commits while a checkpoint starts
 * (sqlite.org/wal.html, the WAL-reset bug). Nobody of this server does, for that is done
 * under the lock; nor does another program, or the server that this one is upgraded from,
 * for SQLite's own lock is held as well: by RESTART itself, else by the writer while
 * another connection copies. */
static void
checkpoint(sq_writer_t *w)
{
    sqlite3 *db = w->conn->db;
    int      pages = 0, copied = 0;
    bool     waits = w->full || (w->conn->wal_pages >= WAIT_PAGES
                                 && w->conn->wal_pages >= w->next_wait);

    if (!w->owes) {
        return;
    }
    w->owes = w->full = false;
    sqlite3_busy_timeout(db, waits ? WAIT : 0);
    if (waits) {
        (void) sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_RESTART, &pages, &copied);
    } else if (sq_conn_control(w->conn, SQ_IMMEDIATE) == SQLITE_OK) {
        (void) sqlite3_wal_checkpoint_v2(w->copier->db, NULL, SQLITE_CHECKPOINT_PASSIVE, &pages,
                                         &copied);
        (void) sq_conn_control(w->conn, SQ_ROLLBACK);
    }
    w->next_checkpoint = copied < pages ? pages + AGAIN_PAGES : WAL_PAGES;
    w->next_wait = waits ? w->conn->wal_pages + WAL_PAGES : w->next_wait;
    sq_lock_leave(w->lock);
}

void
sq_batch_idle(void *data)
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
    return w->conn->wal_pages >= WAL_PAGES && w->conn->wal_pages >= w->next_checkpoint;
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
        sq_err_t err = error_of(w);

        w->full |= is_full(w, err.code);
        sq_batch_fail(w, &err);
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

bool
sq_batch_is_late(const sq_writer_t *w)
{
    return w->open && now_ms() - w->began >= OLD && sq_lock_wanted(w->lock);
}

/* ---- what joins the job ---- */

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

void
sq_batch_close_late(sq_writer_t *w)
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

void
sq_batch_work(wr_job_t *job)
{
    sq_writer_t *w = WR_CONTAINER(job, sq_writer_t, job);
    sq_call_t   *c = w->calls;
    bool         free = true, late = false;

    checkpoint(w);
    w->fresh = NULL;
    if (w->do_former == RELEASE) {
        release(w, w->do_tx, &w->do_tx->err);
    } else if (w->do_former == UNDO) {
        undo(w, w->do_tx);
    }
    do {
        for (; c != NULL && free && !late; c = late ? c : c->next) {
            late = c != w->calls && sq_batch_is_late(w);
            free = late || run_call(w, c);
        }
    } while (free && !late && w->commit && (c = take_late(w)) != NULL);
    sq_batch_close_late(w);
    if ((w->commit || late) && free && w->open) {
        commit(w);
    }
}
