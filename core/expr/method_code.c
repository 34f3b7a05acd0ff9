/*
 * str.encode and bytes.decode, for the encodings that templates meet: UTF-8,
 * ASCII, Latin-1, and UTF-16 and 32 for writing.
 */
#include <weir/expr/method_priv.h>

typedef enum code { CODE_UTF8, CODE_ASCII, CODE_LATIN1, CODE_WIDE } code_t;

typedef struct encoding {
    const char *alias;
    const char *name;       /* in messages */
    code_t      code;
    uint8_t     unit;       /* bytes of one unit of a wide one */
    bool        big;
    bool        mark;       /* starts with a byte order mark */
} encoding_t;

static const encoding_t encodings[] = {
    {"utf-8", "utf-8", CODE_UTF8, 1, false, false},
    {"utf8", "utf-8", CODE_UTF8, 1, false, false},
    {"u8", "utf-8", CODE_UTF8, 1, false, false},
    {"ascii", "ascii", CODE_ASCII, 1, false, false},
    {"us-ascii", "ascii", CODE_ASCII, 1, false, false},
    {"646", "ascii", CODE_ASCII, 1, false, false},
    {"latin-1", "latin-1", CODE_LATIN1, 1, false, false},
    {"latin1", "latin-1", CODE_LATIN1, 1, false, false},
    {"l1", "latin-1", CODE_LATIN1, 1, false, false},
    {"iso-8859-1", "latin-1", CODE_LATIN1, 1, false, false},
    {"iso8859-1", "latin-1", CODE_LATIN1, 1, false, false},
    {"utf-16", "utf-16", CODE_WIDE, 2, false, true},
    {"utf16", "utf-16", CODE_WIDE, 2, false, true},
    {"utf-16-le", "utf-16-le", CODE_WIDE, 2, false, false},
    {"utf-16-be", "utf-16-be", CODE_WIDE, 2, true, false},
    {"utf-32", "utf-32", CODE_WIDE, 4, false, true},
    {"utf32", "utf-32", CODE_WIDE, 4, false, true},
    {"utf-32-le", "utf-32-le", CODE_WIDE, 4, false, false},
    {"utf-32-be", "utf-32-be", CODE_WIDE, 4, true, false},
};

typedef struct job {
    wr_eval_t        *ev;
    const encoding_t *to;
    wr_str_t          errors;
    wr_buf_t          out;
} job_t;

static bool
find_encoding(wr_eval_t *ev, wr_str_t name, const encoding_t **to)
{
    char plain[32];

    if (name.n < sizeof(plain)) {
        for (size_t i = 0; i < name.n; i++) {
            char c = wr_lower(name.p[i]);

            plain[i] = c == '_' || c == ' ' ? '-' : c;
        }
        for (size_t i = 0; i < WR_COUNT(encodings); i++) {
            if (wr_str_eqz(wr_str(plain, name.n), encodings[i].alias)) {
                *to = &encodings[i];
                return true;
            }
        }
    }
    return wr_raise(ev, "LookupError", "unknown encoding: %.*s", WR_ARG(name));
}

/* ---- encoding ---- */

static void
put_unit(job_t *j, uint32_t unit)
{
    for (unsigned i = 0; i < j->to->unit; i++) {
        unsigned shift = 8 * (j->to->big ? j->to->unit - 1u - i : i);

        wr_buf_char(&j->out, (char) (unit >> shift));
    }
}

static void
put_wide(job_t *j, uint32_t cp)
{
    if (j->to->unit == 2 && cp >= 0x10000) {
        put_unit(j, 0xd800 + ((cp - 0x10000) >> 10));
        put_unit(j, 0xdc00 + (cp & 0x3ff));
    } else {
        put_unit(j, cp);
    }
}

static bool
is_mode(const job_t *j, const char *mode)
{
    return wr_str_eqz(j->errors, mode);
}

/* A code point that the encoding lacks; `run` of them stand together. */
static bool
put_missing(job_t *j, uint32_t cp, size_t position, size_t run)
{
    const char *why = j->to->code == CODE_ASCII    ? "ordinal not in range(128)"
                      : j->to->code == CODE_LATIN1 ? "ordinal not in range(256)"
                                                   : "surrogates not allowed";
    const char *form = cp < 0x100     ? "\\x%02x"
                       : cp < 0x10000 ? "\\u%04x"
                                      : "\\U%08x";
    wr_buf_t    text = wr_ev_buf(j->ev);

    if (is_mode(j, "ignore")) {
        return true;
    }
    if (is_mode(j, "replace")) {
        wr_buf_char(&j->out, '?');
        return true;
    }
    if (is_mode(j, "xmlcharrefreplace")) {
        wr_buf_printf(&j->out, "&#%u;", cp);
        return true;
    }
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    wr_buf_printf(is_mode(j, "backslashreplace") ? &j->out : &text, form, cp);
#pragma GCC diagnostic pop
    if (is_mode(j, "backslashreplace")) {
        return true;
    }
    if (!is_mode(j, "strict")) {
        return wr_raise(j->ev, "LookupError", "unknown error handler name "
                        "'%.*s'", WR_ARG(j->errors));
    }
    if (run > 1) {
        return wr_raise(j->ev, "UnicodeEncodeError", "'%s' codec can't encode"
                        " characters in position %zu-%zu: %s", j->to->name,
                        position, position + run - 1, why);
    }
    return wr_raise(j->ev, "UnicodeEncodeError", "'%s' codec can't encode"
                    " character '%s' in position %zu: %s", j->to->name,
                    wr_buf_cstr(&text), position, why);
}

static bool
can_encode(const job_t *j, uint32_t cp)
{
    switch (j->to->code) {
    case CODE_ASCII: return cp < 0x80;
    case CODE_LATIN1: return cp < 0x100;
    default: return cp < 0xd800 || cp > 0xdfff;
    }
}

/* How many code points from `p` on cannot be encoded. */
static size_t
missing_run(const job_t *j, const char *p, const char *end)
{
    size_t n = 0;

    while (p < end && !can_encode(j, wr_utf8_next(&p, end))) {
        n++;
    }
    return n;
}

static bool
encode(job_t *j, wr_str_t s)
{
    const char *p = s.p;
    const char *end = s.p + s.n;
    size_t      position = 0;

    if (j->to->mark) {
        put_unit(j, 0xfeff);
    }
    for (; p < end; position++) {
        const char *at = p;
        uint32_t    cp = wr_utf8_next(&p, end);

        if (!can_encode(j, cp)) {
            if (!put_missing(j, cp, position, missing_run(j, at, end))) {
                return false;
            }
        } else if (j->to->code == CODE_WIDE) {
            put_wide(j, cp);
        } else if (j->to->code == CODE_UTF8) {
            wr_buf_add(&j->out, at, (size_t) (p - at));
        } else {
            wr_buf_char(&j->out, (char) cp);
        }
    }
    return true;
}

static bool
take_codec(wr_eval_t *ev, const char *name, const wr_args_t *args, job_t *j)
{
    static const char *const params[] = {"encoding", "errors"};
    wr_val_t                 a[2];
    wr_str_t                 text[2] = {WR_STR("utf-8"), WR_STR("strict")};

    if (!wr_take_named(ev, name, params, 2, args, a)) {
        return false;
    }
    for (int i = 0; i < 2; i++) {
        if (!wr_given(&a[i])) {
            continue;
        }
        if (!wr_is_str(&a[i])) {
            return wr_raise(ev, "TypeError", "%s() argument '%s' must be str,"
                            " not %s", name, params[i],
                            a[i].type == WR_V_NONE ? "None"
                                                   : wr_type_name(&a[i]));
        }
        text[i] = wr_val_text(&a[i]);
    }
    *j = (job_t) {.ev = ev, .errors = text[1], .out = wr_ev_buf(ev)};
    return find_encoding(ev, text[0], &j->to);
}

WR_METHOD(wr_str_encode)
{
    job_t j;

    if (!take_codec(ev, "encode", args, &j)
        || !encode(&j, wr_val_text(&args->self))
        || !wr_buf_val(ev, &j.out, out))
    {
        return false;
    }
    out->type = WR_V_BYTES;
    return true;
}

/* ---- decoding ---- */

/* Why the bytes at `at` are no UTF-8, and how many of them belong together. */
static const char *
utf8_fault(wr_str_t s, size_t at, size_t *n)
{
    unsigned char c = (unsigned char) s.p[at];
    size_t        want = c >= 0xc2 && c < 0xe0   ? 2
                         : c >= 0xe0 && c < 0xf0 ? 3
                         : c >= 0xf0 && c < 0xf5 ? 4
                                                 : 0;

    *n = 1;
    if (want == 0) {
        return "invalid start byte";
    }
    for (; *n < want && at + *n < s.n; ++*n) {
        unsigned char t = (unsigned char) s.p[at + *n];
        unsigned char low = 0x80;
        unsigned char high = 0xbf;

        if (*n == 1) {
            low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
            high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
        }
        if (t < low || t > high) {
            return "invalid continuation byte";
        }
    }
    return "unexpected end of data";
}

static bool
put_bad(job_t *j, wr_str_t s, size_t at, size_t n, const char *why)
{
    if (is_mode(j, "ignore")) {
        return true;
    }
    if (is_mode(j, "replace")) {
        wr_buf_lit(&j->out, "\xef\xbf\xbd");
        return true;
    }
    if (is_mode(j, "backslashreplace")) {
        for (size_t i = 0; i < n; i++) {
            wr_buf_printf(&j->out, "\\x%02x", (unsigned char) s.p[at + i]);
        }
        return true;
    }
    if (!is_mode(j, "strict")) {
        return wr_raise(j->ev, "LookupError", "unknown error handler name "
                        "'%.*s'", WR_ARG(j->errors));
    }
    if (n > 1) {
        return wr_raise(j->ev, "UnicodeDecodeError", "'%s' codec can't decode"
                        " bytes in position %zu-%zu: %s", j->to->name, at,
                        at + n - 1, why);
    }
    return wr_raise(j->ev, "UnicodeDecodeError", "'%s' codec can't decode byte"
                    " 0x%02x in position %zu: %s", j->to->name,
                    (unsigned char) s.p[at], at, why);
}

static bool
decode_utf8(job_t *j, wr_str_t s)
{
    size_t at = 0;

    while (at < s.n) {
        size_t      good = wr_utf8_bad(wr_str_skip(s, at));
        size_t      n;
        const char *why;

        wr_buf_add(&j->out, s.p + at, good);
        at += good;
        if (at == s.n) {
            break;
        }
        why = utf8_fault(s, at, &n);
        if (!put_bad(j, s, at, n, why)) {
            return false;
        }
        at += n;
    }
    return true;
}

static bool
decode_bytes(job_t *j, wr_str_t s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char) s.p[i];

        if (c >= 0x80 && j->to->code == CODE_ASCII) {
            if (!put_bad(j, s, i, 1, "ordinal not in range(128)")) {
                return false;
            }
        } else {
            j->out.n += wr_utf8_put(wr_buf_reserve(&j->out, WR_UTF8_MAX), c);
        }
    }
    return true;
}

static bool
bytes_decode(wr_eval_t *ev, const wr_args_t *args, wr_val_t *out)
{
    job_t    j;
    wr_str_t s = wr_val_text(&args->self);

    if (!take_codec(ev, "decode", args, &j)) {
        return false;
    }
    if (j.to->code == CODE_WIDE) {
        return wr_raise(ev, "LookupError", "unknown encoding: %s", j.to->name);
    }
    return (j.to->code == CODE_UTF8 ? decode_utf8(&j, s) : decode_bytes(&j, s))
           && wr_buf_val(ev, &j.out, out);
}

static bool
bytes_hex(wr_eval_t *ev, const wr_args_t *args, wr_val_t *out)
{
    wr_buf_t b = wr_ev_buf(ev);

    if (!wr_take_none(ev, "hex", args)) {
        return false;
    }
    for (uint32_t i = 0; i < args->self.len; i++) {
        wr_buf_printf(&b, "%02x", (unsigned char) args->self.u.s[i]);
    }
    return wr_buf_val(ev, &b, out);
}

static const wr_method_t rows[] = {
    {"decode", bytes_decode},
    {"hex", bytes_hex},
};

const wr_methods_t wr_bytes_methods = {rows, WR_COUNT(rows)};
