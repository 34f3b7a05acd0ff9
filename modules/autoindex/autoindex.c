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

/* What serve() has found, for the time after the head has left: only then is the
 * charset known, by which names are measured. */
typedef struct state {
    wr_array_t entries;         /* entry_t */
    wr_str_t   callback;
} state_t;

static wr_str_t
type_of_reply(const conf_t *conf, const state_t *s)
{
    switch (conf->format) {
    case FORM_JSON:
        return WR_STR("application/json");
    case FORM_JSONP:
        return s->callback.n != 0 ? WR_STR("application/javascript")
                                  : WR_STR("application/json");
    case FORM_XML:
        return WR_STR("text/xml");
    default:
        return WR_STR("text/html");
    }
}

static wr_rc_t
reply(wr_req_t *r, void *state)
{
    const conf_t *conf = wr_stage_conf(r);
    state_t      *s = state;
    wr_buf_t      b = wr_buf(wr_pool(r));
    wr_rc_t       rc;

    r->status = 200;
    r->content_type = type_of_reply(conf, s);
    if (conf->format == FORM_XML) {
        r->charset = WR_STR("utf-8");
    }
    rc = wr_send_head(r);
    if (rc < 0 || rc == WR_DONE || r->head_only) {
        return rc < 0 ? rc : WR_DONE;
    }
    switch (conf->format) {
    case FORM_JSON:
    case FORM_JSONP:
        show_json(&s->entries, s->callback, &b);
        break;
    case FORM_XML:
        show_xml(r, &s->entries, &b);
        break;
    default:
        show_html(r, conf, &s->entries, &b);
    }
    rc = wr_send_body(r, wr_seg_mem(r, b.p, b.n, WR_SEG_LAST));
    return rc < 0 ? rc : WR_DONE;
}

static wr_rc_t
serve(wr_req_t *r, void *state)
{
    const conf_t  *conf = wr_stage_conf(r);
    state_t       *s = state;
    wr_str_t       path;
    size_t         root;
    DIR           *dir;
    struct dirent *d;

    s->entries = wr_array(wr_pool(r), sizeof(entry_t));
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
    if (conf->format == FORM_JSONP && !take_callback(r, &s->callback)) {
        wr_log(&r->log, WR_LOG_INFO, 0, "client sent invalid callback name: \"%.*s\"",
               WR_ARG(s->callback));
        return wr_fail(r, 400);
    }
    dir = opendir(path.p);
    if (dir == NULL) {
        return failed_to_open(r, path, errno);
    }
    while (s->entries.n < MAX_ENTRIES && (d = readdir(dir)) != NULL) {
        add(r, &s->entries, path, d);
    }
    closedir(dir);
    if (s->entries.n != 0) {
        qsort(s->entries.items, s->entries.n, s->entries.size, by_name);
    }
    return wr_settle(r, reply);
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
                "Answer for a folder that has no index file with the list of its files.",
                .example = "autoindex on;"),
        WR_FLAG("autoindex_exact_size", WR_ANY, conf_t, exact_size, "on",
                "Sizes in bytes, or rounded to K, M, G.",
                .example = "autoindex_exact_size off;"),
        WR_FLAG("autoindex_localtime", WR_ANY, conf_t, local_time, "off",
                "Times in the local zone, or UTC.",
                .example = "autoindex_localtime on;"),
        WR_ENUM("autoindex_format", WR_ANY, conf_t, format, forms, "html",
                "The form of the list. jsonp calls the function that the argument `callback` "
                "names.",
                .example = "autoindex_format json;"),
        WR_END
    },
    .schema.size = sizeof(conf_t),
    .http = &(const wr_http_tables_t) {
        .hooks = (const wr_hook_t[]) {
            {.mw = {.name = "autoindex", .state_size = sizeof(state_t),
                    .before = serve},
             .rank = WR_RANK_CONTENT, .order = 30, .wanted = wanted},
            {.mw = {.name = NULL}}
        },
    });
