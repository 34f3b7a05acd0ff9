/*
 * wr_queue_t: a doubly linked ring that is embedded in what it links.
 */
#ifndef WEIR_BASE_QUEUE_H
#define WEIR_BASE_QUEUE_H

#include <weir/base/base.h>

typedef struct wr_queue {
    struct wr_queue *prev;
    struct wr_queue *next;
} wr_queue_t;

static inline void
wr_queue_init(wr_queue_t *q)
{
    q->prev = q->next = q;
}

static inline bool
wr_queue_empty(const wr_queue_t *q)
{
    return q->next == q;
}

/* Before `q`: at the end, if q is the head. */
static inline void
wr_queue_push(wr_queue_t *q, wr_queue_t *item)
{
    item->prev = q->prev;
    item->next = q;
    q->prev->next = item;
    q->prev = item;
}

/* Behind `q`: at the front, if q is the head. */
static inline void
wr_queue_unshift(wr_queue_t *q, wr_queue_t *item)
{
    wr_queue_push(q->next, item);
}

/* Leaves `item` a ring of its own, so removing twice is harmless. */
static inline void
wr_queue_remove(wr_queue_t *item)
{
    item->prev->next = item->next;
    item->next->prev = item->prev;
    item->prev = item->next = item;
}

/* The first item, or NULL. */
static inline wr_queue_t *
wr_queue_first(const wr_queue_t *q)
{
    return q->next != q ? q->next : NULL;
}

static inline wr_queue_t *
wr_queue_last(const wr_queue_t *q)
{
    return q->prev != q ? q->prev : NULL;
}

#define WR_QUEUE_ITEM(ptr, type, member) WR_CONTAINER(ptr, type, member)

#endif
