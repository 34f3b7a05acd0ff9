/*
 * What a module is: one descriptor of tables.
 *
 * Every module in the tree builds static or loadable from the same sources. The
 * build defines WR_MODULE_NAME (the module's short name), so that wr_conf(r)
 * finds the module's own struct.
 *
 * ABI: public structs are appended to, never reordered. `size` is what the
 * module was built with; the core reads no further. A module of another major
 * version, of a newer minor one or of other facts is refused with a message that
 * says which fact differs.
 */
#ifndef WEIR_MODULE_MODULE_H
#define WEIR_MODULE_MODULE_H

#include <weir/conf/conf.h>
#include <weir/expr/value.h>
#include <weir/os/metrics.h>
#include <weir/vars/cv.h>

#define WR_ABI_MAJOR 1
#define WR_ABI_MINOR 0
/* Facts that change the layout of public structs: compared as text. */
#define WR_ABI_FACTS "linux-lp64"
#define WR_MAGIC 0x72696577u    /* "weir" */

typedef struct wr_module     wr_module_t;
typedef struct wr_worker     wr_worker_t;
typedef struct wr_http_tables wr_http_tables_t;

struct wr_module {
    uint32_t            magic;
    uint16_t            abi_major;
    uint16_t            abi_minor;
    uint32_t            size;           /* sizeof(wr_module_t) at build time */
    const char         *facts;
    const char         *name;           /* "http_hello_module" */
    const char         *version;
    const char         *doc;            /* one sentence */

    wr_schema_t         schema;         /* directives, size and check of the conf */
    const wr_var_row_t *variables;
    const wr_http_tables_t *http;       /* hooks, filters, steps, … : http/hook.h */
    const wr_fn_row_t  *functions;      /* for expressions and templates */
    const wr_fn_row_t  *filters;
    const wr_fn_row_t  *tests;

    /* While the conf is read. `begin` runs when http{} opens, before its lines
     * (or at the start for built-in modules without HTTP parts); `finish` after all
     * is read and settled. */
    wr_rc_t           (*begin)(wr_conf_t *cf);
    wr_rc_t           (*finish)(wr_conf_t *cf);

    /* In each worker, after fork and before it accepts; at its end. */
    wr_rc_t           (*worker_start)(wr_worker_t *w);
    void              (*worker_stop)(wr_worker_t *w);

    /* In the master after the conf was accepted, before workers start; may take
     * its time (migrations). */
    wr_rc_t           (*master_start)(wr_conf_t *cf);

    /* Set by the core. */
    unsigned            index;
    bool                loaded;         /* from a file */
    wr_str_t            path;

    /* In a worker, when somebody asks for metrics: adds with wr_metrics_put what is
     * only known then. Short, never waits. */
    void              (*metrics)(wr_metrics_t *to);
};

#define WR_CAT_(a, b) a##b
#define WR_CAT(a, b) WR_CAT_(a, b)
#define WR_STRING_(a) #a
#define WR_STRING(a) WR_STRING_(a)

/* Defines the descriptor: WR_MODULE(hello, .schema = {.directives = …}, …); */
#ifdef WR_DYNAMIC
#define WR_MODULE_ALIAS(n)                                                    \
    extern __attribute__((visibility("default"), alias("wr_module_" #n)))     \
    wr_module_t weir_module;
#else
#define WR_MODULE_ALIAS(n)
#endif

/* What a module says wins over what stands here: that is no warning. */
#define WR_MODULE(n, ...)                                                     \
    _Pragma("GCC diagnostic push")                                            \
    _Pragma("GCC diagnostic ignored \"-Woverride-init\"")                     \
    extern wr_module_t wr_module_##n;                                         \
    wr_module_t wr_module_##n = {                                             \
        .magic = WR_MAGIC, .abi_major = WR_ABI_MAJOR,                         \
        .abi_minor = WR_ABI_MINOR, .size = sizeof(wr_module_t),               \
        .facts = WR_ABI_FACTS, .name = "http_" #n "_module",                  \
        .version = "0.1.0", .schema.name = "http_" #n "_module", __VA_ARGS__};\
    _Pragma("GCC diagnostic pop")                                             \
    WR_MODULE_ALIAS(n)                                                        \
    extern wr_module_t wr_module_##n

#ifdef WR_MODULE_NAME
extern wr_module_t WR_CAT(wr_module_, WR_MODULE_NAME);
#define WR_SELF (&WR_CAT(wr_module_, WR_MODULE_NAME))
#endif

/* ---- registry (for the core and main; modules do not call it) ---- */

/* The built-in modules, ended by NULL: written by the build. */
extern wr_module_t *const wr_builtin_modules[];

/* Adds the built-in modules to a reading: their schemas; the caller's core
 * modules first. */
wr_rc_t wr_modules_begin(wr_conf_t *cf, wr_module_t *const *core) WR_MUST_CHECK;

/* `load_module PATH`: dlopen, ABI check, schema added. Loading the same file
 * again in a later cycle gives the same descriptor. */
wr_rc_t wr_module_load(wr_conf_t *cf, const wr_tok_t *path) WR_MUST_CHECK;

/* All modules of this reading in order; n in *n. */
wr_module_t *const *wr_modules_of(const wr_conf_t *cf, unsigned *n);

/* Which loadable module has a directive or variable (`kind`) of this name:
 * "modules/http_route_module.so", or NULL. Opens the modules that are installed
 * (under the last reading's prefix, the build's, or beside the program): for error
 * messages and -H only. The text is valid until the next call. */
const char *wr_module_hint(const char *kind, wr_str_t name);
/* The file itself that the last wr_module_hint found. */
const char *wr_module_hint_file(void);

/* The files of all modules that are installed, absolute, sorted by name: those of the
 * first of the folders above that has any. Adds wr_str_t to `files`. */
void wr_module_files(wr_pool_t *pool, wr_array_t *files);

/* ---- services ---- */

/* Modules meet through named services: a table of functions of one of them, kept
 * per reading of the conf. The name has a version: "sqlite.1". NULL if nobody
 * offers it. */
void        wr_service_offer(wr_conf_t *cf, const char *name, const void *table);
const void *wr_service_find(wr_conf_t *cf, const char *name);

#endif
