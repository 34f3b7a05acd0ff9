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
    char   text[20];
    size_t n = 0;

    do {
        text[sizeof(text) - ++n] = (char) ('0' + v % 10);
        v /= 10;
    } while (v != 0);
    memcpy(to, text + sizeof(text) - n, n);
    return n;
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
