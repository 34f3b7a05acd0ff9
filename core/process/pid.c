/*
 * The pid file, and beside it a small file that says what became of the last
 * reload, so that `-s reload` can wait for it:
 *   started N
 *   finished M taken|refused
 *   why it was refused …
 * It is replaced by rename(2), so a reader sees one state or the next.
 */
#define _GNU_SOURCE
#include <weir/process/process_priv.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static uint64_t started, finished;

static wr_rc_t
write_file(wr_cycle_t *cycle, const char *path, wr_str_t text)
{
    int     fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0644);
    ssize_t n;

    if (fd < 0) {
        wr_log(cycle->log, WR_LOG_EMERG, errno, "open() \"%s\" failed", path);
        return WR_ERROR;
    }
    n = write(fd, text.p, text.n);
    if (n != (ssize_t) text.n) {
        wr_log(cycle->log, WR_LOG_EMERG, n < 0 ? errno : ENOSPC, "write() \"%s\" failed",
               path);
        close(fd);
        return WR_ERROR;
    }
    close(fd);
    return WR_OK;
}

/* While the new binary has the usual name, ours is the other one. */
static wr_str_t
pid_path(wr_cycle_t *cycle, wr_pool_t *pool)
{
    return wr_pool_join(pool, cycle->core->pid,
                        wr_process.new_binary != 0 ? WR_STR(".oldbin") : WR_STR(""));
}

wr_str_t
wr_state_path(wr_pool_t *pool, wr_str_t pid)
{
    return wr_pool_join(pool, pid, WR_STR(".state"));
}

/* Best effort: without it `-s reload` does not wait. */
static void
write_state(wr_cycle_t *cycle, bool taken, wr_str_t why)
{
    wr_pool_t *pool = wr_pool_new();
    wr_str_t   path = wr_state_path(pool, pid_path(cycle, pool));
    wr_str_t   temp = wr_pool_join(pool, path, WR_STR(".new"));
    wr_str_t   text = wr_pool_printf(pool, "started %" PRIu64 "\nfinished %" PRIu64
                                     " %s\n%.*s", started, finished,
                                     taken ? "taken" : "refused", WR_ARG(why));
    int        fd = open(temp.p, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
                         0644);

    if (fd >= 0) {
        bool ok = write(fd, text.p, text.n) == (ssize_t) text.n;

        close(fd);
        if (!ok || rename(temp.p, path.p) != 0) {
            unlink(temp.p);
        }
    }
    wr_pool_free(pool);
}

void
wr_state_started(wr_cycle_t *cycle)
{
    started++;
    write_state(cycle, true, WR_STR_NONE);
}

void
wr_state_finished(wr_cycle_t *cycle, bool taken, wr_str_t why)
{
    finished = started;
    wr_conf_metrics(cycle, taken);
    wr_metric_add(taken ? WR_CELL_RELOADS : WR_CELL_RELOADS_REFUSED, 1);
    write_state(cycle, taken, why);
}

/* The conf that is in force now, or remains so. */
void
wr_conf_metrics(const wr_cycle_t *cycle, bool taken)
{
    wr_metric_set(WR_CELL_GENERATION, (int64_t) cycle->generation);
    wr_metric_set(WR_CELL_RELOAD_OK, taken);
    if (taken) {
        wr_metric_set(WR_CELL_RELOAD_TIME, wr_clock.sec);
    }
}

wr_rc_t
wr_pid_write(wr_cycle_t *cycle)
{
    char text[32];
    int  n = snprintf(text, sizeof(text), "%d\n", (int) getpid());

    write_state(cycle, true, WR_STR_NONE);
    return write_file(cycle, cycle->core->pid.p, wr_str(text, (size_t) n));
}

static void
remove_file(wr_cycle_t *cycle, wr_str_t path, bool loud)
{
    if (unlink(path.p) != 0 && loud) {
        wr_log(cycle->log, WR_LOG_ALERT, errno, "unlink() \"%.*s\" failed",
               WR_ARG(path));
    }
}

void
wr_pid_remove(wr_cycle_t *cycle)
{
    wr_pool_t *pool = wr_pool_new();
    wr_str_t   path = pid_path(cycle, pool);

    remove_file(cycle, path, true);
    remove_file(cycle, wr_state_path(pool, path), false);
    wr_pool_free(pool);
}

wr_rc_t
wr_pid_rename(wr_cycle_t *cycle, bool to_old)
{
    wr_pool_t *pool = wr_pool_new();
    wr_str_t   usual = cycle->core->pid;
    wr_str_t   old = wr_pool_join(pool, usual, WR_STR(".oldbin"));
    wr_str_t   from = to_old ? usual : old, to = to_old ? old : usual;
    wr_rc_t    rc = WR_OK;

    if (rename(from.p, to.p) != 0) {
        wr_log(cycle->log, WR_LOG_ALERT, errno, "rename() \"%.*s\" to \"%.*s\" failed",
               WR_ARG(from), WR_ARG(to));
        rc = WR_ERROR;
    } else if (rename(wr_state_path(pool, from).p, wr_state_path(pool, to).p) != 0
               && errno != ENOENT)
    {
        wr_log(cycle->log, WR_LOG_WARN, errno, "rename() \"%.*s.state\" failed",
               WR_ARG(from));
    }
    wr_pool_free(pool);
    return rc;
}

wr_rc_t
wr_pid_test(wr_cycle_t *cycle)
{
    const char *path = cycle->core->pid.p;
    bool        there = access(path, F_OK) == 0;
    int         fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY, 0644);

    if (fd < 0) {
        wr_log(cycle->log, WR_LOG_EMERG, errno, "open() \"%s\" failed", path);
        return WR_ERROR;
    }
    close(fd);
    if (!there) {
        unlink(path);
    }
    return WR_OK;
}

/* ---- what a reload logs ---- */

static wr_buf_t        captured;
static wr_log_target_t catcher;
static wr_log_target_t *behind;

static void
catch_line(wr_log_target_t *t, wr_level_t level, wr_str_t line)
{
    ssize_t after;

    (void) t;
    (void) level;
    /* "DATE TIME [emerg] PID#TID: what" */
    after = wr_str_find(line, WR_STR("["));
    if (after >= 0) {
        wr_str_t rest = wr_str_skip(line, (size_t) after);
        ssize_t  end = wr_str_find(rest, WR_STR("] "));
        ssize_t  colon = wr_str_find(rest, WR_STR(": "));

        if (end >= 0 && colon > end) {
            wr_buf_lit(&captured, "weir: ");
            wr_buf_str(&captured, wr_str_sub(rest, 0, (size_t) end + 2));
            line = wr_str_skip(rest, (size_t) colon + 2);
        }
    }
    wr_buf_str(&captured, line);
}

void
wr_capture_start(wr_log_t *log)
{
    captured = wr_buf(NULL);
    behind = log->targets;
    catcher = (wr_log_target_t) {.next = behind, .level = WR_LOG_EMERG, .fd = -1,
                                 .write = catch_line};
    log->targets = &catcher;
}

wr_str_t
wr_capture_end(wr_log_t *log)
{
    if (log->targets == &catcher) {
        log->targets = behind;
    }
    return wr_buf_text(&captured);
}

void
wr_capture_free(void)
{
    wr_buf_free(&captured);
}
