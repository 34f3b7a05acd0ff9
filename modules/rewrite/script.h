/*
 * The script of a server or location: what its rewrite, return, set, if and break
 * do, in the order in which they were written.
 */
#ifndef WEIR_REWRITE_SCRIPT_H
#define WEIR_REWRITE_SCRIPT_H

#include <weir/http/server.h>
#include <weir/vars/regex.h>

typedef enum op_kind { OP_SET, OP_RETURN, OP_REWRITE, OP_IF, OP_BREAK } op_kind_t;

typedef enum test_kind {
    TEST_TRUE,              /* not empty and not "0" */
    TEST_EQUAL,
    TEST_REGEX,
    TEST_FILE, TEST_DIR, TEST_EXISTS, TEST_EXEC,
} test_kind_t;

typedef struct condition {
    test_kind_t kind;
    bool        negated;
    unsigned    var;        /* of TRUE, EQUAL, REGEX */
    wr_cv_t     value;      /* what is compared with; the file's path */
    wr_regex_t *regex;
} condition_t;

typedef struct rewrite {
    wr_regex_t *regex;
    wr_cv_t     path;       /* the replacement up to the ?; a redirect: all of it */
    wr_cv_t     args;       /* behind the ? */
    bool        has_args;   /* there is a ? */
    bool        add_args;   /* the request's arguments follow */
    bool        last;       /* the script ends */
    bool        stay;       /* `break`: the location is kept */
    unsigned    redirect;   /* 301, 302; 0: internal */
} rewrite_t;

typedef struct op {
    op_kind_t kind;
    wr_str_t  at;           /* of rewrite: the pattern, for the log */
    union {
        struct {
            unsigned var;
            wr_cv_t  value;
        } set;
        struct {
            unsigned status;
            wr_cv_t  text;  /* nothing given: an error page, or no body */
        } ret;
        rewrite_t rewrite;
        struct {
            condition_t       cond;
            const wr_array_t *ops;
            wr_location_t    *location;     /* whose conf takes over */
            bool              in_server;
        } branch;
    } u;
} op_t;

typedef struct rewrite_conf {
    wr_array_t  ops;        /* op_t; of this scope only, not inherited */
    wr_scope_t *scope;      /* which that is */
    bool        log;
    bool        warn;       /* uninitialized_variable_warn */
} rewrite_conf_t;

extern const wr_directive_t rewrite_directives[];

/* Runs it. WR_OK: to its end, or till `break` or `last`. WR_DONE: answered. */
wr_rc_t script_run(wr_req_t *r, const wr_array_t *ops);

#endif
