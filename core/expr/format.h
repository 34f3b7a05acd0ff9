/*
 * Formatting: '…' % x, str.format, format specs, rounding.
 */
#ifndef WEIR_EXPR_FORMAT_H
#define WEIR_EXPR_FORMAT_H

#include <weir/expr/value.h>

/* `format % arg`; a tuple is many arguments. Markup escapes them. */
bool wr_format_percent(wr_eval_t *ev, const wr_val_t *format,
                       const wr_val_t *arg, wr_val_t *out);

/* format.format(*pos, **kw). In a sandbox fields go through wr_get_attr and
 * wr_get_item; Markup escapes. */
bool wr_format_fields(wr_eval_t *ev, const wr_val_t *format,
                      const wr_args_t *args, wr_val_t *out);

/* format.format_map(mapping). */
bool wr_format_map(wr_eval_t *ev, const wr_val_t *format,
                   const wr_val_t *mapping, wr_val_t *out);

/* format(v, spec), appended. */
bool wr_format_value(wr_eval_t *ev, wr_buf_t *to, const wr_val_t *v,
                     wr_str_t spec);

/* '%.*f' % f: the exact decimal of the double, rounded half to even. */
void wr_put_fixed(wr_buf_t *to, double f, unsigned precision);

/* round(f, digits) of Python: correctly rounded as a decimal. */
double wr_round(double f, int digits);

#endif
