/*
 * HTTP/2: answers. nghttp2 asks how much of a body may be framed; the bytes are
 * copied once, from the segments behind the frame's head in the output buffer.
 */
#include "h2.h"

#include <unistd.h>
#include <weir_config.h>

enum { NOW = 48 * 1024 };       /* so much output is not left to the end of the turn */

/* ---- the head ---- */

/* Names and values live as long as the request, which nghttp2 does not outlive. */
static void
add(nghttp2_nv *nv, size_t *n, wr_str_t name, wr_str_t value)
{
    nv[(*n)++] = (nghttp2_nv) {(uint8_t *) (uintptr_t) name.p,
                               (uint8_t *) (uintptr_t) value.p, name.n, value.n,
                               NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE};
}

#define ADD(name, value) add(nv, &n, WR_STR(name), value)

static wr_str_t
number(wr_pool_t *pool, int64_t v)
{
    wr_buf_t b = wr_buf(pool);

    (void) wr_buf_reserve(&b, 20);
    wr_buf_int(&b, v);
    return wr_buf_text(&b);
}

static wr_str_t
status_text(wr_pool_t *pool, unsigned status)
{
    char *p;

    if (status == 200) {
        return WR_STR("200");
    }
    p = wr_alloc_bytes(pool, 3);
    p[0] = (char) ('0' + status / 100 % 10);
    p[1] = (char) ('0' + status / 10 % 10);
    p[2] = (char) ('0' + status % 10);
    return wr_str(p, 3);
}

static wr_str_t
server_name(const wr_req_t *r)
{
    switch (wr_http_core(r)->server_tokens) {
    case 0:
        return WR_STR("weir");
    case 1:
        return WR_STR("weir/" WR_VERSION);
    default:
        return sizeof(WR_BUILD) == 1 ? WR_STR("weir/" WR_VERSION)
                                     : WR_STR("weir/" WR_VERSION " (" WR_BUILD ")");
    }
}

static bool
is_of_connection(const wr_header_t *f)
{
    switch (f->id) {
    case WR_H_CONNECTION:
    case WR_H_CONTENT_LENGTH:
    case WR_H_TRANSFER_ENCODING:
    case WR_H_KEEP_ALIVE:
    case WR_H_PROXY_CONNECTION:
    case WR_H_UPGRADE:
        return true;
    default:
        return f->name.n == 0;
    }
}

static wr_str_t
lower(wr_req_t *r, wr_str_t name)
{
    char *to = wr_alloc_bytes(wr_pool(r), name.n);

    for (size_t i = 0; i < name.n; i++) {
        to[i] = wr_lower(name.p[i]);
    }
    return wr_str(to, name.n);
}

static size_t
make_head(wr_req_t *r, nghttp2_nv *nv)
{
    wr_pool_t *pool = wr_pool(r);
    size_t     n = 0;

    ADD(":status", status_text(pool, r->status));
    if (wr_headers_first(&r->out, WR_H_SERVER) == NULL) {
        ADD("server", server_name(r));
    }
    if (wr_headers_first(&r->out, WR_H_DATE) == NULL) {
        /* The clock's text changes under who waits for room. */
        ADD("date", wr_pool_str(pool, wr_clock_http()));
    }
    if (r->content_type.n != 0) {
        ADD("content-type", r->charset.n == 0 ? r->content_type
                            : wr_pool_join3(pool, r->content_type, WR_STR("; charset="),
                                            r->charset));
    }
    if (r->out_length >= 0) {
        ADD("content-length", number(pool, r->out_length));
    }
    if (r->last_modified >= 0 && wr_headers_first(&r->out, WR_H_LAST_MODIFIED) == NULL) {
        char *date = wr_alloc_bytes(pool, 30);

        ADD("last-modified", wr_str(date, wr_date_put(date, r->last_modified)));
    }
    for (WR_EACH_HEADER(f, &r->out)) {
        wr_str_t name = lower(r, f->name), value = f->value;

        if (is_of_connection(f) || wr_header_is_silent(f)) {
            continue;
        }
        if (f->id == WR_H_LOCATION) {
            wr_buf_t b = wr_buf(pool);

            wr_put_location(r, &b, value);
            value = wr_buf_text(&b);
        }
        add(nv, &n, name, value);
    }
    return n;
}

/* ---- the body, as nghttp2 asks for it ---- */

/* How much may leave now; 0: the timer has been set. */
static size_t
allowance(h2_stream_t *s)
{
    wr_req_t *r = s->r;
    int64_t   may;

    if (r->limit_rate <= 0) {
        return SIZE_MAX;
    }
    may = r->limit_rate * (wr_clock.sec - r->start_sec + 1)
          - (r->bytes_sent - r->limit_rate_after);
    if (may <= 0) {
        s->delayed = true;
        wr_timer_cancel(&s->timer);
        wr_timer_set(&s->timer, -may * 1000 / r->limit_rate + 1);
        return 0;
    }
    return (size_t) may;
}

static void
submit_trailers(h2_stream_t *s)
{
    wr_req_t   *r = s->r;
    nghttp2_nv *nv = WR_NEW_N(wr_pool(r), nghttp2_nv, r->trailers->n + 1u);
    size_t      n = 0;

    for (WR_EACH_HEADER(f, r->trailers)) {
        wr_str_t name = lower(r, f->name);

        add(nv, &n, name, f->value);
    }
    (void) nghttp2_submit_trailer(s->h2->session, s->id, nv, n);
}

static ssize_t
read_source(nghttp2_session *session, int32_t id, uint8_t *buf, size_t room, uint32_t *flags,
            nghttp2_data_source *source, void *data)
{
    h2_stream_t *s = source->ptr;
    size_t       n = wr_min_size(room, s->out_size);

    (void) session;
    (void) id;
    (void) buf;
    (void) data;
    if (n != 0) {
        n = s->delayed ? 0 : wr_min_size(n, allowance(s));
        if (n == 0) {
            s->deferred = true;
            return NGHTTP2_ERR_DEFERRED;
        }
    } else if (!s->out_last) {
        s->deferred = true;
        return NGHTTP2_ERR_DEFERRED;
    }
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (s->out_last && n == s->out_size) {
        *flags |= NGHTTP2_DATA_FLAG_EOF;
        if (s->r->trailers != NULL && s->r->trailers->n != 0) {
            *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
            submit_trailers(s);
        }
    }
    return (ssize_t) n;
}

ssize_t
h2_data_size(nghttp2_session *n, uint8_t type, int32_t id, int32_t session_window,
             int32_t stream_window, uint32_t max_frame, void *data)
{
    h2_stream_t     *s = nghttp2_session_get_stream_user_data(n, id);
    const h2_conf_t *conf = s != NULL ? wr_conf(s->r) : ((h2_t *) data)->conf;
    int64_t          size = (int64_t) conf->chunk_size;

    (void) type;
    size = session_window < size ? session_window : size;
    size = stream_window < size ? stream_window : size;
    return (ssize_t) (max_frame < size ? max_frame : size);
}

static void
drop_first(h2_stream_t *s)
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
        drop_first(s);
    }
    s->out_size = 0;
}

static bool
put_part(h2_stream_t *s, wr_seg_t *seg, size_t n)
{
    char bytes[16384];

    if (seg->file == NULL) {
        h2_put(seg->p, n);
        seg->p += n;
    } else {
        ssize_t got = pread(seg->file->fd, bytes, n, seg->at);

        if (got < (ssize_t) n) {
            wr_log(&s->r->log, WR_LOG_ALERT, 0,
                   "file \"%.*s\" was truncated while sending", WR_ARG(seg->file->path));
            return false;
        }
        h2_put(bytes, n);
        seg->at += (off_t) n;
    }
    seg->n -= n;
    s->out_size -= n;
    return true;
}

int
h2_write_data(nghttp2_session *session, nghttp2_frame *f, const uint8_t *head, size_t size,
              nghttp2_data_source *source, void *data)
{
    h2_stream_t *s = source->ptr;

    (void) session;
    (void) f;
    (void) data;
    /* Padding is never asked for, so head and body are the whole frame. */
    if (h2_room() < size + 9) {
        return NGHTTP2_ERR_WOULDBLOCK;
    }
    h2_put(head, 9);
    s->r->bytes_sent += (int64_t) size + 9;
    while (size != 0 || (s->out != NULL && s->out->n == 0)) {
        wr_seg_t *seg = s->out;
        size_t    n = wr_min_size(size, seg->n);

        if (n != 0 && !put_part(s, seg, n)) {
            return NGHTTP2_ERR_CALLBACK_FAILURE;
        }
        size -= n;
        if (seg->n == 0) {
            drop_first(s);
        }
    }
    if (s->out != NULL) {
        wr_timer_set(&s->timer, wr_http_core(s->r)->send_timeout);
    }
    return 0;
}

/* ---- the front ---- */

wr_rc_t
h2_send_head(wr_req_t *r)
{
    h2_stream_t          *s = r->front_data;
    h2_t                 *h2 = s->h2;
    nghttp2_nv           *nv = WR_NEW_N(wr_pool(r), nghttp2_nv, r->out.n + 8u);
    nghttp2_data_provider provider = {.source.ptr = s, .read_callback = read_source};
    size_t                n;

    if (s->closed || h2->dead) {
        return WR_ERROR;
    }
    n = make_head(r, nv);
    if (r->status < 200) {
        (void) nghttp2_submit_headers(h2->session, NGHTTP2_FLAG_NONE, s->id, NULL, nv, n,
                                      NULL);
        h2_flush_later(h2);
        return WR_OK;
    }
    if (nghttp2_submit_response(h2->session, s->id, nv, n, r->head_only ? NULL : &provider)
        != 0)
    {
        return WR_ERROR;
    }
    s->head_out = true;
    h2_flush_later(h2);
    return WR_OK;
}

void
h2_send_continue(wr_req_t *r)
{
    h2_stream_t *s = r->front_data;
    nghttp2_nv   nv[1];
    size_t       n = 0;

    if (s->closed || s->h2->dead || s->in_done || r->head_sent || r->expect_tested
        || !wr_str_ieqz(wr_req_header(r, WR_H_EXPECT), "100-continue"))
    {
        return;
    }
    r->expect_tested = 1;
    ADD(":status", WR_STR("100"));
    (void) nghttp2_submit_headers(s->h2->session, NGHTTP2_FLAG_NONE, s->id, NULL, nv, n,
                                  NULL);
    h2_flush_later(s->h2);
}

static void
resume(h2_stream_t *s)
{
    if (s->deferred && !s->delayed) {
        s->deferred = false;
        (void) nghttp2_session_resume_data(s->h2->session, s->id);
    }
}

void
h2_go_on(h2_stream_t *s)
{
    s->delayed = false;
    if (!s->closed && !s->h2->dead) {
        resume(s);
        h2_flush_later(s->h2);
    }
}

/* Whether what is queued must wait for the client: else the end of the turn takes it,
 * and whoever produces may go on. */
static bool
is_stuck(const h2_stream_t *s)
{
    const h2_t *h2 = s->h2;

    return s->out != NULL
           && (h2->blocked || s->delayed || s->out_size >= NOW
               || nghttp2_session_get_remote_window_size(h2->session) <= 0
               || nghttp2_session_get_stream_remote_window_size(h2->session, s->id) <= 0);
}

wr_rc_t
h2_send_body(wr_req_t *r, wr_seg_t *segs)
{
    h2_stream_t *s = r->front_data;
    h2_t        *h2 = s->h2;
    bool         was_empty = s->out == NULL;

    for (wr_seg_t *seg = segs; seg != NULL; seg = seg->next) {
        s->out_size += seg->n;
        s->out_last |= (seg->flags & WR_SEG_LAST) != 0;
    }
    *s->out_tail = segs;
    s->out_tail = wr_segs_tail(s->out_tail);
    if (s->closed || h2->dead || r->head_only) {
        h2_drop_out(s);
        return r->head_only ? WR_OK : WR_ERROR;
    }
    if (was_empty && !s->delayed) {
        wr_timer_set(&s->timer, wr_http_core(r)->send_timeout);
    }
    resume(s);
    if (s->out_size >= NOW && !h2->inside && !h2->draining) {
        h2_flush(h2);
    } else {
        h2_flush_later(h2);
    }
    return is_stuck(s) && !s->out_last ? WR_AGAIN : WR_OK;
}

size_t
h2_pending(const wr_req_t *r)
{
    const h2_stream_t *s = r->front_data;

    return !s->closed && !s->h2->dead && is_stuck(s) ? wr_max_size(s->out_size, 1) : 0;
}
