/*
 * Calls in expressions: functions, methods, `loop.cycle()`, filters, tests. What a value
 * does when it is called is in val_call.c.
 */
#include <weir/expr/eval_priv.h>

bool
wr_eval_call(wr_mach_t *m, const wr_node_t *n, wr_val_t *out)
{
    wr_val_t    fn;
    wr_argbuf_t c;

    return wr_run_node(m, n->u.call.fn, &fn)
           && wr_run_args(m, n->u.call.args, NULL, NULL, &c)
           && wr_call(m->ev, &fn, &c.args, out);
}

bool
wr_eval_loopcall(wr_mach_t *m, const wr_node_t *n, wr_val_t *out)
{
    const wr_node_t *attr = n->u.call.fn;
    wr_val_t         x;
    wr_argbuf_t      c;

    if (!wr_run_node(m, attr->u.attr.x, &x)) {
        return false;
    }
    if (x.type == WR_V_OBJ && x.u.obj->type == &wr_loop_type) {
        return wr_run_args(m, n->u.call.args, NULL, NULL, &c)
               && wr_loop_method(m, x.u.obj, attr->u.attr.loop, &c.args, out);
    }
    return wr_eval_call(m, n, out);
}

/* ---- filters, tests ---- */

static bool
apply(wr_mach_t *m, const wr_node_t *n, const char *kind, wr_val_t *out)
{
    wr_val_t    x;
    wr_argbuf_t c;

    if (n->u.filter.x == NULL) {
        x = *m->filter_text;
    } else if (!wr_run_node(m, n->u.filter.x, &x)) {
        return false;
    }
    if (!wr_run_args(m, n->u.filter.args, &x, NULL, &c)) {
        return false;
    }
    if (wr_unlikely(n->u.filter.row == NULL)) {
        m->ev->err.line = n->u.filter.line;
        m->ev->err.name = m->f->proto->tpl->name;
        return wr_raise(m->ev, "TemplateRuntimeError",
                        "No %s named '%.*s' found.", kind,
                        WR_ARG(n->u.filter.name));
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
