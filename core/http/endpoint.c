/*
 * `listen`: from addresses asked for by servers to sockets and name tables.
 *
 * If a wildcard address and single addresses of the same port are asked for, one
 * socket is opened for the wildcard and a connection finds its endpoint by its
 * local address, as nginx does (unless `bind` or other options force a socket).
 */
#include <weir/http/blocks_priv.h>

#include <netdb.h>
#include <unistd.h>
#include <weir/http/core_conf.h>
#include <weir/http/h1.h>

/* ---- the directive ---- */

static bool
number_option(wr_str_t word, const char *name, int *to, bool *bad)
{
    wr_str_t value;
    int64_t  n;

    if (!wr_arg_value(word, name, &value)) {
        return false;
    }
    if (!wr_parse_int(value, &n) || n > INT32_MAX) {
        *bad = true;
    } else {
        *to = (int) n;
    }
    return true;
}

static bool
size_option(wr_str_t word, const char *name, int *to, bool *bad)
{
    wr_str_t value;
    int64_t  n;

    if (!wr_arg_value(word, name, &value)) {
        return false;
    }
    if (!wr_parse_size(value, &n) || n > INT32_MAX) {
        *bad = true;
    } else {
        *to = (int) n;
    }
    return true;
}

static wr_rc_t
parse_keepalive(wr_listen_t *o, wr_str_t value)
{
    wr_str_t rest = value, part;
    int     *fields[] = {&o->keepidle, &o->keepintvl, &o->keepcnt};

    if (wr_str_eqz(value, "on") || wr_str_eqz(value, "off")) {
        o->keepalive = value.n == 2;
        return WR_OK;
    }
    o->keepalive = 1;
    for (unsigned i = 0; wr_str_split(&rest, ':', &part); i++) {
        int64_t n;

        if (i == WR_COUNT(fields)) {
            return WR_ERROR;
        }
        if (part.n == 0) {
            continue;
        }
        if (!(i < 2 ? wr_parse_sec(part, &n) : wr_parse_int(part, &n))) {
            return WR_ERROR;
        }
        *fields[i] = (int) n;
    }
    return WR_OK;
}

/* One word behind the address. */
static wr_rc_t
parse_option(wr_conf_t *cf, wr_listen_ask_t *ask, const wr_tok_t *tok)
{
    wr_listen_t *o = &ask->options;
    wr_str_t     w = tok->text, value;
    bool         bad = false;

    if (wr_str_eqz(w, "default_server") || wr_str_eqz(w, "default")) {
        ask->default_server = true;
        return WR_OK;
    }
    if (wr_str_eqz(w, "ssl")) {
        if (!wr_http_has_tls) {
            return wr_conf_fail(cf, tok, "the \"ssl\" parameter requires "
                                         "ngx_http_ssl_module");
        }
        ask->ssl = true;
        return WR_OK;
    }
    if (wr_str_eqz(w, "http2") || wr_str_eqz(w, "spdy")) {
        if (w.n == 4) {
            wr_conf_warn(cf, tok, "invalid parameter \"spdy\": ngx_http_spdy_module "
                                  "was superseded by ngx_http_v2_module");
        }
        ask->http2 = true;
        return WR_OK;
    }
    if (wr_str_eqz(w, "quic")) {
        return wr_conf_fail(cf, tok, "HTTP/3 needs OpenSSL 3.5 or newer with QUIC; "
                                     "this weir speaks HTTP/1.1 and HTTP/2");
    }
    if (wr_str_eqz(w, "proxy_protocol")) {
        ask->proxy_protocol = true;
        return WR_OK;
    }
    ask->options_given = true;
    if (wr_str_eqz(w, "bind")) {
        o->bind = true;
    } else if (wr_str_eqz(w, "deferred")) {
        o->deferred = o->bind = true;
    } else if (wr_str_eqz(w, "reuseport")) {
        o->reuseport = o->bind = true;
    } else if (number_option(w, "backlog", &o->backlog, &bad)) {
        o->bind = true;
        bad |= o->backlog == 0;
    } else if (number_option(w, "fastopen", &o->fastopen, &bad)) {
        o->bind = true;
    } else if (size_option(w, "rcvbuf", &o->rcvbuf, &bad)
               || size_option(w, "sndbuf", &o->sndbuf, &bad))
    {
        o->bind = true;
    } else if (wr_arg_value(w, "ipv6only", &value)) {
        if (!wr_str_eqz(value, "on") && !wr_str_eqz(value, "off")) {
            return wr_conf_fail(cf, tok, "invalid ipv6only flags \"%.*s\"", WR_ARG(value));
        }
        o->ipv6only = value.n == 2;
        o->bind = true;
    } else if (wr_arg_value(w, "so_keepalive", &value)) {
        o->bind = true;
        if (parse_keepalive(o, value) != WR_OK) {
            return wr_conf_fail(cf, tok, "invalid so_keepalive value: \"%.*s\"",
                                WR_ARG(value));
        }
    } else if (wr_arg_value(w, "setfib", &value)
               || wr_arg_value(w, "accept_filter", &value))
    {
        return wr_conf_fail(cf, tok, "\"%.*s\" is not supported on this platform, ignored",
                            WR_ARG(w));
    } else {
        return wr_conf_fail(cf, tok, "invalid parameter \"%.*s\"", WR_ARG(w));
    }
    return bad ? wr_conf_fail(cf, tok, "invalid %.*s \"%.*s\"", (int) wr_str_chr(w, '='),
                              w.p, WR_ARG(w))
               : WR_OK;
}

static wr_rc_t
add_ask(wr_conf_t *cf, const wr_listen_ask_t *ask)
{
    wr_http_t *http = ask->server->http;

    for (WR_EACH(wr_listen_ask_t, other, &http->asked)) {
        if (other->server == ask->server
            && wr_addr_equal(&other->addr.u.sa, &ask->addr.u.sa, true))
        {
            return wr_conf_fail(cf, &ask->at, "a duplicate listen %.*s",
                                WR_ARG(wr_addr_text(cf->pool, &ask->addr, true)));
        }
    }
    *WR_PUSH(&http->asked, wr_listen_ask_t) = *ask;
    ask->server->listens = true;
    return WR_OK;
}

/* A host name: every address that it has now. */
static wr_rc_t
add_resolved(wr_conf_t *cf, wr_listen_ask_t *ask, wr_str_t host, int port)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *found, *a;

    if (getaddrinfo(wr_pool_strz(cf->temp, host), NULL, &hints, &found) != 0) {
        return wr_conf_fail(cf, &ask->at, "host not found in \"%.*s\" of the \"listen\" "
                                          "directive",
                            WR_ARG(ask->at.text));
    }
    for (a = found; a != NULL; a = a->ai_next) {
        ask->addr.len = a->ai_addrlen;
        memcpy(&ask->addr.u, a->ai_addr, a->ai_addrlen);
        wr_addr_set_port(&ask->addr, port);
        if (add_ask(cf, ask) != WR_OK) {
            freeaddrinfo(found);
            return WR_ERROR;
        }
    }
    freeaddrinfo(found);
    return WR_OK;
}

/* "8080", "8080-8090" at the end of the address. False: not a port. */
static bool
parse_ports(wr_str_t text, int *first, int *last)
{
    ssize_t dash = wr_str_chr(text, '-');
    int64_t a, b;

    if (!wr_parse_int(dash >= 0 ? wr_str(text.p, (size_t) dash) : text, &a) || a < 1
        || a > 65535)
    {
        return false;
    }
    b = a;
    if (dash >= 0 && (!wr_parse_int(wr_str_skip(text, (size_t) dash + 1), &b) || b < a
                      || b > 65535))
    {
        return false;
    }
    *first = (int) a;
    *last = (int) b;
    return true;
}

static wr_rc_t
add_address(wr_conf_t *cf, wr_listen_ask_t *ask)
{
    wr_str_t text = ask->at.text, host, ports;
    ssize_t  colon;
    int      first = 80, last = 80;

    if (wr_str_starts(text, WR_STR("unix:"))) {
        if (!wr_addr_parse(&ask->addr, text, 0)) {
            return wr_conf_fail(cf, &ask->at, "%s path in the unix domain socket in "
                                              "\"%.*s\" of the \"listen\" directive",
                                text.n == 5 ? "no" : "too long", WR_ARG(text));
        }
        return add_ask(cf, ask);
    }
    if (parse_ports(text, &first, &last)) {
        host = WR_STR("*");
    } else {
        colon = text.n != 0 && text.p[0] == '[' ? wr_str_find(text, WR_STR("]:")) + 1
                                                : wr_str_rchr(text, ':');
        host = text;
        if (colon > 0) {
            ports = wr_str_skip(text, (size_t) colon + 1);
            host = wr_str(text.p, (size_t) colon);
            if (!parse_ports(ports, &first, &last)) {
                return wr_conf_fail(cf, &ask->at, "invalid port in \"%.*s\" of the "
                                                  "\"listen\" directive",
                                    WR_ARG(text));
            }
        }
    }
    if (text.n != 0 && text.p[0] == '[' && wr_str_chr(text, ']') < 0) {
        return wr_conf_fail(cf, &ask->at, "invalid host in \"%.*s\" of the \"listen\" "
                                          "directive",
                            WR_ARG(text));
    }
    if (host.n == 0) {
        return wr_conf_fail(cf, &ask->at, "no host in \"%.*s\" of the \"listen\" directive",
                            WR_ARG(text));
    }
    for (int port = first; port <= last; port++) {
        wr_rc_t rc;

        if (wr_addr_parse(&ask->addr, wr_str_eqz(host, "*") ? WR_STR("0.0.0.0") : host,
                          port))
        {
            wr_addr_set_port(&ask->addr, port);
            rc = add_ask(cf, ask);
        } else {
            rc = add_resolved(cf, ask, host, port);
        }
        if (rc != WR_OK) {
            return rc;
        }
    }
    return WR_OK;
}

static void
init_ask(wr_listen_ask_t *ask, wr_server_t *server, const wr_tok_t *at)
{
    memset(ask, 0, sizeof(*ask));
    ask->server = server;
    ask->at = *at;
    ask->options.backlog = 511;
    ask->options.rcvbuf = ask->options.sndbuf = -1;
    ask->options.fastopen = -1;
    ask->options.keepalive = -1;
    ask->options.ipv6only = true;
}

wr_rc_t
wr_set_listen(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    wr_listen_ask_t ask;

    (void) d;
    (void) conf;
    init_ask(&ask, wr_conf_server(cf), &cf->args[1]);
    for (unsigned i = 2; i < cf->nargs; i++) {
        if (parse_option(cf, &ask, &cf->args[i]) != WR_OK) {
            return WR_ERROR;
        }
    }
    return add_address(cf, &ask);
}

wr_rc_t
wr_listen_default(wr_conf_t *cf, wr_server_t *server)
{
    wr_listen_ask_t ask;

    init_ask(&ask, server, &server->scope->at);
    (void) wr_addr_parse(&ask.addr, WR_STR("0.0.0.0"), geteuid() == 0 ? 80 : 8000);
    return add_ask(cf, &ask);
}

/* ---- endpoints ---- */

static void
copy_options(wr_listen_t *to, const wr_listen_t *from)
{
    to->backlog = from->backlog;
    to->rcvbuf = from->rcvbuf;
    to->sndbuf = from->sndbuf;
    to->fastopen = from->fastopen;
    to->deferred = from->deferred;
    to->reuseport = from->reuseport;
    to->ipv6only = from->ipv6only;
    to->bind = from->bind;
    to->keepalive = from->keepalive;
    to->keepidle = from->keepidle;
    to->keepintvl = from->keepintvl;
    to->keepcnt = from->keepcnt;
}

static wr_endpoint_t *
endpoint_of(wr_conf_t *cf, wr_http_t *http, wr_listen_ask_t *ask)
{
    wr_endpoint_t *e;

    for (WR_EACH(wr_endpoint_t *, at, &http->endpoints)) {
        if (wr_addr_equal(&(*at)->addr.u.sa, &ask->addr.u.sa, true)) {
            return *at;
        }
    }
    e = WR_NEW(cf->pool, wr_endpoint_t);
    *WR_PUSH(&http->endpoints, wr_endpoint_t *) = e;
    e->addr = ask->addr;
    e->default_server = ask->server;
    e->servers = wr_array(cf->pool, sizeof(wr_server_t *));
    e->exact = wr_map(cf->pool, false);
    e->head = wr_map(cf->pool, false);
    e->tail = wr_map(cf->pool, false);
    e->regexes = wr_array(cf->pool, sizeof(wr_server_ref_t));
    e->text = wr_addr_text(cf->pool, &ask->addr, true);
    e->options = ask->options;
    return e;
}

static wr_rc_t
join_endpoint(wr_conf_t *cf, wr_endpoint_t *e, wr_listen_ask_t *ask)
{
    *WR_PUSH(&e->servers, wr_server_t *) = ask->server;
    e->ssl |= ask->ssl;
    e->http2 |= ask->http2;
    e->proxy_protocol |= ask->proxy_protocol;
    if (ask->options_given) {
        if (e->options_given) {
            return wr_conf_fail(cf, &ask->at, "duplicate listen options for %.*s",
                                WR_ARG(e->text));
        }
        e->options_given = true;
        e->options = ask->options;
    }
    if (ask->default_server) {
        if (e->default_given) {
            return wr_conf_fail(cf, &ask->at, "a duplicate default server for %.*s",
                                WR_ARG(e->text));
        }
        e->default_given = true;
        e->default_server = ask->server;
    }
    return WR_OK;
}

static void
set_name(wr_conf_t *cf, wr_endpoint_t *e, wr_map_t *map, wr_str_t key, wr_server_t *s,
         wr_str_t shown)
{
    if (wr_map_get(map, key) != NULL) {
        wr_log(cf->log, WR_LOG_WARN, 0, "conflicting server name \"%.*s\" on %.*s, ignored",
               WR_ARG(shown), WR_ARG(e->text));
        return;
    }
    (void) wr_map_set(map, key, s);
}

static void
add_names(wr_conf_t *cf, wr_endpoint_t *e, wr_server_t *s)
{
    for (WR_EACH(wr_server_name_t, name, &s->names)) {
        wr_str_t n = name->name;

        if (name->regex != NULL) {
            *WR_PUSH(&e->regexes, wr_server_ref_t) = (wr_server_ref_t) {name->regex, s};
        } else if (wr_str_starts(n, WR_STR("*."))) {
            set_name(cf, e, &e->head, wr_str_skip(n, 2), s, n);
        } else if (n.n > 1 && n.p[0] == '.') {
            set_name(cf, e, &e->head, wr_str_skip(n, 1), s, n);
            set_name(cf, e, &e->exact, wr_str_skip(n, 1), s, n);
        } else if (wr_str_ends(n, WR_STR(".*"))) {
            set_name(cf, e, &e->tail, wr_str(n.p, n.n - 2), s, n);
        } else {
            set_name(cf, e, &e->exact, n, s, n);
        }
    }
}

static bool
is_wildcard(const wr_addr_t *a)
{
    switch (a->u.sa.sa_family) {
    case AF_INET:
        return a->u.in4.sin_addr.s_addr == INADDR_ANY;
    case AF_INET6:
        return IN6_IS_ADDR_UNSPECIFIED(&a->u.in6.sin6_addr);
    default:
        return false;
    }
}

/* The wildcard endpoint whose socket serves `e` too, or NULL. */
static wr_endpoint_t *
covered_by(const wr_http_t *http, const wr_endpoint_t *e)
{
    if (e->options.bind || is_wildcard(&e->addr) || e->addr.u.sa.sa_family == AF_UNIX) {
        return NULL;
    }
    for (WR_EACH(wr_endpoint_t *, at, &http->endpoints)) {
        if (is_wildcard(&(*at)->addr)
            && (*at)->addr.u.sa.sa_family == e->addr.u.sa.sa_family
            && wr_addr_port(&(*at)->addr.u.sa) == wr_addr_port(&e->addr.u.sa))
        {
            return *at;
        }
    }
    return NULL;
}

static wr_port_t *
open_port(wr_conf_t *cf, wr_endpoint_t *e)
{
    wr_port_t *port;

    if (e->listen == NULL) {
        e->listen = wr_cycle_listen(cf, &e->addr);
        copy_options(e->listen, &e->options);
        port = WR_NEW(cf->pool, wr_port_t);
        port->own = e;
        port->others = wr_array(cf->pool, sizeof(wr_endpoint_t *));
        e->listen->accepted = wr_h1_accept;
        e->listen->data = port;
    }
    return e->listen->data;
}

wr_rc_t
wr_endpoints_build(wr_conf_t *cf, wr_http_t *http)
{
    for (WR_EACH(wr_listen_ask_t, ask, &http->asked)) {
        wr_endpoint_t *e = endpoint_of(cf, http, ask);

        if (join_endpoint(cf, e, ask) != WR_OK) {
            return WR_ERROR;
        }
        add_names(cf, e, ask->server);
    }
    for (WR_EACH(wr_endpoint_t *, at, &http->endpoints)) {
        wr_endpoint_t *e = *at;
        wr_endpoint_t *wild = covered_by(http, e);

        e->many = e->servers.n > 1 || e->regexes.n != 0;
        if (wild != NULL) {
            wr_port_t *port = open_port(cf, wild);

            *WR_PUSH(&port->others, wr_endpoint_t *) = e;
            e->listen = wild->listen;
        } else {
            (void) open_port(cf, e);
        }
    }
    return WR_OK;
}

const wr_endpoint_t *
wr_port_endpoint(const wr_port_t *port, int fd)
{
    wr_addr_t local;

    if (port->others.n == 0) {
        return port->own;
    }
    local.len = sizeof(local.u);
    if (getsockname(fd, &local.u.sa, &local.len) != 0) {
        return port->own;
    }
    for (WR_EACH(wr_endpoint_t *, at, &port->others)) {
        if (wr_addr_equal(&(*at)->addr.u.sa, &local.u.sa, false)) {
            return *at;
        }
    }
    return port->own;
}
