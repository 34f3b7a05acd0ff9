/*
 * session: counters of the stores. They stand in a small zone of their own, which
 * survives reloads; workers add to them without a lock.
 */
#include "stats.h"

#include <weir/http/keyed.h>

enum { ZONE = 64 * 1024 };

static const char tag;
static stats_t    nowhere;      /* until the zone is there, or if it is full */

typedef struct wanted {
    wr_str_t  label;
    stats_t **to;
} wanted_t;

static wr_rc_t
init(wr_zone_t *z, void *old)
{
    wr_array_t *all = z->user;

    if (wr_keyed_init(z, old) != WR_OK) {
        return WR_ERROR;
    }
    wr_zone_lock(z);
    for (WR_EACH(wanted_t, w, all)) {
        stats_t *s = wr_keyed_find(z->data, w->label);

        if (s == NULL) {
            s = wr_keyed_add(z, w->label, sizeof(*s));
        }
        if (s != NULL) {
            *w->to = s;
        }
    }
    wr_zone_unlock(z);
    return WR_OK;
}

bool
stats_want(wr_conf_t *cf, wr_str_t label, stats_t **to)
{
    wr_zone_t *z = wr_zone_add(cf, WR_STR("session stats"), ZONE, &tag);
    wanted_t  *w;

    *to = &nowhere;
    if (z == NULL) {
        return false;
    }
    if (z->user == NULL) {
        wr_array_t *all = WR_NEW(cf->pool, wr_array_t);

        *all = wr_array(cf->pool, sizeof(wanted_t));
        z->user = all;
        z->init = init;
    }
    w = WR_PUSH((wr_array_t *) z->user, wanted_t);
    w->label = wr_pool_str(cf->pool, label);
    w->to = to;
    return true;
}
