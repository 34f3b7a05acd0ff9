/*
 * Texts looked through several bytes at a time, against loops that take one.
 */
#include <weir/base/buf.h>
#include <weir/base/hash.h>
#include <weir/base/str.h>

#include "check.h"

#include <stdlib.h>

static uint32_t state = 12345;

static unsigned
any(unsigned below)
{
    state = state * 1664525 + 1013904223;
    return (state >> 8) % below;
}

/* Bytes at the edges of what is looked for are frequent. */
static char
any_byte(void)
{
    static const char edges[] = "\0\1\r\n\x0c\x0e\x1f !\x7e\x7f\x80\x81\x8d\xa0\xff@AZ[`az{aAzZ";

    return any(3) == 0 ? (char) any(256) : edges[any(sizeof(edges) - 1)];
}

/* In a piece of memory of its own, so that AddressSanitizer sees what is read. */
static char *
any_text(size_t n)
{
    char *p = malloc(n + (n == 0));

    for (size_t i = 0; i < n; i++) {
        p[i] = any(4) == 0 ? any_byte() : (char) ('a' + any(26));
    }
    return p;
}

static size_t
visible(wr_str_t s)
{
    size_t i = 0;

    while (i < s.n && (unsigned char) s.p[i] > ' ' && s.p[i] != 0x7f) {
        i++;
    }
    return i;
}

static bool
nul_or_cr(wr_str_t s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '\0' || s.p[i] == '\r') {
            return true;
        }
    }
    return false;
}

static void
looking(void)
{
    for (unsigned i = 0; i < 20000; i++) {
        size_t   n = any(40);
        char    *p = any_text(n), *q = malloc(n + (n == 0));
        wr_str_t s = wr_str(p, n), t = wr_str(q, n);

        CHECK(wr_str_visible(s) == visible(s));
        CHECK(wr_str_has_nul_or_cr(s) == nul_or_cr(s));
        for (size_t k = 0; k < n; k++) {
            q[k] = any(2) == 0 ? wr_lower(p[k]) : p[k];
        }
        CHECK(wr_str_ieq(s, t));
        if (n != 0) {
            size_t k = any((unsigned) n);

            q[k] = any_byte();
            CHECK(wr_str_ieq(s, t) == (wr_lower(p[k]) == wr_lower(q[k])));
            t.n--;
            CHECK(!wr_str_ieq(s, t));
        }
        free(p);
        free(q);
    }
}

static void
numbers(void)
{
    for (unsigned i = 0; i < 20000; i++) {
        uint64_t v = (uint64_t) any(1 << 24) << 40 ^ (uint64_t) any(1 << 24) << 20 ^ any(1 << 24);
        char     want[32], got[32];

        v >>= any(64);
        CHECK((size_t) snprintf(want, sizeof(want), "%" PRIu64, v) == wr_put_uint(got, v)
              && memcmp(want, got, strlen(want)) == 0);
        wr_put_hex16(got, v);
        snprintf(want, sizeof(want), "%016" PRIx64, v);
        CHECK(memcmp(want, got, 16) == 0);
    }
    for (uint64_t v = 0; v < 100100; v++) {
        char want[32], got[32];

        CHECK((size_t) snprintf(want, sizeof(want), "%" PRIu64, v) == wr_put_uint(got, v)
              && memcmp(want, got, strlen(want)) == 0);
    }
}

/* Texts that differ in one place have other hashes, of every length and at each place. */
static void
hashes(void)
{
    for (size_t n = 1; n < 40; n++) {
        char    *p = any_text(n);
        uint64_t h = wr_hash(p, n);

        for (size_t k = 0; k < n; k++) {
            p[k] ^= 1;
            CHECK(wr_hash(p, n) != h);
            p[k] ^= 1;
        }
        CHECK(wr_hash(p, n) == h);
        CHECK(wr_hash(p, n - 1) != h);
        free(p);
    }
}

int
main(void)
{
    looking();
    numbers();
    hashes();
    return check_status();
}
