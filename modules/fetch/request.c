/*
 * fetch: what is sent: the head, with what a client of HTTP says unless the conf
 * says otherwise, and the body.
 */
#include "fetch.h"

#include <weir/http/trace.h>
#include <weir_config.h>

static const wr_header_t *
given(const fetch_t *f, const char *name)
{
    for (unsigned i = 0; i < f->nheaders; i++) {
        if (wr_str_ieqz(f->headers[i].name, name)) {
            return &f->headers[i];
        }
    }
    return NULL;
}

/* What was meant for one site is not sent to another; what described a body does
 * not stay without it. */
static bool
is_sent(const fetch_t *f, const wr_header_t *h)
{
    if (f->foreign
        && (h->id == WR_H_AUTHORIZATION || h->id == WR_H_COOKIE || h->id == WR_H_HOST
            || wr_str_ieqz(h->name, "Proxy-Authorization")))
    {
        return false;
    }
    return !f->bare || !wr_str_istarts(h->name, WR_STR("Content-"));
}

static void
put(wr_buf_t *b, const char *name, wr_str_t value)
{
    wr_buf_z(b, name);
    wr_buf_lit(b, ": ");
    wr_buf_str(b, value);
    wr_buf_lit(b, "\r\n");
}

static void
put_default(const fetch_t *f, wr_buf_t *b, const char *name, wr_str_t value)
{
    if (given(f, name) == NULL) {
        put(b, name, value);
    }
}

static void
put_framing(const fetch_t *f, wr_buf_t *b)
{
    if (f->body.p != NULL) {
        put_default(f, b, "Content-Type", WR_STR("text/plain; charset=utf-8"));
    } else if (!wr_str_eqz(f->method, "POST") && !wr_str_eqz(f->method, "PUT")
               && !wr_str_eqz(f->method, "PATCH"))
    {
        return;
    }
    wr_buf_lit(b, "Content-Length: ");
    wr_buf_uint(b, f->body.n);
    wr_buf_lit(b, "\r\n");
}

wr_str_t
fetch_request(fetch_t *f)
{
    wr_buf_t b = wr_buf(wr_pool(f->r));
    wr_str_t trace;

    wr_buf_reserve(&b, 512);
    wr_buf_str(&b, f->method);
    wr_buf_char(&b, ' ');
    wr_buf_str(&b, f->url.target);
    wr_buf_lit(&b, " HTTP/1.1\r\n");
    if (f->foreign || given(f, "Host") == NULL) {
        put(&b, "Host", f->url.authority);
    }
    put_default(f, &b, "Accept", WR_STR("*/*"));
    put_default(f, &b, "Accept-Encoding", WR_STR("gzip, deflate"));
    put_default(f, &b, "User-Agent", WR_STR("weir/" WR_VERSION));
    if (given(f, "traceparent") == NULL && wr_trace_parent(f->r, &trace)) {
        wr_str_t state = wr_req_header_z(f->r->main, "tracestate");

        put(&b, "traceparent", trace);
        if (state.n != 0) {
            put(&b, "tracestate", state);
        }
    }
    for (unsigned i = 0; i < f->nheaders; i++) {
        const wr_header_t *h = &f->headers[i];

        if (is_sent(f, h)) {
            wr_buf_str(&b, h->name);
            wr_buf_lit(&b, ": ");
            wr_buf_str(&b, h->value);
            wr_buf_lit(&b, "\r\n");
        }
    }
    put_framing(f, &b);
    wr_buf_lit(&b, "\r\n");
    wr_buf_str(&b, f->body);
    return wr_buf_text(&b);
}
