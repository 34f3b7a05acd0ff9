/*
 * What `expires` says becomes Expires and Cache-Control.
 */
#include <time.h>
#include <weir/http/request.h>
#include "headers.h"

bool
expires_parse(wr_str_t text, bool modified, expires_t *e, const char **error)
{
    char sign = text.n != 0 ? text.p[0] : '\0';

    *error = "invalid value";
    if (!modified) {
        if (wr_str_eqz(text, "epoch")) {
            e->kind = EXPIRES_EPOCH;
            return true;
        }
        if (wr_str_eqz(text, "max")) {
            e->kind = EXPIRES_MAX;
            return true;
        }
        if (wr_str_eqz(text, "off")) {
            e->kind = EXPIRES_OFF;
            return true;
        }
    }
    if (sign == '@') {
        if (modified) {
            *error = "daily time cannot be used with \"modified\" parameter";
            return false;
        }
        if (!wr_parse_sec(wr_str_skip(text, 1), &e->seconds)) {
            return false;
        }
        if (e->seconds > 24 * 60 * 60) {
            *error = "daily time value must be less than 24 hours";
            return false;
        }
        e->kind = EXPIRES_DAILY;
        return true;
    }
    if (sign == '+' || sign == '-') {
        text = wr_str_skip(text, 1);
    }
    if (!wr_parse_sec(text, &e->seconds)) {
        return false;
    }
    if (sign == '-') {
        e->seconds = -e->seconds;
    }
    e->kind = modified ? EXPIRES_MODIFIED : EXPIRES_ACCESS;
    return true;
}

/* The next time at which local clocks show that time of day. */
static int64_t
next_daily(int64_t seconds)
{
    time_t    now = (time_t) wr_clock.sec;
    struct tm tm;
    time_t    next;

    localtime_r(&now, &tm);
    tm.tm_hour = (int) (seconds / 3600);
    tm.tm_min = (int) (seconds / 60 % 60);
    tm.tm_sec = (int) (seconds % 60);
    next = mktime(&tm);
    if (next > now) {
        return next;
    }
    tm.tm_mday++;
    next = mktime(&tm);
    return next != (time_t) -1 ? next : now;
}

static void
put(wr_req_t *r, wr_str_t date, wr_str_t control)
{
    wr_headers_set(&r->out, WR_H_EXPIRES, WR_STR("Expires"), date);
    wr_headers_set(&r->out, WR_H_CACHE_CONTROL, WR_STR("Cache-Control"), control);
}

void
expires_set(wr_req_t *r, const expires_t *e)
{
    int64_t  until = 0, age = 0;
    wr_str_t date, control;
    char    *p;

    switch (e->kind) {
    case EXPIRES_OFF:
        return;
    case EXPIRES_EPOCH:
        put(r, WR_STR("Thu, 01 Jan 1970 00:00:01 GMT"), WR_STR("no-cache"));
        return;
    case EXPIRES_MAX:
        put(r, WR_STR("Thu, 31 Dec 2037 23:55:55 GMT"),
            WR_STR("max-age=315360000"));
        return;
    case EXPIRES_DAILY:
        until = next_daily(e->seconds);
        break;
    case EXPIRES_MODIFIED:
        until = (r->last_modified >= 0 ? r->last_modified : wr_clock.sec)
                + e->seconds;
        break;
    case EXPIRES_ACCESS:
        until = wr_clock.sec + e->seconds;
        break;
    }
    age = until - wr_clock.sec;
    p = wr_alloc_bytes(wr_pool(r), 30);
    date = wr_str(p, wr_date_put(p, until));
    control = e->seconds < 0 || age < 0
                  ? WR_STR("no-cache")
                  : wr_pool_printf(wr_pool(r), "max-age=%" PRId64, age);
    put(r, date, control);
}
