/*
 * One DNS query: over UDP from a socket of its own, so that the kernel chooses a
 * fresh port and drops what comes from elsewhere; over TCP when the answer does
 * not fit.
 */
#define _GNU_SOURCE
#include <weir/net/resolver_priv.h>

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include <weir/os/random.h>

enum { MAX_MESSAGE = 65535, UDP_MESSAGE = 4096 };

static void use_tcp(wr_dns_query_t *q);

static void
close_udp(wr_dns_query_t *q)
{
    if (q->udp.fd >= 0) {
        wr_watch_forget(&q->udp);
        close(q->udp.fd);
        q->udp.fd = -1;
    }
}

static void
close_tcp(wr_dns_query_t *q)
{
    wr_conn_close(&q->tcp);
    free(q->in);
    q->in = NULL;
}

void
wr_dns_query_close(wr_dns_query_t *q)
{
    close_udp(q);
    close_tcp(q);
}

static void
over(wr_dns_query_t *q)
{
    wr_dns_query_close(q);
    q->pending = false;
    wr_host_answered(q);
}

/* A message, if it is the answer. */
static bool
parse(wr_dns_query_t *q, const unsigned char *p, size_t n)
{
    if (!wr_dns_parse(p, n, q->id, q->name, q->type, &q->answer)) {
        return false;
    }
    if (q->type == WR_DNS_SRV && q->answer.rcode == 0 && !q->answer.truncated) {
        free(q->services);
        q->services = calloc(WR_RESOLVER_SERVICES, sizeof(*q->services));
        WR_ASSERT(q->services != NULL);
        q->n_services = wr_dns_services(p, n, q->name, q->services, WR_RESOLVER_SERVICES,
                                        &q->answer.ttl);
    }
    return true;
}

/* This server is of no use: the next one, or the result is that. */
static void
server_failed(wr_dns_query_t *q, int rcode)
{
    const wr_resolver_t *r = wr_host_resolver(q->host);

    q->server = (q->server + 1) % r->n;
    if (++q->asked < r->n) {
        wr_dns_query_send(q);
        return;
    }
    q->answer = (wr_dns_answer_t) {.rcode = rcode};
    over(q);
}

static void
take(wr_dns_query_t *q)
{
    wr_dns_answer_t *a = &q->answer;

    if (a->truncated && q->in == NULL) {
        use_tcp(q);
    } else if (a->rcode != 0 && a->rcode != 3) {
        server_failed(q, a->rcode);
    } else if (a->n == 0 && q->n_services == 0 && a->alias[0] != '\0' && ++q->hops <= WR_DNS_HOPS) {
        memcpy(q->name, a->alias, sizeof(q->name));
        wr_dns_query_send(q);
    } else {
        over(q);
    }
}

/* ---- UDP ---- */

static void
udp_readable(wr_watch_t *w)
{
    wr_dns_query_t *q = WR_CONTAINER(w, wr_dns_query_t, udp);
    unsigned char   buf[UDP_MESSAGE];

    for (;;) {
        ssize_t n = recv(q->udp.fd, buf, sizeof(buf), 0);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            if (errno != EAGAIN) {
                server_failed(q, 2);
            }
            return;
        }
        if (parse(q, buf, (size_t) n)) {
            take(q);
            return;
        }
    }
}

static bool
send_udp(wr_dns_query_t *q)
{
    const wr_addr_t *to = &wr_host_resolver(q->host)->servers[q->server];
    unsigned char    msg[WR_DNS_QUERY];
    size_t           n = wr_dns_query(msg, q->id, q->name, q->type);

    q->udp = (wr_watch_t) {.on_read = udp_readable};
    q->udp.fd = socket(to->u.sa.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (q->udp.fd < 0) {
        return false;
    }
    if (connect(q->udp.fd, &to->u.sa, to->len) == 0
        && send(q->udp.fd, msg, n, MSG_NOSIGNAL) == (ssize_t) n
        && wr_watch_add(&q->udp) == WR_OK)
    {
        return true;
    }
    close_udp(q);
    return false;
}

void
wr_dns_query_send(wr_dns_query_t *q)
{
    wr_dns_query_close(q);
    wr_random_bytes(&q->id, sizeof(q->id));
    if (!send_udp(q)) {
        server_failed(q, 2);
    }
}

/* ---- TCP: two bytes of length before each message ---- */

static size_t
message_size(const wr_dns_query_t *q)
{
    return q->n_in < 2 ? 0 : (size_t) q->in[0] << 8 | q->in[1];
}

static void
tcp_readable(wr_watch_t *w)
{
    wr_dns_query_t *q = WR_CONTAINER(w, wr_dns_query_t, tcp.watch);

    while (q->tcp.watch.readable) {
        size_t  want = q->n_in < 2 ? 2 : 2 + message_size(q), n;
        wr_rc_t rc;

        if (q->n_in < want) {
            rc = wr_conn_recv(&q->tcp, q->in + q->n_in, want - q->n_in, &n);
            if (rc == WR_AGAIN) {
                return;
            }
            if (rc != WR_OK) {
                server_failed(q, 2);
                return;
            }
            q->n_in += n;
            continue;
        }
        if (!parse(q, q->in + 2, message_size(q)) || q->answer.truncated) {
            server_failed(q, 1);
        } else {
            take(q);
        }
        return;
    }
}

static void
tcp_writable(wr_watch_t *w)
{
    wr_dns_query_t *q = WR_CONTAINER(w, wr_dns_query_t, tcp.watch);
    unsigned char   msg[2 + WR_DNS_QUERY];
    size_t          n = wr_dns_query(msg + 2, q->id, q->name, q->type), done;
    struct iovec    iov;

    msg[0] = (unsigned char) (n >> 8);
    msg[1] = (unsigned char) n;
    iov = (struct iovec) {msg + q->sent, n + 2 - q->sent};
    if (iov.iov_len == 0) {
        return;
    }
    if (wr_conn_send(&q->tcp, &iov, 1, false, &done) == WR_ERROR) {
        server_failed(q, 2);
        return;
    }
    q->sent += done;
}

static void
use_tcp(wr_dns_query_t *q)
{
    const wr_addr_t *to = &wr_host_resolver(q->host)->servers[q->server];
    wr_rc_t          rc;

    wr_dns_query_close(q);
    q->in = malloc(2 + MAX_MESSAGE);
    WR_ASSERT(q->in != NULL);
    q->n_in = q->sent = 0;
    memset(&q->tcp, 0, sizeof(q->tcp));
    q->tcp.watch = (wr_watch_t) {.fd = -1, .on_read = tcp_readable,
                                 .on_write = tcp_writable};
    rc = wr_conn_connect(&q->tcp, to, NULL, &wr_log_main);
    if (rc == WR_ERROR) {
        server_failed(q, 2);
    } else if (rc == WR_OK) {
        tcp_writable(&q->tcp.watch);
    }
}
