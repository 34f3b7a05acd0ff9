/*
 * AEAD ciphers, with a nonce of 12 bytes and a tag of 16.
 */
#ifndef WEIR_NET_AEAD_H
#define WEIR_NET_AEAD_H

#include <weir/base/str.h>

enum { WR_AEAD_NONCE = 12, WR_AEAD_TAG = 16 };

typedef struct wr_aead wr_aead_t;

/* Found once and kept for good, by the process's first thread. NULL: OpenSSL has none of
 * that name (AES-128-GCM, AES-256-GCM or ChaCha20-Poly1305). */
const wr_aead_t *wr_aead_of(const char *name);

/* One key for one direction. */
typedef struct wr_aead_key {
    const wr_aead_t *aead;      /* NULL: none yet */
    void            *ctx;
} wr_aead_key_t;

/* Begins with all zeros, or takes another key of the same cipher and direction; `key` is
 * as long as the cipher wants. All that return false mean that OpenSSL failed: see its
 * error queue. */
bool wr_aead_set(wr_aead_key_t *k, const wr_aead_t *a, const unsigned char *key, bool seals);
void wr_aead_end(wr_aead_key_t *k);

/* `to` takes what p has, then `last` unless that is negative, then the tag. It is p, or
 * does not overlap. */
bool wr_aead_seal(const wr_aead_key_t *k, const unsigned char *nonce, wr_str_t aad,
                  const void *p, size_t n, int last, unsigned char *to);
/* In place: n bytes and the tag behind them. False as well when the tag is wrong; the
 * bytes are then worth nothing. */
bool wr_aead_open(const wr_aead_key_t *k, const unsigned char *nonce, wr_str_t aad,
                  unsigned char *text, size_t n);

#endif
