/*
 * Metrics: counters, gauges and histograms of all processes, in memory that they
 * share from the program's start, over reloads and the death of workers.
 *
 * Every process that counts has a *lane*: an array of 64-bit cells that nobody else
 * writes. Counting is a plain load, add and store into one's own lane, without a
 * lock or a shared cache line; whoever reads adds the lanes up. A *series* (a metric
 * with the values of its labels) is a cell, a histogram some more of them, the same
 * in every lane. Finding a series' cell takes a lock and some microseconds: do it
 * when the conf is read, when a worker starts or at the first use, and keep the
 * number. It stays valid for ever, in every process.
 *
 *     static const wr_metric_t busy = {
 *         .name = "weir_sqlite_busy_total", .help = "Times that …",
 *         .kind = WR_METRIC_COUNTER, .labels = {"db"}};
 *     db->busy = wr_metric_series(&busy, (wr_str_t[]) {db->name});
 *     wr_metric_add(db->busy, 1);
 *
 * Cell 0 is a scratch area large enough for a histogram, so that a number that was
 * never set is harmless.
 *
 * What is only known when somebody asks (a certificate's end, memory in use) is put
 * in by a module's `metrics` function (module.h) with wr_metrics_put.
 */
#ifndef WEIR_OS_METRICS_H
#define WEIR_OS_METRICS_H

#include <weir/base/array.h>

typedef enum wr_metric_kind {
    WR_METRIC_COUNTER,      /* only grows; its name ends with _total */
    WR_METRIC_GAUGE,        /* the sum of the live processes'; zeroed when one starts */
    WR_METRIC_GAUGE_MAX,    /* the largest of the live processes' */
    WR_METRIC_TIME,         /* a histogram of microseconds, shown in seconds; its
                               name ends with _seconds */
} wr_metric_kind_t;

enum { WR_METRIC_LABELS = 6 };

/* A family. Static: its texts are copied at the first use. */
typedef struct wr_metric {
    const char      *name;
    const char      *help;      /* one line */
    wr_metric_kind_t kind;
    double           unit;      /* what a cell's 1 is shown as: 1e-6 for microseconds
                                   in a counter of seconds; 0 is 1 */
    unsigned         limit;     /* series; 0: wr_metrics_limit. Those beyond share
                                   one whose labels are "_overflow" */
    const char      *labels[WR_METRIC_LABELS];  /* names, ended by NULL */
} wr_metric_t;

/* The buckets of a WR_METRIC_TIME: below 16 us, then four to each power of two, then
 * all from 67 s on. Its cells: the sum, then the buckets. */
enum { WR_TIME_LOW = 4, WR_TIME_HIGH = 26,
       WR_TIME_BUCKETS = (WR_TIME_HIGH - WR_TIME_LOW) * 4 + 2 };

/* The core's own cells, whose numbers are constants. */
enum {
    WR_CELL_SCRATCH = 0,
    WR_CELL_ACCEPTED = 96,      /* client connections, since the start */
    WR_CELL_REQUESTS,           /* main requests that began */
    WR_CELL_RESTARTS,           /* workers started in place of one that died */
    WR_CELL_RELOADS,            /* that were taken */
    WR_CELL_RELOADS_REFUSED,
    WR_CELL_GAUGES = 104,       /* from here on: zeroed when a worker starts */
    WR_CELL_ACTIVE = WR_CELL_GAUGES,    /* client connections now … */
    WR_CELL_IDLE,               /* … of which wait for a request */
    WR_CELL_RUNNING,            /* requests under way */
    WR_CELL_GENERATION,         /* of the conf; in the master's lane, as the next */
    WR_CELL_RELOAD_OK,          /* whether the last one was taken */
    WR_CELL_RELOAD_TIME,        /* Unix time of the last one that was */
    WR_CELL_FREE = 112,         /* series take theirs from here on */
};

/* The lane of this process. */
extern uint64_t *wr_lane;

/* Series of a family at most, unless it says more: status_max_series. */
extern unsigned wr_metrics_limit;

/* ---- counting ---- */

/* From the loop's thread. A gauge may be given a negative number. */
static inline void
wr_metric_add(uint32_t cell, int64_t n)
{
    wr_lane[cell] += (uint64_t) n;
}

/* From any thread. A cell is counted by one of the two, never by both. */
static inline void
wr_metric_add_mt(uint32_t cell, int64_t n)
{
    __atomic_fetch_add(&wr_lane[cell], (uint64_t) n, __ATOMIC_RELAXED);
}

static inline void
wr_metric_set(uint32_t cell, int64_t v)
{
    __atomic_store_n(&wr_lane[cell], (uint64_t) v, __ATOMIC_RELAXED);
}

static inline unsigned
wr_time_bucket(uint64_t us)
{
    unsigned power;

    if (us < 1u << WR_TIME_LOW) {
        return 0;
    }
    power = 63u - (unsigned) __builtin_clzll(us);
    if (power >= WR_TIME_HIGH) {
        return WR_TIME_BUCKETS - 1;
    }
    return 1 + (power - WR_TIME_LOW) * 4 + (unsigned) (us >> (power - 2) & 3);
}

/* The same two for a WR_METRIC_TIME; microseconds. */
static inline void
wr_metric_time(uint32_t cell, uint64_t us)
{
    wr_metric_add(cell, (int64_t) us);
    wr_metric_add(cell + 1 + wr_time_bucket(us), 1);
}

static inline void
wr_metric_time_mt(uint32_t cell, uint64_t us)
{
    wr_metric_add_mt(cell, (int64_t) us);
    wr_metric_add_mt(cell + 1 + wr_time_bucket(us), 1);
}

/* The cell of the series with these values of the metric's labels, as many as it
 * has names (none: NULL). The same values give the same cell, also after a reload
 * and in another process. Values are cut at 128 bytes. Any thread. Never fails: where
 * there is no room (which is logged once), it is the overflow's series or scratch. */
uint32_t wr_metric_series(const wr_metric_t *m, const wr_str_t *values);

/* ---- reading, on the loop's thread: without a lock; microseconds to a few
 * milliseconds ---- */

typedef struct wr_sample {
    wr_str_t  labels;           /* name="value",… as in Prometheus' text; empty: none */
    double    value;            /* not of a histogram */
    uint64_t  count;            /* a histogram's: how many, … */
    double    sum;              /* … seconds of all, … */
    uint64_t *buckets;          /* … WR_TIME_BUCKETS of them, not cumulated */
} wr_sample_t;

typedef struct wr_family {
    wr_str_t         name, help;
    wr_metric_kind_t kind;
    wr_array_t       samples;   /* wr_sample_t */
} wr_family_t;

typedef struct wr_metrics {
    wr_pool_t *pool;
    wr_array_t families;        /* wr_family_t */
} wr_metrics_t;

/* All series that have been asked for, in the order of the families' first use. */
wr_metrics_t wr_metrics_read(wr_pool_t *pool);

/* Adds a value to those that were read. Counters and gauges. */
void wr_metrics_put(wr_metrics_t *to, const wr_metric_t *m, const wr_str_t *values,
                    double value);

/* A cell, over all processes: ever, or only those that live. */
uint64_t wr_metric_total(uint32_t cell);
int64_t  wr_metric_now(uint32_t cell);
uint64_t wr_metric_in_lane(unsigned lane, uint32_t cell);

/* Between `lo` and `hi` us lies what bucket `i` counts. */
void wr_time_bounds(unsigned i, uint64_t *lo, uint64_t *hi);
/* The time in seconds below which a share `q` (0..1) lies, between the bucket's
 * bounds by proportion. 0 if nothing was counted. */
double wr_time_quantile(const uint64_t *buckets, double q);

/* ---- processes ---- */

enum { WR_LANES = 4097 };       /* the master's or single process's, then workers' */

typedef enum wr_lane_state {
    WR_LANE_FREE, WR_LANE_LIVE, WR_LANE_RETIRING
} wr_lane_state_t;

typedef struct wr_lane_info {
    wr_lane_state_t state;
    pid_t           pid;
    uint64_t        generation; /* of its conf */
    int64_t         since;      /* Unix time */
} wr_lane_info_t;

/* At the program's start, before any process is forked. Without it, or where it
 * fails (which is logged), a process counts for itself. */
void wr_metrics_open(void);
/* In a process: this lane is its own from now on; counters go on from where the
 * last process left them. */
void wr_metrics_enter(unsigned lane, uint64_t generation);
void wr_metrics_retiring(void);
/* The master, when the process is known to have ended. */
void wr_metrics_leave(unsigned lane);
/* Lanes below this have been used. */
unsigned wr_metrics_lanes(void);
wr_lane_info_t wr_metrics_lane(unsigned lane);

#endif
