/*
 * Upstreams: groups of peers, which of them is asked next, and connections to
 * them that are kept for reuse.
 *
 * A group comes from an `upstream` block, or is made silently for the host of a
 * proxy_pass or fetch. Who its peers are is a set, which is replaced as a whole
 * when a name has new addresses. How the peers fare is kept by the worker, or in
 * the group's zone for all workers. Balancers other than round robin are modules:
 * they set `balancer` of the group they stand in.
 */
#ifndef WEIR_UPSTREAM_UPSTREAM_H
#define WEIR_UPSTREAM_UPSTREAM_H

#include <weir/module/module.h>
#include <weir/net/conn.h>
#include <weir/net/resolver.h>
#include <weir/process/cycle.h>

typedef struct wr_upstream wr_upstream_t;
typedef struct wr_peer     wr_peer_t;
typedef struct wr_uconn    wr_uconn_t;
typedef struct wr_pick     wr_pick_t;

/* How a peer fares; under the zone's lock where the group has one. */
typedef struct wr_peer_state {
    int64_t        effective;       /* weight, lowered by failures */
    int64_t        current;
    int64_t        fails;
    wr_msec_t      accessed;        /* of the last failure */
    wr_msec_t      checked;
    int64_t        conns;           /* in use */
} wr_peer_state_t;

/* Where a peer is counted (stats.c): cells of metrics. */
typedef struct wr_peer_cells {
    bool     known;
    uint32_t requests, fails, seconds;
} wr_peer_cells_t;

/* `server ADDRESS …;`: one or several peers. */
struct wr_peer {
    wr_upstream_t *group;
    wr_addr_t      addr;
    wr_str_t       name;            /* "127.0.0.1:8080", as in $upstream_addr */
    wr_str_t       server;          /* as written in the conf */
    wr_tok_t       at;
    int64_t        weight;
    int64_t        max_fails;       /* 0: never taken out */
    wr_msec_t      fail_timeout;
    int64_t        max_conns;       /* 0: no limit */
    bool           down, backup;
    bool           resolve;         /* the name's addresses are looked up again */
    wr_str_t       service;         /* of SRV records; empty: none */
    unsigned       index;           /* in its set */
    wr_peer_state_t *state;         /* own, or in the zone */
    wr_peer_state_t  own;
    void          *shared;          /* its record in the zone, or NULL */
    wr_peer_cells_t cells;
};

/* The peers of a group as they are now. */
typedef struct wr_peers {
    wr_upstream_t *group;
    wr_peer_t     *peers;           /* n, the first n_primary not backups */
    unsigned       n, n_primary;
    unsigned       tries;           /* those that are not down */
    int64_t        total_weight;    /* of the primary ones */
    void          *balancer_data;
    wr_pool_t     *pool;            /* of a set made at run time, else NULL */
    unsigned       refs;
    wr_queue_t     attached;        /* in the group's list of sets in the zone */
} wr_peers_t;

/* One request's way through a group. */
struct wr_pick {
    wr_upstream_t *group;
    wr_peers_t    *set;             /* held until the pool is freed */
    wr_req_t      *r;               /* for balancers that look at it */
    wr_pool_t     *pool;
    wr_log_t      *log;
    wr_peer_t     *peer;            /* the one picked */
    uint64_t      *tried;           /* bitmap by index */
    uint64_t       few;
    unsigned       tries;           /* left */
    bool           backups;         /* the others have all failed */
    void          *data;            /* the balancer's */
    uint64_t       began;           /* wr_ticks when the peer was picked */
};

typedef struct wr_balancer {
    const char *name;
    bool        no_backup;          /* `backup` is refused behind it */
    /* For each new set, in its pool: prepare set->balancer_data. May be NULL. */
    void      (*prepare)(wr_upstream_t *group, wr_peers_t *set, wr_pool_t *pool);
    /* For each request, in wr_pick_init: set p->data. May be NULL. */
    void      (*begin)(wr_pick_t *p);
    /* The next peer (under the zone's lock, among the backups if p->backups), or
     * NULL to fall back to round robin. */
    wr_peer_t *(*pick)(wr_pick_t *p);
} wr_balancer_t;

struct wr_upstream {
    wr_str_t       name;
    wr_tok_t       at;              /* where it was written */
    bool           implicit;        /* made for a proxy_pass */
    wr_array_t     servers;         /* wr_peer_t, before names are resolved */
    wr_peers_t    *set;             /* the newest */
    int            default_port;    /* of an implicit one */
    const wr_balancer_t *balancer;  /* NULL: round robin */
    void          *balancer_conf;
    wr_zone_t     *zone;            /* NULL: each worker has its own state */
    void          *shared;          /* the group's record in it; worker only */
    int            place;           /* this worker's in the zone */
    wr_queue_t     attached;        /* sets whose states are in it */
    /* names that are looked up again */
    wr_resolver_t *resolver;
    wr_msec_t      resolver_timeout;/* -1: not given */
    void          *lookups;
    /* keepalive */
    int64_t        keepalive;       /* idle connections per worker; 0: none */
    bool           keepalive_given;
    bool           keepalive_local; /* each location keeps its own */
    int64_t        keepalive_requests;
    wr_msec_t      keepalive_timeout;
    wr_msec_t      keepalive_time;
    wr_queue_t     idle;            /* wr_uconn_t, newest first */
    int64_t        n_idle;
    wr_scope_t    *scope;
    bool           brief;           /* made for one request: its peers have no metrics
                                       of their own */
};

/* ---- conf time ---- */

/* The group of this name ("backend", "127.0.0.1:8080", "unix:/x", "example.com");
 * made silently if it is none yet, and checked when all is read: an unknown name
 * is resolved then, and an error if it cannot be. */
wr_upstream_t *wr_upstream_use(wr_conf_t *cf, const wr_tok_t *at, wr_str_t host,
                               int default_port);
/* An `upstream` block of this name, or NULL; at run time too. */
wr_upstream_t *wr_upstream_find(wr_str_t name);
/* For proxy_pass with variables: the block of this name, or what another proxy_pass
 * of this host (with its port, if it is not the default) uses; NULL: none. */
wr_upstream_t *wr_upstream_match(wr_str_t host, int default_port);
/* A text that is no address, as "host:port": NULL, or what is wrong ("invalid port").
 * *port stays what it is if there is none. */
const char *wr_upstream_split(wr_str_t text, wr_str_t *host, int *port);
/* A group of one address that was resolved at run time, in a request's pool. */
wr_upstream_t *wr_upstream_of_addrs(wr_pool_t *pool, const wr_addr_t *addrs, unsigned n,
                                    wr_str_t name);
/* The group whose block is being read. */
wr_upstream_t *wr_conf_upstream(wr_conf_t *cf);
/* The directive of a balancer stands in it: `conf` is kept as balancer_conf. */
void wr_upstream_balance(wr_conf_t *cf, const wr_balancer_t *b, void *conf);
/* The resolver and the timeout that http{} has: set by the http layer. */
extern wr_resolver_t *(*wr_upstream_resolver)(wr_scope_t *http, wr_msec_t *timeout);

extern wr_module_t wr_upstream_module;

/* ---- picking ---- */

/* While a worker has just begun, the addresses of a group may not be known: true if
 * so; w->op then completes when they are, or cannot be found. */
typedef struct wr_upstream_wait {
    wr_op_t    op;
    wr_queue_t link;
} wr_upstream_wait_t;
bool wr_upstream_wait(wr_upstream_t *g, wr_upstream_wait_t *w);

void wr_pick_init(wr_pick_t *p, wr_upstream_t *group, wr_req_t *r, wr_pool_t *pool,
                  wr_log_t *log);
/* The next peer to try: p->peer. NULL: none is left (all down or tried). */
wr_peer_t *wr_pick_next(wr_pick_t *p);
/* The peer has answered (ok) or failed; failures count towards max_fails. */
void wr_pick_done(wr_pick_t *p, bool failed);
/* It was not asked after all (a kept connection had gone): as if never picked. */
void wr_pick_undo(wr_pick_t *p);
/* For balancers: whether this peer may be used now. */
bool wr_peer_usable(const wr_pick_t *p, const wr_peer_t *peer);
/* For balancers: a step of smooth round robin. The peer gains its weight; true if
 * it then has more than `best` (or that is NULL). Who is best at the end pays what
 * all have gained: *total. */
bool wr_peer_gain(wr_peer_t *peer, const wr_peer_t *best, int64_t *total);

/* ---- connections ---- */

/* A connection to a peer; embedded wr_conn_t. Memory by malloc. */
struct wr_uconn {
    wr_conn_t  conn;
    wr_queue_t link;                /* in group->idle */
    wr_peer_t *peer;                /* for a pooled one: compares by address */
    wr_upstream_t *group;
    wr_addr_t  addr;
    wr_str_t   tls_name;            /* what the pool must match besides; malloc */
    uint64_t   key;                 /* of TLS settings and such */
    int64_t    requests;
    wr_msec_t  born;
    bool       reused;              /* came from the pool */
    void      *user;                /* who uses it now */
};

/* An idle connection to this peer, taken out of the pool; NULL: none. */
wr_uconn_t *wr_uconn_take(wr_peer_t *peer, uint64_t key);
/* A new one; not yet connected. */
wr_uconn_t *wr_uconn_new(wr_peer_t *peer, uint64_t key);
/* Back into the pool, or closed if it must not or need not be kept. */
void wr_uconn_keep(wr_uconn_t *c);
void wr_uconn_close(wr_uconn_t *c);
/* Closes what the group keeps: at the worker's end. */
void wr_upstream_drop_idle(wr_upstream_t *g);

#endif
