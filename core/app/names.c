/*
 * The names of a conf.
 *
 * They are numbered per cycle while the conf is read, so at run time a name is an
 * index. Names that may be defined further down get a number when they are used first.
 */
#include <weir/app/app_priv.h>

static name_t *
add_name(app_main_t *m, wr_pool_t *pool, wr_str_t text)
{
    name_t *n = wr_map_get(&m->names, text);

    if (n == NULL) {
        n = WR_NEW(pool, name_t);
        n->text = wr_pool_str(pool, text);
        n->slot = (int) m->by_slot.n;
        *WR_PUSH(&m->by_slot, name_t *) = n;
        (void) wr_map_set(&m->names, n->text, n);
    }
    return n;
}

/* Where `name` stands as a word of `tok`: for messages. */
static wr_tok_t
word_at(const wr_tok_t *tok, wr_str_t name)
{
    wr_tok_t at = *tok;

    for (size_t i = 0; i + name.n <= tok->text.n; i++) {
        if ((i == 0 || !wr_is_word(tok->text.p[i - 1]))
            && wr_str_eq(wr_str_sub(tok->text, i, i + name.n), name)
            && (i + name.n == tok->text.n || !wr_is_word(tok->text.p[i + name.n])))
        {
            return at;
        }
        at.column++;
        if (tok->text.p[i] == '\n') {
            at.line++;
            at.column = 1;
        }
    }
    return *tok;
}

/* Who has made the name in the gather that is being read; NULL: nobody. */
static const wr_app_maker_t *
made_beside(const app_main_t *m, wr_str_t text)
{
    const wr_scope_t *scope = m->cf != NULL ? m->cf->scope : NULL;

    if (scope == NULL || (scope->context & WR_GATHER) == 0) {
        return NULL;
    }
    for (WR_EACH(wr_app_maker_t, maker, &m->makers)) {
        if (maker->scope == scope && wr_str_eq(maker->name, text)) {
            return maker;
        }
    }
    return NULL;
}

static bool
made_elsewhere(const app_main_t *m, wr_str_t text)
{
    for (WR_EACH(wr_app_maker_t, maker, &m->makers)) {
        if (maker->scope != m->cf->scope && wr_str_eq(maker->name, text)) {
            return true;
        }
    }
    return false;
}

/* The compiler asks: which slot has this name? Names that may be defined further
 * down get one too. */
int
app_slot_of(void *data, wr_str_t text)
{
    app_main_t *m = data;
    name_t     *n = wr_map_get(&m->names, text);

    if (n == NULL) {
        if (wr_env_global_row(m->env, text) != NULL || m->cf == NULL) {
            return -1;
        }
        n = add_name(m, m->cf->pool, text);
        if (m->at != NULL) {
            n->used_at = word_at(m->at, text);
        }
    }
    if (m->at != NULL && made_beside(m, text) != NULL && !made_elsewhere(m, text)) {
        wr_tok_t at = word_at(m->at, text);

        wr_conf_warn(m->cf, &at, "\"%.*s\" is made in the same \"gather\": it has no value "
                                 "before the gather ends", WR_ARG(text));
    }
    return n->slot;
}

/* The same for template files: there an unknown name is undefined, not an error. */
int
app_slot_of_template(void *data, wr_str_t text)
{
    app_main_t *m = data;
    name_t     *n = wr_map_get(&m->names, text);

    if (n == NULL) {
        if (m->cf == NULL || wr_env_global_row(m->env, text) != NULL) {
            return -1;
        }
        n = add_name(m, m->cf->pool, text);
    }
    return n->slot;
}

int
wr_app_host_name(wr_conf_t *cf, const char *text, wr_app_get_t get)
{
    app_main_t *m = app_main_of(cf);
    name_t     *n = add_name(m, cf->pool, wr_str_z(text));

    n->defined = true;
    n->get = get;
    return n->slot;
}

static bool
is_identifier(wr_str_t s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (!wr_is_word(s.p[i])) {
            return false;
        }
    }
    return s.n != 0 && !wr_is_digit(s.p[0]);
}

int
wr_app_name(wr_conf_t *cf, const wr_tok_t *tok)
{
    app_main_t *m = app_main_of(cf);
    name_t     *n;

    if (!is_identifier(tok->text)) {
        wr_conf_fail(cf, tok, "\"%.*s\" cannot be a name", WR_ARG(tok->text));
        return -1;
    }
    n = add_name(m, cf->pool, tok->text);
    if (n->get != NULL) {
        wr_conf_fail(cf, tok, "the name \"%.*s\" is the request's own", WR_ARG(tok->text));
        return -1;
    }
    if (made_beside(m, n->text) != NULL) {
        wr_conf_fail(cf, tok, "there is another \"%.*s\" in this \"gather\"",
                     WR_ARG(tok->text));
        return -1;
    }
    n->defined = true;
    *WR_PUSH(&m->makers, wr_app_maker_t) = (wr_app_maker_t) {cf->scope, n->text};
    return n->slot;
}

bool
wr_app_take_name(const wr_tok_t *raw, wr_tok_t *name, wr_tok_t *rest)
{
    wr_str_t s = raw->text;
    size_t   start, end, i = 0;

    while (i < s.n && wr_tok_is_blank(s.p[i])) {
        i++;
    }
    start = i;
    while (i < s.n && (wr_is_word(s.p[i]) || s.p[i] == '.')) {
        i++;
    }
    end = i;
    while (i < s.n && wr_tok_is_blank(s.p[i])) {
        i++;
    }
    if (end == start || i == s.n || s.p[i] != '=' || (i + 1 < s.n && s.p[i + 1] == '=')) {
        return false;
    }
    *name = wr_tok_part(raw, start, end);
    i++;
    while (i < s.n && wr_tok_is_blank(s.p[i])) {
        i++;
    }
    *rest = wr_tok_part(raw, i, s.n);
    return true;
}

void
app_note_ref(void *data, const wr_expr_ref_t *ref)
{
    app_main_t   *m = data;
    wr_pool_t    *pool;
    wr_app_ref_t *r;

    if (m->cf == NULL || m->at == NULL || ref->n == 0) {
        return;
    }
    pool = m->cf->pool;
    r = WR_PUSH(&m->refs, wr_app_ref_t);
    r->scope = m->cf->scope;
    r->at = *m->at;
    r->name = wr_pool_str(pool, ref->name);
    r->n = ref->n;
    r->parts = WR_NEW_N(pool, wr_str_t, ref->n);
    for (unsigned i = 0; i < ref->n; i++) {
        r->parts[i] = wr_pool_str(pool, ref->parts[i]);
    }
    r->guarded = ref->guarded;
    r->printed = m->printing;
}

/* Copied: the tree it was read from is about to go. */
wr_app_call_t *
wr_app_call_add(wr_conf_t *cf, const wr_expr_call_t *call)
{
    wr_app_call_t *c = WR_PUSH(&app_main_of(cf)->calls, wr_app_call_t);
    wr_str_t      *keys = WR_NEW_N(cf->pool, wr_str_t, call->nkeys + 1);

    memset(c, 0, sizeof(*c));
    c->call = *call;
    c->call.name = wr_pool_str(cf->pool, call->name);
    c->call.text = wr_pool_str(cf->pool, call->text);
    c->call.keys = keys;
    for (unsigned i = 0; i < call->nkeys; i++) {
        keys[i] = wr_pool_str(cf->pool, call->keys[i]);
    }
    return c;
}

void
app_note_call(void *data, const wr_expr_call_t *call)
{
    app_main_t *m = data;

    if (m->cf != NULL && m->at != NULL && wr_env_global_row(m->env, call->name) != NULL) {
        wr_app_call_t *c = wr_app_call_add(m->cf, call);

        c->at = *m->at;
        c->at.column = call->line > 1 ? call->column : c->at.column + call->column - 1;
        c->at.line += call->line - 1;
    }
}

void
wr_app_refs_from(wr_conf_t *cf, void (*add)(wr_conf_t *cf))
{
    app_main_of(cf)->more_refs = add;
}

wr_app_ref_t *
wr_app_ref_add(wr_conf_t *cf)
{
    wr_app_ref_t *r = WR_PUSH(&app_main_of(cf)->refs, wr_app_ref_t);

    memset(r, 0, sizeof(*r));
    return r;
}

static app_main_t *
complete(wr_conf_t *cf)
{
    app_main_t *m = app_main_of(cf);

    if (m->more_refs != NULL) {
        void (*add)(wr_conf_t *cf) = m->more_refs;

        m->more_refs = NULL;
        add(cf);
    }
    return m;
}

const wr_array_t *
wr_app_refs(wr_conf_t *cf)
{
    return &complete(cf)->refs;
}

const wr_array_t *
wr_app_calls(wr_conf_t *cf)
{
    return &complete(cf)->calls;
}

const wr_array_t *
wr_app_makers(wr_conf_t *cf)
{
    return &app_main_of(cf)->makers;
}

/* A name that nothing makes is undefined at each request, which |default may want;
 * more often it is a slip of the pen. */
void
app_warn_of_unknown(wr_conf_t *cf, const app_main_t *m)
{
    wr_array_t known = wr_array(cf->temp, sizeof(const char *));

    for (WR_EACH(name_t *, at, &m->by_slot)) {
        if ((*at)->defined) {
            *WR_PUSH(&known, const char *) = wr_pool_strz(cf->temp, (*at)->text);
        }
    }
    for (WR_EACH(name_t *, at, &m->by_slot)) {
        if (!(*at)->defined && (*at)->used_at.line != 0) {
            const char *near = wr_nearest((*at)->text, known.items, known.n);

            wr_conf_warn(cf, &(*at)->used_at,
                         "unknown name \"%.*s\": no step makes it, so it is undefined%s%s%s",
                         WR_ARG((*at)->text), near != NULL ? " (did you mean \"" : "",
                         near != NULL ? near : "", near != NULL ? "\"?)" : "");
        }
    }
}

bool
wr_app_has_session(wr_conf_t *cf)
{
    return wr_map_get(&app_main_of(cf)->names, WR_STR("session")) != NULL
           && ((name_t *) wr_map_get(&app_main_of(cf)->names, WR_STR("session")))->get != NULL;
}
