/*
 * -H: one directive or variable, from the tables of the modules: of those that are
 * built in, of those that could be loaded, else of those that the conf loads from elsewhere.
 */
#include <weir/main/cmdline.h>
#include <weir/os/readfile.h>

#include <stdio.h>

typedef struct search {
    wr_str_t     name;
    wr_conf_t   *cf;
    const char  *load;          /* the file that has to be loaded for it */
    bool         found;
    const char **names;         /* of what was looked through, for "did you mean" */
    size_t       n;
    bool         variables;     /* the last names are those of variables */
    wr_array_t   shown;         /* const void *: rows that have been printed */
} search_t;

static void
indent(const char *text)
{
    wr_str_t rest = wr_str_z(text);
    wr_str_t line;

    while (wr_str_split(&rest, '\n', &line)) {
        printf("    %.*s\n", WR_ARG(line));
    }
}

/* As a conf says it: those that are installed are in modules/. */
static const char *
shown_path(wr_pool_t *pool, wr_str_t path)
{
    wr_array_t files = wr_array(pool, sizeof(wr_str_t));

    wr_module_files(pool, &files);
    for (WR_EACH(wr_str_t, file, &files)) {
        if (wr_str_eq(*file, path)) {
            return wr_pool_join(pool, WR_STR("modules/"),
                                wr_str_skip(path, (size_t) (wr_str_rchr(path, '/') + 1))).p;
        }
    }
    return wr_pool_strz(pool, path);
}

/* Whether the row is new; then a blank line separates it from the last one. */
static bool
begin(search_t *s, const void *row)
{
    for (WR_EACH(const void *, other, &s->shown)) {
        if (*other == row) {
            return false;
        }
    }
    if (s->found) {
        putchar('\n');
    }
    s->found = true;
    *WR_PUSH(&s->shown, const void *) = row;
    return true;
}

static void
print_directive(search_t *s, const char *module, const wr_directive_t *d)
{
    wr_str_t usage = wr_conf_usage(s->cf->pool, d);
    wr_str_t contexts = wr_conf_contexts(s->cf->pool, d->contexts);

    if (!begin(s, d)) {
        return;
    }
    printf("Syntax:   %s%s%.*s%s\n", d->name, usage.n != 0 ? " " : "", WR_ARG(usage),
           (d->flags & WR_DF_BLOCK) != 0 ? " { … }" : ";");
    if (d->def != NULL) {
        printf("Default:  %s %s;\n", d->name, d->def);
    }
    printf("Context:  %.*s\n", WR_ARG(contexts));
    printf("Module:   %s\n", module);
    if (s->load != NULL) {
        printf("Needs:    load_module %s;\n", s->load);
    }
    if (d->doc != NULL) {
        printf("\n%s\n", d->doc);
    }
    if ((d->flags & WR_DF_OBSOLETE) != 0) {
        printf("Obsolete: accepted, does nothing.\n");
    }
    if (d->example != NULL) {
        printf("\nExample:\n");
        indent(d->example);
    }
}

static bool
try_directive(void *data, const wr_schema_t *schema, const wr_directive_t *d)
{
    search_t *s = data;

    s->names[s->n++] = d->name;
    if (wr_str_eqz(s->name, d->name)) {
        print_directive(s, schema->name, d);
    }
    return true;
}

static void
print_variable(search_t *s, const wr_module_t *m, const wr_var_row_t *v)
{
    bool prefix = (v->flags & WR_VAR_PREFIX) != 0;

    if (!begin(s, v)) {
        return;
    }
    printf("Variable: $%s%s\n", v->name, prefix ? "NAME" : "");
    printf("Module:   %s\n", m->name);
    if (m->loaded) {
        printf("Needs:    load_module %s;\n", shown_path(s->cf->pool, m->path));
    }
    if (v->doc != NULL) {
        printf("\n%s\n", v->doc);
    }
}

static void
try_variables(search_t *s)
{
    unsigned            n;
    wr_module_t *const *modules = wr_modules_of(s->cf, &n);
    const wr_module_t  *of = NULL;
    const wr_var_row_t *best = NULL;
    wr_array_t          names = wr_array(s->cf->pool, sizeof(char *));

    for (unsigned i = 0; i < n; i++) {
        const wr_var_row_t *v = modules[i]->variables;

        for (; v != NULL && v->name != NULL; v++) {
            *WR_PUSH(&names, const char *) = v->name;
            if ((v->flags & WR_VAR_PREFIX) == 0) {
                if (wr_str_ieqz(s->name, v->name)) {
                    print_variable(s, modules[i], v);
                    return;
                }
            } else if (wr_str_istarts(s->name, wr_str_z(v->name))
                       && (best == NULL || strlen(v->name) > strlen(best->name)))
            {
                best = v;
                of = modules[i];
            }
        }
    }
    if (best != NULL) {
        print_variable(s, of, best);
    }
    s->variables = true;
    s->names = names.items;
    s->n = names.n;
}

static bool
count(void *data, const wr_schema_t *schema, const wr_directive_t *d)
{
    (void) schema;
    (void) d;
    ++*(size_t *) data;
    return true;
}

static void
look(search_t *s, bool variable)
{
    size_t rows = 0;

    if (variable) {
        try_variables(s);
        return;
    }
    s->variables = false;
    wr_conf_each(s->cf, count, &rows);
    s->names = wr_alloc(s->cf->pool, (rows + 1) * sizeof(*s->names));
    s->n = 0;
    wr_conf_each(s->cf, try_directive, s);
}

static void
look_in(search_t *s, wr_str_t path, bool variable)
{
    wr_tok_t at = {.text = path};

    if (wr_module_load(s->cf, &at) == WR_OK) {
        s->load = shown_path(s->cf->pool, path);
        look(s, variable);
    }
}

/* In the modules that are installed: they are loaded for this process only. */
static void
look_in_loadable(search_t *s, bool variable)
{
    wr_array_t files = wr_array(s->cf->pool, sizeof(wr_str_t));

    wr_module_files(s->cf->pool, &files);
    for (WR_EACH(wr_str_t, path, &files)) {
        look_in(s, *path, variable);
    }
}

static bool
is_loaded(const wr_conf_t *cf, wr_str_t path)
{
    unsigned            n;
    wr_module_t *const *modules = wr_modules_of(cf, &n);
    wr_str_t            name = wr_str_skip(path, (size_t) (wr_str_rchr(path, '/') + 1));

    for (unsigned i = 0; i < n; i++) {
        if (modules[i]->loaded && wr_str_ends(modules[i]->path, name)) {
            return true;
        }
    }
    return false;
}

/* In those that the conf loads. It may be broken elsewhere, so only these lines are read. */
static void
look_in_conf(search_t *s, bool variable)
{
    static const wr_str_t word = WR_STR_INIT("load_module");
    const char           *call;
    wr_str_t              text, line;

    if (wr_file_read(s->cf->pool, wr_options.conf_path.p, 16 << 20, &text, &call) != 0) {
        return;
    }
    while (wr_str_split(&text, '\n', &line)) {
        ssize_t end;

        line = wr_str_trim(line);
        if (!wr_str_starts(line, word) || (end = wr_str_chr(line, ';')) < 0) {
            continue;
        }
        line = wr_str_trim(wr_str_sub(line, word.n, (size_t) end));
        if (!is_loaded(s->cf, line)) {
            look_in(s, line, variable);
        }
    }
}

static const char *
near_name(search_t *s, bool variable)
{
    const char *near = NULL;

    if (!variable) {
        look(s, false);
        near = wr_nearest(s->name, s->names, s->n);
    }
    if (near == NULL) {
        look(s, true);
        near = wr_nearest(s->name, s->names, s->n);
    }
    return near;
}

static int
not_found(search_t *s, bool variable)
{
    const char *near = near_name(s, variable);

    fprintf(stderr, "weir: there is no %s \"%s%.*s\"",
            variable ? "variable" : "directive or variable", variable ? "$" : "",
            WR_ARG(s->name));
    if (near != NULL) {
        fprintf(stderr, " (did you mean \"%s%s\"?)", s->variables ? "$" : "", near);
    }
    fputc('\n', stderr);
    return 1;
}

int
wr_explain(const char *name)
{
    wr_pool_t *pool = wr_pool_new();
    search_t   s = {.name = wr_str_z(name), .shown = wr_array(pool, sizeof(void *))};
    bool       variable = name[0] == '$';
    int        status = 0;

    s.cf = wr_conf_new(pool, &wr_log_main, wr_options.prefix, wr_options.conf_prefix);
    if (variable) {
        s.name = wr_str_skip(s.name, 1);
    }
    if (wr_modules_begin(s.cf, wr_options.core_modules) != WR_OK) {
        status = 1;
    } else {
        look(&s, variable);
        look_in_loadable(&s, variable);
        if (!s.found) {
            look_in_conf(&s, variable);
        }
        if (!s.found && !variable) {
            look(&s, true);
        }
        if (!s.found) {
            status = not_found(&s, variable);
        }
    }
    wr_conf_done(s.cf);
    wr_pool_free(pool);
    return status;
}
