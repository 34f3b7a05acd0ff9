/*
 * FILE.gz beside FILE is sent to clients that take gzip.
 */
#include <errno.h>
#include <weir/http/core_conf.h>
#include <weir/http/file_cache.h>
#include <weir/http/filter.h>

enum { OFF = 0, ON, ALWAYS };

typedef struct conf {
    int                      mode;
    const wr_gzip_service_t *gzip;
} conf_t;

static bool
takes_gzip(wr_req_t *r, const conf_t *conf)
{
    if (conf->mode == ALWAYS) {
        return true;
    }
    return conf->gzip != NULL
           ? conf->gzip->ok(r)
           : wr_accepts_gzip(wr_req_header(r, WR_H_ACCEPT_ENCODING));
}

static void
complain(wr_req_t *r, wr_str_t path, const wr_opened_t *opened)
{
    switch (opened->err) {
    case ENOENT:
    case ENOTDIR:
    case ENAMETOOLONG:
        return;
    default:
        wr_log(&r->log,
               opened->err == EACCES || opened->err == ELOOP ? WR_LOG_ERR : WR_LOG_CRIT,
               opened->err, "%s \"%.*s\" failed", opened->failed, WR_ARG(path));
    }
}

static wr_rc_t
serve(wr_req_t *r, void *state)
{
    const conf_t *conf = wr_stage_conf(r);
    wr_opened_t   opened;
    wr_str_t      path;
    size_t        root;
    bool          takes;

    (void) state;
    if ((r->method & (WR_GET | WR_HEAD)) == 0 || r->uri.n == 0
        || r->uri.p[r->uri.n - 1] == '/')
    {
        return WR_DECLINED;
    }
    takes = takes_gzip(r, conf);
    if (!wr_req_path(r, &path, &root, 3)) {
        return wr_fail(r, 500);
    }
    path = wr_pool_printf(wr_pool(r), "%.*s.gz", WR_ARG(path));
    if (wr_file_open(r, path, &opened) != WR_OK) {
        complain(r, path, &opened);
        return WR_DECLINED;
    }
    if (conf->mode == ON && conf->gzip != NULL) {
        conf->gzip->vary(r);
    }
    if (!takes || opened.is_dir) {
        return WR_DECLINED;
    }
    if (!opened.is_file) {
        wr_log(&r->log, WR_LOG_CRIT, 0, "\"%.*s\" is not a regular file",
               WR_ARG(path));
        return wr_fail(r, 404);
    }
    wr_body_discard(r);
    wr_file_head(r, &opened);
    r->allow_ranges = 0;
    wr_headers_set(&r->out, WR_H_CONTENT_ENCODING, WR_STR("Content-Encoding"),
                   WR_STR("gzip"));
    return wr_file_send(r, &opened);
}

static bool
wanted(wr_scope_t *scope, const void *own, const void **conf)
{
    (void) scope;
    *conf = own;
    return own != NULL && ((const conf_t *) own)->mode != OFF;
}

static wr_rc_t
check(wr_conf_t *cf, wr_scope_t *scope, void *c, const void *outer)
{
    (void) scope;
    (void) outer;
    ((conf_t *) c)->gzip = wr_service_find(cf, "gzip.1");
    return WR_OK;
}

static const wr_enum_t modes[] = {
    {"off", OFF}, {"on", ON}, {"always", ALWAYS}, {NULL, 0}
};

WR_MODULE(gzip_static,
    .doc = "Files that lie there compressed",
    .schema.directives = (const wr_directive_t[]) {
        WR_ENUM("gzip_static", WR_ANY, conf_t, mode, modes, "off",
                "Send FILE.gz in place of FILE to clients that take gzip, or always.",
                .example = "gzip_static on;"),
        WR_END
    },
    .schema.size = sizeof(conf_t),
    .schema.check = check,
    .http = &(const wr_http_tables_t) {
        .hooks = (const wr_hook_t[]) {
            {.mw = {.name = "gzip_static", .before = serve},
             .rank = WR_RANK_CONTENT, .order = 90, .wanted = wanted},
            {.mw = {.name = NULL}}
        },
    });
