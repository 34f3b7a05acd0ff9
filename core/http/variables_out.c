/*
 * Variables of the answer: what was or will be sent.
 */
#include <weir/http/variables_priv.h>

static wr_rc_t
found(wr_str_t *value, wr_str_t text)
{
    *value = text;
    return WR_OK;
}

static wr_rc_t
number(wr_req_t *r, wr_str_t *value, int64_t n)
{
    char *p = wr_alloc_bytes(wr_pool(r), 20);

    *value = wr_str(p, wr_put_uint(p, n < 0 ? 0 : (uint64_t) n));
    return WR_OK;
}

GETTER(status)
{
    unsigned status = wr_req_status(r);

    (void) v;
    if (status == 0 && r->version == WR_HTTP_09) {
        status = 9;
    }
    return found(value, wr_pool_printf(wr_pool(r), "%03u", status));
}

/* With the framing of chunks, as nginx counts. */
int64_t
wr_body_bytes_sent(const wr_req_t *r)
{
    int64_t n = r->main->bytes_sent - r->main->head_bytes;

    return n > 0 ? n : 0;
}

GETTER(out_count)
{
    return number(r, value, v->data == WR_OUT_SENT ? r->main->bytes_sent
                                                   : wr_body_bytes_sent(r));
}

GETTER(limit_rate)
{
    (void) v;
    return number(r, value, r->limit_rate > 0 ? r->limit_rate : 0);
}

/* "100k", "1m", "500": what is no size is ignored. */
void
wr_put_limit_rate(wr_req_t *r, const wr_var_t *v, wr_str_t value)
{
    int64_t rate;

    (void) v;
    if (wr_parse_size(value, &rate)) {
        r->limit_rate = rate != 0 ? rate : -1;  /* none, whatever the conf says */
    }
}

GETTER(request_time)
{
    wr_msec_t ms = wr_clock.mono - r->main->start;

    (void) v;
    ms = ms < 0 ? 0 : ms;
    return found(value, wr_pool_printf(wr_pool(r), "%" PRId64 ".%03d", ms / 1000,
                                       (int) (ms % 1000)));
}

GETTER(request_completion)
{
    const wr_req_t *m = r->main;
    bool            all = m->last_sent || (m->head_sent && m->head_only);

    (void) v;
    return found(value, all && !m->aborted ? WR_STR("OK") : WR_STR(""));
}

GETTER(sent_http)
{
    return wr_headers_as_variable(wr_pool(r), &r->out,
                                  wr_str_skip(v->name, v->data), ", ", value);
}

GETTER(sent_trailer)
{
    if (r->trailers == NULL) {
        return WR_NOTFOUND;
    }
    return wr_headers_as_variable(wr_pool(r), r->trailers,
                                  wr_str_skip(v->name, v->data), ", ", value);
}

GETTER(sent_type)
{
    (void) v;
    return r->content_type.n != 0 ? found(value, wr_content_type(r)) : WR_NOTFOUND;
}

GETTER(sent_length)
{
    (void) v;
    return r->out_length >= 0 ? number(r, value, r->out_length) : WR_NOTFOUND;
}

GETTER(sent_modified)
{
    char *p;

    (void) v;
    if (r->last_modified < 0) {
        return WR_NOTFOUND;
    }
    p = wr_alloc_bytes(wr_pool(r), 30);
    return found(value, wr_str(p, wr_date_put(p, r->last_modified)));
}

GETTER(sent_connection)
{
    (void) v;
    if (r->status == 101) {
        return found(value, WR_STR("upgrade"));
    }
    return found(value, r->main->keepalive ? WR_STR("keep-alive")
                                           : WR_STR("close"));
}

GETTER(sent_keep_alive)
{
    const wr_http_core_t *core = wr_http_core(r);

    (void) v;
    if (!r->main->keepalive || core->keepalive_header == 0) {
        return WR_NOTFOUND;
    }
    return found(value, wr_pool_printf(wr_pool(r), "timeout=%" PRId64,
                                       core->keepalive_header));
}

GETTER(sent_transfer_encoding)
{
    (void) v;
    if (r->out_length >= 0 || r->version != WR_HTTP_11 || r->status < 200
        || r->status == 204 || r->status == 304
        || !wr_http_core(r)->chunked_transfer_encoding)
    {
        return WR_NOTFOUND;
    }
    return found(value, WR_STR("chunked"));
}
