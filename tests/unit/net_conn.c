/*
 * Connections over real sockets.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include <weir/net/conn.h>

static int reads, writes;

static void
on_read(wr_watch_t *w)
{
    (void) w;
    reads++;
}

static void
on_write(wr_watch_t *w)
{
    (void) w;
    writes++;
}

static wr_log_t quiet;

static void
prepare(wr_conn_t *c)
{
    memset(c, 0, sizeof(*c));
    c->watch.fd = -1;
    c->watch.on_read = on_read;
    c->watch.on_write = on_write;
}

static void
pair(wr_conn_t *c, int *other)
{
    int fd[2];

    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd) == 0);
    prepare(c);
    CHECK(wr_conn_open(c, fd[0], &quiet) == WR_OK);
    *other = fd[1];
}

static void
receiving(void)
{
    wr_conn_t c;
    int       other;
    char      buf[8];
    size_t    n;

    pair(&c, &other);
    CHECK(write(other, "0123456789", 10) == 10);
    wr_loop_turn(0);
    CHECK_INT(reads, 1);
    CHECK_INT(writes, 0);               /* writable from the start */
    CHECK(wr_conn_recv(&c, buf, 8, &n) == WR_OK && n == 8);
    CHECK(c.watch.readable);
    CHECK(wr_conn_recv(&c, buf, 8, &n) == WR_OK && n == 2);
    CHECK(!c.watch.readable);           /* without another call */
    CHECK(wr_conn_recv(&c, buf, 8, &n) == WR_AGAIN);
    CHECK(write(other, "x", 1) == 1);
    close(other);
    wr_loop_turn(0);
    CHECK(c.watch.hup);
    CHECK(wr_conn_recv(&c, buf, 8, &n) == WR_OK && n == 1);
    CHECK(c.watch.readable);            /* the end is still to be read */
    CHECK(wr_conn_recv(&c, buf, 8, &n) == WR_CLOSED && c.eof);
    CHECK_INT(c.received, 11);
    wr_conn_close(&c);
    wr_conn_close(&c);
    CHECK_INT(c.watch.fd, -1);
}

static size_t
drain(int fd)
{
    char    buf[65536];
    size_t  all = 0;
    ssize_t n;

    while ((n = read(fd, buf, sizeof(buf))) > 0) {
        all += (size_t) n;
    }
    return all;
}

static void
sending(void)
{
    enum { PARTS = 3000 };
    static struct iovec iov[PARTS];
    static char         part[1000];
    wr_conn_t           c;
    int                 other;
    size_t              n, all = 0;

    pair(&c, &other);
    wr_loop_turn(0);
    for (int i = 0; i < PARTS; i++) {
        iov[i] = (struct iovec) {part, sizeof(part)};
    }
    CHECK(wr_conn_send(&c, iov, 2, false, &n) == WR_OK && n == 2000);
    CHECK(wr_conn_send(&c, iov, 0, false, &n) == WR_OK && n == 0);
    CHECK(wr_conn_send(&c, iov, PARTS, false, &n) == WR_AGAIN);
    CHECK(n > 0 && n < PARTS * sizeof(part));
    CHECK(!c.watch.writable);
    CHECK_INT(c.sent, 2000 + n);
    writes = 0;
    all = drain(other);
    CHECK_INT(all, c.sent);
    wr_loop_turn(0);
    CHECK_INT(writes, 1);
    CHECK(c.watch.writable);
    close(other);
    CHECK(wr_conn_send(&c, iov, 1, false, &n) == WR_ERROR);
    CHECK_INT(n, EPIPE);
    CHECK(c.error);
    wr_conn_reset(&c);
}

static void
files(void)
{
    enum { SIZE = 3000000 };
    char      name[] = "/tmp/weir-conn-XXXXXX";
    int       fd = mkstemp(name), other;
    wr_conn_t c;
    size_t    n, done = 0, got = 0;
    wr_rc_t   rc;

    unlink(name);
    CHECK(ftruncate(fd, SIZE) == 0);
    pair(&c, &other);
    do {
        rc = wr_conn_sendfile(&c, fd, (off_t) done, SIZE - done, false, &n);
        done += n;
        if (rc == WR_AGAIN) {
            CHECK(!c.watch.writable);
            got += drain(other);
            wr_loop_turn(1000);
        }
    } while (rc == WR_AGAIN);
    got += drain(other);
    CHECK_INT(rc, WR_OK);
    CHECK_INT(got, SIZE);

    /* The file is shorter than it was: an error, not a wait for ever. */
    CHECK(ftruncate(fd, 1000) == 0);
    CHECK(wr_conn_sendfile(&c, fd, 0, 5000, false, &n) == WR_ERROR);
    CHECK(wr_conn_sendfile(&c, fd, 2000, 5000, false, &n) == WR_ERROR);
    wr_conn_close(&c);
    close(other);
    close(fd);
}

static void
connecting(void)
{
    wr_addr_t a;
    socklen_t len = sizeof(a.u);
    int       l = socket(AF_INET, SOCK_STREAM, 0), on;
    wr_conn_t c;
    wr_rc_t   rc;

    CHECK(wr_addr_parse(&a, WR_STR("127.0.0.1"), 0));
    CHECK(bind(l, &a.u.sa, a.len) == 0 && listen(l, 5) == 0);
    CHECK(getsockname(l, &a.u.sa, &len) == 0);
    prepare(&c);
    writes = 0;
    rc = wr_conn_connect(&c, &a, NULL, &quiet);
    CHECK(rc == WR_OK || rc == WR_AGAIN);
    while (rc == WR_AGAIN && writes == 0) {
        wr_loop_turn(1000);
    }
    CHECK_INT(wr_conn_connected(&c), 0);
    CHECK(c.watch.writable);
    CHECK(wr_conn_nodelay(&c));
    on = accept(l, NULL, NULL);
    close(on);
    wr_conn_close(&c);
    close(l);

    /* Nobody listens any more. */
    prepare(&c);
    writes = 0;
    rc = wr_conn_connect(&c, &a, NULL, &quiet);
    while (rc == WR_AGAIN && writes == 0) {
        wr_loop_turn(1000);
    }
    CHECK(rc == WR_ERROR || wr_conn_connected(&c) == ECONNREFUSED);
    wr_conn_close(&c);

    CHECK(wr_addr_parse(&a, WR_STR("unix:/nonexistent/socket"), 0));
    prepare(&c);
    CHECK(wr_conn_connect(&c, &a, NULL, &quiet) == WR_ERROR);
    CHECK_INT(errno, ENOENT);
    CHECK_INT(c.watch.fd, -1);
}

int
main(void)
{
    CHECK(wr_loop_open(&wr_log_main, 0) == WR_OK);
    CHECK(sizeof(wr_conn_t) <= 136);
    receiving();
    sending();
    files();
    connecting();
    CHECK_INT(wr_loop_timers(), 0);
    wr_loop_close();
    return check_status();
}
