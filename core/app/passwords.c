/*
 * Passwords: salted scrypt hashes with their parameters in the text, in the form that
 * others (passlib) write as well:
 *
 *     $scrypt$ln=15,r=8,p=1$SALT$HASH         base64 without padding
 *
 * A hash takes some 60 ms and 32 MB by design: these functions are marked as slow and
 * run on threads. Whether there is such a user cannot be told by the time: a password
 * that has no hash to be compared with is hashed all the same.
 */
#include <weir/app/app_priv.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <weir/base/base64.h>
#include <weir/os/random.h>

enum {
    LOG_N = 15, R = 8, P = 1, SALT = 16, HASH = 32,
    SALT_MAX = 64, HASH_MIN = 16, HASH_MAX = 64,
    MAX_PASSWORD = 1024,
    MAX_MEMORY = 256 << 20,
};

typedef struct hash {
    int           ln, r, p;
    unsigned char salt[SALT_MAX], hash[HASH_MAX];
    size_t        salt_n, hash_n;
} hash_t;

static bool
text_arg(wr_eval_t *ev, const char *fn, const wr_val_t *v, wr_str_t *s)
{
    if (v->type == WR_V_UNDEFINED) {
        return wr_undef_raise(ev, v);
    }
    if (v->type != WR_V_STR && v->type != WR_V_BYTES) {
        return wr_raise(ev, "TypeError", "%s() needs a str, not %s", fn, wr_type_name(v));
    }
    *s = wr_val_text(v);
    return true;
}

static bool
scrypt(wr_str_t password, const hash_t *h, unsigned char *to)
{
    return EVP_PBE_scrypt(password.n != 0 ? password.p : "", password.n, h->salt, h->salt_n,
                          (uint64_t) 1 << h->ln, (uint64_t) h->r, (uint64_t) h->p,
                          MAX_MEMORY, to, h->hash_n)
           == 1;
}

static hash_t
new_hash(void)
{
    hash_t h = {.ln = LOG_N, .r = R, .p = P, .salt_n = SALT, .hash_n = HASH};

    wr_random_bytes(h.salt, h.salt_n);
    return h;
}

static wr_str_t
encode(wr_pool_t *pool, const unsigned char *raw, size_t n)
{
    return wr_base64_encode(pool, wr_str((const char *) raw, n), true);
}

bool
app_hash_password(wr_eval_t *ev, const wr_args_t *args, wr_val_t *out)
{
    wr_val_t v[1];
    wr_str_t s = WR_STR_NONE;
    hash_t   h = new_hash();

    if (!wr_args_bind(ev, "hash_password", "p", args, v, 1)
        || !text_arg(ev, "hash_password", &v[0], &s))
    {
        return false;
    }
    if (s.n > MAX_PASSWORD) {
        return wr_raise(ev, "BadRequest", "the password is too long");
    }
    if (!scrypt(s, &h, h.hash)) {
        return wr_raise(ev, "RuntimeError", "scrypt failed");
    }
    *out = wr_vstr(wr_pool_printf(ev->pool, "$scrypt$ln=%d,r=%d,p=%d$%.*s$%.*s", h.ln, h.r,
                                  h.p, WR_ARG(encode(ev->pool, h.salt, h.salt_n)),
                                  WR_ARG(encode(ev->pool, h.hash, h.hash_n))));
    return true;
}

/* ---- verifying ---- */

/* Either alphabet. */
static bool
decode(wr_pool_t *pool, wr_str_t s, unsigned char *to, size_t max, size_t *n)
{
    bool     url = wr_str_chr(s, '+') < 0 && wr_str_chr(s, '/') < 0;
    wr_str_t raw;

    if (!wr_base64_decode(pool, s, url, &raw) || raw.n > max) {
        return false;
    }
    memcpy(to, raw.p, raw.n);
    *n = raw.n;
    return true;
}

static bool
parse(wr_pool_t *pool, wr_str_t text, hash_t *h)
{
    wr_str_t part[6];
    unsigned n = 0;
    int      end = 0;
    char    *numbers;

    while (n < WR_COUNT(part) && wr_str_split(&text, '$', &part[n])) {
        n++;
    }
    if (n != 5 || part[0].n != 0 || !wr_str_eqz(part[1], "scrypt")) {
        return false;
    }
    numbers = wr_pool_strz(pool, part[2]);
    return sscanf(numbers, "ln=%2d,r=%2d,p=%2d%n", &h->ln, &h->r, &h->p, &end) == 3
           && numbers[end] == '\0' && h->ln >= 1 && h->ln <= 20 && h->r >= 1 && h->r <= 32
           && h->p >= 1 && h->p <= 16
           && decode(pool, part[3], h->salt, sizeof(h->salt), &h->salt_n)
           && decode(pool, part[4], h->hash, sizeof(h->hash), &h->hash_n)
           && h->hash_n >= HASH_MIN && h->hash_n % HASH_MIN == 0;   /* not cut off */
}

bool
app_verify_password(wr_eval_t *ev, const wr_args_t *args, wr_val_t *out)
{
    wr_val_t      v[2];
    wr_str_t      s = WR_STR_NONE;
    hash_t        h;
    unsigned char found[HASH_MAX];
    bool          known;

    if (!wr_args_bind(ev, "verify_password", "p, hash", args, v, 2)
        || !text_arg(ev, "verify_password", &v[0], &s))
    {
        return false;
    }
    if (v[1].type == WR_V_UNDEFINED) {
        return wr_undef_raise(ev, &v[1]);
    }
    *out = wr_bool(false);
    if (s.n > MAX_PASSWORD) {
        return true;
    }
    known = v[1].type == WR_V_STR && parse(ev->pool, wr_val_text(&v[1]), &h);
    if (!known) {
        h = new_hash();
    }
    if (!scrypt(s, &h, found)) {
        return wr_raise(ev, "RuntimeError", "scrypt failed: the hash asks for too much");
    }
    *out = wr_bool(known && CRYPTO_memcmp(found, h.hash, h.hash_n) == 0);
    return true;
}
