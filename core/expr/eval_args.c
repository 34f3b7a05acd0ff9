/*
 * The arguments of a call that are more than a few plain ones: *a, **k, or many.
 */
#include <weir/expr/eval_priv.h>

static bool
spread(wr_mach_t *m, const wr_node_t *n, wr_list_t *l)
{
    wr_val_t  v;
    wr_iter_t it;
    wr_rc_t   rc;

    if (!wr_run_node(m, n, &v)) {
        return false;
    }
    if (!wr_is_iterable(&v)) {
        return wr_raise(m->ev, "TypeError",
                        "Value after * must be an iterable, not %s",
                        wr_type_name(&v));
    }
    if (!wr_iter(m->ev, &v, &it)) {
        return false;
    }
    while ((rc = it.next(m->ev, &it, &v)) == WR_OK) {
        if (!wr_mach_step(m)) {
            return false;
        }
        wr_list_push(m->ev->pool, l, v);
    }
    return rc != WR_ERROR;
}

static bool
spread_kw(wr_mach_t *m, const wr_dict_t *d, const char *what, wr_kwarg_t *kw,
          uint32_t *nkw, uint32_t cap)
{
    wr_dict_entry_t *e;
    uint32_t         i = 0, k;

    while ((e = wr_dict_next(d, &i)) != NULL) {
        if (e->key.type != WR_V_STR) {
            return wr_raise(m->ev, "TypeError", "keywords must be strings");
        }
        for (k = 0; k < *nkw; k++) {
            if (wr_str_eq(kw[k].name, wr_val_text(&e->key))) {
                return wr_raise(m->ev, "TypeError",
                                "%s got multiple values for keyword argument "
                                "'%.*s'",
                                what, WR_ARG(kw[k].name));
            }
        }
        WR_ASSERT(*nkw < cap);
        kw[(*nkw)++] = (wr_kwarg_t){wr_val_text(&e->key), e->value};
    }
    return true;
}

bool
wr_run_args_slow(wr_mach_t *m, const wr_argx_t *a, const wr_val_t *first,
                 const wr_kwarg_t *extra, wr_argbuf_t *c)
{
    const char *what = m->ev->sandbox != 0
                           ? "jinja2.sandbox.SandboxedEnvironment.call()"
                           : "jinja2.runtime.Context.call()";
    wr_pool_t  *pool = m->ev->pool;
    wr_list_t  *pos = wr_list_new(pool, a->n + 2);
    wr_kwarg_t *kw;
    wr_val_t    v, dict = {0};
    uint32_t    i, nkw = 0, cap = a->nkw + 1;

    if (first != NULL) {
        wr_list_push(pool, pos, *first);
    }
    for (i = 0; i < a->n; i++) {
        if (!wr_run_node(m, a->pos[i], &v)) {
            return false;
        }
        wr_list_push(pool, pos, v);
    }
    if (a->dyn != NULL && !spread(m, a->dyn, pos)) {
        return false;
    }
    if (a->dynkw != NULL) {
        if (!wr_run_node(m, a->dynkw, &dict)) {
            return false;
        }
        if (dict.type == WR_V_UNDEFINED) {
            return wr_undef_raise(m->ev, &dict);
        }
        if (dict.type != WR_V_DICT) {
            return wr_raise(m->ev, "TypeError",
                            "%s argument after ** must be a mapping, not %s",
                            what, wr_type_name(&dict));
        }
        cap += dict.u.dict->live;
    }
    kw = wr_alloc(pool, cap * sizeof(*kw));
    for (i = 0; i < a->nkw; i++) {
        kw[nkw].name = a->kw[i];
        if (!wr_run_node(m, a->kwv[i], &kw[nkw++].value)) {
            return false;
        }
    }
    if (extra != NULL) {
        kw[nkw++] = *extra;
    }
    if (a->dynkw != NULL
        && !spread_kw(m, dict.u.dict, what, kw, &nkw, cap))
    {
        return false;
    }
    c->args = (wr_args_t){.pos = pos->items, .n = pos->n, .kw = kw, .nkw = nkw};
    return true;
}
