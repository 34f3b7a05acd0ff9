/*
 * The application layer: names, compiling, evaluating, failing.
 *
 * Names are numbered per cycle while the conf is read, so at run time a name is an
 * index. The request's own names are made when first asked for.
 */
#include <weir/app/app_priv.h>

#include <stdarg.h>
#include <stdio.h>
#include <weir/app/steps_priv.h>
#include <weir/expr/json_out.h>
#include <weir/http/error_page.h>
#include <weir/http/status.h>

bool (*wr_app_session_set)(wr_req_t *r, wr_str_t key, const wr_val_t *v,
                           const wr_app_expr_t *expr);
bool (*wr_app_url_for)(wr_eval_t *ev, const wr_args_t *args, wr_val_t *out);

static app_main_t *newest;      /* of the cycle that serves */

/* ---- names ---- */

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

/* The compiler asks: which slot has this name? Names that may be defined further
 * down get one too. */
static int
slot_of(void *data, wr_str_t text)
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
    return n->slot;
}

/* The same for template files: there an unknown name is undefined, not an error. */
static int
slot_of_template(void *data, wr_str_t text)
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

/* ---- the cycle ---- */

static wr_env_t *
new_env(wr_conf_t *cf, const wr_env_options_t *options)
{
    wr_env_t            *env = wr_env_new(cf->pool, options);
    unsigned             n;
    wr_module_t *const  *modules = wr_modules_of(cf, &n);

    for (unsigned i = 0; i < n; i++) {
        if (modules[i]->functions != NULL) {
            wr_env_add_globals(env, modules[i]->functions);
        }
        if (modules[i]->filters != NULL) {
            wr_env_add_filters(env, modules[i]->filters);
        }
        if (modules[i]->tests != NULL) {
            wr_env_add_tests(env, modules[i]->tests);
        }
    }
    return env;
}

wr_env_t *
wr_app_env_new(wr_conf_t *cf, const wr_loader_t *loader, const wr_limits_t *limits)
{
    wr_env_options_t options = wr_env_defaults();

    options.sandbox = 1;
    options.extensions = WR_EXT_DO | WR_EXT_LOOPCONTROLS | WR_EXT_I18N;
    options.autoescape = WR_AUTO_SELECT;
    options.names = (wr_names_t) {slot_of_template, app_main_of(cf)};
    options.loader = *loader;
    options.limits = *limits;
    return new_env(cf, &options);
}

static void
note_ref(void *data, const wr_expr_ref_t *ref)
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

const wr_array_t *
wr_app_refs(wr_conf_t *cf)
{
    return &app_main_of(cf)->refs;
}

const wr_array_t *
wr_app_makers(wr_conf_t *cf)
{
    return &app_main_of(cf)->makers;
}

static app_main_t *
begin_main(wr_conf_t *cf)
{
    app_main_t       *m = WR_NEW(cf->pool, app_main_t);
    wr_env_options_t  options = wr_env_defaults();

    m->names = wr_map(cf->pool, false);
    m->by_slot = wr_array(cf->pool, sizeof(name_t *));
    m->waits = wr_array(cf->pool, sizeof(wr_app_wait_t));
    m->refs = wr_array(cf->pool, sizeof(wr_app_ref_t));
    m->makers = wr_array(cf->pool, sizeof(wr_app_maker_t));
    m->cf = cf;
    options.sandbox = 1;
    options.names = (wr_names_t) {slot_of, m};
    m->env = new_env(cf, &options);
    wr_env_tell_refs(m->env, note_ref, m);
    wr_service_offer(cf, "app.1", m);
    (void) wr_app_host_name(cf, "params", app_get_params);
    (void) wr_app_host_name(cf, "query", app_get_query);
    (void) wr_app_host_name(cf, "form", app_get_form);
    (void) wr_app_host_name(cf, "json", app_get_json);
    (void) wr_app_host_name(cf, "files", app_get_files);
    (void) wr_app_host_name(cf, "cookies", app_get_cookies);
    (void) wr_app_host_name(cf, "headers", app_get_headers);
    (void) wr_app_host_name(cf, "request", app_get_request);
    (void) wr_app_host_name(cf, "vars", app_get_vars);
    return m;
}

app_main_t *
app_main_of(wr_conf_t *cf)
{
    app_main_t *m = (app_main_t *) (uintptr_t) wr_service_find(cf, "app.1");

    return m != NULL ? m : begin_main(cf);
}

wr_env_t *
wr_app_env(wr_conf_t *cf)
{
    return app_main_of(cf)->env;
}

/* ---- compiling ---- */

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

void
wr_app_look_at_template(wr_conf_t *cf, const wr_template_t *t)
{
    uses_t u = {0};

    for (uint32_t i = 0; i < wr_template_nnames(t); i++) {
        wr_str_t name = wr_template_name_at(t, i);

        u.body |= wr_str_eqz(name, "json") || wr_str_eqz(name, "form")
                  || wr_str_eqz(name, "files");
        u.session |= wr_str_eqz(name, "session") || wr_str_eqz(name, "csrf_token");
    }
    apply(cf, &u);
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
wr_app_html(wr_conf_t *cf, const wr_tok_t *tok)
{
    return compile_text(cf, tok, true);
}

/* ---- a request ---- */

static bool
get_slot(wr_eval_t *ev, void *data, int slot, wr_str_t name, wr_val_t *out)
{
    app_t  *a = data;
    name_t *n = *WR_AT(&a->main->by_slot, name_t *, (size_t) slot);

    (void) name;
    if (n->get == NULL) {
        return false;
    }
    if (!n->get(a->r, ev, out)) {
        return false;
    }
    a->slots[slot] = *out;
    return true;
}

app_t *
app_of(wr_req_t *r)
{
    app_t *a = r->app;

    if (a == NULL) {
        a = WR_NEW(wr_pool(r), app_t);
        a->main = newest;
        a->r = r;
        a->slots = WR_NEW_N(wr_pool(r), wr_val_t, newest->by_slot.n + 1u);
        for (uint32_t i = 0; i < newest->by_slot.n; i++) {
            a->slots[i].aux = 1;        /* not given */
        }
        wr_eval_init(&a->ev, newest->env, wr_pool(r));
        a->ev.host = r;
        a->bindings = (wr_bindings_t) {NULL, a->slots, newest->by_slot.n, get_slot, a};
        r->app = a;
    }
    return a;
}

const wr_bindings_t *
wr_app_bindings(wr_req_t *r)
{
    return &app_of(r)->bindings;
}

void
wr_app_eval_init(wr_req_t *r, wr_eval_t *ev, wr_pool_t *pool)
{
    wr_eval_init(ev, app_of(r)->main->env, pool);
    ev->host = r;
}

bool
wr_app_prepare(wr_req_t *r, const wr_expr_t *e)
{
    app_t *a = app_of(r);

    for (uint32_t i = 0; i < wr_expr_nnames(e); i++) {
        int      slot = wr_expr_slot_at(e, i);
        wr_val_t unused;

        if (slot >= 0 && !wr_given(&a->slots[slot])
            && !get_slot(&a->ev, a, slot, wr_expr_name_at(e, i), &unused) && a->ev.failed)
        {
            return false;
        }
    }
    return true;
}

void
wr_app_set(wr_req_t *r, int slot, wr_val_t v)
{
    app_t *a = app_of(r);

    if (v.type == WR_V_UNDEFINED) {
        v.aux = 0;
    }
    a->slots[slot] = v;
}

bool
wr_app_get(wr_req_t *r, int slot, wr_val_t *out)
{
    *out = app_of(r)->slots[slot];
    return wr_given(out);
}

void
app_renew(app_t *a)
{
    a->ev.failed = false;
    memset(&a->ev.err, 0, sizeof(a->ev.err));
    a->ev.steps = 0;
    a->ev.depth = 0;
}

bool
wr_app_eval(wr_req_t *r, const wr_app_expr_t *e, wr_val_t *out)
{
    app_t *a = app_of(r);

    if (wr_unlikely(e->ahead != 0) && app_was_ahead(r, e->ahead, out)) {
        return true;
    }
    app_renew(a);
    if (!wr_expr_eval(e->expr, &a->ev, &a->bindings, out)) {
        (void) wr_app_fail_eval(r, &e->at, &a->ev.err, e->client);
        return false;
    }
    if (out->type == WR_V_UNDEFINED) {
        /* Nothing may go on with an undefined value: it is named. */
        (void) wr_undef_raise(&a->ev, out);
        (void) wr_app_fail_eval(r, &e->at, &a->ev.err, e->client);
        return false;
    }
    return true;
}

bool
wr_app_eval_truth(wr_req_t *r, const wr_app_expr_t *e, bool *truth)
{
    app_t   *a = app_of(r);
    wr_val_t v;

    app_renew(a);
    if ((!app_was_ahead(r, e->ahead, &v) && !wr_expr_eval(e->expr, &a->ev, &a->bindings, &v))
        || !wr_truth(&a->ev, &v, truth))
    {
        (void) wr_app_fail_eval(r, &e->at, &a->ev.err, e->client);
        return false;
    }
    return true;
}

bool
wr_app_render(wr_req_t *r, const wr_app_text_t *t, bool escaped, wr_buf_t *out)
{
    app_t   *a = app_of(r);
    wr_val_t made;

    if (wr_unlikely(t->ahead != 0) && app_was_ahead(r, t->ahead, &made)) {
        wr_buf_str(out, wr_val_text(&made));
        return true;
    }
    app_renew(a);
    if (!wr_inline_render(t->text, &a->ev, &a->bindings, escaped, out)) {
        (void) wr_app_fail_eval(r, &t->at, &a->ev.err, t->client);
        return false;
    }
    return true;
}

/* ---- failing ---- */

wr_rc_t
wr_app_failed(wr_req_t *r)
{
    (void) r;
    return WR_DONE;
}

void
wr_app_error_at(wr_req_t *r, wr_str_t file, uint32_t line)
{
    app_of(r)->inner = (app_place_t) {wr_pool_str(wr_pool(r), file), line, 0};
}

wr_rc_t
wr_app_fail(wr_req_t *r, const wr_tok_t *at, unsigned status, wr_str_t message,
            const char *format, ...)
{
    app_t   *a = app_of(r);
    wr_buf_t line = wr_buf(wr_pool(r));
    char     text[2048];
    va_list  args;

    a->message = message;
    if (format != NULL) {
        va_start(args, format);
        vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        wr_buf_z(&line, text);
    } else {
        wr_buf_str(&line, message);
    }
    (void) wr_req_id(r);
    a->detail = wr_buf_text(&line);
    a->place = (app_place_t) {at->file, at->line, at->column};
    wr_log(&r->log, status >= 500 ? WR_LOG_ERR : WR_LOG_INFO, 0, "%.*s in %.*s:%u:%u",
           WR_ARG(wr_buf_text(&line)), WR_ARG(at->file), at->line, at->column);
    return wr_fail(r, status);
}

/* The statuses of errors that functions and values of ours raise; 0: another. */
static unsigned
status_of(const wr_err_t *err, bool client)
{
    static const struct {
        const char *kind;
        unsigned    status;
    } kinds[] = {{"BadRequest", 400}, {"ContentTooLarge", 413},
                 {"UnsupportedMediaType", 415}, {"BadGateway", 502}};

    for (unsigned i = 0; i < WR_COUNT(kinds); i++) {
        if (strcmp(err->kind, kinds[i].kind) == 0) {
            return kinds[i].status;
        }
    }
    return err->source == WR_FROM_CLIENT
                   || (client && strcmp(err->kind, "UndefinedError") == 0)
               ? 400
               : 500;
}

wr_rc_t
wr_app_fail_eval(wr_req_t *r, const wr_tok_t *at, const wr_err_t *err, bool client)
{
    unsigned status = status_of(err, client);
    wr_str_t message = wr_pool_str(wr_pool(r), err->message);

    /* What the client did wrong is said to it; of the rest only the log knows. */
    return wr_app_fail(r, at, status,
                       status < 500    ? message
                       : status == 502 ? WR_STR("a server that was asked did not answer well")
                                       : WR_STR("Internal Server Error"),
                       "%s: %.*s", err->kind, WR_ARG(message));
}

void
wr_app_json_errors(wr_req_t *r, bool json)
{
    app_of(r)->json_errors = json;
}

/* How much a media range of Accept weighs, in thousandths: "text/html;q=0.5". */
static int
quality_of(wr_str_t range)
{
    ssize_t q = wr_str_ifind(range, WR_STR(";q=")), space = wr_str_ifind(range, WR_STR("; q="));
    int     weight = 0, unit = 1000;

    if (q < 0 && space < 0) {
        return 1000;
    }
    range = wr_str_skip(range, q >= 0 ? (size_t) q + 3 : (size_t) space + 4);
    for (size_t i = 0; i < range.n && unit > 0; i++) {
        if (range.p[i] == '.') {
            continue;
        }
        if (!wr_is_digit(range.p[i])) {
            break;
        }
        weight += (range.p[i] - '0') * unit;
        unit /= 10;
    }
    return weight;
}

/* Accept names JSON, and HTML less or later. */
static bool
prefers_json(const wr_req_t *r)
{
    wr_str_t rest = wr_req_header(r->main, WR_H_ACCEPT), range;
    int      json = 0, html = 0;
    bool     json_first = false;

    while (wr_str_split(&rest, ',', &range)) {
        ssize_t  end = wr_str_chr(range, ';');
        wr_str_t type = wr_str_trim(end >= 0 ? wr_str(range.p, (size_t) end) : range);
        int      q = quality_of(range);

        if (wr_str_istarts(type, WR_STR("application/")) && q > json
            && (wr_str_ieqz(type, "application/json") || wr_str_ieqz(type, "application/*")
                || wr_str_ends(type, WR_STR("+json"))))
        {
            json = q;
            json_first = html == 0;
        } else if ((wr_str_ieqz(type, "text/html") || wr_str_ieqz(type, "text/*")
                    || wr_str_ieqz(type, "application/xhtml+xml"))
                   && q > html)
        {
            html = q;
        }
    }
    return json > html || (json != 0 && json == html && json_first);
}

static bool
wants_json(const wr_req_t *r)
{
    const app_t *a = r->app;

    return (a != NULL && a->json_errors)
           || ((a != NULL || (r->server != NULL && r->server->route_match != NULL))
               && prefers_json(r));
}

/* A developer is to see what failed rather than the page for visitors. */
static bool
error_is_plain(const wr_req_t *r)
{
    const app_t *a = r->app;

    return r->fail_status >= 400
           && (wants_json(r) || (a != NULL && a->detail.n != 0 && r->fail_status >= 500
                                 && app_dev_shows(r)));
}

/* The body of an error of an application: JSON where that is wanted, else the page
 * with the message on it. */
static bool
error_body(wr_req_t *r, unsigned status, wr_str_t *body)
{
    app_t         *a = r->app;
    wr_str_t       line = wr_status_title(status);
    wr_str_t       title = line.n != 0 ? wr_str_skip(line, 4) : WR_STR("error");
    wr_str_t       message = a != NULL ? a->message : WR_STR_NONE;
    wr_json_opts_t opts = WR_JSON_DEFAULTS;
    wr_buf_t       b;

    if (status < 400) {
        return false;
    }
    if (!wants_json(r)) {
        if (a != NULL && a->detail.n != 0 && app_dev_shows(r)) {
            r->content_type = WR_STR("text/html");
            r->charset = WR_STR("utf-8");
            *body = app_dev_page(r, status);
            return true;
        }
        if (message.n == 0 || wr_str_eq(message, title)) {
            return false;
        }
        r->content_type = WR_STR("text/html");
        r->charset = WR_STR("utf-8");
        *body = wr_error_body_with(r, status, message);
        return true;
    }
    b = wr_buf(wr_pool(r));
    wr_buf_lit(&b, "{\"error\": ");
    wr_json_put_str(&b, message.n != 0 ? message : title, &opts);
    if (a != NULL && a->detail.n != 0 && app_dev_shows(r)) {
        wr_buf_lit(&b, ", \"detail\": ");
        wr_json_put_str(&b, a->detail, &opts);
        wr_buf_lit(&b, ", \"at\": ");
        wr_json_put_str(&b, wr_pool_printf(wr_pool(r), "%.*s:%u:%u", WR_ARG(a->place.file),
                                           a->place.line, a->place.column), &opts);
    }
    wr_buf_char(&b, '}');
    r->content_type = WR_STR("application/json");
    r->charset = WR_STR("utf-8");
    *body = wr_buf_text(&b);
    return true;
}

/* ---- answering ---- */

unsigned
wr_app_status(wr_req_t *r, unsigned default_status)
{
    app_t *a = r->app;

    return a != NULL && a->status != 0 ? a->status : default_status;
}

void
wr_app_set_status(wr_req_t *r, unsigned status)
{
    app_of(r)->status = status;
}

void
wr_app_set_type(wr_req_t *r, wr_str_t type)
{
    app_of(r)->type = type;
}

bool
wr_app_has_session(wr_conf_t *cf)
{
    return wr_map_get(&app_main_of(cf)->names, WR_STR("session")) != NULL
           && ((name_t *) wr_map_get(&app_main_of(cf)->names, WR_STR("session")))->get != NULL;
}

wr_rc_t
wr_app_answer(wr_req_t *r, unsigned default_status, wr_str_t type, wr_str_t charset,
              wr_str_t body)
{
    app_t   *a = app_of(r);
    unsigned status = wr_app_status(r, default_status);

    app_set_etag(r, status, body);
    if (a->type.n != 0) {
        r->charset = WR_STR_NONE;
        return wr_reply(r, status, a->type, body);
    }
    r->charset = charset;
    return wr_reply(r, status, type, body);
}

void
wr_app_answer_head(wr_req_t *r, unsigned default_status, wr_str_t type, wr_str_t charset)
{
    app_t *a = app_of(r);

    if (r->method != WR_GET && r->method != WR_HEAD) {
        r->disable_not_modified = 1;
    }
    r->status = (uint16_t) wr_app_status(r, default_status);
    r->content_type = a->type.n != 0 ? a->type : type;
    r->charset = a->type.n != 0 ? WR_STR_NONE : charset;
    r->out_length = -1;
}

void
wr_app_undo(wr_req_t *r)
{
    app_of(r)->undone = true;
}

bool
wr_app_undone(const wr_req_t *r)
{
    const app_t *a = r->app;

    return a != NULL && a->undone;
}

void
wr_app_add_time(wr_req_t *r, wr_app_time_t which, uint64_t ns)
{
    app_of(r)->times[which] += ns;
}

void
wr_app_spent(wr_req_t *r, wr_app_time_t which, uint64_t from, uint64_t until)
{
    app_t *a = app_of(r);

    if (from < a->until[which]) {
        from = a->until[which];
    }
    if (until > from) {
        a->times[which] += until - from;
        a->until[which] = until;
    }
}

void
wr_app_set_params(wr_req_t *r, const wr_app_param_t *params, unsigned n)
{
    app_t *a = app_of(r);

    a->params = params;
    a->nparams = n;
    a->slots[SLOT_PARAMS].type = WR_V_UNDEFINED;
    a->slots[SLOT_PARAMS].aux = 1;
}

const wr_app_param_t *
wr_app_params(wr_req_t *r, unsigned *n)
{
    const app_t *a = app_of(r);

    *n = a->nparams;
    return a->params;
}

/* ---- the module ---- */

static wr_rc_t
begin(wr_conf_t *cf)
{
    (void) app_main_of(cf);
    return WR_OK;
}

/* A name that nothing makes is undefined at each request, which |default may want;
 * more often it is a slip of the pen. */
static void
warn_of_unknown(wr_conf_t *cf, const app_main_t *m)
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

static wr_rc_t
finish(wr_conf_t *cf)
{
    app_main_t *m = app_main_of(cf);

    warn_of_unknown(cf, m);
    m->cf = NULL;
    newest = m;
    wr_error_body_hook = error_body;
    wr_error_plain_hook = error_is_plain;
    return WR_OK;
}

#define ALL (WR_HTTP | WR_SERVER | WR_LOCATION)

static const wr_directive_t directives[] = {
    WR_INT("form_max_fields", ALL, app_conf_t, max_fields, "1000",
           "How many fields and files a form may have; more is answered 400.",
           .example = "form_max_fields 200;"),
    WR_INT("json_max_depth", ALL, app_conf_t, max_depth, "64",
           "How deep a JSON body may be nested; deeper is answered 400.",
           .example = "json_max_depth 16;"),
    WR_SIZE("upload_buffer_size", ALL, app_conf_t, upload_buffer, "64k",
            "Uploads that are longer get a file at once, others when their path is asked for.",
            .example = "upload_buffer_size 64k;"),
    WR_INT("password_threads", WR_HTTP, app_conf_t, slow_threads, "2",
           "How many password hashes a worker makes at the same time. Each takes a CPU for "
           "about a tenth of a second.",
           .extra = &(const wr_bounds_t) {1, 64},
           .example = "password_threads 2;"),
    WR_INT("password_queue", WR_HTTP, app_conf_t, slow_queue, "64",
           "How many requests of a worker may wait for a password hash; more are "
           "answered 503.", .extra = &(const wr_bounds_t) {1, 100000},
           .example = "password_queue 64;"),
    WR_END
};

wr_module_t wr_app_module = {
    .magic = WR_MAGIC,
    .abi_major = WR_ABI_MAJOR,
    .abi_minor = WR_ABI_MINOR,
    .size = sizeof(wr_module_t),
    .facts = WR_ABI_FACTS,
    .name = "http_app_module",
    .version = "0.1.0",
    .doc = "What application modules stand on: expressions, steps, bodies.",
    .schema = {.name = "http_app_module", .directives = directives,
               .size = sizeof(app_conf_t)},
    .variables = app_variables,
    .functions = app_functions,
    .http = &app_tables,
    .begin = begin,
    .finish = finish,
    .worker_stop = app_stop_threads,
};
