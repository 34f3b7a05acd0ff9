/*
 * For units of TLS: a connection of the server with OpenSSL's client at the other end. The
 * file that makes connections light is included, so that it can be looked into.
 */
#ifndef WEIR_TESTS_TLS_HELP_H
#define WEIR_TESTS_TLS_HELP_H

#define tls_note_derived really_note
#include "../../core/net/tls_light.c"
#undef tls_note_derived

#include <check.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

static wr_log_t   quiet;
static SSL_CTX   *server_ctx, *client_ctx, *plain_ctx;
static char       endpoint;             /* only its address is used */
static SSL_SESSION *resume;             /* the client has it */
static wr_conn_t  conn;
static SSL       *client;
static int        client_fd;
static char       stolen[256];          /* the client's secret, as the key log has it */
static char       got[200000];

static int derived;             /* keys of the server's TLS 1.3 that weir has made */

/* Instead of tls_light.c's. */
void tls_note_derived(wr_tls_t *t, wr_str_t secret, wr_str_t label, const unsigned char *p,
                      size_t n);

void
tls_note_derived(wr_tls_t *t, wr_str_t secret, wr_str_t label, const unsigned char *p, size_t n)
{
    derived++;
    really_note(t, secret, label, p, n);
}

static int sends;               /* calls of it */

/* Instead of libc's. */
ssize_t
send(int fd, const void *p, size_t n, int flags)
{
    sends++;
    return sendto(fd, p, n, flags, NULL, 0);
}

static void
nothing(wr_watch_t *w)
{
    (void) w;
}

static void
on_line_of_client(const SSL *ssl, const char *line)
{
    (void) ssl;
    if (strncmp(line, "CLIENT_TRAFFIC_SECRET_0 ", 24) == 0) {
        snprintf(stolen, sizeof(stolen), "%s", line);
    }
}

static SSL_CTX *
make_server(EVP_PKEY *key, X509 *x, bool light)
{
    SSL_CTX *ctx = wr_tls_context(TLS_server_method(), light);

    CHECK(SSL_CTX_use_certificate(ctx, x) == 1);
    CHECK(SSL_CTX_use_PrivateKey(ctx, key) == 1);
    SSL_CTX_set_num_tickets(ctx, 1);
    SSL_CTX_set_security_level(ctx, 0);
    SSL_CTX_set_min_proto_version(ctx, TLS1_VERSION);
    CHECK(SSL_CTX_set_cipher_list(ctx, "ALL:@SECLEVEL=0") == 1);
    SSL_CTX_set_options(ctx, SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE
                              | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    return ctx;
}

static void
make_contexts(void)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509     *x = X509_new();

    CHECK(key != NULL && x != NULL);
    X509_gmtime_adj(X509_getm_notBefore(x), 0);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_set_pubkey(x, key);
    CHECK(X509_sign(x, key, EVP_sha256()) > 0);
    server_ctx = make_server(key, x, true);
    plain_ctx = make_server(key, x, false);
    client_ctx = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_keylog_callback(client_ctx, on_line_of_client);
    X509_free(x);
    EVP_PKEY_free(key);
}

static const char *behind;      /* what the client sends right behind its Finished */

/* Over a pair of sockets; the first bytes are read by somebody else, as the server does. */
static void
open_as_is(int version, const char *suite)
{
    int   fd[2], done;
    char *first = malloc(100);

    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd) == 0);
    memset(&conn, 0, sizeof(conn));
    conn.watch.on_read = conn.watch.on_write = nothing;
    CHECK(wr_conn_open(&conn, fd[0], &quiet) == WR_OK);
    client_fd = fd[1];
    client = SSL_new(client_ctx);
    SSL_set_fd(client, client_fd);
    SSL_set_connect_state(client);
    SSL_set_min_proto_version(client, version);
    SSL_set_max_proto_version(client, version);
    if (suite != NULL && version == TLS1_3_VERSION) {
        CHECK(SSL_set_ciphersuites(client, suite) == 1);
    } else if (suite != NULL) {
        CHECK(SSL_set_cipher_list(client, suite) == 1);
    }
    if (resume != NULL) {
        CHECK(SSL_set_session(client, resume) == 1);
    }
    CHECK(SSL_do_handshake(client) == -1);
    CHECK(read(fd[0], first + 10, 90) == 90);
    conn.watch.readable = conn.watch.arrived = true;
    CHECK(wr_tls_server(&conn, server_ctx, &endpoint, first, 10, 90) == WR_OK);
    for (int i = 0; i < 4; i++) {
        wr_rc_t rc = wr_tls_handshake(&conn);

        done = SSL_do_handshake(client);
        if (rc == WR_OK && done == 1) {
            return;
        }
        if (done == 1 && behind != NULL) {
            CHECK(SSL_write(client, behind, (int) strlen(behind)) > 0);
        }
        conn.watch.readable = conn.watch.arrived = true;
    }
    CHECK(!"handshaken");
}

static void
open_pair(int version, const char *suite)
{
    uses = USES_LONG;                   /* it pays off to be light */
    open_as_is(version, suite);
}

static void
close_pair(void)
{
    SSL_free(client);
    wr_conn_close(&conn);
    close(client_fd);
    ERR_clear_error();
}

static wr_tls_t *
tls(void)
{
    return conn.tls;
}

static size_t
from_hex(const char *text, char *to)
{
    size_t n = 0;

    for (; text[2 * n] != '\0'; n++) {
        unsigned byte = 0;

        CHECK(sscanf(text + 2 * n, "%2x", &byte) == 1);
        to[n] = (char) byte;
    }
    return n;
}

#endif
