/*
 * wr_buf_t: bytes that grow, for building text. The room comes from a pool, or
 * from malloc if the pool is NULL (then wr_buf_free gives it back).
 */
#ifndef WEIR_BASE_BUF_H
#define WEIR_BASE_BUF_H

#include <weir/base/pool.h>

typedef struct wr_buf {
    char      *p;
    size_t     n;       /* bytes in use */
    size_t     cap;     /* bytes of room */
    wr_pool_t *pool;    /* NULL: malloc */
} wr_buf_t;

static inline wr_buf_t
wr_buf(wr_pool_t *pool)
{
    return (wr_buf_t) {NULL, 0, 0, pool};
}

/* Room for at least `more` bytes behind the used ones; returns where to write.
 * The writer then adds to `n` itself. Growing doubles, so it is cheap. */
char *wr_buf_reserve(wr_buf_t *b, size_t more);

static inline void
wr_buf_add(wr_buf_t *b, const void *p, size_t n)
{
    if (wr_unlikely(n > b->cap - b->n)) {
        wr_buf_reserve(b, n);
    }
    if (n != 0) {
        memcpy(b->p + b->n, p, n);
        b->n += n;
    }
}

static inline void
wr_buf_str(wr_buf_t *b, wr_str_t s)
{
    wr_buf_add(b, s.p, s.n);
}

static inline void
wr_buf_char(wr_buf_t *b, char c)
{
    if (wr_unlikely(b->n == b->cap)) {
        wr_buf_reserve(b, 1);
    }
    b->p[b->n++] = c;
}

#define wr_buf_lit(b, literal) wr_buf_add(b, literal, sizeof("" literal) - 1)

void wr_buf_z(wr_buf_t *b, const char *z);
void wr_buf_fill(wr_buf_t *b, char c, size_t n);
void wr_buf_int(wr_buf_t *b, int64_t v);
void wr_buf_uint(wr_buf_t *b, uint64_t v);
void wr_buf_hex(wr_buf_t *b, uint64_t v);
void wr_buf_printf(wr_buf_t *b, const char *format, ...) WR_PRINTF(2, 3);

/* The text so far: valid until the next addition. */
static inline wr_str_t
wr_buf_text(const wr_buf_t *b)
{
    return (wr_str_t) {b->p != NULL ? b->p : "", b->n};
}

/* The text so far with an uncounted NUL behind it. */
const char *wr_buf_cstr(wr_buf_t *b);

/* Only for buffers without a pool. Leaves an empty one. */
void wr_buf_free(wr_buf_t *b);

/* Writes `v` in decimal, returns how many bytes (at most 20). */
size_t wr_put_uint(char *to, uint64_t v);

/* Writes all 16 hexadecimal digits of `v`. */
void wr_put_hex16(char *to, uint64_t v);

#endif
