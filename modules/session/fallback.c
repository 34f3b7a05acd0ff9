/*
 * session: memory behind a store that is away (`fallback=memory`).
 *
 * Whatever the store says of a session is put aside in a zone. While it is away the
 * zone is what counts, and what happens there is marked: saved (dirty), or ended.
 * When the store is back, the first request of such a session brings it up to date.
 * A key that the zone does not know while the store is away may well be somebody's:
 * the request then sees an empty session and can save nothing in its place.
 */
#include "session.h"

static call_t *
call_of(wr_session_job_t *j)
{
    return WR_CONTAINER(j, call_t, job);
}

static wr_zone_t *
zone_of(wr_session_job_t *j)
{
    return call_of(j)->settings->zone;
}

static void
finish(wr_session_job_t *j, wr_session_result_t result)
{
    j->then = NULL;
    wr_session_done(j, result);
}

static unsigned
marks(wr_session_job_t *j, wr_str_t *text, bool *found)
{
    unsigned flags = 0;

    *found = memory_get(zone_of(j), j->key, j->ttl, j->pool, text, &flags);
    return *found ? flags : 0;
}

static void
put(wr_session_job_t *j, wr_str_t key, wr_str_t text, unsigned flags)
{
    (void) memory_put(zone_of(j), key, j->ttl, text, flags, j->log);
}

/* ---- load ---- */

static void
pushed(wr_session_job_t *j, wr_session_result_t result)
{
    if (result == WR_SESSION_DONE) {
        put(j, j->key, j->text, 0);
    }
    finish(j, WR_SESSION_DONE);
}

static void
removed(wr_session_job_t *j, wr_session_result_t result)
{
    if (result == WR_SESSION_DONE) {
        memory_drop(zone_of(j), j->key);
    }
    finish(j, WR_SESSION_GONE);
}

static void
loaded(wr_session_job_t *j, wr_session_result_t result)
{
    const wr_session_store_t *store = call_of(j)->settings->store;
    wr_str_t                  text;
    bool                      found;
    unsigned                  flags = marks(j, &text, &found);

    if (result == WR_SESSION_AWAY) {
        call_of(j)->unsure = !found;
        j->text = text;
        finish(j, found && (flags & MEMORY_ENDED) == 0 ? WR_SESSION_DONE : WR_SESSION_GONE);
    } else if ((flags & MEMORY_DIRTY) != 0) {
        j->text = text;
        j->then = pushed;
        store->create(j);
    } else if ((flags & MEMORY_ENDED) != 0) {
        j->then = removed;
        store->drop(j);
    } else if (result == WR_SESSION_DONE) {
        if (!found || !wr_str_eq(text, j->text)) {
            put(j, j->key, j->text, 0);
        }
        finish(j, result);
    } else {
        memory_drop(zone_of(j), j->key);
        finish(j, result);
    }
}

/* ---- save ---- */

static void
created(wr_session_job_t *j, wr_session_result_t result)
{
    put(j, j->key, j->text, result == WR_SESSION_AWAY ? MEMORY_DIRTY : 0);
    finish(j, WR_SESSION_DONE);
}

/* Whether the zone's word counts: the store is away, or does not yet have what was
 * saved while it was. */
static bool
counts(wr_session_job_t *j, wr_session_result_t result, bool *found)
{
    wr_str_t text;
    unsigned flags = marks(j, &text, found);

    return result == WR_SESSION_AWAY
           || (result != WR_SESSION_DONE && (flags & MEMORY_DIRTY) != 0);
}

static void
updated(wr_session_job_t *j, wr_session_result_t result)
{
    bool found;

    if (counts(j, result, &found)) {
        if (found) {
            finish(j, memory_update(zone_of(j), j, MEMORY_DIRTY));
            return;
        }
        put(j, j->key, j->text, MEMORY_DIRTY);
        result = WR_SESSION_DONE;
    } else if (result == WR_SESSION_DONE) {
        put(j, j->key, j->text, 0);
    } else if (result == WR_SESSION_GONE) {
        memory_drop(zone_of(j), j->key);
    }
    finish(j, result);
}

static void
renamed(wr_session_job_t *j, wr_session_result_t result)
{
    bool found;

    if (counts(j, result, &found)) {
        if (found) {
            finish(j, memory_rename(zone_of(j), j, MEMORY_DIRTY));
            return;
        }
        put(j, j->to, j->text, MEMORY_DIRTY);
        put(j, j->key, WR_STR_NONE, MEMORY_ENDED);
        result = WR_SESSION_DONE;
    } else if (result != WR_SESSION_CONFLICT) {
        memory_drop(zone_of(j), j->key);
        if (result == WR_SESSION_DONE) {
            put(j, j->to, j->text, 0);
        }
    }
    finish(j, result);
}

static void
dropped(wr_session_job_t *j, wr_session_result_t result)
{
    if (result == WR_SESSION_AWAY) {
        put(j, j->key, WR_STR_NONE, MEMORY_ENDED);
    } else {
        memory_drop(zone_of(j), j->key);
    }
    finish(j, WR_SESSION_DONE);
}

static void
answered(wr_session_job_t *j, wr_session_result_t result)
{
    static void (*const then[OPS])(wr_session_job_t *j, wr_session_result_t result) = {
        [OP_LOAD] = loaded, [OP_CREATE] = created, [OP_UPDATE] = updated,
        [OP_RENAME] = renamed, [OP_DROP] = dropped};
    call_t *c = call_of(j);

    c->away = result == WR_SESSION_AWAY;
    then[c->what](j, result);
}

void
session_fallback(wr_session_job_t *j, stat_op_t what)
{
    call_of(j)->what = what;
    j->then = answered;
}
