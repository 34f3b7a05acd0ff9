/*
 * The file that stands for a folder: the first of `index` that exists is where an
 * internal redirect goes.
 */
#include <errno.h>
#include <weir/http/core_conf.h>
#include <weir/http/file_cache.h>

typedef struct conf {
    wr_array_t names;           /* wr_cv_t */
} conf_t;

/* nginx's words for a folder that cannot be had. */
static wr_rc_t
refuse(wr_req_t *r, wr_str_t path, int err)
{
    if (err == EACCES || err == ELOOP) {
        wr_log(&r->log, WR_LOG_ERR, err, "\"%.*s\" is forbidden", WR_ARG(path));
        return wr_fail(r, 403);
    }
    if (wr_http_core(r)->log_not_found) {
        wr_log(&r->log, WR_LOG_ERR, err, "\"%.*s\" is not found", WR_ARG(path));
    }
    return wr_fail(r, 404);
}

/* The folder itself, once the first file was not found in it. */
static wr_rc_t
test_folder(wr_req_t *r, wr_str_t file, wr_str_t folder)
{
    wr_opened_t opened;

    if (folder.n > 1 && folder.p[folder.n - 1] == '/') {
        folder.n--;
    }
    folder = wr_str(wr_pool_strz(wr_pool(r), folder), folder.n);
    if (wr_file_test(r, folder, &opened) != WR_OK) {
        if (opened.err == EACCES) {
            return refuse(r, file, opened.err);
        }
        if (opened.err == ENOENT || opened.err == ENOTDIR
            || opened.err == ENAMETOOLONG || opened.err == ELOOP)
        {
            return refuse(r, file, ENOENT);
        }
        wr_log(&r->log, WR_LOG_CRIT, opened.err, "%s \"%.*s\" failed",
               opened.failed, WR_ARG(folder));
        return wr_fail(r, 500);
    }
    if (!opened.is_dir) {
        wr_log(&r->log, WR_LOG_ALERT, 0, "\"%.*s\" is not a directory",
               WR_ARG(folder));
        return wr_fail(r, 500);
    }
    return WR_OK;
}

static wr_rc_t
redirect(wr_req_t *r, wr_str_t uri)
{
    return wr_internal_redirect(r, uri, r->args);
}

/* WR_OK: it is there. WR_DECLINED: not this one. */
static wr_rc_t
try_name(wr_req_t *r, wr_str_t folder, wr_str_t name, bool *tested)
{
    wr_opened_t opened;
    wr_str_t    path;
    char       *p = wr_alloc_bytes(wr_pool(r), folder.n + name.n + 1);

    memcpy(p, folder.p, folder.n);
    memcpy(p + folder.n, name.p, name.n);
    p[folder.n + name.n] = '\0';
    path = wr_str(p, folder.n + name.n);
    if (wr_file_test(r, path, &opened) == WR_OK) {
        return WR_OK;
    }
    if (opened.err == EACCES || opened.err == ELOOP || opened.err == ENOTDIR
        || opened.err == ENAMETOOLONG)
    {
        return refuse(r, path, opened.err);
    }
    if (!*tested) {
        wr_rc_t rc = test_folder(r, path, folder);

        if (rc != WR_OK) {
            return rc;
        }
        *tested = true;
    }
    if (opened.err == ENOENT) {
        return WR_DECLINED;
    }
    wr_log(&r->log, WR_LOG_CRIT, opened.err, "%s \"%.*s\" failed", opened.failed,
           WR_ARG(path));
    return wr_fail(r, 500);
}

static wr_rc_t
find_index(wr_req_t *r, void *state)
{
    const conf_t *conf = wr_conf(r);
    wr_str_t      folder = WR_STR_NONE;
    bool          tested = false;

    (void) state;
    if (r->uri.n == 0 || r->uri.p[r->uri.n - 1] != '/'
        || (r->method & (WR_GET | WR_HEAD | WR_POST)) == 0)
    {
        return WR_DECLINED;
    }
    for (WR_EACH(wr_cv_t, cv, &conf->names)) {
        wr_str_t name;
        size_t   root;
        wr_rc_t  rc;

        if (wr_cv_is_const(cv) && cv->text.n != 0 && cv->text.p[0] == '/') {
            return redirect(r, cv->text);
        }
        if (folder.p == NULL && !wr_req_path(r, &folder, &root, 0)) {
            return wr_fail(r, 500);
        }
        if (wr_cv_eval(r, cv, &name) != WR_OK) {
            return wr_fail(r, 500);
        }
        if (!wr_cv_is_const(cv) && name.n != 0 && name.p[0] == '/') {
            return redirect(r, name);
        }
        rc = try_name(r, folder, name, &tested);
        if (rc == WR_OK) {
            return redirect(r, wr_pool_join(wr_pool(r), r->uri, name));
        }
        if (rc != WR_DECLINED) {
            return rc;
        }
    }
    return WR_DECLINED;
}

/* nginx's warnings and errors about the list. */
static wr_rc_t
check(wr_conf_t *cf, wr_scope_t *scope, void *conf, const void *outer)
{
    const conf_t *own = conf;
    uint32_t      i = 0;

    (void) scope;
    (void) outer;
    for (WR_EACH(wr_cv_t, cv, &own->names)) {
        if (cv->text.n == 0 && wr_cv_is_const(cv)) {
            return wr_conf_fail(cf, NULL,
                                "index \"\" in \"index\" directive is invalid");
        }
        if (++i < own->names.n && cv->text.n != 0 && cv->text.p[0] == '/'
            && wr_cv_is_const(cv))
        {
            wr_conf_warn(cf, NULL, "only the last index in \"index\" directive "
                                   "should be absolute");
        }
    }
    return WR_OK;
}

WR_MODULE(index,
    .doc = "The file that stands for a folder",
    .schema.directives = (const wr_directive_t[]) {
        WR_CV_LIST("index", WR_ANY, conf_t, names, "index.html",
                   "Files that are tried, in order, for a URI that ends with a "
                   "slash; the last may be an absolute URI.",
                   .args = "file …", .example = "index index.$host.html index.html;"),
        WR_END
    },
    .schema.size = sizeof(conf_t),
    .schema.check = check,
    .http = &(const wr_http_tables_t) {
        .hooks = (const wr_hook_t[]) {
            {.mw = {.name = "index", .before = find_index},
             .rank = WR_RANK_CONTENT, .order = 20},
            {.mw = {.name = NULL}}
        },
    });
