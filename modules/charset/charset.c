/*
 * charset: the charset in Content-Type, and conversions of bodies.
 */
#include "table.h"

/* What one reading of the conf knows. */
typedef struct known {
    wr_array_t maps;            /* map_t * */
} known_t;

typedef struct map {
    wr_str_t        from, to;
    charset_table_t forth, back;
} map_t;

typedef struct name {
    wr_cv_t cv;
    bool    off;
} name_t;

typedef struct conf {
    name_t         charset;
    name_t         source;
    bool           override;
    wr_array_t     types;       /* wr_str_t */
    const known_t *known;
} conf_t;

typedef struct state {
    const charset_table_t *table;
    charset_state_t        at;
    wr_made_t              out;
} state_t;

static const char key;

/* ---- bodies ---- */

static wr_rc_t
add_bytes(void *state, const char *p, size_t n)
{
    state_t *s = state;

    charset_convert(s->table, &s->at, p, n, &s->out);
    return WR_OK;
}

static wr_rc_t
body(wr_req_t *r, wr_link_t *self, void *state, wr_seg_t *in)
{
    state_t *s = state;

    for (wr_seg_t *next; in != NULL; in = next) {
        next = in->next;
        if (wr_seg_bytes(r, in, add_bytes, s) != WR_OK) {
            return WR_ERROR;
        }
        if (in->flags != 0) {
            wr_made_flag(&s->out, in->flags);
        }
        wr_seg_release(in);
    }
    return wr_filter_pass(r, self, wr_made_take(&s->out));
}

/* ---- heads ---- */

/* The charset that the answer is to have; false: it stays as it is. */
static bool
target(wr_req_t *r, const conf_t *conf, wr_str_t *name)
{
    if (r->content_type.n == 0 || !conf->charset.cv.given || conf->charset.off) {
        return false;
    }
    if (r->charset.n != 0 ? !conf->override : !wr_type_listed(r, &conf->types)) {
        return false;
    }
    return wr_cv_eval(r, &conf->charset.cv, name) == WR_OK && name->n != 0
           && !wr_str_eqz(*name, "off");
}

static bool
source(wr_req_t *r, const conf_t *conf, wr_str_t *name)
{
    if (r->charset.n != 0) {
        *name = r->charset;
        return true;
    }
    return conf->source.cv.given && !conf->source.off
           && wr_cv_eval(r, &conf->source.cv, name) == WR_OK && name->n != 0;
}

static const charset_table_t *
find_table(const known_t *known, wr_str_t from, wr_str_t to)
{
    for (WR_EACH(map_t *, m, &known->maps)) {
        if (wr_str_ieq((*m)->from, from) && wr_str_ieq((*m)->to, to)) {
            return &(*m)->forth;
        }
        if (wr_str_ieq((*m)->from, to) && wr_str_ieq((*m)->to, from)) {
            return &(*m)->back;
        }
    }
    return NULL;
}

static void
convert(wr_req_t *r, const charset_table_t *table)
{
    state_t *s = WR_NEW(wr_pool(r), state_t);

    s->table = table;
    wr_made_init(&s->out, r, 16 * 1024);
    r->filter_need_in_memory = 1;
    if (table->kind != CHARSET_BYTES && r == r->main) {
        wr_clear_content_length(r);
    }
    wr_filter_attach(r, body, s);
}

static wr_rc_t
head(wr_req_t *r)
{
    const conf_t          *conf = wr_conf(r);
    const charset_table_t *table = NULL;
    wr_str_t               to, from;

    if (!target(r, conf, &to)) {
        return WR_OK;
    }
    if (source(r, conf, &from) && !wr_str_ieq(from, to)) {
        table = find_table(conf->known, from, to);
        if (table == NULL) {
            wr_log(&r->log, WR_LOG_ERR, 0,
                   "no \"charset_map\" between the charsets \"%.*s\" and \"%.*s\"",
                   WR_ARG(from), WR_ARG(to));
            return WR_OK;
        }
    }
    if (r->status != 301 && r->status != 302) {
        r->charset = to;
    } else {
        r->charset = WR_STR_NONE;
    }
    if (table != NULL) {
        convert(r, table);
    }
    return WR_OK;
}

/* ---- conf ---- */

static known_t *
known_of(wr_conf_t *cf)
{
    known_t *k = wr_conf_attached(cf, &key);

    if (k == NULL) {
        k = WR_NEW(cf->pool, known_t);
        k->maps = wr_array(cf->pool, sizeof(map_t *));
        wr_conf_attach(cf, &key, k);
    }
    return k;
}

static wr_rc_t
set_name(wr_conf_t *cf, const wr_directive_t *d, void *c)
{
    conf_t *conf = c;
    name_t *name = wr_str_eqz(wr_str_z(d->name), "charset") ? &conf->charset
                                                            : &conf->source;

    name->off = wr_str_eqz(cf->args[1].text, "off");
    return wr_cv_compile(cf, &cf->args[1], &name->cv);
}

static wr_rc_t
map_line(wr_conf_t *cf, void *data)
{
    map_t   *m = data;
    bool     utf8 = m->forth.kind == CHARSET_TO_UTF8;
    int64_t  from, to = 0;
    uint8_t  bytes[4], byte;
    size_t   n;
    uint32_t code;

    if (cf->nargs != 2) {
        return wr_conf_fail(cf, NULL, "invalid parameters number");
    }
    if (cf->args[0].text.n > 2 || cf->args[0].text.n == 0
        || (from = wr_hex_digit(cf->args[0].text.p[0])) < 0
        || (cf->args[0].text.n == 2 && wr_hex_digit(cf->args[0].text.p[1]) < 0))
    {
        return wr_conf_fail(cf, &cf->args[0], "invalid value \"%.*s\"",
                            WR_ARG(cf->args[0].text));
    }
    if (cf->args[0].text.n == 2) {
        from = from << 4 | wr_hex_digit(cf->args[0].text.p[1]);
    }
    byte = (uint8_t) from;
    if (utf8) {
        if (!charset_utf8(cf->args[1].text, bytes, &n, &code)) {
            return wr_conf_fail(cf, &cf->args[1], "invalid value \"%.*s\"",
                                WR_ARG(cf->args[1].text));
        }
        m->forth.utf8[byte][0] = (uint8_t) n;
        memcpy(&m->forth.utf8[byte][1], bytes, n);
        *WR_PUSH(&m->back.pairs, charset_pair_t) = (charset_pair_t) {code, byte};
        return WR_OK;
    }
    for (size_t i = 0; i < cf->args[1].text.n && to < 256; i++) {
        int digit = wr_hex_digit(cf->args[1].text.p[i]);

        to = digit < 0 ? 256 : to << 4 | digit;
    }
    if (to > 255 || cf->args[1].text.n == 0) {
        return wr_conf_fail(cf, &cf->args[1], "invalid value \"%.*s\"",
                            WR_ARG(cf->args[1].text));
    }
    m->forth.bytes[byte] = (uint8_t) to;
    m->back.bytes[to] = byte;
    return WR_OK;
}

static wr_rc_t
set_map(wr_conf_t *cf, const wr_directive_t *d, void *conf)
{
    known_t *k = known_of(cf);
    map_t   *m = WR_NEW(cf->pool, map_t);
    bool     utf8;

    (void) d;
    (void) conf;
    m->from = cf->args[1].text;
    m->to = cf->args[2].text;
    if (wr_str_ieq(m->from, m->to)) {
        return wr_conf_fail(cf, NULL, "\"charset_map\" between the same charsets "
                                      "\"%.*s\" and \"%.*s\"",
                            WR_ARG(m->from), WR_ARG(m->to));
    }
    if (find_table(k, m->from, m->to) != NULL) {
        return wr_conf_fail(cf, NULL, "duplicate \"charset_map\" between \"%.*s\" and "
                                      "\"%.*s\"",
                            WR_ARG(m->from), WR_ARG(m->to));
    }
    utf8 = wr_str_ieqz(m->to, "utf-8");
    charset_table_init(&m->forth, utf8 ? CHARSET_TO_UTF8 : CHARSET_BYTES, cf->pool);
    charset_table_init(&m->back, utf8 ? CHARSET_FROM_UTF8 : CHARSET_BYTES, cf->pool);
    if (wr_conf_lines(cf, map_line, m) != WR_OK) {
        return WR_ERROR;
    }
    charset_table_finish(&m->back);
    *WR_PUSH(&k->maps, map_t *) = m;
    return WR_OK;
}

static wr_rc_t
check(wr_conf_t *cf, wr_scope_t *scope, void *c, const void *outer)
{
    conf_t *conf = c;
    name_t *to = &conf->charset, *from = &conf->source;

    (void) scope;
    (void) outer;
    conf->known = known_of(cf);
    if (to->cv.given && from->cv.given && !to->off && !from->off
        && wr_cv_is_const(&to->cv) && wr_cv_is_const(&from->cv)
        && !wr_str_ieq(to->cv.text, from->cv.text)
        && find_table(conf->known, from->cv.text, to->cv.text) == NULL)
    {
        return wr_conf_fail(cf, NULL, "no \"charset_map\" between the charsets "
                                      "\"%.*s\" and \"%.*s\"",
                            WR_ARG(from->cv.text), WR_ARG(to->cv.text));
    }
    return WR_OK;
}

/* Whether it acts at all in a location. */
static bool
wanted(const void *own)
{
    const conf_t *conf = own;

    return conf->charset.cv.given && !conf->charset.off;
}

WR_MODULE(charset,
    .doc = "The charset of answers",
    .schema.directives = (const wr_directive_t[]) {
        WR_CUSTOM("charset", WR_ANY_IF, 1, 1, set_name, conf_t, charset,
                  "The charset that Content-Type names.", .def = "off",
                  .args = "charset | off", .example = "charset utf-8;"),
        WR_CUSTOM("source_charset", WR_ANY_IF, 1, 1, set_name, conf_t, source,
                  "The charset that bodies have: they are converted if `charset` is "
                  "another.", .args = "charset",
                  .example = "source_charset koi8-r;"),
        WR_FLAG("override_charset", WR_ANY_IF, conf_t, override, "off",
                "Convert what comes from upstreams as well.",
                .example = "override_charset on;"),
        WR_TEXT_LIST("charset_types", WR_ANY, conf_t, types,
                     "text/html text/xml text/plain text/vnd.wap.wml "
                     "application/javascript application/rss+xml",
                     "MIME types that get a charset, beside text/html.",
                     .args = "type …",
                     .example = "charset_types text/css application/json;"),
        WR_BLOCK("charset_map", WR_HTTP, 2, 2, set_map,
                 "How one charset is converted to another: lines of two hexadecimal "
                 "codes.", .args = "charset1 charset2",
                 .example = "charset_map koi8-r windows-1251 {\n"
                            "    C0 FE;\n"
                            "    C1 E0;\n"
                            "}"),
        WR_END
    },
    .schema.size = sizeof(conf_t),
    .schema.check = check,
    .http = &(const wr_http_tables_t) {
        .filters = (const wr_filter_t[]) {
            {"charset", WR_FILTER_CHARSET, head, wanted},
            {.name = NULL}
        },
    });
