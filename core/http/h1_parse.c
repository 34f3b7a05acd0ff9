/*
 * HTTP/1.x heads: lines are parsed as they arrive, each byte is looked at once.
 *
 * Header texts are views of the read buffers. When a line does not fit, it moves
 * to a new, larger buffer; older buffers stay until the request ends. Whatever
 * another server might read differently (CL with TE, repeated lengths, spaces in
 * names, folded lines, bare CR, NUL) is refused.
 */
#include <weir/http/h1_priv.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <weir/http/status.h>
#include <weir/http/uri.h>

enum { SHOWN = 1748 };          /* bytes of a line in the log */

static WR_PRINTF(3, 4) wr_rc_t
reject(wr_h1_t *h, unsigned status, const char *format, ...)
{
    wr_req_t *r = h->req;
    char      why[SHOWN + 128];
    va_list   args;

    if (r->log.level >= WR_LOG_INFO) {
        va_start(args, format);
        vsnprintf(why, sizeof(why), format, args);
        va_end(args);
        wr_log(&r->log, WR_LOG_INFO, 0, "client sent %s", why);
    }
    r->log.action = NULL;
    if (r->version == 0) {
        r->version = WR_HTTP_10;
    }
    h->state = H1_RUN;
    wr_req_reject(r, status);
    return WR_DONE;
}

/* ---- the request line ---- */

static bool
is_method_char(char c)
{
    return (c >= 'A' && c <= 'Z') || c == '_' || c == '-';
}

/* "HTTP/1.1": the version, 0 if it is none, -1 if it is one we do not speak. */
static int
parse_version(wr_str_t v)
{
    size_t i = 5;
    int    major = 0, minor = 0, digits = 0;

    if (!wr_str_starts(v, WR_STR("HTTP/")) || v.n < 8 || !wr_is_digit(v.p[5])
        || v.p[5] == '0')
    {
        return 0;
    }
    for (; i < v.n && wr_is_digit(v.p[i]); i++) {
        major = major * 10 + (v.p[i] - '0');
        if (major > 99) {
            return 0;
        }
    }
    if (major > 1) {
        return -1;
    }
    if (i == v.n || v.p[i++] != '.') {
        return 0;
    }
    for (; i < v.n && wr_is_digit(v.p[i]); i++, digits++) {
        minor = minor * 10 + (v.p[i] - '0');
        if (minor > 99) {
            return 0;
        }
    }
    while (i < v.n && v.p[i] == ' ') {
        i++;
    }
    return digits != 0 && i == v.n ? major * 1000 + minor : 0;
}

/* "http://host:80/path": leaves the path in *uri. */
static bool
cut_absolute(wr_h1_req_t *hr, wr_pool_t *pool, wr_str_t *uri)
{
    size_t i = 0, start;

    while (i < uri->n && (wr_is_alpha(uri->p[i]) || (i != 0 && (wr_is_digit(uri->p[i])
           || uri->p[i] == '+' || uri->p[i] == '-' || uri->p[i] == '.'))))
    {
        i++;
    }
    if (i == 0 || !wr_str_starts(wr_str_skip(*uri, i), WR_STR("://"))) {
        return false;
    }
    start = i + 3;
    for (i = start; i < uri->n && uri->p[i] != '/' && uri->p[i] != '?' && uri->p[i] != '#';
         i++)
    {
        if (uri->p[i] == '@') {
            return false;
        }
    }
    if (i == start) {
        return false;
    }
    hr->host_in_uri = wr_str(uri->p + start, i - start);
    *uri = wr_str_skip(*uri, i);
    if (uri->n == 0) {
        *uri = WR_STR("/");
    } else if (uri->p[0] != '/') {
        *uri = wr_pool_join(pool, WR_STR("/"), *uri);
    }
    return true;
}

static wr_rc_t
parse_line(wr_h1_t *h, wr_str_t line)
{
    wr_req_t             *r = h->req;
    const wr_http_core_t *core = wr_http_core(r);
    wr_str_t              uri;
    wr_uri_t              parts;
    size_t                i = 0, start;
    int                   version = WR_HTTP_09;

    r->request_line = line;
    while (i < line.n && is_method_char(line.p[i])) {
        i++;
    }
    if (i == 0 || i == line.n || line.p[i] != ' ') {
        return reject(h, 400, "invalid method");
    }
    r->method_name = wr_str(line.p, i);
    r->method = wr_method_bit(r->method_name);
    while (i < line.n && line.p[i] == ' ') {
        i++;
    }
    start = i;
    i += wr_str_visible(wr_str_skip(line, i));
    if (i < line.n && line.p[i] != ' ') {
        return reject(h, 400, "invalid request");
    }
    uri = wr_str(line.p + start, i - start);
    while (i < line.n && line.p[i] == ' ') {
        i++;
    }
    if (i < line.n) {
        version = parse_version(wr_str_skip(line, i));
        if (version == 0) {
            return reject(h, 400, "invalid request");
        }
        if (version < 0) {
            r->version = WR_HTTP_11;
            return reject(h, 505, "invalid version");
        }
    } else if (r->method != WR_GET) {
        return reject(h, 400, "invalid method in HTTP/0.9 request");
    }
    r->version = (uint32_t) version;
    if (uri.n == 0) {
        return reject(h, 400, "invalid request");
    }
    if (uri.p[0] != '/' && !cut_absolute(h->hr, wr_pool(r), &uri)) {
        if (r->method == WR_CONNECT) {
            return reject(h, 405, "CONNECT method");
        }
        return reject(h, 400, "invalid request");
    }
    r->raw_uri = uri;
    if (wr_uri_normalise(wr_pool(r), uri, core->merge_slashes, &parts) != WR_OK) {
        r->uri = WR_STR_NONE;
        return reject(h, 400, "invalid request");
    }
    wr_req_take_uri(r, &parts);
    return WR_OK;
}

/* ---- fields ---- */

typedef enum { NAME_OK, NAME_ODD, NAME_BAD } name_t;

/* What a byte makes of a name, as bits: of all bytes together the worst counts. */
enum { BYTE_ODD = 1, BYTE_UNDERSCORE = 2, BYTE_BAD = 4 };

static const uint8_t name_bytes[256] = {
    [0 ... ' '] = BYTE_BAD, ['!' ... ','] = BYTE_ODD, ['.' ... '/'] = BYTE_ODD,
    [':' ... '@'] = BYTE_ODD, ['[' ... '^'] = BYTE_ODD, ['_'] = BYTE_UNDERSCORE,
    ['`'] = BYTE_ODD, ['{' ... '~'] = BYTE_ODD, [0x7f] = BYTE_BAD,
    [0x80 ... 0xff] = BYTE_ODD,
};

static name_t
check_name(wr_str_t name, bool underscores)
{
    unsigned all = 0;

    for (size_t i = 0; i < name.n; i++) {
        all |= name_bytes[(unsigned char) name.p[i]];
    }
    if (name.n == 0 || (all & BYTE_BAD) != 0) {
        return NAME_BAD;
    }
    return (all & BYTE_ODD) != 0 || ((all & BYTE_UNDERSCORE) != 0 && !underscores)
               ? NAME_ODD
               : NAME_OK;
}

/* Fields that may stand once only. */
static bool
is_unique(wr_hid_t id)
{
    switch (id) {
    case WR_H_HOST:
    case WR_H_CONTENT_LENGTH:
    case WR_H_TRANSFER_ENCODING:
    case WR_H_CONTENT_TYPE:
    case WR_H_USER_AGENT:
    case WR_H_REFERER:
    case WR_H_AUTHORIZATION:
    case WR_H_IF_MODIFIED_SINCE:
    case WR_H_IF_UNMODIFIED_SINCE:
    case WR_H_IF_MATCH:
    case WR_H_IF_NONE_MATCH:
    case WR_H_IF_RANGE:
    case WR_H_EXPECT:
    case WR_H_UPGRADE:
    case WR_H_KEEP_ALIVE:
    case WR_H_X_REAL_IP:
    case WR_H_DEPTH:
    case WR_H_DESTINATION:
    case WR_H_OVERWRITE:
    case WR_H_DATE:
        return true;
    default:
        return false;
    }
}

/* As much of a text as is shown beside others. */
#define SHORT(s) (int) wr_min_size((s).n, SHOWN / 4), (s).p

/* Shows it up to the byte that is wrong. */
static wr_rc_t
bad_line(wr_h1_t *h, wr_str_t line, size_t name_n)
{
    size_t i = 0;

    while (i < line.n
           && (i < name_n ? (name_bytes[(unsigned char) line.p[i]] & BYTE_BAD) == 0
                          : name_n != 0 && line.p[i] != '\0' && line.p[i] != '\r'))
    {
        i++;
    }
    return i < line.n ? reject(h, 400, "invalid header line: \"%.*s\\x%02x...\"",
                               (int) wr_min_size(i, SHOWN), line.p, (unsigned char) line.p[i])
                      : reject(h, 400, "invalid header line: \"%.*s\"",
                               (int) wr_min_size(line.n, SHOWN), line.p);
}

static wr_rc_t
parse_field(wr_h1_t *h, wr_str_t line)
{
    wr_req_t             *r = h->req;
    const wr_http_core_t *core = wr_http_core(r);
    ssize_t               colon = wr_str_chr(line, ':');
    wr_str_t              name, value;
    wr_hid_t              id;

    name = colon >= 0 ? wr_str(line.p, (size_t) colon) : line;
    switch (check_name(name, core->underscores_in_headers)) {
    case NAME_BAD:
        return bad_line(h, line, (size_t) (name.p + name.n - line.p));
    case NAME_ODD:
        if (core->ignore_invalid_headers || colon < 0) {
            wr_log(&r->log, WR_LOG_INFO, 0, "client sent invalid header line: \"%.*s\"",
                   WR_ARG(line));
            return WR_OK;
        }
        break;
    case NAME_OK:
        break;
    }
    if (colon < 0) {
        /* A name alone: nginx takes it for one with an empty value. */
        value = WR_STR("");
    } else {
        value = wr_str_skip(line, (size_t) colon + 1);
        while (value.n != 0 && value.p[0] == ' ') {
            value = wr_str_skip(value, 1);
        }
        while (value.n != 0 && value.p[value.n - 1] == ' ') {
            value.n--;
        }
    }
    if (++h->hr->nheaders > core->max_headers) {
        return reject(h, WR_STATUS_HEADER_TOO_LARGE, "too many header lines");
    }
    id = wr_header_id(name);
    if (is_unique(id) && wr_headers_first(&r->in, id) != NULL) {
        const wr_header_t *former = wr_headers_first(&r->in, id);

        return reject(h, 400, "duplicate %s: \"%.*s: %.*s\", previous value: \"%.*s: %.*s\"",
                      id == WR_H_HOST ? "host header" : "header line", SHORT(name), SHORT(value),
                      SHORT(former->name), SHORT(former->value));
    }
    (void) wr_headers_add(&r->in, id, name, value);
    return WR_OK;
}

/* ---- what the head as a whole says ---- */

static wr_rc_t
check_host(wr_h1_t *h)
{
    wr_req_t    *r = h->req;
    wr_header_t *field = wr_headers_first(&r->in, WR_H_HOST);
    int          port;

    if (field != NULL && field->value.n != 0
        && wr_host_normalise(wr_pool(r), field->value, &r->host, &port) != WR_OK)
    {
        return reject(h, 400, "invalid host header");
    }
    if (field != NULL && field->value.n == 0 && h->hr->host_in_uri.n == 0)
    {
        return reject(h, 400, "invalid host header");
    }
    if (field == NULL && r->version >= WR_HTTP_11) {
        return reject(h, 400, "HTTP/1.1 request without \"Host\" header");
    }
    if (h->hr->host_in_uri.n != 0
        && wr_host_normalise(wr_pool(r), h->hr->host_in_uri, &r->host, &port) != WR_OK)
    {
        return reject(h, 400, "invalid host in request line");
    }
    wr_req_use_server(r, wr_server_find(h->endpoint, r->host, r));
    return WR_OK;
}

static wr_rc_t
check_framing(wr_h1_t *h)
{
    wr_req_t    *r = h->req;
    wr_header_t *length = wr_headers_first(&r->in, WR_H_CONTENT_LENGTH);
    wr_header_t *te = wr_headers_first(&r->in, WR_H_TRANSFER_ENCODING);

    if (length != NULL) {
        int64_t n;

        if (!wr_parse_int(length->value, &n)) {
            return reject(h, 400, "invalid \"Content-Length\" header");
        }
        r->content_length = n;
    }
    if (te != NULL) {
        if (r->version < WR_HTTP_11) {
            return reject(h, 400, "HTTP/1.0 request with "
                                  "\"Transfer-Encoding\" header");
        }
        if (length != NULL) {
            return reject(h, 400, "\"Content-Length\" and "
                                  "\"Transfer-Encoding\" headers at the same time");
        }
        if (!wr_str_ieqz(te->value, "chunked")) {
            return reject(h, 501, "unknown \"Transfer-Encoding\": \"%.*s\"", SHORT(te->value));
        }
        r->chunked = true;
        r->content_length = -1;
    }
    h->hr->left = r->chunked ? 0 : r->content_length;
    h->hr->body_done = !r->chunked && r->content_length <= 0;
    if (r->method == WR_TRACE) {
        return reject(h, 405, "TRACE method");
    }
    if (r->method == WR_CONNECT) {
        return reject(h, 405, "CONNECT method");
    }
    return WR_OK;
}

/* Browsers that cannot do it, as keepalive_disable says. */
static bool
keepalive_disabled(const wr_req_t *r, unsigned mask)
{
    wr_str_t agent = wr_req_header(r, WR_H_USER_AGENT);
    ssize_t  msie = wr_str_find(agent, WR_STR("MSIE "));

    if ((mask & 2) != 0 && r->method == WR_POST && msie >= 0 && (size_t) msie + 6 < agent.n
        && agent.p[msie + 5] <= '6' && agent.p[msie + 6] == '.'
        && wr_str_find(agent, WR_STR("SV1")) < 0 && wr_str_find(agent, WR_STR("Opera")) < 0)
    {
        return true;
    }
    return (mask & 4) != 0 && wr_str_find(agent, WR_STR("Safari/")) >= 0
           && wr_str_find(agent, WR_STR("Mac OS X")) >= 0
           && wr_str_find(agent, WR_STR("Chrome")) < 0;
}

static void
choose_keepalive(wr_h1_t *h)
{
    wr_req_t             *r = h->req;
    const wr_http_core_t *core = wr_http_core(r);
    wr_header_t          *c = wr_headers_first(&r->in, WR_H_CONNECTION);

    r->keepalive = r->version >= WR_HTTP_11;
    for (; c != NULL; c = wr_headers_next(&r->in, c)) {
        if (wr_str_ifind(c->value, WR_STR("close")) >= 0) {
            r->keepalive = 0;
            break;
        }
        if (wr_str_ifind(c->value, WR_STR("keep-alive")) >= 0) {
            r->keepalive = 1;
        }
    }
    if (r->keepalive && keepalive_disabled(r, core->keepalive_disable)) {
        r->keepalive = 0;
    }
}

static wr_rc_t
check_tls(wr_h1_t *h)
{
    return h->endpoint->ssl && h->conn.tls == NULL
               ? reject(h, WR_STATUS_TO_HTTPS, "plain HTTP request to HTTPS port") : WR_OK;
}

static wr_rc_t
head_complete(wr_h1_t *h)
{
    if (check_host(h) != WR_OK || check_framing(h) != WR_OK || check_tls(h) != WR_OK) {
        return WR_DONE;
    }
    choose_keepalive(h);
    h->req->log.action = NULL;
    h->state = H1_RUN;
    return WR_OK;
}

/* HTTP/0.9: a line is all. */
static wr_rc_t
line_complete(wr_h1_t *h)
{
    h->hr->body_done = true;
    wr_req_use_server(h->req, wr_server_find(h->endpoint, h->req->host, h->req));
    if (check_tls(h) != WR_OK) {
        return WR_DONE;
    }
    h->req->log.action = NULL;
    h->state = H1_RUN;
    return WR_OK;
}

/* ---- lines out of buffers ---- */

static void
free_buffer(void *p)
{
    free(p);
}

/* The line at pos does not fit: it moves to a large buffer. */
static wr_rc_t
grow(wr_h1_t *h)
{
    wr_req_t        *r = h->req;
    const wr_bufs_t *large = &wr_http_core(r)->large_client_header_buffers;
    uint32_t         part = h->end - h->pos;
    char            *buf;

    if (part >= large->size) {
        r->request_line = h->hr->have_line ? r->request_line : wr_str(h->buf + h->pos, part);
        return h->hr->have_line
                   ? reject(h, WR_STATUS_HEADER_TOO_LARGE, "too long header line: \"%.*s...\"",
                            (int) wr_min_size(part, SHOWN), h->buf + h->pos)
                   : reject(h, 414, "too long URI");
    }
    if (h->hr->large >= large->n) {
        return reject(h, WR_STATUS_HEADER_TOO_LARGE, "too large request");
    }
    h->hr->large++;
    buf = malloc(large->size);
    WR_ASSERT(buf != NULL);
    memcpy(buf, h->buf + h->pos, part);
    /* What was parsed points into the old one. */
    wr_pool_on_free(wr_pool(r), free_buffer, h->buf);
    h->buf = buf;
    h->cap = (uint32_t) large->size;
    h->hr->scan -= h->pos;
    h->pos = 0;
    h->end = part;
    return WR_OK;
}

static wr_rc_t
take_line(wr_h1_t *h, wr_str_t line)
{
    wr_h1_req_t *hr = h->hr;

    if (line.n != 0 && line.p[line.n - 1] == '\r') {
        line.n--;
    }
    if (!hr->have_line) {
        if (line.n == 0) {
            return WR_OK;       /* empty lines before a request are skipped */
        }
        hr->have_line = true;
        h->req->log.action = wr_h1_reads_line(h->req);
        if (wr_str_has_nul_or_cr(line)) {
            h->req->request_line = line;
            return reject(h, 400, "invalid request");
        }
        if (parse_line(h, line) != WR_OK) {
            return WR_DONE;
        }
        if (h->req->version < WR_HTTP_10) {
            return line_complete(h) == WR_OK ? WR_DECLINED : WR_DONE;
        }
        h->req->log.action = "while reading client request headers";
        return WR_OK;
    }
    if (line.n == 0) {
        return head_complete(h) == WR_OK ? WR_DECLINED : WR_DONE;
    }
    if (wr_str_has_nul_or_cr(line)) {
        ssize_t colon = wr_str_chr(line, ':');

        return bad_line(h, line, colon >= 0 ? (size_t) colon : line.n);
    }
    return parse_field(h, line);
}

/* Whether what is there of the first line can become one: a TLS client on a plain
 * port should not have to wait for the time-out. */
static bool
may_be_request(const wr_h1_t *h)
{
    uint32_t i = h->pos;

    while (i < h->end && (h->buf[i] == '\r' || h->buf[i] == '\n')) {
        i++;
    }
    while (i < h->end && is_method_char(h->buf[i])) {
        i++;
    }
    return i == h->end || h->buf[i] == ' ';
}

wr_rc_t
wr_h1_parse(wr_h1_t *h)
{
    wr_h1_req_t *hr = h->hr;
    char        *nl;

    for (;;) {
        wr_rc_t rc;
        size_t  start = h->pos;

        nl = memchr(h->buf + hr->scan, '\n', h->end - hr->scan);
        if (nl == NULL) {
            break;
        }
        h->pos = (uint32_t) (nl - h->buf) + 1;
        hr->scan = h->pos;
        h->req->request_length += (int64_t) (h->pos - start);
        rc = take_line(h, wr_str(h->buf + start, (size_t) (nl - h->buf) - start));
        if (rc == WR_DECLINED) {
            return WR_OK;
        }
        if (rc != WR_OK) {
            return rc;
        }
    }
    hr->scan = h->end;
    if (!hr->have_line && !may_be_request(h)) {
        h->req->log.action = wr_h1_reads_line(h->req);
        h->req->request_line = wr_str(h->buf + h->pos, h->end - h->pos);
        return reject(h, 400, "invalid method");
    }
    if (h->end == h->cap) {
        wr_rc_t rc = grow(h);

        if (rc != WR_OK) {
            return rc;
        }
    }
    return WR_AGAIN;
}
