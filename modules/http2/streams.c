/*
 * HTTP/2: the table of streams, and how they begin and end. RFC 9113 §5.1.
 *
 * A stream has two ends: on the wire (`closed`), and of its request (`finishing`).
 * It is freed when both have come. Of those that are gone only the last few ids are
 * kept, to tell a client's fault from what was under way when a stream was reset.
 */
#include "h2.h"

#include <stdlib.h>
#include <weir/http/status.h>

/* ---- the table ---- */

static h2_stream_t **
slot_of(const h2_t *h2, uint32_t id)
{
    return &h2->table[(id >> 1) & (h2->table_n - 1)];
}

static void
grow(h2_t *h2)
{
    free(h2->table);
    h2->table_n = h2->table_n != 0 ? h2->table_n * 2 : 16;
    h2->table = calloc(h2->table_n, sizeof(*h2->table));
    WR_ASSERT(h2->table != NULL);
    for (wr_queue_t *q = h2->streams.next; q != &h2->streams; q = q->next) {
        h2_stream_t  *s = WR_QUEUE_ITEM(q, h2_stream_t, link);
        h2_stream_t **slot = slot_of(h2, s->id);

        s->next = *slot;
        *slot = s;
    }
}

h2_stream_t *
h2_stream_find(const h2_t *h2, uint32_t id)
{
    h2_stream_t *s;

    if (h2->table_n == 0) {
        return NULL;
    }
    for (s = *slot_of(h2, id); s != NULL && s->id != id; s = s->next) {
    }
    return s;
}

static void
take_out(h2_stream_t *s)
{
    h2_stream_t **at = slot_of(s->h2, s->id);

    while (*at != s) {
        at = &(*at)->next;
    }
    *at = s->next;
}

/* ---- what is past ---- */

static bool
has(const uint32_t *ids, uint32_t id)
{
    for (unsigned i = 0; i < H2_RECENT; i++) {
        if (ids[i] == id) {
            return true;
        }
    }
    return false;
}

h2_past_t
h2_past(const h2_t *h2, uint32_t id)
{
    if (id > h2->last_id || (id & 1) == 0) {
        return H2_IDLE;
    }
    return has(h2->reset_ids, id)      ? H2_BY_US
           : has(h2->done_ids, id)     ? H2_DONE
           : has(h2->done_ids, id - 1) ? H2_BY_CLIENT
                                       : H2_FORGOTTEN;
}

void
h2_remember_reset(h2_t *h2, uint32_t id)
{
    h2->reset_ids[h2->reset_at++ % H2_RECENT] = id;
}

/* ---- beginning ---- */

h2_stream_t *
h2_stream_new(h2_t *h2, uint32_t id)
{
    wr_req_t     *r = wr_req_new(&h2_front, NULL, &h2->conn, h2->endpoint->default_server);
    h2_stream_t  *s = WR_NEW(wr_pool(r), h2_stream_t);
    h2_stream_t **slot;

    s->h2 = h2;
    s->r = r;
    s->id = id;
    s->out_tail = &s->out;
    s->timer.fn = h2_on_stream_timer;
    s->send_window = h2->peer_window;
    s->recv_window = s->recv_limit = h2->own_window;
    wr_queue_init(&s->turn);
    r->front_data = s;
    r->version = WR_HTTP_20;
    r->number = ++h2->requests;
    r->peer = &h2->peer;        /* it stays until the last of its requests has gone */
    wr_req_has_peer(r);
    r->log.action = "while reading client request headers";
    if (h2->n_streams >= h2->table_n) {
        grow(h2);
    }
    slot = slot_of(h2, id);
    s->next = *slot;
    *slot = s;
    wr_queue_push(&h2->streams, &s->link);
    h2->n_streams++;
    h2->n_open++;
    return s;
}

/* ---- ending ---- */

void
h2_stream_over(h2_stream_t *s)
{
    if ((s->closed || s->h2->dead) && (s->finishing || !s->started)) {
        wr_queue_remove(&s->turn);
        wr_queue_push(&s->h2->over, &s->turn);
        s->queued = true;
    }
}

/* As over HTTP/1: a client that leaves ends what is only asked on his behalf, and what
 * waits for him. Anything else comes to its end, and finds nobody then. */
static bool
goes_on(const h2_stream_t *s)
{
    const wr_req_t *r = s->r;

    return (!r->abort_on_close || r->runs_on) && s->in_done && !r->head_sent
           && r->drain.state != WR_OP_PENDING
           && (r->body == NULL || r->body->op.state != WR_OP_PENDING);
}

void
h2_stream_end_if_left(h2_stream_t *s)
{
    wr_req_t *r = s->r;

    if (!s->closed || s->finishing) {
        return;
    }
    if (r->shielded) {
        wr_req_abort(r);        /* later */
        return;
    }
    if (goes_on(s)) {
        return;
    }
    if (!r->aborted) {
        if (r->status == 0) {
            r->status = WR_STATUS_CLIENT_CLOSED;
        }
        wr_log(&r->log, WR_LOG_INFO, 0, "client canceled stream %u", s->id);
        wr_req_abort(r);
    }
}

void
h2_stream_close(h2_stream_t *s, h2_past_t how)
{
    h2_t *h2 = s->h2;

    if (s->closed) {
        return;
    }
    s->closed = true;
    h2->n_open--;
    if (how != H2_BY_US) {
        h2->done_ids[h2->done_at++ % H2_RECENT] = how == H2_DONE ? s->id : s->id - 1;
    }
    if (wr_timer_is_set(&s->timer)) {
        wr_timer_cancel(&s->timer);
    }
    wr_queue_remove(&s->turn);
    s->queued = false;
    if (s->out != NULL) {
        h2_drop_out(s);
    }
    if (h2->head == s) {
        h2->head = NULL;        /* the rest of it is decoded all the same */
    }
    if (how != H2_DONE && s->started) {
        h2_stream_end_if_left(s);
    }
    h2_stream_over(s);
}

void
h2_stream_reset(h2_stream_t *s, h2_error_t error, const char *what)
{
    h2_t *h2 = s->h2;

    if (s->closed || h2->dead || h2->lingering) {
        return;
    }
    if (what != NULL) {
        wr_log(&s->r->log, WR_LOG_INFO, 0, "client sent bad HTTP/2: %s", what);
        if (!h2_calm_reset(h2)) {
            return;
        }
    }
    h2_put_rst(h2, s->id, error);
    if (!s->in_done) {
        h2_remember_reset(h2, s->id);
    }
    h2_stream_close(s, H2_BY_US);
}

static void
free_stream(h2_stream_t *s)
{
    wr_req_t *r = s->r;
    h2_t     *h2 = s->h2;

    if (wr_timer_is_set(&s->timer)) {
        wr_timer_cancel(&s->timer);
    }
    if (s->out != NULL) {
        h2_drop_out(s);
    }
    h2_drop_held(s);
    take_out(s);
    wr_queue_remove(&s->turn);
    wr_queue_remove(&s->link);
    h2->n_streams--;
    if (s->started) {
        wr_req_log(r);
    }
    r->conn = NULL;
    wr_req_free(r);
}

void
h2_free_over(h2_t *h2)
{
    wr_queue_t *q;

    while ((q = wr_queue_first(&h2->over)) != NULL) {
        free_stream(WR_QUEUE_ITEM(q, h2_stream_t, turn));
    }
}
