/*
 * Making values, their types' names, truth and length; memory whose size comes
 * from outside.
 */
#include <weir/expr/budget.h>
#include <weir/expr/dunder.h>
#include <weir/expr/val_priv.h>

wr_val_t
wr_vlist(wr_list_t *l)
{
    return (wr_val_t) {.type = WR_V_LIST, .u.list = l};
}

wr_val_t
wr_vtuple(wr_list_t *l)
{
    return (wr_val_t) {.type = WR_V_TUPLE, .u.list = l};
}

wr_val_t
wr_vdict(wr_dict_t *d)
{
    return (wr_val_t) {.type = WR_V_DICT, .u.dict = d};
}

wr_val_t
wr_vfunc(wr_pool_t *pool, const char *name, wr_fn_t fn, void *data)
{
    wr_func_t *f = WR_NEW(pool, wr_func_t);

    f->name = name;
    f->fn = fn;
    f->data = data;
    return (wr_val_t) {.type = WR_V_FUNC, .u.func = f};
}

wr_val_t
wr_pair(wr_pool_t *pool, const wr_val_t *a, const wr_val_t *b)
{
    struct {
        wr_list_t list;
        wr_val_t  items[2];
    } *pair = wr_alloc(pool, sizeof(*pair));

    pair->list = (wr_list_t) {pair->items, 2, 2};
    pair->items[0] = *a;
    pair->items[1] = *b;
    return wr_vtuple(&pair->list);
}

bool
wr_text_allowed(wr_eval_t *ev, uint64_t n)
{
    if (ev->limits.string != 0 && n > ev->limits.string) {
        return wr_raise(ev, "LimitError",
                        "a string of %" PRIu64 " bytes is over the limit of %u",
                        n, ev->limits.string);
    }
    return true;
}

char *
wr_text_room(wr_eval_t *ev, uint64_t n)
{
    char *p;

    if (n > UINT32_MAX) {
        wr_raise(ev, "LimitError", "a string of %" PRIu64 " bytes is too long",
                 n);
        return NULL;
    }
    if (n < 4096) {
        return wr_alloc_bytes(ev->pool, n + (n == 0));
    }
    p = wr_try_alloc(ev->pool, n);
    if (p == NULL) {
        wr_raise(ev, "LimitError", "not enough memory for a string of %" PRIu64
                 " bytes", n);
    }
    return p;
}

char *
wr_text_room_limited(wr_eval_t *ev, uint64_t n)
{
    return wr_text_allowed(ev, n) ? wr_text_room(ev, n) : NULL;
}

bool
wr_buf_val(wr_eval_t *ev, const wr_buf_t *b, wr_val_t *out)
{
    if (wr_unlikely(b->n > UINT32_MAX)) {
        return wr_raise(ev, "LimitError", "a string of %zu bytes is too long",
                        b->n);
    }
    *out = wr_vstr(wr_buf_text(b));
    return true;
}

wr_list_t *
wr_list_try(wr_eval_t *ev, uint64_t n)
{
    wr_list_t *l;
    wr_val_t  *items = NULL;

    if (n > UINT32_MAX / sizeof(wr_val_t)
        || (n != 0
            && (items = wr_try_alloc(ev->pool, n * sizeof(wr_val_t))) == NULL))
    {
        wr_raise(ev, "LimitError", "not enough memory for %" PRIu64 " items",
                 n);
        return NULL;
    }
    l = WR_NEW(ev->pool, wr_list_t);
    l->items = items;
    l->cap = (uint32_t) n;
    return l;
}

bool
wr_nest_enter(wr_eval_t *ev, const char *where)
{
    if (wr_unlikely(ev->nested >= WR_NEST_MAX)) {
        return wr_raise(ev, "RecursionError",
                        "maximum recursion depth exceeded%s", where);
    }
    if (!wr_spend(ev, 4)) {     /* few values, but endless ways through them */
        return false;
    }
    ev->nested++;
    return true;
}

static const char *
undef_type(const wr_val_t *v)
{
    switch (v->u.undef != NULL ? v->u.undef->kind : WR_UNDEF_DEFAULT) {
    case WR_UNDEF_CHAINABLE: return "ChainableUndefined";
    case WR_UNDEF_DEBUG: return "DebugUndefined";
    case WR_UNDEF_STRICT: return "StrictUndefined";
    default: return "Undefined";
    }
}

const char *
wr_type_name(const wr_val_t *v)
{
    switch ((wr_vtype_t) v->type) {
    case WR_V_UNDEFINED: return undef_type(v);
    case WR_V_NONE: return "NoneType";
    case WR_V_BOOL: return "bool";
    case WR_V_INT: return "int";
    case WR_V_FLOAT: return "float";
    case WR_V_STR: return (v->flags & WR_VF_SAFE) != 0 ? "Markup" : "str";
    case WR_V_BYTES: return "bytes";
    case WR_V_LIST: return "list";
    case WR_V_TUPLE:
        return (v->flags & WR_VF_GROUP) != 0 ? "_GroupTuple" : "tuple";
    case WR_V_DICT: return "dict";
    case WR_V_RANGE: return "range";
    case WR_V_FUNC:
        if (v->u.func->self.type != WR_V_UNDEFINED) {
            return wr_func_is_python(v->u.func) ? "method"
                                                : "builtin_function_or_method";
        }
        return wr_func_class(v->u.func) != NULL ? "type" : "function";
    case WR_V_OBJ: return v->u.obj->type->name;
    }
    return "object";
}

static bool
obj_truth(wr_eval_t *ev, wr_obj_t *o, bool *truth)
{
    int64_t n;

    if (o->type->truth != NULL) {
        return o->type->truth(ev, o, truth);
    }
    if (o->type->length != NULL) {
        if (!o->type->length(ev, o, &n)) {
            return false;
        }
        *truth = n != 0;
        return true;
    }
    *truth = true;
    return true;
}

bool
wr_truth(wr_eval_t *ev, const wr_val_t *v, bool *truth)
{
    switch ((wr_vtype_t) v->type) {
    case WR_V_UNDEFINED:
        if (wr_undef_kind(ev, v) == WR_UNDEF_STRICT) {
            return wr_undef_raise(ev, v);
        }
        *truth = false;
        break;
    case WR_V_NONE:
        *truth = false;
        break;
    case WR_V_BOOL:
    case WR_V_INT:
        *truth = v->u.i != 0;
        break;
    case WR_V_FLOAT:
        *truth = v->u.f != 0;
        break;
    case WR_V_STR:
    case WR_V_BYTES:
        *truth = v->len != 0;
        break;
    case WR_V_LIST:
    case WR_V_TUPLE:
        *truth = v->u.list->n != 0;
        break;
    case WR_V_DICT:
        *truth = v->u.dict->live != 0;
        break;
    case WR_V_RANGE:
        *truth = wr_range_len(v->u.range) != 0;
        break;
    case WR_V_FUNC:
        *truth = true;
        break;
    case WR_V_OBJ:
        return obj_truth(ev, v->u.obj, truth);
    }
    return true;
}

bool
wr_length(wr_eval_t *ev, const wr_val_t *v, int64_t *n)
{
    switch ((wr_vtype_t) v->type) {
    case WR_V_UNDEFINED:
        if (wr_undef_is_void(ev, v)) {
            return wr_undef_raise(ev, v);
        }
        *n = 0;
        return true;
    case WR_V_STR:
        *n = wr_str_points(v);
        return true;
    case WR_V_BYTES:
        *n = v->len;
        return true;
    case WR_V_LIST:
    case WR_V_TUPLE:
        *n = v->u.list->n;
        return true;
    case WR_V_DICT:
        *n = v->u.dict->live;
        return true;
    case WR_V_RANGE:
        *n = wr_range_len(v->u.range);
        return true;
    case WR_V_OBJ:
        if (v->u.obj->type->length != NULL) {
            return v->u.obj->type->length(ev, v->u.obj, n);
        }
        break;
    default:
        break;
    }
    return wr_raise(ev, "TypeError", "object of type '%s' has no len()",
                    wr_type_name(v));
}

bool
wr_is_callable(const wr_val_t *v)
{
    return v->type == WR_V_FUNC || v->type == WR_V_UNDEFINED
           || (v->type == WR_V_OBJ && v->u.obj->type->call != NULL);
}

bool
wr_is_collection(const wr_val_t *v)
{
    switch ((wr_vtype_t) v->type) {
    case WR_V_STR:
    case WR_V_BYTES:
    case WR_V_LIST:
    case WR_V_TUPLE:
    case WR_V_DICT:
    case WR_V_RANGE:
        return true;
    default:
        return false;
    }
}

bool
wr_is_iterable(const wr_val_t *v)
{
    if (v->type == WR_V_OBJ) {
        return v->u.obj->type->iter != NULL
               || (v->u.obj->type->sequence && v->u.obj->type->item != NULL);
    }
    return v->type == WR_V_UNDEFINED || wr_is_collection(v);
}
