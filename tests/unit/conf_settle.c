/*
 * Types, duplicates, inheritance, defaults, checks.
 */
#include <conf_help.h>
#include <weir/vars/cv.h>

typedef struct conf {
    bool       flag;
    int64_t    number;
    size_t     size;
    int64_t    off;
    wr_msec_t  msec;
    int64_t    sec;
    wr_str_t   text;
    wr_str_t   path;
    wr_str_t   conf_path;
    int        kind;
    unsigned   mask;
    wr_cv_t    cv;
    wr_array_t cvs;
    wr_array_t texts;
    wr_array_t pairs;
    wr_bufs_t  bufs;
    int64_t    custom;
    int64_t    further;         /* set together with custom */
    int64_t    from_check;      /* no directive's */
    bool       inner_only;
} conf_t;

typedef struct other {
    wr_str_t word;
} other_t;

static wr_schema_t schema, other_schema;
static wr_scope_t *scopes[16];
static unsigned    nscopes;
static unsigned    checked;

static const wr_enum_t kinds[] = {{"one", 1}, {"two", 2}, {"four", 4}, {NULL, 0}};
static const wr_bounds_t bounds = {1, 100}, positive = {1, INT64_MAX};

static wr_rc_t
block(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    uint32_t    context = strcmp(d->name, "http") == 0 ? WR_HTTP
                          : strcmp(d->name, "server") == 0 ? WR_SERVER : WR_LOCATION;
    wr_scope_t *scope = wr_conf_scope(cf, context, NULL);

    (void) conf;
    scopes[nscopes++] = scope;
    return wr_conf_block(cf, scope);
}

static wr_rc_t
set_custom(wr_conf_t *cf, const wr_directive_t *d, void *data)
{
    conf_t *conf = data;

    (void) d;
    conf->custom = (int64_t) cf->args[1].text.n;
    conf->further = 7;
    wr_scope_mark(cf, cf->scope, &schema, offsetof(conf_t, further));
    return WR_OK;
}

static wr_rc_t
after(wr_conf_t *cf, const wr_directive_t *d, void *data)
{
    conf_t *conf = data;

    if (conf->sec == 13) {
        return wr_conf_fail(cf, &cf->args[1], "\"%s\" must not be 13", d->name);
    }
    return WR_OK;
}

#define ALL (WR_MAIN | WR_ANY)

static const wr_directive_t directives[] = {
    WR_BLOCK("http", WR_MAIN, 0, 0, block, ""),
    WR_BLOCK("server", WR_HTTP, 0, 0, block, ""),
    WR_BLOCK("location", WR_SERVER | WR_LOCATION, 0, 1, block, ""),
    WR_FLAG("flag", ALL, conf_t, flag, "on", "A flag."),
    WR_INT("number", ALL, conf_t, number, "5", "A number.", .extra = &bounds),
    WR_INT("positive", ALL, conf_t, number, NULL, "The same.", .extra = &positive),
    WR_SIZE("size", ALL, conf_t, size, "8k", "A size."),
    WR_OFFSET("off", ALL, conf_t, off, "1g", "An offset."),
    WR_MSEC("msec", ALL, conf_t, msec, "1m30s", "A time."),
    {.name = "sec", .contexts = ALL, .type = WR_D_SEC, .min = 1, .max = 1,
     WR_FIELD(conf_t, sec, int64_t), .def = "1y", .set = after},
    WR_TEXT("text", ALL, conf_t, text, "\"a b\"", "A text."),
    WR_PATH("path", ALL, conf_t, path, "logs/x", "A path."),
    WR_CONF_FILE("conf_path", ALL, conf_t, conf_path, "/abs", "A path."),
    WR_ENUM("kind", ALL, conf_t, kind, kinds, "two", "A word."),
    WR_MASK("mask", ALL, conf_t, mask, kinds, "one two", "Words."),
    WR_CV("cv", ALL, conf_t, cv, "a$b", "A value."),
    WR_CV_LIST("cvs", ALL, conf_t, cvs, "x y", "Values."),
    WR_TEXT_LIST("texts", ALL, conf_t, texts, NULL, "Texts."),
    WR_PAIR_LIST("pairs", ALL, conf_t, pairs, NULL, "Pairs."),
    WR_BUFS("bufs", ALL, conf_t, bufs, "4 8k", "Buffers."),
    WR_CUSTOM("custom", ALL, 1, 1, set_custom, conf_t, custom, "Its length."),
    WR_FLAG("inner_only", WR_LOCATION, conf_t, inner_only, "off", "A flag."),
    WR_END
};

static wr_rc_t
check(wr_conf_t *cf, wr_scope_t *scope, void *data, const void *outer)
{
    conf_t *conf = data;

    (void) cf;
    CHECK((outer == NULL) == (scope->context == WR_MAIN));
    conf->from_check = outer != NULL ? ((const conf_t *) outer)->from_check + 1 : 1;
    if (scope->context == WR_MAIN) {
        conf->off += 1;         /* what a check makes is inherited */
    }
    checked++;
    return WR_OK;
}

static wr_schema_t schema = {
    .name = "test", .directives = directives, .size = sizeof(conf_t), .check = check,
};

static const wr_directive_t others[] = {
    WR_TEXT("word", ALL, other_t, word, "none", "A word."),
    WR_END
};
static wr_schema_t other_schema = {
    .name = "other", .directives = others, .size = sizeof(other_t),
};

static wr_conf_t *
begin(void)
{
    wr_conf_t *cf = conf_begin("/prefix/");

    nscopes = checked = 0;
    CHECK(wr_conf_add_schema(cf, &schema) == WR_OK);
    CHECK(wr_conf_add_schema(cf, &other_schema) == WR_OK);
    return cf;
}

static wr_conf_t *
settled(const char *text)
{
    wr_conf_t *cf = begin();

    CHECK_INT(wr_conf_read_text(cf, wr_str_z(text), "text"), WR_OK);
    CHECK_INT(wr_conf_settle(cf), WR_OK);
    CHECK_STR(wr_str(conf_said, conf_said_n), "");
    return cf;
}

static void
fails(const char *text, const char *message)
{
    wr_conf_t *cf = begin();

    CHECK_INT(wr_conf_read_text(cf, wr_str_z(text), "text"), WR_ERROR);
    CHECK(conf_has_said(message));
    conf_end(cf);
}

static const conf_t *
conf_of(const wr_scope_t *scope)
{
    return scope->conf[schema.index];
}

static void
defaults(void)
{
    wr_conf_t    *cf = settled("");
    const conf_t *c = conf_of(cf->main);

    CHECK(c->flag);
    CHECK_INT(c->number, 5);
    CHECK_INT(c->size, 8192);
    CHECK_INT(c->off, (1 << 30) + 1);
    CHECK_INT(c->msec, 90000);
    CHECK_INT(c->sec, 31536000);
    CHECK_STR(c->text, "a b");
    CHECK_STR(c->path, "/prefix/logs/x");
    CHECK_STR(c->conf_path, "/abs");
    CHECK_INT(c->kind, 2);
    CHECK_INT(c->mask, 3);
    CHECK(c->cv.nparts == 2 && c->cv.given);
    CHECK_INT(c->cvs.n, 2);
    CHECK_INT(c->texts.n, 0);
    CHECK_INT(c->bufs.n, 4);
    CHECK_INT(c->bufs.size, 8192);
    CHECK_INT(c->custom, 0);
    CHECK_INT(checked, 1);
    conf_end(cf);
}

static void
inheritance(void)
{
    wr_conf_t *cf = settled(
        "flag off; size 1k; word main;\n"
        "http { size 2k; texts a b; texts c; pairs n v;\n"
        "  server { number 9; mask four; cvs z; custom abc;\n"
        "    location { texts d; inner_only on; }\n"
        "    location { }\n"
        "    location { word own; }\n"
        "    location { word own; location { cv c; } } } }");
    const wr_scope_t *http = scopes[0], *server = scopes[1], *first = scopes[2],
                     *empty = scopes[3], *third = scopes[4], *inner = scopes[6];
    const conf_t     *c;

    c = conf_of(cf->main);
    CHECK(!c->flag && c->size == 1024 && c->texts.n == 0);
    c = conf_of(http);
    CHECK(!c->flag && c->size == 2048 && c->number == 5);
    CHECK_INT(c->texts.n, 3);
    CHECK_INT(c->pairs.n, 1);
    CHECK_STR(WR_AT(&c->pairs, wr_pair_t, 0)->name, "n");
    c = conf_of(server);
    CHECK(c->number == 9 && c->size == 2048 && c->texts.n == 3);
    CHECK_INT(c->mask, 4);
    CHECK_INT(c->cvs.n, 1);
    CHECK_INT(c->custom, 3);
    CHECK_INT(c->further, 7);
    CHECK_INT(c->off, (1 << 30) + 1);
    c = conf_of(first);
    CHECK_INT(c->texts.n, 1);
    CHECK(c->inner_only && c->custom == 3 && c->pairs.n == 1);
    CHECK_INT(c->from_check, 4);

    /* What sets nothing shares all; what sets something of another, its struct. */
    CHECK(empty->conf == server->conf && empty->shares);
    CHECK(conf_of(third) == conf_of(server) && third->conf != server->conf);
    CHECK_STR(((other_t *) third->conf[other_schema.index])->word, "own");
    CHECK_STR(((other_t *) inner->conf[other_schema.index])->word, "own");
    CHECK_STR(((other_t *) server->conf[other_schema.index])->word, "main");
    CHECK(wr_cv_is_const(&conf_of(inner)->cv) && conf_of(inner)->number == 9);
    CHECK(!conf_of(empty)->inner_only);
    CHECK_INT(checked, 6);

    CHECK(wr_scope_is_set(server, &schema, offsetof(conf_t, number)));
    CHECK(!wr_scope_is_set(first, &schema, offsetof(conf_t, number)));
    CHECK(!wr_scope_is_set(empty, &schema, offsetof(conf_t, number)));
    CHECK(wr_scope_find(scopes[5], WR_SERVER | WR_HTTP) == server);
    CHECK(wr_scope_find(scopes[1], WR_UPSTREAM) == NULL);
    conf_end(cf);
}

/* An index is for life: the second reading finds the same, whoever comes first. */
static void
again(void)
{
    unsigned   index = schema.index;
    wr_conf_t *cf = conf_begin("/");

    nscopes = 0;
    CHECK(wr_conf_add_schema(cf, &other_schema) == WR_OK);
    CHECK(wr_conf_add_schema(cf, &schema) == WR_OK);
    CHECK(wr_conf_add_schema(cf, &schema) == WR_ERROR);
    CHECK_INT(schema.index, index);
    CHECK(wr_conf_read_text(cf, WR_STR("http { word x; server { flag off; } }"), "t")
          == WR_OK);
    CHECK(wr_conf_settle(cf) == WR_OK);
    CHECK(!conf_of(scopes[1])->flag);
    wr_conf_done(cf);
    CHECK(!wr_scope_is_set(scopes[1], &schema, offsetof(conf_t, flag)));
    CHECK(!conf_of(scopes[1])->flag);
    conf_end(cf);

    /* Without one of them its place is empty. */
    cf = conf_begin("/");
    CHECK(wr_conf_add_schema(cf, &other_schema) == WR_OK);
    CHECK(wr_conf_settle(cf) == WR_OK);
    CHECK(cf->main->conf[schema.index] == NULL);
    CHECK(cf->main->conf[other_schema.index] != NULL);
    conf_end(cf);
}

static void
values(void)
{
    wr_conf_t    *cf = settled("flag OFF; kind FOUR; mask Two; off 3G; cv \"\"; "
                               "path /a; conf_path b; number 100;");
    const conf_t *c = conf_of(cf->main);

    CHECK(!c->flag && c->kind == 4 && c->mask == 2);
    CHECK_STR(c->path, "/a");
    CHECK_STR(c->conf_path, "/prefix/b");
    CHECK(c->cv.given && c->cv.text.n == 0);
    conf_end(cf);

    fails("flag yes;", "invalid value \"yes\" in \"flag\" directive, it must be \"on\" or "
                       "\"off\" in text:1:6");
    fails("number x;", "\"number\" directive invalid number in text:1:8");
    fails("number -1;", "\"number\" directive invalid number");
    fails("number 0;", "value must be between 1 and 100 in text:1:8");
    fails("positive 0;", "value must be equal to or greater than 1");
    fails("size 1x;", "\"size\" directive invalid value in text:1:6");
    fails("size 1g;", "\"size\" directive invalid value");
    fails("msec 1y;", "\"msec\" directive invalid value");
    fails("sec 13;", "\"sec\" must not be 13 in text:1:5");
    fails("kind three;", "invalid value \"three\" in text:1:6 (one of: one, two, four)");
    fails("mask one three;", "invalid value \"three\" in text:1:10");
    fails("bufs 4;", "invalid number of arguments in \"bufs\" directive");
    fails("bufs 0 4k;", "\"bufs\" directive invalid value");
    fails("bufs 4 0;", "\"bufs\" directive invalid value in text:1:8");
    fails("cv ${a;", "the closing bracket in \"a\" variable is missing in text:1:4");
    fails("cv a$;", "invalid variable name in text:1:5");
    fails("flag on; flag off;", "\"flag\" directive is duplicate in text:1:10");
    fails("http { custom a; custom b; }", "\"custom\" directive is duplicate");
    fails("number 3; positive 4;", "\"positive\" directive is duplicate");

    cf = begin();
    CHECK(wr_conf_read_text(cf, WR_STR("mask one two one;"), "text") == WR_OK);
    CHECK(conf_has_said("duplicate value \"one\" in text:1:14"));
    conf_end(cf);
}

static bool
count(void *data, const wr_schema_t *s, const wr_directive_t *d)
{
    (void) d;
    if (s == &schema) {
        ++*(unsigned *) data;
    }
    return true;
}

static void
describing(void)
{
    wr_conf_t *cf = begin();
    unsigned   n = 0;

    wr_conf_each(cf, count, &n);
    CHECK_INT(n, WR_COUNT(directives) - 1);
    CHECK_STR(wr_conf_usage(cf->pool, &directives[3]), "on | off");
    CHECK_STR(wr_conf_contexts(cf->pool, WR_ANY), "http, server, location");
    CHECK_STR(wr_conf_contexts(cf->pool, UINT32_MAX), "any context");
    CHECK(wr_conf_attached(cf, &n) == NULL);
    wr_conf_attach(cf, &n, &nscopes);
    wr_conf_attach(cf, &checked, &checked);
    wr_conf_attach(cf, &n, &n);
    CHECK(wr_conf_attached(cf, &n) == &n && wr_conf_attached(cf, &checked) == &checked);
    conf_end(cf);
}

int
main(void)
{
    defaults();
    inheritance();
    again();
    values();
    describing();
    return check_status();
}
