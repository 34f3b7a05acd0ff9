/*
 * session: the way in. The cookie's key is looked up, once a request; a key that the
 * store does not know is never adopted. While the store is away nothing is answered
 * but 503: who is logged in stays so.
 */
#include "session.h"

#include <weir/http/headers.h>

session_t *
session_get(wr_req_t *r)
{
    session_t *s = wr_ctx(r->main, WR_SELF);

    return s != NULL && s->ready ? s : NULL;
}

void
session_start_empty(session_t *s)
{
    s->known = false;
    s->id = s->key = WR_STR_NONE;
    s->text = WR_STR_NONE;
    s->head = 0;
    s->created = wr_clock.sec;
    s->base = wr_dict_new(wr_pool(s->r), 0);
    s->now = s->base;
    s->ready = true;
}

/* ---- asking the store ---- */

wr_session_job_t *
session_job(session_t *s, passage_t *p, wr_str_t key)
{
    call_t           *c = WR_NEW(wr_pool(s->r), call_t);
    wr_session_job_t *j = &c->job;

    c->settings = s->settings;
    p->job = j;
    j->store = s->settings->data;
    j->r = s->r;
    j->pool = wr_pool(s->r);
    j->log = &s->r->log;
    j->ttl = s->settings->ttl;
    j->key = key;
    return j;
}

wr_rc_t
session_ask(session_t *s, wr_req_t *r, passage_t *p, stat_op_t what, wr_step_t next)
{
    const wr_session_store_t *store = s->settings->store;
    wr_session_job_t         *j = p->job;

    p->what = what;
    p->began = wr_ticks();
    wr_op_begin(&j->op, store->name, NULL);
    if (s->settings->zone != NULL) {
        session_fallback(j, what);
    }
    switch (what) {
    case OP_LOAD:
        store->load(j);
        break;
    case OP_CREATE:
        store->create(j);
        break;
    case OP_UPDATE:
        store->update(j);
        break;
    case OP_RENAME:
        store->rename(j);
        break;
    default:
        store->drop(j);
    }
    return j->op.state == WR_OP_DONE ? next(r, p) : wr_await(r, &j->op, next);
}

/* What it said. Time and outcome are counted here. */
wr_session_result_t
session_answer(session_t *s, wr_req_t *r, passage_t *p)
{
    const call_t *c = WR_CONTAINER(p->job, call_t, job);
    uint64_t      us = wr_ticks_us(wr_ticks() - p->began);

    wr_app_add_time(r, WR_TIME_SESSION, us * 1000);
    stats_count(&s->settings->stats, p->what, c->away ? WR_SESSION_AWAY : p->job->result,
                us);
    return p->job->result;
}

wr_rc_t
session_away(session_t *s, wr_req_t *r)
{
    (void) wr_headers_set(&r->out, WR_H_OTHER, WR_STR("Retry-After"), WR_STR("1"));
    return wr_app_fail(r, &s->settings->at, 503,
                       WR_STR("the session store is not available"), NULL);
}

/* ---- loading ---- */

static bool
is_over(const session_t *s)
{
    return s->settings->max_age != 0
           && s->created + s->settings->max_age <= wr_clock.sec;
}

static wr_rc_t
loaded(wr_req_t *r, void *state)
{
    const entry_t      *entry = wr_stage_conf(r);
    passage_t          *p = state;
    session_t          *s = wr_ctx(r->main, WR_SELF);
    wr_session_result_t result = session_answer(s, r, p);

    if (s->ready) {
        return WR_OK;       /* another part of the page was faster */
    }
    if (result == WR_SESSION_AWAY) {
        return entry->optional ? WR_OK : session_away(s, r);
    }
    if (result == WR_SESSION_DONE && session_parse(s, p->job->text) && !is_over(s)) {
        s->id = p->id;
        s->key = p->job->key;
        s->known = true;
        s->ready = true;
    } else {
        s->frozen = WR_CONTAINER(p->job, call_t, job)->unsure;
        session_start_empty(s);
    }
    return WR_OK;
}

wr_rc_t
session_load(wr_req_t *r, void *state)
{
    const entry_t *entry = wr_stage_conf(r);
    passage_t     *p = state;
    session_t     *s = wr_ctx(r->main, WR_SELF);

    if (s != NULL && s->ready) {
        s->r = r;
        return WR_OK;
    }
    if (s == NULL) {
        s = WR_NEW(wr_pool(r), session_t);
        s->obj.type = &session_type;
        s->changes = wr_array(wr_pool(r), sizeof(change_t));
        wr_ctx(r->main, WR_SELF) = s;
    }
    s->r = r;
    s->settings = entry->settings;
    if (!session_sent_id(s, &p->id)) {
        session_start_empty(s);
        return WR_OK;
    }
    (void) session_job(s, p, session_key(s, p->id));
    return session_ask(s, r, p, OP_LOAD, loaded);
}
