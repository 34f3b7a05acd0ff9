/*
 * A connection: how it is opened, what it refuses, what stops its statements.
 *
 * The authorizer refuses what the conf has no business with; the module's own
 * statements pass it.
 */
#include "sqlite.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

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
deny(sq_conn_t *c, const char *why)
{
    c->why = why;
    return SQLITE_DENY;
}

static int
authorize(void *data, int action, const char *a, const char *b, const char *database,
          const char *trigger)
{
    sq_conn_t *c = data;
    bool       script = c->mode == SQ_SCRIPT;

    (void) trigger;
    if (c->mode == SQ_OWN) {
        return SQLITE_OK;
    }
    switch (action) {
    case SQLITE_ATTACH:
    case SQLITE_DETACH:
        return deny(c, script ? "a script is of one database"
                              : "\"sqlite_use\" says which database a statement is of");
    case SQLITE_TRANSACTION:
    case SQLITE_SAVEPOINT:
        return deny(c, script ? "a script runs in a transaction: leave BEGIN, COMMIT and "
                                "savepoints out"
                              : "\"transaction\" makes one around the steps of a request");
    case SQLITE_CREATE_TABLE:
    case SQLITE_CREATE_VIEW:
    case SQLITE_CREATE_VTABLE:
        if (database == NULL || sqlite3_stricmp(database, "temp") != 0) {
            return SQLITE_OK;
        }
        __attribute__((fallthrough));
    case SQLITE_CREATE_TEMP_INDEX:
    case SQLITE_CREATE_TEMP_TABLE:
    case SQLITE_CREATE_TEMP_TRIGGER:
    case SQLITE_CREATE_TEMP_VIEW:
        return script ? SQLITE_OK
                      : deny(c, "what is temporary belongs to a connection, and requests "
                                "share those");
    case SQLITE_FUNCTION:
        return sqlite3_stricmp(b, "load_extension") == 0 ? SQLITE_DENY : SQLITE_OK;
    case SQLITE_PRAGMA:
        if (script) {
            return sqlite3_stricmp(a, "writable_schema") == 0 ? SQLITE_DENY : SQLITE_OK;
        }
        return is_harmless(a, b) ? SQLITE_OK
                                 : deny(c, "pragmas stand in the block of \"sqlite\"");
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

void
sq_conn_watch(sq_conn_t *c)
{
    sqlite3_progress_handler(c->db, 1000, watch_time, c);
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
set_up(sq_conn_t *c, sq_kind_t kind)
{
    static const char *const journals[] = {"wal", "delete", "truncate", "persist"};
    static const char *const syncs[] = {"off", "normal", "full", "extra"};
    const sq_db_t           *conf = c->conf;
    bool                     reads = kind == SQ_READER || kind == SQ_QUICK;
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
    if (kind == SQ_MEMORY) {
        return SQLITE_OK;
    }
    sqlite3_wal_autocheckpoint(c->db, 0);
    sqlite3_wal_hook(c->db, committed, c);
    if (reads) {
        sqlite3_db_config(c->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    }
    /* Before the mode of the journal: to set that makes the file, and then some of them
     * (page_size, auto_vacuum, encoding) would come too late. */
    for (WR_EACH(sq_pragma_t, p, &conf->pragmas)) {
        rc = rc == SQLITE_OK ? sq_conn_own(c, p->sql) : rc;
    }
    /* WAL is a property of the file: only who makes it need say so. */
    if (kind == SQ_MAKER || conf->journal != 0) {
        snprintf(sql, sizeof(sql), "PRAGMA journal_mode=%s", journals[conf->journal]);
        rc = rc == SQLITE_OK ? sq_conn_own(c, sql) : rc;
        if ((rc & 0xff) == SQLITE_BUSY) {
            c->why = " (the mode of the journal cannot change while others have the file open: "
                     "stop the server first)";
        }
    }
    snprintf(sql, sizeof(sql), "PRAGMA synchronous=%s", syncs[conf->synchronous]);
    rc = rc == SQLITE_OK ? sq_conn_own(c, sql) : rc;
    if (conf->cache_size != 0) {
        snprintf(sql, sizeof(sql), "PRAGMA cache_size=-%zu", conf->cache_size / 1024);
        rc = rc == SQLITE_OK ? sq_conn_own(c, sql) : rc;
    }
    if (conf->mmap_size != 0 && kind != SQ_QUICK) {
        snprintf(sql, sizeof(sql), "PRAGMA mmap_size=%zu", conf->mmap_size);
        rc = rc == SQLITE_OK ? sq_conn_own(c, sql) : rc;
    }
    if (reads) {
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

/* The log beside another file of that name may be that of ours. */
static bool
is_another(const sq_db_t *db)
{
    const sq_run_t *run = db->run;
    struct stat     st;

    return run != NULL && run->inode != 0
           && (stat(db->path.p, &st) != 0 || st.st_ino != run->inode || st.st_dev != run->device);
}

sq_conn_t *
sq_conn_open(const sq_db_t *db, sq_kind_t kind, wr_log_t *log)
{
    sq_conn_t *c = calloc(1, sizeof(*c));
    int        flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
    int        rc;

    WR_ASSERT(c != NULL);
    c->conf = db;
    c->nstmts = db->sqls.n;
    c->stmts = calloc(c->nstmts + 1u, sizeof(*c->stmts));
    WR_ASSERT(c->stmts != NULL);
    if (kind == SQ_MAKER || kind == SQ_MEMORY) {
        flags |= SQLITE_OPEN_CREATE;
    }
    rc = is_another(db) ? SQLITE_READONLY_DBMOVED
                        : sqlite3_open_v2(kind == SQ_MEMORY ? ":memory:" : db->path.p, &c->db,
                                          flags, kind == SQ_QUICK ? sq_vfs() : NULL);
    if (rc == SQLITE_OK) {
        rc = set_up(c, kind);
    }
    if (rc == SQLITE_OK) {
        rc = sqlite3_set_authorizer(c->db, authorize, c);
    }
    if (rc == SQLITE_OK) {
        rc = prepare_controls(c);
    }
    if (rc != SQLITE_OK) {
        wr_log(log, WR_LOG_EMERG, 0, "the database \"%.*s\" cannot be opened: %s%s in %.*s:%u:%u",
               WR_ARG(db->path), c->db != NULL                   ? sqlite3_errmsg(c->db)
                                 : rc == SQLITE_READONLY_DBMOVED ? "another file has its name"
                                                                 : "no memory",
               c->why != NULL ? c->why : "",
               WR_ARG(db->at.file), db->at.line, db->at.column);
        sq_conn_close(c);
        return NULL;
    }
    if ((kind == SQ_READER || kind == SQ_QUICK) && db->journal == 0) {
        sq_log_find(c);
    }
    sq_conn_watch(c);
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
