/*
 * HTTP/2: limits to what a client may make the server do for nothing. Leaky
 * buckets: so many events at once, so many in a second from then on.
 */
#include "h2.h"

enum {
    RESETS = 200, RESET_RATE = 100,     /* streams broken off, or reset for a fault */
    IDLING = 10000, IDLE_RATE = 1000,   /* pings, settings, priorities, empty frames */
    ACKS = 128                          /* owed, because the client does not read */
};

bool
h2_bucket_add(h2_bucket_t *b, unsigned burst, unsigned per_second)
{
    wr_msec_t gone = wr_clock.mono - b->since;
    uint64_t  leaked = gone < 0 ? 0 : (uint64_t) gone * per_second;

    b->since = wr_clock.mono;
    b->level = leaked < b->level ? b->level - (uint32_t) leaked : 0;
    b->level += 1000;
    return b->level <= burst * 1000;
}

bool
h2_calm_reset(h2_t *h2)
{
    if (!h2_bucket_add(&h2->resets, RESETS, RESET_RATE)) {
        h2_fail(h2, H2_ENHANCE_YOUR_CALM, "too many streams were reset");
        return false;
    }
    return true;
}

bool
h2_calm_idle(h2_t *h2)
{
    if (!h2_bucket_add(&h2->idling, IDLING, IDLE_RATE)) {
        h2_fail(h2, H2_ENHANCE_YOUR_CALM, "too many frames to no purpose");
        return false;
    }
    return true;
}

bool
h2_calm_ack(h2_t *h2)
{
    if (++h2->acks > ACKS) {
        h2_fail(h2, H2_ENHANCE_YOUR_CALM, "too many frames that ask for an answer");
        return false;
    }
    return h2_calm_idle(h2);
}
