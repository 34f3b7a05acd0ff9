/*
 * Macros and call blocks: closures that give text.
 */
#include <weir/expr/compile.h>

typedef struct {
    wr_obj_t          obj;
    const wr_proto_t *proto;
    wr_frame_t       *up; /* where it was defined */
    wr_ctx_t         *ctx;
} macro_t;

wr_val_t
wr_macro_new(wr_mach_t *m, const wr_proto_t *p)
{
    macro_t *o = WR_NEW(m->ev->pool, macro_t);

    o->obj.type = &wr_macro_type;
    o->proto = p;
    o->up = m->f;
    o->ctx = m->f->ctx;
    return wr_vobj(&o->obj);
}

static bool
bad_args(wr_mach_t *m, const wr_proto_t *p, const wr_args_t *args,
         const bool *taken, const char *kind)
{
    wr_buf_t b = wr_buf(m->ev->pool);
    uint32_t i;

    wr_put_repr(m->ev, &b, &p->name);
    if (kind != NULL) {
        return wr_raise(m->ev, "TypeError",
                        "macro %.*s takes not more than %u "
                        "argument(s)",
                        WR_ARG(wr_buf_text(&b)), p->nargs);
    }
    for (i = 0; i < args->nkw; i++) {
        if (!taken[i] && wr_str_eqz(args->kw[i].name, "caller")) {
            return wr_raise(m->ev, "TypeError",
                            "macro %.*s was invoked with "
                            "two values for the special caller argument. This "
                            "is most likely a bug.",
                            WR_ARG(wr_buf_text(&b)));
        }
    }
    return true;
}

/* Names of keywords that no parameter took. `taken` has a bit for each. */
static bool
leftovers(wr_mach_t *m, const wr_proto_t *p, const wr_args_t *args,
          const bool *taken, wr_frame_t *f)
{
    wr_dict_t *d = NULL;
    wr_buf_t   b;
    uint32_t   i;

    if (p->kwargs_slot >= 0) {
        d = wr_dict_new(m->ev->pool, args->nkw);
        f->slots[p->kwargs_slot] = wr_vdict(d);
    }
    for (i = 0; i < args->nkw; i++) {
        if (taken[i]) {
            continue;
        }
        if (d != NULL) {
            wr_dict_sets(m->ev->pool, d, args->kw[i].name, args->kw[i].value);
            continue;
        }
        if (!bad_args(m, p, args, taken, NULL)) {
            return false;
        }
        b = wr_buf(m->ev->pool);
        wr_put_repr(m->ev, &b, &p->name);
        return wr_raise(m->ev, "TypeError",
                        "macro %.*s takes no keyword "
                        "argument '%.*s'",
                        WR_ARG(wr_buf_text(&b)), WR_ARG(args->kw[i].name));
    }
    return true;
}

static bool
varargs(wr_mach_t *m, const wr_proto_t *p, const wr_args_t *args, wr_frame_t *f)
{
    wr_list_t *l;
    uint32_t   i;

    if (p->varargs_slot < 0) {
        return args->n <= p->nargs || bad_args(m, p, args, NULL, "many");
    }
    l = wr_list_new(m->ev->pool, args->n > p->nargs ? args->n - p->nargs : 0);
    for (i = p->nargs; i < args->n; i++) {
        wr_list_push(m->ev->pool, l, args->pos[i]);
    }
    f->slots[p->varargs_slot] = wr_vtuple(l);
    return true;
}

static const wr_val_t *
keyword(const wr_args_t *args, wr_str_t name, bool *taken)
{
    uint32_t i;

    for (i = 0; i < args->nkw; i++) {
        if (!taken[i] && wr_str_eq(args->kw[i].name, name)) {
            taken[i] = true;
            return &args->kw[i].value;
        }
    }
    return NULL;
}

static void
put_function(wr_buf_t *to, const wr_frame_t *up, const wr_proto_t *p)
{
    if (up != NULL) {
        put_function(to, up->up, up->proto);
        wr_buf_lit(to, ".<locals>.");
    }
    if (p->block != NULL) {
        wr_buf_printf(to, "block_%.*s", WR_ARG(p->block->name));
    } else {
        wr_buf_z(to, p->loop != NULL ? "loop" : up != NULL ? "macro" : "root");
    }
}

/* A parameter `caller` that was given by place, but not the last of all that
 * are given: Jinja2 adds one more, which the function has no place for. */
static bool
caller_by_place(const wr_proto_t *p, const wr_args_t *args)
{
    for (uint32_t i = 0; i < p->nargs && i < args->n; i++) {
        if (wr_str_eqz(p->argnames[i], "caller")) {
            return args->n < p->nargs && p->accesses_caller;
        }
    }
    return false;
}

static bool
too_many(wr_mach_t *m, const wr_proto_t *p, const wr_frame_t *up)
{
    wr_buf_t b = wr_buf(m->ev->pool);
    uint32_t n = p->nargs + (p->kwargs_slot >= 0) + (p->varargs_slot >= 0);

    put_function(&b, up, p);
    return wr_raise(m->ev, "TypeError",
                    "%.*s() takes %u positional arguments but %u were given",
                    WR_ARG(wr_buf_text(&b)), n, n + 1);
}

/* Arguments to slots, as far as they are given. */
static bool
bind(wr_mach_t *m, const wr_proto_t *p, const wr_args_t *args, wr_frame_t *f)
{
    bool            few[16] = {false}, *taken = few, odd;
    const wr_val_t *v;
    uint32_t        i;

    if (args->nkw > WR_COUNT(few)) {
        taken = WR_NEW_N(m->ev->pool, bool, args->nkw);
    }
    for (i = 0; i < p->nargs; i++) {
        if (i < args->n) {
            f->slots[p->argslots[i]] = args->pos[i];
            continue;
        }
        v = args->nkw != 0 ? keyword(args, p->argnames[i], taken) : NULL;
        f->slots[p->argslots[i]] = v != NULL ? *v : wr_missing();
    }
    if (p->caller_slot >= 0) {
        v = keyword(args, WR_STR("caller"), taken);
        f->slots[p->caller_slot] =
            v != NULL && v->type != WR_V_NONE
                ? *v
                : wr_undef_hint(m->ev, WR_STR("No caller defined"));
    }
    odd = p->explicit_caller && caller_by_place(p, args);
    if (odd) {
        keyword(args, WR_STR("caller"), taken);
    }
    return leftovers(m, p, args, taken, f) && varargs(m, p, args, f)
           && (!odd || too_many(m, p, f->up));
}

static bool
defaults(wr_mach_t *m, const wr_proto_t *p, wr_frame_t *f)
{
    uint32_t  i;
    wr_val_t *slot, v;

    for (i = 0; i < p->nargs; i++) {
        slot = &f->slots[p->argslots[i]];
        if (wr_likely(!wr_slot_special(slot))) {
            continue;
        }
        if (p->defaults[i] == NULL) {
            v = wr_undef_hint(m->ev, wr_pool_printf(m->ev->pool,
                                                    "parameter '%.*s' was not "
                                                    "provided",
                                                    WR_ARG(p->argnames[i])));
        } else if (!wr_run_node(m, p->defaults[i], &v)) {
            if (m->ev->err.line == 0) {
                m->ev->err.line = p->line;
                m->ev->err.name = p->tpl->name;
            }
            return false;
        }
        *slot = v;
    }
    return true;
}

bool
wr_macro_run(wr_mach_t *m, wr_obj_t *obj, const wr_args_t *args)
{
    macro_t          *o = (macro_t *) obj;
    const wr_proto_t *p = o->proto;
    wr_frame_t       *back = m->f, *f;
    bool              ok;

    if (!wr_mach_enter(m, 4)) {
        return false;
    }
    f = wr_frame_push(m, p, o->up, o->ctx);
    m->f = back; /* wrong arguments are the caller's fault */
    ok = bind(m, p, args, f);
    m->f = f;
    ok = ok && defaults(m, p, f) && wr_run(m, &p->code) != WR_X_FAIL;
    wr_frame_pop(m, f, back);
    m->ev->depth -= 4;
    return ok;
}

static bool
macro_call(wr_eval_t *ev, wr_obj_t *o, const wr_args_t *args, wr_val_t *out)
{
    wr_mach_t *m = ev->machine;
    size_t     from = m->out->n;

    return wr_macro_run(m, o, args)
           && wr_take_output(m, from, ev->autoescape, out);
}

static bool
macro_attr(wr_eval_t *ev, wr_obj_t *obj, wr_str_t name, wr_val_t *out)
{
    const wr_proto_t *p = ((macro_t *) obj)->proto;
    wr_list_t        *l;
    uint32_t          i;

    if (wr_str_eqz(name, "name")) {
        *out = p->name;
    } else if (wr_str_eqz(name, "arguments")) {
        l = wr_list_new(ev->pool, p->nargs);
        for (i = 0; i < p->nargs; i++) {
            wr_list_push(ev->pool, l, wr_vstr(p->argnames[i]));
        }
        *out = wr_vtuple(l);
    } else if (wr_str_eqz(name, "catch_kwargs")) {
        *out = wr_bool(p->kwargs_slot >= 0);
    } else if (wr_str_eqz(name, "catch_varargs")) {
        *out = wr_bool(p->varargs_slot >= 0);
    } else if (wr_str_eqz(name, "caller")) {
        *out = wr_bool(p->accesses_caller);
    } else if (wr_str_eqz(name, "explicit_caller")) {
        *out = wr_bool(p->explicit_caller);
    } else {
        return false;
    }
    return true;
}

static bool
macro_repr(wr_eval_t *ev, wr_obj_t *obj, wr_buf_t *to)
{
    const wr_proto_t *p = ((macro_t *) obj)->proto;

    wr_buf_lit(to, "<Macro ");
    if (p->name.type == WR_V_NONE) {
        wr_buf_lit(to, "anonymous");
    } else if (!wr_put_repr(ev, to, &p->name)) {
        return false;
    }
    wr_buf_char(to, '>');
    return true;
}

const wr_obj_type_t wr_macro_type = {
    .name = "Macro",
    .module = "jinja2.runtime",
    .attr = macro_attr,
    .call = macro_call,
    .str = macro_repr,
    .repr = macro_repr,
};
