/*
 * Markup: str's methods with escaped arguments and Markup as the result.
 */
#include <weir/expr/markup.h>
#include <weir/expr/method_priv.h>

/* The same with str arguments escaped. */
static bool
escape_args(wr_eval_t *ev, const wr_args_t *from, wr_args_t *to)
{
    wr_val_t   *pos = NULL;
    wr_kwarg_t *kw = NULL;

    *to = *from;
    if (from->n != 0) {
        pos = wr_alloc(ev->pool, sizeof(*pos) * from->n);
    }
    if (from->nkw != 0) {
        kw = wr_alloc(ev->pool, sizeof(*kw) * from->nkw);
    }
    for (uint32_t i = 0; i < from->n; i++) {
        pos[i] = from->pos[i];
        if (wr_is_str(&pos[i]) && !wr_escape_val(ev, &from->pos[i], &pos[i])) {
            return false;
        }
    }
    for (uint32_t i = 0; i < from->nkw; i++) {
        kw[i] = from->kw[i];
        if (wr_is_str(&kw[i].value)
            && !wr_escape_val(ev, &from->kw[i].value, &kw[i].value))
        {
            return false;
        }
    }
    to->pos = pos;
    to->kw = kw;
    return true;
}

static bool
wrapped(wr_eval_t *ev, const wr_args_t *args, wr_fn_t method, wr_val_t *out)
{
    wr_args_t escaped;

    if (!escape_args(ev, args, &escaped)) {
        return false;
    }
    escaped.self.flags &= (uint8_t) ~WR_VF_SAFE;
    if (!method(ev, &escaped, out)) {
        return false;
    }
    out->flags |= WR_VF_SAFE;
    return true;
}

#define WRAPPED(name)                                                         \
    static WR_METHOD(markup_##name)                                           \
    {                                                                         \
        return wrapped(ev, args, wr_str_##name, out);                         \
    }

WRAPPED(capitalize)
WRAPPED(center)
WRAPPED(expandtabs)
WRAPPED(ljust)
WRAPPED(lower)
WRAPPED(lstrip)
WRAPPED(replace)
WRAPPED(rjust)
WRAPPED(rstrip)
WRAPPED(strip)
WRAPPED(swapcase)
WRAPPED(title)
WRAPPED(translate)
WRAPPED(upper)
WRAPPED(zfill)

/* ---- those with code of their own ---- */

static void
mark_all(wr_val_t *v)
{
    for (uint32_t i = 0; i < v->u.list->n; i++) {
        v->u.list->items[i].flags |= WR_VF_SAFE;
    }
}

static bool
split_with(wr_eval_t *ev, const wr_args_t *args, const char *name,
           wr_fn_t method, wr_val_t *out)
{
    static const char *const params[] = {"sep", "maxsplit"};
    wr_val_t                 a[2];
    wr_args_t                plain = {.pos = a, .n = 2, .self = args->self};

    if (!wr_take_python(ev, name, params, 0, 2, args, a)) {
        return false;
    }
    if (!wr_given(&a[0])) {
        a[0] = wr_none();
    }
    if (!wr_given(&a[1])) {
        a[1] = wr_int(-1);
    }
    if (!method(ev, &plain, out)) {
        return false;
    }
    mark_all(out);
    return true;
}

static WR_METHOD(markup_split)
{
    return split_with(ev, args, "Markup.split", wr_str_split_, out);
}

static WR_METHOD(markup_rsplit)
{
    return split_with(ev, args, "Markup.rsplit", wr_str_rsplit, out);
}

static WR_METHOD(markup_splitlines)
{
    static const char *const params[] = {"keepends"};
    wr_val_t                 a;
    wr_args_t                plain = {.pos = &a, .n = 1, .self = args->self};

    if (!wr_take_python(ev, "Markup.splitlines", params, 0, 1, args, &a)) {
        return false;
    }
    if (!wr_given(&a)) {
        a = wr_bool(false);
    }
    if (!wr_str_splitlines(ev, &plain, out)) {
        return false;
    }
    mark_all(out);
    return true;
}

static bool
partition_with(wr_eval_t *ev, const wr_args_t *args, const char *name,
               wr_fn_t method, wr_val_t *out)
{
    static const char *const params[] = {"sep"};
    wr_val_t                 sep, escaped;
    wr_args_t plain = {.pos = &escaped, .n = 1, .self = args->self};

    if (!wr_take_python(ev, name, params, 1, 1, args, &sep)
        || !wr_escape_val(ev, &sep, &escaped) || !method(ev, &plain, out))
    {
        return false;
    }
    mark_all(out);
    return true;
}

static WR_METHOD(markup_partition)
{
    return partition_with(ev, args, "Markup.partition", wr_str_partition, out);
}

static WR_METHOD(markup_rpartition)
{
    return partition_with(ev, args, "Markup.rpartition", wr_str_rpartition,
                          out);
}

static WR_METHOD(markup_join)
{
    static const char *const params[] = {"seq"};
    wr_buf_t                 b = wr_ev_buf(ev);
    wr_val_t                 seq, item;
    wr_iter_t                it;
    wr_rc_t                  rc;
    bool                     first = true;

    if (!wr_take_python(ev, "Markup.join", params, 1, 1, args, &seq)
        || !wr_iter(ev, &seq, &it))
    {
        return false;
    }
    while ((rc = it.next(ev, &it, &item)) == WR_OK) {
        if (!first) {
            wr_buf_str(&b, wr_val_text(&args->self));
        }
        first = false;
        if (!wr_pool_room(ev->pool, (size_t) args->self.len + 64)) {
            return wr_raise(ev, "LimitError", "not enough memory to join");
        }
        if (!wr_put_escaped(ev, &b, &item)) {
            return false;
        }
    }
    if (rc != WR_DONE || !wr_buf_val(ev, &b, out)) {
        return false;
    }
    out->flags |= WR_VF_SAFE;
    return true;
}

static WR_METHOD(markup_escape)
{
    static const char *const params[] = {"s"};
    wr_val_t                 s;

    return wr_take_python(ev, "Markup.escape", params, 1, 1, args, &s)
           && wr_escape_val(ev, &s, out);
}

static WR_METHOD(markup_striptags)
{
    wr_buf_t b = wr_ev_buf(ev);

    if (!wr_take_python(ev, "Markup.striptags", NULL, 0, 0, args, NULL)) {
        return false;
    }
    wr_striptags(ev->pool, &b, wr_val_text(&args->self));
    return wr_buf_val(ev, &b, out);
}

static WR_METHOD(markup_unescape)
{
    wr_buf_t b = wr_ev_buf(ev);

    if (!wr_take_python(ev, "Markup.unescape", NULL, 0, 0, args, NULL)) {
        return false;
    }
    wr_unescape(&b, wr_val_text(&args->self));
    return wr_buf_val(ev, &b, out);
}

static WR_METHOD(markup_html)
{
    *out = args->self;
    return wr_take_python(ev, "Markup.__html__", NULL, 0, 0, args, NULL);
}

static const wr_method_t rows[] = {
    {"__html__", markup_html},
    {"capitalize", markup_capitalize},
    {"center", markup_center},
    {"escape", markup_escape},
    {"expandtabs", markup_expandtabs},
    {"format", wr_str_format},
    {"join", markup_join},
    {"ljust", markup_ljust},
    {"lower", markup_lower},
    {"lstrip", markup_lstrip},
    {"partition", markup_partition},
    {"replace", markup_replace},
    {"rjust", markup_rjust},
    {"rpartition", markup_rpartition},
    {"rsplit", markup_rsplit},
    {"rstrip", markup_rstrip},
    {"split", markup_split},
    {"splitlines", markup_splitlines},
    {"strip", markup_strip},
    {"striptags", markup_striptags},
    {"swapcase", markup_swapcase},
    {"title", markup_title},
    {"translate", markup_translate},
    {"unescape", markup_unescape},
    {"upper", markup_upper},
    {"zfill", markup_zfill},
};

const wr_methods_t wr_markup_methods = {rows, WR_COUNT(rows)};
