/*
 * Hash functions.
 */
#include <weir/base/hash.h>
#include <weir/base/swar.h>

static uint64_t seed = 0x9e3779b97f4a7c15u;

void
wr_hash_seed(uint64_t s)
{
    seed = s | 1;
}

static inline uint64_t
mix(uint64_t a, uint64_t b)
{
    unsigned __int128 m = (unsigned __int128) a * b;

    return (uint64_t) m ^ (uint64_t) (m >> 64);
}

/* 1 to 8 bytes: the same n bytes always give the same, others of that length others. */
static inline uint64_t
load(const unsigned char *p, size_t n)
{
    uint64_t v;
    uint32_t a, b;

    if (n >= 8) {
        memcpy(&v, p, 8);
        return v;
    }
    if (n >= 4) {
        memcpy(&a, p, 4);
        memcpy(&b, p + n - 4, 4);
        return a | (uint64_t) b << 32;
    }
    return p[0] | (uint64_t) p[n / 2] << 8 | (uint64_t) p[n - 1] << 16;
}

/* Multiply and fold: each 8 bytes go through a 128-bit product with the seed. */
uint64_t
wr_hash(const void *data, size_t n)
{
    const unsigned char *p = data;
    uint64_t             h = seed ^ (n * 0xa0761d6478bd642fu);

    for (; n >= 8; n -= 8, p += 8) {
        h = mix(h ^ load(p, 8), 0xe7037ed1a0b428dbu ^ seed);
    }
    if (n != 0) {
        h = mix(h ^ load(p, n), 0x8ebc6af09c88c6e3u ^ seed);
    }
    return mix(h, 0x589965cc75374cc3u);
}

uint64_t
wr_hash_i(const void *data, size_t n)
{
    const char *p = data;
    char        piece[64];
    uint64_t    h = 0;

    if (n - 1 < 8) {
        h = wr_swar_lower(load(data, n));
        return wr_hash(&h, n);
    }
    while (n != 0) {
        size_t m = wr_min_size(n, sizeof(piece));

        for (size_t i = 0; i < m; i++) {
            piece[i] = wr_lower(p[i]);
        }
        h = h * 31 + wr_hash(piece, m);
        p += m;
        n -= m;
    }
    return h;
}

static uint32_t table[256];

__attribute__((constructor)) static void
fill_table(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;

        for (int k = 0; k < 8; k++) {
            c = (c & 1) != 0 ? 0xedb88320u ^ (c >> 1) : c >> 1;
        }
        table[i] = c;
    }
}

uint32_t
wr_crc32_update(uint32_t crc, const void *data, size_t n)
{
    const unsigned char *p = data;

    while (n-- != 0) {
        crc = table[(crc ^ *p++) & 0xff] ^ (crc >> 8);
    }
    return crc;
}

uint32_t
wr_crc32(const void *p, size_t n)
{
    return ~wr_crc32_update(0xffffffffu, p, n);
}

uint32_t
wr_murmur2(const void *data, size_t n)
{
    const uint32_t       m = 0x5bd1e995;
    const unsigned char *p = data;
    uint32_t             h = (uint32_t) n;
    uint32_t             k;

    for (; n >= 4; n -= 4, p += 4) {
        k = (uint32_t) p[0] | (uint32_t) p[1] << 8 | (uint32_t) p[2] << 16
            | (uint32_t) p[3] << 24;
        k *= m;
        k ^= k >> 24;
        k *= m;
        h *= m;
        h ^= k;
    }
    if (n >= 3) {
        h ^= (uint32_t) p[2] << 16;
    }
    if (n >= 2) {
        h ^= (uint32_t) p[1] << 8;
    }
    if (n >= 1) {
        h ^= p[0];
        h *= m;
    }
    h ^= h >> 13;
    h *= m;
    h ^= h >> 15;
    return h;
}
