/*
 * Contexts: what names mean that are not locals.
 *
 * A context is a thin layer over the one it stems from; looking a name up walks
 * down the layers to the render's variables and the globals. Layers hold few
 * names, so they are arrays; the hash of a name is known since it was compiled.
 */
#include <weir/expr/code.h>

wr_ctx_t *
wr_ctx_new(wr_mach_t *m, const wr_template_t *tpl, wr_ctx_t *below, bool bare)
{
    struct {
        wr_ctx_t             ctx;
        wr_ectx_t            ectx;
        wr_chain_t           chain;
        const wr_template_t *first[4];
    } *all = wr_zalloc(m->ev->pool, sizeof(*all));

    all->ctx.tpl = tpl;
    all->ctx.below = below;
    all->ctx.bare = bare;
    all->ctx.ectx = &all->ectx;
    all->ctx.chain = &all->chain;
    all->ectx.autoescape = tpl->autoescape;
    all->chain.v = all->first;
    all->chain.cap = WR_COUNT(all->first);
    all->chain.n = 1;
    all->first[0] = tpl;
    return &all->ctx;
}

static inline bool
same_name(const wr_name_t *a, const wr_name_t *b)
{
    return a == b || (a->hash == b->hash && wr_str_eq(a->s, b->s));
}

static wr_cvar_t *
find_var(wr_cvar_t *v, uint32_t n, const wr_name_t *name)
{
    uint32_t i;

    for (i = 0; i < n; i++) {
        if (same_name(v[i].name, name)) {
            return &v[i];
        }
    }
    return NULL;
}

void
wr_ctx_set(wr_mach_t *m, wr_ctx_t *c, const wr_name_t *name, const wr_val_t *v,
           bool exported)
{
    wr_cvar_t *var = find_var(c->vars, c->nvars, name), *more;

    if (var == NULL) {
        if (c->nvars == c->capvars) {
            c->capvars = c->capvars == 0 ? 8 : c->capvars * 2;
            more = WR_NEW_N(m->ev->pool, wr_cvar_t, c->capvars);
            if (c->nvars != 0) {
                memcpy(more, c->vars, c->nvars * sizeof(*more));
            }
            c->vars = more;
        }
        var = &c->vars[c->nvars++];
        *var = (wr_cvar_t){.name = name};
    }
    var->value = *v;
    var->exported |= exported && name->s.p[0] != '_';
}

void
wr_ctx_unexport(wr_ctx_t *c, const wr_name_t *name)
{
    wr_cvar_t *var = find_var(c->vars, c->nvars, name);

    if (var != NULL && name->s.p[0] != '_') {
        var->exported = false;
    }
}

static bool
find_given(wr_mach_t *m, const wr_name_t *name, wr_val_t *out)
{
    const wr_bindings_t *vars = m->vars;
    const wr_val_t  *v;

    if (vars != NULL) {
        v = vars->dict != NULL ? wr_dict_gets(vars->dict, name->s) : NULL;
        if (v != NULL) {
            *out = *v;
            return true;
        }
        if (name->slot >= 0) {
            if (vars->slots != NULL && (uint32_t) name->slot < vars->nslots
                && wr_given(&vars->slots[name->slot]))
            {
                *out = vars->slots[name->slot];
                return true;
            }
            if (vars->get != NULL
                && vars->get(m->ev, vars->data, name->slot, name->s, out)) {
                return true;
            }
        }
    }
    return false;
}

bool
wr_find_outside(wr_mach_t *m, const wr_name_t *name, wr_val_t *out)
{
    if (find_given(m, name, out)) {
        return true;
    }
    *out = name->global;
    return wr_given(out);
}

bool
wr_ctx_find(wr_mach_t *m, wr_ctx_t *c, const wr_name_t *name, wr_val_t *out)
{
    wr_cvar_t *var;

    for (; c != NULL; c = c->below) {
        var = find_var(c->vars, c->nvars, name);
        if (var == NULL) {
            var = find_var(c->locals, c->nlocals, name);
        }
        if (var != NULL) {
            *out = var->value;
            return true;
        }
        if (c->bare) {
            break;
        }
    }
    if (c == NULL) {
        return wr_find_outside(m, name, out);
    }
    *out = name->global;
    return wr_given(out);
}

/* A bare context's layers end above the render's variables. */
static bool
sees_outside(const wr_ctx_t *c)
{
    for (; c != NULL; c = c->below) {
        if (c->bare) {
            return false;
        }
    }
    return true;
}

static void
add_layer(wr_mach_t *m, wr_dict_t *d, const wr_ctx_t *c)
{
    uint32_t i;

    if (c->below != NULL && !c->bare) {
        add_layer(m, d, c->below);
    }
    for (i = 0; i < c->nlocals; i++) {
        wr_dict_sets(m->ev->pool, d, c->locals[i].name->s, c->locals[i].value);
    }
    for (i = 0; i < c->nvars; i++) {
        wr_dict_sets(m->ev->pool, d, c->vars[i].name->s, c->vars[i].value);
    }
}

wr_val_t
wr_ctx_dict(wr_mach_t *m, wr_ctx_t *c)
{
    wr_dict_t       *d = wr_dict_new(m->ev->pool, 32);
    wr_dict_entry_t *e;
    uint32_t         i;

    for (i = 0; i < m->env->globals.n; i++) {
        wr_dict_sets(m->ev->pool, d, m->env->globals.entries[i].key,
                     *(wr_val_t *) m->env->globals.entries[i].value);
    }
    if (m->vars != NULL && m->vars->dict != NULL && sees_outside(c)) {
        for (i = 0; (e = wr_dict_next(m->vars->dict, &i)) != NULL;) {
            wr_dict_sets(m->ev->pool, d, wr_val_text(&e->key), e->value);
        }
    }
    add_layer(m, d, c);
    return wr_vdict(d);
}

void
wr_ctx_locals(wr_mach_t *m, wr_ctx_t *c, const wr_locals_t *locals)
{
    uint32_t  i;
    wr_val_t *v;

    if (locals->n == 0) {
        return;
    }
    c->locals = wr_alloc(m->ev->pool, locals->n * sizeof(*c->locals));
    for (i = 0; i < locals->n; i++) {
        v = wr_slot(m, &locals->v[i]);
        if (!wr_slot_special(v)) {
            c->locals[c->nlocals++] =
                (wr_cvar_t){.name = locals->v[i].name, .value = *v};
        }
    }
}

wr_ctx_t *
wr_ctx_derive(wr_mach_t *m, wr_ctx_t *c, const wr_locals_t *locals)
{
    wr_ctx_t *d = WR_NEW(m->ev->pool, wr_ctx_t);

    d->below = c;
    d->tpl = c->tpl;
    d->ectx = c->ectx;
    d->chain = c->chain;
    wr_ctx_locals(m, d, locals);
    return d;
}

/* What can be seen now, not to change with later assignments. */
wr_ctx_t *
wr_ctx_snapshot(wr_mach_t *m, wr_ctx_t *c)
{
    wr_ctx_t *copy;

    if (c == NULL) {
        return NULL;
    }
    copy = WR_NEW(m->ev->pool, wr_ctx_t);
    *copy = *c;
    copy->below = c->bare ? NULL : wr_ctx_snapshot(m, c->below);
    if (c->nvars != 0) {
        copy->vars = WR_NEW_N(m->ev->pool, wr_cvar_t, c->nvars);
        memcpy(copy->vars, c->vars, c->nvars * sizeof(*c->vars));
        copy->capvars = c->nvars;
    }
    return copy;
}
