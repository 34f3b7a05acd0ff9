/*
 * The lexer of templates: cuts text from tags (lexer_find.c says where they begin), tags
 * into tokens (lexer_tag.c). The parser sees only what whitespace control leaves.
 * Line numbers and error texts are Jinja2's.
 */
#include <weir/expr/lexer_priv.h>

const wr_lex_conf_t wr_lex_default = {
    .block_start = WR_STR_INIT("{%"),
    .block_end = WR_STR_INIT("%}"),
    .var_start = WR_STR_INIT("{{"),
    .var_end = WR_STR_INIT("}}"),
    .comment_start = WR_STR_INIT("{#"),
    .comment_end = WR_STR_INIT("#}"),
    .newline = WR_STR_INIT("\n"),
};

const char *
wr_tok_name(wr_lex_tok_t type)
{
    static const char *const names[] = {
        "end of template", "error", "template data / text",
        "begin of print statement", "end of print statement",
        "begin of statement block", "end of statement block", "name", "string",
        "integer", "float", "+", "-", "*", "/", "//", "%", "**", "~", "[", "]", "(",
        ")", "{", "}", "==", "!=", ">", ">=", "<", "<=", "=", ".", ":", "|", ",",
        ";",
    };

    return names[type];
}

wr_token_t *
wr_lex_add(wr_lexing_t *st, wr_lex_tok_t type, size_t pos, uint32_t line)
{
    wr_lex_t   *l = st->lex;
    wr_token_t *t, *more;

    if (l->n == l->cap) {
        l->cap = l->cap == 0 ? 64 : l->cap * 2;
        more = WR_NEW_N(l->pool, wr_token_t, l->cap);
        if (l->n != 0) {
            memcpy(more, l->tokens, l->n * sizeof(*more));
        }
        l->tokens = more;
    }
    t = &l->tokens[l->n++];
    *t = (wr_token_t){
        .type = (uint8_t) type, .line = line, .pos = (uint32_t) pos};
    return t;
}

void
wr_lex_fail(wr_lexing_t *st, size_t pos, uint32_t line, wr_str_t message)
{
    if (!st->failed) {
        st->failed = true;
        st->lex->error = message;
        wr_lex_add(st, WR_T_ERROR, pos, line);
    }
}

uint32_t
wr_lex_newlines(const char *p, size_t n)
{
    uint32_t    k = 0;
    const char *end = p + n;

    while (p < end && (p = memchr(p, '\n', (size_t) (end - p))) != NULL) {
        k++;
        p++;
    }
    return k;
}

wr_str_t
wr_lex_normalise(wr_lexing_t *st, const char *p, size_t n)
{
    wr_buf_t    b;
    wr_str_t    nl = st->conf->newline;
    const char *end = p + n, *q;

    if (wr_str_eqz(nl, "\n") || memchr(p, '\n', n) == NULL) {
        return wr_str(p, n);
    }
    b = wr_buf(st->lex->pool);
    while ((q = memchr(p, '\n', (size_t) (end - p))) != NULL) {
        wr_buf_add(&b, p, (size_t) (q - p));
        wr_buf_str(&b, nl);
        p = q + 1;
    }
    wr_buf_add(&b, p, (size_t) (end - p));
    return wr_buf_text(&b);
}

static void
data(wr_lexing_t *st, size_t from, size_t to)
{
    wr_token_t *t;

    if (to > from) {
        t = wr_lex_add(st, WR_T_DATA, from, st->line);
        t->text = wr_lex_normalise(st, st->src.p + from, to - from);
    }
}

/* ---- comments, raw ---- */

static void
lex_comment(wr_lexing_t *st)
{
    wr_str_t    end = st->conf->comment_end;
    size_t      from = st->pos, p = from, to = from;
    const char *s = st->src.p;

    for (p = from; p < st->src.n; p++) {
        if ((s[p] == '+' || s[p] == '-') && wr_lex_at(st, p + 1, end)) {
            to = p + 1 + end.n;
            if (s[p] == '-') {
                to = wr_lex_skip(st, to);
            }
            break;
        }
        if (wr_lex_at(st, p, end)) {
            to = p + end.n;
            if (st->conf->trim_blocks && to < st->src.n && s[to] == '\n') {
                to++;
            }
            break;
        }
    }
    if (p >= st->src.n) {
        if (from < st->src.n) {
            wr_lex_fail(st, from, st->line, WR_STR("Missing end of comment tag"));
        }
        st->pos = st->src.n;
        return;
    }
    st->line += wr_lex_newlines(s + from, to - from);
    st->pos = to;
}

static void
lex_raw(wr_lexing_t *st)
{
    wr_lex_found_t f = {.what = WR_LEX_RAW};
    size_t         p, end = 0, to;

    st->line_starting = st->src.p[st->pos - 1] == '\n';
    for (p = st->pos; p < st->src.n; p++) {
        end = wr_lex_match_raw(st, p, "endraw", true, &f.sign);
        if (end != 0) {
            break;
        }
    }
    if (end == 0) {
        if (st->pos < st->src.n) {
            wr_lex_fail(st, st->pos, st->line, WR_STR("Missing end of raw directive"));
        }
        st->pos = st->src.n;
        return;
    }
    f.at = p;
    to = wr_lex_strip(st, &f);
    data(st, st->pos, to);
    st->line += wr_lex_newlines(st->src.p + st->pos, end - st->pos);
    st->pos = end;
}

/* ---- all of it ---- */

static void
lex_root(wr_lexing_t *st)
{
    wr_lex_found_t f;
    size_t         to;
    const char    *nl;

    while (!st->failed && st->pos < st->src.n) {
        if (!wr_lex_find(st, &f)) {
            data(st, st->pos, st->src.n);
            st->line += wr_lex_newlines(st->src.p + st->pos, st->src.n - st->pos);
            st->pos = st->src.n;
            return;
        }
        to = wr_lex_strip(st, &f);
        data(st, st->pos, to);
        st->line += wr_lex_newlines(st->src.p + st->pos, f.at - st->pos);
        if (f.what == WR_LEX_VAR) {
            wr_lex_add(st, WR_T_VAR_BEGIN, f.at, st->line);
        } else if (f.what == WR_LEX_BLOCK || f.what == WR_LEX_LINE) {
            wr_lex_add(st, WR_T_BLOCK_BEGIN, f.at, st->line);
        }
        st->line += wr_lex_newlines(st->src.p + f.at, f.end - f.at);
        st->pos = f.end;
        switch (f.what) {
        case WR_LEX_RAW: lex_raw(st); break;
        case WR_LEX_COMMENT: lex_comment(st); break;
        case WR_LEX_LINECOMMENT:
            nl = memchr(st->src.p + st->pos, '\n', st->src.n - st->pos);
            st->pos = nl != NULL ? (size_t) (nl - st->src.p) : st->src.n;
            break;
        default: wr_lex_tag(st, f.what); break;
        }
        st->line_starting = st->pos > 0 && st->src.p[st->pos - 1] == '\n';
    }
}

/* All kinds of line ends become "\n"; the last one goes unless it is kept. */
static wr_str_t
unify_newlines(wr_pool_t *pool, wr_str_t s, bool keep)
{
    char  *to;
    size_t i, n = 0;

    if (s.n != 0 && memchr(s.p, '\r', s.n) != NULL) {
        to = wr_alloc_bytes(pool, s.n);
        for (i = 0; i < s.n; i++) {
            if (s.p[i] == '\r') {
                to[n++] = '\n';
                if (i + 1 < s.n && s.p[i + 1] == '\n') {
                    i++;
                }
            } else {
                to[n++] = s.p[i];
            }
        }
        s = wr_str(to, n);
    }
    if (!keep && s.n != 0 && s.p[s.n - 1] == '\n') {
        s.n--;
    }
    return s;
}

void
wr_lex(wr_lex_t *lex, wr_pool_t *pool, const wr_lex_conf_t *conf,
       wr_str_t source, bool expression)
{
    wr_lexing_t st = {.lex = lex, .conf = conf, .line = 1, .line_starting = true};
    uint32_t    line;

    *lex = (wr_lex_t){.pool = pool, .error_kind = "TemplateSyntaxError"};
    if (source.p == NULL) {
        source.p = "";
    }
    lex->src = st.src =
        unify_newlines(pool, source, conf->keep_trailing_newline);
    if (!conf->vars_only) {
        wr_lex_add_rule(&st, WR_LEX_BLOCK, conf->block_start);
        wr_lex_add_rule(&st, WR_LEX_COMMENT, conf->comment_start);
        wr_lex_add_rule(&st, WR_LEX_LINECOMMENT, conf->line_comment);
        wr_lex_add_rule(&st, WR_LEX_LINE, conf->line_statement);
    }
    wr_lex_add_rule(&st, WR_LEX_VAR, conf->var_start);
    if (expression) {
        wr_lex_tag(&st, WR_LEX_VAR);
        if (!st.failed && st.pos < st.src.n) {
            lex_root(&st);
        }
    } else {
        lex_root(&st);
    }
    if (!st.failed) {
        line = lex->n != 0 ? lex->tokens[lex->n - 1].line : 1;
        wr_lex_add(&st, WR_T_EOF, st.src.n, line);
    }
}
