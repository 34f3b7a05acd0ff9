/*
 * The methods of list, tuple and range.
 */
#include <weir/expr/budget.h>
#include <weir/expr/method_priv.h>
#include <weir/expr/sort.h>

static bool
count_items(wr_eval_t *ev, const char *name, const wr_args_t *args,
            wr_val_t *out)
{
    const wr_list_t *l = args->self.u.list;
    int64_t          n = 0;
    bool             same;

    if (!wr_take_one(ev, name, args)) {
        return false;
    }
    for (uint32_t i = 0; i < l->n; i++) {
        if (!wr_same(ev, &l->items[i], &args->pos[0], &same)) {
            return false;
        }
        n += same;
    }
    *out = wr_int(n);
    return true;
}

/* A start or end as of list.index. */
static bool
take_bound(wr_eval_t *ev, const wr_args_t *args, uint32_t i, int64_t n,
           int64_t *bound)
{
    if (i >= args->n) {
        return true;
    }
    if (!wr_is_int(&args->pos[i])) {
        return wr_raise(ev, "TypeError", "slice indices must be integers or"
                        " have an __index__ method");
    }
    *bound = args->pos[i].u.i;
    if (*bound < 0) {
        *bound = *bound + n < 0 ? 0 : *bound + n;
    }
    return true;
}

/* *found is -1 if it is not there. */
static bool
find_item(wr_eval_t *ev, const wr_args_t *args, int64_t *found)
{
    const wr_list_t *l = args->self.u.list;
    int64_t          start = 0;
    int64_t          end = INT64_MAX;
    bool             same;

    *found = -1;
    if (!take_bound(ev, args, 1, l->n, &start)
        || !take_bound(ev, args, 2, l->n, &end))
    {
        return false;
    }
    for (int64_t i = start; i < end && i < (int64_t) l->n; i++) {
        if (!wr_same(ev, &l->items[i], &args->pos[0], &same)) {
            return false;
        }
        if (same) {
            *found = i;
            return true;
        }
    }
    return true;
}

static WR_METHOD(list_append)
{
    if (!wr_take_one(ev, "append", args)) {
        return false;
    }
    wr_list_push(ev->pool, args->self.u.list, args->pos[0]);
    *out = wr_none();
    return true;
}

static WR_METHOD(list_clear)
{
    if (!wr_take_none(ev, "clear", args)) {
        return false;
    }
    args->self.u.list->n = 0;
    *out = wr_none();
    return true;
}

static WR_METHOD(list_copy)
{
    const wr_list_t *from = args->self.u.list;
    wr_list_t       *l;

    if (!wr_take_none(ev, "copy", args)
        || (l = wr_list_try(ev, from->n)) == NULL)
    {
        return false;
    }
    if (from->n != 0) {
        memcpy(l->items, from->items, sizeof(wr_val_t) * from->n);
    }
    l->n = from->n;
    *out = wr_vlist(l);
    return true;
}

static WR_METHOD(list_count)
{
    return count_items(ev, "count", args, out);
}

static WR_METHOD(list_extend)
{
    wr_list_t *l = args->self.u.list;
    uint32_t   n;
    wr_iter_t  it;
    wr_val_t   item;
    wr_rc_t    rc;

    if (!wr_take_one(ev, "extend", args)) {
        return false;
    }
    *out = wr_none();
    if (wr_is_seq(&args->pos[0])) {
        n = args->pos[0].u.list->n;     /* it may be the list itself */
        if (!wr_may_take(ev, 2 * sizeof(wr_val_t) * (l->n + (size_t) n))) {
            return false;
        }
        for (uint32_t i = 0; i < n; i++) {
            wr_list_push(ev->pool, l, args->pos[0].u.list->items[i]);
        }
        return true;
    }
    if (!wr_iter(ev, &args->pos[0], &it)) {
        return false;
    }
    while ((rc = it.next(ev, &it, &item)) == WR_OK) {
        if (l->n == l->cap
            && !wr_pool_room(ev->pool, 2 * sizeof(wr_val_t) * l->cap))
        {
            return wr_raise(ev, "LimitError", "not enough memory for a list");
        }
        wr_list_push(ev->pool, l, item);
    }
    return rc == WR_DONE;
}

static WR_METHOD(list_index)
{
    wr_buf_t text = wr_ev_buf(ev);
    int64_t  found;

    if (!wr_take_some(ev, "index", args, 1, 3)
        || !find_item(ev, args, &found))
    {
        return false;
    }
    if (found < 0) {
        return wr_put_repr(ev, &text, &args->pos[0])
               && wr_raise(ev, "ValueError", "%.*s is not in list",
                           WR_ARG(wr_buf_text(&text)));
    }
    *out = wr_int(found);
    return true;
}

static WR_METHOD(list_insert)
{
    wr_list_t *l = args->self.u.list;
    int64_t    at;

    if (!wr_take_some(ev, "insert", args, 2, 2)
        || !wr_take_int(ev, &args->pos[0], &at))
    {
        return false;
    }
    if (at < 0) {
        at = at + (int64_t) l->n < 0 ? 0 : at + (int64_t) l->n;
    }
    if (at > (int64_t) l->n) {
        at = l->n;
    }
    wr_list_push(ev->pool, l, wr_none());
    memmove(l->items + at + 1, l->items + at,
            sizeof(wr_val_t) * (l->n - 1 - (size_t) at));
    l->items[at] = args->pos[1];
    *out = wr_none();
    return true;
}

static void
remove_at(wr_list_t *l, int64_t at)
{
    memmove(l->items + at, l->items + at + 1,
            sizeof(wr_val_t) * (l->n - 1 - (size_t) at));
    l->n--;
}

static WR_METHOD(list_pop)
{
    wr_list_t *l = args->self.u.list;
    int64_t    at = -1;

    if (!wr_take_some(ev, "pop", args, 0, 1)
        || (args->n == 1 && !wr_take_int(ev, &args->pos[0], &at)))
    {
        return false;
    }
    if (l->n == 0) {
        return wr_raise(ev, "IndexError", "pop from empty list");
    }
    if (at < 0) {
        at += l->n;
    }
    if (at < 0 || at >= (int64_t) l->n) {
        return wr_raise(ev, "IndexError", "pop index out of range");
    }
    *out = l->items[at];
    remove_at(l, at);
    return true;
}

static WR_METHOD(list_remove)
{
    wr_list_t *l = args->self.u.list;
    int64_t    at;

    if (!wr_take_one(ev, "remove", args) || !find_item(ev, args, &at)) {
        return false;
    }
    if (at < 0) {
        return wr_raise(ev, "ValueError", "list.remove(x): x not in list");
    }
    if (at < (int64_t) l->n) {
        remove_at(l, at);
    }
    *out = wr_none();
    return true;
}

static WR_METHOD(list_reverse)
{
    wr_list_t *l = args->self.u.list;

    if (!wr_take_none(ev, "reverse", args)) {
        return false;
    }
    for (uint32_t i = 0; i < l->n / 2; i++) {
        wr_val_t v = l->items[i];

        l->items[i] = l->items[l->n - 1 - i];
        l->items[l->n - 1 - i] = v;
    }
    *out = wr_none();
    return true;
}

/* The list is empty while its keys are made and compared, as in Python; then
 * what stood in it comes back sorted. */
static bool
sort_list(wr_eval_t *ev, wr_list_t *l, const wr_val_t *key, bool reverse)
{
    wr_list_t       own = *l;
    wr_sort_item_t *items;
    wr_val_t       *sorted;
    bool            ok = true;

    items = wr_try_alloc(ev->pool, (sizeof(*items) + sizeof(*sorted))
                                       * ((size_t) own.n + 1));
    if (items == NULL) {
        return wr_raise(ev, "LimitError", "not enough memory for a list");
    }
    sorted = (wr_val_t *) (void *) (items + own.n + 1);
    *l = (wr_list_t) {NULL, 0, 0};
    for (uint32_t i = 0; ok && i < own.n; i++) {
        wr_args_t one = {.pos = &own.items[i], .n = 1};

        items[i].at = i;
        items[i].key = own.items[i];
        if (key->type != WR_V_NONE) {
            ok = wr_call(ev, key, &one, &items[i].key);
        }
    }
    ok = ok && wr_sort(ev, items, own.n, reverse, wr_less);
    if (ok && l->n != 0) {
        ok = wr_raise(ev, "ValueError", "list modified during sort");
    }
    for (uint32_t i = 0; ok && i < own.n; i++) {
        sorted[i] = own.items[items[i].at];
    }
    if (ok && own.n != 0) {
        memcpy(own.items, sorted, sizeof(*sorted) * own.n);
    }
    *l = own;
    return ok;
}

static WR_METHOD(list_sort)
{
    static const char *const params[] = {"key", "reverse"};
    wr_args_t                named = *args;
    wr_val_t                 a[2];
    int64_t                  reverse = 0;

    if (args->n != 0 && args->n + (uint64_t) args->nkw <= 2) {
        return wr_raise(ev, "TypeError",
                        "sort() takes no positional arguments");
    }
    if (!wr_take_named(ev, "sort", params, 2, &named, a)
        || (wr_given(&a[1]) && !wr_take_int(ev, &a[1], &reverse)))
    {
        return false;
    }
    if (!wr_given(&a[0])) {
        a[0] = wr_none();
    }
    *out = wr_none();
    return sort_list(ev, args->self.u.list, &a[0], reverse != 0);
}

static const wr_method_t list_rows[] = {
    {"append", list_append}, {"clear", list_clear},   {"copy", list_copy},
    {"count", list_count},   {"extend", list_extend}, {"index", list_index},
    {"insert", list_insert}, {"pop", list_pop},       {"remove", list_remove},
    {"reverse", list_reverse}, {"sort", list_sort},
};

const wr_methods_t wr_list_methods = {list_rows, WR_COUNT(list_rows)};

/* ---- tuple ---- */

static WR_METHOD(tuple_count)
{
    return count_items(ev, "count", args, out);
}

static WR_METHOD(tuple_index)
{
    int64_t found;

    if (!wr_take_some(ev, "index", args, 1, 3)
        || !find_item(ev, args, &found))
    {
        return false;
    }
    if (found < 0) {
        return wr_raise(ev, "ValueError", "tuple.index(x): x not in tuple");
    }
    *out = wr_int(found);
    return true;
}

static const wr_method_t tuple_rows[] = {
    {"count", tuple_count},
    {"index", tuple_index},
};

const wr_methods_t wr_tuple_methods = {tuple_rows, WR_COUNT(tuple_rows)};

/* ---- range ---- */

static WR_METHOD(range_count)
{
    if (!wr_take_one(ev, "count", args)) {
        return false;
    }
    *out = wr_int(wr_range_find(args->self.u.range, &args->pos[0]) >= 0);
    return true;
}

static WR_METHOD(range_index)
{
    int64_t at;

    if (!wr_take_one(ev, "index", args)) {
        return false;
    }
    at = wr_range_find(args->self.u.range, &args->pos[0]);
    if (at < 0 && wr_is_int(&args->pos[0])) {
        return wr_raise(ev, "ValueError", "%" PRId64 " is not in range",
                        args->pos[0].u.i);
    }
    if (at < 0) {
        return wr_raise(ev, "ValueError",
                        "sequence.index(x): x not in sequence");
    }
    *out = wr_int(at);
    return true;
}

static const wr_method_t range_rows[] = {
    {"count", range_count},
    {"index", range_index},
};

const wr_methods_t wr_range_methods = {range_rows, WR_COUNT(range_rows)};
