/*
 * What the nodes of expressions do. Each function is chosen by the compiler;
 * none looks at what kind of node it has got.
 */
#include <weir/expr/budget.h>
#include <weir/expr/compile.h>
#include <weir/expr/put.h>

enum {
    ARGS_INLINE = 8
};

bool
wr_eval_const(wr_mach_t *m, const wr_node_t *n, wr_val_t *out)
{
    (void) m;
    *out = n->u.konst;
    return true;
}

/* A literal list or dict: the template may change its copy. */
bool
wr_eval_copy(wr_mach_t *m, const wr_node_t *n, wr_val_t *out)
{
    *out = wr_val_fresh(m->ev->pool, &n->u.konst);
    return true;
}

bool
wr_eval_local(wr_mach_t *m, const wr_node_t *n, wr_val_t *out)
{
    *out = m->f->slots[n->u.var.slot];
    return wr_likely(!wr_slot_special(out))
           || wr_slot_slow(m, &n->u.var, m->f, out);
}

/* What an attribute or an item is asked of: mostly a local name, which takes no call. */
static inline bool
run_base(wr_mach_t *m, const wr_node_t *n, wr_val_t *out)
{
    return n->eval == wr_eval_local ? wr_eval_local(m, n, out) : wr_run_node(m, n, out);
}

bool
wr_eval_outer(wr_mach_t *m, const wr_node_t *n, wr_val_t *out)
{
    return wr_read(m, &n->u.var, out);
}

/* An expression on its own has no names but those from outside. */
bool
wr_eval_alone(wr_mach_t *m, const wr_node_t *n, wr_val_t *out)
{
    const wr_name_t     *name = n->u.var.name;
    const wr_bindings_t *vars = m->vars;

    if (wr_likely(vars != NULL && vars->dict == NULL
                  && (uint32_t) name->slot < vars->nslots
                  && wr_given(&vars->slots[name->slot])))
    {
        *out = vars->slots[name->slot];
        return true;
    }
    *out = m->f->slots[n->u.var.slot];
    if (!wr_slot_special(out)) {
        return true;
    }
    if (out->aux == WR_SLOT_LAZY) {
        if (wr_find_outside(m, name, out)) {
            m->f->slots[n->u.var.slot] = *out;
            return true;
        }
        if (m->ev->failed) {
            return false;
        }
        m->f->slots[n->u.var.slot] = wr_missing();
    }
    *out = (wr_val_t){.type = WR_V_UNDEFINED, .u.undef = (wr_undef_t *) &name->undef};
    return true;
}

/* ---- literals ---- */

static bool
fill(wr_mach_t *m, const wr_node_t *n, wr_list_t **out)
{
    wr_list_t *l = wr_list_new(m->ev->pool, n->u.list.n);
    uint32_t   i;
    wr_val_t   v;

    for (i = 0; i < n->u.list.n; i++) {
        if (!wr_run_node(m, n->u.list.v[i], &v)) {
            return false;
        }
        wr_list_push(m->ev->pool, l, v);
    }
    *out = l;
    return true;
}

bool
wr_eval_tuple(wr_mach_t *m, const wr_node_t *n, wr_val_t *out)
{
    wr_list_t *l;

    if (!fill(m, n, &l)) {
        return false;
    }
    *out = wr_vtuple(l);
    return true;
}

bool
wr_eval_list(wr_mach_t *m, const wr_node_t *n, wr_val_t *out)
{
    wr_list_t *l;

    if (!fill(m, n, &l)) {
        return false;
    }
    *out = wr_vlist(l);
    return true;
}

bool
wr_eval_dict(wr_mach_t *m, const wr_node_t *n, wr_val_t *out)
{
    wr_dict_t *d = wr_dict_new(m->ev->pool, n->u.list.n / 2);
    uint32_t   i;
    wr_val_t   k, v;

    for (i = 0; i < n->u.list.n; i += 2) {
        if (!wr_run_node(m, n->u.list.v[i], &k)
            || !wr_run_node(m, n->u.list.v[i + 1], &v)
            || !wr_dict_set(m->ev, d, &k, &v))
        {
            return false;
        }
    }
    *out = wr_vdict(d);
    return true;
}

/* ---- operators ---- */

static inline bool
truth(wr_mach_t *m, const wr_val_t *v, bool *is)
{
    switch (v->type) {
    case WR_V_BOOL:
    case WR_V_INT: *is = v->u.i != 0; return true;
    case WR_V_STR: *is = v->len != 0; return true;
    case WR_V_NONE: *is = false; return true;
    default: return wr_truth(m->ev, v, is);
    }
}

bool
wr_eval_cond(wr_mach_t *m, const wr_node_t *n, wr_val_t *out)
{
    bool is;

    if (!wr_run_node(m, n->u.cond.test, out) || !truth(m, out, &is)) {
        return false;
    }
    if (is) {
        return wr_run_node(m, n->u.cond.yes, out);
    }
    if (n->u.cond.no != NULL) {
        return wr_run_node(m, n->u.cond.no, out);
    }
    *out = (wr_val_t){.type = WR_V_UNDEFINED, .u.undef = n->u.cond.undef};
    return true;
}

bool
wr_eval_binary(wr_mach_t *m, const wr_node_t *n, wr_val_t *out)
{
    wr_val_t a, b;

    return wr_run_node(m, n->u.bin.a, &a) && wr_run_node(m, n->u.bin.b, &b)
           && n->u.bin.fn(m->ev, &a, &b, out);
}

bool
wr_eval_neg(wr_mach_t *m, const wr_node_t *n, wr_val_t *out)
{
    wr_val_t a;

    return wr_run_node(m, n->u.bin.a, &a) && wr_op_neg(m->ev, &a, out);
}

bool
wr_eval_pos(wr_mach_t *m, const wr_node_t *n, wr_val_t *out)
{
    wr_val_t a;

    return wr_run_node(m, n->u.bin.a, &a) && wr_op_pos(m->ev, &a, out);
}

bool
wr_eval_not(wr_mach_t *m, const wr_node_t *n, wr_val_t *out)
{
    bool is;

    if (!wr_run_node(m, n->u.bin.a, out) || !truth(m, out, &is)) {
        return false;
    }
    *out = wr_bool(!is);
    return true;
}

bool
wr_eval_and(wr_mach_t *m, const wr_node_t *n, wr_val_t *out)
{
    bool is;

    if (!wr_run_node(m, n->u.bin.a, out) || !truth(m, out, &is)) {
        return false;
    }
    return !is || wr_run_node(m, n->u.bin.b, out);
}

bool
wr_eval_or(wr_mach_t *m, const wr_node_t *n, wr_val_t *out)
{
    bool is;

    if (!wr_run_node(m, n->u.bin.a, out) || !truth(m, out, &is)) {
        return false;
    }
    return is || wr_run_node(m, n->u.bin.b, out);
}

static bool
compare(wr_eval_t *ev, uint8_t op, const wr_val_t *a, const wr_val_t *b,
        bool *is)
{
    static const char *const names[] = {"==", "!=", ">", ">=", "<", "<="};
    int                      cmp;

    switch (op) {
    case WR_CMP_EQ: return wr_equal(ev, a, b, is);
    case WR_CMP_NE:
        if (!wr_equal(ev, a, b, is)) {
            return false;
        }
        *is = !*is;
        return true;
    case WR_CMP_IN: return wr_contains(ev, b, a, is);
    case WR_CMP_NOTIN:
        if (!wr_contains(ev, b, a, is)) {
            return false;
        }
        *is = !*is;
        return true;
    default: break;
    }
    if (a->type == WR_V_INT && b->type == WR_V_INT) {
        cmp = a->u.i < b->u.i ? -1 : a->u.i > b->u.i;
    } else if (!wr_compare(ev, names[op], a, b, &cmp)) {
        return false;
    }
    *is = cmp != 2
          && (op == WR_CMP_GT   ? cmp > 0
              : op == WR_CMP_GE ? cmp >= 0
              : op == WR_CMP_LT ? cmp < 0
                                : cmp <= 0);
    return true;
}

bool
wr_eval_compare(wr_mach_t *m, const wr_node_t *n, wr_val_t *out)
{
    wr_val_t a, b;
    uint32_t i;
    bool     is = true;

    if (!wr_run_node(m, n->u.cmp.x, &a)) {
        return false;
    }
    for (i = 0; i < n->u.cmp.n && is; i++) {
        if (!wr_run_node(m, n->u.cmp.v[i], &b)
            || !compare(m->ev, n->u.cmp.ops[i], &a, &b, &is))
        {
            return false;
        }
        a = b;
    }
    *out = wr_bool(is);
    return true;
}

/* ---- ~ ---- */

static bool
put(wr_mach_t *m, wr_buf_t *b, const wr_val_t *v, bool escaped)
{
    wr_buf_t *was = m->out;
    bool      ok;

    if (v->type == WR_V_STR && !wr_may_grow(m->ev, b, v->len)) {
        return false;
    }
    m->out = b;
    ok = escaped ? wr_print_escaped(m, v) : wr_print_plain(m, v);
    m->out = was;
    return ok;
}

/* All parts are evaluated before the first is made text. */
static bool
concat(wr_mach_t *m, const wr_node_t *n, bool may_be_safe, wr_val_t *out)
{
    wr_val_t few[ARGS_INLINE], *v = few;
    wr_buf_t b = wr_buf(m->ev->pool);
    bool     safe = false;
    uint32_t i;

    if (n->u.list.n > ARGS_INLINE) {
        v = wr_alloc(m->ev->pool, n->u.list.n * sizeof(*v));
    }
    for (i = 0; i < n->u.list.n; i++) {
        if (!wr_run_node(m, n->u.list.v[i], &v[i])) {
            return false;
        }
        safe |= (v[i].type == WR_V_STR && (v[i].flags & WR_VF_SAFE) != 0)
                || (v[i].type == WR_V_OBJ
                    && v[i].u.obj->type == &wr_module_type);
    }
    safe = safe && may_be_safe;
    for (i = 0; i < n->u.list.n; i++) {
        if (!put(m, &b, &v[i], safe)) {
            return false;
        }
    }
    if (b.n > UINT32_MAX) {
        return wr_raise(m->ev, "LimitError", "the text is too long");
    }
    *out = safe ? wr_vsafe(wr_buf_text(&b)) : wr_vstr(wr_buf_text(&b));
    return true;
}

bool
wr_eval_concat(wr_mach_t *m, const wr_node_t *n, wr_val_t *out)
{
    return concat(m, n, false, out);
}

/* If a part is Markup, all others are escaped. */
bool
wr_eval_concat_auto(wr_mach_t *m, const wr_node_t *n, wr_val_t *out)
{
    return concat(m, n, true, out);
}

/* ---- attributes, items ---- */

bool
wr_eval_getattr(wr_mach_t *m, const wr_node_t *n, wr_val_t *out)
{
    const wr_record_t *r;
    const wr_val_t    *v;
    wr_val_t           x;

    if (!run_base(m, n->u.attr.x, &x)) {
        return false;
    }
    r = wr_record_of(&x);
    if (r != NULL && n->u.attr.open) {
        v = wr_record_get(r, wr_val_text(&n->u.attr.name), n->u.attr.seen);
        if (v != NULL) {
            *out = *v;
            return true;
        }
    }
    if (x.type == WR_V_DICT && n->u.attr.dict) {
        v = wr_dict_gets(x.u.dict, wr_val_text(&n->u.attr.name));
        if (v != NULL) {
            *out = *v;
            return true;
        }
    }
    return wr_get_attr(m->ev, &x, wr_val_text(&n->u.attr.name), out);
}

bool
wr_eval_loopattr(wr_mach_t *m, const wr_node_t *n, wr_val_t *out)
{
    wr_val_t x;

    if (!run_base(m, n->u.attr.x, &x)) {
        return false;
    }
    if (x.type == WR_V_OBJ && x.u.obj->type == &wr_loop_type) {
        return wr_loop_attr(m, x.u.obj, n->u.attr.loop, out);
    }
    return wr_get_attr(m->ev, &x, wr_val_text(&n->u.attr.name), out);
}

bool
wr_eval_getitem(wr_mach_t *m, const wr_node_t *n, wr_val_t *out)
{
    wr_val_t x, key;

    return wr_run_node(m, n->u.slice.x, &x)
           && wr_run_node(m, n->u.slice.start, &key)
           && wr_get_item(m->ev, &x, &key, out);
}

/* Unlike items, slices fail loudly. */
static bool
check_slice(wr_mach_t *m, const wr_val_t *x, const wr_val_t v[3])
{
    int i;

    switch (x->type) {
    case WR_V_STR:
    case WR_V_BYTES:
    case WR_V_LIST:
    case WR_V_TUPLE:
    case WR_V_RANGE:
        break;
    case WR_V_UNDEFINED:
        return true;
    case WR_V_DICT:
        return wr_raise(m->ev, "TypeError", "unhashable type: 'slice'");
    case WR_V_OBJ:
        if (x->u.obj->type->slice != NULL) {
            break;
        }
        __attribute__((fallthrough));
    default:
        return wr_raise(m->ev, "TypeError", "'%s' object is not subscriptable",
                        wr_type_name(x));
    }
    for (i = 0; i < 3; i++) {
        if (v[i].type != WR_V_INT && v[i].type != WR_V_BOOL
            && v[i].type != WR_V_NONE) {
            return wr_raise(m->ev, "TypeError", "slice indices must be integers "
                            "or None or have an __index__ method");
        }
    }
    return true;
}

bool
wr_eval_slice(wr_mach_t *m, const wr_node_t *n, wr_val_t *out)
{
    wr_val_t         x, v[3];
    const wr_node_t *part[3] = {n->u.slice.start, n->u.slice.stop,
                                n->u.slice.step};
    int              i;

    if (!wr_run_node(m, n->u.slice.x, &x)) {
        return false;
    }
    for (i = 0; i < 3; i++) {
        v[i] = wr_none();
        if (part[i] != NULL && !wr_run_node(m, part[i], &v[i])) {
            return false;
        }
    }
    return check_slice(m, &x, v)
           && wr_get_slice(m->ev, &x, &v[0], &v[1], &v[2], out);
}

/* ---- calls ---- */

typedef struct {
    wr_args_t  args;
    wr_val_t   pos[ARGS_INLINE];
    wr_kwarg_t kw[ARGS_INLINE];
} call_t;

static bool
spread(wr_mach_t *m, const wr_node_t *n, wr_list_t *l)
{
    wr_val_t  v;
    wr_iter_t it;
    wr_rc_t   rc;

    if (!wr_run_node(m, n, &v)) {
        return false;
    }
    if (!wr_is_iterable(&v)) {
        return wr_raise(m->ev, "TypeError",
                        "Value after * must be an iterable, "
                        "not %s", wr_type_name(&v));
    }
    if (!wr_iter(m->ev, &v, &it)) {
        return false;
    }
    while ((rc = it.next(m->ev, &it, &v)) == WR_OK) {
        if (!wr_mach_step(m)) {
            return false;
        }
        wr_list_push(m->ev->pool, l, v);
    }
    return rc != WR_ERROR;
}

static bool
spread_kw(wr_mach_t *m, const wr_node_t *n, const char *what, wr_kwarg_t *kw,
          uint32_t *nkw, uint32_t cap, const wr_dict_t *d)
{
    wr_dict_entry_t *e;
    uint32_t         i = 0, k;

    (void) n;
    while ((e = wr_dict_next(d, &i)) != NULL) {
        if (e->key.type != WR_V_STR) {
            return wr_raise(m->ev, "TypeError", "keywords must be strings");
        }
        for (k = 0; k < *nkw; k++) {
            if (wr_str_eq(kw[k].name, wr_val_text(&e->key))) {
                return wr_raise(m->ev, "TypeError",
                                "%s got multiple values "
                                "for keyword argument '%.*s'",
                                what, WR_ARG(kw[k].name));
            }
        }
        WR_ASSERT(*nkw < cap);
        kw[(*nkw)++] = (wr_kwarg_t){wr_val_text(&e->key), e->value};
    }
    return true;
}

/* The rare kinds of arguments: *a, **k, or many. */
static bool
gather_slow(wr_mach_t *m, const wr_argx_t *a, const wr_val_t *first,
            const wr_kwarg_t *extra, call_t *c)
{
    const char       *what = m->ev->sandbox != 0
                                 ? "jinja2.sandbox.SandboxedEnvironment.call()"
                                 : "jinja2.runtime.Context.call()";
    wr_pool_t        *pool = m->ev->pool;
    wr_list_t        *pos = wr_list_new(pool, a->n + 2);
    wr_kwarg_t       *kw;
    wr_val_t          v, dict = {0};
    uint32_t          i, nkw = 0, cap = a->nkw + 1;

    if (first != NULL) {
        wr_list_push(pool, pos, *first);
    }
    for (i = 0; i < a->n; i++) {
        if (!wr_run_node(m, a->pos[i], &v)) {
            return false;
        }
        wr_list_push(pool, pos, v);
    }
    if (a->dyn != NULL && !spread(m, a->dyn, pos)) {
        return false;
    }
    if (a->dynkw != NULL) {
        if (!wr_run_node(m, a->dynkw, &dict)) {
            return false;
        }
        if (dict.type == WR_V_UNDEFINED) {
            return wr_undef_raise(m->ev, &dict);
        }
        if (dict.type != WR_V_DICT) {
            return wr_raise(m->ev, "TypeError",
                            "%s argument after ** must be "
                            "a mapping, not %s",
                            what, wr_type_name(&dict));
        }
        cap += dict.u.dict->live;
    }
    kw = wr_alloc(pool, cap * sizeof(*kw));
    for (i = 0; i < a->nkw; i++) {
        kw[nkw].name = a->kw[i];
        if (!wr_run_node(m, a->kwv[i], &kw[nkw++].value)) {
            return false;
        }
    }
    if (extra != NULL) {
        kw[nkw++] = *extra;
    }
    if (a->dynkw != NULL
        && !spread_kw(m, a->dynkw, what, kw, &nkw, cap, dict.u.dict))
    {
        return false;
    }
    c->args = (wr_args_t){.pos = pos->items, .n = pos->n, .kw = kw, .nkw = nkw};
    return true;
}

/* Evaluates arguments; `first` and `extra` come along if they are not NULL. */
static inline bool
gather(wr_mach_t *m, const wr_argx_t *a, const wr_val_t *first,
       const wr_kwarg_t *extra, call_t *c)
{
    uint32_t i, k = 0, nkw = 0;

    if (wr_unlikely(a->dyn != NULL || a->dynkw != NULL || a->n + 1 > ARGS_INLINE
                    || a->nkw + 1 > ARGS_INLINE))
    {
        return gather_slow(m, a, first, extra, c);
    }
    if (first != NULL) {
        c->pos[k++] = *first;
    }
    for (i = 0; i < a->n; i++) {
        if (!wr_run_node(m, a->pos[i], &c->pos[k++])) {
            return false;
        }
    }
    for (i = 0; i < a->nkw; i++) {
        c->kw[nkw].name = a->kw[i];
        if (!wr_run_node(m, a->kwv[i], &c->kw[nkw++].value)) {
            return false;
        }
    }
    if (extra != NULL) {
        c->kw[nkw++] = *extra;
    }
    c->args.pos = c->pos;
    c->args.n = k;
    c->args.kw = c->kw;
    c->args.nkw = nkw;
    c->args.self = (wr_val_t){0};
    return true;
}

bool
wr_eval_call(wr_mach_t *m, const wr_node_t *n, wr_val_t *out)
{
    wr_val_t fn;
    call_t   c;

    return wr_run_node(m, n->u.call.fn, &fn)
           && gather(m, n->u.call.args, NULL, NULL, &c)
           && wr_call(m->ev, &fn, &c.args, out);
}

bool
wr_eval_loopcall(wr_mach_t *m, const wr_node_t *n, wr_val_t *out)
{
    const wr_node_t *attr = n->u.call.fn;
    wr_val_t         x;
    call_t           c;

    if (!wr_run_node(m, attr->u.attr.x, &x)) {
        return false;
    }
    if (x.type == WR_V_OBJ && x.u.obj->type == &wr_loop_type) {
        return gather(m, n->u.call.args, NULL, NULL, &c)
               && wr_loop_method(m, x.u.obj, attr->u.attr.loop, &c.args, out);
    }
    return wr_eval_call(m, n, out);
}

/* Calls what puts out text straight into the output; `*done` is false if it was
 * something else, whose value is in `out` then; with `escape` also if the text
 * is to be escaped. */
static bool
run_or_call(wr_mach_t *m, const wr_val_t *fn, const wr_args_t *args, bool escape,
            bool *done, wr_val_t *out)
{
    const wr_obj_type_t *t = fn->type == WR_V_OBJ ? fn->u.obj->type : NULL;

    *done = true;
    if (t == &wr_macro_type) {
        return wr_macro_run(m, fn->u.obj, args);
    }
    if (t == &wr_blockref_type && (!escape || wr_blockref_safe(fn->u.obj))) {
        return wr_blockref_run(m, fn->u.obj, args);
    }
    if (t == &wr_loop_type && (!escape || wr_loop_safe(fn->u.obj))) {
        return wr_loop_call(m, fn->u.obj, args);
    }
    *done = false;
    return wr_call(m->ev, fn, args, out);
}

static inline wr_x_t
print_run(wr_mach_t *m, const wr_stmt_t *s, bool auto_on)
{
    const wr_node_t *n = s->u.print.x;
    wr_val_t         fn, v;
    call_t           c;
    bool             done;

    if (s->u.print.text.n != 0) {
        wr_put_text(m->out, s->u.print.text.p, s->u.print.text.n);
    }
    if (!wr_run_node(m, n->u.call.fn, &fn)
        || !gather(m, n->u.call.args, NULL, NULL, &c))
    {
        return WR_X_FAIL;
    }
    /* What a macro gives is Markup if escaping is on where it is called. */
    if (wr_unlikely(m->ev->autoescape != auto_on)) {
        if (!wr_call(m->ev, &fn, &c.args, &v)) {
            return WR_X_FAIL;
        }
        done = false;
    } else if (!run_or_call(m, &fn, &c.args, auto_on, &done, &v)) {
        return WR_X_FAIL;
    }
    if (!done
        && !(auto_on ? wr_print_escaped(m, &v) : wr_print_plain(m, &v))) {
        return WR_X_FAIL;
    }
    if (s->u.print.tail.n != 0) {
        wr_put_text(m->out, s->u.print.tail.p, s->u.print.tail.n);
    }
    return WR_X_OK;
}

wr_x_t
wr_exec_print_run(wr_mach_t *m, const wr_stmt_t *s)
{
    return print_run(m, s, false);
}

wr_x_t
wr_exec_print_run_auto(wr_mach_t *m, const wr_stmt_t *s)
{
    return print_run(m, s, true);
}

wr_x_t
wr_exec_callblock(wr_mach_t *m, const wr_stmt_t *s)
{
    const wr_node_t *n = s->u.callblock.call;
    wr_kwarg_t       caller = {WR_STR("caller"), {0}};
    wr_val_t         fn, v;
    call_t           c;
    bool             done;

    caller.value = wr_macro_new(m, s->u.callblock.proto);
    if (!wr_run_node(m, n->u.call.fn, &fn)
        || !gather(m, n->u.call.args, NULL, &caller, &c)
        || !run_or_call(m, &fn, &c.args, false, &done, &v))
    {
        return WR_X_FAIL;
    }
    if (done) {
        return WR_X_OK;
    }
    if (v.type != WR_V_STR) {
        wr_raise(m->ev, "TypeError",
                 "sequence item 0: expected str instance, "
                 "%s found",
                 wr_type_name(&v));
        return WR_X_FAIL;
    }
    return wr_print_plain(m, &v) ? WR_X_OK : WR_X_FAIL;
}

/* ---- filters, tests ---- */

static bool
apply(wr_mach_t *m, const wr_node_t *n, const char *kind, wr_val_t *out)
{
    wr_val_t x;
    call_t   c;

    if (n->u.filter.x == NULL) {
        x = *m->filter_text;
    } else if (!wr_run_node(m, n->u.filter.x, &x)) {
        return false;
    }
    if (!gather(m, n->u.filter.args, &x, NULL, &c)) {
        return false;
    }
    if (wr_unlikely(n->u.filter.row == NULL)) {
        m->ev->err.line = n->u.filter.line;
        m->ev->err.name = m->f->proto->tpl->name;
        return wr_raise(m->ev, "TemplateRuntimeError",
                        "No %s named '%.*s' "
                        "found.",
                        kind, WR_ARG(n->u.filter.name));
    }
    return n->u.filter.row->fn(m->ev, &c.args, out);
}

bool
wr_eval_filter(wr_mach_t *m, const wr_node_t *n, wr_val_t *out)
{
    return apply(m, n, "filter", out);
}

bool
wr_eval_test(wr_mach_t *m, const wr_node_t *n, wr_val_t *out)
{
    return apply(m, n, "test", out);
}

/* ---- the extensions' own ---- */

bool
wr_eval_safe_if(wr_mach_t *m, const wr_node_t *n, wr_val_t *out)
{
    wr_val_t v;

    if (!wr_run_node(m, n->u.bin.a, out)) {
        return false;
    }
    if (m->ev->autoescape) {
        v = *out;
        if (!wr_str_val(m->ev, &v, out)) {
            return false;
        }
        out->flags |= WR_VF_SAFE;
    }
    return true;
}
