/*
 * proxy_store: a whole answer of 200 becomes a file.
 *
 * It is written beside its place, as it comes, and gets its name when it is complete:
 * nobody ever sees a part of it. Whatever goes wrong, the client's answer goes on.
 */
#define _GNU_SOURCE
#include "proxy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <weir/http/file_cache.h>
#include <weir/os/folder.h>
#include <weir/process/cycle.h>

struct proxy_store {
    int      fd;
    wr_str_t path, temp;        /* NUL behind */
};

/* Which file; empty: it has been logged why none. */
static wr_str_t
file_of(wr_req_t *r, const proxy_conf_t *conf)
{
    wr_str_t path = WR_STR_NONE;
    size_t   root;

    if (conf->store == PROXY_STORE_URI) {
        if (!wr_req_path(r, &path, &root, 0)) {
            return WR_STR_NONE;
        }
    } else if (wr_cv_eval(r, &conf->store_path, &path) != WR_OK) {
        return WR_STR_NONE;
    }
    if (path.n == 0 || path.p[path.n - 1] == '/' || wr_str_chr(path, '\0') >= 0) {
        wr_log(&r->log, WR_LOG_CRIT, 0, "proxy_store: \"%.*s\" is no name of a file",
               WR_ARG(path));
        return WR_STR_NONE;
    }
    if (path.p[0] != '/') {
        return wr_pool_join(wr_pool(r), wr_cycle->prefix, path);
    }
    return wr_str(wr_pool_strz(wr_pool(r), path), path.n);
}

static void
failed(wr_req_t *r, proxy_t *p, const char *call, wr_str_t path)
{
    wr_log(&r->log, WR_LOG_CRIT, errno, "%s \"%.*s\" failed", call, WR_ARG(path));
    proxy_store_drop(p);
}

void
proxy_store_begin(wr_req_t *r, proxy_t *p)
{
    const proxy_conf_t  *conf = p->conf;
    struct proxy_store *s;

    if (conf->store == PROXY_STORE_OFF || p->x.status != 200 || p->x.head_request
        || !p->buffered)
    {
        return;
    }
    s = WR_NEW(wr_pool(r), struct proxy_store);
    s->path = file_of(r, conf);
    if (s->path.n == 0) {
        return;
    }
    if (wr_file_is_private(r, s->path)) {
        wr_log(&r->log, WR_LOG_ERR, 0, "\"%.*s\" belongs to a database: not stored",
               WR_ARG(s->path));
        return;
    }
    s->temp = wr_pool_printf(wr_pool(r), "%.*s.weir-XXXXXX", WR_ARG(s->path));
    s->fd = mkostemp((char *) (uintptr_t) s->temp.p, O_CLOEXEC);
    if (s->fd < 0 && errno == ENOENT) {
        errno = wr_make_parents(s->path.p, wr_folder_mode(conf->store_access));
        if (errno == 0) {
            s->temp = wr_pool_printf(wr_pool(r), "%.*s.weir-XXXXXX", WR_ARG(s->path));
            s->fd = mkostemp((char *) (uintptr_t) s->temp.p, O_CLOEXEC);
        }
    }
    if (s->fd < 0) {
        wr_log(&r->log, WR_LOG_CRIT, errno, "open() \"%.*s\" failed", WR_ARG(s->temp));
        return;
    }
    p->store = s;
}

void
proxy_store_add(wr_req_t *r, proxy_t *p, const char *bytes, size_t n)
{
    while (p->store != NULL && n != 0) {
        ssize_t done = write(p->store->fd, bytes, n);

        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done <= 0) {
            failed(r, p, "write()", p->store->temp);
            return;
        }
        bytes += done;
        n -= (size_t) done;
    }
}

void
proxy_store_end(wr_req_t *r, proxy_t *p)
{
    struct proxy_store *s = p->store;
    const wr_header_t  *modified = wr_headers_first(&p->x.in, WR_H_LAST_MODIFIED);
    int64_t             date = modified != NULL ? wr_date_parse(modified->value) : -1;

    if (s == NULL) {
        return;
    }
    if (date >= 0) {
        struct timespec times[2] = {{.tv_sec = date}, {.tv_sec = date}};

        (void) futimens(s->fd, times);
    }
    if (fchmod(s->fd, (mode_t) p->conf->store_access) != 0) {
        failed(r, p, "chmod()", s->temp);
    } else if (rename(s->temp.p, s->path.p) != 0) {
        failed(r, p, "rename() to", s->path);
    } else {
        close(s->fd);
        p->store = NULL;
    }
}

void
proxy_store_drop(proxy_t *p)
{
    if (p->store != NULL) {
        close(p->store->fd);
        (void) unlink(p->store->temp.p);
        p->store = NULL;
    }
}
