/*
 * least_conn: the peer that has the fewest connections for its weight; round robin
 * among equals.
 */
#include <weir/upstream/upstream.h>

/* <0: a is less busy than b. */
static int
compare(const wr_peer_t *a, const wr_peer_t *b)
{
    int64_t x = a->state->conns * b->weight, y = b->state->conns * a->weight;

    return x < y ? -1 : x > y;
}

static wr_peer_t *
pick(wr_pick_t *p)
{
    unsigned   from = p->backups ? p->set->n_primary : 0;
    unsigned   to = p->backups ? p->set->n : p->set->n_primary;
    wr_peer_t *least = NULL, *best = NULL;
    int64_t    total = 0;
    bool       many = false;

    for (unsigned i = from; i < to; i++) {
        wr_peer_t *peer = &p->set->peers[i];
        int        order;

        if (!wr_peer_usable(p, peer)) {
            continue;
        }
        order = least != NULL ? compare(peer, least) : -1;
        many = order == 0 || (many && order > 0);
        least = order < 0 ? peer : least;
    }
    if (!many) {
        return least;
    }
    best = least;
    for (unsigned i = least->index; i < to; i++) {
        wr_peer_t *peer = &p->set->peers[i];

        if (wr_peer_usable(p, peer) && compare(peer, least) == 0
            && wr_peer_gain(peer, best, &total))
        {
            best = peer;
        }
    }
    best->state->current -= total;
    return best;
}

static const wr_balancer_t balancer = {.name = "least_conn", .pick = pick};

static wr_rc_t
set_least_conn(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    (void) d;
    (void) conf;
    wr_upstream_balance(cf, &balancer, NULL);
    return WR_OK;
}

static const wr_directive_t directives[] = {
    WR_ACTION("least_conn", WR_UPSTREAM, 0, 0, set_least_conn,
              "The server with the fewest connections, by weight, is next.",
              .flags = WR_DF_REPEAT,
              .example = "least_conn;"),
    WR_END
};

WR_MODULE(upstream_least_conn,
          .doc = "Passes a request to the least busy server of a group.",
          .schema.directives = directives);
