/*
 * Expressions and inline templates by themselves: names of a host, laziness,
 * what can be asked of a compiled one, places of errors.
 */
#include <weir/expr/expr.h>

#include "check.h"

static wr_pool_t *pool;
static wr_env_t  *env;
static int        asked[3];     /* how often the host was asked, by slot */

static int
slot(void *data, wr_str_t name)
{
    static const char *const names[] = {"json", "query", "session"};

    (void) data;
    for (int i = 0; i < 3; i++) {
        if (wr_str_eqz(name, names[i])) {
            return i;
        }
    }
    return -1;
}

static bool
get(wr_eval_t *ev, void *data, int n, wr_str_t name, wr_val_t *out)
{
    wr_dict_t *d;

    CHECK(data == &asked);
    CHECK_INT(slot(NULL, name), n);
    asked[n]++;
    if (n == 2) {
        return wr_raise(ev, "RuntimeError", "no session");
    }
    if (n == 1) {
        return false;
    }
    d = wr_dict_new(ev->pool, 2);
    wr_dict_sets(ev->pool, d, WR_STR("price"), wr_float(10.0));
    wr_dict_sets(ev->pool, d, WR_STR("name"), wr_vstr(WR_STR("<b>")));
    *out = wr_vdict(d);
    return true;
}

static bool
slow(wr_eval_t *ev, const wr_args_t *args, wr_val_t *out)
{
    (void) ev;
    *out = wr_int(args->n);
    return true;
}

static const wr_fn_row_t own[] = {
    {"slow_one", slow, "a", "Counts.", WR_FN_SLOW},
    {.name = NULL},
};

static const wr_bindings_t host = {.get = get, .data = &asked};

static wr_expr_t *
compile(const char *source, wr_err_t *err)
{
    return wr_expr_compile(env, wr_str_z(source), pool, err);
}

/* The repr of the expression's value, or "KIND: message". */
static wr_str_t
value(const char *source)
{
    wr_err_t   err;
    wr_eval_t  ev;
    wr_val_t   v;
    wr_buf_t   b = wr_buf(pool);
    wr_expr_t *e = compile(source, &err);

    if (e == NULL) {
        return wr_pool_printf(pool, "%s %u:%u: %.*s", err.kind, err.line,
                              err.column, WR_ARG(err.message));
    }
    wr_eval_init(&ev, env, pool);
    if (!wr_expr_eval(e, &ev, &host, &v) || !wr_put_repr(&ev, &b, &v)) {
        return wr_pool_printf(pool, "%s: %.*s", ev.err.kind,
                              WR_ARG(ev.err.message));
    }
    return wr_buf_text(&b);
}

static void
values(void)
{
    CHECK_STR(value("json.price * 1.19|round(2)"), "11.899999999999999");
    CHECK_STR(value("1 + 2 * 3"), "7");
    CHECK_STR(value("[1, 2]|map('string')|list"), "['1', '2']");
    CHECK_STR(value("(1 if query is defined else 2)"), "2");
    CHECK_STR(value("query.page|default(1)"),
              "UndefinedError: 'query' is undefined");
    CHECK_STR(value("nope"), "Undefined");
    CHECK_STR(value("session.x"), "RuntimeError: no session");
    CHECK_STR(value("1 / 0"), "ZeroDivisionError: division by zero");
    CHECK_STR(value("json.name ~ 1"), "'<b>1'");
}

static void
errors(void)
{
    CHECK_STR(value("1 +"), "TemplateSyntaxError 1:4: unexpected 'end of "
                            "template'");
    CHECK_STR(value("a b"), "TemplateSyntaxError 1:3: chunk after expression");
    CHECK_STR(value("a\n  )"), "TemplateSyntaxError 2:3: unexpected ')'");
    CHECK_STR(value("1|nope"), "TemplateAssertionError 1:3: No filter named "
                               "'nope'.");
    CHECK_STR(value("a }} b"), "TemplateSyntaxError 1:3: chunk after "
                               "expression");
}

/* A name is asked for once, and only if it is used. */
static void
laziness(void)
{
    memset(asked, 0, sizeof(asked));
    CHECK_STR(value("json.price if true else session"), "10.0");
    CHECK_INT(asked[0], 1);
    CHECK_INT(asked[2], 0);
    CHECK_STR(value("json.price + json.price"), "20.0");
    CHECK_INT(asked[0], 2);
    CHECK_STR(value("false and session"), "False");
    CHECK_INT(asked[2], 0);
}

static void
questions(void)
{
    wr_err_t   err;
    wr_val_t   v;
    wr_expr_t *e = compile("json.a + slow_one(other) + json.b", &err);

    CHECK(e != NULL);
    CHECK_INT(wr_expr_nnames(e), 3);
    CHECK_STR(wr_expr_name_at(e, 0), "json");
    CHECK_INT(wr_expr_slot_at(e, 0), 0);
    CHECK_STR(wr_expr_name_at(e, 1), "slow_one");
    CHECK_INT(wr_expr_slot_at(e, 1), -1);
    CHECK(wr_expr_uses(e, "other"));
    CHECK(!wr_expr_uses(e, "session"));
    CHECK(wr_expr_calls(e, WR_FN_SLOW));
    CHECK(!wr_expr_const(e, &v));
    CHECK_STR(value("slow_one(1, 2)"), "2");

    e = compile("range(3)|list", &err);
    CHECK(e != NULL && !wr_expr_calls(e, WR_FN_SLOW));
    e = compile("'a' ~ 2 * 3", &err);
    CHECK(e != NULL && wr_expr_const(e, &v));
    CHECK_STR(wr_val_text(&v), "a6");
}

static void
slots(void)
{
    wr_val_t      v[2] = {wr_int(4), {.type = WR_V_UNDEFINED, .aux = 1}}, out;
    wr_bindings_t b = {.slots = v, .nslots = 2};
    wr_err_t      err;
    wr_eval_t     ev;
    wr_expr_t    *e = compile("json + 1 if query is undefined else 0", &err);

    CHECK(e != NULL);
    wr_eval_init(&ev, env, pool);
    CHECK(wr_expr_eval(e, &ev, &b, &out));
    CHECK_INT(out.u.i, 5);
}

static wr_str_t
text(const char *source, bool escaped)
{
    wr_err_t     err;
    wr_eval_t    ev;
    wr_buf_t     b = wr_buf(pool);
    wr_inline_t *t = wr_inline_compile(env, wr_str_z(source), pool, &err);

    if (t == NULL) {
        return wr_pool_printf(pool, "%s %u:%u: %.*s", err.kind, err.line,
                              err.column, WR_ARG(err.message));
    }
    wr_eval_init(&ev, env, pool);
    if (!wr_inline_render(t, &ev, &host, escaped, &b)) {
        return wr_pool_printf(pool, "%s: %.*s", ev.err.kind,
                              WR_ARG(ev.err.message));
    }
    return wr_buf_text(&b);
}

static void
inlines(void)
{
    wr_err_t     err;
    wr_inline_t *t;

    CHECK_STR(text("/posts/{{ json.price|int }}", false), "/posts/10");
    CHECK_STR(text("{% x %}{# y #}{{ '}}' }}{{ {'a': {}}.a }}\n", false),
              "{% x %}{# y #}}}{}\n");
    CHECK_STR(text("{{ json.name }}|{{ nope }}|", true), "&lt;b&gt;||");
    CHECK_STR(text("", false), "");
    CHECK_STR(text("a  {{- 'b' -}} \n c {{ 'd' -}}  {{- -5 }} e", false), "abc d-5 e");
    CHECK_STR(text("{{-5}} {{ 6-}} {{- -}} ", false),
              "TemplateSyntaxError 1:20: unexpected 'end of template'");
    CHECK_STR(text("{{ '-' -}} x{{ 1 - 2 }}", false), "-x-1");
    CHECK_STR(text("a {{ 1 + }}", false),
              "TemplateSyntaxError 1:10: unexpected 'end of template'");
    CHECK_STR(text("a\nbc {{ 1", false),
              "TemplateSyntaxError 2:4: unexpected end of template, expected "
              "'end of print statement'.");

    t = wr_inline_compile(env, WR_STR("select {{ a }}, {{ b }};"), pool, &err);
    CHECK(t != NULL && t->n == 3);
    CHECK_STR(t->parts[0].text, "select ");
    CHECK(wr_expr_uses(t->parts[0].expr, "a"));
    CHECK_STR(t->parts[1].text, ", ");
    CHECK_STR(t->parts[2].text, ";");
    CHECK(t->parts[2].expr == NULL);
}

int
main(void)
{
    wr_env_options_t o = wr_env_defaults();

    pool = wr_pool_new();
    o.names.slot = slot;
    env = wr_env_new(pool, &o);
    wr_env_add_globals(env, own);
    values();
    errors();
    laziness();
    questions();
    slots();
    inlines();
    wr_pool_free(pool);
    wr_pool_trim_cache();
    return check_status();
}
