/*
 * Certificates and keys from PEM, out of files or of "data:" texts.
 */
#include "ssl.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <errno.h>

static BIO *
open_source(const char *source)
{
    if (strncmp(source, "data:", 5) == 0) {
        return BIO_new_mem_buf(source + 5, -1);
    }
    return BIO_new_file(source, "r");
}

static wr_rc_t
load_certificate(SSL_CTX *ctx, SSL *ssl, const char *source, const char **why)
{
    BIO  *b = open_source(source);
    X509 *x;
    int   ok;

    *why = "cannot load certificate";
    if (b == NULL) {
        return WR_ERROR;
    }
    x = PEM_read_bio_X509_AUX(b, NULL, NULL, NULL);
    if (x == NULL) {
        BIO_free(b);
        return WR_ERROR;
    }
    ok = ssl != NULL ? SSL_use_certificate(ssl, x) : SSL_CTX_use_certificate(ctx, x);
    X509_free(x);
    while (ok == 1 && (x = PEM_read_bio_X509(b, NULL, NULL, NULL)) != NULL) {
        ok = (int) (ssl != NULL ? SSL_add0_chain_cert(ssl, x)
                                : SSL_CTX_add0_chain_cert(ctx, x));
        if (ok != 1) {
            X509_free(x);
        }
    }
    BIO_free(b);
    if (ok != 1) {
        return WR_ERROR;
    }
    ERR_clear_error();          /* the end of the file */
    return WR_OK;
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
read_key(const char *source, wr_str_t *password)
{
    BIO      *b = open_source(source);
    EVP_PKEY *key;

    if (b == NULL) {
        return NULL;
    }
    key = PEM_read_bio_PrivateKey(b, NULL, give_password, password);
    BIO_free(b);
    return key;
}

static wr_rc_t
load_key(SSL_CTX *ctx, SSL *ssl, const ssl_conf_t *conf, const char *source,
         const char **why)
{
    EVP_PKEY *key = read_key(source, NULL);
    int       ok;

    *why = "cannot load certificate key";
    for (WR_EACH(wr_str_t, password, &conf->passwords)) {
        if (key != NULL) {
            break;
        }
        ERR_clear_error();
        key = read_key(source, password);
    }
    if (key == NULL) {
        return WR_ERROR;
    }
    ok = ssl != NULL ? SSL_use_PrivateKey(ssl, key) : SSL_CTX_use_PrivateKey(ctx, key);
    EVP_PKEY_free(key);
    return ok == 1 ? WR_OK : WR_ERROR;
}

wr_rc_t
ssl_load_pair(SSL_CTX *ctx, SSL *ssl, const ssl_conf_t *conf, const char *cert,
              const char *key, const char **why, const char **file)
{
    ERR_clear_error();
    *file = cert;
    if (load_certificate(ctx, ssl, cert, why) != WR_OK) {
        return WR_ERROR;
    }
    *file = key;
    return load_key(ctx, ssl, conf, key, why);
}
