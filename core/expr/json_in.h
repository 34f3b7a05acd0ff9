/*
 * JSON text to values, read by Jansson.
 */
#ifndef WEIR_EXPR_JSON_IN_H
#define WEIR_EXPR_JSON_IN_H

#include <weir/expr/value.h>

typedef struct wr_json_limits {
    uint32_t depth;             /* containers in containers; 0: 512 */
    bool     no_duplicates;     /* a key that comes twice is an error; else the
                                   last one counts */
    bool     any;               /* also text whose top is no array or object */
    bool     keeps;             /* the text lives as long as the values: strings may
                                   point into it */
} wr_json_limits_t;

/* What is wrong with the text, and where. */
typedef struct wr_json_err {
    wr_str_t message;       /* "'}' expected near end of file": in the pool */
    uint32_t line;          /* 1-based; 0: it is not about a place */
    uint32_t column;        /* 1-based, in characters */
    uint64_t position;      /* in bytes from the start */
} wr_json_err_t;

/* Everything is copied into `pool`, unless the text is kept. Integers beyond 64 bits,
 * lone surrogates, NaN and Infinity are errors. */
bool wr_json_parse(wr_pool_t *pool, wr_str_t text, const wr_json_limits_t *limits,
                   wr_val_t *out, wr_json_err_t *err);

#endif
