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

/* Reads "<!--#…" of a text that comes in pieces of `piece` bytes; the bytes taken. */
static size_t
read_command(ssi_t *s, wr_str_t text, size_t piece)
{
    size_t keep, done;

    done = (size_t) ssi_find(text, &keep);
    ssi_begin(&s->parser, s->parser.pool);
    while (done < text.n && s->parser.state > SSI_FAILED) {
        done += ssi_parse(s, wr_str_sub(text, done, wr_min_size(done + piece, text.n)));
    }
    return done;
}

static wr_str_t
value_of(const ssi_t *s, uint32_t i)
{
    return wr_buf_text(&WR_AT(&s->parser.params, ssi_param_t, i)->value);
}

static void
commands(void)
{
    static const char *const bad[] = {
        "<!--#echo var-->", "<!--#echo var=x -->", "<!--#echo var=\"x\"y=\"z\" -->",
        "<!--#echo var=\"x\" - -->", "<!--#echo=\"x\" - -->", "<!--#echo var=\"123456789\" -->",
        "<!--#a23456789012345678901234567890123 -->",
    };
    wr_pool_t       *pool = wr_pool_new();
    const ssi_conf_t conf = {.value_length = 8};
    wr_req_t         r;
    ssi_t            s = {.r = &r, .conf = &conf, .parser.pool = pool};
    size_t           keep;

    memset(&r, 0, sizeof(r));       /* its log goes nowhere */
    CHECK_INT(ssi_find(WR_STR("plain <!-- x -->"), &keep), -1);
    CHECK_INT(keep, 0);
    CHECK_INT(ssi_find(WR_STR("plain <!-"), &keep), -1);
    CHECK_INT(keep, 3);
    CHECK_INT(ssi_find(WR_STR("ab<!--#echo"), &keep), 7);

    for (size_t piece = 1; piece < 60; piece += 7) {
        CHECK_INT(read_command(&s, WR_STR("<!--#set var=\"-->\" value = 'b\\'$d' -->rest"),
                               piece), 38);
        CHECK_INT(s.parser.state, SSI_DONE);
        CHECK_STR(wr_buf_text(&s.parser.name), "set");
        CHECK_INT(s.parser.params.n, 2);
        CHECK_STR(value_of(&s, 0), "-->");
        CHECK_STR(value_of(&s, 1), "b\\'$d");
    }
    read_command(&s, WR_STR("<!--# else-->"), 99);
    CHECK_INT(s.parser.state, SSI_DONE);
    CHECK_INT(s.parser.params.n, 0);
    for (size_t i = 0; i < WR_COUNT(bad); i++) {
        CHECK_INT(read_command(&s, wr_str_z(bad[i]), 99), strlen(bad[i]));
        CHECK_INT(s.parser.state, SSI_FAILED);
    }
    read_command(&s, WR_STR("<!--#echo var=\"x"), 99);
    CHECK(s.parser.state > SSI_FAILED);
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
