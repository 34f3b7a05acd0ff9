/*
 * Cached time. The loop reads the clock once per turn; everybody else reads the
 * cache. Texts are made at most once a second, when asked for.
 */
#ifndef WEIR_OS_CLOCK_H
#define WEIR_OS_CLOCK_H

#include <weir/base/str.h>

typedef struct wr_clock {
    wr_msec_t mono;     /* monotonic: for timers and spans */
    int64_t   sec;      /* Unix time */
    unsigned  msec;     /* 0..999 of it */
} wr_clock_t;

extern wr_clock_t wr_clock;

void wr_clock_update(void);

/* Not cached: for measuring spans below the length of a turn; nanoseconds. */
uint64_t wr_clock_ns(void);

/* Ticks of the cheapest clock there is, for spans within a request: the processor's
 * counter where it is constant, else nanoseconds. Only their differences in one
 * process mean something. */
extern bool wr_ticks_are_tsc;
static inline uint64_t
wr_ticks(void)
{
#if defined(__x86_64__)
    if (wr_likely(wr_ticks_are_tsc)) {
        return __builtin_ia32_rdtsc();
    }
#endif
    return wr_clock_ns();
}
/* A span of ticks in microseconds; one that seems to go backwards is 0. */
extern uint64_t wr_ticks_scale;     /* microseconds per tick, times 2^32 */
static inline uint64_t
wr_ticks_us(uint64_t span)
{
    return (int64_t) span < 0
               ? 0 : (uint64_t) ((unsigned __int128) span * wr_ticks_scale >> 32);
}
/* Finds out how long a tick is: at the start of the program, then in each process
 * that measures (waits for a millisecond if the start was less than that ago). */
void wr_ticks_init(void);
void wr_ticks_calibrate(void);

wr_str_t wr_clock_http(void);       /* "Sun, 22 Nov 2026 18:00:00 GMT" */
wr_str_t wr_clock_error_log(void);  /* "2026/11/22 18:00:00", local */
wr_str_t wr_clock_access_log(void); /* "22/Nov/2026:18:00:00 +0000", local */
wr_str_t wr_clock_iso(void);        /* "2026-11-22T18:00:00+00:00", local */
wr_str_t wr_clock_syslog(void);     /* "Nov 22 18:00:00", local */

/* HTTP dates (RFC 9110 §5.6.7, all three forms). -1 if it is none. */
int64_t  wr_date_parse(wr_str_t s);
/* 29 bytes: "Sun, 22 Nov 2026 18:00:00 GMT". `to` has room for 30. */
size_t   wr_date_put(char *to, int64_t sec);
/* "22-Nov-2026 18:00:00 GMT"-style with dashes, for cookies' Expires. */
size_t   wr_date_put_cookie(char *to, int64_t sec);

#endif
