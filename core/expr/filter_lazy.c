/*
 * Filters that are generators: map, select and their kin, batch, slice, unique.
 *
 * As in Python nothing happens before the first item is asked for: not even the
 * checks of the arguments, and none at all if the value is empty.
 */
#include "filter_priv.h"

#include <weir/expr/path.h>

typedef struct lazy lazy_t;

/* One item in; true and an item out, or skip it. */
typedef bool (*step_t)(wr_eval_t *ev, lazy_t *z, wr_val_t *item, bool *keep);

struct lazy {
    wr_val_t   over;
    wr_iter_t  it;
    step_t     step;
    wr_args_t  args;        /* of the call, in the pool; pos[0] is `over` */
    wr_path_t  path;
    wr_val_t   name;        /* of the filter or test; undefined: none */
    wr_val_t   dflt;        /* of map(attribute=) */
    bool       by_name;     /* there is a filter or test */
    bool       negate;      /* reject */
    bool       attr;        /* selectattr */
    bool       ignore_case; /* unique */
    wr_dict_t *seen;
    wr_val_t  *pos;         /* the item, then what goes to filter or test */
};

/* ---- the generator around all of them ---- */

static wr_rc_t
next_step(wr_eval_t *ev, wr_iter_t *it, wr_val_t *out)
{
    lazy_t *z = it->data;
    wr_rc_t rc;
    bool    keep = true;

    while ((rc = z->it.next(ev, &z->it, out)) == WR_OK) {
        if (!wr_spend(ev, 1) || !z->step(ev, z, out, &keep)) {
            return WR_ERROR;
        }
        if (keep) {
            return WR_OK;
        }
    }
    return rc;
}

static lazy_t *
lazy_new(wr_eval_t *ev, const wr_args_t *args)
{
    lazy_t     *z = wr_zalloc(ev->pool, sizeof(lazy_t));
    wr_val_t   *pos = wr_alloc(ev->pool, (args->n + 1) * sizeof(wr_val_t));
    wr_kwarg_t *kw = NULL;

    memcpy(pos, args->pos, args->n * sizeof(wr_val_t));
    if (args->nkw != 0) {
        kw = wr_alloc(ev->pool, args->nkw * sizeof(wr_kwarg_t));
        memcpy(kw, args->kw, args->nkw * sizeof(wr_kwarg_t));
    }
    z->args = (wr_args_t) {
        .pos = pos, .n = args->n, .nkw = args->nkw, .kw = kw};
    z->over = pos[0];
    z->pos = wr_alloc(ev->pool, (args->n + 1) * sizeof(wr_val_t));
    return z;
}

static void
lazy_make(wr_eval_t *ev, lazy_t *z, const char *of,
          wr_rc_t (*start)(wr_eval_t *, wr_iter_t *, wr_val_t *), wr_val_t *out)
{
    wr_iter_t it = {.next = start, .data = z, .left = -1};

    *out = wr_generator(ev, "generator", of, &it);
}

/* The rest of the positional arguments, from `first` on, follow the item. */
static void
keep_rest(lazy_t *z, uint32_t first)
{
    for (uint32_t i = first; i < z->args.n; i++) {
        z->pos[1 + i - first] = z->args.pos[i];
    }
    z->args.n = z->args.n > first ? z->args.n - first + 1 : 1;
    z->args.pos = z->pos;
}

/* Starts walking; false if there is nothing to do or it failed: *rc says. */
static bool
begin(wr_eval_t *ev, lazy_t *z, wr_iter_t *it, wr_rc_t *rc)
{
    if (!wr_iter(ev, &z->over, &z->it)) {
        *rc = WR_ERROR;
        return false;
    }
    it->next = next_step;
    return true;
}

/* `if value:` before everything else. */
static bool
any_at_all(wr_eval_t *ev, const lazy_t *z, wr_rc_t *rc)
{
    bool truth;

    if (!wr_truth(ev, &z->over, &truth)) {
        *rc = WR_ERROR;
        return false;
    }
    *rc = WR_DONE;
    return truth;
}

/* ---- map ---- */

static bool
map_attribute(wr_eval_t *ev, lazy_t *z, wr_val_t *item, bool *keep)
{
    (void) keep;
    return wr_path_get(ev, &z->path, &z->dflt, item);
}

static bool
map_filter(wr_eval_t *ev, lazy_t *z, wr_val_t *item, bool *keep)
{
    (void) keep;
    z->pos[0] = *item;
    return wr_call_filter(ev, &z->name, &z->args, item);
}

static const wr_val_t *
keyword(const wr_args_t *args, const char *name)
{
    for (uint32_t i = 0; i < args->nkw; i++) {
        if (wr_str_eqz(args->kw[i].name, name)) {
            return &args->kw[i].value;
        }
    }
    return NULL;
}

static bool
prepare_map(wr_eval_t *ev, lazy_t *z)
{
    const wr_val_t *attribute = keyword(&z->args, "attribute");
    const wr_val_t *dflt = keyword(&z->args, "default");

    if (z->args.n > 1) {
        z->step = map_filter;
        z->name = z->args.pos[1];
        keep_rest(z, 2);
        return true;
    }
    if (attribute == NULL) {
        return wr_raise(ev, "FilterArgumentError",
                        "map requires a filter argument");
    }
    for (uint32_t i = 0; i < z->args.nkw; i++) {
        const wr_kwarg_t *kw = &z->args.kw[i];

        if (&kw->value != attribute && &kw->value != dflt) {
            return wr_raise(ev, "FilterArgumentError",
                            "Unexpected keyword argument '%.*s'",
                            WR_ARG(kw->name));
        }
    }
    z->step = map_attribute;
    z->dflt = dflt != NULL ? *dflt : wr_none();
    return wr_path_make(ev, attribute, &z->path);
}

static wr_rc_t
start_map(wr_eval_t *ev, wr_iter_t *it, wr_val_t *out)
{
    lazy_t *z = it->data;
    wr_rc_t rc;

    if (!any_at_all(ev, z, &rc)) {
        return rc;
    }
    if (!prepare_map(ev, z) || !begin(ev, z, it, &rc)) {
        return WR_ERROR;
    }
    return next_step(ev, it, out);
}

WR_FN(wr_filter_map)
{
    lazy_make(ev, lazy_new(ev, args), "sync_do_map", start_map, out);
    return true;
}

/* ---- select, reject, selectattr, rejectattr ---- */

static bool
choose(wr_eval_t *ev, lazy_t *z, wr_val_t *item, bool *keep)
{
    wr_val_t v = *item;
    wr_val_t verdict;

    if (!wr_path_get(ev, &z->path, NULL, &v)) {
        return false;
    }
    if (z->by_name) {
        z->pos[0] = v;
        if (!wr_call_test(ev, &z->name, &z->args, &verdict)) {
            return false;
        }
        v = verdict;
    }
    if (!wr_truth(ev, &v, keep)) {
        return false;
    }
    *keep ^= z->negate;
    return true;
}

static bool
prepare_choose(wr_eval_t *ev, lazy_t *z)
{
    uint32_t at = 1;

    if (z->attr) {
        if (z->args.n < 2) {
            return wr_raise(ev, "FilterArgumentError",
                            "Missing parameter for attribute name");
        }
        if (!wr_path_make(ev, &z->args.pos[at++], &z->path)) {
            return false;
        }
    }
    if (z->args.n > at) {
        z->by_name = true;
        z->name = z->args.pos[at++];
    }
    keep_rest(z, at);
    return true;
}

static wr_rc_t
start_choose(wr_eval_t *ev, wr_iter_t *it, wr_val_t *out)
{
    lazy_t *z = it->data;
    wr_rc_t rc;

    if (!any_at_all(ev, z, &rc)) {
        return rc;
    }
    if (!prepare_choose(ev, z) || !begin(ev, z, it, &rc)) {
        return WR_ERROR;
    }
    return next_step(ev, it, out);
}

static bool
make_choose(wr_eval_t *ev, const wr_args_t *args, bool negate, bool attr,
            wr_val_t *out)
{
    lazy_t *z = lazy_new(ev, args);

    z->step = choose;
    z->negate = negate;
    z->attr = attr;
    lazy_make(ev, z, "select_or_reject", start_choose, out);
    return true;
}

WR_FN(wr_filter_select)
{
    return make_choose(ev, args, false, false, out);
}

WR_FN(wr_filter_reject)
{
    return make_choose(ev, args, true, false, out);
}

WR_FN(wr_filter_selectattr)
{
    return make_choose(ev, args, false, true, out);
}

WR_FN(wr_filter_rejectattr)
{
    return make_choose(ev, args, true, true, out);
}

/* ---- unique ---- */

static bool
first_of_kind(wr_eval_t *ev, lazy_t *z, wr_val_t *item, bool *keep)
{
    wr_val_t key = *item;
    wr_val_t yes = wr_bool(true);

    if (!wr_path_get(ev, &z->path, NULL, &key)
        || (z->ignore_case && !wr_ignore_case(ev, &key))) {
        return false;
    }
    *keep = wr_dict_get(ev, z->seen, &key) == NULL;
    return !ev->failed && (!*keep || wr_dict_set(ev, z->seen, &key, &yes));
}

static wr_rc_t
start_unique(wr_eval_t *ev, wr_iter_t *it, wr_val_t *out)
{
    lazy_t *z = it->data;
    bool    case_sensitive;
    wr_rc_t rc;

    if (!wr_path_make(ev, wr_is_none(&z->pos[2]) ? NULL : &z->pos[2], &z->path)
        || !wr_arg_truth(ev, &z->pos[1], false, &case_sensitive)
        || !begin(ev, z, it, &rc)) {
        return WR_ERROR;
    }
    z->step = first_of_kind;
    z->ignore_case = !case_sensitive;
    z->seen = wr_dict_new(ev->pool, 8);
    return next_step(ev, it, out);
}

WR_FN(wr_filter_unique)
{
    static const wr_sig_t sig = {
        "sync_do_unique", "environment", 1, 3,
        {"value", "case_sensitive", "attribute"}};
    lazy_t *z = wr_zalloc(ev->pool, sizeof(lazy_t));

    z->pos = wr_alloc(ev->pool, 3 * sizeof(wr_val_t));
    if (!wr_sig_bind(ev, &sig, args, z->pos)) {
        return false;
    }
    z->over = z->pos[0];
    lazy_make(ev, z, "sync_do_unique", start_unique, out);
    return true;
}

/* ---- batch ---- */

/* `[v] * missing` at the end of a row, with Python's checks of the width. */
static bool
fill_row(wr_eval_t *ev, wr_list_t *row, const wr_val_t *width,
         const wr_val_t *fill)
{
    wr_val_t have = wr_int(row->n);
    wr_val_t missing, filler, one = wr_vlist(wr_list_new(ev->pool, 1));
    int      cmp;

    if (!wr_compare(ev, "<", &have, width, &cmp)) {
        return false;
    }
    if (cmp >= 0) {
        return true;
    }
    wr_list_push(ev->pool, one.u.list, *fill);
    if (!wr_op_sub(ev, width, &have, &missing)
        || !wr_op_mul(ev, &one, &missing, &filler)) {
        return false;
    }
    for (uint32_t i = 0; i < filler.u.list->n; i++) {
        wr_list_push(ev->pool, row, filler.u.list->items[i]);
    }
    return true;
}

static wr_rc_t
next_batch(wr_eval_t *ev, wr_iter_t *it, wr_val_t *out)
{
    lazy_t    *z = it->data;
    wr_list_t *row = wr_list_new(ev->pool, 4);
    wr_val_t   item;
    wr_rc_t    rc = WR_OK;

    /* dflt holds the item that did not fit into the row before */
    if (wr_given(&z->dflt)) {
        wr_list_push(ev->pool, row, z->dflt);
        z->dflt = (wr_val_t) {.type = WR_V_UNDEFINED, .aux = 1};
    } else if (it->at < 0) {
        return WR_DONE;
    }
    while ((rc = z->it.next(ev, &z->it, &item)) == WR_OK) {
        wr_val_t have = wr_int(row->n);
        bool     full;

        if (!wr_spend(ev, 1) || !wr_equal(ev, &have, &z->pos[1], &full)) {
            return WR_ERROR;
        }
        if (full) {
            if (item.type == WR_V_UNDEFINED) {
                item.aux = 0;
            }
            z->dflt = item;
            *out = wr_vlist(row);
            return WR_OK;
        }
        wr_list_push(ev->pool, row, item);
    }
    if (rc != WR_DONE || row->n == 0) {
        return rc;
    }
    it->at = -1;
    if (!wr_is_none(&z->pos[2]) && !fill_row(ev, row, &z->pos[1], &z->pos[2])) {
        return WR_ERROR;
    }
    *out = wr_vlist(row);
    return WR_OK;
}

static wr_rc_t
start_batch(wr_eval_t *ev, wr_iter_t *it, wr_val_t *out)
{
    lazy_t *z = it->data;

    if (!wr_iter(ev, &z->over, &z->it)) {
        return WR_ERROR;
    }
    z->dflt = (wr_val_t) {.type = WR_V_UNDEFINED, .aux = 1};
    it->next = next_batch;
    return next_batch(ev, it, out);
}

WR_FN(wr_filter_batch)
{
    static const wr_sig_t sig = {
        "do_batch", NULL, 2, 3, {"value", "linecount", "fill_with"}};
    lazy_t *z = wr_zalloc(ev->pool, sizeof(lazy_t));

    z->pos = wr_alloc(ev->pool, 3 * sizeof(wr_val_t));
    if (!wr_sig_bind(ev, &sig, args, z->pos)) {
        return false;
    }
    z->over = z->pos[0];
    lazy_make(ev, z, "do_batch", start_batch, out);
    return true;
}

/* ---- slice ---- */

typedef struct columns {
    wr_list_t *items;
    wr_val_t   value, count, fill;
    int64_t    n, each, longer;     /* columns, items in each, one more in the
                                       first `longer` */
    uint32_t   at;                  /* of items */
} columns_t;

static wr_rc_t
next_column(wr_eval_t *ev, wr_iter_t *it, wr_val_t *out)
{
    columns_t *c = it->data;
    wr_list_t *column;
    int64_t    n;

    if (it->at >= c->n) {
        return WR_DONE;
    }
    if (!wr_spend(ev, 1)) {
        return WR_ERROR;
    }
    n = c->each + (it->at < c->longer);
    column = wr_list_new(ev->pool, (uint32_t) n + 1);
    for (int64_t i = 0; i < n; i++) {
        wr_list_push(ev->pool, column, c->items->items[c->at++]);
    }
    if (!wr_is_none(&c->fill) && it->at >= c->longer) {
        wr_list_push(ev->pool, column, c->fill);
    }
    it->at++;
    *out = wr_vlist(column);
    return WR_OK;
}

static wr_rc_t
start_columns(wr_eval_t *ev, wr_iter_t *it, wr_val_t *out)
{
    columns_t *c = it->data;
    wr_val_t   length, each, longer;

    if (!wr_collect(ev, &c->value, &c->items)) {
        return WR_ERROR;
    }
    length = wr_int(c->items->n);
    if (!wr_op_floordiv(ev, &length, &c->count, &each)
        || !wr_op_mod(ev, &length, &c->count, &longer)
        || !wr_as_index(ev, &c->count, &c->n)) {
        return WR_ERROR;
    }
    c->each = each.u.i;
    c->longer = longer.u.i;
    it->next = next_column;
    return next_column(ev, it, out);
}

WR_FN(wr_filter_slice)
{
    static const wr_sig_t sig = {
        "sync_do_slice", NULL, 2, 3, {"value", "slices", "fill_with"}};
    columns_t *c = wr_zalloc(ev->pool, sizeof(columns_t));
    wr_iter_t  it = {.next = start_columns, .data = c, .left = -1};
    wr_val_t   a[3];

    if (!wr_sig_bind(ev, &sig, args, a)) {
        return false;
    }
    c->value = a[0];
    c->count = a[1];
    c->fill = a[2];
    *out = wr_generator(ev, "generator", "sync_do_slice", &it);
    return true;
}
