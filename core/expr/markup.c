/*
 * Markup back to text: character references and tags.
 */
#include <weir/base/utf8.h>
#include <weir/expr/markup.h>
#include <weir/expr/markup_priv.h>
#include <weir/expr/unicode.h>

enum { NAME_POINTS = 32 };      /* the longest reference that is looked at */

wr_str_t
wr_entity(wr_str_t name)
{
    unsigned low = 0;
    unsigned high = wr_nentities;

    while (low < high) {
        unsigned middle = (low + high) / 2;
        int      d = wr_str_cmp(name, wr_str_z(wr_entities[middle].name));

        if (d == 0) {
            return wr_str_z(wr_entities[middle].text);
        }
        if (d < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return WR_STR_NONE;
}

/* Numbers that browsers read as Windows-1252, 0x80 to 0x9f. */
static const uint16_t windows[32] = {
    0x20ac, 0x81,   0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021,
    0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0x8d,   0x017d, 0x8f,
    0x90,   0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014,
    0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x9d,   0x017e, 0x0178,
};

static bool
is_no_character(uint32_t n)
{
    return (n >= 1 && n <= 8) || n == 0xb || (n >= 0xe && n <= 0x1f)
           || (n >= 0x7f && n <= 0x9f) || (n >= 0xfdd0 && n <= 0xfdef)
           || (n & 0xfffe) == 0xfffe;
}

static void
put_number(wr_buf_t *to, uint32_t n)
{
    if (n == 0 || (n >= 0xd800 && n <= 0xdfff) || n > 0x10ffff) {
        n = 0xfffd;
    } else if (n >= 0x80 && n <= 0x9f) {
        n = windows[n - 0x80];
    } else if (is_no_character(n)) {
        return;
    }
    to->n += wr_utf8_put(wr_buf_reserve(to, WR_UTF8_MAX), n);
}

/* "#123;", "#x1f;": how many bytes it takes, 0 if it is none. */
static size_t
numeric(wr_buf_t *to, wr_str_t s)
{
    size_t   i = 1;
    size_t   first;
    uint32_t n = 0;
    bool     hex = s.n > 1 && (s.p[1] == 'x' || s.p[1] == 'X');

    i += hex;
    for (first = i; i < s.n; i++) {
        int d = wr_hex_digit(s.p[i]);

        if (d < 0 || (!hex && d > 9)) {
            break;
        }
        if (n <= 0x10ffff) {
            n = n * (hex ? 16 : 10) + (uint32_t) d;
        }
    }
    if (i == first) {
        return 0;
    }
    put_number(to, n);
    return i + (i < s.n && s.p[i] == ';');
}

/* A named one: the whole, else the longest start that is a name. */
static size_t
named(wr_buf_t *to, wr_str_t s)
{
    const char *p = s.p;
    const char *end = s.p + s.n;
    size_t      n;
    wr_str_t    text;

    for (int i = 0; i < NAME_POINTS && p < end; i++) {
        if (strchr("\t\n\f <&#;", *p) != NULL && *p != '\0') {
            break;
        }
        wr_utf8_next(&p, end);
    }
    n = (size_t) (p - s.p);
    if (n == 0) {
        return 0;
    }
    n += n < s.n && s.p[n] == ';';
    for (size_t len = n; len > 1; len--) {
        text = wr_entity(wr_str_sub(s, 0, len));
        if (text.n != 0) {
            wr_buf_str(to, text);
            return len;
        }
    }
    return 0;
}

void
wr_unescape(wr_buf_t *to, wr_str_t s)
{
    for (;;) {
        ssize_t  at = wr_str_chr(s, '&');
        wr_str_t rest;
        size_t   n = 0;

        if (at < 0) {
            wr_buf_str(to, s);
            return;
        }
        wr_buf_add(to, s.p, (size_t) at);
        rest = wr_str_skip(s, (size_t) at + 1);
        if (rest.n != 0) {
            n = rest.p[0] == '#' ? numeric(to, rest) : named(to, rest);
        }
        if (n == 0) {
            wr_buf_char(to, '&');
        }
        s = wr_str_skip(rest, n);
    }
}

/* ---- striptags ---- */

/* Takes out everything from `open` to the next `close`, both included; one that
 * is never closed stays. */
static wr_str_t
without(wr_pool_t *pool, wr_str_t s, wr_str_t open, wr_str_t close)
{
    wr_buf_t b = wr_buf(pool);
    bool     changed = false;

    for (;;) {
        ssize_t  from = wr_str_find(s, open);
        ssize_t  to;
        wr_str_t rest;

        if (from < 0) {
            break;
        }
        rest = wr_str_skip(s, (size_t) from + open.n);
        to = wr_str_find(rest, close);
        if (to < 0) {
            break;
        }
        changed = true;
        wr_buf_add(&b, s.p, (size_t) from);
        s = wr_str_skip(rest, (size_t) to + close.n);
    }
    if (!changed) {
        return s;
    }
    wr_buf_str(&b, s);
    return wr_buf_text(&b);
}

/* Runs of white space become one space, those at the ends nothing. */
static wr_str_t
one_spaced(wr_pool_t *pool, wr_str_t s)
{
    wr_buf_t    b = wr_buf(pool);
    const char *p = s.p;
    const char *end = s.p + s.n;
    bool        space = false;

    while (p < end) {
        const char *at = p;

        if (wr_uni_space(wr_utf8_next(&p, end))) {
            space = b.n != 0;
            continue;
        }
        if (space) {
            wr_buf_char(&b, ' ');
            space = false;
        }
        wr_buf_add(&b, at, (size_t) (p - at));
    }
    return wr_buf_text(&b);
}

void
wr_striptags(wr_pool_t *pool, wr_buf_t *to, wr_str_t s)
{
    s = without(pool, s, WR_STR("<!--"), WR_STR("-->"));
    s = without(pool, s, WR_STR("<"), WR_STR(">"));
    wr_unescape(to, one_spaced(pool, s));
}
