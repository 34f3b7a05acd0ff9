/*
 * str: looking for parts. Indices count code points; in ASCII they are bytes.
 */
#include <weir/expr/method_priv.h>

/* The part of a text that is searched. */
typedef struct window {
    wr_str_t text;
    int64_t  start;     /* code points before it */
    bool     ascii;
    bool     outside;   /* it starts behind the end: nothing is found */
} window_t;

static bool
take_bound(wr_eval_t *ev, const wr_args_t *args, uint32_t i, int64_t *bound)
{
    const wr_val_t *v = &args->pos[i];

    if (i >= args->n || v->type == WR_V_NONE) {
        return true;
    }
    if (!wr_is_int(v)) {
        return wr_raise(ev, "TypeError", "slice indices must be integers or "
                        "None or have an __index__ method");
    }
    *bound = v->u.i;
    return true;
}

static bool
take_window(wr_eval_t *ev, const wr_args_t *args, window_t *w)
{
    const wr_val_t *v = &args->self;
    int64_t         start = 0;
    int64_t         end = INT64_MAX;
    int64_t         n;
    size_t          from, to;

    w->text = wr_val_text(v);
    w->start = 0;
    w->outside = false;
    w->ascii = wr_is_ascii(v);
    if (args->n < 2) {
        return true;
    }
    if (!take_bound(ev, args, 1, &start) || !take_bound(ev, args, 2, &end)) {
        return false;
    }
    n = w->ascii ? (int64_t) v->len : wr_str_points(v);
    if (end > n) {
        end = n;
    } else if (end < 0) {
        end = end + n < 0 ? 0 : end + n;
    }
    if (start < 0) {
        start = start + n < 0 ? 0 : start + n;
    }
    if (start > end) {
        w->outside = true;
        return true;
    }
    from = w->ascii ? (size_t) start : wr_utf8_offset(w->text, (size_t) start);
    to = w->ascii ? (size_t) end : wr_utf8_offset(w->text, (size_t) end);
    w->text = wr_str_sub(w->text, from, to);
    w->start = start;
    return true;
}

static bool
take(wr_eval_t *ev, const char *name, const wr_args_t *args)
{
    if (args->nkw != 0) {
        return wr_raise(ev, "TypeError", "%s() takes no keyword arguments",
                        name);
    }
    if (args->n == 0) {
        return wr_raise(ev, "TypeError",
                        "%s() takes at least 1 argument (0 given)", name);
    }
    if (args->n > 3) {
        return wr_raise(ev, "TypeError",
                        "%s() takes at most 3 arguments (%u given)", name,
                        args->n);
    }
    return true;
}

/* From the right; bytes. */
static ssize_t
find_last(wr_str_t s, wr_str_t needle)
{
    if (needle.n > s.n) {
        return -1;
    }
    for (size_t i = s.n - needle.n + 1; i-- > 0;) {
        if (needle.n == 0 || memcmp(s.p + i, needle.p, needle.n) == 0) {
            return (ssize_t) i;
        }
    }
    return -1;
}

static bool
search(wr_eval_t *ev, const char *name, const wr_args_t *args, bool last,
       int64_t *found)
{
    window_t w;
    ssize_t  at;

    if (!take(ev, name, args) || !take_window(ev, args, &w)
        || !wr_take_str(ev, &args->pos[0]))
    {
        return false;
    }
    *found = -1;
    if (w.outside) {
        return true;
    }
    at = last ? find_last(w.text, wr_val_text(&args->pos[0]))
              : wr_str_find(w.text, wr_val_text(&args->pos[0]));
    if (at >= 0) {
        *found = w.start
                 + (w.ascii ? at
                            : (ssize_t) wr_utf8_count(
                                wr_str(w.text.p, (size_t) at)));
    }
    return true;
}

static bool
find_method(wr_eval_t *ev, const char *name, const wr_args_t *args, bool last,
            bool must, wr_val_t *out)
{
    int64_t found;

    if (!search(ev, name, args, last, &found)) {
        return false;
    }
    if (must && found < 0) {
        return wr_raise(ev, "ValueError", "substring not found");
    }
    *out = wr_int(found);
    return true;
}

WR_METHOD(wr_str_find_)
{
    return find_method(ev, "find", args, false, false, out);
}

WR_METHOD(wr_str_rfind)
{
    return find_method(ev, "rfind", args, true, false, out);
}

WR_METHOD(wr_str_index)
{
    return find_method(ev, "index", args, false, true, out);
}

WR_METHOD(wr_str_rindex)
{
    return find_method(ev, "rindex", args, true, true, out);
}

WR_METHOD(wr_str_count)
{
    window_t w;
    wr_str_t needle;
    int64_t  n = 0;
    ssize_t  at;

    if (!take(ev, "count", args) || !take_window(ev, args, &w)
        || !wr_take_str(ev, &args->pos[0]))
    {
        return false;
    }
    needle = wr_val_text(&args->pos[0]);
    if (!w.outside && needle.n == 0) {
        n = (int64_t) wr_utf8_count(w.text) + 1;
    } else if (!w.outside) {
        while ((at = wr_str_find(w.text, needle)) >= 0) {
            n++;
            w.text = wr_str_skip(w.text, (size_t) at + needle.n);
        }
    }
    *out = wr_int(n);
    return true;
}

static bool
has_end(const window_t *w, const wr_val_t *part, bool start)
{
    return !w->outside
           && (start ? wr_str_starts(w->text, wr_val_text(part))
                     : wr_str_ends(w->text, wr_val_text(part)));
}

static bool
ends_method(wr_eval_t *ev, const char *name, const wr_args_t *args, bool start,
            wr_val_t *out)
{
    const wr_val_t *v = &args->pos[0];
    window_t        w;
    bool            is = false;

    if (!take(ev, name, args) || !take_window(ev, args, &w)) {
        return false;
    }
    if (v->type == WR_V_TUPLE) {
        for (uint32_t i = 0; i < v->u.list->n && !is; i++) {
            const wr_val_t *item = &v->u.list->items[i];

            if (!wr_is_str(item)) {
                return wr_raise(ev, "TypeError", "tuple for %s must only"
                                " contain str, not %s", name,
                                wr_type_name(item));
            }
            is = has_end(&w, item, start);
        }
    } else if (wr_is_str(v)) {
        is = has_end(&w, v, start);
    } else {
        return wr_raise(ev, "TypeError", "%s first arg must be str or a tuple"
                        " of str, not %s", name, wr_type_name(v));
    }
    *out = wr_bool(is);
    return true;
}

WR_METHOD(wr_str_startswith)
{
    return ends_method(ev, "startswith", args, true, out);
}

WR_METHOD(wr_str_endswith)
{
    return ends_method(ev, "endswith", args, false, out);
}
