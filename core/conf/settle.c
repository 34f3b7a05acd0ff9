/*
 * Inheritance. The tree is walked from the outside: a scope takes what it did not
 * set itself from the one around it, then its modules check it, then come its
 * inner scopes; so what a check made of a value is what they inherit. The
 * outermost scope takes the tables' defaults, which are read as if they stood in
 * the conf.
 */
#include <weir/conf/conf_priv.h>

#include <stdlib.h>

typedef struct field {
    uint32_t offset;
    uint32_t size;
} field_t;

/* The fields of a schema, each once, though several rows may fill it. Computed
 * once per process. */
typedef struct fields {
    unsigned n;
    field_t  at[];
} fields_t;

static const fields_t *
fields_of(wr_schema_t *schema)
{
    const wr_directive_t *d;
    fields_t             *fields = schema->fields;
    unsigned              rows = 0;

    if (fields != NULL) {
        return fields;
    }
    for (d = schema->directives; d != NULL && d->name != NULL; d++) {
        rows++;
    }
    fields = malloc(sizeof(*fields) + rows * sizeof(field_t));
    WR_ASSERT(fields != NULL);
    fields->n = 0;
    for (d = schema->directives; d != NULL && d->name != NULL; d++) {
        unsigned i = 0;

        if (d->size == 0) {
            continue;
        }
        WR_ASSERT(d->offset + d->size <= schema->size);
        while (i < fields->n && fields->at[i].offset != d->offset) {
            i++;
        }
        if (i == fields->n) {
            fields->at[fields->n++] = (field_t) {(uint32_t) d->offset,
                                                 (uint32_t) d->size};
        }
    }
    schema->fields = fields;
    return fields;
}

static void
inherit(wr_scope_t *scope, wr_schema_t *schema, const void *outer)
{
    const fields_t *fields = fields_of(schema);
    char           *to = scope->conf[schema->index];

    for (unsigned i = 0; i < fields->n; i++) {
        field_t f = fields->at[i];

        if (!wr_scope_is_set(scope, schema, f.offset)) {
            memcpy(to + f.offset, (const char *) outer + f.offset, f.size);
        }
    }
}

/* ---- defaults ---- */

/* Reads "NAME DEFAULT;" into cf->args. */
static wr_rc_t
read_default(wr_conf_t *cf, const wr_row_t *row)
{
    wr_conf_priv_t *priv = wr_conf_priv(cf);
    wr_str_t        name = wr_pool_printf(cf->pool, "the default of \"%s\"", row->d->name);
    wr_str_t        text = wr_pool_printf(cf->temp, "%s %s;", row->d->name, row->d->def);
    wr_lexer_t      lx = wr_lexer(cf, wr_source_add(cf, name, text));
    wr_stop_t       stop;

    priv->lexer = &lx;
    stop = wr_lex_statement(cf);
    priv->lexer = NULL;
    return stop == WR_STOP_END ? WR_OK : WR_ERROR;
}

static wr_rc_t
apply_default(wr_conf_t *cf, const wr_row_t *row)
{
    const wr_directive_t *d = row->d;
    void                 *conf = cf->scope->conf[row->schema->index];

    if (read_default(cf, row) != WR_OK
        || (d->type != WR_D_CUSTOM && wr_conf_store(cf, d, conf) != WR_OK))
    {
        return WR_ERROR;
    }
    return d->set != NULL ? d->set(cf, d, conf) : WR_OK;
}

/* Of two rows for one field the first with a default has the say. */
static wr_rc_t
defaults(wr_conf_t *cf, wr_scope_t *scope, wr_schema_t *schema)
{
    const wr_directive_t *d = schema->directives;
    uint64_t             *done = WR_NEW_N(cf->temp, uint64_t, schema->size / 64 + 1);
    wr_row_t              row = {.schema = schema};

    for (; d != NULL && d->name != NULL; d++) {
        uint64_t bit = UINT64_C(1) << (d->offset % 64);

        if (d->size == 0 || d->def == NULL
            || (d->flags & (WR_DF_OBSOLETE | WR_DF_BLOCK)) != 0
            || wr_scope_is_set(scope, schema, d->offset)
            || (done[d->offset / 64] & bit) != 0)
        {
            continue;
        }
        done[d->offset / 64] |= bit;
        row.d = d;
        if (apply_default(cf, &row) != WR_OK) {
            return WR_ERROR;
        }
    }
    return WR_OK;
}

/* ---- the walk ---- */

static wr_rc_t
settle_main(wr_conf_t *cf, wr_scope_t *scope)
{
    wr_conf_priv_t *priv = wr_conf_priv(cf);

    wr_scope_reserve(cf, scope, priv->room - 1);
    for (WR_EACH(wr_schema_t *, s, &priv->schemas)) {
        if ((*s)->size != 0) {
            (void) wr_scope_own(cf, scope, *s);
        }
    }
    for (WR_EACH(wr_schema_t *, s, &priv->schemas)) {
        cf->scope = scope;
        if ((*s)->size != 0 && defaults(cf, scope, *s) != WR_OK) {
            return WR_ERROR;
        }
    }
    return WR_OK;
}

static void
settle_inner(wr_conf_t *cf, wr_scope_t *scope)
{
    wr_conf_priv_t *priv = wr_conf_priv(cf);
    wr_scope_t     *outer = scope->outer;
    void          **own = scope->conf;
    unsigned        n = own != NULL ? scope->nconf : 0;
    bool            any = false;

    for (unsigned i = 0; i < n; i++) {
        any = any || own[i] != NULL;
    }
    if (!any) {
        scope->conf = outer->conf;
        scope->shares = true;
        return;
    }
    if (n < priv->room) {
        scope->conf = wr_alloc(cf->pool, priv->room * sizeof(void *));
    }
    for (unsigned i = 0; i < priv->room; i++) {
        scope->conf[i] = i < n && own[i] != NULL ? own[i] : outer->conf[i];
    }
    for (WR_EACH(wr_schema_t *, s, &priv->schemas)) {
        unsigned index = (*s)->index;

        if (index < n && own[index] != outer->conf[index]) {
            inherit(scope, *s, outer->conf[index]);
        }
    }
}

static wr_rc_t
check(wr_conf_t *cf, wr_scope_t *scope)
{
    wr_conf_priv_t *priv = wr_conf_priv(cf);
    wr_scope_t     *outer = scope->outer;

    cf->scope = scope;
    cf->args = &scope->at;
    cf->nargs = scope->at.line != 0;
    for (WR_EACH(wr_schema_t *, s, &priv->schemas)) {
        unsigned index = (*s)->index;

        if ((*s)->check == NULL
            || (outer != NULL
                && ((*s)->size == 0 || scope->conf[index] == outer->conf[index])))
        {
            continue;
        }
        if ((*s)->check(cf, scope, (*s)->size != 0 ? scope->conf[index] : NULL,
                        outer != NULL ? outer->conf[index] : NULL)
            != WR_OK)
        {
            return WR_ERROR;
        }
    }
    return WR_OK;
}

static wr_rc_t
walk(wr_conf_t *cf, wr_scope_t *scope)
{
    if (scope->outer == NULL) {
        if (settle_main(cf, scope) != WR_OK) {
            return WR_ERROR;
        }
    } else {
        settle_inner(cf, scope);
    }
    scope->settled = true;
    if ((scope->outer == NULL || !scope->shares) && check(cf, scope) != WR_OK) {
        return WR_ERROR;
    }
    for (wr_scope_t *s = scope->inner; s != NULL; s = s->next) {
        if (walk(cf, s) != WR_OK) {
            return WR_ERROR;
        }
    }
    return WR_OK;
}

wr_rc_t
wr_conf_settle(wr_conf_t *cf)
{
    wr_rc_t rc;

    rc = walk(cf, cf->main);
    cf->scope = cf->main;
    cf->args = NULL;
    cf->nargs = 0;
    return rc;
}
