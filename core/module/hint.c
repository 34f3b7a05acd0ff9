/*
 * "The load_module line that is missing": looks for an unknown name in the tables
 * of the modules that are installed but not loaded. Only on the way to an error
 * message, so the files are simply opened.
 */
#include <weir/module/registry_priv.h>
#include <weir/os/readfile.h>
#include <weir_config.h>

#include <dlfcn.h>
#include <stdio.h>

static char pattern[512];       /* empty: nowhere to look */
static char found[512];

void
wr_module_hint_for(wr_conf_t *cf)
{
    wr_str_t path = wr_conf_path(cf, WR_STR(WR_MODULES_PATH "/*.so"));

    pattern[0] = '\0';
    if (path.n < sizeof(pattern)) {
        memcpy(pattern, path.p, path.n + 1);
    }
    wr_conf_hooks.hint = wr_module_hint;
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

const char *
wr_module_hint(const char *kind, wr_str_t name)
{
    wr_pool_t  *pool = wr_pool_new();
    wr_array_t  files = wr_array(pool, sizeof(wr_str_t));
    bool        variable = strcmp(kind, "variable") == 0;
    const char *answer = NULL;

    if (pattern[0] != '\0') {
        (void) wr_file_glob(&files, pattern);
    }
    for (WR_EACH(wr_str_t, path, &files)) {
        wr_str_t base = wr_str_skip(*path, (size_t) (wr_str_rchr(*path, '/') + 1));
        int      n;

        if (!file_has(pool, path->p, variable, name)) {
            continue;
        }
        n = snprintf(found, sizeof(found), "%s/%.*s", WR_MODULES_PATH, WR_ARG(base));
        answer = n > 0 && (size_t) n < sizeof(found) ? found : NULL;
        break;
    }
    wr_pool_free(pool);
    return answer;
}
