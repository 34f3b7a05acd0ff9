/*
 * Mappings of the host: their hooks and methods, in terms of find and next.
 */
#include <weir/expr/mapping.h>
#include <weir/expr/method_priv.h>

static inline const wr_mapping_t *
map_of(const wr_obj_t *o)
{
    return o->type->map;
}

/* ---- the methods ---- */

static bool
get_method(wr_eval_t *ev, const wr_args_t *args, wr_val_t *out)
{
    wr_obj_t *o = args->self.u.obj;
    wr_val_t  v[2];

    if (!wr_args_bind(ev, "get", "key, default=none", args, v, 2)) {
        return false;
    }
    if (v[0].type != WR_V_STR || !map_of(o)->find(o, wr_val_text(&v[0]), out)) {
        *out = wr_given(&v[1]) ? v[1] : wr_none();
    }
    return true;
}

typedef enum { KEYS, VALUES, ITEMS } listing_t;

static wr_val_t
listing(wr_eval_t *ev, wr_obj_t *o, listing_t what)
{
    wr_list_t *list = wr_list_new(ev->pool, map_of(o)->count(ev, o) + 1);
    wr_str_t   key;
    wr_val_t   v;

    for (int64_t at = 0; map_of(o)->next(ev, o, &at, &key, &v);) {
        if (what == ITEMS) {
            wr_list_t *pair = wr_list_new(ev->pool, 2);

            wr_list_push(ev->pool, pair, wr_vstr(key));
            wr_list_push(ev->pool, pair, v);
            v = wr_vtuple(pair);
        }
        wr_list_push(ev->pool, list, what == KEYS ? wr_vstr(key) : v);
    }
    return wr_vlist(list);
}

static bool
list(wr_eval_t *ev, const char *name, listing_t what, const wr_args_t *args, wr_val_t *out)
{
    if (!wr_take_none(ev, name, args)) {
        return false;
    }
    *out = listing(ev, args->self.u.obj, what);
    return true;
}

static bool
keys_method(wr_eval_t *ev, const wr_args_t *args, wr_val_t *out)
{
    return list(ev, "keys", KEYS, args, out);
}

static bool
values_method(wr_eval_t *ev, const wr_args_t *args, wr_val_t *out)
{
    return list(ev, "values", VALUES, args, out);
}

static bool
items_method(wr_eval_t *ev, const wr_args_t *args, wr_val_t *out)
{
    return list(ev, "items", ITEMS, args, out);
}

static const struct {
    wr_str_t name;
    wr_fn_t  fn;
} methods[] = {{WR_STR_INIT("get"), get_method}, {WR_STR_INIT("keys"), keys_method},
               {WR_STR_INIT("values"), values_method}, {WR_STR_INIT("items"), items_method}};

bool
wr_is_mapping_method(wr_str_t name)
{
    switch (name.n) {
    case 3: return memcmp(name.p, "get", 3) == 0;
    case 4: return memcmp(name.p, "keys", 4) == 0;
    case 5: return memcmp(name.p, "items", 5) == 0;
    case 6: return memcmp(name.p, "values", 6) == 0 || memcmp(name.p, "getall", 6) == 0;
    default: return false;
    }
}

/* ---- hooks ---- */

bool
wr_mapping_attr(wr_eval_t *ev, wr_obj_t *o, wr_str_t name, wr_val_t *out)
{
    if (map_of(o)->keys_first && map_of(o)->find(o, name, out)) {
        return true;
    }
    for (unsigned i = 0; i < WR_COUNT(methods); i++) {
        if (wr_str_eq(name, methods[i].name)) {
            *out = wr_vfunc(ev->pool, methods[i].name.p, methods[i].fn, NULL);
            out->u.func->self = wr_vobj(o);
            return true;
        }
    }
    return false;
}

bool
wr_mapping_item(wr_eval_t *ev, wr_obj_t *o, const wr_val_t *key, wr_val_t *out)
{
    (void) ev;
    return key->type == WR_V_STR && map_of(o)->find(o, wr_val_text(key), out);
}

bool
wr_mapping_length(wr_eval_t *ev, wr_obj_t *o, int64_t *n)
{
    *n = map_of(o)->count(ev, o);
    return true;
}

static wr_rc_t
next_key(wr_eval_t *ev, wr_iter_t *it, wr_val_t *out)
{
    wr_obj_t *o = it->over.u.obj;
    wr_str_t  key;
    wr_val_t  unused;

    if (!map_of(o)->next(ev, o, &it->at, &key, &unused)) {
        return WR_DONE;
    }
    *out = wr_vstr(key);
    return WR_OK;
}

bool
wr_mapping_iter(wr_eval_t *ev, wr_obj_t *o, wr_iter_t *it)
{
    *it = (wr_iter_t) {.next = next_key, .over = wr_vobj(o),
                       .left = map_of(o)->count(ev, o)};
    return true;
}

bool
wr_mapping_contains(wr_eval_t *ev, wr_obj_t *o, const wr_val_t *v, bool *is)
{
    wr_val_t unused;

    *is = wr_mapping_item(ev, o, v, &unused);
    return true;
}

bool
wr_mapping_repr(wr_eval_t *ev, wr_obj_t *o, wr_buf_t *to)
{
    wr_str_t key;
    wr_val_t k, v;
    bool     first = true;

    wr_buf_char(to, '{');
    for (int64_t at = 0; map_of(o)->next(ev, o, &at, &key, &v); first = false) {
        k = wr_vstr(key);
        if (!first) {
            wr_buf_lit(to, ", ");
        }
        if (!wr_put_repr(ev, to, &k)) {
            return false;
        }
        wr_buf_lit(to, ": ");
        if (!wr_put_repr(ev, to, &v)) {
            return false;
        }
    }
    wr_buf_char(to, '}');
    return true;
}

wr_val_t
wr_mapping_items(wr_eval_t *ev, wr_obj_t *o)
{
    return listing(ev, o, ITEMS);
}
