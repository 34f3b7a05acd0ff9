/*
 * USR2: the new binary is started beside us with our listening sockets. It takes
 * over the name of the pid file; if it ends, we take it back.
 */
#define _GNU_SOURCE
#include <weir/process/process_priv.h>

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static WR_NORETURN void
run_new_binary(wr_cycle_t *cycle)
{
    char *handed;

    wr_signals_unblock();
    handed = wr_sockets_hand_over(cycle);
    putenv(handed);
    execv(wr_process.program, wr_process.argv);
    wr_log(cycle->log, WR_LOG_ALERT, errno, "execve() failed while executing new binary "
           "process \"%s\"", wr_process.program);
    _exit(1);
}

void
wr_upgrade_start(wr_cycle_t *cycle)
{
    pid_t pid;

    if (wr_pid_rename(cycle, true) != WR_OK) {
        return;
    }
    pid = fork();
    if (pid == 0) {
        wr_log_forked();
        run_new_binary(cycle);
    }
    if (pid < 0) {
        wr_log(cycle->log, WR_LOG_ALERT, errno, "fork() failed while spawning \"new "
               "binary process\"");
        (void) wr_pid_rename(cycle, false);
        return;
    }
    wr_process.new_binary = pid;
    wr_log(cycle->log, WR_LOG_NOTICE, 0, "start new binary process %d", (int) pid);
}

void
wr_upgrade_ended(wr_cycle_t *cycle)
{
    wr_process.new_binary = 0;
    (void) wr_pid_rename(cycle, false);
}
