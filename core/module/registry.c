/*
 * The modules of a reading, in the order in which their directives are looked up:
 * the core's, the built-in ones, those of load_module.
 */
#include <weir/module/registry_priv.h>

static const char registry_key;

wr_registry_t *
wr_registry(const wr_conf_t *cf)
{
    wr_registry_t *reg = wr_conf_attached(cf, &registry_key);

    if (reg == NULL) {
        reg = WR_NEW(cf->pool, wr_registry_t);
        reg->modules = wr_array(cf->pool, sizeof(wr_module_t *));
        reg->services = wr_map(cf->pool, false);
        wr_conf_attach((wr_conf_t *) (uintptr_t) cf, &registry_key, reg);
    }
    return reg;
}

wr_rc_t
wr_registry_add(wr_conf_t *cf, wr_module_t *m)
{
    if (m->schema.name == NULL) {
        m->schema.name = m->name;
    }
    if (wr_conf_add_schema(cf, &m->schema) != WR_OK) {
        return WR_ERROR;
    }
    m->index = m->schema.index;
    *WR_PUSH(&wr_registry(cf)->modules, wr_module_t *) = m;
    return WR_OK;
}

wr_rc_t
wr_modules_begin(wr_conf_t *cf, wr_module_t *const *core)
{
    for (; core != NULL && *core != NULL; core++) {
        if (wr_registry_add(cf, *core) != WR_OK) {
            return WR_ERROR;
        }
    }
    for (wr_module_t *const *m = wr_builtin_modules; *m != NULL; m++) {
        if (wr_registry_add(cf, *m) != WR_OK) {
            return WR_ERROR;
        }
    }
    wr_module_hint_for(cf);
    return WR_OK;
}

wr_module_t *const *
wr_modules_of(const wr_conf_t *cf, unsigned *n)
{
    const wr_registry_t *reg = wr_registry(cf);

    *n = reg->modules.n;
    return reg->modules.items;
}

/* ---- services ---- */

void
wr_service_offer(wr_conf_t *cf, const char *name, const void *table)
{
    (void) wr_map_set(&wr_registry(cf)->services, wr_str_z(name),
                      (void *) (uintptr_t) table);
}

const void *
wr_service_find(wr_conf_t *cf, const char *name)
{
    return wr_map_get(&wr_registry(cf)->services, wr_str_z(name));
}
