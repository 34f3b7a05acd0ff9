/*
 * wr_pool_t: memory that is freed all at once.
 *
 * There are four kinds of owner: the process, a configuration cycle, a
 * connection, a request. A pool is used by one thread at a time. Small blocks
 * come from a per-thread cache, so that a request costs no malloc at all.
 */
#ifndef WEIR_BASE_POOL_H
#define WEIR_BASE_POOL_H

#include <weir/base/str.h>

typedef struct wr_pool wr_pool_t;

/* What the functions below see of a pool: it begins so. */
typedef struct wr_pool_room {
    void  *next;        /* the head of the pool's first block */
    size_t size;
    char  *at;          /* free room of the current block */
    char  *end;
    size_t used;
} wr_pool_room_t;

/* A new, empty pool. Never NULL: lack of memory ends the process. */
WR_NONNULL wr_pool_t *wr_pool_new(void);

/* The same with blocks that go back to the system when it is freed, and leave no
 * holes among those of pools that stay: for much that is not needed for long. */
WR_NONNULL wr_pool_t *wr_pool_new_mapped(void);

/* Runs the cleanups, newest first, and frees everything. NULL is allowed. */
void wr_pool_free(wr_pool_t *pool);

/* As wr_pool_free, but the pool can be used again at once. */
void wr_pool_clear(wr_pool_t *pool);

/* `size` bytes, aligned for any type; never NULL. For sizes that the program
 * or the conf decides. */
static inline WR_NONNULL void *wr_alloc(wr_pool_t *pool, size_t size);

/* The same, zeroed. */
static inline WR_NONNULL void *wr_zalloc(wr_pool_t *pool, size_t size);

/* Bytes without alignment: for text. */
static inline WR_NONNULL char *wr_alloc_bytes(wr_pool_t *pool, size_t size);

/* For sizes that come from outside: NULL if the pool's limit would be passed or
 * there is no memory. */
void *wr_try_alloc(wr_pool_t *pool, size_t size);

/* From now on the pool gives at most `bytes` through wr_try_alloc and
 * wr_pool_room; 0 takes the limit away. */
void wr_pool_limit(wr_pool_t *pool, size_t bytes);

/* False if `size` more bytes would pass the limit. */
bool wr_pool_room(const wr_pool_t *pool, size_t size);

/* Whoever works on behalf of others' input can be called back when a piece would
 * pass the limit: `over(data)` unwinds to where the work began. It is asked for
 * pieces of at least WR_POOL_GUARDED bytes only, so that small allocations never
 * fail. `over` NULL: no guard; a limit of 0: none. */
typedef struct wr_pool_guard {
    size_t limit;
    void (*over)(void *data);
    void  *data;
} wr_pool_guard_t;

enum { WR_POOL_GUARDED = 65536 };

/* Sets guard and limit, gives back the former ones. */
wr_pool_guard_t wr_pool_guard(wr_pool_t *pool, wr_pool_guard_t guard);

/* Bytes handed out so far. */
static inline size_t wr_pool_used(const wr_pool_t *pool);

/* The last allocation grows in place, if there is room behind it: returns true
 * if [p, p + old) now reaches to p + size. */
bool wr_pool_extend(wr_pool_t *pool, void *p, size_t old, size_t size);

/* `fn(data)` when the pool is freed or cleared; the newest runs first. */
void wr_pool_on_free(wr_pool_t *pool, void (*fn)(void *data), void *data);

/* Takes one such call back. False if it was not there. */
bool wr_pool_forget(wr_pool_t *pool, void (*fn)(void *data), void *data);

/* Copies of text in the pool. _z adds a NUL that is not counted. */
wr_str_t wr_pool_str(wr_pool_t *pool, wr_str_t s);
char    *wr_pool_strz(wr_pool_t *pool, wr_str_t s);

/* As sprintf, into the pool; the result also ends with an uncounted NUL. */
wr_str_t wr_pool_printf(wr_pool_t *pool, const char *format, ...)
    WR_PRINTF(2, 3);

/* a + b (+ c) in the pool. */
wr_str_t wr_pool_join(wr_pool_t *pool, wr_str_t a, wr_str_t b);
wr_str_t wr_pool_join3(wr_pool_t *pool, wr_str_t a, wr_str_t b, wr_str_t c);

/* Frees the blocks that this thread keeps for reuse: before it ends. */
void wr_pool_trim_cache(void);

/* ---- inline: a request allocates some dozens of times ---- */

/* The same, when the block is full, or under AddressSanitizer. */
WR_NONNULL void *wr_alloc_slow(wr_pool_t *pool, size_t size);
WR_NONNULL char *wr_alloc_bytes_slow(wr_pool_t *pool, size_t size);

#if defined(__SANITIZE_ADDRESS__)
#define WR_POOL_CHECKED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WR_POOL_CHECKED 1
#endif
#endif

static inline void *
wr_alloc(wr_pool_t *pool, size_t size)
{
#ifndef WR_POOL_CHECKED
    wr_pool_room_t *room = (wr_pool_room_t *) (void *) pool;
    char           *p = (char *) (((uintptr_t) room->at + 15) & ~(uintptr_t) 15);

    if (wr_likely(p < room->end && size <= (size_t) (room->end - p))) {
        room->at = p + size;
        room->used += size;
        return p;
    }
#endif
    return wr_alloc_slow(pool, size);
}

static inline char *
wr_alloc_bytes(wr_pool_t *pool, size_t size)
{
#ifndef WR_POOL_CHECKED
    wr_pool_room_t *room = (wr_pool_room_t *) (void *) pool;
    char           *p = room->at;

    if (wr_likely(size <= (size_t) (room->end - p))) {
        room->at = p + size;
        room->used += size;
        return p;
    }
#endif
    return wr_alloc_bytes_slow(pool, size);
}

static inline size_t
wr_pool_used(const wr_pool_t *pool)
{
    return ((const wr_pool_room_t *) (const void *) pool)->used;
}

static inline void *
wr_zalloc(wr_pool_t *pool, size_t size)
{
    return memset(wr_alloc(pool, size), 0, size);
}

#define WR_NEW(pool, type) ((type *) wr_zalloc(pool, sizeof(type)))
#define WR_NEW_N(pool, type, n) ((type *) wr_zalloc(pool, sizeof(type) * (n)))

#endif
