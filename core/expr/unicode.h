/*
 * Properties of code points, as Python's str methods see them (Unicode 14), and
 * case mappings of whole texts.
 */
#ifndef WEIR_EXPR_UNICODE_H
#define WEIR_EXPR_UNICODE_H

#include <weir/base/buf.h>

bool wr_uni_printable(uint32_t cp);     /* repr leaves it as it is */
bool wr_uni_isalpha(uint32_t cp);
bool wr_uni_isdecimal(uint32_t cp);
bool wr_uni_isdigit(uint32_t cp);
bool wr_uni_isnumeric(uint32_t cp);
bool wr_uni_isalnum(uint32_t cp);
bool wr_uni_isupper(uint32_t cp);
bool wr_uni_islower(uint32_t cp);
bool wr_uni_istitle(uint32_t cp);       /* a titlecase letter: ǅ */
bool wr_uni_cased(uint32_t cp);
bool wr_uni_space(uint32_t cp);         /* str.isspace, \s */
bool wr_uni_word(uint32_t cp);          /* \w */
bool wr_uni_line_end(uint32_t cp);      /* where str.splitlines cuts */
bool wr_uni_id_start(uint32_t cp);      /* str.isidentifier */
bool wr_uni_id_part(uint32_t cp);

/* The value of a decimal digit of any script, or -1. */
int wr_uni_decimal(uint32_t cp);

/* The code point of that name (any case), as in \N{…}. */
bool wr_uni_by_name(wr_str_t name, uint32_t *cp);

/* The full mappings of one code point: one to three, returned in `to`. */
unsigned wr_uni_upper(uint32_t cp, uint32_t to[3]);
unsigned wr_uni_lower(uint32_t cp, uint32_t to[3]);
unsigned wr_uni_title(uint32_t cp, uint32_t to[3]);

/* Whole texts, appended: str.upper() and so on. */
void wr_uni_put_upper(wr_buf_t *b, wr_str_t s);
void wr_uni_put_lower(wr_buf_t *b, wr_str_t s);
void wr_uni_put_title(wr_buf_t *b, wr_str_t s);
void wr_uni_put_capitalized(wr_buf_t *b, wr_str_t s);
void wr_uni_put_swapped(wr_buf_t *b, wr_str_t s);
void wr_uni_put_folded(wr_buf_t *b, wr_str_t s);

/* Without white space at the left or right end, or both. */
wr_str_t wr_uni_strip(wr_str_t s, bool left, bool right);

#endif
