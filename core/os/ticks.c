/*
 * The processor's counter as a clock: some 20 cycles, against a hundred for asking
 * the kernel's page. How long a tick is follows from the time that has passed since
 * the program's start on both clocks.
 */
#include <weir/os/clock.h>

#include <time.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

enum { LEAST_NS = 1000000 };

bool     wr_ticks_are_tsc;
uint64_t wr_ticks_scale = ((uint64_t) 1 << 32) / 1000;

static uint64_t start_ticks, start_ns;

/* Whether the counter runs at one speed, also while the processor sleeps. */
static bool
is_constant(void)
{
#if defined(__x86_64__)
    unsigned a, b, c, d;

    return __get_cpuid(0x80000007u, &a, &b, &c, &d) != 0 && (d & 1u << 8) != 0;
#else
    return false;
#endif
}

void
wr_ticks_init(void)
{
    wr_ticks_are_tsc = is_constant();
    start_ns = wr_clock_ns();
    start_ticks = wr_ticks();
}

void
wr_ticks_calibrate(void)
{
    struct timespec rest = {0, LEAST_NS};
    uint64_t        ns, ticks;

    if (!wr_ticks_are_tsc) {
        return;
    }
    if (wr_clock_ns() - start_ns < LEAST_NS) {
        nanosleep(&rest, NULL);
    }
    ns = wr_clock_ns() - start_ns;
    ticks = wr_ticks() - start_ticks;
    if (ns < LEAST_NS || (int64_t) ticks <= 0) {
        wr_ticks_are_tsc = false;       /* it does not do what it promised */
        wr_ticks_scale = ((uint64_t) 1 << 32) / 1000;
        return;
    }
    wr_ticks_scale = (uint64_t) ((double) ns / (double) ticks * 4294967.296);
}
