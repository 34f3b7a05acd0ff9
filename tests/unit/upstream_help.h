/*
 * For units of balancers: a group of the servers that a test names. A module is
 * included without its descriptor, which the program has already.
 */
#ifndef WEIR_TESTS_UPSTREAM_HELP_H
#define WEIR_TESTS_UPSTREAM_HELP_H

#include <check.h>
#include <weir/upstream/upstream_priv.h>

#undef WR_MODULE
#define WR_MODULE(n, ...) extern int no_descriptor_of_##n

typedef struct server {
    const char *text;
    int         weight;
    bool        backup;
} server_t;

static wr_upstream_t *
make_group(wr_pool_t *pool, const wr_balancer_t *b, const server_t *servers)
{
    wr_upstream_t *g = WR_NEW(pool, wr_upstream_t);
    wr_peer_list_t list = wr_peer_list(pool);

    g->balancer = b;
    g->name = WR_STR("group");
    for (; servers->text != NULL; servers++) {
        wr_peer_t s = {.server = wr_str_z(servers->text), .weight = servers->weight,
                       .max_fails = 1, .fail_timeout = 10000, .backup = servers->backup};
        wr_addr_t addr;

        CHECK(wr_addr_parse(&addr, s.server, 80));
        wr_peer_list_add(&list, &s, &addr, pool);
    }
    g->set = wr_peers_make(g, &list, pool);
    return g;
}

/* The name of the next peer; "-": none. */
static inline wr_str_t
next_name(wr_pick_t *p)
{
    wr_peer_t *peer = wr_pick_next(p);

    return peer != NULL ? peer->name : WR_STR("-");
}

#endif
