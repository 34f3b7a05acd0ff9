/*
 * ssl: between its files.
 */
#ifndef SSL_H
#define SSL_H

#include <weir/http/h1.h>
#include <weir/net/tls.h>

enum { VERIFY_OFF, VERIFY_ON, VERIFY_OPTIONAL, VERIFY_NO_CA };
enum { CACHE_NONE, CACHE_OFF, CACHE_OWN };

typedef struct ssl_conf {
    wr_array_t certificates, keys;      /* wr_cv_t */
    wr_array_t passwords;               /* wr_str_t, NUL behind */
    unsigned   protocols;
    wr_str_t   ciphers;
    bool       prefer_server;
    wr_str_t   curves, dhparam;
    wr_array_t commands;                /* wr_pair of texts: wr_str_t, twice each */
    int        verify;
    int64_t    depth;
    wr_str_t   client_ca, trusted, crl;
    int        cache;
    int64_t    builtin;                 /* sessions in each worker; -1: no such cache */
    wr_zone_t *zone;                    /* shared sessions; NULL: none */
    int64_t    timeout;
    bool       tickets;
    wr_array_t ticket_keys;             /* ssl_key_t */
    bool       stapling, stapling_verify;
    wr_str_t   stapling_file, stapling_responder;
    bool       early_data, reject;
    size_t     buffer_size;
    /* made of it */
    SSL_CTX   *ctx;
    wr_zone_t *ticket_zone;
    bool       variable;                /* certificates are read at each handshake */
    wr_str_t   staple;
} ssl_conf_t;

/* A key of session tickets, as ssl_session_ticket_key has it. */
typedef struct ssl_key {
    unsigned char name[16], aes[32], hmac[32];
    bool          aes128;
} ssl_key_t;

/* ssl_context.c */
wr_rc_t ssl_make_context(wr_conf_t *cf, ssl_conf_t *conf, const wr_tok_t *at);
extern const ssl_conf_t *ssl_conf_of(const wr_server_t *server);

/* ssl_load.c: a certificate with its chain, and its key. WR_ERROR: *why. */
wr_rc_t ssl_load_pair(SSL_CTX *ctx, SSL *ssl, const ssl_conf_t *conf, const char *cert,
                      const char *key, const char **why, const char **file);

/* ssl_session.c */
wr_rc_t ssl_set_cache(wr_conf_t *cf, const wr_directive_t *d, void *conf);
wr_rc_t ssl_set_ticket_key(wr_conf_t *cf, const wr_directive_t *d, void *conf);
wr_rc_t ssl_sessions_prepare(wr_conf_t *cf);
void    ssl_sessions_use(SSL_CTX *ctx, ssl_conf_t *conf);

/* ssl_variables.c */
extern const wr_var_row_t ssl_variables[];

#endif
