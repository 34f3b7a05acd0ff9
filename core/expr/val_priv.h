/*
 * What the files of the value type share among themselves. Not installed.
 */
#ifndef WEIR_EXPR_VAL_PRIV_H
#define WEIR_EXPR_VAL_PRIV_H

#include <weir/base/utf8.h>
#include <weir/expr/value.h>

enum { WR_NEST_MAX = 900 };     /* containers within containers */

/* Room for a str of `n` bytes; NULL after a LimitError or MemoryError. */
char *wr_text_room(wr_eval_t *ev, uint64_t n);

/* The same where a small template can ask for much (repetition, padding): the
 * limit on strings counts as well. */
char *wr_text_room_limited(wr_eval_t *ev, uint64_t n);

/* False after a LimitError: would a str of `n` bytes pass the limit? */
bool wr_text_allowed(wr_eval_t *ev, uint64_t n);

/* A list with room for `n` items, of a size that comes from outside; NULL after
 * an error. */
wr_list_t *wr_list_try(wr_eval_t *ev, uint64_t n);

/* Entering one more level of containers; false after a RecursionError, whose
 * message ends with `where`. Every true one is left again. */
static inline void
wr_nest_leave(wr_eval_t *ev)
{
    ev->nested--;
}

bool wr_nest_enter(wr_eval_t *ev, const char *where);

/* An empty buffer in the evaluation's pool. */
static inline wr_buf_t
wr_ev_buf(wr_eval_t *ev)
{
    return wr_buf(ev->pool);
}

/* The buffer's text as a str value; raises if it is too long. */
bool wr_buf_val(wr_eval_t *ev, const wr_buf_t *b, wr_val_t *out);

static inline bool
wr_is_str(const wr_val_t *v)
{
    return v->type == WR_V_STR;
}

static inline bool
wr_is_int(const wr_val_t *v)        /* bool is an int */
{
    return v->type == WR_V_INT || v->type == WR_V_BOOL;
}

static inline bool
wr_is_number(const wr_val_t *v)
{
    return v->type == WR_V_INT || v->type == WR_V_BOOL || v->type == WR_V_FLOAT;
}

static inline bool
wr_is_seq(const wr_val_t *v)
{
    return v->type == WR_V_LIST || v->type == WR_V_TUPLE;
}

static inline bool
wr_is_safe(const wr_val_t *v)
{
    return v->type == WR_V_STR && (v->flags & WR_VF_SAFE) != 0;
}

static inline bool
wr_is_ascii(const wr_val_t *v)
{
    return (v->flags & WR_VF_ASCII) != 0 || wr_utf8_ascii(wr_val_text(v));
}

static inline double
wr_as_double(const wr_val_t *v)     /* of a number */
{
    return v->type == WR_V_FLOAT ? v->u.f : (double) v->u.i;
}

/* Code points of a str. */
static inline int64_t
wr_str_points(const wr_val_t *v)
{
    return (v->flags & WR_VF_ASCII) != 0
               ? (int64_t) v->len
               : (int64_t) wr_utf8_count(wr_val_text(v));
}

/* A part of the str `v` with its flags: bytes [from, to). */
static inline wr_val_t
wr_str_part(const wr_val_t *v, size_t from, size_t to)
{
    wr_val_t part = *v;

    part.aux = 0;
    part.u.s += from;
    part.len = (uint32_t) (to - from);
    return part;
}

/* The kind of an undefined. */
static inline uint8_t
wr_undef_kind(const wr_eval_t *ev, const wr_val_t *v)
{
    return v->u.undef != NULL && ev->undef_kind != WR_UNDEF_NAMED ? v->u.undef->kind
                                                                  : ev->undef_kind;
}

/* Whether its text, items and length are an error. */
static inline bool
wr_undef_is_void(const wr_eval_t *ev, const wr_val_t *v)
{
    return wr_undef_kind(ev, v) >= WR_UNDEF_STRICT;
}

/* "list object", "None", "markupsafe.Markup object": as Jinja2's messages. */
void wr_put_type_repr(wr_buf_t *to, const wr_val_t *v);

void wr_put_str_repr(wr_buf_t *to, wr_str_t s);
void wr_put_bytes_repr(wr_buf_t *to, wr_str_t s);

/* What a debug undefined prints. */
bool wr_undef_debug(wr_eval_t *ev, wr_buf_t *to, const wr_val_t *v);

/* Of an undefined: why. */
wr_str_t wr_undef_message(wr_eval_t *ev, const wr_val_t *v);

/* <0, 0, >0 or 2 for unordered; both are numbers. */
int wr_num_compare(const wr_val_t *a, const wr_val_t *b);

/* Equal, or the same thing: what Python's containers ask. */
bool wr_same(wr_eval_t *ev, const wr_val_t *a, const wr_val_t *b, bool *is);

int64_t wr_range_len(const wr_range_t *r);
wr_val_t wr_vrange(wr_pool_t *pool, int64_t start, int64_t stop, int64_t step);

/* Where `v` is in the range; -1 if it is not. */
int64_t wr_range_find(const wr_range_t *r, const wr_val_t *v);

/* Start, stop and step of a slice of `n` items, clipped as Python does; false
 * if an index is of a wrong type (no error stored) or the step is 0 (raised). */
typedef struct wr_span {
    int64_t start, stop, step;
    int64_t n;          /* how many are chosen */
} wr_span_t;

bool wr_slice_span(wr_eval_t *ev, int64_t n, const wr_val_t *start,
                   const wr_val_t *stop, const wr_val_t *step, wr_span_t *span);

/* start/end arguments as of str.find: clipped to [0, n]. */
bool wr_index_arg(wr_eval_t *ev, const wr_val_t *v, int64_t *i);

/* "a, b.c": an error about two operands of an operator; false. */
bool wr_bad_operands(wr_eval_t *ev, const char *op, const wr_val_t *a,
                     const wr_val_t *b);

/* The dict views. */
typedef enum wr_view { WR_VIEW_KEYS, WR_VIEW_VALUES, WR_VIEW_ITEMS } wr_view_t;

wr_val_t wr_dict_view(wr_pool_t *pool, wr_dict_t *d, wr_view_t view);

/* A two-tuple. */
wr_val_t wr_pair(wr_pool_t *pool, const wr_val_t *a, const wr_val_t *b);

/* Empties a dict. */
void wr_dict_clear(wr_dict_t *d);
wr_dict_t *wr_dict_copy(wr_pool_t *pool, const wr_dict_t *d);

/* One step of an iterator over a dict, whose `data` is how many entries it had when
 * that began: the next entry, WR_DONE, or an error if it has another number now. */
wr_rc_t wr_dict_iterate(wr_eval_t *ev, const wr_dict_t *d, wr_iter_t *it,
                        const wr_dict_entry_t **e);

/* dict.update(v): a mapping or pairs. */
bool wr_dict_update(wr_eval_t *ev, wr_dict_t *d, const wr_val_t *v);

#endif
