/*
 * Where a session may be resumed: at servers that have the same certificates and let in the
 * same clients. OpenSSL compares a digest of that (the "session id context").
 */
#include "ssl.h"

#include <openssl/x509.h>
#include <weir/os/readfile.h>

enum { MAX_LIST = 64 << 20 };   /* of authorities or what they revoked */

/* By what it holds: a list that was changed makes sessions from before it worthless. What
 * cannot be read was complained about already. */
static void
digest_file(wr_conf_t *cf, EVP_MD_CTX *md, wr_str_t path)
{
    wr_str_t    text = WR_STR_NONE;
    const char *call;
    uint64_t    n;

    if (path.n != 0 && wr_file_read(cf->temp, path.p, MAX_LIST, &text, &call) != 0) {
        text = path;
    }
    n = text.n;
    EVP_DigestUpdate(md, &n, sizeof(n));
    EVP_DigestUpdate(md, text.p, text.n);
}

/* A session holds the verdict on its client: it counts for no other server that may judge
 * him otherwise, whatever name he asks for. */
static void
digest_verification(wr_conf_t *cf, EVP_MD_CTX *md, const ssl_conf_t *conf)
{
    EVP_DigestUpdate(md, &conf->verify, sizeof(conf->verify));
    if (conf->verify == VERIFY_OFF) {
        return;
    }
    EVP_DigestUpdate(md, &conf->depth, sizeof(conf->depth));
    EVP_DigestUpdate(md, &conf->ocsp, sizeof(conf->ocsp));
    digest_file(cf, md, conf->client_ca);
    digest_file(cf, md, conf->trusted);
    digest_file(cf, md, conf->crl);
}

void
ssl_session_set_id(wr_conf_t *cf, SSL_CTX *ctx, const ssl_conf_t *conf)
{
    EVP_MD_CTX   *md = EVP_MD_CTX_new();
    unsigned char id[EVP_MAX_MD_SIZE], one[EVP_MAX_MD_SIZE];
    unsigned      n, k;
    int           more;

    WR_ASSERT(md != NULL);
    EVP_DigestInit_ex(md, EVP_sha256(), NULL);
    EVP_DigestUpdate(md, "HTTP", 4);
    for (more = SSL_CTX_set_current_cert(ctx, SSL_CERT_SET_FIRST); more == 1;
         more = SSL_CTX_set_current_cert(ctx, SSL_CERT_SET_NEXT))
    {
        X509 *x = SSL_CTX_get0_certificate(ctx);

        if (x != NULL && X509_digest(x, EVP_sha256(), one, &k) == 1) {
            EVP_DigestUpdate(md, one, k);
        }
    }
    for (WR_EACH(wr_cv_t, cv, &conf->certificates)) {
        if (!wr_cv_is_const(cv)) {
            EVP_DigestUpdate(md, cv->text.p, cv->text.n);
        }
    }
    digest_verification(cf, md, conf);
    EVP_DigestFinal_ex(md, id, &n);
    EVP_MD_CTX_free(md);
    SSL_CTX_set_session_id_context(ctx, id, wr_min_size(n, SSL_MAX_SID_CTX_LENGTH));
}
