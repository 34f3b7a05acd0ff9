/*
 * proxy: the answer's body on its way to the client, and tunnels.
 *
 * Pieces of memory go round: read from the peer, sent to the client, free again
 * when the kernel has them. If the client is slower than the peer and all pieces
 * are in use, the rest goes to a temporary file (proxy_max_temp_file_size) and
 * from there to the client; without buffering the peer has to wait.
 */
#define _GNU_SOURCE
#include "proxy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
#include <weir/process/cycle.h>

enum { PIECE = 64 * 1024, SMALL = 4096, MAX_SPARE = 256 };

struct piece {
    struct piece *next;         /* of those that are free */
    struct piece *older;        /* of all */
    wr_seg_t      seg;
    proxy_t      *p;
    size_t        room;
    char          bytes[];
};

/* ---- pieces ---- */

static void
came_back(wr_seg_t *seg)
{
    struct piece *piece = seg->data;
    proxy_t      *p = piece->p;

    p->in_memory -= piece->room;
    piece->next = p->free;
    p->free = piece;
}

/* Small pieces of the worker that no request has. */
static struct piece *spare;
static unsigned      nspare;

/* With the request: also what a filter that failed has not given back. */
static void
free_pieces(void *data)
{
    proxy_t *p = data;

    while (p->all != NULL) {
        struct piece *piece = p->all;

        p->all = piece->older;
        if (piece->room == SMALL && nspare < MAX_SPARE) {
            piece->next = spare;
            spare = piece;
            nspare++;
        } else {
            free(piece);
        }
    }
}

static struct piece *
new_piece(size_t room)
{
    struct piece *piece = spare;

    if (room == SMALL && piece != NULL) {
        spare = piece->next;
        nspare--;
        return piece;
    }
    piece = malloc(sizeof(*piece) + room);
    WR_ASSERT(piece != NULL);
    piece->room = room;
    return piece;
}

static struct piece *
take_piece(wr_req_t *r, proxy_t *p)
{
    struct piece *piece = p->free;

    if (p->in_memory >= p->allowed) {
        return NULL;
    }
    if (piece != NULL) {
        p->free = piece->next;
    } else {
        size_t room = p->buffered ? PIECE : wr_max_size(p->conf->buffer_size, 4096);

        /* Short answers need no large piece. */
        if (p->x.length >= 0 && p->x.length < (int64_t) room) {
            room = wr_max_size((size_t) p->x.length, SMALL);
        }
        piece = new_piece(room);
        piece->older = p->all;
        p->all = piece;
        if (!p->cleanup) {
            p->cleanup = true;
            wr_pool_on_free(wr_pool(r), free_pieces, p);
        }
    }
    piece->p = p;
    piece->seg = (wr_seg_t) {.p = piece->bytes, .release = came_back, .data = piece};
    p->in_memory += piece->room;
    return piece;
}

/* ---- the temporary file ---- */

static void
close_temp(void *data)
{
    wr_file_t *f = data;

    close(f->fd);
}

static wr_rc_t
open_temp(wr_req_t *r, proxy_t *p)
{
    wr_str_t path = wr_pool_printf(wr_pool(r), "%.*s/XXXXXX", WR_ARG(p->conf->temp_path));
    int      fd = mkostemp((char *) (uintptr_t) path.p, O_CLOEXEC);

    if (fd < 0) {
        wr_log(&r->log, WR_LOG_CRIT, errno, "open() \"%.*s\" failed", WR_ARG(path));
        return WR_ERROR;
    }
    (void) unlink(path.p);
    wr_log(&r->log, WR_LOG_WARN, 0,
           "an upstream response is buffered to a temporary file %.*s", WR_ARG(path));
    p->temp = WR_NEW(wr_pool(r), wr_file_t);
    p->temp->fd = fd;
    p->temp->path = path;
    wr_pool_on_free(wr_pool(r), close_temp, p->temp);
    return WR_OK;
}

static bool
may_use_temp(const proxy_t *p)
{
    return p->buffered && p->conf->max_temp_file_size > 0
           && (p->temp == NULL || p->temp->size < p->conf->max_temp_file_size);
}

/* ---- from the peer ---- */

/* wr_exchange_read, as fast as proxy_limit_rate allows: WR_AGAIN with p->pause set means
 * to wait for the time, not for the peer. */
static wr_rc_t
read_peer(wr_req_t *r, proxy_t *p, char *to, size_t room, size_t *n)
{
    wr_rc_t rc;

    p->pause = 0;
    if (p->rate > 0) {
        int64_t may = p->rate * (wr_clock.sec - p->rate_from + 1) - p->state->response_length;

        if (may <= 0) {
            p->pause = -may * 1000 / p->rate + 1;
            return WR_AGAIN;
        }
        room = wr_min_size(room, (size_t) may);
    }
    rc = wr_exchange_read(&p->x, to, room, n);
    if (rc == WR_OK) {
        p->state->response_length += (int64_t) *n;
        proxy_store_add(r, p, to, *n);
    }
    return rc;
}

/* The answer is complete. */
static void
peer_done(wr_req_t *r, proxy_t *p)
{
    proxy_count(p);
    proxy_store_end(r, p);
    wr_op_cancel(&p->sleep.op);
    wr_exchange_end(&p->x);
    wr_pick_done(&p->pick, false);
}

/* The op that completes when the peer may be read again. */
static wr_op_t *
peer_op(proxy_t *p)
{
    if (p->pause != 0) {
        if (p->sleep.op.state != WR_OP_PENDING) {
            wr_sleep_start(&p->sleep, p->pause);
        }
        return &p->sleep.op;
    }
    if (p->x.op.state != WR_OP_PENDING) {
        wr_exchange_wait(&p->x);
    }
    return &p->x.op;
}

/* From the peer into the file, as much as is there. */
static wr_rc_t
read_to_temp(wr_req_t *r, proxy_t *p)
{
    static char buffer[PIECE];

    if (p->temp == NULL && open_temp(r, p) != WR_OK) {
        return WR_ERROR;
    }
    while (p->temp->size < p->conf->max_temp_file_size) {
        size_t  n;
        wr_rc_t rc = read_peer(r, p, buffer, sizeof(buffer), &n);

        if (rc != WR_OK) {
            return rc;
        }
        if (pwrite(p->temp->fd, buffer, n, p->temp->size) != (ssize_t) n) {
            wr_log(&r->log, WR_LOG_CRIT, errno, "pwrite() to \"%.*s\" failed",
                   WR_ARG(p->temp->path));
            return WR_ERROR;
        }
        p->temp->size += (int64_t) n;
    }
    return WR_LIMIT;
}

/* ---- the pump ---- */

static wr_rc_t
at_end(wr_req_t *r, proxy_t *p)
{
    wr_rc_t rc;

    peer_done(r, p);
    rc = wr_send_body(r, wr_seg_last(r));
    return rc < 0 ? rc : WR_DONE;
}

static wr_rc_t
broken(wr_req_t *r, proxy_t *p, wr_rc_t rc)
{
    r->log.action = "while reading upstream";
    if (rc == WR_TIMEOUT) {
        wr_log(&r->log, WR_LOG_ERR, ETIMEDOUT, "upstream timed out");
    } else if (rc == WR_CLOSED) {
        wr_log(&r->log, WR_LOG_ERR, 0, "upstream prematurely closed connection");
    } else if (rc == WR_ERROR) {
        wr_log(&r->log, WR_LOG_ERR, p->x.error, "recv() failed");
    }
    r->log.action = NULL;
    proxy_close(p);
    if (rc == WR_CLOSED) {
        /* What has come goes out: the client sees where it breaks off. */
        rc = wr_send_body(r, wr_seg_mem(r, NULL, 0, WR_SEG_FLUSH));
    }
    return rc == WR_CLOSED ? rc : WR_ERROR;
}

static wr_rc_t drained(wr_req_t *r, void *state);

static wr_rc_t
wait_client(wr_req_t *r)
{
    /* It may wait already: one side of wait_either has come first. */
    return wr_await(r, r->drain.state == WR_OP_PENDING ? &r->drain : wr_drain_op(r),
                    drained);
}

/* Completes for whoever is ready first: the peer or the client. */
static void
either_ready(wr_op_t *op)
{
    proxy_t *p = op->waiter;

    if (p->either.state == WR_OP_PENDING) {
        wr_op_complete(&p->either, op->rc);
    }
}

static void
cancel_either(wr_op_t *op)
{
    wr_op_complete(op, WR_CANCELLED);
}

static void
watch_op(proxy_t *p, wr_op_t *op)
{
    if (op->state == WR_OP_PENDING) {
        op->done = either_ready;
        op->waiter = p;
    } else if (p->either.state == WR_OP_PENDING) {
        wr_op_complete(&p->either, op->rc);
    }
}

static wr_rc_t
one_ready(wr_req_t *r, void *state)
{
    proxy_t *p = state;

    if (r->aborted || p->either.rc == WR_CANCELLED
        || (r->drain.state == WR_OP_DONE && r->drain.rc < 0))
    {
        proxy_close(p);
        return WR_CANCELLED;
    }
    if (p->x.op.state == WR_OP_DONE && p->x.op.rc < 0) {
        return broken(r, p, p->x.op.rc);
    }
    return proxy_pump(r, p);
}

/* The client is slow and the peer has nothing now: the peer's next bytes are to
 * go to the file without waiting for the client. */
static wr_rc_t
wait_either(wr_req_t *r, proxy_t *p)
{
    wr_op_begin(&p->either, "peer or client", cancel_either);
    watch_op(p, peer_op(p));
    watch_op(p, r->drain.state == WR_OP_PENDING ? &r->drain : wr_drain_op(r));
    return wr_await(r, &p->either, one_ready);
}

static wr_rc_t
came(wr_req_t *r, void *state)
{
    proxy_t *p = state;
    wr_rc_t  rc = p->x.op.rc;

    if (rc == WR_CANCELLED || r->aborted) {
        proxy_close(p);
        return WR_CANCELLED;
    }
    return rc != WR_OK ? broken(r, p, rc) : proxy_pump(r, p);
}

static wr_rc_t
rested(wr_req_t *r, void *state)
{
    proxy_t *p = state;

    if (p->sleep.op.rc == WR_CANCELLED || r->aborted) {
        proxy_close(p);
        return WR_CANCELLED;
    }
    return proxy_pump(r, p);
}

/* What stands in the file goes to the client. */
static wr_rc_t
send_temp(wr_req_t *r, proxy_t *p)
{
    int64_t  from = p->temp_sent;
    wr_rc_t  rc;

    p->temp_sent = p->temp->size;
    rc = wr_send_body(r, wr_seg_file(r, p->temp, from, (size_t) (p->temp_sent - from),
                                     WR_SEG_FLUSH));
    return rc;
}

static wr_rc_t
drained(wr_req_t *r, void *state)
{
    proxy_t *p = state;

    if (r->drain.rc < 0 || r->aborted) {
        proxy_close(p);
        return WR_CANCELLED;
    }
    return proxy_pump(r, p);
}

/* The client is slow and memory is used up. */
static wr_rc_t
spill(wr_req_t *r, proxy_t *p)
{
    wr_rc_t rc;

    if (!may_use_temp(p) || p->eof) {
        return wait_client(r);
    }
    rc = read_to_temp(r, p);
    if (rc == WR_AGAIN) {
        return wait_either(r, p);
    }
    if (rc == WR_DONE) {
        p->eof = true;
    }
    if (rc == WR_DONE || rc == WR_LIMIT) {
        return wait_client(r);
    }
    return broken(r, p, rc);
}

/* WR_OK: all is with the kernel, so every piece is free again. */
static wr_rc_t
flush(wr_req_t *r, proxy_t *p)
{
    wr_rc_t rc = wr_send_body(r, wr_seg_mem(r, NULL, 0, WR_SEG_FLUSH));

    if (rc < 0) {
        proxy_close(p);
        return rc;
    }
    return wr_out_pending(r) != 0 ? WR_AGAIN : WR_OK;
}

/* A slow client need not be waited for as long as there is room. */
static wr_rc_t
wait_peer(wr_req_t *r, proxy_t *p)
{
    if (p->pause != 0) {
        return wr_await(r, peer_op(p), rested);
    }
    return wr_await(r, peer_op(p), came);
}

wr_rc_t
proxy_pump(wr_req_t *r, void *state)
{
    proxy_t *p = state;

    for (;;) {
        struct piece *piece;
        size_t        n;
        wr_rc_t       rc;

        if (p->temp != NULL && p->temp_sent < p->temp->size) {
            rc = send_temp(r, p);
            if (rc < 0) {
                proxy_close(p);
                return rc;
            }
            if (rc == WR_AGAIN) {
                return p->eof ? wait_client(r) : spill(r, p);
            }
            continue;
        }
        if (p->eof) {
            return at_end(r, p);
        }
        piece = take_piece(r, p);
        if (piece == NULL) {
            /* What was held back goes out first: then its memory is free again. */
            rc = wr_send_body(r, wr_seg_mem(r, NULL, 0, WR_SEG_FLUSH));
            if (rc < 0) {
                proxy_close(p);
                return rc;
            }
            if (p->in_memory < p->allowed) {
                continue;
            }
            if (wr_out_pending(r) == 0) {
                p->allowed += PIECE;    /* a filter keeps it */
                continue;
            }
            return spill(r, p);
        }
        rc = read_peer(r, p, piece->bytes, piece->room, &n);
        if (rc == WR_OK) {
            bool last = p->x.body_done;

            piece->seg.n = n;
            piece->seg.flags = p->buffered && !last ? 0 : WR_SEG_FLUSH;
            if (last) {
                piece->seg.flags = WR_SEG_LAST;
                peer_done(r, p);
            }
            rc = wr_send_body(r, &piece->seg);
            if (last) {
                return rc < 0 ? rc : WR_DONE;
            }
            if (rc < 0) {
                proxy_close(p);
                return rc;
            }
            if (rc == WR_AGAIN && !p->buffered) {
                return wait_client(r);
            }
            continue;
        }
        came_back(&piece->seg);
        if (rc == WR_DONE) {
            return at_end(r, p);
        }
        if (rc != WR_AGAIN) {
            return broken(r, p, rc);
        }
        rc = flush(r, p);
        if (rc < 0) {
            return rc;
        }
        return wait_peer(r, p);
    }
}

/* ---- tunnels ---- */

typedef struct way {            /* one direction */
    wr_conn_t *from, *to;
    char      *buf;
    size_t     pos, end;
    bool       eof, shut;
    uint64_t  *count;
} way_t;

typedef struct tunnel {
    wr_op_t    op;
    wr_req_t  *r;
    proxy_t   *p;
    way_t      ways[2];
    wr_timer_t timer;
    wr_msec_t  timeout;
} tunnel_t;

enum { TUNNEL_BUFFER = 16 * 1024 };

static tunnel_t *tunnel_of(const wr_conn_t *c);

static wr_rc_t
move(way_t *w)
{
    for (;;) {
        if (w->pos < w->end) {
            struct iovec iov = {w->buf + w->pos, w->end - w->pos};
            size_t       n = 0;
            wr_rc_t      rc = wr_conn_send(w->to, &iov, 1, false, &n);

            w->pos += n;
            *w->count += n;
            if (rc != WR_OK) {
                return rc;
            }
        } else if (w->eof) {
            if (!w->shut) {
                w->shut = true;
                (void) shutdown(w->to->watch.fd, SHUT_WR);
            }
            return WR_DONE;
        } else {
            wr_rc_t rc;

            w->pos = w->end = 0;
            if (!w->from->watch.readable) {
                return WR_AGAIN;
            }
            rc = wr_conn_recv(w->from, w->buf, TUNNEL_BUFFER, &w->end);
            if (rc == WR_CLOSED) {
                w->end = 0;
                w->eof = true;
            } else if (rc != WR_OK) {
                w->end = 0;
                return rc;
            }
        }
    }
}

static void
tunnel_go(tunnel_t *t)
{
    wr_rc_t a = move(&t->ways[0]), b = move(&t->ways[1]);

    if (t->op.state != WR_OP_PENDING) {
        return;
    }
    if (a == WR_DONE || b == WR_DONE || a < 0 || b < 0) {
        /* As soon as one side has gone, what the other had sent is out. */
        wr_timer_cancel(&t->timer);
        wr_op_complete(&t->op, a < 0 || b < 0 ? WR_ERROR : WR_OK);
        return;
    }
    wr_timer_set(&t->timer, t->timeout);
}

static void
tunnel_peer(wr_watch_t *w)
{
    wr_uconn_t *uc = WR_CONTAINER(w, wr_uconn_t, conn.watch);
    proxy_t    *p = WR_CONTAINER((wr_exchange_t *) uc->user, proxy_t, x);

    tunnel_go(p->way);
}

static void
tunnel_client(wr_watch_t *w)
{
    tunnel_go(tunnel_of(WR_CONTAINER(w, wr_conn_t, watch)));
}

/* The client's connection finds its tunnel by its timer, which is unused now. */
static tunnel_t *
tunnel_of(const wr_conn_t *c)
{
    return c->owner;
}

static void
tunnel_timeout(wr_timer_t *timer)
{
    tunnel_t *t = WR_CONTAINER(timer, tunnel_t, timer);

    wr_log(&t->r->log, WR_LOG_INFO, ETIMEDOUT, "upgraded connection was idle too long");
    if (t->op.state == WR_OP_PENDING) {
        wr_op_complete(&t->op, WR_TIMEOUT);
    }
}

static void
tunnel_cancel(wr_op_t *op)
{
    tunnel_t *t = WR_CONTAINER(op, tunnel_t, op);

    wr_timer_cancel(&t->timer);
    wr_op_complete(op, WR_CANCELLED);
}

static wr_rc_t
tunnel_end(wr_req_t *r, void *state)
{
    proxy_t  *p = state;
    tunnel_t *t = p->way;

    r->bytes_sent += (int64_t) p->tunnel_sent;
    t->ways[0].from->owner = NULL;
    p->state->response_length = (int64_t) p->tunnel_sent;
    proxy_close(p);
    return WR_DONE;
}

wr_rc_t
proxy_tunnel(wr_req_t *r, proxy_t *p)
{
    tunnel_t  *t = WR_NEW(wr_pool(r), tunnel_t);
    wr_str_t   early;
    wr_conn_t *client;

    r->keepalive = 0;
    if (r->front->take_conn == NULL || wr_send_head(r) < 0) {
        proxy_close(p);
        return wr_fail(r, 502);
    }
    if (wr_send_body(r, wr_seg_mem(r, NULL, 0, WR_SEG_FLUSH)) < 0) {
        proxy_close(p);
        return WR_CLOSED;
    }
    client = r->front->take_conn(r, &early);
    client->owner = t;
    p->way = t;
    t->r = r;
    t->p = p;
    t->timeout = p->conf->read_timeout;
    t->timer.fn = tunnel_timeout;
    t->ways[0] = (way_t) {client, &p->x.uc->conn, wr_alloc_bytes(wr_pool(r), TUNNEL_BUFFER),
                          0, 0, false, false, &p->tunnel_received};
    t->ways[1] = (way_t) {&p->x.uc->conn, client, wr_alloc_bytes(wr_pool(r), TUNNEL_BUFFER),
                          0, 0, false, false, &p->tunnel_sent};
    t->ways[0].end = wr_min_size(early.n, TUNNEL_BUFFER);
    memcpy(t->ways[0].buf, early.p, t->ways[0].end);
    t->ways[1].end = wr_min_size(p->x.end - p->x.pos, TUNNEL_BUFFER);
    memcpy(t->ways[1].buf, p->x.buf + p->x.pos, t->ways[1].end);
    client->watch.on_read = client->watch.on_write = tunnel_client;
    p->x.uc->conn.watch.on_read = p->x.uc->conn.watch.on_write = tunnel_peer;
    wr_op_begin(&t->op, "tunnel", tunnel_cancel);
    tunnel_go(t);
    return wr_await(r, &t->op, tunnel_end);
}
