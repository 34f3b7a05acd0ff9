/*
 * session: requests that another site made a browser send.
 *
 * Browsers say themselves where a request comes from: Sec-Fetch-Site, or Origin. For
 * those that say neither there is a token: a secret in the session, sent masked
 * anew each time, so that its text is never twice the same.
 */
#include "session.h"

#include <weir/os/random.h>

#define KEY WR_STR("_csrf")

enum { SECRET = 16 };       /* bytes; in the session as hexadecimal digits */

static wr_str_t
hex(wr_pool_t *pool, const unsigned char *raw, size_t n)
{
    char *text = wr_alloc_bytes(pool, n * 2);

    for (size_t i = 0; i < n; i++) {
        text[i * 2] = "0123456789abcdef"[raw[i] >> 4];
        text[i * 2 + 1] = "0123456789abcdef"[raw[i] & 15];
    }
    return wr_str(text, n * 2);
}

static bool
unhex(wr_str_t text, unsigned char *raw, size_t n)
{
    if (text.n != n * 2) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        int a = wr_hex_digit(text.p[i * 2]), b = wr_hex_digit(text.p[i * 2 + 1]);

        if (a < 0 || b < 0) {
            return false;
        }
        raw[i] = (unsigned char) (a << 4 | b);
    }
    return true;
}

static bool
secret_of(const session_t *s, unsigned char *raw)
{
    const wr_val_t *v = wr_dict_gets(s->now, KEY);

    return v != NULL && v->type == WR_V_STR && unhex(wr_val_text(v), raw, SECRET);
}

void
session_new_secret(session_t *s)
{
    wr_val_t gone = {.type = WR_V_UNDEFINED};

    if (wr_dict_gets(s->now, KEY) != NULL) {
        (void) session_change(s, KEY, &gone, NULL);
    }
}

static bool
csrf_token(wr_eval_t *ev, const wr_args_t *args, wr_val_t *out)
{
    wr_req_t     *r = ev->host;
    session_t    *s = r != NULL ? session_get(r) : NULL;
    unsigned char secret[SECRET], raw[SECRET * 2];

    if (!wr_args_bind(ev, "csrf_token", "", args, NULL, 0)) {
        return false;
    }
    if (s == NULL) {
        return wr_raise(ev, "RuntimeError", "csrf_token() needs a session");
    }
    if (!secret_of(s, secret)) {
        wr_val_t v;

        wr_random_bytes(secret, SECRET);
        v = wr_vstr(hex(wr_pool(r), secret, SECRET));
        if (!session_change(s, KEY, &v, NULL)) {
            return wr_raise(ev, "RuntimeError", "csrf_token() cannot be kept");
        }
    }
    wr_random_bytes(raw, SECRET);
    for (unsigned i = 0; i < SECRET; i++) {
        raw[SECRET + i] = raw[i] ^ secret[i];
    }
    *out = wr_vstr(hex(ev->pool, raw, sizeof(raw)));
    return true;
}

static bool
is_token_of(const session_t *s, wr_str_t text)
{
    unsigned char secret[SECRET], raw[SECRET * 2];

    if (s == NULL || !secret_of(s, secret) || !unhex(text, raw, sizeof(raw))) {
        return false;
    }
    for (unsigned i = 0; i < SECRET; i++) {
        raw[SECRET + i] ^= raw[i];
    }
    return wr_str_eq_secret(wr_str((char *) secret, SECRET),
                            wr_str((char *) raw + SECRET, SECRET));
}

/* "https://example.org" and the Host "example.org:443" are the same. A page that came
 * without TLS is none of a site that has it: anybody on the way could have made it. */
static bool
is_own_origin(wr_str_t origin, wr_str_t host, bool tls)
{
    wr_str_t port;

    if (wr_str_istarts(origin, WR_STR("https://"))) {
        origin = wr_str_skip(origin, 8);
        port = WR_STR(":443");
    } else if (!tls && wr_str_istarts(origin, WR_STR("http://"))) {
        origin = wr_str_skip(origin, 7);
        port = WR_STR(":80");
    } else {
        return false;
    }
    if (wr_str_ends(origin, port)) {
        origin.n -= port.n;
    }
    if (wr_str_ends(host, port)) {
        host.n -= port.n;
    }
    return host.n != 0 && wr_str_ieq(origin, host);
}

typedef struct csrf_conf {
    wr_tok_t             at;
    const wr_app_expr_t *field;     /* of the form */
    bool                 always;    /* of a `when`: no inner `csrf off` can mean it */
} csrf_conf_t;

static wr_rc_t
check(wr_req_t *r, void *state)
{
    const csrf_conf_t *c = wr_stage_conf(r);
    wr_str_t           site = wr_req_header(r->main, WR_H_SEC_FETCH_SITE);
    wr_str_t           origin = wr_req_header(r->main, WR_H_ORIGIN);
    wr_str_t           token;
    wr_val_t           v;

    (void) state;
    if (!c->always && !((const session_conf_t *) wr_conf(r))->csrf) {
        return WR_DECLINED;
    }
    if ((r->method & (WR_GET | WR_HEAD | WR_OPTIONS | WR_TRACE)) != 0) {
        return WR_DECLINED;
    }
    if (site.n != 0) {
        return wr_str_eqz(site, "same-origin") || wr_str_eqz(site, "none")
                   ? WR_DECLINED
                   : wr_app_fail(r, &c->at, 403, WR_STR("the request comes from another site"),
                                 "csrf: Sec-Fetch-Site is \"%.*s\"", WR_ARG(site));
    }
    if (origin.n != 0) {
        return is_own_origin(origin, wr_req_header(r->main, WR_H_HOST),
                             wr_req_scheme(r->main).n == 5)
                   ? WR_DECLINED
                   : wr_app_fail(r, &c->at, 403, WR_STR("the request comes from another site"),
                                 "csrf: Origin is \"%.*s\"", WR_ARG(origin));
    }
    token = wr_req_header_z(r->main, "X-CSRF-Token");
    if (token.n == 0 && wr_has_body(r)
        && (wr_str_istarts(wr_req_header(r->main, WR_H_CONTENT_TYPE),
                           WR_STR("application/x-www-form-urlencoded"))
            || wr_str_istarts(wr_req_header(r->main, WR_H_CONTENT_TYPE),
                              WR_STR("multipart/form-data"))))
    {
        if (!wr_app_eval(r, c->field, &v)) {
            return wr_app_failed(r);
        }
        token = v.type == WR_V_STR ? wr_val_text(&v) : WR_STR_NONE;
    }
    return is_token_of(session_get(r), token)
               ? WR_DECLINED
               : wr_app_fail(r, &c->at, 403, WR_STR("the token of the form is missing or wrong"),
                             "csrf: no valid token");
}

static const wr_middleware_t csrf_step = {"csrf", 0, check, NULL};

wr_rc_t
session_set_csrf(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    session_conf_t *own = conf;
    csrf_conf_t    *c = WR_NEW(cf->pool, csrf_conf_t);
    wr_tok_t        field = cf->args[0];

    (void) d;
    own->csrf = wr_str_eqz(cf->args[1].text, "on");
    if (wr_str_eqz(cf->args[1].text, "off")) {
        return WR_OK;
    }
    if (!wr_str_eqz(cf->args[1].text, "on")) {
        return wr_conf_fail(cf, &cf->args[1], "invalid value \"%.*s\" in \"csrf\": it must be "
                                              "\"on\" or \"off\"",
                            WR_ARG(cf->args[1].text));
    }
    field.text = WR_STR("form.csrf_token|default('')");
    c->field = wr_app_expr(cf, &field);
    if (c->field == NULL) {
        return WR_ERROR;
    }
    c->at = c->field->at;
    c->always = (cf->scope->context & WR_WHEN) != 0;
    wr_app_want_session(cf);
    return wr_app_step(cf, &csrf_step, c, false);
}

const wr_fn_row_t session_functions[] = {
    {"csrf_token", csrf_token, "", "A token for forms, bound to the session.", 0,
     "csrf_token()|length > 20 -> True"},
    {.name = NULL}
};
