/*
 * Picking without a balancer, and least_conn: turns by weight, failures, backups,
 * limits.
 */
#include "upstream_help.h"
#include "../../modules/upstream_least_conn/upstream_least_conn.c"

static const server_t abc[] = {
    {"127.0.0.1:1", 5, false}, {"127.0.0.1:2", 1, false}, {"127.0.0.1:3", 1, false},
    {NULL, 0, false}};
static const server_t ab[] = {
    {"127.0.0.1:1", 1, false}, {"127.0.0.1:2", 2, false}, {NULL, 0, false}};
static const server_t with_backup[] = {
    {"127.0.0.1:1", 1, false}, {"127.0.0.1:9", 1, true}, {NULL, 0, false}};

static void
begin(wr_pick_t *p, wr_upstream_t *g, wr_pool_t *pool)
{
    wr_pick_init(p, g, NULL, pool, &wr_log_main);
}

/* The well-known order of smooth weighted round robin. */
static void
smooth(wr_pool_t *pool)
{
    static const char order[] = "11213111121311";
    wr_upstream_t    *g = make_group(pool, NULL, abc);

    for (size_t i = 0; i < sizeof(order) - 1; i++) {
        wr_pick_t p;
        wr_str_t  name;

        begin(&p, g, pool);
        name = next_name(&p);
        CHECK_INT(name.p[name.n - 1], order[i]);
        wr_pick_done(&p, false);
    }
}

static void
failures(wr_pool_t *pool)
{
    wr_upstream_t *g = make_group(pool, NULL, ab);
    wr_peer_t     *second = &g->set->peers[1];
    wr_pick_t      p;

    second->max_fails = 2;
    for (int i = 0; i < 2; i++) {
        do {
            begin(&p, g, pool);
            CHECK(wr_pick_next(&p) != NULL);
            if (p.peer != second) {
                wr_pick_done(&p, false);
            }
        } while (p.peer != second);
        CHECK_INT(p.tries, 2);
        wr_pick_done(&p, true);
        CHECK_INT(p.tries, 1);
        CHECK_INT(second->state->fails, i + 1);
    }
    CHECK_INT(second->state->effective, 1);         /* 2 - 1, + 1 by a turn, - 1 */
    for (int i = 0; i < 4; i++) {
        begin(&p, g, pool);
        CHECK_STR(next_name(&p), "127.0.0.1:1");
        wr_pick_done(&p, false);
    }
    wr_clock.mono += second->fail_timeout + 1;      /* it is tried again … */
    for (int i = 0; i < 4 && p.peer != second; i++) {
        begin(&p, g, pool);
        (void) wr_pick_next(&p);
        if (p.peer != second) {
            wr_pick_done(&p, false);
        }
    }
    CHECK(p.peer == second);
    wr_clock.mono++;
    wr_pick_done(&p, false);                        /* … and answers */
    CHECK_INT(second->state->fails, 0);
}

static void
backups(wr_pool_t *pool)
{
    wr_upstream_t *g = make_group(pool, NULL, with_backup);
    wr_pick_t      p;

    begin(&p, g, pool);
    CHECK_STR(next_name(&p), "127.0.0.1:1");
    wr_pick_done(&p, true);
    CHECK_STR(next_name(&p), "127.0.0.1:9");
    wr_pick_done(&p, false);
    CHECK_STR(next_name(&p), "-");
    begin(&p, g, pool);                              /* the other one rests */
    CHECK_STR(next_name(&p), "127.0.0.1:9");
    wr_pick_undo(&p);
    CHECK_STR(next_name(&p), "127.0.0.1:9");
    wr_pick_done(&p, false);
    CHECK_INT(g->set->peers[1].state->conns, 0);
}

static void
limits(wr_pool_t *pool)
{
    wr_upstream_t *g = make_group(pool, NULL, ab);
    wr_pick_t      p[4];

    g->set->peers[0].max_conns = g->set->peers[1].max_conns = 1;
    for (int i = 0; i < 3; i++) {
        begin(&p[i], g, pool);
        CHECK((wr_pick_next(&p[i]) != NULL) == (i < 2));
    }
    wr_pick_done(&p[0], false);
    begin(&p[3], g, pool);
    CHECK(wr_pick_next(&p[3]) != NULL);
    g->set->peers[1].down = true;
    g->set->peers[0].down = true;
    begin(&p[2], g, pool);
    CHECK(wr_pick_next(&p[2]) == NULL);
}

static void
fewest(wr_pool_t *pool)
{
    wr_upstream_t *g = make_group(pool, &balancer, ab);
    wr_pick_t      p[6];
    int            second = 0;

    for (int i = 0; i < 6; i++) {
        begin(&p[i], g, pool);
        second += wr_pick_next(&p[i]) == &g->set->peers[1];
    }
    CHECK_INT(second, 4);
    CHECK_INT(g->set->peers[0].state->conns, 2);
    for (int i = 0; i < 6; i++) {
        if (p[i].peer == &g->set->peers[1]) {
            wr_pick_done(&p[i], false);
        }
    }
    begin(&p[0], g, pool);
    CHECK(wr_pick_next(&p[0]) == &g->set->peers[1]);
}

int
main(void)
{
    wr_pool_t *pool = wr_pool_new();

    wr_clock.mono = 1000000;
    smooth(pool);
    failures(pool);
    backups(pool);
    limits(pool);
    fewest(pool);
    wr_pool_free(pool);
    return check_status();
}
