/*
 * -s: finds the master by its pid file and sends it a signal. For a reload it then
 * waits until the state file (pid.c) tells of a reload that began afterwards.
 */
#define _GNU_SOURCE
#include <weir/process/process_priv.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { POLL_MS = 10 };

static const struct {
    const char *word;
    int         no;
} words[] = {{"stop", SIGTERM}, {"quit", SIGQUIT}, {"reopen", SIGUSR1},
             {"reload", SIGHUP}};

typedef struct state {
    bool     there;
    uint64_t started, finished;
    bool     taken;
    wr_str_t why;
} state_t;

static ssize_t
read_small(const char *path, char *to, size_t room)
{
    int     fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    ssize_t n;

    if (fd < 0) {
        return -1;
    }
    n = read(fd, to, room - 1);
    close(fd);
    to[n > 0 ? n : 0] = '\0';
    return n;
}

static bool
read_pid(wr_cycle_t *cycle, pid_t *pid)
{
    const char *path = cycle->core->pid.p;
    char        text[64];
    ssize_t     n = read_small(path, text, sizeof(text));
    wr_str_t    digits;
    int64_t     v;

    if (n < 0) {
        wr_log(cycle->log, WR_LOG_ERR, errno, "open() \"%s\" failed", path);
        return false;
    }
    digits = wr_str_trim(wr_str(text, (size_t) n));
    if (!wr_parse_int(digits, &v) || v <= 0 || v > INT32_MAX) {
        wr_log(cycle->log, WR_LOG_ERR, 0, "invalid PID number \"%.*s\" in \"%s\"",
               WR_ARG(digits), path);
        return false;
    }
    *pid = (pid_t) v;
    return true;
}

static state_t
read_state(const char *path)
{
    static char text[65536];
    ssize_t     n = read_small(path, text, sizeof(text));
    state_t     s = {0};
    char        word[16] = "";
    int         used = 0;

    if (n > 0
        && sscanf(text, "started %" SCNu64 "\nfinished %" SCNu64 " %15s\n%n", &s.started,
                  &s.finished, word, &used) >= 3)
    {
        s.there = true;
        s.taken = strcmp(word, "taken") == 0;
        s.why = wr_str(text + used, (size_t) n - (size_t) used);
    }
    return s;
}

/* A reload that is under way has perhaps read the conf already: the next one is
 * ours. */
static int
wait_for_reload(pid_t pid, const char *path, const state_t *before)
{
    uint64_t want = before->started + 1;

    for (;;) {
        state_t now = read_state(path);

        if (now.there && now.finished >= want) {
            if (!now.taken) {
                fprintf(stderr, "%.*s", WR_ARG(now.why));
                fprintf(stderr, "weir: [error] the running server has refused the conf "
                        "and goes on with the former one\n");
            }
            return now.taken ? 0 : 1;
        }
        if (kill(pid, 0) != 0 && errno == ESRCH) {
            fprintf(stderr, "weir: [error] the server has ended\n");
            return 1;
        }
        usleep(POLL_MS * 1000);
    }
}

int
wr_signal_send(wr_cycle_t *cycle, const char *signal_word)
{
    wr_str_t path = wr_state_path(cycle->pool, cycle->core->pid);
    state_t  before;
    pid_t    pid;
    int      no = 0;

    wr_log(cycle->log, WR_LOG_NOTICE, 0, "signal process started");
    for (size_t i = 0; i < WR_COUNT(words); i++) {
        if (strcmp(signal_word, words[i].word) == 0) {
            no = words[i].no;
        }
    }
    WR_ASSERT(no != 0);
    if (!read_pid(cycle, &pid)) {
        return 1;
    }
    before = read_state(path.p);
    if (kill(pid, no) != 0) {
        wr_log(cycle->log, WR_LOG_ALERT, errno, "kill(%d, %d) failed", (int) pid, no);
        return 1;
    }
    return no == SIGHUP && before.there ? wait_for_reload(pid, path.p, &before) : 0;
}
