/*
 * Where a step writes a file: under the prefix, never out of it by what a client sent,
 * and never over what must not be served.
 */
#include <weir/app/app.h>

#include <weir/http/file_cache.h>
#include <weir/process/cycle.h>

bool
wr_app_place(wr_req_t *r, const wr_app_text_t *to, bool absolute, wr_str_t *path)
{
    wr_buf_t b = wr_buf(wr_pool(r));
    wr_str_t text, rest, part;

    if (!wr_app_render(r, to, false, &b)) {
        return false;
    }
    text = rest = wr_buf_text(&b);
    while (wr_str_split(&rest, '/', &part)) {
        if (wr_str_eqz(part, "..")) {
            (void) wr_app_fail(r, &to->at, 400, WR_STR("a file name leads elsewhere"),
                               "\"%.*s\" leads out of its folder", WR_ARG(text));
            return false;
        }
    }
    if (text.n == 0 || text.p[text.n - 1] == '/' || wr_str_chr(text, '\0') >= 0) {
        (void) wr_app_fail(r, &to->at, 400, WR_STR("a file name is missing"), NULL);
        return false;
    }
    *path = wr_pool_join(wr_pool(r), absolute && text.p[0] == '/' ? WR_STR("")
                                                                   : wr_cycle->prefix, text);
    if (wr_file_is_private(r, *path)) {
        (void) wr_app_fail(r, &to->at, 403, WR_STR("this file is not to be written"),
                           "\"%.*s\" belongs to a database", WR_ARG(*path));
        return false;
    }
    return true;
}
