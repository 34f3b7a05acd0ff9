/*
 * Words to numbers: sizes, times and counts as nginx's users write them.
 * Everything that could overflow is refused.
 */
#include <weir/conf/conf.h>

bool
wr_parse_int(wr_str_t s, int64_t *n)
{
    int64_t v = 0;
    size_t  i = 0;

    if (s.n == 0) {
        return false;
    }
    for (; i < s.n && i < 18; i++) {        /* so many digits fit */
        unsigned digit = (unsigned char) s.p[i] - (unsigned) '0';

        if (digit > 9) {
            return false;
        }
        v = v * 10 + digit;
    }
    for (; i < s.n; i++) {
        if (!wr_is_digit(s.p[i]) || __builtin_mul_overflow(v, 10, &v)
            || __builtin_add_overflow(v, s.p[i] - '0', &v))
        {
            return false;
        }
    }
    *n = v;
    return true;
}

static bool
scaled(wr_str_t s, bool giga, int64_t *bytes)
{
    int64_t scale = 1;

    if (s.n == 0) {
        return false;
    }
    switch (wr_lower(s.p[s.n - 1])) {
    case 'k':
        scale = 1 << 10;
        s.n--;
        break;
    case 'm':
        scale = 1 << 20;
        s.n--;
        break;
    case 'g':
        if (!giga) {
            return false;
        }
        scale = 1 << 30;
        s.n--;
        break;
    }
    return wr_parse_int(s, bytes) && !__builtin_mul_overflow(*bytes, scale, bytes);
}

bool
wr_parse_size(wr_str_t s, int64_t *bytes)
{
    return scaled(s, false, bytes);
}

bool
wr_parse_offset(wr_str_t s, int64_t *bytes)
{
    return scaled(s, true, bytes);
}

/* Units must come from large to small, each at most once. */
typedef struct unit {
    char    name[3];
    int64_t ms;
} unit_t;

static const unit_t units[] = {
    {"y", 365 * 86400 * INT64_C(1000)},
    {"M", 30 * 86400 * INT64_C(1000)},
    {"w", 7 * 86400 * 1000},
    {"d", 86400 * 1000},
    {"h", 3600 * 1000},
    {"m", 60 * 1000},
    {"s", 1000},
    {"ms", 1},
};

enum { FIRST_OF_MSEC = 2, SECONDS = 6, MILLISECONDS = 7 };

/* The unit that `s` starts with, or -1. */
static int
unit_of(wr_str_t s)
{
    if (s.n >= 2 && s.p[0] == 'm' && s.p[1] == 's') {
        return MILLISECONDS;
    }
    for (int i = 0; i < MILLISECONDS; i++) {
        if (s.p[0] == units[i].name[0]) {
            return i;
        }
    }
    return -1;
}

/* Spaces may stand between the parts: "1h 30m". A last part without a unit is
 * seconds. */
static bool
time_of(wr_str_t s, bool seconds, int64_t *out)
{
    int64_t total = 0;
    int     step = seconds ? 0 : FIRST_OF_MSEC;
    int     last = seconds ? SECONDS : MILLISECONDS;

    if (s.n == 0) {
        return false;
    }
    while (s.n != 0) {
        size_t  n = 0;
        int64_t v;
        int     unit = SECONDS;

        while (n < s.n && wr_is_digit(s.p[n])) {
            n++;
        }
        if (!wr_parse_int(wr_str(s.p, n), &v)) {
            return false;
        }
        s = wr_str_skip(s, n);
        if (s.n != 0 && s.p[0] != ' ') {
            unit = unit_of(s);
            s = wr_str_skip(s, unit == MILLISECONDS ? 2 : 1);
        }
        if (unit < step || unit > last
            || __builtin_mul_overflow(v, units[unit].ms, &v)
            || __builtin_add_overflow(total, v, &total))
        {
            return false;
        }
        step = unit + 1;
        while (s.n != 0 && s.p[0] == ' ') {
            s = wr_str_skip(s, 1);
        }
    }
    *out = seconds ? total / 1000 : total;
    return true;
}

bool
wr_parse_msec(wr_str_t s, wr_msec_t *ms)
{
    return time_of(s, false, ms);
}

bool
wr_parse_sec(wr_str_t s, int64_t *sec)
{
    return time_of(s, true, sec);
}

bool
wr_arg_value(wr_str_t word, const char *name, wr_str_t *value)
{
    size_t n = strlen(name);

    if (word.n <= n || memcmp(word.p, name, n) != 0 || word.p[n] != '=') {
        return false;
    }
    *value = wr_str_skip(word, n + 1);
    return true;
}

wr_rc_t
wr_conf_access(wr_conf_t *cf, int *mode)
{
    *mode = 0600;
    for (unsigned i = 1; i < cf->nargs; i++) {
        wr_str_t rights = cf->args[i].text, who = WR_STR_NONE;
        int      bits = 0, shift;

        (void) wr_str_split(&rights, ':', &who);
        shift = wr_str_eqz(who, "user") ? 6 : wr_str_eqz(who, "group") ? 3 : 0;
        if (wr_str_eqz(rights, "rw")) {
            bits = 6;
        } else if (wr_str_eqz(rights, "r")) {
            bits = 4;
        }
        if (bits == 0 || (shift == 0 && !wr_str_eqz(who, "all"))) {
            return wr_conf_fail(cf, &cf->args[i], "invalid value \"%.*s\"",
                                WR_ARG(cf->args[i].text));
        }
        if (shift == 0) {
            *mode |= bits << 3;
        }
        *mode |= bits << shift;
    }
    return WR_OK;
}
