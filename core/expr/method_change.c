/*
 * str: strip, replace, translate, prefixes and suffixes.
 */
#include <weir/expr/format_priv.h>
#include <weir/expr/method_priv.h>
#include <weir/expr/unicode.h>

/* ---- strip ---- */

/* Is the sequence of `n` bytes one of the code points of `set`? */
static bool
is_in(wr_str_t set, const char *p, size_t n)
{
    return wr_str_find(set, wr_str(p, n)) >= 0;
}

static wr_str_t
strip_set(wr_str_t s, wr_str_t set, bool left, bool right)
{
    const char *p = s.p;
    const char *end = s.p + s.n;

    while (left && p < end) {
        size_t n = wr_utf8_len(*p);

        if (!is_in(set, p, n)) {
            break;
        }
        p += n;
    }
    while (right && end > p) {
        const char *at = end;

        wr_utf8_prev(p, &at);
        if (!is_in(set, at, (size_t) (end - at))) {
            break;
        }
        end = at;
    }
    return wr_str(p, (size_t) (end - p));
}

static bool
strip(wr_eval_t *ev, const char *name, const wr_args_t *args, bool left,
      bool right, wr_val_t *out)
{
    const wr_val_t *v = &args->self;
    wr_str_t        s = wr_val_text(v);

    if (!wr_take_some(ev, name, args, 0, 1)) {
        return false;
    }
    if (args->n == 0 || args->pos[0].type == WR_V_NONE) {
        s = wr_uni_strip(s, left, right);
    } else if (!wr_is_str(&args->pos[0])) {
        return wr_raise(ev, "TypeError", "%s arg must be None or str", name);
    } else {
        s = strip_set(s, wr_val_text(&args->pos[0]), left, right);
    }
    *out = wr_plain_part(v, (size_t) (s.p - v->u.s),
                         (size_t) (s.p - v->u.s) + s.n);
    return true;
}

WR_METHOD(wr_str_strip)
{
    return strip(ev, "strip", args, true, true, out);
}

WR_METHOD(wr_str_lstrip)
{
    return strip(ev, "lstrip", args, true, false, out);
}

WR_METHOD(wr_str_rstrip)
{
    return strip(ev, "rstrip", args, false, true, out);
}

/* ---- replace ---- */

static int64_t
count_matches(wr_str_t s, wr_str_t old, int64_t most)
{
    int64_t n = 0;
    ssize_t at;

    if (old.n == 0) {
        n = (int64_t) wr_utf8_count(s) + 1;
        return n < most ? n : most;
    }
    while (n < most && (at = wr_str_find(s, old)) >= 0) {
        n++;
        s = wr_str_skip(s, (size_t) at + old.n);
    }
    return n;
}

static char *
copy(char *to, const char *from, size_t n)
{
    if (n != 0) {
        memcpy(to, from, n);
    }
    return to + n;
}

/* Before each of the first `n` code points, or at the end. */
static void
put_between(char *to, wr_str_t s, wr_str_t new, int64_t n)
{
    while (n-- > 0) {
        size_t len = s.n != 0 ? wr_utf8_len(s.p[0]) : 0;

        to = copy(to, new.p, new.n);
        to = copy(to, s.p, len);
        s = wr_str_skip(s, len);
    }
    copy(to, s.p, s.n);
}

static void
put_replaced(char *to, wr_str_t s, wr_str_t old, wr_str_t new, int64_t n)
{
    while (n-- > 0) {
        size_t at = (size_t) wr_str_find(s, old);

        to = copy(to, s.p, at);
        to = copy(to, new.p, new.n);
        s = wr_str_skip(s, at + old.n);
    }
    copy(to, s.p, s.n);
}

static bool
replace(wr_eval_t *ev, const wr_val_t *v, const wr_val_t *old_v,
        const wr_val_t *new_v, int64_t most, wr_val_t *out)
{
    wr_str_t s = wr_val_text(v);
    wr_str_t old = wr_val_text(old_v);
    wr_str_t new = wr_val_text(new_v);
    int64_t  n = count_matches(s, old, most < 0 ? INT64_MAX : most);
    uint64_t added;
    uint64_t size;
    char    *p;

    if (n == 0) {
        *out = wr_plain_part(v, 0, v->len);
        return true;
    }
    added = (uint64_t) n * new.n;   /* both below 2^32 */
    size = s.n - (uint64_t) n * old.n + added;
    p = size > s.n ? wr_text_room_limited(ev, size) : wr_text_room(ev, size);
    if (p == NULL) {
        return false;
    }
    if (old.n == 0) {
        put_between(p, s, new, n);
    } else {
        put_replaced(p, s, old, new, n);
    }
    *out = wr_vstr(wr_str(p, size));
    out->flags = v->flags & new_v->flags & WR_VF_ASCII;
    return true;
}

WR_METHOD(wr_str_replace)
{
    int64_t most = -1;

    if (!wr_take_some(ev, "replace", args, 2, 3)) {
        return false;
    }
    for (uint32_t i = 0; i < 2; i++) {
        const wr_val_t *v = &args->pos[i];

        if (!wr_is_str(v)) {
            return wr_raise(ev, "TypeError",
                            "replace() argument %u must be str, not %s", i + 1,
                            v->type == WR_V_NONE ? "None" : wr_type_name(v));
        }
    }
    if (args->n == 3 && !wr_take_int(ev, &args->pos[2], &most)) {
        return false;
    }
    return replace(ev, &args->self, &args->pos[0], &args->pos[1], most, out);
}

/* ---- prefixes ---- */

static bool
take_affix(wr_eval_t *ev, const char *name, const wr_args_t *args)
{
    const wr_val_t *v = &args->pos[0];

    if (!wr_take_one(ev, name, args)) {
        return false;
    }
    return wr_is_str(v)
           || wr_raise(ev, "TypeError", "%s() argument must be str, not %s",
                       name,
                       v->type == WR_V_NONE ? "None" : wr_type_name(v));
}

WR_METHOD(wr_str_removeprefix)
{
    const wr_val_t *v = &args->self;
    size_t          from = 0;

    if (!take_affix(ev, "removeprefix", args)) {
        return false;
    }
    if (wr_str_starts(wr_val_text(v), wr_val_text(&args->pos[0]))) {
        from = args->pos[0].len;
    }
    *out = wr_plain_part(v, from, v->len);
    return true;
}

WR_METHOD(wr_str_removesuffix)
{
    const wr_val_t *v = &args->self;
    size_t          to = v->len;

    if (!take_affix(ev, "removesuffix", args)) {
        return false;
    }
    if (wr_str_ends(wr_val_text(v), wr_val_text(&args->pos[0]))) {
        to -= args->pos[0].len;
    }
    *out = wr_plain_part(v, 0, to);
    return true;
}

/* ---- translate ---- */

/* False after an error; *v stays undefined if the table says nothing. */
static bool
look_up(wr_eval_t *ev, const wr_val_t *table, uint32_t cp, wr_val_t *v)
{
    wr_val_t key = wr_int(cp);

    *v = (wr_val_t) {.type = WR_V_UNDEFINED};
    if (wr_item_strict(ev, table, &key, v)) {
        return true;
    }
    if (strcmp(ev->err.kind, "KeyError") == 0
        || strcmp(ev->err.kind, "IndexError") == 0)
    {
        ev->failed = false;
        *v = (wr_val_t) {.type = WR_V_UNDEFINED};
        return true;
    }
    return false;
}

static bool
put_translated(wr_eval_t *ev, wr_buf_t *b, const wr_val_t *v)
{
    if (v->type == WR_V_NONE) {
        return true;
    }
    if (wr_is_str(v)) {
        if (!wr_text_allowed(ev, b->n + v->len)) {
            return false;
        }
        wr_buf_str(b, wr_val_text(v));
        return true;
    }
    if (!wr_is_int(v)) {
        return wr_raise(ev, "TypeError", "character mapping must return"
                        " integer, None or str");
    }
    if (v->u.i < 0 || v->u.i > 0x10ffff) {
        return wr_raise(ev, "ValueError",
                        "character mapping must be in range(0x110000)");
    }
    b->n += wr_utf8_put(wr_buf_reserve(b, WR_UTF8_MAX), (uint32_t) v->u.i);
    return true;
}

WR_METHOD(wr_str_translate)
{
    wr_buf_t    b = wr_ev_buf(ev);
    const char *p = args->self.u.s;
    const char *end = p + args->self.len;
    wr_val_t    v;

    if (!wr_take_one(ev, "translate", args)) {
        return false;
    }
    while (p < end) {
        const char *at = p;

        if (!look_up(ev, &args->pos[0], wr_utf8_next(&p, end), &v)) {
            return false;
        }
        if (v.type == WR_V_UNDEFINED) {
            wr_buf_add(&b, at, (size_t) (p - at));
        } else if (!put_translated(ev, &b, &v)) {
            return false;
        }
    }
    return wr_buf_val(ev, &b, out);
}

static bool
table_from_dict(wr_eval_t *ev, const wr_val_t *from, wr_dict_t *table)
{
    const wr_dict_entry_t *e;
    uint32_t               i = 0;
    wr_val_t               key;

    if (from->type != WR_V_DICT) {
        return wr_raise(ev, "TypeError", "if you give only one argument to"
                        " maketrans it must be a dict");
    }
    while ((e = wr_dict_next(from->u.dict, &i)) != NULL) {
        key = e->key;
        if (wr_is_str(&key)) {
            const char *p = key.u.s;

            if (key.len == 0 || wr_utf8_len(*p) != key.len) {
                return wr_raise(ev, "ValueError", "string keys in translate"
                                " table must be of length 1");
            }
            key = wr_int(wr_utf8_next(&p, p + e->key.len));
        } else if (!wr_is_int(&key)) {
            return wr_raise(ev, "TypeError", "keys in translate table must be"
                            " strings or integers");
        }
        if (!wr_dict_set(ev, table, &key, &e->value)) {
            return false;
        }
    }
    return true;
}

WR_METHOD(wr_str_maketrans)
{
    wr_dict_t  *table = wr_dict_new(ev->pool, 0);
    const char *p, *end, *q;
    wr_val_t    key, value;

    if (!wr_take_some(ev, "maketrans", args, 1, 3)) {
        return false;
    }
    *out = wr_vdict(table);
    if (args->n == 1) {
        return table_from_dict(ev, &args->pos[0], table);
    }
    for (uint32_t i = 1; i < args->n; i++) {
        if (!wr_is_str(&args->pos[i])) {
            return wr_raise(ev, "TypeError",
                            "maketrans() argument %u must be str, not %s",
                            i + 1,
                            args->pos[i].type == WR_V_NONE
                                ? "None"
                                : wr_type_name(&args->pos[i]));
        }
    }
    if (!wr_is_str(&args->pos[0])) {
        return wr_raise(ev, "TypeError", "first maketrans argument must be a"
                        " string if there is a second argument");
    }
    if (wr_str_points(&args->pos[0]) != wr_str_points(&args->pos[1])) {
        return wr_raise(ev, "ValueError", "the first two maketrans arguments"
                        " must have equal length");
    }
    p = args->pos[0].u.s;
    end = p + args->pos[0].len;
    for (q = args->pos[1].u.s; p < end;) {
        key = wr_int(wr_utf8_next(&p, end));
        value = wr_int(wr_utf8_next(&q, args->pos[1].u.s + args->pos[1].len));
        if (!wr_dict_set(ev, table, &key, &value)) {
            return false;
        }
    }
    if (args->n == 3) {
        p = args->pos[2].u.s;
        for (end = p + args->pos[2].len; p < end;) {
            key = wr_int(wr_utf8_next(&p, end));
            value = wr_none();
            if (!wr_dict_set(ev, table, &key, &value)) {
                return false;
            }
        }
    }
    return true;
}
