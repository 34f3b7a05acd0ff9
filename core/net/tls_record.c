/*
 * Records over OpenSSL's AEAD ciphers (aead.c).
 *
 * TLS 1.3: the nonce is the number of the record, over the iv; the head of the record is
 * what is authenticated beside it; the type of the content is the last byte that is not
 * zero. TLS 1.2: the type stands in the head; number and head without the cipher's part
 * are authenticated; with GCM eight bytes of the nonce lead the record (ours: its number).
 */
#include <weir/net/hkdf.h>
#include <weir/net/tls_record.h>

#include <endian.h>
#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <string.h>

enum { TAG = WR_AEAD_TAG, NONCE = WR_AEAD_NONCE };
enum { WORN = 1 << 24, EXPLICIT = 8, OLD_AAD = 13 };

struct wr_suite {
    int         nid;
    const char *cipher, *digest;
    size_t      key, hash;
    bool        old;
    size_t      leading;        /* of the nonce in each record; the rest is the iv */
};

static const wr_suite_t suites[] = {
    {NID_aes_128_gcm, "AES-128-GCM", "SHA256", 16, 32, false, 0},
    {NID_aes_256_gcm, "AES-256-GCM", "SHA384", 32, 48, false, 0},
    {NID_chacha20_poly1305, "ChaCha20-Poly1305", "SHA256", 32, 32, false, 0},
    {NID_aes_128_gcm, "AES-128-GCM", "SHA256", 16, 32, true, EXPLICIT},
    {NID_aes_256_gcm, "AES-256-GCM", "SHA384", 32, 48, true, EXPLICIT},
    {NID_chacha20_poly1305, "ChaCha20-Poly1305", "SHA256", 32, 32, true, 0},
};

const wr_suite_t *
wr_suite_of(const SSL_CIPHER *cipher)
{
    bool old = cipher != NULL && SSL_CIPHER_get_kx_nid(cipher) != NID_kx_any;

    for (unsigned i = 0; cipher != NULL && i < WR_COUNT(suites); i++) {
        if (SSL_CIPHER_get_cipher_nid(cipher) == suites[i].nid && suites[i].old == old) {
            return &suites[i];
        }
    }
    return NULL;
}

bool
wr_suite_is_old(const wr_suite_t *s)
{
    return s->old;
}

/* ---- keys ---- */

/* Without a context (RFC 8446 §7.1). */
static bool
expand(const wr_suite_t *s, const unsigned char *secret, const char *label,
       unsigned char *to, size_t n)
{
    return wr_hkdf_expand(wr_hash_of(s->digest), wr_str((const char *) secret, s->hash),
                          WR_STR("tls13 "), wr_str_z(label), WR_STR_NONE, to, n);
}

static bool
set_key(wr_record_keys_t *k, const unsigned char *key)
{
    const wr_aead_t *a = wr_aead_of(k->suite->cipher);

    return a != NULL && wr_aead_set(&k->key, a, key, k->seals);
}

bool
wr_record_begin(wr_record_keys_t *k, const wr_suite_t *s, const unsigned char *key,
                uint64_t seq, bool seals)
{
    k->suite = s;
    k->seq = seq;
    k->seals = seals;
    return set_key(k, key);
}

bool
wr_record_derive(wr_record_keys_t *k, const wr_suite_t *s, const unsigned char *secret,
                 uint64_t seq, bool seals)
{
    unsigned char key[32];
    bool          ok;

    memcpy(k->secret, secret, s->hash);
    ok = expand(s, secret, "key", key, s->key)
         && expand(s, secret, "iv", k->iv, sizeof(k->iv))
         && wr_record_begin(k, s, key, seq, seals);
    wr_hkdf_forget();
    OPENSSL_cleanse(key, sizeof(key));
    return ok;
}

/* RFC 5246 §6.3: the keys of both, then their ivs. */
static bool
key_block(const wr_suite_t *s, const SSL *ssl, unsigned char *to, size_t n)
{
    static EVP_KDF *prf;
    unsigned char   master[SSL_MAX_MASTER_KEY_LENGTH];
    char            seed[13 + 2 * SSL3_RANDOM_SIZE] = "key expansion";
    unsigned char  *randoms = (unsigned char *) seed + 13;
    size_t          len;
    EVP_KDF_CTX    *ctx;
    bool            ok;

    if (prf == NULL) {
        prf = EVP_KDF_fetch(NULL, OSSL_KDF_NAME_TLS1_PRF, NULL);
    }
    ctx = prf != NULL ? EVP_KDF_CTX_new(prf) : NULL;
    len = SSL_SESSION_get_master_key(SSL_get_session(ssl), master, sizeof(master));
    ok = ctx != NULL && len != 0
         && SSL_get_server_random(ssl, randoms, SSL3_RANDOM_SIZE) == SSL3_RANDOM_SIZE
         && SSL_get_client_random(ssl, randoms + SSL3_RANDOM_SIZE, SSL3_RANDOM_SIZE)
                == SSL3_RANDOM_SIZE;
    if (ok) {
        OSSL_PARAM p[] = {
            OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST,
                                             (char *) (uintptr_t) s->digest, 0),
            OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SECRET, master, len),
            OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SEED, seed, sizeof(seed)),
            OSSL_PARAM_construct_end()};

        ok = EVP_KDF_derive(ctx, to, n, p) == 1;
    }
    EVP_KDF_CTX_free(ctx);
    OPENSSL_cleanse(master, sizeof(master));
    return ok;
}

static bool
begin_old(wr_record_keys_t *k, const wr_suite_t *s, const unsigned char *key,
          const unsigned char *iv, bool seals)
{
    /* The first record under these keys was Finished. */
    *k = (wr_record_keys_t) {.suite = s, .seq = 1, .seals = seals};
    memcpy(k->iv, iv, sizeof(k->iv) - s->leading);
    return set_key(k, key);
}

bool
wr_record_begin_old(wr_record_keys_t *in, wr_record_keys_t *out, const wr_suite_t *s,
                    const SSL *ssl)
{
    unsigned char block[2 * 32 + 2 * 12], *ivs = block + 2 * s->key;
    size_t        iv = sizeof(in->iv) - s->leading;
    bool          ok = key_block(s, ssl, block, 2 * s->key + 2 * iv);

    *in = *out = (wr_record_keys_t) {0};
    ok = ok && begin_old(in, s, block, ivs, false)
         && begin_old(out, s, block + s->key, ivs + iv, true);
    OPENSSL_cleanse(block, sizeof(block));
    return ok;
}

bool
wr_record_next_keys(wr_record_keys_t *k)
{
    unsigned char next[WR_RECORD_SECRET];
    bool          ok = expand(k->suite, k->secret, "traffic upd", next, k->suite->hash)
              && wr_record_derive(k, k->suite, next, 0, k->seals);

    OPENSSL_cleanse(next, sizeof(next));
    return ok;
}

bool
wr_record_is_worn(const wr_record_keys_t *k)
{
    return k->seq >= WORN && !k->suite->old;
}

void
wr_record_end(wr_record_keys_t *k)
{
    wr_aead_end(&k->key);
    OPENSSL_cleanse(k, sizeof(*k));
}

/* ---- records ---- */

static void
put_number(unsigned char *to, uint64_t n)
{
    n = htobe64(n);
    memcpy(to, &n, sizeof(n));
}

/* `leading`: the part of it that stands in the record. */
static void
make_nonce(const wr_record_keys_t *k, const unsigned char *leading, unsigned char *nonce)
{
    uint64_t number;

    memcpy(nonce, k->iv, NONCE);
    if (k->suite->leading != 0) {
        memcpy(nonce + NONCE - EXPLICIT, leading, EXPLICIT);
        return;
    }
    memcpy(&number, nonce + NONCE - sizeof(number), sizeof(number));
    number ^= htobe64(k->seq);
    memcpy(nonce + NONCE - sizeof(number), &number, sizeof(number));
}

/* What is authenticated beside the text. */
static wr_str_t
make_aad(const wr_record_keys_t *k, const unsigned char *head, size_t plain, unsigned char *aad)
{
    if (!k->suite->old) {
        return wr_str((const char *) head, WR_RECORD_HEAD);
    }
    put_number(aad, k->seq);
    memcpy(aad + 8, head, 3);
    aad[11] = (unsigned char) (plain >> 8);
    aad[12] = (unsigned char) plain;
    return wr_str((const char *) aad, OLD_AAD);
}

size_t
wr_record_seal(wr_record_keys_t *k, int type, const char *p, size_t n, char *to)
{
    const wr_suite_t *s = k->suite;
    unsigned char    *head = (unsigned char *) to, *text = head + WR_RECORD_HEAD + s->leading;
    unsigned char     nonce[NONCE], aad[OLD_AAD];
    size_t            sealed = s->leading + n + !s->old + TAG;
    wr_str_t          beside;

    head[0] = s->old ? (unsigned char) type : WR_RECORD_DATA;
    head[1] = head[2] = 3;
    head[3] = (unsigned char) (sealed >> 8);
    head[4] = (unsigned char) sealed;
    if (s->leading != 0) {
        put_number(head + WR_RECORD_HEAD, k->seq);
    }
    make_nonce(k, head + WR_RECORD_HEAD, nonce);
    beside = make_aad(k, head, n, aad);
    k->seq++;
    return wr_aead_seal(&k->key, nonce, beside, p, n, s->old ? -1 : type, text)
               ? WR_RECORD_HEAD + sealed
               : 0;
}

static bool
may_begin(const wr_suite_t *s, unsigned char type)
{
    return type == WR_RECORD_DATA
           || (s->old && (type == WR_RECORD_ALERT || type == WR_RECORD_HANDSHAKE));
}

ssize_t
wr_record_whole(const wr_record_keys_t *k, const char *p, size_t n, int *alert)
{
    const unsigned char *u = (const unsigned char *) p;
    size_t               size;

    if (n == 0) {
        return 0;
    }
    if (!may_begin(k->suite, u[0])) {
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
    if (size < WR_RECORD_HEAD + k->suite->leading + TAG + !k->suite->old) {
        *alert = SSL_AD_DECODE_ERROR;
        return -1;
    }
    return n < size ? 0 : (ssize_t) size;
}

/* text: n bytes and the tag. */
static bool
decrypt(wr_record_keys_t *k, const unsigned char *head, unsigned char *text, size_t n)
{
    unsigned char nonce[NONCE], aad[OLD_AAD];
    wr_str_t      beside = make_aad(k, head, n, aad);

    make_nonce(k, head + WR_RECORD_HEAD, nonce);
    k->seq++;
    return wr_aead_open(&k->key, nonce, beside, text, n);
}

int
wr_record_open(wr_record_keys_t *k, char *p, size_t n, wr_str_t *plain, int *alert)
{
    const wr_suite_t *s = k->suite;
    char             *text = p + WR_RECORD_HEAD + s->leading;
    size_t            inner = n - WR_RECORD_HEAD - s->leading - TAG;

    if (inner > WR_RECORD_PLAIN + (size_t) !s->old) {
        *alert = SSL_AD_RECORD_OVERFLOW;        /* padding counts */
        return -1;
    }
    if (!decrypt(k, (unsigned char *) p, (unsigned char *) text, inner)) {
        *alert = SSL_AD_BAD_RECORD_MAC;
        return -1;
    }
    if (s->old) {
        *plain = wr_str(text, inner);
        return (unsigned char) p[0];
    }
    while (inner != 0 && text[inner - 1] == 0) {
        inner--;
    }
    if (inner == 0) {
        *alert = SSL_AD_UNEXPECTED_MESSAGE;     /* only padding */
        return -1;
    }
    *plain = wr_str(text, inner - 1);
    return (unsigned char) text[inner - 1];
}
