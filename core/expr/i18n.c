/*
 * The extension i18n: {% trans %}.
 *
 * A block becomes a call of gettext, ngettext, pgettext or npgettext with the
 * text as message id and its variables as `%(name)s`; old style formats the
 * result with `%`, newstyle hands the variables over as keywords.
 */
#include <weir/expr/lexchars.h>
#include <weir/expr/parser.h>

typedef struct {
    wr_str_t  name;
    wr_ast_t *value;
} var_t;

typedef struct {
    wr_parse_t *p;
    uint32_t    line;
    var_t      *vars;
    uint32_t    n, cap;
    wr_str_t   *referenced; /* names inside of the text */
    uint32_t    nref, capref;
    wr_ast_t   *plural_expr;
    wr_ast_t   *assign; /* a call that counts is made once */
    bool        num_called_num;
} trans_t;

static wr_ast_t *
name_node(trans_t *t, wr_str_t name, uint8_t ctx)
{
    wr_ast_t *n = wr_parse_node(t->p, WR_A_NAME, t->line);

    n->name = name;
    n->ctx = ctx;
    return wr_parse_done(t->p, n);
}

static wr_ast_t *
str_node(trans_t *t, wr_str_t s)
{
    wr_ast_t *n = wr_parse_node(t->p, WR_A_CONST, t->line);

    n->value = wr_vstr(s);
    return wr_parse_done(t->p, n);
}

static wr_ast_t *
find_var(const trans_t *t, wr_str_t name)
{
    uint32_t i;

    for (i = 0; i < t->n; i++) {
        if (wr_str_eq(t->vars[i].name, name)) {
            return t->vars[i].value;
        }
    }
    return NULL;
}

static void
add_var(trans_t *t, wr_str_t name, wr_ast_t *value)
{
    var_t *more;

    if (t->n == t->cap) {
        t->cap = t->cap == 0 ? 8 : t->cap * 2;
        more = WR_NEW_N(t->p->pool, var_t, t->cap);
        if (t->n != 0) {
            memcpy(more, t->vars, t->n * sizeof(*more));
        }
        t->vars = more;
    }
    t->vars[t->n++] = (var_t){name, value};
}

static void
add_ref(trans_t *t, wr_str_t name)
{
    wr_str_t *more;

    if (t->nref == t->capref) {
        t->capref = t->capref == 0 ? 8 : t->capref * 2;
        more = WR_NEW_N(t->p->pool, wr_str_t, t->capref);
        if (t->nref != 0) {
            memcpy(more, t->referenced, t->nref * sizeof(*more));
        }
        t->referenced = more;
    }
    t->referenced[t->nref++] = name;
}

/* The first variable is the one that counts, unless pluralize says other. */
static void
first_counts(trans_t *t, wr_str_t name, wr_ast_t *value)
{
    wr_ast_t *set;

    if (t->plural_expr != NULL) {
        return;
    }
    if (value->kind == WR_A_CALL) {
        t->plural_expr = name_node(t, WR_STR("_trans"), WR_CTX_LOAD);
        t->vars[t->n - 1].value = t->plural_expr;
        set = wr_parse_node(t->p, WR_A_SET, t->line);
        set->a = name_node(t, WR_STR("_trans"), WR_CTX_STORE);
        set->b = value;
        t->assign = wr_parse_done(t->p, set);
    } else {
        t->plural_expr = value;
    }
    t->num_called_num = wr_str_eqz(name, "num");
}

/* The variables in the tag; returns 1 trimmed, 0 notrimmed, -1 neither. */
static int
parse_vars(trans_t *t)
{
    wr_parse_t *p = t->p;
    wr_token_t *tok;
    wr_ast_t   *value;
    int         trimmed = -1;

    while (p->tok->type != WR_T_BLOCK_END) {
        if (t->n != 0) {
            wr_parse_expect(p, WR_T_COMMA);
        }
        if (wr_parse_skip_type(p, WR_T_COLON)) {
            break;
        }
        tok = wr_parse_expect(p, WR_T_NAME);
        if (find_var(t, tok->text) != NULL) {
            wr_parse_fail(p, "TemplateAssertionError", tok->line,
                          "translatable variable '%.*s' defined twice.",
                          WR_ARG(tok->text));
        }
        if (wr_parse_skip_type(p, WR_T_ASSIGN)) {
            value = wr_parse_expr(p);
        } else if (trimmed < 0
                   && (wr_str_eqz(tok->text, "trimmed")
                       || wr_str_eqz(tok->text, "notrimmed")))
        {
            trimmed = wr_str_eqz(tok->text, "trimmed");
            continue;
        } else {
            value = name_node(t, tok->text, WR_CTX_LOAD);
        }
        add_var(t, tok->text, value);
        first_counts(t, tok->text, value);
    }
    wr_parse_expect(p, WR_T_BLOCK_END);
    return trimmed;
}

/* The text up to pluralize or endtrans, as a format. */
static wr_str_t
parse_text(trans_t *t, bool may_pluralize)
{
    wr_parse_t *p = t->p;
    wr_buf_t    b = wr_buf(p->pool);
    wr_str_t    s;
    size_t      i;

    for (;;) {
        switch (p->tok->type) {
        case WR_T_DATA:
            s = wr_parse_next(p)->text;
            for (i = 0; i < s.n; i++) {
                if (s.p[i] == '%') {
                    wr_buf_char(&b, '%');
                }
                wr_buf_char(&b, s.p[i]);
            }
            break;
        case WR_T_VAR_BEGIN:
            wr_parse_next(p);
            s = wr_parse_expect(p, WR_T_NAME)->text;
            add_ref(t, s);
            wr_buf_printf(&b, "%%(%.*s)s", WR_ARG(s));
            wr_parse_expect(p, WR_T_VAR_END);
            break;
        case WR_T_BLOCK_BEGIN:
            wr_parse_next(p);
            if (wr_parse_is(p->tok, "endtrans")) {
                return wr_buf_text(&b);
            }
            if (wr_parse_is(p->tok, "pluralize")) {
                if (may_pluralize) {
                    return wr_buf_text(&b);
                }
                wr_parse_fail(p, "TemplateSyntaxError", p->tok->line,
                              "a translatable section can have only one "
                              "pluralize section");
            }
            if (wr_parse_is(p->tok, "trans")) {
                wr_parse_fail(p, "TemplateSyntaxError", p->tok->line,
                              "trans blocks can't be nested; did you mean "
                              "`endtrans`?");
            }
            s = p->tok->type == WR_T_NAME ? p->tok->text : WR_STR("None");
            wr_parse_fail(p, "TemplateSyntaxError", p->tok->line,
                          "control structures in translatable sections are not "
                          "allowed; saw `%.*s`", WR_ARG(s));
        default:
            wr_parse_fail(p, "TemplateSyntaxError", p->tok->line,
                          "unclosed translation block");
        }
    }
}

/* Whitespace around newlines becomes one space, at the ends none. */
static wr_str_t
trim_text(wr_pool_t *pool, wr_str_t s)
{
    wr_buf_t b = wr_buf(pool);
    size_t   i, k, n;
    bool     newline;

    for (i = 0; i < s.n; i = k) {
        newline = false;
        for (k = i; (n = wr_lex_space(s, k)) != 0; k += n) {
            newline |= s.p[k] == '\n';
        }
        if (k == i) {
            wr_buf_char(&b, s.p[k++]);
        } else if (i == 0 || k == s.n) {
            continue;
        } else if (newline) {
            wr_buf_char(&b, ' ');
        } else {
            wr_buf_add(&b, s.p + i, k - i);
        }
    }
    return wr_buf_text(&b);
}

static wr_str_t
single_percents(wr_pool_t *pool, wr_str_t s)
{
    wr_buf_t b = wr_buf(pool);
    size_t   i;

    for (i = 0; i < s.n; i++) {
        wr_buf_char(&b, s.p[i]);
        if (s.p[i] == '%' && i + 1 < s.n && s.p[i + 1] == '%') {
            i++;
        }
    }
    return wr_buf_text(&b);
}

static wr_ast_t *
format_old(trans_t *t, wr_ast_t *call)
{
    wr_parse_t *p = t->p;
    wr_ast_t   *safe, *dict, *mod;
    uint32_t    i;

    safe = wr_parse_node(p, WR_A_SAFE_IF, t->line);
    safe->a = call;
    wr_parse_done(p, safe);
    if (t->n == 0) {
        return safe;
    }
    dict = wr_parse_node(p, WR_A_DICT, t->line);
    for (i = 0; i < t->n; i++) {
        wr_ast_push(p->pool, &dict->list, str_node(t, t->vars[i].name));
        wr_ast_push(p->pool, &dict->list, t->vars[i].value);
    }
    mod = wr_parse_node(p, WR_A_MOD, t->line);
    mod->a = safe;
    mod->b = wr_parse_done(p, dict);
    return wr_parse_done(p, mod);
}

static wr_ast_t *
make_call(trans_t *t, const wr_str_t *context, wr_str_t singular,
          const wr_str_t *plural)
{
    wr_parse_t *p = t->p;
    wr_ast_t   *call = wr_parse_node(p, WR_A_CALL, t->line);
    bool        newstyle = wr_env_options(p->env)->newstyle_gettext;
    const char *name;
    uint32_t    i, k = 0;

    name = plural != NULL ? (context != NULL ? "npgettext" : "ngettext")
                          : (context != NULL ? "pgettext" : "gettext");
    call->a = name_node(t, wr_str_z(name), WR_CTX_LOAD);
    if (context != NULL) {
        wr_ast_push(p->pool, &call->list, str_node(t, *context));
    }
    wr_ast_push(p->pool, &call->list, str_node(t, singular));
    if (plural != NULL) {
        wr_ast_push(p->pool, &call->list, str_node(t, *plural));
        wr_ast_push(p->pool, &call->list, t->plural_expr);
    }
    if (newstyle) {
        call->names = WR_NEW_N(p->pool, wr_str_t, t->n + 1);
        for (i = 0; i < t->n; i++) {
            if (!(plural != NULL && t->num_called_num
                  && wr_str_eqz(t->vars[i].name, "num")))
            {
                call->names[k++] = t->vars[i].name;
                wr_ast_push(p->pool, &call->list2, t->vars[i].value);
            }
        }
    }
    wr_parse_done(p, call);
    return newstyle ? call : format_old(t, call);
}

static bool
policy_trimmed(const wr_parse_t *p)
{
    const wr_dict_t *d = wr_env_options(p->env)->policies;
    const wr_val_t  *v;

    v = d != NULL ? wr_dict_gets(d, WR_STR("ext.i18n.trimmed")) : NULL;
    return v != NULL && v->type == WR_V_BOOL && v->u.i != 0;
}

/* {% pluralize [name] %}text: returns whether there was one. */
static bool
parse_plural(trans_t *t, wr_str_t *plural)
{
    wr_parse_t *p = t->p;
    wr_token_t *tok;
    wr_ast_t   *value;

    if (!wr_parse_is(p->tok, "pluralize")) {
        wr_parse_next(p);
        return false;
    }
    wr_parse_next(p);
    if (p->tok->type != WR_T_BLOCK_END) {
        tok = wr_parse_expect(p, WR_T_NAME);
        value = find_var(t, tok->text);
        if (value == NULL) {
            wr_parse_fail(p, "TemplateAssertionError", tok->line,
                          "unknown variable '%.*s' for pluralization",
                          WR_ARG(tok->text));
        }
        t->plural_expr = value;
        t->num_called_num = wr_str_eqz(tok->text, "num");
    }
    wr_parse_expect(p, WR_T_BLOCK_END);
    *plural = parse_text(t, false);
    wr_parse_next(p);
    return true;
}

void
wr_parse_trans(wr_parse_t *p, wr_ast_list_t *to)
{
    trans_t   t = {.p = p, .line = wr_parse_next(p)->line};
    wr_str_t  context = WR_STR_NONE, singular, plural = WR_STR_NONE;
    wr_ast_t *out;
    int       trimmed;
    bool      has_context = p->tok->type == WR_T_STRING, has_plural;
    uint32_t  i;

    if (has_context) {
        context = wr_parse_next(p)->text;
    }
    trimmed = parse_vars(&t);
    singular = parse_text(&t, true);
    if (t.nref != 0 && t.plural_expr == NULL) {
        t.plural_expr = name_node(&t, t.referenced[0], WR_CTX_LOAD);
        t.num_called_num = wr_str_eqz(t.referenced[0], "num");
    }
    has_plural = parse_plural(&t, &plural);
    for (i = 0; i < t.nref; i++) {
        if (find_var(&t, t.referenced[i]) == NULL) {
            add_var(&t, t.referenced[i],
                    name_node(&t, t.referenced[i], WR_CTX_LOAD));
        }
    }
    if (has_plural && t.plural_expr == NULL) {
        wr_parse_fail(p, "TemplateSyntaxError", t.line,
                      "pluralize without variables");
    }
    if (trimmed > 0 || (trimmed < 0 && policy_trimmed(p))) {
        singular = trim_text(p->pool, singular);
        plural = has_plural ? trim_text(p->pool, plural) : plural;
    }
    if (t.nref == 0 && !wr_env_options(p->env)->newstyle_gettext) {
        singular = single_percents(p->pool, singular);
        plural = has_plural ? single_percents(p->pool, plural) : plural;
    }
    out = wr_parse_node(p, WR_A_OUTPUT, t.line);
    wr_ast_push(p->pool, &out->list,
                make_call(&t, has_context ? &context : NULL, singular,
                          has_plural ? &plural : NULL));
    if (t.assign != NULL) {
        wr_ast_push(p->pool, to, t.assign);
    }
    wr_ast_push(p->pool, to, wr_parse_done(p, out));
}
