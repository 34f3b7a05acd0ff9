/*
 * 'format' % values.
 */
#include <weir/expr/format.h>
#include <weir/expr/format_priv.h>
#include <weir/expr/markup.h>
#include <weir/expr/number.h>
#include <weir/expr/val_priv.h>

#include <ctype.h>
#include <math.h>

typedef struct conv {
    bool     left, plus, blank, alt, zero;
    int64_t  width;
    int64_t  precision;         /* -1: none */
    uint32_t c;
} conv_t;

typedef struct fmt {
    wr_eval_t      *ev;
    wr_buf_t        out;
    const char     *start;
    const char     *p;
    const char     *end;
    const wr_val_t *args;       /* the right side */
    wr_val_t        one;        /* a value found by name: it is the only one */
    const wr_val_t *items;
    uint32_t        n;
    uint32_t        at;
    bool            tuple;
    bool            mapping;    /* "%(name)s" works; extra values are fine */
    bool            markup;     /* values are escaped */
} fmt_t;

/* Everything with v[key], but for str. */
static bool
is_mapping(const wr_val_t *v)
{
    switch ((wr_vtype_t) v->type) {
    case WR_V_UNDEFINED:
    case WR_V_BYTES:
    case WR_V_LIST:
    case WR_V_DICT:
    case WR_V_RANGE:
        return true;
    case WR_V_OBJ:
        return v->u.obj->type->item != NULL;
    default:
        return false;
    }
}

static bool
next_value(fmt_t *f, const wr_val_t **v)
{
    *v = NULL;
    if (f->at >= f->n) {
        return wr_raise(f->ev, "TypeError",
                        "not enough arguments for format string");
    }
    *v = &f->items[f->at++];
    return true;
}

/* ---- what a conversion is made of ---- */

static bool
take_key(fmt_t *f)
{
    const char *start = ++f->p;
    int         depth = 1;
    wr_val_t    key;

    if (!f->mapping) {
        return wr_raise(f->ev, "TypeError", "format requires a mapping");
    }
    while (depth > 0 && f->p < f->end) {
        depth += *f->p == '(' ? 1 : *f->p == ')' ? -1 : 0;
        f->p++;
    }
    if (depth > 0) {
        return wr_raise(f->ev, "ValueError", "incomplete format key");
    }
    key = wr_vstr(wr_str(start, (size_t) (f->p - 1 - start)));
    if (!wr_item_strict(f->ev, f->args, &key, &f->one)) {
        return false;
    }
    f->items = &f->one;
    f->n = 1;
    f->at = 0;
    f->tuple = false;
    return true;
}

static void
take_flags(fmt_t *f, conv_t *c)
{
    for (; f->p < f->end; f->p++) {
        switch (*f->p) {
        case '-': c->left = true; break;
        case '+': c->plus = true; break;
        case ' ': c->blank = true; break;
        case '#': c->alt = true; break;
        case '0': c->zero = true; break;
        default: return;
        }
    }
}

/* A number or `*`. */
static bool
take_size(fmt_t *f, int64_t *size, bool precision)
{
    const wr_val_t *v;

    *size = 0;
    if (f->p < f->end && *f->p == '*') {
        f->p++;
        if (!next_value(f, &v)) {
            return false;
        }
        if (!wr_is_int(v) || f->markup) {
            return wr_raise(f->ev, "TypeError", "* wants int");
        }
        *size = v->u.i;
        return !precision || (*size >= INT32_MIN && *size <= INT32_MAX)
               || wr_raise(f->ev, "OverflowError",
                           "Python int too large to convert to C int");
    }
    for (; f->p < f->end && wr_is_digit(*f->p); f->p++) {
        *size = *size * 10 + (*f->p - '0');
        if (*size > INT32_MAX) {
            return wr_raise(f->ev, "ValueError", "%s too big",
                            precision ? "precision" : "width");
        }
    }
    return true;
}

static bool
take_conv(fmt_t *f, conv_t *c)
{
    *c = (conv_t) {.precision = -1};
    if (f->p < f->end && *f->p == '(' && !take_key(f)) {
        return false;
    }
    take_flags(f, c);
    if (!take_size(f, &c->width, false)) {
        return false;
    }
    if (c->width < 0) {
        c->left = true;
        c->width = c->width == INT64_MIN ? INT64_MAX : -c->width;
    }
    if (f->p < f->end && *f->p == '.') {
        f->p++;
        if (!take_size(f, &c->precision, true)) {
            return false;
        }
        if (c->precision < 0) {
            c->precision = 0;
        }
    }
    if (f->p < f->end && strchr("hlL", *f->p) != NULL && *f->p != '\0') {
        f->p++;
    }
    if (f->p == f->end) {
        return wr_raise(f->ev, "ValueError", "incomplete format");
    }
    c->c = wr_utf8_next(&f->p, f->end);
    return true;
}

/* ---- output ---- */

/* Sign, prefix ("0x"), body; padded with zeros behind the prefix or with blanks
 * around. */
static bool
put_padded(fmt_t *f, const conv_t *c, wr_str_t sign, wr_str_t prefix,
           wr_str_t body, bool zeros)
{
    int64_t n = (int64_t) (sign.n + prefix.n + wr_utf8_count(body));
    int64_t pad = c->width > n ? c->width - n : 0;
    bool    front = zeros && c->zero && !c->left;

    if (!c->left && !front && !wr_put_fill(f->ev, &f->out, ' ', pad)) {
        return false;
    }
    wr_buf_str(&f->out, sign);
    wr_buf_str(&f->out, prefix);
    if (front && !wr_put_fill(f->ev, &f->out, '0', pad)) {
        return false;
    }
    wr_buf_str(&f->out, body);
    return !c->left || wr_put_fill(f->ev, &f->out, ' ', pad);
}

static wr_str_t
sign_of(const conv_t *c, bool negative)
{
    return negative   ? WR_STR("-")
           : c->plus  ? WR_STR("+")
           : c->blank ? WR_STR(" ")
                      : WR_STR("");
}

static bool
put_text(fmt_t *f, const conv_t *c, const wr_val_t *v)
{
    wr_buf_t text = wr_ev_buf(f->ev);
    wr_str_t s;
    bool     ok;

    if (v->type == WR_V_STR && c->c == 's' && !f->markup) {
        s = wr_val_text(v);
    } else {
        if (c->c == 's') {
            ok = f->markup ? wr_put_escaped(f->ev, &text, v)
                           : wr_put_str(f->ev, &text, v);
        } else {
            ok = c->c == 'r' ? wr_put_repr(f->ev, &text, v)
                             : wr_put_ascii(f->ev, &text, v);
            if (ok && f->markup) {
                wr_str_t plain = wr_pool_str(f->ev->pool, wr_buf_text(&text));

                text.n = 0;
                wr_escape(&text, plain);
            }
        }
        if (!ok) {
            return false;
        }
        s = wr_buf_text(&text);
    }
    if (c->precision >= 0) {
        s.n = wr_utf8_offset(s, (size_t) c->precision);
    }
    return put_padded(f, c, WR_STR(""), WR_STR(""), s, false);
}

static const char *
type_name(const fmt_t *f, const wr_val_t *v)
{
    return f->markup ? "_MarkupEscapeHelper" : wr_type_name(v);
}

static bool
put_char(fmt_t *f, const conv_t *c, const wr_val_t *v)
{
    char text[WR_UTF8_MAX];

    if (!f->markup && wr_is_str(v) && v->len != 0
        && wr_utf8_len(v->u.s[0]) == v->len)
    {
        return put_padded(f, c, WR_STR(""), WR_STR(""), wr_val_text(v), false);
    }
    if (f->markup || !wr_is_int(v)) {
        return wr_raise(f->ev, "TypeError", "%%c requires int or char");
    }
    if (v->u.i < 0 || v->u.i > 0x10ffff) {
        return wr_raise(f->ev, "OverflowError",
                        "%%c arg not in range(0x110000)");
    }
    return put_padded(f, c, WR_STR(""), WR_STR(""),
                      wr_str(text, wr_utf8_put(text, (uint32_t) v->u.i)),
                      false);
}

/* Digits of an int: at least `precision` of them. */
static bool
put_digits(fmt_t *f, const conv_t *c, bool negative, wr_str_t digits,
           wr_str_t prefix)
{
    wr_buf_t text = wr_ev_buf(f->ev);

    if (!wr_put_fill(f->ev, &text, '0', c->precision - (int64_t) digits.n)) {
        return false;
    }
    wr_buf_str(&text, digits);
    return put_padded(f, c, sign_of(c, negative), prefix, wr_buf_text(&text),
                      true);
}

/* Even beyond 64 bits: a whole double has exact digits. */
static bool
put_whole_float(fmt_t *f, const conv_t *c, double d)
{
    wr_buf_t text = wr_ev_buf(f->ev);

    if (isnan(d)) {
        return wr_raise(f->ev, "ValueError",
                        "cannot convert float NaN to integer");
    }
    if (isinf(d)) {
        return wr_raise(f->ev, "OverflowError",
                        "cannot convert float infinity to integer");
    }
    d = trunc(d);
    wr_buf_printf(&text, "%.0f", fabs(d));
    return put_digits(f, c, d < 0, wr_buf_text(&text), WR_STR(""));
}

static bool
bad_int(fmt_t *f, const conv_t *c, const wr_val_t *v, const char *wanted)
{
    return wr_raise(f->ev, "TypeError", "%%%c format: %s is required, not %s",
                    (char) c->c, wanted, type_name(f, v));
}

/* The helper that Markup wraps around values turns texts into numbers. */
static bool
text_to_int(fmt_t *f, const wr_val_t *v, wr_val_t *i)
{
    wr_buf_t text = wr_ev_buf(f->ev);
    int64_t  n;

    if (wr_parse_pyint(f->ev->pool, wr_val_text(v), 10, &n) == WR_OK) {
        *i = wr_int(n);
        return true;
    }
    wr_put_repr(f->ev, &text, v);
    return wr_raise(f->ev, "ValueError",
                    "invalid literal for int() with base 10: %.*s",
                    WR_ARG(wr_buf_text(&text)));
}

static bool
put_int(fmt_t *f, const conv_t *c, const wr_val_t *v)
{
    wr_buf_t text = wr_ev_buf(f->ev);
    unsigned base = 10;
    wr_str_t prefix = WR_STR("");
    wr_val_t number;

    if (c->c == 'x' || c->c == 'X' || c->c == 'o') {
        base = c->c == 'o' ? 8 : 16;
        if (!wr_is_int(v) || f->markup) {
            return bad_int(f, c, v, "an integer");
        }
        if (c->alt) {
            prefix = c->c == 'o'   ? WR_STR("0o")
                     : c->c == 'x' ? WR_STR("0x")
                                   : WR_STR("0X");
        }
    } else if (v->type == WR_V_FLOAT) {
        return put_whole_float(f, c, v->u.f);
    } else if (v->type == WR_V_UNDEFINED) {
        return wr_undef_raise(f->ev, v);
    } else if (f->markup && wr_is_str(v)) {
        if (!text_to_int(f, v, &number)) {
            return false;
        }
        v = &number;
    } else if (!wr_is_int(v)) {
        return bad_int(f, c, v, "a real number");
    }
    wr_put_base(&text, v->u.i, base, c->c == 'X');
    return put_digits(f, c, v->u.i < 0, wr_buf_text(&text), prefix);
}

static bool
to_double(fmt_t *f, const wr_val_t *v, double *d)
{
    wr_buf_t text = wr_ev_buf(f->ev);

    if (wr_is_number(v)) {
        *d = wr_as_double(v);
        return true;
    }
    if (v->type == WR_V_UNDEFINED) {
        return wr_undef_raise(f->ev, v);
    }
    if (!f->markup) {
        return wr_raise(f->ev, "TypeError", "must be real number, not %s",
                        wr_type_name(v));
    }
    if (!wr_is_str(v)) {
        return wr_raise(f->ev, "TypeError", "float() argument must be a string"
                        " or a real number, not '%s'", wr_type_name(v));
    }
    if (wr_parse_float(f->ev->pool, wr_val_text(v), d)) {
        return true;
    }
    wr_put_repr(f->ev, &text, v);
    return wr_raise(f->ev, "ValueError",
                    "could not convert string to float: %.*s",
                    WR_ARG(wr_buf_text(&text)));
}

static bool
put_float(fmt_t *f, const conv_t *c, const wr_val_t *v)
{
    wr_buf_t text = wr_ev_buf(f->ev);
    double   d;

    if (!to_double(f, v, &d)
        || !wr_put_double(f->ev, &text, d, (char) c->c,
                          c->precision < 0 ? 6 : c->precision, c->alt))
    {
        return false;
    }
    return put_padded(f, c, sign_of(c, signbit(d) && !isnan(d)), WR_STR(""),
                      wr_buf_text(&text), true);
}

static bool
put_value(fmt_t *f, const conv_t *c, const wr_val_t *v)
{
    switch (c->c) {
    case 's':
    case 'r':
    case 'a':
        return put_text(f, c, v);
    case 'c':
        return put_char(f, c, v);
    case 'd':
    case 'i':
    case 'u':
    case 'x':
    case 'X':
    case 'o':
        return put_int(f, c, v);
    case 'e':
    case 'E':
    case 'f':
    case 'F':
    case 'g':
    case 'G':
        return put_float(f, c, v);
    default:
        return wr_raise(
            f->ev, "ValueError",
            "unsupported format character '%c' (0x%x) at index %zu",
            c->c >= 31 && c->c < 127 ? (char) c->c : '?', c->c,
            wr_utf8_count(wr_str(f->start, (size_t) (f->p - f->start))) - 1);
    }
}

static bool
run(fmt_t *f)
{
    const wr_val_t *v;
    conv_t          c;

    while (f->p < f->end) {
        const char *at = memchr(f->p, '%', (size_t) (f->end - f->p));

        if (at == NULL) {
            at = f->end;
        }
        wr_buf_add(&f->out, f->p, (size_t) (at - f->p));
        f->p = at;
        if (at == f->end) {
            break;
        }
        f->p++;
        if (f->p < f->end && *f->p == '%') {
            f->p++;
            wr_buf_char(&f->out, '%');
            continue;
        }
        if (!take_conv(f, &c) || !next_value(f, &v) || !put_value(f, &c, v)) {
            return false;
        }
    }
    if (f->at < f->n && !f->mapping) {
        return wr_raise(f->ev, "TypeError",
                        "not all arguments converted during string formatting");
    }
    return true;
}

bool
wr_format_percent(wr_eval_t *ev, const wr_val_t *format, const wr_val_t *arg,
                  wr_val_t *out)
{
    fmt_t f = {
        .ev = ev,
        .out = wr_ev_buf(ev),
        .start = format->u.s,
        .p = format->u.s,
        .end = format->u.s + format->len,
        .args = arg,
        .markup = wr_is_safe(format),
        .mapping = is_mapping(arg),
        .tuple = arg->type == WR_V_TUPLE,
        .items = arg,
        .n = 1,
    };

    if (f.tuple) {
        f.items = arg->u.list->items;
        f.n = arg->u.list->n;
    }
    if (!run(&f) || !wr_buf_val(ev, &f.out, out)) {
        return false;
    }
    if (f.markup) {
        out->flags |= WR_VF_SAFE;
    }
    return true;
}
