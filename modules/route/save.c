/*
 * route: `save EXPRESSION to FILE`: an upload, or a text, becomes a file.
 *
 * It is copied on a thread, into a file that gets its name when it is whole. If the
 * request then fails (a later step, the commit, the view) a file that was new goes
 * again; one that was replaced cannot come back.
 */
#define _GNU_SOURCE
#include "route.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <weir/event/threads.h>
#include <weir/process/cycle.h>

typedef struct save_conf {
    const wr_app_expr_t *what;
    const wr_app_text_t *to;
    wr_tok_t             at;
    bool                 absolute;  /* the conf itself says a path from the root */
} save_conf_t;

typedef struct save {
    wr_job_t    job;
    wr_req_t   *r;
    const char *from;       /* the upload's file; NULL: `text` it is */
    wr_str_t    text;
    char       *path;
    char       *temp;
    size_t      root;       /* bytes of `path` that are there already: the prefix */
    const char *call;       /* what failed, with `err` */
    int         err;
    bool        made;       /* there was no such file before */
} save_t;

/* ---- on a thread ---- */

static void
fail(save_t *s, const char *call)
{
    s->call = call;
    s->err = errno;
    s->job.rc = WR_ERROR;
}

static bool
write_all(int fd, const char *p, size_t n)
{
    while (n != 0) {
        ssize_t done = write(fd, p, n);

        if (done < 0 && errno != EINTR) {
            return false;
        }
        p += done > 0 ? done : 0;
        n -= done > 0 ? (size_t) done : 0;
    }
    return true;
}

static bool
copy_file(int to, const char *path)
{
    char    buf[65536];
    int     from = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = -1;

    while (from >= 0 && (n = read(from, buf, sizeof(buf))) > 0) {
        if (!write_all(to, buf, (size_t) n)) {
            n = -1;
            break;
        }
    }
    if (from >= 0) {
        int err = errno;

        close(from);
        errno = err;
    }
    return n == 0;
}

static void
make_folders(const save_t *s)
{
    for (char *p = s->path + s->root; (p = strchr(p, '/')) != NULL; p++) {
        *p = '\0';
        (void) mkdir(s->path, 0755);    /* open() says what is wrong with it */
        *p = '/';
    }
}

static void
run(wr_job_t *job)
{
    save_t *s = (save_t *) (void *) job;
    int     fd;
    bool    ok;

    make_folders(s);
    fd = mkostemp(s->temp, O_CLOEXEC);
    if (fd < 0) {
        fail(s, "open()");
        return;
    }
    ok = s->from != NULL ? copy_file(fd, s->from) : write_all(fd, s->text.p, s->text.n);
    if (!ok) {
        fail(s, "write()");
    } else if (fchmod(fd, 0644) != 0) {
        fail(s, "fchmod()");
    }
    if (close(fd) != 0 && s->job.rc == WR_OK) {
        fail(s, "close()");
    }
    s->made = access(s->path, F_OK) != 0;
    if (s->job.rc == WR_OK && rename(s->temp, s->path) != 0) {
        fail(s, "rename()");
    }
    if (s->job.rc != WR_OK) {
        (void) unlink(s->temp);
    }
}

/* ---- on the loop ---- */

/* At the request's end. A client that went away changes nothing: what it asked for
 * may have been committed. */
static void
take_back(void *data)
{
    save_t         *s = data;
    const wr_req_t *r = s->r;
    bool            failed = r->failed || (r->status >= 400 && r->status != 499);

    if (failed && s->made && s->job.op.state == WR_OP_DONE && s->job.op.rc == WR_OK) {
        (void) unlink(s->path);
    }
}

static bool
find_source(wr_req_t *r, const save_conf_t *c, save_t *s)
{
    wr_val_t  v, path = {0};
    wr_eval_t ev;

    if (!wr_app_eval(r, c->what, &v)) {
        return false;
    }
    if (v.type == WR_V_STR || v.type == WR_V_BYTES) {
        s->text = wr_val_text(&v);
        return true;
    }
    wr_app_eval_init(r, &ev, wr_pool(r));
    if ((v.type == WR_V_OBJ || v.type == WR_V_DICT)
        && !wr_get_attr(&ev, &v, WR_STR("path"), &path) && ev.failed)
    {
        (void) wr_app_fail_eval(r, &c->at, &ev.err, false);
        return false;
    }
    if (path.type != WR_V_STR) {
        (void) wr_app_fail(r, &c->at, 500, WR_STR("Internal Server Error"),
                           "\"save\" takes an upload (files.NAME) or a text");
        return false;
    }
    s->from = wr_pool_strz(wr_pool(r), wr_val_text(&path));
    return true;
}

static bool
find_place(wr_req_t *r, const save_conf_t *c, save_t *s)
{
    wr_str_t path;

    if (!wr_app_place(r, c->to, c->absolute, &path)) {
        return false;
    }
    s->root = c->absolute ? 1 : wr_cycle->prefix.n;
    s->path = wr_pool_strz(wr_pool(r), path);
    s->temp = wr_pool_strz(wr_pool(r), wr_pool_join(wr_pool(r), path, WR_STR(".XXXXXX")));
    return true;
}

static wr_rc_t
saved(wr_req_t *r, void *state)
{
    const save_conf_t *c = wr_stage_conf(r);
    const save_t      *s = state;

    if (s->job.op.rc == WR_OK) {
        return WR_OK;
    }
    if (s->call == NULL) {
        return s->job.op.rc;    /* cancelled before it ran */
    }
    return wr_app_fail(r, &c->at, s->err == ENOSPC || s->err == EDQUOT ? 507 : 500,
                       WR_STR("the file cannot be saved"), "%s \"%s\" failed (%d: %s)",
                       s->call, s->path, s->err, strerror(s->err));
}

static wr_rc_t
begin(wr_req_t *r, void *state)
{
    const save_conf_t *c = wr_stage_conf(r);
    save_t            *s = state;

    s->r = r;
    if (!find_source(r, c, s) || !find_place(r, c, s)) {
        return wr_app_failed(r);
    }
    s->job.run = run;
    if (wr_threads_run(wr_threads_default(), &s->job, "save") != WR_OK) {
        return wr_app_fail(r, &c->at, 503, WR_STR("too busy"), NULL);
    }
    wr_pool_on_free(wr_pool(r), take_back, s);
    return wr_await(r, &s->job.op, saved);
}

static const wr_middleware_t save_step = {"save", sizeof(save_t), begin, NULL};

/* ---- the conf ---- */

/* The last " to " outside quotes and brackets; -1: none. */
static ssize_t
find_to(wr_str_t s)
{
    ssize_t found = -1;

    for (size_t i = wr_tok_next_word(s, 0); i < s.n; i = wr_tok_next_word(s, i + 1)) {
        if (wr_tok_stands(s, i, WR_STR("to"))) {
            found = (ssize_t) i;
        }
    }
    return found;
}

wr_rc_t
route_set_save(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    save_conf_t *c = WR_NEW(cf->pool, save_conf_t);
    wr_str_t     s = cf->raw.text;
    ssize_t      to = find_to(s);
    size_t       k = (size_t) to + 2;
    wr_tok_t     part;

    (void) d;
    (void) conf;
    while (to >= 0 && k < s.n && wr_tok_is_blank(s.p[k])) {
        k++;
    }
    if (to < 0 || k == s.n) {
        return wr_conf_fail(cf, &cf->raw, "\"save\" needs EXPRESSION to FILE");
    }
    part = wr_tok_part(&cf->raw, 0, (size_t) to);
    c->what = wr_app_expr(cf, &part);
    part = wr_tok_part(&cf->raw, k, s.n);
    c->absolute = s.p[k] == '/' || (k + 1 < s.n && wr_str_starts(wr_str_skip(s, k),
                                                                 WR_STR("\"/")));
    c->to = c->what != NULL ? wr_app_text(cf, &part) : NULL;
    if (c->to == NULL) {
        return WR_ERROR;
    }
    c->at = c->what->at;
    return wr_app_step(cf, &save_step, c, false);
}
