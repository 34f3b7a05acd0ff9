/*
 * slice: a large answer of an upstream is fetched (and may be cached) in pieces of
 * one size: the request asks for the first with $slice_range, subrequests for the
 * others, when the one before has left.
 */
#include <weir/http/filter.h>

typedef struct conf {
    size_t size;
} conf_t;

typedef struct state {
    wr_req_t  *r;
    wr_link_t *self;
    int64_t    size;
    int64_t    start;           /* of the slice that is asked for */
    int64_t    end;             /* of what is wanted; known with the first answer */
    wr_str_t   etag;
    wr_req_t  *sub;
    bool       sub_fits;        /* its answer is the slice that was asked for */
    bool       active;          /* the first answer was a slice */
    bool       ended;
} state_t;

static state_t *
state_of(wr_req_t *r)
{
    return wr_ctx(r->main, WR_SELF);
}

/* Where the client's range begins: its slice is the first. */
static int64_t
first_start(wr_req_t *r, int64_t size)
{
    wr_str_t range = wr_req_header(r, WR_H_RANGE);
    size_t   n = 6;
    int64_t  start;

    if (!wr_str_istarts(range, WR_STR("bytes="))
        || wr_headers_first(&r->in, WR_H_IF_RANGE) != NULL)
    {
        return 0;
    }
    while (n < range.n && range.p[n] == ' ') {
        n++;
    }
    range = wr_str_skip(range, n);
    n = 0;
    while (n < range.n && wr_is_digit(range.p[n])) {
        n++;
    }
    if (!wr_parse_int(wr_str_sub(range, 0, n), &start)) {
        return 0;
    }
    return start / size * size;
}

static wr_rc_t
get_range(wr_req_t *r, const wr_var_t *v, wr_str_t *value)
{
    const conf_t *conf = wr_conf(r);
    state_t      *s = state_of(r);

    (void) v;
    if (s == NULL) {
        if (r != r->main || conf->size == 0) {
            return WR_NOTFOUND;
        }
        s = WR_NEW(wr_pool(r), state_t);
        wr_ctx(r, WR_SELF) = s;
        s->size = (int64_t) conf->size;
        s->start = first_start(r, s->size);
    }
    *value = wr_pool_printf(wr_pool(r), "bytes=%" PRId64 "-%" PRId64, s->start,
                            s->start + s->size - 1);
    return WR_OK;
}

/* "bytes 0-9/34" */
static bool
parse_content_range(wr_req_t *r, int64_t *start, int64_t *end, int64_t *length)
{
    const wr_header_t *h = wr_headers_first(&r->out, WR_H_CONTENT_RANGE);
    wr_str_t           s, a, b;

    if (h == NULL || !wr_str_istarts(h->value, WR_STR("bytes "))) {
        return false;
    }
    s = wr_str_skip(h->value, 6);
    if (!wr_str_split(&s, '-', &a) || !wr_str_split(&s, '/', &b)
        || !wr_parse_int(wr_str_trim(a), start) || !wr_parse_int(wr_str_trim(b), end))
    {
        return false;
    }
    ++*end;
    if (wr_str_eqz(wr_str_trim(s), "*")) {
        *length = -1;
        return true;
    }
    return wr_parse_int(wr_str_trim(s), length);
}

static wr_rc_t next_slice(state_t *s);

static void
sub_done(wr_op_t *op)
{
    state_t  *s = op->waiter;
    wr_req_t *r = s->r, *sub = s->sub;

    s->sub = NULL;
    s->ended |= !s->sub_fits;
    s->start += s->size;
    if (!s->ended && (sub->reply == NULL || wr_filter_pass(r, s->self, sub->reply) >= 0))
    {
        (void) next_slice(s);
    }
    wr_req_let_go(r);
}

/* Asks for the next one, or ends. */
static wr_rc_t
next_slice(state_t *s)
{
    if (s->start >= s->end) {
        s->ended = true;
        return wr_filter_pass(s->r, s->self, wr_seg_last(s->r));
    }
    s->sub_fits = false;
    s->sub = wr_subrequest(s->r, s->r->uri, s->r->args, WR_SUB_MEMORY | WR_SUB_CLONE);
    if (s->sub == NULL) {
        return WR_ERROR;
    }
    s->r->subrequests++;            /* as many as the body needs */
    wr_ctx(s->sub, WR_SELF) = s;
    wr_req_hold(s->r);
    s->sub->sub_op.done = sub_done;
    s->sub->sub_op.waiter = s;
    return WR_OK;
}

/* The range filter has said by now what is wanted of the whole. */
static void
set_end(wr_req_t *r, state_t *s)
{
    int64_t start, end, length;

    if (r->status != 206 || !parse_content_range(r, &start, &end, &length)) {
        return;
    }
    s->end = end;
    if (start >= s->start + 2 * s->size) {
        s->start = (start / s->size - 1) * s->size;     /* those before are not wanted */
        r->content_offset = s->start + s->size;
    }
}

static wr_rc_t
body(wr_req_t *r, wr_link_t *self, void *state, wr_seg_t *in)
{
    state_t *s = state;
    bool     last = false;
    wr_rc_t  rc;

    s->self = self;
    for (wr_seg_t *seg = in; seg != NULL; seg = seg->next) {
        last |= (seg->flags & WR_SEG_LAST) != 0;
        seg->flags &= (uint8_t) ~WR_SEG_LAST;
    }
    rc = wr_filter_pass(r, self, in);
    if (rc < 0 || !last || s->sub != NULL || s->ended) {
        return rc;
    }
    set_end(r, s);
    s->start += s->size;
    return next_slice(s);
}

static wr_str_t
etag_of(const wr_req_t *r)
{
    const wr_header_t *h = wr_headers_first(&r->out, WR_H_ETAG);

    return h != NULL ? h->value : WR_STR_NONE;
}

/* Whether the answer is the slice that was asked for. */
static bool
is_slice(wr_req_t *r, const state_t *s, int64_t *start, int64_t *length)
{
    int64_t end;

    return parse_content_range(r, start, &end, length) && *length >= 0
           && *start == s->start
           && end == (s->start + s->size < *length ? s->start + s->size : *length);
}

/* A further slice. To the logs it has the status of the whole. */
static void
sub_head(wr_req_t *sub, state_t *s)
{
    int64_t start, length;

    if (sub->status != 206 || !is_slice(sub, s, &start, &length)) {
        wr_log(&sub->log, WR_LOG_ERR, 0, "unexpected status or range in slice response: "
                                         "%u", sub->status);
    } else if (!wr_str_eq(etag_of(sub), s->etag)) {
        wr_log(&sub->log, WR_LOG_ERR, 0, "etag mismatch in slice response");
    } else {
        s->sub_fits = true;
        sub->status = s->r->status;
        sub->status_line = WR_STR_NONE;
    }
}

static wr_rc_t
head(wr_req_t *r)
{
    state_t *s = state_of(r);
    int64_t  start, length;

    if (s != NULL && s->active && r == s->sub) {
        sub_head(r, s);
        return WR_OK;
    }
    if (s == NULL || r != r->main || s->active) {
        return WR_OK;
    }
    if (r->status != 206) {
        wr_ctx(r, WR_SELF) = NULL;
        return WR_OK;
    }
    if (!is_slice(r, s, &start, &length)) {
        wr_log(&r->log, WR_LOG_ERR, 0, "invalid range in slice response");
        return WR_ERROR;
    }
    s->etag = etag_of(r);
    s->r = r;
    s->end = length;
    s->active = true;
    r->status = 200;
    r->status_line = WR_STR_NONE;
    r->out_length = length;
    r->content_offset = start;
    r->allow_ranges = 1;
    wr_headers_remove(&r->out, WR_H_CONTENT_RANGE, WR_STR_NONE);
    wr_headers_remove(&r->out, WR_H_ACCEPT_RANGES, WR_STR_NONE);
    wr_filter_attach(r, body, s);
    return WR_OK;
}

static const wr_var_row_t variables[] = {
    {"slice_range", get_range, NULL, 0, WR_VAR_NOCACHE,
     "The slice that is asked for, as a Range header has it"},
    {.name = NULL}
};

WR_MODULE(slice,
    .doc = "Large answers fetched in pieces",
    .schema.directives = (const wr_directive_t[]) {
        WR_SIZE("slice", WR_ANY, conf_t, size, "0",
                "The size of the pieces; 0: none.", .args = "size",
                .example = "slice 1m;\n"
                           "proxy_set_header Range $slice_range;"),
        WR_END
    },
    .schema.size = sizeof(conf_t),
    .variables = variables,
    .http = &(const wr_http_tables_t) {
        .filters = (const wr_filter_t[]) {
            {"slice", WR_FILTER_SLICE, head, NULL},
            {.name = NULL}
        },
    });
