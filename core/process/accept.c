/*
 * A worker's listening sockets.
 *
 * They are level-triggered, so what is left in a queue comes back with the next
 * turn, and stopping means taking them out of the loop. How many connections are
 * accepted in a turn follows the load: one at first, more while every turn finds
 * the queue filled, so that a quiet server makes no call that gets EAGAIN.
 */
#define _GNU_SOURCE
#include <weir/process/process_priv.h>

#include <errno.h>
#include <poll.h>
#include <unistd.h>

enum { MOST = 64, DRAIN = 4096 };

static struct {
    wr_cycle_t *cycle;
    bool        shared;
    bool        full;           /* paused: worker_connections are in use */
    wr_timer_t  pause;          /* paused: no descriptors */
} state;

static bool
is_mine(const wr_listen_t *l)
{
    unsigned workers = (unsigned) state.cycle->core->worker_processes;

    if (!state.cycle->core->master_process) {
        workers = 1;
    }
    return l->watch.fd >= 0
           && (!l->reuseport || l->worker % workers == wr_worker.index);
}

static void
listen_to_all(void)
{
    for (WR_EACH(wr_listen_t *, l, &state.cycle->listening)) {
        if (is_mine(*l) && !(*l)->watch.registered
            && wr_watch_add_listen(&(*l)->watch, state.shared && !(*l)->reuseport)
                   != WR_OK)
        {
            wr_log(state.cycle->log, WR_LOG_ALERT, 0, "cannot listen to %.*s",
                   WR_ARG((*l)->text));
        }
    }
}

static void
listen_to_none(void)
{
    for (WR_EACH(wr_listen_t *, l, &state.cycle->listening)) {
        wr_watch_remove(&(*l)->watch);
    }
}

/* ---- limits ---- */

/* No idle connection is to be closed for one that is not there (any more). */
static bool
one_waits(const wr_listen_t *l)
{
    struct pollfd p = {.fd = l->watch.fd, .events = POLLIN};

    return poll(&p, 1, 0) == 1;
}

static bool
has_room(const wr_listen_t *l)
{
    uint64_t max = wr_worker.max_connections;

    if (wr_likely(wr_worker.connections < max)) {
        return true;
    }
    if (!one_waits(l)) {
        return false;
    }
    if (wr_worker_hooks.reuse != NULL && wr_worker_hooks.reuse(1)
        && wr_worker.connections < max)
    {
        wr_log(state.cycle->log, WR_LOG_INFO, 0, "%" PRIu64 " worker_connections are "
               "not enough, reusing connections", max);
        return true;
    }
    wr_log(state.cycle->log, WR_LOG_WARN, 0, "%" PRIu64 " worker_connections are not "
           "enough, accepting none until one ends", max);
    state.full = true;
    listen_to_none();
    return false;
}

static void
pause_over(wr_timer_t *t)
{
    (void) t;
    if (!state.full) {
        listen_to_all();
    }
}

/* Idle connections hold descriptors that others need more. */
static void
no_descriptors(int err)
{
    wr_log(state.cycle->log, WR_LOG_CRIT, err, "accept4() failed");
    if (wr_worker_hooks.reuse != NULL) {
        (void) wr_worker_hooks.reuse(16);
    }
    listen_to_none();
    wr_timer_set(&state.pause, state.cycle->core->accept_mutex_delay);
}

void
wr_accept_check(void)
{
    if (wr_unlikely(state.full) && wr_worker.connections < wr_worker.max_connections) {
        state.full = false;
        if (!wr_timer_is_set(&state.pause)) {
            listen_to_all();
        }
    }
}

/* ---- accepting ---- */

/* True: go on; false: that is all for now. */
static bool
accept_one(wr_listen_t *l)
{
    struct sockaddr_storage sa;
    socklen_t               len = sizeof(sa);
    int fd = accept4(l->watch.fd, (struct sockaddr *) &sa, &len,
                     SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (wr_likely(fd >= 0)) {
        l->accepted(l, fd, (struct sockaddr *) &sa, len);
        return true;
    }
    switch (errno) {
    case EAGAIN:
        return false;
    case EINTR:
        return true;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
        no_descriptors(errno);
        return false;
    case ECONNABORTED:
    case EPROTO:
        wr_log(state.cycle->log, WR_LOG_ERR, errno, "accept4() failed");
        return true;
    default:
        wr_log(state.cycle->log, WR_LOG_ALERT, errno, "accept4() failed");
        return false;
    }
}

static void
adapt_burst(wr_listen_t *l)
{
    uint64_t turn = wr_loop_turns();

    if (state.cycle->core->multi_accept) {
        l->burst = DRAIN;
    } else if (l->turn + 1 == turn && l->burst != 0) {
        l->burst = l->burst * 2 < MOST ? l->burst * 2 : MOST;
    } else {
        l->burst = 1;
    }
    l->turn = turn;
}

static void
some_wait(wr_watch_t *w)
{
    wr_listen_t *l = WR_CONTAINER(w, wr_listen_t, watch);

    adapt_burst(l);
    for (unsigned i = 0; i < l->burst; i++) {
        if (!has_room(l)) {
            return;
        }
        if (!accept_one(l)) {
            l->burst = i;
            return;
        }
    }
}

/* ---- start and end ---- */

void
wr_accept_start(wr_cycle_t *cycle, bool shared)
{
    state.cycle = cycle;
    state.shared = shared;
    state.full = false;
    state.pause.fn = pause_over;
    for (WR_EACH(wr_listen_t *, l, &cycle->listening)) {
        (*l)->watch.on_read = some_wait;
        (*l)->burst = 0;
    }
    listen_to_all();
}

/* Connections that the kernel has completed would be reset by our close. */
static void
drain(wr_listen_t *l)
{
    for (unsigned i = 0; i < DRAIN; i++) {
        if (wr_worker.connections >= wr_worker.max_connections || !accept_one(l)) {
            return;
        }
    }
}

void
wr_accept_stop(wr_cycle_t *cycle, bool and_close)
{
    wr_timer_cancel(&state.pause);
    for (WR_EACH(wr_listen_t *, l, &cycle->listening)) {
        if ((*l)->watch.fd < 0) {
            continue;
        }
        wr_watch_remove(&(*l)->watch);
        if (!and_close) {
            continue;
        }
        if (is_mine(*l)) {
            drain(*l);
            wr_timer_cancel(&state.pause);
        }
        close((*l)->watch.fd);
        (*l)->watch.fd = -1;
    }
}
