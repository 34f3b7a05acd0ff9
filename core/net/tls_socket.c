/*
 * TLS: what goes to and comes from the socket.
 *
 * Out: records of one call leave by one send(2), gathered in tls_cork. What the kernel
 * does not take waits in wr_tls_t.held, and the caller, who was told EAGAIN, comes again
 * with the same bytes, which are `owed` and not encrypted twice. A session ticket waits
 * there for the first answer, though not for long.
 *
 * In: one recv(2) takes what is there, into tls_ahead, which all connections share; only
 * what is not used at once becomes memory of the connection. The kernel is not asked
 * again for what is known not to be there.
 */
#include <weir/net/tls_priv.h>
#include <weir/net/tls_record.h>

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

tls_cork_t  tls_cork;
tls_ahead_t tls_ahead;

static BIO_METHOD *method;

enum { TICKET_WAIT_MS = 1 };

/* ---- out ---- */

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

ssize_t
tls_send_held_and(wr_tls_t *t, const char *p, size_t n)
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
    wr_timer_cancel(&t->flush);
    return sent - (ssize_t) held;
}

bool
tls_uncork(wr_tls_t *t)
{
    size_t  n = tls_cork.n;
    ssize_t sent;

    tls_cork.of = NULL;
    tls_cork.n = 0;
    if (n == 0) {
        return true;
    }
    sent = tls_send_held_and(t, tls_cork.bytes, n);
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
        memcpy(both + before, tls_cork.bytes, n);
        free(t->held);
        t->held = both;
        t->held_n = before + n;
        t->held_at = 0;
    } else {
        hold(t, tls_cork.bytes + (sent > 0 ? sent : 0), n - (size_t) (sent > 0 ? sent : 0));
    }
    errno = EAGAIN;
    return false;
}

const char *
tls_joined(const struct iovec *iov, int n, size_t *size)
{
    static char buffer[TLS_JOIN];
    size_t      at = 0;

    if (n == 1) {
        *size = iov->iov_len;
        return iov->iov_base;
    }
    for (int i = 0; i < n && at < TLS_JOIN; i++) {
        size_t part = wr_min_size(iov[i].iov_len, TLS_JOIN - at);

        memcpy(buffer + at, iov[i].iov_base, part);
        at += part;
    }
    *size = at;
    return buffer;
}

int
tls_rest_of(struct iovec *rest, int room, const struct iovec *iov, int n, size_t skip)
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

size_t
tls_record_size(wr_tls_t *t, size_t n)
{
    size_t most = t->run < SMALL_RUN ? SMALL_RECORD : t->fragment;

    return wr_min_size(n, wr_min_size(most, t->fragment));
}

void
tls_note_send(wr_tls_t *t)
{
    if (wr_clock.mono - t->last > SILENCE_MS) {
        t->run = 0;
    }
    t->last = wr_clock.mono;
}

/* ---- in ---- */

void
tls_ahead_begin(wr_tls_t *t, size_t want)
{
    WR_ASSERT(tls_ahead.of == NULL);
    tls_ahead.of = t;
    tls_ahead.most = wr_min_size(want, TLS_AHEAD - WR_RECORD_MAX) + WR_RECORD_MAX;
    tls_ahead.at = tls_ahead.n = 0;
    tls_ahead.plain = wr_str(tls_ahead.bytes, 0);
    t->kernel_ready |= t->conn->watch.arrived;
    t->conn->watch.arrived = false;
    if (t->in != NULL) {
        WR_ASSERT(t->in_n <= TLS_AHEAD && t->in_plain <= t->in_n);
        memcpy(tls_ahead.bytes, t->in, t->in_n);
        tls_ahead.plain.n = tls_ahead.at = t->in_plain;
        tls_ahead.n = t->in_n;
        free(t->in);
        t->in = NULL;
    }
}

void
tls_ahead_end(wr_tls_t *t)
{
    size_t n = tls_ahead.n - tls_ahead.at;

    tls_ahead.of = NULL;
    if (tls_ahead.plain.n + n != 0) {
        t->in_plain = (uint32_t) tls_ahead.plain.n;
        t->in_n = (uint32_t) (tls_ahead.plain.n + n);
        t->in = malloc(t->in_n);
        WR_ASSERT(t->in != NULL);
        memcpy(t->in, tls_ahead.plain.p, t->in_plain);
        memcpy(t->in + t->in_plain, tls_ahead.bytes + tls_ahead.at, n);
    }
}

ssize_t
tls_ahead_more(wr_tls_t *t)
{
    size_t  left = tls_ahead.n - tls_ahead.at, room;
    ssize_t got;

    if (!t->kernel_ready) {
        errno = EAGAIN;
        return -1;
    }
    if (tls_ahead.at != 0) {
        memmove(tls_ahead.bytes, tls_ahead.bytes + tls_ahead.at, left);
        tls_ahead.at = 0;
        tls_ahead.n = left;
    }
    WR_ASSERT(left < tls_ahead.most);   /* a record that is not all there */
    room = tls_ahead.most - left;
    do {
        got = recv(t->conn->watch.fd, tls_ahead.bytes + left, room, 0);
    } while (wr_unlikely(got < 0 && errno == EINTR));
    if (got > 0) {
        tls_ahead.n += (size_t) got;
    }
    if ((got < 0 && errno == EAGAIN)
        || (got > 0 && (size_t) got < room && !t->conn->watch.hup))
    {
        t->kernel_ready = false;
    }
    return got;
}

/* ---- the BIO ---- */

static int
bio_read(BIO *b, char *to, int n)
{
    wr_tls_t *t = BIO_get_data(b);
    bool      mine = tls_ahead.of == NULL;
    ssize_t   got = 0;

    BIO_clear_retry_flags(b);
    if (mine) {
        tls_ahead_begin(t, 0);
    }
    WR_ASSERT(tls_ahead.of == t);
    if (tls_ahead.at == tls_ahead.n) {
        got = tls_ahead_more(t);
    }
    if (tls_ahead.at < tls_ahead.n) {
        got = (ssize_t) wr_min_size((size_t) n, tls_ahead.n - tls_ahead.at);
        memcpy(to, tls_ahead.bytes + tls_ahead.at, (size_t) got);
        tls_ahead.at += (size_t) got;
    } else if (got < 0 && errno == EAGAIN) {
        BIO_set_retry_read(b);
    }
    if (mine) {
        tls_ahead_end(t);
    }
    return (int) got;
}

static void
flush_ticket(wr_timer_t *timer)
{
    (void) tls_send_held_and(WR_CONTAINER(timer, wr_tls_t, flush), NULL, 0);
}

/* The ticket of TLS 1.3 is no answer to anything: it goes with what comes next, or
 * alone soon. */
static bool
is_ticket(const wr_tls_t *t)
{
    return !t->established && t->held == NULL && SSL_get_state(t->ssl) == TLS_ST_SW_SESSION_TICKET
           && SSL_version(t->ssl) == TLS1_3_VERSION;
}

/* How many records there are in what OpenSSL writes. */
static unsigned
count_records(const char *from, size_t n)
{
    const unsigned char *p = (const unsigned char *) from;
    unsigned             count = 0;

    while (n >= 5) {
        size_t size = 5 + ((size_t) p[3] << 8 | p[4]);

        if (size > n) {
            break;
        }
        count++;
        p += size;
        n -= size;
    }
    return count;
}

/* Padding (RecordPadding) may make more of what is to be sent than there is room for: what
 * is there goes first. */
static int
cork(wr_tls_t *t, const char *from, size_t n)
{
    if (n > TLS_CORK - tls_cork.n) {
        bool ok = tls_uncork(t) || errno == EAGAIN;

        tls_cork.of = t;
        if (!ok) {
            return -1;
        }
    }
    memcpy(tls_cork.bytes + tls_cork.n, from, n);
    tls_cork.n += n;
    return (int) n;
}

static int
bio_write(BIO *b, const char *from, int n)
{
    wr_tls_t *t = BIO_get_data(b);
    ssize_t   sent;

    BIO_clear_retry_flags(b);
    if (tls_cork.of == t) {
        return cork(t, from, (size_t) n);
    }
    if (is_ticket(t)) {
        t->tickets = (uint8_t) (t->tickets + count_records(from, (size_t) n));
        hold(t, from, (size_t) n);
        t->flush.fn = flush_ticket;
        wr_timer_set(&t->flush, TICKET_WAIT_MS);
        return n;
    }
    if (!t->established && SSL_get_state(t->ssl) == TLS_ST_SW_SESSION_TICKET
        && SSL_version(t->ssl) == TLS1_3_VERSION)
    {
        t->heavy = true;        /* how many records there are is not known */
    }
    sent = tls_send_held_and(t, from, (size_t) n);
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

BIO *
tls_socket_bio(wr_tls_t *t)
{
    BIO *b;

    if (method == NULL) {
        method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "weir");
        WR_ASSERT(method != NULL);
        BIO_meth_set_read(method, bio_read);
        BIO_meth_set_write(method, bio_write);
        BIO_meth_set_ctrl(method, bio_ctrl);
        BIO_meth_set_create(method, bio_create);
    }
    b = BIO_new(method);
    WR_ASSERT(b != NULL);
    BIO_set_data(b, t);
    return b;
}
