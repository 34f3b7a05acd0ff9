/*
 * The environment: options, the tables of filters, tests and globals, and the
 * cache of compiled templates.
 */
#include <weir/expr/builtins.h>
#include <weir/expr/expr_priv.h>
#include <weir/expr/gettext.h>

enum { /* limits unless the options say other */
    MAX_STEPS = 100 * 1000 * 1000,
    MAX_DEPTH = 994,
    MAX_STRING = 64 << 20,
    MAX_RANGE = 1 << 30,
};

static const uint64_t max_output = (uint64_t) 1 << 30;
static const uint64_t max_memory = (uint64_t) 2 << 30;

wr_env_options_t
wr_env_defaults(void)
{
    return (wr_env_options_t){.lex = wr_lex_default};
}

void
wr_env_add_filters(wr_env_t *env, const wr_fn_row_t *rows)
{
    for (; rows->name != NULL; rows++) {
        wr_map_set(&env->filters, wr_str_z(rows->name), (void *) rows);
    }
}

void
wr_env_add_tests(wr_env_t *env, const wr_fn_row_t *rows)
{
    for (; rows->name != NULL; rows++) {
        wr_map_set(&env->tests, wr_str_z(rows->name), (void *) rows);
    }
}

void
wr_env_set_global(wr_env_t *env, wr_str_t name, wr_val_t value)
{
    wr_val_t *v = WR_NEW(env->pool, wr_val_t);

    *v = value;
    wr_map_set(&env->globals, wr_pool_str(env->pool, name), v);
}

void
wr_env_add_globals(wr_env_t *env, const wr_fn_row_t *rows)
{
    for (; rows->name != NULL; rows++) {
        wr_env_set_global(env, wr_str_z(rows->name),
                          wr_vfunc(env->pool, rows->name, rows->fn, NULL));
        wr_map_set(&env->global_rows, wr_str_z(rows->name), (void *) rows);
    }
}

const wr_fn_row_t *
wr_env_global_row(const wr_env_t *env, wr_str_t name)
{
    return wr_map_get(&env->global_rows, name);
}

static void
default_limits(wr_limits_t *l)
{
    l->steps = l->steps != 0 ? l->steps : MAX_STEPS;
    l->output = l->output != 0 ? l->output : max_output;
    l->memory = l->memory != 0 ? l->memory : max_memory;
    l->depth = l->depth != 0 ? l->depth : MAX_DEPTH;
    l->string = l->string != 0 ? l->string : MAX_STRING;
    l->range = l->range != 0 ? l->range : MAX_RANGE;
}

static void
forget_cache(void *data)
{
    wr_env_t *env = data;
    uint32_t  i;

    for (i = 0; i < env->cache.n; i++) {
        if (env->cache.entries[i].value != NULL) {
            wr_template_free(env->cache.entries[i].value);
        }
    }
    pthread_mutex_destroy(&env->lock);
}

wr_env_t *
wr_env_new(wr_pool_t *pool, const wr_env_options_t *options)
{
    wr_env_t *env = WR_NEW(pool, wr_env_t);

    env->pool = pool;
    env->options = *options;
    default_limits(&env->options.limits);
    env->filters = wr_map(pool, false);
    env->tests = wr_map(pool, false);
    env->globals = wr_map(pool, false);
    env->global_rows = wr_map(pool, false);
    env->cache = wr_map(pool, false);
    pthread_mutex_init(&env->lock, NULL);
    wr_pool_on_free(pool, forget_cache, env);
    wr_env_add_filters(env, wr_filters);
    wr_env_add_tests(env, wr_tests);
    wr_env_add_globals(env, wr_globals);
    if ((options->extensions & WR_EXT_I18N) != 0) {
        wr_env_add_globals(env, wr_gettext_globals);
    }
    return env;
}

const wr_env_options_t *
wr_env_options(const wr_env_t *env)
{
    return &env->options;
}

void
wr_eval_init(wr_eval_t *ev, const wr_env_t *env, wr_pool_t *pool)
{
    *ev = (wr_eval_t){
        .pool = pool,
        .env = env,
        .undef_kind = env->options.undefined,
        .sandbox = env->options.sandbox,
        .limits = env->options.limits,
        .autoescape = env->options.autoescape == WR_AUTO_ON,
        .memory_from = wr_pool_used(pool),
    };
}

/* ---- what filters ask ---- */

const wr_fn_row_t *
wr_env_filter(wr_eval_t *ev, wr_str_t name)
{
    const wr_env_t *env = ev->env;

    return env != NULL ? wr_map_get(&env->filters, name) : NULL;
}

const wr_fn_row_t *
wr_env_test(wr_eval_t *ev, wr_str_t name)
{
    const wr_env_t *env = ev->env;

    return env != NULL ? wr_map_get(&env->tests, name) : NULL;
}

bool
wr_policy(wr_eval_t *ev, const char *name, wr_val_t *out)
{
    const wr_env_t *env = ev->env;
    const wr_val_t *v;

    if (env == NULL || env->options.policies == NULL) {
        return false;
    }
    v = wr_dict_gets(env->options.policies, wr_str_z(name));
    if (v == NULL) {
        return false;
    }
    *out = *v;
    return true;
}

wr_str_t
wr_env_newline(wr_eval_t *ev)
{
    const wr_env_t *env = ev->env;

    return env != NULL ? env->options.lex.newline : WR_STR("\n");
}

/* ---- the cache ---- */

static wr_template_t *
load(wr_env_t *env, wr_str_t name, wr_pool_t *pool, wr_err_t *err)
{
    const wr_loader_t *l = &env->options.loader;
    wr_pool_t         *tmp = wr_pool_new();
    wr_source_t        source = {0};
    wr_template_t     *t = NULL;
    wr_rc_t            rc = WR_NOTFOUND;

    if (l->load != NULL) {
        rc = l->load(l->data, tmp, name, &source, err);
    }
    switch (rc) {
    case WR_OK:
        t = wr_template_compile(env, name, source.text, pool, err);
        if (t != NULL) {
            t->source = source;
            t->source.text = WR_STR_NONE;
            t->source.file = wr_pool_str(t->pool, source.file);
        }
        break;
    case WR_NOTFOUND:
        *err = (wr_err_t){.kind = "TemplateNotFound",
                          .message = wr_pool_str(pool, name)};
        break;
    default: wr_err_keep(err, pool); break;
    }
    wr_pool_free(tmp);
    return t;
}

wr_template_t *
wr_env_get(wr_env_t *env, wr_str_t name, wr_pool_t *pool, wr_err_t *err)
{
    const wr_loader_t *l = &env->options.loader;
    wr_template_t     *t, *old;
    wr_pool_guard_t    was;

    /* nothing may be left in its middle with the lock held */
    was = wr_pool_guard(pool, (wr_pool_guard_t) {0, NULL, NULL});
    pthread_mutex_lock(&env->lock);
    t = old = wr_map_get(&env->cache, name);
    if (t != NULL && l->fresh != NULL && !l->fresh(l->data, name, &t->source)) {
        t = NULL;
    }
    if (t == NULL) {
        t = load(env, name, pool, err);
        if (t != NULL) {
            wr_map_set(&env->cache,
                       old != NULL ? name : wr_pool_str(env->pool, name), t);
            if (old != NULL) {
                wr_template_free(old);
            }
        }
    }
    if (t != NULL) {
        wr_template_ref(t);
    }
    pthread_mutex_unlock(&env->lock);
    wr_pool_guard(pool, was);
    return t;
}
