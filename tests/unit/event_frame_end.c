/*
 * Frames: cancelled, settled, jumped over, and run again.
 */
#include "frame_help.h"

/* ---- cancelling ---- */

static void
cancelling(void)
{
    wr_req_t *r = fresh();

    r->in[B] = wait_all;
    wr_task_start(&r->task, abch);
    wr_task_cancel(&r->task);
    CHECK_INT(r->cancels, 3);
    CHECK(!r->timed_out);
    ended(r, "+a +b .b -b -a !", WR_CANCELLED);
    wr_task_cancel(&r->task);                       /* harmless when all is over */
    CHECK_INT(r->finishes, 1);

    r = fresh();                                    /* a step's own failure wins */
    r->in[B] = wait_one;
    r->after_wait = WR_LIMIT;
    wr_task_start(&r->task, abch);
    wr_task_cancel(&r->task);
    ended(r, "+a +b .b -a !", WR_LIMIT);

    r = fresh();                                    /* so does a settled answer */
    r->in[B] = wait_one;
    r->after_wait = WR_DONE;
    wr_task_start(&r->task, abch);
    wr_task_cancel(&r->task);
    ended(r, "+a +b .b -b -a !", WR_OK);

    r = fresh();                                    /* one of three is done already */
    r->in[B] = wait_all;
    wr_task_start(&r->task, abch);
    wr_op_complete(&r->op[0], WR_OK);
    wr_task_cancel(&r->task);
    CHECK_INT(r->cancels, 2);
    CHECK_INT(r->op[0].rc, WR_OK);
    ended(r, "+a +b .b -b -a !", WR_CANCELLED);

    r = fresh();                                    /* the way out is not cut short */
    r->out[B] = wait_one;
    wr_task_start(&r->task, abch);
    wr_task_cancel(&r->task);
    CHECK_INT(r->cancels, 0);
    CHECK_INT(r->finishes, 0);
    wr_op_complete(&r->op[0], WR_OK);
    ended(r, "+a +b +c +h -c -b .b -a !", WR_OK);
}

static wr_rc_t
cancel_self(wr_req_t *r, void *state)
{
    (void) state;
    wr_task_cancel(&r->task);
    return WR_OK;
}

static wr_rc_t
cancel_and_wait(wr_req_t *r, void *state)
{
    wr_task_cancel(&r->task);
    return wait_one(r, state);
}

static wr_rc_t
wait_and_cancel(wr_req_t *r, void *state)
{
    wr_rc_t rc = wait_one(r, state);

    wr_task_cancel(&r->task);
    return rc;
}

static void
cancelled_by_a_step(void)
{
    wr_req_t *r = fresh();

    r->in[B] = cancel_self;                         /* no stage is entered any more */
    wr_task_start(&r->task, abch);
    ended(r, "+a +b -b -a !", WR_CANCELLED);

    r = fresh();                                    /* waits end at once */
    r->in[B] = cancel_and_wait;
    wr_task_start(&r->task, abch);
    CHECK_INT(r->cancels, 1);
    ended(r, "+a +b .b -b -a !", WR_CANCELLED);

    r = fresh();                                    /* … also a wait just begun */
    r->ms = 1000;
    r->in[B] = wait_and_cancel;
    wr_task_start(&r->task, abch);
    CHECK_INT(r->cancels, 1);
    ended(r, "+a +b .b -b -a !", WR_CANCELLED);
}

/* ---- settling ---- */

static wr_rc_t
settle(wr_req_t *r, void *state)
{
    (void) state;
    return wr_settle(r, gone_on);
}

static void
settling(void)
{
    wr_req_t *r = fresh();

    r->in[H] = settle;                  /* the others are left before it goes on */
    wr_task_start(&r->task, abch);
    ended(r, "+a +b +c +h -c -b -a .h !", WR_OK);

    r = fresh();                        /* the caller's own frame is left last */
    r->in[C] = settle;
    r->after_wait = WR_DONE;
    wr_task_start(&r->task, abch);
    ended(r, "+a +b +c -b -a .c -c !", WR_OK);

    r = fresh();                        /* and what comes then is entered */
    r->in[C] = settle;
    wr_task_start(&r->task, abch);
    ended(r, "+a +b +c -b -a .c +h -c !", WR_OK);

    r = fresh();                        /* a failure after it is the outcome */
    r->in[H] = settle;
    r->after_wait = WR_CLOSED;
    wr_task_start(&r->task, abch);
    ended(r, "+a +b +c +h -c -b -a .h !", WR_CLOSED);

    r = fresh();                        /* nothing to settle */
    r->in[A] = settle;
    r->after_wait = WR_DONE;
    wr_task_start(&r->task, abch);
    ended(r, "+a .a -a !", WR_OK);
}

static void
settling_fails(void)
{
    wr_req_t *r = fresh();

    r->in[H] = settle;                  /* the caller is not resumed, a is left */
    r->out[B] = limit;
    wr_task_start(&r->task, abch);
    ended(r, "+a +b +c +h -c -b -a !", WR_LIMIT);

    r = fresh();
    r->in[H] = settle;
    r->out[B] = again;                  /* waits for nothing: a failure, too */
    wr_task_start(&r->task, abch);
    ended(r, "+a +b +c +h -c -b -a !", WR_ERROR);
    CHECK(strstr(last_alert, "stage \"b\" waits for nothing") != NULL);
}

static void
settling_waits(void)
{
    wr_req_t *r = fresh();

    r->in[H] = settle;
    r->out[B] = wait_one;
    wr_task_start(&r->task, abch);
    CHECK_STR(wr_str_z(r->trace), "+a +b +c +h -c -b ");
    wr_task_cancel(&r->task);           /* a commit is not cut short */
    CHECK_INT(r->cancels, 0);
    CHECK_INT(r->finishes, 0);
    wr_op_complete(&r->op[0], WR_OK);
    ended(r, "+a +b +c +h -c -b .b -a .h !", WR_CANCELLED);

    r = fresh();                        /* the after() fails once it has waited */
    r->in[H] = settle;
    r->out[C] = wait_one;
    r->after_wait = WR_LIMIT;
    wr_task_start(&r->task, abch);
    wr_op_complete(&r->op[0], WR_OK);
    ended(r, "+a +b +c +h -c .c -b -a !", WR_LIMIT);
}

static wr_rc_t
wait_on(wr_req_t *r, void *state)
{
    note(r, ".%c ", letters[here(r)]);
    return wait_one(r, state);
}

static wr_rc_t
settle_and_wait(wr_req_t *r, void *state)
{
    (void) state;
    return wr_settle(r, wait_on);
}

static void
waiting_when_settled(void)
{
    wr_req_t *r = fresh();

    r->in[C] = settle_and_wait;
    r->after_wait = WR_DONE;
    wr_task_start(&r->task, abch);
    CHECK_STR(wr_str_z(r->trace), "+a +b +c -b -a .c ");
    wr_op_complete(&r->op[0], WR_OK);
    ended(r, "+a +b +c -b -a .c .c -c !", WR_OK);

    r = fresh();                        /* cancelled while it streams */
    r->in[C] = settle_and_wait;
    r->after_wait = WR_CANCELLED;
    wr_task_start(&r->task, abch);
    wr_task_cancel(&r->task);
    CHECK_INT(r->cancels, 1);
    ended(r, "+a +b +c -b -a .c .c !", WR_CANCELLED);
}

/* ---- jumping ---- */

static const wr_stage_t bdh[] = {
    {.mw = &both[1], .conf = letters + 1}, {.mw = &both[3], .conf = letters + 3},
    {.mw = &plain, .conf = letters + 7}, {.mw = NULL}};

static wr_rc_t
jump(wr_req_t *r, void *state)
{
    (void) state;
    return wr_task_jump(r, bdh);
}

static wr_rc_t
jump_once(wr_req_t *r, void *state)
{
    return r->cancels++ == 0 ? jump(r, state) : WR_DONE;
}

static wr_rc_t
wait_and_jump(wr_req_t *r, void *state)
{
    (void) state;
    wr_op_begin(&r->op[0], "jump", NULL);
    return wr_await(r, &r->op[0], jump);
}

static wr_rc_t
jump_and_fail(wr_req_t *r, void *state)
{
    wr_rc_t rc = jump(r, state);

    return rc == WR_DECLINED ? WR_ERROR : rc;
}

static void
jumping(void)
{
    wr_req_t *r = fresh();

    /* Frames entered stay, and b is not entered twice. */
    r->in[H] = jump_once;
    wr_task_start(&r->task, abch);
    ended(r, "+a +b +c +h +d +h -d -c -b -a !", WR_OK);

    r = fresh();                        /* the one that jumps is not entered */
    r->in[A] = jump;
    wr_task_start(&r->task, abch);
    ended(r, "+a +b +d +h -d -b !", WR_OK);

    r = fresh();                        /* after a wait */
    r->in[C] = wait_and_jump;
    wr_task_start(&r->task, abch);
    wr_op_complete(&r->op[0], WR_OK);
    ended(r, "+a +b +c +d +h -d -b -a !", WR_OK);

    r = fresh();                        /* cancelled meanwhile: goes nowhere */
    r->in[C] = wait_and_jump;
    wr_task_start(&r->task, abch);
    wr_task_cancel(&r->task);
    CHECK_INT(r->finishes, 0);
    wr_op_complete(&r->op[0], WR_OK);
    ended(r, "+a +b +c -b -a !", WR_CANCELLED);

    r = fresh();                        /* a failure is stronger */
    r->in[C] = jump_and_fail;
    wr_task_start(&r->task, abch);
    ended(r, "+a +b +c -b -a !", WR_ERROR);
}

/* ---- one task, several pipelines ---- */

static void
finish_and_start(wr_req_t *r, wr_rc_t outcome)
{
    note(r, "/ ");
    CHECK_INT(outcome, r->cancels == 0 ? WR_ERROR : WR_CANCELLED);
    r->task.finish = finish;
    wr_task_start(&r->task, bdh);
}

static void
started_again(void)
{
    wr_req_t *r = fresh();

    r->task.finish = finish_and_start;      /* an error page by a redirect */
    r->in[A] = fail;
    wr_task_start(&r->task, abch);
    ended(r, "+a / +b +d +h -d -b !", WR_OK);

    r = fresh();                            /* whose client has gone */
    r->task.finish = finish_and_start;
    r->in[A] = wait_one;
    wr_task_start(&r->task, abch);
    wr_task_cancel(&r->task);
    ended(r, "+a .a -a / !", WR_CANCELLED);
}

/* Completing an op of one task inside a step of another: no mixing up. */
static wr_req_t *other;

static wr_rc_t
complete_other(wr_req_t *r, void *state)
{
    (void) state;
    CHECK(other != r);
    wr_op_complete(&other->op[0], WR_OK);
    CHECK_INT(other->finishes, 1);
    return WR_OK;
}

static void
two_tasks(void)
{
    static wr_req_t second;
    wr_req_t       *r;

    other = fresh();
    second = *other;
    other = &second;
    second.task.r = other;
    second.in[B] = wait_one;
    wr_task_start(&second.task, abch);
    r = fresh();
    r->in[B] = complete_other;
    wr_task_start(&r->task, abch);
    ended(r, "+a +b +c +h -c -b -a !", WR_OK);
    ended(other, "+a +b .b +c +h -c -b -a !", WR_OK);
}

int
main(void)
{
    open_loop();
    cancelling();
    cancelled_by_a_step();
    settling();
    settling_fails();
    settling_waits();
    waiting_when_settled();
    jumping();
    started_again();
    two_tasks();
    wr_loop_close();
    return check_status();
}
