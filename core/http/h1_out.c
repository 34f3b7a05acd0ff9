/*
 * HTTP/1.x: answers, from a head and segments to as few writes as possible.
 *
 * The head is one piece of memory in front of the body, so a small answer leaves
 * with one send. Pieces of files that are not large are read into a scratch buffer
 * of the worker and leave with the same writev; what the kernel does not take is
 * read again later, so the scratch has no owner. Large pieces go by sendfile.
 */
#define _GNU_SOURCE
#include <weir/http/h1_priv.h>

#include <unistd.h>
#include <weir/http/status.h>
#include <weir/process/cycle.h>
#include <weir_config.h>

enum {
    SCRATCH = 256 * 1024,
    SMALL_FILE = 128 * 1024,    /* below this, copying beats sendfile */
    SMALL = 4096,               /* an answer that leaves in one piece */
    MAX_IOV = 64
};

/* ---- the head ---- */

static void
put_field(wr_buf_t *b, const char *name, wr_str_t value)
{
    wr_buf_z(b, name);
    wr_buf_str(b, value);
    wr_buf_lit(b, "\r\n");
}

static bool
becomes_absolute(wr_req_t *r, wr_str_t target)
{
    return target.n != 0 && target.p[0] == '/' && wr_http_core(r)->absolute_redirect;
}

void
wr_put_location(wr_req_t *r, wr_buf_t *b, wr_str_t target)
{
    const wr_http_core_t *core = wr_http_core(r);
    wr_str_t              host = r->host;
    int                   port;

    if (becomes_absolute(r, target)) {
        const wr_addr_t *local = wr_req_local(r);
        wr_str_t         scheme = wr_req_scheme(r);

        if (core->server_name_in_redirect && r->server->name.n != 0) {
            host = r->server->name;
        } else if (host.n == 0) {
            host = wr_addr_text(wr_pool(r), local, false);
        }
        port = wr_addr_port(&local->u.sa);
        wr_buf_str(b, scheme);
        wr_buf_lit(b, "://");
        wr_buf_str(b, host);
        if (core->port_in_redirect && port != 0 && port != (scheme.n == 5 ? 443 : 80)) {
            wr_buf_char(b, ':');
            wr_buf_int(b, port);
        }
    }
    wr_buf_str(b, target);
}

static void
put_connection(wr_h1_t *h, wr_req_t *r, wr_buf_t *b)
{
    const wr_http_core_t *core = wr_http_core(r);

    if (r->status == 101) {
        wr_buf_lit(b, "Connection: upgrade\r\n");
        return;
    }
    if (r->keepalive
        && (core->keepalive_timeout == 0 || (int64_t) h->requests >= core->keepalive_requests
            || wr_clock.mono - h->born > core->keepalive_time || wr_worker.quitting))
    {
        r->keepalive = 0;
    }
    if (!r->keepalive) {
        wr_buf_lit(b, "Connection: close\r\n");
        return;
    }
    wr_buf_lit(b, "Connection: keep-alive\r\n");
    if (core->keepalive_header != 0) {
        wr_buf_lit(b, "Keep-Alive: timeout=");
        wr_buf_int(b, core->keepalive_header);
        wr_buf_lit(b, "\r\n");
    }
}

static void
put_status(wr_req_t *r, wr_buf_t *b)
{
    wr_str_t line = r->status_line.n != 0 ? r->status_line : wr_status_line(r->status);

    wr_buf_lit(b, "HTTP/1.1 ");
    if (line.n != 0) {
        wr_buf_str(b, line);
    } else {
        wr_buf_printf(b, "%03u ", r->status);
    }
    wr_buf_lit(b, "\r\n");
}

static void
put_server(int tokens, wr_buf_t *b)
{
    static const char *const texts[] = {"Server: weir\r\n",
                                        "Server: weir/" WR_VERSION "\r\n",
                                        "Server: weir/" WR_VERSION " (" WR_BUILD ")\r\n"};

    if (tokens == 2 && sizeof(WR_BUILD) == 1) {
        tokens = 1;
    }
    wr_buf_z(b, texts[tokens]);
}

/* Server and Date: the same for all answers of a second. */
static void
put_stamp(wr_req_t *r, wr_buf_t *b)
{
    static struct {
        wr_buf_t text;      /* of no pool */
        int64_t  sec;
        int      tokens;
    } stamp;
    int  tokens = wr_http_core(r)->server_tokens;
    bool server = wr_headers_first(&r->out, WR_H_SERVER) == NULL;
    bool date = wr_headers_first(&r->out, WR_H_DATE) == NULL;

    if (!server || !date) {
        if (server) {
            put_server(tokens, b);
        }
        if (date) {
            put_field(b, "Date: ", wr_clock_http());
        }
        return;
    }
    if (stamp.text.n == 0 || stamp.sec != wr_clock.sec || stamp.tokens != tokens) {
        stamp.text.n = 0;
        put_server(tokens, &stamp.text);
        put_field(&stamp.text, "Date: ", wr_clock_http());
        stamp.sec = wr_clock.sec;
        stamp.tokens = tokens;
    }
    wr_buf_str(b, wr_buf_text(&stamp.text));
}

static void
put_type(wr_req_t *r, wr_buf_t *b)
{
    if (r->content_type.n == 0) {
        return;
    }
    wr_buf_lit(b, "Content-Type: ");
    if (r->content_type_said.n != 0) {
        wr_buf_str(b, wr_content_type(r));
    } else {
        wr_buf_str(b, r->content_type);
        if (r->charset.n != 0) {
            wr_buf_lit(b, "; charset=");
            wr_buf_str(b, r->charset);
        }
    }
    wr_buf_lit(b, "\r\n");
}

/* How the end of the body is told. */
static void
choose_framing(wr_h1_t *h, wr_req_t *r)
{
    if (r->head_only || r->out_length >= 0) {
        return;
    }
    if (r->version >= WR_HTTP_11 && wr_http_core(r)->chunked_transfer_encoding) {
        h->hr->chunked_out = true;
    } else {
        r->keepalive = 0;
    }
}

static void
append(wr_h1_t *h, wr_seg_t *segs)
{
    for (wr_seg_t *seg = segs; seg != NULL; seg = seg->next) {
        h->out_size += seg->n;
    }
    *h->out_tail = segs;
    h->out_tail = wr_segs_tail(h->out_tail);
}

static void
put_redirect(wr_req_t *r, wr_buf_t *b, wr_str_t target)
{
    wr_buf_lit(b, "Location: ");
    wr_put_location(r, b, target);
    wr_buf_lit(b, "\r\n");
}

wr_rc_t
wr_h1_send_head(wr_req_t *r)
{
    wr_h1_t           *h = r->front_data;
    wr_buf_t           b = wr_buf(wr_pool(r));
    const wr_header_t *location = wr_headers_first(&r->out, WR_H_LOCATION), *early = NULL;

    if (r->version < WR_HTTP_10) {
        r->keepalive = 0;
        return WR_OK;
    }
    choose_framing(h, r);
    wr_buf_reserve(&b, 384);
    put_status(r, &b);
    put_stamp(r, &b);
    put_type(r, &b);
    if (r->out_length >= 0) {
        wr_buf_lit(&b, "Content-Length: ");
        wr_buf_int(&b, r->out_length);
        wr_buf_lit(&b, "\r\n");
    }
    if (r->last_modified >= 0
        && wr_headers_first(&r->out, WR_H_LAST_MODIFIED) == NULL)
    {
        char date[30];

        put_field(&b, "Last-Modified: ", wr_str(date, wr_date_put(date, r->last_modified)));
    }
    /* A place of our own stands before the framing, as nginx has it. */
    if (location != NULL && becomes_absolute(r, location->value)) {
        put_redirect(r, &b, location->value);
        early = location;
    }
    if (h->hr->chunked_out) {
        wr_buf_lit(&b, "Transfer-Encoding: chunked\r\n");
    }
    put_connection(h, r, &b);
    if (r->vary_encoding) {
        wr_buf_lit(&b, "Vary: Accept-Encoding\r\n");
    }
    for (WR_EACH_HEADER(f, &r->out)) {
        if (f == early) {
            continue;
        }
        if (f->id == WR_H_LOCATION) {
            put_redirect(r, &b, f->value);
            continue;
        }
        if (f->id == WR_H_CONNECTION || f->id == WR_H_CONTENT_LENGTH
            || f->id == WR_H_TRANSFER_ENCODING || wr_header_is_silent(f))
        {
            continue;
        }
        wr_buf_str(&b, f->name);
        wr_buf_lit(&b, ": ");
        wr_buf_str(&b, f->value);
        wr_buf_lit(&b, "\r\n");
    }
    wr_buf_lit(&b, "\r\n");
    r->head_bytes += (int64_t) b.n;
    append(h, wr_seg_mem(r, b.p, b.n, r->status < 200 ? WR_SEG_FLUSH : 0));
    return WR_OK;
}

void
wr_h1_send_continue(wr_req_t *r)
{
    static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
    wr_h1_t          *h = r->front_data;

    if (h->hr->continue_sent || r->version < WR_HTTP_11
        || !wr_str_ieqz(wr_req_header(r, WR_H_EXPECT), "100-continue")
        || r->head_sent || h->pos < h->end)
    {
        return;
    }
    h->hr->continue_sent = true;
    append(h, wr_seg_mem(r, text, sizeof(text) - 1, WR_SEG_FLUSH));
    (void) wr_h1_write(h);
}

/* ---- the body ---- */

static wr_seg_t *
chunk_mark(wr_req_t *r, const char *format, size_t n)
{
    wr_str_t text = wr_pool_printf(wr_pool(r), format, n);

    return wr_seg_mem(r, text.p, text.n, 0);
}

static void
put_trailers(wr_req_t *r, wr_buf_t *b)
{
    if (r->trailers == NULL) {
        return;
    }
    for (WR_EACH_HEADER(f, r->trailers)) {
        wr_buf_str(b, f->name);
        wr_buf_lit(b, ": ");
        wr_buf_str(b, f->value);
        wr_buf_lit(b, "\r\n");
    }
}

/* Everything of one call becomes one chunk. */
static wr_seg_t *
put_in_chunk(wr_req_t *r, wr_seg_t *segs)
{
    size_t     n = 0;
    unsigned   flags = 0;
    wr_seg_t **at = &segs, *head, *end;

    /* Empty segments leave no trace but their flags. */
    while (*at != NULL) {
        wr_seg_t *seg = *at;

        flags |= seg->flags;
        n += seg->n;
        if (seg->n == 0) {
            *at = seg->next;
            if (seg->release != NULL) {
                seg->release(seg);
            }
        } else {
            at = &seg->next;
        }
    }
    if (n != 0) {
        head = chunk_mark(r, "%zx\r\n", n);
        head->next = segs;
        segs = head;
        at = wr_segs_tail(&segs);
    }
    if ((flags & WR_SEG_LAST) != 0) {
        wr_buf_t b = wr_buf(wr_pool(r));

        wr_buf_z(&b, n != 0 ? "\r\n0\r\n" : "0\r\n");
        put_trailers(r, &b);
        wr_buf_lit(&b, "\r\n");
        end = wr_seg_mem(r, b.p, b.n, flags);
    } else if (n != 0) {
        end = wr_seg_mem(r, "\r\n", 2, flags);
    } else {
        end = flags != 0 ? wr_seg_mem(r, NULL, 0, flags) : NULL;
    }
    *at = end;
    return segs;
}

wr_rc_t
wr_h1_send_body(wr_req_t *r, wr_seg_t *segs)
{
    wr_h1_t *h = r->front_data;
    bool     flush = false;

    if (h->hr->chunked_out) {
        segs = put_in_chunk(r, segs);
    }
    for (wr_seg_t *seg = segs; seg != NULL; seg = seg->next) {
        flush |= seg->flags != 0;
    }
    if (segs != NULL) {
        append(h, segs);
    }
    if (!flush && h->out_size < wr_http_core(r)->postpone_output) {
        return WR_OK;
    }
    return wr_h1_write(h);
}

size_t
wr_h1_pending(const wr_req_t *r)
{
    const wr_h1_t *h = r->front_data;

    return h->out != NULL && (h->hr->blocked || h->hr->delayed || h->hr->yielded)
               ? wr_max_size(h->out_size, 1)
               : 0;
}

/* ---- to the kernel ---- */

static void
drop_first(wr_h1_t *h)
{
    wr_seg_t *seg = h->out;

    h->out = seg->next;
    if (h->out == NULL) {
        h->out_tail = &h->out;
    }
    if (seg->release != NULL) {
        seg->release(seg);
    }
}

void
wr_h1_drop_out(wr_h1_t *h)
{
    while (h->out != NULL) {
        drop_first(h);
    }
    h->out_size = 0;
}

static void
consume(wr_h1_t *h, size_t n)
{
    h->out_size -= n;
    if (h->req != NULL) {
        h->req->bytes_sent += (int64_t) n;
    }
    while (h->out != NULL) {
        wr_seg_t *seg = h->out;

        if (n < seg->n) {
            wr_seg_skip(seg, n);
            return;
        }
        n -= seg->n;
        drop_first(h);
    }
}

#define MAX_RATE (INT64_C(1) << 34)     /* bytes a second */
#define MAX_AFTER (INT64_C(1) << 50)

/* How much may leave now; 0: the timer has been set. */
static size_t
allowance(wr_h1_t *h)
{
    const wr_http_core_t *core = wr_http_core(h->req);
    wr_req_t             *r = h->req;
    size_t                limit = core->sendfile_max_chunk != 0 ? core->sendfile_max_chunk
                                                                : SIZE_MAX / 2;

    if (r->limit_rate > 0) {
        /* An upstream may have chosen them: nothing may overflow. */
        int64_t rate = r->limit_rate < MAX_RATE ? r->limit_rate : MAX_RATE;
        int64_t after = r->limit_rate_after < MAX_AFTER ? r->limit_rate_after : MAX_AFTER;
        int64_t may = rate * (wr_clock.sec - r->start_sec + 1) - (r->bytes_sent - after);

        if (may <= 0) {
            h->hr->delayed = true;
            wr_timer_cancel(&h->conn.timer);
            wr_timer_set(&h->conn.timer, -may * 1000 / rate + 1);
            return 0;
        }
        limit = wr_min_size(limit, (size_t) may);
    }
    return limit;
}

static char *
scratch(void)
{
    static char buffer[SCRATCH];

    return buffer;
}

typedef struct batch {
    struct iovec iov[MAX_IOV];
    int          n;
    size_t       size;
    size_t       scratched;
    bool         more;          /* something follows that did not fit */
    bool         file_failed;
} batch_t;

/* A piece of a file into the scratch buffer. False: the batch ends before it. */
static bool
add_file(wr_h1_t *h, batch_t *b, const wr_seg_t *seg, size_t limit)
{
    size_t  n = wr_min_size(seg->n, SCRATCH - b->scratched);
    ssize_t got;
    char   *to = scratch() + b->scratched;

    n = wr_min_size(n, limit - b->size);
    if (n == 0) {
        return false;
    }
    got = pread(seg->file->fd, to, n, seg->at);
    if (got <= 0) {
        wr_log(&h->req->log, WR_LOG_ALERT, 0, "file \"%.*s\" was truncated while sending",
               WR_ARG(seg->file->path));
        b->file_failed = true;
        return false;
    }
    b->iov[b->n++] = (struct iovec) {to, (size_t) got};
    b->size += (size_t) got;
    b->scratched += (size_t) got;
    return (size_t) got == seg->n;
}

static bool
by_sendfile(const wr_h1_t *h, const wr_seg_t *seg)
{
    return seg->file != NULL && seg->n > SMALL_FILE && h->conn.io->sendfile != NULL
           && wr_http_core(h->req)->sendfile;
}

static void
gather(wr_h1_t *h, batch_t *b, size_t limit)
{
    for (wr_seg_t *seg = h->out; seg != NULL; seg = seg->next) {
        if (seg->n == 0) {
            continue;
        }
        if (b->n == MAX_IOV || b->size >= limit || by_sendfile(h, seg)) {
            b->more = true;
            return;
        }
        if (seg->file != NULL) {
            if (!add_file(h, b, seg, limit)) {
                b->more = true;
                return;
            }
            continue;
        }
        b->iov[b->n++] = (struct iovec) {(void *) (uintptr_t) seg->p,
                                         wr_min_size(seg->n, limit - b->size)};
        b->size += b->iov[b->n - 1].iov_len;
    }
}

/* Copying a small answer costs less than what sendmsg does more than send. */
static void
join(batch_t *b)
{
    char *to = scratch() + b->scratched, *at = to;

    if (b->n < 2 || b->size > SMALL || b->size > SCRATCH - b->scratched) {
        return;
    }
    for (int i = 0; i < b->n; i++) {
        at = mempcpy(at, b->iov[i].iov_base, b->iov[i].iov_len);
    }
    b->iov[0] = (struct iovec) {to, b->size};
    b->n = 1;
}

/* One call of the kernel. */
static wr_rc_t
write_some(wr_h1_t *h, size_t limit, size_t *sent)
{
    wr_seg_t *first = h->out;
    batch_t   b;
    wr_rc_t   rc;

    while (first != NULL && first->n == 0) {
        drop_first(h);
        first = h->out;
    }
    *sent = 0;
    if (first == NULL) {
        return WR_OK;
    }
    if (by_sendfile(h, first)) {
        rc = wr_conn_sendfile(&h->conn, first->file->fd, first->at,
                              wr_min_size(first->n, limit), first->next != NULL, sent);
        if (rc == WR_OK && *sent == 0) {
            wr_log(&h->req->log, WR_LOG_ALERT, 0,
                   "file \"%.*s\" was truncated while sending", WR_ARG(first->file->path));
            return WR_ERROR;
        }
        return rc;
    }
    b.n = 0;
    b.size = b.scratched = 0;
    b.more = b.file_failed = false;
    gather(h, &b, limit);
    if (b.n == 0) {
        return WR_ERROR;
    }
    join(&b);
    rc = wr_conn_send(&h->conn, b.iov, b.n, b.more && b.size < limit, sent);
    return b.file_failed && rc == WR_OK ? WR_ERROR : rc;
}

static void
go_on(wr_post_t *p)
{
    wr_h1_req_t *hr = WR_CONTAINER(p, wr_h1_req_t, go_on);
    wr_h1_t     *h = hr->h;

    wr_h1_enter(h);
    hr->yielded = false;
    (void) wr_h1_write(h);
    wr_h1_maybe_done(h);
    wr_h1_leave(h);
}

static wr_rc_t
write_failed(wr_h1_t *h)
{
    h->conn.error = true;
    h->req->keepalive = 0;
    wr_h1_drop_out(h);
    if (h->hr->finishing) {
        return WR_ERROR;
    }
    h->hr->blocked = false;
    wr_h1_close(h);             /* aborts the request */
    return WR_ERROR;
}

wr_rc_t
wr_h1_write(wr_h1_t *h)
{
    size_t total = 0, limit;

    if (h->state == H1_DEAD || h->conn.error) {
        return WR_ERROR;
    }
    if (h->hr->delayed || h->hr->yielded) {
        return WR_AGAIN;
    }
    limit = allowance(h);
    if (limit == 0) {
        return WR_AGAIN;
    }
    h->hr->blocked = false;
    while (h->out != NULL) {
        size_t  sent;
        wr_rc_t rc;

        if (total >= limit) {
            if (h->req->limit_rate > 0) {
                return allowance(h) == 0 ? WR_AGAIN : wr_h1_write(h);
            }
            h->hr->yielded = true;
            h->hr->go_on.fn = go_on;
            wr_post(&h->hr->go_on);
            return WR_AGAIN;
        }
        rc = write_some(h, limit - total, &sent);
        if (sent != 0) {
            consume(h, sent);
            total += sent;
        }
        if (rc == WR_AGAIN) {
            h->hr->blocked = true;
            wr_timer_set(&h->conn.timer, wr_http_core(h->req)->send_timeout);
            return WR_AGAIN;
        }
        if (rc != WR_OK) {
            return write_failed(h);
        }
    }
    h->out_size = 0;
    wr_req_drained(h->req);
    return WR_OK;
}
