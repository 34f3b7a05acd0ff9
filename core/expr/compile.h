/*
 * The compiler's state, shared by its files. Not installed.
 */
#ifndef WEIR_EXPR_COMPILE_H
#define WEIR_EXPR_COMPILE_H

#include <setjmp.h>

#include <weir/expr/symbols.h>

/* Statements being gathered. */
typedef struct wr_emit {
    wr_stmt_t *v;
    uint32_t   n, cap;
} wr_emit_t;

/* What Jinja2 calls a frame: a place in the nesting of scopes. */
typedef struct wr_cframe {
    wr_syms_t *syms;
    bool       toplevel, rootlevel;
    bool       loop_frame, block_frame;
    bool       soft;         /* inside of a condition */
    bool       output_check; /* something may have been extended */
    bool       in_loop;      /* break and continue have a meaning */
} wr_cframe_t;

typedef struct wr_comp {
    wr_pool_t     *pool; /* of the template */
    wr_pool_t     *tmp;  /* of the tree */
    wr_env_t      *env;
    wr_template_t *tpl;
    wr_err_t      *err;
    jmp_buf        jump;
    wr_map_t       names;
    wr_name_t    **byid;
    uint32_t       nbyid, capbyid;
    wr_symctx_t    sc;
    wr_cfn_t      *fn;
    wr_cfn_t      *root;
    bool           autoescape, is_volatile;
    bool           have_extends, known_extends;
    uint32_t       extends_so_far;
    bool           exit; /* the rest of this body is never reached */
    bool           alone; /* an expression on its own: it has no frame */
    uint32_t       line; /* an error at run time would be told so */
    wr_ast_list_t  blocks;
    wr_emit_t     *to;
    wr_eval_t      fold; /* evaluates constants */
    bool           fold_raised; /* what went wrong ends the compilation */
    uint32_t       variants;
    wr_str_t       src; /* for columns */
    const char    *fault; /* in src: where an error that is told now is, or NULL */
} wr_comp_t;

WR_NORETURN WR_PRINTF(3, 4) void wr_comp_fail(wr_comp_t *c, uint32_t line,
                                              const char *format, ...);

/* A function of the template: what and line are for its errors. */
wr_proto_t *wr_comp_proto(wr_comp_t *c, const char *what, uint32_t line);
/* The slot of a name that the function has as a parameter: self, caller … */
int32_t wr_comp_special(wr_comp_t *c, wr_cframe_t *f, const char *name);

wr_name_t *wr_comp_name(wr_comp_t *c, wr_str_t s);
wr_place_t wr_comp_place(wr_comp_t *c, wr_cframe_t *f, wr_str_t name);
wr_stmt_t *wr_comp_emit(wr_comp_t *c, wr_stmt_fn exec, uint32_t line);
uint32_t   wr_comp_column(wr_comp_t *c, const wr_ast_t *n);

/* Constant folding: true if the node has a value now. It may hold lists, which
 * have to be copied wherever the template could change them. */
bool wr_comp_const(wr_comp_t *c, wr_ast_t *n, wr_val_t *out);
/* Folds all below as well, as Jinja2's optimizer does with the operand of an
 * operator: errors that it does not catch end the compilation. */
void wr_comp_fold(wr_comp_t *c, wr_ast_t *n);
/* Whether Jinja2 would put the value into its code in place of the node. */
bool wr_comp_literal(const wr_val_t *v);
bool wr_comp_mutable(const wr_val_t *v);
/* A copy in the template's pool. */
wr_val_t wr_comp_keep(wr_comp_t *c, const wr_val_t *v);

wr_node_t *wr_comp_node(wr_comp_t *c, wr_node_fn eval);
wr_node_t *wr_comp_expr(wr_comp_t *c, wr_cframe_t *f, wr_ast_t *n);
/* The value is only looked at: a constant list need not be copied. */
wr_node_t *wr_comp_look(wr_comp_t *c, wr_cframe_t *f, wr_ast_t *n);
wr_node_t *wr_comp_call(wr_comp_t *c, wr_cframe_t *f, wr_ast_t *n);
wr_node_t *wr_comp_filter(wr_comp_t *c, wr_cframe_t *f, wr_ast_t *n);

/* WR_SAFE_*: whether text that is captured here is Markup. */
uint8_t      wr_comp_safe(const wr_comp_t *c);
wr_scope_t   wr_comp_scope(wr_comp_t *c, wr_syms_t *s);
wr_target_t *wr_comp_target(wr_comp_t *c, wr_cframe_t *f, wr_ast_t *n);
wr_locals_t  wr_comp_locals(wr_comp_t *c, wr_cframe_t *f);
wr_code_t    wr_comp_body(wr_comp_t *c, wr_cframe_t *f, wr_ast_list_t *body);
void         wr_comp_output(wr_comp_t *c, wr_cframe_t *f, wr_ast_t *n);
void         wr_comp_for(wr_comp_t *c, wr_cframe_t *f, wr_ast_t *n);
void         wr_comp_macro(wr_comp_t *c, wr_cframe_t *f, wr_ast_t *n);
void         wr_comp_callblock(wr_comp_t *c, wr_cframe_t *f, wr_ast_t *n);
void         wr_comp_stmt(wr_comp_t *c, wr_cframe_t *f, wr_ast_t *n);
wr_cframe_t  wr_comp_inner(wr_comp_t *c, wr_cframe_t *f);

/* ---- what nodes and statements do; see eval*.c, print.c, exec.c, loop.c … ---- */

#define WR_NODES(X)                                                            \
    X(const)                                                                   \
    X(copy) X(local) X(outer) X(alone) X(tuple) X(list) X(dict) X(cond) X(binary)       \
        X(neg) X(pos) X(not ) X(and) X(or) X(compare) X(concat) X(concat_auto) \
            X(getattr) X(loopattr) X(loopcall) X(getitem) X(slice) X(call)     \
                X(filter) X(test) X(text) X(safe_if) X(debug)

#define WR_DECLARE_NODE(name)                                                  \
    bool wr_eval_##name(wr_mach_t *m, const wr_node_t *n, wr_val_t *out);
WR_NODES(WR_DECLARE_NODE)

#define WR_STMTS(X)                                                            \
    X(text) X(output) X(if) X(for) X(recursive) X(set) X(setblock) X(with) X(macro)             \
    X(callblock) X(filterblock) X(block) X(extends) X(extends_twice)          \
    X(include) X(import) X(from) X(do) X(break) X(continue) X(autoescape)     \
    X(guard)

#define WR_DECLARE_STMT(name)                                                  \
    wr_x_t wr_exec_##name(wr_mach_t *m, const wr_stmt_t *s);
WR_STMTS(WR_DECLARE_STMT)

#endif
