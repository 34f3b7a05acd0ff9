/*
 * Whether expressions of the conf ask for columns that are there.
 *
 * `post.first.titel` can be known when every step that may have made `post`, seen from
 * the expression, is a statement: then its columns are known from preparing it. What
 * would be undefined is an error of the conf, or a warning where it would print as
 * nothing; what is written to be missing (|default) is left alone.
 */
#include "sqlite.h"

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
    static const char *const methods[] = {"get", "keys", "values", "items"};

    for (WR_EACH(sq_stmt_t *, s, found)) {
        for (WR_EACH(wr_str_t, column, &(*s)->columns)) {
            if (wr_str_eq(*column, name)) {
                return true;
            }
        }
    }
    return is_one_of(name, methods, WR_COUNT(methods));
}

/* Where the name stands in the expression, as well as can be told. */
static wr_tok_t
place_of(const wr_app_ref_t *ref, wr_str_t part)
{
    wr_str_t text = ref->at.text;
    ssize_t  name = wr_str_find(text, ref->name);
    size_t   from = name < 0 ? 0 : (size_t) name + ref->name.n;
    ssize_t  at = wr_str_find(wr_str_skip(text, from), part);

    return wr_tok_part(&ref->at, at < 0 ? 0 : from + (size_t) at, SIZE_MAX);
}

static wr_rc_t
complain(wr_conf_t *cf, const wr_app_ref_t *ref, wr_str_t part, const char *hint)
{
    wr_tok_t at = place_of(ref, part);

    if (ref->printed) {
        wr_conf_warn(cf, &at, "\"%.*s\" has no \"%.*s\"%s", WR_ARG(ref->name), WR_ARG(part),
                     hint);
        return WR_OK;
    }
    return wr_conf_fail(cf, &at, "\"%.*s\" has no \"%.*s\"%s", WR_ARG(ref->name),
                        WR_ARG(part), hint);
}

static wr_rc_t
check(wr_conf_t *cf, const wr_app_ref_t *ref, const wr_array_t *found)
{
    static const char *const own[] = {"first", "changes", "last_insert_id"};
    wr_str_t                 part = ref->parts[0];

    if (part.n != 0 && !is_one_of(part, own, WR_COUNT(own))) {
        return complain(cf, ref, part, has_column(found, part)
                                           ? ": it is rows, a row of them is .first"
                                           : "");
    }
    if (ref->n > 1 && (part.n == 0 || wr_str_eqz(part, "first")) && ref->parts[1].n != 0
        && !has_column(found, ref->parts[1]))
    {
        return complain(cf, ref, ref->parts[1], ": no such column");
    }
    return WR_OK;
}

wr_rc_t
sq_columns_check(wr_conf_t *cf, const sq_main_t *m)
{
    for (WR_EACH(wr_app_ref_t, ref, wr_app_refs(cf))) {
        wr_array_t found = wr_array(cf->temp, sizeof(sq_stmt_t *));

        if (!ref->guarded && statements(cf, m, ref, &found)
            && check(cf, ref, &found) != WR_OK)
        {
            return WR_ERROR;
        }
    }
    return WR_OK;
}
