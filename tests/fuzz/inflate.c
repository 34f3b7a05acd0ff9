/*
 * gzip and deflate: no bytes do harm, and it makes no difference in what pieces they
 * come. The first byte chooses the coding, the second the pieces.
 */
#include <weir/base/buf.h>
#include <weir/http/inflate.h>

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST = 1 << 20 };

static wr_rc_t
sink(void *data, const char *p, size_t n)
{
    wr_buf_t *b = data;

    if (b->n + n > MOST) {
        return WR_LIMIT;
    }
    wr_buf_add(b, p, n);
    return WR_OK;
}

static wr_rc_t
decode(wr_str_t coding, const char *p, size_t n, size_t step, wr_inflate_t *x, wr_buf_t *out)
{
    wr_rc_t rc = WR_OK;

    if (!wr_inflate_begin(x, coding)) {
        abort();
    }
    for (size_t i = 0; i < n && rc == WR_OK; i += step) {
        char  *piece = malloc(wr_min_size(step, n - i));    /* for the sanitizer */
        size_t part = wr_min_size(step, n - i);

        memcpy(piece, p + i, part);
        rc = wr_inflate_feed(x, piece, part, sink, out);
        free(piece);
    }
    wr_inflate_end(x);
    return rc;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    wr_str_t     coding;
    wr_inflate_t a, b;
    wr_buf_t     one = wr_buf(NULL), two = wr_buf(NULL);
    wr_rc_t      rc;

    if (size < 2) {
        return 0;
    }
    coding = (data[0] & 1) != 0 ? WR_STR("deflate") : WR_STR("gzip");
    rc = decode(coding, (const char *) data + 2, size - 2, size, &a, &one);
    if (decode(coding, (const char *) data + 2, size - 2, data[1] + 1u, &b, &two) != rc) {
        abort();
    }
    if (rc == WR_OK && (one.n != two.n || (one.n != 0 && memcmp(one.p, two.p, one.n) != 0)
                        || a.whole != b.whole || a.extra != b.extra))
    {
        abort();
    }
    wr_buf_free(&one);
    wr_buf_free(&two);
    return 0;
}
