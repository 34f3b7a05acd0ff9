/*
 * Which row of which table a directive's name means, and running it: the checks
 * that are the same for all, then the row's own function.
 */
#include <weir/conf/conf_priv.h>

static bool
is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* `set $a 1;` is nginx's even where `set a = 1;` exists. */
static bool
dollar_follows(const char *p, const char *end)
{
    while (p < end && is_space(*p)) {
        p++;
    }
    return p < end && *p == '$';
}

const wr_row_t *
wr_row_find(const wr_conf_t *cf, wr_str_t name, const char *after, const char *end,
            bool *known)
{
    const wr_row_t *row = wr_map_get(&wr_conf_priv(cf)->rows, name);
    const wr_row_t *plain = NULL, *raw = NULL;

    *known = row != NULL;
    for (; row != NULL; row = row->next) {
        if ((row->d->contexts & cf->scope->context) == 0) {
            continue;
        }
        if ((row->d->flags & WR_DF_RAW) != 0) {
            if (!dollar_follows(after, end)) {
                return row;
            }
            raw = raw == NULL ? row : raw;
        } else if (plain == NULL) {
            plain = row;
        }
    }
    return plain != NULL ? plain : raw;
}

/* ---- unknown and misplaced ---- */

static wr_rc_t
unknown(wr_conf_t *cf)
{
    const wr_conf_priv_t *priv = wr_conf_priv(cf);
    const wr_tok_t       *name = &cf->args[0];
    const char          **names = wr_alloc(cf->temp, (priv->rows.n + 1) * sizeof(*names));
    const char           *near = NULL;
    size_t                n = 0;
    wr_str_t              hint = WR_STR_NONE;

    if (wr_conf_hooks.hint != NULL) {
        hint = wr_conf_hooks.hint(cf->temp, "directive", name->text);
    }
    if (hint.n != 0) {
        return wr_conf_fail_hint(cf, name, hint, "unknown directive \"%.*s\"",
                                 WR_ARG(name->text));
    }
    /* What is allowed here comes first, then the rest. */
    for (uint32_t i = 0; i < priv->rows.n; i++) {
        const wr_row_t *row = priv->rows.entries[i].value;

        for (; row != NULL; row = row->next) {
            if ((row->d->contexts & cf->scope->context) != 0) {
                names[n++] = row->d->name;
                break;
            }
        }
    }
    near = wr_nearest(name->text, names, n);
    if (near == NULL) {
        n = 0;
        for (uint32_t i = 0; i < priv->rows.n; i++) {
            names[n++] = ((const wr_row_t *) priv->rows.entries[i].value)->d->name;
        }
        near = wr_nearest(name->text, names, n);
    }
    if (near != NULL) {
        hint = wr_pool_printf(cf->temp, "did you mean \"%s\"?", near);
    }
    return wr_conf_fail_hint(cf, name, hint, "unknown directive \"%.*s\"",
                             WR_ARG(name->text));
}

static wr_rc_t
misplaced(wr_conf_t *cf)
{
    const wr_tok_t *name = &cf->args[0];
    uint32_t        contexts = 0;
    wr_str_t        where;

    for (const wr_row_t *row = wr_map_get(&wr_conf_priv(cf)->rows, name->text);
         row != NULL; row = row->next)
    {
        contexts |= row->d->contexts;
    }
    where = wr_conf_contexts(cf->temp, contexts);
    return wr_conf_fail_hint(cf, name,
                             wr_pool_printf(cf->temp, "it belongs in %.*s", WR_ARG(where)),
                             "\"%.*s\" directive is not allowed here",
                             WR_ARG(name->text));
}

/* ---- running ---- */

static wr_rc_t
bad_count(wr_conf_t *cf, const wr_directive_t *d)
{
    wr_str_t usage = wr_conf_usage(cf->temp, d);
    wr_str_t hint = WR_STR_NONE;

    if (usage.n != 0) {
        hint = wr_pool_printf(cf->temp, "usage: %s %.*s%s", d->name, WR_ARG(usage),
                              (d->flags & WR_DF_BLOCK) != 0 ? " { … }" : ";");
    }
    return wr_conf_fail_hint(cf, NULL, hint,
                             "invalid number of arguments in \"%s\" directive", d->name);
}

/* Form: the end that the row needs, and the number of arguments. */
static wr_rc_t
check_form(wr_conf_t *cf, const wr_directive_t *d, wr_stop_t stop)
{
    bool     raw = (d->flags & WR_DF_RAW) != 0;
    bool     block = (d->flags & WR_DF_BLOCK) != 0;
    unsigned n = raw ? cf->raw.text.n != 0 : cf->nargs - 1;

    if (!block && stop != WR_STOP_END) {
        return wr_conf_fail(cf, NULL, "directive \"%s\" is not terminated by \";\"",
                            d->name);
    }
    if (block && !raw && stop != WR_STOP_OPEN) {
        return wr_conf_fail(cf, NULL, "directive \"%s\" has no opening \"{\"", d->name);
    }
    if (raw ? n == 0 && d->min != 0 : n < d->min || (d->max != 255 && n > d->max)) {
        return bad_count(cf, d);
    }
    return WR_OK;
}

static wr_rc_t
check_duplicate(wr_conf_t *cf, const wr_row_t *row)
{
    const wr_directive_t *d = row->d;

    /* Words of a mask may come in several lines, as in nginx. */
    if (d->size == 0 || (d->flags & WR_DF_REPEAT) != 0 || d->type == WR_D_MASK
        || !wr_scope_is_set(cf->scope, row->schema, d->offset))
    {
        return WR_OK;
    }
    return wr_conf_fail(cf, NULL, "\"%s\" directive is duplicate", d->name);
}

static wr_rc_t
store_and_set(wr_conf_t *cf, const wr_row_t *row)
{
    const wr_directive_t *d = row->d;
    wr_scope_t           *scope = cf->scope;
    void                 *conf = NULL;

    if (row->schema->size != 0) {
        conf = wr_scope_own(cf, scope, row->schema);
    }
    if (d->type != WR_D_CUSTOM && wr_conf_store(cf, d, conf) != WR_OK) {
        return WR_ERROR;
    }
    if (d->set != NULL && d->set(cf, d, conf) != WR_OK) {
        return WR_ERROR;
    }
    if (d->size != 0) {
        wr_scope_mark(cf, scope, row->schema, d->offset);
    }
    return WR_OK;
}

static void
tell_statement(wr_conf_t *cf, const wr_row_t *row)
{
    const wr_lexer_t *lx = wr_conf_priv(cf)->lexer;

    if (wr_conf_hooks.statement != NULL) {
        wr_conf_hooks.statement(cf, row->schema, row->d,
                                wr_str(lx->start, (size_t) (lx->p - 1 - lx->start)));
    }
}

wr_rc_t
wr_row_run(wr_conf_t *cf, wr_stop_t stop)
{
    wr_conf_priv_t *priv = wr_conf_priv(cf);
    const wr_row_t *row = priv->row;
    bool            known = true;

    if (row == NULL) {
        row = cf->args[0].quoted
              ? wr_row_find(cf, cf->args[0].text, NULL, NULL, &known)
              : NULL;
        if (row != NULL && (row->d->flags & WR_DF_RAW) != 0) {
            row = NULL;
        }
    }
    if (row == NULL) {
        known = wr_map_get(&priv->rows, cf->args[0].text) != NULL;
        return known ? misplaced(cf) : unknown(cf);
    }
    if (check_form(cf, row->d, stop) != WR_OK || check_duplicate(cf, row) != WR_OK) {
        return WR_ERROR;
    }
    if ((row->d->flags & WR_DF_OBSOLETE) != 0) {
        wr_conf_warn(cf, NULL, "the \"%s\" directive is obsolete, ignored", row->d->name);
        return WR_OK;
    }
    priv->block_open = stop == WR_STOP_OPEN;
    tell_statement(cf, row);
    if (store_and_set(cf, row) != WR_OK) {
        return WR_ERROR;
    }
    WR_ASSERT(!priv->block_open);
    return WR_OK;
}
