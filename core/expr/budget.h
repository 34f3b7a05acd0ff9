/*
 * What an evaluation may still use: builtins that loop by themselves, not in the
 * machine, count their turns and ask before they take much memory.
 */
#ifndef WEIR_EXPR_BUDGET_H
#define WEIR_EXPR_BUDGET_H

#include <weir/expr/value.h>

/* The slow half of wr_spend. */
WR_COLD bool wr_spend_check(wr_eval_t *ev);

/* `n` (up to 255) more turns. False after a LimitError: the evaluation has used
 * up its steps or its memory. */
static inline bool
wr_spend(wr_eval_t *ev, unsigned n)
{
    ev->steps += n;
    return wr_likely((ev->steps & 255) >= n) || wr_spend_check(ev);
}

/* LimitError if `bytes` more would be over the evaluation's memory. */
bool wr_may_take(wr_eval_t *ev, uint64_t bytes);

/* The slow half of wr_may_grow. */
WR_COLD bool wr_may_grow_slow(wr_eval_t *ev, const wr_buf_t *b, uint64_t more);

/* The same for text that grows by `more` bytes in a buffer of the pool, or in
 * the output. */
static inline bool
wr_may_grow(wr_eval_t *ev, const wr_buf_t *b, uint64_t more)
{
    return wr_likely(more <= b->cap - b->n)
        || wr_may_grow_slow(ev, b, more);
}

/* Adds to a list: one turn, and LimitError if the list cannot grow. */
static inline bool
wr_list_add(wr_eval_t *ev, wr_list_t *l, const wr_val_t *v)
{
    if (!wr_spend(ev, 1)
        || (l->n == l->cap
            && !wr_may_take(ev, 2 * sizeof(wr_val_t) * (uint64_t) l->cap))) {
        return false;
    }
    wr_list_push(ev->pool, l, *v);
    return true;
}

/* The text in `b` as a value, Markup if `safe`. LimitError if it is too long for
 * one. */
bool wr_text_val(wr_eval_t *ev, const wr_buf_t *b, bool safe, wr_val_t *out);

#endif
