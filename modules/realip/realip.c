/*
 * The client's address as a trusted proxy tells it.
 */
#include <weir/http/forwarded.h>
#include <weir/net/proxy_protocol.h>
#include <weir/net/resolver.h>

typedef enum source { FROM_REAL_IP, FROM_FORWARDED_FOR, FROM_HEADER, FROM_PROXY } source_t;

typedef struct header {
    source_t source;
    wr_str_t name;
} header_t;

typedef struct conf {
    wr_array_t trusted;         /* wr_cidr_t */
    header_t   header;
    bool       recursive;
} conf_t;

static wr_addr_t *
original(wr_req_t *r)
{
    return r->main->socket_peer != NULL ? r->main->socket_peer : r->main->peer;
}

/* Where the address is told; false if it is not. */
static bool
told(wr_req_t *r, const conf_t *conf, wr_str_t *value)
{
    const wr_header_t *h;

    switch (conf->header.source) {
    case FROM_FORWARDED_FOR:
        return wr_headers_join(&r->in, wr_pool(r), WR_H_X_FORWARDED_FOR,
                               WR_STR("X-Forwarded-For"), ",", value);
    case FROM_REAL_IP:
        h = wr_headers_first(&r->in, WR_H_X_REAL_IP);
        break;
    case FROM_HEADER:
        h = wr_headers_find(&r->in, conf->header.name);
        break;
    default:
        if (r->conn == NULL || r->conn->proxied == NULL) {
            return false;
        }
        *value = wr_addr_text(wr_pool(r), &r->conn->proxied->client, true);
        return true;
    }
    if (h == NULL) {
        return false;
    }
    *value = h->value;
    return true;
}

static wr_rc_t
replace(wr_req_t *r, void *state)
{
    const conf_t *conf = wr_conf(r);
    wr_str_t      value;
    wr_addr_t     addr;

    (void) state;
    if (r != r->main || r->peer == NULL || conf->trusted.n == 0
        || r->socket_peer != NULL || !told(r, conf, &value))
    {
        return WR_DECLINED;
    }
    addr = *r->peer;
    if (!wr_forwarded_addr(&addr, value, &conf->trusted, conf->recursive)) {
        return WR_DECLINED;
    }
    r->socket_peer = r->peer;
    r->peer = WR_NEW(wr_pool(r), wr_addr_t);
    *r->peer = addr;
    return WR_DECLINED;
}

static wr_rc_t
get_addr(wr_req_t *r, const wr_var_t *v, wr_str_t *value)
{
    const wr_addr_t *a = original(r);

    (void) v;
    if (a == NULL) {
        return WR_NOTFOUND;
    }
    *value = wr_addr_text(wr_pool(r), a, false);
    return WR_OK;
}

static wr_rc_t
get_port(wr_req_t *r, const wr_var_t *v, wr_str_t *value)
{
    const wr_addr_t *a = original(r);
    int              port = a != NULL ? wr_addr_port(&a->u.sa) : 0;

    (void) v;
    *value = port > 0 ? wr_pool_printf(wr_pool(r), "%d", port) : WR_STR("");
    return WR_OK;
}

/* ---- conf ---- */

/* All addresses of a name. */
static wr_rc_t
add_host(wr_conf_t *cf, wr_array_t *trusted, const wr_tok_t *name)
{
    wr_addr_t  *addrs;
    unsigned    n;
    const char *why;

    if (wr_str_chr(name->text, '/') >= 0
        || !wr_resolve_now(cf->temp, name->text, &addrs, &n, &why))
    {
        return wr_conf_fail(cf, name, "host not found in set_real_ip_from \"%.*s\"",
                            WR_ARG(name->text));
    }
    for (unsigned i = 0; i < n; i++) {
        wr_str_t text = wr_addr_text(cf->temp, &addrs[i], false);

        if (!wr_cidr_parse(WR_PUSH(trusted, wr_cidr_t), text)) {
            trusted->n--;
        }
    }
    return WR_OK;
}

static wr_rc_t
set_from(wr_conf_t *cf, const wr_directive_t *d, void *c)
{
    conf_t   *conf = c;
    wr_cidr_t cidr;

    (void) d;
    if (conf->trusted.size == 0) {
        conf->trusted = wr_array(cf->pool, sizeof(wr_cidr_t));
    }
    if (!wr_str_eqz(cf->args[1].text, "all")
        && wr_cidr_parse(&cidr, cf->args[1].text))
    {
        *WR_PUSH(&conf->trusted, wr_cidr_t) = cidr;
        return WR_OK;
    }
    return add_host(cf, &conf->trusted, &cf->args[1]);
}

static wr_rc_t
set_header(wr_conf_t *cf, const wr_directive_t *d, void *c)
{
    header_t *h = &((conf_t *) c)->header;

    (void) d;
    h->name = cf->args[1].text;
    if (wr_str_ieqz(h->name, "X-Real-IP")) {
        h->source = FROM_REAL_IP;
    } else if (wr_str_ieqz(h->name, "X-Forwarded-For")) {
        h->source = FROM_FORWARDED_FOR;
    } else if (wr_str_eqz(h->name, "proxy_protocol")) {
        h->source = FROM_PROXY;
    } else {
        h->source = FROM_HEADER;
    }
    return WR_OK;
}

static bool
wanted(wr_scope_t *scope, const void *own, const void **conf)
{
    (void) scope;
    *conf = own;
    return own != NULL && ((const conf_t *) own)->trusted.n != 0;
}

static const wr_var_row_t variables[] = {
    {"realip_remote_addr", get_addr, NULL, 0, 0,
     "Address of the peer before it was replaced"},
    {"realip_remote_port", get_port, NULL, 0, 0,
     "Port of the peer before it was replaced"},
    {.name = NULL}
};

WR_MODULE(realip,
    .doc = "The client's address as a trusted proxy tells it",
    .schema.directives = (const wr_directive_t[]) {
        WR_CUSTOM("set_real_ip_from", WR_ANY, 1, 1, set_from, conf_t, trusted,
                  "Proxies whose word about the client's address is taken; from others "
                  "real_ip_header is ignored.",
                  .flags = WR_DF_REPEAT, .args = "address | CIDR | unix:",
                  .example = "set_real_ip_from 10.0.0.0/8;"),
        WR_CUSTOM("real_ip_header", WR_ANY, 1, 1, set_header, conf_t, header,
                  "The header that tells the client's address; proxy_protocol: the PROXY "
                  "protocol of `listen` does.", .def = "X-Real-IP",
                  .args = "X-Real-IP | X-Forwarded-For | proxy_protocol | field",
                  .example = "real_ip_header X-Forwarded-For;"),
        WR_FLAG("real_ip_recursive", WR_ANY, conf_t, recursive, "off",
                "Of several addresses in the header, take the last that is not itself trusted, "
                "not simply the last.",
                .example = "real_ip_recursive on;"),
        WR_END
    },
    .schema.size = sizeof(conf_t),
    .variables = variables,
    .http = &(const wr_http_tables_t) {
        .hooks = (const wr_hook_t[]) {
            {.mw = {.name = "realip", .before = replace},
             .rank = WR_RANK_POST_READ, .wanted = wanted},
            {.mw = {.name = "realip-location", .before = replace},
             .rank = WR_RANK_LIMIT, .order = 10, .wanted = wanted},
            {.mw = {.name = NULL}}
        },
    });
