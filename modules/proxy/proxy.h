/*
 * proxy: between its files.
 */
#ifndef PROXY_H
#define PROXY_H

#include <weir/http/core_conf.h>
#include <weir/http/exchange.h>
#include <weir/http/upstream_state.h>

enum {                      /* proxy_next_upstream */
    NEXT_ERROR = 1, NEXT_TIMEOUT = 2, NEXT_INVALID = 4, NEXT_500 = 8, NEXT_502 = 16,
    NEXT_503 = 32, NEXT_504 = 64, NEXT_403 = 128, NEXT_404 = 256, NEXT_429 = 512,
    NEXT_NON_IDEMPOTENT = 1024, NEXT_OFF = 2048, NEXT_DENIED = 4096, NEXT_UPDATING = 8192
};

enum {                      /* proxy_ignore_headers */
    IGNORE_REDIRECT = 1, IGNORE_EXPIRES = 2, IGNORE_LIMIT_RATE = 4, IGNORE_BUFFERING = 8,
    IGNORE_CHARSET = 16, IGNORE_X_EXPIRES = 32, IGNORE_CACHE_CONTROL = 64,
    IGNORE_SET_COOKIE = 128, IGNORE_VARY = 256
};

enum { PROXY_STORE_OFF, PROXY_STORE_URI, PROXY_STORE_PATH };   /* proxy_store */

typedef struct proxy_rewrite {
    wr_cv_t     from, to;
    wr_regex_t *regex;      /* of from, or NULL */
} proxy_rewrite_t;

typedef struct proxy_flags {
    wr_cv_t     cookie;
    wr_regex_t *regex;
    wr_array_t  flags;      /* wr_cv_t */
} proxy_flags_t;

/* Where to: from proxy_pass. */
typedef struct proxy_target {
    wr_upstream_t *group;   /* NULL: url has variables */
    bool           tls;
    wr_str_t       scheme;  /* "http://" */
    wr_str_t       host;    /* as written, with port; or "unix:/path" */
    wr_str_t       name;    /* $proxy_host and the Host field: host, or "localhost" */
    wr_str_t       port;    /* $proxy_port */
    wr_str_t       uri;     /* behind the host */
    bool           has_uri;
    wr_str_t       location;/* its name: the part that uri replaces */
    wr_cv_t        url;
    proxy_rewrite_t redirect;   /* what proxy_redirect default does; from empty: nothing */
} proxy_target_t;

typedef struct proxy_conf {
    proxy_target_t *target;
    wr_array_t   set_headers;       /* wr_pair_t */
    wr_cv_t      set_body, method;
    bool         pass_headers, pass_body;
    int          http_version;      /* 10 or 11 */
    bool         buffering, request_buffering;
    size_t       buffer_size;
    wr_bufs_t    buffers;
    size_t       busy_size;         /* 0: not said */
    int64_t      max_temp_file_size;
    size_t       temp_file_write_size;  /* 0: not said */
    wr_str_t     temp_path;
    wr_msec_t    connect_timeout, send_timeout, read_timeout;
    size_t       send_lowat;
    unsigned     next;
    wr_msec_t    next_timeout;
    int64_t      next_tries;
    bool         ignore_abort, intercept_errors, socket_keepalive, force_ranges;
    wr_array_t   pass_header, hide_header;  /* wr_str_t */
    unsigned     ignore_headers;
    bool         redirect_default;  /* none was said */
    wr_array_t   redirects;         /* proxy_rewrite_t */
    wr_array_t   cookie_domains, cookie_paths;
    wr_array_t   cookie_flags;      /* proxy_flags_t */
    wr_cv_t      bind;
    bool         bind_transparent;
    wr_cv_t      limit_rate;
    int          store;             /* PROXY_STORE_… */
    wr_cv_t      store_path;
    int          store_access;      /* mode of its files */
    int64_t      hash_size, hash_bucket;
    /* proxy_ssl_… */
    unsigned     ssl_protocols;
    wr_str_t     ssl_ciphers, ssl_trusted, ssl_crl;
    wr_cv_t      ssl_name, ssl_certificate, ssl_key;
    bool         ssl_server_name, ssl_verify, ssl_reuse;
    int64_t      ssl_depth;
    wr_array_t   ssl_commands, ssl_passwords;   /* wr_str_t */
    wr_tls_cache_t *ssl_cache;      /* NULL: none */
    struct wr_file_log *ssl_key_log;    /* NULL: none */
    wr_tls_client_t *client;        /* made of these; NULL: no https here */
    struct {                        /* without effect: nothing is cached */
        bool      background_update, convert_head, lock, revalidate;
        wr_msec_t lock_age, lock_timeout;
        int64_t   max_range_offset, min_uses;
        unsigned  methods, use_stale;
        wr_cv_t   key;
    } cache;
} proxy_conf_t;

/* One request's way through. In its frame. */
typedef struct proxy {
    wr_req_t           *r;
    const proxy_conf_t *conf;
    const proxy_target_t *target;
    proxy_target_t      own;        /* of a url with variables */
    wr_upstream_t      *group;
    wr_str_t            name;       /* to be resolved, if group is NULL */
    int                 port;
    wr_resolve_t        resolve;
    wr_upstream_wait_t  known;      /* the group's addresses are */
    wr_pick_t           pick;
    wr_exchange_t       x;
    wr_str_t            head;       /* of the request, once made */
    wr_str_t            uri;        /* asked for: in the log */
    wr_seg_t           *body;       /* of the request, kept for repeating */
    bool                body_streamed, internal_chunked;
    wr_addr_t           local;      /* of proxy_bind */
    bool                bound;      /* local is one */
    bool                asks_close; /* its Connection says so, or its version */
    bool                asks_head;  /* its method is HEAD: the answer has no body */
    bool                body_lost;  /* a streamed body cannot be sent again */
    wr_msec_t           started;
    wr_ustate_t        *state;
    bool                buffered;
    struct tunnel      *way;        /* of an upgraded connection */
    uint64_t            tunnel_sent, tunnel_received;
    bool                cleanup;
    /* the body on its way to the client */
    struct piece       *free;
    struct piece       *all;
    size_t              in_memory, allowed;
    wr_op_t             either;     /* peer or client: whoever is ready first */
    wr_file_t          *temp;
    int64_t             temp_sent;
    bool                eof;
    struct proxy_store *store;      /* the file that it becomes; NULL: none */
    int64_t             rate;       /* bytes per second from the peer; 0: as they come */
    int64_t             rate_from;  /* Unix time */
    wr_msec_t           pause;      /* until more may be read; 0: none */
    wr_sleep_t          sleep;
} proxy_t;

/* proxy_target.c: the group, or (p->group NULL) the name that proxy_resolve looks up
 * before it goes on with proxy_begin. */
wr_rc_t proxy_make_target(wr_req_t *r, proxy_t *p);
wr_rc_t proxy_resolve(wr_req_t *r, proxy_t *p);

/* proxy_request.c */
wr_rc_t proxy_make_request(wr_req_t *r, proxy_t *p);
wr_seg_t *proxy_frame_body(wr_req_t *r, const proxy_t *p, wr_seg_t *segs, bool last);

/* proxy_response.c: copies the head. WR_OK: send it; WR_DONE: settled otherwise
 * (X-Accel-Redirect, intercepted). */
wr_rc_t proxy_copy_head(wr_req_t *r, proxy_t *p);

/* proxy_rewrite.c */
wr_str_t proxy_rewrite_location(wr_req_t *r, const proxy_conf_t *conf, wr_str_t value);
wr_str_t proxy_rewrite_refresh(wr_req_t *r, const proxy_conf_t *conf, wr_str_t value);
wr_str_t proxy_rewrite_cookie(wr_req_t *r, const proxy_conf_t *conf, wr_str_t value);

/* proxy_body.c */
wr_rc_t proxy_pump(wr_req_t *r, void *state);
wr_rc_t proxy_tunnel(wr_req_t *r, proxy_t *p);

/* proxy_store.c: each does nothing where nothing is stored. */
void proxy_store_begin(wr_req_t *r, proxy_t *p);
void proxy_store_add(wr_req_t *r, proxy_t *p, const char *bytes, size_t n);
void proxy_store_end(wr_req_t *r, proxy_t *p);
void proxy_store_drop(proxy_t *p);

/* proxy.c */
wr_rc_t proxy_begin(wr_req_t *r, proxy_t *p);
void proxy_close(proxy_t *p);
void proxy_count(proxy_t *p);
extern const wr_middleware_t proxy_handler;

/* proxy_conf.c */
extern const wr_directive_t proxy_directives[];
wr_rc_t proxy_check(wr_conf_t *cf, wr_scope_t *scope, void *conf, const void *outer);
/* proxy_ssl.c: the settings of TLS, and their use by one request. */
wr_rc_t proxy_make_client(wr_conf_t *cf, const wr_tok_t *at, proxy_conf_t *conf);
wr_rc_t proxy_use_tls(wr_req_t *r, proxy_t *p);
wr_rc_t proxy_set_key_log(wr_conf_t *cf, const wr_directive_t *d, void *conf);
extern const wr_enum_t proxy_ssl_protocol_words[];
/* "http://host:port/uri"; false: not such a thing. */
bool proxy_parse_url(wr_str_t url, proxy_target_t *t);

#endif
