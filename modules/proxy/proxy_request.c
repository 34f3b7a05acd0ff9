/*
 * proxy: the request as the other server gets it.
 *
 * The client's framing never goes on: hop-by-hop fields are left out and the body
 * is framed anew, so no request can be smuggled through.
 */
#include "proxy.h"

#include <weir/http/trace.h>
#include <weir/process/cycle.h>

bool
proxy_parse_url(wr_str_t url, proxy_target_t *t)
{
    wr_str_t rest;
    size_t   end;

    if (wr_str_istarts(url, WR_STR("http://"))) {
        t->scheme = WR_STR("http://");
    } else if (wr_str_istarts(url, WR_STR("https://"))) {
        t->scheme = WR_STR("https://");
        t->tls = true;
    } else {
        return false;
    }
    rest = wr_str_skip(url, t->scheme.n);
    if (rest.n == 0) {
        return false;
    }
    if (wr_str_starts(rest, WR_STR("unix:"))) {
        ssize_t colon = wr_str_chr(wr_str_skip(rest, 5), ':');

        end = colon >= 0 ? (size_t) colon + 5 : rest.n;
        t->host = wr_str(rest.p, end);
        t->name = WR_STR("localhost");
        t->uri = colon >= 0 ? wr_str_skip(rest, end + 1) : WR_STR("");
        t->port = WR_STR("");
    } else {
        ssize_t colon;

        for (end = 0; end < rest.n && rest.p[end] != '/' && rest.p[end] != '?'; end++) {
        }
        t->host = t->name = wr_str(rest.p, end);
        t->uri = wr_str_skip(rest, end);
        colon = wr_str_rchr(t->host, ':');
        if (colon >= 0 && t->host.p[t->host.n - 1] != ']') {
            t->port = wr_str_skip(t->host, (size_t) colon + 1);
        } else {
            t->port = t->tls ? WR_STR("443") : WR_STR("80");
        }
    }
    t->has_uri = t->uri.n != 0;
    return true;
}

/* ---- the URI ---- */

/* Of a path that came without escapes none is needed. */
static wr_str_t
escaped(wr_req_t *r, wr_str_t path)
{
    return r->quoted_uri || r->internal || !r->valid_uri
               ? wr_uri_escape(wr_pool(r), path, WR_ESC_URI) : path;
}

static void
put_uri(wr_req_t *r, const proxy_t *p, wr_buf_t *b)
{
    const proxy_target_t *t = p->target;

    if (t == &p->own && t->has_uri) {
        if (t->uri.p[0] == '?') {
            wr_buf_char(b, '/');
        }
        wr_buf_str(b, t->uri);
        return;
    }
    if (!t->has_uri && r->valid_uri && r == r->main) {
        wr_buf_str(b, r->raw_uri);
        return;
    }
    if (t->has_uri && !r->left_location) {
        if (t->uri.p[0] == '?') {
            wr_buf_char(b, '/');
        }
        wr_buf_str(b, t->uri);
        /* A route is the whole path. */
        if (r->location->kind != WR_LOC_ROUTE) {
            wr_buf_str(b, escaped(r, wr_str_skip(r->uri, t->location.n)));
        }
    } else {
        wr_buf_str(b, escaped(r, r->uri));
    }
    if (r->args.n != 0) {
        wr_buf_char(b, '?');
        wr_buf_str(b, r->args);
    }
}

/* ---- fields ---- */

/* Never passed on: they speak of the connection to us. */
static bool
is_hop_by_hop(wr_hid_t id)
{
    switch (id) {
    case WR_H_CONNECTION:
    case WR_H_KEEP_ALIVE:
    case WR_H_PROXY_CONNECTION:
    case WR_H_TE:
    case WR_H_TRANSFER_ENCODING:
    case WR_H_CONTENT_LENGTH:
    case WR_H_UPGRADE:
    case WR_H_EXPECT:
    case WR_H_HOST:
        return true;
    default:
        return false;
    }
}

static bool
is_set_here(const proxy_conf_t *conf, wr_str_t name)
{
    for (WR_EACH(wr_pair_t, pair, &conf->set_headers)) {
        if (wr_str_ieq(pair->name, name)) {
            return true;
        }
    }
    return false;
}

static void
put_field(wr_buf_t *b, wr_str_t name, wr_str_t value)
{
    wr_buf_str(b, name);
    wr_buf_lit(b, ": ");
    wr_buf_str(b, value);
    wr_buf_lit(b, "\r\n");
}

static wr_rc_t
put_set_headers(wr_req_t *r, proxy_t *p, wr_buf_t *b)
{
    for (WR_EACH(wr_pair_t, pair, &p->conf->set_headers)) {
        wr_str_t value;

        if (wr_cv_eval(r, &pair->value, &value) != WR_OK) {
            return WR_ERROR;
        }
        if (value.n == 0) {
            continue;
        }
        if (!wr_is_field_value(value)) {
            wr_log(&r->log, WR_LOG_ERR, 0, "the value of \"%.*s\" has a line end in it: "
                   "not passed on", WR_ARG(pair->name));
            continue;
        }
        if (wr_str_ieqz(pair->name, "Content-Length")
            || wr_str_ieqz(pair->name, "Transfer-Encoding"))
        {
            continue;           /* the framing is ours */
        }
        if (wr_str_ieqz(pair->name, "Connection")) {
            p->asks_close = wr_field_has(value, WR_STR("close"));
        }
        put_field(b, pair->name, value);
    }
    return WR_OK;
}

static void
put_length(wr_req_t *r, const proxy_t *p, wr_buf_t *b, int64_t set_length)
{
    int64_t length;

    if (p->internal_chunked) {
        wr_buf_lit(b, "Transfer-Encoding: chunked\r\n");
        return;
    }
    if (p->conf->set_body.given) {
        length = set_length;
    } else if (p->body_streamed) {
        length = r->content_length;
    } else if (p->body != NULL || (p->conf->pass_body && wr_has_body(r))) {
        length = (int64_t) wr_segs_size(p->body);
    } else if (p->conf->pass_body && !r->no_body
               && wr_headers_first(&r->in, WR_H_CONTENT_LENGTH) != NULL)
    {
        length = 0;
    } else {
        return;
    }
    wr_buf_lit(b, "Content-Length: ");
    wr_buf_int(b, length);
    wr_buf_lit(b, "\r\n");
}

/* A trace goes on with this request as the parent. */
static wr_str_t
passed_value(wr_req_t *r, const wr_header_t *h)
{
    wr_str_t trace;

    return h->id == WR_H_TRACEPARENT && wr_trace_parent(r, &trace) ? trace : h->value;
}

wr_rc_t
proxy_make_request(wr_req_t *r, proxy_t *p)
{
    const proxy_conf_t *conf = p->conf;
    wr_buf_t            b = wr_buf(wr_pool(r));
    wr_str_t            method = r->method_name, set_body = WR_STR_NONE;
    size_t              uri_at;

    wr_buf_reserve(&b, 512);
    if (conf->method.given) {
        if (wr_cv_eval(r, &conf->method, &method) != WR_OK || !wr_is_token(method)) {
            return WR_ERROR;
        }
    }
    if (conf->set_body.given) {
        if (wr_cv_eval(r, &conf->set_body, &set_body) != WR_OK) {
            return WR_ERROR;
        }
        p->body = set_body.n != 0 ? wr_seg_mem(r, set_body.p, set_body.n, 0) : NULL;
    }
    p->asks_head = wr_str_ieqz(method, "HEAD");
    wr_buf_str(&b, method);
    wr_buf_char(&b, ' ');
    uri_at = b.n;
    put_uri(r, p, &b);
    p->uri = wr_pool_str(wr_pool(r), wr_str(b.p + uri_at, b.n - uri_at));
    wr_ustates(r)->uri = p->uri;
    wr_buf_z(&b, conf->http_version == 11 ? " HTTP/1.1\r\n" : " HTTP/1.0\r\n");
    p->asks_close = conf->http_version == 10;
    if (put_set_headers(r, p, &b) != WR_OK) {
        return WR_ERROR;
    }
    if (!is_set_here(conf, WR_STR("Host"))) {
        put_field(&b, WR_STR("Host"), p->target->name);
    }
    if (conf->http_version == 10 && !is_set_here(conf, WR_STR("Connection"))) {
        wr_buf_lit(&b, "Connection: close\r\n");
    }
    put_length(r, p, &b, (int64_t) set_body.n);
    if (conf->pass_headers) {
        for (WR_EACH_HEADER(h, &r->in)) {
            if (!is_hop_by_hop((wr_hid_t) h->id) && !is_set_here(conf, h->name)) {
                put_field(&b, h->name, passed_value(r, h));
            }
        }
    }
    wr_buf_lit(&b, "\r\n");
    p->head = wr_buf_text(&b);
    return WR_OK;
}

wr_seg_t *
proxy_frame_body(wr_req_t *r, const proxy_t *p, wr_seg_t *segs, bool last)
{
    size_t    n = wr_segs_size(segs);
    wr_seg_t *head;
    wr_str_t  text;

    if (!p->internal_chunked) {
        return segs;
    }
    head = NULL;
    if (n != 0) {
        text = wr_pool_printf(wr_pool(r), "%zx\r\n", n);
        head = wr_seg_mem(r, text.p, text.n, 0);
        head->next = segs;
    }
    text = n != 0 ? (last ? WR_STR("\r\n0\r\n\r\n") : WR_STR("\r\n"))
                  : (last ? WR_STR("0\r\n\r\n") : WR_STR(""));
    if (text.n != 0) {
        *wr_segs_tail(&head) = wr_seg_mem(r, text.p, text.n, 0);
    }
    return head;
}
