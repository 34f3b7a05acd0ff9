/*
 * A hash table in shared memory. Its slots are as many as would be used if the
 * zone were full of small records, so chains stay short.
 */
#include <weir/http/keyed.h>

#include <weir/base/hash.h>

enum { TYPICAL = 128 };     /* bytes of a record with its key */

wr_rc_t
wr_keyed_init(wr_zone_t *z, void *old)
{
    uint64_t    slots = wr_min_size(z->size / TYPICAL / 2 + 1, UINT32_MAX);
    wr_keyed_t *t;

    if (old != NULL) {
        z->data = old;
        return WR_OK;
    }
    wr_zone_lock(z);
    t = wr_zone_alloc(z, sizeof(*t) + slots * sizeof(*t->table));
    wr_zone_unlock(z);
    if (t == NULL) {
        return WR_ERROR;
    }
    memset(t, 0, sizeof(*t) + slots * sizeof(*t->table));
    t->slots = slots;
    z->data = t;
    return WR_OK;
}

/* Without a division. There are fewer than 2^32 slots. */
static inline wr_keyed_node_t **
slot_of(wr_keyed_t *t, uint64_t hash)
{
    return &t->table[(hash >> 32) * t->slots >> 32];
}

static wr_keyed_node_t *
node_of(void *record)
{
    return WR_CONTAINER(record, wr_keyed_node_t, bytes);
}

static void
unlink_use(wr_keyed_t *t, wr_keyed_node_t *n)
{
    *(n->newer != NULL ? &n->newer->older : &t->newest) = n->older;
    *(n->older != NULL ? &n->older->newer : &t->oldest) = n->newer;
}

static void
link_newest(wr_keyed_t *t, wr_keyed_node_t *n)
{
    n->newer = NULL;
    n->older = t->newest;
    *(t->newest != NULL ? &t->newest->newer : &t->oldest) = n;
    t->newest = n;
}

void *
wr_keyed_find(wr_keyed_t *t, wr_str_t key)
{
    uint64_t hash = wr_hash(key.p, key.n);

    for (wr_keyed_node_t *n = *slot_of(t, hash); n != NULL; n = n->next) {
        if (n->hash == hash && wr_str_eq(wr_str(n->bytes + n->size, n->n), key)) {
            if (t->newest != n) {
                unlink_use(t, n);
                link_newest(t, n);
            }
            return n->bytes;
        }
    }
    return NULL;
}

void *
wr_keyed_add(wr_zone_t *z, wr_str_t key, size_t size)
{
    wr_keyed_t      *t = z->data;
    wr_keyed_node_t *n = wr_zone_alloc(z, sizeof(*n) + size + key.n);

    if (n == NULL) {
        return NULL;
    }
    memset(n, 0, sizeof(*n) + size);
    n->hash = wr_hash(key.p, key.n);
    n->size = (uint32_t) size;
    n->n = (uint32_t) key.n;
    if (key.n != 0) {
        memcpy(n->bytes + size, key.p, key.n);
    }
    n->next = *slot_of(t, n->hash);
    *slot_of(t, n->hash) = n;
    link_newest(t, n);
    t->n++;
    return n->bytes;
}

void
wr_keyed_remove(wr_zone_t *z, void *record)
{
    wr_keyed_t       *t = z->data;
    wr_keyed_node_t  *n = node_of(record);
    wr_keyed_node_t **at = slot_of(t, n->hash);

    while (*at != n) {
        at = &(*at)->next;
    }
    *at = n->next;
    unlink_use(t, n);
    t->n--;
    wr_zone_free(z, n);
}

void *
wr_keyed_oldest(wr_keyed_t *t)
{
    return t->oldest != NULL ? t->oldest->bytes : NULL;
}

wr_zone_t *
wr_zone_parse(wr_conf_t *cf, const wr_tok_t *arg, wr_str_t value, const void *tag)
{
    ssize_t    colon = wr_str_chr(value, ':');
    int64_t    size;
    wr_zone_t *z;

    if (colon <= 0) {
        (void) wr_conf_fail(cf, arg, "invalid zone size \"%.*s\"", WR_ARG(arg->text));
        return NULL;
    }
    if (!wr_parse_size(wr_str_skip(value, (size_t) colon + 1), &size)) {
        (void) wr_conf_fail(cf, arg, "invalid zone size \"%.*s\"", WR_ARG(arg->text));
        return NULL;
    }
    if (size < 8 * 4096) {
        (void) wr_conf_fail(cf, arg, "zone \"%.*s\" is too small", WR_ARG(arg->text));
        return NULL;
    }
    z = wr_zone_add(cf, wr_str_sub(value, 0, (size_t) colon), (size_t) size, tag);
    if (z != NULL) {
        z->init = wr_keyed_init;
    }
    return z;
}

wr_rc_t
wr_zone_declared(wr_conf_t *cf, const wr_zone_t *z)
{
    return z->user != NULL ? WR_OK : wr_zone_lost(cf, z);
}

const wr_enum_t wr_limit_levels[] = {
    {"info", WR_LOG_INFO}, {"notice", WR_LOG_NOTICE}, {"warn", WR_LOG_WARN},
    {"error", WR_LOG_ERR}, {NULL, 0}
};
