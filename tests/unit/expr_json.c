/*
 * JSON: the quick way and the thorough way make the same values, wherever the quick
 * one takes a text at all.
 */
#include <weir/expr/json_out.h>
#include <weir/expr/json_quick.h>
#include <weir/expr/template.h>

#include <inttypes.h>

/* The thorough way is a function of that file. */
#define wr_json_parse parse_with_both
#include "../../core/expr/json_in.c"
#undef wr_json_parse

#include "check.h"

static wr_pool_t *pool;
static wr_eval_t  ev;

static wr_str_t
show(const wr_val_t *v)
{
    wr_buf_t       b = wr_buf(pool);
    wr_json_opts_t opts = WR_JSON_DEFAULTS;

    CHECK(wr_json_put(&ev, &b, v, &opts));
    return wr_buf_text(&b);
}

/* Returns whether the quick way took it. */
static bool
same(wr_str_t text, const wr_json_limits_t *limits)
{
    wr_val_t      quick, thorough;
    wr_json_err_t err;
    bool          took = wr_json_quick(pool, text, limits, &quick);

    if (took) {
        bool ok = parse(pool, text, limits, &thorough, &err);

        CHECK(ok);
        if (ok) {
            CHECK(wr_str_eq(show(&quick), show(&thorough)));
            CHECK(quick.type == thorough.type);
        }
        if (!ok) {
            fprintf(stderr, "in %.*s\n", (int) text.n, text.p);
        }
    }
    return took;
}

static const char *const taken[] = {
    "{}", "[]", " { } ", "[1, -2, 0, -0, 123456789012345678]",
    "{\"a\": {\"b\": [null, true, false]}}",
    "[1.5, -0.25, 1e3, 1E-3, 1e+2, 0.0, -0.0]",
    "[1795839924.1234567, 3.141592653589793]",
    "[\"\", \"a\", \"\\n\\t\\\"\\\\\\/\\b\\f\\r\"]",
    "[\"\\u00e9\\u20ac\", \"\xc3\xa9\xf0\x9f\x98\x80\"]",
    "{\"created\": 1795839924, \"session\": {\"last_visit\": 1795839924.5, \"n\": 1}}",
    "\r\n\t[1]\r\n", "[1e27, 1e-27, 123456789012345678.5]", "[[[[[[[[]]]]]]]]",
};
static const char *const left[] = {
    "", " ", "{", "[", "[1,]", "{,}", "{\"a\":}", "{\"a\" 1}", "{a: 1}", "[01]", "[1.]", "[.5]",
    "[+1]", "[1e]", "[1e+]", "[--1]", "[1 2]", "[1]]", "[tru]", "[\"\\x\"]", "[\"a",
    "[\"\\u12\"]",
    "[\"\\ud800\"]", "[\"\\ud83d\\ude00\"]", "[\"\\u0000\"]", "[\"\t\"]", "[\"\xff\"]",
    "[\"\xc3\"]",
    "[1234567890123456789]", "[99999999999999999999]", "[1e999]", "{\"a\": 1, \"a\": 2}",
    "1", "\"a\"",
    "[1]x", "[\"\\", "[\"\\\"]", "nul", "[-]", "[1e1000]",
};

static uint64_t
random64(void)
{
    static uint64_t x = 88172645463325252u;

    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return x;
}

/* Of every length and size, and those that lie between two doubles. */
static void
floats(void)
{
    static const char *const forms[] = {"[%.*f]", "[%.*e]", "[%.*g]"};
    wr_json_limits_t         limits = {0};
    char                     text[400];
    unsigned                 took = 0;

    for (unsigned i = 0; i < 60000; i++) {
        uint64_t bits = random64();
        double   f;

        if (i % 3 == 0) {
            f = (double) (bits >> 20) / 1048576;
        } else if (i % 3 == 1) {
            f = 1.7e9 + (double) (bits % 100000000) + (double) (bits % 1000003) / 1e6;
        } else {
            memcpy(&f, &bits, sizeof(f));
        }
        if (!(f > -1e60 && f < 1e60)) {
            continue;
        }
        snprintf(text, sizeof(text), forms[bits % 3], (int) (bits / 3 % 19) + 1, f);
        took += same(wr_str_z(text), &limits);
        snprintf(text, sizeof(text), "[%" PRIu64 ".5e%d]", (bits >> 10) | 1,
                 (int) (bits % 40) - 20);
        took += same(wr_str_z(text), &limits);
        if (i % 1000 == 0) {
            wr_pool_clear(pool);
        }
    }
    CHECK(took > 50000);
}

static void
depths(void)
{
    wr_json_limits_t limits = {.depth = 3};
    wr_val_t         v;

    CHECK(same(WR_STR("[[[1]]]"), &limits));
    CHECK(!wr_json_quick(pool, WR_STR("[[[[1]]]]"), &limits, &v));
}

/* Whatever the size of the pieces, and whatever is in the value, they make the text
 * that is made at once. */
static void
in_pieces(const wr_val_t *v, const wr_json_opts_t *opts)
{
    wr_buf_t whole = wr_buf(pool);

    CHECK(wr_json_put(&ev, &whole, v, opts));
    for (size_t enough = 1; enough < 70000; enough = enough * 3 + 1) {
        wr_buf_t        all = wr_buf(pool), piece = wr_buf(NULL);
        wr_json_rest_t *rest = NULL;
        wr_rc_t         rc = wr_json_begin(&ev, &piece, v, opts, enough, &rest);

        while (rc == WR_AGAIN) {
            CHECK(piece.n >= enough);
            CHECK(piece.n <= enough + 16 * 1024 * 6 + 64);
            wr_buf_str(&all, wr_buf_text(&piece));
            wr_buf_free(&piece);
            piece = wr_buf(NULL);
            rc = wr_json_go_on(rest, &ev, &piece);
        }
        CHECK(rc == WR_OK);
        wr_buf_str(&all, wr_buf_text(&piece));
        wr_buf_free(&piece);
        CHECK(wr_str_eq(wr_buf_text(&all), wr_buf_text(&whole)));
    }
}

static wr_val_t
parsed(const char *text)
{
    wr_json_limits_t limits = {.any = true};
    wr_json_err_t    err;
    wr_val_t         v;

    CHECK(parse(pool, wr_str_z(text), &limits, &v, &err));
    return v;
}

static void
pieces(void)
{
    wr_json_opts_t opts = WR_JSON_DEFAULTS, sorted = {.sort = true, .html = true},
                   pretty = {.pretty = true, .indent = WR_STR("  "), .any_iterable = true};
    wr_buf_t       b = wr_buf(pool);
    wr_list_t     *list = wr_list_new(pool, 4), *deep = wr_list_new(pool, 1);
    wr_range_t     range = {0, 1000, 3};
    wr_val_t       v = {.type = WR_V_RANGE};

    for (unsigned i = 0; i < WR_COUNT(taken); i++) {
        wr_list_push(pool, list, parsed(taken[i]));
    }
    for (unsigned i = 0; i < 30000; i++) {
        wr_buf_z(&b, i % 3 == 0 ? "\xf0\x9f\x98\x80" : i % 7 == 0 ? "\"" : "\xc3\xa9");
    }
    wr_list_push(pool, list, wr_vstr(wr_buf_text(&b)));
    v.u.range = &range;
    wr_list_push(pool, deep, wr_vstr(wr_buf_text(&b)));
    for (unsigned i = 0; i < 100; i++) {
        wr_list_t *outer = wr_list_new(pool, 2);

        wr_list_push(pool, outer, wr_int(i));
        wr_list_push(pool, outer, wr_vlist(deep));
        deep = outer;
    }
    wr_list_push(pool, list, wr_vlist(deep));
    wr_list_push(pool, list, parsed("{\"b\": {\"z\": 1, \"y\": [[], {}]}, \"a<\": \"&\"}"));
    in_pieces(&(wr_val_t) {.type = WR_V_LIST, .u.list = list}, &opts);
    in_pieces(&(wr_val_t) {.type = WR_V_LIST, .u.list = list}, &sorted);
    wr_list_push(pool, list, v);
    in_pieces(&(wr_val_t) {.type = WR_V_LIST, .u.list = list}, &pretty);
}

/* An error in the midst is one, and a circle is found wherever the text is cut. */
static void
broken_pieces(void)
{
    wr_json_opts_t  opts = WR_JSON_DEFAULTS;
    wr_list_t      *list = wr_list_new(pool, 4);
    wr_val_t        v = wr_vlist(list);
    wr_buf_t        b = wr_buf(pool);
    wr_json_rest_t *rest = NULL;
    wr_rc_t         rc;

    for (unsigned i = 0; i < 100; i++) {
        wr_list_push(pool, list, wr_int(i));
    }
    wr_list_push(pool, list, v);
    rc = wr_json_begin(&ev, &b, &v, &opts, 50, &rest);
    CHECK(rc == WR_AGAIN);
    while (rc == WR_AGAIN) {
        b.n = 0;
        rc = wr_json_go_on(rest, &ev, &b);
    }
    CHECK(rc == WR_ERROR && ev.failed && strcmp(ev.err.kind, "ValueError") == 0);
    ev.failed = false;
}

/* What one character becomes, by the rules alone. */
static void
put_slowly(wr_buf_t *to, const char *p, size_t n, const wr_json_opts_t *opts)
{
    static const char escaped[] = "\"\\\n\r\t\f\b", letters[] = "\"\\nrtfb";
    const char       *at = memchr(escaped, p[0], sizeof(escaped) - 1);

    if (at != NULL) {
        wr_buf_printf(to, "\\%c", letters[at - escaped]);
    } else if ((unsigned char) p[0] < 0x20
               || (opts->html && memchr("<>&'", p[0], 4) != NULL)
               || (opts->ascii && p[0] == 0x7f))
    {
        wr_buf_printf(to, "\\u%04x", p[0]);
    } else if (opts->ascii && n == 2) {
        wr_buf_printf(to, "\\u%04x", (p[0] & 0x1f) << 6 | (p[1] & 0x3f));
    } else {
        wr_buf_add(to, p, n);
    }
}

/* A character of each kind at each place of texts of each length, in each mode. */
static void
escapes_anywhere(void)
{
    static const char *const special[] = {"\"", "\\", "\n", "\x01", "\x1f", "\x7f", "<",
                                          ">", "&", "'", "\xc3\xa9", " ", "~", "a"};

    for (unsigned mode = 0; mode < 4; mode++) {
        wr_json_opts_t opts = WR_JSON_DEFAULTS;

        opts.ascii = (mode & 1) != 0;
        opts.html = (mode & 2) != 0;
        for (size_t n = 0; n < 50; n++) {
            for (size_t at = 0; at <= n; at++) {
                const char *c = special[(n + at) % WR_COUNT(special)];
                wr_buf_t    text = wr_buf(pool), expected = wr_buf(pool), got = wr_buf(pool);

                wr_buf_char(&expected, '"');
                for (size_t i = 0; i <= n; i++) {
                    const char *next = i == at ? c : i % 7 == 6 && n > 40 ? "\xc3\xa8" : "x";

                    wr_buf_z(&text, next);
                    put_slowly(&expected, next, strlen(next), &opts);
                }
                wr_buf_char(&expected, '"');
                wr_json_put_str(&got, wr_buf_text(&text), &opts);
                CHECK(wr_str_eq(wr_buf_text(&got), wr_buf_text(&expected)));
            }
        }
    }
}

int
main(void)
{
    wr_json_limits_t limits = {0}, any = {.any = true};
    wr_env_options_t options = wr_env_defaults();
    wr_pool_t       *own = wr_pool_new();

    pool = wr_pool_new();
    json_set_alloc_funcs(tree_alloc, tree_free);    /* of the copy above */
    wr_eval_init(&ev, wr_env_new(own, &options), pool);
    for (unsigned i = 0; i < WR_COUNT(taken); i++) {
        CHECK(same(wr_str_z(taken[i]), &limits));
        CHECK(same(wr_str_z(taken[i]), &any));
    }
    for (unsigned i = 0; i < WR_COUNT(left); i++) {
        CHECK(!same(wr_str_z(left[i]), &limits));
    }
    CHECK(same(WR_STR("1"), &any));
    CHECK(same(WR_STR(" \"a\" "), &any));
    CHECK(!same(WR_STR("[\"a\0b\"]"), &any));
    depths();
    escapes_anywhere();
    floats();
    pieces();
    broken_pieces();
    wr_pool_free(pool);
    wr_pool_free(own);
    return check_status();
}
