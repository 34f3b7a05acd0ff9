/*
 * Reading the content codings gzip (x-gzip) and deflate, RFC 9110 §8.4.1.
 */
#ifndef WEIR_HTTP_INFLATE_H
#define WEIR_HTTP_INFLATE_H

#include <weir/base/str.h>

typedef struct wr_inflate {
    struct z_stream_s *z;       /* NULL: nothing came yet */
    bool               deflate; /* zlib's format or, as some send it, without its head */
    bool               whole;   /* the data so far ends where it may end */
    bool               extra;   /* something stands behind the end: it was left out */
    const char        *why;     /* what is broken; NULL: not known */
} wr_inflate_t;

/* False: another coding. */
bool wr_inflate_begin(wr_inflate_t *x, wr_str_t coding);

/* Decodes the next bytes; what comes out goes to `sink`, in pieces. WR_SYNTAX: it is
 * broken; WR_ERROR: no memory; any other result but WR_OK is the sink's. */
wr_rc_t wr_inflate_feed(wr_inflate_t *x, const char *p, size_t n,
                        wr_rc_t (*sink)(void *data, const char *p, size_t n), void *data);

/* Gives the memory back; at any time. */
void wr_inflate_end(wr_inflate_t *x);

#endif
