/*
 * limit_conn: how many requests with the same key may be under way at once, over
 * all workers. A request is counted once and till its end.
 */
#include <weir/http/keyed.h>
#include <weir/http/request.h>

/* What belongs to a zone of shared memory. */
typedef struct zone {
    wr_cv_t key;
} zone_t;

typedef struct limit {
    wr_zone_t *zone;            /* its user: zone_t */
    int64_t    max;
} limit_t;

typedef struct conf {
    wr_array_t limits;          /* limit_t */
    int        level;
    int64_t    status;
    bool       dry_run;
} conf_t;

/* The record in shared memory. */
typedef struct record {
    uint32_t n;
} record_t;

/* One count that a request holds. */
typedef struct held {
    wr_zone_t *zone;
    record_t  *record;
} held_t;

enum { NOT_ASKED = 0, PASSED, REJECTED, REJECTED_DRY_RUN };

static void
give_back(void *data)
{
    held_t *h = data;

    wr_zone_lock(h->zone);
    if (--h->record->n == 0) {
        wr_keyed_remove(h->zone, h->record);
    }
    wr_zone_unlock(h->zone);
}

/* Counts the request. WR_LIMIT: there are too many, or the zone is full. */
static wr_rc_t
count(wr_req_t *r, const limit_t *l, wr_str_t key)
{
    wr_zone_t *z = l->zone;
    record_t  *record;
    wr_rc_t    rc = WR_OK;
    held_t    *h;

    wr_zone_lock(z);
    record = wr_keyed_find(z->data, key);
    if (record == NULL) {
        record = wr_keyed_add(z, key, sizeof(*record));
    }
    if (record == NULL || record->n >= (uint64_t) l->max) {
        rc = WR_LIMIT;
    } else {
        record->n++;
    }
    wr_zone_unlock(z);
    if (rc != WR_OK) {
        return rc;
    }
    h = WR_NEW(wr_pool(r), held_t);
    *h = (held_t) {z, record};
    wr_pool_on_free(wr_pool(r), give_back, h);
    return WR_OK;
}

static uint8_t *
outcome(wr_req_t *r)
{
    return &r->main->limit_conn_status;
}

static wr_rc_t
reject(wr_req_t *r, const conf_t *conf, const limit_t *l)
{
    wr_log(&r->log, (wr_level_t) conf->level, 0,
           "limiting connections%s by zone \"%.*s\"",
           conf->dry_run ? ", dry run," : "", WR_ARG(l->zone->name));
    if (conf->dry_run) {
        *outcome(r) = REJECTED_DRY_RUN;
        return WR_DECLINED;
    }
    *outcome(r) = REJECTED;
    return wr_fail(r, (unsigned) conf->status);
}

static wr_rc_t
limit(wr_req_t *r, void *state)
{
    const conf_t *conf = wr_conf(r);

    (void) state;
    if (*outcome(r) != NOT_ASKED) {
        return WR_DECLINED;
    }
    for (WR_EACH(limit_t, l, &conf->limits)) {
        const zone_t *zone = l->zone->user;
        wr_str_t      key;

        if (wr_cv_eval(r, &zone->key, &key) != WR_OK) {
            return wr_fail(r, 500);
        }
        if (key.n == 0) {
            continue;
        }
        if (key.n > 65535) {
            wr_log(&r->log, WR_LOG_ERR, 0,
                   "the value of the \"%.*s\" key is more than 65535 bytes: \"%.*s\"",
                   WR_ARG(zone->key.text), WR_ARG(key));
            continue;
        }
        *outcome(r) = PASSED;
        if (count(r, l, key) != WR_OK) {
            return reject(r, conf, l);
        }
    }
    return WR_DECLINED;
}

static wr_rc_t
get_status(wr_req_t *r, const wr_var_t *v, wr_str_t *value)
{
    static const wr_str_t names[] = {
        WR_STR_INIT(""), WR_STR_INIT("PASSED"), WR_STR_INIT("REJECTED"),
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

static wr_rc_t
set_zone(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    const wr_tok_t *arg = &cf->args[2];
    zone_t         *zone = WR_NEW(cf->pool, zone_t);
    wr_zone_t      *z;

    (void) d;
    (void) conf;
    if (wr_cv_compile(cf, &cf->args[1], &zone->key) != WR_OK) {
        return WR_ERROR;
    }
    if (!wr_str_starts(arg->text, WR_STR("zone="))) {
        return wr_conf_fail(cf, arg, "invalid parameter \"%.*s\"", WR_ARG(arg->text));
    }
    z = wr_zone_parse(cf, arg, wr_str_skip(arg->text, 5), &tag);
    if (z == NULL) {
        return WR_ERROR;
    }
    if (z->user != NULL) {
        return wr_conf_fail(cf, arg, "limit_conn_zone \"%.*s\" is already bound to key "
                                     "\"%.*s\"",
                            WR_ARG(z->name),
                            WR_ARG(((zone_t *) z->user)->key.text));
    }
    z->user = zone;
    return WR_OK;
}

static wr_rc_t
set_limit(wr_conf_t *cf, const wr_directive_t *d, void *c)
{
    conf_t    *conf = c;
    wr_zone_t *z = wr_zone_add(cf, cf->args[1].text, 0, &tag);
    limit_t   *l;
    int64_t    max;

    (void) d;
    if (z == NULL) {
        return WR_ERROR;
    }
    if (conf->limits.size == 0) {
        conf->limits = wr_array(cf->pool, sizeof(limit_t));
    }
    for (WR_EACH(limit_t, other, &conf->limits)) {
        if (other->zone == z) {
            return wr_conf_fail(cf, NULL, "\"limit_conn\" directive is duplicate");
        }
    }
    if (!wr_parse_int(cf->args[2].text, &max) || max < 1) {
        return wr_conf_fail(cf, &cf->args[2], "invalid number of connections \"%.*s\"",
                            WR_ARG(cf->args[2].text));
    }
    if (max > 65535) {
        return wr_conf_fail(cf, &cf->args[2],
                            "connection limit must be less 65536");
    }
    l = WR_PUSH(&conf->limits, limit_t);
    *l = (limit_t) {z, max};
    return WR_OK;
}

static wr_rc_t
check(wr_conf_t *cf, wr_scope_t *scope, void *c, const void *outer)
{
    conf_t *conf = c;

    (void) scope;
    (void) outer;
    for (WR_EACH(limit_t, l, &conf->limits)) {
        if (wr_zone_declared(cf, l->zone) != WR_OK) {
            return WR_ERROR;
        }
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
    {"limit_conn_status", get_status, NULL, 0, WR_VAR_NOCACHE,
     "PASSED, REJECTED or REJECTED_DRY_RUN"},
    {.name = NULL}
};

WR_MODULE(limit_conn,
    .doc = "How many requests with the same key may be under way",
    .schema.directives = (const wr_directive_t[]) {
        WR_ACTION("limit_conn_zone", WR_HTTP, 2, 2, set_zone,
                  "Shared memory that counts requests under way by this key; requests with an "
                  "empty key are not counted.", .flags = WR_DF_REPEAT,
                  .args = "key zone=name:size",
                  .example = "limit_conn_zone $binary_remote_addr zone=addr:10m;"),
        WR_CUSTOM("limit_conn", WR_ANY, 2, 2, set_limit, conf_t, limits,
                  "So many requests with the same key at once; further ones are refused with "
                  "limit_conn_status. Several limits all hold.",
                  .flags = WR_DF_REPEAT, .args = "zone number",
                  .example = "limit_conn addr 10;"),
        WR_ENUM("limit_conn_log_level", WR_ANY, conf_t, level, wr_limit_levels, "error",
                "At what level a refusal is logged.",
                .example = "limit_conn_log_level warn;"),
        WR_INT("limit_conn_status", WR_ANY, conf_t, status, "503",
               "The status of a refusal.", .extra = &(wr_bounds_t) {400, 599},
               .example = "limit_conn_status 429;"),
        WR_FLAG("limit_conn_dry_run", WR_ANY, conf_t, dry_run, "off",
                "Only log what would be refused.",
                .example = "limit_conn_dry_run on;"),
        WR_END
    },
    .schema.size = sizeof(conf_t),
    .schema.check = check,
    .variables = variables,
    .http = &(const wr_http_tables_t) {
        .hooks = (const wr_hook_t[]) {
            {.mw = {.name = "limit_conn", .before = limit},
             .rank = WR_RANK_LIMIT, .order = 40, .wanted = wanted},
            {.mw = {.name = NULL}}
        },
    });
