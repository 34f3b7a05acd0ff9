/*
 * Markup: text that is safe in HTML. A str value with WR_VF_SAFE is Markup; what
 * stands here is the algebra around it, as markupsafe has it.
 *
 * (wr_escape and wr_put_escaped are in value.h.)
 */
#ifndef WEIR_EXPR_MARKUP_H
#define WEIR_EXPR_MARKUP_H

#include <weir/expr/value.h>

/* Where the first character stands that wr_escape changes; s.n if none. */
size_t wr_escape_find(wr_str_t s);

/* How many bytes wr_escape will write. */
size_t wr_escape_len(wr_str_t s);

/* escape(v): Markup stays, everything else becomes the escaped str() of it. */
bool wr_escape_val(wr_eval_t *ev, const wr_val_t *v, wr_val_t *out);

/* html.unescape: all named references of HTML5, also those without `;`, and
 * numeric ones with the browsers' repairs. */
void wr_unescape(wr_buf_t *to, wr_str_t s);

/* Markup(s).striptags(): no comments, no tags, white space runs one space,
 * references resolved. */
void wr_striptags(wr_pool_t *pool, wr_buf_t *to, wr_str_t s);

/* The text of a named reference without `&`; with or without `;` as HTML5 lists
 * it. An empty view if there is none. */
wr_str_t wr_entity(wr_str_t name);

/* The same value with or without the flag. */
static inline wr_val_t
wr_with_safe(const wr_val_t *v, bool safe)
{
    wr_val_t r = *v;

    if (safe) {
        r.flags |= WR_VF_SAFE;
    } else {
        r.flags &= (uint8_t) ~WR_VF_SAFE;
    }
    return r;
}

#endif
