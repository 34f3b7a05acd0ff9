/*
 * The parts of the resolver: conf and names of the system (resolver_conf.c), the
 * cache and who waits (resolver.c), one query over the wire (resolver_query.c).
 */
#ifndef WEIR_NET_RESOLVER_PRIV_H
#define WEIR_NET_RESOLVER_PRIV_H

#include <weir/net/conn.h>
#include <weir/net/dns.h>
#include <weir/net/resolver.h>

enum { WR_RESOLVER_TIMEOUT = 110, WR_RESOLVER_SERVERS = 16, WR_RESOLVER_SERVICES = 64 };

typedef struct wr_host      wr_host_t;
typedef struct wr_dns_query wr_dns_query_t;
typedef struct wr_hosts     wr_hosts_t;

struct wr_resolver {
    wr_addr_t   servers[WR_RESOLVER_SERVERS];
    unsigned    n;
    wr_msec_t   valid;          /* 0: as the answers say */
    bool        ipv4, ipv6;
    bool        system;         /* look into /etc/hosts first */
    wr_hosts_t *hosts;          /* this process's cache; NULL: not used yet */
    struct wr_resolver *next;   /* of those in use */
};

/* A query for one type of record, until it is answered or given up. */
struct wr_dns_query {
    wr_host_t      *host;
    uint16_t        type;
    uint16_t        id;
    bool            pending;
    unsigned        server;     /* index of the one asked */
    unsigned        asked;      /* servers tried since the last round began */
    unsigned        hops;       /* aliases followed */
    char            name[WR_DNS_NAME];  /* asked for now: the host's or an alias */
    wr_watch_t      udp;
    wr_conn_t       tcp;
    unsigned char  *in;         /* of TCP: length and message */
    size_t          n_in;
    size_t          sent;
    wr_dns_answer_t answer;
    wr_dns_service_t *services; /* of an SRV query; malloc */
    unsigned        n_services;
};

/* Sends it (again); the result comes by wr_host_answered, perhaps at once. */
void wr_dns_query_send(wr_dns_query_t *q);
void wr_dns_query_close(wr_dns_query_t *q);

/* One of a host's queries is over: q->answer holds what came. */
void wr_host_answered(wr_dns_query_t *q);
const wr_resolver_t *wr_host_resolver(const wr_host_t *h);

/* Frees what this process keeps of it. */
void wr_resolver_forget(wr_resolver_t *r);

/* /etc/hosts: addresses of a name into `to`; how many. */
unsigned wr_system_hosts(const char *path, wr_str_t name, wr_addr_t *to, unsigned max);
/* /etc/resolv.conf: its servers. */
void wr_system_servers(const char *path, wr_resolver_t *r);

#endif
