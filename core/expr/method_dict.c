/*
 * The methods of dict.
 */
#include <weir/expr/budget.h>
#include <weir/expr/format_priv.h>
#include <weir/expr/method_priv.h>

static WR_METHOD(dict_clear)
{
    if (!wr_take_none(ev, "clear", args)) {
        return false;
    }
    wr_dict_clear(args->self.u.dict);
    *out = wr_none();
    return true;
}

static WR_METHOD(dict_copy)
{
    if (!wr_take_none(ev, "copy", args)) {
        return false;
    }
    *out = wr_vdict(wr_dict_copy(ev->pool, args->self.u.dict));
    return true;
}

static WR_METHOD(dict_fromkeys)
{
    wr_dict_t *d = wr_dict_new(ev->pool, 0);
    wr_val_t   none = wr_none();
    wr_val_t   key;
    wr_iter_t  it;
    wr_rc_t    rc;

    if (!wr_take_some(ev, "fromkeys", args, 1, 2)
        || !wr_iter(ev, &args->pos[0], &it))
    {
        return false;
    }
    while ((rc = it.next(ev, &it, &key)) == WR_OK) {
        if (!wr_dict_set(ev, d, &key, args->n == 2 ? &args->pos[1] : &none)) {
            return false;
        }
    }
    *out = wr_vdict(d);
    return rc == WR_DONE;
}

static WR_METHOD(dict_get)
{
    const wr_val_t *v;

    if (!wr_take_some(ev, "get", args, 1, 2)) {
        return false;
    }
    v = wr_dict_get(ev, args->self.u.dict, &args->pos[0]);
    if (v != NULL) {
        *out = *v;
    } else {
        *out = args->n == 2 ? args->pos[1] : wr_none();
    }
    return !ev->failed;
}

static WR_METHOD(dict_items)
{
    if (!wr_take_none(ev, "items", args)) {
        return false;
    }
    *out = wr_dict_view(ev->pool, args->self.u.dict, WR_VIEW_ITEMS);
    return true;
}

static WR_METHOD(dict_keys)
{
    if (!wr_take_none(ev, "keys", args)) {
        return false;
    }
    *out = wr_dict_view(ev->pool, args->self.u.dict, WR_VIEW_KEYS);
    return true;
}

static WR_METHOD(dict_values)
{
    if (!wr_take_none(ev, "values", args)) {
        return false;
    }
    *out = wr_dict_view(ev->pool, args->self.u.dict, WR_VIEW_VALUES);
    return true;
}

static WR_METHOD(dict_pop)
{
    if (!wr_take_some(ev, "pop", args, 1, 2)) {
        return false;
    }
    /* in an empty one even a list is looked for */
    if (args->self.u.dict->live != 0
        && wr_dict_del(ev, args->self.u.dict, &args->pos[0], out))
    {
        return true;
    }
    if (ev->failed) {
        return false;
    }
    if (args->n == 2) {
        *out = args->pos[1];
        return true;
    }
    return wr_key_error(ev, &args->pos[0]);
}

static WR_METHOD(dict_popitem)
{
    wr_dict_t       *d = args->self.u.dict;
    wr_dict_entry_t *e = NULL;
    wr_dict_entry_t *next;
    uint32_t         i = 0;
    wr_val_t         key;

    if (!wr_take_none(ev, "popitem", args)) {
        return false;
    }
    while ((next = wr_dict_next(d, &i)) != NULL) {
        e = next;
    }
    if (e == NULL) {
        return wr_raise(ev, "KeyError", "'popitem(): dictionary is empty'");
    }
    key = e->key;
    *out = wr_pair(ev->pool, &e->key, &e->value);
    return wr_dict_del(ev, d, &key, NULL);
}

static WR_METHOD(dict_setdefault)
{
    const wr_val_t *v;

    if (!wr_take_some(ev, "setdefault", args, 1, 2)) {
        return false;
    }
    v = wr_dict_get(ev, args->self.u.dict, &args->pos[0]);
    if (v != NULL) {
        *out = *v;
        return true;
    }
    *out = args->n == 2 ? args->pos[1] : wr_none();
    return !ev->failed
           && wr_dict_set(ev, args->self.u.dict, &args->pos[0], out);
}

static bool
take_pair(wr_eval_t *ev, const wr_val_t *v, size_t number, wr_val_t pair[2])
{
    wr_iter_t it;
    wr_val_t  item;
    wr_rc_t   rc;
    size_t    n = 0;

    if (!wr_is_iterable(v)) {
        return wr_raise(ev, "TypeError", "cannot convert dictionary update"
                        " sequence element #%zu to a sequence", number);
    }
    if (!wr_iter(ev, v, &it)) {
        return false;
    }
    while ((rc = it.next(ev, &it, &item)) == WR_OK) {
        if (!wr_spend(ev, 1)) {
            return false;
        }
        if (n < 2) {
            pair[n] = item;
        }
        n++;
    }
    if (rc != WR_DONE) {
        return false;
    }
    return n == 2
           || wr_raise(ev, "ValueError", "dictionary update sequence element"
                       " #%zu has length %zu; 2 is required", number, n);
}

static bool
update_from_mapping(wr_eval_t *ev, wr_dict_t *d, const wr_val_t *v)
{
    wr_iter_t it;
    wr_val_t  key, value;
    wr_rc_t   rc;

    if (!wr_iter(ev, v, &it)) {
        return false;
    }
    while ((rc = it.next(ev, &it, &key)) == WR_OK) {
        if (!wr_spend(ev, 1) || !wr_item_strict(ev, v, &key, &value)
            || !wr_dict_set(ev, d, &key, &value))
        {
            return false;
        }
    }
    return rc == WR_DONE;
}

bool
wr_dict_update(wr_eval_t *ev, wr_dict_t *d, const wr_val_t *v)
{
    const wr_dict_entry_t *e;
    wr_val_t               pair[2];
    wr_val_t               item;
    wr_iter_t              it;
    wr_rc_t                rc;
    uint32_t               i = 0;
    size_t                 n = 0;

    if (v->type == WR_V_DICT) {
        if (v->u.dict == d) {
            return true;
        }
        while ((e = wr_dict_next(v->u.dict, &i)) != NULL) {
            if (!wr_spend(ev, 1) || !wr_dict_set(ev, d, &e->key, &e->value)) {
                return false;
            }
        }
        return true;
    }
    if (v->type == WR_V_UNDEFINED) {
        return wr_undef_raise(ev, v);
    }
    if (v->type == WR_V_OBJ && v->u.obj->type->mapping) {
        return update_from_mapping(ev, d, v);
    }
    if (!wr_iter(ev, v, &it)) {
        return false;
    }
    while ((rc = it.next(ev, &it, &item)) == WR_OK) {
        if (!wr_spend(ev, 1) || !take_pair(ev, &item, n++, pair)
            || !wr_dict_set(ev, d, &pair[0], &pair[1]))
        {
            return false;
        }
    }
    return rc == WR_DONE;
}

static WR_METHOD(dict_update)
{
    wr_dict_t *d = args->self.u.dict;
    wr_args_t  positional = {.pos = args->pos, .n = args->n};

    if (!wr_take_some(ev, "update", &positional, 0, 1)
        || (args->n == 1 && !wr_dict_update(ev, d, &args->pos[0])))
    {
        return false;
    }
    for (uint32_t i = 0; i < args->nkw; i++) {
        wr_dict_sets(ev->pool, d, args->kw[i].name, args->kw[i].value);
    }
    *out = wr_none();
    return true;
}

static const wr_method_t rows[] = {
    {"clear", dict_clear},       {"copy", dict_copy},
    {"fromkeys", dict_fromkeys}, {"get", dict_get},
    {"items", dict_items},       {"keys", dict_keys},
    {"pop", dict_pop},           {"popitem", dict_popitem},
    {"setdefault", dict_setdefault}, {"update", dict_update},
    {"values", dict_values},
};

const wr_methods_t wr_dict_methods = {rows, WR_COUNT(rows)};
