/*
 * Byte streams over plain sockets, and what plain and TLS ones have in common.
 *
 * The flags of the watch are kept true here: whoever asked for more than came, or
 * gave more than went, has seen the end of what the kernel has, so it need not be
 * asked again before its next event.
 */
#define _GNU_SOURCE
#include <weir/net/conn.h>

#include <errno.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <stdlib.h>
#include <unistd.h>

uint64_t
wr_conn_next_number(void)
{
    static uint64_t number;

    return ++number;
}

/* ---- plain sockets ---- */

/* recv(2) and send(2). In a process with threads glibc's are places where a thread can be
 * cancelled, at four locked instructions a pair; nobody is cancelled here. What watches
 * memory or threads wants to see glibc's. */
#if defined(SYS_recvfrom) && defined(SYS_sendto) && !defined(WR_POOL_CHECKED) \
    && !defined(__SANITIZE_THREAD__)

static inline ssize_t
receive(int fd, void *to, size_t n)
{
    return syscall(SYS_recvfrom, fd, to, n, 0, NULL, NULL);
}

static inline ssize_t
transmit(int fd, const void *from, size_t n, int flags)
{
    return syscall(SYS_sendto, fd, from, n, flags, NULL, 0);
}

#else

static inline ssize_t
receive(int fd, void *to, size_t n)
{
    return recv(fd, to, n, 0);
}

static inline ssize_t
transmit(int fd, const void *from, size_t n, int flags)
{
    return send(fd, from, n, flags);
}

#endif

static ssize_t
plain_recv(wr_conn_t *c, void *to, size_t n)
{
    ssize_t got;

    do {
        got = receive(c->watch.fd, to, n);
    } while (wr_unlikely(got < 0 && errno == EINTR));
    if (got < 0) {
        if (errno == EAGAIN) {
            c->watch.readable = false;
        }
    } else if ((size_t) got < n && !c->watch.hup) {
        c->watch.readable = false;
    }
    return got;
}

static size_t
iov_size(const struct iovec *iov, int n)
{
    size_t size = 0;

    for (int i = 0; i < n; i++) {
        size += iov[i].iov_len;
    }
    return size;
}

static ssize_t
plain_send(wr_conn_t *c, const struct iovec *iov, int n, bool more)
{
    int     flags = MSG_NOSIGNAL | (more ? MSG_MORE : 0);
    ssize_t sent;

    do {
        if (n == 1) {
            sent = transmit(c->watch.fd, iov->iov_base, iov->iov_len, flags);
        } else {
            struct msghdr m = {.msg_iov = (struct iovec *) (uintptr_t) iov,
                               .msg_iovlen = (size_t) n};

            sent = sendmsg(c->watch.fd, &m, flags);
        }
    } while (wr_unlikely(sent < 0 && errno == EINTR));
    if (sent < 0 ? errno == EAGAIN : (size_t) sent < iov_size(iov, n)) {
        c->watch.writable = false;
    }
    return sent;
}

/* A short count need not mean that the socket is full: the file may have become
 * shorter, so it is asked again. */
static ssize_t
plain_sendfile(wr_conn_t *c, int fd, off_t at, size_t size, bool more)
{
    size_t done = 0;

    (void) more;
    while (done < size) {
        ssize_t n = sendfile(c->watch.fd, fd, &at, wr_min_size(size - done, 1 << 30));

        if (n > 0) {
            done += (size_t) n;
            continue;
        }
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0 && errno == EAGAIN) {
            c->watch.writable = false;
        }
        if (n == 0 && done == 0) {
            errno = ENODATA;
            return -1;
        }
        return done != 0 ? (ssize_t) done : -1;
    }
    return (ssize_t) done;
}

static wr_rc_t
plain_shutdown(wr_conn_t *c)
{
    return shutdown(c->watch.fd, SHUT_WR) == 0 ? WR_OK : WR_ERROR;
}

const wr_conn_io_t wr_conn_plain = {
    .name = "plain",
    .recv = plain_recv,
    .send = plain_send,
    .sendfile = plain_sendfile,
    .shutdown = plain_shutdown,
};

const wr_log_t *
wr_conn_log(const wr_conn_t *c)
{
    static wr_log_t own;

    if (c->log->context == NULL || c->log->data != NULL) {
        return c->log;
    }
    own = *c->log;
    own.data = (void *) (uintptr_t) c;
    own.conn = c->number;
    return &own;
}

/* ---- opening ---- */

wr_rc_t
wr_conn_open(wr_conn_t *c, int fd, wr_log_t *log)
{
    c->watch.fd = fd;
    c->watch.registered = false;
    c->watch.readable = c->watch.arrived = false;
    c->watch.writable = true;
    c->watch.hup = false;
    c->log = log;
    c->sent = c->received = 0;
    c->since = wr_clock.mono;
    c->error = c->eof = false;
    if (c->io == NULL) {
        c->io = &wr_conn_plain;
    }
    if (wr_watch_add(&c->watch) != WR_OK) {
        close(fd);
        c->watch.fd = -1;
        return WR_ERROR;
    }
    return WR_OK;
}

/* What says something about the peer or the net, not about us. */
static bool
is_peers_fault(int err)
{
    switch (err) {
    case ECONNREFUSED:
    case ECONNRESET:
    case ECONNABORTED:
    case EPIPE:
    case ENOTCONN:
    case ETIMEDOUT:
    case ENETDOWN:
    case ENETUNREACH:
    case EHOSTDOWN:
    case EHOSTUNREACH:
        return true;
    default:
        return false;
    }
}

static wr_rc_t
failed_to_connect(wr_conn_t *c, const wr_addr_t *to, const char *call, const char *end)
{
    int    err = errno;
    char   text[WR_ADDR_TEXT];
    size_t n = wr_addr_put(text, sizeof(text), &to->u.sa, to->len,
                           to->u.sa.sa_family == AF_UNIX || wr_addr_port(&to->u.sa) != 0);

    wr_log(wr_conn_log(c), is_peers_fault(err) || err == EAGAIN ? WR_LOG_ERR : WR_LOG_CRIT,
           err, "%s%.*s%s failed", call, (int) n, text, end);
    if (c->watch.fd >= 0) {
        close(c->watch.fd);
        c->watch.fd = -1;
    }
    c->error = true;
    errno = err;
    return WR_ERROR;
}

static bool
bind_local(const wr_conn_t *c, int fd, const wr_addr_t *local)
{
    bool v6 = local->u.sa.sa_family == AF_INET6;
    int  one = 1;

    if (c->transparent
        && setsockopt(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_TRANSPARENT : IP_TRANSPARENT,
                      &one, sizeof(one)) != 0)
    {
        wr_log(wr_conn_log(c), WR_LOG_ALERT, errno, "setsockopt(%s) failed",
               v6 ? "IPV6_TRANSPARENT" : "IP_TRANSPARENT");
        return false;
    }

    /* The port is then chosen by connect(2), for this peer alone. */
    if (wr_addr_port(&local->u.sa) == 0) {
        setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
    }
    return bind(fd, &local->u.sa, local->len) == 0;
}

wr_rc_t
wr_conn_connect(wr_conn_t *c, const wr_addr_t *to, const wr_addr_t *local,
                wr_log_t *log)
{
    int  fd = socket(to->u.sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    bool connected;

    c->log = log;
    c->watch.fd = fd;
    if (fd < 0) {
        return failed_to_connect(c, to, "socket() for ", "");
    }
    if (local != NULL && !bind_local(c, fd, local)) {
        (void) failed_to_connect(c, local, "bind(", ")");
        return WR_LIMIT;
    }
    connected = connect(fd, &to->u.sa, to->len) == 0;
    if (!connected && errno != EINPROGRESS) {
        return failed_to_connect(c, to, "connect() to ", "");
    }
    if (wr_conn_open(c, fd, log) != WR_OK) {
        c->error = true;
        return WR_ERROR;
    }
    c->watch.writable = connected;
    return connected ? WR_OK : WR_AGAIN;
}

int
wr_conn_connected(wr_conn_t *c)
{
    int       err = 0;
    socklen_t len = sizeof(err);

    if (getsockopt(c->watch.fd, SOL_SOCKET, SO_ERROR, &err, &len) != 0) {
        err = errno;
    }
    return err;
}

bool
wr_conn_nodelay(wr_conn_t *c)
{
    int one = 1;

    if (c->tcp_nodelay) {
        return true;
    }
    c->tcp_nodelay = 1;
    return setsockopt(c->watch.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) == 0;
}

/* ---- bytes ---- */

static wr_rc_t
failed(wr_conn_t *c, const char *call, size_t *n)
{
    int        err = errno;
    wr_level_t level = WR_LOG_ALERT;

    c->error = true;
    if (err == EPROTO && c->tls != NULL) {
        *n = (size_t) err;      /* the layer has logged it */
        return WR_ERROR;
    }
    if (is_peers_fault(err)) {
        level = c->peer_errors ? WR_LOG_ERR : WR_LOG_INFO;
    } else if (err == ENODATA || err == EIO) {
        level = WR_LOG_ERR;
    }
    wr_log(wr_conn_log(c), level, err, "%s failed", call);
    *n = (size_t) err;
    return WR_ERROR;
}

wr_rc_t
wr_conn_recv(wr_conn_t *c, void *to, size_t room, size_t *n)
{
    ssize_t got;

    WR_ASSERT(room != 0);
    got = c->io->recv(c, to, room);
    if (wr_likely(got > 0)) {
        *n = (size_t) got;
        c->received += (size_t) got;
        return WR_OK;
    }
    *n = 0;
    if (got == 0) {
        c->eof = true;
        return WR_CLOSED;
    }
    return errno == EAGAIN ? WR_AGAIN : failed(c, "recv()", n);
}

wr_rc_t
wr_conn_send(wr_conn_t *c, const struct iovec *iov, int n_iov, bool more, size_t *n)
{
    size_t done = 0;

    while (n_iov > 0) {
        int     some = n_iov < IOV_MAX ? n_iov : IOV_MAX;
        size_t  size = iov_size(iov, some);
        ssize_t sent;

        if (size != 0) {
            sent = c->io->send(c, iov, some, more || some < n_iov);
            if (sent < 0) {
                if (errno == EAGAIN) {
                    *n = done;
                    return WR_AGAIN;
                }
                return failed(c, "send()", n);
            }
            done += (size_t) sent;
            c->sent += (size_t) sent;
            if ((size_t) sent < size) {
                *n = done;
                return WR_AGAIN;
            }
        }
        iov += some;
        n_iov -= some;
    }
    *n = done;
    return WR_OK;
}

wr_rc_t
wr_conn_sendfile(wr_conn_t *c, int fd, off_t at, size_t size, bool more, size_t *n)
{
    ssize_t sent;

    *n = 0;
    if (size == 0) {
        return WR_OK;
    }
    WR_ASSERT(c->io->sendfile != NULL);
    sent = c->io->sendfile(c, fd, at, size, more);
    if (sent < 0) {
        return errno == EAGAIN ? WR_AGAIN : failed(c, "sendfile()", n);
    }
    *n = (size_t) sent;
    c->sent += (size_t) sent;
    if (*n < size && c->watch.writable) {
        errno = ENODATA;        /* the file has become shorter */
        return failed(c, "sendfile()", n);
    }
    return *n == size ? WR_OK : WR_AGAIN;
}

wr_rc_t
wr_conn_move(wr_conn_t *to, wr_conn_t *from)
{
    wr_timer_cancel(&from->timer);
    wr_watch_remove(&from->watch);
    *to = *from;
    from->watch.fd = -1;
    from->tls = NULL;
    from->proxied = NULL;
    to->timer = (wr_timer_t) {0};
    return wr_watch_add(&to->watch);
}

/* ---- closing ---- */

void
wr_conn_close(wr_conn_t *c)
{
    wr_timer_cancel(&c->timer);
    if (c->watch.fd < 0) {
        return;
    }
    if (c->io != NULL && c->io->close != NULL) {
        c->io->close(c);
    }
    wr_watch_forget(&c->watch);
    close(c->watch.fd);
    c->watch.fd = -1;
    free(c->proxied);
    c->proxied = NULL;
}

void
wr_conn_reset(wr_conn_t *c)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};

    if (c->watch.fd >= 0) {
        setsockopt(c->watch.fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    }
    wr_conn_close(c);
}
