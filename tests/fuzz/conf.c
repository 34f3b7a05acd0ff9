/*
 * The conf's reader: any bytes either are a conf for these tables, and settle, or
 * are refused with a message. No file is touched: includes are refused.
 */
#include <weir/conf/conf_priv.h>
#include <weir/vars/cv.h>

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct conf {
    bool       flag;
    int64_t    number, off, sec;
    size_t     size;
    wr_msec_t  msec;
    wr_str_t   text, path;
    int        kind;
    unsigned   mask;
    wr_cv_t    cv;
    wr_array_t cvs, pairs;
    wr_bufs_t  bufs;
} conf_t;

static const wr_enum_t kinds[] = {{"one", 1}, {"two", 2}, {NULL, 0}};

/* Every word is there, with its NUL. */
static wr_rc_t
look(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    (void) d;
    (void) conf;
    for (unsigned i = 0; i < cf->nargs; i++) {
        if (cf->args[i].text.p[cf->args[i].text.n] != '\0' || cf->args[i].line == 0) {
            abort();
        }
    }
    return WR_OK;
}

static wr_rc_t
line(wr_conf_t *cf, void *data)
{
    return look(cf, NULL, data);
}

static wr_rc_t
block(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    (void) look(cf, d, conf);
    return wr_conf_block(cf, wr_conf_scope(cf, WR_SERVER, NULL));
}

static wr_rc_t
lines(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    (void) d;
    (void) conf;
    return wr_conf_lines(cf, line, NULL);
}

static wr_rc_t
raw(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    wr_tok_t rest;
    unsigned n;

    if (cf->raw.text.p[cf->raw.text.n] != '\0') {
        abort();
    }
    (void) wr_conf_split(cf, &cf->raw, 3, &n, &rest);
    rest = wr_conf_unquote(cf, &cf->raw);
    if (rest.text.p[rest.text.n] != '\0') {
        abort();
    }
    return cf->has_block ? block(cf, d, conf) : WR_OK;
}

#define ALL (WR_MAIN | WR_SERVER)

static const wr_directive_t directives[] = {
    WR_BLOCK("b", ALL, 0, 3, block, ""),
    WR_BLOCK("map", ALL, 0, 3, lines, ""),
    WR_ACTION("any", ALL, 0, 255, look, "", .flags = WR_DF_REPEAT),
    WR_ACTION("expr", ALL, 0, 1, raw, "", .flags = WR_DF_RAW),
    WR_ACTION("when", ALL, 0, 1, raw, "", .flags = WR_DF_RAW | WR_DF_BLOCK),
    WR_ACTION("html", ALL, 0, 1, raw, "", .flags = WR_DF_RAW | WR_DF_TEMPLATE),
    WR_ACTION("fetch", ALL, 0, 1, raw, "",
              .flags = WR_DF_RAW | WR_DF_TEMPLATE | WR_DF_BLOCK),
    WR_ACTION("sql", ALL, 0, 1, raw, "", .flags = WR_DF_RAW | WR_DF_SQL),
    WR_ACTION("route", ALL, 0, 9, block, "", .flags = WR_DF_BLOCK | WR_DF_PATTERN),
    WR_ACTION("set", ALL, 2, 2, look, ""),
    WR_ACTION("set", WR_SERVER, 1, 1, raw, "", .flags = WR_DF_RAW),
    WR_FLAG("flag", ALL, conf_t, flag, "on", ""),
    WR_INT("number", ALL, conf_t, number, "1", ""),
    WR_SIZE("size", ALL, conf_t, size, "8k", ""),
    WR_OFFSET("off", ALL, conf_t, off, "1g", ""),
    WR_MSEC("msec", ALL, conf_t, msec, "1s", ""),
    WR_SEC("sec", ALL, conf_t, sec, "1y", ""),
    WR_TEXT("text", ALL, conf_t, text, "x", ""),
    WR_PATH("path", ALL, conf_t, path, "y", ""),
    WR_ENUM("kind", ALL, conf_t, kind, kinds, "one", ""),
    WR_MASK("mask", ALL, conf_t, mask, kinds, "one", ""),
    WR_CV("cv", ALL, conf_t, cv, "a$b", ""),
    WR_CV_LIST("cvs", ALL, conf_t, cvs, NULL, ""),
    WR_PAIR_LIST("pairs", ALL, conf_t, pairs, NULL, ""),
    WR_BUFS("bufs", ALL, conf_t, bufs, "4 8k", ""),
    WR_END
};

static wr_schema_t schema = {
    .name = "fuzz", .directives = directives, .size = sizeof(conf_t),
};

static void
drop(wr_log_target_t *t, wr_level_t level, wr_str_t text)
{
    (void) t;
    (void) level;
    (void) text;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static wr_log_target_t target = {.level = WR_LOG_WARN, .fd = -1, .write = drop};
    static wr_log_t        log = {.level = WR_LOG_WARN, .targets = &target};
    wr_pool_t             *pool = wr_pool_new();
    wr_conf_t             *cf = wr_conf_new(pool, &log, WR_STR("/"), WR_STR("/"));

    wr_conf_priv(cf)->includes = WR_CONF_INCLUDES;
    if (wr_conf_add_schema(cf, &schema) == WR_OK
        && wr_conf_read_text(cf, wr_str((const char *) data, size), "fuzz") == WR_OK
        && wr_conf_settle(cf) == WR_OK)
    {
        wr_rc_t rc = wr_vars_finish(cf);

        (void) rc;
    }
    wr_conf_done(cf);
    wr_pool_free(pool);
    return 0;
}
