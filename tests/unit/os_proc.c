/*
 * What the kernel says of this process and of others.
 */
#include <check.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <weir/os/proc.h>

static void
of_this_process(void)
{
    wr_proc_stat_t s, again;

    CHECK(prctl(PR_SET_NAME, "a ) b (c) 1 2") == 0);
    CHECK(wr_proc_stat(getpid(), &s));
    CHECK(s.state == 'R' && s.threads >= 1 && s.born != 0);
    CHECK(s.resident > 100 && s.virtual_memory > s.resident);
    for (volatile unsigned i = 0; i < 200000000; i++) {
    }
    CHECK(wr_proc_stat(getpid(), &again));
    CHECK(again.born == s.born && again.user + again.system > s.user + s.system);
}

static void
of_one_that_has_ended(void)
{
    wr_proc_stat_t s;
    pid_t          pid = fork();
    siginfo_t      info;

    if (pid == 0) {
        _exit(0);
    }
    CHECK(waitid(P_PID, (id_t) pid, &info, WEXITED | WNOWAIT) == 0);
    CHECK(wr_proc_stat(pid, &s) && s.state == 'Z');
    CHECK(waitpid(pid, NULL, 0) == pid);
    CHECK(!wr_proc_stat(pid, &s));
    CHECK(!wr_proc_stat(-1, &s));
}

static void
of_the_program(void)
{
    char     path[4096], small[8];
    wr_str_t program = wr_proc_program(path, sizeof(path));

    CHECK(program.p[0] == '/' && wr_str_ends(program, WR_STR("/os_proc")));
    CHECK(program.p[program.n] == '\0');
    CHECK(wr_proc_program(small, sizeof(small)).n == 0);    /* not a part of it */
}

int
main(void)
{
    of_this_process();
    of_one_that_has_ended();
    of_the_program();
    return 0;
}
