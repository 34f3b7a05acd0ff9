/*
 * session: the module. What it adds: the directive and the stages around the steps,
 * the steps that change or end a session, the name `session` and $session_….
 */
#include "session.h"

typedef session_conf_t conf_t;

/* ---- steps ---- */

static wr_rc_t
no_session(wr_req_t *r, const wr_tok_t *at)
{
    return wr_app_fail(r, at, 500, WR_STR("Internal Server Error"),
                       "there is no session here: \"session\" does not say where it is kept");
}

static bool
set(wr_req_t *r, wr_str_t key, const wr_val_t *v, const wr_app_expr_t *expr)
{
    static const wr_tok_t nowhere = {.text = WR_STR_INIT("")};
    session_t            *s = session_get(r);

    if (s == NULL) {
        (void) no_session(r, expr != NULL ? &expr->at : &nowhere);
        return false;
    }
    return session_change(s, key, v, expr);
}

/* At login: who knew the former id, or a token of the form before, has nothing. */
static wr_rc_t
run_regenerate(wr_req_t *r, void *state)
{
    session_t *s = session_get(r);

    (void) state;
    if (s == NULL) {
        return no_session(r, wr_stage_conf(r));
    }
    s->regenerate = true;
    session_new_secret(s);
    return WR_DECLINED;
}

static wr_rc_t
run_destroy(wr_req_t *r, void *state)
{
    session_t *s = session_get(r);

    (void) state;
    if (s == NULL) {
        return no_session(r, wr_stage_conf(r));
    }
    s->destroyed = true;
    s->changes.n = 0;
    s->base = wr_dict_new(wr_pool(r), 0);
    s->now = s->base;
    return WR_DECLINED;
}

static const wr_middleware_t regenerate_step = {"session_regenerate", 0, run_regenerate,
                                                NULL};
static const wr_middleware_t destroy_step = {"session_destroy", 0, run_destroy, NULL};

static wr_rc_t
set_step(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    wr_tok_t *at = WR_NEW(cf->pool, wr_tok_t);

    (void) conf;
    *at = cf->args[0];
    at->text = wr_pool_str(cf->pool, at->text);
    at->file = wr_pool_str(cf->pool, at->file);
    wr_app_want_session(cf);
    return wr_app_step(cf, d->extra, at, false);
}

/* ---- names and variables ---- */

static bool
get_session(wr_req_t *r, wr_eval_t *ev, wr_val_t *out)
{
    session_t *s = session_get(r);

    if (s == NULL) {
        return wr_raise(ev, "RuntimeError", "there is no session here: \"session\" does not "
                                            "say where it is kept");
    }
    *out = wr_vobj(&s->obj);
    return true;
}

static wr_rc_t
get_var(wr_req_t *r, const wr_var_t *var, wr_str_t *value)
{
    session_t *s = session_get(r);
    wr_val_t  *v;
    wr_buf_t   b;
    wr_eval_t  ev;

    if (s == NULL) {
        return WR_NOTFOUND;
    }
    v = wr_dict_gets(s->now, wr_str_skip(var->name, sizeof("session_") - 1));
    if (v == NULL) {
        return WR_NOTFOUND;
    }
    b = wr_buf(wr_pool(r));
    wr_app_eval_init(r, &ev, wr_pool(r));
    if (!wr_put_str(&ev, &b, v)) {
        return WR_NOTFOUND;
    }
    *value = wr_buf_text(&b);
    return wr_is_field_value(*value) ? WR_OK : WR_NOTFOUND;
}

/* ---- stages ---- */

/* Where $session_… is used somewhere, all locations load the session. */
static wr_rc_t
check(wr_conf_t *cf, wr_scope_t *scope, void *c, const void *outer)
{
    conf_t          *conf = c;
    const wr_vars_t *vars = wr_vars_of(cf);

    (void) scope;
    (void) outer;
    for (unsigned i = 0; conf->settings != NULL && i < wr_vars_count(vars); i++) {
        conf->settings->every |= wr_str_starts(wr_vars_at(vars, i)->name,
                                               WR_STR("session_"))
                                 && wr_vars_at(vars, i)->name.n > sizeof("session_") - 1;
    }
    return WR_OK;
}

static bool
wanted(wr_scope_t *scope, const void *own, const void **conf)
{
    const conf_t *c = own;

    if (c == NULL || c->settings == NULL) {
        return false;
    }
    if (wr_app_wants_session(scope)) {
        *conf = &c->settings->needed;
        return true;
    }
    *conf = &c->settings->optional;
    return c->settings->every;
}

static bool
wanted_inside(wr_scope_t *scope, const void *own, const void **conf)
{
    const conf_t *c = own;

    return c != NULL && c->settings != NULL && c->settings->store->joins != NULL
           && wanted(scope, own, conf);
}

static wr_rc_t
enter_inside(wr_req_t *r, void *state)
{
    (void) r;
    (void) state;
    return WR_OK;
}

static wr_rc_t
begin(wr_conf_t *cf)
{
    wr_app_session_set = set;
    return wr_app_host_name(cf, "session", get_session) >= 0 ? WR_OK : WR_ERROR;
}

static const wr_var_row_t variables[] = {
    {"session_", get_var, NULL, 0, WR_VAR_PREFIX | WR_VAR_NOCACHE,
     "A key of the session, as text."},
    {.name = NULL}
};

#define STEPS (WR_SERVER | WR_LOCATION | WR_WHEN)

WR_MODULE(session,
    .doc = "Sessions in shared memory, Redis or SQLite, and protection from forged requests.",
    .schema.directives = (const wr_directive_t[]) {
        WR_CUSTOM("session", WR_ANY, 1, 255, session_set, conf_t, settings,
                  "Where sessions are kept, for how long after the last use (ttl), and how "
                  "their cookie is. memory is shared by the workers and survives a reload; "
                  "redis and sqlite survive a restart as well.",
                  .args = "off | memory [zone=NAME:SIZE] | "
                          "redis[s]://[USER:PASSWORD@]HOST[:PORT][/DB] | unix:PATH | "
                          "redis[s]-sentinel://HOST[:PORT],…/[DB] master=NAME | "
                          "sqlite:NAME [cookie=NAME] [ttl=TIME] [max_age=TIME] [path=] "
                          "[domain=] [samesite=lax|strict|none|off] [secure=on|off|auto] "
                          "[httponly=on|off] [host_prefix=on|off] [cookie_max_age=TIME] "
                          "[key=plain|sha256] [max_size=SIZE] [fallback=memory] "
                          "[timeout=TIME] [connections=N] [user=] [password=] [db=] "
                          "[sentinel_user=] [sentinel_password=] [tls_ca=FILE] "
                          "[tls_name=NAME] [tls_verify=on|off] [tls_certificate=FILE] "
                          "[tls_key=FILE] [table=NAME]",
                  .example = "session memory zone=sessions:1m ttl=30m;"),
        WR_ACTION("session_regenerate", STEPS, 0, 0, set_step,
                  "Gives the session a new id and forgets the old one. Do it at each login, so "
                  "that an id known before is worth nothing.", .extra = &regenerate_step,
                  .flags = WR_DF_REPEAT,
                  .example = "session_regenerate;"),
        WR_ACTION("session_destroy", STEPS, 0, 0, set_step,
                  "Ends the session: removed from the store, and its cookie is taken back.",
                  .extra = &destroy_step, .flags = WR_DF_REPEAT,
                  .example = "session_destroy;"),
        WR_CUSTOM("csrf", STEPS, 1, 1, session_set_csrf, conf_t, csrf,
                  "Requests with unsafe methods (not GET, HEAD, OPTIONS, TRACE) must come from "
                  "this site, as Sec-Fetch-Site or Origin say, or carry the token of "
                  "csrf_token(); else 403.",
                  .args = "on | off",
                  .example = "csrf on;"),
        WR_END
    },
    .schema.size = sizeof(conf_t),
    .schema.check = check,
    .variables = variables,
    .functions = session_functions,
    .begin = begin,
    .http = &(const wr_http_tables_t) {
        .hooks = (const wr_hook_t[]) {
            {.mw = {.name = "session", .state_size = sizeof(passage_t),
                    .before = session_load, .after = session_save},
             .rank = WR_RANK_SESSION, .wanted = wanted},
            {.mw = {.name = "session-save", .state_size = sizeof(passage_t),
                    .before = enter_inside, .after = session_save_inside},
             .rank = WR_RANK_TRANSACTION, .order = 100, .wanted = wanted_inside},
            {.mw = {.name = NULL}}
        },
    });
