/*
 * The event loop of a process: edge-triggered epoll, timers, posted work.
 *
 * A descriptor is registered once for reading and writing and never modified
 * (no epoll_ctl per request). The flags `readable` and `writable` remember what
 * the kernel said; whoever gets EAGAIN, or less than asked for, clears them. So
 * nobody calls read again only to see EAGAIN.
 *
 * There is one loop per process. Everything here is for the loop's thread.
 */
#ifndef WEIR_EVENT_LOOP_H
#define WEIR_EVENT_LOOP_H

#include <weir/base/queue.h>
#include <weir/os/clock.h>
#include <weir/os/log.h>

typedef struct wr_watch wr_watch_t;

struct wr_watch {
    int  fd;                    /* -1: not open */
    bool readable;
    bool writable;
    bool registered : 1;
    bool hup : 1;               /* the peer has closed its side (RDHUP), or error */
    bool arrived : 1;           /* the kernel said readable since somebody cleared this:
                                 * for who keeps in `readable` what he has read ahead */
    void (*on_read)(wr_watch_t *w);     /* NULL: only the flag is set */
    void (*on_write)(wr_watch_t *w);    /* when it was not writable before */
};

typedef struct wr_post {
    wr_queue_t link;
    void     (*fn)(struct wr_post *p);
    bool       queued;
} wr_post_t;

typedef struct wr_timer {
    wr_msec_t when;             /* deadline, of wr_clock.mono */
    wr_msec_t key;              /* where it stands in the heap: <= when */
    uint32_t  at;               /* place in the heap + 1; 0: not set */
    void    (*fn)(struct wr_timer *t);
} wr_timer_t;

/* Makes the process's loop (in each worker after fork; in the master too). */
wr_rc_t wr_loop_open(wr_log_t *log, unsigned events) WR_MUST_CHECK;
void    wr_loop_close(void);

/* One turn: waits for events (at most until the next timer, or `max_ms`; -1: no
 * bound), runs handlers, then due timers, then posted work. A signal ends the
 * wait early. */
void wr_loop_turn(wr_msec_t max_ms);

/* How many turns there have been: any thread may ask. */
uint64_t wr_loop_turns(void);

/* Registers w->fd for both directions, edge-triggered. */
wr_rc_t wr_watch_add(wr_watch_t *w) WR_MUST_CHECK;
/* Level-triggered for reading only: listening sockets. `exclusive`: EPOLLEXCLUSIVE. */
wr_rc_t wr_watch_add_listen(wr_watch_t *w, bool exclusive) WR_MUST_CHECK;
/* Takes it out of the loop; events already fetched for it are dropped. */
void    wr_watch_remove(wr_watch_t *w);
/* The same for a descriptor that is closed right after (no system call). */
void    wr_watch_forget(wr_watch_t *w);

/* fn runs at the end of this turn, once; posting twice is harmless. */
void wr_post(wr_post_t *p);
void wr_unpost(wr_post_t *p);

/* Timers are lazy: moving one later costs nothing. */
void wr_timer_set(wr_timer_t *t, wr_msec_t after_ms);
void wr_timer_cancel(wr_timer_t *t);
static inline bool
wr_timer_is_set(const wr_timer_t *t)
{
    return t->at != 0;
}

/* Whether anything but `idle` timers is left: for a graceful end. */
unsigned wr_loop_timers(void);

#endif
