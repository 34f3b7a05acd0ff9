/*
 * The resolver against a server of our own, in the same loop.
 */
#define _GNU_SOURCE
#include <check.h>
#include <unistd.h>
#include <weir/net/resolver_priv.h>

static wr_watch_t    udp, tcp;
static wr_addr_t     at;
static int           queries[2];        /* A, AAAA */
static int           ids_same;
static unsigned      last_id;
static unsigned      last_port;
static int           drop;              /* so many queries stay unanswered */
static wr_resolver_t resolver;
static wr_pool_t    *pool;

/* ---- the server ---- */

static size_t
add_record(unsigned char *p, unsigned type, unsigned ttl, const void *data, size_t n)
{
    unsigned char head[] = {0xc0, 12, 0, (unsigned char) type, 0, 1, 0, 0,
                            (unsigned char) (ttl >> 8), (unsigned char) ttl, 0,
                            (unsigned char) n};

    memcpy(p, head, sizeof(head));
    memcpy(p + sizeof(head), data, n);
    return sizeof(head) + n;
}

static bool
asked(const unsigned char *q, const char *first_label)
{
    return q[12] == strlen(first_label) && memcmp(q + 13, first_label, q[12]) == 0;
}

/* Turns the query in `p` into its answer; 0: none. */
static size_t
answer(unsigned char *p, size_t n, bool by_tcp)
{
    unsigned type = p[n - 3];
    size_t   count = 0;

    queries[type == WR_DNS_AAAA]++;
    p[2] = 0x81;
    p[3] = 0x80;
    if (asked(p, "nosuch")) {
        p[3] |= 3;
    } else if (asked(p, "broken")) {
        p[3] |= 2;
    } else if (asked(p, "silent") || (asked(p, "half") && type == WR_DNS_AAAA)) {
        return 0;
    } else if (asked(p, "big") && !by_tcp) {
        p[2] |= 2;
    } else if (asked(p, "alias")) {
        n += add_record(p + n, WR_DNS_CNAME, 30, "\3two\4test", 10);
        count = 1;
    } else if (type == WR_DNS_A) {
        n += add_record(p + n, WR_DNS_A, asked(p, "short") ? 0 : 100, "\12\0\0\1", 4);
        n += add_record(p + n, WR_DNS_A, 100, "\12\0\0\2", 4);
        count = 2;
    } else if (!asked(p, "only4")) {
        n += add_record(p + n, WR_DNS_AAAA, 100,
                        "\x20\1\0\0\0\0\0\0\0\0\0\0\0\0\0\1", 16);
        count = 1;
    }
    p[7] = (unsigned char) count;
    return n;
}

static void
udp_query(wr_watch_t *w)
{
    unsigned char      p[1024];
    struct sockaddr_in from;
    socklen_t          len = sizeof(from);
    ssize_t            n;

    while ((n = recvfrom(w->fd, p, 512, 0, (struct sockaddr *) &from, &len)) > 0) {
        unsigned id = (unsigned) p[0] << 8 | p[1];

        ids_same += id == last_id && from.sin_port == last_port;
        last_id = id;
        last_port = from.sin_port;
        if (drop > 0) {
            drop--;
            continue;
        }
        /* A forged one first: the wrong id. */
        size_t size = answer(p, (size_t) n, false);

        if (size != 0) {
            p[0] ^= 1;
            sendto(w->fd, p, size, 0, (struct sockaddr *) &from, len);
            p[0] ^= 1;
            sendto(w->fd, p, size, 0, (struct sockaddr *) &from, len);
        }
    }
}

static wr_watch_t clients[4];

static void
tcp_answer(wr_watch_t *w)
{
    unsigned char p[1024];
    ssize_t       n = recv(w->fd, p, sizeof(p), 0);
    size_t        size;

    if (n > 2) {
        size = answer(p + 2, (size_t) n - 2, true);
        p[0] = (unsigned char) (size >> 8);
        p[1] = (unsigned char) size;
        CHECK(write(w->fd, p, 1) == 1);
        CHECK(write(w->fd, p + 1, size + 1) == (ssize_t) size + 1);
    }
    wr_watch_forget(w);
    close(w->fd);
    w->fd = 0;
}

static void
tcp_query(wr_watch_t *w)
{
    wr_watch_t *c = clients;

    while (c->fd != 0) {
        c++;
    }
    *c = (wr_watch_t) {.on_read = tcp_answer};
    c->fd = accept4(w->fd, NULL, NULL, SOCK_NONBLOCK);
    CHECK(wr_watch_add(c) == WR_OK);
}

/* A port that is free for both; false: the one that UDP got is taken for TCP. */
static bool
bind_both(void)
{
    socklen_t len = sizeof(at.u);

    CHECK(wr_addr_parse(&at, WR_STR("127.0.0.1"), 0));
    udp.fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    CHECK(bind(udp.fd, &at.u.sa, at.len) == 0);
    CHECK(getsockname(udp.fd, &at.u.sa, &len) == 0);
    tcp.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (bind(tcp.fd, &at.u.sa, at.len) == 0 && listen(tcp.fd, 5) == 0) {
        return true;
    }
    close(udp.fd);
    close(tcp.fd);
    return false;
}

static void
serve(void)
{
    unsigned tries = 0;

    udp = (wr_watch_t) {.on_read = udp_query};
    tcp = (wr_watch_t) {.on_read = tcp_query};
    while (!bind_both()) {
        CHECK(++tries < 50);
    }
    CHECK(wr_watch_add(&udp) == WR_OK);
    CHECK(wr_watch_add_listen(&tcp, false) == WR_OK);
}

/* ---- asking ---- */

static wr_resolve_t
ask(const char *name, wr_msec_t timeout)
{
    wr_resolve_t q;

    memset(&q, 0, sizeof(q));
    wr_resolve_start(&resolver, &q, pool, wr_str_z(name), timeout);
    while (q.op.state == WR_OP_PENDING) {
        wr_loop_turn(1000);
    }
    return q;
}

static void
finding(void)
{
    wr_resolve_t q = ask("Two.test", 5000);

    CHECK_INT(q.op.rc, WR_OK);
    CHECK_INT(q.n, 3);
    CHECK_STR(wr_addr_text(pool, &q.addrs[0], true), "10.0.0.1:0");
    CHECK_STR(wr_addr_text(pool, &q.addrs[1], false), "10.0.0.2");
    CHECK_STR(wr_addr_text(pool, &q.addrs[2], false), "2001::1");
    CHECK_INT(queries[0], 1);
    CHECK_INT(queries[1], 1);

    q = ask("two.test.", 5000);                 /* cached, turned */
    CHECK_INT(queries[0], 1);
    CHECK_STR(wr_addr_text(pool, &q.addrs[0], false), "10.0.0.2");

    q = ask("alias.test", 5000);
    CHECK_INT(q.op.rc, WR_OK);
    CHECK_INT(q.n, 3);
    q = ask("big.test", 5000);
    CHECK_INT(q.op.rc, WR_OK);
    CHECK_INT(q.n, 3);
    q = ask("only4.test", 5000);
    CHECK_INT(q.n, 2);

    queries[0] = 0;
    ask("short.test", 5000);                    /* TTL 0: not kept */
    ask("short.test", 5000);
    CHECK_INT(queries[0], 2);
    CHECK_INT(ids_same, 0);
}

static void
failing(void)
{
    wr_resolve_t q;

    queries[0] = 0;
    q = ask("nosuch.test", 5000);
    CHECK_INT(q.op.rc, WR_NOTFOUND);
    CHECK_INT(q.code, 3);
    CHECK(strcmp(wr_resolve_error(q.code), "Host not found") == 0);
    q = ask("nosuch.test", 5000);
    CHECK_INT(queries[0], 1);                   /* remembered */
    q = ask("broken.test", 5000);
    CHECK_INT(q.op.rc, WR_ERROR);
    CHECK_INT(q.code, 2);
    q = ask("silent.test", 50);
    CHECK_INT(q.op.rc, WR_TIMEOUT);
    CHECK_INT(q.code, 110);
    q = ask("bad name", 50);
    CHECK_INT(q.op.rc, WR_NOTFOUND);
    q = ask("", 50);
    CHECK_INT(q.op.rc, WR_NOTFOUND);

    drop = 2;                                   /* lost once: asked again */
    q = ask("lost.test", 5000);
    CHECK_INT(q.op.rc, WR_OK);
    q = ask("half.test", 6000);                 /* nobody answers for AAAA */
    CHECK_INT(q.op.rc, WR_OK);
    CHECK_INT(q.n, 2);
}

static int told;

static void
done(wr_op_t *op)
{
    (void) op;
    told++;
}

static void
together(void)
{
    wr_resolve_t q[5];

    memset(q, 0, sizeof(q));
    queries[0] = 0;
    for (int i = 0; i < 5; i++) {
        wr_resolve_start(&resolver, &q[i], pool, WR_STR("shared.test"), 5000);
        q[i].op.done = done;
    }
    wr_op_cancel(&q[1].op);
    CHECK_INT(told, 1);
    CHECK_INT(q[1].op.rc, WR_CANCELLED);
    while (told < 5) {
        wr_loop_turn(1000);
    }
    CHECK_INT(queries[0], 1);
    CHECK_INT(q[4].n, 3);

    /* The end, with one waiting. */
    wr_resolve_start(&resolver, &q[0], pool, WR_STR("silent.test"), 5000);
    q[0].op.done = done;
    wr_resolvers_free();
    CHECK_INT(q[0].op.rc, WR_CANCELLED);
    CHECK(resolver.hosts == NULL);
}

static void
without_asking(void)
{
    wr_resolve_t q;
    wr_addr_t    a[4];
    char         path[] = "/tmp/weir-hosts-XXXXXX";
    int          fd = mkstemp(path);
    static const char text[] = "# c\n10.1.1.1 one two # three\n::5 two\n\n10.1.1.2";

    queries[0] = 0;
    q = ask("127.0.0.9", 100);
    CHECK_INT(q.op.rc, WR_OK);
    CHECK_STR(wr_addr_text(pool, &q.addrs[0], false), "127.0.0.9");
    q = ask("[::7]", 100);
    CHECK_STR(wr_addr_text(pool, &q.addrs[0], false), "::7");
    CHECK_INT(queries[0], 0);

    CHECK(write(fd, text, sizeof(text) - 1) == sizeof(text) - 1);
    close(fd);
    CHECK_INT(wr_system_hosts(path, WR_STR("TWO"), a, 4), 2);
    CHECK_STR(wr_addr_text(pool, &a[1], false), "::5");
    CHECK_INT(wr_system_hosts(path, WR_STR("three"), a, 4), 0);
    CHECK_INT(wr_system_hosts("/nonexistent", WR_STR("two"), a, 4), 0);

    wr_resolver_t r = {0};
    FILE         *f = fopen(path, "w");

    fputs("search x\nnameserver 10.0.0.1\nnameserver bad\nnameserver ::1\n", f);
    fclose(f);
    wr_system_servers(path, &r);
    CHECK_INT(r.n, 2);
    CHECK_STR(wr_addr_text(pool, &r.servers[1], true), "[::1]:53");
    unlink(path);

    wr_addr_t  *now;
    unsigned    n;
    const char *why;

    CHECK(wr_resolve_now(pool, WR_STR("localhost"), &now, &n, &why) && n >= 1);
    CHECK(!wr_resolve_now(pool, WR_STR("no such host"), &now, &n, &why));
    CHECK(why != NULL);
}

/* More names than are kept. */
static void
many(void)
{
    for (int i = 0; i < 2500; i++) {
        char name[40];

        snprintf(name, sizeof(name), "n%d.test", i);
        if (ask(name, 5000).n != 3) {
            CHECK(false);
            break;
        }
        wr_pool_clear(pool);
    }
    wr_resolvers_free();
}

int
main(void)
{
    pool = wr_pool_new();
    CHECK(wr_loop_open(&wr_log_main, 0) == WR_OK);
    serve();
    resolver = (wr_resolver_t) {.n = 1, .ipv4 = true, .ipv6 = true};
    resolver.servers[0] = at;
    finding();
    failing();
    together();
    without_asking();
    many();
    CHECK_INT(wr_loop_timers(), 0);
    wr_watch_remove(&udp);
    wr_watch_remove(&tcp);
    close(udp.fd);
    close(tcp.fd);
    wr_loop_close();
    wr_pool_free(pool);
    wr_pool_trim_cache();
    return check_status();
}
