/*
 * The parser: tokens to a syntax tree.
 *
 * Recursive descent with one token of look-ahead; the first error ends it (a
 * long jump back to wr_parse, everything lives in the pool). Nesting is
 * limited, so hostile input cannot use up the stack, here or in whoever walks
 * the tree.
 */
#ifndef WEIR_EXPR_PARSER_H
#define WEIR_EXPR_PARSER_H

#include <setjmp.h>

#include <weir/expr/ast.h>
#include <weir/expr/template.h>

enum {
    WR_PARSE_NEST = 200,  /* brackets, operators, statements in each other */
    WR_PARSE_DEPTH = 900, /* of the tree: long chains of operators */
};

typedef struct wr_parse {
    wr_pool_t         *pool;
    const wr_env_t    *env;
    wr_lex_t           lex;
    wr_token_t        *tok; /* the current one */
    wr_err_t          *err;
    jmp_buf            jump;
    uint32_t           nest;
    wr_str_t           tags[WR_PARSE_NEST + 8]; /* open tags */
    uint32_t           ntags;
    const char *const *ends[WR_PARSE_NEST + 8]; /* end tags looked for */
    uint32_t           nends;
} wr_parse_t;

/* ---- shared by the parser's files ---- */

WR_NORETURN
    WR_COLD WR_PRINTF(4, 5) void wr_parse_fail(wr_parse_t *p, const char *kind,
                                               uint32_t    line,
                                               const char *format, ...);

/* The current token's text for messages. */
wr_str_t wr_parse_describe(wr_parse_t *p, const wr_token_t *t);

wr_ast_t   *wr_parse_node(wr_parse_t *p, wr_ast_kind_t kind, uint32_t line);
wr_token_t *wr_parse_next(wr_parse_t *p); /* returns the old one */
wr_token_t *wr_parse_look(wr_parse_t *p);
bool        wr_parse_is(const wr_token_t *t, const char *name);
bool        wr_parse_skip(wr_parse_t *p, const char *name);
bool        wr_parse_skip_type(wr_parse_t *p, wr_lex_tok_t type);
wr_token_t *wr_parse_expect(wr_parse_t *p, wr_lex_tok_t type);
wr_token_t *wr_parse_expect_name(wr_parse_t *p, const char *name);
void        wr_parse_enter(wr_parse_t *p); /* one level deeper */
void        wr_parse_leave(wr_parse_t *p);
/* Sets n->depth from its children, refuses what is too deep. */
wr_ast_t *wr_parse_done(wr_parse_t *p, wr_ast_t *n);

wr_ast_t *wr_parse_expr(wr_parse_t *p);
wr_ast_t *wr_parse_expr_nocond(wr_parse_t *p);
wr_ast_t *wr_parse_tuple(wr_parse_t *p, bool with_cond);
wr_ast_t *wr_parse_target(wr_parse_t *p, bool with_ns);
wr_ast_t *wr_parse_target_name(wr_parse_t *p);
wr_ast_t *wr_parse_filter(wr_parse_t *p, wr_ast_t *node, bool inline_start);
/* One statement; the result is pushed to `to` (i18n may push two). */
void wr_parse_statement(wr_parse_t *p, wr_ast_list_t *to);
/* Text and statements up to one of `ends` (NULL-terminated, or NULL). */
void wr_parse_body(wr_parse_t *p, const char *const *ends, wr_ast_list_t *to);
/* The same behind a tag: expects its end, fails at the end of the template. */
void wr_parse_block_body(wr_parse_t *p, const char *const *ends, bool drop,
                         wr_ast_list_t *to);
void wr_parse_trans(wr_parse_t *p, wr_ast_list_t *to);

/* ---- entries: NULL after storing the error ---- */

wr_ast_list_t *
wr_parse_template(wr_parse_t *p, wr_pool_t *pool, const wr_env_t *env,
                  const wr_lex_conf_t *conf, wr_str_t source, wr_err_t *err);
wr_ast_t *
wr_parse_expression(wr_parse_t *p, wr_pool_t *pool, const wr_env_t *env,
                    const wr_lex_conf_t *conf, wr_str_t source, wr_err_t *err);

#endif
