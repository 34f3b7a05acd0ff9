/*
 * Request bodies: gathered in memory, and from client_body_buffer_size on in a
 * temporary file that goes with the request.
 */
#include <weir/http/body_feed.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include <weir/http/core_conf.h>
#include <weir/process/cycle.h>

static wr_body_t *
body_of(wr_req_t *r)
{
    wr_req_t *m = r->main;

    if (m->body == NULL) {
        m->body = WR_NEW(wr_pool(m), wr_body_t);
        m->body->tail = &m->body->segs;
        m->body->length = m->content_length;
        m->body->whole = true;
    }
    if (r->body == NULL) {
        r->body = m->body;
    }
    return m->body;
}

bool
wr_has_body(const wr_req_t *r)
{
    return !r->no_body && (r->main->chunked || r->main->content_length > 0);
}

/* ---- temporary files ---- */

static void
close_temp(void *data)
{
    wr_body_t *b = data;

    if (b->temp->fd >= 0) {
        close(b->temp->fd);
        b->temp->fd = -1;
    }
    if (!b->file_keep) {
        (void) unlink(b->temp_path.p);
    }
}

static wr_rc_t
open_temp(wr_req_t *r, wr_body_t *b)
{
    static unsigned       number;   /* of all threads */
    const wr_http_core_t *core = wr_http_core(r);
    int                   fd = -1;

    for (int tries = 0; tries < 100 && fd < 0; tries++) {
        b->temp_path = wr_pool_printf(wr_pool(r->main), "%.*s/%010u",
                                      WR_ARG(core->client_body_temp_path),
                                      __atomic_add_fetch(&number, 1, __ATOMIC_RELAXED)
                                          + (unsigned) wr_worker.pid * 1000u);
        fd = open(b->temp_path.p, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0 && errno != EEXIST) {
            break;
        }
    }
    if (fd < 0) {
        wr_log(&r->log, WR_LOG_CRIT, errno, "open() \"%.*s\" failed",
               WR_ARG(b->temp_path));
        return WR_ERROR;
    }
    b->temp = WR_NEW(wr_pool(r->main), wr_file_t);
    b->temp->fd = fd;
    b->temp->path = b->temp_path;
    b->file_keep = core->client_body_in_file_only == 1;
    wr_pool_on_free(wr_pool(r->main), close_temp, b);
    if (!b->file_only) {
        wr_log(&r->log, WR_LOG_WARN, 0,
               "a client request body is buffered to a temporary file %.*s",
               WR_ARG(b->temp_path));
    }
    return WR_OK;
}

static wr_rc_t
write_temp(wr_req_t *r, wr_body_t *b, const char *p, size_t n)
{
    while (n != 0) {
        ssize_t done = write(b->temp->fd, p, n);

        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done <= 0) {
            wr_log(&r->log, WR_LOG_CRIT, errno, "write() to \"%.*s\" failed",
                   WR_ARG(b->temp_path));
            return WR_ERROR;
        }
        p += done;
        n -= (size_t) done;
        b->temp->size += done;
    }
    return WR_OK;
}

/* What is in memory moves to the file. */
static wr_rc_t
spill(wr_req_t *r, wr_body_t *b)
{
    if (open_temp(r, b) != WR_OK) {
        return WR_ERROR;
    }
    for (wr_seg_t *seg = b->segs; seg != NULL; seg = seg->next) {
        if (write_temp(r, b, seg->p, seg->n) != WR_OK) {
            return WR_ERROR;
        }
    }
    b->segs = NULL;
    b->tail = &b->segs;
    b->in_memory = 0;
    return WR_OK;
}

/* ---- feeding ---- */

/* Behind the last piece, if there is room; else a new one. */
static void
store(wr_req_t *r, wr_body_t *b, const char *p, size_t n)
{
    wr_seg_t *seg;
    char     *to;
    size_t    room = n;

    if (b->room != 0) {
        size_t fits = wr_min_size(b->room, n);

        memcpy(b->at, p, fits);
        b->at += fits;
        b->room -= fits;
        b->last->n += fits;
        p += fits;
        n -= fits;
        b->in_memory += (int64_t) fits;
        if (n == 0) {
            return;
        }
    }
    if (b->length > b->received && b->whole) {
        room = wr_max_size(n, (size_t) (b->length - b->received));
    }
    to = wr_alloc_bytes(wr_pool(r->main), room);
    memcpy(to, p, n);
    seg = wr_seg_mem(r->main, to, n, 0);
    *b->tail = seg;
    b->tail = &seg->next;
    b->last = seg;
    b->at = to + n;
    b->room = b->whole ? room - n : 0;
    b->in_memory += (int64_t) n;
}

static bool
is_too_large(const wr_req_t *r, const wr_body_t *b, size_t more)
{
    int64_t max = wr_http_core(r)->client_max_body_size;

    return max != 0 && !r->no_body_limit && b->received + (int64_t) more > max;
}

wr_rc_t
wr_body_feed(wr_req_t *r, const char *p, size_t n)
{
    wr_body_t *b = body_of(r);

    if (is_too_large(r, b, n)) {
        wr_log(&r->log, WR_LOG_ERR, 0,
               "client intended to send too large chunked body: %" PRId64 " bytes",
               b->received + (int64_t) n);
        return WR_LIMIT;
    }
    return wr_body_put(r, b, p, n);
}

wr_body_t *
wr_body_new(wr_req_t *r)
{
    wr_body_t *b = WR_NEW(wr_pool(r), wr_body_t);

    b->tail = &b->segs;
    b->length = -1;
    b->whole = true;
    return b;
}

wr_rc_t
wr_body_put(wr_req_t *r, wr_body_t *b, const char *p, size_t n)
{
    const wr_http_core_t *core = wr_http_core(r);

    if (is_too_large(r, b, n)) {
        return WR_LIMIT;
    }
    if (b->whole && b->temp == NULL
        && (b->file_only
            || b->in_memory + (int64_t) n > (int64_t) core->client_body_buffer_size)
        && spill(r, b) != WR_OK)
    {
        return WR_ERROR;
    }
    if (b->temp != NULL) {
        if (write_temp(r, b, p, n) != WR_OK) {
            return WR_ERROR;
        }
    } else {
        store(r, b, p, n);
    }
    b->received += (int64_t) n;
    return WR_OK;
}

bool
wr_body_full(const wr_req_t *r)
{
    const wr_body_t *b = r->main->body;

    return b != NULL && !b->whole
           && b->in_memory >= (int64_t) wr_http_core(r)->client_body_buffer_size;
}

static void
complete(wr_body_t *b, wr_rc_t rc)
{
    b->rc = rc;
    if (b->op.state == WR_OP_PENDING) {
        wr_op_complete(&b->op, rc);
    }
}

void
wr_body_close(wr_req_t *r, wr_body_t *b)
{
    if (b->temp != NULL) {
        b->segs = wr_seg_file(r->main, b->temp, 0, (size_t) b->temp->size, 0);
        b->tail = &b->segs->next;
    }
    b->complete = true;
}

void
wr_body_end(wr_req_t *r)
{
    wr_body_t *b = body_of(r);

    if (b->complete) {
        return;
    }
    if (b->whole && b->temp == NULL && b->file_only && b->received == 0) {
        (void) spill(r, b);
    }
    wr_body_close(r, b);
    complete(b, WR_OK);
}

void
wr_body_some(wr_req_t *r)
{
    wr_body_t *b = body_of(r);

    if (!b->whole && b->segs != NULL) {
        complete(b, WR_OK);
    }
}

void
wr_body_break(wr_req_t *r, wr_rc_t rc, unsigned status)
{
    wr_body_t *b = body_of(r);

    b->broken_status = (uint16_t) status;
    complete(b, rc);
}

/* ---- reading ---- */

static void
begin(wr_req_t *r, wr_body_t *b)
{
    wr_op_begin(&b->op, "body", NULL);
    if (b->rc < 0) {
        wr_op_complete(&b->op, b->rc);
    } else if (b->complete || (!b->whole && b->segs != NULL)) {
        wr_op_complete(&b->op, WR_OK);
    } else {
        b->started = true;
        r->main->front->read_body(r->main);
    }
}

wr_rc_t
wr_body_read_(wr_req_t *r, wr_step_t next, const char *name)
{
    wr_body_t *b = body_of(r);

    if (!b->started) {
        const wr_http_core_t *core = wr_http_core(r);

        b->file_only = core->client_body_in_file_only != 0;
        b->single = core->client_body_in_single_buffer;
        if (!wr_has_body(r)) {
            b->started = b->complete = true;
        }
    }
    if (b->op.state != WR_OP_PENDING) {
        begin(r, b);
    }
    return wr_await_(r, &b->op, 1, -1, next, name);
}

wr_op_t *
wr_body_more(wr_req_t *r)
{
    wr_body_t *b = body_of(r);

    if (!b->started) {
        b->whole = false;
        if (!wr_has_body(r)) {
            b->started = b->complete = true;
        }
    }
    if (b->op.state != WR_OP_PENDING) {
        begin(r, b);
    }
    return &b->op;
}

wr_seg_t *
wr_body_take(wr_req_t *r)
{
    wr_body_t *b = body_of(r);
    wr_seg_t  *segs = b->segs;

    b->segs = NULL;
    b->tail = &b->segs;
    b->in_memory = 0;
    b->room = 0;
    return segs;
}

wr_rc_t
wr_body_failed(wr_req_t *r)
{
    wr_body_t *b = body_of(r);

    if (b->rc == WR_CLOSED || r->main->aborted) {
        r->main->aborted = 1;
        if (r->status == 0) {
            r->status = b->broken_status;
        }
        return WR_CLOSED;
    }
    return wr_fail(r, b->broken_status != 0 ? b->broken_status : 500);
}

static void
unmap(void *data)
{
    const wr_str_t *s = data;

    (void) munmap((void *) (uintptr_t) s->p, s->n);
}

/* A body that is one file is looked at where it is. */
static bool
map(wr_req_t *r, const wr_seg_t *seg, wr_str_t *out)
{
    size_t    skew = (size_t) seg->at % (size_t) sysconf(_SC_PAGESIZE);
    wr_str_t *whole;
    void     *p = mmap(NULL, seg->n + skew, PROT_READ, MAP_PRIVATE, seg->file->fd,
                       seg->at - (off_t) skew);

    if (p == MAP_FAILED) {
        return false;
    }
    whole = WR_NEW(wr_pool(r), wr_str_t);
    *whole = wr_str(p, seg->n + skew);
    wr_pool_on_free(wr_pool(r), unmap, whole);
    *out = wr_str((const char *) p + skew, seg->n);
    return true;
}

wr_rc_t
wr_body_text(wr_req_t *r, size_t max, wr_str_t *out)
{
    return wr_body_text_of(r, body_of(r), max, out);
}

wr_rc_t
wr_body_text_of(wr_req_t *r, const wr_body_t *b, size_t max, wr_str_t *out)
{
    size_t n = wr_segs_size(b->segs), at = 0;
    char  *text;

    if (n > max) {
        return WR_LIMIT;
    }
    if (b->segs != NULL && b->segs->next == NULL && b->segs->file == NULL) {
        *out = wr_str(b->segs->p, n);
        return WR_OK;
    }
    if (b->segs != NULL && b->segs->next == NULL && n != 0 && map(r, b->segs, out)) {
        return WR_OK;
    }
    text = wr_alloc_bytes(wr_pool(r), n + 1);
    for (wr_seg_t *seg = b->segs; seg != NULL; seg = seg->next) {
        if (seg->file == NULL) {
            memcpy(text + at, seg->p, seg->n);
        } else if (pread(seg->file->fd, text + at, seg->n, seg->at) != (ssize_t) seg->n) {
            wr_log(&r->log, WR_LOG_CRIT, errno, "pread() \"%.*s\" failed",
                   WR_ARG(seg->file->path));
            return WR_ERROR;
        }
        at += seg->n;
    }
    text[n] = '\0';
    *out = wr_str(text, n);
    return WR_OK;
}

void
wr_body_discard(wr_req_t *r)
{
    r->main->discard_started = 1;
}
