/*
 * Properties and names of code points, looked up in generated tables.
 */
#include <weir/expr/unicode.h>
#include <weir/expr/unicode_priv.h>

#include <weir/base/utf8.h>

static inline const wr_uni_rec_t *
record(uint32_t cp)
{
    uint32_t block = cp / WR_UNI_BLOCK;

    if (block >= wr_uni_blocks) {
        block = wr_uni_blocks - 1;
    }
    return &wr_uni_records[wr_uni_second[wr_uni_first[block]]
                                        [cp % WR_UNI_BLOCK]];
}

static inline bool
has(uint32_t cp, unsigned flags)
{
    return (record(cp)->flags & flags) != 0;
}

bool
wr_uni_printable(uint32_t cp)
{
    return has(cp, WR_UNI_PRINTABLE);
}

bool
wr_uni_isalpha(uint32_t cp)
{
    return has(cp, WR_UNI_ALPHA);
}

bool
wr_uni_isdecimal(uint32_t cp)
{
    return has(cp, WR_UNI_DECIMAL);
}

bool
wr_uni_isdigit(uint32_t cp)
{
    return has(cp, WR_UNI_DIGIT);
}

bool
wr_uni_isnumeric(uint32_t cp)
{
    return has(cp, WR_UNI_NUMERIC);
}

bool
wr_uni_isalnum(uint32_t cp)
{
    return has(cp, WR_UNI_ALPHA | WR_UNI_DECIMAL | WR_UNI_DIGIT
                       | WR_UNI_NUMERIC);
}

bool
wr_uni_isupper(uint32_t cp)
{
    return has(cp, WR_UNI_UPPER);
}

bool
wr_uni_islower(uint32_t cp)
{
    return has(cp, WR_UNI_LOWER);
}

bool
wr_uni_istitle(uint32_t cp)
{
    return has(cp, WR_UNI_TITLE);
}

bool
wr_uni_cased(uint32_t cp)
{
    return has(cp, WR_UNI_CASED);
}

bool
wr_uni_space(uint32_t cp)
{
    if (cp < 0x80) {
        return cp == ' ' || (cp >= 9 && cp <= 13) || (cp >= 28 && cp <= 31);
    }
    return has(cp, WR_UNI_SPACE);
}

bool
wr_uni_word(uint32_t cp)
{
    return cp == '_' || wr_uni_isalnum(cp);
}

bool
wr_uni_line_end(uint32_t cp)
{
    return has(cp, WR_UNI_LINE_END);
}

bool
wr_uni_id_start(uint32_t cp)
{
    return has(cp, WR_UNI_ID_START);
}

bool
wr_uni_id_part(uint32_t cp)
{
    return has(cp, WR_UNI_ID_PART);
}

int
wr_uni_decimal(uint32_t cp)
{
    uint8_t value = record(cp)->decimal;

    return value == 255 ? -1 : value;
}

/* ---- case of one code point ---- */

static unsigned
map(uint32_t cp, int32_t how, uint32_t to[3])
{
    unsigned n = 0;

    if (how < WR_UNI_SPECIAL) {
        to[0] = (uint32_t) ((int32_t) cp + how);
        return 1;
    }
    while (n < 3 && wr_uni_special[how - WR_UNI_SPECIAL][n] != 0) {
        to[n] = wr_uni_special[how - WR_UNI_SPECIAL][n];
        n++;
    }
    return n;
}

unsigned
wr_uni_upper(uint32_t cp, uint32_t to[3])
{
    return map(cp, record(cp)->upper, to);
}

unsigned
wr_uni_lower(uint32_t cp, uint32_t to[3])
{
    return map(cp, record(cp)->lower, to);
}

unsigned
wr_uni_title(uint32_t cp, uint32_t to[3])
{
    return map(cp, record(cp)->title, to);
}

/* ---- case of texts ---- */

static void
put_points(wr_buf_t *b, const uint32_t *points, unsigned n)
{
    char *p = wr_buf_reserve(b, n * (size_t) WR_UTF8_MAX);

    for (unsigned i = 0; i < n; i++) {
        unsigned len = wr_utf8_put(p, points[i]);

        p += len;
        b->n += len;
    }
}

static void
put_mapped(wr_buf_t *b, uint32_t cp, int32_t how)
{
    uint32_t to[3];

    put_points(b, to, map(cp, how, to));
}

/* Whether the sigma that starts at `at` ends a word: a cased letter before it
 * and none behind, marks and the like not counted. */
static bool
is_final_sigma(wr_str_t s, const char *at)
{
    const char *end = s.p + s.n;
    const char *p = at;
    uint32_t    cp = 0;
    bool        before = false;

    while (p > s.p) {
        cp = wr_utf8_prev(s.p, &p);
        if (!has(cp, WR_UNI_IGNORABLE)) {
            before = has(cp, WR_UNI_CASED);
            break;
        }
    }
    if (!before) {
        return false;
    }
    p = at + 2;
    while (p < end) {
        cp = wr_utf8_next(&p, end);
        if (!has(cp, WR_UNI_IGNORABLE)) {
            return !has(cp, WR_UNI_CASED);
        }
    }
    return true;
}

/* The code point that stands at `at` within `s`. */
static void
put_lower(wr_buf_t *b, wr_str_t s, const char *at, uint32_t cp)
{
    if (cp == 0x3a3) {
        wr_buf_z(b, is_final_sigma(s, at) ? "\xcf\x82" : "\xcf\x83");
    } else {
        put_mapped(b, cp, record(cp)->lower);
    }
}

/* Copies the ASCII bytes at the start, changed by `change`, and tells how many
 * there were. */
static size_t
put_ascii(wr_buf_t *b, wr_str_t s, char first, char last)
{
    char  *p = wr_buf_reserve(b, s.n);
    size_t i = 0;

    for (; i < s.n && (s.p[i] & 0x80) == 0; i++) {
        char c = s.p[i];

        p[i] = c >= first && c <= last ? (char) (c ^ 0x20) : c;
    }
    b->n += i;
    return i;
}

void
wr_uni_put_upper(wr_buf_t *b, wr_str_t s)
{
    const char *end = s.p + s.n;
    const char *p = s.p + put_ascii(b, s, 'a', 'z');

    while (p < end) {
        uint32_t cp = wr_utf8_next(&p, end);

        put_mapped(b, cp, record(cp)->upper);
    }
}

void
wr_uni_put_lower(wr_buf_t *b, wr_str_t s)
{
    const char *end = s.p + s.n;
    const char *p = s.p + put_ascii(b, s, 'A', 'Z');

    while (p < end) {
        const char *at = p;
        uint32_t    cp = wr_utf8_next(&p, end);

        put_lower(b, s, at, cp);
    }
}

void
wr_uni_put_folded(wr_buf_t *b, wr_str_t s)
{
    const char *end = s.p + s.n;
    const char *p = s.p + put_ascii(b, s, 'A', 'Z');

    while (p < end) {
        uint32_t cp = wr_utf8_next(&p, end);

        put_mapped(b, cp, record(cp)->fold);
    }
}

void
wr_uni_put_title(wr_buf_t *b, wr_str_t s)
{
    const char *end = s.p + s.n;
    const char *p = s.p;
    bool        inside = false;

    while (p < end) {
        const char *at = p;
        uint32_t    cp = wr_utf8_next(&p, end);

        if (inside) {
            put_lower(b, s, at, cp);
        } else {
            put_mapped(b, cp, record(cp)->title);
        }
        inside = has(cp, WR_UNI_CASED);
    }
}

void
wr_uni_put_capitalized(wr_buf_t *b, wr_str_t s)
{
    const char *end = s.p + s.n;
    const char *p = s.p;
    uint32_t    cp;

    if (p == end) {
        return;
    }
    cp = wr_utf8_next(&p, end);
    put_mapped(b, cp, record(cp)->title);
    while (p < end) {
        const char *at = p;

        cp = wr_utf8_next(&p, end);
        put_lower(b, s, at, cp);
    }
}

void
wr_uni_put_swapped(wr_buf_t *b, wr_str_t s)
{
    const char *end = s.p + s.n;
    const char *p = s.p;

    while (p < end) {
        const char *at = p;
        uint32_t    cp = wr_utf8_next(&p, end);

        if (has(cp, WR_UNI_UPPER)) {
            put_lower(b, s, at, cp);
        } else if (has(cp, WR_UNI_LOWER)) {
            put_mapped(b, cp, record(cp)->upper);
        } else {
            put_points(b, &cp, 1);
        }
    }
}

wr_str_t
wr_uni_strip(wr_str_t s, bool left, bool right)
{
    const char *p = s.p;
    const char *end = s.p + s.n;

    while (left && p < end) {
        const char *at = p;

        if (!wr_uni_space(wr_utf8_next(&at, end))) {
            break;
        }
        p = at;
    }
    while (right && end > p) {
        const char *at = end;

        if (!wr_uni_space(wr_utf8_prev(p, &at))) {
            break;
        }
        end = at;
    }
    return wr_str(p, (size_t) (end - p));
}
