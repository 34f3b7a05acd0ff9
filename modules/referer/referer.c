/*
 * valid_referers: where links to here may stand; $invalid_referer tells.
 */
#include <weir/http/hostmap.h>
#include <weir/http/server.h>

/* One name, with the start of the path that must follow it. */
typedef struct place {
    wr_str_t path;              /* empty: any */
} place_t;

typedef struct rules {
    wr_hostmap_t hosts;         /* → place_t */
    wr_array_t   regexes;       /* wr_regex_t *: over host and path */
    bool         none;          /* without the header */
    bool         blocked;       /* without http:// */
    bool         server_names;
    unsigned     n;             /* of hosts */
} rules_t;

typedef struct conf {
    rules_t rules;
    int64_t max_size, bucket_size;
} conf_t;

/* ---- requests ---- */

static bool
matches_server(wr_req_t *r, wr_str_t host)
{
    for (WR_EACH(wr_server_name_t, name, &r->server->names)) {
        if (name->regex != NULL && wr_regex_test(name->regex, host)) {
            return true;
        }
    }
    return false;
}

/* `s` is the header behind http://. */
static bool
is_valid_place(wr_req_t *r, const rules_t *rules, wr_str_t s)
{
    const place_t *place;
    size_t         n = 0;
    wr_str_t       host, rest;

    while (n < s.n && s.p[n] != '/' && s.p[n] != ':') {
        if (++n > 256) {
            return false;
        }
    }
    host = wr_str_sub(s, 0, n);
    place = wr_hostmap_find(&rules->hosts, host);
    if (place != NULL) {
        rest = wr_str_skip(s, n);
        while (rest.n != 0 && rest.p[0] != '/') {
            rest = wr_str_skip(rest, 1);
        }
        return wr_str_starts(rest, place->path);
    }
    if (rules->server_names && matches_server(r, host)) {
        return true;
    }
    for (WR_EACH(wr_regex_t *, re, &rules->regexes)) {
        if (wr_regex_test(*re, s)) {
            return true;
        }
    }
    return false;
}

static bool
is_valid(wr_req_t *r, const rules_t *rules)
{
    const wr_header_t *h = wr_headers_first(&r->in, WR_H_REFERER);

    if (rules->n == 0 && rules->regexes.n == 0 && !rules->server_names) {
        return true;
    }
    if (h == NULL) {
        return rules->none;
    }
    if (h->value.n >= sizeof("http://i.ru") - 1) {
        if (wr_str_istarts(h->value, WR_STR("http://"))) {
            return is_valid_place(r, rules, wr_str_skip(h->value, 7));
        }
        if (wr_str_istarts(h->value, WR_STR("https://"))) {
            return is_valid_place(r, rules, wr_str_skip(h->value, 8));
        }
    }
    return rules->blocked;
}

static wr_rc_t
get_invalid(wr_req_t *r, const wr_var_t *v, wr_str_t *value)
{
    const conf_t *conf = wr_conf(r);

    (void) v;
    *value = is_valid(r, &conf->rules) ? WR_STR("") : WR_STR("1");
    return WR_OK;
}

/* ---- conf ---- */

static wr_rc_t
add_host(wr_conf_t *cf, rules_t *rules, const wr_tok_t *arg, wr_str_t host)
{
    place_t *place = WR_NEW(cf->pool, place_t);
    ssize_t  slash = wr_str_chr(host, '/');
    wr_rc_t  rc;

    place->path = WR_STR("");
    if (slash >= 0) {
        place->path = wr_str_skip(host, (size_t) slash);
        host = wr_str_sub(host, 0, (size_t) slash);
    }
    rules->n++;
    rc = wr_hostmap_add(&rules->hosts, host, true, place);
    if (rc == WR_SYNTAX) {
        return wr_conf_fail(cf, arg, "invalid hostname or wildcard \"%.*s\"",
                            WR_ARG(arg->text));
    }
    if (rc == WR_BUSY) {
        return wr_conf_fail(cf, arg, "conflicting parameter \"%.*s\"",
                            WR_ARG(arg->text));
    }
    return WR_OK;
}

static wr_rc_t
add_regex(wr_conf_t *cf, rules_t *rules, const wr_tok_t *arg)
{
    wr_tok_t    pattern = *arg;
    wr_regex_t *re;

    pattern.text = wr_str_skip(pattern.text, 1);
    pattern.column++;
    if (pattern.text.n == 0) {
        return wr_conf_fail(cf, arg, "empty regex in \"%.*s\"", WR_ARG(arg->text));
    }
    re = wr_regex_compile(cf, &pattern, true, false);
    if (re == NULL) {
        return WR_ERROR;
    }
    *WR_PUSH(&rules->regexes, wr_regex_t *) = re;
    return WR_OK;
}

static wr_rc_t
add_rule(wr_conf_t *cf, rules_t *rules, const wr_tok_t *arg)
{
    if (wr_str_eqz(arg->text, "none")) {
        rules->none = true;
        return WR_OK;
    }
    if (wr_str_eqz(arg->text, "blocked")) {
        rules->blocked = true;
        return WR_OK;
    }
    if (wr_str_eqz(arg->text, "server_names")) {
        rules->server_names = true;
        return WR_OK;
    }
    if (arg->text.n == 0) {
        return wr_conf_fail(cf, arg, "invalid referer \"\"");
    }
    if (arg->text.p[0] == '~') {
        return add_regex(cf, rules, arg);
    }
    return add_host(cf, rules, arg, arg->text);
}

static wr_rc_t
set_rules(wr_conf_t *cf, const wr_directive_t *d, void *c)
{
    rules_t *rules = &((conf_t *) c)->rules;

    (void) d;
    if (rules->regexes.size == 0) {
        rules->hosts = wr_hostmap(cf->pool);
        rules->regexes = wr_array(cf->pool, sizeof(wr_regex_t *));
    }
    for (unsigned i = 1; i < cf->nargs; i++) {
        if (add_rule(cf, rules, &cf->args[i]) != WR_OK) {
            return WR_ERROR;
        }
    }
    return WR_OK;
}

/* The server's names are known only when all of it has been read. */
static wr_rc_t
check(wr_conf_t *cf, wr_scope_t *scope, void *c, const void *outer)
{
    rules_t     *rules = &((conf_t *) c)->rules;
    wr_scope_t  *at = wr_scope_find(scope, WR_SERVER);
    wr_server_t *server = at != NULL ? at->object : NULL;

    (void) outer;
    if (!wr_scope_is_set(scope, &WR_SELF->schema, offsetof(conf_t, rules))) {
        return WR_OK;
    }
    if (rules->server_names && server != NULL) {
        place_t *any = WR_NEW(cf->pool, place_t);

        any->path = WR_STR("");
        for (WR_EACH(wr_server_name_t, name, &server->names)) {
            if (name->regex == NULL && name->name.n != 0
                && wr_hostmap_add(&rules->hosts, name->name, true, any) == WR_OK)
            {
                rules->n++;
            }
        }
    }
    if ((rules->none || rules->blocked) && rules->n == 0 && rules->regexes.n == 0
        && !rules->server_names)
    {
        return wr_conf_fail(cf, NULL,
                            "the \"none\" or \"blocked\" referers are specified in the "
                            "\"valid_referers\" directive without any valid referer");
    }
    return WR_OK;
}

static const wr_var_row_t variables[] = {
    {"invalid_referer", get_invalid, NULL, 0, WR_VAR_NOCACHE,
     "Empty if the Referer is one of valid_referers, else \"1\""},
    {.name = NULL}
};

WR_MODULE(referer,
    .doc = "Where links to here may stand",
    .schema.directives = (const wr_directive_t[]) {
        WR_CUSTOM("valid_referers", WR_SERVER | WR_LOCATION, 1, 255, set_rules, conf_t,
                  rules, "The hosts whose pages may link to here.",
                  .flags = WR_DF_REPEAT,
                  .args = "none | blocked | server_names | name | ~regex …",
                  .example = "valid_referers none blocked server_names *.example.com;"),
        WR_INT("referer_hash_max_size", WR_SERVER | WR_LOCATION, conf_t, max_size,
               "2048", "Accepted; tables have the size they need.",
               .example = "referer_hash_max_size 2048;"),
        WR_INT("referer_hash_bucket_size", WR_SERVER | WR_LOCATION, conf_t, bucket_size,
               "64", "Accepted; tables have the size they need.",
               .example = "referer_hash_bucket_size 64;"),
        WR_END
    },
    .schema.size = sizeof(conf_t),
    .schema.check = check,
    .variables = variables);
