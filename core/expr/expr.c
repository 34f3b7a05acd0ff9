/*
 * Expressions and inline templates on their own.
 *
 * An expression is a template whose only content is one node; an inline
 * template a row of texts and such expressions.
 */
#include <weir/expr/compile.h>
#include <weir/expr/expr.h>
#include <weir/expr/expr_priv.h>
#include <weir/expr/guard.h>
#include <weir/expr/mapping.h>
#include <weir/expr/unicode.h>

struct wr_expr {
    wr_template_t *tpl;
};

static void
drop(void *data)
{
    wr_template_free(data);
}

/* Compiles `source`, which stands in `whole`. An error's place is in `source`. */
static wr_expr_t *
compile(wr_env_t *env, wr_str_t source, wr_str_t whole, wr_pool_t *pool, wr_err_t *err)
{
    wr_template_t *t = wr_template_new(env, WR_STR_NONE);
    wr_pool_t     *tmp = wr_pool_new();
    wr_expr_t     *e = NULL;

    *err = (wr_err_t){0};
    if (wr_compile_expr(t, tmp, source, whole, err)) {
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
    return compile(env, source, source, pool, err);
}

/* Where expressions on their own run: a context without names, and a frame for what
 * they have asked for outside. */
enum { FEW = 8 };

typedef struct {
    wr_mach_t  m;
    wr_ctx_t   ctx;
    wr_ectx_t  ectx;
    void      *was;
    bool       was_auto;
    union {
        wr_frame_t f;
        char       room[sizeof(wr_frame_t) + FEW * sizeof(wr_val_t)];
    };
} alone_t;

static void
begin(alone_t *x, wr_eval_t *ev, wr_env_t *env, const wr_bindings_t *vars,
      wr_buf_t *out)
{
    x->was = ev->machine;
    x->was_auto = ev->autoescape;
    wr_mach_start(&x->m, ev, env, vars, out);
    x->ctx = (wr_ctx_t){.ectx = &x->ectx};
    x->f.up = NULL;
    x->f.ctx = &x->ctx;
    x->f.parent = NULL;
    x->f.size = 0;
}

static void
end(alone_t *x, wr_eval_t *ev)
{
    wr_mach_end(&x->m);
    ev->machine = x->was;
    ev->autoescape = x->was_auto;
}

static bool
run(alone_t *x, const wr_template_t *t, wr_val_t *out)
{
    uint32_t i;

    x->ctx.tpl = t;
    x->ectx.autoescape = t->autoescape;
    if (wr_unlikely(t->root->nslots > FEW)) {
        (void) wr_frame_push(&x->m, t->root, NULL, &x->ctx);
        return wr_run_node(&x->m, t->expr, out);
    }
    x->m.f = &x->f;
    x->f.proto = t->root;
    x->m.ev->autoescape = t->autoescape;
    for (i = 0; i < t->root->nslots; i++) {
        x->f.slots[i] = wr_lazy();
    }
    return wr_run_node(&x->m, t->expr, out);
}

typedef struct {
    alone_t              alone;
    const wr_template_t *t;
    wr_val_t            *out;
} eval_t;

static bool
eval(wr_eval_t *ev, void *data)
{
    eval_t *x = data;

    (void) ev;
    return run(&x->alone, x->t, x->out);
}

/* A name that the host has at hand. */
static inline bool
name_at_hand(wr_eval_t *ev, const wr_name_t *name, const wr_bindings_t *vars, wr_val_t *out)
{
    if (vars == NULL || vars->dict != NULL || (uint32_t) name->slot >= vars->nslots) {
        return false;
    }
    *out = vars->slots[name->slot];
    return wr_given(out)
           || (vars->get != NULL && vars->get(ev, vars->data, name->slot, name->s, out));
}

/* `name.attr.attr`, where the host has all of it at hand, is most of what a conf asks
 * for, and needs no machine. False: it is not so, or something is not there (then the
 * machine tells what), or the host has failed. */
static bool
at_hand(wr_eval_t *ev, const wr_node_t *n, const wr_bindings_t *vars, wr_val_t *out)
{
    const wr_obj_type_t *type;
    const wr_record_t   *record;
    const wr_val_t      *item = NULL;
    const wr_node_t     *of = n->u.attr.x;
    wr_str_t             attr;
    wr_val_t             v;

    if (n->eval != wr_eval_getattr) {
        return n->eval == wr_eval_alone && name_at_hand(ev, n->u.var.name, vars, out);
    }
    if (!(of->eval == wr_eval_alone ? name_at_hand(ev, of->u.var.name, vars, &v)
                                    : at_hand(ev, of, vars, &v)))
    {
        return false;
    }
    attr = wr_val_text(&n->u.attr.name);
    if (v.type == WR_V_OBJ && n->u.attr.open) {
        record = wr_record_of(&v);
        type = v.u.obj->type;
        if (record == NULL) {
            return type->map == NULL
                       ? type->at_hand && type->attr(ev, v.u.obj, attr, out)
                       : (type->map->keys_first || !wr_is_mapping_method(attr))
                             && type->map->find(v.u.obj, attr, out);
        }
        item = wr_record_get(record, attr, n->u.attr.seen);
    } else if (v.type == WR_V_DICT && n->u.attr.dict) {
        item = wr_dict_gets(v.u.dict, attr);
    }
    if (item != NULL) {
        *out = *item;
    }
    return item != NULL;
}

bool
wr_expr_eval(const wr_expr_t *e, wr_eval_t *ev, const wr_bindings_t *vars,
             wr_val_t *out)
{
    uint8_t  undef_kind = ev->undef_kind;
    wr_buf_t unused;
    bool     ok;
    eval_t   x;

    if (e->tpl->expr->eval == wr_eval_const) {
        *out = e->tpl->expr->u.konst;
        return true;
    }
    if (at_hand(ev, e->tpl->expr, vars, out)) {
        return true;
    }
    if (ev->failed) {
        return false;
    }
    if (e->tpl->expr->eval == wr_eval_copy) {
        return wr_eval_copy(&(wr_mach_t) {.ev = ev}, e->tpl->expr, out);
    }
    x.t = e->tpl;
    x.out = out;
    unused = wr_buf(ev->pool);
    if (e->tpl->env->options.named) {
        ev->undef_kind = WR_UNDEF_NAMED;
    }
    begin(&x.alone, ev, e->tpl->env, vars, &unused);
    ok = wr_guarded(ev, eval, &x);
    end(&x.alone, ev);
    ev->undef_kind = undef_kind;
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

bool
wr_expr_path(const wr_expr_t *e, wr_str_t *name, wr_str_t *parts, unsigned *n)
{
    const wr_node_t *top = e->tpl->expr, *x;
    unsigned         count = 0;
    wr_val_t         key;

    for (x = top; x->eval != wr_eval_alone; count++) {
        if (x->eval == wr_eval_getattr) {
            x = x->u.attr.x;
        } else if (x->eval == wr_eval_getitem && wr_node_const(x->u.slice.start, &key)
                   && (key.type == WR_V_STR || key.type == WR_V_INT))
        {
            x = x->u.slice.x;
        } else {
            return false;
        }
    }
    if (count > *n) {
        return false;
    }
    *name = x->u.var.name->s;
    *n = count;
    for (x = top; count != 0; count--) {
        if (x->eval == wr_eval_getattr) {
            parts[count - 1] = wr_val_text(&x->u.attr.name);
            x = x->u.attr.x;
            continue;
        }
        (void) wr_node_const(x->u.slice.start, &key);
        parts[count - 1] = key.type == WR_V_STR ? wr_val_text(&key) : WR_STR_NONE;
        x = x->u.slice.x;
    }
    return true;
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
    t->room += text.n + (e != NULL ? 32 : 0);
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
    bool         eat = false;       /* "-}}" and "{{-": no white space on that side */

    source = wr_pool_str(pool, source);
    for (;;) {
        rest = wr_str_skip(source, from);
        k = wr_str_find(rest, WR_STR("{{"));
        text = wr_uni_strip(k < 0 ? rest : wr_str_sub(rest, 0, (size_t) k), eat, false);
        if (k < 0) {
            add(pool, t, &cap, text, NULL);
            return t;
        }
        from += (size_t) k + 2;
        if (from < source.n && source.p[from] == '-') {
            text = wr_uni_strip(text, false, true);
            from++;
        }
        if (!find_end(source, from, &end)) {
            *err =
                (wr_err_t){.kind = "TemplateSyntaxError",
                           .message = WR_STR(
                               "unexpected end of template, expected 'end of "
                               "print statement'.")};
            locate(source, from - 2, err);
            return NULL;
        }
        eat = end > from && source.p[end - 1] == '-';
        e = compile(env, wr_str_sub(source, from, end - eat), source, pool, err);
        if (e == NULL) {
            locate(source, from, err);
            return NULL;
        }
        add(pool, t, &cap, text, e);
        from = end + 2;
    }
}

typedef struct {
    alone_t                 alone;
    const wr_inline_part_t *from, *last;
    bool                    escaped;
} inline_t;

/* Text and numbers are printed without a machine. */
static bool
print_at_once(wr_eval_t *ev, const wr_val_t *v, bool escaped, wr_buf_t *out)
{
    if (v->type == WR_V_INT) {
        wr_buf_int(out, v->u.i);
        return true;
    }
    /* A byte may become five. */
    if (v->type != WR_V_STR
        || out->n + (uint64_t) v->len * (escaped ? 5 : 1) > ev->limits.output)
    {
        return false;
    }
    if (escaped) {
        return wr_put_escaped(ev, out, v);
    }
    wr_buf_str(out, wr_val_text(v));
    return true;
}

static bool
put(wr_mach_t *m, const wr_val_t *v, bool escaped)
{
    return escaped ? wr_print_escaped(m, v) : wr_print_plain(m, v);
}

static bool
render(wr_eval_t *ev, void *data)
{
    inline_t  *x = data;
    wr_mach_t *m = &x->alone.m;
    wr_val_t   v;

    (void) ev;
    for (const wr_inline_part_t *p = x->from; p < x->last; p++) {
        wr_buf_str(m->out, p->text);
        if (!run(&x->alone, p->expr->tpl, &v) || !put(m, &v, x->escaped)) {
            return false;
        }
    }
    return true;
}

bool
wr_inline_render(const wr_inline_t *t, wr_eval_t *ev, const wr_bindings_t *vars,
                 bool escaped, wr_buf_t *out)
{
    const wr_inline_part_t *p = t->parts, *last = p + t->n - 1;
    inline_t                x;
    wr_val_t                v;
    bool                    ok = true;

    wr_buf_reserve(out, t->room);
    for (; p < last && at_hand(ev, p->expr->tpl->expr, vars, &v)
           && out->n + p->text.n <= ev->limits.output; p++)
    {
        size_t from = out->n;

        wr_buf_str(out, p->text);
        if (!print_at_once(ev, &v, escaped, out)) {
            out->n = from;
            break;
        }
    }
    if (ev->failed) {
        return false;
    }
    if (p < last) {
        x.from = p;
        x.last = last;
        x.escaped = escaped;
        begin(&x.alone, ev, p->expr->tpl->env, vars, out);
        ok = wr_guarded(ev, render, &x);
        end(&x.alone, ev);
    }
    if (ok) {
        wr_buf_str(out, last->text);
    }
    return ok;
}
