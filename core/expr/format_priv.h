/*
 * Digits of numbers, shared by the two ways of formatting. Stays in this folder.
 */
#ifndef WEIR_EXPR_FORMAT_PRIV_H
#define WEIR_EXPR_FORMAT_PRIV_H

#include <weir/expr/value.h>

/* |f| with a conversion of e E f F g G; `alt` keeps the point (and the zeros of
 * g). No sign; "inf" or "nan" in the case of the conversion. */
bool wr_put_double(wr_eval_t *ev, wr_buf_t *to, double f, char conv,
                   int64_t precision, bool alt);

/* As `g`, but the result is seen to be a float: "12.0". */
bool wr_put_general(wr_eval_t *ev, wr_buf_t *to, double f, int64_t precision,
                    bool alt);

/* |i| in base 2, 8, 10 or 16. */
void wr_put_base(wr_buf_t *to, int64_t i, unsigned base, bool upper);

/* ascii(v): repr with everything beyond ASCII escaped. */
bool wr_put_ascii(wr_eval_t *ev, wr_buf_t *to, const wr_val_t *v);

/* `n` times the code point. */
bool wr_put_fill(wr_eval_t *ev, wr_buf_t *to, uint32_t cp, int64_t n);

/* v[key], an error if there is none: what Python does outside of templates. */
bool wr_item_strict(wr_eval_t *ev, const wr_val_t *v, const wr_val_t *key,
                    wr_val_t *out);

/* KeyError whose message is the repr of the key. */
bool wr_key_error(wr_eval_t *ev, const wr_val_t *key);

#endif
