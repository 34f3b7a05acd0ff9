/*
 * wr_cv_t: text with $variables in it, compiled when the conf is read.
 *
 * Variables are numbered per cycle. What a request needs to evaluate them stands
 * at the start of wr_req_t as a wr_subject_t, so that this layer does not know
 * requests.
 */
#ifndef WEIR_VARS_CV_H
#define WEIR_VARS_CV_H

#include <weir/conf/conf.h>

typedef struct wr_req  wr_req_t;
typedef struct wr_var  wr_var_t;
typedef struct wr_vars wr_vars_t;

/* A variable's value in one request. */
typedef struct wr_slot {
    wr_str_t value;
    uint8_t  state;         /* 0: not asked yet; 1: has a value; 2: not found */
} wr_slot_t;

/* What evaluation needs of a request: its first member. */
typedef struct wr_subject {
    wr_pool_t       *pool;
    const wr_vars_t *vars;      /* the cycle's variables */
    wr_slot_t       *slots;     /* one for each; subrequests share the main's */
    /* The last regex match: pairs of offsets into `captured`. */
    int             *captures;
    unsigned         ncaptures; /* pairs */
    wr_str_t         captured;
    unsigned         capture_room;  /* pairs that `captures` has room for */
    const wr_log_t  *log;       /* NULL: wr_log_main */
} wr_subject_t;

enum {
    WR_VAR_NOCACHE  = 1,    /* asked anew at each use */
    WR_VAR_CHANGE   = 2,    /* may be defined again by set, map, geo … */
    WR_VAR_PREFIX   = 4,    /* "http_": any name that starts so */
    WR_VAR_WEAK     = 8,    /* an unknown prefix variable gives way to a later one */
};

/* WR_OK and *value, or WR_NOTFOUND (which prints as nothing), or WR_ERROR. For
 * prefix variables `name` is the full name. The value must live as long as the
 * request. */
typedef wr_rc_t (*wr_var_get_t)(wr_req_t *r, const wr_var_t *v, wr_str_t *value);
/* `set $name …`: for variables that change the request ($args, $limit_rate). */
typedef void (*wr_var_set_t)(wr_req_t *r, const wr_var_t *v, wr_str_t value);

struct wr_var {
    wr_str_t      name;     /* without the $ */
    wr_var_get_t  get;      /* NULL: only what `set` put into the slot */
    wr_var_set_t  set;
    uintptr_t     data;     /* for get: an offset, an index, a pointer */
    uint32_t      flags;
    uint32_t      index;
    const char   *doc;
};

/* A row of a module's table of variables. */
typedef struct wr_var_row {
    const char  *name;      /* NULL ends */
    wr_var_get_t get;
    wr_var_set_t set;
    uintptr_t    data;
    uint32_t     flags;
    const char  *doc;       /* one sentence for the manual */
} wr_var_row_t;

typedef struct wr_cv_part {
    wr_str_t text;          /* if var is -1 and capture is -1 */
    int32_t  var;           /* index of a variable */
    int32_t  capture;       /* $1 … */
} wr_cv_part_t;

typedef struct wr_cv {
    wr_str_t             text;      /* as written; the value itself if constant */
    const wr_cv_part_t  *parts;     /* NULL: constant */
    uint32_t             nparts;
    bool                 given;     /* the directive stood in the conf */
} wr_cv_t;

typedef struct wr_pair {
    wr_str_t name;
    wr_cv_t  value;
} wr_pair_t;

/* ---- conf time ---- */

/* The cycle's variables; a new set belongs to each http{}. Kept in cf. */
wr_vars_t *wr_vars_new(wr_conf_t *cf);
wr_vars_t *wr_vars_of(const wr_conf_t *cf);

/* Defines a variable; the conf error "the duplicate …" if it exists and must not
 * change. NULL on error. `flags` as WR_VAR_*. */
wr_var_t *wr_var_define(wr_conf_t *cf, wr_str_t name, uint32_t flags);
/* The same by an argument "$name" of a directive. */
wr_var_t *wr_var_define_at(wr_conf_t *cf, const wr_tok_t *arg, uint32_t flags);
wr_rc_t   wr_var_define_rows(wr_conf_t *cf, const wr_var_row_t *rows) WR_MUST_CHECK;

/* The index of a variable that the conf uses; it may be defined later in the
 * conf. -1 after a conf error (an impossible name). */
int wr_var_use(wr_conf_t *cf, wr_str_t name);

/* After all is read: every used name is defined, or "unknown "x" variable". */
wr_rc_t wr_vars_finish(wr_conf_t *cf) WR_MUST_CHECK;
unsigned wr_vars_count(const wr_vars_t *vars);
const wr_var_t *wr_vars_at(const wr_vars_t *vars, unsigned index);

/* Compiles "a$b${c}d$1". The token is kept for messages. */
wr_rc_t wr_cv_compile(wr_conf_t *cf, const wr_tok_t *tok, wr_cv_t *cv) WR_MUST_CHECK;
/* The same of a plain text, at the current directive. */
wr_rc_t wr_cv_compile_str(wr_conf_t *cf, wr_str_t text, wr_cv_t *cv) WR_MUST_CHECK;

/* ---- request time ---- */

static inline bool
wr_cv_is_const(const wr_cv_t *cv)
{
    return cv->parts == NULL;
}

/* The text in the request's pool; a constant is not copied. WR_ERROR only if a
 * variable failed. */
wr_rc_t wr_cv_eval(wr_req_t *r, const wr_cv_t *cv, wr_str_t *out) WR_MUST_CHECK;

/* By index; NULL if it is not found (prints as nothing) or failed. */
const wr_str_t *wr_var_get(wr_req_t *r, unsigned index);
/* By name, for `vars.NAME` and log tools; slower. */
const wr_str_t *wr_var_lookup(wr_req_t *r, wr_str_t name);
void wr_var_set(wr_req_t *r, unsigned index, wr_str_t value);
/* Forget cached values of variables without WR_VAR_CHANGE'd slots: after an
 * internal redirect nothing is forgotten, as in nginx; for tests. */
void wr_vars_reset(wr_req_t *r);

#endif
