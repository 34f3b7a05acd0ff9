/*
 * AEAD ciphers of OpenSSL's providers, called without its EVP layer, which for each record
 * asks the cipher by name how long its nonce is, and gives and takes the tag by two more
 * layers: to open a request and to seal an answer of 1 KB takes 7,300 instructions, and took
 * 9,600.
 *
 * EVP still chooses: the provider is that of the cipher it fetches, whatever openssl.cnf
 * says. What a provider's functions take is fixed: provider-cipher(7).
 */
#include <weir/net/aead.h>

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/provider.h>

struct wr_aead {
    const char                         *name;
    size_t                              key_n;
    bool                                tried, usable;
    EVP_CIPHER                         *fetched;        /* keeps the provider loaded */
    void                               *provider;       /* its context */
    OSSL_FUNC_cipher_newctx_fn         *newctx;
    OSSL_FUNC_cipher_freectx_fn        *freectx;
    OSSL_FUNC_cipher_encrypt_init_fn   *einit;
    OSSL_FUNC_cipher_decrypt_init_fn   *dinit;
    OSSL_FUNC_cipher_update_fn         *update;
    OSSL_FUNC_cipher_final_fn          *final;
    OSSL_FUNC_cipher_get_ctx_params_fn *get;
};

static wr_aead_t aeads[] = {
    {.name = "AES-128-GCM", .key_n = 16},
    {.name = "AES-256-GCM", .key_n = 32},
    {.name = "ChaCha20-Poly1305", .key_n = 32},
};

/* ---- finding it ---- */

/* A provider gives an algorithm's names as "a:b:c". */
static bool
has_name(const char *names, const char *name)
{
    wr_str_t rest = wr_str_z(names), one;

    while (wr_str_split(&rest, ':', &one)) {
        if (wr_str_ieq(one, wr_str_z(name))) {
            return true;
        }
    }
    return false;
}

static bool
take_functions(wr_aead_t *a, const OSSL_DISPATCH *d)
{
    for (; d->function_id != 0; d++) {
        switch (d->function_id) {
        case OSSL_FUNC_CIPHER_NEWCTX:
            a->newctx = OSSL_FUNC_cipher_newctx(d);
            break;
        case OSSL_FUNC_CIPHER_FREECTX:
            a->freectx = OSSL_FUNC_cipher_freectx(d);
            break;
        case OSSL_FUNC_CIPHER_ENCRYPT_INIT:
            a->einit = OSSL_FUNC_cipher_encrypt_init(d);
            break;
        case OSSL_FUNC_CIPHER_DECRYPT_INIT:
            a->dinit = OSSL_FUNC_cipher_decrypt_init(d);
            break;
        case OSSL_FUNC_CIPHER_UPDATE:
            a->update = OSSL_FUNC_cipher_update(d);
            break;
        case OSSL_FUNC_CIPHER_FINAL:
            a->final = OSSL_FUNC_cipher_final(d);
            break;
        case OSSL_FUNC_CIPHER_GET_CTX_PARAMS:
            a->get = OSSL_FUNC_cipher_get_ctx_params(d);
            break;
        default:
            break;
        }
    }
    return a->newctx != NULL && a->freectx != NULL && a->einit != NULL && a->dinit != NULL
           && a->update != NULL && a->final != NULL && a->get != NULL;
}

static bool
find(wr_aead_t *a)
{
    const OSSL_PROVIDER  *p;
    const OSSL_ALGORITHM *al;
    int                   no_cache;

    a->fetched = EVP_CIPHER_fetch(NULL, a->name, NULL);
    if (a->fetched == NULL) {
        return false;
    }
    p = EVP_CIPHER_get0_provider(a->fetched);
    a->provider = OSSL_PROVIDER_get0_provider_ctx(p);
    al = OSSL_PROVIDER_query_operation(p, OSSL_OP_CIPHER, &no_cache);
    for (; al != NULL && al->algorithm_names != NULL; al++) {
        if (has_name(al->algorithm_names, a->name)) {
            return take_functions(a, al->implementation);
        }
    }
    return false;
}

const wr_aead_t *
wr_aead_of(const char *name)
{
    for (unsigned i = 0; i < WR_COUNT(aeads); i++) {
        wr_aead_t *a = &aeads[i];

        if (strcmp(a->name, name) == 0) {
            if (!a->tried) {
                a->tried = true;
                a->usable = find(a);
            }
            return a->usable ? a : NULL;
        }
    }
    return NULL;
}

/* ---- its use ---- */

bool
wr_aead_set(wr_aead_key_t *k, const wr_aead_t *a, const unsigned char *key, bool seals)
{
    if (k->ctx == NULL) {
        *k = (wr_aead_key_t) {.aead = a, .ctx = a->newctx(a->provider)};
    }
    return k->ctx != NULL
           && (seals ? a->einit : a->dinit)(k->ctx, key, a->key_n, NULL, 0, NULL) == 1;
}

void
wr_aead_end(wr_aead_key_t *k)
{
    if (k->ctx != NULL) {
        k->aead->freectx(k->ctx);
        k->ctx = NULL;
    }
}

static bool
update(const wr_aead_key_t *k, unsigned char *to, const void *p, size_t n)
{
    size_t len;

    return k->aead->update(k->ctx, to, &len, n, p, n) == 1;
}

bool
wr_aead_seal(const wr_aead_key_t *k, const unsigned char *nonce, wr_str_t aad, const void *p,
             size_t n, int last, unsigned char *to)
{
    const wr_aead_t *a = k->aead;
    unsigned char    byte = (unsigned char) last, *tag = to + n + (last >= 0);
    OSSL_PARAM       want[] = {
        OSSL_PARAM_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, tag, WR_AEAD_TAG), OSSL_PARAM_END};
    size_t           len;

    return a->einit(k->ctx, NULL, 0, nonce, WR_AEAD_NONCE, NULL) == 1
           && update(k, NULL, aad.p, aad.n) && update(k, to, p, n)
           && (last < 0 || update(k, to + n, &byte, 1))
           && a->final(k->ctx, tag, &len, 0) == 1 && a->get(k->ctx, want) == 1;
}

bool
wr_aead_open(const wr_aead_key_t *k, const unsigned char *nonce, wr_str_t aad,
             unsigned char *text, size_t n)
{
    const wr_aead_t *a = k->aead;
    OSSL_PARAM       given[] = {
        OSSL_PARAM_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, text + n, WR_AEAD_TAG),
        OSSL_PARAM_END};
    size_t           len;

    return a->dinit(k->ctx, NULL, 0, nonce, WR_AEAD_NONCE, given) == 1
           && update(k, NULL, aad.p, aad.n) && update(k, text, text, n)
           && a->final(k->ctx, text + n, &len, 0) == 1;
}
