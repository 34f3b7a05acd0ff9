/*
 * Items of sequences by number.
 */
#ifndef WEIR_EXPR_SLICE_H
#define WEIR_EXPR_SLICE_H

#include <weir/expr/value.h>

/* The i-th item (code point, byte) of a str, bytes, list, tuple or range;
 * negative counts from the end. False without an error if there is none. */
bool wr_index(wr_eval_t *ev, const wr_val_t *v, int64_t i, wr_val_t *out);

/* Python's slice object, as the key of an undefined. */
wr_val_t wr_slice_val(wr_eval_t *ev, const wr_val_t *start,
                      const wr_val_t *stop, const wr_val_t *step);

#endif
