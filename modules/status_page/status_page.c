/*
 * status_page: what the server does, as a page for people, JSON, or text for
 * Prometheus. The counters are the core's (os/metrics.h); any worker answers for all.
 *
 * The page is one file without data: it asks for ?format=json every second.
 */
#include <status.h>

#include <weir/http/server.h>
#include <weir/http/stats.h>

typedef struct status_conf {
    int64_t max_series;
} status_conf_t;

enum format { NONE, HTML, JSON, TEXT, OPEN_METRICS };

/* ---- which form ---- */

static const struct {
    const char *type;
    enum format format;
} types[] = {
    {"text/html", HTML},
    {"application/json", JSON},
    {"application/openmetrics-text", OPEN_METRICS},
    {"text/plain", TEXT},
    {"text/*", HTML},
    {"application/*", JSON},
    {"*/*", HTML},
};

/* "q=0.5" among the parameters, in thousandths. */
static unsigned
quality(wr_str_t parameters)
{
    wr_str_t part;
    unsigned q = 0;

    while (wr_str_split(&parameters, ';', &part)) {
        part = wr_str_trim(part);
        if (!wr_str_istarts(part, WR_STR("q="))) {
            continue;
        }
        part = wr_str_skip(part, 2);
        if (part.n == 0 || part.p[0] != '0') {
            return 1000;
        }
        for (size_t i = 2; i < 5; i++) {
            unsigned digit = i < part.n && wr_is_digit(part.p[i])
                             ? (unsigned) (part.p[i] - '0') : 0;

            q = q * 10 + digit;
        }
        return q;
    }
    return 1000;
}

/* What Accept likes best; of equals the first. Without a wish: the page. */
static enum format
accepted(const wr_req_t *r)
{
    enum format best = NONE;
    unsigned    best_q = 0;
    wr_str_t    rest, item;

    if (!wr_headers_join(&r->in, wr_pool(r), WR_H_ACCEPT, WR_STR("Accept"), ",", &rest)) {
        return HTML;
    }
    while (wr_str_split(&rest, ',', &item)) {
        wr_str_t type;
        unsigned q;

        if (!wr_str_split(&item, ';', &type)) {
            continue;
        }
        q = quality(item);
        type = wr_str_trim(type);
        for (unsigned i = 0; i < WR_COUNT(types); i++) {
            if (q > best_q && wr_str_ieqz(type, types[i].type)) {
                best = types[i].format;
                best_q = q;
            }
        }
    }
    return best != NONE ? best : HTML;
}

static enum format
wanted(const wr_req_t *r)
{
    wr_str_t name;

    if (!wr_arg(r, WR_STR("format"), &name)) {
        return accepted(r);
    }
    return wr_str_eqz(name, "html") ? HTML
           : wr_str_eqz(name, "json") ? JSON
           : wr_str_eqz(name, "prometheus") ? TEXT
           : wr_str_eqz(name, "openmetrics") ? OPEN_METRICS : NONE;
}

/* ---- answering ---- */

static wr_metrics_t
read_all(wr_req_t *r)
{
    wr_metrics_t        m = wr_metrics_read(wr_pool(r));
    unsigned            n;
    wr_module_t *const *modules = wr_modules_of(wr_cycle->cf, &n);

    wr_stats_put(&m);
    status_process(&m);
    for (unsigned i = 0; i < n; i++) {
        if (modules[i]->metrics != NULL) {
            modules[i]->metrics(&m);
        }
    }
    return m;
}

static void
header(wr_req_t *r, wr_hid_t id, const char *name, const char *value)
{
    (void) wr_headers_set(&r->out, id, wr_str_z(name), wr_str_z(value));
}

static wr_rc_t
answer_html(wr_req_t *r)
{
    header(r, WR_H_OTHER, "Content-Security-Policy",
           "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
           "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
           "frame-ancestors 'self'");
    return wr_reply(r, 200, WR_STR("text/html; charset=utf-8"), status_html());
}

static wr_rc_t
answer_data(wr_req_t *r, enum format format)
{
    wr_buf_t     b = wr_buf(wr_pool(r));
    wr_metrics_t m = read_all(r);

    if (format == JSON) {
        status_json(&b, &m);
        return wr_reply(r, 200, WR_STR("application/json"), wr_buf_text(&b));
    }
    status_text(&b, &m, format == OPEN_METRICS);
    return wr_reply(r, 200, format == TEXT
                    ? WR_STR("text/plain; version=0.0.4; charset=utf-8")
                    : WR_STR("application/openmetrics-text; version=1.0.0; charset=utf-8"),
                    wr_buf_text(&b));
}

static wr_rc_t
serve(wr_req_t *r, void *state)
{
    enum format format;

    (void) state;
    if ((r->method & (WR_GET | WR_HEAD)) == 0) {
        header(r, WR_H_ALLOW, "Allow", "GET, HEAD");
        return wr_fail(r, 405);
    }
    wr_body_discard(r);
    format = wanted(r);
    header(r, WR_H_CACHE_CONTROL, "Cache-Control", "no-store");
    header(r, WR_H_VARY, "Vary", "Accept");
    header(r, WR_H_OTHER, "X-Content-Type-Options", "nosniff");
    switch (format) {
    case NONE:
        return wr_reply_text(r, 400, WR_STR("unknown format: html, json, prometheus or "
                                            "openmetrics\n"));
    case HTML:
        return answer_html(r);
    default:
        return answer_data(r, format);
    }
}

/* ---- conf ---- */

static wr_rc_t
finish(wr_conf_t *cf)
{
    const wr_http_t *http = wr_http_of(wr_cycle_of(cf));

    if (http != NULL) {
        const status_conf_t *conf = http->scope->conf[WR_SELF->schema.index];

        wr_metrics_limit = (unsigned) conf->max_series;
    }
    return WR_OK;
}

static const wr_bounds_t series = {1, 100000};

WR_MODULE(status_page,
    .doc = "What the server does: a page with live charts, JSON, and Prometheus' text",
    .schema.directives = (const wr_directive_t[]) {
        WR_HANDLER("status_page", serve,
                   "Answer with what the server does: a page with live charts, or with "
                   "?format=json, ?format=prometheus or ?format=openmetrics data.",
                   .example = "status_page;"),
        WR_INT("status_max_series", WR_HTTP, status_conf_t, max_series, "1000",
               "Most series that a metric may have; those beyond are counted together "
               "as \"_overflow\".", .extra = &series,
               .example = "status_max_series 2000;"),
        WR_END
    },
    .schema.size = sizeof(status_conf_t),
    .http = &(const wr_http_tables_t) {.hooks = NULL},
    .finish = finish);
