/*
 * What a client sends over HTTP/1.x: request lines, fields, bodies of known length
 * and chunked, pipelined requests. The first byte says in which pieces they come.
 */
#include "serve.h"

static const char conf[] =
    "client_header_buffer_size 128; large_client_header_buffers 3 512;\n"
    "client_body_buffer_size 32; client_max_body_size 2k; max_ranges 3;\n"
    "set $all \"$request|$uri|$args|$arg_a|$host|$http_x_a|$cookie_c|$content_length\";\n"
    "location / { return 200 \"$all|$remote_user|$content_type|$http_user_agent\\n\"; }\n"
    "location /up { proxy_pass http://unix:%1$s/upstream; proxy_set_header X-All $all; }\n"
    "location /stream {\n"
    "    proxy_pass http://unix:%1$s/upstream; proxy_request_buffering off;\n"
    "}\n"
    "location ~ ^/re/(\\w+) { rewrite ^ /up/$1?x=$http_x_a; }\n"
    "location /errors { error_page 403 =200 /e; return 403; }\n";

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t pieces[] = {0, 1, 2, 3, 7, 16, 64, 300};

    serve_start(conf);
    serve_upstream = WR_STR("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    if (size != 0) {
        serve_client(wr_str((const char *) data + 1, size - 1), pieces[data[0] % 8]);
    }
    return 0;
}
