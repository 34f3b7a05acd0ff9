/*
 * UTF-8: checking, decoding, counting. Functions other than wr_utf8_valid and
 * wr_utf8_bad expect text that has been checked; given other bytes they stay
 * within the view but their results mean nothing.
 */
#ifndef WEIR_BASE_UTF8_H
#define WEIR_BASE_UTF8_H

#include <weir/base/str.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum { WR_UTF8_MAX = 4 };       /* bytes of the longest sequence */

/* True for well-formed UTF-8: no overlong forms, no surrogates. */
bool wr_utf8_valid(wr_str_t s);

/* Where the first ill-formed sequence starts; s.n if there is none. */
size_t wr_utf8_bad(wr_str_t s);

/* True if all bytes are below 0x80. */
bool wr_utf8_ascii(wr_str_t s);

/* Copies the bytes to `to`, and says the same of them. */
static inline bool wr_utf8_ascii_copy(char *to, wr_str_t s);
bool wr_utf8_ascii_copy_any(char *to, wr_str_t s);

/* How many code points. */
size_t wr_utf8_count(wr_str_t s);

/* The byte offset of the n-th code point; s.n if there are fewer. */
size_t wr_utf8_offset(wr_str_t s, size_t n);

/* How many bytes the sequence has that starts with `lead`. */
static inline unsigned
wr_utf8_len(char lead)
{
    unsigned char c = (unsigned char) lead;

    return c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}

/* The code point at `*p`, which moves behind it, never past `end`. */
static inline uint32_t
wr_utf8_next(const char **p, const char *end)
{
    const unsigned char *s = (const unsigned char *) *p;
    unsigned             n;

    if (wr_likely(s[0] < 0x80)) {
        *p += 1;
        return s[0];
    }
    n = wr_utf8_len(**p);
    if (wr_unlikely(n > (size_t) (end - *p))) {
        *p = end;
        return 0xfffd;
    }
    *p += n;
    switch (n) {
    case 2:
        return (uint32_t) (s[0] & 0x1f) << 6 | (s[1] & 0x3f);
    case 3:
        return (uint32_t) (s[0] & 0x0f) << 12 | (uint32_t) (s[1] & 0x3f) << 6
               | (s[2] & 0x3f);
    default:
        return (uint32_t) (s[0] & 0x07) << 18 | (uint32_t) (s[1] & 0x3f) << 12
               | (uint32_t) (s[2] & 0x3f) << 6 | (s[3] & 0x3f);
    }
}

/* The code point that ends at `*p`, which moves to its start; `start` is where
 * the text begins, and *p > start. */
static inline uint32_t
wr_utf8_prev(const char *start, const char **p)
{
    const char *end = *p;
    const char *at = end - 1;

    while (at > start && (*at & 0xc0) == 0x80) {
        at--;
    }
    *p = at;
    return wr_utf8_next(&at, end);
}

/* Writes the sequence for `cp` (also surrogates) and returns its length. */
static inline unsigned
wr_utf8_put(char *to, uint32_t cp)
{
    if (cp < 0x80) {
        to[0] = (char) cp;
        return 1;
    }
    if (cp < 0x800) {
        to[0] = (char) (0xc0 | cp >> 6);
        to[1] = (char) (0x80 | (cp & 0x3f));
        return 2;
    }
    if (cp < 0x10000) {
        to[0] = (char) (0xe0 | cp >> 12);
        to[1] = (char) (0x80 | (cp >> 6 & 0x3f));
        to[2] = (char) (0x80 | (cp & 0x3f));
        return 3;
    }
    to[0] = (char) (0xf0 | cp >> 18);
    to[1] = (char) (0x80 | (cp >> 12 & 0x3f));
    to[2] = (char) (0x80 | (cp >> 6 & 0x3f));
    to[3] = (char) (0x80 | (cp & 0x3f));
    return 4;
}

static inline bool
wr_utf8_ascii_copy(char *to, wr_str_t s)
{
#ifdef __SSE2__
    if (s.n >= 16) {
        size_t  last = s.n - 16;
        __m128i v, seen = _mm_loadu_si128((const __m128i *) (const void *) (s.p + last));

        _mm_storeu_si128((__m128i *) (void *) (to + last), seen);
        for (size_t i = 0; i < last; i += 16) {
            v = _mm_loadu_si128((const __m128i *) (const void *) (s.p + i));
            _mm_storeu_si128((__m128i *) (void *) (to + i), v);
            seen = _mm_or_si128(seen, v);
        }
        return _mm_movemask_epi8(seen) == 0;
    }
#endif
    return wr_utf8_ascii_copy_any(to, s);
}

#endif
