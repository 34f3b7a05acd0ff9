/*
 * A random file of the folder answers for it.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <weir/http/core_conf.h>
#include <weir/http/file_cache.h>

typedef struct conf {
    bool on;
} conf_t;

static bool
is_candidate(wr_req_t *r, wr_str_t folder, const struct dirent *d)
{
    wr_opened_t opened;

    if (d->d_name[0] == '.') {
        return false;
    }
    if (d->d_type != DT_UNKNOWN && d->d_type != DT_LNK) {
        return d->d_type == DT_REG;
    }
    return wr_file_test(r, wr_pool_printf(wr_pool(r), "%.*s%s", WR_ARG(folder),
                                          d->d_name),
                        &opened) == WR_OK
           && opened.is_file;
}

/* Each of n names is chosen with 1/n: the nth replaces the choice with that. */
static wr_str_t
choose(wr_req_t *r, wr_str_t folder, DIR *dir)
{
    wr_str_t       chosen = WR_STR_NONE;
    long           n = 0;
    struct dirent *d;

    while ((d = readdir(dir)) != NULL) {
        if (is_candidate(r, folder, d) && random() % ++n == 0) {
            chosen = wr_pool_str(wr_pool(r), wr_str_z(d->d_name));
        }
    }
    return chosen;
}

static wr_rc_t
pick(wr_req_t *r, void *state)
{
    const conf_t *conf = wr_conf(r);
    wr_str_t      folder, name;
    size_t        root;
    DIR          *dir;

    (void) state;
    if (!conf->on || r->uri.n == 0 || r->uri.p[r->uri.n - 1] != '/'
        || (r->method & (WR_GET | WR_HEAD | WR_POST)) == 0)
    {
        return WR_DECLINED;
    }
    if (!wr_req_path(r, &folder, &root, 0)) {
        return wr_fail(r, 500);
    }
    dir = opendir(folder.p);
    if (dir == NULL) {
        return wr_file_failed(r, folder, &(wr_opened_t) {.err = errno,
                                                         .failed = "opendir()"});
    }
    name = choose(r, folder, dir);
    closedir(dir);
    if (name.n == 0) {
        return WR_DECLINED;
    }
    return wr_internal_redirect(r, wr_pool_join(wr_pool(r), r->uri, name), r->args);
}

static bool
wanted(wr_scope_t *scope, const void *own, const void **conf)
{
    (void) scope;
    (void) conf;
    return own != NULL && ((const conf_t *) own)->on;
}

WR_MODULE(random_index,
    .doc = "A random file of a folder answers for it",
    .schema.directives = (const wr_directive_t[]) {
        WR_FLAG("random_index", WR_LOCATION, conf_t, on, "off",
                "Answer a URI that ends with a slash with a random file of that "
                "folder.",
                .example = "random_index on;"),
        WR_END
    },
    .schema.size = sizeof(conf_t),
    .http = &(const wr_http_tables_t) {
        .hooks = (const wr_hook_t[]) {
            {.mw = {.name = "random_index", .before = pick},
             .rank = WR_RANK_CONTENT, .order = 10, .wanted = wanted},
            {.mw = {.name = NULL}}
        },
    });
