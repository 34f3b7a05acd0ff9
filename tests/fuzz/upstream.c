/*
 * What an upstream answers: the head, the body however it is framed, trailers. The
 * first byte says who asks: the protocol and method of the client, and whether the
 * answer is buffered.
 */
#include "serve.h"

static const char conf[] =
    "proxy_buffer_size 256; proxy_buffers 4 256; proxy_busy_buffers_size 512;\n"
    "gzip on; gzip_min_length 1; gzip_proxied any; gzip_types *;\n"
    "location /buffered { proxy_pass http://unix:%1$s/upstream;\n"
    "    proxy_cookie_path / /x; proxy_cookie_domain a b; proxy_redirect http://a/ /b/;\n"
    "    add_header X-All \"$upstream_http_x|$upstream_cookie_c|$upstream_status\"; }\n"
    "location /streamed { proxy_pass http://unix:%1$s/upstream; proxy_buffering off; }\n"
    "location /old { proxy_pass http://unix:%1$s/upstream; proxy_http_version 1.0; }\n"
    "location /intercepted { proxy_pass http://unix:%1$s/upstream;\n"
    "    proxy_intercept_errors on; error_page 404 500 = /accel; }\n"
    "location /accel { return 200 accel; }\n";

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const asks[] = {
        "GET /buffered HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /streamed HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /old HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n",
        "HEAD /buffered HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /intercepted HTTP/1.0\r\n\r\n",
        "GET /buffered HTTP/1.0\r\nRange: bytes=1-2\r\n\r\n",
        "GET /streamed HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
        "POST /buffered HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
    };

    serve_start(conf);
    if (size != 0) {
        serve_upstream = wr_str((const char *) data + 1, size - 1);
        serve_client(wr_str_z(asks[data[0] % 8]), 0);
    }
    return 0;
}
