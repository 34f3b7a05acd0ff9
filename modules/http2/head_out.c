/*
 * HTTP/2: the heads of answers, and trailers. They are made when they leave, straight
 * into the output; one that is longer than a frame goes on in CONTINUATIONs.
 */
#include "h2.h"

#include <weir_config.h>

enum { DATE = 29, NUMBER = 20, ORIGIN = 96 };

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

/* ---- frames around a block ---- */

static size_t
frames_room(size_t block)
{
    return block + H2_HEAD * (block / H2_PAYLOAD + 1);
}

/* The block of n bytes stands at to + H2_HEAD; room for all heads is behind it. */
static size_t
put_frames(uint8_t *to, size_t n, unsigned flags, uint32_t id)
{
    size_t   more = n == 0 ? 0 : (n - 1) / H2_PAYLOAD;
    uint8_t *block = to + H2_HEAD;

    for (size_t i = more; i > 0; i--) {
        size_t   at = i * H2_PAYLOAD, part = wr_min_size(n - at, H2_PAYLOAD);
        uint8_t *frame = to + at + i * H2_HEAD;

        memmove(frame + H2_HEAD, block + at, part);
        h2_frame_put(frame, part, H2_CONTINUATION, i == more ? H2_END_HEADERS : 0, id);
    }
    h2_frame_put(to, wr_min_size(n, H2_PAYLOAD), H2_HEADERS,
                 flags | (more == 0 ? H2_END_HEADERS : 0), id);
    return n + H2_HEAD * (more + 1);
}

/* ---- the head ---- */

static size_t
fields_room(const wr_headers_t *list)
{
    size_t n = 0;

    for (WR_EACH_HEADER(f, list)) {
        n += f->name.n + f->value.n + H2_FIELD_ROOM;
    }
    return n;
}

size_t
h2_head_room(const wr_req_t *r)
{
    size_t n = H2_BLOCK_ROOM + 7 * H2_FIELD_ROOM + sizeof("weir/" WR_VERSION WR_BUILD)
               + 2 * DATE + NUMBER + r->content_type.n + r->charset.n + r->content_type_said.n
               + sizeof("; charset=") + sizeof("Accept-Encoding");

    if (wr_headers_first(&r->out, WR_H_LOCATION) != NULL) {
        n += ORIGIN + wr_max_size(r->host.n, r->server->name.n);
    }
    return frames_room(n + fields_room(&r->out));
}

static uint8_t *
put_own_fields(wr_req_t *r, h2_encoder_t *e, uint8_t *to)
{
    char text[32];

    if (wr_headers_first(&r->out, WR_H_SERVER) == NULL) {
        to = h2_put_known(e, to, WR_H_SERVER, server_name(r));
    }
    if (wr_headers_first(&r->out, WR_H_DATE) == NULL) {
        to = h2_put_known(e, to, WR_H_DATE, wr_clock_http());
    }
    if (r->content_type.n != 0) {
        to = h2_put_known(e, to, WR_H_CONTENT_TYPE, wr_content_type(r));
    }
    if (r->out_length >= 0) {
        to = h2_put_known(e, to, WR_H_CONTENT_LENGTH,
                          wr_str(text, wr_put_uint(text, (uint64_t) r->out_length)));
    }
    if (r->last_modified >= 0 && wr_headers_first(&r->out, WR_H_LAST_MODIFIED) == NULL) {
        to = h2_put_known(e, to, WR_H_LAST_MODIFIED,
                          wr_str(text, wr_date_put(text, r->last_modified)));
    }
    if (r->vary_encoding) {
        to = h2_put_known(e, to, WR_H_VARY, WR_STR("Accept-Encoding"));
    }
    return to;
}

static wr_str_t
location(wr_req_t *r, wr_str_t value)
{
    wr_buf_t b = wr_buf(wr_pool(r));

    wr_put_location(r, &b, value);
    return wr_buf_text(&b);
}

size_t
h2_head_put(h2_stream_t *s, uint8_t *at, bool last)
{
    wr_req_t     *r = s->r;
    h2_encoder_t *e = &s->h2->encoder;
    uint8_t      *to = h2_put_status(h2_put_begin(e, at + H2_HEAD), r->status);

    to = put_own_fields(r, e, to);
    for (WR_EACH_HEADER(f, &r->out)) {
        if (!is_of_connection(f) && !wr_header_is_silent(f)) {
            to = h2_put_field(e, to, f->id, f->name,
                              f->id == WR_H_LOCATION ? location(r, f->value) : f->value);
        }
    }
    return put_frames(at, (size_t) (to - at) - H2_HEAD, last ? H2_END_STREAM : 0, s->id);
}

/* ---- trailers ---- */

size_t
h2_trailer_room(const wr_req_t *r)
{
    return frames_room(H2_BLOCK_ROOM + fields_room(r->trailers));
}

size_t
h2_trailer_put(h2_stream_t *s, uint8_t *at)
{
    h2_encoder_t *e = &s->h2->encoder;
    uint8_t      *to = h2_put_begin(e, at + H2_HEAD);

    for (WR_EACH_HEADER(f, s->r->trailers)) {
        to = h2_put_field(e, to, f->id, f->name, f->value);
    }
    return put_frames(at, (size_t) (to - at) - H2_HEAD, H2_END_STREAM, s->id);
}
