/*
 * Other templates: extends, include, import.
 */
#include <weir/expr/compile.h>

struct wr_module {
    wr_obj_t             obj;
    const wr_template_t *tpl;
    wr_ctx_t            *ctx;
    wr_str_t             text;
};

/* ---- finding ---- */

wr_used_t *
wr_mach_get(wr_mach_t *m, wr_str_t name, bool *missing)
{
    wr_used_t           *more;
    const wr_template_t *t;
    wr_err_t             err = {0};
    uint32_t             i;

    for (i = 0; i < m->nused; i++) {
        if (wr_str_eq(m->used[i].name, name)) {
            return &m->used[i];
        }
    }
    t = wr_env_get(m->env, name, m->ev->pool, &err);
    if (t == NULL) {
        *missing = strcmp(err.kind, "TemplateNotFound") == 0;
        wr_raise(m->ev, err.kind, "%.*s", WR_ARG(err.message));
        if (!*missing && strncmp(err.kind, "Template", 8) == 0) {
            /* what a constant raised is told of who asks, as Jinja2 does */
            m->ev->err.line = err.line;
            m->ev->err.column = err.column;
            m->ev->err.name = err.name;
        }
        return NULL;
    }
    if (m->nused == m->capused) {
        m->capused = m->capused == 0 ? 8 : m->capused * 2;
        more = WR_NEW_N(m->ev->pool, wr_used_t, m->capused);
        if (m->nused != 0) {
            memcpy(more, m->used, m->nused * sizeof(*more));
        }
        m->used = more;
    }
    m->used[m->nused] = (wr_used_t){.name = t->name, .tpl = t};
    return &m->used[m->nused++];
}

static wr_used_t *
get_value(wr_mach_t *m, const wr_val_t *v, bool *missing)
{
    wr_buf_t b = wr_buf(m->ev->pool);
    uint64_t hash;

    if (v->type == WR_V_STR) {
        return wr_mach_get(m, wr_val_text(v), missing);
    }
    if (v->type == WR_V_UNDEFINED) {
        wr_undef_raise(m->ev, v);
        return NULL;
    }
    if (wr_hash_val(m->ev, v, &hash) && wr_put_str(m->ev, &b, v)) {
        *missing = true;
        wr_raise(m->ev, "TemplateNotFound", "%.*s", WR_ARG(wr_buf_text(&b)));
    }
    return NULL;
}

static bool
is_kind(const wr_eval_t *ev, const char *kind)
{
    return ev->failed && strcmp(ev->err.kind, kind) == 0;
}

static void
forget_error(wr_eval_t *ev)
{
    ev->failed = false;
    ev->err = (wr_err_t){0};
}

/* One more name that was not found, for the message. */
static bool
add_missing(wr_mach_t *m, wr_buf_t *b, const wr_val_t *v, bool first)
{
    wr_str_t message = m->ev->err.message;
    bool     undefined = is_kind(m->ev, "UndefinedError");

    forget_error(m->ev);
    if (!first) {
        wr_buf_lit(b, ", ");
    }
    if (undefined) {
        wr_buf_str(b, message);
        return true;
    }
    return wr_put_str(m->ev, b, v);
}

static wr_used_t *
select_first(wr_mach_t *m, const wr_val_t *names, bool *missing)
{
    wr_iter_t  it;
    wr_val_t   v;
    wr_rc_t    rc;
    wr_used_t *u;
    bool       is, first = true, absent;
    wr_buf_t   b = wr_buf(m->ev->pool);

    if (names->type == WR_V_UNDEFINED) {
        wr_undef_raise(m->ev, names);
        return NULL;
    }
    if (!wr_truth(m->ev, names, &is)) {
        return NULL;
    }
    if (!is) {
        *missing = true;
        wr_raise(m->ev, "TemplatesNotFound",
                 "Tried to select from an empty list of templates.");
        return NULL;
    }
    if (!wr_iter(m->ev, names, &it)) {
        return NULL;
    }
    while ((rc = it.next(m->ev, &it, &v)) == WR_OK) {
        absent = false;
        u = get_value(m, &v, &absent);
        if (u != NULL) {
            return u;
        }
        if ((!absent && !is_kind(m->ev, "UndefinedError")) || !wr_mach_step(m)
            || !add_missing(m, &b, &v, first))
        {
            return NULL;
        }
        first = false;
    }
    if (rc != WR_ERROR) {
        *missing = true;
        wr_raise(m->ev, "TemplatesNotFound",
                 "none of the templates given were found: %.*s",
                 WR_ARG(wr_buf_text(&b)));
    }
    return NULL;
}

wr_used_t *
wr_mach_select(wr_mach_t *m, const wr_val_t *v, uint8_t how, bool *missing)
{
    *missing = false;
    if (how == WR_GET_ONE
        || (how == WR_GET_ANY
            && (v->type == WR_V_STR || v->type == WR_V_UNDEFINED)))
    {
        return get_value(m, v, missing);
    }
    return select_first(m, v, missing);
}

/* ---- extends ---- */

wr_x_t
wr_exec_extends(wr_mach_t *m, const wr_stmt_t *s)
{
    wr_chain_t           *chain = m->f->ctx->chain;
    const wr_template_t **more;
    wr_val_t              v;
    wr_used_t            *u;
    bool                  missing;

    if (m->f->parent != NULL) {
        wr_raise(m->ev, "TemplateRuntimeError", "extended multiple times");
        return WR_X_FAIL;
    }
    if (!wr_run_node(m, s->u.extends.name, &v)) {
        return WR_X_FAIL;
    }
    u = wr_mach_select(m, &v, WR_GET_ONE, &missing);
    if (u == NULL) {
        return WR_X_FAIL;
    }
    if (chain->n == chain->cap) {
        chain->cap *= 2;
        more = WR_NEW_N(m->ev->pool, const wr_template_t *, chain->cap);
        memcpy(more, chain->v, chain->n * sizeof(*more));
        chain->v = more;
    }
    chain->v[chain->n++] = u->tpl;
    m->f->parent = u->tpl;
    return WR_X_OK;
}

wr_x_t
wr_exec_extends_twice(wr_mach_t *m, const wr_stmt_t *s)
{
    (void) s;
    if (m->f->parent == NULL) {
        return WR_X_OK;
    }
    wr_raise(m->ev, "TemplateRuntimeError", "extended multiple times");
    return WR_X_FAIL;
}

/* ---- modules ---- */

wr_module_t *
wr_module_new(wr_mach_t *m, const wr_template_t *t, wr_ctx_t *ctx)
{
    wr_module_t *mod = WR_NEW(m->ev->pool, wr_module_t);
    size_t       from = m->out->n;
    wr_val_t     text;

    mod->obj.type = &wr_module_type;
    mod->tpl = t;
    mod->ctx = ctx;
    if (!wr_mach_enter(m, 3)) {
        return NULL;
    }
    if (!wr_run_root(m, t, ctx) || !wr_take_output(m, from, false, &text)) {
        return NULL;
    }
    m->ev->depth -= 3;
    mod->text = wr_val_text(&text);
    return mod;
}

/* Made once for a render: it sees the globals only. */
static wr_module_t *
default_module(wr_mach_t *m, wr_used_t *u)
{
    const wr_template_t *t = u->tpl;
    wr_module_t         *mod = u->module;
    uint32_t             i;

    if (mod == NULL) {
        mod = wr_module_new(m, t, wr_ctx_new(m, t, NULL, true));
        for (i = 0; mod != NULL && i < m->nused; i++) {
            if (m->used[i].tpl == t) { /* `u` may have moved */
                m->used[i].module = mod;
            }
        }
    }
    return mod;
}

wr_str_t
wr_module_text(const wr_module_t *mod)
{
    return mod->text;
}

bool
wr_module_find(const wr_module_t *mod, wr_str_t name, wr_val_t *out)
{
    uint32_t i;

    for (i = 0; i < mod->ctx->nvars; i++) {
        if (mod->ctx->vars[i].exported
            && wr_str_eq(mod->ctx->vars[i].name->s, name)) {
            *out = mod->ctx->vars[i].value;
            return true;
        }
    }
    return false;
}

wr_val_t
wr_module_val(wr_module_t *mod)
{
    return wr_vobj(&mod->obj);
}

static bool
module_attr(wr_eval_t *ev, wr_obj_t *o, wr_str_t name, wr_val_t *out)
{
    const wr_module_t *mod = (const wr_module_t *) o;

    (void) ev;
    if (wr_str_eqz(name, "__name__")) {
        *out = mod->tpl->name.p != NULL ? wr_vstr(mod->tpl->name) : wr_none();
        return true;
    }
    return wr_module_find(mod, name, out);
}

static bool
module_str(wr_eval_t *ev, wr_obj_t *o, wr_buf_t *to)
{
    (void) ev;
    wr_buf_str(to, ((const wr_module_t *) o)->text);
    return true;
}

static bool
module_repr(wr_eval_t *ev, wr_obj_t *o, wr_buf_t *to)
{
    wr_str_t name = ((const wr_module_t *) o)->tpl->name;
    wr_val_t v = wr_vstr(name);

    wr_buf_lit(to, "<TemplateModule ");
    if (name.p == NULL) {
        wr_buf_lit(to, "memory:0");
    } else if (!wr_put_repr(ev, to, &v)) {
        return false;
    }
    wr_buf_char(to, '>');
    return true;
}

const wr_obj_type_t wr_module_type = {
    .name = "TemplateModule",
    .module = "jinja2.environment",
    .attr = module_attr,
    .str = module_str,
    .repr = module_repr,
};

/* ---- include, import ---- */

wr_x_t
wr_exec_include(wr_mach_t *m, const wr_stmt_t *s)
{
    wr_val_t     v;
    wr_used_t   *u;
    bool         missing;
    wr_module_t *mod;
    wr_ctx_t    *ctx;

    if (!wr_run_node(m, s->u.include.name, &v)) {
        return WR_X_FAIL;
    }
    u = wr_mach_select(m, &v, s->u.include.how, &missing);
    if (u == NULL) {
        if (missing && s->u.include.ignore_missing) {
            forget_error(m->ev);
            return WR_X_OK;
        }
        return WR_X_FAIL;
    }
    if (!s->u.include.with_context) {
        mod = default_module(m, u);
        if (mod == NULL) {
            return WR_X_FAIL;
        }
        wr_buf_str(m->out, mod->text);
        return WR_X_OK;
    }
    ctx = wr_ctx_new(m, u->tpl, m->f->ctx, false);
    wr_ctx_locals(m, ctx, &s->u.include.locals);
    return wr_run_root(m, u->tpl, ctx) ? WR_X_OK : WR_X_FAIL;
}

static wr_module_t *
import(wr_mach_t *m, const wr_stmt_t *s)
{
    wr_val_t   v;
    wr_used_t *u;
    bool       missing;
    wr_ctx_t  *ctx;

    if (!wr_run_node(m, s->u.import.name, &v)) {
        return NULL;
    }
    u = wr_mach_select(m, &v, WR_GET_ONE, &missing);
    if (u == NULL) {
        return NULL;
    }
    if (!s->u.import.with_context) {
        return default_module(m, u);
    }
    ctx = wr_ctx_new(m, u->tpl, wr_ctx_snapshot(m, m->f->ctx), false);
    wr_ctx_locals(m, ctx, &s->u.import.locals);
    return wr_module_new(m, u->tpl, ctx);
}

static void
bind(wr_mach_t *m, const wr_import_name_t *n, const wr_val_t *v)
{
    *wr_slot(m, &n->place) = *v;
    if (n->top) {
        wr_ctx_set(m, m->f->ctx, n->place.name, v, false);
        wr_ctx_unexport(m->f->ctx, n->place.name);
    }
}

wr_x_t
wr_exec_import(wr_mach_t *m, const wr_stmt_t *s)
{
    wr_module_t *mod = import(m, s);
    wr_val_t     v;

    if (mod == NULL) {
        return WR_X_FAIL;
    }
    v = wr_module_val(mod);
    bind(m, &s->u.import.names[0], &v);
    return WR_X_OK;
}

static wr_val_t
not_exported(wr_mach_t *m, const wr_module_t *mod, const wr_stmt_t *s,
             wr_str_t name)
{
    wr_buf_t b = wr_buf(m->ev->pool);
    wr_val_t v = mod->tpl->name.p != NULL ? wr_vstr(mod->tpl->name) : wr_none();

    wr_buf_lit(&b, "the template ");
    wr_put_repr(m->ev, &b, &v);
    wr_buf_printf(&b,
                  " (imported on %.*s) does not export the requested name "
                  "'%.*s'",
                  WR_ARG(s->u.import.position), WR_ARG(name));
    return wr_undef_hint(m->ev, wr_buf_text(&b));
}

wr_x_t
wr_exec_from(wr_mach_t *m, const wr_stmt_t *s)
{
    wr_module_t *mod = import(m, s);
    wr_val_t     v;
    uint32_t     i;

    if (mod == NULL) {
        return WR_X_FAIL;
    }
    for (i = 0; i < s->u.import.n; i++) {
        if (!wr_module_find(mod, s->u.import.names[i].name, &v)) {
            v = not_exported(m, mod, s, s->u.import.names[i].name);
        }
        bind(m, &s->u.import.names[i], &v);
    }
    return WR_X_OK;
}
