/*
 * Where names are looked up: the `resolver` directive, the system's files, and the
 * blocking way for the time when the conf is read.
 */
#define _GNU_SOURCE
#include <weir/net/resolver_priv.h>

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- blocking ---- */

bool
wr_resolve_now(wr_pool_t *pool, wr_str_t name, wr_addr_t **addrs, unsigned *n,
               const char **why)
{
    struct addrinfo  hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM,
                              .ai_flags = AI_ADDRCONFIG};
    struct addrinfo *found = NULL;
    wr_array_t       list = wr_array(pool, sizeof(wr_addr_t));
    int              err;

    if (memchr(name.p, '\0', name.n) != NULL) {
        *why = "invalid name";
        return false;
    }
    err = getaddrinfo(wr_pool_strz(pool, name), NULL, &hints, &found);
    if (err == EAI_NONAME || err == EAI_ADDRFAMILY || err == EAI_NODATA) {
        hints.ai_flags = 0;     /* a machine without a net knows its own names */
        err = getaddrinfo(wr_pool_strz(pool, name), NULL, &hints, &found);
    }
    if (err != 0) {
        *why = gai_strerror(err);
        return false;
    }
    /* IPv4 first, as nginx has them. */
    for (int pass = 0; pass < 2; pass++) {
        for (const struct addrinfo *a = found; a != NULL; a = a->ai_next) {
            if ((pass == 0) == (a->ai_family == AF_INET)
                && a->ai_addrlen <= sizeof(((wr_addr_t *) 0)->u))
            {
                wr_addr_t *to = WR_PUSH(&list, wr_addr_t);

                memcpy(&to->u, a->ai_addr, a->ai_addrlen);
                to->len = a->ai_addrlen;
            }
        }
    }
    freeaddrinfo(found);
    *addrs = list.items;
    *n = list.n;
    *why = list.n != 0 ? NULL : "no addresses";
    return list.n != 0;
}

/* ---- the directive ---- */

static wr_rc_t
add_server(wr_conf_t *cf, wr_resolver_t *r, const wr_tok_t *arg)
{
    wr_addr_t *found;
    wr_str_t   host = arg->text;
    ssize_t    colon = wr_str_rchr(host, ':');
    unsigned   n;
    int64_t    port = 53;
    const char *why;

    if (r->n == WR_RESOLVER_SERVERS) {
        return wr_conf_fail(cf, arg, "too many name servers");
    }
    if (wr_addr_parse(&r->servers[r->n], arg->text, 53)
        && r->servers[r->n].u.sa.sa_family != AF_UNIX)
    {
        r->n++;
        return WR_OK;
    }
    if (colon >= 0) {
        if (!wr_parse_int(wr_str_skip(host, (size_t) colon + 1), &port) || port < 1
            || port > 65535)
        {
            return wr_conf_fail(cf, arg, "invalid port in resolver \"%.*s\"",
                                WR_ARG(arg->text));
        }
        host.n = (size_t) colon;
    }
    if (host.n == 0 || !wr_resolve_now(cf->temp, host, &found, &n, &why)) {
        return wr_conf_fail(cf, arg, "host not found in resolver \"%.*s\"",
                            WR_ARG(arg->text));
    }
    for (unsigned i = 0; i < n && r->n < WR_RESOLVER_SERVERS; i++) {
        wr_addr_set_port(&found[i], (int) port);
        r->servers[r->n++] = found[i];
    }
    return WR_OK;
}

static wr_rc_t
bad_parameter(wr_conf_t *cf, const wr_tok_t *arg)
{
    return wr_conf_fail(cf, arg, "invalid parameter: %.*s", WR_ARG(arg->text));
}

static wr_rc_t
set_parameter(wr_conf_t *cf, wr_resolver_t *r, const wr_tok_t *arg)
{
    wr_str_t v;
    bool    *flag;
    int64_t  sec;

    if (wr_arg_value(arg->text, "valid", &v)) {
        if (!wr_parse_sec(v, &sec)) {
            return bad_parameter(cf, arg);
        }
        r->valid = sec * 1000;
        return WR_OK;
    }
    if (wr_arg_value(arg->text, "status_zone", &v)) {
        return WR_OK;
    }
    if (wr_arg_value(arg->text, "ipv4", &v)) {
        flag = &r->ipv4;
    } else if (wr_arg_value(arg->text, "ipv6", &v)) {
        flag = &r->ipv6;
    } else {
        return add_server(cf, r, arg);
    }
    if (!wr_str_eqz(v, "on") && !wr_str_eqz(v, "off")) {
        return bad_parameter(cf, arg);
    }
    *flag = wr_str_eqz(v, "on");
    return WR_OK;
}

static void
forget(void *data)
{
    wr_resolver_forget(data);
}

wr_resolver_t *
wr_resolver_new(wr_conf_t *cf)
{
    wr_resolver_t *r = WR_NEW(cf->pool, wr_resolver_t);

    r->ipv4 = r->ipv6 = true;
    wr_pool_on_free(cf->pool, forget, r);
    for (unsigned i = 1; i < cf->nargs; i++) {
        if (set_parameter(cf, r, &cf->args[i]) != WR_OK) {
            return NULL;
        }
    }
    if (r->n == 0) {
        (void) wr_conf_fail(cf, NULL, "no name servers defined");
        return NULL;
    }
    if (!r->ipv4 && !r->ipv6) {
        (void) wr_conf_fail(cf, NULL, "\"ipv4\" and \"ipv6\" cannot both be \"off\"");
        return NULL;
    }
    return r;
}

/* ---- the system's files ---- */

/* The next word; false at the end of the line (a comment ends it as well). */
static bool
word(char **line, wr_str_t *w)
{
    char *p = *line + strspn(*line, " \t\r\n");
    size_t n = strcspn(p, " \t\r\n");

    if (n == 0 || *p == '#' || *p == ';') {
        return false;
    }
    *w = wr_str(p, n);
    *line = p + n;
    return true;
}

unsigned
wr_system_hosts(const char *path, wr_str_t name, wr_addr_t *to, unsigned max)
{
    FILE    *f = fopen(path, "re");
    char    *line = NULL;
    size_t   room = 0;
    unsigned n = 0;

    if (f == NULL) {
        return 0;
    }
    while (n < max && getline(&line, &room, f) >= 0) {
        char     *p = line;
        wr_str_t  ip, w;

        if (!word(&p, &ip)) {
            continue;
        }
        while (word(&p, &w)) {
            if (wr_str_ieq(w, name)) {
                n += wr_addr_parse(&to[n], ip, 0) && to[n].u.sa.sa_family != AF_UNIX;
                break;
            }
        }
    }
    free(line);
    fclose(f);
    return n;
}

void
wr_system_servers(const char *path, wr_resolver_t *r)
{
    FILE  *f = fopen(path, "re");
    char  *line = NULL;
    size_t room = 0;

    while (f != NULL && r->n < 3 && getline(&line, &room, f) >= 0) {
        char     *p = line;
        wr_str_t  what, ip;

        if (word(&p, &what) && wr_str_eqz(what, "nameserver") && word(&p, &ip)
            && wr_addr_parse(&r->servers[r->n], ip, 53)
            && r->servers[r->n].u.sa.sa_family != AF_UNIX)
        {
            r->n++;
        }
    }
    free(line);
    if (f != NULL) {
        fclose(f);
    }
    if (r->n == 0 && wr_addr_parse(&r->servers[0], WR_STR("127.0.0.1"), 53)) {
        r->n = 1;
    }
}

wr_resolver_t *
wr_resolver_default(void)
{
    static wr_resolver_t system_own;

    if (system_own.n == 0) {
        system_own.ipv4 = system_own.ipv6 = system_own.system = true;
        wr_system_servers("/etc/resolv.conf", &system_own);
    }
    return &system_own;
}
