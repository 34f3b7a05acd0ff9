/*
 * Connections to peers, kept for reuse. An idle one is watched: when the peer
 * closes it, or sends what nobody asked for, it goes.
 */
#include <weir/upstream/upstream.h>

#include <stdlib.h>

void
wr_uconn_close(wr_uconn_t *c)
{
    wr_conn_close(&c->conn);
    free(c);
}

wr_uconn_t *
wr_uconn_new(wr_peer_t *peer, uint64_t key)
{
    wr_uconn_t *c = calloc(1, sizeof(*c));

    WR_ASSERT(c != NULL);
    c->conn.watch.fd = -1;
    c->peer = peer;
    c->group = peer->group;
    c->addr = peer->addr;
    c->key = key;
    c->born = wr_clock.mono;
    wr_queue_init(&c->link);
    return c;
}

static void
unpool(wr_uconn_t *c)
{
    wr_queue_remove(&c->link);
    c->group->n_idle--;
}

static void
idle_readable(wr_watch_t *w)
{
    wr_uconn_t *c = WR_CONTAINER(w, wr_uconn_t, conn.watch);

    unpool(c);
    wr_uconn_close(c);
}

static void
idle_timeout(wr_timer_t *t)
{
    wr_uconn_t *c = WR_CONTAINER(t, wr_uconn_t, conn.timer);

    unpool(c);
    wr_uconn_close(c);
}

wr_uconn_t *
wr_uconn_take(wr_peer_t *peer, uint64_t key)
{
    wr_upstream_t *g = peer->group;

    if (g->keepalive == 0 || g->n_idle == 0) {
        return NULL;
    }
    for (wr_queue_t *q = g->idle.next; q != &g->idle; q = q->next) {
        wr_uconn_t *c = WR_QUEUE_ITEM(q, wr_uconn_t, link);

        if (c->key == key && wr_addr_equal(&c->addr.u.sa, &peer->addr.u.sa, true)) {
            unpool(c);
            wr_timer_cancel(&c->conn.timer);
            c->conn.watch.on_read = NULL;
            c->conn.watch.on_write = NULL;
            c->reused = true;
            c->peer = peer;
            return c;
        }
    }
    return NULL;
}

void
wr_uconn_keep(wr_uconn_t *c)
{
    wr_upstream_t *g = c->group;

    c->requests++;
    if (g->keepalive == 0 || c->conn.error || c->conn.eof || c->conn.watch.hup
        || c->conn.watch.readable || c->requests >= g->keepalive_requests
        || wr_clock.mono - c->born > g->keepalive_time)
    {
        wr_uconn_close(c);
        return;
    }
    if (g->n_idle >= g->keepalive) {
        wr_uconn_t *oldest = WR_QUEUE_ITEM(wr_queue_last(&g->idle), wr_uconn_t, link);

        unpool(oldest);
        wr_uconn_close(oldest);
    }
    c->user = NULL;
    c->conn.watch.on_read = idle_readable;
    c->conn.watch.on_write = NULL;
    c->conn.timer.fn = idle_timeout;
    wr_queue_unshift(&g->idle, &c->link);
    g->n_idle++;
    wr_timer_set(&c->conn.timer, g->keepalive_timeout);
}

void
wr_upstream_drop_idle(wr_upstream_t *g)
{
    while (!wr_queue_empty(&g->idle)) {
        wr_uconn_t *c = WR_QUEUE_ITEM(wr_queue_first(&g->idle), wr_uconn_t, link);

        unpool(c);
        wr_uconn_close(c);
    }
}
