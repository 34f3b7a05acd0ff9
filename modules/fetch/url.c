/*
 * fetch: URLs, and the connections that are kept for each host.
 */
#include "fetch.h"

bool
url_parse(wr_pool_t *pool, wr_str_t text, url_t *u)
{
    wr_str_t rest;
    size_t   end = 0;
    ssize_t  colon, hash;
    int64_t  port;

    memset(u, 0, sizeof(*u));
    for (size_t i = 0; i < text.n; i++) {
        if ((unsigned char) text.p[i] <= ' ' || text.p[i] == 0x7f) {
            return false;
        }
    }
    if (wr_str_istarts(text, WR_STR("http://"))) {
        rest = wr_str_skip(text, 7);
        u->port = 80;
    } else if (wr_str_istarts(text, WR_STR("https://"))) {
        rest = wr_str_skip(text, 8);
        u->port = 443;
        u->tls = true;
    } else {
        return false;
    }
    while (end < rest.n && rest.p[end] != '/' && rest.p[end] != '?' && rest.p[end] != '#') {
        end++;
    }
    u->authority = wr_str(rest.p, end);
    u->target = wr_str_skip(rest, end);
    hash = wr_str_chr(u->target, '#');
    if (hash >= 0) {
        u->target.n = (size_t) hash;
    }
    if (u->target.n == 0) {
        u->target = WR_STR("/");
    } else if (u->target.p[0] != '/') {
        u->target = wr_pool_join(pool, WR_STR("/"), u->target);
    }
    if (wr_str_chr(u->authority, '@') >= 0) {
        return false;
    }
    u->host = u->authority;
    colon = wr_str_rchr(u->authority, ':');
    if (colon >= 0 && u->authority.p[u->authority.n - 1] != ']') {
        if (!wr_parse_int(wr_str_skip(u->authority, (size_t) colon + 1), &port) || port < 1
            || port > 65535)
        {
            return false;
        }
        u->port = (int) port;
        u->host.n = (size_t) colon;
    }
    return u->host.n != 0;
}

bool
url_join(wr_pool_t *pool, const url_t *base, wr_str_t text, url_t *u)
{
    wr_str_t scheme = base->tls ? WR_STR("https:") : WR_STR("http:");
    wr_str_t root = wr_pool_join3(pool, scheme, WR_STR("//"), base->authority);
    ssize_t  slash;

    if (wr_str_starts(text, WR_STR("//"))) {
        return url_parse(pool, wr_pool_join(pool, scheme, text), u);
    }
    if (text.n != 0 && text.p[0] == '/') {
        return url_parse(pool, wr_pool_join(pool, root, text), u);
    }
    if (wr_str_find(text, WR_STR("://")) >= 0) {
        return url_parse(pool, text, u);
    }
    slash = wr_str_rchr(base->target, '/');
    return url_parse(pool,
                     wr_pool_join3(pool, root, wr_str(base->target.p, (size_t) slash + 1),
                                   text),
                     u);
}

wr_str_t
url_text(wr_pool_t *pool, const url_t *u)
{
    return wr_pool_join(pool,
                        wr_pool_join(pool, u->tls ? WR_STR("https://") : WR_STR("http://"),
                                     u->authority),
                        u->target);
}

/* ---- groups ---- */

static wr_pool_t *groups_pool;
static wr_map_t   groups;

static bool
same_addrs(const wr_upstream_t *g, const wr_addr_t *addrs, unsigned n, int port)
{
    if (g->n_peers != n) {
        return false;
    }
    /* A resolver turns its answers round: any order is the same. */
    for (unsigned i = 0; i < n; i++) {
        bool      found = false;
        wr_addr_t a = addrs[i];

        wr_addr_set_port(&a, port);
        for (unsigned k = 0; k < n && !found; k++) {
            found = wr_addr_equal(&a.u.sa, &g->peers[k].addr.u.sa, true);
        }
        if (!found) {
            return false;
        }
    }
    return true;
}

wr_upstream_t *
fetch_group(const url_t *u, const wr_addr_t *addrs, unsigned n)
{
    wr_str_t       key;
    wr_upstream_t *g;
    wr_addr_t     *copy;

    if (groups_pool == NULL) {
        groups_pool = wr_pool_new();
        groups = wr_map(groups_pool, true);
    }
    key = wr_pool_printf(groups_pool, "%d %.*s:%d", u->tls, WR_ARG(u->host), u->port);
    g = wr_map_get(&groups, key);
    if (g != NULL && same_addrs(g, addrs, n, u->port)) {
        return g;
    }
    copy = wr_alloc(groups_pool, n * sizeof(*copy));
    for (unsigned i = 0; i < n; i++) {
        copy[i] = addrs[i];
        wr_addr_set_port(&copy[i], u->port);
    }
    g = wr_upstream_of_addrs(groups_pool, copy, n, wr_pool_str(groups_pool, u->authority));
    g->keepalive = 64;
    g->keepalive_requests = 1000;
    g->keepalive_timeout = 30000;
    g->keepalive_time = 3600000;
    (void) wr_map_set(&groups, key, g);
    return g;
}
