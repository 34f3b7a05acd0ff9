/*
 * Which clients get gzip: gzip_http_version, gzip_proxied, gzip_disable.
 */
#include "gzip.h"

/* The proxy's answers that may be compressed all the same. */
static bool
proxied_ok(wr_req_t *r, unsigned allowed)
{
    const wr_header_t *expires = wr_headers_first(&r->out, WR_H_EXPIRES);
    const wr_header_t *control = wr_headers_first(&r->out, WR_H_CACHE_CONTROL);

    if ((allowed & PROXIED_OFF) != 0) {
        return false;
    }
    if ((allowed & PROXIED_ANY) != 0
        || ((allowed & PROXIED_AUTH) != 0
            && wr_headers_first(&r->in, WR_H_AUTHORIZATION) != NULL))
    {
        return true;
    }
    if (expires != NULL) {
        const wr_header_t *date = wr_headers_first(&r->out, WR_H_DATE);
        int64_t            until = wr_date_parse(expires->value);
        int64_t            now = date != NULL ? wr_date_parse(date->value)
                                              : wr_clock.sec;

        return (allowed & PROXIED_EXPIRED) != 0 && until >= 0 && now >= 0
               && until < now;
    }
    if (control != NULL) {
        return ((allowed & PROXIED_NO_CACHE) != 0
                && wr_field_has(control->value, WR_STR("no-cache")))
               || ((allowed & PROXIED_NO_STORE) != 0
                   && wr_field_has(control->value, WR_STR("no-store")))
               || ((allowed & PROXIED_PRIVATE) != 0
                   && wr_field_has(control->value, WR_STR("private")));
    }
    if ((allowed & PROXIED_NO_LM) != 0 && r->last_modified >= 0
        && r->upstream != NULL)
    {
        return false;
    }
    return (allowed & PROXIED_NO_ETAG) == 0
           || wr_headers_first(&r->out, WR_H_ETAG) == NULL;
}

/* MSIE 4 to 6, but not the fixed one, "SV1". */
static bool
is_msie6(wr_str_t agent)
{
    ssize_t at = wr_str_find(agent, WR_STR("MSIE "));

    if (at < 0 || (size_t) at + 6 >= agent.n
        || wr_str_find(agent, WR_STR("Opera")) >= 0 || agent.p[at + 6] != '.')
    {
        return false;
    }
    switch (agent.p[at + 5]) {
    case '4':
    case '5':
        return true;
    case '6':
        return wr_str_find(agent, WR_STR("SV1")) < 0;
    default:
        return false;
    }
}

static bool
agent_ok(wr_req_t *r, const conf_t *conf)
{
    const wr_header_t *agent = wr_headers_first(&r->in, WR_H_USER_AGENT);

    if (agent == NULL) {
        return true;
    }
    if (conf->disable.msie6 && is_msie6(agent->value)) {
        return false;
    }
    for (WR_EACH(wr_regex_t *, re, &conf->disable.agents)) {
        if (wr_regex_test(*re, agent->value)) {
            return false;
        }
    }
    return true;
}

bool
gzip_ok(wr_req_t *r)
{
    const conf_t      *conf = wr_conf(r);
    const wr_header_t *accept = wr_headers_first(&r->in, WR_H_ACCEPT_ENCODING);

    return r == r->main && accept != NULL && wr_accepts_gzip(accept->value)
           && r->version >= (uint32_t) conf->http_version
           && (wr_headers_first(&r->in, WR_H_VIA) == NULL
               || proxied_ok(r, conf->proxied))
           && agent_ok(r, conf);
}
