/*
 * Clock texts and HTTP dates.
 */
#define _GNU_SOURCE
#include <check.h>
#include <time.h>
#include <weir/os/clock.h>

static void
parsing(void)
{
    static const struct {
        const char *text;
        int64_t     sec;
    } rows[] = {
        {"Sun, 06 Nov 1994 08:49:37 GMT", 784111777},
        {"Sunday, 06-Nov-94 08:49:37 GMT", 784111777},
        {"Sun Nov  6 08:49:37 1994", 784111777},
        {"Sun, 06-Nov-1994 08:49:37 GMT", 784111777},
        {"Thu, 01 Jan 1970 00:00:00 GMT", 0},
        {"Thu, 29 Feb 2024 12:00:00 GMT", 1709208000},
        {"Fri, 31 Dec 9999 23:59:59 GMT", 253402300799},
        {"Thursday, 01-Jan-69 00:00:00 GMT", 3124224000},
        {"Sun, 29 Feb 2023 12:00:00 GMT", -1},
        {"Sun, 31 Apr 2023 12:00:00 GMT", -1},
        {"Sun, 00 Apr 2023 12:00:00 GMT", -1},
        {"Sun, 01 Foo 2023 12:00:00 GMT", -1},
        {"Sun, 01 Jan 2023 24:00:00 GMT", -1},
        {"Sun, 01 Jan 2023 12:60:00 GMT", -1},
        {"Sun, 01 Jan 202", -1},
        {"Sun, 1 Jan 2023 12:00:00 GMT", -1},
        {"Sun Nov  6 08:49:37 19", -1},
        {"", -1},
        {"0", -1},
        {"Sun,", -1},
    };

    for (size_t i = 0; i < WR_COUNT(rows); i++) {
        CHECK_INT(wr_date_parse(wr_str_z(rows[i].text)), rows[i].sec);
    }
}

/* Against the C library, over days of four centuries. */
static void
writing(void)
{
    for (int64_t day = -3; day < 366 * 430; day++) {
        int64_t   sec = day * 86400 + day * 7 % 86400;
        time_t    t = (time_t) sec;
        struct tm tm;
        char      want[64], got[30];
        size_t    n = wr_date_put(got, sec);

        gmtime_r(&t, &tm);
        strftime(want, sizeof(want), "%a, %d %b %Y %H:%M:%S GMT", &tm);
        if (n != 29 || strcmp(got, want) != 0
            || (sec >= 0 && wr_date_parse(wr_str(got, n)) != sec))
        {
            fprintf(stderr, "%s / %s\n", got, want);
            CHECK(false);
            return;
        }
    }
    char text[30];

    CHECK_INT(wr_date_put(text, INT64_MAX), 29);
    CHECK_STR(wr_str_z(text), "Fri, 31 Dec 9999 23:59:59 GMT");
    CHECK_INT(wr_date_put(text, INT64_MIN), 29);
    CHECK_STR(wr_str_z(text), "Mon, 01 Jan 0001 00:00:00 GMT");
    wr_date_put_cookie(text, 784111777);
    CHECK_STR(wr_str_z(text), "Sun, 06-Nov-1994 08:49:37 GMT");
}

static void
texts(void)
{
    setenv("TZ", "XYZ-5:30", 1);
    tzset();
    wr_clock.sec = 784111777;
    CHECK_STR(wr_clock_http(), "Sun, 06 Nov 1994 08:49:37 GMT");
    CHECK_STR(wr_clock_error_log(), "1994/11/06 14:19:37");
    CHECK_STR(wr_clock_access_log(), "06/Nov/1994:14:19:37 +0530");
    CHECK_STR(wr_clock_iso(), "1994-11-06T14:19:37+05:30");
    CHECK_STR(wr_clock_syslog(), "Nov  6 14:19:37");
    wr_clock.sec++;
    CHECK_STR(wr_clock_http(), "Sun, 06 Nov 1994 08:49:38 GMT");
    CHECK_STR(wr_clock_access_log(), "06/Nov/1994:14:19:38 +0530");
    setenv("TZ", "ABC+8", 1);
    tzset();
    wr_clock.sec++;
    CHECK_STR(wr_clock_access_log(), "06/Nov/1994:00:49:39 -0800");
    wr_clock_update();
    CHECK(wr_clock.sec > 1700000000 && wr_clock.mono > 0 && wr_clock.msec < 1000);
}

int
main(void)
{
    parsing();
    writing();
    texts();
    return check_status();
}
