/*
 * What the nodes of expressions do: constants, names, literals. Operators are in
 * eval_op.c, attributes and items in eval_attr.c, calls, filters and tests in
 * eval_call.c. Each function is chosen by the compiler; none looks at what kind of
 * node it has got.
 */
#include <weir/expr/eval_priv.h>

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
    return wr_read_local(m, &n->u.var, out);
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
