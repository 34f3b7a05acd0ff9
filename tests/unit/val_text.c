/*
 * UTF-8, Unicode properties, case, names; Markup and character references.
 */
#include <weir/base/utf8.h>
#include <weir/expr/markup.h>
#include <weir/expr/unicode.h>

#include "check.h"

static wr_pool_t *pool;

#define S(literal) WR_STR(literal)

static void
utf8(void)
{
    wr_str_t long_text = S("abcdefghijkl\xc3\xa9mnopqrstuvw\xf0\x9f\x98\x80xyz");

    CHECK(wr_utf8_valid(S("")));
    CHECK(wr_utf8_valid(long_text));
    CHECK(!wr_utf8_valid(S("abcdefgh\xff")));
    CHECK(!wr_utf8_valid(S("\xc0\x80")));
    CHECK(!wr_utf8_valid(S("\xe0\x80\x80")));
    CHECK(!wr_utf8_valid(S("\xed\xa0\x80")));
    CHECK(!wr_utf8_valid(S("\xf4\x90\x80\x80")));
    CHECK(!wr_utf8_valid(S("\xe2\x82")));
    CHECK_INT(wr_utf8_bad(S("abc\xe2\x82")), 3);
    CHECK_INT(wr_utf8_count(long_text), 28);
    CHECK_INT(wr_utf8_offset(long_text, 12), 12);
    CHECK_INT(wr_utf8_offset(long_text, 13), 14);
    CHECK_INT(wr_utf8_offset(long_text, 25), 29);
    CHECK_INT(wr_utf8_offset(long_text, 28), long_text.n);
    CHECK_INT(wr_utf8_offset(long_text, 99), long_text.n);
    CHECK(wr_utf8_ascii(S("0123456789012345678901234567890123456789")));
    CHECK(!wr_utf8_ascii(S("012345678901234567890123456789012345\x80""89")));
    for (size_t n = 1; n < 30; n++) {
        for (size_t at = 0; at < n; at++) {
            char text[30];

            memset(text, 'a', sizeof(text));
            CHECK_INT(wr_utf8_bad(wr_str(text, n)), n);
            text[at] = '\xff';
            CHECK_INT(wr_utf8_bad(wr_str(text, n)), at);
        }
    }
    for (uint32_t cp = 1; cp < 0x110000; cp += 97) {
        char        room[4];
        const char *p = room;
        unsigned    n = wr_utf8_put(room, cp);

        CHECK_INT(wr_utf8_len(room[0]), n);
        CHECK_INT(wr_utf8_next(&p, room + n), cp);
        CHECK(p == room + n);
        CHECK_INT(wr_utf8_prev(room, &p), cp);
        CHECK(p == room);
    }
}

#define CHECK_CASE(how, from, to)                                             \
    do {                                                                      \
        wr_buf_t b = wr_buf(pool);                                            \
        wr_uni_put_##how(&b, S(from));                                        \
        CHECK_STR(wr_buf_text(&b), to);                                       \
    } while (0)

static void
cases(void)
{
    CHECK_CASE(upper, "stra\xc3\x9f""e", "STRASSE");
    CHECK_CASE(upper, "\xef\xac\x81x", "FIX");
    CHECK_CASE(lower, "\xce\x91\xce\xa3 \xce\xa3",
               "\xce\xb1\xcf\x82 \xcf\x83");
    CHECK_CASE(lower, "\xc4\xb0", "i\xcc\x87");
    CHECK_CASE(title, "they're \xc7\x86", "They'Re \xc7\x85");
    CHECK_CASE(capitalized, "\xef\xac\x81N", "Fin");
    CHECK_CASE(swapped, "aBc", "AbC");
    CHECK_CASE(folded, "Stra\xc3\x9f""E", "strasse");
    CHECK_CASE(upper, "", "");
}

static void
properties(void)
{
    uint32_t cp = 0;

    CHECK(wr_uni_printable(0xe9) && !wr_uni_printable(0xad));
    CHECK(!wr_uni_printable(0x200b) && !wr_uni_printable(0x378));
    CHECK(!wr_uni_printable(0xe000) && !wr_uni_printable(0x10ffff));
    CHECK_INT(wr_uni_decimal(0x661), 1);
    CHECK_INT(wr_uni_decimal(0xb2), -1);
    CHECK(wr_uni_isdigit(0xb2) && !wr_uni_isdecimal(0xb2));
    CHECK(wr_uni_space(0xa0) && wr_uni_space(0x1c) && !wr_uni_space('a'));
    CHECK(wr_uni_word('_') && wr_uni_word(0x65e5) && !wr_uni_word('-'));
    CHECK(wr_uni_by_name(S("HOT SPRINGS"), &cp) && cp == 0x2668);
    CHECK(wr_uni_by_name(S("greek small letter alpha"), &cp) && cp == 0x3b1);
    CHECK(wr_uni_by_name(S("CJK UNIFIED IDEOGRAPH-65E5"), &cp) && cp == 0x65e5);
    CHECK(wr_uni_by_name(S("HANGUL SYLLABLE HAN"), &cp) && cp == 0xd55c);
    CHECK(wr_uni_by_name(S("NBSP"), &cp) && cp == 0xa0);
    CHECK(!wr_uni_by_name(S("NO SUCH NAME"), &cp));
    CHECK(!wr_uni_by_name(S(""), &cp));
    CHECK_STR(wr_uni_strip(S(" \xc2\xa0 a b\t\xe2\x80\xa8"), true, true),
              "a b");
    CHECK_STR(wr_uni_strip(S(" a "), true, false), "a ");
    CHECK_STR(wr_uni_strip(S("   "), true, true), "");
}

static wr_str_t
unescaped(wr_str_t s)
{
    wr_buf_t b = wr_buf(pool);

    wr_unescape(&b, s);
    return wr_buf_text(&b);
}

static wr_str_t
stripped(wr_str_t s)
{
    wr_buf_t b = wr_buf(pool);

    wr_striptags(pool, &b, s);
    return wr_buf_text(&b);
}

static void
markup(void)
{
    CHECK_STR(unescaped(S("a &lt;b&gt; &amp;amp; &#39;&#x22;")),
              "a <b> &amp; '\"");
    CHECK_STR(unescaped(S("&copy &copyx &notit; &notin; &nosuch;")),
              "\xc2\xa9 \xc2\xa9x \xc2\xacit; \xe2\x88\x89 &nosuch;");
    CHECK_STR(unescaped(S("&#128;&#0;&#xd800;&#x110000;&#1;|&#;&#x;&")),
              "\xe2\x82\xac\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd|&#;&#x;&");
    CHECK_STR(unescaped(S("&#99999999999999999999;")), "\xef\xbf\xbd");
    CHECK_STR(stripped(S("<p>a <!-- <b> --> b\n\tc</p> &lt;x&gt; <un")),
              "a b c <x> <un");
    CHECK_STR(stripped(S("")), "");
    for (size_t n = 0; n < 40; n++) {
        char     text[48];
        wr_buf_t b = wr_buf(pool);

        memset(text, 'x', sizeof(text));
        text[n] = '<';
        CHECK_INT(wr_escape_find(wr_str(text, sizeof(text))), n);
        CHECK_INT(wr_escape_find(wr_str(text, n)), n);
        wr_escape(&b, wr_str(text, n + 1));
        CHECK_INT(b.n, n + 4);
        CHECK(memcmp(b.p + n, "&lt;", 4) == 0);
        CHECK_INT(wr_escape_len(wr_str(text, n + 1)), n + 4);
    }
}

int
main(void)
{
    pool = wr_pool_new();
    utf8();
    cases();
    properties();
    markup();
    wr_pool_free(pool);
    return check_status();
}
