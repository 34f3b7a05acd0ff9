/*
 * AEAD ciphers called below EVP, beside EVP: the same bytes for each size; what was
 * changed does not open.
 */
#include <check.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <weir/net/aead.h>

static const struct {
    const char *name;
    size_t      key_n;
} ciphers[] = {{"AES-128-GCM", 16}, {"AES-256-GCM", 32}, {"ChaCha20-Poly1305", 32}};

enum { MOST = 16384 };

static unsigned char text[MOST + 1], key[2][32], nonce[2][WR_AEAD_NONCE];
static unsigned char ours[MOST + 1 + WR_AEAD_TAG], theirs[MOST + 1 + WR_AEAD_TAG];

/* Text and tag, by EVP. */
static void
seal_by_evp(const char *name, const unsigned char *k, const unsigned char *iv, wr_str_t aad,
            const void *p, size_t n, unsigned char *to)
{
    EVP_CIPHER     *c = EVP_CIPHER_fetch(NULL, name, NULL);
    EVP_CIPHER_CTX *x = EVP_CIPHER_CTX_new();
    int             len;

    CHECK(EVP_EncryptInit_ex2(x, c, k, iv, NULL) == 1);
    CHECK(EVP_EncryptUpdate(x, NULL, &len, (const unsigned char *) aad.p, (int) aad.n) == 1);
    CHECK(n == 0 || EVP_EncryptUpdate(x, to, &len, p, (int) n) == 1);
    CHECK(EVP_EncryptFinal_ex(x, to + n, &len) == 1);
    CHECK(EVP_CIPHER_CTX_ctrl(x, EVP_CTRL_AEAD_GET_TAG, WR_AEAD_TAG, to + n) == 1);
    EVP_CIPHER_CTX_free(x);
    EVP_CIPHER_free(c);
}

/* n bytes of text, of which the last comes by itself if there is one to do so. */
static void
one_size(const char *name, wr_aead_key_t *out, wr_aead_key_t *in, const unsigned char *k,
         size_t n, bool apart)
{
    const unsigned char *iv = nonce[n % 2];
    wr_str_t             aad = n % 3 != 0 ? WR_STR("head!") : WR_STR("thirteen long");
    size_t               most = n - apart;

    seal_by_evp(name, k, iv, aad, text, n, theirs);
    memset(ours, 0, sizeof(ours));
    CHECK(wr_aead_seal(out, iv, aad, text, most, apart ? text[most] : -1, ours));
    CHECK(memcmp(ours, theirs, n + WR_AEAD_TAG) == 0);
    memcpy(ours, text, most);
    CHECK(wr_aead_seal(out, iv, aad, ours, most, apart ? text[most] : -1, ours));
    CHECK(memcmp(ours, theirs, n + WR_AEAD_TAG) == 0);
    CHECK(wr_aead_open(in, iv, aad, ours, n));
    CHECK(memcmp(ours, text, n) == 0);
}

static void
changes_are_seen(wr_aead_key_t *out, wr_aead_key_t *in)
{
    wr_str_t aad = WR_STR("head!");

    for (size_t i = 0; i < 20 + WR_AEAD_TAG; i++) {
        CHECK(wr_aead_seal(out, nonce[0], aad, text, 20, -1, ours));
        ours[i] ^= 1;
        CHECK(!wr_aead_open(in, nonce[0], aad, ours, 20));
    }
    CHECK(wr_aead_seal(out, nonce[0], aad, text, 20, -1, ours));
    memcpy(theirs, ours, sizeof(ours));
    CHECK(!wr_aead_open(in, nonce[1], aad, ours, 20));
    memcpy(ours, theirs, sizeof(ours));
    CHECK(!wr_aead_open(in, nonce[0], WR_STR("heat!"), ours, 20));
    memcpy(ours, theirs, sizeof(ours));
    CHECK(wr_aead_open(in, nonce[0], aad, ours, 20) && memcmp(ours, text, 20) == 0);
    ERR_clear_error();
}

int
main(void)
{
    for (size_t i = 0; i < sizeof(text); i++) {
        text[i] = (unsigned char) (i * 7 + i / 256);
    }
    for (unsigned i = 0; i < sizeof(key); i++) {
        ((unsigned char *) key)[i] = (unsigned char) (i * 5 + 1);
    }
    memcpy(nonce, "ninetynonces and some more", sizeof(nonce));
    CHECK(wr_aead_of("AES-128-CCM") == NULL);
    CHECK(wr_aead_of("") == NULL);
    for (unsigned i = 0; i < WR_COUNT(ciphers); i++) {
        const char      *name = ciphers[i].name;
        const wr_aead_t *a = wr_aead_of(name);
        wr_aead_key_t    out = {0}, in = {0};

        CHECK(a != NULL && a == wr_aead_of(name));
        for (unsigned k = 0; k < 2; k++) {
            CHECK(wr_aead_set(&out, a, key[k], true) && wr_aead_set(&in, a, key[k], false));
            for (size_t n = 0; n < 300; n++) {
                one_size(name, &out, &in, key[k], n, false);
                one_size(name, &out, &in, key[k], n + 1, true);
            }
            one_size(name, &out, &in, key[k], MOST + 1, true);
            one_size(name, &out, &in, key[k], MOST, false);
        }
        changes_are_seen(&out, &in);
        wr_aead_end(&in);
        wr_aead_end(&out);
        wr_aead_end(&out);      /* as after a failure */
        CHECK(out.ctx == NULL);
    }
    return 0;
}
