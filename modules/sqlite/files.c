/*
 * The files of databases are not for clients: neither the database nor what SQLite
 * keeps beside it, by whatever name, for they are known by device and inode. They are
 * not even opened: when a process closes any descriptor of such a file it loses all
 * the locks that SQLite has on it.
 *
 * The list is made anew once a second, since the files beside come and go; a name that
 * ends like theirs is looked up at once.
 */
#include "sqlite.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <weir/http/file_cache.h>

static const char *const ends[] = {"", "-wal", "-shm", "-journal"};

typedef struct file_id {
    uint64_t device, inode;
} file_id_t;

static struct {
    file_id_t *ids;
    unsigned   n;
    int64_t    made;      /* Unix time */
} known;

static void
look(void)
{
    known.n = 0;
    known.made = wr_clock.sec;
    for (WR_EACH(sq_db_t *, db, &sq_dbs)) {
        for (unsigned i = 0; i < WR_COUNT(ends); i++) {
            char        path[4096];
            struct stat st;

            snprintf(path, sizeof(path), "%.*s%s", WR_ARG((*db)->path), ends[i]);
            if (stat(path, &st) == 0) {
                known.ids[known.n++] = (file_id_t) {st.st_dev, st.st_ino};
            }
        }
    }
}

static bool
ends_like_theirs(wr_str_t path)
{
    for (unsigned i = 1; i < WR_COUNT(ends); i++) {
        if (wr_str_ends(path, wr_str_z(ends[i]))) {
            return true;
        }
    }
    return false;
}

static bool
is_private(wr_req_t *r, wr_str_t path, uint64_t device, uint64_t inode)
{
    if (known.made != wr_clock.sec || ends_like_theirs(path)) {
        look();
    }
    for (unsigned i = 0; i < known.n; i++) {
        if (known.ids[i].inode == inode && known.ids[i].device == device) {
            wr_log(&r->log, WR_LOG_ERR, 0, "\"%.*s\" belongs to a database", WR_ARG(path));
            return true;
        }
    }
    return false;
}

void
sq_files_guard(void)
{
    if (sq_dbs.n != 0) {
        known.ids = calloc(sq_dbs.n * WR_COUNT(ends), sizeof(*known.ids));
        WR_ASSERT(known.ids != NULL);
        wr_file_private = is_private;
    }
}
