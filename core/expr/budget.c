/*
 * Steps and memory that builtins use outside of the machine.
 */
#include <weir/expr/budget.h>

enum { STEPS = 100000000 };     /* where the host has set no limit */

bool
wr_spend_check(wr_eval_t *ev)
{
    uint64_t most = ev->limits.steps != 0 ? ev->limits.steps : STEPS;

    if (ev->steps > most) {
        ev->steps = most;
        return wr_raise(ev, "LimitError", "the template takes more than %" PRIu64
                        " steps", most);
    }
    return wr_may_take(ev, 0);
}

bool
wr_may_take(wr_eval_t *ev, uint64_t bytes)
{
    uint64_t most = ev->limits.memory;

    if ((most != 0
         && (bytes > most
             || wr_pool_used(ev->pool) - ev->memory_from > most - bytes))
        || (bytes != 0 && !wr_pool_room(ev->pool, bytes))) {
        return wr_raise(ev, "LimitError", "the template takes more than %" PRIu64
                        " bytes of memory", most);
    }
    return true;
}

bool
wr_may_grow_slow(wr_eval_t *ev, const wr_buf_t *b, uint64_t more)
{
    if (b->pool == ev->pool) {
        return wr_may_take(ev, 2 * (b->n + more));
    }
    if (ev->limits.output != 0 && b->n + more > ev->limits.output) {
        return wr_raise(ev, "LimitError", "the output is longer than %" PRIu64
                        " bytes", ev->limits.output);
    }
    return true;
}

bool
wr_text_val(wr_eval_t *ev, const wr_buf_t *b, bool safe, wr_val_t *out)
{
    if (wr_unlikely(b->n > UINT32_MAX)) {
        return wr_raise(ev, "LimitError", "a string of %zu bytes is too long",
                        b->n);
    }
    *out = safe ? wr_vsafe(wr_buf_text(b)) : wr_vstr(wr_buf_text(b));
    return true;
}
