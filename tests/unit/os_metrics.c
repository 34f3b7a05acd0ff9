/*
 * Metrics: lanes of several processes, series found again, the cap, histograms,
 * labels, the death of a process.
 */
#define _GNU_SOURCE
#include <check.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#include <weir/os/metrics.h>

static const wr_metric_t hits = {
    .name = "test_hits_total", .help = "Hits.", .kind = WR_METRIC_COUNTER,
    .labels = {"who"}};
static const wr_metric_t level = {
    .name = "test_level", .help = "Level.", .kind = WR_METRIC_GAUGE};
static const wr_metric_t peak = {
    .name = "test_peak", .help = "Peak.", .kind = WR_METRIC_GAUGE_MAX};
static const wr_metric_t took = {
    .name = "test_took_seconds", .help = "Took.", .kind = WR_METRIC_TIME};

static wr_pool_t *pool;

static const wr_sample_t *
sample(const wr_metrics_t *m, const char *name, const char *labels)
{
    for (WR_EACH(wr_family_t, f, &m->families)) {
        if (!wr_str_eqz(f->name, name)) {
            continue;
        }
        for (WR_EACH(wr_sample_t, s, &f->samples)) {
            if (wr_str_eqz(s->labels, labels)) {
                return s;
            }
        }
    }
    return NULL;
}

static double
value(const char *name, const char *labels)
{
    wr_metrics_t       m = wr_metrics_read(pool);
    const wr_sample_t *s = sample(&m, name, labels);

    return s != NULL ? s->value : -1;
}

/* A process with this lane that runs `work` and then ends as told. */
static void
process(unsigned lane, void (*work)(void), bool killed)
{
    int   status;
    pid_t pid = fork();

    if (pid == 0) {
        wr_metrics_enter(lane, 1);
        work();
        if (killed) {
            raise(SIGKILL);
        }
        _exit(0);
    }
    waitpid(pid, &status, 0);
    CHECK_INT(WIFSIGNALED(status), killed);
}

static void
count_some(void)
{
    uint32_t a = wr_metric_series(&hits, &WR_STR("a"));
    uint32_t b = wr_metric_series(&hits, &WR_STR("b"));

    for (int i = 0; i < 1000; i++) {
        wr_metric_add(a, 1);
        wr_metric_add_mt(b, 2);
    }
    wr_metric_add(wr_metric_series(&level, NULL), 7);
    wr_metric_set(wr_metric_series(&peak, NULL), 40);
    wr_metric_time(wr_metric_series(&took, NULL), 100);
    wr_metric_time_mt(wr_metric_series(&took, NULL), 3000000);
}

static void
lanes(void)
{
    process(1, count_some, false);
    process(2, count_some, true);
    CHECK_INT(value("test_hits_total", "who=\"a\""), 2000);
    CHECK_INT(value("test_hits_total", "who=\"b\""), 4000);
    CHECK_INT(wr_metrics_lanes(), 3);

    /* A gauge counts while nobody has said that its process is gone. */
    CHECK_INT(value("test_level", ""), 14);
    CHECK_INT(value("test_peak", ""), 40);
    wr_metrics_leave(2);
    CHECK_INT(value("test_level", ""), 7);
    wr_metrics_leave(1);
    CHECK_INT(value("test_level", ""), 0);
    CHECK_INT(value("test_peak", ""), 0);
    CHECK_INT(value("test_hits_total", "who=\"a\""), 2000);

    /* The next in a lane goes on counting, but its gauges begin at zero. */
    process(1, count_some, false);
    CHECK_INT(value("test_level", ""), 7);
    CHECK_INT(value("test_hits_total", "who=\"a\""), 3000);
    wr_metrics_leave(1);
}

static void
times(void)
{
    wr_metrics_t       m = wr_metrics_read(pool);
    const wr_sample_t *s = sample(&m, "test_took_seconds", "");
    uint64_t           lo, hi, before = 0, b[WR_TIME_BUCKETS] = {0};

    CHECK(s != NULL && s->count == 6);
    if (s != NULL) {
        CHECK(s->sum > 9.0002 && s->sum < 9.0004);
        CHECK_INT(s->buckets[wr_time_bucket(100)], 3);
        CHECK(wr_time_quantile(s->buckets, 0.25) >= 96e-6);
        CHECK(wr_time_quantile(s->buckets, 0.25) <= 112e-6);
        CHECK(wr_time_quantile(s->buckets, 0.99) > 2.6);
        CHECK(wr_time_quantile(s->buckets, 0.99) < 3.2);
    }
    CHECK(wr_time_quantile(b, 0.5) <= 0);

    /* The buckets follow each other without a gap. */
    for (unsigned i = 0; i < WR_TIME_BUCKETS - 1; i++) {
        wr_time_bounds(i, &lo, &hi);
        CHECK_INT(lo, before);
        CHECK_INT(wr_time_bucket(lo), i);
        CHECK_INT(wr_time_bucket(hi - 1), i);
        before = hi;
    }
    CHECK_INT(wr_time_bucket(before), WR_TIME_BUCKETS - 1);
    CHECK_INT(wr_time_bucket(UINT64_MAX), WR_TIME_BUCKETS - 1);
}

static void
labels(void)
{
    static const struct {
        const char *value, *shown;
    } rows[] = {
        {"plain", "plain"},
        {"", ""},
        {"a\"b\\c\nd", "a\\\"b\\\\c\\nd"},
        {"\xc3\xa9 \xe2\x82\xac", "\xc3\xa9 \xe2\x82\xac"},
        {"bad \xff\xc3", "bad \xef\xbf\xbd\xef\xbf\xbd"},
        {"\x01", "\xef\xbf\xbd"},
    };
    static const wr_metric_t m = {
        .name = "test_labels_total", .help = "Labels.", .kind = WR_METRIC_COUNTER,
        .labels = {"a", "b"}};
    char long_one[200];

    for (unsigned i = 0; i < WR_COUNT(rows); i++) {
        wr_str_t values[] = {wr_str_z(rows[i].value), WR_STR("x")};
        uint32_t cell = wr_metric_series(&m, values);

        CHECK_INT(wr_metric_series(&m, values), cell);
        wr_metric_add(cell, 1);
        CHECK_INT(value("test_labels_total",
                        wr_pool_printf(pool, "a=\"%s\",b=\"x\"", rows[i].shown).p), 1);
    }
    memset(long_one, 'x', sizeof(long_one));
    wr_metric_add(wr_metric_series(&m, (wr_str_t[]) {wr_str(long_one, 200),
                                                     WR_STR("")}), 1);
    CHECK_INT(value("test_labels_total",
                    wr_pool_printf(pool, "a=\"%.128s\xe2\x80\xa6\",b=\"\"", long_one).p),
              1);
}

static void
cap(void)
{
    static const wr_metric_t few = {
        .name = "test_few_total", .help = "Few.", .kind = WR_METRIC_COUNTER,
        .limit = 3, .labels = {"n", "m"}};

    for (int i = 0; i < 10; i++) {
        wr_str_t v[] = {wr_pool_printf(pool, "%d", i), WR_STR("m")};

        wr_metric_add(wr_metric_series(&few, v), 1);
    }
    CHECK_INT(value("test_few_total", "n=\"2\",m=\"m\""), 1);
    CHECK_INT(value("test_few_total", "n=\"3\",m=\"m\""), -1);
    CHECK_INT(value("test_few_total", "n=\"_overflow\",m=\"_overflow\""), 7);
}

/* All cells taken: what comes then counts into nothing that anybody sees. */
static void
full(void)
{
    static const wr_metric_t many = {
        .name = "test_many_seconds", .help = "Many.", .kind = WR_METRIC_TIME,
        .limit = 1000000, .labels = {"n"}};
    uint32_t cell = 1;

    for (int i = 0; i < 3000 && cell != WR_CELL_SCRATCH; i++) {
        wr_str_t v = wr_pool_printf(pool, "%d", i);

        cell = wr_metric_series(&many, &v);
        wr_metric_time(cell, 1);
    }
    CHECK_INT(cell, WR_CELL_SCRATCH);
    CHECK_INT(value("test_hits_total", "who=\"a\""), 3000);
}

static void
put(void)
{
    wr_metrics_t m = wr_metrics_read(pool);
    uint32_t     n = m.families.n;

    wr_metrics_put(&m, &hits, &WR_STR("later"), 5);
    CHECK_INT(m.families.n, n);
    CHECK_INT(sample(&m, "test_hits_total", "who=\"later\"")->value, 5);
    wr_metrics_put(&m, &(wr_metric_t) {.name = "test_new", .help = "New."}, NULL, 6);
    CHECK_INT(sample(&m, "test_new", "")->value, 6);
}

int
main(void)
{
    pool = wr_pool_new();
    CHECK_INT(wr_metric_series(&hits, &WR_STR("early")), WR_CELL_SCRATCH);
    wr_metric_add(WR_CELL_SCRATCH, 1);
    wr_metrics_open();
    lanes();
    times();
    labels();
    cap();
    put();
    full();
    wr_pool_free(pool);
    wr_pool_trim_cache();
    return check_status();
}
