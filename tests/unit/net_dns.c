/*
 * DNS messages: well-formed, forged and broken ones.
 */
#include <check.h>
#include <weir/net/dns.h>

static unsigned char msg[4096];
static size_t        size;

static void
u16(unsigned v)
{
    msg[size++] = (unsigned char) (v >> 8);
    msg[size++] = (unsigned char) v;
}

static void
name(const char *text)
{
    wr_str_t rest = wr_str_z(text), label;

    while (wr_str_split(&rest, '.', &label)) {
        msg[size++] = (unsigned char) label.n;
        memcpy(msg + size, label.p, label.n);
        size += label.n;
    }
    msg[size++] = 0;
}

static void
head(unsigned id, unsigned flags, unsigned answers, const char *asked, unsigned type)
{
    size = 0;
    u16(id);
    u16(flags);
    u16(1);
    u16(answers);
    u16(0);
    u16(0);
    name(asked);
    u16(type);
    u16(1);
}

static void
fields(unsigned type, unsigned ttl, unsigned len)
{
    u16(type);
    u16(1);
    u16(ttl >> 16);
    u16(ttl);
    u16(len);
}

static void
address(const char *owner, unsigned ttl, unsigned last)
{
    name(owner);
    fields(WR_DNS_A, ttl, 4);
    u16(0x0a00);
    u16(last);
}

static wr_dns_answer_t a;

static bool
parse(void)
{
    return wr_dns_parse(msg, size, 7, "www.example.com", WR_DNS_A, &a);
}

static void
names(void)
{
    char text[WR_DNS_NAME], big[300];

    CHECK(wr_dns_name(text, WR_STR("WWW.Example.com.")));
    CHECK_STR(wr_str_z(text), "www.example.com");
    CHECK(wr_dns_name(text, WR_STR("_a-b.c1")));
    CHECK(!wr_dns_name(text, WR_STR("")));
    CHECK(!wr_dns_name(text, WR_STR(".")));
    CHECK(!wr_dns_name(text, WR_STR("a..b")));
    CHECK(!wr_dns_name(text, WR_STR(".a")));
    CHECK(!wr_dns_name(text, WR_STR("a b")));
    CHECK(!wr_dns_name(text, WR_STR("a\0b")));
    memset(big, 'a', sizeof(big));
    CHECK(!wr_dns_name(text, wr_str(big, 64)));
    CHECK(wr_dns_name(text, wr_str(big, 63)));
    for (size_t i = 50; i < sizeof(big); i += 50) {
        big[i] = '.';
    }
    CHECK(wr_dns_name(text, wr_str(big, 253)));
    CHECK(!wr_dns_name(text, wr_str(big, 254)));

    unsigned char q[WR_DNS_QUERY];

    CHECK_INT(wr_dns_query(q, 0x1234, "ab.c", WR_DNS_AAAA), 22);
    CHECK(memcmp(q, "\x12\x34\1\0\0\1\0\0\0\0\0\0\2ab\1c\0\0\x1c\0\1", 22) == 0);
    CHECK(wr_dns_name(text, wr_str(big, 253)));
    CHECK(wr_dns_query(q, 1, text, WR_DNS_A) <= sizeof(q));
}

static void
good(void)
{
    head(7, 0x8180, 2, "WWW.example.COM", WR_DNS_A);
    address("www.example.com", 300, 1);
    address("www.Example.com", 60, 2);
    CHECK(parse());
    CHECK_INT(a.n, 2);
    CHECK_INT(a.ttl, 60);
    CHECK(a.addrs[1][0] == 10 && a.addrs[1][3] == 2);
    CHECK_INT(a.rcode, 0);

    /* An alias, with compression, in any order. */
    head(7, 0x8180, 3, "www.example.com", WR_DNS_A);
    address("web.example.net", 100, 9);
    u16(0xc00c);
    fields(WR_DNS_CNAME, 20, 17);
    name("web.example.net");
    address("other.example.net", 1, 8);
    CHECK(parse());
    CHECK_INT(a.n, 1);
    CHECK_INT(a.addrs[0][3], 9);
    CHECK_INT(a.ttl, 20);
    CHECK_INT(a.alias[0], 0);

    /* An alias only: to be asked for. */
    head(7, 0x8180, 1, "www.example.com", WR_DNS_A);
    u16(0xc00c);
    fields(WR_DNS_CNAME, 20, 17);
    name("WEB.example.net");
    CHECK(parse());
    CHECK_INT(a.n, 0);
    CHECK_STR(wr_str_z(a.alias), "web.example.net");

    head(7, 0x8183, 0, "www.example.com", WR_DNS_A);
    CHECK(parse());
    CHECK_INT(a.rcode, 3);
    head(7, 0x8380, 0, "www.example.com", WR_DNS_A);
    CHECK(parse());
    CHECK(a.truncated);

    for (unsigned n = 100; n <= 200; n += 100) {    /* no more than fit */
        head(7, 0x8180, n, "www.example.com", WR_DNS_A);
        for (unsigned i = 0; i < n; i++) {
            u16(0xc00c);
            fields(WR_DNS_A, 5, 4);
            u16(0x0a00);
            u16(i);
        }
        CHECK(parse());
        CHECK_INT(a.n, WR_DNS_ADDRS);
    }
}

static void
forged(void)
{
    head(8, 0x8180, 0, "www.example.com", WR_DNS_A);
    CHECK(!parse());                                /* another id */
    head(7, 0x0100, 0, "www.example.com", WR_DNS_A);
    CHECK(!parse());                                /* a query */
    head(7, 0x8180, 0, "www.example.org", WR_DNS_A);
    CHECK(!parse());
    head(7, 0x8180, 0, "www.example.com", WR_DNS_AAAA);
    CHECK(!parse());
    head(7, 0x8180, 1, "www.example.com", WR_DNS_A);
    address("evil.example.com", 300, 1);            /* nobody asked for it */
    CHECK(parse());
    CHECK_INT(a.n, 0);
    head(7, 0x8180, 1, "www.example.com", WR_DNS_A);
    name("www.example.com");
    fields(WR_DNS_A, 300, 5);                       /* no address has 5 bytes */
    size += 5;
    CHECK(parse());
    CHECK_INT(a.n, 0);
    /* A dot inside a label does not make another name. */
    size = 0;
    head(7, 0x8180, 0, "www.example.com", WR_DNS_A);
    msg[12] = 7;
    msg[16] = '.';
    CHECK(!parse());
}

static void
broken(void)
{
    /* Aliases in a ring. */
    head(7, 0x8180, 2, "www.example.com", WR_DNS_A);
    name("www.example.com");
    fields(WR_DNS_CNAME, 5, 5);
    name("b.c");
    name("b.c");
    fields(WR_DNS_CNAME, 5, 17);
    name("www.example.com");
    CHECK(parse());
    CHECK_INT(a.n, 0);

    /* A name that points at itself, forwards, or outside. */
    static const unsigned pointers[] = {12 + 21, 0x3fff, 12 + 22, 12 + 23};

    for (size_t i = 0; i < WR_COUNT(pointers); i++) {
        head(7, 0x8180, 1, "www.example.com", WR_DNS_A);
        u16(0xc000 | pointers[i]);
        fields(WR_DNS_A, 5, 4);
        u16(0);
        u16(0);
        CHECK(parse());
        CHECK_INT(a.n, 0);
    }

    /* Every cut, and every byte changed, of a good message. */
    head(7, 0x8180, 2, "www.example.com", WR_DNS_A);
    u16(0xc00c);
    fields(WR_DNS_CNAME, 20, 17);
    name("web.example.net");
    address("web.example.net", 100, 9);
    for (size_t n = 0; n < size; n++) {
        unsigned char *copy = malloc(n + 1);

        memcpy(copy, msg, n);
        (void) wr_dns_parse(copy, n, 7, "www.example.com", WR_DNS_A, &a);
        CHECK(a.n == 0);
        free(copy);
    }
    for (size_t n = 0; n < size; n++) {
        for (unsigned v = 0; v < 256; v++) {
            unsigned char was = msg[n];

            msg[n] = (unsigned char) v;
            (void) parse();
            msg[n] = was;
        }
    }
    CHECK(parse() && a.n == 1);
}

static void
service(unsigned priority, unsigned weight, unsigned port, const char *target)
{
    name("_http._tcp.a.test");
    fields(WR_DNS_SRV, 30 + priority, (unsigned) (6 + strlen(target) + 2));
    u16(priority);
    u16(weight);
    u16(port);
    name(target);
}

static void
services(void)
{
    static const char  asked[] = "_http._tcp.a.test";
    wr_dns_service_t   found[2];
    wr_dns_answer_t    answer;
    uint32_t           ttl = 0;

    head(7, 0x8180, 3, asked, WR_DNS_SRV);
    service(2, 3, 80, "one.test");
    service(1, 0, 65535, "Two.test");
    service(9, 0, 1, "three.test");
    CHECK(wr_dns_parse(msg, size, 7, asked, WR_DNS_SRV, &answer) && answer.n == 0);
    CHECK_INT(wr_dns_services(msg, size, asked, found, 2, &ttl), 2);
    CHECK_INT(ttl, 31);
    CHECK(found[0].priority == 2 && found[0].weight == 3 && found[0].port == 80);
    CHECK_STR(wr_str_z(found[0].target), "one.test");
    CHECK_INT(found[1].port, 65535);
    CHECK_STR(wr_str_z(found[1].target), "two.test");
    CHECK_INT(wr_dns_services(msg, size, "_x._tcp.a.test", found, 2, &ttl), 0);
    for (size_t n = 0; n < size; n++) {
        unsigned char *copy = malloc(n + 1);

        memcpy(copy, msg, n);
        CHECK(wr_dns_services(copy, n, asked, found, 2, &ttl) <= 2);
        free(copy);
    }
    for (size_t n = 12; n < size; n++) {
        for (unsigned v = 0; v < 256; v++) {
            unsigned char was = msg[n];

            msg[n] = (unsigned char) v;
            (void) wr_dns_services(msg, size, asked, found, 2, &ttl);
            msg[n] = was;
        }
    }
}

int
main(void)
{
    services();
    names();
    good();
    forged();
    broken();
    return check_status();
}
