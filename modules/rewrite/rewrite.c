/*
 * rewrite, return, if, set, break: little scripts that run before a location is
 * chosen (the server's) and in it (the location's).
 */
#include <weir/http/request.h>
#include "script.h"

static bool
is_server(const wr_scope_t *scope)
{
    return (scope->context & WR_SERVER) != 0;
}

static bool
has_script(wr_scope_t *scope, const void *own)
{
    const rewrite_conf_t *conf = own;

    return conf != NULL && conf->scope == scope && conf->ops.n != 0
           && (scope->context & (WR_IF_SERVER | WR_IF_LOCATION)) == 0;
}

static bool
wanted_in_server(wr_scope_t *scope, const void *own, const void **conf)
{
    *conf = own;
    return is_server(scope) && has_script(scope, own);
}

static bool
wanted_in_location(wr_scope_t *scope, const void *own, const void **conf)
{
    *conf = own;
    return !is_server(scope) && has_script(scope, own);
}

static wr_rc_t
run_in_server(wr_req_t *r, void *state)
{
    const rewrite_conf_t *conf = wr_stage_conf(r);
    wr_rc_t               rc;

    (void) state;
    rc = script_run(r, &conf->ops);
    r->uri_changed = 0;         /* the location is looked for anyway */
    return rc == WR_OK ? WR_DECLINED : rc;
}

/* An `if` that was true has put another conf in force: its pipeline goes on. */
static wr_rc_t
run_in_location(wr_req_t *r, void *state)
{
    const rewrite_conf_t *conf = wr_stage_conf(r);
    const wr_location_t  *before = r->location;
    wr_rc_t               rc;

    (void) state;
    rc = script_run(r, &conf->ops);
    if (rc != WR_OK) {
        return rc;
    }
    return r->location != before ? wr_task_jump(r, r->location->stages)
                                 : WR_DECLINED;
}

WR_MODULE(rewrite,
    .doc = "Rewriting of URIs, answers and variables given in the conf",
    .schema.directives = rewrite_directives,
    .schema.size = sizeof(rewrite_conf_t),
    .http = &(const wr_http_tables_t) {
        .hooks = (const wr_hook_t[]) {
            {.mw = {.name = "server-rewrite", .before = run_in_server},
             .rank = WR_RANK_SERVER_REWRITE, .wanted = wanted_in_server},
            {.mw = {.name = "rewrite", .before = run_in_location},
             .rank = WR_RANK_REWRITE, .wanted = wanted_in_location},
            {.mw = {.name = NULL}}
        },
    });
