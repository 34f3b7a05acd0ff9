/*
 * Operators in expressions: conditions, arithmetic, comparisons, `~`. What they do to
 * values is in val_op.c, val_equal.c, val_contains.c.
 */
#include <weir/expr/budget.h>
#include <weir/expr/eval_priv.h>

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

bool
wr_compare_by(wr_eval_t *ev, uint8_t op, const wr_val_t *a, const wr_val_t *b, bool *is)
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
            || !wr_compare_by(m->ev, n->u.cmp.ops[i], &a, &b, &is))
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
    wr_val_t few[WR_EVAL_FEW], *v = few;
    wr_buf_t b = wr_buf(m->ev->pool);
    bool     safe = false;
    uint32_t i;

    if (n->u.list.n > WR_EVAL_FEW) {
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
