/*
 * TLS connections against OpenSSL's client: what becomes light, bytes both ways, keys
 * that change, and peers that have the keys and mean ill.
 */
#define _GNU_SOURCE
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
static char       pattern[200000], got[200000];

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

static const char *old_suites[] = {
    "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305"};

static void
only_what_is_usual_becomes_light(void)
{
    static const char *suites[] = {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384",
                                   "TLS_CHACHA20_POLY1305_SHA256"};

    for (unsigned i = 0; i < WR_COUNT(suites); i++) {
        open_pair(TLS1_3_VERSION, suites[i]);
        CHECK(tls()->ssl == NULL);
        CHECK_STR(wr_str_z(SSL_CIPHER_get_name(wr_tls_cipher(tls()))), suites[i]);
        CHECK_STR(wr_str_z(wr_tls_version(tls())), "TLSv1.3");
        CHECK(wr_tls_session_id(tls()).n == 32);
        CHECK(wr_tls_offered_ciphers(tls()).n >= 2);
        close_pair();
    }
    for (unsigned i = 0; i < WR_COUNT(old_suites); i++) {
        open_pair(TLS1_2_VERSION, old_suites[i]);
        CHECK(tls()->ssl == NULL);
        CHECK_STR(wr_str_z(SSL_CIPHER_get_name(wr_tls_cipher(tls()))), old_suites[i]);
        CHECK_STR(wr_str_z(wr_tls_version(tls())), "TLSv1.2");
        close_pair();
    }
    open_pair(TLS1_2_VERSION, "ECDHE-ECDSA-AES128-SHA256");
    CHECK(tls()->ssl != NULL && tls()->light == NULL);
    close_pair();
    open_pair(TLS1_1_VERSION, "ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0");
    CHECK(tls()->ssl != NULL && tls()->light == NULL);
    close_pair();
}

/* Neither the connection nor its keys. */
static void
all_is_openssls_where_the_conf_says_so(void)
{
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    SSL_CTX         *light = server_ctx;

    derived = 0;
    server_ctx = plain_ctx;
    for (unsigned i = 0; i < WR_COUNT(versions); i++) {
        open_pair(versions[i], NULL);
        CHECK(tls()->ssl != NULL && tls()->light == NULL);
        close_pair();
    }
    CHECK_INT(derived, 0);
    server_ctx = light;
    open_pair(TLS1_3_VERSION, NULL);
    CHECK(tls()->ssl == NULL);
    CHECK(derived != 0);
    close_pair();
}

/* A name chooses the context, and with it who derives the keys. */
static SSL_CTX *chosen;

static int
on_name(SSL *ssl, int *alert, void *data)
{
    (void) alert;
    (void) data;
    (void) SSL_set_SSL_CTX(ssl, chosen);
    return SSL_TLSEXT_ERR_OK;
}

static void
the_context_of_the_name_counts(void)
{
    SSL_CTX *light = server_ctx;

    for (int to_light = 0; to_light < 2; to_light++) {
        server_ctx = to_light ? plain_ctx : light;
        chosen = to_light ? light : plain_ctx;
        SSL_CTX_set_tlsext_servername_callback(server_ctx, on_name);
        derived = 0;
        open_pair(TLS1_3_VERSION, NULL);
        CHECK((tls()->ssl == NULL) == (to_light == 1));
        CHECK((derived != 0) == (to_light == 1));
        close_pair();
        SSL_CTX_set_tlsext_servername_callback(server_ctx, NULL);
    }
    server_ctx = light;
}

/* Where connections are short, those of TLS 1.2 are left as they are. */
static void
short_ones_stay(void)
{
    struct iovec iov = {pattern, 1};
    size_t       n;

    uses = 8 * USES_UNIT;
    for (int i = 0; i < 20; i++) {
        open_as_is(TLS1_2_VERSION, NULL);
        CHECK(wr_conn_send(&conn, &iov, 1, false, &n) == WR_OK);
        close_pair();
    }
    open_as_is(TLS1_2_VERSION, NULL);
    CHECK(tls()->ssl != NULL);
    close_pair();
    open_as_is(TLS1_3_VERSION, NULL);
    CHECK(tls()->ssl == NULL);
    close_pair();
    CHECK_INT(n_open, 0);
    n_open = OPEN_MANY;
    open_as_is(TLS1_2_VERSION, NULL);
    CHECK(tls()->ssl == NULL);
    close_pair();
    n_open = 0;
}

/* ---- bytes ---- */

/* What the client sends arrives, read in pieces of `room`. */
static void
inwards(size_t n, size_t room)
{
    size_t sent = 0, came = 0;

    while (came < n) {
        size_t  part = 0;
        wr_rc_t rc;

        if (sent < n) {
            (void) SSL_write_ex(client, pattern + sent, n - sent, &part);
            sent += part;
        }
        conn.watch.readable = conn.watch.arrived = true;
        do {
            rc = wr_conn_recv(&conn, got + came, wr_min_size(room, sizeof(got) - came), &part);
            came += part;
        } while (rc == WR_OK && came < n);
        CHECK(rc == WR_OK || rc == WR_AGAIN);
        if (rc != WR_OK && rc != WR_AGAIN) {
            return;
        }
    }
    CHECK(came == n && memcmp(got, pattern, n) == 0);
}

/* Bytes that came with the end of the handshake are given; the socket is not asked for more
 * of them before the kernel has said that there are. */
static void
nobody_asks_in_vain(bool light)
{
    SSL_CTX *before = server_ctx;
    size_t   n = 0;

    behind = "early";
    server_ctx = light ? before : plain_ctx;
    open_as_is(TLS1_3_VERSION, NULL);
    server_ctx = before;
    behind = NULL;
    CHECK((tls()->ssl == NULL) == light);
    CHECK(conn.watch.readable);
    CHECK(SSL_write(client, "late", 4) == 4);
    CHECK(wr_conn_recv(&conn, got, sizeof(got), &n) == WR_OK);
    CHECK(n == 5 && memcmp(got, "early", 5) == 0);
    CHECK(!conn.watch.readable);
    CHECK(wr_conn_recv(&conn, got, sizeof(got), &n) == WR_AGAIN);
    conn.watch.readable = conn.watch.arrived = true;
    CHECK(wr_conn_recv(&conn, got, sizeof(got), &n) == WR_OK);
    CHECK(n == 4 && memcmp(got, "late", 4) == 0);
    close_pair();
}

/* What the server sends arrives; its socket takes no more than the pair holds. */
static void
outwards(size_t n)
{
    size_t sent = 0, came = 0;

    while (came < n) {
        struct iovec iov[3];
        size_t       part = 0, third = (n - sent) / 3;
        int          rc;

        if (sent < n) {
            char *p = pattern + sent;

            iov[0] = (struct iovec) {p, third};
            iov[1] = (struct iovec) {p + third, third};
            iov[2] = (struct iovec) {p + 2 * third, n - sent - 2 * third};
            conn.watch.writable = true;
            rc = wr_conn_send(&conn, iov, 3, false, &part);
            CHECK(rc == WR_OK || rc == WR_AGAIN);
            sent += part;
        }
        while (SSL_read_ex(client, got + came, sizeof(got) - came, &part) == 1) {
            came += part;
        }
        CHECK(SSL_get_error(client, 0) == SSL_ERROR_WANT_READ);
        if (SSL_get_error(client, 0) != SSL_ERROR_WANT_READ) {
            return;
        }
    }
    CHECK(came == n && memcmp(got, pattern, n) == 0);
}

/* As much as HTTP/2 gathers. */
static void
much_leaves_by_one_call(int version, const char *suite, size_t fragment)
{
    struct iovec iov = {pattern, 114 * 1024};
    int          room = 1 << 20, before;
    size_t       sent, came = 0, part;

    wr_tls_set_fragment(server_ctx, fragment);
    open_pair(version, suite);
    outwards(30000);                    /* records are large from here on */
    CHECK(setsockopt(conn.watch.fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room)) == 0
          || setsockopt(conn.watch.fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)) == 0);
    before = sends;
    CHECK(wr_conn_send(&conn, &iov, 1, false, &sent) == WR_OK);
    CHECK_INT(sends - before, 1);
    while (SSL_read_ex(client, got + came, sizeof(got) - came, &part) == 1) {
        came += part;
    }
    CHECK(came == iov.iov_len && memcmp(got, pattern, came) == 0);
    close_pair();
    wr_tls_set_fragment(server_ctx, 16384);
}

static void
bytes_of_all_sizes(int version, const char *suite)
{
    static const size_t sizes[] = {1, 2, 100, 1369, 1370, 16384, 16385, 50000, sizeof(got)};
    static const size_t rooms[] = {1, 7, 1024, 16384, sizeof(got)};

    open_pair(version, suite);
    for (unsigned i = 0; i < WR_COUNT(sizes); i++) {
        for (unsigned k = sizes[i] > 2000; k < WR_COUNT(rooms); k++) {
            inwards(sizes[i], rooms[k]);
        }
        outwards(sizes[i]);
    }
    CHECK(tls()->in == NULL && tls()->held == NULL);
    close_pair();
}

static void
keys_change(const char *suite)
{
    open_pair(TLS1_3_VERSION, suite);
    for (int i = 0; i < 5; i++) {
        CHECK(SSL_key_update(client, i % 2 == 0 ? SSL_KEY_UPDATE_REQUESTED
                                                : SSL_KEY_UPDATE_NOT_REQUESTED) == 1);
        inwards(1000, 300);
        CHECK(tls()->light->owes_update == (i % 2 == 0));
        outwards(1000);
        CHECK(!tls()->light->owes_update);
    }
    close_pair();
}

/* Both sides are ours: the client's library would not know of the jump. */
static void
worn_keys_change(void)
{
    static const char data[] = "data";
    unsigned char     secret[WR_RECORD_SECRET];
    wr_record_keys_t  k = {0};
    wr_str_t          plain;
    char             *p = tls_cork.bytes;
    int               alert, kind;

    open_pair(TLS1_3_VERSION, NULL);
    memcpy(secret, tls()->light->out.secret, sizeof(secret));
    CHECK(wr_record_derive(&k, tls()->light->out.suite, secret, 1 << 24, false));
    tls()->light->out.seq = 1 << 24;
    tls_cork.of = tls();
    tls_cork.n = 0;
    CHECK(tls_light_encrypt(tls(), data, 4, &kind) == 4 && kind == 0);
    CHECK(wr_record_open(&k, p, WR_RECORD_MORE + 5, &plain, &alert) == WR_RECORD_HANDSHAKE);
    CHECK(plain.n == 5 && plain.p[0] == 24 && plain.p[4] == 0);
    CHECK(wr_record_next_keys(&k));
    p += WR_RECORD_MORE + 5;
    CHECK(wr_record_open(&k, p, WR_RECORD_MORE + 4, &plain, &alert) == WR_RECORD_DATA);
    CHECK_STR(plain, "data");
    tls_cork.of = NULL;
    tls_cork.n = 0;
    wr_record_end(&k);
    close_pair();
}

/* ---- hostile peers ---- */

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

static wr_record_keys_t thief;

static void
steal(void)
{
    unsigned char secret[WR_RECORD_SECRET];

    CHECK(from_hex(strrchr(stolen, ' ') + 1, (char *) secret) >= 32);
    CHECK(wr_record_derive(&thief, wr_suite_of(SSL_get_current_cipher(client)), secret, 0, true));
}

static void
throw(int type, const char *p, size_t n)
{
    static char record[WR_RECORD_MAX];
    size_t      size = wr_record_seal(&thief, type, p, n, record);

    CHECK(size != 0 && write(client_fd, record, size) == (ssize_t) size);
    conn.watch.readable = conn.watch.arrived = true;
}

static wr_rc_t
receive(void)
{
    size_t n;

    return wr_conn_recv(&conn, got, sizeof(got), &n);
}

/* The server ends the connection, and the client's library reads this alert. */
static void
ends_with(int alert)
{
    unsigned long e;
    size_t        n;

    CHECK(receive() == WR_ERROR && conn.error);
    CHECK_INT(receive(), WR_ERROR);
    ERR_clear_error();
    CHECK(SSL_read_ex(client, got, 1, &n) == 0);
    e = ERR_peek_error();
    CHECK_INT(ERR_GET_REASON(e), SSL_AD_REASON_OFFSET + alert);
    wr_record_end(&thief);
    close_pair();
}

static void
begin(void)
{
    open_pair(TLS1_3_VERSION, NULL);
    steal();
}

static void
raw(const void *p, size_t n)
{
    CHECK(write(client_fd, p, n) == (ssize_t) n);
    conn.watch.readable = conn.watch.arrived = true;
}

static void
what_is_ignored(void)
{
    begin();
    throw(WR_RECORD_ALERT, "\1\132", 2);        /* user_canceled */
    CHECK(receive() == WR_AGAIN && !conn.error);
    for (int i = 0; i < 20; i++) {
        throw(WR_RECORD_DATA, "", 0);
    }
    throw(WR_RECORD_DATA, "x", 1);
    CHECK(receive() == WR_OK && got[0] == 'x');
    throw(WR_RECORD_ALERT, "\1\0", 2);          /* close_notify */
    CHECK(receive() == WR_CLOSED);
    CHECK(receive() == WR_CLOSED);
    wr_record_end(&thief);
    close_pair();

    begin();                                    /* an end without one, as nginx takes it */
    throw(WR_RECORD_DATA, "x", 1);
    shutdown(client_fd, SHUT_WR);
    CHECK(receive() == WR_OK);
    conn.watch.readable = conn.watch.arrived = conn.watch.hup = true;
    CHECK(receive() == WR_CLOSED);
    wr_record_end(&thief);
    close_pair();
}

/* As no library of clients does it, though RFC 8446 lets it. */
static void
keys_change_in_pieces(void)
{
    static const char update[] = "\30\0\0\1\1";

    begin();
    for (size_t cut = 1; cut < 5; cut++) {
        throw(WR_RECORD_HANDSHAKE, update, cut);
        CHECK(receive() == WR_AGAIN && !conn.error);
        throw(WR_RECORD_HANDSHAKE, update + cut, 5 - cut);
        wr_record_next_keys(&thief);
        throw(WR_RECORD_DATA, "x", 1);
        CHECK(receive() == WR_OK && got[0] == 'x' && tls()->light->owes_update);
    }
    for (int i = 0; i < 5; i++) {
        throw(WR_RECORD_HANDSHAKE, update + i, 1);
    }
    wr_record_next_keys(&thief);
    throw(WR_RECORD_DATA, "y", 1);
    CHECK(receive() == WR_OK && got[0] == 'y');
    wr_record_end(&thief);
    close_pair();
}

static void
messages_in_pieces_are_refused(void)
{
    begin();
    throw(WR_RECORD_HANDSHAKE, "\30\0", 2);
    throw(WR_RECORD_HANDSHAKE, "\1", 1);
    ends_with(SSL_AD_UNEXPECTED_MESSAGE);
    begin();                                    /* behind what changed the keys */
    throw(WR_RECORD_HANDSHAKE, "\30\0", 2);
    throw(WR_RECORD_HANDSHAKE, "\0\1\0\30", 4);
    ends_with(SSL_AD_UNEXPECTED_MESSAGE);
    begin();                                    /* records of other types between */
    throw(WR_RECORD_HANDSHAKE, "\30", 1);
    throw(WR_RECORD_DATA, "x", 1);
    ends_with(SSL_AD_UNEXPECTED_MESSAGE);
    begin();
    throw(WR_RECORD_HANDSHAKE, "\30", 1);
    throw(WR_RECORD_ALERT, "\1\0", 2);
    ends_with(SSL_AD_UNEXPECTED_MESSAGE);
    begin();
    throw(WR_RECORD_HANDSHAKE, "", 0);
    ends_with(SSL_AD_UNEXPECTED_MESSAGE);
}

static void
what_is_refused(void)
{
    static char       large[WR_RECORD_HEAD + 20000] = {23, 3, 3, 0x41, 1};
    static const char ccs[] = {20, 3, 3, 0, 1, 1}, bare[] = {21, 3, 3, 0, 2, 1, 0};
    static const char tiny[] = {23, 3, 3, 0, 3, 1, 2, 3};

    begin();
    raw(large, sizeof(large));
    ends_with(SSL_AD_RECORD_OVERFLOW);
    begin();
    raw(ccs, sizeof(ccs));
    ends_with(SSL_AD_UNEXPECTED_MESSAGE);
    begin();
    raw(bare, sizeof(bare));
    ends_with(SSL_AD_UNEXPECTED_MESSAGE);
    begin();
    raw(tiny, sizeof(tiny));
    ends_with(SSL_AD_DECODE_ERROR);
    begin();
    large[3] = 1;
    raw(large, WR_RECORD_HEAD + 0x101);
    large[3] = 0x41;
    ends_with(SSL_AD_BAD_RECORD_MAC);
    begin();
    thief.seq = 1;                              /* a record was left out */
    throw(WR_RECORD_DATA, "x", 1);
    ends_with(SSL_AD_BAD_RECORD_MAC);
    begin();
    throw(WR_RECORD_HANDSHAKE, "\30\0\0\1\2", 5);
    ends_with(SSL_AD_ILLEGAL_PARAMETER);
    begin();
    throw(WR_RECORD_HANDSHAKE, "\30\0\0\1\0\30\0\0\1\0", 10);
    ends_with(SSL_AD_UNEXPECTED_MESSAGE);
    begin();
    throw(WR_RECORD_HANDSHAKE, "\1\0\0\0", 4);  /* a ClientHello */
    ends_with(SSL_AD_UNEXPECTED_MESSAGE);
    begin();
    throw(0, "x", 1);                           /* nothing but padding behind the type 'x' */
    ends_with(SSL_AD_UNEXPECTED_MESSAGE);
    begin();
    throw(0, "", 0);
    ends_with(SSL_AD_UNEXPECTED_MESSAGE);
    begin();
    throw(WR_RECORD_ALERT, "\1", 1);
    ends_with(SSL_AD_DECODE_ERROR);
    begin();
    for (int i = 0; i < 33; i++) {
        throw(WR_RECORD_DATA, "", 0);
    }
    ends_with(SSL_AD_UNEXPECTED_MESSAGE);
    begin();
    for (int i = 0; i < 33; i++) {
        throw(WR_RECORD_HANDSHAKE, "\30\0\0\1\1", 5);
        wr_record_next_keys(&thief);
    }
    ends_with(SSL_AD_UNEXPECTED_MESSAGE);
}

/* ---- TLS 1.2 ---- */

/* A resumed handshake leaves the same numbers of records. */
static void
a_session_of_tls_1_2(void)
{
    SSL_SESSION *session;

    open_pair(TLS1_2_VERSION, NULL);
    session = SSL_get1_session(client);
    SSL_shutdown(client);
    close_pair();
    resume = session;
    open_pair(TLS1_2_VERSION, NULL);
    resume = NULL;
    CHECK(SSL_session_reused(client) && tls()->ssl == NULL && wr_tls_reused(tls()));
    inwards(5000, 1000);
    outwards(5000);
    SSL_SESSION_free(session);
    close_pair();
}

static void
begin_old_thief(void)
{
    wr_record_keys_t out;

    open_pair(TLS1_2_VERSION, old_suites[0]);
    /* The client's keys are those that the server opens with. */
    CHECK(wr_record_begin_old(&thief, &out, wr_suite_of(SSL_get_current_cipher(client)), client));
    wr_record_end(&out);
    thief.seals = true;
}

static void
what_old_peers_do(void)
{
    static const char ccs[] = {20, 3, 3, 0, 1, 1};
    size_t            n;

    begin_old_thief();
    throw(WR_RECORD_ALERT, "\1\132", 2);        /* warnings are no more than that */
    throw(WR_RECORD_DATA, "x", 1);
    CHECK(receive() == WR_OK && got[0] == 'x');
    throw(WR_RECORD_HANDSHAKE, "\1\0\0\0", 4);  /* another handshake: declined */
    CHECK(receive() == WR_AGAIN && !conn.error);
    throw(WR_RECORD_DATA, "y", 1);
    CHECK(receive() == WR_OK && got[0] == 'y');
    throw(WR_RECORD_ALERT, "\1\0", 2);
    CHECK(receive() == WR_CLOSED);
    wr_record_end(&thief);
    close_pair();

    begin_old_thief();
    raw(ccs, sizeof(ccs));
    ends_with(SSL_AD_UNEXPECTED_MESSAGE);
    begin_old_thief();
    thief.seq = 7;
    throw(WR_RECORD_DATA, "x", 1);
    ends_with(SSL_AD_BAD_RECORD_MAC);
    begin_old_thief();
    for (int i = 0; i < 33; i++) {
        throw(WR_RECORD_HANDSHAKE, "\1\0\0\0", 4);
    }
    CHECK(receive() == WR_ERROR && conn.error);
    CHECK(SSL_read_ex(client, got, 1, &n) == 0);
    wr_record_end(&thief);
    close_pair();
}

/* Declining does not pile up for one that never reads. */
static void
who_asks_and_does_not_read(void)
{
    begin_old_thief();
    for (int i = 0; i < 20000; i++) {
        throw(WR_RECORD_HANDSHAKE, "\1\0\0\0", 4);
        throw(WR_RECORD_DATA, "x", 1);
        CHECK(receive() == WR_OK && got[0] == 'x');
    }
    CHECK(tls()->held != NULL && tls()->held_n < 100);
    wr_record_end(&thief);
    close_pair();
}

/* What came before it is given; nobody is answered. */
static void
an_alert_ends_it(void)
{
    begin();
    throw(WR_RECORD_DATA, "x", 1);
    throw(WR_RECORD_ALERT, "\2\50", 2);
    CHECK(receive() == WR_OK);
    CHECK(receive() == WR_ERROR && conn.error);
    CHECK(recv(client_fd, got, sizeof(got), MSG_DONTWAIT) != 0);
    wr_record_end(&thief);
    close_pair();
}

/* ---- RFC 8448, section 3 ---- */

static void
the_example_of_the_rfc(void)
{
    static const char secret[] =
        "9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5";
    static const char record[] =
        "1703030043a23f7054b62c94d0affafe8228ba55cbefacea42f914aa66bcab3f2b9819a8a5b46b395bd54a9a"
        "20441e2b62974e1f5a6292a2977014bd1e3deae63aeebb21694915e4";
    wr_record_keys_t  in = {0}, out = {0};
    char              bytes[32], wire[200], plain[50], sealed[200];
    const wr_suite_t *suite;
    wr_str_t          text;
    size_t            n = from_hex(record, wire);
    int               alert;

    open_pair(TLS1_3_VERSION, "TLS_AES_128_GCM_SHA256");
    suite = wr_suite_of(SSL_get_current_cipher(client));
    close_pair();
    CHECK(from_hex(secret, bytes) == 32);
    for (int i = 0; i < 50; i++) {
        plain[i] = (char) i;
    }
    CHECK(wr_record_derive(&out, suite, (unsigned char *) bytes, 0, true));
    CHECK(wr_record_derive(&in, suite, (unsigned char *) bytes, 0, false));
    CHECK(wr_record_seal(&out, WR_RECORD_DATA, plain, 50, sealed) == n);
    CHECK(memcmp(sealed, wire, n) == 0);
    CHECK(wr_record_whole(&in, wire, n, &alert) == (ssize_t) n);
    for (size_t i = 1; i < n; i++) {
        CHECK(wr_record_whole(&in, wire, i, &alert) == 0);
    }
    CHECK(wr_record_open(&in, wire, n, &text, &alert) == WR_RECORD_DATA);
    CHECK(text.n == 50 && memcmp(text.p, plain, 50) == 0);
    wr_record_end(&in);
    wr_record_end(&out);
}

int
main(void)
{
    for (size_t i = 0; i < sizeof(pattern); i++) {
        pattern[i] = (char) (i % 251);
    }
    CHECK(wr_loop_open(&quiet, 16) == WR_OK);
    make_contexts();
    the_example_of_the_rfc();
    only_what_is_usual_becomes_light();
    all_is_openssls_where_the_conf_says_so();
    the_context_of_the_name_counts();
    short_ones_stay();
    nobody_asks_in_vain(false);
    nobody_asks_in_vain(true);
    bytes_of_all_sizes(TLS1_3_VERSION, "TLS_AES_128_GCM_SHA256");
    bytes_of_all_sizes(TLS1_3_VERSION, "TLS_CHACHA20_POLY1305_SHA256");
    for (unsigned i = 0; i < WR_COUNT(old_suites); i++) {
        bytes_of_all_sizes(TLS1_2_VERSION, old_suites[i]);
    }
    bytes_of_all_sizes(TLS1_2_VERSION, "ECDHE-ECDSA-AES128-SHA256");
    much_leaves_by_one_call(TLS1_3_VERSION, "TLS_AES_256_GCM_SHA384", 16384);
    much_leaves_by_one_call(TLS1_3_VERSION, "TLS_CHACHA20_POLY1305_SHA256", 1);
    much_leaves_by_one_call(TLS1_2_VERSION, old_suites[0], 1);
    much_leaves_by_one_call(TLS1_2_VERSION, "ECDHE-ECDSA-AES128-SHA256", 16384);
    a_session_of_tls_1_2();
    what_old_peers_do();
    who_asks_and_does_not_read();
    keys_change("TLS_AES_256_GCM_SHA384");
    keys_change("TLS_CHACHA20_POLY1305_SHA256");
    worn_keys_change();
    what_is_ignored();
    keys_change_in_pieces();
    messages_in_pieces_are_refused();
    what_is_refused();
    an_alert_ends_it();
    SSL_CTX_free(server_ctx);
    SSL_CTX_free(plain_ctx);
    SSL_CTX_free(client_ctx);
    wr_loop_close();
    return check_status();
}
