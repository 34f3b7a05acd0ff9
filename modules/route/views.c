/*
 * route: the views text, html, redirect.
 */
#include "route.h"

typedef struct text_conf {
    const wr_app_text_t *text;
    bool                 html;
    bool                 external;
} text_conf_t;

static wr_rc_t
run_text(wr_req_t *r, void *state)
{
    const text_conf_t *c = wr_stage_conf(r);
    wr_buf_t           b = wr_buf(wr_pool(r));

    (void) state;
    if (!wr_app_render(r, c->text, c->html, &b)) {
        return wr_app_failed(r);
    }
    return wr_app_answer(r, 200, c->html ? WR_STR("text/html") : WR_STR("text/plain"),
                         WR_STR("utf-8"), wr_buf_text(&b));
}

static const wr_middleware_t text_view = {"text", 0, run_text, NULL};

wr_rc_t
route_set_text(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    text_conf_t *c = WR_NEW(cf->pool, text_conf_t);

    (void) conf;
    c->html = strcmp(d->name, "html") == 0;
    c->text = c->html ? wr_app_html(cf, &cf->raw) : wr_app_text(cf, &cf->raw);
    return c->text != NULL ? wr_app_step_lendable(cf, &text_view, c, true, c->text->lendable)
                           : WR_ERROR;
}

/* A target of this site: a path, or a URL whose host is the request's. Browsers
 * take a backslash for a slash and skip control characters. */
static bool
is_local(wr_req_t *r, wr_str_t url)
{
    wr_str_t host = wr_req_header(r->main, WR_H_HOST);
    wr_str_t rest;
    size_t   end = 0;

    for (size_t i = 0; i < url.n; i++) {
        if ((unsigned char) url.p[i] < ' ' || url.p[i] == '\\' || url.p[i] == 0x7f) {
            return false;
        }
    }
    if (url.n == 0 || url.p[0] == ' ') {
        return false;
    }
    if (url.p[0] == '/') {
        return url.n < 2 || url.p[1] != '/';
    }
    if (wr_str_istarts(url, WR_STR("http://"))) {
        rest = wr_str_skip(url, 7);
    } else if (wr_str_istarts(url, WR_STR("https://"))) {
        rest = wr_str_skip(url, 8);
    } else {
        return wr_str_chr(url, ':') < 0;
    }
    while (end < rest.n && rest.p[end] != '/' && rest.p[end] != '?' && rest.p[end] != '#') {
        end++;
    }
    return host.n != 0 && wr_str_ieq(wr_str(rest.p, end), host);
}

wr_rc_t
route_redirect(wr_req_t *r, const wr_app_text_t *target, bool external, unsigned status)
{
    wr_buf_t b = wr_buf(wr_pool(r));
    wr_str_t url;

    if (!wr_app_render(r, target, false, &b)) {
        return wr_app_failed(r);
    }
    url = wr_buf_text(&b);
    if (external && !wr_is_field_value(url)) {
        return wr_app_fail(r, &target->at, 500, WR_STR("Internal Server Error"),
                           "the redirect has a line end in it");
    }
    if (!external && !is_local(r, url)) {
        return wr_app_fail(r, &target->at, 400, WR_STR("this redirect leads elsewhere"),
                           "open redirect to \"%.*s\" refused: say \"external\" if it is "
                           "meant",
                           WR_ARG(url));
    }
    /* As it is written, but for blanks, letters beyond ASCII and the like, which values
     * bring: absolute_redirect is about redirects that the server makes. */
    (void) wr_headers_add(&r->out, WR_H_OTHER, WR_STR("Location"),
                          wr_uri_escape(wr_pool(r), url, WR_ESC_URL));
    return wr_app_answer(r, status, WR_STR("text/plain"), WR_STR("utf-8"), WR_STR(""));
}

static wr_rc_t
run_redirect(wr_req_t *r, void *state)
{
    const text_conf_t *c = wr_stage_conf(r);

    (void) state;
    return route_redirect(r, c->text, c->external, 303);
}

static const wr_middleware_t redirect_view = {"redirect", 0, run_redirect, NULL};

/* "https://example.com/…" with a host that is no expression. */
static bool
names_a_site(wr_str_t text)
{
    if (text.n != 0 && (text.p[0] == '"' || text.p[0] == '\'')) {
        text = wr_str_skip(text, 1);
    }
    return wr_str_starts(text, WR_STR("//"))
           || (wr_str_istarts(text, WR_STR("http://")) && !wr_str_starts(text, WR_STR("http://{{")))
           || (wr_str_istarts(text, WR_STR("https://"))
               && !wr_str_starts(text, WR_STR("https://{{")));
}

wr_rc_t
route_set_redirect(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    text_conf_t *c = WR_NEW(cf->pool, text_conf_t);
    wr_tok_t     text = cf->raw;

    (void) d;
    (void) conf;
    if (wr_str_ends(text.text, WR_STR(" external"))) {
        c->external = true;
        text.text.n -= sizeof(" external") - 1;
    } else if (wr_str_starts(text.text, WR_STR("external "))) {
        c->external = true;
        text.text = wr_str_skip(text.text, sizeof("external ") - 1);
        text.column += sizeof("external ") - 1;
    }
    if (!c->external && names_a_site(text.text)) {
        wr_conf_warn(cf, &text, "this redirect is refused wherever the request's own host is "
                                "another: say \"external\" behind it if it is meant");
    }
    c->text = wr_app_url(cf, &text);
    return c->text != NULL ? wr_app_step_lendable(cf, &redirect_view, c, true,
                                                  c->text->lendable)
                           : WR_ERROR;
}
