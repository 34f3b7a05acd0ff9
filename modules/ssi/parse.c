/*
 * Finding commands in a text and taking them apart:
 * <!--#name param="value" param='value' -->
 */
#include "ssi.h"

static const wr_str_t opening = WR_STR_INIT("<!--#");
static const wr_str_t closing = WR_STR_INIT("-->");

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The "-->" that is not within quotes. */
static ssize_t
find_closing(wr_str_t s)
{
    char quote = '\0';

    for (size_t i = 0; i < s.n; i++) {
        if (quote != '\0') {
            if (s.p[i] == '\\') {
                i++;
            } else if (s.p[i] == quote) {
                quote = '\0';
            }
        } else if (s.p[i] == '"' || s.p[i] == '\'') {
            quote = s.p[i];
        } else if (wr_str_starts(wr_str_skip(s, i), closing)) {
            return (ssize_t) i;
        }
    }
    return -1;
}

ssize_t
ssi_find(wr_str_t text, size_t *end, size_t *keep)
{
    ssize_t at = wr_str_find(text, opening), close;

    *keep = 0;
    *end = 0;
    if (at < 0) {
        for (size_t n = opening.n - 1; n > 0; n--) {
            if (wr_str_ends(text, wr_str_sub(opening, 0, n))) {
                *keep = n;
                break;
            }
        }
        return -1;
    }
    close = find_closing(wr_str_skip(text, (size_t) at + opening.n));
    if (close >= 0) {
        *end = (size_t) at + opening.n + (size_t) close + closing.n;
    }
    return at;
}

static void
skip_blanks(wr_str_t *s)
{
    while (s->n != 0 && is_blank(s->p[0])) {
        *s = wr_str_skip(*s, 1);
    }
}

static wr_str_t
take_name(wr_str_t *s)
{
    size_t   n = 0;
    wr_str_t name;

    while (n < s->n && ((s->p[n] >= 'a' && s->p[n] <= 'z') || s->p[n] == '_')) {
        n++;
    }
    name = wr_str_sub(*s, 0, n);
    *s = wr_str_skip(*s, n);
    return name;
}

/* A value in quotes; a quote in it stands behind a backslash. */
static bool
take_value(wr_pool_t *pool, wr_str_t *s, wr_str_t *value)
{
    char   quote, *p;
    size_t n = 0, i = 1;

    if (s->n == 0 || (s->p[0] != '"' && s->p[0] != '\'')) {
        return false;
    }
    quote = s->p[0];
    p = wr_alloc_bytes(pool, s->n);
    for (; i < s->n && s->p[i] != quote; i++) {
        if (s->p[i] == '\\' && i + 1 < s->n && s->p[i + 1] == quote) {
            i++;
        } else if (s->p[i] == '\\' && i + 1 < s->n) {
            p[n++] = s->p[i++];
        }
        p[n++] = s->p[i];
    }
    if (i == s->n) {
        return false;
    }
    *value = wr_str(p, n);
    *s = wr_str_skip(*s, i + 1);
    return true;
}

bool
ssi_parse(wr_pool_t *pool, wr_str_t text, ssi_command_t *c)
{
    c->n = 0;
    skip_blanks(&text);
    c->name = take_name(&text);
    if (c->name.n == 0 || (text.n != 0 && !is_blank(text.p[0]))) {
        return false;
    }
    for (;;) {
        ssi_named_t *param;

        skip_blanks(&text);
        if (text.n == 0) {
            return true;
        }
        if (c->n == SSI_MAX_PARAMS) {
            return false;
        }
        param = &c->params[c->n++];
        param->name = take_name(&text);
        skip_blanks(&text);
        if (param->name.n == 0 || text.n == 0 || text.p[0] != '=') {
            return false;
        }
        text = wr_str_skip(text, 1);
        skip_blanks(&text);
        if (!take_value(pool, &text, &param->text)) {
            return false;
        }
    }
}
