/*
 * try_files: the first of several files or folders that exists answers; if none
 * does, another URI, a named location or a status.
 */
#include <errno.h>
#include <weir/http/core_conf.h>
#include <weir/http/file_cache.h>

typedef struct try {
    wr_cv_t name;
    bool    folder;             /* it was written with a slash at its end */
} try_t;

typedef struct conf {
    wr_array_t  tries;          /* try_t: all but the last */
    wr_cv_t     last;
    unsigned    code;           /* of "=code"; 0: last is a URI or @name */
    wr_scope_t *scope;          /* where it was written: it is not inherited */
} conf_t;

static wr_rc_t
set_tries(wr_conf_t *cf, const wr_directive_t *d, void *c)
{
    conf_t         *conf = c;
    const wr_tok_t *last = &cf->args[cf->nargs - 1];

    if (conf->scope == cf->scope) {
        return wr_conf_fail(cf, NULL, "\"%s\" directive is duplicate", d->name);
    }
    conf->scope = cf->scope;
    conf->tries = wr_array(cf->pool, sizeof(try_t));
    for (unsigned i = 1; i + 1 < cf->nargs; i++) {
        wr_tok_t name = cf->args[i];
        try_t   *t = WR_PUSH(&conf->tries, try_t);

        t->folder = name.text.n != 0 && name.text.p[name.text.n - 1] == '/';
        if (t->folder) {
            name.text = wr_pool_str(cf->pool,
                                    wr_str_sub(name.text, 0, name.text.n - 1));
        }
        if (wr_cv_compile(cf, &name, &t->name) != WR_OK) {
            return WR_ERROR;
        }
    }
    if (last->text.n == 0 || last->text.p[0] != '=') {
        return wr_cv_compile(cf, last, &conf->last);
    }
    for (size_t i = 1; i < last->text.n && conf->code < 1000; i++) {
        if (!wr_is_digit(last->text.p[i])) {
            conf->code = 1000;
        } else {
            conf->code = conf->code * 10 + (unsigned) (last->text.p[i] - '0');
        }
    }
    if (conf->code > 999 || last->text.n == 1) {
        return wr_conf_fail(cf, last, "invalid code \"%.*s\"", WR_ARG(last->text));
    }
    return WR_OK;
}

/* The last argument. */
static wr_rc_t
go_last(wr_req_t *r, const conf_t *conf)
{
    wr_str_t uri, args = r->args;

    if (conf->code != 0) {
        return wr_fail(r, conf->code);
    }
    if (wr_cv_eval(r, &conf->last, &uri) != WR_OK) {
        return wr_fail(r, 500);
    }
    if (uri.n != 0 && uri.p[0] == '@') {
        return wr_named_location(r, uri);
    }
    if (!wr_uri_split(r, &uri, &args)) {
        return wr_fail(r, 500);
    }
    return wr_internal_redirect(r, uri, args);
}

/* The URI becomes `name` (behind the location's own, with alias). With the alias of a
 * regex, which is a whole file's, `name` stands behind that. */
static void
take(wr_req_t *r, wr_str_t name, bool folder)
{
    const wr_http_core_t *core = wr_http_core(r);

    if (core->is_alias && core->alias_cut == 0) {
        if (folder) {
            return;
        }
        r->uri_behind_alias = 1;
    }
    if (core->is_alias && core->alias_cut != 0 && core->alias_cut <= r->uri.n) {
        name = wr_pool_join(wr_pool(r), wr_str_sub(r->uri, 0, core->alias_cut),
                            name);
    }
    r->uri = wr_pool_str(wr_pool(r), name);
    wr_set_exten(r);
    r->valid_uri = 0;
}

/* Looks for one of them. WR_OK: the request has its URI now. */
static wr_rc_t
try_one(wr_req_t *r, const try_t *t, wr_str_t root)
{
    const wr_http_core_t *core = wr_http_core(r);
    wr_str_t              name, path;
    wr_opened_t           opened;

    if (wr_cv_eval(r, &t->name, &name) != WR_OK) {
        return wr_fail(r, 500);
    }
    if (core->is_alias && core->alias_cut != 0 && r->uri.n >= core->alias_cut
        && wr_str_starts(name, wr_str_sub(r->uri, 0, core->alias_cut)))
    {
        name = wr_str_skip(name, core->alias_cut);
    }
    path = wr_pool_printf(wr_pool(r), "%.*s%.*s", WR_ARG(root), WR_ARG(name));
    if (memchr(path.p, '\0', path.n) != NULL) {
        return WR_DECLINED;
    }
    if (wr_file_test(r, path, &opened) != WR_OK) {
        if (opened.err == 0) {
            return wr_fail(r, 500);
        }
        if (opened.err != ENOENT && opened.err != ENOTDIR
            && opened.err != ENAMETOOLONG && opened.err != EACCES)
        {
            wr_log(&r->log, WR_LOG_CRIT, opened.err, "%s \"%.*s\" failed",
                   opened.failed, WR_ARG(path));
        }
        return WR_DECLINED;
    }
    if (opened.is_dir != t->folder) {
        return WR_DECLINED;
    }
    take(r, name, t->folder);
    return WR_OK;
}

static wr_rc_t
try_all(wr_req_t *r, void *state)
{
    const conf_t         *conf = wr_stage_conf(r);
    const wr_http_core_t *core = wr_http_core(r);
    wr_str_t              root, uri = r->uri;

    (void) state;
    if (core->is_alias && core->alias_cut == 0) {
        size_t cut;         /* a regex: alias is the whole file */

        if (!wr_req_path(r, &root, &cut, 0)) {
            return wr_fail(r, 500);
        }
    } else if (wr_cv_eval(r, &core->root, &root) != WR_OK) {
        return wr_fail(r, 500);
    }
    for (WR_EACH(try_t, t, &conf->tries)) {
        wr_rc_t rc = try_one(r, t, root);

        if (rc == WR_OK) {
            return WR_DECLINED;     /* the content stages go on with r->uri */
        }
        if (rc != WR_DECLINED) {
            return rc;
        }
    }
    r->uri = uri;
    return go_last(r, conf);
}

static bool
wanted(wr_scope_t *scope, const void *own, const void **conf)
{
    const conf_t *c = own;

    *conf = own;
    return c != NULL && c->scope == scope;
}

WR_MODULE(try_files,
    .doc = "The first file that exists answers",
    .schema.directives = (const wr_directive_t[]) {
        WR_ACTION("try_files", WR_SERVER | WR_LOCATION, 2, 255, set_tries,
                  "Try files (or folders, with a slash at the end) in this order; "
                  "the last argument is a URI, a named location or =code.",
                  .args = "file … uri | =code",
                  .example = "try_files $uri $uri/ /index.html;"),
        WR_END
    },
    .schema.size = sizeof(conf_t),
    .http = &(const wr_http_tables_t) {
        .hooks = (const wr_hook_t[]) {
            {.mw = {.name = "try_files", .before = try_all},
             .rank = WR_RANK_PRECONTENT, .order = 10, .wanted = wanted},
            {.mw = {.name = NULL}}
        },
    });
