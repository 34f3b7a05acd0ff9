/*
 * Lines on their way to a file. They are gathered in memory and written together:
 * when buffer= is full or its time is up, or at the end of the loop's turn.
 */
#include <errno.h>
#include <unistd.h>
#include <zlib.h>
#include <weir/http/request.h>
#include "log.h"

enum { TURN_LIMIT = 64 * 1024 };        /* without buffer=: bytes held at most */

static log_sink_t *
sink_of_post(wr_post_t *p)
{
    return WR_CONTAINER(p, log_sink_t, post);
}

static void
on_post(wr_post_t *p)
{
    log_sink_flush(sink_of_post(p));
}

static void
on_timer(wr_timer_t *t)
{
    log_sink_flush(WR_CONTAINER(t, log_sink_t, timer));
}

static void
on_flush(wr_file_log_t *file)
{
    log_sink_flush(file->data);
}

/* The pool of a cycle goes: what is not written by now is lost. */
static void
forget(void *data)
{
    log_sink_t *s = data;

    wr_unpost(&s->post);
    wr_timer_cancel(&s->timer);
    wr_buf_free(&s->lines);
}

log_sink_t *
log_sink_of(wr_conf_t *cf, wr_file_log_t *file)
{
    log_sink_t *s = file->data;

    if (s == NULL) {
        s = WR_NEW(cf->pool, log_sink_t);
        s->file = file;
        s->post.fn = on_post;
        s->timer.fn = on_timer;
        file->data = s;
        file->flush = on_flush;
        wr_pool_on_free(cf->pool, forget, s);
    }
    return s;
}

/* ---- writing ---- */

/* A disk that is full is no news twice a minute. */
static void
complain(log_sink_t *s, const char *what, int err)
{
    if (wr_clock.sec - s->complained < 60) {
        return;
    }
    s->complained = wr_clock.sec;
    wr_log(wr_cycle->log, WR_LOG_ALERT, err, "%s \"%.*s\" failed", what,
           WR_ARG(s->file->path));
}

static void
write_all(log_sink_t *s, const char *p, size_t n)
{
    while (n != 0) {
        ssize_t sent = write(s->file->fd, p, n);

        if (sent < 0 && errno == EINTR) {
            continue;
        }
        if (sent <= 0) {
            complain(s, "write() to", sent < 0 ? errno : 0);
            return;
        }
        p += sent;
        n -= (size_t) sent;
    }
}

/* A gzip member of its own for each buffer: files of them can be read as one. */
static void
write_gzip(log_sink_t *s, const char *p, size_t n)
{
    z_stream z = {0};
    wr_buf_t out = {0};

    if (deflateInit2(&z, s->gzip, Z_DEFLATED, MAX_WBITS + 16, MAX_MEM_LEVEL,
                     Z_DEFAULT_STRATEGY) != Z_OK)
    {
        complain(s, "deflateInit2() for", 0);
        return;
    }
    wr_buf_reserve(&out, deflateBound(&z, n));
    z.next_in = (Bytef *) (uintptr_t) p;
    z.avail_in = (uInt) n;
    z.next_out = (Bytef *) out.p;
    z.avail_out = (uInt) out.cap;
    if (deflate(&z, Z_FINISH) == Z_STREAM_END) {
        write_all(s, out.p, z.total_out);
    } else {
        complain(s, "deflate() for", 0);
    }
    deflateEnd(&z);
    wr_buf_free(&out);
}

void
log_sink_flush(log_sink_t *s)
{
    wr_timer_cancel(&s->timer);
    if (s->lines.n == 0) {
        return;
    }
    if (s->gzip != 0) {
        write_gzip(s, s->lines.p, s->lines.n);
    } else {
        write_all(s, s->lines.p, s->lines.n);
    }
    s->lines.n = 0;
}

wr_buf_t *
log_sink_begin(log_sink_t *s)
{
    return &s->lines;
}

void
log_sink_added(log_sink_t *s)
{
    if (s->lines.n >= (s->limit != 0 ? s->limit : TURN_LIMIT)) {
        log_sink_flush(s);
    } else if (s->limit == 0) {
        wr_post(&s->post);
    } else if (s->flush_after != 0 && !wr_timer_is_set(&s->timer)) {
        wr_timer_set(&s->timer, s->flush_after);
    }
}
