/*
 * proxy: the head of the answer, from the other server to the client.
 */
#include "proxy.h"

#include <weir/http/status.h>

/* ---- which fields pass ---- */

static bool
listed(const wr_array_t *names, wr_str_t name)
{
    for (WR_EACH(wr_str_t, n, names)) {
        if (wr_str_ieq(*n, name)) {
            return true;
        }
    }
    return false;
}

static bool
is_hidden(const proxy_conf_t *conf, const wr_header_t *h)
{
    switch (h->id) {
    case WR_H_CONNECTION:
    case WR_H_KEEP_ALIVE:
    case WR_H_TRANSFER_ENCODING:
    case WR_H_UPGRADE:
        return true;
    case WR_H_DATE:
    case WR_H_SERVER:
    case WR_H_X_ACCEL_EXPIRES:
    case WR_H_X_ACCEL_REDIRECT:
    case WR_H_X_ACCEL_LIMIT_RATE:
    case WR_H_X_ACCEL_BUFFERING:
    case WR_H_X_ACCEL_CHARSET:
        return !listed(&conf->pass_header, h->name);
    default:
        if (wr_str_ieqz(h->name, "X-Pad")) {
            return !listed(&conf->pass_header, h->name);
        }
        return listed(&conf->hide_header, h->name)
               && !listed(&conf->pass_header, h->name);
    }
}

/* Server and Date are the other server's to say, where they are passed on: if it says
 * none, the client gets none. The front's own would not be true. */
static void
keep_silence(wr_req_t *r, const proxy_conf_t *conf)
{
    static const wr_hid_t ids[] = {WR_H_SERVER, WR_H_DATE};

    for (unsigned i = 0; conf->pass_header.n != 0 && i < WR_COUNT(ids); i++) {
        if (listed(&conf->pass_header, wr_header_name(ids[i]))
            && wr_headers_first(&r->out, ids[i]) == NULL)
        {
            wr_headers_add(&r->out, ids[i], wr_header_name(ids[i]), WR_STR_NONE);
        }
    }
}

/* The charset is told apart, for filters; what they leave alone goes out as it came. */
static void
set_type(wr_req_t *r, wr_str_t value)
{
    size_t at = 0, end;

    r->content_type = value;
    r->charset = r->content_type_said = WR_STR_NONE;
    for (; at < value.n; at++) {
        if (value.p[at] != ';') {
            continue;
        }
        end = at++;
        while (at < value.n && value.p[at] == ' ') {
            at++;
        }
        if (end != 0 && wr_str_istarts(wr_str_skip(value, at), WR_STR("charset="))) {
            wr_str_t charset = wr_str_skip(value, at + 8);

            if (wr_str_starts(charset, WR_STR("\""))) {
                charset = wr_str_skip(charset, 1);
            }
            if (wr_str_ends(charset, WR_STR("\""))) {
                charset.n--;
            }
            r->content_type = wr_str(value.p, end);
            r->charset = charset;
            r->content_type_said = value;
            return;
        }
    }
}

/* An upstream says the same date again and again. */
static int64_t
date_of(wr_str_t text)
{
    static char    last[32];
    static size_t  n;
    static int64_t date;

    if (text.n == 0 || text.n > sizeof(last)) {
        return wr_date_parse(text);
    }
    if (n != text.n || memcmp(last, text.p, n) != 0) {
        date = wr_date_parse(text);
        n = text.n;
        memcpy(last, text.p, n);
    }
    return date;
}

static void
copy_field(wr_req_t *r, proxy_t *p, const wr_header_t *h)
{
    wr_str_t value = h->value;

    switch (h->id) {
    case WR_H_CONTENT_TYPE:
        set_type(r, value);
        return;
    case WR_H_CONTENT_LENGTH:
        return;
    case WR_H_LAST_MODIFIED:
        r->last_modified = date_of(value);
        break;
    case WR_H_LOCATION:
        value = proxy_rewrite_location(r, p->conf, value);
        break;
    case WR_H_REFRESH:
        value = proxy_rewrite_refresh(r, p->conf, value);
        break;
    case WR_H_SET_COOKIE:
        value = proxy_rewrite_cookie(r, p->conf, value);
        break;
    case WR_H_ACCEPT_RANGES:
        if (!p->conf->force_ranges) {
            break;
        }
        return;
    default:
        break;
    }
    /* A relative Location that was not rewritten stays relative. */
    (void) wr_headers_add(&r->out,
                          h->id == WR_H_LOCATION && value.p == h->value.p && value.n != 0
                                  && value.p[0] == '/'
                              ? WR_H_OTHER
                              : (wr_hid_t) h->id,
                          h->name, value);
}

/* ---- X-Accel-… ---- */

static bool
heeds(const proxy_t *p, unsigned what)
{
    return (p->conf->ignore_headers & what) == 0;
}

static void
heed_others(wr_req_t *r, proxy_t *p)
{
    wr_header_t *h = wr_headers_first(&p->x.in, WR_H_X_ACCEL_LIMIT_RATE);
    int64_t      n;

    if (h != NULL && heeds(p, IGNORE_LIMIT_RATE) && wr_parse_int(h->value, &n)) {
        r->limit_rate = n != 0 ? n : -1;    /* none, whatever the conf says */
    }
    h = wr_headers_first(&p->x.in, WR_H_X_ACCEL_BUFFERING);
    if (h != NULL && heeds(p, IGNORE_BUFFERING)) {
        if (wr_str_ieqz(h->value, "no")) {
            p->buffered = false;
        } else if (wr_str_ieqz(h->value, "yes")) {
            p->buffered = true;
        }
    }
    h = wr_headers_first(&p->x.in, WR_H_X_ACCEL_CHARSET);
    if (h != NULL && heeds(p, IGNORE_CHARSET)) {
        r->charset = h->value;
    }
}

/* proxy_limit_rate holds for what is read ahead. */
static void
set_rate(wr_req_t *r, proxy_t *p)
{
    wr_str_t text;

    if (!p->buffered || !p->conf->limit_rate.given
        || wr_cv_eval(r, &p->conf->limit_rate, &text) != WR_OK
        || !wr_parse_size(text, &p->rate))
    {
        p->rate = 0;
    }
    p->rate_from = wr_clock.sec;
}

/* Fields of the upstream that a redirect inside keeps. */
static void
keep_for_redirect(wr_req_t *r, proxy_t *p)
{
    static const wr_hid_t kept[] = {WR_H_SET_COOKIE, WR_H_CACHE_CONTROL, WR_H_EXPIRES,
                                    WR_H_ACCEPT_RANGES};

    for (WR_EACH_HEADER(h, &p->x.in)) {
        for (unsigned i = 0; i < WR_COUNT(kept); i++) {
            if (h->id == kept[i]) {
                copy_field(r, p, h);
            }
        }
        if (wr_str_ieqz(h->name, "Content-Disposition")) {
            copy_field(r, p, h);
        }
        if (h->id == WR_H_CONTENT_TYPE) {
            set_type(r, h->value);
        }
    }
}

static wr_rc_t
accel_redirect(wr_req_t *r, proxy_t *p, wr_str_t target)
{
    wr_str_t args, whole = target;

    keep_for_redirect(r, p);
    r->accel = 1;
    proxy_close(p);
    if (target.n != 0 && target.p[0] == '@') {
        return wr_named_location(r, target);
    }
    r->log.action = "while reading response header from upstream";
    if (!wr_uri_split(r, &target, &args)) {
        return wr_fail(r, 404);
    }
    target = wr_uri_unescape(wr_pool(r), target, false);
    if (wr_path_is_unsafe(target)) {
        wr_log(&r->log, WR_LOG_ERR, 0, "unsafe URI \"%.*s\" was detected", WR_ARG(whole));
        return wr_fail(r, 404);
    }
    r->log.action = NULL;
    if (r->method != WR_HEAD) {
        r->method = WR_GET;
        r->method_name = WR_STR("GET");
    }
    return wr_internal_redirect(r, target, args);
}

/* ---- the whole head ---- */

static bool
has_error_page(const wr_req_t *r, unsigned status)
{
    for (WR_EACH(wr_error_page_t, page, &wr_http_core(r)->error_pages)) {
        if (page->status == status) {
            return true;
        }
    }
    return false;
}

wr_rc_t
proxy_copy_head(wr_req_t *r, proxy_t *p)
{
    const proxy_conf_t *conf = p->conf;
    wr_header_t        *accel = wr_headers_first(&p->x.in, WR_H_X_ACCEL_REDIRECT);

    p->buffered = conf->buffering;
    p->allowed = p->buffered
                     ? wr_max_size((size_t) conf->buffers.n * conf->buffers.size, 64 * 1024)
                     : conf->buffer_size;
    if (accel != NULL && heeds(p, IGNORE_REDIRECT)) {
        return accel_redirect(r, p, accel->value);
    }
    if (conf->intercept_errors && p->x.status >= 300 && has_error_page(r, p->x.status)) {
        wr_header_t *auth = wr_headers_first(&p->x.in, WR_H_WWW_AUTHENTICATE);

        if (p->x.status == 401 && auth != NULL) {
            (void) wr_headers_add(&r->out, WR_H_WWW_AUTHENTICATE, auth->name, auth->value);
        }
        proxy_close(p);
        return wr_fail(r, p->x.status);
    }
    r->status = p->x.status;
    r->status_line = p->x.status_line;
    for (WR_EACH_HEADER(h, &p->x.in)) {
        if (p->x.status == 101 && h->id == WR_H_UPGRADE) {
            (void) wr_headers_add(&r->out, WR_H_UPGRADE, h->name, h->value);
        } else if (!is_hidden(conf, h)) {
            copy_field(r, p, h);
        }
    }
    keep_silence(r, conf);
    heed_others(r, p);
    proxy_store_begin(r, p);
    set_rate(r, p);
    r->disable_not_modified = 1;    /* the other server has judged the validators */
    r->out_length = p->x.chunked ? -1 : p->x.length;
    r->allow_ranges = r->single_range = conf->force_ranges;
    if (p->x.upgrade && wr_headers_first(&r->main->in, WR_H_UPGRADE) == NULL) {
        /* The client learns of it, and that is all: there is no tunnel. */
        wr_log(&r->log, WR_LOG_WARN, 0, "upstream sent 101 without an upgrade being asked");
        p->x.upgrade = false;
        p->x.body_done = true;
        r->keepalive = 0;
    }
    return WR_OK;
}
