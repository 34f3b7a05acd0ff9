/*
 * Ops: the one place where the rules of starting and completing are kept.
 */
#include <weir/event/op.h>

void
wr_op_begin(wr_op_t *op, const char *name, void (*cancel)(wr_op_t *op))
{
    WR_ASSERT(op->state != WR_OP_PENDING);
    *op = (wr_op_t) {.state = WR_OP_PENDING, .rc = WR_AGAIN, .name = name,
                     .cancel = cancel};
}

void
wr_op_complete(wr_op_t *op, wr_rc_t rc)
{
    WR_ASSERT(op->state == WR_OP_PENDING);
    op->state = WR_OP_DONE;
    op->rc = rc;
    if (op->done != NULL) {
        op->done(op);
    }
}

void
wr_op_cancel(wr_op_t *op)
{
    if (op->state != WR_OP_PENDING || op->cancelling) {
        return;
    }
    op->cancelling = true;
    if (op->cancel != NULL) {
        op->cancel(op);
    }
}

/* ---- sleeping ---- */

static void
slept(wr_timer_t *t)
{
    wr_op_complete(&WR_CONTAINER(t, wr_sleep_t, timer)->op, WR_OK);
}

static void
wake(wr_op_t *op)
{
    wr_timer_cancel(&WR_CONTAINER(op, wr_sleep_t, op)->timer);
    wr_op_complete(op, WR_CANCELLED);
}

void
wr_sleep_start(wr_sleep_t *s, wr_msec_t ms)
{
    wr_op_begin(&s->op, "sleep", wake);
    s->timer.fn = slept;
    wr_timer_set(&s->timer, ms);
}
