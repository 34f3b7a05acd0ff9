/*
 * session: commands that wait for a link, and the server's health.
 *
 * A failure makes the server "away": everything fails at once, and one link at a time
 * is tried again after a pause, until one is ready. Nothing is tried for a server that
 * nobody has asked for a while: then the next request does.
 */
#include "redis.h"

#include <stdlib.h>
#include <weir/os/random.h>

enum {
    PAUSE_MIN = 50,         /* milliseconds after a failure */
    PAUSE_MAX = 3000,
    FORGOTTEN = 60000,      /* not asked for so long: it is left alone */
    BUSY = 4,               /* commands under way on each link: one link more */
};

/* ---- commands ---- */

cmd_t *
redis_cmd(redis_t *d, int argc, const wr_str_t *argv)
{
    const char *args[8];
    size_t      lens[8];
    cmd_t      *c = calloc(1, sizeof(*c));
    int         n;

    WR_ASSERT(argc <= 8);
    for (int i = 0; i < argc; i++) {
        args[i] = argv[i].p != NULL ? argv[i].p : "";
        lens[i] = argv[i].n;
    }
    n = c != NULL ? redisFormatCommandArgv(&c->bytes, argc, args, lens) : -1;
    if (n < 0) {
        free(c);
        return NULL;
    }
    c->n = (size_t) n;
    c->deadline = wr_clock.mono + d->timeout;
    return c;
}

void
redis_end_cmd(cmd_t *c, const reply_t *reply)
{
    wr_queue_remove(&c->link);
    if (c->done != NULL) {
        c->done(c->data, reply);
    }
    redisFreeCommand(c->bytes);
    free(c);
}

static cmd_t *
take_queued(redis_t *d)
{
    wr_queue_t *q = wr_queue_first(&d->queued);

    if (q == NULL) {
        return NULL;
    }
    wr_queue_remove(q);
    d->nqueued--;
    return WR_QUEUE_ITEM(q, cmd_t, link);
}

static void
set_expiry(redis_t *d)
{
    wr_queue_t *q = wr_queue_first(&d->queued);

    if (q == NULL) {
        wr_timer_cancel(&d->expiry);
    } else {
        wr_msec_t left = WR_QUEUE_ITEM(q, cmd_t, link)->deadline - wr_clock.mono;

        wr_timer_set(&d->expiry, left > 0 ? left : 0);
    }
}

/* No link has become ready for them in time. */
static void
expired(wr_timer_t *t)
{
    redis_t    *d = WR_CONTAINER(t, redis_t, expiry);
    wr_queue_t *q;

    while ((q = wr_queue_first(&d->queued)) != NULL
           && WR_QUEUE_ITEM(q, cmd_t, link)->deadline <= wr_clock.mono)
    {
        redis_end_cmd(take_queued(d), NULL);
    }
    set_expiry(d);
}

/* ---- links ---- */

/* The one that is least busy; NULL: none is ready. */
static link_t *
best_link(redis_t *d)
{
    link_t *best = NULL;

    for (int64_t i = 0; i < d->nlinks; i++) {
        if (d->links[i].state == READY
            && (best == NULL || d->links[i].nsent < best->nsent))
        {
            best = &d->links[i];
        }
    }
    return best;
}

/* One at a time. */
static void
open_one(redis_t *d)
{
    link_t *down = NULL;

    for (int64_t i = 0; i < d->nlinks; i++) {
        if (d->links[i].state != DOWN && d->links[i].state != READY) {
            return;
        }
        if (down == NULL && d->links[i].state == DOWN) {
            down = &d->links[i];
        }
    }
    if (down != NULL) {
        link_open(down);
    }
}

void
redis_pump(redis_t *d)
{
    link_t *l = best_link(d);

    if (wr_queue_empty(&d->queued)) {
        return;
    }
    if (l == NULL || (l->nsent >= BUSY && d->nlinks > 1)) {
        if (d->failures == 0) {
            open_one(d);
        }
        l = best_link(d);       /* it may be ready at once */
    }
    while (l != NULL && !wr_queue_empty(&d->queued)) {
        link_add(l, take_queued(d));
        if (d->nlinks > 1) {
            l = best_link(d);
        }
    }
    for (int64_t i = 0; i < d->nlinks; i++) {
        if (d->links[i].state == READY && d->links[i].out.n != 0) {
            link_flush(&d->links[i]);
        }
    }
    set_expiry(d);
}

static void
posted(wr_post_t *p)
{
    redis_pump(WR_CONTAINER(p, redis_t, post));
}

/* ---- health ---- */

static void
try_again(wr_timer_t *t)
{
    redis_t *d = WR_CONTAINER(t, redis_t, retry);

    if (wr_clock.mono - d->used < FORGOTTEN) {
        open_one(d);
    }
}

void
redis_failed(redis_t *d)
{
    wr_msec_t ms = PAUSE_MIN << (d->failures < 6 ? d->failures : 6);
    wr_queue_t failed, *q;
    uint32_t  random;

    wr_random_fast(&random, sizeof(random));
    ms = ms < PAUSE_MAX ? ms : PAUSE_MAX;
    ms = ms / 2 + (wr_msec_t) (random % (uint32_t) (ms / 2 + 1));
    d->next++;
    if (best_link(d) != NULL) {
        return;         /* only this link: the others go on */
    }
    d->failures++;
    wr_timer_set(&d->retry, ms);
    wr_queue_init(&failed);
    while ((q = wr_queue_first(&d->queued)) != NULL) {
        wr_queue_remove(q);
        wr_queue_push(&failed, q);
    }
    d->nqueued = 0;
    while ((q = wr_queue_first(&failed)) != NULL) {
        redis_end_cmd(WR_QUEUE_ITEM(q, cmd_t, link), NULL);
    }
    set_expiry(d);
}

void
redis_is_well(redis_t *d)
{
    if (d->failures != 0) {
        wr_log(&d->log, WR_LOG_NOTICE, 0, "redis %.*s: it is back", WR_ARG(d->name));
    }
    d->failures = 0;
    wr_timer_cancel(&d->retry);
    wr_post(&d->post);
}

cmd_t *
redis_send(redis_t *d, int argc, const wr_str_t *argv,
           void (*done)(void *data, const reply_t *reply), void *data)
{
    bool   forgotten = d->failures != 0 && wr_clock.mono - d->used >= FORGOTTEN;
    cmd_t *c;

    d->used = wr_clock.mono;
    if (forgotten) {
        d->failures = 0;        /* nobody has looked for long */
    }
    if (d->failures != 0 || d->nqueued >= MAX_QUEUE) {
        done(data, NULL);
        return NULL;
    }
    c = redis_cmd(d, argc, argv);
    if (c == NULL) {
        done(data, NULL);
        return NULL;
    }
    c->done = done;
    c->data = data;
    wr_queue_push(&d->queued, &c->link);
    if (d->nqueued++ == 0) {
        wr_post(&d->post);
    }
    return c;
}

/* ---- beginning and end ---- */

void
redis_queue_init(redis_t *d)
{
    wr_queue_init(&d->queued);
    wr_queue_init(&d->saving);
    d->post.fn = posted;
    d->expiry.fn = expired;
    d->retry.fn = try_again;
    for (int64_t i = 0; i < d->nlinks; i++) {
        link_init(&d->links[i], d);
    }
}

void
redis_queue_free(redis_t *d)
{
    cmd_t *c;

    wr_timer_cancel(&d->expiry);
    wr_timer_cancel(&d->retry);
    wr_unpost(&d->post);
    for (int64_t i = 0; i < d->nlinks; i++) {
        link_free(&d->links[i]);
    }
    while ((c = take_queued(d)) != NULL) {
        c->done = NULL;
        redis_end_cmd(c, NULL);
    }
}
