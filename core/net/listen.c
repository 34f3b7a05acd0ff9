/*
 * One listening socket: making it, setting its options, closing it. Which sockets
 * there are, and what is kept over a reload, is decided in process/sockets.c.
 */
#define _GNU_SOURCE
#include <weir/net/listen.h>

#include <errno.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <unistd.h>

void
wr_listen_init(wr_listen_t *l, const wr_addr_t *addr)
{
    *l = (wr_listen_t) {
        .watch.fd = -1, .addr = *addr, .backlog = 511, .rcvbuf = -1, .sndbuf = -1,
        .fastopen = -1, .ipv6only = true, .keepalive = -1,
    };
}

static void
set(wr_listen_t *l, int level, int name, int value, const char *what, wr_log_t *log)
{
    if (setsockopt(l->watch.fd, level, name, &value, sizeof(value)) != 0) {
        wr_log(log, WR_LOG_ALERT, errno, "setsockopt(%s, %d) %.*s failed, ignored",
               what, value, WR_ARG(l->text));
    }
}

static void
set_keepalive(wr_listen_t *l, wr_log_t *log)
{
    if (l->keepalive == -1) {
        return;
    }
    set(l, SOL_SOCKET, SO_KEEPALIVE, l->keepalive, "SO_KEEPALIVE", log);
    if (l->keepidle > 0) {
        set(l, IPPROTO_TCP, TCP_KEEPIDLE, l->keepidle, "TCP_KEEPIDLE", log);
    }
    if (l->keepintvl > 0) {
        set(l, IPPROTO_TCP, TCP_KEEPINTVL, l->keepintvl, "TCP_KEEPINTVL", log);
    }
    if (l->keepcnt > 0) {
        set(l, IPPROTO_TCP, TCP_KEEPCNT, l->keepcnt, "TCP_KEEPCNT", log);
    }
}

static void
set_options(wr_listen_t *l, wr_log_t *log)
{
    if (l->rcvbuf != -1) {
        set(l, SOL_SOCKET, SO_RCVBUF, l->rcvbuf, "SO_RCVBUF", log);
    }
    if (l->sndbuf != -1) {
        set(l, SOL_SOCKET, SO_SNDBUF, l->sndbuf, "SO_SNDBUF", log);
    }
    set_keepalive(l, log);
    if (l->addr.u.sa.sa_family == AF_UNIX) {
        return;
    }
    if (l->fastopen != -1) {
        set(l, IPPROTO_TCP, TCP_FASTOPEN, l->fastopen, "TCP_FASTOPEN", log);
    }
    /* A kept socket may have to lose it. */
    if (l->deferred || l->inherited || l->kept) {
        set(l, IPPROTO_TCP, TCP_DEFER_ACCEPT, l->deferred, "TCP_DEFER_ACCEPT", log);
    }
}

static wr_rc_t
failed(wr_listen_t *l, const char *call, wr_log_t *log)
{
    wr_log(log, WR_LOG_EMERG, errno, "%s %.*s failed", call, WR_ARG(l->text));
    if (l->watch.fd >= 0) {
        close(l->watch.fd);
        l->watch.fd = -1;
    }
    return WR_ERROR;
}

/* A socket file that nobody listens at was left behind by a crash. */
static bool
remove_stale(const wr_addr_t *a)
{
    int  fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool stale;

    if (fd < 0) {
        return false;
    }
    stale = connect(fd, &a->u.sa, a->len) != 0 && errno == ECONNREFUSED;
    close(fd);
    return stale && unlink(a->u.un.sun_path) == 0;
}

static bool
bind_to(wr_listen_t *l)
{
    const wr_addr_t *a = &l->addr;

    if (bind(l->watch.fd, &a->u.sa, a->len) == 0) {
        return true;
    }
    if (errno == EADDRINUSE && a->u.sa.sa_family == AF_UNIX) {
        if (remove_stale(a)) {
            return bind(l->watch.fd, &a->u.sa, a->len) == 0;
        }
        errno = EADDRINUSE;
    }
    return false;
}

wr_rc_t
wr_listen_open(wr_listen_t *l, bool testing, wr_log_t *log)
{
    int family = l->addr.u.sa.sa_family;
    int one = 1, only = l->ipv6only;

    l->watch.fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (l->watch.fd < 0) {
        return failed(l, "socket()", log);
    }
    if (setsockopt(l->watch.fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0) {
        return failed(l, "setsockopt(SO_REUSEADDR)", log);
    }
    if (l->reuseport && !testing
        && setsockopt(l->watch.fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)) != 0)
    {
        return failed(l, "setsockopt(SO_REUSEPORT)", log);
    }
    if (family == AF_INET6
        && setsockopt(l->watch.fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof(only)) != 0)
    {
        return failed(l, "setsockopt(IPV6_V6ONLY)", log);
    }
    if (!bind_to(l)) {
        bool busy = errno == EADDRINUSE;

        if (busy && testing) {
            close(l->watch.fd);
            l->watch.fd = -1;
        } else {
            failed(l, "bind() to", log);
        }
        return busy ? WR_BUSY : WR_ERROR;
    }
    if (family == AF_UNIX && chmod(l->addr.u.un.sun_path, 0666) != 0) {
        wr_log(log, WR_LOG_EMERG, errno, "chmod() \"%s\" failed",
               l->addr.u.un.sun_path);
    }
    set_options(l, log);
    if (listen(l->watch.fd, l->backlog) != 0) {
        /* With SO_REUSEADDR two sockets can be bound, but one only can listen. */
        bool busy = errno == EADDRINUSE;

        if (busy && testing) {
            close(l->watch.fd);
            l->watch.fd = -1;
        } else {
            failed(l, "listen() to", log);
        }
        return busy ? WR_BUSY : WR_ERROR;
    }
    return WR_OK;
}

void
wr_listen_tune(wr_listen_t *l, wr_log_t *log)
{
    if (l->reuseport) {
        set(l, SOL_SOCKET, SO_REUSEPORT, 1, "SO_REUSEPORT", log);
    }
    set_options(l, log);
    if (listen(l->watch.fd, l->backlog) != 0) {
        wr_log(log, WR_LOG_ALERT, errno, "listen() to %.*s, backlog %d failed, ignored",
               WR_ARG(l->text), l->backlog);
    }
}

void
wr_listen_close(wr_listen_t *l, bool unlink_path, wr_log_t *log)
{
    if (l->watch.fd < 0) {
        return;
    }
    wr_watch_remove(&l->watch);
    close(l->watch.fd);
    l->watch.fd = -1;
    if (unlink_path && l->addr.u.sa.sa_family == AF_UNIX
        && unlink(l->addr.u.un.sun_path) != 0)
    {
        wr_log(log, WR_LOG_EMERG, errno, "unlink() \"%s\" failed",
               l->addr.u.un.sun_path);
    }
}
