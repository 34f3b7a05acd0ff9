/*
 * weir_dev: the master reloads when something that was read for the conf changes.
 *
 * The folders of the conf's files are watched, and those that modules name
 * (templates, schemas). Saving a file makes several events: a reload waits until
 * there has been none for a moment.
 */
#include <weir/process/process_priv.h>

#include <errno.h>
#include <unistd.h>
#include <weir/os/changes.h>

enum { CALM_MS = 150 };

static wr_watch_t watch = {.fd = -1};
static wr_timer_t calm;

void
wr_cycle_watch(wr_conf_t *cf, wr_str_t path)
{
    wr_cycle_t *cycle = wr_cycle_of(cf);
    ssize_t     slash = wr_str_rchr(path, '/');
    wr_str_t    folder = slash > 0 ? wr_str(path.p, (size_t) slash) : path;

    for (WR_EACH(wr_str_t, known, &cycle->watched)) {
        if (wr_str_eq(*known, folder)) {
            return;
        }
    }
    *WR_PUSH(&cycle->watched, wr_str_t) = wr_pool_str(cycle->pool, folder);
}

static void
reload_now(wr_timer_t *t)
{
    (void) t;
    wr_signals.reload = true;
}

static void
changed(wr_watch_t *w)
{
    w->readable = false;
    if (wr_changes_take(w->fd)) {
        wr_timer_set(&calm, CALM_MS);
    }
}

void
wr_dev_watch(const wr_cycle_t *cycle)
{
    if (watch.fd >= 0) {
        wr_watch_remove(&watch);
        close(watch.fd);
        watch.fd = -1;
    }
    if (!cycle->core->dev) {
        return;
    }
    watch = (wr_watch_t) {.fd = wr_changes_open(), .on_read = changed};
    calm.fn = reload_now;
    if (watch.fd < 0 || wr_watch_add(&watch) != WR_OK) {
        wr_log(cycle->log, WR_LOG_WARN, errno, "changes of files cannot be watched");
        return;
    }
    for (WR_EACH(wr_str_t, folder, &cycle->watched)) {
        wr_changes_add(watch.fd, folder->p);
    }
}
