/*
 * Frames: every way in, round and out. A task's steps write a trace: "+a" entered,
 * "-a" left, ".a" gone on after a wait, "!" finished with an outcome.
 */
#include <check.h>
#include <stdarg.h>
#include <weir/event/frame.h>

/* The request of this test: frame.h knows it by name only. */
struct wr_req {
    wr_task_t  task;
    wr_op_t    op[3];           /* the test completes them */
    unsigned   cancels;
    bool       deaf;            /* cancelling does nothing */
    wr_rc_t    after_wait;      /* what gone_on() returns */
    wr_msec_t  ms;              /* deadline of waits */
    wr_step_t  in[8], out[8];   /* by stage; NULL: WR_OK */
    bool       timed_out;
    unsigned   finishes;
    wr_rc_t    outcome;
    char       trace[256];
};

static wr_log_t log_none;
static char     last_alert[256];

static void
note(wr_req_t *r, const char *format, ...)
{
    size_t  n = strlen(r->trace);
    va_list ap;

    va_start(ap, format);
    vsnprintf(r->trace + n, sizeof(r->trace) - n, format, ap);
    va_end(ap);
}

static void
keep_alert(wr_log_target_t *t, wr_level_t level, wr_str_t text)
{
    (void) t;
    (void) level;
    snprintf(last_alert, sizeof(last_alert), "%.*s", WR_ARG(text));
}

static wr_task_t *
task_of(wr_req_t *r)
{
    return &r->task;
}

/* ---- stages a to h: which is said by the stage's conf ---- */

static const char letters[] = "abcdefgh";

static unsigned
here(wr_req_t *r)
{
    return (unsigned) ((const char *) wr_stage_conf(r) - letters);
}

static wr_rc_t
before(wr_req_t *r, void *state)
{
    unsigned i = here(r);

    if (state != NULL) {
        CHECK_INT(*(int *) state, 0);       /* zeroed for each run */
        *(int *) state = (int) i + 1;
    }
    note(r, "+%c ", letters[i]);
    return r->in[i] != NULL ? r->in[i](r, state) : WR_OK;
}

static wr_rc_t
after(wr_req_t *r, void *state)
{
    unsigned i = here(r);

    CHECK_INT(*(int *) state, i + 1);       /* the state of its own before() */
    note(r, "-%c ", letters[i]);
    return r->out[i] != NULL ? r->out[i](r, state) : WR_OK;
}

#define BOTH(n) {.name = n, .state_size = sizeof(int), .before = before, .after = after}
static const wr_middleware_t both[] = {BOTH("a"), BOTH("b"), BOTH("c"), BOTH("d")};
static const wr_middleware_t plain = {.name = "plain", .before = before};
static const wr_middleware_t stateful = {.name = "stateful", .state_size = sizeof(int),
                                         .before = before};

/* The usual pipeline: three middlewares around a handler. */
static const wr_stage_t abch[] = {
    {.mw = &both[0], .conf = letters}, {.mw = &both[1], .conf = letters + 1},
    {.mw = &both[2], .conf = letters + 2},
    {.mw = &plain, .conf = letters + 7}, {.mw = NULL}};

enum { A, B, C, D, E, F, G, H };

static void
finish(wr_req_t *r, wr_rc_t outcome)
{
    CHECK(r->task.top == NULL);
    CHECK(!wr_timer_is_set(&r->task.deadline));
    r->finishes++;
    r->outcome = outcome;
    note(r, "!");
}

static wr_req_t *
fresh(void)
{
    static wr_req_t r;

    memset(&r, 0, sizeof(r));
    r.ms = -1;
    r.task = (wr_task_t) {.r = &r, .pool = wr_pool_new(), .log = &log_none, .finish = finish};
    last_alert[0] = '\0';
    return &r;
}

static void
ended(wr_req_t *r, const char *trace, wr_rc_t outcome)
{
    CHECK_STR(wr_str_z(r->trace), trace);
    CHECK_INT(r->finishes, 1);
    CHECK_INT(r->outcome, outcome);
    wr_pool_free(r->task.pool);
}

static wr_rc_t done(wr_req_t *r, void *state) { (void) r, (void) state; return WR_DONE; }
static wr_rc_t fail(wr_req_t *r, void *state) { (void) r, (void) state; return WR_ERROR; }
static wr_rc_t limit(wr_req_t *r, void *state) { (void) r, (void) state; return WR_LIMIT; }
static wr_rc_t again(wr_req_t *r, void *state) { (void) r, (void) state; return WR_AGAIN; }
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
on_cancel(wr_op_t *op)
{
    wr_req_t *r = ((wr_task_t *) op->waiter)->r;

    r->cancels++;
    if (!r->deaf) {
        wr_op_complete(op, WR_CANCELLED);
    }
}

static wr_rc_t
gone_on(wr_req_t *r, void *state)
{
    unsigned i = here(r);

    if (state != NULL) {
        CHECK_INT(*(int *) state, i + 1);
    }
    r->timed_out = wr_timed_out(r);
    note(r, ".%c ", letters[i]);
    return r->after_wait;
}

static wr_rc_t
wait_one(wr_req_t *r, void *state)
{
    (void) state;
    wr_op_begin(&r->op[0], "one", on_cancel);
    return r->ms < 0 ? wr_await(r, &r->op[0], gone_on)
                     : wr_await_for(r, &r->op[0], r->ms, gone_on);
}

static wr_rc_t
wait_all(wr_req_t *r, void *state)
{
    (void) state;
    for (unsigned i = 0; i < 3; i++) {
        wr_op_begin(&r->op[i], "all", on_cancel);
    }
    r->op[0].next = &r->op[1];
    r->op[1].next = &r->op[2];
    return wr_await_all(r, &r->op[0], r->ms, gone_on);
}

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
    static wr_log_target_t target = {.level = WR_LOG_WARN, .fd = -1, .write = keep_alert};

    log_none = (wr_log_t) {.level = WR_LOG_WARN, .targets = &target};
    wr_task_of = task_of;
    wr_clock_update();
    if (wr_loop_open(&log_none, 16) != WR_OK) {
        return 1;
    }
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
