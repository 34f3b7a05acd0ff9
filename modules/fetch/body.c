/*
 * fetch: the answer's body: decoded (gzip, deflate), then into memory or a file.
 *
 * A file is made without a name where the file system can (O_TMPFILE), so that
 * nothing is left however this ends; it gets its name when it is whole.
 */
#define _GNU_SOURCE
#include "fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <weir/os/random.h>

enum { RESERVE = 256 * 1024 };

/* ---- storing ---- */

static bool
cannot_store(fetch_t *f, const char *call)
{
    wr_log(&f->r->log, WR_LOG_ERR, errno, "%s \"%.*s\" failed", call, WR_ARG(f->path));
    f->ours = true;
    fetch_fail(f, "the answer cannot be stored");
    return false;
}

static wr_str_t
temp_name(fetch_t *f)
{
    return wr_pool_join(wr_pool(f->r), f->path, WR_STR(".XXXXXX"));
}

static bool
open_store(fetch_t *f)
{
    ssize_t     slash = wr_str_rchr(f->path, '/');
    const char *folder = wr_pool_strz(wr_pool(f->r), wr_str(f->path.p, (size_t) slash + 1));

    f->fd = open(folder, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0644);
    if (f->fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL)) {
        f->temp_path = temp_name(f);
        f->fd = mkostemp((char *) (uintptr_t) f->temp_path.p, O_CLOEXEC);
        if (f->fd >= 0) {
            (void) fchmod(f->fd, 0644);
        }
    }
    return f->fd >= 0 || cannot_store(f, "open()");
}

/* A file without a name gets one beside its place, that rename() can take. */
static bool
give_name(fetch_t *f)
{
    char proc[64];

    if (f->temp_path.n != 0) {
        return true;
    }
    snprintf(proc, sizeof(proc), "/proc/self/fd/%d", f->fd);
    for (unsigned i = 0; i < 10; i++) {
        uint64_t n;
        wr_str_t name;

        wr_random_fast(&n, sizeof(n));
        name = wr_pool_printf(wr_pool(f->r), "%.*s.%" PRIx64, WR_ARG(f->path), n);

        if (linkat(AT_FDCWD, proc, AT_FDCWD, name.p, AT_SYMLINK_FOLLOW) == 0) {
            f->temp_path = name;
            return true;
        }
        if (errno != EEXIST) {
            break;
        }
    }
    return false;
}

static bool
finish_store(fetch_t *f)
{
    if (!give_name(f)) {
        return cannot_store(f, "linkat()");
    }
    if (close(f->fd) != 0) {
        f->fd = -1;
        (void) unlink(f->temp_path.p);
        return cannot_store(f, "close()");
    }
    f->fd = -1;
    if (rename(f->temp_path.p, f->path.p) != 0) {
        (void) unlink(f->temp_path.p);
        return cannot_store(f, "rename()");
    }
    return true;
}

void
fetch_body_drop(fetch_t *f)
{
    if (f->fd >= 0) {
        close(f->fd);
        f->fd = -1;
        if (f->temp_path.n != 0) {
            (void) unlink(f->temp_path.p);
        }
    }
    wr_inflate_end(&f->inflate);
}

/* ---- taking ---- */

static bool
write_all(fetch_t *f, const char *p, size_t n)
{
    while (n != 0) {
        ssize_t wrote = write(f->fd, p, n);

        if (wrote < 0 && errno == EINTR) {
            continue;
        }
        if (wrote <= 0) {
            return cannot_store(f, "write()");
        }
        p += wrote;
        n -= (size_t) wrote;
    }
    return true;
}

static bool
take_plain(fetch_t *f, const char *p, size_t n)
{
    f->received += (int64_t) n;
    if (f->received > f->max_size) {
        fetch_fail(f, "the answer is larger than %" PRId64 " bytes", f->max_size);
        return false;
    }
    if (f->fd >= 0) {
        return write_all(f, p, n);
    }
    wr_buf_add(&f->text, p, n);
    return true;
}

static bool
broken(fetch_t *f)
{
    fetch_fail(f, "the answer's encoding is broken");
    return false;
}

static wr_rc_t
take_decoded(void *data, const char *p, size_t n)
{
    return take_plain(data, p, n) ? WR_OK : WR_DONE;
}

bool
fetch_body_take(fetch_t *f, char *p, size_t n)
{
    if (!f->encoded) {
        return take_plain(f, p, n);
    }
    switch (wr_inflate_feed(&f->inflate, p, n, take_decoded, f)) {
    case WR_OK:
        return true;
    case WR_SYNTAX:
        return broken(f);
    case WR_ERROR:
        f->ours = true;
        fetch_fail(f, "no memory for the answer's encoding");
        return false;
    default:
        return false;
    }
}

/* ---- beginning and end ---- */

bool
fetch_body_begin(fetch_t *f)
{
    wr_header_t *encoding = wr_headers_first(&f->x.in, WR_H_CONTENT_ENCODING);

    if (encoding != NULL && !f->x.body_done) {
        f->encoded = wr_inflate_begin(&f->inflate, encoding->value);
    }
    if (f->x.length > f->max_size && !f->encoded && !f->x.body_done) {
        fetch_fail(f, "the answer is larger than %" PRId64 " bytes", f->max_size);
        return false;
    }
    if (f->path.n != 0 && f->x.status >= 200 && f->x.status < 300) {
        return open_store(f);
    }
    if (f->x.length > 0 && !f->encoded && !f->x.body_done) {
        (void) wr_buf_reserve(&f->text, wr_min_size((size_t) f->x.length, RESERVE));
    }
    return true;
}

bool
fetch_body_end(fetch_t *f)
{
    if (f->encoded && f->inflate.z != NULL && !f->inflate.whole) {
        return broken(f);
    }
    return f->fd < 0 || finish_store(f);
}
