/*
 * \N{NAME}: the names themselves are not kept, only a hash of each in the order
 * of the code points, so that one is found by going through them all. That is
 * enough for a compiler, which asks rarely.
 */
#include <weir/expr/unicode.h>
#include <weir/expr/unicode_priv.h>

enum { NAME_MAX_LEN = 88 };

static uint32_t
name_hash(wr_str_t name)
{
    uint32_t h = 0x811c9dc5;

    for (size_t i = 0; i < name.n; i++) {
        h = (h ^ (unsigned char) name.p[i]) * 0x01000193;
    }
    return h;
}

/* Ideographs are named by their number. */
static bool
by_number(wr_str_t name, uint32_t *cp)
{
    static const struct {
        const char *prefix;
        uint32_t    first, last;
    } ranges[] = {
        {"CJK UNIFIED IDEOGRAPH-", 0x3400, 0x4dbf},
        {"CJK UNIFIED IDEOGRAPH-", 0x4e00, 0x9fff},
        {"CJK UNIFIED IDEOGRAPH-", 0x20000, 0x2a6df},
        {"CJK UNIFIED IDEOGRAPH-", 0x2a700, 0x2b738},
        {"CJK UNIFIED IDEOGRAPH-", 0x2b740, 0x2b81d},
        {"CJK UNIFIED IDEOGRAPH-", 0x2b820, 0x2cea1},
        {"CJK UNIFIED IDEOGRAPH-", 0x2ceb0, 0x2ebe0},
        {"CJK UNIFIED IDEOGRAPH-", 0x30000, 0x3134a},
        {"CJK COMPATIBILITY IDEOGRAPH-", 0xf900, 0xfa6d},
        {"CJK COMPATIBILITY IDEOGRAPH-", 0xfa70, 0xfad9},
        {"CJK COMPATIBILITY IDEOGRAPH-", 0x2f800, 0x2fa1d},
        {"NUSHU CHARACTER-", 0x1b170, 0x1b2fb},
        {"TANGUT IDEOGRAPH-", 0x17000, 0x187f7},
        {"TANGUT IDEOGRAPH-", 0x18d00, 0x18d08},
        {"KHITAN SMALL SCRIPT CHARACTER-", 0x18b00, 0x18cd5},
    };
    ssize_t  dash = wr_str_rchr(name, '-');
    wr_str_t digits;
    uint32_t n = 0;

    if (dash < 0) {
        return false;
    }
    digits = wr_str_skip(name, (size_t) dash + 1);
    if (digits.n < 4 || digits.n > 5) {
        return false;
    }
    for (size_t i = 0; i < digits.n; i++) {
        int d = wr_hex_digit(digits.p[i]);

        if (d < 0) {
            return false;
        }
        n = n << 4 | (uint32_t) d;
    }
    for (size_t i = 0; i < WR_COUNT(ranges); i++) {
        if (n >= ranges[i].first && n <= ranges[i].last
            && wr_str_eqz(wr_str_sub(name, 0, (size_t) dash + 1),
                          ranges[i].prefix))
        {
            *cp = n;
            return true;
        }
    }
    return false;
}

/* The longest of the jamo at the start of the text. */
static int
take_jamo(wr_str_t *s, const char *const *jamo, int n)
{
    int    best = -1;
    size_t len = 0;

    for (int i = 0; i < n; i++) {
        wr_str_t j = wr_str_z(jamo[i]);

        if (wr_str_starts(*s, j) && (best < 0 || j.n > len)) {
            best = i;
            len = j.n;
        }
    }
    *s = wr_str_skip(*s, len);
    return best;
}

static bool
hangul(wr_str_t name, uint32_t *cp)
{
    static const char *const lead[] = {"G", "GG", "N", "D",  "DD", "R", "M",
                                       "B", "BB", "S", "SS", "",   "J", "JJ",
                                       "C", "K",  "T", "P",  "H"};
    static const char *const vowel[] = {"A",  "AE",  "YA", "YAE", "EO", "E",
                                        "YEO", "YE", "O",  "WA",  "WAE", "OE",
                                        "YO", "U",   "WEO", "WE", "WI", "YU",
                                        "EU", "YI",  "I"};
    static const char *const tail[] = {"",   "G",  "GG", "GS", "N",  "NJ", "NH",
                                       "D",  "L",  "LG", "LM", "LB", "LS", "LT",
                                       "LP", "LH", "M",  "B",  "BS", "S",  "SS",
                                       "NG", "J",  "C",  "K",  "T",  "P",  "H"};
    wr_str_t rest;
    int      l, v, t;

    if (!wr_str_starts(name, WR_STR("HANGUL SYLLABLE "))) {
        return false;
    }
    rest = wr_str_skip(name, 16);
    l = take_jamo(&rest, lead, WR_COUNT(lead));
    v = take_jamo(&rest, vowel, WR_COUNT(vowel));
    t = take_jamo(&rest, tail, WR_COUNT(tail));
    if (l < 0 || v < 0 || t < 0 || rest.n != 0) {
        return false;
    }
    *cp = 0xac00 + (uint32_t) ((l * 21 + v) * 28 + t);
    return true;
}

static bool
by_hash(wr_str_t name, uint32_t *cp)
{
    uint32_t h = name_hash(name);
    unsigned run = wr_uni_nruns;
    unsigned i = 0;

    while (i < wr_uni_nnames && wr_uni_names[i] != h) {
        i++;
    }
    if (i == wr_uni_nnames) {
        return false;
    }
    do {
        run--;
    } while (wr_uni_runs[run].at > i);
    *cp = wr_uni_runs[run].cp + (i - wr_uni_runs[run].at);
    return true;
}

bool
wr_uni_by_name(wr_str_t name, uint32_t *cp)
{
    char upper[NAME_MAX_LEN];

    if (name.n == 0 || name.n > sizeof(upper)) {
        return false;
    }
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];

        if (!wr_is_alpha(c) && !wr_is_digit(c) && c != ' ' && c != '-') {
            return false;
        }
        upper[i] = c >= 'a' && c <= 'z' ? (char) (c ^ 0x20) : c;
    }
    name.p = upper;
    for (unsigned i = 0; i < wr_uni_naliases; i++) {
        if (wr_str_eqz(name, wr_uni_aliases[i].name)) {
            *cp = wr_uni_aliases[i].cp;
            return true;
        }
    }
    return by_number(name, cp) || hangul(name, cp) || by_hash(name, cp);
}
