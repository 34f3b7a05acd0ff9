/*
 * --explain 'GET /path': what the conf makes of a request. The conf is read as by -t,
 * but nothing is opened; then the request is one without a connection, for which the
 * server's own functions look for server and location. No stage of it runs, so what
 * depends on the request's time (rewrites, variables, conditions) is only told.
 */
#include <weir/main/cmdline.h>

#include <weir/app/app.h>
#include <weir/http/core_conf.h>
#include <weir/http/uri.h>
#include <weir/main/explain.h>
#include <weir/main/print.h>

#include <stdio.h>
#include <unistd.h>

typedef struct ask {
    wr_pool_t *pool;
    wr_http_t *http;
    wr_str_t   method;
    wr_str_t   target;      /* "/path?args" */
    wr_str_t   host;        /* lower case; empty: none was said */
    int        port;        /* -1: none */
    bool       tls;
    bool       absolute;    /* "http://…" */
} ask_t;

static int
complain(const char *what, wr_str_t s)
{
    fprintf(stderr, "weir: %s \"%.*s\"\n", what, WR_ARG(s));
    return 1;
}

/* ---- the request ---- */

/* "http://host:port/path": takes what stands before the path. */
static bool
cut_host(ask_t *a)
{
    wr_str_t t = a->target;
    ssize_t  slash;

    if (wr_str_istarts(t, WR_STR("https://"))) {
        a->tls = true;
        t = wr_str_skip(t, 8);
    } else if (wr_str_istarts(t, WR_STR("http://"))) {
        t = wr_str_skip(t, 7);
    } else {
        return t.n != 0 && t.p[0] == '/';
    }
    a->absolute = true;
    slash = wr_str_chr(t, '/');
    a->target = slash >= 0 ? wr_str_skip(t, (size_t) slash) : WR_STR("/");
    t = slash >= 0 ? wr_str(t.p, (size_t) slash) : t;
    if (t.n == 0 || wr_host_normalise(a->pool, t, &a->host, &a->port) != WR_OK) {
        return false;
    }
    if (a->port < 0) {
        a->port = a->tls ? 443 : 80;
    }
    return true;
}

static bool
parse(ask_t *a, wr_str_t text)
{
    ssize_t space;

    text = wr_str_trim(text);
    space = wr_str_chr(text, ' ');
    a->method = space > 0 ? wr_str(text.p, (size_t) space) : WR_STR("GET");
    a->target = space > 0 ? wr_str_trim(wr_str_skip(text, (size_t) space)) : text;
    a->port = -1;
    return wr_str_chr(a->target, ' ') < 0 && cut_host(a);
}

static bool
set_uri(wr_req_t *r, const ask_t *a)
{
    wr_uri_t parts;

    r->method_name = a->method;
    r->method = r->first_method = wr_method_bit(a->method);
    r->version = WR_HTTP_11;
    r->host = a->host;
    r->raw_uri = a->target;
    if (wr_uri_normalise(a->pool, a->target, wr_http_core(r)->merge_slashes, &parts)
        != WR_OK)
    {
        return false;
    }
    wr_req_set_uri(r, parts.path, parts.args);
    return true;
}

/* ---- the server ---- */

static bool
fits_port(const ask_t *a, const wr_endpoint_t *e)
{
    return wr_addr_port(&e->addr.u.sa) == a->port;
}

/* On several addresses with this port: the address itself, then one where the name is
 * known, then the first. */
static const wr_endpoint_t *
choose_endpoint(const ask_t *a)
{
    const wr_endpoint_t *first = NULL, *named = NULL;
    wr_addr_t            addr;
    bool is_addr = a->host.n != 0 && wr_addr_parse(&addr, a->host, a->port);

    for (WR_EACH(wr_endpoint_t *, at, &a->http->endpoints)) {
        const wr_endpoint_t *e = *at;

        if (!fits_port(a, e)) {
            continue;
        }
        if (is_addr && wr_addr_equal(&addr.u.sa, &e->addr.u.sa, true)) {
            return e;
        }
        if (named == NULL && a->host.n != 0 && wr_server_named(e, a->host, NULL) != NULL) {
            named = e;
        }
        if (first == NULL) {
            first = e;
        }
    }
    return named != NULL ? named : first;
}

static int
nobody_listens(const ask_t *a)
{
    fprintf(stderr, "weir: nothing listens on port %d; the conf has:", a->port);
    for (WR_EACH(wr_endpoint_t *, e, &a->http->endpoints)) {
        fprintf(stderr, " %.*s", WR_ARG((*e)->text));
    }
    fputc('\n', stderr);
    return 1;
}

static void
print_why_server(const ask_t *a, const wr_endpoint_t *e, const wr_server_t *s)
{
    if (!e->many) {
        printf("    the only server on %.*s", WR_ARG(e->text));
    } else if (wr_map_get(&e->exact, a->host) == s && a->host.n != 0) {
        printf("    a server_name on %.*s is \"", WR_ARG(e->text));
        wr_print_name(a->host);
        printf("\"");
    } else if (a->host.n != 0 && wr_server_named(e, a->host, NULL) == s) {
        printf("    a server_name on %.*s fits \"", WR_ARG(e->text));
        wr_print_name(a->host);
        printf("\"");
    } else if (a->host.n != 0) {
        printf("    the default server of %.*s: no server_name there fits \"",
               WR_ARG(e->text));
        wr_print_name(a->host);
        printf("\"");
    } else {
        printf("    the default server of %.*s", WR_ARG(e->text));
    }
    putchar('\n');
    if (!a->absolute && (e->many || a->http->endpoints.n > 1)) {
        printf("    '%.*s http://host:port/path' chooses another\n", WR_ARG(a->method));
    }
    if (a->absolute && a->tls != e->ssl) {
        printf("    but %.*s speaks %s\n", WR_ARG(e->text), e->ssl ? "TLS" : "no TLS");
    }
}

/* What runs before a location is looked for. */
static void
print_server(const ask_t *a, const wr_endpoint_t *e, const wr_server_t *s)
{
    bool rewrites = false;

    printf("server:");
    wr_print_place(&s->scope->at);
    for (WR_EACH(wr_note_t, n, wr_notes())) {
        if (n->scope == s->scope && (strcmp(n->d->name, "listen") == 0
                                     || strcmp(n->d->name, "server_name") == 0))
        {
            wr_print_note(n, 1);
        }
    }
    print_why_server(a, e, s);
    for (WR_EACH(wr_note_t, n, wr_notes())) {
        if (n->scope != s->scope || !wr_note_rewrites(n)) {
            continue;
        }
        if (!rewrites) {
            printf("before a location is looked for (may answer, or change the URI at "
                   "request time):\n");
            rewrites = true;
        }
        wr_print_note(n, 1);
    }
}

/* ---- the location ---- */

static const char *
kind_of(const wr_location_t *loc)
{
    switch (loc->kind) {
    case WR_LOC_EXACT:
        return "exact: the path is this";
    case WR_LOC_PREFIX:
        return "prefix: the longest that fits, and no regular expression does";
    case WR_LOC_NOREGEX:
        return "prefix: the longest that fits; ^~ wants no regular expressions tried";
    case WR_LOC_REGEX:
        return "regex: the first that fits";
    case WR_LOC_ROUTE:
        return "route: the method and the pattern fit";
    default:
        return "";
    }
}

static void
print_params(wr_req_t *r)
{
    unsigned              n;
    const wr_app_param_t *params = wr_app_params(r, &n);
    wr_eval_t             ev;

    wr_app_eval_init(r, &ev, wr_pool(r));
    for (unsigned i = 0; i < n; i++) {
        wr_buf_t b = wr_buf(wr_pool(r));

        printf("    params.%.*s = ", WR_ARG(params[i].name));
        if (wr_put_repr(&ev, &b, &params[i].value)) {
            wr_print_name(wr_buf_text(&b));
        }
        putchar('\n');
    }
}

static void
print_captures(const wr_req_t *r)
{
    const wr_subject_t *s = &r->subject;

    for (unsigned i = 1; i < s->ncaptures; i++) {
        if (s->captures[2 * i] >= 0) {
            printf("    $%u = \"", i);
            wr_print_name(wr_str_sub(s->captured, (size_t) s->captures[2 * i],
                                     (size_t) s->captures[2 * i + 1]));
            printf("\"\n");
        }
    }
}

static const wr_note_t *
opener(const wr_scope_t *s)
{
    for (WR_EACH(wr_note_t, n, wr_notes())) {
        if (n->scope == s->outer && n->block && n->at.line == s->at.line
            && n->at.column == s->at.column && wr_str_eq(n->at.file, s->at.file))
        {
            return n;
        }
    }
    return NULL;
}

static void
print_opener(const wr_location_t *loc)
{
    const wr_note_t *n = opener(loc->scope);

    wr_print_name(n != NULL ? n->text : loc->name);
    wr_print_place(&loc->scope->at);
}

static void
print_match(wr_req_t *r, const wr_location_t *loc)
{
    const wr_location_t *inner = loc;

    while (loc->kind == WR_LOC_INNER) {
        loc = loc->outer;
    }
    printf("match: ");
    print_opener(loc);
    printf("    %s\n", kind_of(loc));
    if (loc->kind == WR_LOC_ROUTE) {
        print_params(r);
    } else if (loc->kind == WR_LOC_REGEX) {
        print_captures(r);
    }
    if (inner != loc) {
        printf("    and, the method being none of those: ");
        print_opener(inner);
    }
}

/* ---- what comes of it ---- */

static wr_str_t
header(const wr_req_t *r, wr_hid_t id)
{
    const wr_header_t *h = wr_headers_first(&r->out, id);

    return h != NULL ? h->value : WR_STR("");
}

/* The path has routes, but for other methods: its stage knows which. */
static void
print_refusal(wr_req_t *r, const wr_location_t *loc)
{
    bool options = r->method == WR_OPTIONS;

    r->method = WR_OTHER_METHOD;
    (void) loc->stages[0].mw->before(r, NULL);
    printf("match: routes with this path have other methods\n");
    printf("result: %s, Allow: %.*s\n", options ? "204" : "405",
           WR_ARG(header(r, WR_H_ALLOW)));
}

static bool
has_stage(const wr_location_t *loc, const char *name)
{
    for (const wr_stage_t *s = loc->stages; s->mw != NULL; s++) {
        if (strcmp(s->mw->name, name) == 0) {
            return true;
        }
    }
    return false;
}

static bool
is_set_by_rewrite(const wr_scope_t *scope)
{
    for (WR_EACH(wr_note_t, n, wr_notes())) {
        if (n->scope == scope
            && ((wr_note_rewrites(n) && (scope->context & WR_SERVER) == 0)
                || strcmp(n->d->name, "try_files") == 0))
        {
            return true;
        }
    }
    return false;
}

/* Where nothing but files answers: which one. */
static void
print_file(wr_req_t *r, const wr_location_t *loc)
{
    const wr_http_core_t *core = loc->conf[wr_http_core_module.schema.index];
    wr_str_t              path;
    size_t                root;

    if (loc->handler != NULL || !has_stage(loc, "static") || !wr_cv_is_const(&core->root)
        || !wr_req_path(r, &path, &root, 0))
    {
        return;
    }
    printf("file: ");
    wr_print_name(path);
    if (path.n != 0 && path.p[path.n - 1] == '/') {
        printf("  (a folder: its index)\n");
    } else {
        printf(access(path.p, F_OK) == 0 ? "\n" : "  (is not there: 404)\n");
    }
}

static void
print_place_of(wr_req_t *r, const wr_location_t *loc)
{
    const wr_http_core_t *core = loc->conf[wr_http_core_module.schema.index];

    if (core->internal) {
        printf("result: 404: the location is internal\n");
    }
    if (is_set_by_rewrite(loc->scope)) {
        printf("note: rewrite, return, if or try_files below may answer, or change the "
               "URI at request time\n");
    }
    if (!wr_print_steps(loc->scope) && !is_set_by_rewrite(loc->scope)) {
        print_file(r, loc);
    }
    printf("directives (all others have their defaults: weir -H NAME):\n");
    wr_print_effective(loc->scope);
}

static void
print_pipeline(const wr_server_t *s, const wr_location_t *loc)
{
    printf("pipeline:\n    server:  ");
    wr_print_stages(s->post_read);
    printf("    location:");
    wr_print_stages(loc->stages);
    printf("    filters: ");
    wr_print_filters(loc->filters);
}

static void
print_found(wr_req_t *r, wr_rc_t rc)
{
    const wr_location_t *loc = r->location;

    if (rc == WR_DONE) {
        print_match(r, loc);
        printf("result: %u", r->fail_status);
        if (header(r, WR_H_LOCATION).n != 0) {
            printf(", Location: ");
            wr_print_name(header(r, WR_H_LOCATION));
        }
        putchar('\n');
        return;
    }
    if (loc->kind == WR_LOC_ROUTE && loc->route == NULL) {
        print_refusal(r, loc);
    } else if (rc == WR_DECLINED) {
        printf("match: no route or location: what the server itself says applies\n");
        print_place_of(r, loc);
    } else {
        print_match(r, loc);
        print_place_of(r, loc);
    }
    print_pipeline(r->server, loc);
}

/* The request as the server would see it; NULL: 400. */
static wr_req_t *
arrive(const ask_t *a, const wr_endpoint_t *e)
{
    wr_req_t *r = wr_req_new(NULL, NULL, NULL, e->default_server);

    wr_req_use_server(r, wr_server_find(e, a->host, r));
    if (!set_uri(r, a)) {
        wr_req_free(r);
        return NULL;
    }
    return r;
}

/* How particularly a server speaks of this path. */
static unsigned
interest(const ask_t *a, const wr_endpoint_t *e)
{
    wr_req_t            *r = arrive(a, e);
    const wr_location_t *loc;
    unsigned             n = 0;

    if (r == NULL) {
        return 0;
    }
    if (wr_location_find(r) != WR_DECLINED) {
        loc = r->location;
        n = loc->kind == WR_LOC_ROUTE || loc->kind == WR_LOC_EXACT ? 3
            : loc->name.n > 1                                      ? 2
                                                                   : 1;
    }
    wr_req_free(r);
    return n;
}

/* Without a host and port: where most is said about the path, the first of them. */
static const wr_endpoint_t *
choose_by_path(const ask_t *a)
{
    const wr_endpoint_t *best = NULL;
    unsigned             most = 0;

    for (WR_EACH(wr_endpoint_t *, at, &a->http->endpoints)) {
        unsigned n = interest(a, *at);

        if (best == NULL || n > most) {
            best = *at;
            most = n;
        }
    }
    return best;
}

static int
explain(const ask_t *a)
{
    const wr_endpoint_t *e = a->absolute ? choose_endpoint(a) : choose_by_path(a);
    wr_req_t            *r;

    if (e == NULL) {
        return nobody_listens(a);
    }
    r = arrive(a, e);
    if (r == NULL) {
        return complain("a request with this URI is answered 400:", a->target);
    }
    printf("request: ");
    wr_print_name(a->method);
    putchar(' ');
    wr_print_name(r->uri);
    printf("%s", r->args.n != 0 ? "?" : "");
    wr_print_name(r->args);
    putchar('\n');
    print_server(a, e, r->server);
    print_found(r, wr_location_find(r));
    wr_req_free(r);
    return 0;
}

int
wr_explain_request(const char *request)
{
    ask_t       a = {.pool = wr_pool_new()};
    wr_cycle_t *cycle;
    int         status;

    if (!parse(&a, wr_str_z(request))) {
        wr_pool_free(a.pool);
        return complain("--explain takes 'GET /path' or 'GET http://host:port/path', not",
                        wr_str_z(request));
    }
    wr_options.reading = true;
    wr_notes_begin();
    cycle = wr_cycle_new(NULL);
    if (cycle == NULL) {
        wr_pool_free(a.pool);
        return 1;
    }
    wr_cycle_take(cycle, NULL);
    a.http = wr_http_of(cycle);
    if (a.http == NULL || a.http->endpoints.n == 0) {
        status = complain("there is no http { } with a server in", cycle->conf_path);
    } else {
        status = explain(&a);
    }
    fflush(stdout);
    wr_cycle_free(cycle);
    wr_pool_free(a.pool);
    return status;
}
