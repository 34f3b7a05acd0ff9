/*
 * Stable sorting of values, with Python's order of comparisons as far as it can
 * be seen: the first two that cannot be compared word the error.
 */
#ifndef WEIR_EXPR_SORT_H
#define WEIR_EXPR_SORT_H

#include <weir/expr/value.h>

typedef struct wr_sort_item {
    wr_val_t key;
    uint32_t at;        /* where it stood before */
} wr_sort_item_t;

/* Sets *less to key a < key b, or raises. */
typedef bool (*wr_less_t)(wr_eval_t *ev, const wr_val_t *a, const wr_val_t *b,
                          bool *less);

/* `<` as Python's. */
bool wr_less(wr_eval_t *ev, const wr_val_t *a, const wr_val_t *b, bool *less);

/* `[a] < [b]`: equal ones are not compared by `<` at all. */
bool wr_less_in_list(wr_eval_t *ev, const wr_val_t *a, const wr_val_t *b,
                     bool *less);

/* Sorts in place. With `reverse` the largest comes first and equal ones still
 * keep their order. */
bool wr_sort(wr_eval_t *ev, wr_sort_item_t *items, uint32_t n, bool reverse,
             wr_less_t less);

/* The entries of a dict by their keys: `at` is the place in d->entries. NULL after
 * an error of `less`. */
wr_sort_item_t *wr_sort_entries(wr_eval_t *ev, const wr_dict_t *d, wr_less_t less);

#endif
