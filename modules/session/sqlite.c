/*
 * session: the store in a database of the application, by the service of
 * <weir/app/sql.h>.
 *
 * One table, made beside the application's own. A request that has a writing
 * transaction under way on this database saves its session in it: both are committed,
 * or neither. Others save in a transaction of their own, which shares its commit with
 * those that wait. That a session was used is noted only now and then, by nobody's
 * leave; what has ended is swept away by those that begin new ones.
 */
#include "session.h"

#include <weir/app/sql.h>

enum { SWEEP = 60 };        /* seconds between sweeps of a worker */

typedef struct sqlite {
    const wr_sql_t *sql;
    wr_str_t        database;
    wr_str_t        table;
    wr_sql_stmt_t  *load, *touch, *create, *update, *rename, *drop, *sweep;
    int64_t         swept;
} sqlite_t;

/* ---- calls ---- */

typedef void (*ended_t)(wr_session_job_t *j, const wr_sql_call_t *call,
                        const wr_sql_rows_t *rows);

typedef struct pending {
    wr_session_job_t *j;
    wr_sql_call_t    *call;
    ended_t           ended;
} pending_t;

static void
call_done(wr_op_t *op)
{
    pending_t           *p = op->waiter;
    wr_session_job_t    *j = p->j;
    const wr_sql_call_t *call = p->call;
    const sqlite_t      *d = j->store;
    wr_sql_rows_t        rows;

    j->cmd = NULL;
    j->op.cancel = NULL;
    if (op->rc != WR_OK || call->status != 0
        || !d->sql->rows(&call->result, &rows))
    {
        if (call->status != 0) {
            wr_log(j->log, WR_LOG_ERR, 0, "sqlite %.*s: %.*s", WR_ARG(d->database),
                   WR_ARG(call->message));
        }
        wr_session_done(j, WR_SESSION_AWAY);
        return;
    }
    p->ended(j, call, &rows);
}

static void
cancel(wr_op_t *op)
{
    wr_session_job_t *j = WR_CONTAINER(op, wr_session_job_t, op);

    if (j->cmd != NULL) {
        wr_op_cancel(((pending_t *) j->cmd)->call->op);
    }
}

static void
start(wr_session_job_t *j, const wr_sql_stmt_t *stmt, const wr_val_t *values, unsigned n,
      ended_t ended)
{
    const sqlite_t *d = j->store;
    pending_t      *p = WR_NEW(j->pool, pending_t);
    wr_val_t       *kept = WR_NEW_N(j->pool, wr_val_t, n);

    memcpy(kept, values, n * sizeof(*kept));
    p->j = j;
    p->ended = ended;
    j->cmd = p;
    p->call = d->sql->start(j->r, j->pool, stmt, kept);
    p->call->op->waiter = p;
    if (p->call->op->state == WR_OP_DONE) {
        call_done(p->call->op);
    } else {
        p->call->op->done = call_done;
    }
}

#define START(job, stmt, ended, ...)                                          \
    start(job, stmt, (wr_val_t[]) {__VA_ARGS__},                              \
          sizeof((wr_val_t[]) {__VA_ARGS__}) / sizeof(wr_val_t), ended)

static wr_val_t
until(const wr_session_job_t *j)
{
    return wr_int(wr_clock.sec + j->ttl);
}

/* ---- what nobody waits for ---- */

static void
free_call(wr_op_t *op)
{
    wr_pool_free(op->waiter);
}

/* The values' texts are copied. */
static void
in_passing(const sqlite_t *d, const wr_sql_stmt_t *stmt, wr_val_t a, wr_val_t b, wr_str_t key)
{
    wr_pool_t     *pool = wr_pool_new();
    wr_val_t      *values = WR_NEW_N(pool, wr_val_t, 3);
    wr_sql_call_t *call;

    values[0] = a;
    values[1] = b;
    values[2] = wr_vstr(wr_pool_str(pool, key));
    call = d->sql->start(NULL, pool, stmt, values);
    if (call->op->state == WR_OP_DONE) {
        wr_pool_free(pool);
        return;
    }
    call->op->waiter = pool;
    call->op->done = free_call;
}

/* A sixteenth of its time may pass before it is written that it was used. */
static bool
is_to_be_touched(const wr_session_job_t *j, int64_t expires)
{
    return expires - wr_clock.sec < j->ttl - (j->ttl >= 64 ? j->ttl / 16 : 0);
}

/* ---- load ---- */

static wr_str_t
text_of(wr_session_job_t *j, const wr_val_t *v)
{
    return v->type == WR_V_STR || v->type == WR_V_BYTES
               ? wr_pool_str(j->pool, wr_val_text(v))
               : WR_STR_NONE;
}

static void
loaded(wr_session_job_t *j, const wr_sql_call_t *call, const wr_sql_rows_t *rows)
{
    const sqlite_t *d = j->store;
    const wr_val_t *cells;

    (void) call;
    if (rows->n == 0) {
        wr_session_done(j, WR_SESSION_GONE);
        return;
    }
    cells = d->sql->cells(rows, 0);
    j->text = text_of(j, &cells[0]);
    if (cells[1].type == WR_V_INT && is_to_be_touched(j, cells[1].u.i)) {
        in_passing(d, d->touch, until(j), wr_int(wr_clock.sec), j->key);
    }
    wr_session_done(j, WR_SESSION_DONE);
}

static void
load(wr_session_job_t *j)
{
    const sqlite_t *d = j->store;

    j->op.cancel = cancel;
    START(j, d->load, loaded, wr_vstr(j->key), wr_int(wr_clock.sec));
}

/* ---- save ---- */

static void
done(wr_session_job_t *j, const wr_sql_call_t *call, const wr_sql_rows_t *rows)
{
    (void) call;
    (void) rows;
    wr_session_done(j, WR_SESSION_DONE);
}

static void
create(wr_session_job_t *j)
{
    sqlite_t *d = j->store;

    if (wr_clock.sec >= d->swept + SWEEP) {
        d->swept = wr_clock.sec;
        in_passing(d, d->sweep, wr_int(wr_clock.sec), wr_int(1000), WR_STR("-"));
    }
    START(j, d->create, done, wr_vstr(j->key), wr_vstr(j->text), until(j));
}

static void
drop(wr_session_job_t *j)
{
    const sqlite_t *d = j->store;

    START(j, d->drop, done, wr_vstr(j->key));
}

/* What stands there instead of what was expected. */
static void
found_other(wr_session_job_t *j, const wr_sql_call_t *call, const wr_sql_rows_t *rows)
{
    const sqlite_t *d = j->store;

    (void) call;
    if (rows->n == 0) {
        wr_session_done(j, WR_SESSION_GONE);
        return;
    }
    j->text = text_of(j, &d->sql->cells(rows, 0)[0]);
    wr_session_done(j, WR_SESSION_CONFLICT);
}

static void
changed(wr_session_job_t *j, const wr_sql_call_t *call, const wr_sql_rows_t *rows)
{
    const sqlite_t *d = j->store;

    (void) call;
    if (rows->n != 0) {
        wr_session_done(j, WR_SESSION_DONE);
        return;
    }
    START(j, d->load, found_other, wr_vstr(j->key), wr_int(wr_clock.sec));
}

static void
update(wr_session_job_t *j)
{
    const sqlite_t *d = j->store;

    START(j, d->update, changed, wr_vstr(j->text), until(j), wr_vstr(j->key),
          wr_vstr(j->expect), wr_int(wr_clock.sec));
}

static void
change_key(wr_session_job_t *j)
{
    const sqlite_t *d = j->store;

    START(j, d->rename, changed, wr_vstr(j->to), wr_vstr(j->text), until(j),
          wr_vstr(j->key), wr_vstr(j->expect), wr_int(wr_clock.sec));
}

static bool
joins(wr_req_t *r, void *store)
{
    const sqlite_t *d = store;

    return d->sql->writing(r, d->update);
}

/* ---- conf ---- */

static void *
open_store(wr_conf_t *cf, const wr_tok_t *arg)
{
    sqlite_t *d = WR_NEW(cf->pool, sqlite_t);
    ssize_t   colon = wr_str_chr(arg->text, ':');

    d->sql = wr_service_find(cf, WR_SQL_SERVICE);
    if (d->sql == NULL) {
        (void) wr_conf_fail(cf, arg, "\"session sqlite:…\" needs "
                                     "\"load_module modules/http_sqlite_module.so;\"");
        return NULL;
    }
    if (colon >= 0) {
        d->database = wr_pool_str(cf->pool, wr_str_skip(arg->text, (size_t) colon + 1));
    }
    d->table = WR_STR("weir_sessions");
    return d;
}

static bool
is_identifier(wr_str_t s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (!wr_is_word(s.p[i])) {
            return false;
        }
    }
    return s.n != 0 && s.n <= 64 && !wr_is_digit(s.p[0]);
}

static wr_rc_t
option(wr_conf_t *cf, void *store, const wr_tok_t *arg)
{
    sqlite_t *d = store;
    wr_str_t  v;

    if (!wr_arg_value(arg->text, "table", &v)) {
        return WR_DECLINED;
    }
    d->table = wr_pool_str(cf->pool, v);
    return is_identifier(v) ? WR_OK : session_bad_value(cf, arg);
}

/* %t in the text is the table. */
static const char *
sql_text(wr_conf_t *cf, const sqlite_t *d, const char *format)
{
    wr_buf_t b = wr_buf(cf->pool);

    for (; *format != '\0'; format++) {
        if (format[0] == '%' && format[1] == 't') {
            wr_buf_str(&b, d->table);
            format++;
        } else {
            wr_buf_char(&b, *format);
        }
    }
    return wr_buf_cstr(&b);
}

static wr_sql_stmt_t *
statement(wr_conf_t *cf, const sqlite_t *d, const char *format)
{
    return d->sql->statement(cf, &cf->args[1], d->database, sql_text(cf, d, format));
}

static void *
ready(wr_conf_t *cf, void *store, wr_str_t *label)
{
    sqlite_t *d = store;

    *label = wr_pool_printf(cf->pool, "sqlite:%.*s", WR_ARG(d->database));
    d->sql->schema(cf, &cf->args[1], d->database, sql_text(cf, d,
        "CREATE TABLE IF NOT EXISTS %t(key TEXT PRIMARY KEY, data TEXT NOT NULL,"
        " expires INTEGER NOT NULL) WITHOUT ROWID;"
        " CREATE INDEX IF NOT EXISTS %t_expires ON %t(expires)"));
    d->load = statement(cf, d, "SELECT data, expires FROM %t WHERE key = ?"
                               " AND expires >= ?");
    d->touch = statement(cf, d, "UPDATE %t SET expires = ? WHERE expires >= ?"
                                " AND key = ?");
    d->create = statement(cf, d, "INSERT INTO %t(key, data, expires) VALUES(?, ?, ?)"
                                 " ON CONFLICT(key) DO UPDATE SET data = excluded.data,"
                                 " expires = excluded.expires");
    d->update = statement(cf, d, "UPDATE %t SET data = ?, expires = ? WHERE key = ?"
                                 " AND data = ? AND expires >= ? RETURNING 1");
    d->rename = statement(cf, d, "UPDATE %t SET key = ?, data = ?, expires = ?"
                                 " WHERE key = ? AND data = ? AND expires >= ?"
                                 " RETURNING 1");
    d->drop = statement(cf, d, "DELETE FROM %t WHERE key = ?");
    d->sweep = statement(cf, d, "DELETE FROM %t WHERE key IN (SELECT key FROM %t"
                                " WHERE expires < ? LIMIT ?) AND key <> ?");
    return d;
}

const wr_session_store_t session_sqlite = {
    .size = sizeof(session_sqlite),
    .name = "sqlite",
    .open = open_store,
    .option = option,
    .ready = ready,
    .load = load,
    .create = create,
    .update = update,
    .rename = change_key,
    .drop = drop,
    .joins = joins,
};
