/*
 * TLS connections whose peer has the keys and means ill, or does what no library of
 * clients does.
 */
#define _GNU_SOURCE
#include "tls_help.h"

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

static void
begin_old_thief(void)
{
    wr_record_keys_t out;

    open_pair(TLS1_2_VERSION, "ECDHE-ECDSA-AES128-GCM-SHA256");
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

int
main(void)
{
    CHECK(wr_loop_open(&quiet, 16) == WR_OK);
    make_contexts();
    what_is_ignored();
    keys_change_in_pieces();
    messages_in_pieces_are_refused();
    what_is_refused();
    an_alert_ends_it();
    what_old_peers_do();
    who_asks_and_does_not_read();
    SSL_CTX_free(server_ctx);
    SSL_CTX_free(plain_ctx);
    SSL_CTX_free(client_ctx);
    wr_loop_close();
    return check_status();
}
