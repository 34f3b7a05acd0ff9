/*
 * What a Redis server answers: any bytes, in pieces as the first byte says, to
 * three commands that wait. Each command is told exactly once, and whatever comes
 * the connection is either in order or closed.
 */
#define _GNU_SOURCE
#include "../../modules/session/redis_conn.c"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
count(void *data, const reply_t *reply)
{
    ++*(unsigned *) data;
    if (reply != NULL) {
        /* The text is all there, with the NUL that hiredis' readers rely on. */
        for (size_t i = 0; i < reply->text.n; i++) {
            if (((volatile const char *) reply->text.p)[i] == '\1') {
                break;
            }
        }
    }
}

static void
begin(redis_t *d, wr_log_t *log, int fd, bool hello_first)
{
    /* Nobody listens there: a new connection fails. */
    static wr_addr_t nowhere = {.len = sizeof(sa_family_t) + 2,
                                .u.un = {.sun_family = AF_UNIX, .sun_path = "/"}};

    *d = (redis_t) {.name = WR_STR("fuzz"), .addrs = &nowhere, .naddrs = 1,
                    .timeout = 100000, .log = *log,
                    .auth = hello_first, .password = WR_STR("p"), .db = hello_first,
                    .out = wr_buf(NULL), .retry_at = INT64_MAX};
    d->post.fn = posted;
    d->timer.fn = time_is_up;
    wr_queue_init(&d->queued);
    wr_queue_init(&d->sent);
    wr_queue_init(&d->saving);
    d->conn.watch = (wr_watch_t) {.fd = -1, .on_read = on_read, .on_write = on_write};
    d->conn.peer_errors = 1;
    d->reader = redisReaderCreateWithFunctions(&functions);
    d->state = CONNECTING;
    if (d->reader == NULL || wr_conn_open(&d->conn, fd, &d->log) != WR_OK) {
        abort();
    }
    d->conn.watch.writable = true;
    connected(d);
}

static void
drop_line(wr_log_target_t *t, wr_level_t level, wr_str_t text)
{
    (void) t;
    (void) level;
    (void) text;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static wr_log_target_t target = {.level = WR_LOG_ERR, .fd = -1, .write = drop_line};
    static wr_log_t        log = {.level = WR_LOG_ERR, .targets = &target};
    static bool            open;
    wr_str_t               get[] = {WR_STR("GET"), WR_STR("k")};
    unsigned               told = 0;
    redis_t                d;
    int                    fd[2];
    size_t                 piece;

    if (!open && wr_loop_open(&log, 16) != WR_OK) {
        abort();
    }
    open = true;
    if (size == 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd) != 0) {
        return 0;
    }
    piece = (size_t) (data[0] & 7) * 3;
    begin(&d, &log, fd[1], (data[0] & 8) != 0);
    for (unsigned i = 0; i < 3; i++) {
        (void) redis_send(&d, 2, get, count, &told);
    }
    wr_loop_turn(0);
    for (size_t at = 1; at < size && d.state != DOWN; ) {
        size_t n = piece == 0 ? size - at : wr_min_size(piece, size - at);

        if (send(fd[0], data + at, n, MSG_NOSIGNAL) != (ssize_t) n) {
            break;
        }
        at += n;
        wr_loop_turn(0);
    }
    close(fd[0]);
    wr_loop_turn(0);
    wr_loop_turn(0);
    /* What is sent once more waits for a new connection: nobody gives one. */
    if (d.state != DOWN || told > 3) {
        abort();
    }
    for (unsigned i = 0; told < 3 && i < 3; i++) {
        drop(&d, NULL, 0, false);
    }
    if (told != 3) {
        abort();
    }
    free_redis(&d);
    return 0;
}
