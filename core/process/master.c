/*
 * The master: it reads signals and keeps workers, and does nothing else. One
 * thread, no connections.
 *
 * A reload goes in steps, each waited for in the loop: the new cycle's workers are
 * started; once they accept, the old ones are told to retire; once those do not
 * accept any more, whoever asked for the reload is told.
 */
#define _GNU_SOURCE
#include <weir/process/process_priv.h>

#include <signal.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <weir_config.h>

enum { READY_MS = 10000, RETIRE_MS = 2000, KILL_MS = 5000 };
enum phase { STEADY, WAIT_READY, WAIT_RETIRED };

static struct {
    wr_cycle_t *cycle;
    enum phase  phase;
    bool        ready_said;     /* to systemd */
    bool        quitting;       /* sockets are closed, workers told */
    bool        terminating;
    bool        no_accepting;   /* after WINCH */
    wr_timer_t  step;           /* bounds a phase */
    wr_timer_t  kill;
    wr_timer_t  watchdog;
} m;

/* ---- titles and first lines ---- */

static void
set_title(void)
{
    wr_buf_t b = wr_buf(NULL);

    for (int i = 0; i < wr_process.argc; i++) {
        wr_buf_char(&b, ' ');
        wr_buf_z(&b, wr_process.argv[i]);
    }
    wr_title_set("weir: master process%s", wr_buf_cstr(&b));
    wr_buf_free(&b);
}

void
wr_first_lines(wr_log_t *log)
{
    struct utsname u;
    struct rlimit  r;

    wr_log(log, WR_LOG_NOTICE, 0, "using the \"epoll\" event method");
    wr_log(log, WR_LOG_NOTICE, 0, "weir/" WR_VERSION);
    wr_log(log, WR_LOG_NOTICE, 0, "built by " WR_COMPILER);
    if (uname(&u) == 0) {
        wr_log(log, WR_LOG_NOTICE, 0, "OS: %s %s", u.sysname, u.release);
    }
    if (getrlimit(RLIMIT_NOFILE, &r) == 0) {
        wr_log(log, WR_LOG_NOTICE, 0, "getrlimit(RLIMIT_NOFILE): %" PRIu64 ":%" PRIu64,
               (uint64_t) r.rlim_cur, (uint64_t) r.rlim_max);
    }
}

/* ---- reload ---- */

static void
step_late(wr_timer_t *t)
{
    (void) t;
    if (m.phase == WAIT_READY) {
        wr_log(m.cycle->log, WR_LOG_WARN, 0, "not all new worker processes accept "
               "connections yet");
    }
}

static void
enter(enum phase phase, wr_msec_t at_most)
{
    m.phase = phase;
    wr_timer_cancel(&m.step);
    if (at_most != 0) {
        wr_timer_set(&m.step, at_most);
    }
}

static bool
is_late(void)
{
    return !wr_timer_is_set(&m.step);
}

static void
say_ready(void)
{
    wr_notify("READY=1\nMAINPID=%d\nSTATUS=%d worker processes, conf %" PRIu64,
              (int) getpid(), (int) m.cycle->core->worker_processes,
              m.cycle->generation);
}

/* Not one new worker came up: the old ones serve on, whatever their conf. */
static void
stay_with_old(void)
{
    static const char why[] = "no worker process could start with the new conf";

    wr_workers_no_respawn();
    wr_log(m.cycle->log, WR_LOG_ALERT, 0, "%s: the old ones go on", why);
    wr_state_finished(m.cycle, false, WR_STR("weir: [alert] no worker process could "
                                             "start with the new conf\n"));
    enter(STEADY, 0);
}

static void
new_workers_are_up(void)
{
    if (!m.ready_said) {
        m.ready_said = true;
        say_ready();
        enter(STEADY, 0);
    } else if (wr_workers_new() == 0) {
        stay_with_old();
    } else {
        wr_workers_signal(SIGQUIT, true);
        enter(WAIT_RETIRED, RETIRE_MS);
    }
}

/* Goes on with a reload (or the start) as far as it can. */
static void
advance(void)
{
    if (m.phase == WAIT_READY && (wr_workers_ready() || is_late())) {
        new_workers_are_up();
    }
    if (m.phase == WAIT_RETIRED && (wr_workers_retired() || is_late())) {
        wr_state_finished(m.cycle, true, WR_STR_NONE);
        say_ready();
        enter(STEADY, 0);
    }
}

static void
reload(void)
{
    wr_cycle_t *old = m.cycle, *new;

    wr_notify_reloading();
    wr_state_started(old);
    wr_log(old->log, WR_LOG_NOTICE, 0, "reconfiguring");
    wr_capture_start(&wr_log_main);
    new = wr_cycle_new(old);
    if (new == NULL) {
        wr_state_finished(old, false, wr_capture_end(&wr_log_main));
        wr_notify("READY=1\nSTATUS=the new conf was refused, the former one goes on");
        wr_capture_free();
        return;
    }
    (void) wr_capture_end(&wr_log_main);
    wr_capture_free();
    m.cycle = new;
    m.no_accepting = false;
    wr_dev_watch(new);
    wr_stderr_redirect(new);
    if (new->core->pid.n != 0 && !wr_str_eq(new->core->pid, old->core->pid)) {
        (void) wr_pid_write(new);
        wr_pid_remove(old);
    }
    wr_workers_start(new);
    wr_cycle_free(old);
    enter(WAIT_READY, READY_MS);
}

/* Also brings an old master back after WINCH, when the new binary is no good: its
 * workers are started again with the conf as it was. */
static void
reload_or_come_back(void)
{
    wr_signals.reload = false;
    if (wr_process.new_binary != 0) {
        wr_workers_start(m.cycle);
        m.no_accepting = false;
        enter(WAIT_READY, READY_MS);
        return;
    }
    reload();
}

/* ---- the end ---- */

static void
kill_them(wr_timer_t *t)
{
    (void) t;
    wr_workers_signal(SIGKILL, false);
}

static void
end_begins(void)
{
    wr_workers_no_respawn();
    enter(STEADY, 0);
    if (wr_process.new_binary != 0) {
        wr_notify("MAINPID=%d", (int) wr_process.new_binary);
    } else {
        wr_workers_stopping();
        wr_notify("STOPPING=1\nSTATUS=Ending");
    }
}

static void
terminate(void)
{
    m.terminating = true;
    end_begins();
    wr_workers_signal(SIGTERM, false);
    m.kill.fn = kill_them;
    wr_timer_set(&m.kill, KILL_MS);
}

static void
quit(void)
{
    m.quitting = true;
    end_begins();
    wr_workers_signal(SIGQUIT, false);
    wr_sockets_close(m.cycle);
}

/* ---- signals ---- */

static void
reopen(void)
{
    wr_signals.reopen = false;
    wr_log(m.cycle->log, WR_LOG_NOTICE, 0, "reopening logs");
    wr_logs_reopen(m.cycle, geteuid() == 0 ? m.cycle->core->uid : -1);
    wr_workers_signal(SIGUSR1, false);
}

static void
come_back(void)
{
    /* The new binary has ended while we had sent our workers away. */
    if (m.no_accepting && wr_process.new_binary == 0) {
        m.no_accepting = false;
        wr_workers_start(m.cycle);
        enter(WAIT_READY, READY_MS);
    }
}

static void
obey(void)
{
    if (wr_signals.child) {
        bool upgrading = wr_process.new_binary != 0;

        wr_signals.child = false;
        wr_workers_reap(m.cycle);
        if (upgrading && !m.quitting && !m.terminating) {
            come_back();
        }
    }
    if (wr_signals.list) {
        wr_signals.list = false;
        wr_workers_signal(SIGURG, false);
    }
    if (wr_signals.terminate && !m.terminating) {
        terminate();
    }
    if (m.terminating || m.quitting) {
        return;
    }
    if (wr_signals.quit) {
        quit();
        return;
    }
    if (wr_signals.reload && m.phase == STEADY) {
        reload_or_come_back();
    }
    if (wr_signals.reopen) {
        reopen();
    }
    if (wr_signals.upgrade) {
        wr_signals.upgrade = false;
        wr_upgrade_start(m.cycle);
    }
    if (wr_signals.no_accept) {
        wr_signals.no_accept = false;
        m.no_accepting = true;
        wr_workers_no_respawn();
        wr_workers_signal(SIGQUIT, false);
    }
}

static void
sign_of_life(wr_timer_t *t)
{
    wr_notify("WATCHDOG=1");
    wr_timer_set(t, wr_notify_watchdog());
}

int
wr_master_run(wr_cycle_t *cycle)
{
    m.cycle = cycle;
    m.step.fn = step_late;
    wr_process.kind = "master";
    set_title();
    if (wr_loop_open(cycle->log, 64) != WR_OK || wr_signals_open(cycle->log) != WR_OK
        || wr_workers_init(cycle->log) != WR_OK)
    {
        return 1;
    }
    wr_first_lines(cycle->log);
    if (wr_notify_watchdog() != 0) {
        m.watchdog.fn = sign_of_life;
        wr_timer_set(&m.watchdog, 0);
    }
    wr_dev_watch(cycle);
    wr_workers_start(cycle);
    enter(WAIT_READY, READY_MS);

    while (!((m.quitting || m.terminating) && wr_workers_count() == 0)) {
        wr_loop_turn(wr_signals.reload && m.phase == STEADY ? 0 : -1);
        advance();
        obey();
        advance();
    }
    cycle = m.cycle;
    wr_pid_remove(cycle);
    wr_log(cycle->log, WR_LOG_NOTICE, 0, "exit");
    wr_sockets_close(cycle);
    wr_workers_free();
    wr_signals_close();
    wr_loop_close();
    wr_cycle_free(cycle);
    return 0;
}
