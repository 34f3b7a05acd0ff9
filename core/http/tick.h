/*
 * The modules' worker_tick: once a second, as long as one of them wants it. An idle
 * worker is not woken.
 */
#ifndef WEIR_HTTP_TICK_H
#define WEIR_HTTP_TICK_H

/* Something has happened that the ticks may have to look after. */
void wr_tick_begin(void);

#endif
