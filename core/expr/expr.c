/*
 * Expressions and inline templates on their own.
 *
 * An expression is a template whose only content is one node; an inline
 * template a row of texts and such expressions.
 */
#include <weir/expr/expr.h>
#include <weir/expr/expr_priv.h>
#include <weir/expr/guard.h>

struct wr_expr {
    wr_template_t *tpl;
};

static void
drop(void *data)
{
    wr_template_free(data);
}

/* Compiles `source`; an error's place is moved by what stands in front. */
static wr_expr_t *
compile(wr_env_t *env, wr_str_t source, wr_pool_t *pool, wr_err_t *err)
{
    wr_template_t *t = wr_template_new(env, WR_STR_NONE);
    wr_pool_t     *tmp = wr_pool_new();
    wr_expr_t     *e = NULL;

    *err = (wr_err_t){0};
    if (wr_compile_expr(t, tmp, source, err)) {
        e = WR_NEW(pool, wr_expr_t);
        e->tpl = t;
        wr_pool_on_free(pool, drop, t);
    } else {
        wr_err_keep(err, pool);
        wr_template_free(t);
    }
    wr_pool_free(tmp);
    return e;
}

wr_expr_t *
wr_expr_compile(wr_env_t *env, wr_str_t source, wr_pool_t *pool, wr_err_t *err)
{
    return compile(env, source, pool, err);
}

typedef struct {
    wr_mach_t            m;
    const wr_template_t *t;
    wr_val_t            *out;
} eval_t;

static bool
run(wr_eval_t *ev, void *data)
{
    eval_t     *x = data;
    wr_frame_t *f;
    bool        ok;

    (void) ev;
    f = wr_frame_push(&x->m, x->t->root, NULL,
                      wr_ctx_new(&x->m, x->t, NULL, false));
    ok = wr_run_node(&x->m, x->t->expr, x->out);
    wr_frame_pop(&x->m, f, NULL);
    return ok;
}

bool
wr_expr_eval(const wr_expr_t *e, wr_eval_t *ev, const wr_bindings_t *vars,
             wr_val_t *out)
{
    void    *was = ev->machine;
    wr_buf_t unused = wr_buf(ev->pool);
    bool     ok, was_auto = ev->autoescape;
    eval_t   x;

    if (wr_expr_const(e, out)) {
        return true;
    }
    x.t = e->tpl;
    x.out = out;
    wr_mach_start(&x.m, ev, x.t->env, vars, &unused);
    ok = wr_guarded(ev, run, &x);
    wr_mach_end(&x.m);
    ev->machine = was;
    ev->autoescape = was_auto;
    return ok;
}

uint32_t
wr_expr_nnames(const wr_expr_t *e)
{
    return e->tpl->noutside;
}

wr_str_t
wr_expr_name_at(const wr_expr_t *e, uint32_t i)
{
    return e->tpl->outside[i]->s;
}

int
wr_expr_slot_at(const wr_expr_t *e, uint32_t i)
{
    return e->tpl->outside[i]->slot;
}

bool
wr_expr_uses(const wr_expr_t *e, const char *name)
{
    uint32_t i;

    for (i = 0; i < e->tpl->noutside; i++) {
        if (wr_str_eqz(e->tpl->outside[i]->s, name)) {
            return true;
        }
    }
    return false;
}

bool
wr_expr_calls(const wr_expr_t *e, uint8_t flags)
{
    const wr_fn_row_t *row;
    uint32_t           i;

    for (i = 0; i < e->tpl->noutside; i++) {
        row = wr_env_global_row(e->tpl->env, e->tpl->outside[i]->s);
        if (row != NULL && (row->flags & flags) == flags) {
            return true;
        }
    }
    return false;
}

bool
wr_expr_const(const wr_expr_t *e, wr_val_t *out)
{
    return wr_node_const(e->tpl->expr, out);
}

/* ---- inline templates ---- */

/* Where the expression that begins at `at` ends: before its "}}". */
static bool
find_end(wr_str_t s, size_t at, size_t *end)
{
    size_t i, open = 0;
    char   quote = 0;

    for (i = at; i < s.n; i++) {
        char c = s.p[i];

        if (quote != 0) {
            if (c == '\\') {
                i++;
            } else if (c == quote) {
                quote = 0;
            }
        } else if (c == '\'' || c == '"') {
            quote = c;
        } else if (c == '{' || c == '[' || c == '(') {
            open++;
        } else if (open == 0 && c == '}' && i + 1 < s.n && s.p[i + 1] == '}') {
            *end = i;
            return true;
        } else if ((c == '}' || c == ']' || c == ')') && open > 0) {
            open--;
        }
    }
    return false;
}

static void
locate(wr_str_t s, size_t at, wr_err_t *err)
{
    size_t   i, bol = 0;
    uint32_t line = 1;

    for (i = 0; i < at; i++) {
        if (s.p[i] == '\n') {
            line++;
            bol = i + 1;
        }
    }
    if (err->line <= 1) {
        err->column += (uint32_t) (at - bol) + (err->column == 0);
        err->line = line;
    } else {
        err->line += line - 1;
    }
}

static void
add(wr_pool_t *pool, wr_inline_t *t, uint32_t *cap, wr_str_t text,
    const wr_expr_t *e)
{
    wr_inline_part_t *more;

    if (t->n == *cap) {
        *cap = *cap == 0 ? 4 : *cap * 2;
        more = WR_NEW_N(pool, wr_inline_part_t, *cap);
        if (t->n != 0) {
            memcpy(more, t->parts, t->n * sizeof(*more));
        }
        t->parts = more;
    }
    t->parts[t->n++] = (wr_inline_part_t){text, e};
}

wr_inline_t *
wr_inline_compile(wr_env_t *env, wr_str_t source, wr_pool_t *pool,
                  wr_err_t *err)
{
    wr_inline_t *t = WR_NEW(pool, wr_inline_t);
    wr_str_t     rest, text;
    wr_expr_t   *e;
    uint32_t     cap = 0;
    size_t       from = 0, end = 0;
    ssize_t      k;

    source = wr_pool_str(pool, source);
    for (;;) {
        rest = wr_str_skip(source, from);
        k = wr_str_find(rest, WR_STR("{{"));
        if (k < 0) {
            add(pool, t, &cap, rest, NULL);
            return t;
        }
        text = wr_str_sub(rest, 0, (size_t) k);
        from += (size_t) k + 2;
        if (!find_end(source, from, &end)) {
            *err =
                (wr_err_t){.kind = "TemplateSyntaxError",
                           .message = WR_STR(
                               "unexpected end of template, expected 'end of "
                               "print statement'.")};
            locate(source, from - 2, err);
            return NULL;
        }
        e = compile(env, wr_str_sub(source, from, end), pool, err);
        if (e == NULL) {
            locate(source, from, err);
            return NULL;
        }
        add(pool, t, &cap, text, e);
        from = end + 2;
    }
}

typedef struct {
    const wr_inline_t   *t;
    const wr_bindings_t *vars;
    bool                 escaped;
    wr_buf_t            *out;
} inline_t;

static bool
render(wr_eval_t *ev, void *data)
{
    const inline_t         *x = data;
    const wr_inline_part_t *p;
    wr_val_t                v;
    uint32_t                i;

    for (i = 0; i < x->t->n; i++) {
        p = &x->t->parts[i];
        wr_buf_str(x->out, p->text);
        if (p->expr == NULL) {
            continue;
        }
        if (!wr_expr_eval(p->expr, ev, x->vars, &v)
            || !(x->escaped ? wr_put_escaped(ev, x->out, &v)
                            : wr_put_str(ev, x->out, &v)))
        {
            return false;
        }
    }
    return true;
}

bool
wr_inline_render(const wr_inline_t *t, wr_eval_t *ev, const wr_bindings_t *vars,
                 bool escaped, wr_buf_t *out)
{
    inline_t x = {t, vars, escaped, out};

    return wr_guarded(ev, render, &x);
}
