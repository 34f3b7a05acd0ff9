/*
 * Listening sockets: what the conf asks for, what is kept over a reload or an
 * upgrade, and who is told of a new connection.
 */
#ifndef WEIR_NET_LISTEN_H
#define WEIR_NET_LISTEN_H

#include <weir/event/loop.h>
#include <weir/net/addr.h>

typedef struct wr_listen wr_listen_t;

struct wr_listen {
    wr_watch_t  watch;          /* .fd; -1 until opened */
    wr_addr_t   addr;
    int         backlog;        /* default 511 */
    int         rcvbuf, sndbuf; /* -1: the system's */
    int         fastopen;       /* -1: off */
    bool        deferred;
    bool        reuseport;
    bool        ipv6only;
    bool        bind;           /* a socket of its own even beside a wildcard */
    int         keepalive;      /* so_keepalive: -1 unset, 0 off, 1 on */
    int         keepidle, keepintvl, keepcnt;
    char        setfib, accept_filter;  /* accepted, without meaning on Linux */
    bool        inherited;      /* from LISTEN_FDS or an upgrade */
    bool        kept;           /* by the new cycle */
    unsigned    worker;         /* reuseport: the worker whose socket this is */
    /* A connection was accepted: takes fd. */
    void      (*accepted)(wr_listen_t *l, int fd, const struct sockaddr *sa,
                          socklen_t len);
    void       *data;           /* the protocol's: which servers listen here */
    wr_str_t    text;           /* "0.0.0.0:8080" */
    wr_str_t    at;             /* "FILE:LINE" of the directive, for messages */
    unsigned    burst;          /* how many connections to accept in a turn … */
    uint64_t    turn;           /* … and the last turn that had some */
};

/* The defaults of all options. */
void wr_listen_init(wr_listen_t *l, const wr_addr_t *addr);

/* Makes, binds and starts the socket. WR_BUSY: the address is in use; logged
 * unless `testing`, as all other failures are. */
wr_rc_t wr_listen_open(wr_listen_t *l, bool testing, wr_log_t *log) WR_MUST_CHECK;

/* Applies the options to a socket that listens already: taken from a former
 * cycle or from who started us. */
void wr_listen_tune(wr_listen_t *l, wr_log_t *log);

/* Closes; `unlink_path`: a unix socket goes from the file system as well. */
void wr_listen_close(wr_listen_t *l, bool unlink_path, wr_log_t *log);

#endif
