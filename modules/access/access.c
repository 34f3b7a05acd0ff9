/*
 * allow and deny: the first rule that has the client's address counts.
 */
#include <weir/http/core_conf.h>

typedef struct rule {
    wr_cidr_t cidr;
    bool      deny;
} rule_t;

typedef struct conf {
    wr_array_t rules;           /* rule_t */
} conf_t;

static wr_rc_t
add_rule(wr_conf_t *cf, const wr_directive_t *d, void *c)
{
    conf_t *conf = c;
    rule_t *rule;

    (void) d;
    if (conf->rules.size == 0) {
        conf->rules = wr_array(cf->pool, sizeof(rule_t));
    }
    rule = WR_PUSH(&conf->rules, rule_t);
    rule->deny = wr_str_eqz(cf->args[0].text, "deny");
    if (!wr_cidr_parse(&rule->cidr, cf->args[1].text)) {
        return wr_conf_fail(cf, &cf->args[1], "invalid parameter \"%.*s\"",
                            WR_ARG(cf->args[1].text));
    }
    return WR_OK;
}

static wr_rc_t
check_client(wr_req_t *r, void *state)
{
    const conf_t *conf = wr_conf(r);

    (void) state;
    if (r != r->main || r->peer == NULL || wr_access_settled(r)) {
        return WR_DECLINED;
    }
    for (WR_EACH(rule_t, rule, &conf->rules)) {
        if (!wr_cidr_has(&rule->cidr, &r->peer->u.sa)) {
            continue;
        }
        if (!rule->deny) {
            return wr_access_allow(r);
        }
        if (wr_http_core(r)->satisfy == 0) {
            wr_log(&r->log, WR_LOG_ERR, 0, "access forbidden by rule");
        }
        return wr_access_deny(r, 403);
    }
    return WR_DECLINED;
}

static bool
wanted(wr_scope_t *scope, const void *own, const void **conf)
{
    (void) scope;
    *conf = own;
    return own != NULL && ((const conf_t *) own)->rules.n != 0;
}

#define WHERE (WR_ANY | WR_LIMIT_EXCEPT)

WR_MODULE(access,
    .doc = "Access by address",
    .schema.directives = (const wr_directive_t[]) {
        WR_CUSTOM("allow", WHERE, 1, 1, add_rule, conf_t, rules,
                  "Let clients of this network in. The rules of a level are tried in order, "
                  "the first that fits decides; a level with rules of its own does not see the "
                  "outer ones.", .flags = WR_DF_REPEAT,
                  .args = "address | CIDR | unix: | all",
                  .example = "allow 10.0.0.0/8;"),
        WR_CUSTOM("deny", WHERE, 1, 1, add_rule, conf_t, rules,
                  "Keep clients of this network out, with 403.", .flags = WR_DF_REPEAT,
                  .args = "address | CIDR | unix: | all", .example = "deny all;"),
        WR_END
    },
    .schema.size = sizeof(conf_t),
    .http = &(const wr_http_tables_t) {
        .hooks = (const wr_hook_t[]) {
            {.mw = {.name = "access", .before = check_client},
             .rank = WR_RANK_ACCESS, .order = 10, .wanted = wanted},
            {.mw = {.name = NULL}}
        },
    });
