/*
 * random: a peer by chance, in proportion to its weight; `two`: of two such, the one
 * with fewer connections for its weight.
 */
#include <weir/os/random.h>
#include <weir/upstream/upstream.h>

enum { TRIES = 20 };

typedef struct conf {
    bool two;
} conf_t;

/* Where each primary peer's share ends. */
static void
prepare(wr_upstream_t *g, wr_peers_t *set, wr_pool_t *pool)
{
    int64_t *ends = WR_NEW_N(pool, int64_t, set->n_primary + 1u);
    int64_t  total = 0;

    (void) g;
    for (unsigned i = 0; i < set->n_primary; i++) {
        ends[i] = total += set->peers[i].weight;
    }
    set->balancer_data = ends;
}

static wr_peer_t *
draw(const wr_peers_t *set)
{
    const int64_t *ends = set->balancer_data;
    unsigned       low = 0, high = set->n_primary - 1;
    uint64_t       x;

    wr_random_fast(&x, sizeof(x));
    x %= (uint64_t) set->total_weight;
    while (low < high) {
        unsigned mid = (low + high) / 2;

        if ((int64_t) x < ends[mid]) {
            high = mid;
        } else {
            low = mid + 1;
        }
    }
    return &set->peers[low];
}

static wr_peer_t *
less_busy(wr_peer_t *a, wr_peer_t *b)
{
    return a->state->conns * b->weight > b->state->conns * a->weight ? b : a;
}

static wr_peer_t *
pick(wr_pick_t *p)
{
    const conf_t *conf = p->group->balancer_conf;
    wr_peer_t    *first = NULL;

    if (p->backups || p->set->n_primary < 2) {
        return NULL;
    }
    for (unsigned tries = 0; tries <= TRIES; tries++) {
        wr_peer_t *peer = draw(p->set);

        if (peer == first || !wr_peer_usable(p, peer)) {
            continue;
        }
        if (!conf->two) {
            return peer;
        }
        if (first != NULL) {
            return less_busy(peer, first);
        }
        first = peer;
    }
    return NULL;
}

static const wr_balancer_t balancer = {.name = "random", .no_backup = true,
                                       .prepare = prepare, .pick = pick};

static wr_rc_t
set_random(wr_conf_t *cf, const wr_directive_t *d, void *none)
{
    static const char *const words[] = {"random", "two", "least_conn"};
    conf_t *conf = WR_NEW(cf->pool, conf_t);

    (void) d;
    (void) none;
    conf->two = cf->nargs > 1;
    for (unsigned i = 1; i < cf->nargs; i++) {
        if (!wr_str_eqz(cf->args[i].text, words[i])) {
            return wr_conf_fail(cf, &cf->args[i], "invalid parameter \"%.*s\"",
                                WR_ARG(cf->args[i].text));
        }
    }
    wr_upstream_balance(cf, &balancer, conf);
    return WR_OK;
}

static const wr_directive_t directives[] = {
    WR_ACTION("random", WR_UPSTREAM, 0, 2, set_random,
              "Chance chooses the server; two: the less busy one of two.",
              .args = "[two [least_conn]]", .flags = WR_DF_REPEAT,
              .example = "random two least_conn;"),
    WR_END
};

WR_MODULE(upstream_random,
          .doc = "Passes requests to the servers of a group by chance.",
          .schema.directives = directives);
