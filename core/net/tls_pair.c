/*
 * Certificates with their chains, and keys: out of PEM files, of "data:" texts, and keys
 * also of a provider's store ("store:URI") or of an engine ("engine:NAME:ID").
 */
#define OPENSSL_SUPPRESS_DEPRECATED     /* engines */
#include <weir/net/tls_pair.h>

#include <openssl/engine.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/store.h>
#include <stdio.h>
#include <weir/net/tls.h>
#include <weir/os/readfile.h>

static bool
begins(const char *source, const char *scheme)
{
    return strncmp(source, scheme, strlen(scheme)) == 0;
}

bool
wr_tls_is_file(wr_str_t source)
{
    return !wr_str_starts(source, WR_STR("data:")) && !wr_str_starts(source, WR_STR("store:"))
           && !wr_str_starts(source, WR_STR("engine:"));
}

wr_rc_t
wr_tls_passwords_set(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    wr_array_t *passwords = (wr_array_t *) (void *) ((char *) conf + d->offset);
    wr_str_t    path = wr_conf_file_path(cf, cf->args[1].text), text, line;
    const char *call;
    int         err = wr_file_read(cf->pool, path.p, 1 << 20, &text, &call);

    if (err != 0) {
        return wr_conf_fail_errno(cf, &cf->args[1], err, "%s \"%.*s\" failed", call,
                                  WR_ARG(path));
    }
    *passwords = wr_array(cf->pool, sizeof(wr_str_t));
    while (wr_str_split(&text, '\n', &line)) {
        if (line.n != 0 && line.p[line.n - 1] == '\r') {
            line.n--;
        }
        if (line.n != 0) {
            *WR_PUSH(passwords, wr_str_t) = line;
        }
    }
    return WR_OK;
}

static BIO *
open_source(const char *source)
{
    if (begins(source, "data:")) {
        return BIO_new_mem_buf(source + 5, -1);
    }
    return BIO_new_file(source, "r");
}

static bool
failed(wr_tls_fault_t *e, const char *what, const char *source, const char *call)
{
    if (begins(source, "data:")) {
        source = "data:...";    /* keys do not belong into logs */
    }
    if (ERR_peek_error() == 0) {
        snprintf(e->text, sizeof(e->text), "%s \"%s\": %s", what, source, call);
        return false;
    }
    snprintf(e->text, sizeof(e->text), "%s \"%s\": %s failed (SSL: %s)", what, source, call,
             wr_tls_error());
    return false;
}

static bool
read_certificates(wr_tls_pair_t *p, const char *source, wr_tls_fault_t *e)
{
    static const char what[] = "cannot load certificate";
    BIO              *b = open_source(source);
    X509             *x;
    bool              ok = true;

    if (b == NULL) {
        return failed(e, what, source, "BIO_new_file()");
    }
    p->cert = PEM_read_bio_X509_AUX(b, NULL, NULL, NULL);
    p->chain = sk_X509_new_null();
    if (p->cert == NULL || p->chain == NULL) {
        BIO_free(b);
        return failed(e, what, source, "PEM_read_bio_X509_AUX()");
    }
    while ((x = PEM_read_bio_X509(b, NULL, NULL, NULL)) != NULL) {
        if (sk_X509_push(p->chain, x) == 0) {
            X509_free(x);
            ok = failed(e, what, source, "sk_X509_push()");
            break;
        }
    }
    if (ok && ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE) {
        ok = failed(e, what, source, "PEM_read_bio_X509()");
    }
    ERR_clear_error();          /* the end of the file */
    BIO_free(b);
    return ok;
}

static bool asked;             /* for a password that nobody has given */

static int
give_password(char *to, int size, int writing, void *data)
{
    const wr_str_t *password = data;
    size_t          n;

    (void) writing;
    if (password == NULL) {
        asked = true;
        return -1;
    }
    n = wr_min_size(password->n, (size_t) size);
    memcpy(to, password->p, n);
    return (int) n;
}

static EVP_PKEY *
key_of_pem(const char *source, wr_str_t *password, const char **call)
{
    BIO      *b = open_source(source);
    EVP_PKEY *key;

    if (b == NULL) {
        *call = "BIO_new_file()";
        return NULL;
    }
    *call = "PEM_read_bio_PrivateKey()";
    key = PEM_read_bio_PrivateKey(b, NULL, give_password, password);
    BIO_free(b);
    return key;
}

static EVP_PKEY *
key_of_store(const char *uri, wr_str_t *password, const char **call)
{
    UI_METHOD      *ui = UI_UTIL_wrap_read_pem_callback(give_password, 0);
    OSSL_STORE_CTX *store = OSSL_STORE_open(uri, ui, password, NULL, NULL);
    EVP_PKEY       *key = NULL;

    *call = store == NULL ? "OSSL_STORE_open()" : "OSSL_STORE_load()";
    while (store != NULL && key == NULL && !OSSL_STORE_eof(store)) {
        OSSL_STORE_INFO *info = OSSL_STORE_load(store);

        if (info != NULL && OSSL_STORE_INFO_get_type(info) == OSSL_STORE_INFO_PKEY) {
            key = OSSL_STORE_INFO_get1_PKEY(info);
        }
        OSSL_STORE_INFO_free(info);
        if (info == NULL && OSSL_STORE_error(store)) {
            break;
        }
    }
    OSSL_STORE_close(store);
    UI_destroy_method(ui);
    return key;
}

static EVP_PKEY *
key_of_engine(const char *source, const char **call)
{
#ifndef OPENSSL_NO_ENGINE
    const char *id = strchr(source, ':');
    char        name[64];
    ENGINE     *engine;
    EVP_PKEY   *key;

    if (id == NULL || id == source || (size_t) (id - source) >= sizeof(name)) {
        *call = "invalid syntax";
        return NULL;
    }
    memcpy(name, source, (size_t) (id - source));
    name[id - source] = '\0';
    *call = "ENGINE_by_id()";
    engine = ENGINE_by_id(name);
    if (engine == NULL) {
        return NULL;
    }
    *call = "ENGINE_load_private_key()";
    key = ENGINE_load_private_key(engine, id + 1, NULL, NULL);
    ENGINE_free(engine);
    return key;
#else
    (void) source;
    *call = "loading \"engine:...\" certificate keys is not supported";
    return NULL;
#endif
}

static EVP_PKEY *
key_of(const char *source, wr_str_t *password, const char **call)
{
    if (begins(source, "engine:")) {
        return key_of_engine(source + 7, call);
    }
    return begins(source, "store:") ? key_of_store(source + 6, password, call)
                                    : key_of_pem(source, password, call);
}

static bool
read_key(wr_tls_pair_t *p, const wr_array_t *passwords, const char *source, wr_tls_fault_t *e)
{
    const char *call = NULL;

    asked = false;
    if (passwords->n == 0) {
        p->key = key_of(source, NULL, &call);
    }
    for (WR_EACH(wr_str_t, password, passwords)) {
        ERR_clear_error();
        p->key = key_of(source, password, &call);
        if (p->key != NULL) {
            break;
        }
    }
    if (p->key == NULL && asked) {
        ERR_clear_error();
        call = "it is encrypted, and no file of passwords is given";
    }
    if (p->key == NULL) {
        return failed(e, "cannot load certificate key", source, call);
    }
    ERR_clear_error();
    return true;
}

bool
wr_tls_read_pair(wr_tls_pair_t *p, const wr_array_t *passwords, const char *cert, const char *key,
              wr_tls_fault_t *e)
{
    *p = (wr_tls_pair_t) {0};
    ERR_clear_error();
    if (read_certificates(p, cert, e) && read_key(p, passwords, key, e)) {
        return true;
    }
    wr_tls_free_pair(p);
    return false;
}

void
wr_tls_free_pair(wr_tls_pair_t *p)
{
    X509_free(p->cert);
    sk_X509_pop_free(p->chain, X509_free);
    EVP_PKEY_free(p->key);
    *p = (wr_tls_pair_t) {0};
}

bool
wr_tls_not_used(wr_tls_fault_t *e, const char *call, const char *source)
{
    if (begins(source, "data:")) {
        source = "data:...";
    }
    snprintf(e->text, sizeof(e->text), "%s(\"%s\") failed (SSL: %s)", call, source,
             wr_tls_error());
    return false;
}

bool
wr_tls_use_pair(SSL_CTX *ctx, SSL *ssl, const wr_tls_pair_t *p, const char *cert, const char *key,
             wr_tls_fault_t *e)
{
    ERR_clear_error();
    if (ssl != NULL) {
        if (SSL_use_certificate(ssl, p->cert) != 1
            || SSL_set1_chain(ssl, p->chain) != 1)
        {
            return wr_tls_not_used(e, "SSL_use_certificate", cert);
        }
        return SSL_use_PrivateKey(ssl, p->key) == 1
               || wr_tls_not_used(e, "SSL_use_PrivateKey", key);
    }
    if (SSL_CTX_use_certificate(ctx, p->cert) != 1
        || SSL_CTX_set1_chain(ctx, p->chain) != 1)
    {
        return wr_tls_not_used(e, "SSL_CTX_use_certificate", cert);
    }
    return SSL_CTX_use_PrivateKey(ctx, p->key) == 1
           || wr_tls_not_used(e, "SSL_CTX_use_PrivateKey", key);
}
