/*
 * What loop.c and timer.c share.
 */
#ifndef WEIR_EVENT_LOOP_PRIV_H
#define WEIR_EVENT_LOOP_PRIV_H

#include <weir/event/loop.h>

/* Milliseconds until the next timer is due; 0: now; -1: there is none. */
wr_msec_t wr_timers_next(void);
/* Calls those that are due. A timer that is set to "now" by one of them runs as
 * well. */
void      wr_timers_run(void);
/* Forgets all of them, without calling anybody. */
void      wr_timers_drop(void);

#endif
