/*
 * Answers that come compressed, for clients that do not take gzip.
 */
#include <stdlib.h>
#include <zlib.h>
#include <weir/http/filter.h>

enum { PIECE = 32 * 1024 };

typedef struct conf {
    bool                     on;
    wr_bufs_t                buffers;
    const wr_gzip_service_t *gzip;      /* NULL: no such module */
} conf_t;

typedef struct state {
    z_stream  z;
    wr_made_t out;
    bool      open;
    bool      done;
} state_t;

static void
close_state(void *data)
{
    state_t *s = data;

    if (s->open) {
        (void) inflateEnd(&s->z);
        s->open = false;
    }
}

static wr_rc_t
add_bytes(void *state, const char *p, size_t n)
{
    state_t *s = state;
    int      rc = Z_OK;

    s->z.next_in = (Bytef *) (uintptr_t) p;
    s->z.avail_in = (uInt) n;
    do {
        size_t room;

        s->z.next_out = (Bytef *) wr_made_room(&s->out, &room);
        s->z.avail_out = (uInt) room;
        rc = inflate(&s->z, Z_NO_FLUSH);
        if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR) {
            return WR_SYNTAX;
        }
        wr_made_add(&s->out, room - s->z.avail_out);
        if (rc == Z_STREAM_END && s->z.avail_in != 0 && inflateReset(&s->z) != Z_OK) {
            return WR_ERROR;        /* another member follows */
        }
    } while (s->z.avail_in != 0 || s->z.avail_out == 0);
    return WR_OK;
}

static wr_rc_t
body(wr_req_t *r, wr_link_t *self, void *state, wr_seg_t *in)
{
    state_t *s = state;

    for (wr_seg_t *next; in != NULL; in = next) {
        next = in->next;
        if (!s->done && wr_seg_bytes(r, in, add_bytes, s) != WR_OK) {
            wr_log(&r->log, WR_LOG_ERR, 0, "inflate() failed");
            return WR_ERROR;
        }
        if (!s->done && in->flags != 0) {
            wr_made_flag(&s->out, in->flags);
            s->done = (in->flags & WR_SEG_LAST) != 0;
        }
        wr_seg_release(in);
    }
    return wr_filter_pass(r, self, wr_made_take(&s->out));
}

static bool
takes_gzip(wr_req_t *r, const conf_t *conf)
{
    if (conf->gzip == NULL) {
        return wr_accepts_gzip(wr_req_header(r, WR_H_ACCEPT_ENCODING));
    }
    conf->gzip->vary(r);
    return conf->gzip->ok(r);
}

static wr_rc_t
head(wr_req_t *r)
{
    const conf_t      *conf = wr_conf(r);
    const wr_header_t *encoding;
    state_t           *s;

    encoding = conf->on ? wr_headers_first(&r->out, WR_H_CONTENT_ENCODING) : NULL;
    if (encoding == NULL || !wr_str_ieqz(encoding->value, "gzip")
        || takes_gzip(r, conf))
    {
        return WR_OK;
    }
    s = WR_NEW(wr_pool(r), state_t);
    if (inflateInit2(&s->z, MAX_WBITS + 16) != Z_OK) {
        return WR_ERROR;
    }
    s->open = true;
    wr_pool_on_free(wr_pool(r), close_state, s);
    wr_made_init(&s->out, r, PIECE);
    wr_headers_remove(&r->out, WR_H_CONTENT_ENCODING, WR_STR_NONE);
    r->filter_need_in_memory = 1;
    wr_clear_content_length(r);
    wr_clear_accept_ranges(r);
    wr_weak_etag(r);
    wr_filter_attach(r, body, s);
    return WR_OK;
}

static wr_rc_t
check(wr_conf_t *cf, wr_scope_t *scope, void *c, const void *outer)
{
    (void) scope;
    (void) outer;
    ((conf_t *) c)->gzip = wr_service_find(cf, "gzip.1");
    return WR_OK;
}

/* Whether it acts at all in a location. */
static bool
wanted(const void *own)
{
    const conf_t *conf = own;

    return conf->on;
}

WR_MODULE(gunzip,
    .doc = "Compressed answers for clients that do not take gzip",
    .schema.directives = (const wr_directive_t[]) {
        WR_FLAG("gunzip", WR_ANY, conf_t, on, "off",
                "Decompress answers for clients that do not take gzip.",
                .example = "gunzip on;"),
        WR_BUFS("gunzip_buffers", WR_ANY, conf_t, buffers, "32 4k",
                "Accepted; memory is taken as it is needed.",
                .example = "gunzip_buffers 32 4k;"),
        WR_END
    },
    .schema.size = sizeof(conf_t),
    .schema.check = check,
    .http = &(const wr_http_tables_t) {
        .filters = (const wr_filter_t[]) {
            {"gunzip", WR_FILTER_GUNZIP, head, wanted},
            {.name = NULL}
        },
    });
