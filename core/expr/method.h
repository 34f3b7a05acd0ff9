/*
 * The methods and attributes that values of the builtin types have.
 */
#ifndef WEIR_EXPR_METHOD_H
#define WEIR_EXPR_METHOD_H

#include <weir/expr/value.h>

typedef struct wr_method {
    const char *name;
    wr_fn_t     fn;     /* args->self is the value */
} wr_method_t;

/* The method `name` of v's type, or NULL. Sees no sandbox. */
const wr_method_t *wr_method_find(const wr_val_t *v, wr_str_t name);

/* Markup has a method of its own by that name, not str's. */
bool wr_markup_has(wr_str_t name);

/* For which types the name is a method or another attribute: a set of bits
 * 1 << wr_vtype_t. A compiler that asks once can then skip the search: where
 * WR_V_DICT is not in it, `d.name` is wr_dict_gets alone. */
uint32_t wr_attr_types(wr_str_t name);

/* v.name(args…) without making a bound method; else as wr_get_attr and wr_call
 * one after the other. */
bool wr_invoke(wr_eval_t *ev, const wr_val_t *v, wr_str_t name,
               const wr_args_t *args, wr_val_t *out);

/* Tables of one type, sorted by name. */
typedef struct wr_methods {
    const wr_method_t *rows;
    unsigned           n;
} wr_methods_t;

extern const wr_methods_t wr_str_methods;
extern const wr_methods_t wr_markup_methods;    /* where they differ from str */
extern const wr_methods_t wr_list_methods;
extern const wr_methods_t wr_tuple_methods;
extern const wr_methods_t wr_dict_methods;
extern const wr_methods_t wr_int_methods;
extern const wr_methods_t wr_float_methods;
extern const wr_methods_t wr_bytes_methods;
extern const wr_methods_t wr_range_methods;

#endif
