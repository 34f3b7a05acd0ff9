/*
 * ETags of views: weak, made of the body, so a client that has the page is told so
 * with 304. They are the same in every worker and after a restart.
 */
#include <weir/app/app_priv.h>

static inline uint64_t
mix(uint64_t a, uint64_t b)
{
    unsigned __int128 m = (unsigned __int128) a * b;

    return (uint64_t) m ^ (uint64_t) (m >> 64);
}

/* 16 bytes. The product is 0 where one of its sides is: the first of them for eight
 * bytes that are in no text, as 0xff is in none. */
static inline uint64_t
mix16(uint64_t h, const char *p)
{
    uint64_t a, b;

    memcpy(&a, p, 8);
    memcpy(&b, p + 8, 8);
    return mix(a ^ UINT64_C(0xffa5c85c97cb3127), b ^ h);
}

/* Two lanes, each a multiplication for 16 bytes. Every byte counts; the last block
 * of a long text overlaps the one before. */
static uint64_t
digest(wr_str_t s)
{
    uint64_t h = s.n * UINT64_C(0x2545f4914f6cdd1d), k = ~h;
    char     last[32] = {0};
    size_t   i = 0;

    for (; i + 32 < s.n; i += 32) {
        h = mix16(h, s.p + i);
        k = mix16(k, s.p + i + 16);
    }
    if (s.n >= 32) {
        memcpy(last, s.p + s.n - 32, 32);
    } else if (s.n != 0) {
        memcpy(last, s.p, s.n);
    }
    h = mix16(h, last);
    k = mix16(k, last + 16);
    return mix(h ^ UINT64_C(0x2545f4914f6cdd1d), k ^ UINT64_C(0xd6e8feb86659fd93));
}

/* What must not be kept, or says what it is itself, gets none. */
static bool
is_cacheable(const wr_req_t *r, unsigned status)
{
    const wr_header_t *control = wr_headers_first(&r->out, WR_H_CACHE_CONTROL);

    return status == 200 && r == r->main && wr_http_core(r)->etag
           && wr_headers_first(&r->out, WR_H_ETAG) == NULL
           && wr_headers_first(&r->out, WR_H_SET_COOKIE) == NULL
           && (control == NULL || !wr_field_has(control->value, WR_STR("no-store")));
}

void
app_set_etag(wr_req_t *r, unsigned status, wr_str_t body)
{
    char    *text;
    uint64_t h;

    if (r->method != WR_GET && r->method != WR_HEAD) {
        /* If-Match and its kin are the application's: the work has been done. */
        r->disable_not_modified = 1;
        return;
    }
    if (!is_cacheable(r, status)) {
        return;
    }
    h = digest(body);
    text = wr_alloc_bytes(wr_pool(r), 20);
    memcpy(text, "W/\"", 3);
    wr_put_hex16(text + 3, h);
    text[19] = '"';
    (void) wr_headers_add(&r->out, WR_H_ETAG, WR_STR("ETag"), wr_str(text, 20));
    app_of(r)->etag = text;
}

void
wr_app_no_etag(wr_req_t *r)
{
    const app_t *a = r->app;
    wr_header_t *h = wr_headers_first(&r->out, WR_H_ETAG);

    if (a != NULL && h != NULL && h->value.p == a->etag) {
        h->dead = true;
    }
}
