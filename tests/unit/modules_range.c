/*
 * Range headers, and the arithmetic of limit_req.
 */
#include <check.h>
#include "../../modules/limit_req/bucket.h"
#include "../../modules/range/parse.c"

/* "0-4 6-9", or the result's name. */
static void
row(const char *text, int64_t length, int64_t max, const char *want)
{
    wr_pool_t *pool = wr_pool_new();
    wr_array_t ranges = wr_array(pool, sizeof(range_t));
    wr_rc_t    rc = range_parse(wr_str_z(text), length, max, &ranges);
    char       got[256] = "";

    if (rc != WR_OK) {
        snprintf(got, sizeof(got), "%s", wr_rc_name(rc));
    } else {
        for (WR_EACH(range_t, r, &ranges)) {
            size_t n = strlen(got);

            snprintf(got + n, sizeof(got) - n, "%s%d-%d", n != 0 ? " " : "",
                     (int) r->start, (int) r->end - 1);
        }
    }
    if (strcmp(got, want) != 0) {
        fprintf(stderr, "\"%s\" of %d: %s, not %s\n", text, (int) length, got, want);
        check_failed++;
    }
    check_count++;
    wr_pool_free(pool);
}

static void
ranges(void)
{
    row("0-4", 10, 100, "0-4");
    row("2-", 10, 100, "2-9");
    row("-3", 10, 100, "7-9");
    row("-30", 10, 100, "0-9");
    row("0-0,2-3, 5 - 6", 10, 100, "0-0 2-3 5-6");
    row("5-100", 10, 100, "5-9");
    row("9-9", 10, 100, "9-9");
    row("10-", 10, 100, "WR_SYNTAX");
    row("10-11,3-4", 10, 100, "3-4");
    row("4-2", 10, 100, "WR_SYNTAX");
    row("-0", 10, 100, "WR_SYNTAX");
    row("0-9,0-9", 10, 100, "WR_DECLINED");
    row("0-1,2-3,4-5", 10, 2, "WR_DECLINED");
    row("0-1,2-3", 10, 2, "0-1 2-3");
    row("", 10, 100, "WR_SYNTAX");
    row("a-b", 10, 100, "WR_SYNTAX");
    row("1", 10, 100, "WR_SYNTAX");
    row("1-2x", 10, 100, "WR_SYNTAX");
    row("1--2", 10, 100, "WR_SYNTAX");
    row("1-2,", 10, 100, "WR_SYNTAX");
    row("99999999999999999999-", 10, 100, "WR_SYNTAX");
    row("0-99999999999999999999", 10, 100, "WR_SYNTAX");
    row("0-", 0, 100, "WR_DECLINED");
}

static void
buckets(void)
{
    bucket_t  b = {.excess = 0, .last = 1000};
    wr_msec_t passed;

    /* two a second: a second request at once is one over */
    CHECK_INT(bucket_excess(&b, 2000, 1000, &passed), 1000);
    CHECK_INT(passed, 0);
    CHECK_INT(bucket_excess(&b, 2000, 1250, &passed), 500);
    CHECK_INT(bucket_excess(&b, 2000, 1500, &passed), 0);
    CHECK_INT(bucket_excess(&b, 2000, 99999, &passed), 0);
    /* a clock that went back counts as no time; far back, as a start anew */
    CHECK_INT(bucket_excess(&b, 2000, 900, &passed), 1000);
    CHECK_INT(bucket_excess(&b, 2000, -100000, &passed), 998);
    bucket_put(&b, 700, 5, 2000);
    CHECK_INT(b.last, 2000);
    bucket_put(&b, 800, 0, 3000);
    CHECK_INT(b.last, 2000);
    CHECK_INT(b.excess, 800);
}

int
main(void)
{
    ranges();
    buckets();
    return check_status();
}
