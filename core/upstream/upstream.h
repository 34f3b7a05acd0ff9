/*
 * Upstreams: groups of peers, which of them is asked next, and connections to
 * them that are kept for reuse.
 *
 * A group comes from an `upstream` block, or is made silently for the host of a
 * proxy_pass or fetch. Its run-time state belongs to the worker. Balancers other
 * than round robin are modules: they set `balancer` of the group they stand in.
 */
#ifndef WEIR_UPSTREAM_UPSTREAM_H
#define WEIR_UPSTREAM_UPSTREAM_H

#include <weir/module/module.h>
#include <weir/net/conn.h>

typedef struct wr_upstream wr_upstream_t;
typedef struct wr_peer     wr_peer_t;
typedef struct wr_uconn    wr_uconn_t;
typedef struct wr_pick     wr_pick_t;

/* `server ADDRESS …;`: one or several peers. */
struct wr_peer {
    wr_upstream_t *group;
    wr_addr_t      addr;
    wr_str_t       name;            /* "127.0.0.1:8080", as in $upstream_addr */
    wr_str_t       server;          /* as written in the conf */
    int64_t        weight;
    int64_t        max_fails;       /* 0: never taken out */
    wr_msec_t      fail_timeout;
    int64_t        max_conns;       /* 0: no limit */
    wr_msec_t      slow_start;
    bool           down, backup;
    unsigned       index;           /* in its group */
    /* state */
    int64_t        effective;       /* weight, lowered by failures */
    int64_t        current;
    int64_t        fails;
    wr_msec_t      accessed;        /* of the last failure */
    wr_msec_t      checked;
    int64_t        conns;           /* in use */
    void          *data;            /* the balancer's */
};

/* One request's way through a group. */
struct wr_pick {
    wr_upstream_t *group;
    wr_req_t      *r;               /* for balancers that look at it */
    wr_log_t      *log;
    wr_peer_t     *peer;            /* the one picked */
    uint64_t      *tried;           /* bitmap by index */
    unsigned       tries;           /* left */
    bool           backups;         /* the others have all failed */
    void          *data;            /* the balancer's */
};

typedef struct wr_balancer {
    const char *name;
    /* When the conf has been read: prepare group->balancer_data. */
    wr_rc_t   (*init)(wr_conf_t *cf, wr_upstream_t *group);
    /* The next peer, or NULL to fall back to round robin. */
    wr_peer_t *(*pick)(wr_pick_t *p);
} wr_balancer_t;

struct wr_upstream {
    wr_str_t       name;
    wr_tok_t       at;              /* where it was written */
    bool           implicit;        /* made for a proxy_pass */
    wr_array_t     servers;         /* wr_peer_t, before names are resolved */
    wr_peer_t     *peers;           /* n_peers, the first n_primary not backups */
    unsigned       n_peers, n_primary;
    int64_t        total_weight;
    bool           weighted;
    int            default_port;    /* of an implicit one */
    const wr_balancer_t *balancer;  /* NULL: round robin */
    void          *balancer_conf;
    void          *balancer_data;
    /* keepalive */
    int64_t        keepalive;       /* idle connections per worker; 0: none */
    bool           keepalive_given;
    int64_t        keepalive_requests;
    wr_msec_t      keepalive_timeout;
    wr_msec_t      keepalive_time;
    wr_queue_t     idle;            /* wr_uconn_t, newest first */
    int64_t        n_idle;
    wr_scope_t    *scope;
};

/* ---- conf time ---- */

/* The group of this name ("backend", "127.0.0.1:8080", "unix:/x", "example.com");
 * made silently if it is none yet, and checked when all is read: an unknown name
 * is resolved then, and an error if it cannot be. */
wr_upstream_t *wr_upstream_use(wr_conf_t *cf, const wr_tok_t *at, wr_str_t host,
                               int default_port);
/* An `upstream` block of this name, or NULL; at run time too (proxy_pass with
 * variables). */
wr_upstream_t *wr_upstream_find(wr_str_t name);
/* A group of one address that was resolved at run time, in a request's pool. */
wr_upstream_t *wr_upstream_of_addrs(wr_pool_t *pool, const wr_addr_t *addrs, unsigned n,
                                    wr_str_t name);
/* The group whose block is being read. */
wr_upstream_t *wr_conf_upstream(wr_conf_t *cf);

extern wr_module_t wr_upstream_module;

/* ---- picking ---- */

void wr_pick_init(wr_pick_t *p, wr_upstream_t *group, wr_req_t *r, wr_pool_t *pool,
                  wr_log_t *log);
/* The next peer to try: p->peer. NULL: none is left (all down or tried). */
wr_peer_t *wr_pick_next(wr_pick_t *p);
/* The peer has answered (ok) or failed; failures count towards max_fails. */
void wr_pick_done(wr_pick_t *p, bool failed);
/* For balancers: whether this peer may be used now. */
bool wr_peer_usable(const wr_pick_t *p, const wr_peer_t *peer);

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
