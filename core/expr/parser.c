/*
 * The parser's ground: tokens, errors, and the loop over text and tags.
 */
#include <weir/expr/parser.h>

#include <stdarg.h>
#include <stdio.h>

void
wr_parse_fail(wr_parse_t *p, const char *kind, uint32_t line,
              const char *format, ...)
{
    char    text[600];
    va_list ap;
    int     n;
    size_t  bol = p->tok->pos;

    va_start(ap, format);
    n = vsnprintf(text, sizeof(text), format, ap);
    va_end(ap);
    if (n < 0) {
        n = 0;
    }
    if ((size_t) n >= sizeof(text)) {
        n = sizeof(text) - 1;
    }
    *p->err = (wr_err_t){.kind = kind, .line = line};
    p->err->message = wr_pool_str(p->pool, wr_str(text, (size_t) n));
    if (line == p->tok->line) {
        while (bol > 0 && bol <= p->lex.src.n && p->lex.src.p[bol - 1] != '\n')
        {
            bol--;
        }
        p->err->column = (uint32_t) (p->tok->pos - bol) + 1;
    }
    longjmp(p->jump, 1);
}

/* An error token is reported when it becomes the current one. */
static void
check(wr_parse_t *p)
{
    if (p->tok->type == WR_T_ERROR) {
        wr_parse_fail(p, p->lex.error_kind, p->tok->line, "%.*s",
                      WR_ARG(p->lex.error));
    }
}

wr_token_t *
wr_parse_next(wr_parse_t *p)
{
    wr_token_t *t = p->tok;

    if (t->type != WR_T_EOF) {
        p->tok++;
        check(p);
    }
    return t;
}

wr_token_t *
wr_parse_look(wr_parse_t *p)
{
    wr_token_t *t = p->tok, *next;

    if (t->type == WR_T_EOF) {
        return t;
    }
    p->tok++;
    check(p);
    next = p->tok;
    p->tok = t;
    return next;
}

bool
wr_parse_is(const wr_token_t *t, const char *name)
{
    return t->type == WR_T_NAME && wr_str_eqz(t->text, name);
}

bool
wr_parse_skip(wr_parse_t *p, const char *name)
{
    if (wr_parse_is(p->tok, name)) {
        wr_parse_next(p);
        return true;
    }
    return false;
}

bool
wr_parse_skip_type(wr_parse_t *p, wr_lex_tok_t type)
{
    if (p->tok->type == type) {
        wr_parse_next(p);
        return true;
    }
    return false;
}

wr_str_t
wr_parse_describe(wr_parse_t *p, const wr_token_t *t)
{
    (void) p;
    return t->type == WR_T_NAME ? t->text : wr_str_z(wr_tok_name(t->type));
}

static void
unexpected(wr_parse_t *p, const char *wanted)
{
    wr_str_t got = wr_parse_describe(p, p->tok);

    if (p->tok->type == WR_T_EOF) {
        wr_parse_fail(p, "TemplateSyntaxError", p->tok->line,
                      "unexpected end of template, expected '%s'.", wanted);
    }
    wr_parse_fail(p, "TemplateSyntaxError", p->tok->line,
                  "expected token '%s', got '%.*s'", wanted, WR_ARG(got));
}

wr_token_t *
wr_parse_expect(wr_parse_t *p, wr_lex_tok_t type)
{
    if (p->tok->type != type) {
        unexpected(p, wr_tok_name(type));
    }
    return wr_parse_next(p);
}

wr_token_t *
wr_parse_expect_name(wr_parse_t *p, const char *name)
{
    if (!wr_parse_is(p->tok, name)) {
        unexpected(p, name);
    }
    return wr_parse_next(p);
}

void
wr_parse_enter(wr_parse_t *p)
{
    if (++p->nest > WR_PARSE_NEST) {
        wr_parse_fail(p, "RecursionError", p->tok->line,
                      "maximum recursion depth exceeded");
    }
}

void
wr_parse_leave(wr_parse_t *p)
{
    p->nest--;
}

wr_ast_t *
wr_parse_node(wr_parse_t *p, wr_ast_kind_t kind, uint32_t line)
{
    wr_ast_t *n = WR_NEW(p->pool, wr_ast_t);

    n->kind = (uint8_t) kind;
    n->line = line;
    n->pos = p->tok->pos;
    return n;
}

static bool
deepest(wr_ast_t *child, void *data)
{
    uint16_t *depth = data;

    if (child->depth > *depth) {
        *depth = child->depth;
    }
    return true;
}

wr_ast_t *
wr_parse_done(wr_parse_t *p, wr_ast_t *n)
{
    uint16_t depth = 0;

    wr_ast_children(n, deepest, &depth);
    n->depth = (uint16_t) (depth + 1);
    if (n->depth > WR_PARSE_DEPTH) {
        wr_parse_fail(p, "RecursionError", n->line,
                      "maximum recursion depth exceeded");
    }
    return n;
}

/* ---- text and tags ---- */

static bool
at_end(wr_parse_t *p, const char *const *ends)
{
    for (; ends != NULL && *ends != NULL; ends++) {
        if (wr_parse_is(p->tok, *ends)) {
            return true;
        }
    }
    return false;
}

static void
flush(wr_parse_t *p, wr_ast_list_t *to, wr_ast_t **out)
{
    if (*out != NULL) {
        (*out)->line = (*out)->list.v[0]->line;
        wr_ast_push(p->pool, to, wr_parse_done(p, *out));
        *out = NULL;
    }
}

static void
output(wr_parse_t *p, wr_ast_t **out, wr_ast_t *n)
{
    if (*out == NULL) {
        *out = wr_parse_node(p, WR_A_OUTPUT, 0);
    }
    wr_ast_push(p->pool, &(*out)->list, n);
}

void
wr_parse_body(wr_parse_t *p, const char *const *ends, wr_ast_list_t *to)
{
    wr_ast_t *out = NULL, *n;
    uint32_t  pos;

    wr_parse_enter(p);
    p->ends[p->nends] = ends;
    p->nends += ends != NULL;
    while (p->tok->type != WR_T_EOF) {
        switch (p->tok->type) {
        case WR_T_DATA:
            n = wr_parse_node(p, WR_A_TEXT, p->tok->line);
            n->text = p->tok->text;
            output(p, &out, wr_parse_done(p, n));
            wr_parse_next(p);
            break;
        case WR_T_VAR_BEGIN:
            wr_parse_next(p);
            pos = p->tok->pos;
            n = wr_parse_tuple(p, true);
            n->pos = pos;
            output(p, &out, n);
            wr_parse_expect(p, WR_T_VAR_END);
            break;
        default:
            flush(p, to, &out);
            wr_parse_expect(p, WR_T_BLOCK_BEGIN);
            if (at_end(p, ends)) {
                p->nends--;
                wr_parse_leave(p);
                return;
            }
            wr_parse_statement(p, to);
            wr_parse_expect(p, WR_T_BLOCK_END);
            break;
        }
    }
    flush(p, to, &out);
    p->nends -= ends != NULL;
    wr_parse_leave(p);
}

static wr_str_t
end_names(wr_parse_t *p, const char *const *ends)
{
    wr_buf_t b = wr_buf(p->pool);
    bool     more = false;

    for (; *ends != NULL; ends++) {
        wr_buf_z(&b, more ? " or '" : "'");
        wr_buf_z(&b, *ends);
        wr_buf_char(&b, '\'');
        more = true;
    }
    return wr_buf_text(&b);
}

/* Unknown tag `name`, or the end of the template if it is NULL. */
WR_NORETURN static void
fail_tag(wr_parse_t *p, const wr_str_t *name, const char *const *last,
         uint32_t line)
{
    wr_buf_t           b = wr_buf(p->pool);
    const char *const *now = last, *const * e;
    bool               nested = false;
    uint32_t           i;

    if (now == NULL && p->nends > 0) {
        now = p->ends[p->nends - 1];
    }
    if (name == NULL) {
        wr_buf_lit(&b, "Unexpected end of template.");
    } else {
        wr_buf_printf(&b, "Encountered unknown tag '%.*s'.", WR_ARG(*name));
        for (i = 0; i < p->nends; i++) {
            for (e = p->ends[i]; *e != NULL; e++) {
                nested |= wr_str_eqz(*name, *e);
            }
        }
    }
    if (now != NULL) {
        if (nested) {
            wr_buf_lit(&b, " You probably made a nesting mistake. Jinja is "
                           "expecting this tag, but currently looking for ");
        } else {
            wr_buf_lit(&b, " Jinja was looking for the following tags: ");
        }
        wr_buf_str(&b, end_names(p, now));
        wr_buf_char(&b, '.');
    }
    if (p->ntags > 0) {
        wr_buf_printf(&b,
                      " The innermost block that needs to be closed is "
                      "'%.*s'.",
                      WR_ARG(p->tags[p->ntags - 1]));
    }
    wr_parse_fail(p, "TemplateSyntaxError", line, "%.*s",
                  WR_ARG(wr_buf_text(&b)));
}

void
wr_parse_block_body(wr_parse_t *p, const char *const *ends, bool drop,
                    wr_ast_list_t *to)
{
    wr_parse_skip_type(p, WR_T_COLON);
    wr_parse_expect(p, WR_T_BLOCK_END);
    wr_parse_body(p, ends, to);
    if (p->tok->type == WR_T_EOF) {
        fail_tag(p, NULL, ends, p->tok->line);
    }
    if (drop) {
        wr_parse_next(p);
    }
}

void wr_parse_unknown(wr_parse_t *p, const wr_token_t *t);

void
wr_parse_unknown(wr_parse_t *p, const wr_token_t *t)
{
    fail_tag(p, &t->text, NULL, t->line);
}

/* ---- entries ---- */

static void
start(wr_parse_t *p, wr_pool_t *pool, const wr_env_t *env, wr_err_t *err)
{
    p->pool = pool;
    p->env = env;
    p->err = err;
    p->nest = p->ntags = p->nends = 0;
}

wr_ast_list_t *
wr_parse_template(wr_parse_t *p, wr_pool_t *pool, const wr_env_t *env,
                  const wr_lex_conf_t *conf, wr_str_t source, wr_err_t *err)
{
    wr_ast_list_t *body = WR_NEW(pool, wr_ast_list_t);

    start(p, pool, env, err);
    wr_lex(&p->lex, pool, conf, source, false);
    p->tok = p->lex.tokens;
    if (setjmp(p->jump) != 0) {
        return NULL;
    }
    check(p);
    wr_parse_body(p, NULL, body);
    return body;
}

wr_ast_t *
wr_parse_expression(wr_parse_t *p, wr_pool_t *pool, const wr_env_t *env,
                    const wr_lex_conf_t *conf, wr_str_t source, wr_err_t *err)
{
    wr_ast_t *n;

    start(p, pool, env, err);
    wr_lex(&p->lex, pool, conf, source, true);
    p->tok = p->lex.tokens;
    if (setjmp(p->jump) != 0) {
        return NULL;
    }
    check(p);
    n = wr_parse_expr(p);
    if (p->tok->type != WR_T_EOF) {
        wr_parse_fail(p, "TemplateSyntaxError", p->tok->line,
                      "chunk after expression");
    }
    return n;
}
