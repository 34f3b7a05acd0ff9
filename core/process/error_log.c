/*
 * Log files of a cycle, and the error_log directive.
 *
 * A file is opened once per cycle, whoever writes to it. When logs are reopened
 * the new file takes the old one's number (dup3), so nobody has to be told.
 */
#define _GNU_SOURCE
#include <weir/process/process_priv.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <weir/net/syslog.h>

/* ---- asking for one ---- */

static wr_file_log_t *
find(wr_cycle_t *cycle, wr_str_t path)
{
    for (WR_EACH(wr_file_log_t *, f, &cycle->logs)) {
        if ((*f)->syslog == NULL && wr_str_eq((*f)->path, path)) {
            return *f;
        }
    }
    return NULL;
}

static wr_file_log_t *
add(wr_cycle_t *cycle, wr_str_t path, int fd)
{
    wr_file_log_t *f = find(cycle, path);

    if (f == NULL) {
        f = WR_NEW(cycle->pool, wr_file_log_t);
        f->fd = fd;
        f->path = path;
        f->buf = wr_buf(cycle->pool);
        *WR_PUSH(&cycle->logs, wr_file_log_t *) = f;
    }
    return f;
}

wr_file_log_t *
wr_cycle_open_log(wr_conf_t *cf, const wr_tok_t *path)
{
    wr_cycle_t    *cycle = wr_cycle_of(cf);
    wr_file_log_t *f;
    wr_str_t       error;

    if (wr_str_eqz(path->text, "stderr")) {
        return add(cycle, WR_STR_NONE, STDERR_FILENO);
    }
    if (!wr_str_starts(path->text, WR_STR("syslog:"))) {
        return add(cycle, wr_conf_path(cf, path->text), -1);
    }
    f = WR_NEW(cycle->pool, wr_file_log_t);
    f->fd = -1;
    f->syslog = wr_syslog_open(cycle->pool, wr_str_skip(path->text, 7), &error);
    if (f->syslog == NULL) {
        (void) wr_conf_fail(cf, path, "%.*s", WR_ARG(error));
        return NULL;
    }
    *WR_PUSH(&cycle->logs, wr_file_log_t *) = f;
    return f;
}

/* ---- error_log ---- */

/* memory: the last lines, for a debugger. */
typedef struct ring {
    size_t size;
    size_t at;
    char   bytes[];
} ring_t;

static void
write_to_ring(wr_log_target_t *t, wr_level_t level, wr_str_t line)
{
    ring_t *ring = t->data;
    size_t  first;

    (void) level;
    line.n = wr_min_size(line.n, ring->size);
    first = wr_min_size(line.n, ring->size - ring->at);
    memcpy(ring->bytes + ring->at, line.p, first);
    memcpy(ring->bytes, line.p + first, line.n - first);
    ring->at = (ring->at + line.n) % ring->size;
}

static wr_rc_t
open_ring(wr_conf_t *cf, wr_log_target_t *t, wr_str_t size)
{
    int64_t bytes;
    ring_t *ring;

    if (!wr_parse_size(size, &bytes) || bytes < 1 || bytes > 1 << 30) {
        return wr_conf_fail(cf, &cf->args[1], "invalid buffer size \"%.*s\"",
                            WR_ARG(size));
    }
    ring = wr_zalloc(cf->pool, sizeof(*ring) + (size_t) bytes);
    ring->size = (size_t) bytes;
    t->data = ring;
    t->write = write_to_ring;
    return WR_OK;
}

/* debug_http and the like: the areas whose debug lines are wanted. nginx's http is
 * several of ours. */
static wr_rc_t
parse_levels(wr_conf_t *cf, wr_log_target_t *t)
{
    wr_buf_t areas = wr_buf(cf->pool);

    t->level = WR_LOG_ERR;
    for (unsigned i = 2; i < cf->nargs; i++) {
        wr_str_t word = cf->args[i].text;

        if (wr_str_starts(word, WR_STR("debug_")) && wr_log_has_area(wr_str_skip(word, 6))) {
            t->level = WR_LOG_DEBUG;
            wr_buf_printf(&areas, "|%.*s%s", WR_ARG(wr_str_skip(word, 6)),
                          wr_str_eqz(word, "debug_http") ? "|frame|upstream" : "");
        } else if (i > 2) {
            return wr_conf_fail(cf, &cf->args[i], "invalid number of arguments in "
                                "\"error_log\" directive");
        } else if (!wr_log_level(word, &t->level)) {
            return wr_conf_fail(cf, &cf->args[i], "invalid log level \"%.*s\"",
                                WR_ARG(word));
        }
    }
    if (areas.n != 0) {
        wr_buf_add(&areas, "|", 2);
        t->areas = areas.p;
    }
    return WR_OK;
}

/* The most talkative first. */
static void
insert(wr_log_target_t **chain, wr_log_target_t *t)
{
    while (*chain != NULL && (*chain)->level >= t->level) {
        chain = &(*chain)->next;
    }
    t->next = *chain;
    *chain = t;
}

wr_rc_t
wr_conf_error_log(wr_conf_t *cf, wr_log_target_t **chain)
{
    wr_cycle_t      *cycle = wr_cycle_of(cf);
    wr_log_target_t *t = WR_NEW(cf->pool, wr_log_target_t);
    wr_file_log_t   *f;
    wr_str_t         size;

    t->fd = -1;
    if (parse_levels(cf, t) != WR_OK) {
        return WR_ERROR;
    }
    if (wr_str_starts(cf->args[1].text, WR_STR("memory:"))) {
        size = wr_str_skip(cf->args[1].text, 7);
        if (open_ring(cf, t, size) != WR_OK) {
            return WR_ERROR;
        }
        insert(chain, t);
        return WR_OK;
    }
    if (cf->args[1].text.n == 0) {
        return wr_conf_fail(cf, &cf->args[1], "empty file name");
    }
    f = wr_cycle_open_log(cf, &cf->args[1]);
    if (f == NULL) {
        return WR_ERROR;
    }
    t->path = f->path;
    t->data = f;
    if (f->syslog != NULL) {
        t->data = f->syslog;
        t->write = wr_syslog_target;
    } else {
        *WR_PUSH(&cycle->error_targets, wr_log_target_t *) = t;
    }
    insert(chain, t);
    return WR_OK;
}

/* ---- opening, reopening, closing ---- */

int
wr_log_open_file(const char *path)
{
    int fd;

    do {
        fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0644);
    } while (fd < 0 && errno == EINTR);
    return fd;
}

/* Without an error_log directive: the one of the command line or the build. */
static void
default_error_log(wr_cycle_t *cycle)
{
    wr_log_target_t *t = WR_NEW(cycle->pool, wr_log_target_t);
    bool             standard = wr_str_eqz(cycle->error_log_path, "stderr");

    t->level = WR_LOG_ERR;
    t->path = standard ? WR_STR_NONE : cycle->error_log_path;
    t->data = add(cycle, t->path, standard ? STDERR_FILENO : -1);
    *WR_PUSH(&cycle->error_targets, wr_log_target_t *) = t;
    cycle->core->error_log = t;
}

wr_rc_t
wr_logs_open(wr_cycle_t *cycle)
{
    if (cycle->core->error_log == NULL) {
        default_error_log(cycle);
    }
    for (WR_EACH(wr_file_log_t *, f, &cycle->logs)) {
        if ((*f)->fd >= 0 || (*f)->path.n == 0) {
            continue;
        }
        (*f)->fd = wr_log_open_file((*f)->path.p);
        if ((*f)->fd < 0) {
            wr_log(cycle->log, WR_LOG_EMERG, errno, "open() \"%.*s\" failed",
                   WR_ARG((*f)->path));
            return WR_ERROR;
        }
    }
    for (WR_EACH(wr_log_target_t *, t, &cycle->error_targets)) {
        (*t)->fd = ((wr_file_log_t *) (*t)->data)->fd;
    }
    return WR_OK;
}

void
wr_logs_flush(wr_cycle_t *cycle)
{
    for (WR_EACH(wr_file_log_t *, f, &cycle->logs)) {
        if ((*f)->flush != NULL) {
            (*f)->flush(*f);
        }
    }
}

void
wr_logs_close(wr_cycle_t *cycle)
{
    for (WR_EACH(wr_file_log_t *, f, &cycle->logs)) {
        if ((*f)->fd >= 0 && (*f)->path.n != 0) {
            close((*f)->fd);
            (*f)->fd = -1;
        }
    }
    for (WR_EACH(wr_log_target_t *, t, &cycle->error_targets)) {
        (*t)->fd = (*t)->path.n != 0 ? -1 : (*t)->fd;
    }
}

/* The workers reopen it themselves, as their user. */
static void
give_to(int fd, int uid, wr_str_t path, wr_log_t *log)
{
    struct stat st;

    if (fstat(fd, &st) != 0) {
        wr_log(log, WR_LOG_EMERG, errno, "fstat() \"%.*s\" failed", WR_ARG(path));
        return;
    }
    if (!S_ISREG(st.st_mode)) {
        return;
    }
    if (st.st_uid != (uid_t) uid && fchown(fd, (uid_t) uid, (gid_t) -1) != 0) {
        wr_log(log, WR_LOG_EMERG, errno, "fchown() \"%.*s\" failed", WR_ARG(path));
    }
    if ((st.st_mode & 0600) != 0600 && fchmod(fd, (st.st_mode & 07777) | 0600) != 0) {
        wr_log(log, WR_LOG_EMERG, errno, "fchmod() \"%.*s\" failed", WR_ARG(path));
    }
}

void
wr_logs_reopen(wr_cycle_t *cycle, int uid)
{
    wr_logs_flush(cycle);
    for (WR_EACH(wr_file_log_t *, f, &cycle->logs)) {
        int fd;

        if ((*f)->fd < 0 || (*f)->path.n == 0) {
            continue;
        }
        fd = wr_log_open_file((*f)->path.p);
        if (fd < 0) {
            wr_log(cycle->log, WR_LOG_EMERG, errno, "open() \"%.*s\" failed",
                   WR_ARG((*f)->path));
            continue;
        }
        if (uid != -1) {
            give_to(fd, uid, (*f)->path, cycle->log);
        }
        if (dup3(fd, (*f)->fd, O_CLOEXEC) < 0) {
            wr_log(cycle->log, WR_LOG_EMERG, errno, "dup3() \"%.*s\" failed",
                   WR_ARG((*f)->path));
        }
        close(fd);
    }
    wr_stderr_redirect(cycle);
}

/* What libraries print goes where our own messages go. */
void
wr_stderr_redirect(wr_cycle_t *cycle)
{
    const wr_log_target_t *t = cycle->log->targets;

    while (t != NULL && (t->fd < 0 || t->write != NULL)) {
        t = t->next;
    }
    if (t != NULL && t->fd != STDERR_FILENO && dup2(t->fd, STDERR_FILENO) < 0) {
        wr_log(cycle->log, WR_LOG_ALERT, errno, "dup2(STDERR) failed");
    }
}
