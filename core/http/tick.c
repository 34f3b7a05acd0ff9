/*
 * One timer of the worker for all modules.
 */
#include <weir/http/tick.h>

#include <weir/http/hook.h>
#include <weir/process/cycle.h>

enum { TICK = 1000 };

static void
tick(wr_timer_t *t)
{
    unsigned            n;
    wr_module_t *const *modules = wr_modules_of(wr_cycle->cf, &n);
    bool                more = false;

    for (unsigned i = 0; i < n; i++) {
        const wr_http_tables_t *http = modules[i]->http;

        if (http != NULL && http->worker_tick != NULL && http->worker_tick()) {
            more = true;
        }
    }
    if (more) {
        wr_timer_set(t, TICK);
    }
}

void
wr_tick_begin(void)
{
    static wr_timer_t timer = {.fn = tick};

    if (!wr_timer_is_set(&timer)) {
        wr_timer_set(&timer, TICK);
    }
}
