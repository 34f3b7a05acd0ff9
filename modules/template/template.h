/*
 * Template files: what the module's files share.
 */
#ifndef WEIR_TEMPLATE_TEMPLATE_H
#define WEIR_TEMPLATE_TEMPLATE_H

#include <weir/expr/template.h>
#include <weir/module/module.h>

enum { TEMPLATE_MARKS = 64 };

/* Of a template_root. */
typedef struct template_root {
    wr_str_t  folder;           /* with the slash */
    wr_env_t *env;
    bool      reload;
    /* Of files that were found unchanged: which, and until when that is known. */
    uint64_t  marks[TEMPLATE_MARKS];
} template_root_t;

/* Names come from the conf and from templates: never out of the root. */
bool template_is_inside(wr_str_t name);

/* For wr_loader_t; `data` is the root. From any thread. */
wr_rc_t template_load(void *data, wr_pool_t *pool, wr_str_t name, wr_source_t *out,
                      wr_err_t *err);
bool    template_is_fresh(void *data, wr_str_t name, const wr_source_t *source);

/* Each worker watches the folders of the templates that it uses. */
wr_rc_t template_watch(wr_worker_t *w);
void    template_unwatch(wr_worker_t *w);

#endif
