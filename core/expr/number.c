/*
 * Text to numbers. Both readers first bring the text into plain ASCII (digits of
 * other scripts become 0-9), then check the grammar, then convert.
 */
#include <weir/expr/number.h>

#include <weir/base/utf8.h>
#include <weir/expr/unicode.h>

#include <stdlib.h>

/* The text in ASCII without white space at its ends; NULL if something else is
 * in it. Ends with a NUL. */
static char *
to_ascii(wr_pool_t *pool, wr_str_t s, size_t *n)
{
    const char *p = s.p;
    const char *end = s.p + s.n;
    char       *to = wr_alloc_bytes(pool, s.n + 1);
    size_t      at = 0;
    size_t      used = 0;

    while (p < end) {
        uint32_t cp = wr_utf8_next(&p, end);
        int      digit;

        if (wr_uni_space(cp)) {
            if (at != 0) {
                to[at++] = ' ';
            }
            continue;
        }
        if (cp >= 0x80) {
            digit = wr_uni_decimal(cp);
            if (digit < 0) {
                return NULL;
            }
            cp = '0' + (uint32_t) digit;
        }
        to[at++] = (char) cp;
        used = at;
    }
    to[used] = '\0';
    *n = used;
    return to;
}

static int
digit_of(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = wr_lower(c);
    return c >= 'a' && c <= 'z' ? c - 'a' + 10 : 99;
}

/* Skips "0x", "0o", "0b" where the base allows it and finds the base of 0. */
static const char *
base_prefix(const char *p, int *base)
{
    char kind = p[0] == '0' ? wr_lower(p[1]) : '\0';
    int  says = kind == 'x' ? 16 : kind == 'o' ? 8 : kind == 'b' ? 2 : 0;

    if (says != 0 && (*base == 0 || *base == says)) {
        *base = says;
        return p[2] == '_' ? p + 3 : p + 2;
    }
    if (*base == 0) {
        *base = 10;
        if (p[0] == '0') {          /* only zeros may follow: no "010" */
            for (const char *q = p; *q != '\0'; q++) {
                if (*q != '0' && *q != '_') {
                    return NULL;
                }
            }
        }
    }
    return p;
}

wr_rc_t
wr_parse_pyint(wr_pool_t *pool, wr_str_t s, int base, int64_t *out)
{
    size_t      n;
    const char *p = to_ascii(pool, s, &n);
    const char *end;
    bool        minus, over = false, digit = false;
    int64_t     v = 0;

    if (p == NULL || base < 0 || base == 1 || base > 36) {
        return WR_SYNTAX;
    }
    end = p + n;
    minus = *p == '-';
    p += minus || *p == '+';
    p = base_prefix(p, &base);
    if (p == NULL) {
        return WR_SYNTAX;
    }
    for (; p < end; p++) {
        int d = digit_of(*p);

        if (*p == '_' && digit) {
            digit = false;
            continue;
        }
        if (d >= base) {
            return WR_SYNTAX;
        }
        digit = true;
        over |= __builtin_mul_overflow(v, base, &v)
             || __builtin_sub_overflow(v, d, &v);   /* negative: has more room */
    }
    if (!digit) {
        return WR_SYNTAX;
    }
    if (over || (!minus && v == INT64_MIN)) {
        return WR_LIMIT;
    }
    *out = minus ? v : -v;
    return WR_OK;
}

/* Digits with single underscores between them; copies the digits. */
static bool
take_digits(const char **p, char **to)
{
    const char *s = *p;

    if (!wr_is_digit(*s)) {
        return false;
    }
    for (;; s++) {
        if (wr_is_digit(*s)) {
            *(*to)++ = *s;
        } else if (*s != '_' || !wr_is_digit(s[1])) {
            break;
        }
    }
    *p = s;
    return true;
}

/* [digits][.digits][e[sign]digits] to the end of the text; without the
 * underscores in `to`. */
static bool
take_decimal(const char *p, char *to)
{
    bool some = take_digits(&p, &to);

    if (*p == '.') {
        *to++ = *p++;
        some |= take_digits(&p, &to);
    }
    if (!some) {
        return false;
    }
    if (*p == 'e' || *p == 'E') {
        *to++ = *p++;
        if (*p == '+' || *p == '-') {
            *to++ = *p++;
        }
        if (!take_digits(&p, &to)) {
            return false;
        }
    }
    *to = '\0';
    return *p == '\0';
}

bool
wr_parse_float(wr_pool_t *pool, wr_str_t s, double *out)
{
    size_t   n;
    char    *text = to_ascii(pool, s, &n);
    char    *plain;
    wr_str_t word;
    double   sign;

    if (text == NULL || memchr(text, '\0', n) != NULL) {
        return false;
    }
    sign = *text == '-' ? -1.0 : 1.0;
    text += *text == '-' || *text == '+';
    word = wr_str_z(text);
    if (wr_str_ieqz(word, "inf") || wr_str_ieqz(word, "infinity")) {
        *out = sign * (double) __builtin_inf();
        return true;
    }
    if (wr_str_ieqz(word, "nan")) {
        *out = (double) __builtin_nan("");
        return true;
    }
    plain = wr_alloc_bytes(pool, n + 1);
    if (!take_decimal(text, plain)) {
        return false;
    }
    *out = sign * strtod(plain, NULL);
    return true;
}
