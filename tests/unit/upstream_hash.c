/*
 * hash: the peers that nginx 1.22 chooses for the same keys and servers.
 */
#include "upstream_help.h"
#include "../../modules/upstream_hash/upstream_hash.c"

static const server_t servers[] = {
    {"127.0.0.1:11", 1, false}, {"127.0.0.1:12", 3, false}, {"127.0.0.1:13", 1, false},
    {NULL, 0, false}};
static const server_t ring_servers[] = {
    {"127.0.0.1:11", 1, false}, {"127.0.0.1:12", 3, false}, {"127.0.0.1", 1, false},
    {"unix:/tmp/upx/x.sock", 1, false}, {NULL, 0, false}};

/* key, plain, consistent */
static const char *const known[][3] = {
    {"a", "12", "12"}, {"b", "12", "12"}, {"c", "12", "11"}, {"hello", "11", "12"},
    {"world", "12", "80"}, {"user1", "12", "12"}, {"user2", "13", "11"},
    {"user3", "12", "12"}, {"12345", "11", "12"}, {"x", "12", "11"}, {"y", "12", "12"},
    {"z", "12", "unix"}, {"foo", "12", "12"}, {"bar", "12", "11"}, {"baz", "12", "80"}};

static wr_str_t
short_name(const wr_peer_t *peer)
{
    return wr_str_starts(peer->name, WR_STR("unix")) ? WR_STR("unix")
                                                     : wr_str_skip(peer->name, 10);
}

static void
start(wr_pick_t *p, wr_pool_t *pool, wr_upstream_t *g, const char *key)
{
    state_t *s;

    wr_pick_init(p, g, NULL, pool, &wr_log_main);
    s = p->data;
    s->key = wr_str_z(key);
    if (g->balancer == &consistent) {
        s->hash = find(g->set->balancer_data, wr_crc32(s->key.p, s->key.n));
    }
}

static void
known_keys(wr_pool_t *pool)
{
    wr_upstream_t *a = make_group(pool, &plain, servers);
    wr_upstream_t *b = make_group(pool, &consistent, ring_servers);

    for (size_t i = 0; i < WR_COUNT(known); i++) {
        wr_pick_t p;

        start(&p, pool, a, known[i][0]);
        CHECK_STR(short_name(wr_pick_next(&p)), known[i][1]);
        start(&p, pool, b, known[i][0]);
        CHECK_STR(short_name(wr_pick_next(&p)), known[i][2]);
    }
}

/* All are asked once, then none. */
static void
all_in_turn(wr_pool_t *pool, const wr_balancer_t *balancer)
{
    wr_upstream_t *g = make_group(pool, balancer, servers);
    wr_pick_t      p;
    unsigned       seen = 0;

    start(&p, pool, g, "a");
    for (int i = 0; i < 3; i++) {
        wr_peer_t *peer = wr_pick_next(&p);

        CHECK(peer != NULL && (seen & 1u << peer->index) == 0);
        seen |= peer != NULL ? 1u << peer->index : 0;
        wr_pick_done(&p, true);
    }
    CHECK(wr_pick_next(&p) == NULL);
    CHECK_INT(p.tries, 0);
}

/* Few keys move when a server comes. */
static void
few_keys_move(wr_pool_t *pool)
{
    static const server_t more[] = {
        {"127.0.0.1:11", 1, false}, {"127.0.0.1:12", 3, false},
        {"127.0.0.1:13", 1, false}, {"127.0.0.1:14", 1, false}, {NULL, 0, false}};
    wr_upstream_t *a = make_group(pool, &consistent, servers);
    wr_upstream_t *b = make_group(pool, &consistent, more);
    int            moved = 0;

    for (int i = 0; i < 1000; i++) {
        char        key[16];
        wr_pick_t   p;
        wr_peer_t  *before, *after;

        snprintf(key, sizeof(key), "key%d", i);
        start(&p, pool, a, key);
        before = wr_pick_next(&p);
        start(&p, pool, b, key);
        after = wr_pick_next(&p);
        if (!wr_str_eq(before->name, after->name)) {
            moved++;
            CHECK_STR(after->name, "127.0.0.1:14");
        }
    }
    CHECK(moved > 80 && moved < 260);
}

int
main(void)
{
    wr_pool_t *pool = wr_pool_new();

    known_keys(pool);
    all_in_turn(pool, &plain);
    all_in_turn(pool, &consistent);
    few_keys_move(pool);
    wr_pool_free(pool);
    return check_status();
}
