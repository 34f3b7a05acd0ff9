/*
 * Timers: a 4-ary heap of (key, timer), sorted by key.
 *
 * A timer that is moved later keeps its old place: only `when` changes, and the
 * truth is looked at when the old key comes up. So a connection that moves its
 * deadline with each request costs no work in the heap.
 */
#include <weir/event/loop_priv.h>

#include <stdlib.h>

typedef struct node {
    wr_msec_t   key;
    wr_timer_t *timer;
} node_t;

static node_t  *heap;
static uint32_t count;
static uint32_t room;

static inline void
place(uint32_t at, node_t n)
{
    heap[at] = n;
    n.timer->at = at + 1;
}

static void
sift_up(uint32_t at, node_t n)
{
    while (at != 0) {
        uint32_t above = (at - 1) / 4;

        if (heap[above].key <= n.key) {
            break;
        }
        place(at, heap[above]);
        at = above;
    }
    place(at, n);
}

static void
sift_down(uint32_t at, node_t n)
{
    for (;;) {
        uint32_t first = at * 4 + 1;
        uint32_t least = first;
        uint32_t end = first + 4 < count ? first + 4 : count;

        if (first >= count) {
            break;
        }
        for (uint32_t i = first + 1; i < end; i++) {
            if (heap[i].key < heap[least].key) {
                least = i;
            }
        }
        if (heap[least].key >= n.key) {
            break;
        }
        place(at, heap[least]);
        at = least;
    }
    place(at, n);
}

static void
take_out(uint32_t at)
{
    node_t last = heap[--count];

    if (at == count) {
        return;
    }
    if (at != 0 && heap[(at - 1) / 4].key > last.key) {
        sift_up(at, last);
    } else {
        sift_down(at, last);
    }
}

void
wr_timer_set(wr_timer_t *t, wr_msec_t after_ms)
{
    wr_msec_t when = wr_clock.mono + (after_ms > 0 ? after_ms : 0);

    t->when = when;
    if (t->at != 0) {
        if (when < t->key) {
            t->key = when;
            sift_up(t->at - 1, (node_t) {when, t});
        }
        return;
    }
    if (count == room) {
        room = room != 0 ? room * 2 : 64;
        heap = realloc(heap, room * sizeof(*heap));
        WR_ASSERT(heap != NULL);
    }
    t->key = when;
    sift_up(count++, (node_t) {when, t});
}

void
wr_timer_cancel(wr_timer_t *t)
{
    uint32_t at = t->at;

    if (at != 0) {
        WR_ASSERT(at <= count && heap[at - 1].timer == t);
        t->at = 0;
        take_out(at - 1);
    }
}

unsigned
wr_loop_timers(void)
{
    return count;
}

wr_msec_t
wr_timers_next(void)
{
    /* A moved timer at the top is put where it belongs first: no turn of the loop
     * for nothing. */
    while (count != 0 && heap[0].timer->when > heap[0].key
           && heap[0].key <= wr_clock.mono)
    {
        node_t n = {heap[0].timer->when, heap[0].timer};

        n.timer->key = n.key;
        sift_down(0, n);
    }
    if (count == 0) {
        return -1;
    }
    return heap[0].key > wr_clock.mono ? heap[0].key - wr_clock.mono : 0;
}

void
wr_timers_run(void)
{
    while (wr_timers_next() == 0) {
        wr_timer_t *t = heap[0].timer;

        t->at = 0;
        take_out(0);
        t->fn(t);
    }
}

void
wr_timers_drop(void)
{
    for (uint32_t i = 0; i < count; i++) {
        heap[i].timer->at = 0;
    }
    free(heap);
    heap = NULL;
    count = room = 0;
}
