/*
 * From bytes to words, by nginx's grammar: words end at white space, `;` or `{`;
 * a backslash takes the next byte along; `${` does not open a block; quotes only
 * count at the start of a word; `#` only there begins a comment.
 */
#include <weir/conf/conf_priv.h>

static bool
is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

void
wr_lex_advance(wr_lexer_t *lx, const char *to)
{
    const char *p;

    while ((p = memchr(lx->p, '\n', (size_t) (to - lx->p))) != NULL) {
        lx->line++;
        lx->p = lx->line_start = p + 1;
        lx->indent = 0;
    }
    lx->p = to;
}

wr_tok_t
wr_lex_here(const wr_lexer_t *lx)
{
    return (wr_tok_t) {
        .text = WR_STR(""),
        .line = lx->line,
        .column = (uint32_t) (lx->p - lx->line_start) + lx->indent + 1,
        .file = lx->source->name,
    };
}

/* White space and comments. */
static void
skip_blank(wr_lexer_t *lx)
{
    while (lx->p < lx->end) {
        char c = *lx->p;

        if (c == '\n') {
            lx->p++;
            lx->line++;
            lx->line_start = lx->p;
            lx->indent = 0;
        } else if (is_space(c)) {
            lx->p++;
        } else if (c == '#') {
            const char *nl = memchr(lx->p, '\n', (size_t) (lx->end - lx->p));

            lx->p = nl != NULL ? nl : lx->end;
        } else {
            return;
        }
    }
}

void
wr_lex_skip_space(wr_lexer_t *lx)
{
    const char *p = lx->p;

    while (p < lx->end && is_space(*p)) {
        p++;
    }
    wr_lex_advance(lx, p);
}

size_t
wr_conf_unescape(char *out, const char *from, const char *to)
{
    char *start = out;

    while (from < to) {
        if (*from == '\\' && to - from > 1) {
            switch (from[1]) {
            case '"':
            case '\'':
            case '\\':
                from++;
                break;
            case 't':
                *out++ = '\t';
                from += 2;
                continue;
            case 'r':
                *out++ = '\r';
                from += 2;
                continue;
            case 'n':
                *out++ = '\n';
                from += 2;
                continue;
            }
        }
        *out++ = *from++;
    }
    return (size_t) (out - start);
}

/* Makes the word [from, to) out of the working copy. */
static void
take(wr_lexer_t *lx, const char *from, const char *to, wr_tok_t *tok)
{
    char  *at = lx->work + (from - lx->source->text.p);
    size_t n = wr_conf_unescape(at, from, to);

    at[n] = '\0';
    tok->text = wr_str(at, n);
}

/* Where the quoted word at `p` ends: at its closing quote, or NULL. */
static const char *
end_of_quoted(const char *p, const char *end)
{
    char quote = *p++;

    for (; p < end; p++) {
        if (*p == '\\') {
            p++;
        } else if (*p == quote) {
            return p;
        }
    }
    return NULL;
}

/* Behind the {…} at `p` that is part of a pattern: /posts/{id:[0-9]{2}}. NULL if
 * it has no end on its line. */
static const char *
end_of_braces(const char *p, const char *end)
{
    unsigned depth = 0;

    for (; p < end && *p != '\n'; p++) {
        if (*p == '\\' && end - p > 1) {
            p++;
        } else if (*p == '{') {
            depth++;
        } else if (*p == '}' && --depth == 0) {
            return p + 1;
        }
    }
    return NULL;
}

static const char *
end_of_bare(const char *p, const char *end, bool pattern)
{
    while (p < end) {
        if (*p == '\\') {
            p += end - p > 1 ? 2 : 1;
        } else if (*p == '$' && end - p > 1 && p[1] == '{') {
            p += 2;
        } else if (*p == '{' && pattern && end - p > 1
                   && (wr_is_alpha(p[1]) || p[1] == '_'))
        {
            p = end_of_braces(p, end);
            if (p == NULL) {
                return NULL;
            }
        } else if (is_space(*p) || *p == ';' || *p == '{') {
            break;
        } else {
            p++;
        }
    }
    return p;
}

static wr_rc_t
unexpected_end(wr_conf_t *cf, wr_lexer_t *lx, const wr_tok_t *quote)
{
    wr_tok_t at;
    wr_str_t hint = WR_STR_NONE;

    if (quote != NULL) {
        hint = wr_pool_printf(cf->temp, "the quote at line %u, column %u has no end",
                              quote->line, quote->column);
    }
    wr_lex_advance(lx, lx->end);
    at = wr_lex_here(lx);
    if (lx->source->is_param) {
        return wr_conf_fail_hint(cf, &at, hint,
                                 "unexpected end of parameter, expecting \";\"");
    }
    return wr_conf_fail_hint(cf, &at, hint,
                             "unexpected end of file, expecting \";\" or \"}\"");
}

static wr_rc_t
quoted_word(wr_conf_t *cf, wr_lexer_t *lx, wr_tok_t *tok)
{
    const char *from = lx->p + 1;
    const char *to = end_of_quoted(lx->p, lx->end);
    wr_tok_t    at;

    if (to == NULL) {
        return unexpected_end(cf, lx, tok);
    }
    tok->quoted = true;
    take(lx, from, to, tok);
    wr_lex_advance(lx, to + 1);

    /* `)` may follow for the sake of `if ($a = "b")`. */
    if (lx->p == lx->end) {
        return unexpected_end(cf, lx, NULL);
    }
    if (is_space(*lx->p) || *lx->p == ';' || *lx->p == '{' || *lx->p == ')') {
        return WR_OK;
    }
    at = wr_lex_here(lx);
    return wr_conf_fail(cf, &at, "unexpected \"%c\"", *lx->p);
}

wr_rc_t
wr_lex_word(wr_conf_t *cf, wr_lexer_t *lx, bool pattern, wr_tok_t *tok)
{
    const char *to;

    skip_blank(lx);
    if (lx->p == lx->end || *lx->p == ';' || *lx->p == '{' || *lx->p == '}') {
        return WR_DECLINED;
    }
    *tok = wr_lex_here(lx);
    if (*lx->p == '"' || *lx->p == '\'') {
        return quoted_word(cf, lx, tok);
    }
    to = end_of_bare(lx->p, lx->end, pattern);
    if (to == NULL) {
        return wr_conf_fail(cf, tok, "the \"{\" in a pattern has no \"}\"");
    }
    if (to == lx->end) {
        return unexpected_end(cf, lx, NULL);
    }
    take(lx, lx->p, to, tok);
    wr_lex_advance(lx, to);
    return WR_OK;
}

/* What stands where no word is: ends the statement. */
static wr_stop_t
stop_here(wr_conf_t *cf, wr_lexer_t *lx)
{
    bool     empty = wr_conf_priv(cf)->words.n == 0;
    wr_tok_t at = wr_lex_here(lx);

    if (lx->p == lx->end) {
        if (!empty) {
            (void) unexpected_end(cf, lx, NULL);
            return WR_STOP_ERROR;
        }
        return WR_STOP_EOF;
    }
    if (empty != (*lx->p == '}')) {
        wr_conf_fail(cf, &at, "unexpected \"%c\"", *lx->p);
        return WR_STOP_ERROR;
    }
    switch (*lx->p++) {
    case ';':
        return WR_STOP_END;
    case '{':
        return WR_STOP_OPEN;
    default:
        return WR_STOP_CLOSE;
    }
}

/* The words go to a piece of their own, which stays until the reading is done. */
static void
publish(wr_conf_t *cf)
{
    wr_array_t *words = &wr_conf_priv(cf)->words;

    cf->nargs = words->n;
    cf->args = wr_alloc(cf->temp, words->n * sizeof(wr_tok_t));
    if (words->n != 0) {
        memcpy(cf->args, words->items, words->n * sizeof(wr_tok_t));
    }
}

wr_stop_t
wr_lex_statement(wr_conf_t *cf)
{
    wr_conf_priv_t *priv = wr_conf_priv(cf);
    wr_lexer_t     *lx = priv->lexer;
    wr_stop_t       stop;
    bool            pattern = false;
    bool            known;

    priv->words.n = 0;
    priv->row = NULL;
    cf->raw = (wr_tok_t) {.text = WR_STR("")};
    cf->has_block = false;

    for (;;) {
        wr_tok_t tok;
        wr_rc_t  rc = wr_lex_word(cf, lx, pattern, &tok);

        if (rc == WR_OK && priv->words.n == 0) {
            lx->start = lx->line_start + (tok.column - 1 - lx->indent);
        }

        if (rc == WR_ERROR) {
            return WR_STOP_ERROR;
        }
        if (rc == WR_DECLINED) {
            stop = stop_here(cf, lx);
            break;
        }
        *WR_PUSH(&priv->words, wr_tok_t) = tok;
        if (priv->words.n != 1 || tok.quoted || cf->scope->line != NULL) {
            continue;
        }
        priv->row = wr_row_find(cf, tok.text, lx->p, lx->end, &known);
        if (priv->row == NULL) {
            continue;
        }
        pattern = (priv->row->d->flags & WR_DF_PATTERN) != 0;
        if ((priv->row->d->flags & WR_DF_RAW) != 0) {
            stop = wr_lex_raw(cf, lx, priv->row->d->flags, &cf->raw);
            break;
        }
    }
    if (stop == WR_STOP_ERROR) {
        return stop;
    }
    cf->has_block = stop == WR_STOP_OPEN;
    publish(cf);
    return stop;
}

wr_tok_t *
wr_conf_split(wr_conf_t *cf, const wr_tok_t *raw, unsigned max, unsigned *n,
              wr_tok_t *rest)
{
    wr_source_t source = {.name = raw->file, .text = raw->text};
    wr_lexer_t  lx = {
        .source = &source,
        .p = raw->text.p,
        .end = raw->text.p + raw->text.n,
        .line = raw->line,
        .line_start = raw->text.p,
        .indent = raw->column - 1,
        .work = wr_alloc_bytes(cf->pool, raw->text.n + 1),
    };
    wr_array_t  words = wr_array(cf->temp, sizeof(wr_tok_t));

    while (words.n < max) {
        const char *to = NULL;
        wr_tok_t   *tok;

        wr_lex_skip_space(&lx);
        if (lx.p == lx.end) {
            break;
        }
        tok = WR_PUSH(&words, wr_tok_t);
        *tok = wr_lex_here(&lx);
        if (*lx.p == '"' || *lx.p == '\'') {
            to = end_of_quoted(lx.p, lx.end);
        }
        if (to != NULL) {
            tok->quoted = true;
            take(&lx, lx.p + 1, to++, tok);
        } else {
            for (to = lx.p; to < lx.end && !is_space(*to); to++) {
            }
            take(&lx, lx.p, to, tok);
        }
        wr_lex_advance(&lx, to);
    }
    wr_lex_skip_space(&lx);
    if (rest != NULL) {
        *rest = wr_lex_here(&lx);
        rest->text = wr_str(lx.p, (size_t) (lx.end - lx.p));
    }
    *n = words.n;
    return words.items;
}
