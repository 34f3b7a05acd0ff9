/*
 * Resumption: what becomes of sessions, those in shared memory among them. tickets.c has
 * what clients keep.
 */
#include "ssl.h"

#include <weir/http/keyed.h>

enum { MAX_SESSION = 8192, SMALLEST_ZONE = 8 * 4096 };

typedef struct stored {
    int64_t  until;
    uint32_t n;
    char     der[];
} stored_t;

static const char cache_tag;
static int        conf_index = -1;

static const ssl_conf_t *
conf_of_context(SSL_CTX *ctx)
{
    return SSL_CTX_get_ex_data(ctx, conf_index);
}

const ssl_conf_t *
ssl_keeper_of(const SSL *ssl)
{
    const wr_endpoint_t *e = wr_tls_of(ssl)->endpoint;

    return ssl_conf_of(e->default_server);
}

/* ---- sessions ---- */

static void
drop_expired(wr_zone_t *z)
{
    for (int i = 0; i < 2; i++) {
        stored_t *s = wr_keyed_oldest(z->data);

        if (s == NULL || s->until > wr_clock.sec) {
            return;
        }
        wr_keyed_remove(z, s);
    }
}

static int
on_new_session(SSL *ssl, SSL_SESSION *session)
{
    const ssl_conf_t *conf = ssl_keeper_of(ssl);
    unsigned char     der[MAX_SESSION], *p = der;
    const unsigned char *id;
    unsigned          id_n;
    int               n;
    stored_t         *s;
    wr_str_t          key;

    /* With tickets the client keeps a session of TLS 1.3 itself. */
    if (conf->zone == NULL
        || (SSL_version(ssl) == TLS1_3_VERSION
            && (SSL_get_options(ssl) & SSL_OP_NO_TICKET) == 0))
    {
        return 0;
    }
    n = i2d_SSL_SESSION(session, NULL);
    if (n <= 0 || n > MAX_SESSION) {
        return 0;
    }
    (void) i2d_SSL_SESSION(session, &p);
    id = SSL_SESSION_get_id(session, &id_n);
    key = wr_str((const char *) id, id_n);
    wr_zone_lock(conf->zone);
    drop_expired(conf->zone);
    s = wr_keyed_find(conf->zone->data, key);
    if (s != NULL) {
        wr_keyed_remove(conf->zone, s);
    }
    s = wr_keyed_add(conf->zone, key, sizeof(*s) + (size_t) n);
    if (s == NULL && wr_keyed_oldest(conf->zone->data) != NULL) {
        /* The oldest gives way. */
        wr_keyed_remove(conf->zone, wr_keyed_oldest(conf->zone->data));
        s = wr_keyed_add(conf->zone, key, sizeof(*s) + (size_t) n);
    }
    if (s != NULL) {
        s->until = wr_clock.sec + conf->timeout;
        s->n = (uint32_t) n;
        memcpy(s->der, der, (size_t) n);
    }
    wr_zone_unlock(conf->zone);
    OPENSSL_cleanse(der, (size_t) n);
    return 0;
}

static SSL_SESSION *
on_get_session(SSL *ssl, const unsigned char *id, int id_n, int *copy)
{
    const ssl_conf_t    *conf = ssl_keeper_of(ssl);
    unsigned char        der[MAX_SESSION];
    const unsigned char *p = der;
    SSL_SESSION         *session;
    uint32_t             n = 0;
    stored_t            *s;

    *copy = 0;
    if (conf->zone == NULL) {
        return NULL;
    }
    wr_zone_lock(conf->zone);
    s = wr_keyed_find(conf->zone->data, wr_str((const char *) id, (size_t) id_n));
    if (s != NULL && s->until > wr_clock.sec) {
        n = s->n;
        memcpy(der, s->der, n);
    } else if (s != NULL) {
        wr_keyed_remove(conf->zone, s);
    }
    wr_zone_unlock(conf->zone);
    if (n == 0) {
        return NULL;
    }
    session = d2i_SSL_SESSION(NULL, &p, (long) n);
    OPENSSL_cleanse(der, n);
    return session;
}

static void
on_remove_session(SSL_CTX *ctx, SSL_SESSION *session)
{
    const ssl_conf_t    *conf = conf_of_context(ctx);
    unsigned             n;
    const unsigned char *id = SSL_SESSION_get_id(session, &n);
    stored_t            *s;

    /* Contexts are also freed in the master, whose zones are gone then. */
    if (conf == NULL || conf->zone == NULL || conf->zone->memory == NULL) {
        return;
    }
    wr_zone_lock(conf->zone);
    s = wr_keyed_find(conf->zone->data, wr_str((const char *) id, n));
    if (s != NULL) {
        wr_keyed_remove(conf->zone, s);
    }
    wr_zone_unlock(conf->zone);
}

/* Of TLS 1.3: one is enough; none where it could not be used. */
static size_t
tickets_of(const ssl_conf_t *conf, const ssl_conf_t *keeper)
{
    return conf->tickets || keeper->cache == CACHE_OWN;
}

void
ssl_session_offer(SSL *ssl, const ssl_conf_t *conf)
{
    (void) SSL_set_num_tickets(ssl, tickets_of(conf, ssl_keeper_of(ssl)));
}

void
ssl_session_forget(SSL *ssl)
{
    SSL_CTX_remove_session(ssl_keeper_of(ssl)->ctx, SSL_get0_session(ssl));
}

/* ---- conf ---- */

wr_zone_t *
ssl_zone_of(wr_conf_t *cf, const wr_tok_t *tok, const char *what, const void *tag)
{
    wr_str_t rest = wr_str_skip(tok->text, 7);
    ssize_t  colon = wr_str_chr(rest, ':');
    int64_t  size;

    if (!wr_str_starts(tok->text, WR_STR("shared:")) || colon <= 0
        || !wr_parse_size(wr_str_skip(rest, (size_t) colon + 1), &size))
    {
        (void) wr_conf_fail(cf, tok, "invalid %s \"%.*s\"", what, WR_ARG(tok->text));
        return NULL;
    }
    if (size < SMALLEST_ZONE) {
        (void) wr_conf_fail(cf, tok, "%s \"%.*s\" is too small", what, WR_ARG(tok->text));
        return NULL;
    }
    return wr_zone_parse(cf, tok, rest, tag);
}

wr_rc_t
ssl_set_cache(wr_conf_t *cf, const wr_directive_t *d, void *c)
{
    ssl_conf_t *conf = c;

    (void) d;
    wr_scope_mark(cf, cf->scope, &WR_SELF->schema, offsetof(ssl_conf_t, builtin));
    wr_scope_mark(cf, cf->scope, &WR_SELF->schema, offsetof(ssl_conf_t, zone));
    conf->builtin = -1;
    conf->cache = CACHE_OWN;
    for (unsigned i = 1; i < cf->nargs; i++) {
        wr_str_t w = cf->args[i].text;

        if (wr_str_eqz(w, "off")) {
            conf->cache = CACHE_OFF;
        } else if (wr_str_eqz(w, "none")) {
            conf->cache = CACHE_NONE;
        } else if (wr_str_eqz(w, "builtin")) {
            conf->builtin = SSL_SESSION_CACHE_MAX_SIZE_DEFAULT;
        } else if (wr_str_starts(w, WR_STR("builtin:"))) {
            if (!wr_parse_int(wr_str_skip(w, 8), &conf->builtin) || conf->builtin > INT32_MAX) {
                return wr_conf_fail(cf, &cf->args[i], "invalid session cache \"%.*s\"",
                                    WR_ARG(w));
            }
        } else if (wr_str_starts(w, WR_STR("shared:"))) {
            conf->zone = ssl_zone_of(cf, &cf->args[i], "session cache", &cache_tag);
            if (conf->zone == NULL) {
                return WR_ERROR;
            }
        } else {
            return wr_conf_fail(cf, &cf->args[i], "invalid session cache \"%.*s\"",
                                WR_ARG(w));
        }
    }
    return WR_OK;
}

void
ssl_sessions_prepare(void)
{
    if (conf_index < 0) {
        conf_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, NULL);
    }
}

void
ssl_sessions_use(SSL_CTX *ctx, ssl_conf_t *conf)
{
    long mode = SSL_SESS_CACHE_SERVER;

    (void) SSL_CTX_set_ex_data(ctx, conf_index, conf);
    SSL_CTX_set_timeout(ctx, (long) conf->timeout);
    SSL_CTX_set_num_tickets(ctx, tickets_of(conf, conf));
    ssl_tickets_use(ctx, conf);
    switch (conf->cache) {
    case CACHE_OFF:
        SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
        return;
    case CACHE_NONE:
        /* Clients are told that they may resume, but nothing is kept. */
        SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_SERVER
                                                | SSL_SESS_CACHE_NO_INTERNAL_LOOKUP
                                                | SSL_SESS_CACHE_NO_INTERNAL_STORE);
        return;
    default:
        break;
    }
    if (conf->builtin < 0) {
        mode |= SSL_SESS_CACHE_NO_INTERNAL;
    } else if (conf->builtin != SSL_SESSION_CACHE_MAX_SIZE_DEFAULT) {
        SSL_CTX_sess_set_cache_size(ctx, (long) conf->builtin);
    }
    SSL_CTX_set_session_cache_mode(ctx, mode);
    if (conf->zone != NULL) {
        SSL_CTX_sess_set_new_cb(ctx, on_new_session);
        SSL_CTX_sess_set_get_cb(ctx, on_get_session);
        SSL_CTX_sess_set_remove_cb(ctx, on_remove_session);
    }
}
