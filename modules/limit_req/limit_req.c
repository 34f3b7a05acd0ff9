/*
 * limit_req: how many requests a second with the same key pass, over all workers.
 * What comes faster waits, up to `burst`; what comes faster still is refused.
 *
 * Of several limits the strictest counts: the request is put into all of them
 * only when none refuses it.
 */
#include <weir/http/keyed.h>
#include <weir/http/request.h>
#include "bucket.h"

typedef struct zone {
    wr_zone_t *zone;
    wr_cv_t    key;
    int64_t    rate;            /* thousandths of a request a second */
} zone_t;

typedef struct limit {
    wr_zone_t *shared;          /* its user is the zone … */
    zone_t    *zone;            /* … which stands here after check */
    int64_t    burst;           /* thousandths */
    int64_t    delay;           /* from here on requests wait */
} limit_t;

typedef struct conf {
    wr_array_t limits;          /* limit_t */
    int        level;
    int64_t    status;
    bool       dry_run;
} conf_t;

/* In shared memory. */
typedef struct record {
    bucket_t bucket;
    uint32_t users;             /* requests that are just being judged by it */
} record_t;

enum { NOT_ASKED = 0, PASSED, DELAYED, REJECTED, DELAYED_DRY_RUN, REJECTED_DRY_RUN };

enum { MAX_LIMITS = 16, IDLE_MS = 60 * 1000 };

static uint8_t *
outcome(wr_req_t *r)
{
    return &r->main->limit_req_status;
}

/* ---- records ---- */

/* Frees up to three that are idle and empty; with `force` the oldest at any rate. */
static void
expire(zone_t *z, bool force)
{
    wr_keyed_t *t = z->zone->data;

    for (unsigned i = 0; i < 3; i++) {
        record_t *old = wr_keyed_oldest(t);
        wr_msec_t passed;

        if (old == NULL || old->users != 0) {
            return;
        }
        if (!(force && i == 0)) {
            if (wr_clock.mono - old->bucket.last < IDLE_MS
                || bucket_excess(&old->bucket, z->rate, wr_clock.mono, &passed) > 1000)
            {
                return;
            }
        }
        wr_keyed_remove(z->zone, old);
    }
}

static record_t *
add(wr_req_t *r, zone_t *z, wr_str_t key)
{
    record_t *record;

    expire(z, false);
    record = wr_keyed_add(z->zone, key, sizeof(*record));
    if (record == NULL) {
        expire(z, true);
        record = wr_keyed_add(z->zone, key, sizeof(*record));
    }
    if (record == NULL) {
        wr_log(&r->log, WR_LOG_ALERT, 0, "could not allocate node in zone \"%.*s\"",
               WR_ARG(z->zone->name));
        return NULL;
    }
    record->bucket.last = wr_clock.mono;
    return record;
}

/* ---- judging ---- */

typedef struct verdict {
    record_t      *records[MAX_LIMITS];
    const limit_t *limit;       /* the strictest */
    int64_t        excess;
} verdict_t;

/* WR_OK: there is room, and the record is held. WR_LIMIT: there is none. */
static wr_rc_t
look(wr_req_t *r, const limit_t *l, wr_str_t key, record_t **held, int64_t *excess)
{
    zone_t   *z = l->zone;
    record_t *record;
    wr_msec_t passed;
    wr_rc_t   rc = WR_OK;

    wr_zone_lock(z->zone);
    record = wr_keyed_find(z->zone->data, key);
    *excess = 0;
    if (record != NULL) {
        *excess = bucket_excess(&record->bucket, z->rate, wr_clock.mono, &passed);
        if (*excess > l->burst) {
            rc = WR_LIMIT;
        }
    } else {
        record = add(r, z, key);
        if (record == NULL) {
            rc = WR_ERROR;
        } else {
            record->bucket.excess = -1000;      /* this request is put in later */
        }
    }
    if (rc == WR_OK) {
        record->users++;
        *held = record;
    }
    wr_zone_unlock(z->zone);
    return rc;
}

static void
let_go(const conf_t *conf, verdict_t *v)
{
    const limit_t *limits = conf->limits.items;

    for (unsigned i = 0; i < conf->limits.n; i++) {
        if (v->records[i] != NULL) {
            wr_zone_lock(limits[i].zone->zone);
            v->records[i]->users--;
            wr_zone_unlock(limits[i].zone->zone);
        }
    }
}

/* Puts the request into all of its buckets; how long it has to wait. */
static wr_msec_t
put_in(const conf_t *conf, verdict_t *v)
{
    const limit_t *limits = conf->limits.items;
    wr_msec_t      wait = 0;

    for (unsigned i = 0; i < conf->limits.n; i++) {
        record_t *record = v->records[i];
        zone_t   *z = limits[i].zone;
        int64_t   excess;
        wr_msec_t passed, ms;

        if (record == NULL) {
            continue;
        }
        wr_zone_lock(z->zone);
        excess = bucket_excess(&record->bucket, z->rate, wr_clock.mono, &passed);
        bucket_put(&record->bucket, excess, passed, wr_clock.mono);
        record->users--;
        wr_zone_unlock(z->zone);
        if (excess <= limits[i].delay) {
            continue;
        }
        ms = (excess - limits[i].delay) * 1000 / z->rate;
        if (ms > wait) {
            wait = ms;
            v->excess = excess;
            v->limit = &limits[i];
        }
    }
    return wait;
}

static wr_rc_t
judge(wr_req_t *r, const conf_t *conf, verdict_t *v, bool *any)
{
    const limit_t *limits = conf->limits.items;

    for (unsigned i = 0; i < conf->limits.n; i++) {
        const limit_t *l = &limits[i];
        wr_str_t       key;
        wr_rc_t        rc;

        if (wr_cv_eval(r, &l->zone->key, &key) != WR_OK) {
            return WR_ERROR;
        }
        if (key.n == 0) {
            continue;
        }
        if (key.n > 65535) {
            wr_log(&r->log, WR_LOG_ERR, 0,
                   "the value of the \"%.*s\" key is more than 65535 bytes: \"%.*s\"",
                   WR_ARG(l->zone->key.text), WR_ARG(key));
            continue;
        }
        *any = true;
        rc = look(r, l, key, &v->records[i], &v->excess);
        if (rc != WR_OK) {
            v->limit = l;
            return rc;
        }
    }
    return WR_OK;
}

static wr_rc_t
reject(wr_req_t *r, const conf_t *conf, const verdict_t *v, wr_rc_t why)
{
    if (why == WR_LIMIT) {
        wr_log(&r->log, (wr_level_t) conf->level, 0,
               "limiting requests%s, excess: %" PRId64 ".%03d by zone \"%.*s\"",
               conf->dry_run ? ", dry run" : "", v->excess / 1000,
               (int) (v->excess % 1000), WR_ARG(v->limit->zone->zone->name));
    }
    if (conf->dry_run) {
        *outcome(r) = REJECTED_DRY_RUN;
        return WR_DECLINED;
    }
    *outcome(r) = REJECTED;
    return wr_fail(r, (unsigned) conf->status);
}

static wr_rc_t
waited(wr_req_t *r, void *state)
{
    wr_sleep_t *s = state;

    (void) r;
    return s->op.rc < 0 ? s->op.rc : WR_DECLINED;
}

static wr_rc_t
limit(wr_req_t *r, void *state)
{
    const conf_t *conf = wr_conf(r);
    verdict_t     v = {.limit = NULL};
    bool          any = false;
    wr_msec_t     wait;
    wr_level_t    level = (wr_level_t) conf->level;
    wr_rc_t       rc;

    if (*outcome(r) != NOT_ASKED) {
        return WR_DECLINED;
    }
    rc = judge(r, conf, &v, &any);
    if (rc != WR_OK) {
        let_go(conf, &v);
        return reject(r, conf, &v, rc);
    }
    if (!any) {
        return WR_DECLINED;
    }
    wait = put_in(conf, &v);
    if (wait == 0) {
        *outcome(r) = PASSED;
        return WR_DECLINED;
    }
    if (level < WR_LOG_INFO) {
        level++;
    }
    wr_log(&r->log, level, 0,
           "delaying request%s, excess: %" PRId64 ".%03d, by zone \"%.*s\"",
           conf->dry_run ? ", dry run" : "", v.excess / 1000, (int) (v.excess % 1000),
           WR_ARG(v.limit->zone->zone->name));
    if (conf->dry_run) {
        *outcome(r) = DELAYED_DRY_RUN;
        return WR_DECLINED;
    }
    *outcome(r) = DELAYED;
    wr_sleep_start(state, wait);
    return wr_await(r, &((wr_sleep_t *) state)->op, waited);
}

static wr_rc_t
get_status(wr_req_t *r, const wr_var_t *v, wr_str_t *value)
{
    static const wr_str_t names[] = {
        WR_STR_INIT(""), WR_STR_INIT("PASSED"), WR_STR_INIT("DELAYED"),
        WR_STR_INIT("REJECTED"), WR_STR_INIT("DELAYED_DRY_RUN"),
        WR_STR_INIT("REJECTED_DRY_RUN")};

    (void) v;
    if (*outcome(r) == NOT_ASKED) {
        return WR_NOTFOUND;
    }
    *value = names[*outcome(r)];
    return WR_OK;
}

/* ---- conf ---- */

static const char tag;

/* "10r/s", "30r/m" → thousandths a second */
static bool
parse_rate(wr_str_t s, int64_t *rate)
{
    int64_t scale = 1;

    if (wr_str_ends(s, WR_STR("r/m"))) {
        scale = 60;
    } else if (!wr_str_ends(s, WR_STR("r/s"))) {
        return false;
    }
    if (!wr_parse_int(wr_str_sub(s, 0, s.n - 3), rate) || *rate <= 0
        || *rate > INT64_MAX / 1000000)
    {
        return false;
    }
    *rate = *rate * 1000 / scale;
    return *rate > 0;
}

static wr_rc_t
set_zone(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    zone_t         *zone = WR_NEW(cf->pool, zone_t);
    const wr_tok_t *named = NULL;

    (void) d;
    (void) conf;
    zone->rate = 1;
    if (wr_cv_compile(cf, &cf->args[1], &zone->key) != WR_OK) {
        return WR_ERROR;
    }
    for (unsigned i = 2; i < cf->nargs; i++) {
        const wr_tok_t *arg = &cf->args[i];

        if (wr_str_starts(arg->text, WR_STR("zone="))) {
            named = arg;
            zone->zone = wr_zone_parse(cf, arg, wr_str_skip(arg->text, 5), &tag);
            if (zone->zone == NULL) {
                return WR_ERROR;
            }
        } else if (wr_str_starts(arg->text, WR_STR("rate="))) {
            if (!parse_rate(wr_str_skip(arg->text, 5), &zone->rate)) {
                return wr_conf_fail(cf, arg, "invalid rate \"%.*s\"", WR_ARG(arg->text));
            }
        } else {
            return wr_conf_fail(cf, arg, "invalid parameter \"%.*s\"",
                                WR_ARG(arg->text));
        }
    }
    if (named == NULL) {
        return wr_conf_fail(cf, NULL, "\"limit_req_zone\" must have \"zone\" parameter");
    }
    if (zone->zone->user != NULL) {
        return wr_conf_fail(cf, named, "limit_req_zone \"%.*s\" is already bound to key "
                                       "\"%.*s\"",
                            WR_ARG(zone->zone->name),
                            WR_ARG(((zone_t *) zone->zone->user)->key.text));
    }
    zone->zone->user = zone;
    return WR_OK;
}

static wr_rc_t
limit_option(wr_conf_t *cf, const wr_tok_t *arg, limit_t *l, wr_zone_t **z)
{
    wr_str_t s = arg->text;
    int64_t  n;

    if (wr_str_starts(s, WR_STR("zone="))) {
        *z = wr_zone_add(cf, wr_str_skip(s, 5), 0, &tag);
        return *z != NULL ? WR_OK : WR_ERROR;
    }
    if (wr_str_starts(s, WR_STR("burst="))) {
        if (!wr_parse_int(wr_str_skip(s, 6), &n) || n <= 0 || n > INT32_MAX) {
            return wr_conf_fail(cf, arg, "invalid burst value \"%.*s\"", WR_ARG(s));
        }
        l->burst = n * 1000;
        return WR_OK;
    }
    if (wr_str_starts(s, WR_STR("delay="))) {
        if (!wr_parse_int(wr_str_skip(s, 6), &n) || n <= 0 || n > INT32_MAX) {
            return wr_conf_fail(cf, arg, "invalid delay value \"%.*s\"", WR_ARG(s));
        }
        l->delay = n * 1000;
        return WR_OK;
    }
    if (wr_str_eqz(s, "nodelay")) {
        l->delay = INT64_MAX / 2;
        return WR_OK;
    }
    return wr_conf_fail(cf, arg, "invalid parameter \"%.*s\"", WR_ARG(s));
}

static wr_rc_t
set_limit(wr_conf_t *cf, const wr_directive_t *d, void *c)
{
    conf_t    *conf = c;
    limit_t    l = {0};
    wr_zone_t *z = NULL;

    (void) d;
    for (unsigned i = 1; i < cf->nargs; i++) {
        if (limit_option(cf, &cf->args[i], &l, &z) != WR_OK) {
            return WR_ERROR;
        }
    }
    if (z == NULL) {
        return wr_conf_fail(cf, NULL, "\"limit_req\" must have \"zone\" parameter");
    }
    if (conf->limits.size == 0) {
        conf->limits = wr_array(cf->pool, sizeof(limit_t));
    }
    for (WR_EACH(limit_t, other, &conf->limits)) {
        if (other->shared == z) {
            return wr_conf_fail(cf, NULL, "\"limit_req\" directive is duplicate");
        }
    }
    if (conf->limits.n == MAX_LIMITS) {
        return wr_conf_fail(cf, NULL, "there are more than %d limit_req", MAX_LIMITS);
    }
    l.shared = z;
    *WR_PUSH(&conf->limits, limit_t) = l;
    return WR_OK;
}

static wr_rc_t
check(wr_conf_t *cf, wr_scope_t *scope, void *c, const void *outer)
{
    conf_t *conf = c;

    (void) scope;
    (void) outer;
    for (WR_EACH(limit_t, l, &conf->limits)) {
        if (wr_zone_declared(cf, l->shared) != WR_OK) {
            return WR_ERROR;
        }
        l->zone = l->shared->user;
    }
    return WR_OK;
}

static bool
wanted(wr_scope_t *scope, const void *own, const void **conf)
{
    (void) scope;
    *conf = own;
    return own != NULL && ((const conf_t *) own)->limits.n != 0;
}

static const wr_var_row_t variables[] = {
    {"limit_req_status", get_status, NULL, 0, WR_VAR_NOCACHE,
     "PASSED, DELAYED, REJECTED, DELAYED_DRY_RUN or REJECTED_DRY_RUN"},
    {.name = NULL}
};

WR_MODULE(limit_req,
    .doc = "How many requests a second with the same key pass",
    .schema.directives = (const wr_directive_t[]) {
        WR_ACTION("limit_req_zone", WR_HTTP, 3, 3, set_zone,
                  "Shared memory that knows the requests of each key, and their rate: r/s per "
                  "second, r/m per minute.",
                  .flags = WR_DF_REPEAT, .args = "key zone=name:size rate=Nr/s | Nr/m",
                  .example = "limit_req_zone $binary_remote_addr zone=one:10m rate=5r/s;"),
        WR_CUSTOM("limit_req", WR_ANY, 1, 3, set_limit, conf_t, limits,
                  "Requests above the zone's rate wait, up to burst (0) of them; more are "
                  "refused with limit_req_status. `nodelay`: those of the burst do not wait; "
                  "`delay=N`: the first N do not.",
                  .flags = WR_DF_REPEAT,
                  .args = "zone=name [burst=number] [nodelay | delay=number]",
                  .example = "limit_req zone=one burst=20 nodelay;"),
        WR_ENUM("limit_req_log_level", WR_ANY, conf_t, level, wr_limit_levels, "error",
                "At what level a refusal is logged; a delay is one lower.",
                .example = "limit_req_log_level warn;"),
        WR_INT("limit_req_status", WR_ANY, conf_t, status, "503",
               "The status of a refusal.", .extra = &(wr_bounds_t) {400, 599},
               .example = "limit_req_status 429;"),
        WR_FLAG("limit_req_dry_run", WR_ANY, conf_t, dry_run, "off",
                "Only log what would be refused or delayed.",
                .example = "limit_req_dry_run on;"),
        WR_END
    },
    .schema.size = sizeof(conf_t),
    .schema.check = check,
    .variables = variables,
    .http = &(const wr_http_tables_t) {
        .hooks = (const wr_hook_t[]) {
            {.mw = {.name = "limit_req", .state_size = sizeof(wr_sleep_t),
                    .before = limit},
             .rank = WR_RANK_LIMIT, .order = 30, .wanted = wanted},
            {.mw = {.name = NULL}}
        },
    });
