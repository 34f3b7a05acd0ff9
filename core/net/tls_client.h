/*
 * What a client of TLS needs besides a connection: a context made of settings, the
 * check of who answered, sessions to resume.
 */
#ifndef WEIR_NET_TLS_CLIENT_H
#define WEIR_NET_TLS_CLIENT_H

#include <weir/conf/conf.h>
#include <weir/net/tls.h>
#include <weir/net/tls_cache.h>

typedef struct wr_tls_client wr_tls_client_t;

/* Paths are absolute with a NUL behind; empty: not given. */
typedef struct wr_tls_options {
    bool       tls1, tls1_1, tls1_2, tls1_3;
    wr_str_t   ciphers;
    bool       verify, reuse;
    int        depth;
    wr_str_t   trusted;         /* with verify; empty: the system's authorities */
    wr_str_t   crl;             /* with verify */
    wr_str_t   certificate, key;        /* or what wr_tls_read_pair takes else */
    wr_array_t passwords;       /* wr_str_t */
    wr_array_t commands;        /* wr_str_t: name, value, name, value …; NUL behind */
    SSL_CTX_keylog_cb_func key_log;     /* NULL: none; it finds key_log_data by the connection */
    void      *key_log_data;
} wr_tls_options_t;

/* In the cycle's pool. NULL after a conf error. */
wr_tls_client_t *wr_tls_client_new(wr_conf_t *cf, const wr_tok_t *at,
                                   const wr_tls_options_t *o);
/* The same at run time. NULL: `fault` says why, with the file's name. Reads files. */
wr_tls_client_t *wr_tls_client_make(wr_pool_t *pool, const wr_tls_options_t *o,
                                    wr_tls_fault_t *fault);

/* Tells apart connections that must not be mixed: never 0. */
uint64_t wr_tls_client_key(const wr_tls_client_t *t, wr_str_t name);

/* Begins on a connection that has just been made. `sni`: the name is sent (unless
 * it is an address). */
wr_rc_t wr_tls_client_begin(wr_conn_t *c, wr_tls_client_t *t, wr_str_t name, bool sni)
    WR_MUST_CHECK;
/* A certificate and key of this connection alone, after wr_tls_client_begin; only sessions
 * that began with the same one are resumed. Reads the files unless the cache (may be NULL)
 * has them; false: logged. `passwords`: wr_str_t. */
bool    wr_tls_client_present(wr_conn_t *c, wr_tls_cache_t *cache, const char *certificate,
                              const char *key, const wr_array_t *passwords);
/* What the options of the one who made this connection hold. */
void   *wr_tls_client_log_data(const SSL *ssl);
/* The handshake is complete: whether it is who we meant. Logs. */
bool    wr_tls_client_check(wr_conn_t *c, const wr_tls_client_t *t, wr_str_t name);

#endif
