/*
 * The compiler of loops and macros: the statements with functions and scopes of
 * their own.
 */
#include <weir/expr/compile.h>

/* ---- loops ---- */

static bool
has_scoped(wr_ast_t *n, void *data)
{
    (void) data;
    if (n->kind <= WR_A_LAST_EXPR) {
        return true;
    }
    return !(n->kind == WR_A_BLOCK && n->flag)
           && wr_ast_children(n, has_scoped, NULL);
}

static bool
find_store_loop(wr_ast_t *n, void *data)
{
    wr_comp_t *c = data;

    if (n->kind == WR_A_NAME && n->ctx == WR_CTX_STORE
        && wr_str_eqz(n->name, "loop"))
    {
        wr_comp_fail(
            c, n->line,
            "Can't assign to special loop variable in for-loop target");
    }
    return wr_ast_children(n, find_store_loop, c);
}

static bool
is_loop(const wr_ast_t *n)
{
    return n->kind == WR_A_NAME && wr_str_eqz(n->name, "loop");
}

/* False if somebody may keep the loop object beyond its loop. */
static bool
keeps_loop(wr_ast_t *n, void *data)
{
    uint8_t  id;
    uint32_t i;

    switch (n->kind) {
    case WR_A_NAME: return !is_loop(n);
    case WR_A_GETATTR:
        if (is_loop(n->a)) {
            id = wr_loop_attr_id(n->name);
            return id != WR_LOOP_NONE && id != WR_LOOP_CYCLE
                   && id != WR_LOOP_CHANGED;
        }
        break;
    case WR_A_CALL:
        if (is_loop(n->a)
            || (n->a->kind == WR_A_GETATTR && is_loop(n->a->a)
                && wr_loop_attr_id(n->a->name) != WR_LOOP_NONE))
        {
            for (i = 0; i < n->list.n; i++) {
                if (!keeps_loop(n->list.v[i], data)) {
                    return false;
                }
            }
            return n->list2.n == 0 && n->b == NULL && n->c == NULL;
        }
        break;
    case WR_A_MACRO:
    case WR_A_CALLBLOCK:
    case WR_A_DEBUG: return false;
    case WR_A_INCLUDE:
    case WR_A_IMPORT:
    case WR_A_FROM:
    case WR_A_BLOCK:
        if (n->flag) {
            return false;
        }
        break;
    default: break;
    }
    return wr_ast_children(n, keeps_loop, data);
}

static bool
list_all(wr_ast_list_t *l, bool (*fn)(wr_ast_t *, void *), void *data)
{
    uint32_t i;

    for (i = 0; i < l->n; i++) {
        if (!fn(l->v[i], data)) {
            return false;
        }
    }
    return true;
}

static void
loop_test(wr_comp_t *c, wr_cframe_t *f, wr_ast_t *n, wr_for_t *s)
{
    wr_cframe_t test = wr_comp_inner(c, f);

    test.syms->variant = ++c->variants;
    wr_syms_analyse_for(&c->sc, test.syms, n, WR_FOR_TEST);
    c->line = s->test_line = n->c->line;
    s->test_scope = wr_comp_scope(c, test.syms);
    s->test_target = wr_comp_target(c, &test, n->a);
    s->test = wr_comp_look(c, &test, n->c);
}

static void
loop_else(wr_comp_t *c, wr_cframe_t *f, wr_ast_t *n, wr_for_t *s)
{
    wr_cframe_t other = wr_comp_inner(c, f);

    wr_syms_analyse_for(&c->sc, other.syms, n, WR_FOR_ELSE);
    s->has_else = true;
    s->else_scope = wr_comp_scope(c, other.syms);
    s->orelse = wr_comp_body(c, &other, &n->orelse);
}

void
wr_comp_for(wr_comp_t *c, wr_cframe_t *f, wr_ast_t *n)
{
    static const char *const names[] = {"loop"};
    wr_for_t                *s = WR_NEW(c->pool, wr_for_t);
    wr_cfn_t                *outer = c->fn;
    wr_cframe_t              body;
    wr_stmt_t               *st;
    uint32_t                 id = wr_comp_name(c, WR_STR("loop"))->id;

    s->extended = n->flag || wr_undeclared(&n->body, names, 1) != 0
                  || !wr_ast_children(n, has_scoped, NULL);
    s->escapes =
        n->flag || (s->extended && !list_all(&n->body, keeps_loop, NULL));
    s->line = n->line;
    s->iter = wr_comp_look(c, f, n->b);
    if (n->flag) {
        s->proto = wr_comp_proto(c, "loop", n->line);
        s->proto->loop = s;
        s->proto->safe = wr_comp_safe(c);
        c->fn = wr_cfn_new(c->tmp, outer, s->proto);
    }
    body = wr_comp_inner(c, f);
    body.loop_frame = true;
    body.in_loop = true;
    if (s->extended) {
        wr_syms_param(&c->sc, body.syms, id);
    }
    wr_syms_analyse_for(&c->sc, body.syms, n, WR_FOR_BODY);
    if (n->c != NULL) {
        loop_test(c, f, n, s);
    }
    find_store_loop(n, c);
    c->line = n->line;
    if (s->extended) {
        s->loop = wr_comp_place(c, &body, WR_STR("loop"));
    }
    s->target = wr_comp_target(c, &body, n->a);
    s->scope = wr_comp_scope(c, body.syms);
    s->body = wr_comp_body(c, &body, &n->body);
    if (n->orelse.n != 0) {
        loop_else(c, f, n, s);
    }
    if (s->escapes) { /* its frame may be asked for later */
        c->fn->proto->captured = true;
        outer->proto->captured = true;
    }
    c->fn = outer;
    if (n->flag) {
        c->line = n->line;
    }
    st = wr_comp_emit(c, n->flag ? wr_exec_recursive : wr_exec_for, n->line);
    st->column = wr_comp_column(c, n);
    st->u.loop = s;
}

/* ---- macros ---- */

static const char *const specials[] = {"caller", "kwargs", "varargs"};

/* Which of caller, kwargs and varargs the body asks for. */
static void
macro_specials(wr_comp_t *c, wr_cframe_t *f, wr_ast_t *n, wr_proto_t *p)
{
    uint32_t used = wr_undeclared(&n->body, specials, 3), i;
    bool     own_kwargs = false, own_varargs = false;
    int64_t  explicit_caller = -1;

    for (i = 0; i < n->list.n; i++) {
        if (wr_str_eqz(n->list.v[i]->name, "caller")) {
            explicit_caller = i;
        }
        own_kwargs |= wr_str_eqz(n->list.v[i]->name, "kwargs");
        own_varargs |= wr_str_eqz(n->list.v[i]->name, "varargs");
    }
    p->explicit_caller = explicit_caller >= 0;
    if ((used & 1) != 0) {
        if (explicit_caller >= 0) {
            if (n->list.n - (uint32_t) explicit_caller > n->list2.n) {
                wr_comp_fail(
                    c, n->line,
                    "When defining macros or call blocks the special "
                    "\"caller\" argument must be omitted or be given a "
                    "default.");
            }
        } else {
            p->caller_slot = wr_comp_special(c, f, "caller");
        }
        p->accesses_caller = true;
    }
    if ((used & 2) != 0 && !own_kwargs) {
        p->kwargs_slot = wr_comp_special(c, f, "kwargs");
    }
    if ((used & 4) != 0 && !own_varargs) {
        p->varargs_slot = wr_comp_special(c, f, "varargs");
    }
}

static wr_proto_t *
macro_body(wr_comp_t *c, wr_cframe_t *f, wr_ast_t *n, const char *what)
{
    wr_proto_t *p = wr_comp_proto(c, what, n->line);
    wr_cfn_t   *outer = c->fn;
    wr_cframe_t inner;
    uint32_t    i, nargs = n->list.n, ndefs = n->list2.n;
    wr_val_t    name = wr_vstr(n->name);

    c->fn = wr_cfn_new(c->tmp, outer, p);
    inner = wr_comp_inner(c, f);
    inner.in_loop = false;
    inner.output_check = false;
    wr_syms_analyse(&c->sc, inner.syms, n);
    p->name = n->kind == WR_A_MACRO ? wr_comp_keep(c, &name) : wr_none();
    p->nargs = nargs;
    p->argnames = WR_NEW_N(c->pool, wr_str_t, nargs + 1);
    p->argslots = WR_NEW_N(c->pool, uint32_t, nargs + 1);
    p->defaults = WR_NEW_N(c->pool, wr_node_t *, nargs + 1);
    macro_specials(c, &inner, n, p);
    c->line = n->line;
    p->scope = wr_comp_scope(c, inner.syms);
    for (i = 0; i < nargs; i++) {
        p->argnames[i] = wr_pool_str(c->pool, n->list.v[i]->name);
        p->argslots[i] = wr_comp_place(c, &inner, n->list.v[i]->name).slot;
    }
    for (i = 0; i < ndefs; i++) {
        p->defaults[nargs - ndefs + i] = wr_comp_expr(c, &inner, n->list2.v[i]);
    }
    p->code = wr_comp_body(c, &inner, &n->body);
    c->fn = outer;
    return p;
}

void
wr_comp_macro(wr_comp_t *c, wr_cframe_t *f, wr_ast_t *n)
{
    wr_proto_t *p = macro_body(c, f, n, "macro");
    wr_stmt_t  *s = wr_comp_emit(c, wr_exec_macro, n->line);

    s->u.macro.proto = p;
    s->u.macro.place = wr_comp_place(c, f, n->name);
    s->u.macro.top = f->toplevel;
}

void
wr_comp_callblock(wr_comp_t *c, wr_cframe_t *f, wr_ast_t *n)
{
    wr_proto_t *p = macro_body(c, f, n, "call block");
    wr_node_t  *call;
    wr_stmt_t  *s;
    uint32_t    i;

    for (i = 0; i < n->a->list2.n; i++) {
        if (wr_str_eqz(n->a->names[i], "caller")) {
            *c->err = (wr_err_t){.kind = "TemplateSyntaxError",
                                 .line = n->line};
            c->err->message = WR_STR("keyword argument repeated: caller");
            longjmp(c->jump, 1);
        }
    }
    c->line = n->line;
    call = wr_comp_call(c, f, n->a);
    s = wr_comp_emit(c, wr_exec_callblock, n->line);
    s->column = wr_comp_column(c, n);
    s->u.callblock.proto = p;
    s->u.callblock.call = call;
}
