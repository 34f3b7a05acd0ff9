/*
 * The client side of HTTP/1.1.
 *
 * Events drive `progress`: connecting, then sending and reading the head side by
 * side (an answer may come before the request is out), then the body on demand. What
 * the answer says is read by exchange_head.c and exchange_body.c.
 */
#include "exchange_priv.h"

#include <errno.h>
#include <unistd.h>
#include <weir/base/hash.h>

enum { IDLE, CONNECTING, HANDSHAKE, HEAD, BODY };
enum { MAX_IOV = 64 };

static void progress(wr_exchange_t *x);

/* ---- the log ---- */

const char *
wr_exchange_doing(const wr_exchange_t *x)
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
    wr_conn_t  *c = &x->uc->conn;
    const char *was = x->log->action;
    wr_rc_t     rc;

    x->log->action = wr_exchange_doing(x);
    rc = wr_tls_handshake(c);
    if (rc == WR_OK && !wr_tls_client_check(c, x->tls, x->tls_name)) {
        rc = WR_ERROR;
    }
    x->log->action = was;
    if (rc == WR_AGAIN) {
        return;
    }
    x->state = IDLE;
    x->error = rc == WR_OK ? 0 : EPROTO;
    x->said = rc != WR_OK;
    complete(x, rc);
}

/* TCP is there: TLS next, or the end. */
static void
tcp_ready(wr_exchange_t *x)
{
    const char *was = x->log->action;
    bool        begun;

    if (x->tls == NULL) {
        x->state = IDLE;
        complete(x, WR_OK);
        return;
    }
    x->state = CONNECTING;
    x->log->action = wr_exchange_doing(x);
    x->uc->conn.peer_errors = 1;
    begun = wr_tls_client_begin(&x->uc->conn, x->tls, x->tls_name, x->tls_sni) == WR_OK
            && (x->tls_certificate == NULL
                || wr_tls_client_present(&x->uc->conn, x->tls_cache, x->tls_certificate,
                                         x->tls_key, x->tls_passwords));
    x->log->action = was;
    if (!begun) {
        x->state = IDLE;
        x->error = EPROTO;
        x->said = x->own_fault = true;
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
    x->log->action = wr_exchange_doing(x);
    uc->conn.transparent = x->transparent;
    rc = wr_conn_connect(&uc->conn, &peer->addr, local, x->log);
    x->log->action = was;
    if (rc != WR_OK && rc != WR_AGAIN) {
        x->error = errno;
        x->said = true;
        x->own_fault = rc == WR_LIMIT;
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
            wr_seg_skip(seg, n);
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

/* ---- the answer ---- */

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
    rc = wr_exchange_read_head(x);
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
