/*
 * Expressions and inline templates on their own: what the conf is written in.
 *
 * `json.price * 1.19|round(2)` is an expression; `/posts/{{ new.id }}` an
 * inline template: text with expressions in {{ }} (or {{- -}}), nothing else. Both are
 * compiled once in an environment (whose options.names tells the host's names)
 * and evaluated any number of times, by any thread.
 */
#ifndef WEIR_EXPR_EXPR_H
#define WEIR_EXPR_EXPR_H

#include <weir/expr/template.h>

typedef struct wr_expr wr_expr_t;

/* NULL after an error, which has line and column; its strings and the
 * expression are in `pool`. */
wr_expr_t *
wr_expr_compile(wr_env_t *env, wr_str_t source, wr_pool_t *pool, wr_err_t *err);

/* False: see ev->err. The result may share strings with the expression. */
bool wr_expr_eval(const wr_expr_t *e, wr_eval_t *ev, const wr_bindings_t *vars,
                  wr_val_t *out);

/* The names that it takes from outside, each once, and their slots. */
uint32_t wr_expr_nnames(const wr_expr_t *e);
wr_str_t wr_expr_name_at(const wr_expr_t *e, uint32_t i);
int      wr_expr_slot_at(const wr_expr_t *e, uint32_t i);
bool     wr_expr_uses(const wr_expr_t *e, const char *name);

/* True if it uses a global function with all of these WR_FN_* flags. */
bool wr_expr_calls(const wr_expr_t *e, uint8_t flags);

/* A constant expression has a value without an evaluation. */
bool wr_expr_const(const wr_expr_t *e, wr_val_t *out);

/* What an expression asks of a name from outside: of `post.first["title"]` the name is
 * `post` and the parts are `first` and `title`; a number as an index is an empty part,
 * and what is not constant ends the list. */
typedef struct wr_expr_ref {
    wr_str_t        name;
    const wr_str_t *parts;
    unsigned        n;
    bool            guarded;    /* |default or `is defined`: it may be missing */
} wr_expr_ref_t;

/* An expression that is nothing but such a path: its name and parts, at most *n of them.
 * They live as long as the expression. */
bool wr_expr_path(const wr_expr_t *e, wr_str_t *name, wr_str_t *parts, unsigned *n);

/* A call of a name from outside whose first argument is a constant text. */
typedef struct wr_expr_call {
    wr_str_t        name;       /* of `url_for("post", id=1)`: url_for */
    wr_str_t        text;       /* post */
    unsigned        n;          /* arguments by place, the text included */
    const wr_str_t *keys;       /* id */
    unsigned        nkeys;
    bool            open;       /* *args or **kwargs: there may be more */
    bool            maybe;      /* under a condition, in a macro: it may never be made */
    uint32_t        line, column;   /* of the text */
} wr_expr_call_t;

/* These are told of each expression and inline template that is compiled from now on, of
 * its references and its calls; NULL: nobody is. What they are shown is gone then. */
void wr_env_tell(wr_env_t *env, void (*refs)(void *data, const wr_expr_ref_t *ref),
                 void (*calls)(void *data, const wr_expr_call_t *call), void *data);

/* ---- inline templates ---- */

typedef struct wr_inline_part {
    wr_str_t         text; /* comes before … */
    const wr_expr_t *expr; /* … this; NULL in the last part */
} wr_inline_part_t;

typedef struct wr_inline {
    wr_inline_part_t *parts;
    uint32_t          n;
    size_t            room; /* that the output is likely to take */
} wr_inline_t;

/* Lines and columns of errors count in the whole text. */
wr_inline_t *wr_inline_compile(wr_env_t *env, wr_str_t source, wr_pool_t *pool,
                               wr_err_t *err);

/* Appends the text. Undefined values print as nothing; with `escaped` values
 * are escaped for HTML. */
bool wr_inline_render(const wr_inline_t *t, wr_eval_t *ev,
                      const wr_bindings_t *vars, bool escaped, wr_buf_t *out);

#endif
