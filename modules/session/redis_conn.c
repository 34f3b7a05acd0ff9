/*
 * session: the connection to Redis. The socket, its time-outs and its renewal are
 * here; hiredis writes the commands and reads the replies.
 */
#include "redis.h"

#include <errno.h>
#include <stdlib.h>
#include <weir/net/resolver.h>
#include <weir/os/random.h>

enum {
    MAX_REPLY = 4 * 1024 * 1024,    /* more is not a session's */
    PAUSE_MIN = 50,                 /* milliseconds after a failure */
    PAUSE_MAX = 3000,
};

static void drop(redis_t *d, const char *why, int err, bool retry);
static void flush(redis_t *d);

/* ---- replies ---- */

static void *
new_reply(const redisReadTask *task, const char *text, size_t n)
{
    reply_t *r = malloc(sizeof(*r) + n + 1);

    if (r == NULL) {
        return NULL;
    }
    r->type = task->type;
    r->n = 0;
    r->text = wr_str((char *) (r + 1), n);
    if (n != 0) {
        memcpy(r + 1, text, n);
    }
    return r;
}

static void *
make_string(const redisReadTask *task, char *text, size_t n)
{
    return new_reply(task, text, n);
}

/* None of our commands is answered by an array. */
static void *
make_array(const redisReadTask *task, int n)
{
    (void) task;
    (void) n;
    return NULL;
}

static void *
make_integer(const redisReadTask *task, long long n)
{
    reply_t *r = new_reply(task, NULL, 0);

    if (r != NULL) {
        r->n = n;
    }
    return r;
}

static void *
make_nil(const redisReadTask *task)
{
    return new_reply(task, NULL, 0);
}

static redisReplyObjectFunctions functions = {make_string, make_array, make_integer,
                                              make_nil, free};

/* ---- commands ---- */

static void
set_timer(redis_t *d)
{
    wr_queue_t *q = wr_queue_first(&d->sent);

    if (q == NULL) {
        q = wr_queue_first(&d->queued);
    }
    if (q == NULL) {
        wr_timer_cancel(&d->timer);
    } else {
        wr_msec_t left = WR_QUEUE_ITEM(q, cmd_t, link)->deadline - wr_clock.mono;

        wr_timer_set(&d->timer, left > 0 ? left : 0);
    }
}

static cmd_t *
new_cmd(redis_t *d, int argc, const wr_str_t *argv)
{
    const char *args[8];
    size_t      lens[8];
    cmd_t      *c = calloc(1, sizeof(*c));
    int         n;

    WR_ASSERT(argc <= 8);
    for (int i = 0; i < argc; i++) {
        args[i] = argv[i].p != NULL ? argv[i].p : "";
        lens[i] = argv[i].n;
    }
    n = c != NULL ? redisFormatCommandArgv(&c->bytes, argc, args, lens) : -1;
    if (n < 0) {
        free(c);
        return NULL;
    }
    c->n = (size_t) n;
    c->deadline = wr_clock.mono + d->timeout;
    return c;
}

static void
end_cmd(cmd_t *c, const reply_t *reply)
{
    wr_queue_remove(&c->link);
    if (c->done != NULL) {
        c->done(c->data, reply);
    }
    redisFreeCommand(c->bytes);
    free(c);
}

/* ---- the connection ---- */

static void
hello(redis_t *d, int argc, const wr_str_t *argv)
{
    cmd_t *c = new_cmd(d, argc, argv);

    if (c != NULL) {
        c->hello = true;
        wr_queue_push(&d->sent, &c->link);
        wr_buf_add(&d->out, c->bytes, c->n);
    }
}

static void
connected(redis_t *d)
{
    d->state = HELLO;
    (void) wr_conn_nodelay(&d->conn);
    if (d->auth && d->user.n != 0) {
        hello(d, 3, (wr_str_t[]) {WR_STR("AUTH"), d->user, d->password});
    } else if (d->auth) {
        hello(d, 2, (wr_str_t[]) {WR_STR("AUTH"), d->password});
    }
    if (d->db != 0) {
        char     text[24];
        wr_str_t db = wr_str(text, wr_put_uint(text, (uint64_t) d->db));

        hello(d, 2, (wr_str_t[]) {WR_STR("SELECT"), db});
    }
    if (wr_queue_empty(&d->sent)) {
        d->state = READY;
    }
    flush(d);
}

static void
send_out(redis_t *d)
{
    while (d->out_at < d->out.n) {
        struct iovec iov = {d->out.p + d->out_at, d->out.n - d->out_at};
        size_t       n = 0;
        wr_rc_t      rc = wr_conn_send(&d->conn, &iov, 1, false, &n);

        d->out_at += n;
        if (rc == WR_AGAIN) {
            return;
        }
        if (rc != WR_OK) {
            drop(d, "sending failed", errno, true);
            return;
        }
    }
    d->out.n = d->out_at = 0;
    if (d->out.cap > 256 * 1024) {
        wr_buf_free(&d->out);
    }
}

static void
flush(redis_t *d)
{
    wr_queue_t *q;

    while (d->state == READY && (q = wr_queue_first(&d->queued)) != NULL) {
        cmd_t *c = WR_QUEUE_ITEM(q, cmd_t, link);

        wr_queue_remove(q);
        wr_queue_push(&d->sent, q);
        wr_buf_add(&d->out, c->bytes, c->n);
    }
    if (d->state == READY || d->state == HELLO) {
        send_out(d);
    }
}

/* False: the connection is gone. */
static bool
take_reply(redis_t *d, const reply_t *r)
{
    wr_queue_t *q = wr_queue_first(&d->sent);
    cmd_t      *c;

    if (q == NULL) {
        drop(d, "a reply that nobody asked for", 0, false);
        return false;
    }
    c = WR_QUEUE_ITEM(q, cmd_t, link);
    if (r->type == REDIS_REPLY_ERROR && c->hello) {
        wr_log(&d->log, WR_LOG_ERR, 0, "redis %.*s refuses: %.*s", WR_ARG(d->name),
               WR_ARG(r->text));
        drop(d, NULL, 0, false);
        return false;
    }
    if (r->type == REDIS_REPLY_ERROR && wr_str_starts(r->text, WR_STR("READONLY"))) {
        drop(d, "it has become a replica", 0, true);
        return false;
    }
    d->failures = 0;
    end_cmd(c, r);
    if (d->state == HELLO && wr_queue_empty(&d->sent)) {
        d->state = READY;
        flush(d);
    }
    return d->state != DOWN;
}

/* False: the connection is gone. */
static bool
read_replies(redis_t *d)
{
    for (;;) {
        void *r = NULL;
        bool  on;

        if (redisReaderGetReply(d->reader, &r) != REDIS_OK) {
            drop(d, d->reader->errstr, 0, false);
            return false;
        }
        if (r == NULL) {
            return true;
        }
        d->fed = 0;
        on = take_reply(d, r);
        free(r);
        if (!on) {
            return false;
        }
    }
}

static void
on_read(wr_watch_t *w)
{
    redis_t *d = WR_CONTAINER(w, redis_t, conn.watch);

    while (d->state == HELLO || d->state == READY) {
        char    buffer[16 * 1024];
        size_t  n = 0;
        wr_rc_t rc = wr_conn_recv(&d->conn, buffer, sizeof(buffer), &n);

        if (rc == WR_AGAIN) {
            break;
        }
        if (rc != WR_OK) {
            /* A kept connection that nobody uses may be closed silently. */
            drop(d, wr_queue_empty(&d->sent) && d->state == READY
                        ? NULL : "the connection was closed", 0, true);
            return;
        }
        d->fed += n;
        if (d->fed > MAX_REPLY) {
            drop(d, "its reply is too large", 0, false);
            return;
        }
        if (redisReaderFeed(d->reader, buffer, n) != REDIS_OK) {
            drop(d, "no memory for its reply", 0, false);
            return;
        }
        if (!read_replies(d)) {
            return;
        }
    }
    set_timer(d);
}

static void
on_write(wr_watch_t *w)
{
    redis_t *d = WR_CONTAINER(w, redis_t, conn.watch);

    if (d->state == CONNECTING) {
        int err = wr_conn_connected(&d->conn);

        if (err != 0) {
            drop(d, "connecting failed", err, false);
            return;
        }
        connected(d);
        if (d->state != DOWN && d->conn.watch.readable) {
            on_read(w);
        }
    } else if (d->state != DOWN) {
        send_out(d);
    }
}

static void
open_conn(redis_t *d)
{
    wr_rc_t rc;

    memset(&d->conn, 0, sizeof(d->conn));
    d->conn.watch.fd = -1;
    d->conn.watch.on_read = on_read;
    d->conn.watch.on_write = on_write;
    d->conn.peer_errors = 1;
    d->reader = redisReaderCreateWithFunctions(&functions);
    d->fed = 0;
    d->state = CONNECTING;
    if (d->reader == NULL) {
        drop(d, "no memory", 0, false);
        return;
    }
    rc = wr_conn_connect(&d->conn, &d->addrs[d->next_addr], NULL, &d->log);
    if (rc == WR_OK) {
        connected(d);
    } else if (rc != WR_AGAIN) {
        drop(d, NULL, 0, false);
    }
}

/* The pause after a failure: it doubles, and is never the same for all workers. */
static void
set_pause(redis_t *d)
{
    wr_msec_t ms = PAUSE_MIN << (d->failures < 6 ? d->failures : 6);
    uint32_t  random;

    wr_random_fast(&random, sizeof(random));
    ms = ms < PAUSE_MAX ? ms : PAUSE_MAX;
    d->retry_at = wr_clock.mono + ms / 2 + (wr_msec_t) (random % (uint32_t) (ms / 2 + 1));
    d->failures++;
    d->next_addr = (d->next_addr + 1) % d->naddrs;
}

/* Closes. With `retry`, what was under way on a connection that worked is sent once
 * more: all our commands may come twice. The others fail. */
static void
drop(redis_t *d, const char *why, int err, bool retry)
{
    bool        worked = d->state == READY && retry;
    wr_queue_t  failed, *q;

    if (why != NULL) {
        wr_log(&d->log, WR_LOG_ERR, err, "redis %.*s: %s", WR_ARG(d->name), why);
    }
    wr_conn_close(&d->conn);
    redisReaderFree(d->reader);     /* NULL is allowed */
    d->reader = NULL;
    wr_buf_free(&d->out);
    d->out_at = 0;
    d->state = DOWN;
    wr_queue_init(&failed);
    while ((q = wr_queue_last(&d->sent)) != NULL) {
        cmd_t *c = WR_QUEUE_ITEM(q, cmd_t, link);

        wr_queue_remove(q);
        if (worked && !c->again && !c->hello) {
            c->again = true;
            wr_queue_unshift(&d->queued, q);
        } else {
            wr_queue_unshift(&failed, q);
        }
    }
    if (!worked) {
        set_pause(d);
        while ((q = wr_queue_first(&d->queued)) != NULL) {
            wr_queue_remove(q);
            wr_queue_push(&failed, q);
        }
    }
    while ((q = wr_queue_first(&failed)) != NULL) {
        end_cmd(WR_QUEUE_ITEM(q, cmd_t, link), NULL);
    }
    if (!wr_queue_empty(&d->queued)) {
        wr_post(&d->post);
    }
    set_timer(d);
}

static void
posted(wr_post_t *p)
{
    redis_t *d = WR_CONTAINER(p, redis_t, post);

    if (d->state == DOWN && !wr_queue_empty(&d->queued)) {
        open_conn(d);
    } else {
        flush(d);
    }
    set_timer(d);
}

static void
time_is_up(wr_timer_t *t)
{
    redis_t    *d = WR_CONTAINER(t, redis_t, timer);
    wr_queue_t *q = wr_queue_first(&d->sent);

    if (q == NULL) {
        q = wr_queue_first(&d->queued);
    }
    if (q == NULL || WR_QUEUE_ITEM(q, cmd_t, link)->deadline > wr_clock.mono) {
        set_timer(d);
        return;
    }
    /* Replies come in order: behind one that does not come there are none. */
    drop(d, d->state == CONNECTING ? "connecting timed out" : "it does not answer in time",
         0, false);
}

cmd_t *
redis_send(redis_t *d, int argc, const wr_str_t *argv,
           void (*done)(void *data, const reply_t *reply), void *data)
{
    cmd_t *c;

    if (d->state == DOWN && d->retry_at > wr_clock.mono) {
        done(data, NULL);
        return NULL;
    }
    c = new_cmd(d, argc, argv);
    if (c == NULL) {
        done(data, NULL);
        return NULL;
    }
    c->done = done;
    c->data = data;
    wr_queue_push(&d->queued, &c->link);
    wr_post(&d->post);
    set_timer(d);
    return c;
}

/* ---- conf ---- */

static void
free_redis(void *data)
{
    redis_t *d = data;

    wr_timer_cancel(&d->timer);
    wr_unpost(&d->post);
    if (d->state != DOWN) {
        wr_conn_close(&d->conn);
    }
    redisReaderFree(d->reader);
    wr_buf_free(&d->out);
    for (unsigned i = 0; i < 2; i++) {
        wr_queue_t *q, *list = i == 0 ? &d->sent : &d->queued;

        while ((q = wr_queue_first(list)) != NULL) {
            WR_QUEUE_ITEM(q, cmd_t, link)->done = NULL;
            end_cmd(WR_QUEUE_ITEM(q, cmd_t, link), NULL);
        }
    }
}

void
redis_user(redis_t *d, wr_str_t user, wr_str_t password)
{
    d->user = user;
    d->password = password;
    d->auth = true;
}

void
redis_db(redis_t *d, int64_t db)
{
    d->db = db;
}

void
redis_timeout(redis_t *d, wr_msec_t ms)
{
    d->timeout = ms;
}

/* "[user:password@]host[:port][/db]" */
static bool
parse_url(wr_conf_t *cf, const wr_tok_t *arg, wr_str_t s, redis_t *d)
{
    ssize_t   at = wr_str_rchr(s, '@'), slash, colon;
    wr_addr_t addr;
    wr_str_t  host;
    const char *why;

    if (at >= 0) {
        wr_str_t auth = wr_str(s.p, (size_t) at);

        colon = wr_str_chr(auth, ':');
        d->auth = true;
        if (colon >= 0) {
            d->user = wr_uri_unescape(cf->pool, wr_str(auth.p, (size_t) colon), false);
            d->password = wr_uri_unescape(cf->pool, wr_str_skip(auth, (size_t) colon + 1),
                                          false);
        } else {
            d->password = wr_uri_unescape(cf->pool, auth, false);
        }
        s = wr_str_skip(s, (size_t) at + 1);
    }
    slash = wr_str_chr(s, '/');
    if (slash >= 0) {
        wr_str_t db = wr_str_skip(s, (size_t) slash + 1);

        if (db.n != 0 && !wr_parse_int(db, &d->db)) {
            (void) wr_conf_fail(cf, arg, "invalid database \"%.*s\"", WR_ARG(db));
            return false;
        }
        s = wr_str(s.p, (size_t) slash);
    }
    d->name = wr_pool_str(cf->pool, s);
    d->addrs = WR_NEW(cf->pool, wr_addr_t);
    d->naddrs = 1;
    if (wr_addr_parse(&addr, s, 6379)) {
        *d->addrs = addr;
        return true;
    }
    colon = wr_str_rchr(s, ':');
    host = colon >= 0 ? wr_str(s.p, (size_t) colon) : s;
    {
        int64_t port = 6379;

        if (host.n == 0 || (colon >= 0 && (!wr_parse_int(wr_str_skip(s, (size_t) colon + 1),
                                                         &port) || port < 1 || port > 65535)))
        {
            (void) wr_conf_fail(cf, arg, "invalid address \"%.*s\"", WR_ARG(s));
            return false;
        }
        if (!wr_resolve_now(cf->pool, host, &d->addrs, &d->naddrs, &why)) {
            (void) wr_conf_fail(cf, arg, "host not found: \"%.*s\" (%s)", WR_ARG(host), why);
            return false;
        }
        for (unsigned i = 0; i < d->naddrs; i++) {
            wr_addr_set_port(&d->addrs[i], (int) port);
        }
    }
    return true;
}

redis_t *
redis_new(wr_conf_t *cf, const wr_tok_t *arg)
{
    redis_t *d = WR_NEW(cf->pool, redis_t);
    wr_str_t s = wr_pool_str(cf->pool, arg->text);

    d->log = wr_log_main;
    d->conn.watch.fd = -1;
    d->post.fn = posted;
    d->timer.fn = time_is_up;
    d->out = wr_buf(NULL);
    wr_queue_init(&d->queued);
    wr_queue_init(&d->sent);
    wr_queue_init(&d->saving);
    wr_pool_on_free(cf->pool, free_redis, d);
    if (wr_str_starts(s, WR_STR("redis://unix:"))) {
        s = wr_str_skip(s, 8);
    }
    if (wr_str_starts(s, WR_STR("unix:"))) {
        d->addrs = WR_NEW(cf->pool, wr_addr_t);
        d->naddrs = 1;
        d->name = s;
        if (!wr_addr_parse(d->addrs, s, 0)) {
            (void) wr_conf_fail(cf, arg, "invalid address \"%.*s\"", WR_ARG(s));
            return NULL;
        }
        return d;
    }
    if (!wr_str_starts(s, WR_STR("redis://"))) {
        (void) wr_conf_fail(cf, arg, "invalid address \"%.*s\": it begins with redis://",
                            WR_ARG(s));
        return NULL;
    }
    return parse_url(cf, arg, wr_str_skip(s, 8), d) ? d : NULL;
}
