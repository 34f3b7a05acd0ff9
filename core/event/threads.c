/*
 * Thread pools.
 *
 * One mutex guards both lists, jobs to do and jobs done. The loop learns of done
 * jobs by one eventfd; it is written once for all that it has not taken yet. The
 * ops themselves are touched by the loop's thread only.
 *
 * Waking a thread costs more than a short job. So where jobs are short one thread is
 * woken for all that come, and it tells of them when the queue is empty or some time
 * has passed; a timer looks whether the queue gets on, and wakes another if not.
 */
#define _GNU_SOURCE
#include <weir/event/threads.h>

#include <weir/base/pool.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

typedef struct list {
    wr_job_t  *first;
    wr_job_t **end;
} list_t;

struct wr_threads {
    pthread_mutex_t lock;
    pthread_cond_t  wake;
    list_t          todo;
    list_t          done;
    unsigned        queued;         /* jobs that no thread has taken */
    unsigned        running;        /* jobs that a thread has taken and not done */
    bool            stop;
    bool            told;       /* the loop will look at `done` */
    unsigned        asleep;     /* threads that wait … */
    unsigned        woken;      /* … and how many of them have been signalled */
    unsigned        taken;      /* jobs, ever */
    bool            brief;      /* wr_threads_expect_short */
    void          (*on_idle)(void *data);
    void           *on_idle_data;
    /* Of the loop's thread only. */
    wr_watch_t      watch;      /* the eventfd */
    pthread_t      *ids;
    unsigned        want;
    unsigned        started;
    unsigned        max_queue;
    wr_timer_t      watch_over;
    unsigned        seen;       /* `taken` when it was last looked at */
    wr_log_t       *log;
    char            name[16];   /* as the kernel shows it */
};

static struct {
    wr_threads_t *pool;
    unsigned      threads;
    unsigned      max_queue;
} general = {.threads = 4};

static void
list_init(list_t *l)
{
    l->first = NULL;
    l->end = &l->first;
}

static void
list_add(list_t *l, wr_job_t *job)
{
    job->next = NULL;
    *l->end = job;
    l->end = &job->next;
}

static wr_job_t *
list_take(list_t *l)
{
    wr_job_t *job = l->first;

    l->first = job->next;
    if (l->first == NULL) {
        l->end = &l->first;
    }
    return job;
}

/* ---- the threads' side ---- */

enum { TELL_AFTER_NS = 200000 };

/* The loop is to look at the list. Called with the lock, which is let go. */
static void
tell(wr_threads_t *t)
{
    static const uint64_t one = 1;
    bool                  needed = t->done.first != NULL && !t->told;

    t->told |= needed;
    pthread_mutex_unlock(&t->lock);
    if (needed) {
        ssize_t n WR_UNUSED = write(t->watch.fd, &one, sizeof(one));
    }
    pthread_mutex_lock(&t->lock);
}

/* This thread has no job left. Called with the lock, which is let go. */
static void
be_idle(wr_threads_t *t, bool *worked)
{
    bool tells = *worked && t->on_idle != NULL;

    *worked = false;
    if (tells) {
        pthread_mutex_unlock(&t->lock);
        t->on_idle(t->on_idle_data);
        pthread_mutex_lock(&t->lock);
    }
}

static void *
work(void *data)
{
    wr_threads_t *t = data;
    uint64_t      since = 0;    /* when the first was done that the loop is not told of */
    bool          worked = false;

    pthread_setname_np(pthread_self(), t->name);
    pthread_mutex_lock(&t->lock);
    for (;;) {
        wr_job_t *job;

        while (t->todo.first == NULL && !t->stop) {
            if (worked) {
                be_idle(t, &worked);
                continue;
            }
            t->asleep++;
            pthread_cond_wait(&t->wake, &t->lock);
            t->asleep--;
            t->woken -= t->woken != 0;
        }
        if (t->stop) {
            break;
        }
        job = list_take(&t->todo);
        t->queued--;
        t->running++;
        t->taken++;
        pthread_mutex_unlock(&t->lock);
        job->run(job);
        worked = true;
        since = since != 0 || !t->brief ? since : wr_clock_ns();
        pthread_mutex_lock(&t->lock);
        list_add(&t->done, job);
        t->running--;
        if (!t->brief || t->todo.first == NULL || wr_clock_ns() - since > TELL_AFTER_NS) {
            tell(t);
            since = 0;
        }
    }
    tell(t);
    be_idle(t, &worked);
    pthread_mutex_unlock(&t->lock);
    wr_pool_trim_cache();
    return NULL;
}

/* ---- the loop's side ---- */

static void
complete_all(wr_job_t *job)
{
    while (job != NULL) {
        wr_job_t *next = job->next;

        job->next = NULL;
        wr_op_complete(&job->op, job->rc);
        job = next;
    }
}

static wr_job_t *
take_done(wr_threads_t *t)
{
    wr_job_t *jobs;

    pthread_mutex_lock(&t->lock);
    jobs = t->done.first;
    list_init(&t->done);
    t->told = false;
    pthread_mutex_unlock(&t->lock);
    return jobs;
}

/* The eventfd is not read: its edge is all that counts, and each write makes
 * one. */
static void
some_done(wr_watch_t *w)
{
    complete_all(take_done(WR_CONTAINER(w, wr_threads_t, watch)));
}

/* With the lock: a thread that sleeps is woken for the queue. */
static void
wake_one(wr_threads_t *t)
{
    if (t->asleep > t->woken) {
        t->woken++;
        pthread_cond_signal(&t->wake);
    }
}

static void
look_over(wr_timer_t *timer)
{
    wr_threads_t *t = WR_CONTAINER(timer, wr_threads_t, watch_over);

    pthread_mutex_lock(&t->lock);
    if (t->todo.first != NULL) {
        if (t->taken == t->seen) {
            wake_one(t);
        }
        t->seen = t->taken;
        wr_timer_set(timer, 1);
    }
    pthread_mutex_unlock(&t->lock);
}

wr_threads_t *
wr_threads_new(const char *name, unsigned threads, unsigned max_queue,
               wr_log_t *log)
{
    wr_threads_t *t = calloc(1, sizeof(*t));

    WR_ASSERT(t != NULL && threads != 0);
    pthread_mutex_init(&t->lock, NULL);
    pthread_cond_init(&t->wake, NULL);
    list_init(&t->todo);
    list_init(&t->done);
    t->want = threads;
    t->max_queue = max_queue;
    t->log = log;
    t->ids = calloc(threads, sizeof(*t->ids));
    WR_ASSERT(t->ids != NULL);
    snprintf(t->name, sizeof(t->name), "%s", name);
    t->watch.fd = -1;
    t->watch_over.fn = look_over;
    return t;
}

static bool
open_wake_up(wr_threads_t *t)
{
    t->watch.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (t->watch.fd < 0) {
        wr_log(t->log, WR_LOG_ALERT, errno, "eventfd() failed");
        return false;
    }
    t->watch.writable = true;
    t->watch.on_read = some_done;
    if (wr_watch_add(&t->watch) != WR_OK) {
        close(t->watch.fd);
        t->watch.fd = -1;
        return false;
    }
    return true;
}

/* True if there is at least one thread. Signals are the loop's business. */
static bool
start_threads(wr_threads_t *t)
{
    sigset_t all, before;

    if (t->watch.fd < 0 && !open_wake_up(t)) {
        return false;
    }
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (t->started < t->want) {
        int err = pthread_create(&t->ids[t->started], NULL, work, t);

        if (err != 0) {
            wr_log(t->log, WR_LOG_ALERT, err, "pthread_create() failed");
            break;
        }
        t->started++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return t->started != 0;
}

/* Takes a job that has not begun out of the queue; else its result is awaited. */
static void
cancel(wr_op_t *op)
{
    wr_job_t     *job = WR_CONTAINER(op, wr_job_t, op);
    wr_threads_t *t = job->threads;
    bool          found = false;

    pthread_mutex_lock(&t->lock);
    for (wr_job_t **at = &t->todo.first; *at != NULL; at = &(*at)->next) {
        if (*at == job) {
            *at = job->next;
            if (t->todo.end == &job->next) {
                t->todo.end = at;
            }
            t->queued--;
            found = true;
            break;
        }
    }
    pthread_mutex_unlock(&t->lock);
    if (found) {
        wr_op_complete(op, WR_CANCELLED);
    }
}

/* With the lock. A job for which a thread is free does not wait, though it passes
 * through the queue. */
static bool
is_full(const wr_threads_t *t)
{
    return t->max_queue != 0 && t->queued >= t->max_queue + t->started - t->running;
}

wr_rc_t
wr_threads_run(wr_threads_t *t, wr_job_t *job, const char *name)
{
    bool full;

    if (wr_unlikely(t->started < t->want) && !start_threads(t)) {
        return WR_ERROR;
    }
    pthread_mutex_lock(&t->lock);
    full = is_full(t);
    if (!full) {
        wr_op_begin(&job->op, name, cancel);
        job->threads = t;
        job->rc = WR_OK;
        list_add(&t->todo, job);
        t->queued++;
        if (!t->brief || t->asleep - t->woken == t->started) {
            wake_one(t);
        } else if (!wr_timer_is_set(&t->watch_over)) {
            t->seen = t->taken;
            wr_timer_set(&t->watch_over, 1);
        }
    }
    pthread_mutex_unlock(&t->lock);
    return full ? WR_BUSY : WR_OK;
}

void
wr_threads_free(wr_threads_t *t)
{
    wr_job_t *left;

    if (t == NULL) {
        return;
    }
    pthread_mutex_lock(&t->lock);
    wr_timer_cancel(&t->watch_over);
    left = t->todo.first;
    list_init(&t->todo);
    t->queued = 0;
    t->stop = true;
    pthread_cond_broadcast(&t->wake);
    pthread_mutex_unlock(&t->lock);
    for (unsigned i = 0; i < t->started; i++) {
        pthread_join(t->ids[i], NULL);
    }
    for (wr_job_t *job = left; job != NULL; job = job->next) {
        job->rc = WR_CANCELLED;
    }
    complete_all(take_done(t));
    complete_all(left);
    if (t->watch.fd >= 0) {
        wr_watch_forget(&t->watch);
        close(t->watch.fd);
    }
    pthread_cond_destroy(&t->wake);
    pthread_mutex_destroy(&t->lock);
    free(t->ids);
    free(t);
}

void
wr_threads_expect_short(wr_threads_t *t)
{
    WR_ASSERT(t->started == 0);
    t->brief = true;
}

void
wr_threads_on_idle(wr_threads_t *t, void (*fn)(void *data), void *data)
{
    WR_ASSERT(t->started == 0);
    t->on_idle = fn;
    t->on_idle_data = data;
}

/* ---- the general pool ---- */

void
wr_threads_default_size(unsigned threads, unsigned max_queue)
{
    general.threads = threads;
    general.max_queue = max_queue;
}

wr_threads_t *
wr_threads_default(void)
{
    if (general.pool == NULL) {
        general.pool = wr_threads_new("weir-pool", general.threads,
                                      general.max_queue, &wr_log_main);
    }
    return general.pool;
}

void
wr_threads_default_free(void)
{
    wr_threads_free(general.pool);
    general.pool = NULL;
}
