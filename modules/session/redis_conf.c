/*
 * session: where Redis is, as the conf says it.
 *
 *     redis[s]://[USER:PASSWORD@]HOST[:PORT][/DB]
 *     unix:PATH
 *     redis[s]-sentinel://[USER:PASSWORD@]HOST[:PORT][,HOST[:PORT]…][/DB] master=NAME
 *
 * Names are resolved when a connection is made, so that a name which does not resolve
 * now, or later has another address, is no trouble. Directives that say the same share
 * their connections.
 */
#include "redis.h"

enum { PORT = 6379, SENTINEL_PORT = 26379 };

static void
free_redis(void *data)
{
    redis_queue_free(data);
}

/* ---- the address ---- */

static bool
fail_address(wr_conf_t *cf, const wr_tok_t *arg, wr_str_t s)
{
    (void) wr_conf_fail(cf, arg, "invalid address \"%.*s\"", WR_ARG(s));
    return false;
}

static bool
is_host(wr_str_t s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (!wr_is_word(s.p[i]) && s.p[i] != '.' && s.p[i] != '-') {
            return false;
        }
    }
    return s.n != 0 && s.n <= 253;
}

static bool
add_endpoint(wr_conf_t *cf, const wr_tok_t *arg, redis_t *d, wr_str_t s, int port)
{
    endpoint_t *e = WR_PUSH(&d->endpoints, endpoint_t);
    ssize_t     colon = wr_str_rchr(s, ':');
    int64_t     n = port;

    e->port = port;
    e->host = s;
    if (wr_addr_parse(&e->addr, s, port)) {
        char text[WR_ADDR_TEXT];

        e->port = wr_addr_port(&e->addr.u.sa);
        e->host = wr_pool_str(cf->pool, wr_str(text, wr_addr_put(text, sizeof(text),
                                                                 &e->addr.u.sa, e->addr.len,
                                                                 false)));
        return e->port > 0 || fail_address(cf, arg, s);
    }
    e->addr.len = 0;
    if (colon >= 0) {
        e->host = wr_str(s.p, (size_t) colon);
        if (!wr_parse_int(wr_str_skip(s, (size_t) colon + 1), &n) || n < 1 || n > 65535) {
            return fail_address(cf, arg, s);
        }
    }
    e->port = (int) n;
    return is_host(e->host) || fail_address(cf, arg, s);
}

static bool
set_db(wr_conf_t *cf, const wr_tok_t *arg, redis_t *d, wr_str_t s)
{
    if (!wr_parse_int(s, &d->db) || d->db > 1000000) {
        (void) wr_conf_fail(cf, arg, "invalid database \"%.*s\"", WR_ARG(s));
        return false;
    }
    return true;
}

static void
set_auth(wr_conf_t *cf, redis_t *d, wr_str_t s)
{
    ssize_t colon = wr_str_chr(s, ':');

    d->auth = true;
    if (colon >= 0) {
        d->user = wr_uri_unescape(cf->pool, wr_str(s.p, (size_t) colon), false);
        s = wr_str_skip(s, (size_t) colon + 1);
    }
    d->password = wr_uri_unescape(cf->pool, s, false);
}

/* What stands behind "//". */
static bool
parse_url(wr_conf_t *cf, const wr_tok_t *arg, redis_t *d, wr_str_t s, int port, bool many)
{
    ssize_t  at = wr_str_rchr(s, '@'), slash;
    wr_str_t one;

    if (at >= 0) {
        set_auth(cf, d, wr_str(s.p, (size_t) at));
        s = wr_str_skip(s, (size_t) at + 1);
    }
    slash = wr_str_chr(s, '/');
    if (slash >= 0) {
        wr_str_t db = wr_str_skip(s, (size_t) slash + 1);

        if (db.n != 0 && !set_db(cf, arg, d, db)) {
            return false;
        }
        s = wr_str(s.p, (size_t) slash);
    }
    d->name = s;
    if (!many) {
        return add_endpoint(cf, arg, d, s, port);
    }
    while (wr_str_split(&s, ',', &one)) {
        if (!add_endpoint(cf, arg, d, one, port)) {
            return false;
        }
    }
    return true;
}

static bool
use_socket(wr_conf_t *cf, const wr_tok_t *arg, redis_t *d, wr_str_t s)
{
    endpoint_t *e = WR_PUSH(&d->endpoints, endpoint_t);

    d->name = s;
    e->host = WR_STR("localhost");
    return wr_addr_parse(&e->addr, s, 0) || fail_address(cf, arg, s);
}

void *
redis_open(wr_conf_t *cf, const wr_tok_t *arg)
{
    redis_t *d = WR_NEW(cf->pool, redis_t);
    wr_str_t s = wr_pool_str(cf->pool, arg->text), scheme, rest;
    ssize_t  colon = wr_str_chr(s, ':');
    bool     many, ok;

    d->pool = cf->pool;
    d->log = wr_log_main;
    d->timeout = 1000;
    d->nlinks = 1;
    d->endpoints = wr_array(cf->pool, sizeof(endpoint_t));
    d->tls_options = (wr_tls_options_t) {
        .tls1_2 = true, .tls1_3 = true, .verify = true, .reuse = true, .depth = 9,
        .ciphers = WR_STR("DEFAULT"), .passwords = wr_array(cf->pool, sizeof(wr_str_t)),
        .commands = wr_array(cf->pool, sizeof(wr_str_t))};
    scheme = colon >= 0 ? wr_str(s.p, (size_t) colon) : s;
    rest = colon >= 0 ? wr_str_skip(s, (size_t) colon + 1) : WR_STR_NONE;
    if (wr_str_eqz(scheme, "unix")) {
        return use_socket(cf, arg, d, s) ? d : NULL;
    }
    if (!wr_str_starts(rest, WR_STR("//"))) {
        (void) fail_address(cf, arg, s);
        return NULL;
    }
    rest = wr_str_skip(rest, 2);
    d->tls = wr_str_starts(scheme, WR_STR("rediss"));
    many = wr_str_ends(scheme, WR_STR("-sentinel"));
    ok = wr_str_starts(rest, WR_STR("unix:"))
             ? use_socket(cf, arg, d, rest)
             : parse_url(cf, arg, d, rest, many ? SENTINEL_PORT : PORT, many);
    if (ok && many) {
        d->master = WR_STR("mymaster");     /* as in sentinel.conf */
    }
    return ok ? d : NULL;
}

/* ---- options ---- */

static wr_rc_t
valid(wr_conf_t *cf, const wr_tok_t *arg, bool is)
{
    return is ? WR_OK : session_bad_value(cf, arg);
}

static wr_rc_t
tls_option(wr_conf_t *cf, redis_t *d, const wr_tok_t *arg)
{
    wr_str_t v;

    if (wr_arg_value(arg->text, "tls_ca", &v)) {
        d->tls_options.trusted = wr_conf_file_path(cf, v);
    } else if (wr_arg_value(arg->text, "tls_name", &v)) {
        d->tls_name = wr_pool_str(cf->pool, v);
        return valid(cf, arg, v.n != 0);
    } else if (wr_arg_value(arg->text, "tls_certificate", &v)) {
        d->tls_options.certificate = wr_conf_file_path(cf, v);
    } else if (wr_arg_value(arg->text, "tls_key", &v)) {
        d->tls_options.key = wr_conf_file_path(cf, v);
    } else if (wr_arg_value(arg->text, "tls_verify", &v)) {
        d->tls_options.verify = wr_str_eqz(v, "on");
        return valid(cf, arg, d->tls_options.verify || wr_str_eqz(v, "off"));
    } else {
        return WR_DECLINED;
    }
    return valid(cf, arg, v.n != 0);
}

static wr_rc_t
sentinel_option(wr_conf_t *cf, redis_t *d, const wr_tok_t *arg)
{
    wr_str_t v;

    if (wr_arg_value(arg->text, "master", &v)) {
        d->master = wr_pool_str(cf->pool, v);
        return valid(cf, arg, v.n != 0);
    }
    if (wr_arg_value(arg->text, "sentinel_user", &v)) {
        d->sentinel_user = wr_pool_str(cf->pool, v);
        return WR_OK;
    }
    if (wr_arg_value(arg->text, "sentinel_password", &v)) {
        d->sentinel_password = wr_pool_str(cf->pool, v);
        d->sentinel_auth = true;
        return WR_OK;
    }
    return WR_DECLINED;
}

wr_rc_t
redis_option(wr_conf_t *cf, void *store, const wr_tok_t *arg)
{
    redis_t *d = store;
    wr_str_t w = arg->text, v;
    wr_rc_t  rc;

    if (wr_arg_value(w, "timeout", &v)) {
        return valid(cf, arg, wr_parse_msec(v, &d->timeout) && d->timeout > 0);
    }
    if (wr_arg_value(w, "connections", &v)) {
        return valid(cf, arg, wr_parse_int(v, &d->nlinks) && d->nlinks >= 1
                                  && d->nlinks <= MAX_LINKS);
    }
    if (wr_arg_value(w, "user", &v)) {
        d->user = wr_pool_str(cf->pool, v);
        return WR_OK;
    }
    if (wr_arg_value(w, "password", &v)) {
        d->password = wr_pool_str(cf->pool, v);
        d->auth = true;
        return WR_OK;
    }
    if (wr_arg_value(w, "db", &v)) {
        return set_db(cf, arg, d, v) ? WR_OK : WR_ERROR;
    }
    rc = d->tls ? tls_option(cf, d, arg) : WR_DECLINED;
    return rc == WR_DECLINED && d->master.n != 0 ? sentinel_option(cf, d, arg) : rc;
}

/* ---- shared ---- */

static bool
same(const redis_t *a, const redis_t *b)
{
    return wr_str_eq(a->name, b->name) && a->tls == b->tls && a->db == b->db
           && a->auth == b->auth && wr_str_eq(a->user, b->user)
           && wr_str_eq(a->password, b->password) && a->timeout == b->timeout
           && a->nlinks == b->nlinks && wr_str_eq(a->master, b->master)
           && a->sentinel_auth == b->sentinel_auth
           && wr_str_eq(a->sentinel_user, b->sentinel_user)
           && wr_str_eq(a->sentinel_password, b->sentinel_password)
           && wr_str_eq(a->tls_name, b->tls_name)
           && a->tls_options.verify == b->tls_options.verify
           && wr_str_eq(a->tls_options.trusted, b->tls_options.trusted)
           && wr_str_eq(a->tls_options.certificate, b->tls_options.certificate)
           && wr_str_eq(a->tls_options.key, b->tls_options.key);
}

/* Of this reading of the conf: redis_t *. */
static wr_array_t *
all_of(wr_conf_t *cf)
{
    wr_array_t *all = (wr_array_t *) (uintptr_t) wr_service_find(cf, "session.redis");

    if (all == NULL) {
        all = WR_NEW(cf->pool, wr_array_t);
        *all = wr_array(cf->pool, sizeof(redis_t *));
        wr_service_offer(cf, "session.redis", all);
    }
    return all;
}

void *
redis_ready(wr_conf_t *cf, void *store, wr_str_t *label)
{
    redis_t    *d = store;
    wr_array_t *all = all_of(cf);

    *label = wr_pool_printf(cf->pool, "redis:%.*s/%" PRId64, WR_ARG(d->name), d->db);
    if (d->user.n != 0 && !d->auth) {
        (void) wr_conf_fail(cf, NULL, "\"user\" needs \"password\"");
        return NULL;
    }
    if ((d->tls_options.certificate.n != 0) != (d->tls_options.key.n != 0)) {
        (void) wr_conf_fail(cf, NULL, "\"tls_certificate\" and \"tls_key\" need each other");
        return NULL;
    }
    for (WR_EACH(redis_t *, other, all)) {
        if (same(*other, d)) {
            return *other;
        }
    }
    if (d->tls) {
        d->tls_client = wr_tls_client_new(cf, NULL, &d->tls_options);
        if (d->tls_client == NULL) {
            return NULL;
        }
    }
    d->links = WR_NEW_N(cf->pool, link_t, (size_t) d->nlinks);
    redis_queue_init(d);
    wr_pool_on_free(cf->pool, free_redis, d);
    *WR_PUSH(all, redis_t *) = d;
    return d;
}
