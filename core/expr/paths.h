/*
 * What templates ask of names from outside, read from their sources.
 */
#ifndef WEIR_EXPR_PATHS_H
#define WEIR_EXPR_PATHS_H

#include <weir/base/array.h>
#include <weir/expr/expr.h>

typedef struct wr_path_part {
    wr_str_t text;          /* empty: an item by its number, or each item in turn */
    uint32_t line, column;  /* where it is asked; 0: in a loop's head, or the like */
} wr_path_part_t;

/* `posts[0].title` is the name `posts` with two parts. */
typedef struct wr_path {
    wr_str_t       name;
    unsigned       n;
    wr_path_part_t parts[8];
    bool           tested;  /* it is asked whether it is there, here or elsewhere */
    wr_str_t       file;    /* of the template that asks, and its text */
    wr_str_t       src;
} wr_path_t;

/* A call of a name from outside with a constant text. */
typedef struct wr_path_call {
    wr_expr_call_t call;
    wr_str_t       file;    /* of the template, and its text */
    wr_str_t       src;
} wr_path_call_t;

typedef struct wr_paths {
    wr_array_t paths;       /* wr_path_t */
    wr_array_t calls;       /* wr_path_call_t, also of imported templates */
} wr_paths_t;

/* Of a template of the environment's loader, of its parents and what they include by
 * constant names. None where something cannot be read or may be anything. Everything
 * is in the pool. */
wr_paths_t wr_template_paths(wr_env_t *env, wr_str_t name, wr_pool_t *pool);

#endif
