/*
 * Reading JSON in one pass, straight into values.
 *
 * Most texts are plain: what is not (an error of any kind, a number beyond 18 digits,
 * half a surrogate, a key that comes twice) is left to the caller's thorough way. So
 * what is accepted here must mean the same there; what is refused costs only time.
 */
#include <weir/expr/json_quick.h>

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <weir/base/swar.h>
#include <weir/base/utf8.h>

typedef struct reader {
    const char *p, *end;
    wr_pool_t  *pool;
    uint32_t    depth;      /* that may still be gone */
    bool        keeps;      /* strings may point into the text */
} reader_t;

static bool value(reader_t *r, wr_val_t *out);

static inline void
blanks(reader_t *r)
{
    while (r->p < r->end && (*r->p == ' ' || *r->p == '\n' || *r->p == '\t'
                             || *r->p == '\r'))
    {
        r->p++;
    }
}

static inline bool
take(reader_t *r, char c)
{
    if (r->p < r->end && *r->p == c) {
        r->p++;
        return true;
    }
    return false;
}

/* ---- strings ---- */

static bool
hex4(const char *p, const char *end, uint32_t *cp)
{
    *cp = 0;
    for (unsigned i = 0; i < 4; i++) {
        int d = p + i < end ? wr_hex_digit(p[i]) : -1;

        if (d < 0) {
            return false;
        }
        *cp = *cp << 4 | (uint32_t) d;
    }
    return true;
}

/* Behind a backslash. Surrogates and NUL are unusual. */
static bool
escape(reader_t *r, char **to)
{
    static const char names[] = "\"\\/bfnrt", chars[] = "\"\\/\b\f\n\r\t";
    const char       *at = r->p < r->end && *r->p != '\0' ? strchr(names, *r->p) : NULL;
    uint32_t          cp;

    if (at != NULL) {
        *(*to)++ = chars[at - names];
        r->p++;
        return true;
    }
    if (r->p >= r->end || *r->p != 'u' || !hex4(r->p + 1, r->end, &cp) || cp == 0
        || (cp >= 0xd800 && cp < 0xe000))
    {
        return false;
    }
    r->p += 5;
    *to += wr_utf8_put(*to, cp);
    return true;
}

/* The length to the closing quote; false: there is none, or a control character. */
static bool
measure(const reader_t *r, size_t *n, bool *plain, bool *ascii)
{
    const char *p = r->p;
    uint64_t    all = 0;

    *plain = true;
    for (;;) {
        while (WR_SWAR_FIRST && r->end - p >= 8) {
            uint64_t w = wr_swar_load(p), found;

            all |= w;
            found = wr_swar_below(w, ' ') | wr_swar_is(w, '"') | wr_swar_is(w, '\\');
            if (found != 0) {
                p += wr_swar_first(found);
                break;
            }
            p += 8;
        }
        if (p >= r->end || (unsigned char) *p < ' ') {
            return false;
        }
        if (*p == '"') {
            *n = (size_t) (p - r->p);
            *ascii = (all & WR_SWAR_HIGHS) == 0;
            return true;
        }
        all |= (unsigned char) *p;
        if (*p++ == '\\') {
            *plain = false;
            p++;
        }
    }
}

/* Behind the opening quote. */
static bool
string(reader_t *r, wr_str_t *out)
{
    size_t n;
    bool   plain, ascii;
    char  *text, *to;

    if (!measure(r, &n, &plain, &ascii)) {
        return false;
    }
    if (!ascii && !wr_utf8_valid(wr_str(r->p, n))) {
        return false;
    }
    if (plain) {
        *out = r->keeps ? wr_str(r->p, n) : wr_pool_str(r->pool, wr_str(r->p, n));
        r->p += n + 1;
        return true;
    }
    text = to = wr_alloc_bytes(r->pool, n + 1);
    for (const char *end = r->p + n; r->p < end;) {
        if (*r->p != '\\') {
            *to++ = *r->p++;
            continue;
        }
        r->p++;
        if (!escape(r, &to)) {      /* never longer than what it stands for */
            return false;
        }
    }
    r->p++;
    *out = wr_str(text, (size_t) (to - text));
    return true;
}

/* ---- numbers ---- */

#if LDBL_MANT_DIG == 64
/* m · 10^e for |e| up to 27, where both are exact in a long double: then one rounding
 * to 64 bits stands before that to 53, and only what lies just between two doubles
 * could go wrong. */
static bool
scale(uint64_t m, int e, double *out)
{
    static const long double tens[] = {
        1e0L, 1e1L, 1e2L, 1e3L, 1e4L, 1e5L, 1e6L, 1e7L, 1e8L, 1e9L, 1e10L, 1e11L, 1e12L,
        1e13L, 1e14L, 1e15L, 1e16L, 1e17L, 1e18L, 1e19L, 1e20L, 1e21L, 1e22L, 1e23L,
        1e24L, 1e25L, 1e26L, 1e27L};
    long double v = (long double) m;
    uint64_t    bits;

    if (e < -27 || e > 27) {
        return false;
    }
    v = e < 0 ? v / tens[-e] : v * tens[e];
    memcpy(&bits, &v, sizeof(bits));
    *out = (double) v;
    return (bits & 0x7ff) != 0x400;
}
#else
static bool
scale(uint64_t m, int e, double *out)
{
    (void) m;
    (void) e;
    (void) out;
    return false;
}
#endif

static const char *
digits(const char *p, const char *end, uint64_t *m, unsigned *n)
{
    uint64_t eight;

    while (end - p >= 8 && wr_swar_digits(wr_swar_load(p), &eight)) {
        *m = *m * 100000000 + eight;
        *n += 8;
        p += 8;
    }
    for (; p < end && wr_is_digit(*p); p++) {
        *m = *m * 10 + (uint64_t) (*p - '0');
        ++*n;
    }
    return p;
}

/* As strtod reads it. */
static bool
thorough(const char *p, size_t n, double *out)
{
    char text[64];

    if (n >= sizeof(text)) {
        return false;
    }
    memcpy(text, p, n);
    text[n] = '\0';
    *out = strtod(text, NULL);
    return isfinite(*out) && *out != 0;
}

static bool
number(reader_t *r, wr_val_t *out)
{
    const char *start = r->p, *p = r->p, *end = r->end, *whole;
    uint64_t    m = 0, e = 0;
    unsigned    n = 0, ne = 0;
    bool        minus, down = false;
    int         exponent = 0;
    double      f;

    minus = p < end && *p == '-';
    p += minus;
    whole = p;
    p = digits(p, end, &m, &n);
    if (n == 0 || n > 18 || (n > 1 && *whole == '0')) {
        return false;
    }
    r->p = p;
    if (p == end || (*p != '.' && *p != 'e' && *p != 'E')) {
        *out = wr_int(minus ? -(int64_t) m : (int64_t) m);
        return true;
    }
    if (*p == '.') {
        const char *point = ++p;

        p = digits(p, end, &m, &n);
        exponent = -(int) (p - point);
        if (p == point) {
            return false;
        }
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;
        if (p < end && (*p == '+' || *p == '-')) {
            down = *p++ == '-';
        }
        p = digits(p, end, &e, &ne);
        if (ne == 0 || ne > 3) {
            return false;
        }
        exponent += down ? -(int) e : (int) e;
    }
    r->p = p;
    if (m == 0) {
        f = 0;
    } else if (n > 19 || !scale(m, exponent, &f)) {
        if (!thorough(start, (size_t) (p - start), &f)) {
            return false;
        }
        minus = false;
    }
    *out = wr_float(minus ? -f : f);
    return true;
}

/* ---- containers ---- */

static bool
object(reader_t *r, wr_val_t *out)
{
    wr_dict_t *d = wr_dict_new(r->pool, 8);

    *out = wr_vdict(d);
    blanks(r);
    if (take(r, '}')) {
        return true;
    }
    do {
        uint32_t before = d->live;
        wr_str_t key;
        wr_val_t v;

        blanks(r);
        if (!take(r, '"') || !string(r, &key)) {
            return false;
        }
        blanks(r);
        if (!take(r, ':') || !value(r, &v)) {
            return false;
        }
        wr_dict_sets(r->pool, d, key, v);
        if (d->live == before) {
            return false;           /* a key that comes twice */
        }
        blanks(r);
    } while (take(r, ','));
    return take(r, '}');
}

static bool
array(reader_t *r, wr_val_t *out)
{
    wr_list_t *l = wr_list_new(r->pool, 4);

    *out = wr_vlist(l);
    blanks(r);
    if (take(r, ']')) {
        return true;
    }
    do {
        wr_val_t v;

        if (!value(r, &v)) {
            return false;
        }
        wr_list_push(r->pool, l, v);
        blanks(r);
    } while (take(r, ','));
    return take(r, ']');
}

static bool
word(reader_t *r, wr_str_t w)
{
    if (!wr_str_starts(wr_str(r->p, (size_t) (r->end - r->p)), w)) {
        return false;
    }
    r->p += w.n;
    return true;
}

static bool
container(reader_t *r, bool (*read)(reader_t *r, wr_val_t *out), wr_val_t *out)
{
    bool ok;

    if (r->depth == 0) {
        return false;
    }
    r->depth--;
    r->p++;
    ok = read(r, out);
    r->depth++;
    return ok;
}

static bool
value(reader_t *r, wr_val_t *out)
{
    wr_str_t s;

    blanks(r);
    if (r->p == r->end) {
        return false;
    }
    switch (*r->p) {
    case '{':
        return container(r, object, out);
    case '[':
        return container(r, array, out);
    case '"':
        r->p++;
        if (!string(r, &s)) {
            return false;
        }
        *out = wr_vstr(s);
        return true;
    case 't':
        *out = wr_bool(true);
        return word(r, WR_STR("true"));
    case 'f':
        *out = wr_bool(false);
        return word(r, WR_STR("false"));
    case 'n':
        *out = wr_none();
        return word(r, WR_STR("null"));
    default:
        return number(r, out);
    }
}

bool
wr_json_quick(wr_pool_t *pool, wr_str_t text, const wr_json_limits_t *limits,
              wr_val_t *out)
{
    reader_t r = {.p = text.p, .end = text.p + text.n, .pool = pool,
                  .depth = limits->depth != 0 ? limits->depth : 512,
                  .keeps = limits->keeps};

    if (text.n == 0) {
        return false;
    }
    blanks(&r);
    if (!limits->any && r.p < r.end && *r.p != '{' && *r.p != '[') {
        return false;
    }
    if (!value(&r, out)) {
        return false;
    }
    blanks(&r);
    return r.p == r.end;
}
