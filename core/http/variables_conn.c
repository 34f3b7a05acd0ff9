/*
 * Variables of the connection, the process and the clock.
 */
#include <netinet/tcp.h>
#include <unistd.h>
#include <weir/http/variables_priv.h>
#include <weir/net/proxy_protocol.h>

static wr_rc_t
found(wr_str_t *value, wr_str_t text)
{
    *value = text;
    return WR_OK;
}

static wr_rc_t
number(wr_req_t *r, wr_str_t *value, uint64_t n)
{
    char *p = wr_alloc_bytes(wr_pool(r), 20);

    *value = wr_str(p, wr_put_uint(p, n));
    return WR_OK;
}

/* Milliseconds as "0.123". */
static wr_rc_t
seconds(wr_req_t *r, wr_str_t *value, wr_msec_t ms)
{
    ms = ms < 0 ? 0 : ms;
    return found(value, wr_pool_printf(wr_pool(r), "%" PRId64 ".%03d", ms / 1000,
                                       (int) (ms % 1000)));
}

GETTER(binary_remote_addr)
{
    const wr_addr_t *a = r->main->peer;

    (void) v;
    if (a != NULL && a->u.sa.sa_family == AF_INET) {
        return found(value, wr_str((const char *) &a->u.in4.sin_addr, 4));
    }
    if (a != NULL && a->u.sa.sa_family == AF_INET6) {
        return found(value, wr_str((const char *) &a->u.in6.sin6_addr, 16));
    }
    return found(value, wr_req_peer_text(r->main));
}

GETTER(remote_addr)
{
    (void) v;
    return found(value, wr_req_peer_text(r->main));
}

/* NULL: no header of the PROXY protocol came, or it told of nobody. */
static const wr_proxied_t *
proxied(const wr_req_t *r)
{
    return r->main->conn != NULL ? r->main->conn->proxied : NULL;
}

GETTER(proxied)
{
    const wr_proxied_t *p = proxied(r);
    const wr_addr_t    *a;
    int                 port;

    if (p == NULL) {
        return found(value, WR_STR(""));
    }
    a = v->data == WR_PROXIED_ADDR || v->data == WR_PROXIED_PORT ? &p->client : &p->server;
    if (v->data == WR_PROXIED_PORT || v->data == WR_PROXIED_SERVER_PORT) {
        port = wr_addr_port(&a->u.sa);
        return port > 0 ? number(r, value, (uint64_t) port) : found(value, WR_STR(""));
    }
    return found(value, wr_addr_text(wr_pool(r), a, false));
}

GETTER(proxied_tlv)
{
    const wr_proxied_t *p = proxied(r);

    return p != NULL && wr_proxy_tlv(wr_pool(r), p, wr_str_skip(v->name, v->data), value)
           ? WR_OK : WR_NOTFOUND;
}

GETTER(remote_port)
{
    int port = r->main->peer != NULL ? wr_addr_port(&r->main->peer->u.sa) : 0;

    (void) v;
    if (port <= 0) {
        return found(value, WR_STR(""));
    }
    return number(r, value, (uint64_t) port);
}

GETTER(server_addr)
{
    const wr_addr_t *a = wr_req_local(r->main);

    (void) v;
    return a != NULL ? found(value, wr_addr_text(wr_pool(r), a, a->u.sa.sa_family == AF_UNIX))
                     : WR_ERROR;
}

GETTER(server_port)
{
    const wr_addr_t *a = wr_req_local(r->main);
    int              port = a != NULL ? wr_addr_port(&a->u.sa) : 0;

    (void) v;
    if (port <= 0) {
        return found(value, WR_STR(""));
    }
    return number(r, value, (uint64_t) port);
}

GETTER(connection)
{
    (void) v;
    return number(r, value, r->log.conn);
}

GETTER(connection_requests)
{
    (void) v;
    return number(r, value, r->main->number);
}

GETTER(connection_time)
{
    (void) v;
    if (r->main->conn == NULL) {
        return WR_NOTFOUND;
    }
    return seconds(r, value, wr_clock.mono - r->main->conn->since);
}

GETTER(https)
{
    (void) v;
    return found(value, wr_str_eqz(wr_req_scheme(r->main), "https") ? WR_STR("on")
                                                                    : WR_STR(""));
}

GETTER(tcpinfo)
{
    struct tcp_info info;
    socklen_t       size = sizeof(info);
    const wr_conn_t *c = r->main->conn;

    if (c == NULL
        || getsockopt(c->watch.fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0)
    {
        return WR_NOTFOUND;
    }
    switch (v->data) {
    case WR_TCP_RTT:
        return number(r, value, info.tcpi_rtt);
    case WR_TCP_RTTVAR:
        return number(r, value, info.tcpi_rttvar);
    case WR_TCP_CWND:
        return number(r, value, info.tcpi_snd_cwnd);
    default:
        return number(r, value, info.tcpi_rcv_space);
    }
}

GETTER(hostname)
{
    static char   name[256];
    static size_t n;

    (void) r;
    (void) v;
    if (n == 0 && gethostname(name, sizeof(name) - 1) == 0) {
        n = strlen(name);
        for (size_t i = 0; i < n; i++) {
            name[i] = wr_lower(name[i]);
        }
    }
    return found(value, wr_str(name, n));
}

GETTER(pid)
{
    (void) v;
    return number(r, value, (uint64_t) getpid());
}

/* data: a text that stays */
GETTER(text)
{
    (void) r;
    return found(value, wr_str_z((const char *) v->data));
}

GETTER(msec)
{
    (void) v;
    return found(value, wr_pool_printf(wr_pool(r), "%" PRId64 ".%03u",
                                       wr_clock.sec, wr_clock.msec));
}

/* data: one of the clock's functions */
GETTER(clock_text)
{
    wr_str_t (*text)(void) = (wr_str_t (*)(void)) v->data;

    return found(value, wr_pool_str(wr_pool(r), text()));
}
