/*
 * Answers compressed on their way out.
 *
 * A deflate state costs more to make than a small page to compress, so a few of
 * them are kept and reset.
 */
#include <stdlib.h>
#include <zlib.h>
#include "gzip.h"

enum { KEPT = 8, PIECE = 32 * 1024 };

typedef struct deflater {
    struct deflater *next;
    z_stream         z;
    int              level, window, memory;
} deflater_t;

typedef struct state {
    deflater_t *d;
    wr_made_t   out;
    bool        done;
    uint64_t    in_size, out_size;
} state_t;

static deflater_t *kept;
static unsigned    n_kept;

/* ---- states ---- */

static deflater_t *
take(int level, int window, int memory)
{
    deflater_t *d;

    for (deflater_t **at = &kept; *at != NULL; at = &(*at)->next) {
        d = *at;
        if (d->level == level && d->window == window && d->memory == memory) {
            *at = d->next;
            n_kept--;
            return d;
        }
    }
    d = calloc(1, sizeof(*d));
    if (d == NULL
        || deflateInit2(&d->z, level, Z_DEFLATED, window + 16, memory,
                        Z_DEFAULT_STRATEGY) != Z_OK)
    {
        free(d);
        return NULL;
    }
    d->level = level;
    d->window = window;
    d->memory = memory;
    return d;
}

static void
destroy(deflater_t *d)
{
    (void) deflateEnd(&d->z);
    free(d);
}

static void
give_back(void *data)
{
    state_t *s = data;

    if (s->d == NULL) {
        return;
    }
    if (n_kept < KEPT && deflateReset(&s->d->z) == Z_OK) {
        s->d->next = kept;
        kept = s->d;
        n_kept++;
    } else {
        destroy(s->d);
    }
    s->d = NULL;
}

/* 1024 → 10 */
static int
bits(size_t size)
{
    int n = 0;

    while (size > 1) {
        size >>= 1;
        n++;
    }
    return n;
}

/* ---- the body ---- */

static wr_rc_t
compress_bytes(state_t *s, const char *p, size_t n, int flush)
{
    z_stream *z = &s->d->z;
    int       rc;

    z->next_in = (Bytef *) (uintptr_t) p;
    z->avail_in = (uInt) n;
    do {
        size_t room;

        z->next_out = (Bytef *) wr_made_room(&s->out, &room);
        z->avail_out = (uInt) room;
        rc = deflate(z, flush);
        if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR) {
            return WR_ERROR;
        }
        s->out_size += room - z->avail_out;
        wr_made_add(&s->out, room - z->avail_out);
    } while (z->avail_out == 0);
    return WR_OK;
}

static wr_rc_t
add_bytes(void *state, const char *p, size_t n)
{
    state_t *s = state;

    s->in_size += n;
    return compress_bytes(s, p, n, Z_NO_FLUSH);
}

static wr_rc_t
add_seg(wr_req_t *r, state_t *s, wr_seg_t *seg)
{
    wr_rc_t rc = wr_seg_bytes(r, seg, add_bytes, s);

    if (rc == WR_OK && (seg->flags & WR_SEG_LAST) != 0) {
        rc = compress_bytes(s, "", 0, Z_FINISH);
        wr_made_flag(&s->out, WR_SEG_LAST);
        s->done = true;
    } else if (rc == WR_OK && (seg->flags & WR_SEG_FLUSH) != 0) {
        rc = compress_bytes(s, "", 0, Z_SYNC_FLUSH);
        wr_made_flag(&s->out, WR_SEG_FLUSH);
    }
    return rc;
}

static wr_rc_t
body(wr_req_t *r, wr_link_t *self, void *state, wr_seg_t *in)
{
    state_t *s = state;

    for (wr_seg_t *next; in != NULL; in = next) {
        next = in->next;
        if (!s->done && add_seg(r, s, in) != WR_OK) {
            wr_log(&r->log, WR_LOG_ALERT, 0, "deflate() failed");
            return WR_ERROR;
        }
        wr_seg_release(in);
    }
    if (s->done) {
        give_back(s);
    } else if (s->out.first == s->out.open && s->out.room != 0) {
        return wr_filter_pass(r, self, NULL);   /* wait till a piece is full */
    }
    return wr_filter_pass(r, self, wr_made_take(&s->out));
}

/* ---- the head ---- */

static bool
is_encoded(wr_req_t *r)
{
    const wr_header_t *h = wr_headers_first(&r->out, WR_H_CONTENT_ENCODING);

    return h != NULL && h->value.n != 0;
}

static bool
is_candidate(wr_req_t *r, const conf_t *conf)
{
    return conf->on
           && (r->status == 200 || r->status == 403 || r->status == 404)
           && !is_encoded(r)
           && (r->out_length < 0 || r->out_length >= conf->min_length)
           && wr_type_listed(r, &conf->types) && !r->head_only;
}

static void
vary(wr_req_t *r)
{
    wr_ctx(r, WR_SELF) = WR_SELF;
}

static wr_rc_t
head(wr_req_t *r)
{
    const conf_t *conf = wr_conf(r);
    bool          candidate = is_candidate(r, conf), compress;
    state_t      *s;

    compress = candidate && gzip_ok(r);
    if (conf->vary && (candidate || wr_ctx(r, WR_SELF) != NULL)) {
        r->vary_encoding = 1;
    }
    if (!compress) {
        return WR_OK;
    }
    s = WR_NEW(wr_pool(r), state_t);
    s->d = take((int) conf->level, bits(conf->window), bits(conf->hash) - 7);
    if (s->d == NULL) {
        return WR_OK;
    }
    wr_pool_on_free(wr_pool(r), give_back, s);
    wr_ctx(r, WR_SELF) = s;
    wr_made_init(&s->out, r, PIECE);
    wr_headers_set(&r->out, WR_H_CONTENT_ENCODING, WR_STR("Content-Encoding"),
                   WR_STR("gzip"));
    r->filter_need_in_memory = 1;
    wr_clear_content_length(r);
    wr_clear_accept_ranges(r);
    wr_weak_etag(r);
    wr_filter_attach(r, body, s);
    return WR_OK;
}

static wr_rc_t
get_ratio(wr_req_t *r, const wr_var_t *v, wr_str_t *value)
{
    const state_t *s = wr_ctx(r->main, WR_SELF);
    uint64_t       whole, part;

    (void) v;
    if (s == NULL || s == (const void *) WR_SELF || s->out_size == 0) {
        return WR_NOTFOUND;
    }
    whole = s->in_size / s->out_size;
    part = s->in_size * 100 / s->out_size % 100;
    if (s->in_size * 1000 / s->out_size % 10 > 4 && ++part > 99) {
        whole++;
        part = 0;
    }
    *value = wr_pool_printf(wr_pool(r), "%" PRIu64 ".%02u", whole, (unsigned) part);
    return WR_OK;
}

/* ---- conf ---- */

static wr_rc_t
set_disable(wr_conf_t *cf, const wr_directive_t *d, void *c)
{
    disable_t *disable = &((conf_t *) c)->disable;

    (void) d;
    if (disable->agents.size == 0) {
        disable->agents = wr_array(cf->pool, sizeof(wr_regex_t *));
    }
    for (unsigned i = 1; i < cf->nargs; i++) {
        wr_regex_t *re;

        if (wr_str_eqz(cf->args[i].text, "msie6")) {
            disable->msie6 = true;
            continue;
        }
        if (wr_str_eqz(cf->args[i].text, "degradation")) {
            continue;
        }
        re = wr_regex_compile(cf, &cf->args[i], true, false);
        if (re == NULL) {
            return WR_ERROR;
        }
        *WR_PUSH(&disable->agents, wr_regex_t *) = re;
    }
    return WR_OK;
}

static wr_rc_t
check(wr_conf_t *cf, wr_scope_t *scope, void *c, const void *outer)
{
    const conf_t *conf = c;
    int           window = bits(conf->window), hash = bits(conf->hash);

    (void) scope;
    (void) outer;
    if (window < 9 || window > 15 || conf->window != (size_t) 1 << window) {
        return wr_conf_fail(cf, NULL, "\"gzip_window\" directive must be 512, 1k, 2k, "
                                      "4k, 8k, 16k, or 32k");
    }
    if (hash < 9 || hash > 16 || conf->hash != (size_t) 1 << hash) {
        return wr_conf_fail(cf, NULL, "\"gzip_hash\" directive must be 512, 1k, 2k, 4k, "
                                      "8k, 16k, 32k, 64k, or 128k");
    }
    return WR_OK;
}

static const wr_gzip_service_t service = {gzip_ok, vary};

static wr_rc_t
begin(wr_conf_t *cf)
{
    wr_service_offer(cf, "gzip.1", &service);
    return WR_OK;
}

static void
stop(wr_worker_t *w)
{
    (void) w;
    for (deflater_t *d = kept, *next; d != NULL; d = next) {
        next = d->next;
        destroy(d);
    }
    kept = NULL;
    n_kept = 0;
}

static const wr_enum_t versions[] = {
    {"1.0", WR_HTTP_10}, {"1.1", WR_HTTP_11}, {NULL, 0}
};
static const wr_enum_t proxied[] = {
    {"off", PROXIED_OFF}, {"expired", PROXIED_EXPIRED}, {"no-cache", PROXIED_NO_CACHE},
    {"no-store", PROXIED_NO_STORE}, {"private", PROXIED_PRIVATE},
    {"no_last_modified", PROXIED_NO_LM}, {"no_etag", PROXIED_NO_ETAG},
    {"auth", PROXIED_AUTH}, {"any", PROXIED_ANY}, {NULL, 0}
};

static const wr_var_row_t variables[] = {
    {"gzip_ratio", get_ratio, NULL, 0, WR_VAR_NOCACHE,
     "How many times smaller the body became"},
    {.name = NULL}
};

/* Whether it acts at all in a location. */
static bool
wanted(const void *own)
{
    const conf_t *conf = own;

    return conf->on || conf->vary;
}

WR_MODULE(gzip,
    .doc = "Answers compressed on their way out",
    .schema.directives = (const wr_directive_t[]) {
        WR_FLAG("gzip", WR_ANY_IF, conf_t, on, "off",
                "Compress answers of gzip_types for clients that take gzip.",
                .example = "gzip on;"),
        WR_TEXT_LIST("gzip_types", WR_ANY, conf_t, types, "text/html",
                     "MIME types that are compressed beside text/html; * is any.",
                     .args = "type …",
                     .example = "gzip_types text/css application/json application/javascript;"),
        WR_INT("gzip_comp_level", WR_ANY, conf_t, level, "1",
               "How hard it is tried: 1 is fastest, 9 smallest. Beyond 5 little is gained.",
               .extra = &(wr_bounds_t) {1, 9},
               .example = "gzip_comp_level 5;"),
        WR_SIZE("gzip_window", WR_ANY, conf_t, window, "32k",
                "Size of the window.",
                .example = "gzip_window 32k;"),
        WR_SIZE("gzip_hash", WR_ANY, conf_t, hash, "32k",
                "Memory for the hash.",
                .example = "gzip_hash 32k;"),
        WR_OFFSET("gzip_min_length", WR_ANY, conf_t, min_length, "20",
                  "Bodies that are shorter, as their Content-Length says, stay as they are.",
                  .example = "gzip_min_length 1000;"),
        WR_ENUM("gzip_http_version", WR_ANY, conf_t, http_version, versions, "1.1",
                "Clients of older versions get no gzip.",
                .example = "gzip_http_version 1.0;"),
        WR_MASK("gzip_proxied", WR_ANY, conf_t, proxied, proxied, "off",
                "Which answers to proxies (requests with Via) are compressed: `any`, or those "
                "of these kinds: `expired`, `no-cache`, `no-store` and `private` by their own "
                "head, `no_last_modified` and `no_etag` by what is missing, `auth` for "
                "requests with Authorization.",
                .args = "off | expired | no-cache | no-store | private | "
                        "no_last_modified | no_etag | auth | any …",
                .example = "gzip_proxied any;"),
        WR_FLAG("gzip_vary", WR_ANY, conf_t, vary, "off",
                "Say Vary: Accept-Encoding, so that caches keep both forms apart.",
                .example = "gzip_vary on;"),
        WR_CUSTOM("gzip_disable", WR_ANY, 1, 255, set_disable, conf_t, disable,
                  "No gzip for user agents that match.", .flags = WR_DF_REPEAT,
                  .args = "msie6 | regex …",
                  .example = "gzip_disable \"MSIE [4-6]\\.\";"),
        WR_BUFS("gzip_buffers", WR_ANY, conf_t, buffers, "32 4k",
                "Accepted; memory is taken as it is needed.",
                .example = "gzip_buffers 16 8k;"),
        WR_FLAG("gzip_no_buffer", WR_ANY, conf_t, no_buffer, "off",
                "Accepted; what is flushed is sent at once.",
                .example = "gzip_no_buffer off;"),
        WR_SIZE("postpone_gzipping", WR_ANY, conf_t, postpone, "0",
                "Accepted; input is taken as it comes.",
                .example = "postpone_gzipping 0;"),
        WR_END
    },
    .schema.size = sizeof(conf_t),
    .schema.check = check,
    .begin = begin,
    .worker_stop = stop,
    .variables = variables,
    .http = &(const wr_http_tables_t) {
        .filters = (const wr_filter_t[]) {
            {"gzip", WR_FILTER_GZIP, head, wanted},
            {.name = NULL}
        },
    });
