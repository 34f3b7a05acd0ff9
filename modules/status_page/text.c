/*
 * Metrics as Prometheus' text and as OpenMetrics: the same lines but for the names
 * of counters' families and the end.
 *
 * A histogram's bounds here are powers of two from 64 us to 33.6 s; the finer
 * buckets between them are for the page.
 */
#include <status.h>

#include <math.h>
#include <stdio.h>

enum { FIRST_POWER = 6, LAST_POWER = 25 };

void
status_number(wr_buf_t *to, double v)
{
    if (!isfinite(v)) {
        v = 0;
    }
    if (v >= -9007199254740992.0 && v <= 9007199254740992.0 && rint(v) >= v
        && rint(v) <= v)
    {
        wr_buf_int(to, (int64_t) v);
    } else {
        wr_buf_printf(to, "%.9g", v);
    }
}

static void
put_help(wr_buf_t *to, wr_str_t help)
{
    for (size_t i = 0; i < help.n; i++) {
        if (help.p[i] == '\\' || help.p[i] == '\n') {
            wr_buf_char(to, '\\');
        }
        wr_buf_char(to, help.p[i] == '\n' ? 'n' : help.p[i]);
    }
}

static void
put_head(wr_buf_t *to, const wr_family_t *f, bool open_metrics)
{
    static const char *const kinds[] = {
        [WR_METRIC_COUNTER] = "counter", [WR_METRIC_GAUGE] = "gauge",
        [WR_METRIC_GAUGE_MAX] = "gauge", [WR_METRIC_TIME] = "histogram"};
    wr_str_t name = f->name;

    if (open_metrics && f->kind == WR_METRIC_COUNTER
        && wr_str_ends(name, WR_STR("_total")))
    {
        name.n -= strlen("_total");
    }
    wr_buf_lit(to, "# HELP ");
    wr_buf_str(to, name);
    wr_buf_char(to, ' ');
    put_help(to, f->help);
    wr_buf_lit(to, "\n# TYPE ");
    wr_buf_str(to, name);
    wr_buf_char(to, ' ');
    wr_buf_z(to, kinds[f->kind]);
    wr_buf_char(to, '\n');
}

/* NAME{labels,more} */
static void
put_name(wr_buf_t *to, const wr_family_t *f, const char *suffix, wr_str_t labels,
         wr_str_t more)
{
    wr_buf_str(to, f->name);
    wr_buf_z(to, suffix);
    if (labels.n + more.n != 0) {
        wr_buf_char(to, '{');
        wr_buf_str(to, labels);
        if (labels.n != 0 && more.n != 0) {
            wr_buf_char(to, ',');
        }
        wr_buf_str(to, more);
        wr_buf_char(to, '}');
    }
    wr_buf_char(to, ' ');
}

static void
put_bucket(wr_buf_t *to, const wr_family_t *f, const wr_sample_t *s, wr_str_t bound,
           uint64_t n)
{
    put_name(to, f, "_bucket", s->labels, bound);
    wr_buf_uint(to, n);
    wr_buf_char(to, '\n');
}

static void
put_times(wr_buf_t *to, const wr_family_t *f, const wr_sample_t *s)
{
    uint64_t below = 0, lo, hi;
    unsigned i = 0;

    for (unsigned power = FIRST_POWER; power <= LAST_POWER; power++) {
        char text[48];
        int  n = snprintf(text, sizeof(text), "le=\"%.9g\"",
                          (double) ((uint64_t) 1 << power) * 1e-6);

        for (; i < WR_TIME_BUCKETS - 1; i++) {
            wr_time_bounds(i, &lo, &hi);
            if (hi > (uint64_t) 1 << power) {
                break;
            }
            below += s->buckets[i];
        }
        put_bucket(to, f, s, wr_str(text, (size_t) n), below);
    }
    put_bucket(to, f, s, WR_STR("le=\"+Inf\""), s->count);
    put_name(to, f, "_sum", s->labels, WR_STR_NONE);
    status_number(to, s->sum);
    wr_buf_char(to, '\n');
    put_name(to, f, "_count", s->labels, WR_STR_NONE);
    wr_buf_uint(to, s->count);
    wr_buf_char(to, '\n');
}

void
status_text(wr_buf_t *to, const wr_metrics_t *m, bool open_metrics)
{
    for (WR_EACH(wr_family_t, f, &m->families)) {
        put_head(to, f, open_metrics);
        for (WR_EACH(wr_sample_t, s, &f->samples)) {
            if (s->buckets != NULL) {
                put_times(to, f, s);
                continue;
            }
            put_name(to, f, "", s->labels, WR_STR_NONE);
            status_number(to, s->value);
            wr_buf_char(to, '\n');
        }
    }
    if (open_metrics) {
        wr_buf_lit(to, "# EOF\n");
    }
}
