/*
 * Certificates whose names hold variables are read once, not at each handshake:
 * ssl_certificate_cache, proxy_ssl_certificate_cache.
 *
 * A worker keeps up to `max` pairs. One that was not used for `inactive` goes; one
 * older than `valid` is read again if its files have changed.
 */
#include <weir/net/tls_cache.h>

#include <stdlib.h>
#include <sys/stat.h>
#include <weir/base/queue.h>
#include <weir/os/clock.h>

typedef struct stamp {
    ino_t           inode;
    off_t           size;
    struct timespec mtime;
} stamp_t;

typedef struct entry {
    wr_queue_t link;            /* the newest first */
    char      *cert, *key;      /* malloc: one block */
    wr_tls_pair_t pair;
    stamp_t    stamps[2];
    wr_msec_t  checked, used;   /* wr_clock.mono */
} entry_t;

struct wr_tls_cache {
    int64_t    max;
    wr_msec_t  inactive, valid;
    wr_queue_t entries;
    int64_t    n;
};

static stamp_t
stamp_of(const char *path)
{
    struct stat st;
    stamp_t     s = {0};

    if (wr_tls_is_file(wr_str_z(path)) && stat(path, &st) == 0) {
        s = (stamp_t) {st.st_ino, st.st_size, st.st_mtim};
    }
    return s;
}

static bool
same(const stamp_t *a, const stamp_t *b)
{
    return a->inode == b->inode && a->size == b->size && a->mtime.tv_sec == b->mtime.tv_sec
           && a->mtime.tv_nsec == b->mtime.tv_nsec;
}

static void
drop(wr_tls_cache_t *c, entry_t *e)
{
    wr_queue_remove(&e->link);
    c->n--;
    wr_tls_free_pair(&e->pair);
    free(e->cert);
    free(e);
}

static void
free_cache(void *data)
{
    wr_tls_cache_t *c = data;

    while (!wr_queue_empty(&c->entries)) {
        drop(c, WR_QUEUE_ITEM(c->entries.next, entry_t, link));
    }
}

static void
drop_idle(wr_tls_cache_t *c)
{
    while (!wr_queue_empty(&c->entries)) {
        entry_t *e = WR_QUEUE_ITEM(c->entries.prev, entry_t, link);

        if (c->n < c->max && wr_clock.mono - e->used < c->inactive) {
            return;
        }
        drop(c, e);
    }
}

static entry_t *
find(wr_tls_cache_t *c, const char *cert, const char *key)
{
    for (wr_queue_t *q = c->entries.next; q != &c->entries; q = q->next) {
        entry_t *e = WR_QUEUE_ITEM(q, entry_t, link);

        if (strcmp(e->cert, cert) == 0 && strcmp(e->key, key) == 0) {
            return e;
        }
    }
    return NULL;
}

static bool
is_fresh(const wr_tls_cache_t *c, entry_t *e)
{
    stamp_t now[2];

    if (wr_clock.mono - e->used >= c->inactive) {
        return false;
    }
    if (wr_clock.mono - e->checked < c->valid) {
        return true;
    }
    now[0] = stamp_of(e->cert);
    now[1] = stamp_of(e->key);
    e->checked = wr_clock.mono;
    return same(&now[0], &e->stamps[0]) && same(&now[1], &e->stamps[1]);
}

static const wr_tls_pair_t *
add(wr_tls_cache_t *c, const wr_array_t *passwords, const char *cert, const char *key,
    wr_tls_fault_t *error)
{
    entry_t *e = calloc(1, sizeof(*e));
    size_t   n = strlen(cert) + 1;

    WR_ASSERT(e != NULL);
    /* The stamps are older than the bytes: a change meanwhile is seen next time. */
    e->stamps[0] = stamp_of(cert);
    e->stamps[1] = stamp_of(key);
    if (!wr_tls_read_pair(&e->pair, passwords, cert, key, error)) {
        free(e);
        return NULL;
    }
    drop_idle(c);
    e->cert = malloc(n + strlen(key) + 1);
    WR_ASSERT(e->cert != NULL);
    memcpy(e->cert, cert, n);
    e->key = e->cert + n;
    memcpy(e->key, key, strlen(key) + 1);
    e->checked = e->used = wr_clock.mono;
    wr_queue_unshift(&c->entries, &e->link);
    c->n++;
    return &e->pair;
}

const wr_tls_pair_t *
wr_tls_cached_pair(wr_tls_cache_t *c, const wr_array_t *passwords, const char *cert,
                   const char *key, wr_tls_fault_t *error)
{
    static wr_tls_pair_t last;
    entry_t             *e;

    if (c == NULL) {
        wr_tls_free_pair(&last);
        return wr_tls_read_pair(&last, passwords, cert, key, error) ? &last : NULL;
    }
    e = find(c, cert, key);
    if (e == NULL || !is_fresh(c, e)) {
        if (e != NULL) {
            drop(c, e);
        }
        return add(c, passwords, cert, key, error);
    }
    e->used = wr_clock.mono;
    wr_queue_remove(&e->link);
    wr_queue_unshift(&c->entries, &e->link);
    return &e->pair;
}

/* ---- conf ---- */

wr_rc_t
wr_tls_cache_set(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    wr_tls_cache_t **to = (wr_tls_cache_t **) (void *) ((char *) conf + d->offset);
    wr_tls_cache_t  *c = WR_NEW(cf->pool, wr_tls_cache_t);

    c->inactive = 10000;
    c->valid = 60000;
    wr_queue_init(&c->entries);
    *to = NULL;
    for (unsigned i = 1; i < cf->nargs; i++) {
        wr_str_t w = cf->args[i].text;
        bool     ok;

        if (wr_str_eqz(w, "off") && cf->nargs == 2) {
            return WR_OK;
        }
        if (wr_str_starts(w, WR_STR("max="))) {
            ok = wr_parse_int(wr_str_skip(w, 4), &c->max) && c->max > 0;
        } else if (wr_str_starts(w, WR_STR("inactive="))) {
            ok = wr_parse_msec(wr_str_skip(w, 9), &c->inactive);
        } else if (wr_str_starts(w, WR_STR("valid="))) {
            ok = wr_parse_msec(wr_str_skip(w, 6), &c->valid);
        } else {
            ok = false;
        }
        if (!ok) {
            return wr_conf_fail(cf, &cf->args[i], "invalid parameter \"%.*s\"", WR_ARG(w));
        }
    }
    if (c->max == 0) {
        return wr_conf_fail(cf, &cf->args[1], "\"%s\" must have the \"max\" parameter",
                            d->name);
    }
    wr_pool_on_free(cf->pool, free_cache, c);
    *to = c;
    return WR_OK;
}
