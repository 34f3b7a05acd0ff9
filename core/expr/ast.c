/*
 * The syntax tree: lists of nodes and walking over children.
 */
#include <weir/expr/ast.h>

const char *
wr_ast_name(const wr_ast_t *n)
{
    static const char *const names[] = {"const",
                                        "name",
                                        "nsref",
                                        "tuple",
                                        "list",
                                        "dict",
                                        "condexpr",
                                        "filter",
                                        "test",
                                        "call",
                                        "getitem",
                                        "getattr",
                                        "slice",
                                        "concat",
                                        "compare",
                                        "add",
                                        "sub",
                                        "mul",
                                        "div",
                                        "floordiv",
                                        "mod",
                                        "pow",
                                        "and",
                                        "or",
                                        "not",
                                        "neg",
                                        "pos",
                                        "templatedata",
                                        "marksafeifautoescape",
                                        "call"};

    return n->kind <= WR_A_LAST_EXPR ? names[n->kind] : "stmt";
}

void
wr_ast_push(wr_pool_t *pool, wr_ast_list_t *l, wr_ast_t *n)
{
    wr_ast_t **more;

    if (l->n == l->cap) {
        l->cap = l->cap == 0 ? 4 : l->cap * 2;
        more = WR_NEW_N(pool, wr_ast_t *, l->cap);
        if (l->n != 0) {
            memcpy(more, l->v, l->n * sizeof(*more));
        }
        l->v = more;
    }
    l->v[l->n++] = n;
}

static bool
each(wr_ast_list_t *l, bool (*fn)(wr_ast_t *child, void *data), void *data)
{
    uint32_t i;

    for (i = 0; i < l->n; i++) {
        if (l->v[i] != NULL && !fn(l->v[i], data)) {
            return false;
        }
    }
    return true;
}

bool
wr_ast_children(wr_ast_t *n, bool (*fn)(wr_ast_t *child, void *data),
                void     *data)
{
    if (n->kind == WR_A_IF || n->kind == WR_A_FILTERBLOCK) {
        return (n->kind != WR_A_IF || fn(n->a, data))
               && each(&n->body, fn, data)
               && (n->kind == WR_A_IF || fn(n->a, data))
               && each(&n->list, fn, data) && each(&n->orelse, fn, data);
    }
    return (n->a == NULL || fn(n->a, data)) && (n->b == NULL || fn(n->b, data))
           && (n->c == NULL || fn(n->c, data)) && each(&n->list, fn, data)
           && each(&n->list2, fn, data) && each(&n->body, fn, data)
           && each(&n->orelse, fn, data);
}

uint32_t
wr_ast_column(wr_str_t src, uint32_t pos)
{
    uint32_t bol = pos;

    while (bol > 0 && src.p[bol - 1] != '\n') {
        bol--;
    }
    return pos - bol + 1;
}
