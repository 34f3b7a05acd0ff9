/*
 * session: the store in Redis.
 *
 * A session is one text under COOKIENAME_ID. It is read by GETEX, which keeps it
 * alive as well, and changed by small scripts that compare and set. Updates of one
 * session by one worker wait for each other: the next one is told what the former
 * has saved, without asking Redis.
 */
#include "redis.h"

#include <openssl/evp.h>
#include <weir/base/hash.h>

typedef struct script {
    wr_str_t text;
    char     sha[41];       /* hexadecimal; made when first used */
} script_t;

static script_t update_script = {.text = WR_STR_INIT(
    "local v=redis.call('GET',KEYS[1]) "
    "if v~=ARGV[1] then return v end "
    "redis.call('SET',KEYS[1],ARGV[2],'EX',ARGV[3]) "
    "return 1")};

/* A script that has run already, when it is sent again, finds the new key. */
static script_t rename_script = {.text = WR_STR_INIT(
    "local v=redis.call('GET',KEYS[1]) "
    "if v~=ARGV[1] then "
    "if not v and redis.call('GET',KEYS[2])==ARGV[2] then return 1 end "
    "return v end "
    "redis.call('SET',KEYS[2],ARGV[2],'EX',ARGV[3]) "
    "redis.call('DEL',KEYS[1]) "
    "return 1")};

static wr_str_t
ttl_of(const wr_session_job_t *j)
{
    char *text = wr_alloc_bytes(j->pool, 24);

    return wr_str(text, wr_put_uint(text, (uint64_t) j->ttl));
}

/* No reply, or an error that is no session's. */
static bool
failed(wr_session_job_t *j, const reply_t *r)
{
    const redis_t *d = j->store;

    if (r != NULL && r->type != REDIS_REPLY_ERROR) {
        return false;
    }
    if (r != NULL) {
        wr_log(j->log, WR_LOG_ERR, 0, "redis %.*s: %.*s", WR_ARG(d->name), WR_ARG(r->text));
    }
    return true;
}

static bool
is_error(const reply_t *r, const char *what)
{
    return r != NULL && r->type == REDIS_REPLY_ERROR
           && wr_str_starts(r->text, wr_str_z(what));
}

/* The request has gone: the reply is for nobody. */
static void
cancel(wr_op_t *op)
{
    wr_session_job_t *j = WR_CONTAINER(op, wr_session_job_t, op);
    cmd_t            *c = j->cmd;

    if (c != NULL) {
        c->done = NULL;
        j->cmd = NULL;
        wr_session_done(j, WR_SESSION_AWAY);
    }
}

static void
ask(wr_session_job_t *j, int argc, const wr_str_t *argv,
    void (*done)(void *data, const reply_t *r))
{
    cmd_t *c = redis_send(j->store, argc, argv, done, j);

    if (c != NULL) {
        j->cmd = c;
    }
}

/* ---- load ---- */

static void load(wr_session_job_t *j);

static void
loaded(void *data, const reply_t *r)
{
    wr_session_job_t *j = data;
    redis_t          *d = j->store;

    j->cmd = NULL;
    if (!d->no_getex && is_error(r, "ERR unknown command")) {
        d->no_getex = true;
        load(j);
    } else if (is_error(r, "WRONGTYPE")) {
        (void) failed(j, r);
        wr_session_done(j, WR_SESSION_GONE);
    } else if (failed(j, r)) {
        wr_session_done(j, WR_SESSION_AWAY);
    } else if (r->type == REDIS_REPLY_STRING) {
        j->text = wr_pool_str(j->pool, r->text);
        wr_session_done(j, WR_SESSION_DONE);
    } else {
        wr_session_done(j, WR_SESSION_GONE);
    }
}

static void
load(wr_session_job_t *j)
{
    const redis_t *d = j->store;

    j->op.cancel = cancel;
    if (d->no_getex) {
        ask(j, 2, (wr_str_t[]) {WR_STR("GET"), j->key}, loaded);
    } else {
        ask(j, 4, (wr_str_t[]) {WR_STR("GETEX"), j->key, WR_STR("EX"), ttl_of(j)}, loaded);
    }
}

/* ---- create, drop ---- */

static void
done(void *data, const reply_t *r)
{
    wr_session_job_t *j = data;

    j->cmd = NULL;
    wr_session_done(j, failed(j, r) ? WR_SESSION_AWAY : WR_SESSION_DONE);
}

/* The key is random: one that is there is our own, sent before. */
static void
create(wr_session_job_t *j)
{
    j->op.cancel = NULL;
    ask(j, 5, (wr_str_t[]) {WR_STR("SET"), j->key, j->text, WR_STR("EX"), ttl_of(j)},
        done);
}

static void
drop(wr_session_job_t *j)
{
    j->op.cancel = NULL;
    ask(j, 2, (wr_str_t[]) {WR_STR("DEL"), j->key}, done);
}

/* ---- scripts ---- */

static wr_str_t
sha_of(script_t *s)
{
    if (s->sha[0] == '\0') {
        unsigned char raw[EVP_MAX_MD_SIZE];
        unsigned      n = 0;

        WR_ASSERT(EVP_Digest(s->text.p, s->text.n, raw, &n, EVP_sha1(), NULL) == 1
                  && n == 20);
        for (unsigned i = 0; i < n; i++) {
            s->sha[i * 2] = "0123456789abcdef"[raw[i] >> 4];
            s->sha[i * 2 + 1] = "0123456789abcdef"[raw[i] & 15];
        }
    }
    return wr_str(s->sha, 40);
}

static void scripted(void *data, const reply_t *r);

static void
run(wr_session_job_t *j, bool whole)
{
    bool      renames = j->to.n != 0;
    script_t *s = renames ? &rename_script : &update_script;
    wr_str_t  how = whole ? WR_STR("EVAL") : WR_STR("EVALSHA");
    wr_str_t  what = whole ? s->text : sha_of(s);

    if (renames) {
        ask(j, 8, (wr_str_t[]) {how, what, WR_STR("2"), j->key, j->to, j->expect, j->text,
                                ttl_of(j)}, scripted);
    } else {
        ask(j, 7, (wr_str_t[]) {how, what, WR_STR("1"), j->key, j->expect, j->text,
                                ttl_of(j)}, scripted);
    }
}

/* ---- update, rename: one after the other ---- */

/* The first of this key that waits; *active: one is under way. */
static wr_session_job_t *
waiting(redis_t *d, const wr_session_job_t *of, bool *active)
{
    wr_session_job_t *first = NULL;

    *active = false;
    for (wr_queue_t *q = d->saving.next; q != &d->saving; q = q->next) {
        wr_session_job_t *j = WR_QUEUE_ITEM(q, wr_session_job_t, link);

        if (j->hash == of->hash && wr_str_eq(j->key, of->key)) {
            *active |= j->active;
            first = first == NULL && !j->active ? j : first;
        }
    }
    return first;
}

static void
saved(wr_session_job_t *j, wr_session_result_t result)
{
    redis_t            *d = j->store;
    wr_session_job_t    former = {.hash = j->hash}, *next;
    wr_buf_t            key = wr_buf(NULL), text = wr_buf(NULL);
    bool                active;
    wr_session_result_t others = result == WR_SESSION_DONE ? WR_SESSION_CONFLICT : result;

    wr_queue_remove(&j->link);
    j->active = false;
    if (result == WR_SESSION_DONE && j->to.n != 0) {
        others = WR_SESSION_GONE;       /* under the former key */
    }
    if (waiting(d, j, &active) == NULL) {
        wr_session_done(j, result);
        return;
    }
    /* j may be gone, or be active again, after this. */
    wr_buf_str(&key, j->key);
    wr_buf_str(&text, j->text);
    former.key = wr_buf_text(&key);
    wr_session_done(j, result);
    while ((next = waiting(d, &former, &active)) != NULL && !active) {
        wr_queue_remove(&next->link);
        if (others == WR_SESSION_CONFLICT) {
            next->text = wr_pool_str(next->pool, wr_buf_text(&text));
        }
        wr_session_done(next, others);
    }
    wr_buf_free(&key);
    wr_buf_free(&text);
}

static void
scripted(void *data, const reply_t *r)
{
    wr_session_job_t *j = data;
    cmd_t            *c = j->cmd;
    bool              again = c != NULL && c->again;

    j->cmd = NULL;
    if (is_error(r, "NOSCRIPT")) {
        run(j, true);
    } else if (failed(j, r)) {
        saved(j, WR_SESSION_AWAY);
    } else if (r->type == REDIS_REPLY_INTEGER
               || (again && r->type == REDIS_REPLY_STRING && wr_str_eq(r->text, j->text)))
    {
        /* Sent again, it may meet what it has done itself. */
        saved(j, WR_SESSION_DONE);
    } else if (r->type == REDIS_REPLY_STRING) {
        j->text = wr_pool_str(j->pool, r->text);
        saved(j, WR_SESSION_CONFLICT);
    } else {
        saved(j, WR_SESSION_GONE);
    }
}

static void
update(wr_session_job_t *j)
{
    redis_t *d = j->store;
    bool     active;

    j->op.cancel = NULL;
    j->hash = wr_hash(j->key.p, j->key.n);
    (void) waiting(d, j, &active);
    wr_queue_push(&d->saving, &j->link);
    if (!active) {
        j->active = true;
        run(j, false);
    }
}

#define STORE(variable, scheme)                                               \
    const wr_session_store_t variable = {                                     \
        .size = sizeof(variable),                                             \
        .name = scheme,                                                       \
        .open = redis_open,                                                   \
        .option = redis_option,                                               \
        .ready = redis_ready,                                                 \
        .load = load,                                                         \
        .create = create,                                                     \
        .update = update,                                                     \
        .rename = update,                                                     \
        .drop = drop,                                                         \
    }

STORE(session_redis, "redis");
STORE(session_rediss, "rediss");
STORE(session_sentinel, "redis-sentinel");
STORE(session_sentinels, "rediss-sentinel");
STORE(session_unix, "unix");
