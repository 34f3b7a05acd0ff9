/*
 * Filters that lay text out: indent, truncate, wordwrap.
 */
#include "filter_priv.h"

#include <weir/base/utf8.h>
#include <weir/expr/unicode.h>

/* ---- indent ---- */

/* What stands before each line. Also raises the error of Python's `s += "\n"`
 * for what is not text. */
static bool
indention(wr_eval_t *ev, const wr_val_t *s, const wr_val_t *width,
          wr_val_t *out)
{
    wr_val_t space = wr_vstr(WR_STR(" "));
    wr_val_t four = wr_int(4);

    if (wr_given(width) && width->type == WR_V_STR) {
        *out = *width;
    } else if (!wr_op_mul(ev, &space, wr_given(width) ? width : &four, out)) {
        return false;
    }
    switch ((wr_vtype_t) s->type) {
    case WR_V_STR:
        return true;
    case WR_V_UNDEFINED:
        return wr_undef_raise(ev, s);
    case WR_V_LIST:
        return wr_raise(ev, "AttributeError",
                        "'list' object has no attribute 'splitlines'");
    case WR_V_TUPLE:
        return wr_raise(ev, "TypeError", "can only concatenate tuple (not "
                        "\"str\") to tuple");
    default:
        return wr_raise(ev, "TypeError",
                        "unsupported operand type(s) for +=: '%s' and 'str'",
                        wr_type_name(s));
    }
}

WR_FN(wr_filter_indent)
{
    static const wr_sig_t sig = {
        "do_indent", NULL, 1, 4, {"s", "width", "first", "blank"}};
    wr_val_t a[4], by;
    bool     first, blank;
    wr_buf_t b = wr_buf(ev->pool);
    wr_str_t rest, line, prefix;
    bool     ended = false;

    if (!wr_sig_bind(ev, &sig, args, a) || !indention(ev, &a[0], &a[1], &by)
        || !wr_arg_truth(ev, &a[3], false, &blank)
        || !wr_arg_truth(ev, &a[2], false, &first)) {
        return false;
    }
    prefix = wr_val_text(&by);
    rest = wr_val_text(&a[0]);
    if (first) {
        wr_buf_str(&b, prefix);
    }
    for (uint32_t n = 0; wr_next_line(&rest, &line, false); n++) {
        const char *next = rest.p;

        if (!wr_spend(ev, 1)
            || !wr_may_grow(ev, &b, (uint64_t) prefix.n + line.n + 1)) {
            return false;
        }
        if (n != 0) {
            wr_buf_char(&b, '\n');
            if (line.n != 0 || blank) {
                wr_buf_str(&b, prefix);
            }
        }
        wr_buf_str(&b, line);
        ended = next != line.p + line.n;
    }
    if (ended && rest.p[-1] != '\r') {  /* "\r" + "\n" is one end */
        wr_buf_char(&b, '\n');
        if (blank) {
            wr_buf_str(&b, prefix);
        }
    }
    return wr_text_val(ev, &b, (a[0].flags & WR_VF_SAFE) != 0, out);
}

/* ---- truncate ---- */

static bool
no_index(wr_eval_t *ev)
{
    return wr_raise(ev, "TypeError", "slice indices must be integers or None or "
                                     "have an __index__ method");
}

/* Python's `assert v >= least`, in the words of jinja2. */
static bool
assert_least(wr_eval_t *ev, const char *name, const wr_val_t *v, int64_t least)
{
    wr_val_t min = wr_int(least);
    int      cmp;
    wr_buf_t b = wr_buf(ev->pool);

    if (!wr_compare(ev, ">=", v, &min, &cmp)) {
        return false;
    }
    if (cmp == 0 || cmp == 1) {
        return true;
    }
    if (!wr_put_str(ev, &b, v)) {
        return false;
    }
    return wr_raise(ev, "AssertionError", "expected %s >= %" PRId64 ", got %.*s",
                    name, least, WR_ARG(wr_buf_text(&b)));
}

/* The cut text or list, and the end behind it. */
static bool
cut(wr_eval_t *ev, const wr_val_t *s, int64_t keep, bool killwords,
    const wr_val_t *end, wr_val_t *out)
{
    wr_val_t none = wr_none();
    wr_val_t stop = wr_int(keep);
    wr_val_t head;

    if (!wr_get_slice(ev, s, &none, &stop, &none, &head)) {
        return false;
    }
    if (!killwords) {
        ssize_t space;

        if (head.type != WR_V_STR) {
            return wr_no_attribute(ev, &head, WR_STR("rsplit"));
        }
        space = wr_str_rchr(wr_val_text(&head), ' ');
        if (space >= 0) {
            head.len = (uint32_t) space;
        }
    }
    return wr_op_add(ev, &head, end, out);
}

WR_FN(wr_filter_truncate)
{
    static const wr_sig_t sig = {
        "do_truncate", "env", 1, 5,
        {"s", "length", "killwords", "end", "leeway"}};
    wr_val_t a[5], most;
    int64_t  end_length, length, n;
    bool     killwords;
    int      cmp;

    if (!wr_sig_bind(ev, &sig, args, a)) {
        return false;
    }
    if (!wr_given(&a[1])) {
        a[1] = wr_int(255);
    }
    if (!wr_given(&a[3])) {
        a[3] = wr_vstr(WR_STR("..."));
    }
    if (wr_is_none(&a[4]) && !wr_policy(ev, "truncate.leeway", &a[4])) {
        a[4] = wr_int(5);
    }
    if (!wr_length(ev, &a[3], &end_length)
        || !assert_least(ev, "length", &a[1], end_length)
        || !assert_least(ev, "leeway", &a[4], 0)
        || !wr_length(ev, &a[0], &n)
        || !wr_op_add(ev, &a[1], &a[4], &most)) {
        return false;
    }
    wr_val_t count = wr_int(n);

    if (!wr_compare(ev, "<=", &count, &most, &cmp)) {
        return false;
    }
    if (cmp <= 0) {
        *out = a[0];
        return true;
    }
    if (!wr_arg_truth(ev, &a[2], false, &killwords)) {
        return false;
    }
    if (!wr_is_num(&a[1])) {
        return no_index(ev);
    }
    length = a[1].u.i;
    return cut(ev, &a[0], length - end_length, killwords, &a[3], out);
}

/* ---- wordwrap ---- */

/* A line to wrap: its code points, and where each starts in the text. */
typedef struct line {
    const char *text;
    uint32_t   *cps;
    uint32_t   *at;         /* n + 1 of them */
    uint32_t    n;
} line_t;

typedef struct span {
    uint32_t from, to;      /* code points */
} span_t;

typedef struct wrap {
    uint32_t width;
    bool     inexact;       /* the width is a float: no word can be cut there */
    bool     break_long;
    bool     hyphens;       /* a long word breaks behind a hyphen */
    bool     split_hyphens; /* words are split at hyphens */
    line_t   line;
    span_t  *chunks;
    uint32_t nchunks;
} wrap_t;

static bool
is_blank(uint32_t cp)
{
    return cp == ' ' || (cp >= '\t' && cp <= '\r');
}

/* What may stand before a dash between words. */
static bool
is_wordy(uint32_t cp)
{
    return (cp < 0x80 && cp != 0 && strchr("!\"'&.,?", (int) cp) != NULL)
        || wr_uni_word(cp);
}

static bool
is_letter(uint32_t cp)
{
    return wr_uni_word(cp) && wr_uni_decimal(cp) < 0;
}

static void
decode_line(wr_pool_t *pool, wr_str_t text, line_t *l)
{
    const char *p = text.p;
    const char *end = text.p + text.n;

    l->text = text.p;
    l->cps = wr_alloc(pool, (text.n + 1) * sizeof(uint32_t));
    l->at = wr_alloc(pool, (text.n + 1) * sizeof(uint32_t));
    l->n = 0;
    while (p < end) {
        l->at[l->n] = (uint32_t) (p - text.p);
        l->cps[l->n++] = wr_utf8_next(&p, end);
    }
    l->at[l->n] = (uint32_t) text.n;
}

/* Two or more hyphens at `i` and a word character behind them: the end of the
 * hyphens, else 0. */
static uint32_t
dash_at(const line_t *l, uint32_t i)
{
    uint32_t j = i;

    while (j < l->n && l->cps[j] == '-') {
        j++;
    }
    return j - i >= 2 && j < l->n && wr_uni_word(l->cps[j]) ? j : 0;
}

/* True if the hyphen at `i` is inside a compound word that may be broken
 * behind it: letters on both sides, no lone letter in front. */
static bool
breaks_behind(const line_t *l, uint32_t i)
{
    const uint32_t *c = l->cps;
    bool            front;

    if (c[i] != '-') {
        return false;
    }
    front = (i >= 2 && is_letter(c[i - 1]) && is_letter(c[i - 2]))
         || (i >= 3 && is_letter(c[i - 1]) && c[i - 2] == '-'
             && is_letter(c[i - 3]));
    if (!front || i + 2 >= l->n || !is_letter(c[i + 1])) {
        return false;
    }
    return is_letter(c[i + 2])
        || (c[i + 2] == '-' && i + 3 < l->n && is_letter(c[i + 3]));
}

/* Where the chunk that starts at `i` ends. */
static uint32_t
chunk_end(const line_t *l, uint32_t i, bool hyphens)
{
    const uint32_t *c = l->cps;
    uint32_t        j = i;

    if (is_blank(c[i])) {
        while (j < l->n && is_blank(c[j])) {
            j++;
        }
        return j;
    }
    if (hyphens && i > 0 && is_wordy(c[i - 1]) && (j = dash_at(l, i)) != 0) {
        return j;
    }
    for (j = i + 1; j < l->n && !is_blank(c[j]); j++) {
        if (!hyphens || c[j] != '-') {
            continue;
        }
        if (breaks_behind(l, j)) {
            return j + 1;
        }
        if (is_wordy(c[j - 1]) && dash_at(l, j) != 0) {
            return j;
        }
    }
    return j;
}

static void
split_chunks(wr_pool_t *pool, wrap_t *w)
{
    w->chunks = wr_alloc(pool, (w->line.n + 1) * sizeof(span_t));
    w->nchunks = 0;
    for (uint32_t i = 0; i < w->line.n; ) {
        uint32_t end = chunk_end(&w->line, i, w->split_hyphens);

        w->chunks[w->nchunks++] = (span_t) {i, end};
        i = end;
    }
}

/* True if str.strip() would leave nothing of it. */
static bool
is_space(const line_t *l, span_t s)
{
    for (uint32_t i = s.from; i < s.to; i++) {
        if (!wr_uni_space(l->cps[i])) {
            return false;
        }
    }
    return true;
}

/* How much of a word that is longer than a line goes on this one. */
static uint32_t
break_word(const wrap_t *w, span_t word, uint32_t room)
{
    const uint32_t *c = w->line.cps;
    bool            other = false;
    uint32_t        best = 0;

    if (!w->hyphens || word.to - word.from <= room) {
        return room;
    }
    for (uint32_t i = 0; i < room; i++) {
        if (c[word.from + i] != '-') {
            other = true;
        } else if (other) {
            best = i + 1;
        } else {
            best = 0;
        }
    }
    return best != 0 ? best : room;
}

static void
add_line(wr_eval_t *ev, wr_list_t *lines, const line_t *l, uint32_t from,
         uint32_t to)
{
    wr_list_push(ev->pool, lines,
                 wr_vstr(wr_str(l->text + l->at[from], l->at[to] - l->at[from])));
}

/* The chunks of one line in lines of at most `width`. Spaces at a break are
 * dropped, and so are they at the end. */
static bool
wrap_chunks(wr_eval_t *ev, wrap_t *w, wr_list_t *lines)
{
    const line_t *l = &w->line;
    bool          begun = false;
    uint32_t      i = 0;

    while (i < w->nchunks) {
        uint32_t first, length = 0;
        span_t   last = {0, 0};
        bool     any = false;

        if (begun && is_space(l, w->chunks[i])) {
            i++;
        }
        first = i < w->nchunks ? w->chunks[i].from : l->n;
        while (i < w->nchunks
               && length + w->chunks[i].to - w->chunks[i].from <= w->width) {
            last = w->chunks[i++];
            length += last.to - last.from;
            any = true;
        }
        if (i < w->nchunks && w->chunks[i].to - w->chunks[i].from > w->width) {
            if (w->break_long && w->inexact) {
                return no_index(ev);
            }
            if (w->break_long) {
                uint32_t n = break_word(w, w->chunks[i], w->width - length);

                last = (span_t) {w->chunks[i].from, w->chunks[i].from + n};
                w->chunks[i].from += n;
                any = true;
            } else if (!any) {
                last = w->chunks[i++];
                any = true;
            }
        }
        if (any && is_space(l, last)) {
            last.to = last.from;
            any = last.to > first;
        }
        if (any) {
            add_line(ev, lines, l, first, last.to);
            begun = true;
        }
    }
    return true;
}

/* The width as Python's textwrap takes it: under 1 there is still room for one. */
static bool
wrap_width(wr_eval_t *ev, const wr_val_t *v, wrap_t *w)
{
    wr_val_t zero = wr_int(0);
    wr_buf_t b = wr_buf(ev->pool);
    int      cmp;

    w->inexact = false;
    if (!wr_given(v)) {
        w->width = 79;
        return true;
    }
    if (!wr_compare(ev, "<=", v, &zero, &cmp)) {
        return false;
    }
    if (cmp <= 0) {
        return wr_put_repr(ev, &b, v)
            && wr_raise(ev, "ValueError", "invalid width %.*s (must be > 0)",
                        WR_ARG(wr_buf_text(&b)));
    }
    if (v->type == WR_V_FLOAT) {
        w->inexact = v->u.f >= 1;
        w->width = !w->inexact        ? 1
                   : v->u.f < 1e9 ? (uint32_t) v->u.f
                                  : 1000000000;
    } else {
        w->width = v->u.i < 1000000000 ? (uint32_t) v->u.i : 1000000000;
    }
    return true;
}

static bool
join_lines(wr_eval_t *ev, wr_list_t *lines, const wr_val_t *with, wr_val_t *out)
{
    wr_buf_t b = wr_buf(ev->pool);
    wr_val_t list = wr_vlist(lines);
    wr_str_t sep;

    if (!wr_is_none(with)
        && (with->type != WR_V_STR || (with->flags & WR_VF_SAFE) != 0)) {
        return wr_call_method(ev, with, "join", &list, 1, out);
    }
    sep = wr_is_none(with) ? wr_env_newline(ev) : wr_val_text(with);
    for (uint32_t i = 0; i < lines->n; i++) {
        if (!wr_spend(ev, 1)
            || !wr_may_grow(ev, &b, (uint64_t) sep.n + lines->items[i].len)) {
            return false;
        }
        wr_buf_str(&b, i != 0 ? sep : WR_STR(""));
        wr_buf_str(&b, wr_val_text(&lines->items[i]));
    }
    return wr_text_val(ev, &b, false, out);
}

WR_FN(wr_filter_wordwrap)
{
    static const wr_sig_t sig = {
        "do_wordwrap", "environment", 1, 5,
        {"s", "width", "break_long_words", "wrapstring", "break_on_hyphens"}};
    wr_val_t   a[5];
    wrap_t     w;
    wr_str_t   rest, line;
    wr_list_t *lines;

    if (!wr_sig_bind(ev, &sig, args, a)) {
        return false;
    }
    if (a[0].type != WR_V_STR) {
        return a[0].type == WR_V_UNDEFINED
            ? wr_undef_raise(ev, &a[0])
            : wr_no_attribute(ev, &a[0], WR_STR("splitlines"));
    }
    if (!wr_arg_truth(ev, &a[2], true, &w.break_long)
        || !wr_arg_truth(ev, &a[4], true, &w.hyphens)) {
        return false;
    }
    w.split_hyphens = !wr_given(&a[4])
        || (a[4].type == WR_V_BOOL && a[4].u.i != 0);
    lines = wr_list_new(ev->pool, 8);
    rest = wr_val_text(&a[0]);
    while (wr_next_line(&rest, &line, false)) {
        uint32_t before = lines->n;

        if (!wrap_width(ev, &a[1], &w)) {
            return false;
        }
        if (!wr_spend(ev, 1) || !wr_may_take(ev, 24 * (uint64_t) line.n)) {
            return false;
        }
        decode_line(ev->pool, line, &w.line);
        split_chunks(ev->pool, &w);
        if (!wrap_chunks(ev, &w, lines)) {
            return false;
        }
        if (lines->n == before) {
            wr_list_push(ev->pool, lines, wr_vstr(WR_STR("")));
        }
    }
    return join_lines(ev, lines, &a[3], out);
}
