/*
 * Growing bytes.
 */
#include <weir/base/buf.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

char *
wr_buf_reserve(wr_buf_t *b, size_t more)
{
    size_t cap;
    char  *p;

    if (more <= b->cap - b->n) {
        return b->p + b->n;
    }
    WR_ASSERT(more < SIZE_MAX / 4 && b->n < SIZE_MAX / 4);
    cap = wr_max_size(b->cap * 2, 64);
    while (cap < b->n + more) {
        cap *= 2;
    }
    if (b->pool == NULL) {
        p = realloc(b->p, cap);
        WR_ASSERT(p != NULL);
    } else if (b->p != NULL && wr_pool_extend(b->pool, b->p, b->cap, cap)) {
        p = b->p;
    } else {
        p = wr_alloc_bytes(b->pool, cap);
        if (b->n != 0) {
            memcpy(p, b->p, b->n);
        }
    }
    b->p = p;
    b->cap = cap;
    return b->p + b->n;
}

void
wr_buf_z(wr_buf_t *b, const char *z)
{
    wr_buf_add(b, z, strlen(z));
}

void
wr_buf_fill(wr_buf_t *b, char c, size_t n)
{
    if (n != 0) {
        memset(wr_buf_reserve(b, n), c, n);
        b->n += n;
    }
}

size_t
wr_put_uint(char *to, uint64_t v)
{
    static const char pairs[] = "00010203040506070809101112131415161718192021222324"
                                "25262728293031323334353637383940414243444546474849"
                                "50515253545556575859606162636465666768697071727374"
                                "75767778798081828384858687888990919293949596979899";
    char   text[20];
    char  *end = text + sizeof(text), *p = end;
    size_t n;

    for (; v >= 100; v /= 100) {
        p -= 2;
        memcpy(p, pairs + v % 100 * 2, 2);
    }
    if (v >= 10) {
        p -= 2;
        memcpy(p, pairs + v * 2, 2);
    } else {
        *--p = (char) ('0' + v);
    }
    n = (size_t) (end - p);
    memcpy(to, p, n);
    return n;
}

/* Four bits of v to a byte each, then 0..15 to a digit, eight at a time. */
static inline uint64_t
hex8(uint32_t v)
{
    uint64_t x = v, letters;

    x = (x & 0xffff) << 32 | x >> 16;
    x = (x & 0x000000ff000000ffu) << 16 | (x & 0x0000ff000000ff00u) >> 8;
    x = (x & 0x000f000f000f000fu) << 8 | (x & 0x00f000f000f000f0u) >> 4;
    letters = ((x + 0x0606060606060606u) >> 4) & 0x0101010101010101u;
    return x + 0x3030303030303030u + letters * ('a' - '0' - 10);
}

void
wr_put_hex16(char *to, uint64_t v)
{
    uint64_t high = hex8((uint32_t) (v >> 32)), low = hex8((uint32_t) v);

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
    high = __builtin_bswap64(high);
    low = __builtin_bswap64(low);
#endif
    memcpy(to, &high, 8);
    memcpy(to + 8, &low, 8);
}

void
wr_buf_uint(wr_buf_t *b, uint64_t v)
{
    b->n += wr_put_uint(wr_buf_reserve(b, 20), v);
}

void
wr_buf_int(wr_buf_t *b, int64_t v)
{
    if (v >= 0 && v < 100) {
        /* Most numbers of pages. */
        if (v >= 10) {
            wr_buf_char(b, (char) ('0' + v / 10));
        }
        wr_buf_char(b, (char) ('0' + v % 10));
    } else if (v < 0) {
        wr_buf_char(b, '-');
        wr_buf_uint(b, 0 - (uint64_t) v);
    } else {
        wr_buf_uint(b, (uint64_t) v);
    }
}

void
wr_buf_hex(wr_buf_t *b, uint64_t v)
{
    char   text[16];
    size_t n = 0;

    do {
        text[sizeof(text) - ++n] = "0123456789abcdef"[v & 15];
        v >>= 4;
    } while (v != 0);
    wr_buf_add(b, text + sizeof(text) - n, n);
}

void
wr_buf_printf(wr_buf_t *b, const char *format, ...)
{
    va_list args;
    size_t  room;
    int     n;

    room = b->cap - b->n;
    va_start(args, format);
    n = vsnprintf(b->p != NULL ? b->p + b->n : NULL, room, format, args);
    va_end(args);
    WR_ASSERT(n >= 0);
    if ((size_t) n >= room) {
        wr_buf_reserve(b, (size_t) n + 1);
        va_start(args, format);
        vsnprintf(b->p + b->n, (size_t) n + 1, format, args);
        va_end(args);
    }
    b->n += (size_t) n;
}

const char *
wr_buf_cstr(wr_buf_t *b)
{
    *wr_buf_reserve(b, 1) = '\0';
    return b->p;
}

void
wr_buf_free(wr_buf_t *b)
{
    WR_ASSERT(b->pool == NULL);
    free(b->p);
    *b = wr_buf(NULL);
}
