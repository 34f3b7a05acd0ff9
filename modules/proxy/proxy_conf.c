/*
 * proxy: its directives.
 */
#include "proxy.h"

#include <weir/http/server.h>
#include <weir/net/tls_command.h>
#include <weir/process/process.h>
#include <weir_config.h>

typedef proxy_conf_t conf_t;

static const wr_enum_t version_words[] = {{"1.0", 10}, {"1.1", 11}, {NULL, 0}};
static const wr_enum_t next_words[] = {
    {"error", NEXT_ERROR}, {"timeout", NEXT_TIMEOUT}, {"invalid_header", NEXT_INVALID},
    {"non_idempotent", NEXT_NON_IDEMPOTENT}, {"http_500", NEXT_500}, {"http_502", NEXT_502},
    {"http_503", NEXT_503}, {"http_504", NEXT_504}, {"http_403", NEXT_403},
    {"http_404", NEXT_404}, {"http_429", NEXT_429}, {"denied", NEXT_DENIED},
    {"updating", NEXT_UPDATING}, {"off", NEXT_OFF}, {NULL, 0}};
static const wr_enum_t ignore_words[] = {
    {"X-Accel-Redirect", IGNORE_REDIRECT}, {"X-Accel-Expires", IGNORE_X_EXPIRES},
    {"X-Accel-Limit-Rate", IGNORE_LIMIT_RATE}, {"X-Accel-Buffering", IGNORE_BUFFERING},
    {"X-Accel-Charset", IGNORE_CHARSET}, {"Expires", IGNORE_EXPIRES},
    {"Cache-Control", IGNORE_CACHE_CONTROL}, {"Set-Cookie", IGNORE_SET_COOKIE},
    {"Vary", IGNORE_VARY}, {NULL, 0}};

/* Of what only tunes a cache the values are checked. */
static const wr_enum_t cache_methods[] = {{"GET", 1}, {"HEAD", 2}, {"POST", 4}, {NULL, 0}};
static const wr_enum_t stale_words[] = {
    {"error", 1 << 0}, {"timeout", 1 << 1}, {"invalid_header", 1 << 2}, {"updating", 1 << 3},
    {"http_500", 1 << 4}, {"http_502", 1 << 5}, {"http_503", 1 << 6}, {"http_504", 1 << 7},
    {"http_403", 1 << 8}, {"http_404", 1 << 9}, {"http_429", 1 << 10}, {"off", 1 << 11},
    {NULL, 0}};

/* ---- proxy_pass ---- */

/* The other server's own address becomes ours. */
static void
set_default_redirect(wr_conf_t *cf, const wr_tok_t *url, proxy_target_t *t)
{
    t->redirect.from.text = t->has_uri ? url->text
                                       : wr_pool_join(cf->pool, url->text, WR_STR("/"));
    t->redirect.to.text = t->has_uri ? t->location : WR_STR("/");
}

static wr_rc_t
set_pass(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    conf_t         *c = conf;
    wr_location_t  *loc = wr_conf_location(cf);
    proxy_target_t *t = WR_NEW(cf->pool, proxy_target_t);
    const wr_tok_t *url = &cf->args[1];
    wr_location_t  *outer = loc;

    (void) d;
    c->target = t;
    if (loc->kind < WR_LOC_NAMED && loc->name.n != 0 && loc->name.p[loc->name.n - 1] == '/') {
        loc->auto_redirect = true;
    }
    if (wr_cv_compile(cf, url, &t->url) != WR_OK) {
        return WR_ERROR;
    }
    if (!wr_cv_is_const(&t->url)) {
        return wr_location_handler(cf, &proxy_handler, t);
    }
    if (!proxy_parse_url(url->text, t)) {
        return wr_conf_fail(cf, url, "invalid URL prefix");
    }
    if (t->tls && !wr_http_has_tls) {
        return wr_conf_fail(cf, url, "https protocol requires SSL support");
    }
    if (t->has_uri
        && (loc->kind == WR_LOC_NAMED || loc->kind == WR_LOC_REGEX
            || loc->kind == WR_LOC_INNER))
    {
        return wr_conf_fail(cf, url,
                            "\"proxy_pass\" cannot have URI part in location given by "
                            "regular expression, or inside named location, or inside "
                            "\"if\" statement, or inside \"limit_except\" block");
    }
    while (outer->kind == WR_LOC_INNER && outer->outer != NULL) {
        outer = outer->outer;
    }
    t->location = outer->kind < WR_LOC_REGEX ? outer->name : WR_STR("");
    set_default_redirect(cf, url, t);
    t->group = wr_upstream_use(cf, url, t->host, t->tls ? 443 : 80);
    return wr_location_handler(cf, &proxy_handler, t);
}

/* ---- rewriting rules ---- */

static wr_rc_t
duplicate(wr_conf_t *cf)
{
    return wr_conf_fail(cf, NULL, "\"%.*s\" directive is duplicate", WR_ARG(cf->args[0].text));
}

/* `off` stands alone: an array without rules. WR_OK: it was that; WR_DECLINED: a rule
 * is to be added. */
static wr_rc_t
begin_rules(wr_conf_t *cf, wr_array_t *rules, size_t size)
{
    bool first = rules->pool == NULL;
    bool off = cf->nargs == 2 && wr_str_eqz(cf->args[1].text, "off");

    if (!first && (off || rules->n == 0)) {
        return duplicate(cf);
    }
    if (cf->nargs == 2 && !off) {
        return wr_conf_fail(cf, &cf->args[1], "invalid parameter \"%.*s\"",
                            WR_ARG(cf->args[1].text));
    }
    if (first) {
        *rules = wr_array(cf->pool, size);
    }
    return off ? WR_OK : WR_DECLINED;
}

static wr_rc_t
parse_rule(wr_conf_t *cf, bool domain, proxy_rewrite_t *rule)
{
    wr_tok_t from = cf->args[1];
    bool     regex = from.text.n != 0 && from.text.p[0] == '~';
    bool     icase = domain;

    if (regex) {
        from.text = wr_str_skip(from.text, 1);
        if (!domain && from.text.n != 0 && from.text.p[0] == '*') {
            from.text = wr_str_skip(from.text, 1);
            icase = true;
        }
        rule->regex = wr_regex_compile(cf, &from, icase, true);
        if (rule->regex == NULL) {
            return WR_ERROR;
        }
    } else {
        if (domain && from.text.n != 0 && from.text.p[0] == '.') {
            from.text = wr_str_skip(from.text, 1);
        }
        if (wr_cv_compile(cf, &from, &rule->from) != WR_OK) {
            return WR_ERROR;
        }
    }
    return wr_cv_compile(cf, &cf->args[2], &rule->to);
}

static wr_rc_t
set_rule(wr_conf_t *cf, wr_array_t *rules, bool domain)
{
    proxy_rewrite_t rule = {0};
    wr_rc_t         rc = begin_rules(cf, rules, sizeof(proxy_rewrite_t));

    if (rc != WR_DECLINED) {
        return rc;
    }
    rc = parse_rule(cf, domain, &rule);
    if (rc == WR_OK) {
        *WR_PUSH(rules, proxy_rewrite_t) = rule;
    }
    return rc;
}

/* What `proxy_redirect default` means here, as a rule among others. */
static wr_rc_t
add_default_redirect(wr_conf_t *cf, conf_t *c)
{
    const wr_location_t *loc = wr_conf_location(cf);

    if (loc != NULL && loc->handler == &proxy_handler && c->target != NULL
        && c->target->group == NULL)
    {
        return wr_conf_fail(cf, NULL, "\"proxy_redirect default\" cannot be used "
                                      "with \"proxy_pass\" directive with variables");
    }
    if (loc == NULL || loc->handler != &proxy_handler || c->target == NULL) {
        return wr_conf_fail(cf, NULL, "\"proxy_redirect default\" should be placed "
                                      "after the \"proxy_pass\" directive");
    }
    *WR_PUSH(&c->redirects, proxy_rewrite_t) = c->target->redirect;
    return WR_OK;
}

static wr_rc_t
set_redirect(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    conf_t *c = conf;

    (void) d;
    wr_scope_mark(cf, cf->scope, &WR_SELF->schema, offsetof(conf_t, redirect_default));
    if (cf->nargs == 2 && wr_str_eqz(cf->args[1].text, "default")) {
        if (c->redirects.pool == NULL) {
            c->redirects = wr_array(cf->pool, sizeof(proxy_rewrite_t));
        } else if (c->redirects.n == 0) {
            return duplicate(cf);
        }
        return add_default_redirect(cf, c);
    }
    return set_rule(cf, &c->redirects, false);
}

static wr_rc_t
set_cookie_rule(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    return set_rule(cf, (wr_array_t *) (void *) ((char *) conf + d->offset),
                    d->offset == offsetof(conf_t, cookie_domains));
}

static wr_rc_t
set_cookie_flags(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    conf_t        *c = conf;
    proxy_flags_t  rule = {0};
    wr_tok_t       name = cf->args[1];
    wr_rc_t        rc;

    (void) d;
    rc = begin_rules(cf, &c->cookie_flags, sizeof(proxy_flags_t));
    if (rc != WR_DECLINED) {
        return rc;
    }
    if (name.text.n != 0 && name.text.p[0] == '~') {
        name.text = wr_str_skip(name.text, 1);
        rule.regex = wr_regex_compile(cf, &name, true, true);
        if (rule.regex == NULL) {
            return WR_ERROR;
        }
    } else if (wr_cv_compile(cf, &name, &rule.cookie) != WR_OK) {
        return WR_ERROR;
    }
    rule.flags = wr_array(cf->pool, sizeof(wr_cv_t));
    for (unsigned i = 2; i < cf->nargs; i++) {
        if (wr_cv_compile(cf, &cf->args[i], WR_PUSH(&rule.flags, wr_cv_t)) != WR_OK) {
            return WR_ERROR;
        }
    }
    *WR_PUSH(&c->cookie_flags, proxy_flags_t) = rule;
    return WR_OK;
}

/* The levels are of no use: nothing has a name there for long. */
static wr_rc_t
set_temp_path(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    int64_t level;

    for (unsigned i = 2; i < cf->nargs; i++) {
        if (!wr_parse_int(cf->args[i].text, &level) || level == 0) {
            return wr_conf_fail(cf, &cf->args[i], "\"%s\" directive invalid value", d->name);
        }
    }
    ((conf_t *) conf)->temp_path = wr_conf_path(cf, cf->args[1].text);
    return WR_OK;
}

static wr_rc_t
check_rate(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    const conf_t *c = conf;
    int64_t       rate;

    if (wr_cv_is_const(&c->limit_rate) && !wr_parse_size(c->limit_rate.text, &rate)) {
        return wr_conf_fail(cf, &cf->args[1], "\"%s\" directive invalid value", d->name);
    }
    return WR_OK;
}

/* An address, `off`, or a text with variables; then perhaps "transparent". */
static wr_rc_t
set_bind(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    conf_t   *c = conf;
    wr_addr_t addr;

    (void) d;
    wr_scope_mark(cf, cf->scope, &WR_SELF->schema, offsetof(conf_t, bind_transparent));
    if (cf->nargs == 2 && wr_str_eqz(cf->args[1].text, "off")) {
        return WR_OK;
    }
    if (wr_cv_compile(cf, &cf->args[1], &c->bind) != WR_OK) {
        return WR_ERROR;
    }
    if (wr_cv_is_const(&c->bind) && !wr_addr_parse(&addr, c->bind.text, 0)) {
        return wr_conf_fail(cf, &cf->args[1], "invalid address \"%.*s\"",
                            WR_ARG(c->bind.text));
    }
    c->bind.given = true;
    if (cf->nargs > 2) {
        if (!wr_str_eqz(cf->args[2].text, "transparent")) {
            return wr_conf_fail(cf, &cf->args[2], "invalid parameter \"%.*s\"",
                                WR_ARG(cf->args[2].text));
        }
        c->bind_transparent = true;
        wr_cycle_of(cf)->transparent = true;
    }
    return WR_OK;
}

/* ---- proxy_store ---- */

static wr_rc_t
set_store(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    conf_t  *c = conf;
    wr_str_t word = cf->args[1].text;

    (void) d;
    wr_scope_mark(cf, cf->scope, &WR_SELF->schema, offsetof(conf_t, store_path));
    if (wr_str_eqz(word, "off")) {
        c->store = PROXY_STORE_OFF;
        return WR_OK;
    }
    if (wr_str_eqz(word, "on")) {
        c->store = PROXY_STORE_URI;
        return WR_OK;
    }
    c->store = PROXY_STORE_PATH;
    return wr_cv_compile(cf, &cf->args[1], &c->store_path);
}

static wr_rc_t
set_store_access(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    (void) d;
    return wr_conf_access(cf, &((conf_t *) conf)->store_access);
}

/* ---- proxy_cache ---- */

/* Without a cache no zone exists. What only tunes a cache is accepted: it does
 * nothing in nginx either as long as proxy_cache is off. */
static wr_rc_t
refuse_cache(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    static const wr_str_t hint = WR_STR_INIT("weir does not cache the answers of other servers: "
                                             "take proxy_cache out, or cache in front of weir");

    (void) conf;
    if (wr_str_eqz(cf->args[1].text, "off")) {
        return WR_OK;
    }
    if (d->max == 1) {
        return wr_conf_fail_hint(cf, &cf->args[1], hint,
                                 "\"proxy_cache\" zone \"%.*s\" is unknown",
                                 WR_ARG(cf->args[1].text));
    }
    return wr_conf_fail_hint(cf, NULL, hint, "\"%s\" is not supported", d->name);
}

/* Sizes that do not go together are errors of a conf, also where weir needs them not. */
static wr_rc_t
check_sizes(wr_conf_t *cf, const wr_tok_t *at, const conf_t *c)
{
    static const char largest[] = "the maximum of the value of \"proxy_buffer_size\" and one "
                                  "of the \"proxy_buffers\"";
    size_t least = wr_max_size(c->buffer_size, c->buffers.size);

    if (c->buffers.n < 2) {
        return wr_conf_fail(cf, at, "there must be at least 2 \"proxy_buffers\"");
    }
    if ((c->busy_size != 0 ? c->busy_size : 2 * least) < least) {
        return wr_conf_fail(cf, at, "\"proxy_busy_buffers_size\" must be equal to or greater "
                                    "than %s", largest);
    }
    if ((c->busy_size != 0 ? c->busy_size : 2 * least)
        > (size_t) (c->buffers.n - 1) * c->buffers.size)
    {
        return wr_conf_fail(cf, at, "\"proxy_busy_buffers_size\" must be less than the size of "
                                    "all \"proxy_buffers\" minus one buffer");
    }
    if (c->temp_file_write_size != 0 && c->temp_file_write_size < least) {
        return wr_conf_fail(cf, at, "\"proxy_temp_file_write_size\" must be equal to or greater "
                                    "than %s", largest);
    }
    if (c->max_temp_file_size != 0 && c->max_temp_file_size < (int64_t) least) {
        return wr_conf_fail(cf, at, "\"proxy_max_temp_file_size\" must be equal to zero to "
                                    "disable temporary files usage or must be equal to or "
                                    "greater than %s", largest);
    }
    return WR_OK;
}

static bool
says_sizes(const wr_scope_t *scope)
{
    static const size_t fields[] = {
        offsetof(conf_t, buffer_size), offsetof(conf_t, buffers), offsetof(conf_t, busy_size),
        offsetof(conf_t, temp_file_write_size), offsetof(conf_t, max_temp_file_size)};

    for (unsigned i = 0; i < WR_COUNT(fields); i++) {
        if (wr_scope_is_set(scope, &WR_SELF->schema, fields[i])) {
            return true;
        }
    }
    return false;
}

/* What http says counts with what its servers say: if each of them says something, it is
 * looked at there only, as nginx does. */
static bool
holds_for_itself(wr_conf_t *cf, const wr_scope_t *scope)
{
    const wr_http_t *http = wr_http_of(wr_cycle_of(cf));

    if (scope == NULL || (scope->context & WR_HTTP) == 0 || http == NULL) {
        return true;
    }
    for (WR_EACH(wr_server_t *, s, &http->servers)) {
        if (!says_sizes((*s)->scope)) {
            return true;
        }
    }
    return false;
}

wr_rc_t
proxy_check(wr_conf_t *cf, wr_scope_t *scope, void *conf, const void *outer)
{
    conf_t *c = conf;

    if (outer == NULL) {
        c->redirect_default = true;
    }
    if (holds_for_itself(cf, scope)
        && check_sizes(cf, scope != NULL ? &scope->at : NULL, c) != WR_OK)
    {
        return WR_ERROR;
    }
    wr_cycle_folder(cf, c->temp_path);
    if (c->target != NULL && (c->target->tls || c->target->group == NULL)) {
        return proxy_make_client(cf, scope != NULL ? &scope->at : NULL, c);
    }
    return WR_OK;
}

/* ---- the table ---- */

#define ALL WR_ANY
#define CACHE(n, lo, hi, repeat, line)                                        \
    WR_ACTION(n, ALL, lo, hi, wr_conf_ignore, NO_CACHE, .flags = repeat, .example = line)
#define NO_CACHE "Without effect, as in nginx where proxy_cache is off."
/* One field at a time. */
#define FIELDS(n, field, line, text)                                          \
    {.name = n, .contexts = ALL, .type = WR_D_TEXT_LIST, .min = 1, .max = 1,  \
     .flags = WR_DF_REPEAT, WR_FIELD(conf_t, field, wr_array_t), .doc = text, \
     .args = "field", .example = line}
#define EXTRA(field) WR_CUSTOM("", 0, 0, 0, wr_conf_ignore, conf_t, field, "")

const wr_directive_t proxy_directives[] = {
    WR_CUSTOM("proxy_pass", WR_LOCATION | WR_IF_LOCATION | WR_LIMIT_EXCEPT, 1, 1, set_pass,
              conf_t, target,
              "Passes requests to another server: http:// or https://, then an address, a "
              "name, an upstream, or unix:PATH:. With a path behind it (if only /), that "
              "replaces the location's part of the URI. May hold variables.",
              .args = "URL", .example = "proxy_pass http://127.0.0.1:8000;"),
    WR_CUSTOM("proxy_redirect", ALL, 1, 2, set_redirect, conf_t, redirects,
              "How Location and Refresh of the answer are rewritten: from, a text or a regex "
              "after ~, becomes to. `default` makes the URL of proxy_pass the location's, "
              "`off` does nothing.",
              .flags = WR_DF_REPEAT, .args = "default | off | from to",
              .example = "proxy_redirect http://127.0.0.1:8000/ /app/;"),
    EXTRA(redirect_default),
    WR_CUSTOM("proxy_cookie_domain", ALL, 1, 2, set_cookie_rule, conf_t, cookie_domains,
              "How the Domain of the answer's cookies is rewritten, as in proxy_redirect; off: "
              "not at all.", .flags = WR_DF_REPEAT,
              .example = "proxy_cookie_domain localhost example.com;",
              .args = "off | domain replacement"),
    WR_CUSTOM("proxy_cookie_path", ALL, 1, 2, set_cookie_rule, conf_t, cookie_paths,
              "How the Path of the answer's cookies is rewritten, as in proxy_redirect; off: "
              "not at all.", .flags = WR_DF_REPEAT,
              .example = "proxy_cookie_path / /app/;",
              .args = "off | path replacement"),
    WR_CUSTOM("proxy_cookie_flags", ALL, 1, 255, set_cookie_flags, conf_t, cookie_flags,
              "Flags that cookies whose name fits get or lose: secure, httponly, samesite=…, "
              "nosecure, nohttponly, nosamesite.", .flags = WR_DF_REPEAT,
              .example = "proxy_cookie_flags ~ secure samesite=strict;",
              .args = "off | cookie [flag …]"),
    WR_PAIR_LIST("proxy_set_header", ALL, conf_t, set_headers, NULL,
                 "A field of the request to the other server; an empty value leaves it out. A "
                 "level with fields of its own does not inherit the outer ones. Host is "
                 "$proxy_host if not said.",
                 .example = "proxy_set_header Host $host;\n"
                            "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;",
                 .args = "field value"),
    WR_CV("proxy_set_body", ALL, conf_t, set_body, NULL,
          "The body of the request to the other server.",
          .example = "proxy_set_body $request_body;",
          .args = "text"),
    WR_CV("proxy_method", ALL, conf_t, method, NULL,
          "The method of the request to the other server.",
          .example = "proxy_method POST;",
          .args = "method"),
    WR_FLAG("proxy_pass_request_headers", ALL, conf_t, pass_headers, "on",
            "The client's fields are passed on.",
            .example = "proxy_pass_request_headers off;"),
    WR_FLAG("proxy_pass_request_body", ALL, conf_t, pass_body, "on",
            "The client's body is passed on.",
            .example = "proxy_pass_request_body off;"),
    WR_ENUM("proxy_http_version", ALL, conf_t, http_version, version_words, "1.1",
            "The protocol spoken with the other server. WebSockets and keep-alive need 1.1.",
            .example = "proxy_http_version 1.1;"),
    WR_FLAG("proxy_buffering", ALL, conf_t, buffering, "on",
            "Answers are read as fast as the other server sends them, and kept for slow "
            "clients. `off`: what comes is passed on at once, as the client takes it.",
            .example = "proxy_buffering off;"),
    WR_FLAG("proxy_request_buffering", ALL, conf_t, request_buffering, "on",
            "A request's body is read whole before it is passed on; `off`: passed on as it "
            "comes (the next server cannot be tried then).",
            .example = "proxy_request_buffering off;"),
    WR_SIZE("proxy_buffer_size", ALL, conf_t, buffer_size, "4k",
            "Room for the head of the answer; a larger head is answered 502.",
            .example = "proxy_buffer_size 16k;\n"
                       "proxy_buffers 8 16k;"),
    WR_BUFS("proxy_buffers", ALL, conf_t, buffers, "8 4k",
            "Memory for one answer (at least 64k are used).",
            .example = "proxy_buffers 16 8k;"),
    WR_SIZE("proxy_busy_buffers_size", ALL, conf_t, busy_size, "0",
            "Checked and not needed: what the client has not taken never keeps the answer "
            "from being read.",
            .example = "proxy_busy_buffers_size 16k;"),
    WR_OFFSET("proxy_max_temp_file_size", ALL, conf_t, max_temp_file_size, "1024m",
              "How much of an answer may go to a temporary file; 0: nothing.",
              .example = "proxy_max_temp_file_size 0;"),
    WR_SIZE("proxy_temp_file_write_size", ALL, conf_t, temp_file_write_size, "0",
            "Checked and not needed: what is there is written at once.",
            .example = "proxy_temp_file_write_size 16k;"),
    WR_CUSTOM("proxy_temp_path", ALL, 1, 4, set_temp_path, conf_t, temp_path,
              "The folder of answers that slow clients leave in temporary files, with up to "
              "three levels of folders below it.", .def = WR_PROXY_TEMP_PATH,
              .example = "proxy_temp_path data/proxy 1 2;",
              .args = "path [level1 [level2 [level3]]]"),
    WR_MSEC("proxy_connect_timeout", ALL, conf_t, connect_timeout, "60s",
            "How long connecting to the other server may take; then the next one, or 504.",
            .example = "proxy_connect_timeout 5s;"),
    WR_MSEC("proxy_send_timeout", ALL, conf_t, send_timeout, "60s",
            "How long the other server may take nothing of a request; then 504.",
            .example = "proxy_send_timeout 30s;"),
    WR_MSEC("proxy_read_timeout", ALL, conf_t, read_timeout, "60s",
            "How long the other server may send nothing of an answer; then 504. Long polls and "
            "WebSockets need a longer one.",
            .example = "proxy_read_timeout 300s;"),
    WR_SIZE("proxy_send_lowat", ALL, conf_t, send_lowat, "0",
            "Without effect: Linux does not know it.",
            .example = "proxy_send_lowat 0;"),
    WR_MASK("proxy_next_upstream", ALL, conf_t, next, next_words, "error timeout",
            "When the next server of a group is asked: on these failures, as long as nothing "
            "was sent to the client. Requests that are not idempotent (POST, …) that were sent "
            "are not repeated unless non_idempotent is said.",
            .example = "proxy_next_upstream error timeout http_503;"),
    WR_MSEC("proxy_next_upstream_timeout", ALL, conf_t, next_timeout, "0",
            "For how long further servers are asked; 0: no limit.",
            .example = "proxy_next_upstream_timeout 10s;"),
    WR_INT("proxy_next_upstream_tries", ALL, conf_t, next_tries, "0",
           "How many servers are asked; 0: all.",
           .example = "proxy_next_upstream_tries 3;"),
    WR_FLAG("proxy_ignore_client_abort", ALL, conf_t, ignore_abort, "off",
            "The request goes on when the client has left.",
            .example = "proxy_ignore_client_abort on;"),
    WR_FLAG("proxy_intercept_errors", ALL, conf_t, intercept_errors, "off",
            "Answers with status 300 or more are replaced by what error_page says for them.",
            .example = "proxy_intercept_errors on;"),
    WR_FLAG("proxy_socket_keepalive", ALL, conf_t, socket_keepalive, "off",
            "TCP keep-alive on connections to the other server.",
            .example = "proxy_socket_keepalive on;"),
    WR_FLAG("proxy_force_ranges", ALL, conf_t, force_ranges, "off",
            "Byte ranges are served whatever the other server says.",
            .example = "proxy_force_ranges on;"),
    FIELDS("proxy_pass_header", pass_header, "proxy_pass_header Server;",
           "A field of the answer that is passed on although it usually is not: Date, "
           "Server, X-Pad, X-Accel-…."),
    FIELDS("proxy_hide_header", hide_header, "proxy_hide_header X-Powered-By;",
           "A field of the answer that is not passed on."),
    WR_MASK("proxy_ignore_headers", ALL, conf_t, ignore_headers, ignore_words, NULL,
            "Fields of the answer that have no effect here.",
            .example = "proxy_ignore_headers X-Accel-Redirect;"),
    WR_CUSTOM("proxy_bind", ALL, 1, 2, set_bind, conf_t, bind,
              "The local address of connections to the other server; transparent: also one "
              "that is not this machine's.",
              .args = "address [transparent] | off", .example = "proxy_bind 127.0.0.1;"),
    EXTRA(bind_transparent),
    WR_CV("proxy_limit_rate", ALL, conf_t, limit_rate, "0",
          "Bytes per second that one buffered answer is read at; 0: no limit.",
          .set = check_rate,
          .example = "proxy_limit_rate 1m;",
          .args = "rate"),
    WR_CUSTOM("proxy_store", ALL, 1, 1, set_store, conf_t, store,
              "Answers become files: on: where root or alias say, else the file named.",
              .args = "on | off | file", .example = "proxy_store data/store$uri;"),
    EXTRA(store_path),
    WR_CUSTOM("proxy_store_access", ALL, 1, 3, set_store_access, conf_t, store_access,
              "Who may read and write the files of proxy_store.", .def = "user:rw",
              .args = "user:rw group:r all:r",
              .example = "proxy_store_access user:rw group:rw all:r;"),
    WR_ACTION("proxy_cache", ALL, 1, 1, refuse_cache,
              "Not supported but for off: answers of other servers are not cached.",
              .args = "off",
              .example = "proxy_cache off;"),
    WR_ACTION("proxy_cache_path", WR_HTTP, 2, 255, refuse_cache,
              "Not supported: answers of other servers are not cached.",
              .flags = WR_DF_REPEAT,
              .example = "proxy_cache_path data/cache keys_zone=one:10m;",
              .args = "path keys_zone=name:size [option …]"),
    WR_FLAG("proxy_cache_background_update", ALL, conf_t, cache.background_update, "off", NO_CACHE,
            .example = "proxy_cache_background_update on;"),
    CACHE("proxy_cache_bypass", 1, 255, 0,
          "proxy_cache_bypass $cookie_nocache;"),
    WR_FLAG("proxy_cache_convert_head", ALL, conf_t, cache.convert_head, "on", NO_CACHE,
            .example = "proxy_cache_convert_head off;"),
    WR_CV("proxy_cache_key", ALL, conf_t, cache.key, NULL, NO_CACHE,
          .example = "proxy_cache_key $scheme$proxy_host$uri;"),
    WR_FLAG("proxy_cache_lock", ALL, conf_t, cache.lock, "off", NO_CACHE,
            .example = "proxy_cache_lock on;"),
    WR_MSEC("proxy_cache_lock_age", ALL, conf_t, cache.lock_age, "5s", NO_CACHE,
            .example = "proxy_cache_lock_age 5s;"),
    WR_MSEC("proxy_cache_lock_timeout", ALL, conf_t, cache.lock_timeout, "5s", NO_CACHE,
            .example = "proxy_cache_lock_timeout 5s;"),
    WR_OFFSET("proxy_cache_max_range_offset", ALL, conf_t, cache.max_range_offset, NULL, NO_CACHE,
              .example = "proxy_cache_max_range_offset 1m;"),
    WR_MASK("proxy_cache_methods", ALL, conf_t, cache.methods, cache_methods, "GET HEAD", NO_CACHE,
            .example = "proxy_cache_methods GET HEAD;"),
    WR_INT("proxy_cache_min_uses", ALL, conf_t, cache.min_uses, "1", NO_CACHE,
           .example = "proxy_cache_min_uses 2;"),
    WR_FLAG("proxy_cache_revalidate", ALL, conf_t, cache.revalidate, "off", NO_CACHE,
            .example = "proxy_cache_revalidate on;"),
    WR_MASK("proxy_cache_use_stale", ALL, conf_t, cache.use_stale, stale_words, "off", NO_CACHE,
            .example = "proxy_cache_use_stale error timeout;"),
    CACHE("proxy_cache_valid", 1, 255, WR_DF_REPEAT,
          "proxy_cache_valid 200 10m;"),
    CACHE("proxy_no_cache", 1, 255, 0,
          "proxy_no_cache $http_authorization;"),
    WR_MASK("proxy_ssl_protocols", ALL, conf_t, ssl_protocols, proxy_ssl_protocol_words,
            "TLSv1.2 TLSv1.3", "The versions of TLS that are spoken.",
            .example = "proxy_ssl_protocols TLSv1.3;"),
    WR_TEXT("proxy_ssl_ciphers", ALL, conf_t, ssl_ciphers, "DEFAULT",
            "The ciphers up to TLS 1.2, as OpenSSL writes them.",
            .example = "proxy_ssl_ciphers HIGH:!aNULL;"),
    WR_CV("proxy_ssl_name", ALL, conf_t, ssl_name, "$proxy_host",
          "The name that the other server's certificate must have, and of SNI.",
          .example = "proxy_ssl_name backend.example.com;",
          .args = "name"),
    WR_FLAG("proxy_ssl_server_name", ALL, conf_t, ssl_server_name, "off",
            "The name is sent by SNI.",
            .example = "proxy_ssl_server_name on;"),
    WR_FLAG("proxy_ssl_verify", ALL, conf_t, ssl_verify, "off",
            "The other server's certificate is checked: against proxy_ssl_trusted_certificate, "
            "and that it is for proxy_ssl_name.",
            .example = "proxy_ssl_verify on;\n"
                       "proxy_ssl_trusted_certificate ca.pem;"),
    WR_INT("proxy_ssl_verify_depth", ALL, conf_t, ssl_depth, "1",
           "The length of the chain of its certificate.", .extra = &(wr_bounds_t) {0, INT32_MAX},
           .example = "proxy_ssl_verify_depth 2;"),
    WR_CONF_FILE("proxy_ssl_trusted_certificate", ALL, conf_t, ssl_trusted, NULL,
                 "Authorities of its certificate.",
                 .example = "proxy_ssl_trusted_certificate ca.pem;"),
    WR_CONF_FILE("proxy_ssl_crl", ALL, conf_t, ssl_crl, NULL,
                 "Certificates that were revoked.",
                 .example = "proxy_ssl_crl ca.crl;"),
    WR_CV("proxy_ssl_certificate", ALL, conf_t, ssl_certificate, NULL,
                 "The certificate shown to the other server.",
          .example = "proxy_ssl_certificate client.pem;\n"
                     "proxy_ssl_certificate_key client.key;",
          .args = "file"),
    WR_CV("proxy_ssl_certificate_key", ALL, conf_t, ssl_key, NULL,
                 "The key of the certificate.",
          .example = "proxy_ssl_certificate client.pem;\n"
                     "proxy_ssl_certificate_key client.key;",
          .args = "file"),
    WR_CUSTOM("proxy_ssl_password_file", ALL, 1, 1, wr_tls_passwords_set, conf_t,
              ssl_passwords, "Passwords of the key, one a line.", .args = "file",
              .example = "proxy_ssl_password_file passwords;"),
    WR_CUSTOM("proxy_ssl_certificate_cache", ALL, 1, 3, wr_tls_cache_set, conf_t, ssl_cache,
              "Certificates whose names hold variables are kept, not read for each connection.",
              .args = "off | max=N [inactive=time] [valid=time]",
              .example = "proxy_ssl_certificate_cache max=1000 inactive=20s valid=1m;"),
    WR_CUSTOM("proxy_ssl_key_log", ALL, 1, 1, proxy_set_key_log, conf_t, ssl_key_log,
              "Secrets of connections to the other server go to this file, for those who analyse "
              "traffic.", .args = "file",
              .example = "proxy_ssl_key_log logs/keys.log;"),
    WR_FLAG("proxy_ssl_session_reuse", ALL, conf_t, ssl_reuse, "on",
            "Sessions are resumed.",
            .example = "proxy_ssl_session_reuse off;"),
    WR_CUSTOM("proxy_ssl_conf_command", ALL, 2, 2, wr_tls_command_set, conf_t, ssl_commands,
              "A setting of OpenSSL by its own name.", .flags = WR_DF_REPEAT,
              .args = "name value",
              .example = "proxy_ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256;"),
    WR_INT("proxy_headers_hash_max_size", ALL, conf_t, hash_size, "512",
           "Without effect: fields are found without such a table.",
           .example = "proxy_headers_hash_max_size 1024;"),
    WR_INT("proxy_headers_hash_bucket_size", ALL, conf_t, hash_bucket, "64",
           "Without effect: fields are found without such a table.",
           .example = "proxy_headers_hash_bucket_size 128;"),
    WR_END
};
