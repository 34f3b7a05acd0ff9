/*
 * sqlite: databases of the conf, statements as steps, transactions around requests.
 *
 * This file has the directives and the module's life: what the conf says is checked
 * when all of it has been read, against the schema in memory; the master brings the
 * files up to date; the workers open their connections after the fork.
 */
#include "sqlite.h"

#include <weir/http/server.h>

#define ALL (WR_HTTP | WR_SERVER | WR_LOCATION)

wr_array_t sq_dbs;

static sq_main_t *reading;      /* of the conf that is being read */
static char       tag;          /* of our zones */

sq_main_t *
sq_main_of(wr_conf_t *cf)
{
    sq_main_t *m = (sq_main_t *) (uintptr_t) wr_service_find(cf, "sqlite.1");

    if (m == NULL) {
        m = WR_NEW(cf->pool, sq_main_t);
        m->pool = cf->pool;
        m->dbs = wr_array(cf->pool, sizeof(sq_db_t *));
        m->stmts = wr_array(cf->pool, sizeof(sq_stmt_t *));
        m->txs = wr_array(cf->pool, sizeof(sq_txconf_t *));
        m->wishes = wr_array(cf->pool, sizeof(sq_wish_t));
        m->wraps = wr_array(cf->pool, sizeof(sq_around_t));
        m->warned = wr_map(cf->pool, false);
        wr_service_offer(cf, "sqlite.1", m);
        wr_service_offer(cf, WR_SQL_SERVICE, &sq_service);
    }
    return m;
}

static sq_db_t *
find_db(const sq_main_t *m, wr_str_t name)
{
    for (WR_EACH(sq_db_t *, db, &m->dbs)) {
        if (wr_str_eq((*db)->name, name)) {
            return *db;
        }
    }
    return NULL;
}

const wr_scope_t *
sq_scope_of(const wr_scope_t *scope)
{
    while (scope->outer != NULL && (scope->context & (WR_WHEN | WR_GATHER)) != 0) {
        scope = scope->outer;
    }
    return scope;
}

/* ---- directives ---- */

static wr_rc_t
set_sqlite(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    sq_main_t *m = sq_main_of(cf);
    sq_db_t   *db = WR_NEW(cf->pool, sq_db_t);
    wr_str_t   zone;

    (void) d;
    (void) conf;
    if (wr_str_eq(cf->args[2].text, WR_STR(":memory:"))
        || wr_str_starts(cf->args[2].text, WR_STR("file:")))
    {
        return wr_conf_fail_hint(cf, &cf->args[2], WR_STR("one in memory would be another for "
                                                          "each connection"),
                                 "the database needs the path of a file");
    }
    db->name = wr_pool_str(cf->pool, cf->args[1].text);
    db->path = wr_conf_path(cf, cf->args[2].text);
    db->at = cf->args[2];
    db->at.file = wr_pool_str(cf->pool, db->at.file);
    if (find_db(m, db->name) != NULL) {
        return wr_conf_fail(cf, &cf->args[1], "there is another database \"%.*s\"",
                            WR_ARG(db->name));
    }
    for (WR_EACH(sq_db_t *, other, &m->dbs)) {
        if (wr_str_eq((*other)->path, db->path)) {
            return wr_conf_fail(cf, &cf->args[2], "\"%.*s\" is the database \"%.*s\"",
                                WR_ARG(db->path), WR_ARG((*other)->name));
        }
    }
    zone = wr_pool_join(cf->pool, WR_STR("sqlite:"), db->path);
    db->zone = wr_zone_add(cf, zone, 65536, &tag);
    if (db->zone == NULL) {
        return WR_ERROR;
    }
    db->zone->init = sq_lock_init;
    db->zone->user = db;
    db->scope = wr_conf_scope(cf, WR_SQLITE, db);
    *WR_PUSH(&m->dbs, sq_db_t *) = db;
    (void) wr_scope_own(cf, db->scope, &WR_SELF->schema);
    return wr_conf_block(cf, db->scope);
}

static bool
is_plain(wr_str_t s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (!wr_is_word(s.p[i]) && s.p[i] != '-') {
            return false;
        }
    }
    return s.n != 0;
}

static wr_rc_t
set_pragma(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    static const struct {
        const char *name, *why;
    } refused[] = {
        {"journal_mode", "the directive \"journal\" sets it"},
        {"synchronous", "the directive of this name sets it"},
        {"busy_timeout", "the directive of this name sets it"},
        {"cache_size", "the directive of this name sets it"},
        {"mmap_size", "the directive of this name sets it"},
        {"foreign_keys", "it is always on"},
        {"ignore_check_constraints", "it is always off"},
        {"trusted_schema", "it is always on: the schema is the conf's own"},
        {"writable_schema", "it is always off"},
        {"locking_mode", "workers share the database"},
        {"query_only", "the server itself sets it"},
        {"wal_autocheckpoint", "the server itself sets it"},
        {"wal_checkpoint", "the server itself does it"},
        {"schema_version", "SQLite itself sets it"},
        {"user_version", "it is of the file: a migration sets it"},
        {"application_id", "it is of the file: a migration sets it"},
        {"soft_heap_limit", "it is of the whole process"},
        {"hard_heap_limit", "it is of the whole process"},
        {"temp_store_directory", "it is of the whole process"},
        {"data_store_directory", "it is of the whole process"},
    };
    sq_conf_t   *c = conf;
    sq_pragma_t *p;
    wr_str_t     name = cf->args[1].text, value = cf->args[2].text;

    (void) d;
    for (unsigned i = 0; i < WR_COUNT(refused); i++) {
        if (wr_str_ieqz(name, refused[i].name)) {
            return wr_conf_fail_hint(cf, &cf->args[1], wr_str_z(refused[i].why),
                                     "the pragma \"%.*s\" cannot be set here", WR_ARG(name));
        }
    }
    if (!is_plain(name) || !is_plain(value)) {
        return wr_conf_fail(cf, &cf->args[1], "invalid pragma");
    }
    if (c->db.pragmas.pool == NULL) {
        c->db.pragmas = wr_array(cf->pool, sizeof(sq_pragma_t));
    }
    p = WR_PUSH(&c->db.pragmas, sq_pragma_t);
    /* In quotes, for `UTF-16` is no word; a number may stand in them as well. */
    p->sql = wr_pool_printf(cf->pool, "PRAGMA %.*s='%.*s'", WR_ARG(name), WR_ARG(value)).p;
    p->at = cf->args[1];
    p->at.file = wr_pool_str(cf->pool, p->at.file);
    p->at.text = wr_pool_str(cf->pool, name);
    return WR_OK;
}

/* SQLite itself takes any name. */
static wr_rc_t
check_pragmas(wr_conf_t *cf, const sq_db_t *db, sq_conn_t *mem)
{
    wr_array_t    names = wr_array(cf->temp, sizeof(const char *));
    sqlite3_stmt *s = NULL;

    mem->mode = SQ_OWN;
    if (sqlite3_prepare_v2(mem->db, "SELECT name FROM pragma_pragma_list", -1, &s, NULL)
        == SQLITE_OK)
    {
        while (sqlite3_step(s) == SQLITE_ROW) {
            *WR_PUSH(&names, const char *) = wr_pool_strz(
                cf->temp, wr_str_z((const char *) sqlite3_column_text(s, 0)));
        }
    }
    sqlite3_finalize(s);
    mem->mode = SQ_STATEMENT;
    for (WR_EACH(sq_pragma_t, p, &db->pragmas)) {
        bool        is = names.n == 0;
        const char *near;

        for (WR_EACH(const char *, name, &names)) {
            is |= wr_str_ieqz(p->at.text, *name);
        }
        if (is) {
            continue;
        }
        near = wr_nearest(p->at.text, names.items, names.n);
        return wr_conf_fail_hint(cf, &p->at, near != NULL
                                     ? wr_pool_printf(cf->temp, "did you mean \"%s\"?", near)
                                     : WR_STR("SQLite lists those that it has: PRAGMA pragma_list"),
                                 "there is no pragma \"%.*s\"", WR_ARG(p->at.text));
    }
    return WR_OK;
}

static wr_rc_t
set_transaction(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    sq_conf_t *c = conf;

    (void) d;
    if (wr_scope_is_set(cf->scope, &WR_SELF->schema, offsetof(sq_conf_t, around))) {
        return wr_conf_fail(cf, NULL, "\"transaction\" directive is duplicate");
    }
    c->around.on = cf->nargs == 1 || !wr_str_eqz(cf->args[1].text, "off");
    c->around.db = WR_STR_NONE;
    c->around.at = cf->args[0];
    if (c->around.on && cf->nargs > 1) {
        c->around.db = wr_pool_str(cf->pool, cf->args[1].text);
        c->around.at = cf->args[1];
    }
    c->around.at.file = wr_pool_str(cf->pool, c->around.at.file);
    if (c->around.on) {
        *WR_PUSH(&sq_main_of(cf)->wraps, sq_around_t) = c->around;
    }
    return WR_OK;
}

static wr_rc_t
set_sql(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    sq_stmt_t *s = WR_NEW(cf->pool, sq_stmt_t);
    wr_tok_t   name, text;
    bool       named = wr_app_take_name(&cf->raw, &name, &text);

    (void) d;
    (void) conf;
    /* Parsed first: it cannot use the name that it makes. */
    if (sq_stmt_parse(cf, named ? &text : &cf->raw, s) != WR_OK) {
        return WR_ERROR;
    }
    s->slot = -1;
    if (named) {
        s->slot = wr_app_name(cf, &name);
        s->name = wr_pool_str(cf->pool, name.text);
        if (s->slot < 0) {
            return WR_ERROR;
        }
    }
    s->scope = cf->scope;
    s->waits = wr_app_waits(cf)->n;
    *WR_PUSH(&sq_main_of(cf)->stmts, sq_stmt_t *) = s;
    return wr_app_task(cf, &sq_task, s);
}

static const wr_enum_t journals[] = {
    {"wal", 0}, {"delete", 1}, {"truncate", 2}, {"persist", 3}, {NULL, 0}
};
static const wr_enum_t syncs[] = {
    {"off", 0}, {"normal", 1}, {"full", 2}, {"extra", 3}, {NULL, 0}
};
static const wr_bounds_t reader_bounds = {1, 64};

static const wr_directive_t directives[] = {
    WR_BLOCK("sqlite", WR_HTTP, 2, 2, set_sqlite,
             "A SQLite database, by a name. The block may be empty; the file is made if it is "
             "not there.",
             .args = "NAME PATH",
             .example = "sqlite blog data/blog.db {\n"
                        "    schema blog.sql;\n"
                        "}"),
    WR_CONF_FILE("schema", WR_SQLITE, sq_conf_t, db.schema, NULL,
                 "The file of SQL, in the conf's folder, that makes a new database; `weir -t` "
                 "checks every statement of the conf against it.",
                 .example = "schema blog.sql;"),
    WR_CONF_FILE("migrations", WR_SQLITE, sq_conf_t, db.migrations, NULL,
                 "A folder of .sql files that are applied once each, in the order of "
                 "their names.",
                 .example = "migrations migrations;"),
    WR_ENUM("journal", WR_SQLITE, sq_conf_t, db.journal, journals, "wal",
            "The journal mode.",
            .example = "journal wal;"),
    WR_ENUM("synchronous", WR_SQLITE, sq_conf_t, db.synchronous, syncs, "full",
            "How much of what was answered survives a power cut, as the pragma. `full`: all of "
            "it; `normal`: the last transactions may be lost, and writing is faster.",
            .example = "synchronous normal;"),
    WR_MSEC("busy_timeout", WR_SQLITE, sq_conf_t, db.busy_timeout, "5s",
            "How long a transaction waits for others before it is answered 503.",
            .example = "busy_timeout 2s;"),
    WR_MSEC("statement_timeout", WR_SQLITE, sq_conf_t, db.statement_timeout, "5s",
            "How long one statement may run; 0 for any time.",
            .example = "statement_timeout 2s;"),
    WR_INT("readers", WR_SQLITE, sq_conf_t, db.readers, "4",
           "Threads of each worker that read.", .extra = &reader_bounds,
           .example = "readers 8;"),
    WR_SIZE("cache_size", WR_SQLITE, sq_conf_t, db.cache_size, "0",
            "The page cache of a connection; 0 for SQLite's default.",
            .example = "cache_size 16m;"),
    WR_SIZE("mmap_size", WR_SQLITE, sq_conf_t, db.mmap_size, "0",
            "How much of the file is mapped into memory.",
            .example = "mmap_size 64m;"),
    WR_SIZE("result_limit", WR_SQLITE, sq_conf_t, db.result_limit, "64m",
            "How large the rows of one statement may be, so that a query without LIMIT cannot "
            "fill the memory; 0 for any size.",
            .example = "result_limit 8m;"),
    WR_CUSTOM("pragma", WR_SQLITE, 2, 2, set_pragma, sq_conf_t, db.pragmas,
              "Another pragma of each connection.", .flags = WR_DF_REPEAT,
              .args = "NAME VALUE",
              .example = "pragma temp_store memory;"),
    WR_TEXT("sqlite_use", ALL | WR_WHEN | WR_GATHER, sq_conf_t, use, NULL,
            "Which database statements speak of, where there are several.",
            .example = "sqlite_use blog;"),
    WR_FLAG("sqlite_error_detail", ALL, sq_conf_t, detail, "on",
            "Whether clients see SQLite's messages.",
            .example = "sqlite_error_detail off;"),
    WR_CUSTOM("transaction", ALL, 0, 1, set_transaction, sq_conf_t, around,
              "One transaction around the steps and the view: committed before the "
              "answer leaves, rolled back if it is an error.", .args = "[NAME] | off",
              .example = "transaction;"),
    WR_ACTION("sql", WR_SERVER | WR_LOCATION | WR_WHEN | WR_GATHER, 1, 1, set_sql,
              "Runs a statement; {{ expression }} is always a bound value, never text of it. "
              "The result is a sequence of rows with .first, .changes and .last_insert_id.",
              .flags = WR_DF_RAW | WR_DF_SQL | WR_DF_REPEAT, .args = "[NAME =] STATEMENT",
              .example = "sql posts = SELECT id, title FROM posts WHERE id = {{ query.id }};"),
    WR_END
};

/* ---- after the conf has been read ---- */

static const sq_conf_t *
conf_of(const wr_scope_t *scope)
{
    return scope->conf[WR_SELF->schema.index];
}

static void
settings(sq_db_t *db)
{
    sq_db_t own = *db;

    *db = conf_of(db->scope)->db;
    db->name = own.name;
    db->path = own.path;
    db->at = own.at;
    db->zone = own.zone;
    db->scope = own.scope;
    db->result_limit = db->result_limit != 0 ? db->result_limit : SIZE_MAX;
}

static sq_db_t *
choose_db(wr_conf_t *cf, const sq_main_t *m, const wr_tok_t *at, wr_str_t name)
{
    sq_db_t *db;

    if (m->dbs.n == 0) {
        wr_conf_fail(cf, at, "there is no database: \"sqlite NAME PATH { }\" in http "
                             "makes one");
        return NULL;
    }
    if (name.n == 0) {
        if (m->dbs.n > 1) {
            wr_conf_fail(cf, at, "there are several databases: \"sqlite_use\" says which");
            return NULL;
        }
        return *WR_AT(&m->dbs, sq_db_t *, 0);
    }
    db = find_db(m, name);
    if (db == NULL) {
        wr_conf_fail(cf, at, "there is no database \"%.*s\"", WR_ARG(name));
    }
    return db;
}

static wr_rc_t
check_db(wr_conf_t *cf, const sq_main_t *m, sq_db_t *db)
{
    sq_conn_t *mem;
    wr_rc_t    rc = sq_schema_memory(cf, db, &mem);

    if (rc == WR_OK) {
        rc = check_pragmas(cf, db, mem);
    }
    db->sqls = wr_array(cf->pool, sizeof(sq_sql_t *));
    for (WR_EACH(sq_stmt_t *, s, &m->stmts)) {
        if (rc == WR_OK && (*s)->db == db) {
            rc = sq_stmt_check(cf, *s, mem);
        }
    }
    sq_conn_close(mem);
    return rc;
}

/* Whether the statement is a step of the location. */
static bool
applies(const sq_stmt_t *s, const wr_scope_t *scope)
{
    const wr_scope_t *own = s->guest == NULL ? sq_scope_of(s->scope) : NULL;

    for (; scope != NULL && own != NULL; scope = scope->outer) {
        if (scope == own) {
            return true;
        }
    }
    return false;
}

static bool
is_around(const wr_scope_t *outer, const wr_scope_t *scope)
{
    while (scope != NULL && scope != outer) {
        scope = scope->outer;
    }
    return scope != NULL;
}

/* Whether the wait, number `i`, comes when the statement has begun the transaction:
 * the steps of outer blocks come first, those of one block in the order of the conf;
 * what stands in one gather runs at the same time. */
static bool
comes_after(const wr_app_wait_t *w, uint32_t i, const sq_stmt_t *s)
{
    const wr_scope_t *waits = sq_scope_of(w->scope), *begins = sq_scope_of(s->scope);

    if (w->scope == s->scope && (s->scope->context & WR_GATHER) != 0) {
        return true;
    }
    return waits == begins ? i >= s->waits : is_around(begins, waits);
}

/* Others wait for the database as long as a transaction is open. */
static void
warn_of_waits(wr_conf_t *cf, const sq_main_t *m, const sq_txconf_t *t)
{
    const wr_array_t    *waits = wr_app_waits(cf);
    const wr_location_t *loc = t->scope->object;
    const sq_stmt_t     *first = NULL;

    for (WR_EACH(sq_stmt_t *, s, &m->stmts)) {
        if ((*s)->db != t->db || !applies(*s, t->scope)) {
            continue;
        }
        first = first != NULL ? first : *s;
        for (uint32_t i = 0; i < waits->n; i++) {
            wr_app_wait_t *w = WR_AT(waits, wr_app_wait_t, i);

            if (is_around(sq_scope_of(w->scope), t->scope) && comes_after(w, i, *s)
                && wr_map_set(&reading->warned, wr_pool_printf(cf->pool, "%.*s:%u:%u",
                       WR_ARG(w->at.file), w->at.line, w->at.column), w) == NULL)
            {
                wr_conf_warn(cf, &w->at, "\"%.*s\" waits for the network inside a "
                                         "transaction, behind its first statement: "
                                         "others wait as long",
                             WR_ARG(w->at.text));
            }
        }
    }
    if (first != NULL && (t->scope->context & WR_LOCATION) != 0 && loc != NULL
        && loc->handler != NULL && strcmp(loc->handler->name, "proxy_pass") == 0)
    {
        wr_conf_warn(cf, &first->at, "\"proxy_pass\" waits for the network inside the "
                                     "transaction that begins here: others wait as long");
    }
}

static wr_rc_t
check_transaction(wr_conf_t *cf, const sq_main_t *m, sq_txconf_t *t)
{
    wr_str_t name = t->around.db.n != 0 ? t->around.db : conf_of(t->scope)->use;

    t->db = choose_db(cf, m, &t->around.at, name);
    if (t->db == NULL) {
        return WR_ERROR;
    }
    for (WR_EACH(sq_stmt_t *, s, &m->stmts)) {
        if ((*s)->db == t->db && applies(*s, t->scope)) {
            t->writes |= (*s)->writes;
            t->alone |= (*s)->alone;
        }
    }
    warn_of_waits(cf, m, t);
    return WR_OK;
}

/* Also where nothing is inside yet that would ask for the database. */
static wr_rc_t
check_wraps(wr_conf_t *cf, const sq_main_t *m)
{
    for (WR_EACH(sq_around_t, a, &m->wraps)) {
        if ((a->db.n != 0 || m->dbs.n == 0) && choose_db(cf, m, &a->at, a->db) == NULL) {
            return WR_ERROR;
        }
    }
    return WR_OK;
}

/* What other modules have asked for. */
static wr_rc_t
bind_wishes(wr_conf_t *cf, const sq_main_t *m)
{
    for (WR_EACH(sq_db_t *, db, &m->dbs)) {
        (*db)->guests = wr_array(cf->pool, sizeof(const wr_sql_guest_t *));
        (*db)->schemas = wr_array(cf->pool, sizeof(const char *));
    }
    for (WR_EACH(sq_wish_t, w, &m->wishes)) {
        sq_db_t *db = choose_db(cf, m, &w->at, w->db);

        if (db == NULL) {
            return WR_ERROR;
        }
        if (w->schema != NULL) {
            *WR_PUSH(&db->schemas, const char *) = w->schema;
        } else {
            *WR_PUSH(&db->guests, const wr_sql_guest_t *) = w->guest;
        }
    }
    return WR_OK;
}

static wr_rc_t
bind_statements(wr_conf_t *cf, const sq_main_t *m)
{
    for (WR_EACH(sq_stmt_t *, s, &m->stmts)) {
        wr_str_t name = (*s)->guest != NULL ? (*s)->guest_db : conf_of((*s)->scope)->use;

        (*s)->db = choose_db(cf, m, &(*s)->at, name);
        if ((*s)->db == NULL) {
            return WR_ERROR;
        }
    }
    return WR_OK;
}

static wr_rc_t
finish(wr_conf_t *cf)
{
    sq_main_t *m = sq_main_of(cf);

    for (WR_EACH(sq_db_t *, db, &m->dbs)) {
        settings(*db);
    }
    if (bind_wishes(cf, m) != WR_OK || bind_statements(cf, m) != WR_OK
        || check_wraps(cf, m) != WR_OK)
    {
        return WR_ERROR;
    }
    for (WR_EACH(sq_db_t *, db, &m->dbs)) {
        if (check_db(cf, m, *db) != WR_OK) {
            return WR_ERROR;
        }
    }
    for (WR_EACH(sq_txconf_t *, t, &m->txs)) {
        if (check_transaction(cf, m, *t) != WR_OK) {
            return WR_ERROR;
        }
    }
    if (sq_columns_check(cf, m) != WR_OK) {
        return WR_ERROR;
    }
    reading = NULL;
    return WR_OK;
}

static wr_rc_t
begin(wr_conf_t *cf)
{
    /* Its statistics of memory take a lock at each allocation. Refused, and no harm,
     * when SQLite has been used already. */
    (void) sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    reading = sq_main_of(cf);
    return WR_OK;
}

static wr_rc_t
master_start(wr_conf_t *cf)
{
    sq_main_t *m = sq_main_of(cf);

    for (WR_EACH(sq_db_t *, db, &m->dbs)) {
        if (sq_schema_apply(cf, *db) != WR_OK) {
            return WR_ERROR;
        }
    }
    return WR_OK;
}

sq_db_t *
sq_db_of_zone(const wr_zone_t *z)
{
    return z->tag == &tag ? z->user : NULL;
}

/* A worker may belong to another cycle than the one read last: its databases are
 * those of its zones. */
static wr_rc_t
worker_start(wr_worker_t *w)
{
    sq_dbs = wr_array(w->cycle->pool, sizeof(sq_db_t *));
    for (WR_EACH(wr_zone_t *, z, &w->cycle->zones)) {
        if (sq_db_of_zone(*z) != NULL) {
            *WR_PUSH(&sq_dbs, sq_db_t *) = sq_db_of_zone(*z);
        }
    }
    sq_files_guard();
    return sq_worker_start(w);
}

/* ---- stages ---- */

static bool
wants_transaction(wr_scope_t *scope, const void *own, const void **conf)
{
    const sq_conf_t *c = own;
    sq_txconf_t     *t;
    bool             any = false;

    if (c == NULL || !c->around.on) {
        return false;
    }
    for (WR_EACH(sq_stmt_t *, s, &reading->stmts)) {
        any |= applies(*s, scope);
    }
    if (!any) {
        return false;
    }
    t = WR_NEW(reading->pool, sq_txconf_t);
    t->scope = scope;
    t->around = c->around;
    *WR_PUSH(&reading->txs, sq_txconf_t *) = t;
    *conf = t;
    return true;
}

static const wr_hook_t hooks[] = {
    {{"transaction", sizeof(sq_tx_t), sq_before, sq_after}, WR_RANK_TRANSACTION, 0,
     wants_transaction},
    {{NULL, 0, NULL, NULL}, 0, 0, NULL},
};

WR_MODULE(sqlite,
    .doc = "SQLite: statements as steps, transactions around requests.",
    .schema = {.name = "http_sqlite_module", .directives = directives,
               .size = sizeof(sq_conf_t)},
    .http = &(const wr_http_tables_t) {.hooks = hooks},
    .begin = begin,
    .finish = finish,
    .master_start = master_start,
    .worker_start = worker_start,
    .worker_stop = sq_worker_stop);
