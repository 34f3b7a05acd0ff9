/*
 * Named steps on an explicit stack of frames: how a request waits without
 * blocking the worker and without a stack of its own.
 *
 * A step is plain C: `wr_rc_t step(wr_req_t *r, void *state)`. To wait for an op
 * it returns wr_await(r, &op, next); `next` is called when the op has completed,
 * and finds the result in op.rc. Stages run in order (the way in); when the last
 * has answered or one has failed, the after() of every stage entered runs,
 * innermost first (the way out). The one driver in frame.c knows going in,
 * turning round, settling, cancelling and deadlines; nobody else does.
 *
 *   before() returns WR_OK: entered, its after() will run exactly once;
 *                    WR_DECLINED: nothing to do here, no after();
 *                    WR_DONE: the answer is settled, turn round (it counts as
 *                             entered if it has an after());
 *                    WR_AGAIN: waits (only by returning wr_await…);
 *                    negative: failed and has cleaned up after itself.
 *   after() returns WR_OK, WR_AGAIN, or negative: the outcome becomes a failure.
 *
 * A frame's state lives in the task's pool until the task has finished, and a wait
 * ends only when all its ops have completed, even if it was cancelled or its time
 * is up: so ops may stand in the state. A step that has begun an op must wait for
 * it before it returns anything but WR_AGAIN.
 */
#ifndef WEIR_EVENT_FRAME_H
#define WEIR_EVENT_FRAME_H

#include <weir/base/pool.h>
#include <weir/event/op.h>

typedef struct wr_req  wr_req_t;
typedef struct wr_task wr_task_t;

typedef wr_rc_t (*wr_step_t)(wr_req_t *r, void *state);

typedef struct wr_middleware {
    const char *name;
    size_t      state_size;     /* zeroed for each run; 0: state is NULL */
    wr_step_t   before;
    wr_step_t   after;          /* NULL: nothing on the way out */
} wr_middleware_t;

/* One entry of a pipeline. */
typedef struct wr_stage {
    const wr_middleware_t *mw;      /* NULL: the end of the pipeline */
    const void            *conf;    /* the stage's own: wr_stage_conf(r) */
    /* Whether before() may run while the task is lent: asked on that thread. NULL:
     * never. */
    bool                 (*lendable)(wr_req_t *r, const void *conf);
    bool                   enters;  /* may go on in a block of other stages */
} wr_stage_t;

typedef struct wr_frame {
    struct wr_frame  *outer;
    const wr_stage_t *stage;
    void             *state;
} wr_frame_t;

struct wr_task {
    wr_req_t         *r;
    wr_pool_t        *pool;
    wr_log_t         *log;
    const wr_stage_t *at;           /* the stage running or next to run */
    const wr_stage_t *jump;         /* where wr_task_jump wants to go on */
    wr_frame_t       *top;          /* innermost frame entered, not yet left */
    wr_frame_t       *current;      /* the frame whose step runs */
    wr_step_t         next;         /* where to go on after a wait */
    const char       *next_name;
    unsigned          waiting;      /* ops still pending */
    wr_op_t          *ops;          /* what is waited for */
    wr_timer_t        deadline;
    wr_frame_t        plain;        /* the current frame of stages without state */
    uint8_t           mode;
    bool              running;      /* the driver is on the C stack */
    bool              cancelled;
    bool              timed_out;    /* the last wait ended by its deadline */
    wr_rc_t           outcome;
    wr_step_t         resume;       /* after settling */
    const char       *resume_name;
    wr_frame_t       *resume_frame;
    wr_msec_t         since;        /* of the wait: for the list of waiters */
    const void       *lent;         /* to whom: see wr_task_lend; of both threads */
    /* Called once, when all is left: nothing of the task is used afterwards. */
    void            (*finish)(wr_req_t *r, wr_rc_t outcome);
};

/* Runs `stages` (ended by a stage without mw). finish() may be called before this
 * returns. */
void wr_task_start(wr_task_t *t, const wr_stage_t *stages);

/* In a step on the way in: go on with another pipeline (internal redirect,
 * rewrite). Frames entered stay; a middleware that is already on the stack is not
 * entered again. Use: `return wr_task_jump(r, stages);` */
wr_rc_t wr_task_jump(wr_req_t *r, const wr_stage_t *stages);

/* Lending. A thread that has done what a task waits for may go on with the task
 * itself, as far as its stages are lendable: so one hop does several steps. The
 * loop lends a task that does nothing but wait for `op`, and touches neither it nor
 * its request until it has taken it back: that is the lender's to see to
 * (wr_req_shield). False: it cannot be lent now. */
bool wr_task_lend(wr_task_t *t, const wr_op_t *op, const void *to);
/* On the thread: what was waited for is done, with WR_OK. Goes on until a stage
 * is not lendable, the way out begins, or something is to be waited for. */
void wr_task_go_on(wr_task_t *t, wr_op_t *op);
/* To whom the task is lent, for its steps; NULL: to nobody. */
const void *wr_task_lent_to(wr_req_t *r);
/* It has come to the way out: what stages and view have to say has been said. */
bool wr_task_has_turned(const wr_task_t *t);
/* On the loop: goes on with what is not lendable. `ran`: wr_task_go_on was called;
 * else op is still pending, as it was. */
void wr_task_take_back(wr_task_t *t, bool ran);

/* The client has gone or the worker ends: asks what is waited for to end. No stage
 * is entered any more (the outcome is WR_CANCELLED, unless a step has failed or
 * settled the answer); waits on the way out are not cut short. It holds for the
 * pipelines that the same task is started with later. Nothing happens to a task
 * that does not run. */
void wr_task_cancel(wr_task_t *t);

/* Return these from a step. */
#define wr_await(r, op, next) wr_await_(r, op, 1, -1, next, #next)
#define wr_await_for(r, op, ms, next) wr_await_(r, op, 1, ms, next, #next)
/* `ops` is linked by ->next; goes on when all have completed. */
#define wr_await_all(r, ops, ms, next) wr_await_(r, ops, 0, ms, next, #next)
wr_rc_t wr_await_(wr_req_t *r, wr_op_t *ops, unsigned n, wr_msec_t ms,
                  wr_step_t next, const char *name);

/* Before the first byte of a streamed answer: runs the after()s of all frames but
 * the caller's, then goes on at `next`, on the loop. If one of them fails the caller is
 * not resumed: the task ends with that failure. */
#define wr_settle(r, next) wr_settle_(r, next, #next)
wr_rc_t wr_settle_(wr_req_t *r, wr_step_t next, const char *name);

/* The last wait ended because its time was up: its ops were cancelled. */
bool wr_timed_out(wr_req_t *r);

/* What a task waits for, for people. False: it does not wait, or is lent. */
typedef struct wr_task_wait {
    const char *stage;          /* the middleware's name */
    const char *step;           /* where it will go on */
    const char *op;             /* the first that is pending: "connect" */
    unsigned    ops;            /* how many are */
    wr_msec_t   ms;             /* for how long so far */
} wr_task_wait_t;
bool wr_task_waiting(const wr_task_t *t, wr_task_wait_t *to);

/* The conf of the running stage, as the pipeline gives it. */
const void *wr_stage_conf(wr_req_t *r);

/* Every request has its task here: set by the request layer, so that this file
 * need not know wr_req_t. */
extern wr_task_t *(*wr_task_of)(wr_req_t *r);

#endif
