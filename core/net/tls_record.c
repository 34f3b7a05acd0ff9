/*
 * Records of TLS 1.3, over OpenSSL's AEAD ciphers.
 *
 * The nonce is the number of the record, over the iv; the head of the record is what is
 * authenticated beside it; the type of the content is the last byte that is not zero.
 * Ciphers and HMACs are fetched once: else each would be looked for among the providers.
 */
#include <weir/net/tls_record.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <string.h>

enum { TAG = 16, WORN = 1 << 24 };

struct wr_suite {
    uint16_t    id;
    const char *cipher, *digest;
    size_t      key, hash;
};

static const wr_suite_t suites[] = {
    {0x1301, "AES-128-GCM", "SHA256", 16, 32},
    {0x1302, "AES-256-GCM", "SHA384", 32, 48},
    {0x1303, "ChaCha20-Poly1305", "SHA256", 32, 32},
};
static EVP_CIPHER  *ciphers[WR_COUNT(suites)];
static EVP_MAC_CTX *hmacs[WR_COUNT(suites)];

const wr_suite_t *
wr_suite_of(const SSL_CIPHER *cipher)
{
    for (unsigned i = 0; cipher != NULL && i < WR_COUNT(suites); i++) {
        if (SSL_CIPHER_get_protocol_id(cipher) == suites[i].id) {
            return &suites[i];
        }
    }
    return NULL;
}

size_t
wr_suite_secret_bytes(const wr_suite_t *s)
{
    return s->hash;
}

/* ---- keys ---- */

static EVP_CIPHER *
cipher_of(const wr_suite_t *s)
{
    EVP_CIPHER **c = &ciphers[s - suites];

    if (*c == NULL) {
        *c = EVP_CIPHER_fetch(NULL, s->cipher, NULL);
    }
    return *c;
}

static EVP_MAC_CTX *
hmac_of(const wr_suite_t *s)
{
    EVP_MAC_CTX **c = &hmacs[s - suites];
    EVP_MAC      *mac;
    OSSL_PARAM    digest[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST,
                                         (char *) (uintptr_t) s->digest, 0),
        OSSL_PARAM_construct_end()};

    if (*c != NULL) {
        return *c;
    }
    mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    *c = mac != NULL ? EVP_MAC_CTX_new(mac) : NULL;
    EVP_MAC_free(mac);
    if (*c != NULL && EVP_MAC_CTX_set_params(*c, digest) != 1) {
        EVP_MAC_CTX_free(*c);
        *c = NULL;
    }
    return *c;
}

/* HKDF-Expand-Label (RFC 8446 §7.1) without a context, of no more than one hash. */
static bool
expand(const wr_suite_t *s, const unsigned char *secret, const char *label,
       unsigned char *to, size_t n)
{
    unsigned char info[64], out[EVP_MAX_MD_SIZE];
    size_t        len = strlen(label), done = 0;
    EVP_MAC_CTX  *mac = hmac_of(s);
    bool          ok;

    info[0] = 0;
    info[1] = (unsigned char) n;
    info[2] = (unsigned char) (6 + len);
    memcpy(info + 3, "tls13 ", 6);
    memcpy(info + 9, label, len);
    info[9 + len] = 0;
    info[10 + len] = 1;
    ok = mac != NULL && EVP_MAC_init(mac, secret, s->hash, NULL) == 1
         && EVP_MAC_update(mac, info, 11 + len) == 1
         && EVP_MAC_final(mac, out, &done, sizeof(out)) == 1 && done >= n;
    if (ok) {
        memcpy(to, out, n);
    }
    OPENSSL_cleanse(out, sizeof(out));
    return ok;
}

static bool
use_secret(wr_record_keys_t *k)
{
    unsigned char key[32];
    bool          ok = expand(k->suite, k->secret, "key", key, k->suite->key)
              && expand(k->suite, k->secret, "iv", k->iv, sizeof(k->iv))
              && EVP_CipherInit_ex(k->ctx, cipher_of(k->suite), NULL, key, NULL, k->seals) == 1;

    OPENSSL_cleanse(key, sizeof(key));
    return ok;
}

bool
wr_record_begin(wr_record_keys_t *k, const wr_suite_t *s, const unsigned char *secret,
                uint64_t seq, bool seals)
{
    *k = (wr_record_keys_t) {.suite = s, .seq = seq, .seals = seals};
    memcpy(k->secret, secret, s->hash);
    k->ctx = EVP_CIPHER_CTX_new();
    if (k->ctx == NULL || cipher_of(s) == NULL || !use_secret(k)) {
        wr_record_end(k);
        return false;
    }
    return true;
}

bool
wr_record_next_keys(wr_record_keys_t *k)
{
    unsigned char next[WR_RECORD_SECRET];

    if (!expand(k->suite, k->secret, "traffic upd", next, k->suite->hash)) {
        return false;
    }
    memcpy(k->secret, next, k->suite->hash);
    OPENSSL_cleanse(next, sizeof(next));
    k->seq = 0;
    return use_secret(k);
}

bool
wr_record_is_worn(const wr_record_keys_t *k)
{
    return k->seq >= WORN;
}

void
wr_record_end(wr_record_keys_t *k)
{
    EVP_CIPHER_CTX_free(k->ctx);
    OPENSSL_cleanse(k, sizeof(*k));
}

/* ---- records ---- */

static void
next_nonce(wr_record_keys_t *k, unsigned char *nonce)
{
    uint64_t seq = k->seq++;

    memcpy(nonce, k->iv, sizeof(k->iv));
    for (unsigned i = 0; i < 8; i++) {
        nonce[11 - i] ^= (unsigned char) (seq >> (8 * i));
    }
}

size_t
wr_record_seal(wr_record_keys_t *k, int type, const char *p, size_t n, char *to)
{
    unsigned char *out = (unsigned char *) to, nonce[12], last = (unsigned char) type;
    size_t         sealed = n + 1 + TAG;
    int            len;

    next_nonce(k, nonce);
    out[0] = WR_RECORD_DATA;
    out[1] = out[2] = 3;
    out[3] = (unsigned char) (sealed >> 8);
    out[4] = (unsigned char) sealed;
    if (EVP_EncryptInit_ex(k->ctx, NULL, NULL, NULL, nonce) != 1
        || EVP_EncryptUpdate(k->ctx, NULL, &len, out, WR_RECORD_HEAD) != 1
        || EVP_EncryptUpdate(k->ctx, out + WR_RECORD_HEAD, &len, (const unsigned char *) p,
                             (int) n) != 1
        || EVP_EncryptUpdate(k->ctx, out + WR_RECORD_HEAD + n, &len, &last, 1) != 1
        || EVP_EncryptFinal_ex(k->ctx, out + WR_RECORD_HEAD + n + 1, &len) != 1
        || EVP_CIPHER_CTX_ctrl(k->ctx, EVP_CTRL_AEAD_GET_TAG, TAG,
                               out + WR_RECORD_HEAD + n + 1) != 1)
    {
        return 0;
    }
    return n + WR_RECORD_MORE;
}

ssize_t
wr_record_whole(const char *p, size_t n, int *alert)
{
    const unsigned char *u = (const unsigned char *) p;
    size_t               size;

    if (n == 0) {
        return 0;
    }
    if (u[0] != WR_RECORD_DATA) {
        *alert = SSL_AD_UNEXPECTED_MESSAGE;
        return -1;
    }
    if (n < WR_RECORD_HEAD) {
        return 0;
    }
    size = WR_RECORD_HEAD + ((size_t) u[3] << 8 | u[4]);
    if (size > WR_RECORD_MAX) {
        *alert = SSL_AD_RECORD_OVERFLOW;
        return -1;
    }
    if (size < WR_RECORD_HEAD + TAG + 1) {
        *alert = SSL_AD_DECODE_ERROR;
        return -1;
    }
    return n < size ? 0 : (ssize_t) size;
}

static bool
decrypt(wr_record_keys_t *k, unsigned char *p, size_t n)
{
    unsigned char nonce[12];
    int           len;

    next_nonce(k, nonce);
    return EVP_DecryptInit_ex(k->ctx, NULL, NULL, NULL, nonce) == 1
           && EVP_DecryptUpdate(k->ctx, NULL, &len, p, WR_RECORD_HEAD) == 1
           && EVP_DecryptUpdate(k->ctx, p + WR_RECORD_HEAD, &len, p + WR_RECORD_HEAD,
                                (int) (n - WR_RECORD_HEAD - TAG)) == 1
           && EVP_CIPHER_CTX_ctrl(k->ctx, EVP_CTRL_AEAD_SET_TAG, TAG, p + n - TAG) == 1
           && EVP_DecryptFinal_ex(k->ctx, p + n - TAG, &len) == 1;
}

int
wr_record_open(wr_record_keys_t *k, char *p, size_t n, wr_str_t *plain, int *alert)
{
    size_t end = n - TAG;

    if (end - WR_RECORD_HEAD > WR_RECORD_PLAIN + 1) {
        *alert = SSL_AD_RECORD_OVERFLOW;        /* padding counts */
        return -1;
    }
    if (!decrypt(k, (unsigned char *) p, n)) {
        *alert = SSL_AD_BAD_RECORD_MAC;
        return -1;
    }
    while (end > WR_RECORD_HEAD && p[end - 1] == 0) {
        end--;
    }
    if (end == WR_RECORD_HEAD) {
        *alert = SSL_AD_UNEXPECTED_MESSAGE;     /* only padding */
        return -1;
    }
    *plain = wr_str(p + WR_RECORD_HEAD, end - 1 - WR_RECORD_HEAD);
    return (unsigned char) p[end - 1];
}
