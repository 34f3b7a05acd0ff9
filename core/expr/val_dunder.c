/*
 * __class__ and its kin. A type is an object that knows its name and nothing
 * else, so no path leads from it to anything a template was not given.
 */
#include <weir/expr/dunder.h>
#include <weir/expr/val_priv.h>

typedef struct type_obj {
    wr_obj_t    obj;
    const char *module;
    const char *name;
} type_obj_t;

static wr_val_t type_of(wr_eval_t *ev, const wr_val_t *v);

static bool
type_attr(wr_eval_t *ev, wr_obj_t *o, wr_str_t name, wr_val_t *out)
{
    const type_obj_t *t = (const type_obj_t *) o;
    wr_val_t          self = wr_vobj(o);

    if (wr_str_eqz(name, "__name__") || wr_str_eqz(name, "__qualname__")) {
        *out = wr_vstr(wr_str_z(t->name));
    } else if (wr_str_eqz(name, "__module__")) {
        *out = wr_vstr(wr_str_z(t->module));
    } else if (wr_str_eqz(name, "__class__")) {
        *out = type_of(ev, &self);
    } else {
        return false;
    }
    return true;
}

static bool
type_repr(wr_eval_t *ev, wr_obj_t *o, wr_buf_t *to)
{
    const type_obj_t *t = (const type_obj_t *) o;

    (void) ev;
    wr_buf_lit(to, "<class '");
    if (strcmp(t->module, "builtins") != 0) {
        wr_buf_z(to, t->module);
        wr_buf_char(to, '.');
    }
    wr_buf_z(to, t->name);
    wr_buf_lit(to, "'>");
    return true;
}

static bool
type_equal(wr_eval_t *ev, wr_obj_t *o, const wr_val_t *v, bool *is);

static const wr_obj_type_t type_type = {
    .name = "type", .attr = type_attr, .repr = type_repr, .equal = type_equal,
};

static bool
type_equal(wr_eval_t *ev, wr_obj_t *o, const wr_val_t *v, bool *is)
{
    const type_obj_t *a = (const type_obj_t *) o;
    const type_obj_t *b;

    (void) ev;
    *is = false;
    if (v->type == WR_V_OBJ && v->u.obj->type == &type_type) {
        b = (const type_obj_t *) v->u.obj;
        *is = strcmp(a->name, b->name) == 0
              && strcmp(a->module, b->module) == 0;
    }
    return true;
}

static wr_val_t
type_of(wr_eval_t *ev, const wr_val_t *v)
{
    type_obj_t *t = WR_NEW(ev->pool, type_obj_t);

    t->obj.type = &type_type;
    t->name = wr_type_name(v);
    t->module = "builtins";
    if (v->type == WR_V_OBJ && v->u.obj->type->module != NULL) {
        t->module = v->u.obj->type->module;
    } else if (v->type == WR_V_UNDEFINED) {
        t->module = "jinja2.runtime";
    } else if (wr_is_safe(v)) {
        t->module = "markupsafe";
    }
    return wr_vobj(&t->obj);
}

/* Of every object of Python: no use to a template, but the sandbox says of them
 * that they are unsafe, not that they are missing. */
static const char *const of_all[] = {
    "__delattr__", "__dir__",           "__doc__",     "__eq__",
    "__format__",  "__ge__",            "__getattribute__",
    "__getstate__", "__gt__",           "__hash__",    "__init__",
    "__init_subclass__", "__le__",      "__lt__",      "__ne__",
    "__new__",     "__reduce__",        "__reduce_ex__", "__repr__",
    "__setattr__", "__sizeof__",        "__str__",     "__subclasshook__",
};

bool
wr_find_dunder(wr_eval_t *ev, const wr_val_t *v, wr_str_t name, wr_val_t *out)
{
    if (wr_str_eqz(name, "__class__")) {
        *out = type_of(ev, v);
        return true;
    }
    if (v->type == WR_V_FUNC && wr_str_eqz(name, "__name__")) {
        *out = wr_vstr(wr_str_z(v->u.func->name));
        return true;
    }
    if (ev->sandbox == 0) {
        return false;
    }
    for (size_t i = 0; i < WR_COUNT(of_all); i++) {
        if (wr_str_eqz(name, of_all[i])) {
            *out = wr_none();
            return true;
        }
    }
    if (v->type == WR_V_FUNC
        && (wr_str_eqz(name, "__call__") || wr_str_eqz(name, "__globals__")
            || wr_str_eqz(name, "__code__") || wr_str_eqz(name, "__self__")))
    {
        *out = wr_none();
        return true;
    }
    return false;
}
