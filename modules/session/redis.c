/*
 * session: the store in Redis.
 *
 * A session is one text under COOKIENAME_ID. It is read by GETEX, which keeps it
 * alive as well, and changed by a small script that compares and sets. Updates of
 * one session by one worker wait for each other: the next one is told what the
 * former has saved, without asking Redis.
 */
#include "redis.h"

static const wr_str_t script = WR_STR_INIT(
    "local v=redis.call('GET',KEYS[1]) "
    "if v~=ARGV[1] then return v end "
    "redis.call('SET',KEYS[1],ARGV[2],'EX',ARGV[3]) "
    "return 1");

static wr_str_t
ttl_of(job_t *j)
{
    return wr_pool_printf(j->pool, "%" PRId64, j->settings->ttl);
}

/* An error that is no session's: what a fallback is for. */
static bool
failed(job_t *j, const reply_t *r)
{
    if (r != NULL && r->type != REDIS_REPLY_ERROR) {
        return false;
    }
    if (r != NULL) {
        wr_log(j->log, WR_LOG_ERR, 0, "redis %.*s: %.*s", WR_ARG(j->settings->redis->name),
               WR_ARG(r->text));
    }
    return true;
}

/* The request has gone: the reply is for nobody. */
static void
cancel(wr_op_t *op)
{
    job_t *j = WR_CONTAINER(op, job_t, op);
    cmd_t *c = j->cmd;

    if (c != NULL) {
        c->done = NULL;
        j->cmd = NULL;
        job_done(j, JOB_AWAY);
    }
}

static void
ask(job_t *j, int argc, const wr_str_t *argv, void (*done)(void *data, const reply_t *r))
{
    cmd_t *c = redis_send(j->settings->redis, argc, argv, done, j);

    if (c != NULL) {
        j->cmd = c;
    }
}

/* ---- load ---- */

static void load_plain(job_t *j);

static void
loaded(void *data, const reply_t *r)
{
    job_t      *j = data;
    wr_zone_t  *z = j->settings->fallback ? j->settings->zone : NULL;

    j->cmd = NULL;
    if (r != NULL && r->type == REDIS_REPLY_ERROR
        && wr_str_starts(r->text, WR_STR("ERR unknown command")))
    {
        j->settings->redis->no_getex = true;
        load_plain(j);
    } else if (r != NULL && r->type == REDIS_REPLY_ERROR
               && wr_str_starts(r->text, WR_STR("WRONGTYPE")))
    {
        (void) failed(j, r);
        job_done(j, JOB_GONE);
    } else if (failed(j, r)) {
        job_done(j, z != NULL ? memory_get(z, j->key, j->settings->ttl, j->pool, &j->text)
                                    ? JOB_DONE : JOB_GONE
                              : JOB_AWAY);
    } else if (r->type == REDIS_REPLY_STRING) {
        j->text = wr_pool_str(j->pool, r->text);
        if (z != NULL) {    /* for the time when Redis is away */
            (void) memory_put(z, j->key, j->settings->ttl, j->text, j->log);
        }
        job_done(j, JOB_DONE);
    } else {
        if (z != NULL) {
            memory_drop(z, j->key);
        }
        job_done(j, JOB_GONE);
    }
}

static void
load_plain(job_t *j)
{
    ask(j, 2, (wr_str_t[]) {WR_STR("GET"), j->key}, loaded);
}

static void
load(job_t *j)
{
    wr_op_begin(&j->op, "redis", cancel);
    if (j->settings->redis->no_getex) {
        load_plain(j);
        return;
    }
    ask(j, 4, (wr_str_t[]) {WR_STR("GETEX"), j->key, WR_STR("EX"), ttl_of(j)}, loaded);
}

/* ---- create, drop ---- */

static void
put_aside(job_t *j)
{
    wr_zone_t *z = j->settings->fallback ? j->settings->zone : NULL;

    if (z != NULL) {
        (void) memory_put(z, j->key, j->settings->ttl, j->text, j->log);
    }
}

static void
created(void *data, const reply_t *r)
{
    job_t *j = data;

    j->cmd = NULL;
    if (failed(j, r)) {
        put_aside(j);
        job_done(j, j->settings->fallback ? JOB_DONE : JOB_AWAY);
        return;
    }
    put_aside(j);
    job_done(j, JOB_DONE);
}

/* The key is random: one that is there is our own, sent before. */
static void
create(job_t *j)
{
    wr_op_begin(&j->op, "redis", NULL);
    ask(j, 5, (wr_str_t[]) {WR_STR("SET"), j->key, j->text, WR_STR("EX"), ttl_of(j)},
         created);
}

static void
dropped(void *data, const reply_t *r)
{
    job_t *j = data;

    j->cmd = NULL;
    if (j->settings->fallback) {
        memory_drop(j->settings->zone, j->key);
    }
    job_done(j, failed(j, r) && !j->settings->fallback ? JOB_AWAY : JOB_DONE);
}

static void
drop(job_t *j)
{
    wr_op_begin(&j->op, "redis", NULL);
    ask(j, 2, (wr_str_t[]) {WR_STR("DEL"), j->key}, dropped);
}

/* ---- update ---- */

/* The next update of this key that waits behind no other. */
static job_t *
next_waiting(redis_t *d, wr_str_t key)
{
    job_t *first = NULL;

    for (wr_queue_t *q = d->saving.next; q != &d->saving; q = q->next) {
        job_t *j = WR_QUEUE_ITEM(q, job_t, link);

        if (wr_str_eq(j->key, key)) {
            if (j->active) {
                return NULL;
            }
            first = first != NULL ? first : j;
        }
    }
    return first;
}

static void
update_done(job_t *j, result_t result)
{
    redis_t *d = j->settings->redis;
    wr_buf_t key = wr_buf(NULL), text = wr_buf(NULL);
    job_t   *next;

    wr_queue_remove(&j->link);
    j->active = false;
    wr_buf_str(&key, j->key);
    wr_buf_str(&text, j->text);
    job_done(j, result);            /* j may be gone, or be active again */
    while ((next = next_waiting(d, wr_buf_text(&key))) != NULL) {
        wr_queue_remove(&next->link);
        if (result == JOB_DONE || result == JOB_CONFLICT) {
            next->text = wr_pool_str(next->pool, wr_buf_text(&text));
            job_done(next, JOB_CONFLICT);
        } else {
            job_done(next, result);
        }
    }
    wr_buf_free(&key);
    wr_buf_free(&text);
}

static void
updated(void *data, const reply_t *r)
{
    job_t *j = data;
    cmd_t *c = j->cmd;
    bool   again = c != NULL && c->again;

    j->cmd = NULL;
    if (failed(j, r)) {
        put_aside(j);
        update_done(j, j->settings->fallback ? JOB_DONE : JOB_AWAY);
    } else if (r->type == REDIS_REPLY_INTEGER
               || (again && r->type == REDIS_REPLY_STRING && wr_str_eq(r->text, j->text)))
    {
        /* Sent again, it may meet what it has done itself. */
        put_aside(j);
        update_done(j, JOB_DONE);
    } else if (r->type == REDIS_REPLY_STRING) {
        j->text = wr_pool_str(j->pool, r->text);
        update_done(j, JOB_CONFLICT);
    } else {
        update_done(j, JOB_GONE);
    }
}

static void
update(job_t *j)
{
    redis_t *d = j->settings->redis;

    wr_op_begin(&j->op, "redis", NULL);
    wr_queue_init(&j->link);
    for (wr_queue_t *q = d->saving.next; q != &d->saving; q = q->next) {
        job_t *other = WR_QUEUE_ITEM(q, job_t, link);

        if (other->active && wr_str_eq(other->key, j->key)) {
            wr_queue_push(&d->saving, &j->link);
            return;
        }
    }
    j->active = true;
    wr_queue_push(&d->saving, &j->link);
    ask(j, 7, (wr_str_t[]) {WR_STR("EVAL"), script, WR_STR("1"), j->key,
                            j->expect, j->text, ttl_of(j)}, updated);
}

const store_t session_redis = {"redis", load, create, update, drop};
