/*
 * Addresses: IPv4, IPv6, unix:. Compact, comparable, printable.
 */
#ifndef WEIR_NET_ADDR_H
#define WEIR_NET_ADDR_H

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <weir/base/pool.h>

typedef struct wr_addr {
    socklen_t len;
    union {
        struct sockaddr     sa;
        struct sockaddr_in  in4;
        struct sockaddr_in6 in6;
        struct sockaddr_un  un;
    } u;
} wr_addr_t;

/* "127.0.0.1", "[::1]", "::1" (no port), "1.2.3.4:80", "[::1]:80", "unix:/path".
 * `port` is used if the text has none. Never resolves names. */
bool wr_addr_parse(wr_addr_t *a, wr_str_t text, int port);
/* The host of `text` is a name: for error messages and the resolver. */
int      wr_addr_port(const struct sockaddr *sa);
void     wr_addr_set_port(wr_addr_t *a, int port);
/* 127.0.0.0/8, ::1, and what comes over a socket of the file system. */
bool     wr_addr_is_loopback(const wr_addr_t *a);
bool     wr_addr_equal(const struct sockaddr *a, const struct sockaddr *b, bool with_port);
/* "1.2.3.4", "::1", "unix:"; with port "1.2.3.4:80", "[::1]:80", "unix:/path". */
size_t   wr_addr_put(char *to, size_t room, const struct sockaddr *sa, socklen_t len,
                     bool with_port);
wr_str_t wr_addr_text(wr_pool_t *pool, const wr_addr_t *a, bool with_port);
enum { WR_ADDR_TEXT = 128 };    /* room that wr_addr_put always fits in */

/* "10.0.0.0/8", "::/0", "unix:", "all" */
typedef struct wr_cidr {
    int           family;       /* AF_INET, AF_INET6, AF_UNIX; AF_UNSPEC: all */
    unsigned      bits;
    unsigned char addr[16];
} wr_cidr_t;
bool wr_cidr_parse(wr_cidr_t *c, wr_str_t text);
bool wr_cidr_has(const wr_cidr_t *c, const struct sockaddr *sa);

#endif
