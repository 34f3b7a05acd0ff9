/*
 * HTTP/2: answers as the request layer gives them. Nothing is framed here: the head
 * stays in the request and the body in its segments until the stream has its turn.
 */
#include "h2.h"

enum { NOW = 48 * 1024 };       /* so much output is not left to the end of the turn */

void
h2_make_ready(h2_stream_t *s)
{
    if (!s->queued && !s->closed) {
        wr_queue_push(&s->h2->ready, &s->turn);
        s->queued = true;
        h2_flush_later(s->h2);
    }
}

void
h2_drop_first(h2_stream_t *s)
{
    wr_seg_t *seg = s->out;

    s->out = seg->next;
    if (s->out == NULL) {
        s->out_tail = &s->out;
    }
    if (seg->release != NULL) {
        seg->release(seg);
    }
}

void
h2_drop_out(h2_stream_t *s)
{
    while (s->out != NULL) {
        h2_drop_first(s);
    }
    s->out_size = 0;
}

/* 1xx: such a block uses no table, and those that are made later leave behind it. */
static void
put_interim(h2_stream_t *s, unsigned status, const wr_headers_t *fields)
{
    h2_t    *h2 = s->h2;
    size_t   room = H2_HEAD + 2 * H2_BLOCK_ROOM;
    uint8_t *frame, *to;
    static h2_encoder_t none;   /* a table without room */

    if (fields != NULL) {
        for (WR_EACH_HEADER(f, fields)) {
            room += f->name.n + f->value.n + H2_FIELD_ROOM;
        }
    }
    if (room > H2_PAYLOAD) {
        return;                 /* a hint may be left out */
    }
    frame = (uint8_t *) wr_buf_reserve(&h2->control, room);
    to = h2_put_status(h2_put_begin(&h2->encoder, frame + H2_HEAD), status);
    if (fields != NULL) {
        for (WR_EACH_HEADER(f, fields)) {
            if (f->name.n != 0 && f->id != WR_H_CONNECTION && f->id != WR_H_UPGRADE
                && f->id != WR_H_CONTENT_LENGTH && f->id != WR_H_TRANSFER_ENCODING
                && f->id != WR_H_KEEP_ALIVE && f->id != WR_H_PROXY_CONNECTION)
            {
                to = h2_put_field(&none, to, f->id, f->name, f->value);
            }
        }
    }
    h2_frame_put(frame, (size_t) (to - frame) - H2_HEAD, H2_HEADERS, H2_END_HEADERS, s->id);
    h2->control.n += (size_t) (to - frame);
    s->r->bytes_sent += to - frame;
    s->r->head_bytes += to - frame;
    h2_flush_later(h2);
}

wr_rc_t
h2_send_head(wr_req_t *r)
{
    h2_stream_t *s = r->front_data;

    if (s->closed || s->h2->dead) {
        return WR_ERROR;
    }
    if (r->status < 200) {
        put_interim(s, r->status, &r->out);
        return WR_OK;
    }
    s->head_ready = true;
    h2_make_ready(s);
    return WR_OK;
}

void
h2_send_continue(wr_req_t *r)
{
    h2_stream_t *s = r->front_data;

    if (s->closed || s->h2->dead || s->in_done || r->head_sent || r->expect_tested
        || !wr_str_ieqz(wr_req_header(r, WR_H_EXPECT), "100-continue"))
    {
        return;
    }
    r->expect_tested = 1;
    put_interim(s, 100, NULL);
}

/* Whether what is queued must wait for the client: else the end of the turn takes it,
 * and whoever produces may go on. */
static bool
is_stuck(const h2_stream_t *s)
{
    const h2_t *h2 = s->h2;

    return s->out != NULL
           && (h2->blocked || s->delayed || s->out_size >= NOW || h2->send_window <= 0
               || s->send_window <= 0);
}

wr_rc_t
h2_send_body(wr_req_t *r, wr_seg_t *segs)
{
    h2_stream_t *s = r->front_data;
    h2_t        *h2 = s->h2;

    *s->out_tail = segs;
    for (wr_seg_t *seg = segs; seg != NULL; seg = seg->next) {
        s->out_size += seg->n;
        s->out_last |= (seg->flags & WR_SEG_LAST) != 0;
        s->out_tail = &seg->next;
    }
    if (s->closed || h2->dead || r->head_only) {
        h2_drop_out(s);
        return r->head_only ? WR_OK : WR_ERROR;
    }
    h2_make_ready(s);
    if (s->out_size >= NOW && !h2->flushing && !h2->draining) {
        h2_flush(h2);
    }
    return !s->closed && is_stuck(s) && !s->out_last ? WR_AGAIN : WR_OK;
}

size_t
h2_pending(const wr_req_t *r)
{
    const h2_stream_t *s = r->front_data;

    return !s->closed && !s->h2->dead && is_stuck(s) ? wr_max_size(s->out_size, 1) : 0;
}
