/*
 * The directives of HTTP itself. Most are rows only; the few that need code of
 * their own have it here, the blocks in blocks.c.
 */
#include <weir/http/core_conf.h>

#include <weir/http/blocks_priv.h>
#include <weir/http/variables.h>
#include <weir/process/process.h>
#include <weir/upstream/upstream.h>
#include <weir_config.h>

typedef wr_http_core_t core_t;

static const wr_enum_t aio_words[] = {{"off", 0}, {"on", 1}, {NULL, 0}};
static const wr_enum_t ims_words[] = {{"off", 0}, {"exact", 1}, {"before", 2}, {NULL, 0}};
static const wr_enum_t satisfy_words[] = {{"all", 0}, {"any", 1}, {NULL, 0}};
static const wr_enum_t in_file_words[] = {{"off", 0}, {"on", 1}, {"clean", 2}, {NULL, 0}};
static const wr_enum_t lingering_words[] = {{"off", 0}, {"on", 1}, {"always", 2}, {NULL, 0}};
static const wr_enum_t tokens_words[] = {{"off", 0}, {"on", 1}, {"build", 2}, {NULL, 0}};
static const wr_enum_t disable_words[] = {{"none", 1}, {"msie6", 2}, {"safari", 4}, {NULL, 0}};

/* ---- directives with code ---- */

static wr_rc_t
set_root(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    core_t        *core = conf;
    bool           alias = wr_str_eqz(cf->args[0].text, "alias");
    wr_location_t *loc = wr_conf_location(cf);
    wr_str_t       path = cf->args[1].text;

    if (core->root.given) {
        if (core->is_alias == alias) {
            return wr_conf_fail(cf, NULL, "\"%s\" directive is duplicate",
                                alias ? "alias" : "root");
        }
        return wr_conf_fail(cf, NULL,
                            "\"%s\" directive is duplicate, \"%s\" directive was "
                            "specified earlier",
                            alias ? "alias" : "root", core->is_alias ? "alias" : "root");
    }
    if (alias && loc != NULL && loc->kind == WR_LOC_NAMED) {
        return wr_conf_fail(cf, NULL, "the \"alias\" directive cannot be used inside the "
                                      "named location");
    }
    if (wr_str_find(path, WR_STR("$document_root")) >= 0
        || wr_str_find(path, WR_STR("${document_root}")) >= 0
        || wr_str_find(path, WR_STR("$realpath_root")) >= 0
        || wr_str_find(path, WR_STR("${realpath_root}")) >= 0)
    {
        return wr_conf_fail(cf, &cf->args[1], "the $document_root variable cannot be used "
                                              "in the \"%s\" directive",
                            alias ? "alias" : "root");
    }
    core->is_alias = alias;
    core->alias_cut = alias && loc != NULL && loc->kind != WR_LOC_REGEX ? loc->name.n : 0;
    if (!alias && path.n != 0 && path.p[path.n - 1] == '/') {
        path.n--;
        if (path.n == 0) {
            path = WR_STR("");
        }
    }
    if (cf->args[1].text.n != 0 && cf->args[1].text.p[0] != '$'
        && cf->args[1].text.p[0] != '/')
    {
        path = wr_conf_path(cf, path);
    }
    wr_scope_mark(cf, cf->scope, &wr_http_core_module.schema, d->offset);
    wr_scope_mark(cf, cf->scope, &wr_http_core_module.schema, offsetof(core_t, root));
    wr_scope_mark(cf, cf->scope, &wr_http_core_module.schema, offsetof(core_t, is_alias));
    wr_scope_mark(cf, cf->scope, &wr_http_core_module.schema, offsetof(core_t, alias_cut));
    core->root.given = true;
    return wr_cv_compile_str(cf, path, &core->root);
}

static wr_rc_t
set_error_page(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    core_t          *core = conf;
    wr_tok_t         target = cf->args[cf->nargs - 1];
    unsigned         last = cf->nargs - 2;
    int              overwrite = -1;
    wr_error_page_t  page = {0};
    ssize_t          mark;
    int64_t          n;

    (void) d;
    if (cf->args[last].text.n != 0 && cf->args[last].text.p[0] == '=') {
        wr_str_t code = wr_str_skip(cf->args[last].text, 1);

        if (last == 1) {
            return wr_conf_fail(cf, &cf->args[last], "invalid value \"%.*s\"",
                                WR_ARG(cf->args[last].text));
        }
        overwrite = 0;
        if (code.n != 0) {
            if (!wr_parse_int(code, &n) || n > 999) {
                return wr_conf_fail(cf, &cf->args[last], "invalid value \"%.*s\"",
                                    WR_ARG(cf->args[last].text));
            }
            overwrite = (int) n;
        }
        last--;
    }
    if (wr_cv_compile(cf, &target, &page.target) != WR_OK) {
        return WR_ERROR;
    }
    mark = wr_str_chr(target.text, '?');
    if (wr_cv_is_const(&page.target) && target.text.n != 0 && target.text.p[0] == '/'
        && mark >= 0)
    {
        page.args = wr_str_skip(target.text, (size_t) mark + 1);
        page.target.text = wr_str(target.text.p, (size_t) mark);
    }
    if (core->error_pages.pool == NULL) {
        core->error_pages = wr_array(cf->pool, sizeof(wr_error_page_t));
    }
    for (unsigned i = 1; i <= last; i++) {
        if (!wr_parse_int(cf->args[i].text, &n)) {
            return wr_conf_fail(cf, &cf->args[i], "invalid value \"%.*s\"",
                                WR_ARG(cf->args[i].text));
        }
        if (n == 499) {
            return wr_conf_fail(cf, &cf->args[i], "invalid value \"499\"");
        }
        if (n < 300 || n > 599) {
            return wr_conf_fail(cf, &cf->args[i], "value \"%.*s\" must be between 300 "
                                                  "and 599",
                                WR_ARG(cf->args[i].text));
        }
        page.status = (uint16_t) n;
        page.overwrite = overwrite;
        if (overwrite < 0 && (n == 494 || n == 495 || n == 496 || n == 497)) {
            page.overwrite = 400;
        }
        *WR_PUSH(&core->error_pages, wr_error_page_t) = page;
    }
    return WR_OK;
}

static wr_rc_t
set_keepalive_timeout(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    core_t *core = conf;

    if (!wr_parse_msec(cf->args[1].text, &core->keepalive_timeout)) {
        return wr_conf_fail(cf, &cf->args[1], "\"%s\" directive invalid value",
                            d->name);
    }
    core->keepalive_header = 0;
    if (cf->nargs == 3 && !wr_parse_sec(cf->args[2].text, &core->keepalive_header)) {
        return wr_conf_fail(cf, &cf->args[2], "\"%s\" directive invalid value",
                            d->name);
    }
    wr_scope_mark(cf, cf->scope, &wr_http_core_module.schema,
                  offsetof(core_t, keepalive_header));
    return WR_OK;
}

static wr_rc_t
set_error_log(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    core_t *core = conf;

    (void) d;
    return wr_conf_error_log(cf, &core->error_log);
}

static wr_rc_t
set_internal(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    (void) cf;
    (void) d;
    ((core_t *) conf)->internal = true;
    return WR_OK;
}

static wr_rc_t
set_open_file_cache(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    core_t  *core = conf;
    wr_str_t value;
    bool     off = false;

    (void) d;
    core->file_cache_max = 0;
    core->file_cache_inactive = 60;
    for (unsigned i = 1; i < cf->nargs; i++) {
        wr_str_t w = cf->args[i].text;
        bool     ok;

        if (wr_str_eqz(w, "off")) {
            off = ok = true;
        } else if (wr_arg_value(w, "max", &value)) {
            ok = wr_parse_int(value, &core->file_cache_max) && core->file_cache_max > 0;
        } else if (wr_arg_value(w, "inactive", &value)) {
            ok = wr_parse_sec(value, &core->file_cache_inactive);
        } else {
            ok = false;
        }
        if (!ok) {
            return wr_conf_fail(cf, &cf->args[i],
                                "invalid \"open_file_cache\" parameter \"%.*s\"",
                                WR_ARG(w));
        }
    }
    if (!off && core->file_cache_max == 0) {
        return wr_conf_fail(cf, NULL, "\"open_file_cache\" must have the \"max\" parameter");
    }
    core->file_cache = off ? 0 : ++wr_http_of(wr_cycle_of(cf))->file_caches;
    wr_scope_mark(cf, cf->scope, &wr_http_core_module.schema,
                  offsetof(core_t, file_cache_inactive));
    wr_scope_mark(cf, cf->scope, &wr_http_core_module.schema,
                  offsetof(core_t, file_cache));
    return WR_OK;
}

static wr_rc_t
set_disable_symlinks(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    static const char *const words[] = {"off", "on", "if_not_owner"};

    core_t  *core = conf;
    wr_str_t value;
    bool     said = false;

    for (unsigned i = 1; i < cf->nargs; i++) {
        wr_tok_t tok = cf->args[i];
        unsigned word = 0;

        while (word < WR_COUNT(words) && !wr_str_eqz(tok.text, words[word])) {
            word++;
        }
        if (word < WR_COUNT(words)) {
            if (said) {
                return wr_conf_fail(cf, &tok, "duplicate parameters \"%.*s %.*s\"",
                                    WR_ARG(cf->args[1].text), WR_ARG(tok.text));
            }
            core->disable_symlinks = word;
            said = true;
        } else if (wr_arg_value(tok.text, "from", &value)) {
            tok.text = value;
            if (wr_cv_compile(cf, &tok, &core->disable_symlinks_from) != WR_OK) {
                return WR_ERROR;
            }
            core->disable_symlinks_from.given = true;
        } else {
            return wr_conf_fail(cf, &tok, "invalid parameter \"%.*s\"", WR_ARG(tok.text));
        }
    }
    if (!said) {
        return wr_conf_fail(cf, NULL, "\"%s\" must have \"off\", \"on\" or \"if_not_owner\" "
                                      "parameter", d->name);
    }
    if (core->disable_symlinks == 0 && cf->nargs == 3) {
        return wr_conf_fail(cf, NULL, "\"from=\" cannot be used with \"off\" parameter");
    }
    wr_scope_mark(cf, cf->scope, &wr_http_core_module.schema,
                  offsetof(core_t, disable_symlinks_from));
    return WR_OK;
}

static wr_rc_t
set_size_or_off(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    size_t *to = (size_t *) (void *) ((char *) conf + d->offset);
    int64_t n = 0;

    if (!wr_str_eqz(cf->args[1].text, "off") && !wr_parse_offset(cf->args[1].text, &n)) {
        return wr_conf_fail(cf, &cf->args[1], "\"%s\" directive invalid value",
                            d->name);
    }
    *to = (size_t) n;
    return WR_OK;
}

static wr_rc_t
set_aio(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    wr_str_t w = cf->args[1].text;

    if (!wr_str_eqz(w, "on") && !wr_str_eqz(w, "off") && !wr_str_eqz(w, "threads")
        && !wr_str_starts(w, WR_STR("threads=")))
    {
        return wr_conf_fail(cf, &cf->args[1], "\"%s\" directive invalid value",
                            d->name);
    }
    ((core_t *) conf)->aio = !wr_str_eqz(w, "off");
    return WR_OK;
}

static wr_rc_t
accept_word(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    (void) cf;
    (void) d;
    (void) conf;
    return WR_OK;
}

static wr_rc_t
check_temp_path(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    core_t *core = conf;

    core->client_body_temp_path = wr_conf_path(cf, cf->args[1].text);
    for (unsigned i = 2; i < cf->nargs; i++) {
        int64_t n;

        if (!wr_parse_int(cf->args[i].text, &n) || n < 1 || n > 3) {
            return wr_conf_fail(cf, &cf->args[i], "\"%s\" directive invalid value", d->name);
        }
    }
    return WR_OK;
}

/* ---- the table ---- */

#define HSL WR_ANY
#define HS (WR_HTTP | WR_SERVER)

/* ---- resolver ---- */

/* For groups of servers whose names are looked up again. */
static wr_resolver_t *
http_resolver(wr_scope_t *http, wr_msec_t *timeout)
{
    const core_t *c = http->conf[wr_http_core_module.schema.index];

    *timeout = c->resolver_timeout;
    return c->resolver;
}

static wr_rc_t
set_resolver(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    core_t *c = conf;

    (void) d;
    wr_upstream_resolver = http_resolver;
    c->resolver = wr_resolver_new(cf);
    return c->resolver != NULL ? WR_OK : WR_ERROR;
}

static const wr_directive_t directives[] = {
    WR_BLOCK("http", WR_MAIN, 0, 0, wr_set_http,
             "Everything that concerns HTTP: settings for all servers, and the servers.",
             .example = "http {\n"
                        "    server {\n"
                        "        listen 8080;\n"
                        "    }\n"
                        "}"),
    WR_BLOCK("server", WR_HTTP, 0, 0, wr_set_server,
             "A virtual server: chosen by the address of `listen`, then by the request's host "
             "among the server_names. The first for an address, or the one marked "
             "default_server, takes what no name fits.",
             .example = "server {\n"
                        "    listen      8080;\n"
                        "    server_name example.com;\n"
                        "    root        html;\n"
                        "}"),
    WR_BLOCK("location", WR_SERVER | WR_LOCATION, 1, 2, wr_set_location,
             "Settings for requests whose path matches: `=` the very path, `^~` or nothing a "
             "beginning (the longest wins), `~` a regex, `~*` one that ignores case (the first "
             "that matches wins over beginnings without `^~`). `@name` is for internal "
             "redirects.",
             .args = "[= | ~ | ~* | ^~] uri | @name",
             .example = "location /images/ {\n"
                        "    root data;\n"
                        "}"),
    WR_BLOCK("limit_except", WR_LOCATION, 1, 255, wr_set_limit_except,
             "Settings for all methods but those named; GET stands for HEAD as well.",
             .example = "limit_except GET {\n"
                        "    allow 10.0.0.0/8;\n"
                        "    deny  all;\n"
                        "}",
             .args = "method …"),
    WR_ACTION("listen", WR_SERVER, 1, 255, wr_set_listen,
              "An address, port or socket (unix:PATH) on which the server accepts requests. "
              "Options: default_server, ssl, proxy_protocol, reuseport, backlog=N, rcvbuf=, "
              "sndbuf=, ipv6only=on|off, so_keepalive=, bind, deferred.",
              .flags = WR_DF_REPEAT, .example = "listen 8080;\n"
                         "listen [::]:8080 default_server;",
              .args = "address[:port] | port | unix:path [default_server] [ssl] "
                      "[proxy_protocol] [option …]"),
    WR_ACTION("server_name", WR_SERVER, 1, 255, wr_set_server_name,
              "The names of a virtual server: exact, with * as the first or last label, or a "
              "regex after ~. \"\" is a request without Host.", .flags = WR_DF_REPEAT,
              .example = "server_name example.com *.example.com;",
              .args = "name …"),

    WR_CUSTOM("root", WR_ANY_IF, 1, 1, set_root, core_t, root,
              "The folder that requests are served from: the whole path of the URI is appended "
              "to it. May hold variables.", .def = "html",
              .flags = WR_DF_REPEAT,
              .example = "root html;",
              .args = "path"),
    WR_CUSTOM("alias", WR_LOCATION, 1, 1, set_root, core_t, is_alias,
              "What stands in place of the location's own part of the path: /i/top.gif in "
              "`location /i/` becomes data/pictures/top.gif.",
              .flags = WR_DF_REPEAT,
              .example = "alias data/pictures/;",
              .args = "path"),
    WR_CUSTOM("", 0, 0, 0, accept_word, core_t, alias_cut, ""),
    {.name = "types", .contexts = HSL, .type = WR_D_CUSTOM, .min = 0, .max = 0,
     .flags = WR_DF_BLOCK | WR_DF_REPEAT, .set = wr_set_types,
     .offset = offsetof(core_t, types), .size = sizeof(wr_map_t *),
     .doc = "Which MIME type belongs to which file name extensions. A block replaces the outer "
            "one as a whole.",
     .example = "types {\n"
                "    text/html  html htm;\n"
                "    image/png  png;\n"
                "}"},
    WR_TEXT("default_type", HSL, core_t, default_type, "text/plain",
            "The MIME type of answers whose file name has no extension in `types`.",
            .example = "default_type application/octet-stream;"),
    WR_INT("types_hash_max_size", HSL, core_t, types_hash_max_size, "1024",
           "Accepted, without effect: tables grow by themselves.",
           .example = "types_hash_max_size 2048;"),
    WR_INT("types_hash_bucket_size", HSL, core_t, types_hash_bucket_size, "64",
           "Accepted, without effect: tables grow by themselves.",
           .example = "types_hash_bucket_size 64;"),
    WR_INT("server_names_hash_max_size", WR_HTTP, core_t, server_names_hash_max_size, "512",
           "Accepted, without effect: tables grow by themselves.",
           .example = "server_names_hash_max_size 512;"),
    WR_INT("server_names_hash_bucket_size", WR_HTTP, core_t, server_names_hash_bucket_size, "64",
           "Accepted, without effect: tables grow by themselves.",
           .example = "server_names_hash_bucket_size 64;"),
    WR_INT("variables_hash_max_size", WR_HTTP, core_t, variables_hash_max_size, "1024",
           "Accepted, without effect: tables grow by themselves.",
           .example = "variables_hash_max_size 1024;"),
    WR_INT("variables_hash_bucket_size", WR_HTTP, core_t, variables_hash_bucket_size, "64",
           "Accepted, without effect: tables grow by themselves.",
           .example = "variables_hash_bucket_size 64;"),

    WR_FLAG("sendfile", WR_ANY_IF, core_t, sendfile, "off",
            "Files go from the page cache to the socket without being copied, where no filter "
            "needs to see them.",
            .example = "sendfile on;"),
    WR_SIZE("sendfile_max_chunk", HSL, core_t, sendfile_max_chunk, "2m",
            "How much of one file is sent before other connections of the worker have their "
            "turn; 0: no limit.",
            .example = "sendfile_max_chunk 1m;"),
    WR_CUSTOM("aio", HSL, 1, 1, set_aio, core_t, aio,
              "Accepted, without effect: files are sent by sendfile or from memory.",
              .extra = aio_words, .args = "on | off | threads[=pool]",
              .example = "aio threads;"),
    WR_FLAG("aio_write", HSL, core_t, aio_write, "off",
            "Accepted, without effect: see aio.",
            .example = "aio_write off;"),
    WR_CUSTOM("directio", HSL, 1, 1, set_size_or_off, core_t, directio,
              "Accepted, without effect: files go through the page cache.", .def = "off",
              .args = "size | off",
              .example = "directio off;"),
    WR_OFFSET("directio_alignment", HSL, core_t, directio_alignment, "512",
              "Accepted, without effect: see directio.",
              .example = "directio_alignment 4k;"),
    WR_BUFS("output_buffers", HSL, core_t, output_buffers, "2 32k",
            "Number and size: together, how much of a file that a filter works on is read "
            "at a time.",
            .example = "output_buffers 4 32k;"),
    WR_FLAG("tcp_nopush", HSL, core_t, tcp_nopush, "off",
            "With sendfile: the head of an answer and the beginning of its file share packets "
            "(TCP_CORK).",
            .example = "tcp_nopush on;"),
    WR_FLAG("tcp_nodelay", HSL, core_t, tcp_nodelay, "on",
            "Small packets are not held back on connections that are kept (TCP_NODELAY).",
            .example = "tcp_nodelay on;"),
    WR_FLAG("etag", HSL, core_t, etag, "on",
            "Files are answered with an ETag made of their time and size, so that clients can "
            "ask with If-None-Match.",
            .example = "etag off;"),
    WR_ENUM("if_modified_since", HSL, core_t, if_modified_since, ims_words, "exact",
            "How If-Modified-Since is compared with a file's time. `exact`: 304 only if they "
            "are the same; `before`: also if the file is older; `off`: never 304.",
            .example = "if_modified_since before;"),
    WR_INT("max_ranges", HSL, core_t, max_ranges, NULL,
           "How many byte ranges one request may ask for, else it gets the whole file; 0 turns "
           "ranges off. Without it there is no limit.",
           .example = "max_ranges 1;"),
    WR_CUSTOM("disable_symlinks", HSL, 1, 2, set_disable_symlinks, core_t,
              disable_symlinks,
              "Whether symbolic links in paths are refused with 403: all, or those whose "
              "target has another owner. from=: the beginning of the path that is trusted.",
              .args = "off | on | if_not_owner [from=part]",
              .example = "disable_symlinks if_not_owner from=$document_root;"),
    WR_CUSTOM("", 0, 0, 0, accept_word, core_t, disable_symlinks_from, ""),
    WR_SIZE("read_ahead", HSL, core_t, read_ahead, "0",
            "Not 0: the kernel is told that files are read from one end to the other.",
            .example = "read_ahead 64k;"),
    WR_FLAG("log_not_found", HSL, core_t, log_not_found, "on",
            "Files that are not there are logged at level error.",
            .example = "log_not_found off;"),
    WR_FLAG("log_subrequest", HSL, core_t, log_subrequest, "off",
            "Subrequests (of ssi, auth_request, mirror, addition) appear in the access log as "
            "lines of their own.",
            .example = "log_subrequest on;"),
    WR_CUSTOM("internal", WR_LOCATION, 0, 0, set_internal, core_t, internal,
              "Only requests from inside may come here: of error_page, rewrite, try_files, "
              "X-Accel-Redirect, subrequests. Others get 404.",
              .example = "internal;"),
    WR_ENUM("satisfy", HSL, core_t, satisfy, satisfy_words, "all",
            "Whether all access checks (allow and deny, auth_basic, auth_request) must agree, "
            "or one is enough.",
            .example = "satisfy any;"),

    WR_SIZE("client_header_buffer_size", HS, core_t, client_header_buffer_size, "1k",
            "The first buffer of a request's head; a head that is longer takes "
            "large_client_header_buffers.",
            .example = "client_header_buffer_size 2k;"),
    WR_BUFS("large_client_header_buffers", HS, core_t, large_client_header_buffers,
            "4 8k",
            "Number and size of further buffers of a head. A request line must fit in one, "
            "else 414; a field likewise, else 400.",
            .example = "large_client_header_buffers 4 16k;"),
    WR_MSEC("client_header_timeout", HS, core_t, client_header_timeout, "60s",
            "How long a client may take for a whole head; then the connection is closed with "
            "408.",
            .example = "client_header_timeout 15s;"),
    WR_MSEC("client_body_timeout", HSL, core_t, client_body_timeout, "60s",
            "How long a client may pause between two reads of a body; then 408.",
            .example = "client_body_timeout 30s;"),
    WR_SIZE("client_body_buffer_size", HSL, core_t, client_body_buffer_size, "16k",
            "How much of a body is kept in memory; the rest goes to a file of "
            "client_body_temp_path.",
            .example = "client_body_buffer_size 64k;"),
    WR_OFFSET("client_max_body_size", HSL, core_t, client_max_body_size, "1m",
              "The largest body a request may have; more is answered 413. 0: no limit.",
              .example = "client_max_body_size 20m;"),
    WR_CUSTOM("client_body_temp_path", HSL, 1, 4, check_temp_path, core_t,
              client_body_temp_path,
              "The folder of bodies that are too large for memory, with up to three levels of "
              "folders below it, of 1 or 2 letters each.",
              .def = WR_CLIENT_BODY_TEMP_PATH,
              .example = "client_body_temp_path data/uploads 1 2;",
              .args = "path [level1 [level2 [level3]]]"),
    WR_ENUM("client_body_in_file_only", HSL, core_t, client_body_in_file_only,
            in_file_words, "off",
            "Whether every body goes to a file: on keeps the files, clean removes each after "
            "its request.",
            .example = "client_body_in_file_only clean;"),
    WR_FLAG("client_body_in_single_buffer", HSL, core_t, client_body_in_single_buffer,
            "off",
            "Whether a body in memory is kept in one piece, as $request_body wants it.",
            .example = "client_body_in_single_buffer on;"),
    WR_FLAG("ignore_invalid_headers", HS, core_t, ignore_invalid_headers, "on",
            "Fields whose names have other letters than a-z, 0-9 and - are dropped.",
            .example = "ignore_invalid_headers off;"),
    WR_FLAG("underscores_in_headers", HS, core_t, underscores_in_headers, "off",
            "Fields may have underscores in their names; off, they count as invalid.",
            .example = "underscores_in_headers on;"),
    WR_FLAG("merge_slashes", HS, core_t, merge_slashes, "on",
            "Adjacent slashes of a path count as one when locations are searched.",
            .example = "merge_slashes off;"),
    WR_INT("max_headers", HS, core_t, max_headers, "1000",
           "How many fields a request's head may have; more is answered 400.",
           .example = "max_headers 100;"),
    WR_SIZE("connection_pool_size", HS, core_t, connection_pool_size, "512",
            "Accepted, without effect: pools take what they need.",
            .example = "connection_pool_size 256;"),
    WR_SIZE("request_pool_size", HS, core_t, request_pool_size, "4k",
            "Accepted, without effect: pools take what they need.",
            .example = "request_pool_size 4k;"),

    WR_CUSTOM("keepalive_timeout", HSL, 1, 2, set_keepalive_timeout, core_t,
              keepalive_timeout,
              "How long an idle connection stays open for the next request; 0: closed after "
              "each answer. The second time is told to clients in Keep-Alive.",
              .def = "75s", .args = "time [header-time]",
              .example = "keepalive_timeout 20s 15s;"),
    WR_CUSTOM("", 0, 0, 0, accept_word, core_t, keepalive_header, ""),
    WR_INT("keepalive_requests", HSL, core_t, keepalive_requests, "1000",
           "How many requests one connection may carry; after the last it is closed.",
           .example = "keepalive_requests 10000;"),
    WR_MSEC("keepalive_time", HSL, core_t, keepalive_time, "1h",
            "How old a connection may become; after the answer under way it is closed.",
            .example = "keepalive_time 2h;"),
    {.name = "keepalive_disable", .contexts = HSL, .type = WR_D_MASK, .min = 1, .max = 2,
     .extra = disable_words, WR_FIELD(core_t, keepalive_disable, unsigned), .def = "msie6",
     .doc = "Browsers that get no persistent connections: msie6 for its POSTs, safari, or none.",
     .example = "keepalive_disable safari;"},
    WR_MSEC("keepalive_min_timeout", HSL, core_t, keepalive_min_timeout, "0",
            "How long an idle connection is surely kept, for clients that reuse it just then, "
            "when a worker retires.",
            .example = "keepalive_min_timeout 5s;"),
    WR_MSEC("send_timeout", HSL, core_t, send_timeout, "60s",
            "How long a client may take nothing of an answer; then the connection is closed.",
            .example = "send_timeout 30s;"),
    WR_SIZE("send_lowat", HSL, core_t, send_lowat, "0",
            "Accepted, without effect, as in nginx on Linux.",
            .example = "send_lowat 0;"),
    WR_SIZE("postpone_output", HSL, core_t, postpone_output, "1460",
            "Less than so many bytes are held back until more comes, the answer ends or is "
            "flushed; 0: never.",
            .example = "postpone_output 0;"),
    WR_ENUM("lingering_close", HSL, core_t, lingering_close, lingering_words, "on",
            "Whether what a client still sends is read and dropped before the connection is "
            "closed, so that it can read the answer: `off`, `on` where it seems needed, or "
            "`always`.",
            .example = "lingering_close always;"),
    WR_MSEC("lingering_time", HSL, core_t, lingering_time, "30s",
            "How long at most it is read.",
            .example = "lingering_time 10s;"),
    WR_MSEC("lingering_timeout", HSL, core_t, lingering_timeout, "5s",
            "How long one waits for more of it.",
            .example = "lingering_timeout 2s;"),
    WR_FLAG("reset_timedout_connection", HSL, core_t, reset_timedout_connection, "off",
            "Connections that timed out, or are closed by status 444, are reset: the kernel "
            "forgets them at once.",
            .example = "reset_timedout_connection on;"),
    WR_CV("limit_rate", WR_ANY_IF, core_t, limit_rate, "0",
          "Bytes per second that an answer may take, for each request; 0: no limit. May hold "
          "variables.", .flags = WR_DF_SIZE,
          .example = "limit_rate 100k;",
          .args = "rate"),
    WR_CV("limit_rate_after", WR_ANY_IF, core_t, limit_rate_after, "0",
          "Bytes of an answer that pass before limit_rate holds.", .flags = WR_DF_SIZE,
          .example = "limit_rate_after 1m;",
          .args = "size"),

    WR_ENUM("server_tokens", HSL, core_t, server_tokens, tokens_words, "on",
            "Whether the version is shown in Server and on error pages; build shows the name "
            "of the build as well.",
            .example = "server_tokens off;"),
    WR_FLAG("absolute_redirect", HSL, core_t, absolute_redirect, "on",
            "Redirects that the server makes name scheme and host; off, they are paths.",
            .example = "absolute_redirect off;"),
    WR_FLAG("port_in_redirect", HSL, core_t, port_in_redirect, "on",
            "Redirects that the server makes name the port, where it is not the scheme's own.",
            .example = "port_in_redirect off;"),
    WR_FLAG("server_name_in_redirect", HSL, core_t, server_name_in_redirect, "off",
            "Redirects name the first server_name instead of the client's Host.",
            .example = "server_name_in_redirect on;"),
    WR_FLAG("msie_padding", HSL, core_t, msie_padding, "on",
            "Error pages for MSIE and Chrome are filled up to 512 bytes: below, these browsers "
            "show pages of their own.",
            .example = "msie_padding off;"),
    WR_FLAG("msie_refresh", HSL, core_t, msie_refresh, "off",
            "MSIE gets a page that refreshes instead of a redirect.",
            .example = "msie_refresh on;"),
    WR_FLAG("chunked_transfer_encoding", HSL, core_t, chunked_transfer_encoding, "on",
            "Answers of unknown length are chunked for HTTP/1.1 clients; off, the end of the "
            "connection ends them.",
            .example = "chunked_transfer_encoding off;"),
    WR_FLAG("recursive_error_pages", HSL, core_t, recursive_error_pages, "off",
            "An error of an error page may have an error page.",
            .example = "recursive_error_pages on;"),
    {.name = "error_page", .contexts = WR_ANY_IF, .type = WR_D_CUSTOM, .min = 2,
     .max = 255, .flags = WR_DF_REPEAT, .set = set_error_page,
     .offset = offsetof(core_t, error_pages), .size = sizeof(wr_array_t),
     .doc = "What answers in place of an error: a URI, a @location, or an address to redirect "
            "to. `=200` gives that status, `=` alone that of the answer.",
     .args = "code … [=[answer]] uri",
     .example = "error_page 500 502 503 504 /50x.html;"},
    WR_OFFSET("subrequest_output_buffer_size", HSL, core_t, subrequest_output_buffer_size,
              "4k", "Accepted, without effect: what is included is kept as it comes.",
              .example = "subrequest_output_buffer_size 16k;"),
    WR_CUSTOM("resolver", HSL, 1, 255, set_resolver, core_t, resolver,
              "Name servers for names that are known only at run time (proxy_pass with "
              "variables, fetch). valid= replaces the answers' own time to live; ipv4=off and "
              "ipv6=off leave one kind of address out.",
              .args = "address … [valid=time] [ipv4=on|off] [ipv6=on|off] "
                      "[status_zone=zone]",
              .example = "resolver 127.0.0.1 valid=30s;"),
    WR_MSEC("resolver_timeout", HSL, core_t, resolver_timeout, "30s",
            "How long a name may take to be resolved; then 502.",
            .example = "resolver_timeout 5s;"),
    WR_CUSTOM("error_log", HSL, 1, 255, set_error_log, core_t, error_log,
              "Where errors of this part are logged, and from which level on; replaces what "
              "outer levels say.",
              .flags = WR_DF_REPEAT,
              .example = "error_log logs/site.log warn;",
              .args = "file | stderr | syslog:… | memory:size [level]"),

    WR_CUSTOM("open_file_cache", HSL, 1, 2, set_open_file_cache, core_t, file_cache_max,
              "How many files each worker keeps open (or, small ones, in memory), and "
              "for how long unused. Without it some are kept all the same, as long as "
              "they do not change.",
              .args = "off | max=N [inactive=time]",
              .example = "open_file_cache max=10000 inactive=30s;"),
    WR_CUSTOM("", 0, 0, 0, accept_word, core_t, file_cache_inactive, ""),
    WR_CUSTOM("", 0, 0, 0, accept_word, core_t, file_cache, ""),
    WR_SEC("open_file_cache_valid", HSL, core_t, file_cache_valid, "60",
           "After how long what is remembered is checked. Changes of files that are open "
           "are seen at once where the file system tells of them.",
           .example = "open_file_cache_valid 60s;"),
    WR_INT("open_file_cache_min_uses", HSL, core_t, file_cache_min_uses, "1",
           "How often a file must be used within `inactive` to stay open.",
           .example = "open_file_cache_min_uses 2;"),
    WR_FLAG("open_file_cache_errors", HSL, core_t, file_cache_errors, "off",
            "Errors (a file that is not there) are remembered as well, for "
            "open_file_cache_valid.",
            .example = "open_file_cache_errors on;"),
    WR_FLAG("open_file_cache_events", HSL, core_t, file_cache_events, "off",
            "Accepted, without effect: the file system tells of changes anyway.",
            .example = "open_file_cache_events on;"),
    WR_END
};

static wr_rc_t
check(wr_conf_t *cf, wr_scope_t *scope, void *conf, const void *outer)
{
    core_t *core = conf;

    (void) scope;
    if (core->types == NULL) {
        static const char *const basic[][2] = {
            {"html", "text/html"}, {"gif", "image/gif"}, {"jpg", "image/jpeg"}};

        core->types = WR_NEW(cf->pool, wr_map_t);
        *core->types = wr_map(cf->pool, true);
        for (unsigned i = 0; i < WR_COUNT(basic); i++) {
            wr_str_t *type = WR_NEW(cf->pool, wr_str_t);

            *type = wr_str_z(basic[i][1]);
            (void) wr_map_set(core->types, wr_str_z(basic[i][0]), type);
        }
    }
    if (outer == NULL) {
        core->max_ranges = -1;
    }
    wr_cycle_folder(cf, core->client_body_temp_path);
    return WR_OK;
}

wr_module_t wr_http_core_module = {
    .magic = WR_MAGIC,
    .abi_major = WR_ABI_MAJOR,
    .abi_minor = WR_ABI_MINOR,
    .size = sizeof(wr_module_t),
    .facts = WR_ABI_FACTS,
    .name = "http_core_module",
    .version = WR_VERSION,
    .doc = "HTTP: servers, locations, requests and answers.",
    .schema = {.name = "http_core_module", .directives = directives,
               .size = sizeof(core_t), .check = check},
    .variables = wr_http_core_variables,
    .finish = wr_http_assemble,
};
