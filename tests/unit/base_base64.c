/*
 * Base64 in both alphabets.
 */
#include <check.h>
#include <weir/base/base64.h>

static void
vectors(void)
{
    /* RFC 4648 §10 */
    static const char *const rows[][2] = {
        {"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}};
    wr_pool_t *pool = wr_pool_new();
    wr_str_t   out;

    for (size_t i = 0; i < WR_COUNT(rows); i++) {
        CHECK_STR(wr_base64_encode(pool, wr_str_z(rows[i][0]), false), rows[i][1]);
        CHECK(wr_base64_decode(pool, wr_str_z(rows[i][1]), false, &out));
        CHECK_STR(out, rows[i][0]);
    }
    CHECK_STR(wr_base64_encode(pool, WR_STR("\xff\xfe\xfd"), true), "__79");
    CHECK_STR(wr_base64_encode(pool, WR_STR("\xff\xfe\xfd"), false), "//79");
    CHECK_STR(wr_base64_encode(pool, WR_STR("f"), true), "Zg");
    CHECK(wr_base64_decode(pool, WR_STR("Zg"), true, &out));
    CHECK_STR(out, "f");
    wr_pool_free(pool);
}

static void
refusals(void)
{
    wr_pool_t *pool = wr_pool_new();
    wr_str_t   out;

    CHECK(!wr_base64_decode(pool, WR_STR("Z"), false, &out));
    CHECK(!wr_base64_decode(pool, WR_STR("Zm9vY"), false, &out));
    CHECK(!wr_base64_decode(pool, WR_STR("Zm 9"), false, &out));
    CHECK(!wr_base64_decode(pool, WR_STR("__79"), false, &out));
    CHECK(!wr_base64_decode(pool, WR_STR("//79"), true, &out));
    wr_pool_free(pool);
}

int
main(void)
{
    vectors();
    refusals();
    return check_status();
}
