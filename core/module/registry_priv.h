/*
 * What the files of this folder share: the modules of a reading.
 */
#ifndef WEIR_MODULE_REGISTRY_PRIV_H
#define WEIR_MODULE_REGISTRY_PRIV_H

#include <weir/module/module.h>

typedef struct wr_registry {
    wr_array_t modules;         /* wr_module_t * */
    wr_map_t   services;        /* name -> table */
} wr_registry_t;

wr_registry_t *wr_registry(const wr_conf_t *cf);

/* Takes the module into the reading: its schema and its place in the list. */
wr_rc_t wr_registry_add(wr_conf_t *cf, wr_module_t *m);

/* ---- load.c ---- */

/* Why the descriptor does not fit this program, as a message in the pool with what
 * to do about it in *hint; an empty text if it fits. */
wr_str_t wr_module_misfit(wr_pool_t *pool, const wr_module_t *m, wr_str_t *hint);

/* ---- hint.c ---- */

/* From now on wr_module_hint looks for modules of this reading's prefix. */
void wr_module_hint_for(wr_conf_t *cf);

#endif
