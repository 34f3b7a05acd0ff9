/*
 * The table of HTTP's variables, and the getters that speak of the request. Those
 * of the connection and of the answer are in variables_conn.c and
 * variables_out.c. A getter makes its text in the request's pool or gives a view
 * of what the request holds.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <weir/base/base64.h>
#include <weir/http/trace.h>
#include <weir/http/variables.h>
#include <weir/http/variables_priv.h>
#undef WR_CONF_PATH         /* a row of tables; not needed here */
#include <weir_config.h>

static wr_rc_t
found(wr_str_t *value, wr_str_t text)
{
    *value = text;
    return WR_OK;
}

/* data: offset of a wr_str_t in wr_req_t. Without a pointer it was never set, which
 * a log shows as "-". */
static wr_rc_t
get_field(wr_req_t *r, const wr_var_t *v, wr_str_t *value)
{
    *value = *(const wr_str_t *) ((const char *) r + v->data);
    return value->p != NULL ? WR_OK : WR_NOTFOUND;
}

/* The same of the main request. */
static wr_rc_t
get_main_field(wr_req_t *r, const wr_var_t *v, wr_str_t *value)
{
    return get_field(r->main, v, value);
}

/* Without arguments it is not found: a log shows "-". */
static wr_rc_t
get_args(wr_req_t *r, const wr_var_t *v, wr_str_t *value)
{
    (void) v;
    *value = r->args;
    return r->args.n != 0 ? WR_OK : WR_NOTFOUND;
}

static void
put_args(wr_req_t *r, const wr_var_t *v, wr_str_t value)
{
    (void) v;
    r->args = value;
    r->valid_uri = 0;
}

static wr_rc_t
get_is_args(wr_req_t *r, const wr_var_t *v, wr_str_t *value)
{
    (void) v;
    return found(value, r->args.n != 0 ? WR_STR("?") : WR_STR(""));
}

static wr_rc_t
get_pipe(wr_req_t *r, const wr_var_t *v, wr_str_t *value)
{
    (void) v;
    return found(value, r->main->pipelined ? WR_STR("p") : WR_STR("."));
}

/* data: bytes of the prefix */
static wr_rc_t
get_arg(wr_req_t *r, const wr_var_t *v, wr_str_t *value)
{
    return wr_arg(r, wr_str_skip(v->name, v->data), value) ? WR_OK : WR_NOTFOUND;
}

static wr_rc_t
get_cookie(wr_req_t *r, const wr_var_t *v, wr_str_t *value)
{
    return wr_cookie(r, wr_str_skip(v->name, v->data), value) ? WR_OK
                                                              : WR_NOTFOUND;
}

static bool
is_called(wr_str_t header, wr_str_t name)
{
    if (header.n != name.n) {
        return false;
    }
    for (size_t i = 0; i < name.n; i++) {
        char c = header.p[i] == '-' ? '_' : wr_lower(header.p[i]);

        if (c != wr_lower(name.p[i])) {
            return false;
        }
    }
    return true;
}

wr_rc_t
wr_headers_as_variable(wr_pool_t *pool, const wr_headers_t *list, wr_str_t name,
                       const char *separator, wr_str_t *value)
{
    wr_buf_t joined = wr_buf(pool);
    unsigned n = 0;

    for (WR_EACH_HEADER(h, list)) {
        if (!is_called(h->name, name)) {
            continue;
        }
        if (n++ == 0) {
            *value = h->value;
            continue;
        }
        if (n == 2) {
            wr_buf_str(&joined, *value);
        }
        wr_buf_z(&joined, separator);
        wr_buf_str(&joined, h->value);
    }
    if (n > 1) {
        *value = wr_buf_text(&joined);
    }
    return n != 0 ? WR_OK : WR_NOTFOUND;
}

static wr_rc_t
get_header(wr_req_t *r, const wr_var_t *v, wr_str_t *value)
{
    wr_str_t name = wr_str_skip(v->name, v->data);

    return wr_headers_as_variable(wr_pool(r), &r->in, name,
                                  wr_str_ieqz(name, "cookie") ? "; " : ", ",
                                  value);
}

static wr_rc_t
get_content_type(wr_req_t *r, const wr_var_t *v, wr_str_t *value)
{
    const wr_header_t *h = wr_headers_first(&r->in, WR_H_CONTENT_TYPE);

    (void) v;
    return h != NULL ? found(value, h->value) : WR_NOTFOUND;
}

static wr_rc_t
get_content_length(wr_req_t *r, const wr_var_t *v, wr_str_t *value)
{
    const wr_header_t *h = wr_headers_first(&r->in, WR_H_CONTENT_LENGTH);

    (void) v;
    if (h != NULL) {
        return found(value, h->value);
    }
    if (r->body != NULL && r->body->started && r->body->complete) {
        return found(value, wr_pool_printf(wr_pool(r), "%" PRId64,
                                           r->body->received));
    }
    return WR_NOTFOUND;
}

static wr_rc_t
get_host(wr_req_t *r, const wr_var_t *v, wr_str_t *value)
{
    (void) v;
    return found(value, r->host.n != 0 || r->server == NULL ? r->host
                                                            : r->server->name);
}

static wr_rc_t
get_server_name(wr_req_t *r, const wr_var_t *v, wr_str_t *value)
{
    (void) v;
    return found(value, r->server != NULL ? r->server->name : WR_STR(""));
}

static wr_rc_t
get_scheme(wr_req_t *r, const wr_var_t *v, wr_str_t *value)
{
    (void) v;
    return found(value, wr_req_scheme(r));
}

static wr_rc_t
get_protocol(wr_req_t *r, const wr_var_t *v, wr_str_t *value)
{
    (void) v;
    switch (r->main->version) {
    case WR_HTTP_09:
        return found(value, WR_STR(""));
    case WR_HTTP_10:
        return found(value, WR_STR("HTTP/1.0"));
    case WR_HTTP_11:
        return found(value, WR_STR("HTTP/1.1"));
    case WR_HTTP_20:
        return found(value, WR_STR("HTTP/2.0"));
    default:
        return found(value, wr_pool_printf(wr_pool(r), "HTTP/%u.%u",
                                           r->main->version / 1000,
                                           r->main->version % 1000));
    }
}

static wr_rc_t
get_request_id(wr_req_t *r, const wr_var_t *v, wr_str_t *value)
{
    (void) v;
    return found(value, wr_req_id(r));
}

static wr_rc_t
get_request_length(wr_req_t *r, const wr_var_t *v, wr_str_t *value)
{
    (void) v;
    return found(value, wr_pool_printf(wr_pool(r), "%" PRId64,
                                       r->main->request_length));
}

static wr_rc_t
get_request_body(wr_req_t *r, const wr_var_t *v, wr_str_t *value)
{
    const wr_body_t *body = r->main->body;

    (void) v;
    if (body == NULL || !body->started || !body->complete || body->temp != NULL
        || wr_body_text(r->main, SIZE_MAX, value) != WR_OK)
    {
        return WR_NOTFOUND;
    }
    return WR_OK;
}

static wr_rc_t
get_request_body_file(wr_req_t *r, const wr_var_t *v, wr_str_t *value)
{
    const wr_body_t *body = r->main->body;

    (void) v;
    if (body == NULL || body->temp == NULL) {
        return WR_NOTFOUND;
    }
    return found(value, body->temp_path);
}

static wr_rc_t
get_request_filename(wr_req_t *r, const wr_var_t *v, wr_str_t *value)
{
    size_t root;

    (void) v;
    return wr_req_path(r, value, &root, 0) ? WR_OK : WR_ERROR;
}

static wr_rc_t
get_document_root(wr_req_t *r, const wr_var_t *v, wr_str_t *value)
{
    (void) v;
    return wr_cv_eval(r, &wr_http_core(r)->root, value);
}

static wr_rc_t
get_realpath_root(wr_req_t *r, const wr_var_t *v, wr_str_t *value)
{
    wr_str_t    root;
    char        real[PATH_MAX];
    const char *path;

    if (get_document_root(r, v, &root) != WR_OK) {
        return WR_ERROR;
    }
    path = wr_pool_strz(wr_pool(r), root);
    if (realpath(path, real) == NULL) {
        wr_log(&r->log, WR_LOG_CRIT, errno, "realpath() \"%s\" failed", path);
        return WR_NOTFOUND;
    }
    return found(value, wr_pool_str(wr_pool(r), wr_str_z(real)));
}

static wr_rc_t
get_remote_user(wr_req_t *r, const wr_var_t *v, wr_str_t *value)
{
    wr_str_t given = wr_req_header(r, WR_H_AUTHORIZATION), plain;
    ssize_t  colon;

    (void) v;
    if (!wr_str_istarts(given, WR_STR("Basic "))
        || !wr_base64_decode(wr_pool(r), wr_str_trim(wr_str_skip(given, 6)), false,
                             &plain))
    {
        return WR_NOTFOUND;
    }
    colon = wr_str_chr(plain, ':');
    return colon >= 0 ? found(value, wr_str_sub(plain, 0, (size_t) colon))
                      : WR_NOTFOUND;
}

static wr_rc_t
get_traceparent(wr_req_t *r, const wr_var_t *v, wr_str_t *value)
{
    (void) v;
    return found(value, wr_trace_own(r));
}

#define FIELD(name, get, field, flags, doc)                                   \
    {name, get, NULL, offsetof(wr_req_t, field), flags, doc}
#define HEADER(name, doc) {"http_" name, get_header, NULL, 5, 0, doc}

const wr_var_row_t wr_http_core_variables[] = {
    /* the URI and its arguments */
    FIELD("uri", get_field, uri, WR_VAR_NOCACHE,
          "Path of the request, decoded; changes in internal redirects"),
    FIELD("document_uri", get_field, uri, WR_VAR_NOCACHE, "The same as $uri"),
    FIELD("request_uri", get_main_field, raw_uri, 0,
          "URI as the client sent it, with its arguments"),
    {"args", get_args, put_args, 0,
     WR_VAR_NOCACHE | WR_VAR_CHANGE, "Arguments of the request; may be set"},
    {"query_string", get_args, NULL, 0, WR_VAR_NOCACHE, "The same as $args"},
    {"is_args", get_is_args, NULL, 0, WR_VAR_NOCACHE,
     "\"?\" if the request has arguments, else empty"},
    {"arg_", get_arg, NULL, 4, WR_VAR_NOCACHE | WR_VAR_PREFIX,
     "The argument of that name, as it stands"},

    /* the request line */
    FIELD("request", get_main_field, request_line, 0, "The request line"),
    FIELD("request_method", get_main_field, method_name, 0, "GET, POST …"),
    {"server_protocol", get_protocol, NULL, 0, 0, "HTTP/1.0, HTTP/1.1 or HTTP/2.0"},
    {"scheme", get_scheme, NULL, 0, 0, "http or https"},
    {"https", wr_get_https, NULL, 0, 0, "\"on\" over TLS, else empty"},

    /* headers */
    {"host", get_host, NULL, 0, 0,
     "Host of the request in lower case without the port, else the server's name"},
    HEADER("host", "The Host header"),
    HEADER("user_agent", "The User-Agent header"),
    HEADER("referer", "The Referer header"),
    HEADER("via", "The Via header"),
    HEADER("x_forwarded_for", "The X-Forwarded-For header"),
    HEADER("cookie", "The Cookie header"),
    {"http_", get_header, NULL, 5, WR_VAR_PREFIX,
     "The request header of that name, in lower case, - written as _"},
    {"cookie_", get_cookie, NULL, 7, WR_VAR_PREFIX, "The cookie of that name"},
    {"content_length", get_content_length, NULL, 0, WR_VAR_NOCACHE,
     "The Content-Length header"},
    {"content_type", get_content_type, NULL, 0, 0, "The Content-Type header"},
    {"remote_user", get_remote_user, NULL, 0, 0, "User name of basic authentication"},
    {"traceparent", get_traceparent, NULL, 0, 0,
     "Trace context to pass on: the client's trace with a span of our own, or a new trace"},

    /* the request as a whole */
    {"request_id", get_request_id, NULL, 0, 0, "32 random hexadecimal digits"},
    {"request_length", get_request_length, NULL, 0, WR_VAR_NOCACHE,
     "Bytes of the request: line, headers and body"},
    {"request_time", wr_get_request_time, NULL, 0, WR_VAR_NOCACHE,
     "Seconds since the first byte of the request, with milliseconds"},
    {"request_completion", wr_get_request_completion, NULL, 0, WR_VAR_NOCACHE,
     "\"OK\" once the request has been answered, else empty"},
    {"request_body", get_request_body, NULL, 0, WR_VAR_NOCACHE,
     "The body, if it has been read and is in memory"},
    {"request_body_file", get_request_body_file, NULL, 0, WR_VAR_NOCACHE,
     "The temporary file that holds the body"},
    {"request_filename", get_request_filename, NULL, 0, WR_VAR_NOCACHE,
     "Path of the file that the URI names by root or alias"},
    {"document_root", get_document_root, NULL, 0, WR_VAR_NOCACHE,
     "Value of root or alias for this request"},
    {"realpath_root", get_realpath_root, NULL, 0, WR_VAR_NOCACHE,
     "The same with symbolic links resolved"},
    {"limit_rate", wr_get_limit_rate, wr_put_limit_rate, 0,
     WR_VAR_NOCACHE | WR_VAR_CHANGE, "Bytes per second for the answer; may be set"},

    /* the connection */
    {"remote_addr", wr_get_remote_addr, NULL, 0, 0, "Address of the client"},
    {"remote_port", wr_get_remote_port, NULL, 0, 0, "Port of the client"},
    {"binary_remote_addr", wr_get_binary_remote_addr, NULL, 0, 0,
     "Address of the client in 4 or 16 bytes"},
    {"server_addr", wr_get_server_addr, NULL, 0, 0,
     "Address at which the client was accepted"},
    {"server_port", wr_get_server_port, NULL, 0, 0,
     "Port at which the client was accepted"},
    {"server_name", get_server_name, NULL, 0, 0, "The server's first name"},
    {"connection", wr_get_connection, NULL, 0, 0, "Number of the connection"},
    {"connection_requests", wr_get_connection_requests, NULL, 0, 0,
     "How many requests came over this connection so far"},
    {"connection_time", wr_get_connection_time, NULL, 0, WR_VAR_NOCACHE,
     "Seconds since the connection was accepted, with milliseconds"},
    {"pipe", get_pipe, NULL, 0, WR_VAR_NOCACHE,
     "\"p\" if the request came while another was being answered, else \".\""},
    {"tcpinfo_rtt", wr_get_tcpinfo, NULL, WR_TCP_RTT, WR_VAR_NOCACHE,
     "Round-trip time of the connection in microseconds"},
    {"tcpinfo_rttvar", wr_get_tcpinfo, NULL, WR_TCP_RTTVAR, WR_VAR_NOCACHE,
     "Variance of the round-trip time in microseconds"},
    {"tcpinfo_snd_cwnd", wr_get_tcpinfo, NULL, WR_TCP_CWND, WR_VAR_NOCACHE,
     "Size of the congestion window in segments"},
    {"tcpinfo_rcv_space", wr_get_tcpinfo, NULL, WR_TCP_SPACE, WR_VAR_NOCACHE,
     "Room in the receive buffer"},
    {"proxy_protocol_addr", wr_get_proxied, NULL, WR_PROXIED_ADDR, 0,
     "Client address of the PROXY protocol"},
    {"proxy_protocol_port", wr_get_proxied, NULL, WR_PROXIED_PORT, 0,
     "Client port of the PROXY protocol"},
    {"proxy_protocol_server_addr", wr_get_proxied, NULL, WR_PROXIED_SERVER_ADDR, 0,
     "Server address of the PROXY protocol"},
    {"proxy_protocol_server_port", wr_get_proxied, NULL, WR_PROXIED_SERVER_PORT, 0,
     "Server port of the PROXY protocol"},
    {"proxy_protocol_tlv_", wr_get_proxied_tlv, NULL, 19, WR_VAR_PREFIX,
     "A TLV of the PROXY protocol, by name or as 0xTYPE"},

    /* the answer */
    {"status", wr_get_status, NULL, 0, WR_VAR_NOCACHE, "Status of the answer"},
    {"body_bytes_sent", wr_get_out_count, NULL, WR_OUT_BODY_SENT, WR_VAR_NOCACHE,
     "Bytes of the body that were sent, with the framing of chunks"},
    {"bytes_sent", wr_get_out_count, NULL, WR_OUT_SENT, WR_VAR_NOCACHE,
     "Bytes that were sent, with the head"},
    {"sent_http_content_type", wr_get_sent_type, NULL, 0, 0,
     "Content-Type of the answer"},
    {"sent_http_content_length", wr_get_sent_length, NULL, 0, 0,
     "Content-Length of the answer"},
    {"sent_http_last_modified", wr_get_sent_modified, NULL, 0, 0,
     "Last-Modified of the answer"},
    {"sent_http_connection", wr_get_sent_connection, NULL, 0, 0,
     "Connection header of the answer"},
    {"sent_http_keep_alive", wr_get_sent_keep_alive, NULL, 0, 0,
     "Keep-Alive header of the answer"},
    {"sent_http_transfer_encoding", wr_get_sent_transfer_encoding, NULL, 0, 0,
     "Transfer-Encoding of the answer"},
    {"sent_http_", wr_get_sent_http, NULL, 10, WR_VAR_PREFIX,
     "The answer's header of that name"},
    {"sent_trailer_", wr_get_sent_trailer, NULL, 13, WR_VAR_PREFIX,
     "The answer's trailer of that name"},

    /* the process and the clock */
    {"hostname", wr_get_hostname, NULL, 0, 0, "Name of this machine"},
    {"pid", wr_get_pid, NULL, 0, 0, "Process id of the worker"},
    {"nginx_version", wr_get_text, NULL, (uintptr_t) WR_VERSION, 0,
     "The same as $weir_version"},
    {"weir_version", wr_get_text, NULL, (uintptr_t) WR_VERSION, 0,
     "Version of weir"},
    {"msec", wr_get_msec, NULL, 0, WR_VAR_NOCACHE,
     "Seconds since 1970, with milliseconds"},
    {"time_iso8601", wr_get_clock_text, NULL, (uintptr_t) wr_clock_iso,
     WR_VAR_NOCACHE, "Local time as 2026-11-22T18:00:00+00:00"},
    {"time_local", wr_get_clock_text, NULL, (uintptr_t) wr_clock_access_log,
     WR_VAR_NOCACHE, "Local time as 22/Nov/2026:18:00:00 +0000"},
    {.name = NULL}
};
