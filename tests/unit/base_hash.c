/*
 * Hashes that others rely on have their known values; those of tables do what tables
 * need. And the words of eight bytes that they are made of.
 */
#include <check.h>
#include <weir/base/hash.h>
#include <weir/base/swar.h>
#include <zlib.h>

static void
known(void)
{
    char   text[300];
    wr_str_t check = WR_STR("123456789");

    CHECK_INT(wr_crc32(check.p, check.n), 0xcbf43926);
    for (size_t i = 0; i < sizeof(text); i++) {
        uint32_t pieces = wr_crc32_update(0xffffffff, text, i / 3);

        text[i] = (char) (i * 37);
        pieces = wr_crc32_update(pieces, text + i / 3, i - i / 3);
        CHECK_INT(wr_crc32(text, i), crc32(0, (const Bytef *) text, (uInt) i));
        CHECK_INT(~pieces, wr_crc32(text, i));
    }
    /* MurmurHash2 with seed 0, by its author's program */
    CHECK_INT(wr_murmur2("", 0), 0);
    CHECK_INT(wr_murmur2("a", 1), 0x92685f5eu);
}

static void
tables(void)
{
    char     a[200], b[200];
    unsigned bits[256] = {0};

    for (size_t n = 0; n < sizeof(a); n++) {
        for (size_t i = 0; i < n; i++) {
            a[i] = (char) ('a' + (i * 7 + n) % 26);
            b[i] = i % 3 == 0 ? (char) (a[i] - 32) : a[i];
        }
        CHECK(wr_hash(a, n) == wr_hash(a, n));
        CHECK(wr_hash_i(a, n) == wr_hash_i(b, n));
        if (n != 0) {
            uint64_t before = wr_hash(a, n);

            CHECK(wr_hash(a, n) != wr_hash(b, n));
            a[n - 1] ^= 1;
            CHECK(wr_hash(a, n) != before);
            CHECK(wr_hash(a, n - 1) != wr_hash(a, n));
        }
    }
    for (uint32_t i = 0; i < 65536; i++) {      /* spread over a table's low bits */
        bits[wr_hash(&i, sizeof(i)) & 255]++;
    }
    for (int i = 0; i < 256; i++) {
        CHECK(bits[i] > 128 && bits[i] < 512);
    }
}

static void
seeds(void)
{
    uint64_t before = wr_hash("a key", 5);

    wr_hash_seed(0x1234567);
    CHECK(wr_hash("a key", 5) != before);
}

static void
words(void)
{
    char     t[8];
    uint64_t v;

    for (unsigned place = 0; place < 8; place++) {
        for (unsigned c = 0; c < 256; c++) {
            uint64_t w;

            memset(t, 'M', 8);
            t[place] = (char) c;
            w = wr_swar_load(t);
            CHECK((wr_swar_is(w, 0xc3) != 0) == (c == 0xc3));
            CHECK((wr_swar_below(w, 0x20) != 0) == (c < 0x20));
            if (c < 0x20 && WR_SWAR_FIRST) {
                CHECK_INT(wr_swar_first(wr_swar_below(w, 0x20)), place);
            }
            w = wr_swar_lower(w);
            memcpy(t, &w, 8);
            CHECK_INT((unsigned char) t[place], c >= 'A' && c <= 'Z' ? c + 32 : c);
            memset(t, '5', 8);
            t[place] = (char) c;
            CHECK(wr_swar_digits(wr_swar_load(t), &v) == (c >= '0' && c <= '9'));
        }
    }
    CHECK(wr_swar_digits(wr_swar_load("01234567"), &v));
    CHECK_INT(v, 1234567);
    CHECK(wr_swar_digits(wr_swar_load("99999999"), &v));
    CHECK_INT(v, 99999999);
}

int
main(void)
{
    known();
    tables();
    words();
    seeds();
    return check_status();
}
