/*
 * HTTP/2: between its files.
 *
 * h2_t lives as long as the connection, h2_stream_t in its request's pool. The
 * frames are nghttp2's. Entries from the loop are framed by h2_enter and h2_leave:
 * streams that end meanwhile are freed by leave, so that nothing goes under a
 * function that still uses it. Output is gathered and leaves once in a turn.
 */
#ifndef H2_H
#define H2_H

#include <nghttp2/nghttp2.h>
#include <weir/http/core_conf.h>
#include <weir/http/h1.h>

typedef struct h2_conf {
    bool      on;
    int64_t   max_streams;
    size_t    chunk_size;
    size_t    preread_size;
    size_t    recv_buffer_size;
} h2_conf_t;

typedef struct h2        h2_t;
typedef struct h2_stream h2_stream_t;

struct h2 {
    wr_conn_t            conn;
    wr_client_t          client;
    const wr_endpoint_t *endpoint;
    const h2_conf_t     *conf;
    nghttp2_session     *session;
    wr_post_t            flush;
    wr_timer_t           retire;        /* between the notice and the last GOAWAY */
    wr_queue_t           streams;       /* h2_stream_t */
    unsigned             n_streams;     /* of them; with those that only end */
    unsigned             busy;          /* entries on the C stack */
    bool                 inside;        /* nghttp2 is on it */
    bool                 dead;          /* closed: freed by the last leave */
    bool                 lingering;     /* shut down for writing */
    bool                 blocked;       /* the kernel takes no more */
    bool                 draining;      /* streams are told of room */
    bool                 ending;        /* no new streams: GOAWAY was sent */
    unsigned             n_resets;      /* streams whose `reset` is to be sent */
    uint64_t             requests;
    wr_msec_t            born;
    char                *rest;          /* written by nghttp2, not yet sent: malloc */
    size_t               rest_at, rest_n;
    wr_addr_t            peer;
};

struct h2_stream {
    wr_queue_t   link;
    h2_t        *h2;
    wr_req_t    *r;
    int32_t      id;
    wr_timer_t   timer;
    /* the request */
    wr_str_t     path, authority, scheme;
    size_t       head_size;
    unsigned     nheaders;
    unsigned     reject;        /* status: the head is not acceptable */
    bool         head_done, started;
    bool         in_done;       /* END_STREAM came */
    bool         want_body, body_ended;
    bool         window_open;   /* the body is read: more than the preread is let in */
    wr_buf_t     held;          /* body bytes nobody has asked for yet: malloc */
    size_t       held_at;
    /* the answer */
    wr_seg_t    *out;
    wr_seg_t   **out_tail;
    size_t       out_size;
    bool         out_last;      /* the end of the body is in out */
    bool         deferred;      /* nghttp2 waits for more */
    bool         delayed;       /* limit_rate */
    bool         head_out;      /* HEADERS were submitted */
    bool         finishing;     /* the request layer is done with it */
    bool         closed;        /* nghttp2 has closed it */
    uint32_t     reset;         /* to be reset so, once what is ready has left */
    bool         ended;         /* END_STREAM was sent */
};

/* h2.c */
void h2_enter(h2_t *h2);
void h2_leave(h2_t *h2);
void h2_close(h2_t *h2);
void h2_flush(h2_t *h2);        /* as much as the kernel takes */
void h2_flush_later(h2_t *h2);
void h2_stream_gone(h2_stream_t *s);    /* closed by nghttp2 */
extern const wr_front_t h2_front;

/* memory.c */
nghttp2_mem *h2_memory(void);

/* h2_in.c */
int  h2_on_begin_headers(nghttp2_session *n, const nghttp2_frame *f, void *data);
int  h2_on_header(nghttp2_session *n, const nghttp2_frame *f, const uint8_t *name,
                  size_t name_n, const uint8_t *value, size_t value_n, uint8_t flags,
                  void *data);
int  h2_on_bad_header(nghttp2_session *n, const nghttp2_frame *f, const uint8_t *name,
                      size_t name_n, const uint8_t *value, size_t value_n, uint8_t flags,
                      void *data);
int  h2_on_frame_begin(nghttp2_session *n, const nghttp2_frame_hd *hd, void *data);
int  h2_on_frame(nghttp2_session *n, const nghttp2_frame *f, void *data);
int  h2_on_data(nghttp2_session *n, uint8_t flags, int32_t id, const uint8_t *p,
                size_t size, void *data);
void h2_read_body(wr_req_t *r);
void h2_drop_held(h2_stream_t *s);

/* h2_out.c */
wr_rc_t h2_send_head(wr_req_t *r);
wr_rc_t h2_send_body(wr_req_t *r, wr_seg_t *segs);
size_t  h2_pending(const wr_req_t *r);
void    h2_send_continue(wr_req_t *r);
void    h2_drop_out(h2_stream_t *s);
void    h2_go_on(h2_stream_t *s);       /* limit_rate: its time has come */
int     h2_write_data(nghttp2_session *n, nghttp2_frame *f, const uint8_t *head,
                      size_t size, nghttp2_data_source *source, void *data);
ssize_t h2_data_size(nghttp2_session *n, uint8_t type, int32_t id, int32_t session_window,
                     int32_t stream_window, uint32_t max_frame, void *data);
/* Where frames are put: how much room there is now; n must fit. */
size_t  h2_room(void);
void    h2_put(const void *p, size_t n);

#endif
