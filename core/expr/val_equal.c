/*
 * Equality, hashes and ordering, as Python has them: numbers of all types
 * compare by their exact values, other unlike types are unequal and have no
 * order.
 */
#include <weir/base/hash.h>
#include <weir/expr/val_priv.h>

#include <math.h>

#define COMPARING " in comparison"

/* An int with a double, without rounding the int. */
static int
compare_int_float(int64_t i, double f)
{
    int64_t whole;
    double  rest;

    if (isnan(f)) {
        return 2;
    }
    if (f >= 9223372036854775808.0) {
        return -1;
    }
    if (f < -9223372036854775808.0) {
        return 1;
    }
    whole = (int64_t) f;
    if (i != whole) {
        return i < whole ? -1 : 1;
    }
    rest = f - (double) whole;
    return rest > 0 ? -1 : rest < 0;
}

int
wr_num_compare(const wr_val_t *a, const wr_val_t *b)
{
    int c;

    if (a->type != WR_V_FLOAT) {
        if (b->type != WR_V_FLOAT) {
            return a->u.i < b->u.i ? -1 : a->u.i > b->u.i;
        }
        return compare_int_float(a->u.i, b->u.f);
    }
    if (b->type != WR_V_FLOAT) {
        c = compare_int_float(b->u.i, a->u.f);
        return c == 2 ? 2 : -c;
    }
    if (a->u.f < b->u.f) {
        return -1;
    }
    if (a->u.f > b->u.f) {
        return 1;
    }
    return a->u.f == b->u.f ? 0 : 2;
}

static bool
equal_lists(wr_eval_t *ev, const wr_list_t *a, const wr_list_t *b, bool *equal)
{
    bool ok = true;

    if (a == b) {
        *equal = true;
        return true;
    }
    *equal = a->n == b->n;
    if (!*equal) {
        return true;
    }
    if (!wr_nest_enter(ev, COMPARING)) {
        return false;
    }
    for (uint32_t i = 0; ok && *equal && i < a->n && i < b->n; i++) {
        ok = wr_same(ev, &a->items[i], &b->items[i], equal);
    }
    wr_nest_leave(ev);
    return ok;
}

static bool
equal_dicts(wr_eval_t *ev, const wr_dict_t *a, const wr_dict_t *b, bool *equal)
{
    const wr_dict_entry_t *e;
    uint32_t               i = 0;
    bool                   ok = true;

    *equal = a == b || a->live == b->live;
    if (a == b || !*equal) {
        return true;
    }
    if (!wr_nest_enter(ev, COMPARING)) {
        return false;
    }
    while (ok && *equal && (e = wr_dict_next(a, &i)) != NULL) {
        const wr_val_t *other = wr_dict_get(ev, b, &e->key);

        if (other == NULL) {
            *equal = false;
            ok = !ev->failed;
        } else {
            ok = wr_same(ev, &e->value, other, equal);
        }
    }
    wr_nest_leave(ev);
    return ok;
}

static bool
equal_ranges(const wr_range_t *a, const wr_range_t *b)
{
    int64_t n = wr_range_len(a);

    if (n != wr_range_len(b)) {
        return false;
    }
    return n == 0 || (a->start == b->start && (n == 1 || a->step == b->step));
}

static bool
equal_funcs(const wr_func_t *a, const wr_func_t *b)
{
    return a == b
           || (a->fn == b->fn && a->data == b->data
               && a->self.type != WR_V_UNDEFINED
               && a->self.type == b->self.type && a->self.len == b->self.len
               && a->self.u.i == b->self.u.i);
}

static bool
equal_objs(wr_eval_t *ev, const wr_val_t *a, const wr_val_t *b, bool *equal)
{
    const wr_val_t *o = a;
    const wr_val_t *other = b;
    bool            ok;

    if (a->type == WR_V_OBJ && b->type == WR_V_OBJ && a->u.obj == b->u.obj) {
        *equal = true;
        return true;
    }
    if (o->type != WR_V_OBJ || o->u.obj->type->equal == NULL) {
        o = b;
        other = a;
    }
    if (o->type != WR_V_OBJ || o->u.obj->type->equal == NULL) {
        *equal = false;
        return true;
    }
    if (!wr_nest_enter(ev, COMPARING)) {
        return false;
    }
    ok = o->u.obj->type->equal(ev, o->u.obj, other, equal);
    wr_nest_leave(ev);
    return ok;
}

static bool
equal_undefs(wr_eval_t *ev, const wr_val_t *a, const wr_val_t *b, bool *equal)
{
    if (a->type == WR_V_UNDEFINED && wr_undef_kind(ev, a) == WR_UNDEF_STRICT) {
        return wr_undef_raise(ev, a);
    }
    if (b->type == WR_V_UNDEFINED && wr_undef_kind(ev, b) == WR_UNDEF_STRICT) {
        return wr_undef_raise(ev, b);
    }
    *equal = a->type == b->type
             && wr_undef_kind(ev, a) == wr_undef_kind(ev, b);
    return true;
}

static inline bool
equal_text(const wr_val_t *a, const wr_val_t *b)
{
    return a->len == b->len
           && (a->len == 0 || memcmp(a->u.s, b->u.s, a->len) == 0);
}

bool
wr_equal(wr_eval_t *ev, const wr_val_t *a, const wr_val_t *b, bool *equal)
{
    if (a->type == WR_V_STR && b->type == WR_V_STR) {
        *equal = equal_text(a, b);
        return true;
    }
    if (wr_is_number(a) && wr_is_number(b)) {
        *equal = wr_num_compare(a, b) == 0;
        return true;
    }
    if (a->type == WR_V_UNDEFINED || b->type == WR_V_UNDEFINED) {
        return equal_undefs(ev, a, b, equal);
    }
    if (a->type == WR_V_OBJ || b->type == WR_V_OBJ) {
        return equal_objs(ev, a, b, equal);
    }
    if (a->type != b->type) {
        *equal = false;
        return true;
    }
    switch ((wr_vtype_t) a->type) {
    case WR_V_BYTES:
        *equal = equal_text(a, b);
        return true;
    case WR_V_LIST:
    case WR_V_TUPLE:
        return equal_lists(ev, a->u.list, b->u.list, equal);
    case WR_V_DICT:
        return equal_dicts(ev, a->u.dict, b->u.dict, equal);
    case WR_V_RANGE:
        *equal = equal_ranges(a->u.range, b->u.range);
        return true;
    case WR_V_FUNC:
        *equal = equal_funcs(a->u.func, b->u.func);
        return true;
    default:
        *equal = true;      /* none and none */
        return true;
    }
}

/* A nan is not equal to itself, but a container that holds it finds it. */
bool
wr_same(wr_eval_t *ev, const wr_val_t *a, const wr_val_t *b, bool *is)
{
    if (a->type == b->type && a->u.i == b->u.i) {
        if (a->type == WR_V_FLOAT
            || (a->type == WR_V_UNDEFINED && a->u.undef != NULL))
        {
            *is = true;
            return true;
        }
    }
    return wr_equal(ev, a, b, is);
}

/* ---- hashes ---- */

static uint64_t
hash_int(int64_t i)
{
    return wr_hash(&i, sizeof(i));
}

static bool
hash_tuple(wr_eval_t *ev, const wr_list_t *l, uint64_t *hash)
{
    uint64_t parts[2] = {l->n, 0};
    bool     ok = true;

    if (!wr_nest_enter(ev, "")) {
        return false;
    }
    for (uint32_t i = 0; ok && i < l->n; i++) {
        ok = wr_hash_val(ev, &l->items[i], &parts[1]);
        parts[0] = wr_hash(parts, sizeof(parts));
    }
    wr_nest_leave(ev);
    *hash = parts[0];
    return ok;
}

static uint64_t
hash_range(const wr_range_t *r)
{
    int64_t parts[3] = {wr_range_len(r), 0, 0};

    if (parts[0] > 0) {
        parts[1] = r->start;
        parts[2] = parts[0] > 1 ? r->step : 0;
    }
    return wr_hash(parts, sizeof(parts));
}

static uint64_t
hash_float(double f)
{
    if (f >= -9223372036854775808.0 && f < 9223372036854775808.0
        && (double) (int64_t) f == f)
    {
        return hash_int((int64_t) f);
    }
    return wr_hash(&f, sizeof(f));
}

static uint64_t
hash_func(const wr_func_t *f)
{
    uintptr_t parts[3] = {(uintptr_t) f->fn, (uintptr_t) f->self.u.s,
                          (uintptr_t) f->data};

    return wr_hash(parts, sizeof(parts));
}

bool
wr_hash_val(wr_eval_t *ev, const wr_val_t *v, uint64_t *hash)
{
    switch ((wr_vtype_t) v->type) {
    case WR_V_STR:
        *hash = wr_hash(v->len != 0 ? v->u.s : "", v->len);
        return true;
    case WR_V_BYTES:
        *hash = ~wr_hash(v->len != 0 ? v->u.s : "", v->len);
        return true;
    case WR_V_BOOL:
    case WR_V_INT:
        *hash = hash_int(v->u.i);
        return true;
    case WR_V_FLOAT:
        *hash = hash_float(v->u.f);
        return true;
    case WR_V_TUPLE:
        return hash_tuple(ev, v->u.list, hash);
    case WR_V_NONE:
        *hash = 0x6e6f6e65;
        return true;
    case WR_V_UNDEFINED:
        if (wr_undef_kind(ev, v) == WR_UNDEF_STRICT) {
            return wr_undef_raise(ev, v);
        }
        *hash = 0x756e6465 + wr_undef_kind(ev, v);
        return true;
    case WR_V_RANGE:
        *hash = hash_range(v->u.range);
        return true;
    case WR_V_FUNC:
        *hash = hash_func(v->u.func);
        return true;
    case WR_V_OBJ:
        if (v->u.obj->type->equal != NULL) {
            break;
        }
        *hash = wr_hash(&v->u.obj, sizeof(v->u.obj));
        return true;
    default:
        break;
    }
    return wr_raise(ev, "TypeError", "unhashable type: '%s'", wr_type_name(v));
}

/* ---- order ---- */

static int
compare_text(const wr_val_t *a, const wr_val_t *b)
{
    int c = wr_str_cmp(wr_val_text(a), wr_val_text(b));

    return (c > 0) - (c < 0);       /* 2 would mean unordered */
}

/* The first pair that differs decides. */
static bool
compare_lists(wr_eval_t *ev, const char *op, const wr_list_t *a,
              const wr_list_t *b, int *cmp)
{
    uint32_t i = 0;
    bool     same = true;
    bool     ok = true;

    if (!wr_nest_enter(ev, COMPARING)) {
        return false;
    }
    for (; i < a->n && i < b->n; i++) {
        ok = wr_same(ev, &a->items[i], &b->items[i], &same);
        if (!ok || !same) {
            break;
        }
    }
    if (ok) {
        if (i < a->n && i < b->n) {
            ok = wr_compare(ev, op, &a->items[i], &b->items[i], cmp);
        } else {
            *cmp = a->n < b->n ? -1 : a->n > b->n;
        }
    }
    wr_nest_leave(ev);
    return ok;
}

bool
wr_compare(wr_eval_t *ev, const char *op, const wr_val_t *a, const wr_val_t *b,
           int *cmp)
{
    if (wr_is_number(a) && wr_is_number(b)) {
        *cmp = wr_num_compare(a, b);
        return true;
    }
    if (a->type == WR_V_UNDEFINED) {
        return wr_undef_raise(ev, a);
    }
    if (b->type == WR_V_UNDEFINED) {
        return wr_undef_raise(ev, b);
    }
    if (a->type == b->type) {
        switch ((wr_vtype_t) a->type) {
        case WR_V_STR:
        case WR_V_BYTES:
            *cmp = compare_text(a, b);
            return true;
        case WR_V_LIST:
        case WR_V_TUPLE:
            return compare_lists(ev, op, a->u.list, b->u.list, cmp);
        default:
            break;
        }
    }
    return wr_raise(ev, "TypeError",
                    "'%s' not supported between instances of '%s' and '%s'", op,
                    wr_type_name(a), wr_type_name(b));
}
