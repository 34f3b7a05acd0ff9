/*
 * Expressions and texts of the conf: compiled where they stand, with errors at the right
 * column, and looked at for what they use.
 */
#include <weir/app/app_priv.h>

static bool
is_client_name(wr_str_t s)
{
    static const char *const names[] = {"params", "query", "form", "json", "files",
                                        "cookies", "headers", "request"};

    for (unsigned i = 0; i < WR_COUNT(names); i++) {
        if (wr_str_eqz(s, names[i])) {
            return true;
        }
    }
    return false;
}

typedef struct uses {
    bool client, other, body, form, slow, session, loop;
} uses_t;

static void
look(const app_main_t *m, const wr_expr_t *e, wr_str_t source, uses_t *u)
{
    for (uint32_t i = 0; i < wr_expr_nnames(e); i++) {
        wr_str_t name = wr_expr_name_at(e, i);

        u->session |= wr_str_eqz(name, "csrf_token");
        if (wr_expr_slot_at(e, i) < 0) {
            continue;
        }
        if (is_client_name(name)) {
            u->client = true;
        } else {
            u->other = true;
            u->loop |= (*WR_AT(&m->by_slot, name_t *, (size_t) wr_expr_slot_at(e, i)))->get
                       != NULL;
        }
        u->form |= wr_str_eqz(name, "form") || wr_str_eqz(name, "files");
        if (u->form || wr_str_eqz(name, "json")
            || (wr_str_eqz(name, "request") && wr_str_find(source, WR_STR("body")) >= 0))
        {
            u->body = true;
        }
        u->session |= wr_str_eqz(name, "session");
    }
    u->slow |= wr_expr_calls(e, WR_FN_SLOW);
}

static void
apply(wr_conf_t *cf, const uses_t *u)
{
    if (u->body) {
        app_want_body(cf, u->form);
    }
    if (u->session) {
        wr_app_want_session(cf);
    }
}

static wr_rc_t
syntax_error(wr_conf_t *cf, const wr_tok_t *tok, const wr_err_t *err)
{
    wr_tok_t at = *tok;

    if (err->line > 1) {
        at.line += err->line - 1;
        at.column = err->column != 0 ? err->column : 1;
    } else if (err->column != 0) {
        at.column += err->column - 1;
    }
    return wr_conf_fail(cf, &at, "%.*s", WR_ARG(err->message));
}

static wr_tok_t
keep(wr_conf_t *cf, const wr_tok_t *tok)
{
    wr_tok_t t = *tok;

    t.text = wr_pool_str(cf->pool, tok->text);
    t.file = wr_pool_str(cf->pool, tok->file);
    return t;
}

const wr_app_expr_t *
wr_app_expr(wr_conf_t *cf, const wr_tok_t *tok)
{
    app_main_t    *m = app_main_of(cf);
    wr_app_expr_t *e = WR_NEW(cf->pool, wr_app_expr_t);
    wr_err_t       err = {0};
    uses_t         u = {0};

    e->at = keep(cf, tok);
    m->at = &e->at;
    e->expr = wr_expr_compile(m->env, e->at.text, cf->pool, &err);
    m->at = NULL;
    if (e->expr == NULL) {
        (void) syntax_error(cf, tok, &err);
        return NULL;
    }
    look(m, e->expr, e->at.text, &u);
    e->client = u.client && !u.other;
    e->slow = u.slow;
    e->lendable = !u.slow && !u.session && !u.loop;
    if (u.slow) {
        e->ahead = app_ahead_expr(cf, e);
    }
    apply(cf, &u);
    return e;
}

static const wr_app_text_t *
compile_text(wr_conf_t *cf, const wr_tok_t *tok, bool escaped)
{
    app_main_t    *m = app_main_of(cf);
    wr_app_text_t *t = WR_NEW(cf->pool, wr_app_text_t);
    wr_inline_t   *text;
    wr_err_t       err = {0};
    uses_t         u = {0};
    wr_tok_t       bare = wr_conf_unquote(cf, tok);

    t->at = keep(cf, &bare);
    m->printing = true;
    m->at = &t->at;
    text = wr_inline_compile(m->env, t->at.text, cf->pool, &err);
    m->printing = false;
    m->at = NULL;
    if (text == NULL) {
        (void) syntax_error(cf, &bare, &err);
        return NULL;
    }
    t->text = text;
    for (uint32_t i = 0; i < text->n; i++) {
        if (text->parts[i].expr != NULL) {
            look(m, text->parts[i].expr, t->at.text, &u);
        }
    }
    t->client = u.client && !u.other;
    t->slow = u.slow;
    t->lendable = !u.slow && !u.session && !u.loop;
    t->escaped = escaped;
    if (u.slow) {
        t->ahead = app_ahead_text(cf, t);
    }
    apply(cf, &u);
    return t;
}

const wr_app_text_t *
wr_app_text(wr_conf_t *cf, const wr_tok_t *tok)
{
    return compile_text(cf, tok, false);
}

const wr_app_text_t *
wr_app_url(wr_conf_t *cf, const wr_tok_t *tok)
{
    const wr_app_text_t *t = compile_text(cf, tok, false);

    for (uint32_t i = 0; t != NULL && i < t->text->n; i++) {
        wr_str_t part = t->text->parts[i].text;

        for (size_t k = 0; k < part.n; k++) {
            if (wr_tok_is_blank(part.p[k])) {
                (void) wr_conf_fail(cf, tok, "a URL has no blanks: \"%.*s\" (is a \";\" "
                                             "missing?)", WR_ARG(t->at.text));
                return NULL;
            }
        }
    }
    return t;
}

const wr_app_text_t *
wr_app_html(wr_conf_t *cf, const wr_tok_t *tok)
{
    return compile_text(cf, tok, true);
}
