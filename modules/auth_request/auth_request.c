/*
 * auth_request: a subrequest decides. 2xx lets in, 401 and 403 keep out.
 */
#include <weir/http/request.h>

typedef struct set {
    unsigned var;
    wr_cv_t  value;
} set_t;

typedef struct conf {
    wr_str_t   uri;             /* empty: off */
    wr_array_t sets;            /* set_t */
} conf_t;

typedef struct state {
    wr_req_t *sub;
} state_t;

/* auth_request_set: what the subrequest had, for the main request. */
static wr_rc_t
keep_values(wr_req_t *r, const conf_t *conf, wr_req_t *sub)
{
    for (WR_EACH(set_t, set, &conf->sets)) {
        wr_str_t value;

        if (wr_cv_eval(sub, &set->value, &value) != WR_OK) {
            return WR_ERROR;
        }
        wr_var_set(r, set->var, value);
    }
    return WR_OK;
}

static void
take_challenges(wr_req_t *r, wr_req_t *sub)
{
    wr_str_t name = WR_STR("WWW-Authenticate");

    wr_headers_remove(&r->out, WR_H_WWW_AUTHENTICATE, name);
    for (WR_EACH_HEADER(h, &sub->out)) {
        if (h->id == WR_H_WWW_AUTHENTICATE) {
            wr_headers_add(&r->out, WR_H_WWW_AUTHENTICATE, name, h->value);
        }
    }
}

static wr_rc_t
judge(wr_req_t *r, void *state)
{
    const conf_t *conf = wr_stage_conf(r);
    wr_req_t     *sub = ((state_t *) state)->sub;
    unsigned      status = sub->status;

    if (sub->sub_op.rc == WR_CANCELLED || r->aborted) {
        return WR_CANCELLED;
    }
    if (keep_values(r, conf, sub) != WR_OK) {
        return wr_fail(r, 500);
    }
    if (status == 403) {
        return wr_access_deny(r, 403);
    }
    if (status == 401) {
        take_challenges(r, sub);
        return wr_access_deny(r, 401);
    }
    if (status >= 200 && status < 300) {
        wr_headers_remove(&r->out, WR_H_WWW_AUTHENTICATE, WR_STR_NONE);
        return wr_access_allow(r);
    }
    wr_log(&r->log, WR_LOG_ERR, 0, "auth request unexpected status: %u", status);
    return wr_fail(r, 500);
}

static wr_rc_t
ask(wr_req_t *r, void *state)
{
    const conf_t *conf = wr_stage_conf(r);
    state_t      *s = state;

    if (r != r->main || wr_access_settled(r)) {
        return WR_DECLINED;
    }
    s->sub = wr_subrequest(r, conf->uri, WR_STR_NONE, WR_SUB_MEMORY);
    if (s->sub == NULL) {
        return wr_fail(r, 500);
    }
    return wr_await(r, &s->sub->sub_op, judge);
}

/* ---- conf ---- */

static wr_rc_t
set_uri(wr_conf_t *cf, const wr_directive_t *d, void *c)
{
    wr_str_t uri = cf->args[1].text;

    (void) d;
    ((conf_t *) c)->uri = wr_str_eqz(uri, "off") ? WR_STR_NONE : uri;
    return WR_OK;
}

/* The variable's own getter finds nothing: only what is set counts. */
static wr_rc_t
not_set(wr_req_t *r, const wr_var_t *v, wr_str_t *value)
{
    (void) r;
    (void) v;
    *value = WR_STR_NONE;
    return WR_NOTFOUND;
}

static wr_rc_t
add_set(wr_conf_t *cf, const wr_directive_t *d, void *c)
{
    conf_t   *conf = c;
    wr_var_t *v;
    set_t    *set;
    int       index;

    (void) d;
    v = wr_var_define_at(cf, &cf->args[1], WR_VAR_CHANGE);
    if (v == NULL) {
        return WR_ERROR;
    }
    if (v->get == NULL) {
        v->get = not_set;
    }
    index = wr_var_use(cf, wr_str_skip(cf->args[1].text, 1));
    if (index < 0) {
        return WR_ERROR;
    }
    if (conf->sets.size == 0) {
        conf->sets = wr_array(cf->pool, sizeof(set_t));
    }
    set = WR_PUSH(&conf->sets, set_t);
    set->var = (unsigned) index;
    return wr_cv_compile(cf, &cf->args[2], &set->value);
}

static bool
wanted(wr_scope_t *scope, const void *own, const void **conf)
{
    (void) scope;
    *conf = own;
    return own != NULL && ((const conf_t *) own)->uri.n != 0;
}

WR_MODULE(auth_request,
    .doc = "Access as a subrequest decides",
    .schema.directives = (const wr_directive_t[]) {
        WR_CUSTOM("auth_request", WR_ANY, 1, 1, set_uri, conf_t, uri,
                  "Ask this URI first: 2xx lets in, 401 and 403 keep out.",
                  .args = "uri | off", .example = "auth_request /auth;"),
        WR_CUSTOM("auth_request_set", WR_ANY, 2, 2, add_set, conf_t, sets,
                  "Give a variable a value out of the subrequest's answer.",
                  .flags = WR_DF_REPEAT, .args = "$variable value",
                  .example = "auth_request_set $user $upstream_http_x_user;"),
        WR_END
    },
    .schema.size = sizeof(conf_t),
    .http = &(const wr_http_tables_t) {
        .hooks = (const wr_hook_t[]) {
            {.mw = {.name = "auth_request", .state_size = sizeof(state_t),
                    .before = ask},
             .rank = WR_RANK_ACCESS, .order = 30, .wanted = wanted},
            {.mw = {.name = NULL}}
        },
    });
