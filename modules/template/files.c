/*
 * Template files: where they are, and whether they have changed.
 *
 * The kernel tells of changes (inotify), so that files need not be looked at for each
 * page: what it tells comes before requests that were sent later. What it cannot tell,
 * a link in the path that leads elsewhere or a file system of another machine, is
 * noticed within a second. Where folders cannot be watched, each turn of the loop looks.
 */
#include "template.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>
#include <weir/event/loop.h>
#include <weir/http/file_cache.h>
#include <weir/os/changes.h>
#include <weir/os/readfile.h>
#include <weir/process/cycle.h>
#include <weir/process/process.h>

_Static_assert(TEMPLATE_MARKS == 1 << (64 - 58), "place_of");

static wr_watch_t watch = {.fd = -1};
static const wr_cycle_t *watched_for;    /* the newest that asked */
static uint64_t   changes;      /* how many times the kernel has told of some */

bool
template_is_inside(wr_str_t name)
{
    wr_str_t rest = name, part;

    if (name.n == 0 || name.p[0] == '/' || wr_str_chr(name, '\0') >= 0) {
        return false;
    }
    while (wr_str_split(&rest, '/', &part)) {
        if (wr_str_eqz(part, "..")) {
            return false;
        }
    }
    return true;
}

static void
identify(const struct stat *st, uint64_t identity[4])
{
    identity[0] = st->st_dev;
    identity[1] = st->st_ino;
    identity[2] = (uint64_t) st->st_size;
    identity[3] = (uint64_t) st->st_mtim.tv_sec * 1000000000u + (uint64_t) st->st_mtim.tv_nsec;
}

wr_rc_t
template_load(void *data, wr_pool_t *pool, wr_str_t name, wr_source_t *out, wr_err_t *err)
{
    template_root_t *root = data;
    wr_str_t         path;
    struct stat      st;
    const char      *call;

    (void) err;
    if (!template_is_inside(name)) {
        return WR_NOTFOUND;
    }
    path = wr_pool_join(pool, root->folder, name);
    if (stat(path.p, &st) != 0 || !S_ISREG(st.st_mode)
        || (wr_file_private != NULL && wr_file_private(NULL, path, st.st_dev, st.st_ino))
        || wr_file_read(pool, path.p, 64 << 20, &out->text, &call) != 0)
    {
        return WR_NOTFOUND;
    }
    out->file = path;
    identify(&st, out->identity);
    return WR_OK;
}

static bool
is_unchanged(const wr_source_t *source)
{
    struct stat st;
    uint64_t    now[4];

    if (stat(source->file.p, &st) != 0) {
        return false;
    }
    identify(&st, now);
    return memcmp(now, source->identity, sizeof(now)) == 0;
}

/* ---- changes ---- */

static void
changed(wr_watch_t *w)
{
    w->readable = false;
    (void) wr_changes_take(w->fd);
    __atomic_add_fetch(&changes, 1, __ATOMIC_RELEASE);
}

wr_rc_t
template_watch(wr_worker_t *w)
{
    watched_for = w->cycle;
    if (watch.fd >= 0) {
        return WR_OK;
    }
    watch = (wr_watch_t) {.fd = wr_changes_open(), .on_read = changed};
    if (watch.fd >= 0 && wr_watch_add(&watch) != WR_OK) {
        close(watch.fd);
        watch.fd = -1;
    }
    return WR_OK;
}

void
template_unwatch(wr_worker_t *w)
{
    if (watch.fd >= 0 && watched_for == w->cycle) {
        wr_watch_remove(&watch);
        close(watch.fd);
        watch.fd = -1;
    }
}

static bool
watch_folder_of(const wr_source_t *source)
{
    char    folder[4096];
    ssize_t slash = wr_str_rchr(source->file, '/');

    if (watch.fd < 0 || slash <= 0 || (size_t) slash >= sizeof(folder)) {
        return false;
    }
    memcpy(folder, source->file.p, (size_t) slash);
    folder[slash] = '\0';
    return wr_changes_add_closely(watch.fd, folder);
}

/* Pools begin alike, so all bits of an address count. */
static size_t
place_of(const wr_source_t *source)
{
    return (size_t) ((uint64_t) (uintptr_t) source * UINT64_C(0x9e3779b97f4a7c15) >> 58);
}

/* One word says of which file, after how many changes and in which second (or turn) it
 * was looked at: threads that write it at the same time cannot mix theirs. */
static uint64_t
mark_of(const wr_source_t *source, uint64_t seen, uint64_t when)
{
    uint64_t h = (uint64_t) (uintptr_t) source * UINT64_C(0x9e3779b97f4a7c15);

    h = (h ^ h >> 29 ^ seen) * UINT64_C(0xbf58476d1ce4e5b9);
    h = (h ^ h >> 32 ^ when) * UINT64_C(0x94d049bb133111eb);
    return (h ^ h >> 31) | 1;
}

bool
template_is_fresh(void *data, wr_str_t name, const wr_source_t *source)
{
    template_root_t *root = data;
    uint64_t        *mark = &root->marks[place_of(source)];
    uint64_t         seen = __atomic_load_n(&changes, __ATOMIC_ACQUIRE), known;
    uint64_t         second = wr_clock_ns() / 1000000000u, turn = wr_loop_turns();

    (void) name;
    if (!root->reload) {
        return true;
    }
    known = __atomic_load_n(mark, __ATOMIC_RELAXED);
    if (known == mark_of(source, seen, second) || known == mark_of(source, ~seen, turn)) {
        return true;
    }
    /* The folder is watched before the file is looked at: no change falls between. */
    known = watch_folder_of(source) ? mark_of(source, seen, second)
                                    : mark_of(source, ~seen, turn);
    if (!is_unchanged(source)) {
        return false;
    }
    __atomic_store_n(mark, known, __ATOMIC_RELAXED);
    return true;
}
