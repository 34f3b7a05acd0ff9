/*
 * Errors: one path for every status, from the parser up.
 */
#include <weir/http/error_page.h>

#include <weir/http/core_conf.h>
#include <weir/http/status.h>
#include <weir_config.h>

bool (*wr_error_body_hook)(wr_req_t *r, unsigned status, wr_str_t *body);
bool (*wr_error_plain_hook)(const wr_req_t *r);

/* Browsers of old showed their own page unless the answer had 512 bytes. */
static const char padding[] =
    "<!-- a padding to disable MSIE and Chrome friendly error page -->\r\n"
    "<!-- a padding to disable MSIE and Chrome friendly error page -->\r\n"
    "<!-- a padding to disable MSIE and Chrome friendly error page -->\r\n"
    "<!-- a padding to disable MSIE and Chrome friendly error page -->\r\n"
    "<!-- a padding to disable MSIE and Chrome friendly error page -->\r\n"
    "<!-- a padding to disable MSIE and Chrome friendly error page -->\r\n";

static void
put_escaped(wr_buf_t *b, wr_str_t s)
{
    for (size_t i = 0; i < s.n; i++) {
        switch (s.p[i]) {
        case '<': wr_buf_lit(b, "&lt;"); break;
        case '>': wr_buf_lit(b, "&gt;"); break;
        case '&': wr_buf_lit(b, "&amp;"); break;
        case '"': wr_buf_lit(b, "&quot;"); break;
        case '\'': wr_buf_lit(b, "&#39;"); break;
        default: wr_buf_char(b, s.p[i]);
        }
    }
}

wr_str_t
wr_error_body(wr_req_t *r, unsigned status)
{
    return wr_error_body_with(r, status, WR_STR_NONE);
}

wr_str_t
wr_error_body_with(wr_req_t *r, unsigned status, wr_str_t message)
{
    const wr_http_core_t *core = wr_http_core(r);
    wr_str_t              title = wr_status_title(status);
    wr_str_t              agent = wr_req_header(r, WR_H_USER_AGENT);
    wr_buf_t              b = wr_buf(wr_pool(r));

    if (title.n == 0 && message.n == 0) {
        return WR_STR_NONE;
    }
    if (title.n == 0) {
        title = wr_pool_printf(wr_pool(r), "%u", status);
    }
    wr_buf_lit(&b, "<html>\r\n<head><title>");
    wr_buf_str(&b, title);
    wr_buf_lit(&b, "</title></head>\r\n<body>\r\n<center><h1>");
    wr_buf_str(&b, status >= WR_STATUS_HEADER_TOO_LARGE && status <= WR_STATUS_TO_HTTPS
                       ? WR_STR("400 Bad Request") : title);
    wr_buf_lit(&b, "</h1></center>\r\n");
    if (status >= WR_STATUS_HEADER_TOO_LARGE && status <= WR_STATUS_TO_HTTPS) {
        wr_buf_lit(&b, "<center>");
        wr_buf_str(&b, wr_str_skip(title, 4));
        wr_buf_lit(&b, "</center>\r\n");
    }
    if (message.n != 0) {
        wr_buf_lit(&b, "<center>");
        put_escaped(&b, message);
        wr_buf_lit(&b, "</center>\r\n");
    }
    wr_buf_lit(&b, "<hr><center>weir");
    if (core->server_tokens != 0) {
        wr_buf_lit(&b, "/" WR_VERSION);
    }
    wr_buf_lit(&b, "</center>\r\n</body>\r\n</html>\r\n");
    if (core->msie_padding && status >= 400 && r->version >= WR_HTTP_10
        && (wr_str_find(agent, WR_STR("MSIE ")) >= 0
            || wr_str_find(agent, WR_STR("Chrome/")) >= 0))
    {
        wr_buf_z(&b, padding);
    }
    return wr_buf_text(&b);
}

/* The connection cannot be trusted after these. */
static bool
ends_keepalive(unsigned status)
{
    switch (status) {
    case 400:
    case 413:
    case 414:
    case 500:
    case 501:
    case WR_STATUS_CERT_ERROR:
    case WR_STATUS_NO_CERT:
    case WR_STATUS_TO_HTTPS:
        return true;
    default:
        return false;
    }
}

/* msie_refresh: in place of a redirect, a page that goes there. */
static bool
refreshes(wr_req_t *r, unsigned status, wr_str_t *body)
{
    wr_header_t *location = wr_headers_first(&r->out, WR_H_LOCATION);
    wr_str_t     agent = wr_req_header(r, WR_H_USER_AGENT);
    wr_buf_t     b;

    if (!wr_http_core(r)->msie_refresh || (status != 301 && status != 302)
        || location == NULL || wr_str_find(agent, WR_STR("MSIE ")) < 0
        || wr_str_find(agent, WR_STR("Opera")) >= 0)
    {
        return false;
    }
    b = wr_buf(wr_pool(r));
    wr_buf_lit(&b, "<html><head><meta http-equiv=\"Refresh\" content=\"0; URL=");
    wr_buf_str(&b, wr_uri_escape(wr_pool(r), location->value, WR_ESC_REFRESH));
    wr_buf_lit(&b, "\"></head><body></body></html>\r\n");
    *body = wr_buf_text(&b);
    wr_headers_remove(&r->out, WR_H_LOCATION, WR_STR_NONE);
    return true;
}

static void
send_page(wr_req_t *r, unsigned status)
{
    wr_str_t body = WR_STR_NONE;
    bool     keep_type = false;
    wr_rc_t  rc;

    if (refreshes(r, status, &body)) {
        status = 200;
    }
    r->status = (uint16_t) wr_status_wire(status);
    r->error_status = r->status;
    r->status_line = WR_STR_NONE;
    if (r->status == 304 || r->status == 204) {
        r->content_type = WR_STR_NONE;
    } else if (body.n != 0) {
        keep_type = false;
    } else if (wr_error_body_hook != NULL && wr_error_body_hook(r, status, &body)) {
        keep_type = true;
    } else {
        body = wr_error_body(r, status);
    }
    if (!keep_type) {
        r->content_type = body.n != 0 ? WR_STR("text/html") : WR_STR_NONE;
        r->charset = WR_STR_NONE;
    }
    r->out_length = (int64_t) body.n;
    wr_clear_accept_ranges(r);
    wr_clear_last_modified(r);
    wr_clear_etag(r);
    rc = wr_send_head(r);
    if (rc >= 0 && !r->head_only) {
        rc = wr_send_body(r, wr_seg_mem(r, body.p, body.n, WR_SEG_LAST));
    }
    wr_req_finish(r, rc < 0 ? rc : WR_OK);
}

static bool
is_redirect(unsigned status)
{
    return status == 301 || status == 302 || status == 303 || status == 307
           || status == 308;
}

/* A named location that does not exist, or has nothing to work on, is an error of
 * its own. */
static bool
can_go_to_named(wr_req_t *r, wr_str_t name)
{
    if (r->uri.n == 0) {
        wr_log(&r->log, WR_LOG_ERR, 0,
               "empty URI in redirect to named location \"%.*s\"", WR_ARG(name));
    } else if (wr_map_get(&r->server->named, name) == NULL) {
        wr_log(&r->log, WR_LOG_ERR, 0, "could not find named location \"%.*s\"",
               WR_ARG(name));
    } else {
        return true;
    }
    r->fail_status = 500;
    return false;
}

/* Goes to what error_page names; the request may be gone on return. False: the
 * built-in page of r->fail_status is wanted after all. */
static bool
go_to_page(wr_req_t *r, const wr_error_page_t *page)
{
    wr_str_t target, args = page->args;

    if (page->overwrite >= 0) {
        r->error_status = (uint16_t) page->overwrite;
    }
    if (wr_cv_eval(r, &page->target, &target) != WR_OK || target.n == 0) {
        r->fail_status = 500;
        return false;
    }
    if (target.p[0] == '/') {
        if (!wr_cv_is_const(&page->target) && !wr_uri_split(r, &target, &args)) {
            r->fail_status = 500;
            return false;
        }
        if (r->method != WR_HEAD) {
            r->method = WR_GET;
            r->method_name = WR_STR("GET");
        }
        return wr_internal_redirect(r, target, args) != WR_ERROR;
    }
    if (target.p[0] == '@') {
        if (!can_go_to_named(r, target)) {
            return false;
        }
        return wr_named_location(r, target) != WR_ERROR;
    }
    r->fail_status = is_redirect(r->error_status) ? r->error_status : 302;
    wr_headers_set(&r->out, WR_H_LOCATION, wr_header_name(WR_H_LOCATION), target);
    return false;
}

static const wr_error_page_t *
find_page(const wr_req_t *r)
{
    const wr_http_core_t *core = wr_http_core(r);

    if (r->error_page || r->uri_changes == 0
        || (wr_error_plain_hook != NULL && wr_error_plain_hook(r)))
    {
        return NULL;
    }
    for (WR_EACH(wr_error_page_t, page, &core->error_pages)) {
        if (page->status == r->fail_status) {
            return page;
        }
    }
    return NULL;
}

void
wr_answer_error(wr_req_t *r)
{
    const wr_error_page_t *page;

    r->replied = 0;
    r->reply = NULL;
    r->skip_filters = 0;
    r->out_length = -1;
    r->error_status = r->fail_status;
    r->failed = 1;
    if (r->head_sent) {
        wr_req_finish(r, WR_ERROR);
        return;
    }
    if (r->fail_status == 408 || r->fail_status == WR_STATUS_CLIENT_CLOSED) {
        /* Nobody waits for the answer. */
        r->status = r->fail_status;
        r->keepalive = 0;
        wr_req_finish(r, WR_CLOSED);
        return;
    }
    if (r->app == NULL && ends_keepalive(r->fail_status)) {
        r->keepalive = 0;
    }
    page = find_page(r);
    if (page != NULL) {
        if (r->failed_location == NULL && page->overwrite < 0) {
            r->failed_location = r->location;
        }
        if (!wr_http_core(r)->recursive_error_pages) {
            r->error_page = 1;
        }
        wr_body_discard(r);
        if (go_to_page(r, page)) {
            return;
        }
        if (r->app == NULL && ends_keepalive(r->fail_status)) {
            r->keepalive = 0;
        }
    }
    wr_body_discard(r);
    send_page(r, r->fail_status);
}
