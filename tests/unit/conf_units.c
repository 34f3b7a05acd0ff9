/*
 * Sizes, times, numbers; and the nearest name.
 */
#include <conf_help.h>

static int64_t
size(const char *s)
{
    int64_t v;

    return wr_parse_size(wr_str_z(s), &v) ? v : -1;
}

static int64_t
offset(const char *s)
{
    int64_t v;

    return wr_parse_offset(wr_str_z(s), &v) ? v : -1;
}

static int64_t
msec(const char *s)
{
    wr_msec_t v;

    return wr_parse_msec(wr_str_z(s), &v) ? v : -1;
}

static int64_t
sec(const char *s)
{
    int64_t v;

    return wr_parse_sec(wr_str_z(s), &v) ? v : -1;
}

static int64_t
integer(const char *s)
{
    int64_t v;

    return wr_parse_int(wr_str_z(s), &v) ? v : -1;
}

static void
numbers(void)
{
    CHECK_INT(integer("0"), 0);
    CHECK_INT(integer("0123"), 123);
    CHECK_INT(integer("9223372036854775807"), INT64_MAX);
    CHECK_INT(integer("9223372036854775808"), -1);
    CHECK_INT(integer(""), -1);
    CHECK_INT(integer("-1"), -1);
    CHECK_INT(integer("1 "), -1);

    CHECK_INT(size("8k"), 8192);
    CHECK_INT(size("8K"), 8192);
    CHECK_INT(size("1M"), 1 << 20);
    CHECK_INT(size("17"), 17);
    CHECK_INT(size("1g"), -1);
    CHECK_INT(size("k"), -1);
    CHECK_INT(size(""), -1);
    CHECK_INT(size("9007199254740992k"), -1);
    CHECK_INT(offset("1g"), 1 << 30);
    CHECK_INT(offset("2G"), INT64_C(2) << 30);
    CHECK_INT(offset("1.5g"), -1);
}

static void
times(void)
{
    CHECK_INT(msec("5"), 5000);
    CHECK_INT(msec("500ms"), 500);
    CHECK_INT(msec("1m30s"), 90000);
    CHECK_INT(msec("1h 30m"), 5400000);
    CHECK_INT(msec("1d 2h 3m 4s 5ms"), 93784005);
    CHECK_INT(msec("1w"), 604800000);
    CHECK_INT(msec("1m5"), 65000);
    CHECK_INT(msec("0"), 0);
    CHECK_INT(msec("1y"), -1);
    CHECK_INT(msec("1M"), -1);
    CHECK_INT(msec("1s1m"), -1);
    CHECK_INT(msec("1m1m"), -1);
    CHECK_INT(msec("1x"), -1);
    CHECK_INT(msec("h"), -1);
    CHECK_INT(msec(""), -1);
    CHECK_INT(msec("99999999999999999999s"), -1);
    CHECK_INT(msec("9223372036854775807"), -1);

    CHECK_INT(sec("30"), 30);
    CHECK_INT(sec("1y"), 31536000);
    CHECK_INT(sec("1M"), 2592000);
    CHECK_INT(sec("1y1M1w1d1h1m1s"), 31536000 + 2592000 + 604800 + 86400 + 3661);
    CHECK_INT(sec("500ms"), -1);
    CHECK_INT(sec("1d1w"), -1);
}

static void
words(void)
{
    static const char *const names[] = {"proxy_pass", "proxy_bind", "root", "return"};
    wr_str_t                 v = WR_STR("x");

    CHECK_STR(wr_str_z(wr_nearest(WR_STR("proxy_pas"), names, 4)), "proxy_pass");
    CHECK_STR(wr_str_z(wr_nearest(WR_STR("Root"), names, 4)), "root");
    CHECK_STR(wr_str_z(wr_nearest(WR_STR("rteurn"), names, 4)), "return");
    CHECK(wr_nearest(WR_STR("listen"), names, 4) == NULL);
    CHECK(wr_nearest(WR_STR(""), names, 4) == NULL);

    CHECK(wr_arg_value(WR_STR("zone=a:1m"), "zone", &v) && wr_str_eqz(v, "a:1m"));
    CHECK(wr_arg_value(WR_STR("zone="), "zone", &v) && v.n == 0);
    CHECK(!wr_arg_value(WR_STR("zone"), "zone", &v));
    CHECK(!wr_arg_value(WR_STR("zones=a"), "zone", &v));
}

int
main(void)
{
    numbers();
    times();
    words();
    return check_status();
}
