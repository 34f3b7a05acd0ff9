/*
 * Slow expressions (password hashes): evaluated on threads of their own.
 *
 * There are few of them, as each needs a processor and tens of megabytes; what is too
 * much waits in a queue, and when that is full it is answered 503. All that the
 * expression needs of the request is made before, so the thread touches only its own
 * pool.
 */
#include <weir/app/app_priv.h>

#include <weir/event/threads.h>

struct wr_app_job {
    wr_job_t             job;
    const wr_app_expr_t *e;     /* one of the two */
    const wr_app_text_t *text;
    wr_eval_t            ev;
    wr_bindings_t        bindings;
    wr_pool_t           *pool;
    wr_val_t             value;
    bool                 ok;
};

static wr_threads_t *threads;   /* of the worker; made when first needed */

static wr_threads_t *
threads_of(wr_req_t *r)
{
    const app_conf_t *c = wr_conf_of(r, &wr_app_module);

    if (threads == NULL) {
        threads = wr_threads_new("weir-slow", (unsigned) c->slow_threads,
                                 (unsigned) c->slow_queue, &wr_log_main);
    }
    return threads;
}

void
app_stop_threads(wr_worker_t *w)
{
    (void) w;
    if (threads != NULL) {
        wr_threads_free(threads);
        threads = NULL;
    }
}

static void
run_job(wr_job_t *job)
{
    wr_app_job_t *j = WR_CONTAINER(job, wr_app_job_t, job);

    wr_buf_t      b = wr_buf(j->pool);

    if (j->e != NULL) {
        j->ok = wr_expr_eval(j->e->expr, &j->ev, &j->bindings, &j->value);
    } else {
        j->ok = wr_inline_render(j->text->text, &j->ev, &j->bindings, j->text->escaped, &b);
        j->value = wr_vstr(wr_buf_text(&b));
    }
    job->rc = WR_OK;
}

static void
free_pool(void *data)
{
    wr_pool_free(data);
}

wr_op_t *
wr_app_off_loop(wr_req_t *r, const wr_tok_t *at, wr_job_t *job)
{
    if (wr_threads_run(threads_of(r), job, "expression") != WR_OK) {
        (void) wr_headers_set(&r->out, WR_H_OTHER, WR_STR("Retry-After"), WR_STR("1"));
        (void) wr_app_fail(r, at, 503, WR_STR("too busy"), "too many password hashes at once");
        return NULL;
    }
    return &job->op;
}

static wr_app_job_t *
start(wr_req_t *r, const wr_app_expr_t *e, const wr_app_text_t *text, const wr_tok_t *at)
{
    app_t        *a = app_of(r);
    wr_app_job_t *j = WR_NEW(wr_pool(r), wr_app_job_t);

    j->e = e;
    j->text = text;
    j->pool = wr_pool_new();
    wr_pool_on_free(wr_pool(r), free_pool, j->pool);
    wr_app_eval_init(r, &j->ev, j->pool);
    j->bindings = a->bindings;
    j->bindings.get = NULL;         /* all is there */
    j->job.run = run_job;
    return wr_app_off_loop(r, at, &j->job) != NULL ? j : NULL;
}

wr_app_job_t *
wr_app_eval_start(wr_req_t *r, const wr_app_expr_t *e)
{
    app_t *a = app_of(r);

    app_renew(a);
    if (!wr_app_prepare(r, e->expr)) {
        (void) wr_app_fail_eval(r, &e->at, &a->ev.err, e->client);
        return NULL;
    }
    return start(r, e, NULL, &e->at);
}

wr_app_job_t *
app_render_start(wr_req_t *r, const wr_app_text_t *t)
{
    app_t *a = app_of(r);

    app_renew(a);
    for (uint32_t i = 0; i < t->text->n; i++) {
        if (t->text->parts[i].expr != NULL && !wr_app_prepare(r, t->text->parts[i].expr)) {
            (void) wr_app_fail_eval(r, &t->at, &a->ev.err, t->client);
            return NULL;
        }
    }
    return start(r, NULL, t, &t->at);
}

wr_op_t *
wr_app_eval_op(wr_app_job_t *j)
{
    return &j->job.op;
}

bool
wr_app_eval_result(wr_req_t *r, wr_app_job_t *j, wr_val_t *out)
{
    if (j->job.op.rc != WR_OK) {
        return false;
    }
    if (j->ok && j->value.type == WR_V_UNDEFINED) {
        j->ok = wr_undef_raise(&j->ev, &j->value);
    }
    if (!j->ok) {
        (void) wr_app_fail_eval(r, j->e != NULL ? &j->e->at : &j->text->at, &j->ev.err,
                                j->e != NULL ? j->e->client : j->text->client);
        return false;
    }
    *out = j->value;
    return true;
}
