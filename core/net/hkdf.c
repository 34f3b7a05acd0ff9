/*
 * HKDF over OpenSSL's SHA-2, called without its EVP layer: a handshake of
 * TLS 1.3 derives some two dozen keys, for each of which EVP looks up, allocates and
 * frees more than it hashes. What held a secret is wiped.
 */
/* OpenSSL would have all use EVP; what lies below it has stayed. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <weir/net/hkdf.h>

#include <openssl/crypto.h>
#include <openssl/sha.h>

enum { BLOCK_MAX = SHA512_CBLOCK, LENGTH_MAX = 255, ROUNDS_MAX = 255 };

struct wr_hash {
    const char *names[4];
    size_t      size, block;
    bool        wide;           /* of 64-bit words */
    const char *of_nothing;
};

static const wr_hash_t hashes[] = {
    {{"SHA2-384", "SHA384", "SHA-384", NULL}, SHA384_DIGEST_LENGTH, SHA512_CBLOCK, true,
     "\x38\xb0\x60\xa7\x51\xac\x96\x38\x4c\xd9\x32\x7e\xb1\xb1\xe3\x6a"
     "\x21\xfd\xb7\x11\x14\xbe\x07\x43\x4c\x0c\xc7\xbf\x63\xf6\xe1\xda"
     "\x27\x4e\xde\xbf\xe7\x6f\x65\xfb\xd5\x1a\xd2\xf1\x48\x98\xb9\x5b"},
    {{"SHA2-256", "SHA256", "SHA-256", NULL}, SHA256_DIGEST_LENGTH, SHA256_CBLOCK, false,
     "\xe3\xb0\xc4\x42\x98\xfc\x1c\x14\x9a\xfb\xf4\xc8\x99\x6f\xb9\x24"
     "\x27\xae\x41\xe4\x64\x9b\x93\x4c\xa4\x95\x99\x1b\x78\x52\xb8\x55"},
};

typedef union state {
    SHA256_CTX narrow;
    SHA512_CTX wide;
} state_t;

const wr_hash_t *
wr_hash_of(const char *name)
{
    for (unsigned i = 0; i < WR_COUNT(hashes); i++) {
        for (const char *const *p = hashes[i].names; *p != NULL; p++) {
            if (strcasecmp(*p, name) == 0) {
                return &hashes[i];
            }
        }
    }
    return NULL;
}

size_t
wr_hash_size(const wr_hash_t *h)
{
    return h->size;
}

/* ---- the hash ---- */

static void
begin(const wr_hash_t *h, state_t *s)
{
    if (h->wide) {
        (void) SHA384_Init(&s->wide);
    } else {
        (void) SHA256_Init(&s->narrow);
    }
}

static void
update(const wr_hash_t *h, state_t *s, const void *p, size_t n)
{
    if (h->wide) {
        (void) SHA384_Update(&s->wide, p, n);
    } else {
        (void) SHA256_Update(&s->narrow, p, n);
    }
}

static void
finish(const wr_hash_t *h, state_t *s, unsigned char *to)
{
    if (h->wide) {
        (void) SHA384_Final(to, &s->wide);
    } else {
        (void) SHA256_Final(to, &s->narrow);
    }
}

/* ---- HMAC ---- */

/* What a key does to the hash: before the message, and before the hash of it. */
typedef struct keyed {
    state_t inner, outer;
} keyed_t;

static void
begin_padded(const wr_hash_t *h, state_t *s, uint64_t *pad, uint64_t by)
{
    for (size_t i = 0; i < h->block / sizeof(by); i++) {
        pad[i] ^= by;
    }
    begin(h, s);
    update(h, s, pad, h->block);
}

static void
take_key(const wr_hash_t *h, keyed_t *k, wr_str_t key)
{
    static const uint64_t inner = 0x3636363636363636, outer = 0x5c5c5c5c5c5c5c5c;
    uint64_t              pad[BLOCK_MAX / sizeof(inner)] = {0};

    if (key.n > h->block) {
        begin(h, &k->inner);
        update(h, &k->inner, key.p, key.n);
        finish(h, &k->inner, (unsigned char *) pad);
    } else if (key.n != 0) {
        memcpy(pad, key.p, key.n);
    }
    begin_padded(h, &k->inner, pad, inner);
    begin_padded(h, &k->outer, pad, inner ^ outer);
    OPENSSL_cleanse(pad, sizeof(pad));
}

/* `to` may be one of the parts. */
static void
mac(const wr_hash_t *h, const keyed_t *k, const wr_str_t *parts, unsigned n, unsigned char *to)
{
    state_t       s = k->inner;
    unsigned char inner[WR_HASH_MAX];

    for (unsigned i = 0; i < n; i++) {
        update(h, &s, parts[i].p, parts[i].n);
    }
    finish(h, &s, inner);
    s = k->outer;
    update(h, &s, inner, h->size);
    finish(h, &s, to);
    OPENSSL_cleanse(inner, sizeof(inner));
    OPENSSL_cleanse(&s, sizeof(s));
}

static void
mac_once(const wr_hash_t *h, wr_str_t key, wr_str_t message, unsigned char *to)
{
    keyed_t k;

    take_key(h, &k, key);
    mac(h, &k, &message, 1, to);
    OPENSSL_cleanse(&k, sizeof(k));
}

/* ---- secrets used lately: of each several keys are derived ---- */

/* A secret and the one that was derived from it. */
enum { KNOWN = 2 };

static _Thread_local struct known {
    const wr_hash_t *hash;      /* NULL: nothing */
    unsigned char    secret[WR_HASH_MAX];
    keyed_t          keyed;
} known[KNOWN];
static _Thread_local unsigned next;

static const keyed_t *
keyed_by(const wr_hash_t *h, wr_str_t secret, keyed_t *room)
{
    struct known *k;

    if (secret.n != h->size) {
        take_key(h, room, secret);
        return room;
    }
    for (unsigned i = 0; i < KNOWN; i++) {
        if (known[i].hash == h && CRYPTO_memcmp(known[i].secret, secret.p, h->size) == 0) {
            next = (i + 1) % KNOWN;
            return &known[i].keyed;
        }
    }
    k = &known[next];
    next = (next + 1) % KNOWN;
    k->hash = h;
    memcpy(k->secret, secret.p, h->size);
    take_key(h, &k->keyed, secret);
    return &k->keyed;
}

void
wr_hkdf_forget(void)
{
    for (unsigned i = 0; i < KNOWN; i++) {
        if (known[i].hash != NULL) {
            OPENSSL_cleanse(&known[i], sizeof(known[i]));
        }
    }
}

/* ---- HKDF ---- */

static wr_str_t
bytes(const unsigned char *p, size_t n)
{
    return wr_str((const char *) p, n);
}

/* HKDF-Expand: each round hashes the one before, what is wanted, and its number. */
static void
expand(const wr_hash_t *h, wr_str_t secret, const wr_str_t *info, unsigned n_info,
       unsigned char *to, size_t n)
{
    unsigned char  round[WR_HASH_MAX], number = 0;
    wr_str_t       parts[8] = {WR_STR_NONE};
    keyed_t        room;
    const keyed_t *k = keyed_by(h, secret, &room);

    memcpy(parts + 1, info, n_info * sizeof(*info));
    parts[n_info + 1] = bytes(&number, 1);
    while (n != 0) {
        size_t part = wr_min_size(n, h->size);

        number++;
        mac(h, k, parts, n_info + 2, round);
        memcpy(to, round, part);
        parts[0] = bytes(round, h->size);
        to += part;
        n -= part;
    }
    OPENSSL_cleanse(round, sizeof(round));
    if (k == &room) {
        OPENSSL_cleanse(&room, sizeof(room));
    }
}

bool
wr_hkdf_expand(const wr_hash_t *h, wr_str_t secret, wr_str_t prefix, wr_str_t label,
               wr_str_t data, unsigned char *to, size_t n)
{
    unsigned char head[3] = {(unsigned char) (n >> 8), (unsigned char) n,
                             (unsigned char) (prefix.n + label.n)};
    unsigned char data_n = (unsigned char) data.n;
    wr_str_t      info[] = {bytes(head, sizeof(head)), prefix, label, bytes(&data_n, 1), data};

    if (prefix.n + label.n > LENGTH_MAX || data.n > LENGTH_MAX || n > ROUNDS_MAX * h->size) {
        return false;
    }
    expand(h, secret, info, WR_COUNT(info), to, n);
    return true;
}

bool
wr_hkdf_next(const wr_hash_t *h, wr_str_t before, wr_str_t prefix, wr_str_t label, wr_str_t in,
             unsigned char *to)
{
    static const unsigned char zeros[WR_HASH_MAX];
    unsigned char              salt[WR_HASH_MAX];
    size_t                     salt_n = 0;

    if (before.n != 0) {
        salt_n = h->size;
        if (!wr_hkdf_expand(h, before, prefix, label, wr_str(h->of_nothing, h->size), salt,
                            salt_n))
        {
            return false;
        }
    }
    in = in.n != 0 ? in : bytes(zeros, h->size);
    mac_once(h, bytes(salt, salt_n), in, to);
    OPENSSL_cleanse(salt, sizeof(salt));
    return true;
}
