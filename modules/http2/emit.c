/*
 * HTTP/2: answers as frames. A stream whose turn it is puts its head and one frame of
 * its body into the output, so that streams alternate; the bytes of the body are
 * copied once, from its segments or out of its file. RFC 9113 §6.1, §6.9.
 */
#include "h2.h"

#include <unistd.h>

enum { LEAST = 1024 };          /* no smaller frame for want of room */

/* What became of a stream's turn. */
typedef enum {
    AGAIN,      /* it has more, which may leave now */
    WAITS,      /* for the client, the clock or its own request */
    ENDED,
    NO_ROOM
} turn_t;

/* ---- the body's bytes ---- */

static bool
put_part(h2_stream_t *s, uint8_t *to, wr_seg_t *seg, size_t n)
{
    if (seg->file == NULL) {
        memcpy(to, seg->p, n);
        seg->p += n;
    } else {
        ssize_t got = pread(seg->file->fd, to, n, seg->at);

        if (got < (ssize_t) n) {
            wr_log(&s->r->log, WR_LOG_ALERT, 0,
                   "file \"%.*s\" was truncated while sending", WR_ARG(seg->file->path));
            return false;
        }
        seg->at += (off_t) n;
    }
    seg->n -= n;
    s->out_size -= n;
    return true;
}

static bool
put_bytes(h2_stream_t *s, uint8_t *to, size_t n)
{
    while (n != 0 || (s->out != NULL && s->out->n == 0)) {
        wr_seg_t *seg = s->out;
        size_t    part = wr_min_size(n, seg->n);

        if (part != 0 && !put_part(s, to, seg, part)) {
            return false;
        }
        to += part;
        n -= part;
        if (seg->n == 0) {
            h2_drop_first(s);
        }
    }
    return true;
}

/* ---- how much may leave ---- */

static void
wait_for(h2_stream_t *s, wr_msec_t ms)
{
    wr_timer_cancel(&s->timer);
    wr_timer_set(&s->timer, ms);
}

/* limit_rate: 0: the timer has been set. */
static size_t
allowance(h2_stream_t *s)
{
    wr_req_t *r = s->r;
    int64_t   may;

    if (wr_likely(r->limit_rate <= 0)) {
        return SIZE_MAX;
    }
    if (s->delayed) {
        return 0;
    }
    may = r->limit_rate * (wr_clock.sec - r->start_sec + 1)
          - (r->bytes_sent - r->limit_rate_after);
    if (may <= 0) {
        s->delayed = true;
        wait_for(s, -may * 1000 / r->limit_rate + 1);
        return 0;
    }
    return (size_t) may;
}

/* 0: it waits, for what has been seen to. */
static size_t
how_much(h2_stream_t *s)
{
    h2_t            *h2 = s->h2;
    const h2_conf_t *conf = wr_conf(s->r);
    int64_t          window = h2->send_window < s->send_window ? h2->send_window
                                                               : s->send_window;
    size_t n;

    if (window <= 0) {
        if (s->send_window > 0 && !s->broken) {
            wr_queue_push(&h2->stalled, &s->turn);
            s->queued = true;
        }
        if (!wr_timer_is_set(&s->timer)) {
            wr_timer_set(&s->timer, wr_http_core(s->r)->send_timeout);
        }
        return 0;
    }
    n = wr_min_size(s->out_size, wr_min_size(conf->chunk_size, (size_t) window));
    return wr_min_size(n, allowance(s));
}

/* ---- frames ---- */

static turn_t
end(h2_stream_t *s)
{
    h2_t *h2 = s->h2;

    if (!s->in_done) {
        /* The rest of the request is not wanted. */
        h2_put_rst(h2, s->id, H2_NO_ERROR);
        h2_remember_reset(h2, s->id);
    }
    if (s->r->drain.state == WR_OP_PENDING) {
        h2->drained = true;
    }
    h2_stream_close(s, H2_DONE);
    return ENDED;
}

static bool
has_trailers(const wr_req_t *r)
{
    return r->trailers != NULL && r->trailers->n != 0;
}

static turn_t
put_trailers(h2_stream_t *s, h2_room_t *room)
{
    size_t n;

    if (h2_trailer_room(s->r) > room->cap - room->n) {
        return NO_ROOM;
    }
    n = h2_trailer_put(s, room->p + room->n);
    room->n += n;
    s->r->bytes_sent += (int64_t) n;
    s->r->head_bytes += (int64_t) n;
    return end(s);
}

static turn_t
put_head(h2_stream_t *s, h2_room_t *room)
{
    wr_req_t *r = s->r;
    bool      last = r->head_only
                     || (r->out_length == 0 && s->out_last && s->out_size == 0
                         && !has_trailers(r));
    size_t    n;

    if (h2_head_room(r) > room->cap - room->n) {
        return NO_ROOM;
    }
    n = h2_head_put(s, room->p + room->n, last);
    room->n += n;
    r->bytes_sent += (int64_t) n;
    r->head_bytes += (int64_t) n;
    s->head_out = true;
    return last ? end(s) : AGAIN;
}

/* The output has taken all there was: whoever waits for that is told. */
static void
out_is_empty(h2_stream_t *s)
{
    if (s->r->drain.state == WR_OP_PENDING) {
        s->h2->drained = true;
    }
    if (wr_timer_is_set(&s->timer) && !s->want_body) {
        wr_timer_cancel(&s->timer);
    }
}

static turn_t
put_data(h2_stream_t *s, h2_room_t *room)
{
    size_t   n = 0, free = room->cap - room->n;
    uint8_t *to = room->p + room->n;
    bool     last;

    if (s->out_size != 0) {
        n = how_much(s);
        if (n == 0) {
            return WAITS;
        }
    }
    if (free < H2_HEAD + wr_min_size(n, LEAST)) {
        return NO_ROOM;
    }
    n = wr_min_size(n, free - H2_HEAD);
    last = s->out_last && n == s->out_size && !has_trailers(s->r);
    if (!put_bytes(s, to + H2_HEAD, n)) {
        s->broken = true;
        s->error = H2_INTERNAL_ERROR;
        return WAITS;
    }
    h2_frame_put(to, n, H2_DATA, last ? H2_END_STREAM : 0, s->id);
    room->n += H2_HEAD + n;
    s->r->bytes_sent += (int64_t) (H2_HEAD + n);
    s->r->head_bytes += H2_HEAD;
    s->send_window -= (int64_t) n;
    s->h2->send_window -= (int64_t) n;
    if (last) {
        return end(s);
    }
    if (s->out == NULL) {
        out_is_empty(s);
    } else if (wr_timer_is_set(&s->timer)) {
        wr_timer_set(&s->timer, wr_http_core(s->r)->send_timeout);
    }
    return AGAIN;
}

static turn_t
put_next(h2_stream_t *s, h2_room_t *room)
{
    if (!s->head_out) {
        turn_t t = s->head_ready ? put_head(s, room) : WAITS;

        if (t != AGAIN) {
            return t;
        }
    }
    if (s->out_size == 0 && s->out_last && has_trailers(s->r)) {
        return put_trailers(s, room);
    }
    if (s->out_size != 0 || s->out_last) {
        return put_data(s, room);
    }
    if (s->out != NULL) {
        (void) put_bytes(s, room->p, 0);        /* empty segments that say "flush" */
        out_is_empty(s);
    }
    return WAITS;
}

/* A stream that has failed: what could leave of its answer has left. */
static void
give_up(h2_stream_t *s)
{
    h2_t *h2 = s->h2;

    h2_put_rst(h2, s->id, s->error);
    if (!s->in_done) {
        h2_remember_reset(h2, s->id);
    }
    h2_stream_close(s, H2_BY_US);
}

bool
h2_emit(h2_stream_t *s, h2_room_t *room)
{
    h2_t *h2 = s->h2;

    switch (put_next(s, room)) {
    case AGAIN:
        if (s->out_size != 0 || s->out_last || s->broken) {
            h2_make_ready(s);
        }
        return true;
    case WAITS:
        if (s->broken) {
            give_up(s);
        }
        return true;
    case ENDED:
        return true;
    case NO_ROOM:
        wr_queue_unshift(&h2->ready, &s->turn);
        s->queued = true;
        return false;
    }
    return true;
}
