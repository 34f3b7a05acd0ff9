/*
 * A transparent picture of one pixel, from memory.
 */
#include <weir/http/request.h>

/* GIF89a, 1 × 1, a colour map of two entries, the second of them transparent. */
static const unsigned char picture[] = {
    'G', 'I', 'F', '8', '9', 'a', 1, 0, 1, 0, 0x80, 1, 0,       /* screen */
    0, 0, 0, 255, 255, 255,                                     /* colours */
    0x21, 0xf9, 4, 1, 0, 0, 1, 0,                               /* transparency */
    0x2c, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x4c, 1, 0,          /* the image */
    0x3b
};

static wr_rc_t
serve(wr_req_t *r, void *state)
{
    (void) state;
    if ((r->method & (WR_GET | WR_HEAD)) == 0) {
        return wr_fail(r, 405);
    }
    r->last_modified = 23349600;
    return wr_reply(r, 200, WR_STR("image/gif"),
                    wr_str((const char *) picture, sizeof(picture)));
}

WR_MODULE(empty_gif,
    .doc = "A transparent picture of one pixel",
    .schema.directives = (const wr_directive_t[]) {
        WR_HANDLER("empty_gif", serve,
                   "Answer with a transparent GIF picture of one pixel.",
                   .example = "empty_gif;"),
        WR_END
    });
