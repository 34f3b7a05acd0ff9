/*
 * What a client sends over HTTP/2 behind the preface: frames, of which the lengths in
 * the input are taken as they are. The first byte says in which pieces they come, the
 * second what comes first: nothing, SETTINGS, or requests that are under way.
 */
#include "serve.h"

#include <weir_config.h>

#if WR_HAVE_NGHTTP2

static const char conf[] =
    "http2 on; http2_max_concurrent_streams 8; http2_body_preread_size 300;\n"
    "client_header_buffer_size 128; large_client_header_buffers 3 512;\n"
    "client_body_buffer_size 32; client_max_body_size 2k;\n"
    "set $all \"$request|$uri|$args|$host|$http_x_a|$cookie_c|$content_length\";\n"
    "location / { return 200 \"$all|$content_type|$http_user_agent\\n\"; }\n"
    "location /up { proxy_pass http://unix:%1$s/upstream; proxy_set_header X-All $all; }\n"
    "location /stream {\n"
    "    proxy_pass http://unix:%1$s/upstream; proxy_request_buffering off;\n"
    "}\n"
    "location /many { http2_chunk_size 1k; add_header X-Long \"$all$all$all\";\n"
    "    add_trailer X-End $status; return 200 \"$all$all$all$all$all$all$all$all\"; }\n"
    "location /errors { error_page 403 =200 /e; return 403; }\n";

#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define SETTINGS "\0\0\0\4\0\0\0\0\0"
/* A POST to /stream and a GET of /many, both on their way. */
#define STREAMS                                                               \
    "\0\0\x14\1\4\0\0\0\1" "\x83\x86\x44\x07/stream" "\x41\x01" "a\x0f\x0d\x03" "100" \
    "\0\0\x0c\1\5\0\0\0\3" "\x82\x86\x44\x05/many" "\x41\x01" "a"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t   pieces[] = {0, 1, 2, 3, 7, 16, 64, 300};
    static const wr_str_t before[] = {WR_STR_INIT(PREFACE), WR_STR_INIT(PREFACE SETTINGS),
                                      WR_STR_INIT(PREFACE SETTINGS STREAMS), WR_STR_INIT("")};
    wr_str_t first;
    char    *all;

    serve_start(conf);
    serve_upstream = WR_STR("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    if (size < 2) {
        return 0;
    }
    first = before[data[1] % 4];
    all = malloc(first.n + size - 1);
    serve_check(all != NULL, "malloc");
    memcpy(all, first.p, first.n);
    memcpy(all + first.n, data + 2, size - 2);
    serve_client(wr_str(all, first.n + size - 2), pieces[data[0] % 8]);
    free(all);
    return 0;
}

#else

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    (void) data;
    (void) size;
    return 0;
}

#endif
