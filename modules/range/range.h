/*
 * The Range header (RFC 9110 §14.2).
 */
#ifndef WEIR_RANGE_RANGE_H
#define WEIR_RANGE_RANGE_H

#include <weir/base/array.h>

typedef struct range {
    int64_t start;
    int64_t end;            /* the byte behind the last one */
} range_t;

/* What stands behind "bytes=" for a body of `length` bytes; `max` ranges at most.
 * WR_OK: at least one in `ranges` (of range_t). WR_DECLINED: answer with all of it
 * (too many, or more than the body). WR_SYNTAX: 416. */
wr_rc_t range_parse(wr_str_t text, int64_t length, int64_t max, wr_array_t *ranges)
    WR_MUST_CHECK;

#endif
