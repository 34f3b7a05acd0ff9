/*
 * ssl_certificate_reload: certificates that were renewed are served without a
 * reload.
 *
 * The master looks at the files (workers may not read keys), and when a pair has
 * changed and fits together, puts it into a shared zone, of this reading of the conf
 * alone. Workers see its version grow and put the pair into their contexts, from
 * which only later handshakes take it. A pair that does not fit (one file is written,
 * the other not yet) is left for the next look.
 */
#include "ssl.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <sys/stat.h>

enum { WORKER_MS = 1000, MAX_PAIR = 64 * 1024 };

/* A pair of files, and what is known of it in this process. */
typedef struct watched {
    ssl_conf_t *conf;
    const char *cert, *key;
    struct stat seen[2];        /* the master's: of what is served or was refused */
    uint64_t    version;        /* the worker's: of what it serves */
} watched_t;

/* In the zone: one for each pair. DER, each behind its length: the certificate, its
 * chain, an empty one, the key. */
typedef struct slot {
    uint64_t       version;     /* 0: as the conf was read */
    size_t         n;
    unsigned char *bytes;
} slot_t;

typedef struct table {
    uint64_t version;
    slot_t   slots[];
} table_t;

typedef struct watch {
    wr_array_t  list;           /* watched_t; of the cycle's pool */
    wr_zone_t  *zone;
    wr_msec_t   every;          /* 0: off */
} watch_t;

static watch_t   *reading;      /* of the conf that is being read */
static watch_t   *current;      /* of the newest cycle; NULL before */
static wr_timer_t master_timer, worker_timer;
static const wr_cycle_t *looks_for;     /* whose certificates worker_timer is for */
static const char tag;

/* ---- bytes ---- */

static void
put(wr_buf_t *b, const unsigned char *p, int n)
{
    uint32_t size = n > 0 ? (uint32_t) n : 0;

    wr_buf_add(b, &size, sizeof(size));
    wr_buf_add(b, p, size);
}

static void
put_certificate(wr_buf_t *b, X509 *x)
{
    unsigned char *der = NULL;
    int            n = i2d_X509(x, &der);

    put(b, der, n);
    OPENSSL_free(der);
}

static void
put_pair(wr_buf_t *b, const wr_tls_pair_t *pair)
{
    unsigned char *der = NULL;
    int            n;

    put_certificate(b, pair->cert);
    for (int i = 0; i < sk_X509_num(pair->chain); i++) {
        put_certificate(b, sk_X509_value(pair->chain, i));
    }
    put(b, NULL, 0);
    n = i2d_PrivateKey(pair->key, &der);
    put(b, der, n);
    OPENSSL_clear_free(der, n > 0 ? (size_t) n : 0);
}

/* The next piece; an empty one at the end. */
static wr_str_t
take(wr_str_t *from)
{
    uint32_t n;
    wr_str_t piece;

    if (from->n < sizeof(n)) {
        return WR_STR_NONE;
    }
    memcpy(&n, from->p, sizeof(n));
    *from = wr_str_skip(*from, sizeof(n));
    piece = wr_str(from->p, wr_min_size(n, from->n));
    *from = wr_str_skip(*from, piece.n);
    return piece;
}

static X509 *
as_certificate(wr_str_t der)
{
    const unsigned char *p = (const unsigned char *) der.p;

    return d2i_X509(NULL, &p, (long) der.n);
}

static bool
take_pair(wr_str_t bytes, wr_tls_pair_t *pair)
{
    const unsigned char *p;
    wr_str_t             piece;

    *pair = (wr_tls_pair_t) {.cert = as_certificate(take(&bytes)), .chain = sk_X509_new_null()};
    while (pair->chain != NULL && (piece = take(&bytes)).n != 0) {
        X509 *x = as_certificate(piece);

        if (x == NULL || sk_X509_push(pair->chain, x) == 0) {
            X509_free(x);
            break;
        }
    }
    piece = take(&bytes);
    p = (const unsigned char *) piece.p;
    pair->key = d2i_AutoPrivateKey(NULL, &p, (long) piece.n);
    return pair->cert != NULL && pair->chain != NULL && pair->key != NULL;
}

/* ---- the master ---- */

static bool
same_file(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size
           && a->st_mtim.tv_sec == b->st_mtim.tv_sec
           && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static void
look(const watched_t *w, struct stat now[2])
{
    memset(now, 0, 2 * sizeof(now[0]));
    (void) stat(w->cert, &now[0]);
    (void) stat(w->key, &now[1]);
}

static void
publish(watched_t *w, unsigned index, const wr_tls_pair_t *pair)
{
    table_t *t = current->zone->data;
    slot_t  *s = &t->slots[index];
    wr_buf_t b = wr_buf(NULL);
    void    *bytes;

    put_pair(&b, pair);
    wr_zone_lock(current->zone);
    if (s->bytes != NULL) {
        OPENSSL_cleanse(s->bytes, s->n);
        wr_zone_free(current->zone, s->bytes);
        s->bytes = NULL;
    }
    bytes = wr_zone_alloc(current->zone, b.n);
    if (bytes != NULL) {
        memcpy(bytes, b.p, b.n);
        s->bytes = bytes;
        s->n = b.n;
        s->version = ++t->version;
    }
    wr_zone_unlock(current->zone);
    if (bytes == NULL) {
        wr_log(wr_cycle->log, WR_LOG_CRIT, 0, "certificate \"%s\" is too large to be renewed: "
               "reload instead", w->cert);
    } else {
        wr_log(wr_cycle->log, WR_LOG_NOTICE, 0, "certificate \"%s\" was renewed", w->cert);
    }
    OPENSSL_cleanse(b.p, b.n);
    wr_buf_free(&b);
}

static void
read_again(watched_t *w, unsigned index)
{
    wr_tls_pair_t  pair;
    wr_tls_fault_t e;

    if (!wr_tls_read_pair(&pair, &w->conf->passwords, w->cert, w->key, &e)) {
        wr_log(wr_cycle->log, WR_LOG_ERR, 0, "%s, the former one is kept", e.text);
        return;
    }
    if (X509_check_private_key(pair.cert, pair.key) != 1) {
        ERR_clear_error();
        wr_log(wr_cycle->log, WR_LOG_WARN, 0, "certificate \"%s\" and key \"%s\" do not fit "
               "together, the former ones are kept", w->cert, w->key);
    } else {
        publish(w, index, &pair);
    }
    wr_tls_free_pair(&pair);
}

static void
master_looks(wr_timer_t *t)
{
    unsigned i = 0;

    if (current == NULL || current->every == 0) {
        return;
    }
    for (WR_EACH(watched_t, w, &current->list)) {
        struct stat now[2];

        look(w, now);
        if (!same_file(&now[0], &w->seen[0]) || !same_file(&now[1], &w->seen[1])) {
            memcpy(w->seen, now, sizeof(now));
            read_again(w, i);
        }
        i++;
    }
    wr_timer_set(t, current->every);
}

/* The conf may still be refused: then the timer looks after those of the one before. */
wr_rc_t
ssl_renew_master(wr_conf_t *cf)
{
    (void) cf;
    if (reading->every != 0) {
        wr_timer_cancel(&master_timer);
        master_timer.fn = master_looks;
        wr_timer_set(&master_timer, reading->every);
    }
    return WR_OK;
}

/* ---- workers ---- */

static void
serve(watched_t *w, const wr_tls_pair_t *pair)
{
    SSL_CTX    *ctx = w->conf->ctx;
    wr_tls_fault_t e;
    X509       *old = NULL;
    int         type = EVP_PKEY_get_base_id(pair->key);

    for (int more = SSL_CTX_set_current_cert(ctx, SSL_CERT_SET_FIRST); more == 1;
         more = SSL_CTX_set_current_cert(ctx, SSL_CERT_SET_NEXT))
    {
        EVP_PKEY *key = SSL_CTX_get0_privatekey(ctx);

        if (key != NULL && EVP_PKEY_get_base_id(key) == type) {
            old = SSL_CTX_get0_certificate(ctx);
            break;
        }
    }
    ERR_clear_error();
    if (old == NULL) {
        wr_log(wr_cycle->log, WR_LOG_ERR, 0, "certificate \"%s\" has a key of another kind "
               "now: reload to serve it", w->cert);
        return;
    }
    X509_up_ref(old);
    if (wr_tls_use_pair(ctx, NULL, pair, w->cert, w->key, &e)) {
        ssl_expiry_renewed(wr_str_z(w->cert), pair->cert);
        ssl_staples_renewed(w->conf, old, pair);
    } else {
        wr_log(wr_cycle->log, WR_LOG_ALERT, 0, "%s", e.text);
    }
    X509_free(old);
}

static void
worker_looks(wr_timer_t *timer)
{
    const table_t *t = current->zone->data;
    unsigned       i = 0;

    for (WR_EACH(watched_t, w, &current->list)) {
        const slot_t *s = &t->slots[i++];
        wr_tls_pair_t    pair;
        bool          ok;

        if (s->version == w->version) {
            continue;
        }
        wr_zone_lock(current->zone);
        w->version = s->version;
        ok = s->bytes != NULL && take_pair(wr_str((char *) s->bytes, s->n), &pair);
        wr_zone_unlock(current->zone);
        if (ok) {
            serve(w, &pair);
            wr_tls_free_pair(&pair);
        }
    }
    wr_timer_set(timer, current->every < WORKER_MS ? current->every : WORKER_MS);
}

void
ssl_renew_worker(wr_worker_t *w)
{
    wr_timer_cancel(&worker_timer);
    worker_timer.fn = worker_looks;
    looks_for = w->cycle;
    if (current != NULL && current->every != 0 && current->zone != NULL) {
        wr_timer_set(&worker_timer, 0);
    }
}

void
ssl_renew_stop(wr_worker_t *w)
{
    if (looks_for == w->cycle) {
        wr_timer_cancel(&worker_timer);
    }
}

/* ---- conf ---- */

static wr_rc_t
init_table(wr_zone_t *z, void *old)
{
    const watch_t *w = z->user;
    size_t         n = sizeof(table_t) + w->list.n * sizeof(slot_t);

    (void) old;
    z->data = wr_zone_alloc(z, n);
    if (z->data == NULL) {
        return WR_ERROR;
    }
    memset(z->data, 0, n);
    return WR_OK;
}

wr_rc_t
ssl_renew_prepare(wr_conf_t *cf)
{
    reading = WR_NEW(cf->pool, watch_t);
    reading->list = wr_array(cf->pool, sizeof(watched_t));
    wr_cycle_newest(cf, &current, reading);
    return WR_OK;
}

wr_rc_t
ssl_renew_watch(wr_conf_t *cf, ssl_conf_t *conf, wr_str_t cert, wr_str_t key)
{
    watched_t *w;

    if (conf->reload == 0 || !wr_tls_is_file(cert) || !wr_tls_is_file(key)) {
        return WR_OK;
    }
    w = WR_PUSH(&reading->list, watched_t);
    *w = (watched_t) {.conf = conf, .cert = wr_pool_strz(cf->pool, cert),
                      .key = wr_pool_strz(cf->pool, key)};
    look(w, w->seen);
    if (reading->every == 0 || conf->reload < reading->every) {
        reading->every = conf->reload;
    }
    return WR_OK;
}

wr_rc_t
ssl_renew_finish(wr_conf_t *cf)
{
    const wr_cycle_t *cycle = wr_cycle_of(cf);

    if (reading->list.n == 0) {
        return WR_OK;
    }
    /* A zone of its own for each reading: old workers must not take pairs of new
     * places. */
    reading->zone = wr_zone_add(cf, wr_pool_printf(cf->pool, "ssl certificates %" PRIu64,
                                                   cycle->generation),
                                (size_t) 64 * 1024 + reading->list.n * 2 * (size_t) MAX_PAIR,
                                &tag);
    if (reading->zone == NULL) {
        return WR_ERROR;
    }
    reading->zone->user = reading;
    reading->zone->init = init_table;
    return WR_OK;
}
