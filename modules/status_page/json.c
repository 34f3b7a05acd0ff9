/*
 * Metrics as JSON: under "metrics" what Prometheus gets, by the same names, with
 * percentiles and the fine buckets (only those that have counted, as [from, to,
 * count], seconds); beside it what belongs to single processes.
 */
#include <status.h>

#include <weir/os/clock.h>
#include <weir/process/cycle.h>
#include <weir_config.h>

static void
put_text(wr_buf_t *to, wr_str_t s)
{
    wr_buf_char(to, '"');
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '"' || s.p[i] == '\\') {
            wr_buf_char(to, '\\');
        }
        wr_buf_char(to, s.p[i]);
    }
    wr_buf_char(to, '"');
}

/* name="value",… has JSON's escapes already; only the names want quotes. */
static void
put_labels(wr_buf_t *to, wr_str_t labels)
{
    bool in_value = false;

    wr_buf_char(to, '{');
    for (size_t i = 0; i < labels.n; i++) {
        char c = labels.p[i];

        if (!in_value && (i == 0 || labels.p[i - 1] == ',')) {
            wr_buf_char(to, '"');
        }
        if (in_value && c == '\\') {
            wr_buf_char(to, c);
            c = labels.p[++i];
        } else if (c == '"') {
            in_value = !in_value;
        } else if (!in_value && c == '=') {
            wr_buf_lit(to, "\":");
            continue;
        }
        wr_buf_char(to, c);
    }
    wr_buf_char(to, '}');
}

static void
put_field(wr_buf_t *to, const char *name, double v)
{
    wr_buf_printf(to, ",\"%s\":", name);
    status_number(to, v);
}

static void
put_times(wr_buf_t *to, const wr_sample_t *s)
{
    bool     first = true;
    uint64_t lo, hi;

    put_field(to, "count", (double) s->count);
    put_field(to, "sum", s->sum);
    put_field(to, "p50", wr_time_quantile(s->buckets, 0.5));
    put_field(to, "p90", wr_time_quantile(s->buckets, 0.9));
    put_field(to, "p99", wr_time_quantile(s->buckets, 0.99));
    wr_buf_lit(to, ",\"buckets\":[");
    for (unsigned i = 0; i < WR_TIME_BUCKETS; i++) {
        if (s->buckets[i] != 0) {
            wr_time_bounds(i, &lo, &hi);
            wr_buf_printf(to, "%s[%.9g,%.9g,%" PRIu64 "]", first ? "" : ",",
                          (double) lo * 1e-6, (double) hi * 1e-6, s->buckets[i]);
            first = false;
        }
    }
    wr_buf_char(to, ']');
}

static void
put_family(wr_buf_t *to, const wr_family_t *f)
{
    static const char *const kinds[] = {
        [WR_METRIC_COUNTER] = "counter", [WR_METRIC_GAUGE] = "gauge",
        [WR_METRIC_GAUGE_MAX] = "gauge", [WR_METRIC_TIME] = "histogram"};
    bool first = true;

    put_text(to, f->name);
    wr_buf_printf(to, ":{\"type\":\"%s\",\"help\":", kinds[f->kind]);
    put_text(to, f->help);
    wr_buf_lit(to, ",\"samples\":[");
    for (WR_EACH(wr_sample_t, s, &f->samples)) {
        wr_buf_z(to, first ? "{\"labels\":" : ",{\"labels\":");
        put_labels(to, s->labels);
        if (s->buckets != NULL) {
            put_times(to, s);
        } else {
            put_field(to, "value", s->value);
        }
        wr_buf_char(to, '}');
        first = false;
    }
    wr_buf_lit(to, "]}");
}

static void
put_workers(wr_buf_t *to)
{
    unsigned n = wr_metrics_lanes();
    bool     first = true;

    wr_buf_lit(to, ",\"workers\":[");
    for (unsigned i = n > 1 ? 1 : 0; i < n; i++) {
        wr_lane_info_t w = wr_metrics_lane(i);

        if (w.state == WR_LANE_FREE) {
            continue;
        }
        wr_buf_printf(to, "%s{\"pid\":%d,\"state\":\"%s\",\"generation\":%" PRIu64
                      ",\"since\":%" PRId64 ",\"connections\":%" PRId64 ",\"idle\":%"
                      PRId64 ",\"running\":%" PRId64 ",\"requests\":%" PRIu64 "}",
                      first ? "" : ",", (int) w.pid,
                      w.state == WR_LANE_LIVE ? "serving" : "retiring", w.generation,
                      w.since, (int64_t) wr_metric_in_lane(i, WR_CELL_ACTIVE),
                      (int64_t) wr_metric_in_lane(i, WR_CELL_IDLE),
                      (int64_t) wr_metric_in_lane(i, WR_CELL_RUNNING),
                      wr_metric_in_lane(i, WR_CELL_REQUESTS));
        first = false;
    }
    wr_buf_char(to, ']');
}

void
status_json(wr_buf_t *to, const wr_metrics_t *m)
{
    wr_lane_info_t master = wr_metrics_lane(0);
    bool           first = true;

    wr_buf_printf(to, "{\"version\":\"" WR_VERSION "\",\"time\":%" PRId64 ".%03u,\"pid\":%d"
                  ",\"answered_by\":%d,\"started\":%" PRId64, wr_clock.sec, wr_clock.msec,
                  (int) master.pid, (int) wr_worker.pid, master.since);
    put_workers(to);
    wr_buf_lit(to, ",\"metrics\":{");
    for (WR_EACH(wr_family_t, f, &m->families)) {
        if (!first) {
            wr_buf_char(to, ',');
        }
        put_family(to, f);
        first = false;
    }
    wr_buf_lit(to, "}}\n");
}
