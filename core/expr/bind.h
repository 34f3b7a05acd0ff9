/*
 * How the arguments of a call meet the parameters of a builtin: by position, by
 * name, with Python's rules and Python's words when they do not fit.
 */
#ifndef WEIR_EXPR_BIND_H
#define WEIR_EXPR_BIND_H

#include <weir/expr/value.h>

enum { WR_SIG_MAX = 8 };

/* A signature. `name` is what Python calls the function in its messages. */
typedef struct wr_sig {
    const char *name;
    const char *hidden;     /* a parameter before the others that the caller
                               does not see but Python counts, or NULL */
    uint8_t     required;   /* parameters without a default */
    uint8_t     n;
    const char *params[WR_SIG_MAX];
} wr_sig_t;

/* out[i] is the i-th parameter's value, or "not given" (see wr_given). Raises
 * TypeError. `out` has sig->n places. */
bool wr_sig_bind(wr_eval_t *ev, const wr_sig_t *sig, const wr_args_t *args,
                 wr_val_t *out);

/* For those that Python writes in C: exactly one argument, none by
 * name, worded as `len() takes exactly one argument (2 given)`. */
bool wr_bind_one(wr_eval_t *ev, const char *name, const wr_args_t *args);

/* self.name(argv…), as a template would call it. Raises AttributeError if there
 * is no such method. */
bool wr_call_method(wr_eval_t *ev, const wr_val_t *self, const char *name,
                    const wr_val_t *argv, uint32_t n, wr_val_t *out);

/* AttributeError, in Python's words for this kind of value; false. */
bool wr_no_attribute(wr_eval_t *ev, const wr_val_t *self, wr_str_t name);

/* An integer where Python wants one: int or bool, else TypeError `'str' object
 * cannot be interpreted as an integer`. */
bool wr_as_index(wr_eval_t *ev, const wr_val_t *v, int64_t *out);

/* The truth of a parameter, `dflt` if it was not given. */
bool wr_arg_truth(wr_eval_t *ev, const wr_val_t *v, bool dflt, bool *truth);

static inline bool
wr_is_none(const wr_val_t *v)       /* none, or not given at all */
{
    return v->type == WR_V_NONE || !wr_given(v);
}

static inline bool
wr_is_num(const wr_val_t *v)        /* int or bool */
{
    return v->type == WR_V_INT || v->type == WR_V_BOOL;
}

#endif
