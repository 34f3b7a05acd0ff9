/*
 * The slab allocator.
 *
 * Pages of 4 KB; each has a record at the start of the block. Sizes up to 2 KB
 * share pages of one size class, with a bitmap of the slots taken; larger ones
 * take runs of pages. Free runs stand in a list and are joined with their
 * neighbours. A process may be killed at any point while it holds the lock: what
 * counts then are kinds and bitmaps of the pages, each written in one store in
 * an order that never gives memory twice; the lists are made anew from them.
 */
#define _GNU_SOURCE
#include <weir/process/slab.h>

#include <errno.h>
#include <pthread.h>

enum { PAGE = 4096, NONE = 0 };

enum kind { FREE = 0, SMALL, LARGE, INNER };

/* Page numbers in links are 1-based; 0 is none. */
typedef struct page {
    uint8_t  kind;
    uint8_t  class;         /* SMALL */
    uint16_t taken;         /* SMALL: slots */
    uint32_t run;           /* LARGE and FREE: pages, in the first and last */
    uint32_t prev, next;    /* of a list: partly taken SMALL, or FREE */
    uint64_t bits[4];       /* SMALL */
} page_t;

static const uint16_t sizes[] = {16, 32, 48, 64, 80, 96, 112, 128, 160, 192, 224,
                                 256, 320, 384, 448, 512, 672, 816, 1024, 1360, 2048};
enum { CLASSES = WR_COUNT(sizes), MAX_SMALL = 2048 };

struct wr_slab {
    pthread_mutex_t lock;
    uint32_t        n;              /* pages */
    uint32_t        free_list;
    uint32_t        partial[CLASSES];
    size_t          used;
    size_t          first;          /* offset of page 1's memory */
    page_t          pages[];        /* pages[0] is page 1 */
};

static inline page_t *
page(const wr_slab_t *s, uint32_t no)
{
    return (page_t *) (uintptr_t) &s->pages[no - 1];
}

static inline char *
memory_of(const wr_slab_t *s, uint32_t no)
{
    return (char *) (uintptr_t) s + s->first + (size_t) (no - 1) * PAGE;
}

static inline unsigned
slots_of(unsigned class)
{
    return PAGE / sizes[class];
}

/* ---- lists ---- */

static void
list_add(wr_slab_t *s, uint32_t *list, uint32_t no)
{
    page_t *p = page(s, no);

    p->prev = NONE;
    p->next = *list;
    if (*list != NONE) {
        page(s, *list)->prev = no;
    }
    *list = no;
}

static void
list_remove(wr_slab_t *s, uint32_t *list, uint32_t no)
{
    page_t *p = page(s, no);

    if (p->prev != NONE) {
        page(s, p->prev)->next = p->next;
    } else {
        *list = p->next;
    }
    if (p->next != NONE) {
        page(s, p->next)->prev = p->prev;
    }
    p->prev = p->next = NONE;
}

/* ---- pages ---- */

static void
add_free_run(wr_slab_t *s, uint32_t no, uint32_t run)
{
    page(s, no)->run = run;
    page(s, no + run - 1)->run = run;
    list_add(s, &s->free_list, no);
}

static void
free_pages(wr_slab_t *s, uint32_t no, uint32_t run)
{
    /* The first page first: INNER ones without a first are free to a repair. */
    for (uint32_t i = 0; i < run; i++) {
        page_t *p = page(s, no + i);

        p->kind = FREE;
        p->taken = 0;
    }
    if (no > 1 && page(s, no - 1)->kind == FREE) {
        uint32_t before = page(s, no - 1)->run;

        no -= before;
        run += before;
        list_remove(s, &s->free_list, no);
    }
    if (no + run <= s->n && page(s, no + run)->kind == FREE) {
        uint32_t behind = page(s, no + run)->run;

        list_remove(s, &s->free_list, no + run);
        run += behind;
    }
    add_free_run(s, no, run);
}

/* The first run that is long enough; 0: there is none. Its pages are the
 * caller's to mark. */
static uint32_t
take_pages(wr_slab_t *s, uint32_t want)
{
    for (uint32_t no = s->free_list; no != NONE; no = page(s, no)->next) {
        uint32_t run = page(s, no)->run;

        if (run >= want) {
            list_remove(s, &s->free_list, no);
            if (run > want) {
                add_free_run(s, no + want, run - want);
            }
            return no;
        }
    }
    return NONE;
}

/* ---- sizes ---- */

static unsigned
class_of(size_t size)
{
    unsigned class = 0;

    while (sizes[class] < size) {
        class++;
    }
    return class;
}

static uint32_t
new_small_page(wr_slab_t *s, unsigned class)
{
    uint32_t no = take_pages(s, 1);
    page_t  *p;

    if (no == NONE) {
        return NONE;
    }
    p = page(s, no);
    p->taken = 0;
    p->class = (uint8_t) class;
    memset(p->bits, 0, sizeof(p->bits));
    p->kind = SMALL;
    list_add(s, &s->partial[class], no);
    return no;
}

static void *
alloc_small(wr_slab_t *s, size_t size)
{
    unsigned class = class_of(size);
    uint32_t no = s->partial[class];
    page_t  *p;

    if (no == NONE && (no = new_small_page(s, class)) == NONE) {
        return NULL;
    }
    p = page(s, no);
    for (unsigned word = 0; word < 4; word++) {
        unsigned bit, slot;

        if (p->bits[word] == UINT64_MAX) {
            continue;
        }
        bit = (unsigned) __builtin_ctzll(~p->bits[word]);
        slot = word * 64 + bit;
        WR_ASSERT(slot < slots_of(class));
        p->bits[word] |= (uint64_t) 1 << bit;
        if (++p->taken == slots_of(class)) {
            list_remove(s, &s->partial[class], no);
        }
        s->used += sizes[class];
        return memory_of(s, no) + (size_t) slot * sizes[class];
    }
    WR_ASSERT(!"a page of the list of partly taken ones is full");
    return NULL;
}

static void *
alloc_large(wr_slab_t *s, size_t size)
{
    uint32_t want, no;

    if (size > (size_t) s->n * PAGE) {
        return NULL;
    }
    want = (uint32_t) ((size + PAGE - 1) / PAGE);
    no = take_pages(s, want);
    if (no == NONE) {
        return NULL;
    }
    for (uint32_t i = 1; i < want; i++) {
        page(s, no + i)->kind = INNER;
    }
    page(s, no)->run = want;
    page(s, no)->kind = LARGE;
    s->used += (size_t) want * PAGE;
    return memory_of(s, no);
}

void *
wr_slab_alloc(wr_slab_t *s, size_t size)
{
    return size <= MAX_SMALL ? alloc_small(s, size) : alloc_large(s, size);
}

static void
free_small(wr_slab_t *s, uint32_t no, size_t offset)
{
    page_t  *p = page(s, no);
    unsigned class = p->class;
    unsigned slot = (unsigned) (offset / sizes[class]);
    uint64_t bit = (uint64_t) 1 << slot % 64;

    WR_ASSERT(offset % sizes[class] == 0 && (p->bits[slot / 64] & bit));
    p->bits[slot / 64] &= ~bit;
    s->used -= sizes[class];
    if (p->taken-- == slots_of(class)) {
        list_add(s, &s->partial[class], no);
    }
    if (p->taken == 0) {
        list_remove(s, &s->partial[class], no);
        free_pages(s, no, 1);
    }
}

void
wr_slab_free(wr_slab_t *s, void *p)
{
    size_t   offset;
    uint32_t no;

    if (p == NULL) {
        return;
    }
    WR_ASSERT((char *) p >= memory_of(s, 1) && (char *) p < memory_of(s, s->n + 1));
    offset = (size_t) ((char *) p - memory_of(s, 1));
    no = (uint32_t) (offset / PAGE) + 1;
    offset %= PAGE;
    if (page(s, no)->kind == SMALL) {
        free_small(s, no, offset);
        return;
    }
    WR_ASSERT(page(s, no)->kind == LARGE && offset == 0);
    s->used -= (size_t) page(s, no)->run * PAGE;
    free_pages(s, no, page(s, no)->run);
}

size_t
wr_slab_used(const wr_slab_t *s)
{
    return s->used;
}

/* ---- the whole ---- */

static void
init_lock(wr_slab_t *s)
{
    pthread_mutexattr_t a;

    pthread_mutexattr_init(&a);
    pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&s->lock, &a);
    pthread_mutexattr_destroy(&a);
}

wr_slab_t *
wr_slab_format(void *memory, size_t size)
{
    wr_slab_t *s = memory;
    size_t     n = (size - sizeof(*s)) / (PAGE + sizeof(page_t));

    WR_ASSERT(size >= 2 * PAGE);
    for (;; n--) {
        s->first = (sizeof(*s) + n * sizeof(page_t) + PAGE - 1) & ~(size_t) (PAGE - 1);
        if (s->first + n * PAGE <= size) {
            break;
        }
    }
    WR_ASSERT(n != 0 && n < UINT32_MAX);
    s->n = (uint32_t) n;
    s->free_list = NONE;
    memset(s->partial, 0, sizeof(s->partial));
    memset(s->pages, 0, n * sizeof(page_t));
    s->used = 0;
    add_free_run(s, 1, s->n);
    init_lock(s);
    return s;
}

static unsigned
count_bits(const page_t *p)
{
    unsigned n = 0;

    for (unsigned i = 0; i < 4; i++) {
        n += (unsigned) __builtin_popcountll(p->bits[i]);
    }
    return n;
}

static void
repair_small(wr_slab_t *s, uint32_t no)
{
    page_t *p = page(s, no);

    p->taken = (uint16_t) count_bits(p);
    s->used += (size_t) p->taken * sizes[p->class];
    if (p->taken == 0) {
        p->kind = FREE;
    } else if (p->taken < slots_of(p->class)) {
        list_add(s, &s->partial[p->class], no);
    }
}

void
wr_slab_repair(wr_slab_t *s)
{
    uint32_t run = 0;

    s->free_list = NONE;
    memset(s->partial, 0, sizeof(s->partial));
    s->used = 0;
    for (uint32_t no = 1; no <= s->n; ) {
        page_t  *p = page(s, no);
        uint32_t step = 1;

        if (p->kind == SMALL) {
            repair_small(s, no);
        } else if (p->kind == LARGE && p->run != 0 && p->run <= s->n - no + 1) {
            step = p->run;
            s->used += (size_t) step * PAGE;
        } else {
            p->kind = FREE;
        }
        if (p->kind == FREE) {
            run++;
        } else if (run != 0) {
            add_free_run(s, no - run, run);
            run = 0;
        }
        no += step;
    }
    if (run != 0) {
        add_free_run(s, s->n + 1 - run, run);
    }
}

bool
wr_slab_lock(wr_slab_t *s)
{
    int err = pthread_mutex_lock(&s->lock);

    if (wr_likely(err == 0)) {
        return false;
    }
    WR_ASSERT(err == EOWNERDEAD);
    wr_slab_repair(s);
    pthread_mutex_consistent(&s->lock);
    return true;
}

void
wr_slab_unlock(wr_slab_t *s)
{
    pthread_mutex_unlock(&s->lock);
}

/* ---- for tests ---- */

static bool
check_list(const wr_slab_t *s, uint32_t list, enum kind kind, size_t *pages)
{
    uint32_t prev = NONE;

    for (uint32_t no = list; no != NONE; no = page(s, no)->next) {
        const page_t *p = page(s, no);

        if (p->kind != kind || p->prev != prev) {
            return false;
        }
        *pages += kind == FREE ? p->run : 1;
        if (kind == FREE && page(s, no + p->run - 1)->run != p->run) {
            return false;
        }
        prev = no;
    }
    return true;
}

bool
wr_slab_check(const wr_slab_t *s)
{
    size_t free_listed = 0, partial_listed = 0, free_seen = 0, partial_seen = 0;
    size_t used = 0;

    for (uint32_t no = 1; no <= s->n; no++) {
        const page_t *p = page(s, no);

        if (p->kind == SMALL) {
            partial_seen += p->taken < slots_of(p->class);
            used += (size_t) p->taken * sizes[p->class];
            if (p->taken == 0 || count_bits(p) != p->taken) {
                return false;
            }
        } else if (p->kind == LARGE) {
            used += (size_t) p->run * PAGE;
        }
        free_seen += p->kind == FREE;
    }
    for (unsigned i = 0; i < CLASSES; i++) {
        if (!check_list(s, s->partial[i], SMALL, &partial_listed)) {
            return false;
        }
    }
    return check_list(s, s->free_list, FREE, &free_listed) && free_listed == free_seen
           && partial_listed == partial_seen && used == s->used;
}
