/*
 * Arguments to parameters. The order of the checks is Python's, because the
 * first that fails words the error: names first, then too many, then too few.
 */
#include <weir/expr/bind.h>

#include <weir/expr/dunder.h>
#include <weir/expr/method.h>

static void
not_given(wr_val_t *out)
{
    *out = (wr_val_t) {.type = WR_V_UNDEFINED, .aux = 1};
}

static bool
take_keyword(wr_eval_t *ev, const wr_sig_t *sig, const wr_kwarg_t *kw,
             wr_val_t *out)
{
    bool again = sig->hidden != NULL && wr_str_eqz(kw->name, sig->hidden);

    for (unsigned i = 0; i < sig->n && !again; i++) {
        if (!wr_str_eqz(kw->name, sig->params[i])) {
            continue;
        }
        if (wr_given(&out[i])) {
            again = true;
            break;
        }
        out[i] = kw->value;
        if (out[i].type == WR_V_UNDEFINED) {
            out[i].aux = 0;
        }
        return true;
    }
    return wr_raise(ev, "TypeError",
                    again ? "%s() got multiple values for argument '%.*s'"
                          : "%s() got an unexpected keyword argument '%.*s'",
                    sig->name, WR_ARG(kw->name));
}

static bool
too_many(wr_eval_t *ev, const wr_sig_t *sig, uint32_t n)
{
    unsigned extra = sig->hidden != NULL;
    unsigned given = n + extra;
    unsigned most = sig->n + extra;
    unsigned least = sig->required + extra;

    if (least != most) {
        return wr_raise(ev, "TypeError",
                        "%s() takes from %u to %u positional arguments but %u "
                        "%s given",
                        sig->name, least, most, given,
                        given == 1 ? "was" : "were");
    }
    return wr_raise(ev, "TypeError",
                    "%s() takes %u positional argument%s but %u %s given",
                    sig->name, most, most == 1 ? "" : "s", given,
                    given == 1 ? "was" : "were");
}

static bool
too_few(wr_eval_t *ev, const wr_sig_t *sig, const wr_val_t *out)
{
    const char *missing[WR_SIG_MAX];
    unsigned    n = 0;
    wr_buf_t    list = wr_buf(ev->pool);

    for (unsigned i = 0; i < sig->required; i++) {
        if (!wr_given(&out[i])) {
            missing[n++] = sig->params[i];
        }
    }
    for (unsigned i = 0; i < n; i++) {
        if (i != 0) {
            wr_buf_z(&list, n == 2 ? " and " : i == n - 1 ? ", and " : ", ");
        }
        wr_buf_printf(&list, "'%s'", missing[i]);
    }
    return wr_raise(ev, "TypeError",
                    "%s() missing %u required positional argument%s: %s",
                    sig->name, n, n == 1 ? "" : "s", wr_buf_cstr(&list));
}

bool
wr_sig_bind(wr_eval_t *ev, const wr_sig_t *sig, const wr_args_t *args,
            wr_val_t *out)
{
    for (unsigned i = 0; i < sig->n; i++) {
        if (i < args->n) {
            out[i] = args->pos[i];
            if (out[i].type == WR_V_UNDEFINED) {
                out[i].aux = 0;
            }
        } else {
            not_given(&out[i]);
        }
    }
    for (uint32_t i = 0; i < args->nkw; i++) {
        if (!take_keyword(ev, sig, &args->kw[i], out)) {
            return false;
        }
    }
    if (args->n > sig->n) {
        return too_many(ev, sig, args->n);
    }
    for (unsigned i = args->n; i < sig->required; i++) {
        if (!wr_given(&out[i])) {
            return too_few(ev, sig, out);
        }
    }
    return true;
}

bool
wr_bind_one(wr_eval_t *ev, const char *name, const wr_args_t *args)
{
    if (wr_unlikely(args->nkw != 0)) {
        return wr_raise(ev, "TypeError", "%s() takes no keyword arguments",
                        name);
    }
    if (wr_unlikely(args->n != 1)) {
        return wr_raise(ev, "TypeError",
                        "%s() takes exactly one argument (%u given)", name,
                        args->n);
    }
    return true;
}

bool
wr_no_attribute(wr_eval_t *ev, const wr_val_t *self, wr_str_t name)
{
    const char *class;

    if (self->type == WR_V_OBJ && self->u.obj->type->set_attr != NULL) {
        /* a namespace says less */
        return wr_raise(ev, "AttributeError", "%.*s", WR_ARG(name));
    }
    class = self->type == WR_V_FUNC ? wr_func_class(self->u.func) : NULL;
    if (class != NULL) {
        return wr_raise(ev, "AttributeError",
                        "type object '%s' has no attribute '%.*s'",
                        strrchr(class, '.') ? strrchr(class, '.') + 1 : class,
                        WR_ARG(name));
    }
    return wr_raise(ev, "AttributeError", "'%s' object has no attribute '%.*s'",
                    wr_type_name(self), WR_ARG(name));
}

bool
wr_call_method(wr_eval_t *ev, const wr_val_t *self, const char *name,
               const wr_val_t *argv, uint32_t n, wr_val_t *out)
{
    const wr_method_t *method = wr_method_find(self, wr_str_z(name));
    wr_args_t          args = {.pos = argv, .n = n, .self = *self};
    wr_val_t           found;

    if (method != NULL) {
        return method->fn(ev, &args, out);
    }
    if (self->type == WR_V_UNDEFINED) {
        return wr_undef_raise(ev, self);
    }
    args.self = (wr_val_t) {.type = WR_V_UNDEFINED};
    if (!wr_find_attr(ev, self, wr_str_z(name), &found)) {
        return ev->failed ? false : wr_no_attribute(ev, self, wr_str_z(name));
    }
    return wr_call(ev, &found, &args, out);
}

bool
wr_as_index(wr_eval_t *ev, const wr_val_t *v, int64_t *out)
{
    if (wr_likely(wr_is_num(v))) {
        *out = v->u.i;
        return true;
    }
    return wr_raise(ev, "TypeError",
                    "'%s' object cannot be interpreted as an integer",
                    wr_type_name(v));
}

bool
wr_arg_truth(wr_eval_t *ev, const wr_val_t *v, bool dflt, bool *truth)
{
    if (!wr_given(v)) {
        *truth = dflt;
        return true;
    }
    return wr_truth(ev, v, truth);
}
