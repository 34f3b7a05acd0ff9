/*
 * The PROXY protocol, versions 1 and 2, as a proxy in front of us sends it: who the
 * client is, ahead of the client's own bytes.
 * https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt
 */
#ifndef WEIR_NET_PROXY_PROTOCOL_H
#define WEIR_NET_PROXY_PROTOCOL_H

#include <weir/net/addr.h>

enum { WR_PROXY_MAX = 4096 };       /* bytes of a header, at most */

typedef struct wr_proxied {
    wr_addr_t client, server;       /* with their ports */
    size_t    tlvs_n;
    char      tlvs[];               /* of version 2, as they came */
} wr_proxied_t;

/* Reads a header from the beginning of `text`. How many bytes it has; 0: more are
 * needed; -1: it is none. *told is malloc'd, NULL where the header tells of nobody
 * (UNKNOWN, LOCAL, other transports). Does not wait. */
ssize_t wr_proxy_read(wr_str_t text, wr_proxied_t **told);

/* A TLV by nginx's name: "alpn", "authority", "unique_id", "netns", "ssl_version",
 * "ssl_cn", "ssl_cipher", "ssl_sig_alg", "ssl_key_alg", "ssl_verify" (made of a number: in
 * the pool), or by its type, "0xEA". False: it did not come. */
bool wr_proxy_tlv(wr_pool_t *pool, const wr_proxied_t *p, wr_str_t name, wr_str_t *value);

#endif
