/*
 * Growing arrays.
 */
#include <weir/base/array.h>

void *
wr_array_push(wr_array_t *a)
{
    void *item;

    if (a->n == a->cap) {
        uint32_t cap = a->cap != 0 ? a->cap * 2 : 4;
        void    *items = wr_alloc(a->pool, (size_t) cap * a->size);

        WR_ASSERT(cap > a->cap);
        if (a->n != 0) {
            memcpy(items, a->items, (size_t) a->n * a->size);
        }
        a->items = items;
        a->cap = cap;
    }
    item = (char *) a->items + (size_t) a->n++ * a->size;
    return memset(item, 0, a->size);
}
