/*
 * How methods take their arguments: Python's checks and Python's words. Stays in
 * this folder.
 */
#ifndef WEIR_EXPR_METHOD_PRIV_H
#define WEIR_EXPR_METHOD_PRIV_H

#include <weir/expr/method.h>
#include <weir/expr/val_priv.h>

#define WR_METHOD(fn) bool fn(wr_eval_t *ev, const wr_args_t *args, wr_val_t *out)

/* Each raises Python's TypeError if it does not fit, naming the type of self
 * where Python does. */
bool wr_take_none(wr_eval_t *ev, const char *name, const wr_args_t *args);
bool wr_take_one(wr_eval_t *ev, const char *name, const wr_args_t *args);
bool wr_take_some(wr_eval_t *ev, const char *name, const wr_args_t *args,
                  uint32_t least, uint32_t most);

/* Arguments that may be named: out[i] is undefined with aux 1 if not given. */
bool wr_take_named(wr_eval_t *ev, const char *name, const char *const *params,
                   uint32_t n, const wr_args_t *args, wr_val_t *out);

/* An int where Python calls __index__. */
bool wr_take_int(wr_eval_t *ev, const wr_val_t *v, int64_t *i);
/* One that has to fit in C's int as well. */
bool wr_take_c_int(wr_eval_t *ev, const wr_val_t *v, int64_t *i);

/* Methods of Python's own classes count `self`: "Markup.join() takes 2
 * positional arguments but 3 were given". */
bool wr_take_python(wr_eval_t *ev, const char *name, const char *const *params,
                    uint32_t required, uint32_t n, const wr_args_t *args,
                    wr_val_t *out);

/* A str argument, worded as "must be str, not int". */
bool wr_take_str(wr_eval_t *ev, const wr_val_t *v);

/* The bytes [from, to) of the str `v`, no longer Markup. */
static inline wr_val_t
wr_plain_part(const wr_val_t *v, size_t from, size_t to)
{
    wr_val_t part = wr_str_part(v, from, to);

    part.flags &= WR_VF_ASCII;
    return part;
}

/* The buffer as a str; ASCII if `v` is known to be. */
bool wr_plain_buf(wr_eval_t *ev, const wr_buf_t *b, const wr_val_t *v,
                  wr_val_t *out);

/* ---- str: method_case.c, method_find.c, method_split.c, method_pad.c … ---- */

WR_METHOD(wr_str_capitalize);
WR_METHOD(wr_str_casefold);
WR_METHOD(wr_str_lower);
WR_METHOD(wr_str_swapcase);
WR_METHOD(wr_str_title);
WR_METHOD(wr_str_upper);
WR_METHOD(wr_str_isalnum);
WR_METHOD(wr_str_isalpha);
WR_METHOD(wr_str_isascii);
WR_METHOD(wr_str_isdecimal);
WR_METHOD(wr_str_isdigit);
WR_METHOD(wr_str_isidentifier);
WR_METHOD(wr_str_islower);
WR_METHOD(wr_str_isnumeric);
WR_METHOD(wr_str_isprintable);
WR_METHOD(wr_str_isspace);
WR_METHOD(wr_str_istitle);
WR_METHOD(wr_str_isupper);

WR_METHOD(wr_str_count);
WR_METHOD(wr_str_endswith);
WR_METHOD(wr_str_find_);
WR_METHOD(wr_str_index);
WR_METHOD(wr_str_rfind);
WR_METHOD(wr_str_rindex);
WR_METHOD(wr_str_startswith);

WR_METHOD(wr_str_join);
WR_METHOD(wr_str_partition);
WR_METHOD(wr_str_rpartition);
WR_METHOD(wr_str_rsplit);
WR_METHOD(wr_str_split_);
WR_METHOD(wr_str_splitlines);

WR_METHOD(wr_str_center);
WR_METHOD(wr_str_expandtabs);
WR_METHOD(wr_str_ljust);
WR_METHOD(wr_str_rjust);
WR_METHOD(wr_str_zfill);

WR_METHOD(wr_str_lstrip);
WR_METHOD(wr_str_maketrans);
WR_METHOD(wr_str_removeprefix);
WR_METHOD(wr_str_removesuffix);
WR_METHOD(wr_str_replace);
WR_METHOD(wr_str_rstrip);
WR_METHOD(wr_str_strip);
WR_METHOD(wr_str_translate);

WR_METHOD(wr_str_encode);
WR_METHOD(wr_str_format);
WR_METHOD(wr_str_format_map);

#endif
