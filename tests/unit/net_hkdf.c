/*
 * HKDF of our own against RFC 8448's example and against OpenSSL's, and that only who
 * wishes gets it.
 */
#include "../../core/net/hkdf.c"

#include <check.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <weir/net/tls.h>

static const char ours[] = "?provider=weir", theirs[] = "provider=default";

static wr_str_t
hex(char *to, const char *text)
{
    size_t n = 0;

    for (; text[2 * n] != '\0'; n++) {
        unsigned byte = 0;

        CHECK(sscanf(text + 2 * n, "%2x", &byte) == 1);
        to[n] = (char) byte;
    }
    return wr_str(to, n);
}

static void
check_hex(const unsigned char *got, const char *want)
{
    char     bytes[64];
    wr_str_t w = hex(bytes, want);

    CHECK(memcmp(got, w.p, w.n) == 0);
}

/* RFC 8448 §3. */
static void
the_rfc_example_comes_out(void)
{
    const wr_hash_t *h = wr_hash_of("SHA256");
    wr_str_t         prefix = WR_STR("tls13 "), derived = WR_STR("derived");
    unsigned char    early[32], handshake[32], master[32], key[16], iv[12];
    char             shared[32], secret[32];
    wr_str_t         client;

    CHECK(wr_hkdf_next(h, WR_STR_NONE, prefix, derived, WR_STR_NONE, early));
    check_hex(early, "33ad0a1c607ec03b09e6cd9893680ce210adf300aa1f2660e1b22e10f170f92a");
    CHECK(wr_hkdf_next(h, wr_str((char *) early, 32), prefix, derived,
                       hex(shared, "8bd4054fb55b9d63fdfbacf9f04b9f0d"
                                   "35e6d63f537563efd46272900f89492d"), handshake));
    check_hex(handshake, "1dc826e93606aa6fdc0aadc12f741b01046aa6b99f691ed221a9f0ca043fbeac");
    CHECK(wr_hkdf_next(h, wr_str((char *) handshake, 32), prefix, derived, WR_STR_NONE, master));
    check_hex(master, "18df06843d13a08bf2a449844c5f8a478001bc4d4c627984d5a41da8d0402919");
    client = hex(secret, "b3eddb126e067f35a780b3abf45e2d8f3b1a950738f52e9600746a0e27a55a21");
    CHECK(wr_hkdf_expand(h, client, prefix, WR_STR("key"), WR_STR_NONE, key, 16));
    check_hex(key, "dbfaa693d1762c5b666af5d950258d01");
    CHECK(wr_hkdf_expand(h, client, prefix, WR_STR("iv"), WR_STR_NONE, iv, 12));
    check_hex(iv, "5bd3c71b836e0b76bb73265f");
    wr_hkdf_forget();
}

/* ---- against OpenSSL's ---- */

static OSSL_PARAM
octets(const char *name, wr_str_t s)
{
    return OSSL_PARAM_construct_octet_string(name, (char *) (uintptr_t) s.p, s.n);
}

/* Empty strings are left out, as OpenSSL's TLS does. */
static int
derive(const char *properties, int mode, const char *digest, const wr_str_t *args,
       unsigned char *to, size_t n)
{
    static const char *const names[] = {OSSL_KDF_PARAM_KEY, OSSL_KDF_PARAM_SALT,
                                        OSSL_KDF_PARAM_PREFIX, OSSL_KDF_PARAM_LABEL,
                                        OSSL_KDF_PARAM_DATA};
    EVP_KDF     *kdf = EVP_KDF_fetch(NULL, OSSL_KDF_NAME_TLS1_3_KDF, properties);
    EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
    OSSL_PARAM   params[8], *p = params;
    int          rc;

    CHECK(ctx != NULL);
    *p++ = OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode);
    *p++ = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST,
                                            (char *) (uintptr_t) digest, 0);
    for (unsigned i = 0; i < WR_COUNT(names); i++) {
        if (args[i].n != 0) {
            *p++ = octets(names[i], args[i]);
        }
    }
    *p = OSSL_PARAM_construct_end();
    rc = EVP_KDF_derive(ctx, to, n, params);
    EVP_KDF_CTX_free(ctx);
    EVP_KDF_free(kdf);
    ERR_clear_error();
    return rc;
}

static unsigned
below(unsigned n)
{
    static unsigned state = 1;

    state = state * 1103515245 + 12345;
    return state / 65536 % n;
}

static char noise[4096];

static wr_str_t
some(unsigned most)
{
    unsigned n = below(most + 1);

    return wr_str(noise + below((unsigned) sizeof(noise) - most), n);
}

static void
whatever_is_derived_is_what_openssl_derives(void)
{
    static const char *const digests[] = {"SHA256", "SHA384", "SHA2-256", "SHA2-384"};
    static const int modes[] = {EVP_KDF_HKDF_MODE_EXTRACT_ONLY, EVP_KDF_HKDF_MODE_EXPAND_ONLY};
    wr_str_t         last[4] = {WR_STR_NONE};

    for (unsigned i = 0; i < 4000; i++) {
        const char   *digest = digests[below(4)];
        size_t        size = wr_hash_size(wr_hash_of(digest));
        int           mode = modes[below(2)];
        bool          extract = mode == EVP_KDF_HKDF_MODE_EXTRACT_ONLY;
        unsigned char a[600] = {0}, b[600] = {0};
        size_t        n = extract ? size : 1 + below(sizeof(a));
        wr_str_t      args[] = {some(extract ? 300 : 48), extract ? some(48) : WR_STR_NONE,
                                some(6), some(248), extract ? WR_STR_NONE : some(64)};

        if (!extract && below(2) == 0) {
            args[0] = last[below(4)];   /* used lately */
        } else if (!extract) {
            args[0].n = below(4) == 0 ? args[0].n : size;
            last[below(4)] = args[0];
        }
        if (args[0].n == 0 && !extract) {
            continue;
        }
        CHECK_INT(derive(ours, mode, digest, args, a, n), 1);
        CHECK_INT(derive(theirs, mode, digest, args, b, n), 1);
        CHECK(memcmp(a, b, sizeof(a)) == 0);
        if (below(8) == 0) {
            wr_hkdf_forget();
        }
    }
}

static void
what_makes_no_sense_is_refused(void)
{
    wr_str_t      secret = wr_str(noise, 32), label = WR_STR("x");
    wr_str_t      good[] = {secret, WR_STR_NONE, WR_STR("tls13 "), label, WR_STR_NONE};
    wr_str_t      no_key[] = {WR_STR_NONE, WR_STR_NONE, label, label, WR_STR_NONE};
    wr_str_t      long_label[] = {secret, WR_STR_NONE, wr_str(noise, 100), wr_str(noise, 156),
                                  WR_STR_NONE};
    wr_str_t      long_data[] = {secret, WR_STR_NONE, label, label, wr_str(noise, 256)};
    unsigned char to[32 * 255 + 1];
    int           expand = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
    int           extract = EVP_KDF_HKDF_MODE_EXTRACT_ONLY;

    CHECK_INT(derive(ours, expand, "SHA256", good, to, 32 * 255), 1);
    CHECK(derive(ours, expand, "SHA256", good, to, 32 * 255 + 1) <= 0);
    CHECK(derive(ours, expand, "SHA256", good, to, 0) <= 0);
    CHECK(derive(ours, expand, "SHA256", no_key, to, 32) <= 0);
    CHECK(derive(ours, expand, "SHA256", long_label, to, 32) <= 0);
    CHECK(derive(ours, expand, "SHA256", long_data, to, 32) <= 0);
    CHECK(derive(ours, expand, "SHA1", good, to, 20) <= 0);
    CHECK(derive(ours, extract, "SHA256", good, to, 31) <= 0);
    CHECK(derive(ours, EVP_KDF_HKDF_MODE_EXTRACT_AND_EXPAND, "SHA256", good, to, 32) <= 0);
    CHECK(wr_hash_of("SHA512") == NULL && wr_hash_of("") == NULL);
}

static void
what_is_forgotten_is_wiped(void)
{
    static const struct known nothing[KNOWN];
    unsigned char             to[100];

    for (unsigned i = 0; i < 3; i++) {
        CHECK(wr_hkdf_expand(wr_hash_of("SHA384"), wr_str(noise + 50 * i, 48), WR_STR_NONE,
                             WR_STR_NONE, WR_STR_NONE, to, sizeof(to)));
    }
    CHECK(known[0].hash != NULL && known[1].hash != NULL);
    wr_hkdf_forget();
    CHECK(memcmp(known, nothing, sizeof(known)) == 0);
}

/* ---- who gets it ---- */

static bool
is_ours(const OSSL_PROVIDER *p)
{
    return strcmp(OSSL_PROVIDER_get0_name(p), "weir") == 0;
}

static void
who_has_no_wish_gets_openssls(void)
{
    static const char *const wishes[] = {NULL, "", "?fips=yes", theirs, "fips=no,?provider=weir"};

    for (unsigned i = 0; i < WR_COUNT(wishes); i++) {
        EVP_KDF *kdf = EVP_KDF_fetch(NULL, OSSL_KDF_NAME_TLS1_3_KDF, wishes[i]);
        EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", wishes[i]);

        CHECK(kdf != NULL && is_ours(EVP_KDF_get0_provider(kdf)) == (i == 4));
        CHECK(mac != NULL && !is_ours(EVP_MAC_get0_provider(mac)));
        EVP_KDF_free(kdf);
        EVP_MAC_free(mac);
    }
    /* A policy that we do not meet goes before. */
    CHECK(EVP_KDF_fetch(NULL, OSSL_KDF_NAME_TLS1_3_KDF, "fips=yes,?provider=weir") == NULL);
    CHECK(OSSL_PROVIDER_available(NULL, "default") == 1);
    ERR_clear_error();
}

int
main(void)
{
    SSL_CTX *ctx = wr_tls_context(TLS_server_method(), true);

    CHECK(ctx != NULL && OSSL_PROVIDER_available(NULL, "weir") == 1);
    for (unsigned i = 0; i < sizeof(noise); i++) {
        noise[i] = (char) below(256);
    }
    the_rfc_example_comes_out();
    whatever_is_derived_is_what_openssl_derives();
    what_makes_no_sense_is_refused();
    what_is_forgotten_is_wiped();
    who_has_no_wish_gets_openssls();
    SSL_CTX_free(ctx);
    return check_status();
}
