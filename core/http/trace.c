/*
 * Trace context (https://www.w3.org/TR/trace-context/): version, trace, parent,
 * flags. A request is one span of the trace; whoever it asks sees it as parent.
 */
#include <weir/http/trace.h>

enum { TRACE = 3, PARENT = 36, FLAGS = 53, LENGTH = 55 };

static bool
is_zero(wr_str_t s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] != '0') {
            return false;
        }
    }
    return true;
}

/* "00-", 32 digits, "-", 16 digits, "-", 2 digits; later versions may have more. */
static bool
is_valid(wr_str_t s)
{
    if (s.n < LENGTH || (s.n > LENGTH && (s.p[LENGTH] != '-' || wr_str_starts(s, WR_STR("00"))))) {
        return false;
    }
    for (size_t i = 0; i < LENGTH; i++) {
        bool dash = i == TRACE - 1 || i == PARENT - 1 || i == FLAGS - 1;

        if (dash ? s.p[i] != '-' : wr_hex_digit(s.p[i]) < 0 || s.p[i] != wr_lower(s.p[i])) {
            return false;
        }
    }
    return !wr_str_starts(s, WR_STR("ff")) && !is_zero(wr_str_sub(s, TRACE, PARENT - 1))
           && !is_zero(wr_str_sub(s, PARENT, FLAGS - 1));
}

static wr_str_t
make(wr_req_t *r, wr_str_t trace, wr_str_t flags)
{
    wr_str_t id = wr_req_id(r->main);

    return wr_pool_printf(wr_pool(r), "00-%.*s-%.16s-%.*s", WR_ARG(trace), id.p + 16,
                          WR_ARG(flags));
}

bool
wr_trace_parent(wr_req_t *r, wr_str_t *out)
{
    wr_str_t given = wr_req_header(r->main, WR_H_TRACEPARENT);

    if (!is_valid(given)) {
        return false;
    }
    *out = make(r, wr_str_sub(given, TRACE, PARENT - 1), wr_str_sub(given, FLAGS, LENGTH));
    return true;
}

wr_str_t
wr_trace_own(wr_req_t *r)
{
    wr_str_t out;

    return wr_trace_parent(r, &out) ? out : make(r, wr_req_id(r->main), WR_STR("01"));
}
