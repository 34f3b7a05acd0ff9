/*
 * --from-nginx: reads an nginx.conf as weir would, tells what does not carry over,
 * and goes on. Nothing is opened, bound or changed.
 */
#include <weir/main/cmdline.h>

#include <stdio.h>
#include <stdlib.h>

/* Why weir has no directive that begins so, and what to do instead. */
static const struct {
    const char *prefix;
    const char *advice;
} advices[] = {
    {"fastcgi_", "weir speaks no FastCGI: let the application listen on HTTP, and use proxy_pass"},
    {"uwsgi_", "weir speaks no uwsgi: let the application listen on HTTP, and use proxy_pass"},
    {"scgi_", "weir speaks no SCGI: let the application listen on HTTP, and use proxy_pass"},
    {"grpc_", "weir has no gRPC proxy yet"},
    {"memcached_", "weir has no memcached client; sessions go to Redis, pages to SQLite"},
    {"stream", "weir proxies HTTP only: keep nginx for TCP and UDP"},
    {"mail", "weir proxies HTTP only: keep nginx for mail"},
    {"js_", "njs is not there: routes and steps (http_route_module) do this in the conf"},
    {"lua_", "Lua is not there: routes and steps (http_route_module) do this in the conf"},
    {"content_by_lua", "Lua is not there: a route answers with text, json or a template"},
    {"access_by_lua", "Lua is not there: \"require EXPRESSION else STATUS\" in a route"},
    {"rewrite_by_lua", "Lua is not there: steps of a route do this"},
    {"perl", "Perl is not there: routes and steps (http_route_module) do this in the conf"},
    {"xslt_", "weir transforms no XML"},
    {"xml_entities", "weir transforms no XML"},
    {"image_filter", "weir changes no images"},
    {"geoip", "there is no GeoIP database: geo and map take ranges of addresses"},
    {"brotli", "weir compresses with gzip only"},
    {"zstd", "weir compresses with gzip only"},
    {"http3", "there is no HTTP/3: OpenSSL 3.0 has no QUIC for servers; HTTP/2 is there"},
    {"quic_", "there is no HTTP/3: OpenSSL 3.0 has no QUIC for servers; HTTP/2 is there"},
    {"proxy_cache", "weir does not cache answers of upstreams yet"},
    {"more_", "add_header sets fields; those of an upstream are hidden by proxy_hide_header"},
    {"passenger", "start the application by its own means, and use proxy_pass"},
    {"modsecurity", "there is no ModSecurity"},
    {"google_perftools", "there is no profiler inside: use perf"},
};

static unsigned complaints;

static const char *
advice_for(wr_str_t name)
{
    for (size_t i = 0; i < WR_COUNT(advices); i++) {
        if (wr_str_starts(name, wr_str_z(advices[i].prefix))) {
            return advices[i].advice;
        }
    }
    return NULL;
}

/* `load_module modules/ngx_http_x_module.so`, where weir has http_x_module. */
static bool
is_built_in(wr_conf_t *cf, wr_str_t file)
{
    unsigned            n;
    wr_module_t *const *modules = wr_modules_of(cf, &n);
    ssize_t             slash = wr_str_rchr(file, '/');
    wr_str_t            name = wr_str_skip(file, (size_t) (slash + 1));

    if (wr_str_starts(name, WR_STR("ngx_"))) {
        name = wr_str_skip(name, 4);
    }
    if (wr_str_ends(name, WR_STR(".so"))) {
        name.n -= 3;
    }
    for (unsigned i = 0; i < n; i++) {
        if (wr_str_eqz(name, modules[i]->name)) {
            return true;
        }
    }
    return false;
}

static void
told(wr_conf_t *cf, const wr_tok_t *at, wr_str_t message)
{
    wr_str_t    name = cf->nargs != 0 ? cf->args[0].text : WR_STR_NONE;
    const char *advice = wr_str_starts(message, WR_STR("unknown directive"))
                             ? advice_for(name)
                             : NULL;
    ssize_t     hint = wr_str_find(message, WR_STR(" ("));

    if (advice != NULL && hint > 0) {
        message.n = (size_t) hint;      /* what was meant is known */
    }

    if (wr_str_eqz(name, "load_module") && cf->nargs == 2) {
        if (is_built_in(cf, cf->args[1].text)) {
            printf("%.*s:%u: %.*s: built into weir: leave the line out\n",
                   WR_ARG(at->file), at->line, WR_ARG(cf->args[1].text));
        } else {
            printf("%.*s:%u: %.*s: weir has no such module\n", WR_ARG(at->file), at->line,
                   WR_ARG(cf->args[1].text));
        }
    } else if (at != NULL && at->file.n != 0) {
        printf("%.*s:%u:%u: %.*s\n", WR_ARG(at->file), at->line, at->column,
               WR_ARG(message));
    } else {
        printf("%.*s\n", WR_ARG(message));
    }
    if (advice != NULL) {
        printf("    %s\n", advice);
    }
    complaints++;
}

static void
summary(unsigned statements)
{
    printf("%u directive%s read, %u line%s to look at.\n", statements,
           statements == 1 ? "" : "s", complaints, complaints == 1 ? "" : "s");
    if (complaints == 0) {
        printf("The conf carries over as it is: weir -t -c FILE tests it, weir -c FILE "
               "serves it.\n");
    } else {
        printf("Everything else carries over as it is. Take the lines above out or change "
               "them, then: weir -t -c FILE\n");
    }
}

int
wr_from_nginx(const char *file)
{
    char       *full = realpath(file, NULL);
    wr_cycle_t *cycle;
    ssize_t     slash;

    if (full == NULL) {
        fprintf(stderr, "weir: %s cannot be read: %m\n", file);
        return 1;
    }
    wr_options.conf_path = wr_str_z(full);
    slash = wr_str_rchr(wr_options.conf_path, '/');
    if (wr_options.prefix.n == 0) {
        wr_options.prefix = wr_str(full, (size_t) slash + 1);
    }
    wr_options.error_log = WR_STR("stderr");
    wr_options.reading = true;
    wr_options_settle();
    wr_conf_hooks.survey = told;
    cycle = wr_cycle_new(NULL);
    if (cycle != NULL || complaints != 0) {
        summary(wr_conf_hooks.surveyed);
    }
    wr_cycle_free(cycle);
    free(full);
    return complaints != 0 || cycle == NULL;
}
