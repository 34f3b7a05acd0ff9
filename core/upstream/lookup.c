/*
 * Servers with `resolve`: their names are looked up when the worker begins and
 * again when the answer's time is over.
 *
 * Each worker asks for itself (a name server has no trouble with that, and nothing
 * depends on one worker living); what it learns also goes into the zone, so that
 * the workers of a reload begin with the addresses that are in use.
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
    wr_addr_t        addrs[MOST];
    unsigned         n;
    bool             answered;
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
            wr_peer_list_add(&list, server, &l->addrs[i], pool);
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
has(const wr_addr_t *addrs, unsigned n, const wr_addr_t *a)
{
    for (unsigned i = 0; i < n; i++) {
        if (wr_addr_equal(&addrs[i].u.sa, &a->u.sa, true)) {
            return true;
        }
    }
    return false;
}

/* Takes the new addresses in the order of the old ones (a resolver turns its
 * answers round). True: they are others. */
static bool
merge(lookup_t *l, const wr_addr_t *addrs, unsigned n)
{
    unsigned old = l->n, kept = 0;

    for (unsigned i = 0; i < old; i++) {
        if (has(addrs, n, &l->addrs[i])) {
            l->addrs[kept++] = l->addrs[i];
        }
    }
    l->n = kept;
    for (unsigned i = 0; i < n && l->n < MOST; i++) {
        if (!has(l->addrs, l->n, &addrs[i])) {
            l->addrs[l->n++] = addrs[i];
        }
    }
    return kept != old || l->n != old;
}

static void
learn(lookup_t *l, wr_addr_t *addrs, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        wr_addr_set_port(&addrs[i], l->port);
    }
    if (merge(l, addrs, n)) {
        wr_shared_learn(l->g, l->server, l->addrs, l->n);
        rebuild(l->g);
    }
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

    if (ls == NULL || g->set->n != 0 || ls->unanswered == 0) {
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
    if (l->g->set->n != 0 || ls->unanswered == 0) {
        let_go(ls, WR_OK);
    }
}

static wr_msec_t
longer(wr_msec_t a, wr_msec_t b)
{
    return a > b ? a : b;
}

static void
answered(wr_op_t *op)
{
    lookup_t *l = op->waiter;
    wr_msec_t wait = longer(l->q.until - wr_clock.mono, RETRY_MS);

    if (op->rc != WR_OK) {
        wr_log(&wr_log_main, WR_LOG_ERR, 0, "%.*s could not be resolved (%d: %s)",
               WR_ARG(l->host), l->q.code, wr_resolve_error(l->q.code));
    }
    if (op->rc == WR_OK || op->rc == WR_NOTFOUND) {
        learn(l, l->q.addrs, op->rc == WR_OK ? l->q.n : 0);
    } else {
        wait = longer(l->g->resolver_timeout, RETRY_MS);
    }
    wr_timer_set(&l->timer, wait);
    first_answer(l);
}

static void
due(wr_timer_t *t)
{
    lookup_t *l = WR_CONTAINER(t, lookup_t, timer);

    if (l->pool != NULL) {
        wr_pool_free(l->pool);
    }
    l->pool = wr_pool_new();
    wr_resolve_start(l->g->resolver, &l->q, l->pool, l->host, l->g->resolver_timeout);
    l->q.op.waiter = l;
    l->q.op.done = answered;
    if (l->q.op.state == WR_OP_DONE) {
        answered(&l->q.op);
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
    l->port = (int) port;
    l->timer.fn = due;
    l->n = wr_shared_known(g, server, l->addrs, MOST);
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
