/*
 * The gzip module's own.
 */
#ifndef WEIR_GZIP_GZIP_H
#define WEIR_GZIP_GZIP_H

#include <weir/http/filter.h>
#include <weir/vars/regex.h>

enum {
    PROXIED_OFF = 1, PROXIED_EXPIRED = 2, PROXIED_NO_CACHE = 4, PROXIED_NO_STORE = 8,
    PROXIED_PRIVATE = 16, PROXIED_NO_LM = 32, PROXIED_NO_ETAG = 64, PROXIED_AUTH = 128,
    PROXIED_ANY = 256,
};

typedef struct disable {
    wr_array_t agents;          /* wr_regex_t * */
    bool       msie6;
} disable_t;

typedef struct conf {
    bool       on;
    wr_array_t types;           /* wr_str_t */
    int64_t    level;
    size_t     window, hash;
    int64_t    min_length;
    int        http_version;
    unsigned   proxied;
    bool       vary;
    disable_t  disable;
    wr_bufs_t  buffers;
    bool       no_buffer;
    size_t     postpone;
} conf_t;

bool gzip_ok(wr_req_t *r);

#endif
