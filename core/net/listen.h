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
};

#endif
