/*
 * The client side of HTTP/1.1.
 *
 * Events drive `progress`: connecting, then sending and reading the head side by
 * side (an answer may come before the request is out), then the body on demand.
 */
#include <weir/http/exchange.h>

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include <weir/base/hash.h>
#include <weir/base/hash.h>
#include <weir/conf/conf.h>
#include <weir/http/request.h>

enum { IDLE, CONNECTING, HANDSHAKE, HEAD, BODY };
enum { MAX_INTERIM = 16, MAX_FIELDS = 1000, MAX_IOV = 64 };

static void progress(wr_exchange_t *x);

/* ---- the log ---- */

static const char *
doing(const wr_exchange_t *x)
{
    switch (x->state) {
    case CONNECTING:
        return "while connecting to upstream";
    case HANDSHAKE:
        return "while SSL handshaking to upstream";
    case HEAD:
        return x->out != NULL ? "while sending request to upstream"
                              : "while reading response header from upstream";
    case BODY:
        return "while reading upstream";
    default:
        return NULL;
    }
}

/* The log is the owner's, and others use it meanwhile: what is being done is said for
 * the one line only. */
#define complain(x, level, err, ...)                                          \
    do {                                                                      \
        const char *was_ = (x)->log->action;                                  \
                                                                              \
        (x)->log->action = doing(x);                                          \
        wr_log((x)->log, level, err, __VA_ARGS__);                            \
        (x)->log->action = was_;                                              \
    } while (0)

const char *
wr_exchange_doing(const wr_exchange_t *x)
{
    return doing(x);
}

void
wr_exchange_init(wr_exchange_t *x, wr_pool_t *pool, wr_log_t *log)
{
    memset(x, 0, sizeof(*x));
    x->pool = pool;
    x->log = log;
    wr_headers_init(&x->in, pool);
}

static void
complete(wr_exchange_t *x, wr_rc_t rc)
{
    if (x->uc != NULL) {
        wr_timer_cancel(&x->uc->conn.timer);
    }
    if (x->op.state == WR_OP_PENDING) {
        wr_op_complete(&x->op, rc);
    }
}

static void
cancel(wr_op_t *op)
{
    wr_exchange_t *x = WR_CONTAINER(op, wr_exchange_t, op);

    wr_exchange_close(x);
    complete(x, WR_CANCELLED);
}

static void
on_event(wr_watch_t *w)
{
    wr_uconn_t *uc = WR_CONTAINER(w, wr_uconn_t, conn.watch);

    if (uc->user != NULL) {
        progress(uc->user);
    }
}

static void
on_timer(wr_timer_t *t)
{
    wr_uconn_t    *uc = WR_CONTAINER(t, wr_uconn_t, conn.timer);
    wr_exchange_t *x = uc->user;

    if (x != NULL) {
        x->error = ETIMEDOUT;
        complete(x, WR_TIMEOUT);
    }
}

static void
adopt(wr_exchange_t *x, wr_uconn_t *uc)
{
    x->uc = uc;
    uc->user = x;
    uc->conn.log = x->log;
    uc->conn.watch.on_read = on_event;
    uc->conn.watch.on_write = on_event;
    uc->conn.timer.fn = on_timer;
}

/* ---- connecting ---- */

static void
handshake(wr_exchange_t *x)
{
    wr_conn_t *c = &x->uc->conn;
    wr_rc_t    rc = wr_tls_handshake(c);

    if (rc == WR_AGAIN) {
        return;
    }
    x->state = IDLE;
    if (rc == WR_OK && !wr_tls_client_check(c, x->tls, x->tls_name)) {
        rc = WR_ERROR;
    }
    x->error = rc == WR_OK ? 0 : EPROTO;
    x->said = rc != WR_OK;
    complete(x, rc);
}

/* TCP is there: TLS next, or the end. */
static void
tcp_ready(wr_exchange_t *x)
{
    x->state = IDLE;
    if (x->tls == NULL) {
        complete(x, WR_OK);
        return;
    }
    x->uc->conn.peer_errors = 1;
    if (wr_tls_client_begin(&x->uc->conn, x->tls, x->tls_name, x->tls_sni) != WR_OK
        || (x->tls_certificate != NULL
            && !wr_tls_client_present(&x->uc->conn, x->tls_cache, x->tls_certificate, x->tls_key,
                                      x->tls_passwords)))
    {
        x->error = EPROTO;
        x->said = true;
        complete(x, WR_ERROR);
        return;
    }
    x->state = HANDSHAKE;
    wr_timer_set(&x->uc->conn.timer, x->connect_timeout);
    handshake(x);
}

void
wr_exchange_connect(wr_exchange_t *x, wr_peer_t *peer, const wr_addr_t *local, uint64_t key)
{
    const char *was;
    wr_uconn_t *uc;
    wr_rc_t     rc;

    if (x->tls != NULL) {
        key ^= wr_tls_client_key(x->tls, x->tls_name) ^ (x->tls_sni ? 0 : 1);
        if (x->tls_certificate != NULL) {
            key ^= wr_hash(x->tls_certificate, strlen(x->tls_certificate));
        }
    }
    if (local != NULL) {
        key ^= wr_hash(&local->u, local->len) + x->transparent;
    }
    uc = wr_uconn_take(peer, key);

    wr_op_begin(&x->op, "connect", cancel);
    if (uc != NULL) {
        adopt(x, uc);
        wr_op_complete(&x->op, WR_OK);
        return;
    }
    uc = wr_uconn_new(peer, key);
    x->state = CONNECTING;
    was = x->log->action;
    x->log->action = doing(x);
    uc->conn.transparent = x->transparent;
    rc = wr_conn_connect(&uc->conn, &peer->addr, local, x->log);
    x->log->action = was;
    if (rc != WR_OK && rc != WR_AGAIN) {
        x->error = errno;
        x->said = true;
        x->not_bound = rc == WR_LIMIT;
        wr_uconn_close(uc);
        wr_op_complete(&x->op, WR_ERROR);
        return;
    }
    adopt(x, uc);
    if (x->so_keepalive && peer->addr.u.sa.sa_family != AF_UNIX) {
        int one = 1;

        if (setsockopt(uc->conn.watch.fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one)) != 0) {
            wr_log(x->log, WR_LOG_ALERT, errno, "setsockopt(SO_KEEPALIVE) failed");
        }
    }
    if (rc == WR_OK) {
        tcp_ready(x);
        return;
    }
    wr_timer_set(&uc->conn.timer, x->connect_timeout);
}

static void
connected(wr_exchange_t *x)
{
    int err = wr_conn_connected(&x->uc->conn);

    x->state = IDLE;
    if (err != 0) {
        x->error = err;
        complete(x, WR_ERROR);
        return;
    }
    tcp_ready(x);
}

/* ---- sending ---- */

static void
consume(wr_exchange_t *x, size_t n)
{
    x->bytes_sent += n;
    while (x->out != NULL) {
        wr_seg_t *seg = x->out;

        if (n < seg->n) {
            seg->n -= n;
            if (seg->file != NULL) {
                seg->at += (off_t) n;
            } else {
                seg->p += n;
            }
            return;
        }
        n -= seg->n;
        x->out = seg->next;
        if (seg->release != NULL) {
            seg->release(seg);
        }
    }
}

static wr_rc_t
send_file(wr_exchange_t *x, const wr_seg_t *seg, size_t *sent)
{
    static char  scratch[64 * 1024];
    struct iovec iov = {scratch, 0};
    ssize_t      got = pread(seg->file->fd, scratch,
                             wr_min_size(seg->n, sizeof(scratch)), seg->at);

    if (got <= 0) {
        x->error = errno;
        return WR_ERROR;
    }
    iov.iov_len = (size_t) got;
    return wr_conn_send(&x->uc->conn, &iov, 1, false, sent);
}

static wr_rc_t
send_out(wr_exchange_t *x)
{
    while (x->out != NULL) {
        struct iovec iov[MAX_IOV];
        int          n = 0;
        size_t       sent = 0;
        wr_seg_t    *seg = x->out;
        wr_rc_t      rc;

        if (seg->n == 0) {
            consume(x, 0);
            if (x->out == seg) {
                x->out = seg->next;
            }
            continue;
        }
        if (seg->file != NULL) {
            rc = send_file(x, seg, &sent);
        } else {
            for (; seg != NULL && seg->file == NULL && n < MAX_IOV; seg = seg->next) {
                if (seg->n != 0) {
                    iov[n++] = (struct iovec) {(void *) (uintptr_t) seg->p, seg->n};
                }
            }
            rc = wr_conn_send(&x->uc->conn, iov, n, seg != NULL, &sent);
        }
        if (sent != 0) {
            x->sent_any = true;
            consume(x, sent);
        }
        if (rc != WR_OK) {
            return rc;
        }
    }
    return WR_OK;
}

/* ---- the answer's head ---- */

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

static wr_rc_t
read_head(wr_exchange_t *x)
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

static void
head_progress(wr_exchange_t *x)
{
    wr_rc_t rc = WR_OK, sent = WR_OK;

    if (x->out != NULL) {
        sent = send_out(x);
        if (sent != WR_OK && sent != WR_AGAIN) {
            x->error = errno;
        }
    }
    rc = read_head(x);
    if (rc == WR_AGAIN) {
        if (sent != WR_OK && sent != WR_AGAIN) {
            complete(x, sent);
            return;
        }
        /* The time for the head as a whole begins when the request is out. */
        if (x->out != NULL) {
            wr_timer_set(&x->uc->conn.timer, x->send_timeout);
            x->head_timed = false;
        } else if (!x->head_timed) {
            wr_timer_set(&x->uc->conn.timer, x->read_timeout);
            x->head_timed = true;
        }
        return;
    }
    if (rc == WR_OK && (x->out != NULL || !x->out_complete)) {
        x->keepalive = false;   /* answered before the request was out */
    }
    x->state = BODY;
    complete(x, rc);
}

void
wr_exchange_start(wr_exchange_t *x)
{
    wr_op_begin(&x->op, "answer", cancel);
    x->state = HEAD;
    head_progress(x);
}

void
wr_exchange_more(wr_exchange_t *x)
{
    if (x->state == HEAD && x->op.state == WR_OP_PENDING) {
        head_progress(x);
    }
}

/* ---- the body ---- */

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

void
wr_exchange_wait(wr_exchange_t *x)
{
    wr_op_begin(&x->op, "body", cancel);
    if (x->uc->conn.watch.readable || x->pos < x->end) {
        wr_op_complete(&x->op, WR_OK);
        return;
    }
    wr_timer_set(&x->uc->conn.timer, x->read_timeout);
}

static void
progress(wr_exchange_t *x)
{
    switch (x->state) {
    case CONNECTING:
        connected(x);
        break;
    case HANDSHAKE:
        handshake(x);
        break;
    case HEAD:
        head_progress(x);
        break;
    case BODY:
        if (x->uc->conn.watch.readable) {
            complete(x, WR_OK);
        }
        break;
    default:
        break;
    }
}

/* ---- the end ---- */

static wr_uconn_t *
release(wr_exchange_t *x)
{
    wr_uconn_t *uc = x->uc;

    x->uc = NULL;
    x->state = IDLE;
    if (uc != NULL) {
        uc->user = NULL;
        wr_timer_cancel(&uc->conn.timer);
    }
    while (x->out != NULL) {
        wr_seg_t *seg = x->out;

        x->out = seg->next;
        if (seg->release != NULL) {
            seg->release(seg);
        }
    }
    return uc;
}

void
wr_exchange_end(wr_exchange_t *x)
{
    bool        keep = x->keepalive && x->body_done && x->out == NULL;
    wr_uconn_t *uc = release(x);

    if (uc == NULL) {
        return;
    }
    uc->conn.log = &wr_log_main;
    if (keep) {
        wr_uconn_keep(uc);
    } else {
        wr_uconn_close(uc);
    }
}

void
wr_exchange_close(wr_exchange_t *x)
{
    wr_uconn_t *uc = release(x);

    if (uc != NULL) {
        wr_uconn_close(uc);
    }
}
