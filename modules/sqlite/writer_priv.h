/*
 * A writer, as the loop (writer.c) and its thread (batch.c) see it.
 */
#ifndef WEIR_SQLITE_WRITER_PRIV_H
#define WEIR_SQLITE_WRITER_PRIV_H

#include "sqlite.h"

typedef enum { KEEP, RELEASE, UNDO } former_t;

struct sq_writer {
    sq_run_t     *run;
    sq_conn_t    *conn;
    sq_conn_t    *copier;           /* copies the log into the file; NULL: there is none */
    wr_threads_t *thread;
    sq_lock_t    *lock;
    wr_log_t     *log;

    sq_tx_t      *first, *last;     /* who waits */
    sq_tx_t      *owner;
    former_t      former;           /* what is to be done with the last owner's */
    sq_tx_t      *former_tx;
    bool          must_commit;
    wr_post_t     pump;
    sq_tx_t      *done, *done_last; /* who waits for the COMMIT */
    unsigned      ndone;
    sq_tx_t      *back;             /* is being put back into the queue */

    /* the job */
    wr_job_t      job;
    bool          busy;
    bool          closing;
    former_t      do_former;
    sq_tx_t      *do_tx;
    sq_call_t    *calls, *calls_last;
    unsigned      ncalls;
    bool          commit;
    sq_tx_t      *fresh;            /* the thread's: settled well, not yet committed */

    /* the batch: the thread's while a job runs */
    bool          open;
    uint64_t      began;

    /* under the lock: what joins the job that runs */
    pthread_mutex_t lock_late;
    sq_call_t    *late, *late_last;
    bool          late_open;

    /* the thread's alone */
    int           next_checkpoint;
    int           next_wait;        /* pages: from then on it waits for readers */
    int           settled;          /* transactions that the last COMMIT settled */
    bool          owes;             /* a checkpoint: the lock is kept for it */
    bool          full;             /* the disk: the log is to begin anew if it can */
};

/* The thread's: a job, and what it owes when no other has come. */
void sq_batch_work(wr_job_t *job);
void sq_batch_idle(void *data);

/* Of both sides. What was thought done is not: everybody is told. */
void sq_batch_fail(sq_writer_t *w, const sq_err_t *err);
/* Nothing joins the job any more. What has not begun goes back with it. */
void sq_batch_close_late(sq_writer_t *w);
/* The batch has been open for long, and another process waits. */
bool sq_batch_is_late(const sq_writer_t *w);

#endif
