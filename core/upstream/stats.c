/*
 * Metrics of peers. Where a peer is counted is looked up when it is done with a request
 * for the first time in a process; from then on it costs some ten instructions and no
 * lock. Groups that are made for one request count together, as "_resolved". All on the
 * loop's thread.
 */
#include <weir/upstream/upstream_priv.h>

static const wr_metric_t requests = {
    .name = "weir_upstream_requests_total", .help = "Requests that peers were asked.",
    .kind = WR_METRIC_COUNTER, .limit = 400, .labels = {"upstream", "peer"}};
static const wr_metric_t fails = {
    .name = "weir_upstream_fails_total", .help = "Requests that peers failed at.",
    .kind = WR_METRIC_COUNTER, .limit = 400, .labels = {"upstream", "peer"}};
static const wr_metric_t seconds = {
    .name = "weir_upstream_request_duration_seconds",
    .help = "From a peer being picked to the last byte of its answer, or its failure.",
    .kind = WR_METRIC_TIME, .limit = 400, .labels = {"upstream", "peer"}};
static const wr_metric_t up = {
    .name = "weir_upstream_peer_up",
    .help = "1 if the peer may be asked, 0 if it is marked down or rests after failures, "
            "as this worker knows.",
    .kind = WR_METRIC_GAUGE, .labels = {"upstream", "peer"}};

/* ---- counting ---- */

static void
find(wr_peer_cells_t *cells, wr_str_t group, wr_str_t peer)
{
    wr_str_t labels[] = {group, peer};

    cells->requests = wr_metric_series(&requests, labels);
    cells->fails = wr_metric_series(&fails, labels);
    cells->seconds = wr_metric_series(&seconds, labels);
    cells->known = true;
}

static const wr_peer_cells_t *
cells_of(wr_peer_t *peer)
{
    static wr_peer_cells_t brief;

    if (wr_unlikely(peer->group->brief)) {
        if (!brief.known) {
            find(&brief, WR_STR("_resolved"), WR_STR("_resolved"));
        }
        return &brief;
    }
    if (wr_unlikely(!peer->cells.known)) {
        find(&peer->cells, peer->group->name, peer->name);
    }
    return &peer->cells;
}

void
wr_peer_count(wr_peer_t *peer, bool failed, uint64_t us)
{
    const wr_peer_cells_t *cells = cells_of(peer);

    wr_metric_add(cells->requests, 1);
    wr_metric_add(cells->fails, failed);
    wr_metric_time(cells->seconds, us);
}

/* ---- reading ---- */

static bool
is_up(const wr_peers_t *set, const wr_peer_t *peer)
{
    const wr_peer_state_t *s = peer->state;

    return !peer->down
           && (set->n == 1 || peer->max_fails == 0 || s->fails < peer->max_fails
               || wr_clock.mono - s->checked > peer->fail_timeout);
}

/* Two servers of a group may have the same address: one series, of the better. */
static bool
has_come(const wr_peers_t *set, unsigned i)
{
    for (unsigned k = 0; k < i; k++) {
        if (wr_str_eq(set->peers[k].name, set->peers[i].name)) {
            return true;
        }
    }
    return false;
}

static bool
any_is_up(const wr_peers_t *set, wr_str_t name)
{
    for (unsigned i = 0; i < set->n; i++) {
        if (wr_str_eq(set->peers[i].name, name) && is_up(set, &set->peers[i])) {
            return true;
        }
    }
    return false;
}

void
wr_peers_put(wr_metrics_t *to, const wr_upstream_t *g, unsigned *room)
{
    const wr_peers_t *set = g->set;

    for (unsigned i = 0; set != NULL && i < set->n && *room != 0; i++) {
        wr_str_t name = set->peers[i].name;

        if (!has_come(set, i)) {
            wr_metrics_put(to, &up, (wr_str_t[]) {g->name, name}, any_is_up(set, name));
            --*room;
        }
    }
}
