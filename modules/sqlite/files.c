/*
 * The files of databases are not for clients: neither the database nor what SQLite
 * keeps beside it, by whatever name, for they are known by device and inode. They are
 * not even opened: when a process closes any descriptor of such a file it loses all
 * the locks that SQLite has on it.
 *
 * Nor may clients put a file in the place of one of theirs that is not there yet (a
 * journal would be played back into the database), or move, copy or remove a folder in
 * which a database is: the folders above are known like the files.
 *
 * The list is made anew once a second, since the files beside come and go; a name like
 * theirs is looked up at once.
 */
#include "sqlite.h"

#include <limits.h>
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
    unsigned   n, room;
    int64_t    made;      /* Unix time */
} known;

/* Where it is, if it is there. */
static void
add(const char *path)
{
    struct stat st;

    if (stat(path, &st) != 0) {
        return;
    }
    if (known.n == known.room) {
        known.room = known.room * 2 + 16;
        known.ids = realloc(known.ids, known.room * sizeof(*known.ids));
        WR_ASSERT(known.ids != NULL);
    }
    known.ids[known.n++] = (file_id_t) {st.st_dev, st.st_ino};
}

/* The folders above; `path` is cut. */
static void
add_above(char *path)
{
    char *slash;

    while ((slash = strrchr(path, '/')) != NULL && slash != path) {
        *slash = '\0';
        add(path);
    }
    add("/");
}

static void
look(void)
{
    known.n = 0;
    known.made = wr_clock.sec;
    for (WR_EACH(sq_db_t *, db, &sq_dbs)) {
        char path[PATH_MAX + 1];

        for (unsigned i = 0; i < WR_COUNT(ends); i++) {
            snprintf(path, sizeof(path), "%.*s%s", WR_ARG((*db)->path), ends[i]);
            add(path);
        }
        snprintf(path, sizeof(path), "%.*s", WR_ARG((*db)->path));
        add_above(path);
        if (realpath((*db)->path.p, path) != NULL) {
            add_above(path);
        }
    }
}

static wr_str_t
base_of(wr_str_t path)
{
    size_t n = path.n;

    while (n != 0 && path.p[n - 1] != '/') {
        n--;
    }
    return wr_str_skip(path, n);
}

static bool
is_like_theirs(wr_str_t path)
{
    for (WR_EACH(sq_db_t *, db, &sq_dbs)) {
        if (wr_str_eq(base_of(path), base_of((*db)->path))) {
            return true;
        }
    }
    for (unsigned i = 1; i < WR_COUNT(ends); i++) {
        if (wr_str_ends(path, wr_str_z(ends[i]))) {
            return true;
        }
    }
    return false;
}

/* Are these names in the same folder? */
static bool
are_beside(wr_str_t a, wr_str_t b)
{
    char        path[2][PATH_MAX + 1];
    struct stat st[2];

    snprintf(path[0], sizeof(path[0]), "%.*s.", (int) (a.n - base_of(a).n), a.p);
    snprintf(path[1], sizeof(path[1]), "%.*s.", (int) (b.n - base_of(b).n), b.p);
    return stat(path[0], &st[0]) == 0 && stat(path[1], &st[1]) == 0
           && st[0].st_dev == st[1].st_dev && st[0].st_ino == st[1].st_ino;
}

/* Nothing has this name, but one of theirs could get it. */
static bool
is_name_of_theirs(wr_str_t path)
{
    wr_str_t base = base_of(path);

    for (WR_EACH(sq_db_t *, db, &sq_dbs)) {
        wr_str_t name = base_of((*db)->path);

        for (unsigned i = 0; i < WR_COUNT(ends); i++) {
            if (base.n == name.n + strlen(ends[i]) && wr_str_starts(base, name)
                && wr_str_ends(base, wr_str_z(ends[i])) && are_beside(path, (*db)->path))
            {
                return true;
            }
        }
    }
    return false;
}

/* Without the list, which is the loop's: for any thread. */
static bool
is_theirs(uint64_t device, uint64_t inode)
{
    for (WR_EACH(sq_db_t *, db, &sq_dbs)) {
        for (unsigned i = 0; i < WR_COUNT(ends); i++) {
            char        path[PATH_MAX + 1];
            struct stat st;

            snprintf(path, sizeof(path), "%.*s%s", WR_ARG((*db)->path), ends[i]);
            if (stat(path, &st) == 0 && st.st_ino == inode && st.st_dev == device) {
                return true;
            }
        }
    }
    return false;
}

static bool
is_private(wr_req_t *r, wr_str_t path, uint64_t device, uint64_t inode)
{
    if (r == NULL) {
        if (is_theirs(device, inode)) {
            wr_log(&wr_log_main, WR_LOG_ERR, 0, "\"%.*s\" belongs to a database",
                   WR_ARG(path));
            return true;
        }
        return false;
    }
    if (inode == 0 && is_name_of_theirs(path)) {
        wr_log(&r->log, WR_LOG_ERR, 0, "\"%.*s\" belongs to a database", WR_ARG(path));
        return true;
    }
    if (known.made != wr_clock.sec || is_like_theirs(path)) {
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
        wr_file_private = is_private;
    }
}
