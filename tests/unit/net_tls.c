/*
 * TLS connections against OpenSSL's client: what becomes light, bytes both ways, and keys
 * that change.
 */
#define _GNU_SOURCE
#include "tls_help.h"

static char pattern[200000];

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
    keys_change("TLS_AES_256_GCM_SHA384");
    keys_change("TLS_CHACHA20_POLY1305_SHA256");
    worn_keys_change();
    SSL_CTX_free(server_ctx);
    SSL_CTX_free(plain_ctx);
    SSL_CTX_free(client_ctx);
    wr_loop_close();
    return check_status();
}
