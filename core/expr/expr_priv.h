/*
 * What the public faces of templates and expressions share. Not installed.
 */
#ifndef WEIR_EXPR_EXPR_PRIV_H
#define WEIR_EXPR_EXPR_PRIV_H

#include <weir/expr/code.h>

/* An empty template in a pool of its own, with one reference. */
wr_template_t *wr_template_new(wr_env_t *env, wr_str_t name);

/* Fill it from source; trees are in `tmp`. False after an error. */
bool wr_compile_source(wr_template_t *t, wr_pool_t *tmp, wr_str_t source,
                       wr_err_t *err);
/* The source stands in `whole`, or is it. */
bool wr_compile_expr(wr_template_t *t, wr_pool_t *tmp, wr_str_t source,
                     wr_str_t whole, wr_err_t *err);

/* True if the node is a constant that needs no copy. */
bool wr_node_const(const wr_node_t *n, wr_val_t *out);

/* Sets a machine up for an evaluation, and gives back what it holds. */
void wr_mach_start(wr_mach_t *m, wr_eval_t *ev, wr_env_t *env,
                   const wr_bindings_t *vars, wr_buf_t *out);
void wr_mach_end(wr_mach_t *m);

/* Copies the strings of an error whose memory is about to go. */
void wr_err_keep(wr_err_t *err, wr_pool_t *pool);

#endif
