/*
 * session: one connection to Redis. The socket, TLS, its time-outs and its renewal are
 * here; hiredis only writes the commands and reads the replies.
 *
 * With sentinels a link is first connected to one of them, which says where the master
 * is, and then to that.
 */
#include "redis.h"

#include <errno.h>

enum { MAX_REPLY = 4 * 1024 * 1024 };   /* more is not a session's */

static void connect_to(link_t *l);
static void next_address(link_t *l);

/* ---- closing ---- */

static void
close_conn(link_t *l)
{
    wr_conn_close(&l->conn);
    redisReaderFree(l->reader);     /* NULL is allowed */
    l->reader = NULL;
    wr_buf_free(&l->out);
    l->out_at = 0;
    l->state = DOWN;
}

static void
leave_pool(link_t *l)
{
    if (l->query != NULL) {
        l->query->op.done = NULL;       /* whoever completes it finds nobody */
        wr_op_cancel(&l->query->op);
        l->query = NULL;
    }
    wr_pool_free(l->pool);
    l->pool = NULL;
}

void
link_drop(link_t *l, const char *why, int err, bool retry)
{
    redis_t   *d = l->d;
    bool       worked = l->state == READY && retry, twice = false;
    wr_queue_t failed, *q;

    if (why != NULL) {
        /* That it is still away is no news. */
        wr_log(&d->log, d->failures == 0 ? WR_LOG_ERR : WR_LOG_INFO, err, "redis %.*s: %s",
               WR_ARG(d->name), why);
    }
    wr_timer_cancel(&l->timer);
    close_conn(l);
    leave_pool(l);
    wr_queue_init(&failed);
    while ((q = wr_queue_last(&l->sent)) != NULL) {
        cmd_t *c = WR_QUEUE_ITEM(q, cmd_t, link);

        wr_queue_remove(q);
        if (worked && !c->again && c->hello == HELLO_NONE) {
            c->again = true;
            wr_queue_unshift(&d->queued, q);
            d->nqueued++;
        } else {
            twice |= c->again;
            wr_queue_unshift(&failed, q);
        }
    }
    l->nsent = 0;
    if (worked && !twice) {
        wr_post(&d->post);
    } else {
        redis_failed(d);
    }
    while ((q = wr_queue_first(&failed)) != NULL) {
        redis_end_cmd(WR_QUEUE_ITEM(q, cmd_t, link), NULL);
    }
}

/* The attempt goes on with the name's next address, or the next sentinel. */
static void
give_up(link_t *l, const char *why, int err)
{
    redis_t    *d = l->d;
    wr_queue_t *q;

    if (l->state == CONNECTING && err != 0 && l->naddrs != 0) {
        close_conn(l);
        next_address(l);
        return;
    }
    if (!l->asking || ++l->tried >= d->endpoints.n) {
        link_drop(l, why, err, false);
        return;
    }
    if (why != NULL) {
        wr_log(&d->log, WR_LOG_WARN, err, "redis %.*s: sentinel %.*s:%d: %s",
               WR_ARG(d->name), WR_ARG(l->at.host), l->at.port, why);
    }
    close_conn(l);
    while ((q = wr_queue_first(&l->sent)) != NULL) {
        redis_end_cmd(WR_QUEUE_ITEM(q, cmd_t, link), NULL);
    }
    l->nsent = 0;
    d->next++;
    l->naddrs = 0;
    l->at = *WR_AT(&d->endpoints, endpoint_t, d->next % d->endpoints.n);
    connect_to(l);
}

/* ---- time ---- */

static void
set_timer(link_t *l)
{
    wr_queue_t *q = wr_queue_first(&l->sent);
    wr_msec_t   when;

    if (l->state == DOWN || (l->state == READY && q == NULL)) {
        wr_timer_cancel(&l->timer);
        return;
    }
    when = l->state == READY ? WR_QUEUE_ITEM(q, cmd_t, link)->deadline : l->until;
    wr_timer_set(&l->timer, when > wr_clock.mono ? when - wr_clock.mono : 0);
}

static void
time_is_up(wr_timer_t *t)
{
    link_t     *l = WR_CONTAINER(t, link_t, timer);
    wr_queue_t *q = wr_queue_first(&l->sent);

    if (l->state != READY) {
        give_up(l, l->state == RESOLVING    ? "its name is not resolved in time"
                   : l->state == CONNECTING ? "connecting timed out"
                                            : "it does not answer in time",
                0);
    } else if (q != NULL && WR_QUEUE_ITEM(q, cmd_t, link)->deadline <= wr_clock.mono) {
        /* Replies come in order: behind one that does not come there are none. */
        link_drop(l, "it does not answer in time", 0, false);
    } else {
        set_timer(l);
    }
}

/* ---- sending ---- */

static void
send_out(link_t *l)
{
    while (l->out_at < l->out.n) {
        struct iovec iov = {l->out.p + l->out_at, l->out.n - l->out_at};
        size_t       n = 0;
        wr_rc_t      rc = wr_conn_send(&l->conn, &iov, 1, false, &n);

        l->out_at += n;
        if (rc == WR_AGAIN) {
            return;
        }
        if (rc != WR_OK) {
            link_drop(l, "sending failed", errno, true);
            return;
        }
    }
    l->out.n = l->out_at = 0;
    if (l->out.cap > 256 * 1024) {
        wr_buf_free(&l->out);
    }
}

void
link_add(link_t *l, cmd_t *c)
{
    wr_queue_push(&l->sent, &c->link);
    l->nsent++;
    wr_buf_add(&l->out, c->bytes, c->n);
}

void
link_flush(link_t *l)
{
    if (l->state == HELLO || l->state == READY) {
        send_out(l);
    }
    set_timer(l);
}

/* ---- replies ---- */

static bool
is_error(const reply_t *r, const char *what)
{
    return r->type == REDIS_REPLY_ERROR && wr_str_starts(r->text, wr_str_z(what));
}

/* An answer that says something of the server, not of the command. */
static const char *
unfit(const reply_t *r)
{
    return r->type != REDIS_REPLY_ERROR ? NULL
         : is_error(r, "READONLY")      ? "it has become a replica"
         : is_error(r, "NOAUTH")        ? "it wants a password"
         : is_error(r, "LOADING")       ? "it is loading its data"
         : is_error(r, "MASTERDOWN")    ? "it has lost its master"
                                        : NULL;
}

static void
hello_done(link_t *l)
{
    if (l->asking) {        /* the sentinel has said where the master is */
        close_conn(l);
        l->asking = false;
        l->naddrs = 0;
        connect_to(l);
        return;
    }
    leave_pool(l);
    l->state = READY;
    redis_is_well(l->d);
}

/* False: this connection is gone. */
static bool
take_reply(link_t *l, const reply_t *r)
{
    wr_queue_t *q = wr_queue_first(&l->sent);
    const char *why;
    cmd_t      *c;

    if (q == NULL) {
        link_drop(l, "a reply that nobody asked for", 0, false);
        return false;
    }
    c = WR_QUEUE_ITEM(q, cmd_t, link);
    if (c->hello != HELLO_NONE && !hello_take(l, c, r, &why)) {
        give_up(l, why, 0);
        return false;
    }
    if (c->hello == HELLO_NONE && (why = unfit(r)) != NULL) {
        /* A new connection may find the master elsewhere. */
        link_drop(l, why, 0, is_error(r, "READONLY"));
        return false;
    }
    l->nsent--;
    redis_end_cmd(c, r);
    if (l->state == HELLO && wr_queue_empty(&l->sent)) {
        hello_done(l);
        return l->state == READY;
    }
    return l->state != DOWN;
}

/* False: this connection is gone. */
static bool
read_replies(link_t *l)
{
    for (;;) {
        void *r = NULL;
        bool  on;

        if (redisReaderGetReply(l->reader, &r) != REDIS_OK) {
            give_up(l, l->reader->errstr, 0);
            return false;
        }
        if (r == NULL) {
            return true;
        }
        l->fed = 0;
        on = take_reply(l, r);
        redis_free_reply(r);
        if (!on) {
            return false;
        }
    }
}

static void
read_all(link_t *l)
{
    while (l->state == HELLO || l->state == READY) {
        char    buffer[16 * 1024];
        size_t  n = 0;
        wr_rc_t rc = wr_conn_recv(&l->conn, buffer, sizeof(buffer), &n);

        if (rc == WR_AGAIN) {
            break;
        }
        if (rc != WR_OK && l->state == READY) {
            /* A kept connection that nobody uses may be closed silently. */
            link_drop(l, wr_queue_empty(&l->sent) ? NULL : "the connection was closed", 0,
                      true);
            return;
        }
        if (rc != WR_OK) {
            give_up(l, "the connection was closed", 0);
            return;
        }
        l->fed += n;
        if (l->fed > MAX_REPLY || redisReaderFeed(l->reader, buffer, n) != REDIS_OK) {
            give_up(l, "its reply is too large", 0);
            return;
        }
        if (!read_replies(l)) {
            return;
        }
        if (n < sizeof(buffer) && !l->conn.watch.readable) {
            break;
        }
    }
    set_timer(l);
}

/* ---- opening ---- */

static void
secured(link_t *l)
{
    l->state = HELLO;
    (void) wr_conn_nodelay(&l->conn);
    hello_begin(l);
    if (wr_queue_empty(&l->sent)) {
        hello_done(l);
        return;
    }
    link_flush(l);
    if (l->state != DOWN && l->conn.watch.readable) {
        read_all(l);
    }
}

static wr_str_t
tls_name(const link_t *l)
{
    return l->d->tls_name.n != 0 ? l->d->tls_name : l->at.host;
}

static void
handshake(link_t *l)
{
    wr_rc_t rc = wr_tls_handshake(&l->conn);

    if (rc == WR_AGAIN) {
        return;
    }
    if (rc != WR_OK || !wr_tls_client_check(&l->conn, l->d->tls_client, tls_name(l))) {
        give_up(l, "the TLS handshake failed", 0);
        return;
    }
    secured(l);
}

static void
connected(link_t *l)
{
    if (l->d->tls_client == NULL) {
        secured(l);
        return;
    }
    l->state = HANDSHAKE;
    if (wr_tls_client_begin(&l->conn, l->d->tls_client, tls_name(l), true) != WR_OK) {
        give_up(l, "TLS cannot begin", 0);
        return;
    }
    handshake(l);
}

static void
on_read(wr_watch_t *w)
{
    link_t *l = WR_CONTAINER(w, link_t, conn.watch);

    if (l->state == HANDSHAKE) {
        handshake(l);
    } else {
        read_all(l);
    }
}

static void
on_write(wr_watch_t *w)
{
    link_t *l = WR_CONTAINER(w, link_t, conn.watch);

    if (l->state == CONNECTING) {
        int err = wr_conn_connected(&l->conn);

        if (err != 0) {
            give_up(l, "connecting failed", err);
        } else {
            connected(l);
        }
    } else if (l->state == HANDSHAKE) {
        handshake(l);
    } else if (l->state != DOWN) {
        send_out(l);
    }
}

static void
next_address(link_t *l)
{
    l->at.addr = *l->addrs++;
    l->naddrs--;
    wr_addr_set_port(&l->at.addr, l->at.port);
    connect_to(l);
}

static void
resolved(wr_op_t *op)
{
    link_t       *l = op->waiter;
    wr_resolve_t *q = l->query;

    l->query = NULL;
    if (op->rc != WR_OK || q->n == 0) {
        give_up(l, wr_resolve_error(q->code), 0);
        return;
    }
    l->addrs = q->addrs;
    l->naddrs = q->n;
    next_address(l);
}

static void
resolve(link_t *l)
{
    l->state = RESOLVING;
    l->query = WR_NEW(l->pool, wr_resolve_t);
    wr_resolve_start(wr_resolver_default(), l->query, l->pool, l->at.host, l->d->timeout);
    l->query->op.waiter = l;
    if (l->query->op.state == WR_OP_DONE) {
        resolved(&l->query->op);
    } else {
        l->query->op.done = resolved;
    }
}

/* To l->at. */
static void
connect_to(link_t *l)
{
    redis_t *d = l->d;
    wr_rc_t  rc;

    /* A silent sentinel must leave time for the others. */
    l->until = wr_clock.mono
               + (l->asking ? d->timeout / (d->endpoints.n + 1) : d->timeout);
    wr_timer_set(&l->timer, l->until - wr_clock.mono);
    if (l->at.addr.len == 0) {
        resolve(l);
        return;
    }
    memset(&l->conn, 0, sizeof(l->conn));
    l->conn.watch.fd = -1;
    l->conn.watch.on_read = on_read;
    l->conn.watch.on_write = on_write;
    l->conn.peer_errors = 1;
    l->reader = redisReaderCreateWithFunctions(&redis_functions);
    l->fed = 0;
    l->state = CONNECTING;
    if (l->reader == NULL) {
        give_up(l, "no memory", 0);
        return;
    }
    l->reader->maxbuf = 16 * 1024;
    rc = wr_conn_connect(&l->conn, &l->at.addr, NULL, &d->log);
    if (rc == WR_OK) {
        connected(l);
    } else if (rc != WR_AGAIN) {
        give_up(l, NULL, errno);
    }
}

void
link_open(link_t *l)
{
    redis_t *d = l->d;

    d->log = wr_log_main;       /* the worker's */
    l->pool = wr_pool_new();
    l->tried = 0;
    l->naddrs = 0;
    l->asking = d->master.n != 0;
    l->at = *WR_AT(&d->endpoints, endpoint_t, d->next % d->endpoints.n);
    connect_to(l);
}

void
link_init(link_t *l, redis_t *d)
{
    l->d = d;
    l->conn.watch.fd = -1;
    l->timer.fn = time_is_up;
    l->out = wr_buf(NULL);
    wr_queue_init(&l->sent);
}

void
link_free(link_t *l)
{
    wr_queue_t *q;

    wr_timer_cancel(&l->timer);
    close_conn(l);
    leave_pool(l);
    while ((q = wr_queue_first(&l->sent)) != NULL) {
        WR_QUEUE_ITEM(q, cmd_t, link)->done = NULL;
        redis_end_cmd(WR_QUEUE_ITEM(q, cmd_t, link), NULL);
    }
}
