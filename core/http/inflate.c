/*
 * gzip and deflate, by zlib, a piece at a time: how much comes out is the sink's to
 * limit.
 */
#include <weir/http/inflate.h>

#include <stdlib.h>
#include <zlib.h>

enum { PIECE = 32 * 1024, GZIP_MAGIC = 0x1f };

bool
wr_inflate_begin(wr_inflate_t *x, wr_str_t coding)
{
    *x = (wr_inflate_t) {.deflate = wr_str_ieqz(coding, "deflate")};
    return x->deflate || wr_str_ieqz(coding, "gzip") || wr_str_ieqz(coding, "x-gzip");
}

static wr_rc_t
open_stream(wr_inflate_t *x, const char *p)
{
    int bits = 15 + 16;

    if (x->deflate) {
        bits = ((unsigned char) p[0] & 0x0f) == Z_DEFLATED ? 15 : -15;
    }
    x->z = calloc(1, sizeof(*x->z));
    return x->z != NULL && inflateInit2(x->z, bits) == Z_OK ? WR_OK : WR_ERROR;
}

/* Behind the end: a further member, as gzip has them. */
static bool
begin_member(wr_inflate_t *x)
{
    if (x->deflate || x->z->next_in[0] != GZIP_MAGIC || inflateReset(x->z) != Z_OK) {
        x->extra = true;
        return false;
    }
    x->whole = false;
    return true;
}

wr_rc_t
wr_inflate_feed(wr_inflate_t *x, const char *p, size_t n,
                wr_rc_t (*sink)(void *data, const char *p, size_t n), void *data)
{
    char out[PIECE];

    if (n == 0 || x->extra) {
        return WR_OK;
    }
    if (x->z == NULL && open_stream(x, p) != WR_OK) {
        return WR_ERROR;
    }
    while (n != 0) {
        size_t part = wr_min_size(n, UINT32_MAX);

        x->z->next_in = (Bytef *) (uintptr_t) p;
        x->z->avail_in = (uInt) part;
        do {
            int     rc;
            wr_rc_t ours;

            if (x->whole && x->z->avail_in != 0 && !begin_member(x)) {
                return WR_OK;
            }
            x->z->next_out = (Bytef *) out;
            x->z->avail_out = sizeof(out);
            rc = inflate(x->z, Z_NO_FLUSH);
            if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR) {
                x->why = x->z->msg;
                return rc == Z_MEM_ERROR ? WR_ERROR : WR_SYNTAX;
            }
            x->whole = rc == Z_STREAM_END;
            ours = x->z->avail_out != sizeof(out)
                       ? sink(data, out, sizeof(out) - x->z->avail_out)
                       : WR_OK;
            if (ours != WR_OK) {
                return ours;
            }
        } while (x->z->avail_in != 0 || (x->z->avail_out == 0 && !x->whole));
        p += part;
        n -= part;
    }
    return WR_OK;
}

void
wr_inflate_end(wr_inflate_t *x)
{
    if (x->z != NULL) {
        (void) inflateEnd(x->z);
        free(x->z);
        x->z = NULL;
    }
}
