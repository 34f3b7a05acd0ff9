/*
 * fetch: the directives: the step, its block, and what a location says for all.
 */
#include "fetch.h"

#include <weir/process/cycle.h>

/* ---- the task ---- */

const settings_t *
fetch_settings(wr_req_t *r)
{
    return wr_conf(r);
}

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

static bool
render_headers(wr_req_t *r, const fetch_conf_t *c, fetch_t *f)
{
    f->headers = WR_NEW_N(wr_pool(r), wr_header_t, c->headers.n + 1u);
    for (WR_EACH(field_t, field, &c->headers)) {
        wr_header_t *h = &f->headers[f->nheaders++];

        h->name = field->name;
        h->id = (uint16_t) wr_header_id(field->name);
        if (!render(r, field->value, &h->value)) {
            return false;
        }
        if (!wr_is_field_value(h->value)) {
            (void) wr_app_fail(r, &field->value->at, 500, WR_STR("Internal Server Error"),
                               "the value of the header \"%.*s\" has a line end in it",
                               WR_ARG(h->name));
            return false;
        }
    }
    return true;
}

/* A client that leaves ends what only asks. A request that may have changed something
 * elsewhere runs to its end, and so does one within a transaction (it is shielded). */
static void
leave_with_client(const fetch_t *f)
{
    wr_req_t *r = f->r->main;

    if (wr_str_eqz(f->method, "GET") || wr_str_eqz(f->method, "HEAD")
        || wr_str_eqz(f->method, "OPTIONS"))
    {
        wr_req_end_with_client(r);
    } else {
        r->runs_on = true;
    }
}

static wr_rc_t end(wr_req_t *r, const void *conf, void *state);

/* A failure as others are: one that `optional` allows is a result. */
static wr_rc_t
no_url(fetch_t *f, wr_str_t text)
{
    wr_buf_t error = wr_buf(wr_pool(f->r));

    if (!f->conf->optional) {
        return wr_app_fail(f->r, &f->conf->at, 500, WR_STR("Internal Server Error"),
                           "\"%.*s\" is no URL", WR_ARG(text));
    }
    f->url.target = text;
    wr_buf_printf(&error, "\"%.*s\" is no URL", (int) wr_min_size(text.n, 200), text.p);
    f->error = wr_buf_text(&error);
    return end(f->r, f->conf, f);
}

static wr_op_t *
start(wr_req_t *r, const void *conf, void *state, wr_rc_t *rc)
{
    const fetch_conf_t *c = conf;
    const settings_t   *s = fetch_settings(r);
    fetch_t            *f = state;
    wr_str_t            url;

    *rc = WR_DONE;
    f->r = r;
    f->conf = c;
    f->timeout = c->timeout >= 0 ? c->timeout : s->timeout;
    f->max_size = c->max_size >= 0 ? c->max_size : s->max_size;
    f->redirects = c->redirects >= 0 ? c->redirects : s->redirects;
    f->verify = c->verify >= 0 ? c->verify != 0 : s->verify;
    f->method = c->body != NULL ? WR_STR("POST") : WR_STR("GET");
    if (!render(r, c->url, &url) || (c->method != NULL && !render(r, c->method, &f->method))
        || (c->body != NULL && !render(r, c->body, &f->body))
        || (c->store != NULL && !wr_app_place(r, c->store, c->store_absolute, &f->path))
        || !render_headers(r, c, f))
    {
        return NULL;
    }
    if (!wr_is_token(f->method) || wr_str_eqz(f->method, "CONNECT")) {
        (void) wr_app_fail(r, &c->method->at, 500, WR_STR("Internal Server Error"),
                           "\"%.*s\" is no method", WR_ARG(f->method));
        return NULL;
    }
    if (!url_parse(wr_pool(r), url, &f->url)) {
        *rc = no_url(f, url);
        return NULL;
    }
    leave_with_client(f);
    fetch_start(f);
    return &f->op;
}

static wr_rc_t
failed(wr_req_t *r, const fetch_conf_t *c, const fetch_t *f)
{
    unsigned status = f->timed_out ? 504 : f->ours ? 500 : 502;

    return wr_app_fail(r, &c->at, status,
                       status == 504   ? WR_STR("a server that was asked took too long")
                       : status == 502 ? WR_STR("a server that was asked did not answer")
                                       : WR_STR("Internal Server Error"),
                       "fetch %.*s failed: %.*s", WR_ARG(url_text(wr_pool(r), &f->url)),
                       WR_ARG(f->error));
}

static wr_rc_t
end(wr_req_t *r, const void *conf, void *state)
{
    const fetch_conf_t *c = conf;
    fetch_t            *f = state;

    wr_app_spent(r, WR_TIME_FETCH, f->began_ns, f->ended_ns);
    if (r->aborted) {
        return WR_CANCELLED;
    }
    /* An answer with an error's status is an answer. */
    if (!f->complete && !c->optional) {
        return failed(r, c, f);
    }
    if (!f->complete) {
        (void) wr_req_id(r);
        wr_log(&r->log, WR_LOG_WARN, 0, "fetch %.*s failed: %.*s in %.*s:%u:%u",
               WR_ARG(url_text(wr_pool(r), &f->url)), WR_ARG(f->error), WR_ARG(c->at.file),
               c->at.line, c->at.column);
    }
    if (c->slot >= 0) {
        wr_app_set(r, c->slot, fetch_result(f));
    }
    return WR_OK;
}

static const wr_app_task_t task = {"fetch", sizeof(fetch_t), start, end, NULL, true};

/* ---- the block ---- */

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
    c->timeout = -1;
    c->max_size = c->redirects = -1;
    c->verify = -1;
    c->headers = wr_array(cf->pool, sizeof(field_t));
    if (wr_app_take_name(&cf->raw, &name, &url)) {
        c->slot = wr_app_name(cf, &name);
        if (c->slot < 0) {
            return WR_ERROR;
        }
    }
    c->url = wr_app_url(cf, &url);
    if (c->url == NULL) {
        return WR_ERROR;
    }
    c->at = c->url->at;
    if (wr_str_istarts(c->at.text, WR_STR("https:"))) {
        wr_service_offer(cf, "fetch_https.1", cf);
    }
    if (c->url->text->n == 1) {
        url_t u;

        if (!url_parse(cf->temp, c->url->at.text, &u)) {
            return wr_conf_fail(cf, &c->at, "\"%.*s\" is no URL: http://HOST/… or "
                                            "https://HOST/…", WR_ARG(c->at.text));
        }
    }
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
    if (*to == NULL) {
        return WR_ERROR;
    }
    if (to == &c->store) {
        /* Only the conf itself may name a place outside the prefix. */
        c->store_absolute = c->store->at.text.n != 0 && c->store->at.text.p[0] == '/';
    }
    return WR_OK;
}

static wr_rc_t
set_header(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    fetch_conf_t *c = conf_of(cf);
    wr_tok_t      value, name = wr_tok_word(&cf->raw, &value);
    field_t      *f;

    (void) d;
    (void) conf;
    if (!wr_is_token(name.text) || value.text.n == 0) {
        return wr_conf_fail(cf, &cf->raw, "\"header\" needs NAME TEXT");
    }
    switch (wr_header_id(name.text)) {
    case WR_H_CONTENT_LENGTH:
    case WR_H_TRANSFER_ENCODING:
    case WR_H_CONNECTION:
    case WR_H_UPGRADE:
    case WR_H_EXPECT:
    case WR_H_TE:
        return wr_conf_fail(cf, &name, "the server itself sets \"%.*s\"", WR_ARG(name.text));
    default:
        break;
    }
    f = WR_PUSH(&c->headers, field_t);
    f->name = wr_pool_str(cf->pool, name.text);
    f->value = wr_app_text(cf, &value);
    return f->value != NULL ? WR_OK : WR_ERROR;
}

static unsigned
number_bit(const char *name)
{
    return *name == 't' ? 1 : *name == 'm' ? 2 : *name == 'v' ? 4 : 8;
}

/* timeout, max_size, verify, redirects */
static wr_rc_t
set_number(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    fetch_conf_t *c = conf_of(cf);
    wr_str_t      w = cf->args[1].text;
    bool          ok;

    (void) conf;
    if ((c->said & number_bit(d->name)) != 0) {
        return wr_conf_fail(cf, NULL, "\"%s\" directive is duplicate", d->name);
    }
    c->said |= number_bit(d->name);
    if (strcmp(d->name, "timeout") == 0) {
        ok = wr_parse_msec(w, &c->timeout) && c->timeout > 0;
    } else if (strcmp(d->name, "max_size") == 0) {
        ok = wr_parse_offset(w, &c->max_size);
    } else if (strcmp(d->name, "verify") == 0) {
        c->verify = wr_str_eqz(w, "on");
        ok = c->verify != 0 || wr_str_eqz(w, "off");
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

/* ---- TLS ---- */

static wr_tls_options_t
tls_options(wr_str_t trusted, bool verify, int64_t depth)
{
    return (wr_tls_options_t) {
        .tls1_2 = true, .tls1_3 = true, .ciphers = WR_STR("DEFAULT"), .verify = verify,
        .reuse = true, .depth = (int) depth, .trusted = trusted};
}

/* Made when the conf is read if a fetch is sure to need it, else when one does: the
 * system's authorities take longer to read than a whole conf. */
wr_tls_client_t *
fetch_client(const fetch_t *f)
{
    settings_t       *s = (settings_t *) (uintptr_t) fetch_settings(f->r);
    wr_tls_client_t **t = f->verify ? &s->strict : &s->lax;

    if (f->verify && f->conf->strict != NULL) {
        return f->conf->strict;
    }
    if (*t == NULL) {
        wr_tls_options_t o = tls_options(s->trusted, f->verify, s->verify_depth);
        wr_tls_fault_t   fault;

        *t = wr_tls_client_make(s->pool, &o, &fault);
        if (*t == NULL) {
            wr_log(&f->r->log, WR_LOG_ERR, 0, "%s", fault.text);
        }
    }
    return *t;
}

static wr_rc_t
set_trusted(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    fetch_conf_t    *c = conf_of(cf);
    wr_tls_options_t o = tls_options(wr_conf_file_path(cf, cf->args[1].text), true, 9);

    (void) d;
    (void) conf;
    c->strict = wr_tls_client_new(cf, &cf->args[1], &o);
    return c->strict != NULL ? WR_OK : WR_ERROR;
}

static wr_rc_t
check(wr_conf_t *cf, wr_scope_t *scope, void *conf, const void *outer)
{
    settings_t       *s = conf;
    const settings_t *o = outer;
    wr_tls_options_t  options = tls_options(s->trusted, true, s->verify_depth);

    s->pool = cf->pool;
    if (o != NULL && wr_str_eq(o->trusted, s->trusted) && o->verify_depth == s->verify_depth) {
        s->strict = o->strict;
    } else if (s->trusted.n != 0 || wr_service_find(cf, "fetch_https.1") != NULL) {
        s->strict = wr_tls_client_new(cf, &scope->at, &options);
        return s->strict != NULL ? WR_OK : WR_ERROR;
    }
    return WR_OK;
}

#define STEPS (WR_SERVER | WR_LOCATION | WR_WHEN | WR_GATHER)
#define TEMPLATE (WR_DF_RAW | WR_DF_TEMPLATE)

static const wr_directive_t directives[] = {
    WR_ACTION("fetch", STEPS, 1, 1, set_fetch,
              "Asks another server and goes on when the answer is there: an address, a name or "
              "an upstream; names are asked of the location's resolver, else as the system "
              "does. A client that leaves ends it if it only asks (GET, HEAD, OPTIONS) and no "
              "transaction has begun; else the request runs to its end. The result has .ok "
              ".status .headers .text .json .elapsed .error; a failure is answered 502 or 504, "
              "unless the block says optional.",
              .flags = TEMPLATE | WR_DF_BLOCK | WR_DF_REPEAT,
              .args = "NAME = URL-TEMPLATE [{ … }]",
              .example = "fetch user = http://127.0.0.1:8000/users/{{ query.id }};"),
    WR_ACTION("method", WR_FETCH, 1, 1, set_text,
              "The method of a fetch; GET, or POST where there is a body.",
              .flags = TEMPLATE | WR_DF_REPEAT, .args = "TEMPLATE",
              .example = "method POST;"),
    WR_ACTION("body", WR_FETCH, 1, 1, set_text, "The body of a fetch.",
              .flags = TEMPLATE | WR_DF_REPEAT, .args = "TEMPLATE",
              .example = "body {{ {\"id\": 7}|tojson }};"),
    WR_ACTION("store", WR_FETCH, 1, 1, set_text,
              "The answer goes to this file, whole or not at all.",
              .flags = TEMPLATE | WR_DF_REPEAT, .args = "FILE-TEMPLATE",
              .example = "store data/page-{{ query.id }}.html;"),
    WR_ACTION("header", WR_FETCH, 1, 1, set_header, "A field of the request.",
              .flags = TEMPLATE | WR_DF_REPEAT, .args = "NAME TEMPLATE",
              .example = "header Accept application/json;"),
    WR_ACTION("timeout", WR_FETCH, 1, 1, set_number, "How long a fetch may take in all.",
              .args = "TIME",
              .example = "timeout 2s;"),
    WR_ACTION("max_size", WR_FETCH, 1, 1, set_number, "The largest answer, decoded.",
              .args = "SIZE",
              .example = "max_size 1m;"),
    WR_ACTION("redirects", WR_FETCH, 1, 1, set_number,
              "How many redirects are followed; 0: the redirect itself is the answer.",
              .args = "N",
              .example = "redirects 0;"),
    WR_ACTION("verify", WR_FETCH, 1, 1, set_number,
              "Whether certificates are verified; off is for tests only.",
              .args = "on | off",
              .example = "verify off;"),
    WR_ACTION("trusted_certificate", WR_FETCH, 1, 1, set_trusted,
              "Authorities in PEM that this fetch trusts instead of the system's.",
              .args = "FILE",
              .example = "trusted_certificate ca.pem;"),
    WR_ACTION("optional", WR_FETCH, 0, 0, set_optional,
              "A failure does not end the request: .ok is false then, and .error says why.",
              .example = "optional;"),
    WR_MSEC("fetch_timeout", WR_ANY, settings_t, timeout, "60s",
            "How long a fetch may take in all, if it does not say.",
            .example = "fetch_timeout 10s;"),
    WR_OFFSET("fetch_max_size", WR_ANY, settings_t, max_size, "16m",
              "The largest answer of a fetch that does not say.",
              .example = "fetch_max_size 1m;"),
    WR_INT("fetch_redirects", WR_ANY, settings_t, redirects, "10",
           "How many redirects a fetch follows that does not say.",
           .example = "fetch_redirects 3;"),
    WR_INT("fetch_connections", WR_ANY, settings_t, connections, "16384",
           "How many connections to one host a worker may have; further fetches wait.",
           .example = "fetch_connections 64;"),
    WR_FLAG("fetch_ssl_verify", WR_ANY, settings_t, verify, "on",
            "Whether fetches verify certificates, if they do not say.",
            .example = "fetch_ssl_verify on;"),
    WR_INT("fetch_ssl_verify_depth", WR_ANY, settings_t, verify_depth, "9",
           "The longest chain of certificates.",
           .example = "fetch_ssl_verify_depth 4;"),
    WR_CONF_FILE("fetch_ssl_trusted_certificate", WR_ANY, settings_t, trusted, NULL,
                 "Authorities in PEM that fetches trust instead of the system's.",
                 .example = "fetch_ssl_trusted_certificate ca.pem;"),
    WR_END
};

static const wr_http_tables_t tables = {0};

WR_MODULE(fetch, .doc = "Requests to other servers, many at once.",
          .schema = {.name = "http_fetch_module", .directives = directives,
                     .size = sizeof(settings_t), .check = check},
          .http = &tables, .worker_stop = hosts_stop);
