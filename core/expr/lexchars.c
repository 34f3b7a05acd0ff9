/*
 * Characters, numbers and strings of the template language, as Python reads
 * them. Pure functions over bytes; the lexer owns the order in which they are
 * tried.
 */
#include <weir/expr/lexchars.h>
#include <weir/expr/unicode.h>

#include <stdlib.h>

static size_t
decode(const char *s, size_t n, uint32_t *c)
{
    const uint8_t *u = (const uint8_t *) s;

    if (n == 0) {
        return 0;
    }
    if (u[0] < 0x80) {
        *c = u[0];
        return 1;
    }
    if (u[0] < 0xe0 && n >= 2) {
        *c = (uint32_t) (u[0] & 0x1f) << 6 | (u[1] & 0x3f);
        return 2;
    }
    if (u[0] < 0xf0 && n >= 3) {
        *c = (uint32_t) (u[0] & 0x0f) << 12 | (uint32_t) (u[1] & 0x3f) << 6
             | (u[2] & 0x3f);
        return 3;
    }
    if (n >= 4) {
        *c = (uint32_t) (u[0] & 0x07) << 18 | (uint32_t) (u[1] & 0x3f) << 12
             | (uint32_t) (u[2] & 0x3f) << 6 | (u[3] & 0x3f);
        return 4;
    }
    *c = 0xfffd;
    return n;
}

static bool
is_space(uint32_t c)
{
    return (c >= 0x09 && c <= 0x0d) || (c >= 0x1c && c <= 0x20) || c == 0x85
           || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a)
           || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f
           || c == 0x3000;
}

size_t
wr_lex_space(wr_str_t s, size_t pos)
{
    uint32_t c;
    size_t   n = pos < s.n ? decode(s.p + pos, s.n - pos, &c) : 0;

    return n != 0 && is_space(c) ? n : 0;
}

size_t
wr_lex_space_len_before(wr_str_t s, size_t pos)
{
    size_t   at = pos;
    uint32_t c;

    while (at > 0 && pos - at < 4) {
        at--;
        if (((uint8_t) s.p[at] & 0xc0) != 0x80) {
            decode(s.p + at, pos - at, &c);
            return is_space(c) ? pos - at : 0;
        }
    }
    return 0;
}

/* ---- numbers ---- */

/* Digits of the base, each may have one '_' before it (not the first unless
 * `lead`). */
static size_t
digits(const char *s, size_t n, int base, bool lead)
{
    size_t i = 0, j;
    int    d;

    for (;;) {
        j = i;
        if (j < n && s[j] == '_' && (i > 0 || lead)) {
            j++;
        }
        d = j < n ? wr_hex_digit(s[j]) : -1;
        if (d < 0 || d >= base) {
            return i;
        }
        i = j + 1;
    }
}

size_t
wr_lex_int_len(const char *s, size_t n)
{
    size_t k;
    int    base = 0;

    if (n == 0 || !wr_is_digit(s[0])) {
        return 0;
    }
    if (s[0] != '0') {
        return digits(s, n, 10, false);
    }
    if (n > 2) {
        switch (wr_lower(s[1])) {
        case 'x': base = 16; break;
        case 'o': base = 8; break;
        case 'b': base = 2; break;
        default: break;
        }
        k = base != 0 ? digits(s + 2, n - 2, base, true) : 0;
        if (k != 0) {
            return 2 + k;
        }
    }
    return digits(s, n, 1, false);
}

size_t
wr_lex_float_len(const char *s, size_t n)
{
    size_t k = digits(s, n, 10, false), f, e, sign;

    if (k == 0) {
        return 0;
    }
    f = k;
    if (f + 1 < n && s[f] == '.') {
        e = digits(s + f + 1, n - f - 1, 10, false);
        if (e != 0) {
            f += 1 + e;
        }
    }
    if (f < n && (s[f] == 'e' || s[f] == 'E')) {
        sign = f + 1 < n && (s[f + 1] == '+' || s[f + 1] == '-');
        e = digits(s + f + 1 + sign, n - f - 1 - sign, 10, false);
        if (e != 0) {
            return f + 1 + sign + e;
        }
    }
    return f > k ? f : 0;
}

bool
wr_lex_integer(wr_str_t s, int64_t *out)
{
    uint64_t v = 0;
    size_t   i = 0;
    int      base = 10;

    if (s.n > 2 && s.p[0] == '0' && s.p[1] != '_' && s.p[1] != '0') {
        base = wr_lower(s.p[1]) == 'x' ? 16 : wr_lower(s.p[1]) == 'o' ? 8 : 2;
        i = 2;
    }
    for (; i < s.n; i++) {
        if (s.p[i] == '_') {
            continue;
        }
        if (__builtin_mul_overflow(v, (uint64_t) base, &v)
            || __builtin_add_overflow(v, (uint64_t) wr_hex_digit(s.p[i]), &v)
            || v > INT64_MAX)
        {
            return false;
        }
    }
    *out = (int64_t) v;
    return true;
}

double
wr_lex_float(wr_str_t s)
{
    char   small[128], *p = small, *end;
    size_t i, n = 0;
    double f;

    if (s.n >= sizeof(small)) {
        p = malloc(s.n + 1);
        WR_ASSERT(p != NULL);
    }
    for (i = 0; i < s.n; i++) {
        if (s.p[i] != '_') {
            p[n++] = s.p[i];
        }
    }
    p[n] = '\0';
    f = strtod(p, &end);
    if (p != small) {
        free(p);
    }
    return f;
}

/* ---- names and strings ---- */

size_t
wr_lex_name_len(const char *s, size_t n, bool *valid)
{
    size_t   i = 0, k;
    uint32_t c;

    *valid = true;
    while (i < n) {
        k = decode(s + i, n - i, &c);
        if (c < 0x80) {
            if (!wr_is_word((char) c)) {
                break;
            }
            if (i == 0 && wr_is_digit((char) c)) {
                *valid = false;
            }
        } else if (i == 0 ? wr_uni_id_start(c) : wr_uni_id_part(c)) {
            /* a letter */
        } else if (wr_uni_word(c) || wr_uni_id_part(c)) {
            *valid = false;
        } else {
            break;
        }
        i += k;
    }
    return i;
}

size_t
wr_lex_string_len(const char *s, size_t n)
{
    size_t i;

    for (i = 1; i < n; i++) {
        if (s[i] == '\\') {
            i++;
        } else if (s[i] == s[0]) {
            return i + 1;
        }
    }
    return 0;
}

void
wr_lex_put_utf8(wr_buf_t *b, uint32_t c)
{
    char t[4];

    if (c < 0x80) {
        wr_buf_char(b, (char) c);
        return;
    }
    if (c >= 0xd800 && c < 0xe000) {
        c = 0xfffd; /* a lone surrogate cannot be told in UTF-8 */
    }
    if (c < 0x800) {
        t[0] = (char) (0xc0 | c >> 6);
        t[1] = (char) (0x80 | (c & 0x3f));
        wr_buf_add(b, t, 2);
    } else if (c < 0x10000) {
        t[0] = (char) (0xe0 | c >> 12);
        t[1] = (char) (0x80 | (c >> 6 & 0x3f));
        t[2] = (char) (0x80 | (c & 0x3f));
        wr_buf_add(b, t, 3);
    } else {
        t[0] = (char) (0xf0 | c >> 18);
        t[1] = (char) (0x80 | (c >> 12 & 0x3f));
        t[2] = (char) (0x80 | (c >> 6 & 0x3f));
        t[3] = (char) (0x80 | (c & 0x3f));
        wr_buf_add(b, t, 4);
    }
}

/* \xNN and longer: returns the bytes taken behind the letter, or 0. */
static size_t
hex_escape(const char *s, size_t n, unsigned want, uint32_t *c)
{
    unsigned i;
    int      d;

    *c = 0;
    for (i = 0; i < want; i++) {
        d = i < n ? wr_hex_digit(s[i]) : -1;
        if (d < 0) {
            return 0;
        }
        *c = *c << 4 | (uint32_t) d;
    }
    return want;
}

/* \N{NAME} */
static size_t
name_escape(const char *s, size_t n, uint32_t *c, const char **error)
{
    const char *end;

    if (n < 2 || s[0] != '{' || (end = memchr(s, '}', n)) == NULL
        || end == s + 1) {
        *error = "malformed \\N character escape";
        return 0;
    }
    if (!wr_uni_by_name(wr_str(s + 1, (size_t) (end - s - 1)), c)) {
        *error = "unknown Unicode character name";
        return 0;
    }
    return (size_t) (end - s) + 1;
}

/* The escape behind a backslash at s[0]; returns the bytes taken. */
static size_t
escape(wr_buf_t *b, const char *s, size_t n, const char **error)
{
    static const char from[] = "\\'\"abfnrtv", to[] = "\\'\"\a\b\f\n\r\t\v";
    const char       *k;
    uint32_t          c = 0;
    size_t            used;

    if (*s == '\n') {
        return 1;
    }
    k = strchr(from, *s);
    if (k != NULL && *s != '\0') {
        wr_buf_char(b, to[k - from]);
        return 1;
    }
    if (*s >= '0' && *s <= '7') {
        for (used = 0; used < 3 && used < n && s[used] >= '0' && s[used] <= '7';
             used++) {
            c = c * 8 + (uint32_t) (s[used] - '0');
        }
        wr_lex_put_utf8(b, c);
        return used;
    }
    if (*s == 'x' || *s == 'u' || *s == 'U') {
        used = hex_escape(s + 1, n - 1, *s == 'x' ? 2 : *s == 'u' ? 4 : 8, &c);
        if (used == 0) {
            *error = *s == 'x'   ? "truncated \\xXX escape"
                     : *s == 'u' ? "truncated \\uXXXX escape"
                                 : "truncated \\UXXXXXXXX escape";
            return 1;
        }
        if (c > 0x10ffff) {
            *error = "illegal Unicode character";
            return 1;
        }
        wr_lex_put_utf8(b, c);
        return used + 1;
    }
    if (*s == 'N') {
        used = name_escape(s + 1, n - 1, &c, error);
        wr_lex_put_utf8(b, c);
        return used + 1;
    }
    wr_buf_char(b, '\\');
    if ((uint8_t) *s >= 0x80) {
        /* Python has made an escape of it by now, and the backslash before it
         * makes that plain text. */
        used = decode(s, n, &c);
        wr_buf_printf(b,
                      c < 0x100     ? "x%02x"
                      : c < 0x10000 ? "u%04x"
                                    : "U%08x",
                      c);
        return used;
    }
    wr_buf_char(b, *s);
    return 1;
}

wr_str_t
wr_lex_unescape(wr_pool_t *pool, wr_str_t s, const char **error)
{
    wr_buf_t b;
    size_t   i, n;

    if (s.n == 0 || memchr(s.p, '\\', s.n) == NULL) {
        return s;
    }
    b = wr_buf(pool);
    for (i = 0; i < s.n && *error == NULL; i += n) {
        if (s.p[i] != '\\' || i + 1 == s.n) {
            wr_buf_char(&b, s.p[i]);
            n = 1;
        } else {
            n = 1 + escape(&b, s.p + i + 1, s.n - i - 1, error);
        }
    }
    return wr_buf_text(&b);
}
