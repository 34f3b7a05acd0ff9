/*
 * Resumption: sessions in shared memory, and tickets whose keys all workers know.
 *
 * Without ssl_session_ticket_key the keys stand in a small zone, which lives on
 * over reloads: a new one is made each hour by whoever needs it first, the two
 * before it still open tickets.
 */
#include "ssl.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <weir/http/keyed.h>
#include <weir/os/random.h>
#include <weir/os/readfile.h>

enum { KEYS = 3, ROTATE_S = 3600, MAX_SESSION = 8192, SMALLEST_ZONE = 8 * 4096,
       TICKET_ZONE = SMALLEST_ZONE };

typedef struct stored {
    int64_t  until;
    uint32_t n;
    char     der[];
} stored_t;

typedef struct ticket_keys {
    int64_t   made;             /* of the newest; 0: none yet */
    uint32_t  n;
    ssl_key_t keys[KEYS];       /* the newest first */
} ticket_keys_t;

static const char cache_tag, ticket_tag;
static wr_zone_t *ticket_zone;      /* of the conf that is being read */
static int        conf_index = -1;

static const ssl_conf_t *
conf_of_context(SSL_CTX *ctx)
{
    return SSL_CTX_get_ex_data(ctx, conf_index);
}

/* As in nginx, sessions and tickets are those of the address, which its default server
 * speaks for: a connection begins with its context, and SNI changes everything but that. */
static const ssl_conf_t *
keeper_of(const SSL *ssl)
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
    const ssl_conf_t *conf = keeper_of(ssl);
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
    const ssl_conf_t    *conf = keeper_of(ssl);
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
    (void) SSL_set_num_tickets(ssl, tickets_of(conf, keeper_of(ssl)));
}

void
ssl_session_forget(SSL *ssl)
{
    SSL_CTX_remove_session(keeper_of(ssl)->ctx, SSL_get0_session(ssl));
}

/* ---- tickets ---- */

static wr_rc_t
init_tickets(wr_zone_t *z, void *old)
{
    if (old != NULL) {
        z->data = old;
        return WR_OK;
    }
    z->data = wr_zone_alloc(z, sizeof(ticket_keys_t));
    if (z->data == NULL) {
        return WR_ERROR;
    }
    memset(z->data, 0, sizeof(ticket_keys_t));
    return WR_OK;
}

/* The keys as they are now, newest first; a new one is made when it is time. */
static const ticket_keys_t *
current_keys(wr_zone_t *z)
{
    static ticket_keys_t mine;
    ticket_keys_t       *k = z->data;

    wr_zone_lock(z);
    if (k->made == 0 || wr_clock.sec - k->made >= ROTATE_S || wr_clock.sec < k->made) {
        memmove(k->keys + 1, k->keys, sizeof(k->keys[0]) * (KEYS - 1));
        k->n += k->n < KEYS;
        memset(&k->keys[0], 0, sizeof(k->keys[0]));
        wr_random_bytes(k->keys[0].name, sizeof(k->keys[0].name));
        wr_random_bytes(k->keys[0].aes, sizeof(k->keys[0].aes));
        wr_random_bytes(k->keys[0].hmac, sizeof(k->keys[0].hmac));
        k->made = wr_clock.sec;
    }
    mine = *k;
    wr_zone_unlock(z);
    return &mine;
}

static bool
set_mac(EVP_MAC_CTX *mac, ssl_key_t *key)
{
    OSSL_PARAM p[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key->hmac,
                                          key->aes128 ? 16 : sizeof(key->hmac)),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *) (uintptr_t) "SHA256",
                                         0),
        OSSL_PARAM_construct_end()};

    return EVP_MAC_CTX_set_params(mac, p) == 1;
}

/* Fetched once: else each ticket would look for it among the providers. */
static const EVP_CIPHER *
cipher_of(const ssl_key_t *key)
{
    static EVP_CIPHER *ciphers[2];
    EVP_CIPHER       **c = &ciphers[key->aes128];

    if (*c == NULL) {
        *c = EVP_CIPHER_fetch(NULL, key->aes128 ? "AES-128-CBC" : "AES-256-CBC", NULL);
        WR_ASSERT(*c != NULL);
    }
    return *c;
}

static int
on_ticket(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
          EVP_MAC_CTX *mac, int encrypt)
{
    const ssl_conf_t *conf = keeper_of(ssl);
    ssl_key_t        *keys;
    unsigned          n;

    if (conf->ticket_keys.n != 0) {
        keys = conf->ticket_keys.items;
        n = conf->ticket_keys.n;
    } else {
        const ticket_keys_t *k = current_keys(conf->ticket_zone);

        keys = (ssl_key_t *) (uintptr_t) k->keys;
        n = k->n;
    }
    if (encrypt) {
        int size = EVP_CIPHER_get_iv_length(cipher_of(keys));

        if (RAND_bytes(iv, size) != 1
            || EVP_EncryptInit_ex(cipher, cipher_of(keys), NULL, keys->aes, iv) != 1
            || !set_mac(mac, keys))
        {
            return -1;
        }
        memcpy(name, keys->name, 16);
        return 1;
    }
    for (unsigned i = 0; i < n; i++) {
        if (memcmp(name, keys[i].name, 16) != 0) {
            continue;
        }
        if (!set_mac(mac, &keys[i])
            || EVP_DecryptInit_ex(cipher, cipher_of(&keys[i]), NULL, keys[i].aes, iv) != 1)
        {
            return -1;
        }
        /* TLS 1.3 gives a new ticket each time; else one of an older key. */
        return i != 0 || SSL_version(ssl) == TLS1_3_VERSION ? 2 : 1;
    }
    return 0;
}

/* ---- conf ---- */

wr_rc_t
ssl_set_ticket_key(wr_conf_t *cf, const wr_directive_t *d, void *c)
{
    ssl_conf_t *conf = c;

    (void) d;
    if (conf->ticket_files.pool == NULL) {
        conf->ticket_files = wr_array(cf->pool, sizeof(wr_tok_t));
    }
    *WR_PUSH(&conf->ticket_files, wr_tok_t) = cf->args[1];
    return WR_OK;
}

static wr_rc_t
read_ticket_key(wr_conf_t *cf, const wr_tok_t *tok, ssl_key_t *key)
{
    wr_str_t             path = wr_conf_file_path(cf, tok->text), text;
    const char          *call;
    const unsigned char *p;
    int                  err = wr_file_read(cf->temp, path.p, 4096, &text, &call);

    if (err != 0) {
        return wr_conf_fail_errno(cf, tok, err, "%s \"%.*s\" failed", call, WR_ARG(path));
    }
    if (text.n != 48 && text.n != 80) {
        return wr_conf_fail(cf, tok, "\"%.*s\" must be 48 or 80 bytes", WR_ARG(path));
    }
    p = (const unsigned char *) text.p;
    memcpy(key->name, p, 16);
    key->aes128 = text.n == 48;
    if (key->aes128) {
        memcpy(key->aes, p + 16, 16);
        memcpy(key->hmac, p + 32, 16);
    } else {
        memcpy(key->hmac, p + 16, 32);
        memcpy(key->aes, p + 48, 32);
    }
    return WR_OK;
}

wr_rc_t
ssl_load_ticket_keys(wr_conf_t *cf, ssl_conf_t *conf)
{
    conf->ticket_keys = wr_array(cf->pool, sizeof(ssl_key_t));
    for (WR_EACH(wr_tok_t, tok, &conf->ticket_files)) {
        if (read_ticket_key(cf, tok, WR_PUSH(&conf->ticket_keys, ssl_key_t)) != WR_OK) {
            return WR_ERROR;
        }
    }
    return WR_OK;
}

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

wr_rc_t
ssl_sessions_prepare(wr_conf_t *cf)
{
    if (conf_index < 0) {
        conf_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, NULL);
    }
    ticket_zone = wr_zone_add(cf, WR_STR("ssl session tickets"), TICKET_ZONE, &ticket_tag);
    if (ticket_zone == NULL) {
        return WR_ERROR;
    }
    ticket_zone->init = init_tickets;
    return WR_OK;
}

void
ssl_sessions_use(SSL_CTX *ctx, ssl_conf_t *conf)
{
    long mode = SSL_SESS_CACHE_SERVER;

    conf->ticket_zone = ticket_zone;
    (void) SSL_CTX_set_ex_data(ctx, conf_index, conf);
    SSL_CTX_set_timeout(ctx, (long) conf->timeout);
    SSL_CTX_set_num_tickets(ctx, tickets_of(conf, conf));
    if (!conf->tickets) {
        SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
    } else if (SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, on_ticket) == 0) {
        SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
    }
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
