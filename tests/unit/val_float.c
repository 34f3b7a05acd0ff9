/*
 * repr and rounding of floats.
 */
#include <weir/expr/format.h>
#include <weir/expr/value.h>

#include <math.h>

#include "check.h"

static wr_str_t
repr(char *room, double f)
{
    return wr_str(room, wr_put_float(room, f));
}

static void
known(void)
{
    char room[32];

    CHECK_STR(repr(room, 0.0), "0.0");
    CHECK_STR(repr(room, -0.0), "-0.0");
    CHECK_STR(repr(room, 1.0), "1.0");
    CHECK_STR(repr(room, 0.1 + 0.2), "0.30000000000000004");
    CHECK_STR(repr(room, 1e15), "1000000000000000.0");
    CHECK_STR(repr(room, 1e16), "1e+16");
    CHECK_STR(repr(room, 0.0001), "0.0001");
    CHECK_STR(repr(room, 0.00001), "1e-05");
    CHECK_STR(repr(room, 123456789012345680.0), "1.2345678901234568e+17");
    CHECK_STR(repr(room, 5e-324), "5e-324");
    CHECK_STR(repr(room, 2.2250738585072014e-308), "2.2250738585072014e-308");
    CHECK_STR(repr(room, 1.7976931348623157e308), "1.7976931348623157e+308");
    CHECK_STR(repr(room, ldexp(1, -44)), "5.684341886080802e-14");
    CHECK_STR(repr(room, 9007199254740993.0), "9007199254740992.0");
    CHECK_STR(repr(room, (double) INFINITY), "inf");
    CHECK_STR(repr(room, (double) -INFINITY), "-inf");
    CHECK_STR(repr(room, (double) NAN), "nan");
}

/* Reads back as the same double, and no shorter decimal does. */
static void
round_trip(double f)
{
    char     room[33];
    char     shorter[40];
    size_t   n = wr_put_float(room, f);
    unsigned digits = 0;

    room[n] = '\0';
    CHECK(strtod(room, NULL) == f);
    for (const char *p = room; *p != '\0' && *p != 'e'; p++) {
        digits += *p >= '0' && *p <= '9' && (digits != 0 || *p != '0');
    }
    while (digits > 1) {
        snprintf(shorter, sizeof(shorter), "%.*e", (int) digits - 2, f);
        if (strchr(room, 'e') == NULL && strstr(room, ".0") != NULL) {
            break;      /* zeros that only fill up to the point */
        }
        CHECK(strtod(shorter, NULL) != f);
        break;
    }
}

static void
many(void)
{
    uint64_t x = 88172645463325252u;

    for (int i = 0; i < 100000; i++) {
        double f;

        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        memcpy(&f, &x, sizeof(f));
        if (isfinite(f) && f != 0) {
            round_trip(f);
        }
        round_trip((double) (x % 100000 + 1) / 100);
        round_trip((double) (x >> 20) * 0.001 + 0.5);
    }
    for (int e = -1070; e < 1024; e++) {
        round_trip(ldexp(1, e));
    }
}

static void
rounding(void)
{
    CHECK(wr_round(2.5, 0) == 2);
    CHECK(wr_round(3.5, 0) == 4);
    CHECK(wr_round(2.675, 2) == 2.67);
    CHECK(wr_round(42.55, 1) == 42.5);
    CHECK(wr_round(45, -1) == 40);
    CHECK(wr_round(55, -1) == 60);
    CHECK(wr_round(45.0000001, -1) == 50);
    CHECK(wr_round(99.5, -2) == 100);
    CHECK(wr_round(-4, -1) == 0 && signbit(wr_round(-4, -1)));
    CHECK(wr_round(1e300, 5) == 1e300);
    CHECK(wr_round(1.5, -400) == 0);
    CHECK(wr_round(1.7976931348623157e308, -308) == INFINITY);
}

int
main(void)
{
    known();
    many();
    rounding();
    return check_status();
}
