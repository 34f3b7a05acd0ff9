/*
 * Conversion of bytes. What the target charset does not have becomes '?', or an
 * HTML entity when it came from UTF-8.
 */
#include <stdio.h>
#include <stdlib.h>
#include "table.h"

void
charset_table_init(charset_table_t *t, charset_kind_t kind, wr_pool_t *pool)
{
    t->kind = kind;
    t->pairs = wr_array(pool, sizeof(charset_pair_t));
    for (unsigned i = 0; i < 256; i++) {
        t->bytes[i] = i < 128 ? (uint8_t) i : '?';
        t->utf8[i][0] = 1;
        t->utf8[i][1] = t->bytes[i];
    }
}

/* How many bytes the character that begins so has; 0: it cannot begin so. */
static size_t
length_of(uint8_t first)
{
    if (first < 0x80) {
        return 1;
    }
    if (first >= 0xc2 && first < 0xe0) {
        return 2;
    }
    if (first >= 0xe0 && first < 0xf0) {
        return 3;
    }
    return first >= 0xf0 && first < 0xf5 ? 4 : 0;
}

static uint32_t
decode(const uint8_t *p, size_t n)
{
    static const uint8_t masks[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t             code = p[0] & masks[n];

    for (size_t i = 1; i < n; i++) {
        code = code << 6 | (p[i] & 0x3f);
    }
    return code;
}

bool
charset_utf8(wr_str_t hex, uint8_t *bytes, size_t *n, uint32_t *code)
{
    if (hex.n % 2 != 0 || hex.n == 0 || hex.n > 8) {
        return false;
    }
    *n = hex.n / 2;
    for (size_t i = 0; i < *n; i++) {
        int high = wr_hex_digit(hex.p[2 * i]), low = wr_hex_digit(hex.p[2 * i + 1]);

        if (high < 0 || low < 0) {
            return false;
        }
        bytes[i] = (uint8_t) (high << 4 | low);
        if (i > 0 && (bytes[i] & 0xc0) != 0x80) {
            return false;
        }
    }
    if (length_of(bytes[0]) != *n) {
        return false;
    }
    *code = decode(bytes, *n);
    return true;
}

static int
by_code(const void *a, const void *b)
{
    const charset_pair_t *x = a, *y = b;

    return x->code < y->code ? -1 : x->code > y->code;
}

void
charset_table_finish(charset_table_t *t)
{
    if (t->pairs.n != 0) {
        qsort(t->pairs.items, t->pairs.n, t->pairs.size, by_code);
    }
}

static const charset_pair_t *
find(const charset_table_t *t, uint32_t code)
{
    charset_pair_t key = {.code = code};

    return t->pairs.n == 0 ? NULL
                           : bsearch(&key, t->pairs.items, t->pairs.n, t->pairs.size,
                                     by_code);
}

static void
put_code(const charset_table_t *t, const uint8_t *p, size_t n, wr_made_t *out)
{
    uint32_t              code = decode(p, n);
    const charset_pair_t *pair = code < 128 ? NULL : find(t, code);
    char                  text[16];

    if (code < 128) {
        text[0] = (char) code;
        wr_made_put(out, text, 1);
    } else if (pair != NULL) {
        text[0] = (char) pair->byte;
        wr_made_put(out, text, 1);
    } else {
        wr_made_put(out, text, (size_t) snprintf(text, sizeof(text), "&#%u;", code));
    }
}

static void
from_utf8(const charset_table_t *t, charset_state_t *s, const char *p, size_t n,
          wr_made_t *out)
{
    for (size_t i = 0; i < n; i++) {
        uint8_t c = (uint8_t) p[i];

        if (s->n != 0 && (c & 0xc0) != 0x80) {
            wr_made_put(out, "?", 1);       /* cut short */
            s->n = 0;
        }
        if (s->n == 0 && length_of(c) == 0) {
            wr_made_put(out, "?", 1);
            continue;
        }
        s->part[s->n++] = c;
        if (s->n == length_of(s->part[0])) {
            put_code(t, s->part, s->n, out);
            s->n = 0;
        }
    }
}

void
charset_convert(const charset_table_t *t, charset_state_t *s, const char *p, size_t n,
                wr_made_t *out)
{
    if (t->kind == CHARSET_FROM_UTF8) {
        from_utf8(t, s, p, n, out);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        uint8_t c = (uint8_t) p[i];

        if (t->kind == CHARSET_TO_UTF8) {
            wr_made_put(out, (const char *) t->utf8[c] + 1, t->utf8[c][0]);
        } else {
            wr_made_put(out, (const char *) &t->bytes[c], 1);
        }
    }
}
