/*
 * The request's body: de-framed bytes, in memory or in a temporary file.
 */
#ifndef WEIR_HTTP_BODY_H
#define WEIR_HTTP_BODY_H

#include <weir/event/frame.h>
#include <weir/http/out.h>

typedef struct wr_body {
    wr_op_t     op;         /* of the read under way */
    wr_seg_t   *segs;       /* what has been read and not yet taken */
    wr_seg_t  **tail;
    int64_t     length;     /* Content-Length; -1: chunked or not known */
    int64_t     received;   /* bytes of the body so far */
    int64_t     in_memory;
    wr_file_t  *temp;       /* the temporary file; NULL: all in memory */
    wr_str_t    temp_path;
    bool        started;
    bool        complete;   /* the last byte is in segs */
    bool        whole;      /* somebody wants it all (else: a stream) */
    bool        single;     /* client_body_in_single_buffer */
    bool        file_only, file_keep;
    bool        discarded;
    wr_seg_t   *last;       /* the piece that grows … */
    char       *at;         /* … here … */
    size_t      room;       /* … by so much */
    uint16_t    broken_status;
    wr_rc_t     rc;         /* WR_OK or how it failed; status in r->fail_status */
    struct wr_headers *trailers;
} wr_body_t;

/* Reads all of it, in memory up to client_body_buffer_size, then to a file. The
 * step after the wait must check r->body->rc: negative means the answer is
 * settled (400, 408, 413 …): return wr_body_failed(r). When all is already there
 * `next` is called at once. Use: `return wr_body_read(r, next);` */
#define wr_body_read(r, next) wr_body_read_(r, next, #next)
wr_rc_t wr_body_read_(wr_req_t *r, wr_step_t next, const char *name);

/* For proxies with request buffering off: an op that completes when something is
 * in body->segs or the body is complete or broken. */
wr_op_t *wr_body_more(wr_req_t *r);
/* Takes what is there: the caller owns the list. */
wr_seg_t *wr_body_take(wr_req_t *r);

wr_rc_t wr_body_failed(wr_req_t *r);

/* All of it as one piece of memory (reads the file, if it is in one). WR_LIMIT if
 * it is longer than `max`. */
wr_rc_t wr_body_text(wr_req_t *r, size_t max, wr_str_t *out);

/* A body that is made of the request's, decoded: kept as that is, in memory or in a file.
 * By any thread that has the request. WR_LIMIT: more than client_max_body_size. */
wr_body_t *wr_body_new(wr_req_t *r);
wr_rc_t    wr_body_put(wr_req_t *r, wr_body_t *b, const char *p, size_t n);
void       wr_body_close(wr_req_t *r, wr_body_t *b);
wr_rc_t    wr_body_text_of(wr_req_t *r, const wr_body_t *b, size_t max, wr_str_t *out);

/* Nobody wants the body: it is read and dropped (or the connection closes). */
void wr_body_discard(wr_req_t *r);
bool wr_has_body(const wr_req_t *r);

#endif
