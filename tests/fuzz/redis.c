/*
 * What a Redis server answers: any bytes, in pieces as the first byte says, to
 * three commands that wait. Each command is told exactly once, and whatever comes
 * the connection is either in order or closed.
 */
#define _GNU_SOURCE
#include "../../modules/session/redis_link.c"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
count(void *data, const reply_t *reply)
{
    ++*(unsigned *) data;
    /* The text is all there. */
    for (size_t i = 0; reply != NULL && i < reply->text.n; i++) {
        if (((volatile const char *) reply->text.p)[i] == '\1') {
            break;
        }
    }
}

static void
begin(redis_t *d, link_t *l, wr_pool_t *pool, int fd, bool hello_first)
{
    endpoint_t *nowhere;

    memset(l, 0, sizeof(*l));
    *d = (redis_t) {.name = WR_STR("fuzz"), .timeout = 100000, .log = wr_log_main,
                    .auth = hello_first, .password = WR_STR("p"), .db = hello_first,
                    .nlinks = 1, .links = l,
                    .endpoints = wr_array(pool, sizeof(endpoint_t))};
    /* Nobody listens there: a new connection fails. */
    nowhere = WR_PUSH(&d->endpoints, endpoint_t);
    nowhere->addr = (wr_addr_t) {.len = sizeof(sa_family_t) + 2,
                                 .u.un = {.sun_family = AF_UNIX, .sun_path = "/"}};
    redis_queue_init(d);
    l->conn.watch = (wr_watch_t) {.fd = -1, .on_read = on_read, .on_write = on_write};
    l->conn.peer_errors = 1;
    l->pool = wr_pool_new();
    l->reader = redisReaderCreateWithFunctions(&redis_functions);
    l->state = CONNECTING;
    l->until = wr_clock.mono + d->timeout;
    if (l->reader == NULL || wr_conn_open(&l->conn, fd, &d->log) != WR_OK) {
        abort();
    }
    l->conn.watch.writable = true;
    connected(l);
}

static void
drop_line(wr_log_target_t *t, wr_level_t level, wr_str_t text)
{
    (void) t;
    (void) level;
    (void) text;
}

static void
open_once(void)
{
    static wr_log_target_t target = {.level = WR_LOG_ERR, .fd = -1, .write = drop_line};
    static bool            open;

    if (!open) {
        wr_log_main = (wr_log_t) {.level = WR_LOG_ERR, .targets = &target};
        if (wr_loop_open(&wr_log_main, 16) != WR_OK) {
            abort();
        }
        open = true;
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    wr_str_t   get[] = {WR_STR("GET"), WR_STR("k")};
    unsigned   told = 0;
    wr_pool_t *pool;
    redis_t    d;
    link_t     l;
    int        fd[2];
    size_t     piece;

    open_once();
    if (size == 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd) != 0) {
        return 0;
    }
    pool = wr_pool_new();
    piece = (size_t) (data[0] & 7) * 3;
    begin(&d, &l, pool, fd[1], (data[0] & 8) != 0);
    for (unsigned i = 0; i < 3; i++) {
        (void) redis_send(&d, 2, get, count, &told);
    }
    wr_loop_turn(0);
    for (size_t at = 1; at < size && l.state != DOWN; ) {
        size_t n = piece == 0 ? size - at : wr_min_size(piece, size - at);

        if (send(fd[0], data + at, n, MSG_NOSIGNAL) != (ssize_t) n) {
            break;
        }
        at += n;
        wr_loop_turn(0);
    }
    close(fd[0]);
    for (unsigned i = 0; i < 3; i++) {
        wr_loop_turn(0);
    }
    if (l.state != DOWN || told != 3) {
        abort();
    }
    redis_queue_free(&d);
    wr_pool_free(pool);
    return 0;
}
