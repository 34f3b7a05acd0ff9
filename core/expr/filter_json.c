/*
 * tojson: a value as JSON that may stand in HTML, as jinja2 words it. What
 * json.dumps is told comes from the policy json.dumps_kwargs.
 */
#include "filter_priv.h"

#include <weir/expr/json_out.h>

/* json.dumps(indent=…): none, a number of spaces, or the text itself. */
static bool
set_indent(wr_eval_t *ev, const wr_val_t *v, wr_json_opts_t *opts)
{
    wr_buf_t b = wr_buf(ev->pool);

    if (wr_is_none(v)) {
        return true;
    }
    opts->pretty = true;
    if (v->type == WR_V_STR) {
        opts->indent = wr_val_text(v);
        return true;
    }
    if (v->type == WR_V_UNDEFINED) {
        return wr_undef_raise(ev, v);
    }
    if (!wr_is_num(v)) {
        return wr_raise(ev, "TypeError",
                        "can't multiply sequence by non-int of type '%s'",
                        wr_type_name(v));
    }
    if (v->u.i > 1000) {
        return wr_raise(ev, "LimitError", "tojson: indent is over 1000");
    }
    wr_buf_fill(&b, ' ', v->u.i > 0 ? (size_t) v->u.i : 0);
    opts->indent = wr_buf_text(&b);
    return true;
}

/* json.dumps(separators=(item, key)). */
static bool
set_separators(wr_eval_t *ev, const wr_val_t *v, wr_json_opts_t *opts)
{
    const wr_list_t *l;

    if (v->type == WR_V_NONE) {
        return true;
    }
    l = v->type == WR_V_LIST || v->type == WR_V_TUPLE ? v->u.list : NULL;
    if (l == NULL || l->n != 2 || l->items[0].type != WR_V_STR
        || l->items[1].type != WR_V_STR) {
        return wr_raise(ev, "TypeError", "separators must be two strings");
    }
    opts->item_sep = wr_val_text(&l->items[0]);
    opts->key_sep = wr_val_text(&l->items[1]);
    return true;
}

static bool
set_policy(wr_eval_t *ev, const wr_dict_t *d, wr_json_opts_t *opts)
{
    wr_dict_entry_t *e;

    for (uint32_t i = 0; (e = wr_dict_next(d, &i)) != NULL; ) {
        wr_str_t name = e->key.type == WR_V_STR ? wr_val_text(&e->key)
                                                : WR_STR("");

        if (wr_str_eqz(name, "sort_keys")) {
            if (!wr_truth(ev, &e->value, &opts->sort)) {
                return false;
            }
        } else if (wr_str_eqz(name, "ensure_ascii")) {
            if (!wr_truth(ev, &e->value, &opts->ascii)) {
                return false;
            }
        } else if (wr_str_eqz(name, "indent")) {
            if (!set_indent(ev, &e->value, opts)) {
                return false;
            }
        } else if (wr_str_eqz(name, "separators")) {
            if (!set_separators(ev, &e->value, opts)) {
                return false;
            }
        } else {
            return wr_raise(ev, "TypeError", "JSONEncoder.__init__() got an "
                            "unexpected keyword argument '%.*s'", WR_ARG(name));
        }
    }
    return true;
}

WR_FN(wr_filter_tojson)
{
    static const wr_sig_t sig = {
        "do_tojson", "eval_ctx", 1, 2, {"value", "indent"}};
    wr_val_t       a[2], policy;
    wr_json_opts_t opts = WR_JSON_DEFAULTS;
    wr_buf_t       b = wr_buf(ev->pool);

    if (!wr_sig_bind(ev, &sig, args, a)) {
        return false;
    }
    opts.html = true;
    if (wr_policy(ev, "json.dumps_kwargs", &policy)
        && policy.type == WR_V_DICT) {
        if (!set_policy(ev, policy.u.dict, &opts)) {
            return false;
        }
    } else {
        opts.sort = true;
    }
    if (!wr_is_none(&a[1])) {
        opts.pretty = false;
        opts.indent = WR_STR_NONE;
    }
    if (!set_indent(ev, &a[1], &opts) || !wr_json_put(ev, &b, &a[0], &opts)) {
        return false;
    }
    return wr_text_val(ev, &b, true, out);
}
