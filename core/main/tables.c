/*
 * --print-tables: everything that the modules offer, as one JSON text, for what is
 * made from it: the manual, the man pages, the syntax of editors (auto/dev/manual).
 * The core, what is built in, and every module that could be loaded.
 */
#include <weir/expr/builtins.h>
#include <weir/expr/gettext.h>
#include <weir/expr/json_out.h>
#include <weir/main/cmdline.h>
#include <weir_config.h>

#include <stdio.h>

typedef struct out {
    wr_buf_t   b;
    wr_conf_t *cf;
    bool       first;       /* no comma is due */
} out_t;

static const char *const flag_names[] = {"block", "repeat", "raw", "pattern", "obsolete",
                                         "template", "sql"};
static const unsigned flag_bits[] = {WR_DF_BLOCK, WR_DF_REPEAT, WR_DF_RAW, WR_DF_PATTERN,
                                     WR_DF_OBSOLETE, WR_DF_TEMPLATE, WR_DF_SQL};

static void
comma(out_t *o)
{
    if (!o->first) {
        wr_buf_char(&o->b, ',');
    }
    o->first = false;
}

static void
put_str(out_t *o, wr_str_t s)
{
    wr_json_put_str(&o->b, s, &WR_JSON_DEFAULTS);
}

static void
put_key(out_t *o, const char *key)
{
    comma(o);
    put_str(o, wr_str_z(key));
    wr_buf_char(&o->b, ':');
}

/* "key": "text"; left out where there is none. */
static void
put(out_t *o, const char *key, const char *text)
{
    if (text != NULL) {
        put_key(o, key);
        put_str(o, wr_str_z(text));
    }
}

static void
put_true(out_t *o, const char *key, bool is)
{
    if (is) {
        put_key(o, key);
        wr_buf_lit(&o->b, "true");
    }
}

static void
open_in(out_t *o, const char *bracket)
{
    wr_buf_z(&o->b, bracket);
    o->first = true;
}

static void
close_in(out_t *o, const char *bracket)
{
    wr_buf_z(&o->b, bracket);
    o->first = false;
}

static void
directive(out_t *o, const wr_directive_t *d)
{
    comma(o);
    wr_buf_char(&o->b, '\n');
    open_in(o, "{");
    put(o, "name", d->name);
    put_key(o, "contexts");
    put_str(o, wr_conf_contexts(o->cf->pool, d->contexts));
    put_key(o, "args");
    put_str(o, wr_conf_usage(o->cf->pool, d));
    put(o, "default", d->def);
    put(o, "doc", d->doc);
    put(o, "example", d->example);
    for (size_t i = 0; i < WR_COUNT(flag_bits); i++) {
        put_true(o, flag_names[i], (d->flags & flag_bits[i]) != 0);
    }
    close_in(o, "}");
}

static void
directives(out_t *o, const wr_directive_t *d)
{
    put_key(o, "directives");
    open_in(o, "[");
    for (; d != NULL && d->name != NULL; d++) {
        if (d->name[0] != '\0') {
            directive(o, d);
        }
    }
    close_in(o, "]");
}

/* `include` is of no module but of the language. */
static bool
of_language(void *data, const wr_schema_t *schema, const wr_directive_t *d)
{
    if (strcmp(schema->name, "conf") == 0 && d->name[0] != '\0') {
        directive(data, d);
    }
    return true;
}

static void
variables(out_t *o, const wr_var_row_t *v)
{
    put_key(o, "variables");
    open_in(o, "[");
    for (; v != NULL && v->name != NULL; v++) {
        comma(o);
        wr_buf_char(&o->b, '\n');
        open_in(o, "{");
        put(o, "name", v->name);
        put(o, "doc", v->doc);
        put_true(o, "prefix", (v->flags & WR_VAR_PREFIX) != 0);
        put_true(o, "settable", v->set != NULL);
        close_in(o, "}");
    }
    close_in(o, "]");
}

static void
add_functions(out_t *o, const wr_fn_row_t *f)
{
    for (; f != NULL && f->name != NULL; f++) {
        comma(o);
        wr_buf_char(&o->b, '\n');
        open_in(o, "{");
        put(o, "name", f->name);
        put(o, "params", f->params);
        put(o, "doc", f->doc);
        put(o, "example", f->example);
        put_true(o, "slow", (f->flags & WR_FN_SLOW) != 0);
        close_in(o, "}");
    }
}

static void
functions(out_t *o, const char *key, const wr_fn_row_t *f, const wr_fn_row_t *more)
{
    put_key(o, key);
    open_in(o, "[");
    add_functions(o, f);
    add_functions(o, more);
    close_in(o, "]");
}

static void
module(out_t *o, const wr_module_t *m)
{
    wr_str_t path = m->path;

    comma(o);
    wr_buf_char(&o->b, '\n');
    open_in(o, "{");
    put(o, "name", m->name);
    put(o, "version", m->version);
    put(o, "doc", m->doc);
    if (m->loaded) {
        wr_str_t base = wr_str_skip(path, (size_t) (wr_str_rchr(path, '/') + 1));

        put_key(o, "load");
        put_str(o, wr_pool_printf(o->cf->pool, "modules/%.*s", WR_ARG(base)));
    }
    directives(o, m->schema.directives);
    variables(o, m->variables);
    functions(o, "functions", m->functions, NULL);
    functions(o, "filters", m->filters, NULL);
    functions(o, "tests", m->tests, NULL);
    close_in(o, "}");
}

static void
language(out_t *o)
{
    put_key(o, "language");
    open_in(o, "{");
    functions(o, "functions", wr_globals, wr_gettext_globals);
    functions(o, "filters", wr_filters, NULL);
    functions(o, "tests", wr_tests, NULL);
    close_in(o, "}");
}

static void
everything(out_t *o)
{
    unsigned            n;
    wr_module_t *const *modules = wr_modules_of(o->cf, &n);

    open_in(o, "{");
    put(o, "version", WR_VERSION);
    put_key(o, "conf");
    open_in(o, "[");
    wr_conf_each(o->cf, of_language, o);
    close_in(o, "]");
    put_key(o, "modules");
    open_in(o, "[");
    for (unsigned i = 0; i < n; i++) {
        module(o, modules[i]);
    }
    close_in(o, "]");
    language(o);
    close_in(o, "}\n");
}

static bool
load_all(wr_conf_t *cf)
{
    wr_array_t files = wr_array(cf->pool, sizeof(wr_str_t));

    wr_module_files(cf->pool, &files);
    for (WR_EACH(wr_str_t, path, &files)) {
        wr_tok_t at = {.text = *path};

        if (wr_module_load(cf, &at) != WR_OK) {
            return false;
        }
    }
    return true;
}

int
wr_print_tables(void)
{
    wr_pool_t *pool = wr_pool_new();
    out_t      o = {.b = wr_buf(pool), .first = true};
    int        status = 1;

    o.cf = wr_conf_new(pool, &wr_log_main, wr_options.prefix, wr_options.conf_prefix);
    if (wr_modules_begin(o.cf, wr_options.core_modules) == WR_OK && load_all(o.cf)) {
        wr_str_t text;

        everything(&o);
        text = wr_buf_text(&o.b);
        status = fwrite(text.p, 1, text.n, stdout) == text.n && fflush(stdout) == 0 ? 0 : 1;
    }
    wr_conf_done(o.cf);
    wr_pool_free(pool);
    return status;
}
