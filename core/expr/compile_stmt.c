/*
 * The compiler of statements, but for loops and macros.
 */
#include <weir/expr/compile.h>

wr_target_t *
wr_comp_target(wr_comp_t *c, wr_cframe_t *f, wr_ast_t *n)
{
    wr_target_t *t = WR_NEW(c->pool, wr_target_t);
    uint32_t     i;

    switch (n->kind) {
    case WR_A_TUPLE:
        t->kind = WR_TG_TUPLE;
        t->n = n->list.n;
        t->v = WR_NEW_N(c->pool, wr_target_t *, t->n + 1);
        for (i = 0; i < t->n; i++) {
            t->v[i] = wr_comp_target(c, f, n->list.v[i]);
        }
        break;
    case WR_A_NSREF:
        t->kind = WR_TG_ATTR;
        t->attr = wr_pool_str(c->pool, n->text);
        t->place = wr_comp_place(c, f, n->name);
        break;
    default:
        t->kind = WR_TG_NAME;
        t->place = wr_comp_place(c, f, n->name);
        break;
    }
    return t;
}

/* ---- output ---- */

uint8_t
wr_comp_safe(const wr_comp_t *c)
{
    return c->is_volatile ? WR_SAFE_ASK
           : c->autoescape ? WR_SAFE_YES : WR_SAFE_NO;
}

/* Output that is only due if nothing was extended goes into a guard. */
static wr_emit_t *
guard_begin(wr_comp_t *c)
{
    wr_emit_t *outer = c->to;

    c->to = WR_NEW(c->tmp, wr_emit_t);
    return outer;
}

static void
guard_end(wr_comp_t *c, wr_emit_t *outer)
{
    wr_emit_t *here = c->to;
    wr_stmt_t *s;
    wr_cfn_t  *fn;

    c->to = outer;
    s = wr_comp_emit(c, wr_exec_guard, c->line);
    for (fn = c->fn; fn != c->root; fn = fn->up) {
        fn->up->proto->captured = true;
        s->u.guard.hops++;
    }
    s->u.guard.body.n = here->n;
    s->u.guard.body.v = WR_NEW_N(c->pool, wr_stmt_t, here->n + 1);
    if (here->n != 0) {
        memcpy(s->u.guard.body.v, here->v, here->n * sizeof(*here->v));
    }
}

/* The text of a constant as it would be printed. */
static bool
const_text(wr_comp_t *c, wr_ast_t *n, wr_buf_t *to)
{
    wr_val_t v;
    size_t   was = to->n;
    bool     ok;

    if (n->kind == WR_A_TEXT) {
        wr_buf_str(to, n->text);
        return true;
    }
    if (!wr_comp_const(c, n, &v)) {
        return false;
    }
    c->fold.failed = false;
    ok = c->autoescape ? wr_put_escaped(&c->fold, to, &v)
                       : wr_put_str(&c->fold, to, &v);
    c->fold.failed = false;
    if (!ok) {
        to->n = was;
    }
    return ok;
}

/* Text of the output: 16 bytes can be read at its start, see put.h. */
static wr_str_t
keep_text(wr_comp_t *c, wr_buf_t *pending)
{
    char  *p = wr_zalloc(c->pool, pending->n + 16);
    size_t n = pending->n;

    if (n != 0) {
        memcpy(p, pending->p, n);
    }
    pending->n = 0;
    return wr_str(p, n);
}

/* How the value is had. */
static void
set_from(const wr_comp_t *c, wr_piece_t *p)
{
    const wr_node_t *x = p->x;

    p->from = WR_FROM_ANY;
    if (c->is_volatile) {
        return;
    }
    if (x->eval == wr_eval_local) {
        p->from = WR_FROM_LOCAL;
        p->slot = x->u.var.slot;
    } else if (x->eval == wr_eval_getattr && x->u.attr.open
               && x->u.attr.x->eval == wr_eval_local)
    {
        p->from = WR_FROM_ATTR;
        p->slot = x->u.attr.x->u.var.slot;
    } else if (x->eval == wr_eval_call) {
        p->from = WR_FROM_CALL;
    }
}

static wr_piece_t
piece(wr_comp_t *c, wr_cframe_t *f, wr_ast_t *n, wr_buf_t *pending)
{
    wr_piece_t p = {.text = keep_text(c, pending), .line = n->line, .safe = wr_comp_safe(c)};

    c->line = n->line;
    p.x = wr_comp_look(c, f, n);
    p.column = wr_comp_column(c, n);
    set_from(c, &p);
    return p;
}

void
wr_comp_output(wr_comp_t *c, wr_cframe_t *f, wr_ast_t *n)
{
    wr_piece_t *v;
    uint32_t    k = 0;
    wr_emit_t  *outer = NULL;
    wr_buf_t    pending = wr_buf(c->tmp);
    wr_stmt_t  *s;

    if (f->output_check) {
        if (c->known_extends) {
            return;
        }
        outer = guard_begin(c);
    }
    v = WR_NEW_N(c->pool, wr_piece_t, n->list.n + 1);
    for (uint32_t i = 0; i < n->list.n; i++) {
        if (!const_text(c, n->list.v[i], &pending)) {
            v[k++] = piece(c, f, n->list.v[i], &pending);
        }
    }
    if (k != 0 || pending.n != 0) {
        s = wr_comp_emit(c, k != 0 ? wr_exec_output : wr_exec_text, c->line);
        s->u.output.v = v;
        s->u.output.n = k;
        s->u.output.tail = keep_text(c, &pending);
    }
    if (f->output_check) {
        guard_end(c, outer);
    }
}

/* ---- if, set, with ---- */

static void
comp_if(wr_comp_t *c, wr_cframe_t *f, wr_ast_t *n)
{
    wr_cframe_t  soft = *f;
    wr_branch_t *v = WR_NEW_N(c->pool, wr_branch_t, n->list.n + 2);
    wr_stmt_t   *s;
    uint32_t     i, k = 0;
    wr_ast_t    *part;

    soft.rootlevel = false;
    soft.soft = true;
    for (i = 0; i <= n->list.n; i++) {
        part = i == 0 ? n : n->list.v[i - 1];
        c->line = v[k].line = part->line;
        v[k].test = wr_comp_look(c, &soft, part->a);
        v[k++].body = wr_comp_body(c, &soft, &part->body);
    }
    if (n->orelse.n != 0) {
        v[k++].body = wr_comp_body(c, &soft, &n->orelse);
    }
    s = wr_comp_emit(c, wr_exec_if, n->line);
    s->column = wr_comp_column(c, n);
    s->u.branches.v = v;
    s->u.branches.n = k;
}

typedef struct {
    wr_comp_t   *c;
    wr_cframe_t *f;
    wr_stmt_t   *s;
} targets_t;

/* Names that also become variables of the context; namespaces to check. */
static bool
note_target(wr_ast_t *n, void *data)
{
    targets_t *t = data;
    uint32_t   i;
    wr_place_t p;

    if (n->kind == WR_A_NAME && t->f->toplevel) {
        p = wr_comp_place(t->c, t->f, n->name);
        for (i = 0; i < t->s->u.set.ntops; i++) {
            if (t->s->u.set.tops[i].name == p.name) {
                return true;
            }
        }
        t->s->u.set.tops[t->s->u.set.ntops++] = p;
    } else if (n->kind == WR_A_NSREF) {
        t->s->u.set.checks[t->s->u.set.nchecks++] =
            wr_comp_place(t->c, t->f, n->name);
    }
    return wr_ast_children(n, note_target, t);
}

static bool
count_nodes(wr_ast_t *n, void *data)
{
    ++*(uint32_t *) data;
    return wr_ast_children(n, count_nodes, data);
}

static void
assignment(wr_comp_t *c, wr_cframe_t *f, wr_ast_t *n, wr_stmt_t *s)
{
    uint32_t  total = 0;
    targets_t t = {c, f, s};

    count_nodes(n->a, &total);
    s->u.set.tops = WR_NEW_N(c->pool, wr_place_t, total);
    s->u.set.checks = WR_NEW_N(c->pool, wr_place_t, total);
    s->u.set.target = wr_comp_target(c, f, n->a);
    note_target(n->a, &t);
}

static void
comp_set(wr_comp_t *c, wr_cframe_t *f, wr_ast_t *n)
{
    wr_stmt_t s = {.exec = wr_exec_set, .line = n->line};

    c->line = n->line;
    s.column = wr_comp_column(c, n);
    assignment(c, f, n, &s);
    s.u.set.x = wr_comp_expr(c, f, n->b);
    *wr_comp_emit(c, NULL, n->line) = s;
}

static void
comp_setblock(wr_comp_t *c, wr_cframe_t *f, wr_ast_t *n)
{
    wr_stmt_t   s = {.exec = wr_exec_setblock, .line = n->line};
    wr_cframe_t inner = wr_comp_inner(c, f);
    wr_body_t  *b = WR_NEW(c->pool, wr_body_t);

    inner.output_check = false;
    wr_syms_analyse(&c->sc, inner.syms, n);
    b->scope = wr_comp_scope(c, inner.syms);
    b->code = wr_comp_body(c, &inner, &n->body);
    c->line = b->line = n->line;
    b->safe = n->b != NULL ? wr_comp_safe(c) : WR_SAFE_NO;
    assignment(c, f, n, &s);
    b->filter = n->b != NULL ? wr_comp_filter(c, &inner, n->b) : NULL;
    s.u.set.body = b;
    *wr_comp_emit(c, NULL, n->line) = s;
}

static void
comp_with(wr_comp_t *c, wr_cframe_t *f, wr_ast_t *n)
{
    wr_stmt_t   s = {.exec = wr_exec_with, .line = c->line};
    wr_cframe_t inner = wr_comp_inner(c, f);
    uint32_t    i;

    wr_syms_analyse(&c->sc, inner.syms, n);
    s.column = 0;
    s.u.with.n = n->list.n;
    s.u.with.scope = wr_comp_scope(c, inner.syms);
    s.u.with.targets = WR_NEW_N(c->pool, wr_target_t *, n->list.n + 1);
    s.u.with.values = WR_NEW_N(c->pool, wr_node_t *, n->list.n + 1);
    for (i = 0; i < n->list.n; i++) {
        s.u.with.targets[i] = wr_comp_target(c, &inner, n->list.v[i]);
        s.u.with.values[i] = wr_comp_expr(c, f, n->list2.v[i]);
    }
    s.u.with.body = wr_comp_body(c, &inner, &n->body);
    *wr_comp_emit(c, NULL, s.line) = s;
}

static void
comp_filterblock(wr_comp_t *c, wr_cframe_t *f, wr_ast_t *n)
{
    wr_stmt_t   s = {.exec = wr_exec_filterblock, .line = n->line};
    wr_cframe_t inner = wr_comp_inner(c, f);
    wr_body_t  *b = WR_NEW(c->pool, wr_body_t);

    wr_syms_analyse(&c->sc, inner.syms, n);
    b->scope = wr_comp_scope(c, inner.syms);
    b->code = wr_comp_body(c, &inner, &n->body);
    c->line = b->line = n->line;
    b->safe = wr_comp_safe(c);
    b->filter = wr_comp_filter(c, &inner, n->a);
    s.u.body = b;
    *wr_comp_emit(c, NULL, n->line) = s;
}

/* The setting holds for what is compiled in between; if it is not constant,
 * both ways have to be kept open. */
static void
comp_autoescape(wr_comp_t *c, wr_cframe_t *f, wr_ast_t *n)
{
    wr_stmt_t   s = {.exec = wr_exec_autoescape, .line = c->line};
    wr_cframe_t inner = wr_comp_inner(c, f);
    bool        was = c->autoescape, was_volatile = c->is_volatile, truth;
    wr_val_t    v;
    wr_scope_t  scope;
    wr_stmt_t  *with;

    wr_syms_analyse(&c->sc, inner.syms, n);
    scope = wr_comp_scope(c, inner.syms);
    s.u.autoescape.value = wr_comp_expr(c, &inner, n->a);
    if (wr_comp_const(c, n->a, &v) && wr_truth(&c->fold, &v, &truth)) {
        c->autoescape = truth;
    } else {
        c->fold.failed = false;
        c->is_volatile = true;
    }
    s.u.autoescape.body = wr_comp_body(c, &inner, &n->body);
    c->autoescape = was;
    c->is_volatile = was_volatile;
    with = wr_comp_emit(c, wr_exec_with, s.line);
    with->u.with.scope = scope;
    with->u.with.body.v = WR_NEW(c->pool, wr_stmt_t);
    with->u.with.body.v[0] = s;
    with->u.with.body.n = 1;
}

/* ---- blocks and other templates ---- */

static void
comp_block(wr_comp_t *c, wr_cframe_t *f, wr_ast_t *n)
{
    wr_emit_t *outer = NULL;
    wr_stmt_t *s;
    uint32_t   i;

    if (f->toplevel) {
        if (c->known_extends) {
            return;
        }
        if (c->extends_so_far > 0) {
            outer = guard_begin(c);
        }
    }
    c->line = n->line;
    s = wr_comp_emit(c, wr_exec_block, n->line);
    for (i = 0; i < c->tpl->nblocks; i++) {
        if (wr_str_eq(c->tpl->blocks[i]->name, n->name)) {
            s->u.block.block = c->tpl->blocks[i];
        }
    }
    s->column = wr_comp_column(c, n);
    s->u.block.scoped = n->flag;
    s->u.block.required = n->flag2;
    if (n->flag) {
        s->u.block.locals = wr_comp_locals(c, f);
    }
    if (outer != NULL) {
        guard_end(c, outer);
    }
}

/* Constant names of templates are kept for whoever wants to check them. */
static void
note_ref(wr_comp_t *c, wr_ast_t *n, bool optional)
{
    wr_template_t    *t = c->tpl;
    wr_template_to_t *more;
    wr_val_t          v;

    if (!wr_comp_const(c, n, &v) || v.type != WR_V_STR) {
        return;
    }
    if ((t->nrefs_to & (t->nrefs_to - 1)) == 0) {
        more = WR_NEW_N(c->pool, wr_template_to_t,
                        t->nrefs_to == 0 ? 1 : t->nrefs_to * 2);
        if (t->nrefs_to != 0) {
            memcpy(more, t->refs_to, t->nrefs_to * sizeof(*more));
        }
        t->refs_to = more;
    }
    t->refs_to[t->nrefs_to++] = (wr_template_to_t) {
        .name = wr_pool_str(c->pool, wr_val_text(&v)), .line = n->line,
        .column = wr_comp_column(c, n), .optional = optional};
}

static void
comp_extends(wr_comp_t *c, wr_cframe_t *f, wr_ast_t *n)
{
    wr_stmt_t *s;
    wr_node_t *x;

    if (!f->toplevel) {
        wr_comp_fail(c, n->line,
                     "cannot use extend from a non top-level scope");
    }
    if (c->extends_so_far > 0) {
        s = wr_comp_emit(c, wr_exec_extends_twice, c->line);
        if (c->known_extends) {
            c->exit = true;
            return;
        }
    }
    note_ref(c, n->a, false);
    c->line = n->line;
    x = wr_comp_look(c, f, n->a);
    s = wr_comp_emit(c, wr_exec_extends, n->line);
    s->column = wr_comp_column(c, n);
    s->u.extends.name = x;
    if (f->rootlevel) {
        c->known_extends = true;
    }
    c->extends_so_far++;
}

static void
comp_include(wr_comp_t *c, wr_cframe_t *f, wr_ast_t *n)
{
    wr_stmt_t *s;
    wr_node_t *x;

    note_ref(c, n->a, n->flag2);
    c->line = n->line;
    x = wr_comp_look(c, f, n->a);
    s = wr_comp_emit(c, wr_exec_include, n->line);
    s->column = wr_comp_column(c, n);
    s->u.include.name = x;
    s->u.include.with_context = n->flag;
    s->u.include.ignore_missing = n->flag2;
    s->u.include.how = WR_GET_ANY;
    if (n->a->kind == WR_A_CONST && n->a->value.type == WR_V_STR) {
        s->u.include.how = WR_GET_ONE;
    } else if (n->a->kind == WR_A_LIST || n->a->kind == WR_A_TUPLE) {
        s->u.include.how = WR_GET_SELECT;
    }
    if (n->flag) {
        s->u.include.locals = wr_comp_locals(c, f);
    }
}

static void
comp_import(wr_comp_t *c, wr_cframe_t *f, wr_ast_t *n)
{
    bool              from = n->kind == WR_A_FROM;
    uint32_t          count = from ? (uint32_t) n->value.u.i : 1, i;
    wr_stmt_t        *s;
    wr_node_t        *x;
    wr_import_name_t *names;
    wr_buf_t          b = wr_buf(c->pool);
    wr_val_t          v;

    note_ref(c, n->a, false);
    c->line = n->line;
    x = wr_comp_look(c, f, n->a);
    names = WR_NEW_N(c->pool, wr_import_name_t, count + 1);
    for (i = 0; i < count; i++) {
        names[i].name = from ? wr_pool_str(c->pool, n->names[i]) : WR_STR_NONE;
        names[i].place = wr_comp_place(c, f, from ? n->aliases[i] : n->name);
        names[i].top = f->toplevel;
    }
    wr_buf_printf(&b, "line %u", n->line);
    if (c->tpl->name.p != NULL) {
        v = wr_vstr(c->tpl->name);
        wr_buf_lit(&b, " in ");
        wr_put_repr(&c->fold, &b, &v);
    }
    s = wr_comp_emit(c, from ? wr_exec_from : wr_exec_import, n->line);
    s->column = wr_comp_column(c, n);
    s->u.import.name = x;
    s->u.import.names = names;
    s->u.import.n = count;
    s->u.import.with_context = n->flag;
    s->u.import.position = wr_buf_text(&b);
    if (n->flag) {
        s->u.import.locals = wr_comp_locals(c, f);
    }
}

static void
comp_do(wr_comp_t *c, wr_cframe_t *f, wr_ast_t *n)
{
    wr_stmt_t *s;
    wr_node_t *x;

    c->line = n->line;
    x = wr_comp_look(c, f, n->a);
    s = wr_comp_emit(c, wr_exec_do, n->line);
    s->column = wr_comp_column(c, n);
    s->u.x = x;
}

static void
comp_jump(wr_comp_t *c, wr_cframe_t *f, wr_ast_t *n)
{
    bool is_break = n->kind == WR_A_BREAK;

    if (!f->in_loop) {
        *c->err = (wr_err_t){.kind = "TemplateSyntaxError", .line = n->line};
        c->err->message = is_break ? WR_STR("'break' outside loop")
                                   : WR_STR("'continue' not properly in loop");
        longjmp(c->jump, 1);
    }
    c->line = n->line;
    wr_comp_emit(c, is_break ? wr_exec_break : wr_exec_continue, n->line);
}

void
wr_comp_stmt(wr_comp_t *c, wr_cframe_t *f, wr_ast_t *n)
{
    switch (n->kind) {
    case WR_A_OUTPUT: wr_comp_output(c, f, n); break;
    case WR_A_SET: comp_set(c, f, n); break;
    case WR_A_SETBLOCK: comp_setblock(c, f, n); break;
    case WR_A_FOR: wr_comp_for(c, f, n); break;
    case WR_A_IF: comp_if(c, f, n); break;
    case WR_A_MACRO: wr_comp_macro(c, f, n); break;
    case WR_A_CALLBLOCK: wr_comp_callblock(c, f, n); break;
    case WR_A_FILTERBLOCK: comp_filterblock(c, f, n); break;
    case WR_A_WITH: comp_with(c, f, n); break;
    case WR_A_BLOCK: comp_block(c, f, n); break;
    case WR_A_EXTENDS: comp_extends(c, f, n); break;
    case WR_A_INCLUDE: comp_include(c, f, n); break;
    case WR_A_IMPORT:
    case WR_A_FROM: comp_import(c, f, n); break;
    case WR_A_DO: comp_do(c, f, n); break;
    case WR_A_BREAK:
    case WR_A_CONTINUE: comp_jump(c, f, n); break;
    default: comp_autoescape(c, f, n); break;
    }
}
