/*
 * flv: Flash videos from a later byte on (?start=…), with a header of their own.
 */
#include <weir/http/core_conf.h>
#include <weir/http/file_cache.h>

/* "FLV", version 1, audio and video, header of 9 bytes, a first tag size of 0. */
static const char header[] = "FLV\x1\x5\0\0\0\x9\0\0\0\0";

enum { HEADER = sizeof(header) - 1 };

/* From `start` on, with the header in front. */
static wr_rc_t
serve_from(wr_req_t *r, const wr_opened_t *opened, int64_t start)
{
    wr_seg_t *seg = wr_seg_mem(r, header, HEADER, 0);
    size_t    n = (size_t) (opened->size - start);

    wr_set_etag(r, opened->mtime, (int64_t) n + HEADER);
    seg->next = opened->file != NULL
                    ? wr_seg_file(r, opened->file, start, n, WR_SEG_LAST)
                    : wr_seg_mem(r, opened->data + start, n, WR_SEG_LAST);
    return wr_reply_segs(r, 200, seg, (int64_t) n + HEADER);
}

static wr_rc_t
serve(wr_req_t *r, void *state)
{
    wr_opened_t opened;
    wr_str_t    path, arg;
    size_t      root;
    int64_t     start = 0;

    (void) state;
    if ((r->method & (WR_GET | WR_HEAD)) == 0) {
        return wr_fail(r, 405);
    }
    if (r->uri.n == 0 || r->uri.p[r->uri.n - 1] == '/') {
        return WR_DECLINED;
    }
    wr_body_discard(r);
    if (!wr_req_path(r, &path, &root, 0)) {
        return wr_fail(r, 500);
    }
    if (wr_file_open(r, path, &opened) != WR_OK) {
        return wr_file_failed(r, path, &opened);
    }
    if (!opened.is_file) {
        return WR_DECLINED;
    }
    wr_file_head(r, &opened);
    if (wr_arg(r, WR_STR("start"), &arg) && wr_parse_int(arg, &start) && start > 0
        && start < opened.size)
    {
        return serve_from(r, &opened, start);
    }
    return wr_file_send(r, &opened);
}

static const wr_middleware_t handler = {.name = "flv", .before = serve};

/* Folders are left to index and autoindex. */
static wr_rc_t
set_flv(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    (void) d;
    (void) conf;
    if (wr_location_handler(cf, &handler, NULL) != WR_OK) {
        return WR_ERROR;
    }
    wr_conf_location(cf)->declines = true;
    return WR_OK;
}

WR_MODULE(flv,
    .doc = "Flash videos from a later byte on",
    .schema.directives = (const wr_directive_t[]) {
        WR_ACTION("flv", WR_LOCATION | WR_IF_LOCATION | WR_LIMIT_EXCEPT, 0, 0, set_flv,
                  "Serve Flash videos, from ?start=BYTE on.", .example = "flv;"),
        WR_END
    });
