/*
 * The body of another server's answer, out of its framing. RFC 9112 §6, §7.1.
 */
#include "exchange_priv.h"

static wr_rc_t
chunk_byte(wr_exchange_t *x, char c)
{
    int digit;

    switch (x->chunk) {
    case 0:                                     /* size */
        digit = wr_hex_digit(c);
        if (digit >= 0) {
            x->left = x->left * 16 + digit;
            return ++x->digits > 15 ? WR_SYNTAX : WR_OK;
        }
        if (x->digits == 0) {
            return WR_SYNTAX;
        }
        if (c == ';' || c == ' ' || c == '\t') {
            x->chunk = 1;
            return WR_OK;
        }
        if (c == '\r') {
            x->chunk = 2;
            return WR_OK;
        }
        if (c != '\n') {
            return WR_SYNTAX;
        }
        break;
    case 1:                                     /* extension */
        if (c == '\r') {
            x->chunk = 2;
            return WR_OK;
        }
        if (c != '\n') {
            return WR_OK;
        }
        break;
    case 2:
        if (c != '\n') {
            return WR_SYNTAX;
        }
        break;
    case 4:                                     /* behind the data */
        if (c == '\r') {
            x->chunk = 5;
            return WR_OK;
        }
        if (c != '\n') {
            return WR_SYNTAX;
        }
        x->chunk = 0;
        x->digits = 0;
        return WR_OK;
    case 5:
        if (c != '\n') {
            return WR_SYNTAX;
        }
        x->chunk = 0;
        x->digits = 0;
        return WR_OK;
    default:                                    /* 6: trailers */
        if (x->trailer.pool == NULL) {
            x->trailer = wr_buf(x->pool);
        }
        if (c == '\n') {
            if (x->trailer_line == 0) {
                x->body_done = true;
            }
            x->trailer_line = 0;
        } else if (c != '\r') {
            x->trailer_line++;
        }
        if (x->trailer.n > 16384) {
            return WR_SYNTAX;
        }
        wr_buf_char(&x->trailer, c);
        return WR_OK;
    }
    x->chunk = x->left != 0 ? 3 : 6;
    x->trailer_line = 0;
    return WR_OK;
}

/* Something stands behind the answer: nobody knows of what it is a part. */
static void
too_much(wr_exchange_t *x)
{
    if (!x->head_request) {     /* there many send a body that nobody asked for */
        complain(x, WR_LOG_WARN, 0,
                 "upstream sent more data than specified in \"Content-Length\" header");
    }
    x->keepalive = false;
}

/* Decodes [p, p + n) in place to `to`; *out is how many body bytes came out. */
static wr_rc_t
decode(wr_exchange_t *x, const char *p, size_t n, char *to, size_t *out)
{
    size_t i = 0;

    *out = 0;
    while (i < n && !x->body_done) {
        size_t take;

        if (x->chunked && x->chunk != 3) {
            if (chunk_byte(x, p[i++]) != WR_OK) {
                complain(x, WR_LOG_ERR, 0, "upstream sent invalid chunked response");
                return WR_SYNTAX;
            }
            continue;
        }
        take = n - i;
        if (!x->until_close) {
            take = (size_t) x->left < take ? (size_t) x->left : take;
            x->left -= (int64_t) take;
        }
        if (to + *out != p + i) {
            memmove(to + *out, p + i, take);
        }
        *out += take;
        i += take;
        if (x->left == 0 && !x->until_close) {
            if (x->chunked) {
                x->chunk = 4;
            } else {
                x->body_done = true;
            }
        }
    }
    if (i < n) {
        too_much(x);
    }
    return WR_OK;
}

wr_rc_t
wr_exchange_read(wr_exchange_t *x, char *to, size_t room, size_t *n)
{
    *n = 0;
    while (!x->body_done) {
        size_t  got;
        wr_rc_t rc;

        if (x->pos < x->end) {
            size_t part = wr_min_size(room, x->end - x->pos);

            rc = decode(x, x->buf + x->pos, part, to, n);
            x->pos += part;
        } else {
            if (!x->uc->conn.watch.readable) {
                return WR_AGAIN;
            }
            rc = wr_conn_recv(&x->uc->conn, to, room, &got);
            if (rc == WR_AGAIN) {
                return WR_AGAIN;
            }
            if (rc == WR_CLOSED && x->until_close) {
                x->body_done = true;
                return WR_DONE;
            }
            if (rc != WR_OK) {
                x->error = rc == WR_CLOSED ? 0 : (int) got;
                return rc;
            }
            x->bytes_received += got;
            rc = decode(x, to, got, to, n);
        }
        if (rc != WR_OK) {
            return rc;
        }
        if (*n != 0) {
            return WR_OK;
        }
    }
    if (x->pos < x->end && !x->upgrade) {
        x->pos = x->end;
        too_much(x);
    }
    return WR_DONE;
}
