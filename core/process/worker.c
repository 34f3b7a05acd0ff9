/*
 * A worker process: set up, serve, end.
 */
#define _GNU_SOURCE
#include <weir/process/process_priv.h>

#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>
#include <weir/event/threads.h>
#include <weir/net/resolver.h>

wr_worker_t       wr_worker;
wr_worker_hooks_t wr_worker_hooks;

enum { FATAL = 2 };     /* an exit status: starting again would not help */

/* ---- modules ---- */

wr_rc_t
wr_modules_start(wr_cycle_t *cycle)
{
    wr_module_t *m;

    for (unsigned i = 0; (m = wr_cycle_module(cycle, &i)) != NULL; ) {
        if (m->worker_start != NULL && m->worker_start(&wr_worker) != WR_OK) {
            wr_log(cycle->log, WR_LOG_EMERG, 0, "module \"%s\" cannot start", m->name);
            return WR_ERROR;
        }
    }
    return WR_OK;
}

/* In the opposite order. */
static void
stop_from(wr_cycle_t *cycle, unsigned i)
{
    wr_module_t *m = wr_cycle_module(cycle, &i);

    if (m == NULL) {
        return;
    }
    stop_from(cycle, i);
    if (m->worker_stop != NULL) {
        m->worker_stop(&wr_worker);
    }
}

void
wr_modules_stop(wr_cycle_t *cycle)
{
    stop_from(cycle, 0);
}

/* ---- ending ---- */

static void
time_is_up(wr_timer_t *t)
{
    (void) t;
    wr_log(&wr_log_main, WR_LOG_NOTICE, 0, "worker_shutdown_timeout is over, closing "
           "connections");
    if (wr_worker_hooks.abort != NULL) {
        wr_worker_hooks.abort();
    }
}

void
wr_worker_quit(wr_cycle_t *cycle)
{
    static wr_timer_t timer;

    wr_log(cycle->log, WR_LOG_NOTICE, 0, "gracefully shutting down");
    wr_accept_stop(cycle, true);
    wr_worker.quitting = true;
    wr_worker.stopping = wr_worker_is_stopping();
    wr_worker_is_retired();
    wr_metrics_retiring();
    if (cycle->core->worker_shutdown_timeout != 0) {
        timer.fn = time_is_up;
        wr_timer_set(&timer, cycle->core->worker_shutdown_timeout);
    }
    if (wr_worker_hooks.quit != NULL) {
        wr_worker_hooks.quit();
    }
}

bool
wr_worker_is_idle(void)
{
    return wr_worker_hooks.idle == NULL || wr_worker_hooks.idle();
}

void
wr_worker_list(void)
{
    if (wr_signals.list && wr_worker_hooks.list != NULL) {
        wr_worker_hooks.list();
    }
    wr_signals.list = false;
}

void
wr_worker_end(wr_cycle_t *cycle)
{
    if (wr_worker_hooks.abort != NULL && !wr_worker_is_idle()) {
        wr_worker_hooks.abort();
    }
    wr_modules_stop(cycle);
    wr_resolvers_free();
    wr_threads_default_free();
    wr_logs_flush(cycle);
    wr_signals_close();
    wr_loop_close();
}

/* ---- serving ---- */

wr_rc_t
wr_worker_begin(wr_cycle_t *cycle, unsigned index)
{
    const wr_core_conf_t *core = cycle->core;
    struct rlimit         r;

    wr_worker = (wr_worker_t) {
        .cycle = cycle, .index = index, .pid = getpid(),
        .max_connections = (uint64_t) core->worker_connections,
    };
    if (getrlimit(RLIMIT_NOFILE, &r) == 0 && (rlim_t) core->worker_connections > r.rlim_cur
        && index == 0)
    {
        wr_log(cycle->log, WR_LOG_WARN, 0, "%" PRId64 " worker_connections exceed open "
               "file resource limit: %" PRIu64, core->worker_connections,
               (uint64_t) r.rlim_cur);
    }
    if (core->pool_threads != 0) {
        wr_threads_default_size((unsigned) core->pool_threads,
                                (unsigned) core->pool_max_queue);
    }
    wr_ticks_calibrate();
    if (wr_loop_open(cycle->log, 0) != WR_OK || wr_signals_open(cycle->log) != WR_OK) {
        return WR_ERROR;
    }
    return wr_modules_start(cycle);
}

static void
serve(wr_cycle_t *cycle)
{
    while (!(wr_worker.quitting && wr_worker_is_idle())) {
        wr_loop_turn(-1);
        wr_accept_check();
        if (wr_signals.terminate) {
            wr_worker.terminating = true;
            return;
        }
        wr_worker_list();
        if (wr_signals.quit && !wr_worker.quitting) {
            wr_title_set("weir: worker process is shutting down");
            wr_worker_quit(cycle);
        }
        if (wr_signals.reopen) {
            wr_signals.reopen = false;
            wr_log(cycle->log, WR_LOG_NOTICE, 0, "reopening logs");
            wr_logs_reopen(cycle, -1);
        }
    }
}

int
wr_worker_main(wr_cycle_t *cycle, unsigned index, pid_t master)
{
    wr_process.kind = "worker";
    wr_title_set("weir: worker process");
    wr_notify_forget();
    wr_environment_set(cycle);
    if (wr_privileges_drop(cycle, index) != WR_OK) {
        return FATAL;
    }
    /* Nobody could tell us to end, once the master has gone; maybe it has already.
     * After the change of the user, which clears it. */
    prctl(PR_SET_PDEATHSIG, SIGQUIT, 0, 0, 0);
    if (getppid() != master || wr_worker_begin(cycle, index) != WR_OK) {
        return FATAL;
    }
    wr_accept_start(cycle, cycle->core->worker_processes > 1);
    wr_worker_is_ready();
    serve(cycle);
    wr_log(cycle->log, WR_LOG_NOTICE, 0, "exiting");
    wr_worker_end(cycle);
    wr_log(cycle->log, WR_LOG_NOTICE, 0, "exit");
    return 0;
}
