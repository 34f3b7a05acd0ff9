/*
 * Reading: files and blocks, statement by statement, and `include`.
 */
#include <weir/conf/conf_priv.h>
#include <weir/os/readfile.h>

#include <errno.h>

static wr_rc_t
set_include(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    (void) d;
    (void) conf;
    return wr_conf_include(cf, &cf->args[1]);
}

static const wr_directive_t directives[] = {
    WR_ACTION("include", UINT32_MAX & ~(uint32_t) WR_FREE, 1, 1, set_include,
              "Reads another file, or all files that match a pattern, in its place.",
              .args = "FILE | PATTERN", .example = "include sites/*.conf;",
              .flags = WR_DF_REPEAT),
    WR_END
};

wr_schema_t wr_conf_schema = {.name = "conf", .directives = directives};

static wr_rc_t
run_line(wr_conf_t *cf, wr_stop_t stop)
{
    const wr_tok_t *first = &cf->args[0];

    if (stop == WR_STOP_OPEN) {
        return wr_conf_fail(cf, NULL, "unexpected \"{\"");
    }
    if (!first->quoted && wr_str_eqz(first->text, "include") && cf->nargs == 2) {
        return wr_conf_include(cf, &cf->args[1]);
    }
    return cf->scope->line(cf, cf->scope->data);
}

/* What may end a file, a block or a parameter. */
static wr_rc_t
check_end(wr_conf_t *cf, wr_stop_t stop, wr_read_kind_t kind)
{
    wr_lexer_t *lx = wr_conf_priv(cf)->lexer;
    wr_tok_t    at = wr_lex_here(lx);
    wr_str_t    hint;

    if (stop == WR_STOP_CLOSE && kind != WR_READ_BLOCK) {
        at.column--;
        return wr_conf_fail(cf, &at, "unexpected \"}\"");
    }
    if (stop == WR_STOP_EOF && kind == WR_READ_BLOCK) {
        hint = wr_pool_printf(cf->temp, "the block of \"%.*s\" was opened at line %u",
                              WR_ARG(cf->scope->at.text), cf->scope->at.line);
        return wr_conf_fail_hint(cf, &at, hint,
                                 "unexpected end of file, expecting \"}\"");
    }
    return WR_OK;
}

/* Lua's blocks hold no statements: braces are counted. */
static bool
skip_foreign(wr_conf_t *cf)
{
    wr_lexer_t *lx = wr_conf_priv(cf)->lexer;
    unsigned    depth = 1;
    const char *p;

    for (p = lx->p; p < lx->end && depth != 0; p++) {
        depth += *p == '{';
        depth -= *p == '}';
    }
    wr_lex_advance(lx, p);
    return depth == 0;
}

/* In a survey: behind the block whose { has been read. */
static bool
skip_block(wr_conf_t *cf)
{
    if (wr_str_ends(cf->args[0].text, WR_STR("_by_lua_block"))) {
        return skip_foreign(cf);
    }
    for (unsigned depth = 1; depth != 0; ) {
        switch (wr_lex_statement(cf)) {
        case WR_STOP_OPEN:
            depth++;
            break;
        case WR_STOP_CLOSE:
            depth--;
            break;
        case WR_STOP_END:
            wr_conf_hooks.surveyed++;
            break;
        default:
            return false;
        }
    }
    return true;
}

/* A statement has failed: true if that was told and the reading goes on behind it. */
static bool
pass_over(wr_conf_t *cf)
{
    wr_conf_priv_t *priv = wr_conf_priv(cf);
    bool            open = priv->block_open;

    priv->block_open = false;
    return wr_conf_hooks.survey != NULL && (!open || skip_block(cf));
}

wr_rc_t
wr_conf_statements(wr_conf_t *cf, wr_read_kind_t kind)
{
    for (;;) {
        wr_stop_t stop = wr_lex_statement(cf);

        wr_conf_hooks.surveyed++;
        switch (stop) {
        case WR_STOP_ERROR:
            return WR_ERROR;
        case WR_STOP_EOF:
        case WR_STOP_CLOSE:
            wr_conf_hooks.surveyed--;
            return check_end(cf, stop, kind);
        case WR_STOP_OPEN:
            if (kind == WR_READ_PARAM) {
                return wr_conf_fail(cf, NULL,
                                    "block directives are not supported in -g option");
            }
            break;
        case WR_STOP_END:
            break;
        }
        wr_conf_priv(cf)->block_open = stop == WR_STOP_OPEN;
        if ((cf->scope->line != NULL ? run_line(cf, stop) : wr_row_run(cf, stop)) != WR_OK
            && !pass_over(cf))
        {
            return WR_ERROR;
        }
    }
}

/* ---- files ---- */

static void
remember(wr_conf_t *cf, wr_str_t path, wr_str_t text)
{
    wr_conf_priv_t *priv = wr_conf_priv(cf);
    wr_conf_file_t *file;

    if (wr_map_set(&priv->read, path, priv) != NULL) {
        return;
    }
    file = WR_PUSH(&priv->files, wr_conf_file_t);
    file->path = path;
    file->text = text;
}

static wr_rc_t
read_source(wr_conf_t *cf, const wr_source_t *source, wr_read_kind_t kind)
{
    wr_conf_priv_t *priv = wr_conf_priv(cf);
    wr_lexer_t      lx = wr_lexer(cf, source);
    wr_lexer_t     *outer = priv->lexer;
    wr_rc_t         rc;

    priv->lexer = &lx;
    rc = wr_conf_statements(cf, kind);
    priv->lexer = outer;
    return rc;
}

static wr_rc_t
read_file(wr_conf_t *cf, const wr_tok_t *at, wr_str_t path)
{
    wr_source_t *source;
    wr_str_t     text;
    const char  *what;
    int          err;

    path = wr_pool_str(cf->pool, path);
    err = wr_file_read(cf->temp, path.p, WR_CONF_MAX_FILE, &text, &what);
    if (err != 0) {
        return wr_conf_fail_errno(cf, at, err, "%s \"%.*s\" failed", what, WR_ARG(path));
    }
    remember(cf, path, text);
    source = wr_source_add(cf, path, text);
    source->is_file = true;
    return read_source(cf, source, WR_READ_FILE);
}

wr_rc_t
wr_conf_read(wr_conf_t *cf, wr_str_t path)
{
    cf->scope = cf->main;
    cf->args = NULL;
    cf->nargs = 0;
    return read_file(cf, NULL, path);
}

wr_rc_t
wr_conf_read_text(wr_conf_t *cf, wr_str_t text, const char *name)
{
    wr_source_t *source;
    bool         param = name == NULL || strcmp(name, "command line") == 0;

    cf->scope = cf->main;
    cf->args = NULL;
    cf->nargs = 0;
    name = param ? "command line" : name;
    source = wr_source_add(cf, wr_pool_str(cf->pool, wr_str_z(name)),
                           wr_pool_str(cf->temp, text));
    source->is_param = param;
    return read_source(cf, source, param ? WR_READ_PARAM : WR_READ_FILE);
}

static bool
has_glob(wr_str_t s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '*' || s.p[i] == '?' || s.p[i] == '[') {
            return true;
        }
    }
    return false;
}

typedef struct state {
    wr_tok_t *args;
    unsigned  nargs;
    wr_tok_t  raw;
    bool      has_block;
} state_t;

static state_t
save(const wr_conf_t *cf)
{
    return (state_t) {cf->args, cf->nargs, cf->raw, cf->has_block};
}

static void
restore(wr_conf_t *cf, const state_t *s)
{
    cf->args = s->args;
    cf->nargs = s->nargs;
    cf->raw = s->raw;
    cf->has_block = s->has_block;
}

wr_rc_t
wr_conf_include(wr_conf_t *cf, const wr_tok_t *what)
{
    wr_conf_priv_t *priv = wr_conf_priv(cf);
    wr_str_t        path = wr_conf_file_path(cf, what->text);
    wr_array_t      found = wr_array(cf->temp, sizeof(wr_str_t));
    state_t         state = save(cf);
    wr_tok_t        at = *what;
    wr_rc_t         rc = WR_OK;
    int             err;

    if (priv->includes == WR_CONF_INCLUDES) {
        return wr_conf_fail(cf, what, "\"include\" is nested more than %d deep",
                            WR_CONF_INCLUDES);
    }
    if (!has_glob(path)) {
        *WR_PUSH(&found, wr_str_t) = path;
    } else {
        err = wr_file_glob(&found, path.p);
        if (err != 0) {
            return wr_conf_fail_errno(cf, what, err, "glob() \"%.*s\" failed",
                                      WR_ARG(path));
        }
    }
    priv->includes++;
    for (WR_EACH(wr_str_t, file, &found)) {
        rc = read_file(cf, &at, *file);
        if (rc != WR_OK) {
            break;
        }
    }
    priv->includes--;
    restore(cf, &state);
    return rc;
}

/* ---- blocks ---- */

wr_rc_t
wr_conf_block(wr_conf_t *cf, wr_scope_t *scope)
{
    wr_conf_priv_t *priv = wr_conf_priv(cf);
    wr_scope_t     *outer = cf->scope;
    state_t         state = save(cf);
    wr_rc_t         rc;

    WR_ASSERT(priv->block_open);
    if (priv->depth == WR_CONF_DEPTH) {
        return wr_conf_fail(cf, NULL, "blocks are nested more than %d deep",
                            WR_CONF_DEPTH);
    }
    priv->block_open = false;
    priv->depth++;
    cf->scope = scope;
    rc = wr_conf_statements(cf, WR_READ_BLOCK);
    cf->scope = outer;
    priv->depth--;
    restore(cf, &state);
    return rc;
}

wr_rc_t
wr_conf_lines(wr_conf_t *cf, wr_rc_t (*line)(wr_conf_t *cf, void *data), void *data)
{
    wr_scope_t scope = {
        .context = WR_FREE,
        .outer = cf->scope,
        .at = cf->args[0],
        .line = line,
        .data = data,
    };

    return wr_conf_block(cf, &scope);
}
