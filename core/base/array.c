/*
 * Growing arrays.
 */
#include <weir/base/array.h>

/* Many arrays of a conf stay at one item: large ones get no room for more. */
static uint32_t
first_room(uint32_t size)
{
    return size <= 16 ? 4 : size <= 32 ? 2 : 1;
}

void *
wr_array_push(wr_array_t *a)
{
    void *item;

    if (a->n == a->cap) {
        uint32_t cap = a->cap != 0 ? a->cap * 2 : first_room(a->size);
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
