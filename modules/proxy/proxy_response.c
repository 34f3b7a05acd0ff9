/*
 * proxy: the head of the answer, from the other server to the client.
 */
#include "proxy.h"

#include <weir/http/status.h>

/* ---- rewriting ---- */

static bool
regex_rewrite(wr_req_t *r, const proxy_rewrite_t *rule, wr_str_t text, wr_str_t *out)
{
    int      at[2] = {0, 0};
    wr_str_t to;

    if (wr_regex_match(rule->regex, text, at, 1) <= 0
        || wr_regex_exec(r, rule->regex, text) != WR_OK
        || wr_cv_eval(r, &rule->to, &to) != WR_OK)
    {
        return false;
    }
    *out = wr_pool_join3(wr_pool(r), wr_str(text.p, (size_t) at[0]), to,
                         wr_str_skip(text, (size_t) at[1]));
    return true;
}

/* The part of `text` that a rule names, replaced. */
static bool
prefix_rewrite(wr_req_t *r, const proxy_rewrite_t *rule, wr_str_t text, wr_str_t *out)
{
    wr_str_t from, to;

    if (rule->regex != NULL) {
        return regex_rewrite(r, rule, text, out);
    }
    if (wr_cv_eval(r, &rule->from, &from) != WR_OK || !wr_str_starts(text, from)
        || wr_cv_eval(r, &rule->to, &to) != WR_OK)
    {
        return false;
    }
    *out = wr_pool_join(wr_pool(r), to, wr_str_skip(text, from.n));
    return true;
}

/* proxy_redirect default: our own address of the upstream becomes the location's. */
static bool
default_rewrite(wr_req_t *r, const proxy_t *p, wr_str_t text, wr_str_t *out)
{
    const proxy_target_t *t = p->conf->target;
    wr_str_t              from;

    if (!p->conf->redirect_default || t == NULL || t->group == NULL || r->location == NULL
        || r->location->kind == WR_LOC_REGEX)
    {
        return false;
    }
    from = wr_pool_join(wr_pool(r), t->scheme, t->host);
    if (t->has_uri) {
        from = wr_pool_join(wr_pool(r), from, t->uri);
    } else {
        from = wr_pool_join(wr_pool(r), from,
                            r->location->kind == WR_LOC_NAMED ? WR_STR("/")
                                                              : r->location->name);
    }
    if (!wr_str_starts(text, from)) {
        return false;
    }
    *out = wr_pool_join(wr_pool(r), r->location->kind == WR_LOC_NAMED ? WR_STR("/")
                                                                      : r->location->name,
                        wr_str_skip(text, from.n));
    return true;
}

static wr_str_t
rewrite_redirect(wr_req_t *r, const proxy_t *p, wr_str_t text)
{
    wr_str_t out;

    if (p->conf->redirect_off) {
        return text;
    }
    for (WR_EACH(proxy_rewrite_t, rule, &p->conf->redirects)) {
        if (prefix_rewrite(r, rule, text, &out)) {
            return out;
        }
    }
    return default_rewrite(r, p, text, &out) ? out : text;
}

static wr_str_t
rewrite_refresh(wr_req_t *r, const proxy_t *p, wr_str_t value)
{
    ssize_t  at = wr_str_ifind(value, WR_STR("url="));
    wr_str_t url;

    if (at < 0) {
        return value;
    }
    url = wr_str_skip(value, (size_t) at + 4);
    return wr_pool_join(wr_pool(r), wr_str(value.p, (size_t) at + 4),
                        rewrite_redirect(r, p, url));
}

/* ---- cookies ---- */

static bool
domain_rewrite(wr_req_t *r, const proxy_rewrite_t *rule, wr_str_t text, wr_str_t *out)
{
    wr_str_t from, bare = text;

    if (rule->regex != NULL) {
        return regex_rewrite(r, rule, text, out);
    }
    if (wr_cv_eval(r, &rule->from, &from) != WR_OK) {
        return false;
    }
    if (bare.n != 0 && bare.p[0] == '.') {
        bare = wr_str_skip(bare, 1);
    }
    if (from.n != 0 && from.p[0] == '.') {
        from = wr_str_skip(from, 1);
    }
    return wr_str_ieq(bare, from) && wr_cv_eval(r, &rule->to, out) == WR_OK;
}

static wr_str_t
rewrite_attribute(wr_req_t *r, const wr_array_t *rules, bool domain, wr_str_t value)
{
    wr_str_t out;

    for (WR_EACH(proxy_rewrite_t, rule, rules)) {
        if (domain ? domain_rewrite(r, rule, value, &out)
                   : prefix_rewrite(r, rule, value, &out))
        {
            return out;
        }
    }
    return value;
}

/* Which of the flags that proxy_cookie_flags knows. */
enum { SECURE = 1, HTTPONLY = 2, STRICT = 4, LAX = 8, NONE = 16, NO_SECURE = 32,
       NO_HTTPONLY = 64, NO_SAMESITE = 128 };

static unsigned
flags_for(wr_req_t *r, const proxy_conf_t *conf, wr_str_t name)
{
    static const struct {
        const char *name;
        unsigned    bit;
    } words[] = {{"secure", SECURE}, {"httponly", HTTPONLY}, {"samesite=strict", STRICT},
                 {"samesite=lax", LAX}, {"samesite=none", NONE}, {"nosecure", NO_SECURE},
                 {"nohttponly", NO_HTTPONLY}, {"nosamesite", NO_SAMESITE}};

    for (WR_EACH(proxy_flags_t, rule, &conf->cookie_flags)) {
        wr_str_t text;
        unsigned flags = 0;
        bool     match;

        if (rule->regex != NULL) {
            match = wr_regex_test(rule->regex, name);
        } else {
            match = wr_cv_eval(r, &rule->cookie, &text) == WR_OK && wr_str_eq(text, name);
        }
        if (!match) {
            continue;
        }
        for (WR_EACH(wr_cv_t, flag, &rule->flags)) {
            if (wr_cv_eval(r, flag, &text) != WR_OK) {
                continue;
            }
            for (unsigned i = 0; i < WR_COUNT(words); i++) {
                flags |= wr_str_ieqz(text, words[i].name) ? words[i].bit : 0;
            }
        }
        return flags;
    }
    return 0;
}

static bool
flag_drops(unsigned flags, wr_str_t attribute)
{
    if (wr_str_ieqz(attribute, "secure")) {
        return (flags & (SECURE | NO_SECURE)) != 0;
    }
    if (wr_str_ieqz(attribute, "httponly")) {
        return (flags & (HTTPONLY | NO_HTTPONLY)) != 0;
    }
    if (wr_str_istarts(attribute, WR_STR("samesite"))) {
        return (flags & (STRICT | LAX | NONE | NO_SAMESITE)) != 0;
    }
    return false;
}

static void
add_flags(wr_buf_t *b, unsigned flags)
{
    if ((flags & SECURE) != 0) {
        wr_buf_lit(b, "; Secure");
    }
    if ((flags & HTTPONLY) != 0) {
        wr_buf_lit(b, "; HttpOnly");
    }
    if ((flags & STRICT) != 0) {
        wr_buf_lit(b, "; SameSite=Strict");
    } else if ((flags & LAX) != 0) {
        wr_buf_lit(b, "; SameSite=Lax");
    } else if ((flags & NONE) != 0) {
        wr_buf_lit(b, "; SameSite=None");
    }
}

static wr_str_t
rewrite_cookie(wr_req_t *r, const proxy_t *p, wr_str_t value)
{
    const proxy_conf_t *conf = p->conf;
    wr_buf_t            b;
    wr_str_t            rest = value, part, name;
    ssize_t             eq;
    unsigned            flags;
    bool                first = true;

    if (conf->cookie_domains.n == 0 && conf->cookie_paths.n == 0
        && conf->cookie_flags.n == 0)
    {
        return value;
    }
    eq = wr_str_chr(value, '=');
    name = eq >= 0 ? wr_str(value.p, (size_t) eq) : WR_STR_NONE;
    flags = flags_for(r, conf, name);
    b = wr_buf(wr_pool(r));
    while (wr_str_split(&rest, ';', &part)) {
        wr_str_t bare = wr_str_trim(part);

        if (!first && flag_drops(flags, bare)) {
            continue;
        }
        if (!first) {
            wr_buf_char(&b, ';');
        }
        if (!first && wr_str_istarts(bare, WR_STR("domain="))) {
            wr_buf_char(&b, ' ');
            wr_buf_add(&b, bare.p, 7);
            wr_buf_str(&b, rewrite_attribute(r, &conf->cookie_domains, true,
                                             wr_str_skip(bare, 7)));
        } else if (!first && wr_str_istarts(bare, WR_STR("path="))) {
            wr_buf_char(&b, ' ');
            wr_buf_add(&b, bare.p, 5);
            wr_buf_str(&b, rewrite_attribute(r, &conf->cookie_paths, false,
                                             wr_str_skip(bare, 5)));
        } else {
            wr_buf_str(&b, part);
        }
        first = false;
    }
    add_flags(&b, flags);
    return wr_buf_text(&b);
}

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
        return !listed(&conf->pass_header, h->name) || listed(&conf->hide_header, h->name);
    default:
        if (wr_str_ieqz(h->name, "X-Pad")) {
            return !listed(&conf->pass_header, h->name);
        }
        return listed(&conf->hide_header, h->name)
               && !listed(&conf->pass_header, h->name);
    }
}

static void
set_type(wr_req_t *r, wr_str_t value)
{
    ssize_t  semi = wr_str_chr(value, ';');
    wr_str_t rest;

    r->content_type = value;
    r->charset = WR_STR_NONE;
    if (semi < 0) {
        return;
    }
    rest = wr_str_trim(wr_str_skip(value, (size_t) semi + 1));
    if (wr_str_istarts(rest, WR_STR("charset="))) {
        wr_str_t charset = wr_str_skip(rest, 8);

        r->content_type = wr_str(value.p, (size_t) semi);
        if (charset.n > 1 && charset.p[0] == '"' && charset.p[charset.n - 1] == '"') {
            charset = wr_str_sub(charset, 1, charset.n - 1);
        }
        r->charset = charset;
    }
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
        r->last_modified = wr_date_parse(value);
        break;
    case WR_H_LOCATION:
        value = rewrite_redirect(r, p, value);
        break;
    case WR_H_REFRESH:
        value = rewrite_refresh(r, p, value);
        break;
    case WR_H_SET_COOKIE:
        value = rewrite_cookie(r, p, value);
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
        r->limit_rate = n;
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

/* Fields of the upstream that a redirect inside keeps. */
static void
keep_for_redirect(wr_req_t *r, proxy_t *p)
{
    static const wr_hid_t kept[] = {WR_H_SET_COOKIE, WR_H_CACHE_CONTROL, WR_H_EXPIRES,
                                    WR_H_ACCEPT_RANGES};

    for (WR_EACH_HEADER(h, &p->x.in)) {
        for (unsigned i = 0; i < WR_COUNT(kept); i++) {
            if (h->id == kept[i] && !is_hidden(p->conf, h)) {
                copy_field(r, p, h);
            }
        }
        if (wr_str_ieqz(h->name, "Content-Disposition") && !is_hidden(p->conf, h)) {
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
    wr_str_t args;

    keep_for_redirect(r, p);
    r->accel = 1;
    proxy_close(p);
    if (target.n != 0 && target.p[0] == '@') {
        return wr_named_location(r, target);
    }
    if (!wr_uri_split(r, &target, &args)) {
        return wr_fail(r, 404);
    }
    target = wr_uri_unescape(wr_pool(r), target, false);
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
    heed_others(r, p);
    r->disable_not_modified = 1;    /* the other server has judged the validators */
    r->out_length = p->x.chunked ? -1 : p->x.length;
    r->allow_ranges = conf->force_ranges;
    if (p->x.upgrade && wr_headers_first(&r->main->in, WR_H_UPGRADE) == NULL) {
        wr_log(&r->log, WR_LOG_ERR, 0, "upstream sent 101 without an upgrade being asked");
        proxy_close(p);
        return wr_fail(r, 502);
    }
    return WR_OK;
}
