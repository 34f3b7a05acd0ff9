/*
 * Metrics: adding up what the processes have counted.
 */
#include <weir/os/metrics_priv.h>

static uint64_t
load(const uint64_t *cell)
{
    return __atomic_load_n(cell, __ATOMIC_RELAXED);
}

static bool
lives(unsigned lane)
{
    return wr_board == NULL
           || __atomic_load_n(&wr_board->lane[lane].state, __ATOMIC_RELAXED)
                  != WR_LANE_FREE;
}

uint64_t
wr_metric_total(uint32_t cell)
{
    unsigned        n;
    const uint64_t *lanes = wr_lanes_view(&n);
    uint64_t        sum = 0;

    for (unsigned i = 0; i < n; i++) {
        sum += load(&lanes[(size_t) i * WR_CELLS + cell]);
    }
    return sum;
}

int64_t
wr_metric_now(uint32_t cell)
{
    unsigned        n;
    const uint64_t *lanes = wr_lanes_view(&n);
    uint64_t        sum = 0;

    for (unsigned i = 0; i < n; i++) {
        if (lives(i)) {
            sum += load(&lanes[(size_t) i * WR_CELLS + cell]);
        }
    }
    return (int64_t) sum;
}

static int64_t
largest(uint32_t cell)
{
    unsigned        n;
    const uint64_t *lanes = wr_lanes_view(&n);
    int64_t         max = INT64_MIN;

    for (unsigned i = 0; i < n; i++) {
        int64_t v = (int64_t) load(&lanes[(size_t) i * WR_CELLS + cell]);

        if (v > max && lives(i) && (i != 0 || n == 1)) {
            max = v;
        }
    }
    return max == INT64_MIN ? 0 : max;
}

uint64_t
wr_metric_in_lane(unsigned lane, uint32_t cell)
{
    unsigned        n;
    const uint64_t *lanes = wr_lanes_view(&n);

    return lane < n ? load(&lanes[(size_t) lane * WR_CELLS + cell]) : 0;
}

/* ---- histograms ---- */

void
wr_time_bounds(unsigned i, uint64_t *lo, uint64_t *hi)
{
    unsigned power = (i - 1) / 4 + WR_TIME_LOW;
    uint64_t part;

    if (i == 0) {
        *lo = 0;
        *hi = 1u << WR_TIME_LOW;
        return;
    }
    *lo = (uint64_t) 1 << power;
    if (i >= WR_TIME_BUCKETS - 1) {
        *hi = *lo;              /* nobody knows how long it was */
        return;
    }
    part = *lo / 4;
    *lo += part * ((i - 1) % 4);
    *hi = *lo + part;
}

double
wr_time_quantile(const uint64_t *buckets, double q)
{
    double   before = 0, want, all = 0;
    uint64_t lo, hi;

    for (unsigned i = 0; i < WR_TIME_BUCKETS; i++) {
        all += (double) buckets[i];
    }
    want = all * q;
    for (unsigned i = 0; i < WR_TIME_BUCKETS; i++) {
        double here = (double) buckets[i];

        if (here > 0 && before + here >= want) {
            wr_time_bounds(i, &lo, &hi);
            return ((double) lo + (double) (hi - lo) * (want - before) / here) * 1e-6;
        }
        before += here;
    }
    return 0;
}

/* ---- all of it ---- */

static void
read_series(wr_pool_t *pool, const wr_board_family_t *f, const wr_series_t *s,
            wr_sample_t *to)
{
    to->labels = wr_pool_str(pool, wr_str(s->labels, s->n));
    switch (f->kind) {
    case WR_METRIC_COUNTER:
        to->value = (double) wr_metric_total(s->cell) * f->unit;
        break;
    case WR_METRIC_GAUGE:
        to->value = (double) wr_metric_now(s->cell) * f->unit;
        break;
    case WR_METRIC_GAUGE_MAX:
        to->value = (double) largest(s->cell) * f->unit;
        break;
    case WR_METRIC_TIME:
        to->buckets = WR_NEW_N(pool, uint64_t, WR_TIME_BUCKETS);
        to->sum = (double) wr_metric_total(s->cell) * 1e-6;
        for (unsigned i = 0; i < WR_TIME_BUCKETS; i++) {
            to->buckets[i] = wr_metric_total(s->cell + 1 + i);
            to->count += to->buckets[i];
        }
    }
}

static void
read_family(wr_metrics_t *m, const wr_board_family_t *f)
{
    wr_family_t *to = WR_PUSH(&m->families, wr_family_t);

    to->name = wr_pool_str(m->pool, wr_str_z(wr_board->arena + f->name));
    to->help = wr_pool_str(m->pool, wr_str_z(wr_board->arena + f->help));
    to->kind = f->kind;
    to->samples = wr_array(m->pool, sizeof(wr_sample_t));
    for (uint32_t at = __atomic_load_n(&f->first, __ATOMIC_ACQUIRE); at != 0; ) {
        const wr_series_t *s = (const void *) (wr_board->arena + at);

        read_series(m->pool, f, s, WR_PUSH(&to->samples, wr_sample_t));
        at = __atomic_load_n(&s->next, __ATOMIC_ACQUIRE);
    }
}

wr_metrics_t
wr_metrics_read(wr_pool_t *pool)
{
    wr_metrics_t m = {pool, wr_array(pool, sizeof(wr_family_t))};

    unsigned     n = wr_board == NULL ? 0
                     : __atomic_load_n(&wr_board->n_families, __ATOMIC_ACQUIRE);

    for (unsigned i = 0; i < n; i++) {
        read_family(&m, &wr_board->families[i]);
    }
    return m;
}

void
wr_metrics_put(wr_metrics_t *to, const wr_metric_t *m, const wr_str_t *values,
               double value)
{
    wr_family_t *f = NULL;
    wr_buf_t     labels = wr_buf(to->pool);

    for (WR_EACH(wr_family_t, known, &to->families)) {
        if (wr_str_eqz(known->name, m->name)) {
            f = known;
            break;
        }
    }
    if (f == NULL) {
        f = WR_PUSH(&to->families, wr_family_t);
        f->name = wr_str_z(m->name);
        f->help = wr_str_z(m->help);
        f->kind = m->kind;
        f->samples = wr_array(to->pool, sizeof(wr_sample_t));
    }
    wr_labels_put(&labels, m, values);
    *WR_PUSH(&f->samples, wr_sample_t) = (wr_sample_t) {
        .labels = wr_buf_text(&labels), .value = value};
}
