/*
 * Items by index, and slices.
 */
#include <weir/expr/slice.h>
#include <weir/expr/val_priv.h>

static bool
is_missing(const wr_val_t *v)
{
    return v == NULL || v->type == WR_V_NONE;
}

static int64_t
clip(int64_t i, int64_t n, bool backwards)
{
    if (i < 0) {
        i += n;
        if (i < 0) {
            return backwards ? -1 : 0;
        }
    }
    if (i >= n) {
        return backwards ? n - 1 : n;
    }
    return i;
}

bool
wr_slice_span(wr_eval_t *ev, int64_t n, const wr_val_t *start,
              const wr_val_t *stop, const wr_val_t *step, wr_span_t *span)
{
    bool backwards;

    if ((!is_missing(start) && !wr_is_int(start))
        || (!is_missing(stop) && !wr_is_int(stop))
        || (!is_missing(step) && !wr_is_int(step)))
    {
        return false;
    }
    span->step = is_missing(step) ? 1 : step->u.i;
    if (span->step == 0) {
        return wr_raise(ev, "ValueError", "slice step cannot be zero");
    }
    if (span->step < -INT64_MAX) {
        span->step = -INT64_MAX;
    }
    backwards = span->step < 0;
    span->start = is_missing(start) ? (backwards ? n - 1 : 0)
                                    : clip(start->u.i, n, backwards);
    span->stop = is_missing(stop) ? (backwards ? -1 : n)
                                  : clip(stop->u.i, n, backwards);
    span->n = 0;
    if (backwards && span->stop < span->start) {
        span->n = (span->start - span->stop - 1) / -span->step + 1;
    } else if (!backwards && span->start < span->stop) {
        span->n = (span->stop - span->start - 1) / span->step + 1;
    }
    return true;
}

static bool
slice_list(wr_eval_t *ev, const wr_val_t *v, const wr_span_t *s, wr_val_t *out)
{
    wr_list_t *l = wr_list_try(ev, (uint64_t) s->n);
    int64_t    at = s->start;

    if (l == NULL) {
        return false;
    }
    if (s->step == 1 && s->n != 0) {
        memcpy(l->items, v->u.list->items + s->start,
               sizeof(wr_val_t) * (size_t) s->n);
    } else {
        for (int64_t i = 0; i < s->n; i++) {
            l->items[i] = v->u.list->items[at];
            at = (int64_t) ((uint64_t) at + (uint64_t) s->step);
        }
    }
    l->n = (uint32_t) s->n;
    *out = v->type == WR_V_TUPLE ? wr_vtuple(l) : wr_vlist(l);
    return true;
}

/* One byte is one item. */
static bool
slice_bytes(wr_eval_t *ev, const wr_val_t *v, const wr_span_t *s,
            wr_val_t *out)
{
    int64_t at = s->start;
    char   *p;

    if (s->step == 1 || s->n == 0) {
        size_t from = s->n == 0 ? 0 : (size_t) s->start;

        *out = wr_str_part(v, from, from + (size_t) s->n);
        return true;
    }
    p = wr_text_room(ev, (uint64_t) s->n);
    if (p == NULL) {
        return false;
    }
    for (int64_t i = 0; i < s->n; i++) {
        p[i] = v->u.s[at];
        at = (int64_t) ((uint64_t) at + (uint64_t) s->step);
    }
    *out = *v;
    out->u.s = p;
    out->len = (uint32_t) s->n;
    return true;
}

/* Code points, going forwards. */
static char *
pick_forwards(char *to, const wr_val_t *v, const wr_span_t *s)
{
    wr_str_t text = wr_val_text(v);
    size_t   at = wr_utf8_offset(text, (size_t) s->start);

    for (int64_t i = 0; i < s->n; i++) {
        unsigned n = wr_utf8_len(text.p[at]);

        memcpy(to, text.p + at, n);
        to += n;
        if (i + 1 < s->n) {
            at += wr_utf8_offset(wr_str_skip(text, at), (size_t) s->step);
        }
    }
    return to;
}

static char *
pick_backwards(char *to, const wr_val_t *v, const wr_span_t *s)
{
    wr_str_t    text = wr_val_text(v);
    const char *p = text.p + wr_utf8_offset(text, (size_t) s->start);

    for (int64_t i = 0; i < s->n; i++) {
        unsigned n = wr_utf8_len(*p);

        memcpy(to, p, n);
        to += n;
        for (int64_t k = 0; k > s->step && i + 1 < s->n; k--) {
            wr_utf8_prev(text.p, &p);
        }
    }
    return to;
}

static bool
slice_points(wr_eval_t *ev, const wr_val_t *v, const wr_span_t *s,
             wr_val_t *out)
{
    wr_str_t text = wr_val_text(v);
    char    *p;
    char    *end;

    if (s->n == 0) {
        *out = wr_str_part(v, 0, 0);
        return true;
    }
    if (s->step == 1) {
        size_t from = wr_utf8_offset(text, (size_t) s->start);
        size_t n = wr_utf8_offset(wr_str_skip(text, from), (size_t) s->n);

        *out = wr_str_part(v, from, from + n);
        return true;
    }
    p = wr_text_room(ev, v->len);
    if (p == NULL) {
        return false;
    }
    end = s->step > 0 ? pick_forwards(p, v, s) : pick_backwards(p, v, s);
    *out = *v;
    out->u.s = p;
    out->len = (uint32_t) (end - p);
    return true;
}

static wr_val_t
slice_range(wr_eval_t *ev, const wr_range_t *r, const wr_span_t *s)
{
    /* Wrapping arithmetic: the ends may lie one step outside of int64. */
    uint64_t step = (uint64_t) r->step;

    return wr_vrange(
        ev->pool, (int64_t) ((uint64_t) r->start + (uint64_t) s->start * step),
        (int64_t) ((uint64_t) r->start + (uint64_t) s->stop * step),
        (int64_t) (step * (uint64_t) s->step));
}

static bool
slice_of(wr_eval_t *ev, const wr_val_t *v, const wr_val_t *start,
         const wr_val_t *stop, const wr_val_t *step, wr_val_t *out)
{
    wr_span_t span;
    int64_t   n;

    if (!wr_length(ev, v, &n)
        || !wr_slice_span(ev, n, start, stop, step, &span))
    {
        return false;
    }
    out->aux = 0;
    switch ((wr_vtype_t) v->type) {
    case WR_V_LIST:
    case WR_V_TUPLE:
        return slice_list(ev, v, &span, out);
    case WR_V_STR:
        return n == (int64_t) v->len ? slice_bytes(ev, v, &span, out)
                                     : slice_points(ev, v, &span, out);
    case WR_V_BYTES:
        return slice_bytes(ev, v, &span, out);
    default:
        *out = slice_range(ev, v->u.range, &span);
        return true;
    }
}

/* What Jinja2 calls the key of a slice that does not work. */
static bool
undef_slice(wr_eval_t *ev, const wr_val_t *v, const wr_val_t *start,
            const wr_val_t *stop, const wr_val_t *step, wr_val_t *out)
{
    wr_val_t none = wr_none();
    wr_val_t key = wr_slice_val(ev, start != NULL ? start : &none,
                                stop != NULL ? stop : &none,
                                step != NULL ? step : &none);

    *out = wr_undef_item(ev, v, &key);
    return true;
}

bool
wr_get_slice(wr_eval_t *ev, const wr_val_t *v, const wr_val_t *start,
             const wr_val_t *stop, const wr_val_t *step, wr_val_t *out)
{
    switch ((wr_vtype_t) v->type) {
    case WR_V_UNDEFINED:
        if (wr_undef_kind(ev, v) == WR_UNDEF_CHAINABLE) {
            *out = *v;
            return true;
        }
        return wr_undef_raise(ev, v);
    case WR_V_STR:
    case WR_V_BYTES:
    case WR_V_LIST:
    case WR_V_TUPLE:
    case WR_V_RANGE:
        if (slice_of(ev, v, start, stop, step, out)) {
            return true;
        }
        break;
    case WR_V_OBJ:
        if (v->u.obj->type->slice != NULL
            && v->u.obj->type->slice(ev, v->u.obj, start, stop, step, out))
        {
            return true;
        }
        break;
    default:
        break;
    }
    return !ev->failed && undef_slice(ev, v, start, stop, step, out);
}

bool
wr_index(wr_eval_t *ev, const wr_val_t *v, int64_t i, wr_val_t *out)
{
    wr_str_t text;
    int64_t  n;
    size_t   at;

    if (!wr_length(ev, v, &n)) {
        return false;
    }
    if (i < 0) {
        i += n;
    }
    if (i < 0 || i >= n) {
        return false;
    }
    switch ((wr_vtype_t) v->type) {
    case WR_V_LIST:
    case WR_V_TUPLE:
        *out = v->u.list->items[i];
        return true;
    case WR_V_RANGE:
        *out = wr_int((int64_t) ((uint64_t) v->u.range->start
                                 + (uint64_t) i
                                       * (uint64_t) v->u.range->step));
        return true;
    case WR_V_BYTES:
        *out = wr_int((unsigned char) v->u.s[i]);
        return true;
    default:
        break;
    }
    text = wr_val_text(v);
    at = n == (int64_t) v->len ? (size_t) i : wr_utf8_offset(text, (size_t) i);
    *out = wr_str_part(v, at, at + wr_utf8_len(text.p[at]));
    return true;
}

/* ---- slice objects: only ever seen in messages ---- */

typedef struct slice {
    wr_obj_t obj;
    wr_val_t part[3];
} slice_t;

static bool
slice_repr(wr_eval_t *ev, wr_obj_t *o, wr_buf_t *to)
{
    const slice_t *s = (const slice_t *) o;

    wr_buf_lit(to, "slice(");
    for (int i = 0; i < 3; i++) {
        if (i != 0) {
            wr_buf_lit(to, ", ");
        }
        if (!wr_put_repr(ev, to, &s->part[i])) {
            return false;
        }
    }
    wr_buf_char(to, ')');
    return true;
}

static const wr_obj_type_t slice_type = {.name = "slice", .repr = slice_repr};

wr_val_t
wr_slice_val(wr_eval_t *ev, const wr_val_t *start, const wr_val_t *stop,
             const wr_val_t *step)
{
    slice_t *s = WR_NEW(ev->pool, slice_t);

    s->obj.type = &slice_type;
    s->part[0] = *start;
    s->part[1] = *stop;
    s->part[2] = *step;
    return wr_vobj(&s->obj);
}
