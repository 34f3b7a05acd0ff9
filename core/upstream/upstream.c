/*
 * `upstream` blocks and implicit groups: reading them, resolving their names.
 */
#include <weir/upstream/upstream.h>

#include <netdb.h>


/* The groups of a cycle hang from its conf as a service. */
typedef struct groups {
    wr_map_t by_name;
} groups_t;

static groups_t *current;       /* of the newest cycle, for wr_upstream_find */

static groups_t *
groups_of(wr_conf_t *cf)
{
    groups_t *g = (groups_t *) (uintptr_t) wr_service_find(cf, "upstreams.1");

    if (g == NULL) {
        g = WR_NEW(cf->pool, groups_t);
        g->by_name = wr_map(cf->pool, true);
        wr_service_offer(cf, "upstreams.1", g);
    }
    return g;
}

static wr_upstream_t *
new_group(wr_conf_t *cf, wr_str_t name, const wr_tok_t *at)
{
    wr_upstream_t *g = WR_NEW(cf->pool, wr_upstream_t);

    g->name = wr_pool_str(cf->pool, name);
    g->at = *at;
    g->servers = wr_array(cf->pool, sizeof(wr_peer_t));
    g->keepalive = 32;
    g->keepalive_requests = 1000;
    g->keepalive_timeout = 60000;
    g->keepalive_time = 3600000;
    wr_queue_init(&g->idle);
    return g;
}

static wr_peer_t *
new_server(wr_upstream_t *g, wr_str_t text)
{
    wr_peer_t *peer = WR_PUSH(&g->servers, wr_peer_t);

    peer->server = text;
    peer->weight = 1;
    peer->max_fails = 1;
    peer->fail_timeout = 10000;
    return peer;
}

/* ---- directives ---- */

wr_upstream_t *
wr_conf_upstream(wr_conf_t *cf)
{
    wr_scope_t *scope = wr_scope_find(cf->scope, WR_UPSTREAM);

    return scope != NULL ? scope->object : NULL;
}

static wr_rc_t
set_upstream(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    groups_t      *all = groups_of(cf);
    wr_str_t       name = cf->args[1].text;
    wr_upstream_t *g = wr_map_get(&all->by_name, name);

    (void) d;
    (void) conf;
    if (g != NULL && !g->implicit) {
        return wr_conf_fail(cf, &cf->args[1], "duplicate upstream \"%.*s\"", WR_ARG(name));
    }
    if (g == NULL) {
        g = new_group(cf, name, &cf->args[1]);
        (void) wr_map_set(&all->by_name, g->name, g);
    } else {
        g->implicit = false;    /* a proxy_pass above has named it already */
        g->default_port = 80;
    }
    g->default_port = 80;
    g->scope = wr_conf_scope(cf, WR_UPSTREAM, g);
    if (wr_conf_block(cf, g->scope) != WR_OK) {
        return WR_ERROR;
    }
    if (g->servers.n == 0) {
        return wr_conf_fail(cf, NULL, "no servers are inside upstream");
    }
    return WR_OK;
}

static wr_rc_t
server_option(wr_conf_t *cf, wr_peer_t *peer, const wr_tok_t *tok)
{
    wr_str_t value;
    bool     ok = true;

    if (wr_arg_value(tok->text, "weight", &value)) {
        ok = wr_parse_int(value, &peer->weight) && peer->weight > 0;
    } else if (wr_arg_value(tok->text, "max_fails", &value)) {
        ok = wr_parse_int(value, &peer->max_fails);
    } else if (wr_arg_value(tok->text, "max_conns", &value)) {
        ok = wr_parse_int(value, &peer->max_conns);
    } else if (wr_arg_value(tok->text, "fail_timeout", &value)) {
        int64_t sec = 0;

        ok = wr_parse_sec(value, &sec);
        peer->fail_timeout = sec * 1000;
    } else if (wr_arg_value(tok->text, "slow_start", &value)) {
        ok = wr_parse_msec(value, &peer->slow_start);
    } else if (wr_str_eqz(tok->text, "backup")) {
        peer->backup = true;
    } else if (wr_str_eqz(tok->text, "down")) {
        peer->down = true;
    } else if (wr_str_eqz(tok->text, "resolve")
               || wr_arg_value(tok->text, "service", &value)
               || wr_arg_value(tok->text, "route", &value))
    {
        ok = true;      /* resolved when the conf is read */
    } else {
        ok = false;
    }
    return ok ? WR_OK
              : wr_conf_fail(cf, tok, "invalid parameter \"%.*s\"", WR_ARG(tok->text));
}

static wr_rc_t
set_server(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    wr_peer_t *peer = new_server(wr_conf_upstream(cf), cf->args[1].text);

    (void) d;
    (void) conf;
    for (unsigned i = 2; i < cf->nargs; i++) {
        if (server_option(cf, peer, &cf->args[i]) != WR_OK) {
            return WR_ERROR;
        }
    }
    return WR_OK;
}

static wr_rc_t
set_keepalive(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    wr_upstream_t *g = wr_conf_upstream(cf);

    (void) d;
    (void) conf;
    if (g->keepalive_given) {
        return wr_conf_fail(cf, NULL, "\"keepalive\" directive is duplicate");
    }
    g->keepalive_given = true;
    if (!wr_parse_int(cf->args[1].text, &g->keepalive)) {
        return wr_conf_fail(cf, &cf->args[1], "invalid value \"%.*s\" in \"keepalive\" "
                                              "directive",
                            WR_ARG(cf->args[1].text));
    }
    for (unsigned i = 2; i < cf->nargs; i++) {
        if (!wr_str_eqz(cf->args[i].text, "local")) {
            return wr_conf_fail(cf, &cf->args[i], "invalid parameter \"%.*s\"",
                                WR_ARG(cf->args[i].text));
        }
    }
    return WR_OK;
}

static wr_rc_t
set_keepalive_part(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    wr_upstream_t *g = wr_conf_upstream(cf);
    wr_str_t       v = cf->args[1].text;
    bool           ok;

    (void) conf;
    if (strcmp(d->name, "keepalive_requests") == 0) {
        ok = wr_parse_int(v, &g->keepalive_requests);
    } else if (strcmp(d->name, "keepalive_time") == 0) {
        ok = wr_parse_msec(v, &g->keepalive_time);
    } else {
        ok = wr_parse_msec(v, &g->keepalive_timeout);
    }
    return ok ? WR_OK : wr_conf_fail(cf, &cf->args[1], "invalid value");
}

static wr_rc_t
set_zone(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    int64_t size;

    (void) d;
    (void) conf;
    if (cf->nargs == 3 && (!wr_parse_size(cf->args[2].text, &size) || size < 32768)) {
        return wr_conf_fail(cf, &cf->args[2], "zone \"%.*s\" is too small",
                            WR_ARG(cf->args[1].text));
    }
    return WR_OK;
}

/* ---- groups by name ---- */

wr_upstream_t *
wr_upstream_use(wr_conf_t *cf, const wr_tok_t *at, wr_str_t host, int default_port)
{
    groups_t      *all = groups_of(cf);
    wr_upstream_t *g = wr_map_get(&all->by_name, host);
    wr_str_t       key;

    if (g != NULL && !g->implicit) {
        return g;
    }
    /* The same host with another default port is another group. */
    key = wr_pool_printf(cf->pool, "%.*s\n%d", WR_ARG(host), default_port);
    if (g == NULL) {
        /* May turn out to be an `upstream` further down: one object by name. */
        g = new_group(cf, host, at);
        g->implicit = true;
        g->default_port = default_port;
        (void) wr_map_set(&all->by_name, g->name, g);
        return g;
    }
    if (g->default_port == default_port) {
        return g;
    }
    g = wr_map_get(&all->by_name, key);
    if (g == NULL) {
        g = new_group(cf, host, at);
        g->implicit = true;
        g->default_port = default_port;
        (void) wr_map_set(&all->by_name, key, g);
    }
    return g;
}

wr_upstream_t *
wr_upstream_find(wr_str_t name)
{
    wr_upstream_t *g = current != NULL ? wr_map_get(&current->by_name, name) : NULL;

    return g != NULL && !g->implicit ? g : NULL;
}

/* ---- when all is read ---- */

typedef struct found {
    wr_array_t primary;         /* wr_peer_t */
    wr_array_t backup;
} found_t;

static void
add_peer(wr_conf_t *cf, found_t *f, const wr_peer_t *server, const wr_addr_t *addr)
{
    wr_peer_t *peer = WR_PUSH(server->backup ? &f->backup : &f->primary, wr_peer_t);

    *peer = *server;
    peer->addr = *addr;
    peer->name = wr_addr_text(cf->pool, addr, true);
    peer->effective = peer->weight;
}

static bool
split_port(wr_str_t text, wr_str_t *host, int *port)
{
    ssize_t colon = wr_str_rchr(text, ':');
    int64_t n;

    *host = text;
    if (colon < 0 || (text.n != 0 && text.p[text.n - 1] == ']')) {
        return true;
    }
    if (!wr_parse_int(wr_str_skip(text, (size_t) colon + 1), &n) || n < 1 || n > 65535) {
        return false;
    }
    *host = wr_str(text.p, (size_t) colon);
    *port = (int) n;
    return true;
}

static wr_rc_t
resolve(wr_conf_t *cf, wr_upstream_t *g, found_t *f, const wr_peer_t *server)
{
    struct addrinfo  hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *list;
    wr_addr_t        addr;
    wr_str_t         host;
    int              port = g->default_port;

    if (wr_addr_parse(&addr, server->server, port)) {
        add_peer(cf, f, server, &addr);
        return WR_OK;
    }
    if (!split_port(server->server, &host, &port)) {
        return wr_conf_fail(cf, &g->at, "invalid port in upstream \"%.*s\"",
                            WR_ARG(server->server));
    }
    if (host.n == 0) {
        return wr_conf_fail(cf, &g->at, "no host in upstream \"%.*s\"",
                            WR_ARG(server->server));
    }
    if (getaddrinfo(wr_pool_strz(cf->temp, host), NULL, &hints, &list) != 0) {
        return wr_conf_fail(cf, &g->at, "host not found in upstream \"%.*s\"",
                            WR_ARG(server->server));
    }
    for (struct addrinfo *a = list; a != NULL; a = a->ai_next) {
        memset(&addr, 0, sizeof(addr));
        addr.len = a->ai_addrlen;
        memcpy(&addr.u, a->ai_addr, a->ai_addrlen);
        wr_addr_set_port(&addr, port);
        add_peer(cf, f, server, &addr);
    }
    freeaddrinfo(list);
    return WR_OK;
}

static void
take_peers(wr_conf_t *cf, wr_upstream_t *g, const found_t *f)
{
    g->n_primary = f->primary.n;
    g->n_peers = f->primary.n + f->backup.n;
    g->peers = WR_NEW_N(cf->pool, wr_peer_t, g->n_peers + 1u);
    if (f->primary.n != 0) {
        memcpy(g->peers, f->primary.items, f->primary.n * sizeof(wr_peer_t));
    }
    if (f->backup.n != 0) {
        memcpy(g->peers + f->primary.n, f->backup.items, f->backup.n * sizeof(wr_peer_t));
    }
    for (unsigned i = 0; i < g->n_peers; i++) {
        g->peers[i].group = g;
        g->peers[i].index = i;
        if (i < g->n_primary) {
            g->total_weight += g->peers[i].weight;
        }
    }
    g->weighted = g->total_weight != (int64_t) g->n_primary;
}

static wr_rc_t
finish_group(wr_conf_t *cf, wr_upstream_t *g)
{
    found_t f = {wr_array(cf->temp, sizeof(wr_peer_t)), wr_array(cf->temp, sizeof(wr_peer_t))};

    if (g->implicit && g->servers.n == 0) {
        (void) new_server(g, g->name);
    }
    for (WR_EACH(wr_peer_t, server, &g->servers)) {
        if (resolve(cf, g, &f, server) != WR_OK) {
            return WR_ERROR;
        }
    }
    if (f.primary.n == 0) {
        return wr_conf_fail(cf, &g->at, "no servers in upstream \"%.*s\"", WR_ARG(g->name));
    }
    take_peers(cf, g, &f);
    return g->balancer != NULL ? g->balancer->init(cf, g) : WR_OK;
}

static wr_rc_t
finish(wr_conf_t *cf)
{
    groups_t *all = groups_of(cf);

    for (uint32_t i = 0; i < all->by_name.n; i++) {
        if (finish_group(cf, all->by_name.entries[i].value) != WR_OK) {
            return WR_ERROR;
        }
    }
    current = all;
    return WR_OK;
}

wr_upstream_t *
wr_upstream_of_addrs(wr_pool_t *pool, const wr_addr_t *addrs, unsigned n, wr_str_t name)
{
    wr_upstream_t *g = WR_NEW(pool, wr_upstream_t);

    g->name = name;
    g->n_primary = g->n_peers = n;
    g->peers = WR_NEW_N(pool, wr_peer_t, n);
    g->total_weight = n;
    wr_queue_init(&g->idle);
    for (unsigned i = 0; i < n; i++) {
        wr_peer_t *peer = &g->peers[i];

        peer->group = g;
        peer->index = i;
        peer->addr = addrs[i];
        peer->name = wr_addr_text(pool, &addrs[i], true);
        peer->server = name;
        peer->weight = peer->effective = 1;
        peer->max_fails = 1;
        peer->fail_timeout = 10000;
    }
    return g;
}

static void
stop(wr_worker_t *w)
{
    (void) w;
    for (uint32_t i = 0; current != NULL && i < current->by_name.n; i++) {
        wr_upstream_drop_idle(current->by_name.entries[i].value);
    }
}

static const wr_directive_t directives[] = {
    WR_BLOCK("upstream", WR_HTTP, 1, 1, set_upstream, "A group of servers.",
             .example = "upstream backend {\n    server 127.0.0.1:8081;\n"
                        "    server 127.0.0.1:8082 backup;\n}"),
    WR_ACTION("server", WR_UPSTREAM, 1, 255, set_server, "A server of the group.",
              .flags = WR_DF_REPEAT,
              .args = "address [weight=n] [max_fails=n] [fail_timeout=time] "
                      "[max_conns=n] [backup] [down]"),
    WR_ACTION("keepalive", WR_UPSTREAM, 1, 2, set_keepalive,
              "How many idle connections to the group a worker keeps (32 if not said)."),
    WR_ACTION("keepalive_requests", WR_UPSTREAM, 1, 1, set_keepalive_part,
              "How many requests one kept connection carries."),
    WR_ACTION("keepalive_timeout", WR_UPSTREAM, 1, 1, set_keepalive_part,
              "How long an idle connection is kept."),
    WR_ACTION("keepalive_time", WR_UPSTREAM, 1, 1, set_keepalive_part,
              "How old a kept connection may become."),
    WR_ACTION("zone", WR_UPSTREAM, 1, 2, set_zone,
              "Accepted: the state of the group is kept by each worker."),
    WR_END
};

wr_module_t wr_upstream_module = {
    .magic = WR_MAGIC,
    .abi_major = WR_ABI_MAJOR,
    .abi_minor = WR_ABI_MINOR,
    .size = sizeof(wr_module_t),
    .facts = WR_ABI_FACTS,
    .name = "http_upstream_module",
    .version = "0.1.0",
    .doc = "Groups of servers to pass requests to.",
    .schema = {.name = "http_upstream_module", .directives = directives},
    .finish = finish,
    .worker_stop = stop,
};
