/*
 * Between the files of the lexer.
 */
#ifndef WEIR_EXPR_LEXER_PRIV_H
#define WEIR_EXPR_LEXER_PRIV_H

#include <weir/expr/lexchars.h>
#include <weir/expr/lexer.h>

enum { /* kinds of tags */
    WR_LEX_RAW,
    WR_LEX_BLOCK,
    WR_LEX_COMMENT,
    WR_LEX_VAR,
    WR_LEX_LINE,
    WR_LEX_LINECOMMENT
};

/* A delimiter that begins a tag. */
typedef struct wr_lex_rule {
    uint8_t  what;
    wr_str_t s;
} wr_lex_rule_t;

/* How far it is. */
typedef struct wr_lexing {
    wr_lex_t            *lex;
    const wr_lex_conf_t *conf;
    wr_str_t             src;
    size_t               pos;
    uint32_t             line;
    bool                 line_starting;
    bool                 failed;
    wr_lex_rule_t        rules[5];
    unsigned             nrules;
    bool                 first[256]; /* a delimiter may start so */
    char                *closers;    /* brackets still open */
    uint32_t             nclosers, capclosers;
} wr_lexing_t;

/* A place in the text where a tag begins. */
typedef struct wr_lex_found {
    int    what;
    size_t at;   /* where the match begins */
    size_t end;  /* behind the delimiter and its sign */
    char   sign; /* '-', '+' or 0 */
} wr_lex_found_t;

/* lexer.c */
wr_token_t *wr_lex_add(wr_lexing_t *st, wr_lex_tok_t type, size_t pos, uint32_t line);
/* The first failure counts: an error token with this message. */
void     wr_lex_fail(wr_lexing_t *st, size_t pos, uint32_t line, wr_str_t message);
uint32_t wr_lex_newlines(const char *p, size_t n);
/* In the newline style of the environment, in text and in literals. */
wr_str_t wr_lex_normalise(wr_lexing_t *st, const char *p, size_t n);

/* lexer_find.c */
void wr_lex_add_rule(wr_lexing_t *st, uint8_t what, wr_str_t s);
/* The next tag from where it stands. False: there is none. */
bool wr_lex_find(const wr_lexing_t *st, wr_lex_found_t *f);
/* `word` is "raw" or "endraw", `end` says which. Where the tag ends, or 0. */
size_t wr_lex_match_raw(const wr_lexing_t *st, size_t pos, const char *word, bool end,
                        char *sign);
/* What whitespace control leaves of the text before a tag: where it ends. */
size_t wr_lex_strip(const wr_lexing_t *st, const wr_lex_found_t *f);

/* lexer_tag.c: the tokens of a tag of this kind, to its end. */
void wr_lex_tag(wr_lexing_t *st, int what);

static inline bool
wr_lex_at(const wr_lexing_t *st, size_t pos, wr_str_t s)
{
    return s.n <= st->src.n - pos && memcmp(st->src.p + pos, s.p, s.n) == 0;
}

/* Behind the blanks. */
static inline size_t
wr_lex_skip(const wr_lexing_t *st, size_t pos)
{
    size_t n;

    while ((n = wr_lex_space(st->src, pos)) != 0) {
        pos += n;
    }
    return pos;
}

#endif
