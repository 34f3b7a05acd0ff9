/*
 * Names of signature schemes, as RFC 8446 §4.2.3 has them. OpenSSL says of a handshake
 * which kind of key has signed, and over which hash; before 3.5 it has no word for both.
 */
#include <weir/net/tls_priv.h>

typedef struct scheme {
    int         type, hash;     /* NIDs */
    const char *name;
} scheme_t;

static const scheme_t schemes[] = {
    {EVP_PKEY_EC, NID_sha256, "ecdsa_secp256r1_sha256"},
    {EVP_PKEY_EC, NID_sha384, "ecdsa_secp384r1_sha384"},
    {EVP_PKEY_EC, NID_sha512, "ecdsa_secp521r1_sha512"},
    {EVP_PKEY_EC, NID_sha224, "ecdsa_sha224"},
    {EVP_PKEY_EC, NID_sha1, "ecdsa_sha1"},
    {EVP_PKEY_ED25519, NID_undef, "ed25519"},
    {EVP_PKEY_ED448, NID_undef, "ed448"},
    {EVP_PKEY_RSA_PSS, NID_sha256, "rsa_pss_rsae_sha256"},
    {EVP_PKEY_RSA_PSS, NID_sha384, "rsa_pss_rsae_sha384"},
    {EVP_PKEY_RSA_PSS, NID_sha512, "rsa_pss_rsae_sha512"},
    {EVP_PKEY_RSA, NID_sha256, "rsa_pkcs1_sha256"},
    {EVP_PKEY_RSA, NID_sha384, "rsa_pkcs1_sha384"},
    {EVP_PKEY_RSA, NID_sha512, "rsa_pkcs1_sha512"},
    {EVP_PKEY_RSA, NID_sha224, "rsa_pkcs1_sha224"},
    {EVP_PKEY_RSA, NID_sha1, "rsa_pkcs1_sha1"},
};
/* The same with a key that is for that alone. */
static const scheme_t pss[] = {
    {EVP_PKEY_RSA_PSS, NID_sha256, "rsa_pss_pss_sha256"},
    {EVP_PKEY_RSA_PSS, NID_sha384, "rsa_pss_pss_sha384"},
    {EVP_PKEY_RSA_PSS, NID_sha512, "rsa_pss_pss_sha512"},
};

static const char *
find(const scheme_t *list, unsigned n, int type, int hash)
{
    for (unsigned i = 0; i < n; i++) {
        if (list[i].type == type && list[i].hash == hash) {
            return list[i].name;
        }
    }
    return "";
}

static const char *
name_of(int type, int hash, const X509 *x)
{
    const EVP_PKEY *key = x != NULL ? X509_get0_pubkey(x) : NULL;

    return key != NULL && EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA_PSS
               ? find(pss, WR_COUNT(pss), type, hash)
               : find(schemes, WR_COUNT(schemes), type, hash);
}

const char *
tls_scheme(const SSL *ssl)
{
    int type, hash;

    return SSL_get_signature_type_nid(ssl, &type) == 1
                   && SSL_get_signature_nid((SSL *) (uintptr_t) ssl, &hash) == 1
               ? name_of(type, hash, SSL_get_certificate(ssl))
               : "";
}

const char *
wr_tls_peer_scheme(const wr_tls_t *t)
{
    int type, hash;

    return t->ssl != NULL && SSL_get_peer_signature_type_nid(t->ssl, &type) == 1
                   && SSL_get_peer_signature_nid(t->ssl, &hash) == 1
               ? name_of(type, hash, SSL_get0_peer_certificate(t->ssl))
               : "";
}
