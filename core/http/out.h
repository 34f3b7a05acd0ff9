/*
 * The way out: segments of a body, and the filters they pass through.
 *
 * A body is a list of segments: memory, or a piece of a file. Segments and their
 * memory belong to the sender until release() is called (or, without one, until
 * the request ends). Filters see the head once (wr_filter_t.head); one that wants
 * to change the body attaches a body function to this request, so a request pays
 * only for filters that act on it.
 */
#ifndef WEIR_HTTP_OUT_H
#define WEIR_HTTP_OUT_H

#include <weir/base/pool.h>
#include <weir/vars/cv.h>

typedef struct wr_seg  wr_seg_t;
typedef struct wr_file wr_file_t;

/* An open file that may be shared (open file cache); refcounted. */
struct wr_file {
    int       fd;
    int64_t   size;
    int64_t   mtime;
    uint64_t  inode;
    unsigned  refs;
    wr_str_t  path;
    void    (*close)(wr_file_t *f);     /* when refs falls to 0 */
};

enum {
    WR_SEG_LAST  = 1,       /* the end of the body; n may be 0 */
    WR_SEG_FLUSH = 2,       /* send what is there now; n may be 0 */
};

struct wr_seg {
    wr_seg_t   *next;
    const char *p;          /* memory … */
    wr_file_t  *file;       /* … or n bytes of a file from `at` (p is NULL) */
    off_t       at;
    size_t      n;
    uint8_t     flags;
    void      (*release)(wr_seg_t *seg);    /* sent or dropped; NULL: nothing */
    void       *data;       /* for release */
};

/* Segments in the request's pool. */
wr_seg_t *wr_seg_mem(wr_req_t *r, const char *p, size_t n, unsigned flags);
wr_seg_t *wr_seg_file(wr_req_t *r, wr_file_t *f, off_t at, size_t n, unsigned flags);
wr_seg_t *wr_seg_last(wr_req_t *r);
size_t    wr_segs_size(const wr_seg_t *seg);
wr_seg_t **wr_segs_tail(wr_seg_t **list);   /* where to hang the next one */

/* Takes the first n (<= seg->n) bytes off. */
static inline void
wr_seg_skip(wr_seg_t *seg, size_t n)
{
    seg->n -= n;
    if (seg->file != NULL) {
        seg->at += (off_t) n;
    } else {
        seg->p += n;
    }
}

/* Sends the head that r->status, r->out … describe: runs the head filters, in the
 * order of their ranks. Once per request. WR_OK, WR_AGAIN (queued), WR_ERROR. */
wr_rc_t wr_send_head(wr_req_t *r) WR_MUST_CHECK;

/* Sends segments through the attached filters. WR_OK: taken, and the queue is
 * short; WR_AGAIN: taken, but wait (wr_drain_op) before producing more; WR_ERROR:
 * the client has gone. */
wr_rc_t wr_send_body(wr_req_t *r, wr_seg_t *segs) WR_MUST_CHECK;

/* Completes when the output queue is short again. At most one at a time. Use:
 * `return wr_await(r, wr_drain_op(r), next);` */
struct wr_op *wr_drain_op(wr_req_t *r);

/* What is queued and not yet with the kernel. */
size_t wr_out_pending(const wr_req_t *r);

/* ---- filters ---- */

enum {
    WR_FILTER_NOT_MODIFIED = 10,
    WR_FILTER_SLICE = 20,
    WR_FILTER_HEADERS = 30,     /* add_header, expires */
    WR_FILTER_USERID = 40,
    WR_FILTER_GUNZIP = 50,
    WR_FILTER_SUB = 60,
    WR_FILTER_ADDITION = 70,
    WR_FILTER_CHARSET = 80,
    WR_FILTER_SSI = 90,
    WR_FILTER_GZIP = 100,
    WR_FILTER_RANGE = 110,
};

typedef struct wr_filter {
    const char *name;       /* NULL ends a table */
    int         rank;
    /* Looks at the head on its way out and may change it, and may attach a body
     * function. WR_OK; WR_ERROR ends the request. A filter that calls wr_fail
     * before the head has left returns WR_DONE. */
    wr_rc_t   (*head)(wr_req_t *r);
    /* Whether it acts anywhere in a location with this conf of its module: head() is not
     * called elsewhere, but for a few answers of which the location is not settled.
     * NULL: always. */
    bool      (*wanted)(const void *conf);
} wr_filter_t;

typedef struct wr_link wr_link_t;       /* one attached body function */
typedef wr_rc_t (*wr_body_fn_t)(wr_req_t *r, wr_link_t *self, void *state, wr_seg_t *in);

/* From a head filter: the body of this request goes through `fn`. */
void wr_filter_attach(wr_req_t *r, wr_body_fn_t fn, void *state);

/* From a body function: hands segments on. `in` may be NULL (nothing yet). */
wr_rc_t wr_filter_pass(wr_req_t *r, wr_link_t *self, wr_seg_t *out) WR_MUST_CHECK;

/* The length and validators no longer hold: for filters that change the body. */
void wr_clear_content_length(wr_req_t *r);
void wr_clear_accept_ranges(wr_req_t *r);
/* The value of Content-Type, with its charset. */
wr_str_t wr_content_type(wr_req_t *r);
void wr_clear_last_modified(wr_req_t *r);
void wr_clear_etag(wr_req_t *r);
void wr_weak_etag(wr_req_t *r);         /* "x" → W/"x" */

#endif
