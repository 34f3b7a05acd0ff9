/*
 * The one value type of weir: template data, expressions, JSON, SQL rows,
 * sessions and fetch results all speak it.
 *
 * A value is 16 bytes and passed by pointer or by copy; what it points to lives
 * in the pool of the evaluation (or in anything that outlives it) and is never
 * reference-counted. Values follow Python: see the manual's page on expressions.
 * Nothing here is shared between threads unless it is read-only, so an
 * evaluation may run on a pool thread with a pool of its own.
 *
 * Errors: functions that can fail return false after wr_raise() has stored kind
 * and message in the evaluation; the caller adds nothing and passes false on.
 */
#ifndef WEIR_EXPR_VALUE_H
#define WEIR_EXPR_VALUE_H

#include <weir/base/buf.h>
#include <weir/base/pool.h>

typedef struct wr_val   wr_val_t;
typedef struct wr_list  wr_list_t;
typedef struct wr_dict  wr_dict_t;
typedef struct wr_range wr_range_t;
typedef struct wr_undef wr_undef_t;
typedef struct wr_obj   wr_obj_t;
typedef struct wr_func  wr_func_t;
typedef struct wr_eval  wr_eval_t;
typedef struct wr_iter  wr_iter_t;
typedef struct wr_mapping wr_mapping_t;

typedef enum wr_vtype {
    WR_V_UNDEFINED = 0, /* u.undef says what is missing; may be NULL */
    WR_V_NONE,
    WR_V_BOOL,          /* u.i is 0 or 1 */
    WR_V_INT,
    WR_V_FLOAT,
    WR_V_STR,           /* UTF-8, `len` bytes at u.s */
    WR_V_BYTES,
    WR_V_LIST,
    WR_V_TUPLE,         /* u.list as well, never changed */
    WR_V_DICT,
    WR_V_RANGE,
    WR_V_FUNC,          /* u.func: builtin, bound method */
    WR_V_OBJ,           /* u.obj: macro, loop, namespace, generator, host object */
} wr_vtype_t;

enum {
    WR_VF_SAFE  = 1,    /* a str that is Markup: already escaped */
    WR_VF_ASCII = 2,    /* a str known to hold ASCII only: index = code point */
    WR_VF_GROUP = 4,    /* a tuple made by groupby: its two items are also the
                           attributes .grouper and .list */
};

struct wr_val {
    uint8_t  type;      /* wr_vtype_t */
    uint8_t  flags;     /* WR_VF_* */
    uint16_t aux;       /* free for the machine */
    uint32_t len;       /* bytes of a str or bytes */
    union {
        int64_t      i;
        double       f;
        const char  *s;
        wr_list_t   *list;
        wr_dict_t   *dict;
        wr_range_t  *range;
        wr_undef_t  *undef;
        wr_func_t   *func;
        wr_obj_t    *obj;
    } u;
};

struct wr_list {
    wr_val_t *items;
    uint32_t  n;
    uint32_t  cap;
};

typedef struct wr_dict_entry {
    wr_val_t key;       /* type WR_V_UNDEFINED and aux WR_DICT_REMOVED: the
                           entry was removed; wr_dict_next skips such */
    wr_val_t value;
    uint64_t hash;      /* set once the dict has slots */
} wr_dict_entry_t;

enum { WR_DICT_REMOVED = 0xdead };

/* Insertion order, Python's key equality (1 == 1.0 == true). */
struct wr_dict {
    wr_dict_entry_t *entries;
    uint32_t        *slots;     /* NULL while there are few entries */
    uint32_t         n;         /* entries in use, removed ones included */
    uint32_t         live;      /* entries that are there */
    uint32_t         cap;
    uint32_t         mask;
};

struct wr_range {
    int64_t start, stop, step;
};

typedef enum wr_undef_kind {
    WR_UNDEF_DEFAULT,
    WR_UNDEF_CHAINABLE,
    WR_UNDEF_DEBUG,
    WR_UNDEF_STRICT,
    WR_UNDEF_NAMED      /* of the conf's expressions: it may be tested and compared, its
                           text, items or length are an error */
} wr_undef_kind_t;

/* Why a value is undefined: as Jinja2 words it. */
struct wr_undef {
    wr_str_t hint;      /* a whole message, or none */
    wr_str_t name;      /* of the variable, attribute or item */
    wr_val_t of;        /* what was asked; undefined if a plain name */
    bool     has_of;
    bool     key_not_str;   /* `key` is what was asked for, not `name` */
    uint8_t  kind;          /* wr_undef_kind_t */
    uint8_t  source;        /* for the host: 1 + where in the request it stems
                               from, so that it can be answered 400; 0: none */
    wr_val_t key;           /* of an item: what was asked for; a text is in
                               `name` as well */
    const char *exc;        /* the error's kind; NULL: "UndefinedError" */
};

/* ---- calls ---- */

typedef struct wr_kwarg {
    wr_str_t name;
    wr_val_t value;
} wr_kwarg_t;

typedef struct wr_args {
    const wr_val_t   *pos;      /* a filter's or test's first is the value; a
                                   method's own object is `self` instead */
    uint32_t          n;
    uint32_t          nkw;
    const wr_kwarg_t *kw;
    wr_val_t          self;     /* of a bound method; else undefined */
} wr_args_t;

/* False: an error was raised. `*out` is set only on success. */
typedef bool (*wr_fn_t)(wr_eval_t *ev, const wr_args_t *args, wr_val_t *out);

struct wr_func {
    const char *name;
    wr_fn_t     fn;
    wr_val_t    self;           /* for bound methods */
    void       *data;
};

/* One row of a table of filters, tests or global functions. */
typedef struct wr_fn_row {
    const char *name;
    wr_fn_t     fn;
    const char *params;     /* "s, width=4, first=false": how arguments bind by
                               name; see wr_args_bind */
    const char *doc;        /* one sentence for the manual */
    uint8_t     flags;      /* WR_FN_* */
    const char *example;    /* "EXPRESSION -> WHAT IT PRINTS", for the manual; a line
                               for each if there are more. Without an arrow where the
                               value differs from time to time */
} wr_fn_row_t;

enum {
    WR_FN_PURE = 1,     /* same arguments, same result: may be folded */
    WR_FN_SLOW = 2,     /* never on the event loop (password hashes) */
};

/* Binds arguments to named parameters: `params` as in wr_fn_row_t.params
 * (parameters with `=` are optional; the text behind is for people). "*a" takes
 * any further positional ones and "**k" any further keywords; both stay in
 * `args` and have no place in `out`. A leading "@, " says that Python's function
 * has one more parameter in front, so that counts in messages agree.
 * out[i] is the i-th parameter's value or undefined with u.undef == NULL and
 * aux == 1 if it was not given (wr_given tells). Raises Python's TypeError:
 * missing, too many, unknown keyword, given twice. `fname` is for messages. */
bool wr_args_bind(wr_eval_t *ev, const char *fname, const char *params,
                  const wr_args_t *args, wr_val_t *out, unsigned nout);

static inline bool
wr_given(const wr_val_t *v)
{
    return !(v->type == WR_V_UNDEFINED && v->aux == 1);
}

/* ---- host objects ---- */

/* Any hook may be NULL: then the object has no such ability and Python's error
 * is raised, with `name` as the type's name. */
typedef struct wr_obj_type {
    const char *name;
    /* True if there is such an attribute / item. An error leaves ev->failed. */
    bool (*attr)(wr_eval_t *ev, wr_obj_t *o, wr_str_t name, wr_val_t *out);
    bool (*item)(wr_eval_t *ev, wr_obj_t *o, const wr_val_t *key, wr_val_t *out);
    /* `o.name = value`: namespace objects only. */
    bool (*set_attr)(wr_eval_t *ev, wr_obj_t *o, wr_str_t name, const wr_val_t *v);
    bool (*length)(wr_eval_t *ev, wr_obj_t *o, int64_t *n);
    bool (*truth)(wr_eval_t *ev, wr_obj_t *o, bool *truth);
    bool (*iter)(wr_eval_t *ev, wr_obj_t *o, wr_iter_t *it);
    bool (*call)(wr_eval_t *ev, wr_obj_t *o, const wr_args_t *args, wr_val_t *out);
    bool (*str)(wr_eval_t *ev, wr_obj_t *o, wr_buf_t *to);
    bool (*repr)(wr_eval_t *ev, wr_obj_t *o, wr_buf_t *to);
    bool (*contains)(wr_eval_t *ev, wr_obj_t *o, const wr_val_t *v, bool *is);
    bool (*equal)(wr_eval_t *ev, wr_obj_t *o, const wr_val_t *v, bool *is);
    bool (*slice)(wr_eval_t *ev, wr_obj_t *o, const wr_val_t *start,
                  const wr_val_t *stop, const wr_val_t *step, wr_val_t *out);
    bool mapping;       /* `is mapping`; iterates over keys */
    bool sequence;      /* `is sequence`; item() takes integers */
    bool generator;     /* iterating it twice gives nothing the second time */
    uint8_t source;     /* copied into wr_undef.source of what it lacks */
    /* Of Python's class, for the messages of undefined: "jinja2.utils" gives
     * `'jinja2.utils.Cycler object' has no attribute …`; NULL: builtins. */
    const char *module;
    const wr_mapping_t *map;    /* of a mapping: see mapping.h */
    bool at_hand;       /* attr() only looks up: it takes no memory and cannot fail */
} wr_obj_type_t;

struct wr_obj {
    const wr_obj_type_t *type;
};

/* ---- iteration ---- */

struct wr_iter {
    /* WR_OK and a value, WR_DONE at the end, WR_ERROR after a raise. */
    wr_rc_t (*next)(wr_eval_t *ev, wr_iter_t *it, wr_val_t *out);
    wr_val_t over;
    int64_t  at;        /* free for the iterator */
    void    *data;
    int64_t  left;      /* how many are still to come; -1: not known */
};

/* Starts iterating as Python's iter() does; raises TypeError. */
bool wr_iter(wr_eval_t *ev, const wr_val_t *v, wr_iter_t *it);

/* The list or tuple that the iterator goes through, if that is all it does and it has
 * not begun; else NULL. */
const wr_list_t *wr_iter_list(const wr_iter_t *it);

/* A generator object whose items come from `it`; lazy, once only. `name` is
 * the type's name. */
wr_val_t wr_generator(wr_eval_t *ev, const char *name, const char *of,
                      const wr_iter_t *it);

/* ---- an evaluation ---- */

typedef struct wr_err {
    const char *kind;       /* "UndefinedError", "TypeError", "LimitError", … */
    wr_str_t    message;
    wr_str_t    name;       /* of the template or conf file; empty: unknown */
    uint32_t    line;       /* 1-based; 0: unknown */
    uint32_t    column;     /* 1-based, in bytes; 0: unknown */
    uint8_t     source;     /* of the undefined that caused it, see wr_undef */
} wr_err_t;

typedef struct wr_limits {
    uint64_t steps;         /* of the machine */
    uint64_t output;        /* bytes */
    uint64_t memory;        /* bytes of the evaluation's pool */
    uint32_t depth;         /* nested calls, includes, macros */
    uint32_t string;        /* bytes of one str made by * or padding */
    uint32_t range;         /* items of one range */
} wr_limits_t;

struct wr_eval {
    wr_pool_t      *pool;
    bool            failed;     /* an error is stored in err */
    bool            autoescape; /* at this place */
    uint8_t         undef_kind; /* wr_undef_kind_t */
    uint8_t         sandbox;    /* 0, 1, or 2: immutable */
    uint32_t        depth;
    uint64_t        steps;
    wr_err_t        err;
    wr_limits_t     limits;
    const void     *env;        /* wr_env_t: filters, tests, policies */
    void           *machine;    /* the machine's own state */
    void           *host;       /* whoever evaluates: the request */
    uint32_t        nested;     /* containers within containers that are being
                                   printed, compared, hashed or, generators,
                                   read just now */
    const void     *printing;   /* the innermost of those being printed */
    void           *guard;      /* where an evaluation that is over its limits
                                   goes back to: see guard.h */
    uint64_t        memory_from; /* bytes that the pool had given before */
};

/* Stores an error and returns false, so `return wr_raise(…)`. The first one
 * stays. Messages are those of Python or Jinja2. */
bool wr_raise(wr_eval_t *ev, const char *kind, const char *format, ...)
    WR_PRINTF(3, 4) WR_COLD;

/* ---- making values ---- */

static inline wr_val_t
wr_none(void)
{
    return (wr_val_t) {.type = WR_V_NONE};
}

static inline wr_val_t
wr_bool(bool b)
{
    return (wr_val_t) {.type = WR_V_BOOL, .u.i = b};
}

static inline wr_val_t
wr_int(int64_t i)
{
    return (wr_val_t) {.type = WR_V_INT, .u.i = i};
}

static inline wr_val_t
wr_float(double f)
{
    return (wr_val_t) {.type = WR_V_FLOAT, .u.f = f};
}

/* Borrows the bytes; they must be valid UTF-8 (see wr_utf8_valid). */
static inline wr_val_t
wr_vstr(wr_str_t s)
{
    return (wr_val_t) {.type = WR_V_STR, .len = (uint32_t) s.n, .u.s = s.p};
}

static inline wr_val_t
wr_vsafe(wr_str_t s)
{
    return (wr_val_t) {
        .type = WR_V_STR, .flags = WR_VF_SAFE, .len = (uint32_t) s.n, .u.s = s.p};
}

static inline wr_str_t
wr_val_text(const wr_val_t *v)      /* of a str or bytes */
{
    return (wr_str_t) {v->u.s, v->len};
}

static inline wr_val_t
wr_vobj(wr_obj_t *o)
{
    return (wr_val_t) {.type = WR_V_OBJ, .u.obj = o};
}

wr_val_t wr_vlist(wr_list_t *l);
wr_val_t wr_vtuple(wr_list_t *l);
wr_val_t wr_vdict(wr_dict_t *d);
wr_val_t wr_vfunc(wr_pool_t *pool, const char *name, wr_fn_t fn, void *data);

/* An undefined of ev's kind. */
wr_val_t wr_undef_name(wr_eval_t *ev, wr_str_t name);
wr_val_t wr_undef_attr(wr_eval_t *ev, const wr_val_t *of, wr_str_t name);
wr_val_t wr_undef_item(wr_eval_t *ev, const wr_val_t *of, const wr_val_t *key);
wr_val_t wr_undef_hint(wr_eval_t *ev, wr_str_t message);
/* Raises the UndefinedError that using `v` means. Returns false. */
bool wr_undef_raise(wr_eval_t *ev, const wr_val_t *v);

wr_list_t *wr_list_new(wr_pool_t *pool, uint32_t cap);
void       wr_list_grow(wr_pool_t *pool, wr_list_t *l);     /* room for one more */
wr_dict_t *wr_dict_new(wr_pool_t *pool, uint32_t cap);

static inline void
wr_list_push(wr_pool_t *pool, wr_list_t *l, wr_val_t v)
{
    if (wr_unlikely(l->n == l->cap)) {
        wr_list_grow(pool, l);
    }
    l->items[l->n++] = v;
}

/* With any key: raises TypeError for one that cannot be hashed. */
bool wr_dict_set(wr_eval_t *ev, wr_dict_t *d, const wr_val_t *key, const wr_val_t *v);
/* With a str key: cannot fail. */
void wr_dict_sets(wr_pool_t *pool, wr_dict_t *d, wr_str_t key, wr_val_t v);
/* NULL if there is none; raises TypeError (ev->failed) for a key that cannot be
 * hashed. */
wr_val_t *wr_dict_get(wr_eval_t *ev, const wr_dict_t *d, const wr_val_t *key);
wr_val_t *wr_dict_gets(const wr_dict_t *d, wr_str_t key);
bool      wr_dict_del(wr_eval_t *ev, wr_dict_t *d, const wr_val_t *key, wr_val_t *old);

/* for (i = 0; (e = wr_dict_next(d, &i)) != NULL; ) */
wr_dict_entry_t *wr_dict_next(const wr_dict_t *d, uint32_t *i);

/* ---- what Python does with values ---- */

const char *wr_type_name(const wr_val_t *v);     /* "str", "int", "NoneType" … */
bool wr_truth(wr_eval_t *ev, const wr_val_t *v, bool *truth);
bool wr_equal(wr_eval_t *ev, const wr_val_t *a, const wr_val_t *b, bool *equal);
/* <0, 0, >0; TypeError "'<' not supported between instances of …", `op` being
 * the operator for the message. nan compares as 2 (unordered). */
bool wr_compare(wr_eval_t *ev, const char *op, const wr_val_t *a,
                const wr_val_t *b, int *cmp);
bool wr_hash_val(wr_eval_t *ev, const wr_val_t *v, uint64_t *hash);
bool wr_contains(wr_eval_t *ev, const wr_val_t *container, const wr_val_t *v, bool *is);
bool wr_length(wr_eval_t *ev, const wr_val_t *v, int64_t *n);

/* str() and repr(), appended. wr_str_val gives a str value (Markup stays). */
bool wr_put_str(wr_eval_t *ev, wr_buf_t *to, const wr_val_t *v);
bool wr_put_repr(wr_eval_t *ev, wr_buf_t *to, const wr_val_t *v);
bool wr_str_val(wr_eval_t *ev, const wr_val_t *v, wr_val_t *out);
/* str() escaped for HTML unless it is Markup. */
bool wr_put_escaped(wr_eval_t *ev, wr_buf_t *to, const wr_val_t *v);
void wr_escape(wr_buf_t *to, wr_str_t s);
/* repr of a float, as Python: at most 32 bytes. */
size_t wr_put_float(char *to, double f);

bool wr_op_add(wr_eval_t *ev, const wr_val_t *a, const wr_val_t *b, wr_val_t *out);
bool wr_op_sub(wr_eval_t *ev, const wr_val_t *a, const wr_val_t *b, wr_val_t *out);
bool wr_op_mul(wr_eval_t *ev, const wr_val_t *a, const wr_val_t *b, wr_val_t *out);
bool wr_op_div(wr_eval_t *ev, const wr_val_t *a, const wr_val_t *b, wr_val_t *out);
bool wr_op_floordiv(wr_eval_t *ev, const wr_val_t *a, const wr_val_t *b, wr_val_t *out);
bool wr_op_mod(wr_eval_t *ev, const wr_val_t *a, const wr_val_t *b, wr_val_t *out);
bool wr_op_pow(wr_eval_t *ev, const wr_val_t *a, const wr_val_t *b, wr_val_t *out);
bool wr_op_neg(wr_eval_t *ev, const wr_val_t *a, wr_val_t *out);
bool wr_op_pos(wr_eval_t *ev, const wr_val_t *a, wr_val_t *out);

/* foo.name and foo[key] as Jinja2: a missing one is undefined, not an error. */
bool wr_get_attr(wr_eval_t *ev, const wr_val_t *v, wr_str_t name, wr_val_t *out);
bool wr_get_item(wr_eval_t *ev, const wr_val_t *v, const wr_val_t *key, wr_val_t *out);
/* The attribute only, no items (|attr): false without an error if none. */
bool wr_find_attr(wr_eval_t *ev, const wr_val_t *v, wr_str_t name, wr_val_t *out);
bool wr_get_slice(wr_eval_t *ev, const wr_val_t *v, const wr_val_t *start,
                  const wr_val_t *stop, const wr_val_t *step, wr_val_t *out);
bool wr_call(wr_eval_t *ev, const wr_val_t *callee, const wr_args_t *args, wr_val_t *out);
bool wr_is_callable(const wr_val_t *v);
bool wr_is_iterable(const wr_val_t *v);
/* A str, bytes, list, tuple, dict or range. */
bool wr_is_collection(const wr_val_t *v);

#endif
