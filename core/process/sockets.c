/*
 * Which listening sockets there are: asked for by the conf, taken from the former
 * cycle, from an upgrade's parent or from systemd, and opened where nobody has
 * them.
 *
 * With `reuseport` each worker has a socket of its own, made here, in the master:
 * clones of the one that the conf asked for. A clone is never given up while its
 * address stays in the conf, though there be fewer workers: what waits in its
 * queue would be lost. Workers then accept from several.
 */
#define _GNU_SOURCE
#include <weir/process/process_priv.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { TRIES = 5, PAUSE_MS = 500 };

#define HANDED_VARIABLE "WEIR_SOCKETS"

wr_listen_t *
wr_cycle_listen(wr_conf_t *cf, const wr_addr_t *addr)
{
    wr_cycle_t  *cycle = wr_cycle_of(cf);
    wr_listen_t *l;

    for (WR_EACH(wr_listen_t *, known, &cycle->listening)) {
        if (wr_addr_equal(&(*known)->addr.u.sa, &addr->u.sa, true)) {
            return *known;
        }
    }
    l = WR_NEW(cycle->pool, wr_listen_t);
    wr_listen_init(l, addr);
    l->text = wr_addr_text(cycle->pool, addr, true);
    *WR_PUSH(&cycle->listening, wr_listen_t *) = l;
    return l;
}

/* ---- what we were given ---- */

static void
hand(int fd, wr_log_t *log, const char *from)
{
    wr_addr_t a = {.len = sizeof(a.u)};
    int       flags;

    if (getsockname(fd, &a.u.sa, &a.len) != 0 || (flags = fcntl(fd, F_GETFL)) < 0) {
        wr_log(log, WR_LOG_EMERG, errno, "invalid socket number %d in %s, ignored", fd,
               from);
        return;
    }
    fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    if (wr_process.handed.size == 0) {
        wr_process.handed = wr_array(wr_pool_new(), sizeof(int));
    }
    *WR_PUSH(&wr_process.handed, int) = fd;
}

static void
hand_list(const char *list, wr_log_t *log)
{
    wr_log(log, WR_LOG_NOTICE, 0, "using inherited sockets from \"%s\"", list);
    while (*list != '\0') {
        char *end;
        long  fd = strtol(list, &end, 10);

        if (end == list || (*end != ';' && *end != ':') || fd < 0 || fd > INT32_MAX) {
            wr_log(log, WR_LOG_EMERG, 0, "invalid socket number in %s, ignoring the "
                   "rest", HANDED_VARIABLE);
            return;
        }
        hand((int) fd, log, HANDED_VARIABLE);
        list = end + 1;
    }
}

/* sd_listen_fds(3) */
static void
hand_from_systemd(wr_log_t *log)
{
    const char *pid = getenv("LISTEN_PID");
    const char *fds = getenv("LISTEN_FDS");

    if (pid != NULL && fds != NULL && atol(pid) == (long) getpid()) {
        int n = atoi(fds);

        for (int i = 0; i < n && i < WR_MAX_WORKERS; i++) {
            hand(3 + i, log, "LISTEN_FDS");
        }
    }
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
}

void
wr_sockets_inherit(wr_log_t *log)
{
    const char *list = getenv(HANDED_VARIABLE);

    if (list != NULL) {
        wr_process.inherited = true;
        hand_list(list, log);
        unsetenv(HANDED_VARIABLE);
    }
    hand_from_systemd(log);
}

static bool
take_handed(wr_listen_t *l)
{
    for (WR_EACH(int, fd, &wr_process.handed)) {
        wr_addr_t a = {.len = sizeof(a.u)};

        if (*fd >= 0 && getsockname(*fd, &a.u.sa, &a.len) == 0
            && wr_addr_equal(&a.u.sa, &l->addr.u.sa, true))
        {
            l->watch.fd = *fd;
            l->inherited = true;
            *fd = -1;
            return true;
        }
    }
    return false;
}

static void
close_handed(void)
{
    for (WR_EACH(int, fd, &wr_process.handed)) {
        if (*fd >= 0) {
            close(*fd);
        }
    }
    if (wr_process.handed.pool != NULL) {
        wr_pool_free(wr_process.handed.pool);
        wr_process.handed = (wr_array_t) {0};
    }
}

/* ---- what the former cycle has ---- */

static wr_listen_t *
find_old(const wr_cycle_t *old, const wr_listen_t *l)
{
    for (WR_EACH(wr_listen_t *, o, &old->listening)) {
        if ((*o)->watch.fd >= 0 && !(*o)->kept && (*o)->worker == l->worker
            && wr_addr_equal(&(*o)->addr.u.sa, &l->addr.u.sa, true))
        {
            return *o;
        }
    }
    return NULL;
}

static bool
take_old(wr_listen_t *l, wr_cycle_t *old)
{
    wr_listen_t *o = old != NULL ? find_old(old, l) : NULL;

    if (o == NULL) {
        return false;
    }
    o->kept = l->kept = true;
    l->inherited = o->inherited;
    l->watch.fd = o->watch.fd;
    return true;
}

/* ---- opening ---- */

static unsigned
clones_of_old(const wr_cycle_t *old, const wr_listen_t *l)
{
    unsigned n = 0;

    if (old != NULL) {
        for (WR_EACH(wr_listen_t *, o, &old->listening)) {
            n += wr_addr_equal(&(*o)->addr.u.sa, &l->addr.u.sa, true);
        }
    }
    return n;
}

static void
add_clones(wr_cycle_t *cycle, const wr_cycle_t *old)
{
    unsigned given = cycle->listening.n;

    for (unsigned i = 0; i < given; i++) {
        wr_listen_t *l = *WR_AT(&cycle->listening, wr_listen_t *, i);
        unsigned     want;

        if (!l->reuseport || l->addr.u.sa.sa_family == AF_UNIX) {
            l->reuseport = false;
            continue;
        }
        want = cycle->core->master_process ? (unsigned) cycle->core->worker_processes
                                           : 1;
        want = (unsigned) wr_max_size(want, clones_of_old(old, l));
        for (unsigned worker = 1; worker < want; worker++) {
            wr_listen_t *clone = WR_NEW(cycle->pool, wr_listen_t);

            *clone = *l;
            clone->worker = worker;
            *WR_PUSH(&cycle->listening, wr_listen_t *) = clone;
        }
    }
}

static wr_rc_t
open_missing(wr_cycle_t *cycle)
{
    for (unsigned try = 1;; try++) {
        bool busy = false;

        for (WR_EACH(wr_listen_t *, l, &cycle->listening)) {
            wr_rc_t rc;

            if ((*l)->watch.fd >= 0) {
                continue;
            }
            rc = wr_listen_open(*l, cycle->testing, cycle->log);
            if (rc == WR_ERROR) {
                return WR_ERROR;
            }
            busy = busy || (rc == WR_BUSY && !cycle->testing);
        }
        if (!busy) {
            return WR_OK;
        }
        if (try == TRIES) {
            wr_log(cycle->log, WR_LOG_EMERG, 0, "still could not bind()");
            return WR_ERROR;
        }
        wr_log(cycle->log, WR_LOG_NOTICE, 0, "try again to bind() after %dms", PAUSE_MS);
        usleep(PAUSE_MS * 1000);
    }
}

wr_rc_t
wr_sockets_open(wr_cycle_t *cycle, wr_cycle_t *old)
{
    wr_rc_t rc;

    add_clones(cycle, old);
    for (WR_EACH(wr_listen_t *, l, &cycle->listening)) {
        (*l)->watch.fd = -1;
        if (take_old(*l, old) || take_handed(*l)) {
            wr_listen_tune(*l, cycle->log);
        }
    }
    rc = open_missing(cycle);
    if (rc == WR_OK) {
        close_handed();
    }
    return rc;
}

/* ---- closing ---- */

/* Files of unix sockets stay where another master may use them. */
static bool
may_unlink(const wr_listen_t *l)
{
    return wr_process.new_binary == 0
           && !(l->inherited && getppid() == wr_process.parent);
}

void
wr_sockets_close_old(wr_cycle_t *cycle, wr_cycle_t *old)
{
    (void) cycle;
    for (WR_EACH(wr_listen_t *, o, &old->listening)) {
        if ((*o)->kept) {
            (*o)->watch.fd = -1;
        } else {
            wr_listen_close(*o, may_unlink(*o), old->log);
        }
    }
    for (WR_EACH(wr_listen_t *, l, &cycle->listening)) {
        (*l)->kept = false;
    }
}

void
wr_sockets_drop(wr_cycle_t *cycle, wr_cycle_t *old)
{
    for (WR_EACH(wr_listen_t *, l, &cycle->listening)) {
        if ((*l)->kept) {
            (*l)->watch.fd = -1;
        } else {
            wr_listen_close(*l, may_unlink(*l), cycle->log);
        }
    }
    if (old != NULL) {
        for (WR_EACH(wr_listen_t *, o, &old->listening)) {
            (*o)->kept = false;
        }
    }
}

void
wr_sockets_close(wr_cycle_t *cycle)
{
    for (WR_EACH(wr_listen_t *, l, &cycle->listening)) {
        wr_listen_close(*l, may_unlink(*l), cycle->log);
    }
}

/* "5;6;", for the environment of an upgrade; the sockets survive its exec. */
char *
wr_sockets_hand_over(const wr_cycle_t *cycle)
{
    wr_buf_t b = wr_buf(NULL);

    wr_buf_lit(&b, HANDED_VARIABLE "=");
    for (WR_EACH(wr_listen_t *, l, &cycle->listening)) {
        if ((*l)->watch.fd >= 0) {
            fcntl((*l)->watch.fd, F_SETFD, 0);
            wr_buf_printf(&b, "%d;", (*l)->watch.fd);
        }
    }
    wr_buf_cstr(&b);
    return b.p;
}
