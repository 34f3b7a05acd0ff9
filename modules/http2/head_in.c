/*
 * HTTP/2: the heads of requests. Blocks go through nghttp2's HPACK decoder as they
 * come, those of streams that are refused or gone as well: its table is the
 * connection's. RFC 9113 §4.3, §6.2, §6.10.
 */
#include "h2.h"
#include "recent.h"

#include <weir/process/process.h>

enum { MAX_FRAMES = 32, PATIENCE = 4, HEAD_OVERHEAD = 32, PRIORITY_SIZE = 5 };

/* RFC 7541 §6: what a field's first byte says. */
enum { INDEXED = 0x80, INDEXED_LONG = 0xff, INDEX = 0x7f, RESIZE_MASK = 0xe0, RESIZE = 0x20 };

/* How much decoded text is borne before the connection is given up. */
static size_t
patience(const h2_t *h2)
{
    const wr_bufs_t *bufs = &h2_core(h2)->large_client_header_buffers;

    return bufs->size * (size_t) bufs->n * PATIENCE;
}

/* ---- the end of a block ---- */

static void
trailers_end(h2_t *h2, h2_stream_t *s)
{
    if (s->malformed != NULL) {
        h2_stream_reset(s, H2_PROTOCOL_ERROR, s->malformed);
    } else if (!h2->head_ends) {
        h2_stream_reset(s, H2_PROTOCOL_ERROR, "trailers that do not end the stream");
    } else {
        h2_end_body(s);
    }
}

static void
begin_request(h2_t *h2, h2_stream_t *s)
{
    const wr_http_core_t *core = wr_http_core(s->r);

    s->head_done = true;
    s->in_done = h2->head_ends;
    h2_check_head(s);
    if (s->malformed != NULL) {
        h2_stream_reset(s, H2_PROTOCOL_ERROR, s->malformed);
        return;
    }
    if (core->keepalive_timeout == 0
        || (int64_t) h2->requests >= core->keepalive_requests
        || wr_clock.mono - h2->born > core->keepalive_time || wr_worker.quitting)
    {
        h2_retire(h2);
    }
    wr_client_idle(&h2->client, false);
    h2_start(s);
}

static void
block_end(h2_t *h2)
{
    h2_stream_t *s = h2->head;

    (void) nghttp2_hd_inflate_end_headers(h2->inflater);
    h2->head_split = h2->head_begun = false;
    h2->head_id = 0;
    h2->head = NULL;
    if (s == NULL || s->closed) {
        return;
    }
    if (s->head_done) {
        trailers_end(h2, s);
    } else {
        begin_request(h2, s);
    }
}

/* ---- decoding ---- */

static void
take_field(h2_t *h2, const nghttp2_nv *nv)
{
    h2_stream_t *s = h2->head;
    wr_str_t     name = wr_str((const char *) nv->name, nv->namelen);
    wr_str_t     value = wr_str((const char *) nv->value, nv->valuelen);

    h2->head_size += name.n + value.n + HEAD_OVERHEAD;
    if (s == NULL || s->closed || s->malformed != NULL) {
        return;
    }
    if (s->head_done) {
        h2_trailer(s, name, value);
    } else {
        h2_field(s, name, value);
    }
}

/* Fields that change nothing in the decoder: indexed ones are taken from its table,
 * literals from what it has decoded lately. How many bytes those at the beginning are;
 * what is not known is left to it. */
static size_t
take_known(h2_t *h2, const uint8_t *p, size_t n, size_t most)
{
    size_t i = 0;

    while (i < n && h2->head_size <= most) {
        const nghttp2_nv *nv;
        nghttp2_nv        literal;
        size_t            used = 1;

        if (p[i] > INDEXED && p[i] < INDEXED_LONG) {
            nv = nghttp2_hd_inflate_get_table_entry(h2->inflater, p[i] & INDEX);
        } else {
            used = h2_recent_find(p + i, n - i, &literal);
            nv = used != 0 ? &literal : NULL;
        }
        if (nv == NULL) {
            break;
        }
        take_field(h2, nv);
        i += used;
    }
    h2->head_begun |= i != 0;
    return i;
}

/* The decoder's next field, if all of it has come. */
static void
take_coded(h2_t *h2, const uint8_t **p, size_t *n)
{
    nghttp2_nv nv;
    int        flags = 0;
    /* RFC 7541 §4.2: only at the beginning, which the decoder may think this is. */
    bool    late = h2->head_begun && !h2->head_split && (**p & RESIZE_MASK) == RESIZE;
    ssize_t used = late ? -1
                        : nghttp2_hd_inflate_hd2(h2->inflater, &nv, &flags, *p, *n, 0);

    if (used < 0) {
        h2_fail(h2, H2_COMPRESSION_ERROR, "a head that cannot be decoded");
        return;
    }
    if (!h2->head_split && (flags & NGHTTP2_HD_INFLATE_EMIT) != 0) {
        h2_recent_keep(*p, (size_t) used, &nv);
    }
    *p += used;
    *n -= (size_t) used;
    h2->head_split = (flags & NGHTTP2_HD_INFLATE_EMIT) == 0;
    if (!h2->head_split) {
        h2->head_begun = true;
        take_field(h2, &nv);
    }
}

static bool
is_over(const h2_t *h2)
{
    return h2->dead || h2->lingering;
}

/* A part of a block, of which more may follow. */
static void
decode(h2_t *h2, const uint8_t *p, size_t n, bool last)
{
    size_t most = patience(h2);

    while (n != 0 && !is_over(h2)) {
        size_t used = !h2->head_split ? take_known(h2, p, n, most) : 0;

        p += used;
        n -= used;
        if (n != 0) {
            take_coded(h2, &p, &n);
        }
        if (h2->head_size > most) {
            h2_fail(h2, H2_ENHANCE_YOUR_CALM, "too large a head");
        }
    }
    if (!last || is_over(h2)) {
        return;
    }
    if (h2->head_split) {
        nghttp2_nv nv;
        int        flags = 0;

        if (nghttp2_hd_inflate_hd2(h2->inflater, &nv, &flags, p, 0, 1) < 0) {
            h2_fail(h2, H2_COMPRESSION_ERROR, "a head that ends in a field");
            return;
        }
    }
    block_end(h2);
}

/* ---- HEADERS ---- */

/* What the flags say stands around the block. False: the connection has failed. */
static bool
strip(h2_t *h2, const h2_frame_t *f, const uint8_t **p, size_t *n)
{
    size_t pad = 0, front = (f->flags & H2_PADDED) != 0;

    if ((f->flags & H2_WITH_PRIORITY) != 0) {
        front += PRIORITY_SIZE;
    }
    if (f->n < front) {
        h2_fail(h2, H2_FRAME_SIZE_ERROR, "HEADERS too short for their flags");
        return false;
    }
    if ((f->flags & H2_PADDED) != 0) {
        pad = f->p[0];
    }
    if (pad > f->n - front) {
        h2_fail(h2, H2_PROTOCOL_ERROR, "HEADERS with more padding than there is");
        return false;
    }
    *p = f->p + front;
    *n = f->n - front - pad;
    return true;
}

static bool
depends_on_itself(const h2_frame_t *f)
{
    const uint8_t *p = f->p + ((f->flags & H2_PADDED) != 0);

    return (f->flags & H2_WITH_PRIORITY) != 0 && (h2_get32(p) & 0x7fffffff) == f->id;
}

static void
refuse(h2_t *h2, uint32_t id)
{
    if (h2_calm_idle(h2)) {
        h2_put_rst(h2, id, H2_REFUSED_STREAM);
        h2_remember_reset(h2, id);
    }
}

/* The stream whose head it is; NULL: it is dropped, or the connection has failed. */
static h2_stream_t *
new_stream(h2_t *h2, const h2_frame_t *f, size_t n)
{
    h2_stream_t *s;

    h2->last_id = f->id;
    /* Streams that were reset count while their requests still run. */
    if (h2->ending || h2->n_open >= h2->conf->max_streams
        || h2->n_streams >= 2 * h2->conf->max_streams)
    {
        refuse(h2, f->id);
        return NULL;
    }
    s = h2_stream_new(h2, f->id);
    s->r->request_length = (int64_t) n;
    if (depends_on_itself(f)) {
        s->malformed = "a stream that depends on itself";
    }
    return s;
}

/* Trailers, or a fault. */
static h2_stream_t *
old_stream(h2_t *h2, const h2_frame_t *f, size_t n)
{
    h2_stream_t *s = h2_stream_find(h2, f->id);

    if (s != NULL && !s->closed) {
        if (s->in_done) {
            h2_stream_reset(s, H2_STREAM_CLOSED, "HEADERS behind the end of the stream");
            return NULL;
        }
        s->r->request_length += (int64_t) n;
        return s;
    }
    switch (h2_past(h2, f->id)) {
    case H2_BY_US:
        (void) h2_calm_idle(h2);
        break;
    case H2_BY_CLIENT:
        if (h2_calm_reset(h2)) {
            h2_put_rst(h2, f->id, H2_STREAM_CLOSED);
        }
        break;
    case H2_DONE:
        h2_fail(h2, H2_STREAM_CLOSED, "HEADERS on a closed stream");
        break;
    default:
        h2_fail(h2, H2_PROTOCOL_ERROR, "HEADERS with a stream id that is too low");
    }
    return NULL;
}

void
h2_headers(h2_t *h2, const h2_frame_t *f)
{
    const uint8_t *p;
    size_t         n;

    if ((f->id & 1) == 0) {
        h2_fail(h2, H2_PROTOCOL_ERROR, "HEADERS on a stream that is not the client's");
        return;
    }
    if (!strip(h2, f, &p, &n)) {
        return;
    }
    h2->head = f->id > h2->last_id ? new_stream(h2, f, n) : old_stream(h2, f, n);
    if (h2->dead || h2->lingering) {
        return;
    }
    h2->head_id = f->id;
    h2->head_ends = (f->flags & H2_END_STREAM) != 0;
    h2->head_frames = 1;
    h2->head_size = 0;
    decode(h2, p, n, (f->flags & H2_END_HEADERS) != 0);
    if (h2->head_id != 0) {
        h2->head_since = wr_clock.mono;
        h2_set_timer(h2);
    }
}

void
h2_continuation(h2_t *h2, const h2_frame_t *f)
{
    if (h2->head_id == 0) {
        h2_fail(h2, H2_PROTOCOL_ERROR, "CONTINUATION without HEADERS");
        return;
    }
    if (++h2->head_frames > MAX_FRAMES) {
        h2_fail(h2, H2_ENHANCE_YOUR_CALM, "too many CONTINUATION frames");
        return;
    }
    if (h2->head != NULL) {
        h2->head->r->request_length += (int64_t) f->n;
    }
    decode(h2, f->p, f->n, (f->flags & H2_END_HEADERS) != 0);
}
