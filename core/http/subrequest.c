/*
 * Subrequests: a request inside a request, whose answer is collected.
 *
 * It runs the whole pipeline of its own location in the main request's pool and
 * ends in sub_op, so the parent waits for it like for anything else.
 */
#include <weir/http/core_conf.h>
#include <weir/http/waiting.h>
#include <weir/process/cycle.h>

static wr_rc_t
send_head(wr_req_t *r)
{
    (void) r;
    return WR_OK;
}

static wr_rc_t
send_body(wr_req_t *r, wr_seg_t *segs)
{
    /* The sender's memory may be reused after release: what has an owner is
     * copied. */
    for (wr_seg_t *seg = segs, *next; seg != NULL; seg = next) {
        next = seg->next;
        seg->next = NULL;
        if (seg->n != 0) {
            wr_seg_t *mine = seg;

            if (seg->release != NULL && seg->file == NULL) {
                wr_str_t copy = wr_pool_str(wr_pool(r), wr_str(seg->p, seg->n));

                mine = wr_seg_mem(r, copy.p, copy.n, 0);
                seg->release(seg);
            } else if (seg->release != NULL) {
                mine = wr_seg_file(r, seg->file, seg->at, seg->n, 0);
            }
            mine->flags = 0;
            *wr_segs_tail(&r->reply) = mine;
        } else if (seg->release != NULL) {
            seg->release(seg);
        }
    }
    return WR_OK;
}

static size_t
pending(const wr_req_t *r)
{
    (void) r;
    return 0;
}

static void
read_body(wr_req_t *r)
{
    r->main->front->read_body(r->main);
}

static void
send_continue(wr_req_t *r)
{
    r->main->front->send_continue(r->main);
}

static void
ended(wr_post_t *post)
{
    wr_sub_t *s = WR_CONTAINER(post, wr_sub_t, post);
    wr_req_t *r = s->r, *m = r->main;
    bool      background = r->background;

    wr_waiting_remove(r);
    if (r->on_end != NULL) {
        r->on_end(r, r->on_end_data);
    }
    wr_op_complete(&r->sub_op, s->outcome);
    if (background) {
        wr_req_let_go(m);
    }
}

static void
finish(wr_req_t *r, wr_rc_t outcome)
{
    wr_sub_t *s = r->front_data;

    s->outcome = outcome;
    if (wr_http_core(r)->log_subrequest) {
        wr_req_log(r);
    }
    s->post.fn = ended;
    wr_post(&s->post);
}

static void
start(wr_post_t *post)
{
    wr_sub_t *s = WR_CONTAINER(post, wr_sub_t, post);

    wr_task_start(&s->r->task, s->r->server->rewrite);
}

static const wr_front_t sub_front = {
    .name = "sub",
    .send_head = send_head,
    .send_body = send_body,
    .pending = pending,
    .read_body = read_body,
    .finish = finish,
    .send_continue = send_continue,
};

static void
cancel(wr_op_t *op)
{
    wr_req_t *r = WR_CONTAINER(op, wr_req_t, sub_op);

    r->aborted = 1;
    wr_task_cancel(&r->task);
}

wr_req_t *
wr_subrequest(wr_req_t *r, wr_str_t uri, wr_str_t args, unsigned flags)
{
    wr_req_t *m = r->main;
    wr_req_t *sub;
    wr_sub_t *s;

    if (m->subrequests == 0 || r->depth >= 50) {
        wr_log(&r->log, WR_LOG_ERR, 0, "subrequests cycle while processing \"%.*s\"",
               WR_ARG(uri));
        return NULL;
    }
    m->subrequests--;
    sub = wr_alloc(wr_pool(m), sizeof(*sub));
    *sub = *m;
    s = WR_NEW(wr_pool(m), wr_sub_t);
    s->r = sub;

    memset(&sub->task, 0, sizeof(sub->task));
    sub->task.r = sub;
    sub->task.pool = wr_pool(m);
    sub->task.log = &sub->log;
    sub->task.finish = m->task.finish;
    sub->log.data = sub;
    sub->log.action = NULL;
    sub->subject.log = &sub->log;
    sub->front = &sub_front;
    sub->front_data = s;
    sub->main = m;
    sub->parent = r;
    sub->depth = r->depth + 1;
    sub->uri = uri;
    sub->args = args;
    sub->valid_uri = 0;
    sub->uri_changed = 0;
    sub->uri_changes = WR_URI_CHANGES;
    sub->internal = 1;
    sub->location = NULL;
    sub->app = NULL;
    sub->ctx = WR_NEW_N(wr_pool(m), void *, m->server->http->modules);
    sub->status = 0;
    sub->fail_status = 0;
    sub->error_status = 0;
    sub->status_line = WR_STR_NONE;
    wr_headers_init(&sub->out, wr_pool(m));
    sub->content_type = WR_STR_NONE;
    sub->charset = WR_STR_NONE;
    sub->out_length = -1;
    sub->last_modified = -1;
    sub->reply = NULL;
    sub->filters = NULL;
    memset(&sub->drain, 0, sizeof(sub->drain));
    sub->head_sent = sub->head_only = sub->replied = sub->last_sent = 0;
    sub->access_ok = sub->in_named = sub->uri_behind_alias = sub->error_page = sub->log_done = 0;
    sub->access_code = 0;
    sub->upstream = NULL;
    sub->upstream_log = NULL;
    sub->held = 0;
    sub->finishing = sub->counted = false;
    sub->background = (flags & WR_SUB_BACKGROUND) != 0;
    if ((flags & WR_SUB_CLONE) == 0) {
        sub->method = WR_GET;
        sub->method_name = WR_STR("GET");
    }
    if ((flags & WR_SUB_HEAD_ONLY) != 0) {
        sub->method = WR_HEAD;
        sub->method_name = WR_STR("HEAD");
    }
    if ((flags & (WR_SUB_CLONE | WR_SUB_INHERIT_BODY)) == 0) {
        sub->no_body = 1;
    }
    memset(&sub->sub_op, 0, sizeof(sub->sub_op));
    sub->on_end = NULL;
    wr_set_exten(sub);
    wr_req_use_server(sub, m->server);
    sub->start = wr_clock.mono;
    wr_waiting_add(sub);
    wr_op_begin(&sub->sub_op, "subrequest", cancel);
    if (sub->background) {
        wr_req_hold(m);         /* its memory is the main request's */
    }
    s->post.fn = start;
    wr_post(&s->post);
    return sub;
}
