/*
 * Frames: every way in, on through waits and their deadlines, and out.
 */
#include "frame_help.h"

static wr_rc_t done(wr_req_t *r, void *state) { (void) r, (void) state; return WR_DONE; }
static wr_rc_t
declined(wr_req_t *r, void *state)
{
    (void) r, (void) state;
    return WR_DECLINED;
}

/* ---- without waiting ---- */

static void
order(void)
{
    wr_req_t *r = fresh();

    wr_task_start(&r->task, abch);
    ended(r, "+a +b +c +h -c -b -a !", WR_OK);

    r = fresh();
    wr_task_start(&r->task, abch + 4);          /* nothing to run */
    ended(r, "!", WR_OK);
}

static void
answers_of_before(void)
{
    static const wr_stage_t kinds[] = {
        {.mw = &both[0], .conf = letters}, {.mw = &stateful, .conf = letters + 1},
        {.mw = &plain, .conf = letters + 2}, {.mw = NULL}};
    wr_req_t *r = fresh();

    r->in[B] = declined;                        /* no after() for it */
    wr_task_start(&r->task, abch);
    ended(r, "+a +b +c +h -c -a !", WR_OK);

    r = fresh();
    r->in[B] = done;                            /* turns round, and is left */
    wr_task_start(&r->task, abch);
    ended(r, "+a +b -b -a !", WR_OK);

    r = fresh();
    r->in[H] = done;                            /* nothing to leave */
    wr_task_start(&r->task, abch);
    ended(r, "+a +b +c +h -c -b -a !", WR_OK);

    r = fresh();
    r->in[C] = limit;                           /* cleaned up after itself */
    wr_task_start(&r->task, abch);
    ended(r, "+a +b +c -b -a !", WR_LIMIT);

    r = fresh();
    r->in[A] = fail;
    wr_task_start(&r->task, abch);
    ended(r, "+a !", WR_ERROR);

    r = fresh();                                /* without after(): not a frame */
    wr_task_start(&r->task, kinds);
    ended(r, "+a +b +c -a !", WR_OK);
}

static void
answers_of_after(void)
{
    wr_req_t *r = fresh();

    r->out[B] = fail;                           /* the others are left all the same */
    wr_task_start(&r->task, abch);
    ended(r, "+a +b +c +h -c -b -a !", WR_ERROR);

    r = fresh();
    r->out[C] = limit;                          /* the first failure is the outcome */
    r->out[A] = fail;
    wr_task_start(&r->task, abch);
    ended(r, "+a +b +c +h -c -b -a !", WR_LIMIT);

    r = fresh();
    r->in[H] = limit;
    r->out[B] = fail;
    wr_task_start(&r->task, abch);
    ended(r, "+a +b +c +h -c -b -a !", WR_LIMIT);
}

static void
waiting_for_nothing(void)
{
    wr_req_t *r = fresh();

    r->in[B] = again;
    wr_task_start(&r->task, abch);
    ended(r, "+a +b -a !", WR_ERROR);
    CHECK(strstr(last_alert, "stage \"b\" waits for nothing") != NULL);

    r = fresh();
    r->out[B] = again;
    wr_task_start(&r->task, abch);
    ended(r, "+a +b +c +h -c -b -a !", WR_ERROR);
    CHECK(strstr(last_alert, "stage \"b\" waits for nothing") != NULL);
}

/* ---- waiting ---- */

static void
one(void)
{
    wr_req_t *r = fresh();

    r->in[B] = wait_one;
    wr_task_start(&r->task, abch);
    CHECK_STR(wr_str_z(r->trace), "+a +b ");
    CHECK_INT(r->task.waiting, 1);
    CHECK(strcmp(r->task.next_name, "gone_on") == 0);
    CHECK(r->task.ops == &r->op[0]);
    CHECK_INT(r->op[0].rc, WR_AGAIN);
    wr_op_complete(&r->op[0], WR_OK);
    ended(r, "+a +b .b +c +h -c -b -a !", WR_OK);
    CHECK_INT(r->op[0].rc, WR_OK);
    CHECK(!r->timed_out);

    r = fresh();                                /* in the handler, which fails then */
    r->in[H] = wait_one;
    r->after_wait = WR_ERROR;
    wr_task_start(&r->task, abch);
    wr_op_complete(&r->op[0], WR_OK);
    ended(r, "+a +b +c +h .h -c -b -a !", WR_ERROR);

    r = fresh();                                /* an after() waits */
    r->out[B] = wait_one;
    wr_task_start(&r->task, abch);
    CHECK_STR(wr_str_z(r->trace), "+a +b +c +h -c -b ");
    wr_op_complete(&r->op[0], WR_OK);
    ended(r, "+a +b +c +h -c -b .b -a !", WR_OK);

    r = fresh();                                /* … and fails after it */
    r->out[B] = wait_one;
    r->after_wait = WR_LIMIT;
    wr_task_start(&r->task, abch);
    wr_op_complete(&r->op[0], WR_OK);
    ended(r, "+a +b +c +h -c -b .b -a !", WR_LIMIT);

    r = fresh();                                /* declined after a wait: not entered */
    r->in[B] = wait_one;
    r->after_wait = WR_DECLINED;
    wr_task_start(&r->task, abch);
    wr_op_complete(&r->op[0], WR_OK);
    ended(r, "+a +b .b +c +h -c -a !", WR_OK);
}

static void
all(void)
{
    wr_req_t *r = fresh();

    r->in[B] = wait_all;
    wr_task_start(&r->task, abch);
    CHECK_INT(r->task.waiting, 3);
    wr_op_complete(&r->op[1], WR_OK);
    wr_op_complete(&r->op[2], WR_ERROR);        /* the step judges, not the driver */
    CHECK_STR(wr_str_z(r->trace), "+a +b ");
    wr_op_complete(&r->op[0], WR_OK);
    ended(r, "+a +b .b +c +h -c -b -a !", WR_OK);
}

static wr_rc_t
wait_completed(wr_req_t *r, void *state)
{
    (void) state;
    wr_op_begin(&r->op[0], "early", NULL);
    wr_op_complete(&r->op[0], WR_LIMIT);
    return wr_await_for(r, &r->op[0], 1000, gone_on);
}

static wr_rc_t
wait_some_completed(wr_req_t *r, void *state)
{
    wr_rc_t rc = wait_all(r, state);

    /* Between the wait and the return to the driver: two of three. */
    wr_op_complete(&r->op[0], WR_OK);
    wr_op_complete(&r->op[2], WR_OK);
    return rc;
}

static wr_rc_t
complete_before_return(wr_req_t *r, void *state)
{
    wr_rc_t rc = wait_one(r, state);

    wr_op_complete(&r->op[0], WR_OK);
    return rc;
}

static void
early(void)
{
    wr_req_t *r = fresh();

    r->in[B] = wait_completed;                  /* before the wait: goes on at once */
    wr_task_start(&r->task, abch);
    CHECK_INT(r->op[0].rc, WR_LIMIT);
    ended(r, "+a +b .b +c +h -c -b -a !", WR_OK);

    r = fresh();
    r->in[B] = wait_some_completed;
    wr_task_start(&r->task, abch);
    CHECK_INT(r->task.waiting, 1);
    wr_op_complete(&r->op[1], WR_OK);
    ended(r, "+a +b .b +c +h -c -b -a !", WR_OK);

    /* A deadline of a wait that ended so is not left behind for the next one:
     * finish() looks whether the timer is set. */
    r = fresh();
    r->ms = 1000;
    r->in[H] = complete_before_return;
    wr_task_start(&r->task, abch);
    ended(r, "+a +b +c +h .h -c -b -a !", WR_OK);
}

static wr_rc_t
wait_thrice(wr_req_t *r, void *state)
{
    note(r, ".%c ", letters[here(r)]);
    if (r->cancels++ == 2) {
        return WR_OK;
    }
    (void) state;
    wr_op_begin(&r->op[0], "more", NULL);
    return wr_await(r, &r->op[0], wait_thrice);
}

static void
again_and_again(void)
{
    wr_req_t *r = fresh();

    r->in[B] = wait_thrice;
    wr_task_start(&r->task, abch);
    wr_op_complete(&r->op[0], WR_OK);
    CHECK_STR(wr_str_z(r->trace), "+a +b .b .b ");
    wr_op_complete(&r->op[0], WR_OK);
    ended(r, "+a +b .b .b .b +c +h -c -b -a !", WR_OK);
}

/* ---- deadlines ---- */

static void
deadlines(void)
{
    wr_req_t *r = fresh();

    r->ms = 1;
    r->in[H] = wait_all;
    wr_task_start(&r->task, abch);
    CHECK(wr_timer_is_set(&r->task.deadline));
    while (r->finishes == 0) {
        wr_loop_turn(100);
    }
    CHECK_INT(r->cancels, 3);
    CHECK(r->timed_out);
    CHECK_INT(r->op[1].rc, WR_CANCELLED);
    ended(r, "+a +b +c +h .h -c -b -a !", WR_OK);   /* the step judges */

    /* On the way out as well. */
    r = fresh();
    r->ms = 1;
    r->out[A] = wait_one;
    r->after_wait = WR_TIMEOUT;
    wr_task_start(&r->task, abch);
    while (r->finishes == 0) {
        wr_loop_turn(100);
    }
    CHECK(r->timed_out);
    ended(r, "+a +b +c +h -c -b -a .a !", WR_TIMEOUT);

    /* In time: the timer is gone, and the wait has not timed out. */
    r = fresh();
    r->ms = 60000;
    r->in[H] = wait_one;
    wr_task_start(&r->task, abch);
    wr_op_complete(&r->op[0], WR_OK);
    CHECK(!r->timed_out);
    ended(r, "+a +b +c +h .h -c -b -a !", WR_OK);

    /* A deadline of 0 strikes in the next turn, not inside the step. */
    r = fresh();
    r->ms = 0;
    r->in[H] = wait_one;
    wr_task_start(&r->task, abch);
    CHECK_STR(wr_str_z(r->trace), "+a +b +c +h ");
    while (r->finishes == 0) {
        wr_loop_turn(100);
    }
    CHECK(r->timed_out);
    ended(r, "+a +b +c +h .h -c -b -a !", WR_OK);
}

/* An op that does not listen: the frame stays until it has completed. */
static void
memory(void)
{
    wr_req_t *r = fresh();

    r->ms = 1;
    r->deaf = true;
    r->in[B] = wait_one;
    r->after_wait = WR_TIMEOUT;
    wr_task_start(&r->task, abch);
    while (r->cancels == 0) {
        wr_loop_turn(100);
    }
    wr_loop_turn(0);
    CHECK_STR(wr_str_z(r->trace), "+a +b ");
    CHECK_INT(r->finishes, 0);
    CHECK(r->op[0].state == WR_OP_PENDING && r->op[0].cancelling);
    wr_task_cancel(&r->task);                       /* asked once only */
    CHECK_INT(r->cancels, 1);
    CHECK_INT(r->finishes, 0);
    wr_op_complete(&r->op[0], WR_OK);               /* too late, but real */
    CHECK(r->timed_out);
    ended(r, "+a +b .b -a !", WR_TIMEOUT);
    CHECK_INT(r->op[0].rc, WR_OK);
}

/* The op stands in the frame's own state, and finish() frees the pool: under
 * AddressSanitizer nothing may touch it afterwards. */
typedef struct own {
    wr_sleep_t sleep;
} own_t;

static wr_rc_t
slept(wr_req_t *r, void *state)
{
    own_t *own = state;

    note(r, "%s ", own->sleep.op.rc == WR_OK ? "slept" : "woken");
    return own->sleep.op.rc;
}

static wr_rc_t
sleeping(wr_req_t *r, void *state)
{
    own_t *own = state;

    wr_sleep_start(&own->sleep, r->ms);
    return wr_await_for(r, &own->sleep.op, 5000, slept);
}

static void
finish_and_free(wr_req_t *r, wr_rc_t outcome)
{
    r->finishes++;
    r->outcome = outcome;
    wr_pool_free(r->task.pool);
    free(r);
}

static const wr_middleware_t sleeper = {.name = "sleeper", .state_size = sizeof(own_t),
                                        .before = sleeping};
static const wr_stage_t      sleepers[] = {{.mw = &sleeper}, {.mw = NULL}};

static void
freed_by_finish(void)
{
    for (unsigned how = 0; how < 2; how++) {
        wr_req_t *r = calloc(1, sizeof(*r));
        unsigned  timers = wr_loop_timers();

        r->ms = how == 0 ? 1 : 60000;
        r->task = (wr_task_t) {.r = r, .pool = wr_pool_new(), .log = &log_none,
                               .finish = finish_and_free};
        wr_task_start(&r->task, sleepers);
        if (how == 1) {
            wr_task_cancel(&r->task);
        }
        for (unsigned i = 0; i < 100 && wr_loop_timers() > timers; i++) {
            wr_loop_turn(20);
        }
        CHECK_INT(wr_loop_timers(), timers);
    }
}

int
main(void)
{
    open_loop();
    order();
    answers_of_before();
    answers_of_after();
    waiting_for_nothing();
    one();
    all();
    early();
    again_and_again();
    deadlines();
    memory();
    freed_by_finish();
    wr_loop_close();
    return check_status();
}
