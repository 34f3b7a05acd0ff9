/*
 * Names to addresses without blocking: a small DNS client with a cache.
 *
 * A wr_resolver_t is what one `resolver` directive says; its sockets and cache
 * are made in each worker when first used. Names are asked for as A and AAAA at
 * once, by UDP (TCP for answers that do not fit), each query with an id and a
 * port of its own. Lookups of one name are done once for all who wait.
 */
#ifndef WEIR_NET_RESOLVER_H
#define WEIR_NET_RESOLVER_H

#include <weir/conf/conf.h>
#include <weir/event/op.h>
#include <weir/net/addr.h>
#include <weir/net/dns.h>

typedef struct wr_resolver wr_resolver_t;

typedef struct wr_resolve {
    wr_op_t    op;          /* WR_OK; WR_NOTFOUND: there is no such host;
                               WR_TIMEOUT; WR_ERROR: the servers failed */
    wr_addr_t *addrs;       /* in the pool, with port 0; turned round each time */
    unsigned   n;
    wr_dns_service_t *services;     /* of wr_resolve_service, in the pool */
    unsigned   n_services;
    int        code;        /* for messages: an rcode, or 110 */
    wr_msec_t  until;       /* the result is good so long, by wr_clock.mono */
    /* the resolver's own */
    wr_queue_t link;
    wr_timer_t timer;
    wr_pool_t *pool;
} wr_resolve_t;

/* `resolver ADDR… [valid=TIME] [ipv4=on|off] [ipv6=on|off] [status_zone=…]`: reads
 * cf->args. NULL after a conf error. */
wr_resolver_t *wr_resolver_new(wr_conf_t *cf);

/* What /etc/hosts and /etc/resolv.conf say, for confs without the directive. One
 * per process. */
wr_resolver_t *wr_resolver_default(void);

/* Starts q->op. An address as text is answered at once, and so is a name that is
 * cached; else the op completes from the loop. `timeout`: resolver_timeout. */
void wr_resolve_start(wr_resolver_t *r, wr_resolve_t *q, wr_pool_t *pool, wr_str_t name,
                      wr_msec_t timeout);

/* The same for the SRV records of a name: q->services. */
void wr_resolve_service(wr_resolver_t *r, wr_resolve_t *q, wr_pool_t *pool, wr_str_t name,
                        wr_msec_t timeout);

/* "Host not found", as nginx: "NAME could not be resolved (CODE: TEXT)". */
const char *wr_resolve_error(int code);

/* While the conf is read: blocks. False: *why says what the system says. Ports are
 * 0. */
bool wr_resolve_now(wr_pool_t *pool, wr_str_t name, wr_addr_t **addrs, unsigned *n,
                    const char **why);

/* At the worker's end: closes sockets, completes what waits with WR_CANCELLED. */
void wr_resolvers_free(void);

#endif
