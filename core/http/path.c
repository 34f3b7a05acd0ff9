/*
 * From a request to a file: root, alias, content type, validators.
 */
#include <weir/http/core_conf.h>

#include <stdio.h>
#include <weir/process/cycle.h>

bool
wr_req_path(wr_req_t *r, wr_str_t *path, size_t *root_len, size_t reserve)
{
    const wr_http_core_t *core = wr_http_core(r);
    wr_str_t              root, tail = r->uri;
    char                 *p, *to;

    if (wr_cv_eval(r, &core->root, &root) != WR_OK) {
        r->fail_status = 500;
        return false;
    }
    if (!wr_cv_is_const(&core->root)) {
        if (root.n == 0 || root.p[0] != '/') {
            root = wr_pool_join(wr_pool(r), wr_cycle->prefix, root);
        }
        if (!core->is_alias && root.n != 0 && root.p[root.n - 1] == '/') {
            root.n--;
        }
    }
    if (core->is_alias) {
        if (r->location != NULL && r->location->regex != NULL) {
            tail = r->uri_behind_alias ? r->uri : WR_STR("");
        } else if (r->in_named || r->uri.n < core->alias_cut) {
            tail = r->uri;
        } else {
            tail = wr_str_skip(r->uri, core->alias_cut);
        }
    }
    p = wr_alloc_bytes(wr_pool(r), root.n + tail.n + reserve + 1);
    to = p;
    if (root.n != 0) {
        to = (char *) memcpy(to, root.p, root.n) + root.n;
    }
    if (tail.n != 0) {
        to = (char *) memcpy(to, tail.p, tail.n) + tail.n;
    }
    *to = '\0';
    *root_len = root.n;
    *path = wr_str(p, (size_t) (to - p));
    return true;
}

void
wr_set_content_type(wr_req_t *r)
{
    const wr_http_core_t *core = wr_http_core(r);
    const wr_str_t       *type;

    if (r->content_type.n != 0) {
        return;
    }
    if (r->exten.n != 0 && core->types->n != 0) {
        type = wr_map_get(core->types, r->exten);
        if (type != NULL) {
            r->content_type = *type;
            return;
        }
    }
    r->content_type = core->default_type;
}

/* "mtime-size"; the texts of a few are kept, as the same files are asked for again
 * and again. */
static wr_str_t
etag_text(wr_pool_t *pool, int64_t mtime, int64_t size)
{
    enum { KNOWN = 64 };
    static struct {
        int64_t mtime, size;
        uint8_t n;
        char    text[40];
    } known[KNOWN], *e;

    e = &known[((uint64_t) mtime * 31 + (uint64_t) size) % KNOWN];
    if (e->n == 0 || e->mtime != mtime || e->size != size) {
        e->mtime = mtime;
        e->size = size;
        e->n = (uint8_t) snprintf(e->text, sizeof(e->text), "\"%" PRIx64 "-%" PRIx64 "\"",
                                  (uint64_t) mtime, (uint64_t) size);
    }
    return wr_pool_str(pool, wr_str(e->text, e->n));
}

void
wr_set_etag(wr_req_t *r, int64_t mtime, int64_t size)
{
    if (wr_http_core(r)->etag) {
        wr_headers_set(&r->out, WR_H_ETAG, wr_header_name(WR_H_ETAG),
                       etag_text(wr_pool(r), mtime, size));
    }
}
