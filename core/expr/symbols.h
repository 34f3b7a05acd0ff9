/*
 * Which name means what where: the scopes of a template, worked out before code
 * is made of them.
 *
 * It follows Jinja2's analysis to the letter, since its results show: a name
 * that some branch assigns is a local of the whole scope, loops and macros have
 * scopes of their own, `if` has none.
 */
#ifndef WEIR_EXPR_SYMBOLS_H
#define WEIR_EXPR_SYMBOLS_H

#include <weir/expr/code.h>

typedef struct wr_syms wr_syms_t;
typedef struct wr_cfn  wr_cfn_t;

/* A function that is being compiled. */
struct wr_cfn {
    wr_cfn_t   *up;
    wr_proto_t *proto;
    uint64_t   *keys;  /* level, variant and name of each slot */
    uint32_t   *index; /* hash of keys */
    uint32_t    n, cap, mask;
};

typedef enum wr_load {
    WR_LOAD_NONE,
    WR_LOAD_PARAM,
    WR_LOAD_RESOLVE,
    WR_LOAD_ALIAS,
    WR_LOAD_UNDEFINED
} wr_load_t;

typedef struct wr_sym {
    uint32_t  name;
    bool      ref; /* this scope has the name */
    bool      stored;
    uint8_t   load;    /* wr_load_t */
    wr_cfn_t *from_fn; /* WR_LOAD_ALIAS: of an outer scope */
    uint32_t  from_slot;
} wr_sym_t;

struct wr_syms {
    wr_syms_t *parent; /* the scope around */
    wr_syms_t *base;   /* a branch of an `if` looks through to this */
    wr_cfn_t  *fn;
    uint32_t   level;
    uint32_t   variant; /* keeps loop filters apart from loops */
    wr_sym_t  *v;
    uint32_t   n, cap;
    uint32_t  *index;
    uint32_t   mask;
};

/* How a name's text becomes its number. */
typedef uint32_t (*wr_sym_id_fn)(void *data, wr_str_t name);

typedef struct wr_symctx {
    wr_pool_t   *pool;
    wr_sym_id_fn id;
    void        *data;
} wr_symctx_t;

wr_syms_t *
wr_syms_new(wr_pool_t *pool, wr_cfn_t *fn, wr_syms_t *parent, uint32_t level);
wr_cfn_t *wr_cfn_new(wr_pool_t *pool, wr_cfn_t *up, wr_proto_t *proto);

void wr_syms_param(wr_symctx_t *c, wr_syms_t *s, uint32_t name);

typedef enum wr_branch_part {
    WR_FOR_BODY,
    WR_FOR_ELSE,
    WR_FOR_TEST
} wr_branch_part_t;

/* What stands in the node belongs to the scope `s`. */
void wr_syms_analyse(wr_symctx_t *c, wr_syms_t *s, wr_ast_t *node);
void wr_syms_analyse_for(wr_symctx_t *c, wr_syms_t *s, wr_ast_t *node,
                         wr_branch_part_t part);
void wr_syms_analyse_list(wr_symctx_t *c, wr_syms_t *s, wr_ast_list_t *list);

/* The scope that has the name, or NULL. */
wr_syms_t *wr_syms_owner(wr_syms_t *s, uint32_t name);
uint32_t   wr_syms_slot(wr_pool_t *pool, wr_syms_t *owner, uint32_t name);

/* Which of the names are used but not assigned before, in nested scopes as well
 * but not in blocks: a bit for each. */
uint32_t
wr_undeclared(wr_ast_list_t *body, const char *const *names, uint32_t n);

#endif
