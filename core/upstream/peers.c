/*
 * Sets of peers.
 *
 * A set never changes once it is made. That of the conf stays as long as the conf;
 * one made at run time, because a name has new addresses, has a pool of its own and
 * is held by the group and by every request that picks from it.
 */
#include <weir/upstream/upstream_priv.h>

wr_peer_list_t
wr_peer_list(wr_pool_t *pool)
{
    return (wr_peer_list_t) {wr_array(pool, sizeof(wr_peer_t)),
                             wr_array(pool, sizeof(wr_peer_t))};
}

void
wr_peer_list_add(wr_peer_list_t *l, const wr_peer_t *server, const wr_addr_t *addr,
                 wr_pool_t *pool)
{
    wr_peer_t *peer = WR_PUSH(server->backup ? &l->backup : &l->primary, wr_peer_t);

    *peer = *server;
    peer->addr = *addr;
    peer->name = wr_addr_text(pool, addr, true);
    peer->own = (wr_peer_state_t) {.effective = peer->weight};
}

static void
take(wr_peer_t *to, const wr_array_t *from)
{
    if (from->n != 0) {
        memcpy(to, from->items, from->n * sizeof(wr_peer_t));
    }
}

wr_peers_t *
wr_peers_make(wr_upstream_t *g, const wr_peer_list_t *l, wr_pool_t *pool)
{
    wr_peers_t *set = WR_NEW(pool, wr_peers_t);

    set->group = g;
    set->n_primary = l->primary.n;
    set->n = l->primary.n + l->backup.n;
    set->peers = WR_NEW_N(pool, wr_peer_t, set->n + 1u);
    take(set->peers, &l->primary);
    take(set->peers + set->n_primary, &l->backup);
    for (unsigned i = 0; i < set->n; i++) {
        wr_peer_t *peer = &set->peers[i];

        peer->group = g;
        peer->index = i;
        peer->state = &peer->own;
        set->tries += !peer->down;
        set->total_weight += i < set->n_primary ? peer->weight : 0;
    }
    wr_queue_init(&set->attached);
    if (g->balancer != NULL && g->balancer->prepare != NULL) {
        g->balancer->prepare(g, set, pool);
    }
    return set;
}

void
wr_peers_drop(wr_peers_t *set)
{
    if (--set->refs == 0) {
        wr_shared_detach(set);
        wr_pool_free(set->pool);
    }
}

static void
drop(void *data)
{
    wr_peers_drop(data);
}

void
wr_peers_hold(wr_peers_t *set, wr_pool_t *pool)
{
    if (set->pool != NULL) {
        set->refs++;
        wr_pool_on_free(pool, drop, set);
    }
}

wr_upstream_t *
wr_upstream_of_addrs(wr_pool_t *pool, const wr_addr_t *addrs, unsigned n, wr_str_t name)
{
    wr_upstream_t *g = WR_NEW(pool, wr_upstream_t);
    wr_peer_list_t list = wr_peer_list(pool);
    wr_peer_t      server = {.server = name, .weight = 1, .max_fails = 1,
                             .fail_timeout = 10000};

    g->name = name;
    wr_queue_init(&g->idle);
    for (unsigned i = 0; i < n; i++) {
        wr_peer_list_add(&list, &server, &addrs[i], pool);
    }
    g->set = wr_peers_make(g, &list, pool);
    return g;
}
