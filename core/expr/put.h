/*
 * Short texts into a buffer, without the detour over memcpy: most of what a
 * template prints is a few bytes long. Not installed.
 */
#ifndef WEIR_EXPR_PUT_H
#define WEIR_EXPR_PUT_H

#include <weir/base/buf.h>

enum { WR_PUT_SLACK = 16 };     /* may be written behind the text */

/* At most 16 bytes; both sides are read and written within their bounds, but for
 * the slack behind `to`. */
static inline void
wr_copy16(char *to, const char *from, size_t n)
{
    uint64_t a, b;
    uint32_t c, d;

    if (n >= 8) {
        memcpy(&a, from, 8);
        memcpy(&b, from + n - 8, 8);
        memcpy(to, &a, 8);
        memcpy(to + n - 8, &b, 8);
    } else if (n >= 4) {
        memcpy(&c, from, 4);
        memcpy(&d, from + n - 4, 4);
        memcpy(to, &c, 4);
        memcpy(to + n - 4, &d, 4);
    } else if (n != 0) {
        to[0] = from[0];
        to[n / 2] = from[n / 2];
        to[n - 1] = from[n - 1];
    }
}

/* At least 16 and at most 32 bytes. */
static inline void
wr_copy32(char *to, const char *from, size_t n)
{
    unsigned __int128 a, b;     /* no arrays: the stack needs no guard for them */

    memcpy(&a, from, 16);
    memcpy(&b, from + n - 16, 16);
    memcpy(to, &a, 16);
    memcpy(to + n - 16, &b, 16);
}

/* Any number of bytes; returns where they end. */
static inline char *
wr_bytes_to(char *to, const char *p, size_t n)
{
    if (n <= 16) {
        wr_copy16(to, p, n);
    } else if (n <= 32) {
        wr_copy32(to, p, n);
    } else {
        memcpy(to, p, n);
    }
    return to + n;
}

/* The same for text of the template: 16 bytes can be read at its start, however
 * short it is, and are written. */
static inline char *
wr_text_to(char *to, wr_str_t s)
{
    if (s.n <= 16) {
        memcpy(to, s.p, 16);
    } else if (s.n <= 32) {
        wr_copy32(to, s.p, s.n);
    } else {
        memcpy(to, s.p, s.n);
    }
    return to + s.n;
}

/* As wr_buf_add. */
static inline void
wr_put_bytes(wr_buf_t *b, const char *p, size_t n)
{
    if (n == 0) {
        return;
    }
    if (wr_unlikely(n > b->cap - b->n)) {
        wr_buf_reserve(b, n);
    }
    (void) wr_bytes_to(b->p + b->n, p, n);
    b->n += n;
}

/* The same for text of the template. */
static inline void
wr_put_text(wr_buf_t *b, const char *p, size_t n)
{
    if (wr_unlikely(n + WR_PUT_SLACK > b->cap - b->n)) {
        wr_buf_reserve(b, n + WR_PUT_SLACK);
    }
    (void) wr_text_to(b->p + b->n, wr_str(p, n));
    b->n += n;
}

/* ---- escape.c ---- */

enum {
    WR_ESCAPE_LONGEST = 5,      /* bytes that one may become */
    WR_ESCAPE_SLACK = 32,       /* may be written behind them */
};

/* Writes the bytes escaped for HTML, for which there must be room; returns where they
 * end. */
char *wr_escape_to(char *to, const char *p, size_t n);

#endif
