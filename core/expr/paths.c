/*
 * What a template asks of names from outside, followed through its loops: in
 * `{% for p in posts %}{{ p.title }}` the part "title" is asked of an item of `posts`.
 *
 * What is told can be relied on: where a name may mean anything else (the template
 * sets it, a macro has it as a parameter, a loop's values are not simply items) nothing
 * is told, and what is anywhere tested, or has a default, is told as such. Parents are
 * read with their children, for they share names and blocks; included templates with
 * the names as they are at the place. Of imported ones, which do not see the names,
 * only the calls of functions are told.
 */
#include <weir/base/map.h>
#include <weir/expr/code.h>
#include <weir/expr/parser.h>
#include <weir/expr/paths.h>

enum {
    MOST_PARTS = 8,
    DEEPEST = 16,           /* templates included within each other, parents in a row */
    MOST_TEMPLATES = 500,   /* read in all */
};

/* What a name means, from the innermost outwards. */
typedef struct bind {
    const struct bind *outer;
    wr_str_t           name;
    bool               known;
    wr_path_t          path;
} bind_t;

/* A template, its source and its tree. */
typedef struct text {
    struct text   *child;
    wr_str_t       file;
    wr_str_t       src;
    wr_ast_list_t *body;
} text_t;

typedef struct walk {
    wr_env_t     *env;
    wr_pool_t    *pool;
    wr_paths_t    found;
    const text_t *text;         /* that is being read */
    const bind_t *names;
    bool          tested;
    bool          maybe;        /* what is read may never be evaluated */
    bool          apart;        /* it does not see the names of the view */
    unsigned      depth, count;
} walk_t;

static void expr(walk_t *w, wr_ast_t *n);
static void body(walk_t *w, wr_ast_list_t *list);
static void whole(walk_t *w, wr_str_t name);
static bool is_replaced(const walk_t *w, wr_str_t name);

/* ---- names ---- */

static void
bind(walk_t *w, wr_str_t name, const wr_path_t *path)
{
    bind_t *b = WR_NEW(w->pool, bind_t);

    b->outer = w->names;
    b->name = name;
    b->known = path != NULL;
    if (path != NULL) {
        b->path = *path;
    }
    w->names = b;
}

/* The names of a target, of parameters: they may mean anything. */
static bool
bind_unknown(wr_ast_t *n, void *data)
{
    if (n->kind == WR_A_NAME) {
        bind(data, n->name, NULL);
        return true;
    }
    if (n->kind == WR_A_NSREF) {
        return true;
    }
    return wr_ast_children(n, bind_unknown, data);
}

/* All names that the template binds for itself, wherever. */
static bool
bind_own(wr_ast_t *n, void *data)
{
    walk_t *w = data;

    switch (n->kind) {
    case WR_A_SET:
    case WR_A_SETBLOCK:
        (void) bind_unknown(n->a, w);
        break;
    case WR_A_MACRO:
    case WR_A_IMPORT:
        bind(w, n->name, NULL);
        break;
    case WR_A_FROM:
        for (int64_t i = 0; i < n->value.u.i; i++) {
            bind(w, n->aliases[i], NULL);
        }
        break;
    default:
        break;
    }
    return wr_ast_children(n, bind_own, w);
}

/* What is bound here means something else in a block that is not `scoped`. */
static void
forget(walk_t *w, const bind_t *until)
{
    for (const bind_t *b = w->names; b != until; b = b->outer) {
        bind(w, b->name, NULL);
    }
}

/* ---- paths ---- */

static bool
add_part(wr_path_t *p, const walk_t *w, wr_str_t text, const wr_ast_t *at)
{
    if (p->n == MOST_PARTS) {
        return false;
    }
    p->parts[p->n] = (wr_path_part_t) {.text = text};
    if (at != NULL) {
        p->parts[p->n].line = at->line;
        p->parts[p->n].column = wr_ast_column(
            w->text->src, at->kind == WR_A_GETATTR ? at->name_pos : at->pos);
    }
    p->n++;
    return true;
}

static bool
path_of_name(const walk_t *w, wr_str_t name, wr_path_t *p)
{
    for (const bind_t *b = w->names; b != NULL; b = b->outer) {
        if (wr_str_eq(b->name, name)) {
            if (b->known) {
                *p = b->path;
            }
            return b->known;
        }
    }
    memset(p, 0, sizeof(*p));
    p->name = name;
    return true;
}

/* False: it is not a path from a name outside. */
static bool
path_of(const walk_t *w, const wr_ast_t *n, wr_path_t *p)
{
    const wr_val_t *key;

    switch (n->kind) {
    case WR_A_NAME:
        return path_of_name(w, n->name, p);
    case WR_A_GETATTR:
        return path_of(w, n->a, p) && add_part(p, w, n->name, n);
    case WR_A_GETITEM:
        if (n->b->kind != WR_A_CONST || !path_of(w, n->a, p)) {
            return false;
        }
        key = &n->b->value;
        return (key->type == WR_V_INT && add_part(p, w, WR_STR_NONE, n->b))
               || (key->type == WR_V_STR && add_part(p, w, wr_val_text(key), n->b));
    default:
        return false;
    }
}

/* The path of its items: some filters only choose among them or order them. */
static bool
path_of_items(const walk_t *w, const wr_ast_t *n, wr_path_t *p)
{
    static const char *const same[] = {"list", "sort", "reverse", "unique", "select",
                                       "reject", "selectattr", "rejectattr"};

    if (n->kind == WR_A_GETITEM && n->b->kind == WR_A_SLICE) {
        return path_of_items(w, n->a, p);
    }
    if (n->kind == WR_A_FILTER && n->a != NULL) {
        for (unsigned i = 0; i < WR_COUNT(same); i++) {
            if (wr_str_eqz(n->name, same[i])) {
                return path_of_items(w, n->a, p);
            }
        }
        return false;
    }
    return path_of(w, n, p) && add_part(p, w, WR_STR_NONE, NULL);
}

/* ---- expressions ---- */

static bool
visit(wr_ast_t *n, void *data)
{
    expr(data, n);
    return true;
}

/* A call with a constant text, of a name that is not the template's own. */
static void
call(walk_t *w, const wr_ast_t *n)
{
    wr_path_call_t *c;
    wr_expr_call_t  read;
    wr_path_t       p;

    if (wr_call_read(n, w->text->src, &read) && path_of_name(w, read.name, &p) && p.n == 0
        && wr_str_eq(p.name, read.name))
    {
        c = WR_PUSH(&w->found.calls, wr_path_call_t);
        c->call = read;
        c->call.maybe = w->maybe;
        c->file = w->text->file;
        c->src = w->text->src;
    }
}

static void
tested(walk_t *w, wr_ast_t *n)
{
    bool was = w->tested;

    w->tested = true;
    expr(w, n);
    w->tested = was;
}

static void
tell(walk_t *w, wr_path_t *p)
{
    if (w->apart) {
        return;
    }
    p->tested = w->tested;
    p->file = w->text->file;
    p->src = w->text->src;
    *WR_PUSH(&w->found.paths, wr_path_t) = *p;
}

/* The filters and tests that an undefined value may go into. */
static bool
takes_undefined(const wr_ast_t *n)
{
    return (n->kind == WR_A_FILTER
            && (wr_str_eqz(n->name, "default") || wr_str_eqz(n->name, "d")))
           || (n->kind == WR_A_TEST
               && (wr_str_eqz(n->name, "defined") || wr_str_eqz(n->name, "undefined")
                   || wr_str_eqz(n->name, "none")));
}

/* The last of a chain is told with all of it. */
static void
chain(walk_t *w, wr_ast_t *n)
{
    wr_path_t p;

    if (path_of(w, n, &p)) {
        tell(w, &p);
        return;
    }
    if (n->b != NULL) {
        expr(w, n->b);
    }
    expr(w, n->a);
}

static void
expr(walk_t *w, wr_ast_t *n)
{
    bool was = w->tested, was_maybe = w->maybe;

    switch (n->kind) {
    case WR_A_GETATTR:
    case WR_A_GETITEM:
        chain(w, n);
        return;
    case WR_A_COND:
    case WR_A_AND:
    case WR_A_OR:
        tested(w, n->a);
        w->maybe = true;
        if (n->b != NULL) {
            expr(w, n->b);
        }
        if (n->c != NULL) {
            expr(w, n->c);
        }
        w->maybe = was_maybe;
        return;
    case WR_A_NOT:
        tested(w, n->a);
        return;
    case WR_A_CALL:
        call(w, n);
        __attribute__((fallthrough));
    default:
        w->tested |= takes_undefined(n);
        (void) wr_ast_children(n, visit, w);
        w->tested = was;
    }
}

/* ---- statements ---- */

/* A body that may never be used. That of a loop counts as used: it is not there for a
 * row that is always empty. */
static void
maybe(walk_t *w, wr_ast_list_t *list)
{
    bool was = w->maybe;

    w->maybe = true;
    body(w, list);
    w->maybe = was;
}

static void
loop(walk_t *w, wr_ast_t *n)
{
    const bind_t *was = w->names;
    wr_path_t     items;

    expr(w, n->b);
    /* A recursive one gets other values by loop(). */
    if (n->a->kind == WR_A_NAME && !n->flag && path_of_items(w, n->b, &items)) {
        bind(w, n->a->name, &items);
    } else {
        (void) bind_unknown(n->a, w);
    }
    bind(w, WR_STR("loop"), NULL);
    if (n->c != NULL) {
        tested(w, n->c);
    }
    body(w, &n->body);
    w->names = was;
    maybe(w, &n->orelse);
}

static void
with(walk_t *w, wr_ast_t *n)
{
    const bind_t *was = w->names, *inner = was;
    wr_path_t     p;

    for (uint32_t i = 0; i < n->list.n; i++) {
        bool known = n->list.v[i]->kind == WR_A_NAME && path_of(w, n->list2.v[i], &p);

        expr(w, n->list2.v[i]);
        w->names = inner;
        if (known) {
            bind(w, n->list.v[i]->name, &p);
        } else {
            (void) bind_unknown(n->list.v[i], w);
        }
        inner = w->names;
        w->names = was;         /* the values are those of outside */
    }
    w->names = inner;
    body(w, &n->body);
    w->names = was;
}

static void
macro(walk_t *w, wr_ast_t *n)
{
    static const char *const own[] = {"caller", "varargs", "kwargs"};
    const bind_t *was = w->names;

    for (uint32_t i = 0; i < n->list2.n; i++) {
        expr(w, n->list2.v[i]);
    }
    for (uint32_t i = 0; i < n->list.n; i++) {
        (void) bind_unknown(n->list.v[i], w);
    }
    for (unsigned i = 0; i < WR_COUNT(own); i++) {
        bind(w, wr_str_z(own[i]), NULL);
    }
    maybe(w, &n->body);
    w->names = was;
}

static void
block(walk_t *w, wr_ast_t *n)
{
    const bind_t *was = w->names;

    if (is_replaced(w, n->name)) {
        return;
    }
    if (!n->flag) {
        forget(w, NULL);
    }
    body(w, &n->body);
    w->names = was;
}

static bool
text_of(const wr_ast_t *n, wr_str_t *name)
{
    if (n->kind != WR_A_CONST || n->value.type != WR_V_STR) {
        return false;
    }
    *name = wr_val_text(&n->value);
    return true;
}

/* A template that is imported, or that does not see the names that are here. */
static void
apart(walk_t *w, wr_str_t name, bool sees_names)
{
    const bind_t *was = w->names;
    bool          was_apart = w->apart;

    if (!sees_names) {
        w->names = NULL;
    }
    w->apart = true;
    whole(w, name);
    w->names = was;
    w->apart = was_apart;
}

static void
statement(walk_t *w, wr_ast_t *n)
{
    wr_str_t name;

    switch (n->kind) {
    case WR_A_FOR:
        loop(w, n);
        break;
    case WR_A_IF:
        tested(w, n->a);
        maybe(w, &n->body);
        maybe(w, &n->list);
        maybe(w, &n->orelse);
        break;
    case WR_A_MACRO:
        macro(w, n);
        break;
    case WR_A_CALLBLOCK:
        expr(w, n->a);
        macro(w, n);
        break;
    case WR_A_WITH:
        with(w, n);
        break;
    case WR_A_BLOCK:
        block(w, n);
        break;
    case WR_A_INCLUDE:
        if (text_of(n->a, &name)) {
            n->flag ? whole(w, name) : apart(w, name, false);
        }
        break;
    case WR_A_IMPORT:
    case WR_A_FROM:
        if (text_of(n->a, &name)) {
            apart(w, name, n->flag);
        }
        break;
    case WR_A_SET:
        expr(w, n->b);
        break;
    case WR_A_SETBLOCK:
    case WR_A_FILTERBLOCK:
    case WR_A_AUTOESCAPE:
        body(w, &n->body);
        break;
    case WR_A_OUTPUT:
        (void) wr_ast_children(n, visit, w);
        break;
    case WR_A_DO:
        expr(w, n->a);
        break;
    default:
        break;
    }
}

static void
body(walk_t *w, wr_ast_list_t *list)
{
    for (uint32_t i = 0; i < list->n; i++) {
        statement(w, list->v[i]);
    }
}

/* ---- templates ---- */

typedef struct seek {
    wr_str_t name;
    bool     found;
} seek_t;

static bool
has_block(wr_ast_t *n, void *data)
{
    seek_t *s = data;

    s->found |= n->kind == WR_A_BLOCK && wr_str_eq(n->name, s->name);
    return !s->found && wr_ast_children(n, has_block, s);
}

/* Has any of a row of templates, up to but not with `end`, a block of this name? */
static bool
has_any_block(const text_t *t, const text_t *end, wr_str_t name)
{
    for (; t != end; t = t->child) {
        seek_t s = {name, false};

        for (uint32_t i = 0; i < t->body->n && !s.found; i++) {
            (void) has_block(t->body->v[i], &s);
        }
        if (s.found) {
            return true;
        }
    }
    return false;
}

/* Does a template below it have a block of this name? Then that one is used, and
 * whether this one is as well is up to it. */
static bool
is_replaced(const walk_t *w, wr_str_t name)
{
    return has_any_block(w->text->child, NULL, name);
}

static text_t *
read_text(walk_t *w, wr_str_t name, text_t *child)
{
    const wr_loader_t *loader = &w->env->options.loader;
    text_t            *t = WR_NEW(w->pool, text_t);
    wr_parse_t        *p = WR_NEW(w->pool, wr_parse_t);
    wr_source_t        source = {0};
    wr_err_t           err = {0};

    if (++w->count > MOST_TEMPLATES || loader->load == NULL
        || loader->load(loader->data, w->pool, name, &source, &err) != WR_OK)
    {
        return NULL;
    }
    t->child = child;
    t->file = source.file.n != 0 ? source.file : name;
    t->body = wr_parse_template(p, w->pool, w->env, &w->env->options.lex, source.text, &err);
    t->src = p->lex.src;
    return t->body != NULL ? t : NULL;
}

typedef struct extends {
    unsigned  n;
    wr_ast_t *last;
} extends_t;

static bool
count_extends(wr_ast_t *n, void *data)
{
    extends_t *e = data;

    if (n->kind == WR_A_EXTENDS) {
        e->n++;
        e->last = n;
    }
    return n->kind <= WR_A_LAST_EXPR || wr_ast_children(n, count_extends, e);
}

/* The template and its parents, the first of the row first. False: not all of them are
 * known, so neither are their names. */
static bool
read_family(walk_t *w, wr_str_t name, text_t **oldest)
{
    text_t *t = NULL;

    for (unsigned depth = 0; depth < DEEPEST; depth++) {
        extends_t e = {0, NULL};
        bool      plain = false;

        t = read_text(w, name, t);
        if (t == NULL) {
            return false;
        }
        *oldest = t;
        for (uint32_t i = 0; i < t->body->n; i++) {
            (void) count_extends(t->body->v[i], &e);
            plain |= e.n == 1 && e.last == t->body->v[i];
        }
        if (e.n == 0) {
            return true;
        }
        if (e.n > 1 || !plain || !text_of(e.last->a, &name)) {
            return false;
        }
    }
    return false;
}

/* What a child has outside of its blocks is not printed. */
static void
blocks(walk_t *w, const text_t *oldest, wr_ast_list_t *list)
{
    bool was = w->maybe;

    for (uint32_t i = 0; i < list->n; i++) {
        if (list->v[i]->kind == WR_A_BLOCK) {
            w->maybe = was || !has_any_block(oldest, w->text, list->v[i]->name);
            statement(w, list->v[i]);
        }
    }
    w->maybe = was;
}

static void
whole(walk_t *w, wr_str_t name)
{
    const bind_t *was = w->names;
    const text_t *around = w->text;
    text_t       *oldest = NULL;

    if (w->depth == DEEPEST || !read_family(w, name, &oldest)) {
        return;
    }
    w->depth++;
    bind(w, WR_STR("self"), NULL);
    for (text_t *t = oldest; t != NULL; t = t->child) {
        for (uint32_t i = 0; i < t->body->n; i++) {
            (void) bind_own(t->body->v[i], w);
        }
    }
    for (text_t *t = oldest; t != NULL; t = t->child) {
        w->text = t;
        if (t == oldest) {
            body(w, t->body);
        } else {
            blocks(w, oldest, t->body);
        }
    }
    w->depth--;
    w->names = was;
    w->text = around;
}

/* ---- telling ---- */

/* The name and the first `n` parts, each with an end that no name has. */
static wr_str_t
key_of(wr_pool_t *pool, const wr_path_t *p, unsigned n)
{
    wr_buf_t b = wr_buf(pool);

    wr_buf_str(&b, p->name);
    for (unsigned i = 0; i < n; i++) {
        wr_buf_char(&b, '\n');
        wr_buf_str(&b, p->parts[i].text);
    }
    return wr_buf_text(&b);
}

/* Somewhere it is asked whether it, or what it is of, is there. */
static bool
is_tested(const wr_map_t *keys, const wr_path_t *p)
{
    for (unsigned n = 1; keys->n != 0 && n <= p->n; n++) {
        if (wr_map_get(keys, key_of(keys->pool, p, n)) != NULL) {
            return true;
        }
    }
    return false;
}

wr_paths_t
wr_template_paths(wr_env_t *env, wr_str_t name, wr_pool_t *pool)
{
    walk_t   w = {.env = env, .pool = pool,
                  .found = {wr_array(pool, sizeof(wr_path_t)),
                            wr_array(pool, sizeof(wr_path_call_t))}};
    wr_map_t keys = wr_map(pool, false);

    whole(&w, name);
    for (WR_EACH(wr_path_t, p, &w.found.paths)) {
        if (p->tested) {
            (void) wr_map_set(&keys, key_of(pool, p, p->n), p);
        }
    }
    for (WR_EACH(wr_path_t, p, &w.found.paths)) {
        p->tested |= is_tested(&keys, p);
    }
    return w.found;
}
