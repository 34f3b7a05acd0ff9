/*
 * Scopes: see symbols.h. A branch of an `if` is a thin layer over its scope
 * that is merged back, so long chains of branches cost no copies.
 */
#include <weir/expr/symbols.h>

wr_syms_t *
wr_syms_new(wr_pool_t *pool, wr_cfn_t *fn, wr_syms_t *parent, uint32_t level)
{
    wr_syms_t *s = WR_NEW(pool, wr_syms_t);

    s->fn = fn;
    s->parent = parent;
    s->level = level;
    return s;
}

wr_cfn_t *
wr_cfn_new(wr_pool_t *pool, wr_cfn_t *up, wr_proto_t *proto)
{
    wr_cfn_t *fn = WR_NEW(pool, wr_cfn_t);

    fn->up = up;
    fn->proto = proto;
    return fn;
}

/* ---- the symbols of one layer ---- */

static wr_sym_t *
find(const wr_syms_t *s, uint32_t name)
{
    uint32_t i, at;

    if (s->index != NULL) {
        for (i = name * 2654435761u;; i++) {
            at = s->index[i & s->mask];
            if (at == 0) {
                return NULL;
            }
            if (s->v[at - 1].name == name) {
                return &s->v[at - 1];
            }
        }
    }
    for (i = 0; i < s->n; i++) {
        if (s->v[i].name == name) {
            return &s->v[i];
        }
    }
    return NULL;
}

static void
reindex(wr_pool_t *pool, wr_syms_t *s)
{
    uint32_t i, h;

    s->mask = s->cap * 2 - 1;
    s->index = WR_NEW_N(pool, uint32_t, s->mask + 1);
    for (i = 0; i < s->n; i++) {
        for (h = s->v[i].name * 2654435761u; s->index[h & s->mask] != 0; h++) {
        }
        s->index[h & s->mask] = i + 1;
    }
}

static wr_sym_t *
get(wr_pool_t *pool, wr_syms_t *s, uint32_t name)
{
    wr_sym_t *e = find(s, name), *more;
    uint32_t  h;

    if (e != NULL) {
        return e;
    }
    if (s->n == s->cap) {
        s->cap = s->cap == 0 ? 4 : s->cap * 2;
        more = WR_NEW_N(pool, wr_sym_t, s->cap);
        if (s->n != 0) {
            memcpy(more, s->v, s->n * sizeof(*more));
        }
        s->v = more;
        if (s->cap > 8) {
            reindex(pool, s);
        }
    }
    s->v[s->n++] = (wr_sym_t){.name = name};
    if (s->index != NULL) {
        for (h = name * 2654435761u; s->index[h & s->mask] != 0; h++) {
        }
        s->index[h & s->mask] = s->n;
    }
    return &s->v[s->n - 1];
}

static bool
has_ref(const wr_syms_t *s, uint32_t name)
{
    const wr_sym_t *e;

    for (; s != NULL; s = s->base) {
        e = find(s, name);
        if (e != NULL && e->ref) {
            return true;
        }
    }
    return false;
}

static bool
has_store(const wr_syms_t *s, uint32_t name)
{
    const wr_sym_t *e;

    for (; s != NULL; s = s->base) {
        e = find(s, name);
        if (e != NULL && e->stored) {
            return true;
        }
    }
    return false;
}

wr_syms_t *
wr_syms_owner(wr_syms_t *s, uint32_t name)
{
    for (; s != NULL; s = s->parent) {
        if (has_ref(s, name)) {
            while (s->base != NULL) {
                s = s->base;
            }
            return s;
        }
    }
    return NULL;
}

static uint64_t
slot_key(const wr_syms_t *s, uint32_t name)
{
    return (uint64_t) name | (uint64_t) (s->level & 0xfff) << 32
           | (uint64_t) s->variant << 44;
}

uint32_t
wr_syms_slot(wr_pool_t *pool, wr_syms_t *owner, uint32_t name)
{
    wr_cfn_t *fn = owner->fn;
    uint64_t  key = slot_key(owner, name), *more;
    uint32_t  h, i, at;

    for (h = (uint32_t) (key * 0x9e3779b97f4a7c15u >> 32); fn->index != NULL;
         h++) {
        at = fn->index[h & fn->mask];
        if (at == 0) {
            break;
        }
        if (fn->keys[at - 1] == key) {
            return at - 1;
        }
    }
    if (fn->n == fn->cap) {
        fn->cap = fn->cap == 0 ? 8 : fn->cap * 2;
        more = WR_NEW_N(pool, uint64_t, fn->cap);
        if (fn->n != 0) {
            memcpy(more, fn->keys, fn->n * sizeof(*more));
        }
        fn->keys = more;
        fn->mask = fn->cap * 2 - 1;
        fn->index = WR_NEW_N(pool, uint32_t, fn->mask + 1);
        for (i = 0; i < fn->n; i++) {
            h = (uint32_t) (fn->keys[i] * 0x9e3779b97f4a7c15u >> 32);
            while (fn->index[h & fn->mask] != 0) {
                h++;
            }
            fn->index[h & fn->mask] = i + 1;
        }
    }
    fn->keys[fn->n++] = key;
    h = (uint32_t) (key * 0x9e3779b97f4a7c15u >> 32);
    while (fn->index[h & fn->mask] != 0) {
        h++;
    }
    fn->index[h & fn->mask] = fn->n;
    fn->proto->nslots = fn->n;
    return fn->n - 1;
}

static wr_syms_t *
real(wr_syms_t *s)
{
    while (s->base != NULL) {
        s = s->base;
    }
    return s;
}

static wr_sym_t *
define(wr_symctx_t *c, wr_syms_t *s, uint32_t name, wr_load_t load)
{
    wr_sym_t *e = get(c->pool, s, name);

    e->ref = true;
    e->load = (uint8_t) load;
    wr_syms_slot(c->pool, real(s), name);
    return e;
}

static void
alias(wr_symctx_t *c, wr_sym_t *e, wr_syms_t *owner)
{
    e->load = WR_LOAD_ALIAS;
    e->from_fn = owner->fn;
    e->from_slot = wr_syms_slot(c->pool, owner, e->name);
}

void
wr_syms_param(wr_symctx_t *c, wr_syms_t *s, uint32_t name)
{
    define(c, s, name, WR_LOAD_PARAM)->stored = true;
}

static void
load(wr_symctx_t *c, wr_syms_t *s, uint32_t name)
{
    if (wr_syms_owner(s, name) == NULL) {
        define(c, s, name, WR_LOAD_RESOLVE);
    }
}

static void
store(wr_symctx_t *c, wr_syms_t *s, uint32_t name)
{
    wr_syms_t *outer;
    wr_sym_t  *e;

    get(c->pool, s, name)->stored = true;
    if (has_ref(s, name)) {
        return;
    }
    outer = wr_syms_owner(real(s)->parent, name);
    e = define(c, s, name, WR_LOAD_UNDEFINED);
    if (outer != NULL) {
        alias(c, e, outer);
    }
}

/* ---- walking ---- */

typedef struct {
    wr_symctx_t *c;
    wr_syms_t   *s;
    bool         as_param;
} walk_t;

static bool visit(wr_ast_t *n, void *data);

static void
visit_list(walk_t *w, wr_ast_list_t *l)
{
    uint32_t i;

    for (i = 0; i < l->n; i++) {
        visit(l->v[i], w);
    }
}

/* Takes what the branches found into the scope; a name that not all of them
 * assign may still be what it was outside. */
static void
merge(wr_symctx_t *c, wr_syms_t *s, wr_syms_t *branch[3])
{
    wr_syms_t *outer;
    wr_sym_t  *e, *to;
    uint32_t   i, k, b, count;
    struct {
        uint32_t *v;
        uint32_t  n;
    } partly = {NULL, 0};

    for (b = 0; b < 3; b++) {
        partly.n += branch[b]->n;
    }
    partly.v = WR_NEW_N(c->pool, uint32_t, partly.n + 1);
    partly.n = 0;
    for (b = 0; b < 3; b++) {
        for (i = 0; i < branch[b]->n; i++) {
            e = &branch[b]->v[i];
            if (!e->stored || has_store(s, e->name)) {
                continue;
            }
            for (k = 0, count = 0; k < 3; k++) {
                to = find(branch[k], e->name);
                count += to != NULL && to->stored;
            }
            if (count < 3) {
                partly.v[partly.n++] = e->name;
            }
        }
    }
    for (b = 0; b < 3; b++) {
        for (i = 0; i < branch[b]->n; i++) {
            e = &branch[b]->v[i];
            to = get(c->pool, s, e->name);
            to->stored |= e->stored;
            if (e->ref) {
                to->ref = true;
                to->load = e->load;
                to->from_fn = e->from_fn;
                to->from_slot = e->from_slot;
            }
        }
    }
    outer = real(s)->parent;
    for (i = 0; i < partly.n; i++) {
        wr_syms_t *owner = wr_syms_owner(outer, partly.v[i]);

        e = get(c->pool, s, partly.v[i]);
        e->ref = true;
        if (owner != NULL) {
            alias(c, e, owner);
        } else {
            e->load = WR_LOAD_RESOLVE;
        }
    }
}

static void
visit_if(walk_t *w, wr_ast_t *n)
{
    wr_syms_t     *s = w->s, *branch[3];
    wr_ast_list_t *parts[3] = {&n->body, &n->list, &n->orelse};
    int            i;

    visit(n->a, w);
    for (i = 0; i < 3; i++) {
        branch[i] = wr_syms_new(w->c->pool, s->fn, s->parent, s->level);
        branch[i]->base = s;
        w->s = branch[i];
        visit_list(w, parts[i]);
    }
    w->s = s;
    merge(w->c, s, branch);
}

static void
visit_names(walk_t *w, wr_ast_t *n)
{
    int64_t i;

    visit(n->a, w);
    if (n->kind == WR_A_IMPORT) {
        store(w->c, w->s, w->c->id(w->c->data, n->name));
        return;
    }
    for (i = 0; i < n->value.u.i; i++) {
        store(w->c, w->s, w->c->id(w->c->data, n->aliases[i]));
    }
}

static bool
visit(wr_ast_t *n, void *data)
{
    walk_t  *w = data;
    uint32_t id;

    switch (n->kind) {
    case WR_A_NAME:
        id = w->c->id(w->c->data, n->name);
        if (w->as_param || n->ctx == WR_CTX_PARAM) {
            wr_syms_param(w->c, w->s, id);
        } else if (n->ctx == WR_CTX_STORE) {
            store(w->c, w->s, id);
        } else {
            load(w->c, w->s, id);
        }
        return true;
    case WR_A_NSREF:
        load(w->c, w->s, w->c->id(w->c->data, n->name));
        return true;
    case WR_A_IF: visit_if(w, n); return true;
    case WR_A_MACRO:
        store(w->c, w->s, w->c->id(w->c->data, n->name));
        return true;
    case WR_A_IMPORT:
    case WR_A_FROM: visit_names(w, n); return true;
    case WR_A_SET:
        visit(n->b, w);
        visit(n->a, w);
        return true;
    case WR_A_SETBLOCK:
        if (n->b != NULL) {
            visit(n->b, w);
        }
        visit(n->a, w);
        return true;
    case WR_A_FOR: visit(n->b, w); return true;
    case WR_A_CALLBLOCK:
    case WR_A_FILTERBLOCK: visit(n->a, w); return true;
    case WR_A_WITH: visit_list(w, &n->list2); return true;
    case WR_A_BLOCK:
    case WR_A_AUTOESCAPE: return true;
    default: return wr_ast_children(n, visit, w);
    }
}

void
wr_syms_analyse_list(wr_symctx_t *c, wr_syms_t *s, wr_ast_list_t *list)
{
    walk_t w = {c, s, false};

    visit_list(&w, list);
}

void
wr_syms_analyse(wr_symctx_t *c, wr_syms_t *s, wr_ast_t *n)
{
    walk_t w = {c, s, false};

    switch (n->kind) {
    case WR_A_MACRO:
    case WR_A_CALLBLOCK:
        visit_list(&w, &n->list);
        visit_list(&w, &n->list2);
        visit_list(&w, &n->body);
        break;
    case WR_A_WITH:
        w.as_param = true;
        visit_list(&w, &n->list);
        w.as_param = false;
        visit_list(&w, &n->body);
        break;
    case WR_A_FILTERBLOCK:
        visit_list(&w, &n->body);
        visit(n->a, &w);
        break;
    case WR_A_AUTOESCAPE:
        visit(n->a, &w);
        visit_list(&w, &n->body);
        break;
    default: visit_list(&w, &n->body); break;
    }
}

void
wr_syms_analyse_for(wr_symctx_t *c, wr_syms_t *s, wr_ast_t *n,
                    wr_branch_part_t part)
{
    walk_t w = {c, s, true};

    if (part == WR_FOR_ELSE) {
        w.as_param = false;
        visit_list(&w, &n->orelse);
        return;
    }
    visit(n->a, &w);
    w.as_param = false;
    if (part == WR_FOR_BODY) {
        visit_list(&w, &n->body);
    } else {
        visit(n->c, &w);
    }
}

/* ---- names used but not declared ---- */

typedef struct {
    const char *const *names;
    uint32_t           n;
    uint32_t           open; /* still of interest */
    uint32_t           found;
} undeclared_t;

static bool
look(wr_ast_t *n, void *data)
{
    undeclared_t *u = data;
    uint32_t      i;

    if (n->kind == WR_A_BLOCK) {
        return true;
    }
    if (n->kind == WR_A_NAME) {
        for (i = 0; i < u->n; i++) {
            if ((u->open & 1u << i) != 0 && wr_str_eqz(n->name, u->names[i])) {
                if (n->ctx == WR_CTX_LOAD) {
                    u->found |= 1u << i;
                } else {
                    u->open &= ~(1u << i);
                }
            }
        }
        return true;
    }
    return wr_ast_children(n, look, u);
}

uint32_t
wr_undeclared(wr_ast_list_t *body, const char *const *names, uint32_t n)
{
    undeclared_t u = {names, n, (1u << n) - 1, 0};
    uint32_t     i;

    for (i = 0; i < body->n; i++) {
        look(body->v[i], &u);
    }
    return u.found;
}
