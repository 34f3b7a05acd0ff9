/*
 * The one driver of requests: going in, turning round, going out.
 *
 * `drive` calls steps in a loop until one waits or all is left, so steps never
 * nest on the C stack. A wait whose ops have already completed costs nothing. The
 * task is not touched after finish(): that may free it.
 */
#include <weir/event/frame.h>

enum { IDLE, IN, OUT, SETTLE };

wr_task_t *(*wr_task_of)(wr_req_t *r);

static void drive(wr_task_t *t);

static const char *
stage_name(const wr_task_t *t)
{
    return t->current != NULL && t->current->stage != NULL
               ? t->current->stage->mw->name
               : "-";
}

/* ---- waiting ---- */

static void
op_done(wr_op_t *op)
{
    wr_task_t *t = op->waiter;

    WR_ASSERT(t->waiting > 0);
    if (--t->waiting != 0) {
        return;
    }
    /* Also while a step runs: what it waits for may complete before it returns,
     * and the deadline must not strike a later wait. */
    wr_timer_cancel(&t->deadline);
    if (!t->running) {
        drive(t);
    }
}

static void
cancel_ops(wr_task_t *t)
{
    /* A cancelled op may complete at once, and the last one would drive the task
     * while its ops are still being walked. */
    bool running = t->running;

    t->running = true;
    for (wr_op_t *op = t->ops, *next; op != NULL; op = next) {
        next = op->next;
        if (op->state == WR_OP_PENDING) {
            wr_op_cancel(op);
        }
    }
    t->running = running;
    if (!running && t->waiting == 0) {
        drive(t);
    }
}

static void
deadline(wr_timer_t *timer)
{
    wr_task_t *t = WR_CONTAINER(timer, wr_task_t, deadline);

    wr_debug(t->log, "frame", "%s: time is up before %s", stage_name(t),
             t->next_name);
    t->timed_out = true;
    cancel_ops(t);
}

wr_rc_t
wr_await_(wr_req_t *r, wr_op_t *ops, unsigned n, wr_msec_t ms, wr_step_t next,
          const char *name)
{
    wr_task_t *t = wr_task_of(r);

    WR_ASSERT(t->running && t->next == NULL);
    t->next = next;
    t->next_name = name;
    t->ops = ops;
    t->waiting = 0;
    t->timed_out = false;
    if (n == 1 && ops != NULL) {
        ops->next = NULL;
    }
    for (wr_op_t *op = ops; op != NULL; op = op->next) {
        if (op->state == WR_OP_PENDING) {
            op->done = op_done;
            op->waiter = t;
            t->waiting++;
        }
    }
    if (t->waiting == 0) {
        return WR_AGAIN;
    }
    WR_ASSERT(t->lent == NULL);
    t->since = wr_clock.mono;
    if (t->cancelled && t->mode == IN) {
        cancel_ops(t);
    } else if (ms >= 0) {
        t->deadline.fn = deadline;
        wr_timer_set(&t->deadline, ms);
    }
    return WR_AGAIN;
}

bool
wr_timed_out(wr_req_t *r)
{
    return wr_task_of(r)->timed_out;
}

bool
wr_task_waiting(const wr_task_t *t, wr_task_wait_t *to)
{
    const wr_op_t *op = t->ops;

    if (t->lent != NULL || t->mode == IDLE || t->waiting == 0) {
        return false;
    }
    while (op != NULL && op->state != WR_OP_PENDING) {
        op = op->next;
    }
    *to = (wr_task_wait_t) {
        .stage = stage_name(t), .step = t->next_name,
        .op = op != NULL && op->name != NULL ? op->name : "?", .ops = t->waiting,
        .ms = wr_clock.mono - t->since,
    };
    return true;
}

wr_rc_t
wr_settle_(wr_req_t *r, wr_step_t next, const char *name)
{
    wr_task_t *t = wr_task_of(r);

    WR_ASSERT(t->running && t->next == NULL && t->mode == IN);
    /* With nothing to settle as well: a lent task goes back to the loop first. */
    t->waiting = 0;
    t->mode = SETTLE;
    t->resume = next;
    t->resume_name = name;
    t->resume_frame = t->current;
    t->current = NULL;
    return WR_AGAIN;
}

wr_rc_t
wr_task_jump(wr_req_t *r, const wr_stage_t *stages)
{
    wr_task_t *t = wr_task_of(r);

    WR_ASSERT(t->running && t->mode == IN);
    t->jump = stages;
    return WR_DECLINED;
}

const void *
wr_stage_conf(wr_req_t *r)
{
    wr_task_t *t = wr_task_of(r);

    return t->current != NULL && t->current->stage != NULL
               ? t->current->stage->conf
               : NULL;
}

void
wr_task_cancel(wr_task_t *t)
{
    if (t->mode == IDLE || t->cancelled) {
        return;
    }
    t->cancelled = true;
    if (t->mode == IN && t->waiting != 0) {
        cancel_ops(t);
    }
}

/* ---- the driver ---- */

static bool
on_stack(const wr_task_t *t, const wr_middleware_t *mw)
{
    for (const wr_frame_t *f = t->top; f != NULL; f = f->outer) {
        if (f->stage->mw == mw) {
            return true;
        }
    }
    return false;
}

static void
turn_round(wr_task_t *t, wr_rc_t outcome)
{
    t->outcome = outcome;
    t->mode = OUT;
    t->current = NULL;
}

/* Chooses the next stage and calls its before(). */
static wr_rc_t
enter(wr_task_t *t)
{
    const wr_middleware_t *mw = t->at->mw;
    wr_frame_t            *f = &t->plain;

    if (mw->state_size != 0 || mw->after != NULL) {
        if (mw->after != NULL && on_stack(t, mw)) {
            return WR_DECLINED;
        }
        f = wr_alloc(t->pool, sizeof(*f));
        f->state = mw->state_size != 0 ? wr_zalloc(t->pool, mw->state_size) : NULL;
    } else {
        f->state = NULL;
    }
    f->stage = t->at;
    f->outer = NULL;
    t->current = f;
    wr_debug(t->log, "frame", "enter %s", mw->name);
    return mw->before(t->r, f->state);
}

/* A step on the way in has returned. */
static void
entered(wr_task_t *t, wr_rc_t rc)
{
    wr_frame_t *f = t->current;

    t->current = NULL;
    if (f != NULL && f->stage->mw->after != NULL && (rc == WR_OK || rc == WR_DONE)) {
        f->outer = t->top;
        t->top = f;
    }
    if (t->jump != NULL) {
        t->at = t->jump;
        t->jump = NULL;
    } else {
        t->at++;
    }
    if (rc < 0 || rc == WR_DONE) {
        turn_round(t, rc < 0 ? rc : WR_OK);
    }
}

/* Pops the innermost frame and calls its after(). */
static wr_rc_t
leave(wr_task_t *t)
{
    t->current = t->top;
    t->top = t->top->outer;
    wr_debug(t->log, "frame", "leave %s", stage_name(t));
    return t->current->stage->mw->after(t->r, t->current->state);
}

static void
left(wr_task_t *t, wr_rc_t rc)
{
    WR_ASSERT(rc != WR_DECLINED || t->jump == NULL);
    t->current = NULL;
    if (rc >= 0) {
        return;
    }
    if (t->mode == SETTLE) {
        turn_round(t, rc);      /* the caller of wr_settle is not resumed */
    } else if (t->outcome >= 0) {
        t->outcome = rc;
    }
}

static void
settled(wr_task_t *t)
{
    t->mode = IN;
    t->current = t->resume_frame;
    t->next = t->resume;
    t->next_name = t->resume_name;
}

/* What comes next may not run where a lent task runs. */
static bool
is_loops(const wr_task_t *t)
{
    const wr_stage_t *s = t->at;

    if (t->mode != IN) {
        return true;
    }
    if (t->next != NULL) {
        s = t->current->stage;
    }
    return s->mw != NULL && (s->lendable == NULL || !s->lendable(t->r, s->conf));
}

/* One call of a step. False: the task waits or has finished. */
static bool
turn(wr_task_t *t)
{
    wr_rc_t rc;

    if (wr_unlikely(t->lent != NULL) && is_loops(t)) {
        t->running = false;
        return false;
    }
    if (t->next != NULL) {
        wr_step_t step = t->next;

        wr_debug(t->log, "frame", "%s goes on at %s", stage_name(t), t->next_name);
        t->next = NULL;
        t->ops = NULL;
        rc = step(t->r, t->current->state);
    } else if (t->mode == IN) {
        if (t->at->mw == NULL || t->cancelled) {
            turn_round(t, t->cancelled ? WR_CANCELLED : WR_OK);
            return true;
        }
        rc = enter(t);
    } else if (t->top != NULL) {
        rc = leave(t);
    } else if (t->mode == SETTLE) {
        settled(t);
        return true;
    } else {
        wr_req_t *r = t->r;
        wr_rc_t   outcome = t->outcome;

        t->mode = IDLE;
        t->running = false;
        t->finish(r, outcome);
        return false;
    }

    if (rc == WR_AGAIN) {
        /* Without a current frame the step has asked to settle. */
        if (t->waiting == 0 && t->next == NULL && t->current != NULL) {
            wr_log(t->log, WR_LOG_ALERT, 0, "stage \"%s\" waits for nothing",
                   stage_name(t));
            turn_round(t, WR_ERROR);
        }
        if (t->waiting == 0) {
            return true;
        }
        t->running = false;
        return false;
    }
    if (t->mode == IN) {
        entered(t, rc);
    } else {
        left(t, rc);
    }
    return true;
}

static void
drive(wr_task_t *t)
{
    t->running = true;
    while (turn(t)) {
    }
}

void
wr_task_start(wr_task_t *t, const wr_stage_t *stages)
{
    WR_ASSERT(t->mode == IDLE && t->finish != NULL);
    t->at = stages;
    t->jump = NULL;
    t->top = NULL;
    t->current = NULL;
    t->next = NULL;
    t->waiting = 0;
    t->outcome = WR_OK;
    t->mode = IN;
    drive(t);
}

/* ---- lending ---- */

bool
wr_task_lend(wr_task_t *t, const wr_op_t *op, const void *to)
{
    if (t->running || t->cancelled || t->mode != IN || t->waiting != 1 || t->ops != op
        || op->next != NULL || t->lent != NULL || wr_timer_is_set(&t->deadline))
    {
        return false;
    }
    t->lent = to;
    return true;
}

void
wr_task_go_on(wr_task_t *t, wr_op_t *op)
{
    op->state = WR_OP_DONE;
    op->rc = WR_OK;
    t->waiting = 0;
    drive(t);
}

const void *
wr_task_lent_to(wr_req_t *r)
{
    return wr_task_of(r)->lent;
}

bool
wr_task_has_turned(const wr_task_t *t)
{
    return t->mode == OUT;
}

void
wr_task_take_back(wr_task_t *t, bool ran)
{
    t->lent = NULL;
    if (ran) {
        drive(t);
    }
}
