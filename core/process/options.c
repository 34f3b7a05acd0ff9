/*
 * The command line's settings, made complete; the log of the start-up.
 */
#define _GNU_SOURCE
#include <weir/process/process_priv.h>
#include <weir_config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>
#include <weir/base/hash.h>
#include <weir/os/proc.h>

wr_options_t wr_options;
wr_process_t wr_process = {.kind = "process"};

static wr_log_target_t start_target = {.level = WR_LOG_NOTICE, .fd = 2};

/* An absolute name for what was found by the PATH. */
static const char *
own_program(const char *arg0)
{
    static char path[4096];

    if (strchr(arg0, '/') != NULL || wr_proc_program(path, sizeof(path)).n == 0) {
        return arg0;
    }
    return path;
}

void
wr_process_init(int argc, char **argv)
{
    uint64_t seed;

    wr_process.parent = getppid();
    wr_process.argc = argc;
    wr_process.argv = argv;
    wr_panic_hook = wr_log_panic;
    wr_clock_update();
    wr_ticks_init();
    if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed)) {
        seed = wr_clock_ns() ^ (uint64_t) getpid() << 32;
    }
    wr_hash_seed(seed);
    wr_log_main = (wr_log_t) {.level = WR_LOG_NOTICE, .targets = &start_target};
    wr_metrics_open();
    wr_title_init(argc, argv);
    wr_process.program = own_program(wr_process.argv[0]);
}

/* ---- paths ---- */

/* Like a pool's printf, but for ever: the settled options outlive all cycles. They
 * are reachable from wr_options, so no leak. */
static wr_str_t
join(wr_str_t a, wr_str_t b)
{
    char *p = malloc(a.n + b.n + 1);

    WR_ASSERT(p != NULL);
    memcpy(p, a.p != NULL ? a.p : "", a.n);
    memcpy(p + a.n, b.p, b.n);
    p[a.n + b.n] = '\0';
    return wr_str(p, a.n + b.n);
}

static wr_str_t
below(wr_str_t prefix, wr_str_t path)
{
    return path.n != 0 && path.p[0] == '/' ? join(WR_STR_NONE, path)
                                           : join(prefix, path);
}

static void
settle_paths(void)
{
    wr_options_t *o = &wr_options;
    ssize_t       slash;

    if (o->prefix.n == 0) {
        o->prefix = WR_STR(WR_PREFIX);
    }
    o->prefix = join(o->prefix, o->prefix.n != 0 && o->prefix.p[o->prefix.n - 1] != '/'
                                    ? WR_STR("/") : WR_STR(""));
    o->conf_path = below(o->prefix, o->conf_path.n != 0 ? o->conf_path
                                                        : WR_STR(WR_CONF_PATH));
    slash = wr_str_rchr(o->conf_path, '/');
    o->conf_prefix = join(wr_str_sub(o->conf_path, 0, (size_t) (slash + 1)),
                          WR_STR(""));
    if (o->error_log.n == 0) {
        o->error_log = WR_STR(WR_ERROR_LOG_PATH);
    }
    if (!wr_str_eqz(o->error_log, "stderr")) {
        o->error_log = below(o->prefix, o->error_log);
    }
}

void
wr_options_settle(void)
{
    settle_paths();
    wr_log_main.to_stderr = true;
    if (wr_str_eqz(wr_options.error_log, "stderr")) {
        return;
    }
    start_target.fd = wr_log_open_file(wr_options.error_log.p);
    start_target.path = wr_options.error_log;
    if (start_target.fd < 0) {
        int err = errno;

        start_target.fd = STDERR_FILENO;
        start_target.path = WR_STR_NONE;
        fprintf(stderr, "weir: [alert] could not open error log file: open() \"%s\" "
                "failed (%d: %s)\n", wr_options.error_log.p, err, strerror(err));
    }
}

void
wr_start_log_close(void)
{
    if (start_target.fd > STDERR_FILENO) {
        close(start_target.fd);
        start_target.fd = -1;
    }
}
