/*
 * Conditional requests (RFC 9110 §13): 304 and 412 instead of an answer that the
 * client has or does not want. Directives: if_modified_since and etag of the core.
 */
#include <weir/http/core_conf.h>

enum { OFF = 0, EXACT, BEFORE };

/* Whether the answer's ETag stands in a list; `weak` compares without W/. */
static bool
has_etag(wr_req_t *r, wr_str_t list, bool weak)
{
    const wr_header_t *own = wr_headers_first(&r->out, WR_H_ETAG);
    wr_str_t           etag;

    if (list.n == 1 && list.p[0] == '*') {
        return true;
    }
    if (own == NULL) {
        return false;
    }
    etag = own->value;
    if (weak && wr_str_starts(etag, WR_STR("W/"))) {
        etag = wr_str_skip(etag, 2);
    }
    while (list.n != 0) {
        if (weak && wr_str_starts(list, WR_STR("W/"))) {
            list = wr_str_skip(list, 2);
        }
        if (wr_str_starts(list, etag)) {
            wr_str_t rest = wr_str_trim(wr_str_skip(list, etag.n));

            if (rest.n == 0 || rest.p[0] == ',') {
                return true;
            }
        }
        while (list.n != 0 && list.p[0] != ',') {
            list = wr_str_skip(list, 1);
        }
        while (list.n != 0
               && (list.p[0] == ',' || list.p[0] == ' ' || list.p[0] == '\t'))
        {
            list = wr_str_skip(list, 1);
        }
    }
    return false;
}

/* If-Unmodified-Since and If-Match, if they were sent, hold. */
static bool
precondition_holds(wr_req_t *r)
{
    const wr_header_t *since = wr_headers_first(&r->in, WR_H_IF_UNMODIFIED_SINCE);
    const wr_header_t *match = wr_headers_first(&r->in, WR_H_IF_MATCH);

    if (since != NULL && r->last_modified >= 0
        && r->last_modified > wr_date_parse(since->value))
    {
        return false;
    }
    return match == NULL || has_etag(r, match->value, false);
}

static bool
is_newer(wr_req_t *r, wr_str_t since)
{
    int     mode = wr_http_core(r)->if_modified_since;
    int64_t date;

    if (r->last_modified < 0 || mode == OFF) {
        return true;
    }
    date = wr_date_parse(since);
    if (date == r->last_modified) {
        return false;
    }
    return mode == EXACT || date < r->last_modified;
}

static wr_rc_t
head(wr_req_t *r)
{
    const wr_header_t *since, *none;

    if (r->status != 200 || r != r->main || r->disable_not_modified) {
        return WR_OK;
    }
    if (!precondition_holds(r)) {
        wr_headers_init(&r->out, wr_pool(r));   /* none of it is said */
        return wr_fail(r, 412);
    }
    since = wr_headers_first(&r->in, WR_H_IF_MODIFIED_SINCE);
    none = wr_headers_first(&r->in, WR_H_IF_NONE_MATCH);
    if ((since == NULL && none == NULL)
        || (since != NULL && is_newer(r, since->value))
        || (none != NULL && !has_etag(r, none->value, true)))
    {
        return WR_OK;
    }
    r->status = 304;
    r->status_line = WR_STR_NONE;
    r->content_type = WR_STR_NONE;
    r->charset = WR_STR_NONE;
    wr_clear_content_length(r);
    wr_clear_accept_ranges(r);
    wr_headers_remove(&r->out, WR_H_CONTENT_ENCODING, WR_STR_NONE);
    return WR_OK;
}

WR_MODULE(not_modified,
    .doc = "304 and 412 for conditional requests",
    .http = &(const wr_http_tables_t) {
        .filters = (const wr_filter_t[]) {
            {"not_modified", WR_FILTER_NOT_MODIFIED, head, NULL},
            {.name = NULL}
        },
    });
