/*
 * Servers and locations: which of them a request belongs to.
 */
#ifndef WEIR_HTTP_SERVER_H
#define WEIR_HTTP_SERVER_H

#include <weir/base/map.h>
#include <weir/http/hook.h>
#include <weir/http/request.h>
#include <weir/process/cycle.h>
#include <weir/vars/regex.h>

typedef struct wr_locations wr_locations_t;
typedef struct wr_route_stats wr_route_stats_t;
typedef struct wr_http      wr_http_t;
typedef struct wr_route_set wr_route_set_t;

typedef enum wr_loc_kind {
    WR_LOC_PREFIX = 0, WR_LOC_EXACT, WR_LOC_NOREGEX, WR_LOC_REGEX, WR_LOC_NAMED,
    WR_LOC_ROUTE,       /* found by the route module */
    WR_LOC_INNER,       /* `if`, `limit_except`: never found by URI */
} wr_loc_kind_t;

struct wr_location {
    wr_str_t          name;         /* "/a/", the regex' text, "@name" */
    wr_loc_kind_t     kind;
    wr_regex_t       *regex;
    wr_scope_t       *scope;
    void            **conf;         /* by schema index; after settling */
    wr_server_t      *server;
    wr_location_t    *outer;        /* NULL: the server's own level */
    wr_locations_t   *inner;        /* nested ones; NULL: none */
    wr_array_t        list;         /* wr_location_t *: nested, in conf order */
    const wr_stage_t *stages;       /* from REWRITE on */
    const wr_filter_t *const *filters;  /* those that may act here; as wr_http.filters */
    const wr_middleware_t *handler; /* NULL: the CONTENT hooks answer */
    const void       *handler_conf;
    wr_location_t    *limit_except; /* the inner location for other methods */
    uint32_t          except_mask;  /* methods that keep to this one */
    bool              auto_redirect;/* "/a" for "/a/" answers 301 (proxy_pass) */
    void             *route;        /* the route module's */
    wr_route_stats_t *stats;        /* this process counts here; NULL: not yet */
    bool              declines;     /* the handler leaves some to the CONTENT hooks */
};

struct wr_server {
    wr_http_t        *http;
    wr_scope_t       *scope;
    void            **conf;
    wr_str_t          name;         /* the first server_name */
    wr_array_t        names;        /* wr_server_name_t */
    wr_array_t        list;         /* wr_location_t *: in conf order */
    wr_locations_t   *locations;
    wr_map_t          named;
    const wr_stage_t *post_read;    /* POST_READ, SERVER_REWRITE, FIND */
    const wr_stage_t *rewrite;      /* SERVER_REWRITE, FIND: internal redirects */
    const wr_stage_t *find;         /* FIND only: the URI was rewritten */
    wr_location_t    *base;         /* the server's own level as a location: what
                                       applies before FIND and without a match */
    bool              listens;
    bool              auto_redirects;   /* some location has auto_redirect */
    wr_str_t          file;         /* where it was written */
    uint32_t          line;
    /* The route module finds its routes here; NULL: none. */
    wr_location_t  *(*route_match)(wr_req_t *r, void *data);
    void             *routes;
    void             *ssl;          /* the TLS layer's context; NULL: no certificate */
};

typedef struct wr_server_name {
    wr_str_t    name;               /* lower case; regex: its pattern */
    wr_regex_t *regex;
} wr_server_name_t;

typedef struct wr_server_ref {
    wr_regex_t  *regex;
    wr_server_t *server;
} wr_server_ref_t;

/* One address that is listened on, and the servers behind it. */
typedef struct wr_endpoint {
    wr_addr_t     addr;
    wr_listen_t  *listen;
    wr_server_t  *default_server;
    wr_array_t    servers;          /* wr_server_t * */
    wr_map_t      exact;            /* name → wr_server_t * */
    wr_map_t      head;             /* *.example.com, under example.com */
    wr_map_t      tail;             /* www.example.*, under www.example */
    wr_array_t    regexes;          /* wr_server_ref_t, in conf order */
    bool          default_given;
    bool          ssl;
    bool          http2;
    bool          proxy_protocol;
    wr_listen_t   options;          /* as asked: copied to the socket's */
    bool          options_given;
    bool          many;             /* more than one name: Host must be looked at */
    wr_str_t      text;
} wr_endpoint_t;

/* What a listening socket's `data` is: its own endpoint and those of single
 * addresses that a wildcard socket serves as well. */
typedef struct wr_port {
    wr_endpoint_t *own;
    wr_array_t     others;          /* wr_endpoint_t * */
} wr_port_t;

/* The endpoint of an accepted connection. */
const wr_endpoint_t *wr_port_endpoint(const wr_port_t *port, int fd);

/* The http{} of a cycle. */
struct wr_http {
    wr_array_t   servers;           /* wr_server_t * */
    wr_array_t   endpoints;         /* wr_endpoint_t * */
    wr_array_t   locations;         /* wr_location_t *: all, of every kind */
    wr_array_t   asked;             /* addresses that servers asked for */
    wr_scope_t  *scope;
    const wr_filter_t *const *filters;  /* by rank, ended by NULL */
    void      (**log_hooks)(wr_req_t *r);       /* ended by NULL */
    unsigned     modules;           /* size of r->ctx */
    wr_vars_t   *vars;
    unsigned     file_caches;       /* how many open_file_cache there are */
    void        *app;               /* the application layer's; set when the conf has been read */
};

/* Whether this weir was built with TLS: set by the TLS layer. */
extern bool wr_http_has_tls;

static inline wr_http_t *
wr_http_of(const wr_cycle_t *cycle)
{
    return cycle->http;
}

/* Which server answers for this host on this endpoint. Regex names set captures
 * when `r` is given. */
wr_server_t *wr_server_find(const wr_endpoint_t *e, wr_str_t host, wr_req_t *r);
/* The same; NULL where no name fits, or where there is only one server. */
wr_server_t *wr_server_named(const wr_endpoint_t *e, wr_str_t host, wr_req_t *r);

/* Sets r->location and r->conf for r->uri. WR_OK, WR_DECLINED (none: the server's
 * base applies), WR_DONE (a redirect was answered). */
wr_rc_t wr_location_find(wr_req_t *r);
void    wr_req_enter(wr_req_t *r, wr_location_t *loc);

/* WR_GET for "GET"; WR_OTHER_METHOD for what is not known. */
uint32_t wr_method_bit(wr_str_t name);

/* Conf time: a location-like scope inside the current one; for `location`, `if`,
 * `limit_except`, `route`. The caller reads its block. */
wr_location_t *wr_location_new(wr_conf_t *cf, wr_loc_kind_t kind, wr_str_t name,
                               uint32_t extra_contexts);
/* The location or server whose block is being read. */
wr_location_t *wr_conf_location(wr_conf_t *cf);
wr_server_t   *wr_conf_server(wr_conf_t *cf);

#endif
