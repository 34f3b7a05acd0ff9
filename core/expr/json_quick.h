/*
 * The quick way to read JSON: for texts without anything unusual.
 */
#ifndef WEIR_EXPR_JSON_QUICK_H
#define WEIR_EXPR_JSON_QUICK_H

#include <weir/expr/json_in.h>

/* True: *out is what wr_json_parse would make of the text, in `pool`. False: it is an
 * error, or must be looked at more closely; nothing is said. */
bool wr_json_quick(wr_pool_t *pool, wr_str_t text, const wr_json_limits_t *limits,
                   wr_val_t *out);

#endif
