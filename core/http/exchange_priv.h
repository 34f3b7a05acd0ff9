/*
 * What the files of wr_exchange_t share.
 */
#ifndef WEIR_HTTP_EXCHANGE_PRIV_H
#define WEIR_HTTP_EXCHANGE_PRIV_H

#include <weir/http/exchange.h>

/* The log is the owner's, and others use it meanwhile: what is being done is said for
 * the one line only. */
#define complain(x, level, err, ...)                                          \
    do {                                                                      \
        const char *was_ = (x)->log->action;                                  \
                                                                              \
        (x)->log->action = wr_exchange_doing(x);                                          \
        wr_log((x)->log, level, err, __VA_ARGS__);                            \
        (x)->log->action = was_;                                              \
    } while (0)

/* exchange_head.c: reads as much of the head as there is. WR_OK: all of it, and how the
 * body is framed is known; WR_AGAIN; WR_LIMIT and WR_SYNTAX have been logged. */
wr_rc_t wr_exchange_read_head(wr_exchange_t *x);

#endif
