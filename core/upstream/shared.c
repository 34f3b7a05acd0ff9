/*
 * The state of peers in a zone, for all workers and over reloads.
 *
 * A group has a record by its name, a peer one by its server and address. Workers
 * come and go (some by force), so each has a place in the zone under its process
 * id, and a record knows which places refer to it and how many of its connections
 * are theirs. The next worker that begins takes back what a dead one left; a record
 * that nobody refers to goes, unless it holds an address that new workers of a
 * server with `resolve` begin with.
 *
 * If the zone is full, or all places are taken, the states stay the worker's own.
 */
#include <weir/upstream/upstream_priv.h>

#include <errno.h>
#include <signal.h>
#include <unistd.h>

enum { PLACES = 48 };

typedef struct record {
    struct record  *next;
    wr_peer_state_t state;
    uint32_t        conns[PLACES];
    uint16_t        refs[PLACES];
    bool            known;          /* an address that was looked up: */
    bool            backup;
    int64_t         weight;
    uint16_t        server_n;
    uint16_t        addr_len;
    char            bytes[];        /* server, address */
} record_t;

typedef struct group {
    struct group *next;
    record_t     *records;
    size_t        name_n;
    char          name[];
} group_t;

typedef struct root {
    group_t *groups;
    pid_t    places[PLACES];
} root_t;

static bool complained;             /* by this worker, of a full zone */

wr_rc_t
wr_shared_init(wr_zone_t *z, void *old)
{
    if (old != NULL) {
        return WR_OK;
    }
    wr_zone_lock(z);
    z->data = wr_zone_alloc(z, sizeof(root_t));
    if (z->data != NULL) {
        memset(z->data, 0, sizeof(root_t));
    }
    wr_zone_unlock(z);
    return z->data != NULL ? WR_OK : WR_ERROR;
}

/* ---- places ---- */

/* The place of this process (0: a free one), or -1. */
static int
place_of(const root_t *root, pid_t pid)
{
    for (int i = 0; i < PLACES; i++) {
        if (root->places[i] == pid) {
            return i;
        }
    }
    return -1;
}

static bool
is_referred(const record_t *rec)
{
    for (int i = 0; i < PLACES; i++) {
        if (rec->refs[i] != 0) {
            return true;
        }
    }
    return rec->known;
}

static void
sweep(wr_zone_t *z, group_t *g)
{
    record_t **at = &g->records;

    while (*at != NULL) {
        record_t *rec = *at;

        if (is_referred(rec)) {
            at = &rec->next;
        } else {
            *at = rec->next;
            wr_zone_free(z, rec);
        }
    }
}

static void
give_up_place(wr_zone_t *z, int place)
{
    root_t *root = z->data;

    for (group_t *g = root->groups; g != NULL; g = g->next) {
        for (record_t *rec = g->records; rec != NULL; rec = rec->next) {
            rec->state.conns -= rec->conns[place];
            rec->conns[place] = 0;
            rec->refs[place] = 0;
        }
        sweep(z, g);
    }
    root->places[place] = 0;
}

static void
clear_dead(wr_zone_t *z)
{
    root_t *root = z->data;

    for (int i = 0; i < PLACES; i++) {
        if (root->places[i] != 0 && kill(root->places[i], 0) != 0 && errno == ESRCH) {
            give_up_place(z, i);
        }
    }
}

/* This process's place in the zone; -1: none is free. */
static int
take_place(wr_zone_t *z)
{
    root_t *root = z->data;
    int     place = place_of(root, getpid());

    if (place < 0) {
        place = place_of(root, 0);
    }
    if (place < 0) {
        clear_dead(z);
        place = place_of(root, 0);
    }
    if (place >= 0) {
        root->places[place] = getpid();
    }
    return place;
}

/* ---- records ---- */

static void
zone_is_full(const wr_upstream_t *g)
{
    if (!complained) {
        complained = true;
        wr_log(&wr_log_main, WR_LOG_ERR, 0, "zone \"%.*s\" of upstream \"%.*s\" has no "
               "room: this worker counts for itself; make the zone larger",
               WR_ARG(g->zone->name), WR_ARG(g->name));
    }
}

static group_t *
group_of(wr_upstream_t *g)
{
    root_t  *root = g->zone->data;
    group_t *sg;

    for (sg = root->groups; sg != NULL; sg = sg->next) {
        if (wr_str_eq(wr_str(sg->name, sg->name_n), g->name)) {
            return sg;
        }
    }
    sg = wr_zone_alloc(g->zone, sizeof(*sg) + g->name.n);
    if (sg != NULL) {
        sg->records = NULL;
        sg->name_n = g->name.n;
        memcpy(sg->name, g->name.p, g->name.n);
        sg->next = root->groups;
        root->groups = sg;
    }
    return sg;
}

static bool
is_server(const record_t *rec, wr_str_t server)
{
    return wr_str_eq(wr_str(rec->bytes, rec->server_n), server);
}

static record_t *
record_of(wr_upstream_t *g, wr_str_t server, const wr_addr_t *addr, int64_t weight)
{
    group_t  *sg = g->shared;
    size_t    size = sizeof(record_t) + server.n + addr->len;
    record_t *rec;

    for (rec = sg->records; rec != NULL; rec = rec->next) {
        if (is_server(rec, server) && rec->addr_len == addr->len
            && memcmp(rec->bytes + rec->server_n, &addr->u, addr->len) == 0)
        {
            return rec;
        }
    }
    rec = server.n > UINT16_MAX ? NULL : wr_zone_alloc(g->zone, size);
    if (rec == NULL) {
        zone_is_full(g);
        return NULL;
    }
    memset(rec, 0, size);
    rec->state.effective = weight;
    rec->server_n = (uint16_t) server.n;
    rec->addr_len = (uint16_t) addr->len;
    memcpy(rec->bytes, server.p, server.n);
    memcpy(rec->bytes + server.n, &addr->u, addr->len);
    rec->next = sg->records;
    sg->records = rec;
    return rec;
}

void
wr_state_count(wr_peer_t *peer, int by)
{
    record_t *rec = peer->shared;

    peer->state->conns += by;
    if (rec != NULL) {
        rec->conns[peer->group->place] += (uint32_t) by;
    }
}

void
wr_shared_attach(wr_upstream_t *g, wr_peers_t *set)
{
    if (g->shared == NULL) {
        return;
    }
    wr_zone_lock(g->zone);
    for (unsigned i = 0; i < set->n; i++) {
        wr_peer_t *peer = &set->peers[i];
        record_t  *rec = record_of(g, peer->server, &peer->addr, peer->weight);

        if (rec != NULL && rec->refs[g->place] != UINT16_MAX) {
            rec->refs[g->place]++;
            if (rec->state.effective > peer->weight) {
                rec->state.effective = peer->weight;    /* a reload has lowered it */
            }
            peer->shared = rec;
            peer->state = &rec->state;
        }
    }
    wr_queue_push(&g->attached, &set->attached);
    wr_zone_unlock(g->zone);
}

/* Connections that are still counted are given back with it. */
static void
detach(wr_peer_t *peer, int place)
{
    record_t *rec = peer->shared;

    if (rec != NULL) {
        peer->own = rec->state;
        peer->state = &peer->own;
        peer->shared = NULL;
        rec->refs[place]--;
    }
}

void
wr_shared_detach(wr_peers_t *set)
{
    wr_upstream_t *g = set->group;

    if (wr_queue_empty(&set->attached)) {
        return;
    }
    wr_zone_lock(g->zone);
    wr_queue_remove(&set->attached);
    for (unsigned i = 0; i < set->n; i++) {
        detach(&set->peers[i], g->place);
    }
    sweep(g->zone, g->shared);
    wr_zone_unlock(g->zone);
}

void
wr_shared_begin(wr_upstream_t *g)
{
    wr_queue_init(&g->attached);
    if (g->zone == NULL) {
        return;
    }
    wr_zone_lock(g->zone);
    g->place = take_place(g->zone);
    g->shared = g->place >= 0 ? group_of(g) : NULL;
    wr_zone_unlock(g->zone);
    if (g->shared == NULL) {
        zone_is_full(g);
        return;
    }
    wr_shared_attach(g, g->set);
    /* Only now, so that what a dead worker left is taken over, not lost. */
    wr_zone_lock(g->zone);
    clear_dead(g->zone);
    wr_zone_unlock(g->zone);
}

void
wr_shared_end(wr_upstream_t *g)
{
    wr_queue_t *q;

    if (g->shared == NULL) {
        return;
    }
    while ((q = wr_queue_first(&g->attached)) != NULL) {
        wr_shared_detach(WR_QUEUE_ITEM(q, wr_peers_t, attached));
    }
    g->shared = NULL;
    wr_zone_lock(g->zone);
    if (place_of(g->zone->data, getpid()) == g->place) {
        give_up_place(g->zone, g->place);       /* else another group has done it */
    }
    wr_zone_unlock(g->zone);
}

/* ---- addresses that were looked up ---- */

unsigned
wr_shared_known(wr_upstream_t *g, const wr_peer_t *server, wr_found_t *to, unsigned max)
{
    group_t *sg = g->shared;
    unsigned n = 0;

    if (sg == NULL) {
        return 0;
    }
    wr_zone_lock(g->zone);
    for (const record_t *rec = sg->records; rec != NULL && n < max; rec = rec->next) {
        if (rec->known && is_server(rec, server->server)) {
            to[n] = (wr_found_t) {.weight = rec->weight, .backup = rec->backup};
            to[n].addr.len = rec->addr_len;
            memcpy(&to[n++].addr.u, rec->bytes + rec->server_n, rec->addr_len);
        }
    }
    wr_zone_unlock(g->zone);
    return n;
}

void
wr_shared_learn(wr_upstream_t *g, const wr_peer_t *server, const wr_found_t *found,
                unsigned n)
{
    group_t *sg = g->shared;

    if (sg == NULL) {
        return;
    }
    wr_zone_lock(g->zone);
    for (record_t *rec = sg->records; rec != NULL; rec = rec->next) {
        if (is_server(rec, server->server)) {
            rec->known = false;
        }
    }
    for (unsigned i = 0; i < n; i++) {
        record_t *rec = record_of(g, server->server, &found[i].addr, found[i].weight);

        if (rec != NULL) {
            rec->known = true;
            rec->weight = found[i].weight;
            rec->backup = found[i].backup;
        }
    }
    sweep(g->zone, sg);
    wr_zone_unlock(g->zone);
}
