/*
 * UTF-8: every code point there and back, and every kind of ill-formed sequence.
 */
#include <check.h>
#include <weir/base/utf8.h>

/* By the table of Unicode 3.9, byte by byte: what the fast code must agree with. */
static size_t
well_formed(const unsigned char *p, size_t n)
{
    unsigned char low = 0x80, high = 0xbf;
    size_t        len;

    if (p[0] < 0x80) {
        return 1;
    }
    if (p[0] < 0xc2 || p[0] > 0xf4) {
        return 0;
    }
    len = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    low = p[0] == 0xe0 ? 0xa0 : p[0] == 0xf0 ? 0x90 : 0x80;
    high = p[0] == 0xed ? 0x9f : p[0] == 0xf4 ? 0x8f : 0xbf;
    for (size_t i = 1; i < len; i++) {
        if (i >= n || p[i] < low || p[i] > high) {
            return 0;
        }
        low = 0x80;
        high = 0xbf;
    }
    return len;
}

static size_t
first_bad(wr_str_t s)
{
    size_t at = 0;

    while (at < s.n) {
        size_t len = well_formed((const unsigned char *) s.p + at, s.n - at);

        if (len == 0) {
            return at;
        }
        at += len;
    }
    return s.n;
}

static void
code_points(void)
{
    long wrong = 0;

    for (uint32_t cp = 0; cp < 0x110000; cp++) {
        char        text[4];
        unsigned    n = wr_utf8_put(text, cp);
        bool        surrogate = cp >= 0xd800 && cp < 0xe000;
        const char *p = text, *end = text + n;

        wrong += wr_utf8_valid(wr_str(text, n)) == surrogate;
        wrong += wr_utf8_len(text[0]) != n;
        wrong += wr_utf8_next(&p, end) != cp || p != end;
        wrong += wr_utf8_prev(text, &p) != cp || p != text;
    }
    CHECK_INT(wrong, 0);
}

/* All sequences of up to three bytes, and those of four with an edge at each place. */
static void
ill_formed(void)
{
    static const unsigned char edges[] = {0, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf,
                                          0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xed, 0xef, 0xf0, 0xf1,
                                          0xf4, 0xf5, 0xff};
    long wrong = 0;
    char t[4];

    for (unsigned a = 0; a < 256; a++) {
        for (unsigned b = 0; b < 256; b++) {
            t[0] = (char) a;
            t[1] = (char) b;
            wrong += wr_utf8_bad(wr_str(t, 1)) != first_bad(wr_str(t, 1));
            wrong += wr_utf8_bad(wr_str(t, 2)) != first_bad(wr_str(t, 2));
            for (size_t i = 0; i < sizeof(edges); i++) {
                t[2] = (char) edges[i];
                wrong += wr_utf8_bad(wr_str(t, 3)) != first_bad(wr_str(t, 3));
                for (size_t k = 0; k < sizeof(edges); k++) {
                    t[3] = (char) edges[k];
                    wrong += wr_utf8_bad(wr_str(t, 4)) != first_bad(wr_str(t, 4));
                }
            }
        }
    }
    CHECK_INT(wrong, 0);
}

/* A bad byte at every place of a long text: what is read eight at a time too. */
static void
places(void)
{
    char text[64];

    for (size_t n = 0; n <= sizeof(text); n++) {
        memset(text, 'a', sizeof(text));
        CHECK(wr_utf8_ascii(wr_str(text, n)));
        CHECK_INT(wr_utf8_bad(wr_str(text, n)), n);
        for (size_t at = 0; at < n; at++) {
            text[at] = '\x80';
            CHECK_INT(wr_utf8_bad(wr_str(text, n)), at);
            CHECK(!wr_utf8_ascii(wr_str(text, n)));
            text[at] = 'a';
        }
    }
}

/* Copies are whole, and nothing is written around them. */
static void
copies(void)
{
    char text[64], to[66];

    for (size_t n = 0; n <= sizeof(text); n++) {
        for (size_t at = 0; at <= n; at++) {
            for (size_t i = 0; i < n; i++) {
                text[i] = (char) ('0' + i);
            }
            if (at < n) {
                text[at] = '\x80';
            }
            memset(to, '#', sizeof(to));
            CHECK_INT(wr_utf8_ascii_copy(to + 1, wr_str(text, n)), at == n);
            CHECK(memcmp(to + 1, text, n) == 0 && to[0] == '#' && to[n + 1] == '#');
        }
    }
}

static void
counting(void)
{
    wr_str_t s = WR_STR("a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80z");
    wr_str_t ascii = WR_STR("a long text of letters below 0x80 only");

    CHECK_INT(wr_utf8_count(s), 5);
    CHECK_INT(wr_utf8_count(WR_STR_NONE), 0);
    CHECK_INT(wr_utf8_count(ascii), ascii.n);
    CHECK_INT(wr_utf8_offset(s, 0), 0);
    CHECK_INT(wr_utf8_offset(s, 1), 1);
    CHECK_INT(wr_utf8_offset(s, 2), 3);
    CHECK_INT(wr_utf8_offset(s, 3), 6);
    CHECK_INT(wr_utf8_offset(s, 4), 10);
    CHECK_INT(wr_utf8_offset(s, 5), s.n);
    CHECK_INT(wr_utf8_offset(s, 100), s.n);
    CHECK_INT(wr_utf8_offset(ascii, 20), 20);
}

int
main(void)
{
    code_points();
    ill_formed();
    places();
    copies();
    counting();
    return check_status();
}
