/*
 * session: the store in shared memory, also where sessions stay while another store
 * is away.
 *
 * Records by key in the order of their use, each with the time it ends. A full zone
 * gives up those that were not used for the longest time. Everything is done at
 * once, under the zone's lock.
 */
#include "session.h"

#include <weir/http/keyed.h>

typedef struct record {
    int64_t  until;         /* Unix time */
    uint32_t n, room;       /* bytes of the text, and for it */
    uint32_t flags;         /* MEMORY_… */
    char     text[];
} record_t;

enum { STEP = 32 };         /* texts mostly change by a few bytes: they stay in place */

static const char tag;

wr_zone_t *
memory_zone(wr_conf_t *cf, const wr_tok_t *arg, wr_str_t value)
{
    if (value.n == 0) {
        (void) session_bad_value(cf, arg);
        return NULL;
    }
    return wr_str_chr(value, ':') < 0 ? wr_zone_add(cf, value, 0, &tag)
                                      : wr_zone_parse(cf, arg, value, &tag);
}

/* ---- under the lock ---- */

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

/* `rec` is what the key has now; NULL: nothing. */
static bool
put(wr_zone_t *z, record_t *rec, wr_str_t key, int64_t ttl, wr_str_t text, unsigned flags,
    wr_log_t *log)
{
    size_t room = (text.n + STEP - 1) / STEP * STEP;

    if (rec != NULL && (text.n > rec->room || room < rec->room / 2)) {
        wr_keyed_remove(z, rec);
        rec = NULL;
    }
    if (rec == NULL && text.n > z->size / 4) {
        wr_log(log, WR_LOG_ERR, 0,
               "a session of %zu bytes is too large for zone \"%.*s\"", text.n,
               WR_ARG(z->name));
        return false;
    }
    while (rec == NULL) {
        void *oldest;

        rec = wr_keyed_add(z, key, sizeof(*rec) + room);
        if (rec != NULL) {
            rec->room = (uint32_t) room;
            break;
        }
        oldest = wr_keyed_oldest(z->data);
        if (oldest == NULL) {
            wr_log(log, WR_LOG_ERR, 0, "no room for a session in zone \"%.*s\"",
                   WR_ARG(z->name));
            return false;
        }
        wr_keyed_remove(z, oldest);
    }
    rec->until = wr_clock.sec + ttl;
    rec->n = (uint32_t) text.n;
    rec->flags = flags;
    if (text.n != 0) {
        memcpy(rec->text, text.p, text.n);
    }
    return true;
}

/* The record of the job's key if it says what is expected; else the result. */
static record_t *
expected(wr_zone_t *z, wr_session_job_t *j, wr_session_result_t *result)
{
    record_t *rec = find(z, j->key);

    if (rec == NULL || (rec->flags & MEMORY_ENDED) != 0) {
        *result = WR_SESSION_GONE;
        return NULL;
    }
    if (!wr_str_eq(wr_str(rec->text, rec->n), j->expect)) {
        *result = WR_SESSION_CONFLICT;
        j->text = wr_pool_str(j->pool, wr_str(rec->text, rec->n));
        return NULL;
    }
    return rec;
}

/* ---- a zone ---- */

bool
memory_get(wr_zone_t *z, wr_str_t key, int64_t ttl, wr_pool_t *pool, wr_str_t *text,
           unsigned *flags)
{
    record_t *rec;

    wr_zone_lock(z);
    rec = find(z, key);
    if (rec != NULL) {
        rec->until = wr_clock.sec + ttl;
        *text = wr_pool_str(pool, wr_str(rec->text, rec->n));
        *flags = rec->flags;
    }
    wr_zone_unlock(z);
    return rec != NULL;
}

bool
memory_put(wr_zone_t *z, wr_str_t key, int64_t ttl, wr_str_t text, unsigned flags,
           wr_log_t *log)
{
    bool ok;

    wr_zone_lock(z);
    ok = put(z, wr_keyed_find(z->data, key), key, ttl, text, flags, log);
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

wr_session_result_t
memory_update(wr_zone_t *z, wr_session_job_t *j, unsigned flags)
{
    wr_session_result_t result = WR_SESSION_AWAY;
    record_t           *rec;

    wr_zone_lock(z);
    rec = expected(z, j, &result);
    if (rec != NULL && put(z, rec, j->key, j->ttl, j->text, flags, j->log)) {
        result = WR_SESSION_DONE;
    }
    wr_zone_unlock(z);
    return result;
}

/* The former key goes, or is marked as ended for the store that is away. */
wr_session_result_t
memory_rename(wr_zone_t *z, wr_session_job_t *j, unsigned flags)
{
    wr_session_result_t result = WR_SESSION_AWAY;

    wr_zone_lock(z);
    if (expected(z, j, &result) != NULL
        && put(z, wr_keyed_find(z->data, j->to), j->to, j->ttl, j->text, flags, j->log))
    {
        record_t *former = wr_keyed_find(z->data, j->key);

        result = WR_SESSION_DONE;
        if (former != NULL) {
            wr_keyed_remove(z, former);
        }
        if (flags != 0) {
            (void) put(z, wr_keyed_find(z->data, j->key), j->key, j->ttl, WR_STR_NONE,
                       MEMORY_ENDED, j->log);
        }
    }
    wr_zone_unlock(z);
    return result;
}

/* ---- as a store ---- */

typedef struct memory {
    wr_zone_t *zone;
} memory_t;

static wr_zone_t *
zone_of(const wr_session_job_t *j)
{
    return ((const memory_t *) j->store)->zone;
}

static void *
open_store(wr_conf_t *cf, const wr_tok_t *arg)
{
    if (!wr_str_eqz(arg->text, "memory")) {
        (void) session_bad_value(cf, arg);
        return NULL;
    }
    return WR_NEW(cf->pool, memory_t);
}

static wr_rc_t
option(wr_conf_t *cf, void *store, const wr_tok_t *arg)
{
    memory_t *m = store;
    wr_str_t  v;

    if (!wr_arg_value(arg->text, "zone", &v)) {
        return WR_DECLINED;
    }
    m->zone = memory_zone(cf, arg, v);
    return m->zone != NULL ? WR_OK : WR_ERROR;
}

static void *
ready(wr_conf_t *cf, void *store, wr_str_t *label)
{
    memory_t *m = store;

    if (m->zone == NULL) {
        m->zone = memory_zone(cf, &cf->args[0], WR_STR("sessions:8m"));
    }
    if (m->zone == NULL) {
        return NULL;
    }
    *label = wr_pool_printf(cf->pool, "memory:%.*s", WR_ARG(m->zone->name));
    return m;
}

static void
load(wr_session_job_t *j)
{
    unsigned flags;

    wr_session_done(j, memory_get(zone_of(j), j->key, j->ttl, j->pool, &j->text, &flags)
                           ? WR_SESSION_DONE
                           : WR_SESSION_GONE);
}

static void
create(wr_session_job_t *j)
{
    wr_session_done(j, memory_put(zone_of(j), j->key, j->ttl, j->text, 0, j->log)
                           ? WR_SESSION_DONE
                           : WR_SESSION_AWAY);
}

static void
update(wr_session_job_t *j)
{
    wr_session_done(j, memory_update(zone_of(j), j, 0));
}

static void
change_key(wr_session_job_t *j)
{
    wr_session_done(j, memory_rename(zone_of(j), j, 0));
}

static void
drop(wr_session_job_t *j)
{
    memory_drop(zone_of(j), j->key);
    wr_session_done(j, WR_SESSION_DONE);
}

const wr_session_store_t session_memory = {
    .size = sizeof(session_memory),
    .name = "memory",
    .open = open_store,
    .option = option,
    .ready = ready,
    .load = load,
    .create = create,
    .update = update,
    .rename = change_key,
    .drop = drop,
};
