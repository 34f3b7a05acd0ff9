/*
 * What the files of this folder share.
 */
#ifndef WEIR_PROCESS_PROCESS_PRIV_H
#define WEIR_PROCESS_PROCESS_PRIV_H

#include <weir/os/clock.h>
#include <weir/os/metrics.h>
#include <weir/process/process.h>

enum { WR_MAX_WORKERS = 1024 };

/* ---- this process ---- */

typedef struct wr_process {
    int         argc;
    char      **argv;           /* copies: the originals become the title */
    char      **environment[2]; /* copies, too */
    const char *program;        /* to be executed by an upgrade */
    pid_t       parent;         /* at the start */
    bool        daemonized;
    bool        inherited;      /* started by an upgrade */
    wr_array_t  handed;         /* int: descriptors that we were given */
    pid_t       new_binary;     /* the master of an upgrade; 0: none */
    const char *kind;           /* "master", for the log; "worker" */
} wr_process_t;
extern wr_process_t wr_process;

void wr_title_set(const char *format, ...) WR_PRINTF(1, 2);
void wr_title_init(int argc, char **argv);
void wr_start_log_close(void);

/* ---- cycle ---- */

wr_rc_t wr_core_finish(wr_cycle_t *cycle);
/* The modules whose hooks are to be called: those with HTTP parts only where
 * there is an http block. Goes on from *i. */
wr_module_t *wr_cycle_module(const wr_cycle_t *cycle, unsigned *i);

wr_rc_t wr_logs_open(wr_cycle_t *cycle);
void    wr_logs_close(wr_cycle_t *cycle);
/* `uid` other than -1: the files are given to that user. */
void    wr_logs_reopen(wr_cycle_t *cycle, int uid);
void    wr_logs_flush(wr_cycle_t *cycle);
/* Standard error becomes the error log (unless that is standard error). */
void    wr_stderr_redirect(wr_cycle_t *cycle);
int     wr_log_open_file(const char *path);

wr_rc_t wr_zones_open(wr_cycle_t *cycle, wr_cycle_t *old);
/* Unmaps those that are not `next`'s as well (NULL: all). */
void    wr_zones_close(wr_cycle_t *cycle, const wr_cycle_t *next);

void    wr_sockets_inherit(wr_log_t *log);
wr_rc_t wr_sockets_open(wr_cycle_t *cycle, wr_cycle_t *old);
/* After the new cycle was taken: closes what the old one had and the new one has
 * not. */
void    wr_sockets_close_old(wr_cycle_t *cycle, wr_cycle_t *old);
/* After a refusal: what `cycle` opened itself; then, at the end, all. */
void    wr_sockets_drop(wr_cycle_t *cycle, wr_cycle_t *old);
void    wr_sockets_close(wr_cycle_t *cycle);
/* The variable that tells a new binary of our sockets; malloc'd. In the child,
 * before exec. */
char   *wr_sockets_hand_over(const wr_cycle_t *cycle);

/* ---- signals ---- */

typedef struct wr_signals {
    bool child, terminate, quit, reload, reopen, upgrade, no_accept;
    bool list;                  /* what the workers are doing */
} wr_signals_t;
extern wr_signals_t wr_signals;

/* Blocks the signals we know and reads them from the loop. */
wr_rc_t wr_signals_open(wr_log_t *log);
void    wr_signals_close(void);
void    wr_signals_block(void);
void    wr_signals_unblock(void);

/* ---- pid file, -s reload ---- */

wr_rc_t wr_pid_write(wr_cycle_t *cycle);
void    wr_pid_remove(wr_cycle_t *cycle);
wr_rc_t wr_pid_rename(wr_cycle_t *cycle, bool to_old);
/* -t: whether it could be written. */
wr_rc_t wr_pid_test(wr_cycle_t *cycle);

/* Beside the pid file: what became of the last reload. */
wr_str_t wr_state_path(wr_pool_t *pool, wr_str_t pid);
void    wr_state_started(wr_cycle_t *cycle);
void    wr_state_finished(wr_cycle_t *cycle, bool taken, wr_str_t why);

void    wr_conf_metrics(const wr_cycle_t *cycle, bool taken);

/* What is logged at emerg while it is set: for who asked for a reload. */
void     wr_capture_start(wr_log_t *log);
wr_str_t wr_capture_end(wr_log_t *log);     /* valid until the next call */
void     wr_capture_free(void);

/* ---- systemd ---- */

void wr_notify(const char *format, ...) WR_PRINTF(1, 2);
void wr_notify_reloading(void);
/* Milliseconds between two signs of life; 0: none are wanted. */
wr_msec_t wr_notify_watchdog(void);
void wr_notify_forget(void);

/* ---- workers ---- */

/* In the child of `master`: runs until the worker ends; returns its exit status. */
int wr_worker_main(wr_cycle_t *cycle, unsigned index, pid_t master);

/* Its parts, also for the single process: opens loop and signals and starts the
 * modules; begins the graceful end; ends. */
wr_rc_t wr_worker_begin(wr_cycle_t *cycle, unsigned index);
void    wr_worker_quit(wr_cycle_t *cycle);
bool    wr_worker_is_idle(void);
void    wr_worker_list(void);       /* if SIGURG asked for it */
void    wr_worker_end(wr_cycle_t *cycle);

/* "using the "epoll" event method", version, system, limits. */
void wr_first_lines(wr_log_t *log);

wr_rc_t wr_privileges_drop(wr_cycle_t *cycle, unsigned index);
void    wr_environment_set(wr_cycle_t *cycle);

wr_rc_t wr_modules_start(wr_cycle_t *cycle);
void    wr_modules_stop(wr_cycle_t *cycle);

void wr_accept_start(wr_cycle_t *cycle, bool shared);
/* After each turn: goes on where a limit has made us pause. */
void wr_accept_check(void);
/* Stops listening; `and_close`: takes what waits in the queues and closes. */
void wr_accept_stop(wr_cycle_t *cycle, bool and_close);

/* ---- the master's workers ---- */

wr_rc_t  wr_workers_init(wr_log_t *log);
void     wr_workers_free(void);
void     wr_workers_start(wr_cycle_t *cycle);
unsigned wr_workers_count(void);
void     wr_workers_signal(int sig, bool only_old);
/* After SIGCHLD. */
void     wr_workers_reap(wr_cycle_t *cycle);
/* No worker is started again from now on. */
void     wr_workers_no_respawn(void);
/* Those of the newest generation accept; the older ones do not. */
bool     wr_workers_ready(void);
bool     wr_workers_retired(void);
/* How many of the newest generation have not ended. */
unsigned wr_workers_new(void);
/* Tells those that are asked to quit that nobody takes over. */
void     wr_workers_stopping(void);
/* For the worker itself. */
bool     wr_worker_is_stopping(void);
void     wr_worker_is_ready(void);
void     wr_worker_is_retired(void);

/* ---- upgrade ---- */

void wr_upgrade_start(wr_cycle_t *cycle);
void wr_upgrade_ended(wr_cycle_t *cycle);

/* dev.c: watches what was read for this cycle, if it has weir_dev. */
void wr_dev_watch(const wr_cycle_t *cycle);

#endif
