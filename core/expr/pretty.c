/*
 * Pretty printing. A value is tried on one line (one_line); what does not fit is
 * laid out by its type, each part being tried again with what room is left.
 * `allowance` is what brackets and commas behind the value will take.
 */
#include <weir/expr/pretty.h>

#include <weir/base/utf8.h>
#include <weir/expr/sort.h>
#include <weir/expr/unicode.h>

#include "filter_priv.h"

enum { WIDTH = 80, DEEPEST = 200 };

typedef struct pretty {
    wr_eval_t              *ev;
    wr_buf_t               *to;
    const wr_pretty_opts_t *opts;
    const void             *open[DEEPEST];  /* containers that we are inside */
    unsigned                nopen;
} pretty_t;

static bool layout(pretty_t *p, const wr_val_t *v, int indent, int allowance,
                   unsigned level);

/* ---- on one line ---- */

static const void *
container(const wr_val_t *v)
{
    if (v->type == WR_V_DICT) {
        return v->u.dict->live != 0 ? v->u.dict : NULL;
    }
    if (v->type == WR_V_LIST
        || (v->type == WR_V_TUPLE && (v->flags & WR_VF_GROUP) == 0)) {
        return v->u.list->n != 0 ? v->u.list : NULL;
    }
    return NULL;
}

static bool
is_open(const pretty_t *p, const void *c)
{
    for (unsigned i = 0; i < p->nopen; i++) {
        if (p->open[i] == c) {
            return true;
        }
    }
    return p->nopen == DEEPEST;
}

/* `<` of keys; those that Python cannot order go by the name of their type. */
static bool
less_key(wr_eval_t *ev, const wr_val_t *a, const wr_val_t *b, bool *less)
{
    wr_err_t err = ev->err;

    if (wr_less(ev, a, b, less)) {
        return true;
    }
    ev->failed = false;
    ev->err = err;
    *less = strcmp(wr_type_name(a), wr_type_name(b)) < 0;
    return true;
}

static bool one_line(pretty_t *p, wr_buf_t *b, const wr_val_t *v,
                     unsigned level);

static bool
one_line_dict(pretty_t *p, wr_buf_t *b, const wr_dict_t *d, unsigned level)
{
    wr_sort_item_t *items = wr_sort_entries(p->ev, d, less_key);
    uint32_t        n = d->live;

    if (items == NULL) {
        return false;
    }
    wr_buf_char(b, '{');
    for (uint32_t i = 0; i < n; i++) {
        const wr_dict_entry_t *e = &d->entries[items[i].at];

        if (i != 0) {
            wr_buf_lit(b, ", ");
        }
        if (!one_line(p, b, &e->key, level)) {
            return false;
        }
        wr_buf_lit(b, ": ");
        if (!one_line(p, b, &e->value, level)) {
            return false;
        }
    }
    wr_buf_char(b, '}');
    return true;
}

static bool
one_line_list(pretty_t *p, wr_buf_t *b, const wr_val_t *v, unsigned level)
{
    const wr_list_t *l = v->u.list;
    bool             tuple = v->type == WR_V_TUPLE;

    wr_buf_char(b, tuple ? '(' : '[');
    for (uint32_t i = 0; i < l->n; i++) {
        if (i != 0) {
            wr_buf_lit(b, ", ");
        }
        if (!one_line(p, b, &l->items[i], level)) {
            return false;
        }
    }
    wr_buf_z(b, tuple ? (l->n == 1 ? ",)" : ")") : "]");
    return true;
}

static bool
one_line(pretty_t *p, wr_buf_t *b, const wr_val_t *v, unsigned level)
{
    const void *c = container(v);
    bool        ok;

    if (!wr_spend(p->ev, 1)
        || !wr_may_grow(p->ev, b, v->type == WR_V_STR ? v->len : 32)) {
        return false;
    }
    if (c == NULL) {
        return wr_put_repr(p->ev, b, v);
    }
    if (p->opts->depth != 0 && level >= p->opts->depth) {
        wr_buf_z(b, v->type == WR_V_DICT ? "{...}"
                    : v->type == WR_V_LIST ? "[...]"
                    : v->u.list->n == 1 ? "(...,)" : "(...)");
        return true;
    }
    if (is_open(p, c)) {
        wr_buf_printf(b, "<Recursion on %s with id=%p>", wr_type_name(v), c);
        return true;
    }
    p->open[p->nopen++] = c;
    ok = v->type == WR_V_DICT ? one_line_dict(p, b, v->u.dict, level + 1)
                              : one_line_list(p, b, v, level + 1);
    p->nopen--;
    return ok;
}

/* ---- on several ---- */

static void
new_line(pretty_t *p, int indent)
{
    wr_buf_char(p->to, '\n');
    wr_buf_fill(p->to, ' ', (size_t) indent);
}

static bool
layout_dict(pretty_t *p, const wr_dict_t *d, int indent, int allowance,
            unsigned level)
{
    wr_sort_item_t *items = wr_sort_entries(p->ev, d, less_key);
    uint32_t        n = d->live;

    if (items == NULL) {
        return false;
    }
    indent++;
    wr_buf_char(p->to, '{');
    for (uint32_t i = 0; i < n; i++) {
        const wr_dict_entry_t *e = &d->entries[items[i].at];
        wr_buf_t key = wr_buf(p->ev->pool);

        if (i != 0) {
            wr_buf_char(p->to, ',');
            new_line(p, indent);
        }
        if (!one_line(p, &key, &e->key, level)) {
            return false;
        }
        wr_buf_str(p->to, wr_buf_text(&key));
        wr_buf_lit(p->to, ": ");
        if (!layout(p, &e->value,
                    indent + (int) wr_utf8_count(wr_buf_text(&key)) + 2,
                    i == n - 1 ? allowance + 1 : 1, level)) {
            return false;
        }
    }
    wr_buf_char(p->to, '}');
    return true;
}

/* What stands between the items of a list. */
static void
separate(pretty_t *p, uint32_t i, bool own_line, int indent)
{
    if (own_line) {
        wr_buf_char(p->to, ',');
        new_line(p, indent);
    } else if (i != 0) {
        wr_buf_lit(p->to, ", ");
    }
}

static bool
layout_list(pretty_t *p, const wr_val_t *v, int indent, int allowance,
            unsigned level)
{
    const wr_list_t *l = v->u.list;
    bool             tuple = v->type == WR_V_TUPLE;
    const char      *close = tuple ? (l->n == 1 ? ",)" : ")") : "]";
    int              most, width;
    bool             tall = false;  /* the item before took lines */

    allowance += (int) strlen(close);
    indent++;
    most = width = WIDTH - indent + 1;
    wr_buf_char(p->to, tuple ? '(' : '[');
    for (uint32_t i = 0; i < l->n; i++) {
        bool last = i == l->n - 1;
        bool own_line = i != 0;     /* what stands before the item */

        if (last) {
            most -= allowance;
            width -= allowance;
        }
        if (p->opts->compact) {
            wr_buf_t line = wr_buf(p->ev->pool);
            int      w;

            if (!one_line(p, &line, &l->items[i], level)) {
                return false;
            }
            w = (int) wr_utf8_count(wr_buf_text(&line)) + 2;
            own_line = i != 0 && (width < w || tall);
            width = width < w ? most : width;
            if (width >= w) {
                width -= w;
                separate(p, i, own_line, indent);
                wr_buf_str(p->to, wr_buf_text(&line));
                tall = false;
                continue;
            }
        }
        separate(p, i, own_line, indent);
        tall = true;
        if (!layout(p, &l->items[i], indent, last ? allowance : 1, level)) {
            return false;
        }
    }
    wr_buf_z(p->to, close);
    return true;
}

/* ---- long text ---- */

typedef struct pieces {
    pretty_t *p;
    wr_buf_t  out;      /* what is written if there is more than one */
    uint32_t  n;
    int       indent;
} pieces_t;

static bool
repr_of(pretty_t *p, wr_str_t s, wr_buf_t *b)
{
    wr_val_t v = wr_vstr(s);

    return wr_put_repr(p->ev, b, &v);
}

/* -1 if it failed. */
static int
repr_width(pretty_t *p, wr_str_t s)
{
    wr_buf_t b = wr_buf(p->ev->pool);

    return repr_of(p, s, &b) ? (int) wr_utf8_count(wr_buf_text(&b)) : -1;
}

static bool
add_piece(pieces_t *c, wr_str_t s)
{
    if (c->n++ != 0) {
        wr_buf_char(&c->out, '\n');
        wr_buf_fill(&c->out, ' ', (size_t) c->indent);
    }
    return repr_of(c->p, s, &c->out);
}

/* Takes the next word with the white space behind it. */
static wr_str_t
next_word(wr_str_t *rest)
{
    const char *p = rest->p;
    const char *end = rest->p + rest->n;
    wr_str_t    word;
    bool        space = false;

    while (p < end) {
        const char *at = p;
        bool        is = wr_uni_space(wr_utf8_next(&p, end));

        if (space && !is) {
            p = at;
            break;
        }
        space = is;
    }
    word = wr_str(rest->p, (size_t) (p - rest->p));
    *rest = wr_str_skip(*rest, word.n);
    return word;
}

/* A line that is too long, in pieces of whole words. */
static bool
split_line(pieces_t *c, wr_str_t line, int width, int last_width)
{
    wr_str_t rest = line;
    wr_str_t current = wr_str_sub(line, 0, 0);

    while (rest.n != 0) {
        wr_str_t word = next_word(&rest);
        wr_str_t both = wr_str(current.p, current.n + word.n);
        int      w = repr_width(c->p, both);

        if (w < 0) {
            return false;
        }
        if (w > (rest.n == 0 ? last_width : width)) {
            if (current.n != 0 && !add_piece(c, current)) {
                return false;
            }
            current = word;
        } else {
            current = both;
        }
    }
    return current.n == 0 || add_piece(c, current);
}

static bool
layout_str(pretty_t *p, const wr_val_t *v, int indent, int allowance,
           unsigned level)
{
    bool     alone = level == 1;
    pieces_t c = {.p = p, .out = wr_buf(p->ev->pool)};
    wr_str_t rest = wr_val_text(v);
    wr_str_t line;
    int      width;

    indent += alone;
    allowance += alone;
    c.indent = indent;
    width = WIDTH - indent;
    while (wr_next_line(&rest, &line, true)) {
        bool last = rest.n == 0;
        int  w = repr_width(p, line);

        if (w < 0) {
            return false;
        }
        if (w <= (last ? width - allowance : width)) {
            if (!add_piece(&c, line)) {
                return false;
            }
        } else if (!split_line(&c, line, width,
                               last ? width - allowance : width)) {
            return false;
        }
    }
    wr_buf_z(p->to, alone && c.n > 1 ? "(" : "");
    wr_buf_str(p->to, wr_buf_text(&c.out));
    wr_buf_z(p->to, alone && c.n > 1 ? ")" : "");
    return true;
}

static bool
layout(pretty_t *p, const wr_val_t *v, int indent, int allowance,
       unsigned level)
{
    wr_buf_t    line = wr_buf(p->ev->pool);
    const void *c = container(v);
    bool        ok;

    if (!one_line(p, &line, v, level)) {
        return false;
    }
    if ((int) wr_utf8_count(wr_buf_text(&line)) > WIDTH - indent - allowance) {
        if (v->type == WR_V_STR && (v->flags & WR_VF_SAFE) == 0 && v->len != 0) {
            return layout_str(p, v, indent, allowance, level + 1);
        }
        if (c != NULL && !is_open(p, c)) {
            p->open[p->nopen++] = c;
            ok = v->type == WR_V_DICT
                ? layout_dict(p, v->u.dict, indent, allowance, level + 1)
                : layout_list(p, v, indent, allowance, level + 1);
            p->nopen--;
            return ok;
        }
    }
    wr_buf_str(p->to, wr_buf_text(&line));
    return true;
}

bool
wr_pretty(wr_eval_t *ev, wr_buf_t *to, const wr_val_t *v,
          const wr_pretty_opts_t *opts)
{
    pretty_t p = {.ev = ev, .to = to, .opts = opts};

    return layout(&p, v, 0, 0, 0);
}
