/*
 * What a store has been asked, counted by all workers in shared memory.
 */
#ifndef WEIR_SESSION_STATS_H
#define WEIR_SESSION_STATS_H

#include <stdatomic.h>
#include <weir/process/cycle.h>

typedef struct stats {
    _Atomic uint64_t hits;          /* loaded */
    _Atomic uint64_t misses;        /* asked for, but not known */
    _Atomic uint64_t saves;         /* created, changed or renamed */
    _Atomic uint64_t ends;          /* destroyed */
    _Atomic uint64_t conflicts;     /* two requests changed one session at once */
    _Atomic uint64_t errors;        /* the store was away or refused */
    _Atomic uint64_t calls;         /* of the store … */
    _Atomic uint64_t ns;            /* … and how long they took together */
} stats_t;

#define session_count(s, name)                                                \
    ((void) atomic_fetch_add_explicit(&(s)->name, 1, memory_order_relaxed))

/* Once the shared memory is there, *to are the counters of this label: the same for
 * all directives that name one store, kept over a reload. Never NULL; until then what
 * is counted is lost. False after a conf error. */
bool stats_want(wr_conf_t *cf, wr_str_t label, stats_t **to);

#endif
