/*
 * A connection: how it is opened, what it refuses, and how it runs a statement.
 *
 * Statements are prepared once per connection and kept. The authorizer refuses what
 * the conf has no business with; the module's own statements pass it.
 */
#include "sqlite.h"

#include <stdio.h>
#include <stdlib.h>
#include <weir/base/utf8.h>

static const char *const controls[SQ_CONTROLS] = {
    "BEGIN", "BEGIN IMMEDIATE", "COMMIT", "ROLLBACK", "SAVEPOINT weir", "RELEASE weir",
    "ROLLBACK TO weir",
};

/* ---- what is refused ---- */

/* Pragmas that only tell something. */
static bool
is_harmless(const char *name, const char *arg)
{
    static const char *const any[] = {
        "table_info", "table_xinfo", "table_list", "index_info", "index_xinfo",
        "index_list", "foreign_key_list", "foreign_key_check", "integrity_check",
        "quick_check",
    };
    static const char *const reads[] = {
        "user_version", "application_id", "data_version", "page_count", "page_size",
        "freelist_count", "encoding", "compile_options", "collation_list",
        "function_list",
    };

    for (unsigned i = 0; i < WR_COUNT(any); i++) {
        if (sqlite3_stricmp(name, any[i]) == 0) {
            return true;
        }
    }
    for (unsigned i = 0; arg == NULL && i < WR_COUNT(reads); i++) {
        if (sqlite3_stricmp(name, reads[i]) == 0) {
            return true;
        }
    }
    return false;
}

static int
authorize(void *data, int action, const char *a, const char *b, const char *database,
          const char *trigger)
{
    const sq_conn_t *c = data;

    (void) database;
    (void) trigger;
    if (c->mode == SQ_OWN) {
        return SQLITE_OK;
    }
    switch (action) {
    case SQLITE_ATTACH:
    case SQLITE_DETACH:
    case SQLITE_TRANSACTION:
    case SQLITE_SAVEPOINT:
        return SQLITE_DENY;
    /* What is temporary belongs to a connection, and those are everybody's. */
    case SQLITE_CREATE_TEMP_INDEX:
    case SQLITE_CREATE_TEMP_TABLE:
    case SQLITE_CREATE_TEMP_TRIGGER:
    case SQLITE_CREATE_TEMP_VIEW:
        return c->mode == SQ_SCRIPT ? SQLITE_OK : SQLITE_DENY;
    case SQLITE_FUNCTION:
        return sqlite3_stricmp(b, "load_extension") == 0 ? SQLITE_DENY : SQLITE_OK;
    case SQLITE_PRAGMA:
        return c->mode == SQ_SCRIPT ? (sqlite3_stricmp(a, "writable_schema") == 0
                                           ? SQLITE_DENY
                                           : SQLITE_OK)
               : is_harmless(a, b) ? SQLITE_OK
                                   : SQLITE_DENY;
    default:
        return SQLITE_OK;
    }
}

/* ---- limits ---- */

static int
watch_time(void *data)
{
    sq_conn_t *c = data;

    if (c->gone != NULL && __atomic_load_n(c->gone, __ATOMIC_RELAXED)) {
        return 1;
    }
    if (c->deadline == 0 || wr_clock_ns() < c->deadline) {
        return 0;
    }
    c->late = true;
    return 1;
}

static int
committed(void *data, sqlite3 *db, const char *name, int pages)
{
    sq_conn_t *c = data;

    (void) db;
    (void) name;
    c->wal_pages = pages;
    return SQLITE_OK;
}

/* ---- opening ---- */

int
sq_conn_own(sq_conn_t *c, const char *sql)
{
    sq_mode_t mode = c->mode;
    int       rc;

    c->mode = SQ_OWN;
    rc = sqlite3_exec(c->db, sql, NULL, NULL, NULL);
    c->mode = mode;
    return rc;
}

int
sq_conn_script(sq_conn_t *c, const char *sql, char **message)
{
    sq_mode_t mode = c->mode;
    int       rc;

    c->mode = SQ_SCRIPT;
    rc = sqlite3_exec(c->db, sql, NULL, NULL, message);
    c->mode = mode;
    return rc;
}

static int
set_up(sq_conn_t *c, bool memory, bool create, bool reader)
{
    static const char *const journals[] = {"wal", "delete", "truncate", "persist"};
    static const char *const syncs[] = {"off", "normal", "full", "extra"};
    const sq_db_t           *conf = c->conf;
    char                     sql[256];
    int                      rc = SQLITE_OK;

    sqlite3_extended_result_codes(c->db, 1);
    sqlite3_db_config(c->db, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    sqlite3_db_config(c->db, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
    sqlite3_db_config(c->db, SQLITE_DBCONFIG_ENABLE_FKEY, 1, NULL);
    sqlite3_db_config(c->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    /* The schema is the conf's own: its triggers may use FTS5 tables. */
    sqlite3_db_config(c->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 1, NULL);
    sqlite3_db_config(c->db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
    sqlite3_limit(c->db, SQLITE_LIMIT_ATTACHED, 0);
    sqlite3_busy_timeout(c->db, (int) conf->busy_timeout);
    if (memory) {
        return SQLITE_OK;
    }
    sqlite3_wal_autocheckpoint(c->db, 0);
    sqlite3_wal_hook(c->db, committed, c);
    if (reader) {
        sqlite3_db_config(c->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    }
    /* WAL is a property of the file: only who makes it need say so. */
    if (create || conf->journal != 0) {
        snprintf(sql, sizeof(sql), "PRAGMA journal_mode=%s", journals[conf->journal]);
        rc = sq_conn_own(c, sql);
    }
    snprintf(sql, sizeof(sql), "PRAGMA synchronous=%s", syncs[conf->synchronous]);
    rc = rc == SQLITE_OK ? sq_conn_own(c, sql) : rc;
    if (conf->cache_size != 0) {
        snprintf(sql, sizeof(sql), "PRAGMA cache_size=-%zu", conf->cache_size / 1024);
        rc = rc == SQLITE_OK ? sq_conn_own(c, sql) : rc;
    }
    if (conf->mmap_size != 0) {
        snprintf(sql, sizeof(sql), "PRAGMA mmap_size=%zu", conf->mmap_size);
        rc = rc == SQLITE_OK ? sq_conn_own(c, sql) : rc;
    }
    for (WR_EACH(sq_pragma_t, p, &conf->pragmas)) {
        rc = rc == SQLITE_OK ? sq_conn_own(c, p->sql) : rc;
    }
    if (reader) {
        rc = rc == SQLITE_OK ? sq_conn_own(c, "PRAGMA query_only=1") : rc;
    }
    return rc;
}

static int
prepare_controls(sq_conn_t *c)
{
    int rc = SQLITE_OK;

    c->mode = SQ_OWN;
    for (unsigned i = 0; rc == SQLITE_OK && i < SQ_CONTROLS; i++) {
        rc = sqlite3_prepare_v3(c->db, controls[i], -1, SQLITE_PREPARE_PERSISTENT,
                                &c->controls[i], NULL);
    }
    c->mode = SQ_STATEMENT;
    return rc;
}

sq_conn_t *
sq_conn_open(const sq_db_t *db, bool memory, bool create, bool reader, wr_log_t *log)
{
    sq_conn_t *c = calloc(1, sizeof(*c));
    int        flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
    int        rc;

    WR_ASSERT(c != NULL);
    c->conf = db;
    c->nstmts = db->sqls.n;
    c->stmts = calloc(c->nstmts + 1u, sizeof(*c->stmts));
    WR_ASSERT(c->stmts != NULL);
    if (create || memory) {
        flags |= SQLITE_OPEN_CREATE;
    }
    rc = sqlite3_open_v2(memory ? ":memory:" : db->path.p, &c->db, flags, NULL);
    if (rc == SQLITE_OK) {
        rc = set_up(c, memory, create, reader);
    }
    if (rc == SQLITE_OK) {
        rc = sqlite3_set_authorizer(c->db, authorize, c);
    }
    if (rc == SQLITE_OK) {
        rc = prepare_controls(c);
    }
    if (rc != SQLITE_OK) {
        wr_log(log, WR_LOG_EMERG, 0, "the database \"%.*s\" cannot be opened: %s",
               WR_ARG(db->path), c->db != NULL ? sqlite3_errmsg(c->db) : "no memory");
        sq_conn_close(c);
        return NULL;
    }
    sqlite3_progress_handler(c->db, 1000, watch_time, c);
    return c;
}

void
sq_conn_close(sq_conn_t *c)
{
    if (c == NULL) {
        return;
    }
    for (unsigned i = 0; i < c->nstmts; i++) {
        sqlite3_finalize(c->stmts[i]);
    }
    for (unsigned i = 0; i < SQ_CONTROLS; i++) {
        sqlite3_finalize(c->controls[i]);
    }
    sqlite3_close(c->db);
    free(c->stmts);
    free(c);
}

/* ---- running ---- */

int
sq_conn_control(sq_conn_t *c, sq_control_t what)
{
    sq_mode_t mode = c->mode;
    int       rc;

    c->mode = SQ_OWN;
    c->deadline = 0;
    rc = sqlite3_step(c->controls[what]);
    if (rc == SQLITE_DONE) {
        rc = SQLITE_OK;
    }
    sqlite3_reset(c->controls[what]);
    c->mode = mode;
    return rc;
}

void
sq_err_take(sq_err_t *err, sqlite3 *db, wr_pool_t *pool)
{
    err->code = sqlite3_extended_errcode(db);
    if (err->code == SQLITE_OK) {
        err->code = SQLITE_ERROR;
    }
    err->message = wr_pool_str(pool, wr_str_z(sqlite3_errmsg(db)));
}

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

/* Text from the file, which may hold any bytes: what is no UTF-8 is replaced. */
static wr_val_t
text_value(wr_pool_t *pool, const char *p, size_t n)
{
    wr_str_t s = wr_str(p != NULL ? p : "", p != NULL ? n : 0);
    wr_buf_t b;

    if (wr_utf8_valid(s)) {
        return wr_vstr(wr_pool_str(pool, s));
    }
    b = wr_buf(pool);
    while (s.n != 0) {
        size_t good = wr_utf8_bad(s);

        wr_buf_add(&b, s.p, good);
        s = wr_str_skip(s, good);
        if (s.n != 0) {
            wr_buf_lit(&b, "\xef\xbf\xbd");
            s = wr_str_skip(s, 1);
        }
    }
    return wr_vstr(wr_buf_text(&b));
}

static wr_val_t
column(wr_pool_t *pool, sqlite3_stmt *s, int i)
{
    wr_val_t v;
    int      type = sqlite3_column_type(s, i);

    switch (type) {
    case SQLITE_INTEGER:
        return wr_int(sqlite3_column_int64(s, i));
    case SQLITE_FLOAT:
        return wr_float(sqlite3_column_double(s, i));
    case SQLITE_TEXT: {
        const char *p = (const char *) sqlite3_column_text(s, i);

        return text_value(pool, p, (size_t) sqlite3_column_bytes(s, i));
    }
    case SQLITE_BLOB: {
        const char *p = sqlite3_column_blob(s, i);

        v = wr_vstr(wr_pool_str(pool, wr_str(p != NULL ? p : "",
                                             (size_t) sqlite3_column_bytes(s, i))));
        v.type = WR_V_BYTES;
        return v;
    }
    default:
        return wr_none();
    }
}

/* The columns are counted anew each time: another program may have changed the
 * table, and the statement is then compiled again by itself. */
static int
read_rows(sq_conn_t *c, sq_call_t *call, sqlite3_stmt *s)
{
    size_t before = wr_pool_used(call->pool);
    int    columns = 0, rows = 0;
    int    rc = sqlite3_step(s);

    columns = sqlite3_column_count(s);
    call->rows = sq_rows_new(call->pool, (unsigned) columns);
    for (int i = 0; i < columns; i++) {
        sq_rows_name(call->rows, (unsigned) i, wr_str_z(sqlite3_column_name(s, i)));
    }
    while (rc == SQLITE_ROW) {
        wr_val_t *cells = sq_rows_add(call->rows);

        rows++;
        for (int i = 0; i < columns; i++) {
            cells[i] = column(call->pool, s, i);
        }
        if (wr_pool_used(call->pool) - before > c->conf->result_limit) {
            call->err.code = SQLITE_TOOBIG;
            call->err.message = WR_STR("the result is larger than result_limit");
            break;
        }
        rc = sqlite3_step(s);
    }
    if (rows != 0) {
        wr_metric_add_mt(call->sql->rows, rows);
    }
    return rc;
}

static void
run(sq_conn_t *c, sq_call_t *call, sqlite3_stmt *s)
{
    int64_t total = sqlite3_total_changes64(c->db);
    int     rc;

    for (unsigned i = 0; i < call->stmt->nparams; i++) {
        if (bind_value(s, (int) i + 1, &call->params[i]) != SQLITE_OK) {
            sq_err_take(&call->err, c->db, call->pool);
            return;
        }
    }
    sqlite3_set_last_insert_rowid(c->db, 0);
    rc = read_rows(c, call, s);
    if (call->err.code != 0) {
        return;
    }
    if (rc != SQLITE_DONE) {
        sq_err_take(&call->err, c->db, call->pool);
        if (c->late) {
            call->err.message = WR_STR("the statement took longer than "
                                       "statement_timeout");
        }
        return;
    }
    sq_rows_end(call->rows,
                sqlite3_total_changes64(c->db) != total ? sqlite3_changes64(c->db) : 0,
                sqlite3_last_insert_rowid(c->db) != 0,
                sqlite3_last_insert_rowid(c->db));
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
