/*
 * HTTP/2: between its files. RFC 9113.
 *
 * h2_t lives as long as the connection, h2_stream_t in its request's pool. Entries
 * from the loop are framed by h2_enter and h2_leave: streams that end meanwhile are
 * freed by leave, so that nothing goes under a function that still uses it.
 *
 * What is to be sent waits where it is, small frames in `control` and answers with
 * their streams, and is framed when it leaves: once in a turn, all streams in one
 * write. Only the requests' heads come from a library: nghttp2 decodes HPACK.
 */
#ifndef H2_H
#define H2_H

#include <nghttp2/nghttp2.h>
#include <weir/http/core_conf.h>
#include <weir/http/h1.h>

#include "encode.h"
#include "frames.h"

typedef struct h2_conf {
    bool      on;
    int64_t   max_streams;
    size_t    chunk_size;
    size_t    preread_size;
    size_t    recv_buffer_size;
} h2_conf_t;

typedef struct h2        h2_t;
typedef struct h2_stream h2_stream_t;

/* Events of which a client may cause some in a row and so many in a second. */
typedef struct h2_bucket {
    uint32_t  level;            /* thousandths of an event */
    wr_msec_t since;
} h2_bucket_t;

enum { H2_RECENT = 64 };

struct h2 {
    wr_conn_t            conn;
    wr_client_t          client;
    const wr_endpoint_t *endpoint;
    const h2_conf_t     *conf;
    wr_addr_t            peer;
    wr_msec_t            born;
    uint64_t             requests;
    unsigned             busy;          /* entries on the C stack */
    bool                 dead;          /* closed: freed by the last leave */
    bool                 lingering;     /* shut down for writing */
    bool                 ending;        /* no new streams: the last GOAWAY was sent */
    bool                 peer_ends;     /* a GOAWAY came */
    bool                 noticed;       /* the notice was sent that none will follow */
    wr_timer_t           retire;        /* until the notice was read, or a request came */
    wr_msec_t            since, head_since; /* what conn.timer waits for began then */
    /* the first authority, and what it led to */
    wr_str_t             authority, host;
    wr_server_t         *server;
    /* what comes in */
    uint8_t              preface;       /* bytes of it so far */
    bool                 settled;       /* the client's SETTINGS came */
    bool                 acked;         /* it has taken ours */
    char                *stash;         /* the beginning of a frame: malloc */
    size_t               stash_n;
    nghttp2_hd_inflater *inflater;
    uint32_t             last_id;       /* the newest stream that the client began */
    uint32_t             head_id;       /* its head is not complete; 0: none */
    h2_stream_t         *head;          /* NULL: the head is decoded and dropped */
    bool                 head_ends;     /* with it the request */
    bool                 head_begun;    /* a field of it was taken */
    bool                 head_split;    /* the decoder has the beginning of one */
    unsigned             head_frames;
    size_t               head_size;     /* decoded so far */
    uint32_t             data_id;       /* a DATA frame is being read … */
    uint32_t             data_n, pad_n; /* … of which this is still to come */
    bool                 data_ends;
    h2_bucket_t          resets;        /* streams broken off or at fault */
    h2_bucket_t          idling;        /* frames that bring nothing forward */
    unsigned             acks;          /* queued and not yet with the kernel */
    /* streams */
    wr_queue_t           streams;       /* all: h2_stream_t.link */
    wr_queue_t           ready;         /* have something to send: .turn */
    wr_queue_t           stalled;       /* wait for the connection's window: .turn */
    wr_queue_t           over;          /* to be freed: .turn */
    h2_stream_t        **table;         /* by id: malloc */
    unsigned             table_n;       /* a power of 2 */
    unsigned             n_streams;     /* of them; with those that only end */
    unsigned             n_open;        /* of them: not closed */
    uint32_t             reset_ids[H2_RECENT];  /* by us, the client may still send */
    uint32_t             done_ids[H2_RECENT];   /* ended by both; - 1: by the client's reset */
    uint8_t              reset_at, done_at;
    /* what goes out */
    bool                 flushing;
    bool                 blocked;       /* the kernel takes no more */
    bool                 drained;       /* a stream that waits for it has sent all */
    bool                 draining;      /* streams are told of room */
    wr_post_t            flush;
    h2_encoder_t         encoder;
    int64_t              send_window, peer_window;  /* and of new streams */
    int64_t              recv_window, own_window;
    wr_buf_t             control;       /* frames of the connection: malloc */
    char                *rest;          /* framed, not yet sent: malloc */
    size_t               rest_at, rest_n;
};

struct h2_stream {
    wr_queue_t   link, turn;
    h2_stream_t *next;          /* in its slot of the table */
    h2_t        *h2;
    wr_req_t    *r;
    uint32_t     id;
    wr_timer_t   timer;         /* the body does not come, the answer does not go */
    /* the request */
    wr_str_t     path, authority, scheme;
    size_t       head_size;
    size_t       cookie_room;   /* for the value of Cookie, which comes in pieces */
    unsigned     nheaders;
    unsigned     reject;        /* status: the head is not acceptable … */
    wr_str_t     why;           /* … for "client sent " this: the first of them */
    const char  *malformed;     /* what is wrong with it; NULL: nothing */
    uint8_t      pseudo;        /* which ones came: bits */
    bool         fields;        /* others have begun */
    bool         head_done, started;
    bool         in_done;       /* END_STREAM came */
    bool         want_body;
    bool         window_open;   /* the body is read: more than the preread is let in */
    int64_t      recv_window, recv_limit, consumed;
    int64_t      received;      /* of the body, padding not counted */
    wr_buf_t     held;          /* body bytes nobody has asked for yet: malloc */
    size_t       held_at;
    /* the answer */
    int64_t      send_window;
    wr_seg_t    *out;
    wr_seg_t   **out_tail;
    size_t       out_size;
    bool         out_last;      /* the end of the body is in out */
    bool         delayed;       /* limit_rate */
    bool         queued;        /* in ready or stalled */
    bool         head_ready;    /* send_head was called */
    bool         head_out;      /* HEADERS have left */
    bool         finishing;     /* the request layer is done with it */
    bool         closed;        /* on the wire */
    bool         broken;        /* to be reset so, once what is ready has left */
    h2_error_t   error;
};

/* conn.c: the connection's life */
void h2_enter(h2_t *h2);
void h2_leave(h2_t *h2);
void h2_close(h2_t *h2);
/* The client is at fault: GOAWAY, and the end of everything. `what` is logged. */
void h2_fail(h2_t *h2, h2_error_t error, const char *what);
void h2_set_timer(h2_t *h2);            /* for what it waits for now */
void h2_notice_read(h2_t *h2);
void h2_retire(h2_t *h2);               /* no more streams, soon */
const wr_http_core_t *h2_core(const h2_t *h2);
extern const wr_http2_t h2_hook;

/* calm.c: one more event; false: too many of them */
bool h2_bucket_add(h2_bucket_t *b, unsigned burst, unsigned per_second);
/* h2_fail where it was too much. */
bool h2_calm_reset(h2_t *h2);
bool h2_calm_idle(h2_t *h2);
bool h2_calm_ack(h2_t *h2);

/* read.c: frames out of bytes */
void h2_take_in(h2_t *h2, const uint8_t *p, size_t n);

/* control.c: frames that are not of a request */
void h2_settings(h2_t *h2, const h2_frame_t *f);
void h2_ping(h2_t *h2, const h2_frame_t *f);
void h2_goaway(h2_t *h2, const h2_frame_t *f);
void h2_window_update(h2_t *h2, const h2_frame_t *f);
void h2_rst_stream(h2_t *h2, const h2_frame_t *f);
void h2_priority(h2_t *h2, const h2_frame_t *f);
/* Ours. */
void h2_put_settings(h2_t *h2);
void h2_put_window(h2_t *h2, uint32_t id, uint32_t more);
void h2_put_rst(h2_t *h2, uint32_t id, h2_error_t error);
void h2_put_goaway(h2_t *h2, uint32_t last, h2_error_t error);
/* That no more is to come, later; h2_notice_read is told when the client has read it. */
void h2_put_notice(h2_t *h2);

/* streams.c. What became of a stream: not begun, reset by either, ended by both; or it
 * is too long ago. */
typedef enum { H2_IDLE, H2_BY_US, H2_BY_CLIENT, H2_DONE, H2_FORGOTTEN } h2_past_t;
h2_stream_t *h2_stream_new(h2_t *h2, uint32_t id);
h2_stream_t *h2_stream_find(const h2_t *h2, uint32_t id);
/* It is over on the wire: ended by both sides, or cut, of which the request is told. */
void h2_stream_close(h2_stream_t *s, h2_past_t how);
/* The request will be answered with this status: h2_stream_reject(s, 400, format, …). */
#define h2_stream_reject(s, status, ...)                                      \
    do {                                                                      \
        if ((s)->reject == 0) {                                               \
            (s)->reject = (status);                                           \
            (s)->why = wr_pool_printf(wr_pool((s)->r), __VA_ARGS__);          \
        }                                                                     \
    } while (0)
/* What does not go on without the client ends, if he has reset the stream. */
void h2_stream_end_if_left(h2_stream_t *s);
/* RST_STREAM now; the client is at fault where `what` is given (it is logged). */
void h2_stream_reset(h2_stream_t *s, h2_error_t error, const char *what);
void h2_stream_over(h2_stream_t *s);    /* freed by the next leave, if it can be */
void h2_free_over(h2_t *h2);
h2_past_t h2_past(const h2_t *h2, uint32_t id);
void h2_remember_reset(h2_t *h2, uint32_t id);

/* head_in.c: HEADERS, CONTINUATION */
void h2_headers(h2_t *h2, const h2_frame_t *f);
void h2_continuation(h2_t *h2, const h2_frame_t *f);

/* field.c: one field of a request's head or trailers, borrowed */
void h2_field(h2_stream_t *s, wr_str_t name, wr_str_t value);
void h2_trailer(h2_stream_t *s, wr_str_t name, wr_str_t value);
/* All came: malformed is set if something is missing. */
void h2_check_head(h2_stream_t *s);

/* start.c: a request with a complete head runs */
void h2_start(h2_stream_t *s);

/* body_in.c: DATA. h2_data begins a frame; returns how many bytes of p it used. */
size_t h2_data(h2_t *h2, const h2_frame_t *f, size_t n);
size_t h2_data_part(h2_t *h2, const uint8_t *p, size_t n);
void   h2_read_body(wr_req_t *r);
void   h2_end_body(h2_stream_t *s);     /* END_STREAM came */
void   h2_drop_held(h2_stream_t *s);

/* head_out.c. Room: at most how many bytes the frames take; put: how many. */
size_t h2_head_room(const wr_req_t *r);
size_t h2_head_put(h2_stream_t *s, uint8_t *to, bool last);
size_t h2_trailer_room(const wr_req_t *r);
size_t h2_trailer_put(h2_stream_t *s, uint8_t *to);

/* body_out.c: the front's side */
wr_rc_t h2_send_head(wr_req_t *r);
wr_rc_t h2_send_body(wr_req_t *r, wr_seg_t *segs);
size_t  h2_pending(const wr_req_t *r);
void    h2_send_continue(wr_req_t *r);
void    h2_drop_out(h2_stream_t *s);
void    h2_drop_first(h2_stream_t *s);
void    h2_make_ready(h2_stream_t *s);

/* emit.c: what a stream has ready, as frames. False: there is no room. */
typedef struct h2_room {
    uint8_t *p;
    size_t   n, cap;
} h2_room_t;
bool h2_emit(h2_stream_t *s, h2_room_t *room);

/* flush.c */
void h2_flush(h2_t *h2);        /* as much as the kernel takes */
void h2_flush_later(h2_t *h2);
/* Between two frames that are read: the newest answer is framed, if it is complete. */
void h2_emit_early(h2_t *h2);
void h2_leave_scratch(h2_t *h2);        /* before it goes */
/* What leaves by one write: with what TLS adds it stays below 64 KB, which the kernel
 * takes far more cheaply than what is above. */
enum { H2_SCRATCH = 57 * 1024 };

/* front.c */
extern const wr_front_t h2_front;
void h2_on_stream_timer(wr_timer_t *t);

/* memory.c */
nghttp2_mem *h2_memory(void);

#endif
