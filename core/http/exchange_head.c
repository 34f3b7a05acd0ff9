/*
 * The head of another server's answer, and how its body is framed. What could be read
 * in two ways is refused. RFC 9112 §4, §5, §6.3.
 */
#include "exchange_priv.h"

#include <weir/http/request.h>

enum { MAX_INTERIM = 16, MAX_FIELDS = 1000 };

/* "HTTP/1.1 200 OK" */
static bool
parse_status(wr_exchange_t *x, wr_str_t line)
{
    size_t i = 5;
    int    major = 0, minor = 0;

    if (!wr_str_starts(line, WR_STR("HTTP/"))) {
        return false;
    }
    for (; i < line.n && wr_is_digit(line.p[i]); i++) {
        major = major * 10 + (line.p[i] - '0');
        if (major > 99) {
            return false;
        }
    }
    if (i == 5 || i == line.n || line.p[i++] != '.') {
        return false;
    }
    for (; i < line.n && wr_is_digit(line.p[i]); i++) {
        minor = minor * 10 + (line.p[i] - '0');
        if (minor > 999) {
            return false;
        }
    }
    if (i == line.n || line.p[i] != ' ') {
        return false;
    }
    while (i < line.n && line.p[i] == ' ') {
        i++;
    }
    if (i + 3 > line.n || !wr_is_digit(line.p[i]) || !wr_is_digit(line.p[i + 1])
        || !wr_is_digit(line.p[i + 2]) || (i + 3 < line.n && line.p[i + 3] != ' '))
    {
        return false;
    }
    x->version = (uint32_t) (major * 1000 + minor);
    x->status = (uint16_t) ((line.p[i] - '0') * 100 + (line.p[i + 1] - '0') * 10
                            + (line.p[i + 2] - '0'));
    x->status_line = wr_pool_str(x->pool, wr_str_skip(line, i));
    return x->status >= 100;
}

/* The first byte of a line that cannot stand there; line.n: none. */
static size_t
fault_of_field(wr_str_t line, size_t colon)
{
    const char *nul = memchr(line.p + colon, '\0', line.n - colon);
    const char *cr = memchr(line.p + colon, '\r', line.n - colon);

    for (size_t i = 0; i < colon; i++) {
        unsigned char c = (unsigned char) line.p[i];

        if (c <= ' ' || c == 0x7f) {
            return i;
        }
    }
    if (nul == NULL || (cr != NULL && cr < nul)) {
        nul = cr;
    }
    return nul != NULL ? (size_t) (nul - line.p) : line.n;
}

static bool
parse_field(wr_exchange_t *x, wr_str_t line)
{
    ssize_t  colon = wr_str_chr(line, ':');
    size_t   fault = fault_of_field(line, colon >= 0 ? (size_t) colon : line.n);
    wr_str_t name, value;

    if (fault < line.n || colon <= 0) {
        complain(x, WR_LOG_ERR, 0, "upstream sent invalid header: \"%.*s\\x%02x...\"",
                 (int) fault, line.p, fault < line.n ? (unsigned char) line.p[fault] : '\r');
        return false;
    }
    if (x->in.n >= MAX_FIELDS) {
        complain(x, WR_LOG_ERR, 0, "upstream sent more than %d header lines", MAX_FIELDS);
        return false;
    }
    name = wr_str(line.p, (size_t) colon);
    value = wr_str_trim(wr_str_skip(line, (size_t) colon + 1));
    (void) wr_headers_add(&x->in, wr_header_id(name), wr_pool_str(x->pool, name),
                          wr_pool_str(x->pool, value));
    return true;
}

/* Which way the body is framed. */
static wr_rc_t
choose_framing(wr_exchange_t *x)
{
    wr_header_t *te = wr_headers_first(&x->in, WR_H_TRANSFER_ENCODING);
    wr_header_t *length = wr_headers_first(&x->in, WR_H_CONTENT_LENGTH);

    x->length = -1;
    x->keepalive = x->version >= WR_HTTP_11;
    for (wr_header_t *c = wr_headers_first(&x->in, WR_H_CONNECTION); c != NULL;
         c = wr_headers_next(&x->in, c))
    {
        if (wr_field_has(c->value, WR_STR("close"))) {
            x->keepalive = false;
        } else if (wr_field_has(c->value, WR_STR("keep-alive"))) {
            x->keepalive = true;
        }
    }
    x->keepalive &= !x->last;
    if (length != NULL) {
        if (wr_headers_next(&x->in, length) != NULL) {
            complain(x, WR_LOG_ERR, 0, "upstream sent duplicate header line: "
                   "\"Content-Length: %.*s\"", WR_ARG(length->value));
            return WR_SYNTAX;
        }
        if (length->value.n > 18 || !wr_parse_int(length->value, &x->length)) {
            complain(x, WR_LOG_ERR, 0, "upstream sent invalid \"Content-Length\" header: "
                   "\"Content-Length: %.*s\"", WR_ARG(length->value));
            return WR_SYNTAX;
        }
    }
    if (te != NULL) {
        if (length != NULL) {
            complain(x, WR_LOG_ERR, 0, "upstream sent \"Content-Length\" and "
                                          "\"Transfer-Encoding\" headers at the same time");
            return WR_SYNTAX;
        }
        if (wr_headers_next(&x->in, te) != NULL || !wr_str_ieqz(te->value, "chunked")) {
            complain(x, WR_LOG_ERR, 0, "upstream sent unknown \"Transfer-Encoding\": "
                   "\"%.*s\"", WR_ARG(te->value));
            return WR_SYNTAX;
        }
        x->chunked = true;
        x->length = -1;
    }
    if (x->status == 101) {
        x->upgrade = true;
        x->keepalive = false;
        return WR_OK;
    }
    if (x->head_request || x->status == 204 || x->status == 304) {
        x->body_done = true;
    } else if (x->chunked) {
        x->left = 0;
    } else if (x->length >= 0) {
        x->left = x->length;
        x->body_done = x->length == 0;
    } else {
        x->until_close = true;
        x->keepalive = false;
    }
    return WR_OK;
}

/* Takes lines out of buf. WR_AGAIN: the head is not complete. */
static wr_rc_t
parse_head(wr_exchange_t *x)
{
    char *nl;

    while ((nl = memchr(x->buf + x->pos, '\n', x->end - x->pos)) != NULL) {
        wr_str_t line = wr_str(x->buf + x->pos, (size_t) (nl - x->buf) - x->pos);

        x->pos = (size_t) (nl - x->buf) + 1;
        if (line.n != 0 && line.p[line.n - 1] == '\r') {
            line.n--;
        }
        if (!x->have_status) {
            if (!parse_status(x, line)) {
                complain(x, WR_LOG_ERR, 0, "upstream sent no valid HTTP/1.0 header");
                return WR_SYNTAX;
            }
            x->have_status = true;
        } else if (line.n != 0) {
            if (!parse_field(x, line)) {
                return WR_SYNTAX;
            }
        } else if (x->status < 200 && x->status != 101) {
            if (++x->interims > MAX_INTERIM) {
                return WR_SYNTAX;
            }
            x->have_status = false;
            wr_headers_init(&x->in, x->pool);
        } else {
            return choose_framing(x);
        }
    }
    if (x->end - x->pos > 0 && x->pos != 0 && x->end == x->cap) {
        /* A partial line moves to the front: lines before it were copied. */
        memmove(x->buf, x->buf + x->pos, x->end - x->pos);
        x->head_size += x->pos;
        x->end -= x->pos;
        x->pos = 0;
    } else if (x->pos == x->end) {
        x->head_size += x->pos;
        x->pos = x->end = 0;
    }
    if (x->head_size + x->end >= x->cap) {
        return WR_LIMIT;
    }
    return WR_AGAIN;
}

wr_rc_t
wr_exchange_read_head(wr_exchange_t *x)
{
    while (x->uc->conn.watch.readable) {
        size_t  n;
        wr_rc_t rc;

        if (x->buf == NULL) {
            x->buf = wr_alloc_bytes(x->pool, x->cap);
        }
        rc = wr_conn_recv(&x->uc->conn, x->buf + x->end, x->cap - x->end - x->head_size,
                          &n);

        if (rc == WR_AGAIN) {
            return WR_AGAIN;
        }
        if (rc != WR_OK) {
            x->error = rc == WR_CLOSED ? 0 : (int) n;
            return rc;
        }
        x->end += n;
        x->bytes_received += n;
        rc = parse_head(x);
        if (rc == WR_LIMIT) {
            complain(x, WR_LOG_ERR, 0, "upstream sent too big header");
        }
        if (rc != WR_AGAIN) {
            return rc;
        }
    }
    return WR_AGAIN;
}
