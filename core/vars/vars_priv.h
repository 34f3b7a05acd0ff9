/*
 * What the files of this folder share: the numbering of variables.
 */
#ifndef WEIR_VARS_VARS_PRIV_H
#define WEIR_VARS_VARS_PRIV_H

#include <weir/vars/cv.h>

#define WR_VAR_NO_INDEX UINT32_MAX

typedef struct wr_var_entry {
    wr_var_t  var;
    bool      defined;
    wr_tok_t *used_at;          /* the first use; valid while reading */
} wr_var_entry_t;

struct wr_vars {
    wr_map_t   names;           /* wr_var_entry_t: all that were defined or used */
    wr_array_t table;           /* wr_var_t *: those that are used, by index */
    wr_array_t prefixes;        /* wr_var_t * */
};

/* The longest prefix variable that `name` starts with, or NULL. */
const wr_var_t *wr_vars_prefix(const wr_vars_t *vars, wr_str_t name);

/* As wr_var_use, with the place for messages. */
int wr_var_use_at(wr_conf_t *cf, wr_str_t name, const wr_tok_t *at, size_t offset);

#endif
