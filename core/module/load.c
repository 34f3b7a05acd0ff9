/*
 * load_module. A file is opened once per process and stays open: the descriptor,
 * and with it the index of its struct, is the same in every later cycle. (A newer
 * file of the same name takes effect with an upgrade of the binary.)
 */
#include <weir/module/registry_priv.h>
#include <weir/os/proc.h>
#include <weir_config.h>

#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

typedef struct opened {
    struct opened *next;
    wr_module_t   *module;
    char           path[];
} opened_t;

static opened_t *all_opened;

/* ---- does it fit ---- */

static wr_str_t
version_misfit(wr_pool_t *pool, const wr_module_t *m, wr_str_t *hint)
{
    if (m->abi_major == WR_ABI_MAJOR && m->abi_minor <= WR_ABI_MINOR) {
        return WR_STR("");
    }
    *hint = m->abi_major < WR_ABI_MAJOR
            ? WR_STR("build the module again with the headers of weir " WR_VERSION)
            : WR_STR("install the weir that the module was built for, or build the "
                     "module with the headers of weir " WR_VERSION);
    return wr_pool_printf(pool, "was built for module ABI %u.%u, but this is weir "
                          WR_VERSION " with ABI %u.%u", m->abi_major, m->abi_minor,
                          WR_ABI_MAJOR, WR_ABI_MINOR);
}

wr_str_t
wr_module_misfit(wr_pool_t *pool, const wr_module_t *m, wr_str_t *hint)
{
    wr_str_t text;

    *hint = WR_STR_NONE;
    if (m->magic != WR_MAGIC) {
        *hint = WR_STR("its \"weir_module\" is to be defined by WR_MODULE()");
        return WR_STR("is not a module of weir");
    }
    text = version_misfit(pool, m, hint);
    if (text.n != 0) {
        return text;
    }
    *hint = WR_STR("build the module again with the headers and options of this weir");
    if (m->facts == NULL || strcmp(m->facts, WR_ABI_FACTS) != 0) {
        return wr_pool_printf(pool, "was built for \"%s\", but this weir is \"%s\"",
                              m->facts != NULL ? m->facts : "", WR_ABI_FACTS);
    }
    if (m->size < sizeof(wr_module_t)) {
        return wr_pool_printf(pool, "has a descriptor of %u bytes, but this weir needs "
                              "%zu", m->size, sizeof(wr_module_t));
    }
    if (m->name == NULL || m->name[0] == '\0') {
        return WR_STR("has no name");
    }
    return WR_STR("");
}

/* ---- opening ---- */

static wr_module_t *
find_opened(wr_str_t path)
{
    for (const opened_t *o = all_opened; o != NULL; o = o->next) {
        if (wr_str_eqz(path, o->path)) {
            return o->module;
        }
    }
    return NULL;
}

static void
remember(wr_str_t path, wr_module_t *m)
{
    opened_t *o = malloc(sizeof(*o) + path.n + 1);

    WR_ASSERT(o != NULL);
    memcpy(o->path, path.p, path.n + 1);
    o->module = m;
    o->next = all_opened;
    all_opened = o;
    m->loaded = true;
    m->path = wr_str_z(o->path);
}

static wr_module_t *
open_module(wr_conf_t *cf, const wr_tok_t *at, wr_str_t path)
{
    void        *file = dlopen(path.p, RTLD_NOW | RTLD_LOCAL);
    wr_module_t *m;
    wr_str_t     misfit, hint;

    if (file == NULL) {
        (void) wr_conf_fail(cf, at, "dlopen() \"%.*s\" failed (%s)", WR_ARG(path),
                            dlerror());
        return NULL;
    }
    m = dlsym(file, "weir_module");
    if (m == NULL) {
        hint = WR_STR("a module defines it by WR_MODULE() and is built with WR_DYNAMIC");
        (void) wr_conf_fail_hint(cf, at, hint, "\"%.*s\" is not a module of weir: it has "
                                 "no symbol \"weir_module\"", WR_ARG(path));
        (void) dlclose(file);
        return NULL;
    }
    misfit = wr_module_misfit(cf->temp, m, &hint);
    if (misfit.n != 0) {
        (void) wr_conf_fail_hint(cf, at, hint, "module \"%.*s\" %.*s", WR_ARG(path),
                                 WR_ARG(misfit));
        (void) dlclose(file);
        return NULL;
    }
    remember(path, m);
    return m;
}

static wr_rc_t
check_new(wr_conf_t *cf, const wr_tok_t *at, const wr_module_t *m)
{
    unsigned            n;
    wr_module_t *const *modules = wr_modules_of(cf, &n);

    for (unsigned i = 0; i < n; i++) {
        if (modules[i] == m || strcmp(modules[i]->name, m->name) == 0) {
            return wr_conf_fail_hint(cf, at, modules[i]->loaded
                                             ? WR_STR_NONE : WR_STR("it is built in"),
                                     "module \"%s\" is already loaded", m->name);
        }
    }
    return WR_OK;
}

/* Under the prefix; else where modules were installed; else beside the binary (a
 * server that runs from its build folder with another prefix). */
static wr_str_t
find_file(wr_conf_t *cf, wr_str_t text)
{
    wr_str_t path = wr_conf_path(cf, text), other;
    ssize_t  slash = wr_str_rchr(text, '/');
    wr_str_t name = slash >= 0 ? wr_str_skip(text, (size_t) slash + 1) : text;
    char     exe[4096];

    if (text.n == 0 || text.p[0] == '/' || access(path.p, F_OK) == 0) {
        return path;
    }
    other = wr_pool_printf(cf->pool, "%s%s/%.*s", WR_MODULES_PATH[0] == '/' ? "" : WR_PREFIX,
                           WR_MODULES_PATH, WR_ARG(name));
    if (access(other.p, F_OK) == 0) {
        return other;
    }
    slash = wr_str_rchr(wr_proc_program(exe, sizeof(exe)), '/');
    other = wr_pool_printf(cf->pool, "%.*smodules/%.*s", (int) slash + 1, exe, WR_ARG(name));
    return slash >= 0 && access(other.p, F_OK) == 0 ? other : path;
}

/* `load_module modules/http_x_module.so;` where http_x_module is built in. */
static bool
is_built_in(wr_conf_t *cf, wr_str_t text)
{
    ssize_t             slash = wr_str_rchr(text, '/');
    wr_str_t            name = slash >= 0 ? wr_str_skip(text, (size_t) slash + 1) : text;
    unsigned            n;
    wr_module_t *const *modules = wr_modules_of(cf, &n);

    if (!wr_str_ends(name, WR_STR(".so"))) {
        return false;
    }
    name.n -= 3;
    for (unsigned i = 0; i < n; i++) {
        if (!modules[i]->loaded && wr_str_eqz(name, modules[i]->name)) {
            return true;
        }
    }
    return false;
}

wr_rc_t
wr_module_load(wr_conf_t *cf, const wr_tok_t *at)
{
    wr_str_t     path;
    wr_module_t *m;

    for (const wr_scope_t *s = cf->main->inner; s != NULL; s = s->next) {
        if ((s->context & (WR_HTTP | WR_EVENTS)) != 0) {
            return wr_conf_fail_hint(cf, NULL,
                                     WR_STR("it has to stand before events and http"),
                                     "\"load_module\" directive is specified too late");
        }
    }
    if (is_built_in(cf, at->text)) {
        return WR_OK;
    }
    path = find_file(cf, at->text);
    m = find_opened(path);
    if (m == NULL) {
        m = open_module(cf, at, path);
    }
    if (m == NULL || check_new(cf, at, m) != WR_OK) {
        return WR_ERROR;
    }
    return wr_registry_add(cf, m);
}
