/*
 * ip_hash: the peers that nginx 1.22 chooses for the same addresses and servers.
 */
#include "upstream_help.h"
#include "../../modules/upstream_ip_hash/upstream_ip_hash.c"

static const server_t servers[] = {
    {"127.0.0.1:11", 1, false}, {"127.0.0.1:12", 3, false}, {"127.0.0.1:13", 1, false},
    {NULL, 0, false}};

static const char *const known[][2] = {
    {"10.0.0.1", "127.0.0.1:11"}, {"10.0.0.200", "127.0.0.1:11"},
    {"10.0.1.1", "127.0.0.1:12"}, {"192.168.1.77", "127.0.0.1:13"},
    {"8.8.8.8", "127.0.0.1:12"}, {"127.0.0.1", "127.0.0.1:11"},
    {"172.16.254.1", "127.0.0.1:11"},
    {"::1", "127.0.0.1:11"}, {"2001:db8::1", "127.0.0.1:11"},
    {"2001:db8::2", "127.0.0.1:12"}, {"fe80::1234", "127.0.0.1:12"}};

int
main(void)
{
    wr_pool_t     *pool = wr_pool_new();
    wr_upstream_t *g = make_group(pool, &balancer, servers);

    for (size_t i = 0; i < WR_COUNT(known); i++) {
        wr_addr_t addr;
        wr_pick_t p;
        state_t  *s;

        wr_pick_init(&p, g, NULL, pool, &wr_log_main);
        s = p.data;
        CHECK(wr_addr_parse(&addr, wr_str_z(known[i][0]), 0));
        s->n = addr.u.sa.sa_family == AF_INET ? 3 : 16;
        memcpy(s->addr, addr.u.sa.sa_family == AF_INET
                            ? (const void *) &addr.u.in4.sin_addr
                            : (const void *) &addr.u.in6.sin6_addr, s->n);
        CHECK_STR(next_name(&p), known[i][1]);
    }
    wr_pool_free(pool);
    return check_status();
}
