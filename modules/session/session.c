/*
 * session: when a request's session is loaded, changed and saved.
 *
 * The stage is entered by locations whose expressions use the session. On the way
 * in the cookie's key is looked up, once. On the way out, after what is inside has
 * ended and before the head leaves, the changes are saved: compare and set, and
 * where another request was faster the changes are applied to what it has saved.
 */
#include "session.h"

#include <weir/os/random.h>

typedef struct conf {
    settings_t *settings;       /* NULL: off */
} conf_t;

static const char retry_after[] = "1";

void
job_done(job_t *j, result_t result)
{
    j->result = result;
    wr_op_complete(&j->op, WR_OK);
}

wr_str_t
session_random(wr_pool_t *pool, unsigned bytes)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    unsigned char raw[96];
    char         *text = wr_alloc_bytes(pool, bytes / 3 * 4);
    size_t        at = 0;

    WR_ASSERT(bytes % 3 == 0 && bytes <= sizeof(raw));
    wr_random_bytes(raw, bytes);
    for (unsigned i = 0; i < bytes; i += 3) {
        uint32_t v = (uint32_t) raw[i] << 16 | (uint32_t) raw[i + 1] << 8 | raw[i + 2];

        text[at++] = letters[v >> 18];
        text[at++] = letters[v >> 12 & 63];
        text[at++] = letters[v >> 6 & 63];
        text[at++] = letters[v & 63];
    }
    return wr_str(text, at);
}

session_t *
session_get(wr_req_t *r)
{
    session_t *s = wr_ctx(r->main, WR_SELF);

    return s != NULL && s->ready ? s : NULL;
}

static void
start_empty(session_t *s)
{
    s->known = false;
    s->id = WR_STR_NONE;
    s->text = WR_STR_NONE;
    s->created = wr_clock.sec;
    s->base = wr_dict_new(wr_pool(s->r), 0);
    s->now = wr_dict_new(wr_pool(s->r), 4);
    s->ready = true;
}

/* ---- the cookie ---- */

/* The key that the client sent; empty: none that could be one. */
static wr_str_t
sent_id(session_t *s)
{
    for (wr_header_t *h = wr_headers_first(&s->r->main->in, WR_H_COOKIE); h != NULL;
         h = wr_headers_next(&s->r->main->in, h))
    {
        wr_str_t rest = h->value, part;

        while (wr_str_split(&rest, ';', &part)) {
            ssize_t  eq = wr_str_chr(part, '=');
            wr_str_t id;
            bool     good = true;

            if (eq < 0 || !wr_str_eq(wr_str_trim(wr_str(part.p, (size_t) eq)),
                                     s->settings->cookie))
            {
                continue;
            }
            id = wr_str_trim(wr_str_skip(part, (size_t) eq + 1));
            if (id.n > 1 && id.p[0] == '"' && id.p[id.n - 1] == '"') {
                id = wr_str_sub(id, 1, id.n - 1);
            }
            for (size_t i = 0; i < id.n; i++) {
                good &= wr_is_word(id.p[i]) || id.p[i] == '-';
            }
            return good && id.n >= 16 && id.n <= 128 ? id : WR_STR_NONE;
        }
    }
    return WR_STR_NONE;
}

/* `id` empty: the client is to forget it. */
static void
send_cookie(session_t *s, wr_str_t id)
{
    const settings_t *c = s->settings;
    wr_buf_t          b = wr_buf(wr_pool(s->r));

    wr_buf_str(&b, c->cookie);
    wr_buf_char(&b, '=');
    wr_buf_str(&b, id);
    if (id.n == 0) {
        wr_buf_lit(&b, "; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0");
    } else if (c->max_age != 0) {
        wr_buf_printf(&b, "; Max-Age=%" PRId64, s->created + c->max_age - wr_clock.sec);
    }
    if (c->domain.n != 0) {
        wr_buf_lit(&b, "; Domain=");
        wr_buf_str(&b, c->domain);
    }
    wr_buf_lit(&b, "; Path=");
    wr_buf_str(&b, c->path);
    if (c->httponly) {
        wr_buf_lit(&b, "; HttpOnly");
    }
    if (c->secure == 1 || (c->secure == 2 && wr_req_scheme(s->r).n == 5)) {
        wr_buf_lit(&b, "; Secure");
    }
    if (c->samesite.n != 0) {
        wr_buf_lit(&b, "; SameSite=");
        wr_buf_str(&b, c->samesite);
    }
    (void) wr_headers_add(&s->r->main->out, WR_H_SET_COOKIE, WR_STR("Set-Cookie"),
                          wr_buf_text(&b));
}

/* ---- in ---- */

/* Subrequests share the session of the main request, but not what waits. */
typedef struct passage {
    wr_str_t id;            /* a new one */
    job_t   *job;
} passage_t;

static job_t *
new_job(session_t *s, passage_t *p, wr_str_t id)
{
    job_t *j = WR_NEW(wr_pool(s->r), job_t);

    p->job = j;
    j->settings = s->settings;
    j->pool = wr_pool(s->r);
    j->log = &s->r->log;
    j->key = wr_pool_printf(j->pool, "%.*s_%.*s", WR_ARG(s->settings->cookie), WR_ARG(id));
    return j;
}

static wr_rc_t
away(session_t *s)
{
    (void) wr_headers_set(&s->r->out, WR_H_OTHER, WR_STR("Retry-After"),
                          wr_str_z(retry_after));
    return wr_app_fail(s->r, &s->settings->at, 503,
                       WR_STR("the session store is not available"), NULL);
}

static bool
is_over(const session_t *s)
{
    return s->settings->max_age != 0
           && s->created + s->settings->max_age <= wr_clock.sec;
}

static wr_rc_t
loaded(wr_req_t *r, void *state)
{
    passage_t *p = state;
    session_t *s = wr_ctx(r->main, WR_SELF);

    if (s->ready) {
        return WR_OK;       /* another part of the page was faster */
    }
    if (p->job->result == JOB_AWAY) {
        return away(s);
    }
    if (p->job->result == JOB_DONE && session_parse(s, p->job->text) && !is_over(s)) {
        s->known = true;
        s->ready = true;
    } else {
        start_empty(s);     /* what the store does not know is never adopted */
    }
    return WR_OK;
}

static wr_rc_t
load(wr_req_t *r, void *state)
{
    passage_t *p = state;
    session_t *s = wr_ctx(r->main, WR_SELF);
    wr_str_t   id;

    if (s != NULL && s->ready) {
        s->r = r;
        return WR_OK;
    }
    if (s == NULL) {
        s = WR_NEW(wr_pool(r), session_t);
        s->obj.type = &session_type;
        s->changes = wr_array(wr_pool(r), sizeof(change_t));
        wr_ctx(r->main, WR_SELF) = s;
    }
    s->r = r;
    s->settings = wr_stage_conf(r);
    id = sent_id(s);
    if (id.n == 0) {
        start_empty(s);
        return WR_OK;
    }
    s->id = id;
    s->settings->store->load(new_job(s, state, id));
    return p->job->op.state == WR_OP_DONE ? loaded(r, state)
                                         : wr_await(r, &p->job->op, loaded);
}

/* ---- out ---- */

static wr_rc_t updated(wr_req_t *r, void *state);
static wr_rc_t created(wr_req_t *r, void *state);
static wr_rc_t dropped(wr_req_t *r, void *state);

static wr_rc_t
wait_for(wr_req_t *r, passage_t *p, wr_step_t next)
{
    return p->job->op.state == WR_OP_DONE ? next(r, p) : wr_await(r, &p->job->op, next);
}

static wr_rc_t forget(session_t *s);

static wr_rc_t
cannot_save(session_t *s)
{
    (void) forget(s);
    (void) away(s);
    return WR_ERROR;
}

static wr_rc_t update(session_t *s, wr_req_t *r, void *state);

/* What was written is saved. Changes that another part of the page has made since are
 * saved as well: that part does not wait. */
static wr_rc_t
saved(session_t *s, wr_req_t *r, void *state)
{
    change_t *all = s->changes.items;

    s->changes.n -= s->written;
    if (s->changes.n != 0) {
        memmove(all, all + s->written, s->changes.n * sizeof(*all));
    }
    s->written = 0;
    s->saving = false;
    s->regenerate = false;
    if ((s->changes.n != 0 || r != r->main) && s->known && !session_merge(s, s->text)) {
        return WR_ERROR;
    }
    return s->changes.n != 0 && s->known ? update(s, r, state) : WR_OK;
}

/* Nothing is to be saved (any more). */
static wr_rc_t
forget(session_t *s)
{
    s->changes.n = s->written = 0;
    s->saving = s->regenerate = false;
    return WR_OK;
}

static wr_rc_t
drop(session_t *s, wr_req_t *r, void *state)
{
    s->saving = true;
    s->settings->store->drop(new_job(s, state, s->id));
    return wait_for(r, state, dropped);
}

static wr_rc_t
dropped(wr_req_t *r, void *state)
{
    passage_t *p = state;
    session_t *s = wr_ctx(r->main, WR_SELF);

    if (p->job->result == JOB_AWAY) {
        return cannot_save(s);
    }
    if (s->destroyed) {
        s->destroyed = false;
        start_empty(s);
        send_cookie(s, WR_STR_NONE);
        return forget(s);
    }
    return saved(s, r, state);
}

/* Under a new id; a former one is dropped after that. */
static wr_rc_t
create(session_t *s, wr_req_t *r, void *state)
{
    passage_t *p = state;
    job_t     *j;
    wr_str_t   text;

    if (r->main->head_sent) {
        wr_log(&r->log, WR_LOG_WARN, 0, "a session that begins after the head has left is "
                                        "not kept");
        return forget(s);
    }
    if (!session_write(s, &text)) {
        return wr_fail(r, 500) == WR_DONE ? WR_ERROR : WR_OK;
    }
    p->id = session_random(wr_pool(r), 24);
    j = new_job(s, p, p->id);
    j->text = text;
    s->written = s->changes.n;
    s->saving = true;
    s->settings->store->create(j);
    return wait_for(r, state, created);
}

static wr_rc_t
created(wr_req_t *r, void *state)
{
    passage_t *p = state;
    session_t *s = wr_ctx(r->main, WR_SELF);
    wr_str_t   former = s->known ? s->id : WR_STR_NONE;

    if (p->job->result != JOB_DONE) {
        return cannot_save(s);
    }
    s->text = p->job->text;
    send_cookie(s, p->id);
    if (former.n != 0) {
        s->settings->store->drop(new_job(s, state, former));
        s->id = p->id;
        return wait_for(r, state, dropped);
    }
    s->id = p->id;
    s->known = true;
    return saved(s, r, state);
}

static wr_rc_t
update(session_t *s, wr_req_t *r, void *state)
{
    job_t   *j = new_job(s, state, s->id);
    wr_str_t text;

    if (!session_write(s, &text)) {
        return wr_fail(r, 500) == WR_DONE ? WR_ERROR : WR_OK;
    }
    j->text = text;
    j->expect = s->text;
    s->written = s->changes.n;
    s->saving = true;
    s->settings->store->update(j);
    return wait_for(r, state, updated);
}

static wr_rc_t
updated(wr_req_t *r, void *state)
{
    passage_t *p = state;
    session_t *s = wr_ctx(r->main, WR_SELF);

    switch (p->job->result) {
    case JOB_DONE:
        s->text = p->job->text;
        return saved(s, r, state);
    case JOB_GONE:
        /* It was ended meanwhile: it stays so. */
        wr_log(&r->log, WR_LOG_INFO, 0, "the session ended while this request ran");
        return forget(s);
    case JOB_CONFLICT:
        if (!session_merge(s, p->job->text)) {
            return r->fail_status != 0 ? WR_ERROR : forget(s);
        }
        return update(s, r, state);
    default:
        return cannot_save(s);
    }
}

static wr_rc_t
save(wr_req_t *r, void *state)
{
    session_t *s = wr_ctx(r->main, WR_SELF);

    if (s == NULL || !s->ready || r->fail_status >= 500 || r->task.outcome < 0
        || s->saving)
    {
        return WR_OK;
    }
    if (s->destroyed) {
        if (s->known) {
            return drop(s, r, state);
        }
        s->destroyed = false;
        return forget(s);
    }
    if (s->known && !s->regenerate) {
        return s->changes.n != 0 ? update(s, r, state) : WR_OK;
    }
    return s->known || s->now->live != 0 ? create(s, r, state) : forget(s);
}

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

static wr_rc_t
run_regenerate(wr_req_t *r, void *state)
{
    session_t *s = session_get(r);

    (void) state;
    if (s == NULL) {
        return no_session(r, wr_stage_conf(r));
    }
    s->regenerate = true;
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
    s->now = wr_dict_new(wr_pool(r), 0);
    return WR_DECLINED;
}

static const wr_middleware_t regenerate_step = {"session_regenerate", 0, run_regenerate,
                                                NULL};
static const wr_middleware_t destroy_step = {"session_destroy", 0, run_destroy, NULL};

static wr_tok_t *
place(wr_conf_t *cf)
{
    wr_tok_t *at = WR_NEW(cf->pool, wr_tok_t);

    *at = cf->args[0];
    at->text = wr_pool_str(cf->pool, at->text);
    at->file = wr_pool_str(cf->pool, at->file);
    return at;
}

static wr_rc_t
set_step(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    (void) conf;
    wr_app_want_session(cf);
    return wr_app_step(cf, d->extra, place(cf), false);
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

/* ---- conf ---- */

static wr_rc_t
bad_value(wr_conf_t *cf, const wr_tok_t *arg)
{
    return wr_conf_fail(cf, arg, "invalid parameter \"%.*s\"", WR_ARG(arg->text));
}

/* Text that may stand in a cookie's attributes. */
static bool
is_attribute(wr_str_t s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] <= ' ' || s.p[i] >= 0x7f || s.p[i] == ';' || s.p[i] == ',') {
            return false;
        }
    }
    return true;
}

typedef struct reading {
    settings_t *s;
    wr_str_t    user, password;
    int64_t     db;
    bool        auth;
} reading_t;

static wr_rc_t
cookie_option(wr_conf_t *cf, const wr_tok_t *arg, settings_t *s, bool *taken)
{
    wr_str_t w = arg->text, v;

    *taken = true;
    if (wr_arg_value(w, "cookie", &v)) {
        s->cookie = wr_pool_str(cf->pool, v);
        return wr_is_token(v) ? WR_OK : bad_value(cf, arg);
    }
    if (wr_arg_value(w, "path", &v)) {
        s->path = wr_pool_str(cf->pool, v);
        return v.n != 0 && v.p[0] == '/' && is_attribute(v) ? WR_OK : bad_value(cf, arg);
    }
    if (wr_arg_value(w, "domain", &v)) {
        s->domain = wr_pool_str(cf->pool, v);
        return v.n != 0 && is_attribute(v) ? WR_OK : bad_value(cf, arg);
    }
    if (wr_arg_value(w, "samesite", &v)) {
        s->samesite = wr_str_ieqz(v, "lax") ? WR_STR("Lax")
                    : wr_str_ieqz(v, "strict") ? WR_STR("Strict")
                    : wr_str_ieqz(v, "none") ? WR_STR("None")
                                             : WR_STR_NONE;
        return s->samesite.n != 0 || wr_str_ieqz(v, "off") ? WR_OK : bad_value(cf, arg);
    }
    if (wr_arg_value(w, "secure", &v)) {
        s->secure = wr_str_eqz(v, "on") ? 1 : wr_str_eqz(v, "auto") ? 2 : 0;
        return s->secure != 0 || wr_str_eqz(v, "off") ? WR_OK : bad_value(cf, arg);
    }
    if (wr_arg_value(w, "httponly", &v)) {
        s->httponly = wr_str_eqz(v, "on");
        return s->httponly || wr_str_eqz(v, "off") ? WR_OK : bad_value(cf, arg);
    }
    *taken = false;
    return WR_OK;
}

static wr_rc_t
option(wr_conf_t *cf, const wr_tok_t *arg, reading_t *in)
{
    settings_t *s = in->s;
    wr_str_t    w = arg->text, v;
    int64_t     n;

    if (wr_arg_value(w, "ttl", &v)) {
        return wr_parse_sec(v, &s->ttl) && s->ttl > 0 ? WR_OK : bad_value(cf, arg);
    }
    if (wr_arg_value(w, "max_age", &v)) {
        return wr_parse_sec(v, &s->max_age) && s->max_age > 0 ? WR_OK : bad_value(cf, arg);
    }
    if (wr_arg_value(w, "max_size", &v)) {
        if (!wr_parse_size(v, &n) || n < 64 || n > 1024 * 1024) {
            return bad_value(cf, arg);
        }
        s->max_size = (size_t) n;
        return WR_OK;
    }
    if (wr_arg_value(w, "zone", &v)) {
        s->zone = memory_zone(cf, arg, v);
        return s->zone != NULL ? WR_OK : WR_ERROR;
    }
    if (s->redis == NULL) {
        return bad_value(cf, arg);
    }
    if (wr_arg_value(w, "timeout", &v)) {
        return wr_parse_msec(v, &s->timeout) && s->timeout > 0 ? WR_OK : bad_value(cf, arg);
    }
    if (wr_arg_value(w, "fallback", &v)) {
        s->fallback = wr_str_eqz(v, "memory");
        return s->fallback ? WR_OK : bad_value(cf, arg);
    }
    if (wr_arg_value(w, "user", &v)) {
        in->user = v;
        return WR_OK;
    }
    if (wr_arg_value(w, "password", &v)) {
        in->password = v;
        in->auth = true;
        return WR_OK;
    }
    if (wr_arg_value(w, "db", &v)) {
        return wr_parse_int(v, &in->db) ? WR_OK : bad_value(cf, arg);
    }
    return bad_value(cf, arg);
}

static wr_rc_t
choose_store(wr_conf_t *cf, settings_t *s)
{
    const wr_tok_t *arg = &cf->args[1];

    if (wr_str_eqz(arg->text, "memory")) {
        s->store = &session_memory;
        return WR_OK;
    }
    if (wr_str_starts(arg->text, WR_STR("redis:"))
        || wr_str_starts(arg->text, WR_STR("unix:")))
    {
        s->store = &session_redis;
        s->redis = redis_new(cf, arg);
        return s->redis != NULL ? WR_OK : WR_ERROR;
    }
    return wr_conf_fail(cf, arg, "sessions are kept in \"memory\", \"redis://HOST:PORT/DB\" "
                                 "or \"unix:PATH\", not \"%.*s\"",
                        WR_ARG(arg->text));
}

static wr_rc_t
check_settings(wr_conf_t *cf, reading_t *in)
{
    settings_t *s = in->s;

    if (wr_str_starts(s->cookie, WR_STR("__Host-"))
        && (s->secure == 0 || s->domain.n != 0 || !wr_str_eqz(s->path, "/")))
    {
        return wr_conf_fail(cf, NULL, "a cookie named __Host-… is secure, without domain "
                                      "and with the path /");
    }
    if (wr_str_eqz(s->samesite, "None") && s->secure == 0) {
        return wr_conf_fail(cf, NULL, "samesite=none needs secure");
    }
    if ((s->store == &session_memory || s->fallback) && s->zone == NULL) {
        s->zone = memory_zone(cf, &cf->args[0], WR_STR("sessions:8m"));
        if (s->zone == NULL) {
            return WR_ERROR;
        }
    }
    if (s->redis != NULL) {
        redis_timeout(s->redis, s->timeout);
        if (in->auth) {
            redis_user(s->redis, in->user, in->password);
        }
        if (in->db >= 0) {
            redis_db(s->redis, in->db);
        }
    }
    return WR_OK;
}

static wr_rc_t
set_session(wr_conf_t *cf, const wr_directive_t *d, void *c)
{
    conf_t     *conf = c;
    settings_t *s = WR_NEW(cf->pool, settings_t);
    reading_t   in = {.s = s, .db = -1};

    (void) d;
    if (wr_str_eqz(cf->args[1].text, "off")) {
        conf->settings = NULL;
        return cf->nargs == 2 ? WR_OK : bad_value(cf, &cf->args[2]);
    }
    s->cookie = WR_STR("AIOHTTP_SESSION");
    s->path = WR_STR("/");
    s->samesite = WR_STR("Lax");
    s->secure = 2;
    s->httponly = true;
    s->ttl = 24 * 3600;
    s->timeout = 1000;
    s->max_size = 64 * 1024;
    s->at = *place(cf);
    if (choose_store(cf, s) != WR_OK) {
        return WR_ERROR;
    }
    for (unsigned i = 2; i < cf->nargs; i++) {
        bool taken;

        if (cookie_option(cf, &cf->args[i], s, &taken) != WR_OK
            || (!taken && option(cf, &cf->args[i], &in) != WR_OK))
        {
            return WR_ERROR;
        }
    }
    conf->settings = s;
    return check_settings(cf, &in);
}

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

    if (c == NULL || c->settings == NULL
        || !(c->settings->every || wr_app_wants_session(scope)))
    {
        return false;
    }
    *conf = c->settings;
    return true;
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
    .doc = "Sessions in shared memory or Redis, and protection from forged requests.",
    .schema.directives = (const wr_directive_t[]) {
        WR_CUSTOM("session", WR_ANY, 1, 255, set_session, conf_t, settings,
                  "Where sessions are kept, and how their cookie is.",
                  .args = "off | memory [zone=NAME:SIZE] | "
                          "redis://[USER:PASSWORD@]HOST[:PORT][/DB] | unix:PATH "
                          "[cookie=NAME] [ttl=TIME] [max_age=TIME] [path=] [domain=] "
                          "[samesite=lax|strict|none|off] [secure=on|off|auto] "
                          "[httponly=on|off] [max_size=SIZE] [timeout=TIME] "
                          "[fallback=memory] [user=] [password=] [db=]",
                  .example = "session memory zone=sessions:8m ttl=30m;"),
        WR_ACTION("session_regenerate", STEPS, 0, 0, set_step,
                  "Gives the session a new id: at login.", .extra = &regenerate_step,
                  .flags = WR_DF_REPEAT),
        WR_ACTION("session_destroy", STEPS, 0, 0, set_step, "Ends the session.",
                  .extra = &destroy_step, .flags = WR_DF_REPEAT),
        WR_ACTION("csrf", STEPS, 1, 1, session_set_csrf,
                  "Unsafe methods must come from this site, or carry the token.",
                  .flags = WR_DF_REPEAT, .args = "on | off"),
        WR_END
    },
    .schema.size = sizeof(conf_t),
    .schema.check = check,
    .variables = variables,
    .functions = session_functions,
    .begin = begin,
    .http = &(const wr_http_tables_t) {
        .hooks = (const wr_hook_t[]) {
            {.mw = {.name = "session", .state_size = sizeof(passage_t), .before = load,
                    .after = save},
             .rank = WR_RANK_SESSION, .wanted = wanted},
            {.mw = {.name = NULL}}
        },
    });
