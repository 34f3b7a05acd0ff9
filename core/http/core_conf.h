/*
 * The settings of HTTP itself: nginx's core module.
 */
#ifndef WEIR_HTTP_CORE_CONF_H
#define WEIR_HTTP_CORE_CONF_H

#include <weir/http/server.h>
#include <weir/net/resolver.h>

typedef struct wr_http_core {
    /* files */
    wr_cv_t     root;                   /* absolute; root or alias */
    bool        is_alias;
    size_t      alias_cut;              /* bytes of the location's name it replaces */
    wr_map_t   *types;                  /* extension (lower case) → wr_str_t * */
    wr_str_t    default_type;
    int64_t     types_hash_max_size, types_hash_bucket_size;
    bool        sendfile;
    size_t      sendfile_max_chunk;
    int         aio;
    size_t      directio;
    int64_t     directio_alignment;
    wr_bufs_t   output_buffers;
    bool        tcp_nopush, tcp_nodelay;
    bool        etag;
    int         if_modified_since;      /* 0 off, 1 exact, 2 before */
    int64_t     max_ranges;             /* -1: no limit */
    int         disable_symlinks;       /* 0 off, 1 on, 2 if_not_owner */
    wr_cv_t     disable_symlinks_from;
    size_t      read_ahead;
    bool        log_not_found;
    bool        log_subrequest;
    bool        internal;
    int         satisfy;                /* 0 all, 1 any */

    /* the client's request */
    size_t      client_header_buffer_size;
    wr_bufs_t   large_client_header_buffers;
    wr_msec_t   client_header_timeout;
    wr_msec_t   client_body_timeout;
    size_t      client_body_buffer_size;
    int64_t     client_max_body_size;   /* 0: no limit */
    wr_str_t    client_body_temp_path;
    int         client_body_in_file_only;   /* 0 off, 1 on, 2 clean */
    bool        client_body_in_single_buffer;
    bool        ignore_invalid_headers;
    bool        underscores_in_headers;
    bool        merge_slashes;
    int64_t     max_headers;

    /* connections */
    wr_msec_t   keepalive_timeout;      /* 0: off */
    int64_t     keepalive_header;       /* seconds; 0: no header */
    int64_t     keepalive_requests;
    wr_msec_t   keepalive_time;
    unsigned    keepalive_disable;
    wr_msec_t   keepalive_min_timeout;
    wr_msec_t   send_timeout;
    size_t      send_lowat;
    size_t      postpone_output;
    int         lingering_close;        /* 0 off, 1 on, 2 always */
    wr_msec_t   lingering_time;
    wr_msec_t   lingering_timeout;
    bool        reset_timedout_connection;
    wr_cv_t     limit_rate;
    wr_cv_t     limit_rate_after;

    /* answers */
    int         server_tokens;          /* 0 off, 1 on, 2 build */
    bool        absolute_redirect;
    bool        port_in_redirect;
    bool        server_name_in_redirect;
    bool        msie_padding, msie_refresh;
    bool        chunked_transfer_encoding;
    bool        recursive_error_pages;
    wr_array_t  error_pages;            /* wr_error_page_t */
    int64_t     subrequest_output_buffer_size;
    wr_resolver_t *resolver;            /* NULL: none */
    wr_msec_t   resolver_timeout;
    wr_log_target_t *error_log;         /* NULL: the cycle's */

    /* open_file_cache */
    int64_t     file_cache_max;         /* 0: off */
    int64_t     file_cache_inactive;
    int64_t     file_cache_valid;
    int64_t     file_cache_min_uses;
    bool        file_cache_errors;
    bool        file_cache_events;
    unsigned    file_cache;             /* which open_file_cache of the conf; 0: none */

    /* accepted, without effect */
    int64_t     server_names_hash_max_size, server_names_hash_bucket_size;
    int64_t     variables_hash_max_size, variables_hash_bucket_size;
    size_t      connection_pool_size, request_pool_size;
    bool        aio_write;
} wr_http_core_t;

typedef struct wr_error_page {
    uint16_t status;            /* of which it speaks */
    int      overwrite;         /* -1: the code stays; 0 ("="): as the page; else this */
    wr_cv_t  target;            /* "/50x.html", "@name", "https://…" */
    wr_str_t args;
} wr_error_page_t;

extern wr_module_t wr_http_core_module;

static inline const wr_http_core_t *
wr_http_core(const wr_req_t *r)
{
    return r->conf[wr_http_core_module.schema.index];
}

#endif
