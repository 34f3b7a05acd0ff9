/*
 * The modules of a reading, loading with its refusals, services.
 */
#include <conf_help.h>
#include <weir/module/registry_priv.h>

#include <unistd.h>

static const wr_directive_t directives[] = {
    WR_END
};

static wr_module_t core = {
    .magic = WR_MAGIC, .abi_major = WR_ABI_MAJOR, .abi_minor = WR_ABI_MINOR,
    .size = sizeof(wr_module_t), .facts = WR_ABI_FACTS, .name = "test_core_module",
    .version = "1", .schema = {.directives = directives, .size = 8},
};

static wr_module_t *const cores[] = {&core, NULL};

static char folder[] = "/tmp/weir-module-XXXXXX";

static wr_conf_t *
begin(void)
{
    static char prefix[64];
    wr_conf_t  *cf;

    snprintf(prefix, sizeof(prefix), "%s/", folder);
    cf = conf_begin(prefix);
    CHECK(wr_modules_begin(cf, cores) == WR_OK);
    return cf;
}

/* Makes NAME.so of a C text. */
static bool
build(const char *name, const char *text)
{
    const char *cc = getenv("CC") != NULL ? getenv("CC") : "cc";
    char        command[256], path[128];
    FILE       *f;

    snprintf(path, sizeof(path), "%s/%s.c", folder, name);
    f = fopen(path, "w");
    if (f == NULL || fputs(text, f) < 0 || fclose(f) != 0) {
        return false;
    }
    snprintf(command, sizeof(command), "%s -shared -fPIC -o %s/%s.so %s", cc, folder,
             name, path);
    return system(command) == 0;
}

static void
refused(const char *file, const char *message)
{
    wr_conf_t *cf = begin();
    wr_tok_t   tok = {.text = wr_str_z(file), .line = 1, .column = 13,
                      .file = WR_STR("f")};

    CHECK_INT(wr_module_load(cf, &tok), WR_ERROR);
    CHECK(conf_has_said(message));
    conf_end(cf);
}

static void
refusals(void)
{
    refused("none.so", "none.so\" failed (");
    CHECK(build("plain", "int x;"));
    refused("plain.so", "plain.so\" is not a module of weir: it has no symbol "
                        "\"weir_module\" in f:1:13 (a module defines it by WR_MODULE()");
    CHECK(build("wrong", "char weir_module[512] = \"nonsense\";"));
    refused("wrong.so", "is not a module of weir in f:1:13 (its \"weir_module\" is to be "
                        "defined by WR_MODULE())");
    CHECK(build("newer", "struct { unsigned m; unsigned short a, b; unsigned n; "
                         "const char *facts, *name; char rest[512]; } weir_module = "
                         "{0x72696577u, 99, 1, 512, \"x\", \"newer\"};"));
    refused("newer.so", "was built for module ABI 99.1, but this is weir ");
}

static void
misfits(void)
{
    wr_pool_t  *pool = wr_pool_new();
    wr_module_t m = core;
    wr_str_t    hint;

    CHECK_STR(wr_module_misfit(pool, &m, &hint), "");
    m.abi_minor++;
    CHECK(wr_str_starts(wr_module_misfit(pool, &m, &hint),
                        WR_STR("was built for module ABI ")));
    CHECK(wr_str_starts(hint, WR_STR("install the weir that the module was built for")));
    m = core;
    m.abi_major--;
    CHECK(wr_module_misfit(pool, &m, &hint).n != 0);
    CHECK(wr_str_starts(hint, WR_STR("build the module again")));
    m = core;
    m.facts = "other";
    CHECK_STR(wr_module_misfit(pool, &m, &hint),
              "was built for \"other\", but this weir is \"" WR_ABI_FACTS "\"");
    m = core;
    m.size--;
    CHECK(wr_str_starts(wr_module_misfit(pool, &m, &hint),
                        WR_STR("has a descriptor of ")));
    wr_pool_free(pool);
}

static void
registry(void)
{
    static const int    table = 1;
    wr_conf_t          *cf = begin();
    unsigned            n, index = core.schema.index;
    wr_module_t *const *modules = wr_modules_of(cf, &n);

    CHECK(n >= 1 && modules[0] == &core);
    CHECK_STR(wr_str_z(core.schema.name), "test_core_module");
    CHECK(wr_service_find(cf, "x.1") == NULL);
    wr_service_offer(cf, "x.1", &table);
    CHECK(wr_service_find(cf, "x.1") == &table);
    CHECK(wr_scope_own(cf, cf->main, &core.schema) != NULL);
    CHECK(cf->main->conf[index] != NULL);
    conf_end(cf);

    cf = begin();
    CHECK(core.schema.index == index && core.index == index);
    CHECK(wr_service_find(cf, "x.1") == NULL);
    conf_end(cf);
}

static void
hints(void)
{
    CHECK(wr_module_hint("directive", WR_STR("nonsense")) == NULL);
    CHECK(wr_module_hint("variable", WR_STR("nonsense")) == NULL);
}

int
main(void)
{
    char command[64];

    CHECK(mkdtemp(folder) != NULL);
    registry();
    refusals();
    misfits();
    hints();
    snprintf(command, sizeof(command), "rm -r %s", folder);
    CHECK(system(command) == 0);
    return check_status();
}
