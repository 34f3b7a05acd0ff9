/*
 * wr_exchange_t: one request sent to another server and its answer, HTTP/1.1 over
 * a wr_uconn_t. For proxies and fetches; knows neither peers nor retries.
 *
 * Every call returns at once; `op` completes when what was asked for has happened.
 * One thing is asked for at a time. rc: WR_OK; WR_TIMEOUT; WR_CLOSED (the peer has
 * closed); WR_SYNTAX (not HTTP); WR_LIMIT (head too large); WR_ERROR (x->error is
 * an errno).
 */
#ifndef WEIR_HTTP_EXCHANGE_H
#define WEIR_HTTP_EXCHANGE_H

#include <weir/event/op.h>
#include <weir/http/headers.h>
#include <weir/http/out.h>
#include <weir/net/tls_client.h>
#include <weir/upstream/upstream.h>

typedef struct wr_exchange {
    wr_op_t      op;
    wr_uconn_t  *uc;            /* NULL: not connected */
    wr_pool_t   *pool;
    wr_log_t    *log;
    int          error;         /* errno of the last failure … */
    bool         said;          /* … which has been logged */
    bool         own_fault;     /* address, certificate or name were the matter, not the peer */
    uint8_t      state;
    /* TLS: set before connecting; NULL: plain */
    wr_tls_client_t *tls;
    wr_str_t     tls_name;
    bool         tls_sni;
    bool         so_keepalive;  /* TCP probes a silent peer */
    bool         transparent;   /* `local` may be any address: IP_TRANSPARENT */
    wr_msec_t    connect_timeout, send_timeout, read_timeout;
    /* what is still to be sent; the owner may append while it is not empty */
    wr_seg_t    *out;
    bool         out_complete;  /* nothing will be appended */
    bool         sent_any;      /* a byte has left: not safe to repeat */
    uint64_t     bytes_sent, bytes_received;
    /* the answer's head; buf NULL: made of `cap` bytes when the answer comes */
    char        *buf;
    size_t       cap, pos, end;
    size_t       head_size;     /* of the lines already taken */
    uint16_t     status;
    uint32_t     version;
    wr_str_t     status_line;   /* "200 OK" */
    wr_headers_t in;
    bool         have_status;
    bool         head_timed;    /* the time for the head runs */
    bool         head_request;  /* the answer has no body */
    unsigned     interims;
    /* its body */
    int64_t      length;        /* -1: chunked or until the end */
    int64_t      left;
    bool         chunked;
    bool         keepalive;     /* the connection can be used again */
    bool         last;          /* before sending: the request asks the peer to close */
    bool         upgrade;       /* 101 */
    bool         body_done;
    bool         until_close;
    uint8_t      chunk, digits;
    size_t       trailer_line;
    wr_buf_t     trailer;
    /* TLS: of this request alone (proxy_ssl_certificate with variables); NULL: none */
    const char  *tls_certificate, *tls_key;
    const wr_array_t *tls_passwords;
    wr_tls_cache_t *tls_cache;      /* of tls_certificate; NULL: none */
} wr_exchange_t;

void wr_exchange_init(wr_exchange_t *x, wr_pool_t *pool, wr_log_t *log);

/* Connects to the peer, TLS included; a pooled connection completes at once. `key`
 * tells apart connections that must not be mixed, besides by TLS. */
void wr_exchange_connect(wr_exchange_t *x, wr_peer_t *peer, const wr_addr_t *local,
                         uint64_t key);

/* Sends x->out and reads the answer's head; cap must be set. */
void wr_exchange_start(wr_exchange_t *x);

/* More was appended to x->out. */
void wr_exchange_more(wr_exchange_t *x);

/* Decoded body bytes into `to`. WR_OK: *n bytes (> 0); WR_DONE: the end;
 * WR_AGAIN: wait with wr_exchange_wait; negative: broken. */
wr_rc_t wr_exchange_read(wr_exchange_t *x, char *to, size_t room, size_t *n);
/* x->op completes when there may be more to read. */
void    wr_exchange_wait(wr_exchange_t *x);

/* "while reading upstream": for the owner's own log lines; NULL: nothing. */
const char *wr_exchange_doing(const wr_exchange_t *x);

/* The end: the connection goes back to the pool if it can be kept. */
void wr_exchange_end(wr_exchange_t *x);
/* The same, surely closing. */
void wr_exchange_close(wr_exchange_t *x);

#endif
