/*
 * Servers with `resolve`: their names are looked up when the worker begins and
 * again when the answer's time is over.
 *
 * Each worker asks for itself (a name server has no trouble with that, and nothing
 * depends on one worker living); what it learns also goes into the zone, so that
 * the workers of a reload begin with the addresses that are in use.
 *
 * With `service` the SRV records of the name are looked up first, then their targets
 * one after the other. Those of the best priority are peers, the others backups.
 */
#include <weir/upstream/upstream_priv.h>

#include <stdlib.h>

enum { MOST = 64, RETRY_MS = 1000 };

/* One server's name. */
typedef struct lookup {
    wr_upstream_t   *g;
    const wr_peer_t *server;
    wr_str_t         host;
    int              port;
    wr_resolve_t     q;
    wr_pool_t       *pool;          /* of q; NULL: nothing is asked */
    wr_timer_t       timer;
    wr_found_t       found[MOST];   /* in use */
    unsigned         n;
    bool             answered;
    /* while it is looked up */
    wr_found_t       fresh[MOST];
    unsigned         n_fresh;
    wr_dns_service_t *services;     /* in the pool */
    unsigned         n_services, service;
    bool             failed;        /* a name server did not know */
    wr_msec_t        until;
} lookup_t;

/* A group's lookups. */
typedef struct lookups {
    wr_peers_t *conf;               /* the set of the conf: without looked up ones */
    wr_array_t  all;                /* lookup_t * */
    unsigned    unanswered;         /* of them, since the worker began */
    wr_queue_t  waiting;            /* wr_upstream_wait_t */
} lookups_t;

bool
wr_lookups_needed(const wr_upstream_t *g)
{
    for (WR_EACH(wr_peer_t, server, &g->servers)) {
        if (server->resolve) {
            return true;
        }
    }
    return false;
}

/* ---- the set ---- */

static const lookup_t *
lookup_of(const wr_upstream_t *g, const wr_peer_t *server)
{
    const lookups_t *ls = g->lookups;

    for (WR_EACH(lookup_t *, l, &ls->all)) {
        if ((*l)->server == server) {
            return *l;
        }
    }
    return NULL;
}

/* The peers that need no lookup are those of the conf's set, which is the first. */
static void
add_fixed(wr_peer_list_t *list, const wr_peer_t *server, const wr_peers_t *conf)
{
    for (unsigned i = 0; i < conf->n; i++) {
        const wr_peer_t *peer = &conf->peers[i];

        if (peer->at.line == server->at.line && peer->at.column == server->at.column
            && wr_str_eq(peer->at.file, server->at.file))
        {
            wr_peer_t *copy = WR_PUSH(peer->backup ? &list->backup : &list->primary,
                                      wr_peer_t);

            *copy = *peer;
            copy->shared = NULL;
        }
    }
}

static void
rebuild(wr_upstream_t *g)
{
    const lookups_t *ls = g->lookups;
    wr_pool_t     *pool = wr_pool_new();
    wr_peer_list_t list = wr_peer_list(pool);
    wr_peers_t    *old = g->set, *set;

    for (WR_EACH(wr_peer_t, server, &g->servers)) {
        const lookup_t *l = lookup_of(g, server);

        if (l == NULL) {
            add_fixed(&list, server, ls->conf);
        }
        for (unsigned i = 0; l != NULL && i < l->n; i++) {
            wr_peer_t peer = *server;

            peer.weight = l->found[i].weight;
            peer.backup = l->found[i].backup;
            wr_peer_list_add(&list, &peer, &l->found[i].addr, pool);
        }
    }
    set = wr_peers_make(g, &list, pool);
    set->pool = pool;
    set->refs = 1;
    wr_shared_attach(g, set);
    g->set = set;
    if (old->pool != NULL) {
        wr_peers_drop(old);
    }
}

/* ---- the lookups ---- */

static bool
has(const wr_found_t *found, unsigned n, const wr_found_t *one)
{
    for (unsigned i = 0; i < n; i++) {
        if (found[i].weight == one->weight && found[i].backup == one->backup
            && wr_addr_equal(&found[i].addr.u.sa, &one->addr.u.sa, true))
        {
            return true;
        }
    }
    return false;
}

/* Takes what is new in the order of the old (a resolver turns its answers round).
 * True: it is not the same. */
static bool
merge(lookup_t *l)
{
    unsigned old = l->n, kept = 0;

    for (unsigned i = 0; i < old; i++) {
        if (has(l->fresh, l->n_fresh, &l->found[i])) {
            l->found[kept++] = l->found[i];
        }
    }
    l->n = kept;
    for (unsigned i = 0; i < l->n_fresh && l->n < MOST; i++) {
        if (!has(l->found, l->n, &l->fresh[i])) {
            l->found[l->n++] = l->fresh[i];
        }
    }
    return kept != old || l->n != old;
}

/* ---- who waits for the first answer ---- */

static void
let_go(lookups_t *ls, wr_rc_t rc)
{
    wr_queue_t *q;

    while ((q = wr_queue_first(&ls->waiting)) != NULL) {
        wr_upstream_wait_t *w = WR_QUEUE_ITEM(q, wr_upstream_wait_t, link);

        wr_queue_remove(&w->link);
        wr_op_complete(&w->op, rc);
    }
}

static void
cancel_wait(wr_op_t *op)
{
    wr_queue_remove(&WR_CONTAINER(op, wr_upstream_wait_t, op)->link);
    wr_op_complete(op, WR_CANCELLED);
}

bool
wr_upstream_wait(wr_upstream_t *g, wr_upstream_wait_t *w)
{
    lookups_t *ls = g->lookups;

    if (ls == NULL || g->set->tries != 0 || ls->unanswered == 0) {
        return false;
    }
    wr_op_begin(&w->op, "addresses of an upstream", cancel_wait);
    wr_queue_push(&ls->waiting, &w->link);
    return true;
}

/* ---- an answer ---- */

static void
first_answer(lookup_t *l)
{
    lookups_t *ls = l->g->lookups;

    if (!l->answered) {
        l->answered = true;
        ls->unanswered--;
    }
    if (l->g->set->tries != 0 || ls->unanswered == 0) {
        let_go(ls, WR_OK);
    }
}

static wr_msec_t
longer(wr_msec_t a, wr_msec_t b)
{
    return a > b ? a : b;
}

/* All is answered. If a name server did not know, what was found before stays. */
static void
finish(lookup_t *l)
{
    wr_msec_t wait = longer(l->until - wr_clock.mono, RETRY_MS);

    if (l->failed) {
        wait = longer(l->g->resolver_timeout, RETRY_MS);
    } else if (merge(l)) {
        wr_shared_learn(l->g, l->server, l->found, l->n);
        rebuild(l->g);
    }
    wr_timer_set(&l->timer, wait);
    first_answer(l);
}

static void
add_fresh(lookup_t *l, int port, int64_t weight, bool backup)
{
    for (unsigned i = 0; i < l->q.n && l->n_fresh < MOST; i++) {
        wr_found_t *f = &l->fresh[l->n_fresh++];

        *f = (wr_found_t) {l->q.addrs[i], weight, backup};
        wr_addr_set_port(&f->addr, port);
    }
}

/* Whether there is an answer, if only that the name does not exist. */
static bool
is_answered(lookup_t *l, wr_str_t name)
{
    if (l->q.op.rc != WR_OK) {
        wr_log(&wr_log_main, WR_LOG_ERR, 0, "%.*s could not be resolved (%d: %s)",
               WR_ARG(name), l->q.code, wr_resolve_error(l->q.code));
    }
    if (l->q.op.rc != WR_OK && l->q.op.rc != WR_NOTFOUND) {
        l->failed = true;
        return false;
    }
    l->until = l->until == 0 || l->q.until < l->until ? l->q.until : l->until;
    return l->q.op.rc == WR_OK;
}

static void
wait_for(lookup_t *l, void (*next)(wr_op_t *op))
{
    l->q.op.waiter = l;
    l->q.op.done = next;
    if (l->q.op.state == WR_OP_DONE) {
        next(&l->q.op);
    }
}

static void
name_answered(wr_op_t *op)
{
    lookup_t *l = op->waiter;

    if (is_answered(l, l->host)) {
        add_fresh(l, l->port, l->server->weight, l->server->backup);
    }
    finish(l);
}

/* ---- services ---- */

static void next_target(lookup_t *l);

static unsigned
best_priority(const lookup_t *l)
{
    unsigned best = UINT16_MAX;

    for (unsigned i = 0; i < l->n_services; i++) {
        best = l->services[i].priority < best ? l->services[i].priority : best;
    }
    return best;
}

static void
target_answered(wr_op_t *op)
{
    lookup_t               *l = op->waiter;
    const wr_dns_service_t *s = &l->services[l->service++];
    bool                    best = s->priority == best_priority(l);

    /* Backups have no backups. */
    if (is_answered(l, wr_str_z(s->target)) && (best || !l->server->backup)) {
        add_fresh(l, s->port, s->weight != 0 ? s->weight : 1, l->server->backup || !best);
    }
    next_target(l);
}

static void
next_target(lookup_t *l)
{
    if (l->service == l->n_services) {
        finish(l);
        return;
    }
    wr_resolve_start(l->g->resolver, &l->q, l->pool,
                     wr_str_z(l->services[l->service].target), l->g->resolver_timeout);
    wait_for(l, target_answered);
}

static void
services_answered(wr_op_t *op)
{
    lookup_t *l = op->waiter;

    if (is_answered(l, l->host)) {
        l->services = l->q.services;
        l->n_services = l->q.n_services;
    }
    next_target(l);
}

static void
due(wr_timer_t *t)
{
    lookup_t *l = WR_CONTAINER(t, lookup_t, timer);

    if (l->pool != NULL) {
        wr_pool_free(l->pool);
    }
    l->pool = wr_pool_new();
    l->n_fresh = l->n_services = l->service = 0;
    l->failed = false;
    l->until = 0;
    if (l->server->service.n != 0) {
        wr_resolve_service(l->g->resolver, &l->q, l->pool, l->host,
                           l->g->resolver_timeout);
        wait_for(l, services_answered);
    } else {
        wr_resolve_start(l->g->resolver, &l->q, l->pool, l->host, l->g->resolver_timeout);
        wait_for(l, name_answered);
    }
}

/* ---- the worker ---- */

static lookup_t *
new_lookup(wr_upstream_t *g, const wr_peer_t *server)
{
    lookup_t *l = calloc(1, sizeof(*l));
    ssize_t   colon = wr_str_chr(server->server, ':');
    int64_t   port = g->default_port;

    WR_ASSERT(l != NULL);
    l->g = g;
    l->server = server;
    l->host = server->server;
    if (colon >= 0) {
        l->host.n = (size_t) colon;
        (void) wr_parse_int(wr_str_skip(server->server, (size_t) colon + 1), &port);
    }
    if (server->service.n != 0) {
        /* "http" stands for "_http._tcp". */
        l->host = wr_pool_printf(g->servers.pool, wr_str_chr(server->service, '.') < 0
                                                      ? "_%.*s._tcp.%.*s" : "%.*s.%.*s",
                                 WR_ARG(server->service), WR_ARG(l->host));
    }
    l->port = (int) port;
    l->timer.fn = due;
    l->n = wr_shared_known(g, server, l->found, MOST);
    return l;
}

void
wr_lookups_begin(wr_upstream_t *g)
{
    lookups_t *ls;

    if (!wr_lookups_needed(g)) {
        return;
    }
    ls = WR_NEW(g->servers.pool, lookups_t);
    ls->conf = g->set;
    ls->all = wr_array(g->servers.pool, sizeof(lookup_t *));
    wr_queue_init(&ls->waiting);
    g->lookups = ls;
    for (WR_EACH(wr_peer_t, server, &g->servers)) {
        if (server->resolve) {
            *WR_PUSH(&ls->all, lookup_t *) = new_lookup(g, server);
        }
    }
    ls->unanswered = ls->all.n;
    rebuild(g);
    for (WR_EACH(lookup_t *, l, &ls->all)) {
        due(&(*l)->timer);
    }
}

static void
end(lookup_t *l)
{
    wr_timer_cancel(&l->timer);
    if (l->q.op.state == WR_OP_PENDING) {
        l->q.op.done = NULL;
        wr_op_cancel(&l->q.op);
    }
    if (l->pool != NULL) {
        wr_pool_free(l->pool);
    }
    free(l);
}

void
wr_lookups_end(wr_upstream_t *g)
{
    lookups_t *ls = g->lookups;

    if (ls == NULL) {
        return;
    }
    let_go(ls, WR_CANCELLED);
    for (WR_EACH(lookup_t *, l, &ls->all)) {
        end(*l);
    }
    g->lookups = NULL;
    wr_peers_drop(g->set);
    g->set = ls->conf;
}
