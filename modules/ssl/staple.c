/*
 * OCSP stapling: the answer of the authority goes with our certificate.
 *
 * Each worker asks for each certificate when it starts, by the side, and again when
 * the answer grows old: within the hour, five minutes before it ends, or five
 * minutes after a failure. Without a fresh answer nothing is stapled. With
 * ssl_stapling_file nobody is asked.
 */
#include "ssl.h"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <weir/os/readfile.h>

enum { MAX_FILE = 1 << 20, RETRY_S = 30, SOON_S = 300, AT_LATEST_S = 3600 };

typedef struct staple {
    ssl_conf_t      *conf;
    X509            *cert, *issuer;     /* references; NULL: nobody is asked */
    bool             of_file;           /* for whatever certificate */
    ocsp_responder_t responder;
    wr_str_t         about;             /* the file, for the log */
    wr_op_t          op;
    ocsp_query_t    *query;             /* under way */
    wr_timer_t       timer;             /* of the next */
    unsigned char   *der;               /* malloc; NULL: none yet */
    size_t           n;
    int64_t          until;             /* Unix time */
} staple_t;

/* ---- to the client ---- */

static int
on_status(SSL *ssl, void *data)
{
    const ssl_conf_t *conf = data;
    const X509       *cert = SSL_get_certificate(ssl);
    unsigned char    *copy;

    for (WR_EACH(staple_t *, at, &conf->staples)) {
        const staple_t *s = *at;

        if (!s->of_file && s->cert != cert) {
            continue;
        }
        if (s->der == NULL || s->until <= wr_clock.sec) {
            return SSL_TLSEXT_ERR_NOACK;
        }
        copy = OPENSSL_malloc(s->n);
        if (copy == NULL) {
            return SSL_TLSEXT_ERR_NOACK;
        }
        memcpy(copy, s->der, s->n);
        SSL_set_tlsext_status_ocsp_resp(ssl, copy, (long) s->n);
        return SSL_TLSEXT_ERR_OK;
    }
    return SSL_TLSEXT_ERR_NOACK;
}

/* ---- asking ---- */

static void
keep(staple_t *s, wr_str_t der, int64_t until)
{
    free(s->der);
    s->der = malloc(der.n);
    WR_ASSERT(s->der != NULL);
    memcpy(s->der, der.p, der.n);
    s->n = der.n;
    s->until = until;
}

static void
asked(wr_op_t *op)
{
    staple_t *s = op->waiter;
    int64_t   wait = s->der == NULL ? RETRY_S : SOON_S;

    if (op->rc == WR_OK && ocsp_status(s->query) != V_OCSP_CERTSTATUS_GOOD) {
        wr_log(wr_cycle->log, WR_LOG_ERR, 0,
               "certificate status \"%s\" in the OCSP response while requesting certificate "
               "status, responder: %.*s, certificate: \"%.*s\"",
               OCSP_cert_status_str(ocsp_status(s->query)), WR_ARG(s->responder.name),
               WR_ARG(s->about));
    } else if (op->rc == WR_OK) {
        int64_t until = ocsp_until(s->query);

        keep(s, ocsp_der(s->query), until);
        if (until - SOON_S - wr_clock.sec > SOON_S) {
            wait = until - SOON_S - wr_clock.sec;
            wait = wait < AT_LATEST_S ? wait : AT_LATEST_S;
        } else {
            wait = SOON_S;
        }
    }
    ocsp_free(s->query);
    s->query = NULL;
    wr_timer_set(&s->timer, wait * 1000);
}

static void
ask(staple_t *s)
{
    STACK_OF(X509) *chain = NULL;
    ocsp_question_t q = {.responder = &s->responder, .cert = s->cert, .issuer = s->issuer,
                         .store = SSL_CTX_get_cert_store(s->conf->ctx), .about = s->about,
                         .flags = s->conf->stapling_verify ? OCSP_TRUSTOTHER : OCSP_NOVERIFY,
                         .resolver = s->conf->resolver,
                         .resolver_timeout = s->conf->resolver_timeout};

    (void) SSL_CTX_get0_chain_certs(s->conf->ctx, &chain);
    q.chain = chain;
    s->query = ocsp_ask(&q, wr_cycle->log, &s->op);
    s->op.waiter = s;
    s->op.done = asked;
}

static void
on_timer(wr_timer_t *t)
{
    ask(WR_CONTAINER(t, staple_t, timer));
}

void
ssl_staples_start(ssl_conf_t *conf)
{
    for (WR_EACH(staple_t *, at, &conf->staples)) {
        staple_t *s = *at;

        s->timer = (wr_timer_t) {.fn = on_timer};
        if (s->cert != NULL) {
            wr_timer_set(&s->timer, 0);
        }
    }
}

static void
stop(staple_t *s)
{
    wr_timer_cancel(&s->timer);
    if (s->query != NULL) {
        ocsp_free(s->query);
        s->query = NULL;
    }
}

void
ssl_staples_stop(ssl_conf_t *conf)
{
    for (WR_EACH(staple_t *, at, &conf->staples)) {
        stop(*at);
    }
}

/* ---- conf ---- */

static void
free_staple(void *data)
{
    staple_t *s = data;

    X509_free(s->cert);
    X509_free(s->issuer);
    free(s->der);
}

static staple_t *
add(wr_pool_t *pool, ssl_conf_t *conf)
{
    staple_t *s = WR_NEW(pool, staple_t);

    s->conf = conf;
    *WR_PUSH(&conf->staples, staple_t *) = s;
    wr_pool_on_free(pool, free_staple, s);
    return s;
}

static wr_rc_t
from_file(wr_conf_t *cf, ssl_conf_t *conf, const wr_tok_t *at)
{
    const char          *call;
    const unsigned char *p;
    wr_str_t             text;
    OCSP_RESPONSE       *response;
    staple_t            *s;
    int                  err;

    err = wr_file_read(cf->temp, conf->stapling_file.p, MAX_FILE, &text, &call);
    if (err != 0) {
        return wr_conf_fail_errno(cf, at, err, "%s \"%.*s\" failed", call,
                                  WR_ARG(conf->stapling_file));
    }
    p = (const unsigned char *) text.p;
    response = d2i_OCSP_RESPONSE(NULL, &p, (long) text.n);
    if (response == NULL) {
        return wr_conf_fail(cf, at, "d2i_OCSP_RESPONSE_bio(\"%.*s\") failed (SSL: %s)",
                            WR_ARG(conf->stapling_file), wr_tls_error());
    }
    OCSP_RESPONSE_free(response);
    s = add(cf->pool, conf);
    s->of_file = true;
    keep(s, text, INT64_MAX);
    return WR_OK;
}

/* Out of the chain that is sent, or out of the trusted ones. NULL: unknown. */
static X509 *
find_issuer(SSL_CTX *ctx, X509 *cert, STACK_OF(X509) *chain)
{
    X509_STORE_CTX *store;
    X509           *issuer = NULL;

    for (int i = 0; i < sk_X509_num(chain); i++) {
        issuer = sk_X509_value(chain, i);
        if (X509_check_issued(issuer, cert) == X509_V_OK) {
            X509_up_ref(issuer);
            return issuer;
        }
    }
    issuer = NULL;
    store = X509_STORE_CTX_new();
    if (store != NULL && X509_STORE_CTX_init(store, SSL_CTX_get_cert_store(ctx), NULL, NULL)) {
        if (X509_STORE_CTX_get1_issuer(&issuer, store, cert) != 1) {
            issuer = NULL;
        }
    }
    X509_STORE_CTX_free(store);
    ERR_clear_error();
    return issuer;
}

static void
ignored(const ssl_conf_t *conf, wr_log_t *log, const char *why, wr_str_t about)
{
    wr_log(log, WR_LOG_WARN, 0, "\"ssl_stapling\" ignored, %s \"%.*s\" for the server in %.*s",
           why, WR_ARG(about), WR_ARG(conf->name));
}

/* False: nobody can be asked about it. */
static bool
prepare(wr_pool_t *pool, wr_log_t *log, staple_t *s, X509 *cert, STACK_OF(X509) *chain,
        bool resolve)
{
    const ssl_conf_t *conf = s->conf;
    wr_str_t          url = conf->stapling_responder;
    const char       *why;
    X509             *issuer = find_issuer(conf->ctx, cert, chain);

    if (issuer == NULL) {
        ignored(conf, log, "issuer certificate not found for certificate", s->about);
        return false;
    }
    if (url.n == 0) {
        url = ocsp_url_of(pool, cert);
    }
    if (url.n == 0) {
        X509_free(issuer);
        ignored(conf, log, "no OCSP responder URL in the certificate", s->about);
        return false;
    }
    if (!ocsp_parse_url(pool, url, resolve, &s->responder, &why)) {
        X509_free(issuer);
        wr_log(log, WR_LOG_WARN, 0, "\"ssl_stapling\" ignored, %s in OCSP responder \"%.*s\" in "
               "the certificate \"%.*s\"", why, WR_ARG(url), WR_ARG(s->about));
        return false;
    }
    X509_up_ref(cert);
    s->cert = cert;
    s->issuer = issuer;
    return true;
}

wr_rc_t
ssl_staples_make(wr_conf_t *cf, ssl_conf_t *conf, const wr_tok_t *at)
{
    SSL_CTX *ctx = conf->ctx;
    unsigned i = 0;
    int      more;

    if (!conf->stapling) {
        return WR_OK;
    }
    conf->staples = wr_array(cf->pool, sizeof(staple_t *));
    SSL_CTX_set_tlsext_status_cb(ctx, on_status);
    SSL_CTX_set_tlsext_status_arg(ctx, conf);
    if (conf->stapling_file.n != 0) {
        return from_file(cf, conf, at);
    }
    for (more = SSL_CTX_set_current_cert(ctx, SSL_CERT_SET_FIRST); more == 1;
         more = SSL_CTX_set_current_cert(ctx, SSL_CERT_SET_NEXT), i++)
    {
        STACK_OF(X509) *chain = NULL;
        X509           *cert = SSL_CTX_get0_certificate(ctx);
        staple_t       *s;

        if (cert == NULL) {
            continue;
        }
        (void) SSL_CTX_get0_chain_certs(ctx, &chain);
        s = add(cf->pool, conf);
        if (i < conf->certificates.n) {
            s->about = ((wr_cv_t *) conf->certificates.items)[i].text;
        }
        if (!prepare(cf->pool, cf->log, s, cert, chain, conf->resolver == NULL)) {
            conf->staples.n--;
        }
    }
    ERR_clear_error();
    return WR_OK;
}

/* The pool is the cycle's: what a renewal adds there is a few hundred bytes. */
void
ssl_staples_renewed(ssl_conf_t *conf, X509 *old, const wr_tls_pair_t *pair)
{
    for (WR_EACH(staple_t *, at, &conf->staples)) {
        staple_t *s = *at;

        if (s->cert == NULL || s->cert != old) {
            continue;
        }
        stop(s);
        X509_free(s->issuer);
        X509_free(s->cert);
        free(s->der);
        s->cert = s->issuer = NULL;
        s->der = NULL;
        s->until = 0;
        if (prepare(wr_cycle->pool, wr_cycle->log, s, pair->cert, pair->chain, false)) {
            wr_timer_set(&s->timer, 0);
        }
    }
}
