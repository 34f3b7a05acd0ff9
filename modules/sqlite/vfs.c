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

/* The methods of a kind of file, with a read of ours. */
typedef struct methods {
    sqlite3_io_methods        own;
    const sqlite3_io_methods *of;
} methods_t;

static struct {
    bool        ready;
    sqlite3_vfs vfs;
    pthread_mutex_t lock;
    methods_t   kinds[4];       /* under the lock; filled from the first on */
    int       (*open_file)(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags,
                           int *out);
    int       (*sleep)(sqlite3_vfs *vfs, int us);
    int       (*open)(const char *path, int flags, int mode);
    ssize_t   (*pread)(int fd, void *to, size_t n, off_t at);
} own;

static __thread bool in_hurry;
static __thread bool not_there;     /* the last read would have waited */
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
    not_there = got < 0;
    return got;
}

/* An error of reading would roll the transaction back, and with it end the snapshot; to
 * be told that something is busy does not. */
static int
read_file(sqlite3_file *f, void *to, int n, sqlite3_int64 at)
{
    const methods_t *m = WR_CONTAINER(f->pMethods, methods_t, own);
    int              rc;

    not_there = false;
    rc = m->of->xRead(f, to, n, at);
    return rc != SQLITE_OK && in_hurry && not_there ? SQLITE_BUSY : rc;
}

/* NULL: there are more kinds of files than are known. */
static const sqlite3_io_methods *
with_own_read(const sqlite3_io_methods *of)
{
    const sqlite3_io_methods *own_methods = NULL;

    pthread_mutex_lock(&own.lock);
    for (unsigned i = 0; own_methods == NULL && i < WR_COUNT(own.kinds); i++) {
        methods_t *m = &own.kinds[i];

        if (m->of == NULL) {
            m->own = *of;
            m->own.xRead = read_file;
            m->of = of;
        }
        own_methods = m->of == of ? &m->own : NULL;
    }
    pthread_mutex_unlock(&own.lock);
    return own_methods;
}

static int
open_in_vfs(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *out)
{
    const sqlite3_io_methods *methods;
    int                       rc = own.open_file(vfs, name, f, flags, out);

    if (rc != SQLITE_OK || f->pMethods == NULL) {
        return rc;
    }
    methods = with_own_read(f->pMethods);
    if (methods == NULL) {
        (void) f->pMethods->xClose(f);
        f->pMethods = NULL;
        return SQLITE_CANTOPEN;
    }
    f->pMethods = methods;
    return rc;
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
    own.open_file = vfs->xOpen;
    own.vfs.xOpen = open_in_vfs;
    pthread_mutex_init(&own.lock, NULL);
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
