/*
 * stub_status: nginx's page of counters, and the same as variables.
 */
#include <weir/http/request.h>
#include <weir/os/metrics.h>

enum { ACTIVE, READING, WRITING, WAITING };

static int64_t
count(uintptr_t which)
{
    int64_t active = wr_metric_now(WR_CELL_ACTIVE);
    int64_t running = wr_metric_now(WR_CELL_RUNNING);
    int64_t idle = wr_metric_now(WR_CELL_IDLE);
    int64_t n = active;

    if (which == WRITING) {
        n = running;
    } else if (which == WAITING) {
        n = idle;
    } else if (which == READING) {
        n = active - running - idle;
    }
    return n < 0 ? 0 : n;
}

static wr_rc_t
serve(wr_req_t *r, void *state)
{
    uint64_t accepted = wr_metric_total(WR_CELL_ACCEPTED);
    uint64_t requests = wr_metric_total(WR_CELL_REQUESTS);

    (void) state;
    if ((r->method & (WR_GET | WR_HEAD)) == 0) {
        return wr_fail(r, 405);
    }
    wr_body_discard(r);
    return wr_reply_text(
        r, 200,
        wr_pool_printf(wr_pool(r),
                       "Active connections: %" PRId64 " \n"
                       "server accepts handled requests\n"
                       " %" PRIu64 " %" PRIu64 " %" PRIu64 " \n"
                       "Reading: %" PRId64 " Writing: %" PRId64 " Waiting: %" PRId64
                       " \n",
                       count(ACTIVE), accepted, accepted, requests, count(READING),
                       count(WRITING), count(WAITING)));
}

static wr_rc_t
get(wr_req_t *r, const wr_var_t *v, wr_str_t *value)
{
    *value = wr_pool_printf(wr_pool(r), "%" PRId64, count(v->data));
    return WR_OK;
}

static wr_rc_t
set(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    static const wr_middleware_t handler = {.name = "stub_status", .before = serve};

    (void) d;
    (void) conf;
    return wr_location_handler(cf, &handler, NULL);
}

static const wr_var_row_t variables[] = {
    {"connections_active", get, NULL, ACTIVE, WR_VAR_NOCACHE,
     "Connections of clients"},
    {"connections_reading", get, NULL, READING, WR_VAR_NOCACHE,
     "Connections whose request is being read"},
    {"connections_writing", get, NULL, WRITING, WR_VAR_NOCACHE,
     "Connections whose request is being answered"},
    {"connections_waiting", get, NULL, WAITING, WR_VAR_NOCACHE,
     "Connections that wait for a request"},
    {.name = NULL}
};

WR_MODULE(stub_status,
    .doc = "A page of counters",
    .schema.directives = (const wr_directive_t[]) {
        WR_ACTION("stub_status", WR_SERVER | WR_LOCATION, 0, 1, set,
                  "Answer with counters of connections and requests.",
                  .args = "",
                  .example = "stub_status;"),
        WR_END
    },
    .variables = variables);
