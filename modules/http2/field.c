/*
 * HTTP/2: the fields of requests, and the rules that keep them from meaning
 * something else once they are written as HTTP/1. RFC 9113 §8.2, §8.3.
 *
 * What breaks the protocol makes the request malformed: its stream is reset. Names
 * and values that HTTP/1 could not carry are answered 400, as over HTTP/1.
 */
#include "h2.h"

#include <weir/base/swar.h>
#include <weir/http/status.h>

enum { METHOD = 1, SCHEME = 2, AUTHORITY = 4, PATH = 8 };

/* What bytes a name has, each as a bit. */
enum { PLAIN = 0, UNDERSCORE = 1, ODD = 2, UPPER = 4, BAD = 8 };

static uint8_t classes[256];

__attribute__((constructor)) static void
init(void)
{
    for (unsigned c = 0; c < 256; c++) {
        char s = (char) c;

        classes[c] = s == '_'                                 ? UNDERSCORE
                     : s >= 'A' && s <= 'Z'                   ? UPPER
                     : s == '-' || wr_is_alpha(s) || wr_is_digit(s) ? PLAIN
                     : c > ' ' && c < 0x7f && c != ':'         ? ODD
                                                              : BAD;
    }
}

static unsigned
class_of(wr_str_t name)
{
    unsigned bits = name.n == 0 ? BAD : 0;

    for (size_t i = 0; i < name.n; i++) {
        bits |= classes[(unsigned char) name.p[i]];
    }
    return bits;
}

/* §8.2.1. Control characters besides line ends and NUL are let through, as nginx
 * does. */
static bool
is_value(wr_str_t v)
{
    size_t i = 0;

    while (i + 8 <= v.n && wr_swar_below(wr_swar_load(v.p + i), '\r' + 1) == 0) {
        i += 8;
    }
    return v.n == 0
           || (wr_is_field_value(wr_str_skip(v, i)) && v.p[0] != ' ' && v.p[0] != '\t'
               && v.p[v.n - 1] != ' ' && v.p[v.n - 1] != '\t');
}

/* ---- pseudo fields: §8.3.1 ---- */

static bool
is_scheme(wr_str_t s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];

        if (!wr_is_alpha(c)
            && (i == 0 || (!wr_is_digit(c) && c != '+' && c != '-' && c != '.')))
        {
            return false;
        }
    }
    return s.n != 0;
}

static wr_str_t *
pseudo_place(h2_stream_t *s, wr_str_t name, unsigned *bit)
{
    switch (name.n) {
    case 5:
        *bit = PATH;
        return wr_str_eqz(name, ":path") ? &s->path : NULL;
    case 7:
        if (wr_str_eqz(name, ":method")) {
            *bit = METHOD;
            return &s->r->method_name;
        }
        *bit = SCHEME;
        return wr_str_eqz(name, ":scheme") ? &s->scheme : NULL;
    case 10:
        *bit = AUTHORITY;
        return wr_str_eqz(name, ":authority") ? &s->authority : NULL;
    default:
        return NULL;
    }
}

static wr_str_t
keep_method(wr_pool_t *pool, wr_str_t v)
{
    return wr_str_eqz(v, "GET") ? WR_STR("GET") : wr_pool_str(pool, v);
}

static void
pseudo(h2_stream_t *s, wr_str_t name, wr_str_t value)
{
    unsigned  bit = 0;
    wr_str_t *to = pseudo_place(s, name, &bit);

    if (to == NULL) {
        s->malformed = "an unknown pseudo header field";
    } else if (s->fields) {
        s->malformed = "a pseudo header field behind others";
    } else if ((s->pseudo & bit) != 0) {
        s->malformed = "the same pseudo header field twice";
    } else if (bit == SCHEME && !is_scheme(value)) {
        s->malformed = "a bad scheme";
    } else {
        s->pseudo |= (uint8_t) bit;
        if (bit == METHOD) {
            *to = keep_method(wr_pool(s->r), value);
        } else if (bit == AUTHORITY && s->h2->authority.n != 0
                   && wr_str_eq(value, s->h2->authority))
        {
            *to = s->h2->authority;
        } else if (bit != SCHEME) {
            *to = wr_pool_str(wr_pool(s->r), value);
        }
    }
}

/* ---- other fields ---- */

/* §8.2.2, and a body's length that is not one. NULL: nothing is wrong. */
static const char *
fault_of(const h2_stream_t *s, wr_hid_t id, wr_str_t value)
{
    int64_t n;

    switch (id) {
    case WR_H_CONNECTION:
    case WR_H_KEEP_ALIVE:
    case WR_H_PROXY_CONNECTION:
    case WR_H_TRANSFER_ENCODING:
    case WR_H_UPGRADE:
        return "a header field of HTTP/1's connections";
    case WR_H_TE:
        return wr_str_ieqz(value, "trailers") ? NULL : "TE that is not \"trailers\"";
    case WR_H_CONTENT_LENGTH:
        if (wr_headers_first(&s->r->in, WR_H_CONTENT_LENGTH) != NULL) {
            return "Content-Length twice";
        }
        return value.n <= 18 && value.n != 0 && wr_is_digit(value.p[0])
                       && wr_parse_int(value, &n)
                   ? NULL
                   : "a bad Content-Length";
    default:
        return NULL;
    }
}

/* §8.2.3: pieces become one field. A piece may have been a byte of the head, so the room
 * is doubled: else what is left behind in the pool grows with the square of their number. */
static void
add_cookie(h2_stream_t *s, wr_str_t value)
{
    wr_pool_t   *pool = wr_pool(s->r);
    wr_header_t *h = wr_headers_first(&s->r->in, WR_H_COOKIE);
    char        *p;
    size_t       n;

    if (h == NULL) {
        (void) wr_headers_add(&s->r->in, WR_H_COOKIE, WR_STR("cookie"),
                              wr_pool_str(pool, value));
        return;
    }
    n = h->value.n + 2 + value.n;
    p = (char *) (uintptr_t) h->value.p;
    if (n > s->cookie_room) {
        s->cookie_room = 2 * n;
        p = wr_alloc_bytes(pool, s->cookie_room + 1);
        if (h->value.n != 0) {
            memcpy(p, h->value.p, h->value.n);
        }
    }
    memcpy(p + h->value.n, "; ", 2);
    if (value.n != 0) {
        memcpy(p + h->value.n + 2, value.p, value.n);
    }
    p[n] = '\0';
    h->value = wr_str(p, n);
}

/* Name and value as one piece of the pool, a NUL behind each. */
static void
add(wr_req_t *r, wr_hid_t id, wr_str_t name, wr_str_t value)
{
    char *p = wr_alloc_bytes(wr_pool(r), name.n + value.n + 2);
    char *v = p + name.n + 1;

    memcpy(p, name.p, name.n);
    p[name.n] = '\0';
    if (value.n != 0) {
        memcpy(v, value.p, value.n);
    }
    v[value.n] = '\0';
    (void) wr_headers_add(&r->in, id, wr_str(p, name.n), wr_str(v, value.n));
}

static void
field(h2_stream_t *s, wr_str_t name, wr_str_t value)
{
    wr_req_t             *r = s->r;
    const wr_http_core_t *core = wr_http_core(r);
    unsigned              class = class_of(name);
    wr_hid_t              id = wr_header_id(name);

    s->fields = true;
    if ((class & UPPER) != 0) {
        s->malformed = "a header field's name in upper case";
        return;
    }
    if ((class & BAD) != 0) {
        h2_stream_reject(s, 400, "invalid header name: \"%.*s\"", WR_ARG(name));
        return;
    }
    if (!is_value(value)) {
        h2_stream_reject(s, 400, "header \"%.*s\" with invalid value: \"%.*s\"",
                         WR_ARG(name), WR_ARG(value));
        return;
    }
    s->malformed = id != WR_H_OTHER ? fault_of(s, id, value) : NULL;
    if (s->malformed != NULL || s->reject != 0) {
        return;
    }
    if (++s->nheaders > core->max_headers) {
        h2_stream_reject(s, WR_STATUS_HEADER_TOO_LARGE, "too many header lines");
    } else if (core->ignore_invalid_headers && class != PLAIN
               && ((class & ODD) != 0 || !core->underscores_in_headers))
    {
        wr_log(&r->log, WR_LOG_INFO, 0, "client sent invalid header: \"%.*s\"",
               WR_ARG(name));
    } else if (id == WR_H_COOKIE) {
        add_cookie(s, value);
    } else {
        add(r, id, name, value);
    }
}

void
h2_field(h2_stream_t *s, wr_str_t name, wr_str_t value)
{
    const wr_bufs_t *bufs = &wr_http_core(s->r)->large_client_header_buffers;

    /* What would fit as it was coded is not too large, as in nginx: with Huffman's
     * shortest codes, of five bits. How many there are, max_headers limits. */
    s->head_size += name.n + value.n;
    if (s->head_size > bufs->size * (size_t) bufs->n || name.n > bufs->size / 5 * 8
        || value.n > bufs->size / 5 * 8)
    {
        h2_stream_reject(s, WR_STATUS_HEADER_TOO_LARGE, "too large header");
    }
    if (name.n != 0 && name.p[0] == ':') {
        pseudo(s, name, value);
    } else {
        field(s, name, value);
    }
}

/* Read for their faults only: nobody asks for a request's trailers. */
void
h2_trailer(h2_stream_t *s, wr_str_t name, wr_str_t value)
{
    unsigned class = class_of(name);

    if (name.n != 0 && name.p[0] == ':') {
        s->malformed = "a pseudo header field among trailers";
    } else if ((class & (UPPER | BAD)) != 0 || !is_value(value)) {
        s->malformed = "a bad trailer";
    } else {
        wr_hid_t id = wr_header_id(name);

        s->malformed = id != WR_H_CONTENT_LENGTH ? fault_of(s, id, value)
                                                 : "Content-Length among trailers";
    }
}

/* §8.3.1, §8.5; a body of no bytes against its Content-Length: §8.1.1. */
void
h2_check_head(h2_stream_t *s)
{
    const wr_header_t *h = wr_headers_first(&s->r->in, WR_H_CONTENT_LENGTH);
    int64_t            n;

    if (s->malformed != NULL) {
        return;
    }
    if ((s->pseudo & METHOD) == 0) {
        s->malformed = "no :method";
    } else if (wr_str_eqz(s->r->method_name, "CONNECT")) {
        if ((s->pseudo & (AUTHORITY | SCHEME | PATH)) != AUTHORITY) {
            s->malformed = "CONNECT with :scheme or :path, or without :authority";
        }
    } else if ((s->pseudo & (SCHEME | PATH)) != (SCHEME | PATH)) {
        s->malformed = "no :scheme or no :path";
    } else if (s->in_done && h != NULL && s->reject == 0 && wr_parse_int(h->value, &n)
               && n != 0)
    {
        s->malformed = "Content-Length, but no body";
    }
}
