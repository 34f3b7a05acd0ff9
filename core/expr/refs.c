/*
 * What an expression asks of names from outside: `post.first.title` is a reference to
 * `post` with two parts, `url_for("post")` a call with a constant text. Told while the
 * expression is compiled, to whoever knows what is behind a name and can say that a
 * part is not there, or that the call must fail.
 */
#include <weir/expr/code.h>
#include <weir/expr/expr.h>

enum { MOST_PARTS = 8 };

typedef struct walk {
    const wr_env_t  *env;
    const wr_part_t *part;
    bool             guarded;   /* it may be undefined: |default, is defined */
    bool             maybe;     /* it may never be evaluated */
} walk_t;

static bool visit(wr_ast_t *n, void *data);

static bool
is_guard(const wr_ast_t *n)
{
    return (n->kind == WR_A_FILTER
            && (wr_str_eqz(n->name, "default") || wr_str_eqz(n->name, "d")))
           || (n->kind == WR_A_TEST
               && (wr_str_eqz(n->name, "defined") || wr_str_eqz(n->name, "undefined")));
}

/* The name that a chain of attributes and items begins with, or NULL. */
static const wr_ast_t *
base_of(const wr_ast_t *n)
{
    while (n->kind == WR_A_GETATTR || n->kind == WR_A_GETITEM) {
        n = n->a;
    }
    return n->kind == WR_A_NAME ? n : NULL;
}

/* Fills `parts` from the end, as far as they are constant. */
static void
tell(const walk_t *w, const wr_ast_t *n, const wr_ast_t *base)
{
    wr_str_t      parts[MOST_PARTS];
    unsigned      depth = 0;
    wr_expr_ref_t ref = {.name = base->name, .parts = parts, .guarded = w->guarded};

    for (const wr_ast_t *x = n; x != base; x = x->a) {
        depth++;
    }
    for (const wr_ast_t *x = n; x != base; x = x->a) {
        bool constant = x->kind == WR_A_GETATTR
                        || (x->b != NULL && x->b->kind == WR_A_CONST
                            && (x->b->value.type == WR_V_STR
                                || x->b->value.type == WR_V_INT));

        depth--;
        if (!constant || depth >= MOST_PARTS) {
            ref.n = 0;          /* only what stands in front of it is known */
            continue;
        }
        parts[depth] = x->kind == WR_A_GETATTR            ? x->name
                       : x->b->value.type == WR_V_STR ? wr_val_text(&x->b->value)
                                                      : WR_STR_NONE;
        ref.n = ref.n != 0 ? ref.n : depth + 1;
    }
    w->env->refs(w->env->tell_data, &ref);
}

bool
wr_call_read(const wr_ast_t *n, wr_str_t src, wr_expr_call_t *call)
{
    const wr_ast_t *text = n->list.n != 0 ? n->list.v[0] : NULL;

    if (n->kind != WR_A_CALL || n->a->kind != WR_A_NAME || text == NULL
        || text->kind != WR_A_CONST || text->value.type != WR_V_STR)
    {
        return false;
    }
    *call = (wr_expr_call_t) {
        .name = n->a->name, .text = wr_val_text(&text->value), .n = n->list.n,
        .keys = n->names, .nkeys = n->list2.n, .open = n->b != NULL || n->c != NULL,
        .line = text->line, .column = wr_ast_column(src, text->pos)};
    return true;
}

/* With its place in the whole text that the expression is a part of. */
static void
tell_call(const walk_t *w, const wr_ast_t *n)
{
    const wr_part_t *part = w->part;
    wr_expr_call_t   call;

    if (w->env->calls == NULL || !wr_call_read(n, part->src, &call)) {
        return;
    }
    if (call.line == 1) {
        call.column += wr_ast_column(part->whole, (uint32_t) part->at) - 1;
    }
    for (size_t i = 0; i < part->at; i++) {
        call.line += part->whole.p[i] == '\n';
    }
    call.maybe = w->maybe;
    w->env->calls(w->env->tell_data, &call);
}

/* Of `a if b else c`, `b and a`, `b or a`, a may never be evaluated. */
static bool
visit_condition(walk_t *w, wr_ast_t *n)
{
    bool was = w->maybe;

    (void) visit(n->a, w);
    w->maybe = true;
    (void) visit(n->b, w);
    if (n->c != NULL) {
        (void) visit(n->c, w);
    }
    w->maybe = was;
    return true;
}

static bool
visit(wr_ast_t *n, void *data)
{
    walk_t         *w = data;
    bool            was = w->guarded;
    const wr_ast_t *base = base_of(n);

    if (base != NULL && base != n) {
        if (w->env->refs != NULL) {
            tell(w, n, base);
        }
        for (wr_ast_t *x = n; x != base; x = x->a) {
            if (x->b != NULL && !visit(x->b, w)) {
                return false;
            }
        }
        return true;
    }
    if (n->kind == WR_A_COND || n->kind == WR_A_AND || n->kind == WR_A_OR) {
        return visit_condition(w, n);
    }
    if (n->kind == WR_A_CALL) {
        tell_call(w, n);
    }
    w->guarded |= is_guard(n);
    (void) wr_ast_children(n, visit, w);
    w->guarded = was;
    return true;
}

void
wr_refs_tell(const wr_env_t *env, wr_ast_t *n, const wr_part_t *part)
{
    walk_t w = {.env = env, .part = part};

    if (env->refs != NULL || env->calls != NULL) {
        (void) visit(n, &w);
    }
}

void
wr_env_tell(wr_env_t *env, void (*refs)(void *data, const wr_expr_ref_t *ref),
            void (*calls)(void *data, const wr_expr_call_t *call), void *data)
{
    env->refs = refs;
    env->calls = calls;
    env->tell_data = data;
}
