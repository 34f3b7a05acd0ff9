/*
 * Guarded evaluations: setjmp where they begin, longjmp when a large piece of
 * memory would pass the limit. Everything that an evaluation builds is in its
 * pool, so there is nothing to undo but the evaluation's own counters.
 */
#include <weir/expr/budget.h>
#include <weir/expr/guard.h>

#include <setjmp.h>

typedef struct {
    jmp_buf         begin;
    wr_eval_t      *ev;
    wr_pool_guard_t was;
    uint32_t        depth;
    uint32_t        nested;
    const void     *printing;
    uint64_t        memory_from;
} guard_t;

static void
leave(guard_t *g)
{
    longjmp(g->begin, 1);
}

static void
over(void *data)
{
    guard_t *g = data;

    /* the message is made in this pool: never guarded twice */
    wr_pool_guard(g->ev->pool, (wr_pool_guard_t) {0, NULL, NULL});
    wr_raise(g->ev, "LimitError", "the template takes more than %" PRIu64
             " bytes of memory", g->ev->limits.memory);
    leave(g);
}

void
wr_guard_output(wr_eval_t *ev)
{
    wr_raise(ev, "LimitError", "the output is longer than %" PRIu64 " bytes",
             ev->limits.output);
    if (ev->guard != NULL) {
        leave(ev->guard);
    }
}

bool
wr_guarded(wr_eval_t *ev, bool (*fn)(wr_eval_t *ev, void *data), void *data)
{
    guard_t  g;
    uint64_t used = wr_pool_used(ev->pool);
    bool     ok;

    if (ev->guard != NULL) {
        return fn(ev, data);
    }
    g.ev = ev;
    g.depth = ev->depth;
    g.nested = ev->nested;
    g.printing = ev->printing;
    g.memory_from = ev->memory_from;
    g.was = wr_pool_guard(ev->pool, (wr_pool_guard_t) {
        ev->limits.memory != 0 ? used + ev->limits.memory : 0, over, &g});
    ev->memory_from = used;
    ev->guard = &g;
    if (setjmp(g.begin) == 0) {
        ok = fn(ev, data);
    } else {
        ok = false;
        ev->depth = g.depth;
        ev->nested = g.nested;
        ev->printing = g.printing;
    }
    ev->memory_from = g.memory_from;
    ev->guard = NULL;
    wr_pool_guard(ev->pool, g.was);
    return ok;
}
