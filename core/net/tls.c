/*
 * Byte streams over TLS, by OpenSSL: opening, the handshake, reading and writing.
 *
 * OpenSSL reads and writes the socket by a BIO of ours (tls_socket.c). With kTLS the
 * library's own BIO is used. A connection that needs no more of it after the handshake
 * goes on without it (tls_light.c). The error queue is the thread's, so it is emptied
 * before each call.
 */
#include <weir/net/hkdf.h>
#include <weir/net/tls_priv.h>

#include <errno.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <netinet/in.h>
#include <linux/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

enum { USES_MAX = 100 };

static int ex_index = -1, fragment_index = -1, heavy_index = -1;

/* Asked for before the first connection, maybe by the one who makes contexts. */
static void
prepare(void)
{
    if (ex_index >= 0) {
        return;
    }
    ex_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
    fragment_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, NULL);
    heavy_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, NULL);
    WR_ASSERT(ex_index >= 0 && fragment_index >= 0 && heavy_index >= 0);
}

/* ---- errors ---- */

const char *
wr_tls_error(void)
{
    static char   text[512];
    const char   *data;
    unsigned long code;
    int           flags;
    size_t        n = 0;

    text[0] = '\0';
    while ((code = ERR_get_error_all(NULL, NULL, NULL, &data, &flags)) != 0
           && n + 130 < sizeof(text))
    {
        if (n != 0) {
            text[n++] = ' ';
        }
        ERR_error_string_n(code, text + n, 128);
        n += strlen(text + n);
        if ((flags & ERR_TXT_STRING) != 0 && *data != '\0') {
            n += (size_t) snprintf(text + n, sizeof(text) - n, ":%s", data);
            n = wr_min_size(n, sizeof(text) - 1);
        }
    }
    ERR_clear_error();
    return text;
}

void
tls_failed(wr_conn_t *c, const char *call, int kind)
{
    int        err = kind == SSL_ERROR_SYSCALL ? errno : 0;
    wr_level_t level = c->peer_errors ? WR_LOG_ERR : WR_LOG_INFO;

    c->error = true;
    if (kind == SSL_ERROR_SYSCALL && ERR_peek_error() == 0) {
        wr_log(wr_conn_log(c), level, err, "%s failed", call);
    } else {
        wr_log(wr_conn_log(c), level, 0, "%s failed (SSL: %s)", call, wr_tls_error());
    }
    ERR_clear_error();
    errno = EPROTO;
}

/* ---- kTLS ---- */

static const wr_conn_io_t conn_ktls, conn_fd;

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
    const char *p = tls_joined(iov, n, &size);
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

static uint16_t
fragment_of(SSL_CTX *ctx)
{
    uintptr_t bytes = (uintptr_t) SSL_CTX_get_ex_data(ctx, fragment_index);

    return (uint16_t) (bytes != 0 ? bytes : SSL3_RT_MAX_PLAIN_LENGTH);
}

static wr_rc_t
attach(wr_conn_t *c, SSL_CTX *ctx, const void *endpoint)
{
    wr_tls_t *t = calloc(1, sizeof(*t));
    BIO      *in, *out;

    WR_ASSERT(t != NULL);
    prepare();
    ERR_clear_error();
    t->conn = c;
    t->endpoint = endpoint;
    t->kernel_ready = c->watch.readable;
    c->watch.arrived = false;
    t->ssl = SSL_new(ctx);
    if (t->ssl == NULL || SSL_set_ex_data(t->ssl, ex_index, t) != 1) {
        wr_log(wr_conn_log(c), WR_LOG_ALERT, 0, "SSL_new() failed (SSL: %s)", wr_tls_error());
        SSL_free(t->ssl);
        free(t);
        return WR_ERROR;
    }
    t->fragment = fragment_of(ctx);
    in = out = tls_socket_bio(t);
    if ((SSL_get_options(t->ssl) & SSL_OP_ENABLE_KTLS) != 0 && kernel_has_tls()) {
        out = BIO_new_socket(c->watch.fd, BIO_NOCLOSE);
        WR_ASSERT(out != NULL);
        t->heavy = true;
    }
    SSL_set_bio(t->ssl, in, out);
    c->tls = t;
    c->io = &wr_conn_tls;
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
        wr_log(wr_conn_log(c), WR_LOG_ERR, 0, "SSL_set_tlsext_host_name(\"%s\") failed (SSL: %s)",
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

/* ---- settings of contexts ---- */

void
wr_tls_set_fragment(SSL_CTX *ctx, size_t bytes)
{
    bytes = wr_max_size(SMALLEST_RECORD, wr_min_size(bytes, SSL3_RT_MAX_PLAIN_LENGTH));
    prepare();
    (void) SSL_CTX_set_max_send_fragment(ctx, bytes);
    (void) SSL_CTX_set_ex_data(ctx, fragment_index, (void *) (uintptr_t) bytes);
}

void
wr_tls_refit(SSL *ssl)
{
    wr_tls_t *t = wr_tls_of(ssl);

    t->fragment = fragment_of(SSL_get_SSL_CTX(ssl));
    (void) SSL_set_max_send_fragment(ssl, t->fragment);
    (void) SSL_set_split_send_fragment(ssl, t->fragment);
}

SSL_CTX *
wr_tls_context(const SSL_METHOD *method, bool light)
{
    SSL_CTX *ctx = SSL_CTX_new_ex(NULL, light ? tls_provider_wish() : NULL, method);

    if (ctx != NULL && !light) {
        wr_tls_context_stays(ctx);
    }
    return ctx;
}

void
wr_tls_context_stays(SSL_CTX *ctx)
{
    prepare();
    (void) SSL_CTX_set_ex_data(ctx, heavy_index, ctx);
}

/* Known once SNI has chosen the context. */
static bool
is_heavy(const SSL *ssl)
{
    return SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), heavy_index) != NULL;
}

wr_rc_t
wr_tls_server(wr_conn_t *c, SSL_CTX *ctx, const void *endpoint, char *take_bytes, size_t at,
              size_t n)
{
    wr_tls_t *t;

    if (attach(c, ctx, endpoint) != WR_OK) {
        free(take_bytes);
        return WR_ERROR;
    }
    t = c->tls;
    tls_light_opened();
    t->try_early = SSL_CTX_get_max_early_data(ctx) != 0;
    SSL_set_accept_state(t->ssl);
    if (n != 0) {
        memmove(take_bytes, take_bytes + at, n);
        t->in = take_bytes;
        t->in_n = (uint32_t) n;
    } else {
        free(take_bytes);
    }
    return WR_OK;
}

/* ---- the handshake ---- */

/* Whether there is early data. WR_DECLINED: there is none; the handshake goes on. */
static wr_rc_t
try_early(wr_tls_t *t, int *kind)
{
    size_t n;

    switch (SSL_read_early_data(t->ssl, &t->byte, 1, &n)) {
    case SSL_READ_EARLY_DATA_SUCCESS:
        t->try_early = false;
        t->early = t->in_early = true;
        t->has_byte = n != 0;
        return WR_OK;
    case SSL_READ_EARLY_DATA_FINISH:
        t->try_early = false;
        return WR_DECLINED;
    default:
        *kind = SSL_get_error(t->ssl, 0);
        return WR_ERROR;
    }
}

/* WR_OK, or WR_ERROR and what SSL_get_error says. */
static wr_rc_t
shake(wr_tls_t *t, int *kind)
{
    wr_rc_t rc = t->try_early ? try_early(t, kind) : WR_DECLINED;
    int     done;

    if (rc != WR_DECLINED) {
        return rc;
    }
    done = SSL_do_handshake(t->ssl);
    *kind = done == 1 ? 0 : SSL_get_error(t->ssl, done);
    return done == 1 ? WR_OK : WR_ERROR;
}

static wr_rc_t
not_done(wr_conn_t *c, int kind, int err)
{
    if (kind == SSL_ERROR_WANT_READ || kind == SSL_ERROR_WANT_WRITE) {
        return WR_AGAIN;
    }
    if (kind == SSL_ERROR_ZERO_RETURN || ERR_peek_error() == 0) {
        wr_log(wr_conn_log(c), c->peer_errors ? WR_LOG_ERR : WR_LOG_INFO,
               kind == SSL_ERROR_SYSCALL ? err : 0, "peer closed connection in SSL handshake");
        ERR_clear_error();
        c->error = true;
        return WR_ERROR;
    }
    if (((wr_tls_t *) c->tls)->rejected) {
        wr_log(wr_conn_log(c), WR_LOG_INFO, 0, "handshake rejected");
        ERR_clear_error();
        c->error = true;
        return WR_ERROR;
    }
    errno = err;
    tls_failed(c, "SSL_do_handshake()", kind);
    return WR_ERROR;
}

wr_rc_t
wr_tls_handshake(wr_conn_t *c)
{
    wr_tls_t *t = c->tls;
    int       kind = 0, err;
    wr_rc_t   rc;

    tls_ahead_begin(t, 0);
    c->watch.readable = false;
    ERR_clear_error();
    errno = 0;
    tls_wants_secrets = t->endpoint != NULL && !t->heavy ? t : NULL;
    rc = shake(t, &kind);
    err = errno;
    tls_wants_secrets = NULL;
    wr_hkdf_forget();
    tls_ahead_end(t);
    if (rc != WR_OK) {
        return not_done(c, kind, err);
    }
    t->established = true;
    try_ktls(c);
    /* Data may have come behind the last message. */
    c->watch.readable = t->in != NULL || t->kernel_ready || t->early;
    t->heavy |= is_heavy(t->ssl);
    if (t->endpoint != NULL) {
        tls_lighten(c);
    }
    return WR_OK;
}

/* ---- the end ---- */

static void
say_closed(wr_tls_t *t)
{
    ERR_clear_error();
    if (t->ssl == NULL) {
        tls_light_close(t);
    } else if ((SSL_get_shutdown(t->ssl) & SSL_SENT_SHUTDOWN) == 0
               && SSL_is_init_finished(t->ssl))
    {
        (void) SSL_shutdown(t->ssl);
    }
    ERR_clear_error();
}

/* With early data the answer may be out before the handshake is complete: the end waits
 * for it, as it cannot be said before. */
static wr_rc_t
tls_shutdown(wr_conn_t *c)
{
    wr_tls_t *t = c->tls;

    if (t->established && !c->error) {
        t->close_later = wr_tls_is_early(t);
        if (t->close_later) {
            return WR_OK;
        }
        say_closed(t);
    }
    return shutdown(c->watch.fd, SHUT_WR) == 0 ? WR_OK : WR_ERROR;
}

/* ---- in ---- */

/* A piece of early data; -1: that was all. Else as SSL_read. */
static int
read_early(wr_tls_t *t, char *to, int room)
{
    size_t n = 0;

    if (t->has_byte) {
        t->has_byte = false;
        *to = t->byte;
        return 1;
    }
    switch (SSL_read_early_data(t->ssl, to, (size_t) room, &n)) {
    case SSL_READ_EARLY_DATA_SUCCESS:
        return (int) n;
    case SSL_READ_EARLY_DATA_FINISH:
        t->in_early = false;
        return n != 0 ? (int) n : -1;
    default:
        return 0;
    }
}

static ssize_t
read_some(wr_conn_t *c, char *to, size_t n)
{
    wr_tls_t *t = c->tls;
    size_t    done = 0;
    int       kind;

    while (done < n) {
        int  room = (int) wr_min_size(n - done, 1 << 30);
        bool was_early = t->in_early;
        int  got;

        errno = 0;
        got = t->in_early ? read_early(t, to + done, room) : SSL_read(t->ssl, to + done, room);
        if (got > 0) {
            done += (size_t) got;
            continue;
        }
        if (was_early && !t->in_early) {
            if (done != 0) {
                break;          /* it is told apart from what comes behind the handshake */
            }
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
    c->watch.readable = true;
    return (ssize_t) done;
}

static ssize_t
tls_recv(wr_conn_t *c, void *to, size_t n)
{
    wr_tls_t *t = c->tls;
    ssize_t   got;
    int       err;

    if (t->ssl == NULL) {
        return tls_light_recv(c, to, n);
    }
    tls_ahead_begin(t, n);
    ERR_clear_error();
    got = read_some(c, to, n);
    err = errno;
    wr_hkdf_forget();           /* of KeyUpdate, or what followed early data */
    if (t->close_later && !wr_tls_is_early(t)) {
        (void) tls_shutdown(c);
    }
    tls_ahead_end(t);
    errno = err;
    return got;
}

/* ---- out ---- */

/* Into the cork. How much was encrypted; *kind: what has stopped it, or 0. */
static size_t
encrypt(wr_tls_t *t, const char *p, size_t n, int *kind)
{
    size_t done = 0;

    *kind = 0;
    while (done < n) {
        size_t size = tls_record_size(t, n - done), sent = 0;
        int    ok;

        errno = 0;
        ok = t->early && !SSL_is_init_finished(t->ssl)
                 ? SSL_write_early_data(t->ssl, p + done, size, &sent)
                 : SSL_write_ex(t->ssl, p + done, size, &sent);
        if (ok != 1) {
            *kind = SSL_get_error(t->ssl, ok);
            break;
        }
        done += sent;
        t->run += sent;
    }
    return done;
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
        if (tls_send_held_and(t, NULL, 0) < 0) {
            return send_failed(c, 0);
        }
        done = wr_min_size(t->owed, total);
        t->owed = 0;
    }
    tls_note_send(t);
    t->uses += t->uses < USES_MAX;
    if (t->ssl != NULL) {
        ERR_clear_error();
    }
    while (done < total) {
        struct iovec rest[64];
        size_t       size, part;
        const char  *p = tls_joined(rest, tls_rest_of(rest, (int) WR_COUNT(rest), iov, n, done),
                                    &size);
        int          kind;

        size = wr_min_size(size, TLS_JOIN);
        tls_cork.of = t;
        part = t->ssl != NULL ? encrypt(t, p, size, &kind)
                              : tls_light_encrypt(t, p, size, &kind);
        if (!tls_uncork(t)) {
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

static void
tls_close(wr_conn_t *c)
{
    wr_tls_t *t = c->tls;

    /* Who has closed both ways does not hear our close_notify. */
    if (t->established && !c->error && !(c->eof && c->watch.hup)) {
        say_closed(t);
    }
    /* Else the session would leave the cache: its end was not orderly. */
    if (t->established && t->ssl != NULL) {
        SSL_set_shutdown(t->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    }
    if (t->endpoint != NULL) {
        tls_light_ended(t);
    }
    wr_timer_cancel(&t->flush);
    SSL_free(t->ssl);
    tls_light_free(t);
    free(t->held);
    free(t->in);
    free(t);
    c->tls = NULL;
    c->io = &wr_conn_plain;
}

/* ---- what was agreed upon ---- */

static tls_facts_t
facts_of(const wr_tls_t *t)
{
    tls_facts_t          f = {0};
    const unsigned char *p;
    unsigned             n;
    SSL_SESSION         *session;

    if (t->ssl == NULL) {
        tls_light_facts(t, &f);
        return f;
    }
    f.cipher = SSL_get_current_cipher(t->ssl);
    f.name = SSL_get_servername(t->ssl, TLSEXT_NAMETYPE_host_name);
    f.reused = SSL_session_reused(t->ssl);
    f.group = (int) SSL_get_negotiated_group(t->ssl);
    f.scheme = tls_scheme(t->ssl);
    SSL_get0_alpn_selected(t->ssl, &p, &n);
    f.alpn = wr_str((const char *) p, n);
    n = (unsigned) SSL_get0_raw_cipherlist(t->ssl, &p);
    f.ciphers = wr_str((const char *) p, n);
    session = SSL_get0_session(t->ssl);
    if (session != NULL) {
        p = SSL_SESSION_get_id(session, &n);
        f.id = wr_str((const char *) p, n);
    }
    return f;
}

wr_str_t
wr_tls_alpn(const wr_conn_t *c)
{
    return c->tls != NULL ? facts_of(c->tls).alpn : WR_STR_NONE;
}

const char *
wr_tls_version(const wr_tls_t *t)
{
    return t->ssl != NULL ? SSL_get_version(t->ssl) : facts_of(t).is_old ? "TLSv1.2" : "TLSv1.3";
}

const SSL_CIPHER *
wr_tls_cipher(const wr_tls_t *t)
{
    return facts_of(t).cipher;
}

const char *
wr_tls_name(const wr_tls_t *t)
{
    return facts_of(t).name;
}

bool
wr_tls_reused(const wr_tls_t *t)
{
    return facts_of(t).reused;
}

wr_str_t
wr_tls_session_id(const wr_tls_t *t)
{
    return facts_of(t).id;
}

int
wr_tls_group(const wr_tls_t *t)
{
    return facts_of(t).group;
}

const char *
wr_tls_scheme(const wr_tls_t *t)
{
    return facts_of(t).scheme;
}

wr_str_t
wr_tls_offered_ciphers(const wr_tls_t *t)
{
    return facts_of(t).ciphers;
}

unsigned
wr_tls_offered_groups(const wr_tls_t *t, int *to, unsigned room)
{
    wr_str_t kept;
    int      n;

    if (t->ssl == NULL) {
        kept = facts_of(t).groups;
        n = (int) wr_min_size(kept.n / sizeof(to[0]), room);
        memcpy(to, kept.p, (size_t) n * sizeof(to[0]));
        return (unsigned) n;
    }
    n = (int) SSL_get1_curves(t->ssl, NULL);
    return n > 0 && (unsigned) n <= room ? (unsigned) SSL_get1_curves(t->ssl, to) : 0;
}

bool
wr_tls_is_early(const wr_tls_t *t)
{
    return t->ssl != NULL && !SSL_is_init_finished(t->ssl);
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
