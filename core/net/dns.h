/*
 * DNS messages (RFC 1035): making queries and reading answers. Pure functions
 * over bytes; answers are hostile input.
 */
#ifndef WEIR_NET_DNS_H
#define WEIR_NET_DNS_H

#include <weir/base/str.h>

enum {
    WR_DNS_A = 1,
    WR_DNS_CNAME = 5,
    WR_DNS_AAAA = 28,
    WR_DNS_SRV = 33,
    WR_DNS_NAME = 256,          /* room for a name as text, with its NUL */
    WR_DNS_QUERY = 12 + 255 + 4,
    WR_DNS_ADDRS = 64,          /* addresses taken of one answer */
    WR_DNS_HOPS = 8,            /* of CNAMEs */
};

/* Lower case, without the last dot; false if it cannot be a host's name. `to` has
 * WR_DNS_NAME bytes. */
bool wr_dns_name(char *to, wr_str_t name);

/* Writes a query for `name` (as wr_dns_name makes it) into WR_DNS_QUERY bytes;
 * returns how many. */
size_t wr_dns_query(unsigned char *to, uint16_t id, const char *name, uint16_t type);

typedef struct wr_dns_answer {
    int           rcode;        /* 0: no error, 3: no such name */
    bool          truncated;    /* ask again by TCP */
    unsigned      n;            /* addresses */
    unsigned char addrs[WR_DNS_ADDRS][16];      /* 4 bytes of each for A */
    uint32_t      ttl;          /* the least of all records used; seconds */
    char          alias[WR_DNS_NAME];   /* without addresses: the name that the
                                           last CNAME leads to; else empty */
} wr_dns_answer_t;

/* A server of a service (RFC 2782). */
typedef struct wr_dns_service {
    uint16_t priority;          /* less is better */
    uint16_t weight;
    uint16_t port;
    char     target[WR_DNS_NAME];   /* as wr_dns_name makes it */
} wr_dns_service_t;

/* The SRV records for `name` in a message that wr_dns_parse has accepted: how many
 * of at most `max`. *ttl, if there are any: the least of theirs. */
unsigned wr_dns_services(const unsigned char *p, size_t n, const char *name,
                         wr_dns_service_t *to, unsigned max, uint32_t *ttl);

/* False: not an answer to that query (wrong id, question, or malformed): to be
 * ignored, as it may be forged. */
bool wr_dns_parse(const unsigned char *p, size_t n, uint16_t id, const char *name,
                  uint16_t type, wr_dns_answer_t *a);

#endif
