/*
 * Steps: collected by the conf into lists, run as stages of pipelines.
 *
 * A block of steps (`when`) is a pipeline of its own that ends with a stage which
 * goes back: to where is remembered per request, since one block may be inherited
 * by many routes.
 */
#include <weir/app/steps_priv.h>

#include <weir/app/app_priv.h>

app_conf_t *
app_conf_own(wr_conf_t *cf, wr_scope_t *scope)
{
    return wr_scope_own(cf, scope, &wr_app_module.schema);
}

/* ---- conf time ---- */

static wr_stage_t *
push(wr_conf_t *cf)
{
    app_conf_t *conf = app_conf_own(cf, cf->scope);

    if (conf->steps.pool == NULL) {
        conf->steps = wr_array(cf->pool, sizeof(wr_stage_t));
    }
    return WR_PUSH(&conf->steps, wr_stage_t);
}

wr_rc_t
wr_app_step(wr_conf_t *cf, const wr_middleware_t *step, const void *conf, bool view)
{
    app_conf_t *own = app_conf_own(cf, cf->scope);

    if (view && (cf->scope->context & WR_ROUTES) != 0) {
        return wr_conf_fail(cf, NULL, "\"%.*s\" would answer all of these routes: put it into "
                                      "one, or below \"when\"",
                            WR_ARG(cf->args[0].text));
    }
    if (own->view) {
        return wr_conf_fail(cf, NULL, "\"%.*s\" is never reached: the view above has "
                                      "answered",
                            WR_ARG(cf->args[0].text));
    }
    wr_app_ahead(cf);
    own->view = view;
    *push(cf) = (wr_stage_t) {step, conf, NULL, own->enters};
    own->enters = false;
    return WR_OK;
}

static bool
always(wr_req_t *r, const void *conf)
{
    (void) r;
    (void) conf;
    return true;
}

wr_rc_t
wr_app_step_lendable(wr_conf_t *cf, const wr_middleware_t *step, const void *conf, bool view,
                     bool lendable)
{
    wr_rc_t rc = wr_app_step(cf, step, conf, view);

    if (rc == WR_OK && lendable) {
        ((wr_stage_t *) (uintptr_t) wr_app_last_step(cf))->lendable = always;
    }
    return rc;
}

void
app_push_stage(wr_conf_t *cf, const wr_middleware_t *mw, const void *conf)
{
    *push(cf) = (wr_stage_t) {.mw = mw, .conf = conf};
}

const wr_stage_t *
wr_app_last_step(wr_conf_t *cf)
{
    app_conf_t *own = app_conf_own(cf, cf->scope);

    return own->steps.n != 0 ? WR_AT(&own->steps, wr_stage_t, own->steps.n - 1) : NULL;
}

/* The location, server or http around the blocks of steps. */
static wr_scope_t *
holder(wr_conf_t *cf)
{
    wr_scope_t *scope = cf->scope;

    while (scope != NULL && (scope->context & WR_WHEN) != 0) {
        scope = scope->outer;
    }
    return scope != NULL ? wr_scope_find(scope, WR_LOCATION | WR_SERVER | WR_HTTP) : NULL;
}

void
app_want_body(wr_conf_t *cf, bool form)
{
    wr_scope_t *scope = holder(cf);

    if (scope != NULL) {
        app_conf_own(cf, scope)->body = true;
        app_conf_own(cf, scope)->form |= form;
    }
}

void
wr_app_want_body(wr_conf_t *cf)
{
    app_want_body(cf, true);
}

void
wr_app_want_session(wr_conf_t *cf)
{
    wr_scope_t *scope = holder(cf);

    if (scope != NULL) {
        app_conf_own(cf, scope)->session = true;
    }
}

void
wr_app_json_view(wr_conf_t *cf)
{
    wr_scope_t *scope = holder(cf);

    if (scope != NULL) {
        app_conf_own(cf, scope)->json = true;
    }
}

void
wr_app_says_status(wr_conf_t *cf)
{
    wr_scope_t *scope = holder(cf);

    if (scope != NULL) {
        app_conf_own(cf, scope)->status = true;
    }
}

/* ---- tasks ---- */

typedef struct task_conf {
    const wr_app_task_t *task;
    const void          *conf;
} task_conf_t;

static wr_rc_t
task_ended(wr_req_t *r, void *state)
{
    const task_conf_t *c = wr_stage_conf(r);

    return c->task->end(r, c->conf, state);
}

static wr_rc_t
task_begin(wr_req_t *r, void *state)
{
    const task_conf_t *c = wr_stage_conf(r);
    wr_rc_t            rc = WR_OK;
    wr_op_t           *op;

    state = wr_zalloc(wr_pool(r), c->task->state_size + 1);
    op = c->task->start(r, c->conf, state, &rc);
    if (op == NULL) {
        return rc;
    }
    if (op->state == WR_OP_DONE) {
        return c->task->end(r, c->conf, state);
    }
    r->task.current->state = state;
    return wr_await(r, op, task_ended);
}

static const wr_middleware_t task_step = {"task", 0, task_begin, NULL};

static bool
task_lendable(wr_req_t *r, const void *conf)
{
    const task_conf_t *c = conf;

    return c->task->lendable(r, c->conf);
}

/* One gather: its tasks run at the same time. */
typedef struct gather {
    wr_array_t tasks;           /* task_conf_t */
    wr_msec_t  timeout;         /* of all together; -1: each has its own */
} gather_t;

typedef struct running {
    void   *state;
    wr_op_t *op;
    bool    waits;
} running_t;

typedef struct gather_state {
    wr_rc_t    failed;
    running_t *tasks;
} gather_state_t;

static wr_rc_t
gather_ended(wr_req_t *r, void *state)
{
    const gather_t *g = wr_stage_conf(r);
    gather_state_t *s = state;
    wr_rc_t         result = s->failed;

    for (uint32_t i = 0; i < g->tasks.n; i++) {
        const task_conf_t *c = WR_AT(&g->tasks, task_conf_t, i);

        if (s->tasks[i].waits) {
            wr_rc_t rc = c->task->end(r, c->conf, s->tasks[i].state);

            if (result == WR_OK && rc != WR_OK && rc != WR_DECLINED) {
                result = rc;
            }
        }
    }
    return result;
}

static wr_rc_t
gather_begin(wr_req_t *r, void *state)
{
    const gather_t *g = wr_stage_conf(r);
    gather_state_t *s = state;
    wr_op_t        *ops = NULL;

    s->tasks = WR_NEW_N(wr_pool(r), running_t, g->tasks.n + 1u);
    for (uint32_t i = 0; i < g->tasks.n; i++) {
        const task_conf_t *c = WR_AT(&g->tasks, task_conf_t, i);
        wr_rc_t            rc = WR_OK;

        s->tasks[i].state = wr_zalloc(wr_pool(r), c->task->state_size + 1);
        s->tasks[i].op = c->task->start(r, c->conf, s->tasks[i].state, &rc);
        if (s->tasks[i].op != NULL) {
            s->tasks[i].waits = true;
            s->tasks[i].op->next = ops;
            ops = s->tasks[i].op;
        } else if (rc != WR_OK && rc != WR_DECLINED) {
            /* Those that run are asked to end; their results are dropped. */
            for (wr_op_t *op = ops; op != NULL; op = op->next) {
                wr_op_cancel(op);
            }
            s->failed = rc;
            break;
        }
    }
    if (ops == NULL) {
        return s->failed != 0 ? s->failed : WR_OK;
    }
    return wr_await_all(r, ops, g->timeout, gather_ended);
}

static const wr_middleware_t gather_step = {"gather", sizeof(gather_state_t), gather_begin,
                                            NULL};

const wr_array_t *
wr_app_waits(wr_conf_t *cf)
{
    return &app_main_of(cf)->waits;
}

static void
note_wait(wr_conf_t *cf)
{
    wr_app_wait_t *w = WR_PUSH(&app_main_of(cf)->waits, wr_app_wait_t);

    w->scope = cf->scope;
    w->at = cf->args[0];
    w->at.file = wr_pool_str(cf->pool, w->at.file);
    w->at.text = wr_pool_str(cf->pool, w->at.text);
}

wr_rc_t
wr_app_task(wr_conf_t *cf, const wr_app_task_t *task, const void *conf)
{
    task_conf_t *c;

    if (task->network) {
        note_wait(cf);
    }

    if ((cf->scope->context & WR_GATHER) != 0) {
        gather_t *g = cf->scope->object;

        *WR_PUSH(&g->tasks, task_conf_t) = (task_conf_t) {task, conf};
        return WR_OK;
    }
    c = WR_NEW(cf->pool, task_conf_t);
    c->task = task;
    c->conf = conf;
    if (wr_app_step(cf, &task_step, c, false) != WR_OK) {
        return WR_ERROR;
    }
    if (task->lendable != NULL) {
        ((wr_stage_t *) (uintptr_t) wr_app_last_step(cf))->lendable = task_lendable;
    }
    return WR_OK;
}

wr_rc_t
wr_app_set_gather(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    gather_t   *g = WR_NEW(cf->pool, gather_t);
    wr_scope_t *scope;

    (void) d;
    (void) conf;
    g->tasks = wr_array(cf->pool, sizeof(task_conf_t));
    g->timeout = -1;
    scope = wr_conf_scope(cf, WR_GATHER, g);
    if (wr_conf_block(cf, scope) != WR_OK) {
        return WR_ERROR;
    }
    if (g->tasks.n == 0) {
        return wr_conf_fail(cf, NULL, "nothing is inside \"gather\"");
    }
    return wr_app_step(cf, &gather_step, g, false);
}

wr_rc_t
wr_app_set_gather_timeout(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    gather_t *g = cf->scope->object;

    (void) d;
    (void) conf;
    if (!wr_parse_msec(cf->args[1].text, &g->timeout) || g->timeout <= 0) {
        return wr_conf_fail(cf, &cf->args[1], "invalid value \"%.*s\"",
                            WR_ARG(cf->args[1].text));
    }
    return WR_OK;
}

/* ---- blocks ---- */

static wr_rc_t
go_back(wr_req_t *r, void *state)
{
    app_t *a = app_of(r);

    (void) state;
    WR_ASSERT(a->depth > 0);
    return wr_task_jump(r, a->returns[--a->depth]);
}

static const wr_middleware_t back_step = {"end-of-block", 0, go_back, NULL};

wr_app_block_t *
wr_app_block(wr_conf_t *cf)
{
    wr_app_block_t *b = WR_NEW(cf->pool, wr_app_block_t);
    wr_scope_t     *scope = wr_conf_scope(cf, WR_WHEN, NULL);
    app_conf_t     *own;
    wr_stage_t     *stages;
    unsigned        depth = 0;

    for (wr_scope_t *s = scope; s != NULL; s = s->outer) {
        depth += (s->context & WR_WHEN) != 0;
    }
    if (depth > 30) {
        wr_conf_fail(cf, NULL, "blocks are nested too deep");
        return NULL;
    }
    own = app_conf_own(cf, scope);
    if (wr_conf_block(cf, scope) != WR_OK) {
        return NULL;
    }
    stages = WR_NEW_N(cf->pool, wr_stage_t, own->steps.n + 2u);
    if (own->steps.n != 0) {
        memcpy(stages, own->steps.items, own->steps.n * sizeof(*stages));
    }
    stages[own->steps.n].mw = &back_step;
    stages[own->steps.n].lendable = always;
    b->stages = stages;
    own->steps.n = 0;
    app_conf_own(cf, cf->scope)->enters = true;
    return b;
}

bool
wr_app_more_tasks(wr_req_t *r, bool next)
{
    const app_t      *a = app_of(r);
    unsigned          depth = a->depth;
    const wr_stage_t *s = r->task.at + !next;

    for (;;) {
        if (s->mw == NULL) {
            return false;
        }
        if (s->mw == &back_step) {
            s = a->returns[--depth];
            continue;
        }
        if (s->mw == &task_step || s->mw == &gather_step || s->enters) {
            return true;
        }
        s++;
    }
}

wr_rc_t
wr_app_enter(wr_req_t *r, const wr_app_block_t *block)
{
    app_t *a = app_of(r);

    WR_ASSERT(a->depth < WR_COUNT(a->returns));
    a->returns[a->depth++] = r->task.at + 1;
    return wr_task_jump(r, block->stages);
}

/* ---- pipelines ---- */

static const app_conf_t *
own_conf(const wr_scope_t *scope)
{
    unsigned          i = wr_app_module.schema.index;
    const app_conf_t *conf = scope->conf[i];

    return scope->outer != NULL && scope->outer->conf != NULL
                   && scope->outer->conf[i] == conf
               ? NULL
               : conf;
}

static void
add_own(const wr_scope_t *scope, wr_array_t *stages)
{
    const app_conf_t *own = own_conf(scope);

    for (uint32_t i = 0; own != NULL && i < own->steps.n; i++) {
        *WR_PUSH(stages, wr_stage_t) = *WR_AT(&own->steps, wr_stage_t, i);
    }
}

static void
add_inherited(const wr_scope_t *scope, wr_array_t *stages)
{
    if (scope != NULL) {
        add_inherited(scope->outer, stages);
        add_own(scope, stages);
    }
}

/* What error_page names answers for a request whose steps have run, or failed, once:
 * they are not asked again, or a `require` of the server would refuse its own page. */
static wr_rc_t
pass_inherited(wr_req_t *r, void *state)
{
    const wr_stage_t *here = wr_task_of(r)->current->stage;
    const uintptr_t   inherited = (uintptr_t) here->conf;

    (void) state;
    return r->failed ? wr_task_jump(r, here + 1 + inherited) : WR_DECLINED;
}

static const wr_middleware_t pass_step = {"inherited-steps", 0, pass_inherited, NULL};

static void
add_steps(wr_scope_t *scope, wr_array_t *stages)
{
    uint32_t at = stages->n;

    *WR_PUSH(stages, wr_stage_t) = (wr_stage_t) {.mw = &pass_step};
    add_inherited(scope->outer, stages);
    WR_AT(stages, wr_stage_t, at)->conf = (void *) (uintptr_t) (stages->n - at - 1);
    if (stages->n == at + 1) {
        stages->n = at;
    }
    add_own(scope, stages);
}

bool
wr_app_wants_session(const wr_scope_t *scope)
{
    for (; scope != NULL; scope = scope->outer) {
        const app_conf_t *c = own_conf(scope);

        if (c != NULL && c->session) {
            return true;
        }
    }
    return false;
}

static bool
has_json_view(wr_scope_t *scope, const void *own, const void **conf)
{
    const app_conf_t *c = own_conf(scope);

    (void) own;
    (void) conf;
    return c != NULL && c->json;
}

static wr_rc_t
set_json_errors(wr_req_t *r, void *state)
{
    (void) state;
    wr_app_json_errors(r, true);
    return WR_DECLINED;
}

/* The conf of the stage: not NULL if the body may be read as a form. */
static bool
wants_body(wr_scope_t *scope, const void *own, const void **conf)
{
    bool wants = false;

    (void) own;
    *conf = NULL;
    for (; scope != NULL; scope = scope->outer) {
        const app_conf_t *c = own_conf(scope);

        if (c != NULL && c->body) {
            wants = true;
            *conf = c->form ? c : *conf;
        }
    }
    return wants;
}

static wr_rc_t
body_read(wr_req_t *r, void *state)
{
    (void) state;
    if (r->main->body != NULL && r->main->body->rc < 0) {
        return wr_body_failed(r);
    }
    return app_read_body_ahead(r, wr_stage_conf(r) != NULL);
}

static wr_rc_t
read_body(wr_req_t *r, void *state)
{
    (void) state;
    if (!wr_has_body(r)) {
        return WR_DECLINED;
    }
    return wr_body_read(r, body_read);
}

static bool
says_status(wr_scope_t *scope, const void *own, const void **conf)
{
    const app_conf_t *c = own_conf(scope);

    (void) own;
    (void) conf;
    return c != NULL && c->status && !c->view;
}

static wr_rc_t
answer_status(wr_req_t *r, void *state)
{
    unsigned status = wr_app_status(r, 0);

    (void) state;
    if (status == 0) {
        return WR_DECLINED;
    }
    return status >= 400 ? wr_fail(r, status)
                         : wr_app_answer(r, status, WR_STR("text/plain"), WR_STR("utf-8"),
                                         WR_STR(""));
}

static const wr_hook_t hooks[] = {
    {{"json-errors", 0, set_json_errors, NULL}, WR_RANK_REWRITE, -100, has_json_view},
    {{"app-body", 0, read_body, NULL}, WR_RANK_PRECONTENT, 100, wants_body},
    {{"answer-status", 0, answer_status, NULL}, WR_RANK_CONTENT, -100, says_status},
    {{NULL, 0, NULL, NULL}, 0, 0, NULL},
};

const wr_http_tables_t app_tables = {.hooks = hooks};

__attribute__((constructor)) static void
init(void)
{
    wr_http_add_steps = add_steps;
}
