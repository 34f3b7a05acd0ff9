/*
 * `in`.
 */
#include <weir/expr/val_priv.h>

static bool
in_str(wr_eval_t *ev, const wr_val_t *c, const wr_val_t *v, bool *is)
{
    if (v->type != WR_V_STR) {
        return wr_raise(ev, "TypeError", "'in <string>' requires string as left"
                        " operand, not %s", wr_type_name(v));
    }
    *is = wr_str_find(wr_val_text(c), wr_val_text(v)) >= 0;
    return true;
}

static bool
in_bytes(wr_eval_t *ev, const wr_val_t *c, const wr_val_t *v, bool *is)
{
    if (v->type == WR_V_BYTES) {
        *is = wr_str_find(wr_val_text(c), wr_val_text(v)) >= 0;
        return true;
    }
    if (!wr_is_int(v)) {
        return wr_raise(ev, "TypeError", "a bytes-like object is required, not"
                        " '%s'", wr_type_name(v));
    }
    if (v->u.i < 0 || v->u.i > 255) {
        return wr_raise(ev, "ValueError", "byte must be in range(0, 256)");
    }
    *is = wr_str_chr(wr_val_text(c), (char) v->u.i) >= 0;
    return true;
}

static bool
in_list(wr_eval_t *ev, const wr_list_t *l, const wr_val_t *v, bool *is)
{
    *is = false;
    for (uint32_t i = 0; i < l->n && !*is; i++) {
        if (!wr_same(ev, &l->items[i], v, is)) {
            return false;
        }
    }
    return true;
}

static bool
in_items(wr_eval_t *ev, const wr_val_t *c, const wr_val_t *v, bool *is)
{
    wr_iter_t it;
    wr_val_t  item;
    wr_rc_t   rc;

    *is = false;
    if (!wr_iter(ev, c, &it)) {
        return false;
    }
    while ((rc = it.next(ev, &it, &item)) == WR_OK) {
        if (!wr_same(ev, &item, v, is)) {
            return false;
        }
        if (*is) {
            return true;
        }
    }
    return rc == WR_DONE;
}

bool
wr_contains(wr_eval_t *ev, const wr_val_t *container, const wr_val_t *v,
            bool *is)
{
    switch ((wr_vtype_t) container->type) {
    case WR_V_STR:
        return in_str(ev, container, v, is);
    case WR_V_BYTES:
        return in_bytes(ev, container, v, is);
    case WR_V_LIST:
    case WR_V_TUPLE:
        return in_list(ev, container->u.list, v, is);
    case WR_V_DICT:
        *is = wr_dict_get(ev, container->u.dict, v) != NULL;
        return !ev->failed;
    case WR_V_RANGE:
        *is = wr_range_find(container->u.range, v) >= 0;
        if (v->type == WR_V_UNDEFINED
            && wr_undef_kind(ev, v) == WR_UNDEF_STRICT
            && wr_range_len(container->u.range) != 0)
        {
            return wr_undef_raise(ev, v);
        }
        return true;
    case WR_V_UNDEFINED:
        if (wr_undef_kind(ev, container) == WR_UNDEF_STRICT) {
            return wr_undef_raise(ev, container);
        }
        *is = false;
        return true;
    case WR_V_OBJ:
        if (container->u.obj->type->contains != NULL) {
            return container->u.obj->type->contains(ev, container->u.obj, v,
                                                    is);
        }
        if (wr_is_iterable(container)) {
            return in_items(ev, container, v, is);
        }
        break;
    default:
        break;
    }
    return wr_raise(ev, "TypeError", "argument of type '%s' is not iterable",
                    wr_type_name(container));
}
