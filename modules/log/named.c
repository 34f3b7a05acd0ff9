/*
 * Log files whose path has variables: opened for each line, or kept open by
 * open_log_file_cache. Nothing is logged below a root that does not exist, so
 * that nobody makes files by the names of hosts we do not serve.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <weir/http/core_conf.h>
#include "log.h"

typedef struct named {
    wr_queue_t link;            /* newest use first */
    int        fd;
    int64_t    opened;
    int64_t    used;
    int64_t    uses;
    int64_t    inactive;
    int64_t    min_uses;
    size_t     n;
    char       path[];
} named_t;

static wr_queue_t files;
static int64_t    count;

static void
drop(named_t *f)
{
    wr_queue_remove(&f->link);
    close(f->fd);
    free(f);
    count--;
}

static named_t *
find(wr_str_t path)
{
    if (files.next == NULL) {
        wr_queue_init(&files);
    }
    for (wr_queue_t *q = files.next; q != &files; q = q->next) {
        named_t *f = WR_QUEUE_ITEM(q, named_t, link);

        if (wr_str_eq(wr_str(f->path, f->n), path)) {
            return f;
        }
    }
    return NULL;
}

static bool
same_file(const named_t *f)
{
    struct stat a, b;

    return fstat(f->fd, &a) == 0 && stat(f->path, &b) == 0 && a.st_ino == b.st_ino
           && a.st_dev == b.st_dev;
}

static int
open_log(wr_req_t *r, const char *path)
{
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0644);

    if (fd < 0) {
        wr_log(&r->log, WR_LOG_CRIT, errno, "open() \"%s\" failed", path);
    }
    return fd;
}

static named_t *
keep(const log_file_cache_t *cache, wr_str_t path, int fd)
{
    named_t *f = malloc(sizeof(*f) + path.n + 1);

    if (f == NULL) {
        return NULL;
    }
    if (count >= cache->max) {
        drop(WR_QUEUE_ITEM(wr_queue_last(&files), named_t, link));
    }
    *f = (named_t) {.fd = fd, .opened = wr_clock.sec, .n = path.n,
                    .inactive = cache->inactive, .min_uses = cache->min_uses};
    memcpy(f->path, path.p, path.n);
    f->path[path.n] = '\0';
    wr_queue_init(&f->link);
    count++;
    return f;
}

/* -1: not to be had. *mine: to be closed after use. */
static int
take(wr_req_t *r, const log_file_cache_t *cache, wr_str_t path, bool *mine)
{
    named_t *f;
    int      fd;

    *mine = true;
    if (cache->max == 0) {
        return open_log(r, path.p);
    }
    f = find(path);
    if (f != NULL && wr_clock.sec - f->opened >= cache->valid) {
        f->opened = wr_clock.sec;
        if (!same_file(f)) {
            drop(f);
            f = NULL;
        }
    }
    if (f == NULL) {
        fd = open_log(r, path.p);
        if (fd < 0) {
            return -1;
        }
        f = keep(cache, path, fd);
        if (f == NULL) {
            return fd;
        }
    }
    f->used = wr_clock.sec;
    f->uses++;
    wr_queue_remove(&f->link);
    wr_queue_unshift(&files, &f->link);
    *mine = false;
    return f->fd;
}

/* The folder that `root` names for this request is there. */
static bool
has_root(wr_req_t *r)
{
    struct stat st;
    wr_str_t    root;
    const char *path;

    if (wr_cv_eval(r, &wr_http_core(r)->root, &root) != WR_OK) {
        return false;
    }
    path = wr_pool_strz(wr_pool(r), root);
    if (stat(path, &st) != 0) {
        if (errno != ENOENT && errno != ENOTDIR && errno != ENAMETOOLONG
            && errno != EACCES)
        {
            wr_log(&r->log, WR_LOG_CRIT, errno, "testing \"%s\" existence failed", path);
        }
        return false;
    }
    if (!S_ISDIR(st.st_mode)) {
        wr_log(&r->log, WR_LOG_ERR, 0, "testing \"%s\" existence failed: not a directory",
               path);
        return false;
    }
    return true;
}

void
log_named_write(wr_req_t *r, const log_file_cache_t *cache, wr_str_t path,
                wr_str_t line)
{
    bool mine;
    int  fd;

    if (memchr(path.p, '\0', path.n) != NULL || !has_root(r)) {
        return;
    }
    path = wr_str(wr_pool_strz(wr_pool(r), path), path.n);
    fd = take(r, cache, path, &mine);
    if (fd < 0) {
        return;
    }
    if (write(fd, line.p, line.n) != (ssize_t) line.n) {
        wr_log(&r->log, WR_LOG_ALERT, errno, "write() to \"%.*s\" failed",
               WR_ARG(path));
    }
    if (mine) {
        close(fd);
    }
}

bool
log_named_close(bool all)
{
    if (files.next == NULL) {
        return false;
    }
    for (wr_queue_t *q = files.prev, *prev; q != &files; q = prev) {
        named_t *f = WR_QUEUE_ITEM(q, named_t, link);

        prev = q->prev;
        if (all || wr_clock.sec - f->used > f->inactive) {
            drop(f);
        } else if (wr_clock.sec - f->used <= 1) {
            break;
        }
    }
    return count != 0;
}
