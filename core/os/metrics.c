/*
 * Metrics: the shared memory, the lanes of the processes, the directory of series.
 *
 * The directory only grows: a series keeps its cell for as long as the master runs.
 * A process that dies while it holds the directory's lock leaves at the worst a
 * record that is in no list: each list is joined by one last store. So readers need
 * no lock.
 */
#define _GNU_SOURCE
#include <weir/os/metrics_priv.h>

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include <weir/base/hash.h>
#include <weir/base/utf8.h>
#include <weir/os/clock.h>
#include <weir/os/log.h>

enum { LANE_BYTES = WR_CELLS * sizeof(uint64_t), MAX_VALUE = 128 };
#define PAGE 4096u
#define BOARD_BYTES ((sizeof(wr_board_t) + PAGE - 1) / PAGE * PAGE)

static uint64_t nobody[WR_CELL_FREE];   /* counted before there is anything else */

uint64_t   *wr_lane = nobody;
unsigned    wr_metrics_limit = 1000;
wr_board_t *wr_board;

static int      file = -1;              /* -1: all processes share one lane */
static unsigned own;

_Static_assert((int) WR_CELL_ACCEPTED > (int) WR_TIME_BUCKETS, "scratch holds a histogram");

/* ---- the memory ---- */

static void
init_lock(pthread_mutex_t *m)
{
    pthread_mutexattr_t a;

    pthread_mutexattr_init(&a);
    pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(m, &a);
    pthread_mutexattr_destroy(&a);
}

static off_t
lane_offset(unsigned lane)
{
    return (off_t) BOARD_BYTES + (off_t) lane * LANE_BYTES;
}

void
wr_metrics_open(void)
{
    void *p;
    int   flags = MAP_SHARED;

    file = memfd_create("weir-metrics", MFD_CLOEXEC);
    if (file >= 0 && ftruncate(file, lane_offset(WR_LANES)) != 0) {
        close(file);
        file = -1;
    }
    if (file < 0) {
        wr_log(&wr_log_main, WR_LOG_WARN, errno, "memory for metrics failed: what "
               "workers count may get lost");
        flags |= MAP_ANONYMOUS;
    }
    p = mmap(NULL, BOARD_BYTES + LANE_BYTES, PROT_READ | PROT_WRITE, flags, file, 0);
    if (p == MAP_FAILED) {
        wr_log(&wr_log_main, WR_LOG_WARN, errno, "mmap() of metrics failed: nothing is "
               "counted");
        return;
    }
    wr_board = p;
    wr_lane = (uint64_t *) (void *) ((char *) p + BOARD_BYTES);
    init_lock(&wr_board->lock);
    wr_board->used = 8;
    wr_board->cells = WR_CELL_FREE;
    wr_board->lanes = 1;
    wr_board->lane[0] = (wr_lane_info_t) {WR_LANE_LIVE, getpid(), 0, wr_clock.sec};
}

static void
lock(void)
{
    if (pthread_mutex_lock(&wr_board->lock) == EOWNERDEAD) {
        pthread_mutex_consistent(&wr_board->lock);
    }
}

static void
unlock(void)
{
    pthread_mutex_unlock(&wr_board->lock);
}

/* ---- lanes ---- */

static void
zero_gauges(void)
{
    for (unsigned c = WR_CELL_GAUGES; c < WR_CELL_FREE; c++) {
        wr_metric_set(c, 0);
    }
    for (unsigned f = 0; f < wr_board->n_families; f++) {
        const wr_board_family_t *b = &wr_board->families[f];
        const wr_series_t       *s;

        if (b->kind != WR_METRIC_GAUGE && b->kind != WR_METRIC_GAUGE_MAX) {
            continue;
        }
        for (uint32_t at = b->first; at != 0; at = s->next) {
            s = (const void *) (wr_board->arena + at);
            wr_metric_set(s->cell, 0);
        }
    }
}

void
wr_metrics_enter(unsigned lane, uint64_t generation)
{
    void *p;

    if (wr_board == NULL) {
        return;
    }
    WR_ASSERT(lane < WR_LANES);
    if (lane != own && file >= 0) {
        p = mmap(NULL, LANE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, file,
                 lane_offset(lane));
        if (p == MAP_FAILED) {
            wr_log(&wr_log_main, WR_LOG_WARN, errno, "mmap() of metrics failed");
            return;
        }
        wr_lane = p;
    }
    own = lane;
    lock();
    if (lane >= wr_board->lanes) {
        wr_board->lanes = lane + 1;
    }
    if (lane != 0 && file >= 0) {
        zero_gauges();
    }
    wr_board->lane[lane] = (wr_lane_info_t) {WR_LANE_LIVE, getpid(), generation,
                                             wr_clock.sec};
    unlock();
}

static void
set_state(unsigned lane, wr_lane_state_t state)
{
    if (wr_board != NULL) {
        __atomic_store_n(&wr_board->lane[lane].state, state, __ATOMIC_RELAXED);
    }
}

void
wr_metrics_retiring(void)
{
    set_state(own, WR_LANE_RETIRING);
}

void
wr_metrics_leave(unsigned lane)
{
    set_state(lane, WR_LANE_FREE);
}

unsigned
wr_metrics_lanes(void)
{
    return wr_board == NULL ? 0 : __atomic_load_n(&wr_board->lanes, __ATOMIC_RELAXED);
}

wr_lane_info_t
wr_metrics_lane(unsigned lane)
{
    WR_ASSERT(lane < WR_LANES);
    return wr_board != NULL ? wr_board->lane[lane] : (wr_lane_info_t) {0};
}

const uint64_t *
wr_lanes_view(unsigned *n)
{
    static const uint64_t *view;
    static unsigned        mapped;
    void                  *p;

    *n = file >= 0 ? wr_metrics_lanes() : 1;
    if (wr_board == NULL || file < 0) {
        return wr_lane;
    }
    if (*n > mapped) {
        if (mapped != 0) {
            munmap((void *) (uintptr_t) view, (size_t) mapped * LANE_BYTES);
        }
        mapped = 0;
        p = mmap(NULL, (size_t) *n * LANE_BYTES, PROT_READ, MAP_SHARED, file,
                 lane_offset(0));
        if (p == MAP_FAILED) {
            *n = 1;
            return wr_lane;
        }
        view = p;
        mapped = *n;
    }
    return view;
}

/* ---- labels ---- */

static void
put_value(wr_buf_t *to, wr_str_t v)
{
    bool cut = v.n > MAX_VALUE;

    if (cut) {
        v.n = MAX_VALUE;
        while (v.n != 0 && (v.p[v.n] & 0xc0) == 0x80) {
            v.n--;
        }
    }
    for (size_t i = 0; i < v.n; i++) {
        unsigned char c = (unsigned char) v.p[i];

        if (c == '\n') {
            wr_buf_lit(to, "\\n");
        } else if (c == '"' || c == '\\') {
            wr_buf_char(to, '\\');
            wr_buf_char(to, (char) c);
        } else if (c >= 0x80) {
            size_t n = wr_min_size(wr_utf8_len((char) c), v.n - i);

            if (wr_utf8_valid(wr_str(v.p + i, n))) {
                wr_buf_add(to, v.p + i, n);
                i += n - 1;
            } else {
                wr_buf_lit(to, "\xef\xbf\xbd");
            }
        } else if (c < ' ' || c == 0x7f) {
            wr_buf_lit(to, "\xef\xbf\xbd");
        } else {
            wr_buf_char(to, (char) c);
        }
    }
    if (cut) {
        wr_buf_lit(to, "\xe2\x80\xa6");
    }
}

void
wr_labels_put(wr_buf_t *to, const wr_metric_t *m, const wr_str_t *values)
{
    for (unsigned i = 0; i < WR_METRIC_LABELS && m->labels[i] != NULL; i++) {
        if (i != 0) {
            wr_buf_char(to, ',');
        }
        wr_buf_z(to, m->labels[i]);
        wr_buf_lit(to, "=\"");
        put_value(to, values[i]);
        wr_buf_char(to, '"');
    }
}

/* ---- the directory: the lock is held ---- */

static uint32_t
take(size_t n)
{
    uint32_t at = wr_board->used;

    n = (n + 7) / 8 * 8;
    if (n > WR_METRIC_ARENA - at) {
        return 0;
    }
    wr_board->used += (uint32_t) n;
    return at;
}

static uint32_t
text(const char *z)
{
    size_t   n = strlen(z) + 1;
    uint32_t at = take(n);

    if (at != 0) {
        memcpy(wr_board->arena + at, z, n);
    }
    return at;
}

static wr_board_family_t *
family(const wr_metric_t *m, uint32_t *index)
{
    wr_board_family_t *f;
    uint32_t           name, help;

    for (*index = 0; *index < wr_board->n_families; ++*index) {
        f = &wr_board->families[*index];
        if (strcmp(wr_board->arena + f->name, m->name) == 0) {
            return f->kind == m->kind ? f : NULL;
        }
    }
    if (*index == WR_METRIC_FAMILIES || (name = text(m->name)) == 0
        || (help = text(m->help)) == 0)
    {
        return NULL;
    }
    f = &wr_board->families[*index];
    *f = (wr_board_family_t) {.name = name, .help = help, .kind = m->kind,
                              .unit = m->unit != 0 ? m->unit : 1};
    __atomic_store_n(&wr_board->n_families, *index + 1, __ATOMIC_RELEASE);
    return f;
}

static wr_series_t *
find(uint32_t hash, uint32_t f, wr_str_t labels)
{
    uint32_t at = wr_board->chains[hash % WR_METRIC_CHAINS];

    while (at != 0) {
        wr_series_t *s = (void *) (wr_board->arena + at);

        if (s->hash == hash && s->family == f
            && wr_str_eq(wr_str(s->labels, s->n), labels))
        {
            return s;
        }
        at = s->chain;
    }
    return NULL;
}

static wr_series_t *
add(wr_board_family_t *f, uint32_t index, uint32_t hash, wr_str_t labels)
{
    uint32_t     cells = f->kind == WR_METRIC_TIME ? 1 + WR_TIME_BUCKETS : 1;
    uint32_t     at;
    wr_series_t *s;

    if (cells > WR_CELLS - wr_board->cells
        || (at = take(sizeof(*s) + labels.n)) == 0)
    {
        return NULL;
    }
    s = (void *) (wr_board->arena + at);
    s->hash = hash;
    s->family = index;
    s->next = 0;
    s->n = (uint32_t) labels.n;
    memcpy(s->labels, labels.p, labels.n);
    s->cell = wr_board->cells;
    wr_board->cells += cells;
    s->chain = wr_board->chains[hash % WR_METRIC_CHAINS];
    wr_board->chains[hash % WR_METRIC_CHAINS] = at;
    if (f->last != 0) {
        __atomic_store_n(&((wr_series_t *) (void *) (wr_board->arena + f->last))->next,
                         at, __ATOMIC_RELEASE);
    } else {
        __atomic_store_n(&f->first, at, __ATOMIC_RELEASE);
    }
    f->last = at;
    f->n++;
    return s;
}

static void
say_full(const wr_metric_t *m)
{
    if (!wr_board->full_said) {
        wr_board->full_said = true;
        wr_log(&wr_log_main, WR_LOG_WARN, 0, "too many series of metrics (first of "
               "\"%s\"): those beyond are counted as \"_overflow\"", m->name);
    }
}

static const wr_series_t *
overflow(const wr_metric_t *m, wr_board_family_t *f, uint32_t index)
{
    static const wr_str_t over[WR_METRIC_LABELS] = {
        WR_STR_INIT("_overflow"), WR_STR_INIT("_overflow"), WR_STR_INIT("_overflow"),
        WR_STR_INIT("_overflow"), WR_STR_INIT("_overflow"), WR_STR_INIT("_overflow")};

    say_full(m);
    if (f->overflow == 0) {
        wr_buf_t b = wr_buf(NULL);

        wr_labels_put(&b, m, over);
        f->overflow = add(f, index, 0, wr_buf_text(&b)) != NULL ? f->last : 0;
        wr_buf_free(&b);
    }
    return f->overflow != 0 ? (const void *) (wr_board->arena + f->overflow) : NULL;
}

static uint32_t
cell_of(const wr_metric_t *m, wr_str_t labels)
{
    uint32_t           index, hash = (uint32_t) wr_hash(labels.p, labels.n);
    wr_board_family_t *f = family(m, &index);
    const wr_series_t *s;

    if (f == NULL) {
        say_full(m);
        return WR_CELL_SCRATCH;
    }
    s = find(hash, index, labels);
    if (s == NULL && f->n < (m->limit != 0 ? m->limit : wr_metrics_limit)) {
        s = add(f, index, hash, labels);
    }
    if (s == NULL) {
        s = overflow(m, f, index);
    }
    return s != NULL ? s->cell : WR_CELL_SCRATCH;
}

uint32_t
wr_metric_series(const wr_metric_t *m, const wr_str_t *values)
{
    wr_buf_t labels = wr_buf(NULL);
    uint32_t cell;

    if (wr_board == NULL) {
        return WR_CELL_SCRATCH;
    }
    wr_labels_put(&labels, m, values);
    lock();
    cell = cell_of(m, wr_buf_text(&labels));
    unlock();
    wr_buf_free(&labels);
    return cell;
}
