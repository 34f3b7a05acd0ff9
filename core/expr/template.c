/*
 * Compiled templates: making, sharing, rendering.
 */
#include <weir/expr/compile.h>
#include <weir/expr/expr_priv.h>
#include <weir/expr/guard.h>
#include <weir/expr/pretty.h>

/* Does the name end so that its output is escaped? */
static bool
selects(const wr_env_options_t *o, wr_str_t name)
{
    static const wr_str_t html[] = {WR_STR_INIT(".html"), WR_STR_INIT(".htm"),
                                    WR_STR_INIT(".xml")};
    const wr_str_t       *v = o->endings != NULL ? o->endings : html;
    uint32_t n = o->endings != NULL ? o->nendings : WR_COUNT(html), i;

    for (i = 0; i < n; i++) {
        if (name.n >= v[i].n
            && wr_str_ieq(wr_str_skip(name, name.n - v[i].n), v[i])) {
            return true;
        }
    }
    return false;
}

wr_template_t *
wr_template_new(wr_env_t *env, wr_str_t name)
{
    wr_pool_t     *pool = wr_pool_new();
    wr_template_t *t = WR_NEW(pool, wr_template_t);

    atomic_init(&t->refs, 1);
    t->pool = pool;
    t->env = env;
    if (name.p != NULL && name.n != 0) {
        t->name = wr_pool_str(pool, name);
    }
    t->autoescape = env->options.autoescape == WR_AUTO_ON
                    || (env->options.autoescape == WR_AUTO_SELECT
                        && t->name.p != NULL && selects(&env->options, name));
    return t;
}

wr_template_t *
wr_template_compile(wr_env_t *env, wr_str_t name, wr_str_t source,
                    wr_pool_t *pool, wr_err_t *err)
{
    wr_template_t *t = wr_template_new(env, name);
    wr_pool_t     *tmp = wr_pool_new();

    *err = (wr_err_t){0};
    if (!wr_compile_source(t, tmp, source, err)) {
        err->name = name;
        wr_err_keep(err, pool);
        wr_template_free(t);
        t = NULL;
    }
    wr_pool_free(tmp);
    return t;
}

void
wr_template_ref(const wr_template_t *t)
{
    atomic_fetch_add_explicit(&((wr_template_t *) t)->refs, 1,
                              memory_order_relaxed);
}

void
wr_template_free(const wr_template_t *t)
{
    wr_template_t *own = (wr_template_t *) t;

    if (t != NULL
        && atomic_fetch_sub_explicit(&own->refs, 1, memory_order_acq_rel) == 1)
    {
        wr_pool_free(own->pool);
    }
}

wr_str_t
wr_template_name(const wr_template_t *t)
{
    return t->name;
}

uint32_t
wr_template_nnames(const wr_template_t *t)
{
    return t->noutside;
}

wr_str_t
wr_template_name_at(const wr_template_t *t, uint32_t i)
{
    return t->outside[i]->s;
}

int
wr_template_slot_at(const wr_template_t *t, uint32_t i)
{
    return t->outside[i]->slot;
}

uint32_t
wr_template_nrefs(const wr_template_t *t)
{
    return t->nrefs_to;
}

const wr_template_to_t *
wr_template_ref_at(const wr_template_t *t, uint32_t i)
{
    return &t->refs_to[i];
}

typedef struct {
    wr_mach_t            m;
    const wr_template_t *t;
} render_t;

static bool
run(wr_eval_t *ev, void *data)
{
    render_t *r = data;

    (void) ev;
    return wr_run_root(&r->m, r->t, wr_ctx_new(&r->m, r->t, NULL, false));
}

bool
wr_template_render(const wr_template_t *t, wr_eval_t *ev, const wr_bindings_t *vars,
                   wr_buf_t *out)
{
    render_t  r;
    void     *was = ev->machine;
    bool      ok, was_auto = ev->autoescape;
    uint32_t  hint;
    wr_template_t *own = (wr_template_t *) t;   /* for the hint alone */

    /* Most renders of a template are about as long as the last. */
    hint = atomic_load_explicit(&own->size_hint, memory_order_relaxed);
    wr_buf_reserve(out, hint + hint / 8 + 256);
    wr_mach_start(&r.m, ev, t->env, vars, out);
    r.t = t;
    ok = wr_guarded(ev, run, &r);
    if (!ok) {
        wr_err_keep(&ev->err, ev->pool);
    } else if (out->n < UINT32_MAX && out->n != hint) {
        atomic_store_explicit(&own->size_hint, (uint32_t) out->n,
                              memory_order_relaxed);
    }
    wr_mach_end(&r.m);
    ev->machine = was;
    ev->autoescape = was_auto;
    return ok;
}

/* {% debug %} */
static wr_val_t
sorted_names(wr_pool_t *pool, const wr_map_t *map)
{
    wr_list_t *l = wr_list_new(pool, map->n);
    uint32_t   i, k;
    wr_val_t   v;

    for (i = 0; i < map->n; i++) {
        v = wr_vstr(map->entries[i].key);
        wr_list_push(pool, l, v);
        for (k = i;
             k > 0
             && wr_str_cmp(wr_val_text(&l->items[k - 1]), wr_val_text(&v)) > 0;
             k--)
        {
            l->items[k] = l->items[k - 1];
        }
        l->items[k] = v;
    }
    return wr_vlist(l);
}

bool
wr_eval_debug(wr_mach_t *m, const wr_node_t *n, wr_val_t *out)
{
    wr_pool_t                    *pool = m->ev->pool;
    wr_dict_t                    *d = wr_dict_new(pool, 4);
    wr_buf_t                      b = wr_buf(pool);
    wr_val_t                      v;
    static const wr_pretty_opts_t opts = {.depth = 3, .compact = true};

    (void) n;
    wr_dict_sets(pool, d, WR_STR("context"), wr_ctx_dict(m, m->f->ctx));
    wr_dict_sets(pool, d, WR_STR("filters"),
                 sorted_names(pool, &m->env->filters));
    wr_dict_sets(pool, d, WR_STR("tests"), sorted_names(pool, &m->env->tests));
    v = wr_vdict(d);
    if (!wr_pretty(m->ev, &b, &v, &opts)) {
        return false;
    }
    *out = wr_vstr(wr_buf_text(&b));
    return true;
}
