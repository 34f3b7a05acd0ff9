/*
 * The lock in front of a database: turns, and holders that die without leaving it.
 */
#define _GNU_SOURCE
#include "../../modules/sqlite/lock.c"

#include <check.h>
#include <sys/mman.h>
#include <sys/wait.h>

static sq_lock_t *l;

static void
make(void)
{
    pthread_mutexattr_t attr;

    l = mmap(NULL, sizeof(*l), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(l != MAP_FAILED);
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&l->mutex, &attr);
}

static bool
take(unsigned ms)
{
    return sq_lock_take(l, wr_clock_ns() + ms * UINT64_C(1000000), WR_STR("a:1"));
}

/* Takes the lock and ends without a word. */
static pid_t
one_that_dies(void)
{
    pid_t     pid = fork();
    siginfo_t info;

    if (pid == 0) {
        _exit(!take(1000));
    }
    CHECK(pid > 0);
    CHECK(waitid(P_PID, (id_t) pid, &info, WEXITED | WNOWAIT) == 0 && info.si_status == 0);
    CHECK(l->n == 1 && l->queue[0].pid == pid);
    return pid;
}

static void
the_dead_leave_it(void)
{
    pid_t pid = one_that_dies();

    CHECK(waitpid(pid, NULL, 0) == pid);
    CHECK(take(60000));
    CHECK(l->n == 1 && !sq_lock_wanted(l));
    sq_lock_leave(l);
    CHECK(l->n == 0);
}

/* Whose parent has not asked for it yet: its pid is there. */
static void
zombies_leave_it(void)
{
    pid_t pid = one_that_dies();

    CHECK(take(60000));
    sq_lock_leave(l);
    CHECK(waitpid(pid, NULL, 0) == pid);
}

/* Whose pid is that of another process by now, which lives. */
static void
another_of_that_pid(void)
{
    pid_t pid = one_that_dies();

    CHECK(waitpid(pid, NULL, 0) == pid);
    l->queue[0].pid = getppid();
    CHECK(take(60000));
    sq_lock_leave(l);
}

static void
who_lives_keeps_it(void)
{
    int   end[2];
    char  c;
    pid_t pid;

    CHECK(pipe(end) == 0);
    pid = fork();
    if (pid == 0) {
        close(end[0]);
        CHECK(take(1000));
        CHECK(write(end[1], "x", 1) == 1);
        pause();
    }
    close(end[1]);
    CHECK(read(end[0], &c, 1) == 1);
    CHECK(!take(1500));
    CHECK(l->n == 1 && l->queue[0].pid == pid);
    kill(pid, SIGKILL);
    CHECK(waitpid(pid, NULL, 0) == pid);
    CHECK(take(60000));
    sq_lock_leave(l);
    close(end[0]);
}

int
main(void)
{
    make();
    CHECK(take(0));
    sq_lock_leave(l);
    the_dead_leave_it();
    zombies_leave_it();
    another_of_that_pid();
    who_lives_keeps_it();
    return check_status();
}
