/*
 * Addresses and networks.
 */
#include <check.h>
#include <weir/net/addr.h>

static void
parsing(void)
{
    static const struct {
        const char *text, *with, *without;     /* NULL: must be refused */
    } rows[] = {
        {"127.0.0.1", "127.0.0.1:80", "127.0.0.1"},
        {"127.0.0.1:8080", "127.0.0.1:8080", "127.0.0.1"},
        {"[::1]", "[::1]:80", "::1"},
        {"[::1]:443", "[::1]:443", "::1"},
        {"::1", "[::1]:80", "::1"},
        {"2001:DB8::0:1", "[2001:db8::1]:80", "2001:db8::1"},
        {"unix:/run/a b.sock", "unix:/run/a b.sock", "unix:"},
        {"unix:rel", "unix:rel", "unix:"},
        {"", NULL, NULL},
        {"unix:", NULL, NULL},
        {"localhost", NULL, NULL},
        {"1.2.3", NULL, NULL},
        {"1.2.3.4:", NULL, NULL},
        {"1.2.3.4:0", NULL, NULL},
        {"1.2.3.4:65536", NULL, NULL},
        {"1.2.3.4:80x", NULL, NULL},
        {"1.2.3.256", NULL, NULL},
        {"[::1", NULL, NULL},
        {"[::1]x", NULL, NULL},
        {"[::1]:", NULL, NULL},
        {"[]", NULL, NULL},
        {":80", NULL, NULL},
    };
    wr_pool_t *pool = wr_pool_new();
    char       big[300] = "unix:";

    for (size_t i = 0; i < WR_COUNT(rows); i++) {
        wr_addr_t a;
        bool      ok = wr_addr_parse(&a, wr_str_z(rows[i].text), 80);

        CHECK_INT(ok, rows[i].with != NULL);
        if (ok && rows[i].with != NULL) {
            CHECK_STR(wr_addr_text(pool, &a, true), rows[i].with);
            CHECK_STR(wr_addr_text(pool, &a, false), rows[i].without);
        }
    }
    memset(big + 5, 'x', 200);
    wr_addr_t a, b;

    CHECK(!wr_addr_parse(&a, wr_str_z(big), 0));
    big[5 + 107] = '\0';
    CHECK(wr_addr_parse(&a, wr_str_z(big), 0));
    CHECK_INT(wr_addr_text(pool, &a, true).n, 112);

    CHECK(wr_addr_parse(&a, WR_STR("1.2.3.4:5"), 0));
    CHECK(wr_addr_parse(&b, WR_STR("1.2.3.4:6"), 0));
    CHECK(wr_addr_equal(&a.u.sa, &b.u.sa, false));
    CHECK(!wr_addr_equal(&a.u.sa, &b.u.sa, true));
    wr_addr_set_port(&b, 5);
    CHECK(wr_addr_equal(&a.u.sa, &b.u.sa, true));
    CHECK_INT(wr_addr_port(&b.u.sa), 5);

    /* An unnamed unix socket, as accept gives it. */
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    char               text[WR_ADDR_TEXT];

    CHECK_STR(wr_str(text, wr_addr_put(text, sizeof(text), (void *) &un,
                                       sizeof(sa_family_t), true)), "unix:");
    CHECK_INT(wr_addr_put(text, 4, &a.u.sa, a.len, true), 4);
    wr_pool_free(pool);
}

static bool
has(const char *net, const char *ip)
{
    wr_cidr_t c;
    wr_addr_t a;

    CHECK(wr_cidr_parse(&c, wr_str_z(net)));
    CHECK(wr_addr_parse(&a, wr_str_z(ip), 1));
    return wr_cidr_has(&c, &a.u.sa);
}

static void
networks(void)
{
    static const char *const bad[] = {"", "10.0.0.0/33", "10.0.0.0/", "x",
                                      "::/129", "10.0.0.0/8x", "10/8", "/8"};
    wr_cidr_t c;

    CHECK(has("10.0.0.0/8", "10.255.1.1"));
    CHECK(!has("10.0.0.0/8", "11.0.0.1"));
    CHECK(has("10.20.30.40", "10.20.30.40"));
    CHECK(!has("10.20.30.40", "10.20.30.41"));
    CHECK(has("192.168.128.0/17", "192.168.200.1"));
    CHECK(!has("192.168.128.0/17", "192.168.127.1"));
    CHECK(has("0.0.0.0/0", "1.1.1.1"));
    CHECK(!has("0.0.0.0/0", "::1"));
    CHECK(has("::/0", "::1"));
    CHECK(has("2001:db8::/33", "2001:db8:7fff::1"));
    CHECK(!has("2001:db8::/33", "2001:db8:8000::1"));
    CHECK(has("10.0.0.0/8", "::ffff:10.1.1.1"));
    CHECK(has("all", "unix:/x") && has("all", "::1"));
    CHECK(has("unix:", "unix:/x") && !has("unix:", "::1"));
    CHECK(!has("::/0", "unix:/x"));
    CHECK(has("10.1.2.3/8", "10.9.9.9"));       /* host bits mean nothing */
    for (size_t i = 0; i < WR_COUNT(bad); i++) {
        CHECK(!wr_cidr_parse(&c, wr_str_z(bad[i])));
    }
}

int
main(void)
{
    parsing();
    networks();
    wr_pool_trim_cache();
    return check_status();
}
