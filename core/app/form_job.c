/*
 * Bodies that take long to read are read on a thread: long forms with files, where a
 * part that gets a file of its own is copied (uploads.c), and what is encoded, as
 * nobody knows how much comes out.
 *
 * The request waits, so the thread has it to itself. What it finds, an error included,
 * is in app_t for the expression that asks.
 */
#include <weir/app/app_priv.h>

typedef struct form_job {
    wr_job_t  job;
    wr_req_t *r;
    wr_eval_t ev;
    bool      form;
} form_job_t;

enum { SHORT = 1024 };      /* bytes of encoded data that the loop reads itself */

static void
read_form(wr_job_t *job)
{
    form_job_t *j = WR_CONTAINER(job, form_job_t, job);

    wr_str_t    text;

    if (!j->form) {
        (void) app_body_text(j->r, &j->ev, &text);
    } else {
        (void) app_read_form(j->r, &j->ev);
    }
    job->rc = WR_OK;
}

static wr_rc_t
form_read(wr_req_t *r, void *state)
{
    (void) r;
    (void) state;
    return WR_OK;
}

static bool
is_multipart(const wr_req_t *r)
{
    return wr_str_istarts(wr_req_header(r->main, WR_H_CONTENT_TYPE),
                          WR_STR("multipart/form-data"));
}

wr_rc_t
app_read_body_ahead(wr_req_t *r, bool form)
{
    const app_conf_t *conf = wr_conf_of(r, &wr_app_module);
    const wr_body_t  *body = r->main->body;
    form_job_t       *j;
    bool              encoded;

    if (body == NULL || !body->complete || body->received <= SHORT
        || app_of(r)->form_parsed)
    {
        return WR_OK;
    }
    encoded = app_body_is_encoded(r);
    form = form && is_multipart(r)
           && (encoded || body->received > (int64_t) conf->upload_buffer);
    if (!encoded && !form) {
        return WR_OK;
    }
    j = WR_NEW(wr_pool(r), form_job_t);
    j->r = r;
    j->form = form;
    j->job.run = read_form;
    wr_app_eval_init(r, &j->ev, wr_pool(r));
    if (wr_threads_run(wr_threads_default(), &j->job, "body") != WR_OK) {
        return WR_OK;       /* they are busy: it is read when somebody asks */
    }
    return wr_await(r, &j->job.op, form_read);
}
