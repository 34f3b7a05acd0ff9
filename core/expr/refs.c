/*
 * What an expression asks of names from outside: `post.first.title` is a reference to
 * `post` with two parts. Told while the expression is compiled, to whoever knows what
 * is behind a name and can say that a part is not there.
 */
#include <weir/expr/code.h>
#include <weir/expr/expr.h>

enum { MOST_PARTS = 8 };

typedef struct walk {
    const wr_env_t *env;
    bool            guarded;    /* it may be undefined: |default, is defined */
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
    w->env->refs(w->env->refs_data, &ref);
}

static bool
visit(wr_ast_t *n, void *data)
{
    walk_t         *w = data;
    bool            was = w->guarded;
    const wr_ast_t *base = base_of(n);

    if (base != NULL && base != n) {
        tell(w, n, base);
        for (wr_ast_t *x = n; x != base; x = x->a) {
            if (x->b != NULL && !visit(x->b, w)) {
                return false;
            }
        }
        return true;
    }
    w->guarded |= is_guard(n);
    (void) wr_ast_children(n, visit, w);
    w->guarded = was;
    return true;
}

void
wr_refs_tell(const wr_env_t *env, wr_ast_t *n)
{
    walk_t w = {env, false};

    if (env->refs != NULL) {
        (void) visit(n, &w);
    }
}

void
wr_env_tell_refs(wr_env_t *env, void (*fn)(void *data, const wr_expr_ref_t *ref), void *data)
{
    env->refs = fn;
    env->refs_data = data;
}
