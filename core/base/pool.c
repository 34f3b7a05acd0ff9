/*
 * Pools: bump allocation in blocks of 4 KB, larger pieces by malloc.
 *
 * The pool's own header stands at the start of its first block, so a new pool
 * is one block taken from the thread's cache. Under AddressSanitizer every
 * piece is poisoned until it is handed out, so that overruns are seen.
 */
#define _GNU_SOURCE
#include <weir/base/pool.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#ifdef WR_POOL_CHECKED
#include <sanitizer/asan_interface.h>
#define GAP 8u                  /* a red zone between neighbours */
#else
#define ASAN_POISON_MEMORY_REGION(p, n) ((void) 0)
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void) 0)
#define GAP 0u
#endif

enum {
    BLOCK = 4096,
    MAPPED = 256 * 1024,        /* a block of a pool made by wr_pool_new_mapped */
    LARGE = 2048,               /* pieces above this get their own malloc */
    CACHED = 256,               /* blocks a thread keeps: two turns of HTTP/2 */
    ALIGN = 16,
    MAGIC = 0x706f6f6c
};

typedef struct block {
    struct block *next;
    size_t        size;         /* of the whole block, this header included */
} block_t;

typedef struct cleanup {
    struct cleanup *next;
    void          (*fn)(void *data);
    void           *data;
} cleanup_t;

struct wr_pool {
    block_t    first;           /* this block holds the pool itself */
    char      *at;              /* as in wr_pool_room_t */
    char      *end;
    size_t     used;
    uint32_t   magic;
    bool       mapped;          /* its further blocks are */
    block_t   *blocks;          /* further blocks */
    block_t   *large;
    cleanup_t *cleanups;
    wr_pool_guard_t guard;
};

_Static_assert(offsetof(struct wr_pool, at) == offsetof(wr_pool_room_t, at)
                   && offsetof(struct wr_pool, end) == offsetof(wr_pool_room_t, end)
                   && offsetof(struct wr_pool, used) == offsetof(wr_pool_room_t, used),
               "the header's functions see the pool as it is");

static __thread block_t *cache;
static __thread unsigned cached;

static WR_NORETURN void
out_of_memory(size_t size)
{
    char text[80];

    snprintf(text, sizeof(text), "out of memory: %zu bytes", size);
    if (wr_panic_hook != NULL) {
        wr_panic_hook(text);
    } else {
        fprintf(stderr, "weir: %s\n", text);
    }
    abort();
}

static block_t *
block_get(void)
{
    block_t *b = cache;

    if (b != NULL) {
        ASAN_UNPOISON_MEMORY_REGION(b, BLOCK);
        cache = b->next;
        cached--;
        return b;
    }
    b = malloc(BLOCK);
    if (b == NULL) {
        out_of_memory(BLOCK);
    }
    b->size = BLOCK;
    return b;
}

static block_t *
block_map(void)
{
    block_t *b = mmap(NULL, MAPPED, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                      -1, 0);

    if (b == MAP_FAILED) {
        out_of_memory(MAPPED);
    }
    b->size = MAPPED;
    return b;
}

static void
block_put(block_t *b)
{
    if (b->size == MAPPED) {
        ASAN_UNPOISON_MEMORY_REGION(b, MAPPED);
        (void) munmap(b, MAPPED);
        return;
    }
    if (cached == CACHED) {
        ASAN_UNPOISON_MEMORY_REGION(b, BLOCK);
        free(b);
        return;
    }
    ASAN_UNPOISON_MEMORY_REGION(b, sizeof(*b));
    b->next = cache;
    cache = b;
    cached++;
    ASAN_POISON_MEMORY_REGION((char *) b + sizeof(*b), BLOCK - sizeof(*b));
}

void
wr_pool_trim_cache(void)
{
    while (cache != NULL) {
        block_t *b = cache;

        cache = b->next;
        ASAN_UNPOISON_MEMORY_REGION(b, BLOCK);
        free(b);
    }
    cached = 0;
}

static void
reset(wr_pool_t *pool)
{
    pool->at = (char *) pool + ((sizeof(*pool) + ALIGN - 1) & ~(size_t) (ALIGN - 1));
    pool->end = (char *) pool + BLOCK;
    pool->blocks = NULL;
    pool->large = NULL;
    pool->cleanups = NULL;
    pool->used = 0;
    ASAN_POISON_MEMORY_REGION(pool->at, (size_t) (pool->end - pool->at));
}

wr_pool_t *
wr_pool_new(void)
{
    wr_pool_t *pool = (wr_pool_t *) (void *) block_get();

    pool->magic = MAGIC;
    pool->mapped = false;
    pool->guard = (wr_pool_guard_t) {0, NULL, NULL};
    reset(pool);
    return pool;
}

wr_pool_t *
wr_pool_new_mapped(void)
{
    wr_pool_t *pool = wr_pool_new();

    pool->mapped = true;
    return pool;
}

static void
release(wr_pool_t *pool)
{
    block_t *b;

    WR_ASSERT(pool->magic == MAGIC);
    while (pool->cleanups != NULL) {
        cleanup_t *c = pool->cleanups;

        pool->cleanups = c->next;
        c->fn(c->data);
    }
    while ((b = pool->blocks) != NULL) {
        pool->blocks = b->next;
        block_put(b);
    }
    while ((b = pool->large) != NULL) {
        pool->large = b->next;
        free(b);
    }
}

void
wr_pool_free(wr_pool_t *pool)
{
    if (pool == NULL) {
        return;
    }
    release(pool);
    pool->magic = 0;
    block_put(&pool->first);
}

void
wr_pool_clear(wr_pool_t *pool)
{
    release(pool);
    reset(pool);
}

static void *
large(wr_pool_t *pool, size_t size)
{
    block_t *b;

    if (size > SIZE_MAX - sizeof(block_t) - ALIGN) {
        return NULL;
    }
    b = malloc(sizeof(block_t) + size);
    if (b == NULL) {
        return NULL;
    }
    _Static_assert(sizeof(block_t) % ALIGN == 0, "large pieces stay aligned");
    b->size = sizeof(block_t) + size;
    b->next = pool->large;
    pool->large = b;
    pool->used += size;
    return b + 1;
}

static inline void *
bump(wr_pool_t *pool, size_t size, size_t align)
{
    char *p = (char *) (((uintptr_t) pool->at + align - 1) & ~(uintptr_t) (align - 1));

    if (wr_unlikely(p > pool->end || size + GAP > (size_t) (pool->end - p))) {
        block_t *b = pool->mapped ? block_map() : block_get();

        b->next = pool->blocks;
        pool->blocks = b;
        p = (char *) (b + 1);
        pool->end = (char *) b + b->size;
        ASAN_POISON_MEMORY_REGION(p, (size_t) (pool->end - p));
    }
    ASAN_UNPOISON_MEMORY_REGION(p, size);
    pool->at = p + size + GAP;
    pool->used += size;
    return p;
}

void *
wr_alloc_slow(wr_pool_t *pool, size_t size)
{
    void *p;

    if (wr_likely(size <= LARGE)) {
        return bump(pool, size, ALIGN);
    }
    if (size >= WR_POOL_GUARDED && pool->guard.over != NULL
        && !wr_pool_room(pool, size)) {
        pool->guard.over(pool->guard.data);
    }
    p = large(pool, size);
    if (p == NULL) {
        if (pool->guard.over != NULL) {
            pool->guard.over(pool->guard.data);
        }
        out_of_memory(size);
    }
    return p;
}

char *
wr_alloc_bytes_slow(wr_pool_t *pool, size_t size)
{
    if (wr_likely(size <= LARGE)) {
#ifdef WR_POOL_CHECKED
        return bump(pool, size, 8);
#else
        return bump(pool, size, 1);
#endif
    }
    return wr_alloc(pool, size);
}

bool
wr_pool_room(const wr_pool_t *pool, size_t size)
{
    size_t limit = pool->guard.limit;

    return limit == 0 || (pool->used <= limit && size <= limit - pool->used);
}

void *
wr_try_alloc(wr_pool_t *pool, size_t size)
{
    if (!wr_pool_room(pool, size)) {
        return NULL;
    }
    return size <= LARGE ? bump(pool, size, ALIGN) : large(pool, size);
}

void
wr_pool_limit(wr_pool_t *pool, size_t bytes)
{
    pool->guard.limit = bytes;
}

wr_pool_guard_t
wr_pool_guard(wr_pool_t *pool, wr_pool_guard_t guard)
{
    wr_pool_guard_t was = pool->guard;

    pool->guard = guard;
    return was;
}

bool
wr_pool_extend(wr_pool_t *pool, void *p, size_t old, size_t size)
{
    char *end = (char *) p + old + GAP;

    if (end != pool->at || size < old || size > LARGE
        || (char *) p < pool->end - BLOCK
        || size - old > (size_t) (pool->end - pool->at))
    {
        return false;
    }
    ASAN_UNPOISON_MEMORY_REGION(p, size);
    pool->at = (char *) p + size + GAP;
    pool->used += size - old;
    return true;
}

void
wr_pool_on_free(wr_pool_t *pool, void (*fn)(void *data), void *data)
{
    cleanup_t *c = wr_alloc(pool, sizeof(*c));

    c->fn = fn;
    c->data = data;
    c->next = pool->cleanups;
    pool->cleanups = c;
}

bool
wr_pool_forget(wr_pool_t *pool, void (*fn)(void *data), void *data)
{
    for (cleanup_t **at = &pool->cleanups; *at != NULL; at = &(*at)->next) {
        if ((*at)->fn == fn && (*at)->data == data) {
            *at = (*at)->next;
            return true;
        }
    }
    return false;
}

wr_str_t
wr_pool_join3(wr_pool_t *pool, wr_str_t a, wr_str_t b, wr_str_t c)
{
    size_t n = a.n + b.n + c.n;
    char  *p = wr_alloc_bytes(pool, n + 1);
    char  *to = p;

    if (a.n != 0) {
        to = mempcpy(to, a.p, a.n);
    }
    if (b.n != 0) {
        to = mempcpy(to, b.p, b.n);
    }
    if (c.n != 0) {
        to = mempcpy(to, c.p, c.n);
    }
    *to = '\0';
    return wr_str(p, n);
}

wr_str_t
wr_pool_join(wr_pool_t *pool, wr_str_t a, wr_str_t b)
{
    return wr_pool_join3(pool, a, b, WR_STR_NONE);
}

wr_str_t
wr_pool_str(wr_pool_t *pool, wr_str_t s)
{
    return wr_pool_join3(pool, s, WR_STR_NONE, WR_STR_NONE);
}

char *
wr_pool_strz(wr_pool_t *pool, wr_str_t s)
{
    return (char *) (uintptr_t) wr_pool_str(pool, s).p;
}

wr_str_t
wr_pool_printf(wr_pool_t *pool, const char *format, ...)
{
    va_list args;
    char    small[512];
    char   *p;
    int     n;

    va_start(args, format);
    n = vsnprintf(small, sizeof(small), format, args);
    va_end(args);
    WR_ASSERT(n >= 0);

    p = wr_alloc_bytes(pool, (size_t) n + 1);
    if ((size_t) n < sizeof(small)) {
        memcpy(p, small, (size_t) n + 1);
    } else {
        va_start(args, format);
        vsnprintf(p, (size_t) n + 1, format, args);
        va_end(args);
    }
    return wr_str(p, (size_t) n);
}
