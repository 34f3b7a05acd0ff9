/*
 * fetch: the course of one fetch, from resolving to the last byte.
 *
 * It is driven by the completions of its own ops, not by frames, so that many can
 * stand in one gather. It ends exactly once, in `done`.
 */
#define _GNU_SOURCE
#include "fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <weir/process/cycle.h>
#include <weir_config.h>
#include <zlib.h>

enum { HEAD_ROOM = 32 * 1024 };

static void request(fetch_t *f);
static void next_peer(fetch_t *f);

/* ---- the end ---- */

static void
close_exchange(fetch_t *f, bool keep)
{
    if (!f->open) {
        return;
    }
    f->open = false;
    f->x.op.done = NULL;
    if (keep) {
        wr_exchange_end(&f->x);
    } else {
        wr_exchange_close(&f->x);
    }
    wr_pick_done(&f->pick, !keep);
}

static void
drop_file(fetch_t *f)
{
    if (f->fd >= 0) {
        close(f->fd);
        f->fd = -1;
        (void) unlink(f->temp_path.p);
    }
}

static void
done(fetch_t *f)
{
    wr_timer_cancel(&f->deadline);
    close_exchange(f, f->ok);
    drop_file(f);
    if (f->inflate != NULL) {
        (void) inflateEnd(f->inflate);
        f->inflate = NULL;
    }
    f->elapsed = wr_clock.mono - f->started;
    if (f->op.state == WR_OP_PENDING) {
        wr_op_complete(&f->op, WR_OK);
    }
}

static void
fail(fetch_t *f, const char *format, ...) WR_PRINTF(2, 3);

static void
fail(fetch_t *f, const char *format, ...)
{
    char    text[512];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    f->ok = false;
    f->error = wr_pool_str(wr_pool(f->r), wr_str_z(text));
    done(f);
}

static void
cancelled(wr_op_t *op)
{
    fetch_t *f = WR_CONTAINER(op, fetch_t, op);

    if (f->resolve.op.state == WR_OP_PENDING) {
        f->resolve.op.done = NULL;
        wr_op_cancel(&f->resolve.op);
    }
    fail(f, "cancelled");
}

static void
deadline(wr_timer_t *t)
{
    fetch_t *f = WR_CONTAINER(t, fetch_t, deadline);

    f->timed_out = true;
    if (f->resolve.op.state == WR_OP_PENDING) {
        f->resolve.op.done = NULL;
        wr_op_cancel(&f->resolve.op);
    }
    fail(f, "timed out after %" PRId64 " ms", f->conf->timeout);
}

/* Waits for an op, or goes on at once if it is done. */
static void
wait_for(fetch_t *f, wr_op_t *op, void (*next)(wr_op_t *op))
{
    op->waiter = f;
    op->done = next;
    if (op->state == WR_OP_DONE) {
        next(op);
    }
}

/* ---- storing ---- */

static bool
open_store(fetch_t *f)
{
    f->temp_path = wr_pool_join(wr_pool(f->r), f->path, WR_STR(".XXXXXX"));
    f->fd = mkostemp((char *) (uintptr_t) f->temp_path.p, O_CLOEXEC);
    if (f->fd < 0) {
        wr_log(&f->r->log, WR_LOG_ERR, errno, "open() \"%.*s\" failed", WR_ARG(f->temp_path));
        return false;
    }
    return true;
}

static bool
finish_store(fetch_t *f)
{
    int fd = f->fd;

    f->fd = -1;
    if (fchmod(fd, 0644) != 0 || close(fd) != 0 || rename(f->temp_path.p, f->path.p) != 0) {
        wr_log(&f->r->log, WR_LOG_ERR, errno, "rename() \"%.*s\" to \"%.*s\" failed",
               WR_ARG(f->temp_path), WR_ARG(f->path));
        (void) unlink(f->temp_path.p);
        return false;
    }
    f->stored = true;
    return true;
}

/* ---- the body ---- */

/* False: too much, or the file cannot be written; the fetch has failed. */
static bool
take(fetch_t *f, const char *p, size_t n)
{
    f->received += (int64_t) n;
    if (f->received > f->conf->max_size) {
        fail(f, "the answer is larger than %" PRId64 " bytes", f->conf->max_size);
        return false;
    }
    if (f->fd < 0) {
        wr_buf_add(&f->text, p, n);
        return true;
    }
    while (n != 0) {
        ssize_t wrote = write(f->fd, p, n);

        if (wrote <= 0) {
            wr_log(&f->r->log, WR_LOG_ERR, errno, "write() to \"%.*s\" failed",
                   WR_ARG(f->temp_path));
            fail(f, "the answer cannot be stored");
            return false;
        }
        p += wrote;
        n -= (size_t) wrote;
    }
    return true;
}

static bool
take_encoded(fetch_t *f, char *p, size_t n)
{
    z_stream *z = f->inflate;
    char      out[32 * 1024];
    int       rc = Z_OK;

    if (z == NULL) {
        return take(f, p, n);
    }
    z->next_in = (Bytef *) p;
    z->avail_in = (uInt) n;
    while (z->avail_in != 0 && rc != Z_STREAM_END) {
        z->next_out = (Bytef *) out;
        z->avail_out = sizeof(out);
        rc = inflate(z, Z_NO_FLUSH);
        if (rc != Z_OK && rc != Z_STREAM_END) {
            fail(f, "the answer's gzip encoding is broken");
            return false;
        }
        if (!take(f, out, sizeof(out) - z->avail_out)) {
            return false;
        }
    }
    return true;
}

static void
complete(fetch_t *f)
{
    if (f->fd >= 0 && !finish_store(f)) {
        fail(f, "the answer cannot be stored");
        return;
    }
    f->ok = f->x.status >= 200 && f->x.status < 400;
    if (!f->ok) {
        f->error = wr_pool_printf(wr_pool(f->r), "status %u", f->x.status);
    }
    close_exchange(f, true);
    done(f);
}

static void
body_came(wr_op_t *op)
{
    fetch_t *f = op->waiter;
    char     buffer[16 * 1024];

    if (op->rc != WR_OK) {
        fail(f, op->rc == WR_TIMEOUT ? "timed out reading the answer"
                                     : "the connection broke");
        return;
    }
    for (;;) {
        size_t  n;
        wr_rc_t rc = wr_exchange_read(&f->x, buffer, sizeof(buffer), &n);

        if (rc == WR_AGAIN) {
            break;
        }
        if (rc == WR_DONE) {
            complete(f);
            return;
        }
        if (rc != WR_OK) {
            fail(f, "the connection broke");
            return;
        }
        if (!take_encoded(f, buffer, n)) {
            return;
        }
    }
    wr_exchange_wait(&f->x);
    wait_for(f, &f->x.op, body_came);
}

/* ---- the answer's head ---- */

static bool
is_redirect(unsigned status)
{
    return status == 301 || status == 302 || status == 303 || status == 307
           || status == 308;
}

static void
follow(fetch_t *f, wr_str_t location)
{
    unsigned status = f->x.status;
    url_t    to;

    if (f->redirects == 0) {
        fail(f, "too many redirects");
        return;
    }
    f->redirects--;
    if (!url_join(wr_pool(f->r), &f->url, location, &to)) {
        fail(f, "redirected to what is no URL");
        return;
    }
    close_exchange(f, false);
    f->url = to;
    if (status == 303 || ((status == 301 || status == 302) && wr_str_eqz(f->method, "POST"))) {
        f->method = WR_STR("GET");
        f->body = WR_STR_NONE;
    }
    fetch_start(f);
}

static void
answered(wr_op_t *op)
{
    fetch_t     *f = op->waiter;
    wr_header_t *location, *encoding;

    if (op->rc != WR_OK) {
        bool stale = f->x.uc != NULL && f->x.uc->reused && f->x.bytes_received == 0;

        if (stale && !f->retried && op->rc != WR_TIMEOUT) {
            /* The peer had closed a kept connection. */
            f->retried = true;
            close_exchange(f, false);
            fetch_start(f);
            return;
        }
        fail(f, op->rc == WR_TIMEOUT ? "timed out waiting for the answer"
                : op->rc == WR_CLOSED ? "the server closed the connection"
                : op->rc == WR_LIMIT ? "the answer's head is too large"
                : op->rc == WR_SYNTAX ? "the answer is not HTTP"
                                      : "the connection broke");
        return;
    }
    location = wr_headers_first(&f->x.in, WR_H_LOCATION);
    if (is_redirect(f->x.status) && location != NULL && f->conf->redirects != 0) {
        follow(f, location->value);
        return;
    }
    encoding = wr_headers_first(&f->x.in, WR_H_CONTENT_ENCODING);
    if (encoding != NULL && wr_str_ieqz(encoding->value, "gzip")) {
        z_stream *z = WR_NEW(wr_pool(f->r), z_stream);

        if (inflateInit2(z, 31) != Z_OK) {
            fail(f, "no memory for the answer's encoding");
            return;
        }
        f->inflate = z;
    }
    if (f->path.n != 0 && f->x.status >= 200 && f->x.status < 300 && !open_store(f)) {
        fail(f, "the answer cannot be stored");
        return;
    }
    if (f->x.length >= 0 && f->x.length > f->conf->max_size) {
        fail(f, "the answer is larger than %" PRId64 " bytes", f->conf->max_size);
        return;
    }
    f->x.op.rc = WR_OK;
    body_came(&f->x.op);
}

/* ---- the request ---- */

static bool
put_headers(fetch_t *f, wr_buf_t *b, bool *has_agent, bool *has_type)
{
    for (WR_EACH(field_t, field, &f->conf->headers)) {
        wr_buf_t value = wr_buf(wr_pool(f->r));

        if (!wr_app_render(f->r, field->value, false, &value)) {
            return false;
        }
        if (!wr_is_field_value(wr_buf_text(&value))) {
            continue;
        }
        *has_agent |= wr_str_ieqz(field->name, "User-Agent");
        *has_type |= wr_str_ieqz(field->name, "Content-Type");
        wr_buf_str(b, field->name);
        wr_buf_lit(b, ": ");
        wr_buf_add(b, value.p, value.n);
        wr_buf_lit(b, "\r\n");
    }
    return true;
}

static bool
put_request(fetch_t *f, wr_buf_t *b)
{
    wr_header_t *trace = wr_headers_first(&f->r->main->in, WR_H_TRACEPARENT);
    bool         has_agent = false, has_type = false;

    wr_buf_str(b, f->method);
    wr_buf_char(b, ' ');
    wr_buf_str(b, f->url.target);
    wr_buf_lit(b, " HTTP/1.1\r\nHost: ");
    wr_buf_str(b, f->url.authority);
    wr_buf_lit(b, "\r\nAccept: */*\r\nAccept-Encoding: gzip\r\n");
    if (!put_headers(f, b, &has_agent, &has_type)) {
        return false;
    }
    if (!has_agent) {
        wr_buf_lit(b, "User-Agent: weir/" WR_VERSION "\r\n");
    }
    if (trace != NULL) {
        wr_buf_lit(b, "traceparent: ");
        wr_buf_str(b, trace->value);
        wr_buf_lit(b, "\r\n");
    }
    if (f->body.p != NULL) {
        if (!has_type) {
            wr_buf_lit(b, "Content-Type: application/octet-stream\r\n");
        }
        wr_buf_lit(b, "Content-Length: ");
        wr_buf_uint(b, f->body.n);
        wr_buf_lit(b, "\r\n");
    }
    wr_buf_lit(b, "\r\n");
    wr_buf_str(b, f->body);
    return true;
}

static void
connected(wr_op_t *op)
{
    fetch_t *f = op->waiter;

    if (op->rc != WR_OK) {
        int error = f->x.error;

        close_exchange(f, false);
        if (f->pick.tries != 0) {
            next_peer(f);
            return;
        }
        fail(f, op->rc == WR_TIMEOUT ? "timed out connecting to %.*s"
                                     : "cannot connect to %.*s: %s",
             WR_ARG(f->url.authority), strerror(error));
        return;
    }
    request(f);
}

static void
request(fetch_t *f)
{
    wr_buf_t b = wr_buf(wr_pool(f->r));

    if (!put_request(f, &b)) {
        fail(f, "a header of the request cannot be made");
        return;
    }
    f->x.out = wr_seg_mem(f->r, b.p, b.n, 0);
    f->x.out_complete = true;
    f->x.head_request = wr_str_eqz(f->method, "HEAD");
    f->x.cap = HEAD_ROOM;
    f->x.buf = wr_alloc_bytes(wr_pool(f->r), HEAD_ROOM);
    wr_exchange_start(&f->x);
    wait_for(f, &f->x.op, answered);
}

static void
next_peer(fetch_t *f)
{
    wr_peer_t *peer = wr_pick_next(&f->pick);

    if (peer == NULL) {
        fail(f, "no server of %.*s is alive", WR_ARG(f->url.authority));
        return;
    }
    wr_exchange_init(&f->x, wr_pool(f->r), &f->r->log);
    f->x.connect_timeout = f->x.send_timeout = f->x.read_timeout = f->conf->timeout;
    f->open = true;
    wr_exchange_connect(&f->x, peer, NULL, 0);
    wait_for(f, &f->x.op, connected);
}

static void
have_group(fetch_t *f)
{
    wr_pick_init(&f->pick, f->group, f->r, wr_pool(f->r), &f->r->log);
    next_peer(f);
}

static void
resolved(wr_op_t *op)
{
    fetch_t *f = op->waiter;

    if (op->rc != WR_OK) {
        fail(f, op->rc == WR_TIMEOUT ? "timed out resolving %.*s"
                                     : "%.*s could not be resolved: %s",
             WR_ARG(f->url.host), wr_resolve_error(f->resolve.code));
        return;
    }
    f->group = fetch_group(&f->url, f->resolve.addrs, f->resolve.n);
    have_group(f);
}

void
fetch_start(fetch_t *f)
{
    if (f->op.state != WR_OP_PENDING) {
        f->started = wr_clock.mono;
        f->fd = -1;
        f->deadline.fn = deadline;
        wr_op_begin(&f->op, "fetch", cancelled);
        wr_timer_set(&f->deadline, f->conf->timeout);
    }
    f->text = wr_buf(wr_pool(f->r));
    f->received = 0;
    if (f->url.tls) {
        fail(f, "https is not available");
        return;
    }
    f->group = wr_upstream_find(f->url.authority);
    if (f->group != NULL) {
        have_group(f);
        return;
    }
    wr_resolve_start(wr_resolver_default(), &f->resolve, wr_pool(f->r), f->url.host,
                     f->conf->timeout);
    wait_for(f, &f->resolve.op, resolved);
}
