/*
 * The service of <weir/app/sql.h>: statements of other modules, guests in
 * transactions, rows laid open.
 *
 * What others ask for while the conf is read is noted with the name of the database,
 * and bound to it when all has been read.
 */
#include "sqlite.h"

typedef struct request {
    wr_sql_call_t call;
    sq_call_t     own;
    wr_op_t       op;
    const sq_db_t *db;
} request_t;

/* ---- while the conf is read ---- */

static wr_tok_t
keep(wr_conf_t *cf, const wr_tok_t *at)
{
    wr_tok_t t = *at;

    t.file = wr_pool_str(cf->pool, at->file);
    t.text = wr_pool_str(cf->pool, at->text);
    return t;
}

static wr_sql_stmt_t *
add_statement(wr_conf_t *cf, const wr_tok_t *at, wr_str_t database, const char *sql)
{
    sq_stmt_t *s = WR_NEW(cf->pool, sq_stmt_t);

    s->at = keep(cf, at);
    s->guest_db = wr_pool_str(cf->pool, database);
    s->guest = sql;
    s->parts = wr_array(cf->pool, sizeof(sq_part_t));
    s->nsqls = 1;
    s->slot = -1;
    *WR_PUSH(&sq_main_of(cf)->stmts, sq_stmt_t *) = s;
    return (wr_sql_stmt_t *) s;
}

static void
add_wish(wr_conf_t *cf, const wr_tok_t *at, wr_str_t database, const char *schema,
         const wr_sql_guest_t *guest)
{
    sq_wish_t *w = WR_PUSH(&sq_main_of(cf)->wishes, sq_wish_t);

    w->at = keep(cf, at);
    w->db = wr_pool_str(cf->pool, database);
    w->schema = schema;
    w->guest = guest;
}

static void
add_schema(wr_conf_t *cf, const wr_tok_t *at, wr_str_t database, const char *sql)
{
    add_wish(cf, at, database, sql, NULL);
}

static void
add_guest(wr_conf_t *cf, const wr_tok_t *at, wr_str_t database,
          const wr_sql_guest_t *guest)
{
    add_wish(cf, at, database, NULL, guest);
}

/* ---- at run time ---- */

static void
ended(wr_op_t *op)
{
    request_t *q = op->waiter;

    if (q->own.err.code != 0) {
        q->call.status = sq_status_of(q->own.err.code);
        q->call.message = wr_pool_str(q->own.pool, q->own.err.message);
    } else if (op->rc == WR_OK) {
        q->call.result = sq_rows_val(q->own.rows);
    }
    wr_op_complete(&q->op, op->rc);
}

static void
cancel(wr_op_t *op)
{
    wr_op_cancel(&WR_CONTAINER(op, request_t, op)->own.op);
}

static wr_sql_call_t *
start(wr_req_t *r, wr_pool_t *pool, const wr_sql_stmt_t *stmt, const wr_val_t *values)
{
    const sq_stmt_t *s = (const sq_stmt_t *) stmt;
    request_t       *q = WR_NEW(pool, request_t);
    sq_tx_t         *tx = r != NULL ? sq_transaction_of(r, s->db) : NULL;

    q->db = s->db;
    q->call.op = &q->op;
    q->own.stmt = s;
    q->own.sql = &s->sqls[0];
    q->own.params = WR_NEW_N(pool, wr_val_t, s->nparams + 1);
    memcpy(q->own.params, values, s->nparams * sizeof(*values));
    q->own.pool = pool;
    q->own.r = r;
    wr_op_begin(&q->op, "sql", cancel);
    if (!sq_quick_run(tx, &q->own)) {
        q->own.pool = sq_pool_new(pool);
        sq_call_start(tx, &q->own);
    }
    q->own.op.waiter = q;
    if (q->own.op.state == WR_OP_DONE) {
        ended(&q->own.op);
    } else {
        q->own.op.done = ended;
    }
    return &q->call;
}

static bool
writing(wr_req_t *r, const wr_sql_stmt_t *stmt)
{
    const sq_tx_t *tx = sq_transaction_of(r, ((const sq_stmt_t *) stmt)->db);

    return tx != NULL && tx->writes && tx->state == SQ_ACTIVE && !tx->lost;
}

const wr_sql_t sq_service = {
    .statement = add_statement,
    .schema = add_schema,
    .guest = add_guest,
    .start = start,
    .rows = sq_rows_open,
    .cells = sq_rows_cells,
    .writing = writing,
};
