/*
 * After the conf is read and settled: tables and pipelines are made from it.
 *
 * A pipeline is an array of stages. A server has one up to FIND (twice: with and
 * without POST_READ); every location has one from REWRITE on. Which stages stand
 * in it is decided here, once, so that a request pays only for what its location
 * asks for.
 */
#include <weir/http/blocks_priv.h>

#include <stdlib.h>
#include <weir/http/core_conf.h>
#include <weir/http/find_priv.h>

bool wr_http_has_tls;
void (*wr_http_add_steps)(wr_scope_t *scope, wr_array_t *stages);

/* ---- the core's own stages ---- */

static wr_rc_t
find_location(wr_req_t *r, void *state)
{
    wr_rc_t rc;

    (void) state;
    rc = wr_location_find(r);
    if (rc != WR_OK && rc != WR_DECLINED) {
        return rc;
    }
    if (!r->internal && wr_http_core(r)->internal) {
        return wr_fail(r, 404);
    }
    if (r->content_length >= 0 && !r->no_body_limit) {
        int64_t max = wr_http_core(r)->client_max_body_size;

        if (max != 0 && r->content_length > max) {
            wr_log(&r->log, WR_LOG_ERR, 0,
                   "client intended to send too large body: %" PRId64 " bytes",
                   r->content_length);
            r->expect_tested = 1;
            return wr_fail(r, 413);
        }
    }
    return wr_task_jump(r, r->location->stages);
}

/* rewrite changed the URI: find the location again. */
static wr_rc_t
uri_changed(wr_req_t *r, void *state)
{
    (void) state;
    if (!r->uri_changed) {
        return WR_DECLINED;
    }
    r->uri_changed = 0;
    if (!wr_req_count_change(r)) {
        wr_log(&r->log, WR_LOG_ERR, 0,
               "rewrite or internal redirection cycle while processing \"%.*s\"",
               WR_ARG(r->uri));
        return wr_fail(r, 500);
    }
    r->conf = r->server->conf;
    return wr_task_jump(r, r->server->find);
}

static wr_rc_t
post_access(wr_req_t *r, void *state)
{
    unsigned code = r->access_code;

    (void) state;
    if (code == 0 || r->access_ok) {
        return WR_DECLINED;
    }
    r->access_code = 0;
    if (code == 403) {
        wr_log(&r->log, WR_LOG_ERR, 0, "access forbidden by rule");
    }
    return wr_fail(r, code);
}

static const wr_hook_t core_hooks[] = {
    {{"find-location", 0, find_location, NULL}, WR_RANK_FIND, 0, NULL},
    {{"uri-changed", 0, uri_changed, NULL}, WR_RANK_POST_REWRITE, 0, NULL},
    {{"post-access", 0, post_access, NULL}, WR_RANK_POST_ACCESS, 0, NULL},
    {{NULL, 0, NULL, NULL}, 0, 0, NULL},
};

/* ---- all hooks by rank ---- */

typedef struct ranked {
    const wr_hook_t   *hook;
    const wr_module_t *module;
    unsigned           place;
} ranked_t;

static int
by_rank(const void *a, const void *b)
{
    const ranked_t *x = a, *y = b;

    if (x->hook->rank != y->hook->rank) {
        return x->hook->rank < y->hook->rank ? -1 : 1;
    }
    if (x->hook->order != y->hook->order) {
        return x->hook->order < y->hook->order ? -1 : 1;
    }
    return x->place < y->place ? -1 : x->place > y->place;
}

static void
add_hooks(wr_array_t *to, const wr_hook_t *hooks, const wr_module_t *m)
{
    for (; hooks != NULL && hooks->mw.name != NULL; hooks++) {
        ranked_t *r = wr_array_push(to);

        *r = (ranked_t) {hooks, m, to->n};
    }
}

static wr_array_t
all_hooks(wr_conf_t *cf)
{
    wr_array_t          all = wr_array(cf->temp, sizeof(ranked_t));
    unsigned            n;
    wr_module_t *const *modules = wr_modules_of(cf, &n);

    add_hooks(&all, core_hooks, NULL);
    for (unsigned i = 0; i < n; i++) {
        if (modules[i]->http != NULL) {
            add_hooks(&all, modules[i]->http->hooks, modules[i]);
        }
    }
    qsort(all.items, all.n, all.size, by_rank);
    return all;
}

/* ---- pipelines ---- */

typedef struct builder {
    wr_conf_t *cf;
    wr_array_t hooks;           /* ranked_t, in their order */
    wr_array_t filters;         /* offered_t, the same */
    wr_map_t   seen;            /* arrays of stages or of filters by their bytes */
    wr_array_t list;            /* wr_stage_t: what is being collected */
    wr_array_t acting;          /* const wr_filter_t *: the same of filters */
} builder_t;

/* Adds the stages of a scope to b->list. */
static void
add_stages(builder_t *b, wr_scope_t *scope, int from, int to)
{
    bool steps = from <= WR_RANK_STEPS && to >= WR_RANK_STEPS;

    for (WR_EACH(ranked_t, r, &b->hooks)) {
        const void *conf = NULL;

        if (steps && r->hook->rank > WR_RANK_STEPS && wr_http_add_steps != NULL) {
            steps = false;
            wr_http_add_steps(scope, &b->list);
        }
        if (r->hook->rank < from || r->hook->rank > to) {
            continue;
        }
        if (r->module != NULL && r->module->schema.size != 0) {
            conf = scope->conf[r->module->schema.index];
        }
        if (r->hook->wanted != NULL) {
            const void *own = conf;

            if (!r->hook->wanted(scope, own, &conf)) {
                continue;
            }
        }
        *WR_PUSH(&b->list, wr_stage_t) = (wr_stage_t) {&r->hook->mw, conf, NULL, false};
    }
    if (steps && wr_http_add_steps != NULL) {
        wr_http_add_steps(scope, &b->list);
    }
}

static void
stages(builder_t *b, wr_scope_t *scope, int from, int to)
{
    b->list.n = 0;
    add_stages(b, scope, from, to);
}

/* What was collected, with its end. Many locations have the same stages or filters: they
 * share one array. */
static const void *
made(builder_t *b, wr_array_t *list)
{
    wr_str_t key;
    void    *copy;

    (void) wr_array_push(list);
    key = wr_str(list->items, list->n * list->size);
    copy = wr_map_get(&b->seen, key);
    if (copy == NULL) {
        copy = wr_alloc(b->cf->pool, key.n);
        memcpy(copy, key.p, key.n);
        (void) wr_map_set(&b->seen, wr_str((const char *) copy, key.n), copy);
    }
    return copy;
}

static void
location_stages(builder_t *b, wr_location_t *loc)
{
    loc->conf = loc->scope->conf;
    stages(b, loc->scope, WR_RANK_REWRITE, WR_RANK_CONTENT - 1);
    if (loc->handler != NULL) {
        *WR_PUSH(&b->list, wr_stage_t) =
            (wr_stage_t) {loc->handler, loc->handler_conf, NULL, false};
    }
    if (loc->handler == NULL || loc->declines) {
        add_stages(b, loc->scope, WR_RANK_CONTENT, WR_RANK_CONTENT);
    }
    loc->stages = made(b, &b->list);
}

/* `if` and limit_except inside a location answer with its handler unless they
 * have their own. */
static void
inherit_handler(wr_location_t *loc)
{
    if (loc->kind == WR_LOC_INNER && loc->handler == NULL && loc->outer != NULL) {
        loc->handler = loc->outer->handler;
        loc->handler_conf = loc->outer->handler_conf;
        loc->declines = loc->outer->declines;
    }
}

static void
server_stages(builder_t *b, wr_server_t *s)
{
    s->conf = s->scope->conf;
    stages(b, s->scope, WR_RANK_POST_READ, WR_RANK_FIND);
    s->post_read = made(b, &b->list);
    stages(b, s->scope, WR_RANK_SERVER_REWRITE, WR_RANK_FIND);
    s->rewrite = made(b, &b->list);
    stages(b, s->scope, WR_RANK_FIND, WR_RANK_FIND);
    s->find = made(b, &b->list);
    location_stages(b, s->base);
}

/* ---- filters, log hooks ---- */

typedef struct offered {
    const wr_filter_t *filter;
    const wr_module_t *module;
} offered_t;

static int
by_filter_rank(const void *a, const void *b)
{
    int x = ((const offered_t *) a)->filter->rank;
    int y = ((const offered_t *) b)->filter->rank;

    return x < y ? -1 : x > y;
}

/* Those that may act where `conf` holds; NULL: all. */
static const wr_filter_t *const *
filters(builder_t *b, void **conf)
{
    b->acting.n = 0;
    for (WR_EACH(offered_t, o, &b->filters)) {
        const wr_schema_t *schema = &o->module->schema;

        if (conf == NULL || o->filter->wanted == NULL
            || o->filter->wanted(schema->size != 0 ? conf[schema->index] : NULL))
        {
            *WR_PUSH(&b->acting, const wr_filter_t *) = o->filter;
        }
    }
    return made(b, &b->acting);
}

/* What modules offer: all their filters by rank, and their log hooks. */
static void
collect(builder_t *b, wr_http_t *http)
{
    unsigned            n;
    wr_module_t *const *modules = wr_modules_of(b->cf, &n);
    unsigned            logs = 0;

    http->log_hooks = wr_zalloc(b->cf->pool, (n + 1) * sizeof(*http->log_hooks));
    for (unsigned i = 0; i < n; i++) {
        if (modules[i]->index >= http->modules) {
            http->modules = modules[i]->index + 1;
        }
        if (modules[i]->http == NULL) {
            continue;
        }
        if (modules[i]->http->log != NULL) {
            http->log_hooks[logs++] = modules[i]->http->log;
        }
        for (const wr_filter_t *f = modules[i]->http->filters;
             f != NULL && f->name != NULL; f++)
        {
            *WR_PUSH(&b->filters, offered_t) = (offered_t) {f, modules[i]};
        }
    }
    if (b->filters.n != 0) {
        qsort(b->filters.items, b->filters.n, b->filters.size, by_filter_rank);
    }
    http->filters = filters(b, NULL);
}

wr_rc_t
wr_http_assemble(wr_conf_t *cf)
{
    wr_http_t *http = wr_http_of(wr_cycle_of(cf));
    builder_t  b;

    if (http == NULL) {
        return WR_OK;
    }
    if (wr_vars_finish(cf) != WR_OK) {
        return WR_ERROR;
    }
    b = (builder_t) {
        cf, all_hooks(cf), wr_array(cf->temp, sizeof(offered_t)), wr_map(cf->temp, false),
        wr_array(cf->temp, sizeof(wr_stage_t)), wr_array(cf->temp, sizeof(wr_filter_t *))};
    collect(&b, http);
    for (WR_EACH(wr_location_t *, loc, &http->locations)) {
        inherit_handler(*loc);
        location_stages(&b, *loc);
        (*loc)->filters = filters(&b, (*loc)->conf);
        if ((*loc)->list.n != 0) {
            (*loc)->inner = wr_locations_build(cf, &(*loc)->list);
            if ((*loc)->inner == NULL) {
                return WR_ERROR;
            }
        }
        (*loc)->server->auto_redirects |= (*loc)->auto_redirect;
    }
    for (WR_EACH(wr_server_t *, s, &http->servers)) {
        server_stages(&b, *s);
        (*s)->base->filters = filters(&b, (*s)->base->conf);
        (*s)->locations = wr_locations_build(cf, &(*s)->list);
        if ((*s)->locations == NULL) {
            return WR_ERROR;
        }
    }
    return wr_endpoints_build(cf, http);
}
