/*
 * wr_array_t: items of one size that grow in a pool. Pointers to items are valid
 * until the next push.
 */
#ifndef WEIR_BASE_ARRAY_H
#define WEIR_BASE_ARRAY_H

#include <weir/base/pool.h>

typedef struct wr_array {
    void      *items;
    uint32_t   n;
    uint32_t   cap;
    uint32_t   size;    /* bytes of one item */
    wr_pool_t *pool;
} wr_array_t;

static inline wr_array_t
wr_array(wr_pool_t *pool, size_t item_size)
{
    return (wr_array_t) {NULL, 0, 0, (uint32_t) item_size, pool};
}

/* A new zeroed item at the end. */
WR_NONNULL void *wr_array_push(wr_array_t *a);

static inline void *
wr_array_at(const wr_array_t *a, size_t i)
{
    WR_ASSERT(i < a->n);
    return (char *) a->items + i * a->size;
}

#define WR_PUSH(array, type) ((type *) wr_array_push(array))
#define WR_AT(array, type, i) ((type *) wr_array_at(array, i))

/* for (WR_EACH(type, item, &array)) */
#define WR_EACH(type, item, array)                                            \
    type *item = (array)->items;                                              \
    item != NULL && item < (type *) (array)->items + (array)->n;              \
    item++

#endif
