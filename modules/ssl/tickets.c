/*
 * Session tickets, by keys that all workers know.
 *
 * Without ssl_session_ticket_key they stand in a small zone, which lives on over reloads: a
 * new one is made each hour by whoever needs it first, the two before it still open tickets.
 * Where sessions last longer than two hours, keys do, too.
 */
#include "ssl.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <weir/os/random.h>
#include <weir/os/readfile.h>

enum { KEYS = 3, ROTATE_S = 3600, TICKET_ZONE = 8 * 4096 };

typedef struct ticket_keys {
    int64_t   made;             /* of the newest; 0: none yet */
    uint32_t  n;
    ssl_key_t keys[KEYS];       /* the newest first */
} ticket_keys_t;

/* Of a conf: after how many seconds the newest key of tickets is no longer that. */
typedef struct rotation {
    int64_t every;
} rotation_t;

static const char ticket_tag;
static wr_zone_t *ticket_zone;      /* of the conf that is being read; user: rotation_t */

/* ---- keys that all workers know ---- */

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
    const rotation_t    *r = z->user;

    wr_zone_lock(z);
    if (k->made == 0 || wr_clock.sec - k->made >= r->every || wr_clock.sec < k->made) {
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

/* ---- tickets ---- */

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
    const ssl_conf_t *conf = ssl_keeper_of(ssl);
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

wr_rc_t
ssl_tickets_prepare(wr_conf_t *cf)
{
    ticket_zone = wr_zone_add(cf, WR_STR("ssl session tickets"), TICKET_ZONE, &ticket_tag);
    if (ticket_zone == NULL) {
        return WR_ERROR;
    }
    ticket_zone->init = init_tickets;
    ticket_zone->user = WR_NEW(cf->pool, rotation_t);
    *(rotation_t *) ticket_zone->user = (rotation_t) {ROTATE_S};
    return WR_OK;
}

/* A ticket may be one of the second a key is replaced in, and is opened by two more: each
 * of them lasts half as long as sessions at least. */
static void
rotate_for(rotation_t *r, int64_t timeout)
{
    int64_t half = timeout / (KEYS - 1) + 1;

    r->every = half > r->every ? half : r->every;
}

void
ssl_tickets_use(SSL_CTX *ctx, ssl_conf_t *conf)
{
    conf->ticket_zone = ticket_zone;
    rotate_for(ticket_zone->user, conf->timeout);
    if (!conf->tickets || SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, on_ticket) == 0) {
        SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
    }
}
