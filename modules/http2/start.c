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

static bool
check_method(h2_stream_t *s)
{
    wr_req_t *r = s->r;
    bool      good = r->method_name.n != 0;

    for (size_t i = 0; i < r->method_name.n; i++) {
        char c = r->method_name.p[i];

        good &= (c >= 'A' && c <= 'Z') || c == '_' || c == '-';
    }
    if (!good) {
        h2_stream_reject(s, 400, "invalid method: \"%.*s\"", WR_ARG(r->method_name));
        return false;
    }
    r->method = wr_method_bit(r->method_name);
    if (r->method == WR_CONNECT || r->method == WR_TRACE) {
        h2_stream_reject(s, 405, "%.*s method", WR_ARG(r->method_name));
        return false;
    }
    return true;
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

static bool
check_path(h2_stream_t *s)
{
    wr_req_t *r = s->r;
    wr_uri_t  parts;
    bool      good = s->path.n != 0 && s->path.p[0] == '/' && !has_blanks(s->path);

    if (good) {
        r->raw_uri = s->path;
        good = wr_uri_normalise(wr_pool(r), s->path, wr_http_core(r)->merge_slashes, &parts)
               == WR_OK;
    }
    if (!good) {
        h2_stream_reject(s, 400, "invalid :path header: \"%.*s\"", WR_ARG(s->path));
        return false;
    }
    wr_req_take_uri(r, &parts);
    return true;
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

static void
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
        h2_stream_reject(s, 400, "several hosts");
        return;
    }
    if (h == NULL) {
        (void) wr_headers_add(&r->in, WR_H_HOST, WR_STR("Host"), host);
    }
    if (s->h2->authority.n != 0 && host.p == s->h2->authority.p) {
        r->host = s->h2->host;
        if (r->server != s->h2->server) {
            wr_req_use_server(r, s->h2->server);
        }
        return;
    }
    if (host.n == 0 || wr_host_normalise(wr_pool(r), host, &r->host, &port) != WR_OK) {
        h2_stream_reject(s, 400, "invalid host header");
        return;
    }
    wr_req_use_server(r, wr_server_find(s->h2->endpoint, r->host, r));
    keep_authority(s, host);
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
    bool      good = check_method(s);

    make_line(s);
    if (good && check_path(s)) {
        check_host(s);
    }
    set_length(s);
    r->keepalive = 1;
    s->started = true;
    r->log.action = NULL;
    if (s->reject != 0) {
        r->log.action = "while reading client request headers";
        wr_log(&r->log, WR_LOG_INFO, 0, "client sent %.*s", WR_ARG(s->why));
        r->log.action = NULL;
        wr_req_reject(r, s->reject);
        return;
    }
    wr_req_run(r);
}
