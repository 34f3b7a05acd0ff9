/*
 * Records of TLS 1.3 (RFC 8446 §5), and those of TLS 1.2 with AEAD ciphers (RFC 5246 §6.2,
 * RFC 5288, RFC 7905), under keys that a handshake has left: sealed and opened, nothing
 * else. No I/O.
 */
#ifndef WEIR_NET_TLS_RECORD_H
#define WEIR_NET_TLS_RECORD_H

#include <openssl/ssl.h>
#include <sys/uio.h>
#include <weir/base/str.h>
#include <weir/net/aead.h>

enum {
    WR_RECORD_HEAD = 5,
    WR_RECORD_PLAIN = 16384,            /* the most that one carries */
    WR_RECORD_MORE = 22,                /* a sealed one of TLS 1.3 is this much longer … */
    WR_RECORD_MORE_OLD = 29,            /* … and the longest of TLS 1.2 */
    WR_RECORD_MAX = WR_RECORD_HEAD + WR_RECORD_PLAIN + 256,
    WR_RECORD_SECRET = 48
};

/* Types of content. */
enum { WR_RECORD_ALERT = 21, WR_RECORD_HANDSHAKE = 22, WR_RECORD_DATA = 23 };

typedef struct wr_suite wr_suite_t;

/* NULL: none that is known here. */
const wr_suite_t *wr_suite_of(const SSL_CIPHER *cipher);
/* Of TLS 1.2. */
bool              wr_suite_is_old(const wr_suite_t *s);

/* One direction of a connection. */
typedef struct wr_record_keys {
    const wr_suite_t *suite;
    wr_aead_key_t     key;
    uint64_t          seq;              /* of the next record */
    bool              seals;
    unsigned char     iv[12];
    unsigned char     secret[WR_RECORD_SECRET];
} wr_record_keys_t;

/* k is all zeros, but for secret and iv, or has keys that these replace; `seq`: how many
 * records they were used for already. False: OpenSSL refuses; see its error queue.
 * wr_record_end frees what this makes, after a failure as well. */
bool wr_record_begin(wr_record_keys_t *k, const wr_suite_t *s, const unsigned char *key,
                     uint64_t seq, bool seals);
/* The same from a traffic secret alone. */
bool wr_record_derive(wr_record_keys_t *k, const wr_suite_t *s, const unsigned char *secret,
                      uint64_t seq, bool seals);
/* Both directions of a TLS 1.2 connection whose handshake is complete, at the server. */
bool wr_record_begin_old(wr_record_keys_t *in, wr_record_keys_t *out, const wr_suite_t *s,
                         const SSL *ssl);
/* The next generation of keys (KeyUpdate of TLS 1.3). */
bool wr_record_next_keys(wr_record_keys_t *k);
/* Whether so many were sealed that the keys must change (RFC 8446 §5.5). */
bool wr_record_is_worn(const wr_record_keys_t *k);
void wr_record_end(wr_record_keys_t *k);

/* Seals n bytes (at most WR_RECORD_PLAIN) into `to`; how long the record is: n +
 * WR_RECORD_MORE, or at most WR_RECORD_MORE_OLD. 0: OpenSSL failed. `to` may not overlap. */
size_t wr_record_seal(wr_record_keys_t *k, int type, const char *p, size_t n, char *to);

/* How long the record is that begins at p; 0: more bytes are needed to know or to have
 * it; -1: it is none, *alert says why. */
ssize_t wr_record_whole(const wr_record_keys_t *k, const char *p, size_t n, int *alert);
/* Opens a whole one in place: *plain is within it. The type of its content; -1: *alert
 * is to be sent. */
int wr_record_open(wr_record_keys_t *k, char *p, size_t n, wr_str_t *plain, int *alert);

#endif
