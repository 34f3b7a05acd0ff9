/*
 * Mappings of the host: objects that expressions use as they use a dict.
 *
 * Who has one says how a key is found and how to walk over all; the hooks of its
 * type are then those of here: attributes, items, length, iteration, `in`, and the
 * methods get, keys, values, items. Keys are strs.
 */
#ifndef WEIR_EXPR_MAPPING_H
#define WEIR_EXPR_MAPPING_H

#include <weir/expr/value.h>

struct wr_mapping {
    /* False: there is no such key. It cannot fail otherwise. */
    bool (*find)(wr_obj_t *o, wr_str_t key, wr_val_t *out);
    /* The entry at *at, which begins at 0 and moves on; false: there are no more. */
    bool (*next)(wr_eval_t *ev, wr_obj_t *o, int64_t *at, wr_str_t *key, wr_val_t *value);
    uint32_t (*count)(wr_eval_t *ev, wr_obj_t *o);
    bool keys_first;        /* `m.items` is the key "items", if there is one */
};

bool wr_mapping_attr(wr_eval_t *ev, wr_obj_t *o, wr_str_t name, wr_val_t *out);
bool wr_mapping_item(wr_eval_t *ev, wr_obj_t *o, const wr_val_t *key, wr_val_t *out);
bool wr_mapping_length(wr_eval_t *ev, wr_obj_t *o, int64_t *n);
bool wr_mapping_iter(wr_eval_t *ev, wr_obj_t *o, wr_iter_t *it);
bool wr_mapping_contains(wr_eval_t *ev, wr_obj_t *o, const wr_val_t *v, bool *is);
/* As a dict is printed; no hook of WR_MAPPING_HOOKS. */
bool wr_mapping_repr(wr_eval_t *ev, wr_obj_t *o, wr_buf_t *to);
/* [(key, value), …] */
wr_val_t wr_mapping_items(wr_eval_t *ev, wr_obj_t *o);

/* A type may have methods of its own: then its attr hook knows them, passes all
 * else to wr_mapping_attr, and they are among the names told here. */
bool wr_is_mapping_method(wr_str_t name);

/* In the initialiser of a wr_obj_type_t. */
#define WR_MAPPING_HOOKS(m)                                                   \
    .map = (m), .mapping = true, .item = wr_mapping_item,                     \
    .length = wr_mapping_length, .iter = wr_mapping_iter,                     \
    .contains = wr_mapping_contains

#endif
