/*
 * The functions of the extension i18n.
 */
#ifndef WEIR_EXPR_GETTEXT_H
#define WEIR_EXPR_GETTEXT_H

#include <weir/expr/value.h>

/* gettext, ngettext, pgettext, npgettext and `_`. */
extern const wr_fn_row_t wr_gettext_globals[];

#endif
