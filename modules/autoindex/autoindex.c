/*
 * autoindex: a folder's list of files, when no index file answers for it.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include "autoindex.h"
#include <weir/http/core_conf.h>

enum { MAX_ENTRIES = 100000 };

static int
by_name(const void *a, const void *b)
{
    const entry_t *x = a, *y = b;

    if (x->is_dir != y->is_dir) {
        return x->is_dir ? -1 : 1;
    }
    return wr_str_cmp(x->name, y->name);
}

static void
complain(wr_req_t *r, const char *call, wr_str_t path, int err)
{
    wr_log(&r->log, WR_LOG_CRIT, err, "%s \"%.*s\" failed", call, WR_ARG(path));
}

/* What cannot be looked at is left out. */
static void
add(wr_req_t *r, wr_array_t *entries, wr_str_t folder, const struct dirent *d)
{
    wr_str_t    path;
    struct stat st;
    entry_t    *e;

    if (d->d_name[0] == '.') {
        return;
    }
    path = wr_pool_printf(wr_pool(r), "%.*s/%s", WR_ARG(folder), d->d_name);
    if (stat(path.p, &st) != 0) {
        if (errno != ENOENT && errno != ELOOP) {
            complain(r, "stat()", path, errno);
            if (errno != EACCES) {
                return;
            }
        }
        if (lstat(path.p, &st) != 0) {
            return;
        }
    }
    e = WR_PUSH(entries, entry_t);
    e->name = wr_pool_str(wr_pool(r), wr_str_z(d->d_name));
    e->mtime = st.st_mtime;
    e->size = st.st_size;
    e->is_dir = S_ISDIR(st.st_mode);
    e->is_file = S_ISREG(st.st_mode);
}

static wr_rc_t
failed_to_open(wr_req_t *r, wr_str_t path, int err)
{
    unsigned   status = 500;
    wr_level_t level = WR_LOG_CRIT;

    if (err == ENOENT || err == ENOTDIR || err == ENAMETOOLONG) {
        status = 404;
        level = WR_LOG_ERR;
    } else if (err == EACCES) {
        status = 403;
        level = WR_LOG_ERR;
    }
    wr_log(&r->log, level, err, "opendir() \"%.*s\" failed", WR_ARG(path));
    return wr_fail(r, status);
}

/* ?callback=name makes JSONP. False: it is not a name. */
static bool
take_callback(wr_req_t *r, wr_str_t *name)
{
    if (!wr_arg(r, WR_STR("callback"), name) || name->n == 0) {
        *name = WR_STR_NONE;
        return true;
    }
    if (name->n > 128) {
        return false;
    }
    for (size_t i = 0; i < name->n; i++) {
        if (!wr_is_word(name->p[i]) && name->p[i] != '.') {
            return false;
        }
    }
    return true;
}

static wr_rc_t
reply(wr_req_t *r, const conf_t *conf, const wr_array_t *entries, wr_str_t callback)
{
    wr_buf_t b = wr_buf(wr_pool(r));
    wr_str_t type = WR_STR("text/html");

    switch (conf->format) {
    case FORM_JSON:
        type = WR_STR("application/json");
        show_json(entries, WR_STR_NONE, &b);
        break;
    case FORM_JSONP:
        type = callback.n != 0 ? WR_STR("application/javascript")
                               : WR_STR("application/json");
        show_json(entries, callback, &b);
        break;
    case FORM_XML:
        type = WR_STR("text/xml");
        r->charset = WR_STR("utf-8");
        show_xml(r, entries, &b);
        break;
    default:
        show_html(r, conf, entries, &b);
    }
    r->content_type = type;
    /* The length is not told: filters may change it, as nginx does. */
    return wr_reply_segs(r, 200, wr_seg_mem(r, b.p, b.n, WR_SEG_LAST), -1);
}

static wr_rc_t
serve(wr_req_t *r, void *state)
{
    const conf_t  *conf = wr_stage_conf(r);
    wr_array_t     entries = wr_array(wr_pool(r), sizeof(entry_t));
    wr_str_t       path, callback = WR_STR_NONE;
    size_t         root;
    DIR           *dir;
    struct dirent *d;

    (void) state;
    if (r->uri.n == 0 || r->uri.p[r->uri.n - 1] != '/'
        || (r->method & (WR_GET | WR_HEAD)) == 0)
    {
        return WR_DECLINED;
    }
    if (!wr_req_path(r, &path, &root, 0)) {
        return wr_fail(r, 500);
    }
    if (path.n > 1 && path.p[path.n - 1] == '/') {
        path = wr_str(wr_pool_strz(wr_pool(r), wr_str_sub(path, 0, path.n - 1)),
                      path.n - 1);
    }
    if (conf->format == FORM_JSONP && !take_callback(r, &callback)) {
        wr_log(&r->log, WR_LOG_ERR, 0, "client sent invalid callback name: \"%.*s\"",
               WR_ARG(callback));
        return wr_fail(r, 400);
    }
    dir = opendir(path.p);
    if (dir == NULL) {
        return failed_to_open(r, path, errno);
    }
    while (entries.n < MAX_ENTRIES && (d = readdir(dir)) != NULL) {
        add(r, &entries, path, d);
    }
    closedir(dir);
    if (entries.n != 0) {
        qsort(entries.items, entries.n, entries.size, by_name);
    }
    return reply(r, conf, &entries, callback);
}

static bool
wanted(wr_scope_t *scope, const void *own, const void **conf)
{
    (void) scope;
    *conf = own;
    return own != NULL && ((const conf_t *) own)->on;
}

static const wr_enum_t forms[] = {
    {"html", FORM_HTML}, {"json", FORM_JSON}, {"jsonp", FORM_JSONP},
    {"xml", FORM_XML}, {NULL, 0}
};

WR_MODULE(autoindex,
    .doc = "Lists of files",
    .schema.directives = (const wr_directive_t[]) {
        WR_FLAG("autoindex", WR_ANY, conf_t, on, "off",
                "Answer for a folder with the list of its files."),
        WR_FLAG("autoindex_exact_size", WR_ANY, conf_t, exact_size, "on",
                "Sizes in bytes, or rounded to K, M, G."),
        WR_FLAG("autoindex_localtime", WR_ANY, conf_t, local_time, "off",
                "Times in the local zone, or UTC."),
        WR_ENUM("autoindex_format", WR_ANY, conf_t, format, forms, "html",
                "The form of the list."),
        WR_END
    },
    .schema.size = sizeof(conf_t),
    .http = &(const wr_http_tables_t) {
        .hooks = (const wr_hook_t[]) {
            {.mw = {.name = "autoindex", .before = serve},
             .rank = WR_RANK_CONTENT, .order = 30, .wanted = wanted},
            {.mw = {.name = NULL}}
        },
    });
