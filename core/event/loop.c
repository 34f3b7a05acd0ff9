/*
 * The event loop: epoll, edge-triggered, one per process.
 *
 * Events are fetched in batches. A handler may close any descriptor and free its
 * watch: wr_watch_remove and wr_watch_forget therefore strike the watch out of
 * the rest of the batch.
 */
#define _GNU_SOURCE
#include <weir/event/loop_priv.h>

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { MAX_EVENTS = 512 };

static struct {
    int                 fd;
    wr_log_t           *log;
    struct epoll_event *events;
    int                 room;
    int                 at;         /* the next event of the batch … */
    int                 n;          /* … of so many */
    wr_watch_t         *current;    /* whose handlers run; NULL: it has gone */
    wr_queue_t          posts;
    uint64_t            turns;
} loop = {.fd = -1};

wr_rc_t
wr_loop_open(wr_log_t *log, unsigned events)
{
    WR_ASSERT(loop.fd == -1);
    loop.log = log;
    loop.fd = epoll_create1(EPOLL_CLOEXEC);
    if (loop.fd < 0) {
        wr_log(log, WR_LOG_EMERG, errno, "epoll_create1() failed");
        return WR_ERROR;
    }
    loop.room = events == 0 || events > MAX_EVENTS ? MAX_EVENTS : (int) events;
    loop.events = calloc((size_t) loop.room, sizeof(*loop.events));
    WR_ASSERT(loop.events != NULL);
    loop.at = loop.n = 0;
    loop.current = NULL;
    wr_queue_init(&loop.posts);
    wr_clock_update();
    return WR_OK;
}

void
wr_loop_close(void)
{
    if (loop.fd == -1) {
        return;
    }
    close(loop.fd);
    loop.fd = -1;
    free(loop.events);
    loop.events = NULL;
    loop.at = loop.n = 0;
    while (!wr_queue_empty(&loop.posts)) {
        wr_unpost(WR_QUEUE_ITEM(loop.posts.next, wr_post_t, link));
    }
    wr_timers_drop();
}

uint64_t
wr_loop_turns(void)
{
    return __atomic_load_n(&loop.turns, __ATOMIC_RELAXED);
}

/* ---- watches ---- */

static wr_rc_t
add(wr_watch_t *w, uint32_t events)
{
    struct epoll_event e = {.events = events, .data.ptr = w};

    WR_ASSERT(w->fd >= 0 && !w->registered);
    if (epoll_ctl(loop.fd, EPOLL_CTL_ADD, w->fd, &e) != 0) {
        wr_log(loop.log, WR_LOG_ALERT, errno, "epoll_ctl(%d, ADD, %d) failed",
               loop.fd, w->fd);
        return WR_ERROR;
    }
    w->registered = true;
    return WR_OK;
}

wr_rc_t
wr_watch_add(wr_watch_t *w)
{
    return add(w, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
}

wr_rc_t
wr_watch_add_listen(wr_watch_t *w, bool exclusive)
{
    return add(w, exclusive ? EPOLLIN | (uint32_t) EPOLLEXCLUSIVE : EPOLLIN);
}

void
wr_watch_forget(wr_watch_t *w)
{
    if (!w->registered) {
        return;
    }
    w->registered = false;
    if (loop.current == w) {
        loop.current = NULL;
    }
    for (int i = loop.at; i < loop.n; i++) {
        if (loop.events[i].data.ptr == w) {
            loop.events[i].data.ptr = NULL;
            break;
        }
    }
}

void
wr_watch_remove(wr_watch_t *w)
{
    struct epoll_event e = {0};

    if (w->registered
        && epoll_ctl(loop.fd, EPOLL_CTL_DEL, w->fd, &e) != 0)
    {
        wr_log(loop.log, WR_LOG_ALERT, errno, "epoll_ctl(%d, DEL, %d) failed",
               loop.fd, w->fd);
    }
    wr_watch_forget(w);
}

static inline void
dispatch(wr_watch_t *w, uint32_t events)
{
    bool could_write = w->writable;

    loop.current = w;
    if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) {
        w->hup = true;
        events |= EPOLLIN;
    }
    if (events & (EPOLLHUP | EPOLLERR)) {
        events |= EPOLLOUT;
    }
    if (events & EPOLLOUT) {
        w->writable = true;
    }
    if (events & EPOLLIN) {
        w->readable = w->arrived = true;
        if (w->on_read != NULL) {
            w->on_read(w);
        }
    }
    /* Nobody waits for what was writable all along: the kernel repeats it with
     * each edge of the other direction. */
    if ((events & EPOLLOUT) && !could_write && loop.current == w
        && w->on_write != NULL)
    {
        w->on_write(w);
    }
    loop.current = NULL;
}

/* ---- posted work ---- */

void
wr_post(wr_post_t *p)
{
    if (!p->queued) {
        p->queued = true;
        wr_queue_push(&loop.posts, &p->link);
    }
}

void
wr_unpost(wr_post_t *p)
{
    if (p->queued) {
        p->queued = false;
        wr_queue_remove(&p->link);
    }
}

/* What is posted meanwhile waits for the next turn, so that I/O has its share. */
static void
run_posts(void)
{
    wr_queue_t now;

    if (wr_likely(wr_queue_empty(&loop.posts))) {
        return;
    }
    now = loop.posts;
    now.next->prev = now.prev->next = &now;
    wr_queue_init(&loop.posts);
    while (!wr_queue_empty(&now)) {
        wr_post_t *p = WR_QUEUE_ITEM(now.next, wr_post_t, link);

        wr_unpost(p);
        p->fn(p);
    }
}

/* ---- the turn ---- */

static int
time_to_wait(wr_msec_t max_ms)
{
    wr_msec_t ms = wr_timers_next();

    if (!wr_queue_empty(&loop.posts)) {
        return 0;
    }
    if (ms < 0 || (max_ms >= 0 && max_ms < ms)) {
        ms = max_ms;
    }
    return ms < 0 ? -1 : ms > INT32_MAX ? INT32_MAX : (int) ms;
}

void
wr_loop_turn(wr_msec_t max_ms)
{
    int n = epoll_wait(loop.fd, loop.events, loop.room, time_to_wait(max_ms));

    wr_clock_update();
    __atomic_store_n(&loop.turns, loop.turns + 1, __ATOMIC_RELAXED);
    if (wr_unlikely(n < 0)) {
        if (errno != EINTR) {
            wr_log(loop.log, WR_LOG_ALERT, errno, "epoll_wait() failed");
        }
        n = 0;
    }
    loop.n = n;
    for (loop.at = 0; loop.at < loop.n; ) {
        struct epoll_event *e = &loop.events[loop.at++];

        if (wr_likely(e->data.ptr != NULL)) {
            dispatch(e->data.ptr, e->events);
        }
    }
    loop.at = loop.n = 0;
    wr_timers_run();
    run_posts();
}
