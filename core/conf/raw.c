/*
 * Arguments that are read verbatim: expressions, inline templates, SQL.
 *
 * What ends them is the first `;` or, for a directive that may have a block, the
 * first `{` that opens one, where none of these hides it:
 *
 * - expressions: a string in quotes (a backslash takes the next byte along). A `{`
 *   opens the block if it stands outside of brackets and behind an operand: two
 *   operands never follow each other in an expression, so there it cannot be a
 *   dict (`when a == {} {`).
 * - SQL: a string or a name in quotes, which has no backslashes ('it''s', '\'), a
 *   comment, or {{ … }}.
 * - inline templates: {{ … }}, {% … %}, {# … #}; braces that balance; a pair of
 *   round or square brackets or of quotes on one line, unless the quote stands
 *   behind a letter or digit (it's). A template that begins with a quote goes on
 *   to the quote that ends it, lines and all. A `{` opens the block if white
 *   space stands before it and it begins none of the above.
 */
#define _GNU_SOURCE
#include <weir/conf/conf_priv.h>

typedef struct raw {
    const char *p;
    const char *end;
    const char *stop;       /* out: where the argument ends */
    const char *open;       /* out: the quote or brace that has no end */
    bool        block;      /* a block may follow */
} raw_t;

static bool
is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Behind the quote that closes the one at `p`; NULL if none does. */
static const char *
skip_quoted(const char *p, const char *end, bool backslash)
{
    char quote = *p++;

    for (; p < end; p++) {
        if (*p == '\\' && backslash) {
            p++;
        } else if (*p == quote) {
            return p + 1;
        }
    }
    return NULL;
}

/* Behind the tag {{ … }}, {% … %} or {# … #} at `p`; NULL if it has no end. */
static const char *
skip_tag(const char *p, const char *end)
{
    char     kind = p[1];
    char     close = kind == '{' ? '}' : kind;
    unsigned depth = 0;

    for (p += 2; p < end; p++) {
        if (*p == close && end - p > 1 && p[1] == '}' && depth == 0) {
            return p + 2;
        }
        if (kind == '#') {
            continue;
        }
        if (*p == '"' || *p == '\'') {
            p = skip_quoted(p, end, true);
            if (p == NULL) {
                return NULL;
            }
            p--;
        } else if (*p == '{') {
            depth++;
        } else if (*p == '}' && depth != 0) {
            depth--;
        }
    }
    return NULL;
}

static bool
is_tag(const char *p, const char *end)
{
    return *p == '{' && end - p > 1 && (p[1] == '{' || p[1] == '%' || p[1] == '#');
}

static wr_stop_t
no_end(raw_t *raw, const char *open)
{
    raw->open = open;
    return WR_STOP_ERROR;
}

static wr_stop_t
ended(raw_t *raw, const char *stop, wr_stop_t how)
{
    raw->stop = stop;
    return how;
}

/* ---- expressions ---- */

/* Whether what ends at `p` (spaces before it are passed over) is an operand. */
static bool
behind_operand(const char *start, const char *p)
{
    static const char *const operators[] = {"and", "or", "not", "in", "is", "if", "else"};
    const char              *from;
    wr_str_t                 word;

    while (p > start && is_space(p[-1])) {
        p--;
    }
    if (p == start) {
        return false;
    }
    if (p[-1] == ')' || p[-1] == ']' || p[-1] == '}' || p[-1] == '"'
        || p[-1] == '\'')
    {
        return true;
    }
    for (from = p; from > start && (wr_is_word(from[-1]) || (from[-1] & 0x80) != 0);
         from--)
    {
    }
    if (from == p) {
        return false;
    }
    word = wr_str(from, (size_t) (p - from));
    if (from == start || from[-1] != '.') {
        for (size_t i = 0; i < WR_COUNT(operators); i++) {
            if (wr_str_eqz(word, operators[i])) {
                return false;
            }
        }
    }
    return true;
}

static wr_stop_t
scan_expression(raw_t *raw)
{
    const char *start = raw->p;
    unsigned    depth = 0;

    for (const char *p = start; p < raw->end; p++) {
        switch (*p) {
        case '"':
        case '\'': {
            const char *q = skip_quoted(p, raw->end, true);

            if (q == NULL) {
                return no_end(raw, p);
            }
            p = q - 1;
            break;
        }
        case ';':
            return ended(raw, p, WR_STOP_END);
        case '{':
            if (raw->block && depth == 0 && behind_operand(start, p)) {
                return ended(raw, p, WR_STOP_OPEN);
            }
            depth++;
            break;
        case '(':
        case '[':
            depth++;
            break;
        case '}':
        case ')':
        case ']':
            depth -= depth != 0;
            break;
        }
    }
    return no_end(raw, NULL);
}

/* ---- SQL ---- */

/* Behind the comment at `p`; `p` itself if there is none. */
static const char *
skip_comment(const char *p, const char *end)
{
    const char *q;

    if (end - p < 2) {
        return p;
    }
    if (p[0] == '-' && p[1] == '-') {
        q = memchr(p, '\n', (size_t) (end - p));
        return q != NULL ? q : end;
    }
    if (p[0] == '/' && p[1] == '*') {
        q = memmem(p + 2, (size_t) (end - p - 2), "*/", 2);
        return q != NULL ? q + 2 : end;
    }
    return p;
}

static wr_stop_t
scan_sql(raw_t *raw)
{
    const char *p = raw->p;

    while (p < raw->end) {
        const char *q = p;

        if (*p == ';') {
            return ended(raw, p, WR_STOP_END);
        }
        if (*p == '"' || *p == '\'' || *p == '`') {
            q = skip_quoted(p, raw->end, false);
        } else if (is_tag(p, raw->end) && p[1] == '{') {
            q = skip_tag(p, raw->end);
        } else {
            q = skip_comment(p, raw->end);
        }
        if (q == NULL) {
            return no_end(raw, p);
        }
        p = q != p ? q : p + 1;
    }
    return no_end(raw, NULL);
}

/* ---- inline templates ---- */

/* Behind the quote that closes a template that is quoted as a whole. */
static const char *
skip_whole(const char *p, const char *end)
{
    char quote = *p++;

    while (p < end) {
        const char *q;

        if (*p == '\\') {
            p += 2;
        } else if (*p == quote) {
            return p + 1;
        } else if (is_tag(p, end) && (q = skip_tag(p, end)) != NULL) {
            p = q;
        } else {
            p++;
        }
    }
    return NULL;
}

/* Where the partner of the bracket or quote at `p` stands on the same line; NULL if
 * it has none. */
static const char *
partner(const char *p, const char *end)
{
    char     open = *p;
    char     close = open == '(' ? ')' : open == '[' ? ']' : open;
    unsigned depth = 0;

    for (p++; p < end && *p != '\n'; p++) {
        if (*p == close) {
            if (depth-- == 0) {
                return p;
            }
        } else if (*p == open) {
            depth++;
        }
    }
    return NULL;
}

static bool
opens_pair(const char *start, const char *p)
{
    switch (*p) {
    case '(':
    case '[':
        return true;
    case '"':
    case '\'':
        return p == start || (!wr_is_word(p[-1]) && (p[-1] & 0x80) == 0);
    default:
        return false;
    }
}

static wr_stop_t
scan_template(raw_t *raw)
{
    const char *p = raw->p;
    const char *guarded = p;        /* up to here nothing ends the argument */
    unsigned    depth = 0;

    if (p < raw->end && (*p == '"' || *p == '\'')) {
        p = skip_whole(p, raw->end);
        if (p == NULL) {
            return no_end(raw, raw->p);
        }
    }
    for (; p < raw->end; p++) {
        const char *q;

        if (is_tag(p, raw->end)) {
            q = skip_tag(p, raw->end);
            if (q == NULL) {
                return no_end(raw, p);
            }
            p = q - 1;
        } else if (p < guarded) {
            continue;
        } else if (opens_pair(raw->p, p)) {
            q = partner(p, raw->end);
            guarded = q != NULL ? q + 1 : guarded;
        } else if (*p == '{') {
            if (raw->block && depth == 0 && (p == raw->p || is_space(p[-1]))) {
                return ended(raw, p, WR_STOP_OPEN);
            }
            depth++;
        } else if (*p == '}') {
            depth -= depth != 0;
        } else if (*p == ';' && depth == 0) {
            return ended(raw, p, WR_STOP_END);
        }
    }
    return no_end(raw, NULL);
}

/* ---- all of them ---- */

static wr_stop_t
fail(wr_conf_t *cf, wr_lexer_t *lx, const raw_t *raw)
{
    wr_tok_t at;
    wr_str_t hint = WR_STR_NONE;

    if (raw->open != NULL) {
        wr_lex_advance(lx, raw->open);
        hint = wr_pool_printf(cf->temp, "the %s at line %u, column %u has no end",
                              *raw->open == '{' ? "\"{\"" : "quote", lx->line,
                              wr_lex_here(lx).column);
    }
    wr_lex_advance(lx, lx->end);
    at = wr_lex_here(lx);
    if (lx->source->is_param) {
        wr_conf_fail_hint(cf, &at, hint, "unexpected end of parameter, expecting \";\"");
    } else {
        wr_conf_fail_hint(cf, &at, hint, "unexpected end of file, expecting \";\"%s",
                          raw->block ? " or \"{\"" : "");
    }
    return WR_STOP_ERROR;
}

wr_stop_t
wr_lex_raw(wr_conf_t *cf, wr_lexer_t *lx, unsigned flags, wr_tok_t *tok)
{
    raw_t       raw = {.end = lx->end, .block = (flags & WR_DF_BLOCK) != 0};
    wr_stop_t   stop;
    const char *name_end = lx->p;
    const char *to;
    char       *at;

    wr_lex_skip_space(lx);
    raw.p = lx->p;
    if ((flags & WR_DF_SQL) != 0) {
        stop = scan_sql(&raw);
    } else if ((flags & WR_DF_TEMPLATE) != 0) {
        stop = scan_template(&raw);
    } else {
        stop = scan_expression(&raw);
    }
    if (stop == WR_STOP_ERROR) {
        return fail(cf, lx, &raw);
    }

    for (to = raw.stop; to > raw.p && is_space(to[-1]); to--) {
    }
    *tok = wr_lex_here(lx);
    /* Right behind the name stands its NUL. */
    at = raw.p != name_end ? lx->work + (raw.p - lx->source->text.p)
                           : wr_alloc_bytes(cf->pool, (size_t) (to - raw.p) + 1);
    memcpy(at, raw.p, (size_t) (to - raw.p));
    at[to - raw.p] = '\0';
    tok->text = wr_str(at, (size_t) (to - raw.p));
    wr_lex_advance(lx, raw.stop + 1);
    return stop;
}

wr_tok_t
wr_conf_unquote(wr_conf_t *cf, const wr_tok_t *raw)
{
    const char *p = raw->text.p;
    const char *end = p + raw->text.n;
    wr_tok_t    tok = *raw;
    char       *out;

    if (raw->text.n < 2 || (*p != '"' && *p != '\'') || skip_whole(p, end) != end) {
        return tok;
    }
    out = wr_alloc_bytes(cf->pool, raw->text.n);
    tok.text = wr_str(out, wr_conf_unescape(out, p + 1, end - 1));
    out[tok.text.n] = '\0';
    tok.quoted = true;
    return tok;
}
