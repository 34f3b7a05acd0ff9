/*
 * auth_basic: a user and a password out of a file. Slow hashes are checked on a
 * thread of the pool.
 */
#include <errno.h>
#include <unistd.h>
#include <weir/base/base64.h>
#include <weir/event/threads.h>
#include <weir/http/core_conf.h>
#include <weir/http/file_cache.h>
#include "hash.h"

typedef struct conf {
    wr_cv_t   realm;
    wr_cv_t   file;
    wr_msec_t delay;            /* before a refusal: against guessing */
} conf_t;

typedef struct state {
    wr_job_t   job;
    wr_sleep_t sleep;
    wr_str_t   user, password, hash, realm;
} state_t;

/* ---- answers ---- */

static wr_rc_t
waited(wr_req_t *r, void *state)
{
    const state_t *s = state;

    return s->sleep.op.rc < 0 ? s->sleep.op.rc : wr_access_deny(r, 401);
}

static wr_rc_t
demand(wr_req_t *r, state_t *s)
{
    const conf_t *conf = wr_conf(r);

    wr_str_t value = wr_pool_join3(wr_pool(r), WR_STR("Basic realm=\""), s->realm,
                                   WR_STR("\""));

    wr_headers_set(&r->out, WR_H_WWW_AUTHENTICATE, WR_STR("WWW-Authenticate"), value);
    if (conf->delay <= 0) {
        return wr_access_deny(r, 401);
    }
    wr_log(&r->log, WR_LOG_INFO, 0, "delaying unauthorized request");
    wr_sleep_start(&s->sleep, conf->delay);
    return wr_await(r, &s->sleep.op, waited);
}

static wr_rc_t
judge(wr_req_t *r, state_t *s, wr_rc_t verdict)
{
    if (verdict == WR_OK) {
        wr_headers_remove(&r->out, WR_H_WWW_AUTHENTICATE, WR_STR_NONE);
        return wr_access_allow(r);
    }
    wr_log(&r->log, WR_LOG_ERR, 0, "user \"%.*s\": password mismatch",
           WR_ARG(s->user));
    return demand(r, s);
}

static void
verify(wr_job_t *job)
{
    state_t *s = WR_CONTAINER(job, state_t, job);

    job->rc = hash_verify(s->password, s->hash);
}

static wr_rc_t
verified(wr_req_t *r, void *state)
{
    state_t *s = state;

    if (s->job.op.rc == WR_CANCELLED) {
        return WR_CANCELLED;
    }
    return judge(r, s, s->job.op.rc);
}

/* ---- the request's user, the file's hash ---- */

static bool
credentials(wr_req_t *r, state_t *s)
{
    wr_str_t given = wr_req_header(r, WR_H_AUTHORIZATION), plain;
    ssize_t  colon;

    if (!wr_str_istarts(given, WR_STR("Basic "))
        || !wr_base64_decode(wr_pool(r), wr_str_trim(wr_str_skip(given, 6)), false,
                             &plain))
    {
        return false;
    }
    colon = wr_str_chr(plain, ':');
    if (colon <= 0) {
        return false;
    }
    s->user = wr_str_sub(plain, 0, (size_t) colon);
    s->password = wr_str_skip(plain, (size_t) colon + 1);
    return true;
}

/* A line is user:hash[:anything]; # begins a comment. */
static bool
find_user(wr_str_t file, wr_str_t user, wr_str_t *hash)
{
    wr_str_t line, name;

    while (wr_str_split(&file, '\n', &line)) {
        if (line.n == 0 || line.p[0] == '#' || wr_str_chr(line, ':') < 0) {
            continue;
        }
        (void) wr_str_split(&line, ':', &name);
        if (!wr_str_eq(name, user)) {
            continue;
        }
        if (!wr_str_split(&line, ':', hash)) {
            *hash = WR_STR("");
        }
        *hash = wr_str_trim(*hash);
        return true;
    }
    return false;
}

static wr_str_t
file_text(wr_req_t *r, const wr_opened_t *opened)
{
    char   *p;
    ssize_t n;

    if (opened->file == NULL) {
        return wr_str(opened->data, (size_t) opened->size);
    }
    p = wr_try_alloc(wr_pool(r), (size_t) opened->size);
    n = p != NULL ? pread(opened->file->fd, p, (size_t) opened->size, 0) : -1;
    return n > 0 ? wr_str(p, (size_t) n) : WR_STR("");
}

static wr_rc_t
look_up(wr_req_t *r, const conf_t *conf, state_t *s)
{
    wr_opened_t opened;
    wr_str_t    path;

    if (wr_cv_eval(r, &conf->file, &path) != WR_OK) {
        return wr_fail(r, 500);
    }
    path = wr_str(wr_pool_strz(wr_pool(r), path), path.n);
    if (wr_file_open(r, path, &opened) != WR_OK) {
        bool missing = opened.err == ENOENT;

        wr_log(&r->log, missing ? WR_LOG_ERR : WR_LOG_CRIT, opened.err,
               "%s \"%.*s\" failed", opened.failed, WR_ARG(path));
        return wr_fail(r, missing ? 403 : 500);
    }
    if (!opened.is_file) {
        wr_log(&r->log, WR_LOG_CRIT, EISDIR, "pread() \"%.*s\" failed", WR_ARG(path));
        return wr_fail(r, 500);
    }
    if (!find_user(file_text(r, &opened), s->user, &s->hash)) {
        wr_log(&r->log, WR_LOG_ERR, 0, "user \"%.*s\" was not found in \"%.*s\"",
               WR_ARG(s->user), WR_ARG(path));
        return demand(r, s);
    }
    if (!hash_is_slow(s->hash)) {
        return judge(r, s, hash_verify(s->password, s->hash));
    }
    s->job.run = verify;
    if (wr_threads_run(wr_threads_default(), &s->job, "password") != WR_OK) {
        return wr_fail(r, 503);
    }
    return wr_await(r, &s->job.op, verified);
}

static wr_rc_t
check_user(wr_req_t *r, void *state)
{
    const conf_t *conf = wr_conf(r);
    state_t      *s = state;

    if (r != r->main || wr_access_settled(r) || !conf->file.given) {
        return WR_DECLINED;
    }
    if (wr_cv_eval(r, &conf->realm, &s->realm) != WR_OK) {
        return wr_fail(r, 500);
    }
    if (wr_str_eqz(s->realm, "off")) {
        return WR_DECLINED;
    }
    if (!credentials(r, s)) {
        wr_log(&r->log, WR_LOG_INFO, 0,
               "no user/password was provided for basic authentication");
        return demand(r, s);
    }
    return look_up(r, conf, s);
}

/* ---- conf ---- */

static wr_rc_t
set_file(wr_conf_t *cf, const wr_directive_t *d, void *c)
{
    wr_tok_t path = cf->args[1];

    (void) d;
    if (path.text.n == 0 || path.text.p[0] != '/') {
        path.text = wr_pool_join(cf->pool, cf->conf_prefix, path.text);
    }
    return wr_cv_compile(cf, &path, &((conf_t *) c)->file);
}

static bool
wanted(wr_scope_t *scope, const void *own, const void **conf)
{
    const conf_t *c = own;

    (void) scope;
    *conf = own;
    return c != NULL && c->realm.given
           && !(wr_cv_is_const(&c->realm) && wr_str_eqz(c->realm.text, "off"));
}

#define WHERE (WR_ANY | WR_LIMIT_EXCEPT)

WR_MODULE(auth_basic,
    .doc = "Access by user and password",
    .schema.directives = (const wr_directive_t[]) {
        WR_CV("auth_basic", WHERE, conf_t, realm, "off",
              "Ask for a user and a password; the text tells people what for.",
              .args = "text | off", .example = "auth_basic \"closed site\";"),
        WR_CUSTOM("auth_basic_user_file", WHERE, 1, 1, set_file, conf_t, file,
                  "Lines of user:hash, as htpasswd(1) writes them, from the conf's folder. "
                  "Hashes of crypt(3), {SHA}, {SSHA}, $apr1$.",
                  .args = "file",
                  .example = "auth_basic_user_file users;"),
        WR_MSEC("auth_delay", WR_ANY, conf_t, delay, "0",
                "How long a refusal with 401 waits, so that passwords cannot be tried fast.",
                .args = "time",
                .example = "auth_delay 1s;"),
        WR_END
    },
    .schema.size = sizeof(conf_t),
    .http = &(const wr_http_tables_t) {
        .hooks = (const wr_hook_t[]) {
            {.mw = {.name = "auth_basic", .state_size = sizeof(state_t),
                    .before = check_user},
             .rank = WR_RANK_ACCESS, .order = 20, .wanted = wanted},
            {.mw = {.name = NULL}}
        },
    });
