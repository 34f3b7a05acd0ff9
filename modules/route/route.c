/*
 * route: `route` and `routes`, and the table of all directives.
 */
#include "route.h"

typedef struct group {
    wr_str_t prefix;
} group_t;

wr_map_t *route_names;

static routes_t *
routes_of(wr_conf_t *cf, wr_server_t *server)
{
    routes_t *all = server->routes;

    if (all == NULL) {
        all = WR_NEW(cf->pool, routes_t);
        all->list = wr_array(cf->pool, sizeof(route_t *));
        server->routes = all;
        server->route_match = routes_match;
    }
    return all;
}

static wr_map_t *
names_of(wr_conf_t *cf)
{
    wr_map_t *m = (wr_map_t *) (uintptr_t) wr_service_find(cf, "route_names.1");

    if (m == NULL) {
        m = WR_NEW(cf->pool, wr_map_t);
        *m = wr_map(cf->pool, false);
        wr_service_offer(cf, "route_names.1", m);
    }
    return m;
}

/* The prefix of the groups around, from the nearest's location. */
static wr_str_t
prefix_of(wr_conf_t *cf)
{
    wr_scope_t    *scope = wr_scope_find(cf->scope, WR_ROUTES);
    wr_location_t *loc = scope != NULL ? scope->object : NULL;

    return loc != NULL ? ((group_t *) loc->route)->prefix : WR_STR("");
}

static wr_rc_t
set_routes(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    group_t       *g = WR_NEW(cf->pool, group_t);
    wr_location_t *loc;
    wr_str_t       own = cf->args[1].text;
    route_t        parsed = {.at = cf->args[1], .pattern = own};

    (void) d;
    (void) conf;
    if (own.n == 0 || own.p[0] != '/') {
        return wr_conf_fail(cf, &cf->args[1], "a prefix begins with \"/\"");
    }
    if (route_parse(cf, &cf->args[1], &parsed) != WR_OK) {
        return WR_ERROR;        /* here rather than at each of its routes */
    }
    if (own.p[own.n - 1] == '/') {
        own.n--;
    }
    g->prefix = wr_pool_join(cf->pool, prefix_of(cf), own);
    loc = wr_location_new(cf, WR_LOC_INNER, g->prefix, WR_LOCATION | WR_ROUTES);
    loc->route = g;
    return wr_conf_block(cf, loc->scope);
}

static wr_rc_t
parse_methods(wr_conf_t *cf, const wr_tok_t *tok, uint32_t *mask)
{
    wr_str_t rest = tok->text, part;

    *mask = 0;
    if (wr_str_eqz(tok->text, "*")) {
        *mask = ALL_METHODS;
        return WR_OK;
    }
    while (wr_str_split(&rest, ',', &part)) {
        uint32_t bit = wr_method_bit(part);

        if (bit == WR_OTHER_METHOD || bit == WR_TRACE || bit == WR_CONNECT) {
            return wr_conf_fail(cf, tok, "invalid method \"%.*s\"", WR_ARG(part));
        }
        *mask |= bit;
    }
    return *mask != 0 ? WR_OK : wr_conf_fail(cf, tok, "a route needs a method");
}

static wr_rc_t
set_route(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    route_t     *route = WR_NEW(cf->pool, route_t);
    wr_server_t *server = wr_conf_server(cf);
    routes_t    *all = routes_of(cf, server);

    (void) d;
    (void) conf;
    route->at = cf->args[2];
    if (parse_methods(cf, &cf->args[1], &route->methods) != WR_OK) {
        return WR_ERROR;
    }
    route->pattern = wr_pool_join(cf->pool, prefix_of(cf), cf->args[2].text);
    if (route_parse(cf, &cf->args[2], route) != WR_OK) {
        return WR_ERROR;
    }
    for (unsigned i = 3; i < cf->nargs; i++) {
        if (!wr_arg_value(cf->args[i].text, "name", &route->name) || route->name.n == 0) {
            return wr_conf_fail(cf, &cf->args[i], "invalid parameter \"%.*s\"",
                                WR_ARG(cf->args[i].text));
        }
        if (wr_map_set(names_of(cf), route->name, route) != NULL) {
            return wr_conf_fail(cf, &cf->args[i], "there is another route named \"%.*s\"",
                                WR_ARG(route->name));
        }
    }
    route->location = wr_location_new(cf, WR_LOC_ROUTE, route->pattern, WR_ROUTE);
    route->location->route = route;
    *WR_PUSH(&all->list, route_t *) = route;
    return wr_conf_block(cf, route->location->scope);
}

static const wr_middleware_t refuse = {"method-not-allowed", 0, routes_refuse, NULL};

static wr_rc_t
finish(wr_conf_t *cf)
{
    wr_http_t *http = wr_http_of(wr_cycle_of(cf));

    wr_cycle_newest(cf, &route_names, names_of(cf));
    wr_app_url_for = route_url_for;
    if (http == NULL) {
        return WR_OK;
    }
    for (WR_EACH(wr_server_t *, at, &http->servers)) {
        wr_server_t *s = *at;
        routes_t    *all = s->routes;
        wr_stage_t  *stages;

        if (all == NULL) {
            continue;
        }
        if (routes_build(cf, all) != WR_OK) {
            return WR_ERROR;
        }
        /* The server's own settings, with a handler that refuses. */
        all->refuse = WR_NEW(cf->pool, wr_location_t);
        *all->refuse = *s->base;
        all->refuse->kind = WR_LOC_ROUTE;
        all->refuse->conf = s->scope->conf;
        stages = WR_NEW_N(cf->pool, wr_stage_t, 2);
        stages[0].mw = &refuse;
        all->refuse->stages = stages;
    }
    return route_check_urls(cf, names_of(cf));
}

#define STEPS (WR_SERVER | WR_LOCATION | WR_WHEN)
#define VIEWS (WR_LOCATION | WR_WHEN)

const wr_directive_t route_directives[] = {
    {.name = "routes", .contexts = WR_SERVER | WR_ROUTES, .type = WR_D_CUSTOM, .min = 1,
     .max = 1, .flags = WR_DF_BLOCK | WR_DF_REPEAT | WR_DF_PATTERN, .set = set_routes,
     .doc = "A group of routes: its prefix, steps and settings are handed down.",
     .args = "PREFIX",
     .example = "routes /users/{id:int} {\n"
                "    set id = params.id;\n"
                "    route GET /name { text User {{ id }}; }\n"
                "}"},
    {.name = "route", .contexts = WR_SERVER | WR_ROUTES, .type = WR_D_CUSTOM, .min = 2,
     .max = 3, .flags = WR_DF_BLOCK | WR_DF_REPEAT | WR_DF_PATTERN, .set = set_route,
     .doc = "Requests of these methods whose path has this pattern. {name} captures a part up "
            "to the next slash; {name:int}, float, uuid, slug say what it must be, path takes "
            "the rest, {name:REGEX} what matches. GET answers HEAD; another method gets 405.",
     .args = "METHOD[,METHOD…]|* PATTERN [name=NAME]",
     .example = "route GET /hello/{name} {\n"
                "    text Hello, {{ params.name }};\n"
                "}"},
    WR_ACTION("set", STEPS, 1, 1, route_set_set,
              "Names a value for the steps and the view that follow; `set session.KEY = …` "
              "writes the session.",
              .flags = WR_DF_RAW | WR_DF_REPEAT, .args = "NAME = EXPRESSION",
              .example = "set greeting = \"Hello, \" ~ query.name|default(\"you\");\n"
                         "text {{ greeting }};"),
    WR_ACTION("unset", STEPS, 1, 1, route_set_unset, "Takes a value or a key of the "
                                                     "session away.",
              .flags = WR_DF_REPEAT, .args = "NAME",
              .example = "set greeting = \"Hello\";\n"
                         "unset greeting;"),
    WR_ACTION("require", STEPS, 1, 1, route_set_require,
              "Goes on only if this is true, else answers with the status (and the text, if "
              "there is one), or redirects.",
              .flags = WR_DF_RAW | WR_DF_REPEAT | WR_DF_TEMPLATE,
              .args = "EXPRESSION else STATUS [TEMPLATE] | else redirect URL",
              .example = "require query.token is defined else 403;"),
    WR_ACTION("when", STEPS, 1, 1, route_set_when,
              "Steps and a view under a condition; `otherwise` may follow.",
              .flags = WR_DF_RAW | WR_DF_BLOCK | WR_DF_REPEAT, .args = "EXPRESSION",
              .example = "when request.method == \"POST\" {\n"
                         "    text Thank you;\n"
                         "} otherwise {\n"
                         "    text Hello;\n"
                         "}"),
    WR_BLOCK("otherwise", STEPS, 0, 0, route_set_otherwise,
             "What is done if the condition of the `when` before is false.",
             .example = "when query.short|default(false) {\n"
                        "    text short;\n"
                        "} otherwise {\n"
                        "    text long;\n"
                        "}"),
    WR_ACTION("status", STEPS, 1, 1, route_set_status,
              "The status of the answer that the view gives. Where there is no view, it is the "
              "answer: an empty one, or the error's page.",
              .flags = WR_DF_REPEAT, .args = "N",
              .example = "status 201;"),
    WR_ACTION("header", STEPS, 1, 1, route_set_header, "A field of the answer.",
              .flags = WR_DF_RAW | WR_DF_TEMPLATE | WR_DF_REPEAT, .args = "NAME TEMPLATE",
              .example = "header Cache-Control no-store;"),
    WR_ACTION("cookie", STEPS, 1, 1, route_set_cookie,
              "A cookie of the answer, with attributes behind its value: path=, domain=, "
              "max_age=, samesite=, secure, httponly.",
              .flags = WR_DF_RAW | WR_DF_TEMPLATE | WR_DF_REPEAT,
              .args = "NAME TEMPLATE [attribute…]",
              .example = "cookie theme {{ query.theme|default(\"light\") }} max_age=30d;"),
    WR_ACTION("save", STEPS, 1, 1, route_set_save,
              "Makes an upload, or a text, a file: whole, or not at all.",
              .flags = WR_DF_RAW | WR_DF_TEMPLATE | WR_DF_REPEAT, .args = "EXPRESSION to FILE",
              .example = "save files.picture to data/pictures/{{ uuid4() }}.png;"),
    WR_ACTION("text", VIEWS, 1, 1, route_set_text,
              "Answers with an inline template as text/plain. It may be quoted as a whole.",
              .flags = WR_DF_RAW | WR_DF_TEMPLATE | WR_DF_REPEAT, .args = "TEMPLATE",
              .example = "text Hello, {{ query.name }};"),
    WR_ACTION("html", VIEWS, 1, 1, route_set_text, "Answers with HTML; values are escaped.",
              .flags = WR_DF_RAW | WR_DF_TEMPLATE | WR_DF_REPEAT, .args = "TEMPLATE",
              .example = "html <h1>Hello, {{ query.name }}</h1>;"),
    WR_ACTION("redirect", VIEWS, 1, 1, route_set_redirect,
              "Sends the client elsewhere, with 303 unless `status` says otherwise. Only to "
              "this site, unless `external` is said.",
              .flags = WR_DF_RAW | WR_DF_TEMPLATE | WR_DF_REPEAT,
              .args = "URL-TEMPLATE [external]",
              .example = "redirect /posts/{{ query.id }};"),
    WR_BLOCK("gather", STEPS, 0, 0, wr_app_set_gather,
             "The fetches and statements in it are done at the same time; it ends when all of "
             "them have.",
             .example = "gather {\n"
                        "    fetch one = http://127.0.0.1:8000/1;\n"
                        "    fetch two = http://127.0.0.1:8000/2;\n"
                        "}"),
    WR_ACTION("timeout", WR_GATHER, 1, 1, wr_app_set_gather_timeout,
              "How long all of it together may take; what is not done then has failed.",
              .args = "TIME",
              .example = "gather {\n"
                         "    timeout 3s;\n"
                         "    fetch one = http://127.0.0.1:8000/1;\n"
                         "}"),
    WR_END
};

static const wr_http_tables_t tables = {0};

WR_MODULE(route,
          .doc = "Routes, steps and simple views.",
          .schema = {.name = "http_route_module", .directives = route_directives},
          .variables = route_variables, .http = &tables, .finish = finish);
