/*
 * Nested networks of geo, and host names with wildcards.
 */
#include <check.h>
#include <weir/http/hostmap.h>
#include "../../modules/geo/table.c"

static void
add(geo_table_t *t, const char *net, const char *value)
{
    wr_cidr_t   c;
    geo_range_t range = {.value = wr_str_z(value), .text = wr_str_z(net)};
    wr_str_t    old;

    CHECK(wr_cidr_parse(&c, wr_str_z(net)));
    geo_cidr_range(&c, &range.from, &range.to);
    (void) geo_add(t, &range, &old);
}

static const char *
find(const geo_table_t *t, const char *addr)
{
    static char text[32];
    wr_addr_t   a;
    geo_key_t   key;

    CHECK(wr_addr_parse(&a, wr_str_z(addr), 0));
    CHECK(geo_key(&a.u.sa, &key));
    if (geo_find(t, key) == NULL) {
        return "-";
    }
    snprintf(text, sizeof(text), "%.*s", WR_ARG(*geo_find(t, key)));
    return text;
}

#define CHECK_GEO(addr, want) CHECK(strcmp(find(&t, addr), want) == 0)

static void
networks(void)
{
    wr_pool_t  *pool = wr_pool_new();
    geo_table_t t = {.ranges = wr_array(pool, sizeof(geo_range_t))};

    add(&t, "10.1.2.3", "host");
    add(&t, "10.0.0.0/8", "ten");
    add(&t, "10.1.0.0/16", "one");
    add(&t, "10.1.255.255", "last");
    add(&t, "255.255.255.255", "none");
    add(&t, "2001:db8::/32", "doc");
    add(&t, "2001:db8:1::/48", "doc1");
    for (int i = 0; i < 20; i++) {
        add(&t, "192.168.0.0/16", "old");
        add(&t, "172.16.0.0/12", "x");
    }
    add(&t, "192.168.0.0/16", "new");
    CHECK(geo_build(&t, pool) == NULL);
    CHECK_GEO("9.255.255.255", "-");
    CHECK_GEO("10.0.0.0", "ten");
    CHECK_GEO("10.0.255.255", "ten");
    CHECK_GEO("10.1.0.0", "one");
    CHECK_GEO("10.1.2.2", "one");
    CHECK_GEO("10.1.2.3", "host");
    CHECK_GEO("10.1.2.4", "one");
    CHECK_GEO("10.1.255.255", "last");
    CHECK_GEO("10.2.0.0", "ten");
    CHECK_GEO("11.0.0.0", "-");
    CHECK_GEO("192.168.3.4", "new");
    CHECK_GEO("255.255.255.255", "none");
    CHECK_GEO("2001:db8:2::1", "doc");
    CHECK_GEO("2001:db8:1::1", "doc1");
    CHECK_GEO("2001:db9::", "-");
    CHECK_GEO("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "-");
    wr_pool_free(pool);
}

static void
all_and_overlaps(void)
{
    wr_pool_t  *pool = wr_pool_new();
    geo_table_t t = {.ranges = wr_array(pool, sizeof(geo_range_t))};
    geo_range_t a = {.from = 10, .to = 20}, b = {.from = 15, .to = 25};
    wr_str_t    old;

    add(&t, "::/0", "all");
    CHECK(geo_build(&t, pool) == NULL);
    CHECK_GEO("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "all");
    CHECK_GEO("1.2.3.4", "all");
    (void) geo_add(&t, &a, &old);
    (void) geo_add(&t, &b, &old);
    CHECK(geo_build(&t, pool) != NULL);
    CHECK(geo_delete(&t, 15, 25));
    CHECK(!geo_delete(&t, 15, 25));
    CHECK(geo_build(&t, pool) == NULL);
    wr_pool_free(pool);
}

static void
hosts(void)
{
    wr_pool_t   *pool = wr_pool_new();
    wr_hostmap_t m = wr_hostmap(pool);

#define ADD(name) wr_hostmap_add(&m, WR_STR(name), true, (void *) name)
    CHECK(ADD("www.example.com") == WR_OK);
    CHECK(ADD("*.example.com") == WR_OK);
    CHECK(ADD("*.a.example.com") == WR_OK);
    CHECK(ADD(".dot.org") == WR_OK);
    CHECK(ADD("mail.*") == WR_OK);
    CHECK(ADD("www.mail.*") == WR_OK);
    CHECK(ADD("WWW.example.com") == WR_BUSY);
    CHECK(ADD("dot.org") == WR_BUSY);
    CHECK(ADD("w*.example.com") == WR_SYNTAX);
    CHECK(ADD(".") == WR_SYNTAX);
#define FIND(name) wr_str_z(wr_hostmap_find(&m, WR_STR(name)))
    CHECK_STR(FIND("www.example.com"), "www.example.com");
    CHECK_STR(FIND("x.Example.com"), "*.example.com");
    CHECK_STR(FIND("y.x.example.com"), "*.example.com");
    CHECK_STR(FIND("b.a.example.com"), "*.a.example.com");
    CHECK_STR(FIND("a.example.com"), "*.example.com");
    CHECK_STR(FIND("example.com"), "");
    CHECK_STR(FIND("dot.org"), ".dot.org");
    CHECK_STR(FIND("x.dot.org"), ".dot.org");
    CHECK_STR(FIND("mail.org"), "mail.*");
    CHECK_STR(FIND("www.mail.co.uk"), "www.mail.*");
    CHECK_STR(FIND("mail"), "");
    CHECK_STR(FIND(""), "");
    wr_pool_free(pool);
}

int
main(void)
{
    networks();
    all_and_overlaps();
    hosts();
    return check_status();
}
