/*
 * Calling, and binding arguments to named parameters.
 */
#include <weir/expr/val_priv.h>

bool
wr_call(wr_eval_t *ev, const wr_val_t *callee, const wr_args_t *args,
        wr_val_t *out)
{
    wr_args_t with_self;

    switch ((wr_vtype_t) callee->type) {
    case WR_V_FUNC:
        with_self = *args;
        with_self.self = callee->u.func->self;
        return callee->u.func->fn(ev, &with_self, out);
    case WR_V_OBJ:
        if (callee->u.obj->type->call != NULL) {
            return callee->u.obj->type->call(ev, callee->u.obj, args, out);
        }
        break;
    case WR_V_UNDEFINED:
        return wr_undef_raise(ev, callee);
    default:
        break;
    }
    return wr_raise(ev, "TypeError", "'%s' object is not callable",
                    wr_type_name(callee));
}

/* ---- binding ---- */

enum { PARAMS_MAX = 24 };

typedef struct params {
    wr_str_t name[PARAMS_MAX];
    bool     optional[PARAMS_MAX];
    unsigned n;
    unsigned required;
    unsigned hidden;        /* 1: Python's function has one more in front */
    bool     more;          /* "*args" */
    bool     more_named;    /* "**kwargs" */
} params_t;

/* The end of one parameter: a comma that is not inside quotes. */
static size_t
param_end(const char *p)
{
    size_t n = 0;
    char   quote = '\0';

    for (; p[n] != '\0' && (quote != '\0' || p[n] != ','); n++) {
        if (quote != '\0') {
            quote = p[n] == quote ? '\0' : quote;
        } else if (p[n] == '\'' || p[n] == '"') {
            quote = p[n];
        }
    }
    return n;
}

static void
add_param(params_t *ps, wr_str_t text)
{
    ssize_t equals = wr_str_chr(text, '=');

    if (wr_str_eqz(text, "@")) {
        ps->hidden = 1;
    } else if (wr_str_starts(text, WR_STR("**"))) {
        ps->more_named = true;
    } else if (wr_str_starts(text, WR_STR("*"))) {
        ps->more = true;
    } else if (text.n != 0) {
        WR_ASSERT(ps->n < PARAMS_MAX);
        ps->optional[ps->n] = equals >= 0;
        ps->required += equals < 0;
        ps->name[ps->n++] = wr_str_trim(
            equals >= 0 ? wr_str_sub(text, 0, (size_t) equals) : text);
    }
}

static void
read_params(params_t *ps, const char *text)
{
    memset(ps, 0, sizeof(*ps));
    while (*text != '\0') {
        size_t n = param_end(text);

        add_param(ps, wr_str_trim(wr_str(text, n)));
        text += n + (text[n] == ',');
    }
}

static bool
too_many(wr_eval_t *ev, const char *fname, const params_t *ps, unsigned given)
{
    unsigned least = ps->required + ps->hidden;
    unsigned most = ps->n + ps->hidden;

    given += ps->hidden;
    if (least == most) {
        return wr_raise(ev, "TypeError", "%s() takes %u positional argument%s"
                        " but %u %s given", fname, most, most == 1 ? "" : "s",
                        given, given == 1 ? "was" : "were");
    }
    return wr_raise(ev, "TypeError", "%s() takes from %u to %u positional"
                    " arguments but %u %s given", fname, least, most, given,
                    given == 1 ? "was" : "were");
}

static bool
missing(wr_eval_t *ev, const char *fname, const params_t *ps,
        const wr_val_t *out)
{
    wr_buf_t text = wr_ev_buf(ev);
    unsigned n = 0;
    unsigned told = 0;

    for (unsigned i = 0; i < ps->n; i++) {
        n += !ps->optional[i] && !wr_given(&out[i]);
    }
    for (unsigned i = 0; i < ps->n; i++) {
        if (ps->optional[i] || wr_given(&out[i])) {
            continue;
        }
        if (told != 0) {
            wr_buf_z(&text, n == 2         ? " and "
                            : told + 1 == n ? ", and "
                                            : ", ");
        }
        told++;
        wr_put_str_repr(&text, ps->name[i]);
    }
    return wr_raise(ev, "TypeError", "%s() missing %u required positional"
                    " argument%s: %s", fname, n, n == 1 ? "" : "s",
                    wr_buf_cstr(&text));
}

static bool
bind_named(wr_eval_t *ev, const char *fname, const params_t *ps,
           const wr_kwarg_t *kw, wr_val_t *out)
{
    for (unsigned i = 0; i < ps->n; i++) {
        if (!wr_str_eq(kw->name, ps->name[i])) {
            continue;
        }
        if (wr_given(&out[i])) {
            return wr_raise(ev, "TypeError",
                            "%s() got multiple values for argument '%.*s'",
                            fname, WR_ARG(kw->name));
        }
        out[i] = kw->value;
        out[i].aux = 0;
        return true;
    }
    return ps->more_named
           || wr_raise(ev, "TypeError",
                       "%s() got an unexpected keyword argument '%.*s'", fname,
                       WR_ARG(kw->name));
}

bool
wr_args_bind(wr_eval_t *ev, const char *fname, const char *params,
             const wr_args_t *args, wr_val_t *out, unsigned nout)
{
    params_t ps;
    unsigned i;

    read_params(&ps, params);
    WR_ASSERT(ps.n == nout);
    for (i = 0; i < nout; i++) {
        if (i < args->n) {
            out[i] = args->pos[i];
            out[i].aux = 0;
        } else {
            out[i] = (wr_val_t) {.type = WR_V_UNDEFINED, .aux = 1};
        }
    }
    for (i = 0; i < args->nkw; i++) {
        if (!bind_named(ev, fname, &ps, &args->kw[i], out)) {
            return false;
        }
    }
    if (args->n > ps.n && !ps.more) {
        return too_many(ev, fname, &ps, args->n);
    }
    for (i = 0; i < ps.n; i++) {
        if (!ps.optional[i] && !wr_given(&out[i])) {
            return missing(ev, fname, &ps, out);
        }
    }
    return true;
}
