/*
 * Whether anybody has committed since a snapshot was opened, this server or another
 * program: so a snapshot can be shared by all that is read until then.
 *
 * Every commit changes the head of the write-ahead log's index, which is in memory
 * shared by all (sqlite.org/walformat.html, 2.1: iChange and mxFrame). Where that is
 * not known, everything has been changed.
 */
#include "sqlite.h"

enum {
    REGION = 32768,         /* SQLite's unit of the index */
    VERSION = 3007000,      /* its first word */
    CHANGE = 2, LAST = 4,   /* words: of commits, of the last frame */
};

static bool
has_log(sq_conn_t *c)
{
    sqlite3_stmt *s = NULL;
    sq_mode_t     mode = c->mode;
    bool          has = false;

    c->mode = SQ_OWN;
    if (sqlite3_prepare_v2(c->db, "PRAGMA journal_mode", -1, &s, NULL) == SQLITE_OK
        && sqlite3_step(s) == SQLITE_ROW)
    {
        has = sqlite3_stricmp((const char *) sqlite3_column_text(s, 0), "wal") == 0;
    }
    sqlite3_finalize(s);
    c->mode = mode;
    return has;
}

void
sq_log_find(sq_conn_t *c)
{
    sqlite3_file  *file = NULL;
    volatile void *p = NULL;

    /* The first statement that reads opens the log. */
    if (sq_conn_own(c, "SELECT 1 FROM sqlite_schema LIMIT 1") == SQLITE_OK && has_log(c)
        && sqlite3_file_control(c->db, "main", SQLITE_FCNTL_FILE_POINTER, &file) == SQLITE_OK
        && file->pMethods != NULL && file->pMethods->iVersion >= 2
        && file->pMethods->xShmMap(file, 0, REGION, 0, &p) == SQLITE_OK && p != NULL
        && *(volatile uint32_t *) p == VERSION)
    {
        c->index = p;
    }
}

void
sq_log_note(sq_conn_t *c)
{
    if (c->index != NULL) {
        c->noted[0] = c->index[CHANGE];
        c->noted[1] = c->index[LAST];
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
    }
}

bool
sq_log_is_as_noted(const sq_conn_t *c)
{
    return c->index != NULL && c->index[CHANGE] == c->noted[0]
           && c->index[LAST] == c->noted[1];
}
