/*
 * HTTP/2: output. The frames of all streams that have something to send are put into
 * a buffer of the worker and leave with one write; what the kernel does not take is
 * kept with the connection. Small answers that are complete are framed at once, while
 * more requests are read: so the next one finds its memory in the processor's cache.
 */
#include "h2.h"

#include <stdlib.h>

enum { ROUNDS = 16, SMALL = 8 * 1024 };

/* What is in it belongs to one connection at a time. */
static uint8_t scratch[2 * H2_SCRATCH];
static size_t  scratch_n;
static h2_t   *scratch_of;

/* ---- to the kernel ---- */

static void
keep_rest(h2_t *h2, const uint8_t *p, size_t n)
{
    h2->rest = malloc(n);
    WR_ASSERT(h2->rest != NULL);
    memcpy(h2->rest, p, n);
    h2->rest_at = 0;
    h2->rest_n = n;
}

static wr_rc_t
write_rest(h2_t *h2)
{
    struct iovec iov = {h2->rest + h2->rest_at, h2->rest_n - h2->rest_at};
    size_t       sent = 0;
    wr_rc_t      rc = wr_conn_send(&h2->conn, &iov, 1, false, &sent);

    if (rc == WR_OK) {
        free(h2->rest);
        h2->rest = NULL;
    } else if (rc == WR_AGAIN) {
        h2->rest_at += sent;
    }
    return rc;
}

static wr_rc_t
write_scratch(h2_t *h2)
{
    struct iovec iov = {scratch, scratch_n};
    size_t       sent = 0;
    wr_rc_t      rc = wr_conn_send(&h2->conn, &iov, 1, false, &sent);

    if (rc == WR_AGAIN) {
        keep_rest(h2, scratch + sent, scratch_n - sent);
    }
    scratch_n = 0;
    return rc;
}

/* ---- gathering ---- */

/* For one that has no rest. Whoever has bytes in it keeps them itself. */
static void
take_scratch(h2_t *h2)
{
    if (scratch_of != h2 && scratch_n != 0) {
        keep_rest(scratch_of, scratch, scratch_n);
        scratch_n = 0;
    }
    scratch_of = h2;
}

void
h2_leave_scratch(h2_t *h2)
{
    if (scratch_of == h2) {
        scratch_of = NULL;
        scratch_n = 0;
    }
}

static void
put_control(h2_t *h2, h2_room_t *room)
{
    size_t n = wr_min_size(h2->control.n, room->cap - room->n);

    memcpy(room->p + room->n, h2->control.p, n);
    room->n += n;
    if (n == h2->control.n) {
        wr_buf_free(&h2->control);
        return;
    }
    memmove(h2->control.p, h2->control.p + n, h2->control.n - n);
    h2->control.n -= n;
}

/* A head that is longer than the whole buffer has one of its own. */
static void
put_huge(h2_t *h2, h2_stream_t *s)
{
    h2_room_t room = {NULL, 0, h2_head_room(s->r) + H2_SCRATCH};

    if (s->r->trailers != NULL) {
        room.cap += h2_trailer_room(s->r);
    }
    room.p = malloc(room.cap);
    WR_ASSERT(room.p != NULL);
    wr_queue_remove(&s->turn);
    s->queued = false;
    (void) h2_emit(s, &room);
    h2->rest = (char *) room.p;
    h2->rest_at = 0;
    h2->rest_n = room.n;
}

/* Small frames first: blocks of interim heads are older than those made now. */
static h2_room_t
begin(h2_t *h2)
{
    h2_room_t room = {scratch, 0, sizeof(scratch)};

    take_scratch(h2);
    room.n = scratch_n;
    if (h2->control.n != 0) {
        put_control(h2, &room);
    }
    return room;
}

static size_t
gather(h2_t *h2)
{
    h2_room_t   room = begin(h2);
    wr_queue_t *first;

    while ((first = wr_queue_first(&h2->ready)) != NULL) {
        h2_stream_t *s = WR_QUEUE_ITEM(first, h2_stream_t, turn);

        wr_queue_remove(first);
        s->queued = false;
        if (!h2_emit(s, &room)) {
            if (room.n == 0) {
                put_huge(h2, s);
            }
            break;
        }
    }
    scratch_n = room.n;
    return scratch_n;
}

void
h2_emit_early(h2_t *h2)
{
    wr_queue_t  *last = wr_queue_last(&h2->ready);
    h2_stream_t *s = last != NULL ? WR_QUEUE_ITEM(last, h2_stream_t, turn) : NULL;
    h2_room_t    room;

    if (s == NULL || !s->finishing || s->out_size > SMALL || h2->rest != NULL
        || h2->blocked || h2->flushing || h2->dead || h2->lingering)
    {
        return;
    }
    room = begin(h2);
    wr_queue_remove(last);
    s->queued = false;
    (void) h2_emit(s, &room);
    scratch_n = room.n;
}

/* Tells those whose output is with the kernel. */
static void
tell_drained(h2_t *h2)
{
    wr_queue_t *q = h2->streams.next;

    if (h2->draining || !h2->drained) {
        return;
    }
    h2->draining = true;
    h2->drained = false;
    while (q != &h2->streams) {
        h2_stream_t *s = WR_QUEUE_ITEM(q, h2_stream_t, link);

        q = q->next;
        if (s->out == NULL && !s->finishing && s->r->drain.state == WR_OP_PENDING) {
            wr_req_drained(s->r);
        }
    }
    h2->draining = false;
}

/* ---- */

static wr_rc_t
write_all(h2_t *h2)
{
    wr_rc_t rc = WR_OK;

    for (int round = 0; rc == WR_OK; round++) {
        size_t n;

        if (h2->rest != NULL) {
            rc = write_rest(h2);
            continue;
        }
        if (round >= ROUNDS) {
            h2_flush_later(h2);
            return WR_OK;
        }
        n = gather(h2);
        if (n != 0) {
            rc = write_scratch(h2);
        } else if (h2->rest == NULL && h2->control.n == 0) {
            h2->acks = 0;
            return WR_OK;
        }
    }
    return rc;
}

void
h2_flush(h2_t *h2)
{
    wr_rc_t rc;

    if (h2->dead || h2->lingering || h2->flushing) {
        return;
    }
    h2_enter(h2);
    h2->flushing = true;
    rc = write_all(h2);
    h2->flushing = false;
    h2->blocked = rc == WR_AGAIN;
    if (rc == WR_AGAIN) {
        h2->since = wr_clock.mono;
        h2_set_timer(h2);
    } else if (rc != WR_OK) {
        h2_close(h2);
    }
    if (!h2->dead) {
        tell_drained(h2);
    }
    h2_leave(h2);
}

void
h2_flush_later(h2_t *h2)
{
    if (!h2->dead) {
        wr_post(&h2->flush);
    }
}
