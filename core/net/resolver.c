/*
 * The cache of names, and who waits for them.
 *
 * A host stands in a hash table and in a list by use; it has two queries while it
 * is being looked up. Everything belongs to the loop's thread.
 */
#define _GNU_SOURCE
#include <weir/net/resolver_priv.h>

#include <stdlib.h>
#include <weir/base/hash.h>

enum { BUCKETS = 256, MOST_HOSTS = 2048, TRIES = 6, FAILED_MS = 10000, NXDOMAIN = 3 };

static const wr_msec_t resend_ms[TRIES] = {1000, 2000, 4000, 5000, 5000, 5000};

struct wr_host {
    wr_queue_t      use;            /* in wr_hosts_t.use: the newest first */
    wr_host_t      *chain;
    wr_resolver_t  *r;
    uint64_t        hash;
    wr_dns_query_t *query[2];       /* A, AAAA; while pending */
    wr_queue_t      waiting;        /* wr_resolve_t */
    wr_timer_t      resend;
    unsigned        tries;
    unsigned        turn;           /* which address is first next time */
    wr_addr_t      *addrs;
    unsigned        n, n4;          /* IPv4 ones first */
    wr_dns_service_t *services;     /* of a name of services */
    unsigned        n_services;
    bool            is_service;
    int             code;
    wr_msec_t       until;          /* the result is good so long */
    bool            pending;
    bool            telling;        /* its waiters are being told */
    char            name[];
};

struct wr_hosts {
    wr_host_t *bucket[BUCKETS];
    wr_queue_t use;
    unsigned   n;
};

static wr_resolver_t *in_use;

const wr_resolver_t *
wr_host_resolver(const wr_host_t *h)
{
    return h->r;
}

const char *
wr_resolve_error(int code)
{
    switch (code) {
    case 1: return "Format error";
    case 2: return "Server failure";
    case NXDOMAIN: return "Host not found";
    case 4: return "Unimplemented";
    case 5: return "Operation refused";
    case WR_RESOLVER_TIMEOUT: return "Operation timed out";
    default: return "Unknown error";
    }
}

/* ---- results ---- */

static wr_rc_t
rc_of(int code)
{
    return code == 0 ? WR_OK
           : code == NXDOMAIN ? WR_NOTFOUND
           : code == WR_RESOLVER_TIMEOUT ? WR_TIMEOUT : WR_ERROR;
}

/* Both families turned by the same step, IPv4 first. */
static void
give(wr_resolve_t *q, const wr_addr_t *addrs, unsigned n, unsigned n4, unsigned turn)
{
    q->n = n;
    q->addrs = n != 0 ? WR_NEW_N(q->pool, wr_addr_t, n) : NULL;
    for (unsigned i = 0; i < n; i++) {
        unsigned from = i < n4 ? (i + turn) % n4 : n4 + (i - n4 + turn) % (n - n4);

        q->addrs[i] = addrs[from];
    }
}

static void
give_services(wr_resolve_t *q, const wr_host_t *h)
{
    size_t size = h->n_services * sizeof(*h->services);

    q->n_services = h->n_services;
    q->services = wr_alloc(q->pool, size);
    memcpy(q->services, h->services, size);
}

static void
tell(wr_host_t *h, wr_resolve_t *q)
{
    wr_timer_cancel(&q->timer);
    wr_queue_remove(&q->link);
    q->code = h->code;
    q->until = h->until;
    if (h->code == 0 && h->is_service) {
        give_services(q, h);
    } else if (h->code == 0) {
        give(q, h->addrs, h->n, h->n4, h->turn++);
    }
    wr_op_complete(&q->op, rc_of(h->code));
}

/* Who asks again meanwhile, because the result was a failure, waits for a new
 * lookup: resend_due begins it. */
static void
tell_all(wr_host_t *h)
{
    wr_queue_t  now = h->waiting;
    wr_queue_t *first;

    if (wr_queue_empty(&h->waiting)) {
        return;
    }
    now.next->prev = now.prev->next = &now;
    wr_queue_init(&h->waiting);
    h->telling = true;
    while ((first = wr_queue_first(&now)) != NULL) {
        tell(h, WR_QUEUE_ITEM(first, wr_resolve_t, link));
    }
    h->telling = false;
}

/* ---- one host ---- */

static void
drop_queries(wr_host_t *h)
{
    wr_timer_cancel(&h->resend);
    for (unsigned i = 0; i < 2; i++) {
        if (h->query[i] != NULL) {
            wr_dns_query_close(h->query[i]);
            free(h->query[i]->services);
            free(h->query[i]);
            h->query[i] = NULL;
        }
    }
}

static void
add_addresses(wr_host_t *h, const wr_dns_query_t *q)
{
    for (unsigned i = 0; i < q->answer.n; i++) {
        wr_addr_t *a = &h->addrs[h->n++];

        memset(a, 0, sizeof(*a));
        if (q->type == WR_DNS_A) {
            a->u.in4.sin_family = AF_INET;
            a->len = sizeof(a->u.in4);
            memcpy(&a->u.in4.sin_addr, q->answer.addrs[i], 4);
            h->n4++;
        } else {
            a->u.in6.sin6_family = AF_INET6;
            a->len = sizeof(a->u.in6);
            memcpy(&a->u.in6.sin6_addr, q->answer.addrs[i], 16);
        }
    }
}

static void
good_until(wr_host_t *h, uint32_t ttl)
{
    h->until = wr_clock.mono + (h->r->valid != 0 ? h->r->valid : (wr_msec_t) ttl * 1000);
}

static void
collect_services(wr_host_t *h)
{
    wr_dns_query_t *q = h->query[0];

    free(h->services);
    h->services = q->services;
    h->n_services = q->n_services;
    q->services = NULL;
    h->code = q->answer.rcode != 0 ? q->answer.rcode : h->n_services == 0 ? NXDOMAIN : 0;
    good_until(h, q->answer.ttl);
    if (h->code == NXDOMAIN && h->r->valid == 0) {
        h->until = wr_clock.mono + FAILED_MS;
    } else if (h->code != 0 && h->code != NXDOMAIN) {
        h->until = wr_clock.mono;
    }
}

/* Both answers together. */
static void
collect(wr_host_t *h)
{
    unsigned n = 0;
    uint32_t ttl = UINT32_MAX;

    if (h->is_service) {
        collect_services(h);
        return;
    }
    h->code = 0;
    h->n = h->n4 = 0;
    for (unsigned i = 0; i < 2; i++) {
        const wr_dns_query_t *q = h->query[i];

        if (q != NULL) {
            n += q->answer.n;
            if (q->answer.n != 0 && q->answer.ttl < ttl) {
                ttl = q->answer.ttl;
            }
            if (q->answer.rcode != 0 && h->code == 0) {
                h->code = q->answer.rcode;
            }
        }
    }
    free(h->addrs);
    h->addrs = NULL;
    if (n == 0) {
        h->code = h->code != 0 ? h->code : NXDOMAIN;
        h->until = wr_clock.mono;
        if (h->code == NXDOMAIN) {
            h->until += h->r->valid != 0 ? h->r->valid : FAILED_MS;
        }
        return;
    }
    h->code = 0;
    h->addrs = calloc(n, sizeof(*h->addrs));
    WR_ASSERT(h->addrs != NULL);
    for (unsigned i = 0; i < 2; i++) {
        if (h->query[i] != NULL) {
            add_addresses(h, h->query[i]);
        }
    }
    good_until(h, ttl);
}

void
wr_host_answered(wr_dns_query_t *q)
{
    wr_host_t *h = q->host;

    for (unsigned i = 0; i < 2; i++) {
        if (h->query[i] != NULL && h->query[i]->pending) {
            return;
        }
    }
    collect(h);
    h->pending = false;
    /* We may be inside one of the queries: they go at the end of the turn. */
    wr_timer_set(&h->resend, 0);
    tell_all(h);
}

/* Some servers never answer for AAAA: one family is enough then. */
static bool
has_some(const wr_host_t *h)
{
    for (unsigned i = 0; i < 2; i++) {
        if (h->query[i] != NULL && !h->query[i]->pending && h->query[i]->answer.n != 0) {
            return true;
        }
    }
    return false;
}

static void
no_more(wr_host_t *h)
{
    h->pending = false;
    if (has_some(h)) {
        collect(h);
    } else {
        h->code = WR_RESOLVER_TIMEOUT;
        h->n = h->n4 = 0;
        h->until = wr_clock.mono;
    }
    drop_queries(h);
    wr_timer_set(&h->resend, 0);
    tell_all(h);
}

static void
ask_again(wr_host_t *h)
{
    if (h->tries == TRIES || (h->tries > 1 && has_some(h))) {
        no_more(h);
        return;
    }
    wr_timer_set(&h->resend, resend_ms[h->tries++]);
    for (unsigned i = 0; i < 2; i++) {
        wr_dns_query_t *q = h->query[i];

        if (h->pending && q != NULL && q->pending) {
            if (h->tries > 1) {
                q->server = (q->server + 1) % h->r->n;
            }
            q->asked = 0;
            wr_dns_query_send(q);
        }
    }
}

static wr_dns_query_t *
new_query(wr_host_t *h, uint16_t type)
{
    wr_dns_query_t *q = calloc(1, sizeof(*q));

    WR_ASSERT(q != NULL);
    q->host = h;
    q->type = type;
    q->pending = true;
    q->udp.fd = q->tcp.watch.fd = -1;
    q->server = h->turn % h->r->n;
    memcpy(q->name, h->name, strlen(h->name) + 1);
    return q;
}

static void
look_up(wr_host_t *h)
{
    drop_queries(h);
    h->pending = true;
    h->tries = 0;
    if (h->is_service) {
        h->query[0] = new_query(h, WR_DNS_SRV);
        ask_again(h);
        return;
    }
    if (h->r->ipv4) {
        h->query[0] = new_query(h, WR_DNS_A);
    }
    if (h->r->ipv6) {
        h->query[1] = new_query(h, WR_DNS_AAAA);
    }
    ask_again(h);
}

static void
resend_due(wr_timer_t *t)
{
    wr_host_t *h = WR_CONTAINER(t, wr_host_t, resend);

    if (h->pending) {
        ask_again(h);
    } else if (!wr_queue_empty(&h->waiting)) {
        look_up(h);
    } else {
        drop_queries(h);
    }
}

/* ---- the table ---- */

static void
free_host(wr_hosts_t *t, wr_host_t *h)
{
    wr_host_t **at = &t->bucket[h->hash % BUCKETS];

    while (*at != h) {
        at = &(*at)->chain;
    }
    *at = h->chain;
    t->n--;
    wr_queue_remove(&h->use);
    drop_queries(h);
    free(h->addrs);
    free(h->services);
    free(h);
}

static void
make_room(wr_hosts_t *t)
{
    wr_queue_t *last = t->use.prev;

    while (t->n >= MOST_HOSTS && last != &t->use) {
        wr_host_t *h = WR_QUEUE_ITEM(last, wr_host_t, use);

        last = last->prev;
        if (!h->pending && !h->telling && wr_queue_empty(&h->waiting)) {
            free_host(t, h);
        }
    }
}

static wr_host_t *
find_or_add(wr_resolver_t *r, const char *name, bool is_service)
{
    size_t      n = strlen(name);
    uint64_t    hash = wr_hash(name, n);
    wr_hosts_t *t = r->hosts;
    wr_host_t  *h;

    for (h = t->bucket[hash % BUCKETS]; h != NULL; h = h->chain) {
        if (h->hash == hash && h->is_service == is_service && strcmp(h->name, name) == 0) {
            wr_queue_remove(&h->use);
            wr_queue_unshift(&t->use, &h->use);
            return h;
        }
    }
    make_room(t);
    h = calloc(1, sizeof(*h) + n + 1);
    WR_ASSERT(h != NULL);
    memcpy(h->name, name, n + 1);
    h->r = r;
    h->hash = hash;
    h->is_service = is_service;
    h->resend.fn = resend_due;
    wr_queue_init(&h->waiting);
    h->chain = t->bucket[hash % BUCKETS];
    t->bucket[hash % BUCKETS] = h;
    wr_queue_unshift(&t->use, &h->use);
    t->n++;
    return h;
}

static void
use(wr_resolver_t *r)
{
    if (r->hosts == NULL) {
        r->hosts = calloc(1, sizeof(*r->hosts));
        WR_ASSERT(r->hosts != NULL);
        wr_queue_init(&r->hosts->use);
        r->next = in_use;
        in_use = r;
    }
}

/* ---- asking ---- */

static void
end_early(wr_resolve_t *q, int code, wr_rc_t rc)
{
    wr_timer_cancel(&q->timer);
    wr_queue_remove(&q->link);
    q->code = code;
    wr_op_complete(&q->op, rc);
}

static void
waited_too_long(wr_timer_t *t)
{
    end_early(WR_CONTAINER(t, wr_resolve_t, timer), WR_RESOLVER_TIMEOUT, WR_TIMEOUT);
}

static void
cancel(wr_op_t *op)
{
    end_early(WR_CONTAINER(op, wr_resolve_t, op), 0, WR_CANCELLED);
}

/* What needs no question: addresses as text, the system's own names. */
static bool
known(wr_resolver_t *r, wr_resolve_t *q, wr_str_t name)
{
    wr_addr_t a[WR_RESOLVER_SERVERS];
    unsigned  n = 0;

    if (wr_addr_parse(&a[0], name, 0) && a[0].u.sa.sa_family != AF_UNIX) {
        n = 1;
        wr_addr_set_port(&a[0], 0);
    } else if (r->system) {
        n = wr_system_hosts("/etc/hosts", name, a, WR_RESOLVER_SERVERS);
    }
    if (n == 0) {
        return false;
    }
    give(q, a, n, n, 0);
    wr_op_complete(&q->op, WR_OK);
    return true;
}

static void
start(wr_resolver_t *r, wr_resolve_t *q, wr_pool_t *pool, wr_str_t name,
      wr_msec_t timeout, bool is_service)
{
    char       text[WR_DNS_NAME];
    wr_host_t *h;

    q->pool = pool;
    q->addrs = NULL;
    q->n = q->n_services = 0;
    q->services = NULL;
    q->code = 0;
    q->until = wr_clock.mono;
    q->timer = (wr_timer_t) {.fn = waited_too_long};
    wr_queue_init(&q->link);
    wr_op_begin(&q->op, "resolve", cancel);
    if (!is_service && known(r, q, name)) {
        return;
    }
    if (!wr_dns_name(text, name)) {
        end_early(q, NXDOMAIN, WR_NOTFOUND);
        return;
    }
    use(r);
    h = find_or_add(r, text, is_service);
    wr_queue_push(&h->waiting, &q->link);
    if (h->pending) {
        wr_timer_set(&q->timer, timeout);
    } else if (h->until > wr_clock.mono) {
        tell(h, q);
    } else {
        wr_timer_set(&q->timer, timeout);
        if (!h->telling) {
            look_up(h);
        }
    }
}

void
wr_resolve_start(wr_resolver_t *r, wr_resolve_t *q, wr_pool_t *pool, wr_str_t name,
                 wr_msec_t timeout)
{
    start(r, q, pool, name, timeout, false);
}

void
wr_resolve_service(wr_resolver_t *r, wr_resolve_t *q, wr_pool_t *pool, wr_str_t name,
                   wr_msec_t timeout)
{
    start(r, q, pool, name, timeout, true);
}

void
wr_resolver_forget(wr_resolver_t *r)
{
    wr_resolver_t **at = &in_use;

    if (r->hosts == NULL) {
        return;
    }
    while (*at != r) {
        at = &(*at)->next;
    }
    *at = r->next;
    while (!wr_queue_empty(&r->hosts->use)) {
        wr_host_t  *h = WR_QUEUE_ITEM(r->hosts->use.next, wr_host_t, use);
        wr_queue_t *first;

        h->telling = true;
        while ((first = wr_queue_first(&h->waiting)) != NULL) {
            end_early(WR_QUEUE_ITEM(first, wr_resolve_t, link), 0, WR_CANCELLED);
        }
        free_host(r->hosts, h);
    }
    free(r->hosts);
    r->hosts = NULL;
}

void
wr_resolvers_free(void)
{
    while (in_use != NULL) {
        wr_resolver_forget(in_use);
    }
}
