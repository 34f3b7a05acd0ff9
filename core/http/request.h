/*
 * wr_req_t: one request and its answer, whatever protocol carried it.
 *
 * Lives in its own pool from the first byte of its head to the last byte of its
 * answer. Handlers read the upper part and fill r->status and r->out; they never
 * see a protocol. Subrequests are wr_req_t as well (r->parent is set).
 */
#ifndef WEIR_HTTP_REQUEST_H
#define WEIR_HTTP_REQUEST_H

#include <weir/base/queue.h>
#include <weir/event/frame.h>
#include <weir/http/body.h>
#include <weir/http/headers.h>
#include <weir/http/hook.h>
#include <weir/http/out.h>
#include <weir/net/conn.h>
#include <weir/vars/cv.h>

typedef struct wr_front    wr_front_t;
typedef struct wr_server   wr_server_t;
typedef struct wr_location wr_location_t;

enum {                      /* r->method, as bits for masks */
    WR_GET = 1u << 1, WR_HEAD = 1u << 2, WR_POST = 1u << 3, WR_PUT = 1u << 4,
    WR_DELETE = 1u << 5, WR_MKCOL = 1u << 6, WR_COPY = 1u << 7, WR_MOVE = 1u << 8,
    WR_OPTIONS = 1u << 9, WR_PROPFIND = 1u << 10, WR_PROPPATCH = 1u << 11,
    WR_LOCK = 1u << 12, WR_UNLOCK = 1u << 13, WR_PATCH = 1u << 14, WR_TRACE = 1u << 15,
    WR_CONNECT = 1u << 16,
    WR_OTHER_METHOD = 1u << 0
};

enum { WR_HTTP_09 = 9, WR_HTTP_10 = 1000, WR_HTTP_11 = 1001, WR_HTTP_20 = 2000 };

/* Internal redirects of a request, and one: the one that is refused. */
enum { WR_URI_CHANGES = 11 };

struct wr_req {
    wr_subject_t   subject;         /* first: pool, variables, captures */
    wr_task_t      task;

    const wr_front_t *front;        /* the protocol's functions */
    void          *front_data;      /* its connection or stream */
    wr_conn_t     *conn;            /* for addresses and TLS; NULL once gone */
    wr_log_t       log;             /* with the request as its context */

    wr_req_t      *main;            /* itself, for the main request */
    wr_req_t      *parent;          /* of a subrequest; else NULL */

    /* ---- the request ---- */
    uint32_t       method;          /* WR_GET … */
    uint32_t       version;         /* WR_HTTP_11 … */
    wr_str_t       method_name;
    wr_str_t       request_line;    /* "GET /a HTTP/1.1"; HTTP/2: made up */
    wr_str_t       raw_uri;         /* as it came, with arguments: $request_uri */
    wr_str_t       uri;             /* path: decoded and normalised: $uri */
    wr_str_t       args;            /* behind the ?, without it */
    wr_str_t       exten;           /* of uri: "html" */
    wr_str_t       host;            /* $host: lower case, no port; may be empty */
    wr_headers_t   in;
    wr_body_t     *body;            /* NULL: has none or not asked yet */
    int64_t        content_length;  /* of the request; -1: none or chunked */
    bool           chunked;         /* the request's body is framed by itself */
    wr_msec_t      start;           /* wr_clock.mono at the first byte */
    int64_t        start_sec;       /* Unix time */
    unsigned       start_msec;
    int64_t        request_length;  /* bytes: $request_length */
    wr_addr_t     *peer;            /* the client, as realip may have changed it */
    wr_addr_t     *local;           /* filled on demand: wr_req_local */

    /* ---- where it goes ---- */
    wr_server_t   *server;
    wr_location_t *location;        /* NULL before FIND */
    void         **conf;            /* by schema index: of location or server */
    wr_str_t       regex_name;      /* server_name regex match */
    unsigned       uri_changes;     /* of WR_URI_CHANGES; 0: it went in a circle, and
                                       error_page helps no more */
    unsigned       subrequests;     /* left */
    unsigned       depth;           /* of subrequests */

    /* ---- the answer ---- */
    uint16_t       status;
    uint16_t       fail_status;     /* wr_fail was called; 0: no */
    uint16_t       error_status;    /* the first error, of which an error_page speaks */
    wr_str_t       status_line;     /* from an upstream: "200 Fine"; empty: ours */
    wr_headers_t   out;             /* all but those below */
    wr_str_t       content_type;    /* without charset */
    wr_str_t       content_type_said;   /* an upstream's, whole: content_type and charset are
                                           parts of it as long as nothing changes them */
    wr_str_t       charset;         /* appended to content_type */
    int64_t        out_length;      /* Content-Length; -1: not known */
    int64_t        last_modified;   /* Unix time; -1: none */
    wr_headers_t  *trailers;        /* sent behind a chunked body; NULL: none */
    wr_seg_t      *reply;           /* a whole answer that waits for the after()s */
    int64_t        head_bytes;      /* of bytes_sent: not the body's; kept by the front */
    int64_t        bytes_sent;      /* $bytes_sent: what the socket took; kept by the front */
    int64_t        limit_rate;      /* bytes per second; 0: none set yet; -1: none */
    int64_t        limit_rate_after;
    wr_link_t     *filters;         /* attached body functions, in order */
    wr_op_t        drain;
    unsigned       access_code;     /* satisfy any: what a check would answer */

    unsigned       head_sent : 1;
    unsigned       head_only : 1;       /* HEAD, 204, 304: no body follows */
    unsigned       replied : 1;         /* r->reply is to be sent */
    unsigned       last_sent : 1;       /* the end of the body went through */
    unsigned       internal : 1;        /* after an internal redirect; subrequests */
    unsigned       uri_changed : 1;     /* rewrite: find the location again */
    unsigned       quoted_uri : 1;      /* raw uri had %XX */
    unsigned       complex_uri : 1;     /* raw uri had // . .. or % */
    unsigned       plus_in_uri : 1;
    unsigned       valid_uri : 1;       /* uri is still what raw_uri says: may be
                                           passed on as it came */
    unsigned       keepalive : 1;       /* the client connection may be reused */
    unsigned       allow_ranges : 1;
    unsigned       single_range : 1;    /* … but one of them only: the whole body is at
                                           hand nowhere */
    unsigned       skip_filters : 1;    /* not_modified etc. for internal answers */
    unsigned       error_page : 1;      /* is an error_page's request now */
    unsigned       failed : 1;          /* an error has been or is being answered */
    unsigned       access_ok : 1;
    unsigned       upgraded : 1;        /* connection now belongs to a tunnel */
    unsigned       aborted : 1;         /* the client has gone */
    unsigned       closed : 1;          /* 444: close without an answer */
    unsigned       log_done : 1;
    unsigned       no_body_limit : 1;
    unsigned       background : 1;
    unsigned       filter_need_in_memory : 1;
    unsigned       expect_tested : 1;
    unsigned       in_named : 1;
    unsigned       uri_behind_alias : 1;    /* in a regex location: try_files chose it */
    unsigned       disable_not_modified : 1;
    unsigned       discard_started : 1;
    unsigned       no_body : 1;         /* a subrequest without the main's body */
    unsigned       accel : 1;           /* X-Accel-Redirect brought it here */
    unsigned       vary_encoding : 1;   /* Vary: Accept-Encoding goes out first, as in nginx */

    void         **ctx;             /* per module: wr_req_ctx */
    uint64_t       number;          /* on its connection: $connection_requests */
    wr_str_t       request_id;      /* made on demand: wr_req_id */
    /* Appends ", upstream: …" to log lines; NULL: none. */
    void         (*upstream_log)(wr_req_t *r, wr_buf_t *line);
    void          *upstream;        /* the upstream layer's states: $upstream_* */
    void          *app;             /* the application modules' state */
    /* Subrequests: called when it has ended, before it is freed. */
    void         (*on_end)(wr_req_t *sub, void *data);
    void          *on_end_data;
    wr_op_t        sub_op;          /* completes when the subrequest has ended */
    wr_queue_t     link;            /* in the worker's list of requests */
    wr_addr_t     *socket_peer;     /* the connection's, once realip has changed peer */
    uint8_t        limit_conn_status;   /* the limit modules': they judge once */
    uint8_t        limit_req_status;
    bool           counted;         /* among the running ones of http/stats.h */
    bool           finishing;       /* wr_req_finish was called while it was held */
    unsigned       held;            /* wr_req_hold */
    int64_t        content_offset;  /* of the body that comes within the whole
                                       one: for slices */
    bool           left_location;   /* `rewrite … break`: the URI no longer begins as
                                       the location does, proxy_pass takes it whole */
    bool           pipelined;       /* it came while another was being answered */
    uint64_t       start_ticks;     /* wr_ticks at the first byte */
    wr_location_t *failed_location; /* whose error an error_page answers */
    uint32_t       first_method;    /* what the client asked for: an error_page is got */
    bool           abort_on_close;  /* a client that leaves ends it (proxy) */
    bool           shielded;        /* wr_req_shield */
    bool           abort_later;     /* the client has gone meanwhile: the loop sets it,
                                       atomically, others may look */
    bool           debug;           /* debug_connection names the client */
    wr_queue_t     running;         /* in the worker's list: waiting.h */
    bool           runs_on;         /* it has changed something elsewhere: a client that
                                       leaves does not end it, whatever abort_on_close
                                       says */
};

/* Shorthands. */
#define wr_pool(r) ((r)->subject.pool)

/* A module's conf for this request; WR_MODULE_NAME is defined by the build. */
#define wr_conf(r) ((r)->conf[WR_SELF->schema.index])
#define wr_conf_of(r, module) ((r)->conf[(module)->schema.index])
/* A pointer per module and request, for what hooks and filters keep. */
#define wr_ctx(r, module) ((r)->ctx[(module)->index])

/* ---- answering ---- */

/* The answer is this error (or any status that nginx's `return CODE` takes): its
 * page is made after the after()s. Use: `return wr_fail(r, 404);` */
wr_rc_t wr_fail(wr_req_t *r, unsigned status);

/* A whole answer from memory; leaves when the after()s have agreed. The text is
 * borrowed until the request ends. Content-Type: type, or the location's default.
 * Use: `return wr_reply(r, 200, WR_STR("text/plain"), body);` */
wr_rc_t wr_reply(wr_req_t *r, unsigned status, wr_str_t type, wr_str_t body);
wr_rc_t wr_reply_text(wr_req_t *r, unsigned status, wr_str_t text);
/* The same from segments whose total is `length`. */
wr_rc_t wr_reply_segs(wr_req_t *r, unsigned status, wr_seg_t *segs, int64_t length);
/* `Location:` with a page, 301 302 303 307 308. absolute_redirect applies. */
wr_rc_t wr_reply_redirect(wr_req_t *r, unsigned status, wr_str_t location);
/* Closes the connection without an answer: 444. */
wr_rc_t wr_reply_close(wr_req_t *r);

/* Access checks (rank ACCESS) answer with these; `satisfy` is applied. */
wr_rc_t wr_access_allow(wr_req_t *r);
wr_rc_t wr_access_deny(wr_req_t *r, unsigned status);
bool    wr_access_settled(const wr_req_t *r);   /* satisfy any: one has allowed */

/* ---- going elsewhere ---- */

/* Starts again with another URI, as nginx's internal redirect; `return` its
 * result. 10 at most, then 500. Args empty: none. Called outside of a stage (error
 * pages): WR_ERROR if it could not go there and r->fail_status is to be answered. */
wr_rc_t wr_internal_redirect(wr_req_t *r, wr_str_t uri, wr_str_t args);
wr_rc_t wr_named_location(wr_req_t *r, wr_str_t name);  /* with the @ */
/* One more change of the URI; false: too many. For what starts again otherwise. */
bool    wr_req_count_change(wr_req_t *r);

/* Splits "uri?args"; refuses what leaves the root. False: unsafe. */
bool wr_uri_split(wr_req_t *r, wr_str_t *uri, wr_str_t *args);
/* Whether a path is empty, a segment of it is "..", or a byte is NUL. */
bool wr_path_is_unsafe(wr_str_t path);
void wr_set_exten(wr_req_t *r);

/* ---- looking at it ---- */

/* What $status says: of the answer, or 444 and the like; 0: none yet. */
static inline unsigned
wr_req_status(const wr_req_t *r)
{
    return r->closed ? 444u
           : r->error_status != 0 ? r->error_status
           : r->status != 0 ? r->status : r->fail_status;
}
wr_str_t wr_req_header(const wr_req_t *r, wr_hid_t id);    /* first value, or empty */
wr_str_t wr_req_header_z(const wr_req_t *r, const char *name);
wr_str_t wr_req_id(wr_req_t *r);            /* 32 hexadecimal digits */
wr_str_t wr_req_scheme(const wr_req_t *r);
const wr_addr_t *wr_req_local(wr_req_t *r);
wr_str_t wr_req_peer_text(wr_req_t *r);     /* "127.0.0.1" */
/* The file that `r->uri` names by root or alias, NUL behind; *root_len is the
 * length of the root. False: failed (status is set). */
bool     wr_req_path(wr_req_t *r, wr_str_t *path, size_t *root_len, size_t reserve);
/* Content type by extension (types, default_type) into r->content_type. */
void     wr_set_content_type(wr_req_t *r);
/* ETag from mtime and size, if `etag on`; r->last_modified must be set. */
void     wr_set_etag(wr_req_t *r, int64_t mtime, int64_t size);
/* The value of ?name=… as it stands (not decoded). */
bool     wr_arg(const wr_req_t *r, wr_str_t name, wr_str_t *value);
bool     wr_cookie(const wr_req_t *r, wr_str_t name, wr_str_t *value);

/* RFC 3986: decoding and encoding. */
wr_str_t wr_uri_unescape(wr_pool_t *pool, wr_str_t s, bool plus_is_space);
typedef enum {
    WR_ESC_URI, WR_ESC_ARGS, WR_ESC_COMPONENT, WR_ESC_HTML, WR_ESC_REFRESH,
    WR_ESC_URL          /* a whole one: only what no URL may hold */
} wr_esc_t;
wr_str_t wr_uri_escape(wr_pool_t *pool, wr_str_t s, wr_esc_t kind);
wr_str_t wr_html_escape(wr_pool_t *pool, wr_str_t s);

/* ---- subrequests ---- */

enum {
    WR_SUB_MEMORY = 1,      /* collect the answer in sub->reply (with limit) */
    WR_SUB_BACKGROUND = 2,  /* the main request does not wait for it at its end */
    WR_SUB_CLONE = 4,       /* same method and body */
    WR_SUB_HEAD_ONLY = 8,   /* only the status and headers matter */
    WR_SUB_INHERIT_BODY = 16,
};
/* The front of a subrequest: between starting and ending it. */
typedef struct wr_sub {
    wr_post_t post;
    wr_req_t *r;
    wr_rc_t   outcome;
} wr_sub_t;

/* Starts a request for another URI inside this one. Its answer is collected in
 * sub->reply (head in sub->status, sub->out); &sub->sub_op completes when it has
 * ended. NULL: too many or too deep (logged). The sub's pool is the main's. */
wr_req_t *wr_subrequest(wr_req_t *r, wr_str_t uri, wr_str_t args, unsigned flags);

/* ---- the protocol's side ---- */

struct wr_front {
    const char *name;                   /* "HTTP/1.1", "h2", "sub" */
    /* The head is complete in r; `r->head_only` is set. */
    wr_rc_t (*send_head)(wr_req_t *r);
    wr_rc_t (*send_body)(wr_req_t *r, wr_seg_t *segs);
    size_t  (*pending)(const wr_req_t *r);
    /* Begin or go on reading the body: fills r->body, completes r->body->op. */
    void    (*read_body)(wr_req_t *r);
    /* All is done (or failed): the front takes the request back and frees it. */
    void    (*finish)(wr_req_t *r, wr_rc_t outcome);
    /* 100 Continue, if the client waits for it. */
    void    (*send_continue)(wr_req_t *r);
    /* The beginning of a request line that is not complete: for the log. May be NULL. */
    wr_str_t (*line_so_far)(const wr_req_t *r);
    /* Whether the client has left; if he has, ends what does not go on without him. */
    bool    (*has_left)(const wr_req_t *r);
    void    (*end_if_left)(wr_req_t *r);
    /* Hands the connection over for a tunnel (Upgrade): NULL if it cannot. */
    wr_conn_t *(*take_conn)(wr_req_t *r, wr_str_t *early);
};

/* A new request on a connection: for fronts. The server is the default one until
 * wr_req_route_host. */
wr_req_t *wr_req_new(const wr_front_t *front, void *front_data, wr_conn_t *conn,
                     wr_server_t *default_server);
/* The head has been read: choose the server by Host, then run the pipeline. */
void      wr_req_run(wr_req_t *r);
/* The front found the head broken: answer this status without a pipeline. */
void      wr_req_reject(wr_req_t *r, unsigned status);
/* Conf, log and server of the request become those of `server`. */
void      wr_req_use_server(wr_req_t *r, wr_server_t *server);
/* The log of its location; NULL: the cycle's. */
void      wr_req_use_log(wr_req_t *r, wr_log_target_t *own);
/* The front has set r->peer: debug_connection may name it. */
void      wr_req_has_peer(wr_req_t *r);
void      wr_req_set_uri(wr_req_t *r, wr_str_t uri, wr_str_t args);
/* Hands the request back to the front, once nobody holds it. */
void      wr_req_finish(wr_req_t *r, wr_rc_t outcome);
/* For filters that wait for something in the midst of a body (a subrequest's
 * answer): the request does not end before it is let go as often as it was held. */
void      wr_req_hold(wr_req_t *r);
void      wr_req_let_go(wr_req_t *r);
/* Runs the log hooks, once. */
void      wr_req_log(wr_req_t *r);
/* Bytes of the body, with their framing, that have been sent: $body_bytes_sent. */
int64_t   wr_body_bytes_sent(const wr_req_t *r);
/* The client has gone. */
void      wr_req_abort(wr_req_t *r);
/* From now on a client that leaves ends this main request (r->abort_on_close). If he
 * has left already it ends at the end of the loop's turn. */
void      wr_req_end_with_client(wr_req_t *r);
/* What has begun is to run to its end, or another thread has the request: that the
 * client goes is not noticed until the shield is taken away; wr_req_unshield then
 * aborts the request. Fronts do not touch a shielded request. */
void      wr_req_shield(wr_req_t *r);
void      wr_req_unshield(wr_req_t *r);
void      wr_req_free(wr_req_t *r);
/* The output queue has become short. */
void      wr_req_drained(wr_req_t *r);

/* The request's own target, normalised by wr_uri_normalise: path and arguments. */
struct wr_uri;
void wr_req_take_uri(wr_req_t *r, const struct wr_uri *parts);

#endif
