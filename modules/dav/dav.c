/*
 * dav: PUT, DELETE, MKCOL, COPY, MOVE of files.
 *
 * What the request asks for is checked on the loop; what touches files runs whole
 * on a thread of the pool and leaves its outcome in the state.
 */
#define _GNU_SOURCE
#include "dav.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <weir/event/threads.h>
#include <weir/http/core_conf.h>
#include <weir/http/file_cache.h>
#include <weir/os/folder.h>

enum { METHODS_OFF = 1, INFINITE = -1, BAD_DEPTH = -2 };

typedef struct conf {
    unsigned methods;           /* WR_PUT … */
    bool     full_path;
    int64_t  min_depth;
    int      access;            /* mode of new files */
} conf_t;

typedef struct state {
    wr_job_t      job;
    const conf_t *conf;
    wr_req_t     *r;
    const char   *path, *to;
    bool          overwrite;
    int64_t       date;         /* of PUT's Date; -1 */
    /* the outcome */
    unsigned      status;
    int           err;
    const char   *call;
    char         *failed;       /* malloc'd */
    const char   *note;         /* a log line of its own, about `failed` or path */
} state_t;

/* ---- on the thread ---- */

static wr_rc_t
trouble(state_t *s, int err, unsigned missing, const char *call, const char *path)
{
    s->err = err;
    s->call = call;
    if (s->failed == NULL) {
        s->failed = strdup(path);
    }
    switch (err) {
    case ENOENT:
    case ENOTDIR:
    case ENAMETOOLONG:
        s->status = missing;
        break;
    case EEXIST:
        s->status = 405;
        break;
    case EACCES:
    case EPERM:
        s->status = 403;
        break;
    case ENOSPC:
        s->status = 507;
        break;
    default:
        s->status = 500;
    }
    return WR_ERROR;
}

static wr_rc_t
refused(state_t *s, unsigned status, int err, const char *note)
{
    s->status = status;
    s->err = err;
    s->note = note;
    return WR_ERROR;
}

static bool
has_slash(const char *path)
{
    size_t n = strlen(path);

    return n > 1 && path[n - 1] == '/';
}

/* Without the slash at its end; malloc'd. */
static char *
bare(const char *path)
{
    char *copy = strdup(path);

    WR_ASSERT(copy != NULL);
    if (has_slash(copy)) {
        copy[strlen(copy) - 1] = '\0';
    }
    return copy;
}

static int
write_seg(int fd, const wr_seg_t *seg, char *block)
{
    for (size_t done = 0; done < seg->n;) {
        const char *p = seg->p != NULL ? seg->p + done : block;
        ssize_t     n = (ssize_t) (seg->n - done), w;

        if (seg->p == NULL) {
            n = pread(seg->file->fd, block, wr_min_size(seg->n - done, 65536),
                      seg->at + (off_t) done);
        }
        w = n > 0 ? write(fd, p, (size_t) n) : -1;
        if (w <= 0) {
            return errno != 0 ? errno : EIO;
        }
        done += (size_t) w;
    }
    return 0;
}

static int
write_body(const state_t *s, int fd)
{
    char *block = malloc(65536);
    int   err = block != NULL ? 0 : ENOMEM;
    const wr_body_t *body = s->r->body;

    for (const wr_seg_t *seg = body != NULL ? body->segs : NULL;
         seg != NULL && err == 0; seg = seg->next)
    {
        err = write_seg(fd, seg, block);
    }
    free(block);
    if (err == 0 && fchmod(fd, (mode_t) s->conf->access) != 0) {
        err = errno;
    }
    if (err == 0 && s->date >= 0) {
        struct timespec times[2] = {{.tv_sec = s->date}, {.tv_sec = s->date}};

        (void) futimens(fd, times);
    }
    return err;
}

static wr_rc_t
run_put(state_t *s)
{
    struct stat st;
    char       *temp = NULL;
    const char *call;
    int         fd, err = 0;
    bool        existed = stat(s->path, &st) == 0;

    if (existed && S_ISDIR(st.st_mode)) {
        return refused(s, 409, EISDIR, "\"%s\" could not be created");
    }
    if (s->conf->full_path) {
        err = wr_make_parents(s->path, wr_folder_mode(s->conf->access));
        if (err != 0) {
            return trouble(s, err, 500, "mkdir()", s->path);
        }
    }
    if (asprintf(&temp, "%s.weir-XXXXXX", s->path) < 0) {
        return trouble(s, ENOMEM, 500, "malloc()", s->path);
    }
    call = "open()";
    fd = mkostemp(temp, O_CLOEXEC);
    if (fd < 0) {
        err = errno;
    } else {
        call = "write() to";
        err = write_body(s, fd);
        close(fd);
        if (err == 0 && rename(temp, s->path) != 0) {
            call = "rename()";
            err = errno;
        }
        if (err != 0) {
            unlink(temp);
        }
    }
    free(temp);
    if (err != 0) {
        (void) trouble(s, err, 500, call, s->path);
        if (s->status != 507) {
            s->status = 500;
        }
        return WR_ERROR;
    }
    s->status = existed ? 204 : 201;
    return WR_OK;
}

static wr_rc_t
run_delete(state_t *s)
{
    struct stat st;
    char       *path;
    bool        is_dir;
    int         err;

    if (lstat(s->path, &st) != 0) {
        return trouble(s, errno, errno == ENOTDIR ? 409 : 404, "lstat()", s->path);
    }
    is_dir = S_ISDIR(st.st_mode);
    if (is_dir && !has_slash(s->path)) {
        return refused(s, 409, EISDIR, "DELETE \"%s\" failed");
    }
    path = bare(s->path);
    err = dav_remove(path, is_dir, &s->failed);
    free(path);
    if (err != 0) {
        return trouble(s, err, 404, is_dir ? "rmdir()" : "unlink()", s->path);
    }
    s->status = 204;
    return WR_OK;
}

static wr_rc_t
run_mkcol(state_t *s)
{
    char *path = bare(s->path);
    int   err = mkdir(path, (mode_t) wr_folder_mode(s->conf->access)) != 0 ? errno : 0;

    if (err != 0) {
        (void) trouble(s, err, 409, "mkdir()", path);
        free(path);
        return WR_ERROR;
    }
    free(path);
    s->status = 201;
    return WR_OK;
}

static wr_rc_t
copy_folder(state_t *s, const char *from, const char *to, bool move)
{
    int err;

    if (move && rename(from, to) == 0) {
        s->status = 201;
        return WR_OK;
    }
    err = dav_copy_tree(from, to, &s->failed);
    if (err == 0 && move) {
        err = dav_remove(from, true, &s->failed);
    }
    if (err != 0) {
        return trouble(s, err, 404, "copy", to);
    }
    s->status = 201;
    return WR_OK;
}

static wr_rc_t
copy(state_t *s, const char *from, const char *to)
{
    bool        move = s->r->method == WR_MOVE, exists;
    struct stat source, target;
    int         err;

    exists = lstat(to, &target) == 0;
    if (!exists && errno != ENOENT) {
        return trouble(s, errno, 404, "lstat()", to);
    }
    if (exists && !s->overwrite) {
        s->failed = strdup(to);
        return refused(s, 412, EEXIST, "\"%s\" could not be created");
    }
    if (lstat(s->path, &source) != 0) {
        return trouble(s, errno, 404, "lstat()", s->path);
    }
    if (S_ISDIR(source.st_mode)) {
        if (!has_slash(s->path)) {
            return refused(s, 400, 0, "\"%s\" is collection");
        }
        if (exists) {
            err = dav_remove(to, S_ISDIR(target.st_mode), &s->failed);
            if (err != 0) {
                return trouble(s, err, 404, "unlink()", to);
            }
        }
        return copy_folder(s, from, to, move);
    }
    if (exists && S_ISDIR(target.st_mode)) {
        s->failed = strdup(to);
        return refused(s, 409, EISDIR, move ? "a file could not be MOVEed to collection \"%s\""
                                            : "a file could not be COPYed to collection \"%s\"");
    }
    if (move) {
        err = wr_make_parents(to, wr_folder_mode(s->conf->access));
        if (err != 0) {
            return trouble(s, err, 409, "mkdir()", to);
        }
    }
    err = move ? dav_move_file(s->path, to, 0) : dav_copy_file(s->path, to, 0);
    if (err != 0) {
        return trouble(s, err, 409, move ? "rename()" : "open()", to);
    }
    s->status = 204;
    return WR_OK;
}

static wr_rc_t
run_copy(state_t *s)
{
    char   *from = bare(s->path), *to = bare(s->to);
    wr_rc_t rc = copy(s, from, to);

    free(from);
    free(to);
    return rc;
}

static void
run(wr_job_t *job)
{
    state_t *s = WR_CONTAINER(job, state_t, job);

    switch (s->r->method) {
    case WR_PUT:
        job->rc = run_put(s);
        break;
    case WR_DELETE:
        job->rc = run_delete(s);
        break;
    case WR_MKCOL:
        job->rc = run_mkcol(s);
        break;
    default:
        job->rc = run_copy(s);
    }
}

/* ---- on the loop ---- */

static void
complain(const state_t *s)
{
    wr_req_t   *r = s->r;
    const char *about = s->failed != NULL ? s->failed : s->path;

    if (s->note != NULL) {
        wr_buf_t b = wr_buf(wr_pool(r));

        for (const char *p = s->note; *p != '\0'; p++) {
            if (p[0] == '%' && p[1] == 's') {
                wr_buf_z(&b, about);
                p++;
            } else {
                wr_buf_char(&b, *p);
            }
        }
        wr_log(&r->log, WR_LOG_ERR, s->err, "%s", wr_buf_cstr(&b));
        return;
    }
    wr_log(&r->log, s->status == 500 || s->status == 507 ? WR_LOG_CRIT : WR_LOG_ERR,
           s->err, "%s \"%s\" failed", s->call, about);
}

static wr_rc_t
done(wr_req_t *r, void *state)
{
    state_t *s = state;
    wr_rc_t  rc = s->job.op.rc;

    if (rc == WR_CANCELLED) {
        free(s->failed);
        return rc;
    }
    if (rc != WR_OK) {
        complain(s);
        free(s->failed);
        return wr_fail(r, s->status);
    }
    free(s->failed);
    if (s->status == 201 && (r->method == WR_PUT || r->method == WR_MKCOL)) {
        wr_headers_set(&r->out, WR_H_LOCATION, WR_STR("Location"),
                       wr_uri_escape(wr_pool(r), r->uri, WR_ESC_URI));
    }
    if (r->method == WR_PUT && s->status == 201) {
        return wr_reply_segs(r, 201, wr_seg_last(r), 0);
    }
    return wr_fail(r, s->status);
}

/* Files of other modules, and folders that hold some, stay as they are; so do names
 * that nothing has yet. */
static bool
is_private(wr_req_t *r, const char *path)
{
    char *name;
    bool  is;

    if (path == NULL) {
        return false;
    }
    name = bare(path);
    is = wr_file_is_private(r, wr_str_z(name));
    free(name);
    return is;
}

static wr_rc_t
start(wr_req_t *r, state_t *s)
{
    if (is_private(r, s->path) || is_private(r, s->to)) {
        return wr_fail(r, 403);
    }
    s->job.run = run;
    if (wr_threads_run(wr_threads_default(), &s->job, "dav") != WR_OK) {
        return wr_fail(r, 503);
    }
    return wr_await(r, &s->job.op, done);
}

static bool
take_path(wr_req_t *r, const char **path)
{
    wr_str_t p;
    size_t   root;

    if (!wr_req_path(r, &p, &root, 0)) {
        return false;
    }
    *path = p.p;
    return true;
}

static bool
is_collection(wr_str_t uri)
{
    return uri.n != 0 && uri.p[uri.n - 1] == '/';
}

static bool
with_body(wr_req_t *r)
{
    if (r->content_length <= 0 && !r->chunked) {
        return false;
    }
    wr_log(&r->log, WR_LOG_ERR, 0, "%.*s with body is unsupported",
           WR_ARG(r->method_name));
    return true;
}

static int
depth_of(wr_req_t *r, int fallback)
{
    const wr_header_t *h = wr_headers_first(&r->in, WR_H_DEPTH);

    if (h == NULL) {
        return fallback;
    }
    if (wr_str_eqz(h->value, "0") || wr_str_eqz(h->value, "1")) {
        return h->value.p[0] - '0';
    }
    if (wr_str_eqz(h->value, "infinity")) {
        return INFINITE;
    }
    wr_log(&r->log, WR_LOG_ERR, 0, "client sent invalid \"Depth\" header: \"%.*s\"",
           WR_ARG(h->value));
    return BAD_DEPTH;
}

static wr_rc_t
bad_depth(wr_req_t *r, int depth, const char *must)
{
    if (depth != BAD_DEPTH) {
        wr_log(&r->log, WR_LOG_ERR, 0, "\"Depth\" header must be %s", must);
    }
    return wr_fail(r, 400);
}

static wr_rc_t
put_body(wr_req_t *r, void *state)
{
    state_t *s = state;

    if (r->body != NULL && r->body->rc < 0) {
        return wr_body_failed(r);
    }
    return start(r, s);
}

static wr_rc_t
put(wr_req_t *r, state_t *s)
{
    const wr_header_t *date = wr_headers_first(&r->in, WR_H_DATE);

    if (is_collection(r->uri)) {
        wr_log(&r->log, WR_LOG_ERR, 0, "cannot PUT to a collection");
        return wr_fail(r, 409);
    }
    if (wr_headers_first(&r->in, WR_H_CONTENT_RANGE) != NULL) {
        wr_log(&r->log, WR_LOG_ERR, 0, "PUT with range is unsupported");
        return wr_fail(r, 501);
    }
    s->date = date != NULL ? wr_date_parse(date->value) : -1;
    if (!take_path(r, &s->path)) {
        return wr_fail(r, 500);
    }
    return wr_body_read(r, put_body);
}

static bool
deep_enough(wr_req_t *r, int64_t min)
{
    int64_t depth = 0;

    if (min == 0) {
        return true;
    }
    for (size_t i = 0; i < r->uri.n; i++) {
        if (r->uri.p[i] == '/' && ++depth >= min && i < r->uri.n - 1) {
            return true;
        }
    }
    wr_log(&r->log, WR_LOG_ERR, 0, "insufficient URI depth:%" PRId64 " to DELETE", depth);
    return false;
}

static wr_rc_t
delete(wr_req_t *r, state_t *s)
{
    struct stat st;
    int         depth;

    if (with_body(r)) {
        return wr_fail(r, 415);
    }
    wr_body_discard(r);
    if (!deep_enough(r, s->conf->min_depth)) {
        return wr_fail(r, 409);
    }
    if (!take_path(r, &s->path)) {
        return wr_fail(r, 500);
    }
    if (lstat(s->path, &st) == 0) {
        bool is_dir = S_ISDIR(st.st_mode) && has_slash(s->path);

        depth = depth_of(r, is_dir ? INFINITE : 0);
        if (is_dir && depth != INFINITE) {
            return bad_depth(r, depth, "infinity");
        }
        if (!S_ISDIR(st.st_mode) && depth != 0 && depth != INFINITE) {
            return bad_depth(r, depth, "0 or infinity");
        }
    }
    return start(r, s);
}

static wr_rc_t
mkcol(wr_req_t *r, state_t *s)
{
    if (with_body(r)) {
        return wr_fail(r, 415);
    }
    wr_body_discard(r);
    if (!is_collection(r->uri)) {
        wr_log(&r->log, WR_LOG_ERR, 0, "MKCOL can create a collection only");
        return wr_fail(r, 409);
    }
    if (!take_path(r, &s->path)) {
        return wr_fail(r, 500);
    }
    return start(r, s);
}

/* The path in Destination. 0, or the status of a refusal. */
static unsigned
destination(wr_req_t *r, wr_str_t *uri)
{
    const wr_header_t *h = wr_headers_first(&r->in, WR_H_DESTINATION);
    wr_str_t           scheme = wr_pool_join(wr_pool(r), wr_req_scheme(r), WR_STR("://"));
    wr_str_t           rest, args = WR_STR_NONE;

    if (h == NULL) {
        wr_log(&r->log, WR_LOG_ERR, 0, "client sent no \"Destination\" header");
        return 400;
    }
    rest = h->value;
    if (rest.n == 0 || rest.p[0] != '/') {
        if (!wr_str_starts(rest, scheme)) {
            goto invalid;
        }
        rest = wr_str_skip(rest, scheme.n);
        if (!wr_str_starts(rest, r->host)) {
            wr_log(&r->log, WR_LOG_ERR, 0,
                   "\"Destination\" URI \"%.*s\" is handled by different repository than "
                   "the source URI", WR_ARG(h->value));
            return 400;
        }
        rest = wr_str_skip(rest, r->host.n);
        while (rest.n != 0 && rest.p[0] != '/') {
            rest = wr_str_skip(rest, 1);
        }
    }
    *uri = wr_uri_unescape(wr_pool(r), rest, false);
    if (uri->n != 0 && wr_uri_split(r, uri, &args)) {
        return 0;
    }
invalid:
    wr_log(&r->log, WR_LOG_ERR, 0, "client sent invalid \"Destination\" header: \"%.*s\"",
           WR_ARG(h->value));
    return 400;
}

static bool
take_overwrite(wr_req_t *r, bool *overwrite)
{
    const wr_header_t *h = wr_headers_first(&r->in, WR_H_OVERWRITE);

    *overwrite = true;
    if (h == NULL || wr_str_ieqz(h->value, "T")) {
        return true;
    }
    *overwrite = false;
    if (wr_str_ieqz(h->value, "F")) {
        return true;
    }
    wr_log(&r->log, WR_LOG_ERR, 0, "client sent invalid \"Overwrite\" header: \"%.*s\"",
           WR_ARG(h->value));
    return false;
}

static wr_rc_t
copy_or_move(wr_req_t *r, state_t *s)
{
    wr_str_t uri = r->uri, to = WR_STR_NONE;
    unsigned status;
    int      depth;
    bool     mapped;

    if (with_body(r)) {
        return wr_fail(r, 415);
    }
    wr_body_discard(r);
    status = destination(r, &to);
    if (status != 0) {
        return wr_fail(r, status);
    }
    if (is_collection(uri) != is_collection(to)) {
        wr_log(&r->log, WR_LOG_ERR, 0,
               "both URI \"%.*s\" and \"Destination\" URI \"%.*s\" should be either "
               "collections or non-collections", WR_ARG(uri), WR_ARG(to));
        return wr_fail(r, 409);
    }
    depth = depth_of(r, INFINITE);
    if (depth != INFINITE && !(r->method == WR_COPY && depth == 0)) {
        return bad_depth(r, depth, r->method == WR_COPY ? "0 or infinity" : "infinity");
    }
    if (!take_overwrite(r, &s->overwrite) || !take_path(r, &s->path)) {
        return wr_fail(r, 400);
    }
    r->uri = to;
    mapped = take_path(r, &s->to);
    r->uri = uri;
    return mapped ? start(r, s) : wr_fail(r, 500);
}

static wr_rc_t
handle(wr_req_t *r, void *state)
{
    state_t *s = state;

    s->conf = wr_stage_conf(r);
    s->r = r;
    if ((r->method & s->conf->methods) == 0) {
        return WR_DECLINED;
    }
    switch (r->method) {
    case WR_PUT:
        return put(r, s);
    case WR_DELETE:
        return delete(r, s);
    case WR_MKCOL:
        return mkcol(r, s);
    default:
        return copy_or_move(r, s);
    }
}

/* ---- conf ---- */

static wr_rc_t
set_access(wr_conf_t *cf, const wr_directive_t *d, void *c)
{
    (void) d;
    return wr_conf_access(cf, &((conf_t *) c)->access);
}

static bool
wanted(wr_scope_t *scope, const void *own, const void **conf)
{
    const conf_t *c = own;

    (void) scope;
    *conf = own;
    return c != NULL && (c->methods & ~(unsigned) METHODS_OFF) != 0;
}

static const wr_enum_t methods[] = {
    {"off", METHODS_OFF}, {"put", WR_PUT}, {"delete", WR_DELETE}, {"mkcol", WR_MKCOL},
    {"copy", WR_COPY}, {"move", WR_MOVE}, {"PUT", WR_PUT}, {"DELETE", WR_DELETE},
    {"MKCOL", WR_MKCOL}, {"COPY", WR_COPY}, {"MOVE", WR_MOVE}, {NULL, 0}
};

WR_MODULE(dav,
    .doc = "Files written, removed, copied and moved by clients",
    .schema.directives = (const wr_directive_t[]) {
        WR_MASK("dav_methods", WR_ANY, conf_t, methods, methods, "off",
                "Which of the methods that change files are carried out, below root or alias. "
                "Without access checks anybody may.",
                .args = "off | PUT | DELETE | MKCOL | COPY | MOVE …",
                .example = "dav_methods PUT DELETE MKCOL COPY MOVE;"),
        WR_FLAG("create_full_put_path", WR_ANY, conf_t, full_path, "off",
                "PUT makes the folders that are missing.",
                .example = "create_full_put_path on;"),
        WR_INT("min_delete_depth", WR_ANY, conf_t, min_depth, "0",
               "DELETE takes only paths of at least so many parts.",
               .example = "min_delete_depth 3;"),
        WR_CUSTOM("dav_access", WR_ANY, 1, 3, set_access, conf_t, access,
                  "Rights of new files and folders.", .def = "user:rw",
                  .args = "user:rights [group:rights] [all:rights]",
                  .example = "dav_access user:rw group:rw all:r;"),
        WR_END
    },
    .schema.size = sizeof(conf_t),
    .http = &(const wr_http_tables_t) {
        .hooks = (const wr_hook_t[]) {
            {.mw = {.name = "dav", .state_size = sizeof(state_t), .before = handle},
             .rank = WR_RANK_CONTENT, .order = 40, .wanted = wanted},
            {.mw = {.name = NULL}}
        },
    });
