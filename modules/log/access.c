/*
 * access_log, log_format, open_log_file_cache.
 */
#include <weir/http/server.h>
#include <weir/net/syslog.h>
#include "log.h"
#undef WR_CONF_PATH             /* a row of tables; not needed here */
#include <weir_config.h>

typedef struct access {
    log_format_t *format;
    log_sink_t   *sink;         /* a file … */
    wr_syslog_t  *syslog;       /* … or syslog … */
    wr_cv_t       path;         /* … or a path with variables */
    wr_cv_t       condition;    /* if=; not given: always */
} access_t;

typedef struct access_list {
    wr_array_t logs;            /* access_t */
    bool       off;
} access_list_t;

typedef struct conf {
    access_list_t    list;
    log_file_cache_t cache;
} conf_t;

/* What one reading of the conf has. */
typedef struct shared {
    wr_array_t formats;         /* log_format_t * */
    access_t   fallback;        /* where no access_log was given at all */
    bool       used;
} shared_t;

static const char formats_key;
static access_t  *fallback;     /* of the cycle that serves */

static const wr_str_t combined = WR_STR_INIT(
    "$remote_addr - $remote_user [$time_local] \"$request\" $status "
    "$body_bytes_sent \"$http_referer\" \"$http_user_agent\"");

/* ---- formats ---- */

static shared_t *
shared_of(wr_conf_t *cf)
{
    shared_t *s = wr_conf_attached(cf, &formats_key);

    if (s == NULL) {
        s = WR_NEW(cf->pool, shared_t);
        s->formats = wr_array(cf->pool, sizeof(log_format_t *));
        wr_conf_attach(cf, &formats_key, s);
    }
    return s;
}

static log_format_t *
find_format(wr_conf_t *cf, wr_str_t name)
{
    for (WR_EACH(log_format_t *, f, &shared_of(cf)->formats)) {
        if (wr_str_eq((*f)->name, name)) {
            return *f;
        }
    }
    return NULL;
}

static log_format_t *
new_format(wr_conf_t *cf, wr_str_t name)
{
    log_format_t *f = WR_NEW(cf->pool, log_format_t);

    f->name = name;
    *WR_PUSH(&shared_of(cf)->formats, log_format_t *) = f;
    return f;
}

/* "combined" is there when it is asked for first. */
static log_format_t *
combined_format(wr_conf_t *cf)
{
    log_format_t *f = find_format(cf, WR_STR("combined"));

    if (f == NULL) {
        f = new_format(cf, WR_STR("combined"));
        if (log_format_compile_text(cf, f, combined) != WR_OK) {
            return NULL;
        }
    }
    return f;
}

static wr_rc_t
set_format(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    const wr_tok_t *name = &cf->args[1], *option = &cf->args[2];
    log_format_t   *f;
    unsigned        first = 2;
    wr_str_t        value;

    (void) d;
    (void) conf;
    if (wr_str_eqz(name->text, "combined") || find_format(cf, name->text) != NULL) {
        return wr_conf_fail(cf, name, "duplicate \"log_format\" name \"%.*s\"",
                            WR_ARG(name->text));
    }
    f = new_format(cf, name->text);
    if (wr_str_starts(option->text, WR_STR("escape="))) {
        value = wr_str_skip(option->text, 7);
        first = 3;
        if (wr_str_eqz(value, "json")) {
            f->escape = ESCAPE_JSON;
        } else if (wr_str_eqz(value, "none")) {
            f->escape = ESCAPE_NONE;
        } else if (!wr_str_eqz(value, "default")) {
            return wr_conf_fail(cf, option, "unknown log format escaping \"%.*s\"",
                                WR_ARG(value));
        }
    }
    return log_format_compile(cf, f, first);
}

/* ---- access_log ---- */

typedef struct options {
    int64_t   buffer;
    wr_msec_t flush;
    int       gzip;
} options_t;

static wr_rc_t
parse_gzip(wr_conf_t *cf, const wr_tok_t *arg, options_t *o)
{
    int64_t level = 1;

    if (arg->text.n > 4
        && (!wr_parse_int(wr_str_skip(arg->text, 5), &level) || level < 1 || level > 9))
    {
        return wr_conf_fail(cf, arg, "invalid compression level \"%.*s\"",
                            WR_ARG(wr_str_skip(arg->text, 5)));
    }
    o->gzip = (int) level;
    if (o->buffer == 0) {
        o->buffer = 64 * 1024;
    }
    return WR_OK;
}

static wr_rc_t
parse_option(wr_conf_t *cf, const wr_tok_t *arg, access_t *a, options_t *o)
{
    wr_str_t s = arg->text;

    if (wr_str_starts(s, WR_STR("buffer="))) {
        if (!wr_parse_size(wr_str_skip(s, 7), &o->buffer) || o->buffer == 0) {
            return wr_conf_fail(cf, arg, "invalid buffer size \"%.*s\"",
                                WR_ARG(wr_str_skip(s, 7)));
        }
        return WR_OK;
    }
    if (wr_str_starts(s, WR_STR("flush="))) {
        if (!wr_parse_msec(wr_str_skip(s, 6), &o->flush) || o->flush == 0) {
            return wr_conf_fail(cf, arg, "invalid flush time \"%.*s\"",
                                WR_ARG(wr_str_skip(s, 6)));
        }
        return WR_OK;
    }
    if (wr_str_eqz(s, "gzip") || wr_str_starts(s, WR_STR("gzip="))) {
        return parse_gzip(cf, arg, o);
    }
    if (wr_str_starts(s, WR_STR("if="))) {
        wr_tok_t condition = *arg;

        condition.text = wr_str_skip(s, 3);
        condition.column += 3;
        return wr_cv_compile(cf, &condition, &a->condition);
    }
    return wr_conf_fail(cf, arg, "invalid parameter \"%.*s\"", WR_ARG(s));
}

static wr_rc_t
apply_options(wr_conf_t *cf, access_t *a, const options_t *o)
{
    const wr_tok_t *path = &cf->args[1];
    log_sink_t     *s = a->sink;

    if (o->flush != 0 && o->buffer == 0) {
        return wr_conf_fail(cf, path, "no buffer is defined for access_log \"%.*s\"",
                            WR_ARG(path->text));
    }
    if (o->buffer == 0) {
        return WR_OK;
    }
    if (s == NULL) {
        return wr_conf_fail(cf, path, a->syslog != NULL
                                          ? "logs to syslog cannot be buffered"
                                          : "buffered logs cannot have variables in "
                                            "name");
    }
    if (s->limit != 0
        && (s->limit != (size_t) o->buffer || s->flush_after != o->flush
            || s->gzip != o->gzip))
    {
        return wr_conf_fail(cf, path, "access_log \"%.*s\" already defined with "
                                      "conflicting parameters",
                            WR_ARG(path->text));
    }
    s->limit = (size_t) o->buffer;
    s->flush_after = o->flush;
    s->gzip = o->gzip;
    return WR_OK;
}

static wr_rc_t
open_target(wr_conf_t *cf, const wr_tok_t *path, access_t *a)
{
    wr_file_log_t *file;

    if (!wr_str_starts(path->text, WR_STR("syslog:"))
        && wr_str_chr(path->text, '$') >= 0)
    {
        wr_tok_t full = *path;

        full.text = wr_conf_path(cf, path->text);
        return wr_cv_compile(cf, &full, &a->path);
    }
    file = wr_cycle_open_log(cf, path);
    if (file == NULL) {
        return WR_ERROR;
    }
    a->syslog = file->syslog;
    if (file->syslog == NULL) {
        a->sink = log_sink_of(cf, file);
    }
    return WR_OK;
}

static wr_rc_t
set_access_log(wr_conf_t *cf, const wr_directive_t *d, void *c)
{
    access_list_t *list = &((conf_t *) c)->list;
    options_t      options = {0};
    access_t      *a;

    (void) d;
    if (wr_str_eqz(cf->args[1].text, "off")) {
        list->off = true;
        return cf->nargs == 2 ? WR_OK
                              : wr_conf_fail(cf, &cf->args[2],
                                             "invalid parameter \"%.*s\"",
                                             WR_ARG(cf->args[2].text));
    }
    if (list->logs.size == 0) {
        list->logs = wr_array(cf->pool, sizeof(access_t));
    }
    a = WR_PUSH(&list->logs, access_t);
    if (open_target(cf, &cf->args[1], a) != WR_OK) {
        return WR_ERROR;
    }
    a->format = cf->nargs == 2 || wr_str_eqz(cf->args[2].text, "combined")
                    ? combined_format(cf)
                    : find_format(cf, cf->args[2].text);
    if (a->format == NULL) {
        return wr_conf_fail(cf, &cf->args[2], "unknown log format \"%.*s\"",
                            WR_ARG(cf->args[2].text));
    }
    for (unsigned i = 3; i < cf->nargs; i++) {
        if (parse_option(cf, &cf->args[i], a, &options) != WR_OK) {
            return WR_ERROR;
        }
    }
    return apply_options(cf, a, &options);
}

/* ---- open_log_file_cache ---- */

static wr_rc_t
cache_option(wr_conf_t *cf, const wr_tok_t *arg, log_file_cache_t *cache)
{
    wr_str_t s = arg->text;

    if ((wr_str_starts(s, WR_STR("max=")) && wr_parse_int(wr_str_skip(s, 4), &cache->max)
         && cache->max > 0)
        || (wr_str_starts(s, WR_STR("inactive="))
            && wr_parse_sec(wr_str_skip(s, 9), &cache->inactive))
        || (wr_str_starts(s, WR_STR("valid="))
            && wr_parse_sec(wr_str_skip(s, 6), &cache->valid))
        || (wr_str_starts(s, WR_STR("min_uses="))
            && wr_parse_int(wr_str_skip(s, 9), &cache->min_uses)
            && cache->min_uses > 0))
    {
        return WR_OK;
    }
    return wr_conf_fail(cf, arg, "invalid \"open_log_file_cache\" parameter \"%.*s\"",
                        WR_ARG(s));
}

static wr_rc_t
set_cache(wr_conf_t *cf, const wr_directive_t *d, void *c)
{
    log_file_cache_t *cache = &((conf_t *) c)->cache;

    (void) d;
    *cache = (log_file_cache_t) {.inactive = 10, .valid = 60, .min_uses = 1};
    if (cf->nargs == 2 && wr_str_eqz(cf->args[1].text, "off")) {
        return WR_OK;
    }
    for (unsigned i = 1; i < cf->nargs; i++) {
        if (cache_option(cf, &cf->args[i], cache) != WR_OK) {
            return WR_ERROR;
        }
    }
    return cache->max != 0 ? WR_OK
                           : wr_conf_fail(cf, NULL, "\"open_log_file_cache\" must have "
                                                    "\"max\" parameter");
}

/* ---- the log of those that name none ---- */

static bool
names_none(void **conf)
{
    const conf_t *c = conf[WR_SELF->schema.index];

    return c->list.logs.n == 0 && !c->list.off;
}

/* Opened only if somebody needs it. */
static wr_rc_t
finish(wr_conf_t *cf)
{
    const wr_http_t *http = wr_http_of(wr_cycle_of(cf));
    shared_t        *shared;
    bool             needed = false;
    wr_tok_t         path = {.text = WR_STR_INIT(WR_HTTP_LOG_PATH)};

    if (http == NULL) {
        return WR_OK;
    }
    for (WR_EACH(wr_server_t *, s, &http->servers)) {
        needed |= names_none((*s)->scope->conf);
    }
    if (!needed) {
        return WR_OK;
    }
    shared = shared_of(cf);
    shared->fallback.format = combined_format(cf);
    return shared->fallback.format != NULL
           ? open_target(cf, &path, &shared->fallback) : WR_ERROR;
}

static wr_rc_t
start(wr_worker_t *w)
{
    shared_t *shared = wr_conf_attached(w->cycle->cf, &formats_key);

    fallback = shared != NULL && shared->fallback.format != NULL ? &shared->fallback
                                                                 : NULL;
    return WR_OK;
}

/* ---- writing ---- */

static bool
is_wanted(wr_req_t *r, const access_t *a)
{
    wr_str_t value;

    if (!a->condition.given) {
        return true;
    }
    return wr_cv_eval(r, &a->condition, &value) == WR_OK && value.n != 0
           && !wr_str_eqz(value, "0");
}

static void
write_line(wr_req_t *r, const conf_t *conf, const access_t *a)
{
    wr_buf_t line;
    wr_str_t path;

    if (a->sink != NULL) {
        wr_buf_t *lines = log_sink_begin(a->sink);

        log_format_put(r, a->format, lines);
        wr_buf_char(lines, '\n');
        log_sink_added(a->sink);
        return;
    }
    line = wr_buf(wr_pool(r));
    log_format_put(r, a->format, &line);
    if (a->syslog != NULL) {
        wr_syslog_send(a->syslog, -1, wr_buf_text(&line));
        return;
    }
    wr_buf_char(&line, '\n');
    if (wr_cv_eval(r, &a->path, &path) == WR_OK) {
        log_named_write(r, &conf->cache, path, wr_buf_text(&line));
    }
}

static void
log_request(wr_req_t *r)
{
    const conf_t *conf = wr_conf(r);

    if (conf->list.off) {
        return;
    }
    if (conf->list.logs.n == 0 && fallback != NULL) {
        write_line(r, conf, fallback);
        return;
    }
    for (WR_EACH(access_t, a, &conf->list.logs)) {
        if (is_wanted(r, a)) {
            write_line(r, conf, a);
        }
    }
}

static bool
tick(void)
{
    return log_named_close(false);
}

static void
stop(wr_worker_t *w)
{
    for (WR_EACH(wr_file_log_t *, f, &w->cycle->logs)) {
        if ((*f)->flush != NULL) {
            (*f)->flush(*f);
        }
    }
    log_named_close(true);
}

WR_MODULE(log,
    .doc = "Access logs",
    .schema.directives = (const wr_directive_t[]) {
        WR_ACTION("log_format", WR_HTTP, 2, 255, set_format,
                  "Name a format of access logs. escape=json makes variables fit for JSON "
                  "strings, none leaves them as they are. `combined` is there from the start.",
                  .flags = WR_DF_REPEAT,
                  .args = "name [escape=default | json | none] text …",
                  .example = "log_format timed '$remote_addr \"$request\" $status "
                             "$request_time';"),
        WR_CUSTOM("access_log", WR_ANY | WR_IF_LOCATION | WR_LIMIT_EXCEPT, 1, 255,
                  set_access_log, conf_t, list,
                  "Write a line for each request to a file (may hold variables) or to "
                  "syslog:server=…; buffer= and flush= gather lines, gzip= compresses them, "
                  "if= skips those whose condition is empty or 0.",
                  .flags = WR_DF_REPEAT,
                  .args = "path [format [buffer=size] [gzip[=level]] [flush=time] "
                          "[if=condition]] | off",
                  .example = "access_log logs/access.log combined buffer=32k flush=5s;"),
        WR_CUSTOM("open_log_file_cache", WR_ANY, 1, 4, set_cache, conf_t, cache,
                  "Keep log files whose path has variables open.",
                  .args = "max=N [inactive=time] [min_uses=N] [valid=time] | off",
                  .example = "open_log_file_cache max=100 inactive=20s valid=1m;"),
        WR_END
    },
    .schema.size = sizeof(conf_t),
    .finish = finish,
    .worker_start = start,
    .worker_stop = stop,
    .http = &(const wr_http_tables_t) {.log = log_request, .worker_tick = tick});
