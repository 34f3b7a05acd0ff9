/*
 * Counters of all workers, in memory that they share from the program's start.
 */
#ifndef WEIR_HTTP_STATS_H
#define WEIR_HTTP_STATS_H

#include <stdatomic.h>
#include <weir/base/base.h>

typedef struct wr_http_stats {
    _Atomic uint64_t accepted;      /* connections since the start */
    _Atomic uint64_t requests;      /* main requests since the start */
    _Atomic int64_t  active;        /* connections now … */
    _Atomic int64_t  idle;          /* … of which wait for a request */
    _Atomic int64_t  running;       /* requests that are being answered */
} wr_http_stats_t;

extern wr_http_stats_t *wr_http_stats;

#define wr_stat_add(name, n)                                                  \
    ((void) atomic_fetch_add_explicit(&wr_http_stats->name, n,                \
                                      memory_order_relaxed))
#define wr_stat_get(name)                                                     \
    atomic_load_explicit(&wr_http_stats->name, memory_order_relaxed)

#endif
