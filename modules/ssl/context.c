/*
 * From the settings of a server to OpenSSL's context, and what is asked of it
 * during handshakes: which server (SNI), which protocol (ALPN), whose certificate.
 */
#include "ssl.h"

#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <unistd.h>
#include <weir/http/core_conf.h>
#include <weir/http/uri.h>

enum { EARLY_DATA = 16384 };    /* bytes */

static const struct {
    unsigned bit;
    int      version;
    uint64_t off;
} versions[] = {
    {4, SSL3_VERSION, SSL_OP_NO_SSLv3},      {8, TLS1_VERSION, SSL_OP_NO_TLSv1},
    {16, TLS1_1_VERSION, SSL_OP_NO_TLSv1_1}, {32, TLS1_2_VERSION, SSL_OP_NO_TLSv1_2},
    {64, TLS1_3_VERSION, SSL_OP_NO_TLSv1_3},
};

static wr_rc_t
failed(wr_conf_t *cf, const wr_tok_t *at, const char *what, wr_str_t value)
{
    const char *why = wr_tls_error();
    bool        known = why[0] != '\0';

    return wr_conf_fail(cf, at, "%s(\"%.*s\") failed%s%s%s", what, WR_ARG(value),
                        known ? " (SSL: " : "", why, known ? ")" : "");
}

/* ---- protocols and ciphers: said explicitly, whatever openssl.cnf says ---- */

static void
set_protocols(SSL_CTX *ctx, unsigned mask)
{
    int lo = 0, hi = 0;

    for (unsigned i = 0; i < WR_COUNT(versions); i++) {
        if ((mask & versions[i].bit) != 0) {
            lo = lo == 0 ? versions[i].version : lo;
            hi = versions[i].version;
            SSL_CTX_clear_options(ctx, versions[i].off);
        } else {
            SSL_CTX_set_options(ctx, versions[i].off);
        }
    }
    (void) SSL_CTX_set_min_proto_version(ctx, lo);
    (void) SSL_CTX_set_max_proto_version(ctx, hi);
}

static wr_rc_t
set_dh(wr_conf_t *cf, SSL_CTX *ctx, const ssl_conf_t *conf, const wr_tok_t *at)
{
    BIO      *b;
    EVP_PKEY *key;

    if (conf->dhparam.n == 0) {
        return WR_OK;
    }
    b = BIO_new_file(conf->dhparam.p, "r");
    if (b == NULL) {
        return failed(cf, at, "BIO_new_file", conf->dhparam);
    }
    key = PEM_read_bio_Parameters(b, NULL);
    BIO_free(b);
    if (key == NULL) {
        return failed(cf, at, "PEM_read_bio_DHparams", conf->dhparam);
    }
    if (SSL_CTX_set0_tmp_dh_pkey(ctx, key) != 1) {
        EVP_PKEY_free(key);
        return failed(cf, at, "SSL_CTX_set_tmp_dh", conf->dhparam);
    }
    return WR_OK;
}

static wr_rc_t
run_commands(wr_conf_t *cf, SSL_CTX *ctx, const ssl_conf_t *conf, const wr_tok_t *at)
{
    wr_tls_fault_t e;

    return wr_tls_commands_run(ctx, &conf->commands, &e) ? WR_OK
                                                         : wr_conf_fail(cf, at, "%s", e.text);
}

/* ---- client certificates ---- */

/* The result is asked for when the request is there: 495, 496. */
static int
accept_any(int ok, X509_STORE_CTX *store)
{
    (void) ok;
    (void) store;
    return 1;
}

static wr_rc_t
set_verify(wr_conf_t *cf, SSL_CTX *ctx, const ssl_conf_t *conf, const wr_tok_t *at)
{
    if (conf->verify != VERIFY_OFF) {
        if (conf->client_ca.n == 0 && conf->trusted.n == 0 && conf->verify != VERIFY_NO_CA) {
            return wr_conf_fail(cf, at, "no ssl_client_certificate or "
                                        "ssl_trusted_certificate for ssl_verify_client");
        }
        SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, accept_any);
        SSL_CTX_set_verify_depth(ctx, (int) (conf->depth < INT_MAX ? conf->depth : INT_MAX));
    }
    if (conf->client_ca.n != 0 && conf->verify != VERIFY_OFF) {
        STACK_OF(X509_NAME) *names;

        if (SSL_CTX_load_verify_locations(ctx, conf->client_ca.p, NULL) != 1) {
            return failed(cf, at, "SSL_CTX_load_verify_locations", conf->client_ca);
        }
        names = SSL_load_client_CA_file(conf->client_ca.p);
        if (names == NULL) {
            return failed(cf, at, "SSL_load_client_CA_file", conf->client_ca);
        }
        SSL_CTX_set_client_CA_list(ctx, names);
    }
    if (conf->trusted.n != 0
        && SSL_CTX_load_verify_locations(ctx, conf->trusted.p, NULL) != 1)
    {
        return failed(cf, at, "SSL_CTX_load_verify_locations", conf->trusted);
    }
    if (conf->crl.n != 0) {
        X509_STORE  *store = SSL_CTX_get_cert_store(ctx);
        X509_LOOKUP *lookup = X509_STORE_add_lookup(store, X509_LOOKUP_file());

        if (lookup == NULL
            || X509_LOOKUP_load_file(lookup, conf->crl.p, X509_FILETYPE_PEM) == 0)
        {
            return failed(cf, at, "X509_LOOKUP_load_file", conf->crl);
        }
        X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
    }
    ERR_clear_error();
    return WR_OK;
}

/* ---- SNI ---- */

/* The host of the first host_name entry; false: none that is well formed. */
static bool
hello_name(SSL *ssl, wr_str_t *name)
{
    const unsigned char *p;
    size_t               n, len;

    if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &p, &n) != 1 || n < 5) {
        return false;
    }
    len = (size_t) p[3] << 8 | p[4];
    if (p[2] != TLSEXT_NAMETYPE_host_name || len + 5 > n) {
        return false;
    }
    *name = wr_str((const char *) p + 5, len);
    return true;
}

/* What SSL_set_SSL_CTX leaves as it was. */
static void
use_context(SSL *ssl, SSL_CTX *ctx)
{
    if (SSL_set_SSL_CTX(ssl, ctx) == NULL) {
        return;
    }
    wr_tls_refit(ssl);
    SSL_set_verify(ssl, SSL_CTX_get_verify_mode(ctx), SSL_CTX_get_verify_callback(ctx));
    SSL_set_verify_depth(ssl, SSL_CTX_get_verify_depth(ctx));
    (void) SSL_clear_options(ssl, SSL_get_options(ssl) & ~SSL_CTX_get_options(ctx));
    (void) SSL_set_options(ssl, SSL_CTX_get_options(ctx));
    (void) SSL_set_min_proto_version(ssl, (int) SSL_CTX_get_min_proto_version(ctx));
    (void) SSL_set_max_proto_version(ssl, (int) SSL_CTX_get_max_proto_version(ctx));
}

static int
on_hello(SSL *ssl, int *alert, void *data)
{
    wr_tls_t            *t = wr_tls_of(ssl);
    const wr_endpoint_t *e = t->endpoint;
    wr_server_t         *server = e->default_server;
    const ssl_conf_t    *conf;
    wr_pool_t           *pool;
    wr_str_t             raw, name;
    int                  port;

    (void) data;
    if (hello_name(ssl, &raw)) {
        pool = wr_pool_new();
        if (raw.n != 0 && wr_host_normalise(pool, raw, &name, &port) == WR_OK) {
            wr_server_t *found = wr_server_named(e, name, NULL);

            t->named = found != NULL;
            server = found != NULL ? found : server;
        }
        wr_pool_free(pool);
    }
    t->server = server;
    conf = ssl_conf_of(server);
    if (conf->reject) {
        t->rejected = true;
        *alert = SSL_AD_UNRECOGNIZED_NAME;
        return SSL_CLIENT_HELLO_ERROR;
    }
    if (server->ssl != NULL) {
        use_context(ssl, server->ssl);
        ssl_session_offer(ssl, conf);
    }
    (void) SSL_set_max_early_data(ssl, conf->early_data ? EARLY_DATA : 0);
    return SSL_CLIENT_HELLO_SUCCESS;
}

/* That there is one makes OpenSSL tell the client that its name was seen. */
static int
on_name(SSL *ssl, int *alert, void *data)
{
    (void) alert;
    (void) data;
    return SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name) != NULL
               ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

/* ---- ALPN ---- */

static int
on_alpn(SSL *ssl, const unsigned char **out, unsigned char *n, const unsigned char *in,
        unsigned in_n, void *data)
{
    static const unsigned char both[] = "\x02h2\x08http/1.1\x08http/1.0\x08http/0.9";
    const wr_tls_t            *t = wr_tls_of(ssl);
    unsigned                   skip = 3;

    (void) data;
    if (wr_http2 != NULL && wr_http2->enabled(t->endpoint, t->server)) {
        skip = 0;
    }
    /* No protocol in common: an alert, so that nobody is sent what he did not ask. */
    if (SSL_select_next_proto((unsigned char **) (uintptr_t) out, n, both + skip,
                              sizeof(both) - 1 - skip, in, in_n)
        != OPENSSL_NPN_NEGOTIATED)
    {
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    return SSL_TLSEXT_ERR_OK;
}

/* ---- certificates with variables ---- */

static const char *
eval_path(wr_req_t *r, const wr_cv_t *cv)
{
    wr_str_t text;

    if (wr_cv_eval(r, cv, &text) != WR_OK) {
        return NULL;
    }
    if (text.n == 0 || text.p[0] == '/' || !wr_tls_is_file(text)) {
        return wr_pool_strz(wr_pool(r), text);
    }
    return wr_pool_strz(wr_pool(r), wr_pool_join(wr_pool(r), wr_cycle->conf_prefix, text));
}

static wr_rc_t
load_for(wr_req_t *r, SSL *ssl, const ssl_conf_t *conf)
{
    for (unsigned i = 0; i < conf->certificates.n; i++) {
        const char       *cert = eval_path(r, &((wr_cv_t *) conf->certificates.items)[i]);
        const char       *key = eval_path(r, &((wr_cv_t *) conf->keys.items)[i]);
        const wr_tls_pair_t *pair;
        wr_tls_fault_t       e;

        if (cert == NULL || key == NULL) {
            return WR_ERROR;
        }
        pair = wr_tls_cached_pair(conf->cert_cache, &conf->passwords, cert, key, &e);
        if (pair == NULL || !wr_tls_use_pair(NULL, ssl, pair, cert, key, &e)) {
            wr_log(wr_conn_log(r->conn), WR_LOG_ERR, 0, "%s", e.text);
            return WR_ERROR;
        }
    }
    return WR_OK;
}

/* `data`: whose context it is; a server without certificates has that of the default one. */
static int
on_certificate(SSL *ssl, void *data)
{
    static const wr_front_t nobody = {.name = "tls"};
    wr_tls_t               *t = wr_tls_of(ssl);
    wr_server_t            *server = t->server;
    const ssl_conf_t       *conf = data;
    wr_req_t               *r;
    wr_rc_t                 rc;

    if (server == NULL) {
        server = ((const wr_endpoint_t *) t->endpoint)->default_server;
    }
    if (SSL_session_reused(ssl)) {
        return 1;
    }
    r = wr_req_new(&nobody, NULL, t->conn, server);
    SSL_certs_clear(ssl);
    rc = load_for(r, ssl, conf);
    wr_req_free(r);
    return rc == WR_OK;
}

/* ---- secrets, for who analyses traffic ---- */

static void
on_secret(const SSL *ssl, const char *line)
{
    const wr_tls_t   *t = wr_tls_of(ssl);
    const ssl_conf_t *conf = ssl_conf_of(t->server != NULL ? t->server
                                         : ((const wr_endpoint_t *) t->endpoint)
                                               ->default_server);
    char              text[512];
    int               n = snprintf(text, sizeof(text), "%s\n", line);

    if (conf->key_log != NULL && conf->key_log->fd >= 0 && n < (int) sizeof(text)
        && write(conf->key_log->fd, text, (size_t) n) != n)
    {
        wr_log(wr_cycle->log, WR_LOG_ERR, errno, "write() to \"%.*s\" failed",
               WR_ARG(conf->key_log->path));
    }
}

/* ---- the context ---- */

static wr_str_t
source_of(wr_conf_t *cf, const wr_cv_t *cv)
{
    return wr_tls_is_file(cv->text) ? wr_conf_file_path(cf, cv->text) : cv->text;
}

static wr_rc_t
load_one(wr_conf_t *cf, ssl_conf_t *conf, const wr_tok_t *at, wr_str_t cert, wr_str_t key)
{
    wr_tls_fault_t e;
    wr_tls_pair_t  pair;
    bool        ok;

    if (!wr_tls_read_pair(&pair, &conf->passwords, cert.p, key.p, &e)) {
        return wr_conf_fail(cf, at, "%s", e.text);
    }
    ok = wr_tls_use_pair(conf->ctx, NULL, &pair, cert.p, key.p, &e);
    ssl_expiry_note(cf, cert, pair.cert);
    wr_tls_free_pair(&pair);
    return ok ? ssl_renew_watch(cf, conf, cert, key) : wr_conf_fail(cf, at, "%s", e.text);
}

static wr_rc_t
load_certificates(wr_conf_t *cf, SSL_CTX *ctx, ssl_conf_t *conf, const wr_tok_t *at)
{
    for (unsigned i = 0; i < conf->certificates.n; i++) {
        const wr_cv_t *cert = &((wr_cv_t *) conf->certificates.items)[i];
        const wr_cv_t *key = &((wr_cv_t *) conf->keys.items)[i];

        if (!wr_cv_is_const(cert) || !wr_cv_is_const(key)) {
            conf->variable = true;
        } else if (load_one(cf, conf, at, source_of(cf, cert), source_of(cf, key)) != WR_OK) {
            return WR_ERROR;
        }
    }
    if (conf->variable) {
        SSL_CTX_set_cert_cb(ctx, on_certificate, conf);
    }
    return WR_OK;
}

static void
free_context(void *ctx)
{
    SSL_CTX_free(ctx);
}

void
ssl_allow_early(SSL_CTX *ctx)
{
    (void) SSL_CTX_set_max_early_data(ctx, EARLY_DATA);
}

static void
set_modes(SSL_CTX *ctx, const ssl_conf_t *conf)
{
    SSL_CTX_set_options(ctx, SSL_OP_SINGLE_DH_USE | SSL_OP_SINGLE_ECDH_USE
                                 | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION
                                 | SSL_OP_NO_ANTI_REPLAY | SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_RELEASE_BUFFERS
                              | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER
                              | SSL_MODE_NO_AUTO_CHAIN);
    wr_tls_set_fragment(ctx, conf->buffer_size);
    if (conf->prefer_server) {
        SSL_CTX_set_options(ctx, SSL_OP_CIPHER_SERVER_PREFERENCE);
    } else {
        SSL_CTX_clear_options(ctx, SSL_OP_CIPHER_SERVER_PREFERENCE);
    }
    if (conf->early_data) {
        ssl_allow_early(ctx);
    }
}

wr_rc_t
ssl_make_context(wr_conf_t *cf, ssl_conf_t *conf, const wr_server_t *server)
{
    const wr_http_core_t *core = server->conf[wr_http_core_module.schema.index];
    const wr_tok_t       *at = &server->scope->at;
    SSL_CTX              *ctx;

    if (conf->ctx != NULL || (conf->certificates.n == 0 && !conf->reject)) {
        return WR_OK;
    }
    if (conf->keys.n < conf->certificates.n) {
        const wr_cv_t *cv = &((wr_cv_t *) conf->certificates.items)[conf->keys.n];

        return wr_conf_fail(cf, at, "no \"ssl_certificate_key\" is defined for certificate "
                                    "\"%.*s\"", WR_ARG(cv->text));
    }
    ERR_clear_error();
    ctx = wr_tls_context(TLS_server_method(), conf->light);
    if (ctx == NULL) {
        return wr_conf_fail(cf, at, "SSL_CTX_new() failed (SSL: %s)", wr_tls_error());
    }
    conf->ctx = ctx;
    conf->maker = server;
    conf->resolver = core->resolver;
    conf->resolver_timeout = core->resolver_timeout;
    conf->name = wr_pool_printf(cf->pool, "%.*s:%u", WR_ARG(at->file), at->line);
    wr_pool_on_free(cf->pool, free_context, ctx);
    set_modes(ctx, conf);
    set_protocols(ctx, conf->protocols);
    SSL_CTX_set_security_level(ctx, 1);
    if (SSL_CTX_set_cipher_list(ctx, conf->ciphers.p) != 1) {
        return failed(cf, at, "SSL_CTX_set_cipher_list", conf->ciphers);
    }
    /* ssl_conf_command may say others for TLS 1.3. */
    if (SSL_CTX_set_ciphersuites(ctx, OSSL_default_ciphersuites()) != 1) {
        return failed(cf, at, "SSL_CTX_set_ciphersuites",
                      wr_str_z(OSSL_default_ciphersuites()));
    }
    if (!wr_str_eqz(conf->curves, "auto")
        && SSL_CTX_set1_curves_list(ctx, conf->curves.p) != 1)
    {
        return failed(cf, at, "SSL_CTX_set1_curves_list", conf->curves);
    }
    if (load_certificates(cf, ctx, conf, at) != WR_OK
        || set_dh(cf, ctx, conf, at) != WR_OK || set_verify(cf, ctx, conf, at) != WR_OK
        || ssl_staples_make(cf, conf, at) != WR_OK || ssl_ocsp_make(cf, conf, at) != WR_OK
        || run_commands(cf, ctx, conf, at) != WR_OK || ssl_load_ticket_keys(cf, conf) != WR_OK)
    {
        return WR_ERROR;
    }
    if (conf->key_log != NULL) {
        SSL_CTX_set_keylog_callback(ctx, on_secret);
    }
    SSL_CTX_set_client_hello_cb(ctx, on_hello, NULL);
    SSL_CTX_set_tlsext_servername_callback(ctx, on_name);
    SSL_CTX_set_alpn_select_cb(ctx, on_alpn, NULL);
    ssl_session_set_id(cf, ctx, conf);
    ssl_sessions_use(ctx, conf);
    return WR_OK;
}
