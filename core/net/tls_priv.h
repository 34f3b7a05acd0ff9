/*
 * TLS: between its files. tls_socket.c has the bytes below records, tls.c what OpenSSL
 * does, tls_light.c connections whose records are ours.
 */
#ifndef WEIR_NET_TLS_PRIV_H
#define WEIR_NET_TLS_PRIV_H

#include <weir/net/tls.h>

/* Small records first: each can be read as soon as its packet is there. Later, and
 * for as long as bytes flow, few large ones. */
enum { SMALL_RECORD = 1369, SMALL_RUN = 16 * SMALL_RECORD, SILENCE_MS = 1000 };
/* What leaves at once (HTTP/2 gathers answers for 114 KB), and room for that much in the
 * smallest records. */
enum { TLS_JOIN = 128 * 1024, TLS_CORK = 160 * 1024, TLS_AHEAD = 80 * 1024 };
enum { SMALLEST_RECORD = 512 };

/* ---- tls_socket.c: out ---- */

/* What is held, then p. How much of p went; -1: nothing, or not even all that was
 * held, see errno. */
ssize_t tls_send_held_and(wr_tls_t *t, const char *p, size_t n);

/* Records of one connection, gathered to leave together. */
typedef struct tls_cork {
    const wr_tls_t *of;         /* NULL: nobody's */
    size_t          n;
    char            bytes[TLS_CORK];
} tls_cork_t;
extern tls_cork_t tls_cork;
/* Sends what is corked. False: not all went, see errno; the rest is held. */
bool tls_uncork(wr_tls_t *t);

/* Pieces become one of at most TLS_JOIN bytes, so that they share records. */
const char *tls_joined(const struct iovec *iov, int n, size_t *size);
/* The part of iov behind `skip`; how many pieces. */
int tls_rest_of(struct iovec *rest, int room, const struct iovec *iov, int n, size_t skip);
/* How large the next record may be. */
size_t tls_record_size(wr_tls_t *t, size_t n);
/* Bytes are about to be sent: after a silence records are small again. */
void tls_note_send(wr_tls_t *t);

/* ---- tls_socket.c: in ---- */

/* What was read from the socket and not used: at..n, and before it what was opened
 * already. Of one connection at a time, between tls_ahead_begin and _end. */
typedef struct tls_ahead {
    wr_tls_t *of;
    size_t    at, n, most;
    wr_str_t  plain;            /* within bytes */
    char      bytes[TLS_AHEAD];
} tls_ahead_t;
extern tls_ahead_t tls_ahead;

/* `want`: how much the caller has room for. About one record more is read at the most, as
 * what is left takes memory of the connection. */
void tls_ahead_begin(wr_tls_t *t, size_t want);
void tls_ahead_end(wr_tls_t *t);        /* keeps what is left */
/* Reads what the socket has, when nothing is opened. How much; 0: its end; -1: errno,
 * which is EAGAIN where nothing is there. */
ssize_t tls_ahead_more(wr_tls_t *t);

/* A BIO over both. */
BIO *tls_socket_bio(wr_tls_t *t);

/* ---- tls.c ---- */

/* The peer's doing is no alarm. errno becomes EPROTO: it has been logged. */
void tls_failed(wr_conn_t *c, const char *call, int kind);

/* ---- tls_scheme.c ---- */

/* How this side has signed its handshake; constant, empty: it did not. */
const char *tls_scheme(const SSL *ssl);

/* ---- tls_provider.c ---- */

/* The properties that contexts ask for to get it; NULL: it is not to be had. */
const char *tls_provider_wish(void);
/* While a step of its handshake runs: the connection that is told what is derived, by
 * tls_note_derived. */
extern _Thread_local wr_tls_t *tls_wants_secrets;

/* ---- tls_light.c ---- */

/* Of clients' connections: how long they are used and how many there are is known. */
void tls_light_opened(void);
void tls_light_ended(const wr_tls_t *t);

/* What TLS 1.3 derives of a secret, by its label (RFC 8446 §7.1). */
void tls_note_derived(wr_tls_t *t, wr_str_t secret, wr_str_t label, const unsigned char *p,
                      size_t n);
/* The handshake is complete: the SSL goes if nothing of it is needed any more. */
void tls_lighten(wr_conn_t *c);
void tls_light_free(wr_tls_t *t);

/* As a wr_conn_io_t's recv. */
ssize_t tls_light_recv(wr_conn_t *c, void *to, size_t n);
/* Into the cork. How much was encrypted; *kind: SSL_ERROR_SSL if not all. */
size_t  tls_light_encrypt(wr_tls_t *t, const char *p, size_t n, int *kind);
/* close_notify, once. */
void    tls_light_close(wr_tls_t *t);

typedef struct tls_facts {
    const SSL_CIPHER *cipher;
    const char       *name;     /* NULL: none */
    wr_str_t          alpn, ciphers, id;
    wr_str_t          groups;   /* ints */
    const char       *scheme;
    bool              reused, is_old;
    int               group;
} tls_facts_t;
void tls_light_facts(const wr_tls_t *t, tls_facts_t *f);

#endif
