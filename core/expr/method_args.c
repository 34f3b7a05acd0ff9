/*
 * Arguments of methods.
 */
#include <weir/expr/method_priv.h>

static bool
no_keywords(wr_eval_t *ev, const char *name, const wr_args_t *args)
{
    return args->nkw == 0
           || wr_raise(ev, "TypeError", "%s.%s() takes no keyword arguments",
                       wr_type_name(&args->self), name);
}

bool
wr_take_none(wr_eval_t *ev, const char *name, const wr_args_t *args)
{
    return no_keywords(ev, name, args)
           && (args->n == 0
               || wr_raise(ev, "TypeError",
                           "%s.%s() takes no arguments (%u given)",
                           wr_type_name(&args->self), name, args->n));
}

bool
wr_take_one(wr_eval_t *ev, const char *name, const wr_args_t *args)
{
    return no_keywords(ev, name, args)
           && (args->n == 1
               || wr_raise(ev, "TypeError",
                           "%s.%s() takes exactly one argument (%u given)",
                           wr_type_name(&args->self), name, args->n));
}

bool
wr_take_some(wr_eval_t *ev, const char *name, const wr_args_t *args,
             uint32_t least, uint32_t most)
{
    uint32_t    limit = args->n < least ? least : most;
    const char *how = least == most     ? ""
                      : args->n < least ? "at least "
                                        : "at most ";

    if (!no_keywords(ev, name, args)) {
        return false;
    }
    if (args->n >= least && args->n <= most) {
        return true;
    }
    return wr_raise(ev, "TypeError", "%s expected %s%u argument%s, got %u",
                    name, how, limit, limit == 1 ? "" : "s", args->n);
}

static bool
bind_keyword(wr_eval_t *ev, const char *name, const char *const *params,
             uint32_t n, const wr_kwarg_t *kw, wr_val_t *out)
{
    for (uint32_t i = 0; i < n; i++) {
        if (!wr_str_eqz(kw->name, params[i])) {
            continue;
        }
        if (wr_given(&out[i])) {
            return wr_raise(ev, "TypeError", "argument for %s() given by name"
                            " ('%s') and position (%u)", name, params[i],
                            i + 1);
        }
        out[i] = kw->value;
        out[i].aux = 0;
        return true;
    }
    return wr_raise(ev, "TypeError",
                    "'%.*s' is an invalid keyword argument for %s()",
                    WR_ARG(kw->name), name);
}

bool
wr_take_named(wr_eval_t *ev, const char *name, const char *const *params,
              uint32_t n, const wr_args_t *args, wr_val_t *out)
{
    uint64_t given = (uint64_t) args->n + args->nkw;

    if (given > n) {
        return wr_raise(ev, "TypeError", "%s() takes at most %u %sargument%s"
                        " (%" PRIu64 " given)", name, n,
                        args->n == 0 ? "keyword " : "", n == 1 ? "" : "s",
                        given);
    }
    for (uint32_t i = 0; i < n; i++) {
        out[i] = i < args->n ? args->pos[i] : (wr_val_t) {.aux = 1};
        if (i < args->n) {
            out[i].aux = 0;
        }
    }
    for (uint32_t i = 0; i < args->nkw; i++) {
        if (!bind_keyword(ev, name, params, n, &args->kw[i], out)) {
            return false;
        }
    }
    return true;
}

bool
wr_take_python(wr_eval_t *ev, const char *name, const char *const *params,
               uint32_t required, uint32_t n, const wr_args_t *args,
               wr_val_t *out)
{
    wr_buf_t list = wr_ev_buf(ev);

    wr_buf_lit(&list, "@");
    for (uint32_t i = 0; i < n; i++) {
        wr_buf_printf(&list, ", %s%s", params[i], i < required ? "" : "=");
    }
    return wr_args_bind(ev, name, wr_buf_cstr(&list), args, out, n);
}

bool
wr_take_int(wr_eval_t *ev, const wr_val_t *v, int64_t *i)
{
    if (wr_likely(wr_is_int(v))) {
        *i = v->u.i;
        return true;
    }
    return wr_raise(ev, "TypeError",
                    "'%s' object cannot be interpreted as an integer",
                    wr_type_name(v));
}

bool
wr_take_c_int(wr_eval_t *ev, const wr_val_t *v, int64_t *i)
{
    if (!wr_take_int(ev, v, i)) {
        return false;
    }
    return (*i >= INT32_MIN && *i <= INT32_MAX)
           || wr_raise(ev, "OverflowError",
                       "Python int too large to convert to C int");
}

bool
wr_take_str(wr_eval_t *ev, const wr_val_t *v)
{
    return wr_is_str(v)
           || wr_raise(ev, "TypeError", "must be str, not %s",
                       wr_type_name(v));
}

bool
wr_plain_buf(wr_eval_t *ev, const wr_buf_t *b, const wr_val_t *v, wr_val_t *out)
{
    if (!wr_buf_val(ev, b, out)) {
        return false;
    }
    out->flags = v->flags & WR_VF_ASCII;
    return true;
}
