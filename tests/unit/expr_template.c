/*
 * Templates: the environment's cache, sharing among threads, tables of a
 * module's own, limits, deep nesting, what a compiled template tells.
 */
#include <weir/expr/template.h>

#include <pthread.h>

#include "check.h"

static wr_pool_t *pool;
static int        loads;
static bool       stale;
static char       deep[200000];

static wr_rc_t
load(void *data, wr_pool_t *p, wr_str_t name, wr_source_t *out, wr_err_t *err)
{
    static const char *const files[][2] = {
        {"base", "<{% block b %}base{% endblock %}>"},
        {"child", "{% extends 'base' %}{% block b %}{{ super() }} {{ x }}"
                  "{% endblock %}"},
        {"page.html", "{{ x }}"}, {"page.txt", "{{ x }}"},
        {"self", "{% include 'self' %}"},
        {"refs", "{% include 'a' %}{% include x %}{% import 'b' as q %}{{ y }}"
                 "{% set z = 1 %}{{ z }}"},
    };

    (void) data;
    loads++;
    if (wr_str_eqz(name, "broken")) {
        *err = (wr_err_t) {.kind = "OSError",
                           .message = wr_pool_str(p, WR_STR("cannot read"))};
        return WR_ERROR;
    }
    for (size_t i = 0; i < WR_COUNT(files); i++) {
        if (wr_str_eqz(name, files[i][0])) {
            out->text = wr_str_z(files[i][1]);
            return WR_OK;
        }
    }
    return WR_NOTFOUND;
}

static bool
fresh(void *data, wr_str_t name, const wr_source_t *source)
{
    (void) data;
    (void) name;
    (void) source;
    return !stale;
}

static wr_env_options_t
options(void)
{
    wr_env_options_t o = wr_env_defaults();

    o.loader.load = load;
    o.loader.fresh = fresh;
    return o;
}

/* The output with x = "<", or "KIND line: message". */
static wr_str_t
render(const wr_template_t *t, wr_env_t *env, wr_pool_t *p)
{
    wr_dict_t    *d = wr_dict_new(p, 1);
    wr_bindings_t vars = {.dict = d};
    wr_eval_t     ev;
    wr_buf_t      out = wr_buf(p);

    wr_dict_sets(p, d, WR_STR("x"), wr_vstr(WR_STR("<")));
    wr_eval_init(&ev, env, p);
    if (!wr_template_render(t, &ev, &vars, &out)) {
        return wr_pool_printf(p, "%s %u: %.*s", ev.err.kind, ev.err.line,
                              WR_ARG(ev.err.message));
    }
    return wr_buf_text(&out);
}

static wr_str_t
named(wr_env_t *env, const char *name)
{
    wr_err_t       err;
    wr_template_t *t = wr_env_get(env, wr_str_z(name), pool, &err);
    wr_str_t       s;

    if (t == NULL) {
        return wr_pool_printf(pool, "%s: %.*s", err.kind, WR_ARG(err.message));
    }
    s = render(t, env, pool);
    wr_template_free(t);
    return s;
}

static wr_str_t
source(wr_env_t *env, wr_str_t text)
{
    wr_err_t       err;
    wr_template_t *t = wr_template_compile(env, WR_STR("t"), text, pool, &err);
    wr_str_t       s;

    if (t == NULL) {
        return wr_pool_printf(pool, "%s %u: %.*s", err.kind, err.line,
                              WR_ARG(err.message));
    }
    s = render(t, env, pool);
    wr_template_free(t);
    return s;
}

static void
cache(void)
{
    wr_env_options_t o = options();
    wr_env_t        *env;

    o.autoescape = WR_AUTO_SELECT;
    env = wr_env_new(pool, &o);
    CHECK_STR(named(env, "child"), "<base <>");
    CHECK_STR(named(env, "page.html"), "&lt;");
    CHECK_STR(named(env, "page.txt"), "<");
    loads = 0;
    CHECK_STR(named(env, "child"), "<base <>");
    CHECK_INT(loads, 0);
    stale = true;
    CHECK_STR(named(env, "child"), "<base <>");
    CHECK_INT(loads, 2);
    stale = false;
    CHECK_STR(named(env, "gone"), "TemplateNotFound: gone");
    CHECK_STR(named(env, "broken"), "OSError: cannot read");
}

static void
questions(void)
{
    wr_env_options_t o = options();
    wr_env_t        *env = wr_env_new(pool, &o);
    wr_err_t         err;
    wr_template_t   *t = wr_env_get(env, WR_STR("refs"), pool, &err);

    CHECK(t != NULL);
    CHECK_STR(wr_template_name(t), "refs");
    CHECK_INT(wr_template_nrefs(t), 2);
    CHECK_STR(wr_template_ref_at(t, 0)->name, "a");
    CHECK_STR(wr_template_ref_at(t, 1)->name, "b");
    CHECK_INT(wr_template_nnames(t), 2);
    CHECK_STR(wr_template_name_at(t, 0), "x");
    CHECK_STR(wr_template_name_at(t, 1), "y");
    wr_template_free(t);
}

static bool
twice(wr_eval_t *ev, const wr_args_t *args, wr_val_t *out)
{
    return wr_op_add(ev, &args->pos[0], &args->pos[0], out);
}

static const wr_fn_row_t own[] = {
    {"twice", twice, "x", "Twice the value.", WR_FN_PURE},
    {.name = NULL},
};

static void
tables(void)
{
    wr_env_options_t o = options();
    wr_env_t        *env = wr_env_new(pool, &o);

    wr_env_add_filters(env, own);
    wr_env_add_tests(env, own);
    wr_env_add_globals(env, own);
    wr_env_set_global(env, WR_STR("site"), wr_vstr(WR_STR("weir")));
    CHECK_STR(source(env, WR_STR("{{ 4|twice }}{{ twice(x) }}{{ site }}"
                                 "{{ ['a']|map('twice')|first }}")),
              "8<<weiraa");
    CHECK(wr_env_global_row(env, WR_STR("twice")) == own);
    CHECK(wr_env_global_row(env, WR_STR("site")) == NULL);
}

static void
limits(void)
{
    wr_env_options_t o = options();
    wr_env_t        *env;
    wr_str_t         s;

    o.limits = (wr_limits_t) {.steps = 1000, .output = 5000};
    env = wr_env_new(pool, &o);
    s = source(env, WR_STR("\n{% for i in range(2000) %}{% endfor %}"));
    CHECK_STR(s, "LimitError 2: the template takes more than 1000 steps");
    s = source(env, WR_STR("{% for i in range(900) %}0123456789{% endfor %}"));
    CHECK_STR(s, "LimitError 1: the output is longer than 5000 bytes");
    CHECK_STR(source(env, WR_STR("{% for i in range(9) %}{{ i }}{% endfor %}")),
              "012345678");
    s = named(env, "self");
    CHECK(wr_str_starts(s, WR_STR("RecursionError 1: maximum recursion")));
    s = source(env, WR_STR("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}"));
    CHECK(wr_str_starts(s, WR_STR("RecursionError 1: maximum recursion")));
    s = source(env, WR_STR("{% for x in [1] recursive %}{{ loop([1]) }}"
                           "{% endfor %}"));
    CHECK(wr_str_starts(s, WR_STR("RecursionError 1: maximum recursion")));
}

/* `n` times `piece`, between `head` and `tail`. */
static wr_str_t
repeat(const char *head, const char *piece, size_t n, const char *tail)
{
    char *p = deep;

    p = stpcpy(p, head);
    while (n-- != 0 && (size_t) (p - deep) + 100 < sizeof(deep)) {
        p = stpcpy(p, piece);
    }
    p = stpcpy(p, tail);
    return wr_str(deep, (size_t) (p - deep));
}

static void
nesting(void)
{
    static const char *const rows[][3] = {
        {"{{ ", "(", " }}"}, {"{{ ", "[", " }}"}, {"{{ ", "{1:", " }}"},
        {"{{ ", "-", "1 }}"}, {"{{ ", "not ", "1 }}"}, {"{{ 1", " + x", " }}"},
        {"{{ x", "|string", " }}"}, {"{{ x", ".a", " }}"},
        {"{{ x", "[0]", " }}"}, {"{{ x", "()", " }}"},
        {"{{ 1", " if x else 1", " }}"}, {"{{ 1", " ** x", " }}"},
        {"{{ 1", " or x", " }}"}, {"{{ 1", " is x is", " }}"},
        {"", "{% if x %}", ""}, {"", "{% for x in y %}", ""},
        {"", "{% macro m() %}", ""}, {"", "{% filter upper %}", ""},
        {"", "{% block b %}", ""}, {"", "{% set x %}", ""},
        {"", "{% with %}", ""}, {"", "{% call m() %}", ""},
        {"{{ f(", "f(", " }}"}, {"{% set ", "(", "a"},
    };
    wr_env_options_t o = options();
    wr_env_t        *env = wr_env_new(pool, &o);
    wr_str_t         s;

    for (size_t i = 0; i < WR_COUNT(rows); i++) {
        s = source(env, repeat(rows[i][0], rows[i][1], 20000, rows[i][2]));
        CHECK(wr_str_find(s, WR_STR("Error ")) > 0);
    }
    CHECK_STR(source(env, repeat("{{ 1", " + 1", 800, " }}")), "801");
    s = source(env, repeat("", "{% if 1 %}{% elif x %}", 1, "a{% endif %}"));
    CHECK_STR(s, "");
}

typedef struct {
    wr_env_t      *env;
    wr_template_t *t;
    bool           ok;
} work_t;

static void *
worker(void *data)
{
    work_t    *w = data;
    wr_pool_t *p = wr_pool_new();

    w->ok = true;
    for (int i = 0; i < 200; i++) {
        w->ok &= wr_str_eqz(render(w->t, w->env, p), "<base <>");
        wr_pool_clear(p);
    }
    wr_pool_free(p);
    wr_pool_trim_cache();
    return NULL;
}

static void
threads(void)
{
    wr_env_options_t o = options();
    wr_env_t        *env = wr_env_new(pool, &o);
    wr_err_t         err;
    wr_template_t   *t = wr_env_get(env, WR_STR("child"), pool, &err);
    work_t           work[4];
    pthread_t        id[4];

    CHECK(t != NULL);
    for (int i = 0; i < 4; i++) {
        work[i] = (work_t) {env, t, false};
        CHECK(pthread_create(&id[i], NULL, worker, &work[i]) == 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(id[i], NULL);
        CHECK(work[i].ok);
    }
    wr_template_free(t);
}

int
main(void)
{
    pool = wr_pool_new();
    cache();
    questions();
    tables();
    limits();
    nesting();
    threads();
    wr_pool_free(pool);
    wr_pool_trim_cache();
    return check_status();
}
