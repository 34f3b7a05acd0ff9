/*
 * hash KEY [consistent]: a key chooses the peer.
 *
 * Plain: by CRC32 as Cache::Memcached does it, again with a number in front of the
 * key when the peer cannot be used. consistent: ketama, 160 points on a ring for
 * each unit of weight, as Cache::Memcached::Fast places them, so that few keys move
 * when a peer comes or goes. Both choose as nginx does.
 */
#include <stdio.h>
#include <stdlib.h>
#include <weir/base/hash.h>
#include <weir/upstream/upstream.h>

enum { TRIES = 20, POINTS = 160 };

typedef struct conf {
    wr_cv_t key;
} conf_t;

typedef struct point {
    uint32_t hash;
    unsigned peer;
} point_t;

typedef struct ring {
    point_t *points;
    size_t   n;
} ring_t;

/* Of one request. */
typedef struct state {
    wr_str_t key;
    uint32_t hash;
    unsigned rehash, tries;
} state_t;

static void
begin(wr_pick_t *p)
{
    const conf_t *conf = p->group->balancer_conf;
    state_t      *s = WR_NEW(p->pool, state_t);

    if (p->r == NULL || wr_cv_eval(p->r, &conf->key, &s->key) != WR_OK) {
        s->key = WR_STR("");
    }
    p->data = s;
}

/* Without a key, or a choice, or after too many tries: round robin. */
static bool
is_over(const wr_pick_t *p, const state_t *s)
{
    return p->backups || s->tries > TRIES || p->set->n_primary < 2 || s->key.n == 0;
}

/* ---- plain ---- */

static wr_peer_t *
next_hashed(wr_pick_t *p, state_t *s)
{
    wr_peer_t *peer = p->set->peers;
    uint32_t   crc = 0xffffffff;
    char       number[16];
    int64_t    w;

    if (s->rehash != 0) {
        int n = snprintf(number, sizeof(number), "%u", s->rehash);

        crc = wr_crc32_update(crc, number, (size_t) n);
    }
    s->rehash++;
    s->hash += (~wr_crc32_update(crc, s->key.p, s->key.n) >> 16) & 0x7fff;
    for (w = s->hash % p->set->total_weight; w >= peer->weight; peer++) {
        w -= peer->weight;
    }
    return peer;
}

static wr_peer_t *
pick_plain(wr_pick_t *p)
{
    state_t *s = p->data;

    if (is_over(p, s)) {
        return NULL;
    }
    while (s->tries <= TRIES) {
        wr_peer_t *peer = next_hashed(p, s);

        if (wr_peer_usable(p, peer)) {
            return peer;
        }
        s->tries++;
    }
    return NULL;
}

/* ---- consistent ---- */

static int
by_hash(const void *a, const void *b)
{
    const point_t *x = a, *y = b;

    return x->hash != y->hash ? (x->hash < y->hash ? -1 : 1)
                              : (x->peer < y->peer ? -1 : x->peer > y->peer);
}

/* The CRC of HOST NUL PORT, with which each point of a server begins. */
static uint32_t
crc_of_server(wr_str_t server)
{
    wr_str_t host = server, port = WR_STR("");
    size_t   digits = 0;
    uint32_t crc;

    if (wr_str_istarts(server, WR_STR("unix:"))) {
        host = wr_str_skip(server, 5);
    } else {
        while (digits < server.n && wr_is_digit(server.p[server.n - digits - 1])) {
            digits++;
        }
        if (digits < server.n && server.p[server.n - digits - 1] == ':') {
            host = wr_str(server.p, server.n - digits - 1);
            port = wr_str_skip(server, server.n - digits);
        }
    }
    crc = wr_crc32_update(0xffffffff, host.p, host.n);
    crc = wr_crc32_update(crc, "", 1);
    return wr_crc32_update(crc, port.p, port.n);
}

static void
add_points(ring_t *ring, const wr_peer_t *peer)
{
    uint32_t base = crc_of_server(peer->server), hash = 0;

    for (int64_t i = 0; i < peer->weight * POINTS; i++) {
        unsigned char previous[4] = {(unsigned char) hash, (unsigned char) (hash >> 8),
                                     (unsigned char) (hash >> 16),
                                     (unsigned char) (hash >> 24)};

        hash = ~wr_crc32_update(base, previous, sizeof(previous));
        ring->points[ring->n++] = (point_t) {hash, peer->index};
    }
}

static void
prepare(wr_upstream_t *g, wr_peers_t *set, wr_pool_t *pool)
{
    ring_t *ring = WR_NEW(pool, ring_t);
    size_t  kept = 0;

    (void) g;
    set->balancer_data = ring;
    if (set->n_primary == 0) {
        return;
    }
    ring->points = WR_NEW_N(pool, point_t, (size_t) set->total_weight * POINTS);
    for (unsigned i = 0; i < set->n_primary; i++) {
        add_points(ring, &set->peers[i]);
    }
    qsort(ring->points, ring->n, sizeof(point_t), by_hash);
    for (size_t i = 1; i < ring->n; i++) {
        if (ring->points[i].hash != ring->points[kept].hash) {
            ring->points[++kept] = ring->points[i];
        }
    }
    ring->n = kept + 1;
}

/* The first point at or behind a hash; ring->n: none. */
static uint32_t
find(const ring_t *ring, uint32_t hash)
{
    size_t low = 0, high = ring->n;

    while (low < high) {
        size_t mid = (low + high) / 2;

        if (ring->points[mid].hash < hash) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return (uint32_t) low;
}

/* The peers of one `server` line share its points: round robin among them. */
static wr_peer_t *
best_of_server(wr_pick_t *p, wr_str_t server)
{
    wr_peer_t *best = NULL;
    int64_t    total = 0;

    for (unsigned i = 0; i < p->set->n_primary; i++) {
        wr_peer_t *peer = &p->set->peers[i];

        if (wr_str_eq(peer->server, server) && wr_peer_usable(p, peer)
            && wr_peer_gain(peer, best, &total))
        {
            best = peer;
        }
    }
    if (best != NULL) {
        best->state->current -= total;
    }
    return best;
}

static void
begin_consistent(wr_pick_t *p)
{
    state_t *s;

    begin(p);
    s = p->data;
    s->hash = find(p->set->balancer_data, wr_crc32(s->key.p, s->key.n));
}

static wr_peer_t *
pick_consistent(wr_pick_t *p)
{
    const ring_t *ring = p->set->balancer_data;
    state_t      *s = p->data;

    if (is_over(p, s)) {
        return NULL;
    }
    while (s->tries <= TRIES) {
        const point_t *at = &ring->points[s->hash % ring->n];
        wr_peer_t     *peer = best_of_server(p, p->set->peers[at->peer].server);

        if (peer != NULL) {
            return peer;
        }
        s->hash++;
        s->tries++;
    }
    return NULL;
}

/* ---- the directive ---- */

static const wr_balancer_t plain = {.name = "hash", .no_backup = true,
                                    .begin = begin, .pick = pick_plain};
static const wr_balancer_t consistent = {.name = "hash consistent", .no_backup = true,
                                         .prepare = prepare, .begin = begin_consistent,
                                         .pick = pick_consistent};

static wr_rc_t
set_hash(wr_conf_t *cf, const wr_directive_t *d, void *none)
{
    conf_t *conf = WR_NEW(cf->pool, conf_t);

    (void) d;
    (void) none;
    if (wr_cv_compile(cf, &cf->args[1], &conf->key) != WR_OK) {
        return WR_ERROR;
    }
    if (cf->nargs > 2 && !wr_str_eqz(cf->args[2].text, "consistent")) {
        return wr_conf_fail(cf, &cf->args[2], "invalid parameter \"%.*s\"",
                            WR_ARG(cf->args[2].text));
    }
    wr_upstream_balance(cf, cf->nargs > 2 ? &consistent : &plain, conf);
    return WR_OK;
}

static const wr_directive_t directives[] = {
    WR_ACTION("hash", WR_UPSTREAM, 1, 2, set_hash, "A key chooses the server.",
              .args = "key [consistent]", .flags = WR_DF_REPEAT,
              .example = "hash $request_uri consistent;"),
    WR_END
};

WR_MODULE(upstream_hash,
          .doc = "Passes the requests of a key to the same server of a group.",
          .schema.directives = directives);
