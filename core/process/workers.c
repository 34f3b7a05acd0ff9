/*
 * The master's view of its workers: starting, reaping, starting again.
 *
 * Each worker has a slot. A byte of shared memory per slot says how far the worker
 * is (the worker writes it, and rings an eventfd), so that at a reload the old
 * ones are only sent away when the new ones accept.
 */
#define _GNU_SOURCE
#include <weir/process/process_priv.h>

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SLOTS = 4096, SHORT_LIFE_MS = 1000, AT_ONCE = 5, FIRST_DELAY_MS = 100,
       MAX_DELAY_MS = 5000 };
enum { STARTING = 1, ACCEPTING, RETIRED };

typedef struct slot {
    pid_t      pid;             /* 0: none runs */
    unsigned   index;           /* among the workers of its cycle */
    bool       used;
    bool       old;             /* not started again */
    wr_msec_t  since;
    unsigned   short_lives;     /* in a row */
    wr_timer_t again;
} slot_t;

static slot_t           slots[SLOTS];
static unsigned         top;            /* slots in use lie below */
static _Atomic uint8_t *board;
static wr_watch_t       bell = {.fd = -1};
static unsigned         own_slot;
static bool             no_respawn;

wr_rc_t
wr_workers_init(wr_log_t *log)
{
    void *p = mmap(NULL, SLOTS + 1, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
                   0);

    if (p == MAP_FAILED) {
        wr_log(log, WR_LOG_EMERG, errno, "mmap() failed");
        return WR_ERROR;
    }
    board = p;
    bell = (wr_watch_t) {.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    if (bell.fd < 0) {
        wr_log(log, WR_LOG_EMERG, errno, "eventfd() failed");
        return WR_ERROR;
    }
    return wr_watch_add(&bell);
}

void
wr_workers_free(void)
{
    if (board != NULL) {
        munmap((void *) board, SLOTS + 1);
        board = NULL;
    }
    if (bell.fd >= 0) {
        wr_watch_forget(&bell);
        close(bell.fd);
        bell.fd = -1;
    }
}

static void
say(uint8_t what)
{
    static const uint64_t one = 1;

    if (board != NULL) {
        atomic_store(&board[own_slot], what);
        (void) !write(bell.fd, &one, sizeof(one));
    }
}

/* The byte behind the slots': the whole server ends. */
void
wr_workers_stopping(void)
{
    atomic_store(&board[SLOTS], 1);
}

bool
wr_worker_is_stopping(void)
{
    return board == NULL || atomic_load(&board[SLOTS]) != 0;
}

void
wr_worker_is_ready(void)
{
    say(ACCEPTING);
}

void
wr_worker_is_retired(void)
{
    say(RETIRED);
}

/* ---- starting ---- */

static slot_t *
free_slot(void)
{
    for (unsigned i = 0; i < SLOTS; i++) {
        if (!slots[i].used) {
            if (i >= top) {
                top = i + 1;
            }
            slots[i] = (slot_t) {.used = true};
            return &slots[i];
        }
    }
    return NULL;
}

static WR_NORETURN void
child(wr_cycle_t *cycle, slot_t *s, pid_t master)
{
    int status;

    wr_log_forked();
    own_slot = (unsigned) (s - slots);
    wr_metrics_enter(own_slot + 1, cycle->generation);
    wr_signals_close();
    wr_watch_forget(&bell);
    wr_loop_close();
    status = wr_worker_main(cycle, s->index, master);
    wr_cycle_free(cycle);
    wr_workers_free();
    wr_pool_trim_cache();
    exit(status);
}

static void
spawn(wr_cycle_t *cycle, slot_t *s)
{
    pid_t master = getpid(), pid;

    atomic_store(&board[s - slots], STARTING);
    s->since = wr_clock.mono;
    pid = fork();
    switch (pid) {
    case -1:
        wr_log(cycle->log, WR_LOG_ALERT, errno, "fork() failed while spawning \"worker "
               "process\"");
        s->pid = 0;
        wr_timer_set(&s->again, MAX_DELAY_MS);
        return;
    case 0:
        child(cycle, s, master);
    default:
        s->pid = pid;
        wr_log(cycle->log, WR_LOG_NOTICE, 0, "start worker process %d", (int) pid);
    }
}

static void
start_again(wr_timer_t *t)
{
    slot_t *s = WR_CONTAINER(t, slot_t, again);

    if (s->old || no_respawn) {
        s->used = false;
        return;
    }
    wr_metric_add(WR_CELL_RESTARTS, 1);
    spawn(wr_cycle, s);
}

void
wr_workers_start(wr_cycle_t *cycle)
{
    for (unsigned i = 0; i < top; i++) {
        slots[i].old = true;
        if (slots[i].used && slots[i].pid == 0) {
            wr_timer_cancel(&slots[i].again);
            slots[i].used = false;
        }
    }
    no_respawn = false;
    wr_log(cycle->log, WR_LOG_NOTICE, 0, "start worker processes");
    for (unsigned i = 0; i < (unsigned) cycle->core->worker_processes; i++) {
        slot_t *s = free_slot();

        if (s == NULL) {
            wr_log(cycle->log, WR_LOG_ALERT, 0, "no more than %d processes can be held",
                   SLOTS);
            return;
        }
        s->index = i;
        s->again.fn = start_again;
        spawn(cycle, s);
    }
}

void
wr_workers_no_respawn(void)
{
    no_respawn = true;
    for (unsigned i = 0; i < top; i++) {
        if (slots[i].used && slots[i].pid == 0) {
            wr_timer_cancel(&slots[i].again);
            slots[i].used = false;
        }
    }
}

/* ---- asking ---- */

unsigned
wr_workers_count(void)
{
    unsigned n = 0;

    for (unsigned i = 0; i < top; i++) {
        n += slots[i].used && slots[i].pid != 0;
    }
    return n;
}

static bool
all_say(bool old, uint8_t at_least)
{
    for (unsigned i = 0; i < top; i++) {
        if (slots[i].used && slots[i].old == old
            && (slots[i].pid == 0 || atomic_load(&board[i]) < at_least))
        {
            return false;
        }
    }
    return true;
}

bool
wr_workers_ready(void)
{
    return all_say(false, ACCEPTING);
}

unsigned
wr_workers_new(void)
{
    unsigned n = 0;

    for (unsigned i = 0; i < top; i++) {
        n += slots[i].used && !slots[i].old && slots[i].pid != 0;
    }
    return n;
}

bool
wr_workers_retired(void)
{
    return all_say(true, RETIRED);
}

void
wr_workers_signal(int sig, bool only_old)
{
    for (unsigned i = 0; i < top; i++) {
        const slot_t *s = &slots[i];

        if (!s->used || s->pid == 0 || (only_old && !s->old)) {
            continue;
        }
        if (kill(s->pid, sig) != 0 && errno != ESRCH) {
            wr_log(&wr_log_main, WR_LOG_ALERT, errno, "kill(%d, %d) failed",
                   (int) s->pid, sig);
        }
    }
}

/* ---- reaping ---- */

static slot_t *
find(pid_t pid)
{
    for (unsigned i = 0; i < top; i++) {
        if (slots[i].used && slots[i].pid == pid) {
            return &slots[i];
        }
    }
    return NULL;
}

static void
report(const char *what, pid_t pid, int status)
{
    if (WIFSIGNALED(status)) {
        wr_log(&wr_log_main, WR_LOG_ALERT, 0, "%s %d exited on signal %d%s", what,
               (int) pid, WTERMSIG(status),
               WCOREDUMP(status) ? " (core dumped)" : "");
    } else {
        wr_log(&wr_log_main, WR_LOG_NOTICE, 0, "%s %d exited with code %d", what,
               (int) pid, WEXITSTATUS(status));
    }
}

static wr_msec_t
delay_after(unsigned failures)
{
    wr_msec_t delay = FIRST_DELAY_MS;

    while (--failures != 0 && delay < MAX_DELAY_MS) {
        delay *= 2;
    }
    return delay < MAX_DELAY_MS ? delay : MAX_DELAY_MS;
}

static void
restart(wr_cycle_t *cycle, slot_t *s, int status)
{
    pid_t     pid = s->pid;
    wr_msec_t delay;

    s->pid = 0;
    if (s->old || no_respawn) {
        s->used = false;
        return;
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 2) {
        wr_log(cycle->log, WR_LOG_ALERT, 0, "worker process %d exited with fatal "
               "code 2 and cannot be respawned", (int) pid);
        s->used = false;
        return;
    }
    s->short_lives = wr_clock.mono - s->since < SHORT_LIFE_MS ? s->short_lives + 1 : 0;
    if (s->short_lives <= AT_ONCE) {
        wr_metric_add(WR_CELL_RESTARTS, 1);
        spawn(cycle, s);
        return;
    }
    delay = delay_after(s->short_lives - AT_ONCE);
    wr_log(cycle->log, WR_LOG_WARN, 0, "worker respawning too fast, next start in "
           "%" PRId64 " ms", delay);
    wr_timer_set(&s->again, delay);
}

void
wr_workers_reap(wr_cycle_t *cycle)
{
    int   status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        slot_t *s = find(pid);

        if (s != NULL) {
            wr_metrics_leave((unsigned) (s - slots) + 1);
            report("worker process", pid, status);
            restart(cycle, s, status);
        } else if (pid == wr_process.new_binary) {
            report("new binary process", pid, status);
            wr_upgrade_ended(cycle);
        } else {
            report("unknown process", pid, status);
        }
    }
}
