/*
 * repr of a float: the shortest decimal that reads back as the same double.
 *
 * The algorithm is Raffaello Giulietti's Schubfach: the interval of decimals that
 * round to the double is scaled by a power of ten whose 128 leading bits come
 * from a table; the shortest decimal in it then takes one division.
 */
#include <weir/expr/float_priv.h>
#include <weir/expr/value.h>

#include <math.h>

enum { FRACTION_BITS = 52, BIAS = 1075 };

/* floor(log10(2^e)), floor(log10(3/4 * 2^e)), floor(log2(10^e)). */
static inline int
log10_pow2(int e)
{
    return (e * 1262611) >> 22;
}

static inline int
log10_pow2_three_quarters(int e)
{
    return (e * 1262611 - 524031) >> 22;
}

static inline int
log2_pow10(int e)
{
    return (e * 1741647) >> 19;
}

/* The product's upper bits; the lowest says whether anything was cut off. */
static inline uint64_t
round_to_odd(const uint64_t *power, uint64_t c)
{
    unsigned __int128 low = (unsigned __int128) power[1] * c;
    unsigned __int128 high = (unsigned __int128) power[0] * c
                             + (uint64_t) (low >> 64);

    return (uint64_t) (high >> 64) | ((uint64_t) high > 1);
}

static uint64_t
shortest_in_interval(uint64_t c, int q, bool lower_is_closer, int *exponent)
{
    uint64_t        odd = c & 1;
    int             k = lower_is_closer ? log10_pow2_three_quarters(q)
                                        : log10_pow2(q);
    int             h = q + log2_pow10(-k) + 1;
    const uint64_t *power = wr_powers_of_ten[-k - WR_POWER_FIRST];
    uint64_t        left = (4 * c - 2 + lower_is_closer) << h;
    uint64_t        lower = round_to_odd(power, left) + odd;
    uint64_t        middle = round_to_odd(power, (4 * c) << h);
    uint64_t        upper = round_to_odd(power, (4 * c + 2) << h) - odd;
    uint64_t        s = middle / 4;
    bool            below, above;

    *exponent = k;
    if (s >= 10) {
        uint64_t tens = s / 10;

        below = lower <= 40 * tens;
        above = 40 * tens + 40 <= upper;
        if (below != above) {
            *exponent = k + 1;
            return tens + above;
        }
    }
    below = lower <= 4 * s;
    above = 4 * s + 4 <= upper;
    if (below != above) {
        return s + above;
    }
    /* Both or none: the nearer one, the even one if they are equally near. */
    return s + (middle > 4 * s + 2 || (middle == 4 * s + 2 && (s & 1) != 0));
}

/* Prices and the like. Decimals of at most 15 digits are different doubles, so
 * the first that is this one is its shortest. */
static bool
few_decimals(double f, uint64_t *digits, int *exponent)
{
    static const double power[] = {1, 10, 100, 1000};

    if (f >= 1e11) {
        return false;
    }
    for (int k = 0; k < 4; k++) {
        uint64_t d = (uint64_t) (f * power[k] + 0.5);

        if (d != 0 && (double) d / power[k] == f) {
            *digits = d;
            *exponent = -k;
            return true;
        }
    }
    return false;
}

uint64_t
wr_float_shortest(double f, int *exponent)
{
    uint64_t bits;
    uint64_t fraction;
    uint64_t digits;
    int      e;

    memcpy(&bits, &f, sizeof(bits));
    fraction = bits & ((1ull << FRACTION_BITS) - 1);
    e = (int) (bits >> FRACTION_BITS & 0x7ff);
    if (few_decimals(f, &digits, exponent)) {
        /* that is it */
    } else if (e == 0) {
        digits = shortest_in_interval(fraction, 1 - BIAS, false, exponent);
    } else {
        digits = shortest_in_interval(fraction | 1ull << FRACTION_BITS,
                                      e - BIAS, fraction == 0 && e > 1,
                                      exponent);
    }
    while (digits % 10 == 0) {
        digits /= 10;
        ++*exponent;
    }
    return digits;
}

/* d.ddde+xx */
static size_t
put_exponent(char *to, const char *digits, size_t n, int point)
{
    char  *p = to;
    int    e = point - 1;

    *p++ = digits[0];
    if (n > 1) {
        *p++ = '.';
        memcpy(p, digits + 1, n - 1);
        p += n - 1;
    }
    *p++ = 'e';
    *p++ = e < 0 ? '-' : '+';
    e = e < 0 ? -e : e;
    if (e >= 100) {
        *p++ = (char) ('0' + e / 100);
    }
    *p++ = (char) ('0' + e / 10 % 10);
    *p++ = (char) ('0' + e % 10);
    return (size_t) (p - to);
}

/* The point stands behind `point` digits; -4 < point <= 16. */
static size_t
put_plain(char *to, const char *digits, size_t n, int point)
{
    char *p = to;

    if (point <= 0) {
        memcpy(p, "0.0000", (size_t) (2 - point));
        p += 2 - point;
        memcpy(p, digits, n);
        return (size_t) (p + n - to);
    }
    if (n <= (size_t) point) {
        memcpy(p, digits, n);
        memset(p + n, '0', (size_t) point - n);
        memcpy(p + point, ".0", 2);
        return (size_t) point + 2;
    }
    memcpy(p, digits, (size_t) point);
    p[point] = '.';
    memcpy(p + point + 1, digits + point, n - (size_t) point);
    return n + 1;
}

size_t
wr_put_float(char *to, double f)
{
    char   digits[20];
    char  *p = to;
    size_t n;
    int    exponent;
    int    point;

    if (isnan(f)) {
        memcpy(to, "nan", 3);
        return 3;
    }
    if (signbit(f)) {
        *p++ = '-';
        f = -f;
    }
    if (isinf(f)) {
        memcpy(p, "inf", 3);
        return (size_t) (p + 3 - to);
    }
    if (f == 0) {
        memcpy(p, "0.0", 3);
        return (size_t) (p + 3 - to);
    }
    n = wr_put_uint(digits, wr_float_shortest(f, &exponent));
    point = (int) n + exponent;
    if (point <= -4 || point > 16) {
        p += put_exponent(p, digits, n, point);
    } else {
        p += put_plain(p, digits, n, point);
    }
    return (size_t) (p - to);
}
