/*
 * SQLite on the loop's thread, where nothing may wait.
 *
 * SQLite's own VFS is used, with three of its calls replaced. On a thread that is in a
 * hurry, a page is read only if the kernel has it in memory (RWF_NOWAIT), no file is
 * opened, and who would sleep until a lock is free goes on at once, until SQLite gives
 * up. Locks never wait in write-ahead mode. A statement that needs more fails, and is
 * run on another thread.
 */
#define _GNU_SOURCE
#include "sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

static struct {
    bool        ready;
    sqlite3_vfs vfs;
    int       (*sleep)(sqlite3_vfs *vfs, int us);
    int       (*open)(const char *path, int flags, int mode);
    ssize_t   (*pread)(int fd, void *to, size_t n, off_t at);
} own;

static __thread bool in_hurry;
static __thread bool unable;        /* the file system has no RWF_NOWAIT */
static bool          asked;         /* SQLite reads by the function below */

static ssize_t
read_page(int fd, void *to, size_t n, off_t at)
{
    struct iovec v = {to, n};
    ssize_t      got;

    __atomic_store_n(&asked, true, __ATOMIC_RELAXED);
    if (!in_hurry) {
        return own.pread(fd, to, n, at);
    }
    got = preadv2(fd, &v, 1, at, RWF_NOWAIT);
    unable |= got < 0 && (errno == EOPNOTSUPP || errno == ENOSYS);
    return got;
}

static int
open_file(const char *path, int flags, int mode)
{
    if (in_hurry) {
        errno = EACCES;
        return -1;
    }
    return own.open(path, flags, mode);
}

static int
nap(sqlite3_vfs *vfs, int us)
{
    return in_hurry ? us : own.sleep(vfs, us);
}

const char *
sq_vfs(void)
{
    sqlite3_vfs *vfs = sqlite3_vfs_find("unix");

    if (own.ready) {
        return own.vfs.zName;
    }
    if (vfs == NULL || vfs->iVersion < 3 || vfs->xSetSystemCall == NULL) {
        return NULL;
    }
    own.open = (int (*)(const char *, int, int)) vfs->xGetSystemCall(vfs, "open");
    own.pread = (ssize_t (*)(int, void *, size_t, off_t)) vfs->xGetSystemCall(vfs, "pread64");
    own.sleep = vfs->xSleep;
    if (own.open == NULL || own.pread == NULL) {
        return NULL;
    }
    own.vfs = *vfs;
    own.vfs.zName = "weir";
    own.vfs.xSleep = nap;
    if (vfs->xSetSystemCall(vfs, "open", (sqlite3_syscall_ptr) open_file) != SQLITE_OK
        || vfs->xSetSystemCall(vfs, "pread64", (sqlite3_syscall_ptr) read_page) != SQLITE_OK
        || sqlite3_vfs_register(&own.vfs, 0) != SQLITE_OK)
    {
        return NULL;
    }
    own.ready = true;
    return own.vfs.zName;
}

void
sq_vfs_hurry(bool hurry)
{
    in_hurry = hurry;
}

bool
sq_vfs_is_asked(void)
{
    return __atomic_load_n(&asked, __ATOMIC_RELAXED);
}

bool
sq_vfs_was_unable(void)
{
    bool was = unable;

    unable = false;
    return was;
}
