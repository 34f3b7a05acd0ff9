/*
 * Running a statement of the conf on a connection: values in, rows out.
 *
 * Statements are prepared once per connection and kept. What SQLite gives is gone with
 * the next row, so texts are copied; the names of the columns are those that the conf's
 * check has found, as long as they still are.
 */
#include "sqlite.h"

#include <weir/base/utf8.h>

#define NO_ID INT64_MIN

void
sq_err_take(sq_err_t *err, sqlite3 *db, wr_pool_t *pool)
{
    err->code = sqlite3_extended_errcode(db);
    if (err->code == SQLITE_OK) {
        err->code = SQLITE_ERROR;
    }
    err->message = wr_pool_str(pool, wr_str_z(sqlite3_errmsg(db)));
}

/* ---- values in ---- */

static int
bind_value(sqlite3_stmt *s, int i, const wr_val_t *v)
{
    switch (v->type) {
    case WR_V_BOOL:
    case WR_V_INT:
        return sqlite3_bind_int64(s, i, v->u.i);
    case WR_V_FLOAT:
        return sqlite3_bind_double(s, i, v->u.f);
    case WR_V_STR:
        return sqlite3_bind_text64(s, i, v->len != 0 ? v->u.s : "", v->len, SQLITE_STATIC,
                                   SQLITE_UTF8);
    case WR_V_BYTES:
        return sqlite3_bind_blob64(s, i, v->len != 0 ? v->u.s : "", v->len,
                                   SQLITE_STATIC);
    default:
        return sqlite3_bind_null(s, i);
    }
}

int
sq_bind(sqlite3_stmt *s, const sq_call_t *call)
{
    int rc = SQLITE_OK;

    for (unsigned i = 0; rc == SQLITE_OK && i < call->stmt->nparams; i++) {
        rc = bind_value(s, (int) i + 1, &call->params[i]);
    }
    return rc;
}

/* ---- rows out ---- */

/* Text from the file may hold any bytes: what is no UTF-8 is replaced. */
static wr_str_t
repaired(wr_pool_t *pool, wr_str_t s)
{
    wr_buf_t b = wr_buf(pool);

    while (s.n != 0) {
        size_t good = wr_utf8_bad(s);

        wr_buf_add(&b, s.p, good);
        s = wr_str_skip(s, good);
        if (s.n != 0) {
            wr_buf_lit(&b, "\xef\xbf\xbd");
            s = wr_str_skip(s, 1);
        }
    }
    return wr_buf_text(&b);
}

static wr_val_t
text_value(wr_pool_t *pool, wr_str_t s)
{
    char *to = wr_alloc_bytes(pool, s.n + 1);

    to[s.n] = '\0';
    if (!wr_utf8_ascii_copy(to, s) && !wr_utf8_valid(s)) {
        return wr_vstr(repaired(pool, s));
    }
    return wr_vstr(wr_str(to, s.n));
}

/* False: there is no memory. */
static inline bool
take_cell(wr_pool_t *pool, sqlite3_value *from, wr_val_t *to)
{
    const char *p;
    size_t      n;

    switch (sqlite3_value_type(from)) {
    case SQLITE_INTEGER:
        *to = wr_int(sqlite3_value_int64(from));
        return true;
    case SQLITE_FLOAT:
        *to = wr_float(sqlite3_value_double(from));
        return true;
    case SQLITE_TEXT:
        p = (const char *) sqlite3_value_text(from);
        if (p == NULL) {
            return false;
        }
        *to = text_value(pool, wr_str(p, (size_t) sqlite3_value_bytes(from)));
        return true;
    case SQLITE_BLOB:
        p = sqlite3_value_blob(from);
        n = (size_t) sqlite3_value_bytes(from);
        if (p == NULL && n != 0) {
            return false;
        }
        *to = wr_vstr(wr_pool_str(pool, wr_str(n != 0 ? p : "", n)));
        to->type = WR_V_BYTES;
        return true;
    default:
        *to = wr_none();
        return true;
    }
}

static bool
is_taken(const wr_str_t *names, unsigned n, wr_str_t name)
{
    for (unsigned i = 0; i < n; i++) {
        if (wr_str_eq(names[i], name)) {
            return true;
        }
    }
    return false;
}

wr_str_t *
sq_column_names(wr_pool_t *pool, sqlite3_stmt *s, unsigned *n)
{
    wr_str_t *names;

    *n = (unsigned) sqlite3_column_count(s);
    names = WR_NEW_N(pool, wr_str_t, *n + 1);
    for (unsigned i = 0; i < *n; i++) {
        const char *name = sqlite3_column_name(s, (int) i);

        names[i] = wr_pool_str(pool, wr_str_z(name));
        for (unsigned k = 1; is_taken(names, i, names[i]); k++) {
            names[i] = wr_pool_printf(pool, "%s:%u", name, k);
        }
    }
    return names;
}

/* Or its like, with a number behind it: sq_column_names. */
static bool
is_key_of(wr_str_t key, const char *name)
{
    size_t n = strlen(name);

    return key.n >= n && memcmp(key.p, name, n) == 0 && (key.n == n || key.p[n] == ':');
}

bool
sq_names_are(sqlite3_stmt *s, const sq_sql_t *sql)
{
    bool same = sqlite3_column_count(s) == (int) sql->shape->n;

    for (unsigned i = 0; same && i < sql->shape->n; i++) {
        same = is_key_of(sql->shape->keys[i], sqlite3_column_name(s, (int) i));
    }
    return same;
}

/* Another program may have changed the table: then the columns are others than those
 * that the conf was checked with. */
static const wr_shape_t *
shape_of(wr_pool_t *pool, sqlite3_stmt *s, const sq_sql_t *sql)
{
    wr_shape_t *shape;

    if (sq_names_are(s, sql)) {
        return sql->shape;
    }
    shape = WR_NEW(pool, wr_shape_t);
    shape->keys = sq_column_names(pool, s, &shape->n);
    return shape;
}

int
sq_read(sq_call_t *call, sqlite3_stmt *s, bool same_names, size_t limit)
{
    wr_pool_t        *pool = call->pool;
    size_t            before = wr_pool_used(pool);
    int               rc = sqlite3_step(s), columns = sqlite3_column_count(s);
    const wr_shape_t *shape = same_names ? call->sql->shape : shape_of(pool, s, call->sql);
    wr_list_t        *list;

    call->rows = sq_rows_new(pool, shape);
    list = call->rows->list;
    for (; rc == SQLITE_ROW; rc = sqlite3_step(s)) {
        wr_record_t *row = wr_record_new(pool, shape);

        wr_list_push(pool, list, wr_vobj(&row->obj));
        for (int i = 0; i < columns; i++) {
            if (!take_cell(pool, sqlite3_column_value(s, i), &row->cells[i])) {
                return SQLITE_NOMEM;
            }
        }
        if (wr_pool_used(pool) - before > limit) {
            return SQLITE_ROW;
        }
    }
    if (list->n != 0) {
        wr_metric_add_mt(call->sql->rows, list->n);
    }
    return rc;
}

/* ---- on a thread ---- */

static void
fail(sq_conn_t *c, sq_call_t *call, int rc)
{
    if (rc == SQLITE_ROW) {
        call->err.code = SQLITE_TOOBIG;
        call->err.message = WR_STR("the result is larger than result_limit");
        return;
    }
    if (rc == SQLITE_NOMEM) {
        call->err.code = SQLITE_NOMEM;
        call->err.message = WR_STR("out of memory");
        return;
    }
    sq_err_take(&call->err, c->db, call->pool);
    if (c->late) {
        call->err.message = WR_STR("the statement took longer than statement_timeout");
    }
}

/* Whether a statement has inserted a row is told by the connection's last id, which it is
 * given one before that no row has. One that asks for the last id is given that of its
 * transaction, never one of another. */
static void
run(sq_conn_t *c, sq_call_t *call, sqlite3_stmt *s)
{
    sq_tx_t *tx = call->tx;
    int64_t  total = sqlite3_total_changes64(c->db), id, before;
    bool     changes, has_id;
    int      rc = sq_bind(s, call);

    before = call->sql->asks_id ? tx->last_id : NO_ID;
    if (rc == SQLITE_OK) {
        sqlite3_set_last_insert_rowid(c->db, before);
        rc = sq_read(call, s, false, c->conf->result_limit);
    }
    if (rc != SQLITE_DONE) {
        fail(c, call, rc);
        return;
    }
    changes = sqlite3_total_changes64(c->db) != total;
    id = sqlite3_last_insert_rowid(c->db);
    has_id = id != before || (before != NO_ID && changes && call->sql->inserts);
    tx->last_id = has_id ? id : tx->last_id;
    sq_rows_end(call->rows, changes ? sqlite3_changes64(c->db) : 0, has_id, id);
}

void
sq_conn_run(sq_conn_t *c, sq_call_t *call)
{
    sqlite3_stmt **s = &c->stmts[call->sql->id];
    uint64_t       start = wr_clock_ns();

    c->late = false;
    c->deadline = c->conf->statement_timeout != 0
                      ? start + (uint64_t) c->conf->statement_timeout * 1000000
                      : 0;
    if (*s == NULL
        && sqlite3_prepare_v3(c->db, call->sql->text, call->sql->n + 1,
                              SQLITE_PREPARE_PERSISTENT, s, NULL)
               != SQLITE_OK)
    {
        sq_err_take(&call->err, c->db, call->pool);
        return;
    }
    run(c, call, *s);
    wr_metric_time_mt(call->sql->seconds, (wr_clock_ns() - start) / 1000);
    sqlite3_reset(*s);
    sqlite3_clear_bindings(*s);
}
