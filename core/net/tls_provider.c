/*
 * TLS: contexts whose keys are derived by hkdf.c. OpenSSL's own way spends a tenth of a
 * handshake's time around the hashing: it looks up, allocates and copies.
 *
 * OpenSSL asks its providers for algorithms. Ours stands beside the default one and has
 * TLS13-KDF alone, which only contexts with its wish prefer: all else, and who asks without
 * that wish, gets what he got before. (HMAC would be the next: but records of TLS 1.2 ask
 * for it by the same wish, and count on OpenSSL's to take the same time for any padding.)
 * Where a policy (openssl.cnf's default_properties) demands more than ours claims to be,
 * FIPS say, OpenSSL's own is used.
 *
 * The parameters of a derivation come with it, as OpenSSL's TLS gives them; there is no
 * state, so one object serves as the context of all.
 */
#include <weir/net/hkdf.h>
#include <weir/net/tls_priv.h>

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <openssl/proverr.h>

_Thread_local wr_tls_t *tls_wants_secrets;

/* ---- TLS13-KDF ---- */

typedef struct args {
    int              mode;
    const wr_hash_t *hash;
    wr_str_t         key, salt, prefix, label, data;
} args_t;

static wr_str_t *
octets_of(args_t *a, const char *name)
{
    static const struct {
        const char *name;
        size_t      offset;
    } octets[] = {
        {OSSL_KDF_PARAM_KEY, offsetof(args_t, key)},
        {OSSL_KDF_PARAM_PREFIX, offsetof(args_t, prefix)},
        {OSSL_KDF_PARAM_LABEL, offsetof(args_t, label)},
        {OSSL_KDF_PARAM_DATA, offsetof(args_t, data)},
        {OSSL_KDF_PARAM_SALT, offsetof(args_t, salt)},
    };

    for (unsigned i = 0; i < WR_COUNT(octets); i++) {
        if (strcmp(octets[i].name, name) == 0) {
            return (wr_str_t *) (void *) ((char *) a + octets[i].offset);
        }
    }
    return NULL;
}

static bool
parse(args_t *a, const OSSL_PARAM *p)
{
    *a = (args_t) {.mode = EVP_KDF_HKDF_MODE_EXTRACT_AND_EXPAND};
    for (; p != NULL && p->key != NULL; p++) {
        if (p->data_type == OSSL_PARAM_OCTET_STRING) {
            wr_str_t *to = octets_of(a, p->key);

            if (to != NULL) {
                *to = wr_str(p->data, p->data_size);
            }
        } else if (strcmp(p->key, OSSL_KDF_PARAM_MODE) == 0) {
            if (OSSL_PARAM_get_int(p, &a->mode) != 1) {
                return false;
            }
        } else if (strcmp(p->key, OSSL_KDF_PARAM_DIGEST) == 0) {
            a->hash = p->data_type == OSSL_PARAM_UTF8_STRING ? wr_hash_of(p->data) : NULL;
        }
    }
    return a->hash != NULL;
}

static int
derive(void *ctx, unsigned char *to, size_t n, const OSSL_PARAM params[])
{
    args_t a;
    bool   ok = parse(&a, params) && n != 0;

    (void) ctx;
    if (ok && a.mode == EVP_KDF_HKDF_MODE_EXPAND_ONLY && a.key.n != 0) {
        ok = wr_hkdf_expand(a.hash, a.key, a.prefix, a.label, a.data, to, n);
        if (ok && tls_wants_secrets != NULL) {
            tls_note_derived(tls_wants_secrets, a.key, a.label, to, n);
        }
    } else if (ok && a.mode == EVP_KDF_HKDF_MODE_EXTRACT_ONLY && n == wr_hash_size(a.hash)) {
        ok = wr_hkdf_next(a.hash, a.salt, a.prefix, a.label, a.key, to);
    } else {
        ok = false;
    }
    if (!ok) {
        ERR_raise(ERR_LIB_PROV, PROV_R_BAD_ENCODING);
    }
    return ok;
}

static void *
new_context(void *provider)
{
    return provider;
}

static void
no_context(void *ctx)
{
    (void) ctx;
}

#define FN(name) ((void (*)(void)) (name))

static const OSSL_DISPATCH kdf_functions[] = {
    {OSSL_FUNC_KDF_NEWCTX, FN(new_context)},
    {OSSL_FUNC_KDF_FREECTX, FN(no_context)},
    {OSSL_FUNC_KDF_RESET, FN(no_context)},
    {OSSL_FUNC_KDF_DERIVE, FN(derive)},
    {0, NULL},
};

/* ---- the provider ---- */

static const OSSL_ALGORITHM *
query(void *provider, int operation, int *no_cache)
{
    static const OSSL_ALGORITHM kdfs[] = {
        {OSSL_KDF_NAME_TLS1_3_KDF, "provider=weir", kdf_functions, NULL},
        {NULL, NULL, NULL, NULL},
    };

    (void) provider;
    *no_cache = 0;
    return operation == OSSL_OP_KDF ? kdfs : NULL;
}

static int
begin(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in, const OSSL_DISPATCH **out,
      void **provider)
{
    static const OSSL_DISPATCH functions[] = {
        {OSSL_FUNC_PROVIDER_QUERY_OPERATION, FN(query)},
        {0, NULL},
    };
    static char that;           /* a context must not be NULL */

    (void) handle;
    (void) in;
    *out = functions;
    *provider = &that;
    return 1;
}

/* Behind the default one, which the first fetch brings: who has no wish gets the first.
 * For good. */
static bool
is_loaded(void)
{
    static bool           tried;
    static OSSL_PROVIDER *provider;

    if (!tried) {
        tried = true;
        EVP_KDF_free(EVP_KDF_fetch(NULL, OSSL_KDF_NAME_TLS1_3_KDF, NULL));
        if (OSSL_PROVIDER_add_builtin(NULL, "weir", begin) == 1) {
            provider = OSSL_PROVIDER_try_load(NULL, "weir", 1);
        }
        ERR_clear_error();
    }
    return provider != NULL;
}

const char *
tls_provider_wish(void)
{
    return is_loaded() ? "?provider=weir" : NULL;
}
