/*
 * format(value, spec): "[[fill]align][sign][z][#][0][width][,|_][.precision][type]"
 */
#include <weir/expr/format.h>
#include <weir/expr/format_priv.h>
#include <weir/expr/unicode.h>
#include <weir/expr/val_priv.h>

#include <math.h>

typedef struct spec {
    uint32_t fill;          /* 0: not said */
    char     align;         /* < > = ^, 0: not said */
    char     sign;          /* + - space, 0: not said */
    bool     no_minus_zero;
    bool     alt;
    char     group;         /* , or _, or 0 */
    int64_t  width;         /* -1: none */
    int64_t  precision;     /* -1: none */
    uint32_t type;          /* 0: not said */
} spec_t;

static bool
is_align(uint32_t c)
{
    return c == '<' || c == '>' || c == '=' || c == '^';
}

/* Decimal digits of any script; -1 after an error, -2 if there are none. */
static int64_t
take_number(wr_eval_t *ev, const char **p, const char *end)
{
    int64_t n = -2;

    while (*p < end) {
        const char *at = *p;
        int         d = wr_uni_decimal(wr_utf8_next(&at, end));

        if (d < 0) {
            break;
        }
        *p = at;
        if (n > (INT64_MAX - d) / 10) {
            wr_raise(ev, "ValueError",
                     "Too many decimal digits in format string");
            return -1;
        }
        n = (n < 0 ? 0 : n * 10) + d;
    }
    return n;
}

static uint32_t
peek(const char *p, const char *end)
{
    return p < end ? wr_utf8_next(&p, end) : 0;
}

static void
take_align(spec_t *s, const char **p, const char *end)
{
    const char *next = *p;
    uint32_t    first;

    if (next == end) {
        return;
    }
    first = wr_utf8_next(&next, end);
    if (next < end && is_align(peek(next, end))) {
        s->fill = first;
        s->align = *next;
        *p = next + 1;
    } else if (is_align(first)) {
        s->align = (char) first;
        *p = next;
    }
}

static bool
take(const char **p, const char *end, char c)
{
    if (*p < end && **p == c) {
        ++*p;
        return true;
    }
    return false;
}

static bool
bad_group(wr_eval_t *ev, char group, uint32_t type)
{
    if (type > 32 && type < 128) {
        return wr_raise(ev, "ValueError", "Cannot specify '%c' with '%c'.",
                        group, (char) type);
    }
    return wr_raise(ev, "ValueError", "Cannot specify '%c' with '\\x%x'.",
                    group, type);
}

static bool
take_group(wr_eval_t *ev, spec_t *s, const char **p, const char *end)
{
    if (take(p, end, ',')) {
        s->group = ',';
    }
    if (take(p, end, '_')) {
        if (s->group != 0) {
            return wr_raise(ev, "ValueError",
                            "Cannot specify both ',' and '_'.");
        }
        s->group = '_';
    }
    if (*p < end && **p == ',' && s->group == '_') {
        return wr_raise(ev, "ValueError", "Cannot specify both ',' and '_'.");
    }
    return true;
}

static bool
check_group(wr_eval_t *ev, const spec_t *s)
{
    switch (s->type) {
    case 'd':
    case 'e':
    case 'f':
    case 'g':
    case 'E':
    case 'G':
    case '%':
    case 'F':
    case 0:
        return true;
    case 'b':
    case 'o':
    case 'x':
    case 'X':
        if (s->group == '_') {
            return true;
        }
        break;
    default:
        break;
    }
    return bad_group(ev, s->group, s->type);
}

static bool
parse(wr_eval_t *ev, spec_t *s, wr_str_t text, const wr_val_t *v, char type,
      char align)
{
    const char *p = text.p;
    const char *end = text.p + text.n;
    bool        align_said, fill_said;

    *s = (spec_t) {.width = -1, .precision = -1};
    take_align(s, &p, end);
    align_said = s->align != 0;
    fill_said = s->fill != 0;
    if (p < end && (*p == '+' || *p == '-' || *p == ' ')) {
        s->sign = *p++;
    }
    s->no_minus_zero = take(&p, end, 'z');
    s->alt = take(&p, end, '#');
    if (!fill_said && take(&p, end, '0')) {
        s->fill = '0';
        if (!align_said && align == '>') {
            s->align = '=';
        }
    }
    s->width = take_number(ev, &p, end);
    if (s->width == -1 || !take_group(ev, s, &p, end)) {
        return false;
    }
    if (take(&p, end, '.')) {
        s->precision = take_number(ev, &p, end);
        if (s->precision == -1) {
            return false;
        }
        if (s->precision == -2) {
            return wr_raise(ev, "ValueError",
                            "Format specifier missing precision");
        }
    }
    if (p < end) {
        s->type = wr_utf8_next(&p, end);
    }
    if (p < end) {
        return wr_raise(ev, "ValueError", "Invalid format specifier '%.*s' for"
                        " object of type '%s'", WR_ARG(text), wr_type_name(v));
    }
    if (s->type == 0) {
        s->type = (uint32_t) type;
    }
    if (s->align == 0) {
        s->align = align;
    }
    return s->group == 0 || check_group(ev, s);
}

static bool
unknown_type(wr_eval_t *ev, const spec_t *s, const wr_val_t *v)
{
    if (s->type > 32 && s->type < 128) {
        return wr_raise(ev, "ValueError",
                        "Unknown format code '%c' for object of type '%s'",
                        (char) s->type, wr_type_name(v));
    }
    return wr_raise(ev, "ValueError",
                    "Unknown format code '\\x%x' for object of type '%s'",
                    s->type, wr_type_name(v));
}

/* ---- text ---- */

static bool
put_aligned(wr_eval_t *ev, wr_buf_t *to, const spec_t *s, wr_str_t text)
{
    int64_t  n = (int64_t) wr_utf8_count(text);
    int64_t  pad = s->width > n ? s->width - n : 0;
    int64_t  left = s->align == '>'   ? pad
                    : s->align == '^' ? pad / 2
                                      : 0;
    uint32_t fill = s->fill != 0 ? s->fill : ' ';

    if (!wr_put_fill(ev, to, fill, left)) {
        return false;
    }
    wr_buf_str(to, text);
    return wr_put_fill(ev, to, fill, pad - left);
}

static bool
format_text(wr_eval_t *ev, wr_buf_t *to, const wr_val_t *v, wr_str_t spec)
{
    wr_str_t    text = wr_val_text(v);
    const char *what = NULL;
    spec_t      s;

    if (!parse(ev, &s, spec, v, 's', '<')) {
        return false;
    }
    if (s.type != 's') {
        return unknown_type(ev, &s, v);
    }
    if (s.sign != 0) {
        what = s.sign == ' ' ? "Space" : "Sign";
    } else if (s.no_minus_zero) {
        what = "Negative zero coercion (z)";
    } else if (s.alt) {
        what = "Alternate form (#)";
    } else if (s.align == '=') {
        what = "'=' alignment";
    }
    if (what != NULL) {
        return wr_raise(ev, "ValueError",
                        "%s not allowed in string format specifier", what);
    }
    if (s.precision >= 0) {
        text.n = wr_utf8_offset(text, (size_t) s.precision);
    }
    return put_aligned(ev, to, &s, text);
}

/* ---- numbers ---- */

/* A number in pieces: sign, prefix, digits that can be grouped, the rest. */
typedef struct number {
    wr_str_t sign;
    wr_str_t prefix;
    wr_str_t digits;
    wr_str_t rest;
} number_t;

/* The digits with separators, filled with zeros up to `least` characters. Made
 * from the right, so into the end of a piece of memory. */
static bool
group_digits(wr_eval_t *ev, wr_str_t digits, char sep, int64_t size,
             int64_t least, wr_str_t *out)
{
    int64_t remaining = (int64_t) digits.n;
    int64_t most = (remaining > least ? remaining : least) * 2 + 2;
    char   *room, *p;
    bool    first = true;

    if (least > INT32_MAX) {
        return wr_raise(ev, "LimitError", "padding of %" PRId64
                        " characters is too much", least);
    }
    room = wr_text_room_limited(ev, (uint64_t) most);
    if (room == NULL) {
        return false;
    }
    p = room + most;
    do {
        int64_t want = remaining > least ? remaining : least;
        int64_t len = want < 1 ? 1 : want;
        int64_t chars;

        len = len < size ? len : size;
        chars = remaining < len ? remaining : len;
        if (!first) {
            *--p = sep;
        }
        first = false;
        p -= chars;
        memcpy(p, digits.p + remaining - chars, (size_t) chars);
        p -= len - chars;
        memset(p, '0', (size_t) (len - chars));
        remaining -= chars;
        least -= len;
        if (remaining <= 0 && least <= 0) {
            break;
        }
        least -= 1;
    } while (true);
    *out = wr_str(p, (size_t) (room + most - p));
    return true;
}

static bool
put_number(wr_eval_t *ev, wr_buf_t *to, const spec_t *s, number_t *n)
{
    int64_t  others = (int64_t) (n->sign.n + n->prefix.n
                                + wr_utf8_count(n->rest));
    uint32_t fill = s->fill != 0 ? s->fill : ' ';
    int64_t  pad;
    int64_t  left = 0;
    bool     inner = s->align == '=';

    if (s->group != 0 && n->digits.n != 0) {
        int64_t least = fill == '0' && inner ? s->width - others : 0;
        int64_t size = s->type == 'b' || s->type == 'o' || s->type == 'x'
                               || s->type == 'X'
                           ? 4
                           : 3;

        if (!group_digits(ev, n->digits, s->group, size, least, &n->digits)) {
            return false;
        }
    }
    pad = s->width - others - (int64_t) n->digits.n;
    if (pad < 0) {
        pad = 0;
    }
    if (s->align == '>') {
        left = pad;
    } else if (s->align == '^') {
        left = pad / 2;
    }
    if (!wr_put_fill(ev, to, fill, left)) {
        return false;
    }
    wr_buf_str(to, n->sign);
    wr_buf_str(to, n->prefix);
    if (inner && !wr_put_fill(ev, to, fill, pad)) {
        return false;
    }
    wr_buf_str(to, n->digits);
    wr_buf_str(to, n->rest);
    return inner || wr_put_fill(ev, to, fill, pad - left);
}

static wr_str_t
sign_text(const spec_t *s, bool negative)
{
    return negative         ? WR_STR("-")
           : s->sign == '+' ? WR_STR("+")
           : s->sign == ' ' ? WR_STR(" ")
                            : WR_STR("");
}

static bool
format_char(wr_eval_t *ev, wr_buf_t *to, const wr_val_t *v, const spec_t *s)
{
    char     text[WR_UTF8_MAX];
    number_t n = {WR_STR(""), WR_STR(""), WR_STR(""), WR_STR("")};

    if (s->sign != 0) {
        return wr_raise(ev, "ValueError", "Sign not allowed with integer format"
                        " specifier 'c'");
    }
    if (s->alt) {
        return wr_raise(ev, "ValueError", "Alternate form (#) not allowed with"
                        " integer format specifier 'c'");
    }
    if (v->u.i < 0 || v->u.i > 0x10ffff) {
        return wr_raise(ev, "OverflowError", "%%c arg not in range(0x110000)");
    }
    n.rest = wr_str(text, wr_utf8_put(text, (uint32_t) v->u.i));
    return put_number(ev, to, s, &n);
}

static bool format_float_as(wr_eval_t *ev, wr_buf_t *to, double f, spec_t *s);

static bool
format_int(wr_eval_t *ev, wr_buf_t *to, const wr_val_t *v, wr_str_t spec)
{
    wr_buf_t digits = wr_ev_buf(ev);
    number_t n = {WR_STR(""), WR_STR(""), WR_STR(""), WR_STR("")};
    unsigned base = 10;
    spec_t   s;

    if (!parse(ev, &s, spec, v, 'd', '>')) {
        return false;
    }
    switch (s.type) {
    case 'b': base = 2; n.prefix = WR_STR("0b"); break;
    case 'o': base = 8; n.prefix = WR_STR("0o"); break;
    case 'x': base = 16; n.prefix = WR_STR("0x"); break;
    case 'X': base = 16; n.prefix = WR_STR("0X"); break;
    case 'c':
    case 'd':
    case 'n':
        break;
    case 'e':
    case 'E':
    case 'f':
    case 'F':
    case 'g':
    case 'G':
    case '%':
        return format_float_as(ev, to, (double) v->u.i, &s);
    default:
        return unknown_type(ev, &s, v);
    }
    if (s.precision >= 0) {
        return wr_raise(ev, "ValueError", "Precision not allowed in integer"
                        " format specifier");
    }
    if (s.no_minus_zero) {
        return wr_raise(ev, "ValueError", "Negative zero coercion (z) not"
                        " allowed in integer format specifier");
    }
    if (s.type == 'c') {
        return format_char(ev, to, v, &s);
    }
    if (!s.alt) {
        n.prefix = WR_STR("");
    }
    wr_put_base(&digits, v->u.i, base, s.type == 'X');
    n.digits = wr_buf_text(&digits);
    n.sign = sign_text(&s, v->u.i < 0);
    return put_number(ev, to, &s, &n);
}

/* "-0.00" is zero once it has been rounded. */
static bool
is_zero_text(wr_str_t text)
{
    for (size_t i = 0; i < text.n && (text.p[i] | 0x20) != 'e'; i++) {
        if (text.p[i] >= '1' && text.p[i] <= '9') {
            return false;
        }
    }
    return text.n != 0 && text.p[0] == '0';
}

/* repr; the alternate form has a point in any case: "1.e+300". */
static void
put_shortest(wr_buf_t *to, double f, bool alt)
{
    char   text[32];
    size_t n = wr_put_float(text, fabs(f));
    char  *e = memchr(text, 'e', n);

    if (!alt || e == NULL || memchr(text, '.', n) != NULL) {
        wr_buf_add(to, text, n);
        return;
    }
    wr_buf_add(to, text, (size_t) (e - text));
    wr_buf_char(to, '.');
    wr_buf_add(to, e, (size_t) (text + n - e));
}

static bool
format_float_as(wr_eval_t *ev, wr_buf_t *to, double f, spec_t *s)
{
    wr_buf_t text = wr_ev_buf(ev);
    number_t n = {WR_STR(""), WR_STR(""), WR_STR(""), WR_STR("")};
    int64_t  precision = s->precision;
    wr_str_t all;
    bool     negative = signbit(f) && !isnan(f);
    bool     ok = true;

    if (precision > INT32_MAX) {
        return wr_raise(ev, "ValueError", "precision too big");
    }
    if (s->type == 0) {
        if (precision < 0) {
            put_shortest(&text, f, s->alt);
        } else {
            ok = wr_put_general(ev, &text, f, precision, s->alt);
        }
    } else if (s->type == '%') {
        ok = wr_put_double(ev, &text, f * 100, 'f',
                           precision < 0 ? 6 : precision, s->alt);
        wr_buf_char(&text, '%');
    } else {
        ok = wr_put_double(ev, &text, f,
                           s->type == 'n' ? 'g' : (char) s->type,
                           precision < 0 ? 6 : precision, s->alt);
    }
    if (!ok) {
        return false;
    }
    all = wr_buf_text(&text);
    if (negative && s->no_minus_zero && is_zero_text(all)) {
        negative = false;
    }
    n.digits = all;
    n.digits.n = 0;
    while (n.digits.n < all.n && wr_is_digit(all.p[n.digits.n])) {
        n.digits.n++;
    }
    n.rest = wr_str_skip(all, n.digits.n);
    n.sign = sign_text(s, negative);
    return put_number(ev, to, s, &n);
}

static bool
format_float(wr_eval_t *ev, wr_buf_t *to, const wr_val_t *v, wr_str_t spec)
{
    spec_t s;

    if (!parse(ev, &s, spec, v, '\0', '>')) {
        return false;
    }
    switch (s.type) {
    case 0:
    case 'e':
    case 'E':
    case 'f':
    case 'F':
    case 'g':
    case 'G':
    case 'n':
    case '%':
        return format_float_as(ev, to, v->u.f, &s);
    default:
        return unknown_type(ev, &s, v);
    }
}

bool
wr_format_value(wr_eval_t *ev, wr_buf_t *to, const wr_val_t *v, wr_str_t spec)
{
    if (spec.n == 0) {
        return wr_put_str(ev, to, v);
    }
    switch ((wr_vtype_t) v->type) {
    case WR_V_STR:
        return format_text(ev, to, v, spec);
    case WR_V_BOOL:
    case WR_V_INT:
        return format_int(ev, to, v, spec);
    case WR_V_FLOAT:
        return format_float(ev, to, v, spec);
    default:
        return wr_raise(ev, "TypeError",
                        "unsupported format string passed to %s.__format__",
                        wr_type_name(v));
    }
}
