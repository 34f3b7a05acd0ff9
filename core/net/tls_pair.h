/*
 * A certificate with its chain, and its key; from files or from elsewhere. What is read
 * blocks.
 */
#ifndef WEIR_NET_TLS_PAIR_H
#define WEIR_NET_TLS_PAIR_H

#include <openssl/ssl.h>
#include <weir/conf/conf.h>

/* Why not, for people. */
typedef struct wr_tls_fault {
    char text[700];
} wr_tls_fault_t;

/* Each a reference of its own. */
typedef struct wr_tls_pair {
    X509           *cert;
    STACK_OF(X509) *chain;
    EVP_PKEY       *key;
} wr_tls_pair_t;

/* False for "data:TEXT", "store:URI" and "engine:NAME:ID". */
bool wr_tls_is_file(wr_str_t source);

/* A directive "FILE": its lines are passwords, blanks included, into the wr_array_t of
 * wr_str_t that is its field. */
wr_rc_t wr_tls_passwords_set(wr_conf_t *cf, const wr_directive_t *d, void *conf);

/* `cert`: a file or "data:"; `key`: any of these. Paths are absolute; `passwords`:
 * wr_str_t, each is tried. False: e says what has failed. */
bool wr_tls_read_pair(wr_tls_pair_t *p, const wr_array_t *passwords, const char *cert,
                      const char *key, wr_tls_fault_t *e);
void wr_tls_free_pair(wr_tls_pair_t *p);
/* "CALL("SOURCE") failed (SSL: …)", with what is in OpenSSL's queue. Returns false. */
bool wr_tls_not_used(wr_tls_fault_t *e, const char *call, const char *source);
/* Into a context, or into one connection. The names are for the error. */
bool wr_tls_use_pair(SSL_CTX *ctx, SSL *ssl, const wr_tls_pair_t *p, const char *cert,
                     const char *key, wr_tls_fault_t *e);

#endif
