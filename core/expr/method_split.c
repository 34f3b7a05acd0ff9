/*
 * str: taking apart and joining. The parts point into the text.
 */
#include <weir/expr/method_priv.h>
#include <weir/expr/unicode.h>

static void
push(wr_eval_t *ev, wr_list_t *l, const wr_val_t *v, const char *from,
     const char *to)
{
    wr_list_push(ev->pool, l,
                 wr_plain_part(v, (size_t) (from - v->u.s),
                               (size_t) (to - v->u.s)));
}

/* ---- split, rsplit ---- */

static void
split_spaces(wr_eval_t *ev, wr_list_t *l, const wr_val_t *v, int64_t most)
{
    wr_str_t    s = wr_uni_strip(wr_val_text(v), true, false);
    const char *end = s.p + s.n;

    while (s.n != 0) {
        const char *p = s.p;
        const char *word = s.p;

        if (most-- == 0) {
            push(ev, l, v, s.p, end);
            return;
        }
        while (p < end) {
            const char *at = p;

            if (wr_uni_space(wr_utf8_next(&at, end))) {
                break;
            }
            p = at;
        }
        push(ev, l, v, word, p);
        s = wr_uni_strip(wr_str(p, (size_t) (end - p)), true, false);
    }
}

static void
rsplit_spaces(wr_eval_t *ev, wr_list_t *l, const wr_val_t *v, int64_t most)
{
    wr_str_t s = wr_uni_strip(wr_val_text(v), false, true);

    while (s.n != 0) {
        const char *end = s.p + s.n;
        const char *p = end;

        if (most-- == 0) {
            push(ev, l, v, s.p, end);
            return;
        }
        while (p > s.p) {
            const char *at = p;

            if (wr_uni_space(wr_utf8_prev(s.p, &at))) {
                break;
            }
            p = at;
        }
        push(ev, l, v, p, end);
        s = wr_uni_strip(wr_str(s.p, (size_t) (p - s.p)), false, true);
    }
}

static void
split_at(wr_eval_t *ev, wr_list_t *l, const wr_val_t *v, wr_str_t sep,
         int64_t most)
{
    wr_str_t rest = wr_val_text(v);
    ssize_t  at;

    while (most-- != 0 && (at = wr_str_find(rest, sep)) >= 0) {
        push(ev, l, v, rest.p, rest.p + at);
        rest = wr_str_skip(rest, (size_t) at + sep.n);
    }
    push(ev, l, v, rest.p, rest.p + rest.n);
}

static void
rsplit_at(wr_eval_t *ev, wr_list_t *l, const wr_val_t *v, wr_str_t sep,
          int64_t most)
{
    const char *start = v->u.s;
    const char *end = start + v->len;
    const char *p = end;

    while (most != 0 && (size_t) (p - start) >= sep.n) {
        if (memcmp(p - sep.n, sep.p, sep.n) == 0) {
            push(ev, l, v, p, end);
            p -= sep.n;
            end = p;
            most--;
        } else {
            p--;
        }
    }
    push(ev, l, v, start, end);
}

static void
reverse(wr_list_t *l)
{
    for (uint32_t i = 0; i < l->n / 2; i++) {
        wr_val_t v = l->items[i];

        l->items[i] = l->items[l->n - 1 - i];
        l->items[l->n - 1 - i] = v;
    }
}

static bool
split_method(wr_eval_t *ev, const char *name, const wr_args_t *args, bool right,
             wr_val_t *out)
{
    static const char *const params[] = {"sep", "maxsplit"};
    wr_val_t                 a[2];
    wr_list_t               *l;
    int64_t                  most = -1;

    if (!wr_take_named(ev, name, params, 2, args, a)) {
        return false;
    }
    if (wr_given(&a[1]) && !wr_take_int(ev, &a[1], &most)) {
        return false;
    }
    if (most < 0) {
        most = INT64_MAX;
    }
    l = wr_list_new(ev->pool, 4);
    if (!wr_given(&a[0]) || a[0].type == WR_V_NONE) {
        (right ? rsplit_spaces : split_spaces)(ev, l, &args->self, most);
    } else if (!wr_is_str(&a[0])) {
        return wr_raise(ev, "TypeError", "must be str or None, not %s",
                        wr_type_name(&a[0]));
    } else if (a[0].len == 0) {
        return wr_raise(ev, "ValueError", "empty separator");
    } else {
        (right ? rsplit_at : split_at)(ev, l, &args->self, wr_val_text(&a[0]),
                                       most);
    }
    if (right) {
        reverse(l);
    }
    *out = wr_vlist(l);
    return true;
}

WR_METHOD(wr_str_split_)
{
    return split_method(ev, "split", args, false, out);
}

WR_METHOD(wr_str_rsplit)
{
    return split_method(ev, "rsplit", args, true, out);
}

WR_METHOD(wr_str_splitlines)
{
    static const char *const params[] = {"keepends"};
    const wr_val_t          *v = &args->self;
    const char              *p = v->u.s;
    const char              *end = p + v->len;
    const char              *line = p;
    wr_val_t                 keep;
    int64_t                  keepends = 0;
    wr_list_t               *l;

    if (!wr_take_named(ev, "splitlines", params, 1, args, &keep)
        || (wr_given(&keep) && !wr_take_c_int(ev, &keep, &keepends)))
    {
        return false;
    }
    l = wr_list_new(ev->pool, 4);
    while (p < end) {
        const char *at = p;
        uint32_t    cp = wr_utf8_next(&p, end);

        if (!wr_uni_line_end(cp)) {
            continue;
        }
        if (cp == '\r' && p < end && *p == '\n') {
            p++;
        }
        push(ev, l, v, line, keepends != 0 ? p : at);
        line = p;
    }
    if (line < end) {
        push(ev, l, v, line, end);
    }
    *out = wr_vlist(l);
    return true;
}

/* ---- partition ---- */

static bool
partition(wr_eval_t *ev, const char *name, const wr_args_t *args, bool right,
          wr_val_t *out)
{
    const wr_val_t *v = &args->self;
    wr_list_t      *l;
    wr_str_t        text = wr_val_text(v);
    wr_str_t        sep;
    ssize_t         at = -1;

    if (!wr_take_one(ev, name, args) || !wr_take_str(ev, &args->pos[0])) {
        return false;
    }
    sep = wr_val_text(&args->pos[0]);
    if (sep.n == 0) {
        return wr_raise(ev, "ValueError", "empty separator");
    }
    for (wr_str_t rest = text;;) {
        ssize_t next = wr_str_find(rest, sep);

        if (next < 0) {
            break;
        }
        at = rest.p + next - text.p;
        if (!right) {
            break;
        }
        /* Going on within the match: the last may overlap with it. */
        rest = wr_str_skip(text, (size_t) at + 1);
    }
    l = wr_list_new(ev->pool, 3);
    l->n = 3;
    l->items[0] = l->items[1] = l->items[2] = wr_plain_part(v, 0, 0);
    if (at < 0) {
        l->items[right ? 2 : 0] = wr_plain_part(v, 0, v->len);
    } else {
        size_t from = (size_t) at;

        l->items[0] = wr_plain_part(v, 0, from);
        l->items[1] = wr_plain_part(v, from, from + sep.n);
        l->items[2] = wr_plain_part(v, from + sep.n, v->len);
    }
    *out = wr_vtuple(l);
    return true;
}

WR_METHOD(wr_str_partition)
{
    return partition(ev, "partition", args, false, out);
}

WR_METHOD(wr_str_rpartition)
{
    return partition(ev, "rpartition", args, true, out);
}

/* ---- join ---- */

WR_METHOD(wr_str_join)
{
    wr_buf_t  b = wr_ev_buf(ev);
    wr_iter_t it;
    wr_val_t  item;
    wr_rc_t   rc;
    size_t    i = 0;

    if (!wr_take_one(ev, "join", args)) {
        return false;
    }
    if (!wr_is_iterable(&args->pos[0])) {
        return wr_raise(ev, "TypeError", "can only join an iterable");
    }
    if (!wr_iter(ev, &args->pos[0], &it)) {
        return false;
    }
    while ((rc = it.next(ev, &it, &item)) == WR_OK) {
        if (!wr_is_str(&item)) {
            return wr_raise(ev, "TypeError", "sequence item %zu: expected str"
                            " instance, %s found", i, wr_type_name(&item));
        }
        if (!wr_pool_room(ev->pool, (size_t) item.len + args->self.len)) {
            return wr_raise(ev, "LimitError", "not enough memory to join");
        }
        if (i++ != 0) {
            wr_buf_str(&b, wr_val_text(&args->self));
        }
        wr_buf_str(&b, wr_val_text(&item));
    }
    return rc == WR_DONE && wr_buf_val(ev, &b, out);
}
