/*
 * TLS as a layer of wr_conn_t, over OpenSSL. Contexts (SSL_CTX) are made by who
 * reads the conf; here are connections.
 *
 * A client's connection is light once its handshake is complete, where nothing of it is
 * special: of OpenSSL's SSL, which takes 14 KB, only the keys are kept (tls_light.c).
 */
#ifndef WEIR_NET_TLS_H
#define WEIR_NET_TLS_H

#include <openssl/ssl.h>
#include <weir/net/conn.h>

typedef struct wr_tls_light wr_tls_light_t;

/* What wr_conn_t.tls points to. */
typedef struct wr_tls {
    SSL        *ssl;            /* NULL: light */
    wr_conn_t  *conn;
    const void *endpoint;       /* servers: the wr_endpoint_t */
    void       *server;         /* … and the wr_server_t that SNI chose */
    void       *client;         /* clients: the wr_tls_client_t … */
    uint64_t    key;            /* … and what its sessions are kept by */
    bool        kernel_ready;   /* the socket may have more than was taken */
    bool        wants_write;    /* a read waits for the socket to take bytes */
    bool        established;
    bool        named;          /* servers: a name of SNI was found */
    bool        rejected;       /* servers: the conf wants no handshake (for the log) */
    bool        try_early;      /* early data may come */
    bool        early;          /* it came: requests before the handshake is complete */
    bool        in_early;       /* more of it may come */
    bool        close_later;    /* when the handshake is complete */
    bool        has_byte;       /* the first of it was read … */
    char        byte;           /* … by the handshake */
    bool        heavy;          /* it must not become light */
    uint8_t     tickets;        /* records of them */
    uint8_t     uses;           /* how often it was written to */
    uint16_t    fragment;       /* the most that a record carries */
    char       *in;             /* read and not used, malloc: first what was opened … */
    uint32_t    in_plain, in_n; /* … so many bytes of all */
    char       *held;           /* records that are to leave next: malloc */
    size_t      held_n, held_at;
    size_t      owed;           /* bytes in `held` that nobody was told were sent */
    wr_timer_t  flush;          /* of a ticket that finds no company */
    size_t      run;            /* bytes since the connection fell silent … */
    wr_msec_t   last;           /* … and when the last left: sizes of records */
    wr_tls_light_t *light;
} wr_tls_t;

/* Puts TLS on an open connection. What was read from it already is taken over:
 * take_bytes (malloc), of which it begins at `at`. */
wr_rc_t wr_tls_server(wr_conn_t *c, SSL_CTX *ctx, const void *endpoint, char *take_bytes,
                      size_t at, size_t n) WR_MUST_CHECK;
/* The client's side. `name`: SNI, may be empty; `session` may be NULL. */
wr_rc_t wr_tls_client(wr_conn_t *c, SSL_CTX *ctx, const char *name, SSL_SESSION *session)
    WR_MUST_CHECK;

/* WR_OK: done, or early data may be read; WR_AGAIN: at the next event; WR_ERROR:
 * logged. */
wr_rc_t wr_tls_handshake(wr_conn_t *c) WR_MUST_CHECK;

/* The wr_conn_t was moved (wr_conn_move). */
void wr_tls_moved(wr_conn_t *c);

/* Of a callback that gets the SSL. */
wr_tls_t *wr_tls_of(const SSL *ssl);

/* A new context: `light`, its keys are derived faster (tls_provider.c), and connections
 * of a server become light where they can be; otherwise it is as SSL_CTX_new makes it,
 * and OpenSSL does all of it. */
SSL_CTX *wr_tls_context(const SSL_METHOD *method, bool light) WR_MUST_CHECK;
/* Connections of it do not become light: what was set needs OpenSSL to the end. */
void     wr_tls_context_stays(SSL_CTX *ctx);

/* How large records may be. */
void wr_tls_set_fragment(SSL_CTX *ctx, size_t bytes);
/* A connection has another context now (SSL_set_SSL_CTX): that one says how large. */
void wr_tls_refit(SSL *ssl);

/* ---- what was agreed upon; of light connections too ---- */

/* "h2" for the protocol that ALPN chose; empty: none. */
wr_str_t          wr_tls_alpn(const wr_conn_t *c);
const char       *wr_tls_version(const wr_tls_t *t);
const SSL_CIPHER *wr_tls_cipher(const wr_tls_t *t);
/* The name that the client asked for; NULL: none. */
const char       *wr_tls_name(const wr_tls_t *t);
bool              wr_tls_reused(const wr_tls_t *t);
wr_str_t          wr_tls_session_id(const wr_tls_t *t);
int               wr_tls_group(const wr_tls_t *t);              /* a NID */
/* How this side and the other one have signed: "ed25519". Empty: in a session before. */
const char       *wr_tls_scheme(const wr_tls_t *t);
const char       *wr_tls_peer_scheme(const wr_tls_t *t);
/* What the client offered: ciphers as they came, two bytes each; groups as NIDs, at
 * most `room` of them, and how many. */
wr_str_t          wr_tls_offered_ciphers(const wr_tls_t *t);
unsigned          wr_tls_offered_groups(const wr_tls_t *t, int *to, unsigned room);
/* The handshake is not complete: what comes may be a replay. */
bool              wr_tls_is_early(const wr_tls_t *t);

/* The oldest error of OpenSSL's queue as text, which is emptied. */
const char *wr_tls_error(void);

extern const wr_conn_io_t wr_conn_tls;

#endif
