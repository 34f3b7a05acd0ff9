/*
 * The functions of the extension i18n: gettext, ngettext, pgettext, npgettext
 * and `_`, over a table of translations; old and new style.
 */
#include <weir/expr/code.h>
#include <weir/expr/gettext.h>

typedef struct {
    bool context, plural;
} kind_t;

/* The translated text of the message, or the message itself. */
static wr_val_t
translate(const wr_env_t *env, wr_pool_t *pool, const wr_val_t *context,
          const wr_val_t *one, const wr_val_t *many, bool is_one)
{
    const wr_dict_t *d = env->options.translations;
    const wr_val_t  *v = NULL;
    wr_val_t         fallback = many != NULL && !is_one ? *many : *one;

    if (d == NULL || one->type != WR_V_STR) {
        return fallback;
    }
    if (context != NULL && context->type == WR_V_STR) {
        v = wr_dict_gets(d, wr_pool_join3(pool, wr_val_text(context),
                                          WR_STR("\4"), wr_val_text(one)));
    }
    if (v == NULL) {
        v = wr_dict_gets(d, wr_val_text(one));
    }
    if (v == NULL) {
        return fallback;
    }
    if (v->type == WR_V_LIST && v->u.list->n != 0) {
        return v->u.list->items[is_one || v->u.list->n == 1 ? 0 : 1];
    }
    return *v;
}

/* rv % variables, the variables being what was given by keyword. */
static bool
format(wr_eval_t *ev, wr_val_t *rv, const wr_args_t *args,
       const wr_val_t *context, const wr_val_t *num, wr_val_t *out)
{
    wr_dict_t *d = wr_dict_new(ev->pool, args->nkw + 2);
    wr_buf_t   text = wr_buf(ev->pool);
    wr_val_t   dv;
    uint32_t   i;

    for (i = 0; i < args->nkw; i++) {
        wr_dict_sets(ev->pool, d, args->kw[i].name, args->kw[i].value);
    }
    if (context != NULL && wr_dict_gets(d, WR_STR("context")) == NULL) {
        wr_dict_sets(ev->pool, d, WR_STR("context"), *context);
    }
    if (num != NULL && wr_dict_gets(d, WR_STR("num")) == NULL) {
        wr_dict_sets(ev->pool, d, WR_STR("num"), *num);
    }
    if (ev->autoescape && rv->type != WR_V_STR) {
        if (!wr_put_str(ev, &text, rv)) {
            return false;
        }
        *rv = wr_vstr(wr_buf_text(&text));
    }
    if (ev->autoescape) {
        rv->flags |= WR_VF_SAFE;
    }
    dv = wr_vdict(d);
    return wr_op_mod(ev, rv, &dv, out);
}

static bool
run(wr_eval_t *ev, const char *name, kind_t k, const wr_args_t *args,
    wr_val_t *out)
{
    const wr_env_t *env = ev->env;
    bool            newstyle = env->options.newstyle_gettext, is_one = true;
    uint32_t        want = 1u + k.context + (k.plural ? 2u : 0u);
    const wr_val_t *a = args->pos;
    wr_val_t        rv, one = wr_int(1);

    if (args->nkw != 0 && !newstyle) {
        return wr_raise(ev, "TypeError",
                        "%s() got an unexpected keyword "
                        "argument '%.*s'",
                        name, WR_ARG(args->kw[0].name));
    }
    if (args->n != want) {
        return wr_raise(ev, "TypeError",
                        "%s() takes %u positional argument%s "
                        "but %u %s given",
                        name, want, want == 1 ? "" : "s", args->n,
                        args->n == 1 ? "was" : "were");
    }
    if (k.plural && !wr_equal(ev, &a[want - 1], &one, &is_one)) {
        return false;
    }
    rv = translate(env, ev->pool, k.context ? &a[0] : NULL, &a[k.context],
                   k.plural ? &a[k.context + 1] : NULL, is_one);
    if (newstyle) {
        return format(ev, &rv, args, k.context ? &a[0] : NULL,
                      k.plural ? &a[want - 1] : NULL, out);
    }
    *out = rv;
    return true;
}

static bool
fn_gettext(wr_eval_t *ev, const wr_args_t *args, wr_val_t *out)
{
    return run(ev, "gettext", (kind_t){false, false}, args, out);
}

static bool
fn_ngettext(wr_eval_t *ev, const wr_args_t *args, wr_val_t *out)
{
    return run(ev, "ngettext", (kind_t){false, true}, args, out);
}

static bool
fn_pgettext(wr_eval_t *ev, const wr_args_t *args, wr_val_t *out)
{
    return run(ev, "pgettext", (kind_t){true, false}, args, out);
}

static bool
fn_npgettext(wr_eval_t *ev, const wr_args_t *args, wr_val_t *out)
{
    return run(ev, "npgettext", (kind_t){true, true}, args, out);
}

/* `_` is whatever gettext is where it is called. */
static bool
fn_alias(wr_eval_t *ev, const wr_args_t *args, wr_val_t *out)
{
    wr_mach_t      *m = ev->machine;
    const wr_val_t *v;

    v = m != NULL && m->vars != NULL && m->vars->dict != NULL
            ? wr_dict_gets(m->vars->dict, WR_STR("gettext"))
            : NULL;
    return v != NULL ? wr_call(ev, v, args, out) : fn_gettext(ev, args, out);
}

const wr_fn_row_t wr_gettext_globals[] = {
    {"gettext", fn_gettext, "message", "The translation of a text.", 0,
     "gettext(\"Hello\") -> Hello"},
    {"ngettext", fn_ngettext, "singular, plural, n",
     "The translation of a text for a number of things.", 0,
     "ngettext(\"%(num)s file\", \"%(num)s files\", 2) -> 2 files"},
    {"pgettext", fn_pgettext, "context, message",
     "The translation of a text in a context.", 0,
     "pgettext(\"month\", \"May\") -> May"},
    {"npgettext", fn_npgettext, "context, singular, plural, n",
     "The translation of a text for a number of things, in a context.", 0,
     "npgettext(\"disk\", \"%(num)s file\", \"%(num)s files\", 1) -> 1 file"},
    {"_", fn_alias, "message", "The same as gettext.", 0,
     "_(\"Hello\") -> Hello"},
    {.name = NULL},
};
