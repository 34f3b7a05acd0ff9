/*
 * proxy: where a request goes. What proxy_pass names is known when the conf has been
 * read, unless its URL has variables: then a group of that name is looked for, and
 * the rest is an address or a name for the resolver.
 */
#include "proxy.h"

/* What the URL of this request says. */
static wr_rc_t
from_url(wr_req_t *r, proxy_t *p)
{
    proxy_target_t *t = &p->own;
    const char     *bad;
    wr_str_t        url;
    wr_addr_t       addr;

    if (wr_cv_eval(r, &p->target->url, &url) != WR_OK) {
        return WR_ERROR;
    }
    if (!proxy_parse_url(url, t)) {
        wr_log(&r->log, WR_LOG_ERR, 0, "invalid URL prefix in \"%.*s\"", WR_ARG(url));
        return WR_ERROR;
    }
    p->target = t;
    p->port = t->tls ? 443 : 80;
    p->group = wr_upstream_match(t->host, p->port);
    if (p->group != NULL) {
        return WR_OK;
    }
    if (wr_addr_parse(&addr, t->host, p->port)) {
        p->group = wr_upstream_of_addrs(wr_pool(r), &addr, 1, t->host);
        p->group->brief = true;
        return WR_OK;
    }
    bad = wr_upstream_split(t->host, &p->name, &p->port);
    if (bad != NULL) {
        wr_log(&r->log, WR_LOG_ERR, 0, "%s in upstream \"%.*s\"", bad, WR_ARG(t->host));
        return WR_ERROR;
    }
    return WR_OK;       /* proxy_resolve */
}

wr_rc_t
proxy_make_target(wr_req_t *r, proxy_t *p)
{
    if (p->target->group != NULL) {
        p->group = p->target->group;
    } else if (from_url(r, p) != WR_OK) {
        return WR_ERROR;
    }
    wr_ustates(r)->proxy_host = p->target->name;
    wr_ustates(r)->proxy_port = p->target->port;
    return WR_OK;
}

static wr_rc_t
resolved(wr_req_t *r, void *state)
{
    proxy_t      *p = state;
    wr_resolve_t *q = &p->resolve;

    if (q->op.rc == WR_CANCELLED || r->aborted) {
        return WR_CANCELLED;
    }
    if (q->op.rc != WR_OK) {
        wr_log(&r->log, WR_LOG_ERR, 0, "%.*s could not be resolved (%d: %s)",
               WR_ARG(p->name), q->code, wr_resolve_error(q->code));
        return wr_fail(r, 502);
    }
    for (unsigned i = 0; i < q->n; i++) {
        wr_addr_set_port(&q->addrs[i], p->port);
    }
    p->group = wr_upstream_of_addrs(wr_pool(r), q->addrs, q->n, p->target->host);
    p->group->brief = true;
    return proxy_begin(r, p);
}

wr_rc_t
proxy_resolve(wr_req_t *r, proxy_t *p)
{
    const wr_http_core_t *core = wr_http_core(r);

    if (core->resolver == NULL) {
        wr_log(&r->log, WR_LOG_ERR, 0, "no resolver defined to resolve %.*s",
               WR_ARG(p->name));
        return wr_fail(r, 502);
    }
    wr_resolve_start(core->resolver, &p->resolve, wr_pool(r), p->name,
                     core->resolver_timeout);
    return wr_await(r, &p->resolve.op, resolved);
}
