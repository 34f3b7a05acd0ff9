/*
 * For fuzz targets of what clients and upstreams send: the server itself, in this
 * process, with a conf from the target. A client at one end of a socket pair
 * sends the input in pieces and reads to the end; an upstream at
 * unix:DIR/upstream answers with bytes that the target chooses.
 *
 * No file is written but in a folder of its own, and nothing waits for a clock: a
 * client that has sent all closes.
 */
#ifndef WEIR_TESTS_FUZZ_SERVE_H
#define WEIR_TESTS_FUZZ_SERVE_H

#define _GNU_SOURCE
#include <weir/app/app.h>
#include <weir/http/core_conf.h>
#include <weir/http/server.h>
#include <weir/http/upstream_state.h>
#include <weir/process/process.h>
#include <weir/upstream/upstream.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

extern wr_module_t wr_module_route, wr_module_json;

/* What the upstream answers to whoever connects, at once and then closes. */
static wr_str_t serve_upstream;
static char     serve_folder[64];
static int      serve_upstream_fd = -1;

static void
serve_check(bool ok, const char *what)
{
    if (!ok) {
        perror(what);
        abort();
    }
}

static void
serve_clean(void)
{
    char command[96];

    snprintf(command, sizeof(command), "rm -rf '%s'", serve_folder);
    if (system(command) != 0) {
        fprintf(stderr, "%s stays\n", serve_folder);
    }
}

static void
serve_listen(void)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};

    snprintf(sa.sun_path, sizeof(sa.sun_path), "%.64s/upstream", serve_folder);
    serve_upstream_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    serve_check(bind(serve_upstream_fd, (struct sockaddr *) &sa, sizeof(sa)) == 0
                && listen(serve_upstream_fd, 16) == 0, "upstream");
}

/* A loadable module may have been built in. */
static void
serve_add(wr_module_t **to, wr_module_t *m)
{
    for (unsigned i = 0; wr_builtin_modules[i] != NULL; i++) {
        if (wr_builtin_modules[i] == m) {
            return;
        }
    }
    while (*to != NULL) {
        to++;
    }
    *to = m;
}

/* `lines` stand in the server's block; DIR is the folder in them: "%1$s". */
static void
serve_start(const char *lines)
{
    static wr_module_t *modules[9] = {
        &wr_core_module, &wr_http_core_module, &wr_upstream_module,
        &wr_upstream_state_module, &wr_app_module};
    static char path[96], body[8192];
    char       *argv[] = {"fuzz", NULL};
    FILE       *f;

    if (wr_cycle != NULL) {
        return;
    }
    snprintf(serve_folder, sizeof(serve_folder), "/tmp/weir-fuzz-XXXXXX");
    serve_check(mkdtemp(serve_folder) != NULL, "mkdtemp");
    atexit(serve_clean);
    serve_listen();
    serve_add(modules, &wr_module_route);
    serve_add(modules, &wr_module_json);
    wr_process_init(1, argv);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(body, sizeof(body), lines, serve_folder);
#pragma GCC diagnostic pop
    snprintf(path, sizeof(path), "%s/conf", serve_folder);
    f = fopen(path, "w");
    serve_check(f != NULL && fprintf(f,
             "pid %s/pid; error_log /dev/null info; events { }\n"
             "http { server { listen unix:%s/socket; access_log /dev/null;\n%s } }\n",
             serve_folder, serve_folder, body) > 0 && fclose(f) == 0, path);
    wr_options.prefix = wr_str_z(serve_folder);
    wr_options.conf_path = wr_str_z(path);
    wr_options.error_log = WR_STR("stderr");
    wr_options.core_modules = modules;
    wr_options.quiet = true;
    wr_options.testing = true;      /* no pid file, and what is missing is an error */
    wr_options_settle();
    serve_check(wr_cycle_new(NULL) != NULL, "the target's conf");
    wr_worker = (wr_worker_t) {.cycle = wr_cycle, .pid = getpid(), .max_connections = 64};
    serve_check(wr_loop_open(wr_cycle->log, 0) == WR_OK, "loop");
    for (unsigned i = 0; modules[i] != NULL; i++) {
        serve_check(modules[i]->worker_start == NULL
                    || modules[i]->worker_start(&wr_worker) == WR_OK, "worker_start");
    }
    for (unsigned i = 0; wr_builtin_modules[i] != NULL; i++) {
        wr_module_t *m = wr_builtin_modules[i];

        serve_check(m->worker_start == NULL || m->worker_start(&wr_worker) == WR_OK,
                    "worker_start");
    }
}

/* The upstream's turn. */
static void
serve_answer(void)
{
    int  fd = accept4(serve_upstream_fd, NULL, NULL, SOCK_NONBLOCK);
    char trash[4096];

    if (fd < 0) {
        return;
    }
    (void) !read(fd, trash, sizeof(trash));
    (void) !send(fd, serve_upstream.p, serve_upstream.n, MSG_NOSIGNAL);
    shutdown(fd, SHUT_WR);
    while (read(fd, trash, sizeof(trash)) > 0) {
    }
    close(fd);
}

/* True: the server has closed. */
static bool
serve_drain(int fd)
{
    static char trash[65536];
    ssize_t     n;

    while ((n = read(fd, trash, sizeof(trash))) > 0) {
    }
    return n == 0;
}

/* A client connects, sends `input` in pieces of `piece` bytes (0: at once) with a
 * turn of the loop between them, closes its side, reads what comes and leaves. */
static void
serve_client(wr_str_t input, size_t piece)
{
    static const struct sockaddr sa = {.sa_family = AF_UNIX};
    wr_listen_t *l = *WR_AT(&wr_cycle->listening, wr_listen_t *, 0);
    int          fd[2];
    size_t       at = 0;
    bool         closed = false;

    serve_check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd) == 0, "socketpair");
    l->accepted(l, fd[1], &sa, sizeof(sa.sa_family));
    while (at < input.n && !closed) {
        size_t  n = piece == 0 ? input.n - at : wr_min_size(piece, input.n - at);
        ssize_t sent = send(fd[0], input.p + at, n, MSG_NOSIGNAL);

        if (sent > 0) {
            at += (size_t) sent;
        }
        wr_loop_turn(0);
        serve_answer();
        closed = serve_drain(fd[0]);
    }
    if (!closed) {
        shutdown(fd[0], SHUT_WR);
    }
    for (unsigned i = 0; i < 20 && !closed; i++) {
        wr_loop_turn(0);
        serve_answer();
        closed = serve_drain(fd[0]);
    }
    close(fd[0]);
    for (unsigned i = 0; i < 50 && wr_worker.connections != 0; i++) {
        wr_loop_turn(0);
        serve_answer();
    }
    /* Nothing of it may stay: neither connection nor request. */
    if (wr_worker.connections != 0) {
        fprintf(stderr, "%d connections stay\n", (int) wr_worker.connections);
        abort();
    }
}

#endif
