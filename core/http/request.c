/*
 * The life of a request, whatever protocol carried it: made by a front, routed to
 * a server, run through the pipeline, answered, logged, freed.
 *
 * The pipeline's task ends before the answer is sent in the case of whole
 * replies (r->reply) and of errors; `ended` then sends what was settled. A front
 * frees the request only when both the task and the output are done.
 */
#include <weir/http/request.h>

#include <weir/http/core_conf.h>
#include <weir/http/error_page.h>
#include <weir/http/stats.h>
#include <weir/http/status.h>
#include <weir/http/tick.h>
#include <weir/http/uri.h>
#include <weir/http/waiting.h>
#include <weir/os/random.h>
#include <weir/process/cycle.h>

static wr_task_t *
task_of(wr_req_t *r)
{
    return &r->task;
}

__attribute__((constructor)) static void
init(void)
{
    wr_task_of = task_of;
}

/* ---- the log's context ---- */

static void
put_quoted(wr_buf_t *line, const char *name, wr_str_t value)
{
    wr_buf_printf(line, ", %s: \"%.*s\"", name, WR_ARG(value));
}

static void
log_context(void *data, wr_buf_t *line)
{
    wr_req_t *r = data;
    wr_req_t *m = r->main;

    if (m->peer != NULL) {
        char   text[WR_ADDR_TEXT];
        size_t n = wr_addr_put(text, sizeof(text), &m->peer->u.sa, m->peer->len, false);

        wr_buf_printf(line, ", client: %.*s", (int) n, text);
    }
    if (r->server != NULL) {
        wr_buf_printf(line, ", server: %.*s", WR_ARG(r->server->name));
    }
    if (m->request_line.n != 0) {
        put_quoted(line, "request", m->request_line);
    } else if (m->front->line_so_far != NULL) {
        wr_str_t text = m->front->line_so_far(m);

        if (text.n != 0) {
            put_quoted(line, "request", text);
        }
    }
    if (r != m) {
        put_quoted(line, "subrequest", r->uri);
    }
    if (r->log.data != NULL && r->upstream_log != NULL) {
        r->upstream_log(r, line);
    }
    if (m->in.n != 0) {
        wr_header_t *host = wr_headers_first(&m->in, WR_H_HOST);
        wr_header_t *referer = wr_headers_first(&m->in, WR_H_REFERER);

        if (host != NULL) {
            put_quoted(line, "host", host->value);
        }
        if (referer != NULL) {
            put_quoted(line, "referrer", referer->value);
        }
    }
    if (m->request_id.n != 0) {
        put_quoted(line, "request_id", m->request_id);
    }
}

/* ---- making and freeing ---- */

static void ended(wr_req_t *r, wr_rc_t outcome);

void
wr_req_use_server(wr_req_t *r, wr_server_t *server)
{
    const wr_http_core_t *core;

    r->server = server;
    r->conf = server->conf;
    core = wr_http_core(r);
    wr_req_use_log(r, core->error_log);
}

void
wr_req_use_log(wr_req_t *r, wr_log_target_t *own)
{
    r->log.targets = own != NULL ? own : wr_cycle->log->targets;
    r->log.level = own != NULL ? wr_log_chain_level(own) : wr_cycle->log->level;
    if (r->debug) {
        r->log.level = WR_LOG_DEBUG;
        r->log.all_targets = true;
    }
}

void
wr_req_has_peer(wr_req_t *r)
{
    for (WR_EACH(wr_cidr_t, c, &wr_cycle->core->debug_connection)) {
        if (wr_cidr_has(c, &r->peer->u.sa)) {
            r->debug = true;
            wr_req_use_log(r, wr_http_core(r)->error_log);
            return;
        }
    }
}

wr_req_t *
wr_req_new(const wr_front_t *front, void *front_data, wr_conn_t *conn,
           wr_server_t *server)
{
    wr_pool_t *pool = wr_pool_new();
    wr_http_t *http = server->http;
    wr_req_t  *r = wr_zalloc(pool, sizeof(*r));

    r->subject.pool = pool;
    r->subject.log = &r->log;
    r->subject.vars = http->vars;
    r->front = front;
    r->front_data = front_data;
    r->conn = conn;
    r->main = r;
    r->task.r = r;
    r->task.pool = pool;
    r->task.log = &r->log;
    r->task.finish = ended;
    r->log.conn = conn != NULL ? conn->number : 0;
    r->log.context = log_context;
    r->log.data = r;
    r->start_ticks = wr_ticks();
    r->start = wr_clock.mono;
    r->start_sec = wr_clock.sec;
    r->start_msec = wr_clock.msec;
    r->content_length = -1;
    r->out_length = -1;
    r->last_modified = -1;
    r->uri_changes = WR_URI_CHANGES;
    r->subrequests = 50;
    r->in.pool = pool;
    r->out.pool = pool;
    r->subject.slots = WR_NEW_N(pool, wr_slot_t, wr_vars_count(http->vars));
    r->ctx = WR_NEW_N(pool, void *, http->modules);
    wr_req_use_server(r, server);
    wr_waiting_add(r);
    return r;
}

void
wr_req_free(wr_req_t *r)
{
    wr_waiting_remove(r);
    if (r->counted) {
        wr_metric_add(WR_CELL_RUNNING, -1);
    }
    wr_pool_free(r->subject.pool);
}

/* ---- running ---- */

static void
count(wr_req_t *r)
{
    r->counted = true;
    wr_tick_begin();
    r->first_method = r->method;
    wr_metric_add(WR_CELL_REQUESTS, 1);
    wr_metric_add(WR_CELL_RUNNING, 1);
}

void
wr_req_run(wr_req_t *r)
{
    count(r);
    wr_debug(&r->log, "http", "%.*s %.*s for server \"%.*s\"", WR_ARG(r->method_name),
             WR_ARG(r->raw_uri), WR_ARG(r->server->name));
    wr_task_start(&r->task, r->server->post_read);
}

void
wr_req_reject(wr_req_t *r, unsigned status)
{
    static const wr_stage_t none[1];

    count(r);
    r->keepalive = 0;
    r->fail_status = (uint16_t) status;
    wr_task_start(&r->task, none);
}

void
wr_req_abort(wr_req_t *r)
{
    if (r->shielded) {
        __atomic_store_n(&r->abort_later, true, __ATOMIC_RELAXED);
        return;
    }
    r->aborted = 1;
    wr_req_hold(r);         /* cancelling may end it */
    wr_task_cancel(&r->task);
    if (r->drain.state == WR_OP_PENDING) {
        wr_op_complete(&r->drain, WR_CLOSED);
    }
    if (r->body != NULL && r->body->op.state == WR_OP_PENDING) {
        r->body->rc = WR_CLOSED;
        wr_op_complete(&r->body->op, WR_CLOSED);
    }
    wr_req_let_go(r);
}

/* The front has been told of his leaving before, and will not be told again. */
typedef struct leaving {
    wr_post_t post;
    wr_req_t *r;
} leaving_t;

static void
end_if_left(wr_post_t *post)
{
    wr_req_t *r = WR_CONTAINER(post, leaving_t, post)->r;

    r->front->end_if_left(r);
}

static void
forget_leaving(void *data)
{
    leaving_t *l = data;

    wr_unpost(&l->post);
}

void
wr_req_end_with_client(wr_req_t *r)
{
    leaving_t *l;

    WR_ASSERT(r == r->main);
    r->abort_on_close = true;
    if (!r->front->has_left(r)) {
        return;
    }
    l = WR_NEW(wr_pool(r), leaving_t);
    l->r = r;
    l->post.fn = end_if_left;
    wr_pool_on_free(wr_pool(r), forget_leaving, l);
    wr_post(&l->post);
}

void
wr_req_shield(wr_req_t *r)
{
    r->shielded = true;
}

void
wr_req_unshield(wr_req_t *r)
{
    r->shielded = false;
    if (r->abort_later) {
        r->abort_later = false;
        wr_req_abort(r);
    }
}

/* Hooks at the end of a main request: logs, counters. */
void
wr_req_log(wr_req_t *r)
{
    wr_http_t *http = r->server->http;

    if (r->log_done) {
        return;
    }
    r->log_done = 1;
    if (r == r->main) {
        wr_stats_request(r);
    }
    for (unsigned i = 0; http->log_hooks[i] != NULL; i++) {
        http->log_hooks[i](r);
    }
}

void
wr_req_finish(wr_req_t *r, wr_rc_t outcome)
{
    if (r->held != 0) {
        r->finishing = true;
        return;
    }
    r->front->finish(r, outcome);
}

void
wr_req_hold(wr_req_t *r)
{
    r->held++;
}

void
wr_req_let_go(wr_req_t *r)
{
    WR_ASSERT(r->held > 0);
    if (--r->held == 0 && r->finishing) {
        r->front->finish(r, r->aborted                       ? WR_CLOSED
                            : r->last_sent || r->head_only ? WR_OK
                                                           : WR_ERROR);
    }
}

static void
send_reply(wr_req_t *r)
{
    wr_seg_t *body = r->reply;
    wr_rc_t   rc;

    r->replied = 0;
    r->reply = NULL;
    rc = wr_send_head(r);
    if (rc == WR_DONE) {
        wr_answer_error(r);
        return;
    }
    if (rc >= 0 && !r->head_only) {
        rc = wr_send_body(r, body);
    }
    wr_req_finish(r, rc < 0 ? rc : WR_OK);
}

/* The pipeline is left: everything that had to agree has agreed. */
static void
ended(wr_req_t *r, wr_rc_t outcome)
{
    if (r->closed || r->aborted) {
        wr_req_finish(r, WR_CLOSED);
        return;
    }
    if (r->head_sent) {
        wr_req_finish(r, r->last_sent || r->head_only || r->upgraded ? WR_OK
                                                                        : WR_ERROR);
        return;
    }
    if (outcome < 0 && r->fail_status == 0) {
        r->fail_status = 500;
    }
    if (r->fail_status != 0) {
        wr_answer_error(r);
        return;
    }
    if (!r->replied) {
        /* No stage has answered. */
        if (r->uri.n != 0 && r->uri.p[r->uri.n - 1] == '/') {
            wr_str_t path;
            size_t   root;

            if (wr_req_path(r, &path, &root, 0)) {
                wr_log(&r->log, WR_LOG_ERR, 0, "directory index of \"%.*s\" is forbidden",
                       WR_ARG(path));
            }
            r->fail_status = 403;
        } else {
            wr_log(&r->log, WR_LOG_ERR, 0, "no handler found");
            r->fail_status = 404;
        }
        wr_answer_error(r);
        return;
    }
    send_reply(r);
}

/* ---- answering ---- */

wr_rc_t
wr_fail(wr_req_t *r, unsigned status)
{
    if (status == WR_STATUS_CLOSE) {
        return wr_reply_close(r);
    }
    r->fail_status = (uint16_t) status;
    r->replied = 0;
    return WR_DONE;
}

wr_rc_t
wr_reply_close(wr_req_t *r)
{
    r->closed = 1;
    r->keepalive = 0;
    r->status = WR_STATUS_CLOSE;
    return WR_DONE;
}

wr_rc_t
wr_reply_segs(wr_req_t *r, unsigned status, wr_seg_t *segs, int64_t length)
{
    r->status = (uint16_t) status;
    r->out_length = length;
    r->reply = segs;
    r->replied = 1;
    return WR_DONE;
}

wr_rc_t
wr_reply(wr_req_t *r, unsigned status, wr_str_t type, wr_str_t body)
{
    if (type.n != 0) {
        r->content_type = type;
    } else if (r->content_type.n == 0) {
        wr_set_content_type(r);
    }
    return wr_reply_segs(r, status, wr_seg_mem(r, body.p, body.n, WR_SEG_LAST),
                         (int64_t) body.n);
}

wr_rc_t
wr_reply_text(wr_req_t *r, unsigned status, wr_str_t text)
{
    return wr_reply(r, status, WR_STR("text/plain"), text);
}

wr_rc_t
wr_reply_redirect(wr_req_t *r, unsigned status, wr_str_t location)
{
    wr_headers_set(&r->out, WR_H_LOCATION, wr_header_name(WR_H_LOCATION), location);
    return wr_fail(r, status);
}

bool
wr_access_settled(const wr_req_t *r)
{
    return r->access_ok;
}

wr_rc_t
wr_access_allow(wr_req_t *r)
{
    if (wr_http_core(r)->satisfy == 1) {
        r->access_ok = 1;
        r->access_code = 0;
    }
    return WR_OK;
}

wr_rc_t
wr_access_deny(wr_req_t *r, unsigned status)
{
    if (wr_http_core(r)->satisfy == 1) {
        if (r->access_code != 401) {
            r->access_code = status;
        }
        return WR_OK;
    }
    return wr_fail(r, status);
}

/* ---- going elsewhere ---- */

void
wr_req_set_uri(wr_req_t *r, wr_str_t uri, wr_str_t args)
{
    r->uri = uri;
    r->args = args;
    r->valid_uri = 0;
    wr_set_exten(r);
}

/* A new answer begins: what the former one had prepared is dropped. */
static void
restart(wr_req_t *r)
{
    r->internal = 1;
    r->uri_changed = 0;
    r->left_location = false;
    r->replied = 0;
    r->reply = NULL;
    r->fail_status = 0;
    r->access_code = 0;
    r->access_ok = 0;
    memset(r->ctx, 0, r->server->http->modules * sizeof(*r->ctx));
}

static wr_rc_t
jump(wr_req_t *r, const wr_stage_t *stages)
{
    if (r->task.running) {
        return wr_task_jump(r, stages);
    }
    wr_task_start(&r->task, stages);
    return WR_DONE;
}

/* The request cannot go there. WR_ERROR when no stage waits for the outcome: then
 * the caller has to see to the answer. */
static wr_rc_t
cannot_go(wr_req_t *r)
{
    (void) wr_fail(r, 500);
    return r->task.running ? WR_DONE : WR_ERROR;
}

bool
wr_req_count_change(wr_req_t *r)
{
    if (r->uri_changes != 0) {
        r->uri_changes--;
    }
    return r->uri_changes != 0;
}

wr_rc_t
wr_internal_redirect(wr_req_t *r, wr_str_t uri, wr_str_t args)
{
    if (!wr_req_count_change(r)) {
        wr_log(&r->log, WR_LOG_ERR, 0,
               "rewrite or internal redirection cycle while internally redirecting "
               "to \"%.*s\"",
               WR_ARG(uri));
        return cannot_go(r);
    }
    restart(r);
    wr_req_set_uri(r, uri, args);
    wr_req_use_server(r, r->server);
    r->location = NULL;
    r->in_named = r->uri_behind_alias = 0;
    return jump(r, r->server->rewrite);
}

wr_rc_t
wr_named_location(wr_req_t *r, wr_str_t name)
{
    wr_location_t *loc = wr_map_get(&r->server->named, name);

    if (!wr_req_count_change(r)) {
        wr_log(&r->log, WR_LOG_ERR, 0,
               "rewrite or internal redirection cycle while redirect to named "
               "location \"%.*s\"",
               WR_ARG(name));
        return cannot_go(r);
    }
    if (r->uri.n == 0) {
        wr_log(&r->log, WR_LOG_ERR, 0,
               "empty URI in redirect to named location \"%.*s\"", WR_ARG(name));
        return cannot_go(r);
    }
    if (loc == NULL) {
        wr_log(&r->log, WR_LOG_ERR, 0, "could not find named location \"%.*s\"",
               WR_ARG(name));
        return cannot_go(r);
    }
    restart(r);
    r->in_named = 1;
    r->uri_behind_alias = 0;
    wr_req_enter(r, loc);
    return jump(r, loc->stages);
}

bool
wr_path_is_unsafe(wr_str_t path)
{
    wr_str_t rest = path, part;

    if (path.n == 0 || wr_str_chr(path, '\0') >= 0) {
        return true;
    }
    while (wr_str_split(&rest, '/', &part)) {
        if (wr_str_eqz(part, "..")) {
            return true;
        }
    }
    return false;
}

bool
wr_uri_split(wr_req_t *r, wr_str_t *uri, wr_str_t *args)
{
    ssize_t  mark = wr_str_chr(*uri, '?');
    wr_str_t path = mark >= 0 ? wr_str(uri->p, (size_t) mark) : *uri;

    if (wr_path_is_unsafe(path)) {
        wr_log(&r->log, WR_LOG_ERR, 0, "unsafe URI \"%.*s\" was detected",
               WR_ARG(*uri));
        return false;
    }
    *args = mark >= 0 ? wr_str_skip(*uri, (size_t) mark + 1) : WR_STR("");
    *uri = path;
    return true;
}

void
wr_set_exten(wr_req_t *r)
{
    r->exten = WR_STR_NONE;
    for (size_t i = r->uri.n; i > 1; i--) {
        if (r->uri.p[i - 1] == '.' && r->uri.p[i - 2] != '/') {
            r->exten = wr_str_skip(r->uri, i);
            return;
        }
        if (r->uri.p[i - 1] == '/') {
            return;
        }
    }
}

/* ---- looking at it ---- */

wr_str_t
wr_req_header(const wr_req_t *r, wr_hid_t id)
{
    wr_header_t *h = wr_headers_first(&r->in, id);

    return h != NULL ? h->value : WR_STR_NONE;
}

wr_str_t
wr_req_header_z(const wr_req_t *r, const char *name)
{
    wr_header_t *h = wr_headers_find(&r->in, wr_str_z(name));

    return h != NULL ? h->value : WR_STR_NONE;
}

wr_str_t
wr_req_id(wr_req_t *r)
{
    wr_req_t *m = r->main;

    if (m->request_id.n == 0) {
        unsigned char raw[16];
        char         *text = wr_alloc_bytes(wr_pool(m), 32);

        wr_random_fast(raw, sizeof(raw));
        for (unsigned i = 0; i < sizeof(raw); i++) {
            text[i * 2] = "0123456789abcdef"[raw[i] >> 4];
            text[i * 2 + 1] = "0123456789abcdef"[raw[i] & 15];
        }
        m->request_id = wr_str(text, 32);
    }
    return m->request_id;
}

wr_str_t
wr_req_scheme(const wr_req_t *r)
{
    return r->conn != NULL && r->conn->tls != NULL ? WR_STR("https") : WR_STR("http");
}

const wr_addr_t *
wr_req_local(wr_req_t *r)
{
    wr_req_t *m = r->main;

    if (m->local == NULL) {
        m->local = WR_NEW(wr_pool(m), wr_addr_t);
        m->local->len = sizeof(m->local->u);
        if (m->conn == NULL || m->conn->watch.fd < 0
            || getsockname(m->conn->watch.fd, &m->local->u.sa, &m->local->len) != 0)
        {
            m->local->u.sa.sa_family = AF_UNSPEC;
            m->local->len = sizeof(sa_family_t);
        }
    }
    return m->local;
}

wr_str_t
wr_req_peer_text(wr_req_t *r)
{
    char   text[WR_ADDR_TEXT];
    size_t n = wr_addr_put(text, sizeof(text), &r->main->peer->u.sa,
                           r->main->peer->len, false);

    return wr_pool_str(wr_pool(r), wr_str(text, n));
}

bool
wr_arg(const wr_req_t *r, wr_str_t name, wr_str_t *value)
{
    wr_str_t rest = r->args, part;

    if (rest.n == 0 || name.n == 0) {
        return false;
    }
    while (wr_str_split(&rest, '&', &part)) {
        if (part.n > name.n && part.p[name.n] == '=' && wr_str_istarts(part, name)) {
            *value = wr_str_skip(part, name.n + 1);
            return true;
        }
    }
    return false;
}

static wr_str_t
skip_blanks(wr_str_t s)
{
    while (s.n != 0 && s.p[0] == ' ') {
        s = wr_str_skip(s, 1);
    }
    return s;
}

bool
wr_cookie(const wr_req_t *r, wr_str_t name, wr_str_t *value)
{
    for (wr_header_t *h = wr_headers_first(&r->in, WR_H_COOKIE); h != NULL;
         h = wr_headers_next(&r->in, h))
    {
        wr_str_t rest = h->value, part;

        while (wr_str_split(&rest, ';', &part)) {
            part = skip_blanks(part);
            if (part.n > name.n && wr_str_istarts(part, name)) {
                wr_str_t tail = skip_blanks(wr_str_skip(part, name.n));

                if (tail.n != 0 && tail.p[0] == '=') {
                    *value = skip_blanks(wr_str_skip(tail, 1));
                    return true;
                }
            }
        }
    }
    return false;
}

void
wr_req_take_uri(wr_req_t *r, const wr_uri_t *parts)
{
    r->uri = parts->path;
    r->args = parts->args;
    r->complex_uri = parts->complex;
    r->quoted_uri = parts->quoted;
    r->plus_in_uri = parts->plus;
    r->valid_uri = 1;
    wr_set_exten(r);
}
