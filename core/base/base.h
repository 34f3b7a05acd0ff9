/*
 * The words that every file of weir uses: results, attributes, small macros.
 *
 * Layer 1 (base) is pure: no I/O, no clock, no globals that change, except the
 * per-thread cache of pool blocks (pool.c).
 */
#ifndef WEIR_BASE_BASE_H
#define WEIR_BASE_BASE_H

#include <assert.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

/* What a call came to. Never an HTTP status: those live in wr_req_t. */
typedef enum wr_rc {
    WR_OK        = 0,     /* done */
    WR_AGAIN     = 1,     /* not yet: will be told, or call again when ready */
    WR_DECLINED  = 2,     /* not mine: ask the next one */
    WR_DONE      = 3,     /* the answer is settled: stop asking others */
    WR_ERROR     = -1,    /* failed; the reason has been logged or stored */
    WR_TIMEOUT   = -2,    /* its time was up */
    WR_CLOSED    = -3,    /* the other side has gone */
    WR_CANCELLED = -4,    /* we did not want it any more */
    WR_LIMIT     = -5,    /* a limit of the conf was reached */
    WR_SYNTAX    = -6,    /* the input does not follow its grammar */
    WR_NOTFOUND  = -7,    /* there is no such thing */
    WR_BUSY      = -8,    /* taken by another */
} wr_rc_t;

/* The name of a result, for logs: "WR_AGAIN". */
const char *wr_rc_name(wr_rc_t rc);

#define WR_MUST_CHECK  __attribute__((warn_unused_result))
#define WR_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define WR_NORETURN    __attribute__((noreturn))
#define WR_UNUSED      __attribute__((unused))
#define WR_HOT         __attribute__((hot))
/* For a function that a constant argument makes another one at each place. */
#define WR_INLINE      inline __attribute__((always_inline))
#define WR_COLD        __attribute__((cold))
#define WR_NONNULL     __attribute__((returns_nonnull))
#define WR_EXPORT      __attribute__((visibility("default")))
#define wr_likely(x)   __builtin_expect(!!(x), 1)
#define wr_unlikely(x) __builtin_expect(!!(x), 0)

#define WR_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The struct that `member` at `ptr` is embedded in. */
#define WR_CONTAINER(ptr, type, member)                                       \
    ((type *) (void *) ((char *) (ptr) - offsetof(type, member)))

/* Stays on in release: a broken invariant ends the worker, never the data. */
#define WR_ASSERT(cond)                                                       \
    (wr_likely(cond) ? (void) 0 : wr_assert_failed(#cond, __FILE__, __LINE__))

WR_NORETURN WR_COLD void wr_assert_failed(const char *cond, const char *file,
                                          int line);

/* Called by wr_assert_failed and on lack of memory before the process aborts:
 * the log layer sets it so that the message reaches the error log. */
extern void (*wr_panic_hook)(const char *message);

static inline size_t
wr_min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

static inline size_t
wr_max_size(size_t a, size_t b)
{
    return a > b ? a : b;
}

typedef int64_t wr_msec_t;      /* milliseconds, of a clock or a span */

#endif
