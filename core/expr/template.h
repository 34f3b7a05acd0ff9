/*
 * Templates: an environment (options, loader, filters), compiled templates, and
 * rendering them.
 *
 * A compiled template is read-only: it can be rendered by any number of threads
 * at once and is shared by processes after a fork. What a render allocates
 * lives in the pool of its wr_eval_t.
 */
#ifndef WEIR_EXPR_TEMPLATE_H
#define WEIR_EXPR_TEMPLATE_H

#include <weir/expr/lexer.h>
#include <weir/expr/value.h>

typedef struct wr_env      wr_env_t;
typedef struct wr_template wr_template_t;

enum { /* wr_env_options_t.extensions */
    WR_EXT_I18N = 1,
    WR_EXT_DO = 2,
    WR_EXT_LOOPCONTROLS = 4,
    WR_EXT_DEBUG = 8,
};

enum { /* wr_env_options_t.autoescape */
    WR_AUTO_OFF,
    WR_AUTO_ON,
    WR_AUTO_SELECT, /* by the ending of the template's name */
};

/* What a loader found. */
typedef struct wr_source {
    wr_str_t text;
    wr_str_t file;        /* for messages; may be empty */
    uint64_t identity[4]; /* the loader's own: device, inode, size, time */
} wr_source_t;

typedef struct wr_loader {
    /* WR_OK and the source, its text in `pool`; WR_NOTFOUND; WR_ERROR with
     * `err` set. */
    wr_rc_t (*load)(void *data, wr_pool_t *pool, wr_str_t name,
                    wr_source_t *out, wr_err_t *err);
    /* Is it still what a load would give? NULL: yes, always. */
    bool (*fresh)(void *data, wr_str_t name, const wr_source_t *source);
    void *data;
} wr_loader_t;

/* Names that the host knows when it compiles: their slot numbers. */
typedef struct wr_names {
    /* >= 0, or -1: not a name of the host. */
    int (*slot)(void *data, wr_str_t name);
    void *data;
} wr_names_t;

typedef struct wr_env_options {
    wr_lex_conf_t   lex;
    uint8_t         extensions; /* WR_EXT_* */
    uint8_t         undefined;  /* wr_undef_kind_t */
    uint8_t         autoescape; /* WR_AUTO_* */
    uint8_t         sandbox;    /* 0, 1, 2: immutable */
    bool            newstyle_gettext;
    const wr_str_t *endings; /* of WR_AUTO_SELECT, with their dot; NULL:
                                .html .htm .xml */
    uint32_t         nendings;
    const wr_dict_t *policies;     /* may be NULL */
    const wr_dict_t *translations; /* msgid to text or [one, many] */
    wr_limits_t      limits;       /* 0: the default */
    wr_loader_t      loader;
    wr_names_t       names;
    bool             named;        /* in expressions undefined is WR_UNDEF_NAMED */
} wr_env_options_t;

/* Jinja2's defaults. */
wr_env_options_t wr_env_defaults(void);

/* The environment lives in the pool; it has a cache of compiled templates that
 * is guarded for threads. Nothing may be added after the first compile. */
wr_env_t *wr_env_new(wr_pool_t *pool, const wr_env_options_t *options);

const wr_env_options_t *wr_env_options(const wr_env_t *env);

/* Further filters, tests or functions: tables ended by a row without a name,
 * that outlive the environment. Later ones hide former ones. */
void wr_env_add_filters(wr_env_t *env, const wr_fn_row_t *rows);
void wr_env_add_tests(wr_env_t *env, const wr_fn_row_t *rows);
void wr_env_add_globals(wr_env_t *env, const wr_fn_row_t *rows);
/* A name that every template sees, imported ones as well. */
void wr_env_set_global(wr_env_t *env, wr_str_t name, wr_val_t value);

/* The row behind a global function, or NULL: for its flags. */
const wr_fn_row_t *wr_env_global_row(const wr_env_t *env, wr_str_t name);

/* Sets up an evaluation: its pool, the limits and settings of the environment.
 */
void wr_eval_init(wr_eval_t *ev, const wr_env_t *env, wr_pool_t *pool);

/* ---- compiling ---- */

/* Compiles a template. The caller owns one reference; NULL after an error,
 * which is stored with its strings in `pool`. An empty name means it has none.
 */
wr_template_t *
wr_template_compile(wr_env_t *env, wr_str_t name, wr_str_t source,
                    wr_pool_t *pool, wr_err_t *err);

/* From the cache or the loader. The caller owns one reference. */
wr_template_t *
wr_env_get(wr_env_t *env, wr_str_t name, wr_pool_t *pool, wr_err_t *err);

void wr_template_ref(const wr_template_t *t);
void wr_template_free(const wr_template_t *t); /* gives one reference back */

wr_str_t wr_template_name(const wr_template_t *t);

/* The names that a template takes from outside, each once. */
uint32_t wr_template_nnames(const wr_template_t *t);
wr_str_t wr_template_name_at(const wr_template_t *t, uint32_t i);
int      wr_template_slot_at(const wr_template_t *t, uint32_t i);
/* The templates that it includes, imports or extends by a constant name. */
typedef struct wr_template_to {
    wr_str_t name;
    uint32_t line, column;
    bool     optional;      /* `ignore missing` */
} wr_template_to_t;

uint32_t                wr_template_nrefs(const wr_template_t *t);
const wr_template_to_t *wr_template_ref_at(const wr_template_t *t, uint32_t i);

/* A deep copy in the pool: nothing in it is shared but host objects. */
wr_val_t wr_val_copy(wr_pool_t *pool, const wr_val_t *v);
/* New lists and dicts, so that changing them changes nothing else; strings are
 * shared. */
wr_val_t wr_val_fresh(wr_pool_t *pool, const wr_val_t *v);

/* ---- rendering ---- */

/* What names mean in one evaluation. A name is looked for in `dict`, then among
 * the host's slots, then among the environment's globals. */
typedef struct wr_bindings {
    const wr_dict_t *dict;  /* may be NULL */
    const wr_val_t  *slots; /* by slot number; "not given" (see wr_given) is
                               not there; may be NULL */
    uint32_t nslots;
    /* Asked for slots that `slots` does not have; may be NULL. False: not
     * there, or ev->failed. Called once for each name and activation that uses
     * it. */
    bool (*get)(wr_eval_t *ev, void *data, int slot, wr_str_t name,
                wr_val_t *out);
    void *data;
} wr_bindings_t;

/* Appends the output. False: ev->err has the error, and what was appended is to
 * be thrown away. */
bool wr_template_render(const wr_template_t *t, wr_eval_t *ev,
                        const wr_bindings_t *vars, wr_buf_t *out);

#endif
