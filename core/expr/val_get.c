/*
 * foo.name and foo[key].
 *
 * Attributes are methods and a few fields of the builtin types; host objects
 * answer through their hooks. The sandbox looks at every attribute that was
 * found and turns a forbidden one into an undefined that raises SecurityError.
 */
#include <weir/expr/dunder.h>
#include <weir/expr/mapping.h>
#include <weir/expr/method.h>
#include <weir/expr/slice.h>
#include <weir/expr/val_priv.h>

static const wr_method_t *
search(const wr_methods_t *m, wr_str_t name)
{
    unsigned low = 0;
    unsigned high = m->n;

    while (low < high) {
        unsigned middle = (low + high) / 2;
        int      d = wr_str_cmp(name, wr_str_z(m->rows[middle].name));

        if (d == 0) {
            return &m->rows[middle];
        }
        if (d < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return NULL;
}

static inline bool
is_text(wr_str_t name, const char *text)
{
    return memcmp(name.p, text, name.n) == 0;
}

/* Most attributes of dicts are items: that is told without a search. */
static inline bool
is_dict_method(wr_str_t name)
{
    switch (name.n) {
    case 3: return is_text(name, "get") || is_text(name, "pop");
    case 4: return is_text(name, "copy") || is_text(name, "keys");
    case 5: return is_text(name, "clear") || is_text(name, "items");
    case 6: return is_text(name, "values") || is_text(name, "update");
    case 7: return is_text(name, "popitem");
    case 8: return is_text(name, "fromkeys");
    case 10: return is_text(name, "setdefault");
    default: return false;
    }
}

const wr_method_t *
wr_method_find(const wr_val_t *v, wr_str_t name)
{
    const wr_method_t *m;

    if (name.n == 0 || name.n > 20) {
        return NULL;
    }
    switch ((wr_vtype_t) v->type) {
    case WR_V_DICT:
        return is_dict_method(name) ? search(&wr_dict_methods, name) : NULL;
    case WR_V_STR:
        if ((v->flags & WR_VF_SAFE) != 0
            && (m = search(&wr_markup_methods, name)) != NULL)
        {
            return m;
        }
        return search(&wr_str_methods, name);
    case WR_V_LIST:
        return search(&wr_list_methods, name);
    case WR_V_TUPLE:
        return search(&wr_tuple_methods, name);
    case WR_V_BOOL:
    case WR_V_INT:
        return search(&wr_int_methods, name);
    case WR_V_FLOAT:
        return search(&wr_float_methods, name);
    case WR_V_BYTES:
        return search(&wr_bytes_methods, name);
    case WR_V_RANGE:
        return search(&wr_range_methods, name);
    default:
        return NULL;
    }
}

bool
wr_markup_has(wr_str_t name)
{
    return search(&wr_markup_methods, name) != NULL;
}

/* Attributes that are no methods. */
static bool
find_field(const wr_val_t *v, wr_str_t name, wr_val_t *out)
{
    switch ((wr_vtype_t) v->type) {
    case WR_V_BOOL:
    case WR_V_INT:
        if (wr_str_eqz(name, "real") || wr_str_eqz(name, "numerator")) {
            *out = wr_int(v->u.i);
        } else if (wr_str_eqz(name, "imag")) {
            *out = wr_int(0);
        } else if (wr_str_eqz(name, "denominator")) {
            *out = wr_int(1);
        } else {
            return false;
        }
        return true;
    case WR_V_FLOAT:
        if (wr_str_eqz(name, "real")) {
            *out = *v;
        } else if (wr_str_eqz(name, "imag")) {
            *out = wr_float(0);
        } else {
            return false;
        }
        return true;
    case WR_V_RANGE:
        if (wr_str_eqz(name, "start")) {
            *out = wr_int(v->u.range->start);
        } else if (wr_str_eqz(name, "stop")) {
            *out = wr_int(v->u.range->stop);
        } else if (wr_str_eqz(name, "step")) {
            *out = wr_int(v->u.range->step);
        } else {
            return false;
        }
        return true;
    case WR_V_TUPLE:
        if ((v->flags & WR_VF_GROUP) == 0) {
            return false;
        }
        if (wr_str_eqz(name, "grouper")) {
            *out = v->u.list->items[0];
        } else if (wr_str_eqz(name, "list")) {
            *out = v->u.list->items[1];
        } else {
            return false;
        }
        return true;
    default:
        return false;
    }
}

uint32_t
wr_attr_types(wr_str_t name)
{
    static const struct {
        const wr_methods_t *methods;
        uint8_t             type;
    } tables[] = {
        {&wr_str_methods, WR_V_STR},     {&wr_markup_methods, WR_V_STR},
        {&wr_list_methods, WR_V_LIST},   {&wr_tuple_methods, WR_V_TUPLE},
        {&wr_dict_methods, WR_V_DICT},   {&wr_int_methods, WR_V_INT},
        {&wr_int_methods, WR_V_BOOL},    {&wr_float_methods, WR_V_FLOAT},
        {&wr_bytes_methods, WR_V_BYTES}, {&wr_range_methods, WR_V_RANGE},
    };
    static const char *const fields[] = {
        "real", "imag", "numerator", "denominator", "start", "stop", "step",
        "grouper", "list",
    };
    uint32_t types = 0;

    if (name.n > 1 && name.p[0] == '_') {
        return UINT32_MAX;
    }
    for (size_t i = 0; i < WR_COUNT(tables); i++) {
        if (search(tables[i].methods, name) != NULL) {
            types |= 1u << tables[i].type;
        }
    }
    for (size_t i = 0; i < WR_COUNT(fields); i++) {
        if (wr_str_eqz(name, fields[i])) {
            types |= 1u << WR_V_BOOL | 1u << WR_V_INT | 1u << WR_V_FLOAT
                     | 1u << WR_V_RANGE | 1u << WR_V_TUPLE;
        }
    }
    return types | 1u << WR_V_OBJ | 1u << WR_V_UNDEFINED | 1u << WR_V_FUNC;
}

/* ---- the sandbox ---- */

static bool
changes_list(wr_str_t name)
{
    return wr_str_eqz(name, "append") || wr_str_eqz(name, "clear")
           || wr_str_eqz(name, "pop") || wr_str_eqz(name, "reverse")
           || wr_str_eqz(name, "insert") || wr_str_eqz(name, "sort")
           || wr_str_eqz(name, "extend") || wr_str_eqz(name, "remove");
}

static bool
changes_dict(wr_str_t name)
{
    return wr_str_eqz(name, "clear") || wr_str_eqz(name, "pop")
           || wr_str_eqz(name, "popitem") || wr_str_eqz(name, "setdefault")
           || wr_str_eqz(name, "update");
}

static bool
is_forbidden(const wr_eval_t *ev, const wr_val_t *v, wr_str_t name)
{
    if ((name.n != 0 && name.p[0] == '_') || wr_is_hidden_attr(v, name)) {
        return true;
    }
    if (ev->sandbox < 2) {
        return false;
    }
    return (v->type == WR_V_LIST && changes_list(name))
           || (v->type == WR_V_DICT && changes_dict(name));
}

static wr_val_t
forbidden(wr_eval_t *ev, const wr_val_t *v, wr_str_t name)
{
    wr_val_t    u = wr_undef_attr(ev, v, name);
    wr_buf_t    text = wr_ev_buf(ev);
    const char *type = wr_type_name(v);

    wr_buf_lit(&text, "access to attribute ");
    wr_put_str_repr(&text, name);
    wr_buf_lit(&text, " of ");
    wr_put_str_repr(&text, wr_str_z(type));
    wr_buf_lit(&text, " object is unsafe.");
    u.u.undef->hint = wr_buf_text(&text);
    u.u.undef->exc = "SecurityError";
    return u;
}

/* ---- attributes ---- */

static wr_val_t
bound(wr_eval_t *ev, const wr_val_t *v, const wr_method_t *m)
{
    wr_val_t f = wr_vfunc(ev->pool, m->name, m->fn, NULL);

    f.u.func->self = *v;
    return f;
}

/* An undefined has no attributes: asking is using it. */
static bool
undef_attr(wr_eval_t *ev, const wr_val_t *v, wr_val_t *out)
{
    if (wr_undef_kind(ev, v) == WR_UNDEF_CHAINABLE) {
        *out = *v;
        return true;
    }
    return wr_undef_raise(ev, v);
}

static inline bool
is_dunder(wr_str_t name)
{
    return name.n > 4 && name.p[0] == '_' && name.p[1] == '_';
}

static bool
find_attr(wr_eval_t *ev, const wr_val_t *v, wr_str_t name, wr_val_t *out)
{
    const wr_method_t *m;

    if (v->type == WR_V_OBJ) {
        if (v->u.obj->type->attr != NULL
            && v->u.obj->type->attr(ev, v->u.obj, name, out))
        {
            return true;
        }
    } else if (v->type == WR_V_UNDEFINED) {
        return (is_dunder(name) && wr_find_dunder(ev, v, name, out))
               || undef_attr(ev, v, out);
    } else {
        m = wr_method_find(v, name);
        if (m != NULL) {
            *out = bound(ev, v, m);
            return true;
        }
        if (find_field(v, name, out)) {
            return true;
        }
    }
    return !ev->failed && (is_dunder(name) || ev->sandbox != 0)
           && wr_find_dunder(ev, v, name, out);
}

bool
wr_find_attr(wr_eval_t *ev, const wr_val_t *v, wr_str_t name, wr_val_t *out)
{
    if (!find_attr(ev, v, name, out)) {
        return false;
    }
    if (ev->sandbox != 0 && is_forbidden(ev, v, name)
        && (v->type != WR_V_UNDEFINED || is_dunder(name)))
    {
        *out = forbidden(ev, v, name);
    }
    return true;
}

bool
wr_get_attr(wr_eval_t *ev, const wr_val_t *v, wr_str_t name, wr_val_t *out)
{
    const wr_val_t *item;
    wr_val_t        key;

    if (name.n != 0 && name.p[0] != '_'
        && (v->type == WR_V_DICT ? !is_dict_method(name)
                                 : v->type == WR_V_OBJ && v->u.obj->type->map != NULL
                                       && !wr_is_mapping_method(name)))
    {
        /* The usual case, in short. */
    } else if (wr_find_attr(ev, v, name, out)) {
        return true;
    } else if (ev->failed) {
        return false;
    }
    if (v->type == WR_V_DICT) {
        item = wr_dict_gets(v->u.dict, name);
        if (wr_likely(item != NULL)) {
            *out = *item;
            return true;
        }
    } else if (v->type == WR_V_OBJ && v->u.obj->type->map != NULL) {
        if (v->u.obj->type->map->find(v->u.obj, name, out)) {
            return true;
        }
    } else if (v->type == WR_V_OBJ && v->u.obj->type->item != NULL) {
        key = wr_vstr(name);
        if (v->u.obj->type->item(ev, v->u.obj, &key, out)) {
            return true;
        }
        if (ev->failed) {
            return false;
        }
    }
    *out = wr_undef_attr(ev, v, name);
    return true;
}

/* ---- items ---- */

/* False without an error: a key that cannot be hashed is in no dict. */
static bool
dict_item(wr_eval_t *ev, const wr_dict_t *d, const wr_val_t *key, wr_val_t *out)
{
    const wr_val_t *item;

    if (key->type == WR_V_STR) {
        item = wr_dict_gets(d, wr_val_text(key));
    } else {
        item = wr_dict_get(ev, d, key);
        if (ev->failed && wr_str_eqz(wr_str_z(ev->err.kind), "TypeError")) {
            ev->failed = false;
        }
    }
    if (item == NULL) {
        return false;
    }
    *out = *item;
    return true;
}

static bool
find_item(wr_eval_t *ev, const wr_val_t *v, const wr_val_t *key, wr_val_t *out)
{
    switch ((wr_vtype_t) v->type) {
    case WR_V_DICT:
        return dict_item(ev, v->u.dict, key, out);
    case WR_V_LIST:
    case WR_V_TUPLE:
    case WR_V_STR:
    case WR_V_BYTES:
    case WR_V_RANGE:
        return wr_is_int(key) && wr_index(ev, v, key->u.i, out);
    case WR_V_OBJ:
        return v->u.obj->type->item != NULL
               && v->u.obj->type->item(ev, v->u.obj, key, out);
    case WR_V_UNDEFINED:
        return undef_attr(ev, v, out);
    default:
        return false;
    }
}

bool
wr_get_item(wr_eval_t *ev, const wr_val_t *v, const wr_val_t *key, wr_val_t *out)
{
    if (find_item(ev, v, key, out)) {
        return true;
    }
    if (ev->failed) {
        return false;
    }
    if (key->type == WR_V_STR) {
        if (wr_find_attr(ev, v, wr_val_text(key), out)) {
            return true;
        }
        if (ev->failed) {
            return false;
        }
    }
    *out = wr_undef_item(ev, v, key);
    return true;
}

bool
wr_invoke(wr_eval_t *ev, const wr_val_t *v, wr_str_t name,
          const wr_args_t *args, wr_val_t *out)
{
    const wr_method_t *m = wr_method_find(v, name);
    wr_args_t          with_self;
    wr_val_t           callee;

    if (m != NULL && (ev->sandbox == 0 || !is_forbidden(ev, v, name))) {
        with_self = *args;
        with_self.self = *v;
        return m->fn(ev, &with_self, out);
    }
    return wr_get_attr(ev, v, name, &callee)
           && wr_call(ev, &callee, args, out);
}
