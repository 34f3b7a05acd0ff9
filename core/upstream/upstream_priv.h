/*
 * upstream: between its files. Directives are in upstream.c, groups by name in
 * groups.c, sets of peers in peers.c, state in shared memory in shared.c, names
 * that are looked up again in lookup.c, picking in balance.c, kept connections in
 * pool.c, metrics in stats.c.
 */
#ifndef WEIR_UPSTREAM_UPSTREAM_PRIV_H
#define WEIR_UPSTREAM_UPSTREAM_PRIV_H

#include <weir/upstream/upstream.h>

/* ---- groups.c ---- */

/* The groups of a cycle hang from its conf as a service. */
typedef struct wr_groups {
    wr_map_t by_name;
} wr_groups_t;

extern wr_groups_t *wr_groups_now;  /* of the newest cycle; NULL before */

wr_groups_t   *wr_groups_of(wr_conf_t *cf);
wr_upstream_t *wr_group_new(wr_conf_t *cf, wr_str_t name, const wr_tok_t *at);
wr_peer_t     *wr_group_server(wr_upstream_t *g, const wr_tok_t *at);
/* When all is read: names become addresses. */
wr_rc_t        wr_groups_finish(wr_conf_t *cf);

/* ---- peers.c ---- */

/* Collects peers for a set: primary and backup ones. */
typedef struct wr_peer_list {
    wr_array_t primary, backup;     /* wr_peer_t */
} wr_peer_list_t;

wr_peer_list_t wr_peer_list(wr_pool_t *pool);
void wr_peer_list_add(wr_peer_list_t *l, const wr_peer_t *server, const wr_addr_t *addr,
                      wr_pool_t *pool);
/* The set of a group, in `pool`, prepared for its balancer. */
wr_peers_t *wr_peers_make(wr_upstream_t *g, const wr_peer_list_t *l, wr_pool_t *pool);
/* A set of run time stays until every pool that holds it is freed. */
void wr_peers_hold(wr_peers_t *set, wr_pool_t *pool);
void wr_peers_drop(wr_peers_t *set);

/* ---- stats.c ---- */

/* A request to the peer has ended, `us` after it was picked. */
void wr_peer_count(wr_peer_t *peer, bool failed, uint64_t us);
/* Which of the group's peers are up; *room: series that may still be put. */
void wr_peers_put(wr_metrics_t *to, const wr_upstream_t *g, unsigned *room);

/* ---- shared.c ---- */

static inline void
wr_state_lock(const wr_upstream_t *g)
{
    if (g->zone != NULL) {
        wr_zone_lock(g->zone);
    }
}

static inline void
wr_state_unlock(const wr_upstream_t *g)
{
    if (g->zone != NULL) {
        wr_zone_unlock(g->zone);
    }
}

/* One connection more (1) or less (-1); lock held. */
void wr_state_count(wr_peer_t *peer, int by);

wr_rc_t wr_shared_init(wr_zone_t *z, void *old);
/* This worker's part: its place in the zones of all groups, and the group's record;
 * from then on the peers' states are in the zone. */
void wr_shared_begin(wr_upstream_t *g);
void wr_shared_end(wr_upstream_t *g);
/* The states of a set; and no longer. */
void wr_shared_attach(wr_upstream_t *g, wr_peers_t *set);
void wr_shared_detach(wr_peers_t *set);
/* An address that a server's name was found to have. */
typedef struct wr_found {
    wr_addr_t addr;
    int64_t   weight;
    bool      backup;
} wr_found_t;

/* Those of a server that is looked up again, as the workers know them. */
unsigned wr_shared_known(wr_upstream_t *g, const wr_peer_t *server, wr_found_t *to,
                         unsigned max);
void wr_shared_learn(wr_upstream_t *g, const wr_peer_t *server, const wr_found_t *found,
                     unsigned n);

/* ---- lookup.c: names with `resolve`; by each worker for itself ---- */

bool wr_lookups_needed(const wr_upstream_t *g);
void wr_lookups_begin(wr_upstream_t *g);
void wr_lookups_end(wr_upstream_t *g);

#endif
