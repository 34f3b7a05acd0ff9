/*
 * Printing values: straight into the output, nothing is allocated for what is
 * common.
 */
#include <weir/expr/eval_priv.h>
#include <weir/expr/guard.h>

/* Room for `room` bytes of output, if `least` of them may be written. */
static WR_COLD void
grow(wr_mach_t *m, size_t least, size_t room)
{
    if (m->out->n + least > m->ev->limits.output) {
        wr_guard_output(m->ev);
    }
    wr_buf_reserve(m->out, room);
}

static inline void
put(wr_mach_t *m, const char *p, size_t n)
{
    if (wr_unlikely(n > m->out->cap - m->out->n)) {
        grow(m, n, n);
    }
    wr_put_bytes(m->out, p, n);
}

enum { MOST = 4096 };   /* bytes in one go */

static void
escape(wr_mach_t *m, const char *p, size_t n)
{
    wr_buf_t *to = m->out;

    while (n != 0) {
        size_t some = wr_min_size(n, MOST), room = some * WR_ESCAPE_LONGEST + WR_ESCAPE_SLACK;

        if (wr_unlikely(to->cap - to->n < room)) {
            grow(m, some, room);
        }
        to->n = (size_t) (wr_escape_to(to->p + to->n, p, some) - to->p);
        p += some;
        n -= some;
    }
}

/* An object whose str() is Markup already: an imported template. */
static bool
is_module(const wr_val_t *v)
{
    return v->type == WR_V_OBJ && v->u.obj->type == &wr_module_type;
}

static bool
within(wr_mach_t *m)
{
    if (wr_unlikely(m->out->n > m->ev->limits.output)) {
        wr_guard_output(m->ev);
        return false;
    }
    return true;
}

bool
wr_print_plain(wr_mach_t *m, const wr_val_t *v)
{
    switch (v->type) {
    case WR_V_STR: put(m, v->u.s, v->len); return true;
    case WR_V_INT: wr_buf_int(m->out, v->u.i); return true;
    case WR_V_UNDEFINED:
        if (v->u.undef != NULL && v->u.undef->kind <= WR_UNDEF_CHAINABLE) {
            return true;
        }
        break;
    default: break;
    }
    return wr_put_str(m->ev, m->out, v) && within(m);
}

bool
wr_print_escaped(wr_mach_t *m, const wr_val_t *v)
{
    switch (v->type) {
    case WR_V_STR:
        if ((v->flags & WR_VF_SAFE) != 0) {
            put(m, v->u.s, v->len);
        } else {
            escape(m, v->u.s, v->len);
        }
        return true;
    case WR_V_INT: wr_buf_int(m->out, v->u.i); return true;
    case WR_V_UNDEFINED:
        if (v->u.undef != NULL && v->u.undef->kind <= WR_UNDEF_CHAINABLE) {
            return true;
        }
        break;
    default: break;
    }
    if (is_module(v)) {
        return wr_put_str(m->ev, m->out, v) && within(m);
    }
    return wr_put_escaped(m->ev, m->out, v) && within(m);
}

/* ---- calls whose result is printed ---- */

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

bool
wr_print_call(wr_mach_t *m, const wr_node_t *n, bool escaped)
{
    wr_val_t    fn, v;
    wr_argbuf_t c;
    bool        done = false;

    if (!wr_run_node(m, n->u.call.fn, &fn)
        || !wr_run_args(m, n->u.call.args, NULL, NULL, &c))
    {
        return false;
    }
    /* What a macro gives is Markup if escaping is on where it is called. */
    if (!(wr_likely(m->ev->autoescape == escaped)
              ? run_or_call(m, &fn, &c.args, escaped, &done, &v)
              : wr_call(m->ev, &fn, &c.args, &v)))
    {
        return false;
    }
    return done || (escaped ? wr_print_escaped(m, &v) : wr_print_plain(m, &v));
}

wr_x_t
wr_exec_callblock(wr_mach_t *m, const wr_stmt_t *s)
{
    const wr_node_t *n = s->u.callblock.call;
    wr_kwarg_t       caller = {WR_STR("caller"), {0}};
    wr_val_t         fn, v;
    wr_argbuf_t      c;
    bool             done;

    caller.value = wr_macro_new(m, s->u.callblock.proto);
    if (!wr_run_node(m, n->u.call.fn, &fn)
        || !wr_run_args(m, n->u.call.args, NULL, &caller, &c)
        || !run_or_call(m, &fn, &c.args, false, &done, &v))
    {
        return WR_X_FAIL;
    }
    if (done) {
        return WR_X_OK;
    }
    if (v.type != WR_V_STR) {
        wr_raise(m->ev, "TypeError",
                 "sequence item 0: expected str instance, %s found",
                 wr_type_name(&v));
        return WR_X_FAIL;
    }
    return wr_print_plain(m, &v) ? WR_X_OK : WR_X_FAIL;
}
