/*
 * Records: what expressions can do with a row, and how a key is found the first time.
 */
#include <weir/expr/record.h>

#include <weir/expr/json_out.h>
#include <weir/expr/mapping.h>
#include <weir/expr/put.h>
#include <weir/expr/val_priv.h>

static const wr_record_t *
record_of(const wr_obj_t *o)
{
    return (const wr_record_t *) (const void *) o;
}

wr_shape_t *
wr_shape_new(wr_pool_t *pool, const wr_str_t *keys, uint32_t n)
{
    static atomic_uint last;
    wr_json_opts_t     opts = WR_JSON_DEFAULTS;
    wr_shape_t        *s = WR_NEW(pool, wr_shape_t);
    wr_str_t          *json = WR_NEW_N(pool, wr_str_t, n + 1);

    for (uint32_t i = 0; i < n; i++) {
        wr_buf_t b = wr_buf(pool);

        wr_buf_z(&b, i != 0 ? ", " : "");
        wr_json_put_str(&b, keys[i], &opts);
        wr_buf_lit(&b, ": ");
        (void) wr_buf_reserve(&b, WR_PUT_SLACK);    /* may be read as well: put.h */
        json[i] = wr_buf_text(&b);
    }
    s->keys = keys;
    s->json = json;
    s->n = n;
    s->id = atomic_fetch_add(&last, 1) + 1;
    return s;
}

static inline int64_t
place(const wr_shape_t *s, wr_str_t key)
{
    for (uint32_t i = 0; i < s->n; i++) {
        if (s->keys[i].n == key.n && memcmp(s->keys[i].p, key.p, key.n) == 0) {
            return i;
        }
    }
    return -1;
}

const wr_val_t *
wr_record_find(const wr_record_t *r, wr_str_t key, wr_seen_t *seen)
{
    int64_t i = place(r->shape, key);

    if (i >= 0 && r->shape->id != 0) {
        atomic_store_explicit(seen, (uint64_t) r->shape->id << 32 | (uint64_t) i,
                              memory_order_relaxed);
    }
    return i >= 0 ? &r->cells[i] : NULL;
}

/* ---- as a mapping ---- */

static bool
find(wr_obj_t *o, wr_str_t name, wr_val_t *out)
{
    int64_t i = place(record_of(o)->shape, name);

    if (i >= 0) {
        *out = record_of(o)->cells[i];
    }
    return i >= 0;
}

static bool
next(wr_eval_t *ev, wr_obj_t *o, int64_t *at, wr_str_t *key, wr_val_t *value)
{
    const wr_record_t *r = record_of(o);

    (void) ev;
    if (*at >= r->shape->n) {
        return false;
    }
    *key = r->shape->keys[*at];
    *value = r->cells[(*at)++];
    return true;
}

static uint32_t
count(wr_eval_t *ev, wr_obj_t *o)
{
    (void) ev;
    return record_of(o)->shape->n;
}

/* A table may well have a column named "values". */
static const wr_mapping_t map = {
    .find = find, .next = next, .count = count, .keys_first = true,
};

static bool
item(wr_eval_t *ev, wr_obj_t *o, const wr_val_t *key, wr_val_t *out)
{
    const wr_record_t *r = record_of(o);

    if (key->type != WR_V_INT) {
        return wr_mapping_item(ev, o, key, out);
    }
    if (key->u.i < 0 || key->u.i >= r->shape->n) {
        return false;
    }
    *out = r->cells[key->u.i];
    return true;
}

static bool
truth(wr_eval_t *ev, wr_obj_t *o, bool *is)
{
    (void) ev;
    *is = record_of(o)->shape->n != 0;
    return true;
}

/* With another row or a dict: the same keys, in whatever order, with the same values. */
static bool
equal(wr_eval_t *ev, wr_obj_t *o, const wr_val_t *v, bool *is)
{
    const wr_record_t *r = record_of(o), *other = wr_record_of(v);

    *is = other != NULL ? other->shape->n == r->shape->n
                        : v->type == WR_V_DICT && v->u.dict->live == r->shape->n;
    for (uint32_t i = 0; *is && i < r->shape->n; i++) {
        wr_val_t        key = wr_vstr(r->shape->keys[i]);
        int64_t         at = other != NULL ? place(other->shape, r->shape->keys[i]) : -1;
        const wr_val_t *value = other == NULL ? wr_dict_get(ev, v->u.dict, &key)
                                : at >= 0     ? &other->cells[at]
                                              : NULL;

        *is = value != NULL;
        if (ev->failed || (*is && !wr_same(ev, &r->cells[i], value, is))) {
            return false;
        }
    }
    return true;
}

const wr_obj_type_t wr_record_type = {
    .name = "Row", .attr = wr_mapping_attr, .item = item, .truth = truth,
    .str = wr_mapping_repr, .repr = wr_mapping_repr, .map = &map, .mapping = true,
    .length = wr_mapping_length, .iter = wr_mapping_iter, .contains = wr_mapping_contains,
    .equal = equal,
};
