/*
 * str() and repr(), written straight to the output.
 */
#include <weir/expr/budget.h>
#include <weir/expr/dunder.h>
#include <weir/expr/markup.h>
#include <weir/expr/unicode.h>
#include <weir/expr/val_priv.h>

/* A container that is being printed; its insides that hold it again print as
 * "[...]". */
typedef struct frame {
    const void         *container;
    const struct frame *outer;
} frame_t;

static bool
is_printing(const wr_eval_t *ev, const void *container)
{
    for (const frame_t *f = ev->printing; f != NULL; f = f->outer) {
        if (f->container == container) {
            return true;
        }
    }
    return false;
}

static bool
enter(wr_eval_t *ev, frame_t *f, const void *container)
{
    if (!wr_nest_enter(ev, " while getting the repr of an object")) {
        return false;
    }
    *f = (frame_t) {container, ev->printing};
    ev->printing = f;
    return true;
}

static void
leave(wr_eval_t *ev, const frame_t *f)
{
    ev->printing = f->outer;
    wr_nest_leave(ev);
}

static inline void
put_float(wr_buf_t *to, double f)
{
    to->n += wr_put_float(wr_buf_reserve(to, 32), f);
}

/* ---- str ---- */

static void
put_escape(wr_buf_t *to, uint32_t cp)
{
    if (cp < 0x100) {
        wr_buf_printf(to, "\\x%02x", cp);
    } else if (cp < 0x10000) {
        wr_buf_printf(to, "\\u%04x", cp);
    } else {
        wr_buf_printf(to, "\\U%08x", cp);
    }
}

static void
put_point(wr_buf_t *to, const char *p, size_t n, uint32_t cp, char quote)
{
    if (cp == (unsigned char) quote || cp == '\\') {
        wr_buf_char(to, '\\');
        wr_buf_char(to, (char) cp);
    } else if (cp == '\n') {
        wr_buf_lit(to, "\\n");
    } else if (cp == '\r') {
        wr_buf_lit(to, "\\r");
    } else if (cp == '\t') {
        wr_buf_lit(to, "\\t");
    } else if (cp >= 0x20 && (cp < 0x7f || (cp > 0x7f && wr_uni_printable(cp)))) {
        wr_buf_add(to, p, n);
    } else {
        put_escape(to, cp);
    }
}

static inline bool
is_plain(char c)
{
    return c >= 0x20 && c < 0x7f && c != '\'' && c != '\\';
}

void
wr_put_str_repr(wr_buf_t *to, wr_str_t s)
{
    const char *p = s.p;
    const char *end = s.p + s.n;
    char        quote = '\'';

    if (wr_str_chr(s, '\'') >= 0 && wr_str_chr(s, '"') < 0) {
        quote = '"';
    }
    wr_buf_char(to, quote);
    while (p < end) {
        const char *run = p;
        uint32_t    cp;

        while (p < end && is_plain(*p)) {
            p++;
        }
        wr_buf_add(to, run, (size_t) (p - run));
        if (p == end) {
            break;
        }
        run = p;
        cp = wr_utf8_next(&p, end);
        put_point(to, run, (size_t) (p - run), cp, quote);
    }
    wr_buf_char(to, quote);
}

void
wr_put_bytes_repr(wr_buf_t *to, wr_str_t s)
{
    char quote = '\'';

    if (wr_str_chr(s, '\'') >= 0 && wr_str_chr(s, '"') < 0) {
        quote = '"';
    }
    wr_buf_char(to, 'b');
    wr_buf_char(to, quote);
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char) s.p[i];

        put_point(to, s.p + i, 1, c < 0x80 ? c : 0, quote);
        if (c >= 0x80) {
            to->n -= 2;
            wr_buf_printf(to, "%02x", c);
        }
    }
    wr_buf_char(to, quote);
}

/* ---- containers ---- */

static bool
put_items(wr_eval_t *ev, wr_buf_t *to, const wr_val_t *v)
{
    const wr_list_t *l = v->u.list;
    bool             tuple = v->type == WR_V_TUPLE;
    bool             ok = true;
    frame_t          f;

    if (is_printing(ev, l)) {
        wr_buf_z(to, tuple ? "(...)" : "[...]");
        return true;
    }
    if (!enter(ev, &f, l)) {
        return false;
    }
    wr_buf_char(to, tuple ? '(' : '[');
    for (uint32_t i = 0; ok && i < l->n; i++) {
        if (i != 0) {
            wr_buf_lit(to, ", ");
        }
        ok = wr_put_repr(ev, to, &l->items[i]);
    }
    if (tuple && l->n == 1) {
        wr_buf_char(to, ',');
    }
    wr_buf_char(to, tuple ? ')' : ']');
    leave(ev, &f);
    return ok;
}

static bool
put_dict(wr_eval_t *ev, wr_buf_t *to, const wr_dict_t *d)
{
    const wr_dict_entry_t *e;
    uint32_t               i = 0;
    bool                   ok = true;
    bool                   first = true;
    frame_t                f;

    if (is_printing(ev, d)) {
        wr_buf_lit(to, "{...}");
        return true;
    }
    if (!enter(ev, &f, d)) {
        return false;
    }
    wr_buf_char(to, '{');
    while (ok && (e = wr_dict_next(d, &i)) != NULL) {
        if (!first) {
            wr_buf_lit(to, ", ");
        }
        first = false;
        ok = wr_put_repr(ev, to, &e->key);
        wr_buf_lit(to, ": ");
        ok = ok && wr_put_repr(ev, to, &e->value);
    }
    wr_buf_char(to, '}');
    leave(ev, &f);
    return ok;
}

static void
put_range(wr_buf_t *to, const wr_range_t *r)
{
    wr_buf_lit(to, "range(");
    wr_buf_int(to, r->start);
    wr_buf_lit(to, ", ");
    wr_buf_int(to, r->stop);
    if (r->step != 1) {
        wr_buf_lit(to, ", ");
        wr_buf_int(to, r->step);
    }
    wr_buf_char(to, ')');
}

/* A bound method that is written in Python there, by its class and its owner. */
static bool
put_method(wr_eval_t *ev, wr_buf_t *to, const wr_func_t *f)
{
    static const char *const wraps[] = {
        "capitalize", "center", "expandtabs", "ljust", "lower", "lstrip",
        "replace", "rjust", "rstrip", "strip", "swapcase", "title",
        "translate", "upper", "zfill",
    };
    const char *class = wr_type_name(&f->self);
    bool        ok = true;

    for (size_t i = 0; i < WR_COUNT(wraps) && wr_is_str(&f->self); i++) {
        if (strcmp(wraps[i], f->name) == 0) {
            class = "str";
        }
    }
    wr_buf_printf(to, "<bound method %s.%s of ", class, f->name);
    if (wr_is_str(&f->self) && strcmp(f->name, "escape") == 0) {
        wr_buf_lit(to, "<class 'markupsafe.Markup'>");
    } else {
        ok = wr_put_repr(ev, to, &f->self);
    }
    wr_buf_char(to, '>');
    return ok;
}

static bool
put_func(wr_eval_t *ev, wr_buf_t *to, const wr_func_t *f)
{
    const char *class = wr_func_class(f);

    if (class != NULL) {
        wr_buf_printf(to, "<class '%s'>", class);
    } else if (f->self.type == WR_V_UNDEFINED) {
        wr_buf_printf(to, "<function %s at 0x%" PRIxPTR ">", f->name,
                      (uintptr_t) f);
    } else if (ev->sandbox != 0 && wr_is_str(&f->self)
               && strncmp(f->name, "format", 6) == 0)
    {
        /* the sandbox puts a function of its own around it */
        wr_buf_printf(to, "<function %s.%s at 0x%" PRIxPTR ">",
                      wr_type_name(&f->self), f->name, (uintptr_t) f);
    } else if (wr_func_is_python(f)) {
        return put_method(ev, to, f);
    } else {
        wr_buf_printf(to, "<built-in method %s of %s object at 0x%" PRIxPTR ">",
                      f->name, wr_type_name(&f->self), (uintptr_t) f);
    }
    return true;
}

static bool
put_obj_repr(wr_eval_t *ev, wr_buf_t *to, wr_obj_t *o)
{
    bool    ok;
    frame_t f;

    if (o->type->repr == NULL) {
        wr_buf_printf(to, "<%s%s%s object at 0x%" PRIxPTR ">",
                      o->type->module != NULL ? o->type->module : "",
                      o->type->module != NULL ? "." : "", o->type->name,
                      (uintptr_t) o);
        return true;
    }
    if (is_printing(ev, o)) {
        wr_buf_lit(to, "...");
        return true;
    }
    if (!enter(ev, &f, o)) {
        return false;
    }
    ok = o->type->repr(ev, o, to);
    leave(ev, &f);
    return ok;
}

bool
wr_put_repr(wr_eval_t *ev, wr_buf_t *to, const wr_val_t *v)
{
    bool text = v->type == WR_V_STR || v->type == WR_V_BYTES;

    if (!wr_spend(ev, 1) || !wr_may_grow(ev, to, text ? 4 * (uint64_t) v->len
                                                      : 32)) {
        return false;
    }
    switch ((wr_vtype_t) v->type) {
    case WR_V_STR:
        if ((v->flags & WR_VF_SAFE) != 0) {
            wr_buf_lit(to, "Markup(");
            wr_put_str_repr(to, wr_val_text(v));
            wr_buf_char(to, ')');
        } else {
            wr_put_str_repr(to, wr_val_text(v));
        }
        return true;
    case WR_V_INT:
        wr_buf_int(to, v->u.i);
        return true;
    case WR_V_FLOAT:
        put_float(to, v->u.f);
        return true;
    case WR_V_BOOL:
        wr_buf_z(to, v->u.i != 0 ? "True" : "False");
        return true;
    case WR_V_NONE:
        wr_buf_lit(to, "None");
        return true;
    case WR_V_UNDEFINED:
        wr_buf_lit(to, "Undefined");
        return true;
    case WR_V_BYTES:
        wr_put_bytes_repr(to, wr_val_text(v));
        return true;
    case WR_V_LIST:
    case WR_V_TUPLE:
        return put_items(ev, to, v);
    case WR_V_DICT:
        return put_dict(ev, to, v->u.dict);
    case WR_V_RANGE:
        put_range(to, v->u.range);
        return true;
    case WR_V_FUNC:
        return put_func(ev, to, v->u.func);
    case WR_V_OBJ:
        return put_obj_repr(ev, to, v->u.obj);
    }
    return true;
}

static bool
put_undef(wr_eval_t *ev, wr_buf_t *to, const wr_val_t *v)
{
    switch (wr_undef_kind(ev, v)) {
    case WR_UNDEF_STRICT:
    case WR_UNDEF_NAMED:
        return wr_undef_raise(ev, v);
    case WR_UNDEF_DEBUG:
        return wr_undef_debug(ev, to, v);
    default:
        return true;
    }
}

bool
wr_put_str(wr_eval_t *ev, wr_buf_t *to, const wr_val_t *v)
{
    switch ((wr_vtype_t) v->type) {
    case WR_V_STR:
        if (!wr_may_grow(ev, to, v->len)) {
            return false;
        }
        wr_buf_add(to, v->u.s, v->len);
        return true;
    case WR_V_INT:
        wr_buf_int(to, v->u.i);
        return true;
    case WR_V_UNDEFINED:
        return put_undef(ev, to, v);
    case WR_V_OBJ:
        if (v->u.obj->type->str != NULL) {
            return v->u.obj->type->str(ev, v->u.obj, to);
        }
        return put_obj_repr(ev, to, v->u.obj);
    default:
        return wr_put_repr(ev, to, v);
    }
}

bool
wr_str_val(wr_eval_t *ev, const wr_val_t *v, wr_val_t *out)
{
    wr_buf_t b;

    if (v->type == WR_V_STR) {
        *out = *v;
        return true;
    }
    b = wr_ev_buf(ev);
    if (!wr_put_str(ev, &b, v) || !wr_buf_val(ev, &b, out)) {
        return false;
    }
    if (wr_is_number(v) || v->type == WR_V_NONE) {
        out->flags |= WR_VF_ASCII;
    }
    return true;
}

/* Printed first and escaped where it stands: mostly there is nothing to do. */
bool
wr_put_escaped(wr_eval_t *ev, wr_buf_t *to, const wr_val_t *v)
{
    size_t   start = to->n;
    wr_str_t plain;

    switch ((wr_vtype_t) v->type) {
    case WR_V_STR:
        if (!wr_may_grow(ev, to, v->len)) {
            return false;
        }
        if ((v->flags & WR_VF_SAFE) != 0) {
            wr_buf_add(to, v->u.s, v->len);
        } else {
            wr_escape(to, wr_val_text(v));
        }
        return true;
    case WR_V_INT:
        wr_buf_int(to, v->u.i);
        return true;
    case WR_V_NONE:
    case WR_V_BOOL:
    case WR_V_FLOAT:
        return wr_put_repr(ev, to, v);
    default:
        break;
    }
    if (!wr_put_str(ev, to, v)) {
        return false;
    }
    if (to->n == start) {
        return true;            /* the buffer may not even have bytes */
    }
    plain = wr_str(to->p + start, to->n - start);
    if (wr_escape_find(plain) == plain.n) {
        return true;
    }
    plain = wr_pool_str(ev->pool, plain);
    to->n = start;
    wr_escape(to, plain);
    return true;
}
