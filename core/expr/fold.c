/*
 * Constant folding.
 *
 * What Jinja2 folds shows here and there (`~` of constants forgets Markup, a
 * slice of what has none is undefined), so the same is folded, no more and no
 * less. Results are kept in the nodes; most errors mean "not constant" and come
 * up again when the template runs. But the truth of a constant, its text in a
 * `~`, and the keys of a constant dict are taken where nothing catches what they
 * raise: there the template itself is refused, be the code ever run or not.
 */
#include <weir/expr/eval_priv.h>
#include <weir/expr/guard.h>

static bool fold(wr_comp_t *c, wr_ast_t *n, wr_val_t *out);

/* What went wrong is not caught, unless the reason is a limit of our own. */
static bool
escapes(wr_comp_t *c, bool ok)
{
    if (!ok && c->fold.failed
        && (strcmp(c->fold.err.kind, "UndefinedError") == 0
            || strcmp(c->fold.err.kind, "TypeError") == 0))
    {
        c->fold_raised = true;
    }
    return ok;
}

static bool
fold_list(wr_comp_t *c, wr_ast_list_t *l, wr_list_t **out)
{
    wr_list_t *list = wr_list_new(c->tmp, l->n);
    wr_val_t   v;
    uint32_t   i;

    for (i = 0; i < l->n; i++) {
        if (!wr_comp_const(c, l->v[i], &v)) {
            return false;
        }
        wr_list_push(c->tmp, list, v);
    }
    *out = list;
    return true;
}

static bool
fold_dict(wr_comp_t *c, wr_ast_t *n, wr_val_t *out)
{
    wr_dict_t *d = wr_dict_new(c->tmp, n->list.n / 2);
    wr_val_t   k, v;
    uint32_t   i;

    for (i = 0; i < n->list.n; i += 2) {
        if (!wr_comp_const(c, n->list.v[i], &k)
            || !wr_comp_const(c, n->list.v[i + 1], &v)
            || !escapes(c, wr_dict_set(&c->fold, d, &k, &v)))
        {
            return false;
        }
    }
    *out = wr_vdict(d);
    return true;
}

static bool
fold_args(wr_comp_t *c, wr_ast_t *n, const wr_val_t *first, wr_args_t *args)
{
    wr_list_t  *pos = wr_list_new(c->tmp, n->list.n + 1), *rest;
    wr_kwarg_t *kw;
    wr_val_t    v;
    wr_iter_t   it;
    wr_rc_t     rc;
    uint32_t    i, nkw = n->list2.n;

    wr_list_push(c->tmp, pos, *first);
    if (!fold_list(c, &n->list, &rest)) {
        return false;
    }
    for (i = 0; i < rest->n; i++) {
        wr_list_push(c->tmp, pos, rest->items[i]);
    }
    if (n->b != NULL) {
        if (!wr_comp_const(c, n->b, &v) || !wr_iter(&c->fold, &v, &it)) {
            return false;
        }
        for (i = 0; (rc = it.next(&c->fold, &it, &v)) == WR_OK; i++) {
            if (i > 10000) {
                return false;
            }
            wr_list_push(c->tmp, pos, v);
        }
        if (rc == WR_ERROR) {
            return false;
        }
    }
    if (n->c != NULL) {
        return false;
    }
    kw = WR_NEW_N(c->tmp, wr_kwarg_t, nkw + 1);
    for (i = 0; i < nkw; i++) {
        kw[i].name = n->names[i];
        if (!wr_comp_const(c, n->list2.v[i], &kw[i].value)) {
            return false;
        }
    }
    *args = (wr_args_t){.pos = pos->items, .n = pos->n, .kw = kw, .nkw = nkw};
    return true;
}

/* Jinja2 folds all filters of its own but those that want the context. */
static bool
foldable(const wr_fn_row_t *row, bool filter)
{
    static const char *const not[] = {"random", "map", "select", "reject",
                                      "selectattr", "rejectattr"};
    const wr_fn_row_t *own = filter ? wr_filters : wr_tests;
    unsigned           i;

    if ((row->flags & WR_FN_PURE) != 0) {
        return true;
    }
    for (i = 0; i < WR_COUNT(not); i++) {
        if (strcmp(row->name, not[i]) == 0) {
            return false;
        }
    }
    while (own->name != NULL && own != row) {
        own++;
    }
    return own == row;
}

static bool
fold_filter(wr_comp_t *c, wr_ast_t *n, wr_val_t *out)
{
    const wr_fn_row_t *row;
    wr_args_t          args;
    wr_val_t           x;

    if (n->a == NULL || c->is_volatile) {
        return false;
    }
    row = wr_map_get(n->kind == WR_A_FILTER ? &c->env->filters : &c->env->tests,
                     n->name);
    return row != NULL && foldable(row, n->kind == WR_A_FILTER)
           && wr_comp_const(c, n->a, &x) && fold_args(c, n, &x, &args)
           && row->fn(&c->fold, &args, out);
}

static bool
fold_getitem(wr_comp_t *c, wr_ast_t *n, wr_val_t *out)
{
    wr_val_t  x, v[3];
    wr_ast_t *part[3];
    int       i;

    if (!wr_comp_const(c, n->a, &x)) {
        return false;
    }
    if (n->b->kind != WR_A_SLICE) {
        return wr_comp_const(c, n->b, &v[0])
               && wr_get_item(&c->fold, &x, &v[0], out);
    }
    part[0] = n->b->a;
    part[1] = n->b->b;
    part[2] = n->b->c;
    for (i = 0; i < 3; i++) {
        v[i] = wr_none();
        if (part[i] != NULL && !wr_comp_const(c, part[i], &v[i])) {
            return false;
        }
    }
    if (wr_get_slice(&c->fold, &x, &v[0], &v[1], &v[2], out)) {
        return true;
    }
    if (c->fold.failed && strcmp(c->fold.err.kind, "TypeError") == 0) {
        c->fold.failed = false;
        *out = wr_undef_item(&c->fold, &x, &v[0]);
        return true;
    }
    return false;
}

static bool
fold_concat(wr_comp_t *c, wr_ast_t *n, wr_val_t *out)
{
    wr_buf_t b = wr_buf(c->tmp);
    wr_val_t v;
    uint32_t i;

    for (i = 0; i < n->list.n; i++) {
        if (!wr_comp_const(c, n->list.v[i], &v)
            || !escapes(c, wr_put_str(&c->fold, &b, &v)) || b.n > 1 << 20)
        {
            return false;
        }
    }
    *out = wr_vstr(wr_buf_text(&b));
    return true;
}

static bool
fold_compare(wr_comp_t *c, wr_ast_t *n, wr_val_t *out)
{
    wr_val_t a, b;
    bool     is = true;
    uint32_t i;

    if (!wr_comp_const(c, n->a, &a)) {
        return false;
    }
    for (i = 0; i < n->list.n && is; i++) {
        if (!wr_comp_const(c, n->list.v[i], &b)
            || !wr_compare_by(&c->fold, n->ops[i], &a, &b, &is)) {
            return false;
        }
        a = b;
    }
    *out = wr_bool(is);
    return true;
}

static bool
fold_binary(wr_comp_t *c, wr_ast_t *n, wr_val_t *out)
{
    static const wr_bin_fn ops[] = {wr_op_add, wr_op_sub,      wr_op_mul,
                                    wr_op_div, wr_op_floordiv, wr_op_mod,
                                    wr_op_pow};
    wr_val_t               a, b;

    return wr_comp_const(c, n->a, &a) && wr_comp_const(c, n->b, &b)
           && ops[n->kind - WR_A_ADD](&c->fold, &a, &b, out);
}

static bool
fold_logic(wr_comp_t *c, wr_ast_t *n, wr_val_t *out)
{
    bool truth;

    if (!wr_comp_const(c, n->a, out)
        || !escapes(c, wr_truth(&c->fold, out, &truth)))
    {
        return false;
    }
    return truth == (n->kind == WR_A_OR) || wr_comp_const(c, n->b, out);
}

static bool
fold(wr_comp_t *c, wr_ast_t *n, wr_val_t *out)
{
    wr_list_t *list;
    wr_val_t   v;
    bool       truth;

    switch (n->kind) {
    case WR_A_CONST: *out = n->value; return true;
    case WR_A_TUPLE:
    case WR_A_LIST:
        if (!fold_list(c, &n->list, &list)) {
            return false;
        }
        *out = n->kind == WR_A_LIST ? wr_vlist(list) : wr_vtuple(list);
        return true;
    case WR_A_DICT: return fold_dict(c, n, out);
    case WR_A_COND:
        if (!wr_comp_const(c, n->a, &v)
            || !escapes(c, wr_truth(&c->fold, &v, &truth)))
        {
            return false;
        }
        if (truth) {
            return wr_comp_const(c, n->b, out);
        }
        return n->c != NULL && wr_comp_const(c, n->c, out);
    case WR_A_FILTER:
    case WR_A_TEST: return fold_filter(c, n, out);
    case WR_A_GETITEM: return fold_getitem(c, n, out);
    case WR_A_GETATTR:
        return wr_comp_const(c, n->a, &v)
               && wr_get_attr(&c->fold, &v, n->name, out);
    case WR_A_CONCAT: return fold_concat(c, n, out);
    case WR_A_COMPARE: return fold_compare(c, n, out);
    case WR_A_ADD:
    case WR_A_SUB:
    case WR_A_MUL:
    case WR_A_DIV:
    case WR_A_FLOORDIV:
    case WR_A_MOD:
    case WR_A_POW: return fold_binary(c, n, out);
    case WR_A_AND:
    case WR_A_OR: return fold_logic(c, n, out);
    case WR_A_NOT:
        if (!wr_comp_const(c, n->a, &v) || !wr_truth(&c->fold, &v, &truth)) {
            return false;
        }
        *out = wr_bool(!truth);
        return true;
    case WR_A_NEG:
        return wr_comp_const(c, n->a, &v) && wr_op_neg(&c->fold, &v, out);
    case WR_A_POS:
        return wr_comp_const(c, n->a, &v) && wr_op_pos(&c->fold, &v, out);
    default: return false;
    }
}

typedef struct {
    wr_comp_t *c;
    wr_ast_t  *n;
} folded_t;

static bool
run(wr_eval_t *ev, void *data)
{
    folded_t *x = data;

    (void) ev;
    return fold(x->c, x->n, &x->n->value);
}

bool
wr_comp_const(wr_comp_t *c, wr_ast_t *n, wr_val_t *out)
{
    folded_t x = {c, n};

    if (n->fold == WR_FOLD_NEW || n->fold_auto != c->autoescape) {
        c->fold.autoescape = c->autoescape;
        c->fold.failed = c->fold_raised = false;
        n->fold_auto = c->autoescape;
        n->fold = wr_guarded(&c->fold, run, &x) && !c->fold.failed ? WR_FOLD_YES
                  : c->fold_raised ? WR_FOLD_RAISES : WR_FOLD_NO;
        c->fold.failed = c->fold_raised = false;
    }
    if (n->fold == WR_FOLD_YES) {
        *out = n->value;
        return true;
    }
    return false;
}

static bool
look(wr_ast_t *n, void *data)
{
    wr_comp_t *c = data;
    wr_val_t   v;
    uint32_t   i;

    if (n->folded && n->fold_auto == c->autoescape) {
        return true;
    }
    if (n->kind == WR_A_FILTER || n->kind == WR_A_TEST || n->kind == WR_A_CALL) {
        if (n->a != NULL) {
            look(n->a, c);
        }
        for (i = 0; i < n->list.n + n->list2.n; i++) {
            look(i < n->list.n ? n->list.v[i] : n->list2.v[i - n->list.n], c);
        }
    }
    wr_ast_children(n, look, c);
    if (n->fold == WR_FOLD_RAISES) {
        n->fold = WR_FOLD_NEW; /* the error's text, again */
    }
    wr_comp_const(c, n, &v);
    if (n->fold == WR_FOLD_RAISES) {
        *c->err = c->fold.err;
        c->err->line = n->line;
        c->err->column = wr_comp_column(c, n);
        longjmp(c->jump, 1);
    }
    n->folded = true;
    return true;
}

void
wr_comp_fold(wr_comp_t *c, wr_ast_t *n)
{
    if (!c->is_volatile) {
        look(n, c);
    }
}

bool
wr_comp_literal(const wr_val_t *v)
{
    uint32_t         i = 0;
    wr_dict_entry_t *e;

    switch (v->type) {
    case WR_V_NONE:
    case WR_V_BOOL:
    case WR_V_INT:
    case WR_V_FLOAT:
    case WR_V_STR:
    case WR_V_RANGE: return true;
    case WR_V_LIST:
    case WR_V_TUPLE:
        for (i = 0; i < v->u.list->n; i++) {
            if (!wr_comp_literal(&v->u.list->items[i])) {
                return false;
            }
        }
        return (v->flags & WR_VF_GROUP) == 0;
    case WR_V_DICT:
        while ((e = wr_dict_next(v->u.dict, &i)) != NULL) {
            if (!wr_comp_literal(&e->key) || !wr_comp_literal(&e->value)) {
                return false;
            }
        }
        return true;
    default: return false;
    }
}

bool
wr_comp_mutable(const wr_val_t *v)
{
    uint32_t i;

    if (v->type == WR_V_TUPLE) {
        for (i = 0; i < v->u.list->n; i++) {
            if (wr_comp_mutable(&v->u.list->items[i])) {
                return true;
            }
        }
        return false;
    }
    return v->type == WR_V_LIST || v->type == WR_V_DICT;
}

wr_val_t
wr_comp_keep(wr_comp_t *c, const wr_val_t *v)
{
    return wr_val_copy(c->pool, v);
}
