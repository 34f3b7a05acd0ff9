/*
 * proxy: passes requests to other servers.
 *
 * Steps: body (unless streamed) → peer → connected → answered → head sent → pump.
 * A failure before the answer's head goes to the next peer, as
 * proxy_next_upstream says.
 */
#include "proxy.h"

#include <errno.h>
#include <weir/http/status.h>

static wr_rc_t next_peer(wr_req_t *r, void *state);

/* ---- bookkeeping ---- */

void
proxy_count(proxy_t *p)
{
    wr_ustate_t *s = p->state;

    if (s == NULL) {
        return;
    }
    s->response_time = wr_clock.mono - s->started;
    s->bytes_received = p->x.bytes_received;
    s->bytes_sent = p->x.bytes_sent;
}

void
proxy_close(proxy_t *p)
{
    proxy_count(p);
    proxy_store_drop(p);
    wr_op_cancel(&p->sleep.op);
    wr_exchange_close(&p->x);
    wr_pick_done(&p->pick, false);
}

/* The request ends in whatever way: nothing stays open. */
static void
cleanup(void *data)
{
    proxy_close(data);
}

static void
put_upstream(wr_req_t *r, wr_buf_t *line)
{
    wr_ustates_t *u = r->upstream;
    wr_ustate_t  *s = wr_ustate_last(r);

    if (u != NULL && s != NULL) {
        wr_buf_printf(line, ", upstream: \"%.*s", WR_ARG(u->host));
        wr_buf_str(line, s->peer);
        if (wr_str_starts(s->peer, WR_STR("unix:"))) {
            wr_buf_char(line, ':');
        }
        wr_buf_str(line, u->uri);
        wr_buf_char(line, '"');
    }
}

/* ---- failing over ---- */

/* Whether a failure of this kind may go to a further peer. */
static bool
may_go_on(const wr_req_t *r, const proxy_t *p, unsigned how)
{
    const proxy_conf_t *conf = p->conf;

    if (p->x.sent_any && (r->method & (WR_POST | WR_LOCK | WR_PATCH)) != 0) {
        how |= NEXT_NON_IDEMPOTENT;
    }
    return (conf->next & how) == how && !(p->x.sent_any && p->body_lost)
           && (conf->next_timeout == 0
               || wr_clock.mono - p->started < conf->next_timeout);
}

/* A kept connection was closed by the peer before it could answer: that is not the
 * peer's failure. */
static bool
is_stale(wr_req_t *r, const proxy_t *p, unsigned how)
{
    return how == NEXT_ERROR && p->x.uc != NULL && p->x.uc->reused
           && p->x.bytes_received == 0 && !wr_timed_out(r)
           && !(p->x.sent_any && p->body_lost)
           && (!p->x.sent_any || (r->method & (WR_POST | WR_LOCK | WR_PATCH)) == 0
               || (p->conf->next & NEXT_NON_IDEMPOTENT) != 0);
}

/* The present peer has failed in this way: the next one, or the answer is
 * `status`. */
static wr_rc_t
failed(wr_req_t *r, proxy_t *p, unsigned how, unsigned status)
{
    bool stale = is_stale(r, p, how), go_on = may_go_on(r, p, how);

    if (p->state != NULL) {
        p->state->status = (uint16_t) status;
    }
    proxy_count(p);
    wr_exchange_close(&p->x);
    if (stale) {
        wr_pick_undo(&p->pick);
        wr_log(&r->log, WR_LOG_INFO, 0, "kept upstream connection was closed, trying anew");
        wr_ustates(r)->list.n--;
        return next_peer(r, p);
    }
    wr_pick_done(&p->pick, how != NEXT_403 && how != NEXT_404);
    if (how == NEXT_TIMEOUT) {
        wr_log(&r->log, WR_LOG_ERR, ETIMEDOUT, "upstream timed out");
    }
    r->log.action = NULL;
    return r->aborted || !go_on || p->pick.tries == 0 ? wr_fail(r, status)
                                                      : next_peer(r, p);
}

static unsigned
how_of_status(unsigned status)
{
    switch (status) {
    case 500: return NEXT_500;
    case 502: return NEXT_502;
    case 503: return NEXT_503;
    case 504: return NEXT_504;
    case 403: return NEXT_403;
    case 404: return NEXT_404;
    case 429: return NEXT_429;
    default: return 0;
    }
}

/* ---- the steps ---- */

static wr_rc_t
send_head(wr_req_t *r, void *state)
{
    proxy_t *p = state;
    wr_rc_t  rc;

    if (p->x.upgrade && p->x.status == 101) {
        return proxy_tunnel(r, p);
    }
    rc = wr_send_head(r);
    if (rc < 0 || rc == WR_DONE) {
        proxy_close(p);
        return rc;
    }
    return proxy_pump(r, p);
}

static wr_rc_t
answered(wr_req_t *r, void *state)
{
    proxy_t *p = state;
    unsigned how;
    wr_rc_t  rc = p->x.op.rc;

    r->log.action = "while reading response header from upstream";
    if (p->body_streamed && r->main->body != NULL && r->main->body->rc < 0) {
        proxy_close(p);
        return wr_body_failed(r);
    }
    if (rc == WR_CANCELLED || r->aborted) {
        proxy_close(p);
        return WR_CANCELLED;
    }
    switch (rc) {
    case WR_OK:
        break;
    case WR_TIMEOUT:
        if (p->x.out != NULL) {
            r->log.action = "while sending request to upstream";
        }
        return failed(r, p, NEXT_TIMEOUT, 504);
    case WR_CLOSED:
        if (!p->x.uc->reused) {
            wr_log(&r->log, WR_LOG_ERR, 0, "upstream prematurely closed connection");
        }
        return failed(r, p, NEXT_ERROR, 502);
    case WR_ERROR:
        if (!p->x.uc->reused) {
            wr_log(&r->log, WR_LOG_ERR, p->x.error, "%s failed",
                   p->x.out != NULL ? "writev()" : "recv()");
        }
        return failed(r, p, NEXT_ERROR, 502);
    default:
        return failed(r, p, NEXT_INVALID, 502);
    }
    p->state->header_time = wr_clock.mono - p->state->started;
    p->state->status = p->x.status;
    p->state->bytes_received = p->x.bytes_received;
    wr_ustates(r)->headers = &p->x.in;
    wr_ustates(r)->trailer = &p->x.trailer;
    how = how_of_status(p->x.status);
    if (how != 0 && p->pick.tries > 1 && may_go_on(r, p, how)) {
        return failed(r, p, how, p->x.status);
    }
    r->log.action = NULL;
    rc = proxy_copy_head(r, p);
    if (rc != WR_OK) {
        proxy_close(p);
        return rc;
    }
    return wr_settle(r, send_head);
}

/* ---- a streamed request body ---- */

static void feed(wr_req_t *r, proxy_t *p);

/* A piece of it has come while the answer is waited for. */
static void
body_came(wr_op_t *op)
{
    proxy_t *p = op->waiter;

    feed(p->r, p);
}

/* Appends what is there to what is to be sent, and asks for more. */
static void
feed(wr_req_t *r, proxy_t *p)
{
    while (!p->x.out_complete) {
        wr_op_t   *op = wr_body_more(r);
        wr_body_t *b = r->main->body;
        wr_seg_t  *segs;

        p->body_lost = true;
        if (op->state == WR_OP_PENDING) {
            op->done = body_came;
            op->waiter = p;
            return;
        }
        if (b->rc < 0) {
            p->x.out_complete = true;
            wr_op_cancel(&p->x.op);
            return;
        }
        segs = proxy_frame_body(r, p, wr_body_take(r), b->complete);
        p->x.out_complete = b->complete;
        if (segs != NULL) {
            *wr_segs_tail(&p->x.out) = segs;
        }
        if (p->x.op.state == WR_OP_PENDING) {
            wr_exchange_more(&p->x);
        }
    }
}

static wr_rc_t
connected(wr_req_t *r, void *state)
{
    proxy_t *p = state;
    wr_rc_t  rc = p->x.op.rc;

    r->log.action = "while connecting to upstream";
    if (rc == WR_CANCELLED || r->aborted) {
        proxy_close(p);
        return WR_CANCELLED;
    }
    if (rc == WR_TIMEOUT) {
        return failed(r, p, NEXT_TIMEOUT, 504);
    }
    if (p->x.own_fault) {
        proxy_close(p);
        return wr_fail(r, 500);
    }
    if (rc != WR_OK) {
        if (!p->x.said) {
            wr_log(&r->log, WR_LOG_ERR, p->x.error, "connect() failed");
        }
        return failed(r, p, NEXT_ERROR, 502);
    }
    r->log.action = NULL;
    p->state->connect_time = wr_clock.mono - p->state->started;
    p->x.out = wr_seg_mem(r, p->head.p, p->head.n, 0);
    p->x.out_complete = !p->body_streamed;
    for (const wr_seg_t *seg = p->body; seg != NULL; seg = seg->next) {
        wr_seg_t *copy = WR_NEW(wr_pool(r), wr_seg_t);

        *copy = *seg;
        copy->next = NULL;
        *wr_segs_tail(&p->x.out) = copy;
    }
    if (p->body_streamed) {
        feed(r, p);
    }
    wr_exchange_start(&p->x);
    return wr_await(r, &p->x.op, answered);
}

/* Of the connections that must not be mixed: a location may have its own. */
static uint64_t
key_of(const proxy_t *p)
{
    return p->group->keepalive_local ? (uint64_t) (uintptr_t) p->conf : 0;
}

static wr_rc_t
next_peer(wr_req_t *r, void *state)
{
    proxy_t   *p = state;
    wr_peer_t *peer = wr_pick_next(&p->pick);

    if (peer == NULL) {
        p->state = wr_ustate_new(r, p->group->name);
        p->state->status = 502;
        r->log.action = "while connecting to upstream";
        wr_log(&r->log, WR_LOG_ERR, 0, "no live upstreams");
        r->log.action = NULL;
        return wr_fail(r, 502);
    }
    p->state = wr_ustate_new(r, peer->name);
    wr_exchange_init(&p->x, wr_pool(r), &r->log);
    p->x.connect_timeout = p->conf->connect_timeout;
    p->x.send_timeout = p->conf->send_timeout;
    p->x.read_timeout = p->conf->read_timeout;
    p->x.head_request = p->asks_head;
    p->x.last = p->asks_close;
    p->x.so_keepalive = p->conf->socket_keepalive;
    p->x.transparent = p->conf->bind_transparent;
    p->x.cap = p->conf->buffer_size;
    p->x.buf = wr_alloc_bytes(wr_pool(r), p->x.cap);
    if (p->target->tls && proxy_use_tls(r, p) != WR_OK) {
        return wr_fail(r, 500);
    }
    wr_exchange_connect(&p->x, peer, p->bound ? &p->local : NULL, key_of(p));
    return wr_await(r, &p->x.op, connected);
}

/* An address that is none is no reason to fail: the kernel chooses one. */
static void
choose_local(wr_req_t *r, proxy_t *p)
{
    wr_str_t text;

    if (!p->conf->bind.given || wr_cv_eval(r, &p->conf->bind, &text) != WR_OK || text.n == 0) {
        return;
    }
    p->bound = wr_addr_parse(&p->local, text, 0);
    if (!p->bound) {
        wr_log(&r->log, WR_LOG_ERR, 0, "invalid local address \"%.*s\"", WR_ARG(text));
    }
}

wr_rc_t
proxy_begin(wr_req_t *r, proxy_t *p)
{
    int64_t tries = p->conf->next_tries;

    wr_pick_init(&p->pick, p->group, r, wr_pool(r), &r->log);
    if (tries != 0 && p->pick.tries > tries) {
        p->pick.tries = (unsigned) tries;
    }
    wr_pool_on_free(wr_pool(r), cleanup, p);
    p->started = wr_clock.mono;
    if (r == r->main && !p->conf->ignore_abort && p->conf->store == PROXY_STORE_OFF) {
        wr_req_end_with_client(r);
    } else {
        r->abort_on_close = false;
    }
    return next_peer(r, p);
}

static wr_rc_t
group_known(wr_req_t *r, void *state)
{
    proxy_t *p = state;

    return p->known.op.rc == WR_CANCELLED || r->aborted ? WR_CANCELLED : proxy_begin(r, p);
}

static wr_rc_t
start(wr_req_t *r, proxy_t *p)
{
    choose_local(r, p);
    if (proxy_make_request(r, p) != WR_OK) {
        return wr_fail(r, 500);
    }
    if (p->group != NULL && wr_upstream_wait(p->group, &p->known)) {
        return wr_await(r, &p->known.op, group_known);
    }
    return p->group != NULL ? proxy_begin(r, p) : proxy_resolve(r, p);
}

static wr_rc_t
body_read(wr_req_t *r, void *state)
{
    proxy_t *p = state;

    if (r->main->body != NULL && r->main->body->rc < 0) {
        return wr_body_failed(r);
    }
    if (p->conf->pass_body && r->main->body != NULL) {
        p->body = r->main->body->segs;
    }
    return start(r, p);
}

static wr_rc_t
before(wr_req_t *r, void *state)
{
    proxy_t *p = state;

    p->r = r;
    p->conf = wr_conf(r);
    p->target = wr_stage_conf(r);
    if (proxy_make_target(r, p) != WR_OK) {
        return wr_fail(r, r->fail_status != 0 ? r->fail_status : 500);
    }
    r->upstream_log = put_upstream;
    if (wr_ustate_last(r) != NULL) {
        wr_ustate_new(r, WR_STR_NONE)->separator = true;
    }
    wr_ustates(r)->host = p->target->scheme;
    if (!wr_has_body(r) || p->conf->set_body.given || !p->conf->pass_body) {
        if (wr_has_body(r)) {
            return wr_body_read(r, body_read);
        }
        return start(r, p);
    }
    if (!p->conf->request_buffering && r == r->main
        && (r->content_length >= 0 || p->conf->http_version == 11))
    {
        wr_op_t *op = wr_body_more(r);

        if (op->state != WR_OP_PENDING && r->body->rc >= 0 && r->body->complete) {
            p->body = wr_body_take(r);      /* it came with the head */
            return start(r, p);
        }
        p->body_streamed = true;
        p->internal_chunked = r->chunked;
        return start(r, p);
    }
    return wr_body_read(r, body_read);
}

const wr_middleware_t proxy_handler = {"proxy_pass", sizeof(proxy_t), before, NULL};

static wr_rc_t
get_host(wr_req_t *r, const wr_var_t *v, wr_str_t *value)
{
    wr_ustates_t *u = r->upstream;

    if (u == NULL || u->proxy_host.n == 0) {
        return WR_NOTFOUND;
    }
    *value = v->data != 0 ? u->proxy_port : u->proxy_host;
    return WR_OK;
}

static wr_rc_t
get_forwarded_for(wr_req_t *r, const wr_var_t *v, wr_str_t *value)
{
    wr_str_t before_us;

    (void) v;
    *value = wr_req_peer_text(r);
    if (wr_headers_join(&r->main->in, wr_pool(r), WR_H_X_FORWARDED_FOR, WR_STR_NONE, ", ",
                        &before_us))
    {
        *value = wr_pool_join3(wr_pool(r), before_us, WR_STR(", "), *value);
    }
    return WR_OK;
}

static const wr_var_row_t variables[] = {
    {"proxy_host", get_host, NULL, 0, WR_VAR_NOCACHE,
     "Name and port of the server that proxy_pass names."},
    {"proxy_port", get_host, NULL, 1, WR_VAR_NOCACHE,
     "Port of the server that proxy_pass names, or the protocol's."},
    {"proxy_add_x_forwarded_for", get_forwarded_for, NULL, 0, WR_VAR_NOCACHE,
     "The client's X-Forwarded-For with $remote_addr appended."},
    {NULL, NULL, NULL, 0, 0, NULL},
};

WR_MODULE(proxy,
          .doc = "Passes requests to other servers.",
          .schema = {.name = "http_proxy_module", .directives = proxy_directives,
                     .size = sizeof(proxy_conf_t), .check = proxy_check},
          .variables = variables);
