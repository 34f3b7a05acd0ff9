/*
 * template: the view that answers with a template file.
 *
 * There is one environment for each template_root; it keeps what has been compiled.
 */
#include "template.h"

#include <weir/app/app.h>
#include <weir/expr/paths.h>
#include <weir/http/core_conf.h>
#include <weir/os/readfile.h>

typedef struct conf {
    wr_str_t template_root;
    bool     template_reload;
    int64_t  limit_steps, limit_output, limit_depth;
    template_root_t  *root;
} conf_t;

typedef struct given {
    wr_str_t             name;
    const wr_app_expr_t *expr;
} given_t;

typedef struct view {
    wr_tok_t   file;
    wr_str_t   type;            /* of the answer, by the name's ending */
    wr_array_t given;           /* given_t */
    size_t     size;            /* of the page last made: for the next one */
    bool       slow;            /* it calls a slow function */
    bool       loops;           /* it uses what only the loop may touch */
    wr_scope_t *scope;
    uint32_t   seconds;         /* the metric's cell; 0: not looked up yet */
} view_t;

/* ---- the view ---- */

static wr_rc_t
template_error(wr_req_t *r, const view_t *v, const wr_err_t *err)
{
    const conf_t *conf = wr_conf(r);
    wr_err_t      shown = *err;

    if (err->name.n != 0) {
        wr_app_error_at(r, wr_pool_join(wr_pool(r), conf->root->folder, err->name),
                        err->line);
        shown.message = wr_pool_printf(wr_pool(r), "%.*s in template \"%.*s\" line %u",
                                       WR_ARG(err->message), WR_ARG(err->name), err->line);
    }
    return wr_app_fail_eval(r, &v->file, &shown, false);
}

/* One rendering; with a slow function in the template it is done on a thread. */
typedef struct rendering {
    wr_job_t       job;
    const view_t  *view;
    wr_template_t *template;
    wr_eval_t      ev;
    wr_bindings_t  bindings;
    wr_buf_t       page;
    uint64_t       began_ns;
    bool           ok;
} rendering_t;

static void
render(rendering_t *x)
{
    x->ok = wr_template_render(x->template, &x->ev, &x->bindings, &x->page);
    wr_template_free(x->template);
}

static void
render_job(wr_job_t *job)
{
    render(WR_CONTAINER(job, rendering_t, job));
    job->rc = WR_OK;
}

/* On whatever thread the request is. */
static void
count(view_t *v, uint64_t ns)
{
    static const wr_metric_t seconds = {
        .name = "weir_template_render_seconds",
        .help = "Time that template views took, waiting for a thread included.",
        .kind = WR_METRIC_TIME, .limit = 300, .labels = {"template"}};
    uint32_t cell = __atomic_load_n(&v->seconds, __ATOMIC_RELAXED);

    if (wr_unlikely(cell == 0)) {
        cell = wr_metric_series(&seconds, &v->file.text);
        __atomic_store_n(&v->seconds, cell, __ATOMIC_RELAXED);
    }
    wr_metric_time_mt(cell, ns / 1000);
}

static wr_rc_t
rendered(wr_req_t *r, rendering_t *x)
{
    uint64_t now = wr_clock_ns();

    wr_app_spent(r, WR_TIME_TEMPLATE, x->began_ns, now);
    count((view_t *) (uintptr_t) x->view, now - x->began_ns);
    if (!x->ok) {
        return template_error(r, x->view, &x->ev.err);
    }
    __atomic_store_n(&((view_t *) (uintptr_t) x->view)->size, x->page.n, __ATOMIC_RELAXED);
    return wr_app_answer(r, 200, x->view->type, WR_STR("utf-8"), wr_buf_text(&x->page));
}

static wr_rc_t
rendered_later(wr_req_t *r, void *state)
{
    rendering_t *x = *(rendering_t **) state;

    if (x->job.op.rc != WR_OK) {
        wr_template_free(x->template);
        return wr_app_fail(r, &x->view->file, 503, WR_STR("too busy"), NULL);
    }
    return rendered(r, x);
}

/* The request waits, so the thread has it to itself. */
static wr_rc_t
render_later(wr_req_t *r, rendering_t *x, void *state)
{
    wr_op_t *op;

    x->job.run = render_job;
    op = wr_app_off_loop(r, &x->view->file, &x->job);
    if (op == NULL) {
        wr_template_free(x->template);
        return wr_app_failed(r);
    }
    *(rendering_t **) state = x;
    return wr_await(r, op, rendered_later);
}

static wr_rc_t
answer(wr_req_t *r, void *state)
{
    const view_t *v = wr_stage_conf(r);
    const conf_t *conf = wr_conf(r);
    rendering_t  *x = WR_NEW(wr_pool(r), rendering_t);
    wr_dict_t    *dict = wr_dict_new(wr_pool(r), v->given.n + 1);
    wr_err_t      err = {0};

    x->view = v;
    x->began_ns = wr_clock_ns();
    for (WR_EACH(given_t, g, &v->given)) {
        wr_val_t value;

        if (!wr_app_eval(r, g->expr, &value)) {
            return wr_app_failed(r);
        }
        wr_dict_sets(wr_pool(r), dict, g->name, value);
    }
    x->template = wr_env_get(conf->root->env, v->file.text, wr_pool(r), &err);
    if (x->template == NULL) {
        return template_error(r, v, &err);
    }
    wr_eval_init(&x->ev, conf->root->env, wr_pool(r));
    x->ev.host = r;
    x->bindings = *wr_app_bindings(r);
    x->bindings.dict = dict;
    x->page = wr_buf(wr_pool(r));
    (void) wr_buf_reserve(&x->page, wr_min_size(__atomic_load_n(&v->size, __ATOMIC_RELAXED),
                                                 64 * 1024) + 64);
    if (v->slow) {
        return render_later(r, x, state);
    }
    render(x);
    return rendered(r, x);
}

/* Templates are compiled and rendered by any thread; what their names stand for need
 * not be so patient. */
static bool
is_lendable(wr_req_t *r, const void *conf)
{
    const view_t *v = conf;
    bool          may = !v->slow && !v->loops;

    (void) r;
    for (WR_EACH(given_t, g, &v->given)) {
        may &= g->expr->lendable;
    }
    return may;
}

static const wr_middleware_t template_view = {"template", sizeof(rendering_t *), answer, NULL};

/* ---- conf ---- */

/* Where the next NAME= begins at or behind `from`, outside quotes and brackets. */
static size_t
next_name(wr_str_t s, size_t from)
{
    for (size_t i = wr_tok_next_word(s, from); i < s.n; i = wr_tok_next_word(s, i + 1)) {
        size_t k = i;

        while (k < s.n && wr_is_word(s.p[k])) {
            k++;
        }
        if (k < s.n && s.p[k] == '=' && (k + 1 == s.n || s.p[k + 1] != '=')) {
            return i;
        }
    }
    return s.n;
}

static wr_tok_t
piece(const wr_tok_t *tok, size_t from, size_t to)
{
    wr_tok_t t = wr_tok_part(tok, from, to);

    t.text = wr_str_trim(t.text);
    return t;
}

static void add_refs(wr_conf_t *cf);

static wr_rc_t
set_template(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    view_t  *v = WR_NEW(cf->pool, view_t);
    wr_str_t s = cf->raw.text;
    size_t   at = next_name(s, 0);

    (void) d;
    (void) conf;
    v->file = piece(&cf->raw, 0, at);
    v->file = wr_conf_unquote(cf, &v->file);
    v->file.text = wr_pool_str(cf->pool, v->file.text);
    v->file.file = wr_pool_str(cf->pool, v->file.file);
    if (!template_is_inside(v->file.text) || wr_str_chr(v->file.text, ' ') >= 0) {
        return wr_conf_fail(cf, &v->file, "\"template\" needs FILE [name=EXPRESSION …]");
    }
    v->given = wr_array(cf->pool, sizeof(given_t));
    while (at < s.n) {
        size_t   end = next_name(s, at + 1);
        wr_tok_t pair = piece(&cf->raw, at, end);
        size_t   eq = (size_t) wr_str_chr(pair.text, '=');
        wr_tok_t value = piece(&pair, eq + 1, pair.text.n);
        given_t *g = WR_PUSH(&v->given, given_t);

        g->name = wr_pool_str(cf->pool, wr_str(pair.text.p, eq));
        g->expr = wr_app_expr(cf, &value);
        if (g->expr == NULL) {
            return WR_ERROR;
        }
        at = end;
    }
    v->scope = cf->scope;
    if (wr_service_find(cf, "template_views.1") == NULL) {
        wr_array_t *views = WR_NEW(cf->pool, wr_array_t);

        *views = wr_array(cf->pool, sizeof(view_t *));
        wr_service_offer(cf, "template_views.1", views);
        wr_app_refs_from(cf, add_refs);
    }
    *WR_PUSH((wr_array_t *) (uintptr_t) wr_service_find(cf, "template_views.1"), view_t *) = v;
    /* Which names a template uses is known only when it is compiled, at the end: it
     * may use any. */
    wr_app_want_body(cf);
    if (wr_app_has_session(cf)) {
        wr_app_want_session(cf);
    }
    if (wr_app_step(cf, &template_view, v, true) != WR_OK) {
        return WR_ERROR;
    }
    ((wr_stage_t *) (uintptr_t) wr_app_last_step(cf))->lendable = is_lendable;
    return WR_OK;
}

static wr_rc_t
set_limit(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    conf_t *c = conf;

    (void) d;
    for (unsigned i = 1; i < cf->nargs; i++) {
        wr_str_t w = cf->args[i].text, value;
        bool     ok;

        if (wr_arg_value(w, "steps", &value)) {
            ok = wr_parse_int(value, &c->limit_steps);
        } else if (wr_arg_value(w, "output", &value)) {
            ok = wr_parse_offset(value, &c->limit_output);
        } else if (wr_arg_value(w, "depth", &value)) {
            ok = wr_parse_int(value, &c->limit_depth);
        } else {
            ok = false;
        }
        if (!ok) {
            return wr_conf_fail(cf, &cf->args[i], "invalid parameter \"%.*s\"", WR_ARG(w));
        }
    }
    wr_scope_mark(cf, cf->scope, &WR_SELF->schema, offsetof(conf_t, limit_output));
    wr_scope_mark(cf, cf->scope, &WR_SELF->schema, offsetof(conf_t, limit_depth));
    return WR_OK;
}

/* For weir_dev: the root, and two levels of folders in it. */
static void
watch_folders(wr_conf_t *cf, const template_root_t *root)
{
    static const char *const levels[] = {"", "*/", "*/*/"};

    for (unsigned i = 0; i < WR_COUNT(levels); i++) {
        wr_array_t found = wr_array(cf->temp, sizeof(wr_str_t));
        wr_str_t   pattern = wr_pool_join(cf->temp, root->folder, wr_str_z(levels[i]));

        if (wr_file_glob(&found, pattern.p) == 0) {
            for (WR_EACH(wr_str_t, folder, &found)) {
                wr_cycle_watch(cf, *folder);
            }
        }
    }
}

static wr_rc_t
check(wr_conf_t *cf, wr_scope_t *scope, void *conf, const void *outer)
{
    conf_t       *c = conf;
    const conf_t *o = outer;
    wr_loader_t   loader;
    wr_limits_t   limits = {0};

    (void) scope;
    if (o != NULL && o->root != NULL && wr_str_eq(o->template_root, c->template_root)
        && o->template_reload == c->template_reload && o->limit_steps == c->limit_steps
        && o->limit_output == c->limit_output && o->limit_depth == c->limit_depth)
    {
        c->root = o->root;
        return WR_OK;
    }
    c->root = WR_NEW(cf->pool, template_root_t);
    c->root->folder = wr_pool_join(cf->pool, c->template_root, WR_STR("/"));
    c->root->reload = c->template_reload;
    watch_folders(cf, c->root);
    loader = (wr_loader_t) {template_load, template_is_fresh, c->root};
    limits.steps = (uint64_t) c->limit_steps;
    limits.output = (uint64_t) c->limit_output;
    limits.depth = (uint32_t) c->limit_depth;
    c->root->env = wr_app_env_new(cf, &loader, &limits);
    return WR_OK;
}

static bool
is_loops(wr_str_t name)
{
    return wr_str_eqz(name, "vars") || wr_str_eqz(name, "session")
           || wr_str_eqz(name, "csrf_token");
}

/* An error in a template is shown where it is, with the line of the conf that wants it. */
static wr_rc_t
complain(wr_conf_t *cf, const view_t *v, wr_str_t name, uint32_t line, uint32_t column,
         wr_str_t text)
{
    const conf_t *conf = v->scope->conf[WR_SELF->schema.index];
    wr_source_t   source;
    wr_err_t      err;
    wr_tok_t      place = {.file = wr_pool_join(cf->pool, conf->root->folder, name),
                           .line = line, .column = column != 0 ? column : 1};
    wr_str_t      hint = wr_pool_printf(cf->temp, "for the view in %.*s:%u",
                                        WR_ARG(v->file.file), v->file.line);

    if (template_load(conf->root, cf->temp, name, &source, &err) == WR_OK) {
        wr_conf_show(cf, place.file, source.text);
    }
    return wr_conf_fail_hint(cf, &place, hint, "%.*s", WR_ARG(text));
}

/* -t compiles what the conf names, and what that names by a constant. */
static wr_rc_t
compile(wr_conf_t *cf, view_t *v, wr_env_t *env, wr_str_t name, wr_map_t *seen)
{
    const conf_t  *conf = v->scope->conf[WR_SELF->schema.index];
    wr_err_t       err = {0};
    wr_template_t *t;
    wr_rc_t        rc = WR_OK;

    if (wr_map_set(seen, name, seen) != NULL) {
        return WR_OK;
    }
    t = wr_env_get(env, name, cf->pool, &err);
    if (t == NULL) {
        if (strcmp(err.kind, "TemplateNotFound") == 0) {
            return wr_conf_fail(cf, &v->file, "template \"%.*s\" is not there", WR_ARG(name));
        }
        return complain(cf, v, err.name, err.line, err.column,
                        wr_pool_printf(cf->temp, "%s: %.*s", err.kind, WR_ARG(err.message)));
    }
    for (uint32_t i = 0; i < wr_template_nnames(t); i++) {
        const wr_fn_row_t *row = wr_env_global_row(env, wr_template_name_at(t, i));

        v->slow |= row != NULL && (row->flags & WR_FN_SLOW) != 0;
        v->loops |= is_loops(wr_template_name_at(t, i));
    }
    for (uint32_t i = 0; rc == WR_OK && i < wr_template_nrefs(t); i++) {
        const wr_template_to_t *to = wr_template_ref_at(t, i);
        wr_str_t                ref = wr_pool_str(cf->pool, to->name);
        wr_source_t             source;

        if (template_load(conf->root, cf->temp, ref, &source, &err) == WR_OK) {
            rc = compile(cf, v, env, ref, seen);
        } else if (!to->optional) {
            rc = complain(cf, v, name, to->line, to->column,
                          wr_pool_printf(cf->temp, "template \"%.*s\" is not there",
                                         WR_ARG(ref)));
        }
    }
    wr_template_free(t);
    return rc;
}

/* ---- what templates ask of names, for who knows what is behind those ---- */

/* As far as it is told where the view's own names come from. */
static bool
origin(const view_t *v, wr_str_t *name, wr_str_t *parts, unsigned *n)
{
    for (WR_EACH(given_t, g, &v->given)) {
        if (wr_str_eq(g->name, *name)) {
            return wr_expr_path(g->expr->expr, name, parts, n);
        }
    }
    *n = 0;
    return true;
}

static void
add_ref(wr_conf_t *cf, const view_t *v, const wr_path_t *p)
{
    enum { MOST = 8 };
    wr_app_ref_t *r = wr_app_ref_add(cf);
    wr_str_t      parts[MOST];
    unsigned      n = MOST;

    r->scope = v->scope;
    r->name = p->name;
    r->guarded = p->tested;
    r->source = p->src;
    if (!origin(v, &r->name, parts, &n)) {
        r->name = WR_STR_NONE;      /* it may be anything */
        n = 0;
    }
    r->n = n + p->n;
    r->parts = WR_NEW_N(cf->temp, wr_str_t, r->n + 1);
    r->places = WR_NEW_N(cf->temp, wr_tok_t, r->n + 1);
    for (unsigned i = 0; i < r->n; i++) {
        r->parts[i] = i < n ? parts[i] : p->parts[i - n].text;
        if (i >= n) {
            r->places[i] = (wr_tok_t) {.text = r->parts[i], .file = p->file,
                                       .line = p->parts[i - n].line,
                                       .column = p->parts[i - n].column};
        }
    }
}

static void
add_call(wr_conf_t *cf, const view_t *v, const wr_path_call_t *p)
{
    wr_app_call_t *c;

    for (WR_EACH(given_t, g, &v->given)) {
        if (wr_str_eq(g->name, p->call.name)) {
            return;             /* it is the view's own */
        }
    }
    c = wr_app_call_add(cf, &p->call);
    c->at = (wr_tok_t) {.text = c->call.text, .file = p->file, .line = p->call.line,
                        .column = p->call.column};
    c->source = p->src;
}

static void
add_refs(wr_conf_t *cf)
{
    const wr_array_t *views = wr_service_find(cf, "template_views.1");
    wr_map_t          read = wr_map(cf->temp, false);

    for (uint32_t i = 0; i < views->n; i++) {
        const view_t *v = *WR_AT(views, view_t *, i);
        const conf_t *conf = v->scope->conf[WR_SELF->schema.index];
        wr_str_t      key = wr_pool_join3(cf->temp, conf->root->folder, WR_STR("\n"),
                                          v->file.text);
        wr_paths_t   *found = wr_map_get(&read, key);

        if (found == NULL) {
            found = WR_NEW(cf->temp, wr_paths_t);
            *found = wr_template_paths(conf->root->env, v->file.text, cf->temp);
            (void) wr_map_set(&read, key, found);
        }
        for (WR_EACH(wr_path_t, p, &found->paths)) {
            add_ref(cf, v, p);
        }
        for (WR_EACH(wr_path_call_t, p, &found->calls)) {
            add_call(cf, v, p);
        }
    }
}

/* As `types` has it. Who writes a text, XML or JSON and has no `types` wants no page. */
static wr_str_t
type_of(const wr_scope_t *scope, wr_str_t name)
{
    static const struct {
        const char *ending, *type;
    } known[] = {{"txt", "text/plain"}, {"xml", "text/xml"}, {"json", "application/json"}};
    const wr_http_core_t *core = scope->conf[wr_http_core_module.schema.index];
    const wr_str_t       *type;
    ssize_t               dot = wr_str_rchr(name, '.');
    wr_str_t              ending;

    if (dot < 0) {
        return WR_STR("text/html");
    }
    ending = wr_str_skip(name, (size_t) dot + 1);
    type = core->types != NULL ? wr_map_get(core->types, ending) : NULL;
    if (type != NULL) {
        return *type;
    }
    for (unsigned i = 0; i < WR_COUNT(known); i++) {
        if (wr_str_ieqz(ending, known[i].ending)) {
            return wr_str_z(known[i].type);
        }
    }
    return WR_STR("text/html");
}

static wr_rc_t
finish(wr_conf_t *cf)
{
    const wr_array_t *views = wr_service_find(cf, "template_views.1");
    wr_map_t          seen = wr_map(cf->temp, false);

    for (uint32_t i = 0; views != NULL && i < views->n; i++) {
        view_t       *v = *WR_AT(views, view_t *, i);
        const wr_scope_t *scope = v->scope;
        const conf_t *conf = scope->conf[WR_SELF->schema.index];
        wr_str_t      key = wr_pool_join3(cf->pool, conf->root->folder, WR_STR("\n"),
                                          v->file.text);

        view_t *first = wr_map_get(&seen, key);

        v->type = type_of(scope, v->file.text);
        if (first != NULL) {
            v->slow = first->slow;
            v->loops = first->loops;
        } else {
            wr_map_t names = wr_map(cf->temp, false);

            (void) wr_map_set(&seen, key, v);

            if (compile(cf, v, conf->root->env, v->file.text, &names) != WR_OK) {
                return WR_ERROR;
            }
        }
    }
    return WR_OK;
}

static const wr_directive_t directives[] = {
    WR_PATH("template_root", WR_ANY, conf_t, template_root, "templates",
            "The folder of template files.",
            .example = "template_root conf/templates;"),
    WR_FLAG("template_reload", WR_ANY, conf_t, template_reload, "on",
            "A changed file is seen without a reload.",
            .example = "template_reload off;"),
    WR_CUSTOM("template_limit", WR_ANY, 1, 3, set_limit, conf_t, limit_steps,
              "What one rendering may use up: steps of the program, size of what it makes, "
              "depth of calls and includes. More is an error.",
              .args = "[steps=N] [output=SIZE] [depth=N]",
              .example = "template_limit steps=1000000 output=8m depth=50;"),
    WR_CUSTOM("", 0, 0, 0, set_limit, conf_t, limit_output, ""),
    WR_CUSTOM("", 0, 0, 0, set_limit, conf_t, limit_depth, ""),
    WR_ACTION("template", WR_LOCATION | WR_WHEN, 1, 1, set_template,
              "Answers with a template file of template_root; name=EXPRESSION pairs are its "
              "variables beside those of the steps. .html, .htm and .xml escape their values. The "
              "answer's type is that of the file's ending, in doubt text/html.",
              .flags = WR_DF_RAW | WR_DF_TEMPLATE | WR_DF_REPEAT,
              .args = "FILE [name=EXPRESSION …]",
              .example = "template hello.html username=query.name|default(\"you\");"),
    WR_END
};

static const wr_http_tables_t tables = {0};

WR_MODULE(template, .doc = "The template view.",
          .schema = {.name = "http_template_module", .directives = directives,
                     .size = sizeof(conf_t), .check = check},
          .http = &tables, .finish = finish,
          .worker_start = template_watch, .worker_stop = template_unwatch);
