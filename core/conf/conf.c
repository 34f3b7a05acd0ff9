/*
 * A reading of the conf from its beginning to its end, and what hangs from it.
 */
#include <weir/conf/conf_priv.h>

typedef struct attached {
    const void      *key;
    void            *value;
    struct attached *next;
} attached_t;

/* Schemas are numbered once per process, so that an index stays the same over
 * reloads, whatever is loaded. */
static unsigned numbered;

static void
free_temp(void *data)
{
    wr_pool_free(data);
}

wr_conf_t *
wr_conf_new(wr_pool_t *pool, wr_log_t *log, wr_str_t prefix, wr_str_t conf_prefix)
{
    wr_conf_t      *cf = WR_NEW(pool, wr_conf_t);
    wr_conf_priv_t *priv = WR_NEW(pool, wr_conf_priv_t);

    cf->pool = pool;
    cf->temp = wr_pool_new_mapped();
    wr_pool_on_free(pool, free_temp, cf->temp);
    cf->log = log;
    cf->prefix = prefix;
    cf->conf_prefix = conf_prefix;
    cf->priv = priv;
    priv->schemas = wr_array(pool, sizeof(wr_schema_t *));
    priv->rows = wr_map(cf->temp, false);
    priv->read = wr_map(cf->temp, false);
    priv->sources = wr_array(cf->temp, sizeof(wr_source_t *));
    priv->files = wr_array(cf->temp, sizeof(wr_conf_file_t));
    priv->words = wr_array(cf->temp, sizeof(wr_tok_t));
    cf->main = cf->scope = wr_conf_scope(cf, WR_MAIN, NULL);

    if (wr_conf_add_schema(cf, &wr_conf_schema) != WR_OK) {
        WR_ASSERT(!"the first schema is no duplicate");
    }
    return cf;
}

static void
add_row(wr_conf_t *cf, wr_schema_t *schema, const wr_directive_t *d)
{
    wr_conf_priv_t *priv = wr_conf_priv(cf);
    wr_row_t       *row = WR_NEW(cf->temp, wr_row_t);
    wr_str_t        name = wr_str_z(d->name);
    wr_row_t       *first = wr_map_get(&priv->rows, name);

    row->d = d;
    row->schema = schema;
    if (first == NULL) {
        wr_map_set(&priv->rows, name, row);
        return;
    }
    while (first->next != NULL) {
        first = first->next;
    }
    first->next = row;
}

wr_rc_t
wr_conf_add_schema(wr_conf_t *cf, wr_schema_t *schema)
{
    wr_conf_priv_t       *priv = wr_conf_priv(cf);
    const wr_directive_t *d;

    for (WR_EACH(wr_schema_t *, s, &priv->schemas)) {
        if (*s == schema) {
            return wr_conf_fail(cf, NULL, "module \"%s\" is already there",
                                schema->name);
        }
    }
    if (!schema->added) {
        schema->added = true;
        schema->index = numbered++;
    }
    *WR_PUSH(&priv->schemas, wr_schema_t *) = schema;
    priv->room = (unsigned) wr_max_size(priv->room, schema->index + 1);
    for (d = schema->directives; d != NULL && d->name != NULL; d++) {
        if (d->name[0] != '\0') {
            add_row(cf, schema, d);
        }
    }
    return WR_OK;
}

static void
forget_bitmaps(wr_scope_t *scope)
{
    for (; scope != NULL; scope = scope->next) {
        scope->set = NULL;
        forget_bitmaps(scope->inner);
    }
}

void
wr_conf_done(wr_conf_t *cf)
{
    wr_conf_priv_t *priv = wr_conf_priv(cf);

    if (cf->temp == NULL) {
        return;
    }
    forget_bitmaps(cf->main);
    priv->rows = wr_map(cf->pool, false);
    priv->read = wr_map(cf->pool, false);
    priv->sources = wr_array(cf->pool, sizeof(wr_source_t *));
    priv->files = wr_array(cf->pool, sizeof(wr_conf_file_t));
    priv->words = wr_array(cf->pool, sizeof(wr_tok_t));
    cf->args = NULL;
    cf->nargs = 0;
    (void) wr_pool_forget(cf->pool, free_temp, cf->temp);
    wr_pool_free(cf->temp);
    cf->temp = NULL;
}

void *
wr_conf_attached(const wr_conf_t *cf, const void *key)
{
    for (const attached_t *a = wr_conf_priv(cf)->attached; a != NULL; a = a->next) {
        if (a->key == key) {
            return a->value;
        }
    }
    return NULL;
}

void
wr_conf_attach(wr_conf_t *cf, const void *key, void *value)
{
    wr_conf_priv_t *priv = wr_conf_priv(cf);
    attached_t     *a = priv->attached;

    while (a != NULL && a->key != key) {
        a = a->next;
    }
    if (a == NULL) {
        a = WR_NEW(cf->pool, attached_t);
        a->key = key;
        a->next = priv->attached;
        priv->attached = a;
    }
    a->value = value;
}

void
wr_conf_each(const wr_conf_t *cf, wr_each_fn_t fn, void *data)
{
    const wr_directive_t *d;

    for (WR_EACH(wr_schema_t *, s, &wr_conf_priv(cf)->schemas)) {
        for (d = (*s)->directives; d != NULL && d->name != NULL; d++) {
            if (d->name[0] != '\0' && !fn(data, *s, d)) {
                return;
            }
        }
    }
}

wr_rc_t
wr_conf_ignore(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    (void) cf;
    (void) d;
    (void) conf;
    return WR_OK;
}

/* ---- paths ---- */

static wr_str_t
absolute(wr_conf_t *cf, wr_str_t folder, wr_str_t path)
{
    if (path.n != 0 && path.p[0] == '/') {
        return wr_pool_str(cf->pool, path);
    }
    return wr_pool_join(cf->pool, folder, path);
}

wr_str_t
wr_conf_path(wr_conf_t *cf, wr_str_t path)
{
    return absolute(cf, cf->prefix, path);
}

wr_str_t
wr_conf_file_path(wr_conf_t *cf, wr_str_t path)
{
    return absolute(cf, cf->conf_prefix, path);
}
