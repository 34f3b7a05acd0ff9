/*
 * Wildcards are kept in tables under what is left of them without the star, so a
 * look-up costs one step for each dot of the name at most.
 */
#include <weir/http/hostmap.h>

wr_hostmap_t
wr_hostmap(wr_pool_t *pool)
{
    return (wr_hostmap_t) {wr_map(pool, true), wr_map(pool, true),
                           wr_map(pool, true)};
}

static wr_rc_t
put(wr_map_t *to, wr_str_t key, void *value)
{
    if (wr_map_get(to, key) != NULL) {
        return WR_BUSY;
    }
    (void) wr_map_set(to, key, value);
    return WR_OK;
}

wr_rc_t
wr_hostmap_add(wr_hostmap_t *m, wr_str_t name, bool wildcards, void *value)
{
    wr_rc_t rc;

    if (!wildcards) {
        return put(&m->exact, name, value);
    }
    if (wr_str_starts(name, WR_STR("*.")) && name.n > 2) {
        return put(&m->head, wr_str_skip(name, 2), value);
    }
    if (wr_str_ends(name, WR_STR(".*")) && name.n > 2) {
        return put(&m->tail, wr_str_sub(name, 0, name.n - 2), value);
    }
    if (wr_str_chr(name, '*') >= 0 || wr_str_eqz(name, ".")) {
        return WR_SYNTAX;
    }
    if (name.n == 0 || name.p[0] != '.') {
        return put(&m->exact, name, value);
    }
    rc = put(&m->exact, wr_str_skip(name, 1), value);
    return rc == WR_OK ? put(&m->head, wr_str_skip(name, 1), value) : rc;
}

void *
wr_hostmap_find(const wr_hostmap_t *m, wr_str_t name)
{
    wr_str_t rest = name;
    ssize_t  dot;
    void    *v = wr_map_get(&m->exact, name);

    while (v == NULL && m->head.n != 0 && (dot = wr_str_chr(rest, '.')) >= 0) {
        rest = wr_str_skip(rest, (size_t) dot + 1);
        v = wr_map_get(&m->head, rest);
    }
    rest = name;
    while (v == NULL && m->tail.n != 0 && (dot = wr_str_rchr(rest, '.')) >= 0) {
        rest = wr_str_sub(rest, 0, (size_t) dot);
        v = wr_map_get(&m->tail, rest);
    }
    return v;
}
