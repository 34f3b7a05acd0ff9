/*
 * Whether expressions of the conf and templates ask for columns that are there.
 *
 * `post.first.titel` can be known when every step that may have made `post`, seen from
 * the expression, is a statement: then its columns are known from preparing it. What
 * would be undefined is an error of the conf, or a warning where an inline template
 * would print nothing; what is written to be missing (|default, `if post.more`) is left
 * alone.
 */
#include "sqlite.h"

#include <weir/base/map.h>

static bool
sees(const wr_scope_t *from, const wr_scope_t *maker)
{
    const wr_scope_t *scope = sq_scope_of(from);

    maker = sq_scope_of(maker);
    while (scope != NULL && scope != maker) {
        scope = scope->outer;
    }
    return scope != NULL;
}

/* All that may be behind the name are statements: into `found`. */
static bool
statements(wr_conf_t *cf, const sq_main_t *m, const wr_app_ref_t *ref, wr_array_t *found)
{
    uint32_t makers = 0;

    for (WR_EACH(wr_app_maker_t, k, wr_app_makers(cf))) {
        makers += wr_str_eq(k->name, ref->name) && sees(ref->scope, k->scope);
    }
    for (WR_EACH(sq_stmt_t *, s, &m->stmts)) {
        if ((*s)->guest == NULL && wr_str_eq((*s)->name, ref->name)
            && sees(ref->scope, (*s)->scope))
        {
            *WR_PUSH(found, sq_stmt_t *) = *s;
        }
    }
    return found->n != 0 && found->n == makers;
}

static const char *const of_rows[] = {"first", "changes", "last_insert_id"};
static const char *const of_row[] = {"get", "keys", "values", "items"};

static bool
is_one_of(wr_str_t s, const char *const *names, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        if (wr_str_eqz(s, names[i])) {
            return true;
        }
    }
    return false;
}

static bool
has_column(const wr_array_t *found, wr_str_t name)
{
    for (WR_EACH(sq_stmt_t *, s, found)) {
        for (WR_EACH(wr_str_t, column, &(*s)->columns)) {
            if (wr_str_eq(*column, name)) {
                return true;
            }
        }
    }
    return is_one_of(name, of_row, WR_COUNT(of_row));
}

typedef enum { NOTHING, NO_SUCH, IS_OF_ROW, NO_COLUMN } fault_t;

/* What is wrong with the reference, and with which part of it. */
static fault_t
fault_of(const wr_app_ref_t *ref, const wr_array_t *found, unsigned *at)
{
    wr_str_t part = ref->parts[0];

    *at = 0;
    if (part.n != 0 && !is_one_of(part, of_rows, WR_COUNT(of_rows))) {
        return has_column(found, part) ? IS_OF_ROW : NO_SUCH;
    }
    *at = 1;
    if (ref->n > 1 && (part.n == 0 || wr_str_eqz(part, "first")) && ref->parts[1].n != 0
        && !has_column(found, ref->parts[1]))
    {
        return NO_COLUMN;
    }
    return NOTHING;
}

/* ---- messages ---- */

/* Where the name stands in an expression of the conf, as well as can be told. */
static wr_tok_t
place_of(const wr_app_ref_t *ref, wr_str_t part)
{
    wr_str_t text = ref->at.text;
    ssize_t  name = wr_str_find(text, ref->name);
    size_t   from = name < 0 ? 0 : (size_t) name + ref->name.n;
    ssize_t  at = wr_str_find(wr_str_skip(text, from), part);

    return wr_tok_part(&ref->at, at < 0 ? 0 : from + (size_t) at, SIZE_MAX);
}

/* The nearest name there is, and where the statement is. */
static wr_str_t
hint_of(wr_conf_t *cf, const wr_array_t *found, wr_str_t part, fault_t fault)
{
    const sq_stmt_t *s = *WR_AT(found, sq_stmt_t *, 0);
    wr_array_t       names = wr_array(cf->temp, sizeof(const char *));
    wr_str_t         place = wr_pool_printf(cf->temp, "the statement is in %.*s:%u",
                                            WR_ARG(s->at.file), s->at.line);
    const char      *near;

    for (unsigned i = 0; fault == NO_SUCH && i < WR_COUNT(of_rows); i++) {
        *WR_PUSH(&names, const char *) = of_rows[i];
    }
    for (WR_EACH(sq_stmt_t *, each, found)) {
        for (WR_EACH(wr_str_t, column, &(*each)->columns)) {
            if (fault == NO_COLUMN) {
                *WR_PUSH(&names, const char *) = wr_pool_strz(cf->temp, *column);
            }
        }
    }
    near = wr_nearest(part, names.items, names.n);
    return near == NULL ? place
                        : wr_pool_printf(cf->temp, "did you mean \"%s\"? %.*s", near,
                                         WR_ARG(place));
}

static wr_rc_t
complain(wr_conf_t *cf, const wr_app_ref_t *ref, const wr_array_t *found, fault_t fault,
         unsigned at)
{
    static const char *const why[] = {
        "", "", ": it is rows, a row of them is .first", ": no such column"
    };
    wr_str_t part = ref->parts[at];
    wr_str_t hint = hint_of(cf, found, part, fault);
    wr_tok_t place;

    if (ref->places != NULL) {
        place = ref->places[at];
        wr_conf_show(cf, place.file, ref->source);
    } else {
        place = place_of(ref, part);
    }
    if (ref->printed) {
        wr_conf_warn(cf, &place, "\"%.*s\" has no \"%.*s\"%s (%.*s)", WR_ARG(ref->name),
                     WR_ARG(part), why[fault], WR_ARG(hint));
        return WR_OK;
    }
    return wr_conf_fail_hint(cf, &place, hint, "\"%.*s\" has no \"%.*s\"%s",
                             WR_ARG(ref->name), WR_ARG(part), why[fault]);
}

/* ---- in template files ---- */

/* Several views may come to the same place, in a file that all of them include: it is
 * wrong if it is for each of them. */
typedef struct verdict {
    const wr_app_ref_t *ref;
    wr_array_t          found;
    fault_t             fault;
    unsigned            at;
} verdict_t;

static void
judge(wr_conf_t *cf, const sq_main_t *m, const wr_app_ref_t *ref, wr_map_t *places)
{
    verdict_t *v = WR_NEW(cf->temp, verdict_t), *former;
    wr_tok_t  *last = ref->n != 0 ? &ref->places[ref->n - 1] : NULL;
    wr_str_t   key;

    if (last == NULL || last->line == 0) {
        return;
    }
    key = wr_pool_printf(cf->temp, "%.*s:%u:%u", WR_ARG(last->file), last->line,
                         last->column);
    v->ref = ref;
    v->found = wr_array(cf->temp, sizeof(sq_stmt_t *));
    if (!ref->guarded && statements(cf, m, ref, &v->found)) {
        v->fault = fault_of(ref, &v->found, &v->at);
    }
    if (v->fault != NOTHING && ref->places[v->at].line == 0) {
        v->fault = NOTHING;
    }
    former = wr_map_get(places, key);
    if (former == NULL || v->fault == NOTHING) {
        (void) wr_map_set(places, key, v);
    }
}

static wr_rc_t
complain_of_templates(wr_conf_t *cf, const wr_map_t *places)
{
    for (uint32_t i = 0; i < places->n; i++) {
        const verdict_t *v = places->entries[i].value;

        if (v->fault != NOTHING
            && complain(cf, v->ref, &v->found, v->fault, v->at) != WR_OK)
        {
            return WR_ERROR;
        }
    }
    return WR_OK;
}

wr_rc_t
sq_columns_check(wr_conf_t *cf, const sq_main_t *m)
{
    wr_map_t places = wr_map(cf->temp, false);

    for (WR_EACH(wr_app_ref_t, ref, wr_app_refs(cf))) {
        wr_array_t found = wr_array(cf->temp, sizeof(sq_stmt_t *));
        fault_t    fault = NOTHING;
        unsigned   at = 0;

        if (ref->places != NULL) {
            judge(cf, m, ref, &places);
            continue;
        }
        if (!ref->guarded && statements(cf, m, ref, &found)) {
            fault = fault_of(ref, &found, &at);
        }
        if (fault != NOTHING && complain(cf, ref, &found, fault, at) != WR_OK) {
            return WR_ERROR;
        }
    }
    return complain_of_templates(cf, &places);
}
