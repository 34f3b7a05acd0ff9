/*
 * HTTP/2: a request whose head is complete, and how it comes to run. What HTTP/1
 * would answer 400 or 405 is answered so here.
 */
#define _GNU_SOURCE
#include "h2.h"

#include <stdlib.h>
#include <weir/base/swar.h>
#include <weir/http/status.h>
#include <weir/http/uri.h>

enum { AUTHORITY_KEPT = 255 };

/* "GET /a HTTP/2.0"; the path becomes a part of it. */
static void
make_line(h2_stream_t *s)
{
    static const char tail[] = " HTTP/2.0";
    wr_req_t         *r = s->r;
    size_t            n = r->method_name.n + 1 + s->path.n + sizeof(tail) - 1;
    char             *p = wr_alloc_bytes(wr_pool(r), n);
    char             *to = p;

    if (r->method_name.n != 0) {
        to = mempcpy(to, r->method_name.p, r->method_name.n);
    }
    *to++ = ' ';
    if (s->path.n != 0) {
        to = mempcpy(to, s->path.p, s->path.n);
    }
    memcpy(to, tail, sizeof(tail) - 1);
    r->request_line = wr_str(p, n);
}

static unsigned
check_method(wr_req_t *r)
{
    for (size_t i = 0; i < r->method_name.n; i++) {
        char c = r->method_name.p[i];

        if (!((c >= 'A' && c <= 'Z') || c == '_' || c == '-')) {
            return 400;
        }
    }
    r->method = wr_method_bit(r->method_name);
    return r->method == WR_CONNECT || r->method == WR_TRACE ? 405
           : r->method_name.n == 0                          ? 400
                                                            : 0;
}

/* Spaces and control characters. */
static bool
has_blanks(wr_str_t s)
{
    size_t i = 0;

    for (; i + 8 <= s.n; i += 8) {
        uint64_t w = wr_swar_load(s.p + i);

        if ((wr_swar_below(w, ' ' + 1) | wr_swar_is(w, 0x7f)) != 0) {
            return true;
        }
    }
    for (; i < s.n; i++) {
        if ((unsigned char) s.p[i] <= ' ' || s.p[i] == 0x7f) {
            return true;
        }
    }
    return false;
}

static unsigned
check_path(h2_stream_t *s)
{
    wr_req_t *r = s->r;
    wr_uri_t  parts;

    if (s->path.n == 0 || s->path.p[0] != '/') {
        return 400;
    }
    if (has_blanks(s->path)) {
        return 400;
    }
    r->raw_uri = s->path;
    if (wr_uri_normalise(wr_pool(r), s->path, wr_http_core(r)->merge_slashes, &parts)
        != WR_OK)
    {
        return 400;
    }
    wr_req_take_uri(r, &parts);
    return 0;
}

/* The connection's first authority is looked up once: it is the others' as well, as
 * a rule. It stays as long as the connection, so requests may point to it. */
static void
keep_authority(h2_stream_t *s, wr_str_t host)
{
    h2_t *h2 = s->h2;
    char *p;

    if (h2->authority.n != 0 || host.n > AUTHORITY_KEPT || s->authority.n == 0
        || s->h2->endpoint->regexes.n != 0 || s->r->host.n > host.n)
    {
        return;
    }
    p = malloc(host.n + s->r->host.n);
    WR_ASSERT(p != NULL);
    memcpy(p, host.p, host.n);
    memcpy(p + host.n, s->r->host.p, s->r->host.n);
    h2->authority = wr_str(p, host.n);
    h2->host = wr_str(p + host.n, s->r->host.n);
    h2->server = s->r->server;
}

static unsigned
check_host(h2_stream_t *s)
{
    wr_req_t    *r = s->r;
    wr_header_t *h = wr_headers_first(&r->in, WR_H_HOST);
    wr_str_t     host = s->authority.n != 0 ? s->authority
                                            : h != NULL ? h->value : WR_STR_NONE;
    int          port;

    if (h != NULL && (wr_headers_next(&r->in, h) != NULL
                      || (s->authority.n != 0 && !wr_str_ieq(h->value, s->authority))))
    {
        return 400;
    }
    if (h == NULL) {
        (void) wr_headers_add(&r->in, WR_H_HOST, WR_STR("Host"), host);
    }
    if (s->h2->authority.n != 0 && host.p == s->h2->authority.p) {
        r->host = s->h2->host;
        if (r->server != s->h2->server) {
            wr_req_use_server(r, s->h2->server);
        }
        return 0;
    }
    if (host.n == 0 || wr_host_normalise(wr_pool(r), host, &r->host, &port) != WR_OK) {
        return 400;
    }
    wr_req_use_server(r, wr_server_find(s->h2->endpoint, r->host, r));
    keep_authority(s, host);
    return 0;
}

static void
set_length(h2_stream_t *s)
{
    wr_req_t    *r = s->r;
    wr_header_t *h = wr_headers_first(&r->in, WR_H_CONTENT_LENGTH);

    if (h == NULL) {
        r->chunked = !s->in_done;
    } else {
        (void) wr_parse_int(h->value, &r->content_length);
    }
}

void
h2_start(h2_stream_t *s)
{
    wr_req_t *r = s->r;
    unsigned  status = check_method(r);

    make_line(s);
    status = status != 0 ? status : check_path(s);
    status = status != 0 ? status : check_host(s);
    status = s->reject != 0 ? s->reject : status;
    set_length(s);
    r->keepalive = 1;
    s->started = true;
    r->log.action = NULL;
    if (status != 0) {
        r->log.action = "while reading client request headers";
        wr_log(&r->log, WR_LOG_INFO, 0, status == WR_STATUS_HEADER_TOO_LARGE
                                            ? "client sent too large request"
                                            : "client sent invalid request");
        r->log.action = NULL;
        wr_req_reject(r, status);
        return;
    }
    wr_req_run(r);
}
