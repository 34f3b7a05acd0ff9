/*
 * The small pieces that the lexer is made of: characters, numbers, strings.
 */
#ifndef WEIR_EXPR_LEXCHARS_H
#define WEIR_EXPR_LEXCHARS_H

#include <weir/expr/value.h>

/* Bytes of the whitespace character (Python's idea of one) at `pos`, or that
 * ends at `pos`; 0 if there is none. */
size_t wr_lex_space(wr_str_t s, size_t pos);
size_t wr_lex_space_len_before(wr_str_t s, size_t pos);

static inline bool
wr_lex_space_before(wr_str_t s, size_t pos)
{
    return wr_lex_space_len_before(s, pos) != 0;
}

/* How many bytes the token at `s` takes; 0 if it is no such token. */
size_t wr_lex_int_len(const char *s, size_t n);
size_t wr_lex_float_len(const char *s, size_t n);
size_t wr_lex_string_len(const char *s, size_t n);
/* `*valid` tells whether it may be an identifier. */
size_t wr_lex_name_len(const char *s, size_t n, bool *valid);

/* False: beyond 64 bits. */
bool   wr_lex_integer(wr_str_t s, int64_t *out);
double wr_lex_float(wr_str_t s);

/* The value of what stands between the quotes. `*error` is set if an escape is
 * cut short. */
wr_str_t wr_lex_unescape(wr_pool_t *pool, wr_str_t s, const char **error);

/* Appends the code point in UTF-8. */
void wr_lex_put_utf8(wr_buf_t *b, uint32_t c);

#endif
