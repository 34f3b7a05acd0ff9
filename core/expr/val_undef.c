/*
 * Errors and undefined values.
 *
 * An undefined remembers what was asked and of whom; the message is only made
 * when somebody uses it, since most of them end in `|default` or in a print.
 */
#include <weir/expr/val_priv.h>

#include <stdarg.h>
#include <stdio.h>

bool
wr_raise(wr_eval_t *ev, const char *kind, const char *format, ...)
{
    va_list args;
    char   *text;
    int     n;

    if (ev->failed) {
        return false;
    }
    va_start(args, format);
    n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n < 0) {
        n = 0;
    }
    text = wr_alloc_bytes(ev->pool, (size_t) n + 1);
    va_start(args, format);
    vsnprintf(text, (size_t) n + 1, format, args);
    va_end(args);
    ev->failed = true;
    ev->err.kind = kind;
    ev->err.message = wr_str(text, (size_t) n);
    return false;
}

static wr_undef_t *
undef_new(wr_eval_t *ev)
{
    wr_undef_t *u = WR_NEW(ev->pool, wr_undef_t);

    u->kind = ev->undef_kind;
    return u;
}

static wr_val_t
undef_val(wr_undef_t *u)
{
    return (wr_val_t) {.type = WR_V_UNDEFINED, .u.undef = u};
}

wr_val_t
wr_undef_name(wr_eval_t *ev, wr_str_t name)
{
    wr_undef_t *u = undef_new(ev);

    u->name = name;
    return undef_val(u);
}

/* What a host object lacks may stem from the client's input. */
static void
set_source(wr_undef_t *u, const wr_val_t *of)
{
    if (of->type == WR_V_OBJ) {
        u->source = of->u.obj->type->source;
    } else if (of->type == WR_V_UNDEFINED && of->u.undef != NULL) {
        u->source = of->u.undef->source;
    }
}

wr_val_t
wr_undef_attr(wr_eval_t *ev, const wr_val_t *of, wr_str_t name)
{
    wr_undef_t *u = undef_new(ev);

    u->of = *of;
    u->has_of = true;
    u->name = name;
    set_source(u, of);
    return undef_val(u);
}

wr_val_t
wr_undef_item(wr_eval_t *ev, const wr_val_t *of, const wr_val_t *key)
{
    wr_undef_t *u;

    u = undef_new(ev);
    u->of = *of;
    u->has_of = true;
    u->key = *key;
    if (key->type == WR_V_STR) {
        u->name = wr_val_text(key);
    } else {
        u->key_not_str = true;
    }
    set_source(u, of);
    return undef_val(u);
}

wr_val_t
wr_undef_hint(wr_eval_t *ev, wr_str_t message)
{
    wr_undef_t *u = undef_new(ev);

    u->hint = message;
    return undef_val(u);
}

void
wr_put_type_repr(wr_buf_t *to, const wr_val_t *v)
{
    const char *module = NULL;

    if (v->type == WR_V_NONE) {
        wr_buf_lit(to, "None");
        return;
    }
    if (v->type == WR_V_OBJ) {
        module = v->u.obj->type->module;
    } else if (v->type == WR_V_UNDEFINED) {
        module = "jinja2.runtime";
    } else if (wr_is_safe(v)) {
        module = "markupsafe";
    } else if (v->type == WR_V_TUPLE && (v->flags & WR_VF_GROUP) != 0) {
        module = "jinja2.filters";
    }
    if (module != NULL) {
        wr_buf_z(to, module);
        wr_buf_char(to, '.');
    }
    wr_buf_z(to, wr_type_name(v));
    wr_buf_lit(to, " object");
}

/* The key's repr. One that cannot be printed must not hide the first error. */
static void
put_key(wr_eval_t *ev, wr_buf_t *to, const wr_undef_t *u)
{
    if (!u->key_not_str && !wr_is_safe(&u->key)) {
        wr_put_str_repr(to, u->name);
    } else if (ev->failed || !wr_put_repr(ev, to, &u->key)) {
        wr_buf_lit(to, "?");
    }
}

wr_str_t
wr_undef_message(wr_eval_t *ev, const wr_val_t *v)
{
    const wr_undef_t *u = v->u.undef;
    wr_buf_t          text = wr_ev_buf(ev);
    wr_buf_t          type = wr_ev_buf(ev);

    if (u == NULL) {
        return WR_STR("None is undefined");
    }
    if (u->hint.n != 0) {
        return u->hint;
    }
    if (!u->has_of) {
        if (u->name.p == NULL) {
            return WR_STR("None is undefined");
        }
        wr_put_str_repr(&text, u->name);
        wr_buf_lit(&text, " is undefined");
        return wr_buf_text(&text);
    }
    wr_put_type_repr(&type, &u->of);
    if (u->key_not_str) {
        wr_buf_str(&text, wr_buf_text(&type));
        wr_buf_lit(&text, " has no element ");
    } else {
        wr_put_str_repr(&text, wr_buf_text(&type));
        wr_buf_lit(&text, " has no attribute ");
    }
    put_key(ev, &text, u);
    return wr_buf_text(&text);
}

bool
wr_undef_raise(wr_eval_t *ev, const wr_val_t *v)
{
    const wr_undef_t *u = v->u.undef;
    wr_str_t          message;

    if (ev->failed) {
        return false;
    }
    message = wr_undef_message(ev, v);
    wr_raise(ev, u != NULL && u->exc != NULL ? u->exc : "UndefinedError",
             "%.*s", WR_ARG(message));
    if (u != NULL) {
        ev->err.source = u->source;
    }
    return false;
}

bool
wr_undef_debug(wr_eval_t *ev, wr_buf_t *to, const wr_val_t *v)
{
    const wr_undef_t *u = v->u.undef;

    wr_buf_lit(to, "{{ ");
    if (u == NULL) {
        wr_buf_lit(to, "None");
    } else if (u->hint.n != 0) {
        wr_buf_lit(to, "undefined value printed: ");
        wr_buf_str(to, u->hint);
    } else if (!u->has_of) {
        wr_buf_str(to, u->name.p != NULL ? u->name : WR_STR("None"));
    } else {
        wr_buf_lit(to, "no such element: ");
        wr_put_type_repr(to, &u->of);
        wr_buf_char(to, '[');
        put_key(ev, to, u);
        wr_buf_char(to, ']');
    }
    wr_buf_lit(to, " }}");
    return !ev->failed;
}
