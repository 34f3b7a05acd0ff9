/*
 * HTTP/2: the module: its directives, its variable, its place in the server.
 */
#include "h2.h"

static wr_rc_t
obsolete(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    (void) conf;
    wr_conf_warn(cf, NULL, "the \"%s\" directive is obsolete", d->name);
    return WR_OK;
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

    (void) outer;
    if (conf->preread_size > INT32_MAX) {
        return wr_conf_fail(cf, &scope->at, "the \"http2_body_preread_size\" is too large");
    }
    conf->chunk_size = wr_max_size(1024, wr_min_size(conf->chunk_size, 16384));
    return WR_OK;
}

#define OLD(name, value)                                                      \
    WR_ACTION(name, WR_HTTP | WR_SERVER, 1, 2, obsolete, "Obsolete; has no effect.", \
              .example = name " " value ";")

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
               .extra = &(wr_bounds_t) {1, 65536},
               .example = "http2_max_concurrent_streams 256;"),
        WR_SIZE("http2_chunk_size", WR_ANY, h2_conf_t, chunk_size, "8k",
                "The size of frames of bodies.",
                .example = "http2_chunk_size 16k;"),
        WR_SIZE("http2_body_preread_size", WR_HTTP | WR_SERVER, h2_conf_t, preread_size,
                "64k", "How much of a body may come before it is asked for.",
                .example = "http2_body_preread_size 128k;"),
        WR_SIZE("http2_recv_buffer_size", WR_HTTP, h2_conf_t, recv_buffer_size, "256k",
                "Accepted for nginx's sake; has no effect.",
                .example = "http2_recv_buffer_size 256k;"),
        OLD("http2_pool_size", "4k"),
        OLD("http2_recv_timeout", "30s"),
        OLD("http2_idle_timeout", "3m"),
        OLD("http2_max_requests", "1000"),
        OLD("http2_max_field_size", "4k"),
        OLD("http2_max_header_size", "16k"),
        OLD("http2_push", "/style.css"),
        OLD("http2_push_preload", "on"),
        OLD("http2_max_concurrent_pushes", "10"),
        WR_END
    },
    .schema.size = sizeof(h2_conf_t),
    .schema.check = check,
    .variables = (const wr_var_row_t[]) {
        {"http2", get_http2, NULL, 0, 0, "h2 over TLS, h2c without, else empty"},
        {.name = NULL}
    });
