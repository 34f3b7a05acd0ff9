/*
 * Certificates that are asked for by name while the server runs, kept for a while.
 */
#ifndef WEIR_NET_TLS_CACHE_H
#define WEIR_NET_TLS_CACHE_H

#include <weir/conf/conf.h>
#include <weir/net/tls_pair.h>

typedef struct wr_tls_cache wr_tls_cache_t;

/* A directive "off | max=N [inactive=TIME] [valid=TIME]"; its field is a wr_tls_cache_t *,
 * NULL for off. */
wr_rc_t wr_tls_cache_set(wr_conf_t *cf, const wr_directive_t *d, void *conf);

/* The pair of these sources, as new as `valid` asks for; borrowed until the next call.
 * `c` may be NULL: it is read. NULL: see wr_tls_read_pair. */
const wr_tls_pair_t *wr_tls_cached_pair(wr_tls_cache_t *c, const wr_array_t *passwords,
                                        const char *cert, const char *key, wr_tls_fault_t *e);

#endif
