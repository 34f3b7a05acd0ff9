/*
 * Texts that modules take apart or write: log escapes, Accept-Encoding, SSI
 * commands, charsets.
 */
#include <check.h>
#include <weir/http/filter.h>
#include "../../modules/ssi/parse.c"
#include "../../modules/charset/table.h"
#include "../../modules/log/log.h"

static void
escape(const char *text, size_t n, log_escape_t how, const char *want)
{
    wr_buf_t b = {0};

    log_escape_put(&b, wr_str(text, n), how);
    CHECK_STR(wr_buf_text(&b), want);
    wr_buf_free(&b);
}

static void
log_escapes(void)
{
    static const char raw[] = "a\"b\\c\n\x01\x1f\x7f\xc3\xa4 z\t\b\f\r";
    size_t            n = sizeof(raw) - 1;

    escape(raw, n, ESCAPE_DEFAULT,
           "a\\x22b\\x5Cc\\x0A\\x01\\x1F\\x7F\\xC3\\xA4 z\\x09\\x08\\x0C\\x0D");
    escape(raw, n, ESCAPE_JSON,
           "a\\\"b\\\\c\\n\\u0001\\u001F\x7f\xc3\xa4 z\\t\\b\\f\\r");
    escape(raw, n, ESCAPE_NONE, raw);
    escape("", 0, ESCAPE_DEFAULT, "");
}

static void
encodings(void)
{
    static const struct {
        const char *value;
        bool        takes;
    } rows[] = {
        {"gzip", true}, {"GZIP", true}, {"deflate, gzip", true}, {"gzip;q=0", false},
        {"gzip;q=0.000", false}, {"gzip;q=0.001", true}, {"gzip;q=0.0001", false},
        {"gzip ; q=1", true}, {"gzip;q=1.000", true}, {"gzip;q=1.001", false},
        {"gzip;q=2", false}, {"gzip;q=", false}, {"gzip;x", false}, {"x-gzip", false},
        {"gzipx", false}, {"", false}, {"*", false}, {"identity", false},
    };

    for (size_t i = 0; i < WR_COUNT(rows); i++) {
        if (wr_accepts_gzip(wr_str_z(rows[i].value)) != rows[i].takes) {
            fprintf(stderr, "Accept-Encoding: %s\n", rows[i].value);
            check_failed++;
        }
        check_count++;
    }
}

static void
commands(void)
{
    wr_pool_t    *pool = wr_pool_new();
    ssi_command_t c;
    size_t        end, keep;

    CHECK_INT(ssi_find(WR_STR("plain <!-- x -->"), &end, &keep), -1);
    CHECK_INT(keep, 0);
    CHECK_INT(ssi_find(WR_STR("plain <!-"), &end, &keep), -1);
    CHECK_INT(keep, 3);
    CHECK_INT(ssi_find(WR_STR("ab<!--#echo var=\"-->\" -->c"), &end, &keep), 2);
    CHECK_INT(end, 25);
    CHECK_INT(ssi_find(WR_STR("<!--#echo var=\"-->"), &end, &keep), 0);
    CHECK_INT(end, 0);

    CHECK(ssi_parse(pool, WR_STR("set var=\"a\" value='b \\'c\\' $d'"), &c));
    CHECK_STR(c.name, "set");
    CHECK_INT(c.n, 2);
    CHECK_STR(c.params[0].name, "var");
    CHECK_STR(c.params[0].text, "a");
    CHECK_STR(c.params[1].text, "b 'c' $d");
    CHECK(ssi_parse(pool, WR_STR(" else "), &c));
    CHECK_INT(c.n, 0);
    CHECK(!ssi_parse(pool, WR_STR(""), &c));
    CHECK(!ssi_parse(pool, WR_STR("echo var"), &c));
    CHECK(!ssi_parse(pool, WR_STR("echo var=x"), &c));
    CHECK(!ssi_parse(pool, WR_STR("echo var=\"x"), &c));
    CHECK(!ssi_parse(pool, WR_STR("echo=\"x\""), &c));
    wr_pool_free(pool);
}

static void
charsets(void)
{
    uint8_t  bytes[4];
    size_t   n;
    uint32_t code;

    CHECK(charset_utf8(WR_STR("D0B0"), bytes, &n, &code));
    CHECK_INT(n, 2);
    CHECK_INT(code, 0x430);
    CHECK(charset_utf8(WR_STR("E282AC"), bytes, &n, &code));
    CHECK_INT(code, 0x20ac);
    CHECK(charset_utf8(WR_STR("41"), bytes, &n, &code));
    CHECK(!charset_utf8(WR_STR("D0"), bytes, &n, &code));
    CHECK(!charset_utf8(WR_STR("D0B"), bytes, &n, &code));
    CHECK(!charset_utf8(WR_STR("D041"), bytes, &n, &code));
    CHECK(!charset_utf8(WR_STR("FFFF"), bytes, &n, &code));
    CHECK(!charset_utf8(WR_STR(""), bytes, &n, &code));
    CHECK(!charset_utf8(WR_STR("zz"), bytes, &n, &code));
}

int
main(void)
{
    log_escapes();
    encodings();
    commands();
    charsets();
    return check_status();
}
