/*
 * Answering with a file. What is in memory goes as one piece with the head; an
 * open file is sent as such, or read in pieces where a filter wants the bytes:
 * then a piece is read when the one before it has left.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include <weir/http/core_conf.h>
#include <weir/http/file_cache.h>

enum { MIN_PIECE = 4 * 1024, MAX_PIECE = 4 * 1024 * 1024 };

wr_rc_t
wr_file_failed(wr_req_t *r, wr_str_t path, const wr_opened_t *opened)
{
    wr_level_t level = WR_LOG_ERR;
    unsigned   status;

    switch (opened->err) {
    case ENOENT:
    case ENOTDIR:
    case ENAMETOOLONG:
        status = 404;
        break;
    case EACCES:
    case EMLINK:
    case ELOOP:
        status = 403;
        break;
    default:
        level = WR_LOG_CRIT;
        status = 500;
    }
    if (status != 404 || wr_http_core(r)->log_not_found) {
        wr_log(&r->log, level, opened->err, "%s \"%.*s\" failed", opened->failed,
               WR_ARG(path));
    }
    return wr_fail(r, status);
}

void
wr_file_head(wr_req_t *r, const wr_opened_t *opened)
{
    r->last_modified = opened->mtime;
    wr_set_etag(r, opened->mtime, opened->size);
    wr_set_content_type(r);
    r->allow_ranges = 1;
    r->log.action = "while sending response to client";
}

static void
free_piece(wr_seg_t *seg)
{
    free(seg->data);
}

/* How much is read at a time: output_buffers. */
static size_t
piece_size(wr_req_t *r)
{
    const wr_bufs_t *bufs = &wr_http_core(r)->output_buffers;
    size_t           size;

    if (__builtin_mul_overflow((size_t) bufs->n, bufs->size, &size)) {
        size = MAX_PIECE;
    }
    return wr_max_size(MIN_PIECE, wr_min_size(size, MAX_PIECE));
}

static wr_seg_t *
read_piece(wr_req_t *r, wr_seg_t *rest)
{
    size_t    n = wr_min_size(rest->n, piece_size(r));
    char     *p = malloc(n);
    ssize_t   got = p != NULL ? pread(rest->file->fd, p, n, rest->at) : -1;
    wr_seg_t *seg;

    if (got <= 0) {
        wr_log(&r->log, got < 0 ? WR_LOG_CRIT : WR_LOG_ALERT, got < 0 ? errno : 0,
               "pread() \"%.*s\" %s", WR_ARG(rest->file->path),
               got < 0 ? "failed" : "found the file shortened");
        free(p);
        return NULL;
    }
    seg = wr_seg_mem(r, p, (size_t) got, 0);
    seg->release = free_piece;
    seg->data = p;
    rest->at += got;
    rest->n -= (size_t) got;
    if (rest->n == 0) {
        seg->flags = WR_SEG_LAST;
    }
    return seg;
}

/* r->reply is what is still to be read. */
static wr_rc_t
send_pieces(wr_req_t *r, void *state)
{
    (void) state;
    if (r->drain.state == WR_OP_DONE && r->drain.rc < 0) {
        return r->drain.rc;
    }
    while (r->reply != NULL) {
        wr_seg_t *seg = read_piece(r, r->reply);
        wr_rc_t   rc;

        if (seg == NULL) {
            return WR_ERROR;
        }
        if (r->reply->n == 0) {
            r->reply = NULL;
        }
        rc = wr_send_body(r, seg);
        if (rc < 0) {
            return rc;
        }
        if (rc == WR_AGAIN && r->reply != NULL) {
            return wr_await(r, wr_drain_op(r), send_pieces);
        }
    }
    return WR_DONE;
}

static wr_rc_t
send_open(wr_req_t *r, void *state)
{
    wr_seg_t *seg = r->reply;
    wr_rc_t   rc;

    rc = wr_send_head(r);
    if (rc < 0 || rc == WR_DONE) {
        r->reply = NULL;
        return rc;
    }
    if (r->head_only || !r->filter_need_in_memory) {
        r->reply = NULL;
        rc = wr_send_body(r, seg);
        return rc < 0 ? rc : WR_DONE;
    }
    return send_pieces(r, state);
}

wr_rc_t
wr_file_send(wr_req_t *r, const wr_opened_t *opened)
{
    wr_seg_t *seg;

    if (opened->file == NULL) {
        return wr_reply_segs(r, 200,
                             wr_seg_mem(r, opened->data, (size_t) opened->size,
                                        WR_SEG_LAST),
                             opened->size);
    }
    seg = wr_seg_file(r, opened->file, 0, (size_t) opened->size, WR_SEG_LAST);
    r->status = 200;
    r->out_length = opened->size;
    r->reply = seg;
    return wr_settle(r, send_open);
}
