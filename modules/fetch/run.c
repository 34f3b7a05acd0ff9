/*
 * fetch: the course of one fetch, from resolving to the last byte.
 *
 * It is driven by the completions of its own ops, not by frames, so that many can
 * stand in one gather. It ends exactly once, in `done`.
 */
#include "fetch.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

enum { HEAD_ROOM = 16 * 1024, DRAIN = 64 * 1024 };

static void resolve(fetch_t *f);
static void next_peer(fetch_t *f);

/* ---- the end ---- */

static void
close_exchange(fetch_t *f, bool keep, bool failed)
{
    if (f->open) {
        f->open = false;
        f->x.op.done = NULL;
        if (keep) {
            wr_exchange_end(&f->x);
        } else {
            wr_exchange_close(&f->x);
        }
        wr_pick_done(&f->pick, failed);
    }
    if (f->host != NULL) {
        host_t *h = f->host;

        f->host = NULL;
        host_leave(h, f);
    }
}

static void
done(fetch_t *f, bool failed)
{
    wr_timer_cancel(&f->deadline);
    if (f->resolve.op.state == WR_OP_PENDING) {
        f->resolve.op.done = NULL;
        wr_op_cancel(&f->resolve.op);
    }
    if (f->known.op.state == WR_OP_PENDING) {
        f->known.op.done = NULL;
        wr_op_cancel(&f->known.op);
    }
    close_exchange(f, !failed, failed && !f->ours);
    fetch_body_drop(f);
    f->ended_ns = wr_clock_ns();
    if (f->op.state == WR_OP_PENDING) {
        wr_op_complete(&f->op, WR_OK);
    }
}

void
fetch_fail(fetch_t *f, const char *format, ...)
{
    char    text[512];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    f->ok = false;
    f->error = wr_pool_str(wr_pool(f->r), wr_str_z(text));
    done(f, true);
}

/* The client has gone, or the gather's time is up. */
static void
cancelled(wr_op_t *op)
{
    fetch_t *f = WR_CONTAINER(op, fetch_t, op);

    f->ours = true;
    f->timed_out = !f->r->aborted;
    fetch_fail(f, f->timed_out ? "timed out" : "cancelled");
}

static void
deadline(wr_timer_t *t)
{
    fetch_t *f = WR_CONTAINER(t, fetch_t, deadline);

    f->timed_out = true;
    fetch_fail(f, "timed out after %" PRId64 " ms", f->timeout);
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

/* ---- the body ---- */

static void
complete(fetch_t *f)
{
    if (!fetch_body_end(f)) {
        return;
    }
    f->complete = true;
    f->ok = f->x.status >= 200 && f->x.status < 400;
    if (!f->ok) {
        f->error = wr_pool_printf(wr_pool(f->r), "status %u", f->x.status);
    }
    done(f, false);
}

static void
body_came(wr_op_t *op)
{
    fetch_t *f = op->waiter;
    char     buffer[16 * 1024];

    if (op->rc != WR_OK) {
        fetch_fail(f, "the connection broke while the answer came");
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
            fetch_fail(f, "the connection broke while the answer came");
            return;
        }
        if (!fetch_body_take(f, buffer, n)) {
            return;
        }
    }
    wr_exchange_wait(&f->x);
    wait_for(f, &f->x.op, body_came);
}

/* ---- redirects ---- */

static bool
is_redirect(unsigned status)
{
    return status == 301 || status == 302 || status == 303 || status == 307
           || status == 308;
}

/* What is left of an answer that nobody wants: if it is all there the connection
 * can be kept. */
static bool
drained(fetch_t *f)
{
    char    buffer[4096];
    size_t  n, total = 0;
    wr_rc_t rc = WR_OK;

    while (rc == WR_OK && total < DRAIN) {
        rc = wr_exchange_read(&f->x, buffer, sizeof(buffer), &n);
        total += n;
    }
    return rc == WR_DONE;
}

static void
follow(fetch_t *f, wr_str_t location)
{
    unsigned status = f->x.status;
    url_t    to;

    if (f->redirects == 0) {
        fetch_fail(f, "too many redirects");
        return;
    }
    f->redirects--;
    if (!url_join(wr_pool(f->r), &f->url, location, &to)) {
        fetch_fail(f, "redirected to what is no URL: \"%.*s\"",
                   (int) wr_min_size(location.n, 200), location.p);
        return;
    }
    close_exchange(f, drained(f), false);
    f->foreign |= !url_same_origin(&f->url, &to);
    f->url = to;
    if ((status == 303 && !wr_str_eqz(f->method, "HEAD"))
        || ((status == 301 || status == 302) && wr_str_eqz(f->method, "POST")))
    {
        f->method = WR_STR("GET");
        f->body = WR_STR_NONE;
        f->bare = true;
    }
    f->retried = false;
    resolve(f);
}

/* ---- the answer's head ---- */

/* A peer may close a kept connection just when a request is on its way: it is asked
 * again, unless that could do something twice. */
static bool
may_retry(const fetch_t *f)
{
    bool safe = wr_str_eqz(f->method, "GET") || wr_str_eqz(f->method, "HEAD")
                || wr_str_eqz(f->method, "PUT") || wr_str_eqz(f->method, "DELETE")
                || wr_str_eqz(f->method, "OPTIONS");

    return !f->retried && f->x.uc != NULL && f->x.uc->reused && f->x.bytes_received == 0
           && (safe || !f->x.sent_any);
}

static void
answered(wr_op_t *op)
{
    fetch_t     *f = op->waiter;
    wr_header_t *location;

    if (op->rc != WR_OK) {
        if (op->rc != WR_TIMEOUT && op->rc != WR_SYNTAX && op->rc != WR_LIMIT
            && may_retry(f))
        {
            f->retried = true;
            close_exchange(f, false, false);
            resolve(f);
            return;
        }
        fetch_fail(f, op->rc == WR_CLOSED ? "the server closed the connection"
                      : op->rc == WR_LIMIT ? "the answer's head is too large"
                      : op->rc == WR_SYNTAX ? "the answer is not HTTP"
                                            : "the connection broke");
        return;
    }
    if (f->x.upgrade) {
        fetch_fail(f, "the server wants to speak another protocol");
        return;
    }
    location = wr_headers_first(&f->x.in, WR_H_LOCATION);
    if (is_redirect(f->x.status) && location != NULL && f->follows) {
        follow(f, location->value);
        return;
    }
    if (fetch_body_begin(f)) {
        f->x.op.rc = WR_OK;
        body_came(&f->x.op);
    }
}

/* ---- connecting ---- */

static void
cannot_connect(fetch_t *f)
{
    if (f->connect_error == EPROTO) {
        fetch_fail(f, "no secure connection to %.*s: the log says why",
                   WR_ARG(f->url.authority));
    } else if (f->connect_error != 0) {
        fetch_fail(f, "cannot connect to %.*s: %s", WR_ARG(f->url.authority),
                   strerror(f->connect_error));
    } else {
        fetch_fail(f, "no server of %.*s is alive", WR_ARG(f->url.authority));
    }
}

static void
connected(wr_op_t *op)
{
    fetch_t *f = op->waiter;
    wr_str_t text;

    if (op->rc != WR_OK) {
        f->connect_error = f->x.error;
        f->open = false;
        wr_exchange_close(&f->x);
        wr_pick_done(&f->pick, true);
        next_peer(f);
        return;
    }
    text = fetch_request(f);
    f->x.out = wr_seg_mem(f->r, text.p, text.n, 0);
    f->x.out_complete = true;
    f->x.head_request = wr_str_eqz(f->method, "HEAD");
    f->x.cap = HEAD_ROOM;
    wr_exchange_start(&f->x);
    wait_for(f, &f->x.op, answered);
}

static void
next_peer(fetch_t *f)
{
    wr_peer_t *peer = wr_pick_next(&f->pick);

    if (peer == NULL) {
        cannot_connect(f);
        return;
    }
    wr_exchange_init(&f->x, wr_pool(f->r), &f->r->log);
    /* The one deadline counts; these only must not come before it. */
    f->x.connect_timeout = f->x.send_timeout = f->x.read_timeout = f->timeout + 1000;
    if (f->url.tls) {
        f->x.tls = fetch_client(f);
        if (f->x.tls == NULL) {
            f->ours = true;
            fetch_fail(f, "TLS cannot be set up");
            return;
        }
        f->x.tls_name = f->url.host;
        f->x.tls_sni = true;
    }
    f->open = true;
    wr_exchange_connect(&f->x, peer, NULL, 0);
    wait_for(f, &f->x.op, connected);
}

static void
have_group(fetch_t *f, wr_upstream_t *group)
{
    f->connect_error = 0;
    wr_pick_init(&f->pick, group, f->r, wr_pool(f->r), &f->r->log);
    next_peer(f);
}

void
fetch_go_on(fetch_t *f)
{
    have_group(f, host_group(f->host));
}

/* ---- the host ---- */

/* The location's, else the system's. */
static wr_resolver_t *
resolver_of(const fetch_t *f)
{
    wr_resolver_t *own = wr_http_core(f->r)->resolver;

    return own != NULL ? own : wr_resolver_default();
}

static void
group_known(wr_op_t *op)
{
    fetch_t *f = op->waiter;

    if (op->rc == WR_CANCELLED) {
        cancelled(&f->op);
        return;
    }
    have_group(f, f->group);        /* if there is none: no server is alive */
}

static void
resolved(wr_op_t *op)
{
    fetch_t *f = op->waiter;

    if (op->rc != WR_OK) {
        fetch_fail(f, "%.*s could not be resolved: %s", WR_ARG(f->url.host),
                   wr_resolve_error(f->resolve.code));
        return;
    }
    f->host = host_use(&f->url, resolver_of(f), f->resolve.addrs, f->resolve.n,
                       fetch_settings(f->r)->connections);
    if (host_enter(f->host, f)) {
        fetch_go_on(f);
    }
}

static wr_str_t
without_brackets(wr_str_t host)
{
    return host.n > 2 && host.p[0] == '[' ? wr_str_sub(host, 1, host.n - 1) : host;
}

static void
resolve(fetch_t *f)
{
    const wr_http_core_t *core = wr_http_core(f->r);
    wr_upstream_t        *group = wr_upstream_find(f->url.authority);

    if (group != NULL && wr_upstream_wait(group, &f->known)) {
        f->group = group;
        wait_for(f, &f->known.op, group_known);
        return;
    }
    if (group != NULL) {
        have_group(f, group);
        return;
    }
    memset(&f->resolve, 0, sizeof(f->resolve));
    /* Without a resolver of its own the one deadline counts. */
    wr_resolve_start(resolver_of(f), &f->resolve, wr_pool(f->r),
                     without_brackets(f->url.host),
                     core->resolver != NULL ? core->resolver_timeout : f->timeout + 1000);
    wait_for(f, &f->resolve.op, resolved);
}

void
fetch_start(fetch_t *f)
{
    f->began_ns = wr_clock_ns();
    f->text = wr_buf(wr_pool(f->r));
    f->fd = -1;
    f->follows = f->redirects != 0;
    f->deadline.fn = deadline;
    wr_op_begin(&f->op, "fetch", cancelled);
    wr_timer_set(&f->deadline, f->timeout);
    resolve(f);
}
