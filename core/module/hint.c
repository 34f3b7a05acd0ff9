/*
 * "The load_module line that is missing": looks for an unknown name in the tables
 * of the modules that are installed but not loaded. Only on the way to an error
 * message, so the files are simply opened. They are looked for under the prefix of
 * the reading, under that of the build, and beside the program.
 */
#define _GNU_SOURCE
#include <weir/module/registry_priv.h>
#include <weir/os/proc.h>
#include <weir/os/readfile.h>
#include <weir_config.h>

#include <dlfcn.h>
#include <stdio.h>
#include <unistd.h>

static char folders[4][512];     /* where modules may be; "" if not */
static char found[512];
static char found_file[1024];

/* `DIR/modules` of what DIR the program stands in, or of what is above it. */
static void
beside_program(char *to, size_t room, const char *up)
{
    char     path[400];
    wr_str_t program = wr_proc_program(path, sizeof(path));
    ssize_t  slash = wr_str_rchr(program, '/');

    if (slash >= 0) {
        snprintf(to, room, "%.*s%s/modules", (int) slash, path, up);
    }
}

static wr_str_t
sentence(wr_pool_t *pool, const char *kind, wr_str_t name)
{
    const char *line = wr_module_hint(kind, name);

    if (line == NULL) {
        return WR_STR_NONE;
    }
    return wr_pool_printf(pool, "it is of a module that is not loaded: add \"load_module "
                          "%s;\" at the top of the conf; the file is %s", line,
                          found_file);
}

void
wr_module_hint_for(wr_conf_t *cf)
{
    wr_str_t path = wr_conf_path(cf, WR_STR(WR_MODULES_PATH));

    memset(folders, 0, sizeof(folders));
    snprintf(folders[0], sizeof(folders[0]), "%.*s", WR_ARG(path));
    snprintf(folders[1], sizeof(folders[1]), "%s%s",
             WR_MODULES_PATH[0] == '/' ? "" : WR_PREFIX, WR_MODULES_PATH);
    beside_program(folders[2], sizeof(folders[2]), "");
    beside_program(folders[3], sizeof(folders[3]), "/..");
    wr_conf_hooks.hint = sentence;
}

static bool
has_directive(const wr_module_t *m, wr_str_t name)
{
    const wr_directive_t *d = m->schema.directives;

    for (; d != NULL && d->name != NULL; d++) {
        if (wr_str_eqz(name, d->name)) {
            return true;
        }
    }
    return false;
}

static bool
has_variable(const wr_module_t *m, wr_str_t name)
{
    const wr_var_row_t *v = m->variables;

    for (; v != NULL && v->name != NULL; v++) {
        if (wr_str_ieqz(name, v->name)
            || ((v->flags & WR_VAR_PREFIX) != 0 && wr_str_istarts(name, wr_str_z(v->name))))
        {
            return true;
        }
    }
    return false;
}

static bool
file_has(wr_pool_t *pool, const char *path, bool variable, wr_str_t name)
{
    void              *file = dlopen(path, RTLD_LAZY | RTLD_LOCAL);
    const wr_module_t *m = file != NULL ? dlsym(file, "weir_module") : NULL;
    wr_str_t           hint;
    bool               has = false;

    if (m != NULL && wr_module_misfit(pool, m, &hint).n == 0) {
        has = variable ? has_variable(m, name) : has_directive(m, name);
    }
    if (file != NULL) {
        (void) dlclose(file);
    }
    return has;
}

static bool
search(wr_pool_t *pool, const char *folder, bool variable, wr_str_t name)
{
    wr_array_t files = wr_array(pool, sizeof(wr_str_t));
    wr_str_t   pattern = wr_pool_printf(pool, "%s/*.so", folder);

    (void) wr_file_glob(&files, pattern.p);
    for (WR_EACH(wr_str_t, path, &files)) {
        wr_str_t base = wr_str_skip(*path, (size_t) (wr_str_rchr(*path, '/') + 1));

        if (path->n < sizeof(found_file) && base.n < sizeof(found) / 2
            && file_has(pool, path->p, variable, name))
        {
            memcpy(found_file, path->p, path->n + 1);
            snprintf(found, sizeof(found), "%s/%.*s", WR_MODULES_PATH, WR_ARG(base));
            return true;
        }
    }
    return false;
}

void
wr_module_files(wr_pool_t *pool, wr_array_t *files)
{
    for (size_t i = 0; i < WR_COUNT(folders) && files->n == 0; i++) {
        if (folders[i][0] != '\0') {
            wr_str_t pattern = wr_pool_printf(pool, "%s/*.so", folders[i]);

            (void) wr_file_glob(files, pattern.p);
        }
    }
}

const char *
wr_module_hint(const char *kind, wr_str_t name)
{
    wr_pool_t *pool = wr_pool_new();
    bool       variable = strcmp(kind, "variable") == 0;
    bool       has = false;

    for (size_t i = 0; i < WR_COUNT(folders) && !has; i++) {
        has = folders[i][0] != '\0' && search(pool, folders[i], variable, name);
    }
    wr_pool_free(pool);
    return has ? found : NULL;
}

const char *
wr_module_hint_file(void)
{
    return found_file;
}
