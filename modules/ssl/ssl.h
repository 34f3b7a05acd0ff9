/*
 * ssl: between its files.
 */
#ifndef SSL_H
#define SSL_H

#include "ocsp.h"

#include <weir/http/h1.h>
#include <weir/net/tls.h>
#include <weir/net/tls_cache.h>
#include <weir/net/tls_command.h>
#include <weir/net/tls_pair.h>

enum { VERIFY_OFF, VERIFY_ON, VERIFY_OPTIONAL, VERIFY_NO_CA };
enum { CACHE_NONE, CACHE_OFF, CACHE_OWN };
enum { OCSP_OFF, OCSP_CHAIN, OCSP_LEAF };

typedef struct ssl_conf {
    wr_array_t certificates, keys;      /* wr_cv_t */
    wr_array_t passwords;               /* wr_str_t, NUL behind */
    unsigned   protocols;
    wr_str_t   ciphers;
    bool       prefer_server;
    wr_str_t   curves, dhparam;
    wr_array_t commands;                /* wr_str_t: name, value, name, value … */
    int        verify;
    int64_t    depth;
    wr_str_t   client_ca, trusted, crl;
    int        cache;
    int64_t    builtin;                 /* sessions in each worker; -1: no such cache */
    wr_zone_t *zone;                    /* shared sessions; NULL: none */
    int64_t    timeout;
    bool       tickets;
    wr_array_t ticket_files;            /* wr_tok_t */
    bool       stapling, stapling_verify;
    wr_str_t   stapling_file, stapling_responder;
    int        ocsp;
    wr_str_t   ocsp_url;
    wr_zone_t *ocsp_zone;               /* what is known already; NULL: nothing is kept */
    bool       early_data, reject;
    size_t     buffer_size;
    bool       light;
    wr_tls_cache_t *cert_cache;       /* NULL: none */
    wr_msec_t  reload;                  /* 0: files are not watched */
    wr_file_log_t *key_log;             /* NULL: none */
    /* made of it */
    wr_array_t ticket_keys;             /* ssl_key_t */
    SSL_CTX   *ctx;
    const wr_server_t *maker;            /* of those that share this: the one it was made for */
    wr_zone_t *ticket_zone;
    bool       variable;                /* certificates are read at each handshake */
    wr_array_t staples;                 /* staple_t *: staple.c */
    ocsp_responder_t ocsp_responder;    /* of ocsp_url */
    wr_str_t   name;                    /* "FILE:LINE" of the server, for the log */
    wr_resolver_t *resolver;            /* the server's, for names of responders; NULL: none */
    wr_msec_t  resolver_timeout;
} ssl_conf_t;

/* A key of session tickets, as ssl_session_ticket_key has it. */
typedef struct ssl_key {
    unsigned char name[16], aes[32], hmac[32];
    bool          aes128;
} ssl_key_t;

/* context.c */
wr_rc_t ssl_make_context(wr_conf_t *cf, ssl_conf_t *conf, const wr_server_t *server);
/* Connections that begin with it look for early data; whether it is taken, the server says
 * that SNI chooses. */
void    ssl_allow_early(SSL_CTX *ctx);
extern const ssl_conf_t *ssl_conf_of(const wr_server_t *server);

/* renew.c: files that change while the server runs. */
wr_rc_t ssl_renew_watch(wr_conf_t *cf, ssl_conf_t *conf, wr_str_t cert, wr_str_t key);
wr_rc_t ssl_renew_prepare(wr_conf_t *cf);           /* begins another reading */
wr_rc_t ssl_renew_finish(wr_conf_t *cf);            /* all is read */
wr_rc_t ssl_renew_master(wr_conf_t *cf);
void    ssl_renew_worker(wr_worker_t *w);
void    ssl_renew_stop(wr_worker_t *w);             /* nothing, if it looks for another cycle */

/* expiry.c: until when certificates are valid. The name is that of the file. */
void ssl_expiry_prepare(wr_conf_t *cf);             /* begins another reading */
void ssl_expiry_note(wr_conf_t *cf, wr_str_t name, const X509 *cert);
void ssl_expiry_renewed(wr_str_t name, const X509 *cert);
void ssl_expiry_put(wr_metrics_t *to);

/* session.c */
wr_rc_t ssl_set_cache(wr_conf_t *cf, const wr_directive_t *d, void *conf);
/* "shared:NAME:SIZE", for a cache that is called so; NULL after a conf error. */
wr_zone_t *ssl_zone_of(wr_conf_t *cf, const wr_tok_t *tok, const char *what, const void *tag);
void    ssl_sessions_prepare(void);
/* As in nginx, sessions and tickets are those of the address, which its default server
 * speaks for: a connection begins with its context, and SNI changes everything but that. */
const ssl_conf_t *ssl_keeper_of(const SSL *ssl);
void    ssl_sessions_use(SSL_CTX *ctx, ssl_conf_t *conf);
/* SNI has chosen this server: whether the client is given what it can resume by. */
void    ssl_session_offer(SSL *ssl, const ssl_conf_t *conf);
/* The session will not be resumed. */
void    ssl_session_forget(SSL *ssl);

/* tickets.c */
wr_rc_t ssl_set_ticket_key(wr_conf_t *cf, const wr_directive_t *d, void *conf);
wr_rc_t ssl_load_ticket_keys(wr_conf_t *cf, ssl_conf_t *conf);
wr_rc_t ssl_tickets_prepare(wr_conf_t *cf);         /* begins another reading */
void    ssl_tickets_use(SSL_CTX *ctx, ssl_conf_t *conf);

/* session_id.c: before ssl_sessions_use, when the context is complete. */
void ssl_session_set_id(wr_conf_t *cf, SSL_CTX *ctx, const ssl_conf_t *conf);

/* staple.c: what authorities say of our certificates. */
wr_rc_t ssl_staples_make(wr_conf_t *cf, ssl_conf_t *conf, const wr_tok_t *at);
void    ssl_staples_start(ssl_conf_t *conf);        /* in a worker */
void    ssl_staples_stop(ssl_conf_t *conf);
void    ssl_staples_renewed(ssl_conf_t *conf, X509 *old, const wr_tls_pair_t *pair);

/* client_ocsp.c: what authorities say of the client's. */
wr_rc_t ssl_ocsp_make(wr_conf_t *cf, ssl_conf_t *conf, const wr_tok_t *at);
wr_rc_t ssl_set_ocsp_cache(wr_conf_t *cf, const wr_directive_t *d, void *conf);
/* For a request; an op of the request. NULL: it is known, see ssl_ocsp_verdict. */
typedef struct ssl_ocsp_wait {
    wr_op_t    op;
    wr_queue_t link;
} ssl_ocsp_wait_t;
wr_op_t    *ssl_ocsp_check(wr_req_t *r, SSL *ssl, const ssl_conf_t *conf, ssl_ocsp_wait_t *w);
/* NULL: nothing speaks against it (or nobody has asked); else why not. */
const char *ssl_ocsp_verdict(const SSL *ssl);

/* variables.c */
extern const wr_var_row_t ssl_variables[];

#endif
