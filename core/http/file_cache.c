/*
 * The cache of files of a worker: one hash table by path. Each open_file_cache of
 * the conf is a budget: a list in order of use and how much may be in it. Budget 0
 * is for what has no open_file_cache, bounded in bytes, descriptors and entries.
 *
 * An entry that has changed is taken out of the table; requests that use it keep
 * it alive by their references. At its first use an entry costs no more than
 * opening the file; with the second it is watched, and from the third on it costs
 * no system call but a stat a second (open_file_cache_valid). One that was not
 * used often enough keeps what is known of the file, but neither its descriptor
 * nor its bytes; one of an error has nothing else.
 */
#define _GNU_SOURCE
#include <weir/http/file_cache.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>
#include <weir/base/hash.h>
#include <weir/http/core_conf.h>
#include <weir/process/cycle.h>
#include <weir/http/file_walk.h>

enum {
    SLOTS = 4096,
    WATCH_SLOTS = 1024,
    SMALL = 256 * 1024,             /* files up to here are kept in memory */
    MAX_MEMORY = 32 * 1024 * 1024,
    MAX_OPEN = 256,
    MAX_ENTRIES = 8192,
    RECHECK = 1000,                 /* ms between two stats of an entry */
    INACTIVE = 10 * 1000,           /* ms unused until a descriptor is closed */
};

typedef struct entry {
    wr_file_t       file;           /* first: file->close gets it. fd -1: in memory */
    char           *data;
    struct entry   *next;           /* in its slot */
    struct entry   *next_watched;
    wr_queue_t      link;           /* by use, newest first */
    uint64_t        hash;
    uint64_t        device;
    struct timespec changed;        /* mtime and ctime, to the nanosecond */
    struct timespec touched;
    wr_msec_t       checked;
    wr_msec_t       used;
    wr_msec_t       inactive;
    struct budget  *budget;
    int64_t         uses;
    int64_t         min_uses;       /* fewer: it is not kept open */
    int             err;            /* of an error: errno … */
    const char     *failed;         /* … and the call */
    int             watch;          /* inotify's; -1: none */
    bool            is_exec;
    bool            listed;         /* in the table */
    bool            unwatched;      /* cannot be watched: trusted all the same */
} entry_t;

typedef struct budget {
    wr_queue_t used;                /* newest first */
    unsigned   n;
    unsigned   open;
} budget_t;

static struct {
    entry_t   *slots[SLOTS];
    entry_t   *watched[WATCH_SLOTS];
    budget_t **budgets;
    unsigned   nbudgets;
    size_t     memory;
    wr_watch_t inotify;
    uint64_t   generation;          /* of the conf that numbers the budgets */
    bool       ready;
    pid_t      owner;
} cache;

/* ---- entries ---- */

/* Keeps only what is known of the file. */
static void
hollow(entry_t *e)
{
    if (e->file.fd >= 0) {
        close(e->file.fd);
        e->file.fd = -1;
        e->budget->open--;
    }
    if (e->data != NULL) {
        cache.memory -= (size_t) e->file.size;
        free(e->data);
        e->data = NULL;
    }
}

static void
destroy(entry_t *e)
{
    hollow(e);
    free((char *) e->file.path.p);
    free(e);
}

static void
unref(void *data)
{
    entry_t *e = data;

    if (--e->file.refs == 0) {
        destroy(e);
    } else if (e->file.refs == 1 && e->listed && e->uses < e->min_uses) {
        hollow(e);
    }
}

static void
unwatch(entry_t *e)
{
    entry_t **at = &cache.watched[(unsigned) e->watch % WATCH_SLOTS];
    bool      shared = false;

    if (e->watch < 0) {
        return;
    }
    while (*at != NULL) {
        if (*at == e) {
            *at = e->next_watched;
            continue;
        }
        shared |= (*at)->watch == e->watch;
        at = &(*at)->next_watched;
    }
    if (!shared) {
        inotify_rm_watch(cache.inotify.fd, e->watch);
    }
    e->watch = -1;
}

/* Takes it out of the table: nobody finds it any more. */
static void
forget(entry_t *e)
{
    entry_t **at = &cache.slots[e->hash % SLOTS];

    if (!e->listed) {
        return;
    }
    while (*at != e) {
        at = &(*at)->next;
    }
    *at = e->next;
    e->listed = false;
    e->budget->n--;
    wr_queue_remove(&e->link);
    unwatch(e);
    unref(e);
}

static entry_t *
oldest(const budget_t *b)
{
    wr_queue_t *last = wr_queue_last(&b->used);

    return last != NULL ? WR_QUEUE_ITEM(last, entry_t, link) : NULL;
}

/* `max`: how many entries open_file_cache allows; 0: it is budget 0. */
static void
make_room(budget_t *b, int64_t max)
{
    entry_t *e;

    while ((max != 0 ? b->n > max
                     : cache.memory > MAX_MEMORY || b->open > MAX_OPEN
                           || b->n > MAX_ENTRIES)
           && (e = oldest(b)) != NULL)
    {
        forget(e);
    }
}

static budget_t *
budget(unsigned id)
{
    if (id >= cache.nbudgets) {
        cache.budgets = realloc(cache.budgets, (id + 1) * sizeof(budget_t *));
        WR_ASSERT(cache.budgets != NULL);
        for (; cache.nbudgets <= id; cache.nbudgets++) {
            budget_t *b = calloc(1, sizeof(*b));

            WR_ASSERT(b != NULL);
            wr_queue_init(&b->used);
            cache.budgets[cache.nbudgets] = b;
        }
    }
    return cache.budgets[id];
}

/* ---- inotify ---- */

static void
changed(int watch)
{
    entry_t *e = cache.watched[(unsigned) watch % WATCH_SLOTS];

    while (e != NULL) {
        entry_t *next = e->next_watched;

        if (e->watch == watch) {
            forget(e);
            /* forget may have unlinked neighbours' links, never entries */
            next = cache.watched[(unsigned) watch % WATCH_SLOTS];
        }
        e = next;
    }
}

static void
on_changes(wr_watch_t *w)
{
    char    events[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
    ssize_t n;

    while ((n = read(w->fd, events, sizeof(events))) > 0) {
        for (char *p = events; p < events + n;) {
            struct inotify_event *event = (void *) p;

            if ((event->mask & IN_Q_OVERFLOW) != 0) {
                wr_file_cache_clear();
                return;
            }
            changed(event->wd);
            p += sizeof(*event) + event->len;
        }
    }
    w->readable = false;
}

/* True if changes of the entry's file will be told from now on. */
static bool
watch(entry_t *e)
{
    if (e->watch >= 0 || cache.inotify.fd < 0) {
        return e->watch >= 0;
    }
    e->watch = inotify_add_watch(cache.inotify.fd, e->file.path.p,
                                 IN_MODIFY | IN_ATTRIB | IN_MOVE_SELF
                                     | IN_DELETE_SELF);
    if (e->watch < 0) {
        return false;
    }
    e->next_watched = cache.watched[(unsigned) e->watch % WATCH_SLOTS];
    cache.watched[(unsigned) e->watch % WATCH_SLOTS] = e;
    return true;
}

/* In the process that uses it, so that no worker reads another's events. */
static void
get_ready(wr_log_t *log)
{
    pid_t pid = wr_worker.pid;

    if (cache.ready && cache.owner == pid) {
        if (cache.generation != wr_cycle->generation) {
            wr_file_cache_clear();      /* the single process has reloaded */
            cache.generation = wr_cycle->generation;
        }
        return;
    }
    memset(&cache, 0, sizeof(cache));
    cache.ready = true;
    cache.generation = wr_cycle->generation;
    cache.owner = pid;
    cache.inotify.fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    cache.inotify.on_read = on_changes;
    if (cache.inotify.fd < 0) {
        wr_log(log, WR_LOG_INFO, errno, "inotify_init1() failed");
    } else if (wr_watch_add(&cache.inotify) != WR_OK) {
        close(cache.inotify.fd);
        cache.inotify.fd = -1;
    }
}

/* ---- looking up ---- */

static bool
same_file(const entry_t *e, const struct stat *st)
{
    return e->file.inode == st->st_ino && e->device == st->st_dev
           && e->file.size == st->st_size
           && memcmp(&e->changed, &st->st_mtim, sizeof(e->changed)) == 0
           && memcmp(&e->touched, &st->st_ctim, sizeof(e->touched)) == 0;
}

/* Whether it still is what the path names. */
static bool
is_fresh(entry_t *e, wr_msec_t valid)
{
    struct stat st;

    if ((e->watch >= 0 || e->unwatched) && wr_clock.mono - e->checked < valid) {
        return true;
    }
    if (e->err != 0) {
        return false;
    }
    e->unwatched = !watch(e) && e->budget != cache.budgets[0];
    if (stat(e->file.path.p, &st) != 0 || !same_file(e, &st)) {
        return false;
    }
    e->checked = wr_clock.mono;
    return true;
}

static entry_t *
look_up(const wr_http_core_t *core, wr_str_t path, uint64_t hash)
{
    entry_t  *e = cache.slots[hash % SLOTS];
    wr_msec_t valid = core->file_cache != 0 ? core->file_cache_valid * 1000 : RECHECK;

    while (e != NULL && (e->hash != hash || !wr_str_eq(e->file.path, path))) {
        e = e->next;
    }
    if (e == NULL) {
        return NULL;
    }
    if (!is_fresh(e, valid) || (e->err != 0 && !core->file_cache_errors)) {
        forget(e);
        return NULL;
    }
    e->used = wr_clock.mono;
    wr_queue_remove(&e->link);
    wr_queue_unshift(&e->budget->used, &e->link);
    return e;
}

static void
describe(const struct stat *st, wr_opened_t *out)
{
    out->size = st->st_size;
    out->mtime = st->st_mtime;
    out->inode = st->st_ino;
    out->device = st->st_dev;
    out->is_file = S_ISREG(st->st_mode);
    out->is_dir = S_ISDIR(st->st_mode);
    out->is_exec = (st->st_mode & S_IXUSR) != 0;
}

static void
describe_entry(wr_req_t *r, entry_t *e, wr_opened_t *out)
{
    e->file.refs++;
    wr_pool_on_free(wr_pool(r), unref, e);
    out->file = e->file.fd >= 0 ? &e->file : NULL;
    out->data = e->data;
    out->size = e->file.size;
    out->mtime = e->file.mtime;
    out->inode = e->file.inode;
    out->device = e->device;
    out->is_file = true;
    out->is_dir = false;
    out->is_exec = e->is_exec;
}

/* ---- loading ---- */

/* All of it at once; NULL if it is not as long as it was said to be. */
static char *
read_all(int fd, size_t size)
{
    char   *data = malloc(size != 0 ? size : 1);
    size_t  n = 0;
    ssize_t got = 1;

    while (data != NULL && n < size && got > 0) {
        got = read(fd, data + n, size - n);
        if (got < 0 && errno == EINTR) {
            got = 1;
        } else if (got > 0) {
            n += (size_t) got;
        }
    }
    if (data != NULL && n != size) {
        free(data);
        return NULL;
    }
    return data;
}

/* A new entry. It holds one reference: the request's. */
static entry_t *
new_entry(const wr_http_core_t *core, wr_str_t path)
{
    entry_t *e = calloc(1, sizeof(*e));
    char    *name = malloc(path.n + 1);

    if (e == NULL || name == NULL) {
        free(e);
        free(name);
        return NULL;
    }
    memcpy(name, path.p, path.n);
    name[path.n] = '\0';
    e->file = (wr_file_t) {.fd = -1, .path = wr_str(name, path.n), .refs = 1};
    e->watch = -1;
    e->used = wr_clock.mono;
    e->budget = budget(core->file_cache);
    e->inactive = core->file_cache != 0 ? core->file_cache_inactive * 1000 : INACTIVE;
    e->min_uses = core->file_cache != 0 ? core->file_cache_min_uses : 0;
    wr_queue_init(&e->link);
    return e;
}

/* For an open file; takes fd. */
static entry_t *
load(const wr_http_core_t *core, wr_str_t path, int fd, const struct stat *st)
{
    entry_t *e = new_entry(core, path);
    bool     fits = core->file_cache == 0
                    || cache.memory + (size_t) st->st_size <= MAX_MEMORY;

    if (e == NULL) {
        close(fd);
        return NULL;
    }
    e->file.fd = fd;
    e->file.size = st->st_size;
    e->file.mtime = st->st_mtime;
    e->file.inode = st->st_ino;
    e->device = st->st_dev;
    e->changed = st->st_mtim;
    e->touched = st->st_ctim;
    e->is_exec = (st->st_mode & S_IXUSR) != 0;
    e->budget->open++;
    if (core->read_ahead != 0) {
        (void) posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    }
    if (st->st_size <= SMALL && fits) {
        e->data = read_all(fd, (size_t) st->st_size);
        if (e->data != NULL) {
            close(fd);
            e->file.fd = -1;
            e->budget->open--;
            cache.memory += (size_t) st->st_size;
        }
    }
    return e;
}

static void
list(const wr_http_core_t *core, entry_t *e, uint64_t hash)
{
    e->hash = hash;
    e->next = cache.slots[hash % SLOTS];
    cache.slots[hash % SLOTS] = e;
    e->listed = true;
    e->file.refs++;
    e->budget->n++;
    wr_queue_unshift(&e->budget->used, &e->link);
    make_room(e->budget, core->file_cache != 0 ? core->file_cache_max : 0);
}

/* open_file_cache_errors: nothing watches a file that is not there, so it is
 * believed for open_file_cache_valid. */
static void
list_error(const wr_http_core_t *core, wr_str_t path, const wr_opened_t *out)
{
    entry_t *e;

    if (core->file_cache == 0 || !core->file_cache_errors || core->disable_symlinks != 0
        || (e = new_entry(core, path)) == NULL)
    {
        return;
    }
    e->err = out->err;
    e->failed = out->failed;
    e->checked = wr_clock.mono;
    e->unwatched = true;
    list(core, e, wr_hash(path.p, path.n));
    unref(e);
}

static wr_rc_t
known_error(const entry_t *e, wr_opened_t *out)
{
    out->err = e->err;
    out->failed = e->failed;
    return WR_ERROR;
}

static wr_rc_t
failed(wr_opened_t *out, const char *call)
{
    out->err = errno;
    out->failed = call;
    return WR_ERROR;
}

bool (*wr_file_private)(wr_req_t *r, wr_str_t path, uint64_t device, uint64_t inode);

static bool
is_private(wr_req_t *r, wr_str_t path)
{
    struct stat st;

    return wr_file_private != NULL && stat(path.p, &st) == 0 && S_ISREG(st.st_mode)
           && wr_file_private(r, path, st.st_dev, st.st_ino);
}

wr_rc_t
wr_file_open(wr_req_t *r, wr_str_t path, wr_opened_t *out)
{
    const wr_http_core_t *core = wr_http_core(r);
    bool        cached = core->disable_symlinks == 0;
    int64_t     uses = 1;
    uint64_t    hash = wr_hash(path.p, path.n);
    struct stat st;
    entry_t    *e;
    int         fd;

    *out = (wr_opened_t) {0};
    get_ready(&r->log);
    if (cached && (e = look_up(core, path, hash)) != NULL) {
        uses = ++e->uses;
        if (e->err != 0) {
            return known_error(e, out);
        }
        if (e->file.fd >= 0 || e->data != NULL) {
            describe_entry(r, e, out);
            return WR_OK;
        }
        forget(e);              /* it was not worth staying open so far */
    }
    if (is_private(r, path)) {
        errno = ENOENT;
        return failed(out, "open()");
    }
    fd = wr_file_walk(r, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        failed(out, cached ? "open()" : "openat()");
        list_error(core, path, out);
        return WR_ERROR;
    }
    if (fstat(fd, &st) != 0) {
        failed(out, "fstat()");
        close(fd);
        return WR_ERROR;
    }
    describe(&st, out);
    if (!out->is_file) {
        close(fd);
        return WR_OK;
    }
    e = load(core, path, fd, &st);
    if (e == NULL) {
        errno = ENOMEM;
        return failed(out, "malloc()");
    }
    e->uses = uses;
    describe_entry(r, e, out);
    if (cached) {
        list(core, e, hash);
    }
    unref(e);
    return WR_OK;
}

wr_rc_t
wr_file_test(wr_req_t *r, wr_str_t path, wr_opened_t *out)
{
    const wr_http_core_t *core = wr_http_core(r);
    struct stat           st;
    int                   fd;

    *out = (wr_opened_t) {0};
    if (core->disable_symlinks == 0) {
        entry_t *e;

        get_ready(&r->log);
        e = look_up(core, path, wr_hash(path.p, path.n));
        if (e != NULL && e->err != 0) {
            return known_error(e, out);
        }
        if (e != NULL) {
            describe_entry(r, e, out);
            out->file = NULL;
            out->data = NULL;
            return WR_OK;
        }
        if (stat(path.p, &st) != 0) {
            failed(out, "stat()");
            list_error(core, path, out);
            return WR_ERROR;
        }
        describe(&st, out);
        return WR_OK;
    }
    fd = wr_file_walk(r, path, O_PATH | O_CLOEXEC);
    if (fd < 0) {
        return failed(out, "openat()");
    }
    if (fstat(fd, &st) != 0) {
        failed(out, "fstat()");
        close(fd);
        return WR_ERROR;
    }
    close(fd);
    describe(&st, out);
    return WR_OK;
}

/* ---- ends ---- */

bool
wr_file_cache_tick(void)
{
    unsigned n = 0;

    for (unsigned i = 0; i < cache.nbudgets; i++) {
        entry_t *e;

        while ((e = oldest(cache.budgets[i])) != NULL
               && wr_clock.mono - e->used > e->inactive)
        {
            forget(e);
        }
        n += cache.budgets[i]->n;
    }
    return n != 0;
}

void
wr_file_cache_clear(void)
{
    for (unsigned i = 0; i < cache.nbudgets; i++) {
        entry_t *e;

        while ((e = oldest(cache.budgets[i])) != NULL) {
            forget(e);
        }
    }
}

bool
wr_file_is_private(wr_req_t *r, wr_str_t path)
{
    struct stat st;

    if (wr_file_private == NULL) {
        return false;
    }
    if (stat(path.p, &st) != 0) {
        memset(&st, 0, sizeof(st));
    }
    return wr_file_private(r, path, st.st_dev, st.st_ino);
}
