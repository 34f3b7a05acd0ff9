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
    core_t *core = conf;

    if (core->internal) {
        return wr_conf_fail(cf, NULL, "\"%s\" directive is duplicate", d->name);
    }
    core->internal = true;
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
    core_t  *core = conf;
    wr_str_t value;

    (void) d;
    for (unsigned i = 1; i < cf->nargs; i++) {
        wr_tok_t tok = cf->args[i];

        if (wr_str_eqz(tok.text, "off")) {
            core->disable_symlinks = 0;
        } else if (wr_str_eqz(tok.text, "on")) {
            core->disable_symlinks = 1;
        } else if (wr_str_eqz(tok.text, "if_not_owner")) {
            core->disable_symlinks = 2;
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
    if (core->disable_symlinks == 0 && core->disable_symlinks_from.given) {
        return wr_conf_fail(cf, NULL, "\"from=\" parameter of \"disable_symlinks\" cannot "
                                      "be used with \"off\"");
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

    (void) d;
    core->client_body_temp_path = wr_conf_path(cf, cf->args[1].text);
    for (unsigned i = 2; i < cf->nargs; i++) {
        int64_t n;

        if (!wr_parse_int(cf->args[i].text, &n) || n < 1 || n > 3) {
            return wr_conf_fail(cf, &cf->args[i], "invalid value \"%.*s\"",
                                WR_ARG(cf->args[i].text));
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
    WR_BLOCK("http", WR_MAIN, 0, 0, wr_set_http, "Everything that concerns HTTP."),
    WR_BLOCK("server", WR_HTTP, 0, 0, wr_set_server, "A virtual server."),
    WR_BLOCK("location", WR_SERVER | WR_LOCATION, 1, 2, wr_set_location,
             "Settings for requests whose URI matches.",
             .args = "[= | ~ | ~* | ^~] uri | @name"),
    WR_BLOCK("limit_except", WR_LOCATION, 1, 255, wr_set_limit_except,
             "Settings for all methods but those named."),
    WR_ACTION("listen", WR_SERVER, 1, 255, wr_set_listen,
              "An address, port or socket on which the server accepts requests.",
              .flags = WR_DF_REPEAT, .example = "listen 8080;"),
    WR_ACTION("server_name", WR_SERVER, 1, 255, wr_set_server_name,
              "The names of a virtual server.", .flags = WR_DF_REPEAT,
              .example = "server_name example.com *.example.com;"),

    WR_CUSTOM("root", WR_ANY_IF, 1, 1, set_root, core_t, root,
              "The folder that requests are served from.", .def = "html",
              .flags = WR_DF_REPEAT),
    WR_CUSTOM("alias", WR_LOCATION, 1, 1, set_root, core_t, is_alias,
              "What stands in place of the location's own part of the path.",
              .flags = WR_DF_REPEAT),
    WR_CUSTOM("", 0, 0, 0, accept_word, core_t, alias_cut, ""),
    {.name = "types", .contexts = HSL, .type = WR_D_CUSTOM, .min = 0, .max = 0,
     .flags = WR_DF_BLOCK | WR_DF_REPEAT, .set = wr_set_types,
     .offset = offsetof(core_t, types), .size = sizeof(wr_map_t *),
     .doc = "Which MIME type belongs to which file name extensions."},
    WR_TEXT("default_type", HSL, core_t, default_type, "text/plain",
            "The MIME type of what has no other."),
    WR_INT("types_hash_max_size", HSL, core_t, types_hash_max_size, "1024",
           "Accepted, without effect: tables grow by themselves."),
    WR_INT("types_hash_bucket_size", HSL, core_t, types_hash_bucket_size, "64",
           "Accepted, without effect: tables grow by themselves."),
    WR_ACTION("server_names_hash_max_size", WR_HTTP, 1, 1, accept_word,
              "Accepted, without effect: tables grow by themselves."),
    WR_ACTION("server_names_hash_bucket_size", WR_HTTP, 1, 1, accept_word,
              "Accepted, without effect: tables grow by themselves."),
    WR_ACTION("variables_hash_max_size", WR_HTTP, 1, 1, accept_word,
              "Accepted, without effect: tables grow by themselves."),
    WR_ACTION("variables_hash_bucket_size", WR_HTTP, 1, 1, accept_word,
              "Accepted, without effect: tables grow by themselves."),

    WR_FLAG("sendfile", WR_ANY_IF, core_t, sendfile, "off",
            "Files go from the page cache to the socket without being copied."),
    WR_SIZE("sendfile_max_chunk", HSL, core_t, sendfile_max_chunk, "2m",
            "How much of one file is sent before others have their turn."),
    WR_CUSTOM("aio", HSL, 1, 1, set_aio, core_t, aio,
              "Accepted, without effect: files are sent by sendfile or from memory.",
              .extra = aio_words, .args = "on | off | threads[=pool]"),
    WR_ACTION("aio_write", HSL, 1, 1, accept_word,
              "Accepted, without effect: see aio."),
    WR_CUSTOM("directio", HSL, 1, 1, set_size_or_off, core_t, directio,
              "Accepted, without effect: files go through the page cache.", .def = "off",
              .args = "size | off"),
    WR_OFFSET("directio_alignment", HSL, core_t, directio_alignment, "512",
              "Accepted, without effect: see directio."),
    WR_BUFS("output_buffers", HSL, core_t, output_buffers, "2 32k",
            "Number and size: together, how much of a file that a filter works on is read "
            "at a time."),
    WR_FLAG("tcp_nopush", HSL, core_t, tcp_nopush, "off",
            "Heads and the beginning of files share packets."),
    WR_FLAG("tcp_nodelay", HSL, core_t, tcp_nodelay, "on",
            "Small packets are not held back."),
    WR_FLAG("etag", HSL, core_t, etag, "on", "Files are answered with an ETag."),
    WR_ENUM("if_modified_since", HSL, core_t, if_modified_since, ims_words, "exact",
            "How If-Modified-Since is compared with a file's time."),
    WR_INT("max_ranges", HSL, core_t, max_ranges, NULL,
           "How many byte ranges one request may ask for; 0: none."),
    WR_CUSTOM("disable_symlinks", HSL, 1, 2, set_disable_symlinks, core_t,
              disable_symlinks, "Whether symbolic links in paths are refused.",
              .args = "off | on | if_not_owner [from=part]"),
    WR_CUSTOM("", 0, 0, 0, accept_word, core_t, disable_symlinks_from, ""),
    WR_SIZE("read_ahead", HSL, core_t, read_ahead, "0",
            "Not 0: the kernel is told that files are read from one end to the other."),
    WR_FLAG("log_not_found", HSL, core_t, log_not_found, "on",
            "Files that are not there are logged."),
    WR_FLAG("log_subrequest", HSL, core_t, log_subrequest, "off",
            "Subrequests appear in the access log."),
    {.name = "internal", .contexts = WR_LOCATION, .type = WR_D_CUSTOM,
     .set = set_internal, .offset = offsetof(core_t, internal), .size = 0,
     .doc = "Only requests from inside may come here; others get 404."},
    WR_ENUM("satisfy", HSL, core_t, satisfy, satisfy_words, "all",
            "Whether all access checks must agree, or one is enough."),

    WR_SIZE("client_header_buffer_size", HS, core_t, client_header_buffer_size, "1k",
            "The first buffer of a request's head."),
    WR_BUFS("large_client_header_buffers", HS, core_t, large_client_header_buffers,
            "4 8k", "Number and size of further buffers of a head."),
    WR_MSEC("client_header_timeout", HS, core_t, client_header_timeout, "60s",
            "How long a client may take for a head."),
    WR_MSEC("client_body_timeout", HSL, core_t, client_body_timeout, "60s",
            "How long a client may pause within a body."),
    WR_SIZE("client_body_buffer_size", HSL, core_t, client_body_buffer_size, "16k",
            "How much of a body is kept in memory; the rest goes to a file."),
    WR_OFFSET("client_max_body_size", HSL, core_t, client_max_body_size, "1m",
              "The largest body a request may have; 0: no limit."),
    WR_CUSTOM("client_body_temp_path", HSL, 1, 4, check_temp_path, core_t,
              client_body_temp_path, "The folder of large bodies.",
              .def = WR_CLIENT_BODY_TEMP_PATH),
    WR_ENUM("client_body_in_file_only", HSL, core_t, client_body_in_file_only,
            in_file_words, "off", "Whether every body goes to a file."),
    WR_FLAG("client_body_in_single_buffer", HSL, core_t, client_body_in_single_buffer,
            "off", "Whether a body in memory is kept in one piece."),
    WR_FLAG("ignore_invalid_headers", HS, core_t, ignore_invalid_headers, "on",
            "Fields with unusual names are dropped."),
    WR_FLAG("underscores_in_headers", HS, core_t, underscores_in_headers, "off",
            "Fields may have underscores in their names."),
    WR_FLAG("merge_slashes", HS, core_t, merge_slashes, "on",
            "Adjacent slashes of a path count as one."),
    WR_INT("max_headers", HS, core_t, max_headers, "1000",
           "How many fields a request's head may have."),
    WR_ACTION("connection_pool_size", HS, 1, 1, accept_word,
              "Accepted, without effect: pools take what they need."),
    WR_ACTION("request_pool_size", HS, 1, 1, accept_word,
              "Accepted, without effect: pools take what they need."),

    WR_CUSTOM("keepalive_timeout", HSL, 1, 2, set_keepalive_timeout, core_t,
              keepalive_timeout, "How long an idle connection stays open.",
              .def = "75s", .args = "time [header-time]"),
    WR_CUSTOM("", 0, 0, 0, accept_word, core_t, keepalive_header, ""),
    WR_INT("keepalive_requests", HSL, core_t, keepalive_requests, "1000",
           "How many requests one connection may carry."),
    WR_MSEC("keepalive_time", HSL, core_t, keepalive_time, "1h",
            "How old a connection may become."),
    WR_MASK("keepalive_disable", HSL, core_t, keepalive_disable, disable_words, "msie6",
            "Browsers that get no persistent connections."),
    WR_MSEC("keepalive_min_timeout", HSL, core_t, keepalive_min_timeout, "0",
            "How long a connection is surely kept when a worker retires."),
    WR_MSEC("send_timeout", HSL, core_t, send_timeout, "60s",
            "How long a client may take nothing of an answer."),
    WR_SIZE("send_lowat", HSL, core_t, send_lowat, "0",
            "Accepted, without effect, as in nginx on Linux."),
    WR_SIZE("postpone_output", HSL, core_t, postpone_output, "1460",
            "Less than this is held back until more comes or it is flushed."),
    WR_ENUM("lingering_close", HSL, core_t, lingering_close, lingering_words, "on",
            "Whether what a client still sends is read before closing."),
    WR_MSEC("lingering_time", HSL, core_t, lingering_time, "30s",
            "How long at most it is read."),
    WR_MSEC("lingering_timeout", HSL, core_t, lingering_timeout, "5s",
            "How long one waits for more of it."),
    WR_FLAG("reset_timedout_connection", HSL, core_t, reset_timedout_connection, "off",
            "Timed out connections are reset instead of closed."),
    WR_CV("limit_rate", WR_ANY_IF, core_t, limit_rate, "0",
          "Bytes per second that an answer may take.", .flags = WR_DF_SIZE),
    WR_CV("limit_rate_after", WR_ANY_IF, core_t, limit_rate_after, "0",
          "Bytes of an answer that are not limited.", .flags = WR_DF_SIZE),

    WR_ENUM("server_tokens", HSL, core_t, server_tokens, tokens_words, "on",
            "Whether the version is shown."),
    WR_FLAG("absolute_redirect", HSL, core_t, absolute_redirect, "on",
            "Redirects name scheme and host."),
    WR_FLAG("port_in_redirect", HSL, core_t, port_in_redirect, "on",
            "Redirects name the port."),
    WR_FLAG("server_name_in_redirect", HSL, core_t, server_name_in_redirect, "off",
            "Redirects name the first server_name instead of the client's Host."),
    WR_FLAG("msie_padding", HSL, core_t, msie_padding, "on",
            "Error pages for MSIE and Chrome are padded."),
    WR_FLAG("msie_refresh", HSL, core_t, msie_refresh, "off",
            "MSIE gets a page that refreshes instead of a redirect."),
    WR_FLAG("chunked_transfer_encoding", HSL, core_t, chunked_transfer_encoding, "on",
            "Answers of unknown length are chunked."),
    WR_FLAG("recursive_error_pages", HSL, core_t, recursive_error_pages, "off",
            "An error page may have an error page."),
    {.name = "error_page", .contexts = WR_ANY_IF, .type = WR_D_CUSTOM, .min = 2,
     .max = 255, .flags = WR_DF_REPEAT, .set = set_error_page,
     .offset = offsetof(core_t, error_pages), .size = sizeof(wr_array_t),
     .doc = "What answers in place of an error.", .args = "code … [=[answer]] uri",
     .example = "error_page 500 502 503 504 /50x.html;"},
    WR_OFFSET("subrequest_output_buffer_size", HSL, core_t, subrequest_output_buffer_size,
              "4k", "Accepted, without effect: what is included is kept as it comes."),
    WR_CUSTOM("resolver", HSL, 1, 255, set_resolver, core_t, resolver,
              "Name servers for names that are known only at run time.",
              .args = "address … [valid=time] [ipv4=on|off] [ipv6=on|off] "
                      "[status_zone=zone]",
              .example = "resolver 127.0.0.1 [::1]:5353 valid=30s;"),
    WR_MSEC("resolver_timeout", HSL, core_t, resolver_timeout, "30s",
            "How long a name may take to be resolved."),
    WR_CUSTOM("error_log", HSL, 1, 255, set_error_log, core_t, error_log,
              "Where errors of this part are logged, and from which level on.",
              .flags = WR_DF_REPEAT),

    WR_CUSTOM("open_file_cache", HSL, 1, 2, set_open_file_cache, core_t, file_cache_max,
              "How many files each worker keeps open (or, small ones, in memory), and "
              "for how long unused. Without it some are kept all the same, as long as "
              "they do not change.",
              .args = "off | max=N [inactive=time]"),
    WR_CUSTOM("", 0, 0, 0, accept_word, core_t, file_cache_inactive, ""),
    WR_CUSTOM("", 0, 0, 0, accept_word, core_t, file_cache, ""),
    WR_SEC("open_file_cache_valid", HSL, core_t, file_cache_valid, "60",
           "After how long what is remembered is checked. Changes of files that are open "
           "are seen at once where the file system tells of them."),
    WR_INT("open_file_cache_min_uses", HSL, core_t, file_cache_min_uses, "1",
           "How often a file must be used within `inactive` to stay open."),
    WR_FLAG("open_file_cache_errors", HSL, core_t, file_cache_errors, "off",
            "Errors (a file that is not there) are remembered as well, for "
            "open_file_cache_valid."),
    WR_FLAG("open_file_cache_events", HSL, core_t, file_cache_events, "off",
            "Accepted, without effect: the file system tells of changes anyway."),
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
