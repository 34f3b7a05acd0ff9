/*
 * The blocks of the conf: http, server, location, limit_except, types; and
 * server_name. What they make is put together in assemble.c.
 */
#include <weir/http/blocks_priv.h>

#include <unistd.h>
#include <weir/http/core_conf.h>

wr_location_t *
wr_conf_location(wr_conf_t *cf)
{
    wr_scope_t *scope = wr_scope_find(cf->scope, WR_LOCATION | WR_IF_LOCATION
                                                     | WR_IF_SERVER | WR_LIMIT_EXCEPT
                                                     | WR_SERVER);

    return scope != NULL && (scope->context & WR_SERVER) == 0 ? scope->object : NULL;
}

wr_server_t *
wr_conf_server(wr_conf_t *cf)
{
    wr_scope_t *scope = wr_scope_find(cf->scope, WR_SERVER);

    return scope != NULL ? scope->object : NULL;
}

/* ---- http ---- */

static wr_rc_t
begin_modules(wr_conf_t *cf)
{
    unsigned            n;
    wr_module_t *const *modules = wr_modules_of(cf, &n);

    for (unsigned i = 0; i < n; i++) {
        if (modules[i]->variables != NULL
            && wr_var_define_rows(cf, modules[i]->variables) != WR_OK)
        {
            return WR_ERROR;
        }
        if ((modules[i]->http != NULL || modules[i]->loaded) && modules[i]->begin != NULL
            && modules[i]->begin(cf) != WR_OK)
        {
            return WR_ERROR;
        }
    }
    return WR_OK;
}

wr_rc_t
wr_set_http(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    wr_cycle_t *cycle = wr_cycle_of(cf);
    wr_http_t  *http;

    (void) d;
    (void) conf;
    if (cycle->http != NULL) {
        return wr_conf_fail(cf, NULL, "\"http\" directive is duplicate");
    }
    http = WR_NEW(cf->pool, wr_http_t);
    http->servers = wr_array(cf->pool, sizeof(wr_server_t *));
    http->endpoints = wr_array(cf->pool, sizeof(wr_endpoint_t *));
    http->locations = wr_array(cf->pool, sizeof(wr_location_t *));
    http->asked = wr_array(cf->pool, sizeof(wr_listen_ask_t));
    cycle->http = http;
    http->vars = wr_vars_new(cf);
    if (begin_modules(cf) != WR_OK) {
        return WR_ERROR;
    }
    http->scope = wr_conf_scope(cf, WR_HTTP, http);
    return wr_conf_block(cf, http->scope);
}

/* ---- server ---- */

wr_rc_t
wr_set_server(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    wr_http_t   *http = wr_http_of(wr_cycle_of(cf));
    wr_server_t *s = WR_NEW(cf->pool, wr_server_t);
    wr_rc_t      rc;

    (void) d;
    (void) conf;
    *WR_PUSH(&http->servers, wr_server_t *) = s;
    s->http = http;
    s->names = wr_array(cf->pool, sizeof(wr_server_name_t));
    s->list = wr_array(cf->pool, sizeof(wr_location_t *));
    s->named = wr_map(cf->pool, false);
    s->file = cf->args[0].file;
    s->line = cf->args[0].line;
    s->scope = wr_conf_scope(cf, WR_SERVER, s);
    s->base = WR_NEW(cf->pool, wr_location_t);
    s->base->kind = WR_LOC_INNER;
    s->base->server = s;
    s->base->scope = s->scope;
    rc = wr_conf_block(cf, s->scope);
    if (rc != WR_OK) {
        return rc;
    }
    if (!s->listens && wr_listen_default(cf, s) != WR_OK) {
        return WR_ERROR;
    }
    if (s->names.n == 0) {
        WR_PUSH(&s->names, wr_server_name_t)->name = WR_STR("");
    }
    if (s->name.p == NULL) {
        s->name = WR_STR("");
    }
    return WR_OK;
}

static wr_rc_t
add_name(wr_conf_t *cf, wr_server_t *s, const wr_tok_t *tok)
{
    wr_str_t          text = tok->text;
    wr_server_name_t *name;

    if (wr_str_eqz(text, "$hostname")) {
        char host[256] = "";

        gethostname(host, sizeof(host) - 1);
        text = wr_pool_str(cf->pool, wr_str_z(host));
    }
    if ((text.n != 0 && text.p[0] == '*' && (text.n < 3 || text.p[1] != '.'))
        || wr_str_eqz(text, "."))
    {
        return wr_conf_fail(cf, tok, "server name \"%.*s\" is invalid", WR_ARG(text));
    }
    if (wr_str_chr(text, '/') >= 0 && text.p[0] != '~') {
        wr_conf_warn(cf, tok, "server name \"%.*s\" has suspicious symbols",
                     WR_ARG(text));
    }
    name = WR_PUSH(&s->names, wr_server_name_t);
    if (text.n != 0 && text.p[0] == '~') {
        wr_tok_t pattern = *tok;
        bool     upper = false;

        if (text.n == 1) {
            return wr_conf_fail(cf, tok, "empty regex in server name \"%.*s\"",
                                WR_ARG(text));
        }
        pattern.text = wr_str_skip(text, 1);
        pattern.column++;
        for (size_t i = 0; i < pattern.text.n; i++) {
            upper |= pattern.text.p[i] >= 'A' && pattern.text.p[i] <= 'Z';
        }
        name->name = text;
        name->regex = wr_regex_compile(cf, &pattern, !upper, true);
        return name->regex != NULL ? WR_OK : WR_ERROR;
    }
    name->name = wr_name_lower(cf->pool, text);
    if (!wr_name_is_valid(name->name)) {
        return wr_conf_fail(cf, tok, "invalid server name or wildcard \"%.*s\"",
                            WR_ARG(text));
    }
    return WR_OK;
}

wr_rc_t
wr_set_server_name(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    wr_server_t *s = wr_conf_server(cf);

    (void) d;
    (void) conf;
    for (unsigned i = 1; i < cf->nargs; i++) {
        if (add_name(cf, s, &cf->args[i]) != WR_OK) {
            return WR_ERROR;
        }
        if (s->name.p == NULL) {
            s->name = WR_AT(&s->names, wr_server_name_t, 0)->name;
            if (s->name.n > 1 && s->name.p[0] == '.') {
                s->name = wr_str_skip(s->name, 1);
            }
        }
    }
    return WR_OK;
}

/* ---- location ---- */

wr_location_t *
wr_location_new(wr_conf_t *cf, wr_loc_kind_t kind, wr_str_t name, uint32_t extra)
{
    wr_location_t *loc = WR_NEW(cf->pool, wr_location_t);
    wr_server_t   *server = wr_conf_server(cf);
    uint32_t       contexts = kind == WR_LOC_INNER ? extra : WR_LOCATION | extra;

    loc->name = name;
    loc->kind = kind;
    loc->server = server;
    loc->outer = wr_conf_location(cf);
    loc->list = wr_array(cf->pool, sizeof(wr_location_t *));
    loc->scope = wr_conf_scope(cf, contexts, loc);
    *WR_PUSH(&server->http->locations, wr_location_t *) = loc;
    if (kind == WR_LOC_NAMED) {
        (void) wr_map_set(&server->named, name, loc);
    } else if (kind < WR_LOC_NAMED) {
        wr_location_t *outer = loc->outer;

        while (outer != NULL && outer->kind == WR_LOC_INNER) {
            outer = outer->outer;
        }
        *WR_PUSH(outer != NULL ? &outer->list : &server->list, wr_location_t *) = loc;
    }
    return loc;
}

typedef struct loc_spec {
    wr_loc_kind_t kind;
    bool          icase;
    wr_tok_t      name;
} loc_spec_t;

static wr_rc_t
parse_location(wr_conf_t *cf, loc_spec_t *spec)
{
    static const struct {
        const char   *mark;
        wr_loc_kind_t kind;
        bool          icase;
    } marks[] = {{"=", WR_LOC_EXACT, false}, {"^~", WR_LOC_NOREGEX, false},
                 {"~*", WR_LOC_REGEX, true}, {"~", WR_LOC_REGEX, false}};
    wr_tok_t mark = cf->args[1];

    for (unsigned i = 0; i < WR_COUNT(marks); i++) {
        wr_str_t m = wr_str_z(marks[i].mark);

        if (cf->nargs == 3 ? wr_str_eq(mark.text, m) : wr_str_starts(mark.text, m)) {
            spec->kind = marks[i].kind;
            spec->icase = marks[i].icase;
            if (cf->nargs == 3) {
                spec->name = cf->args[2];
            } else {
                spec->name = mark;
                spec->name.text = wr_str_skip(mark.text, m.n);
                spec->name.column += (uint32_t) m.n;
            }
            return WR_OK;
        }
    }
    if (cf->nargs == 3) {
        return wr_conf_fail(cf, &mark, "invalid location modifier \"%.*s\"",
                            WR_ARG(mark.text));
    }
    spec->name = mark;
    spec->kind = mark.text.n != 0 && mark.text.p[0] == '@' ? WR_LOC_NAMED : WR_LOC_PREFIX;
    return WR_OK;
}

/* Where a location may stand inside another. */
static wr_rc_t
check_nesting(wr_conf_t *cf, const loc_spec_t *spec)
{
    wr_location_t *outer = wr_conf_location(cf);
    wr_str_t       name = spec->name.text;

    if (outer == NULL) {
        return WR_OK;
    }
    if (outer->kind == WR_LOC_EXACT) {
        return wr_conf_fail(cf, &spec->name,
                            "location \"%.*s\" cannot be inside the exact location "
                            "\"%.*s\"",
                            WR_ARG(name), WR_ARG(outer->name));
    }
    if (outer->kind == WR_LOC_NAMED) {
        return wr_conf_fail(cf, &spec->name,
                            "location \"%.*s\" cannot be inside the named location "
                            "\"%.*s\"",
                            WR_ARG(name), WR_ARG(outer->name));
    }
    if (spec->kind == WR_LOC_NAMED) {
        return wr_conf_fail(cf, &spec->name,
                            "named location \"%.*s\" can be on the server level only",
                            WR_ARG(name));
    }
    if (spec->kind != WR_LOC_REGEX && outer->kind != WR_LOC_REGEX
        && outer->kind != WR_LOC_ROUTE && outer->kind != WR_LOC_INNER
        && !wr_str_starts(name, outer->name))
    {
        return wr_conf_fail(cf, &spec->name,
                            "location \"%.*s\" is outside location \"%.*s\"",
                            WR_ARG(name), WR_ARG(outer->name));
    }
    return WR_OK;
}

wr_rc_t
wr_set_location(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    loc_spec_t     spec = {0};
    wr_location_t *loc;

    (void) d;
    (void) conf;
    if (parse_location(cf, &spec) != WR_OK || check_nesting(cf, &spec) != WR_OK) {
        return WR_ERROR;
    }
    if (spec.kind == WR_LOC_NAMED
        && wr_map_get(&wr_conf_server(cf)->named, spec.name.text) != NULL)
    {
        return wr_conf_fail(cf, &spec.name, "duplicate location \"%.*s\"",
                            WR_ARG(spec.name.text));
    }
    loc = wr_location_new(cf, spec.kind, spec.name.text, 0);
    if (spec.kind == WR_LOC_REGEX) {
        loc->regex = wr_regex_compile(cf, &spec.name, spec.icase, true);
        if (loc->regex == NULL) {
            return WR_ERROR;
        }
    }
    return wr_conf_block(cf, loc->scope);
}

/* ---- limit_except ---- */

uint32_t
wr_method_bit(wr_str_t name)
{
    static const struct {
        const char *name;
        uint32_t    bit;
    } methods[] = {
        {"GET", WR_GET}, {"HEAD", WR_HEAD}, {"POST", WR_POST}, {"PUT", WR_PUT},
        {"DELETE", WR_DELETE}, {"MKCOL", WR_MKCOL}, {"COPY", WR_COPY},
        {"MOVE", WR_MOVE}, {"OPTIONS", WR_OPTIONS}, {"PROPFIND", WR_PROPFIND},
        {"PROPPATCH", WR_PROPPATCH}, {"LOCK", WR_LOCK}, {"UNLOCK", WR_UNLOCK},
        {"PATCH", WR_PATCH}, {"TRACE", WR_TRACE}, {"CONNECT", WR_CONNECT}};

    for (unsigned i = 0; i < WR_COUNT(methods); i++) {
        if (wr_str_eqz(name, methods[i].name)) {
            return methods[i].bit;
        }
    }
    return WR_OTHER_METHOD;
}

wr_rc_t
wr_set_limit_except(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    wr_location_t *outer = wr_conf_location(cf);
    wr_location_t *loc;
    uint32_t       mask = 0;

    (void) d;
    (void) conf;
    if (outer->limit_except != NULL) {
        return wr_conf_fail(cf, NULL, "\"limit_except\" directive is duplicate");
    }
    for (unsigned i = 1; i < cf->nargs; i++) {
        uint32_t bit = wr_method_bit(cf->args[i].text);

        if (bit == WR_OTHER_METHOD || bit == WR_TRACE || bit == WR_CONNECT) {
            return wr_conf_fail(cf, &cf->args[i], "invalid method \"%.*s\"",
                                WR_ARG(cf->args[i].text));
        }
        mask |= bit;
    }
    if ((mask & WR_GET) != 0) {
        mask |= WR_HEAD;
    }
    loc = wr_location_new(cf, WR_LOC_INNER, outer->name, WR_LIMIT_EXCEPT);
    outer->limit_except = loc;
    outer->except_mask = mask;
    return wr_conf_block(cf, loc->scope);
}

/* ---- types ---- */

static wr_rc_t
types_line(wr_conf_t *cf, void *data)
{
    wr_map_t *types = data;
    wr_str_t *type;

    if (wr_str_eqz(cf->args[0].text, "include")) {
        return WR_DECLINED;
    }
    type = WR_NEW(cf->pool, wr_str_t);
    *type = wr_pool_str(cf->pool, cf->args[0].text);
    for (unsigned i = 1; i < cf->nargs; i++) {
        wr_str_t  ext = wr_name_lower(cf->pool, cf->args[i].text);
        wr_str_t *old = wr_map_set(types, ext, type);

        if (old != NULL) {
            wr_conf_warn(cf, &cf->args[i],
                         "duplicate extension \"%.*s\", content type: \"%.*s\", "
                         "previous content type: \"%.*s\"",
                         WR_ARG(ext), WR_ARG(*type), WR_ARG(*old));
        }
    }
    return WR_OK;
}

wr_rc_t
wr_set_types(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    wr_http_core_t *core = conf;

    (void) d;
    if (core->types == NULL) {
        core->types = WR_NEW(cf->pool, wr_map_t);
        *core->types = wr_map(cf->pool, true);
    }
    return wr_conf_lines(cf, types_line, core->types);
}

wr_rc_t
wr_set_handler(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    (void) conf;
    return wr_location_handler(cf, d->extra, NULL);
}

wr_rc_t
wr_location_handler(wr_conf_t *cf, const wr_middleware_t *handler, const void *conf)
{
    wr_location_t *loc = wr_conf_location(cf);
    wr_server_t   *server = loc == NULL ? wr_conf_server(cf) : NULL;

    if (server != NULL) {
        loc = server->base;         /* what no location is found for */
    }
    if (loc == NULL) {
        return wr_conf_fail(cf, NULL, "\"%.*s\" directive is not allowed here",
                            WR_ARG(cf->args[0].text));
    }
    if (loc->handler != NULL) {
        return wr_conf_fail(cf, NULL,
                            "\"%.*s\" directive is duplicate: \"%s\" answers this "
                            "location already",
                            WR_ARG(cf->args[0].text), loc->handler->name);
    }
    loc->handler = handler;
    loc->handler_conf = conf;
    return WR_OK;
}
