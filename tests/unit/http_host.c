/*
 * Hosts: what they become does not depend on those that came before.
 */
#include <check.h>
#include <weir/base/pool.h>
#include <weir/http/uri.h>

static const struct {
    const char *raw, *host;     /* host NULL: refused */
    int         port;
} hosts[] = {
    {"a.example", "a.example", -1},     {"a.example:80", "a.example", 80},
    {"A.example", "a.example", -1},     {"a.example.", "a.example", -1},
    {"a.example:", "a.example", -1},    {"a.exampl", "a.exampl", -1},
    {"b.example:81", "b.example", 81},  {"[::1]:8080", "[::1]", 8080},
    {"[::1]", "[::1]", -1},             {"[::1", NULL, 0},
    {"a..example", NULL, 0},            {"a.example:x", NULL, 0},
    {"a.example:65536", NULL, 0},       {"a/example", NULL, 0},
    {"", NULL, 0},                      {".", NULL, 0},
    {"x123456789.123456789.123456789.123456789.123456789.1234567.example",
     "x123456789.123456789.123456789.123456789.123456789.1234567.example", -1},
    {"x123456789.123456789.123456789.123456789.123456789.12345.exampl:1",
     "x123456789.123456789.123456789.123456789.123456789.12345.exampl", 1},
};

static void
check(wr_pool_t *pool, unsigned i)
{
    char     raw[128];
    wr_str_t host = WR_STR_NONE;
    int      port;
    wr_rc_t  rc;

    /* Never at the same place. */
    strcpy(raw + i, hosts[i].raw);
    rc = wr_host_normalise(pool, wr_str_z(raw + i), &host, &port);
    if (hosts[i].host == NULL) {
        CHECK_INT(rc, WR_SYNTAX);
        return;
    }
    CHECK_INT(rc, WR_OK);
    CHECK_STR(host, hosts[i].host);
    CHECK_INT(port, hosts[i].port);
}

int
main(void)
{
    wr_pool_t *pool = wr_pool_new();

    for (unsigned i = 0; i < WR_COUNT(hosts); i++) {
        for (unsigned k = 0; k < WR_COUNT(hosts); k++) {
            check(pool, i);
            check(pool, i);
            check(pool, k);
        }
    }
    wr_pool_free(pool);
    wr_pool_trim_cache();
    return check_status();
}
