/*
 * --explain: notes of the statements of the conf, and which of them have effect in a
 * scope. The bitmaps of the scopes tell what was set again further inside.
 */
#include <weir/main/explain.h>

#include <weir/main/print.h>

#include <stdio.h>

/* Blocks that are part of what is around them. limit_except is not: the request is in
 * it, or has nothing to do with it. */
enum { INNER = WR_WHEN | WR_GATHER | WR_FETCH | WR_IF_SERVER | WR_IF_LOCATION };

static wr_array_t notes;

/* ---- taking notes ---- */

static void
take(wr_conf_t *cf, const wr_schema_t *schema, const wr_directive_t *d, wr_str_t text)
{
    wr_note_t *n;

    if (notes.pool == NULL) {
        notes = wr_array(cf->pool, sizeof(wr_note_t));
    }
    n = WR_PUSH(&notes, wr_note_t);
    *n = (wr_note_t) {.scope = cf->scope, .schema = schema, .d = d,
                      .text = wr_str_trim(text), .at = cf->args[0],
                      .block = cf->has_block,
                      .remarks = wr_array(cf->pool, sizeof(wr_str_t))};
}

static bool
begins_before(const wr_tok_t *a, const wr_tok_t *b)
{
    return (a->line < b->line || (a->line == b->line && a->column <= b->column))
           && wr_str_eq(a->file, b->file);
}

/* It belongs to the statement that begins last before it. */
static void
remark(wr_conf_t *cf, const wr_tok_t *at, wr_str_t text)
{
    wr_note_t *best = NULL;

    (void) cf;
    for (WR_EACH(wr_note_t, n, &notes)) {
        if (begins_before(&n->at, at) && (best == NULL || begins_before(&best->at, &n->at))) {
            best = n;
        }
    }
    if (best != NULL) {
        *WR_PUSH(&best->remarks, wr_str_t) = text;
    }
}

void
wr_notes_begin(void)
{
    wr_conf_hooks.statement = take;
    wr_conf_hooks.remark = remark;
}

const wr_array_t *
wr_notes(void)
{
    return &notes;
}

/* It is allowed everywhere, and what it read has been noted. */
static bool
is_include(const wr_note_t *n)
{
    return strcmp(n->d->name, "include") == 0;
}

bool
wr_note_rewrites(const wr_note_t *n)
{
    return strcmp(n->schema->name, "http_rewrite_module") == 0 && n->d->size == 0;
}

bool
wr_note_is_step(const wr_note_t *n)
{
    return (n->d->contexts & WR_WHEN) != 0 && !is_include(n);
}

/* ---- printing one ---- */

static void
indent(unsigned depth)
{
    printf("%*s", (int) depth * 4, "");
}

void
wr_print_place(const wr_tok_t *at)
{
    printf("  # ");
    wr_print_name(at->file);
    printf(":%u\n", at->line);
}

/* All lines, those behind the first with the least of their own indentation. */
static void
print_lines(wr_str_t text, unsigned depth)
{
    wr_str_t rest = text, line;
    size_t   least = SIZE_MAX;
    bool     first = true;

    for (bool top = true; wr_str_split(&rest, '\n', &line); top = false) {
        size_t n = 0;

        while (n < line.n && line.p[n] == ' ') {
            n++;
        }
        if (!top && n < line.n) {
            least = wr_min_size(least, n);
        }
    }
    rest = text;
    while (wr_str_split(&rest, '\n', &line)) {
        if (!first) {
            putchar('\n');
            line = wr_str_skip(line, wr_min_size(least, line.n));
        }
        indent(first ? depth : depth + 1);
        wr_print_name(line);
        first = false;
    }
}

static void
print_remarks(const wr_note_t *n, unsigned depth)
{
    for (WR_EACH(wr_str_t, text, &n->remarks)) {
        print_lines(*text, depth);
        putchar('\n');
    }
}

/* The scope that the statement opened; NULL: none, or a block of lines of its own. */
static const wr_scope_t *
opened(const wr_note_t *n)
{
    for (const wr_scope_t *s = n->scope->inner; n->block && s != NULL; s = s->next) {
        if (s->at.line == n->at.line && s->at.column == n->at.column
            && wr_str_eq(s->at.file, n->at.file))
        {
            return s;
        }
    }
    return NULL;
}

void
wr_print_note(const wr_note_t *n, unsigned depth)
{
    const wr_scope_t *inner = opened(n);

    print_lines(n->text, depth);
    if (!n->block) {
        printf(";");
    } else {
        printf(inner != NULL ? " {" : " { … }");
    }
    wr_print_place(&n->at);
    if (inner != NULL) {
        for (WR_EACH(wr_note_t, in, &notes)) {
            if (in->scope == inner) {
                wr_print_note(in, depth + 1);
            }
        }
        indent(depth);
        printf("}\n");
    }
    print_remarks(n, depth + 1);
}

/* ---- which of them ---- */

/* A block for other requests: a location, a route, a server. */
static bool
is_elsewhere(const wr_note_t *n)
{
    const wr_scope_t *inner = opened(n);

    return inner != NULL && (inner->context & INNER) == 0;
}

static bool
set_again_in(const wr_note_t *n, const wr_scope_t *s)
{
    if (n->d->size != 0) {
        return wr_scope_is_set(s, n->schema, n->d->offset);
    }
    for (WR_EACH(wr_note_t, other, &notes)) {
        if (other->scope == s && other->d == n->d) {
            return true;
        }
    }
    return false;
}

/* Whether all scopes from `scope` up to the note's take what answers there along. */
static bool
all_inside(const wr_note_t *n, const wr_scope_t *scope)
{
    for (; scope != n->scope; scope = scope->outer) {
        if ((scope->context & (WR_IF_LOCATION | WR_LIMIT_EXCEPT)) == 0) {
            return false;
        }
    }
    return true;
}

/* error_log has two rows: that of the main level holds where no other one stands. */
static bool
is_main_log(const wr_note_t *n, const wr_scope_t *scope)
{
    if (n->scope->outer != NULL || strcmp(n->d->name, "error_log") != 0) {
        return false;
    }
    for (; scope != n->scope; scope = scope->outer) {
        for (WR_EACH(wr_note_t, other, &notes)) {
            if (other->scope == scope && strcmp(other->d->name, "error_log") == 0) {
                return false;
            }
        }
    }
    return true;
}

/* Whether what stands in a scope around `scope` has effect in it. */
static bool
is_inherited(const wr_note_t *n, const wr_scope_t *scope)
{
    uint32_t contexts = n->d->contexts;

    if (n->d->size != 0 ? (contexts & WR_ANY) == 0
                        : (contexts & WR_HTTP) == 0
                              || (contexts & (WR_SERVER | WR_LOCATION)) == 0)
    {
        return false;
    }
    if ((contexts & (WR_HTTP | WR_SERVER)) == 0 && !all_inside(n, scope)) {
        return false;       /* proxy_pass and the like */
    }
    for (const wr_scope_t *s = scope; s != n->scope; s = s->outer) {
        if (set_again_in(n, s)) {
            return false;
        }
    }
    return true;
}

static bool
has_effect(const wr_note_t *n, const wr_scope_t *scope)
{
    if (wr_note_is_step(n) || is_elsewhere(n) || is_include(n)
        || (wr_note_rewrites(n) && (n->scope->context & WR_SERVER) != 0))
    {
        return false;
    }
    return n->scope == scope || is_inherited(n, scope) || is_main_log(n, scope);
}

/* ---- lists ---- */

static void
print_opening(const wr_scope_t *s)
{
    for (WR_EACH(wr_note_t, n, &notes)) {
        if (s->outer != NULL && n->scope == s->outer && opened(n) == s) {
            printf("from \"");
            wr_print_name(n->text);
            printf("\"");
            wr_print_place(&n->at);
            return;
        }
    }
    printf("from the main level\n");
}

static void
print_of(const wr_scope_t *from, const wr_scope_t *scope)
{
    bool any = false;

    for (WR_EACH(wr_note_t, n, &notes)) {
        if (n->scope != from || !has_effect(n, scope)) {
            continue;
        }
        if (!any) {
            indent(1);
            print_opening(from);
            any = true;
        }
        wr_print_note(n, 2);
    }
}

void
wr_print_effective(const wr_scope_t *scope)
{
    for (const wr_scope_t *s = scope; s != NULL; s = s->outer) {
        print_of(s, scope);
    }
}

bool
wr_print_steps(const wr_scope_t *scope)
{
    bool any;

    if (scope == NULL) {
        return false;
    }
    any = wr_print_steps(scope->outer);
    for (WR_EACH(wr_note_t, n, &notes)) {
        if (n->scope == scope && wr_note_is_step(n)) {
            if (!any) {
                printf("steps:\n");
            }
            wr_print_note(n, 1);
            any = true;
        }
    }
    return any;
}
