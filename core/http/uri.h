/*
 * URIs: checking, decoding, normalising (RFC 3986), as far as a server needs.
 */
#ifndef WEIR_HTTP_URI_H
#define WEIR_HTTP_URI_H

#include <weir/base/pool.h>

typedef struct wr_uri {
    wr_str_t path;          /* decoded, without . .. and (if merged) // */
    wr_str_t args;
    bool     complex;       /* path had to be rebuilt */
    bool     quoted;        /* it had %XX */
    bool     plus;          /* a + in the path */
} wr_uri_t;

/* Splits and normalises "/a/../b?x#y" (the fragment is cut). WR_SYNTAX: not a
 * path, a bad %XX, a NUL, or it leaves the root. Without work the parts are views
 * of `raw`. */
wr_rc_t wr_uri_normalise(wr_pool_t *pool, wr_str_t raw, bool merge_slashes,
                         wr_uri_t *out);

/* A host as it may stand in Host or an absolute URI: lower case without port and
 * a trailing dot. WR_SYNTAX if it cannot be one. *port: -1 if there is none. */
wr_rc_t wr_host_normalise(wr_pool_t *pool, wr_str_t raw, wr_str_t *host, int *port);

#endif
