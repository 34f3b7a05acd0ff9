/*
 * Names of results, and the end of the process when an invariant is broken.
 */
#include <weir/base/base.h>

#include <stdio.h>
#include <stdlib.h>

void (*wr_panic_hook)(const char *message);

const char *
wr_rc_name(wr_rc_t rc)
{
    switch (rc) {
    case WR_OK: return "WR_OK";
    case WR_AGAIN: return "WR_AGAIN";
    case WR_DECLINED: return "WR_DECLINED";
    case WR_DONE: return "WR_DONE";
    case WR_ERROR: return "WR_ERROR";
    case WR_TIMEOUT: return "WR_TIMEOUT";
    case WR_CLOSED: return "WR_CLOSED";
    case WR_CANCELLED: return "WR_CANCELLED";
    case WR_LIMIT: return "WR_LIMIT";
    case WR_SYNTAX: return "WR_SYNTAX";
    case WR_NOTFOUND: return "WR_NOTFOUND";
    case WR_BUSY: return "WR_BUSY";
    }
    return "WR_?";
}

void
wr_assert_failed(const char *cond, const char *file, int line)
{
    char text[512];

    snprintf(text, sizeof(text), "assertion \"%s\" failed at %s:%d", cond, file,
             line);
    if (wr_panic_hook != NULL) {
        wr_panic_hook(text);
    } else {
        fprintf(stderr, "weir: %s\n", text);
    }
    abort();
}
