/*
 * The conf language: nginx's grammar, read into scopes by typed tables.
 *
 * A *schema* is one module's table of directives and the struct they fill. A
 * *scope* is one block of the conf ({main}, http, a server, a location …) with
 * one struct per schema, made only when the block sets something of it. After
 * the whole conf is read, wr_conf_settle walks the tree of scopes: what a block
 * did not set it inherits from the block around it, the outermost from the
 * defaults, which are written in conf syntax in the table. A scope that sets
 * nothing of a schema shares the outer scope's struct.
 *
 * "Was it set" is a bitmap beside the struct; there are no magic values.
 * Everything lives in the cycle's pool; conf time only, one thread.
 */
#ifndef WEIR_CONF_CONF_H
#define WEIR_CONF_CONF_H

#include <weir/base/array.h>
#include <weir/base/map.h>
#include <weir/os/log.h>

/* Contexts, as bits. A scope may have several: a route is a location. */
enum {
    WR_MAIN         = 1u << 0,
    WR_EVENTS       = 1u << 1,
    WR_HTTP         = 1u << 2,
    WR_SERVER       = 1u << 3,
    WR_LOCATION     = 1u << 4,
    WR_IF_SERVER    = 1u << 5,      /* `if` in server */
    WR_IF_LOCATION  = 1u << 6,      /* `if` in location */
    WR_LIMIT_EXCEPT = 1u << 7,
    WR_UPSTREAM     = 1u << 8,
    WR_ROUTES       = 1u << 9,      /* `routes`; is a location as well */
    WR_ROUTE        = 1u << 10,     /* `route`; is a location as well */
    WR_WHEN         = 1u << 11,     /* `when`, `otherwise` */
    WR_GATHER       = 1u << 12,
    WR_FETCH        = 1u << 13,     /* the block of a fetch */
    WR_SQLITE       = 1u << 14,
    WR_FREE         = 1u << 15,     /* types, map, geo: lines of their own grammar */
};

#define WR_ANY      (WR_HTTP | WR_SERVER | WR_LOCATION)
#define WR_ANY_IF   (WR_ANY | WR_IF_LOCATION)

typedef struct wr_conf      wr_conf_t;
typedef struct wr_scope     wr_scope_t;
typedef struct wr_schema    wr_schema_t;
typedef struct wr_directive wr_directive_t;

/* One argument as it stood in the file. */
typedef struct wr_tok {
    wr_str_t text;      /* unquoted, escapes resolved; ends with a NUL behind it */
    uint32_t line;      /* 1-based */
    uint32_t column;    /* 1-based, of its first byte (the quote, if quoted) */
    bool     quoted;
    wr_str_t file;      /* the file it stands in */
} wr_tok_t;

typedef enum wr_dtype {
    WR_D_CUSTOM = 0,    /* `set` does it all */
    WR_D_FLAG,          /* bool: on | off */
    WR_D_INT,           /* int64_t; extra: wr_bounds_t or NULL */
    WR_D_SIZE,          /* size_t: 8k, 1m */
    WR_D_OFF,           /* int64_t: as size, and g */
    WR_D_MSEC,          /* wr_msec_t: 1m30s, 500ms; a number is seconds */
    WR_D_SEC,           /* int64_t seconds: 1d, 30 */
    WR_D_TEXT,          /* wr_str_t, as it stands, no variables */
    WR_D_PATH,          /* wr_str_t, made absolute from the prefix */
    WR_D_CONF_PATH,     /* wr_str_t, made absolute from the conf's folder */
    WR_D_ENUM,          /* int; extra: wr_enum_t[] */
    WR_D_MASK,          /* unsigned: several words or'ed; extra: wr_enum_t[] */
    WR_D_CV,            /* wr_cv_t: text with $variables (vars/cv.h) */
    WR_D_CV_LIST,       /* wr_array_t of wr_cv_t: every argument; may repeat */
    WR_D_TEXT_LIST,     /* wr_array_t of wr_str_t; may repeat */
    WR_D_PAIR_LIST,     /* wr_array_t of wr_pair_t (name, cv); may repeat */
    WR_D_BUFS,          /* wr_bufs_t: number size */
} wr_dtype_t;

enum {
    WR_DF_BLOCK   = 1,  /* ends with { … } */
    WR_DF_REPEAT  = 2,  /* may stand several times in one block */
    WR_DF_RAW     = 4,  /* the argument is read verbatim up to the ; that ends it
                           (or the { of its block): cf->raw. Quotes and brackets
                           are respected */
    WR_DF_PATTERN = 8,  /* {…} inside a word is part of it: /posts/{id:int} */
    WR_DF_OBSOLETE = 16,/* accepted, does nothing; warns */
    WR_DF_TEMPLATE = 32,/* with RAW: the text is an inline template, not an
                           expression (conf/raw.c has the rules) */
    WR_DF_SIZE    = 128,/* of a WR_CV: its value is a size */
    WR_DF_SQL     = 64, /* with RAW: the text is SQL with {{ }} in it */
};

typedef struct wr_enum {
    const char *name;   /* NULL ends */
    int         value;
} wr_enum_t;

typedef struct wr_bounds {
    int64_t min, max;
} wr_bounds_t;

typedef struct wr_bufs {
    int64_t n;
    size_t  size;
} wr_bufs_t;

/* `conf` is the struct of the scope itself, made if it was not there. The row's
 * field counts as set when the function has returned: so inside,
 * wr_scope_is_set tells whether it was set before. */
typedef wr_rc_t (*wr_set_fn_t)(wr_conf_t *cf, const wr_directive_t *d, void *conf);

struct wr_directive {
    const char   *name;         /* "": no directive, only a field that is inherited */
    uint32_t      contexts;
    uint8_t       type;         /* wr_dtype_t */
    uint8_t       min, max;     /* arguments; max 255: any number */
    uint8_t       flags;        /* WR_DF_* */
    size_t        offset;       /* of the field */
    size_t        size;         /* of the field; 0: no field is inherited */
    const void   *extra;
    wr_set_fn_t   set;          /* NULL: by type. With a type as well: called
                                   after the value is stored, to check it */
    const char   *def;          /* in conf syntax; NULL: all zero */
    const char   *doc;          /* one sentence */
    const char   *args;         /* usage: "on | off"; NULL: from the type */
    const char   *example;      /* one conf line or more */
};

struct wr_schema {
    const char           *name;         /* the module's */
    const wr_directive_t *directives;   /* ended by a row without name */
    size_t                size;         /* of the struct; 0: none */
    /* After inheritance, outer scopes first: fix up and check the struct of a
     * scope that has its own. `outer` is NULL in the outermost scope. */
    wr_rc_t             (*check)(wr_conf_t *cf, wr_scope_t *scope, void *conf,
                                 const void *outer);
    unsigned              index;        /* given by wr_conf_add_schema */
    void                 *fields;       /* computed: who inherits what */
    bool                  added;
};

struct wr_scope {
    uint32_t     context;
    wr_scope_t  *outer;
    wr_scope_t  *inner;         /* first and next: the tree */
    wr_scope_t  *last_inner;
    wr_scope_t  *next;
    void       **conf;          /* by schema index; NULL until set or settled */
    uint64_t   **set;           /* bitmaps of fields set here; by schema index */
    void        *object;        /* wr_server_t, wr_location_t, upstream … */
    wr_tok_t     at;            /* the directive that opened it */
    /* In a WR_FREE scope: gets every line; cf->args holds all its words.
     * `include FILE;` is not given to it but done. */
    wr_rc_t    (*line)(wr_conf_t *cf, void *data);
    void        *data;
    bool         settled;
    unsigned     nconf;         /* room of conf[] and set[] */
    bool         shares;        /* conf[] is the outer scope's */
};

/* The state of reading. args, raw and all tokens are valid until wr_conf_done. */
struct wr_conf {
    wr_pool_t   *pool;          /* the cycle's */
    wr_pool_t   *temp;          /* freed when the conf has been read */
    wr_log_t    *log;
    void        *cycle;         /* wr_cycle_t */
    wr_str_t     prefix;        /* with the slash */
    wr_str_t     conf_prefix;   /* folder of the conf file, with the slash */
    wr_scope_t  *main;
    wr_scope_t  *scope;         /* where we are */
    wr_tok_t    *args;          /* args[0] is the directive's name */
    unsigned     nargs;         /* args[0] included */
    wr_tok_t     raw;           /* of a WR_DF_RAW directive: what follows the name */
    bool         has_block;     /* this directive was followed by { */
    bool         testing;       /* -t */
    void        *priv;          /* lexer, files, schemas */
};

/* ---- tables ---- */

/* Checks at compile time that a field has the type its row needs. */
#define WR_FIELD(conf_t, field, type)                                         \
    .offset = _Generic(&((conf_t *) 0)->field, type *: offsetof(conf_t, field)), \
    .size = sizeof(((conf_t *) 0)->field)

#define WR_FLAG(n, ctx, conf_t, field, d, text, ...)                          \
    {.name = n, .contexts = ctx, .type = WR_D_FLAG, .min = 1, .max = 1,       \
     WR_FIELD(conf_t, field, bool), .def = d, .doc = text, __VA_ARGS__}
#define WR_INT(n, ctx, conf_t, field, d, text, ...)                           \
    {.name = n, .contexts = ctx, .type = WR_D_INT, .min = 1, .max = 1,        \
     WR_FIELD(conf_t, field, int64_t), .def = d, .doc = text, __VA_ARGS__}
#define WR_SIZE(n, ctx, conf_t, field, d, text, ...)                          \
    {.name = n, .contexts = ctx, .type = WR_D_SIZE, .min = 1, .max = 1,       \
     WR_FIELD(conf_t, field, size_t), .def = d, .doc = text, __VA_ARGS__}
#define WR_OFFSET(n, ctx, conf_t, field, d, text, ...)                        \
    {.name = n, .contexts = ctx, .type = WR_D_OFF, .min = 1, .max = 1,        \
     WR_FIELD(conf_t, field, int64_t), .def = d, .doc = text, __VA_ARGS__}
#define WR_MSEC(n, ctx, conf_t, field, d, text, ...)                          \
    {.name = n, .contexts = ctx, .type = WR_D_MSEC, .min = 1, .max = 1,       \
     WR_FIELD(conf_t, field, wr_msec_t), .def = d, .doc = text, __VA_ARGS__}
#define WR_SEC(n, ctx, conf_t, field, d, text, ...)                           \
    {.name = n, .contexts = ctx, .type = WR_D_SEC, .min = 1, .max = 1,        \
     WR_FIELD(conf_t, field, int64_t), .def = d, .doc = text, __VA_ARGS__}
#define WR_TEXT(n, ctx, conf_t, field, d, text, ...)                          \
    {.name = n, .contexts = ctx, .type = WR_D_TEXT, .min = 1, .max = 1,       \
     WR_FIELD(conf_t, field, wr_str_t), .def = d, .doc = text, __VA_ARGS__}
#define WR_PATH(n, ctx, conf_t, field, d, text, ...)                          \
    {.name = n, .contexts = ctx, .type = WR_D_PATH, .min = 1, .max = 1,       \
     WR_FIELD(conf_t, field, wr_str_t), .def = d, .doc = text, __VA_ARGS__}
#define WR_CONF_FILE(n, ctx, conf_t, field, d, text, ...)                     \
    {.name = n, .contexts = ctx, .type = WR_D_CONF_PATH, .min = 1, .max = 1,  \
     WR_FIELD(conf_t, field, wr_str_t), .def = d, .doc = text, __VA_ARGS__}
#define WR_ENUM(n, ctx, conf_t, field, words, d, text, ...)                   \
    {.name = n, .contexts = ctx, .type = WR_D_ENUM, .min = 1, .max = 1,       \
     .extra = words, WR_FIELD(conf_t, field, int), .def = d, .doc = text, __VA_ARGS__}
#define WR_MASK(n, ctx, conf_t, field, words, d, text, ...)                   \
    {.name = n, .contexts = ctx, .type = WR_D_MASK, .min = 1, .max = 255,     \
     .extra = words, WR_FIELD(conf_t, field, unsigned), .def = d, .doc = text, __VA_ARGS__}
#define WR_CV(n, ctx, conf_t, field, d, text, ...)                            \
    {.name = n, .contexts = ctx, .type = WR_D_CV, .min = 1, .max = 1,         \
     WR_FIELD(conf_t, field, wr_cv_t), .def = d, .doc = text, __VA_ARGS__}
#define WR_CV_LIST(n, ctx, conf_t, field, d, text, ...)                       \
    {.name = n, .contexts = ctx, .type = WR_D_CV_LIST, .min = 1, .max = 255,  \
     .flags = WR_DF_REPEAT, WR_FIELD(conf_t, field, wr_array_t), .def = d,    \
     .doc = text, __VA_ARGS__}
#define WR_TEXT_LIST(n, ctx, conf_t, field, d, text, ...)                     \
    {.name = n, .contexts = ctx, .type = WR_D_TEXT_LIST, .min = 1, .max = 255,\
     .flags = WR_DF_REPEAT, WR_FIELD(conf_t, field, wr_array_t), .def = d,    \
     .doc = text, __VA_ARGS__}
#define WR_PAIR_LIST(n, ctx, conf_t, field, d, text, ...)                     \
    {.name = n, .contexts = ctx, .type = WR_D_PAIR_LIST, .min = 2, .max = 2,  \
     .flags = WR_DF_REPEAT, WR_FIELD(conf_t, field, wr_array_t), .def = d,    \
     .doc = text, __VA_ARGS__}
#define WR_BUFS(n, ctx, conf_t, field, d, text, ...)                          \
    {.name = n, .contexts = ctx, .type = WR_D_BUFS, .min = 2, .max = 2,       \
     WR_FIELD(conf_t, field, wr_bufs_t), .def = d, .doc = text, __VA_ARGS__}

/* `fn` does it all; `field` (of any type) is what inner blocks inherit. */
#define WR_CUSTOM(n, ctx, lo, hi, fn, conf_t, field, text, ...)               \
    {.name = n, .contexts = ctx, .type = WR_D_CUSTOM, .min = lo, .max = hi,   \
     .set = fn, .offset = offsetof(conf_t, field),                            \
     .size = sizeof(((conf_t *) 0)->field), .doc = text, __VA_ARGS__}
/* `fn` does it all and nothing is inherited. */
#define WR_ACTION(n, ctx, lo, hi, fn, text, ...)                              \
    {.name = n, .contexts = ctx, .type = WR_D_CUSTOM, .min = lo, .max = hi,   \
     .set = fn, .doc = text, __VA_ARGS__}
/* fn is called at the {; it opens a scope and calls wr_conf_block. */
#define WR_BLOCK(n, ctx, lo, hi, fn, text, ...)                               \
    {.name = n, .contexts = ctx, .type = WR_D_CUSTOM, .min = lo, .max = hi,   \
     .flags = WR_DF_BLOCK | WR_DF_REPEAT, .set = fn, .doc = text, __VA_ARGS__}
#define WR_END {.name = NULL}

/* ---- reading ---- */

/* Reading starts with wr_conf_new; schemas are added (also while reading, by
 * load_module); wr_conf_read reads `path` into cf->main (then `text`, the -g
 * directives, was read before it); wr_conf_settle ends it. Each returns WR_ERROR
 * after having logged why. A text named "command line" (or NULL) is that of -g: it
 * may have no blocks. */
wr_conf_t *wr_conf_new(wr_pool_t *pool, wr_log_t *log, wr_str_t prefix,
                       wr_str_t conf_prefix);
wr_rc_t    wr_conf_add_schema(wr_conf_t *cf, wr_schema_t *schema) WR_MUST_CHECK;
wr_rc_t    wr_conf_read_text(wr_conf_t *cf, wr_str_t text, const char *name)
    WR_MUST_CHECK;
wr_rc_t    wr_conf_read(wr_conf_t *cf, wr_str_t path) WR_MUST_CHECK;
wr_rc_t    wr_conf_settle(wr_conf_t *cf) WR_MUST_CHECK;

/* Ends the reading, after the modules' finish functions and -T: frees cf->temp
 * with the sources, the bitmaps and the tables. cf itself, its scopes and their
 * structs live on in the pool. To be called once, also after an error. */
void       wr_conf_done(wr_conf_t *cf);

/* What other layers keep per reading: by the address of `key`, anything in
 * cf->pool. NULL if there is none. */
void *wr_conf_attached(const wr_conf_t *cf, const void *key);
void  wr_conf_attach(wr_conf_t *cf, const void *key, void *value);

/* Files read so far, for -T: array of wr_conf_file_t. */
typedef struct wr_conf_file {
    wr_str_t path;
    wr_str_t text;
} wr_conf_file_t;
const wr_array_t *wr_conf_files(const wr_conf_t *cf);

/* A part of a token, with its own place in the file: for raw text that has a
 * grammar of its own. `word`: up to the first blank, without quotes around
 * it; *rest begins behind the blanks. */
wr_tok_t wr_tok_part(const wr_tok_t *tok, size_t from, size_t to);
wr_tok_t wr_tok_word(const wr_tok_t *tok, wr_tok_t *rest);
bool     wr_tok_is_blank(char c);       /* space, tab, CR, LF */

/* For directives with words of their own between expressions (`else`, `to`, `name=`):
 * where the next word begins, behind a blank and outside of quotes and brackets, at or
 * behind `from`, which is 0 or behind the beginning of a word that was found so. s.n:
 * there is none. */
size_t wr_tok_next_word(wr_str_t s, size_t from);
/* `word` stands at `at`, and a blank behind it. */
bool   wr_tok_stands(wr_str_t s, size_t at, wr_str_t word);

/* ---- for the set functions of directives ---- */

/* A new scope inside cf->scope; not yet entered. */
wr_scope_t *wr_conf_scope(wr_conf_t *cf, uint32_t context, void *object);

/* Reads the block that follows the current directive into `scope`; on return
 * cf->scope, args and nargs are as before. */
wr_rc_t wr_conf_block(wr_conf_t *cf, wr_scope_t *scope) WR_MUST_CHECK;

/* The same for a block of lines of their own grammar (types, map, geo): `line`
 * is called for each, with cf->args; `include` works inside. */
wr_rc_t wr_conf_lines(wr_conf_t *cf, wr_rc_t (*line)(wr_conf_t *cf, void *data),
                      void *data) WR_MUST_CHECK;

/* The struct of `schema` in `scope`, made (zeroed) if it was not there. While
 * reading only. */
void *wr_scope_own(wr_conf_t *cf, wr_scope_t *scope, wr_schema_t *schema);

/* Whether `scope` itself set the field that stands at `offset`. */
bool wr_scope_is_set(const wr_scope_t *scope, const wr_schema_t *schema,
                     size_t offset);
/* Says that it did: for set functions that fill further fields. */
void wr_scope_mark(wr_conf_t *cf, wr_scope_t *scope, wr_schema_t *schema,
                   size_t offset);

/* The nearest scope outwards with one of these contexts and its object. */
wr_scope_t *wr_scope_find(wr_scope_t *scope, uint32_t contexts);

/* Reports an error at an argument (NULL: at the directive's name): logs at emerg
 * "MESSAGE in FILE:LINE:COLUMN", the line and a caret below it. Returns
 * WR_ERROR. `_at` adds `offset` bytes to the token's column: for errors inside
 * expressions. */
wr_rc_t wr_conf_fail(wr_conf_t *cf, const wr_tok_t *at, const char *format, ...)
    WR_PRINTF(3, 4) WR_COLD;
wr_rc_t wr_conf_fail_at(wr_conf_t *cf, const wr_tok_t *at, size_t offset,
                        const char *format, ...) WR_PRINTF(4, 5) WR_COLD;
void    wr_conf_warn(wr_conf_t *cf, const wr_tok_t *at, const char *format, ...)
    WR_PRINTF(3, 4) WR_COLD;

/* Messages about places in this file, which is none of the conf's, show its line. The
 * text is borrowed while the conf is read. */
void wr_conf_show(wr_conf_t *cf, wr_str_t file, wr_str_t text);

/* A directive's set function where it has no effect: takes whatever there is. */
wr_rc_t wr_conf_ignore(wr_conf_t *cf, const wr_directive_t *d, void *conf);

/* With an errno, spelt out before the place; with a hint in brackets behind it. */
wr_rc_t wr_conf_fail_errno(wr_conf_t *cf, const wr_tok_t *at, int err,
                           const char *format, ...) WR_PRINTF(4, 5) WR_COLD;
wr_rc_t wr_conf_fail_hint(wr_conf_t *cf, const wr_tok_t *at, wr_str_t hint,
                          const char *format, ...) WR_PRINTF(4, 5) WR_COLD;

/* "server, location": the names of contexts, for messages and -H. */
wr_str_t wr_conf_contexts(wr_pool_t *pool, uint32_t contexts);
/* How the arguments of a row are written: d->args, or from its type. */
wr_str_t wr_conf_usage(wr_pool_t *pool, const wr_directive_t *d);

/* "Did you mean": the nearest of `n` names, or NULL if none is near. */
const char *wr_nearest(wr_str_t word, const char *const *names, size_t n);

/* Splits raw text as the lexer would (quotes, escapes): for directives that
 * start with plain words. Returns words in the pool; `*rest` is what follows
 * the first `max` words, untouched. */
wr_tok_t *wr_conf_split(wr_conf_t *cf, const wr_tok_t *raw, unsigned max,
                        unsigned *n, wr_tok_t *rest);

/* An inline template may be quoted as a whole: the text without such quotes, its
 * escapes resolved; else the text as it stands. In the pool, NUL behind. */
wr_tok_t wr_conf_unquote(wr_conf_t *cf, const wr_tok_t *raw);

/* Paths: absolute from the prefix, or from the conf's folder. NUL behind. */
wr_str_t wr_conf_path(wr_conf_t *cf, wr_str_t path);
wr_str_t wr_conf_file_path(wr_conf_t *cf, wr_str_t path);

/* Words to numbers, as nginx: false if they are none. */
bool wr_parse_size(wr_str_t s, int64_t *bytes);         /* 8k 1m */
bool wr_parse_offset(wr_str_t s, int64_t *bytes);       /* and g */
bool wr_parse_msec(wr_str_t s, wr_msec_t *ms);          /* 1h30m, 500ms, 5 */
bool wr_parse_sec(wr_str_t s, int64_t *sec);            /* 1y 1M 1w 1d 1h 1m 1s */
bool wr_parse_int(wr_str_t s, int64_t *n);              /* digits only */

/* The arguments `user:rw group:r all:r` as a file's mode: 0644. */
wr_rc_t wr_conf_access(wr_conf_t *cf, int *mode) WR_MUST_CHECK;

/* `word` without its "name=" if it starts so: for arguments like zone=…. */
bool wr_arg_value(wr_str_t word, const char *name, wr_str_t *value);

/* Every row of every schema, for -H, -T --effective, the manual. */
typedef bool (*wr_each_fn_t)(void *data, const wr_schema_t *s, const wr_directive_t *d);
void wr_conf_each(const wr_conf_t *cf, wr_each_fn_t fn, void *data);

/* ---- what upper layers give this one, once per process ---- */

typedef struct wr_conf_hooks {
    /* By vars: what the types WR_D_CV, _CV_LIST and _PAIR_LIST are made of. */
    size_t   cv_size;
    size_t   pair_size;
    wr_rc_t (*cv)(wr_conf_t *cf, const wr_tok_t *text, void *cv);
    wr_rc_t (*pair)(wr_conf_t *cf, const wr_tok_t *name, const wr_tok_t *text,
                    void *pair);
    /* By the module registry: which module has the "directive" or "variable" of
     * this name, as a sentence; empty if none has. */
    wr_str_t (*hint)(wr_pool_t *pool, const char *kind, wr_str_t name);
    /* Set for a survey (--from-nginx): a reading tells each error and warning here,
     * passes over what it is about, and goes on. `at` may be NULL. */
    void   (*survey)(wr_conf_t *cf, const wr_tok_t *at, wr_str_t message);
    unsigned surveyed;          /* statements read */
    /* Set for --explain: is told each statement before it is run in cf->scope; `text`
     * is that of the file, without the ; or {, as long-lived as cf->temp. */
    void   (*statement)(wr_conf_t *cf, const wr_schema_t *schema, const wr_directive_t *d,
                        wr_str_t text);
    /* And what a module made of the statement that `at` lies in: the SQL of a step. */
    void   (*remark)(wr_conf_t *cf, const wr_tok_t *at, wr_str_t text);
} wr_conf_hooks_t;
extern wr_conf_hooks_t wr_conf_hooks;

#endif
