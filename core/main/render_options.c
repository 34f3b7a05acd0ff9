/*
 * The options of weir-render: names and values to wr_env_options_t.
 */
#include <weir/main/render.h>

typedef bool (*set_fn)(wr_pool_t *pool, wr_env_options_t *o, const wr_val_t *v);

static bool
is_true(const wr_val_t *v)
{
    return (v->type == WR_V_BOOL || v->type == WR_V_INT) && v->u.i != 0;
}

static bool
is_flag(const wr_val_t *v)
{
    return v->type == WR_V_BOOL || v->type == WR_V_NONE || v->type == WR_V_INT;
}

static bool
is_text(const wr_val_t *v, const char *z)
{
    return v->type == WR_V_STR && wr_str_eqz(wr_val_text(v), z);
}

static bool
set_autoescape(wr_pool_t *pool, wr_env_options_t *o, const wr_val_t *v)
{
    wr_str_t *ends, s;
    uint32_t  i;

    if (is_flag(v)) {
        o->autoescape = is_true(v) ? WR_AUTO_ON : WR_AUTO_OFF;
        return true;
    }
    o->autoescape = WR_AUTO_SELECT;
    o->endings = NULL;
    if (v->type != WR_V_LIST) {
        return is_text(v, "select");
    }
    ends = WR_NEW_N(pool, wr_str_t, v->u.list->n + 1);
    for (i = 0; i < v->u.list->n; i++) {
        if (v->u.list->items[i].type != WR_V_STR) {
            return false;
        }
        s = wr_val_text(&v->u.list->items[i]);
        ends[i] =
            s.n != 0 && s.p[0] == '.' ? s : wr_pool_join(pool, WR_STR("."), s);
    }
    o->endings = ends;
    o->nendings = v->u.list->n;
    return true;
}

static bool
set_undefined(wr_pool_t *pool, wr_env_options_t *o, const wr_val_t *v)
{
    static const char *const names[] = {"default", "chainable", "debug",
                                        "strict"};
    uint8_t                  i;

    (void) pool;
    for (i = 0; i < WR_COUNT(names); i++) {
        if (is_text(v, names[i])) {
            o->undefined = i;
            return true;
        }
    }
    return false;
}

static bool
add_extension(wr_env_options_t *o, wr_str_t s)
{
    static const char *const names[] = {"i18n", "do", "loopcontrols", "debug"};
    unsigned                 i;

    for (i = 0; i < WR_COUNT(names); i++) {
        if (wr_str_eqz(s, names[i])) {
            o->extensions |= (uint8_t) (1u << i);
            return true;
        }
    }
    /* These are part of the language by now. */
    return wr_str_eqz(s, "with") || wr_str_eqz(s, "autoescape");
}

static bool
set_extensions(wr_pool_t *pool, wr_env_options_t *o, const wr_val_t *v)
{
    wr_str_t rest, part;
    uint32_t i;

    (void) pool;
    if (v->type == WR_V_STR) {
        rest = wr_val_text(v);
        while (wr_str_split(&rest, ',', &part)) {
            if (!add_extension(o, wr_str_trim(part))) {
                return false;
            }
        }
        return true;
    }
    if (v->type != WR_V_LIST) {
        return false;
    }
    for (i = 0; i < v->u.list->n; i++) {
        if (v->u.list->items[i].type != WR_V_STR
            || !add_extension(o, wr_val_text(&v->u.list->items[i])))
        {
            return false;
        }
    }
    return true;
}

static bool
set_newline(wr_pool_t *pool, wr_env_options_t *o, const wr_val_t *v)
{
    (void) pool;
    if (!is_text(v, "\n") && !is_text(v, "\r\n") && !is_text(v, "\r")) {
        return false;
    }
    o->lex.newline = wr_val_text(v);
    return true;
}

static bool
set_sandbox(wr_pool_t *pool, wr_env_options_t *o, const wr_val_t *v)
{
    (void) pool;
    o->sandbox = is_text(v, "immutable") ? 2 : is_true(v);
    return o->sandbox == 2 || is_flag(v);
}

static bool
set_newstyle(wr_pool_t *pool, wr_env_options_t *o, const wr_val_t *v)
{
    (void) pool;
    o->newstyle_gettext = is_true(v);
    return is_flag(v);
}

static bool
set_policies(wr_pool_t *pool, wr_env_options_t *o, const wr_val_t *v)
{
    (void) pool;
    o->policies = v->type == WR_V_DICT ? v->u.dict : NULL;
    return v->type == WR_V_DICT || v->type == WR_V_NONE;
}

static bool
set_translations(wr_pool_t *pool, wr_env_options_t *o, const wr_val_t *v)
{
    (void) pool;
    o->translations = v->type == WR_V_DICT ? v->u.dict : NULL;
    return v->type == WR_V_DICT || v->type == WR_V_NONE;
}

static uint64_t
limit(const wr_dict_t *d, const char *name, uint64_t max)
{
    const wr_val_t *v = wr_dict_gets(d, wr_str_z(name));

    if (v == NULL || v->type != WR_V_INT || v->u.i <= 0) {
        return 0;
    }
    return (uint64_t) v->u.i < max ? (uint64_t) v->u.i : max;
}

static bool
set_limits(wr_pool_t *pool, wr_env_options_t *o, const wr_val_t *v)
{
    const wr_dict_t *d;

    (void) pool;
    if (v->type != WR_V_DICT) {
        return false;
    }
    d = v->u.dict;
    o->limits.steps = limit(d, "steps", UINT64_MAX);
    o->limits.output = limit(d, "output", UINT64_MAX);
    o->limits.memory = limit(d, "memory", UINT64_MAX);
    o->limits.depth = (uint32_t) limit(d, "depth", 1000000);
    o->limits.string = (uint32_t) limit(d, "string", UINT32_MAX);
    o->limits.range = (uint32_t) limit(d, "range", UINT32_MAX);
    return true;
}

static bool
ignore(wr_pool_t *pool, wr_env_options_t *o, const wr_val_t *v)
{
    (void) pool;
    (void) o;
    (void) v;
    return true;
}

static const struct {
    const char *name;
    set_fn      set;
} special[] = {
    {"autoescape", set_autoescape}, {"undefined", set_undefined},
    {"extensions", set_extensions}, {"newline_sequence", set_newline},
    {"sandbox", set_sandbox},       {"newstyle_gettext", set_newstyle},
    {"policies", set_policies},     {"translations", set_translations},
    {"limits", set_limits},         {"async", ignore},
};

/* Delimiters and flags are fields of the lexer's settings. */
static bool
set_lex(wr_lex_conf_t *l, wr_str_t name, const wr_val_t *v, bool *known)
{
    const struct {
        const char *name;
        wr_str_t   *text;
        bool       *flag;
    } rows[] = {
        {"block_start_string", &l->block_start, NULL},
        {"block_end_string", &l->block_end, NULL},
        {"variable_start_string", &l->var_start, NULL},
        {"variable_end_string", &l->var_end, NULL},
        {"comment_start_string", &l->comment_start, NULL},
        {"comment_end_string", &l->comment_end, NULL},
        {"line_statement_prefix", &l->line_statement, NULL},
        {"line_comment_prefix", &l->line_comment, NULL},
        {"trim_blocks", NULL, &l->trim_blocks},
        {"lstrip_blocks", NULL, &l->lstrip_blocks},
        {"keep_trailing_newline", NULL, &l->keep_trailing_newline},
    };
    unsigned i;

    for (i = 0; i < WR_COUNT(rows) && !wr_str_eqz(name, rows[i].name); i++) {
    }
    *known = i < WR_COUNT(rows);
    if (!*known) {
        return false;
    }
    if (rows[i].flag != NULL) {
        *rows[i].flag = is_true(v);
        return is_flag(v);
    }
    if (v->type == WR_V_NONE && i >= 6) {
        *rows[i].text = WR_STR_NONE;
        return true;
    }
    if (v->type != WR_V_STR || v->len == 0) {
        return false;
    }
    *rows[i].text = wr_val_text(v);
    return true;
}

bool
wr_render_option(wr_pool_t *pool, wr_env_options_t *o, wr_str_t name,
                 const wr_val_t *v, wr_str_t *why)
{
    unsigned i;
    bool     known, ok = set_lex(&o->lex, name, v, &known);

    for (i = 0; !known && i < WR_COUNT(special); i++) {
        if (wr_str_eqz(name, special[i].name)) {
            known = true;
            ok = special[i].set(pool, o, v);
        }
    }
    if (!known) {
        *why = wr_pool_printf(pool, "there is no option '%.*s'", WR_ARG(name));
    } else if (!ok) {
        *why = wr_pool_printf(pool, "the option '%.*s' cannot have this value",
                              WR_ARG(name));
    }
    return known && ok;
}

wr_str_t
wr_render_check(const wr_env_options_t *o)
{
    const wr_lex_conf_t *l = &o->lex;

    if (wr_str_eq(l->block_start, l->var_start)
        || wr_str_eq(l->block_start, l->comment_start)
        || wr_str_eq(l->var_start, l->comment_start))
    {
        return WR_STR("block, variable and comment start strings must be "
                      "different");
    }
    return WR_STR_NONE;
}
