/*
 * session: replies of Redis as hiredis' reader builds them. Sizes that the peer only
 * announces are never allocated: text comes here when it is complete, and an array
 * has a limit.
 */
#include "redis.h"

#include <stdlib.h>

enum { MAX_ITEMS = 1024 };

void
redis_free_reply(void *p)
{
    reply_t *r = p;

    if (r == NULL) {
        return;
    }
    for (long long i = 0; r->items != NULL && i < r->n; i++) {
        redis_free_reply(r->items[i]);
    }
    free(r->items);
    free(r);
}

static reply_t *
new_reply(const redisReadTask *task, const char *text, size_t n)
{
    reply_t *r = malloc(sizeof(*r) + n + 1);

    if (r == NULL) {
        return NULL;
    }
    *r = (reply_t) {.type = task->type, .text = wr_str((char *) (r + 1), n)};
    if (n != 0) {
        memcpy(r + 1, text, n);
    }
    if (task->parent != NULL) {
        reply_t *outer = task->parent->obj;

        outer->items[task->idx] = r;
    }
    return r;
}

static void *
make_string(const redisReadTask *task, char *text, size_t n)
{
    return new_reply(task, text, n);
}

static void *
make_array(const redisReadTask *task, int n)
{
    reply_t **items;
    reply_t  *r;

    if (n < 0 || n > MAX_ITEMS) {
        return NULL;
    }
    items = calloc((size_t) n + 1, sizeof(*items));
    r = items != NULL ? new_reply(task, NULL, 0) : NULL;
    if (r == NULL) {
        free(items);
        return NULL;
    }
    r->n = n;
    r->items = items;
    return r;
}

static void *
make_integer(const redisReadTask *task, long long n)
{
    reply_t *r = new_reply(task, NULL, 0);

    if (r != NULL) {
        r->n = n;
    }
    return r;
}

/* The task still has the type of what is missing. */
static void *
make_nil(const redisReadTask *task)
{
    reply_t *r = new_reply(task, NULL, 0);

    if (r != NULL) {
        r->type = REDIS_REPLY_NIL;
    }
    return r;
}

redisReplyObjectFunctions redis_functions = {make_string, make_array, make_integer,
                                             make_nil, redis_free_reply};
