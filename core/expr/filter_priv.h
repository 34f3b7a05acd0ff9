/*
 * What the files of the builtin filters share. Stays in this folder.
 */
#ifndef WEIR_EXPR_FILTER_PRIV_H
#define WEIR_EXPR_FILTER_PRIV_H

#include <weir/expr/bind.h>
#include <weir/expr/budget.h>
#include <weir/expr/builtins.h>
#include <weir/expr/value.h>

#define WR_FN(fn) bool fn(wr_eval_t *ev, const wr_args_t *args, wr_val_t *out)

/* filter_text.c */
WR_FN(wr_filter_capitalize);
WR_FN(wr_filter_center);
WR_FN(wr_filter_format);
WR_FN(wr_filter_lower);
WR_FN(wr_filter_replace);
WR_FN(wr_filter_string);
WR_FN(wr_filter_title);
WR_FN(wr_filter_trim);
WR_FN(wr_filter_upper);
WR_FN(wr_filter_wordcount);
/* filter_wrap.c */
WR_FN(wr_filter_indent);
WR_FN(wr_filter_truncate);
WR_FN(wr_filter_wordwrap);
/* filter_num.c */
WR_FN(wr_filter_abs);
WR_FN(wr_filter_filesizeformat);
WR_FN(wr_filter_float);
WR_FN(wr_filter_int);
WR_FN(wr_filter_round);
WR_FN(wr_filter_sum);
/* filter_seq.c */
WR_FN(wr_filter_attr);
WR_FN(wr_filter_default);
WR_FN(wr_filter_first);
WR_FN(wr_filter_items);
WR_FN(wr_filter_join);
WR_FN(wr_filter_last);
WR_FN(wr_filter_length);
WR_FN(wr_filter_list);
WR_FN(wr_filter_random);
WR_FN(wr_filter_reverse);
/* filter_lazy.c */
WR_FN(wr_filter_batch);
WR_FN(wr_filter_map);
WR_FN(wr_filter_reject);
WR_FN(wr_filter_rejectattr);
WR_FN(wr_filter_select);
WR_FN(wr_filter_selectattr);
WR_FN(wr_filter_slice);
WR_FN(wr_filter_unique);
/* filter_sort.c */
WR_FN(wr_filter_dictsort);
WR_FN(wr_filter_groupby);
WR_FN(wr_filter_max);
WR_FN(wr_filter_min);
WR_FN(wr_filter_sort);
/* filter_html.c */
WR_FN(wr_filter_escape);
WR_FN(wr_filter_forceescape);
WR_FN(wr_filter_safe);
WR_FN(wr_filter_striptags);
WR_FN(wr_filter_urlencode);
WR_FN(wr_filter_xmlattr);
/* filter_urlize.c, filter_pprint.c, filter_json.c */
WR_FN(wr_filter_urlize);
WR_FN(wr_filter_pprint);
WR_FN(wr_filter_tojson);

/* global_*.c */
WR_FN(wr_global_cycler);
WR_FN(wr_global_dict);
WR_FN(wr_global_joiner);
WR_FN(wr_global_lipsum);
WR_FN(wr_global_namespace);
WR_FN(wr_global_range);

/* ---- small helpers ---- */

/* What Python's hasattr(v, '__html__') says: Markup, and chainable undefined. */
bool wr_has_html(const wr_val_t *v);

/* A str is lowered, anything else stays: how jinja2 compares without case. */
bool wr_ignore_case(wr_eval_t *ev, wr_val_t *v);

/* All items of an iterable in a new list. */
bool wr_collect(wr_eval_t *ev, const wr_val_t *v, wr_list_t **out);

/* Takes the next line, its end excluded, as str.splitlines() would; false at
 * the end. With `ends` the line keeps its end. */
bool wr_next_line(wr_str_t *rest, wr_str_t *line, bool ends);

#endif
