/*
 * Filters that put things in order: sort, dictsort, groupby, min, max.
 */
#include "filter_priv.h"

#include <weir/expr/path.h>
#include <weir/expr/sort.h>

/* How a key is made of an item. */
typedef struct keyer {
    wr_path_t *paths;       /* of `a,b.c` */
    uint32_t   n;
    bool       ignore_case;
    wr_val_t   dflt;
} keyer_t;

static bool
key_part(wr_eval_t *ev, const keyer_t *k, uint32_t i, const wr_val_t *item,
         wr_val_t *key)
{
    *key = *item;
    return wr_path_get(ev, &k->paths[i], &k->dflt, key)
        && (!k->ignore_case || wr_ignore_case(ev, key));
}

/* One path: its value; several: a list of them. */
static bool
key_of(wr_eval_t *ev, const keyer_t *k, const wr_val_t *item, wr_val_t *key)
{
    wr_list_t *l;

    if (k->n == 1) {
        return key_part(ev, k, 0, item, key);
    }
    l = wr_list_new(ev->pool, k->n);
    for (uint32_t i = 0; i < k->n; i++) {
        wr_val_t part;

        if (!key_part(ev, k, i, item, &part)) {
            return false;
        }
        wr_list_push(ev->pool, l, part);
    }
    *key = wr_vlist(l);
    return true;
}

/* `attribute` is one path. */
static bool
keyer_one(wr_eval_t *ev, keyer_t *k, const wr_val_t *attribute,
          bool case_sensitive)
{
    *k = (keyer_t) {
        .paths = WR_NEW(ev->pool, wr_path_t), .n = 1,
        .ignore_case = !case_sensitive, .dflt = wr_none()};
    return wr_path_make(ev, wr_is_none(attribute) ? NULL : attribute, k->paths);
}

/* `attribute` may be several paths with commas between. */
static bool
keyer_many(wr_eval_t *ev, keyer_t *k, const wr_val_t *attribute,
           bool case_sensitive)
{
    wr_str_t rest, part;
    uint32_t most = 1;

    if (wr_is_none(attribute) || attribute->type != WR_V_STR
        || wr_str_chr(wr_val_text(attribute), ',') < 0) {
        return keyer_one(ev, k, attribute, case_sensitive);
    }
    rest = wr_val_text(attribute);
    for (size_t i = 0; i < rest.n; i++) {
        most += rest.p[i] == ',';
    }
    *k = (keyer_t) {
        .paths = WR_NEW_N(ev->pool, wr_path_t, most),
        .ignore_case = !case_sensitive, .dflt = wr_none()};
    while (wr_str_split(&rest, ',', &part)) {
        wr_val_t v = wr_vstr(part);

        if (!wr_path_make(ev, &v, &k->paths[k->n++])) {
            return false;
        }
    }
    return true;
}

/* The items of `list` with their keys. */
static wr_sort_item_t *
with_keys(wr_eval_t *ev, const keyer_t *k, const wr_list_t *list)
{
    size_t          size = ((size_t) list->n + 1) * sizeof(wr_sort_item_t);
    wr_sort_item_t *a;

    if (!wr_may_take(ev, size)) {
        return NULL;
    }
    a = wr_alloc(ev->pool, size);
    for (uint32_t i = 0; i < list->n; i++) {
        a[i].at = i;
        if (!wr_spend(ev, 1) || !key_of(ev, k, &list->items[i], &a[i].key)) {
            return NULL;
        }
    }
    return a;
}

/* The values of `list` in the order that the items have now. */
static wr_val_t
in_order(wr_eval_t *ev, const wr_list_t *list, const wr_sort_item_t *items)
{
    wr_list_t *sorted = wr_list_new(ev->pool, list->n);

    for (uint32_t i = 0; i < list->n; i++) {
        wr_list_push(ev->pool, sorted, list->items[items[i].at]);
    }
    return wr_vlist(sorted);
}

WR_FN(wr_filter_sort)
{
    static const wr_sig_t sig = {
        "do_sort", "environment", 1, 4,
        {"value", "reverse", "case_sensitive", "attribute"}};
    wr_val_t        a[4];
    keyer_t         k;
    wr_list_t      *l;
    wr_sort_item_t *items;
    bool            case_sensitive;
    int64_t         reverse = 0;

    if (!wr_sig_bind(ev, &sig, args, a)
        || !wr_arg_truth(ev, &a[2], false, &case_sensitive)
        || !keyer_many(ev, &k, &a[3], case_sensitive)
        || !wr_collect(ev, &a[0], &l)
        || (wr_given(&a[1]) && !wr_as_index(ev, &a[1], &reverse))
        || (items = with_keys(ev, &k, l)) == NULL
        || !wr_sort(ev, items, l->n, reverse != 0,
                    k.n == 1 ? wr_less_in_list : wr_less)) {
        return false;
    }
    *out = in_order(ev, l, items);
    return true;
}

/* ---- dictsort ---- */

/* The pairs of a mapping, as its items() gives them. */
static bool
pairs_of(wr_eval_t *ev, const wr_val_t *v, wr_list_t **out)
{
    wr_val_t items;

    return wr_call_method(ev, v, "items", NULL, 0, &items)
        && wr_collect(ev, &items, out);
}

/* 0 for "key", 1 for "value". */
static bool
sort_by(wr_eval_t *ev, const wr_val_t *by, uint32_t *at)
{
    wr_val_t key = wr_vstr(WR_STR("key"));
    bool     same;

    *at = 0;
    if (!wr_given(by)) {
        return true;
    }
    if (by->type == WR_V_STR && wr_str_eqz(wr_val_text(by), "key")) {
        return true;
    }
    if (by->type == WR_V_STR && wr_str_eqz(wr_val_text(by), "value")) {
        *at = 1;
        return true;
    }
    if (!wr_equal(ev, by, &key, &same)) {   /* a strict undefined */
        return false;
    }
    return wr_raise(ev, "FilterArgumentError",
                    "You can only sort by either \"key\" or \"value\"");
}

WR_FN(wr_filter_dictsort)
{
    static const wr_sig_t sig = {
        "do_dictsort", NULL, 1, 4, {"value", "case_sensitive", "by", "reverse"}};
    wr_val_t        a[4];
    wr_list_t      *pairs;
    wr_sort_item_t *items;
    uint32_t        by;
    bool            case_sensitive;
    int64_t         reverse = 0;

    if (!wr_sig_bind(ev, &sig, args, a) || !sort_by(ev, &a[2], &by)
        || !pairs_of(ev, &a[0], &pairs)
        || (wr_given(&a[3]) && !wr_as_index(ev, &a[3], &reverse))
        || !wr_arg_truth(ev, &a[1], false, &case_sensitive)) {
        return false;
    }
    items = wr_alloc(ev->pool, (pairs->n + 1) * sizeof(wr_sort_item_t));
    for (uint32_t i = 0; i < pairs->n; i++) {
        items[i].at = i;
        items[i].key = pairs->items[i].u.list->items[by];
        if (!case_sensitive && !wr_ignore_case(ev, &items[i].key)) {
            return false;
        }
    }
    if (!wr_sort(ev, items, pairs->n, reverse != 0, wr_less)) {
        return false;
    }
    *out = in_order(ev, pairs, items);
    return true;
}

/* ---- groupby ---- */

static wr_val_t
group(wr_eval_t *ev, const wr_val_t *grouper, wr_list_t *members)
{
    wr_list_t *pair = wr_list_new(ev->pool, 2);
    wr_val_t   v;

    wr_list_push(ev->pool, pair, *grouper);
    wr_list_push(ev->pool, pair, wr_vlist(members));
    v = wr_vtuple(pair);
    v.flags |= WR_VF_GROUP;
    return v;
}

/* Runs of equal keys become groups; the grouper is the first one's key, in its
 * own case. */
static bool
make_groups(wr_eval_t *ev, keyer_t *k, const wr_list_t *l,
            const wr_sort_item_t *items, wr_list_t *groups)
{
    uint32_t i = 0;

    k->ignore_case = false;
    while (i < l->n) {
        wr_list_t *members = wr_list_new(ev->pool, 4);
        uint32_t   first = i;
        wr_val_t   grouper;
        bool       same = true;

        while (i < l->n) {
            if (i != first
                && !wr_equal(ev, &items[i].key, &items[first].key, &same)) {
                return false;
            }
            if (!same) {
                break;
            }
            wr_list_push(ev->pool, members, l->items[items[i++].at]);
        }
        if (!key_of(ev, k, &members->items[0], &grouper)) {
            return false;
        }
        wr_list_push(ev->pool, groups, group(ev, &grouper, members));
    }
    return true;
}

WR_FN(wr_filter_groupby)
{
    static const wr_sig_t sig = {
        "sync_do_groupby", "environment", 2, 4,
        {"value", "attribute", "default", "case_sensitive"}};
    wr_val_t        a[4];
    keyer_t         k;
    wr_list_t      *l, *groups;
    wr_sort_item_t *items;
    bool            case_sensitive;

    if (!wr_sig_bind(ev, &sig, args, a)
        || !wr_arg_truth(ev, &a[3], false, &case_sensitive)
        || !keyer_one(ev, &k, &a[1], case_sensitive)
        || !wr_collect(ev, &a[0], &l)) {
        return false;
    }
    if (wr_given(&a[2])) {
        k.dflt = a[2];
    }
    if ((items = with_keys(ev, &k, l)) == NULL
        || !wr_sort(ev, items, l->n, false, wr_less)) {
        return false;
    }
    groups = wr_list_new(ev->pool, 8);
    *out = wr_vlist(groups);
    return make_groups(ev, &k, l, items, groups);
}

/* ---- min, max ---- */

static bool
best(wr_eval_t *ev, const wr_sig_t *sig, const char *op, const wr_args_t *args,
     wr_val_t *out)
{
    wr_val_t  a[3], item, key, top;
    keyer_t   k;
    wr_iter_t it;
    wr_rc_t   rc;
    bool      case_sensitive;
    int       want = op[0] == '>' ? 1 : -1;
    int       cmp;

    if (!wr_sig_bind(ev, sig, args, a) || !wr_iter(ev, &a[0], &it)) {
        return false;
    }
    rc = it.next(ev, &it, out);
    if (rc == WR_DONE) {
        *out = wr_undef_hint(
            ev, WR_STR("No aggregated item, sequence was empty."));
        return true;
    }
    if (rc != WR_OK || !wr_arg_truth(ev, &a[1], false, &case_sensitive)
        || !keyer_one(ev, &k, &a[2], case_sensitive)
        || !key_of(ev, &k, out, &top)) {
        return false;
    }
    while ((rc = it.next(ev, &it, &item)) == WR_OK) {
        if (!wr_spend(ev, 1) || !key_of(ev, &k, &item, &key)
            || !wr_compare(ev, op, &key, &top, &cmp)) {
            return false;
        }
        if (cmp != 2 && cmp != 0 && (cmp > 0) == (want > 0)) {
            top = key;
            *out = item;
        }
    }
    return rc == WR_DONE;
}

WR_FN(wr_filter_max)
{
    static const wr_sig_t sig = {
        "do_max", "environment", 1, 3, {"value", "case_sensitive", "attribute"}};

    return best(ev, &sig, ">", args, out);
}

WR_FN(wr_filter_min)
{
    static const wr_sig_t sig = {
        "do_min", "environment", 1, 3, {"value", "case_sensitive", "attribute"}};

    return best(ev, &sig, "<", args, out);
}
