/*
 * Answers with parts of a body: one part by cutting the segments as they pass,
 * several as multipart/byteranges once all of the body is here (it is one file
 * or one piece of memory as a rule).
 */
#include <weir/http/core_conf.h>
#include "range.h"

typedef struct state {
    wr_array_t ranges;          /* range_t */
    int64_t    length;          /* of the whole body */
    int64_t    at;              /* offset of the next byte that comes */
    wr_str_t   part;            /* head of each part, up to the range */
    wr_str_t   boundary;
    wr_seg_t  *held;            /* several parts: what has come so far */
    bool       done;
} state_t;

static void
release(wr_seg_t *seg)
{
    if (seg->release != NULL) {
        seg->release(seg);
    }
}

/* ---- one part ---- */

/* Cuts one segment to the range. False: nothing of it is left. */
static bool
cut(state_t *s, const range_t *range, wr_seg_t *seg)
{
    int64_t begin = s->at, end = s->at + (int64_t) seg->n;

    s->at = end;
    seg->flags &= (uint8_t) ~WR_SEG_LAST;
    if (seg->n == 0) {
        return seg->flags != 0;
    }
    if (end <= range->start || begin >= range->end) {
        return false;
    }
    if (begin < range->start) {
        wr_seg_skip(seg, (size_t) (range->start - begin));
    }
    if (end >= range->end) {
        seg->n -= (size_t) (end - range->end);
        seg->flags |= WR_SEG_LAST;
        s->done = true;
    }
    return true;
}

static wr_rc_t
single(wr_req_t *r, wr_link_t *self, void *state, wr_seg_t *in)
{
    state_t   *s = state;
    wr_seg_t  *out = NULL, *next;
    wr_seg_t **tail = &out;

    if (s->at < r->content_offset) {
        s->at = r->content_offset;      /* slices were left out */
    }
    for (; in != NULL; in = next) {
        next = in->next;
        if (s->done || !cut(s, WR_AT(&s->ranges, range_t, 0), in)) {
            release(in);
            continue;
        }
        in->next = NULL;
        *tail = in;
        tail = &in->next;
    }
    return wr_filter_pass(r, self, out);
}

/* ---- several parts ---- */

static void
release_held(wr_seg_t *last)
{
    for (wr_seg_t *seg = last->data, *next; seg != NULL; seg = next) {
        next = seg->next;
        release(seg);
    }
}

/* Hangs the bytes of `range`, out of the held segments, behind `tail`. */
static wr_seg_t **
copy_range(wr_req_t *r, state_t *s, const range_t *range, wr_seg_t **tail)
{
    int64_t begin = 0;

    for (const wr_seg_t *seg = s->held; seg != NULL; seg = seg->next) {
        int64_t end = begin + (int64_t) seg->n;
        int64_t from = range->start > begin ? range->start : begin;
        int64_t to = range->end < end ? range->end : end;

        if (from < to) {
            size_t skip = (size_t) (from - begin);
            size_t n = (size_t) (to - from);

            *tail = seg->p != NULL
                        ? wr_seg_mem(r, seg->p + skip, n, 0)
                        : wr_seg_file(r, seg->file, seg->at + (off_t) skip, n, 0);
            tail = &(*tail)->next;
        }
        begin = end;
    }
    return tail;
}

static wr_str_t
part_head(wr_req_t *r, const state_t *s, const range_t *range)
{
    return wr_pool_printf(wr_pool(r), "%.*s%" PRId64 "-%" PRId64 "/%" PRId64
                                      "\r\n\r\n",
                          WR_ARG(s->part), range->start, range->end - 1, s->length);
}

static wr_str_t
closing(wr_req_t *r, const state_t *s)
{
    return wr_pool_printf(wr_pool(r), "\r\n--%.*s--\r\n", WR_ARG(s->boundary));
}

static wr_rc_t
multi(wr_req_t *r, wr_link_t *self, void *state, wr_seg_t *in)
{
    state_t   *s = state;
    wr_seg_t  *out = NULL;
    wr_seg_t **tail = &out;
    wr_str_t   text;
    bool       last = false;

    for (wr_seg_t *seg = in; seg != NULL; seg = seg->next) {
        last |= (seg->flags & WR_SEG_LAST) != 0;
    }
    *wr_segs_tail(&s->held) = in;
    if (!last || s->done) {
        return wr_filter_pass(r, self, NULL);
    }
    s->done = true;
    for (WR_EACH(range_t, range, &s->ranges)) {
        text = part_head(r, s, range);
        *tail = wr_seg_mem(r, text.p, text.n, 0);
        tail = copy_range(r, s, range, &(*tail)->next);
    }
    text = closing(r, s);
    *tail = wr_seg_mem(r, text.p, text.n, WR_SEG_LAST);
    (*tail)->data = s->held;
    (*tail)->release = release_held;
    s->held = NULL;
    return wr_filter_pass(r, self, out);
}

/* ---- the head ---- */

static void
head_single(wr_req_t *r, state_t *s)
{
    const range_t *range = WR_AT(&s->ranges, range_t, 0);
    wr_str_t       value;

    value = wr_pool_printf(wr_pool(r),
                           "bytes %" PRId64 "-%" PRId64 "/%" PRId64,
                           range->start, range->end - 1, s->length);
    wr_headers_set(&r->out, WR_H_CONTENT_RANGE, WR_STR("Content-Range"), value);
    wr_clear_content_length(r);
    r->out_length = range->end - range->start;
    wr_filter_attach(r, single, s);
}

static void
head_multi(wr_req_t *r, state_t *s)
{
    static uint64_t number;
    wr_str_t        type = wr_content_type(r);
    int64_t         length;

    if (number == 0) {
        number = (uint64_t) wr_clock.sec * 1000;
    }
    s->boundary = wr_pool_printf(wr_pool(r), "%020" PRIu64, number++);
    s->part = wr_pool_printf(wr_pool(r), "\r\n--%.*s%s%.*s\r\nContent-Range: bytes ",
                             WR_ARG(s->boundary),
                             r->content_type.n != 0 ? "\r\nContent-Type: " : "",
                             WR_ARG(type));
    length = (int64_t) closing(r, s).n;
    for (WR_EACH(range_t, range, &s->ranges)) {
        length += (int64_t) part_head(r, s, range).n + range->end - range->start;
    }
    r->content_type = wr_pool_join(wr_pool(r),
                                   WR_STR("multipart/byteranges; boundary="),
                                   s->boundary);
    r->charset = WR_STR_NONE;
    wr_clear_content_length(r);
    r->out_length = length;
    wr_filter_attach(r, multi, s);
}

static wr_rc_t
not_satisfiable(wr_req_t *r, int64_t length)
{
    wr_headers_set(&r->out, WR_H_CONTENT_RANGE, WR_STR("Content-Range"),
                   wr_pool_printf(wr_pool(r), "bytes */%" PRId64, length));
    wr_clear_content_length(r);
    return wr_fail(r, 416);
}

/* If-Range, if it was sent, names this very answer. */
static bool
if_range_holds(wr_req_t *r)
{
    const wr_header_t *given = wr_headers_first(&r->in, WR_H_IF_RANGE);
    const wr_header_t *etag = wr_headers_first(&r->out, WR_H_ETAG);

    if (given == NULL) {
        return true;
    }
    if (given->value.n >= 2 && given->value.p[given->value.n - 1] == '"') {
        return etag != NULL && wr_str_eq(etag->value, given->value);
    }
    return r->last_modified >= 0 && wr_date_parse(given->value) == r->last_modified;
}

static wr_rc_t
head(wr_req_t *r)
{
    const wr_http_core_t *core = wr_http_core(r);
    const wr_header_t    *given;
    state_t              *s;
    wr_rc_t               rc;

    if (r->version < WR_HTTP_10 || r->status != 200 || r != r->main
        || r->out_length < 0 || !r->allow_ranges || core->max_ranges == 0)
    {
        return WR_OK;
    }
    given = wr_headers_first(&r->in, WR_H_RANGE);
    if (given != NULL && given->value.n >= 7
        && wr_str_istarts(given->value, WR_STR("bytes=")) && if_range_holds(r))
    {
        s = WR_NEW(wr_pool(r), state_t);
        s->ranges = wr_array(wr_pool(r), sizeof(range_t));
        s->length = r->out_length;
        s->at = r->content_offset;
        rc = range_parse(wr_str_skip(given->value, 6), s->length,
                         r->single_range ? 1 : core->max_ranges < 0 ? INT32_MAX
                                                                    : core->max_ranges,
                         &s->ranges);
        if (rc == WR_SYNTAX) {
            return not_satisfiable(r, s->length);
        }
        if (rc == WR_OK) {
            r->status = 206;
            r->status_line = WR_STR_NONE;
            if (s->ranges.n == 1) {
                head_single(r, s);
            } else {
                head_multi(r, s);
            }
            return WR_OK;
        }
    }
    wr_headers_set(&r->out, WR_H_ACCEPT_RANGES, WR_STR("Accept-Ranges"),
                   WR_STR("bytes"));
    return WR_OK;
}

WR_MODULE(range,
    .doc = "Parts of a body for Range requests",
    .http = &(const wr_http_tables_t) {
        .filters = (const wr_filter_t[]) {
            {"range", WR_FILTER_RANGE, head, NULL},
            {.name = NULL}
        },
    });
