/*
 * -M: the modules of the conf, with what each adds.
 */
#include <weir/main/cmdline.h>

#include <stdio.h>
#include <unistd.h>

typedef struct amount {
    unsigned    n;
    const char *one, *many;
} amount_t;

static unsigned
directives_of(const wr_module_t *m)
{
    const wr_directive_t *d = m->schema.directives;
    unsigned              n = 0;

    for (; d != NULL && d->name != NULL; d++) {
        n += d->name[0] != '\0';
    }
    return n;
}

static unsigned
variables_of(const wr_module_t *m)
{
    const wr_var_row_t *v = m->variables;
    unsigned            n = 0;

    for (; v != NULL && v->name != NULL; v++) {
        n++;
    }
    return n;
}

static unsigned
functions_of(const wr_fn_row_t *row)
{
    unsigned n = 0;

    for (; row != NULL && row->name != NULL; row++) {
        n++;
    }
    return n;
}

static void
print_amounts(const wr_module_t *m)
{
    const amount_t amounts[] = {
        {directives_of(m), "directive", "directives"},
        {variables_of(m), "variable", "variables"},
        {functions_of(m->functions), "function", "functions"},
        {functions_of(m->filters), "filter", "filters"},
        {functions_of(m->tests), "test", "tests"},
    };
    const char *comma = "    adds ";

    for (size_t i = 0; i < WR_COUNT(amounts); i++) {
        if (amounts[i].n != 0) {
            printf("%s%u %s", comma, amounts[i].n,
                   amounts[i].n == 1 ? amounts[i].one : amounts[i].many);
            comma = ", ";
        }
    }
    if (comma[0] == ',') {
        putchar('\n');
    }
}

static void
print_names(const wr_module_t *m)
{
    const wr_directive_t *d = m->schema.directives;
    const char           *last = "";
    int                   column = 0;

    for (; d != NULL && d->name != NULL; d++) {
        if (d->name[0] == '\0' || strcmp(last, d->name) == 0) {
            continue;
        }
        if (column != 0 && column + strlen(d->name) > 76) {
            putchar('\n');
            column = 0;
        }
        column += printf("%s%s", column == 0 ? "        " : " ", d->name);
        last = d->name;
    }
    if (column != 0) {
        putchar('\n');
    }
}

static void
print_module(const wr_module_t *m)
{
    printf("%s %s (", m->name, m->version != NULL ? m->version : "");
    if (m->loaded) {
        printf("loaded from %.*s)\n", WR_ARG(m->path));
    } else {
        printf("built in)\n");
    }
    if (m->doc != NULL) {
        printf("    %s\n", m->doc);
    }
    print_amounts(m);
    print_names(m);
}

static void
print_all(wr_module_t *const *modules, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        print_module(modules[i]);
    }
}

static void
list_built_in(void)
{
    wr_pool_t *pool = wr_pool_new();
    wr_conf_t *cf = wr_conf_new(pool, &wr_log_main, wr_options.prefix,
                                wr_options.conf_prefix);

    if (wr_modules_begin(cf, wr_options.core_modules) == WR_OK) {
        unsigned            n;
        wr_module_t *const *modules = wr_modules_of(cf, &n);

        print_all(modules, n);
    }
    wr_conf_done(cf);
    wr_pool_free(pool);
}

int
wr_list_modules(void)
{
    wr_cycle_t         *cycle;
    wr_module_t *const *modules;
    unsigned            n;

    if (access(wr_options.conf_path.p, F_OK) != 0) {
        fprintf(stderr, "weir: there is no conf %.*s: these modules are built in\n",
                WR_ARG(wr_options.conf_path));
        list_built_in();
        return 0;
    }
    wr_options.reading = true;
    cycle = wr_cycle_new(NULL);
    if (cycle == NULL) {
        fprintf(stderr, "weir: the conf cannot be read: these modules are built in\n");
        list_built_in();
        return 1;
    }
    modules = wr_modules_of(cycle->cf, &n);
    print_all(modules, n);
    wr_cycle_free(cycle);
    return 0;
}
