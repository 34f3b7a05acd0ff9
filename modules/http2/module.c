/*
 * HTTP/2: the module: its directives, its variable, its place in the server.
 */
#include "h2.h"

/* `extra`: what has taken its place; NULL: nothing. */
static wr_rc_t
obsolete(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    (void) conf;
    if (d->extra != NULL) {
        wr_conf_warn(cf, NULL, "the \"%s\" directive is obsolete, use the \"%s\" directive "
                     "instead", d->name, (const char *) d->extra);
    } else {
        wr_conf_warn(cf, NULL, "the \"%s\" directive is obsolete, ignored", d->name);
    }
    return WR_OK;
}

static wr_rc_t
check_chunk_size(wr_conf_t *cf, const wr_directive_t *d, void *c)
{
    (void) d;
    return ((h2_conf_t *) c)->chunk_size != 0
               ? WR_OK : wr_conf_fail(cf, &cf->args[1], "the http2 chunk size cannot be zero");
}

static wr_rc_t
check_preread_size(wr_conf_t *cf, const wr_directive_t *d, void *c)
{
    (void) d;
    return ((h2_conf_t *) c)->preread_size <= H2_WINDOW_MAX
               ? WR_OK : wr_conf_fail(cf, &cf->args[1], "the maximum body preread buffer size "
                                      "is %d", H2_WINDOW_MAX);
}

static wr_rc_t
get_http2(wr_req_t *r, const wr_var_t *v, wr_str_t *value)
{
    const wr_req_t *m = r->main;

    (void) v;
    *value = m->version != WR_HTTP_20 ? WR_STR("")
             : m->conn != NULL && m->conn->tls != NULL ? WR_STR("h2") : WR_STR("h2c");
    return WR_OK;
}

__attribute__((constructor)) static void
init(void)
{
    wr_http2 = &h2_hook;
}

static wr_rc_t
check(wr_conf_t *cf, wr_scope_t *scope, void *c, const void *outer)
{
    h2_conf_t *conf = c;

    (void) cf;
    (void) scope;
    (void) outer;
    conf->chunk_size = wr_max_size(1024, wr_min_size(conf->chunk_size, 16384));
    return WR_OK;
}

#define OLD(name, value, now)                                                 \
    WR_ACTION(name, WR_HTTP | WR_SERVER, 1, 2, obsolete, "Obsolete; has no effect.", \
              .extra = now, .example = name " " value ";")

WR_MODULE(v2,
    .doc = "HTTP/2",
    .schema.directives = (const wr_directive_t[]) {
        WR_FLAG("http2", WR_HTTP | WR_SERVER, h2_conf_t, on, "off",
                "HTTP/2 is spoken, beside HTTP/1, with TLS and without.",
                .example = "http2 on;"),
        WR_INT("http2_max_concurrent_streams", WR_HTTP | WR_SERVER, h2_conf_t, max_streams,
               "128",
               "How many requests a connection may have under way; further ones are refused "
               "until one ends.",
               .extra = &(wr_bounds_t) {0, UINT32_MAX},
               .example = "http2_max_concurrent_streams 256;"),
        WR_SIZE("http2_chunk_size", WR_ANY, h2_conf_t, chunk_size, "8k",
                "The size of frames of bodies.", .set = check_chunk_size,
                .example = "http2_chunk_size 16k;"),
        WR_SIZE("http2_body_preread_size", WR_HTTP | WR_SERVER, h2_conf_t, preread_size,
                "64k", "How much of a body may come before it is asked for.",
                .set = check_preread_size,
                .example = "http2_body_preread_size 128k;"),
        WR_SIZE("http2_recv_buffer_size", WR_HTTP, h2_conf_t, recv_buffer_size, "256k",
                "Accepted for nginx's sake; has no effect.",
                .example = "http2_recv_buffer_size 256k;"),
        OLD("http2_pool_size", "4k", NULL),
        OLD("http2_recv_timeout", "30s", "client_header_timeout"),
        OLD("http2_idle_timeout", "3m", "keepalive_timeout"),
        OLD("http2_max_requests", "1000", "keepalive_requests"),
        OLD("http2_max_field_size", "4k", "large_client_header_buffers"),
        OLD("http2_max_header_size", "16k", "large_client_header_buffers"),
        OLD("http2_push", "/style.css", NULL),
        OLD("http2_push_preload", "on", NULL),
        OLD("http2_max_concurrent_pushes", "10", NULL),
        WR_END
    },
    .schema.size = sizeof(h2_conf_t),
    .schema.check = check,
    .variables = (const wr_var_row_t[]) {
        {"http2", get_http2, NULL, 0, 0, "h2 over TLS, h2c without, else empty"},
        {.name = NULL}
    });
