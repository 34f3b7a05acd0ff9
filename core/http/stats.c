/*
 * Requests counted by location. What a location counts into is looked up at its
 * first request in a process and kept beside it; from then on a request costs some
 * forty instructions and no lock.
 *
 * Labels are bounded: the route is the location's name as it stands in the conf, or
 * "_unmatched"; unknown methods are "_other".
 */
#include <weir/http/stats.h>

#include <weir/http/server.h>
#include <weir/os/clock.h>
#include <weir_config.h>

enum { CODES = 16, PROBES = 4 };

struct wr_route_stats {
    uint64_t *time, *received, *sent;   /* in this process's lane */
    uint32_t  last;                     /* the key of `code` */
    uint64_t *code;                     /* what was counted last */
    struct {
        uint32_t key, cell;
    } codes[CODES];                     /* by method and status */
};

static const wr_metric_t requests = {
    .name = "weir_http_requests_total", .help = "Requests answered.",
    .kind = WR_METRIC_COUNTER, .labels = {"server", "route", "method", "code"}};
static const wr_metric_t duration = {
    .name = "weir_http_request_duration_seconds",
    .help = "From the first byte of a request to the last byte of its answer.",
    .kind = WR_METRIC_TIME, .limit = 400, .labels = {"server", "route"}};
static const wr_metric_t received = {
    .name = "weir_http_received_bytes_total", .help = "Bytes of requests.",
    .kind = WR_METRIC_COUNTER, .limit = 400, .labels = {"server", "route"}};
static const wr_metric_t sent = {
    .name = "weir_http_sent_bytes_total", .help = "Bytes of answers.",
    .kind = WR_METRIC_COUNTER, .limit = 400, .labels = {"server", "route"}};

/* ---- labels ---- */

static wr_str_t
server_label(const wr_location_t *loc)
{
    return loc->server->name.n != 0 ? loc->server->name : WR_STR("_");
}

static wr_str_t
route_label(const wr_location_t *loc)
{
    while (loc->kind == WR_LOC_INNER && loc->outer != NULL) {
        loc = loc->outer;
    }
    return loc->name.n != 0 ? loc->name : WR_STR("_unmatched");
}

static wr_str_t
method_label(uint32_t method)
{
    static const wr_str_t names[] = {
        WR_STR_INIT("_other"), WR_STR_INIT("GET"), WR_STR_INIT("HEAD"),
        WR_STR_INIT("POST"), WR_STR_INIT("PUT"), WR_STR_INIT("DELETE"),
        WR_STR_INIT("MKCOL"), WR_STR_INIT("COPY"), WR_STR_INIT("MOVE"),
        WR_STR_INIT("OPTIONS"), WR_STR_INIT("PROPFIND"), WR_STR_INIT("PROPPATCH"),
        WR_STR_INIT("LOCK"), WR_STR_INIT("UNLOCK"), WR_STR_INIT("PATCH"),
        WR_STR_INIT("TRACE"), WR_STR_INIT("CONNECT")};
    unsigned bit = method != 0 ? (unsigned) __builtin_ctz(method) : 0;

    return bit < WR_COUNT(names) ? names[bit] : names[0];
}

/* ---- counting ---- */

static WR_COLD wr_route_stats_t *
make(wr_location_t *loc)
{
    wr_route_stats_t *s = WR_NEW(wr_cycle->pool, wr_route_stats_t);
    wr_str_t          labels[] = {server_label(loc), route_label(loc)};

    s->time = wr_lane + wr_metric_series(&duration, labels);
    s->received = wr_lane + wr_metric_series(&received, labels);
    s->sent = wr_lane + wr_metric_series(&sent, labels);
    s->last = UINT32_MAX;
    loc->stats = s;
    return s;
}

static WR_COLD uint32_t
find_code(wr_location_t *loc, uint32_t method, unsigned status)
{
    char     code[20];
    wr_str_t labels[] = {server_label(loc), route_label(loc), method_label(method),
                         wr_str(code, wr_put_uint(code, status))};

    if (status < 100 || status > 599) {
        labels[3] = WR_STR("_other");
    }
    return wr_metric_series(&requests, labels);
}

static uint32_t
code_cell(wr_location_t *loc, wr_route_stats_t *s, uint32_t key)
{
    uint32_t method = key >> 10, status = key & 1023;
    unsigned at = status + (unsigned) __builtin_ctz(method | 1u << 31);

    for (unsigned i = 0; i < PROBES; i++, at++) {
        if (s->codes[at % CODES].key == key) {
            return s->codes[at % CODES].cell;
        }
        if (s->codes[at % CODES].key == 0) {
            break;
        }
    }
    s->codes[at % CODES].cell = find_code(loc, method, status);
    s->codes[at % CODES].key = key;
    return s->codes[at % CODES].cell;
}

void
wr_stats_request(wr_req_t *r)
{
    wr_location_t    *loc = r->failed_location != NULL ? r->failed_location : r->location;
    wr_route_stats_t *s;
    uint64_t          us = wr_ticks_us(wr_ticks() - r->start_ticks);
    uint32_t          key = r->first_method << 10 | (wr_req_status(r) & 1023);

    if (wr_unlikely(loc == NULL)) {
        loc = r->server->base;
    }
    s = loc->stats;
    if (wr_unlikely(s == NULL)) {
        s = make(loc);
    }
    s->time[0] += us;
    s->time[1 + wr_time_bucket(us)]++;
    *s->received += (uint64_t) r->request_length;
    *s->sent += (uint64_t) r->bytes_sent;
    if (wr_unlikely(s->last != key)) {
        s->last = key;
        s->code = wr_lane + code_cell(loc, s, key);
    }
    ++*s->code;
}

/* ---- reading ---- */

static void
put_connections(wr_metrics_t *to)
{
    static const wr_metric_t connections = {
        .name = "weir_connections", .help = "Connections of clients.",
        .kind = WR_METRIC_GAUGE, .labels = {"state"}};
    static const wr_metric_t accepted = {
        .name = "weir_connections_accepted_total",
        .help = "Connections of clients since the start.", .kind = WR_METRIC_COUNTER};
    static const wr_metric_t running = {
        .name = "weir_http_requests_in_flight", .help = "Requests under way.",
        .kind = WR_METRIC_GAUGE};
    int64_t active = wr_metric_now(WR_CELL_ACTIVE);
    int64_t idle = wr_metric_now(WR_CELL_IDLE);

    wr_metrics_put(to, &connections, &WR_STR("active"), (double) (active - idle));
    wr_metrics_put(to, &connections, &WR_STR("idle"), (double) idle);
    wr_metrics_put(to, &accepted, NULL, (double) wr_metric_total(WR_CELL_ACCEPTED));
    wr_metrics_put(to, &running, NULL, (double) wr_metric_now(WR_CELL_RUNNING));
}

static void
put_conf(wr_metrics_t *to)
{
    static const wr_metric_t info = {
        .name = "weir_build_info", .help = "The version, as labels; always 1.",
        .kind = WR_METRIC_GAUGE, .labels = {"version", "abi"}};
    static const wr_metric_t generation = {
        .name = "weir_config_generation",
        .help = "How many confs have been taken since the start.",
        .kind = WR_METRIC_GAUGE};
    static const wr_metric_t ok = {
        .name = "weir_config_last_reload_successful",
        .help = "1 if the last conf was taken, 0 if it was refused.",
        .kind = WR_METRIC_GAUGE};
    static const wr_metric_t time = {
        .name = "weir_config_last_reload_timestamp_seconds",
        .help = "When the conf in force was taken.", .kind = WR_METRIC_GAUGE};
    static const wr_metric_t reloads = {
        .name = "weir_config_reloads_total", .help = "Reloads by what became of them.",
        .kind = WR_METRIC_COUNTER, .labels = {"result"}};
    wr_str_t version[] = {WR_STR(WR_VERSION),
                          WR_STR(WR_STRING(WR_ABI_MAJOR) "." WR_STRING(WR_ABI_MINOR))};

    wr_metrics_put(to, &info, version, 1);
    wr_metrics_put(to, &generation, NULL, (double) wr_metric_now(WR_CELL_GENERATION));
    wr_metrics_put(to, &ok, NULL, (double) wr_metric_now(WR_CELL_RELOAD_OK));
    wr_metrics_put(to, &time, NULL, (double) wr_metric_now(WR_CELL_RELOAD_TIME));
    wr_metrics_put(to, &reloads, &WR_STR("taken"),
                   (double) wr_metric_total(WR_CELL_RELOADS));
    wr_metrics_put(to, &reloads, &WR_STR("refused"),
                   (double) wr_metric_total(WR_CELL_RELOADS_REFUSED));
}

static void
put_workers(wr_metrics_t *to)
{
    static const wr_metric_t workers = {
        .name = "weir_workers", .help = "Worker processes by what they do.",
        .kind = WR_METRIC_GAUGE, .labels = {"state"}};
    static const wr_metric_t restarts = {
        .name = "weir_worker_restarts_total",
        .help = "Workers started in place of one that died.",
        .kind = WR_METRIC_COUNTER};
    unsigned n = wr_metrics_lanes(), serving = 0, retiring = 0;

    for (unsigned i = n > 1 ? 1 : 0; i < n; i++) {
        wr_lane_state_t state = wr_metrics_lane(i).state;

        serving += state == WR_LANE_LIVE;
        retiring += state == WR_LANE_RETIRING;
    }
    wr_metrics_put(to, &workers, &WR_STR("serving"), serving);
    wr_metrics_put(to, &workers, &WR_STR("retiring"), retiring);
    wr_metrics_put(to, &restarts, NULL, (double) wr_metric_total(WR_CELL_RESTARTS));
}

static void
put_zones(wr_metrics_t *to)
{
    static const wr_metric_t used = {
        .name = "weir_shm_used_bytes", .help = "Memory in use of a zone.",
        .kind = WR_METRIC_GAUGE, .labels = {"zone"}};
    static const wr_metric_t size = {
        .name = "weir_shm_size_bytes", .help = "Size of a zone.",
        .kind = WR_METRIC_GAUGE, .labels = {"zone"}};

    for (WR_EACH(wr_zone_t *, z, &wr_cycle->zones)) {
        wr_metrics_put(to, &size, &(*z)->name, (double) (*z)->size);
        if ((*z)->memory != NULL) {
            wr_metrics_put(to, &used, &(*z)->name, (double) wr_zone_used(*z));
        }
    }
}

void
wr_stats_put(wr_metrics_t *to)
{
    put_conf(to);
    put_connections(to);
    put_workers(to);
    put_zones(to);
}
