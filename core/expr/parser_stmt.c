/*
 * The parser of statements: one function for each tag.
 */
#include <weir/expr/parser.h>

typedef wr_ast_t *(*tag_fn)(wr_parse_t *p);

void wr_parse_unknown(wr_parse_t *p, const wr_token_t *t);

static wr_ast_t *
stmt(wr_parse_t *p, wr_ast_kind_t kind)
{
    wr_ast_t *n = wr_parse_node(p, kind, p->tok->line);

    wr_parse_next(p);
    return n;
}

static wr_ast_t *
parse_set(wr_parse_t *p)
{
    static const char *const ends[] = {"endset", NULL};
    wr_ast_t                *n = stmt(p, WR_A_SET);

    n->a = wr_parse_target(p, true);
    if (wr_parse_skip_type(p, WR_T_ASSIGN)) {
        n->b = wr_parse_tuple(p, true);
        return n;
    }
    n->kind = WR_A_SETBLOCK;
    n->b = wr_parse_filter(p, NULL, false);
    wr_parse_block_body(p, ends, true, &n->body);
    return n;
}

static wr_ast_t *
parse_for(wr_parse_t *p)
{
    static const char *const ends[] = {"endfor", "else", NULL};
    static const char *const last[] = {"endfor", NULL};
    wr_ast_t                *n = stmt(p, WR_A_FOR);

    n->a = wr_parse_target(p, false);
    wr_parse_expect_name(p, "in");
    n->b = wr_parse_tuple(p, false);
    if (wr_parse_skip(p, "if")) {
        n->c = wr_parse_expr(p);
    }
    n->flag = wr_parse_skip(p, "recursive");
    wr_parse_block_body(p, ends, false, &n->body);
    if (!wr_str_eqz(wr_parse_next(p)->text, "endfor")) {
        wr_parse_block_body(p, last, true, &n->orelse);
    }
    return n;
}

static wr_ast_t *
parse_if(wr_parse_t *p)
{
    static const char *const ends[] = {"elif", "else", "endif", NULL};
    static const char *const last[] = {"endif", NULL};
    wr_ast_t                *result = stmt(p, WR_A_IF), *n = result;
    wr_token_t              *t;

    for (;;) {
        n->a = wr_parse_tuple(p, false);
        wr_parse_block_body(p, ends, false, &n->body);
        t = wr_parse_next(p);
        if (wr_parse_is(t, "elif")) {
            if (n != result) {
                wr_parse_done(p, n);
            }
            n = wr_parse_node(p, WR_A_IF, p->tok->line);
            wr_ast_push(p->pool, &result->list, n);
            continue;
        }
        if (wr_parse_is(t, "else")) {
            wr_parse_block_body(p, last, true, &result->orelse);
        }
        if (n != result) {
            wr_parse_done(p, n);
        }
        return result;
    }
}

static bool
set_param(wr_ast_t *n, void *data)
{
    n->ctx = WR_CTX_PARAM;
    return wr_ast_children(n, set_param, data);
}

static wr_ast_t *
parse_with(wr_parse_t *p)
{
    static const char *const ends[] = {"endwith", NULL};
    wr_ast_t                *n = stmt(p, WR_A_WITH), *target;

    while (p->tok->type != WR_T_BLOCK_END) {
        if (n->list.n != 0) {
            wr_parse_expect(p, WR_T_COMMA);
        }
        target = wr_parse_target(p, false);
        set_param(target, NULL);
        wr_ast_push(p->pool, &n->list, target);
        wr_parse_expect(p, WR_T_ASSIGN);
        wr_ast_push(p->pool, &n->list2, wr_parse_expr(p));
    }
    wr_parse_block_body(p, ends, true, &n->body);
    return n;
}

static wr_ast_t *
parse_autoescape(wr_parse_t *p)
{
    static const char *const ends[] = {"endautoescape", NULL};
    wr_ast_t                *n = stmt(p, WR_A_AUTOESCAPE);

    n->a = wr_parse_expr(p);
    wr_parse_block_body(p, ends, true, &n->body);
    return n;
}

static bool
is_blank(wr_str_t s)
{
    size_t i;

    for (i = 0; i < s.n; i++) {
        if (strchr(" \t\n\r\v\f", s.p[i]) == NULL || s.p[i] == '\0') {
            return false;
        }
    }
    return s.n != 0;
}

static void
check_required(wr_parse_t *p, const wr_ast_t *n)
{
    uint32_t  i, k;
    wr_ast_t *c;

    for (i = 0; i < n->body.n; i++) {
        c = n->body.v[i];
        for (k = 0; c->kind == WR_A_OUTPUT && k < c->list.n; k++) {
            if (c->list.v[k]->kind != WR_A_TEXT
                || !is_blank(c->list.v[k]->text)) {
                break;
            }
        }
        if (c->kind != WR_A_OUTPUT || k < c->list.n) {
            wr_parse_fail(p, "TemplateSyntaxError", p->tok->line,
                          "Required blocks can only contain comments or "
                          "whitespace");
        }
    }
}

static wr_ast_t *
parse_block(wr_parse_t *p)
{
    static const char *const ends[] = {"endblock", NULL};
    wr_ast_t                *n = stmt(p, WR_A_BLOCK);

    n->name = wr_parse_expect(p, WR_T_NAME)->text;
    n->flag = wr_parse_skip(p, "scoped");
    n->flag2 = wr_parse_skip(p, "required");
    if (p->tok->type == WR_T_SUB) {
        wr_parse_fail(p, "TemplateSyntaxError", p->tok->line,
                      "Block names in Jinja have to be valid Python identifiers"
                      " and may not contain hyphens, use an underscore "
                      "instead.");
    }
    wr_parse_block_body(p, ends, true, &n->body);
    if (n->flag2) {
        check_required(p, n);
    }
    if (p->tok->type == WR_T_NAME && wr_str_eq(p->tok->text, n->name)) {
        wr_parse_next(p);
    }
    return n;
}

static wr_ast_t *
parse_extends(wr_parse_t *p)
{
    wr_ast_t *n = stmt(p, WR_A_EXTENDS);

    n->a = wr_parse_expr(p);
    return n;
}

static bool
parse_context(wr_parse_t *p, bool *with)
{
    if ((wr_parse_is(p->tok, "with") || wr_parse_is(p->tok, "without"))
        && wr_parse_is(wr_parse_look(p), "context"))
    {
        *with = wr_parse_is(p->tok, "with");
        wr_parse_next(p);
        wr_parse_next(p);
        return true;
    }
    return false;
}

static wr_ast_t *
parse_include(wr_parse_t *p)
{
    wr_ast_t *n = stmt(p, WR_A_INCLUDE);

    n->a = wr_parse_expr(p);
    if (wr_parse_is(p->tok, "ignore")
        && wr_parse_is(wr_parse_look(p), "missing")) {
        n->flag2 = true;
        wr_parse_next(p);
        wr_parse_next(p);
    }
    n->flag = true;
    parse_context(p, &n->flag);
    return n;
}

static wr_ast_t *
parse_import(wr_parse_t *p)
{
    wr_ast_t *n = stmt(p, WR_A_IMPORT);

    n->a = wr_parse_expr(p);
    wr_parse_expect_name(p, "as");
    n->name = wr_parse_target_name(p)->name;
    parse_context(p, &n->flag);
    return n;
}

static void
add_import(wr_parse_t *p, wr_ast_t *n, uint32_t *count, wr_str_t name,
           wr_str_t alias)
{
    wr_str_t *names, *aliases;
    uint32_t  k = *count;

    if ((k & (k - 1)) == 0) {
        names = WR_NEW_N(p->pool, wr_str_t, k == 0 ? 1 : k * 2);
        aliases = WR_NEW_N(p->pool, wr_str_t, k == 0 ? 1 : k * 2);
        if (k != 0) {
            memcpy(names, n->names, k * sizeof(*names));
            memcpy(aliases, n->aliases, k * sizeof(*aliases));
        }
        n->names = names;
        n->aliases = aliases;
    }
    n->names[k] = name;
    n->aliases[k] = alias;
    *count = k + 1;
}

static wr_ast_t *
parse_from(wr_parse_t *p)
{
    wr_ast_t *n = stmt(p, WR_A_FROM), *target;
    wr_str_t  alias;
    uint32_t  count = 0;

    n->a = wr_parse_expr(p);
    wr_parse_expect_name(p, "import");
    for (;;) {
        if (count != 0) {
            wr_parse_expect(p, WR_T_COMMA);
        }
        if (p->tok->type != WR_T_NAME) {
            wr_parse_expect(p, WR_T_NAME);
        }
        if (parse_context(p, &n->flag)) {
            break;
        }
        target = wr_parse_target_name(p);
        if (target->name.p[0] == '_') {
            wr_parse_fail(p, "TemplateAssertionError", target->line,
                          "names starting with an underline can not be "
                          "imported");
        }
        alias = target->name;
        if (wr_parse_skip(p, "as")) {
            alias = wr_parse_target_name(p)->name;
        }
        add_import(p, n, &count, target->name, alias);
        if (parse_context(p, &n->flag) || p->tok->type != WR_T_COMMA) {
            break;
        }
    }
    n->value = wr_int(count);
    return n;
}

static void
parse_signature(wr_parse_t *p, wr_ast_t *n)
{
    wr_ast_t *arg;
    uint32_t  i;

    wr_parse_expect(p, WR_T_LPAREN);
    while (p->tok->type != WR_T_RPAREN) {
        if (n->list.n != 0) {
            wr_parse_expect(p, WR_T_COMMA);
        }
        arg = wr_parse_target_name(p);
        arg->ctx = WR_CTX_PARAM;
        for (i = 0; i < n->list.n; i++) {
            if (wr_str_eq(n->list.v[i]->name, arg->name)) {
                wr_parse_fail(p, "TemplateSyntaxError", arg->line,
                              "duplicate argument '%.*s' in function "
                              "definition",
                              WR_ARG(arg->name));
            }
        }
        if (wr_parse_skip_type(p, WR_T_ASSIGN)) {
            wr_ast_push(p->pool, &n->list2, wr_parse_expr(p));
        } else if (n->list2.n != 0) {
            wr_parse_fail(p, "TemplateSyntaxError", p->tok->line,
                          "non-default argument follows default argument");
        }
        wr_ast_push(p->pool, &n->list, arg);
    }
    wr_parse_expect(p, WR_T_RPAREN);
}

static wr_ast_t *
parse_call_block(wr_parse_t *p)
{
    static const char *const ends[] = {"endcall", NULL};
    wr_ast_t                *n = stmt(p, WR_A_CALLBLOCK);

    if (p->tok->type == WR_T_LPAREN) {
        parse_signature(p, n);
    }
    n->a = wr_parse_expr(p);
    if (n->a->kind != WR_A_CALL) {
        wr_parse_fail(p, "TemplateSyntaxError", n->line, "expected call");
    }
    wr_parse_block_body(p, ends, true, &n->body);
    return n;
}

static wr_ast_t *
parse_filter_block(wr_parse_t *p)
{
    static const char *const ends[] = {"endfilter", NULL};
    wr_ast_t                *n = stmt(p, WR_A_FILTERBLOCK);

    n->a = wr_parse_filter(p, NULL, true);
    wr_parse_block_body(p, ends, true, &n->body);
    return n;
}

static wr_ast_t *
parse_macro(wr_parse_t *p)
{
    static const char *const ends[] = {"endmacro", NULL};
    wr_ast_t                *n = stmt(p, WR_A_MACRO);

    n->name = wr_parse_target_name(p)->name;
    parse_signature(p, n);
    wr_parse_block_body(p, ends, true, &n->body);
    return n;
}

static wr_ast_t *
parse_print(wr_parse_t *p)
{
    wr_ast_t *n = stmt(p, WR_A_OUTPUT);

    while (p->tok->type != WR_T_BLOCK_END) {
        if (n->list.n != 0) {
            wr_parse_expect(p, WR_T_COMMA);
        }
        wr_ast_push(p->pool, &n->list, wr_parse_expr(p));
    }
    return n;
}

static wr_ast_t *
parse_do(wr_parse_t *p)
{
    wr_ast_t *n = stmt(p, WR_A_DO);

    n->a = wr_parse_tuple(p, true);
    return n;
}

static wr_ast_t *
parse_break(wr_parse_t *p)
{
    return stmt(p, WR_A_BREAK);
}

static wr_ast_t *
parse_continue(wr_parse_t *p)
{
    return stmt(p, WR_A_CONTINUE);
}

static wr_ast_t *
parse_debug(wr_parse_t *p)
{
    wr_ast_t *n = stmt(p, WR_A_OUTPUT), *d;

    d = wr_parse_node(p, WR_A_DEBUG, n->line);
    wr_ast_push(p->pool, &n->list, wr_parse_done(p, d));
    return n;
}

static const struct {
    const char *name;
    tag_fn      parse;
    uint8_t     ext; /* WR_EXT_*, 0: always there */
} tags[] = {
    {"for", parse_for, 0},
    {"if", parse_if, 0},
    {"block", parse_block, 0},
    {"extends", parse_extends, 0},
    {"print", parse_print, 0},
    {"macro", parse_macro, 0},
    {"include", parse_include, 0},
    {"from", parse_from, 0},
    {"import", parse_import, 0},
    {"set", parse_set, 0},
    {"with", parse_with, 0},
    {"autoescape", parse_autoescape, 0},
    {"call", parse_call_block, 0},
    {"filter", parse_filter_block, 0},
    {"trans", NULL, WR_EXT_I18N},
    {"do", parse_do, WR_EXT_DO},
    {"break", parse_break, WR_EXT_LOOPCONTROLS},
    {"continue", parse_continue, WR_EXT_LOOPCONTROLS},
    {"debug", parse_debug, WR_EXT_DEBUG},
};

void
wr_parse_statement(wr_parse_t *p, wr_ast_list_t *to)
{
    wr_token_t *t = p->tok;
    size_t      i;

    if (t->type != WR_T_NAME) {
        wr_parse_fail(p, "TemplateSyntaxError", t->line, "tag name expected");
    }
    for (i = 0; i < WR_COUNT(tags); i++) {
        if (wr_str_eqz(t->text, tags[i].name)
            && (tags[i].ext == 0
                || (wr_env_options(p->env)->extensions & tags[i].ext) != 0))
        {
            p->tags[p->ntags++] = t->text;
            if (tags[i].parse == NULL) {
                wr_parse_trans(p, to);
            } else {
                wr_ast_push(p->pool, to, wr_parse_done(p, tags[i].parse(p)));
            }
            p->ntags--;
            return;
        }
    }
    wr_parse_unknown(p, t);
}
