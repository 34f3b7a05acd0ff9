/*
 * Texts, sixteen bytes at a time, where the processor can. Not installed.
 */
#ifndef WEIR_EXPR_SIXTEEN_PRIV_H
#define WEIR_EXPR_SIXTEEN_PRIV_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>

/* Fewer than 16 bytes, zeros behind; nothing else is read. */
static inline __m128i
wr_load_some(const char *p, size_t n)
{
    uint64_t lo = 0, hi = 0;
    uint32_t a, b;

    if (n >= 8) {
        memcpy(&lo, p, 8);
        if (n > 8) {
            memcpy(&hi, p + n - 8, 8);
            hi >>= 8 * (16 - n);
        }
    } else if (n >= 4) {
        memcpy(&a, p, 4);
        memcpy(&b, p + n - 4, 4);
        lo = a | (uint64_t) b << (8 * (n - 4));
    } else if (n != 0) {
        lo = (uint8_t) p[0] | (uint64_t) (uint8_t) p[n / 2] << (8 * (n / 2))
             | (uint64_t) (uint8_t) p[n - 1] << (8 * (n - 1));
    }
    return _mm_set_epi64x((long long) hi, (long long) lo);
}

#endif
#endif
