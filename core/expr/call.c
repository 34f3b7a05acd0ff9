/*
 * Filters and tests called by a name that is only known at run time.
 */
#include <weir/expr/builtins.h>

typedef const wr_fn_row_t *(*lookup_t)(wr_eval_t *ev, wr_str_t name);

/* Words the error for a name that is not there. An undefined name says why it
 * is undefined: quotes were forgotten. */
static bool
no_such(wr_eval_t *ev, const char *what, const wr_val_t *name)
{
    wr_buf_t b = wr_buf(ev->pool);
    wr_str_t why;

    if (!wr_put_repr(ev, &b, name)) {
        return false;
    }
    if (name->type != WR_V_UNDEFINED) {
        return wr_raise(ev, "TemplateRuntimeError", "No %s named %.*s.", what,
                        WR_ARG(wr_buf_text(&b)));
    }
    wr_undef_raise(ev, name);
    why = ev->err.message;
    ev->failed = false;
    ev->err = (wr_err_t) {.kind = NULL};
    return wr_raise(ev, "TemplateRuntimeError", "No %s named %.*s. (%.*s; did "
                    "you forget to quote the callable name?)", what,
                    WR_ARG(wr_buf_text(&b)), WR_ARG(why));
}

static bool
call(wr_eval_t *ev, const char *what, lookup_t lookup, const wr_val_t *name,
     const wr_args_t *args, wr_val_t *out)
{
    const wr_fn_row_t *row = NULL;
    uint64_t           hash;

    if (name->type == WR_V_STR) {
        row = lookup(ev, wr_val_text(name));
    } else if (!wr_hash_val(ev, name, &hash)) {
        return false;
    }
    return row != NULL ? row->fn(ev, args, out) : no_such(ev, what, name);
}

bool
wr_call_filter(wr_eval_t *ev, const wr_val_t *name, const wr_args_t *args,
               wr_val_t *out)
{
    return call(ev, "filter", wr_env_filter, name, args, out);
}

bool
wr_call_test(wr_eval_t *ev, const wr_val_t *name, const wr_args_t *args,
             wr_val_t *out)
{
    return call(ev, "test", wr_env_test, name, args, out);
}
