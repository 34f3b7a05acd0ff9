/*
 * Trees of files. Files are written beside their place and renamed into it, so
 * that nobody sees half of one.
 */
#define _GNU_SOURCE
#include "dav.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DEPTH = 128, BLOCK = 64 * 1024 };

typedef int (*visit_t)(const char *path, const struct stat *st, bool leaving, void *data);

static int
fail(const char *path, char **failed)
{
    int err = errno;

    if (failed != NULL && *failed == NULL) {
        *failed = strdup(path);
    }
    return err != 0 ? err : EIO;
}

/* Calls `visit` for each file, and for folders before and after what is in them. */
static int
walk(const char *path, unsigned depth, visit_t visit, void *data, char **failed)
{
    DIR           *dir = opendir(path);
    struct dirent *d;
    int            err = 0;

    if (dir == NULL) {
        return fail(path, failed);
    }
    if (depth == DEPTH) {
        closedir(dir);
        errno = ELOOP;
        return fail(path, failed);
    }
    while (err == 0 && (d = readdir(dir)) != NULL) {
        char       *name = NULL;
        struct stat st;

        if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0) {
            continue;
        }
        if (asprintf(&name, "%s/%s", path, d->d_name) < 0) {
            err = ENOMEM;
            break;
        }
        if (lstat(name, &st) != 0) {
            err = fail(name, failed);
        } else {
            err = visit(name, &st, false, data);
            if (err == 0 && S_ISDIR(st.st_mode)) {
                err = walk(name, depth + 1, visit, data, failed);
                if (err == 0) {
                    err = visit(name, &st, true, data);
                }
            }
            if (err != 0) {
                errno = err;
                err = fail(name, failed);
            }
        }
        free(name);
    }
    closedir(dir);
    return err;
}

static int
remove_one(const char *path, const struct stat *st, bool leaving, void *data)
{
    (void) data;
    if (S_ISDIR(st->st_mode)) {
        return leaving && rmdir(path) != 0 ? errno : 0;
    }
    return unlink(path) != 0 ? errno : 0;
}

int
dav_remove(const char *path, bool is_dir, char **failed)
{
    int err;

    if (!is_dir) {
        return unlink(path) != 0 ? fail(path, failed) : 0;
    }
    err = walk(path, 0, remove_one, NULL, failed);
    if (err == 0 && rmdir(path) != 0) {
        err = fail(path, failed);
    }
    return err;
}

static int
copy_bytes(int from, int to)
{
    char   *block = malloc(BLOCK);
    ssize_t n = block != NULL ? 1 : -1;

    while (n > 0) {
        n = read(from, block, BLOCK);
        for (ssize_t done = 0; done < n;) {
            ssize_t w = write(to, block + done, (size_t) (n - done));

            if (w <= 0) {
                n = -1;
                break;
            }
            done += w;
        }
    }
    free(block);
    return n < 0 ? (errno != 0 ? errno : EIO) : 0;
}

int
dav_copy_file(const char *from, const char *to, int mode)
{
    struct stat st;
    char       *temp = NULL;
    int         in = open(from, O_RDONLY | O_CLOEXEC), out = -1, err = 0;

    if (in < 0) {
        return errno;
    }
    if (fstat(in, &st) != 0 || asprintf(&temp, "%s.weir-XXXXXX", to) < 0) {
        err = errno;
        close(in);
        return err;
    }
    out = mkostemp(temp, O_CLOEXEC);
    if (out < 0) {
        err = errno;
    } else {
        struct timespec times[2] = {st.st_atim, st.st_mtim};

        err = copy_bytes(in, out);
        (void) fchmod(out, mode != 0 ? (mode_t) mode : st.st_mode & 07777);
        (void) futimens(out, times);
        close(out);
        if (err == 0 && rename(temp, to) != 0) {
            err = errno;
        }
        if (err != 0) {
            unlink(temp);
        }
    }
    close(in);
    free(temp);
    return err;
}

typedef struct copy {
    size_t      skip;           /* bytes of the source's own path */
    const char *to;
} copy_t;

static int
copy_one(const char *path, const struct stat *st, bool leaving, void *data)
{
    const copy_t *c = data;
    char         *to = NULL;
    int           err = 0;

    if (leaving || asprintf(&to, "%s%s", c->to, path + c->skip) < 0) {
        return leaving ? 0 : ENOMEM;
    }
    if (S_ISDIR(st->st_mode)) {
        err = mkdir(to, st->st_mode & 07777) != 0 && errno != EEXIST ? errno : 0;
    } else if (S_ISREG(st->st_mode)) {
        err = dav_copy_file(path, to, 0);
    }
    free(to);
    return err;
}

int
dav_copy_tree(const char *from, const char *to, char **failed)
{
    copy_t      c = {.skip = strlen(from), .to = to};
    struct stat st;

    if (stat(from, &st) != 0) {
        return fail(from, failed);
    }
    if (mkdir(to, st.st_mode & 07777) != 0 && errno != EEXIST) {
        return fail(to, failed);
    }
    return walk(from, 0, copy_one, &c, failed);
}

int
dav_move_file(const char *from, const char *to, int mode)
{
    int err;

    if (mode != 0 && chmod(from, (mode_t) mode) != 0) {
        return errno;
    }
    if (rename(from, to) == 0) {
        return 0;
    }
    if (errno != EXDEV) {
        return errno;
    }
    err = dav_copy_file(from, to, mode);
    return err == 0 && unlink(from) != 0 ? errno : err;
}
