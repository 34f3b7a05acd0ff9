/*
 * Between the files that read and assemble http{}.
 */
#ifndef WEIR_HTTP_BLOCKS_PRIV_H
#define WEIR_HTTP_BLOCKS_PRIV_H

#include <weir/http/server.h>

/* One address that a server asked for. */
typedef struct wr_listen_ask {
    wr_server_t *server;
    wr_addr_t    addr;
    wr_listen_t  options;       /* backlog … reuseport */
    bool         options_given; /* any of them */
    bool         default_server;
    bool         ssl, http2, proxy_protocol;
    wr_tok_t     at;
} wr_listen_ask_t;

wr_rc_t wr_set_http(wr_conf_t *cf, const wr_directive_t *d, void *conf);
wr_rc_t wr_set_server(wr_conf_t *cf, const wr_directive_t *d, void *conf);
wr_rc_t wr_set_server_name(wr_conf_t *cf, const wr_directive_t *d, void *conf);
wr_rc_t wr_set_location(wr_conf_t *cf, const wr_directive_t *d, void *conf);
wr_rc_t wr_set_limit_except(wr_conf_t *cf, const wr_directive_t *d, void *conf);
wr_rc_t wr_set_types(wr_conf_t *cf, const wr_directive_t *d, void *conf);
wr_rc_t wr_set_listen(wr_conf_t *cf, const wr_directive_t *d, void *conf);

/* A server without `listen` listens on *:80, or *:8000 if we are not root. */
wr_rc_t wr_listen_default(wr_conf_t *cf, wr_server_t *server);

/* The addresses asked for become endpoints and listening sockets. */
wr_rc_t wr_endpoints_build(wr_conf_t *cf, wr_http_t *http) WR_MUST_CHECK;

/* Everything read becomes tables: pipelines, locations, endpoints. */
wr_rc_t wr_http_assemble(wr_conf_t *cf);

/* Lower case copy (or the text itself if it has no capitals). */
wr_str_t wr_name_lower(wr_pool_t *pool, wr_str_t s);
/* "a.b", "*.a", "a.*", ".a", "" */
bool     wr_name_is_valid(wr_str_t name);

#endif
