/*
 * For units of frames: a request whose steps write a trace: "+a" entered, "-a" left, ".a"
 * gone on after a wait, "!" finished with an outcome.
 */
#ifndef WEIR_TESTS_FRAME_HELP_H
#define WEIR_TESTS_FRAME_HELP_H

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

static wr_rc_t fail(wr_req_t *r, void *state) { (void) r, (void) state; return WR_ERROR; }
static wr_rc_t limit(wr_req_t *r, void *state) { (void) r, (void) state; return WR_LIMIT; }
static wr_rc_t again(wr_req_t *r, void *state) { (void) r, (void) state; return WR_AGAIN; }

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
open_loop(void)
{
    static wr_log_target_t target = {.level = WR_LOG_WARN, .fd = -1, .write = keep_alert};

    log_none = (wr_log_t) {.level = WR_LOG_WARN, .targets = &target};
    wr_task_of = task_of;
    wr_clock_update();
    CHECK(wr_loop_open(&log_none, 16) == WR_OK);
}

#endif
