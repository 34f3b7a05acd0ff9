/*
 * Byte streams over TLS.
 *
 * OpenSSL reads and writes the socket by a BIO of ours, which knows the flags of
 * the watch: it does not ask the kernel again for what is known not to be there.
 * With kTLS the library's own BIO is used. Read-ahead fetches records whole.
 *
 * Records of one call leave by one send(2): they are gathered in `cork`. What the
 * kernel does not take waits in wr_tls_t.held, and the caller, who was told EAGAIN,
 * comes again with the same bytes, which are `owed` and not encrypted twice. A session
 * ticket waits there for the first answer.
 * The error queue is the thread's, so it is emptied before each call.
 */
#include <weir/net/tls.h>

#include <errno.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <netinet/in.h>
#include <linux/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

enum { JOIN = 64 * 1024, CORK = 96 * 1024, MAX_EARLY = 16384 };

/* Small records first: each can be read as soon as its packet is there. Later, and
 * for as long as bytes flow, few large ones. */
enum { SMALL_RECORD = 1369, SMALL_RUN = 16 * SMALL_RECORD, SILENCE_MS = 1000 };


static int         ex_index = -1;
static BIO_METHOD *socket_method;

/* ---- the BIO ---- */

static int
bio_read(BIO *b, char *to, int n)
{
    wr_tls_t *t = BIO_get_data(b);
    ssize_t   got;

    BIO_clear_retry_flags(b);
    if (!t->kernel_ready) {
        BIO_set_retry_read(b);
        errno = EAGAIN;
        return -1;
    }
    do {
        got = recv(t->conn->watch.fd, to, (size_t) n, 0);
    } while (wr_unlikely(got < 0 && errno == EINTR));
    if (got < 0 && errno == EAGAIN) {
        t->kernel_ready = false;
        BIO_set_retry_read(b);
    } else if (got > 0 && got < n && !t->conn->watch.hup) {
        t->kernel_ready = false;
    }
    return (int) got;
}

static struct {
    const wr_tls_t *of;         /* whose records are gathered; NULL: nobody's */
    size_t          n;
    char            bytes[CORK];
} cork;

static void
hold(wr_tls_t *t, const char *p, size_t n)
{
    t->held = malloc(n);
    WR_ASSERT(t->held != NULL);
    memcpy(t->held, p, n);
    t->held_n = n;
    t->held_at = 0;
}

/* How much of both went; the held bytes first. */
static ssize_t
send_two(wr_tls_t *t, const char *p, size_t n)
{
    struct iovec  iov[2];
    struct msghdr m = {.msg_iov = iov};
    size_t        total = n;
    ssize_t       sent;

    if (t->held != NULL) {
        iov[m.msg_iovlen++] = (struct iovec) {t->held + t->held_at, t->held_n - t->held_at};
        total += t->held_n - t->held_at;
    }
    if (n != 0) {
        iov[m.msg_iovlen++] = (struct iovec) {(char *) (uintptr_t) p, n};
    }
    do {
        sent = m.msg_iovlen == 1 ? send(t->conn->watch.fd, iov[0].iov_base, total, MSG_NOSIGNAL)
                                 : sendmsg(t->conn->watch.fd, &m, MSG_NOSIGNAL);
    } while (wr_unlikely(sent < 0 && errno == EINTR));
    if (sent < 0 ? errno == EAGAIN : (size_t) sent < total) {
        t->conn->watch.writable = false;
    }
    return sent;
}

/* What is held, then p. How much of p went; -1: nothing, or not even all that was
 * held, see errno. */
static ssize_t
send_held_and(wr_tls_t *t, const char *p, size_t n)
{
    size_t  held = t->held != NULL ? t->held_n - t->held_at : 0;
    ssize_t sent = held + n != 0 ? send_two(t, p, n) : 0;

    if (sent < 0) {
        return -1;
    }
    if ((size_t) sent < held) {
        t->held_at += (size_t) sent;
        errno = EAGAIN;
        return -1;
    }
    free(t->held);
    t->held = NULL;
    return sent - (ssize_t) held;
}

static void
flush_ticket(wr_post_t *p)
{
    (void) send_held_and(WR_CONTAINER(p, wr_tls_t, flush), NULL, 0);
}

/* The ticket of TLS 1.3 is no answer to anything: it goes with what comes next, or at
 * the end of the turn. */
static bool
is_ticket(const wr_tls_t *t)
{
    return !t->established && t->held == NULL && SSL_get_state(t->ssl) == TLS_ST_SW_SESSION_TICKET
           && SSL_version(t->ssl) == TLS1_3_VERSION;
}

static int
bio_write(BIO *b, const char *from, int n)
{
    wr_tls_t *t = BIO_get_data(b);
    ssize_t   sent;

    BIO_clear_retry_flags(b);
    if (cork.of == t && (size_t) n <= CORK - cork.n) {
        memcpy(cork.bytes + cork.n, from, (size_t) n);
        cork.n += (size_t) n;
        return n;
    }
    if (is_ticket(t)) {
        hold(t, from, (size_t) n);
        wr_post(&t->flush);
        return n;
    }
    sent = send_held_and(t, from, (size_t) n);
    if (sent == 0 && n != 0) {
        errno = EAGAIN;
        sent = -1;
    }
    if (sent < 0 && errno == EAGAIN) {
        BIO_set_retry_write(b);
    }
    return (int) sent;
}

static long
bio_ctrl(BIO *b, int cmd, long n, void *p)
{
    (void) b;
    (void) n;
    (void) p;
    return cmd == BIO_CTRL_FLUSH || cmd == BIO_CTRL_DUP;
}

static int
bio_create(BIO *b)
{
    BIO_set_init(b, 1);
    return 1;
}

static void
prepare(void)
{
    if (ex_index >= 0) {
        return;
    }
    ex_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
    socket_method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "weir");
    WR_ASSERT(ex_index >= 0 && socket_method != NULL);
    BIO_meth_set_read(socket_method, bio_read);
    BIO_meth_set_write(socket_method, bio_write);
    BIO_meth_set_ctrl(socket_method, bio_ctrl);
    BIO_meth_set_create(socket_method, bio_create);
}

/* ---- errors ---- */

const char *
wr_tls_error(void)
{
    static char   text[512];
    unsigned long code = ERR_peek_error();
    size_t        n = 0;

    text[0] = '\0';
    while ((code = ERR_get_error()) != 0 && n + 130 < sizeof(text)) {
        if (n != 0) {
            text[n++] = ' ';
        }
        ERR_error_string_n(code, text + n, 128);
        n += strlen(text + n);
    }
    ERR_clear_error();
    return text;
}

/* The peer's doing is no alarm. errno becomes EPROTO: it has been logged. */
static void
tls_failed(wr_conn_t *c, const char *call, int kind)
{
    int        err = kind == SSL_ERROR_SYSCALL ? errno : 0;
    wr_level_t level = c->peer_errors ? WR_LOG_ERR : WR_LOG_INFO;

    c->error = true;
    if (kind == SSL_ERROR_SYSCALL && ERR_peek_error() == 0) {
        wr_log(c->log, level, err, "%s failed", call);
    } else {
        wr_log(c->log, level, 0, "%s failed (SSL: %s)", call, wr_tls_error());
    }
    ERR_clear_error();
    errno = EPROTO;
}

/* ---- kTLS ---- */

static const wr_conn_io_t conn_ktls, conn_fd;

/* Pieces become one, so that they share a record. */
static const char *
joined(const struct iovec *iov, int n, size_t *size)
{
    static char buffer[JOIN];
    size_t      at = 0;

    if (n == 1) {
        *size = iov->iov_len;
        return iov->iov_base;
    }
    for (int i = 0; i < n && at < JOIN; i++) {
        size_t part = wr_min_size(iov[i].iov_len, JOIN - at);

        memcpy(buffer + at, iov[i].iov_base, part);
        at += part;
    }
    *size = at;
    return buffer;
}

/* Asked once: a kernel without the module refuses its name. */
static bool
kernel_has_tls(void)
{
    static int known = -1;

    if (known < 0) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        known = fd >= 0
                && (setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tls", 4) == 0 || errno == ENOTCONN);
        if (fd >= 0) {
            close(fd);
        }
    }
    return known == 1;
}

static ssize_t
ktls_send(wr_conn_t *c, const struct iovec *iov, int n, bool more)
{
    wr_tls_t   *t = c->tls;
    size_t      size;
    const char *p = joined(iov, n, &size);
    int         sent, kind;

    (void) more;
    ERR_clear_error();
    errno = 0;
    sent = SSL_write(t->ssl, p, (int) wr_min_size(size, 1 << 30));
    if (sent > 0) {
        return sent;
    }
    kind = SSL_get_error(t->ssl, sent);
    if (kind == SSL_ERROR_WANT_WRITE || kind == SSL_ERROR_WANT_READ) {
        c->watch.writable = false;
        errno = EAGAIN;
        return -1;
    }
    tls_failed(c, "SSL_write()", kind);
    return -1;
}

static ssize_t
ktls_sendfile(wr_conn_t *c, int fd, off_t at, size_t n, bool more)
{
    wr_tls_t    *t = c->tls;
    ossl_ssize_t sent;

    (void) more;
    ERR_clear_error();
    errno = 0;
    sent = SSL_sendfile(t->ssl, fd, at, wr_min_size(n, 1 << 30), 0);
    if (sent > 0) {
        return sent;
    }
    if (sent < 0 && SSL_get_error(t->ssl, (int) sent) == SSL_ERROR_WANT_WRITE) {
        c->watch.writable = false;
        errno = EAGAIN;
        return -1;
    }
    if (sent == 0) {
        errno = ENODATA;        /* the file has become shorter */
        return -1;
    }
    tls_failed(c, "SSL_sendfile()", SSL_get_error(t->ssl, (int) sent));
    return -1;
}

/* The handshake is over: whether the kernel took over the encryption. */
static void
try_ktls(wr_conn_t *c)
{
    wr_tls_t *t = c->tls;

    if ((SSL_get_options(t->ssl) & SSL_OP_ENABLE_KTLS) != 0
        && BIO_method_type(SSL_get_wbio(t->ssl)) == BIO_TYPE_SOCKET)
    {
        c->io = BIO_get_ktls_send(SSL_get_wbio(t->ssl)) ? &conn_ktls : &conn_fd;
    }
}

/* ---- opening ---- */

static wr_rc_t
attach(wr_conn_t *c, SSL_CTX *ctx, const void *endpoint)
{
    wr_tls_t *t = calloc(1, sizeof(*t));

    WR_ASSERT(t != NULL);
    prepare();
    ERR_clear_error();
    t->conn = c;
    t->endpoint = endpoint;
    t->flush.fn = flush_ticket;
    t->ssl = SSL_new(ctx);
    if (t->ssl == NULL || SSL_set_ex_data(t->ssl, ex_index, t) != 1) {
        wr_log(c->log, WR_LOG_ALERT, 0, "SSL_new() failed (SSL: %s)", wr_tls_error());
        SSL_free(t->ssl);
        free(t);
        return WR_ERROR;
    }
    if ((SSL_get_options(t->ssl) & SSL_OP_ENABLE_KTLS) != 0 && kernel_has_tls()) {
        if (SSL_set_fd(t->ssl, c->watch.fd) != 1) {
            SSL_free(t->ssl);
            free(t);
            return WR_ERROR;
        }
    } else {
        BIO *b = BIO_new(socket_method);

        WR_ASSERT(b != NULL);
        BIO_set_data(b, t);
        SSL_set_bio(t->ssl, b, b);
    }
    c->tls = t;
    c->io = &wr_conn_tls;
    return WR_OK;
}

wr_rc_t
wr_tls_server(wr_conn_t *c, SSL_CTX *ctx, const void *endpoint)
{
    if (attach(c, ctx, endpoint) != WR_OK) {
        return WR_ERROR;
    }
    ((wr_tls_t *) c->tls)->try_early = SSL_CTX_get_max_early_data(ctx) != 0;
    SSL_set_accept_state(((wr_tls_t *) c->tls)->ssl);
    return WR_OK;
}

wr_rc_t
wr_tls_client(wr_conn_t *c, SSL_CTX *ctx, const char *name, SSL_SESSION *session)
{
    wr_tls_t *t;

    if (attach(c, ctx, NULL) != WR_OK) {
        return WR_ERROR;
    }
    t = c->tls;
    SSL_set_connect_state(t->ssl);
    if (name != NULL && name[0] != '\0' && SSL_set_tlsext_host_name(t->ssl, name) != 1) {
        wr_log(c->log, WR_LOG_ERR, 0, "SSL_set_tlsext_host_name(\"%s\") failed (SSL: %s)",
               name, wr_tls_error());
        return WR_ERROR;
    }
    if (session != NULL) {
        (void) SSL_set_session(t->ssl, session);
    }
    return WR_OK;
}

void
wr_tls_moved(wr_conn_t *c)
{
    if (c->tls != NULL) {
        ((wr_tls_t *) c->tls)->conn = c;
    }
}

wr_tls_t *
wr_tls_of(const SSL *ssl)
{
    return SSL_get_ex_data(ssl, ex_index);
}

wr_str_t
wr_tls_alpn(const wr_conn_t *c)
{
    const wr_tls_t      *t = c->tls;
    const unsigned char *p;
    unsigned             n;

    if (t == NULL) {
        return WR_STR_NONE;
    }
    SSL_get0_alpn_selected(t->ssl, &p, &n);
    return wr_str((const char *) p, n);
}

/* ---- the handshake ---- */

/* Early data is taken and kept until the handshake is complete, so that a replay
 * of it is never acted on. */
static wr_rc_t
take_early(wr_tls_t *t)
{
    for (;;) {
        size_t n = 0;

        if (t->early == NULL) {
            t->early = malloc(MAX_EARLY);
            WR_ASSERT(t->early != NULL);
        }
        if (t->early_n == MAX_EARLY) {
            return WR_ERROR;
        }
        switch (SSL_read_early_data(t->ssl, t->early + t->early_n, MAX_EARLY - t->early_n,
                                    &n))
        {
        case SSL_READ_EARLY_DATA_SUCCESS:
            t->early_n += n;
            break;
        case SSL_READ_EARLY_DATA_FINISH:
            t->early_n += n;
            t->try_early = false;
            return WR_OK;
        default:
            return WR_AGAIN;
        }
    }
}

wr_rc_t
wr_tls_handshake(wr_conn_t *c)
{
    wr_tls_t *t = c->tls;
    int       rc, kind;

    t->kernel_ready |= c->watch.readable;
    c->watch.readable = false;
    ERR_clear_error();
    errno = 0;
    if (t->try_early && take_early(t) != WR_OK) {
        rc = -1;
    } else {
        rc = SSL_do_handshake(t->ssl);
    }
    if (rc == 1) {
        t->established = true;
        try_ktls(c);
        if (t->early != NULL && t->early_n == 0) {
            free(t->early);
            t->early = NULL;
        }
        /* Data may have come behind the last message. */
        c->watch.readable = true;
        return WR_OK;
    }
    kind = SSL_get_error(t->ssl, rc);
    if (kind == SSL_ERROR_WANT_READ || kind == SSL_ERROR_WANT_WRITE) {
        return WR_AGAIN;
    }
    if (kind == SSL_ERROR_SYSCALL && errno == 0) {
        wr_log(c->log, c->peer_errors ? WR_LOG_ERR : WR_LOG_INFO, 0,
               "peer closed connection in SSL handshake");
        c->error = true;
        return WR_ERROR;
    }
    tls_failed(c, "SSL_do_handshake()", kind);
    return WR_ERROR;
}

/* ---- bytes ---- */

static size_t
from_early(wr_tls_t *t, char *to, size_t n)
{
    n = wr_min_size(n, t->early_n - t->early_at);
    memcpy(to, t->early + t->early_at, n);
    t->early_at += n;
    if (t->early_at == t->early_n) {
        free(t->early);
        t->early = NULL;
    }
    return n;
}

static ssize_t
tls_recv(wr_conn_t *c, void *to, size_t n)
{
    wr_tls_t *t = c->tls;
    size_t    done = 0;
    int       kind;

    if (t->early != NULL) {
        return (ssize_t) from_early(t, to, n);
    }
    t->kernel_ready |= c->watch.readable;
    ERR_clear_error();
    while (done < n) {
        int room = (int) wr_min_size(n - done, 1 << 30);
        int got;

        errno = 0;
        got = SSL_read(t->ssl, (char *) to + done, room);
        if (got > 0) {
            done += (size_t) got;
            continue;
        }
        kind = SSL_get_error(t->ssl, got);
        if (kind == SSL_ERROR_WANT_READ || kind == SSL_ERROR_WANT_WRITE) {
            t->wants_write = kind == SSL_ERROR_WANT_WRITE;
            c->watch.readable = t->kernel_ready = c->watch.hup && t->kernel_ready;
            if (done != 0) {
                return (ssize_t) done;
            }
            errno = EAGAIN;
            return -1;
        }
        /* What came before the end is given first. */
        c->watch.readable = t->kernel_ready = true;
        if (done != 0) {
            ERR_clear_error();
            return (ssize_t) done;
        }
        if (kind == SSL_ERROR_ZERO_RETURN || (kind == SSL_ERROR_SYSCALL && errno == 0)) {
            return 0;
        }
        tls_failed(c, "SSL_read()", kind);
        return -1;
    }
    c->watch.readable = t->kernel_ready = true;
    return (ssize_t) done;
}

/* How large the next record may be. */
static size_t
record_size(wr_tls_t *t, size_t n)
{
    return t->run < SMALL_RUN ? wr_min_size(n, SMALL_RECORD) : wr_min_size(n, 1 << 30);
}

/* Into the cork. How much was encrypted; *kind: what has stopped it, or 0. */
static size_t
encrypt(wr_tls_t *t, const char *p, size_t n, int *kind)
{
    size_t done = 0;

    *kind = 0;
    while (done < n) {
        int sent;

        errno = 0;
        sent = SSL_write(t->ssl, p + done, (int) record_size(t, n - done));
        if (sent <= 0) {
            *kind = SSL_get_error(t->ssl, sent);
            break;
        }
        done += (size_t) sent;
        t->run += (size_t) sent;
    }
    return done;
}

/* The part of iov behind `skip`; how many pieces. */
static int
rest_of(struct iovec *rest, int room, const struct iovec *iov, int n, size_t skip)
{
    int k = 0;

    for (int i = 0; i < n && k < room; i++) {
        if (skip >= iov[i].iov_len) {
            skip -= iov[i].iov_len;
            continue;
        }
        rest[k++] = (struct iovec) {(char *) iov[i].iov_base + skip, iov[i].iov_len - skip};
        skip = 0;
    }
    return k;
}

/* Sends what is corked. False: not all went, see errno; the rest is held. */
static bool
uncork(wr_tls_t *t)
{
    size_t  n = cork.n;
    ssize_t sent;

    cork.of = NULL;
    cork.n = 0;
    if (n == 0) {
        return true;
    }
    sent = send_held_and(t, cork.bytes, n);
    if (sent == (ssize_t) n) {
        return true;
    }
    if (sent < 0 && errno != EAGAIN) {
        return false;
    }
    if (t->held != NULL) {
        /* Not even that went which was held. */
        size_t before = t->held_n - t->held_at;
        char  *both = malloc(before + n);

        WR_ASSERT(both != NULL);
        memcpy(both, t->held + t->held_at, before);
        memcpy(both + before, cork.bytes, n);
        free(t->held);
        t->held = both;
        t->held_n = before + n;
        t->held_at = 0;
    } else {
        hold(t, cork.bytes + (sent > 0 ? sent : 0), n - (size_t) (sent > 0 ? sent : 0));
    }
    errno = EAGAIN;
    return false;
}

static ssize_t
send_failed(wr_conn_t *c, int kind)
{
    if (kind == 0 && errno == EAGAIN) {
        return -1;
    }
    tls_failed(c, "SSL_write()", kind == 0 ? SSL_ERROR_SYSCALL : kind);
    return -1;
}

/* Bytes that have not all gone are given again by the next call: it begins with the
 * same ones and is not shorter, as whoever queues only appends. */
static ssize_t
tls_send(wr_conn_t *c, const struct iovec *iov, int n, bool more)
{
    wr_tls_t *t = c->tls;
    size_t    total = 0, done = 0;

    (void) more;
    for (int i = 0; i < n; i++) {
        total += iov[i].iov_len;
    }
    if (t->owed != 0) {
        if (send_held_and(t, NULL, 0) < 0) {
            return send_failed(c, 0);
        }
        done = wr_min_size(t->owed, total);
        t->owed = 0;
    }
    if (wr_clock.mono - t->last > SILENCE_MS) {
        t->run = 0;
    }
    t->last = wr_clock.mono;
    ERR_clear_error();
    while (done < total) {
        struct iovec rest[64];
        size_t       size, part;
        const char  *p = joined(rest, rest_of(rest, (int) WR_COUNT(rest), iov, n, done), &size);
        int          kind;

        size = wr_min_size(size, JOIN);
        cork.of = t;
        part = encrypt(t, p, size, &kind);
        if (!uncork(t)) {
            t->owed = part;
            return done != 0 && errno == EAGAIN ? (ssize_t) done : send_failed(c, 0);
        }
        done += part;
        if (kind == SSL_ERROR_WANT_WRITE || kind == SSL_ERROR_WANT_READ) {
            c->watch.writable = false;
            if (done != 0) {
                return (ssize_t) done;
            }
            errno = EAGAIN;
            return -1;
        }
        if (kind != 0) {
            return send_failed(c, kind);
        }
    }
    return (ssize_t) done;
}

/* ---- closing ---- */

static wr_rc_t
tls_shutdown(wr_conn_t *c)
{
    wr_tls_t *t = c->tls;

    if (t->established && !c->error) {
        ERR_clear_error();
        (void) SSL_shutdown(t->ssl);
        ERR_clear_error();
    }
    return shutdown(c->watch.fd, SHUT_WR) == 0 ? WR_OK : WR_ERROR;
}

static void
tls_close(wr_conn_t *c)
{
    wr_tls_t *t = c->tls;

    ERR_clear_error();
    /* Who has closed both ways does not hear our close_notify. */
    if (t->established && !c->error && !(c->eof && c->watch.hup)
        && (SSL_get_shutdown(t->ssl) & SSL_SENT_SHUTDOWN) == 0)
    {
        (void) SSL_shutdown(t->ssl);
    }
    /* Else the session would leave the cache: its end was not orderly. */
    if (t->established) {
        SSL_set_shutdown(t->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    }
    ERR_clear_error();
    wr_unpost(&t->flush);
    SSL_free(t->ssl);
    free(t->held);
    free(t->early);
    free(t);
    c->tls = NULL;
    c->io = &wr_conn_plain;
}

/* The library's own BIO, with the kernel's encryption and without. */
static const wr_conn_io_t conn_ktls = {
    .name = "kTLS",
    .recv = tls_recv,
    .send = ktls_send,
    .sendfile = ktls_sendfile,
    .shutdown = tls_shutdown,
    .close = tls_close,
};

static const wr_conn_io_t conn_fd = {
    .name = "TLS",
    .recv = tls_recv,
    .send = ktls_send,
    .shutdown = tls_shutdown,
    .close = tls_close,
};

const wr_conn_io_t wr_conn_tls = {
    .name = "TLS",
    .recv = tls_recv,
    .send = tls_send,
    .shutdown = tls_shutdown,
    .close = tls_close,
};
