/*
 * Deep copies of values, and of the strings of errors.
 */
#include <weir/expr/expr_priv.h>

static bool
is_ascii(wr_str_t s)
{
    size_t i;

    for (i = 0; i < s.n; i++) {
        if ((uint8_t) s.p[i] >= 0x80) {
            return false;
        }
    }
    return true;
}

static wr_list_t *
copy_list(wr_pool_t *pool, const wr_list_t *from)
{
    wr_list_t *l = wr_list_new(pool, from->n);
    uint32_t   i;

    for (i = 0; i < from->n; i++) {
        wr_list_push(pool, l, wr_val_copy(pool, &from->items[i]));
    }
    return l;
}

static wr_dict_t *
copy_dict(wr_pool_t *pool, const wr_dict_t *from)
{
    wr_dict_t       *d = wr_dict_new(pool, from->live);
    wr_eval_t        ev = {.pool = pool};
    wr_dict_entry_t *e;
    wr_val_t         k, v;
    uint32_t         i = 0;

    while ((e = wr_dict_next(from, &i)) != NULL) {
        k = wr_val_copy(pool, &e->key);
        v = wr_val_copy(pool, &e->value);
        wr_dict_set(&ev, d, &k, &v);
    }
    return d;
}

wr_val_t
wr_val_copy(wr_pool_t *pool, const wr_val_t *v)
{
    wr_val_t    out = *v;
    wr_range_t *r;

    switch (v->type) {
    case WR_V_STR:
    case WR_V_BYTES:
        out.u.s = wr_pool_str(pool, wr_val_text(v)).p;
        if (v->type == WR_V_STR && is_ascii(wr_val_text(v))) {
            out.flags |= WR_VF_ASCII;
        }
        break;
    case WR_V_LIST:
    case WR_V_TUPLE: out.u.list = copy_list(pool, v->u.list); break;
    case WR_V_DICT: out.u.dict = copy_dict(pool, v->u.dict); break;
    case WR_V_RANGE:
        r = WR_NEW(pool, wr_range_t);
        *r = *v->u.range;
        out.u.range = r;
        break;
    default: break;
    }
    return out;
}

static inline bool
is_container(const wr_val_t *v)
{
    return v->type == WR_V_LIST || v->type == WR_V_TUPLE || v->type == WR_V_DICT
           || v->type == WR_V_RANGE;
}

static wr_list_t *
fresh_list(wr_pool_t *pool, const wr_list_t *from)
{
    wr_list_t *l = wr_list_new(pool, from->n);

    for (uint32_t i = 0; i < from->n; i++) {
        l->items[i] = from->items[i];
        if (is_container(&l->items[i])) {
            l->items[i] = wr_val_fresh(pool, &from->items[i]);
        }
    }
    l->n = from->n;
    return l;
}

wr_val_t
wr_val_fresh(wr_pool_t *pool, const wr_val_t *v)
{
    wr_val_t out = *v;

    if (v->type == WR_V_LIST || v->type == WR_V_TUPLE) {
        out.u.list = fresh_list(pool, v->u.list);
        return out;
    }
    return is_container(v) ? wr_val_copy(pool, v) : out;
}

void
wr_err_keep(wr_err_t *err, wr_pool_t *pool)
{
    err->message = wr_pool_str(pool, err->message);
    if (err->name.p != NULL) {
        err->name = wr_pool_str(pool, err->name);
    }
}
