/*
 * Which peer is next: smooth weighted round robin, failures and backups.
 *
 * Each turn every usable peer gains its weight; the one that has most is taken and
 * pays the sum of all. A failure lowers a peer's effective weight, each turn gives
 * one back. After max_fails failures within fail_timeout a peer rests that long.
 */
#include <weir/upstream/upstream.h>

void
wr_pick_init(wr_pick_t *p, wr_upstream_t *group, wr_req_t *r, wr_pool_t *pool,
             wr_log_t *log)
{
    memset(p, 0, sizeof(*p));
    p->group = group;
    p->r = r;
    p->log = log;
    p->tried = WR_NEW_N(pool, uint64_t, group->n_peers / 64 + 1);
    p->tries = group->n_peers;
}

static bool
tried(const wr_pick_t *p, const wr_peer_t *peer)
{
    return (p->tried[peer->index / 64] >> (peer->index % 64) & 1) != 0;
}

bool
wr_peer_usable(const wr_pick_t *p, const wr_peer_t *peer)
{
    if (peer->down || tried(p, peer)
        || (peer->max_conns != 0 && peer->conns >= peer->max_conns))
    {
        return false;
    }
    return peer->max_fails == 0 || peer->fails < peer->max_fails
           || wr_clock.mono - peer->checked > peer->fail_timeout;
}

static wr_peer_t *
round_robin(wr_pick_t *p)
{
    wr_upstream_t *g = p->group;
    unsigned       from = p->backups ? g->n_primary : 0;
    unsigned       to = p->backups ? g->n_peers : g->n_primary;
    wr_peer_t     *best = NULL;
    int64_t        total = 0;

    for (unsigned i = from; i < to; i++) {
        wr_peer_t *peer = &g->peers[i];

        if (!wr_peer_usable(p, peer)) {
            continue;
        }
        peer->current += peer->effective;
        total += peer->effective;
        if (peer->effective < peer->weight) {
            peer->effective++;
        }
        if (best == NULL || peer->current > best->current) {
            best = peer;
        }
    }
    if (best != NULL) {
        best->current -= total;
    }
    return best;
}

wr_peer_t *
wr_pick_next(wr_pick_t *p)
{
    wr_upstream_t *g = p->group;
    wr_peer_t     *peer = NULL;

    p->peer = NULL;
    if (g->n_peers == 1) {
        peer = &g->peers[0];
        if (peer->down || tried(p, peer)
            || (peer->max_conns != 0 && peer->conns >= peer->max_conns))
        {
            return NULL;
        }
    } else {
        if (!p->backups && g->balancer != NULL) {
            peer = g->balancer->pick(p);
        }
        if (peer == NULL) {
            peer = round_robin(p);
        }
        if (peer == NULL && !p->backups && g->n_peers > g->n_primary) {
            p->backups = true;
            peer = round_robin(p);
        }
        if (peer == NULL) {
            return NULL;
        }
    }
    if (wr_clock.mono - peer->checked > peer->fail_timeout) {
        peer->checked = wr_clock.mono;
    }
    p->tried[peer->index / 64] |= (uint64_t) 1 << (peer->index % 64);
    p->peer = peer;
    peer->conns++;
    return peer;
}

void
wr_pick_done(wr_pick_t *p, bool failed)
{
    wr_peer_t *peer = p->peer;

    if (peer == NULL) {
        return;
    }
    p->peer = NULL;
    peer->conns--;
    if (p->tries != 0) {
        p->tries--;
    }
    if (p->group->n_peers == 1) {
        return;
    }
    if (failed) {
        peer->fails++;
        peer->accessed = wr_clock.mono;
        peer->checked = wr_clock.mono;
        if (peer->max_fails != 0) {
            peer->effective -= peer->weight / peer->max_fails;
            if (peer->effective < 0) {
                peer->effective = 0;
            }
            if (peer->fails >= peer->max_fails) {
                wr_log(p->log, WR_LOG_WARN, 0, "upstream server temporarily disabled");
            }
        }
    } else if (peer->accessed < peer->checked) {
        peer->fails = 0;
    }
}
