/*
 * master_process off: one process does it all. For debugging, as in nginx. After a
 * reload the old cycle stays until no connection is open at all: connections hold
 * on to the conf that they came in with.
 */
#define _GNU_SOURCE
#include <weir/process/process_priv.h>

#include <stdlib.h>
#include <unistd.h>
#include <weir/event/threads.h>

enum { MAX_OLD = 64 };

static struct {
    wr_cycle_t *cycle;
    wr_cycle_t *old[MAX_OLD];
    unsigned    n_old;
} s;

/* Modules end what is their own cycle's, and find it where they find that of the newest
 * one. A zone may be in several cycles in a row: the last of them unmaps it. */
static void
free_old(void)
{
    for (unsigned i = 0; i < s.n_old; i++) {
        wr_worker.cycle = s.old[i];
        wr_cycle_take(s.old[i], s.cycle);
        wr_modules_stop(s.old[i]);
        wr_cycle_take(s.cycle, s.old[i]);
    }
    for (unsigned i = 0; i < s.n_old; i++) {
        wr_zones_close(s.old[i], i + 1 < s.n_old ? s.old[i + 1] : s.cycle);
        wr_cycle_free(s.old[i]);
    }
    s.n_old = 0;
    wr_worker.cycle = s.cycle;
}

/* They end together, when no connection is open any more. */
static wr_cycle_t *
too_many(void)
{
    wr_log(&wr_log_main, WR_LOG_EMERG, 0, "connections still hold on to %d former confs: "
           "reload again when they have ended, or use \"master_process on\"", MAX_OLD);
    return NULL;
}

static void
reload(void)
{
    wr_cycle_t *new;

    wr_signals.reload = false;
    wr_state_started(s.cycle);
    wr_log(s.cycle->log, WR_LOG_NOTICE, 0, "reconfiguring");
    wr_accept_stop(s.cycle, false);
    wr_capture_start(&wr_log_main);
    new = s.n_old < MAX_OLD ? wr_cycle_new(s.cycle) : too_many();
    if (new != NULL) {
        s.old[s.n_old++] = s.cycle;
        s.cycle = wr_worker.cycle = new;
        wr_worker.max_connections = (uint64_t) new->core->worker_connections;
        (void) wr_capture_end(&wr_log_main);
        wr_stderr_redirect(new);
        wr_metrics_enter(0, new->generation);
        if (wr_modules_start(new) != WR_OK) {
            wr_signals.terminate = true;
        }
        wr_state_finished(new, true, WR_STR_NONE);
    } else {
        wr_state_finished(s.cycle, false, wr_capture_end(&wr_log_main));
    }
    wr_capture_free();
    wr_accept_start(s.cycle, false);
}

static void
obey(void)
{
    if (wr_signals.quit && !wr_worker.quitting) {
        wr_worker_quit(s.cycle);
    }
    if (wr_signals.reload && !wr_worker.quitting) {
        reload();
    }
    if (wr_signals.reopen) {
        wr_signals.reopen = false;
        wr_log(s.cycle->log, WR_LOG_NOTICE, 0, "reopening logs");
        wr_logs_reopen(s.cycle, -1);
    }
    wr_worker_list();
    wr_signals.upgrade = wr_signals.no_accept = wr_signals.child = false;
}

int
wr_single_run(wr_cycle_t *cycle)
{
    s.cycle = cycle;
    wr_process.kind = "single";
    wr_first_lines(cycle->log);
    wr_environment_set(cycle);
    wr_metrics_enter(0, cycle->generation);
    if (wr_worker_begin(cycle, 0) != WR_OK) {
        wr_pid_remove(cycle);
        return 2;
    }
    wr_accept_start(cycle, false);
    wr_notify("READY=1");
    while (!wr_signals.terminate && !(wr_worker.quitting && wr_worker_is_idle())) {
        wr_loop_turn(-1);
        wr_accept_check();
        obey();
        if (s.n_old != 0 && wr_worker_is_idle()) {
            free_old();
        }
    }
    wr_notify("STOPPING=1");
    wr_pid_remove(s.cycle);
    wr_log(s.cycle->log, WR_LOG_NOTICE, 0, "exit");
    wr_worker.terminating = true;
    if (wr_worker_hooks.abort != NULL) {
        wr_worker_hooks.abort();
    }
    free_old();
    wr_sockets_close(s.cycle);
    wr_worker_end(s.cycle);
    wr_cycle_free(s.cycle);
    return 0;
}
