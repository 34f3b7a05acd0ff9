/*
 * TLS as a layer of wr_conn_t, over OpenSSL. Contexts (SSL_CTX) are made by who
 * reads the conf; here are connections.
 */
#ifndef WEIR_NET_TLS_H
#define WEIR_NET_TLS_H

#include <openssl/ssl.h>
#include <weir/net/conn.h>

/* What wr_conn_t.tls points to. */
typedef struct wr_tls {
    SSL        *ssl;
    wr_conn_t  *conn;
    const void *endpoint;       /* servers: the wr_endpoint_t */
    void       *server;         /* … and the wr_server_t that SNI chose */
    void       *client;         /* clients: the wr_tls_client_t … */
    uint64_t    key;            /* … and what its sessions are kept by */
    bool        kernel_ready;   /* the socket may have more than OpenSSL took */
    bool        wants_write;    /* a read waits for the socket to take bytes */
    bool        established;
    bool        named;          /* servers: a name of SNI was found */
    bool        try_early;      /* early data may come */
    char       *early;          /* early data; read first. malloc */
    size_t      early_n, early_at;
    char       *held;           /* records that are to leave next: malloc */
    size_t      held_n, held_at;
    size_t      owed;           /* bytes in `held` that nobody was told were sent */
    wr_post_t   flush;          /* of a ticket that found no company */
    size_t      run;            /* bytes since the connection fell silent … */
    wr_msec_t   last;           /* … and when the last left: sizes of records */
} wr_tls_t;

/* Puts TLS on an open connection that has seen no byte yet. */
wr_rc_t wr_tls_server(wr_conn_t *c, SSL_CTX *ctx, const void *endpoint) WR_MUST_CHECK;
/* The client's side. `name`: SNI, may be empty; `session` may be NULL. */
wr_rc_t wr_tls_client(wr_conn_t *c, SSL_CTX *ctx, const char *name, SSL_SESSION *session)
    WR_MUST_CHECK;

/* WR_OK: done; WR_AGAIN: at the next event; WR_ERROR: logged. */
wr_rc_t wr_tls_handshake(wr_conn_t *c) WR_MUST_CHECK;

/* The wr_conn_t was moved (wr_conn_move). */
void wr_tls_moved(wr_conn_t *c);

/* Of a callback that gets the SSL. */
wr_tls_t *wr_tls_of(const SSL *ssl);

/* "h2" for the protocol that ALPN chose; empty: none. */
wr_str_t wr_tls_alpn(const wr_conn_t *c);

/* The oldest error of OpenSSL's queue as text, which is emptied. */
const char *wr_tls_error(void);

extern const wr_conn_io_t wr_conn_tls;

#endif
