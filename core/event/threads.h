/*
 * A pool of threads for what would block: SQL, password hashes, files of slow
 * disks. A job is done whole in one hop: hand over work, not statements.
 */
#ifndef WEIR_EVENT_THREADS_H
#define WEIR_EVENT_THREADS_H

#include <weir/event/op.h>

typedef struct wr_threads wr_threads_t;

typedef struct wr_job {
    wr_op_t        op;          /* completes on the loop after run() */
    void         (*run)(struct wr_job *job);    /* on a pool thread */
    wr_rc_t        rc;          /* set by run: the op's result */
    struct wr_job *next;
    wr_threads_t  *threads;     /* where it runs */
} wr_job_t;

/* Threads start with the first job. `max_queue` 0: no bound. */
wr_threads_t *wr_threads_new(const char *name, unsigned threads, unsigned max_queue,
                             wr_log_t *log);
/* Waits for the running jobs; jobs that have not begun complete WR_CANCELLED. */
void wr_threads_free(wr_threads_t *t);

/* Before the first job. Jobs are expected to take microseconds: one thread works off
 * the queue by itself, and others are woken only when it does not get on (within two
 * milliseconds); the loop learns of several jobs at once. */
void wr_threads_expect_short(wr_threads_t *t);

/* Before the first job. `fn` runs on each thread that has worked and finds no other job,
 * before it sleeps or ends: what it kept from job to job is let go there. The results
 * of its jobs are on their way by then. */
void wr_threads_on_idle(wr_threads_t *t, void (*fn)(void *data), void *data);

/* WR_BUSY if the queue is full: then the op has not begun. A job that is
 * cancelled before it runs completes at once. Completions of several jobs reach
 * the loop by one wake-up (eventfd). */
wr_rc_t wr_threads_run(wr_threads_t *t, wr_job_t *job, const char *name) WR_MUST_CHECK;

/* The worker's general pool, made on first use (4 threads, or as the conf's
 * `thread_pool default` says). Freed at the worker's end. */
wr_threads_t *wr_threads_default(void);
void wr_threads_default_size(unsigned threads, unsigned max_queue);
void wr_threads_default_free(void);

#endif
