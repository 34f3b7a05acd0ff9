/*
 * ETags of views: weak, made of the body, so a client that has the page is told so
 * with 304. They are the same in every worker and after a restart.
 */
#include <weir/app/app_priv.h>

static inline uint64_t
mix(uint64_t h, uint64_t v)
{
    h = (h ^ v) * UINT64_C(0x9fb21c651e98df25);
    return h ^ (h >> 32);
}

static uint64_t
digest(wr_str_t s)
{
    uint64_t h = UINT64_C(0xc3a5c85c97cb3127) ^ s.n, v;
    size_t   i = 0;

    for (; i + 8 <= s.n; i += 8) {
        memcpy(&v, s.p + i, 8);
        h = mix(h, v);
    }
    if (i < s.n) {
        v = 0;
        memcpy(&v, s.p + i, s.n - i);
        h = mix(h, v);
    }
    return mix(h, UINT64_C(0x2545f4914f6cdd1d));
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
    for (unsigned i = 0; i < 16; i++) {
        text[3 + i] = "0123456789abcdef"[h >> (60 - 4 * i) & 15];
    }
    text[19] = '"';
    (void) wr_headers_add(&r->out, WR_H_ETAG, WR_STR("ETag"), wr_str(text, 20));
}
