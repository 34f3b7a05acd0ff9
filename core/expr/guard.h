/*
 * The way out of an evaluation that takes too much: whatever it is doing, however
 * deep, it ends with a LimitError where it began. Not installed.
 */
#ifndef WEIR_EXPR_GUARD_H
#define WEIR_EXPR_GUARD_H

#include <weir/expr/value.h>

/* fn(ev, data) with the evaluation's pool guarded: limits.memory more bytes than
 * it has given by now. Within another one on the same pool it is only called.
 * False, with a LimitError, also if fn was left in its middle; what it holds that
 * is not in the pool must be known outside of it. */
bool wr_guarded(wr_eval_t *ev, bool (*fn)(wr_eval_t *ev, void *data),
                void *data);

/* Raises the LimitError of a too long output and leaves, if guarded. */
WR_COLD void wr_guard_output(wr_eval_t *ev);

#endif
