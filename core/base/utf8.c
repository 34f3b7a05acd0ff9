/*
 * UTF-8. Eight bytes are looked at together wherever the text is ASCII.
 */
#include <weir/base/utf8.h>

#define HIGH_BITS 0x8080808080808080u

static inline uint64_t
word_at(const char *p)
{
    uint64_t v;

    memcpy(&v, p, sizeof(v));
    return v;
}

static inline bool
is_tail(const unsigned char *p)
{
    return (*p & 0xc0) == 0x80;
}

/* The length of the well-formed sequence at `p`, or 0. */
static unsigned
sequence(const unsigned char *p, size_t room)
{
    unsigned char c = p[0];

    if (c < 0x80) {
        return 1;
    }
    if (c < 0xc2) {
        return 0;
    }
    if (c < 0xe0) {
        return room >= 2 && is_tail(p + 1) ? 2 : 0;
    }
    if (c < 0xf0) {
        if (room < 3 || !is_tail(p + 1) || !is_tail(p + 2)
            || (c == 0xe0 && p[1] < 0xa0) || (c == 0xed && p[1] >= 0xa0))
        {
            return 0;
        }
        return 3;
    }
    if (c > 0xf4 || room < 4 || !is_tail(p + 1) || !is_tail(p + 2)
        || !is_tail(p + 3) || (c == 0xf0 && p[1] < 0x90)
        || (c == 0xf4 && p[1] >= 0x90))
    {
        return 0;
    }
    return 4;
}

size_t
wr_utf8_bad(wr_str_t s)
{
    size_t i = 0;

    while (i < s.n) {
        unsigned n;

        while (s.n - i >= 8 && (word_at(s.p + i) & HIGH_BITS) == 0) {
            i += 8;
        }
        /* What is left is in the last eight. */
        if (s.n - i < 8 && s.n >= 8 && (word_at(s.p + s.n - 8) & HIGH_BITS) == 0) {
            break;
        }
        if (i == s.n) {
            break;
        }
        n = sequence((const unsigned char *) s.p + i, s.n - i);
        if (n == 0) {
            return i;
        }
        i += n;
    }
    return s.n;
}

bool
wr_utf8_valid(wr_str_t s)
{
    return wr_utf8_bad(s) == s.n;
}

bool
wr_utf8_ascii(wr_str_t s)
{
    size_t   i = 0;
    uint64_t seen = 0;

    for (; s.n - i >= 32; i += 32) {
        seen = word_at(s.p + i) | word_at(s.p + i + 8)
               | word_at(s.p + i + 16) | word_at(s.p + i + 24);
        if ((seen & HIGH_BITS) != 0) {
            return false;
        }
    }
    for (; s.n - i >= 8; i += 8) {
        seen |= word_at(s.p + i);
    }
    for (; i < s.n; i++) {
        seen |= (unsigned char) s.p[i];
    }
    return (seen & HIGH_BITS) == 0;
}

bool
wr_utf8_ascii_copy_any(char *to, wr_str_t s)
{
    uint64_t v, seen = 0;
    size_t   i = 0;

    if (s.n < 8) {
        for (; i < s.n; i++) {
            to[i] = s.p[i];
            seen |= (unsigned char) s.p[i];
        }
        return (seen & HIGH_BITS) == 0;
    }
    for (; s.n - i >= 8; i += 8) {
        v = word_at(s.p + i);
        memcpy(to + i, &v, sizeof(v));
        seen |= v;
    }
    /* What is left is in the last eight. */
    v = word_at(s.p + s.n - 8);
    memcpy(to + s.n - 8, &v, sizeof(v));
    return ((seen | v) & HIGH_BITS) == 0;
}

/* Of the eight bytes, how many do not continue a sequence. */
static inline unsigned
leads(uint64_t v)
{
    uint64_t tails = (v >> 7) & (~v >> 6) & 0x0101010101010101u;

    return 8 - (unsigned) __builtin_popcountll(tails);
}

size_t
wr_utf8_count(wr_str_t s)
{
    size_t n = 0;
    size_t i = 0;

    for (; s.n - i >= 8; i += 8) {
        n += leads(word_at(s.p + i));
    }
    for (; i < s.n; i++) {
        n += (s.p[i] & 0xc0) != 0x80;
    }
    return n;
}

size_t
wr_utf8_offset(wr_str_t s, size_t n)
{
    size_t i = 0;

    while (s.n - i >= 8) {
        unsigned here = leads(word_at(s.p + i));

        if (here > n) {
            break;
        }
        n -= here;
        i += 8;
    }
    while (i < s.n) {
        if ((s.p[i] & 0xc0) != 0x80 && n-- == 0) {
            return i;
        }
        i++;
    }
    return s.n;
}
