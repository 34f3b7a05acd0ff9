/*
 * 'text {field}'.format(…).
 *
 * Python has two of these: str.format, written in C, and string.Formatter, which
 * Markup and the sandbox use. They differ in a few messages, in where a field
 * without a name may stand, and in how attributes are found.
 */
#include <weir/expr/bind.h>
#include <weir/expr/format.h>
#include <weir/expr/format_priv.h>
#include <weir/expr/markup.h>
#include <weir/expr/unicode.h>
#include <weir/expr/val_priv.h>

enum { NESTED = 2 };    /* fields, and fields in their specs */

typedef struct fmt {
    wr_eval_t       *ev;
    const wr_args_t *args;
    const wr_val_t  *mapping;   /* of format_map */
    bool             formatter; /* string.Formatter's ways */
    bool             markup;
    bool             as_is;     /* the text is a value's, which is Markup */
    enum { FREE, AUTOMATIC, MANUAL } numbering;
    int64_t          next;
} fmt_t;

typedef struct field {
    wr_str_t name;
    wr_str_t spec;
    uint32_t conversion;        /* 0: none */
    bool     nested;            /* the spec holds fields */
} field_t;

static bool
bad(fmt_t *f, const char *message)
{
    return wr_raise(f->ev, "ValueError", "%s", message);
}

static const char TOO_DEEP[] = "Max string recursion exceeded";

/* ---- cutting the text into fields ---- */

/* The name of a field: *p is behind the brace, and then behind what ends it. */
static bool
take_name(fmt_t *f, const char **p, const char *end, field_t *field, char *last)
{
    const char *start = *p;

    *last = '\0';
    while (*p < end) {
        char c = *(*p)++;

        if (c == '{') {
            return bad(f, "unexpected '{' in field name");
        }
        if (c == '[') {
            while (*p < end && **p != ']') {
                ++*p;
            }
            continue;
        }
        if (c == '}' || c == ':' || c == '!') {
            *last = c;
            field->name = wr_str(start, (size_t) (*p - 1 - start));
            return true;
        }
    }
    return bad(f, "expected '}' before end of string");
}

static bool
take_spec(fmt_t *f, const char **p, const char *end, field_t *field)
{
    const char *start = *p;
    int         depth = 1;

    while (*p < end) {
        char c = *(*p)++;

        if (c == '{') {
            field->nested = true;
            depth++;
        } else if (c == '}' && --depth == 0) {
            field->spec = wr_str(start, (size_t) (*p - 1 - start));
            return true;
        }
    }
    return bad(f, "unmatched '{' in format spec");
}

static bool
take_field(fmt_t *f, const char **p, const char *end, field_t *field)
{
    char last;

    *field = (field_t) {WR_STR(""), WR_STR(""), 0, false};
    if (!take_name(f, p, end, field, &last)) {
        return false;
    }
    if (last == '}') {
        return true;
    }
    if (last == '!') {
        if (*p == end) {
            return bad(f, "end of string while looking for conversion"
                          " specifier");
        }
        field->conversion = wr_utf8_next(p, end);
        if (*p < end) {
            char c = *(*p)++;

            if (c == '}') {
                return true;
            }
            if (c != ':') {
                return bad(f, "expected ':' after conversion specifier");
            }
        }
    }
    return take_spec(f, p, end, field);
}

/* Copies text up to the next field; *found tells whether there is one. */
static bool
take_literal(fmt_t *f, wr_buf_t *to, const char **p, const char *end,
             bool *found)
{
    *found = false;
    while (*p < end) {
        const char *run = *p;
        char        c;

        while (*p < end && **p != '{' && **p != '}') {
            ++*p;
        }
        wr_buf_add(to, run, (size_t) (*p - run));
        if (*p == end) {
            return true;
        }
        c = *(*p)++;
        if (*p < end && **p == c) {
            wr_buf_char(to, c);
            ++*p;
            continue;
        }
        if (c == '}') {
            return bad(f, "Single '}' encountered in format string");
        }
        if (*p == end) {
            return bad(f, "Single '{' encountered in format string");
        }
        *found = true;
        return true;
    }
    return true;
}

/* ---- values ---- */

/* The text as a number: -1 if it is none, -2 after an error. */
static int64_t
as_index(fmt_t *f, wr_str_t s)
{
    const char *p = s.p;
    const char *end = s.p + s.n;
    int64_t     n = 0;

    if (s.n == 0) {
        return -1;
    }
    while (p < end) {
        int d = wr_uni_decimal(wr_utf8_next(&p, end));

        if (d < 0) {
            return -1;
        }
        if (n > (INT64_MAX - d) / 10) {
            bad(f, "Too many decimal digits in format string");
            return -2;
        }
        n = n * 10 + d;
    }
    return n;
}

static bool
switched(fmt_t *f, bool to_manual)
{
    if (f->formatter || !to_manual) {
        return bad(f, "cannot switch from manual field specification to"
                      " automatic field numbering");
    }
    return bad(f, "cannot switch from automatic field numbering to manual"
                  " field specification");
}

static bool
positional(fmt_t *f, int64_t i, wr_val_t *out)
{
    if (f->mapping != NULL && !f->formatter) {
        return bad(f, "Format string contains positional fields");
    }
    if (i < (int64_t) f->args->n) {
        *out = f->args->pos[i];
        return true;
    }
    if (f->formatter) {
        return wr_raise(f->ev, "IndexError", "tuple index out of range");
    }
    return wr_raise(f->ev, "IndexError", "Replacement index %" PRId64
                    " out of range for positional args tuple", i);
}

static bool
by_name(fmt_t *f, wr_str_t name, wr_val_t *out)
{
    wr_val_t key = wr_vstr(name);

    if (f->mapping != NULL) {
        return wr_item_strict(f->ev, f->mapping, &key, out);
    }
    for (uint32_t i = 0; i < f->args->nkw; i++) {
        if (wr_str_eq(f->args->kw[i].name, name)) {
            *out = f->args->kw[i].value;
            return true;
        }
    }
    return wr_key_error(f->ev, &key);
}

/* `whole` is the field's whole name, `first` its start. */
static bool
first_value(fmt_t *f, wr_str_t whole, wr_str_t first, wr_val_t *out)
{
    int64_t i = as_index(f, first);

    if (i == -2) {
        return false;
    }
    if (first.n == 0 && (!f->formatter || whole.n == 0)) {
        if (f->mapping != NULL && !f->formatter) {
            return positional(f, 0, out);
        }
        if (f->numbering == MANUAL) {
            return switched(f, false);
        }
        f->numbering = AUTOMATIC;
        return positional(f, f->next++, out);
    }
    if (i >= 0) {
        if (f->numbering == AUTOMATIC
            && (!f->formatter || whole.n == first.n))
        {
            return switched(f, true);
        }
        if (!f->formatter || whole.n == first.n) {
            f->numbering = MANUAL;
        }
        return positional(f, i, out);
    }
    return by_name(f, first, out);
}

static bool
attribute(fmt_t *f, wr_str_t name, wr_val_t *v)
{
    wr_val_t of = *v;

    if (f->ev->sandbox != 0) {
        return wr_get_attr(f->ev, &of, name, v);
    }
    if (wr_find_attr(f->ev, &of, name, v)) {
        return true;
    }
    return !f->ev->failed
           && wr_no_attribute(f->ev, &of, name);
}

static bool
item(fmt_t *f, wr_str_t name, wr_val_t *v)
{
    int64_t  i = as_index(f, name);
    wr_val_t key = i >= 0 ? wr_int(i) : wr_vstr(name);
    wr_val_t of = *v;

    if (i == -2) {
        return false;
    }
    return f->ev->sandbox != 0 ? wr_get_item(f->ev, &of, &key, v)
                               : wr_item_strict(f->ev, &of, &key, v);
}

/* ".name" and "[key]" behind the first part. */
static bool
follow(fmt_t *f, const char *p, const char *end, wr_val_t *v)
{
    while (p < end) {
        const char *start = p + 1;
        bool        attr = *p == '.';

        if (!attr && *p != '[') {
            return bad(f, "Only '.' or '[' may follow ']' in format field"
                          " specifier");
        }
        for (p++; p < end; p++) {
            if (attr ? *p == '.' || *p == '[' : *p == ']') {
                break;
            }
        }
        if (!attr && p == end) {
            return bad(f, "Missing ']' in format string");
        }
        if (p == start) {
            return bad(f, "Empty attribute in format string");
        }
        if (attr ? !attribute(f, wr_str(start, (size_t) (p - start)), v)
                 : !item(f, wr_str(start, (size_t) (p - start)), v))
        {
            return false;
        }
        p += !attr;
    }
    return true;
}

static bool
field_value(fmt_t *f, wr_str_t name, wr_val_t *out)
{
    size_t n = 0;

    while (n < name.n && name.p[n] != '.' && name.p[n] != '[') {
        n++;
    }
    return first_value(f, name, wr_str(name.p, n), out)
           && follow(f, name.p + n, name.p + name.n, out);
}

static bool
convert(fmt_t *f, uint32_t conversion, wr_val_t *v)
{
    wr_buf_t text = wr_ev_buf(f->ev);
    bool     ok;

    switch (conversion) {
    case 0:
        return true;
    case 's':
        ok = wr_put_str(f->ev, &text, v);
        break;
    case 'r':
        ok = wr_put_repr(f->ev, &text, v);
        break;
    case 'a':
        ok = wr_put_ascii(f->ev, &text, v);
        break;
    default:
        if (conversion > 32 && conversion < 127) {
            return wr_raise(f->ev, "ValueError",
                            "Unknown conversion specifier %c",
                            (char) conversion);
        }
        return wr_raise(f->ev, "ValueError",
                        "Unknown conversion specifier \\x%x", conversion);
    }
    return ok && wr_buf_val(f->ev, &text, v);
}

static bool
put_markup(fmt_t *f, wr_buf_t *to, const wr_val_t *v, wr_str_t spec)
{
    wr_buf_t text = wr_ev_buf(f->ev);

    if (wr_is_safe(v)) {
        if (spec.n != 0) {
            return bad(f, "Unsupported format specification for Markup.");
        }
        wr_buf_str(to, wr_val_text(v));
        return true;
    }
    if (v->type == WR_V_UNDEFINED
        && wr_undef_kind(f->ev, v) == WR_UNDEF_CHAINABLE)
    {
        return wr_undef_raise(f->ev, v);
    }
    if (!wr_format_value(f->ev, &text, v, spec)) {
        return false;
    }
    wr_escape(to, wr_buf_text(&text));
    return true;
}

static bool
put_all(fmt_t *f, wr_buf_t *to, wr_str_t text, int depth)
{
    const char *p = text.p;
    const char *end = text.p + text.n;
    wr_buf_t    inner = wr_ev_buf(f->ev);
    field_t     field;
    wr_val_t    v;
    bool        found, alone;

    if (depth == 0 && !f->formatter) {
        return bad(f, TOO_DEEP);
    }
    for (;;) {
        if (!take_literal(f, to, &p, end, &found)) {
            return false;
        }
        if (!found) {
            return true;
        }
        if (!take_field(f, &p, end, &field)
            || !field_value(f, field.name, &v)
            || !convert(f, field.conversion, &v))
        {
            return false;
        }
        if (depth == 0) { /* a Formatter asks for the value first */
            return bad(f, TOO_DEEP);
        }
        alone = to->n == 0 && p == end && field.conversion == 0
                && field.spec.n != 0 && wr_is_safe(&v);
        if (field.nested) {
            inner = wr_ev_buf(f->ev);
            if (!put_all(f, &inner, field.spec, depth - 1)) {
                return false;
            }
            field.spec = wr_buf_text(&inner);
        }
        if (!(f->markup ? put_markup(f, to, &v, field.spec)
                        : wr_format_value(f->ev, to, &v, field.spec)))
        {
            return false;
        }
        f->as_is = alone && to->n != 0
                   && wr_str_eq(wr_buf_text(to), wr_val_text(&v));
    }
}

static bool
put_format(fmt_t *f, const wr_val_t *format, wr_val_t *out)
{
    wr_buf_t to = wr_ev_buf(f->ev);

    if (!put_all(f, &to, wr_val_text(format), NESTED)
        || !wr_buf_val(f->ev, &to, out))
    {
        return false;
    }
    /* Where nothing was added, Python gives the value itself. */
    if (f->markup || (f->as_is && !f->formatter)) {
        out->flags |= WR_VF_SAFE;
    }
    return true;
}

bool
wr_format_fields(wr_eval_t *ev, const wr_val_t *format, const wr_args_t *args,
                 wr_val_t *out)
{
    fmt_t f = {.ev = ev, .args = args, .markup = wr_is_safe(format)};

    f.formatter = f.markup || ev->sandbox != 0;
    return put_format(&f, format, out);
}

/* Outside of the sandbox Markup has no format_map of its own: plain text, but
 * where there is nothing to do it is given back as it is. */
bool
wr_format_map(wr_eval_t *ev, const wr_val_t *format, const wr_val_t *mapping,
              wr_val_t *out)
{
    const wr_args_t none = {.n = 0};
    wr_str_t        text = wr_val_text(format);
    fmt_t           f = {.ev = ev, .args = &none, .mapping = mapping};

    f.formatter = ev->sandbox != 0;
    f.markup = f.formatter && wr_is_safe(format);
    if (!f.formatter && text.n != 0 && memchr(text.p, '{', text.n) == NULL
        && memchr(text.p, '}', text.n) == NULL)
    {
        *out = *format;
        return true;
    }
    return put_format(&f, format, out);
}
