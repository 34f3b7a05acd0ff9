/*
 * Paths of attributes, as map(attribute='a.b.0') and sort(attribute=…) take
 * them: each step is an item first, then an attribute; digits are an index.
 */
#ifndef WEIR_EXPR_PATH_H
#define WEIR_EXPR_PATH_H

#include <weir/expr/value.h>

typedef struct wr_path {
    wr_val_t *parts;
    uint32_t  n;        /* 0: the item itself */
} wr_path_t;

/* `attribute`: a str with dots, or one key of any type; NULL or none gives the
 * empty path. Raises nothing today, but callers check. */
bool wr_path_make(wr_eval_t *ev, const wr_val_t *attribute, wr_path_t *path);

/* Follows the path from *v, which is replaced. An undefined step becomes
 * `dflt`, unless that is NULL or none. */
bool wr_path_get(wr_eval_t *ev, const wr_path_t *path, const wr_val_t *dflt,
                 wr_val_t *v);

#endif
