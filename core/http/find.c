/*
 * Which server, which location: lookups at request time and their tables.
 *
 * Prefix locations stand sorted in an array; each knows the longest other one
 * that it starts with. The greatest entry not above the URI has every prefix of
 * the URI on its chain of parents, so a binary search and a short walk find the
 * longest match among any number of locations.
 */
#include <weir/http/find_priv.h>

#include <stdlib.h>
#include <weir/http/core_conf.h>

typedef struct entry {
    wr_str_t       name;
    wr_location_t *exact;       /* `= name` */
    wr_location_t *prefix;      /* plain or ^~ */
    int32_t        parent;      /* index; -1: none */
} entry_t;

struct wr_locations {
    entry_t        *entries;
    uint32_t        n;
    wr_location_t **regexes;    /* in conf order, ended by NULL; NULL: none */
};

/* ---- making the table ---- */

static int
by_name(const void *a, const void *b)
{
    return wr_str_cmp(((const entry_t *) a)->name, ((const entry_t *) b)->name);
}

static wr_rc_t
merge_entry(wr_conf_t *cf, entry_t *to, const entry_t *from)
{
    if ((to->exact != NULL && from->exact != NULL)
        || (to->prefix != NULL && from->prefix != NULL))
    {
        wr_location_t *again = from->exact != NULL ? from->exact : from->prefix;

        return wr_conf_fail(cf, &again->scope->at, "duplicate location \"%.*s\"",
                            WR_ARG(again->name));
    }
    if (from->exact != NULL) {
        to->exact = from->exact;
    }
    if (from->prefix != NULL) {
        to->prefix = from->prefix;
    }
    return WR_OK;
}

static wr_rc_t
sort_entries(wr_conf_t *cf, wr_locations_t *set)
{
    uint32_t n = 0;

    qsort(set->entries, set->n, sizeof(entry_t), by_name);
    for (uint32_t i = 0; i < set->n; i++) {
        if (n != 0 && wr_str_eq(set->entries[n - 1].name, set->entries[i].name)) {
            if (merge_entry(cf, &set->entries[n - 1], &set->entries[i]) != WR_OK) {
                return WR_ERROR;
            }
        } else {
            set->entries[n++] = set->entries[i];
        }
    }
    set->n = n;
    for (uint32_t i = 0; i < n; i++) {
        int32_t p = (int32_t) i - 1;

        while (p >= 0 && !wr_str_starts(set->entries[i].name, set->entries[p].name)) {
            p = set->entries[p].parent;
        }
        set->entries[i].parent = p;
    }
    return WR_OK;
}

wr_locations_t *
wr_locations_build(wr_conf_t *cf, const wr_array_t *list)
{
    wr_locations_t *set = WR_NEW(cf->pool, wr_locations_t);
    uint32_t        regexes = 0;

    set->entries = WR_NEW_N(cf->pool, entry_t, list->n + 1u);
    set->regexes = WR_NEW_N(cf->pool, wr_location_t *, list->n + 1u);
    for (WR_EACH(wr_location_t *, at, list)) {
        wr_location_t *loc = *at;

        switch (loc->kind) {
        case WR_LOC_EXACT:
            set->entries[set->n++] = (entry_t) {loc->name, loc, NULL, -1};
            break;
        case WR_LOC_PREFIX:
        case WR_LOC_NOREGEX:
            set->entries[set->n++] = (entry_t) {loc->name, NULL, loc, -1};
            break;
        case WR_LOC_REGEX:
            set->regexes[regexes++] = loc;
            break;
        default:
            break;
        }
    }
    if (regexes == 0) {
        set->regexes = NULL;
    }
    return sort_entries(cf, set) == WR_OK ? set : NULL;
}

/* ---- finding a location ---- */

static const entry_t *
at_or_below(const wr_locations_t *set, wr_str_t uri)
{
    uint32_t lo = 0, hi = set->n;

    while (lo < hi) {
        uint32_t mid = (lo + hi) / 2;

        if (wr_str_cmp(set->entries[mid].name, uri) <= 0) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return lo != 0 ? &set->entries[lo - 1] : NULL;
}

/* The longest prefix location, or an exact one (then *exact is set). */
static wr_location_t *
find_static(const wr_locations_t *set, wr_str_t uri, bool *exact)
{
    const entry_t *e = at_or_below(set, uri);

    *exact = false;
    if (e != NULL && e->exact != NULL && wr_str_eq(e->name, uri)) {
        *exact = true;
        return e->exact;
    }
    while (e != NULL && (e->prefix == NULL || !wr_str_starts(uri, e->name))) {
        e = e->parent >= 0 ? &set->entries[e->parent] : NULL;
    }
    return e != NULL ? e->prefix : NULL;
}

/* "/a" where there is only "/a/", and that one says so. */
static wr_location_t *
find_auto_redirect(const wr_locations_t *set, wr_req_t *r)
{
    wr_str_t       with = wr_pool_join(wr_pool(r), r->uri, WR_STR("/"));
    const entry_t *e = at_or_below(set, with);

    if (e == NULL || !wr_str_eq(e->name, with)) {
        return NULL;
    }
    if (e->prefix != NULL && e->prefix->auto_redirect) {
        return e->prefix;
    }
    return e->exact != NULL && e->exact->auto_redirect ? e->exact : NULL;
}

typedef struct search {
    wr_location_t *found;
    bool           exact;
    bool           done;        /* no regexes any more */
} search_t;

static wr_rc_t
find_in(wr_req_t *r, const wr_locations_t *set, search_t *s)
{
    bool           exact, noregex = false;
    wr_location_t *loc = find_static(set, r->uri, &exact);

    if (loc != NULL) {
        s->found = loc;
        s->exact = exact;
        if (exact) {
            s->done = true;
            return WR_OK;
        }
        noregex = loc->kind == WR_LOC_NOREGEX;
        if (loc->inner != NULL) {
            wr_rc_t rc = find_in(r, loc->inner, s);

            if (rc != WR_OK || s->done) {
                return rc;
            }
        }
    }
    if (noregex || set->regexes == NULL) {
        return WR_OK;
    }
    for (wr_location_t **at = set->regexes; *at != NULL; at++) {
        wr_rc_t rc = wr_regex_exec(r, (*at)->regex, r->uri);

        if (rc == WR_ERROR) {
            return wr_fail(r, 500);
        }
        if (rc == WR_OK) {
            s->found = *at;
            s->done = true;
            return (*at)->inner != NULL ? find_in(r, (*at)->inner, s) : WR_OK;
        }
    }
    return WR_OK;
}

static wr_rc_t
redirect_with_slash(wr_req_t *r, wr_location_t *loc)
{
    wr_str_t uri = wr_uri_escape(wr_pool(r), loc->name, WR_ESC_URI);

    if (r->args.n != 0) {
        uri = wr_pool_join3(wr_pool(r), uri, WR_STR("?"), r->args);
    }
    wr_req_enter(r, loc);
    return wr_reply_redirect(r, 301, uri);
}

static wr_rc_t
find(wr_req_t *r, wr_location_t **found)
{
    wr_server_t   *server = r->server;
    search_t       s = {NULL, false, false};
    wr_location_t *redirect;
    wr_rc_t        rc;

    if (server->route_match != NULL) {
        bool           exact;
        wr_location_t *loc = find_static(server->locations, r->uri, &exact);

        if (!exact) {
            loc = server->route_match(r, server->routes);
        }
        if (loc != NULL && (exact || loc->kind == WR_LOC_ROUTE)) {
            *found = loc;
            return WR_OK;
        }
    }
    rc = find_in(r, server->locations, &s);
    if (rc != WR_OK) {
        return rc;
    }
    *found = s.found;
    if (!s.exact && r->uri.n > 1 && r->uri.p[r->uri.n - 1] != '/'
        && server->auto_redirects)
    {
        redirect = find_auto_redirect(server->locations, r);
        if (redirect != NULL && (s.found == NULL || s.found->kind != WR_LOC_REGEX)) {
            return redirect_with_slash(r, redirect);
        }
    }
    return WR_OK;
}

void
wr_req_enter(wr_req_t *r, wr_location_t *loc)
{
    const wr_http_core_t *core;

    r->location = loc;
    r->conf = loc->conf;
    core = wr_http_core(r);
    if (core->error_log != NULL) {
        wr_req_use_log(r, core->error_log);
    }
    wr_debug(&r->log, "http", "location \"%.*s\" for %.*s", WR_ARG(loc->name),
             WR_ARG(r->uri));
}

wr_rc_t
wr_location_find(wr_req_t *r)
{
    wr_location_t *loc = NULL;
    wr_rc_t        rc = find(r, &loc);

    if (rc != WR_OK) {
        return rc;
    }
    if (loc == NULL) {
        wr_req_enter(r, r->server->base);
        return WR_DECLINED;
    }
    wr_req_enter(r, loc);
    while (loc->limit_except != NULL && (r->method & loc->except_mask) == 0) {
        loc = loc->limit_except;
        wr_req_enter(r, loc);
    }
    return WR_OK;
}

/* ---- finding a server ---- */

static wr_server_t *
find_regex(const wr_endpoint_t *e, wr_str_t host, wr_req_t *r)
{
    for (WR_EACH(wr_server_ref_t, ref, &e->regexes)) {
        if (r != NULL ? wr_regex_exec(r, ref->regex, host) == WR_OK
                      : wr_regex_test(ref->regex, host))
        {
            return ref->server;
        }
    }
    return NULL;
}

wr_server_t *
wr_server_named(const wr_endpoint_t *e, wr_str_t host, wr_req_t *r)
{
    wr_server_t *s;

    if (!e->many) {
        return NULL;
    }
    s = wr_map_get(&e->exact, host);
    if (s != NULL) {
        return s;
    }
    /* "*.example.com": the longest, so cut labels from the front. */
    for (size_t i = 0; e->head.n != 0 && i < host.n; i++) {
        if (host.p[i] == '.' && (s = wr_map_get(&e->head, wr_str_skip(host, i + 1))) != NULL) {
            return s;
        }
    }
    for (size_t i = host.n; e->tail.n != 0 && i > 0; i--) {
        if (host.p[i - 1] == '.' && (s = wr_map_get(&e->tail, wr_str(host.p, i - 1))) != NULL) {
            return s;
        }
    }
    return e->regexes.n != 0 && host.n != 0 ? find_regex(e, host, r) : NULL;
}

wr_server_t *
wr_server_find(const wr_endpoint_t *e, wr_str_t host, wr_req_t *r)
{
    wr_server_t *s = e->many ? wr_server_named(e, host, r) : NULL;

    return s != NULL ? s : e->default_server;
}
