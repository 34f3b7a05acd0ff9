/*
 * wr_map_t: text to pointer. Keys are borrowed and must outlive the map; the
 * order of insertion is kept. For conf time and small tables; allocates in a pool.
 */
#ifndef WEIR_BASE_MAP_H
#define WEIR_BASE_MAP_H

#include <weir/base/pool.h>

typedef struct wr_map_entry {
    wr_str_t key;
    uint64_t hash;
    void    *value;
} wr_map_entry_t;

typedef struct wr_map {
    wr_map_entry_t *entries;    /* in order of insertion */
    uint32_t       *slots;      /* index + 1 of an entry; 0 is free */
    uint32_t        n;
    uint32_t        cap;
    uint32_t        mask;       /* number of slots - 1 */
    bool            icase;      /* ASCII case is ignored */
    wr_pool_t      *pool;
} wr_map_t;

wr_map_t wr_map(wr_pool_t *pool, bool icase);

/* NULL if there is no such key. */
void *wr_map_get(const wr_map_t *m, wr_str_t key);

/* Sets or replaces; the former value is returned, or NULL. */
void *wr_map_set(wr_map_t *m, wr_str_t key, void *value);

#endif
