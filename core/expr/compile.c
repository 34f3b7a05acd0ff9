/*
 * The compiler's ground: names, places, scopes, functions, and the entries.
 *
 * One pass over the tree, function by function, with the scopes of symbols.c.
 * The first error ends it by a long jump; all memory is in pools.
 */
#include <weir/base/hash.h>
#include <weir/expr/compile.h>
#include <weir/expr/expr_priv.h>
#include <weir/expr/parser.h>

#include <stdarg.h>
#include <stdio.h>

void
wr_comp_fail(wr_comp_t *c, uint32_t line, const char *format, ...)
{
    char    text[400];
    va_list ap;
    int     n;

    va_start(ap, format);
    n = vsnprintf(text, sizeof(text), format, ap);
    va_end(ap);
    n = n < 0 ? 0 : n >= (int) sizeof(text) ? (int) sizeof(text) - 1 : n;
    *c->err = (wr_err_t){.kind = "TemplateAssertionError", .line = line};
    if (c->fault >= c->src.p && c->fault < c->src.p + c->src.n) {
        c->err->column = wr_ast_column(c->src, (uint32_t) (c->fault - c->src.p));
    }
    c->err->message = wr_pool_str(c->tmp, wr_str(text, (size_t) n));
    longjmp(c->jump, 1);
}

uint32_t
wr_comp_column(wr_comp_t *c, const wr_ast_t *n)
{
    return wr_ast_column(c->src, n->pos);
}

wr_name_t *
wr_comp_name(wr_comp_t *c, wr_str_t s)
{
    wr_name_t        *n = wr_map_get(&c->names, s), **more;
    const wr_names_t *host = &c->env->options.names;
    const wr_val_t   *global;

    if (n != NULL) {
        return n;
    }
    n = WR_NEW(c->pool, wr_name_t);
    n->s = wr_pool_str(c->pool, s);
    n->hash = (uint32_t) wr_hash(s.p, s.n);
    n->id = c->nbyid;
    n->slot = host->slot != NULL ? host->slot(host->data, n->s) : -1;
    global = wr_map_get(&c->env->globals, s);
    n->global = global != NULL ? *global : wr_missing();
    n->undef.name = n->s;
    n->undef.kind = c->env->options.undefined;
    wr_map_set(&c->names, n->s, n);
    if (c->nbyid == c->capbyid) {
        c->capbyid = c->capbyid == 0 ? 16 : c->capbyid * 2;
        more = WR_NEW_N(c->pool, wr_name_t *, c->capbyid);
        if (c->nbyid != 0) {
            memcpy(more, c->byid, c->nbyid * sizeof(*more));
        }
        c->byid = more;
    }
    c->byid[c->nbyid++] = n;
    return n;
}

static uint32_t
name_id(void *data, wr_str_t s)
{
    return wr_comp_name(data, s)->id;
}

/* The slot of an outer function: all between have to keep their frames. */
static uint16_t
hops_to(wr_comp_t *c, wr_cfn_t *owner)
{
    uint16_t  hops = 0;
    wr_cfn_t *fn;

    for (fn = c->fn; fn != owner; fn = fn->up) {
        WR_ASSERT(fn->up != NULL);
        fn->up->proto->captured = true;
        hops++;
    }
    return hops;
}

wr_place_t
wr_comp_place(wr_comp_t *c, wr_cframe_t *f, wr_str_t s)
{
    wr_name_t *name = wr_comp_name(c, s);
    wr_syms_t *owner = wr_syms_owner(f->syms, name->id);
    wr_place_t p = {.name = name};

    WR_ASSERT(owner != NULL);
    p.slot = wr_syms_slot(c->tmp, owner, name->id);
    p.hops = hops_to(c, owner->fn);
    return p;
}

wr_stmt_t *
wr_comp_emit(wr_comp_t *c, wr_stmt_fn exec, uint32_t line)
{
    wr_emit_t *e = c->to;
    wr_stmt_t *more;

    if (e->n == e->cap) {
        e->cap = e->cap == 0 ? 8 : e->cap * 2;
        more = WR_NEW_N(c->tmp, wr_stmt_t, e->cap);
        if (e->n != 0) {
            memcpy(more, e->v, e->n * sizeof(*more));
        }
        e->v = more;
    }
    e->v[e->n] = (wr_stmt_t){.exec = exec, .line = line};
    return &e->v[e->n++];
}

wr_code_t
wr_comp_body(wr_comp_t *c, wr_cframe_t *f, wr_ast_list_t *body)
{
    wr_emit_t here = {NULL, 0, 0}, *outer = c->to;
    wr_code_t code;
    uint32_t  i;

    c->to = &here;
    for (i = 0; i < body->n && !c->exit; i++) {
        wr_comp_stmt(c, f, body->v[i]);
    }
    c->exit = false;
    c->to = outer;
    code.n = here.n;
    code.v = WR_NEW_N(c->pool, wr_stmt_t, here.n + 1);
    if (here.n != 0) {
        memcpy(code.v, here.v, here.n * sizeof(*code.v));
    }
    return code;
}

wr_cframe_t
wr_comp_inner(wr_comp_t *c, wr_cframe_t *f)
{
    return (wr_cframe_t){
        .syms = wr_syms_new(c->tmp, c->fn, f->syms, f->syms->level + 1),
        .output_check = f->output_check,
        .in_loop = f->in_loop,
    };
}

wr_scope_t
wr_comp_scope(wr_comp_t *c, wr_syms_t *s)
{
    wr_scope_t out = {0};
    wr_init_t *to;
    wr_sym_t  *e;
    uint32_t   i;

    out.init = WR_NEW_N(c->pool, wr_init_t, s->n + 1);
    out.once = WR_NEW_N(c->pool, wr_init_t, s->n + 1);
    out.leave = WR_NEW_N(c->pool, uint32_t, s->n + 1);
    for (i = 0; i < s->n; i++) {
        e = &s->v[i];
        if (!e->ref || e->load == WR_LOAD_NONE) {
            continue;
        }
        out.leave[out.nleave++] = wr_syms_slot(c->tmp, s, e->name);
        if (e->load == WR_LOAD_PARAM) {
            continue;
        }
        /* What is looked up and never assigned stays the same. */
        to = e->load == WR_LOAD_RESOLVE && !e->stored ? &out.once[out.nonce++]
                                                      : &out.init[out.ninit++];
        to->slot = wr_syms_slot(c->tmp, s, e->name);
        switch (e->load) {
        case WR_LOAD_RESOLVE:
            to->kind = WR_INIT_LAZY;
            to->from.slot = to->slot;
            to->from.name = c->byid[e->name];
            c->byid[e->name]->outside = true;
            break;
        case WR_LOAD_ALIAS:
            to->kind = WR_INIT_ALIAS;
            to->from.slot = e->from_slot;
            to->from.hops = hops_to(c, e->from_fn);
            to->from.name = c->byid[e->name];
            break;
        default: to->kind = WR_INIT_MISSING; break;
        }
    }
    return out;
}

wr_locals_t
wr_comp_locals(wr_comp_t *c, wr_cframe_t *f)
{
    wr_locals_t out = {NULL, 0};
    wr_syms_t  *s;
    uint32_t    i, k, total = 0;

    for (s = f->syms; s != NULL; s = s->parent) {
        total += s->n;
    }
    out.v = WR_NEW_N(c->pool, wr_place_t, total + 1);
    for (s = f->syms; s != NULL; s = s->parent) {
        if (s->fn == c->root && s->level == 0) {
            continue; /* these are in the context anyhow */
        }
        for (i = 0; i < s->n; i++) {
            if (!s->v[i].stored) {
                continue;
            }
            for (k = 0; k < out.n; k++) {
                if (out.v[k].name->id == s->v[i].name) {
                    break;
                }
            }
            if (k == out.n) {
                out.v[out.n++] = wr_comp_place(c, f, c->byid[s->v[i].name]->s);
            }
        }
    }
    return out;
}

/* ---- blocks and roots ---- */

static bool
find_blocks(wr_ast_t *n, void *data)
{
    wr_comp_t *c = data;
    uint32_t   i;

    if (n->kind <= WR_A_LAST_EXPR) {
        return true;
    }
    if (n->kind == WR_A_EXTENDS) {
        c->have_extends = true;
    }
    if (n->kind == WR_A_BLOCK) {
        for (i = 0; i < c->blocks.n; i++) {
            if (wr_str_eq(c->blocks.v[i]->name, n->name)) {
                wr_comp_fail(c, n->line, "block '%.*s' defined twice",
                             WR_ARG(n->name));
            }
        }
        wr_ast_push(c->tmp, &c->blocks, n);
    }
    return wr_ast_children(n, find_blocks, c);
}

wr_proto_t *
wr_comp_proto(wr_comp_t *c, const char *what, uint32_t line)
{
    wr_proto_t *p = WR_NEW(c->pool, wr_proto_t);

    p->tpl = c->tpl;
    p->what = what;
    p->line = line;
    p->self_slot = p->super_slot = -1;
    p->caller_slot = p->kwargs_slot = p->varargs_slot = -1;
    return p;
}

int32_t
wr_comp_special(wr_comp_t *c, wr_cframe_t *f, const char *name)
{
    uint32_t id = wr_comp_name(c, wr_str_z(name))->id;

    wr_syms_param(&c->sc, f->syms, id);
    return (int32_t) wr_syms_slot(c->tmp, f->syms, id);
}

static void
compile_root(wr_comp_t *c, wr_ast_list_t *body)
{
    static const char *const names[] = {"self"};
    wr_proto_t              *p = wr_comp_proto(c, "root", 1);
    wr_cframe_t              f = {.toplevel = true, .rootlevel = true};

    c->fn = c->root = wr_cfn_new(c->tmp, NULL, p);
    c->tpl->root = p;
    f.syms = wr_syms_new(c->tmp, c->fn, NULL, 0);
    f.output_check = c->have_extends;
    if (wr_undeclared(body, names, 1) != 0) {
        p->self_slot = wr_comp_special(c, &f, "self");
    }
    wr_syms_analyse_list(&c->sc, f.syms, body);
    c->line = 1;
    p->scope = wr_comp_scope(c, f.syms);
    p->code = wr_comp_body(c, &f, body);
}

static void
compile_block(wr_comp_t *c, wr_ast_t *n, wr_block_t *b)
{
    static const char *const names[] = {"self", "super"};
    wr_proto_t              *p = wr_comp_proto(c, "block", n->line);
    wr_cframe_t              f = {.block_frame = true};
    uint32_t                 used = wr_undeclared(&n->body, names, 2);

    b->proto = p;
    p->block = b;
    c->fn = wr_cfn_new(c->tmp, NULL, p);
    f.syms = wr_syms_new(c->tmp, c->fn, NULL, 0);
    if ((used & 1) != 0) {
        p->self_slot = wr_comp_special(c, &f, "self");
    }
    if ((used & 2) != 0) {
        p->super_slot = wr_comp_special(c, &f, "super");
    }
    wr_syms_analyse(&c->sc, f.syms, n);
    c->line = n->line;
    p->scope = wr_comp_scope(c, f.syms);
    p->code = wr_comp_body(c, &f, &n->body);
}

static void
declare_blocks(wr_comp_t *c, wr_ast_list_t *body)
{
    wr_template_t *t = c->tpl;
    wr_block_t    *b;
    uint32_t       i;

    for (i = 0; i < body->n; i++) {
        find_blocks(body->v[i], c);
    }
    t->nblocks = c->blocks.n;
    t->blocks = WR_NEW_N(c->pool, wr_block_t *, t->nblocks + 1);
    for (i = 0; i < t->nblocks; i++) {
        b = t->blocks[i] = WR_NEW(c->pool, wr_block_t);
        b->name = wr_pool_str(c->pool, c->blocks.v[i]->name);
        b->hash = (uint32_t) wr_hash(b->name.p, b->name.n);
        b->line = c->blocks.v[i]->line;
        b->required = c->blocks.v[i]->flag2;
    }
}

static void
finish_names(wr_comp_t *c)
{
    wr_template_t *t = c->tpl;
    uint32_t       i;

    t->names = c->byid;
    t->nnames = c->nbyid;
    t->outside = WR_NEW_N(c->pool, wr_name_t *, t->nnames + 1);
    for (i = 0; i < t->nnames; i++) {
        if (t->names[i]->outside) {
            t->outside[t->noutside++] = t->names[i];
        }
    }
}

static void
start(wr_comp_t *c, wr_template_t *t, wr_pool_t *tmp, wr_err_t *err)
{
    *c = (wr_comp_t){
        .pool = t->pool, .tmp = tmp, .env = t->env, .tpl = t, .err = err};
    c->names = wr_map(t->pool, false);
    c->sc = (wr_symctx_t){tmp, name_id, c};
    c->autoescape = t->autoescape;
    wr_eval_init(&c->fold, t->env, tmp);
    c->fold.limits.string = 1 << 20;
    c->fold.limits.range = 100000;
    c->fold.limits.memory = wr_min_size(c->fold.limits.memory, 64 << 20);
    c->fold.limits.steps = wr_min_size(c->fold.limits.steps, 10000000);
}

bool
wr_compile_source(wr_template_t *t, wr_pool_t *tmp, wr_str_t source,
                  wr_err_t *err)
{
    wr_parse_t    *p = WR_NEW(tmp, wr_parse_t);
    wr_comp_t     *c = WR_NEW(tmp, wr_comp_t);
    wr_ast_list_t *body;
    uint32_t       i;

    body = wr_parse_template(p, tmp, t->env, &t->env->options.lex, source, err);
    if (body == NULL) {
        return false;
    }
    start(c, t, tmp, err);
    c->src = p->lex.src;
    if (setjmp(c->jump) != 0) {
        return false;
    }
    declare_blocks(c, body);
    compile_root(c, body);
    for (i = 0; i < c->blocks.n; i++) {
        compile_block(c, c->blocks.v[i], t->blocks[i]);
    }
    finish_names(c);
    return true;
}

bool
wr_compile_expr(wr_template_t *t, wr_pool_t *tmp, wr_str_t source,
                wr_str_t whole, wr_err_t *err)
{
    wr_parse_t   *p = WR_NEW(tmp, wr_parse_t);
    wr_comp_t    *c = WR_NEW(tmp, wr_comp_t);
    wr_ast_t     *n;
    wr_ast_list_t list = {NULL, 0, 0};
    wr_cframe_t   f = {0};

    n = wr_parse_expression(p, tmp, t->env, &t->env->options.lex, source, err);
    if (n == NULL) {
        return false;
    }
    start(c, t, tmp, err);
    c->src = p->lex.src;
    if (setjmp(c->jump) != 0) {
        return false;
    }
    c->alone = true;
    t->root = wr_comp_proto(c, "expression", 1);
    c->fn = c->root = wr_cfn_new(tmp, NULL, t->root);
    f.syms = wr_syms_new(tmp, c->fn, NULL, 0);
    wr_ast_push(tmp, &list, n);
    wr_syms_analyse_list(&c->sc, f.syms, &list);
    t->root->scope = wr_comp_scope(c, f.syms);
    wr_refs_tell(t->env, n, &(wr_part_t) {c->src, whole, (size_t) (source.p - whole.p)});
    t->expr = wr_comp_expr(c, &f, n);
    finish_names(c);
    return true;
}
