/*
 * The directives of the main context and of events { }: worker processes, user,
 * limits, logs, and what nginx has there that means nothing here but must be
 * accepted.
 *
 * The events block fills a struct of its own, as any scope does; wr_core_finish
 * brings its fields into the main one.
 */
#define _GNU_SOURCE
#include <weir/process/process_priv.h>
#include <weir_config.h>

#include <errno.h>
#include <grp.h>
#include <netdb.h>
#include <pwd.h>
#include <sched.h>
#include <unistd.h>

static wr_schema_t *
schema(void)
{
    return &wr_core_module.schema;
}

wr_core_conf_t *
wr_core_conf(wr_conf_t *cf)
{
    return cf->main->conf[schema()->index];
}

static unsigned
usable_cpus(void)
{
    cpu_set_t set;

    if (sched_getaffinity(0, sizeof(set), &set) != 0) {
        return 1;
    }
    return (unsigned) CPU_COUNT(&set);
}

/* ---- main ---- */

static wr_rc_t
set_worker_processes(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    wr_core_conf_t *core = conf;
    wr_str_t        word = cf->args[1].text;

    (void) d;
    if (wr_str_eqz(word, "auto")) {
        core->worker_processes = usable_cpus();
        return WR_OK;
    }
    if (!wr_parse_int(word, &core->worker_processes)
        || core->worker_processes > WR_MAX_WORKERS)
    {
        return wr_conf_fail(cf, &cf->args[1], "\"worker_processes\" directive invalid "
                            "value");
    }
    if (core->worker_processes == 0) {
        core->worker_processes = 1;
    }
    return WR_OK;
}

static wr_rc_t
set_worker_connections(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    wr_core_conf_t *core = conf;
    wr_str_t        word = cf->args[1].text;

    (void) d;
    if (!wr_parse_int(word, &core->worker_connections) || core->worker_connections < 1
        || core->worker_connections > INT32_MAX)
    {
        return wr_conf_fail(cf, &cf->args[1], "invalid number \"%.*s\"", WR_ARG(word));
    }
    return WR_OK;
}

static wr_rc_t
set_user(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    wr_core_conf_t *core = conf;
    struct passwd  *pw;
    struct group   *gr;

    (void) d;
    if (geteuid() != 0) {
        wr_conf_warn(cf, NULL, "the \"user\" directive makes sense only if the master "
                     "process runs with super-user privileges, ignored");
        return WR_OK;
    }
    core->user = wr_pool_str(cf->pool, cf->args[1].text);
    errno = 0;
    pw = getpwnam(cf->args[1].text.p);
    if (pw == NULL) {
        return wr_conf_fail_errno(cf, &cf->args[1], errno, "getpwnam(\"%.*s\") failed",
                                  WR_ARG(core->user));
    }
    core->uid = (int) pw->pw_uid;
    core->group = cf->nargs == 2 ? core->user
                                 : wr_pool_str(cf->pool, cf->args[2].text);
    errno = 0;
    gr = getgrnam(core->group.p);
    if (gr == NULL) {
        return wr_conf_fail_errno(cf, &cf->args[cf->nargs - 1], errno,
                                  "getgrnam(\"%.*s\") failed", WR_ARG(core->group));
    }
    core->gid = (int) gr->gr_gid;
    core->user_given = true;
    return WR_OK;
}

static wr_rc_t
set_priority(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    wr_core_conf_t *core = conf;
    wr_str_t        word = cf->args[1].text;
    bool            minus = word.n != 0 && word.p[0] == '-';

    (void) d;
    if (minus || (word.n != 0 && word.p[0] == '+')) {
        word = wr_str_skip(word, 1);
    }
    if (!wr_parse_int(word, &core->worker_priority)) {
        return wr_conf_fail(cf, &cf->args[1], "\"worker_priority\" directive invalid "
                            "number");
    }
    if (minus) {
        core->worker_priority = -core->worker_priority;
    }
    return WR_OK;
}

static wr_rc_t
set_env(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    wr_core_conf_t *core = conf;

    (void) d;
    if (core->env.size == 0) {
        core->env = wr_array(cf->pool, sizeof(wr_str_t));
    }
    *WR_PUSH(&core->env, wr_str_t) = wr_pool_str(cf->pool, cf->args[1].text);
    return WR_OK;
}

static wr_rc_t
check_mask(wr_conf_t *cf, const wr_tok_t *mask)
{
    if (mask->text.n > CPU_SETSIZE) {
        return wr_conf_fail(cf, mask, "\"worker_cpu_affinity\" supports up to %d CPUs "
                            "only", CPU_SETSIZE);
    }
    for (size_t i = 0; i < mask->text.n; i++) {
        char c = mask->text.p[i];

        if (c != '0' && c != '1') {
            return wr_conf_fail_at(cf, mask, i, "invalid character \"%c\" in "
                                   "\"worker_cpu_affinity\"", c);
        }
    }
    return WR_OK;
}

static wr_rc_t
set_affinity(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    wr_core_conf_t *core = conf;
    unsigned        first = 1;

    (void) d;
    core->cpu_affinity = wr_array(cf->pool, sizeof(wr_str_t));
    core->cpu_affinity_auto = wr_str_eqz(cf->args[1].text, "auto");
    if (core->cpu_affinity_auto) {
        first = 2;
        if (cf->nargs > 3) {
            return wr_conf_fail(cf, NULL, "invalid number of arguments in "
                                "\"worker_cpu_affinity\" directive");
        }
    }
    for (unsigned i = first; i < cf->nargs; i++) {
        if (check_mask(cf, &cf->args[i]) != WR_OK) {
            return WR_ERROR;
        }
        *WR_PUSH(&core->cpu_affinity, wr_str_t) = wr_pool_str(cf->pool,
                                                              cf->args[i].text);
    }
    return WR_OK;
}

static wr_rc_t
set_debug_points(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    wr_core_conf_t *core = conf;

    (void) d;
    if (!wr_str_eqz(cf->args[1].text, "stop") && !wr_str_eqz(cf->args[1].text, "abort")) {
        return wr_conf_fail(cf, &cf->args[1], "invalid value \"%.*s\"",
                            WR_ARG(cf->args[1].text));
    }
    core->debug_points = true;
    return WR_OK;
}

static wr_rc_t
set_error_log(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    (void) d;
    return wr_conf_error_log(cf, &((wr_core_conf_t *) conf)->error_log);
}

static wr_rc_t
set_load_module(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    (void) d;
    (void) conf;
    return wr_module_load(cf, &cf->args[1]);
}

static wr_rc_t
set_thread_pool(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    wr_core_conf_t *core = conf;
    int64_t         threads = 0, max_queue = 65536;
    wr_str_t        v;

    (void) d;
    for (unsigned i = 2; i < cf->nargs; i++) {
        if (wr_arg_value(cf->args[i].text, "threads", &v)) {
            if (!wr_parse_int(v, &threads) || threads < 1 || threads > 1024) {
                return wr_conf_fail(cf, &cf->args[i], "invalid threads value \"%.*s\"",
                                    WR_ARG(v));
            }
        } else if (wr_arg_value(cf->args[i].text, "max_queue", &v)) {
            if (!wr_parse_int(v, &max_queue) || max_queue > INT32_MAX) {
                return wr_conf_fail(cf, &cf->args[i], "invalid max_queue value \"%.*s\"",
                                    WR_ARG(v));
            }
        } else {
            return wr_conf_fail(cf, &cf->args[i], "invalid parameter \"%.*s\"",
                                WR_ARG(cf->args[i].text));
        }
    }
    if (threads == 0) {
        return wr_conf_fail(cf, NULL, "\"%.*s\" must have \"threads\" parameter",
                            WR_ARG(cf->args[0].text));
    }
    if (wr_str_eqz(cf->args[1].text, "default")) {
        if (core->pool_threads != 0) {
            return wr_conf_fail(cf, NULL, "duplicate thread pool \"default\"");
        }
        core->pool_threads = threads;
        core->pool_max_queue = max_queue;
    }
    return WR_OK;
}

/* ---- events { } ---- */

static wr_rc_t
open_events(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    (void) d;
    (void) conf;
    for (const wr_scope_t *s = cf->main->inner; s != NULL; s = s->next) {
        if (s->context & WR_EVENTS) {
            return wr_conf_fail(cf, NULL, "\"events\" directive is duplicate");
        }
    }
    return wr_conf_block(cf, wr_conf_scope(cf, WR_EVENTS, NULL));
}

/* The names that nginx knows on Linux; here they all mean epoll. */
static const wr_enum_t methods[] = {
    {"epoll", 0}, {"poll", 1}, {"select", 2}, {NULL, 0}};

static wr_rc_t
set_use(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    wr_core_conf_t *core = conf;

    (void) d;
    for (const wr_enum_t *m = methods; m->name != NULL; m++) {
        if (wr_str_eqz(cf->args[1].text, m->name)) {
            core->event_method = m->value;
            return WR_OK;
        }
    }
    return wr_conf_fail(cf, &cf->args[1], "invalid event type \"%.*s\"",
                        WR_ARG(cf->args[1].text));
}

static wr_rc_t
add_debug_host(wr_conf_t *cf, wr_core_conf_t *core)
{
    struct addrinfo  hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found;

    if (getaddrinfo(cf->args[1].text.p, NULL, &hints, &found) != 0) {
        return wr_conf_fail(cf, &cf->args[1], "host not found in debug_connection "
                            "\"%.*s\"", WR_ARG(cf->args[1].text));
    }
    for (const struct addrinfo *a = found; a != NULL; a = a->ai_next) {
        wr_cidr_t *c = WR_PUSH(&core->debug_connection, wr_cidr_t);
        wr_addr_t  addr = {.len = a->ai_addrlen};
        char       text[WR_ADDR_TEXT];
        size_t     n;

        memcpy(&addr.u, a->ai_addr, a->ai_addrlen);
        n = wr_addr_put(text, sizeof(text), &addr.u.sa, addr.len, false);
        WR_ASSERT(wr_cidr_parse(c, wr_str(text, n)));
    }
    freeaddrinfo(found);
    return WR_OK;
}

static wr_rc_t
set_debug_connection(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    wr_core_conf_t *core = conf;
    wr_cidr_t       c;

    (void) d;
    if (core->debug_connection.size == 0) {
        core->debug_connection = wr_array(cf->pool, sizeof(wr_cidr_t));
    }
    if (!wr_cidr_parse(&c, cf->args[1].text)) {
        return add_debug_host(cf, core);
    }
    *WR_PUSH(&core->debug_connection, wr_cidr_t) = c;
    return WR_OK;
}

/* ---- the table ---- */

static const wr_bounds_t positive = {1, INT32_MAX};

static const wr_directive_t directives[] = {
    WR_FLAG("weir_dev", WR_MAIN, wr_core_conf_t, dev, "off",
            "For development: one worker in the foreground; a change of the conf, a "
            "template or a schema reloads; error pages for this machine's browsers say "
            "what failed, and where.", .example = "weir_dev on;"),
    WR_FLAG("daemon", WR_MAIN, wr_core_conf_t, daemon, "on",
            "Go to the background after the start. Service managers and containers want off: "
            "the master then stays in the foreground.",
            .example = "daemon off;"),
    WR_FLAG("master_process", WR_MAIN, wr_core_conf_t, master_process, "on",
            "Use a master and worker processes. Off serves from one process, for debugging "
            "only: there is no reload then.",
            .example = "master_process off;"),
    WR_CUSTOM("worker_processes", WR_MAIN, 1, 1, set_worker_processes, wr_core_conf_t,
              worker_processes,
              "How many worker processes there are; `auto` is one for each CPU that the server "
              "may use. Each worker serves thousands of connections by itself.",
              .def = "1", .args = "number | auto",
              .example = "worker_processes auto;"),
    WR_CUSTOM("worker_cpu_affinity", WR_MAIN, 1, 255, set_affinity, wr_core_conf_t,
              cpu_affinity,
              "Binds workers to CPUs: a mask of binary digits for each worker in turn (the "
              "last digit is CPU 0), or auto for one CPU each.",
              .args = "mask … | auto [mask]", .example = "worker_cpu_affinity auto;"),
    WR_CUSTOM("worker_priority", WR_MAIN, 1, 1, set_priority, wr_core_conf_t,
              worker_priority,
              "The scheduling priority of the workers, as of nice(1): from -20, the most "
              "urgent, to 20.",
              .def = "0", .args = "number",
              .example = "worker_priority -5;"),
    WR_INT("worker_rlimit_nofile", WR_MAIN, wr_core_conf_t, rlimit_nofile, NULL,
           "How many files and sockets a worker may have open (RLIMIT_NOFILE). A proxied "
           "request takes two.", .extra = &positive,
           .example = "worker_rlimit_nofile 65536;"),
    WR_OFFSET("worker_rlimit_core", WR_MAIN, wr_core_conf_t, rlimit_core, NULL,
              "The largest core file of a worker that crashes (RLIMIT_CORE).",
              .example = "worker_rlimit_core 500m;"),
    WR_MSEC("worker_shutdown_timeout", WR_MAIN, wr_core_conf_t,
            worker_shutdown_timeout, NULL,
            "How long a worker may take to end gracefully, after a reload or QUIT; then its "
            "connections are closed. Without it, as long as its requests take.",
            .example = "worker_shutdown_timeout 30s;"),
    WR_TEXT("working_directory", WR_MAIN, wr_core_conf_t, working_directory, NULL,
            "The current folder of the workers: where core files go.",
            .example = "working_directory /tmp;"),
    WR_CUSTOM("user", WR_MAIN, 1, 2, set_user, wr_core_conf_t, user,
              "Whom the workers run as, when root starts the server; without a group the group "
              "of the same name.", .args = "user [group]",
              .example = "user www-data;"),
    WR_PATH("pid", WR_MAIN, wr_core_conf_t, pid, WR_PID_PATH,
            "The file that holds the master's process id; `weir -s` reads it.",
            .example = "pid logs/weir.pid;"),
    WR_PATH("lock_file", WR_MAIN, wr_core_conf_t, lock_file, WR_LOCK_PATH,
            "Accepted; no lock file is needed.",
            .example = "lock_file logs/weir.lock;"),
    WR_CUSTOM("env", WR_MAIN, 1, 1, set_env, wr_core_conf_t, env,
              "Keeps a variable of the environment for the workers, or sets one. All others "
              "but TZ are removed; expressions read them with env().",
              .args = "NAME[=value]", .flags = WR_DF_REPEAT,
              .example = "env LANG;\n"
                         "env MODE=production;"),
    WR_CUSTOM("error_log", WR_MAIN, 1, 255, set_error_log, wr_core_conf_t, error_log,
              "Where errors are logged, and from which level on (error if none is said); "
              "several places may be named. debug_http, debug_frame, debug_upstream: debug "
              "lines of these areas only.",
              .args = "file | stderr | syslog:… | memory:size "
                      "[debug | info | notice | warn | error | crit | alert | emerg] "
                      "[debug_area …]",
              .flags = WR_DF_REPEAT, .example = "error_log logs/error.log warn;"),
    WR_MSEC("timer_resolution", WR_MAIN, wr_core_conf_t, timer_resolution, NULL,
            "Accepted; the clock is read once per turn of the loop.",
            .example = "timer_resolution 100ms;"),
    WR_ACTION("load_module", WR_MAIN, 1, 1, set_load_module,
              "Loads a module from a file. Stands before events and http; `weir -M` lists what "
              "is loaded.", .args = "file",
              .flags = WR_DF_REPEAT,
              .example = "load_module modules/http_route_module.so;"),
    WR_CUSTOM("thread_pool", WR_MAIN, 2, 3, set_thread_pool, wr_core_conf_t,
              pool_threads,
              "The threads of each worker for what would block it (files that are saved or "
              "that dav changes, passwords of auth_basic); max_queue: how many tasks may wait "
              "for one. Only the pool named `default` is used; SQL and hash_password() have "
              "threads of their own.",
              .args = "name threads=number [max_queue=number]",
              .flags = WR_DF_REPEAT, .example = "thread_pool default threads=8;"),
    WR_FLAG("pcre_jit", WR_MAIN, wr_core_conf_t, pcre_jit, "on",
            "Accepted; regular expressions are always compiled.",
            .example = "pcre_jit on;"),
    WR_CUSTOM("debug_points", WR_MAIN, 1, 1, set_debug_points, wr_core_conf_t,
              debug_points, "Accepted; a broken invariant always ends the process.",
              .args = "stop | abort",
              .example = "debug_points abort;"),
    WR_TEXT("ssl_engine", WR_MAIN, wr_core_conf_t, ssl_engine, NULL,
            "Accepted, without effect.",
            .example = "ssl_engine rdrand;"),

    WR_BLOCK("events", WR_MAIN, 0, 0, open_events,
             "How connections are processed. The block must stand in the conf, if only empty.",
             .example = "events {\n"
                        "    worker_connections 1024;\n"
                        "}"),
    WR_CUSTOM("worker_connections", WR_EVENTS, 1, 1, set_worker_connections,
              wr_core_conf_t, worker_connections,
              "How many connections a worker serves at a time, those to upstream servers "
              "included.", .def = "512",
              .args = "number",
              .example = "worker_connections 4096;"),
    WR_CUSTOM("use", WR_EVENTS, 1, 1, set_use, wr_core_conf_t, event_method,
              "Accepted; the method is epoll.", .args = "epoll | poll | select",
              .example = "use epoll;"),
    WR_FLAG("multi_accept", WR_EVENTS, wr_core_conf_t, multi_accept, "off",
            "Accept all waiting connections at a time, not one for each turn of the loop.",
            .example = "multi_accept on;"),
    WR_FLAG("accept_mutex", WR_EVENTS, wr_core_conf_t, accept_mutex, "off",
            "Accepted; the kernel wakes one worker per connection.",
            .example = "accept_mutex off;"),
    WR_MSEC("accept_mutex_delay", WR_EVENTS, wr_core_conf_t, accept_mutex_delay,
            "500ms", "Accepted; also the pause when there are no free descriptors.",
            .example = "accept_mutex_delay 500ms;"),
    WR_CUSTOM("debug_connection", WR_EVENTS, 1, 1, set_debug_connection,
              wr_core_conf_t, debug_connection,
              "Logs at level debug for the connections of these clients only, whatever the "
              "level of error_log.",
              .args = "address | CIDR | unix:", .flags = WR_DF_REPEAT,
              .example = "debug_connection 192.0.2.0/24;"),
    WR_INT("worker_aio_requests", WR_EVENTS, wr_core_conf_t, worker_aio_requests,
           "32", "Accepted, without effect.", .extra = &positive,
           .example = "worker_aio_requests 32;"),
    WR_END
};

WR_EXPORT wr_module_t wr_core_module = {
    .magic = WR_MAGIC, .abi_major = WR_ABI_MAJOR, .abi_minor = WR_ABI_MINOR,
    .size = sizeof(wr_module_t), .facts = WR_ABI_FACTS, .name = "core_module",
    .version = WR_VERSION, .doc = "Processes, logs and events.",
    .schema = {.name = "core_module", .directives = directives,
               .size = sizeof(wr_core_conf_t)},
};

/* ---- after reading ---- */

/* The user and group of the build. The group may have another name here. */
static wr_rc_t
default_user(wr_cycle_t *cycle, wr_core_conf_t *core)
{
    struct passwd *pw;
    struct group  *gr;

    core->uid = core->gid = -1;
    if (geteuid() != 0) {
        return WR_OK;
    }
    core->user = WR_STR(WR_USER);
    errno = 0;
    pw = getpwnam(WR_USER);
    if (pw == NULL) {
        wr_log(cycle->log, WR_LOG_EMERG, errno, "getpwnam(\"" WR_USER "\") failed");
        return WR_ERROR;
    }
    core->uid = (int) pw->pw_uid;
    core->gid = (int) pw->pw_gid;
    core->group = WR_STR(WR_GROUP);
    if (core->group.n != 0 && (gr = getgrnam(WR_GROUP)) != NULL) {
        core->gid = (int) gr->gr_gid;
    }
    return WR_OK;
}

static void
take_events(wr_core_conf_t *core, const wr_core_conf_t *events)
{
    core->worker_connections = events->worker_connections;
    core->event_method = events->event_method;
    core->multi_accept = events->multi_accept;
    core->accept_mutex = events->accept_mutex;
    core->accept_mutex_delay = events->accept_mutex_delay;
    core->debug_connection = events->debug_connection;
    core->worker_aio_requests = events->worker_aio_requests;
}

static void
check_affinity(wr_cycle_t *cycle, const wr_core_conf_t *core)
{
    if (!core->cpu_affinity_auto && core->cpu_affinity.n > 1
        && core->cpu_affinity.n != core->worker_processes)
    {
        wr_log(cycle->log, WR_LOG_WARN, 0, "the number of \"worker_processes\" is not "
               "equal to the number of \"worker_cpu_affinity\" masks, using last mask "
               "for remaining worker processes");
    }
}

wr_rc_t
wr_core_finish(wr_cycle_t *cycle)
{
    wr_conf_t      *cf = cycle->cf;
    wr_core_conf_t *core = wr_core_conf(cf);
    wr_scope_t     *events = cf->main->inner;

    while (events != NULL && !(events->context & WR_EVENTS)) {
        events = events->next;
    }
    if (events == NULL) {
        wr_log(cycle->log, WR_LOG_EMERG, 0, "no \"events\" section in configuration");
        return WR_ERROR;
    }
    take_events(core, events->conf[schema()->index]);
    if (core->rlimit_nofile == 0) {
        core->rlimit_nofile = -1;
    }
    if (core->rlimit_core == 0) {
        core->rlimit_core = -1;
    }
    if (wr_options.dev) {
        core->dev = true;
    }
    if (core->dev) {
        core->daemon = false;
        core->worker_processes = 1;
    }
    check_affinity(cycle, core);
    cycle->core = core;
    return core->user_given ? WR_OK : default_user(cycle, core);
}
