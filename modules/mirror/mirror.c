/*
 * mirror: a copy of each request goes to other URIs in the background.
 */
#include <weir/http/request.h>

typedef struct conf {
    wr_array_t uris;            /* wr_str_t; empty and set: off */
    bool       with_body;
} conf_t;

static wr_rc_t
send_copies(wr_req_t *r, void *state)
{
    const conf_t *conf = wr_stage_conf(r);

    (void) state;
    if (conf->with_body && wr_has_body(r) && r->body != NULL && r->body->rc < 0) {
        return wr_body_failed(r);
    }
    for (WR_EACH(wr_str_t, uri, &conf->uris)) {
        wr_req_t *sub = wr_subrequest(r, *uri, r->args,
                                      WR_SUB_BACKGROUND | WR_SUB_CLONE);

        if (sub == NULL) {
            return wr_fail(r, 500);
        }
    }
    return WR_DECLINED;
}

static wr_rc_t
mirror(wr_req_t *r, void *state)
{
    const conf_t *conf = wr_stage_conf(r);

    if (r != r->main) {
        return WR_DECLINED;
    }
    if (conf->with_body && wr_has_body(r)) {
        return wr_body_read(r, send_copies);
    }
    return send_copies(r, state);
}

static wr_rc_t
add_uri(wr_conf_t *cf, const wr_directive_t *d, void *c)
{
    conf_t *conf = c;

    (void) d;
    if (wr_str_eqz(cf->args[1].text, "off")) {
        if (conf->uris.n != 0) {
            return wr_conf_fail(cf, NULL, "\"mirror\" directive is duplicate");
        }
        return WR_OK;
    }
    if (conf->uris.size == 0) {
        conf->uris = wr_array(cf->pool, sizeof(wr_str_t));
    }
    *WR_PUSH(&conf->uris, wr_str_t) = cf->args[1].text;
    return WR_OK;
}

static bool
wanted(wr_scope_t *scope, const void *own, const void **conf)
{
    (void) scope;
    *conf = own;
    return own != NULL && ((const conf_t *) own)->uris.n != 0;
}

WR_MODULE(mirror,
    .doc = "Copies of requests, in the background",
    .schema.directives = (const wr_directive_t[]) {
        WR_CUSTOM("mirror", WR_ANY, 1, 1, add_uri, conf_t, uris,
                  "Send a copy of each request to this URI and ignore the answer.",
                  .flags = WR_DF_REPEAT, .args = "uri | off",
                  .example = "mirror /copy;"),
        WR_FLAG("mirror_request_body", WR_ANY, conf_t, with_body, "on",
                "The copy has the body as well: it is read before the request goes "
                "on.",
                .example = "mirror_request_body off;"),
        WR_END
    },
    .schema.size = sizeof(conf_t),
    .http = &(const wr_http_tables_t) {
        .hooks = (const wr_hook_t[]) {
            {.mw = {.name = "mirror", .before = mirror},
             .rank = WR_RANK_PRECONTENT, .order = 20, .wanted = wanted},
            {.mw = {.name = NULL}}
        },
    });
