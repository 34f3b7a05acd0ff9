/*
 * The way out: head filters, attached body filters, and the front at the end.
 */
#include <weir/http/out.h>

#include <weir/http/core_conf.h>
#include <weir/http/request.h>

struct wr_link {
    wr_link_t   *next;
    wr_body_fn_t fn;
    void        *state;
};

wr_seg_t *
wr_seg_mem(wr_req_t *r, const char *p, size_t n, unsigned flags)
{
    wr_seg_t *seg = WR_NEW(wr_pool(r), wr_seg_t);

    seg->p = p;
    seg->n = n;
    seg->flags = (uint8_t) flags;
    return seg;
}

wr_seg_t *
wr_seg_file(wr_req_t *r, wr_file_t *f, off_t at, size_t n, unsigned flags)
{
    wr_seg_t *seg = WR_NEW(wr_pool(r), wr_seg_t);

    seg->file = f;
    seg->at = at;
    seg->n = n;
    seg->flags = (uint8_t) flags;
    return seg;
}

wr_seg_t *
wr_seg_last(wr_req_t *r)
{
    return wr_seg_mem(r, NULL, 0, WR_SEG_LAST);
}

size_t
wr_segs_size(const wr_seg_t *seg)
{
    size_t n = 0;

    for (; seg != NULL; seg = seg->next) {
        n += seg->n;
    }
    return n;
}

wr_seg_t **
wr_segs_tail(wr_seg_t **list)
{
    while (*list != NULL) {
        list = &(*list)->next;
    }
    return list;
}

/* ---- head ---- */

static bool
has_no_body(unsigned status)
{
    return status == 204 || status == 304 || status < 200;
}

/* "0": what it is by default. */
static bool
is_zero(const wr_cv_t *cv)
{
    return wr_cv_is_const(cv) && cv->text.n == 1 && cv->text.p[0] == '0';
}

/* limit_rate, unless a variable or an upstream has set it. */
static void
set_rate(wr_req_t *r)
{
    const wr_http_core_t *core = wr_http_core(r);
    wr_str_t              text;

    if (r->limit_rate == 0 && core->limit_rate.given && !is_zero(&core->limit_rate)
        && wr_cv_eval(r, &core->limit_rate, &text) == WR_OK
        && !wr_parse_size(text, &r->limit_rate))
    {
        r->limit_rate = 0;
    }
    if (r->limit_rate != 0 && r->limit_rate_after == 0 && core->limit_rate_after.given
        && wr_cv_eval(r, &core->limit_rate_after, &text) == WR_OK
        && !wr_parse_size(text, &r->limit_rate_after))
    {
        r->limit_rate_after = 0;
    }
}

/* Those of the location; all where it is not the one whose conf holds. */
static const wr_filter_t *const *
filters_of(const wr_req_t *r)
{
    return r->location != NULL && r->location->conf == r->conf ? r->location->filters
                                                               : r->server->http->filters;
}

wr_rc_t
wr_send_head(wr_req_t *r)
{
    wr_rc_t rc;

    if (r->head_sent) {
        wr_log(&r->log, WR_LOG_ALERT, 0, "header already sent");
        return WR_ERROR;
    }
    wr_debug(&r->log, "http", "answers %u, length %" PRId64, r->status, r->out_length);
    if (r->error_status != 0) {
        r->status = r->error_status;
        r->status_line = WR_STR_NONE;
    }
    r->filters = NULL;
    if (!r->skip_filters) {
        for (const wr_filter_t *const *f = filters_of(r); *f != NULL; f++) {
            rc = (*f)->head(r);
            if (rc != WR_OK) {
                return rc;
            }
        }
    }
    if (r->last_modified >= 0 && r->status != 200 && r->status != 206 && r->status != 304) {
        r->last_modified = -1;      /* of a page that stands in for another; what an
                                       upstream or add_header said stays */
    }
    if (has_no_body(r->status)) {
        r->head_only = 1;
        if (r->status == 204) {
            r->out_length = -1;
            r->content_type = WR_STR_NONE;
            wr_clear_last_modified(r);
        }
    }
    if (r->method == WR_HEAD) {
        r->head_only = 1;
    }
    set_rate(r);
    r->head_sent = 1;
    return r->front->send_head(r);
}

/* ---- body ---- */

void
wr_filter_attach(wr_req_t *r, wr_body_fn_t fn, void *state)
{
    wr_link_t  *link = WR_NEW(wr_pool(r), wr_link_t);
    wr_link_t **at = &r->filters;

    link->fn = fn;
    link->state = state;
    while (*at != NULL) {
        at = &(*at)->next;
    }
    *at = link;
}

static wr_rc_t
to_front(wr_req_t *r, wr_seg_t *segs)
{
    if (segs == NULL) {
        return r->front->pending(r) != 0 ? WR_AGAIN : WR_OK;
    }
    for (wr_seg_t *seg = segs; seg != NULL; seg = seg->next) {
        if ((seg->flags & WR_SEG_LAST) != 0) {
            r->last_sent = 1;
        }
    }
    return r->front->send_body(r, segs);
}

wr_rc_t
wr_filter_pass(wr_req_t *r, wr_link_t *self, wr_seg_t *out)
{
    wr_link_t *next = self->next;

    return next != NULL ? next->fn(r, next, next->state, out) : to_front(r, out);
}

static void
drop(wr_seg_t *segs)
{
    for (wr_seg_t *seg = segs, *next; seg != NULL; seg = next) {
        next = seg->next;
        if (seg->release != NULL) {
            seg->release(seg);
        }
    }
}

wr_rc_t
wr_send_body(wr_req_t *r, wr_seg_t *segs)
{
    wr_link_t *first = r->filters;

    WR_ASSERT(r->head_sent);
    if (r->head_only) {
        for (wr_seg_t *seg = segs; seg != NULL; seg = seg->next) {
            r->last_sent |= (seg->flags & WR_SEG_LAST) != 0;
        }
        drop(segs);
        return WR_OK;
    }
    return first != NULL ? first->fn(r, first, first->state, segs) : to_front(r, segs);
}

size_t
wr_out_pending(const wr_req_t *r)
{
    return r->front->pending(r);
}

wr_op_t *
wr_drain_op(wr_req_t *r)
{
    WR_ASSERT(r->drain.state != WR_OP_PENDING);
    wr_op_begin(&r->drain, "send", NULL);
    if (r->aborted) {
        wr_op_complete(&r->drain, WR_CLOSED);
    } else if (r->front->pending(r) == 0) {
        wr_op_complete(&r->drain, WR_OK);
    }
    return &r->drain;
}

void
wr_req_drained(wr_req_t *r)
{
    if (r->drain.state == WR_OP_PENDING) {
        wr_op_complete(&r->drain, WR_OK);
    }
}

/* ---- for filters ---- */

void
wr_clear_content_length(wr_req_t *r)
{
    r->out_length = -1;
    wr_headers_remove(&r->out, WR_H_CONTENT_LENGTH, WR_STR_NONE);
}

void
wr_clear_accept_ranges(wr_req_t *r)
{
    r->allow_ranges = 0;
    wr_headers_remove(&r->out, WR_H_ACCEPT_RANGES, WR_STR_NONE);
}

wr_str_t
wr_content_type(wr_req_t *r)
{
    wr_str_t said = r->content_type_said;

    if (said.n != 0 && r->content_type.p == said.p && r->charset.p > said.p
        && r->charset.p <= said.p + said.n)
    {
        return said;
    }
    return r->content_type.n == 0 || r->charset.n == 0
           ? r->content_type
           : wr_pool_join3(wr_pool(r), r->content_type, WR_STR("; charset="), r->charset);
}

void
wr_clear_last_modified(wr_req_t *r)
{
    r->last_modified = -1;
    wr_headers_remove(&r->out, WR_H_LAST_MODIFIED, WR_STR_NONE);
}

void
wr_clear_etag(wr_req_t *r)
{
    wr_headers_remove(&r->out, WR_H_ETAG, WR_STR_NONE);
}

void
wr_weak_etag(wr_req_t *r)
{
    wr_header_t *etag = wr_headers_first(&r->out, WR_H_ETAG);

    if (etag == NULL || wr_str_starts(etag->value, WR_STR("W/"))) {
        return;
    }
    if (etag->value.n == 0 || etag->value.p[0] != '"') {
        wr_clear_etag(r);
        return;
    }
    etag->value = wr_pool_join(wr_pool(r), WR_STR("W/"), etag->value);
}
