/*
 * A cycle: from the conf's text to open files, zones and sockets, all or nothing.
 *
 * Steps that can fail come first; what the former cycle has is only borrowed until
 * the last of them has succeeded.
 */
#define _GNU_SOURCE
#include <weir/process/process_priv.h>

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

wr_cycle_t *wr_cycle;

static wr_cycle_t *
new_cycle(wr_cycle_t *old)
{
    wr_pool_t    *pool = wr_pool_new();
    wr_cycle_t   *c = WR_NEW(pool, wr_cycle_t);
    wr_options_t *o = &wr_options;

    c->pool = pool;
    c->log = WR_NEW(pool, wr_log_t);
    *c->log = wr_log_main;
    c->prefix = o->prefix;
    c->conf_prefix = o->conf_prefix;
    c->conf_path = o->conf_path;
    c->error_log_path = o->error_log;
    c->directives = o->directives;
    c->listening = wr_array(pool, sizeof(wr_listen_t *));
    c->zones = wr_array(pool, sizeof(wr_zone_t *));
    c->logs = wr_array(pool, sizeof(wr_file_log_t *));
    c->folders = wr_array(pool, sizeof(wr_str_t));
    c->newest = wr_array(pool, sizeof(wr_cycle_newest_t));
    c->watched = wr_array(pool, sizeof(wr_str_t));
    c->error_targets = wr_array(pool, sizeof(wr_log_target_t *));
    c->generation = old != NULL ? old->generation + 1 : 1;
    c->testing = o->testing;

    c->cf = wr_conf_new(pool, c->log, c->prefix, c->conf_prefix);
    c->cf->cycle = c;
    c->cf->testing = c->testing;
    return c;
}

/* ---- modules ---- */

wr_module_t *
wr_cycle_module(const wr_cycle_t *cycle, unsigned *i)
{
    unsigned            n;
    wr_module_t *const *modules = wr_modules_of(cycle->cf, &n);

    while (*i < n) {
        wr_module_t *m = modules[(*i)++];

        if (m->http == NULL || cycle->http != NULL) {
            return m;
        }
    }
    return NULL;
}

/* Modules with HTTP parts begin when http { } opens. */
static wr_rc_t
begin_modules(wr_cycle_t *cycle)
{
    unsigned            n;
    wr_module_t *const *modules;

    if (wr_modules_begin(cycle->cf, wr_options.core_modules) != WR_OK) {
        return WR_ERROR;
    }
    modules = wr_modules_of(cycle->cf, &n);
    for (unsigned i = 0; i < n; i++) {
        if (modules[i]->http == NULL && modules[i]->begin != NULL
            && modules[i]->begin(cycle->cf) != WR_OK)
        {
            return WR_ERROR;
        }
    }
    return WR_OK;
}

static wr_rc_t
finish_modules(wr_cycle_t *cycle)
{
    wr_module_t *m;

    for (unsigned i = 0; (m = wr_cycle_module(cycle, &i)) != NULL; ) {
        if (m->finish != NULL && m->finish(cycle->cf) != WR_OK) {
            return WR_ERROR;
        }
    }
    return WR_OK;
}

static wr_rc_t
start_in_master(wr_cycle_t *cycle)
{
    wr_module_t *m;

    for (unsigned i = 0; (m = wr_cycle_module(cycle, &i)) != NULL; ) {
        if (m->master_start != NULL && m->master_start(cycle->cf) != WR_OK) {
            return WR_ERROR;
        }
    }
    return WR_OK;
}

/* ---- reading ---- */

static wr_rc_t
read_conf(wr_cycle_t *cycle)
{
    wr_conf_t *cf = cycle->cf;

    if (begin_modules(cycle) != WR_OK) {
        return WR_ERROR;
    }
    if (cycle->directives.n != 0
        && wr_conf_read_text(cf, cycle->directives, "command line") != WR_OK)
    {
        return WR_ERROR;
    }
    if (wr_conf_read(cf, cycle->conf_path) != WR_OK || wr_conf_settle(cf) != WR_OK
        || wr_core_finish(cycle) != WR_OK)
    {
        return WR_ERROR;
    }
    for (WR_EACH(wr_conf_file_t, file, wr_conf_files(cf))) {
        wr_cycle_watch(cf, file->path);
    }
    return finish_modules(cycle);
}

/* ---- folders ---- */

void
wr_cycle_folder(wr_conf_t *cf, wr_str_t path)
{
    wr_cycle_t *cycle = wr_cycle_of(cf);

    for (WR_EACH(wr_str_t, known, &cycle->folders)) {
        if (wr_str_eq(*known, path)) {
            return;
        }
    }
    *WR_PUSH(&cycle->folders, wr_str_t) = wr_pool_str(cycle->pool, path);
}

static wr_rc_t
make_folder(wr_cycle_t *cycle, wr_str_t path)
{
    struct stat st;
    int         uid = cycle->core->uid;

    if (mkdir(path.p, 0700) != 0 && errno != EEXIST) {
        wr_log(cycle->log, WR_LOG_EMERG, errno, "mkdir() \"%.*s\" failed",
               WR_ARG(path));
        return WR_ERROR;
    }
    if (geteuid() != 0 || uid == -1) {
        return WR_OK;
    }
    if (stat(path.p, &st) != 0) {
        wr_log(cycle->log, WR_LOG_EMERG, errno, "stat() \"%.*s\" failed", WR_ARG(path));
        return WR_ERROR;
    }
    if (st.st_uid != (uid_t) uid && chown(path.p, (uid_t) uid, (gid_t) -1) != 0) {
        wr_log(cycle->log, WR_LOG_EMERG, errno, "chown(\"%.*s\", %d) failed",
               WR_ARG(path), uid);
        return WR_ERROR;
    }
    if ((st.st_mode & 0700) != 0700 && chmod(path.p, st.st_mode | 0700) != 0) {
        wr_log(cycle->log, WR_LOG_EMERG, errno, "chmod() \"%.*s\" failed",
               WR_ARG(path));
        return WR_ERROR;
    }
    return WR_OK;
}

static wr_rc_t
make_folders(wr_cycle_t *cycle)
{
    for (WR_EACH(wr_str_t, path, &cycle->folders)) {
        if (make_folder(cycle, *path) != WR_OK) {
            return WR_ERROR;
        }
    }
    return WR_OK;
}

/* ---- global pointers ---- */

void
wr_cycle_newest(wr_conf_t *cf, void *where, void *value)
{
    *WR_PUSH(&wr_cycle_of(cf)->newest, wr_cycle_newest_t) =
        (wr_cycle_newest_t) {where, value};
}

void
wr_cycle_take(wr_cycle_t *cycle, const wr_cycle_t *old)
{
    void *none = NULL;

    if (old != NULL) {
        for (WR_EACH(const wr_cycle_newest_t, n, &old->newest)) {
            memcpy(n->where, &none, sizeof(none));
        }
    }
    for (WR_EACH(const wr_cycle_newest_t, n, &cycle->newest)) {
        memcpy(n->where, &n->value, sizeof(n->value));
    }
    wr_cycle = cycle;
}

/* ---- the whole ---- */

static void
use_own_log(wr_cycle_t *cycle)
{
    cycle->log->targets = cycle->core->error_log;
    cycle->log->level = wr_log_chain_level(cycle->log->targets);
}

static wr_rc_t
open_all(wr_cycle_t *cycle, wr_cycle_t *old)
{
    if (cycle->testing && wr_pid_test(cycle) != WR_OK) {
        return WR_ERROR;
    }
    if (make_folders(cycle) != WR_OK || wr_logs_open(cycle) != WR_OK) {
        return WR_ERROR;
    }
    if (wr_zones_open(cycle, old) != WR_OK || wr_sockets_open(cycle, old) != WR_OK) {
        return WR_ERROR;
    }
    return cycle->testing ? WR_OK : start_in_master(cycle);
}

static wr_cycle_t *
refuse(wr_cycle_t *cycle, wr_cycle_t *old)
{
    wr_sockets_drop(cycle, old);
    wr_zones_close(cycle, old);
    wr_logs_close(cycle);
    wr_pool_free(cycle->pool);
    return NULL;
}

wr_cycle_t *
wr_cycle_new(wr_cycle_t *old)
{
    wr_cycle_t *cycle = new_cycle(old);

    if (old == NULL && wr_options.signal == NULL && !wr_options.testing
        && !wr_options.reading)
    {
        wr_sockets_inherit(cycle->log);
    }
    if (read_conf(cycle) != WR_OK) {
        return refuse(cycle, old);
    }
    if (cycle->testing && !wr_options.quiet && !wr_options.reading) {
        fprintf(stderr, "weir: the configuration file %.*s syntax is ok\n",
                WR_ARG(cycle->conf_path));
    }
    if (wr_options.signal != NULL || wr_options.reading) {
        return cycle;
    }
    /* Messages about what cannot be opened still go where the start-up's go. */
    if (open_all(cycle, old) != WR_OK) {
        return refuse(cycle, old);
    }
    use_own_log(cycle);
    wr_log_main = *cycle->log;
    wr_start_log_close();
    wr_cycle_take(cycle, old);
    if (old != NULL) {
        wr_sockets_close_old(cycle, old);
    }
    if (cycle->testing) {
        wr_sockets_drop(cycle, NULL);
    } else {
        wr_conf_done(cycle->cf);
    }
    return cycle;
}

void
wr_cycle_free(wr_cycle_t *cycle)
{
    if (cycle == NULL) {
        return;
    }
    wr_logs_flush(cycle);
    wr_zones_close(cycle, cycle != wr_cycle ? wr_cycle : NULL);
    wr_logs_close(cycle);
    if (wr_cycle == cycle) {
        wr_cycle = NULL;
        wr_log_main = (wr_log_t) {0};
    }
    wr_pool_free(cycle->pool);
}
