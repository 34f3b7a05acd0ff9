/*
 * Which peer is next: smooth weighted round robin, failures and backups.
 *
 * Each turn every usable peer gains its weight; the one that has most is taken and
 * pays the sum of all. A failure lowers a peer's effective weight, each turn gives
 * one back. After max_fails failures within fail_timeout a peer rests that long.
 */
#include <weir/upstream/upstream_priv.h>

void
wr_pick_init(wr_pick_t *p, wr_upstream_t *group, wr_req_t *r, wr_pool_t *pool,
             wr_log_t *log)
{
    wr_peers_t *set = group->set;

    memset(p, 0, sizeof(*p));
    p->group = group;
    p->set = set;
    p->r = r;
    p->pool = pool;
    p->log = log;
    p->tried = set->n <= 64 ? &p->few : WR_NEW_N(pool, uint64_t, set->n / 64 + 1);
    p->tries = set->tries;
    wr_peers_hold(set, pool);
    if (group->balancer != NULL && group->balancer->begin != NULL) {
        group->balancer->begin(p);
    }
}

static bool
tried(const wr_pick_t *p, const wr_peer_t *peer)
{
    return (p->tried[peer->index / 64] >> (peer->index % 64) & 1) != 0;
}

static bool
is_full(const wr_peer_t *peer)
{
    return peer->max_conns != 0 && peer->state->conns >= peer->max_conns;
}

bool
wr_peer_usable(const wr_pick_t *p, const wr_peer_t *peer)
{
    const wr_peer_state_t *s = peer->state;

    if (peer->down || tried(p, peer) || is_full(peer)) {
        return false;
    }
    return peer->max_fails == 0 || s->fails < peer->max_fails
           || wr_clock.mono - s->checked > peer->fail_timeout;
}

bool
wr_peer_gain(wr_peer_t *peer, const wr_peer_t *best, int64_t *total)
{
    wr_peer_state_t *s = peer->state;

    s->current += s->effective;
    *total += s->effective;
    if (s->effective < peer->weight) {
        s->effective++;
    }
    return best == NULL || s->current > best->state->current;
}

static wr_peer_t *
round_robin(wr_pick_t *p)
{
    wr_peers_t *set = p->set;
    unsigned    to = p->backups ? set->n : set->n_primary;
    wr_peer_t  *best = NULL;
    int64_t     total = 0;

    for (unsigned i = p->backups ? set->n_primary : 0; i < to; i++) {
        wr_peer_t *peer = &set->peers[i];

        if (wr_peer_usable(p, peer) && wr_peer_gain(peer, best, &total)) {
            best = peer;
        }
    }
    if (best != NULL) {
        best->state->current -= total;
    }
    return best;
}

static wr_peer_t *
one_of(wr_pick_t *p)
{
    const wr_balancer_t *b = p->group->balancer;
    wr_peer_t           *peer = b != NULL ? b->pick(p) : NULL;

    return peer != NULL ? peer : round_robin(p);
}

static wr_peer_t *
next_of_many(wr_pick_t *p)
{
    wr_peer_t *peer = one_of(p);

    if (peer == NULL && !p->backups && p->set->n > p->set->n_primary) {
        p->backups = true;
        peer = one_of(p);
    }
    return peer;
}

static wr_peer_t *
the_only_one(wr_pick_t *p)
{
    wr_peer_t *peer = &p->set->peers[0];

    return peer->down || tried(p, peer) || is_full(peer) ? NULL : peer;
}

wr_peer_t *
wr_pick_next(wr_pick_t *p)
{
    wr_peer_t *peer;

    wr_state_lock(p->group);
    peer = p->set->n == 1 ? the_only_one(p) : next_of_many(p);
    if (peer != NULL) {
        if (wr_clock.mono - peer->state->checked > peer->fail_timeout) {
            peer->state->checked = wr_clock.mono;
        }
        p->tried[peer->index / 64] |= (uint64_t) 1 << (peer->index % 64);
        wr_state_count(peer, 1);
    }
    wr_state_unlock(p->group);
    p->peer = peer;
    p->began = wr_ticks();
    return peer;
}

void
wr_pick_undo(wr_pick_t *p)
{
    wr_peer_t *peer = p->peer;

    if (peer != NULL) {
        wr_state_lock(p->group);
        wr_state_count(peer, -1);
        wr_state_unlock(p->group);
        p->tried[peer->index / 64] &= ~((uint64_t) 1 << (peer->index % 64));
        p->peer = NULL;
    }
}

static void
count_failure(wr_peer_t *peer)
{
    wr_peer_state_t *s = peer->state;

    s->fails++;
    s->accessed = s->checked = wr_clock.mono;
    if (peer->max_fails != 0) {
        s->effective -= peer->weight / peer->max_fails;
        if (s->effective < 0) {
            s->effective = 0;
        }
    }
}

void
wr_pick_done(wr_pick_t *p, bool failed)
{
    wr_peer_t *peer = p->peer;
    bool       rests = false;

    if (peer == NULL) {
        return;
    }
    p->peer = NULL;
    if (p->tries != 0) {
        p->tries--;
    }
    wr_state_lock(p->group);
    wr_state_count(peer, -1);
    if (p->set->n == 1) {
        peer->state->fails = 0;
    } else if (failed) {
        count_failure(peer);
        rests = peer->max_fails != 0 && peer->state->fails >= peer->max_fails;
    } else if (peer->state->accessed < peer->state->checked) {
        peer->state->fails = 0;
    }
    wr_state_unlock(p->group);
    wr_peer_count(peer, failed, wr_ticks_us(wr_ticks() - p->began));
    if (rests) {
        wr_log(p->log, WR_LOG_WARN, 0, "upstream server temporarily disabled");
    }
}
