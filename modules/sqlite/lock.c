/*
 * The lock in front of a database: processes take turns in the order in which they
 * came, which SQLite's own lock does not give.
 *
 * It is a short queue of processes in shared memory, guarded by a robust mutex: the
 * first of the queue has the lock. Who waits sleeps on a futex that changes with
 * every turn; only the next one is woken, by its bit. It looks now and then whether
 * the first is still alive: the place of one that died is taken away, and SQLite
 * recovers what it left; where the first takes long, also whether its pid is not another
 * process by now. A process has one writing thread per database, so it stands
 * in a queue at most once.
 */
#define _GNU_SOURCE
#include "sqlite.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <weir/os/proc.h>

enum { PLACES = 128, WHO = 96 };
#define LONG UINT64_C(1000000000)     /* ns: then it is looked at closely */

typedef struct place {
    pid_t    pid;
    uint64_t born;      /* ticks after the system; 0: unknown */
    uint64_t since;     /* ns: of its turn */
    char     who[WHO];  /* the conf line it works for */
} place_t;

struct sq_lock {
    pthread_mutex_t mutex;
    uint32_t        turns;      /* the futex */
    uint32_t        n;
    place_t         queue[PLACES];
};

wr_rc_t
sq_lock_init(wr_zone_t *z, void *old)
{
    pthread_mutexattr_t attr;
    sq_lock_t          *l = old;

    if (l == NULL) {
        wr_zone_lock(z);
        l = wr_zone_alloc(z, sizeof(*l));
        wr_zone_unlock(z);
        if (l == NULL) {
            return WR_ERROR;
        }
        memset(l, 0, sizeof(*l));
        pthread_mutexattr_init(&attr);
        pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
        pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
        pthread_mutex_init(&l->mutex, &attr);
        pthread_mutexattr_destroy(&attr);
    }
    z->data = l;
    return WR_OK;
}

/* The workers of a server have pids in a row: they seldom share one. */
static uint32_t
bit_of(pid_t pid)
{
    return 1u << ((unsigned) pid % 32);
}

static void
enter(sq_lock_t *l)
{
    if (pthread_mutex_lock(&l->mutex) == EOWNERDEAD) {
        (void) pthread_mutex_consistent(&l->mutex);
        if (l->n > PLACES) {
            l->n = 0;
        }
    }
}

static void
leave(sq_lock_t *l)
{
    pthread_mutex_unlock(&l->mutex);
}

/* … and the first of the queue may be another than before. */
static void
leave_and_wake(sq_lock_t *l)
{
    pid_t first = l->n != 0 ? l->queue[0].pid : 0;

    __atomic_add_fetch(&l->turns, 1, __ATOMIC_SEQ_CST);
    leave(l);
    if (first != 0) {
        (void) syscall(SYS_futex, &l->turns, FUTEX_WAKE_BITSET, INT32_MAX, NULL, NULL,
                       bit_of(first));
    }
}

/* A process that dies in here may leave one place twice or lose one: so who leaves
 * takes out all of its places, and who waits looks whether it still has one. */
static void
take_out(sq_lock_t *l, uint32_t i)
{
    memmove(&l->queue[i], &l->queue[i + 1], (l->n - i - 1) * sizeof(l->queue[0]));
    l->n--;
    if (i == 0 && l->n != 0) {
        l->queue[0].since = wr_clock_ns();
    }
}

static uint64_t
own_birth(void)
{
    static __thread uint64_t born;
    static __thread pid_t    of;
    wr_proc_stat_t           s;

    if (of != getpid()) {
        of = getpid();
        born = wr_proc_stat(of, &s) ? s.born : 0;
    }
    return born;
}

/* Nobody has asked for its end yet, or its pid is that of another one by now. */
static bool
is_dead_all_the_same(const place_t *p)
{
    wr_proc_stat_t s;

    return p->born != 0 && wr_clock_ns() - p->since > LONG && wr_proc_stat(p->pid, &s)
           && (s.state == 'Z' || s.state == 'X' || s.born != p->born);
}

static bool
is_dead(const place_t *p)
{
    return p->pid <= 0 || (kill(p->pid, 0) != 0 && errno == ESRCH) || is_dead_all_the_same(p);
}

static bool
bury(sq_lock_t *l)
{
    bool any = false;

    for (uint32_t i = 0; i < l->n; ) {
        if (is_dead(&l->queue[i])) {
            take_out(l, i);
            any = true;
        } else {
            i++;
        }
    }
    return any;
}

static int
find(const sq_lock_t *l, pid_t pid)
{
    for (uint32_t i = 0; i < l->n; i++) {
        if (l->queue[i].pid == pid) {
            return (int) i;
        }
    }
    return -1;
}

static void
forget(sq_lock_t *l, pid_t pid)
{
    int i;

    while ((i = find(l, pid)) >= 0) {
        take_out(l, (uint32_t) i);
    }
}

static bool
come(sq_lock_t *l, wr_str_t who)
{
    place_t *p;

    if (l->n == PLACES && !bury(l)) {
        return false;
    }
    p = &l->queue[l->n];
    p->pid = getpid();
    p->born = own_birth();
    p->since = wr_clock_ns();
    who.n = wr_min_size(who.n, WHO - 1);
    memcpy(p->who, who.p, who.n);
    p->who[who.n] = '\0';
    l->n++;
    return true;
}

static void
sleep_until(sq_lock_t *l, uint32_t turn, uint64_t now, uint64_t deadline)
{
    uint64_t        until = now + wr_min_size(deadline - now, 20000000);
    struct timespec ts = {(time_t) (until / 1000000000), (long) (until % 1000000000)};

    (void) syscall(SYS_futex, &l->turns, FUTEX_WAIT_BITSET, turn, &ts, NULL,
                   bit_of(getpid()));
}

bool
sq_lock_take(sq_lock_t *l, uint64_t deadline, wr_str_t who)
{
    pid_t me = getpid();

    enter(l);
    forget(l, me);
    for (;;) {
        uint32_t turn = __atomic_load_n(&l->turns, __ATOMIC_SEQ_CST);
        uint64_t now;

        if (find(l, me) < 0 && !come(l, who)) {
            leave(l);
            return false;
        }
        if (l->queue[0].pid != me && bury(l)) {
            leave_and_wake(l);
            enter(l);
            continue;
        }
        if (l->queue[0].pid == me) {
            l->queue[0].since = wr_clock_ns();
            leave(l);
            return true;
        }
        now = wr_clock_ns();
        if (now >= deadline) {
            forget(l, me);
            leave_and_wake(l);
            return false;
        }
        leave(l);
        sleep_until(l, turn, now, deadline);
        enter(l);
    }
}

void
sq_lock_leave(sq_lock_t *l)
{
    enter(l);
    forget(l, getpid());
    leave_and_wake(l);
}

bool
sq_lock_wanted(sq_lock_t *l)
{
    return __atomic_load_n(&l->n, __ATOMIC_RELAXED) > 1;
}

wr_str_t
sq_lock_holder(sq_lock_t *l, wr_pool_t *pool)
{
    wr_str_t s = WR_STR("nobody of this server: another program");

    enter(l);
    if (l->n != 0) {
        s = wr_pool_printf(pool, "process %d, for %" PRIu64 " ms, for %s",
                           (int) l->queue[0].pid,
                           (wr_clock_ns() - l->queue[0].since) / 1000000,
                           l->queue[0].who);
    }
    leave(l);
    return s;
}
