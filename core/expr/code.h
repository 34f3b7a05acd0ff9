/*
 * The compiled form of templates and the state of the machine that runs it:
 * what the compiler's and the machine's files share. Not installed.
 *
 * It is a threaded tree: each node holds the function that evaluates it, chosen
 * when it was compiled for what is known there (a local name, autoescape on,
 * text in front). Everything is in the template's pool and read-only.
 *
 * Names are slots of frames. A frame belongs to one activation of a function:
 * the root of a template, a block, a macro, a recursive loop's body. Functions
 * that are defined inside others see their frames, as closures do.
 */
#ifndef WEIR_EXPR_CODE_H
#define WEIR_EXPR_CODE_H

#include <pthread.h>
#include <stdatomic.h>

#include <weir/base/map.h>
#include <weir/expr/ast.h>
#include <weir/expr/builtins.h>
#include <weir/expr/record.h>
#include <weir/expr/template.h>

typedef struct wr_mach  wr_mach_t;
typedef struct wr_frame wr_frame_t;
typedef struct wr_ctx   wr_ctx_t;
typedef struct wr_proto wr_proto_t;
typedef struct wr_node  wr_node_t;
typedef struct wr_stmt  wr_stmt_t;
typedef struct wr_block wr_block_t;

/* ---- slots ---- */

enum { /* wr_val_t.aux of an undefined in a slot: not a value */
    WR_SLOT_MISSING = 1, /* as wr_given() */
    WR_SLOT_LAZY = 2,    /* to be looked up when it is first read */
};

static inline bool
wr_slot_special(const wr_val_t *v)
{
    return v->type == WR_V_UNDEFINED && v->aux != 0;
}

static inline wr_val_t
wr_missing(void)
{
    return (wr_val_t){.type = WR_V_UNDEFINED, .aux = WR_SLOT_MISSING};
}

static inline wr_val_t
wr_lazy(void)
{
    return (wr_val_t){.type = WR_V_UNDEFINED, .aux = WR_SLOT_LAZY};
}

/* A name as the compiler knows it; one for each name of a template. */
typedef struct wr_name {
    wr_str_t   s;
    uint32_t   hash;
    uint32_t   id;
    int        slot;    /* of the host, or -1 */
    bool       outside; /* taken from outside somewhere */
    wr_val_t   global;  /* of the environment, or missing */
    wr_undef_t undef;   /* what it is if it is nowhere */
} wr_name_t;

/* A slot of this or an outer function's frame. */
typedef struct wr_place {
    uint32_t         slot;
    uint16_t         hops;
    const wr_name_t *name;
} wr_place_t;

/* ---- expressions ---- */

typedef bool (*wr_node_fn)(wr_mach_t *m, const wr_node_t *n, wr_val_t *out);
typedef bool (*wr_bin_fn)(wr_eval_t *ev, const wr_val_t *a, const wr_val_t *b,
                          wr_val_t *out);

typedef struct wr_argx {
    wr_node_t **pos;
    wr_node_t **kwv;
    wr_str_t   *kw;
    wr_node_t  *dyn, *dynkw;
    uint32_t    n, nkw;
} wr_argx_t;

struct wr_node {
    wr_node_fn eval;
    union {
        wr_val_t   konst;
        wr_place_t var;
        struct {
            wr_node_t *a, *b;
            wr_bin_fn  fn;
        } bin;
        struct {
            wr_node_t *x;
            wr_val_t   name; /* a str */
            uint8_t    loop; /* WR_LOOP_*, if it is one of loop's */
            bool       dict; /* no method of dicts */
            bool       open; /* no name that the sandbox looks at */
            wr_seen_t *seen; /* where it is in records: all that ever changes */
        } attr;
        struct {
            wr_node_t *x, *start, *stop, *step;
        } slice; /* item: x[start] */
        struct {
            wr_node_t **v;
            uint32_t    n;
        } list;
        struct {
            wr_node_t  *test, *yes, *no;
            wr_undef_t *undef;
        } cond;
        struct {
            wr_node_t  *x;
            wr_node_t **v;
            uint8_t    *ops;
            uint32_t    n;
        } cmp;
        struct {
            wr_node_t *fn;
            wr_argx_t *args;
        } call;
        struct {
            const wr_fn_row_t *row; /* NULL: unknown, an error when reached */
            wr_node_t         *x;   /* NULL: the value is in the machine */
            wr_argx_t         *args;
            wr_str_t           name;
            uint32_t           line;    /* where an unknown one is missed */
        } filter;
    } u;
};

static inline bool
wr_run_node(wr_mach_t *m, const wr_node_t *n, wr_val_t *out)
{
    return n->eval(m, n, out);
}

/* ---- statements ---- */

typedef enum wr_x {
    WR_X_OK,
    WR_X_BREAK,
    WR_X_CONTINUE,
    WR_X_FAIL
} wr_x_t;

typedef wr_x_t (*wr_stmt_fn)(wr_mach_t *m, const wr_stmt_t *s);

typedef struct wr_code {
    wr_stmt_t *v;
    uint32_t   n;
} wr_code_t;

/* What happens to slots when a scope is entered. */
typedef struct wr_init {
    uint32_t   slot;
    uint8_t    kind; /* WR_INIT_* */
    wr_place_t from; /* WR_INIT_ALIAS */
} wr_init_t;

enum {
    WR_INIT_LAZY,
    WR_INIT_MISSING,
    WR_INIT_ALIAS
};

typedef struct wr_scope {
    wr_init_t *init; /* when entered (a loop: for each iteration) */
    uint32_t   ninit;
    wr_init_t *once; /* a loop: before the first iteration */
    uint32_t   nonce;
    uint32_t  *leave; /* slots made missing at the end */
    uint32_t   nleave;
} wr_scope_t;

/* Where assignments go: a name, a tuple, an attribute of a namespace. */
typedef struct wr_target {
    uint8_t            kind; /* WR_TG_* */
    wr_place_t         place;
    wr_str_t           attr;
    struct wr_target **v;
    uint32_t           n;
} wr_target_t;

enum {
    WR_TG_NAME,
    WR_TG_TUPLE,
    WR_TG_ATTR
};

/* Locals that an include, an import or a scoped block is given. */
typedef struct wr_locals {
    wr_place_t *v;
    uint32_t    n;
} wr_locals_t;

typedef struct wr_for {
    wr_target_t *target;
    wr_node_t   *iter;
    wr_node_t   *test; /* of the `if`, or NULL */
    wr_target_t *test_target;
    wr_scope_t   test_scope;
    wr_scope_t   scope, else_scope;
    wr_code_t    body, orelse;
    bool         has_else;
    bool         extended; /* `loop` may be asked for */
    bool         escapes;  /* … and kept by somebody */
    wr_place_t   loop;
    wr_proto_t  *proto; /* recursive: body and else are in it */
    uint32_t     line, test_line;
} wr_for_t;

typedef struct wr_import_name {
    wr_str_t   name;
    wr_place_t place;
    bool       top; /* also a variable of the context */
} wr_import_name_t;

/* A part of the output: text and the value behind it. */
typedef struct wr_piece {
    wr_str_t   text; /* 16 bytes can be read: put.h */
    wr_node_t *x;
    uint8_t    from; /* WR_FROM_*: what x is */
    uint8_t    safe; /* WR_SAFE_YES: escaped, unless it is Markup */
    uint32_t   slot; /* WR_FROM_LOCAL, WR_FROM_ATTR: of the name */
    uint32_t   line, column;
} wr_piece_t;

enum {
    WR_FROM_LOCAL, /* a name of this frame */
    WR_FROM_ATTR,  /* an attribute of one */
    WR_FROM_CALL,
    WR_FROM_ANY
};

struct wr_stmt {
    wr_stmt_fn exec;
    uint32_t   line;
    uint32_t   column;
    union {
        struct {
            wr_piece_t *v;
            uint32_t    n;
            wr_str_t    tail; /* text behind them */
        } output;
        wr_node_t *x; /* do */
        struct {
            wr_node_t *test;
            wr_code_t  body;
        } cond; /* an IF is a chain of these */
        struct {
            struct wr_branch *v;
            uint32_t          n;
        } branches;
        wr_for_t *loop;
        struct {
            wr_target_t    *target;
            wr_node_t      *x;
            wr_place_t     *tops; /* also variables of the context */
            uint32_t        ntops;
            wr_place_t     *checks; /* must be namespaces */
            uint32_t        nchecks;
            struct wr_body *body; /* set block: its scope, code, filter */
        } set;
        struct {
            wr_target_t **targets;
            wr_node_t   **values;
            uint32_t      n;
            wr_scope_t    scope;
            wr_code_t     body;
            uint32_t      line; /* of the first target's assignment */
        } with;
        struct {
            wr_proto_t *proto;
            wr_place_t  place;
            bool        top;
        } macro;
        struct {
            wr_proto_t *proto;
            wr_node_t  *call;
        } callblock;
        struct wr_body *body; /* filter block */
        struct {
            const wr_block_t *block;
            wr_locals_t       locals;
            bool              scoped, required;
        } block;
        struct {
            wr_node_t *name;
            bool       known;
        } extends;
        struct {
            wr_node_t  *name;
            wr_locals_t locals;
            bool        with_context, ignore_missing;
            uint8_t     how; /* WR_GET_* */
        } include;
        struct {
            wr_node_t        *name;
            wr_locals_t       locals;
            bool              with_context;
            wr_import_name_t *names; /* import: one without a name */
            uint32_t          n;
            wr_str_t          position; /* "line 1 in 'main'" */
        } import;
        struct {
            wr_node_t *value;
            wr_code_t  body;
        } autoescape;
        struct {
            uint16_t  hops; /* to the root's frame */
            wr_code_t body;
        } guard; /* only if nothing was extended */
        wr_str_t message;
    } u;
};

enum {
    WR_GET_ANY,
    WR_GET_ONE,
    WR_GET_SELECT
};

typedef struct wr_branch {
    wr_node_t *test; /* NULL: else */
    wr_code_t  body;
    uint32_t   line;
} wr_branch_t;

/* Code whose output is taken, perhaps through a filter. */
typedef struct wr_body {
    wr_scope_t scope;
    wr_code_t  code;
    wr_node_t *filter;
    uint32_t   line; /* of what happens to the text */
    uint8_t    safe; /* WR_SAFE_*: what the filter gets is Markup */
} wr_body_t;

enum { WR_SAFE_NO, WR_SAFE_YES, WR_SAFE_ASK };

/* ---- functions ---- */

struct wr_proto {
    const wr_template_t *tpl;
    const char          *what; /* "macro", … for people */
    wr_scope_t           scope;
    wr_code_t            code;
    uint32_t             nslots;
    bool                 captured; /* functions inside see its frame */
    uint32_t             line;
    /* root and blocks */
    int32_t           self_slot; /* -1: not used */
    int32_t           super_slot;
    const wr_block_t *block;
    /* macros and call blocks */
    wr_val_t    name; /* a str, or none */
    uint32_t    nargs;
    wr_str_t   *argnames;
    uint32_t   *argslots;
    wr_node_t **defaults; /* by argument; NULL: none */
    uint32_t   *deflines;
    int32_t     caller_slot, kwargs_slot, varargs_slot;
    bool        explicit_caller;
    bool        accesses_caller;
    /* recursive loops */
    wr_for_t *loop;
    uint8_t   safe; /* WR_SAFE_*: what a call gives is Markup */
};

struct wr_block {
    wr_str_t    name;
    uint32_t    hash;
    uint32_t    line;
    bool        required;
    wr_proto_t *proto;
};

struct wr_template {
    atomic_uint   size_hint;        /* bytes of the last output */
    atomic_uint  refs;
    wr_pool_t   *pool;
    wr_env_t    *env;
    wr_str_t     name;   /* p == NULL: none */
    wr_source_t  source; /* text is not kept */
    bool         autoescape;
    wr_proto_t  *root;
    wr_block_t **blocks;
    uint32_t     nblocks;
    wr_name_t  **names; /* all, by id */
    uint32_t     nnames;
    wr_name_t  **outside; /* those taken from outside */
    uint32_t     noutside;
    wr_template_to_t *refs_to;
    uint32_t     nrefs_to;
    wr_node_t   *expr; /* of a stand-alone expression */
};

/* ---- the environment ---- */

struct wr_expr_ref;
struct wr_expr_call;

struct wr_env {
    wr_pool_t       *pool;
    wr_env_options_t options;
    wr_map_t         filters, tests; /* name to wr_fn_row_t */
    wr_map_t         globals;        /* name to wr_val_t */
    wr_map_t         global_rows;
    pthread_mutex_t  lock;  /* of the cache */
    wr_map_t         cache; /* name to wr_template_t */
    /* See wr_env_tell. */
    void           (*refs)(void *data, const struct wr_expr_ref *ref);
    void           (*calls)(void *data, const struct wr_expr_call *call);
    void            *tell_data;
};

/* refs.c */

/* The source of an expression, which stands in a text at a place. */
typedef struct wr_part {
    wr_str_t src, whole;
    size_t   at;
} wr_part_t;

void wr_refs_tell(const wr_env_t *env, wr_ast_t *n, const wr_part_t *part);
/* What a call is if its first argument is a constant text; keys are borrowed from the
 * tree, the place is in the source. False: it is not so. */
bool wr_call_read(const wr_ast_t *n, wr_str_t src, struct wr_expr_call *call);

/* ---- the machine ---- */

/* One variable of a context. */
typedef struct wr_cvar {
    const wr_name_t *name;
    wr_val_t         value;
    bool             exported;
} wr_cvar_t;

/* The settings that Jinja2 calls the evaluation context. */
typedef struct wr_ectx {
    bool autoescape;
} wr_ectx_t;

struct wr_ctx {
    wr_ctx_t *below;           /* what a name falls through to; NULL: the
                                  render's variables, the globals */
    bool                 bare; /* globals only */
    const wr_template_t *tpl;
    wr_ectx_t           *ectx;
    wr_cvar_t           *vars; /* top-level assignments */
    uint32_t             nvars, capvars;
    wr_cvar_t           *locals; /* given by the includer */
    uint32_t             nlocals;
    struct wr_chain     *chain; /* of templates that extend each other */
};

typedef struct wr_chain {
    const wr_template_t **v; /* the child first */
    uint32_t              n, cap;
} wr_chain_t;

struct wr_frame {
    wr_frame_t          *up; /* of the function it was defined in */
    wr_ctx_t            *ctx;
    const wr_proto_t    *proto;
    const wr_template_t *parent; /* root: what it extends */
    uint32_t             size;   /* class of free lists */
    wr_val_t             slots[];
};

typedef struct wr_module wr_module_t;

typedef struct wr_used {
    wr_str_t             name;
    const wr_template_t *tpl;
    wr_module_t         *module; /* imported without context */
} wr_used_t;

enum {
    WR_FRAME_CLASSES = 16
};

struct wr_mach {
    uint32_t         fuel;      /* steps until the limits are looked at */
    uint32_t         filled;    /* what it began with */
    wr_eval_t           *ev;
    wr_env_t            *env;
    const wr_bindings_t     *vars;
    wr_frame_t          *f;
    wr_buf_t            *out;
    wr_frame_t          *free[WR_FRAME_CLASSES];
    struct wr_loop      *free_loops;
    wr_used_t           *used;
    uint32_t             nused, capused;
    const char          *stack_end;   /* the C stack must not go below */
    const wr_val_t      *filter_text; /* what a filter block's filter gets */
    struct wr_lookahead *look;        /* nested loop filters */
};

/* ---- contexts (context.c) ---- */

wr_ctx_t *
wr_ctx_new(wr_mach_t *m, const wr_template_t *tpl, wr_ctx_t *below, bool bare);
/* Top-level assignment. */
void wr_ctx_set(wr_mach_t *m, wr_ctx_t *c, const wr_name_t *name,
                const wr_val_t *v, bool exported);
void wr_ctx_unexport(wr_ctx_t *c, const wr_name_t *name);
/* True if it was found; false with ev->failed: the host failed. */
bool
wr_ctx_find(wr_mach_t *m, wr_ctx_t *c, const wr_name_t *name, wr_val_t *out);
/* The same of what is under all contexts: what the render was given, globals. */
bool wr_find_outside(wr_mach_t *m, const wr_name_t *name, wr_val_t *out);
/* Everything that can be seen, as {% debug %} shows it. */
wr_val_t wr_ctx_dict(wr_mach_t *m, wr_ctx_t *c);
/* The same context with further locals. */
wr_ctx_t *wr_ctx_derive(wr_mach_t *m, wr_ctx_t *c, const wr_locals_t *locals);
wr_ctx_t *wr_ctx_snapshot(wr_mach_t *m, wr_ctx_t *c);
void      wr_ctx_locals(wr_mach_t *m, wr_ctx_t *c, const wr_locals_t *locals);

/* ---- frames and slots (machine.c) ---- */

wr_frame_t *
wr_frame_push(wr_mach_t *m, const wr_proto_t *p, wr_frame_t *up, wr_ctx_t *ctx);
void wr_frame_pop(wr_mach_t *m, wr_frame_t *f, wr_frame_t *back);
/* More nested by `weight`; false after a RecursionError. */
bool wr_mach_enter(wr_mach_t *m, uint32_t weight);
bool wr_mach_slow(wr_mach_t *m);

/* Counts one step; every few it looks at the limits. */
static inline bool
wr_mach_step(wr_mach_t *m)
{
    return wr_likely(--m->fuel != 0) || wr_mach_slow(m);
}

/* Tells where an error was, unless that is known. */
void wr_blame(wr_mach_t *m, uint32_t line, uint32_t column);
/* Reads a slot that is lazy or missing. */
bool   wr_slot_slow(wr_mach_t *m, const wr_place_t *place, wr_frame_t *f,
                    wr_val_t *out);
void   wr_scope_enter(wr_mach_t *m, const wr_init_t *v, uint32_t n);
void   wr_scope_leave(wr_mach_t *m, const wr_scope_t *s);
wr_x_t wr_run(wr_mach_t *m, const wr_code_t *code);
/* Runs a template's root in its context, and those that it extends. */
bool wr_run_root(wr_mach_t *m, const wr_template_t *t, wr_ctx_t *ctx);
bool
wr_run_block(wr_mach_t *m, const wr_block_t *b, wr_ctx_t *ctx, uint32_t weight);
/* What was put out from `from` on becomes a str and leaves the buffer. */
bool wr_take_output(wr_mach_t *m, size_t from, bool safe, wr_val_t *out);

/* A value that was read is none of the special ones; no value left in a slot is
 * one unless it was put there on purpose. */
static inline wr_frame_t *
wr_frame_at(wr_mach_t *m, uint16_t hops)
{
    wr_frame_t *f = m->f;

    while (hops-- != 0) {
        f = f->up;
    }
    return f;
}

static inline wr_val_t *
wr_slot(wr_mach_t *m, const wr_place_t *p)
{
    return &wr_frame_at(m, p->hops)->slots[p->slot];
}

/* As `(undefined if x is missing else x)`. */
static inline bool
wr_read(wr_mach_t *m, const wr_place_t *p, wr_val_t *out)
{
    wr_frame_t *f = wr_frame_at(m, p->hops);

    *out = f->slots[p->slot];
    return wr_likely(!wr_slot_special(out)) || wr_slot_slow(m, p, f, out);
}

/* ---- templates of a render (load.c) ---- */

/* NULL after a raise; `*missing` is set if it was only not there. */
wr_used_t *wr_mach_get(wr_mach_t *m, wr_str_t name, bool *missing);
/* By value, as get_template / select_template / either. */
wr_used_t *
wr_mach_select(wr_mach_t *m, const wr_val_t *names, uint8_t how, bool *missing);

/* ---- objects ---- */

extern const wr_obj_type_t wr_macro_type, wr_loop_type, wr_module_type,
    wr_self_type, wr_blockref_type;

wr_val_t wr_macro_new(wr_mach_t *m, const wr_proto_t *p);
/* Calls with the output going where the machine's goes now: nothing is
 * copied. */
bool     wr_macro_run(wr_mach_t *m, wr_obj_t *o, const wr_args_t *args);
wr_val_t wr_self_new(wr_mach_t *m, wr_ctx_t *ctx);
bool
wr_super_new(wr_mach_t *m, const wr_block_t *b, wr_ctx_t *ctx, wr_val_t *out);
/* The block that a reference stands for, run into the output. */
bool         wr_blockref_run(wr_mach_t *m, wr_obj_t *o, const wr_args_t *args);
bool         wr_blockref_safe(const wr_obj_t *o); /* its text is Markup */
wr_module_t *wr_module_new(wr_mach_t *m, const wr_template_t *t, wr_ctx_t *ctx);
wr_str_t     wr_module_text(const wr_module_t *mod);
bool     wr_module_find(const wr_module_t *mod, wr_str_t name, wr_val_t *out);
wr_val_t wr_module_val(wr_module_t *mod);

enum { /* attributes of loop that the compiler knows */
    WR_LOOP_NONE,
    WR_LOOP_INDEX,
    WR_LOOP_INDEX0,
    WR_LOOP_REVINDEX,
    WR_LOOP_REVINDEX0,
    WR_LOOP_FIRST,
    WR_LOOP_LAST,
    WR_LOOP_LENGTH,
    WR_LOOP_PREVITEM,
    WR_LOOP_NEXTITEM,
    WR_LOOP_DEPTH,
    WR_LOOP_DEPTH0,
    WR_LOOP_CYCLE,
    WR_LOOP_CHANGED
};

uint8_t wr_loop_attr_id(wr_str_t name);
bool    wr_loop_attr(wr_mach_t *m, wr_obj_t *o, uint8_t id, wr_val_t *out);
bool    wr_loop_method(wr_mach_t *m, wr_obj_t *o, uint8_t id,
                       const wr_args_t *args, wr_val_t *out);
bool    wr_loop_call(wr_mach_t *m, wr_obj_t *o, const wr_args_t *args);
bool    wr_loop_safe(const wr_obj_t *o); /* what a call gives is Markup */
wr_x_t  wr_run_loop(wr_mach_t *m, const wr_for_t *s);
bool    wr_run_recursive(wr_mach_t *m, const wr_for_t *s);

/* ---- printing (print.c) ---- */

bool wr_print_plain(wr_mach_t *m, const wr_val_t *v);
bool wr_print_escaped(wr_mach_t *m, const wr_val_t *v);
/* The same for what a call gives: macros put it straight into the output. */
bool wr_print_call(wr_mach_t *m, const wr_node_t *n, bool escaped);

/* ---- assignment (exec.c) ---- */

bool wr_assign(wr_mach_t *m, const wr_target_t *t, const wr_val_t *v);

#endif
