/*
 * Parsing of Range. A suffix longer than the body means all of it; a range behind
 * the end is left out; several that together are longer than the body are not
 * worth it.
 */
#include "range.h"

static void
skip_blanks(wr_str_t *s)
{
    while (s->n != 0 && s->p[0] == ' ') {
        *s = wr_str_skip(*s, 1);
    }
}

/* Digits; false if there are none or too many. */
static bool
number(wr_str_t *s, int64_t *n)
{
    if (s->n == 0 || !wr_is_digit(s->p[0])) {
        return false;
    }
    for (*n = 0; s->n != 0 && wr_is_digit(s->p[0]); *s = wr_str_skip(*s, 1)) {
        if (*n > (INT64_MAX - 9) / 10) {
            return false;
        }
        *n = *n * 10 + (s->p[0] - '0');
    }
    return true;
}

/* One range up to the comma or the end. */
static bool
one(wr_str_t *s, int64_t length, range_t *range)
{
    bool    suffix;
    int64_t n;

    skip_blanks(s);
    suffix = s->n != 0 && s->p[0] == '-';
    if (!suffix && !number(s, &range->start)) {
        return false;
    }
    if (!suffix) {
        skip_blanks(s);
        if (s->n == 0 || s->p[0] != '-') {
            return false;
        }
    }
    *s = wr_str_skip(*s, 1);
    if (!suffix) {
        skip_blanks(s);
        if (s->n == 0 || s->p[0] == ',') {
            range->end = length;
            return true;
        }
    }
    if (!number(s, &n)) {
        return false;
    }
    skip_blanks(s);
    if (s->n != 0 && s->p[0] != ',') {
        return false;
    }
    if (suffix) {
        range->start = n < length ? length - n : 0;
        range->end = length;
    } else {
        range->end = n >= length ? length : n + 1;
    }
    return true;
}

wr_rc_t
range_parse(wr_str_t text, int64_t length, int64_t max, wr_array_t *ranges)
{
    int64_t size = 0;

    for (;;) {
        range_t range;

        if (!one(&text, length, &range)) {
            return WR_SYNTAX;
        }
        if (range.start < range.end) {
            *WR_PUSH(ranges, range_t) = range;
            if (size > INT64_MAX - (range.end - range.start)) {
                return WR_SYNTAX;
            }
            size += range.end - range.start;
            if (max-- == 0) {
                return WR_DECLINED;
            }
        } else if (range.start == 0) {
            return WR_DECLINED;
        }
        if (text.n == 0) {
            break;
        }
        text = wr_str_skip(text, 1);
    }
    if (ranges->n == 0) {
        return WR_SYNTAX;
    }
    return size > length ? WR_DECLINED : WR_OK;
}
