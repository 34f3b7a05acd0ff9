/*
 * disable_symlinks: the path is opened one part at a time, each relative to the
 * folder before it, so that nobody can change what was checked.
 */
#define _GNU_SOURCE
#include <weir/http/file_walk.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <weir/http/core_conf.h>

/* A link may be followed if it belongs to whom its target belongs. */
static int
open_owned(int at, const char *name, int flags)
{
    struct stat link, target;
    int         fd = openat(at, name, flags);

    if (fd < 0) {
        return -1;
    }
    if (fstatat(at, name, &link, AT_SYMLINK_NOFOLLOW) != 0
        || fstat(fd, &target) != 0)
    {
        close(fd);
        return -1;
    }
    if (link.st_uid != target.st_uid) {
        close(fd);
        errno = ELOOP;
        return -1;
    }
    return fd;
}

/* O_PATH opens links themselves, so a folder is asked for as a folder. */
static int
open_part(int at, const char *name, int flags, bool if_owned, bool last)
{
    struct stat st;
    int         fd = -1;

    if (fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
        return -1;
    }
    if (S_ISLNK(st.st_mode)) {
        if (if_owned) {
            return open_owned(at, name, last ? flags : O_PATH | O_CLOEXEC);
        }
        errno = last ? ELOOP : ENOTDIR;
        return -1;
    }
    fd = openat(at, name, (last ? flags : O_PATH | O_CLOEXEC) | O_NOFOLLOW);
    return fd;
}

/* Where the checks begin: behind `from=`, if the path starts with it. */
static size_t
first_checked(wr_req_t *r, wr_str_t path)
{
    const wr_http_core_t *core = wr_http_core(r);
    wr_str_t              from;

    if (!core->disable_symlinks_from.given
        || wr_cv_eval(r, &core->disable_symlinks_from, &from) != WR_OK
        || from.n == 0 || !wr_str_starts(path, from))
    {
        return 1;
    }
    if (from.p[from.n - 1] == '/') {
        return from.n;
    }
    return from.n < path.n && path.p[from.n] == '/' ? from.n + 1 : 1;
}

int
wr_file_walk(wr_req_t *r, wr_str_t path, int flags)
{
    const wr_http_core_t *core = wr_http_core(r);
    wr_str_t              rest, part;
    size_t                start;
    int                   at, fd = -1;

    if (core->disable_symlinks == 0 || path.n == 0 || path.p[0] != '/') {
        return open(path.p, flags);
    }
    start = first_checked(r, path);
    at = open(wr_pool_strz(wr_pool(r), wr_str_sub(path, 0, start)),
              O_PATH | O_CLOEXEC);
    if (at < 0) {
        return -1;
    }
    rest = wr_str_skip(path, start);
    while (wr_str_split(&rest, '/', &part)) {
        bool last = rest.p == NULL || rest.n == 0;

        if (part.n == 0 && !last) {
            continue;
        }
        if (part.n == 0) {
            part = WR_STR(".");
        }
        fd = open_part(at, wr_pool_strz(wr_pool(r), part), flags,
                       core->disable_symlinks == 2, last);
        close(at);
        if (fd < 0) {
            return -1;
        }
        if (last) {
            return fd;
        }
        at = fd;
    }
    return at;
}
