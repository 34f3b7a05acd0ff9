/*
 * What a request does: the step `sql`, and the transaction around the steps.
 */
#include "sqlite.h"

typedef struct step {
    sq_call_t        call;
    wr_req_t        *r;
    const sq_stmt_t *stmt;
    wr_op_t          op;        /* where slow expressions come first */
    wr_app_job_t    *job;       /* the slow one that runs */
    uint32_t         at;        /* the part whose expression is next */
    unsigned         variant, factor;
    bool             failed;
    uint64_t         began;     /* ticks */
} step_t;

/* ---- errors ---- */

unsigned
sq_status_of(int code)
{
    switch (code & 0xff) {
    case SQLITE_CONSTRAINT:
        return 409;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return 503;
    case SQLITE_FULL:
        return 507;
    default:
        return 500;
    }
}

static wr_str_t
without_detail(unsigned status)
{
    switch (status) {
    case 409:
        return WR_STR("conflict");
    case 503:
        return WR_STR("the database is busy");
    case 507:
        return WR_STR("the database is full");
    default:
        return WR_STR("Internal Server Error");
    }
}

static wr_rc_t
fail(wr_req_t *r, const sq_db_t *db, const wr_tok_t *at, const sq_err_t *err)
{
    unsigned         status = sq_status_of(err->code);
    const sq_conf_t *conf = wr_conf(r);
    wr_str_t         message = wr_pool_str(wr_pool(r), err->message);
    wr_str_t         shown = conf->detail ? message : without_detail(status);

    if (status == 503) {
        (void) wr_headers_add(&r->out, wr_header_id(WR_STR("Retry-After")),
                              WR_STR("Retry-After"), WR_STR("1"));
        return wr_app_fail(r, at, status, shown, "%.*s; its writer: %.*s",
                           WR_ARG(message),
                           WR_ARG(sq_lock_holder(db->zone->data, wr_pool(r))));
    }
    return wr_app_fail(r, at, status, shown, "%.*s", WR_ARG(message));
}

/* ---- parameters ---- */

static bool
choose(step_t *s, const sq_part_t *p, const wr_val_t *v)
{
    for (unsigned i = 0; i < p->nchoices; i++) {
        if (v->type == WR_V_STR && wr_str_eq(p->choices[i], wr_val_text(v))) {
            s->variant += i * s->factor;
            s->factor *= p->nchoices;
            return true;
        }
    }
    (void) wr_app_fail(s->r, &p->expr->at, p->expr->client ? 400 : 500,
                       p->expr->client ? WR_STR("a value is none of those allowed")
                                       : WR_STR("Internal Server Error"),
                       "the value is none of those of one_of");
    return false;
}

static bool
store(step_t *s, const sq_part_t *p, const wr_val_t *v)
{
    if (p->choices != NULL) {
        return choose(s, p, v);
    }
    switch (v->type) {
    case WR_V_NONE:
    case WR_V_BOOL:
    case WR_V_INT:
    case WR_V_FLOAT:
    case WR_V_STR:
    case WR_V_BYTES:
        s->call.params[p->param] = *v;
        return true;
    default:
        (void) wr_app_fail(s->r, &p->expr->at, p->expr->client ? 400 : 500,
                           wr_pool_printf(wr_pool(s->r), "a %s cannot be stored",
                                          wr_type_name(v)),
                           NULL);
        return false;
    }
}

static void
free_pool(void *data)
{
    wr_pool_free(data);
}

wr_pool_t *
sq_pool_new(wr_pool_t *pool)
{
    wr_pool_t *own = wr_pool_new();

    wr_pool_on_free(pool, free_pool, own);
    return own;
}

static sq_tx_t *
of_frame(const wr_frame_t *f, const sq_db_t *db)
{
    sq_tx_t *tx = f->state;

    return tx->run != NULL && tx->run->db == db ? tx : NULL;
}

sq_tx_t *
sq_transaction_of(wr_req_t *r, const sq_db_t *db)
{
    const wr_frame_t *current = r->task.current;

    /* Guests ask while its after() runs. */
    if (current != NULL && current->stage != NULL
        && current->stage->mw->before == sq_before)
    {
        return of_frame(current, db);
    }
    for (wr_frame_t *f = r->task.top; f != NULL; f = f->outer) {
        if (f->stage->mw->before == sq_before) {
            return of_frame(f, db);
        }
    }
    return NULL;
}

static void
begin_call(step_t *s)
{
    sq_tx_t *tx = sq_transaction_of(s->r, s->stmt->db);

    s->call.sql = &s->stmt->sqls[s->variant];
    s->call.pool = wr_pool(s->r);
    s->call.last = tx != NULL && s->call.direct && !wr_app_more_tasks(s->r, false);
    if (!sq_quick_run(tx, &s->call)) {
        s->call.pool = sq_pool_new(wr_pool(s->r));
        sq_call_start(tx, &s->call);
    }
}

/* Evaluates from s->at on. 1: all are there; 0: a slow one has been started; -1: the
 * request has failed. */
static int
evaluate(step_t *s)
{
    for (; s->at < s->stmt->parts.n; s->at++) {
        const sq_part_t *p = WR_AT(&s->stmt->parts, sq_part_t, s->at);
        wr_val_t         v;

        if (p->expr == NULL) {
            continue;
        }
        if (p->expr->slow) {
            s->job = wr_app_eval_start(s->r, p->expr);
            return s->job != NULL ? 0 : -1;
        }
        if (!wr_app_eval(s->r, p->expr, &v) || !store(s, p, &v)) {
            return -1;
        }
    }
    return 1;
}

/* ---- with slow expressions ---- */

static void slow_done(wr_op_t *op);

static void
call_done(wr_op_t *op)
{
    step_t *s = op->waiter;

    wr_op_complete(&s->op, op->rc);
}

static void
go_on(step_t *s)
{
    switch (evaluate(s)) {
    case 0: {
        wr_op_t *op = wr_app_eval_op(s->job);

        op->done = slow_done;
        op->waiter = s;
        return;
    }
    case 1:
        begin_call(s);
        if (s->call.op.state == WR_OP_DONE) {
            wr_op_complete(&s->op, s->call.op.rc);
            return;
        }
        s->call.op.done = call_done;
        s->call.op.waiter = s;
        return;
    default:
        s->failed = true;
        wr_op_complete(&s->op, WR_OK);
    }
}

static void
slow_done(wr_op_t *op)
{
    step_t          *s = op->waiter;
    const sq_part_t *p = WR_AT(&s->stmt->parts, sq_part_t, s->at);
    wr_val_t         v;

    if (s->op.cancelling || op->rc != WR_OK) {
        wr_op_complete(&s->op, WR_CANCELLED);
        return;
    }
    if (!wr_app_eval_result(s->r, s->job, &v) || !store(s, p, &v)) {
        s->failed = true;
        wr_op_complete(&s->op, WR_OK);
        return;
    }
    s->at++;
    go_on(s);
}

static void
cancel_slow(wr_op_t *op)
{
    step_t *s = WR_CONTAINER(op, step_t, op);

    wr_op_cancel(&s->call.op);
}

/* ---- on the thread that the request is lent to ---- */

static bool
lendable(wr_req_t *r, const void *conf)
{
    const sq_stmt_t *stmt = conf;
    const sq_tx_t   *lender = wr_task_lent_to(r), *tx;

    if (lender->magic != SQ_TX || !stmt->lendable || lender->run != stmt->db->run) {
        return false;
    }
    tx = sq_transaction_of(r, stmt->db);
    return tx != NULL ? tx == lender
                      : lender->single && !lender->writes && !stmt->writes
                            && lender->conn != NULL;
}

static void
run_lent(step_t *s)
{
    sq_tx_t *tx = (sq_tx_t *) (uintptr_t) wr_task_lent_to(s->r);

    s->call.pool = wr_pool(s->r);
    s->call.sql = &s->stmt->sqls[s->variant];
    s->call.tx = tx;
    wr_op_begin(&s->call.op, "sql", NULL);
    if (tx->writes) {
        sq_writer_run_lent(tx, &s->call);
    } else {
        sq_reader_run_lent(tx, &s->call);
    }
    wr_op_complete(&s->call.op, WR_OK);
}

/* ---- the task ---- */

static wr_op_t *
start(wr_req_t *r, const void *conf, void *state, wr_rc_t *rc)
{
    step_t *s = state;
    wr_op_t *op;

    s->r = r;
    s->stmt = s->call.stmt = conf;
    s->factor = 1;
    s->began = wr_ticks();
    s->call.r = r;
    s->call.params = WR_NEW_N(wr_pool(r), wr_val_t, s->stmt->nparams + 1);
    switch (evaluate(s)) {
    case 1:
        if (wr_task_lent_to(r) != NULL) {
            run_lent(s);
            return &s->call.op;
        }
        /* A gather waits for several. */
        s->call.direct = r->task.current->stage->lendable != NULL;
        begin_call(s);
        return &s->call.op;
    case 0:
        wr_op_begin(&s->op, "sql", cancel_slow);
        op = wr_app_eval_op(s->job);
        op->done = slow_done;
        op->waiter = s;
        return &s->op;
    default:
        *rc = wr_app_failed(r);
        return NULL;
    }
}

/* It has been cancelled, before it began or while it ran: by the client's leaving, or
 * by the deadline of its gather. */
static bool
is_cut_short(const step_t *s)
{
    return s->op.rc != WR_OK || s->call.op.rc != WR_OK
           || (s->call.unwanted && (s->call.err.code & 0xff) == SQLITE_INTERRUPT);
}

static wr_rc_t
end(wr_req_t *r, const void *conf, void *state)
{
    const sq_stmt_t *stmt = conf;
    step_t          *s = state;

    wr_app_add_time(r, WR_TIME_SQL, wr_ticks_us((wr_ticks() - s->began) * 1000));
    if (s->failed) {
        return wr_app_failed(r);
    }
    if (is_cut_short(s)) {
        return r->aborted ? WR_CANCELLED
                          : wr_app_fail(r, &stmt->at, 504,
                                        WR_STR("the database took too long"),
                                        "the statement was not done in time");
    }
    if (s->call.err.code != 0) {
        return fail(r, stmt->db, &stmt->at, &s->call.err);
    }
    if (stmt->slot >= 0) {
        wr_app_set(r, stmt->slot, sq_rows_val(s->call.rows));
    }
    return WR_OK;
}

const wr_app_task_t sq_task = {"sql", sizeof(step_t), start, end, lendable, false};

/* ---- the transaction ---- */

wr_rc_t
sq_before(wr_req_t *r, void *state)
{
    const sq_txconf_t *c = wr_stage_conf(r);
    sq_tx_t           *tx = state;

    tx->magic = SQ_TX;
    tx->conf = (sq_txconf_t *) (uintptr_t) c;
    tx->run = c->db->run;
    tx->writes = c->writes;
    tx->alone = c->alone || c->slow_until > wr_clock.mono;
    return WR_OK;
}

/* A request that nobody has answered yet will be a 404. */
bool
sq_is_good(const wr_req_t *r)
{
    return r->task.outcome >= 0 && !r->closed && !r->aborted
           && (r->fail_status != 0 ? r->fail_status < 400
                                   : r->status != 0 && r->status < 400);
}

static wr_rc_t
committed(wr_req_t *r, void *state)
{
    const sq_txconf_t *c = wr_stage_conf(r);
    sq_tx_t           *tx = state;

    if (r->shielded) {
        wr_req_unshield(r);
    }
    if (tx->err.code == 0) {
        return WR_OK;
    }
    (void) fail(r, c->db, tx->at, &tx->err);
    return WR_ERROR;
}

static wr_rc_t
finish(wr_req_t *r, void *state)
{
    sq_tx_t *tx = state;
    bool     good = sq_is_good(r);

    if (!good && tx->writes && (tx->settled || tx->state == SQ_ACTIVE)) {
        wr_app_undo(r);
    }
    if (tx->settled ? tx->end.state == WR_OP_PENDING : sq_tx_end(tx, good)) {
        return wr_await(r, &tx->end, committed);
    }
    return committed(r, state);
}

static wr_rc_t next_guest(wr_req_t *r, void *state);

static wr_rc_t
guest_done(wr_req_t *r, void *state)
{
    const sq_txconf_t *c = wr_stage_conf(r);
    sq_tx_t           *tx = state;

    if ((*WR_AT(&c->db->guests, const wr_sql_guest_t *, tx->guest))->end(r) != WR_OK) {
        return finish(r, state);
    }
    tx->guest++;
    return next_guest(r, state);
}

/* Other modules write in the transaction, one after the other. */
static wr_rc_t
next_guest(wr_req_t *r, void *state)
{
    const sq_txconf_t *c = wr_stage_conf(r);
    sq_tx_t           *tx = state;

    for (; tx->guest < c->db->guests.n; tx->guest++) {
        wr_op_t *op = (*WR_AT(&c->db->guests, const wr_sql_guest_t *, tx->guest))->start(r);

        if (op != NULL) {
            return wr_await(r, op, guest_done);
        }
    }
    return finish(r, state);
}

wr_rc_t
sq_after(wr_req_t *r, void *state)
{
    sq_tx_t *tx = state;

    if (tx->writes && tx->state == SQ_ACTIVE && sq_is_good(r)) {
        return next_guest(r, state);
    }
    return finish(r, state);
}
