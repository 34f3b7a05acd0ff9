/*
 * route: the steps set, unset, require, when, status, header, cookie.
 */
#include "route.h"

/* ---- set, unset ---- */

typedef struct set_conf {
    int                  slot;      /* -1: a key of the session */
    wr_str_t             key;
    const wr_app_expr_t *expr;      /* NULL: unset */
} set_conf_t;

static wr_rc_t
store(wr_req_t *r, const set_conf_t *c, const wr_val_t *v)
{
    if (c->slot >= 0) {
        wr_app_set(r, c->slot, *v);
        return WR_OK;
    }
    return wr_app_session_set(r, c->key, v, c->expr) ? WR_OK : wr_app_failed(r);
}

static wr_rc_t
run_set(wr_req_t *r, void *state)
{
    const set_conf_t *c = wr_stage_conf(r);
    wr_val_t          v = {0};

    (void) state;
    if (c->expr == NULL) {
        return store(r, c, &v);
    }
    return wr_app_eval(r, c->expr, &v) ? store(r, c, &v) : wr_app_failed(r);
}

static const wr_middleware_t set_step = {"set", 0, run_set, NULL};

/* "session.KEY" or a name of its own. */
static wr_rc_t
parse_target(wr_conf_t *cf, const wr_tok_t *name, set_conf_t *c)
{
    if (wr_str_starts(name->text, WR_STR("session."))) {
        c->slot = -1;
        c->key = wr_pool_str(cf->pool, wr_str_skip(name->text, 8));
        if (c->key.n == 0) {
            return wr_conf_fail(cf, name, "\"session.\" needs a key");
        }
        if (wr_str_chr(c->key, '.') >= 0) {
            return wr_conf_fail(cf, name, "\"%.*s\" is no key of the session: set the whole "
                                          "value of a key", WR_ARG(c->key));
        }
        if (wr_app_session_set == NULL || !wr_app_has_session(cf)) {
            return wr_conf_fail(cf, name, "sessions need \"load_module "
                                          "modules/http_session_module.so;\"");
        }
        wr_app_want_session(cf);
        return WR_OK;
    }
    c->slot = wr_app_name(cf, name);
    return c->slot >= 0 ? WR_OK : WR_ERROR;
}

wr_rc_t
route_set_set(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    set_conf_t *c = WR_NEW(cf->pool, set_conf_t);
    wr_tok_t    name, rest;

    (void) d;
    (void) conf;
    if (!wr_app_take_name(&cf->raw, &name, &rest)) {
        return wr_conf_fail(cf, &cf->raw, "\"set\" needs NAME = EXPRESSION");
    }
    /* The expression is compiled first: it cannot use the name it makes. */
    c->expr = wr_app_expr(cf, &rest);
    if (c->expr == NULL || parse_target(cf, &name, c) != WR_OK) {
        return WR_ERROR;
    }
    return wr_app_step_lendable(cf, &set_step, c, false, c->slot >= 0 && c->expr->lendable);
}

wr_rc_t
route_set_unset(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    set_conf_t *c = WR_NEW(cf->pool, set_conf_t);

    (void) d;
    (void) conf;
    if (parse_target(cf, &cf->args[1], c) != WR_OK) {
        return WR_ERROR;
    }
    return wr_app_step(cf, &set_step, c, false);
}

/* ---- require ---- */

typedef struct require_conf {
    const wr_app_expr_t *expr;
    unsigned             status;    /* 0: redirect */
    const wr_app_text_t *text;      /* message or target; NULL: none */
    bool                 external;
    wr_tok_t             at;
} require_conf_t;

static wr_rc_t
refuse(wr_req_t *r, const require_conf_t *c)
{
    wr_buf_t b = wr_buf(wr_pool(r));

    if (c->status == 0) {
        return route_redirect(r, c->text, c->external, 303);
    }
    if (c->text != NULL && !wr_app_render(r, c->text, false, &b)) {
        return wr_app_failed(r);
    }
    return wr_app_refuse(r, &c->at, c->status, wr_buf_text(&b));
}

static wr_rc_t
run_require(wr_req_t *r, void *state)
{
    const require_conf_t *c = wr_stage_conf(r);
    bool                  truth;

    (void) state;
    if (!wr_app_eval_truth(r, c->expr, &truth)) {
        return wr_app_failed(r);
    }
    return truth ? WR_OK : refuse(r, c);
}

static const wr_middleware_t require_step = {"require", 0, run_require, NULL};

static bool
is_status(wr_str_t s)
{
    return s.n >= 3 && wr_is_digit(s.p[0]) && wr_is_digit(s.p[1]) && wr_is_digit(s.p[2])
           && (s.n == 3 || wr_tok_is_blank(s.p[3]));
}

/* The `else` that a status or `redirect` follows, outside quotes and brackets:
 * where it begins, and in *behind what follows it. -1: none. */
static ssize_t
find_else(wr_str_t s, size_t *behind)
{
    for (size_t i = wr_tok_next_word(s, 0); i < s.n; i = wr_tok_next_word(s, i + 1)) {
        size_t k = i + 4;

        if (!wr_tok_stands(s, i, WR_STR("else"))) {
            continue;
        }
        while (k < s.n && wr_tok_is_blank(s.p[k])) {
            k++;
        }
        if (is_status(wr_str_skip(s, k)) || wr_tok_stands(s, k, WR_STR("redirect"))) {
            *behind = k;
            return (ssize_t) i;
        }
    }
    return -1;
}

wr_rc_t
route_set_require(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    require_conf_t *c = WR_NEW(cf->pool, require_conf_t);
    wr_str_t        s = cf->raw.text;
    size_t          k;
    ssize_t         at = find_else(s, &k);
    wr_tok_t        part;

    (void) d;
    (void) conf;
    if (at < 0) {
        return wr_conf_fail(cf, &cf->raw, "\"require\" needs EXPRESSION else STATUS [TEXT], "
                                          "or else redirect URL");
    }
    part = wr_tok_part(&cf->raw, 0, (size_t) at);
    c->expr = wr_app_expr(cf, &part);
    if (c->expr == NULL) {
        return WR_ERROR;
    }
    c->at = c->expr->at;
    if (wr_is_digit(s.p[k])) {
        c->status = (unsigned) (s.p[k] - '0') * 100 + (unsigned) (s.p[k + 1] - '0') * 10
                    + (unsigned) (s.p[k + 2] - '0');
        if (c->status < 400 || c->status > 599) {
            part = wr_tok_part(&cf->raw, k, k + 3);
            return wr_conf_fail(cf, &part, "the status must be between 400 and 599");
        }
        k += 3;
    } else {
        k += 8;
    }
    while (k < s.n && wr_tok_is_blank(s.p[k])) {
        k++;
    }
    if (k < s.n) {
        part = wr_tok_part(&cf->raw, k, s.n);
        if (c->status == 0 && wr_str_ends(part.text, WR_STR(" external"))) {
            c->external = true;
            part.text.n -= sizeof(" external") - 1;
        }
        c->text = c->status == 0 ? wr_app_url(cf, &part) : wr_app_text(cf, &part);
        if (c->text == NULL) {
            return WR_ERROR;
        }
    } else if (c->status == 0) {
        return wr_conf_fail(cf, &cf->raw, "\"redirect\" needs a URL");
    }
    return wr_app_step_lendable(cf, &require_step, c, false,
                                c->expr->lendable && (c->text == NULL || c->text->lendable));
}

/* ---- when, otherwise ---- */

typedef struct when_conf {
    const wr_app_expr_t  *expr;
    const wr_app_block_t *then, *otherwise;
} when_conf_t;

static wr_rc_t
run_when(wr_req_t *r, void *state)
{
    const when_conf_t *c = wr_stage_conf(r);
    bool               truth;

    (void) state;
    if (!wr_app_eval_truth(r, c->expr, &truth)) {
        return wr_app_failed(r);
    }
    if (truth) {
        return wr_app_enter(r, c->then);
    }
    return c->otherwise != NULL ? wr_app_enter(r, c->otherwise) : WR_DECLINED;
}

static const wr_middleware_t when_step = {"when", 0, run_when, NULL};

wr_rc_t
route_set_when(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    when_conf_t *c = WR_NEW(cf->pool, when_conf_t);

    (void) d;
    (void) conf;
    c->expr = wr_app_expr(cf, &cf->raw);
    if (c->expr == NULL) {
        return WR_ERROR;
    }
    if (!cf->has_block) {
        return wr_conf_fail(cf, NULL, "directive \"when\" has no opening \"{\"");
    }
    wr_app_ahead(cf);
    c->then = wr_app_block(cf);
    if (c->then == NULL) {
        return WR_ERROR;
    }
    return wr_app_step_lendable(cf, &when_step, c, false, c->expr->lendable);
}

wr_rc_t
route_set_otherwise(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    const wr_stage_t *last = wr_app_last_step(cf);
    when_conf_t      *c;

    (void) d;
    (void) conf;
    if (last == NULL || last->mw != &when_step
        || ((const when_conf_t *) last->conf)->otherwise != NULL)
    {
        return wr_conf_fail(cf, NULL, "\"otherwise\" must follow a \"when\" block");
    }
    c = (when_conf_t *) (uintptr_t) last->conf;
    c->otherwise = wr_app_block(cf);
    return c->otherwise != NULL ? WR_OK : WR_ERROR;
}

/* ---- status, header, cookie ---- */

static wr_rc_t
run_status(wr_req_t *r, void *state)
{
    (void) state;
    wr_app_set_status(r, (unsigned) (uintptr_t) wr_stage_conf(r));
    return WR_OK;
}

static const wr_middleware_t status_step = {"status", 0, run_status, NULL};

wr_rc_t
route_set_status(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    int64_t n;

    (void) d;
    (void) conf;
    if (!wr_parse_int(cf->args[1].text, &n) || n < 200 || n > 599) {
        return wr_conf_fail(cf, &cf->args[1], "the status must be between 200 and 599");
    }
    wr_app_says_status(cf);
    return wr_app_step_lendable(cf, &status_step, (const void *) (uintptr_t) n, false, true);
}

typedef struct field_conf {
    wr_str_t             name;
    const wr_app_text_t *value;
    wr_str_t             attrs;     /* of a cookie: "; HttpOnly; …" */
    bool                 secure_set;
} field_conf_t;

static wr_rc_t
run_header(wr_req_t *r, void *state)
{
    const field_conf_t *c = wr_stage_conf(r);
    wr_buf_t            b = wr_buf(wr_pool(r));

    (void) state;
    if (!wr_app_render(r, c->value, false, &b)) {
        return wr_app_failed(r);
    }
    if (!wr_is_field_value(wr_buf_text(&b))) {
        return wr_app_fail(r, &c->value->at, 500, WR_STR("Internal Server Error"),
                           "the value of the header \"%.*s\" has a line end in it",
                           WR_ARG(c->name));
    }
    if (wr_str_ieqz(c->name, "Content-Type")) {
        wr_app_set_type(r, wr_buf_text(&b));
    } else {
        wr_hid_t id = wr_header_id(c->name);

        /* A Location goes out as it is written. */
        (void) wr_headers_add(&r->out, id == WR_H_LOCATION ? WR_H_OTHER : id, c->name,
                              wr_buf_text(&b));
    }
    return WR_OK;
}

static const wr_middleware_t header_step = {"header", 0, run_header, NULL};

wr_rc_t
route_set_header(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    field_conf_t *c = WR_NEW(cf->pool, field_conf_t);
    wr_tok_t      rest, name = wr_tok_word(&cf->raw, &rest);

    (void) d;
    (void) conf;
    if (!wr_is_token(name.text) || rest.text.n == 0) {
        return wr_conf_fail(cf, &name, "\"header\" needs NAME TEXT");
    }
    switch (wr_header_id(name.text)) {
    case WR_H_CONTENT_LENGTH:
    case WR_H_TRANSFER_ENCODING:
    case WR_H_CONNECTION:
        return wr_conf_fail(cf, &name, "the server itself sets \"%.*s\"", WR_ARG(name.text));
    default:
        break;
    }
    c->name = wr_pool_str(cf->pool, name.text);
    c->value = wr_app_text(cf, &rest);
    return c->value != NULL ? wr_app_step_lendable(cf, &header_step, c, false,
                                                   c->value->lendable)
                            : WR_ERROR;
}

static bool
is_cookie_char(char c)
{
    return c > ' ' && c < 0x7f && c != '"' && c != ',' && c != ';' && c != '\\';
}

/* What a cookie cannot hold stands in quotes, as Python's http.cookies writes it and
 * `cookies` reads it. */
static void
put_cookie_value(wr_buf_t *b, wr_str_t s)
{
    size_t i = 0;

    while (i < s.n && is_cookie_char(s.p[i])) {
        i++;
    }
    if (i == s.n) {
        wr_buf_str(b, s);
        return;
    }
    wr_buf_char(b, '"');
    for (i = 0; i < s.n; i++) {
        if (s.p[i] == '"' || s.p[i] == '\\') {
            wr_buf_char(b, '\\');
        }
        if (is_cookie_char(s.p[i]) || s.p[i] == ' ' || s.p[i] == '"' || s.p[i] == '\\') {
            wr_buf_char(b, s.p[i]);
        } else {
            wr_buf_printf(b, "\\%03o", (unsigned) (unsigned char) s.p[i]);
        }
    }
    wr_buf_char(b, '"');
}

static wr_rc_t
run_cookie(wr_req_t *r, void *state)
{
    const field_conf_t *c = wr_stage_conf(r);
    wr_buf_t            b = wr_buf(wr_pool(r)), text = wr_buf(wr_pool(r));

    (void) state;
    if (!wr_app_render(r, c->value, false, &text)) {
        return wr_app_failed(r);
    }
    if (!wr_is_field_value(wr_buf_text(&text))) {
        return wr_app_fail(r, &c->value->at, 500, WR_STR("Internal Server Error"),
                           "the value of the cookie \"%.*s\" has a line end in it",
                           WR_ARG(c->name));
    }
    wr_buf_str(&b, c->name);
    wr_buf_char(&b, '=');
    put_cookie_value(&b, wr_buf_text(&text));
    wr_buf_str(&b, c->attrs);
    if (!c->secure_set && wr_req_scheme(r).n == 5) {
        wr_buf_lit(&b, "; Secure");
    }
    (void) wr_headers_add(&r->out, WR_H_SET_COOKIE, WR_STR("Set-Cookie"), wr_buf_text(&b));
    return WR_OK;
}

static const wr_middleware_t cookie_step = {"cookie", 0, run_cookie, NULL};

static wr_rc_t
add_attr(wr_conf_t *cf, const wr_tok_t *word, wr_buf_t *attrs, field_conf_t *c, bool *path)
{
    wr_str_t w = word->text, value;
    int64_t  n;

    if (wr_str_ieqz(w, "httponly")) {
        wr_buf_lit(attrs, "; HttpOnly");
    } else if (wr_str_ieqz(w, "secure")) {
        wr_buf_lit(attrs, "; Secure");
        c->secure_set = true;
    } else if (wr_str_istarts(w, WR_STR("max-age=")) || wr_str_istarts(w, WR_STR("max_age="))) {
        value = wr_str_skip(w, 8);
        if (!wr_parse_sec(value, &n)) {
            return wr_conf_fail(cf, word, "invalid max-age \"%.*s\"", WR_ARG(value));
        }
        wr_buf_printf(attrs, "; Max-Age=%" PRId64, n);
    } else if (wr_str_istarts(w, WR_STR("path="))) {
        *path = true;
        wr_buf_printf(attrs, "; Path=%.*s", WR_ARG(wr_str_skip(w, 5)));
    } else if (wr_str_istarts(w, WR_STR("domain="))) {
        wr_buf_printf(attrs, "; Domain=%.*s", WR_ARG(wr_str_skip(w, 7)));
    } else if (wr_str_istarts(w, WR_STR("samesite="))) {
        value = wr_str_skip(w, 9);
        if (!wr_str_ieqz(value, "lax") && !wr_str_ieqz(value, "strict")
            && !wr_str_ieqz(value, "none"))
        {
            return wr_conf_fail(cf, word, "invalid samesite \"%.*s\"", WR_ARG(value));
        }
        wr_buf_printf(attrs, "; SameSite=%.*s", WR_ARG(value));
    } else {
        return wr_conf_fail(cf, word, "unknown attribute \"%.*s\" of a cookie", WR_ARG(w));
    }
    return WR_OK;
}

/* Where the value ends: at a blank outside quotes and {{ }}. */
static size_t
value_end(wr_str_t s)
{
    char quote = s.n != 0 && (s.p[0] == '"' || s.p[0] == '\'') ? s.p[0] : 0;
    bool tag = false;

    for (size_t i = quote != 0; i < s.n; i++) {
        if (!tag && i + 1 < s.n && s.p[i] == '{' && s.p[i + 1] == '{') {
            tag = true;
            i++;
        } else if (tag && i + 1 < s.n && s.p[i] == '}' && s.p[i + 1] == '}') {
            tag = false;
            i++;
        } else if (!tag && quote != 0 && s.p[i] == quote) {
            return i + 1;
        } else if (!tag && quote == 0 && wr_tok_is_blank(s.p[i])) {
            return i;
        }
    }
    return s.n;
}

wr_rc_t
route_set_cookie(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    field_conf_t *c = WR_NEW(cf->pool, field_conf_t);
    wr_tok_t      rest, name = wr_tok_word(&cf->raw, &rest), value, attrs;
    wr_buf_t      b = wr_buf(cf->pool);
    size_t        end = value_end(rest.text);
    bool          path = false;

    (void) d;
    (void) conf;
    if (!wr_is_token(name.text) || rest.text.n == 0) {
        return wr_conf_fail(cf, &name, "\"cookie\" needs NAME TEXT [attribute…]");
    }
    value = wr_tok_part(&rest, 0, end);
    attrs = wr_tok_part(&rest, end, rest.text.n);
    while (attrs.text.n != 0) {
        wr_tok_t word;

        if (wr_tok_is_blank(attrs.text.p[0])) {
            attrs = wr_tok_part(&attrs, 1, attrs.text.n);
            continue;
        }
        word = wr_tok_word(&attrs, &attrs);
        if (add_attr(cf, &word, &b, c, &path) != WR_OK) {
            return WR_ERROR;
        }
    }
    if (!path) {
        wr_buf_lit(&b, "; Path=/");
    }
    if (wr_str_ifind(wr_buf_text(&b), WR_STR("SameSite=none")) >= 0 && !c->secure_set) {
        return wr_conf_fail(cf, &name, "browsers take a cookie with \"samesite=none\" only "
                                       "with \"secure\"");
    }
    c->attrs = wr_buf_text(&b);
    c->name = wr_pool_str(cf->pool, name.text);
    c->value = wr_app_text(cf, &value);
    return c->value != NULL ? wr_app_step_lendable(cf, &cookie_step, c, false,
                                                   c->value->lendable)
                            : WR_ERROR;
}
