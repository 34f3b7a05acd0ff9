/*
 * Reading on the loop itself: a short statement costs less than telling a thread of it.
 *
 * Short is a statement whose code, as EXPLAIN shows it, has only instructions that do
 * little each, and that does not run more than some hundred of them; nor does it wait,
 * for what would fails here (vfs.c), nor handle large values. Whatever ends in any other
 * way than well is run again on a thread, as if nothing had happened: it only reads.
 *
 * What is read in one turn of the loop is read in one snapshot, for SQLite pays two
 * system calls for each; it ends with the turn, and before if anybody has committed
 * meanwhile (log.c).
 *
 * A transaction that reads has its statements here one after the other, and the snapshot
 * does not change until it ends. If one of them cannot be read here, or something else is
 * waited for in between, the transaction goes on elsewhere and takes the connection with
 * it, for a snapshot cannot be had twice; another one is opened on a thread.
 *
 * The statements are prepared on a thread, anew when the schema has changed. Until that
 * is done the connection is the thread's; else it is the loop's.
 */
#include "sqlite.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    STEP = 100,             /* instructions between two looks … */
    STEPS = 6,              /* … of which a statement has so many */
    LARGEST = 16384,        /* bytes of a value */
    ROOM = 262144,          /* … of a result */
    REST = 100,             /* ms that a statement stays away that was not short */
    MOST = 8,               /* statements of a transaction */
};

struct sq_quick {
    sq_run_t   *run;
    sq_conn_t  *conn;
    bool        ready;      /* the connection is the loop's */
    bool        off;        /* for good */
    bool        open;       /* a snapshot */
    sq_tx_t    *pinned;     /* whose it is; NULL: everybody's */
    unsigned    left;       /* looks until a statement is too long; 0: it may be */
    wr_post_t   end;
    wr_msec_t  *rests;      /* of each statement: not before */
    wr_job_t    job;        /* prepares */
};

/* ---- which statements: on a thread ---- */

/* What an instruction does is bounded by a page or by the largest value. Left out is
 * what walks on its own (Count, virtual tables), what writes, what may be slow. */
static bool
is_small(const char *op)
{
    static const char *const small[] = {
        "Init", "Goto", "Halt", "HaltIfNull", "Noop", "Explain", "Transaction", "Integer",
        "Int64", "Real", "String", "String8", "Null", "SoftNull", "Blob", "Variable", "Move",
        "Copy", "SCopy", "IntCopy", "ResultRow", "CollSeq", "AddImm", "MustBeInt",
        "RealAffinity", "Cast", "Eq", "Ne", "Lt", "Le", "Gt", "Ge", "ElseEq", "Permutation",
        "Compare", "Jump", "And", "Or", "IsTrue", "Not", "BitNot", "BitAnd", "BitOr",
        "ShiftLeft", "ShiftRight", "Add", "Subtract", "Multiply", "Divide", "Remainder",
        "Concat", "Once", "If", "IfNot", "IsNull", "NotNull", "IsNullOrType", "IsType",
        "IfNullRow", "ZeroOrNull", "Offset", "Column", "Affinity", "MakeRecord", "OpenRead",
        "ReopenIdx", "OpenDup", "OpenEphemeral", "OpenAutoindex", "OpenPseudo", "SorterOpen",
        "SequenceTest", "Close", "SeekLT", "SeekLE", "SeekGE", "SeekGT", "SeekScan",
        "SeekHit", "IfNotOpen", "IfNoHope", "NoConflict", "NotFound", "Found", "SeekRowid",
        "NotExists", "Sequence", "NewRowid", "Insert", "RowData", "Rowid", "NullRow",
        "SeekEnd", "Last", "IfSmaller", "SorterSort", "Sort", "Rewind", "Next", "Prev",
        "SorterNext", "SorterInsert", "SorterData", "SorterCompare", "IdxInsert",
        "DeferredSeek", "IdxRowid", "FinishSeek", "IdxLE", "IdxGT", "IdxLT", "IdxGE",
        "Delete", "ResetSorter", "RowSetAdd", "RowSetRead", "RowSetTest", "IfPos",
        "OffsetLimit", "IfNotZero", "DecrJumpZero", "AggInverse", "AggStep", "AggStep1",
        "AggValue", "AggFinal", "Gosub", "Return", "InitCoroutine", "EndCoroutine", "Yield",
        "BeginSubrtn", "Filter", "FilterAdd", "Function", "PureFunc", "ClrSubtype",
    };

    for (unsigned i = 0; i < WR_COUNT(small); i++) {
        if (strcmp(op, small[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* `text` is "lower(1)". Each takes time in proportion to its values: trim, for one, would
 * not. */
static bool
is_small_function(const char *text)
{
    static const char *const small[] = {
        "abs", "avg", "char", "coalesce", "count", "date", "datetime", "first_value", "hex",
        "ifnull", "iif", "julianday", "lag", "last_value", "lead", "length", "likelihood",
        "likely", "lower", "max", "min", "nullif", "rank", "dense_rank", "round",
        "row_number", "sign", "strftime", "substr", "substring", "sum", "time", "total",
        "typeof", "unicode", "unixepoch", "unlikely", "upper",
    };
    size_t n = strcspn(text, "(");

    for (unsigned i = 0; i < WR_COUNT(small); i++) {
        if (strlen(small[i]) == n && memcmp(small[i], text, n) == 0) {
            return true;
        }
    }
    return false;
}

static bool
calls(const char *op)
{
    return strcmp(op, "Function") == 0 || strcmp(op, "PureFunc") == 0
           || strncmp(op, "Agg", 3) == 0;
}

static bool
is_short(sqlite3 *db, const sq_sql_t *sql)
{
    sqlite3_stmt *s = NULL;
    char         *text = sqlite3_mprintf("EXPLAIN %s", sql->text);
    bool          is = text != NULL
                       && sqlite3_prepare_v2(db, text, -1, &s, NULL) == SQLITE_OK;
    int           rc = SQLITE_DONE;

    while (is && (rc = sqlite3_step(s)) == SQLITE_ROW) {
        const char *op = (const char *) sqlite3_column_text(s, 1);
        const char *p4 = (const char *) sqlite3_column_text(s, 5);

        is = op != NULL && is_small(op)
             && (!calls(op) || (p4 != NULL && is_small_function(p4)));
    }
    sqlite3_finalize(s);
    sqlite3_free(text);
    return is && rc == SQLITE_DONE;
}

/* By the old interface: such a statement fails when the schema has changed, where others
 * would be compiled again in the middle of it. */
static sqlite3_stmt *
prepare(sqlite3 *db, const sq_sql_t *sql)
{
    sqlite3_stmt *s = NULL;

    if (!sql->readonly || !is_short(db, sql)
        || sqlite3_prepare(db, sql->text, sql->n + 1, &s, NULL) != SQLITE_OK)
    {
        return NULL;
    }
    if (!sqlite3_stmt_readonly(s) || !sq_names_are(s, sql)) {
        sqlite3_finalize(s);
        return NULL;
    }
    return s;
}

static int
look(void *data)
{
    sq_quick_t *q = data;

    return q->left != 0 && --q->left == 0;
}

static sq_conn_t *
new_conn(sq_quick_t *q)
{
    sq_conn_t *c = sq_conn_open(q->run->db, SQ_QUICK, &wr_log_main);

    if (c != NULL) {
        sqlite3_busy_timeout(c->db, 0);
        sqlite3_progress_handler(c->db, STEP, look, q);
    }
    return c;
}

static void
work(wr_job_t *job)
{
    sq_quick_t *q = WR_CONTAINER(job, sq_quick_t, job);
    sq_conn_t  *c = q->conn;

    if (c == NULL && (c = q->conn = new_conn(q)) == NULL) {
        q->off = true;
        return;
    }
    sqlite3_limit(c->db, SQLITE_LIMIT_LENGTH, INT32_MAX);
    for (unsigned i = 0; i < c->nstmts; i++) {
        sqlite3_finalize(c->stmts[i]);
        c->stmts[i] = prepare(c->db, *WR_AT(&c->conf->sqls, sq_sql_t *, i));
    }
    sqlite3_limit(c->db, SQLITE_LIMIT_LENGTH, LARGEST);
    q->off = !sq_vfs_is_asked();
}

/* ---- on the loop ---- */

static void
prepared(wr_op_t *op)
{
    sq_quick_t *q = op->waiter;

    q->ready = op->rc == WR_OK && !q->off;
}

static void
prepare_all(sq_quick_t *q)
{
    q->ready = false;
    q->job.run = work;
    if (wr_threads_run(q->run->threads, &q->job, "prepare") == WR_OK) {
        q->job.op.done = prepared;
        q->job.op.waiter = q;
    }
}

/* ---- snapshots ---- */

static void
end_snapshot(sq_quick_t *q)
{
    if (q->open && sqlite3_get_autocommit(q->conn->db) == 0) {
        (void) sq_conn_control(q->conn, SQ_COMMIT);
    }
    q->open = false;
    wr_unpost(&q->end);
}

/* Its statements here are of another kind than those of other connections: they do not
 * say what was wrong. */
void
sq_quick_give(sq_tx_t *tx, bool for_good)
{
    sq_quick_t *q = tx->run->quick;
    sq_conn_t  *c = q->conn;

    WR_ASSERT(q->pinned == tx);
    for (unsigned i = 0; i < c->nstmts; i++) {
        sqlite3_finalize(c->stmts[i]);
        c->stmts[i] = NULL;
    }
    sqlite3_limit(c->db, SQLITE_LIMIT_LENGTH, INT32_MAX);
    sqlite3_busy_timeout(c->db, (int) c->conf->busy_timeout);
    sq_conn_watch(c);
    c->spare = true;
    tx->conn = c;
    tx->begun = true;
    tx->state = SQ_ACTIVE;
    tx->conf->returns |= for_good;
    tx->conf->rests = wr_clock.mono + REST;
    tx->quick = 0;
    q->pinned = NULL;
    q->conn = NULL;
    q->open = false;
    wr_unpost(&q->end);
    prepare_all(q);
}

void
sq_quick_end(sq_tx_t *tx)
{
    tx->quick = 0;
    tx->run->quick->pinned = NULL;
}

/* A transaction that is still there waits for something else. */
static void
end_of_turn(wr_post_t *post)
{
    sq_quick_t *q = WR_CONTAINER(post, sq_quick_t, end);

    if (q->pinned != NULL) {
        sq_quick_give(q->pinned, true);
    } else {
        end_snapshot(q);
    }
}

/* SQLite ends it itself after some errors. */
static bool
is_fresh(const sq_quick_t *q)
{
    return q->open && sq_log_is_as_noted(q->conn)
           && sqlite3_get_autocommit(q->conn->db) == 0;
}

static bool
begin_snapshot(sq_quick_t *q)
{
    if (q->pinned != NULL || is_fresh(q)) {
        return true;
    }
    end_snapshot(q);
    sq_log_note(q->conn);
    q->open = sq_conn_control(q->conn, SQ_BEGIN) == SQLITE_OK;
    wr_post(&q->end);
    return q->open;
}

/* ---- statements ---- */

static bool
is_there(const sq_quick_t *q, const sq_call_t *call)
{
    return q != NULL && q->ready && q->conn->stmts[call->sql->id] != NULL
           && q->rests[call->sql->id] <= wr_clock.mono;
}

/* A transaction that reads may begin here if its like have come to their ends here. */
static bool
may_run(const sq_tx_t *tx, const sq_call_t *call, const sq_quick_t *q)
{
    if (tx != NULL && tx->quick != 0) {
        return tx->quick < MOST;
    }
    return q->pinned == NULL
           && (tx == NULL
               || (!tx->writes && tx->state == SQ_IDLE
                   && (call->last || (call->direct && !tx->conf->returns
                                      && tx->conf->rests <= wr_clock.mono))));
}

/* The snapshot stays until the transaction ends, unless this was all of it. */
static void
pin(sq_quick_t *q, sq_tx_t *tx, const sq_call_t *call)
{
    if (tx->quick != 0 || !call->last) {
        tx->quick++;
        q->pinned = tx;
    }
}

/* Not on the loop, then. */
static void
give_up(sq_quick_t *q, sq_call_t *call, int rc)
{
    call->rows = NULL;
    switch (rc & 0xff) {
    case SQLITE_OK:         /* it did not begin: a value is too large to be bound */
    case SQLITE_SCHEMA:
        end_snapshot(q);
        prepare_all(q);
        break;
    case SQLITE_BUSY:       /* a page that is not in memory */
        q->off = sq_vfs_was_unable();
        q->ready = !q->off;
        break;
    case SQLITE_PROTOCOL:
        break;
    default:
        q->rests[call->sql->id] = wr_clock.mono + REST;
    }
}

static void
complete(sq_call_t *call)
{
    wr_op_begin(&call->op, "sql", NULL);
    wr_op_complete(&call->op, WR_OK);
}

/* A statement of a transaction that has others here. It goes on elsewhere; but where
 * SQLite has ended it, for the disk has failed, so does the statement. */
static bool
give_up_pinned(sq_quick_t *q, sq_tx_t *tx, sq_call_t *call)
{
    call->rows = NULL;
    if (sqlite3_get_autocommit(q->conn->db) == 0) {
        sq_quick_give(tx, false);
        return false;
    }
    sq_err_take(&call->err, q->conn->db, call->pool);
    sq_quick_end(tx);
    complete(call);
    return true;
}

bool
sq_quick_run(sq_tx_t *tx, sq_call_t *call)
{
    sq_run_t     *run = call->stmt->db->run;
    sq_quick_t   *q = run != NULL ? run->quick : NULL;
    sqlite3_stmt *s;
    uint64_t      start;
    int           rc = SQLITE_OK, why;

    if (!is_there(q, call) || !may_run(tx, call, q)) {
        if (tx != NULL && tx->quick != 0) {
            sq_quick_give(tx, tx->quick == MOST || q->conn->stmts[call->sql->id] == NULL);
        }
        return false;
    }
    start = wr_ticks();
    s = q->conn->stmts[call->sql->id];
    sq_vfs_hurry(true);
    if (begin_snapshot(q) && sq_bind(s, call) == SQLITE_OK) {
        q->left = STEPS;
        rc = sq_read(call, s, true, ROOM);
        q->left = 0;
    }
    why = sqlite3_reset(s);
    sq_vfs_hurry(false);
    rc = rc == SQLITE_ERROR ? why : rc;
    if (rc != SQLITE_DONE && tx != NULL && tx->quick != 0) {
        return give_up_pinned(q, tx, call);
    }
    if (rc != SQLITE_DONE) {
        give_up(q, call, rc);
        return false;
    }
    if (tx != NULL) {
        pin(q, tx, call);
    }
    sq_rows_end(call->rows, 0, false, 0);
    wr_metric_time_mt(call->sql->seconds, wr_ticks_us(wr_ticks() - start));
    complete(call);
    return true;
}

/* ---- opening and closing ---- */

sq_quick_t *
sq_quick_open(sq_run_t *run)
{
    sq_quick_t *q;

    /* Other journals have locks that others wait for, and files to be opened. */
    if (run->db->journal != 0 || sq_vfs() == NULL) {
        return NULL;
    }
    q = calloc(1, sizeof(*q));
    WR_ASSERT(q != NULL);
    q->run = run;
    q->conn = new_conn(q);
    if (q->conn == NULL) {
        free(q);
        return NULL;
    }
    q->rests = calloc(q->conn->nstmts + 1u, sizeof(*q->rests));
    WR_ASSERT(q->rests != NULL);
    q->end.fn = end_of_turn;
    prepare_all(q);
    return q;
}

void
sq_quick_close(sq_quick_t *q)
{
    if (q == NULL) {
        return;
    }
    if (q->conn != NULL) {
        end_snapshot(q);
        sq_conn_close(q->conn);
    }
    free(q->rests);
    free(q);
}
