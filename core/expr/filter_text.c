/*
 * Filters that turn a text into a text of the same kind: case, trim, replace …
 *
 * Most are methods of str in another dress, so they call those (Markup then
 * escapes its arguments and stays Markup); ASCII is done here, without a call.
 */
#include "filter_priv.h"

#include <weir/base/utf8.h>
#include <weir/expr/unicode.h>

/* Binds the only parameter of a filter and makes it a str. */
static bool
bind_text(wr_eval_t *ev, const wr_sig_t *sig, const wr_args_t *args,
          wr_val_t *bound)
{
    wr_val_t s;

    if (!wr_sig_bind(ev, sig, args, bound)
        || !wr_str_val(ev, &bound[0], &s)) {
        return false;
    }
    bound[0] = s;
    return true;
}

static bool
is_ascii(const wr_val_t *v)
{
    return (v->flags & WR_VF_ASCII) != 0 || wr_utf8_ascii(wr_val_text(v));
}

/* A copy of an ASCII text in which `from`..`to` have bit 0x20 turned over. */
static wr_val_t
flip_case(wr_eval_t *ev, const wr_val_t *v, char from, char to)
{
    wr_val_t out = *v;
    char    *p = wr_alloc_bytes(ev->pool, v->len);

    for (uint32_t i = 0; i < v->len; i++) {
        char c = v->u.s[i];

        p[i] = c >= from && c <= to ? (char) (c ^ 0x20) : c;
    }
    out.u.s = p;
    return out;
}

WR_FN(wr_filter_upper)
{
    static const wr_sig_t sig = {"do_upper", NULL, 1, 1, {"s"}};
    wr_val_t s;

    if (!bind_text(ev, &sig, args, &s)) {
        return false;
    }
    if (is_ascii(&s)) {
        *out = flip_case(ev, &s, 'a', 'z');
        return true;
    }
    return wr_call_method(ev, &s, "upper", NULL, 0, out);
}

WR_FN(wr_filter_lower)
{
    static const wr_sig_t sig = {"do_lower", NULL, 1, 1, {"s"}};
    wr_val_t s;

    if (!bind_text(ev, &sig, args, &s)) {
        return false;
    }
    if (is_ascii(&s)) {
        *out = flip_case(ev, &s, 'A', 'Z');
        return true;
    }
    return wr_call_method(ev, &s, "lower", NULL, 0, out);
}

WR_FN(wr_filter_capitalize)
{
    static const wr_sig_t sig = {"do_capitalize", NULL, 1, 1, {"s"}};
    wr_val_t s;

    return bind_text(ev, &sig, args, &s)
        && wr_call_method(ev, &s, "capitalize", NULL, 0, out);
}

WR_FN(wr_filter_string)
{
    return wr_bind_one(ev, "markupsafe._speedups.soft_str", args)
        && wr_str_val(ev, &args->pos[0], out);
}

WR_FN(wr_filter_center)
{
    static const wr_sig_t sig = {"do_center", NULL, 1, 2, {"value", "width"}};
    wr_val_t a[2];

    if (!bind_text(ev, &sig, args, a)) {
        return false;
    }
    if (!wr_given(&a[1])) {
        a[1] = wr_int(80);
    }
    return wr_call_method(ev, &a[0], "center", &a[1], 1, out);
}

WR_FN(wr_filter_trim)
{
    static const wr_sig_t sig = {"do_trim", NULL, 1, 2, {"value", "chars"}};
    wr_val_t a[2];

    if (!bind_text(ev, &sig, args, a)) {
        return false;
    }
    return wr_call_method(ev, &a[0], "strip", &a[1], wr_given(&a[1]), out);
}

WR_FN(wr_filter_format)
{
    wr_val_t s, with;

    for (uint32_t i = 0; i < args->nkw; i++) {
        if (wr_str_eqz(args->kw[i].name, "value")) {
            return wr_raise(ev, "TypeError", "do_format() got multiple values "
                            "for argument 'value'");
        }
    }
    if (args->nkw != 0 && args->n > 1) {
        return wr_raise(ev, "FilterArgumentError", "can't handle positional and "
                        "keyword arguments at the same time");
    }
    if (!wr_str_val(ev, &args->pos[0], &s)) {
        return false;
    }
    if (args->nkw != 0) {
        wr_dict_t *d = wr_dict_new(ev->pool, args->nkw);

        for (uint32_t i = 0; i < args->nkw; i++) {
            wr_dict_sets(ev->pool, d, args->kw[i].name, args->kw[i].value);
        }
        with = wr_vdict(d);
    } else {
        wr_list_t *l = wr_list_new(ev->pool, args->n);

        for (uint32_t i = 1; i < args->n; i++) {
            wr_list_push(ev->pool, l, args->pos[i]);
        }
        with = wr_vtuple(l);
    }
    return wr_op_mod(ev, &s, &with, out);
}

static void
drop_markup(wr_val_t *v)
{
    v->flags &= (uint8_t) ~WR_VF_SAFE;
}

/* What replace works on under autoescape: escaped if that is needed to keep the
 * result safe. */
static bool
escaped_subject(wr_eval_t *ev, const wr_val_t *a, wr_val_t *s)
{
    wr_buf_t b = wr_buf(ev->pool);

    if (wr_has_html(&a[1]) || (wr_has_html(&a[2]) && !wr_has_html(&a[0]))) {
        if (!wr_put_escaped(ev, &b, &a[0])) {
            return false;
        }
        return wr_text_val(ev, &b, true, s);
    }
    return wr_str_val(ev, &a[0], s);
}

WR_FN(wr_filter_replace)
{
    static const wr_sig_t sig = {
        "do_replace", "eval_ctx", 3, 4, {"s", "old", "new", "count"}};
    wr_val_t a[4], s, m[3];

    if (!wr_sig_bind(ev, &sig, args, a)) {
        return false;
    }
    if (ev->autoescape ? !escaped_subject(ev, a, &s)
                       : !wr_str_val(ev, &a[0], &s)) {
        return false;
    }
    if (!wr_str_val(ev, &a[1], &m[0]) || !wr_str_val(ev, &a[2], &m[1])) {
        return false;
    }
    if (!ev->autoescape) {
        drop_markup(&s);
        drop_markup(&m[0]);
        drop_markup(&m[1]);
    }
    m[2] = wr_is_none(&a[3]) ? wr_int(-1) : a[3];
    return wr_call_method(ev, &s, "replace", m, 3, out);
}

/* Where the words of `title` begin: behind these and white space. */
static bool
begins_words(uint32_t cp)
{
    return cp == '-' || cp == '(' || cp == '{' || cp == '[' || cp == '<'
        || wr_uni_space(cp);
}

/* One word: its first letter upper, the rest lower. */
static bool
put_title(wr_eval_t *ev, wr_buf_t *b, wr_str_t word)
{
    const char *rest = word.p;
    wr_val_t    part, cased;

    wr_utf8_next(&rest, word.p + word.n);
    if (wr_utf8_ascii(word)) {
        char c = word.p[0];

        wr_buf_char(b, c >= 'a' && c <= 'z' ? (char) (c ^ 0x20) : c);
        for (size_t i = 1; i < word.n; i++) {
            wr_buf_char(b, wr_lower(word.p[i]));
        }
        return true;
    }
    part = wr_vstr(wr_str(word.p, (size_t) (rest - word.p)));
    if (!wr_call_method(ev, &part, "upper", NULL, 0, &cased)) {
        return false;
    }
    wr_buf_str(b, wr_val_text(&cased));
    part = wr_vstr(wr_str(rest, word.n - (size_t) (rest - word.p)));
    if (!wr_call_method(ev, &part, "lower", NULL, 0, &cased)) {
        return false;
    }
    wr_buf_str(b, wr_val_text(&cased));
    return true;
}

WR_FN(wr_filter_title)
{
    static const wr_sig_t sig = {"do_title", NULL, 1, 1, {"s"}};
    wr_val_t    s;
    wr_buf_t    b = wr_buf(ev->pool);
    const char *p, *end, *word;

    if (!bind_text(ev, &sig, args, &s)) {
        return false;
    }
    p = s.u.s;
    end = p + s.len;
    word = p;
    while (p < end) {
        const char *at = p;

        if (!begins_words(wr_utf8_next(&p, end))) {
            continue;
        }
        if (at > word
            && !put_title(ev, &b, wr_str(word, (size_t) (at - word)))) {
            return false;
        }
        wr_buf_add(&b, at, (size_t) (p - at));
        word = p;
    }
    if (end > word && !put_title(ev, &b, wr_str(word, (size_t) (end - word)))) {
        return false;
    }
    return wr_text_val(ev, &b, false, out);
}

WR_FN(wr_filter_wordcount)
{
    static const wr_sig_t sig = {"do_wordcount", NULL, 1, 1, {"s"}};
    wr_val_t    s;
    const char *p, *end;
    int64_t     n = 0;
    bool        in = false;

    if (!bind_text(ev, &sig, args, &s)) {
        return false;
    }
    p = s.u.s;
    end = p + s.len;
    while (p < end) {
        bool word = wr_uni_word(wr_utf8_next(&p, end));

        n += word && !in;
        in = word;
    }
    *out = wr_int(n);
    return true;
}
