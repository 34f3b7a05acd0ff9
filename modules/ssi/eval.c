/*
 * Variables, texts with variables in them, and the conditions of `if`.
 */
#include <weir/vars/regex.h>
#include "ssi.h"

enum { MAX_GROUPS = 10 };

const wr_str_t *
ssi_variable(ssi_t *s, wr_str_t name)
{
    const wr_array_t *own = &s->shared->variables;

    if (name.n == 1 && wr_is_digit(name.p[0])) {
        size_t n = (size_t) (name.p[0] - '0');

        if (n < s->shared->captures.n) {
            return WR_AT(&s->shared->captures, wr_str_t, n);
        }
    }
    for (uint32_t i = own->n; i > 0; i--) {
        ssi_named_t *v = WR_AT(own, ssi_named_t, i - 1);

        if (wr_str_ieq(v->name, name)) {
            return &v->text;
        }
    }
    /* $1 is what an `if` of the page has captured, never what its location has. */
    return name.n == 1 && wr_is_digit(name.p[0]) ? NULL : wr_var_lookup(s->r, name);
}

void
ssi_set_variable(ssi_t *s, wr_str_t name, wr_str_t value)
{
    for (WR_EACH(ssi_named_t, v, &s->shared->variables)) {
        if (wr_str_ieq(v->name, name)) {
            v->text = value;
            return;
        }
    }
    *WR_PUSH(&s->shared->variables, ssi_named_t) = (ssi_named_t) {name, value};
}

/* At a `$`: appends the value. */
static bool
put_variable(ssi_t *s, wr_str_t whole, wr_str_t *text, wr_buf_t *b)
{
    wr_str_t        rest = wr_str_skip(*text, 1), name;
    bool            braced = rest.n != 0 && rest.p[0] == '{';
    size_t          n = 0;
    const wr_str_t *value;

    rest = wr_str_skip(rest, braced);
    while (n < rest.n && wr_is_word(rest.p[n])) {
        n++;
    }
    name = wr_str_sub(rest, 0, n);
    rest = wr_str_skip(rest, n);
    if (braced && name.n != 0) {
        if (rest.n == 0 || rest.p[0] != '}') {
            wr_log(&s->r->log, WR_LOG_ERR, 0,
                   "the closing bracket in \"%.*s\" variable is missing", WR_ARG(name));
            return false;
        }
        rest = wr_str_skip(rest, 1);
    }
    if (name.n == 0) {
        wr_log(&s->r->log, WR_LOG_ERR, 0, "invalid variable name in \"%.*s\"",
               WR_ARG(whole));
        return false;
    }
    value = ssi_variable(s, name);
    if (value != NULL) {
        wr_buf_str(b, *value);
    }
    *text = rest;
    return true;
}

bool
ssi_text(ssi_t *s, wr_str_t text, wr_str_t *out)
{
    wr_buf_t b = wr_buf(wr_pool(s->r));
    wr_str_t whole = text;

    if (wr_str_chr(text, '$') < 0) {
        *out = text;
        return true;
    }
    while (text.n != 0) {
        char c = text.p[0];

        if (c == '$') {
            if (!put_variable(s, whole, &text, &b)) {
                return false;
            }
            continue;
        }
        if (c == '\\' && text.n > 1) {
            char next = text.p[1];

            if (next != '\\' && next != '\'' && next != '"' && next != '$') {
                wr_buf_char(&b, '\\');
            }
            wr_buf_char(&b, next);
            text = wr_str_skip(text, 2);
            continue;
        }
        wr_buf_char(&b, c);
        text = wr_str_skip(text, 1);
    }
    *out = wr_buf_text(&b);
    return true;
}

/* $0 … $9, and the named groups as variables. */
static void
keep_groups(ssi_t *s, const wr_regex_t *re, wr_str_t subject, const int *groups, int n)
{
    wr_str_t name;
    unsigned group;

    s->shared->captures.n = 0;
    for (int i = 0; i < n && i < MAX_GROUPS; i++) {
        *WR_PUSH(&s->shared->captures, wr_str_t) =
            groups[2 * i] < 0 ? WR_STR("")
                              : wr_str_sub(subject, (size_t) groups[2 * i],
                                           (size_t) groups[2 * i + 1]);
    }
    for (unsigned i = 0; (group = wr_regex_name(re, i, &name)) != 0; i++) {
        ssi_set_variable(s, name, group < s->shared->captures.n
                                  ? *WR_AT(&s->shared->captures, wr_str_t, group)
                                  : WR_STR(""));
    }
}

static bool
invalid(ssi_t *s, wr_str_t expr)
{
    wr_log(&s->r->log, WR_LOG_ERR, 0, "invalid expression in \"%.*s\"", WR_ARG(expr));
    return false;
}

static bool
match(ssi_t *s, wr_str_t subject, wr_str_t pattern, bool *result)
{
    wr_regex_t *re;
    wr_str_t    error;
    int         groups[2 * MAX_GROUPS];
    int         n;

    if (!ssi_text(s, wr_str_sub(pattern, 1, pattern.n - 1), &pattern)) {
        return false;
    }
    re = wr_regex_new(wr_pool(s->r), pattern, false, &error);
    if (re == NULL) {
        wr_log(&s->r->log, WR_LOG_ERR, 0, "%.*s", WR_ARG(error));
        return false;
    }
    n = wr_regex_match(re, subject, groups, MAX_GROUPS);
    *result = n > 0;
    if (n > 0) {
        keep_groups(s, re, subject, groups, n);
    }
    return true;
}

/* left = right, left != right, = /regex/; without an operator: whether it is empty. */
bool
ssi_condition(ssi_t *s, wr_str_t expr, bool *result)
{
    size_t   at = 0;
    bool     negated;
    wr_str_t right, value, other;

    while (at < expr.n && expr.p[at] != '=' && expr.p[at] != '!' && expr.p[at] != ' ') {
        at++;
    }
    if (!ssi_text(s, wr_str_sub(expr, 0, at), &value)) {
        return false;
    }
    while (at < expr.n && expr.p[at] == ' ') {
        at++;
    }
    if (at == expr.n) {
        *result = value.n != 0;
        return true;
    }
    negated = expr.p[at] == '!';
    at += negated;
    if (at == expr.n || expr.p[at] != '=') {
        return invalid(s, expr);
    }
    right = wr_str_skip(expr, at + 1);
    while (right.n != 0 && right.p[0] == ' ') {
        right = wr_str_skip(right, 1);
    }
    if (right.n != 0 && right.p[0] == '/') {
        if (right.n < 2 || right.p[right.n - 1] != '/') {
            return invalid(s, expr);
        }
        if (!match(s, value, right, result)) {
            return false;
        }
    } else {
        if (!ssi_text(s, right, &other)) {
            return false;
        }
        *result = wr_str_eq(value, other);
    }
    *result ^= negated;
    return true;
}
