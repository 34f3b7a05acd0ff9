/*
 * What happened on the way to other servers: one record per peer tried, for the
 * $upstream_* variables and the log.
 */
#ifndef WEIR_HTTP_UPSTREAM_STATE_H
#define WEIR_HTTP_UPSTREAM_STATE_H

#include <weir/http/request.h>

typedef struct wr_ustate {
    wr_str_t  peer;             /* empty: a separator between internal redirects */
    uint16_t  status;           /* 0: no answer */
    wr_msec_t started;
    wr_msec_t connect_time;     /* -1: not reached */
    wr_msec_t header_time;
    wr_msec_t response_time;
    int64_t   response_length;  /* body */
    uint64_t  bytes_received;
    uint64_t  bytes_sent;
    bool      separator;
} wr_ustate_t;

typedef struct wr_ustates {
    wr_array_t    list;         /* wr_ustate_t */
    wr_headers_t *headers;      /* of the last answer */
    const wr_buf_t *trailer;    /* its trailer section, as it came so far */
    wr_str_t      cache_status;
    wr_str_t      proxy_host, proxy_port;
    wr_str_t      host;         /* "http://": in front of the peer in the log … */
    wr_str_t      uri;          /* … and what stands behind it */
} wr_ustates_t;

/* r->upstream, made when first asked for. */
wr_ustates_t *wr_ustates(wr_req_t *r);
/* A record for a further peer. */
wr_ustate_t  *wr_ustate_new(wr_req_t *r, wr_str_t peer);
/* The newest, or NULL. */
wr_ustate_t  *wr_ustate_last(wr_req_t *r);

/* $upstream_addr, _status, _response_time …: in the table of variables. */
extern const wr_var_row_t wr_upstream_variables[];
extern wr_module_t wr_upstream_state_module;

#endif
