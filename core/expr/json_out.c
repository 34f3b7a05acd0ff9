/*
 * Writing JSON. One pass, no intermediate tree; strings are copied in stretches
 * between characters that need an escape.
 */
#include <weir/expr/json_out.h>

#include <weir/base/utf8.h>
#include <weir/expr/bind.h>
#include <weir/expr/budget.h>
#include <weir/expr/sort.h>

#include <math.h>

enum { DEEPEST = 500 };

typedef struct json {
    wr_eval_t            *ev;
    wr_buf_t             *to;
    const wr_json_opts_t *opts;
    wr_str_t              item_sep, key_sep;
    unsigned              depth;
    const void           *open[DEEPEST];    /* containers that we are inside */
} json_t;

static bool put(json_t *j, const wr_val_t *v);

/* ---- strings ---- */

static void
put_u(wr_buf_t *to, uint32_t unit)
{
    static const char hex[] = "0123456789abcdef";
    char text[6] = {'\\', 'u', hex[unit >> 12 & 15], hex[unit >> 8 & 15],
                    hex[unit >> 4 & 15], hex[unit & 15]};

    wr_buf_add(to, text, sizeof(text));
}

static void
put_escape(wr_buf_t *to, uint32_t cp)
{
    static const char plain[] = "\"\\\n\r\t\f\b";
    static const char letter[] = "\"\\nrtfb";
    const char *at = cp != 0 && cp < 0x80 ? strchr(plain, (int) cp) : NULL;

    if (at != NULL) {
        wr_buf_char(to, '\\');
        wr_buf_char(to, letter[at - plain]);
    } else if (cp >= 0x10000) {
        put_u(to, 0xd800 + ((cp - 0x10000) >> 10));
        put_u(to, 0xdc00 + ((cp - 0x10000) & 0x3ff));
    } else {
        put_u(to, cp);
    }
}

static bool
is_plain(unsigned char c, const wr_json_opts_t *opts)
{
    if (c < 0x20 || c == '"' || c == '\\') {
        return false;
    }
    if (c >= 0x7f) {
        return !opts->ascii;
    }
    return !opts->html || (c != '<' && c != '>' && c != '&' && c != '\'');
}

void
wr_json_put_str(wr_buf_t *to, wr_str_t s, const wr_json_opts_t *opts)
{
    const char *p = s.p;
    const char *end = s.p + s.n;

    wr_buf_char(to, '"');
    while (p < end) {
        const char *from = p;

        while (p < end && is_plain((unsigned char) *p, opts)) {
            p++;
        }
        wr_buf_add(to, from, (size_t) (p - from));
        if (p < end) {
            put_escape(to, wr_utf8_next(&p, end));
        }
    }
    wr_buf_char(to, '"');
}

/* Separators and indents come from the template, so they need it as well. */
static void
put_raw(json_t *j, wr_str_t s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (j->opts->html && s.p[i] != '\0'
            && strchr("<>&'", s.p[i]) != NULL) {
            put_u(j->to, (unsigned char) s.p[i]);
        } else {
            wr_buf_char(j->to, s.p[i]);
        }
    }
}

/* ---- scalars ---- */

static void
put_float(json_t *j, double d)
{
    if (wr_likely(isfinite(d))) {
        wr_buf_reserve(j->to, 32);
        j->to->n += wr_put_float(j->to->p + j->to->n, d);
    } else if (j->opts->finite) {
        wr_buf_lit(j->to, "null");
    } else if (isnan(d)) {
        wr_buf_lit(j->to, "NaN");
    } else {
        wr_buf_z(j->to, d < 0 ? "-Infinity" : "Infinity");
    }
}

static bool
refuse(json_t *j, const wr_val_t *v)
{
    return wr_raise(j->ev, "TypeError",
                    "Object of type %s is not JSON serializable",
                    wr_type_name(v));
}

static bool
put_key(json_t *j, const wr_val_t *key)
{
    switch ((wr_vtype_t) key->type) {
    case WR_V_STR:
        wr_json_put_str(j->to, wr_val_text(key), j->opts);
        return true;
    case WR_V_NONE:
    case WR_V_BOOL:
    case WR_V_INT:
    case WR_V_FLOAT:
        wr_buf_char(j->to, '"');
        if (!put(j, key)) {
            return false;
        }
        wr_buf_char(j->to, '"');
        return true;
    default:
        return wr_raise(j->ev, "TypeError",
                        "keys must be str, int, float, bool or None, not %s",
                        wr_type_name(key));
    }
}

/* ---- containers ---- */

static bool
enter(json_t *j, const void *c)
{
    for (unsigned i = 0; i < j->depth; i++) {
        if (j->open[i] == c) {
            return wr_raise(j->ev, "ValueError", "Circular reference detected");
        }
    }
    if (j->depth == DEEPEST) {
        return wr_raise(j->ev, "RecursionError", "maximum recursion depth "
                        "exceeded while encoding a JSON object");
    }
    j->open[j->depth++] = c;
    return true;
}

static void
new_line(json_t *j)
{
    if (j->opts->pretty) {
        wr_buf_char(j->to, '\n');
        for (unsigned i = 0; i < j->depth; i++) {
            put_raw(j, j->opts->indent);
        }
    }
}

/* Before the n-th item; and behind the last. */
static void
before_item(json_t *j, uint64_t n)
{
    if (n != 0) {
        put_raw(j, j->item_sep);
    }
    new_line(j);
}

static void
leave(json_t *j, uint64_t n, char close)
{
    j->depth--;
    if (n != 0) {
        new_line(j);
    }
    wr_buf_char(j->to, close);
}

static bool
put_pair(json_t *j, uint64_t n, const wr_val_t *key, const wr_val_t *value)
{
    before_item(j, n);
    if (!put_key(j, key)) {
        return false;
    }
    put_raw(j, j->key_sep);
    return put(j, value);
}

static bool
put_sorted(json_t *j, const wr_dict_t *d)
{
    wr_sort_item_t  *items = wr_alloc(j->ev->pool,
                                      (d->live + 1) * sizeof(wr_sort_item_t));
    wr_dict_entry_t *e;
    uint32_t         n = 0;

    for (uint32_t i = 0; (e = wr_dict_next(d, &i)) != NULL; n++) {
        items[n].key = e->key;
        items[n].at = (uint32_t) (e - d->entries);
    }
    if (!wr_sort(j->ev, items, n, false, wr_less)) {
        return false;
    }
    for (uint32_t i = 0; i < n; i++) {
        e = &d->entries[items[i].at];
        if (!put_pair(j, i, &e->key, &e->value)) {
            return false;
        }
    }
    return true;
}

static bool
put_dict(json_t *j, const wr_dict_t *d)
{
    wr_dict_entry_t *e;
    uint64_t         n = 0;

    if (!enter(j, d)) {
        return false;
    }
    wr_buf_char(j->to, '{');
    if (j->opts->sort && d->live > 1) {
        if (!put_sorted(j, d)) {
            return false;
        }
    } else {
        for (uint32_t i = 0; (e = wr_dict_next(d, &i)) != NULL; n++) {
            if (!put_pair(j, n, &e->key, &e->value)) {
                return false;
            }
        }
    }
    leave(j, d->live, '}');
    return true;
}

static bool
put_list(json_t *j, const wr_list_t *l)
{
    if (!enter(j, l)) {
        return false;
    }
    wr_buf_char(j->to, '[');
    for (uint32_t i = 0; i < l->n; i++) {
        before_item(j, i);
        if (!put(j, &l->items[i])) {
            return false;
        }
    }
    leave(j, l->n, ']');
    return true;
}

static bool
put_items(json_t *j, const wr_val_t *v)
{
    wr_iter_t it;
    wr_val_t  item;
    wr_rc_t   rc;
    uint64_t  n = 0;

    if (!wr_iter(j->ev, v, &it) || !enter(j, v->u.obj)) {
        return false;
    }
    wr_buf_char(j->to, '[');
    for (; (rc = it.next(j->ev, &it, &item)) == WR_OK; n++) {
        before_item(j, n);
        if (!put(j, &item)) {
            return false;
        }
    }
    leave(j, n, ']');
    return rc == WR_DONE;
}

/* A mapping of the host's: its keys, and what each gives. */
static bool
put_mapping(json_t *j, const wr_val_t *v)
{
    wr_iter_t it;
    wr_val_t  key, value;
    wr_rc_t   rc;
    uint64_t  n = 0;

    if (!wr_iter(j->ev, v, &it) || !enter(j, v->u.obj)) {
        return false;
    }
    wr_buf_char(j->to, '{');
    for (; (rc = it.next(j->ev, &it, &key)) == WR_OK; n++) {
        if (!wr_get_item(j->ev, v, &key, &value)
            || !put_pair(j, n, &key, &value)) {
            return false;
        }
    }
    leave(j, n, '}');
    return rc == WR_DONE;
}

static bool
put_object(json_t *j, const wr_val_t *v)
{
    const wr_obj_type_t *type = v->u.obj->type;

    if (type->mapping) {
        return put_mapping(j, v);
    }
    if (type->sequence || (j->opts->any_iterable && wr_is_iterable(v))) {
        return put_items(j, v);
    }
    return refuse(j, v);
}

static bool
put(json_t *j, const wr_val_t *v)
{
    uint64_t room = v->type == WR_V_STR ? v->len : 32;

    if (!wr_spend(j->ev, 1)
        || (j->to->pool != NULL && !wr_may_grow(j->ev, j->to, room))) {
        return false;
    }
    switch ((wr_vtype_t) v->type) {
    case WR_V_NONE:
        wr_buf_lit(j->to, "null");
        return true;
    case WR_V_BOOL:
        wr_buf_z(j->to, v->u.i != 0 ? "true" : "false");
        return true;
    case WR_V_INT:
        wr_buf_int(j->to, v->u.i);
        return true;
    case WR_V_FLOAT:
        put_float(j, v->u.f);
        return true;
    case WR_V_STR:
        wr_json_put_str(j->to, wr_val_text(v), j->opts);
        return true;
    case WR_V_LIST:
    case WR_V_TUPLE:
        return put_list(j, v->u.list);
    case WR_V_DICT:
        return put_dict(j, v->u.dict);
    case WR_V_RANGE:
        return j->opts->any_iterable ? put_items(j, v) : refuse(j, v);
    case WR_V_OBJ:
        return put_object(j, v);
    default:
        return refuse(j, v);
    }
}

bool
wr_json_put(wr_eval_t *ev, wr_buf_t *to, const wr_val_t *v,
            const wr_json_opts_t *opts)
{
    json_t j;

    j.ev = ev;
    j.to = to;
    j.opts = opts;
    j.depth = 0;
    j.item_sep = opts->item_sep.p != NULL ? opts->item_sep
        : opts->pretty ? WR_STR(",") : WR_STR(", ");
    j.key_sep = opts->key_sep.p != NULL ? opts->key_sep : WR_STR(": ");
    return put(&j, v);
}
