/*
 * The compiler of expressions: chooses for each node of the tree what evaluates
 * it.
 */
#include <weir/expr/compile.h>
#include <weir/expr/expr_priv.h>

wr_node_t *
wr_comp_node(wr_comp_t *c, wr_node_fn eval)
{
    wr_node_t *n = WR_NEW(c->pool, wr_node_t);

    n->eval = eval;
    return n;
}

static wr_val_t
str_const(wr_comp_t *c, wr_str_t s)
{
    wr_val_t v = wr_vstr(s);

    return wr_comp_keep(c, &v);
}

static wr_node_t *
const_node(wr_comp_t *c, const wr_val_t *v, bool copy)
{
    wr_node_t *n = wr_comp_node(c, copy && wr_comp_mutable(v) ? wr_eval_copy
                                                              : wr_eval_const);

    n->u.konst = wr_comp_keep(c, v);
    return n;
}

static wr_node_t **
nodes(wr_comp_t *c, wr_cframe_t *f, wr_ast_list_t *l)
{
    wr_node_t **v = WR_NEW_N(c->pool, wr_node_t *, l->n + 1);
    uint32_t    i;

    for (i = 0; i < l->n; i++) {
        v[i] = wr_comp_expr(c, f, l->v[i]);
    }
    return v;
}

static wr_argx_t *
args(wr_comp_t *c, wr_cframe_t *f, wr_ast_t *n)
{
    wr_argx_t *a = WR_NEW(c->pool, wr_argx_t);
    uint32_t   i;

    a->n = n->list.n;
    a->pos = nodes(c, f, &n->list);
    a->nkw = n->list2.n;
    a->kwv = nodes(c, f, &n->list2);
    a->kw = WR_NEW_N(c->pool, wr_str_t, a->nkw + 1);
    for (i = 0; i < a->nkw; i++) {
        a->kw[i] = wr_pool_str(c->pool, n->names[i]);
    }
    a->dyn = n->b != NULL ? wr_comp_look(c, f, n->b) : NULL;
    a->dynkw = n->c != NULL ? wr_comp_look(c, f, n->c) : NULL;
    return a;
}

static wr_node_t *
name_node(wr_comp_t *c, wr_cframe_t *f, wr_ast_t *n)
{
    wr_place_t p = wr_comp_place(c, f, n->name);
    wr_node_t *to;

    to = wr_comp_node(c, c->alone      ? wr_eval_alone
                         : p.hops == 0 ? wr_eval_local
                                       : wr_eval_outer);
    to->u.var = p;
    return to;
}

static wr_node_t *
unary(wr_comp_t *c, wr_cframe_t *f, wr_ast_t *n, wr_node_fn fn)
{
    wr_node_t *to = wr_comp_node(c, fn);

    to->u.bin.a = wr_comp_expr(c, f, n->a);
    return to;
}

static wr_node_t *
binary(wr_comp_t *c, wr_cframe_t *f, wr_ast_t *n)
{
    static const wr_bin_fn ops[] = {wr_op_add, wr_op_sub,      wr_op_mul,
                                    wr_op_div, wr_op_floordiv, wr_op_mod,
                                    wr_op_pow};
    wr_node_t             *to;

    to = wr_comp_node(c, n->kind == WR_A_AND  ? wr_eval_and
                         : n->kind == WR_A_OR ? wr_eval_or
                                              : wr_eval_binary);
    if (n->kind <= WR_A_POW) {
        to->u.bin.fn = ops[n->kind - WR_A_ADD];
    }
    to->u.bin.a = wr_comp_expr(c, f, n->a);
    to->u.bin.b = wr_comp_expr(c, f, n->b);
    return to;
}

/* ---- attributes, items ---- */

/* Methods come before keys: is the name none that a dict has? */
static bool
plain_key(wr_comp_t *c, wr_str_t name)
{
    wr_val_t v = wr_vdict(wr_dict_new(c->tmp, 0)), out;
    bool     found;

    if (c->env->options.sandbox != 0 && name.n != 0 && name.p[0] == '_') {
        return false;
    }
    c->fold.failed = false;
    found = wr_find_attr(&c->fold, &v, name, &out) || c->fold.failed;
    c->fold.failed = false;
    return !found;
}

static wr_node_t *
getattr(wr_comp_t *c, wr_cframe_t *f, wr_ast_t *n)
{
    wr_node_t *to = wr_comp_node(c, wr_eval_getattr);

    to->u.attr.name = str_const(c, n->name);
    if (n->a->kind == WR_A_NAME && wr_str_eqz(n->a->name, "loop")) {
        to->u.attr.loop = wr_loop_attr_id(n->name);
        if (to->u.attr.loop != WR_LOOP_NONE) {
            to->eval = wr_eval_loopattr;
        }
    }
    to->u.attr.x = wr_comp_look(c, f, n->a);
    to->u.attr.dict = plain_key(c, n->name);
    to->u.attr.open = n->name.n != 0 && n->name.p[0] != '_';
    to->u.attr.seen = WR_NEW(c->pool, wr_seen_t);
    return to;
}

static wr_node_t *
getitem(wr_comp_t *c, wr_cframe_t *f, wr_ast_t *n)
{
    wr_node_t *to = wr_comp_node(c, wr_eval_getitem);

    to->u.slice.x = wr_comp_look(c, f, n->a);
    if (n->b->kind == WR_A_SLICE) {
        to->eval = wr_eval_slice;
        to->u.slice.start = n->b->a ? wr_comp_expr(c, f, n->b->a) : NULL;
        to->u.slice.stop = n->b->b ? wr_comp_expr(c, f, n->b->b) : NULL;
        to->u.slice.step = n->b->c ? wr_comp_expr(c, f, n->b->c) : NULL;
    } else {
        to->u.slice.start = wr_comp_expr(c, f, n->b);
    }
    return to;
}

/* ---- calls, filters, tests ---- */

wr_node_t *
wr_comp_call(wr_comp_t *c, wr_cframe_t *f, wr_ast_t *n)
{
    wr_node_t *to = wr_comp_node(c, wr_eval_call);
    uint8_t    id;

    wr_comp_fold(c, n);
    to->u.call.fn = wr_comp_look(c, f, n->a);
    to->u.call.args = args(c, f, n);
    if (to->u.call.fn->eval == wr_eval_loopattr) {
        id = to->u.call.fn->u.attr.loop;
        if (id == WR_LOOP_CYCLE || id == WR_LOOP_CHANGED) {
            to->eval = wr_eval_loopcall;
        }
    }
    return to;
}

/* Jinja2 looks filters up where the block or the root begins. */
static uint32_t
deps_line(const wr_comp_t *c)
{
    const wr_cfn_t *fn = c->fn;

    while (fn->up != NULL) {
        fn = fn->up;
    }
    return fn->proto->line;
}

wr_node_t *
wr_comp_filter(wr_comp_t *c, wr_cframe_t *f, wr_ast_t *n)
{
    bool               filter = n->kind == WR_A_FILTER;
    wr_node_t         *to;
    const wr_fn_row_t *row;

    wr_comp_fold(c, n);
    to = wr_comp_node(c, filter ? wr_eval_filter : wr_eval_test);
    row = wr_map_get(filter ? &c->env->filters : &c->env->tests, n->name);
    if (row == NULL && !f->soft) {
        c->fault = n->name.p;
        wr_comp_fail(c, n->line, "No %s named '%.*s'.",
                     filter ? "filter" : "test", WR_ARG(n->name));
    }
    to->u.filter.row = row;
    to->u.filter.line = deps_line(c);
    to->u.filter.name = wr_pool_str(c->pool, n->name);
    to->u.filter.x = n->a != NULL ? wr_comp_expr(c, f, n->a) : NULL;
    to->u.filter.args = args(c, f, n);
    return to;
}

/* ---- the rest ---- */

static wr_node_t *
list(wr_comp_t *c, wr_cframe_t *f, wr_ast_t *n, wr_node_fn fn)
{
    wr_node_t *to = wr_comp_node(c, fn);

    to->u.list.n = n->list.n;
    to->u.list.v = nodes(c, f, &n->list);
    return to;
}

static wr_node_t *
compare(wr_comp_t *c, wr_cframe_t *f, wr_ast_t *n)
{
    wr_node_t *to = wr_comp_node(c, wr_eval_compare);
    uint32_t   i;

    to->u.cmp.x = wr_comp_look(c, f, n->a);
    to->u.cmp.n = n->list.n;
    to->u.cmp.v = WR_NEW_N(c->pool, wr_node_t *, n->list.n);
    to->u.cmp.ops = WR_NEW_N(c->pool, uint8_t, n->list.n);
    for (i = 0; i < n->list.n; i++) {
        to->u.cmp.v[i] = wr_comp_look(c, f, n->list.v[i]);
        to->u.cmp.ops[i] = n->ops[i];
    }
    return to;
}

static wr_node_t *
cond(wr_comp_t *c, wr_cframe_t *f, wr_ast_t *n)
{
    wr_node_t  *to = wr_comp_node(c, wr_eval_cond);
    wr_cframe_t soft = *f;
    wr_undef_t *u;
    wr_buf_t    b = wr_buf(c->pool);
    wr_val_t    name;

    soft.soft = true;
    soft.rootlevel = false;
    to->u.cond.yes = wr_comp_expr(c, &soft, n->b);
    to->u.cond.test = wr_comp_look(c, &soft, n->a);
    if (n->c != NULL) {
        to->u.cond.no = wr_comp_expr(c, &soft, n->c);
        return to;
    }
    u = to->u.cond.undef = WR_NEW(c->pool, wr_undef_t);
    wr_buf_printf(&b, "the inline if-expression on line %u", n->line);
    if (c->tpl->name.p != NULL) {
        name = wr_vstr(c->tpl->name);
        wr_buf_lit(&b, " in ");
        wr_put_repr(&c->fold, &b, &name);
    }
    wr_buf_lit(&b, " evaluated to false and no else section was defined.");
    u->hint = wr_buf_text(&b);
    u->kind = WR_UNDEF_DEFAULT;
    return to;
}

/* Jinja2 does not optimize lists and dicts as such, only what is in them. */
static bool
is_operator(const wr_ast_t *n)
{
    return (n->kind >= WR_A_COND && n->kind <= WR_A_GETATTR)
           || (n->kind >= WR_A_CONCAT && n->kind <= WR_A_POS);
}

static wr_node_t *
expr(wr_comp_t *c, wr_cframe_t *f, wr_ast_t *n, bool copy)
{
    wr_val_t v;

    if (is_operator(n)) {
        wr_comp_fold(c, n);
    }
    if ((n->kind == WR_A_CONST || !c->is_volatile) && wr_comp_const(c, n, &v)
        && wr_comp_literal(&v))
    {
        return const_node(c, &v, copy);
    }
    switch (n->kind) {
    case WR_A_NAME: return name_node(c, f, n);
    case WR_A_TUPLE: return list(c, f, n, wr_eval_tuple);
    case WR_A_LIST: return list(c, f, n, wr_eval_list);
    case WR_A_DICT: return list(c, f, n, wr_eval_dict);
    case WR_A_COND: return cond(c, f, n);
    case WR_A_FILTER:
    case WR_A_TEST: return wr_comp_filter(c, f, n);
    case WR_A_CALL: return wr_comp_call(c, f, n);
    case WR_A_GETITEM: return getitem(c, f, n);
    case WR_A_GETATTR: return getattr(c, f, n);
    case WR_A_CONCAT:
        return list(c, f, n,
                    c->autoescape && !c->is_volatile ? wr_eval_concat_auto
                                                     : wr_eval_concat);
    case WR_A_COMPARE: return compare(c, f, n);
    case WR_A_NOT: return unary(c, f, n, wr_eval_not);
    case WR_A_NEG: return unary(c, f, n, wr_eval_neg);
    case WR_A_POS: return unary(c, f, n, wr_eval_pos);
    case WR_A_SAFE_IF: return unary(c, f, n, wr_eval_safe_if);
    case WR_A_DEBUG: return wr_comp_node(c, wr_eval_debug);
    case WR_A_SLICE: /* one of several subscripts: no value fits */
        v = wr_none();
        return const_node(c, &v, false);
    default: return binary(c, f, n);
    }
}

wr_node_t *
wr_comp_expr(wr_comp_t *c, wr_cframe_t *f, wr_ast_t *n)
{
    return expr(c, f, n, true);
}

wr_node_t *
wr_comp_look(wr_comp_t *c, wr_cframe_t *f, wr_ast_t *n)
{
    return expr(c, f, n, false);
}

bool
wr_node_const(const wr_node_t *n, wr_val_t *out)
{
    if (n->eval != wr_eval_const) {
        return false;
    }
    *out = n->u.konst;
    return true;
}
