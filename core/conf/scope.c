/*
 * Scopes: the tree of blocks, their structs, and what each of them set itself.
 * "Was it set" is one bit for each byte of the struct, of which only those where
 * fields begin are used: so any offset can be asked for, and no table is needed.
 */
#include <weir/conf/conf_priv.h>

wr_scope_t *
wr_conf_scope(wr_conf_t *cf, uint32_t context, void *object)
{
    wr_scope_t *scope = WR_NEW(cf->pool, wr_scope_t);
    wr_scope_t *outer = cf->scope;

    scope->context = context;
    scope->object = object;
    scope->outer = outer;
    if (cf->args != NULL && cf->nargs != 0) {
        scope->at = cf->args[0];
    }
    if (outer != NULL) {
        if (outer->last_inner != NULL) {
            outer->last_inner->next = scope;
        } else {
            outer->inner = scope;
        }
        outer->last_inner = scope;
    }
    return scope;
}

/* While reading, the arrays are as long as what was needed so far. */
void
wr_scope_reserve(wr_conf_t *cf, wr_scope_t *scope, unsigned index)
{
    wr_conf_priv_t *priv = wr_conf_priv(cf);
    unsigned        n = wr_max_size(index + 1, priv->room);
    void          **conf;
    uint64_t      **set;

    if (index < scope->nconf && !scope->shares) {
        return;
    }
    conf = WR_NEW_N(cf->pool, void *, n);
    set = WR_NEW_N(cf->temp, uint64_t *, n);
    if (scope->nconf != 0 && !scope->shares) {
        memcpy(conf, scope->conf, scope->nconf * sizeof(*conf));
        memcpy(set, scope->set, scope->nconf * sizeof(*set));
    }
    scope->conf = conf;
    scope->set = set;
    scope->nconf = n;
    scope->shares = false;
}

void *
wr_scope_own(wr_conf_t *cf, wr_scope_t *scope, wr_schema_t *schema)
{
    unsigned index = schema->index;

    WR_ASSERT(schema->size != 0 && schema->added && !scope->settled);
    wr_scope_reserve(cf, scope, index);
    if (scope->conf[index] == NULL) {
        scope->conf[index] = wr_zalloc(cf->pool, schema->size);
    }
    if (scope->set[index] == NULL) {
        scope->set[index] = WR_NEW_N(cf->temp, uint64_t, schema->size / 64 + 1);
    }
    return scope->conf[index];
}

bool
wr_scope_is_set(const wr_scope_t *scope, const wr_schema_t *schema, size_t offset)
{
    unsigned index = schema->index;

    WR_ASSERT(offset < schema->size);
    return scope->set != NULL && index < scope->nconf && scope->set[index] != NULL
           && (scope->set[index][offset / 64] >> (offset % 64) & 1) != 0;
}

void
wr_scope_mark(wr_conf_t *cf, wr_scope_t *scope, wr_schema_t *schema, size_t offset)
{
    WR_ASSERT(offset < schema->size);
    if (!scope->settled) {
        (void) wr_scope_own(cf, scope, schema);
    }
    WR_ASSERT(schema->index < scope->nconf && scope->set[schema->index] != NULL);
    scope->set[schema->index][offset / 64] |= UINT64_C(1) << (offset % 64);
}

wr_scope_t *
wr_scope_find(wr_scope_t *scope, uint32_t contexts)
{
    while (scope != NULL && (scope->context & contexts) == 0) {
        scope = scope->outer;
    }
    return scope;
}
