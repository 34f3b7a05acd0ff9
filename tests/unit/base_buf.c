/*
 * Buffers that grow, in a pool and with malloc, and numbers as text.
 */
#include <check.h>
#include <inttypes.h>
#include <weir/base/buf.h>

static void
grow(wr_pool_t *pool)
{
    wr_buf_t b = wr_buf(pool);
    char    *want = malloc(300000);
    size_t   n = 0;

    CHECK_STR(wr_buf_text(&b), "");
    CHECK(strcmp(wr_buf_cstr(&b), "") == 0);
    for (int i = 0; i < 20000; i++) {
        int k = snprintf(want + n, 20, "%d,", i * 7919);

        wr_buf_int(&b, i * 7919);
        wr_buf_char(&b, ',');
        n += (size_t) k;
    }
    CHECK_INT(b.n, n);
    CHECK(memcmp(b.p, want, n) == 0);
    CHECK_INT(strlen(wr_buf_cstr(&b)), n);
    CHECK_INT(b.n, n);                      /* the NUL is not counted */
    wr_buf_add(&b, NULL, 0);
    wr_buf_fill(&b, '-', 70000);
    CHECK(b.p[n] == '-' && b.p[n + 69999] == '-');
    memcpy(wr_buf_reserve(&b, 100000), want, 3);
    b.n += 3;
    CHECK(memcmp(b.p + n + 70000, want, 3) == 0);
    if (pool == NULL) {
        wr_buf_free(&b);
        CHECK(b.p == NULL && b.n == 0);
    }
    free(want);
}

static void
numbers(void)
{
    static const int64_t values[] = {0, 9, 10, -1, 99, 100, 12345678, 99999999, 100000000,
                                     INT64_MAX, INT64_MIN};
    wr_pool_t *pool = wr_pool_new();
    char       want[64];

    for (size_t i = 0; i < WR_COUNT(values); i++) {
        wr_buf_t b = wr_buf(pool);

        snprintf(want, sizeof(want), "%" PRId64 " %" PRIu64 " %" PRIx64, values[i],
                 (uint64_t) values[i], (uint64_t) values[i]);
        wr_buf_int(&b, values[i]);
        wr_buf_lit(&b, " ");
        wr_buf_uint(&b, (uint64_t) values[i]);
        wr_buf_z(&b, " ");
        wr_buf_hex(&b, (uint64_t) values[i]);
        CHECK_STR(wr_buf_text(&b), want);
    }
    for (uint64_t v = 1; v < UINT64_MAX / 10; v *= 10) {
        for (uint64_t w = v - 1; w <= v + 1; w++) {
            size_t n = wr_put_uint(want, w);
            char   text[32];

            snprintf(text, sizeof(text), "%" PRIu64, w);
            CHECK_STR(wr_str(want, n), text);
        }
    }
    wr_put_hex16(want, 0x123abcU);
    CHECK_STR(wr_str(want, 16), "0000000000123abc");
    wr_pool_free(pool);
}

static void
formats(void)
{
    wr_pool_t *pool = wr_pool_new();
    wr_buf_t   b = wr_buf(pool);
    char       text[3000];

    wr_buf_printf(&b, "%s", "");
    wr_buf_printf(&b, "%05d", 42);
    CHECK_STR(wr_buf_text(&b), "00042");
    memset(text, 'z', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    wr_buf_printf(&b, "%s!", text);
    CHECK_INT(b.n, 5 + sizeof(text));
    CHECK(b.p[b.n - 1] == '!');
    wr_pool_free(pool);
}

int
main(void)
{
    wr_pool_t *pool = wr_pool_new();

    grow(pool);
    grow(NULL);
    numbers();
    formats();
    wr_pool_free(pool);
    return check_status();
}
