/*
 * HTTP/2: the life of a connection.
 *
 * One timer serves whatever the connection waits for: it is set late and looks at
 * what is true when it fires, so requests that come and go do not touch it.
 */
#include "h2.h"

#include <errno.h>
#include <stdlib.h>
#include <weir/net/tls.h>
#include <weir/process/process.h>

enum { ROUNDS = 16, RETIRE_MS = 5000, READ = 64 * 1024, MUCH = 16 * 1024,
       TOO_MUCH = 256 * 1024 };

const wr_http_core_t *
h2_core(const h2_t *h2)
{
    return h2->endpoint->default_server->conf[wr_http_core_module.schema.index];
}

/* ---- the timer ---- */

/* When it gives up what it waits for; -1: it waits for nothing of the client. */
static wr_msec_t
main_due(const h2_t *h2)
{
    const wr_http_core_t *core = h2_core(h2);

    if (h2->lingering) {
        return h2->since + core->lingering_timeout;
    }
    if (h2->blocked) {
        return h2->since + core->send_timeout;
    }
    if (h2->head_id != 0) {
        return h2->head_since + core->client_header_timeout;
    }
    if (h2->n_streams == 0) {
        return h2->since + (h2->requests == 0 ? core->client_header_timeout
                                              : core->keepalive_timeout);
    }
    return -1;
}

/* RFC 9113 §6.5.3: our SETTINGS are to be acknowledged in a reasonable time. */
static wr_msec_t
ack_due(const h2_t *h2)
{
    return h2->acked || h2->ending || h2->lingering
               ? -1 : h2->born + h2_core(h2)->client_header_timeout;
}

static wr_msec_t
due(const h2_t *h2)
{
    wr_msec_t one = main_due(h2), other = ack_due(h2);

    return one < 0 ? other : other < 0 || one < other ? one : other;
}

void
h2_set_timer(h2_t *h2)
{
    wr_msec_t when = due(h2);

    if (when >= 0 && (!wr_timer_is_set(&h2->conn.timer) || h2->conn.timer.when > when)) {
        wr_timer_set(&h2->conn.timer, when - wr_clock.mono);
    }
}

/* ---- the end ---- */

void
h2_close(h2_t *h2)
{
    wr_queue_t *q;

    if (h2->dead) {
        return;
    }
    h2_enter(h2);
    h2->dead = true;
    wr_unpost(&h2->flush);
    wr_timer_cancel(&h2->retire);
    for (q = h2->streams.next; q != &h2->streams; q = q->next) {
        h2_stream_close(WR_QUEUE_ITEM(q, h2_stream_t, link), H2_BY_US);
    }
    wr_client_idle(&h2->client, false);
    h2_leave(h2);
}

/* What is out may still be read; what comes is dropped. */
static void
shut_down(h2_t *h2)
{
    if (h2->lingering || h2->dead) {
        return;
    }
    if (h2->conn.eof || h2->conn.error || h2->conn.io->shutdown(&h2->conn) != WR_OK) {
        h2_close(h2);
        return;
    }
    h2->lingering = true;
    h2->since = wr_clock.mono;
    wr_timer_cancel(&h2->conn.timer);
    h2_set_timer(h2);
}

void
h2_fail(h2_t *h2, h2_error_t error, const char *what)
{
    wr_queue_t *q;

    if (h2->dead || h2->lingering) {
        return;
    }
    h2_enter(h2);
    wr_log(wr_conn_log(&h2->conn), WR_LOG_INFO, 0, "client sent bad HTTP/2: %s", what);
    for (q = h2->streams.next; q != &h2->streams; q = q->next) {
        h2_stream_close(WR_QUEUE_ITEM(q, h2_stream_t, link), H2_BY_US);
    }
    h2->ending = true;
    h2->head_id = 0;
    h2_put_goaway(h2, h2->last_id, error);
    h2_flush(h2);
    if (h2->blocked) {
        h2_close(h2);
    } else {
        shut_down(h2);
    }
    h2_leave(h2);
}

/* No further streams; those that run are served. */
static void
go_away(h2_t *h2, h2_error_t error)
{
    if (!h2->ending && !h2->dead) {
        h2->ending = true;
        h2_put_goaway(h2, h2->last_id, error);
    }
}

static void
destroy(h2_t *h2)
{
    h2_leave_scratch(h2);
    wr_client_remove(&h2->client);
    nghttp2_hd_inflate_del(h2->inflater);
    wr_conn_close(&h2->conn);
    wr_buf_free(&h2->control);
    free((char *) (uintptr_t) h2->authority.p);
    free(h2->stash);
    free(h2->table);
    free(h2->rest);
    free(h2);
}

static void
set_idle(h2_t *h2)
{
    bool idle = h2->n_streams == 0;

    if (idle && !h2->client.idle && !h2->blocked) {
        h2->since = wr_clock.mono;
        wr_client_idle(&h2->client, true);
        h2_set_timer(h2);
    } else {
        wr_client_idle(&h2->client, idle);
    }
}

void
h2_enter(h2_t *h2)
{
    h2->busy++;
}

void
h2_leave(h2_t *h2)
{
    if (h2->busy == 1) {
        h2_free_over(h2);
        if (!h2->dead && (h2->ending || h2->peer_ends) && h2->n_streams == 0
            && h2->rest == NULL && h2->control.n == 0 && !h2->flush.queued)
        {
            shut_down(h2);
        }
        if (!h2->dead && !h2->lingering) {
            set_idle(h2);
        }
    }
    /* Requests that were told to end may not have yet. */
    if (--h2->busy == 0 && h2->dead && wr_queue_empty(&h2->streams)) {
        destroy(h2);
    }
}

/* ---- entries from the loop ---- */

static uint8_t input[H2_HEAD + H2_PAYLOAD + READ];

/* One piece. False: there is no more, or the end. */
static bool
read_some(h2_t *h2)
{
    size_t  n, had = h2->stash_n;
    wr_rc_t rc;

    rc = wr_conn_recv(&h2->conn, input + had, READ, &n);
    if (rc == WR_AGAIN) {
        return false;
    }
    if (rc != WR_OK) {
        h2_close(h2);
        return false;
    }
    if (h2->lingering) {
        return true;
    }
    if (had != 0) {
        memcpy(input, h2->stash, had);
        free(h2->stash);
        h2->stash = NULL;
        h2->stash_n = 0;
    }
    h2_take_in(h2, input, had + n);
    if (h2->control.n > TOO_MUCH) {
        h2_fail(h2, H2_ENHANCE_YOUR_CALM, "it does not read");
    } else if (h2->control.n > MUCH) {
        h2_flush(h2);
    }
    return true;
}

/* What was answered at once leaves while it is still in the cache. If there is more
 * to read, the others have their turn first. */
static void
read_in(h2_t *h2)
{
    h2_enter(h2);
    for (int i = 0; i < ROUNDS && !h2->dead && h2->conn.watch.readable; i++) {
        if (!read_some(h2)) {
            break;
        }
    }
    if (h2->flush.queued && !h2->dead) {
        wr_unpost(&h2->flush);
        h2_flush(h2);
    }
    if (!h2->dead && h2->conn.watch.readable) {
        h2_flush_later(h2);
    }
    h2_leave(h2);
}

static void
flush_now(wr_post_t *p)
{
    h2_t *h2 = WR_CONTAINER(p, h2_t, flush);

    h2_enter(h2);
    h2_flush(h2);
    if (!h2->dead && h2->conn.watch.readable) {
        read_in(h2);
    }
    h2_leave(h2);
}

static void
on_read(wr_watch_t *w)
{
    h2_t *h2 = WR_CONTAINER(w, h2_t, conn.watch);

    if (!h2->dead) {
        read_in(h2);
    }
}

static void
on_write(wr_watch_t *w)
{
    h2_t *h2 = WR_CONTAINER(w, h2_t, conn.watch);

    if (!h2->dead && h2->blocked) {
        h2->blocked = false;
        h2_flush(h2);
    }
}

static void
on_timer(wr_timer_t *t)
{
    h2_t     *h2 = WR_CONTAINER(t, h2_t, conn.timer);
    wr_msec_t when = due(h2);

    if (h2->dead || when < 0) {
        return;
    }
    if (when > wr_clock.mono) {
        wr_timer_set(t, when - wr_clock.mono);
        return;
    }
    h2_enter(h2);
    when = main_due(h2);
    if (when < 0 || when > wr_clock.mono) {
        /* What runs is served: a client that forgets it harms nobody. */
        wr_log(wr_conn_log(&h2->conn), WR_LOG_INFO, ETIMEDOUT,
               "client did not acknowledge SETTINGS");
        go_away(h2, H2_SETTINGS_TIMEOUT);
        h2_set_timer(h2);
    } else if (h2->lingering) {
        h2_close(h2);
    } else if (h2->blocked || h2->head_id != 0) {
        wr_log(wr_conn_log(&h2->conn), WR_LOG_INFO, ETIMEDOUT, "client timed out");
        h2_close(h2);
    } else {
        go_away(h2, H2_NO_ERROR);
    }
    h2_leave(h2);
}

static void
on_retire(wr_timer_t *t)
{
    h2_t *h2 = WR_CONTAINER(t, h2_t, retire);

    h2_enter(h2);
    go_away(h2, H2_NO_ERROR);
    h2_leave(h2);
}

void
h2_notice_read(h2_t *h2)
{
    if (h2->noticed && wr_timer_is_set(&h2->retire)) {
        wr_timer_cancel(&h2->retire);
        go_away(h2, H2_NO_ERROR);
    }
}

/* First the notice; streams that are on their way are still served. Whoever has asked for
 * nothing yet has connected to do so: the notice comes with his first request. */
void
h2_retire(h2_t *h2)
{
    if (h2->ending || h2->dead || h2->noticed
        || (h2->requests == 0 && wr_timer_is_set(&h2->retire)))
    {
        return;
    }
    if (h2->requests != 0) {
        h2->noticed = true;
        h2_put_notice(h2);
    }
    h2->retire.fn = on_retire;
    wr_timer_set(&h2->retire, RETIRE_MS);
}

static void
client_quit(wr_client_t *c, bool now)
{
    h2_t *h2 = WR_CONTAINER(c, h2_t, client);

    h2_enter(h2);
    if (now) {
        go_away(h2, H2_NO_ERROR);
    } else {
        h2_retire(h2);
    }
    h2_leave(h2);
}

/* The worker ends: what would go on without its client as well. */
static void
client_close(wr_client_t *c)
{
    h2_t *h2 = WR_CONTAINER(c, h2_t, client);

    h2_enter(h2);
    h2_close(h2);
    for (wr_queue_t *q = h2->streams.next; q != &h2->streams; q = q->next) {
        h2_stream_t *s = WR_QUEUE_ITEM(q, h2_stream_t, link);

        /* Of a shielded one nothing else may be looked at: it may be a thread's. */
        if (s->started && !s->finishing && (s->r->shielded || !s->r->aborted)) {
            wr_req_abort(s->r);
        }
    }
    h2_leave(h2);
}

static const wr_client_type_t client_type = {client_quit, client_close};

/* ---- taking a connection over ---- */

static void
describe(void *conn, wr_buf_t *line)
{
    const h2_t *h2 = WR_CONTAINER(conn, h2_t, conn);

    wr_buf_lit(line, " while processing HTTP/2 connection");
    wr_client_put(line, &h2->peer.u.sa, h2->peer.len, h2->endpoint);
}

static wr_log_t own_log;

static h2_t *
make(const wr_endpoint_t *e, const wr_addr_t *peer)
{
    h2_t *h2 = calloc(1, sizeof(*h2));
    int   rc;

    WR_ASSERT(h2 != NULL);
    rc = nghttp2_hd_inflate_new2(&h2->inflater, h2_memory());
    WR_ASSERT(rc == 0);
    h2->endpoint = e;
    h2->conf = e->default_server->conf[WR_SELF->schema.index];
    h2->peer = *peer;
    h2->born = h2->since = wr_clock.mono;
    h2->send_window = h2->peer_window = h2->recv_window = h2->own_window = H2_WINDOW;
    h2_encoder_init(&h2->encoder);
    wr_queue_init(&h2->streams);
    wr_queue_init(&h2->ready);
    wr_queue_init(&h2->stalled);
    wr_queue_init(&h2->over);
    h2->flush.fn = flush_now;
    return h2;
}

static void
take(wr_conn_t *from, wr_client_t *client, const wr_endpoint_t *e, const wr_addr_t *peer,
     wr_str_t early)
{
    h2_t *h2 = make(e, peer);

    wr_client_replace(client, &h2->client, &client_type);
    if (wr_conn_move(&h2->conn, from) != WR_OK) {
        h2->conn.error = true;
    }
    h2->conn.log = wr_client_log(&own_log, describe);
    wr_tls_moved(&h2->conn);
    h2->conn.watch.on_read = on_read;
    h2->conn.watch.on_write = on_write;
    h2->conn.timer.fn = on_timer;
    h2_enter(h2);
    if (h2->conn.error) {
        h2_close(h2);
    } else {
        h2_put_settings(h2);
        if (wr_worker.quitting) {   /* its handshake took until now */
            client_quit(&h2->client, wr_worker.stopping);
        }
        if (early.n != 0) {
            h2_take_in(h2, (const uint8_t *) early.p, early.n);
        }
        h2_set_timer(h2);
        if (!h2->dead && h2->conn.watch.readable) {
            read_in(h2);
        }
    }
    h2_leave(h2);
}

static bool
enabled(const wr_endpoint_t *e, const wr_server_t *server)
{
    const wr_server_t *s = server != NULL ? server : e->default_server;

    return e->http2 || ((const h2_conf_t *) s->conf[WR_SELF->schema.index])->on;
}

const wr_http2_t h2_hook = {enabled, take};
