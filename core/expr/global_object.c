/*
 * The global functions that make objects with a state: cycler, joiner, namespace.
 */
#include "filter_priv.h"

/* ---- cycler ---- */

typedef struct cycler {
    wr_obj_t   obj;
    wr_list_t *items;
    uint32_t   pos;
} cycler_t;

static bool
no_arguments(wr_eval_t *ev, const char *name, const wr_args_t *args)
{
    const wr_sig_t sig = {name, "self", 0, 0, {NULL}};

    return wr_sig_bind(ev, &sig, args, NULL);
}

static bool
cycler_next(wr_eval_t *ev, const wr_args_t *args, wr_val_t *out)
{
    cycler_t *c = WR_CONTAINER(args->self.u.obj, cycler_t, obj);

    if (!no_arguments(ev, "Cycler.next", args)) {
        return false;
    }
    *out = c->items->items[c->pos];
    c->pos = (c->pos + 1) % c->items->n;
    return true;
}

static bool
cycler_reset(wr_eval_t *ev, const wr_args_t *args, wr_val_t *out)
{
    if (!no_arguments(ev, "Cycler.reset", args)) {
        return false;
    }
    WR_CONTAINER(args->self.u.obj, cycler_t, obj)->pos = 0;
    *out = wr_none();
    return true;
}

static wr_val_t
method(wr_eval_t *ev, wr_obj_t *o, const char *name, wr_fn_t fn)
{
    wr_val_t v = wr_vfunc(ev->pool, name, fn, NULL);

    v.u.func->self = wr_vobj(o);
    return v;
}

static bool
cycler_attr(wr_eval_t *ev, wr_obj_t *o, wr_str_t name, wr_val_t *out)
{
    cycler_t *c = WR_CONTAINER(o, cycler_t, obj);

    if (wr_str_eqz(name, "next")) {
        *out = method(ev, o, "next", cycler_next);
    } else if (wr_str_eqz(name, "reset")) {
        *out = method(ev, o, "reset", cycler_reset);
    } else if (wr_str_eqz(name, "current")) {
        *out = c->items->items[c->pos];
    } else if (wr_str_eqz(name, "pos")) {
        *out = wr_int(c->pos);
    } else if (wr_str_eqz(name, "items")) {
        *out = wr_vtuple(c->items);
    } else {
        return false;
    }
    return true;
}

static const wr_obj_type_t cycler_type = {
    .name = "Cycler", .module = "jinja2.utils", .attr = cycler_attr,
};

WR_FN(wr_global_cycler)
{
    cycler_t *c;

    if (args->nkw != 0) {
        return wr_raise(ev, "TypeError", "Cycler.__init__() got an unexpected "
                        "keyword argument '%.*s'", WR_ARG(args->kw[0].name));
    }
    if (args->n == 0) {
        return wr_raise(ev, "RuntimeError",
                        "at least one item has to be provided");
    }
    c = WR_NEW(ev->pool, cycler_t);
    c->obj.type = &cycler_type;
    c->items = wr_list_new(ev->pool, args->n);
    for (uint32_t i = 0; i < args->n; i++) {
        wr_list_push(ev->pool, c->items, args->pos[i]);
    }
    *out = wr_vobj(&c->obj);
    return true;
}

/* ---- joiner ---- */

typedef struct joiner {
    wr_obj_t obj;
    wr_val_t sep;
    bool     used;
} joiner_t;

static bool
joiner_call(wr_eval_t *ev, wr_obj_t *o, const wr_args_t *args, wr_val_t *out)
{
    joiner_t *j = WR_CONTAINER(o, joiner_t, obj);

    if (!no_arguments(ev, "Joiner.__call__", args)) {
        return false;
    }
    *out = j->used ? j->sep : wr_vstr(WR_STR(""));
    j->used = true;
    return true;
}

static bool
joiner_attr(wr_eval_t *ev, wr_obj_t *o, wr_str_t name, wr_val_t *out)
{
    joiner_t *j = WR_CONTAINER(o, joiner_t, obj);

    (void) ev;
    if (wr_str_eqz(name, "sep")) {
        *out = j->sep;
    } else if (wr_str_eqz(name, "used")) {
        *out = wr_bool(j->used);
    } else {
        return false;
    }
    return true;
}

static const wr_obj_type_t joiner_type = {
    .name = "Joiner", .module = "jinja2.utils", .attr = joiner_attr,
    .call = joiner_call,
};

WR_FN(wr_global_joiner)
{
    static const wr_sig_t sig = {"Joiner.__init__", "self", 0, 1, {"sep"}};
    wr_val_t  sep;
    joiner_t *j;

    if (!wr_sig_bind(ev, &sig, args, &sep)) {
        return false;
    }
    j = WR_NEW(ev->pool, joiner_t);
    j->obj.type = &joiner_type;
    j->sep = wr_given(&sep) ? sep : wr_vstr(WR_STR(", "));
    *out = wr_vobj(&j->obj);
    return true;
}

/* ---- namespace ---- */

typedef struct space {
    wr_obj_t   obj;
    wr_dict_t *attrs;
} space_t;

static bool
space_attr(wr_eval_t *ev, wr_obj_t *o, wr_str_t name, wr_val_t *out)
{
    wr_val_t *v = wr_dict_gets(WR_CONTAINER(o, space_t, obj)->attrs, name);

    (void) ev;
    if (v == NULL) {
        return false;
    }
    *out = *v;
    return true;
}

static bool
space_set(wr_eval_t *ev, wr_obj_t *o, wr_str_t name, const wr_val_t *v)
{
    wr_dict_sets(ev->pool, WR_CONTAINER(o, space_t, obj)->attrs, name, *v);
    return true;
}

static bool
space_repr(wr_eval_t *ev, wr_obj_t *o, wr_buf_t *to)
{
    wr_val_t d = wr_vdict(WR_CONTAINER(o, space_t, obj)->attrs);

    wr_buf_lit(to, "<Namespace ");
    if (!wr_put_repr(ev, to, &d)) {
        return false;
    }
    wr_buf_char(to, '>');
    return true;
}

static const wr_obj_type_t space_type = {
    .name = "Namespace", .module = "jinja2.utils", .attr = space_attr,
    .set_attr = space_set, .str = space_repr, .repr = space_repr,
};

WR_FN(wr_global_namespace)
{
    wr_val_t attrs;
    space_t *s;

    if (!wr_global_dict(ev, args, &attrs)) {
        return false;
    }
    s = WR_NEW(ev->pool, space_t);
    s->obj.type = &space_type;
    s->attrs = attrs.u.dict;
    *out = wr_vobj(&s->obj);
    return true;
}
