/*
 * The inside of tags: tokens of expressions, and where a tag ends.
 */
#include <weir/expr/lexer_priv.h>

/* Where the tag ends if it does at this place, or 0. For line statements see
 * line_end. */
static size_t
tag_end(const wr_lexing_t *st, int what)
{
    wr_str_t    end = what == WR_LEX_VAR ? st->conf->var_end : st->conf->block_end;
    size_t      pos = st->pos;
    const char *s = st->src.p;

    if (what == WR_LEX_BLOCK && s[pos] == '+' && wr_lex_at(st, pos + 1, end)) {
        return pos + 1 + end.n;
    }
    if (s[pos] == '-' && wr_lex_at(st, pos + 1, end)) {
        return wr_lex_skip(st, pos + 1 + end.n);
    }
    if (!wr_lex_at(st, pos, end)) {
        return 0;
    }
    pos += end.n;
    if (what == WR_LEX_BLOCK && st->conf->trim_blocks && pos < st->src.n
        && s[pos] == '\n')
    {
        pos++;
    }
    return pos;
}

/* A line statement ends with its line, blank lines behind it included. */
static bool
line_end(const wr_lexing_t *st, size_t *end)
{
    size_t p = wr_lex_skip(st, st->pos);

    if (p == st->src.n) {
        *end = p;
        return true;
    }
    while (p > st->pos) {
        if (st->src.p[p - 1] == '\n') {
            *end = p;
            return true;
        }
        p--;
    }
    return false;
}

static void
open_bracket(wr_lexing_t *st, char close)
{
    char *more;

    if (st->nclosers == st->capclosers) {
        st->capclosers = st->capclosers == 0 ? 64 : st->capclosers * 2;
        more = wr_alloc_bytes(st->lex->pool, st->capclosers);
        if (st->nclosers != 0) {
            memcpy(more, st->closers, st->nclosers);
        }
        st->closers = more;
    }
    st->closers[st->nclosers++] = close;
}

static bool
balance(wr_lexing_t *st, char c)
{
    char want;

    switch (c) {
    case '(': open_bracket(st, ')'); return true;
    case '[': open_bracket(st, ']'); return true;
    case '{': open_bracket(st, '}'); return true;
    case ')':
    case ']':
    case '}': break;
    default: return true;
    }
    if (st->nclosers == 0) {
        wr_lex_fail(st, st->pos, st->line,
                    wr_pool_printf(st->lex->pool, "unexpected '%c'", c));
        return false;
    }
    want = st->closers[--st->nclosers];
    if (want != c) {
        wr_lex_fail(st, st->pos, st->line,
                    wr_pool_printf(st->lex->pool, "unexpected '%c', expected '%c'", c,
                                   want));
        return false;
    }
    return true;
}

static wr_lex_tok_t
operator_at(const char *s, size_t n, size_t *len)
{
    static const struct {
        char         text[3];
        wr_lex_tok_t type;
    } ops[] = {{"//", WR_T_FLOORDIV}, {"**", WR_T_POW},     {"==", WR_T_EQ},
               {"!=", WR_T_NE},       {">=", WR_T_GTEQ},    {"<=", WR_T_LTEQ},
               {"+", WR_T_ADD},       {"-", WR_T_SUB},      {"/", WR_T_DIV},
               {"*", WR_T_MUL},       {"%", WR_T_MOD},      {"~", WR_T_TILDE},
               {"[", WR_T_LBRACKET},  {"]", WR_T_RBRACKET}, {"(", WR_T_LPAREN},
               {")", WR_T_RPAREN},    {"{", WR_T_LBRACE},   {"}", WR_T_RBRACE},
               {">", WR_T_GT},        {"<", WR_T_LT},       {"=", WR_T_ASSIGN},
               {".", WR_T_DOT},       {":", WR_T_COLON},    {"|", WR_T_PIPE},
               {",", WR_T_COMMA},     {";", WR_T_SEMICOLON}};
    size_t i, k;

    for (i = 0; i < WR_COUNT(ops); i++) {
        k = strlen(ops[i].text);
        if (k <= n && memcmp(s, ops[i].text, k) == 0) {
            *len = k;
            return ops[i].type;
        }
    }
    return WR_T_EOF;
}

static void
bad_char(wr_lexing_t *st)
{
    wr_buf_t  b = wr_buf(st->lex->pool);
    wr_eval_t ev = {.pool = st->lex->pool};
    wr_val_t  v;
    size_t    n = 1, i, points = 0;

    while (st->pos + n < st->src.n
           && ((uint8_t) st->src.p[st->pos + n] & 0xc0) == 0x80)
    {
        n++;
    }
    for (i = 0; i < st->pos; i++) {
        points += ((uint8_t) st->src.p[i] & 0xc0) != 0x80;
    }
    v = wr_vstr(wr_str(st->src.p + st->pos, n));
    wr_buf_lit(&b, "unexpected char ");
    wr_put_repr(&ev, &b, &v);
    wr_buf_printf(&b, " at %zu", points);
    wr_lex_fail(st, st->pos, st->line, wr_buf_text(&b));
}

static void
lex_number(wr_lexing_t *st, size_t n, bool is_float)
{
    wr_token_t *t;
    wr_str_t    text = wr_str(st->src.p + st->pos, n);

    t = wr_lex_add(st, is_float ? WR_T_FLOAT : WR_T_INTEGER, st->pos, st->line);
    t->text = text;
    if (is_float) {
        t->u.f = wr_lex_float(text);
    } else if (!wr_lex_integer(text, &t->u.i)) {
        st->lex->n--;
        st->lex->error_kind = "OverflowError";
        wr_lex_fail(st, st->pos, st->line,
                    WR_STR("integer literal is beyond 64 bits"));
    }
    st->pos += n;
}

static void
lex_string(wr_lexing_t *st, size_t n)
{
    wr_token_t *t;
    wr_str_t    inner = wr_lex_normalise(st, st->src.p + st->pos + 1, n - 2);
    const char *error = NULL;
    wr_str_t    value = wr_lex_unescape(st->lex->pool, inner, &error);

    if (error != NULL) {
        wr_lex_fail(st, st->pos, st->line, wr_str_z(error));
        return;
    }
    t = wr_lex_add(st, WR_T_STRING, st->pos, st->line);
    t->text = value;
    st->line += wr_lex_newlines(st->src.p + st->pos, n);
    st->pos += n;
}

/* One token of an expression. */
static void
lex_one(wr_lexing_t *st)
{
    const char  *s = st->src.p + st->pos;
    size_t       left = st->src.n - st->pos, n;
    wr_token_t  *t;
    wr_lex_tok_t type;
    bool         valid;

    n = wr_lex_skip(st, st->pos) - st->pos;
    if (n != 0) {
        st->line += wr_lex_newlines(s, n);
        st->pos += n;
        return;
    }
    if (wr_is_digit(*s)) {
        n = st->pos > 0 && s[-1] == '.' ? 0 : wr_lex_float_len(s, left);
        if (n != 0) {
            lex_number(st, n, true);
            return;
        }
        n = wr_lex_int_len(s, left);
        if (n != 0) {
            lex_number(st, n, false);
            return;
        }
    }
    n = wr_lex_name_len(s, left, &valid);
    if (n != 0) {
        if (!valid) {
            wr_lex_fail(st, st->pos, st->line,
                        WR_STR("Invalid character in identifier"));
            return;
        }
        t = wr_lex_add(st, WR_T_NAME, st->pos, st->line);
        t->text = wr_str(s, n);
        st->pos += n;
        return;
    }
    if ((*s == '\'' || *s == '"') && (n = wr_lex_string_len(s, left)) != 0) {
        lex_string(st, n);
        return;
    }
    type = operator_at(s, left, &n);
    if (type == WR_T_EOF) {
        bad_char(st);
        return;
    }
    if (!balance(st, *s)) {
        return;
    }
    wr_lex_add(st, type, st->pos, st->line);
    st->pos += n;
}

void
wr_lex_tag(wr_lexing_t *st, int what)
{
    size_t       end;
    wr_lex_tok_t close = what == WR_LEX_VAR ? WR_T_VAR_END : WR_T_BLOCK_END;

    while (!st->failed) {
        end = 0;
        if (st->nclosers == 0) {
            if (what == WR_LEX_LINE) {
                if (line_end(st, &end)) {
                    wr_lex_add(st, close, st->pos, st->line);
                    st->line += wr_lex_newlines(st->src.p + st->pos, end - st->pos);
                    st->pos = end;
                    return;
                }
            } else if (st->pos < st->src.n) {
                end = tag_end(st, what);
            }
        }
        if (end != 0) {
            wr_lex_add(st, close, st->pos, st->line);
            st->line += wr_lex_newlines(st->src.p + st->pos, end - st->pos);
            st->pos = end;
            return;
        }
        if (st->pos >= st->src.n) {
            return;
        }
        lex_one(st);
    }
}
