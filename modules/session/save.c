/*
 * session: the way out. After what is inside has ended and before the head leaves,
 * the changes are saved: compare and set, and where another request was faster the
 * changes are applied to what it has saved. Nothing is written that did not change,
 * and a session that was ended meanwhile stays so.
 *
 * For a store in the request's own database the same is done a little earlier, by a
 * stage inside the transaction: what it has saved is committed or undone with it.
 */
#include "session.h"

enum { MAX_ATTEMPTS = 1000 };   /* of one save: each time another was faster */

static wr_rc_t update(session_t *s, wr_req_t *r, void *state);
static wr_rc_t create(session_t *s, wr_req_t *r, void *state);
static wr_rc_t renew(session_t *s, wr_req_t *r, void *state);
static wr_rc_t updated(wr_req_t *r, void *state);
static wr_rc_t created(wr_req_t *r, void *state);
static wr_rc_t renewed(wr_req_t *r, void *state);
static wr_rc_t dropped(wr_req_t *r, void *state);

/* Nothing is to be saved (any more). */
static wr_rc_t
forget(session_t *s)
{
    s->changes.n = s->written = 0;
    s->saving = s->regenerate = s->destroyed = false;
    return WR_OK;
}

static wr_rc_t
cannot_save(session_t *s, wr_req_t *r)
{
    (void) forget(s);
    (void) session_away(s, r);
    return WR_ERROR;
}

/* What others have saved is in, and is tried again: not for ever. */
static bool
merge(session_t *s, wr_req_t *r, wr_str_t text)
{
    if (++s->attempts > MAX_ATTEMPTS) {
        wr_log(&r->log, WR_LOG_ERR, 0, "the session is changed by others all the time");
        (void) session_away(s, r);
        return false;
    }
    return session_merge(s, text);
}

static wr_rc_t
cannot_write(session_t *s, wr_req_t *r)
{
    (void) forget(s);
    return wr_fail(r, 500) == WR_DONE ? WR_ERROR : WR_OK;
}

/* What was written is saved. Changes that another part of the page has made since are
 * saved as well: that part does not wait. */
static wr_rc_t
saved(session_t *s, wr_req_t *r, void *state)
{
    change_t *all = s->changes.items;

    s->changes.n -= s->written;
    if (s->changes.n != 0) {
        memmove(all, all + s->written, s->changes.n * sizeof(*all));
    }
    s->written = 0;
    s->saving = false;
    s->regenerate = false;
    if ((s->changes.n != 0 || r != r->main) && s->known && !session_merge(s, s->text)) {
        return WR_ERROR;
    }
    return s->changes.n != 0 && s->known ? update(s, r, state) : WR_OK;
}

/* The text of a save that begins. */
static bool
begin(session_t *s, passage_t *p, wr_str_t key)
{
    wr_str_t text;

    if (!session_write(s, &text)) {
        return false;
    }
    (void) session_job(s, p, key);
    p->job->text = text;
    p->job->expect = s->text;
    s->written = s->changes.n;
    s->saving = true;
    return true;
}

/* ---- ended ---- */

static wr_rc_t
drop(session_t *s, wr_req_t *r, void *state)
{
    (void) session_job(s, state, s->key);
    s->saving = true;
    return session_ask(s, r, state, OP_DROP, dropped);
}

/* What was set after session_destroy begins a new one. */
static wr_rc_t
ended(session_t *s, wr_req_t *r, void *state)
{
    wr_dict_t *now = s->now;

    if (s->changes.n == 0) {
        if (!r->main->head_sent) {
            session_send_cookie(s, r, WR_STR_NONE);
        }
        (void) forget(s);
        session_start_empty(s);
        return WR_OK;
    }
    session_start_empty(s);
    s->destroyed = s->regenerate = false;
    s->now = now;
    return create(s, r, state);
}

static wr_rc_t
dropped(wr_req_t *r, void *state)
{
    session_t *s = wr_ctx(r->main, WR_SELF);

    if (session_answer(s, r, state) == WR_SESSION_AWAY) {
        return cannot_save(s, r);
    }
    return ended(s, r, state);
}

/* ---- new ids ---- */

static bool
too_late(session_t *s, wr_req_t *r)
{
    if (r->main->head_sent) {
        wr_log(&r->log, WR_LOG_WARN, 0, "a session that begins, or is to have a new id, "
                                        "after the head has left is not kept");
        (void) forget(s);
        return true;
    }
    return false;
}

static wr_rc_t
create(session_t *s, wr_req_t *r, void *state)
{
    passage_t *p = state;

    if (too_late(s, r)) {
        return WR_OK;
    }
    p->id = session_new_id(wr_pool(r));
    if (!begin(s, p, session_key(s, p->id))) {
        return cannot_write(s, r);
    }
    return session_ask(s, r, p, OP_CREATE, created);
}

static void
take_id(session_t *s, wr_req_t *r, const passage_t *p, wr_str_t key)
{
    s->id = p->id;
    s->key = key;
    s->known = true;
    s->sent = true;
    s->text = p->job->text;
    session_send_cookie(s, r, p->id);
}

static wr_rc_t
created(wr_req_t *r, void *state)
{
    passage_t *p = state;
    session_t *s = wr_ctx(r->main, WR_SELF);

    if (session_answer(s, r, p) != WR_SESSION_DONE) {
        return cannot_save(s, r);
    }
    take_id(s, r, p, p->job->key);
    return saved(s, r, state);
}

/* A known session under a new id. */
static wr_rc_t
renew(session_t *s, wr_req_t *r, void *state)
{
    passage_t *p = state;

    if (too_late(s, r)) {
        return WR_OK;
    }
    p->id = session_new_id(wr_pool(r));
    if (!begin(s, p, s->key)) {
        return cannot_write(s, r);
    }
    p->job->to = session_key(s, p->id);
    return session_ask(s, r, p, OP_RENAME, renewed);
}

static wr_rc_t
renewed(wr_req_t *r, void *state)
{
    passage_t *p = state;
    session_t *s = wr_ctx(r->main, WR_SELF);

    switch (session_answer(s, r, p)) {
    case WR_SESSION_DONE:
        take_id(s, r, p, p->job->to);
        return saved(s, r, state);
    case WR_SESSION_CONFLICT:
        if (merge(s, r, p->job->text)) {
            return renew(s, r, state);
        }
        return r->fail_status != 0 ? WR_ERROR : forget(s);
    case WR_SESSION_GONE:
        /* It was ended meanwhile. A login is a beginning: only what it has set. */
        s->known = false;
        s->written = 0;
        if (!session_merge(s, WR_STR_NONE)) {
            return WR_ERROR;
        }
        return s->changes.n != 0 ? create(s, r, state) : forget(s);
    default:
        return cannot_save(s, r);
    }
}

/* ---- changes ---- */

static wr_rc_t
update(session_t *s, wr_req_t *r, void *state)
{
    if (!begin(s, state, s->key)) {
        return cannot_write(s, r);
    }
    return session_ask(s, r, state, OP_UPDATE, updated);
}

static wr_rc_t
updated(wr_req_t *r, void *state)
{
    passage_t *p = state;
    session_t *s = wr_ctx(r->main, WR_SELF);

    switch (session_answer(s, r, p)) {
    case WR_SESSION_DONE:
        s->text = p->job->text;
        if (s->settings->keep != 0 && !r->main->head_sent) {
            session_send_cookie(s, r, s->id);       /* to be kept longer */
        }
        return saved(s, r, state);
    case WR_SESSION_GONE:
        wr_log(&r->log, WR_LOG_INFO, 0, "the session ended while this request ran");
        return forget(s);
    case WR_SESSION_CONFLICT:
        if (!merge(s, r, p->job->text)) {
            return r->fail_status != 0 ? WR_ERROR : forget(s);
        }
        return update(s, r, state);
    default:
        return cannot_save(s, r);
    }
}

/* ---- the stages ---- */

static wr_rc_t
save(session_t *s, wr_req_t *r, void *state)
{
    if (s->destroyed) {
        return s->known ? drop(s, r, state)
             : s->sent || s->changes.n != 0 ? ended(s, r, state)
                                            : forget(s);
    }
    if (s->known) {
        return s->regenerate ? renew(s, r, state)
             : s->changes.n != 0 ? update(s, r, state)
                                 : WR_OK;
    }
    return s->now->live != 0 ? create(s, r, state) : forget(s);
}

/* What was saved with the transaction is undone with it: so is the cookie. */
static void
take_back(session_t *s, wr_req_t *r)
{
    wr_headers_t *out = &r->main->out;

    for (wr_header_t *h = wr_headers_first(out, WR_H_SET_COOKIE);
         s->cookie.n != 0 && h != NULL; h = wr_headers_next(out, h))
    {
        h->dead |= h->value.p == s->cookie.p;
    }
}

static bool
has_failed(const wr_req_t *r)
{
    return r->fail_status >= 500 || r->task.outcome < 0 || wr_app_undone(r);
}

wr_rc_t
session_save(wr_req_t *r, void *state)
{
    session_t *s = wr_ctx(r->main, WR_SELF);

    if (s == NULL || !s->ready || s->saving) {
        return WR_OK;
    }
    if (has_failed(r)) {
        if (s->inside) {
            take_back(s, r);
        }
        return WR_OK;
    }
    if (s->frozen && (s->changes.n != 0 || s->destroyed)) {
            return cannot_save(s, r);
    }
    return save(s, r, state);
}

/* What there is no writing transaction for is left to the outer stage. */
wr_rc_t
session_save_inside(wr_req_t *r, void *state)
{
    session_t *s = wr_ctx(r->main, WR_SELF);
    unsigned   status = r->fail_status != 0 ? r->fail_status : r->status;

    if (s == NULL || !s->ready || status == 0 || status >= 400 || r->closed || r->aborted
        || !s->settings->store->joins(r, s->settings->data))
    {
        return WR_OK;
    }
    s->inside = true;
    return session_save(r, state);
}
