/*
 * The schema of a database: as it will be, in memory, to check statements against;
 * and made true in the file, before workers start.
 *
 * A new database is made by the schema, and the migrations that are there count as
 * applied, for the schema has what they change; without a schema they are all run.
 * An old database gets the migrations that it has not had, in the order of their
 * names; one that was changed after it had been applied is an error.
 */
#include "sqlite.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>
#include <weir/os/readfile.h>

enum { LARGEST = 64 << 20 };

typedef struct file {
    wr_str_t path;
    wr_str_t name;
    wr_str_t text;
    char     sum[17];
} file_t;

/* FNV-1a: it only has to notice an edit. */
static void
checksum(file_t *f)
{
    uint64_t h = 0xcbf29ce484222325u;

    for (size_t i = 0; i < f->text.n; i++) {
        h = (h ^ (unsigned char) f->text.p[i]) * 0x100000001b3u;
    }
    snprintf(f->sum, sizeof(f->sum), "%016" PRIx64, h);
}

static wr_rc_t
read_file(wr_conf_t *cf, const sq_db_t *db, wr_str_t path, file_t *f)
{
    const char *call;
    int         err = wr_file_read(cf->temp, path.p, LARGEST, &f->text, &call);
    ssize_t     slash = wr_str_rchr(path, '/');

    if (err != 0) {
        return wr_conf_fail_errno(cf, &db->at, err, "%s \"%.*s\" failed", call,
                                  WR_ARG(path));
    }
    if (memchr(f->text.p, '\0', f->text.n) != NULL) {
        return wr_conf_fail(cf, &db->at, "\"%.*s\" is no text: it has a byte 0",
                            WR_ARG(path));
    }
    wr_cycle_watch(cf, path);
    f->path = path;
    f->name = wr_str_skip(path, (size_t) (slash + 1));
    checksum(f);
    return WR_OK;
}

/* For glob(3): a name that matches itself alone. */
static wr_str_t
literal(wr_conf_t *cf, wr_str_t path)
{
    wr_buf_t b = wr_buf(cf->temp);

    for (size_t i = 0; i < path.n; i++) {
        if (strchr("*?[\\", path.p[i]) != NULL) {
            wr_buf_lit(&b, "\\");
        }
        wr_buf_add(&b, &path.p[i], 1);
    }
    return wr_buf_text(&b);
}

static wr_rc_t
read_migrations(wr_conf_t *cf, const sq_db_t *db, wr_array_t *files)
{
    wr_array_t names = wr_array(cf->temp, sizeof(wr_str_t));
    wr_str_t   pattern;
    struct stat st;
    int        err;

    *files = wr_array(cf->temp, sizeof(file_t));
    if (db->migrations.n == 0) {
        return WR_OK;
    }
    if (stat(db->migrations.p, &st) != 0) {
        return wr_conf_fail_errno(cf, &db->at, errno, "stat() \"%.*s\" failed",
                                  WR_ARG(db->migrations));
    }
    if (!S_ISDIR(st.st_mode)) {
        return wr_conf_fail_errno(cf, &db->at, ENOTDIR, "\"%.*s\"", WR_ARG(db->migrations));
    }
    pattern = wr_pool_printf(cf->temp, "%.*s/*.sql", WR_ARG(literal(cf, db->migrations)));
    wr_cycle_watch(cf, pattern);
    err = wr_file_glob(&names, pattern.p);
    if (err != 0) {
        return wr_conf_fail_errno(cf, &db->at, err, "glob() \"%.*s\" failed",
                                  WR_ARG(pattern));
    }
    for (WR_EACH(wr_str_t, name, &names)) {
        wr_str_t path = wr_pool_printf(cf->temp, "%.*s", WR_ARG(*name));

        if (read_file(cf, db, path, WR_PUSH(files, file_t)) != WR_OK) {
            return WR_ERROR;
        }
    }
    return WR_OK;
}

/* ---- scripts ---- */

/* Behind blank lines and comments. */
static const char *
skip_nothing(const char *p)
{
    for (;;) {
        const char *end = p[0] == '-' && p[1] == '-'   ? "\n"
                          : p[0] == '/' && p[1] == '*' ? "*/"
                                                       : NULL;

        if (end != NULL) {
            p = strstr(p + 2, end);
            if (p == NULL) {
                return NULL;
            }
            p += strlen(end);
        } else if (*p != '\0' && (unsigned char) *p <= ' ') {
            p++;
        } else {
            return p;
        }
    }
}

/* SQLite's error, at its place in the script: in the statement at `p`, of which it may
 * tell how far it had come. What is nothing to SQL in front of that is not its own. */
static wr_rc_t
wrong_script(wr_conf_t *cf, const sq_db_t *db, sq_conn_t *c, const file_t *f, const char *p)
{
    int         offset = sqlite3_error_offset(c->db);
    const char *bol = f->text.p;
    wr_tok_t    at = {.file = f->path, .line = 1};
    const char *begins = skip_nothing(p);
    wr_str_t    hint = wr_pool_printf(cf->temp, "%s%sfor the database in %.*s:%u",
                                      c->why != NULL ? c->why : "", c->why != NULL ? "; " : "",
                                      WR_ARG(db->at.file), db->at.line);

    if (offset > 0) {
        p += offset;
    } else if (begins != NULL) {
        p = begins;
    }
    for (const char *q = bol; q < p; q++) {
        if (*q == '\n') {
            at.line++;
            bol = q + 1;
        }
    }
    at.column = (uint32_t) (p - bol) + 1;
    wr_conf_show(cf, f->path, f->text);
    return wr_conf_fail_hint(cf, &at, hint, "%s", sqlite3_errmsg(c->db));
}

static wr_rc_t
run_script(wr_conf_t *cf, const sq_db_t *db, sq_conn_t *c, const file_t *f)
{
    const char *p = f->text.p, *tail;
    int         rc = SQLITE_OK;

    c->mode = SQ_SCRIPT;
    while (*p != '\0') {
        sqlite3_stmt *stmt = NULL;

        c->why = NULL;
        rc = sqlite3_prepare_v2(c->db, p, -1, &stmt, &tail);
        if (rc == SQLITE_OK && stmt != NULL) {
            do {
                rc = sqlite3_step(stmt);
            } while (rc == SQLITE_ROW);
            rc = sqlite3_finalize(stmt);
        }
        if (rc != SQLITE_OK) {
            break;
        }
        p = tail;
    }
    c->mode = SQ_STATEMENT;
    return rc == SQLITE_OK ? WR_OK : wrong_script(cf, db, c, f, p);
}

static wr_rc_t
failed(wr_conf_t *cf, const sq_db_t *db, const sq_conn_t *c)
{
    return wr_conf_fail(cf, &db->at, "the database \"%.*s\": %s", WR_ARG(db->path),
                        sqlite3_errmsg(c->db));
}

/* ---- what has been applied ---- */

static bool
is_new(sq_conn_t *c)
{
    sqlite3_stmt *s = NULL;
    bool          fresh = false;

    c->mode = SQ_OWN;
    if (sqlite3_prepare_v2(c->db, "SELECT count(*) FROM sqlite_schema", -1, &s, NULL)
            == SQLITE_OK
        && sqlite3_step(s) == SQLITE_ROW)
    {
        fresh = sqlite3_column_int(s, 0) == 0;
    }
    sqlite3_finalize(s);
    c->mode = SQ_STATEMENT;
    return fresh;
}

/* 1 applied, 0 not, -1 applied with another text. */
static int
applied(sq_conn_t *c, const file_t *f)
{
    sqlite3_stmt *s = NULL;
    int           is = 0;

    c->mode = SQ_OWN;
    if (sqlite3_prepare_v2(c->db, "SELECT checksum FROM weir_migrations WHERE name = ?",
                           -1, &s, NULL)
        == SQLITE_OK)
    {
        sqlite3_bind_text(s, 1, f->name.p, (int) f->name.n, SQLITE_STATIC);
        if (sqlite3_step(s) == SQLITE_ROW) {
            is = strcmp((const char *) sqlite3_column_text(s, 0), f->sum) == 0 ? 1 : -1;
        }
    }
    sqlite3_finalize(s);
    c->mode = SQ_STATEMENT;
    return is;
}

/* The last of those that have been applied, by its name; empty: none has. */
static wr_str_t
last_applied(wr_conf_t *cf, sq_conn_t *c)
{
    sqlite3_stmt *s = NULL;
    wr_str_t      name = WR_STR_NONE;

    c->mode = SQ_OWN;
    if (sqlite3_prepare_v2(c->db, "SELECT name FROM weir_migrations ORDER BY name DESC LIMIT 1",
                           -1, &s, NULL) == SQLITE_OK
        && sqlite3_step(s) == SQLITE_ROW)
    {
        name = wr_pool_str(cf->temp, wr_str_z((const char *) sqlite3_column_text(s, 0)));
    }
    sqlite3_finalize(s);
    c->mode = SQ_STATEMENT;
    return name;
}

static int
remember(sq_conn_t *c, const file_t *f)
{
    sqlite3_stmt *s = NULL;
    int           rc;

    c->mode = SQ_OWN;
    rc = sqlite3_prepare_v2(c->db, "INSERT INTO weir_migrations(name, checksum, applied)"
                                   " VALUES(?, ?, datetime())", -1, &s, NULL);
    if (rc == SQLITE_OK) {
        sqlite3_bind_text(s, 1, f->name.p, (int) f->name.n, SQLITE_STATIC);
        sqlite3_bind_text(s, 2, f->sum, -1, SQLITE_STATIC);
        (void) sqlite3_step(s);
        rc = sqlite3_finalize(s);
    }
    c->mode = SQ_STATEMENT;
    return rc;
}

/* `skip`: the schema has what they change. `say`: it is the file. */
static wr_rc_t
migrate(wr_conf_t *cf, const sq_db_t *db, sq_conn_t *c, const wr_array_t *files,
        bool skip, bool say)
{
    wr_str_t last;

    if (sq_conn_own(c, "CREATE TABLE IF NOT EXISTS weir_migrations(name TEXT PRIMARY KEY,"
                       " checksum TEXT NOT NULL, applied TEXT NOT NULL)")
        != SQLITE_OK)
    {
        return failed(cf, db, c);
    }
    last = last_applied(cf, c);
    for (WR_EACH(file_t, f, files)) {
        int is = applied(c, f);

        if (is < 0) {
            return wr_conf_fail_hint(cf, &db->at, WR_STR("put it back as it was, and what is "
                                                         "new into a further one"),
                                     "the migration \"%.*s\" was changed after it had been "
                                     "applied", WR_ARG(f->path));
        }
        if (is > 0) {
            continue;
        }
        if (!say && wr_str_cmp(f->name, last) < 0) {
            wr_conf_warn(cf, &db->at, "the migration \"%.*s\" comes behind \"%.*s\" here, where "
                                      "that has been applied, but before it in a new database",
                         WR_ARG(f->path), WR_ARG(last));
        }
        if (!skip && run_script(cf, db, c, f) != WR_OK) {
            return WR_ERROR;
        }
        if (remember(c, f) != SQLITE_OK) {
            return failed(cf, db, c);
        }
        if (say && !skip) {
            wr_log(cf->log, WR_LOG_NOTICE, 0, "migration \"%.*s\" applied",
                   WR_ARG(f->path));
        }
    }
    return WR_OK;
}

/* Schema and migrations, in memory or in the file. */
static wr_rc_t
bring_up(wr_conf_t *cf, const sq_db_t *db, sq_conn_t *c, wr_array_t *files, bool fresh,
         bool say)
{
    file_t schema;
    bool   skip = false;

    if (fresh && db->schema.n != 0) {
        if (read_file(cf, db, db->schema, &schema) != WR_OK
            || run_script(cf, db, c, &schema) != WR_OK)
        {
            return WR_ERROR;
        }
        skip = true;
    }
    if (files->n != 0 && migrate(cf, db, c, files, skip, say) != WR_OK) {
        return WR_ERROR;
    }
    for (WR_EACH(const char *, sql, &db->schemas)) {
        if (sq_conn_script(c, *sql, NULL) != SQLITE_OK) {
            return failed(cf, db, c);
        }
    }
    return WR_OK;
}

/* ---- in memory ---- */

/* The tables of the file, empty, and its list of migrations. */
static wr_rc_t
copy_schema(wr_conf_t *cf, const sq_db_t *db, sq_conn_t *mem, bool *found)
{
    static const char ask[] =
        "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite!_%' "
        "ESCAPE '!' ORDER BY CASE type WHEN 'table' THEN 0 WHEN 'index' THEN 1 ELSE 2 END, "
        "rowid";
    sqlite3      *old = NULL;
    sqlite3_stmt *s = NULL;
    wr_rc_t       rc = WR_OK;
    int           err;

    *found = false;
    if (access(db->path.p, F_OK) != 0) {
        return WR_OK;
    }
    err = sqlite3_open_v2(db->path.p, &old, SQLITE_OPEN_READWRITE, NULL);
    if (err == SQLITE_OK) {
        sqlite3_db_config(old, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
        sqlite3_busy_timeout(old, (int) db->busy_timeout);
        err = sqlite3_prepare_v2(old, ask, -1, &s, NULL);
    }
    mem->mode = SQ_OWN;
    while (err == SQLITE_OK && (err = sqlite3_step(s)) == SQLITE_ROW) {
        *found = true;
        /* Tables that extensions keep for themselves cannot be made by hand. */
        (void) sqlite3_exec(mem->db, (const char *) sqlite3_column_text(s, 0), NULL, NULL,
                            NULL);
        err = SQLITE_OK;
    }
    sqlite3_finalize(s);
    s = NULL;
    if (err == SQLITE_DONE
        && sqlite3_prepare_v2(old, "SELECT name, checksum FROM weir_migrations", -1, &s,
                              NULL)
               == SQLITE_OK)
    {
        while (sqlite3_step(s) == SQLITE_ROW) {
            char *sql = sqlite3_mprintf("INSERT INTO weir_migrations VALUES(%Q, %Q, '')",
                                        sqlite3_column_text(s, 0),
                                        sqlite3_column_text(s, 1));

            (void) sqlite3_exec(mem->db, sql, NULL, NULL, NULL);
            sqlite3_free(sql);
        }
        sqlite3_finalize(s);
    }
    mem->mode = SQ_STATEMENT;
    if (err != SQLITE_DONE) {
        rc = wr_conf_fail(cf, &db->at, "the database \"%.*s\": %s", WR_ARG(db->path),
                          old != NULL ? sqlite3_errmsg(old) : "no memory");
    }
    sqlite3_close(old);
    return rc;
}

/* Whether something in the schema, as a trigger, has the word. */
static bool
has_word(sq_conn_t *c, const char *word)
{
    sqlite3_stmt *s = NULL;
    bool          is = false;

    c->mode = SQ_OWN;
    if (sqlite3_prepare_v2(c->db, "SELECT 1 FROM sqlite_schema WHERE sql LIKE "
                                  "'%' || ? || '%'", -1, &s, NULL)
        == SQLITE_OK)
    {
        sqlite3_bind_text(s, 1, word, -1, SQLITE_STATIC);
        is = sqlite3_step(s) == SQLITE_ROW;
    }
    sqlite3_finalize(s);
    c->mode = SQ_STATEMENT;
    return is;
}

/* The folder of the file is made, but no folder for the folder. */
static wr_rc_t
check_folder(wr_conf_t *cf, const sq_db_t *db)
{
    wr_str_t    path = db->path;
    struct stat st;

    for (unsigned level = 0; level < 2; level++) {
        ssize_t slash = wr_str_rchr(path, '/');

        path = wr_str_sub(path, 0, slash > 0 ? (size_t) slash : 0);
        if (path.n == 0 || stat(wr_pool_strz(cf->temp, path), &st) == 0) {
            return WR_OK;
        }
    }
    return wr_conf_fail_errno(cf, &db->at, errno, "stat() \"%.*s\" failed", WR_ARG(path));
}

wr_rc_t
sq_schema_memory(wr_conf_t *cf, sq_db_t *db, sq_conn_t **mem)
{
    wr_array_t files;
    bool       found;

    *mem = check_folder(cf, db) == WR_OK ? sq_conn_open(db, SQ_MEMORY, cf->log) : NULL;
    if (*mem == NULL) {
        return WR_ERROR;
    }
    if (copy_schema(cf, db, *mem, &found) != WR_OK
        || read_migrations(cf, db, &files) != WR_OK
        || bring_up(cf, db, *mem, &files, !found, false) != WR_OK)
    {
        sq_conn_close(*mem);
        *mem = NULL;
        return WR_ERROR;
    }
    db->alone = has_word(*mem, "rollback");
    db->asks_id = has_word(*mem, "last_insert_rowid");
    return WR_OK;
}

/* ---- in the file ---- */

static bool
may_write(const struct stat *st, const wr_core_conf_t *core)
{
    mode_t bit = st->st_uid == (uid_t) core->uid   ? S_IWUSR
                 : st->st_gid == (gid_t) core->gid ? S_IWGRP
                                                   : S_IWOTH;

    return core->uid == 0 || (st->st_mode & bit) != 0;
}

/* A master that is root makes files for workers that are not: what lies under the
 * prefix and is root's becomes the workers'; anything else must be theirs already.
 * SQLite writes into the folder as well. */
static wr_rc_t
hand_over(wr_conf_t *cf, const sq_db_t *db, wr_str_t path)
{
    const wr_cycle_t     *cycle = wr_cycle_of(cf);
    const wr_core_conf_t *core = cycle->core;
    const char           *z = wr_pool_strz(cf->temp, path);
    struct stat           st;

    if (geteuid() != 0 || core->uid == -1 || stat(z, &st) != 0 || may_write(&st, core)) {
        return WR_OK;
    }
    if (st.st_uid != 0 || !wr_str_starts(path, cycle->prefix)) {
        return wr_conf_fail(cf, &db->at, "\"%s\" cannot be written by the workers' user "
                            "\"%.*s\": give it to them (chown), or name its owner in "
                            "\"user\"", z, WR_ARG(core->user));
    }
    if (chown(z, (uid_t) core->uid, (gid_t) core->gid) != 0) {
        return wr_conf_fail_errno(cf, &db->at, errno, "chown() \"%s\" failed", z);
    }
    return WR_OK;
}

static wr_rc_t
own_folder(wr_conf_t *cf, const sq_db_t *db)
{
    ssize_t     slash = wr_str_rchr(db->path, '/');
    wr_str_t    path = wr_str_sub(db->path, 0, (size_t) slash);
    const char *z = wr_pool_strz(cf->temp, path);

    if (slash <= 0) {
        return WR_OK;
    }
    if (access(z, F_OK) != 0 && mkdir(z, 0700) != 0) {
        return wr_conf_fail_errno(cf, &db->at, errno, "mkdir() \"%s\" failed", z);
    }
    return hand_over(cf, db, path);
}

static wr_rc_t
own_files(wr_conf_t *cf, const sq_db_t *db)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", "-journal"};
    wr_rc_t                  rc = WR_OK;

    for (unsigned i = 0; rc == WR_OK && i < WR_COUNT(suffixes); i++) {
        rc = hand_over(cf, db, wr_pool_join(cf->temp, db->path, wr_str_z(suffixes[i])));
    }
    return rc;
}

static wr_rc_t
apply(wr_conf_t *cf, const sq_db_t *db, sq_conn_t *c)
{
    wr_array_t files;
    bool       fresh;

    if (read_migrations(cf, db, &files) != WR_OK) {
        return WR_ERROR;
    }
    if (sq_conn_control(c, SQ_IMMEDIATE) != SQLITE_OK) {
        return failed(cf, db, c);
    }
    fresh = is_new(c);
    if (bring_up(cf, db, c, &files, fresh, true) != WR_OK) {
        (void) sq_conn_control(c, SQ_ROLLBACK);
        return WR_ERROR;
    }
    return sq_conn_control(c, SQ_COMMIT) == SQLITE_OK ? WR_OK : failed(cf, db, c);
}

/* The write-ahead log needs memory that all its readers share: one machine. */
static wr_rc_t
refuse_network(wr_conf_t *cf, const sq_db_t *db)
{
    static const uint32_t magics[] = {0x6969 /* NFS */, 0x517b, 0xff534d42, 0xfe534d42
                                      /* SMB */, 0x00c36400 /* Ceph */};
    ssize_t       slash = wr_str_rchr(db->path, '/');
    const char   *folder = wr_pool_strz(cf->temp, wr_str_sub(db->path, 0,
                                                             (size_t) slash + 1));
    struct statfs fs;

    if (db->journal != 0 || statfs(folder, &fs) != 0) {
        return WR_OK;
    }
    for (unsigned i = 0; i < WR_COUNT(magics); i++) {
        if ((uint32_t) fs.f_type == magics[i]) {
            return wr_conf_fail(cf, &db->at, "\"%s\" is on a network: SQLite's log (wal) "
                                             "does not work there", folder);
        }
    }
    return WR_OK;
}

wr_rc_t
sq_schema_apply(wr_conf_t *cf, sq_db_t *db)
{
    sq_lock_t *lock = db->zone->data;
    uint64_t   deadline = wr_clock_ns() + 60000000000u;
    sq_conn_t *c;
    wr_rc_t    rc;

    if (own_folder(cf, db) != WR_OK || refuse_network(cf, db) != WR_OK) {
        return WR_ERROR;
    }
    if (!sq_lock_take(lock, deadline, WR_STR("migrations"))) {
        return wr_conf_fail(cf, &db->at, "the database \"%.*s\" stays busy",
                            WR_ARG(db->path));
    }
    c = sq_conn_open(db, SQ_MAKER, cf->log);
    rc = c != NULL ? apply(cf, db, c) : WR_ERROR;
    sq_conn_close(c);
    if (rc == WR_OK) {
        rc = own_files(cf, db);
    }
    sq_lock_leave(lock);
    return rc;
}
