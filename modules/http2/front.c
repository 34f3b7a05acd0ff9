/*
 * HTTP/2: a stream as the front of its request, and its timer.
 */
#include "h2.h"

#include <errno.h>
#include <weir/http/status.h>

static void
time_out(h2_stream_t *s)
{
    wr_log(&s->r->log, WR_LOG_INFO, ETIMEDOUT, "client timed out");
    if (s->r->status == 0) {
        s->r->status = 408;
    }
    h2_stream_reset(s, H2_CANCEL, NULL);
}

void
h2_on_stream_timer(wr_timer_t *t)
{
    h2_stream_t *s = WR_CONTAINER(t, h2_stream_t, timer);
    h2_t        *h2 = s->h2;

    h2_enter(h2);
    if (s->delayed) {
        s->delayed = false;
        h2_make_ready(s);
    } else if (!s->closed && !h2->dead && (s->out != NULL || s->want_body)) {
        time_out(s);
    }
    h2_leave(h2);
}

static void
finish(wr_req_t *r, wr_rc_t outcome)
{
    h2_stream_t *s = r->front_data;
    h2_t        *h2 = s->h2;

    h2_enter(h2);
    s->finishing = true;
    if (s->closed || h2->dead) {
        h2_stream_over(s);
    } else {
        if (r->aborted && r->status == 0) {
            r->status = WR_STATUS_CLIENT_CLOSED;
        }
        if (outcome < 0 || r->closed || !s->head_ready) {
            s->broken = true;
            s->error = r->closed ? H2_PROTOCOL_ERROR : H2_INTERNAL_ERROR;
            /* It waits for no window any more. */
            wr_queue_remove(&s->turn);
            s->queued = false;
        }
        h2_make_ready(s);
    }
    h2_leave(h2);
}

static bool
has_left(const wr_req_t *r)
{
    const h2_stream_t *s = r->front_data;

    return s->closed;
}

static void
end_if_left(wr_req_t *r)
{
    h2_stream_t *s = r->front_data;
    h2_t        *h2 = s->h2;

    h2_enter(h2);
    h2_stream_end_if_left(s);
    h2_leave(h2);
}

const wr_front_t h2_front = {
    .name = "h2",
    .send_head = h2_send_head,
    .send_body = h2_send_body,
    .pending = h2_pending,
    .read_body = h2_read_body,
    .finish = finish,
    .send_continue = h2_send_continue,
    .has_left = has_left,
    .end_if_left = end_if_left,
};
