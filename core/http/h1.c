/*
 * HTTP/1.x: the life of a connection.
 *
 * An entry from the loop (readable, writable, timer) is framed by wr_h1_enter and
 * wr_h1_leave; what ends meanwhile only sets flags, and leave runs the next
 * pipelined request or frees. So nothing recurses and nothing is freed under a
 * function that still uses it.
 */
#include <weir/http/h1_priv.h>

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <weir/http/status.h>
#include <weir/net/proxy_protocol.h>
#include <weir/net/tls.h>
#include <weir/process/cycle.h>

enum { RETIRE_IDLE_MS = 5000, FIRST_READ = 16384 };

static const wr_http_core_t *
core_of(const wr_h1_t *h)
{
    return h->req != NULL ? wr_http_core(h->req)
                          : h->endpoint->default_server
                                ->conf[wr_http_core_module.schema.index];
}

/* ---- lines in the log ---- */

static const char *
doing(const wr_h1_t *h)
{
    switch (h->state) {
    case H1_PROXY:
        return " while reading PROXY protocol";
    case H1_FIRST:
    case H1_TLS:
        return " while SSL handshaking";
    case H1_HEAD:
        return h->requests == 0 ? " while waiting for request" : " while keepalive";
    default:
        return "";
    }
}

static void
describe(void *conn, wr_buf_t *line)
{
    const wr_h1_t *h = WR_CONTAINER(conn, wr_h1_t, conn);

    wr_buf_add(line, doing(h), strlen(doing(h)));
    wr_client_put(line, &h->peer.u.sa, h->peer.len, h->endpoint);
}

static wr_log_t own_log;         /* while it has no request */

/* ---- closing ---- */

/* The buffer that was let go last, for whoever reads next: it is warm. */
static struct {
    char    *p;
    uint32_t cap;
} spare;

void
wr_h1_drop_buffer(wr_h1_t *h)
{
    if (h->buf != NULL) {
        free(spare.p);
        spare.p = h->buf;
        spare.cap = h->cap;
    }
    h->buf = NULL;
    h->cap = h->pos = h->end = 0;
}

static void
drop_request(wr_h1_t *h)
{
    wr_req_t *r = h->req;

    h->req = NULL;
    h->hr = NULL;
    h->conn.log = wr_client_log(&own_log, describe);
    wr_req_free(r);
}

void
wr_h1_close(wr_h1_t *h)
{
    if (h->state == H1_DEAD) {
        return;
    }
    if (h->req != NULL && h->hr != NULL && !h->hr->finishing) {
        /* The request still runs: it is told and comes back by finish(). */
        wr_h1_drop_out(h);
        if (h->req->shielded || !h->req->aborted) {
            wr_req_abort(h->req);
            return;
        }
        return;
    }
    h->state = H1_DEAD;
    wr_h1_drop_out(h);
    if (h->req != NULL) {
        wr_req_t *r = h->req;

        wr_unpost(&h->hr->go_on);
        wr_req_log(r);
        r->conn = NULL;
        drop_request(h);
    }
    wr_client_remove(&h->client);
    wr_conn_close(&h->conn);
    if (h->busy == 0) {
        wr_h1_drop_buffer(h);
        free(h);
    }
}

void
wr_h1_abort(wr_h1_t *h, unsigned log_status)
{
    wr_req_t *r = h->req;

    if (r != NULL && r->shielded) {
        wr_req_abort(r);        /* later */
        return;
    }
    if (r != NULL && r->status == 0) {
        r->status = (uint16_t) log_status;
    }
    if (r != NULL) {
        r->keepalive = 0;
    }
    wr_h1_close(h);
}

/* ---- reading heads ---- */

static void
new_request(wr_h1_t *h)
{
    wr_req_t *r = wr_req_new(&wr_h1_front, h, &h->conn, h->endpoint->default_server);

    h->req = r;
    h->conn.log = &r->log;
    h->hr = WR_NEW(wr_pool(r), wr_h1_req_t);
    h->hr->h = h;
    h->hr->scan = h->pos;
    r->number = ++h->requests;
    r->pipelined = h->pipelined;
    h->pipelined = false;
    r->peer = wr_alloc(wr_pool(r), sizeof(*r->peer));
    r->peer->len = h->peer.len;
    memcpy(&r->peer->u, &h->peer.u, sizeof(h->peer.u));
    wr_req_has_peer(r);
    r->log.action = wr_h1_reads_line(r);
    h->idle = false;
    wr_client_idle(&h->client, false);
}

/* Runs as many requests as are in the buffer and do not wait. */
static void
run(wr_h1_t *h)
{
    while (h->state == H1_HEAD && h->pos < h->end) {
        if (h->req == NULL) {
            new_request(h);
        }
        switch (wr_h1_parse(h)) {
        case WR_OK:
            wr_req_run(h->req);
            break;
        case WR_AGAIN:
            return;
        default:
            break;
        }
    }
}

static void
log_closed(const wr_h1_t *h)
{
    wr_log_t log = *wr_cycle->log;
    char     text[WR_ADDR_TEXT];
    size_t   n;

    if (h->req != NULL || h->requests == 0) {
        wr_log(wr_conn_log(&h->conn), WR_LOG_INFO, 0, "client %sclosed connection",
               h->req != NULL ? "prematurely " : "");
    } else if (log.level >= WR_LOG_INFO) {
        n = wr_addr_put(text, sizeof(text), &h->peer.u.sa, h->peer.len, false);
        log.conn = h->conn.number;
        wr_log(&log, WR_LOG_INFO, 0, "client %.*s closed keepalive connection", (int) n,
               text);
    }
}

bool
wr_h1_fill(wr_h1_t *h)
{
    size_t  n, room;
    wr_rc_t rc;

    if (h->buf == NULL) {
        h->cap = (uint32_t) core_of(h)->client_header_buffer_size;
        if (h->state == H1_PROXY) {
            h->cap = wr_max_size(h->cap, WR_PROXY_MAX);
        }
        if (spare.cap == h->cap) {
            h->buf = spare.p;
            spare.p = NULL;
            spare.cap = 0;
        } else {
            h->buf = malloc(h->cap);
            WR_ASSERT(h->buf != NULL);
        }
        h->pos = h->end = 0;
    } else if (h->req == NULL && h->pos == h->end) {
        h->pos = h->end = 0;
    }
    room = h->cap - h->end;
    if (h->state <= H1_FIRST) {
        room = wr_min_size(room, FIRST_READ);   /* the rest may be TLS's to read */
    }
    rc = wr_conn_recv(&h->conn, h->buf + h->end, room, &n);
    if (rc == WR_OK) {
        h->end += (uint32_t) n;
        return true;
    }
    if (rc == WR_AGAIN) {
        if (h->req == NULL && h->pos == h->end) {
            wr_h1_drop_buffer(h);
        }
        return false;
    }
    if (rc == WR_CLOSED) {
        log_closed(h);
    }
    if (h->req != NULL) {
        h->hr->finishing = true;
        h->req->status = 400;
    }
    wr_h1_close(h);
    return false;
}

bool
wr_h1_use_bytes(wr_h1_t *h)
{
    if (h->buf[h->pos] == 'P') {
        wr_rc_t rc = wr_h1_test_http2(h);

        if (rc != WR_DECLINED) {
            return rc == WR_AGAIN;
        }
    }
    run(h);
    return true;
}

void
wr_h1_read_head(wr_h1_t *h)
{
    do {
        if (!wr_h1_fill(h) || !wr_h1_use_bytes(h)) {
            return;
        }
    } while (h->state == H1_HEAD && h->conn.watch.readable);
}

/* ---- between requests ---- */

/* The worker ends: an idle connection waits a little for a request that is on its
 * way, or, where the whole server ends, for none. */
static void
client_quit(wr_client_t *c, bool now)
{
    wr_h1_t  *h = WR_CONTAINER(c, wr_h1_t, client);
    wr_msec_t left = 0;

    if (h->state > H1_HEAD || h->req != NULL) {
        return;
    }
    if (h->idle && h->requests != 0) {
        /* Idle since its timer was set. */
        left = core_of(h)->keepalive_min_timeout
               - (wr_clock.mono - (h->conn.timer.when - h->keepalive));
    }
    if (now && left <= 0) {
        wr_h1_close(h);
        return;
    }
    if (!now && left < RETIRE_IDLE_MS) {
        left = RETIRE_IDLE_MS;
    }
    wr_timer_cancel(&h->conn.timer);
    wr_timer_set(&h->conn.timer, left);
}

static void
set_idle(wr_h1_t *h)
{
    const wr_http_core_t *core = h->endpoint->default_server
                                     ->conf[wr_http_core_module.schema.index];

    h->idle = true;
    wr_h1_drop_buffer(h);
    wr_client_idle(&h->client, true);
    wr_timer_set(&h->conn.timer, h->requests != 0 ? h->keepalive
                                                  : core->client_header_timeout);
    if (wr_worker.quitting) {   /* the answer's head was out before: it said keep-alive */
        client_quit(&h->client, wr_worker.stopping);
    }
}

/* Moves what was read behind the last request to the front; a large buffer gives
 * way to a usual one. */
static void
keep_rest(wr_h1_t *h)
{
    uint32_t rest = h->end - h->pos;
    size_t   usual = core_of(h)->client_header_buffer_size;

    if (h->cap > usual) {
        size_t size = wr_max_size(usual, rest);
        char  *buf = malloc(size);

        WR_ASSERT(buf != NULL);
        memcpy(buf, h->buf + h->pos, rest);
        free(h->buf);
        h->buf = buf;
        h->cap = (uint32_t) size;
    } else if (h->pos != 0 && rest != 0) {
        memmove(h->buf, h->buf + h->pos, rest);
    }
    h->pos = 0;
    h->end = rest;
}

void
wr_h1_keep(wr_h1_t *h, const char *p, size_t n)
{
    size_t usual = core_of(h)->client_header_buffer_size;
    char  *buf = malloc(wr_max_size(usual, n));

    WR_ASSERT(buf != NULL);
    memcpy(buf, p, n);
    /* The request's head still points into the old one. */
    wr_pool_on_free(wr_pool(h->req), free, h->buf);
    h->buf = buf;
    h->cap = (uint32_t) wr_max_size(usual, n);
    h->pos = 0;
    h->end = (uint32_t) n;
}

static void
linger(wr_h1_t *h)
{
    const wr_http_core_t *core = core_of(h);

    if (core->lingering_close == 0
        || (core->lingering_close == 1 && h->hr->body_done && h->pos == h->end
            && !h->hr->body_broken && !h->conn.watch.readable
            && (h->conn.tls == NULL || !wr_tls_is_early(h->conn.tls))))
    {
        wr_h1_close(h);
        return;
    }
    if (h->conn.eof || h->conn.error || h->conn.io->shutdown(&h->conn) != WR_OK) {
        wr_h1_close(h);
        return;
    }
    h->linger_until = wr_clock.mono + core->lingering_time;
    h->linger_step = (uint32_t) core->lingering_timeout;
    wr_req_log(h->req);
    drop_request(h);
    wr_h1_drop_buffer(h);
    h->state = H1_LINGER;
    wr_timer_set(&h->conn.timer, h->linger_step);
    wr_h1_linger(h);
}

void
wr_h1_linger(wr_h1_t *h)
{
    char   trash[4096];
    size_t n;

    for (;;) {
        wr_rc_t rc = wr_conn_recv(&h->conn, trash, sizeof(trash), &n);

        if (rc == WR_AGAIN) {
            return;
        }
        if (rc != WR_OK || wr_clock.mono >= h->linger_until) {
            wr_h1_close(h);
            return;
        }
        wr_timer_set(&h->conn.timer, h->linger_step);
        if (!h->conn.watch.readable) {
            return;
        }
    }
}

/* The answer is out and the body is read: what comes next. */
static void
request_done(wr_h1_t *h)
{
    wr_req_t             *r = h->req;
    const wr_http_core_t *core = wr_http_core(r);

    if (!r->keepalive || h->conn.error) {
        if (h->conn.error) {
            wr_h1_close(h);
        } else {
            linger(h);
        }
        return;
    }
    h->keepalive = core->keepalive_timeout;
    wr_req_log(r);
    drop_request(h);
    keep_rest(h);
    h->pipelined = h->end != 0;
    h->state = H1_HEAD;
    h->again = true;
}

void
wr_h1_maybe_done(wr_h1_t *h)
{
    wr_req_t *r = h->req;

    if (r == NULL || h->hr == NULL || !h->hr->finishing || h->out != NULL
        || h->state == H1_DEAD)
    {
        return;
    }
    if (!h->hr->body_done && r->keepalive) {
        h->state = H1_DRAIN;
        switch (wr_h1_drop_body(h)) {
        case WR_OK:
            break;
        case WR_AGAIN:
            wr_timer_set(&h->conn.timer, wr_http_core(r)->lingering_timeout);
            return;
        default:
            r->keepalive = 0;
        }
    }
    request_done(h);
}

/* ---- entries from the loop ---- */

void
wr_h1_enter(wr_h1_t *h)
{
    h->busy++;
}

void
wr_h1_leave(wr_h1_t *h)
{
    if (h->busy == 1) {
        while (h->again && h->state == H1_HEAD) {
            h->again = false;
            if (h->pos < h->end) {
                run(h);
            }
            if (h->again || h->state != H1_HEAD) {
                continue;
            }
            if (h->conn.watch.readable) {
                wr_h1_read_head(h);
            }
            if (!h->again && h->state == H1_HEAD && h->req == NULL && h->pos == h->end) {
                set_idle(h);
            }
        }
    }
    if (--h->busy == 0 && h->state == H1_DEAD) {
        wr_h1_drop_buffer(h);
        free(h);
    }
}

static void
on_read(wr_watch_t *w)
{
    wr_h1_t *h = WR_CONTAINER(w, wr_h1_t, conn.watch);

    wr_h1_enter(h);
    switch (h->state) {
    case H1_PROXY:
    case H1_FIRST:
    case H1_TLS:
        wr_h1_begin(h);
        break;
    case H1_HEAD:
        wr_h1_read_head(h);
        break;
    case H1_RUN:
        wr_h1_body_ready(h);
        break;
    case H1_DRAIN:
        wr_h1_maybe_done(h);
        break;
    case H1_LINGER:
        wr_h1_linger(h);
        break;
    default:
        break;
    }
    wr_h1_leave(h);
}

static void
on_write(wr_watch_t *w)
{
    wr_h1_t *h = WR_CONTAINER(w, wr_h1_t, conn.watch);

    wr_h1_enter(h);
    if (h->state == H1_TLS) {
        wr_h1_begin(h);
    } else if (h->out != NULL && h->hr != NULL && !h->hr->delayed) {
        (void) wr_h1_write(h);
        wr_h1_maybe_done(h);
    }
    wr_h1_leave(h);
}

static void
timed_out(wr_h1_t *h, unsigned status)
{
    bool reset = core_of(h)->reset_timedout_connection;

    wr_log(wr_conn_log(&h->conn), WR_LOG_INFO, ETIMEDOUT, "client timed out");
    if (reset) {
        struct linger now = {1, 0};

        (void) setsockopt(h->conn.watch.fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    }
    if (h->hr != NULL && h->state == H1_HEAD) {
        h->hr->finishing = true;
    }
    h->conn.error = true;
    wr_h1_abort(h, status);
}

static void
on_timer(wr_timer_t *t)
{
    wr_h1_t *h = WR_CONTAINER(t, wr_h1_t, conn.timer);

    wr_h1_enter(h);
    switch (h->state) {
    case H1_PROXY:
    case H1_FIRST:
    case H1_TLS:
    case H1_HEAD:
        if (h->req != NULL) {
            timed_out(h, 408);
            break;
        }
        if (h->requests == 0) {
            wr_log(wr_conn_log(&h->conn), WR_LOG_INFO, ETIMEDOUT, "client timed out");
        }
        wr_h1_close(h);
        break;
    case H1_RUN:
        if (h->hr->delayed) {
            h->hr->delayed = false;
            (void) wr_h1_write(h);
            wr_h1_maybe_done(h);
        } else if (h->out != NULL && h->hr->blocked) {
            timed_out(h, 408);
        } else if (h->hr->want_body && !h->hr->body_done) {
            timed_out(h, 408);
        }
        break;
    case H1_DRAIN:
    case H1_LINGER:
        wr_h1_close(h);
        break;
    default:
        break;
    }
    wr_h1_leave(h);
}

/* ---- the front ---- */

static void
finish(wr_req_t *r, wr_rc_t outcome)
{
    wr_h1_t *h = r->front_data;

    wr_h1_enter(h);
    h->hr->finishing = true;
    if (outcome < 0 || r->closed || r->upgraded) {
        if (r->aborted && r->status == 0) {
            r->status = WR_STATUS_CLIENT_CLOSED;
        }
        r->keepalive = 0;
        wr_h1_close(h);
    } else {
        if (h->out != NULL) {
            (void) wr_h1_write(h);
        }
        wr_h1_maybe_done(h);
    }
    wr_h1_leave(h);
}

static wr_conn_t *
take_conn(wr_req_t *r, wr_str_t *early)
{
    wr_h1_t *h = r->front_data;

    (void) wr_h1_write(h);      /* the head of the 101: too small to be cut */
    *early = wr_str(h->buf + h->pos, h->end - h->pos);
    h->pos = h->end;
    h->state = H1_TUNNEL;
    r->upgraded = 1;
    r->keepalive = 0;
    return &h->conn;
}

static wr_str_t
line_so_far(const wr_req_t *r)
{
    const wr_h1_t *h = r->front_data;
    wr_str_t       text;
    size_t         n = 0;

    if (h->req != r || h->buf == NULL || h->state != H1_HEAD || h->hr->have_line) {
        return WR_STR_NONE;
    }
    text = wr_str(h->buf + h->pos, h->end - h->pos);
    while (n < text.n && text.p[n] != '\r' && text.p[n] != '\n') {
        n++;
    }
    return wr_str_sub(text, 0, n);
}

static bool
has_left(const wr_req_t *r)
{
    const wr_h1_t *h = r->front_data;

    return h->conn.watch.hup;
}

static void
end_if_left(wr_req_t *r)
{
    wr_h1_t *h = r->front_data;

    wr_h1_enter(h);
    if (h->state == H1_RUN) {
        wr_h1_end_if_left(h);
    }
    wr_h1_leave(h);
}

const wr_front_t wr_h1_front = {
    .name = "HTTP/1.1",
    .send_head = wr_h1_send_head,
    .send_body = wr_h1_send_body,
    .pending = wr_h1_pending,
    .read_body = wr_h1_read_body,
    .finish = finish,
    .send_continue = wr_h1_send_continue,
    .line_so_far = line_so_far,
    .has_left = has_left,
    .end_if_left = end_if_left,
    .take_conn = take_conn,
};

static void
client_close(wr_client_t *c)
{
    wr_h1_t *h = WR_CONTAINER(c, wr_h1_t, client);

    wr_h1_enter(h);
    wr_h1_abort(h, WR_STATUS_CLIENT_CLOSED);
    wr_h1_leave(h);
}

static const wr_client_type_t client_type = {client_quit, client_close};

static void
set_options(const wr_h1_t *h, const wr_http_core_t *core, int fd)
{
    int one = 1;

    if (core->tcp_nodelay && h->peer.u.sa.sa_family != AF_UNIX) {
        (void) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    }
}

void
wr_h1_accept(wr_listen_t *l, int fd, const struct sockaddr *sa, socklen_t len)
{
    wr_h1_t *h = calloc(1, sizeof(*h));

    WR_ASSERT(h != NULL);
    h->endpoint = wr_port_endpoint(l->data, fd);
    h->conn.number = wr_conn_next_number();
    h->out_tail = &h->out;
    h->born = wr_clock.mono;
    h->peer.len = (socklen_t) wr_min_size(len, sizeof(h->peer.u));
    memcpy(&h->peer.u, sa, h->peer.len);
    if (len == 0) {
        h->peer.u.sa.sa_family = AF_UNIX;
        h->peer.len = sizeof(sa_family_t);
    }
    if (wr_conn_open(&h->conn, fd, wr_client_log(&own_log, describe)) != WR_OK) {
        free(h);
        return;
    }
    h->conn.watch.on_read = on_read;
    h->conn.watch.on_write = on_write;
    h->conn.timer.fn = on_timer;
    h->state = h->endpoint->proxy_protocol ? H1_PROXY
               : h->endpoint->ssl          ? H1_FIRST
                                           : H1_HEAD;
    set_options(h, core_of(h), fd);
    wr_client_add(&h->client, &client_type);
    h->idle = true;
    wr_client_idle(&h->client, true);
    wr_timer_set(&h->conn.timer, core_of(h)->client_header_timeout);
}
