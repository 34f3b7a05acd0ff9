/*
 * HTTP/2: requests. A head becomes a wr_req_t field by field; body bytes wait in
 * the stream until somebody reads, bounded by the window that was given.
 */
#include "h2.h"

#include <weir/http/body_feed.h>
#include <weir/http/status.h>
#include <weir/http/uri.h>

enum { OPEN_WINDOW = 1 << 20, HEAD_OVERHEAD = 32, PATIENCE = 4,
       PRIORITY_SIZE = 5 };

/* ---- a new stream ---- */

static void
on_timer(wr_timer_t *t)
{
    h2_stream_t *s = WR_CONTAINER(t, h2_stream_t, timer);
    h2_t        *h2 = s->h2;

    h2_enter(h2);
    if (s->delayed) {
        h2_go_on(s);
    } else if (!s->closed && !h2->dead && (s->out != NULL || s->want_body)) {
        wr_log(&s->r->log, WR_LOG_INFO, 110, "client timed out");
        if (s->r->status == 0) {
            s->r->status = 408;
        }
        h2_drop_out(s);
        (void) nghttp2_submit_rst_stream(h2->session, NGHTTP2_FLAG_NONE, s->id,
                                         NGHTTP2_CANCEL);
        h2_flush_later(h2);
        if (!s->finishing && !s->r->aborted) {
            wr_req_abort(s->r);
        }
    }
    h2_leave(h2);
}

int
h2_on_begin_headers(nghttp2_session *n, const nghttp2_frame *f, void *data)
{
    h2_t        *h2 = data;
    wr_server_t *server = h2->endpoint->default_server;
    wr_req_t    *r;
    h2_stream_t *s;

    if (f->hd.type != NGHTTP2_HEADERS || f->headers.cat != NGHTTP2_HCAT_REQUEST) {
        return 0;
    }
    /* Streams that were reset count while their requests still run. */
    if (h2->ending || h2->n_streams >= 2 * (unsigned) h2->conf->max_streams) {
        (void) nghttp2_submit_rst_stream(n, NGHTTP2_FLAG_NONE, f->hd.stream_id,
                                         NGHTTP2_REFUSED_STREAM);
        return 0;
    }
    r = wr_req_new(&h2_front, NULL, &h2->conn, server);
    s = WR_NEW(wr_pool(r), h2_stream_t);
    s->h2 = h2;
    s->r = r;
    s->id = f->hd.stream_id;
    s->out_tail = &s->out;
    s->timer.fn = on_timer;
    r->front_data = s;
    r->version = WR_HTTP_20;
    r->number = ++h2->requests;
    r->peer = wr_alloc(wr_pool(r), sizeof(*r->peer));
    *r->peer = h2->peer;
    wr_req_has_peer(r);
    r->log.action = "while reading client request headers";
    r->request_length = (int64_t) f->hd.length - (int64_t) f->headers.padlen
                        - ((f->hd.flags & NGHTTP2_FLAG_PRIORITY) != 0 ? PRIORITY_SIZE : 0);
    wr_queue_push(&h2->streams, &s->link);
    h2->n_streams++;
    if (!h2->blocked) {
        wr_timer_cancel(&h2->conn.timer);
        wr_timer_set(&h2->conn.timer, wr_http_core(r)->client_header_timeout);
    }
    (void) nghttp2_session_set_stream_user_data(n, s->id, s);
    return 0;
}

static bool
is_odd_name(wr_str_t name, bool underscores)
{
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];

        if (!wr_is_alpha(c) && !wr_is_digit(c) && c != '-' && !(c == '_' && underscores)) {
            return true;
        }
    }
    return false;
}

static void
add_cookie(wr_req_t *r, wr_str_t value)
{
    wr_header_t *h = wr_headers_first(&r->in, WR_H_COOKIE);

    if (h != NULL) {
        h->value = wr_pool_join3(wr_pool(r), h->value, WR_STR("; "), value);
    } else {
        (void) wr_headers_add(&r->in, WR_H_COOKIE, WR_STR("cookie"), value);
    }
}

static void
add_pseudo(h2_stream_t *s, wr_str_t name, wr_str_t value)
{
    if (wr_str_eqz(name, ":method")) {
        s->r->method_name = value;
    } else if (wr_str_eqz(name, ":path")) {
        s->path = value;
    } else if (wr_str_eqz(name, ":authority")) {
        s->authority = value;
    } else if (wr_str_eqz(name, ":scheme")) {
        s->scheme = value;
    }
}

int
h2_on_header(nghttp2_session *n, const nghttp2_frame *f, const uint8_t *name, size_t name_n,
             const uint8_t *value, size_t value_n, uint8_t flags, void *data)
{
    h2_stream_t          *s = nghttp2_session_get_stream_user_data(n, f->hd.stream_id);
    const wr_http_core_t *core;
    wr_req_t             *r;
    wr_str_t              k, v;
    size_t                limit;

    (void) flags;
    (void) data;
    if (s == NULL || s->head_done) {
        return 0;               /* trailers */
    }
    r = s->r;
    core = wr_http_core(r);
    limit = core->large_client_header_buffers.size * (size_t) core->large_client_header_buffers.n;
    s->head_size += name_n + value_n + HEAD_OVERHEAD;
    if (s->head_size > limit * PATIENCE) {
        (void) nghttp2_session_terminate_session(n, NGHTTP2_ENHANCE_YOUR_CALM);
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    if (s->head_size > limit || name_n + value_n > core->large_client_header_buffers.size) {
        s->reject = WR_STATUS_HEADER_TOO_LARGE;
    }
    if (s->reject != 0 && name[0] != ':') {
        return 0;
    }
    k = wr_pool_str(wr_pool(r), wr_str((const char *) name, name_n));
    v = wr_pool_str(wr_pool(r), wr_str((const char *) value, value_n));
    if (k.n != 0 && k.p[0] == ':') {
        add_pseudo(s, k, v);
        return 0;
    }
    if (++s->nheaders > core->max_headers) {
        s->reject = WR_STATUS_HEADER_TOO_LARGE;
        return 0;
    }
    if (core->ignore_invalid_headers && is_odd_name(k, core->underscores_in_headers)) {
        wr_log(&r->log, WR_LOG_INFO, 0, "client sent invalid header: \"%.*s\"", WR_ARG(k));
        return 0;
    }
    if (wr_header_id(k) == WR_H_COOKIE) {
        add_cookie(r, v);
    } else {
        (void) wr_headers_add(&r->in, wr_header_id(k), k, v);
    }
    return 0;
}

/* Fields that nghttp2 would reset the stream for: names are left out as elsewhere,
 * values may hold control characters other than line ends, as nginx lets them. */
int
h2_on_bad_header(nghttp2_session *n, const nghttp2_frame *f, const uint8_t *name, size_t name_n,
                 const uint8_t *value, size_t value_n, uint8_t flags, void *data)
{
    h2_stream_t *s = nghttp2_session_get_stream_user_data(n, f->hd.stream_id);

    if (s == NULL || s->head_done) {
        return 0;
    }
    if (nghttp2_check_header_name(name, name_n) == 0
        || !wr_is_field_value(wr_str((const char *) value, value_n)))
    {
        s->reject = 400;
        return 0;
    }
    return h2_on_header(n, f, name, name_n, value, value_n, flags, data);
}

/* HEADERS are counted when the stream is made. */
int
h2_on_frame_begin(nghttp2_session *n, const nghttp2_frame_hd *hd, void *data)
{
    h2_stream_t *s;

    (void) data;
    if (hd->type == NGHTTP2_CONTINUATION) {
        s = nghttp2_session_get_stream_user_data(n, hd->stream_id);
        if (s != NULL) {
            s->r->request_length += (int64_t) hd->length;
        }
    }
    return 0;
}

/* ---- the head is complete ---- */

static wr_str_t
request_line(wr_req_t *r, wr_str_t path)
{
    wr_buf_t b = wr_buf(wr_pool(r));

    (void) wr_buf_reserve(&b, r->method_name.n + path.n + sizeof("  HTTP/2.0"));
    wr_buf_str(&b, r->method_name);
    wr_buf_char(&b, ' ');
    wr_buf_str(&b, path);
    wr_buf_lit(&b, " HTTP/2.0");
    return wr_buf_text(&b);
}

static unsigned
check_method(wr_req_t *r)
{
    for (size_t i = 0; i < r->method_name.n; i++) {
        char c = r->method_name.p[i];

        if (!((c >= 'A' && c <= 'Z') || c == '_' || c == '-')) {
            return 400;
        }
    }
    r->method = wr_method_bit(r->method_name);
    return r->method == WR_CONNECT || r->method == WR_TRACE ? 405 : 0;
}

static unsigned
check_path(h2_stream_t *s)
{
    wr_req_t *r = s->r;
    wr_uri_t  parts;

    if (s->path.n == 0 || s->path.p[0] != '/') {
        return 400;
    }
    for (size_t i = 0; i < s->path.n; i++) {
        if ((unsigned char) s->path.p[i] <= ' ' || s->path.p[i] == 0x7f) {
            return 400;
        }
    }
    r->raw_uri = s->path;
    if (wr_uri_normalise(wr_pool(r), s->path, wr_http_core(r)->merge_slashes, &parts)
        != WR_OK)
    {
        return 400;
    }
    r->uri = parts.path;
    r->args = parts.args;
    r->complex_uri = parts.complex;
    r->quoted_uri = parts.quoted;
    r->plus_in_uri = parts.plus;
    r->valid_uri = 1;
    wr_set_exten(r);
    return 0;
}

static unsigned
check_host(h2_stream_t *s)
{
    wr_req_t    *r = s->r;
    wr_header_t *h = wr_headers_first(&r->in, WR_H_HOST);
    wr_str_t     host = s->authority.n != 0 ? s->authority
                                            : h != NULL ? h->value : WR_STR_NONE;
    int          port;

    if (h != NULL && (wr_headers_next(&r->in, h) != NULL
                      || (s->authority.n != 0 && !wr_str_ieq(h->value, s->authority))))
    {
        return 400;
    }
    if (host.n == 0 || wr_host_normalise(wr_pool(r), host, &r->host, &port) != WR_OK) {
        return 400;
    }
    if (h == NULL) {
        (void) wr_headers_add(&r->in, WR_H_HOST, WR_STR("Host"), host);
    }
    wr_req_use_server(r, wr_server_find(s->h2->endpoint, r->host, r));
    return 0;
}

static unsigned
check_length(h2_stream_t *s)
{
    wr_req_t    *r = s->r;
    wr_header_t *h = wr_headers_first(&r->in, WR_H_CONTENT_LENGTH);
    int64_t      n;

    if (h == NULL) {
        r->chunked = !s->in_done;
        return 0;
    }
    if (h->value.n > 18 || !wr_parse_int(h->value, &n)) {
        return 400;
    }
    r->content_length = n;
    return 0;
}

static void
start(h2_t *h2, h2_stream_t *s)
{
    wr_req_t *r = s->r;
    unsigned  status = check_method(r);

    r->request_line = request_line(r, s->path);
    status = status != 0 ? status : check_path(s);
    status = status != 0 ? status : check_host(s);
    status = status != 0 ? status : check_length(s);
    status = s->reject != 0 ? s->reject : status;
    r->keepalive = 1;
    s->started = true;
    if (status != 0) {
        wr_log(&r->log, WR_LOG_INFO, 0, status == WR_STATUS_HEADER_TOO_LARGE
                                            ? "client sent too large request"
                                            : "client sent invalid request");
        r->log.action = NULL;
        wr_req_reject(r, status);
        return;
    }
    r->log.action = NULL;
    (void) h2;
    wr_req_run(r);
}

/* ---- bodies ---- */

void
h2_drop_held(h2_stream_t *s)
{
    wr_buf_free(&s->held);
    s->held_at = 0;
}

static void
consumed(h2_stream_t *s, size_t n)
{
    if (!s->closed && !s->h2->dead && n != 0) {
        (void) nghttp2_session_consume_stream(s->h2->session, s->id, n);
        h2_flush_later(s->h2);
    }
}

static void
broken(h2_stream_t *s, wr_rc_t rc)
{
    s->want_body = false;
    wr_body_break(s->r, rc, rc == WR_LIMIT ? 413 : 500);
}

/* Hands on what is held, as far as the reader takes it. */
static void
pump(h2_stream_t *s)
{
    wr_req_t *r = s->r;

    while (s->held_at < s->held.n && !wr_body_full(r)) {
        size_t  n = wr_min_size(s->held.n - s->held_at, 64 * 1024);
        wr_rc_t rc = wr_body_feed(r, s->held.p + s->held_at, n);

        if (rc != WR_OK) {
            broken(s, rc);
            return;
        }
        s->held_at += n;
        consumed(s, n);
    }
    if (s->held_at < s->held.n) {
        wr_body_some(r);
        return;
    }
    h2_drop_held(s);
    if (s->in_done) {
        s->want_body = false;
        s->body_ended = true;
        wr_timer_cancel(&s->timer);
        wr_body_end(r);
        return;
    }
    wr_timer_set(&s->timer, wr_http_core(r)->client_body_timeout);
    wr_body_some(r);
}

void
h2_read_body(wr_req_t *r)
{
    h2_stream_t *s = r->front_data;
    h2_t        *h2 = s->h2;

    h2_enter(h2);
    if (s->closed || h2->dead) {
        if (s->in_done && !h2->dead) {
            pump(s);
        } else {
            wr_body_break(r, WR_CLOSED, 400);
        }
        h2_leave(h2);
        return;
    }
    s->want_body = true;
    if (!s->window_open && !s->in_done) {
        s->window_open = true;
        (void) nghttp2_session_set_local_window_size(h2->session, NGHTTP2_FLAG_NONE, s->id,
                                                     OPEN_WINDOW);
        h2_flush_later(h2);
        h2_send_continue(r);
    }
    pump(s);
    h2_leave(h2);
}

int
h2_on_data(nghttp2_session *n, uint8_t flags, int32_t id, const uint8_t *p, size_t size,
           void *data)
{
    h2_stream_t *s = nghttp2_session_get_stream_user_data(n, id);

    (void) flags;
    (void) data;
    (void) nghttp2_session_consume_connection(n, size);
    if (s == NULL || s->finishing) {
        return 0;
    }
    s->r->request_length += (int64_t) size;
    if (s->want_body && s->held.n == 0 && !wr_body_full(s->r)) {
        wr_rc_t rc = wr_body_feed(s->r, (const char *) p, size);

        if (rc != WR_OK) {
            broken(s, rc);
            return 0;
        }
        consumed(s, size);
        wr_timer_set(&s->timer, wr_http_core(s->r)->client_body_timeout);
        wr_body_some(s->r);
        return 0;
    }
    wr_buf_add(&s->held, p, size);
    return 0;
}

/* ---- whole frames ---- */

int
h2_on_frame(nghttp2_session *n, const nghttp2_frame *f, void *data)
{
    h2_t        *h2 = data;
    h2_stream_t *s;

    if (f->hd.type != NGHTTP2_HEADERS && f->hd.type != NGHTTP2_DATA) {
        return 0;
    }
    s = nghttp2_session_get_stream_user_data(n, f->hd.stream_id);
    if (s == NULL) {
        return 0;
    }
    if ((f->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) {
        s->in_done = true;
    }
    if (f->hd.type == NGHTTP2_HEADERS && !s->head_done) {
        const wr_http_core_t *core = wr_http_core(s->r);

        s->head_done = true;
        if (!h2->blocked) {
            wr_timer_cancel(&h2->conn.timer);
        }
        if ((int64_t) h2->requests >= core->keepalive_requests
            || wr_clock.mono - h2->born > core->keepalive_time)
        {
            h2->client.type->quit(&h2->client, false);
        }
        start(h2, s);
        return 0;
    }
    if (s->in_done && s->want_body && !s->finishing) {
        pump(s);
    }
    return 0;
}
