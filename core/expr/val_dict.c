/*
 * Lists and dicts.
 *
 * A dict is an array of entries in the order of insertion. Up to SMALL of them
 * are searched one by one, which beats hashing; beyond that `slots` holds open
 * addressing with linear probing. A removed entry keeps its slot until the next
 * rebuild.
 */
#include <weir/base/hash.h>
#include <weir/expr/val_priv.h>

enum { SMALL = 8 };

wr_list_t *
wr_list_new(wr_pool_t *pool, uint32_t cap)
{
    wr_list_t *l = wr_alloc(pool, sizeof(*l));

    l->items = cap != 0 ? wr_alloc(pool, sizeof(wr_val_t) * cap) : NULL;
    l->n = 0;
    l->cap = cap;
    return l;
}

void
wr_list_grow(wr_pool_t *pool, wr_list_t *l)
{
    uint32_t  cap = l->cap != 0 ? l->cap * 2 : 4;
    size_t    old = sizeof(wr_val_t) * l->cap;
    wr_val_t *items;

    WR_ASSERT(cap > l->cap);
    if (l->items == NULL
        || !wr_pool_extend(pool, l->items, old, sizeof(wr_val_t) * cap))
    {
        items = wr_alloc(pool, sizeof(wr_val_t) * cap);
        if (l->n != 0) {
            memcpy(items, l->items, sizeof(wr_val_t) * l->n);
        }
        l->items = items;
    }
    l->cap = cap;
}

wr_dict_t *
wr_dict_new(wr_pool_t *pool, uint32_t cap)
{
    wr_dict_t *d = WR_NEW(pool, wr_dict_t);

    if (cap != 0) {
        d->entries = wr_alloc(pool, sizeof(wr_dict_entry_t) * cap);
        d->cap = cap;
    }
    return d;
}

static inline bool
removed(const wr_dict_entry_t *e)
{
    return e->key.type == WR_V_UNDEFINED && e->key.aux == WR_DICT_REMOVED;
}

wr_dict_entry_t *
wr_dict_next(const wr_dict_t *d, uint32_t *i)
{
    while (*i < d->n) {
        wr_dict_entry_t *e = &d->entries[(*i)++];

        if (wr_likely(!removed(e))) {
            return e;
        }
    }
    return NULL;
}

/* ---- finding ---- */

/* Most keys are short: no call for them. */
static inline bool
same_bytes(const char *a, const char *b, size_t n)
{
    uint64_t x, y;
    uint32_t v, w;

    if (n > 16) {
        return memcmp(a, b, n) == 0;
    }
    if (n >= 8) {
        memcpy(&x, a, 8);
        memcpy(&y, b, 8);
        if (x != y) {
            return false;
        }
        memcpy(&x, a + n - 8, 8);
        memcpy(&y, b + n - 8, 8);
        return x == y;
    }
    if (n >= 4) {
        memcpy(&v, a, 4);
        memcpy(&w, b, 4);
        if (v != w) {
            return false;
        }
        memcpy(&v, a + n - 4, 4);
        memcpy(&w, b + n - 4, 4);
        return v == w;
    }
    return n == 0
           || (a[0] == b[0] && a[n / 2] == b[n / 2] && a[n - 1] == b[n - 1]);
}

static inline bool
has_text(const wr_dict_entry_t *e, wr_str_t key)
{
    return e->key.type == WR_V_STR && e->key.len == key.n
           && same_bytes(e->key.u.s, key.p, key.n);
}

static wr_dict_entry_t *
find_text(const wr_dict_t *d, wr_str_t key)
{
    uint64_t hash;

    if (key.n == 0) {
        key.p = "";
    }
    if (d->slots == NULL) {
        for (uint32_t i = 0; i < d->n; i++) {
            if (has_text(&d->entries[i], key)) {
                return &d->entries[i];
            }
        }
        return NULL;
    }
    hash = wr_hash(key.p, key.n);
    for (uint32_t at = (uint32_t) hash & d->mask; d->slots[at] != 0;
         at = (at + 1) & d->mask)
    {
        wr_dict_entry_t *e = &d->entries[d->slots[at] - 1];

        if (e->hash == hash && has_text(e, key)) {
            return e;
        }
    }
    return NULL;
}

/* Any key but a str. Keys that can be hashed compare without errors, but for
 * host objects, whose error then stays in `ev`. */
static wr_dict_entry_t *
find_any(wr_eval_t *ev, const wr_dict_t *d, const wr_val_t *key, uint64_t hash)
{
    bool same;

    if (d->slots == NULL) {
        for (uint32_t i = 0; i < d->n; i++) {
            wr_dict_entry_t *e = &d->entries[i];

            if (removed(e) || e->key.type == WR_V_STR) {
                continue;
            }
            if (!wr_same(ev, &e->key, key, &same)) {
                return NULL;
            }
            if (same) {
                return e;
            }
        }
        return NULL;
    }
    for (uint32_t at = (uint32_t) hash & d->mask; d->slots[at] != 0;
         at = (at + 1) & d->mask)
    {
        wr_dict_entry_t *e = &d->entries[d->slots[at] - 1];

        if (e->hash != hash || removed(e)) {
            continue;
        }
        if (!wr_same(ev, &e->key, key, &same)) {
            return NULL;
        }
        if (same) {
            return e;
        }
    }
    return NULL;
}

wr_val_t *
wr_dict_gets(const wr_dict_t *d, wr_str_t key)
{
    wr_dict_entry_t *e = find_text(d, key);

    return e != NULL ? &e->value : NULL;
}

static bool
find(wr_eval_t *ev, const wr_dict_t *d, const wr_val_t *key,
     wr_dict_entry_t **e)
{
    uint64_t hash;

    if (key->type == WR_V_STR) {
        *e = find_text(d, wr_val_text(key));
        return true;
    }
    if (!wr_hash_val(ev, key, &hash)) {
        return false;
    }
    *e = find_any(ev, d, key, hash);
    return !ev->failed;
}

wr_val_t *
wr_dict_get(wr_eval_t *ev, const wr_dict_t *d, const wr_val_t *key)
{
    wr_dict_entry_t *e;

    if (!find(ev, d, key, &e) || e == NULL) {
        return NULL;
    }
    return &e->value;
}

/* ---- changing ---- */

static void
add_slot(wr_dict_t *d, uint32_t i)
{
    uint32_t at = (uint32_t) d->entries[i].hash & d->mask;

    while (d->slots[at] != 0) {
        at = (at + 1) & d->mask;
    }
    d->slots[at] = i + 1;
}

/* The keys of a small dict have no hashes yet. All of them can be hashed. */
static void
hash_keys(wr_eval_t *ev, wr_dict_t *d)
{
    for (uint32_t i = 0; i < d->n; i++) {
        wr_dict_entry_t *e = &d->entries[i];

        if (e->key.type == WR_V_STR) {
            e->hash = wr_hash(e->key.u.s, e->key.len);
        } else if (!removed(e)) {
            wr_hash_val(ev, &e->key, &e->hash);
        }
    }
}

static void
make_slots(wr_pool_t *pool, wr_dict_t *d)
{
    uint32_t size = d->mask + 1;

    while (size < d->cap * 2 || size < 16) {
        size *= 2;
    }
    d->slots = wr_zalloc(pool, sizeof(uint32_t) * size);
    d->mask = size - 1;
    for (uint32_t i = 0; i < d->n; i++) {
        if (!removed(&d->entries[i])) {
            add_slot(d, i);
        }
    }
}

/* Room for one more entry. Removed ones are dropped on the way. */
static void
grow(wr_pool_t *pool, wr_dict_t *d)
{
    uint32_t         cap = d->cap != 0 ? d->cap * 2 : 4;
    uint32_t         n = 0;
    wr_dict_entry_t *entries;

    if (d->live < d->n / 2) {
        cap = d->cap;
    }
    WR_ASSERT(cap <= UINT32_MAX / 4);
    entries = wr_alloc(pool, sizeof(*entries) * cap);
    for (uint32_t i = 0; i < d->n; i++) {
        if (!removed(&d->entries[i])) {
            entries[n++] = d->entries[i];
        }
    }
    d->entries = entries;
    d->n = n;
    d->cap = cap;
    if (d->slots != NULL) {
        make_slots(pool, d);
    }
}

static void
append(wr_eval_t *ev, wr_pool_t *pool, wr_dict_t *d, const wr_val_t *key,
       const wr_val_t *value)
{
    wr_dict_entry_t *e;

    if (d->n == d->cap) {
        grow(pool, d);
    }
    e = &d->entries[d->n++];
    e->key = *key;
    e->value = *value;
    e->hash = 0;
    d->live++;
    if (d->slots == NULL) {
        if (d->n > SMALL) {
            hash_keys(ev, d);
            make_slots(pool, d);
        }
        return;
    }
    if (key->type == WR_V_STR) {
        e->hash = wr_hash(key->u.s, key->len);
    } else {
        wr_hash_val(ev, key, &e->hash);
    }
    add_slot(d, d->n - 1);
}

bool
wr_dict_set(wr_eval_t *ev, wr_dict_t *d, const wr_val_t *key, const wr_val_t *v)
{
    wr_dict_entry_t *e;

    if (!find(ev, d, key, &e)) {
        return false;
    }
    if (e != NULL) {
        e->value = *v;
    } else {
        append(ev, ev->pool, d, key, v);
    }
    return true;
}

void
wr_dict_sets(wr_pool_t *pool, wr_dict_t *d, wr_str_t key, wr_val_t v)
{
    wr_dict_entry_t *e = find_text(d, key);
    wr_eval_t        ev;
    wr_val_t         k;

    if (e != NULL) {
        e->value = v;
        return;
    }
    k = wr_vstr(key);
    if (d->slots == NULL && d->n >= SMALL) {
        /* Hashing the other keys may need an evaluation to work in. */
        memset(&ev, 0, sizeof(ev));
        ev.pool = pool;
        append(&ev, pool, d, &k, &v);
    } else {
        append(NULL, pool, d, &k, &v);
    }
}

bool
wr_dict_del(wr_eval_t *ev, wr_dict_t *d, const wr_val_t *key, wr_val_t *old)
{
    wr_dict_entry_t *e;

    if (!find(ev, d, key, &e) || e == NULL) {
        return false;
    }
    if (old != NULL) {
        *old = e->value;
    }
    e->key = (wr_val_t) {.type = WR_V_UNDEFINED, .aux = WR_DICT_REMOVED};
    d->live--;
    return true;
}

void
wr_dict_clear(wr_dict_t *d)
{
    memset(d, 0, sizeof(*d));
}

wr_dict_t *
wr_dict_copy(wr_pool_t *pool, const wr_dict_t *d)
{
    wr_dict_t *copy = wr_dict_new(pool, d->live);

    for (uint32_t i = 0; i < d->n; i++) {
        if (!removed(&d->entries[i])) {
            copy->entries[copy->n++] = d->entries[i];
        }
    }
    copy->live = copy->n;
    if (d->slots != NULL) {
        make_slots(pool, copy);
    }
    return copy;
}
