/*
 * The filters, tests and global functions that every template has: Jinja2's, by
 * its names, with its results and its errors.
 *
 * The tables are data: whoever compiles looks a name up once and keeps the row;
 * map, select and the like look names up while they run (wr_env_filter).
 */
#ifndef WEIR_EXPR_BUILTINS_H
#define WEIR_EXPR_BUILTINS_H

#include <weir/expr/value.h>

/* Each ends with a row whose name is NULL. */
extern const wr_fn_row_t wr_filters[];
extern const wr_fn_row_t wr_tests[];
extern const wr_fn_row_t wr_globals[];

/* ---- what builtins ask of the environment; written beside wr_env_t ---- */

/* The row of a filter or test of this evaluation's environment, or NULL. */
const wr_fn_row_t *wr_env_filter(wr_eval_t *ev, wr_str_t name);
const wr_fn_row_t *wr_env_test(wr_eval_t *ev, wr_str_t name);

/* The environment's policy of that name ("truncate.leeway", …): false if the
 * environment says nothing about it, then the builtin's own default holds. */
bool wr_policy(wr_eval_t *ev, const char *name, wr_val_t *out);

/* The environment's newline_sequence: "\n", "\r\n" or "\r". */
wr_str_t wr_env_newline(wr_eval_t *ev);

/* ---- calls by name, as map() and select() make them ---- */

/* Finds the filter (or test) that the value `name` names and applies it to
 * args->pos[0]. Raises TemplateRuntimeError "No filter named 'x'.". */
bool wr_call_filter(wr_eval_t *ev, const wr_val_t *name, const wr_args_t *args,
                    wr_val_t *out);
bool wr_call_test(wr_eval_t *ev, const wr_val_t *name, const wr_args_t *args,
                  wr_val_t *out);

#endif
