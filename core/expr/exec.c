/*
 * What the statements do, but printing, loops and those about other templates.
 */
#include <weir/expr/compile.h>

/* ---- assignment ---- */

static bool
unpack(wr_mach_t *m, const wr_target_t *t, const wr_val_t *v)
{
    wr_iter_t it;
    wr_val_t  item;
    wr_rc_t   rc;
    uint32_t  i;

    if (!wr_is_iterable(v)) {
        return wr_raise(m->ev, "TypeError",
                        "cannot unpack non-iterable %s "
                        "object",
                        wr_type_name(v));
    }
    if (!wr_iter(m->ev, v, &it)) {
        return false;
    }
    /* All values are taken before the first is stored. */
    {
        wr_val_t few[8], *got = few;

        if (t->n > WR_COUNT(few)) {
            got = wr_alloc(m->ev->pool, t->n * sizeof(*got));
        }
        for (i = 0; i < t->n; i++) {
            rc = it.next(m->ev, &it, &got[i]);
            if (rc == WR_ERROR) {
                return false;
            }
            if (rc != WR_OK) {
                return wr_raise(m->ev, "ValueError",
                                "not enough values to "
                                "unpack (expected %u, got %u)",
                                t->n, i);
            }
        }
        rc = it.next(m->ev, &it, &item);
        if (rc == WR_ERROR) {
            return false;
        }
        if (rc == WR_OK) {
            return wr_raise(m->ev, "ValueError",
                            "too many values to unpack (expected %u)", t->n);
        }
        for (i = 0; i < t->n; i++) {
            if (!wr_assign(m, t->v[i], &got[i])) {
                return false;
            }
        }
    }
    return true;
}

bool
wr_assign(wr_mach_t *m, const wr_target_t *t, const wr_val_t *v)
{
    wr_val_t ns;

    switch (t->kind) {
    case WR_TG_NAME: *wr_slot(m, &t->place) = *v; return true;
    case WR_TG_TUPLE: return unpack(m, t, v);
    default:
        return wr_read(m, &t->place, &ns)
               && ns.u.obj->type->set_attr(m->ev, ns.u.obj, t->attr, v);
    }
}

/* `ns.x = …` needs namespaces. */
static bool
check_namespaces(wr_mach_t *m, const wr_stmt_t *s)
{
    uint32_t i;
    wr_val_t v;

    for (i = 0; i < s->u.set.nchecks; i++) {
        if (!wr_read(m, &s->u.set.checks[i], &v)) {
            return false;
        }
        if (v.type != WR_V_OBJ || v.u.obj->type->set_attr == NULL) {
            return wr_raise(m->ev, "TemplateRuntimeError",
                            "cannot assign "
                            "attribute on non-namespace object");
        }
    }
    return true;
}

/* Top-level names are variables of the context as well. */
static void
publish(wr_mach_t *m, const wr_stmt_t *s)
{
    uint32_t i;

    for (i = 0; i < s->u.set.ntops; i++) {
        wr_ctx_set(m, m->f->ctx, s->u.set.tops[i].name,
                   wr_slot(m, &s->u.set.tops[i]), true);
    }
}

wr_x_t
wr_exec_set(wr_mach_t *m, const wr_stmt_t *s)
{
    wr_val_t v;

    if (!check_namespaces(m, s) || !wr_run_node(m, s->u.set.x, &v)
        || !wr_assign(m, s->u.set.target, &v))
    {
        return WR_X_FAIL;
    }
    publish(m, s);
    return WR_X_OK;
}

/* Runs the code of a captured body; the text is in `out`. Leaving a loop from
 * within drops it. */
static wr_x_t
capture(wr_mach_t *m, const wr_body_t *b, wr_val_t *out)
{
    bool   safe = b->safe == WR_SAFE_ASK ? m->ev->autoescape : b->safe;
    size_t from = m->out->n;
    wr_x_t x;

    wr_scope_enter(m, b->scope.once, b->scope.nonce);
    wr_scope_enter(m, b->scope.init, b->scope.ninit);
    x = wr_run(m, &b->code);
    if (x == WR_X_BREAK || x == WR_X_CONTINUE) {
        m->out->n = from;
        return x;
    }
    if (x != WR_X_OK || !wr_take_output(m, from, safe, out)) {
        return WR_X_FAIL;
    }
    return WR_X_OK;
}

static bool
filter_body(wr_mach_t *m, const wr_body_t *b, wr_val_t *text)
{
    const wr_val_t *was = m->filter_text;
    wr_val_t        in = *text;
    bool            ok;

    m->filter_text = &in;
    ok = wr_run_node(m, b->filter, text);
    m->filter_text = was;
    return ok;
}

wr_x_t
wr_exec_setblock(wr_mach_t *m, const wr_stmt_t *s)
{
    const wr_body_t *b = s->u.set.body;
    wr_val_t         v, str;
    wr_x_t           x;

    x = capture(m, b, &v);
    if (x != WR_X_OK) {
        return x;
    }
    if (b->filter != NULL && !filter_body(m, b, &v)) {
        return WR_X_FAIL;
    }
    if (m->ev->autoescape) {
        if (!wr_str_val(m->ev, &v, &str)) {
            return WR_X_FAIL;
        }
        v = str;
        v.flags |= WR_VF_SAFE;
    }
    if (!check_namespaces(m, s) || !wr_assign(m, s->u.set.target, &v)) {
        return WR_X_FAIL;
    }
    publish(m, s);
    wr_scope_leave(m, &b->scope);
    return WR_X_OK;
}

wr_x_t
wr_exec_filterblock(wr_mach_t *m, const wr_stmt_t *s)
{
    const wr_body_t *b = s->u.body;
    wr_val_t         v;
    wr_x_t           x;

    x = capture(m, b, &v);
    if (x != WR_X_OK) {
        return x;
    }
    if (!filter_body(m, b, &v)) {
        return WR_X_FAIL;
    }
    if (v.type != WR_V_STR) {
        wr_raise(m->ev, "TypeError",
                 "sequence item 0: expected str instance, "
                 "%s found",
                 wr_type_name(&v));
        return WR_X_FAIL;
    }
    wr_scope_leave(m, &b->scope);
    return wr_print_plain(m, &v) ? WR_X_OK : WR_X_FAIL;
}

/* ---- conditions and scopes ---- */

wr_x_t
wr_exec_if(wr_mach_t *m, const wr_stmt_t *s)
{
    const wr_branch_t *b = s->u.branches.v, *end = b + s->u.branches.n;
    wr_val_t           v;
    bool               is;

    for (; b < end; b++) {
        if (b->test != NULL) {
            if (!wr_run_node(m, b->test, &v)) {
                break;
            }
            if (v.type == WR_V_BOOL) {
                is = v.u.i != 0;
            } else if (!wr_truth(m->ev, &v, &is)) {
                break;
            }
            if (!is) {
                continue;
            }
        }
        return wr_run(m, &b->body);
    }
    if (b == end) {
        return WR_X_OK;
    }
    if (m->ev->err.line == 0) {
        m->ev->err.line = b->line;
        m->ev->err.column = b->line == s->line ? s->column : 0;
        m->ev->err.name = m->f->proto->tpl->name;
    }
    return WR_X_FAIL;
}

wr_x_t
wr_exec_with(wr_mach_t *m, const wr_stmt_t *s)
{
    uint32_t i;
    wr_val_t v;
    wr_x_t   x;

    wr_scope_enter(m, s->u.with.scope.once, s->u.with.scope.nonce);
    wr_scope_enter(m, s->u.with.scope.init, s->u.with.scope.ninit);
    for (i = 0; i < s->u.with.n; i++) {
        if (!wr_run_node(m, s->u.with.values[i], &v)
            || !wr_assign(m, s->u.with.targets[i], &v))
        {
            return WR_X_FAIL;
        }
    }
    x = wr_run(m, &s->u.with.body);
    if (x == WR_X_OK) {
        wr_scope_leave(m, &s->u.with.scope);
    }
    return x;
}

wr_x_t
wr_exec_autoescape(wr_mach_t *m, const wr_stmt_t *s)
{
    wr_ectx_t *e = m->f->ctx->ectx;
    bool       was = e->autoescape, is;
    wr_val_t   v;
    wr_x_t     x;

    if (!wr_run_node(m, s->u.autoescape.value, &v) || !wr_truth(m->ev, &v, &is))
    {
        return WR_X_FAIL;
    }
    e->autoescape = m->ev->autoescape = is;
    x = wr_run(m, &s->u.autoescape.body);
    if (x == WR_X_OK) {
        e->autoescape = m->ev->autoescape = was;
    }
    return x;
}

wr_x_t
wr_exec_guard(wr_mach_t *m, const wr_stmt_t *s)
{
    return wr_frame_at(m, s->u.guard.hops)->parent != NULL
               ? WR_X_OK
               : wr_run(m, &s->u.guard.body);
}

wr_x_t
wr_exec_do(wr_mach_t *m, const wr_stmt_t *s)
{
    wr_val_t v;

    return wr_run_node(m, s->u.x, &v) ? WR_X_OK : WR_X_FAIL;
}

wr_x_t
wr_exec_break(wr_mach_t *m, const wr_stmt_t *s)
{
    (void) m;
    (void) s;
    return WR_X_BREAK;
}

wr_x_t
wr_exec_continue(wr_mach_t *m, const wr_stmt_t *s)
{
    (void) m;
    (void) s;
    return WR_X_CONTINUE;
}

wr_x_t
wr_exec_macro(wr_mach_t *m, const wr_stmt_t *s)
{
    wr_val_t v = wr_macro_new(m, s->u.macro.proto);

    *wr_slot(m, &s->u.macro.place) = v;
    if (s->u.macro.top) {
        wr_ctx_set(m, m->f->ctx, s->u.macro.place.name, &v, true);
    }
    return WR_X_OK;
}
