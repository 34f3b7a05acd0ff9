/*
 * wr_conn_t: a byte stream over a socket, plain or TLS.
 *
 * The struct is embedded in what uses it (an HTTP/1 or HTTP/2 connection, an
 * upstream's). It owns its descriptor. All calls are for the loop's thread and
 * never block: WR_AGAIN means that watch.readable or watch.writable was cleared
 * and on_read or on_write will be called.
 */
#ifndef WEIR_NET_CONN_H
#define WEIR_NET_CONN_H

#include <sys/uio.h>
#include <weir/event/loop.h>
#include <weir/net/addr.h>

typedef struct wr_conn wr_conn_t;

/* The layer below the bytes: plain sockets here, TLS in tls.c. */
typedef struct wr_conn_io {
    const char *name;
    ssize_t (*recv)(wr_conn_t *c, void *to, size_t n);
    ssize_t (*send)(wr_conn_t *c, const struct iovec *iov, int n, bool more);
    /* NULL: files are read and sent by copying. */
    ssize_t (*sendfile)(wr_conn_t *c, int fd, off_t at, size_t n, bool more);
    wr_rc_t (*shutdown)(wr_conn_t *c);  /* of writing: close_notify; may be WR_AGAIN */
    void    (*close)(wr_conn_t *c);     /* frees the layer's own state */
} wr_conn_io_t;

struct wr_conn {
    wr_watch_t          watch;      /* .fd */
    wr_timer_t          timer;      /* whoever drives the connection uses it */
    const wr_conn_io_t *io;
    void               *tls;        /* the TLS layer's state; NULL: plain */
    struct wr_proxied  *proxied;    /* what the PROXY protocol told: malloc; or NULL */
    wr_log_t           *log;        /* borrowed; for lines: wr_conn_log */
    void               *owner;      /* of who has taken it over (tunnels) */
    uint64_t            number;     /* *N in the log */
    uint64_t            sent;       /* bytes since the connection began */
    uint64_t            received;
    wr_msec_t           since;      /* wr_clock.mono when it was opened */
    bool                error;      /* an operation failed: do not reuse */
    bool                eof;        /* the peer has sent all it had to */
    uint8_t             tcp_nodelay : 1;
    uint8_t             tcp_nopush : 1;
    uint8_t             transparent : 1;    /* before connecting: `local` may be any
                                               address */
    uint8_t             peer_errors : 1;    /* the peer's failures are errors
                                               (upstreams), not just info */
};

/* Takes over an open non-blocking descriptor and registers it; the handlers and
 * the timer's function must stand already. On WR_ERROR it is closed. The struct
 * was zeroed when it was made; watch.fd was -1 before. */
wr_rc_t wr_conn_open(wr_conn_t *c, int fd, wr_log_t *log) WR_MUST_CHECK;

/* Starts to connect. WR_ERROR: logged, errno says what. WR_OK: connected;
 * WR_AGAIN: on_write tells; then wr_conn_connected says how it ended (0 or an
 * errno). `local` may be NULL; WR_LIMIT: it cannot be had. */
wr_rc_t wr_conn_connect(wr_conn_t *c, const wr_addr_t *to, const wr_addr_t *local,
                        wr_log_t *log) WR_MUST_CHECK;
int     wr_conn_connected(wr_conn_t *c);
/* TCP_NODELAY, once. False where the socket is no TCP one. */
bool    wr_conn_nodelay(wr_conn_t *c);

/* How many bytes; WR_AGAIN, WR_CLOSED (end of stream), WR_ERROR (logged at info
 * for clients: errno in *n) as rc. Clears watch.readable when less came than was
 * asked for and the peer has not closed. */
wr_rc_t wr_conn_recv(wr_conn_t *c, void *to, size_t room, size_t *n) WR_MUST_CHECK;

/* Sends what it can of iov; *n is how much. WR_AGAIN if not all went. `more`:
 * further bytes follow at once (MSG_MORE). */
wr_rc_t wr_conn_send(wr_conn_t *c, const struct iovec *iov, int n_iov, bool more,
                     size_t *n) WR_MUST_CHECK;
wr_rc_t wr_conn_sendfile(wr_conn_t *c, int fd, off_t at, size_t size, bool more,
                         size_t *n) WR_MUST_CHECK;

/* The connection goes on in another struct: for protocols that follow each other.
 * The timer is not set then. A layer that points back is told by its own call. */
wr_rc_t wr_conn_move(wr_conn_t *to, wr_conn_t *from) WR_MUST_CHECK;

/* The log for a line about the connection, until the next call. A log whose context
 * stands without data is that of a kind of connections: its context gets this one. */
const wr_log_t *wr_conn_log(const wr_conn_t *c);

/* Closes at once; cancels the timer; harmless when already closed. */
void wr_conn_close(wr_conn_t *c);
/* The same with a TCP reset instead of a FIN. */
void wr_conn_reset(wr_conn_t *c);

uint64_t wr_conn_next_number(void);

extern const wr_conn_io_t wr_conn_plain;

#endif
