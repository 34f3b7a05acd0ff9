/*
 * The variables of a cycle: their names, and the numbers of those that the conf
 * uses. Only used ones have a number, so a request has no slot for the others.
 * A name may be used before it is defined; wr_vars_finish says which never were.
 */
#include <weir/vars/vars_priv.h>

static const char vars_key;

wr_vars_t *
wr_vars_new(wr_conf_t *cf)
{
    wr_vars_t *vars = WR_NEW(cf->pool, wr_vars_t);

    vars->names = wr_map(cf->pool, true);
    vars->table = wr_array(cf->pool, sizeof(wr_var_t *));
    vars->prefixes = wr_array(cf->pool, sizeof(wr_var_t *));
    wr_conf_attach(cf, &vars_key, vars);
    return vars;
}

wr_vars_t *
wr_vars_of(const wr_conf_t *cf)
{
    wr_vars_t *vars = wr_conf_attached(cf, &vars_key);

    /* Texts with variables may stand outside of http{} as well. */
    return vars != NULL ? vars : wr_vars_new((wr_conf_t *) (uintptr_t) cf);
}

static wr_var_entry_t *
entry_of(wr_conf_t *cf, wr_vars_t *vars, wr_str_t name)
{
    wr_var_entry_t *e = wr_map_get(&vars->names, name);

    if (e == NULL) {
        e = WR_NEW(cf->pool, wr_var_entry_t);
        e->var.name = wr_pool_str(cf->pool, name);
        e->var.index = WR_VAR_NO_INDEX;
        wr_map_set(&vars->names, e->var.name, e);
    }
    return e;
}

static wr_var_t *
define_prefix(wr_conf_t *cf, wr_vars_t *vars, wr_str_t name, uint32_t flags)
{
    wr_var_t *v = WR_NEW(cf->pool, wr_var_t);

    v->name = wr_pool_str(cf->pool, name);
    v->flags = flags;
    v->index = WR_VAR_NO_INDEX;
    *WR_PUSH(&vars->prefixes, wr_var_t *) = v;
    return v;
}

wr_var_t *
wr_var_define(wr_conf_t *cf, wr_str_t name, uint32_t flags)
{
    wr_vars_t      *vars = wr_vars_of(cf);
    wr_var_entry_t *e;

    if (name.n == 0) {
        (void) wr_conf_fail(cf, NULL, "invalid variable name \"$\"");
        return NULL;
    }
    if ((flags & WR_VAR_PREFIX) != 0) {
        return define_prefix(cf, vars, name, flags);
    }
    e = entry_of(cf, vars, name);
    if (!e->defined) {
        e->defined = true;
        e->var.flags = flags;
        return &e->var;
    }
    if ((e->var.flags & WR_VAR_CHANGE) == 0) {
        (void) wr_conf_fail(cf, NULL, "the duplicate \"%.*s\" variable", WR_ARG(name));
        return NULL;
    }
    if ((flags & WR_VAR_WEAK) == 0) {
        e->var.flags &= ~(uint32_t) WR_VAR_WEAK;
    }
    return &e->var;
}

wr_var_t *
wr_var_define_at(wr_conf_t *cf, const wr_tok_t *arg, uint32_t flags)
{
    if (arg->text.n < 2 || arg->text.p[0] != '$') {
        (void) wr_conf_fail(cf, arg, "invalid variable name \"%.*s\"", WR_ARG(arg->text));
        return NULL;
    }
    return wr_var_define(cf, wr_str_skip(arg->text, 1), flags);
}

wr_rc_t
wr_var_define_rows(wr_conf_t *cf, const wr_var_row_t *rows)
{
    for (const wr_var_row_t *row = rows; row->name != NULL; row++) {
        wr_var_t *v = wr_var_define(cf, wr_str_z(row->name), row->flags);

        if (v == NULL) {
            return WR_ERROR;
        }
        v->get = row->get;
        v->set = row->set;
        v->data = row->data;
        v->doc = row->doc;
    }
    return WR_OK;
}

int
wr_var_use_at(wr_conf_t *cf, wr_str_t name, const wr_tok_t *at, size_t offset)
{
    wr_vars_t      *vars = wr_vars_of(cf);
    wr_var_entry_t *e;

    if (name.n == 0) {
        (void) wr_conf_fail_at(cf, at, offset, "invalid variable name");
        return -1;
    }
    e = entry_of(cf, vars, name);
    if (e->var.index == WR_VAR_NO_INDEX) {
        e->var.index = vars->table.n;
        *WR_PUSH(&vars->table, wr_var_t *) = &e->var;
        if (at != NULL && cf->temp != NULL) {
            e->used_at = WR_NEW(cf->temp, wr_tok_t);
            *e->used_at = *at;
            e->used_at->column += (uint32_t) offset;
        }
    }
    return (int) e->var.index;
}

int
wr_var_use(wr_conf_t *cf, wr_str_t name)
{
    return wr_var_use_at(cf, name, cf->nargs != 0 ? &cf->args[0] : NULL, 0);
}

/* ---- the end of reading ---- */

const wr_var_t *
wr_vars_prefix(const wr_vars_t *vars, wr_str_t name)
{
    const wr_var_t *found = NULL;

    for (WR_EACH(wr_var_t *, v, &vars->prefixes)) {
        if (wr_str_istarts(name, (*v)->name)
            && (found == NULL || (*v)->name.n > found->name.n))
        {
            found = *v;
        }
    }
    return found;
}

static wr_rc_t
unknown(wr_conf_t *cf, const wr_vars_t *vars, const wr_var_entry_t *e)
{
    const char **names = wr_alloc(cf->temp, (vars->names.n + 1) * sizeof(*names));
    const char  *near;
    wr_str_t     hint = WR_STR_NONE;
    size_t       n = 0;

    if (wr_conf_hooks.hint != NULL) {
        hint = wr_conf_hooks.hint(cf->temp, "variable", e->var.name);
    }
    for (uint32_t i = 0; i < vars->names.n; i++) {
        const wr_var_entry_t *other = vars->names.entries[i].value;

        if (other->defined) {
            names[n++] = other->var.name.p;
        }
    }
    near = wr_nearest(e->var.name, names, n);
    if (hint.n == 0 && near != NULL) {
        hint = wr_pool_printf(cf->temp, "did you mean \"$%s\"?", near);
    }
    return wr_conf_fail_hint(cf, e->used_at, hint, "unknown \"%.*s\" variable",
                             WR_ARG(e->var.name));
}

wr_rc_t
wr_vars_finish(wr_conf_t *cf)
{
    wr_vars_t *vars = wr_vars_of(cf);

    for (WR_EACH(wr_var_t *, at, &vars->table)) {
        wr_var_entry_t *e = WR_CONTAINER(*at, wr_var_entry_t, var);
        const wr_var_t *prefix = NULL;

        if (!e->defined || (e->var.flags & WR_VAR_WEAK) != 0) {
            prefix = wr_vars_prefix(vars, e->var.name);
        }
        if (prefix != NULL) {
            e->var.get = prefix->get;
            e->var.set = prefix->set;
            e->var.data = prefix->data;
            e->var.flags = prefix->flags & ~(uint32_t) WR_VAR_PREFIX;
            e->var.doc = prefix->doc;
        } else if (!e->defined) {
            return unknown(cf, vars, e);
        }
        e->used_at = NULL;
    }
    return WR_OK;
}

unsigned
wr_vars_count(const wr_vars_t *vars)
{
    return vars->table.n;
}

const wr_var_t *
wr_vars_at(const wr_vars_t *vars, unsigned index)
{
    return *WR_AT(&vars->table, wr_var_t *, index);
}
