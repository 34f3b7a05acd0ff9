/*
 * ssl_ocsp: before the first request of a connection runs, the authorities are
 * asked about the client's certificate, and (`on`) about those above it.
 *
 * The check belongs to the connection: requests that come meanwhile wait for it,
 * later ones find its verdict. What was learned is kept in a shared zone for as long
 * as the answer says that it holds.
 */
#include "ssl.h"

#include <openssl/err.h>
#include <weir/http/keyed.h>

typedef struct known {
    int64_t until;
    int     status;
} known_t;

typedef struct check {
    wr_queue_t        waiters;      /* ssl_ocsp_wait_t */
    const ssl_conf_t *conf;
    wr_pool_t        *pool;
    STACK_OF(X509)   *chain;        /* the client's first */
    STACK_OF(X509)   *above;        /* of the one that is asked about: who may answer */
    int               at, n;        /* how far; how many are asked about */
    bool              done;
    const char       *why;          /* the verdict; NULL: good */
    ocsp_responder_t  responder;
    ocsp_query_t     *query;
    wr_op_t           op;
    wr_str_t          key;          /* of the certificate that is asked about */
    wr_log_t          log;
    SSL              *ssl;
} check_t;

static const char cache_tag;
static int        check_index = -1;

/* ---- what is known ---- */

static bool
find_known(const ssl_conf_t *conf, wr_str_t key, int *status)
{
    known_t *k;
    bool     found = false;

    if (conf->ocsp_zone == NULL || key.n == 0) {
        return false;
    }
    wr_zone_lock(conf->ocsp_zone);
    k = wr_keyed_find(conf->ocsp_zone->data, key);
    if (k != NULL && k->until > wr_clock.sec) {
        *status = k->status;
        found = true;
    } else if (k != NULL) {
        wr_keyed_remove(conf->ocsp_zone, k);
    }
    wr_zone_unlock(conf->ocsp_zone);
    return found;
}

/* Answers that do not say until when they hold are asked for anew. */
static void
remember(const ssl_conf_t *conf, wr_str_t key, int status, int64_t until)
{
    wr_zone_t *z = conf->ocsp_zone;
    known_t   *k;

    if (z == NULL || key.n == 0 || until == INT64_MAX) {
        return;
    }
    wr_zone_lock(z);
    k = wr_keyed_find(z->data, key);
    if (k == NULL) {
        k = wr_keyed_add(z, key, sizeof(*k));
    }
    while (k == NULL && wr_keyed_oldest(z->data) != NULL) {
        wr_keyed_remove(z, wr_keyed_oldest(z->data));
        k = wr_keyed_add(z, key, sizeof(*k));
    }
    if (k != NULL) {
        *k = (known_t) {until, status};
    }
    wr_zone_unlock(z);
}

static wr_str_t
key_of(wr_pool_t *pool, X509 *cert, X509 *issuer)
{
    OCSP_CERTID   *id = OCSP_cert_to_id(NULL, cert, issuer);
    unsigned char *der = NULL;
    int            n = id != NULL ? i2d_OCSP_CERTID(id, &der) : 0;
    wr_str_t       key = WR_STR_NONE;

    if (n > 0) {
        key = wr_pool_str(pool, wr_str((char *) der, (size_t) n));
    }
    OPENSSL_free(der);
    OCSP_CERTID_free(id);
    return key;
}

/* ---- the course of a check ---- */

/* A request that goes on may end the connection, and the check with it: the waiters
 * are taken off first, and nothing of the check is used afterwards. */
static void
finished(check_t *c, const char *why)
{
    wr_queue_t waiters;

    wr_queue_init(&waiters);
    while (!wr_queue_empty(&c->waiters)) {
        wr_queue_t *first = c->waiters.next;

        wr_queue_remove(first);
        wr_queue_push(&waiters, first);
    }
    c->done = true;
    c->why = why;
    while (!wr_queue_empty(&waiters)) {
        ssl_ocsp_wait_t *w = WR_QUEUE_ITEM(waiters.next, ssl_ocsp_wait_t, link);

        wr_queue_remove(&w->link);
        wr_op_complete(&w->op, WR_OK);
    }
}

/* False: the check is finished by it. */
static bool
judge(check_t *c, int status)
{
    if (status == V_OCSP_CERTSTATUS_GOOD) {
        return true;
    }
    finished(c, status == V_OCSP_CERTSTATUS_REVOKED ? "certificate revoked"
                                                    : "certificate status unknown");
    return false;
}

static void go_on(check_t *c);

static void
asked(wr_op_t *op)
{
    check_t *c = op->waiter;
    int      status = V_OCSP_CERTSTATUS_UNKNOWN;

    if (op->rc == WR_OK) {
        status = ocsp_status(c->query);
        remember(c->conf, c->key, status, ocsp_until(c->query));
    }
    ocsp_free(c->query);
    c->query = NULL;
    if (op->rc != WR_OK) {
        finished(c, "certificate status request failed");
    } else if (judge(c, status)) {
        go_on(c);
    }
}

static bool
choose_responder(check_t *c, X509 *cert)
{
    const char *why;
    wr_str_t    url;

    if (c->conf->ocsp_url.n != 0) {
        c->responder = c->conf->ocsp_responder;
        return true;
    }
    url = ocsp_url_of(c->pool, cert);
    if (url.n == 0) {
        wr_log(&c->log, WR_LOG_ERR, 0, "no OCSP responder URL in the certificate");
        return false;
    }
    if (!ocsp_parse_url(c->pool, url, false, &c->responder, &why)) {
        wr_log(&c->log, WR_LOG_ERR, 0, "%s in OCSP responder \"%.*s\"", why, WR_ARG(url));
        return false;
    }
    return true;
}

/* Whoever is in the list is believed without further ado: nobody vouches for himself. */
static bool
list_above(check_t *c)
{
    sk_X509_free(c->above);
    c->above = sk_X509_new_null();
    for (int i = c->at + 1; c->above != NULL && i < sk_X509_num(c->chain); i++) {
        if (sk_X509_push(c->above, sk_X509_value(c->chain, i)) == 0) {
            return false;
        }
    }
    return c->above != NULL;
}

static void
go_on(check_t *c)
{
    while (c->at < c->n) {
        bool            listed = list_above(c);
        ocsp_question_t q = {.responder = &c->responder, .chain = c->above,
                             .cert = sk_X509_value(c->chain, c->at),
                             .issuer = sk_X509_value(c->chain, c->at + 1),
                             .store = SSL_CTX_get_cert_store(c->conf->ctx),
                             .flags = OCSP_TRUSTOTHER, .resolver = c->conf->resolver,
                             .resolver_timeout = c->conf->resolver_timeout};
        int             status;

        c->at++;
        c->key = key_of(c->pool, q.cert, q.issuer);
        if (find_known(c->conf, c->key, &status)) {
            if (!judge(c, status)) {
                return;
            }
            continue;
        }
        if (!listed || !choose_responder(c, q.cert)) {
            finished(c, "certificate status request failed");
            return;
        }
        c->query = ocsp_ask(&q, &c->log, &c->op);
        c->op.waiter = c;
        c->op.done = asked;
        return;
    }
    finished(c, NULL);
}

/* The chain as it was verified; of a resumed session it is built anew. */
static STACK_OF(X509) *
chain_of(SSL *ssl, SSL_CTX *ctx)
{
    STACK_OF(X509) *chain = SSL_get0_verified_chain(ssl);
    X509_STORE_CTX *store;

    if (chain != NULL) {
        return X509_chain_up_ref(chain);
    }
    store = X509_STORE_CTX_new();
    if (store != NULL
        && X509_STORE_CTX_init(store, SSL_CTX_get_cert_store(ctx),
                               SSL_get0_peer_certificate(ssl), SSL_get_peer_cert_chain(ssl))
               == 1
        && X509_verify_cert(store) > 0)
    {
        chain = X509_STORE_CTX_get1_chain(store);
    }
    X509_STORE_CTX_free(store);
    ERR_clear_error();
    return chain;
}

static void
free_check(void *parent, void *data, CRYPTO_EX_DATA *ad, int index, long n, void *arg)
{
    check_t *c = data;

    (void) parent;
    (void) ad;
    (void) index;
    (void) n;
    (void) arg;
    if (c == NULL) {
        return;
    }
    if (c->query != NULL) {
        ocsp_free(c->query);
        c->query = NULL;
    }
    if (!c->done) {
        finished(c, "the connection has ended");
    }
    sk_X509_free(c->above);
    sk_X509_pop_free(c->chain, X509_free);
    wr_pool_free(c->pool);
}

static check_t *
begin(wr_req_t *r, SSL *ssl, const ssl_conf_t *conf)
{
    wr_pool_t *pool = wr_pool_new();
    check_t   *c = wr_zalloc(pool, sizeof(*c));

    wr_queue_init(&c->waiters);
    c->pool = pool;
    c->conf = conf;
    c->ssl = ssl;
    c->log = *wr_cycle->log;
    c->log.conn = r->log.conn;
    c->chain = chain_of(ssl, conf->ctx);
    (void) SSL_set_ex_data(ssl, check_index, c);
    if (c->chain == NULL || sk_X509_num(c->chain) < 1) {
        finished(c, "certificate status request failed");
        return c;
    }
    /* The last is the one that is trusted. */
    c->n = sk_X509_num(c->chain) - 1;
    if (conf->ocsp == OCSP_LEAF && c->n > 1) {
        c->n = 1;
    }
    go_on(c);
    return c;
}

static void
cancel(wr_op_t *op)
{
    ssl_ocsp_wait_t *w = WR_CONTAINER(op, ssl_ocsp_wait_t, op);

    wr_queue_remove(&w->link);
    wr_op_complete(op, WR_CANCELLED);
}

wr_op_t *
ssl_ocsp_check(wr_req_t *r, SSL *ssl, const ssl_conf_t *conf, ssl_ocsp_wait_t *w)
{
    check_t *c = SSL_get_ex_data(ssl, check_index);

    if (c == NULL) {
        c = begin(r, ssl, conf);
    }
    if (c->done) {
        return NULL;
    }
    wr_op_begin(&w->op, "ocsp", cancel);
    wr_queue_push(&c->waiters, &w->link);
    return &w->op;
}

const char *
ssl_ocsp_verdict(const SSL *ssl)
{
    const check_t *c = check_index >= 0 ? SSL_get_ex_data(ssl, check_index) : NULL;

    return c != NULL && c->done ? c->why : NULL;
}

/* ---- conf ---- */

wr_rc_t
ssl_set_ocsp_cache(wr_conf_t *cf, const wr_directive_t *d, void *data)
{
    ssl_conf_t *conf = data;
    wr_str_t    w = cf->args[1].text;

    (void) d;
    if (wr_str_eqz(w, "off")) {
        conf->ocsp_zone = NULL;
        return WR_OK;
    }
    conf->ocsp_zone = ssl_zone_of(cf, &cf->args[1], "OCSP cache", &cache_tag);
    return conf->ocsp_zone != NULL ? WR_OK : WR_ERROR;
}

wr_rc_t
ssl_ocsp_make(wr_conf_t *cf, ssl_conf_t *conf, const wr_tok_t *at)
{
    const char *why;

    if (conf->ocsp == OCSP_OFF) {
        return WR_OK;
    }
    if (conf->verify == VERIFY_NO_CA) {
        return wr_conf_fail(cf, at, "\"ssl_ocsp\" is incompatible with "
                                    "\"ssl_verify_client optional_no_ca\"");
    }
    if (check_index < 0) {
        check_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, free_check);
    }
    if (conf->ocsp_url.n != 0
        && !ocsp_parse_url(cf->pool, conf->ocsp_url, conf->resolver == NULL, &conf->ocsp_responder,
                           &why))
    {
        return wr_conf_fail(cf, at, "%s in OCSP responder \"%.*s\" in \"ssl_ocsp_responder\"",
                            why, WR_ARG(conf->ocsp_url));
    }
    return WR_OK;
}
