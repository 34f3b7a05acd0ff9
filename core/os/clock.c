/*
 * Cached time and HTTP dates.
 *
 * Texts are remembered for the second they were made in. They, and the cache
 * itself, belong to the loop's thread; wr_clock_ns and the date functions may be
 * called from any.
 */
#define _GNU_SOURCE
#include <weir/os/clock.h>

#include <time.h>

wr_clock_t wr_clock;

typedef struct text {
    int64_t sec;            /* that it stands for; 0: none yet */
    size_t  n;
    char    p[40];
} text_t;

static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

void
wr_clock_update(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    wr_clock.mono = (wr_msec_t) t.tv_sec * 1000 + t.tv_nsec / 1000000;
    clock_gettime(CLOCK_REALTIME, &t);
    wr_clock.sec = t.tv_sec;
    wr_clock.msec = (unsigned) (t.tv_nsec / 1000000);
}

uint64_t
wr_clock_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t) t.tv_sec * 1000000000u + (uint64_t) t.tv_nsec;
}

/* Whether the text is of this second; else it has to be made. */
static bool
fresh(text_t *t)
{
    if (wr_likely(t->sec == wr_clock.sec && t->n != 0)) {
        return true;
    }
    t->sec = wr_clock.sec;
    return false;
}

static struct tm
local(int64_t sec)
{
    struct tm tm;
    time_t    t = (time_t) sec;

    if (localtime_r(&t, &tm) == NULL) {
        memset(&tm, 0, sizeof(tm));
    }
    return tm;
}

wr_str_t
wr_clock_http(void)
{
    static text_t t;

    if (!fresh(&t)) {
        t.n = wr_date_put(t.p, wr_clock.sec);
    }
    return wr_str(t.p, t.n);
}

wr_str_t
wr_clock_error_log(void)
{
    static text_t t;

    if (!fresh(&t)) {
        struct tm tm = local(t.sec);

        t.n = strftime(t.p, sizeof(t.p), "%Y/%m/%d %H:%M:%S", &tm);
    }
    return wr_str(t.p, t.n);
}

/* "+0100" or, with a colon, "+01:00". */
static size_t
put_zone(char *to, long offset, bool colon)
{
    unsigned minutes = (unsigned) ((offset < 0 ? -offset : offset) / 60) % 6000;
    unsigned hours = minutes / 60;
    char    *p = to;

    *p++ = offset < 0 ? '-' : '+';
    *p++ = (char) ('0' + hours / 10);
    *p++ = (char) ('0' + hours % 10);
    if (colon) {
        *p++ = ':';
    }
    minutes %= 60;
    *p++ = (char) ('0' + minutes / 10);
    *p++ = (char) ('0' + minutes % 10);
    return (size_t) (p - to);
}

wr_str_t
wr_clock_access_log(void)
{
    static text_t t;

    if (!fresh(&t)) {
        struct tm tm = local(t.sec);

        t.n = strftime(t.p, sizeof(t.p), "%d/%b/%Y:%H:%M:%S ", &tm);
        t.n += put_zone(t.p + t.n, tm.tm_gmtoff, false);
    }
    return wr_str(t.p, t.n);
}

wr_str_t
wr_clock_iso(void)
{
    static text_t t;

    if (!fresh(&t)) {
        struct tm tm = local(t.sec);

        t.n = strftime(t.p, sizeof(t.p), "%Y-%m-%dT%H:%M:%S", &tm);
        t.n += put_zone(t.p + t.n, tm.tm_gmtoff, true);
    }
    return wr_str(t.p, t.n);
}

wr_str_t
wr_clock_syslog(void)
{
    static text_t t;

    if (!fresh(&t)) {
        struct tm tm = local(t.sec);

        t.n = strftime(t.p, sizeof(t.p), "%b %e %H:%M:%S", &tm);
    }
    return wr_str(t.p, t.n);
}

/* ---- HTTP dates: the proleptic Gregorian calendar in whole days ---- */

typedef struct date {
    int64_t  year;
    unsigned month;         /* 1..12 */
    unsigned day;
    unsigned hour, min, sec;
    unsigned weekday;       /* 0: Sunday */
} date_t;

/* Years are counted from March, so that the leap day is the last of a year. */
static int64_t
days_from_date(const date_t *d)
{
    int64_t year = d->year - (d->month <= 2);
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t of_era = year - era * 400;
    int64_t of_year = (153 * (d->month + (d->month > 2 ? -3 : 9)) + 2) / 5
                      + (int64_t) d->day - 1;

    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year
           - 719468;
}

static date_t
date_from_sec(int64_t sec)
{
    date_t  d;
    int64_t days_since, era, of_era, of_year, month;
    int64_t rest;

    days_since = sec / 86400;
    rest = sec % 86400;
    if (rest < 0) {
        rest += 86400;
        days_since--;
    }
    d.hour = (unsigned) (rest / 3600);
    d.min = (unsigned) (rest / 60 % 60);
    d.sec = (unsigned) (rest % 60);
    d.weekday = (unsigned) ((days_since % 7 + 11) % 7);

    days_since += 719468;
    era = (days_since >= 0 ? days_since : days_since - 146096) / 146097;
    days_since -= era * 146097;
    of_era = (days_since - days_since / 1460 + days_since / 36524
              - days_since / 146096) / 365;
    of_year = days_since - (365 * of_era + of_era / 4 - of_era / 100);
    month = (5 * of_year + 2) / 153;
    d.day = (unsigned) (of_year - (153 * month + 2) / 5 + 1);
    d.month = (unsigned) (month < 10 ? month + 3 : month - 9);
    d.year = of_era + era * 400 + (d.month <= 2);
    return d;
}

static char *
put2(char *to, unsigned v)
{
    to[0] = (char) ('0' + v / 10 % 10);
    to[1] = (char) ('0' + v % 10);
    return to + 2;
}

static size_t
put_date(char *to, int64_t sec, char between)
{
    date_t   d;
    unsigned year;
    char    *p = to;

    /* What does not fit into four digits of a year is cut to what does. */
    if (sec < -62135596800) {
        sec = -62135596800;
    }
    if (sec > 253402300799) {
        sec = 253402300799;
    }
    d = date_from_sec(sec);
    year = (unsigned) d.year;
    p = mempcpy(p, days[d.weekday], 3);
    *p++ = ',';
    *p++ = ' ';
    p = put2(p, d.day);
    *p++ = between;
    p = mempcpy(p, months[d.month - 1], 3);
    *p++ = between;
    p = put2(p, year / 100);
    p = put2(p, year % 100);
    *p++ = ' ';
    p = put2(p, d.hour);
    *p++ = ':';
    p = put2(p, d.min);
    *p++ = ':';
    p = put2(p, d.sec);
    p = mempcpy(p, " GMT", 4);
    *p = '\0';
    return (size_t) (p - to);
}

/* The same few files are asked for again and again. */
size_t
wr_date_put(char *to, int64_t sec)
{
    enum { KNOWN = 16, SIZE = 29 };
    static __thread struct {
        int64_t sec;
        char    text[32];
    } known[KNOWN];
    char *text = known[(uint64_t) sec % KNOWN].text;

    if (text[0] == '\0' || known[(uint64_t) sec % KNOWN].sec != sec) {
        known[(uint64_t) sec % KNOWN].sec = sec;
        if (put_date(text, sec, ' ') != SIZE) {
            text[0] = '\0';
            return put_date(to, sec, ' ');
        }
    }
    memcpy(to, text, SIZE + 1);
    return SIZE;
}

size_t
wr_date_put_cookie(char *to, int64_t sec)
{
    return put_date(to, sec, '-');
}

static void
spaces(wr_str_t *s)
{
    while (s->n != 0 && *s->p == ' ') {
        *s = wr_str_skip(*s, 1);
    }
}

/* `lo` to `hi` digits. */
static bool
number(wr_str_t *s, size_t lo, size_t hi, unsigned *v)
{
    size_t n = 0;

    *v = 0;
    while (n < hi && n < s->n && wr_is_digit(s->p[n])) {
        *v = *v * 10 + (unsigned) (s->p[n++] - '0');
    }
    *s = wr_str_skip(*s, n);
    return n >= lo;
}

static bool
literal(wr_str_t *s, char c)
{
    if (s->n == 0 || *s->p != c) {
        return false;
    }
    *s = wr_str_skip(*s, 1);
    return true;
}

static bool
month(wr_str_t *s, unsigned *v)
{
    for (unsigned i = 0; i < 12 && s->n >= 3; i++) {
        if (memcmp(s->p, months[i], 3) == 0) {
            *s = wr_str_skip(*s, 3);
            *v = i + 1;
            return true;
        }
    }
    return false;
}

static bool
clock_time(wr_str_t *s, date_t *d)
{
    return number(s, 2, 2, &d->hour) && literal(s, ':')
           && number(s, 2, 2, &d->min) && literal(s, ':')
           && number(s, 2, 2, &d->sec);
}

/* "06 Nov 1994 08:49:37 GMT", "06-Nov-94 08:49:37 GMT"; what follows the
 * seconds is not looked at. */
static bool
after_comma(wr_str_t *s, date_t *d)
{
    unsigned year;
    size_t   n;
    char     between;

    spaces(s);
    if (!number(s, 2, 2, &d->day) || s->n == 0) {
        return false;
    }
    between = *s->p;
    if ((between != ' ' && between != '-') || !literal(s, between)
        || !month(s, &d->month) || !literal(s, between))
    {
        return false;
    }
    n = s->n;
    if (!number(s, 2, 4, &year) || n - s->n == 3
        || (between == ' ' && n - s->n != 4))
    {
        return false;
    }
    if (n - s->n == 2) {
        year += year < 70 ? 2000 : 1900;
    }
    d->year = year;
    return literal(s, ' ') && clock_time(s, d);
}

/* asctime's: "Nov  6 08:49:37 1994" */
static bool
after_space(wr_str_t *s, date_t *d)
{
    unsigned year = 0;

    if (!month(s, &d->month) || !literal(s, ' ')) {
        return false;
    }
    spaces(s);
    if (!number(s, 1, 2, &d->day) || !literal(s, ' ') || !clock_time(s, d)
        || !literal(s, ' ') || !number(s, 4, 4, &year))
    {
        return false;
    }
    d->year = year;
    return true;
}

static unsigned
days_in(const date_t *d)
{
    static const unsigned char n[] = {31, 28, 31, 30, 31, 30,
                                      31, 31, 30, 31, 30, 31};
    bool leap = d->year % 4 == 0 && (d->year % 100 != 0 || d->year % 400 == 0);

    return n[d->month - 1] + (d->month == 2 && leap);
}

int64_t
wr_date_parse(wr_str_t s)
{
    date_t d;
    bool   ok;

    spaces(&s);
    while (s.n != 0 && wr_is_alpha(*s.p)) {
        s = wr_str_skip(s, 1);
    }
    if (literal(&s, ',')) {
        ok = after_comma(&s, &d);
    } else {
        ok = literal(&s, ' ') && after_space(&s, &d);
    }
    if (!ok || d.day == 0 || d.day > days_in(&d) || d.hour > 23 || d.min > 59
        || d.sec > 59 || d.year < 1970)
    {
        return -1;
    }
    return days_from_date(&d) * 86400 + d.hour * 3600 + d.min * 60 + d.sec;
}
