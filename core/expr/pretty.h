/*
 * A value laid out for people, as Python's pprint.pformat does: 80 columns,
 * dicts sorted by key.
 */
#ifndef WEIR_EXPR_PRETTY_H
#define WEIR_EXPR_PRETTY_H

#include <weir/expr/value.h>

typedef struct wr_pretty_opts {
    unsigned depth;     /* containers below this level are "[...]"; 0: all */
    bool     compact;   /* several items on a line */
} wr_pretty_opts_t;

bool wr_pretty(wr_eval_t *ev, wr_buf_t *to, const wr_val_t *v,
               const wr_pretty_opts_t *opts);

#endif
