/*
 * Doubles to text and to exact ratios. Stays in this folder.
 */
#ifndef WEIR_EXPR_FLOAT_PRIV_H
#define WEIR_EXPR_FLOAT_PRIV_H

#include <weir/base/base.h>

enum { WR_POWER_FIRST = -292, WR_POWER_LAST = 324 };

/* The 128 leading bits of 10^(WR_POWER_FIRST + i): high half, low half. */
extern const uint64_t wr_powers_of_ten[][2];

/* The shortest decimal that reads back as `f`, which is finite and not 0:
 * |f| is the returned digits times 10^exponent, without zeros at the end. */
uint64_t wr_float_shortest(double f, int *exponent);

#endif
