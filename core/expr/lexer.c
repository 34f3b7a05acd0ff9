/*
 * The lexer of templates: cuts text from tags, tags into tokens.
 *
 * The one idea: the scan for the next tag tries, at each place where one could
 * start, the delimiters from the longest to the shortest, so any set of
 * delimiters works without a table of states. Whitespace control happens here;
 * the parser sees only what is left. Line numbers and error texts are Jinja2's.
 */
#include <weir/expr/lexer.h>
#include <weir/expr/lexchars.h>

const wr_lex_conf_t wr_lex_default = {
    .block_start = WR_STR_INIT("{%"),
    .block_end = WR_STR_INIT("%}"),
    .var_start = WR_STR_INIT("{{"),
    .var_end = WR_STR_INIT("}}"),
    .comment_start = WR_STR_INIT("{#"),
    .comment_end = WR_STR_INIT("#}"),
    .newline = WR_STR_INIT("\n"),
};

enum {
    R_RAW,
    R_BLOCK,
    R_COMMENT,
    R_VAR,
    R_LINE,
    R_LINECOMMENT
};

typedef struct {
    uint8_t  what;
    wr_str_t s;
} rule_t;

typedef struct {
    wr_lex_t            *lex;
    const wr_lex_conf_t *conf;
    wr_str_t             src;
    size_t               pos;
    uint32_t             line;
    bool                 line_starting;
    bool                 failed;
    rule_t               rules[5];
    unsigned             nrules;
    bool                 first[256]; /* a delimiter may start so */
    char                *closers;    /* brackets still open */
    uint32_t             nclosers, capclosers;
} state_t;

/* A place in the text where a tag begins. */
typedef struct {
    int    what;
    size_t at;   /* where the match begins */
    size_t end;  /* behind the delimiter and its sign */
    char   sign; /* '-', '+' or 0 */
} found_t;

const char *
wr_tok_name(wr_lex_tok_t type)
{
    static const char *const names[] = {"end of template",
                                        "error",
                                        "template data / text",
                                        "begin of print statement",
                                        "end of print statement",
                                        "begin of statement block",
                                        "end of statement block",
                                        "name",
                                        "string",
                                        "integer",
                                        "float",
                                        "+",
                                        "-",
                                        "*",
                                        "/",
                                        "//",
                                        "%",
                                        "**",
                                        "~",
                                        "[",
                                        "]",
                                        "(",
                                        ")",
                                        "{",
                                        "}",
                                        "==",
                                        "!=",
                                        ">",
                                        ">=",
                                        "<",
                                        "<=",
                                        "=",
                                        ".",
                                        ":",
                                        "|",
                                        ",",
                                        ";"};

    return names[type];
}

static wr_token_t *
add(state_t *st, wr_lex_tok_t type, size_t pos, uint32_t line)
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

static void
fail(state_t *st, size_t pos, uint32_t line, wr_str_t message)
{
    if (!st->failed) {
        st->failed = true;
        st->lex->error = message;
        add(st, WR_T_ERROR, pos, line);
    }
}

static uint32_t
newlines(const char *p, size_t n)
{
    uint32_t    k = 0;
    const char *end = p + n;

    while (p < end && (p = memchr(p, '\n', (size_t) (end - p))) != NULL) {
        k++;
        p++;
    }
    return k;
}

static bool
at(const state_t *st, size_t pos, wr_str_t s)
{
    return s.n <= st->src.n - pos && memcmp(st->src.p + pos, s.p, s.n) == 0;
}

static size_t
skip_space(const state_t *st, size_t pos)
{
    size_t n;

    while ((n = wr_lex_space(st->src, pos)) != 0) {
        pos += n;
    }
    return pos;
}

/* The newline style of the environment, in text and in literals. */
static wr_str_t
normalise(state_t *st, const char *p, size_t n)
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
data(state_t *st, size_t from, size_t to)
{
    wr_token_t *t;

    if (to > from) {
        t = add(st, WR_T_DATA, from, st->line);
        t->text = normalise(st, st->src.p + from, to - from);
    }
}

/* ---- where tags begin ---- */

/* {%- raw -%}: returns where it ends, or 0. */
static size_t
match_raw(const state_t *st, size_t pos, const char *word, bool end, char *sign)
{
    const wr_lex_conf_t *c = st->conf;
    wr_str_t             w = wr_str_z(word);

    if (c->vars_only || !at(st, pos, c->block_start)) {
        return 0;
    }
    pos += c->block_start.n;
    *sign = 0;
    if (pos < st->src.n && (st->src.p[pos] == '-' || st->src.p[pos] == '+')) {
        *sign = st->src.p[pos++];
    }
    pos = skip_space(st, pos);
    if (!at(st, pos, w)) {
        return 0;
    }
    pos = skip_space(st, pos + w.n);
    if (pos < st->src.n && st->src.p[pos] == '-'
        && at(st, pos + 1, c->block_end)) {
        return skip_space(st, pos + 1 + c->block_end.n);
    }
    if (end && pos < st->src.n && st->src.p[pos] == '+'
        && at(st, pos + 1, c->block_end))
    {
        return pos + 1 + c->block_end.n;
    }
    if (!at(st, pos, c->block_end)) {
        return 0;
    }
    pos += c->block_end.n;
    if (end && c->trim_blocks && pos < st->src.n && st->src.p[pos] == '\n') {
        pos++;
    }
    return pos;
}

/* Where a delimiter of the kind ends if it stands at `pos`, or 0. */
static size_t
match_rule(const state_t *st, const rule_t *r, size_t pos)
{
    const char *p = st->src.p;
    size_t      q = pos, n;
    bool        bol = pos == 0 || p[pos - 1] == '\n';

    switch (r->what) {
    case R_LINE:
        if (!bol) {
            return 0;
        }
        while (q < st->src.n && (p[q] == ' ' || p[q] == '\t' || p[q] == '\v')) {
            q++;
        }
        break;
    case R_LINECOMMENT:
        if (!bol && wr_lex_space_before(st->src, pos)) {
            return 0;
        }
        while (q < st->src.n && p[q] != '\n' && p[q] != '\r'
               && (n = wr_lex_space(st->src, q)) != 0)
        {
            q += n;
        }
        break;
    default: break;
    }
    return at(st, q, r->s) ? q + r->s.n : 0;
}

static bool
match_at(const state_t *st, size_t pos, found_t *f)
{
    size_t   end;
    unsigned i;

    end = match_raw(st, pos, "raw", false, &f->sign);
    if (end != 0) {
        f->what = R_RAW;
        f->at = pos;
        f->end = end;
        return true;
    }
    for (i = 0; i < st->nrules; i++) {
        end = match_rule(st, &st->rules[i], pos);
        if (end != 0) {
            f->what = st->rules[i].what;
            f->at = pos;
            f->sign = 0;
            if (end < st->src.n
                && (st->src.p[end] == '-' || st->src.p[end] == '+')) {
                f->sign = st->src.p[end++];
            }
            f->end = end;
            return true;
        }
    }
    return false;
}

static bool
find_tag(const state_t *st, found_t *f)
{
    bool lines =
        st->conf->line_statement.p != NULL || st->conf->line_comment.p != NULL;
    size_t pos;

    for (pos = st->pos; pos <= st->src.n; pos++) {
        if (!lines) {
            while (pos < st->src.n && !st->first[(uint8_t) st->src.p[pos]]) {
                pos++;
            }
            if (pos == st->src.n) {
                return false;
            }
        }
        if (match_at(st, pos, f)) {
            return true;
        }
    }
    return false;
}

/* What whitespace control leaves of the text before a tag. */
static size_t
strip_text(const state_t *st, const found_t *f)
{
    size_t from = st->pos, to = f->at, bol, p, n;

    if (f->sign == '-') {
        while (to > from && (n = wr_lex_space_len_before(st->src, to)) != 0
               && to - n >= from)
        {
            to -= n;
        }
    } else if (f->sign != '+' && st->conf->lstrip_blocks && f->what != R_VAR) {
        bol = to;
        while (bol > from && st->src.p[bol - 1] != '\n') {
            bol--;
        }
        if (bol > from || st->line_starting) {
            for (p = bol; p < to; p += n) {
                n = wr_lex_space(st->src, p);
                if (n == 0) {
                    return to;
                }
            }
            to = bol;
        }
    }
    return to;
}

/* ---- comments, raw ---- */

static void
lex_comment(state_t *st)
{
    wr_str_t    end = st->conf->comment_end;
    size_t      from = st->pos, p = from, to = from;
    const char *s = st->src.p;

    for (p = from; p < st->src.n; p++) {
        if ((s[p] == '+' || s[p] == '-') && at(st, p + 1, end)) {
            to = p + 1 + end.n;
            if (s[p] == '-') {
                to = skip_space(st, to);
            }
            break;
        }
        if (at(st, p, end)) {
            to = p + end.n;
            if (st->conf->trim_blocks && to < st->src.n && s[to] == '\n') {
                to++;
            }
            break;
        }
    }
    if (p >= st->src.n) {
        if (from < st->src.n) {
            fail(st, from, st->line, WR_STR("Missing end of comment tag"));
        }
        st->pos = st->src.n;
        return;
    }
    st->line += newlines(s + from, to - from);
    st->pos = to;
}

static void
lex_raw(state_t *st)
{
    found_t f = {.what = R_RAW};
    size_t  p, end = 0, to;

    for (p = st->pos; p < st->src.n; p++) {
        end = match_raw(st, p, "endraw", true, &f.sign);
        if (end != 0) {
            break;
        }
    }
    if (end == 0) {
        if (st->pos < st->src.n) {
            fail(st, st->pos, st->line, WR_STR("Missing end of raw directive"));
        }
        st->pos = st->src.n;
        return;
    }
    f.at = p;
    to = strip_text(st, &f);
    data(st, st->pos, to);
    st->line += newlines(st->src.p + st->pos, end - st->pos);
    st->pos = end;
}

/* ---- inside of tags ---- */

/* Where the tag ends if it does at this place, or 0. For line statements see
 * line_end. */
static size_t
tag_end(const state_t *st, int what)
{
    wr_str_t    end = what == R_VAR ? st->conf->var_end : st->conf->block_end;
    size_t      pos = st->pos;
    const char *s = st->src.p;

    if (what == R_BLOCK && s[pos] == '+' && at(st, pos + 1, end)) {
        return pos + 1 + end.n;
    }
    if (s[pos] == '-' && at(st, pos + 1, end)) {
        return skip_space(st, pos + 1 + end.n);
    }
    if (!at(st, pos, end)) {
        return 0;
    }
    pos += end.n;
    if (what == R_BLOCK && st->conf->trim_blocks && pos < st->src.n
        && s[pos] == '\n')
    {
        pos++;
    }
    return pos;
}

/* A line statement ends with its line, blank lines behind it included. */
static bool
line_end(const state_t *st, size_t *end)
{
    size_t p = skip_space(st, st->pos);

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
open_bracket(state_t *st, char close)
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
balance(state_t *st, char c)
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
        fail(st, st->pos, st->line,
             wr_pool_printf(st->lex->pool, "unexpected '%c'", c));
        return false;
    }
    want = st->closers[--st->nclosers];
    if (want != c) {
        fail(st, st->pos, st->line,
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
        char     text[3];
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
bad_char(state_t *st)
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
    fail(st, st->pos, st->line, wr_buf_text(&b));
}

static void
lex_number(state_t *st, size_t n, bool is_float)
{
    wr_token_t *t;
    wr_str_t    text = wr_str(st->src.p + st->pos, n);

    t = add(st, is_float ? WR_T_FLOAT : WR_T_INTEGER, st->pos, st->line);
    t->text = text;
    if (is_float) {
        t->u.f = wr_lex_float(text);
    } else if (!wr_lex_integer(text, &t->u.i)) {
        st->lex->n--;
        st->lex->error_kind = "OverflowError";
        fail(st, st->pos, st->line,
             WR_STR("integer literal is beyond 64 bits"));
    }
    st->pos += n;
}

static void
lex_string(state_t *st, size_t n)
{
    wr_token_t *t;
    wr_str_t    inner = normalise(st, st->src.p + st->pos + 1, n - 2);
    const char *error = NULL;
    wr_str_t    value = wr_lex_unescape(st->lex->pool, inner, &error);

    if (error != NULL) {
        fail(st, st->pos, st->line, wr_str_z(error));
        return;
    }
    t = add(st, WR_T_STRING, st->pos, st->line);
    t->text = value;
    st->line += newlines(st->src.p + st->pos, n);
    st->pos += n;
}

/* One token of an expression. */
static void
lex_one(state_t *st)
{
    const char *s = st->src.p + st->pos;
    size_t      left = st->src.n - st->pos, n;
    wr_token_t *t;
    wr_lex_tok_t    type;
    bool        valid;

    n = skip_space(st, st->pos) - st->pos;
    if (n != 0) {
        st->line += newlines(s, n);
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
            fail(st, st->pos, st->line,
                 WR_STR("Invalid character in identifier"));
            return;
        }
        t = add(st, WR_T_NAME, st->pos, st->line);
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
    add(st, type, st->pos, st->line);
    st->pos += n;
}

/* The inside of a tag, to its end. */
static void
lex_tag(state_t *st, int what)
{
    size_t   end;
    wr_lex_tok_t close = what == R_VAR ? WR_T_VAR_END : WR_T_BLOCK_END;

    while (!st->failed) {
        end = 0;
        if (st->nclosers == 0) {
            if (what == R_LINE) {
                if (line_end(st, &end)) {
                    add(st, close, st->pos, st->line);
                    st->line += newlines(st->src.p + st->pos, end - st->pos);
                    st->pos = end;
                    return;
                }
            } else if (st->pos < st->src.n) {
                end = tag_end(st, what);
            }
        }
        if (end != 0) {
            add(st, close, st->pos, st->line);
            st->line += newlines(st->src.p + st->pos, end - st->pos);
            st->pos = end;
            return;
        }
        if (st->pos >= st->src.n) {
            return;
        }
        lex_one(st);
    }
}

static void
lex_root(state_t *st)
{
    found_t     f;
    size_t      to;
    const char *nl;

    while (!st->failed && st->pos < st->src.n) {
        if (!find_tag(st, &f)) {
            data(st, st->pos, st->src.n);
            st->line += newlines(st->src.p + st->pos, st->src.n - st->pos);
            st->pos = st->src.n;
            return;
        }
        to = strip_text(st, &f);
        data(st, st->pos, to);
        st->line += newlines(st->src.p + st->pos, f.at - st->pos);
        if (f.what == R_VAR) {
            add(st, WR_T_VAR_BEGIN, f.at, st->line);
        } else if (f.what == R_BLOCK || f.what == R_LINE) {
            add(st, WR_T_BLOCK_BEGIN, f.at, st->line);
        }
        st->line += newlines(st->src.p + f.at, f.end - f.at);
        st->pos = f.end;
        switch (f.what) {
        case R_RAW: lex_raw(st); break;
        case R_COMMENT: lex_comment(st); break;
        case R_LINECOMMENT:
            nl = memchr(st->src.p + st->pos, '\n', st->src.n - st->pos);
            st->pos = nl != NULL ? (size_t) (nl - st->src.p) : st->src.n;
            break;
        default: lex_tag(st, f.what); break;
        }
        st->line_starting = st->pos > 0 && st->src.p[st->pos - 1] == '\n';
    }
}

/* ---- set up ---- */

static void
add_rule(state_t *st, uint8_t what, wr_str_t s)
{
    unsigned i;
    rule_t   r = {what, s};

    if (s.p == NULL) {
        return;
    }
    /* Longest first; of equals the later kind. */
    for (i = st->nrules; i > 0 && st->rules[i - 1].s.n <= s.n; i--) {
        st->rules[i] = st->rules[i - 1];
    }
    st->rules[i] = r;
    st->nrules++;
    if (s.n != 0) {
        st->first[(uint8_t) s.p[0]] = true;
    } else {
        memset(st->first, 1, sizeof(st->first));
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
    state_t  st = {.lex = lex, .conf = conf, .line = 1, .line_starting = true};
    uint32_t line;

    *lex = (wr_lex_t){.pool = pool, .error_kind = "TemplateSyntaxError"};
    if (source.p == NULL) {
        source.p = "";
    }
    lex->src = st.src =
        unify_newlines(pool, source, conf->keep_trailing_newline);
    if (!conf->vars_only) {
        add_rule(&st, R_BLOCK, conf->block_start);
        add_rule(&st, R_COMMENT, conf->comment_start);
        add_rule(&st, R_LINECOMMENT, conf->line_comment);
        add_rule(&st, R_LINE, conf->line_statement);
    }
    add_rule(&st, R_VAR, conf->var_start);
    if (expression) {
        lex_tag(&st, R_VAR);
        if (!st.failed && st.pos < st.src.n) {
            lex_root(&st);
        }
    } else {
        lex_root(&st);
    }
    if (!st.failed) {
        line = lex->n != 0 ? lex->tokens[lex->n - 1].line : 1;
        add(&st, WR_T_EOF, st.src.n, line);
    }
}
