/*
 * The leaky bucket of limit_req: pure arithmetic.
 */
#ifndef WEIR_LIMIT_REQ_BUCKET_H
#define WEIR_LIMIT_REQ_BUCKET_H

#include <weir/base/base.h>

/* In thousandths of a request. */
typedef struct bucket {
    int64_t   excess;
    wr_msec_t last;
} bucket_t;

/* What is in it when a request comes now; `rate` is in thousandths a second. */
static inline int64_t
bucket_excess(const bucket_t *b, int64_t rate, wr_msec_t now, wr_msec_t *passed)
{
    wr_msec_t ms = now - b->last;
    int64_t   excess;

    if (ms < -60000) {
        ms = 1;
    } else if (ms < 0) {
        ms = 0;
    }
    *passed = ms;
    excess = b->excess - rate * ms / 1000 + 1000;
    return excess < 0 ? 0 : excess;
}

static inline void
bucket_put(bucket_t *b, int64_t excess, wr_msec_t passed, wr_msec_t now)
{
    b->excess = excess;
    if (passed != 0) {
        b->last = now;
    }
}

#endif
