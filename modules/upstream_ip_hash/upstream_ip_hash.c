/*
 * ip_hash: the client's address chooses the peer: the first three bytes of an IPv4
 * address, all of an IPv6 one. The numbers are those that nginx uses, so that a
 * client comes to the same peer behind either.
 */
#include <weir/http/request.h>
#include <weir/upstream/upstream.h>

enum { FIRST = 89, FACTOR = 113, MODULUS = 6271, TRIES = 20 };

typedef struct state {
    unsigned char addr[16];
    unsigned      n;
    unsigned      hash;
    unsigned      tries;
} state_t;

static void
begin(wr_pick_t *p)
{
    state_t               *s = WR_NEW(p->pool, state_t);
    const struct sockaddr *sa = p->r != NULL && p->r->main->peer != NULL
                                    ? &p->r->main->peer->u.sa : NULL;

    s->hash = FIRST;
    s->n = 3;
    if (sa != NULL && sa->sa_family == AF_INET) {
        memcpy(s->addr, &((const struct sockaddr_in *) (const void *) sa)->sin_addr, 3);
    } else if (sa != NULL && sa->sa_family == AF_INET6) {
        s->n = 16;
        memcpy(s->addr, &((const struct sockaddr_in6 *) (const void *) sa)->sin6_addr, 16);
    }
    p->data = s;
}

static wr_peer_t *
by_weight(const wr_peers_t *set, int64_t w)
{
    wr_peer_t *peer = set->peers;

    for (w %= set->total_weight; w >= peer->weight; peer++) {
        w -= peer->weight;
    }
    return peer;
}

static wr_peer_t *
pick(wr_pick_t *p)
{
    state_t *s = p->data;

    if (p->backups || p->set->n_primary < 2) {
        return NULL;
    }
    while (s->tries <= TRIES) {
        wr_peer_t *peer;

        for (unsigned i = 0; i < s->n; i++) {
            s->hash = (s->hash * FACTOR + s->addr[i]) % MODULUS;
        }
        peer = by_weight(p->set, s->hash);
        if (wr_peer_usable(p, peer)) {
            return peer;
        }
        s->tries++;
    }
    return NULL;
}

static const wr_balancer_t balancer = {.name = "ip_hash", .no_backup = true,
                                       .begin = begin, .pick = pick};

static wr_rc_t
set_ip_hash(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    (void) d;
    (void) conf;
    wr_upstream_balance(cf, &balancer, NULL);
    return WR_OK;
}

static const wr_directive_t directives[] = {
    WR_ACTION("ip_hash", WR_UPSTREAM, 0, 0, set_ip_hash,
              "The client's address chooses the server.", .flags = WR_DF_REPEAT,
              .example = "ip_hash;"),
    WR_END
};

WR_MODULE(upstream_ip_hash,
          .doc = "Passes the requests of a client to the same server of a group.",
          .schema.directives = directives);
