/*
 * HTTP/2's HPACK encoder: what nghttp2 decodes of it is what went in, whatever size the
 * client lets the table have; and the buckets that limit what a client may ask for.
 */
#define _GNU_SOURCE
#include <check.h>
#include <weir_config.h>

#if WR_HAVE_NGHTTP2
#include "../../modules/http2/calm.c"
#include "../../modules/http2/encode.c"

enum { FIELDS = 12, BLOCKS = 3000 };

static uint32_t state = 1;

static uint32_t
chance(uint32_t n)
{
    state = state * 1664525u + 1013904223u;
    return (state >> 8) % n;
}

typedef struct pair {
    wr_hid_t id;
    wr_str_t name, value;
} pair_t;

/* Some that recur, some that never do, some too large for any table. */
static pair_t
any_field(wr_pool_t *pool)
{
    static const wr_hid_t ids[] = {WR_H_SERVER, WR_H_DATE, WR_H_CONTENT_TYPE, WR_H_ETAG,
                                   WR_H_VARY, WR_H_SET_COOKIE, WR_H_CONTENT_LENGTH,
                                   WR_H_X_ACCEL_REDIRECT, WR_H_LINK};
    static const char *const names[] = {"X-One", "x-two", "x-Three",
                                        "x-a-name-that-is-rather-longer-than-the-others-are"};
    unsigned n = chance(30) == 0 ? 200 + chance(5000) : chance(60);
    char    *value = wr_alloc_bytes(pool, n + 4);
    pair_t   f = {.id = WR_H_OTHER};

    if (chance(3) != 0) {
        f.id = ids[chance(WR_COUNT(ids))];
        f.name = wr_header_name(f.id);
    } else {
        f.name = wr_str_z(names[chance(WR_COUNT(names))]);
    }
    n = chance(4) != 0 ? chance(4) : n;
    memset(value, (int) ('a' + chance(2)), n);
    f.value = wr_str(value, n);
    return f;
}

static bool
is_next(nghttp2_hd_inflater *in, const uint8_t **p, size_t *n, wr_str_t name, wr_str_t value)
{
    nghttp2_nv nv;
    int        flags = 0;
    ssize_t    used = nghttp2_hd_inflate_hd2(in, &nv, &flags, *p, *n, 1);

    if (used < 0 || (flags & NGHTTP2_HD_INFLATE_EMIT) == 0) {
        return false;
    }
    *p += used;
    *n -= (size_t) used;
    for (size_t i = 0; i < nv.namelen; i++) {
        if (nv.name[i] >= 'A' && nv.name[i] <= 'Z') {
            return false;
        }
    }
    return wr_str_ieq(wr_str((char *) nv.name, nv.namelen), name)
           && wr_str_eq(wr_str((char *) nv.value, nv.valuelen), value);
}

static bool
one_block(h2_encoder_t *e, nghttp2_hd_inflater *in)
{
    static const unsigned statuses[] = {200, 204, 206, 304, 400, 404, 500, 201, 302, 599};
    static uint8_t block[FIELDS * 6000];
    wr_pool_t     *pool = wr_pool_new();
    unsigned       n = chance(FIELDS), status = statuses[chance(WR_COUNT(statuses))];
    pair_t         list[FIELDS];
    const uint8_t *p = block;
    uint8_t       *to = h2_put_status(h2_put_begin(e, block), status);
    char           digits[4];
    size_t         size;
    bool           ok;

    for (unsigned i = 0; i < n; i++) {
        size_t room;

        list[i] = any_field(pool);
        room = list[i].name.n + list[i].value.n + H2_FIELD_ROOM;
        p = to;
        to = h2_put_field(e, to, list[i].id, list[i].name, list[i].value);
        CHECK((size_t) (to - p) <= room);
    }
    CHECK(e->size <= e->max);
    p = block;
    size = (size_t) (to - block);
    snprintf(digits, sizeof(digits), "%u", status);
    ok = is_next(in, &p, &size, WR_STR(":status"), wr_str_z(digits));
    for (unsigned i = 0; ok && i < n; i++) {
        ok = is_next(in, &p, &size, list[i].name, list[i].value);
    }
    (void) nghttp2_hd_inflate_end_headers(in);
    wr_pool_free(pool);
    return ok && size == 0;
}

static void
encoder(void)
{
    static h2_encoder_t  e[3];
    nghttp2_hd_inflater *in[3];

    for (unsigned i = 0; i < 3; i++) {
        h2_encoder_init(&e[i]);
        CHECK_INT(nghttp2_hd_inflate_new(&in[i]), 0);
    }
    for (unsigned i = 0; i < BLOCKS; i++) {
        unsigned k = chance(3);

        while (chance(20) == 0) {
            uint32_t max = chance(3) == 0 ? 0 : chance(5000);

            h2_encoder_resize(&e[k], max);
            CHECK_INT(nghttp2_hd_inflate_change_table_size(in[k], max), 0);
        }
        if (!one_block(&e[k], in[k])) {
            check_failed++;
            fprintf(stderr, "block %u is decoded otherwise\n", i);
            break;
        }
        check_count++;
    }
    for (unsigned i = 0; i < 3; i++) {
        CHECK(e[i].inserted > 100);
        nghttp2_hd_inflate_del(in[i]);
    }
}

/* A field that recurs is one byte from its third time on; a cookie never is. */
static void
sizes(void)
{
    h2_encoder_t e;
    uint8_t      b[256];
    wr_str_t     value = WR_STR("sizes: not seen before");

    h2_encoder_init(&e);
    CHECK(h2_put_field(&e, b, WR_H_VARY, WR_STR("Vary"), value) - b > 20);
    CHECK(h2_put_field(&e, b, WR_H_VARY, WR_STR("Vary"), value) - b > 20);
    for (unsigned i = 0; i < 100; i++) {
        CHECK_INT(h2_put_field(&e, b, WR_H_VARY, WR_STR("Vary"), value) - b, 1);
        CHECK(h2_put_field(&e, b, WR_H_SET_COOKIE, WR_STR("Set-Cookie"), value) - b > 20);
        CHECK_INT(b[0], 0x1f);
    }
    CHECK_INT(e.inserted, 1);
}

void
h2_fail(h2_t *h2, h2_error_t error, const char *what)
{
    CHECK_INT(error, H2_ENHANCE_YOUR_CALM);
    CHECK(what != NULL);
    h2->dead = true;
}

static void
buckets(void)
{
    static h2_t h2;
    unsigned    n = 0;

    wr_clock.mono = 1000000;
    while (n < 1000 && h2_calm_reset(&h2)) {
        n++;
    }
    CHECK_INT(n, 200);
    wr_clock.mono += 100;       /* ten more in a tenth of a second */
    for (n = 0; n < 1000 && h2_calm_reset(&h2); n++) {
    }
    CHECK(n >= 9 && n <= 10);
    wr_clock.mono += 3600 * 1000;
    for (n = 0; n < 1000 && h2_calm_reset(&h2); n++) {
    }
    CHECK_INT(n, 200);
    for (n = 0; n < 1000 && h2_calm_ack(&h2); n++) {
    }
    CHECK_INT(n, 128);
    for (n = 0; n < 20000 && h2_calm_idle(&h2); n++) {
    }
    CHECK_INT(n, 10000 - 128);
}

int
main(void)
{
    encoder();
    sizes();
    buckets();
    return check_status();
}

#else

int
main(void)
{
    return 0;
}

#endif
