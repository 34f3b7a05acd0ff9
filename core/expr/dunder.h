/*
 * Names like __class__: the few that templates use for debugging.
 */
#ifndef WEIR_EXPR_DUNDER_H
#define WEIR_EXPR_DUNDER_H

#include <weir/expr/value.h>

/* False without an error if the value has no such attribute. */
bool wr_find_dunder(wr_eval_t *ev, const wr_val_t *v, wr_str_t name,
                    wr_val_t *out);

/* An attribute without underscores that the sandbox forbids: gi_code. */
bool wr_is_hidden_attr(const wr_val_t *v, wr_str_t name);

/* "jinja2.utils.Cycler" for the global function cycler, and so on: what Python
 * prints as a class. NULL for others. */
const char *wr_func_class(const wr_func_t *f);

/* A method that is written in Python there: of Markup, or of an object. */
bool wr_func_is_python(const wr_func_t *f);

#endif
