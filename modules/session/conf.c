/*
 * session: what the directive says.
 *
 * Its first argument chooses the store; the store takes the options that are its own,
 * the rest say how long sessions live and how their cookie looks.
 */
#include "session.h"

static const wr_session_store_t *const own_stores[] = {
    &session_memory, &session_redis, &session_rediss, &session_sentinel,
    &session_sentinels, &session_unix, &session_sqlite,
};

wr_rc_t
session_bad_value(wr_conf_t *cf, const wr_tok_t *arg)
{
    return wr_conf_fail(cf, arg, "invalid parameter \"%.*s\"", WR_ARG(arg->text));
}

static wr_rc_t
valid(wr_conf_t *cf, const wr_tok_t *arg, bool is)
{
    return is ? WR_OK : session_bad_value(cf, arg);
}

/* ---- the cookie ---- */

/* Text that may stand in a cookie's attributes. */
static bool
is_attribute(wr_str_t s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] <= ' ' || s.p[i] >= 0x7f || s.p[i] == ';' || s.p[i] == ',') {
            return false;
        }
    }
    return s.n != 0;
}

static bool
parse_flag(wr_str_t v, bool *to)
{
    *to = wr_str_eqz(v, "on");
    return *to || wr_str_eqz(v, "off");
}

static wr_rc_t
cookie_option(wr_conf_t *cf, const wr_tok_t *arg, settings_t *s)
{
    wr_str_t w = arg->text, v;

    if (wr_arg_value(w, "cookie", &v)) {
        s->cookie = wr_pool_str(cf->pool, v);
        return valid(cf, arg, wr_is_token(v));
    }
    if (wr_arg_value(w, "path", &v)) {
        s->path = wr_pool_str(cf->pool, v);
        return valid(cf, arg, v.n != 0 && v.p[0] == '/' && is_attribute(v));
    }
    if (wr_arg_value(w, "domain", &v)) {
        s->domain = wr_pool_str(cf->pool, v);
        return valid(cf, arg, is_attribute(v));
    }
    if (wr_arg_value(w, "samesite", &v)) {
        s->samesite = wr_str_ieqz(v, "lax") ? WR_STR("Lax")
                    : wr_str_ieqz(v, "strict") ? WR_STR("Strict")
                    : wr_str_ieqz(v, "none") ? WR_STR("None")
                                             : WR_STR_NONE;
        return valid(cf, arg, s->samesite.n != 0 || wr_str_ieqz(v, "off"));
    }
    if (wr_arg_value(w, "secure", &v)) {
        s->secure = wr_str_eqz(v, "on") ? 1 : wr_str_eqz(v, "auto") ? 2 : 0;
        return valid(cf, arg, s->secure != 0 || wr_str_eqz(v, "off"));
    }
    if (wr_arg_value(w, "httponly", &v)) {
        return valid(cf, arg, parse_flag(v, &s->httponly));
    }
    if (wr_arg_value(w, "host_prefix", &v)) {
        return valid(cf, arg, parse_flag(v, &s->host_prefix));
    }
    return WR_DECLINED;
}

/* ---- the rest ---- */

static bool
parse_seconds(wr_str_t v, int64_t *to)
{
    return wr_parse_sec(v, to) && *to > 0;
}

static wr_rc_t
option(wr_conf_t *cf, const wr_tok_t *arg, settings_t *s, wr_str_t *zone)
{
    wr_str_t w = arg->text, v;
    int64_t  n;

    if (wr_arg_value(w, "ttl", &v)) {
        return valid(cf, arg, parse_seconds(v, &s->ttl));
    }
    if (wr_arg_value(w, "max_age", &v)) {
        return valid(cf, arg, parse_seconds(v, &s->max_age));
    }
    if (wr_arg_value(w, "cookie_max_age", &v)) {
        return valid(cf, arg, parse_seconds(v, &s->keep));
    }
    if (wr_arg_value(w, "max_size", &v)) {
        if (!wr_parse_size(v, &n) || n < 64 || n > 1024 * 1024) {
            return session_bad_value(cf, arg);
        }
        s->max_size = (size_t) n;
        return WR_OK;
    }
    if (wr_arg_value(w, "key", &v)) {
        s->hashed = wr_str_eqz(v, "sha256");
        return valid(cf, arg, s->hashed || wr_str_eqz(v, "plain"));
    }
    if (s->store != &session_memory && wr_arg_value(w, "fallback", &v)) {
        if (zone->n == 0) {
            *zone = WR_STR("sessions:8m");
        }
        return valid(cf, arg, wr_str_eqz(v, "memory"));
    }
    return WR_DECLINED;
}

/* `fallback=memory zone=NAME:SIZE`, in either order. */
static wr_rc_t
set_fallback(wr_conf_t *cf, settings_t *s, wr_str_t fallback, const wr_tok_t *zone)
{
    wr_str_t v = fallback;

    if (fallback.n == 0 && zone != NULL) {
        return wr_conf_fail(cf, zone, "\"zone\" is for \"session memory\" and for "
                                      "\"fallback=memory\"");
    }
    if (fallback.n == 0) {
        return WR_OK;
    }
    if (zone != NULL) {
        (void) wr_arg_value(zone->text, "zone", &v);
    }
    s->zone = memory_zone(cf, zone != NULL ? zone : &cf->args[0], v);
    return s->zone != NULL ? WR_OK : WR_ERROR;
}

static const wr_session_store_t *
find_store(wr_conf_t *cf, wr_str_t text)
{
    ssize_t     colon = wr_str_chr(text, ':');
    wr_str_t    name = colon >= 0 ? wr_str(text.p, (size_t) colon) : text;
    const char *service;

    for (unsigned i = 0; i < WR_COUNT(own_stores); i++) {
        if (wr_str_eqz(name, own_stores[i]->name)) {
            return own_stores[i];
        }
    }
    service = wr_pool_printf(cf->pool, "session.store.%.*s", WR_ARG(name)).p;
    return wr_service_find(cf, service);
}

static wr_rc_t
choose_store(wr_conf_t *cf, settings_t *s)
{
    const wr_tok_t *arg = &cf->args[1];

    s->store = find_store(cf, arg->text);
    if (s->store == NULL) {
        return wr_conf_fail(cf, arg, "sessions are kept in \"memory\", "
                                     "\"redis://HOST:PORT/DB\" or \"sqlite:NAME\", not "
                                     "\"%.*s\"", WR_ARG(arg->text));
    }
    s->data = s->store->open(cf, arg);
    return s->data != NULL ? WR_OK : WR_ERROR;
}

static wr_rc_t
check(wr_conf_t *cf, settings_t *s)
{
    bool host = wr_str_starts(s->cookie, WR_STR("__Host-"));

    if (host && s->secure == 0) {
        return wr_conf_fail(cf, NULL, "a cookie named __Host-… is secure");
    }
    if ((host || s->host_prefix) && (s->domain.n != 0 || !wr_str_eqz(s->path, "/"))) {
        return wr_conf_fail(cf, NULL, "a cookie named __Host-… is without domain and has "
                                      "the path /");
    }
    if (host && s->host_prefix) {
        return wr_conf_fail(cf, NULL, "\"host_prefix\" puts __Host- before the name on "
                                      "TLS: name the cookie without");
    }
    if (wr_str_eqz(s->samesite, "None") && s->secure == 0) {
        return wr_conf_fail(cf, NULL, "samesite=none needs secure");
    }
    return WR_OK;
}

static wr_rc_t
read_options(wr_conf_t *cf, settings_t *s)
{
    wr_str_t        fallback = WR_STR_NONE, v;
    const wr_tok_t *zone = NULL;

    for (unsigned i = 2; i < cf->nargs; i++) {
        const wr_tok_t *arg = &cf->args[i];
        wr_rc_t         rc = cookie_option(cf, arg, s);

        if (rc == WR_DECLINED) {
            rc = option(cf, arg, s, &fallback);
        }
        if (rc == WR_DECLINED && s->store->option != NULL) {
            rc = s->store->option(cf, s->data, arg);
        }
        if (rc == WR_DECLINED && wr_arg_value(arg->text, "zone", &v)) {
            zone = arg;
            rc = WR_OK;
        }
        if (rc != WR_OK) {
            return rc == WR_DECLINED ? session_bad_value(cf, arg) : WR_ERROR;
        }
    }
    return set_fallback(cf, s, fallback, zone);
}

static wr_tok_t
place(wr_conf_t *cf)
{
    wr_tok_t at = cf->args[0];

    at.text = wr_pool_str(cf->pool, at.text);
    at.file = wr_pool_str(cf->pool, at.file);
    return at;
}

wr_rc_t
session_set(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    settings_t **to = (settings_t **) (void *) ((char *) conf + d->offset);
    settings_t  *s;
    wr_str_t     label = WR_STR_NONE;

    if (wr_str_eqz(cf->args[1].text, "off")) {
        *to = NULL;
        return cf->nargs == 2 ? WR_OK : session_bad_value(cf, &cf->args[2]);
    }
    s = WR_NEW(cf->pool, settings_t);
    s->cookie = WR_STR("AIOHTTP_SESSION");
    s->path = WR_STR("/");
    s->samesite = WR_STR("Lax");
    s->secure = 2;
    s->httponly = true;
    s->ttl = 24 * 3600;
    s->max_size = 64 * 1024;
    s->needed = (entry_t) {s, false};
    s->optional = (entry_t) {s, true};
    s->at = place(cf);
    if (choose_store(cf, s) != WR_OK || read_options(cf, s) != WR_OK
        || check(cf, s) != WR_OK)
    {
        return WR_ERROR;
    }
    s->data = s->store->ready(cf, s->data, &label);
    if (s->data == NULL) {
        return WR_ERROR;
    }
    stats_init(&s->stats, label);
    *to = s;
    return WR_OK;
}
