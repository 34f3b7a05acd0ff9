/*
 * Filters for HTML and URLs: escape, safe, striptags, xmlattr, urlencode.
 */
#include "filter_priv.h"

WR_FN(wr_filter_escape)
{
    wr_buf_t b = wr_buf(ev->pool);

    if (!wr_bind_one(ev, "markupsafe._speedups.escape", args)) {
        return false;
    }
    if (args->pos[0].type == WR_V_STR
        && (args->pos[0].flags & WR_VF_SAFE) != 0) {
        *out = args->pos[0];
        return true;
    }
    if (!wr_put_escaped(ev, &b, &args->pos[0])) {
        return false;
    }
    return wr_text_val(ev, &b, true, out);
}

WR_FN(wr_filter_forceescape)
{
    static const wr_sig_t sig = {"do_forceescape", NULL, 1, 1, {"value"}};
    wr_val_t v, text;
    wr_buf_t b = wr_buf(ev->pool);

    if (!wr_sig_bind(ev, &sig, args, &v) || !wr_str_val(ev, &v, &text)) {
        return false;
    }
    wr_escape(&b, wr_val_text(&text));
    return wr_text_val(ev, &b, true, out);
}

WR_FN(wr_filter_safe)
{
    static const wr_sig_t sig = {"do_mark_safe", NULL, 1, 1, {"value"}};
    wr_val_t v;

    if (!wr_sig_bind(ev, &sig, args, &v) || !wr_str_val(ev, &v, out)) {
        return false;
    }
    out->flags |= WR_VF_SAFE;
    return true;
}

WR_FN(wr_filter_striptags)
{
    static const wr_sig_t sig = {"do_striptags", NULL, 1, 1, {"value"}};
    wr_val_t v, text;

    if (!wr_sig_bind(ev, &sig, args, &v) || !wr_str_val(ev, &v, &text)) {
        return false;
    }
    text.flags |= WR_VF_SAFE;
    return wr_call_method(ev, &text, "striptags", NULL, 0, out);
}

/* ---- xmlattr ---- */

static bool
check_name(wr_eval_t *ev, const wr_val_t *key)
{
    wr_buf_t b = wr_buf(ev->pool);

    if (key->type != WR_V_STR) {
        return wr_raise(ev, "TypeError",
                        "expected string or bytes-like object, got '%s'",
                        wr_type_name(key));
    }
    for (uint32_t i = 0; i < key->len; i++) {
        char c = key->u.s[i];

        if (c != '\0' && strchr(" \t\n\v\f\r/>=", c) != NULL) {
            return wr_put_repr(ev, &b, key)
                && wr_raise(ev, "ValueError",
                            "Invalid character in attribute name: %.*s",
                            WR_ARG(wr_buf_text(&b)));
        }
    }
    return true;
}

static bool
put_attribute(wr_eval_t *ev, wr_buf_t *b, const wr_val_t *pair)
{
    const wr_val_t *key = &pair->u.list->items[0];
    const wr_val_t *value = &pair->u.list->items[1];

    if (value->type == WR_V_NONE || value->type == WR_V_UNDEFINED) {
        return true;
    }
    if (!check_name(ev, key)) {
        return false;
    }
    if (b->n != 0) {
        wr_buf_char(b, ' ');
    }
    if (!wr_put_escaped(ev, b, key)) {
        return false;
    }
    wr_buf_lit(b, "=\"");
    if (!wr_put_escaped(ev, b, value)) {
        return false;
    }
    wr_buf_char(b, '"');
    return true;
}

WR_FN(wr_filter_xmlattr)
{
    static const wr_sig_t sig = {
        "do_xmlattr", "eval_ctx", 1, 2, {"d", "autospace"}};
    wr_val_t  a[2], items, pair;
    wr_iter_t it;
    wr_rc_t   rc;
    bool      space;
    wr_buf_t  b = wr_buf(ev->pool);
    wr_buf_t  spaced = wr_buf(ev->pool);

    if (!wr_sig_bind(ev, &sig, args, a)
        || !wr_call_method(ev, &a[0], "items", NULL, 0, &items)
        || !wr_iter(ev, &items, &it)) {
        return false;
    }
    while ((rc = it.next(ev, &it, &pair)) == WR_OK) {
        if (!wr_spend(ev, 1) || !put_attribute(ev, &b, &pair)) {
            return false;
        }
    }
    if (rc != WR_DONE || !wr_arg_truth(ev, &a[1], true, &space)) {
        return false;
    }
    if (space && b.n != 0) {
        wr_buf_char(&spaced, ' ');
        wr_buf_str(&spaced, wr_buf_text(&b));
        b = spaced;
    }
    return wr_text_val(ev, &b, ev->autoescape, out);
}

/* ---- urlencode ---- */

/* Percent-encoding of UTF-8; in a query string `/` too, and a space is `+`. */
static void
put_quoted(wr_buf_t *b, wr_str_t s, bool query)
{
    static const char hex[] = "0123456789ABCDEF";

    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char) s.p[i];

        if (wr_is_word((char) c) || c == '.' || c == '-' || c == '~'
            || (c == '/' && !query)) {
            wr_buf_char(b, (char) c);
        } else if (c == ' ' && query) {
            wr_buf_char(b, '+');
        } else {
            wr_buf_char(b, '%');
            wr_buf_char(b, hex[c >> 4]);
            wr_buf_char(b, hex[c & 15]);
        }
    }
}

static bool
quote(wr_eval_t *ev, wr_buf_t *b, const wr_val_t *v, bool query)
{
    wr_buf_t text = wr_buf(ev->pool);

    if (v->type == WR_V_STR || v->type == WR_V_BYTES) {
        put_quoted(b, wr_val_text(v), query);
        return true;
    }
    if (!wr_put_str(ev, &text, v)) {
        return false;
    }
    put_quoted(b, wr_buf_text(&text), query);
    return true;
}

/* `k, v = pair` with Python's errors. */
static bool
unpack_pair(wr_eval_t *ev, const wr_val_t *pair, wr_val_t *kv)
{
    wr_iter_t it;
    wr_val_t  extra;
    wr_rc_t   rc = WR_OK;
    unsigned  n;

    if (!wr_is_iterable(pair)) {
        return wr_raise(ev, "TypeError", "cannot unpack non-iterable %s object",
                        wr_type_name(pair));
    }
    if (!wr_iter(ev, pair, &it)) {
        return false;
    }
    for (n = 0; n < 2 && rc == WR_OK; n += rc == WR_OK) {
        rc = it.next(ev, &it, &kv[n]);
    }
    if (rc == WR_DONE) {
        return wr_raise(ev, "ValueError", "not enough values to unpack "
                        "(expected 2, got %u)", n);
    }
    if (rc == WR_OK) {
        rc = it.next(ev, &it, &extra);
        if (rc == WR_OK) {
            return wr_raise(ev, "ValueError",
                            "too many values to unpack (expected 2)");
        }
    }
    return rc == WR_DONE;
}

static bool
quote_pairs(wr_eval_t *ev, wr_buf_t *b, const wr_val_t *v)
{
    wr_iter_t it;
    wr_val_t  pairs = *v, pair, kv[2];
    wr_rc_t   rc;

    if (v->type == WR_V_DICT
        && !wr_call_method(ev, v, "items", NULL, 0, &pairs)) {
        return false;
    }
    if (!wr_iter(ev, &pairs, &it)) {
        return false;
    }
    while ((rc = it.next(ev, &it, &pair)) == WR_OK) {
        if (b->n != 0) {
            wr_buf_char(b, '&');
        }
        if (!wr_spend(ev, 1) || !unpack_pair(ev, &pair, kv) || !quote(ev, b, &kv[0], true)) {
            return false;
        }
        wr_buf_char(b, '=');
        if (!quote(ev, b, &kv[1], true)) {
            return false;
        }
    }
    return rc == WR_DONE;
}

WR_FN(wr_filter_urlencode)
{
    static const wr_sig_t sig = {"do_urlencode", NULL, 1, 1, {"value"}};
    wr_val_t v;
    wr_buf_t b = wr_buf(ev->pool);

    if (!wr_sig_bind(ev, &sig, args, &v)) {
        return false;
    }
    if (v.type != WR_V_STR && wr_is_iterable(&v)) {
        if (!quote_pairs(ev, &b, &v)) {
            return false;
        }
    } else if (!quote(ev, &b, &v, false)) {
        return false;
    }
    return wr_text_val(ev, &b, false, out);
}
