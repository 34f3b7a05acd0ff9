/*
 * Views of bytes: comparing, finding, cutting. Nothing here allocates.
 */
#define _GNU_SOURCE
#include <weir/base/str.h>
#include <weir/base/swar.h>

static inline uint64_t
load4(const char *p, size_t n)
{
    uint32_t a, b;

    memcpy(&a, p, 4);
    memcpy(&b, p + n - 4, 4);
    return a | (uint64_t) b << 32;
}

/* Up to three bytes. */
static inline uint64_t
load1(const char *p, size_t n)
{
    const unsigned char *b = (const unsigned char *) p;

    return n == 0 ? 0 : b[0] | (uint64_t) b[n / 2] << 8 | (uint64_t) b[n - 1] << 16;
}

bool
wr_str_ieq(wr_str_t a, wr_str_t b)
{
    size_t i;

    if (a.n != b.n) {
        return false;
    }
    if (a.n < 4) {
        return wr_swar_lower(load1(a.p, a.n)) == wr_swar_lower(load1(b.p, b.n));
    }
    if (a.n < 8) {
        return wr_swar_lower(load4(a.p, a.n)) == wr_swar_lower(load4(b.p, b.n));
    }
    for (i = 0; i + 8 < a.n; i += 8) {
        if (wr_swar_lower(wr_swar_load(a.p + i)) != wr_swar_lower(wr_swar_load(b.p + i))) {
            return false;
        }
    }
    return wr_swar_lower(wr_swar_load(a.p + a.n - 8)) == wr_swar_lower(wr_swar_load(b.p + b.n - 8));
}

bool
wr_str_ieqz(wr_str_t a, const char *z)
{
    return wr_str_ieq(a, wr_str_z(z));
}

bool
wr_str_starts(wr_str_t s, wr_str_t prefix)
{
    return s.n >= prefix.n && wr_str_eq(wr_str(s.p, prefix.n), prefix);
}

bool
wr_str_istarts(wr_str_t s, wr_str_t prefix)
{
    return s.n >= prefix.n && wr_str_ieq(wr_str(s.p, prefix.n), prefix);
}

bool
wr_str_ends(wr_str_t s, wr_str_t suffix)
{
    return s.n >= suffix.n
           && wr_str_eq(wr_str_skip(s, s.n - suffix.n), suffix);
}

int
wr_str_cmp(wr_str_t a, wr_str_t b)
{
    size_t n = wr_min_size(a.n, b.n);
    int    d = n != 0 ? memcmp(a.p, b.p, n) : 0;

    if (d != 0) {
        return d;
    }
    return a.n < b.n ? -1 : a.n > b.n;
}

int
wr_str_icmp(wr_str_t a, wr_str_t b)
{
    size_t n = wr_min_size(a.n, b.n);

    for (size_t i = 0; i < n; i++) {
        int d = (unsigned char) wr_lower(a.p[i])
                - (unsigned char) wr_lower(b.p[i]);
        if (d != 0) {
            return d;
        }
    }
    return a.n < b.n ? -1 : a.n > b.n;
}

/* As the names say; either may be anywhere. */
static inline uint64_t
below_or_is(uint64_t w, unsigned char limit, unsigned char c)
{
    return wr_swar_below(w, limit) | wr_swar_is(w, c);
}

size_t
wr_str_visible(wr_str_t s)
{
    size_t i = 0;

    for (; WR_SWAR_FIRST && i + 8 <= s.n; i += 8) {
        uint64_t found = below_or_is(wr_swar_load(s.p + i), ' ' + 1, 0x7f);

        if (found != 0) {
            return i + wr_swar_first(found);
        }
    }
    while (i < s.n && (unsigned char) s.p[i] > ' ' && s.p[i] != 0x7f) {
        i++;
    }
    return i;
}

bool
wr_str_has_nul_or_cr(wr_str_t s)
{
    size_t i;

    if (s.n < 8) {
        for (i = 0; i < s.n; i++) {
            if (s.p[i] == '\0' || s.p[i] == '\r') {
                return true;
            }
        }
        return false;
    }
    for (i = 0; i + 8 < s.n; i += 8) {
        if (below_or_is(wr_swar_load(s.p + i), 1, '\r') != 0) {
            return true;
        }
    }
    return below_or_is(wr_swar_load(s.p + s.n - 8), 1, '\r') != 0;
}

ssize_t
wr_str_chr(wr_str_t s, char c)
{
    const char *at = s.n != 0 ? memchr(s.p, c, s.n) : NULL;

    return at != NULL ? at - s.p : -1;
}

ssize_t
wr_str_rchr(wr_str_t s, char c)
{
    const char *at = s.n != 0 ? memrchr(s.p, c, s.n) : NULL;

    return at != NULL ? at - s.p : -1;
}

ssize_t
wr_str_find(wr_str_t s, wr_str_t needle)
{
    const char *at;

    if (needle.n == 0) {
        return 0;
    }
    at = s.n != 0 ? memmem(s.p, s.n, needle.p, needle.n) : NULL;
    return at != NULL ? at - s.p : -1;
}

ssize_t
wr_str_ifind(wr_str_t s, wr_str_t needle)
{
    for (size_t i = 0; i + needle.n <= s.n; i++) {
        if (wr_str_ieq(wr_str(s.p + i, needle.n), needle)) {
            return (ssize_t) i;
        }
    }
    return -1;
}

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

wr_str_t
wr_str_trim(wr_str_t s)
{
    while (s.n != 0 && is_blank(s.p[0])) {
        s.p++;
        s.n--;
    }
    while (s.n != 0 && is_blank(s.p[s.n - 1])) {
        s.n--;
    }
    return s;
}

bool
wr_str_split(wr_str_t *rest, char sep, wr_str_t *part)
{
    ssize_t at;

    if (rest->p == NULL) {
        return false;
    }
    at = wr_str_chr(*rest, sep);
    if (at < 0) {
        *part = *rest;
        *rest = WR_STR_NONE;
        return part->n != 0 || part->p != NULL;
    }
    *part = wr_str(rest->p, (size_t) at);
    *rest = wr_str(rest->p + at + 1, rest->n - (size_t) at - 1);
    return true;
}

int
wr_hex_digit(char c)
{
    if (wr_is_digit(c)) {
        return c - '0';
    }
    c = wr_lower(c);
    return (c >= 'a' && c <= 'f') ? c - 'a' + 10 : -1;
}

bool
wr_str_eq_secret(wr_str_t a, wr_str_t b)
{
    unsigned char diff = 0;

    if (a.n != b.n) {
        return false;
    }
    for (size_t i = 0; i < a.n; i++) {
        diff |= (unsigned char) (a.p[i] ^ b.p[i]);
    }
    return diff == 0;
}
