/*
 * session: the store in shared memory.
 *
 * Records by key in the order of their use, each with the time it ends. A full zone
 * gives up those that were not used for the longest time. Everything is done at
 * once, under the zone's lock.
 */
#include "session.h"

#include <weir/http/keyed.h>

typedef struct record {
    int64_t  until;         /* Unix time */
    uint32_t n;
    char     text[];
} record_t;

static const char tag;

wr_zone_t *
memory_zone(wr_conf_t *cf, const wr_tok_t *arg, wr_str_t value)
{
    return wr_str_chr(value, ':') < 0 ? wr_zone_add(cf, value, 0, &tag)
                                      : wr_zone_parse(cf, arg, value, &tag);
}

/* The lock is held. */
static record_t *
find(wr_zone_t *z, wr_str_t key)
{
    record_t *rec = wr_keyed_find(z->data, key);

    if (rec != NULL && rec->until < wr_clock.sec) {
        wr_keyed_remove(z, rec);
        return NULL;
    }
    return rec;
}

static bool
put(wr_zone_t *z, wr_str_t key, int64_t ttl, wr_str_t text, wr_log_t *log)
{
    record_t *rec = wr_keyed_find(z->data, key);

    if (rec != NULL) {
        wr_keyed_remove(z, rec);
    }
    if (text.n > z->size / 4) {
        wr_log(log, WR_LOG_ERR, 0,
               "a session of %zu bytes is too large for zone \"%.*s\"", text.n,
               WR_ARG(z->name));
        return false;
    }
    while ((rec = wr_keyed_add(z, key, sizeof(*rec) + text.n)) == NULL) {
        void *oldest = wr_keyed_oldest(z->data);

        if (oldest == NULL) {
            wr_log(log, WR_LOG_ERR, 0, "no room for a session in zone \"%.*s\"",
                   WR_ARG(z->name));
            return false;
        }
        wr_keyed_remove(z, oldest);
    }
    rec->until = wr_clock.sec + ttl;
    rec->n = (uint32_t) text.n;
    memcpy(rec->text, text.p, text.n);
    return true;
}

bool
memory_get(wr_zone_t *z, wr_str_t key, int64_t ttl, wr_pool_t *pool, wr_str_t *text)
{
    record_t *rec;

    wr_zone_lock(z);
    rec = find(z, key);
    if (rec != NULL) {
        rec->until = wr_clock.sec + ttl;
        *text = wr_pool_str(pool, wr_str(rec->text, rec->n));
    }
    wr_zone_unlock(z);
    return rec != NULL;
}

bool
memory_put(wr_zone_t *z, wr_str_t key, int64_t ttl, wr_str_t text, wr_log_t *log)
{
    bool ok;

    wr_zone_lock(z);
    ok = put(z, key, ttl, text, log);
    wr_zone_unlock(z);
    return ok;
}

void
memory_drop(wr_zone_t *z, wr_str_t key)
{
    record_t *rec;

    wr_zone_lock(z);
    rec = wr_keyed_find(z->data, key);
    if (rec != NULL) {
        wr_keyed_remove(z, rec);
    }
    wr_zone_unlock(z);
}

/* ---- as a store ---- */

static void
load(job_t *j)
{
    wr_op_begin(&j->op, "session", NULL);
    job_done(j, memory_get(j->settings->zone, j->key, j->settings->ttl, j->pool, &j->text)
                    ? JOB_DONE
                    : JOB_GONE);
}

static void
create(job_t *j)
{
    wr_op_begin(&j->op, "session", NULL);
    job_done(j, memory_put(j->settings->zone, j->key, j->settings->ttl, j->text, j->log)
                    ? JOB_DONE
                    : JOB_AWAY);
}

static void
update(job_t *j)
{
    wr_zone_t *z = j->settings->zone;
    record_t  *rec;
    result_t   result;

    wr_op_begin(&j->op, "session", NULL);
    wr_zone_lock(z);
    rec = find(z, j->key);
    if (rec == NULL) {
        result = JOB_GONE;
    } else if (!wr_str_eq(wr_str(rec->text, rec->n), j->expect)) {
        result = JOB_CONFLICT;
        j->text = wr_pool_str(j->pool, wr_str(rec->text, rec->n));
    } else if (rec->n == j->text.n) {
        rec->until = wr_clock.sec + j->settings->ttl;
        memcpy(rec->text, j->text.p, j->text.n);
        result = JOB_DONE;
    } else {
        result = put(z, j->key, j->settings->ttl, j->text, j->log) ? JOB_DONE : JOB_AWAY;
    }
    wr_zone_unlock(z);
    job_done(j, result);
}

static void
drop(job_t *j)
{
    wr_op_begin(&j->op, "session", NULL);
    memory_drop(j->settings->zone, j->key);
    job_done(j, JOB_DONE);
}

const store_t session_memory = {"memory", load, create, update, drop};
