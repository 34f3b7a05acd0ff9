/*
 * The `upstream` block and its directives; what a worker does with the groups when
 * it begins and ends.
 */
#include <weir/upstream/upstream_priv.h>

wr_upstream_t *
wr_conf_upstream(wr_conf_t *cf)
{
    wr_scope_t *scope = wr_scope_find(cf->scope, WR_UPSTREAM);

    return scope != NULL ? scope->object : NULL;
}

void
wr_upstream_balance(wr_conf_t *cf, const wr_balancer_t *b, void *conf)
{
    wr_upstream_t *g = wr_conf_upstream(cf);

    if (g->balancer != NULL) {
        wr_conf_warn(cf, NULL, "load balancing method redefined");
    }
    g->balancer = b;
    g->balancer_conf = conf;
}

static wr_rc_t
set_upstream(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    wr_groups_t   *all = wr_groups_of(cf);
    wr_str_t       name = cf->args[1].text;
    wr_upstream_t *g = wr_map_get(&all->by_name, name);

    (void) d;
    (void) conf;
    if (g != NULL && !g->implicit) {
        return wr_conf_fail(cf, &cf->args[1], "duplicate upstream \"%.*s\"", WR_ARG(name));
    }
    if (g == NULL) {
        g = wr_group_new(cf, name, &cf->args[1]);
        (void) wr_map_set(&all->by_name, g->name, g);
    }
    g->implicit = false;        /* a proxy_pass above may have named it already */
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

/* ---- server ---- */

static wr_rc_t
set_backup(wr_conf_t *cf, const wr_tok_t *tok, wr_peer_t *peer)
{
    const wr_upstream_t *g = wr_conf_upstream(cf);

    if (g->balancer != NULL && g->balancer->no_backup) {
        return wr_conf_fail(cf, tok, "balancing method does not support parameter "
                            "\"%.*s\"", WR_ARG(tok->text));
    }
    peer->backup = true;
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
    } else if (wr_str_eqz(tok->text, "backup")) {
        return set_backup(cf, tok, peer);
    } else if (wr_str_eqz(tok->text, "down")) {
        peer->down = true;
    } else if (wr_str_eqz(tok->text, "resolve")) {
        peer->resolve = true;
    } else if (wr_arg_value(tok->text, "service", &value)) {
        if (value.n == 0) {
            return wr_conf_fail(cf, tok, "service is empty");
        }
        peer->service = value;
    } else {
        ok = false;
    }
    return ok ? WR_OK
              : wr_conf_fail(cf, tok, "invalid parameter \"%.*s\"", WR_ARG(tok->text));
}

static wr_rc_t
set_server(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    wr_peer_t *peer = wr_group_server(wr_conf_upstream(cf), &cf->args[1]);

    (void) d;
    (void) conf;
    for (unsigned i = 2; i < cf->nargs; i++) {
        if (server_option(cf, peer, &cf->args[i]) != WR_OK) {
            return WR_ERROR;
        }
    }
    return WR_OK;
}

/* ---- keepalive ---- */

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
    if (cf->nargs > 2) {
        if (!wr_str_eqz(cf->args[2].text, "local")) {
            return wr_conf_fail(cf, &cf->args[2], "invalid parameter \"%.*s\"",
                                WR_ARG(cf->args[2].text));
        }
        g->keepalive_local = true;
    }
    return WR_OK;
}

/* The settings of a group that are one value each. */
typedef struct part {
    const char *name;
    size_t      offset;         /* in wr_upstream_t */
    bool        is_time;
} part_t;

static const part_t parts[] = {
    {"keepalive_requests", offsetof(wr_upstream_t, keepalive_requests), false},
    {"keepalive_timeout", offsetof(wr_upstream_t, keepalive_timeout), true},
    {"keepalive_time", offsetof(wr_upstream_t, keepalive_time), true},
    {"resolver_timeout", offsetof(wr_upstream_t, resolver_timeout), true},
};

static wr_rc_t
set_part(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    const part_t *part = parts;
    int64_t      *to;

    (void) conf;
    while (strcmp(part->name, d->name) != 0) {
        part++;
    }
    to = (int64_t *) (void *) ((char *) wr_conf_upstream(cf) + part->offset);
    if (part->is_time ? wr_parse_msec(cf->args[1].text, to)
                      : wr_parse_int(cf->args[1].text, to))
    {
        return WR_OK;
    }
    return wr_conf_fail(cf, &cf->args[1], "\"%s\" directive invalid %s", d->name,
                        part->is_time ? "value" : "number");
}

/* ---- zone, resolver ---- */

static const char tag;

static wr_rc_t
set_zone(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    wr_upstream_t  *g = wr_conf_upstream(cf);
    const wr_tok_t *name = &cf->args[1];
    int64_t         size = 0;

    (void) d;
    (void) conf;
    if (name->text.n == 0) {
        return wr_conf_fail(cf, name, "invalid zone name \"\"");
    }
    if (cf->nargs == 3) {
        if (!wr_parse_size(cf->args[2].text, &size)) {
            return wr_conf_fail(cf, &cf->args[2], "invalid zone size \"%.*s\"",
                                WR_ARG(cf->args[2].text));
        }
        if (size < 32768) {
            return wr_conf_fail(cf, &cf->args[2], "zone \"%.*s\" is too small",
                                WR_ARG(name->text));
        }
    }
    g->zone = wr_zone_add(cf, name->text, (size_t) size, &tag);
    if (g->zone == NULL) {
        return WR_ERROR;
    }
    g->zone->init = wr_shared_init;
    return WR_OK;
}

static wr_rc_t
set_resolver(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    wr_upstream_t *g = wr_conf_upstream(cf);

    (void) d;
    (void) conf;
    if (g->resolver != NULL) {
        return wr_conf_fail(cf, NULL, "\"resolver\" directive is duplicate");
    }
    g->resolver = wr_resolver_new(cf);
    return g->resolver != NULL ? WR_OK : WR_ERROR;
}

/* ---- the worker ---- */

static void
each_group(void (*fn)(wr_upstream_t *g))
{
    for (uint32_t i = 0; wr_groups_now != NULL && i < wr_groups_now->by_name.n; i++) {
        fn(wr_groups_now->by_name.entries[i].value);
    }
}

static wr_rc_t
start(wr_worker_t *w)
{
    (void) w;
    each_group(wr_shared_begin);
    each_group(wr_lookups_begin);
    return WR_OK;
}

static void
stop(wr_worker_t *w)
{
    (void) w;
    each_group(wr_upstream_drop_idle);
    each_group(wr_lookups_end);
    each_group(wr_shared_end);
}

static void
put_metrics(wr_metrics_t *to)
{
    unsigned room = wr_metrics_limit;

    for (uint32_t i = 0; wr_groups_now != NULL && i < wr_groups_now->by_name.n; i++) {
        wr_peers_put(to, wr_groups_now->by_name.entries[i].value, &room);
    }
}

static const wr_directive_t directives[] = {
    WR_BLOCK("upstream", WR_HTTP, 1, 1, set_upstream,
             "A group of servers, for proxy_pass and fetch by its name. Requests go round by "
             "weight; a server that fails is left out for a while.",
             .example = "upstream backend {\n"
                        "    server 127.0.0.1:8081 weight=2;\n"
                        "    server 127.0.0.1:8082;\n"
                        "    keepalive 16;\n"
                        "}",
             .args = "name"),
    WR_ACTION("server", WR_UPSTREAM, 1, 255, set_server,
              "A server of the group: an address, a name, or unix:PATH. After max_fails (1) "
              "failures within fail_timeout (10s) it is left out for that time. `max_conns`: "
              "how many connections at once; `backup`: only when all others are away; `down`: "
              "never; `resolve`: its name is looked up again as it expires (needs `zone`).",
              .flags = WR_DF_REPEAT,
              .args = "address [weight=n] [max_fails=n] [fail_timeout=time] "
                      "[max_conns=n] [backup] [down] [resolve] [service=name]",
              .example = "server 127.0.0.1:8081 weight=5 max_fails=3 fail_timeout=30s;"),
    WR_ACTION("keepalive", WR_UPSTREAM, 1, 2, set_keepalive,
              "How many idle connections to the group a worker keeps (32 if not said; 0: "
              "none).", .args = "number [local]",
              .example = "keepalive 32;"),
    WR_ACTION("keepalive_requests", WR_UPSTREAM, 1, 1, set_part,
              "How many requests one kept connection carries.",
              .example = "keepalive_requests 1000;",
              .args = "number"),
    WR_ACTION("keepalive_timeout", WR_UPSTREAM, 1, 1, set_part,
              "How long an idle connection is kept.",
              .example = "keepalive_timeout 60s;",
              .args = "time"),
    WR_ACTION("keepalive_time", WR_UPSTREAM, 1, 1, set_part,
              "How old a kept connection may become.",
              .example = "keepalive_time 1h;",
              .args = "time"),
    WR_ACTION("zone", WR_UPSTREAM, 1, 2, set_zone,
              "The state of the group is shared by all workers and kept over a reload.",
              .args = "name [size]", .flags = WR_DF_REPEAT,
              .example = "zone backend 64k;"),
    WR_ACTION("resolver", WR_UPSTREAM, 1, 255, set_resolver,
              "Name servers for the names of the group that have `resolve`.",
              .args = "address … [valid=time] [ipv4=on|off] [ipv6=on|off]",
              .example = "resolver 127.0.0.1 valid=30s;"),
    WR_ACTION("resolver_timeout", WR_UPSTREAM, 1, 1, set_part,
              "How long such a name may take to be resolved.",
              .example = "resolver_timeout 5s;",
              .args = "time"),
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
    .finish = wr_groups_finish,
    .worker_start = start,
    .worker_stop = stop,
    .metrics = put_metrics,
};
