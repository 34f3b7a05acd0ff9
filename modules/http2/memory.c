/*
 * HTTP/2: nghttp2's memory. It takes and gives back a dozen small pieces for each
 * stream; lists of free pieces by size serve that without malloc's bookkeeping. What
 * a burst has left on the lists is kept for the next one, within bounds.
 */
#include "h2.h"

#include <stdlib.h>

enum { STEP = 32, CLASSES = 32, LARGEST = STEP * CLASSES, KEEP_BYTES = 64 * 1024 };

typedef union piece {
    union piece *next;          /* while it is free */
    size_t       size;          /* while it is used: what was asked for, rounded up */
    _Alignas(16) char align[16];
} piece_t;

static struct {
    piece_t *first;
    unsigned n;
} lists[CLASSES];

static void *
get(size_t size, void *data)
{
    size_t   i = size != 0 ? (size - 1) / STEP : 0;
    piece_t *p;

    (void) data;
    if (i >= CLASSES) {
        p = malloc(sizeof(*p) + size);
        if (p == NULL) {
            return NULL;
        }
        p->size = size;
        return p + 1;
    }
    p = lists[i].first;
    if (p != NULL) {
        lists[i].first = p->next;
        lists[i].n--;
    } else {
        p = malloc(sizeof(*p) + (i + 1) * STEP);
        if (p == NULL) {
            return NULL;
        }
    }
    p->size = (i + 1) * STEP;
    return p + 1;
}

static void
give(void *at, void *data)
{
    piece_t *p = at;
    size_t   i;

    (void) data;
    if (at == NULL) {
        return;
    }
    p--;
    i = (p->size - 1) / STEP;
    if (p->size > LARGEST || lists[i].n >= KEEP_BYTES / p->size) {
        free(p);
        return;
    }
    p->next = lists[i].first;
    lists[i].first = p;
    lists[i].n++;
}

static void *
get_zeroed(size_t n, size_t size, void *data)
{
    size_t all;
    void  *p;

    if (__builtin_mul_overflow(n, size, &all)) {
        return NULL;
    }
    p = get(all, data);
    if (p != NULL) {
        memset(p, 0, all);
    }
    return p;
}

static void *
get_again(void *at, size_t size, void *data)
{
    size_t had = at != NULL ? ((piece_t *) at - 1)->size : 0;
    void  *p;

    if (size <= had && had <= LARGEST) {
        return at;
    }
    p = get(size, data);
    if (p != NULL && at != NULL) {
        memcpy(p, at, wr_min_size(had, size));
        give(at, data);
    }
    return p;
}

static WR_UNUSED nghttp2_mem memory = {NULL, get, give, get_zeroed, get_again};

/* Sanitizers are to see each piece. */
nghttp2_mem *
h2_memory(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return NULL;
#else
    return &memory;
#endif
}
