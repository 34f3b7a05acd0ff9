/*
 * Attributes, items and slices in expressions. What a value has of them says val_get.c,
 * val_slice.c; here is what is quick to find: keys of dicts, fields of records.
 */
#include <weir/expr/eval_priv.h>

/* What an attribute is asked of: mostly a local name, which takes no call. */
static inline bool
run_base(wr_mach_t *m, const wr_node_t *n, wr_val_t *out)
{
    return n->eval == wr_eval_local ? wr_read_local(m, &n->u.var, out)
                                    : wr_run_node(m, n, out);
}

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
