/*
 * v[key] as Python itself has it, errors and all: what formatting uses.
 */
#include <weir/expr/format_priv.h>
#include <weir/expr/slice.h>
#include <weir/expr/val_priv.h>

static const char *
index_name(const wr_val_t *v)
{
    switch ((wr_vtype_t) v->type) {
    case WR_V_STR: return "string";
    case WR_V_BYTES: return "index";
    case WR_V_RANGE: return "range object";
    case WR_V_TUPLE: return "tuple";
    default: return "list";
    }
}

static bool
bad_index_type(wr_eval_t *ev, const wr_val_t *v, const wr_val_t *key)
{
    wr_val_t escaped = *key;

    if (wr_is_safe(v) && wr_is_str(key)) {
        escaped.flags |= WR_VF_SAFE; /* what Markup gives to str */
        key = &escaped;
    }
    switch ((wr_vtype_t) v->type) {
    case WR_V_STR:
        return wr_raise(ev, "TypeError",
                        "string indices must be integers, not '%s'",
                        wr_type_name(key));
    case WR_V_BYTES:
        return wr_raise(ev, "TypeError",
                        "byte indices must be integers or slices, not %s",
                        wr_type_name(key));
    default:
        return wr_raise(ev, "TypeError",
                        "%s indices must be integers or slices, not %s",
                        v->type == WR_V_RANGE ? "range" : index_name(v),
                        wr_type_name(key));
    }
}

bool
wr_item_strict(wr_eval_t *ev, const wr_val_t *v, const wr_val_t *key,
               wr_val_t *out)
{
    const wr_val_t *item;

    switch ((wr_vtype_t) v->type) {
    case WR_V_DICT:
        item = wr_dict_get(ev, v->u.dict, key);
        if (item == NULL) {
            return !ev->failed && wr_key_error(ev, key);
        }
        *out = *item;
        return true;
    case WR_V_STR:
    case WR_V_BYTES:
    case WR_V_LIST:
    case WR_V_TUPLE:
    case WR_V_RANGE:
        if (!wr_is_int(key)) {
            return bad_index_type(ev, v, key);
        }
        if (wr_index(ev, v, key->u.i, out)) {
            return true;
        }
        return wr_raise(ev, "IndexError", "%s%s out of range", index_name(v),
                        v->type == WR_V_BYTES ? "" : " index");
    case WR_V_UNDEFINED:
        if (wr_undef_kind(ev, v) == WR_UNDEF_CHAINABLE) {
            *out = *v;
            return true;
        }
        return wr_undef_raise(ev, v);
    case WR_V_OBJ:
        if (v->u.obj->type->item != NULL) {
            return v->u.obj->type->item(ev, v->u.obj, key, out)
                   || (!ev->failed && wr_key_error(ev, key));
        }
        break;
    default:
        break;
    }
    return wr_raise(ev, "TypeError", "'%s' object is not subscriptable",
                    wr_type_name(v));
}
