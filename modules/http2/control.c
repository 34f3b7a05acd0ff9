/*
 * HTTP/2: the frames that are of the connection or of a stream as such. RFC 9113
 * §6.3 to §6.9.
 */
#include "h2.h"

enum { MAX_SETTINGS = 32 };

/* ---- ours ---- */

/* Room for a frame behind the others; the payload is the caller's. */
static uint8_t *
put(h2_t *h2, size_t n, unsigned type, unsigned flags, uint32_t id)
{
    uint8_t *to = (uint8_t *) wr_buf_reserve(&h2->control, H2_HEAD + n);

    h2->control.n += H2_HEAD + n;
    h2_frame_put(to, n, type, flags, id);
    h2_flush_later(h2);
    return to + H2_HEAD;
}

void
h2_put_window(h2_t *h2, uint32_t id, uint32_t more)
{
    h2_put32(put(h2, 4, H2_WINDOW_UPDATE, 0, id), more);
}

void
h2_put_rst(h2_t *h2, uint32_t id, h2_error_t error)
{
    h2_put32(put(h2, 4, H2_RST_STREAM, 0, id), error);
}

void
h2_put_goaway(h2_t *h2, uint32_t last, h2_error_t error)
{
    uint8_t *p = put(h2, 8, H2_GOAWAY, 0, 0);

    h2_put32(p, last);
    h2_put32(p + 4, error);
}

/* With a PING: once that is acknowledged the client has read the notice, and what it
 * began before that has come. */
static const uint8_t notice[8] = {'n', 'o', ' ', 'm', 'o', 'r', 'e', '.'};

void
h2_put_notice(h2_t *h2)
{
    h2_put_goaway(h2, H2_WINDOW_MAX, H2_NO_ERROR);
    memcpy(put(h2, sizeof(notice), H2_PING, 0, 0), notice, sizeof(notice));
}

static void
put_setting(uint8_t *p, unsigned id, uint32_t value)
{
    p[0] = 0;
    p[1] = (uint8_t) id;
    h2_put32(p + 2, value);
}

void
h2_put_settings(h2_t *h2)
{
    uint8_t *p = put(h2, 12, H2_SETTINGS, 0, 0);

    put_setting(p, H2_MAX_CONCURRENT_STREAMS, (uint32_t) h2->conf->max_streams);
    put_setting(p + 6, H2_INITIAL_WINDOW_SIZE, (uint32_t) h2->conf->preread_size);
    h2_put_window(h2, 0, H2_WINDOW_MAX - H2_WINDOW);
    h2->recv_window = H2_WINDOW_MAX;
}

/* ---- SETTINGS ---- */

/* §6.9.2: streams that are open have it as well, and may be in debt. */
static bool
resize_windows(h2_t *h2, uint32_t value)
{
    int64_t more = (int64_t) value - h2->peer_window;

    if (value > H2_WINDOW_MAX) {
        return false;
    }
    h2->peer_window = value;
    for (wr_queue_t *q = h2->streams.next; q != &h2->streams; q = q->next) {
        h2_stream_t *s = WR_QUEUE_ITEM(q, h2_stream_t, link);

        s->send_window += more;
        if (s->send_window > H2_WINDOW_MAX) {
            return false;
        }
        if (more > 0) {
            h2_make_ready(s);
        }
    }
    return true;
}

static bool
set_one(h2_t *h2, unsigned id, uint32_t value)
{
    switch (id) {
    case H2_HEADER_TABLE_SIZE:
        h2_encoder_resize(&h2->encoder, value);
        break;
    case H2_ENABLE_PUSH:
        if (value > 1) {
            h2_fail(h2, H2_PROTOCOL_ERROR, "SETTINGS_ENABLE_PUSH that is neither 0 nor 1");
            return false;
        }
        break;
    case H2_INITIAL_WINDOW_SIZE:
        if (!resize_windows(h2, value)) {
            h2_fail(h2, H2_FLOW_CONTROL_ERROR, "too large SETTINGS_INITIAL_WINDOW_SIZE");
            return false;
        }
        break;
    case H2_MAX_FRAME_SIZE:
        if (value < H2_PAYLOAD || value > 0xffffff) {
            h2_fail(h2, H2_PROTOCOL_ERROR, "SETTINGS_MAX_FRAME_SIZE out of bounds");
            return false;
        }
        break;          /* ours are never larger than the least */
    default:
        break;
    }
    return true;
}

/* The client has our SETTINGS: from here on streams begin with our window. */
static void
acknowledged(h2_t *h2)
{
    int64_t more = (int64_t) h2->conf->preread_size - h2->own_window;

    if (h2->acked) {
        return;
    }
    h2->acked = true;
    h2->own_window += more;
    for (wr_queue_t *q = h2->streams.next; q != &h2->streams; q = q->next) {
        h2_stream_t *s = WR_QUEUE_ITEM(q, h2_stream_t, link);

        s->recv_window += more;
        s->recv_limit += more;
    }
}

void
h2_settings(h2_t *h2, const h2_frame_t *f)
{
    if (f->id != 0) {
        h2_fail(h2, H2_PROTOCOL_ERROR, "SETTINGS on a stream");
        return;
    }
    if ((f->flags & H2_ACK) != 0) {
        if (f->n != 0) {
            h2_fail(h2, H2_FRAME_SIZE_ERROR, "SETTINGS that acknowledge and set");
        } else if (h2_calm_idle(h2)) {
            acknowledged(h2);
        }
        return;
    }
    if (f->n % 6 != 0) {
        h2_fail(h2, H2_FRAME_SIZE_ERROR, "SETTINGS of a wrong length");
        return;
    }
    if (f->n / 6 > MAX_SETTINGS) {
        h2_fail(h2, H2_ENHANCE_YOUR_CALM, "too many settings");
        return;
    }
    h2->settled = true;
    for (const uint8_t *p = f->p; p < f->p + f->n; p += 6) {
        if (!set_one(h2, (unsigned) p[0] << 8 | p[1], h2_get32(p + 2))) {
            return;
        }
    }
    if (h2_calm_ack(h2)) {
        (void) put(h2, 0, H2_SETTINGS, H2_ACK, 0);
    }
}

/* ---- PING, GOAWAY ---- */

void
h2_ping(h2_t *h2, const h2_frame_t *f)
{
    if (f->n != 8) {
        h2_fail(h2, H2_FRAME_SIZE_ERROR, "PING of a wrong length");
    } else if (f->id != 0) {
        h2_fail(h2, H2_PROTOCOL_ERROR, "PING on a stream");
    } else if ((f->flags & H2_ACK) != 0) {
        if (h2_calm_idle(h2) && memcmp(f->p, notice, sizeof(notice)) == 0) {
            h2_notice_read(h2);
        }
    } else if (h2_calm_ack(h2)) {
        memcpy(put(h2, 8, H2_PING, H2_ACK, 0), f->p, 8);
    }
}

void
h2_goaway(h2_t *h2, const h2_frame_t *f)
{
    if (f->id != 0) {
        h2_fail(h2, H2_PROTOCOL_ERROR, "GOAWAY on a stream");
    } else if (f->n < 8) {
        h2_fail(h2, H2_FRAME_SIZE_ERROR, "GOAWAY of a wrong length");
    } else {
        h2->peer_ends = true;
        (void) h2_calm_idle(h2);
    }
}

/* ---- WINDOW_UPDATE ---- */

static void
widen_connection(h2_t *h2, uint32_t more)
{
    if (more == 0) {
        h2_fail(h2, H2_PROTOCOL_ERROR, "WINDOW_UPDATE of 0");
        return;
    }
    h2->send_window += more;
    if (h2->send_window > H2_WINDOW_MAX) {
        h2_fail(h2, H2_FLOW_CONTROL_ERROR, "WINDOW_UPDATE beyond the largest window");
        return;
    }
    if (h2->send_window > 0 && !wr_queue_empty(&h2->stalled)) {
        wr_queue_t *first;

        while ((first = wr_queue_first(&h2->stalled)) != NULL) {
            wr_queue_remove(first);
            wr_queue_push(&h2->ready, first);
        }
        h2_flush_later(h2);
    }
}

/* A frame for a stream that nobody has begun: §5.1, idle. */
static bool
is_idle(h2_t *h2, uint32_t id, const char *what)
{
    if (id == 0 || h2_past(h2, id) == H2_IDLE) {
        h2_fail(h2, H2_PROTOCOL_ERROR, what);
        return true;
    }
    return false;
}

void
h2_window_update(h2_t *h2, const h2_frame_t *f)
{
    h2_stream_t *s;
    uint32_t     more;

    if (f->n != 4) {
        h2_fail(h2, H2_FRAME_SIZE_ERROR, "WINDOW_UPDATE of a wrong length");
        return;
    }
    more = h2_get32(f->p) & 0x7fffffff;
    if (f->id == 0) {
        widen_connection(h2, more);
        return;
    }
    s = h2_stream_find(h2, f->id);
    if (s == NULL || s->closed) {
        (void) (s == NULL && is_idle(h2, f->id, "WINDOW_UPDATE on an idle stream"));
        return;
    }
    s->send_window += more;
    if (more == 0) {
        h2_stream_reset(s, H2_PROTOCOL_ERROR, "WINDOW_UPDATE of 0");
    } else if (s->send_window > H2_WINDOW_MAX) {
        h2_stream_reset(s, H2_FLOW_CONTROL_ERROR, "WINDOW_UPDATE beyond the largest window");
    } else if (s->out != NULL) {
        h2_make_ready(s);
    }
}

/* ---- RST_STREAM, PRIORITY ---- */

void
h2_rst_stream(h2_t *h2, const h2_frame_t *f)
{
    h2_stream_t *s;

    if (f->n != 4) {
        h2_fail(h2, H2_FRAME_SIZE_ERROR, "RST_STREAM of a wrong length");
        return;
    }
    s = h2_stream_find(h2, f->id);
    if (s == NULL && is_idle(h2, f->id, "RST_STREAM on an idle stream")) {
        return;
    }
    if (h2_calm_reset(h2) && s != NULL && !s->closed) {
        h2_stream_close(s, H2_BY_CLIENT);
    }
}

/* §5.3.2: ignored, but for what §6.3 asks of the frame itself. */
void
h2_priority(h2_t *h2, const h2_frame_t *f)
{
    h2_stream_t *s;

    if (f->id == 0) {
        h2_fail(h2, H2_PROTOCOL_ERROR, "PRIORITY without a stream");
        return;
    }
    if (!h2_calm_idle(h2) || f->n == 5) {
        return;
    }
    s = h2_stream_find(h2, f->id);
    if (s != NULL && !s->closed) {
        h2_stream_reset(s, H2_FRAME_SIZE_ERROR, "PRIORITY of a wrong length");
    } else {
        h2_fail(h2, H2_FRAME_SIZE_ERROR, "PRIORITY of a wrong length");
    }
}
