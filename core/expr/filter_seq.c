/*
 * Filters on sequences and mappings that need no test and no order: first, last,
 * join, list … and default and attr.
 */
#include "filter_priv.h"

#include <weir/base/utf8.h>
#include <weir/expr/path.h>

#include <stdlib.h>

WR_FN(wr_filter_default)
{
    static const wr_sig_t sig = {
        "do_default", NULL, 1, 3, {"value", "default_value", "boolean"}};
    wr_val_t a[3];
    bool     boolean, truth;

    if (!wr_sig_bind(ev, &sig, args, a)) {
        return false;
    }
    if (a[0].type != WR_V_UNDEFINED) {
        if (!wr_arg_truth(ev, &a[2], false, &boolean)
            || (boolean && !wr_truth(ev, &a[0], &truth))) {
            return false;
        }
        if (!boolean || truth) {
            *out = a[0];
            return true;
        }
    }
    *out = wr_given(&a[1]) ? a[1] : wr_vstr(WR_STR(""));
    return true;
}

WR_FN(wr_filter_attr)
{
    static const wr_sig_t sig = {
        "do_attr", "environment", 2, 2, {"obj", "name"}};
    wr_val_t a[2];
    wr_str_t name;

    if (!wr_sig_bind(ev, &sig, args, a)) {
        return false;
    }
    if (a[1].type != WR_V_STR) {
        return wr_raise(ev, "TypeError",
                        "attribute name must be string, not '%s'",
                        wr_type_name(&a[1]));
    }
    if (a[0].type == WR_V_UNDEFINED) {
        return wr_get_attr(ev, &a[0], wr_val_text(&a[1]), out);
    }
    name = wr_val_text(&a[1]);
    if (ev->sandbox != 0 && name.n != 0 && name.p[0] == '_') {
        /* Private: undefined, with the sandbox's reason if there is one. */
        if (!wr_get_attr(ev, &a[0], name, out)) {
            return false;
        }
        if (out->type == WR_V_UNDEFINED) {
            return true;
        }
    } else if (wr_find_attr(ev, &a[0], name, out)) {
        return true;
    }
    if (ev->failed) {
        return false;
    }
    *out = wr_undef_attr(ev, &a[0], name);
    return true;
}

WR_FN(wr_filter_length)
{
    int64_t n;

    if (!wr_bind_one(ev, "len", args) || !wr_length(ev, &args->pos[0], &n)) {
        return false;
    }
    *out = wr_int(n);
    return true;
}

WR_FN(wr_filter_list)
{
    static const wr_sig_t sig = {"sync_do_list", NULL, 1, 1, {"value"}};
    wr_val_t   v;
    wr_list_t *l;

    if (!wr_sig_bind(ev, &sig, args, &v) || !wr_collect(ev, &v, &l)) {
        return false;
    }
    *out = wr_vlist(l);
    return true;
}

WR_FN(wr_filter_first)
{
    static const wr_sig_t sig = {
        "sync_do_first", "environment", 1, 1, {"seq"}};
    wr_val_t  v;
    wr_iter_t it;
    wr_rc_t   rc;

    if (!wr_sig_bind(ev, &sig, args, &v) || !wr_iter(ev, &v, &it)) {
        return false;
    }
    rc = it.next(ev, &it, out);
    if (rc == WR_DONE) {
        *out = wr_undef_hint(ev,
                             WR_STR("No first item, sequence was empty."));
    }
    return rc == WR_OK || rc == WR_DONE;
}

/* ---- the other way round ---- */

/* Python's reversed() walks sequences and dicts, not sets and generators. */
static bool
is_reversible(const wr_val_t *v)
{
    if (v->type == WR_V_OBJ) {
        return v->u.obj->type->sequence || v->u.obj->type->mapping
               || strncmp(v->u.obj->type->name, "dict_", 5) == 0;
    }
    return v->type == WR_V_UNDEFINED || wr_is_collection(v);
}

/* The last item of text without making a list of it. */
static bool
last_char(const wr_val_t *v, wr_val_t *out)
{
    const char *end = v->u.s + v->len;
    const char *at = end;

    if (v->type != WR_V_STR || v->len == 0) {
        return false;
    }
    wr_utf8_prev(v->u.s, &at);
    *out = wr_vstr(wr_str(at, (size_t) (end - at)));
    out->flags = v->flags & (WR_VF_SAFE | WR_VF_ASCII);     /* as an index */
    return true;
}

WR_FN(wr_filter_last)
{
    static const wr_sig_t sig = {"do_last", "environment", 1, 1, {"seq"}};
    wr_val_t   v;
    wr_list_t *l;

    if (!wr_sig_bind(ev, &sig, args, &v)) {
        return false;
    }
    if (!is_reversible(&v)) {
        return wr_raise(ev, "TypeError", "'%s' object is not reversible",
                        wr_type_name(&v));
    }
    if (last_char(&v, out)) {
        return true;
    }
    if (v.type == WR_V_LIST || v.type == WR_V_TUPLE) {
        l = v.u.list;
    } else if (!wr_collect(ev, &v, &l)) {
        return false;
    }
    *out = l->n != 0
        ? l->items[l->n - 1]
        : wr_undef_hint(ev, WR_STR("No last item, sequence was empty."));
    return true;
}

/* What Python calls the iterator. */
static const char *
back_name(const wr_val_t *v)
{
    switch ((wr_vtype_t) v->type) {
    case WR_V_LIST:
        return "list_reverseiterator";
    case WR_V_DICT:
        return "dict_reversekeyiterator";
    case WR_V_RANGE:
        return "range_iterator";
    default:
        return "reversed";
    }
}

static wr_rc_t
next_back(wr_eval_t *ev, wr_iter_t *it, wr_val_t *out)
{
    wr_list_t *l = it->over.u.list;

    (void) ev;
    if (it->at <= 0) {
        return WR_DONE;
    }
    it->at--;
    if ((uint64_t) it->at >= l->n) {        /* it shrank meanwhile */
        it->at = 0;
        return WR_DONE;
    }
    it->left = it->at;
    *out = l->items[it->at];
    return WR_OK;
}

WR_FN(wr_filter_reverse)
{
    static const wr_sig_t sig = {"do_reverse", NULL, 1, 1, {"value"}};
    wr_val_t   v, none = wr_none(), back = wr_int(-1);
    wr_list_t *l;

    if (!wr_sig_bind(ev, &sig, args, &v)) {
        return false;
    }
    if (v.type == WR_V_STR) {
        return wr_get_slice(ev, &v, &none, &none, &back, out);
    }
    if (!wr_is_iterable(&v)) {
        return wr_raise(ev, "FilterArgumentError", "argument must be iterable");
    }
    if (v.type == WR_V_LIST || v.type == WR_V_TUPLE) {
        l = v.u.list;
    } else if (!wr_collect(ev, &v, &l)) {
        return false;
    }
    if (is_reversible(&v)) {
        wr_iter_t it = {
            .next = next_back, .over = wr_vlist(l), .at = l->n, .left = l->n};

        *out = wr_generator(ev, back_name(&v), NULL, &it);
        return true;
    }
    for (uint32_t i = 0; i < l->n / 2; i++) {
        wr_val_t t = l->items[i];

        l->items[i] = l->items[l->n - 1 - i];
        l->items[l->n - 1 - i] = t;
    }
    *out = wr_vlist(l);
    return true;
}

WR_FN(wr_filter_random)
{
    static const wr_sig_t sig = {"do_random", "context", 1, 1, {"seq"}};
    wr_val_t v, at;
    int64_t  n;

    if (!wr_sig_bind(ev, &sig, args, &v) || !wr_length(ev, &v, &n)) {
        return false;
    }
    if (v.type == WR_V_UNDEFINED || n <= 0) {
        *out = wr_undef_hint(ev, WR_STR("No random item, sequence was empty."));
        return true;
    }
    at = wr_int(arc4random_uniform(n < UINT32_MAX ? (uint32_t) n : UINT32_MAX));
    if (v.type == WR_V_DICT) {
        wr_val_t *found = wr_dict_get(ev, v.u.dict, &at);

        if (found == NULL) {
            return wr_raise(ev, "KeyError", "%" PRId64, at.u.i);
        }
        *out = *found;
        return true;
    }
    return wr_get_item(ev, &v, &at, out);
}

/* ---- pairs ---- */

static wr_rc_t
next_pair(wr_eval_t *ev, wr_iter_t *it, wr_val_t *out)
{
    uint32_t         at = (uint32_t) it->at;
    wr_dict_entry_t *e = wr_dict_next(it->over.u.dict, &at);
    wr_list_t       *pair;

    it->at = at;
    if (e == NULL) {
        return WR_DONE;
    }
    pair = wr_list_new(ev->pool, 2);
    wr_list_push(ev->pool, pair, e->key);
    wr_list_push(ev->pool, pair, e->value);
    *out = wr_vtuple(pair);
    return WR_OK;
}

/* The body of Python's generator, which runs with its first item. */
static wr_rc_t
start_items(wr_eval_t *ev, wr_iter_t *it, wr_val_t *out)
{
    wr_val_t *v = it->data;
    wr_val_t  pairs;

    if (v->type == WR_V_UNDEFINED) {
        return WR_DONE;
    }
    if (v->type == WR_V_DICT) {
        it->next = next_pair;
        it->over = *v;
        return next_pair(ev, it, out);
    }
    if (v->type == WR_V_OBJ && v->u.obj->type->mapping) {
        if (!wr_call_method(ev, v, "items", NULL, 0, &pairs)
            || !wr_iter(ev, &pairs, it)) {
            return WR_ERROR;
        }
        return it->next(ev, it, out);
    }
    wr_raise(ev, "TypeError", "Can only get item pairs from a mapping.");
    return WR_ERROR;
}

WR_FN(wr_filter_items)
{
    static const wr_sig_t sig = {"do_items", NULL, 1, 1, {"value"}};
    wr_iter_t it = {.next = start_items, .left = -1};
    wr_val_t *v = wr_alloc(ev->pool, sizeof(wr_val_t));

    if (!wr_sig_bind(ev, &sig, args, v)) {
        return false;
    }
    it.data = v;
    *out = wr_generator(ev, "generator", "do_items", &it);
    return true;
}

/* ---- join ---- */

/* Without autoescape: str() of everything, the result is plain. */
static bool
join_plain(wr_eval_t *ev, wr_iter_t *it, const wr_path_t *path,
           const wr_val_t *d, wr_val_t *out)
{
    wr_buf_t sep = wr_buf(ev->pool);
    wr_buf_t b = wr_buf(ev->pool);
    wr_val_t item;
    wr_rc_t  rc;
    bool     first = true;

    if (wr_given(d) && !wr_put_str(ev, &sep, d)) {
        return false;
    }
    while ((rc = it->next(ev, it, &item)) == WR_OK) {
        if (!wr_spend(ev, 1) || !wr_may_grow(ev, &b, sep.n)) {
            return false;
        }
        if (!first) {
            wr_buf_str(&b, wr_buf_text(&sep));
        }
        first = false;
        if (!wr_path_get(ev, path, NULL, &item)
            || !wr_put_str(ev, &b, &item)) {
            return false;
        }
    }
    return rc == WR_DONE && wr_text_val(ev, &b, false, out);
}

/* With autoescape: as soon as one part is Markup, all others are escaped. */
static bool
join_escaped(wr_eval_t *ev, wr_iter_t *it, const wr_path_t *path,
             const wr_val_t *d, wr_val_t *out)
{
    wr_list_t *l = wr_list_new(ev->pool, 8);
    wr_val_t   sep = wr_given(d) ? *d : wr_vstr(WR_STR(""));
    wr_val_t   item;
    wr_rc_t    rc;
    bool       markup = wr_has_html(&sep);
    wr_buf_t   b = wr_buf(ev->pool);
    bool     (*put)(wr_eval_t *, wr_buf_t *, const wr_val_t *);

    while ((rc = it->next(ev, it, &item)) == WR_OK) {
        if (!wr_path_get(ev, path, NULL, &item)
            || !wr_list_add(ev, l, &item)) {
            return false;
        }
        markup |= wr_has_html(&item);
    }
    if (rc != WR_DONE) {
        return false;
    }
    put = markup ? wr_put_escaped : wr_put_str;
    for (uint32_t i = 0; i < l->n; i++) {
        if (!wr_may_grow(ev, &b, sep.type == WR_V_STR ? sep.len : 0)
            || (i != 0 && !put(ev, &b, &sep)) || !put(ev, &b, &l->items[i])) {
            return false;
        }
    }
    return wr_text_val(ev, &b, markup, out);
}

WR_FN(wr_filter_join)
{
    static const wr_sig_t sig = {
        "sync_do_join", "eval_ctx", 1, 3, {"value", "d", "attribute"}};
    wr_val_t  a[3];
    wr_path_t path;
    wr_iter_t it;

    if (!wr_sig_bind(ev, &sig, args, a)
        || !wr_path_make(ev, wr_is_none(&a[2]) ? NULL : &a[2], &path)
        || !wr_iter(ev, &a[0], &it)) {
        return false;
    }
    return ev->autoescape ? join_escaped(ev, &it, &path, &a[1], out)
                          : join_plain(ev, &it, &path, &a[1], out);
}
