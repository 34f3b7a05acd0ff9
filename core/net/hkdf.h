/*
 * HKDF (RFC 5869) with SHA-256 and SHA-384, as TLS 1.3 derives keys (RFC 8446 §7.1).
 * Thread-safe.
 */
#ifndef WEIR_NET_HKDF_H
#define WEIR_NET_HKDF_H

#include <weir/base/str.h>

enum { WR_HASH_MAX = 48 };

typedef struct wr_hash wr_hash_t;

/* By OpenSSL's name of it, in any of its spellings. NULL: another hash. */
const wr_hash_t *wr_hash_of(const char *name);
/* Of a result, in bytes. */
size_t wr_hash_size(const wr_hash_t *h);

/* HKDF-Expand-Label; the label is prefix and label. False: something is too long. What
 * belongs to a secret that was used lately is remembered: wr_hkdf_forget. */
bool wr_hkdf_expand(const wr_hash_t *h, wr_str_t secret, wr_str_t prefix, wr_str_t label,
                    wr_str_t data, unsigned char *to, size_t n) WR_MUST_CHECK;
/* A line down the key schedule: HKDF-Extract of `in`, salted with what is derived from the
 * secret before by the label. An empty `before`: there is none; an empty `in`: zeros.
 * `to`: wr_hash_size. False: as above. */
bool wr_hkdf_next(const wr_hash_t *h, wr_str_t before, wr_str_t prefix, wr_str_t label,
                  wr_str_t in, unsigned char *to) WR_MUST_CHECK;
/* Wipes what this thread remembers: after a handshake, or a step of it. */
void wr_hkdf_forget(void);

#endif
