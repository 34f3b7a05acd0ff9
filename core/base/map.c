/*
 * An insertion-ordered map with open addressing.
 */
#include <weir/base/hash.h>
#include <weir/base/map.h>

wr_map_t
wr_map(wr_pool_t *pool, bool icase)
{
    return (wr_map_t) {.pool = pool, .icase = icase};
}

static uint64_t
hash_of(const wr_map_t *m, wr_str_t key)
{
    return m->icase ? wr_hash_i(key.p, key.n) : wr_hash(key.p, key.n);
}

static bool
same(const wr_map_t *m, const wr_map_entry_t *e, wr_str_t key, uint64_t hash)
{
    return e->hash == hash
           && (m->icase ? wr_str_ieq(e->key, key) : wr_str_eq(e->key, key));
}

static wr_map_entry_t *
find(const wr_map_t *m, wr_str_t key, uint64_t hash)
{
    if (m->n == 0) {
        return NULL;
    }
    for (uint32_t i = (uint32_t) hash & m->mask; m->slots[i] != 0;
         i = (i + 1) & m->mask)
    {
        wr_map_entry_t *e = &m->entries[m->slots[i] - 1];

        if (same(m, e, key, hash)) {
            return e;
        }
    }
    return NULL;
}

void *
wr_map_get(const wr_map_t *m, wr_str_t key)
{
    wr_map_entry_t *e = m->n != 0 ? find(m, key, hash_of(m, key)) : NULL;

    return e != NULL ? e->value : NULL;
}

static void
insert_slot(wr_map_t *m, uint32_t index)
{
    uint32_t i = (uint32_t) m->entries[index].hash & m->mask;

    while (m->slots[i] != 0) {
        i = (i + 1) & m->mask;
    }
    m->slots[i] = index + 1;
}

static void
grow(wr_map_t *m)
{
    uint32_t        cap = m->cap != 0 ? m->cap * 2 : 8;
    wr_map_entry_t *entries = WR_NEW_N(m->pool, wr_map_entry_t, cap);

    if (m->n != 0) {
        memcpy(entries, m->entries, m->n * sizeof(*entries));
    }
    m->entries = entries;
    m->cap = cap;
    m->mask = cap * 2 - 1;
    m->slots = WR_NEW_N(m->pool, uint32_t, (size_t) cap * 2);
    for (uint32_t i = 0; i < m->n; i++) {
        insert_slot(m, i);
    }
}

void *
wr_map_set(wr_map_t *m, wr_str_t key, void *value)
{
    uint64_t        hash = hash_of(m, key);
    wr_map_entry_t *e = find(m, key, hash);
    void           *old;

    if (e != NULL) {
        old = e->value;
        e->value = value;
        return old;
    }
    if (m->n == m->cap) {
        grow(m);
    }
    m->entries[m->n] = (wr_map_entry_t) {key, hash, value};
    insert_slot(m, m->n++);
    return NULL;
}
