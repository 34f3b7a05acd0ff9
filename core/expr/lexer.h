/*
 * The lexer: template source to tokens, for any delimiters.
 *
 * It works ahead over the whole source and keeps the tokens in an array; an
 * error becomes the last token, so that the parser reports it only if it gets
 * that far.
 */
#ifndef WEIR_EXPR_LEXER_H
#define WEIR_EXPR_LEXER_H

#include <weir/expr/value.h>

typedef enum wr_lex_tok {
    WR_T_EOF,
    WR_T_ERROR,
    WR_T_DATA,
    WR_T_VAR_BEGIN,
    WR_T_VAR_END,
    WR_T_BLOCK_BEGIN,
    WR_T_BLOCK_END,
    WR_T_NAME,
    WR_T_STRING,
    WR_T_INTEGER,
    WR_T_FLOAT,
    WR_T_ADD,
    WR_T_SUB,
    WR_T_MUL,
    WR_T_DIV,
    WR_T_FLOORDIV,
    WR_T_MOD,
    WR_T_POW,
    WR_T_TILDE,
    WR_T_LBRACKET,
    WR_T_RBRACKET,
    WR_T_LPAREN,
    WR_T_RPAREN,
    WR_T_LBRACE,
    WR_T_RBRACE,
    WR_T_EQ,
    WR_T_NE,
    WR_T_GT,
    WR_T_GTEQ,
    WR_T_LT,
    WR_T_LTEQ,
    WR_T_ASSIGN,
    WR_T_DOT,
    WR_T_COLON,
    WR_T_PIPE,
    WR_T_COMMA,
    WR_T_SEMICOLON,
} wr_lex_tok_t;

typedef struct wr_token {
    uint8_t  type; /* wr_lex_tok_t */
    uint32_t line;
    uint32_t pos;  /* byte in wr_lex_t.src */
    wr_str_t text; /* a name; the data; a string's value */
    union {
        int64_t i;
        double  f;
    } u;
} wr_token_t;

typedef struct wr_lex_conf {
    wr_str_t block_start, block_end;
    wr_str_t var_start, var_end;
    wr_str_t comment_start, comment_end;
    wr_str_t line_statement; /* p == NULL: none */
    wr_str_t line_comment;
    wr_str_t newline;
    bool     trim_blocks;
    bool     lstrip_blocks;
    bool     keep_trailing_newline;
    bool     vars_only; /* blocks and comments are plain text */
} wr_lex_conf_t;

typedef struct wr_lex {
    wr_pool_t  *pool;
    wr_str_t    src;    /* newlines made "\n" */
    wr_token_t *tokens; /* ends with EOF or ERROR */
    uint32_t    n, cap;
    wr_str_t    error; /* message of the ERROR token */
    const char *error_kind;
} wr_lex_t;

/* The delimiters of Jinja2. */
extern const wr_lex_conf_t wr_lex_default;

/* Lexes a template; with `expression` the source is the inside of a {{ }}. */
void wr_lex(wr_lex_t *lex, wr_pool_t *pool, const wr_lex_conf_t *conf,
            wr_str_t source, bool expression);

/* "end of print statement", "name", "," … as Jinja2 words them. */
const char *wr_tok_name(wr_lex_tok_t type);

#endif
