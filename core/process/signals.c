/*
 * Signals, read from a descriptor in the loop: nothing happens inside a signal
 * handler. All processes of ours block what is listed here from their start.
 */
#define _GNU_SOURCE
#include <weir/process/process_priv.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

wr_signals_t wr_signals;

static const struct {
    int         no;
    const char *name;
} known[] = {
    {SIGHUP, "SIGHUP"},   {SIGINT, "SIGINT"},   {SIGTERM, "SIGTERM"},
    {SIGQUIT, "SIGQUIT"}, {SIGUSR1, "SIGUSR1"}, {SIGUSR2, "SIGUSR2"},
    {SIGWINCH, "SIGWINCH"}, {SIGCHLD, "SIGCHLD"}, {SIGALRM, "SIGALRM"},
    {SIGIO, "SIGIO"},     {SIGURG, "SIGURG"},
};

static wr_watch_t watch = {.fd = -1};

static sigset_t
our_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    for (size_t i = 0; i < WR_COUNT(known); i++) {
        sigaddset(&set, known[i].no);
    }
    return set;
}

void
wr_signals_block(void)
{
    sigset_t         set = our_signals();
    struct sigaction ignore = {.sa_handler = SIG_IGN};

    sigprocmask(SIG_BLOCK, &set, NULL);
    sigaction(SIGPIPE, &ignore, NULL);
    sigaction(SIGSYS, &ignore, NULL);
}

void
wr_signals_unblock(void)
{
    sigset_t         set;
    struct sigaction usual = {.sa_handler = SIG_DFL};

    sigaction(SIGPIPE, &usual, NULL);
    sigaction(SIGSYS, &usual, NULL);
    sigemptyset(&set);
    sigprocmask(SIG_SETMASK, &set, NULL);
}

static const char *
name_of(int no)
{
    for (size_t i = 0; i < WR_COUNT(known); i++) {
        if (known[i].no == no) {
            return known[i].name;
        }
    }
    return "?";
}

/* A terminal sends WINCH to all its processes when its window changes. */
static bool
has_terminal(void)
{
    int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);

    if (fd < 0) {
        return false;
    }
    close(fd);
    return true;
}

static const char *
upgrade_asked(void)
{
    bool parent_lives = wr_process.inherited && getppid() == wr_process.parent;

    if (parent_lives || wr_process.new_binary > 0) {
        return ", ignoring";
    }
    wr_signals.upgrade = true;
    return ", changing binary";
}

/* Only the master (and the single process) reload and upgrade. */
static const char *
take(int no, bool worker)
{
    switch (no) {
    case SIGTERM:
    case SIGINT:
        wr_signals.terminate = true;
        return ", exiting";
    case SIGQUIT:
        wr_signals.quit = true;
        return ", shutting down";
    case SIGUSR1:
        wr_signals.reopen = true;
        return ", reopening logs";
    case SIGCHLD:
        wr_signals.child = true;
        return "";
    case SIGHUP:
        if (worker) {
            return ", ignoring";
        }
        wr_signals.reload = true;
        return ", reconfiguring";
    case SIGWINCH:
        if (worker || has_terminal()) {
            return ", ignoring";
        }
        wr_signals.no_accept = true;
        return ", stop accepting connections";
    case SIGURG:
        wr_signals.list = true;
        return ", listing requests";
    case SIGUSR2:
        return worker ? ", ignoring" : upgrade_asked();
    default:
        return ", ignoring";
    }
}

static void
arrived(wr_watch_t *w)
{
    struct signalfd_siginfo info;
    bool                    worker = strcmp(wr_process.kind, "worker") == 0;

    while (read(w->fd, &info, sizeof(info)) == (ssize_t) sizeof(info)) {
        int         no = (int) info.ssi_signo;
        const char *action = take(no, worker);

        wr_log(&wr_log_main, WR_LOG_NOTICE, 0, "signal %d (%s) received from %d%s", no,
               name_of(no), (int) info.ssi_pid, action);
        if (no == SIGUSR2 && !worker && !wr_signals.upgrade) {
            wr_log(&wr_log_main, WR_LOG_CRIT, 0, "the changing binary signal is ignored: you "
                   "should shutdown or terminate before either old or new binary's process");
        }
    }
}

wr_rc_t
wr_signals_open(wr_log_t *log)
{
    sigset_t set = our_signals();

    memset(&wr_signals, 0, sizeof(wr_signals));
    wr_signals_block();
    watch = (wr_watch_t) {.on_read = arrived};
    watch.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (watch.fd < 0) {
        wr_log(log, WR_LOG_EMERG, errno, "signalfd() failed");
        return WR_ERROR;
    }
    return wr_watch_add(&watch);
}

void
wr_signals_close(void)
{
    if (watch.fd >= 0) {
        wr_watch_forget(&watch);
        close(watch.fd);
        watch.fd = -1;
    }
}
