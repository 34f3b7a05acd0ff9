/*
 * From a cycle to a running server: background, pid file, standard error.
 */
#define _GNU_SOURCE
#include <weir/process/process_priv.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static wr_rc_t
go_to_background(wr_log_t *log)
{
    int fd;

    switch (fork()) {
    case -1:
        wr_log(log, WR_LOG_EMERG, errno, "fork() failed");
        return WR_ERROR;
    case 0:
        break;
    default:
        _exit(0);
    }
    wr_log_forked();
    wr_process.parent = getppid();
    wr_process.daemonized = true;
    if (setsid() == -1) {
        wr_log(log, WR_LOG_EMERG, errno, "setsid() failed");
        return WR_ERROR;
    }
    umask(0);
    fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (fd < 0 || dup2(fd, STDIN_FILENO) < 0 || dup2(fd, STDOUT_FILENO) < 0) {
        wr_log(log, WR_LOG_EMERG, errno, "\"/dev/null\" cannot be used");
        return WR_ERROR;
    }
    close(fd);
    return WR_OK;
}

int
wr_server_run(wr_cycle_t *cycle)
{
    const wr_core_conf_t *core = cycle->core;

    if (core->daemon && !wr_process.inherited && go_to_background(cycle->log) != WR_OK) {
        return 1;
    }
    if (wr_process.inherited) {
        wr_process.daemonized = true;
    }
    /* From here on the pid file invites signals. */
    wr_signals_block();
    if (wr_pid_write(cycle) != WR_OK) {
        return 1;
    }
    wr_metrics_enter(0, cycle->generation);
    wr_conf_metrics(cycle, true);
    cycle->log->to_stderr = wr_log_main.to_stderr = core->dev;
    wr_stderr_redirect(cycle);
    return core->master_process ? wr_master_run(cycle) : wr_single_run(cycle);
}
