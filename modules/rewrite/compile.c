/*
 * From directives to a script.
 */
#include <weir/http/request.h>
#include "script.h"

static op_t *
add_op(wr_conf_t *cf, rewrite_conf_t *conf, op_kind_t kind)
{
    op_t *op;

    if (conf->scope == NULL) {
        conf->scope = cf->scope;
        conf->ops = wr_array(cf->pool, sizeof(op_t));
    }
    op = WR_PUSH(&conf->ops, op_t);
    op->kind = kind;
    return op;
}

/* ---- variables ---- */

/* A variable that `set` defines, before it was set in this request. */
static wr_rc_t
uninitialized(wr_req_t *r, const wr_var_t *v, wr_str_t *value)
{
    if (((const rewrite_conf_t *) wr_conf(r))->warn) {
        wr_log(&r->log, WR_LOG_WARN, 0, "using uninitialized \"%.*s\" variable",
               WR_ARG(v->name));
    }
    *value = WR_STR("");
    return WR_OK;
}

static wr_rc_t
set_variable(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    const wr_tok_t *name = &cf->args[1];
    wr_cv_t         value;
    wr_var_t       *v;
    int             index;
    op_t           *op;

    (void) d;
    v = wr_var_define_at(cf, name, WR_VAR_CHANGE | WR_VAR_WEAK);
    if (v == NULL) {
        return WR_ERROR;
    }
    if (v->get == NULL) {
        v->get = uninitialized;
    }
    index = wr_var_use(cf, wr_str_skip(name->text, 1));
    if (index < 0 || wr_cv_compile(cf, &cf->args[2], &value) != WR_OK) {
        return WR_ERROR;
    }
    op = add_op(cf, conf, OP_SET);
    op->u.set.var = (unsigned) index;
    op->u.set.value = value;
    return WR_OK;
}

/* ---- return, break ---- */

static bool
is_absolute(wr_str_t s)
{
    return wr_str_starts(s, WR_STR("http://")) || wr_str_starts(s, WR_STR("https://"))
           || wr_str_starts(s, WR_STR("$scheme"));
}

static wr_rc_t
set_return(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    const wr_tok_t *code = &cf->args[1], *text = NULL;
    int64_t         status;
    op_t           *op;

    (void) d;
    if (!wr_parse_int(code->text, &status)) {
        if (cf->nargs != 2 || !is_absolute(code->text)) {
            return wr_conf_fail(cf, code, "invalid return code \"%.*s\"",
                                WR_ARG(code->text));
        }
        status = 302;
        text = code;
    } else if (status > 999) {
        return wr_conf_fail(cf, code, "invalid return code \"%.*s\"",
                            WR_ARG(code->text));
    } else if (cf->nargs == 3) {
        text = &cf->args[2];
    }
    op = add_op(cf, conf, OP_RETURN);
    op->u.ret.status = (unsigned) status;
    if (text == NULL) {
        return WR_OK;
    }
    if (wr_cv_compile(cf, text, &op->u.ret.text) != WR_OK) {
        return WR_ERROR;
    }
    op->u.ret.text.given = text->text.n != 0;
    return WR_OK;
}

static wr_rc_t
set_break(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    (void) d;
    (void) add_op(cf, conf, OP_BREAK);
    return WR_OK;
}

/* ---- rewrite ---- */

static wr_rc_t
rewrite_flag(wr_conf_t *cf, rewrite_t *rw)
{
    const wr_tok_t *flag = &cf->args[3];

    rw->last = true;
    if (wr_str_eqz(flag->text, "last")) {
        return WR_OK;
    }
    if (wr_str_eqz(flag->text, "break")) {
        rw->stay = true;
    } else if (wr_str_eqz(flag->text, "redirect")) {
        rw->redirect = 302;
    } else if (wr_str_eqz(flag->text, "permanent")) {
        rw->redirect = 301;
    } else {
        return wr_conf_fail(cf, flag, "invalid parameter \"%.*s\"",
                            WR_ARG(flag->text));
    }
    return WR_OK;
}

/* "/path?args": a ? at the very end means that the request's own arguments go. */
static wr_rc_t
rewrite_target(wr_conf_t *cf, rewrite_t *rw)
{
    wr_tok_t path = cf->args[2], args = cf->args[2];
    ssize_t  mark;

    rw->add_args = true;
    if (path.text.p[path.text.n - 1] == '?') {
        path.text = wr_pool_str(cf->pool, wr_str_sub(path.text, 0, path.text.n - 1));
        rw->add_args = false;
    }
    mark = wr_str_chr(path.text, '?');
    rw->has_args = mark >= 0;
    if (mark < 0 || rw->redirect != 0) {
        return wr_cv_compile(cf, &path, &rw->path);
    }
    args.text = wr_pool_str(cf->pool, wr_str_skip(path.text, (size_t) mark + 1));
    path.text = wr_pool_str(cf->pool, wr_str_sub(path.text, 0, (size_t) mark));
    return wr_cv_compile(cf, &path, &rw->path) == WR_OK
           && wr_cv_compile(cf, &args, &rw->args) == WR_OK ? WR_OK : WR_ERROR;
}

static wr_rc_t
set_rewrite(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    rewrite_t rw = {0};
    op_t     *op;

    (void) d;
    rw.regex = wr_regex_compile(cf, &cf->args[1], false, true);
    if (rw.regex == NULL) {
        return WR_ERROR;
    }
    if (cf->args[2].text.n == 0) {
        return wr_conf_fail(cf, &cf->args[2], "empty replacement");
    }
    if (is_absolute(cf->args[2].text)) {
        rw.redirect = 302;
        rw.last = true;
    }
    if ((cf->nargs == 4 && rewrite_flag(cf, &rw) != WR_OK)
        || rewrite_target(cf, &rw) != WR_OK)
    {
        return WR_ERROR;
    }
    op = add_op(cf, conf, OP_REWRITE);
    op->u.rewrite = rw;
    return WR_OK;
}

/* ---- if ---- */

static wr_rc_t
invalid_condition(wr_conf_t *cf, const wr_tok_t *tok)
{
    return wr_conf_fail(cf, tok, "invalid condition \"%.*s\"", WR_ARG(tok->text));
}

/* The words between the brackets. */
static wr_rc_t
condition_words(wr_conf_t *cf, wr_tok_t *words, unsigned *n)
{
    unsigned first = 1, last = cf->nargs - 1;
    wr_tok_t a = cf->args[first], z;

    if (a.text.n == 0 || a.text.p[0] != '(') {
        return invalid_condition(cf, &cf->args[1]);
    }
    if (a.text.n == 1) {
        first++;
        a = cf->args[first < cf->nargs ? first : 1];
    } else {
        a.text = wr_str_skip(a.text, 1);
        a.column++;
    }
    z = first == last ? a : cf->args[last];
    if (first > last || z.text.n == 0 || z.text.p[z.text.n - 1] != ')') {
        return invalid_condition(cf, &z);
    }
    if (z.text.n == 1) {
        last--;
    }
    if (first > last || last - first > 2) {
        return invalid_condition(cf, &a);
    }
    *n = 0;
    for (unsigned i = first; i <= last; i++) {
        wr_tok_t word = cf->args[i];

        if (i == 1 && word.text.n > 0) {
            word.text = wr_str_skip(word.text, 1);
            word.column++;
        }
        if (i == cf->nargs - 1) {
            word.text.n--;
        }
        word.text = wr_str(wr_pool_strz(cf->pool, word.text), word.text.n);
        words[(*n)++] = word;
    }
    return WR_OK;
}

/* $name, $name = text, $name ~ regex … */
static wr_rc_t
variable_condition(wr_conf_t *cf, wr_tok_t *words, unsigned n, condition_t *c)
{
    wr_str_t op;
    int      index;

    if (n == 2) {
        return invalid_condition(cf, &words[0]);
    }
    index = wr_var_use(cf, wr_str_skip(words[0].text, 1));
    if (index < 0) {
        return WR_ERROR;
    }
    c->var = (unsigned) index;
    if (n == 1) {
        c->kind = TEST_TRUE;
        return WR_OK;
    }
    op = words[1].text;
    if (wr_str_starts(op, WR_STR("!"))) {
        c->negated = true;
        op = wr_str_skip(op, 1);
    }
    if (wr_str_eqz(op, "=")) {
        c->kind = TEST_EQUAL;
        return wr_cv_compile(cf, &words[2], &c->value);
    }
    if (wr_str_eqz(op, "~") || wr_str_eqz(op, "~*")) {
        c->kind = TEST_REGEX;
        c->regex = wr_regex_compile(cf, &words[2], op.n == 2, true);
        return c->regex != NULL ? WR_OK : WR_ERROR;
    }
    return wr_conf_fail(cf, &words[1], "unexpected \"%.*s\" in condition",
                        WR_ARG(words[1].text));
}

/* -f path, !-d path … */
static wr_rc_t
file_condition(wr_conf_t *cf, wr_tok_t *words, unsigned n, condition_t *c)
{
    if (n != 2) {
        return invalid_condition(cf, &words[0]);
    }
    c->negated = words[0].text.p[0] == '!';
    switch (words[0].text.p[words[0].text.n - 1]) {
    case 'f':
        c->kind = TEST_FILE;
        break;
    case 'd':
        c->kind = TEST_DIR;
        break;
    case 'e':
        c->kind = TEST_EXISTS;
        break;
    case 'x':
        c->kind = TEST_EXEC;
        break;
    default:
        return invalid_condition(cf, &words[0]);
    }
    return wr_cv_compile(cf, &words[1], &c->value);
}

static wr_rc_t
parse_condition(wr_conf_t *cf, condition_t *c)
{
    wr_tok_t words[3];
    unsigned n = 0;
    wr_str_t first;

    if (condition_words(cf, words, &n) != WR_OK) {
        return WR_ERROR;
    }
    first = words[0].text;
    if (first.n > 1 && first.p[0] == '$') {
        return variable_condition(cf, words, n, c);
    }
    if ((first.n == 2 && first.p[0] == '-')
        || (first.n == 3 && first.p[0] == '!' && first.p[1] == '-'))
    {
        return file_condition(cf, words, n, c);
    }
    return invalid_condition(cf, &words[0]);
}

static wr_rc_t
set_if(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    bool            in_server = (cf->scope->context & WR_SERVER) != 0;
    wr_location_t  *outer = wr_conf_location(cf), *loc;
    rewrite_conf_t *inner;
    condition_t     c = {0};
    op_t           *op;

    (void) d;
    if (parse_condition(cf, &c) != WR_OK) {
        return WR_ERROR;
    }
    loc = wr_location_new(cf, WR_LOC_INNER,
                          outer != NULL ? outer->name : WR_STR("if"),
                          in_server ? WR_IF_SERVER : WR_IF_LOCATION);
    op = add_op(cf, conf, OP_IF);
    op->u.branch.cond = c;
    op->u.branch.location = loc;
    op->u.branch.in_server = in_server;
    inner = wr_scope_own(cf, loc->scope, &WR_SELF->schema);
    op->u.branch.ops = &inner->ops;
    return wr_conf_block(cf, loc->scope);
}

#define IN_SCRIPT (WR_SERVER | WR_IF_SERVER | WR_LOCATION | WR_IF_LOCATION)

const wr_directive_t rewrite_directives[] = {
    WR_ACTION("rewrite", IN_SCRIPT, 2, 3, set_rewrite,
              "If the URI matches the regex, it becomes the replacement; last looks "
              "for a location again, break stays in this one, redirect and permanent "
              "answer 302 and 301.",
              .flags = WR_DF_REPEAT,
              .args = "regex replacement [last | break | redirect | permanent]",
              .example = "rewrite ^/old/(.*)$ /new/$1 permanent;"),
    WR_ACTION("return", IN_SCRIPT, 1, 2, set_return,
              "Answer at once with a status, a text or a redirect; 444 closes the connection "
              "without an answer.",
              .flags = WR_DF_REPEAT, .args = "code [text | URL] | URL",
              .example = "return 301 https://$host$request_uri;"),
    WR_ACTION("set", IN_SCRIPT, 2, 2, set_variable,
              "Give a variable a value.", .flags = WR_DF_REPEAT,
              .args = "$variable value", .example = "set $backend 127.0.0.1:8081;"),
    WR_ACTION("break", IN_SCRIPT, 0, 0, set_break,
              "End this script; the request stays in its location.",
              .flags = WR_DF_REPEAT,
              .example = "break;"),
    WR_BLOCK("if", WR_SERVER | WR_LOCATION, 1, 255, set_if,
             "What stands inside holds if the condition is true: a variable that is neither "
             "empty nor 0, a comparison, or a test of a path: -f a file, -d a folder, -e "
             "either, -x one that can be run.",
             .args = "($variable [= | != | ~ | ~* | !~ | !~* value]) | "
                     "(-f | -d | -e | -x | !-f … path)",
             .example = "if ($request_method = POST) {\n"
                        "    return 405;\n"
                        "}"),
    WR_FLAG("rewrite_log", WR_HTTP | IN_SCRIPT, rewrite_conf_t, log, "off",
            "Log what rewrite and if do, at level notice.",
            .example = "rewrite_log on;"),
    WR_FLAG("uninitialized_variable_warn", WR_HTTP | IN_SCRIPT, rewrite_conf_t, warn,
            "on", "Warn when a variable is used before it was set.",
            .example = "uninitialized_variable_warn off;"),
    WR_END
};
