/*
 * HTTP/2: the life of a connection.
 *
 * Frames are written by nghttp2 into a buffer of the worker; what the kernel does
 * not take is kept with the connection. One flush a turn serves all streams.
 */
#include "h2.h"

#include <errno.h>
#include <stdlib.h>
#include <weir/http/status.h>
#include <weir/net/tls.h>

enum { SCRATCH = 64 * 1024, ROUNDS = 16, RETIRE_MS = 1000, RESETS = 200, RESET_RATE = 100 };

/* ---- output ---- */

static char   scratch[SCRATCH];
static size_t scratch_n;

size_t
h2_room(void)
{
    return SCRATCH - scratch_n;
}

void
h2_put(const void *p, size_t n)
{
    WR_ASSERT(n <= SCRATCH - scratch_n);
    memcpy(scratch + scratch_n, p, n);
    scratch_n += n;
}

static ssize_t
on_send(nghttp2_session *n, const uint8_t *p, size_t size, int flags, void *data)
{
    size_t part = wr_min_size(size, SCRATCH - scratch_n);

    (void) n;
    (void) flags;
    (void) data;
    if (part == 0) {
        return NGHTTP2_ERR_WOULDBLOCK;
    }
    h2_put(p, part);
    return (ssize_t) part;
}

static const wr_http_core_t *
core_of(const h2_t *h2)
{
    return h2->endpoint->default_server->conf[wr_http_core_module.schema.index];
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
        h2->rest_n = scratch_n - sent;
        h2->rest_at = 0;
        h2->rest = malloc(h2->rest_n);
        WR_ASSERT(h2->rest != NULL);
        memcpy(h2->rest, scratch + sent, h2->rest_n);
    }
    return rc;
}

/* Tells those whose output is with the kernel. */
static void
tell_drained(h2_t *h2)
{
    wr_queue_t *q = h2->streams.next;

    if (h2->draining) {
        return;
    }
    h2->draining = true;
    while (q != &h2->streams) {
        h2_stream_t *s = WR_QUEUE_ITEM(q, h2_stream_t, link);

        q = q->next;
        if (s->out == NULL && !s->finishing && s->r->drain.state == WR_OP_PENDING) {
            wr_req_drained(s->r);
        }
    }
    h2->draining = false;
}

static void
shut_down(h2_t *h2)
{
    if (h2->lingering) {
        return;
    }
    if (h2->conn.eof || h2->conn.error || h2->conn.io->shutdown(&h2->conn) != WR_OK) {
        h2_close(h2);
        return;
    }
    h2->lingering = true;
    wr_timer_cancel(&h2->conn.timer);
    wr_timer_set(&h2->conn.timer, core_of(h2)->lingering_timeout);
}

/* Streams that have failed: what there was of their answers has left. False: there
 * are none. */
static bool
send_resets(h2_t *h2)
{
    if (h2->n_resets == 0) {
        return false;
    }
    for (wr_queue_t *q = h2->streams.next; q != &h2->streams; q = q->next) {
        h2_stream_t *s = WR_QUEUE_ITEM(q, h2_stream_t, link);

        if (s->reset != 0 && !s->closed) {
            h2_drop_out(s);
            (void) nghttp2_submit_rst_stream(h2->session, NGHTTP2_FLAG_NONE, s->id, s->reset);
        }
        s->reset = 0;
    }
    h2->n_resets = 0;
    return true;
}

void
h2_flush(h2_t *h2)
{
    wr_rc_t rc = WR_OK;

    if (h2->dead || h2->lingering || h2->inside) {
        return;
    }
    h2_enter(h2);
    for (int round = 0; rc == WR_OK; round++) {
        int err;

        if (h2->rest != NULL) {
            rc = write_rest(h2);
            continue;
        }
        if (round >= ROUNDS) {
            h2_flush_later(h2);
            break;
        }
        scratch_n = 0;
        h2->inside = true;
        err = nghttp2_session_send(h2->session);
        h2->inside = false;
        if (err != 0) {
            wr_log(h2->conn.log, WR_LOG_ERR, 0, "nghttp2_session_send() failed: %s",
                   nghttp2_strerror(err));
            rc = WR_ERROR;
            break;
        }
        if (scratch_n != 0) {
            rc = write_scratch(h2);
        } else if (!send_resets(h2)) {
            break;
        }
    }
    h2->blocked = rc == WR_AGAIN;
    if (rc == WR_AGAIN) {
        wr_timer_set(&h2->conn.timer, core_of(h2)->send_timeout);
    } else if (rc != WR_OK) {
        h2_close(h2);
    }
    if (!h2->dead) {
        tell_drained(h2);
    }
    h2_leave(h2);
}

static void
flush_now(wr_post_t *p)
{
    h2_flush(WR_CONTAINER(p, h2_t, flush));
}

void
h2_flush_later(h2_t *h2)
{
    if (!h2->dead) {
        wr_post(&h2->flush);
    }
}

/* ---- streams ---- */

static void
free_stream(h2_stream_t *s)
{
    wr_req_t *r = s->r;
    h2_t     *h2 = s->h2;

    wr_timer_cancel(&s->timer);
    h2_drop_out(s);
    h2_drop_held(s);
    wr_queue_remove(&s->link);
    h2->n_streams--;
    if (!s->closed && h2->session != NULL) {
        (void) nghttp2_session_set_stream_user_data(h2->session, s->id, NULL);
    }
    if (s->started) {
        wr_req_log(r);
    }
    r->conn = NULL;
    wr_req_free(r);
}

void
h2_stream_gone(h2_stream_t *s)
{
    wr_req_t *r = s->r;

    s->closed = true;
    h2_drop_out(s);
    if (s->started && r->shielded) {
        wr_req_abort(r);        /* later */
        return;
    }
    if (s->started && !s->finishing && !r->aborted) {
        if (r->status == 0) {
            r->status = WR_STATUS_CLIENT_CLOSED;
        }
        wr_log(&r->log, WR_LOG_INFO, 0, "client canceled stream %d", s->id);
        wr_req_abort(r);
    }
}

static void
finish(wr_req_t *r, wr_rc_t outcome)
{
    h2_stream_t *s = r->front_data;
    h2_t        *h2 = s->h2;

    h2_enter(h2);
    s->finishing = true;
    if (!s->closed && !h2->dead) {
        bool broken = outcome < 0 || r->closed || !s->head_out;

        if (r->aborted && r->status == 0) {
            r->status = WR_STATUS_CLIENT_CLOSED;
        }
        if (broken && !s->ended) {
            s->reset = r->closed ? NGHTTP2_PROTOCOL_ERROR : NGHTTP2_INTERNAL_ERROR;
            h2->n_resets++;
        }
        h2_flush_later(h2);
    }
    h2_leave(h2);
}

static void
free_finished(h2_t *h2)
{
    wr_queue_t *q = h2->streams.next;

    while (q != &h2->streams) {
        h2_stream_t *s = WR_QUEUE_ITEM(q, h2_stream_t, link);

        q = q->next;
        if ((s->closed || h2->dead) && (s->finishing || !s->started)) {
            free_stream(s);
        }
    }
}

const wr_front_t h2_front = {
    .name = "h2",
    .send_head = h2_send_head,
    .send_body = h2_send_body,
    .pending = h2_pending,
    .read_body = h2_read_body,
    .finish = finish,
    .send_continue = h2_send_continue,
};

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
        h2_stream_gone(WR_QUEUE_ITEM(q, h2_stream_t, link));
    }
    wr_client_remove(&h2->client);
    h2_leave(h2);
}

/* No further streams; those that run are served. */
static void
go_away(h2_t *h2)
{
    if (h2->ending || h2->dead) {
        return;
    }
    h2->ending = true;
    (void) nghttp2_submit_goaway(h2->session, NGHTTP2_FLAG_NONE,
                                 nghttp2_session_get_last_proc_stream_id(h2->session),
                                 NGHTTP2_NO_ERROR, NULL, 0);
    h2_flush_later(h2);
}

static void
set_idle(h2_t *h2)
{
    bool idle = h2->n_streams == 0;

    wr_client_idle(&h2->client, idle);
    if (idle && !h2->blocked && !wr_timer_is_set(&h2->conn.timer)) {
        wr_timer_set(&h2->conn.timer, core_of(h2)->keepalive_timeout);
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
        free_finished(h2);
        if (!h2->dead) {
            bool over = nghttp2_session_want_read(h2->session) == 0
                        && nghttp2_session_want_write(h2->session) == 0;

            if (h2->rest == NULL && !h2->inside && !h2->flush.queued
                && (over || (h2->ending && h2->n_streams == 0)))
            {
                shut_down(h2);
            }
        }
        if (!h2->dead && !h2->lingering) {
            set_idle(h2);
        }
    }
    if (--h2->busy != 0 || !h2->dead) {
        return;
    }
    if (!wr_queue_empty(&h2->streams)) {
        /* Requests that were told to end and have not yet. */
        return;
    }
    nghttp2_session_del(h2->session);
    wr_conn_close(&h2->conn);
    free(h2->rest);
    free(h2);
}

/* ---- entries from the loop ---- */

static void
take_in(h2_t *h2, const char *p, size_t n)
{
    ssize_t used;

    h2->inside = true;
    used = nghttp2_session_mem_recv(h2->session, (const uint8_t *) p, n);
    h2->inside = false;
    if (used < 0) {
        wr_log(h2->conn.log, WR_LOG_INFO, 0, "client sent bad HTTP/2: %s",
               nghttp2_strerror((int) used));
        h2_flush(h2);           /* the GOAWAY that says so */
        h2_close(h2);
        return;
    }
    h2_flush_later(h2);
}

static void
read_in(h2_t *h2)
{
    static char buffer[64 * 1024];

    for (int i = 0; i < ROUNDS && !h2->dead; i++) {
        size_t  n;
        wr_rc_t rc = wr_conn_recv(&h2->conn, buffer, sizeof(buffer), &n);

        if (rc == WR_AGAIN) {
            return;
        }
        if (rc != WR_OK) {
            h2_close(h2);
            return;
        }
        if (!h2->lingering) {
            take_in(h2, buffer, n);
        }
        if (!h2->conn.watch.readable) {
            return;
        }
    }
    if (!h2->dead) {
        /* The others have their turn; the rest is read after the flush. */
        h2_flush_later(h2);
    }
}

static void
on_read(wr_watch_t *w)
{
    h2_t *h2 = WR_CONTAINER(w, h2_t, conn.watch);

    if (h2->dead) {
        return;
    }
    h2_enter(h2);
    do {
        read_in(h2);
    } while (!h2->dead && h2->conn.watch.readable);
    if (h2->flush.queued && !h2->dead) {
        /* What was answered at once leaves while it is still in the cache. */
        wr_unpost(&h2->flush);
        h2_flush(h2);
    }
    h2_leave(h2);
}

static void
on_write(wr_watch_t *w)
{
    h2_t *h2 = WR_CONTAINER(w, h2_t, conn.watch);

    if (h2->dead) {
        return;
    }
    if (h2->blocked) {
        wr_timer_cancel(&h2->conn.timer);
        h2->blocked = false;
        h2_flush(h2);
    }
}

static void
on_timer(wr_timer_t *t)
{
    h2_t *h2 = WR_CONTAINER(t, h2_t, conn.timer);

    if (h2->dead) {
        return;
    }
    h2_enter(h2);
    if (h2->lingering) {
        h2_close(h2);
    } else if (h2->blocked) {
        wr_log(h2->conn.log, WR_LOG_INFO, ETIMEDOUT, "client timed out");
        h2_close(h2);
    } else if (h2->n_streams == 0) {
        go_away(h2);
    } else {
        wr_queue_t *q;

        /* A head that does not come to its end. */
        for (q = h2->streams.next; q != &h2->streams; q = q->next) {
            if (!WR_QUEUE_ITEM(q, h2_stream_t, link)->head_done) {
                wr_log(h2->conn.log, WR_LOG_INFO, ETIMEDOUT, "client timed out");
                h2_close(h2);
                break;
            }
        }
    }
    h2_leave(h2);
}

static void
on_retire(wr_timer_t *t)
{
    h2_t *h2 = WR_CONTAINER(t, h2_t, retire);

    h2_enter(h2);
    go_away(h2);
    h2_leave(h2);
}

static void
client_quit(wr_client_t *c, bool now)
{
    h2_t *h2 = WR_CONTAINER(c, h2_t, client);

    h2_enter(h2);
    if (now) {
        go_away(h2);
    } else if (!h2->ending && !h2->dead) {
        /* First the notice; streams that are on their way are still served. */
        (void) nghttp2_submit_shutdown_notice(h2->session);
        h2->retire.fn = on_retire;
        wr_timer_set(&h2->retire, RETIRE_MS);
        h2_flush_later(h2);
    }
    h2_leave(h2);
}

static void
client_close(wr_client_t *c)
{
    h2_close(WR_CONTAINER(c, h2_t, client));
}

static const wr_client_type_t client_type = {client_quit, client_close};

/* ---- nghttp2's events of sending ---- */

static int
on_frame_send(nghttp2_session *n, const nghttp2_frame *f, void *data)
{
    h2_stream_t *s;
    h2_t        *h2 = data;

    if (f->hd.type != NGHTTP2_HEADERS && f->hd.type != NGHTTP2_DATA) {
        return 0;
    }
    s = nghttp2_session_get_stream_user_data(n, f->hd.stream_id);
    if (s == NULL) {
        return 0;
    }
    if (f->hd.type == NGHTTP2_HEADERS) {
        s->r->bytes_sent += (int64_t) f->hd.length + 9;
    }
    if ((f->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) {
        s->ended = true;
        wr_timer_cancel(&s->timer);
        if (!s->in_done) {
            /* The rest of the request is not wanted. */
            (void) nghttp2_submit_rst_stream(h2->session, NGHTTP2_FLAG_NONE, s->id,
                                             NGHTTP2_NO_ERROR);
        }
    }
    return 0;
}

static int
on_stream_close(nghttp2_session *n, int32_t id, uint32_t error, void *data)
{
    h2_stream_t *s = nghttp2_session_get_stream_user_data(n, id);

    (void) data;
    (void) error;
    if (s != NULL) {
        (void) nghttp2_session_set_stream_user_data(n, id, NULL);
        h2_stream_gone(s);
    }
    return 0;
}

/* ---- taking a connection over ---- */

static nghttp2_session_callbacks *
callbacks(void)
{
    static nghttp2_session_callbacks *c;

    if (c == NULL) {
        int rc = nghttp2_session_callbacks_new(&c);

        WR_ASSERT(rc == 0);
        nghttp2_session_callbacks_set_send_callback(c, on_send);
        nghttp2_session_callbacks_set_send_data_callback(c, h2_write_data);
        nghttp2_session_callbacks_set_data_source_read_length_callback(c, h2_data_size);
        nghttp2_session_callbacks_set_on_begin_headers_callback(c, h2_on_begin_headers);
        nghttp2_session_callbacks_set_on_header_callback(c, h2_on_header);
        nghttp2_session_callbacks_set_on_invalid_header_callback(c, h2_on_bad_header);
        nghttp2_session_callbacks_set_on_begin_frame_callback(c, h2_on_frame_begin);
        nghttp2_session_callbacks_set_on_frame_recv_callback(c, h2_on_frame);
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(c, h2_on_data);
        nghttp2_session_callbacks_set_on_frame_send_callback(c, on_frame_send);
        nghttp2_session_callbacks_set_on_stream_close_callback(c, on_stream_close);
    }
    return c;
}

static nghttp2_option *
options(void)
{
    static nghttp2_option *o;

    if (o == NULL) {
        int rc = nghttp2_option_new(&o);

        WR_ASSERT(rc == 0);
        nghttp2_option_set_no_auto_window_update(o, 1);
        nghttp2_option_set_no_closed_streams(o, 1);
        nghttp2_option_set_max_settings(o, 32);
        nghttp2_option_set_max_outbound_ack(o, 128);
        nghttp2_option_set_stream_reset_rate_limit(o, RESETS, RESET_RATE);
    }
    return o;
}

static bool
begin(h2_t *h2)
{
    nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, (uint32_t) h2->conf->max_streams},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, (uint32_t) h2->conf->preread_size},
    };

    if (nghttp2_session_server_new3(&h2->session, callbacks(), h2, options(), h2_memory())
        != 0)
    {
        return false;
    }
    return nghttp2_submit_settings(h2->session, NGHTTP2_FLAG_NONE, settings,
                                   WR_COUNT(settings)) == 0
           && nghttp2_session_set_local_window_size(h2->session, NGHTTP2_FLAG_NONE, 0,
                                                    INT32_MAX) == 0;
}

static bool
enabled(const wr_endpoint_t *e, const wr_server_t *server)
{
    const wr_server_t *s = server != NULL ? server : e->default_server;

    return e->http2 || ((const h2_conf_t *) s->conf[WR_SELF->schema.index])->on;
}

static void
take(wr_conn_t *from, wr_client_t *client, const wr_endpoint_t *e, const wr_addr_t *peer,
     wr_str_t early)
{
    h2_t *h2 = calloc(1, sizeof(*h2));

    WR_ASSERT(h2 != NULL);
    h2->endpoint = e;
    h2->conf = e->default_server->conf[WR_SELF->schema.index];
    h2->peer = *peer;
    h2->born = wr_clock.mono;
    wr_queue_init(&h2->streams);
    wr_client_replace(client, &h2->client, &client_type);
    if (wr_conn_move(&h2->conn, from) != WR_OK) {
        h2->conn.error = true;
    }
    wr_tls_moved(&h2->conn);
    h2->conn.watch.on_read = on_read;
    h2->conn.watch.on_write = on_write;
    h2->conn.timer.fn = on_timer;
    h2->flush.fn = flush_now;
    h2_enter(h2);
    if (!begin(h2) || h2->conn.error) {
        h2_close(h2);
    } else {
        wr_timer_set(&h2->conn.timer, core_of(h2)->client_header_timeout);
        if (early.n != 0) {
            take_in(h2, early.p, early.n);
        }
        if (!h2->dead && h2->conn.watch.readable) {
            read_in(h2);
        }
        h2_flush_later(h2);
    }
    h2_leave(h2);
}

static const wr_http2_t hook = {enabled, take};

/* ---- conf ---- */

static wr_rc_t
obsolete(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    (void) conf;
    wr_conf_warn(cf, NULL, "the \"%s\" directive is obsolete", d->name);
    return WR_OK;
}

static wr_rc_t
get_http2(wr_req_t *r, const wr_var_t *v, wr_str_t *value)
{
    const wr_req_t *m = r->main;

    (void) v;
    *value = m->version != WR_HTTP_20 ? WR_STR("")
             : m->conn != NULL && m->conn->tls != NULL ? WR_STR("h2") : WR_STR("h2c");
    return WR_OK;
}

__attribute__((constructor)) static void
init(void)
{
    wr_http2 = &hook;
}

static wr_rc_t
check(wr_conf_t *cf, wr_scope_t *scope, void *c, const void *outer)
{
    h2_conf_t *conf = c;

    (void) outer;
    if (conf->preread_size > INT32_MAX) {
        return wr_conf_fail(cf, &scope->at, "the \"http2_body_preread_size\" is too large");
    }
    conf->chunk_size = wr_max_size(1024, wr_min_size(conf->chunk_size, 16384));
    return WR_OK;
}

#define OLD(name, value)                                                      \
    WR_ACTION(name, WR_HTTP | WR_SERVER, 1, 2, obsolete, "Obsolete; has no effect.", \
              .example = name " " value ";")

WR_MODULE(v2,
    .doc = "HTTP/2",
    .schema.directives = (const wr_directive_t[]) {
        WR_FLAG("http2", WR_HTTP | WR_SERVER, h2_conf_t, on, "off",
                "HTTP/2 is spoken, beside HTTP/1, with TLS and without.",
                .example = "http2 on;"),
        WR_INT("http2_max_concurrent_streams", WR_HTTP | WR_SERVER, h2_conf_t, max_streams,
               "128",
               "How many requests a connection may have under way; further ones are refused "
               "until one ends.",
               .extra = &(wr_bounds_t) {1, 65536},
               .example = "http2_max_concurrent_streams 256;"),
        WR_SIZE("http2_chunk_size", WR_ANY, h2_conf_t, chunk_size, "8k",
                "The size of frames of bodies.",
                .example = "http2_chunk_size 16k;"),
        WR_SIZE("http2_body_preread_size", WR_HTTP | WR_SERVER, h2_conf_t, preread_size,
                "64k", "How much of a body may come before it is asked for.",
                .example = "http2_body_preread_size 128k;"),
        WR_SIZE("http2_recv_buffer_size", WR_HTTP, h2_conf_t, recv_buffer_size, "256k",
                "Accepted for nginx's sake; has no effect.",
                .example = "http2_recv_buffer_size 256k;"),
        OLD("http2_pool_size", "4k"),
        OLD("http2_recv_timeout", "30s"),
        OLD("http2_idle_timeout", "3m"),
        OLD("http2_max_requests", "1000"),
        OLD("http2_max_field_size", "4k"),
        OLD("http2_max_header_size", "16k"),
        OLD("http2_push", "/style.css"),
        OLD("http2_push_preload", "on"),
        OLD("http2_max_concurrent_pushes", "10"),
        WR_END
    },
    .schema.size = sizeof(h2_conf_t),
    .schema.check = check,
    .variables = (const wr_var_row_t[]) {
        {"http2", get_http2, NULL, 0, 0, "h2 over TLS, h2c without, else empty"},
        {.name = NULL}
    });
