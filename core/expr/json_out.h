/*
 * JSON from values, as Python's json.dumps writes it. Streams into a buffer.
 */
#ifndef WEIR_EXPR_JSON_OUT_H
#define WEIR_EXPR_JSON_OUT_H

#include <weir/expr/value.h>

typedef struct wr_json_opts {
    bool     ascii;         /* \uXXXX for all that is not ASCII */
    bool     sort;          /* keys in order */
    bool     html;          /* < > & ' as \u003c …: safe inside HTML */
    bool     finite;        /* inf and nan as null, else Infinity and NaN */
    bool     any_iterable;  /* generators, ranges and views as arrays */
    bool     pretty;        /* an item a line, `indent` for each level */
    wr_str_t indent;
    wr_str_t item_sep;      /* no pointer: ", ", or "," if pretty */
    wr_str_t key_sep;       /* no pointer: ": " */
} wr_json_opts_t;

/* json.dumps's own defaults. */
#define WR_JSON_DEFAULTS ((wr_json_opts_t) {.ascii = true})

/* Appends `v`. Mappings and sequences among the host's objects are written as
 * objects and arrays. Raises TypeError for what JSON cannot hold, ValueError for
 * a container inside itself, RecursionError when too deep. */
bool wr_json_put(wr_eval_t *ev, wr_buf_t *to, const wr_val_t *v,
                 const wr_json_opts_t *opts);

/* A string, a number, a boolean or none is written without any set-up, and cannot fail;
 * false for other values: nothing was written. */
bool wr_json_put_scalar(wr_buf_t *to, const wr_val_t *v, const wr_json_opts_t *opts);

/* The same in pieces, for what may be long: WR_AGAIN when about `enough` bytes (more
 * by an item, of a string 16 KB before escapes) are in `to`; the rest then comes by
 * wr_json_go_on, each time into whatever buffer. WR_OK: that was all; WR_ERROR: raised.
 * `rest` is made in ev->pool; the value, and what the options point to, are to live and
 * stay unchanged until the end, and every `ev` is to have that pool. */
typedef struct wr_json_rest wr_json_rest_t;
wr_rc_t wr_json_begin(wr_eval_t *ev, wr_buf_t *to, const wr_val_t *v,
                      const wr_json_opts_t *opts, size_t enough, wr_json_rest_t **rest)
    WR_MUST_CHECK;
wr_rc_t wr_json_go_on(wr_json_rest_t *rest, wr_eval_t *ev, wr_buf_t *to) WR_MUST_CHECK;

/* Appends a JSON string, quotes included. */
void wr_json_put_str(wr_buf_t *to, wr_str_t s, const wr_json_opts_t *opts);

#endif
