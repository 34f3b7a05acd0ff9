/*
 * Groups by name, and how the names of their servers become addresses when the
 * conf has been read.
 */
#include <weir/upstream/upstream_priv.h>

#include <stdio.h>

wr_groups_t    *wr_groups_now;
wr_resolver_t *(*wr_upstream_resolver)(wr_scope_t *http, wr_msec_t *timeout);

wr_groups_t *
wr_groups_of(wr_conf_t *cf)
{
    wr_groups_t *all = (wr_groups_t *) (uintptr_t) wr_service_find(cf, "upstreams.1");

    if (all == NULL) {
        all = WR_NEW(cf->pool, wr_groups_t);
        all->by_name = wr_map(cf->pool, true);
        wr_service_offer(cf, "upstreams.1", all);
    }
    return all;
}

wr_upstream_t *
wr_group_new(wr_conf_t *cf, wr_str_t name, const wr_tok_t *at)
{
    wr_upstream_t *g = WR_NEW(cf->pool, wr_upstream_t);

    g->name = wr_pool_str(cf->pool, name);
    g->at = *at;
    g->servers = wr_array(cf->pool, sizeof(wr_peer_t));
    g->resolver_timeout = -1;
    g->keepalive = 32;
    g->keepalive_requests = 1000;
    g->keepalive_timeout = 60000;
    g->keepalive_time = 3600000;
    wr_queue_init(&g->idle);
    return g;
}

wr_peer_t *
wr_group_server(wr_upstream_t *g, const wr_tok_t *at)
{
    wr_peer_t *peer = WR_PUSH(&g->servers, wr_peer_t);

    peer->server = at->text;
    peer->at = *at;
    peer->weight = 1;
    peer->max_fails = 1;
    peer->fail_timeout = 10000;
    return peer;
}

/* ---- hosts ---- */

static wr_rc_t
bad(wr_conf_t *cf, const wr_tok_t *at, const char *what, wr_str_t text)
{
    return wr_conf_fail(cf, at, "%s in upstream \"%.*s\"", what, WR_ARG(text));
}

const char *
wr_upstream_split(wr_str_t text, wr_str_t *host, int *port)
{
    ssize_t  end;
    wr_str_t rest;
    int64_t  n;

    if (wr_str_istarts(text, WR_STR("unix:"))) {
        return text.n > 5 ? "too long path in the unix domain socket"
                          : "no path in the unix domain socket";
    }
    if (text.n != 0 && text.p[0] == '[') {
        end = wr_str_chr(text, ']') + 1;
        if (end == 0 || ((size_t) end < text.n && text.p[end] != ':')) {
            return "invalid host";
        }
    } else {
        if (wr_str_chr(text, '/') >= 0 || wr_str_chr(text, '?') >= 0) {
            return "invalid host";
        }
        end = wr_str_chr(text, ':');
        end = end < 0 ? (ssize_t) text.n : end;
    }
    *host = wr_str(text.p, (size_t) end);
    rest = wr_str_skip(text, (size_t) end);
    if (rest.n != 0) {
        if (!wr_parse_int(wr_str_skip(rest, 1), &n) || n < 1 || n > 65535) {
            return "invalid port";
        }
        *port = (int) n;
    }
    return host->n == 0 ? "no host" : NULL;
}

/* What is known of `service` and `resolve` when the host is. */
static wr_rc_t
check_lookup(wr_conf_t *cf, const wr_peer_t *server, bool is_address, bool has_port)
{
    if (server->service.n == 0) {
        return WR_OK;
    }
    if (!server->resolve) {
        return wr_conf_fail(cf, &server->at, "service upstream \"%.*s\" requires "
                            "\"resolve\" parameter", WR_ARG(server->server));
    }
    if (has_port) {
        return wr_conf_fail(cf, &server->at, "service upstream \"%.*s\" may not have port",
                            WR_ARG(server->server));
    }
    return is_address ? wr_conf_fail(cf, &server->at, "service upstream \"%.*s\" requires "
                                     "domain name", WR_ARG(server->server))
                      : WR_OK;
}

static wr_rc_t
find_addresses(wr_conf_t *cf, wr_upstream_t *g, wr_peer_list_t *l, wr_peer_t *server)
{
    wr_addr_t   addr, *found;
    wr_str_t    host;
    unsigned    n;
    int         port = 0;
    bool        is_address = wr_addr_parse(&addr, server->server, g->default_port);
    const char *why = is_address ? NULL : wr_upstream_split(server->server, &host, &port);

    if (why != NULL) {
        return bad(cf, &server->at, why, server->server);
    }
    if (check_lookup(cf, server, is_address, port != 0) != WR_OK) {
        return WR_ERROR;
    }
    if (is_address) {
        server->resolve = false;
        wr_peer_list_add(l, server, &addr, cf->pool);
        return WR_OK;
    }
    if (host.p[0] == '[') {
        return bad(cf, &server->at, "invalid IPv6 address", server->server);
    }
    if (server->resolve) {
        return WR_OK;           /* when it runs */
    }
    if (!wr_resolve_now(cf->temp, host, &found, &n, &why)) {
        return bad(cf, &server->at, "host not found", server->server);
    }
    for (unsigned i = 0; i < n; i++) {
        wr_addr_set_port(&found[i], port != 0 ? port : g->default_port);
        wr_peer_list_add(l, server, &found[i], cf->pool);
    }
    return WR_OK;
}

/* ---- groups by name ---- */

/* "NAME:PORT" where an `upstream NAME` exists. */
static wr_rc_t
check_port(wr_conf_t *cf, const wr_tok_t *at, wr_str_t host)
{
    ssize_t              colon = wr_str_rchr(host, ':');
    const wr_upstream_t *g;

    if (colon <= 0 || wr_str_starts(host, WR_STR("unix:"))) {
        return WR_OK;
    }
    g = wr_map_get(&wr_groups_of(cf)->by_name, wr_str(host.p, (size_t) colon));
    if (g == NULL || g->implicit) {
        return WR_OK;
    }
    return wr_conf_fail(cf, at, "upstream \"%.*s\" may not have port %.*s", WR_ARG(g->name),
                        WR_ARG(wr_str_skip(host, (size_t) colon + 1)));
}

static wr_upstream_t *
implicit(wr_conf_t *cf, wr_str_t key, wr_str_t host, const wr_tok_t *at, int default_port)
{
    wr_upstream_t *g = wr_group_new(cf, host, at);

    g->implicit = true;
    g->default_port = default_port;
    (void) wr_map_set(&wr_groups_of(cf)->by_name, wr_pool_str(cf->pool, key), g);
    return g;
}

wr_upstream_t *
wr_upstream_use(wr_conf_t *cf, const wr_tok_t *at, wr_str_t host, int default_port)
{
    wr_groups_t   *all = wr_groups_of(cf);
    wr_upstream_t *g = wr_map_get(&all->by_name, host);
    wr_str_t       key;

    if (g == NULL) {
        /* May turn out to be an `upstream` further down: one object by name. */
        return implicit(cf, host, host, at, default_port);
    }
    if (!g->implicit || g->default_port == default_port) {
        return g;
    }
    /* The same host with another default port is another group. */
    key = wr_pool_printf(cf->pool, "%.*s\n%d", WR_ARG(host), default_port);
    g = wr_map_get(&all->by_name, key);
    return g != NULL ? g : implicit(cf, key, host, at, default_port);
}

wr_upstream_t *
wr_upstream_find(wr_str_t name)
{
    wr_upstream_t *g = wr_groups_now != NULL ? wr_map_get(&wr_groups_now->by_name, name)
                                             : NULL;

    return g != NULL && !g->implicit ? g : NULL;
}

wr_upstream_t *
wr_upstream_match(wr_str_t host, int default_port)
{
    wr_upstream_t *g = wr_groups_now != NULL ? wr_map_get(&wr_groups_now->by_name, host)
                                             : NULL;
    char           key[512];
    int            n;

    if (g == NULL || !g->implicit || g->default_port == default_port) {
        return g;
    }
    if (host.n > sizeof(key) - 16) {
        return NULL;
    }
    memcpy(key, host.p, host.n);
    n = snprintf(key + host.n, 16, "\n%d", default_port);
    return wr_map_get(&wr_groups_now->by_name, wr_str(key, host.n + (size_t) n));
}

/* ---- when all is read ---- */

/* Names that are looked up again need to know where, and a zone where the new
 * workers of a reload find what the old ones have found. */
static wr_rc_t
check_lookups(wr_conf_t *cf, wr_upstream_t *g)
{
    wr_msec_t timeout = 30000;

    if (g->zone == NULL) {
        return wr_conf_fail(cf, &g->at, "resolving names at run time requires upstream "
                            "\"%.*s\" to be in shared memory", WR_ARG(g->name));
    }
    if (g->resolver == NULL && wr_upstream_resolver != NULL) {
        g->resolver = wr_upstream_resolver(wr_scope_find(g->scope, WR_HTTP), &timeout);
    }
    if (g->resolver == NULL) {
        return wr_conf_fail(cf, &g->at, "no resolver defined to resolve names at run time "
                            "in upstream \"%.*s\"", WR_ARG(g->name));
    }
    if (g->resolver_timeout < 0) {
        g->resolver_timeout = timeout;
    }
    return WR_OK;
}

static wr_rc_t
finish_group(wr_conf_t *cf, wr_upstream_t *g)
{
    wr_peer_list_t list = wr_peer_list(cf->temp);

    if (g->implicit) {
        wr_tok_t at = g->at;

        if (check_port(cf, &at, g->name) != WR_OK) {
            return WR_ERROR;
        }
        at.text = g->name;
        (void) wr_group_server(g, &at);
    }
    for (WR_EACH(wr_peer_t, server, &g->servers)) {
        server->group = g;
        if (find_addresses(cf, g, &list, server) != WR_OK) {
            return WR_ERROR;
        }
    }
    if (wr_lookups_needed(g)) {
        if (check_lookups(cf, g) != WR_OK) {
            return WR_ERROR;
        }
    } else if (list.primary.n == 0) {
        return wr_conf_fail(cf, &g->at, "no servers in upstream \"%.*s\"", WR_ARG(g->name));
    }
    g->set = wr_peers_make(g, &list, cf->pool);
    return WR_OK;
}

wr_rc_t
wr_groups_finish(wr_conf_t *cf)
{
    wr_groups_t *all = wr_groups_of(cf);

    for (uint32_t i = 0; i < all->by_name.n; i++) {
        if (finish_group(cf, all->by_name.entries[i].value) != WR_OK) {
            return WR_ERROR;
        }
    }
    wr_cycle_newest(cf, &wr_groups_now, all);
    return WR_OK;
}
