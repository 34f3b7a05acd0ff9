/*
 * The parser of expressions: one function for each level of precedence.
 */
#include <weir/expr/parser.h>

static wr_ast_t *parse_or(wr_parse_t *p);
static wr_ast_t *parse_unary(wr_parse_t *p, bool with_filter);
static wr_ast_t *parse_postfix(wr_parse_t *p, wr_ast_t *n);
static wr_ast_t *parse_primary(wr_parse_t *p, bool with_ns);
static wr_ast_t *parse_tuple(wr_parse_t *p, bool simple, bool with_cond,
                             bool parens, bool with_ns);

static wr_ast_t *
binary(wr_parse_t *p, wr_ast_kind_t kind, uint32_t line, wr_ast_t *a,
       wr_ast_t *b)
{
    wr_ast_t *n = wr_parse_node(p, kind, line);

    n->a = a;
    n->b = b;
    return wr_parse_done(p, n);
}

wr_ast_t *
wr_parse_expr(wr_parse_t *p)
{
    uint32_t  line = p->tok->line;
    wr_ast_t *n, *cond;

    wr_parse_enter(p);
    n = parse_or(p);
    while (wr_parse_skip(p, "if")) {
        cond = wr_parse_node(p, WR_A_COND, line);
        cond->b = n;
        cond->a = parse_or(p);
        if (wr_parse_skip(p, "else")) {
            cond->c = wr_parse_expr(p);
        }
        n = wr_parse_done(p, cond);
        line = p->tok->line;
    }
    wr_parse_leave(p);
    return n;
}

wr_ast_t *
wr_parse_expr_nocond(wr_parse_t *p)
{
    wr_ast_t *n;

    wr_parse_enter(p);
    n = parse_or(p);
    wr_parse_leave(p);
    return n;
}

static wr_ast_t *parse_math1(wr_parse_t *p);

static wr_ast_t *
parse_compare(wr_parse_t *p)
{
    uint32_t  line = p->tok->line;
    wr_ast_t *first = parse_math1(p), *n = NULL;
    uint8_t  *ops = NULL, *more, op;
    uint32_t  cap = 0;

    for (;;) {
        switch (p->tok->type) {
        case WR_T_EQ: op = WR_CMP_EQ; break;
        case WR_T_NE: op = WR_CMP_NE; break;
        case WR_T_GT: op = WR_CMP_GT; break;
        case WR_T_GTEQ: op = WR_CMP_GE; break;
        case WR_T_LT: op = WR_CMP_LT; break;
        case WR_T_LTEQ: op = WR_CMP_LE; break;
        default:
            if (wr_parse_is(p->tok, "in")) {
                op = WR_CMP_IN;
            } else if (wr_parse_is(p->tok, "not")
                       && wr_parse_is(wr_parse_look(p), "in")) {
                wr_parse_next(p);
                op = WR_CMP_NOTIN;
            } else {
                if (n == NULL) {
                    return first;
                }
                n->line = line;
                n->ops = ops;
                return wr_parse_done(p, n);
            }
        }
        wr_parse_next(p);
        if (n == NULL) {
            n = wr_parse_node(p, WR_A_COMPARE, line);
            n->a = first;
        }
        if (n->list.n == cap) {
            cap = cap == 0 ? 4 : cap * 2;
            more = WR_NEW_N(p->pool, uint8_t, cap);
            if (n->list.n != 0) {
                memcpy(more, ops, n->list.n);
            }
            ops = more;
        }
        ops[n->list.n] = op;
        wr_ast_push(p->pool, &n->list, parse_math1(p));
        line = p->tok->line;
    }
}

static wr_ast_t *
parse_not(wr_parse_t *p)
{
    wr_ast_t *n;

    if (wr_parse_is(p->tok, "not")) {
        wr_parse_enter(p);
        n = wr_parse_node(p, WR_A_NOT, wr_parse_next(p)->line);
        n->a = parse_not(p);
        wr_parse_leave(p);
        return wr_parse_done(p, n);
    }
    return parse_compare(p);
}

static wr_ast_t *
parse_and(wr_parse_t *p)
{
    uint32_t  line = p->tok->line;
    wr_ast_t *n = parse_not(p);

    while (wr_parse_skip(p, "and")) {
        n = binary(p, WR_A_AND, line, n, parse_not(p));
        line = p->tok->line;
    }
    return n;
}

static wr_ast_t *
parse_or(wr_parse_t *p)
{
    uint32_t  line = p->tok->line;
    wr_ast_t *n = parse_and(p);

    while (wr_parse_skip(p, "or")) {
        n = binary(p, WR_A_OR, line, n, parse_and(p));
        line = p->tok->line;
    }
    return n;
}

static wr_ast_t *
parse_pow(wr_parse_t *p)
{
    uint32_t  line = p->tok->line;
    wr_ast_t *n = parse_unary(p, true);

    while (wr_parse_skip_type(p, WR_T_POW)) {
        n = binary(p, WR_A_POW, line, n, parse_unary(p, true));
        line = p->tok->line;
    }
    return n;
}

static wr_ast_t *
parse_math2(wr_parse_t *p)
{
    uint32_t      line = p->tok->line;
    wr_ast_t     *n = parse_pow(p);
    wr_ast_kind_t kind;

    for (;;) {
        switch (p->tok->type) {
        case WR_T_MUL: kind = WR_A_MUL; break;
        case WR_T_DIV: kind = WR_A_DIV; break;
        case WR_T_FLOORDIV: kind = WR_A_FLOORDIV; break;
        case WR_T_MOD: kind = WR_A_MOD; break;
        default: return n;
        }
        wr_parse_next(p);
        n = binary(p, kind, line, n, parse_pow(p));
        line = p->tok->line;
    }
}

static wr_ast_t *
parse_concat(wr_parse_t *p)
{
    uint32_t  line = p->tok->line;
    wr_ast_t *n = parse_math2(p), *c = NULL;

    while (wr_parse_skip_type(p, WR_T_TILDE)) {
        if (c == NULL) {
            c = wr_parse_node(p, WR_A_CONCAT, line);
            wr_ast_push(p->pool, &c->list, n);
        }
        wr_ast_push(p->pool, &c->list, parse_math2(p));
    }
    return c != NULL ? wr_parse_done(p, c) : n;
}

static wr_ast_t *
parse_math1(wr_parse_t *p)
{
    uint32_t      line = p->tok->line;
    wr_ast_t     *n = parse_concat(p);
    wr_ast_kind_t kind;

    while (p->tok->type == WR_T_ADD || p->tok->type == WR_T_SUB) {
        kind = p->tok->type == WR_T_ADD ? WR_A_ADD : WR_A_SUB;
        wr_parse_next(p);
        n = binary(p, kind, line, n, parse_concat(p));
        line = p->tok->line;
    }
    return n;
}

/* ---- calls, filters, tests, subscripts ---- */

static void
call_syntax(wr_parse_t *p, bool ok, uint32_t line)
{
    if (!ok) {
        wr_parse_fail(p, "TemplateSyntaxError", line,
                      "invalid syntax for function call expression");
    }
}

static void
add_keyword(wr_parse_t *p, wr_ast_t *n, wr_str_t name, wr_ast_t *value)
{
    wr_str_t *names;
    uint32_t  i;

    for (i = 0; i < n->list2.n; i++) {
        if (wr_str_eq(n->names[i], name)) {
            wr_parse_fail(p, "TemplateSyntaxError", value->line,
                          "keyword argument repeated: %.*s", WR_ARG(name));
        }
    }
    if ((n->list2.n & (n->list2.n - 1)) == 0) {
        names =
            WR_NEW_N(p->pool, wr_str_t, n->list2.n == 0 ? 1 : n->list2.n * 2);
        if (n->list2.n != 0) {
            memcpy(names, n->names, n->list2.n * sizeof(*names));
        }
        n->names = names;
    }
    n->names[n->list2.n] = name;
    wr_ast_push(p->pool, &n->list2, value);
}

/* "(…)" into n->list, n->list2 with names, n->b and n->c. */
static void
parse_args(wr_parse_t *p, wr_ast_t *n)
{
    uint32_t line = wr_parse_expect(p, WR_T_LPAREN)->line;
    bool     comma = false;
    wr_str_t name;

    while (p->tok->type != WR_T_RPAREN) {
        if (comma) {
            wr_parse_expect(p, WR_T_COMMA);
            if (p->tok->type == WR_T_RPAREN) {
                break;
            }
        }
        if (p->tok->type == WR_T_MUL) {
            call_syntax(p, n->b == NULL && n->c == NULL, line);
            wr_parse_next(p);
            n->b = wr_parse_expr(p);
        } else if (p->tok->type == WR_T_POW) {
            call_syntax(p, n->c == NULL, line);
            wr_parse_next(p);
            n->c = wr_parse_expr(p);
        } else if (p->tok->type == WR_T_NAME
                   && wr_parse_look(p)->type == WR_T_ASSIGN) {
            call_syntax(p, n->c == NULL, line);
            name = wr_parse_next(p)->text;
            wr_parse_next(p);
            add_keyword(p, n, name, wr_parse_expr(p));
        } else {
            call_syntax(p, n->b == NULL && n->c == NULL && n->list2.n == 0,
                        line);
            wr_ast_push(p->pool, &n->list, wr_parse_expr(p));
        }
        comma = true;
    }
    wr_parse_expect(p, WR_T_RPAREN);
}

static wr_ast_t *
parse_call(wr_parse_t *p, wr_ast_t *callee)
{
    wr_ast_t *n = wr_parse_node(p, WR_A_CALL, p->tok->line);

    n->a = callee;
    parse_args(p, n);
    return wr_parse_done(p, n);
}

static wr_str_t
dotted_name(wr_parse_t *p, uint32_t *line)
{
    wr_token_t *t = wr_parse_expect(p, WR_T_NAME);
    wr_str_t    name = t->text;

    if (line != NULL) {
        *line = t->line;
    }
    while (p->tok->type == WR_T_DOT) {
        wr_parse_next(p);
        name = wr_pool_join3(p->pool, name, WR_STR("."),
                             wr_parse_expect(p, WR_T_NAME)->text);
    }
    return name;
}

wr_ast_t *
wr_parse_filter(wr_parse_t *p, wr_ast_t *node, bool inline_start)
{
    wr_ast_t *n;

    while (p->tok->type == WR_T_PIPE || inline_start) {
        if (!inline_start) {
            wr_parse_next(p);
        }
        n = wr_parse_node(p, WR_A_FILTER, 0);
        n->name = dotted_name(p, &n->line);
        n->a = node;
        if (p->tok->type == WR_T_LPAREN) {
            parse_args(p, n);
        }
        node = wr_parse_done(p, n);
        inline_start = false;
    }
    return node;
}

static wr_ast_t *
parse_test(wr_parse_t *p, wr_ast_t *node)
{
    wr_ast_t *n, *arg;
    uint32_t  line = wr_parse_next(p)->line;
    bool      negated = wr_parse_skip(p, "not");

    n = wr_parse_node(p, WR_A_TEST, line);
    n->a = node;
    n->name = dotted_name(p, NULL);
    switch (p->tok->type) {
    case WR_T_LPAREN: parse_args(p, n); break;
    case WR_T_NAME:
        if (wr_parse_is(p->tok, "else") || wr_parse_is(p->tok, "or")
            || wr_parse_is(p->tok, "and"))
        {
            break;
        }
        if (wr_parse_is(p->tok, "is")) {
            wr_parse_fail(p, "TemplateSyntaxError", p->tok->line,
                          "You cannot chain multiple tests with is");
        }
        __attribute__((fallthrough));
    case WR_T_STRING:
    case WR_T_INTEGER:
    case WR_T_FLOAT:
    case WR_T_LBRACKET:
    case WR_T_LBRACE:
        wr_parse_enter(p);
        arg = parse_postfix(p, parse_primary(p, false));
        wr_parse_leave(p);
        wr_ast_push(p->pool, &n->list, arg);
        break;
    default: break;
    }
    n = wr_parse_done(p, n);
    if (negated) {
        arg = n;
        n = wr_parse_node(p, WR_A_NOT, line);
        n->a = arg;
        n = wr_parse_done(p, n);
    }
    return n;
}

static wr_ast_t *
parse_subscribed(wr_parse_t *p)
{
    wr_ast_t *n = wr_parse_node(p, WR_A_SLICE, p->tok->line), *first = NULL;

    if (p->tok->type != WR_T_COLON) {
        first = wr_parse_expr(p);
        if (p->tok->type != WR_T_COLON) {
            return first;
        }
    }
    wr_parse_next(p);
    n->a = first;
    if (p->tok->type != WR_T_COLON && p->tok->type != WR_T_RBRACKET
        && p->tok->type != WR_T_COMMA)
    {
        n->b = wr_parse_expr(p);
    }
    if (wr_parse_skip_type(p, WR_T_COLON) && p->tok->type != WR_T_RBRACKET
        && p->tok->type != WR_T_COMMA)
    {
        n->c = wr_parse_expr(p);
    }
    return wr_parse_done(p, n);
}

static wr_ast_t *
parse_subscript(wr_parse_t *p, wr_ast_t *node)
{
    wr_token_t *t = wr_parse_next(p), *arg;
    wr_ast_t   *n = wr_parse_node(p, WR_A_GETITEM, t->line), *key;
    bool        more = false;

    n->a = node;
    if (t->type == WR_T_DOT) {
        arg = p->tok;
        wr_parse_next(p);
        if (arg->type == WR_T_NAME) {
            n->kind = WR_A_GETATTR;
            n->name = arg->text;
            n->name_pos = arg->pos;
            return wr_parse_done(p, n);
        }
        if (arg->type != WR_T_INTEGER) {
            wr_parse_fail(p, "TemplateSyntaxError", arg->line,
                          "expected name or number");
        }
        n->b = wr_parse_node(p, WR_A_CONST, arg->line);
        n->b->value = wr_int(arg->u.i);
        return wr_parse_done(p, n);
    }
    key = wr_parse_node(p, WR_A_TUPLE, t->line);
    while (p->tok->type != WR_T_RBRACKET) {
        if (more) {
            wr_parse_expect(p, WR_T_COMMA);
        }
        wr_ast_push(p->pool, &key->list, parse_subscribed(p));
        more = true;
    }
    wr_parse_expect(p, WR_T_RBRACKET);
    n->b = key->list.n == 1 ? key->list.v[0] : wr_parse_done(p, key);
    return wr_parse_done(p, n);
}

static wr_ast_t *
parse_postfix(wr_parse_t *p, wr_ast_t *n)
{
    for (;;) {
        switch (p->tok->type) {
        case WR_T_DOT:
        case WR_T_LBRACKET: n = parse_subscript(p, n); break;
        case WR_T_LPAREN: n = parse_call(p, n); break;
        default: return n;
        }
    }
}

static wr_ast_t *
parse_filter_expr(wr_parse_t *p, wr_ast_t *n)
{
    for (;;) {
        if (p->tok->type == WR_T_PIPE) {
            n = wr_parse_filter(p, n, false);
        } else if (wr_parse_is(p->tok, "is")) {
            n = parse_test(p, n);
        } else if (p->tok->type == WR_T_LPAREN) {
            n = parse_call(p, n);
        } else {
            return n;
        }
    }
}

static wr_ast_t *
parse_unary(wr_parse_t *p, bool with_filter)
{
    wr_ast_t     *n;
    wr_ast_kind_t kind;

    if (p->tok->type == WR_T_SUB || p->tok->type == WR_T_ADD) {
        kind = p->tok->type == WR_T_SUB ? WR_A_NEG : WR_A_POS;
        wr_parse_enter(p);
        n = wr_parse_node(p, kind, wr_parse_next(p)->line);
        n->a = parse_unary(p, false);
        wr_parse_leave(p);
        wr_parse_done(p, n);
    } else {
        n = parse_primary(p, false);
    }
    n = parse_postfix(p, n);
    return with_filter ? parse_filter_expr(p, n) : n;
}

/* ---- primaries ---- */

static wr_ast_t *
parse_strings(wr_parse_t *p)
{
    wr_ast_t *n = wr_parse_node(p, WR_A_CONST, p->tok->line);
    wr_str_t  s = wr_parse_next(p)->text;
    wr_buf_t  b;

    if (p->tok->type == WR_T_STRING) {
        b = wr_buf(p->pool);
        wr_buf_str(&b, s);
        while (p->tok->type == WR_T_STRING) {
            wr_buf_str(&b, wr_parse_next(p)->text);
        }
        s = wr_buf_text(&b);
    }
    n->value = wr_vstr(s);
    return n;
}

static wr_ast_t *
parse_list(wr_parse_t *p)
{
    wr_ast_t *n = wr_parse_node(p, WR_A_LIST, wr_parse_next(p)->line);

    while (p->tok->type != WR_T_RBRACKET) {
        if (n->list.n != 0) {
            wr_parse_expect(p, WR_T_COMMA);
        }
        if (p->tok->type == WR_T_RBRACKET) {
            break;
        }
        wr_ast_push(p->pool, &n->list, wr_parse_expr(p));
    }
    wr_parse_expect(p, WR_T_RBRACKET);
    return wr_parse_done(p, n);
}

static wr_ast_t *
parse_dict(wr_parse_t *p)
{
    wr_ast_t *n = wr_parse_node(p, WR_A_DICT, wr_parse_next(p)->line);

    while (p->tok->type != WR_T_RBRACE) {
        if (n->list.n != 0) {
            wr_parse_expect(p, WR_T_COMMA);
        }
        if (p->tok->type == WR_T_RBRACE) {
            break;
        }
        wr_ast_push(p->pool, &n->list, wr_parse_expr(p));
        wr_parse_expect(p, WR_T_COLON);
        wr_ast_push(p->pool, &n->list, wr_parse_expr(p));
    }
    wr_parse_expect(p, WR_T_RBRACE);
    return wr_parse_done(p, n);
}

static wr_ast_t *
parse_name(wr_parse_t *p, bool with_ns)
{
    wr_token_t *t = wr_parse_next(p);
    wr_ast_t   *n = wr_parse_node(p, WR_A_CONST, t->line);

    n->pos = t->pos;
    if (wr_str_eqz(t->text, "true") || wr_str_eqz(t->text, "True")) {
        n->value = wr_bool(true);
    } else if (wr_str_eqz(t->text, "false") || wr_str_eqz(t->text, "False")) {
        n->value = wr_bool(false);
    } else if (wr_str_eqz(t->text, "none") || wr_str_eqz(t->text, "None")) {
        n->value = wr_none();
    } else if (with_ns && p->tok->type == WR_T_DOT) {
        wr_parse_next(p);
        n->kind = WR_A_NSREF;
        n->name = t->text;
        n->text = wr_parse_expect(p, WR_T_NAME)->text;
    } else {
        n->kind = WR_A_NAME;
        n->name = t->text;
    }
    return n;
}

static wr_ast_t *
parse_primary(wr_parse_t *p, bool with_ns)
{
    wr_token_t *t = p->tok;
    wr_ast_t   *n;
    wr_str_t    got;

    switch (t->type) {
    case WR_T_NAME: n = parse_name(p, with_ns); break;
    case WR_T_STRING: n = parse_strings(p); break;
    case WR_T_INTEGER:
    case WR_T_FLOAT:
        n = wr_parse_node(p, WR_A_CONST, t->line);
        n->value = t->type == WR_T_INTEGER ? wr_int(t->u.i) : wr_float(t->u.f);
        wr_parse_next(p);
        break;
    case WR_T_LPAREN:
        wr_parse_next(p);
        n = parse_tuple(p, false, true, true, with_ns);
        wr_parse_expect(p, WR_T_RPAREN);
        return n;
    case WR_T_LBRACKET: return parse_list(p);
    case WR_T_LBRACE: return parse_dict(p);
    default:
        got = wr_parse_describe(p, t);
        wr_parse_fail(p, "TemplateSyntaxError", t->line, "unexpected '%.*s'",
                      WR_ARG(got));
    }
    return wr_parse_done(p, n);
}

static bool
tuple_end(const wr_parse_t *p)
{
    return p->tok->type == WR_T_VAR_END || p->tok->type == WR_T_BLOCK_END
           || p->tok->type == WR_T_RPAREN;
}

static wr_ast_t *
parse_tuple(wr_parse_t *p, bool simple, bool with_cond, bool parens,
            bool with_ns)
{
    wr_ast_t *n = wr_parse_node(p, WR_A_TUPLE, p->tok->line), *item;
    bool      is_tuple = false;
    wr_str_t  got;

    wr_parse_enter(p);
    for (;;) {
        if (n->list.n != 0) {
            wr_parse_expect(p, WR_T_COMMA);
        }
        if (tuple_end(p)) {
            break;
        }
        item = simple      ? parse_primary(p, with_ns)
               : with_cond ? wr_parse_expr(p)
                           : wr_parse_expr_nocond(p);
        wr_ast_push(p->pool, &n->list, item);
        if (p->tok->type != WR_T_COMMA) {
            break;
        }
        is_tuple = true;
        n->line = p->tok->line;
    }
    wr_parse_leave(p);
    if (!is_tuple) {
        if (n->list.n != 0) {
            return n->list.v[0];
        }
        if (!parens) {
            got = wr_parse_describe(p, p->tok);
            wr_parse_fail(p, "TemplateSyntaxError", p->tok->line,
                          "Expected an expression, got '%.*s'", WR_ARG(got));
        }
    }
    return wr_parse_done(p, n);
}

wr_ast_t *
wr_parse_tuple(wr_parse_t *p, bool with_cond)
{
    return parse_tuple(p, false, with_cond, false, false);
}

/* ---- targets of assignments ---- */

static bool
set_store(wr_ast_t *n, void *data)
{
    n->ctx = WR_CTX_STORE;
    return wr_ast_children(n, set_store, data);
}

static bool
can_assign(const wr_ast_t *n)
{
    static const char *const consts[] = {"true", "false", "none",
                                         "True", "False", "None"};
    uint32_t                 i;

    switch (n->kind) {
    case WR_A_NAME:
        for (i = 0; i < WR_COUNT(consts); i++) {
            if (wr_str_eqz(n->name, consts[i])) {
                return false;
            }
        }
        return true;
    case WR_A_NSREF: return true;
    case WR_A_TUPLE:
        for (i = 0; i < n->list.n; i++) {
            if (!can_assign(n->list.v[i])) {
                return false;
            }
        }
        return true;
    default: return false;
    }
}

static wr_ast_t *
check_target(wr_parse_t *p, wr_ast_t *n)
{
    if (!can_assign(n)) {
        wr_parse_fail(p, "TemplateSyntaxError", n->line, "can't assign to '%s'",
                      wr_ast_name(n));
    }
    return n;
}

wr_ast_t *
wr_parse_target(wr_parse_t *p, bool with_ns)
{
    wr_ast_t *n = parse_tuple(p, true, true, false, with_ns);

    set_store(n, NULL);
    return check_target(p, n);
}

wr_ast_t *
wr_parse_target_name(wr_parse_t *p)
{
    wr_token_t *t = wr_parse_expect(p, WR_T_NAME);
    wr_ast_t   *n = wr_parse_node(p, WR_A_NAME, t->line);

    n->name = t->text;
    n->ctx = WR_CTX_STORE;
    return wr_parse_done(p, check_target(p, n));
}
