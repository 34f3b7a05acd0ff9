/*
 * HTTP/1.x: between the files of the front.
 *
 * wr_h1_t lives as long as the connection and is small, for idle ones; what a
 * request needs is in wr_h1_req_t, in the request's pool. `busy` counts entries
 * from the loop that are on the C stack: a connection that ends meanwhile is freed
 * by the last of them.
 */
#ifndef WEIR_HTTP_H1_PRIV_H
#define WEIR_HTTP_H1_PRIV_H

#include <weir/http/clients.h>
#include <weir/http/core_conf.h>
#include <weir/http/h1.h>

enum {
    H1_PROXY,       /* the PROXY protocol's header comes first */
    H1_FIRST,       /* a TLS port: waits for the first byte */
    H1_TLS,         /* the handshake is under way */
    H1_HEAD,        /* waits for, or reads, a request's head */
    H1_RUN,         /* a request runs */
    H1_DRAIN,       /* the answer is out, the rest of the body is being dropped */
    H1_LINGER,      /* shut down for writing: drops what comes, then closes */
    H1_TUNNEL,      /* taken over by a proxy */
    H1_DEAD         /* closed; freed when nobody is busy */
};

typedef struct wr_h1_req wr_h1_req_t;

typedef struct wr_h1 {
    wr_conn_t            conn;
    wr_client_t          client;
    const wr_endpoint_t *endpoint;
    wr_req_t            *req;
    wr_h1_req_t         *hr;        /* of req */
    char                *buf;       /* NULL while idle */
    uint32_t             cap, pos, end;
    uint8_t              state;
    uint8_t              busy;
    bool                 again;     /* the next request may begin */
    bool             pipelined;     /* bytes were there when the last request ended */
    bool                 idle;      /* between requests, nothing read yet */
    uint32_t             requests;
    wr_msec_t            born;
    wr_msec_t            keepalive;     /* of the last request's location */
    wr_msec_t            linger_until;
    uint32_t             linger_step;
    wr_seg_t            *out;       /* not yet with the kernel */
    wr_seg_t           **out_tail;
    size_t               out_size;
    struct {
        socklen_t len;
        union {
            struct sockaddr     sa;
            struct sockaddr_in  in4;
            struct sockaddr_in6 in6;
        } u;
    } peer;
} wr_h1_t;

enum { CHUNK_SIZE, CHUNK_EXT, CHUNK_SIZE_LF, CHUNK_DATA, CHUNK_CR, CHUNK_LF,
       CHUNK_TRAILER, CHUNK_END };

struct wr_h1_req {
    uint32_t   scan;            /* where to look for the end of the line */
    bool       have_line;       /* the request line was parsed */
    unsigned   large;           /* large buffers in use */
    unsigned   nheaders;
    wr_str_t   host_in_uri;     /* of an absolute URI */
    bool       te;              /* Transfer-Encoding was there */
    /* body framing */
    int64_t    left;            /* of the body or of the chunk */
    uint8_t    chunk;
    uint8_t    digits;
    uint32_t   trailer_size;
    wr_buf_t   trailer;
    bool       body_done;
    bool       body_broken;
    bool       want_body;       /* somebody reads it */
    bool       continue_sent;
    /* output */
    bool       chunked_out;
    bool       finishing;       /* the request layer is done with it */
    bool       delayed;         /* limit_rate: waits for the timer */
    bool       yielded;         /* sent its share: goes on next turn */
    bool       blocked;         /* the kernel takes no more */
    wr_post_t  go_on;
    wr_h1_t   *h;
};

extern const wr_front_t wr_h1_front;

static inline const char *
wr_h1_reads_line(const wr_req_t *r)
{
    return r->pipelined ? "while reading client pipelined request line"
                        : "while reading client request line";
}

/* h1.c */
void wr_h1_close(wr_h1_t *h);
void wr_h1_enter(wr_h1_t *h);           /* busy++ */
void wr_h1_leave(wr_h1_t *h);           /* runs what is pending; frees if dead */
void wr_h1_maybe_done(wr_h1_t *h);      /* the request may be finished now */
void wr_h1_linger(wr_h1_t *h);          /* drops what comes; may close */
/* Bytes that were read too far: they become the connection's buffer. */
void wr_h1_keep(wr_h1_t *h, const char *p, size_t n);
void wr_h1_abort(wr_h1_t *h, unsigned log_status);

/* What there is to read; false: nothing, or the connection has ended. */
bool wr_h1_fill(wr_h1_t *h);
/* What was read, by itself. False: another protocol has taken the connection. */
bool wr_h1_use_bytes(wr_h1_t *h);
void wr_h1_read_head(wr_h1_t *h);       /* both, as long as there is something */
void wr_h1_drop_buffer(wr_h1_t *h);

/* h1_begin.c: in the states before H1_HEAD: the socket is ready. */
void wr_h1_begin(wr_h1_t *h);
/* Whether what was read is the preface of HTTP/2. WR_OK: HTTP/2 has the connection now;
 * WR_AGAIN: it may become one; WR_DECLINED. */
wr_rc_t wr_h1_test_http2(wr_h1_t *h);

/* h1_parse.c: WR_AGAIN: more bytes are needed; WR_OK: the head is complete;
 * WR_DONE: the request was rejected and has been started as such. */
wr_rc_t wr_h1_parse(wr_h1_t *h);

/* h1_out.c */
wr_rc_t wr_h1_send_head(wr_req_t *r);
wr_rc_t wr_h1_send_body(wr_req_t *r, wr_seg_t *segs);
size_t  wr_h1_pending(const wr_req_t *r);
void    wr_h1_send_continue(wr_req_t *r);
wr_rc_t wr_h1_write(wr_h1_t *h);        /* WR_OK: all is out */
void    wr_h1_drop_out(wr_h1_t *h);

/* h1_body.c */
void wr_h1_read_body(wr_req_t *r);
void wr_h1_body_ready(wr_h1_t *h);      /* the socket is readable */
void wr_h1_end_if_left(wr_h1_t *h);     /* the client, and what does not go on then */
/* Drops what is there of the body. WR_OK: it is complete; WR_AGAIN; WR_ERROR: it
 * cannot be kept alive. */
wr_rc_t wr_h1_drop_body(wr_h1_t *h);

#endif
