/*
 * Numbers in text, as Python's int() and float() read them: any decimal digits
 * of Unicode, single underscores between digits, white space around.
 */
#ifndef WEIR_EXPR_NUMBER_H
#define WEIR_EXPR_NUMBER_H

#include <weir/base/pool.h>

/* WR_OK; WR_SYNTAX if it is no number in that base (0, 2 … 36; 0 looks at a
 * prefix); WR_LIMIT if it does not fit. */
wr_rc_t wr_parse_pyint(wr_pool_t *pool, wr_str_t s, int base, int64_t *out);

/* False if it is no number. */
bool wr_parse_float(wr_pool_t *pool, wr_str_t s, double *out);

#endif
