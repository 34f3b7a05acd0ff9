/*
 * Certificates and keys from PEM, out of files or of "data:" texts, and into
 * OpenSSL's contexts and connections.
 */
#include "ssl.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>

static BIO *
open_source(const char *source)
{
    if (strncmp(source, "data:", 5) == 0) {
        return BIO_new_mem_buf(source + 5, -1);
    }
    return BIO_new_file(source, "r");
}

static bool
failed(ssl_error_t *e, const char *what, const char *source, const char *call)
{
    if (strncmp(source, "data:", 5) == 0) {
        source = "data:...";    /* keys do not belong into logs */
    }
    snprintf(e->text, sizeof(e->text), "%s \"%s\": %s failed (SSL: %s)", what, source, call,
             wr_tls_error());
    return false;
}

static bool
read_certificates(ssl_pair_t *p, const char *source, ssl_error_t *e)
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

static int
give_password(char *to, int size, int writing, void *data)
{
    const wr_str_t *password = data;
    size_t          n;

    (void) writing;
    if (password == NULL) {
        return 0;
    }
    n = wr_min_size(password->n, (size_t) size);
    memcpy(to, password->p, n);
    return (int) n;
}

static EVP_PKEY *
read_key_with(const char *source, wr_str_t *password, const char **call)
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

static bool
read_key(ssl_pair_t *p, const ssl_conf_t *conf, const char *source, ssl_error_t *e)
{
    const char *call = NULL;

    if (conf->passwords.n == 0) {
        p->key = read_key_with(source, NULL, &call);
    }
    for (WR_EACH(wr_str_t, password, &conf->passwords)) {
        ERR_clear_error();
        p->key = read_key_with(source, password, &call);
        if (p->key != NULL) {
            break;
        }
    }
    return p->key != NULL || failed(e, "cannot load certificate key", source, call);
}

bool
ssl_read_pair(ssl_pair_t *p, const ssl_conf_t *conf, const char *cert, const char *key,
              ssl_error_t *e)
{
    *p = (ssl_pair_t) {0};
    ERR_clear_error();
    if (read_certificates(p, cert, e) && read_key(p, conf, key, e)) {
        return true;
    }
    ssl_free_pair(p);
    return false;
}

void
ssl_free_pair(ssl_pair_t *p)
{
    X509_free(p->cert);
    sk_X509_pop_free(p->chain, X509_free);
    EVP_PKEY_free(p->key);
    *p = (ssl_pair_t) {0};
}

static bool
not_used(ssl_error_t *e, const char *call, const char *source)
{
    if (strncmp(source, "data:", 5) == 0) {
        source = "data:...";
    }
    snprintf(e->text, sizeof(e->text), "%s(\"%s\") failed (SSL: %s)", call, source,
             wr_tls_error());
    return false;
}

bool
ssl_use_pair(SSL_CTX *ctx, SSL *ssl, const ssl_pair_t *p, const char *cert, const char *key,
             ssl_error_t *e)
{
    ERR_clear_error();
    if (ssl != NULL) {
        if (SSL_use_certificate(ssl, p->cert) != 1
            || SSL_set1_chain(ssl, p->chain) != 1)
        {
            return not_used(e, "SSL_use_certificate", cert);
        }
        return SSL_use_PrivateKey(ssl, p->key) == 1
               || not_used(e, "SSL_use_PrivateKey", key);
    }
    if (SSL_CTX_use_certificate(ctx, p->cert) != 1
        || SSL_CTX_set1_chain(ctx, p->chain) != 1)
    {
        return not_used(e, "SSL_CTX_use_certificate", cert);
    }
    return SSL_CTX_use_PrivateKey(ctx, p->key) == 1
           || not_used(e, "SSL_CTX_use_PrivateKey", key);
}
