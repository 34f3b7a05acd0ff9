/*
 * Numbers to digits. C's printf rounds the exact decimal half to even, as Python
 * does; only the layout of some forms differs.
 */
#include <weir/expr/format.h>
#include <weir/expr/format_priv.h>
#include <weir/expr/val_priv.h>

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { PRECISION_FREE = 1100 };     /* no double has more digits that count */

static bool
put_not_finite(wr_buf_t *to, double f, bool upper)
{
    if (isnan(f)) {
        wr_buf_z(to, upper ? "NAN" : "nan");
        return true;
    }
    if (isinf(f)) {
        wr_buf_z(to, upper ? "INF" : "inf");
        return true;
    }
    return false;
}

static bool
precision_allowed(wr_eval_t *ev, int64_t precision)
{
    return precision <= PRECISION_FREE
           || (precision <= INT32_MAX - 512
               && wr_text_allowed(ev, (uint64_t) precision))
           || wr_raise(ev, "LimitError", "a precision of %" PRId64
                       " is too large", precision);
}

bool
wr_put_double(wr_eval_t *ev, wr_buf_t *to, double f, char conv,
              int64_t precision, bool alt)
{
    char format[8];
    bool upper = isupper((unsigned char) conv) != 0;

    f = fabs(f);
    if (put_not_finite(to, f, upper)) {
        return true;
    }
    if (!precision_allowed(ev, precision)) {
        return false;
    }
    snprintf(format, sizeof(format), alt ? "%%#.*%c" : "%%.*%c", conv);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    wr_buf_printf(to, format, (int) precision, f);
#pragma GCC diagnostic pop
    return true;
}

/* The digits and where the point stands among them. */
static bool
take_digits(wr_eval_t *ev, wr_buf_t *digits, double f, int64_t precision,
            bool keep_zeros, int *point)
{
    wr_buf_t    text = wr_ev_buf(ev);
    const char *p;

    if (!wr_put_double(ev, &text, f, 'e', precision - 1, false)) {
        return false;
    }
    p = wr_buf_cstr(&text);
    for (; *p != 'e'; p++) {
        if (*p != '.') {
            wr_buf_char(digits, *p);
        }
    }
    *point = (int) strtol(p + 1, NULL, 10) + 1;
    while (!keep_zeros && digits->n > 1 && digits->p[digits->n - 1] == '0') {
        digits->n--;
    }
    return true;
}

bool
wr_put_general(wr_eval_t *ev, wr_buf_t *to, double f, int64_t precision,
               bool alt)
{
    wr_buf_t digits = wr_ev_buf(ev);
    int64_t  n;
    int      point;

    f = fabs(f);
    if (put_not_finite(to, f, false)) {
        return true;
    }
    if (precision == 0) {
        precision = 1;
    }
    if (!take_digits(ev, &digits, f, precision, alt, &point)) {
        return false;
    }
    n = (int64_t) digits.n;
    if (point <= -4 || point > precision - 1) {
        wr_buf_char(to, digits.p[0]);
        if (n > 1 || alt) {
            wr_buf_char(to, '.');
            wr_buf_add(to, digits.p + 1, (size_t) n - 1);
        }
        wr_buf_printf(to, "e%c%02d", point < 1 ? '-' : '+', abs(point - 1));
        return true;
    }
    if (point <= 0) {
        wr_buf_lit(to, "0.");
        wr_buf_fill(to, '0', (size_t) -point);
        wr_buf_str(to, wr_buf_text(&digits));
        return true;
    }
    if (n <= point) {
        wr_buf_str(to, wr_buf_text(&digits));
        wr_buf_fill(to, '0', (size_t) (point - n));
        wr_buf_lit(to, ".0");
        return true;
    }
    wr_buf_add(to, digits.p, (size_t) point);
    wr_buf_char(to, '.');
    wr_buf_add(to, digits.p + point, (size_t) (n - point));
    return true;
}

void
wr_put_base(wr_buf_t *to, int64_t i, unsigned base, bool upper)
{
    const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
    uint64_t    u = i < 0 ? 0 - (uint64_t) i : (uint64_t) i;
    char        text[64];
    size_t      n = 0;

    do {
        text[sizeof(text) - ++n] = digits[u % base];
        u /= base;
    } while (u != 0);
    wr_buf_add(to, text + sizeof(text) - n, n);
}

void
wr_put_fixed(wr_buf_t *to, double f, unsigned precision)
{
    if (signbit(f) && !isnan(f)) {
        wr_buf_char(to, '-');
    }
    if (!put_not_finite(to, f, false)) {
        wr_buf_printf(to, "%.*f", (int) precision, fabs(f));
    }
}

/* round() to tens and more, on the exact decimal digits. */
static double
round_left(double f, size_t dropped)
{
    char   text[320];
    double whole = trunc(fabs(f));
    int    n = snprintf(text, sizeof(text), "0%.0f", whole);
    size_t kept;
    bool   up;

    if (n <= 0 || (size_t) n >= sizeof(text) || dropped >= (size_t) n) {
        return copysign(0, f);
    }
    kept = (size_t) n - dropped;
    up = text[kept] > '5'
         || (text[kept] == '5'
             && (strspn(text + kept + 1, "0") != dropped - 1
                 || fabs(f) != whole || (text[kept - 1] & 1) != 0));
    memset(text + kept, '0', dropped);
    for (size_t i = kept; up && i-- > 0;) {
        up = text[i] == '9';
        text[i] = up ? '0' : (char) (text[i] + 1);
    }
    return copysign(strtod(text, NULL), f);
}

double
wr_round(double f, int digits)
{
    char text[700];     /* 309 digits before the point, 323 behind it */

    if (!isfinite(f) || f == 0 || digits > 323) {
        return f;
    }
    if (digits < 0) {
        return digits < -308 ? copysign(0, f) : round_left(f, (size_t) -digits);
    }
    snprintf(text, sizeof(text), "%.*f", digits, f);
    return strtod(text, NULL);
}

bool
wr_put_fill(wr_eval_t *ev, wr_buf_t *to, uint32_t cp, int64_t n)
{
    char     text[WR_UTF8_MAX];
    unsigned len = wr_utf8_put(text, cp);

    if (n <= 0) {
        return true;
    }
    if (n > INT32_MAX || !wr_text_allowed(ev, to->n + (uint64_t) n * len)
        || !wr_pool_room(ev->pool, (uint64_t) n * len))
    {
        return wr_raise(ev, "LimitError", "padding of %" PRId64
                        " characters is too much", n);
    }
    if (len == 1) {
        wr_buf_fill(to, text[0], (size_t) n);
        return true;
    }
    wr_buf_reserve(to, (size_t) n * len);
    for (; n > 0; n--) {
        wr_buf_add(to, text, len);
    }
    return true;
}

bool
wr_put_ascii(wr_eval_t *ev, wr_buf_t *to, const wr_val_t *v)
{
    wr_buf_t    text = wr_ev_buf(ev);
    const char *p;
    const char *end;

    if (!wr_put_repr(ev, &text, v)) {
        return false;
    }
    p = wr_buf_text(&text).p;
    for (end = p + text.n; p < end;) {
        uint32_t cp = wr_utf8_next(&p, end);

        if (cp < 0x80) {
            wr_buf_char(to, (char) cp);
        } else if (cp < 0x100) {
            wr_buf_printf(to, "\\x%02x", cp);
        } else if (cp < 0x10000) {
            wr_buf_printf(to, "\\u%04x", cp);
        } else {
            wr_buf_printf(to, "\\U%08x", cp);
        }
    }
    return true;
}

bool
wr_key_error(wr_eval_t *ev, const wr_val_t *key)
{
    wr_buf_t text = wr_ev_buf(ev);

    if (!wr_put_repr(ev, &text, key)) {
        return false;
    }
    return wr_raise(ev, "KeyError", "%.*s", WR_ARG(wr_buf_text(&text)));
}
