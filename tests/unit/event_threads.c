/*
 * Thread pools: order of completion, cancelling, bounds, the end.
 */
#define _GNU_SOURCE
#include <check.h>
#include <pthread.h>
#include <semaphore.h>
#include <unistd.h>
#include <weir/event/threads.h>

typedef struct task {
    wr_job_t job;
    int      in, out;
} task_t;

static sem_t gate;
static int   done;

static void
square(wr_job_t *j)
{
    task_t *t = WR_CONTAINER(j, task_t, job);

    t->out = t->in * t->in;
    j->rc = t->in % 2 ? WR_DECLINED : WR_OK;
}

static void
wait_at_gate(wr_job_t *j)
{
    sem_wait(&gate);
    square(j);
}

static void
count(wr_op_t *op)
{
    (void) op;
    done++;
}

static void
many(void)
{
    enum { N = 3000 };
    static task_t tasks[N];
    wr_threads_t *pool = wr_threads_new("test", 4, 0, &wr_log_main);
    uint64_t      turns = wr_loop_turns();

    done = 0;
    for (int i = 0; i < N; i++) {
        tasks[i].in = i;
        tasks[i].job.run = square;
        CHECK(wr_threads_run(pool, &tasks[i].job, "square") == WR_OK);
        tasks[i].job.op.done = count;
    }
    while (done < N) {
        wr_loop_turn(1000);
    }
    CHECK(wr_loop_turns() - turns <= N);
    for (int i = 0; i < N; i++) {
        if (tasks[i].out != i * i
            || tasks[i].job.op.rc != (i % 2 ? WR_DECLINED : WR_OK))
        {
            CHECK(false);
        }
    }
    wr_threads_free(pool);
}

static void
bounds_and_cancel(void)
{
    task_t        t[4];
    wr_threads_t *pool = wr_threads_new("test", 1, 2, &wr_log_main);

    memset(t, 0, sizeof(t));
    done = 0;
    for (int i = 0; i < 4; i++) {
        t[i].in = i;
        t[i].job.run = wait_at_gate;
    }
    CHECK(wr_threads_run(pool, &t[0].job, "gate") == WR_OK);
    t[0].job.op.done = count;
    usleep(50000);                  /* it has begun */
    CHECK(wr_threads_run(pool, &t[1].job, "gate") == WR_OK);
    CHECK(wr_threads_run(pool, &t[2].job, "gate") == WR_OK);
    CHECK(wr_threads_run(pool, &t[3].job, "gate") == WR_BUSY);
    CHECK_INT(t[3].job.op.state, WR_OP_IDLE);
    t[1].job.op.done = t[2].job.op.done = count;

    wr_op_cancel(&t[2].job.op);     /* the last of the queue: at once */
    CHECK_INT(done, 1);
    CHECK_INT(t[2].job.op.rc, WR_CANCELLED);
    wr_op_cancel(&t[0].job.op);     /* runs: its result is awaited */
    CHECK_INT(done, 1);
    CHECK(wr_threads_run(pool, &t[3].job, "gate") == WR_OK);
    t[3].job.op.done = count;
    for (int i = 0; i < 3; i++) {
        sem_post(&gate);
    }
    while (done < 4) {
        wr_loop_turn(1000);
    }
    CHECK_INT(t[0].job.op.rc, WR_OK);
    CHECK_INT(t[1].out, 1);
    CHECK_INT(t[3].out, 9);
    wr_threads_free(pool);
}

static void *
open_gate(void *data)
{
    (void) data;
    usleep(50000);
    sem_post(&gate);
    return NULL;
}

/* The running job is waited for, the other does not begin. */
static void
ending(void)
{
    task_t        t[2];
    pthread_t     opener;
    wr_threads_t *pool = wr_threads_new("test", 1, 0, &wr_log_main);

    memset(t, 0, sizeof(t));
    done = 0;
    for (int i = 0; i < 2; i++) {
        t[i].in = 6;
        t[i].job.run = wait_at_gate;
        CHECK(wr_threads_run(pool, &t[i].job, "gate") == WR_OK);
        t[i].job.op.done = count;
    }
    usleep(50000);
    CHECK(pthread_create(&opener, NULL, open_gate, NULL) == 0);
    wr_threads_free(pool);
    pthread_join(opener, NULL);
    CHECK_INT(done, 2);
    CHECK_INT(t[0].job.op.rc, WR_OK);
    CHECK_INT(t[0].out, 36);
    CHECK_INT(t[1].job.op.rc, WR_CANCELLED);
    CHECK_INT(t[1].out, 0);
    wr_threads_free(wr_threads_new("unused", 4, 0, &wr_log_main));
}

static void
general(void)
{
    task_t t;

    memset(&t, 0, sizeof(t));
    t.in = 7;
    t.job.run = square;
    wr_threads_default_size(2, 10);
    CHECK(wr_threads_run(wr_threads_default(), &t.job, "x") == WR_OK);
    while (t.job.op.state != WR_OP_DONE) {
        wr_loop_turn(1000);
    }
    CHECK_INT(t.out, 49);
    wr_threads_default_free();
}

static void
post_gate(wr_job_t *j)
{
    sem_post(&gate);
    square(j);
}

/* Where jobs are expected to be short one thread does them all; one that is not, and
 * waits for what stands behind it, does not hold them up. */
static void
brief(void)
{
    enum { N = 500 };
    static task_t tasks[N];
    wr_threads_t *pool = wr_threads_new("test", 3, 0, &wr_log_main);

    wr_threads_expect_short(pool);
    for (int round = 0; round < 3; round++) {
        done = 0;
        for (int i = 0; i < N; i++) {
            tasks[i].in = i;
            tasks[i].job.run = i == 0 || i == 7 ? wait_at_gate
                               : i == N - 1     ? post_gate
                               : i == N - 2     ? post_gate
                                                : square;
            CHECK(wr_threads_run(pool, &tasks[i].job, "square") == WR_OK);
            tasks[i].job.op.done = count;
        }
        while (done < N) {
            wr_loop_turn(1000);
        }
        for (int i = 0; i < N; i++) {
            CHECK(tasks[i].out == i * i);
        }
    }
    wr_threads_free(pool);
}

static __thread int kept;
static int          let_go, times_idle;

static void
keep(wr_job_t *j)
{
    kept++;
    square(j);
}

static void
idle(void *data)
{
    pthread_mutex_t *lock = data;

    pthread_mutex_lock(lock);
    CHECK(kept != 0);
    let_go += kept;
    times_idle++;
    kept = 0;
    pthread_mutex_unlock(lock);
}

/* A thread lets go of what it kept from job to job, once for all of them. */
static void
on_idle(void)
{
    enum { N = 100 };
    static task_t   tasks[N];
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    wr_threads_t   *pool = wr_threads_new("test", 2, 0, &wr_log_main);

    wr_threads_expect_short(pool);
    wr_threads_on_idle(pool, idle, &lock);
    done = 0;
    for (int i = 0; i < N; i++) {
        tasks[i].in = i;
        tasks[i].job.run = keep;
        CHECK(wr_threads_run(pool, &tasks[i].job, "keep") == WR_OK);
        tasks[i].job.op.done = count;
    }
    while (done < N) {
        wr_loop_turn(1000);
    }
    for (bool all = false; !all; ) {    /* it comes behind the results */
        pthread_mutex_lock(&lock);
        all = let_go == N;
        pthread_mutex_unlock(&lock);
    }
    CHECK(times_idle <= N);
    wr_threads_free(pool);
    CHECK_INT(let_go, N);
}

int
main(void)
{
    sem_init(&gate, 0, 0);
    CHECK(wr_loop_open(&wr_log_main, 0) == WR_OK);
    many();
    bounds_and_cancel();
    ending();
    general();
    brief();
    on_idle();
    wr_loop_close();
    return check_status();
}
