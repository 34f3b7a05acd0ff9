/*
 * HTTP/2: bodies of requests. Bytes wait in the stream until somebody reads,
 * bounded by the window that was given; a reader is given a larger one. RFC 9113
 * §5.2, §6.1, §6.9.
 */
#include "h2.h"

#include <weir/http/body_feed.h>

/* What is read to its end goes to memory or a file; what is only passed on waits here
 * when the peer behind does not read. */
enum { OPEN_WINDOW = 1 << 20, PASSING_WINDOW = 1 << 17, PART = 64 * 1024 };

/* ---- windows ---- */

/* Half of a window is given back at once. */
static void
consumed(h2_stream_t *s, size_t n)
{
    s->consumed += (int64_t) n;
    if (s->closed || s->in_done || s->h2->dead || s->consumed < s->recv_limit / 2
        || s->consumed == 0)
    {
        return;
    }
    h2_put_window(s->h2, s->id, (uint32_t) s->consumed);
    s->recv_window += s->consumed;
    s->consumed = 0;
}

static void
open_window(h2_stream_t *s)
{
    bool    passes = s->r->body != NULL && !s->r->body->whole;
    int64_t more = (passes ? PASSING_WINDOW : OPEN_WINDOW) - s->recv_limit;

    s->window_open = true;
    if (more > 0) {
        s->recv_limit += more;
        s->recv_window += more;
        h2_put_window(s->h2, s->id, (uint32_t) more);
    }
}

/* The connection's is as large as it can be: streams' are the limits that count. */
static bool
take_from_connection(h2_t *h2, uint32_t n)
{
    h2->recv_window -= n;
    if (h2->recv_window < 0) {
        h2_fail(h2, H2_FLOW_CONTROL_ERROR, "more DATA than the window has room for");
        return false;
    }
    if (h2->recv_window < H2_WINDOW_MAX / 2) {
        h2_put_window(h2, 0, (uint32_t) (H2_WINDOW_MAX - h2->recv_window));
        h2->recv_window = H2_WINDOW_MAX;
    }
    return true;
}

/* ---- to the reader ---- */

void
h2_drop_held(h2_stream_t *s)
{
    if (s->held.p != NULL) {
        wr_buf_free(&s->held);
    }
    s->held_at = 0;
}

static void
broken(h2_stream_t *s, wr_rc_t rc)
{
    s->want_body = false;
    wr_body_break(s->r, rc, rc == WR_LIMIT ? 413 : 500);
}

static void
wait_for_more(h2_stream_t *s)
{
    if (!s->closed) {
        wr_timer_set(&s->timer, wr_http_core(s->r)->client_body_timeout);
    }
}

/* Hands on what is held, as far as the reader takes it. */
static void
pump(h2_stream_t *s)
{
    wr_req_t *r = s->r;

    while (s->held_at < s->held.n && !wr_body_full(r)) {
        size_t  n = wr_min_size(s->held.n - s->held_at, PART);
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
        wr_timer_cancel(&s->timer);
        wr_body_end(r);
        return;
    }
    wait_for_more(s);
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
        open_window(s);
        h2_send_continue(r);
    }
    pump(s);
    h2_leave(h2);
}

/* ---- DATA ---- */

void
h2_end_body(h2_stream_t *s)
{
    wr_req_t *r = s->r;

    if (r->content_length >= 0 && s->received != r->content_length) {
        h2_stream_reset(s, H2_PROTOCOL_ERROR, "less of a body than Content-Length says");
        return;
    }
    s->in_done = true;
    if (s->want_body && !s->finishing) {
        pump(s);
    }
}

static void
take_body(h2_stream_t *s, const uint8_t *p, size_t n)
{
    wr_req_t *r = s->r;

    if (s->finishing) {
        return;
    }
    r->request_length += (int64_t) n;
    if (s->want_body && s->held.n == 0 && !wr_body_full(r)) {
        wr_rc_t rc = wr_body_feed(r, (const char *) p, n);

        if (rc != WR_OK) {
            broken(s, rc);
            return;
        }
        consumed(s, n);
        wait_for_more(s);
        wr_body_some(r);
        return;
    }
    wr_buf_add(&s->held, p, n);
}

/* All of the frame has come. */
static void
frame_end(h2_t *h2)
{
    h2_stream_t *s = h2->data_ends ? h2_stream_find(h2, h2->data_id) : NULL;

    if (s != NULL && !s->closed) {
        h2_end_body(s);
    }
}

size_t
h2_data_part(h2_t *h2, const uint8_t *p, size_t n)
{
    size_t body = wr_min_size(n, h2->data_n);
    size_t pad = wr_min_size(n - body, h2->pad_n);

    h2->data_n -= (uint32_t) body;
    h2->pad_n -= (uint32_t) pad;
    if (body != 0) {
        h2_stream_t *s = h2_stream_find(h2, h2->data_id);

        if (s != NULL && !s->closed) {
            take_body(s, p, body);
        }
    }
    if (h2->data_n + h2->pad_n == 0) {
        frame_end(h2);
    }
    return body + pad;
}

/* DATA for a stream that is closed, or was. What is on its way when a stream is reset
 * is borne. */
static void
data_on_closed(h2_t *h2, uint32_t id)
{
    switch (h2_past(h2, id)) {
    case H2_IDLE:
        h2_fail(h2, H2_PROTOCOL_ERROR, "DATA on an idle stream");
        break;
    case H2_BY_CLIENT:
        if (h2_calm_reset(h2)) {
            h2_put_rst(h2, id, H2_STREAM_CLOSED);
        }
        break;
    case H2_DONE:
        h2_fail(h2, H2_STREAM_CLOSED, "DATA on a closed stream");
        break;
    default:
        break;
    }
}

/* Whether the frame's payload goes to the stream. False: it is dropped; the
 * connection may have failed. */
static bool
accept_data(h2_t *h2, const h2_frame_t *f, uint32_t body)
{
    h2_stream_t *s = h2_stream_find(h2, f->id);

    if (s == NULL || s->closed) {
        data_on_closed(h2, f->id);
        return false;
    }
    if (s->in_done) {
        h2_stream_reset(s, H2_STREAM_CLOSED, "DATA behind the end of the stream");
        return false;
    }
    s->recv_window -= f->n;
    s->received += body;
    if (s->recv_window < 0) {
        h2_stream_reset(s, H2_FLOW_CONTROL_ERROR, "more DATA than the window has room for");
        return false;
    }
    if (s->r->content_length >= 0 && s->received > s->r->content_length) {
        h2_stream_reset(s, H2_PROTOCOL_ERROR, "more of a body than Content-Length says");
        return false;
    }
    consumed(s, f->n - body);
    return true;
}

size_t
h2_data(h2_t *h2, const h2_frame_t *f, size_t n)
{
    uint32_t front = (f->flags & H2_PADDED) != 0, pad;

    if (f->id == 0) {
        h2_fail(h2, H2_PROTOCOL_ERROR, "DATA without a stream");
        return H2_HEAD + n;
    }
    if (f->n < front) {
        h2_fail(h2, H2_FRAME_SIZE_ERROR, "DATA too short for its padding");
        return H2_HEAD + n;
    }
    if (n < front) {
        return 0;
    }
    pad = front != 0 ? f->p[0] : 0;
    if (pad > f->n - front) {
        h2_fail(h2, H2_PROTOCOL_ERROR, "DATA with more padding than there is");
        return H2_HEAD + n;
    }
    h2->data_id = f->id;
    h2->data_n = f->n - front - pad;
    h2->pad_n = pad;
    h2->data_ends = (f->flags & H2_END_STREAM) != 0;
    if (!take_from_connection(h2, f->n)
        || (h2->data_n == 0 && !h2->data_ends && !h2_calm_idle(h2)))
    {
        return H2_HEAD + n;
    }
    h2->data_ends &= accept_data(h2, f, h2->data_n);
    if (h2->data_n + h2->pad_n == 0) {
        frame_end(h2);
    }
    return H2_HEAD + front;
}
