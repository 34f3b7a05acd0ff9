/*
 * fetch: the hosts that have been asked, with the connections that are kept and
 * the fetches that wait for one. All of it belongs to the worker.
 *
 * A host is scheme, name and port, as one resolver knows it. It lives in a pool of its
 * own, so that one whose addresses have changed, or that nobody has asked for long, can
 * go.
 */
#include "fetch.h"

#include <weir/base/hash.h>

enum { BUCKETS = 256, MAX_HOSTS = 1024 };

struct host {
    wr_pool_t     *pool;
    wr_queue_t     link;        /* in its bucket */
    wr_queue_t     by_age;      /* in `used`, newest first */
    wr_str_t       name;
    int            port;
    bool           tls;
    const wr_resolver_t *resolver;
    bool           outdated;    /* in no bucket any more: goes with the last fetch */
    bool           waking;      /* host_leave is on the C stack */
    wr_upstream_t *group;
    int64_t        live, limit; /* connections; limit 0: none */
    wr_queue_t     waiting;     /* fetch_t, oldest first */
};

static wr_queue_t buckets[BUCKETS], used;
static unsigned   count;

static wr_queue_t *
bucket_of(const url_t *u)
{
    if (used.next == NULL) {
        wr_queue_init(&used);
        for (unsigned i = 0; i < BUCKETS; i++) {
            wr_queue_init(&buckets[i]);
        }
    }
    return &buckets[(wr_hash(u->host.p, u->host.n) + (unsigned) u->port) % BUCKETS];
}

static bool
is_idle(const host_t *h)
{
    return h->live == 0 && wr_queue_empty(&h->waiting);
}

static void
remove_host(host_t *h)
{
    wr_upstream_drop_idle(h->group);
    if (!h->outdated) {
        wr_queue_remove(&h->link);
        wr_queue_remove(&h->by_age);
        count--;
    }
    wr_pool_free(h->pool);
}

/* It is not found any more; who uses it still may. */
static void
outdate(host_t *h)
{
    if (is_idle(h)) {
        remove_host(h);
        return;
    }
    wr_upstream_drop_idle(h->group);
    h->group->keepalive = 0;
    wr_queue_remove(&h->link);
    wr_queue_remove(&h->by_age);
    count--;
    h->outdated = true;
}

/* Too many: the ones that nobody has asked for longest go. */
static void
make_room(void)
{
    wr_queue_t *q = wr_queue_last(&used);

    while (count >= MAX_HOSTS && q != NULL) {
        host_t *h = WR_QUEUE_ITEM(q, host_t, by_age);

        q = q->prev != &used ? q->prev : NULL;
        if (is_idle(h)) {
            remove_host(h);
        }
    }
}

/* A resolver turns its answers round: any order is the same. */
static bool
same_addrs(const wr_upstream_t *g, const wr_addr_t *addrs, unsigned n, int port)
{
    if (g->set->n != n) {
        return false;
    }
    for (unsigned i = 0; i < n; i++) {
        bool      found = false;
        wr_addr_t a = addrs[i];

        wr_addr_set_port(&a, port);
        for (unsigned k = 0; k < n && !found; k++) {
            found = wr_addr_equal(&a.u.sa, &g->set->peers[k].addr.u.sa, true);
        }
        if (!found) {
            return false;
        }
    }
    return true;
}

static host_t *
new_host(const url_t *u, const wr_resolver_t *resolver, const wr_addr_t *addrs, unsigned n)
{
    wr_pool_t *pool = wr_pool_new();
    host_t    *h = WR_NEW(pool, host_t);
    wr_addr_t *copy = wr_alloc(pool, n * sizeof(*copy));

    for (unsigned i = 0; i < n; i++) {
        copy[i] = addrs[i];
        wr_addr_set_port(&copy[i], u->port);
    }
    h->pool = pool;
    h->name = wr_pool_str(pool, u->host);
    h->port = u->port;
    h->tls = u->tls;
    h->resolver = resolver;
    h->group = wr_upstream_of_addrs(pool, copy, n, wr_pool_str(pool, u->authority));
    h->group->keepalive = 64;
    h->group->keepalive_requests = 1000;
    h->group->keepalive_timeout = 30000;
    h->group->keepalive_time = 3600000;
    wr_queue_init(&h->waiting);
    wr_queue_init(&h->link);
    wr_queue_init(&h->by_age);
    return h;
}

host_t *
host_use(const url_t *u, const wr_resolver_t *resolver, const wr_addr_t *addrs, unsigned n,
         int64_t connections)
{
    wr_queue_t *bucket = bucket_of(u);
    host_t     *h = NULL;

    for (wr_queue_t *q = bucket->next; q != bucket && h == NULL; q = q->next) {
        host_t *other = WR_QUEUE_ITEM(q, host_t, link);

        if (other->port == u->port && other->tls == u->tls
            && other->resolver == resolver && wr_str_eq(other->name, u->host))
        {
            h = other;
        }
    }
    if (h != NULL && !same_addrs(h->group, addrs, n, u->port)) {
        outdate(h);
        h = NULL;
    }
    if (h == NULL) {
        make_room();
        h = new_host(u, resolver, addrs, n);
        wr_queue_push(bucket, &h->link);
        count++;
    }
    wr_queue_remove(&h->by_age);
    wr_queue_unshift(&used, &h->by_age);
    h->limit = connections;
    return h;
}

wr_upstream_t *
host_group(host_t *h)
{
    return h->group;
}

/* ---- connections ---- */

bool
host_enter(host_t *h, fetch_t *f)
{
    if (h->limit != 0 && h->live >= h->limit) {
        wr_queue_push(&h->waiting, &f->link);
        return false;
    }
    h->live++;
    f->holds = true;
    return true;
}

/* Those that wait go on. One may end at once and come here again: the loop is the
 * outermost call's, so that ten thousand are no deep stack. */
static void
wake(host_t *h)
{
    wr_queue_t *q;

    h->waking = true;
    while ((h->limit == 0 || h->live < h->limit)
           && (q = wr_queue_first(&h->waiting)) != NULL)
    {
        fetch_t *next = WR_QUEUE_ITEM(q, fetch_t, link);

        wr_queue_remove(q);
        h->live++;
        next->holds = true;
        fetch_go_on(next);
    }
    h->waking = false;
}

void
host_leave(host_t *h, fetch_t *f)
{
    if (f->link.next != NULL) {
        wr_queue_remove(&f->link);
    }
    if (f->holds) {
        f->holds = false;
        h->live--;
    }
    if (h->waking) {
        return;
    }
    wake(h);
    if (h->outdated && is_idle(h)) {
        remove_host(h);
    }
}

void
hosts_stop(wr_worker_t *w)
{
    (void) w;
    while (used.next != NULL && !wr_queue_empty(&used)) {
        outdate(WR_QUEUE_ITEM(wr_queue_first(&used), host_t, by_age));
    }
}
