/*
 * What dict.items(), keys() and values() give: views that follow the dict.
 */
#include <weir/expr/val_priv.h>

typedef struct view {
    wr_obj_t   obj;
    wr_dict_t *dict;
    wr_view_t  kind;
} view_t;

static wr_val_t
entry_val(wr_eval_t *ev, const view_t *view, const wr_dict_entry_t *e)
{
    switch (view->kind) {
    case WR_VIEW_KEYS: return e->key;
    case WR_VIEW_VALUES: return e->value;
    default: return wr_pair(ev->pool, &e->key, &e->value);
    }
}

static bool
view_length(wr_eval_t *ev, wr_obj_t *o, int64_t *n)
{
    (void) ev;
    *n = ((view_t *) o)->dict->live;
    return true;
}

static wr_rc_t
view_next(wr_eval_t *ev, wr_iter_t *it, wr_val_t *out)
{
    const view_t          *view = (const view_t *) it->over.u.obj;
    const wr_dict_entry_t *e;
    wr_rc_t                rc = wr_dict_iterate(ev, view->dict, it, &e);

    if (rc == WR_OK) {
        *out = entry_val(ev, view, e);
    }
    return rc;
}

static bool
view_iter(wr_eval_t *ev, wr_obj_t *o, wr_iter_t *it)
{
    const view_t *view = (const view_t *) o;

    (void) ev;
    it->next = view_next;
    it->over = wr_vobj(o);
    it->left = view->dict->live;
    it->data = (void *) (uintptr_t) view->dict->live;
    return true;
}

static bool
view_repr(wr_eval_t *ev, wr_obj_t *o, wr_buf_t *to)
{
    const view_t          *view = (const view_t *) o;
    const wr_dict_entry_t *e;
    uint32_t               i = 0;
    bool                   first = true;

    wr_buf_z(to, o->type->name);
    wr_buf_lit(to, "([");
    while ((e = wr_dict_next(view->dict, &i)) != NULL) {
        wr_val_t v = entry_val(ev, view, e);

        if (!first) {
            wr_buf_lit(to, ", ");
        }
        first = false;
        if (!wr_put_repr(ev, to, &v)) {
            return false;
        }
    }
    wr_buf_lit(to, "])");
    return true;
}

static bool
has_item(wr_eval_t *ev, const view_t *view, const wr_val_t *v, bool *is)
{
    const wr_val_t *value;

    *is = false;
    if (v->type != WR_V_TUPLE || v->u.list->n != 2) {
        return true;
    }
    value = wr_dict_get(ev, view->dict, &v->u.list->items[0]);
    if (value == NULL) {
        return !ev->failed;
    }
    return wr_same(ev, value, &v->u.list->items[1], is);
}

static bool
has_value(wr_eval_t *ev, const view_t *view, const wr_val_t *v, bool *is)
{
    const wr_dict_entry_t *e;
    uint32_t               i = 0;

    *is = false;
    while (!*is && (e = wr_dict_next(view->dict, &i)) != NULL) {
        if (!wr_same(ev, &e->value, v, is)) {
            return false;
        }
    }
    return true;
}

static bool
view_contains(wr_eval_t *ev, wr_obj_t *o, const wr_val_t *v, bool *is)
{
    const view_t *view = (const view_t *) o;

    switch (view->kind) {
    case WR_VIEW_ITEMS:
        return has_item(ev, view, v, is);
    case WR_VIEW_VALUES:
        return has_value(ev, view, v, is);
    default:
        *is = wr_dict_get(ev, view->dict, v) != NULL;
        return !ev->failed;
    }
}

static bool view_equal(wr_eval_t *ev, wr_obj_t *o, const wr_val_t *v, bool *is);

#define VIEW(name_)                                                           \
    .name = name_, .length = view_length, .iter = view_iter,                  \
    .repr = view_repr, .contains = view_contains

static const wr_obj_type_t keys_type = {VIEW("dict_keys"), .equal = view_equal};
static const wr_obj_type_t items_type = {VIEW("dict_items"),
                                         .equal = view_equal};
static const wr_obj_type_t values_type = {VIEW("dict_values")};

/* Keys and items compare as sets. */
static bool
view_equal(wr_eval_t *ev, wr_obj_t *o, const wr_val_t *v, bool *is)
{
    const view_t *view = (const view_t *) o;
    const view_t *other;
    wr_iter_t     it;
    wr_val_t      item;
    wr_rc_t       rc;

    *is = false;
    if (v->type != WR_V_OBJ
        || (v->u.obj->type != &keys_type && v->u.obj->type != &items_type))
    {
        return true;
    }
    other = (const view_t *) v->u.obj;
    if (view->dict->live != other->dict->live) {
        return true;
    }
    it = (wr_iter_t) {.over = wr_vobj(o)};
    view_iter(ev, o, &it);
    while ((rc = view_next(ev, &it, &item)) == WR_OK) {
        if (!view_contains(ev, v->u.obj, &item, is)) {
            return false;
        }
        if (!*is) {
            return true;
        }
    }
    *is = true;
    return rc == WR_DONE;
}

wr_val_t
wr_dict_view(wr_pool_t *pool, wr_dict_t *d, wr_view_t kind)
{
    view_t *view = WR_NEW(pool, view_t);

    view->obj.type = kind == WR_VIEW_KEYS     ? &keys_type
                     : kind == WR_VIEW_VALUES ? &values_type
                                              : &items_type;
    view->dict = d;
    view->kind = kind;
    return wr_vobj(&view->obj);
}
