/*
 * HTTP/1.x: the framing of request bodies. RFC 9112 §6, §7.
 *
 * Chunked framing is read strictly: CRLF only, at most 15 hexadecimal digits, no
 * control characters in extensions. What is decoded goes to wr_body_feed.
 */
#include <weir/http/h1_priv.h>

#include <weir/http/body_feed.h>

enum { SCRATCH = 64 * 1024, MAX_TRAILER = 8192, MAX_EXT = 4096 };

/* Where decoded bytes go: to the request, or nowhere. */
typedef wr_rc_t (*sink_t)(wr_req_t *r, const char *p, size_t n);

static wr_rc_t
nowhere(wr_req_t *r, const char *p, size_t n)
{
    (void) r;
    (void) p;
    (void) n;
    return WR_OK;
}

static wr_rc_t
broken(wr_h1_t *h)
{
    if (!h->hr->body_broken) {
        wr_log(&h->req->log, WR_LOG_INFO, 0, "client sent invalid chunked body");
    }
    h->hr->body_broken = true;
    return WR_SYNTAX;
}

static wr_rc_t
size_digit(wr_h1_t *h, char c)
{
    wr_h1_req_t *hr = h->hr;
    int          digit = wr_hex_digit(c);

    if (digit >= 0) {
        if (++hr->digits > 15) {
            return broken(h);
        }
        hr->left = hr->left * 16 + digit;
        return WR_OK;
    }
    if (hr->digits == 0) {
        return broken(h);
    }
    hr->trailer_size = 0;
    if (c == '\r') {
        hr->chunk = CHUNK_SIZE_LF;
    } else if (c == ';' || c == ' ' || c == '\t') {
        hr->chunk = CHUNK_EXT;
    } else {
        return broken(h);
    }
    return WR_OK;
}

/* A byte of the trailer section; it ends with an empty line. */
static wr_rc_t
trailer_byte(wr_h1_t *h, char c)
{
    wr_h1_req_t *hr = h->hr;

    if (++hr->trailer_size > MAX_TRAILER || c == '\0') {
        return broken(h);
    }
    if (hr->trailer.pool == NULL) {
        hr->trailer = wr_buf(wr_pool(h->req));
    }
    wr_buf_char(&hr->trailer, c);
    if (c != '\n') {
        return WR_OK;
    }
    if (hr->trailer.n < 2 || hr->trailer.p[hr->trailer.n - 2] != '\r') {
        return broken(h);
    }
    if (hr->trailer.n == 2
        || (hr->trailer.n >= 4 && memcmp(hr->trailer.p + hr->trailer.n - 4, "\r\n\r\n", 4) == 0))
    {
        hr->chunk = CHUNK_END;
        hr->body_done = true;
    }
    return WR_OK;
}

static wr_rc_t
framing_byte(wr_h1_t *h, char c)
{
    wr_h1_req_t *hr = h->hr;

    switch (hr->chunk) {
    case CHUNK_SIZE:
        return size_digit(h, c);
    case CHUNK_EXT:
        if (++hr->trailer_size > MAX_EXT || (c != '\r' && c != '\t' && (unsigned char) c < ' ')) {
            return broken(h);
        }
        if (c == '\r') {
            hr->chunk = CHUNK_SIZE_LF;
        }
        return WR_OK;
    case CHUNK_SIZE_LF:
        if (c != '\n') {
            return broken(h);
        }
        hr->trailer_size = 0;
        hr->chunk = hr->left != 0 ? CHUNK_DATA : CHUNK_TRAILER;
        return WR_OK;
    case CHUNK_CR:
        hr->chunk = CHUNK_LF;
        return c == '\r' ? WR_OK : broken(h);
    case CHUNK_LF:
        hr->chunk = CHUNK_SIZE;
        hr->digits = 0;
        hr->left = 0;
        return c == '\n' ? WR_OK : broken(h);
    case CHUNK_TRAILER:
        return trailer_byte(h, c);
    default:
        return broken(h);
    }
}

/* Takes what belongs to the body off [p, p + n); *used is how much. */
static wr_rc_t
decode(wr_h1_t *h, const char *p, size_t n, size_t *used, sink_t sink)
{
    wr_h1_req_t *hr = h->hr;
    wr_rc_t      rc;
    size_t       i = 0, take;

    while (i < n && !hr->body_done) {
        if (h->req->chunked && hr->chunk != CHUNK_DATA) {
            rc = framing_byte(h, p[i++]);
            if (rc != WR_OK) {
                return rc;
            }
            continue;
        }
        take = (size_t) hr->left < n - i ? (size_t) hr->left : n - i;
        rc = sink(h->req, p + i, take);
        if (rc != WR_OK) {
            return rc;
        }
        i += take;
        hr->left -= (int64_t) take;
        if (hr->left == 0) {
            if (h->req->chunked) {
                hr->chunk = CHUNK_CR;
            } else {
                hr->body_done = true;
            }
        }
    }
    h->req->request_length += (int64_t) i;
    *used = i;
    return WR_OK;
}

/* What was read together with the head. */
static wr_rc_t
from_buffer(wr_h1_t *h, sink_t sink)
{
    size_t  used = 0;
    wr_rc_t rc;

    if (h->pos == h->end) {
        return WR_OK;
    }
    rc = decode(h, h->buf + h->pos, h->end - h->pos, &used, sink);
    h->pos += (uint32_t) used;
    return rc;
}

/* Keeps what was read behind the body: the next request's first bytes. */
static void
keep(wr_h1_t *h, const char *p, size_t n)
{
    WR_ASSERT(h->pos == h->end);
    wr_h1_keep(h, p, n);
}

/* Reads from the socket until the body is complete or there is no more. */
static wr_rc_t
from_socket(wr_h1_t *h, sink_t sink)
{
    static char scratch[SCRATCH];

    while (!h->hr->body_done) {
        size_t  room = sizeof(scratch), n, used = 0;
        wr_rc_t rc;

        if (wr_body_full(h->req) && sink != nowhere) {
            return WR_AGAIN;
        }
        /* Not further than the body: what follows is another request's. */
        if (!h->req->chunked) {
            room = wr_min_size(room, (size_t) h->hr->left);
        }
        rc = wr_conn_recv(&h->conn, scratch, room, &n);
        if (rc == WR_AGAIN) {
            return WR_AGAIN;
        }
        if (rc != WR_OK) {
            return WR_CLOSED;
        }
        rc = decode(h, scratch, n, &used, sink);
        if (rc != WR_OK) {
            return rc;
        }
        if (used < n) {
            keep(h, scratch + used, n - used);
        }
        if (!h->hr->body_done && !h->conn.watch.readable) {
            return WR_AGAIN;
        }
    }
    return WR_OK;
}

static wr_rc_t
read_all(wr_h1_t *h, sink_t sink)
{
    wr_rc_t rc = h->hr->body_broken ? WR_SYNTAX : from_buffer(h, sink);

    if (rc != WR_OK || h->hr->body_done) {
        return rc;
    }
    return from_socket(h, sink);
}

static void
pump(wr_h1_t *h)
{
    wr_req_t *r = h->req;
    wr_rc_t   rc = read_all(h, wr_body_feed);

    switch (rc) {
    case WR_OK:
        h->hr->want_body = false;
        wr_body_end(r);
        return;
    case WR_AGAIN:
        h->hr->want_body = true;
        wr_timer_set(&h->conn.timer, wr_http_core(r)->client_body_timeout);
        wr_body_some(r);
        return;
    case WR_CLOSED:
        if (!h->conn.error) {
            wr_log(&r->log, WR_LOG_INFO, 0, "client prematurely closed connection");
        }
        h->hr->want_body = false;
        h->conn.error = true;
        r->keepalive = 0;
        wr_body_break(r, WR_CLOSED, 400);
        return;
    default:
        h->hr->want_body = false;
        r->keepalive = 0;
        wr_body_break(r, rc, rc == WR_LIMIT ? 413 : rc == WR_SYNTAX ? 400 : 500);
    }
}

void
wr_h1_read_body(wr_req_t *r)
{
    wr_h1_t *h = r->front_data;

    if (!h->hr->body_done) {
        wr_h1_send_continue(r);
    }
    wr_h1_enter(h);
    pump(h);
    wr_h1_leave(h);
}

void
wr_h1_body_ready(wr_h1_t *h)
{
    if (h->hr->want_body) {
        pump(h);
    } else {
        wr_h1_end_if_left(h);
    }
}

void
wr_h1_end_if_left(wr_h1_t *h)
{
    if (h->conn.watch.hup && h->req->abort_on_close && !h->req->runs_on
               && !h->hr->finishing)
    {
        if (h->req->shielded) {
            wr_req_abort(h->req);       /* later */
            return;
        }
        wr_log(&h->req->log, WR_LOG_INFO, 0, "client prematurely closed connection");
        h->conn.error = true;
        wr_h1_abort(h, 499);
    } else if (h->conn.watch.hup && h->hr->delayed) {
        /* limit_rate: nobody would notice before the timer, which may be far off. */
        wr_log(&h->req->log, WR_LOG_INFO, 0, "client prematurely closed connection");
        h->conn.error = true;
        wr_h1_abort(h, 499);
    }
}

wr_rc_t
wr_h1_drop_body(wr_h1_t *h)
{
    wr_rc_t rc = read_all(h, nowhere);

    return rc == WR_OK || rc == WR_AGAIN ? rc : WR_ERROR;
}
