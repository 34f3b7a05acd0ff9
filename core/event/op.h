/*
 * wr_op_t: one thing that is under way and will complete exactly once.
 *
 * Whoever starts it calls wr_op_begin, whoever finishes it wr_op_complete, on
 * the loop's thread. It may complete before anybody waits; then the waiter goes
 * on at once. Cancelling is a request: the completion still comes (with
 * WR_CANCELLED, or with the real result if it was too late). The memory of an op
 * must stay until it has completed.
 */
#ifndef WEIR_EVENT_OP_H
#define WEIR_EVENT_OP_H

#include <weir/event/loop.h>

typedef struct wr_op wr_op_t;

enum { WR_OP_IDLE = 0, WR_OP_PENDING, WR_OP_DONE };

struct wr_op {
    uint8_t     state;
    bool        cancelling;
    wr_rc_t     rc;             /* once done */
    const char *name;           /* for the log: "sql", "connect" */
    void      (*cancel)(wr_op_t *op);   /* NULL: cannot be cancelled */
    void      (*done)(wr_op_t *op);     /* set by who waits */
    void       *waiter;
    wr_op_t    *next;           /* of one wait */
};

void wr_op_begin(wr_op_t *op, const char *name, void (*cancel)(wr_op_t *op));
void wr_op_complete(wr_op_t *op, wr_rc_t rc);
/* Asks a pending op to end early; harmless otherwise. */
void wr_op_cancel(wr_op_t *op);

/* An op that completes with WR_OK after some time. */
typedef struct wr_sleep {
    wr_op_t    op;
    wr_timer_t timer;
} wr_sleep_t;
void wr_sleep_start(wr_sleep_t *s, wr_msec_t ms);

#endif
