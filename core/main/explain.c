/*
 * -H: one directive or variable, from the tables of the modules: of those that are
 * built in, else of those that could be loaded.
 */
#include <weir/main/cmdline.h>

#include <stdio.h>

typedef struct search {
    wr_str_t     name;
    wr_conf_t   *cf;
    const char  *load;          /* the file that has to be loaded for it */
    bool         found;
    const char **names;         /* of what was looked through, for "did you mean" */
    size_t       n;
    bool         variables;     /* the last names are those of variables */
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

static void
separate(const search_t *s)
{
    if (s->found) {
        putchar('\n');
    }
}

static void
print_directive(search_t *s, const char *module, const wr_directive_t *d)
{
    wr_str_t usage = wr_conf_usage(s->cf->pool, d);
    wr_str_t contexts = wr_conf_contexts(s->cf->pool, d->contexts);

    separate(s);
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
    s->found = true;
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

    separate(s);
    printf("Variable: $%s%s\n", v->name, prefix ? "NAME" : "");
    printf("Module:   %s\n", m->name);
    if (s->load != NULL) {
        printf("Needs:    load_module %s;\n", s->load);
    }
    if (v->doc != NULL) {
        printf("\n%s\n", v->doc);
    }
    s->found = true;
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

/* In a module that is not loaded: loads it, for this process only. */
static void
look_in_loadable(search_t *s, bool variable)
{
    const char *file = wr_module_hint(variable ? "variable" : "directive", s->name);
    wr_tok_t    path = {.text = wr_str_z(wr_module_hint_file())};

    if (file != NULL && wr_module_load(s->cf, &path) == WR_OK) {
        s->load = file;
        look(s, variable);
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
    search_t   s = {.name = wr_str_z(name)};
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
        if (!s.found) {
            look_in_loadable(&s, variable);
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
