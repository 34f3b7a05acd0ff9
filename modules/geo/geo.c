/*
 * geo: a variable whose value depends on an address.
 */
#include <weir/http/forwarded.h>
#include <weir/http/request.h>
#include "table.h"

typedef struct geo {
    geo_table_t table;
    wr_str_t    fallback;
    bool        has_fallback;
    bool        ranges;             /* "from-to" instead of CIDR */
    bool        recursive;
    wr_array_t  proxies;            /* wr_cidr_t */
    int         source;             /* variable; -1: the client's address */
} geo_t;

/* ---- looking up ---- */

static bool
source_addr(wr_req_t *r, const geo_t *g, wr_addr_t *addr)
{
    if (g->source < 0) {
        if (r->main->peer == NULL) {
            return false;
        }
        *addr = *r->main->peer;
    } else {
        const wr_str_t *text = wr_var_get(r, (unsigned) g->source);

        if (text == NULL || !wr_addr_parse(addr, *text, 0)) {
            return false;
        }
    }
    if (g->proxies.n != 0) {
        wr_str_t list;

        if (wr_headers_join(&r->main->in, wr_pool(r), WR_H_X_FORWARDED_FOR,
                            WR_STR("X-Forwarded-For"), ",", &list))
        {
            (void) wr_forwarded_addr(addr, list, &g->proxies, g->recursive);
        }
    }
    return true;
}

static wr_rc_t
get(wr_req_t *r, const wr_var_t *v, wr_str_t *value)
{
    const geo_t    *g = (const geo_t *) v->data;
    const wr_str_t *found = NULL;
    wr_addr_t       addr;
    geo_key_t       key = (geo_key_t) 0xffffffffffff;   /* 255.255.255.255 */

    if (!source_addr(r, g, &addr) || geo_key(&addr.u.sa, &key)) {
        found = geo_find(&g->table, key);
    }
    *value = found != NULL ? *found : g->fallback;
    return WR_OK;
}

/* ---- conf ---- */

/* "10.0.0.0/8", or "10.0.0.1-10.0.0.9" with `ranges`. */
static bool
parse_range(const geo_t *g, wr_str_t text, geo_range_t *range)
{
    wr_addr_t a, b;
    wr_cidr_t c;
    ssize_t   dash;

    range->text = text;
    if (!g->ranges) {
        if (!wr_cidr_parse(&c, text)
            || (c.family != AF_INET && c.family != AF_INET6))
        {
            return false;
        }
        geo_cidr_range(&c, &range->from, &range->to);
        return true;
    }
    dash = wr_str_chr(text, '-');
    return dash > 0 && wr_addr_parse(&a, wr_str_sub(text, 0, (size_t) dash), 0)
           && wr_addr_parse(&b, wr_str_skip(text, (size_t) dash + 1), 0)
           && geo_key(&a.u.sa, &range->from) && geo_key(&b.u.sa, &range->to)
           && range->from <= range->to;
}

static wr_rc_t
invalid(wr_conf_t *cf, const geo_t *g, const wr_tok_t *tok)
{
    return wr_conf_fail(cf, tok, "invalid %s \"%.*s\"",
                        g->ranges ? "range" : "network", WR_ARG(tok->text));
}

static wr_rc_t
add_range(wr_conf_t *cf, geo_t *g)
{
    const wr_tok_t *net = &cf->args[0];
    geo_range_t     range = {.value = cf->args[1].text};
    wr_str_t        old;

    if (wr_str_eqz(net->text, "delete")) {
        if (!parse_range(g, cf->args[1].text, &range)) {
            return invalid(cf, g, &cf->args[1]);
        }
        if (!geo_delete(&g->table, range.from, range.to)) {
            wr_conf_warn(cf, net, "no %s \"%.*s\" to delete",
                         g->ranges ? "address range" : "network",
                         WR_ARG(cf->args[1].text));
        }
        return WR_OK;
    }
    if (!parse_range(g, net->text, &range)) {
        return invalid(cf, g, net);
    }
    if (geo_add(&g->table, &range, &old)) {
        wr_conf_warn(cf, net,
                     "duplicate %s \"%.*s\", value: \"%.*s\", old value: \"%.*s\"",
                     g->ranges ? "range" : "network", WR_ARG(net->text),
                     WR_ARG(range.value), WR_ARG(old));
    }
    return WR_OK;
}

static wr_rc_t
line(wr_conf_t *cf, void *data)
{
    geo_t   *g = data;
    wr_str_t word = cf->args[0].text;

    if (cf->nargs == 1 && wr_str_eqz(word, "ranges")) {
        if (g->table.ranges.n != 0) {
            return wr_conf_fail(cf, NULL,
                                "the \"ranges\" directive must be the first "
                                "directive inside \"geo\" block");
        }
        g->ranges = true;
        return WR_OK;
    }
    if (cf->nargs == 1 && wr_str_eqz(word, "proxy_recursive")) {
        g->recursive = true;
        return WR_OK;
    }
    if (cf->nargs != 2) {
        return wr_conf_fail(cf, NULL, "invalid number of the geo parameters");
    }
    if (wr_str_eqz(word, "proxy")) {
        if (!wr_cidr_parse(WR_PUSH(&g->proxies, wr_cidr_t), cf->args[1].text)) {
            return wr_conf_fail(cf, &cf->args[1], "invalid network \"%.*s\"",
                                WR_ARG(cf->args[1].text));
        }
        return WR_OK;
    }
    if (wr_str_eqz(word, "default")) {
        if (g->has_fallback) {
            wr_conf_warn(cf, NULL, "duplicate default geo range value: \"%.*s\", "
                                   "old value: \"%.*s\"",
                         WR_ARG(cf->args[1].text), WR_ARG(g->fallback));
        }
        g->has_fallback = true;
        g->fallback = cf->args[1].text;
        return WR_OK;
    }
    return add_range(cf, g);
}

static wr_rc_t
set_geo(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    const wr_tok_t    *name = &cf->args[cf->nargs - 1];
    geo_t             *g = WR_NEW(cf->pool, geo_t);
    const geo_range_t *bad;
    wr_var_t          *v;

    (void) d;
    (void) conf;
    for (unsigned i = 1; i < cf->nargs; i++) {
        if (cf->args[i].text.n < 2 || cf->args[i].text.p[0] != '$') {
            return wr_conf_fail(cf, &cf->args[i], "invalid variable name \"%.*s\"",
                                WR_ARG(cf->args[i].text));
        }
    }
    g->source = -1;
    if (cf->nargs == 3) {
        g->source = wr_var_use(cf, wr_str_skip(cf->args[1].text, 1));
        if (g->source < 0) {
            return WR_ERROR;
        }
    }
    g->fallback = WR_STR("");
    g->proxies = wr_array(cf->pool, sizeof(wr_cidr_t));
    g->table.ranges = wr_array(cf->pool, sizeof(geo_range_t));
    v = wr_var_define(cf, wr_str_skip(name->text, 1), WR_VAR_CHANGE);
    if (v == NULL) {
        return WR_ERROR;
    }
    v->get = get;
    v->data = (uintptr_t) g;
    if (wr_conf_lines(cf, line, g) != WR_OK) {
        return WR_ERROR;
    }
    bad = geo_build(&g->table, cf->pool);
    if (bad != NULL) {
        return wr_conf_fail(cf, NULL, "range \"%.*s\" overlaps another",
                            WR_ARG(bad->text));
    }
    return WR_OK;
}

WR_MODULE(geo,
    .doc = "Variables that depend on an address",
    .schema.directives = (const wr_directive_t[]) {
        WR_BLOCK("geo", WR_HTTP, 1, 2, set_geo,
                 "The variable gets the value that stands beside the narrowest network "
                 "with the client's (or the given) address.",
                 .args = "[$address] $variable",
                 .example = "geo $office {\n"
                            "    default      0;\n"
                            "    10.0.0.0/8   1;\n"
                            "}"),
        WR_END
    });
