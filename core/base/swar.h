/*
 * Eight bytes at a time in one word.
 *
 * The tests give a word with the highest bit set in each byte that is meant; above the
 * lowest such byte others may be set as well, so it is good for "is there one" and,
 * on little-endian machines (WR_SWAR_FIRST), for "where is the first".
 */
#ifndef WEIR_BASE_SWAR_H
#define WEIR_BASE_SWAR_H

#include <weir/base/base.h>

#define WR_SWAR_ONES  UINT64_C(0x0101010101010101)
#define WR_SWAR_HIGHS UINT64_C(0x8080808080808080)
#define WR_SWAR_FIRST (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)

static inline uint64_t
wr_swar_load(const char *p)
{
    uint64_t w;

    memcpy(&w, p, 8);
    return w;
}

/* Bytes below `limit`, which is at most 0x80. */
static inline uint64_t
wr_swar_below(uint64_t w, unsigned char limit)
{
    return (w - WR_SWAR_ONES * limit) & ~w & WR_SWAR_HIGHS;
}

/* Bytes that are `c`. */
static inline uint64_t
wr_swar_is(uint64_t w, unsigned char c)
{
    return wr_swar_below(w ^ WR_SWAR_ONES * c, 1);
}

/* Which byte is the first that a test found; it must have found one. */
static inline size_t
wr_swar_first(uint64_t found)
{
    return (size_t) __builtin_ctzll(found) / 8;
}

/* Eight decimal digits as a number; false: they are not all digits. */
static inline bool
wr_swar_digits(uint64_t w, uint64_t *v)
{
    if ((w & 0xf0f0f0f0f0f0f0f0u) != 0x3030303030303030u
        || ((w + 0x0606060606060606u) & 0xf0f0f0f0f0f0f0f0u) != 0x3030303030303030u)
    {
        return false;
    }
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
    w = __builtin_bswap64(w);
#endif
    w = (w & 0x0f0f0f0f0f0f0f0fu) * 2561 >> 8;
    w = (w & 0x00ff00ff00ff00ffu) * 6553601 >> 16;
    *v = (w & 0x0000ffff0000ffffu) * 42949672960001u >> 32;
    return true;
}

/* ASCII letters of eight bytes in lower case. */
static inline uint64_t
wr_swar_lower(uint64_t w)
{
    uint64_t low = w & 0x7f7f7f7f7f7f7f7fu;
    uint64_t above_Z = low + 0x2525252525252525u, from_A = low + 0x3f3f3f3f3f3f3f3fu;
    uint64_t upper = ~w & 0x8080808080808080u & (from_A ^ above_Z);

    return w | upper >> 2;
}

#endif
