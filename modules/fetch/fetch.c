/*
 * fetch: the directive, its block, and the result as a value.
 */
#include "fetch.h"

#include <weir/expr/json_in.h>
#include <weir/process/cycle.h>

/* ---- the result ---- */

typedef struct result {
    wr_obj_t  obj;
    bool      ok;
    unsigned  status;
    wr_obj_t *headers;
    wr_val_t  text;
    wr_str_t  raw;
    double    elapsed;
    wr_str_t  error;
} result_t;

static bool
result_attr(wr_eval_t *ev, wr_obj_t *o, wr_str_t name, wr_val_t *out)
{
    result_t *x = (result_t *) (void *) o;

    if (wr_str_eqz(name, "ok")) {
        *out = wr_bool(x->ok);
    } else if (wr_str_eqz(name, "status")) {
        *out = wr_int(x->status);
    } else if (wr_str_eqz(name, "headers")) {
        *out = wr_vobj(x->headers);
    } else if (wr_str_eqz(name, "text")) {
        *out = x->text;
    } else if (wr_str_eqz(name, "elapsed")) {
        *out = wr_float(x->elapsed);
    } else if (wr_str_eqz(name, "error")) {
        *out = x->error.n != 0 ? wr_vstr(x->error) : wr_none();
    } else if (wr_str_eqz(name, "json")) {
        wr_json_limits_t limits = {0, false, true};
        wr_json_err_t    err = {0};

        if (!wr_json_parse(ev->pool, x->raw, &limits, out, &err)) {
            return wr_raise(ev, "ValueError", "the answer is not JSON: %.*s (line %u, "
                                              "column %u)",
                            WR_ARG(err.message), err.line, err.column);
        }
    } else {
        return false;
    }
    return true;
}

static bool
result_item(wr_eval_t *ev, wr_obj_t *o, const wr_val_t *key, wr_val_t *out)
{
    return key->type == WR_V_STR && result_attr(ev, o, wr_val_text(key), out);
}

static const wr_obj_type_t result_type = {
    .name = "fetch result", .attr = result_attr, .item = result_item};

wr_val_t
fetch_result(fetch_t *f)
{
    wr_pool_t *pool = wr_pool(f->r);
    result_t  *x = WR_NEW(pool, result_t);

    x->obj.type = &result_type;
    x->ok = f->ok;
    x->status = f->x.status;
    x->raw = wr_buf_text(&f->text);
    x->text = wr_app_str(pool, x->raw);
    x->elapsed = (double) f->elapsed / 1000.0;
    x->error = f->error;
    x->headers = wr_app_mapping(pool, true);
    for (WR_EACH_HEADER(h, &f->x.in)) {
        wr_app_mapping_add(x->headers, h->name, wr_app_str(pool, h->value));
    }
    return wr_vobj(&x->obj);
}

/* ---- the task ---- */

static bool
render(wr_req_t *r, const wr_app_text_t *t, wr_str_t *out)
{
    wr_buf_t b = wr_buf(wr_pool(r));

    if (!wr_app_render(r, t, false, &b)) {
        return false;
    }
    *out = wr_buf_text(&b);
    return true;
}

/* Where to store: under the prefix, and never out of it by what a client sent. */
static bool
store_path(wr_req_t *r, const fetch_conf_t *c, wr_str_t *path)
{
    wr_str_t text, rest, part;

    if (!render(r, c->store, &text)) {
        return false;
    }
    rest = text;
    while (wr_str_split(&rest, '/', &part)) {
        if (wr_str_eqz(part, "..")) {
            (void) wr_app_fail(r, &c->store->at, 400, WR_STR("a file name leads elsewhere"),
                               "\"store %.*s\" leads out of its folder", WR_ARG(text));
            return false;
        }
    }
    if (text.n == 0 || wr_str_chr(text, '\0') >= 0) {
        (void) wr_app_fail(r, &c->store->at, 400, WR_STR("a file name is missing"), NULL);
        return false;
    }
    *path = text.p[0] == '/' ? wr_pool_str(wr_pool(r), text)
                             : wr_pool_join(wr_pool(r), wr_cycle->prefix, text);
    return true;
}

static wr_op_t *
start(wr_req_t *r, const void *conf, void *state, wr_rc_t *rc)
{
    const fetch_conf_t *c = conf;
    fetch_t            *f = state;
    wr_str_t            url;

    *rc = WR_DONE;
    f->r = r;
    f->conf = c;
    f->fd = -1;
    f->redirects = c->redirects;
    f->method = c->body != NULL ? WR_STR("POST") : WR_STR("GET");
    if (!render(r, c->url, &url) || (c->method != NULL && !render(r, c->method, &f->method))
        || (c->body != NULL && !render(r, c->body, &f->body))
        || (c->store != NULL && !store_path(r, c, &f->path)))
    {
        return NULL;
    }
    if (!wr_is_token(f->method) || !url_parse(wr_pool(r), url, &f->url)) {
        (void) wr_app_fail(r, &c->at, 500, WR_STR("Internal Server Error"),
                           "\"%.*s\" is no URL", WR_ARG(url));
        return NULL;
    }
    fetch_start(f);
    return &f->op;
}

static wr_rc_t
end(wr_req_t *r, const void *conf, void *state)
{
    const fetch_conf_t *c = conf;
    fetch_t            *f = state;

    wr_app_add_time(r, WR_TIME_FETCH, (uint64_t) f->elapsed * 1000000u);
    if (r->aborted) {
        return WR_CANCELLED;
    }
    if (!f->ok && !c->optional && f->x.status == 0) {
        return wr_app_fail(r, &c->at, f->timed_out ? 504 : 502,
                           f->timed_out ? WR_STR("a server that was asked took too long")
                                        : WR_STR("a server that was asked did not answer"),
                           "fetch %.*s failed: %.*s",
                           WR_ARG(url_text(wr_pool(r), &f->url)), WR_ARG(f->error));
    }
    if (!f->ok && !c->optional && f->error.n != 0 && f->x.status < 400) {
        return wr_app_fail(r, &c->at, f->timed_out ? 504 : 502,
                           WR_STR("a server that was asked did not answer"),
                           "fetch %.*s failed: %.*s",
                           WR_ARG(url_text(wr_pool(r), &f->url)), WR_ARG(f->error));
    }
    if (c->slot >= 0) {
        wr_app_set(r, c->slot, fetch_result(f));
    }
    return WR_OK;
}

static const wr_app_task_t task = {"fetch", sizeof(fetch_t), start, end};

/* ---- conf ---- */

static fetch_conf_t *
conf_of(wr_conf_t *cf)
{
    return cf->scope->object;
}

static wr_rc_t
set_fetch(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    fetch_conf_t *c = WR_NEW(cf->pool, fetch_conf_t);
    wr_tok_t      name, url = cf->raw;

    (void) d;
    (void) conf;
    c->slot = -1;
    c->timeout = 60000;
    c->max_size = 16 << 20;
    c->redirects = 10;
    c->verify = true;
    c->headers = wr_array(cf->pool, sizeof(field_t));
    if (wr_app_take_name(&cf->raw, &name, &url)) {
        c->slot = wr_app_name(cf, &name);
        if (c->slot < 0) {
            return WR_ERROR;
        }
    }
    c->url = wr_app_text(cf, &url);
    if (c->url == NULL) {
        return WR_ERROR;
    }
    c->at = c->url->at;
    if (cf->has_block && wr_conf_block(cf, wr_conf_scope(cf, WR_FETCH, c)) != WR_OK) {
        return WR_ERROR;
    }
    return wr_app_task(cf, &task, c);
}

static wr_rc_t
set_text(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    fetch_conf_t         *c = conf_of(cf);
    const wr_app_text_t **to = strcmp(d->name, "method") == 0 ? &c->method
                             : strcmp(d->name, "body") == 0   ? &c->body
                                                              : &c->store;

    (void) conf;
    if (*to != NULL) {
        return wr_conf_fail(cf, NULL, "\"%s\" directive is duplicate", d->name);
    }
    *to = wr_app_text(cf, &cf->raw);
    return *to != NULL ? WR_OK : WR_ERROR;
}

static wr_rc_t
set_header(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    fetch_conf_t *c = conf_of(cf);
    wr_tok_t      value = cf->raw;
    size_t        i = 0;
    field_t      *f;

    (void) d;
    (void) conf;
    while (i < value.text.n && value.text.p[i] != ' ' && value.text.p[i] != '\t') {
        i++;
    }
    f = WR_PUSH(&c->headers, field_t);
    f->name = wr_pool_str(cf->pool, wr_str(value.text.p, i));
    while (i < value.text.n && (value.text.p[i] == ' ' || value.text.p[i] == '\t')) {
        i++;
    }
    value.text = wr_str_skip(value.text, i);
    value.column += (uint32_t) i;
    if (!wr_is_token(f->name) || value.text.n == 0) {
        return wr_conf_fail(cf, &cf->raw, "\"header\" needs NAME TEXT");
    }
    f->value = wr_app_text(cf, &value);
    return f->value != NULL ? WR_OK : WR_ERROR;
}

static wr_rc_t
set_number(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    fetch_conf_t *c = conf_of(cf);
    wr_str_t      w = cf->args[1].text;
    bool          ok;

    (void) conf;
    if (strcmp(d->name, "timeout") == 0) {
        ok = wr_parse_msec(w, &c->timeout) && c->timeout > 0;
    } else if (strcmp(d->name, "max_size") == 0) {
        ok = wr_parse_offset(w, &c->max_size);
    } else if (strcmp(d->name, "verify") == 0) {
        c->verify = wr_str_eqz(w, "on");
        ok = c->verify || wr_str_eqz(w, "off");
    } else {
        ok = wr_parse_int(w, &c->redirects) && c->redirects <= 100;
    }
    return ok ? WR_OK : wr_conf_fail(cf, &cf->args[1], "invalid value \"%.*s\"", WR_ARG(w));
}

static wr_rc_t
set_optional(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    (void) d;
    (void) conf;
    conf_of(cf)->optional = true;
    return WR_OK;
}

#define STEPS (WR_SERVER | WR_LOCATION | WR_WHEN | WR_GATHER)
#define TEMPLATE (WR_DF_RAW | WR_DF_TEMPLATE)

static const wr_directive_t directives[] = {
    WR_ACTION("fetch", STEPS, 1, 1, set_fetch, "Asks another server.",
              .flags = TEMPLATE | WR_DF_BLOCK | WR_DF_REPEAT,
              .args = "NAME = URL-TEMPLATE [{ … }]",
              .example = "fetch user = http://users/{{ params.id }};"),
    WR_ACTION("method", WR_FETCH, 1, 1, set_text, "The method of a fetch.",
              .flags = TEMPLATE | WR_DF_REPEAT, .args = "TEMPLATE"),
    WR_ACTION("body", WR_FETCH, 1, 1, set_text, "The body of a fetch.",
              .flags = TEMPLATE | WR_DF_REPEAT, .args = "TEMPLATE"),
    WR_ACTION("store", WR_FETCH, 1, 1, set_text,
              "The answer goes to this file, whole or not at all.",
              .flags = TEMPLATE | WR_DF_REPEAT, .args = "FILE-TEMPLATE"),
    WR_ACTION("header", WR_FETCH, 1, 1, set_header, "A field of the request.",
              .flags = TEMPLATE | WR_DF_REPEAT, .args = "NAME TEMPLATE"),
    WR_ACTION("timeout", WR_FETCH, 1, 1, set_number, "How long a fetch may take in all.",
              .args = "TIME"),
    WR_ACTION("max_size", WR_FETCH, 1, 1, set_number, "The largest answer.",
              .args = "SIZE"),
    WR_ACTION("redirects", WR_FETCH, 1, 1, set_number, "How many redirects are followed.",
              .args = "N"),
    WR_ACTION("verify", WR_FETCH, 1, 1, set_number, "Whether certificates are verified.",
              .args = "on | off"),
    WR_ACTION("optional", WR_FETCH, 0, 0, set_optional,
              "A failure does not end the request."),
    WR_END
};

static const wr_http_tables_t tables = {0};

WR_MODULE(fetch, .doc = "Requests to other servers, many at once.",
          .schema = {.name = "http_fetch_module", .directives = directives},
          .http = &tables);
