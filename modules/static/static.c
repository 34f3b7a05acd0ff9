/*
 * Files, as the content of locations that nothing else answers for.
 */
#include <weir/http/core_conf.h>
#include <weir/http/file_cache.h>

/* "/a" where a is a folder: to "/a/". */
static wr_rc_t
to_folder(wr_req_t *r)
{
    wr_str_t location = wr_uri_escape(wr_pool(r), r->uri, WR_ESC_URI);

    location = wr_pool_join(wr_pool(r), location, WR_STR("/"));
    if (r->args.n != 0) {
        location = wr_pool_join3(wr_pool(r), location, WR_STR("?"), r->args);
    }
    return wr_reply_redirect(r, 301, location);
}

static wr_rc_t
serve(wr_req_t *r, void *state)
{
    wr_str_t    path;
    size_t      root;
    wr_opened_t opened;

    (void) state;
    if ((r->method & (WR_GET | WR_HEAD | WR_POST)) == 0) {
        return wr_fail(r, 405);
    }
    if (r->uri.n == 0 ? !r->uri_behind_alias : r->uri.p[r->uri.n - 1] == '/') {
        return WR_DECLINED;
    }
    if (!wr_req_path(r, &path, &root, 0)) {
        return wr_fail(r, 500);
    }
    if (wr_file_open(r, path, &opened) != WR_OK) {
        return wr_file_failed(r, path, &opened);
    }
    if (opened.is_dir) {
        return to_folder(r);
    }
    if (!opened.is_file) {
        wr_log(&r->log, WR_LOG_CRIT, 0, "\"%.*s\" is not a regular file",
               WR_ARG(path));
        return wr_fail(r, 404);
    }
    if (r->method == WR_POST) {
        return wr_fail(r, 405);
    }
    wr_body_discard(r);
    wr_file_head(r, &opened);
    return wr_file_send(r, &opened);
}

static void
stop(wr_worker_t *w)
{
    (void) w;
    wr_file_cache_clear();
}

WR_MODULE(static,
    .doc = "Files under root or alias",
    .http = &(const wr_http_tables_t) {
        .hooks = (const wr_hook_t[]) {
            {.mw = {.name = "static", .before = serve},
             .rank = WR_RANK_CONTENT, .order = 100},
            {.mw = {.name = NULL}}
        },
        .worker_tick = wr_file_cache_tick,
    },
    .worker_stop = stop);
