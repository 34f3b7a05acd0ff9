/*
 * Regular expressions (PCRE2, JIT), with limits that a server needs.
 */
#ifndef WEIR_VARS_REGEX_H
#define WEIR_VARS_REGEX_H

#include <weir/vars/cv.h>

typedef struct wr_regex wr_regex_t;

/* Compiles a pattern; named groups become variables $name when `define` is said.
 * NULL after a conf error with the column inside the pattern. */
wr_regex_t *wr_regex_compile(wr_conf_t *cf, const wr_tok_t *pattern, bool icase,
                             bool define);
/* The same for patterns made at run time or without a conf: NULL and a message in
 * `error` (pool). */
wr_regex_t *wr_regex_new(wr_pool_t *pool, wr_str_t pattern, bool icase,
                         wr_str_t *error);

/* Matches and, on success, makes the captures those of the request ($1 and the
 * named ones). WR_OK, WR_DECLINED (no match, or past the match limit, which is
 * logged), WR_ERROR. */
wr_rc_t wr_regex_exec(wr_req_t *r, const wr_regex_t *re, wr_str_t subject);

/* Only whether it matches. */
bool wr_regex_test(const wr_regex_t *re, wr_str_t subject);
/* With the groups: `ovector` gets up to `n` pairs of offsets (-1: unset); the
 * number of pairs that were set, 0 if there is no match. */
int wr_regex_match(const wr_regex_t *re, wr_str_t subject, int *ovector, int n);
unsigned wr_regex_groups(const wr_regex_t *re);
/* The i-th of its named groups (from 0): its number, and its name in *name, which lives
 * as long as the pattern. 0: there are no more. */
unsigned wr_regex_name(const wr_regex_t *re, unsigned i, wr_str_t *name);
wr_str_t wr_regex_pattern(const wr_regex_t *re);

#endif
