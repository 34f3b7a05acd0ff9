/*
 * Checking of passwords. Results are compared in constant time.
 */
#define _GNU_SOURCE
#include <openssl/evp.h>
#include <stdlib.h>
#include <weir_config.h>
#if WR_HAVE_CRYPT
#include <crypt.h>
#endif
#include <weir/base/base64.h>
#include "hash.h"

enum { MD5_SIZE = 16, SHA1_SIZE = 20, MAX_PASSWORD = 1024 };

bool
hash_is_slow(wr_str_t hash)
{
    return hash.n > 1 && hash.p[0] == '$';
}

/* ---- apr1: Apache's MD5 ---- */

typedef struct apr1 {
    EVP_MD_CTX   *md;
    unsigned char sum[MD5_SIZE];
} apr1_t;

static void
add(apr1_t *a, wr_str_t s)
{
    (void) EVP_DigestUpdate(a->md, s.p, s.n);
}

static void
begin(apr1_t *a)
{
    (void) EVP_DigestInit_ex(a->md, EVP_md5(), NULL);
}

static void
end(apr1_t *a)
{
    (void) EVP_DigestFinal_ex(a->md, a->sum, NULL);
}

static wr_str_t
sum(const apr1_t *a)
{
    return wr_str((const char *) a->sum, MD5_SIZE);
}

static void
apr1_sum(apr1_t *a, wr_str_t password, wr_str_t salt)
{
    unsigned char inner[MD5_SIZE];
    size_t        n;

    begin(a);
    add(a, password);
    add(a, salt);
    add(a, password);
    end(a);
    memcpy(inner, a->sum, sizeof(inner));

    begin(a);
    add(a, password);
    add(a, WR_STR("$apr1$"));
    add(a, salt);
    for (n = password.n; n > 0; n -= wr_min_size(n, MD5_SIZE)) {
        add(a, wr_str((char *) inner, wr_min_size(n, MD5_SIZE)));
    }
    for (n = password.n; n != 0; n >>= 1) {
        add(a, (n & 1) != 0 ? wr_str("", 1) : wr_str_sub(password, 0, 1));
    }
    end(a);
    for (unsigned i = 0; i < 1000; i++) {
        wr_str_t before = wr_str(memcpy(inner, a->sum, MD5_SIZE), MD5_SIZE);

        begin(a);
        add(a, (i & 1) != 0 ? password : before);
        if (i % 3 != 0) {
            add(a, salt);
        }
        if (i % 7 != 0) {
            add(a, password);
        }
        add(a, (i & 1) != 0 ? before : password);
        end(a);
    }
}

/* The sum in that format's own order and alphabet: 22 letters. */
static void
apr1_letters(const unsigned char *s, char *to)
{
    static const char letters[] =
        "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    static const unsigned char order[5][3] = {
        {0, 6, 12}, {1, 7, 13}, {2, 8, 14}, {3, 9, 15}, {4, 10, 5}};
    uint32_t v;

    for (unsigned i = 0; i < 5; i++) {
        v = (uint32_t) s[order[i][0]] << 16 | (uint32_t) s[order[i][1]] << 8
            | s[order[i][2]];
        for (unsigned k = 0; k < 4; k++, v >>= 6) {
            *to++ = letters[v & 63];
        }
    }
    v = s[11];
    *to++ = letters[v & 63];
    *to = letters[v >> 6];
}

static wr_rc_t
verify_apr1(wr_str_t password, wr_str_t hash)
{
    wr_str_t rest = wr_str_skip(hash, 6), salt;
    apr1_t   a = {.md = EVP_MD_CTX_new()};
    char     text[22];

    if (a.md == NULL || !wr_str_split(&rest, '$', &salt)) {
        EVP_MD_CTX_free(a.md);
        return WR_ERROR;
    }
    salt = wr_str_sub(salt, 0, 8);
    apr1_sum(&a, password, salt);
    apr1_letters((const unsigned char *) sum(&a).p, text);
    EVP_MD_CTX_free(a.md);
    return rest.p != NULL && wr_str_eq_secret(rest, wr_str(text, sizeof(text)))
               ? WR_OK : WR_DECLINED;
}

/* ---- {SHA}, {SSHA} ---- */

static wr_rc_t
verify_sha(wr_str_t password, wr_str_t encoded)
{
    wr_pool_t    *pool = wr_pool_new();
    EVP_MD_CTX   *md = EVP_MD_CTX_new();
    unsigned char made[EVP_MAX_MD_SIZE];
    wr_str_t      stored;
    wr_rc_t       rc = WR_ERROR;

    if (md != NULL && wr_base64_decode(pool, encoded, false, &stored)
        && stored.n >= SHA1_SIZE
        && EVP_DigestInit_ex(md, EVP_sha1(), NULL) == 1
        && EVP_DigestUpdate(md, password.p, password.n) == 1
        && EVP_DigestUpdate(md, stored.p + SHA1_SIZE, stored.n - SHA1_SIZE) == 1
        && EVP_DigestFinal_ex(md, made, NULL) == 1)
    {
        rc = wr_str_eq_secret(wr_str_sub(stored, 0, SHA1_SIZE),
                              wr_str((char *) made, SHA1_SIZE))
                 ? WR_OK : WR_DECLINED;
    }
    EVP_MD_CTX_free(md);
    wr_pool_free(pool);
    return rc;
}

/* ---- crypt(3) ---- */

#if WR_HAVE_CRYPT
static wr_rc_t
verify_crypt(wr_str_t password, wr_str_t hash)
{
    struct crypt_data *data = calloc(1, sizeof(*data));
    wr_pool_t         *pool = wr_pool_new();
    const char        *made;
    wr_rc_t            rc = WR_ERROR;

    if (data != NULL) {
        made = crypt_r(wr_pool_strz(pool, password), wr_pool_strz(pool, hash), data);
        if (made != NULL && made[0] != '*') {
            rc = wr_str_eq_secret(wr_str_z(made), hash) ? WR_OK : WR_DECLINED;
        }
    }
    free(data);
    wr_pool_free(pool);
    return rc;
}
#else
static wr_rc_t
verify_crypt(wr_str_t password, wr_str_t hash)
{
    (void) password;
    (void) hash;
    return WR_ERROR;
}
#endif

wr_rc_t
hash_verify(wr_str_t password, wr_str_t hash)
{
    if (password.n > MAX_PASSWORD || memchr(password.p, '\0', password.n) != NULL) {
        return WR_DECLINED;
    }
    if (wr_str_starts(hash, WR_STR("$apr1$"))) {
        return verify_apr1(password, hash);
    }
    if (wr_str_starts(hash, WR_STR("{PLAIN}"))) {
        return wr_str_eq_secret(wr_str_skip(hash, 7), password) ? WR_OK : WR_DECLINED;
    }
    if (wr_str_starts(hash, WR_STR("{SHA}"))) {
        return verify_sha(password, wr_str_skip(hash, 5));
    }
    if (wr_str_starts(hash, WR_STR("{SSHA}"))) {
        return verify_sha(password, wr_str_skip(hash, 6));
    }
    return verify_crypt(password, hash);
}
