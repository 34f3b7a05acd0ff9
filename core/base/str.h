/*
 * wr_str_t: a view of bytes that somebody else owns. Not terminated by NUL.
 */
#ifndef WEIR_BASE_STR_H
#define WEIR_BASE_STR_H

#include <weir/base/base.h>

typedef struct wr_str {
    const char *p;
    size_t      n;
} wr_str_t;

/* A view of a string literal; also usable as a static initialiser with {}. */
#define WR_STR(literal) ((wr_str_t) {"" literal, sizeof(literal) - 1})
#define WR_STR_INIT(literal) {"" literal, sizeof(literal) - 1}
#define WR_STR_NONE ((wr_str_t) {NULL, 0})

/* For printf: "%.*s", WR_ARG(s). Cut at 2 GB. */
#define WR_ARG(s) (int) (s).n, (s).p

static inline wr_str_t
wr_str(const char *p, size_t n)
{
    return (wr_str_t) {p, n};
}

/* NULL gives an empty view. */
static inline wr_str_t
wr_str_z(const char *z)
{
    return (wr_str_t) {z, z != NULL ? strlen(z) : 0};
}

static inline bool
wr_str_eq(wr_str_t a, wr_str_t b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool
wr_str_eqz(wr_str_t a, const char *z)
{
    size_t n = strlen(z);

    return a.n == n && (n == 0 || memcmp(a.p, z, n) == 0);
}

/* ASCII letters compare without case. */
bool wr_str_ieq(wr_str_t a, wr_str_t b);
bool wr_str_ieqz(wr_str_t a, const char *z);

bool wr_str_starts(wr_str_t s, wr_str_t prefix);
bool wr_str_istarts(wr_str_t s, wr_str_t prefix);
bool wr_str_ends(wr_str_t s, wr_str_t suffix);

/* <0, 0, >0 by bytes; the shorter of two with a common start comes first. */
int wr_str_cmp(wr_str_t a, wr_str_t b);
int wr_str_icmp(wr_str_t a, wr_str_t b);

/* Where `c` or `needle` stands first in `s`; -1 if it does not. */
ssize_t wr_str_chr(wr_str_t s, char c);
ssize_t wr_str_rchr(wr_str_t s, char c);
ssize_t wr_str_find(wr_str_t s, wr_str_t needle);
ssize_t wr_str_ifind(wr_str_t s, wr_str_t needle);

/* How many bytes at its start are neither controls nor spaces (nor DEL). */
size_t wr_str_visible(wr_str_t s);
bool   wr_str_has_nul_or_cr(wr_str_t s);

/* The part from `from` (included) to `to` (not), both clipped to `s`. */
static inline wr_str_t
wr_str_sub(wr_str_t s, size_t from, size_t to)
{
    if (to > s.n) {
        to = s.n;
    }
    if (from > to) {
        from = to;
    }
    return (wr_str_t) {s.p + from, to - from};
}

static inline wr_str_t
wr_str_skip(wr_str_t s, size_t n)
{
    return wr_str_sub(s, n, s.n);
}

/* Without the spaces and tabs (and CR, LF) at both ends. */
wr_str_t wr_str_trim(wr_str_t s);

/* Takes the part before the next `sep` off `*rest`; false once all is taken.
 * "a,,b" gives "a", "", "b"; an empty view with a pointer gives one "".
 *  A view without a pointer gives nothing. */
bool wr_str_split(wr_str_t *rest, char sep, wr_str_t *part);

/* ASCII only; other bytes stay. */
static inline char
wr_lower(char c)
{
    return (c >= 'A' && c <= 'Z') ? (char) (c | 0x20) : c;
}

static inline bool
wr_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline bool
wr_is_alpha(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* [A-Za-z0-9_] */
static inline bool
wr_is_word(char c)
{
    return wr_is_alpha(c) || wr_is_digit(c) || c == '_';
}

/* 0..15, or -1. */
int wr_hex_digit(char c);

/* In constant time for equal lengths: for secrets. */
bool wr_str_eq_secret(wr_str_t a, wr_str_t b);

#endif
