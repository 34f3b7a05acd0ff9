/*
 * Expressions and inline templates, as the conf has them: any bytes either
 * compile and have a value, or end with an error in the source.
 */
#include <weir/base/utf8.h>
#include <weir/expr/expr.h>

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
slot(void *data, wr_str_t name)
{
    (void) data;
    return wr_str_eqz(name, "json") ? 0 : wr_str_eqz(name, "query") ? 1 : -1;
}

static bool
get(wr_eval_t *ev, void *data, int n, wr_str_t name, wr_val_t *out)
{
    wr_dict_t *d = wr_dict_new(ev->pool, 2);

    (void) data;
    (void) name;
    if (n == 1) {
        return false;
    }
    wr_dict_sets(ev->pool, d, WR_STR("price"), wr_float(2.5));
    wr_dict_sets(ev->pool, d, WR_STR("name"), wr_vstr(WR_STR("<b>")));
    *out = wr_vdict(d);
    return true;
}

static void
check(const wr_err_t *err)
{
    if (err->kind == NULL || !wr_utf8_valid(err->message)) {
        abort();
    }
}

static void
expression(wr_env_t *env, wr_pool_t *pool, wr_str_t source,
           const wr_bindings_t *vars)
{
    wr_err_t   err;
    wr_eval_t  ev;
    wr_val_t   v;
    wr_buf_t   out = wr_buf(pool);
    wr_expr_t *e = wr_expr_compile(env, source, pool, &err);

    if (e == NULL) {
        check(&err);
        return;
    }
    wr_eval_init(&ev, env, pool);
    if (!wr_expr_eval(e, &ev, vars, &v) || !wr_put_repr(&ev, &out, &v)) {
        check(&ev.err);
    }
}

static void
text(wr_env_t *env, wr_pool_t *pool, wr_str_t source, const wr_bindings_t *vars)
{
    wr_err_t     err;
    wr_eval_t    ev;
    wr_buf_t     out = wr_buf(pool);
    wr_inline_t *t = wr_inline_compile(env, source, pool, &err);

    if (t == NULL) {
        check(&err);
        return;
    }
    wr_eval_init(&ev, env, pool);
    if (!wr_inline_render(t, &ev, vars, true, &out)) {
        check(&ev.err);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    wr_pool_t       *pool = wr_pool_new();
    wr_env_options_t o = wr_env_defaults();
    wr_bindings_t        vars = {.get = get};
    wr_str_t         source = wr_str((const char *) data, size);
    wr_env_t        *env;

    if (size != 0 && wr_utf8_valid(source)) {
        o.names.slot = slot;
        o.limits = (wr_limits_t) {.steps = 20000, .memory = 32 << 20,
                                  .string = 1 << 18, .range = 10000};
        env = wr_env_new(pool, &o);
        expression(env, pool, source, &vars);
        text(env, pool, source, &vars);
    }
    wr_pool_free(pool);
    return 0;
}
