/*
 * TLS towards others. Sessions are kept in a small table by settings and name: in sets of
 * a few places, where a new one takes the place that was longest not written to.
 */
#include <weir/net/tls_client.h>
#include <weir/net/tls_command.h>

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <weir/base/hash.h>

enum { SETS = 16, PLACES = 4, MAX_NAME = 255 };

typedef struct kept {
    uint64_t     key;           /* 0: nothing */
    uint64_t     written;       /* the how manieth */
    SSL_SESSION *session;
} kept_t;

struct wr_tls_client {
    SSL_CTX *ctx;
    bool     verify, reuse;
    void    *key_log_data;
    uint64_t written;
    kept_t   sessions[SETS][PLACES];
};

/* ---- conf ---- */

static void
free_client(void *data)
{
    wr_tls_client_t *t = data;

    for (unsigned i = 0; i < SETS * PLACES; i++) {
        SSL_SESSION_free(t->sessions[i / PLACES][i % PLACES].session);
    }
    SSL_CTX_free(t->ctx);
}

static bool
use_certificate(SSL_CTX *ctx, const wr_tls_options_t *o, wr_tls_fault_t *fault)
{
    wr_tls_pair_t pair;
    bool          ok;

    if (o->certificate.n == 0) {
        return true;
    }
    if (!wr_tls_read_pair(&pair, &o->passwords, o->certificate.p, o->key.n != 0 ? o->key.p : "",
                          fault))
    {
        return false;
    }
    ok = wr_tls_use_pair(ctx, NULL, &pair, o->certificate.p, o->key.p, fault);
    wr_tls_free_pair(&pair);
    return ok;
}

static bool
use_revoked(SSL_CTX *ctx, const char *file, wr_tls_fault_t *fault)
{
    X509_STORE  *store = SSL_CTX_get_cert_store(ctx);
    X509_LOOKUP *lookup = X509_STORE_add_lookup(store, X509_LOOKUP_file());

    if (lookup == NULL || X509_LOOKUP_load_file(lookup, file, X509_FILETYPE_PEM) == 0) {
        return wr_tls_not_used(fault, "X509_LOOKUP_load_file", file);
    }
    X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
    return true;
}

static bool
use_authorities(SSL_CTX *ctx, const wr_tls_options_t *o, wr_tls_fault_t *fault)
{
    if (!o->verify) {
        return true;
    }
    if (o->trusted.n == 0 && SSL_CTX_set_default_verify_paths(ctx) != 1) {
        return wr_tls_not_used(fault, "SSL_CTX_set_default_verify_paths",
                               X509_get_default_cert_file());
    }
    if (o->trusted.n != 0 && SSL_CTX_load_verify_locations(ctx, o->trusted.p, NULL) != 1) {
        return wr_tls_not_used(fault, "SSL_CTX_load_verify_locations", o->trusted.p);
    }
    return o->crl.n == 0 || use_revoked(ctx, o->crl.p, fault);
}

static void
set_protocols(SSL_CTX *ctx, const wr_tls_options_t *o)
{
    (void) SSL_CTX_set_min_proto_version(ctx, TLS1_VERSION);
    (void) SSL_CTX_set_max_proto_version(ctx, 0);
    SSL_CTX_clear_options(ctx, SSL_OP_NO_TLSv1 | SSL_OP_NO_TLSv1_1 | SSL_OP_NO_TLSv1_2
                                   | SSL_OP_NO_TLSv1_3);
    SSL_CTX_set_options(ctx, (o->tls1 ? 0 : SSL_OP_NO_TLSv1)
                                 | (o->tls1_1 ? 0 : SSL_OP_NO_TLSv1_1)
                                 | (o->tls1_2 ? 0 : SSL_OP_NO_TLSv1_2)
                                 | (o->tls1_3 ? 0 : SSL_OP_NO_TLSv1_3));
}

static SSL_SESSION *
find_session(const wr_tls_client_t *t, uint64_t key)
{
    const kept_t *set = t->sessions[key % SETS];

    for (unsigned i = 0; i < PLACES; i++) {
        if (set[i].key == key) {
            return set[i].session;
        }
    }
    return NULL;
}

static kept_t *
place_for(wr_tls_client_t *t, uint64_t key)
{
    kept_t *set = t->sessions[key % SETS], *place = set;

    for (unsigned i = 0; i < PLACES; i++) {
        if (set[i].key == key) {
            return &set[i];
        }
        place = set[i].written < place->written ? &set[i] : place;
    }
    return place;
}

static int
on_session(SSL *ssl, SSL_SESSION *session)
{
    const wr_tls_t  *tls = wr_tls_of(ssl);
    wr_tls_client_t *t = tls->client;
    kept_t          *k;

    if (t == NULL) {
        return 0;
    }
    k = place_for(t, tls->key);
    SSL_SESSION_free(k->session);
    *k = (kept_t) {tls->key, ++t->written, session};
    return 1;
}

static bool
use_ciphers(SSL_CTX *ctx, const wr_tls_options_t *o, wr_tls_fault_t *fault)
{
    return SSL_CTX_set_cipher_list(ctx, o->ciphers.p) == 1
           || wr_tls_not_used(fault, "SSL_CTX_set_cipher_list", o->ciphers.p);
}

wr_tls_client_t *
wr_tls_client_make(wr_pool_t *pool, const wr_tls_options_t *o, wr_tls_fault_t *fault)
{
    wr_tls_client_t *t = WR_NEW(pool, wr_tls_client_t);

    ERR_clear_error();
    t->verify = o->verify;
    t->reuse = o->reuse;
    t->ctx = wr_tls_context(TLS_client_method(), true);
    WR_ASSERT(t->ctx != NULL);
    wr_pool_on_free(pool, free_client, t);
    SSL_CTX_set_mode(t->ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_RELEASE_BUFFERS
                                 | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_options(t->ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_security_level(t->ctx, 1);
    SSL_CTX_set_verify_depth(t->ctx, o->depth);
    set_protocols(t->ctx, o);
    if (o->key_log != NULL) {
        t->key_log_data = o->key_log_data;
        SSL_CTX_set_keylog_callback(t->ctx, o->key_log);
    }
    if (o->reuse) {
        SSL_CTX_set_session_cache_mode(t->ctx, SSL_SESS_CACHE_CLIENT
                                                   | SSL_SESS_CACHE_NO_INTERNAL);
        SSL_CTX_sess_set_new_cb(t->ctx, on_session);
    }
    if (!use_ciphers(t->ctx, o, fault) || !use_certificate(t->ctx, o, fault)
        || !use_authorities(t->ctx, o, fault) || !wr_tls_commands_run(t->ctx, &o->commands, fault))
    {
        return NULL;
    }
    return t;
}

wr_tls_client_t *
wr_tls_client_new(wr_conf_t *cf, const wr_tok_t *at, const wr_tls_options_t *o)
{
    wr_tls_fault_t   fault;
    wr_tls_client_t *t = wr_tls_client_make(cf->pool, o, &fault);

    if (t == NULL) {
        (void) wr_conf_fail(cf, at, "%s", fault.text);
    }
    return t;
}

/* ---- connections ---- */

uint64_t
wr_tls_client_key(const wr_tls_client_t *t, wr_str_t name)
{
    uint64_t key = wr_hash(name.p, name.n) ^ ((uintptr_t) t * UINT64_C(0x9e3779b97f4a7c15));

    return key != 0 ? key : 1;
}

static bool
is_address(const char *name)
{
    struct in6_addr a;

    return inet_pton(AF_INET, name, &a) == 1 || inet_pton(AF_INET6, name, &a) == 1;
}

/* NUL behind; an IPv6 address loses its brackets. */
static bool
plain_name(char *to, wr_str_t name)
{
    if (name.n > 2 && name.p[0] == '[' && name.p[name.n - 1] == ']') {
        name = wr_str_sub(name, 1, name.n - 1);
    }
    if (name.n > MAX_NAME) {
        return false;
    }
    memcpy(to, name.p, name.n);
    to[name.n] = '\0';
    return true;
}

/* What is agreed upon now is kept by this key, and what was before is resumed. */
static void
use_sessions_of(wr_tls_t *tls, uint64_t key)
{
    const wr_tls_client_t *t = tls->client;

    tls->key = key;
    if (t->reuse) {
        (void) SSL_set_session(tls->ssl, find_session(t, key));
    }
}

wr_rc_t
wr_tls_client_begin(wr_conn_t *c, wr_tls_client_t *t, wr_str_t name, bool sni)
{
    char      text[MAX_NAME + 1];
    wr_tls_t *tls;

    if (!plain_name(text, name)) {
        wr_log(wr_conn_log(c), WR_LOG_ERR, 0, "too long name \"%.*s\"", WR_ARG(name));
        return WR_ERROR;
    }
    if (wr_tls_client(c, t->ctx, sni && !is_address(text) ? text : "", NULL) != WR_OK) {
        return WR_ERROR;
    }
    tls = c->tls;
    tls->client = t;
    use_sessions_of(tls, wr_tls_client_key(t, name));
    return WR_OK;
}

/* A session is of who presented a certificate in it: whoever resumed it would be taken
 * for him, whatever he presents. */
bool
wr_tls_client_present(wr_conn_t *c, wr_tls_cache_t *cache, const char *certificate,
                      const char *key, const wr_array_t *passwords)
{
    wr_tls_t            *tls = c->tls;
    SSL                 *ssl = tls->ssl;
    wr_tls_fault_t       fault;
    const wr_tls_pair_t *pair = wr_tls_cached_pair(cache, passwords, certificate, key, &fault);

    if (pair == NULL || !wr_tls_use_pair(NULL, ssl, pair, certificate, key, &fault)) {
        wr_log(wr_conn_log(c), WR_LOG_ERR, 0, "%s", fault.text);
        return false;
    }
    use_sessions_of(tls, tls->key ^ wr_hash(certificate, strlen(certificate)));
    return true;
}

void *
wr_tls_client_log_data(const SSL *ssl)
{
    const wr_tls_client_t *t = ((wr_tls_t *) wr_tls_of(ssl))->client;

    return t != NULL ? t->key_log_data : NULL;
}

bool
wr_tls_client_check(wr_conn_t *c, const wr_tls_client_t *t, wr_str_t name)
{
    SSL  *ssl = ((wr_tls_t *) c->tls)->ssl;
    X509 *x;
    char  text[MAX_NAME + 1];
    long  result;

    if (!t->verify) {
        return true;
    }
    result = SSL_get_verify_result(ssl);
    if (result != X509_V_OK) {
        wr_log(wr_conn_log(c), WR_LOG_ERR, 0, "upstream SSL certificate verify error: (%ld:%s)",
               result, X509_verify_cert_error_string(result));
        return false;
    }
    x = SSL_get0_peer_certificate(ssl);
    if (x == NULL || !plain_name(text, name)
        || (is_address(text) ? X509_check_ip_asc(x, text, 0)
                             : X509_check_host(x, text, 0, 0, NULL)) != 1)
    {
        wr_log(wr_conn_log(c), WR_LOG_ERR, 0, "upstream SSL certificate does not match \"%.*s\"",
               WR_ARG(name));
        return false;
    }
    return true;
}
